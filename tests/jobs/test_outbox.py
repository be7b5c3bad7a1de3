"""From a transaction to the queue: after its commit and only then, once, and never lost."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import sqlalchemy as sa
from redis import Redis

from jobs import embedded_valkey, outbox, reports, worker
from models.base import db
from models.history import Outbox
from models.reports import ReportRun
from rules import access, office
from rules import outbox as rules_outbox
from rules.act import Act
from tests.jobs.test_worker import work_off


@contextmanager
def store_down(app):
    """The queue store is gone meanwhile, and comes back with what it held."""
    embedded_valkey.stop(app.extensions["settings"])
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


# Order, keys, failures ------------------------------------------------------------------------------------------------

def put(session, *rows):
    """(job arguments, about, key) of each row."""
    act = Act(session, access.Actor.system())
    for arguments, about, key in rows:
        rules_outbox.put(act, "report", arguments, about=about, key=key)
    session.commit()


def standing(session):
    session.rollback()
    return [(row.arguments[0], row.attempts, row.dispatched_at is not None, row.done_at is not None, row.failed_at is not None)
            for row in session.scalars(sa.select(Outbox).order_by(Outbox.id))]


def test_the_same_key_is_put_once_also_by_two_at_once(app, session, store):
    put(session, ([1], None, "a"), ([2], None, "a"), ([3], None, None), ([4], None, None))
    assert [row[0] for row in standing(session)] == [1, 3, 4]
    session.rollback()
    met = threading.Barrier(2)

    def at_once():
        met.wait()
        put(db.session, ([5], None, "b"))
        return True
    threads = [threading.Thread(target=elsewhere, args=(app, at_once)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row[0] for row in standing(session)] == [1, 3, 4, 5]


def test_rows_about_one_thing_go_one_after_the_other_whatever_becomes_of_the_first(session, store):
    put(session, ([1], "a", None), ([2], "a", None), ([3], "b", None), ([4], None, None), ([5], "a", None))
    ids = session.scalars(sa.select(Outbox.id).order_by(Outbox.id)).all()

    def handed():
        outbox.dispatch()
        return [one for one, _, is_handed, is_done, _ in standing(session) if is_handed and not is_done]
    assert handed() == [1, 3, 4]
    outbox.work_off(ids[0], lambda: None)
    assert handed() == [2, 3, 4]
    outbox.work_off(ids[1], lambda: 1 / 0)
    assert handed() == [3, 4], "the next one waits until the failing one has made it or is given up"
    outbox.note_failure(ids[1], "for good", is_final=True)
    assert handed() == [2, 3, 4, 5]


def test_work_is_done_once_and_its_failures_are_kept(session, store):
    put(session, ([1], None, None))
    [id_] = session.scalars(sa.select(Outbox.id))
    done = []
    for task in (lambda: 1 / 0, lambda: done.append(1), lambda: done.append(2)):
        outbox.work_off(id_, task)
    row = session.get(Outbox, id_, populate_existing=True)
    assert (done, row.attempts, row.last_error) == ([1], 1, "ZeroDivisionError: division by zero")
    assert row.done_at is not None and row.failed_at is None
    outbox.note_failure(id_, "too late")
    session.rollback()
    assert session.get(Outbox, id_, populate_existing=True).attempts == 1


def test_jobs_that_were_lost_with_the_queue_store_or_killed_their_workers_wait_again(session, store):
    put(session, ([1], None, None), ([2], None, None), ([3], None, None))
    first, second, third = session.scalars(sa.select(Outbox.id).order_by(Outbox.id)).all()
    outbox.dispatch()
    now = office.now()
    assert outbox.take_back_lost(now + outbox.LOST) == 0, "they are queued"
    store.delete(f"rq:job:outbox-{first}")
    store.hset(f"rq:job:outbox-{second}", "status", "failed")
    assert outbox.take_back_lost(now) == 0, "not yet"
    assert outbox.take_back_lost(now + outbox.LOST) == 2
    assert standing(session) == [(1, 0, False, False, False), (2, 1, False, False, False), (3, 0, True, False, False)]
    assert outbox.dispatch(now + outbox.LOST) == 2
    assert store.exists(f"rq:job:outbox-{first}") and store.exists(f"rq:job:outbox-{second}-1")
    assert outbox.take_back_lost(now + outbox.LOST) == 0
    assert third in session.scalars(sa.select(Outbox.id)).all()


def test_a_failing_job_of_a_real_worker_is_tried_again_in_its_time(session, store, monkeypatch):
    monkeypatch.setitem(worker.TASKS, "report", lambda run_id: 1 / 0)
    put(session, ([1], None, None))
    outbox.dispatch()
    work_off(store)
    assert standing(session) == [(1, 1, False, False, False)]
    assert outbox.dispatch() == 0
    monkeypatch.setitem(worker.TASKS, "report", lambda run_id: None)
    assert outbox.dispatch(office.now() + outbox.WAITS[0]) == 1
    work_off(store)
    assert standing(session) == [(1, 1, True, True, False)]
