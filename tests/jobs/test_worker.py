"""The worker: a job may run twice, die, fail or meet itself, and still there is one result and one reason."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from rq import Worker
from rq.registry import FailedJobRegistry

from jobs import outbox, reports, worker
from models.base import Record, db
from models.reports import ReportRun
from models.spec import Invalid, Refused, Text
from rules import access, audit, office
from rules.act import Act
from tests import valid

NAME = "quality_info_summary"


@pytest.fixture
def cases(app):
    """Two cases of last month, so that there is something to count."""
    with valid.desk(app) as session:
        for _ in range(2):
            valid.record(session, "quality_info_transfer", received_at="2025-06-02T09:30")


@contextmanager
def handlers_kept():
    """A worker takes the signals of its process; the test run wants them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    levels = {name: logging.getLogger(name).handlers[:] for name in ("rq.worker", "rq.job")}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for name, handlers in levels.items():
            logging.getLogger(name).handlers[:] = handlers


def work_off(store):
    """A real worker performs what is queued, each job in a process of its own, and leaves."""
    db.session.rollback()
    with handlers_kept():
        worker.ForkingWorker([outbox.queue(store)], connection=store, serializer=outbox.SERIALIZER).work(
            burst=True, logging_level="WARNING")


def ask(session, period="2025-06"):
    run_id = reports.request(Act(session, access.Actor.system()), NAME, period).id
    session.commit()
    return run_id


def perform(session, run_id):
    """As a worker does, in this process."""
    session.rollback()
    worker.perform("report", run_id)


def run_of(session, id_):
    session.rollback()
    run = session.get(ReportRun, id_, populate_existing=True)
    session.expunge(run)
    session.rollback()  # nobody is kept waiting by a test that only looks
    return run


def summaries(session):
    session.rollback()
    model = Record.types[NAME].model
    return session.execute(sa.select(model.number, model.revision).order_by(model.id)).all()


def whole(session):
    return list(audit.verify(session))


def instead(monkeypatch, function):
    """The report compiles in this way."""
    monkeypatch.setitem(reports.REPORTS, NAME, replace(reports.REPORTS[NAME], compile=function))


# Once -----------------------------------------------------------------------------------------------------------------

def test_a_queued_run_comes_to_done_with_its_record(session, store, cases):
    run_id = ask(session)
    assert outbox.dispatch() == 1
    work_off(store)
    run = run_of(session, run_id)
    assert (run.state, run.progress, run.error_zh) == ("done", 100, None)
    assert len(run.records) == len(summaries(session)) == 1
    assert run.started_at <= run.alive_at <= run.finished_at
    assert whole(session) == []
    assert outbox.is_queue_empty()


def test_performed_twice_it_gives_one_record(session, store, cases):
    run_id = ask(session)
    outbox.dispatch()
    work_off(store)
    first, made = run_of(session, run_id).finished_at, summaries(session)
    for _ in range(2):
        perform(session, run_id)
    assert run_of(session, run_id).finished_at == first
    assert summaries(session) == made and len(made) == 1


def test_asked_again_the_same_record_is_compiled_anew(session, store, cases):
    for _ in range(2):
        ask(session)
        outbox.dispatch()
        work_off(store)
    assert [run.state for run in session.scalars(sa.select(ReportRun))] == ["done", "done"]
    assert len(summaries(session)) == 1
    assert whole(session) == []


