"""Traces for OpenTelemetry, where the extra `otel` is installed: each booking is one trace over all processes and bells.

Below it stand its readings, its decisions, and each attempt of its deliveries with the call that it made. Spans carry ids,
rule names and outcomes; no person, no amount, no key.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from worker.calls.sending import Seen


class Trace(Protocol):
    """Opens a span of this name in the trace of a booking; it began so many seconds ago."""

    def __call__(
        self, name: str, organization: str, booking: int, lasted: float = 0.0, /, **facts: str | int
    ) -> AbstractContextManager[object]: ...


def untraced(*_: object, **__: object) -> AbstractContextManager[object]:
    """No traces are wanted."""
    return nullcontext()


class Traces:
    """Spans of this process, handed to one processor of the OpenTelemetry SDK."""

    def __init__(self, processor: Any) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra that may not be installed
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

        provider = TracerProvider(resource=Resource.create({"service.name": "bokun-sync"}))
        provider.add_span_processor(processor)
        self._tracer = provider.get_tracer("bokun-sync")

    @classmethod
    def to(cls, url: str) -> Traces:
        """Sent in batches by a thread of its own, as OTLP over HTTP; what cannot be sent is dropped."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        return cls(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=5)))

    @contextmanager
    def of(
        self, name: str, organization: str, booking: int, lasted: float = 0.0, /, **facts: str | int
    ) -> Iterator[None]:
        """A span whose trace is made of the booking alone, so that nothing has to be carried from bell to bell."""
        from opentelemetry import trace  # noqa: PLC0415

        digest = hashlib.sha256(f"{organization}|{booking}".encode()).digest()
        ids = int.from_bytes(digest[:16], "big"), int.from_bytes(digest[16:24], "big")
        root = trace.SpanContext(*ids, is_remote=True, trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED))
        above = trace.set_span_in_context(trace.NonRecordingSpan(root))
        said = {f"bokun_sync.{key}": value for key, value in {"booking": booking, **facts}.items()}
        began = time.time_ns() - int(lasted * 1e9)
        with self._tracer.start_as_current_span(name, above, attributes=said, start_time=began, record_exception=False):
            yield

    def see(self, seen: Seen) -> None:
        """The span of a call that has just ended, below the one that is open in its thread."""
        ended = time.time_ns()
        said = {"bokun_sync.remote": seen.remote, "bokun_sync.outcome": seen.outcome}
        span = self._tracer.start_span(f"call {seen.call}", attributes=said, start_time=ended - int(seen.seconds * 1e9))
        span.end(ended)
