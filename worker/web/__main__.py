"""`python -m worker.web`: the Procfile's web line."""

import sys

from config import logs
from config.settings import WrongSettings, read
from worker.web import serve

try:
    settings = read()
except WrongSettings as wrong:
    sys.stderr.write(f"{wrong}\n")
    raise SystemExit(2) from None

logs.configure(settings.log_format, settings.log_level)
raise SystemExit(serve(settings))
