"""The groups of measurements: each repetition takes its yardsticks in the same minute and returns the rows' figures.

The machine is now and then a third faster in one second than in another, so a yardstick of processor time is taken
before and after what it is held to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean

from benchmarks.ground import Ground
from benchmarks.rows import deliver, idle, lanes, large, memory, pollers, posters, rates, road, starts, tasks, webhooks
from benchmarks.yardsticks.upserts import upserts

Figures = dict[str, float]
"""Rows by their key; names with a dot are what the ratios were made from."""


@dataclass(frozen=True, slots=True)
class Group:
    """Measured together; so often in a whole run."""

    measure: Callable[[Ground], Figures]
    times: int


def _few(at: Ground, whole: int, quick: int) -> int:
    return quick if at.quick else whole


def delivering(at: Ground) -> Figures:
    empty = tasks.empty(at, _few(at, 8000, 400))
    ours = deliver.deliver(at, _few(at, 12_000, 200), latency=20)
    bare = posters.posters(at, _few(at, 12_000, 400), latency=20)
    by_requests = tasks.naive(at, "requests", _few(at, 600, 40), latency=20)
    by_httpx = tasks.naive(at, "httpx", _few(at, 250, 20), latency=20)
    return {
        "deliver-over-empty-tasks": ours["rate"] / empty["rate"],
        "deliver-over-usual-requests": ours["rate"] / by_requests["rate"],
        "deliver-over-usual-httpx": ours["rate"] / by_httpx["rate"],
        "deliver-over-posters": ours["rate"] / bare["rate"],
        "deliver-cpu": ours["cpu"] / empty["cpu"],
        ".empty tasks/s": empty["rate"], ".empty task ms": empty["cpu"],
        ".deliver bookings/s": ours["rate"], ".deliver ms": ours["cpu"],
        ".posters/s": bare["rate"], ".poster ms": bare["cpu"],
        ".usual requests/s": by_requests["rate"], ".usual requests ms": by_requests["cpu"],
        ".usual httpx/s": by_httpx["rate"], ".usual httpx ms": by_httpx["cpu"],
    }  # fmt: skip


def little(at: Ground) -> Figures:
    ours = deliver.deliver(at, _few(at, 12_000, 200), latency=100)
    return {"deliver-little": ours["rate"] / 640, ".deliver at 100 ms bookings/s": ours["rate"]}


def whole_road(at: Ground) -> Figures:
    """In turns with the yardstick: one minute of the machine is a third faster than another."""
    empty, roads = [tasks.empty(at, _few(at, 3000, 400))], []
    for _ in range(2):
        roads.append(road.whole(at, _few(at, 2000, 150)))
        empty.append(tasks.empty(at, _few(at, 3000, 400)))
    ours = {name: fmean(each[name] for each in roads) for name in roads[0]}
    task = fmean(each["cpu"] for each in empty)
    return {"road-cpu": ours["cpu"] / task, "road-calls": ours["calls"], "road-unchanged": ours["unchanged"],
            ".road ms": ours["cpu"], ".road bookings/s": ours["rate"], ".road empty task ms": task}  # fmt: skip


def rate(at: Ground) -> Figures:
    found = rates.rate(at, 8 if at.quick else 80)
    return {"rate-use": found["use"] * 100, "rate-refused": found["refused"], ".rate calls": found["calls"]}


def poll(at: Ground) -> Figures:
    before = pollers.poll(at, "parse", _few(at, 10_000, 500))
    ours = pollers.poll(at, "ours", _few(at, 10_000, 500))
    parse = fmean((before["cpu"], pollers.poll(at, "parse", _few(at, 10_000, 500))["cpu"]))
    first = pollers.poll(at, "first", _few(at, 1500, 100))
    raw = upserts(at.database(), _few(at, 20_000, 1000))
    return {"poll-over-first": ours["rate"] / first["rate"], "poll-cpu": ours["cpu"] / parse,
            ".poll rows/s": ours["rate"], ".poll ms": ours["cpu"], ".parse ms": parse,
            ".first rows/s": first["rate"], ".raw upserts/s": raw}  # fmt: skip


def poll_memory(at: Ground) -> Figures:
    few = pollers.poll(at, "ours", _few(at, 10_000, 200))
    many = pollers.poll(at, "ours", _few(at, 100_000, 400))
    return {"poll-memory": many["memory"] - few["memory"], ".poll MB at 100,000": many["memory"]}


def webhook(at: Ground) -> Figures:
    said = webhooks.receiver(at, _few(at, 45_000, 500))
    ours, bare, inserting = said["ours"], said["bare"], said["inserting"]
    return {"webhook-rate": ours["rate"] / bare["rate"], "webhook-p99": ours["p99"] / bare["p99"],
            ".webhooks/s": ours["rate"], ".webhook p99 ms": ours["p99"], ".webhook ms": ours["cpu"],
            ".bare/s": bare["rate"], ".bare p99 ms": bare["p99"], ".bare ms": bare["cpu"],
            ".with an insert/s": inserting["rate"], ".with an insert p99 ms": inserting["p99"]}  # fmt: skip


def webhook_to_order(at: Ground) -> Figures:
    found = road.from_webhook(at, _few(at, 60, 4))
    return {"webhook-to-order": found["p50"], ".webhook to order p99 ms": found["p99"]}


def one_row(at: Ground) -> Figures:
    found = idle.outcome(at, _few(at, 200, 5))
    return {"row-to-outcome": found["p99"], ".row to outcome p50 ms": found["p50"],
            ".left to us %": found["share"] * 100, ".p50 of all ms": found["p50 of all"],
            ".p99 of all ms": found["p99 of all"]}  # fmt: skip


def large_tables(at: Ground) -> Figures:
    few, many = large.large(at, _few(at, 10_000, 1000), _few(at, 1_000_000, 3000))
    return {"large-due": many["due"], "large-claim": many["claim"] / few["claim"],
            "large-page": many["page"] / few["page"], ".claim ms": many["claim"], ".page ms": many["page"]}  # fmt: skip


def worker_memory(at: Ground) -> Figures:
    found = memory.worker(at, _few(at, 100_000, 300))
    return {"worker-memory": found["more"], ".worker MB": found["after"]}


def start(at: Ground) -> Figures:
    found = starts.starts(at, _few(at, 7, 1))
    return {"start-help": found["help"], "start-status": found["status"]}


def fair_lanes(at: Ground) -> Figures:
    found = lanes.lanes(at, _few(at, 10_000, 300))
    return {"fair-lanes": found["more"], ".alone s": found["alone"], ".behind s": found["behind"]}


GROUPS = {
    "deliver": Group(delivering, 3),
    "little": Group(little, 2),
    "road": Group(whole_road, 3),
    "rate": Group(rate, 1),
    "poll": Group(poll, 3),
    "poll-memory": Group(poll_memory, 1),
    "webhook": Group(webhook, 3),
    "webhook-to-order": Group(webhook_to_order, 1),
    "idle": Group(one_row, 2),
    "large": Group(large_tables, 1),
    "worker-memory": Group(worker_memory, 1),
    "starts": Group(start, 1),
    "lanes": Group(fair_lanes, 2),
}
