"""Talking to Space Invoices v1: calls as values, and the one place that knows the order's body."""
