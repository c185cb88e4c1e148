"""`python -m worker.sandbox` plays both remotes."""

import sys

from worker.sandbox.cli import serve

if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
