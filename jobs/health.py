"""How the house stands: what is ill, and the figures behind it. For supervisors, and for the administrator."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from redis import Redis
from redis.exceptions import RedisError
from rq.job import Job

from jobs import clock, outbox, schedule
from models.base import db
from models.history import Outbox, ScheduledJob
from rules import office

LEAST_DISK = 200 * 1024 * 1024
SILENCE = timedelta(seconds=60)   # since the last whole tick after which a clock that leads counts as silent too
OK = "ok"


@dataclass
class Health:
    """Each part `ok` or what ails it; None among the figures: nobody can say."""

    parts: dict[str, str] = field(default_factory=dict)
    queue_depth: int | None = None
    oldest_job_seconds: int | None = None      # in the queue, or waiting to get there
    outbox_waiting: int | None = None
    failed_jobs: int | None = None
    failing_schedules: int | None = None
    workers: int | None = None
    last_tick: datetime | None = None
    disk_free_bytes: int | None = None

    @property
    def is_well(self) -> bool:
        return all(state == OK for state in self.parts.values())

    @property
    def figures(self) -> dict[str, Any]:
        return {"queue_depth": self.queue_depth, "oldest_job_seconds": self.oldest_job_seconds,
                "outbox_waiting": self.outbox_waiting, "failed_jobs": self.failed_jobs,
                "failing_schedules": self.failing_schedules, "workers": self.workers,
                "last_tick": self.last_tick.isoformat() if self.last_tick else None,
                "disk_free_bytes": self.disk_free_bytes}


def look() -> Health:
    found, now = Health(), office.now()
    waits = [_ask_database(found, now), _ask_queue(found, now)]
    found.oldest_job_seconds = max((wait for wait in waits if wait is not None), default=None)
    _ask_disk(found)
    return found


def _ask_database(found: Health, now: datetime) -> int | None:
    """How long the oldest row has waited that nothing holds back."""
    is_waiting = sa.and_(Outbox.dispatched_at.is_(None), sa.or_(Outbox.not_before.is_(None), Outbox.not_before <= now))
    is_failed = sa.and_(Outbox.failed_at.is_not(None), Outbox.done_at.is_(None))
    try:
        found.outbox_waiting, oldest = db.session.execute(
            sa.select(sa.func.count(), sa.func.min(Outbox.created_at)).where(is_waiting)).one()
        found.failed_jobs = db.session.scalar(sa.select(sa.func.count()).select_from(Outbox).where(is_failed))
        found.failing_schedules = db.session.scalar(
            sa.select(sa.func.count()).select_from(ScheduledJob).where(schedule.is_failing()))
        found.parts["database"] = OK
        return _seconds(now, oldest)
    except sa.exc.SQLAlchemyError:
        found.parts["database"] = "no answer"
        return None


def _ask_queue(found: Health, now: datetime) -> int | None:
    try:
        with outbox.connection() as store:
            queue = outbox.queue(store)
            found.queue_depth, found.workers = queue.count, outbox.count_workers(store)
            found.last_tick, leads = clock.last_tick(store), clock.is_ticking(store)
            oldest = _first_in_line(store, queue.get_job_ids(0, 1))
    except RedisError:
        found.parts |= {"queue": "no answer", "workers": "unknown", "clock": "unknown"}
        return None
    is_silent = not leads or (found.last_tick is not None and now - found.last_tick > SILENCE)
    found.parts |= {"queue": OK, "workers": OK if found.workers else "none", "clock": "silent" if is_silent else OK}
    return _seconds(now, oldest)


def _first_in_line(store: Redis, ids: list[str]) -> datetime | None:
    [job] = Job.fetch_many(ids, connection=store, serializer=outbox.SERIALIZER) or [None]
    return job.enqueued_at if job is not None else None


def _seconds(now: datetime, since: datetime | None) -> int | None:
    if since is None:
        return None
    return max(0, int((now - (since if since.tzinfo else since.replace(tzinfo=UTC))).total_seconds()))


def _ask_disk(found: Health) -> None:
    settings = current_app.extensions["settings"]
    folders = [folder for folder in (settings.data, settings.files) if folder.exists()]
    found.disk_free_bytes = min((shutil.disk_usage(folder).free for folder in folders), default=None)
    is_full = found.disk_free_bytes is not None and found.disk_free_bytes <= LEAST_DISK
    found.parts["disk"] = "nearly full" if is_full else OK
