"""The clock: what was missed is made up for in order, one of several leads, and a failing job harms only itself."""

from __future__ import annotations

import logging
import threading
from datetime import time, timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from jobs import clock, outbox, reports, schedule
from jobs.clock import Clock
from jobs.schedule import Every, Job, Monthly
from models.base import db
from models.history import Notice, Outbox, ScheduledJob
from models.people import User
from models.reports import ReportRun
from models.spec import Text
from rules import access, office
from rules.act import Act
from tests.casebook import at

NAME = Text("测试", "Test")
LONG_AGO = at("2024-01-20 12:00")


@pytest.fixture
def have(monkeypatch, session):
    """`have(job, ...)`: these are the jobs of the house, known since long ago."""
    def set_jobs(*jobs, since=LONG_AGO):
        monkeypatch.setattr(schedule, "JOBS", jobs)
        monkeypatch.setattr(schedule, "KEPT", {job.name: job for job in jobs if not job.fleeting})
        schedule.enrol(since)
    return set_jobs


def standing(session, name):
    session.rollback()
    return session.get(ScheduledJob, name, populate_existing=True)


def runs(session):
    session.rollback()
    return [(run.period, run.state) for run in session.scalars(sa.select(ReportRun).order_by(ReportRun.id))]


# Catching up ----------------------------------------------------------------------------------------------------------

def test_forty_days_of_downtime_are_made_up_for_in_order_and_once(session, store, have):
    done = []

    def note(name):
        return lambda act, due: done.append((name, due))
    have(Job("first", NAME, Monthly(1, time(0, 10)), note("first")),
         Job("last", NAME, Monthly(0, time(20, 0)), note("last")),
         Job("often", NAME, Every(timedelta(minutes=5)), note("often")))
    later = LONG_AGO + timedelta(days=41)
    Clock(store).tick(later)
    assert [(name, due) for name, due in done if name != "often"] == [
        ("last", at("2024-01-31 20:00")), ("first", at("2024-02-01 00:10")),
        ("last", at("2024-02-29 20:00")), ("first", at("2024-03-01 00:10"))]
    assert [name for name, _ in done].count("often") == 1
    assert standing(session, "first").due_at == at("2024-04-01 00:10")
    assert standing(session, "often").due_at == later + timedelta(minutes=5)
    done.clear()
    Clock(store).tick(later)
    assert done == []


def test_every_month_of_the_downtime_gets_its_summary_once(session, store, have):
    have(*(job for job in schedule.JOBS if job.name.startswith("quality_info_summary")))
    Clock(store).tick(LONG_AGO + timedelta(days=41))
    assert runs(session) == [("2024-01", "queued"), ("2024-02", "queued")]
    waiting = session.scalars(sa.select(Outbox.arguments).order_by(Outbox.id)).all()
    assert len(waiting) == 2  # the draft and the full one of a month that both wait are one run


def test_the_work_and_the_next_time_are_kept_together_or_not_at_all(session, store, have):
    def half(act, due):
        reports.request(act, "quality_info_summary", "2024-01")
        raise ZeroDivisionError
    have(Job("half", NAME, Monthly(1, time(0, 10)), half))
    Clock(store).tick(LONG_AGO + timedelta(days=20))
    assert runs(session) == []
    assert session.scalar(sa.select(sa.func.count()).select_from(Outbox)) == 0
    assert standing(session, "half").due_at == at("2024-02-01 00:10")


def test_what_it_wrote_is_handed_over_within_a_second(session, store):
    schedule.enrol(LONG_AGO)
    ticking = Clock(store)
    now = LONG_AGO + timedelta(days=15)
    ticking.tick(now)
    ticking.tick(now + timedelta(seconds=1))
    assert [job.args[0] for job in outbox.queue(store).jobs] == ["report"]


# Several clocks -------------------------------------------------------------------------------------------------------

