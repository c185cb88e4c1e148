"""Bokun as we call it and as we read it: signatures, calls, webhooks, and the booking behind the JSON."""
