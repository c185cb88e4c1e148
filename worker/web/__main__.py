"""`python -m worker.web` serves; `python -m worker.web --hash-password` turns a password into a PAGE_PASSWORD."""

import getpass
import sys

from config import logs
from config.settings import WrongSettings, read
from worker.web import serve
from worker.web.login import hash_password

if "--hash-password" in sys.argv[1:]:
    given = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    sys.stdout.write(f"{hash_password(given)}\n")
    raise SystemExit(0)

try:
    settings = read()
except WrongSettings as wrong:
    sys.stderr.write(f"{wrong}\n")
    raise SystemExit(2) from None

logs.configure(settings.log_format, settings.log_level)
raise SystemExit(serve(settings))
