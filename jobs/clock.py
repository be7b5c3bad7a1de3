"""The ticker: of all clocks one leads, and runs what is due. A failing job delays nobody but itself."""

from __future__ import annotations

import logging
import signal
import threading
import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa
from flask import current_app
from redis import Redis
from redis.exceptions import RedisError

from jobs import outbox, schedule
from models.base import db, reading
from models.history import ScheduledJob
from models.spec import ADMINISTRATOR, Text
from rules import access, areas, notices, office
from rules.act import Act

LEADER = "aftercare:clock"
LAST_TICK = "aftercare:clock:tick"
REIGN = 15  # seconds without a sign after which another clock may lead
LONGEST_DELAY = timedelta(minutes=10)
TELL_AFTER = 5  # failures in a row; some three minutes

RENEW = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('expire', KEYS[1], ARGV[2]) end return 0"
RESIGN = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

log = logging.getLogger(__name__)


def is_ticking(store: Redis) -> bool:
    """Does any clock lead?"""
    return bool(store.exists(LEADER))


def last_tick(store: Redis) -> datetime | None:
    """When a clock last went through everything that was due."""
    said = store.get(LAST_TICK)
    return datetime.fromisoformat(said.decode()) if said else None


class Clock:
    """One ticker process. Should two lead for a moment, the locked rows of due times still let each job run once."""

    def __init__(self, store: Redis) -> None:
        self.store = store
        self.name = uuid.uuid4().hex
        self.stopping = threading.Event()
        self.due: dict[str, datetime] = {}      # of the fleeting jobs
        self.failures: dict[str, int] = {}
        self.not_before: dict[str, datetime] = {}

    def leads(self) -> bool:
        try:
            return bool(self.store.set(LEADER, self.name, nx=True, ex=REIGN)
                        or self.store.eval(RENEW, 1, LEADER, self.name, REIGN))
        except RedisError as error:
            log.warning("the queue store does not answer (%s)", error)
            return False

    def resign(self) -> None:
        try:
            self.store.eval(RESIGN, 1, LEADER, self.name)
        except RedisError:
            log.info("the lead runs out by itself")

    def tick(self, now: datetime | None = None) -> None:
        """Run what is due, what was missed first."""
        now = now or office.now()
        areas.look(db.session)
        for job in schedule.JOBS:
            if job.fleeting and self.due.get(job.name, now) <= now:
                self.due[job.name] = job.rule.after(now, now)
                self._try(job, now)
        while name := self._next_due(now):
            self._try(schedule.KEPT[name], now)

    def _next_due(self, now: datetime) -> str | None:
        waiting = [name for name, moment in self.not_before.items() if moment > now]
        with reading():
            name = db.session.scalar(
                sa.select(ScheduledJob.name)
                .where(schedule.is_due(now), ScheduledJob.name.in_(schedule.KEPT), ScheduledJob.name.not_in(waiting))
                .order_by(ScheduledJob.due_at, ScheduledJob.name).limit(1))
            db.session.rollback()
        return name

    def _try(self, job: schedule.Job, now: datetime) -> None:
        try:
            if job.fleeting:
                job.function(Act(db.session, access.Actor.system(), now=now), now)
            else:
                _perform(job, now)
            self.failures.pop(job.name, None)
            self.not_before.pop(job.name, None)
        except Exception as error:  # whatever it is: the others are due too
            log.exception("%s failed", job.name)
            self._delay(job, now, error)
        finally:
            db.session.rollback()

    def _delay(self, job: schedule.Job, now: datetime, error: Exception) -> None:
        """Again later, and later each time."""
        db.session.rollback()
        self.failures[job.name] = count = self.failures.get(job.name, 0) + 1
        later = now + min(timedelta(seconds=5 * 2 ** min(count, 10)), LONGEST_DELAY)
        self.due[job.name] = min(later, now + timedelta(seconds=30))
        self.not_before[job.name] = later
        try:
            db.session.execute(sa.update(ScheduledJob).where(ScheduledJob.name == job.name).values(
                last_run_at=now, last_result=f"failed ({count}): {type(error).__name__}"))
            db.session.commit()
            if count == TELL_AFTER:
                _tell(job, now, error)
        except sa.exc.SQLAlchemyError:
            log.exception("the failure of %s could not be noted", job.name)

    def run(self) -> None:
        """Tick every second until told to stop."""
        enrolled = False
        while not self.stopping.is_set():
            if self.leads():
                try:
                    if not enrolled:
                        schedule.enrol(office.now())
                        enrolled = True
                    self.tick()
                    self.store.set(LAST_TICK, office.now().isoformat())
                except Exception:  # the database is away, or not made yet
                    log.exception("a tick failed")
                    db.session.rollback()
            self.stopping.wait(1)
        self.resign()


def _perform(job: schedule.Job, now: datetime) -> None:
    """What the job does and its next due time are kept together, or neither is."""
    row = db.session.scalar(
        sa.select(ScheduledJob).where(ScheduledJob.name == job.name).with_for_update(skip_locked=True)
        .execution_options(populate_existing=True))
    if row is None or (row.asked_at is None and (row.paused_at is not None or row.due_at > now)):
        db.session.rollback()
        return  # another clock has it, or somebody has just paused it
    due = row.due_at
    said = job.function(Act(db.session, access.Actor.system(), now=now), min(due, now))
    # A job that commits lets go of the row: another clock may have done it too, and moved it on. Asked for ahead of its
    # time it still comes then.
    db.session.execute(
        sa.update(ScheduledJob).where(ScheduledJob.name == job.name, ScheduledJob.due_at == due).values(
            last_run_at=now, last_result=str(said or "done"), asked_at=None,
            due_at=job.rule.after(due, now) if due <= now else due),
        execution_options={"synchronize_session": False})
    db.session.commit()


def _tell(job: schedule.Job, now: datetime, error: Exception) -> None:
    """It is tried on, but somebody has to know; once for each time that it was due."""
    row = db.session.get(ScheduledJob, job.name)
    text = Text("定时任务“{name}”连续失败 {count} 次（{error}），系统继续重试",
                "The scheduled job “{name}” failed {count} times in a row ({error}); it is tried again")
    notices.tell_house(
        Act(db.session, access.Actor.system(), now=now), (ADMINISTRATOR,),
        text.with_(name=job.label, count=TELL_AFTER, error=type(error).__name__), kind="job_failed",
        key=f"job:{job.name}:{row.due_at if row else now:%Y-%m-%dT%H:%M}")
    db.session.commit()


def run() -> None:
    """The clock process: until SIGTERM or SIGINT."""
    with outbox.connection() as store:
        clock = Clock(store)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_signal: clock.stopping.set())
        current_app.logger.info("clock %s ticks", clock.name)
        clock.run()