def test_the_same_run_performed_by_two_at_once_is_compiled_once(app, session, store, cases):
    run_id, met, errors = ask(session), threading.Barrier(2), []

    def at_once():
        try:
            met.wait()
            with app.app_context():
                worker.perform("report", run_id)
        except Exception as error:
            errors.append(error)
    threads = [threading.Thread(target=at_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert run_of(session, run_id).state == "done"
    assert len(summaries(session)) == 1
    assert whole(session) == []


def test_two_who_ask_in_the_same_moment_get_the_same_run(app, session, store):
    met, found, errors = threading.Barrier(4), [], []

    def wish(period):
        try:
            with app.app_context():
                met.wait()
                found.append((period, ask(db.session, period)))
                db.session.remove()
        except Exception as error:
            errors.append(error)
    threads = [threading.Thread(target=wish, args=(period,)) for period in ("2025-06", "2025-06", "2025-06", "2025-05")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(found)) == 2
    assert sorted(session.scalars(sa.select(ReportRun.period))) == ["2025-05", "2025-06"]
    assert outbox.dispatch() == 2


def test_a_second_active_run_of_the_same_report_is_refused_by_the_database_itself(session):
    ask(session)
    session.add(ReportRun(report=NAME, period="2025-06", asked_at=office.now()))
    with pytest.raises(sa.exc.IntegrityError):
        session.commit()
    session.rollback()


# Dying ----------------------------------------------------------------------------------------------------------------

def test_a_process_that_dies_in_the_middle_leaves_nothing_half_done(app, session, store, cases, monkeypatch, caplog):
    run_id, compile_ = ask(session), reports.REPORTS[NAME].compile

    def die(task):
        compile_(task)
        os.kill(os.getpid(), signal.SIGKILL)
    with monkeypatch.context() as patch:
        instead(patch, die)
        outbox.dispatch()
        work_off(store)
    assert run_of(session, run_id).state == "running"
    assert summaries(session) == []
    # Nobody works on it: when it has been silent for long enough the next one takes over.
    session.execute(sa.update(ReportRun).values(alive_at=office.now() - reports.SILENCE))
    session.commit()
    perform(session, run_id)
    assert run_of(session, run_id).state == "done"
    assert len(summaries(session)) == 1
    assert whole(session) == []


def test_a_run_that_somebody_works_on_is_left_to_them(session, cases):
    run_id = ask(session)
    now = office.now()
    session.execute(sa.update(ReportRun).values(
        state="running", started_at=now, alive_at=now - reports.SILENCE + timedelta(seconds=3)))
    session.commit()
    perform(session, run_id)
    assert run_of(session, run_id).state == "running"
    assert summaries(session) == []


def test_who_was_taken_for_dead_and_comes_back_drops_what_it_did(session, cases, monkeypatch):
    run_id, compile_ = ask(session), reports.REPORTS[NAME].compile
    later = office.now() + timedelta(seconds=30)

    def slow(task):
        made = compile_(task)
        task.act.session.execute(sa.update(ReportRun).values(started_at=later))  # another one has begun
        return made
    instead(monkeypatch, slow)
    perform(session, run_id)
    assert run_of(session, run_id).state == "running"
    assert summaries(session) == []


def test_a_killed_worker_does_not_count_as_alive(session, store):
    gone = worker.ForkingWorker([outbox.queue(store)], connection=store, serializer=outbox.SERIALIZER)
    gone.register_birth()
    assert outbox.is_worker_alive()
    ended = os.fork()
    if ended == 0:
        os._exit(0)
    os.waitpid(ended, 0)
    store.hset(gone.key, "pid", ended)
    assert not outbox.is_worker_alive()


@contextmanager
def at_work(store):
    """Another process is at a job, and is killed in the middle of it."""
    other = os.fork()
    if other == 0:
        work_off(store)
        os._exit(0)
    try:
        end = time.monotonic() + 30
        while not any(one.pid == other and one.get_current_job_id()
                      for one in Worker.all(connection=store, serializer=outbox.SERIALIZER)):
            assert time.monotonic() < end
            time.sleep(0.02)
        yield
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)


def test_the_job_of_a_killed_worker_comes_back_at_once_and_that_of_a_living_one_stays(session, store, monkeypatch):
    # No report: one that was begun a moment ago would be left to whoever began it, and the second job end at once.
    monkeypatch.setitem(worker.TASKS, "report", lambda _run_id: time.sleep(60))
    ask(session)
    outbox.dispatch()
    for _ in range(2):   # the second time the one that was killed before is still listed, with the same job
        with at_work(store):
            outbox.take_back_started()
            assert outbox.queue(store).count == 0, "somebody is at it"
        outbox.take_back_started()
        assert outbox.queue(store).count == 1


# Failing --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("reason", "zh", "en"), [
    (Refused(Text("先退回", "Send it back first")), "先退回", "Send it back first"),
    (Invalid({"a": Text("缺批次", "No batch"), "b": Text("缺顾客", "No customer")}), "缺批次；缺顾客", "No batch; No customer"),
])
def test_a_run_that_cannot_be_done_says_why_in_both_languages(session, store, cases, monkeypatch, reason, zh, en):
    def refuse(task):
        raise reason
    instead(monkeypatch, refuse)
    run_id = ask(session)
    outbox.dispatch()
    work_off(store)
    run = run_of(session, run_id)
    assert (run.state, run.error_zh, run.error_en) == ("failed", zh, en)
    assert run.finished_at and run.records == []
    assert outbox.is_queue_empty()  # a reason is not a crash: it is not tried again
    assert FailedJobRegistry(queue=outbox.queue(store)).count == 0


