"""The structlog chain. What is not on the list of harmless keys never reaches a log line (reliability.md C24)."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

HARMLESS = frozenset(
    """
    event level timestamp logger task run bell connection organization booking delivery attempt moment document rule
    decision state outcome reason status remote call count pages notices due seconds since until created updated blocked
    host port version topic source kept gone found absent held planned sent confirmed deliveries looks paused
    because left exc_type where pid signal superseded unread type skipped waited seen changed removed refused
    """.split()
)
"""Keys that can hold no personal data and no secret: ids, states, rule names, counts, times, our own sentences."""


class _Stderr:
    """Standard error as it is when a line is written: whoever replaces it gets the line."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(form: Literal["json", "console"], level: str) -> None:
    """Sets up logging of this process; libraries that print URLs or task arguments are kept to warnings."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        only_harmless,
    ]
    last: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if form == "console"
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(_Stderr()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    for chatty in ("httpx", "httpcore", "celery.app.trace", "kombu"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def only_harmless(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drops every key that is not known to be harmless, exceptions' texts included; their type stays."""
    if (raised := line.pop("exc_info", None)) is not None:
        kind = sys.exc_info()[0] if raised is True else type(raised)
        line["exc_type"] = getattr(kind, "__name__", str(kind))
    for key in [key for key in line if key not in HARMLESS]:
        del line[key]
    return line
