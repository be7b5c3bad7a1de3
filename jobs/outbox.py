"""From the outbox to the queue: what a transaction has promised is handed over after its commit, at least once."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
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
from rq.worker import BaseWorker

from jobs import embedded_valkey
from models.base import db, reading
from models.history import Outbox
from rules import office

QUEUE = "aftercare"
SERIALIZER = "json"
AT_ONCE = 200         # rows of one dispatch; the clock comes again within a second
LONGEST_JOB = 1800    # seconds
REMEMBERED = 600      # seconds that a finished job's id stays taken: whoever dispatches its row once more is told
KEPT_FAILURES = 7 * 24 * 3600
HEARTBEAT = timedelta(seconds=75)  # an idle worker says so every 45 seconds

log = logging.getLogger(__name__)


def connection(patience: float = 2) -> Redis:
    """The queue store, which answers at once or not at all: a request does not wait for it."""
    return Redis.from_url(
        embedded_valkey.address(current_app.extensions["settings"]), socket_connect_timeout=patience, socket_timeout=patience,
        retry=Reconnect(NoBackoff(), 0))


def queue(store: Redis) -> Queue:
    return Queue(QUEUE, connection=store, serializer=SERIALIZER)


def dispatch() -> int:
    """Hand waiting rows to the queue, by their id; how many. With the queue store down they stay for the next time.

    To be called between transactions. A process that dies between the queue and the mark leaves a row that is handed
    over again: its job id is taken for as long as the job is known, and later the job finds its work done.
    """
    with reading():
        rows = db.session.execute(
            sa.select(Outbox.id, Outbox.job, Outbox.arguments).where(Outbox.dispatched_at.is_(None))
            .order_by(Outbox.id).limit(AT_ONCE)).all()
        db.session.rollback()
    if not rows:
        return 0
    handed = _enqueue(rows)
    if handed:
        db.session.execute(
            sa.update(Outbox).where(Outbox.id.in_(handed)).values(dispatched_at=office.now()),
            execution_options={"synchronize_session": False})
        db.session.commit()
    return len(handed)


def _enqueue(rows: Sequence[Any]) -> list[int]:
    handed = []
    try:
        with connection() as store:
            for id_, job, arguments in rows:
                _enqueue_one(queue(store), id_, [job, *arguments])
                handed.append(id_)
    except RedisError as error:
        log.warning("the queue store does not answer (%s): %s jobs wait", error, len(rows) - len(handed))
    return handed


def _enqueue_one(target: Queue, id_: int, arguments: list[Any]) -> None:
    try:
        target.enqueue_call(
            "jobs.worker.perform", args=arguments, job_id=f"outbox-{id_}", unique=True, timeout=LONGEST_JOB,
            result_ttl=REMEMBERED, failure_ttl=KEPT_FAILURES, retry=Retry(max=3))
    except DuplicateJobError:
        log.info("job outbox-%s is queued already", id_)


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
    return any(_is_alive(worker) for worker in Worker.all(connection=store, serializer=SERIALIZER))


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
