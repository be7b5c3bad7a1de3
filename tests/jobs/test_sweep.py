"""The sweep: what comes near or has passed is told, noticed, escalated and cleared, each once, whoever runs it and however
often."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from jobs import deadlines, outbox, worker
from models.base import db
from models.history import DeadlineClock, Notice, Outbox
from models.people import User
from rules import access
from rules.act import Act
from tests import valid
from tests.conftest import DATABASE
from tests.casebook import Casebook, at, done
from tests.jobs.test_worker import work_off

SHEET, CASE, ACTION, NOTICE = "quality_info_transfer", "complaint_case", "corrective_action", "overdue_notice"
RECEIVED = at("2024-11-02 09:00")      # the reply is due a day later
DUE = RECEIVED + timedelta(hours=24)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


class Desk(Casebook):
    def sweep(self, now):
        """What the clock does every five minutes; the worker tells what it found."""
        with self.session() as session:
            swept = deadlines.sweep(Act(session, access.Actor.system(), now=now))
            session.commit()
        self.tell()
        return (swept.warned, swept.late, swept.escalated, swept.cleared)

    def tell(self):
        with self.session() as session:
            waiting = session.execute(sa.select(Outbox.job, Outbox.arguments).where(Outbox.dispatched_at.is_(None))).all()
            session.execute(sa.update(Outbox).values(dispatched_at=RECEIVED))
            session.commit()
        with self.app.app_context():
            for job, ids in waiting:
                worker.perform(job, *ids)

    def told(self, kind=None):
        """(who, what) of every notice."""
        with self.session() as session:
            rows = session.execute(sa.select(User.username, Notice.zh).join(User, User.id == Notice.person_id).where(
                Notice.kind == kind if kind else sa.true()).order_by(User.username, Notice.id))
            return [tuple(row) for row in rows]

    def people_told(self, kind):
        return sorted({who for who, _ in self.told(kind)})

    def sheet(self, **values):
        with valid.desk(self.app) as session:
            return valid.record(session, SHEET, values.pop("state", "replying"), received_at="2024-11-02T09:00", **{
                "replied_at": None, "arrived_at": None, **values}).id


@pytest.fixture
def book(app):
    """The small company itself owes nothing."""
    desk = Desk(app)
    with desk.session() as session:
        session.execute(sa.delete(DeadlineClock))
        session.commit()
    return desk


# A reply, from its warning to its clearing ----------------------------------------------------------------------------

def test_a_reply_is_warned_of_told_escalated_and_cleared_each_once(book):
    sheet = book.sheet(responsible_unit="U1")
    number = book.read(SHEET, sheet).number
    assert book.sweep(DUE - 6 * HOUR - SECOND) == (0, 0, 0, 0)
    assert book.sweep(DUE - 6 * HOUR) == (1, 0, 0, 0)     # the last quarter of 24 hours
    assert book.people_told("deadline_soon") == ["both", "quality_engineer", "quality_engineer2", "quality_manager",
                                                 "quality_manager2"]
    assert f"产品质量信息传递处置单 {number}：“首次答复时间”应于 2024-11-03 09:00 前完成" in dict(book.told())["both"]
    assert book.sweep(DUE) == (0, 0, 0, 0)                # exactly on the limit is on time
    assert book.ids(NOTICE) == []
    assert book.sweep(DUE + SECOND) == (0, 1, 0, 0)
    [notice] = book.ids(NOTICE)
    read = book.read(NOTICE, notice)
    assert (read.subject_number, read.deadline_id, read.limit_text, read.level, read.due_at, read.responsible_unit) == (
        number, "SLA-01", "24小时", "level_1", DUE, "U1")
    assert len(book.told("deadline_late")) == 5
    for moment in (DUE + MINUTE, DUE + 24 * HOUR):
        assert book.sweep(moment) == (0, 0, 0, 0)
    assert book.sweep(DUE + 24 * HOUR + SECOND) == (0, 0, 1, 0)
    assert book.read(NOTICE, notice).level == "level_2"
    assert ("unit_lead", f"逾期反应单 {read.number} 已升至二级（{number} 首次答复时间，期限 2024-11-04 09:00）") in book.told()
    assert "unit_lead2" not in book.people_told("deadline_late")     # the head of another unit
    assert book.sweep(DUE + 72 * HOUR + SECOND) == (0, 0, 1, 0)
    assert (book.read(NOTICE, notice).level, "deputy_gm" in book.people_told("deadline_late")) == ("level_3", True)
    told = book.told()
    assert book.sweep(DUE + 500 * HOUR) == (0, 0, 0, 0)
    book.as_it_was(SHEET, sheet, replied_at=DUE + 100 * HOUR)
    assert book.clock(SHEET, sheet, "reply") == ("missed", DUE)
    assert book.sweep(DUE + 101 * HOUR) == (0, 0, 0, 1)
    read = book.read(NOTICE, notice)
    assert (read.state, read.cleared_at) == ("cleared", DUE + 101 * HOUR)
    assert book.sweep(DUE + 102 * HOUR) == (0, 0, 0, 0)
    assert (book.ids(NOTICE), book.told()) == ([notice], told)


def test_what_is_done_in_time_is_told_to_nobody(book):
    sheet = book.sheet()
    book.as_it_was(SHEET, sheet, replied_at=RECEIVED + HOUR)
    assert book.sweep(DUE + 500 * HOUR) == (0, 0, 0, 0)
    assert book.told() == []


def test_after_a_long_absence_every_level_is_reached_in_one_sweep(book):
    book.sheet()
    assert book.sweep(DUE + timedelta(days=40)) == (0, 1, 2, 0)
    assert [book.read(NOTICE, id_).level for id_ in book.ids(NOTICE)] == ["level_3"]
    assert book.told("deadline_soon") == []


def test_the_holder_is_told_before_and_after(book):
    """The technician who is sent is not among those whom the declaration names."""
    sheet = book.sheet(state="dispatched", handling_mode="on_site", responsible_unit="U1", province="重庆市",
                       technician=book.user("technician"), replied_at="2024-11-02T10:00")
    assert book.sweep(DUE - HOUR)[0] == 1
    assert "technician" in book.people_told("deadline_soon") and "technician2" not in book.people_told("deadline_soon")
    book.sweep(DUE + SECOND)
    assert "technician" in book.people_told("deadline_late")
    notice = book.read(NOTICE, book.ids(NOTICE)[0])
    assert (notice.handler, notice.deadline_name) == (book.user("technician"), "到达现场时间")
    assert book.clock(SHEET, sheet, "reply")[0] == "met"     # each promise has a verdict of its own


# Other limits, answers, other endings ---------------------------------------------------------------------------------

def action(book, promised="2099-11-20T17:00"):
    id_ = book.person("quality_engineer").create(ACTION, book.corrective_action())
    book.as_it_was(ACTION, id_, state="planned", issued_at=at("2099-11-02 09:00"), promised_at=at(promised.replace("T", " ")))
    return id_


def test_a_limit_that_moves_clears_its_notice_and_begins_anew(book):
    id_, late = action(book), at("2099-11-20 17:00:01")
    assert book.sweep(late)[1] == 1
    book.as_it_was(ACTION, id_, promised_at=at("2099-11-25 17:00"))
    assert book.sweep(late + MINUTE) == (0, 0, 0, 1)
    assert book.sweep(at("2099-11-24 17:00")) == (1, 0, 0, 0)
    book.sweep(at("2099-11-25 17:00:01"))
    assert [book.read(NOTICE, notice).state for notice in book.ids(NOTICE)] == ["cleared", "issued"]


@pytest.mark.parametrize("ending", [{"state": "cancelled"}, {"issued_at": None, "promised_at": None, "state": "draft"}])
def test_what_is_not_owed_any_more_is_cleared(book, ending):
    id_ = action(book)
    book.sweep(at("2099-11-20 17:00:01"))
    book.as_it_was(ACTION, id_, **ending)
    assert book.sweep(at("2099-11-21 09:00")) == (0, 0, 0, 1)
    book.as_it_was(ACTION, id_, team="三人")
    assert book.sweep(at("2099-11-22 09:00")) == (0, 0, 0, 0)


def test_an_answered_notice_rises_no_further_unless_it_is_sent_back_and_its_new_limit_is_watched(book):
    action(book)
    late = at("2099-11-20 17:00:01")
    book.sweep(late)
    [notice] = book.ids(NOTICE)
    done(book.person("unit").move(NOTICE, notice, "answer", reason="缺料", new_due_at="2099-11-23T17:00"))
    assert book.sweep(late + timedelta(days=1)) == (0, 0, 0, 0)
    assert book.sweep(at("2099-11-23 17:00:01"))[1:] == (1, 0, 0)
    assert any("“消除时间”已超过期限 2099-11-23 17:00" in words for who, words in book.told() if who == "unit_lead")
    done(book.person("customer_service").move(NOTICE, notice, "send_back", comment="原因不清"))
    assert book.sweep(at("2099-11-23 18:00")) == (0, 0, 2, 0)
    assert (book.read(NOTICE, notice).level, len(book.ids(NOTICE))) == ("level_3", 1)


def test_a_level_that_was_reached_is_not_reached_again_by_sending_the_answer_back(book):
    action(book)
    book.sweep(at("2099-11-21 17:00:01"))
    [notice] = book.ids(NOTICE)
    assert book.read(NOTICE, notice).level == "level_2"
    done(book.person("unit").move(NOTICE, notice, "answer", reason="缺料", new_due_at="2099-12-23T17:00"))
    done(book.person("customer_service").move(NOTICE, notice, "send_back", comment="原因不清"))
    told = book.told()
    assert book.sweep(at("2099-11-21 18:00")) == (0, 0, 0, 0)
    assert (book.read(NOTICE, notice).level, book.told()) == ("level_2", told)


def test_a_complaint_is_marked_as_late_and_keeps_its_notice_when_it_gets_its_number(book):
    case = book.person("sales").create(CASE, book.complaint(time_limit="h24"))
    book.act("customer_service", CASE, case, "register", now=at("2024-11-02 10:00"))
    assert book.read(CASE, case).is_overdue is False
    assert book.sweep(at("2024-11-03 10:00:01")) == (0, 2, 0, 0)
    assert book.read(CASE, case).is_overdue is True
    assert sorted(book.read(NOTICE, id_).deadline_id for id_ in book.ids(NOTICE)) == ["SLA-02", "SLA-26"]


def test_br_05_a_promise_is_warned_of_a_day_before_and_its_breach_recorded(book):
    case = book.person("sales").create(CASE, book.complaint(time_limit="h72"))
    book.act("customer_service", CASE, case, "register", now=at("2024-11-02 10:00"))
    promise = {"notified_at": "2024-11-02T11:00", "notified_by": str(book.user("sales")), "channel": "phone",
               "promised_at": "2024-11-20T17:00"}
    book.edit("customer_service", CASE, case, now=at("2024-11-02 12:00"), customer_contact_memo=str(book.recorded_memo()))
    book.edit("customer_service", CASE, case, now=at("2024-11-02 12:00"), promises=[promise])
    book.act("customer_service", CASE, case, "reply", now=at("2024-11-02 12:00"), reply_text="返工")
    book.sweep(at("2024-11-19 16:59:59"))
    assert not any("效果确认时间" in words for _, words in book.told("deadline_soon"))
    book.sweep(at("2024-11-19 17:00"))
    warned = [who for who, words in book.told("deadline_soon") if "效果确认时间" in words and "2024-11-20 17:00" in words]
    assert warned == ["both", "quality_manager", "quality_manager2", "sales"]     # `sales` wrote the case
    book.sweep(at("2024-11-20 17:00"))
    assert "SLA-05" not in [book.read(NOTICE, id_).deadline_id for id_ in book.ids(NOTICE)]
    book.sweep(at("2024-11-20 17:00:01"))
    assert "SLA-05" in [book.read(NOTICE, id_).deadline_id for id_ in book.ids(NOTICE)]


def test_the_end_of_a_qualification_is_told_a_month_before_and_is_no_overdue_step(book):
    with valid.desk(book.app) as session:
        valid.record(session, "staff_qualification", "valid", valid_from_on="2024-01-01", valid_until_on="2026-11-19",
                     person=book.user("technician"))
    assert book.sweep(at("2026-10-20 23:59:58")) == (0, 0, 0, 0)
    assert book.sweep(at("2026-10-20 23:59:59")) == (1, 0, 0, 0)
    assert {"technician", "evaluator", "customer_service"} <= set(book.people_told("deadline_soon"))
    assert book.sweep(at("2026-11-20 00:00")) == (0, 1, 0, 0)
    assert book.ids(NOTICE) == []


# Twice, at once, failing ----------------------------------------------------------------------------------------------

def test_two_clocks_at_once_for_ten_minutes_do_nothing_twice(app, book, store):
    """Both tick every second of ten simulated minutes, in which the limit of ten sheets passes."""
    from jobs import schedule
    from jobs.clock import Clock
    for _ in range(10):
        book.sheet()
    with app.app_context():
        schedule.enrol(DUE - 5 * MINUTE)
    met, failed = threading.Barrier(2), []

    def tick():
        with app.app_context():
            clock = Clock(store)
            try:
                for second in range(0, 601, 20):
                    met.wait(60)
                    clock.tick(DUE - 5 * MINUTE + timedelta(seconds=second))
            except Exception as error:
                failed.append(error)
                met.abort()
            db.session.remove()
    threads = [threading.Thread(target=tick) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(book.ids(NOTICE)) == 10
    with book.session() as session:
        outbox.dispatch()
        work_off(store)
        counts = session.execute(sa.select(Notice.kind, sa.func.count()).group_by(Notice.kind).order_by(Notice.kind)).all()
        open_ = session.scalar(sa.select(sa.func.count()).select_from(DeadlineClock).where(
            DeadlineClock.type == SHEET, DeadlineClock.told == "late", DeadlineClock.notice_id.is_not(None)))
    assert ([tuple(row) for row in counts], open_) == ([("deadline_late", 50)], 10)


def test_a_worker_that_tells_twice_tells_once(book):
    book.sheet()
    book.sweep(DUE + SECOND)
    told = book.told()
    with book.session() as session:
        session.execute(sa.update(Outbox).values(dispatched_at=None))
        session.commit()
    book.tell()
    assert book.told() == told


def test_one_clock_that_cannot_be_dealt_with_stops_no_other(book, monkeypatch):
    bad, good = book.sheet(), book.sheet()
    make = deadlines.raise_notices

    def failing(clocks, act):
        if any(clock.record_id == bad for clock in clocks):
            raise ZeroDivisionError
        return make(clocks, act)
    monkeypatch.setattr(deadlines, "raise_notices", failing)
    assert book.sweep(DUE + SECOND)[1] == 1
    assert [book.read(NOTICE, id_).subject_number for id_ in book.ids(NOTICE)] == [book.read(SHEET, good).number]
    assert [who for who, words in book.told("job_failed")] == ["administrator"]
    monkeypatch.undo()
    assert book.sweep(DUE + 30 * MINUTE) == (0, 0, 0, 0)
    assert book.sweep(DUE + SECOND + HOUR)[1] == 1
    assert len(book.ids(NOTICE)) == 2


if DATABASE == "postgresql":
    def test_what_somebody_saves_just_now_is_left_for_the_next_sweep(app, book):
        """On PostgreSQL the record is held; on SQLite nobody else writes meanwhile, so there is nothing to try."""
        held, free = book.sheet(), book.sheet()
        with app.app_context():
            act = Act(db.session, access.Actor.system())
            act.lock(act.get(SHEET, held))
            swept = []
            thread = threading.Thread(target=lambda: swept.append(book.sweep(DUE + SECOND)))
            thread.start()
            thread.join(20)
            db.session.rollback()
        assert swept == [(0, 1, 0, 0)]
        assert book.sweep(DUE + 2 * SECOND) == (0, 1, 0, 0)
        assert len(book.ids(NOTICE)) == 2 and free


def test_the_statements_of_a_sweep_do_not_grow_with_what_is_due(app, book):
    from tests.test_statement_counts import counted
    taken = []
    for count in (3, 30):
        for _ in range(count):
            book.sheet()
        with counted(app) as statements, book.session() as session:
            deadlines.sweep(Act(session, access.Actor.system(), now=DUE + SECOND))
        taken.append(len(statements))
    assert taken[0] == taken[1], taken
    assert len(book.ids(NOTICE)) == 33


def killed(app, at_statement):
    """A process of its own sweeps, and is killed as it sends its n-th statement."""
    child = os.fork()
    if child == 0:
        try:
            with app.app_context():
                db.engine.dispose(close=False)     # the parent's connections stay the parent's
                sent = iter(range(1, at_statement))
                sa.event.listen(db.engine, "before_cursor_execute", lambda *_: next(sent, None) or os.kill(os.getpid(), signal.SIGKILL))
                deadlines.sweep(Act(db.session, access.Actor.system(), now=DUE + SECOND))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_sweep_that_is_killed_anywhere_loses_and_doubles_nothing(app, book, monkeypatch):
    monkeypatch.setattr(deadlines, "BATCH", 2)
    for _ in range(6):
        book.sheet()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    died, seen = [], []
    for statement in (1, 4, 9, 14, 19):     # within the first batches, and between them
        died.append(killed(app, statement))
        seen.append(len(book.ids(NOTICE)))
    assert all(died[:4]) and seen == sorted(seen) and not any(count % 2 for count in seen), (died, seen)
    book.sweep(DUE + SECOND)
    book.sweep(DUE + SECOND)
    subjects = [book.read(NOTICE, id_).subject_number for id_ in book.ids(NOTICE)]
    assert len(subjects) == len(set(subjects)) == 6
    assert len(book.told("deadline_late")) == 6 * 5
    numbers = [book.read(NOTICE, id_).number for id_ in book.ids(NOTICE)]
    assert [int(number[-4:]) for number in numbers] == list(range(1, 7))     # no number was lost with a process
