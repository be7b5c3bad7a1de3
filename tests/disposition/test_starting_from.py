"""“Create … from here”: what a paper takes over from the one it starts from, beyond the fields that both call the same."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pytest

from models.base import Record
from rules import access, checks, records
from rules.act import Act
from tests import valid
from tests.casebook import Casebook
from tests.disposition.paper import (
    AGREEMENT, CHECKLIST, DISPOSAL, INCIDENT, INSPECTION, REQUEST, SHEET, SLIP, TRIP, made, sheet_in,
)


@pytest.fixture
def book(app):
    return Casebook(app)


def started(book, type_name, source_type, source_id):
    """A new record as the button on the source opens it for the technician."""
    with book.session() as session:
        act = Act(session, access.Actor.of(session.get(valid.User, book.user("technician")), "screen"))
        spec, source = Record.types[type_name], session.get(Record.types[source_type].model, source_id)
        record = records.blank(act, spec)
        closed = checks.read_only(spec)
        for name, field in spec.fields.items():
            same = source.spec.fields.get(name)
            if same is not None and same.kind is field.kind and name not in closed:
                setattr(record, field.column, getattr(source, same.column))
        setattr(record, f"{source_type}_id", source.id)
        record.start_from(source, act)
        read = {field.name: getattr(record, field.column) for field in spec.fields.values()}
        rows = {name: [(row.position, getattr(row, "product_name", None), getattr(row, "quantity", None))
                       for row in getattr(record, name)] for name in spec.lines}
        return SimpleNamespace(**read, **rows)


def test_a_journey_and_its_checklist(book):
    sheet = sheet_in(book, "dispatched", preliminary_plan="带件更换")
    trip = started(book, TRIP, SHEET, sheet)
    assert (trip.task, trip.lead, len(trip.members)) == ("带件更换", book.user("technician"), 1)
    checklist = started(book, CHECKLIST, TRIP, made(book, TRIP, quality_info_transfer=sheet))
    assert checklist.technician == book.user("technician")


def test_an_inspection_and_a_feedback_sheet(book):
    sheet = sheet_in(book, remark="上次回访不满意", satisfaction_level="dissatisfied", direct_loss="50", batch_no="B1")
    record = started(book, INSPECTION, TRIP, made(book, TRIP, quality_info_transfer=sheet))
    assert (record.batch_no, f"{record.direct_loss}", record.fault_category) == ("B1", "50.00", "engine")
    paper = started(book, SLIP, SHEET, sheet)
    assert (paper.remark, paper.satisfaction_level, paper.responsible_unit) == (None, None, "U1")
    looked = made(book, INSPECTION, "finished", quality_info_transfer=sheet, signed_by="张三", direct_loss="70")
    paper = started(book, SLIP, INSPECTION, looked)
    assert (paper.signed_by, paper.customer, f"{paper.direct_loss}") == (None, book.id("customer", name="客户A"), "70.00")


def test_a_request_and_what_comes_of_it(book):
    sheet = sheet_in(book, received_at="2025-11-03T00:30")
    goods = [{"mode": "return", "reason": "砂眼", "product_name": "M1", "specification": "标准", "quantity": "2"}]
    asked = started(book, REQUEST, SLIP, made(book, SLIP, "signed", quality_info_transfer=sheet, products=goods))
    assert (asked.mode, asked.claimed_on, asked.items) == ("return", date(2025, 11, 3), [(0, "M1", 2)])
    looked = made(book, INSPECTION, quality_info_transfer=sheet, customer_demand="换货")
    asked = started(book, REQUEST, INSPECTION, looked)
    assert (asked.customer_demand, asked.responsible_unit) == ("换货", "U1")
    approved = made(book, REQUEST, "approved", quality_info_transfer=sheet, mode="exchange", direct_loss="10")
    agreed, taken_back = (started(book, name, REQUEST, approved) for name in (AGREEMENT, DISPOSAL))
    assert (agreed.party_a, agreed.party_b, taken_back.disposal_kind) == ("一分公司", "客户A", "return")
    assert len(agreed.items) == len(taken_back.items) == 1 and agreed.items[0][2] == 3
    incident = started(book, INCIDENT, REQUEST, approved)
    assert (f"{incident.direct_loss}", incident.fault_category) == (f"{book.read(REQUEST, approved).amount}", "engine")