def test_one_leads_and_the_other_takes_over_when_the_lead_runs_out(store):
    one, other = Clock(store), Clock(store)
    assert not clock.is_ticking(store)
    assert one.leads() and not other.leads() and one.leads()
    assert clock.is_ticking(store)
    assert 0 < store.ttl(clock.LEADER) <= clock.REIGN
    store.pexpire(clock.LEADER, 1)  # as when it was killed, a quarter of a minute later
    while store.exists(clock.LEADER):
        pass
    assert other.leads() and not one.leads()


def test_each_sign_of_life_prolongs_the_lead(store):
    one = Clock(store)
    assert one.leads()
    store.expire(clock.LEADER, 3)
    assert one.leads()
    assert store.ttl(clock.LEADER) > 3


def test_who_resigns_makes_room_at_once_and_nobody_resigns_for_another(store):
    one, other = Clock(store), Clock(store)
    one.leads()
    other.resign()
    assert not other.leads() and one.leads()
    one.resign()
    assert other.leads()


def test_two_that_tick_in_the_same_moment_do_each_job_once(app, session, store, have):
    done, met = [], threading.Barrier(2)

    def note(act, due):
        done.append(due)
        act.session.add(Outbox(job="report", arguments=[len(done)], created_at=act.now))
    have(Job("once", NAME, Monthly(1, time(0, 10)), note))

    def tick():
        with app.app_context():
            met.wait()
            Clock(store).tick(LONG_AGO + timedelta(days=100))
            db.session.remove()
    threads = [threading.Thread(target=tick) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [at(f"2024-0{month}-01 00:10") for month in (2, 3, 4)]
    assert session.scalar(sa.select(sa.func.count()).select_from(Outbox)) == 3


def test_no_clock_leads_while_the_store_is_away(app, store):
    from tests.jobs.test_outbox import store_down
    with app.app_context(), outbox.connection() as client, store_down(app):
        assert not Clock(client).leads()
        Clock(client).resign()  # nobody to tell, and no error


# Failing jobs ---------------------------------------------------------------------------------------------------------

def test_a_failing_job_is_logged_tried_again_ever_later_and_stops_nobody(session, store, have, caplog):
    tries, others = [], []

    def bad(act, due):
        tries.append(act.now)
        raise ZeroDivisionError

    have(Job("a_bad_one", NAME, Monthly(1, time(0, 10)), bad),
         Job("good", NAME, Monthly(1, time(0, 10)), lambda act, due: others.append(due)))
    ticking, start = Clock(store), at("2024-02-01 00:10")
    with caplog.at_level(logging.ERROR, "jobs.clock"):
        for second in range(0, 200):
            ticking.tick(start + timedelta(seconds=second))
    assert others == [start]
    waits = [(moment - start).total_seconds() for moment in tries]
    assert waits == [0, 10, 30, 70, 150]
    assert "a_bad_one failed" in caplog.text and "ZeroDivisionError" in caplog.text
    row = standing(session, "a_bad_one")
    assert (row.due_at, row.last_result) == (start, "failed (5): ZeroDivisionError")
    [told] = session.execute(sa.select(User.username, Notice.zh).join(User, User.id == Notice.person_id)).all()
    assert tuple(told) == ("administrator", "定时任务“测试”连续失败 5 次（ZeroDivisionError），系统继续重试")


def test_the_wait_after_failures_has_an_upper_limit_and_success_ends_it(session, store, have):
    answers = [ZeroDivisionError] * 12 + [None] * 3
    tries = []

    def moody(act, due):
        tries.append((act.now, due))
        if error := answers[len(tries) - 1]:
            raise error
        return "well done"
    have(Job("moody", NAME, Monthly(1, time(0, 10)), moody))
    ticking, now = Clock(store), at("2024-02-01 00:10")
    while len(tries) < 13:
        ticking.tick(now)
        now += timedelta(seconds=5)
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(tries)]
    assert max(gaps) == clock.LONGEST_DELAY
    row = standing(session, "moody")
    assert (row.last_result, row.due_at) == ("well done", at("2024-03-01 00:10"))
    ticking.tick(at("2024-03-01 00:10"))
    assert tries[-1] == (at("2024-03-01 00:10"), at("2024-03-01 00:10"))


