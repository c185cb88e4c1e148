"""The structlog chain. What is not on the list of harmless keys never reaches a log line (reliability.md C24)."""

from __future__ import annotations

import json
import logging
import select
import sys
from collections.abc import MutableMapping
from contextlib import suppress
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


class Stderr:
    """Standard error as it is when a line is written; what it does not take is dropped, and work goes on.

    A closed stream, a full disk and a pipe that nobody reads are no reason to leave an order unrecorded
    (reliability.md F72). A pipe that is full is given half a second once, and is then asked without waiting.
    """

    def __init__(self) -> None:
        self._blocked = False

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError, AttributeError):  # gone, full, closed, and none at all
            if self._takes():
                sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError, AttributeError):
            if self._takes():
                sys.stderr.flush()

    def _takes(self) -> bool:
        try:
            asked = select.poll()
            asked.register(sys.stderr.fileno(), select.POLLOUT)
        except (OSError, ValueError):
            return True  # no file of the system: somebody in this process collects the lines
        self._blocked = not asked.poll(0 if self._blocked else 500)
        return not self._blocked


def configure(form: Literal["json", "console"], level: str) -> None:
    """Sets up logging of this process; libraries that print URLs or task arguments are kept to warnings."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        only_harmless,
    ]
    last: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=bool(sys.stderr and sys.stderr.isatty()))
        if form == "console"
        else structlog.processors.JSONRenderer(_json)
    )
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(Stderr()),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=Stderr())
    for chatty in ("httpx", "httpcore", "celery.app.trace", "kombu"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


_encode = json.JSONEncoder(default=repr).encode
"""Made once: json.dumps makes an encoder for each line."""


def _json(line: MutableMapping[str, Any], **_: object) -> str:
    return _encode(line)


def only_harmless(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drops every key that is not known to be harmless, exceptions' texts included; their type stays."""
    if (raised := line.pop("exc_info", None)) is not None:
        kind = sys.exc_info()[0] if raised is True else type(raised)
        line["exc_type"] = getattr(kind, "__name__", str(kind))
    for key in [key for key in line if key not in HARMLESS]:
        del line[key]
    return line
