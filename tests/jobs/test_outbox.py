"""From a transaction to the queue: after its commit and only then, once, and never lost."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import sqlalchemy as sa
from redis import Redis

from jobs import embedded_valkey, outbox, reports
from models.base import db
from models.history import Outbox
from models.reports import ReportRun
from rules import access, office
from rules.act import Act


@contextmanager
def store_down(app):
    """The queue store is gone meanwhile, and comes back with what it held."""
    embedded_valkey.stop()
    try:
        yield
    finally:
        embedded_valkey.running(app.extensions["settings"])


def elsewhere(app, function):
    """What the function finds in a process of its own, as far as the database can tell."""
    found = []

    def inside():
        with app.app_context():
            found.append(function())
            db.session.remove()
    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    return found[0]


def ask(session, period="2026-10"):
    return reports.request(Act(session, access.Actor.system()), "quality_info_summary", period)


def waiting(session):
    """The rows that have not been handed over."""
    session.rollback()
    return session.scalars(sa.select(Outbox.id).where(Outbox.dispatched_at.is_(None)).order_by(Outbox.id)).all()


def jobs(store):
    return outbox.queue(store).get_job_ids()


def test_a_job_is_handed_over_after_the_commit_and_only_then(app, session, store):
    run = ask(session)
    assert elsewhere(app, outbox.dispatch) == 0
    assert jobs(store) == []
    session.commit()
    assert elsewhere(app, outbox.dispatch) == 1
    [job] = outbox.queue(store).jobs
    assert (job.func_name, job.args) == ("jobs.worker.perform", ["report", run.id])
    assert waiting(session) == []
    assert outbox.dispatch() == 0


def test_what_is_rolled_back_is_never_handed_over(session, store):
    ask(session)
    session.rollback()
    assert outbox.dispatch() == 0
    assert jobs(store) == []


def test_a_request_does_not_fail_or_wait_while_the_store_is_down_and_nothing_is_lost(app, person, store):
    clerk = person("quality_engineer")
    clerk.token()
    with store_down(app):
        since = time.monotonic()
        answer = clerk.post("/admin/reports/quality_info_summary/ask", {"period": "2026-10"})
        assert answer.status_code == 302
        assert time.monotonic() - since < 5
        assert clerk.get(answer.location).status_code == 200
        with app.app_context():
            assert db.session.scalars(sa.select(ReportRun.state)).all() == ["queued"]
            assert len(waiting(db.session)) == 1
            assert outbox.dispatch() == 0
            assert not outbox.is_worker_alive() and not outbox.is_queue_empty()
            db.session.remove()
        health = clerk.get("/server/health")
        assert health.status_code == 503 and health.json["queue"] == "no answer"
    with app.app_context():
        assert outbox.dispatch() == 1
        assert waiting(db.session) == []
        db.session.remove()
    assert len(jobs(store)) == 1


def test_a_store_that_dies_between_two_jobs_keeps_the_first_and_the_others_wait(session, store, monkeypatch):
    ids = [ask(session, f"2026-0{month}").id for month in (1, 2, 3)]
    session.commit()
    handed = outbox._enqueue_one

    def and_then_the_store_is_full(*row):
        handed(*row)
        store.config_set("maxmemory", 1)  # it refuses every further word, as a full one does
    monkeypatch.setattr(outbox, "_enqueue_one", and_then_the_store_is_full)
    try:
        assert outbox.dispatch() == 1
    finally:
        store.config_set("maxmemory", 0)
    assert len(waiting(session)) == 2
    monkeypatch.setattr(outbox, "_enqueue_one", handed)
    assert outbox.dispatch() == 2
    assert [job.args[1] for job in outbox.queue(store).jobs] == ids


def test_handed_over_twice_it_is_one_job(session, store):
    ask(session)
    session.commit()
    assert outbox.dispatch() == 1
    before = jobs(store)
    # As a process leaves it that dies between the queue and the mark.
    session.execute(sa.update(Outbox).values(dispatched_at=None))
    session.commit()
    assert outbox.dispatch() == 1
    assert jobs(store) == before and len(before) == 1
    assert waiting(session) == []


def test_two_that_hand_over_at_once_make_each_job_once(app, session, store):
    for day in range(1, 31):
        session.add(Outbox(job="report", arguments=[day], created_at=office.now()))
    session.commit()
    met = threading.Barrier(2)

    def hand_over():
        met.wait()
        return outbox.dispatch()
    threads = [threading.Thread(target=elsewhere, args=(app, hand_over)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waiting(session) == []
    assert sorted(job.args[1] for job in outbox.queue(store).jobs) == list(range(1, 31))


def test_a_long_row_is_handed_over_in_order_and_in_parts(session, store):
    count = outbox.AT_ONCE + 5
    session.add_all([Outbox(job="report", arguments=[n], created_at=office.now()) for n in range(count)])
    session.commit()
    assert [outbox.dispatch() for _ in range(3)] == [outbox.AT_ONCE, 5, 0]
    assert [job.args[1] for job in outbox.queue(store).jobs] == list(range(count))


def test_the_store_keeps_its_jobs_over_an_end_and_a_start(app, session, store):
    ask(session)
    session.commit()
    outbox.dispatch()
    before = jobs(store)
    with store_down(app):
        assert outbox.dispatch() == 0
    with Redis.from_url(embedded_valkey.address(app.extensions["settings"])) as again:
        assert jobs(again) == before and len(before) == 1
