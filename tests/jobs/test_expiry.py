"""Moves that the clock makes when their time has come: once each, and whatever becomes of the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import expiry, schedule
from models.spec import Refused
from rules import access, office
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, at

FORM, SQL = "satisfaction_questionnaire", "staff_qualification"
NOW = at("2026-11-20 00:05")


@pytest.fixture
def book(app):
    return Casebook(app)


def due_moves(book, now=NOW):
    with book.session() as session:
        return expiry.make_due_moves(Act(session, access.Actor.system(), now=now))


def qualification(book, until, state="valid"):
    with valid.desk(book.app) as session:
        return valid.record(session, SQL, state, valid_from_on="2024-01-01", valid_until_on=until).id


def form(book, state="sent", answered=True, **given):
    answer = {"item": "quality", "weight": "1", "max_points": "100", **({"points": "80"} if answered else {})}
    with valid.desk(book.app) as session:
        plan = valid.record(session, "satisfaction_survey_plan", "collecting", scoring_scale="ten_point", due_on="2026-12-31")
        return valid.record(session, FORM, state, satisfaction_survey_plan=str(plan.id), answers=[answer], **given).id


def test_a_qualification_expires_the_day_after_its_last(book):
    last_day, over = qualification(book, "2026-11-20"), qualification(book, "2026-11-19")
    pending = qualification(book, "2026-11-01", state="pending")
    assert due_moves(book) == 1
    assert [book.state(SQL, id_) for id_ in (last_day, over, pending)] == ["valid", "expired", "pending"]


@pytest.mark.parametrize(("sent", "chased", "state"), [
    ("2026-10-01T09:00", "2026-11-05T09:00", "expired"), ("2026-10-01T09:00", "", "sent"),
    ("2026-11-01T09:00", "2026-11-05T09:00", "sent")])
def test_a_form_expires_once_it_is_overdue_and_was_chased(book, sent, chased, state):
    id_ = form(book, sent_at=sent, chased_at=chased)
    due_moves(book)
    assert book.state(FORM, id_) == state


def test_a_returned_form_is_scored_if_it_is_valid(book):
    returned = {"sent_at": "2026-11-01T09:00", "returned_at": "2026-11-18T09:00"}
    good, empty = form(book, "returned", **returned), form(book, "returned", answered=False, **returned)
    due_moves(book)
    assert [book.state(FORM, id_) for id_ in (good, empty)] == ["scored", "returned"]


def test_a_second_time_there_is_nothing_left(book):
    id_ = qualification(book, "2026-11-19")
    assert (due_moves(book), due_moves(book)) == (1, 0)
    assert len(book.audited(SQL, id_, "move:expire")) == 1


def test_one_that_fails_stops_no_other(book, monkeypatch):
    bad, good = qualification(book, "2026-11-19"), qualification(book, "2026-11-18")
    make = Act.make

    def refusing(act, record, move):
        if record.id == bad:
            record.remark = "half done"
            raise Refused(schedule.KEPT["due_moves"].label)
        return make(act, record, move)
    monkeypatch.setattr(Act, "make", refusing)
    assert due_moves(book) == 1
    assert [book.state(SQL, id_) for id_ in (bad, good)] == ["valid", "expired"]
    assert book.read(SQL, bad).remark is None


def test_the_clock_makes_them_every_night_and_goes_on(session, store, book):
    from jobs.clock import Clock
    from models.history import ScheduledJob
    id_ = qualification(book, "2026-11-19")
    schedule.enrol(NOW - timedelta(hours=2))
    Clock(store).tick(NOW)
    session.rollback()
    row = session.get(ScheduledJob, "due_moves", populate_existing=True)
    told = row.last_result, office.local(row.due_at).strftime("%m-%d %H:%M")
    session.rollback()
    assert told == ("1 moves", "11-21 00:05")
    assert book.state(SQL, id_) == "expired"
