"""When a worker tells Flower what its bells do."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

MOMENT = 0.1
"""Seconds."""


class EventsAfterwards(bootsteps.StartStopStep):
    """What the bells do is told a moment later, together.

    Celery tells each event by itself, and that a bell arrived before it hands the bell to a child: a millisecond of an
    idle worker, and as much processor time beside the child for each of the others.
    """

    requires = ("celery.worker.consumer.events:Events",)

    def start(self, consumer: Any) -> None:
        """Comes after the step that makes the dispatcher, at each connection to the broker."""
        waits = False

        def later() -> None:
            nonlocal waits
            if not waits:
                waits = True
                consumer.hub.call_later(MOMENT, tell)

        def tell() -> None:
            nonlocal waits
            waits = False
            self.stop(consumer)

        if consumer.hub:
            consumer.event_dispatcher.on_send_buffered = later

    def stop(self, consumer: Any) -> None:
        """Tells what waits; comes before the dispatcher is closed."""
        if consumer.event_dispatcher:
            consumer.event_dispatcher.flush()
