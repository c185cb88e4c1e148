"""One HTTP call as a value, and its sending."""
