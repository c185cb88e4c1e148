"""Bells of imports: a person asked, and only a person asks again."""

from worker.app import bell
from worker.flow import imports
from worker.flow.services import Services


@bell("tasks.imports.run")
def run(services: Services, import_: int) -> str:
    """Sends one import."""
    return imports.send(services, import_)


@bell("tasks.imports.due")
def due(services: Services) -> str:
    """Sends what a person asked for and certainly never left."""
    return f"{imports.send_due(services)} imports"
