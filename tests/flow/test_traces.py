"""With the extra `otel`, a booking's way is one trace, and it names nobody; without it nothing is asked of anybody."""

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from config.settings import WrongSettings, read
from worker.calls.tracing import Traces, untraced
from worker.sandbox import bookings

A, B = 9_000_001, 9_000_002


@pytest.fixture
def traced(house):
    """The house with its spans kept in memory."""
    pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    traces = Traces(SimpleSpanProcessor(kept))
    bokun = house.services.bokun
    return house.with_services(
        trace=traces.of,
        space_invoices=replace(house.services.space_invoices, seen=traces.see),
        bokun=lambda connection: replace(bokun(connection), seen=traces.see),
    ), kept


def test_a_booking_is_one_trace_from_reading_to_call(traced):
    """Reading, decision and attempt of a booking stand in one trace, each call below what made it."""
    house, kept = traced
    house.sandbox.connect("Store")
    for booking in (A, B):
        house.sandbox.book(bookings.own_sale(booking, house.clock()))
    house.sandbox.faults.add(kind="status", code=503, remote="space-invoices", path="/order$", booking=A)
    house.drain(2)
    spans = kept.get_finished_spans()
    by_booking = {each.attributes["bokun_sync.booking"]: each.context.trace_id for each in spans
                  if each.name == "delivery.attempted"}  # fmt: skip
    assert by_booking.keys() == {A, B}
    assert by_booking[A] != by_booking[B]
    mine = [each for each in spans if each.context.trace_id == by_booking[A]]
    ids = {each.context.span_id: each for each in mine}
    below = {(ids[each.parent.span_id].name if each.parent.span_id in ids else None, each.name) for each in mine}
    assert below == {
        (None, "booking.read"), ("booking.read", "call bokun.booking"), (None, "booking.decided"),
        (None, "delivery.attempted"), ("delivery.attempted", "call bokun.order"),
    }  # fmt: skip
    [call] = [each for each in mine if each.name == "call bokun.order"]
    assert call.attributes["bokun_sync.outcome"] == "503"


def test_spans_name_nobody(traced):
    """Ids, rules, outcomes and counts: nothing else is an attribute, and no exception is recorded."""
    house, kept = traced
    house.sandbox.connect("Store")
    house.sandbox.book(bookings.own_sale(A, house.clock()))
    house.drain(2)
    spans = kept.get_finished_spans()
    keys = {key.removeprefix("bokun_sync.") for each in spans for key in each.attributes}
    assert keys <= {"booking", "connection", "delivery", "attempt", "decision", "rule", "remote", "outcome"}
    assert [each for each in spans if each.events] == []


def test_a_collector_receives_them(house):
    """Over HTTP a collector receives what was traced, as OTLP."""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra `otel` is not installed")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    received, came = [], threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        traces = Traces.to(f"http://127.0.0.1:{server.server_port}/v1/traces")
        with traces.of("booking.read", "org-1", A, connection="c1"):
            pass
        traces._tracer.span_processor.shutdown()
        assert came.wait(10)
        server.shutdown()
    [(path, body)] = received
    [span] = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    assert (path, span.name) == ("/v1/traces", "booking.read")


def test_without_the_extra_the_setting_says_what_to_install(monkeypatch):
    """Where the extra is not installed TRACES_URL is one line that names it."""
    monkeypatch.setattr("config.settings._is_installed", lambda _: False)
    with pytest.raises(WrongSettings, match=r"^TRACES_URL: needs the extra: pip install 'bokun-sync\[otel\]'$"):
        read(_env_file=None, traces_url="http://127.0.0.1:4318/v1/traces")


def test_without_the_setting_nothing_is_traced(built):
    """By default no span is made, so that the extra is not even looked for."""
    assert built.trace is untraced
