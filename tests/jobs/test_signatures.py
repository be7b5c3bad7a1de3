"""Overdue signatures: whoever is asked is reminded, then the next level is told, each once; and the round shows it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from jobs import schedule
from models.history import Notice, Signature
from models.people import User
from rules import audit, office
from rules.access import Actor
from rules.act import Act
from tests import reading, rounds
from tests.casebook import Casebook, at, done
from tests.rounds import PLAN, submitted


@pytest.fixture
def book(app):
    return Casebook(app)


def press(book, now):
    """What the clock does every quarter of an hour."""
    with book.session() as session:
        said = schedule.KEPT["signatures"].function(Act(session, Actor.system(), now=now), now)
        session.commit()
        return said


def told(book, kind):
    with book.session() as session:
        return list(session.scalars(sa.select(User.username).join(Notice, Notice.person_id == User.id).where(
            Notice.kind == kind).order_by(User.username)))


def asked_at(book, plan, moment):
    """The first signature was asked for at this moment, and its time runs since."""
    with book.session() as session:
        act = Act(session, Actor.system(), now=moment)
        for row in session.scalars(sa.select(Signature).where(Signature.record_id == plan)):
            if row.asked_at is not None:
                row.asked_at, row.due_at = moment, act.add_workdays(moment, act.parameter("signature_days"))
        session.commit()


def test_a_signature_has_two_working_days_then_its_signers_are_reminded_then_the_next_level_is_told(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = submitted(book)
    asked_at(book, plan, at("2026-03-05 10:00"))          # a Thursday: due on Monday, the last second
    assert press(book, at("2026-03-09 23:59")) == "0 reminded, 0 escalated"
    assert press(book, at("2026-03-10 00:01")) == "1 reminded, 0 escalated"
    assert press(book, at("2026-03-10 00:16")) == "0 reminded, 0 escalated"
    assert told(book, "signature_overdue") == ["both", "quality_manager", "quality_manager2"]
    assert press(book, at("2026-03-11 23:59")) == "0 reminded, 0 escalated"
    assert press(book, at("2026-03-12 00:01")) == "0 reminded, 1 escalated"
    assert press(book, at("2026-03-12 00:16")) == "0 reminded, 0 escalated"
    assert told(book, "signature_escalated") == ["deputy_gm"]
    page = reading.text_of(book.person("sales").get(f"/admin/{PLAN}/details/?id={plan}").text)
    assert "上报主管副总" in page
    box = reading.text_of(book.person("deputy_gm").get("/admin/inbox/").text)
    assert "超期上报给我的" in box and book.read(PLAN, plan).number in box
    assert book.person("deputy_gm").move(PLAN, plan, "approve").status_code == 403, "told, not asked"
    done(book.person("quality_manager").move(PLAN, plan, "approve"))
    with book.session() as session:
        assert list(audit.verify(session)) == []
        second = session.scalar(sa.select(Signature).where(Signature.role == "deputy_gm"))
        assert second.asked_at and second.due_at > office.now() and second.reminded_at is None


def test_the_days_are_parameters_and_what_is_signed_or_withdrawn_troubles_nobody(book):
    book.set_parameter("signature_days", "5")
    book.set_parameter("signature_escalation_days", "0")
    signed, withdrawn, waiting = submitted(book), submitted(book), submitted(book)
    for plan in (signed, withdrawn, waiting):
        asked_at(book, plan, at("2026-03-05 10:00"))
    done(book.person("quality_manager").move(PLAN, signed, "approve"))
    done(book.person("sales").move(PLAN, withdrawn, "unsubmit", comment="改"))
    assert press(book, at("2026-03-12 23:59")) == "0 reminded, 0 escalated"
    assert press(book, at("2026-03-13 00:01")) == "1 reminded, 1 escalated"
    with book.session() as session:
        row = session.scalar(sa.select(Signature).where(Signature.record_id == waiting))
        assert row.escalated_to == "deputy_gm" and row.due_at + timedelta(days=1) > row.escalated_at
