"""The command line: what it prints, and the exit codes of the contract."""

from worker.cli.main import main

__all__ = ["main"]
