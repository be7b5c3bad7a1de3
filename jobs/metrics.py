"""The figures of the house for Prometheus: what was asked of it, what waits, what is late, and how its parts stand.

Whatever there is in the house, the same few statements are asked, and no label comes from what people type.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import current_app

from jobs import health, request_counts
from models.base import db
from models.history import DeadlineClock, Outbox
from rules import areas, office, registry

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text() -> bytes:
    from prometheus_client.exposition import generate_latest   # no other page or command needs it: it takes its time
    return generate_latest(House())  # type: ignore[arg-type]


class House:
    """What `generate_latest` collects from."""

    def collect(self) -> Iterator[Any]:
        yield from _requests(current_app.extensions["request_counts"])
        yield from _standing(health.look())
        yield from _work(office.now())
        yield from _connections()


def _requests(counts: request_counts.Counts) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
    answered = CounterMetricFamily("aftercare_requests", "Requests that were answered, by all web processes.",
                                   labels=["kind", "status"])
    took = HistogramMetricFamily("aftercare_request_seconds", "Seconds until an answer began.", labels=["kind"])
    for one in counts.total():
        for status, count in one.statuses.items():
            answered.add_metric([one.kind, status], count)
        took.add_metric([one.kind], _cumulative(one.durations), one.seconds)
    yield answered
    yield took


def _cumulative(durations: list[int]) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in request_counts.BOUNDS), "+Inf"]
    return [(bound, sum(durations[:n])) for n, bound in enumerate(bounds, 1)]


def _standing(found: health.Health) -> Iterator[Any]:
    yield _by("part", "aftercare_part_up", "Is a part of the house well?",
              {name: int(state == health.OK) for name, state in found.parts.items()})
    yield from _known({
        "aftercare_queue_jobs": ("Jobs in the queue.", found.queue_depth),
        "aftercare_workers": ("Workers that are alive.", found.workers),
        "aftercare_oldest_job_seconds": ("For how long the oldest job has waited, in the queue or for it.",
                                         found.oldest_job_seconds or 0 if found.outbox_waiting is not None else None),
        "aftercare_failing_schedules": ("Scheduled jobs that failed the last time.", found.failing_schedules),
        "aftercare_clock_last_tick_timestamp_seconds": ("When the clock last went through all that was due.",
                                                        found.last_tick.timestamp() if found.last_tick else None),
        "aftercare_disk_free_bytes": ("Left where the house keeps its things.", found.disk_free_bytes)})


def _work(now: datetime) -> Iterator[Any]:
    """Left out while the database does not answer: its part says so."""
    try:
        areas.read(db.session)
        rows = db.session.execute(_outbox(now)).one()._asdict()
        clocks = db.session.execute(_deadlines(now)).one()._asdict()
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        return
    yield _by("state", "aftercare_outbox_rows", "Promised work: waiting, held back until later, handed over, failed for good.",
              rows)
    yield _by("state", "aftercare_deadlines", "Deadlines that run: in time, and late.", clocks)


def _outbox(now: datetime) -> Any:
    is_failed, is_handed = Outbox.failed_at.is_not(None), Outbox.dispatched_at.is_not(None)
    is_held = sa.func.coalesce(Outbox.not_before > now, sa.false())
    counted = {"waiting": ~is_failed & ~is_handed & ~is_held, "held_back": ~is_failed & ~is_handed & is_held,
               "handed_over": ~is_failed & is_handed, "failed": is_failed}
    return sa.select(*(_count(condition, name) for name, condition in counted.items())).where(Outbox.done_at.is_(None))


def _deadlines(now: datetime) -> Any:
    """The types are named, so that the index leads to those that run and past all that are over."""
    types = [spec.name for spec in registry.types().values() if spec.deadlines and not areas.is_off(spec)]
    return sa.select(_count(DeadlineClock.due_at >= now, "running"), _count(DeadlineClock.due_at < now, "late")).where(
        DeadlineClock.type.in_(types), DeadlineClock.state == "running")


def _count(condition: Any, name: str) -> Any:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0).label(name)


def _connections() -> Iterator[Any]:
    pool = db.engine.pool
    if isinstance(pool, sa.pool.QueuePool):
        yield _by("state", "aftercare_database_connections", "Of the web process that answered.",
                  {"in_use": pool.checkedout(), "idle": pool.checkedin()})


def _known(figures: dict[str, tuple[str, float | None]]) -> Iterator[Any]:
    """What nobody can say now is left out."""
    from prometheus_client.core import GaugeMetricFamily
    for name, (about, value) in figures.items():
        if value is not None:
            yield GaugeMetricFamily(name, about, value)


def _by(label: str, name: str, about: str, values: dict[str, float]) -> Any:
    from prometheus_client.core import GaugeMetricFamily
    family = GaugeMetricFamily(name, about, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
