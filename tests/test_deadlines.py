"""Deadline clocks: started by the record, met or missed to the second, stopped when nothing is owed any more, and re-timed
by the record only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from models.base import Record
from models.history import DeadlineClock
from rules import office, parameters, records
from rules.access import Actor
from rules.act import Act
from tests.casebook import Casebook, at

SECOND = timedelta(seconds=1)
START = at("2026-10-01 18:00")   # the eve of a holiday week


@pytest.fixture
def desk(session):
    """Keeps records as history has them, and reads their clocks."""
    class Desk:
        act = Act(session, Actor.system("import"), is_history=True)

        def keep(self, record, **values):
            if record.id:
                session.refresh(record)
            for name, value in values.items():
                field = record.spec.fields.get(name)
                setattr(record, field.column if field else name, value)
            records.keep(Act(session, Actor.system("import"), is_history=True), record, {})
            session.commit()
            return record

        def new(self, type_name, **values):
            return self.keep(records.blank(self.act, Record.types[type_name]), **values)

        def clock(self, record, name):
            found = session.scalar(sa.select(DeadlineClock).where(
                DeadlineClock.type == record.spec.name, DeadlineClock.record_id == record.id, DeadlineClock.name == name)
                .execution_options(populate_existing=True))
            return found and (found.state, found.due_at)

        def customer(self):
            return self.act.find("customer", name="客户A")[0].id

        def batch(self):
            return self.act.find("product_batch", batch_no="B2608")[0].id

        def record(self, kind, **values):
            return self.new(kind, **{**getattr(self, kind)(), **values})

        def info_flow_card(self):
            return {"source": "phone", "customer": self.customer(), "product_batch": self.batch(), "quality_info": "异响",
                    "handler": 1, "state": "sent_to_qa", "sent_to_qa_at": START}

        def quality_info_transfer(self):
            return {"received_at": START, "intake_unit": "quality", "customer": self.customer(), "contact_person": "张三",
                    "phone": "13800000000", "province": "四川省", "product_name": "M1", "batch_no": "B1", "quantity": 1,
                    "fault_category": "engine", "fault_description": "异响", "handling_mode": "on_site", "state": "dispatched"}

        def callback_record(self):
            return {"customer": self.customer(), "served_at": START}

        def corrective_action(self):
            return {"source_type": "other", "problem": "砂眼", "responsible_unit": "U1", "issued_at": START, "state": "issued"}

        def parts_urgent_order(self):
            return {"dealer": self.act.find("dealer_ledger")[0].id, "shortage_reason": "缺", "needed_at": START,
                    "contact_person": "李", "phone": "13900000000", "address": "路", "submitted_at": START,
                    "state": "submitted"}
    return Desk()


KEPT_BY = [
    ("info_flow_card", "reply", "replied_at", START + timedelta(hours=24)),
    ("quality_info_transfer", "reply", "replied_at", START + timedelta(hours=24)),
    ("quality_info_transfer", "arrive", "arrived_at", START + timedelta(hours=48)),
    ("callback_record", "callback", "called_at", START + timedelta(days=3)),
    ("corrective_action", "action", "action_done_at", at("2026-10-27 23:59:59")),
    ("parts_urgent_order", "ship", "shipped_at", START + timedelta(hours=24)),
]


@pytest.mark.parametrize("kind, name, met_by, due", KEPT_BY, ids=[f"{kind}.{name}" for kind, name, *_ in KEPT_BY])
def test_exactly_on_the_limit_is_on_time_and_a_second_later_is_late(desk, kind, name, met_by, due):
    record = desk.record(kind)
    assert desk.clock(record, name) == ("running", due)
    desk.keep(record, **{met_by: due})
    assert desk.clock(record, name) == ("met", due)
    desk.keep(record, **{met_by: due + SECOND})
    assert desk.clock(record, name) == ("missed", due)


@pytest.mark.parametrize("kind, name, met_by, due", KEPT_BY, ids=[f"{kind}.{name}" for kind, name, *_ in KEPT_BY])
def test_the_clock_of_a_void_record_stops(desk, kind, name, met_by, due):
    record = desk.record(kind)
    desk.keep(record, state="void")
    assert desk.clock(record, name)[0] == "stopped"


def test_a_promise_that_was_kept_stays_kept_when_the_record_ends(desk):
    card = desk.record("info_flow_card", replied_at=START + timedelta(hours=2), state="replied")
    desk.keep(card, state="closed", closed_at=START + timedelta(days=5))
    assert desk.clock(card, "reply")[0] == "met"


def test_what_ends_without_being_met_is_no_longer_owed(desk):
    sheet = desk.record("quality_info_transfer")
    desk.keep(sheet, state="rejected")
    assert [desk.clock(sheet, name)[0] for name in ("reply", "arrive")] == ["stopped", "stopped"]


def test_nothing_runs_before_it_starts(desk):
    card = desk.record("info_flow_card", sent_to_qa_at=None, state="draft")
    assert desk.clock(card, "reply") is None
    desk.keep(card, sent_to_qa_at=START)
    assert desk.clock(card, "reply")[0] == "running"
    desk.keep(card, sent_to_qa_at=None)
    assert desk.clock(card, "reply") is None


PARAMETERS = [
    ("info_flow_card", "reply", "reply_hours", "sent_to_qa_at"),
    ("quality_info_transfer", "reply", "reply_hours", "received_at"),
    ("quality_info_transfer", "arrive", "arrival_hours_out_of_province", "received_at"),
    ("callback_record", "callback", "callback_days", "served_at"),
    ("corrective_action", "action", "corrective_action_days", "issued_at"),
    ("parts_urgent_order", "ship", "urgent_shipping_hours", "submitted_at"),
]
SHOWN = {"reply": "reply_due_at", "arrive": "arrive_due_at", "callback": "due_at", "action": "due_at", "ship": "ship_due_at"}


@pytest.mark.parametrize("kind, name, parameter, starts", PARAMETERS, ids=[f"{kind}.{name}" for kind, name, *_ in PARAMETERS])
def test_a_changed_parameter_re_times_nothing_old(desk, session, kind, name, parameter, starts):
    record = desk.record(kind)
    before = desk.clock(record, name)
    changed_on = office.local(START).date() + timedelta(days=1)
    parameters.set_value(Act(session, Actor.system()), parameter, "1", changed_on)
    session.commit()
    desk.keep(record, **{"team": "三人"} if kind == "corrective_action" else {"phone": "13912345678"})
    assert desk.clock(record, name) == before
    assert getattr(record, record.spec.fields[SHOWN[name]].column) == before[1]
    desk.keep(record, **{starts: START + timedelta(days=1)})
    due = desk.clock(record, name)[1]
    assert START + timedelta(days=1) < due <= START + timedelta(days=8)   # a day of working days over the weekend
    assert getattr(record, record.spec.fields[SHOWN[name]].column) == due


def test_only_the_record_moves_its_own_limit(desk):
    sheet = desk.record("quality_info_transfer")
    desk.keep(sheet, received_at=START + timedelta(hours=3))
    assert desk.clock(sheet, "arrive")[1] == START + timedelta(hours=51)
    desk.keep(sheet, responsible_unit="U2")   # a department of the province where the product is
    assert desk.clock(sheet, "arrive")[1] == START + timedelta(hours=27)
    desk.keep(sheet, handling_mode="phone_or_written")
    assert desk.clock(sheet, "arrive") is None


def test_a_promise_replaces_the_working_days(desk):
    action = desk.record("corrective_action")
    desk.keep(action, promised_at=START + timedelta(days=4), action_done_at=START + timedelta(days=4))
    assert desk.clock(action, "action") == ("met", START + timedelta(days=4))
    done = office.local(START + timedelta(days=4)).date()
    assert desk.clock(action, "effectiveness_check") == ("running", office.end_of(done + timedelta(days=30)))


def test_a_day_as_a_limit_lasts_to_its_last_second(desk):
    action = desk.record("corrective_action", action_done_at=START)
    limit = office.end_of(office.local(START).date() + timedelta(days=30))
    desk.keep(action, effective_at=limit)
    assert desk.clock(action, "effectiveness_check") == ("met", limit)
    desk.keep(action, effective_at=limit + SECOND)
    assert desk.clock(action, "effectiveness_check")[0] == "missed"


@pytest.mark.parametrize("start, count, end", [
    ("2026-11-20 00:00", 1, "2026-11-23"),   # Friday: Monday
    ("2026-11-20 23:59:59", 1, "2026-11-23"), ("2026-11-21 12:00", 1, "2026-11-23"), ("2026-11-22 12:00", 5, "2026-11-27"),
    ("2026-11-20 10:00", 5, "2026-11-27"), ("2026-11-20 10:00", 15, "2026-12-11"), ("2026-11-16 10:00", 4, "2026-11-20")])
def test_working_days_are_monday_to_friday_and_the_first_day_does_not_count(start, count, end):
    assert office.add_workdays(at(start), count) == at(f"{end} 23:59:59")


def test_working_days_are_the_days_of_the_office(app):
    late_on_thursday_in_utc = datetime(2026, 11, 19, 17, 0, tzinfo=UTC)   # Friday 01:00 in the office
    assert office.add_workdays(late_on_thursday_in_utc, 1) == at("2026-11-23 23:59:59")


def test_two_promises_of_a_record_run_side_by_side(app):
    book = Casebook(app)
    sheet = book.person("sales").create("quality_info_transfer", book.quality_info())
    book.as_it_was("quality_info_transfer", sheet, handling_mode="on_site", state="dispatched", responsible_unit="U1",
                   technician=book.user("technician"), replied_at=at("2024-11-02 10:00"))
    assert [book.clock("quality_info_transfer", sheet, name)[0] for name in ("reply", "arrive")] == ["met", "running"]
    book.act("technician", "quality_info_transfer", sheet, "arrive", now=at("2024-11-03 09:00:01"))
    assert [book.clock("quality_info_transfer", sheet, name)[0] for name in ("reply", "arrive")] == ["met", "missed"]
