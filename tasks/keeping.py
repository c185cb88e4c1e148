"""Bells of keeping: personal data that nothing needs any more is dropped."""

from worker.app import bell
from worker.flow import keeping
from worker.flow.services import Services


@bell("tasks.audit.keep", limit=500)
def keep(services: Services) -> keeping.Kept:
    """Drops payloads and marks that are older than KEEP_CONTENT_DAYS."""
    return keeping.keep(services)
