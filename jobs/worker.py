"""The worker: takes jobs from the one queue and performs them, each in a process and a context of its own."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

from flask import current_app
from rq import Worker, get_current_job
from rq.job import Job
from rq.queue import Queue

from jobs import deadlines, exports, import_runs, leash, mail, outbox, recall_rows, reports, retention, webhooks
from models.base import db
from rules import areas

# What an Outbox row may name. Every job gets ids, commits itself, and may run twice.
TASKS: dict[str, Callable[..., Any]] = {
    "report": reports.run,
    "recall_rows": recall_rows.write,
    "tell_deadlines": deadlines.tell,
    "mail": mail.send,
    "retention": retention.carry_out,
    "webhook": webhooks.send,
    "export": exports.run,
    "import_check": import_runs.check,
    "import_run": import_runs.bring_in,
    "import_undo": import_runs.undo,
}

# Long and only reading: whoever waits for a page comes first. What writes does not yield, others may wait for its lock.
LEISURELY, YIELDS = frozenset({"export"}), 10

alive = outbox.any_worker


def perform(kind: str, *ids: int) -> None:
    job = get_current_job()
    with current_app.app_context():  # of its own: the session ends with the job
        areas.look(db.session)
        if job is not None and "row" in job.meta:
            outbox.work_off(job.meta["row"], lambda: TASKS[kind](*ids))
        else:
            TASKS[kind](*ids)


class ForkingWorker(Worker):
    """A job that dies or hangs takes its own process with it, not the worker, which goes on saying that it lives."""

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        # A killed worker takes its job along: it is performed again elsewhere, and not twice at once.
        leash.follow_parent(self.pid or 0)
        # Connections of the worker are its own: closing them here would close them there.
        db.engine.dispose(close=False)
        if LEISURELY.intersection(job.args[:1]):
            os.nice(YIELDS)
        super().main_work_horse(job, queue)


def settle() -> None:
    """What was loaded by now stays: the collector need not look through it in every job, nor have its pages copied."""
    gc.collect()
    gc.freeze()


def work() -> None:
    """Until SIGTERM or SIGINT, which lets the present job finish; a second one does not."""
    settle()
    # Short spans: after a crash its job comes back within one and a half minutes, not a quarter of an hour.
    store = outbox.connection(patience=90)  # longer than it waits for a job
    ForkingWorker(
        [outbox.queue(store)], connection=store, serializer=outbox.SERIALIZER, worker_ttl=60,
        maintenance_interval=20).work(logging_level="INFO")
