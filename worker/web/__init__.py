"""The web process: webhooks in, health and metrics out, and the operator's page."""

from worker.web.server import serve

__all__ = ["serve"]
