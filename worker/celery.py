"""The entry for `celery -A worker.celery`: the only module that builds an app when it is imported."""

import os
import sys

from config.settings import WrongSettings, read, require
from worker.app import celery_app

try:
    _settings = read()
    require(_settings, "redis_url")
    if "worker" in sys.argv:  # beat and Flower talk to the broker only
        require(_settings, "space_invoices_token", "space_invoices_organizations")
        # Two workers of one host with one name would be one in Flower; `-n` says another one. Celery reads it from here.
        os.environ.setdefault("CELERY_WORKER_HOSTNAME", f"{_settings.worker_name or f'worker-{os.getpid()}'}@%h")
except WrongSettings as wrong:
    sys.stderr.write(f"{wrong}\n")
    raise SystemExit(2) from None

app = celery_app(_settings)
