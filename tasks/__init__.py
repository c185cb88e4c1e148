"""Bells: each parses its arguments and calls one function of the flow."""
