"""What the administrator sees and does: scheduled jobs, failed jobs, the health of the house, and what is swept."""

from __future__ import annotations

import io
import os
import re
from datetime import time, timedelta

import pytest
import sqlalchemy as sa

from jobs import clock, health, outbox, schedule, upkeep
from jobs.clock import Clock
from jobs.schedule import Every, Job, Monthly
from models.files import Attachment
from models.history import AuditEntry, Notice, Outbox, ScheduledJob
from models.people import User
from models.retention import Archive, RetentionList
from models.spec import Text
from rules import access, audit, file_store, office
from rules.act import Act
from tests.casebook import at, done
from tests.jobs.test_clock import LONG_AGO
from tests.jobs.test_outbox import store_down
from tests.test_notices import bell, listed
from tests.valid import desk

NAME = Text("清点", "Counting")


@pytest.fixture
def boss(person):
    return person("administrator")


@pytest.fixture
def have(app, monkeypatch):
    """`have(job, ...)`: these are the jobs of the house, known since long ago."""
    def set_jobs(*jobs):
        monkeypatch.setattr(schedule, "JOBS", jobs)
        monkeypatch.setattr(schedule, "KEPT", {job.name: job for job in jobs})
        with desk(app):
            schedule.enrol(LONG_AGO)
    return set_jobs


def each_first(function):
    """A job for the first night of each month."""
    return Job("count", NAME, Monthly(1, time(0, 10)), function)


def tick(app, ticking, now):
    with desk(app):
        ticking.tick(now)


def read(app, query):
    with desk(app) as session:
        return session.execute(query).all()


def audited(app, subject):
    return read(app, sa.select(AuditEntry.action, AuditEntry.number, AuditEntry.actor_id).where(
        AuditEntry.type == subject).order_by(AuditEntry.id))


def job(app, name):
    """(due, paused, asked for)"""
    [row] = read(app, sa.select(ScheduledJob.due_at, ScheduledJob.paused_at, ScheduledJob.asked_at).where(
        ScheduledJob.name == name))
    return row


def test_a_job_is_paused_resumed_and_run_now_and_misses_nothing(app, store, have, boss):
    done_for = []
    have(each_first(lambda act, due: done_for.append(due)))
    ticking, later = Clock(store), at("2024-03-15 12:00")
    done(boss.post("/admin/jobs/count/pause"))
    assert "已暂停" in boss.get("/admin/jobs/").text
    tick(app, ticking, later)
    assert done_for == []
    done(boss.post("/admin/jobs/count/run"))
    assert "马上" in boss.get("/admin/jobs/").text
    tick(app, ticking, later)
    assert done_for == [at("2024-02-01 00:10")], "asked for, the oldest that was missed is done, and only that"
    done(boss.post("/admin/jobs/count/resume"))
    tick(app, ticking, later)
    assert done_for == [at("2024-02-01 00:10"), at("2024-03-01 00:10")]
    done(boss.post("/admin/jobs/count/run"))
    tick(app, ticking, later)
    tick(app, ticking, later)
    assert done_for[2:] == [later], "asked for ahead of its time it is done once ..."
    assert job(app, "count").due_at == at("2024-04-01 00:10"), "... and still comes then"
    [(who,)] = read(app, sa.select(User.id).where(User.username == "administrator"))
    assert audited(app, "scheduled_job") == [
        (action, "count", who) for action in ("pause_job", "run_job", "resume_job", "run_job")]
    for address in ("/admin/jobs/no_such/run", "/admin/jobs/count/forget"):
        assert boss.post(address).status_code == 404


def test_a_job_that_fails_is_shown_with_its_reason_and_told_once_a_day(app, store, have, boss, person):
    def bad(act, due):
        raise ZeroDivisionError
    have(each_first(bad))
    start = at("2024-02-01 00:10")
    tick(app, Clock(store), start)
    assert "failed (1): ZeroDivisionError" in boss.get("/admin/jobs/").text
    for moment in (start, start + timedelta(minutes=5), start + timedelta(days=1)):
        with desk(app) as session:
            schedule.tell_failures(Act(session, access.Actor.system(), now=moment), moment)
    assert bell(boss) == "2"
    assert listed(boss)[0] == (' class="new"', "/admin/jobs/", "定时任务“清点”失败，会自动重试：failed (1): ZeroDivisionError")
    assert read(app, sa.select(sa.func.count(Notice.person_id.distinct()))) == [(1,)]
    assert bell(person("sales")) == "0"


