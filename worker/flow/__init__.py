"""The corridor that a booking walks through, one step a module."""