@pytest.mark.parametrize(("language", "sentence"), [("zh", "先退回"), ("en", "Send it back first")])
def test_the_page_of_a_failed_run_says_why_in_the_language_of_its_reader(app, person, language, sentence):
    with valid.desk(app) as session:
        run = ReportRun(report=NAME, period="2025-06", asked_at=office.now(), state="failed", finished_at=office.now(),
                        error_zh="先退回", error_en="Send it back first")
        session.add(run)
        session.flush()
        address = f"/admin/reports/runs/{run.id}"
    reader = person("quality_engineer", language=language)
    assert sentence in reader.get(address).text
    assert reader.get(f"{address}.json").json["error"] == sentence


def test_a_record_that_is_further_on_is_named_as_the_reason(session, store, cases):
    ask(session)
    outbox.dispatch()
    work_off(store)
    model = Record.types[NAME].model
    further = next(state.name for state in model.spec.workflow.states if not model.spec.workflow.move("compile").source
                   or state.name not in model.spec.workflow.move("compile").source)
    act = Act(session, access.Actor.system(), is_history=True)
    record = session.scalars(sa.select(model)).one()
    number, record.state = record.number, further
    act.touch(record)
    session.commit()
    run_id = ask(session)
    perform(session, run_id)
    run = run_of(session, run_id)
    assert run.state == "failed"
    assert number in run.error_zh and number in run.error_en
    assert "不能重新汇总" in run.error_zh and "cannot be compiled again" in run.error_en


def test_a_bug_is_logged_keeps_nothing_and_says_so_in_both_languages(session, store, cases, monkeypatch):
    compile_ = reports.REPORTS[NAME].compile

    def broken(task):
        compile_(task)
        return 1 / 0
    instead(monkeypatch, broken)
    run_id = ask(session)
    with pytest.raises(ZeroDivisionError):
        perform(session, run_id)
    run = run_of(session, run_id)
    assert (run.state, run.error_zh, run.error_en) == ("failed", reports.BROKEN.zh, reports.BROKEN.en)
    assert summaries(session) == []
    assert whole(session) == []


def test_after_a_failure_the_same_report_can_be_asked_for_again(session, store, cases, monkeypatch):
    def broken(task):
        raise Refused(Text("不行", "No"))
    with monkeypatch.context() as patch:
        instead(patch, broken)
        first = ask(session)
        perform(session, first)
    second = ask(session)
    assert second != first
    perform(session, second)
    assert [run.state for run in session.scalars(sa.select(ReportRun).order_by(ReportRun.id))] == ["failed", "done"]


def test_a_transaction_that_got_in_the_way_of_another_is_tried_again(session, store, cases, monkeypatch):
    compile_, tries = reports.REPORTS[NAME].compile, []

    def unlucky(task):
        tries.append(1)
        if len(tries) == 1:
            raise sa.exc.OperationalError("UPDATE", {}, Exception("database is locked"))
        return compile_(task)
    instead(monkeypatch, unlucky)
    run_id = ask(session)
    perform(session, run_id)
    assert run_of(session, run_id).state == "done"
    assert len(tries) == 2 and len(summaries(session)) == 1