def test_a_failed_job_is_retried_or_dropped_and_both_are_audited(app, store, boss):
    rows = [Outbox(job="report", arguments=[n], created_at=LONG_AGO, dispatched_at=LONG_AGO, failed_at=office.now(), attempts=7,
                   last_error=f"Reason{n}: <b>") for n in (1, 2)]
    with desk(app) as session:
        session.add_all(rows)
        session.flush()
        ids = [row.id for row in rows]
    page = boss.get("/admin/jobs/").text
    assert "Reason1: &lt;b&gt;" in page and "<td class=\"num\" data-label=\"次数\">7</td>" in page
    done(boss.post(f"/admin/jobs/failed/{ids[0]}/retry"))
    done(boss.post(f"/admin/jobs/failed/{ids[1]}/drop"))
    assert "Reason" not in boss.get("/admin/jobs/").text
    assert [job.args for job in outbox.queue(store).jobs] == [["report", 1]]
    assert [row[:2] for row in audited(app, "outbox")] == [("retry_job", str(ids[0])), ("drop_job", str(ids[1]))]
    for id_ in ids:
        assert boss.post(f"/admin/jobs/failed/{id_}/retry").status_code == 404
    with desk(app) as session:
        assert not list(audit.verify(session))


def test_nothing_of_this_is_for_anybody_else(app, store, person):
    with desk(app):
        schedule.enrol(LONG_AGO)
    for username in ("quality_manager", "general_manager"):
        other = person(username)
        for address in ("/admin/jobs/", "/admin/health/"):
            assert other.get(address).status_code == 403
        for address in ("/admin/jobs/seal_audit/pause", "/admin/jobs/seal_audit/run", "/admin/jobs/failed/1/retry"):
            assert other.post(address).status_code == 403
    assert job(app, "seal_audit")[1:] == (None, None)


# Health ---------------------------------------------------------------------------------------------------------------

def test_the_health_of_the_house_is_told_in_words_and_figures(app, store, boss):
    now = office.now()
    rows = [
        Outbox(job="report", arguments=[1], created_at=now - timedelta(seconds=90)),
        Outbox(job="report", arguments=[2], created_at=LONG_AGO, not_before=now + timedelta(hours=1)),
        Outbox(job="report", arguments=[3], created_at=LONG_AGO, dispatched_at=LONG_AGO, failed_at=now, last_error="x"),
        Outbox(job="report", arguments=[4], created_at=LONG_AGO, dispatched_at=LONG_AGO, failed_at=now, done_at=now)]
    with desk(app) as session:
        session.add_all(rows)

    def said():
        answer = boss.get("/server/health")
        assert answer.status_code == (200 if answer.json["status"] == "ok" else 503)
        return answer.json
    found = said()
    assert [found[part] for part in ("database", "queue", "workers", "clock", "disk")] == ["ok", "ok", "none", "silent", "ok"]
    figures = found["figures"]
    assert (figures["queue_depth"], figures["outbox_waiting"], figures["failed_jobs"], figures["workers"]) == (0, 1, 1, 0)
    assert 90 <= figures["oldest_job_seconds"] < 120 and figures["disk_free_bytes"] > 0 and figures["last_tick"] is None
    with desk(app):
        outbox.dispatch()
    assert said()["figures"]["queue_depth"] == 1 and said()["figures"]["oldest_job_seconds"] < 60
    store.set(clock.LEADER, "somebody", ex=15)
    store.set(clock.LAST_TICK, now.isoformat())
    assert (said()["clock"], said()["figures"]["last_tick"]) == ("ok", now.isoformat())
    store.set(clock.LAST_TICK, (now - health.SILENCE - timedelta(seconds=1)).isoformat())
    assert said()["clock"] == "silent", "it leads, but does not come through its work"
    page = boss.get("/admin/health/").text
    assert re.search(r"失败的任务 <span class=\"count\">1</span>.*?<li>报表.*? x</li>.*?/admin/jobs/#page-failed", page, re.S)
    assert "有故障" in page and "没有运行" in page and "停了" in page
    with store_down(app):
        found = said()
        assert found["queue"] == "no answer" and found["figures"]["queue_depth"] is None
        assert "没有回应" in boss.get("/admin/health/").text


