"""From the outbox to the queue: what a transaction has promised is handed over after its commit, at least once."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from flask import current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry as Reconnect
from rq import Queue, Retry, Worker
from rq.exceptions import DuplicateJobError
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.worker import BaseWorker

from jobs import embedded_valkey
from models.base import db, reading
from models.history import Outbox
from models.spec import Text
from rules import audit, office

QUEUE = "aftercare"
SERIALIZER = "json"
AT_ONCE = 200         # rows of one dispatch; the clock comes again within a second
LONGEST_JOB = 1800    # seconds
LABELS = {"report": Text("报表", "Report"), "mail": Text("邮件", "Mail"),
          "webhook": Text("Webhook 消息", "Webhook"), "retention": Text("保存期满处理", "Retention"),
          "export": Text("导出", "Export"),
          **dict.fromkeys(("import_check", "import_run", "import_undo"), Text("导入", "Import"))}
REMEMBERED = 600      # seconds that a finished job's id stays taken: whoever dispatches its row once more is told
KEPT_FAILURES = 7 * 24 * 3600
LOST = timedelta(seconds=60)       # after which somebody looks whether the queue still knows of a job
KEPT_DONE = timedelta(days=30)
LONGEST_REASON = 1000
OVER = (JobStatus.FAILED, JobStatus.FINISHED, JobStatus.STOPPED, JobStatus.CANCELED)
# Between the attempts: seconds for a hiccup, hours for a server that is repaired.
WAITS = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200, 21600))
HEARTBEAT = timedelta(seconds=75)  # an idle worker says so every 45 seconds

log = logging.getLogger(__name__)


class GivenUp(Exception):
    """No further attempt can do better: the row has failed."""


def connection(patience: float = 2) -> Redis:
    """The queue store, which answers at once or not at all: a request does not wait for it."""
    return Redis.from_url(
        store_address(), socket_connect_timeout=patience, socket_timeout=patience,
        retry=Reconnect(NoBackoff(), 0))


def store_address() -> str:
    return embedded_valkey.address(current_app.extensions["settings"])


def queue(store: Redis) -> Queue:
    return Queue(QUEUE, connection=store, serializer=SERIALIZER)


def dispatch(now: datetime | None = None) -> int:
    """Hand waiting rows to the queue, by their id; how many. With the queue store down they stay for the next time.

    To be called between transactions. A process that dies between the queue and the mark leaves a row that is handed
    over again: its job id is taken for as long as the job is known, and later the job finds its work done.
    """
    with reading():
        rows = db.session.execute(_waiting(now or office.now())).all()
        db.session.rollback()
    if not rows:
        return 0
    handed = _enqueue(rows)
    if handed:
        _mark(Outbox.id.in_(handed), dispatched_at=office.now())
    return len(handed)


def _waiting(now: datetime) -> Any:
    """Whose time has come, oldest first; of rows about the same only the oldest that is not over."""
    earlier = sa.orm.aliased(Outbox)
    is_next = ~sa.exists().where(
        earlier.about == Outbox.about, earlier.id < Outbox.id, earlier.done_at.is_(None), earlier.failed_at.is_(None))
    return (
        sa.select(Outbox.id, Outbox.attempts, Outbox.job, Outbox.arguments)
        .where(Outbox.dispatched_at.is_(None), sa.or_(Outbox.not_before.is_(None), Outbox.not_before <= now),
               sa.or_(Outbox.about.is_(None), is_next))
        .order_by(Outbox.id).limit(AT_ONCE))


def _mark(*which: Any, **values: Any) -> int:
    found = db.session.execute(
        sa.update(Outbox).where(*which).values(**values), execution_options={"synchronize_session": False})
    db.session.commit()
    return found.rowcount


def _enqueue(rows: Sequence[Any]) -> list[int]:
    handed = []
    try:
        with connection() as store:
            for id_, attempts, job, arguments in rows:
                _enqueue_one(queue(store), id_, attempts, [job, *arguments])
                handed.append(id_)
    except RedisError as error:
        log.warning("the queue store does not answer (%s): %s jobs wait", error, len(rows) - len(handed))
    return handed


def _job_id(id_: int, attempts: int) -> str:
    """Each attempt is a job of its own: that of the last one is remembered for a while."""
    return f"outbox-{id_}-{attempts}" if attempts else f"outbox-{id_}"


def _enqueue_one(target: Queue, id_: int, attempts: int, arguments: list[Any]) -> None:
    try:
        target.enqueue_call(
            "jobs.worker.perform", args=arguments, job_id=_job_id(id_, attempts), unique=True, timeout=LONGEST_JOB,
            result_ttl=REMEMBERED, failure_ttl=KEPT_FAILURES, retry=Retry(max=3), meta={"row": id_})
    except DuplicateJobError:
        log.info("job %s is queued already", _job_id(id_, attempts))


# Working off ------------------------------------------------------------------------------------------------------

def work_off(row_id: int, task: Callable[[], Any]) -> None:
    """Do what a row asks for, unless it is over, and write down how it went. What fails is tried again, later each
    time, and given up in the end. A process that dies before the mark leaves a row that is done once more."""
    row = db.session.get(Outbox, row_id, populate_existing=True)
    is_open = row is not None and row.done_at is None and row.failed_at is None
    db.session.rollback()
    if not is_open:
        return
    try:
        task()
    except Exception as error:  # whatever it is: the row says what, and when it is tried again
        db.session.rollback()
        log.exception("outbox row %s failed", row_id)
        note_failure(row_id, f"{type(error).__name__}: {error}", is_final=isinstance(error, GivenUp))
    else:
        db.session.rollback()
        _mark(Outbox.id == row_id, Outbox.done_at.is_(None), done_at=office.now())


def note_failure(row_id: int, reason: str, *, is_final: bool = False) -> None:
    """It waits for its next attempt, or has failed for good."""
    row = db.session.scalar(sa.select(Outbox).where(Outbox.id == row_id).with_for_update()
                            .execution_options(populate_existing=True))
    if row is None or row.done_at is not None or row.failed_at is not None:
        db.session.rollback()
        return
    now = office.now()
    row.attempts, row.last_error = row.attempts + 1, reason[:LONGEST_REASON]
    if is_final or row.attempts > len(WAITS):
        row.failed_at, row.dispatched_at = now, row.dispatched_at or now
    else:
        row.dispatched_at, row.not_before = None, now + WAITS[row.attempts - 1]
    db.session.commit()


def take_back_started() -> None:
    """Jobs of killed workers go back to the queue. On this machine nobody waits until the last heartbeat has run out."""
    with connection() as store:
        started = StartedJobRegistry(queue=queue(store))
        dead = {worker.name: worker.get_current_job_id()
                for worker in Worker.all(connection=store, serializer=SERIALIZER) if not _is_alive(worker)}
        jobs = Job.fetch_many([id_ for id_ in dead.values() if id_], connection=store, serializer=SERIALIZER)
        # What another worker took up since is its own.
        orphans = {job.id for job in jobs if job is not None and dead.get(job.worker_name or "") == job.id}
        for execution in store.zrange(started.key, 0, -1):
            if execution.decode().rpartition(":")[0] in orphans:
                store.zadd(started.key, {execution: 1}, xx=True)
        started.cleanup()


def take_back_lost(now: datetime) -> int:
    """Rows that were handed over a while ago and that no worker will finish any more wait again; how many.

    Their job was lost with the queue store, or killed its worker each time. To be called between transactions.
    """
    with reading():
        rows = db.session.execute(
            sa.select(Outbox.id, Outbox.attempts)
            .where(Outbox.done_at.is_(None), Outbox.failed_at.is_(None), Outbox.dispatched_at <= now - LOST)
            .order_by(Outbox.id).limit(AT_ONCE)).all()
        db.session.rollback()
    if not rows:
        return 0
    with connection() as store:
        jobs = Job.fetch_many([_job_id(*row) for row in rows], connection=store, serializer=SERIALIZER)
        died = {row.id: _why_it_died(job) for row, job in zip(rows, jobs, strict=True)
                if job is not None and job.get_status(refresh=False) in OVER}
    gone = [row.id for row, job in zip(rows, jobs, strict=True) if job is None]
    for id_, reason in died.items():
        note_failure(id_, reason)
    if gone:
        _mark(Outbox.id.in_(gone), Outbox.done_at.is_(None), Outbox.failed_at.is_(None), dispatched_at=None)
    return len(died) + len(gone)


def _why_it_died(job: Job) -> str:
    told = job.latest_result()
    return ((told.exc_string if told else None) or "the worker died").strip().splitlines()[-1]


# What the administrator does with those that failed ---------------------------------------------------------------

def failed(session: Any, limit: int) -> list[Outbox]:
    return list(session.scalars(sa.select(Outbox).where(Outbox.failed_at.is_not(None), Outbox.done_at.is_(None))
                                .order_by(Outbox.id).limit(limit)))


def find_failed(session: Any, id_: int) -> Outbox | None:
    """For nobody else until the transaction ends."""
    return session.scalar(
        sa.select(Outbox).where(Outbox.id == id_, Outbox.failed_at.is_not(None), Outbox.done_at.is_(None))
        .with_for_update().execution_options(populate_existing=True))


def retry(act: Any, row: Outbox) -> None:
    """Once more, at once. Flushes."""
    row.failed_at = row.dispatched_at = row.not_before = None
    _note(act, "retry_job", row)


def drop(act: Any, row: Outbox) -> None:
    """Nobody wants it any more; what failed and why stays until it is tidied away. Flushes."""
    row.done_at = act.now
    _note(act, "drop_job", row)


def _note(act: Any, action: str, row: Outbox) -> None:
    act.session.flush()
    audit.note(act.session, act, action, "outbox", str(row.id), {"job": [row.job, row.arguments]}, row.last_error)


# Asking about the queue -------------------------------------------------------------------------------------------

def dispatch_now() -> None:
    """For a door, right after its commit: sooner than the clock would, but never at the price of the answer."""
    try:
        dispatch()
    except sa.exc.SQLAlchemyError:
        db.session.rollback()
        log.exception("the clock will dispatch")


def is_queue_empty() -> bool:
    """False also while nobody can say."""
    try:
        with connection() as store:
            return queue(store).count == 0
    except RedisError:
        return False


def is_worker_alive() -> bool:
    """Is anybody there to take a job?"""
    try:
        with connection() as store:
            return any_worker(store)
    except RedisError:
        return False


def any_worker(store: Redis) -> bool:
    return count_workers(store) > 0


def count_workers(store: Redis) -> int:
    return sum(_is_alive(worker) for worker in Worker.all(connection=store, serializer=SERIALIZER))


def _is_alive(worker: BaseWorker) -> bool:
    """A killed worker stays listed for a while; on this machine its process tells."""
    if worker.last_heartbeat is None or datetime.now(UTC) - worker.last_heartbeat > HEARTBEAT:
        return False
    if worker.hostname != socket.gethostname() or not worker.pid:
        return True
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
