"""The web process: webhooks in, health and metrics out, and the operator's page."""