def test_two_clocks_at_a_job_that_commits_skip_no_period(app, session, store, have):
    """It lets go of its row when it commits: both clocks do it, and its due time moves on by one month."""
    met, done = threading.Barrier(2, timeout=20), []

    def note(act, due):
        act.session.commit()
        done.append(due)
        if len(done) <= 2:
            met.wait()
    have(Job("committing", NAME, Monthly(1, time(0, 10)), note))

    def tick():
        with app.app_context():
            Clock(store).tick(at("2024-03-15 12:00"))
            db.session.remove()
    threads = [threading.Thread(target=tick) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(done) == {at("2024-02-01 00:10"), at("2024-03-01 00:10")}
    assert standing(session, "committing").due_at == at("2024-04-01 00:10")


def test_a_failing_fleeting_job_comes_again_within_half_a_minute(session, store, have):
    tries = []

    def bad(act, due):
        tries.append(act.now)
        raise ZeroDivisionError
    have(Job("flutter", NAME, Every(timedelta(seconds=1)), bad, fleeting=True))
    ticking, now = Clock(store), LONG_AGO
    for second in range(300):
        ticking.tick(now + timedelta(seconds=second))
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(tries)]
    assert gaps[0] == 10 and max(gaps) == 30


def test_a_clock_survives_a_database_that_is_away(app, session, store, monkeypatch, caplog):
    ticking, ticks = Clock(store), []

    def broken(now):
        ticks.append(now)
        if len(ticks) < 2:
            raise sa.exc.OperationalError("SELECT", {}, OSError("gone"))
        ticking.stopping.set()
    monkeypatch.setattr(schedule, "enrol", broken)
    ticking.run()
    assert len(ticks) == 2
    assert "a tick failed" in caplog.text
    assert not clock.is_ticking(store)  # it has resigned


# Lost runs ------------------------------------------------------------------------------------------------------------

def lost(session, now):
    """The clock looks for lost runs; how many jobs wait for each run now."""
    reports.queue_lost_again(Act(session, access.Actor.system(), now=now), now)
    session.commit()
    return [arguments[0] for arguments in session.scalars(
        sa.select(Outbox.arguments).where(Outbox.dispatched_at.is_(None)).order_by(Outbox.id))]


def asked(session, period="2024-01", **values):
    run = reports.request(Act(session, access.Actor.system(), now=LONG_AGO), "quality_info_summary", period)
    session.commit()
    outbox.dispatch()
    for name, value in values.items():
        setattr(run, name, value)
    session.commit()
    return run


def test_a_run_whose_process_died_is_queued_again_once(session, store):
    now = office.now()
    silent = asked(session, state="running", started_at=now, alive_at=now - reports.LOST)
    alive = asked(session, "2023-12", state="running", started_at=now, alive_at=now - reports.LOST + timedelta(seconds=1))
    over = asked(session, "2023-11", state="done", alive_at=LONG_AGO)
    assert lost(session, now) == [silent.id]
    assert lost(session, now) == [silent.id]
    session.expire_all()
    assert (silent.state, alive.state, over.state) == ("queued", "running", "done")


def test_a_queued_run_that_no_job_knows_of_is_queued_again(session, store):
    now = office.now()
    run = asked(session)
    run.asked_at = now - reports.FORGOTTEN
    session.commit()
    assert lost(session, now) == []  # its job waits in the queue
    store.flushall()
    run.asked_at = now - reports.FORGOTTEN + timedelta(seconds=1)
    session.commit()
    assert lost(session, now) == []  # not yet
    run.asked_at = now - reports.FORGOTTEN
    session.commit()
    assert lost(session, now) == [run.id]


def test_while_the_store_is_away_no_queued_run_counts_as_forgotten(app, session, store):
    from tests.jobs.test_outbox import store_down
    run = asked(session)
    with store_down(app):
        assert lost(session, office.now()) == []
    assert run.state == "queued"