def test_a_clock_that_ticks_says_so(app, store, have):
    ticking = Clock(store)
    have(Job("count", NAME, Every(timedelta(days=1)), lambda act, due: ticking.stopping.set()))
    with desk(app):
        ticking.run()
    assert office.now() - clock.last_tick(store) < timedelta(seconds=30)


# Sweeping -------------------------------------------------------------------------------------------------------------

def kept(content, *, hours_ago):
    """Bytes in the store since then; their hash."""
    with file_store.incoming(io.BytesIO(content), 1000) as arrived:
        arrived.keep()
    touched(arrived.sha256, hours_ago)
    return arrived.sha256


def touched(sha256, hours_ago):
    moment = office.now().timestamp() - hours_ago * 3600
    os.utime(file_store.path_of(sha256), (moment, moment))


def test_bytes_that_nothing_names_any_more_are_swept_and_no_others(app, session):
    now = office.now()
    lists = RetentionList(as_of=now.date(), proposed_at=now, state="done", is_under_way=None)
    session.add(lists)
    session.flush()
    named, removed, staged, given_up, erased, archived, nobody, fresh = (
        kept(f"{n} {os.getpid()}".encode(), hours_ago=hours)
        for n, hours in enumerate((999, 999, 999, 999, 999, 999, 999, 1)))

    def file(sha256, days=30, **more):
        session.add(Attachment(**{"type": "customer", "record_id": 1, "name": "a.txt", "media_type": "text/plain", "size": 1,
                                  "sha256": sha256, "uploaded_at": now - timedelta(days=days), **more}))
    file(named)
    file(removed, removed_at=now)
    file(staged, days=6, record_id=None)
    file(given_up, days=8, record_id=None)
    file(erased, erased_at=now)
    session.add(Archive(list_id=lists.id, type="customer", year=2020, record_count=1, size=1, sha256=archived, made_at=now))
    session.commit()
    upkeep.sweep_files(Act(session, access.Actor.system()), now)
    session.commit()
    left = {sha256 for sha256 in (named, removed, staged, given_up, erased, archived, nobody, fresh)
            if file_store.path_of(sha256).exists()}
    assert left == {named, removed, staged, archived, fresh}
    assert session.scalar(sa.select(sa.func.count()).select_from(Attachment)) == 4


@pytest.mark.once
def test_bytes_that_come_in_again_while_they_are_swept_stay(app):
    before, sha256 = office.now() - timedelta(days=1), kept(b"again", hours_ago=99)
    touched(sha256, 0)   # kept anew after the sweep had looked
    assert not file_store.drop(sha256, before) and file_store.hash_of(sha256) == sha256
    touched(sha256, 99)
    assert file_store.drop(sha256, before) and not file_store.path_of(sha256).exists()
    assert not file_store.drop(sha256, before)


def test_what_was_done_long_ago_is_forgotten_and_what_failed_is_not(session):
    now = office.now()
    old, new = now - outbox.KEPT_DONE - timedelta(seconds=1), now - outbox.KEPT_DONE
    for n, values in enumerate(({"done_at": old}, {"done_at": new}, {"failed_at": old}, {"dispatched_at": old}, {})):
        session.add(Outbox(job="report", arguments=[n], created_at=old, **values))
    session.commit()
    upkeep.tidy_outbox(Act(session, access.Actor.system(), now=now), now)
    session.commit()
    assert [arguments[0] for arguments in session.scalars(sa.select(Outbox.arguments).order_by(Outbox.id))] == [1, 2, 3, 4]
