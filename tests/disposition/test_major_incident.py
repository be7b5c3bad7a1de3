"""Major incidents: opened by the loss itself, reported within two hours, acknowledged by both, decided by the leaders."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.casebook import Casebook, at, done, refused
from tests.disposition.paper import (
    INCIDENT, INSPECTION, REQUEST, SHEET, SIGNED, SLIP, inspection, made, request, sheet_in, slip,
)

TOLD = {"incident_text": "起动时断裂", "preliminary_opinion": "先换货", "customer_demand": "赔偿停工损失"}
LOSSES = ("19999.99", "20000.00")


@pytest.fixture
def book(app):
    return Casebook(app)


def opened(book, sheet):
    """The losses of the reports about a quality information."""
    return [f"{book.read(INCIDENT, id_).direct_loss}" for id_ in book.ids(INCIDENT, quality_info_transfer_id=sheet)]


def drafted(book, sheet=None, loss="20000.00", **changes):
    return book.person("technician").create(INCIDENT, {
        "quality_info_transfer": sheet or sheet_in(book), "customer": book.id("customer", name="客户A"),
        "responsible_unit": "U1", "technician": book.user("technician"), "direct_loss": loss, **changes})


def reported(book, **changes):
    id_ = drafted(book, **TOLD, **changes)
    done(book.person("technician").move(INCIDENT, id_, "report"))
    return id_


# It opens by itself: major incident, 19,999.99 no; 20,000.00 yes ------------------------------------------------------

def test_example_f_a_quality_information_with_a_major_loss(book):
    for loss, found in zip(LOSSES, ([], ["20000.00"]), strict=True):
        sheet = book.person("sales").create(SHEET, book.quality_info(direct_loss=loss))
        done(book.person("sales").move(SHEET, sheet, "confirm"))
        assert opened(book, sheet) == found
    (report,) = book.ids(INCIDENT)
    read = book.read(INCIDENT, report)
    assert (read.state, read.responsible_unit, read.technician) == ("draft", "U1", None), "the unit made the batch"
    assert read.loss_known_at == book.read(SHEET, sheet).confirmed_at


def test_br_15_an_inspection_that_finds_a_major_loss(book):
    for loss, found in zip(LOSSES, ([], ["20000.00"]), strict=True):
        sheet, technician = sheet_in(book), book.person("technician")
        record = technician.create(INSPECTION, inspection(book, sheet, direct_loss=loss))
        done(technician.move(INSPECTION, record, "finish"))
        assert opened(book, sheet) == found
        done(book.person("quality_engineer").move(INSPECTION, record, "review"))
        assert opened(book, sheet) == found and book.read(SHEET, sheet).is_major is bool(found)
    assert book.read(INCIDENT, book.ids(INCIDENT)[0]).customer_demand == "换货"


def test_br_15_a_feedback_sheet_that_says_a_major_loss(book):
    for loss, found in zip(LOSSES, ([], ["20000.00"]), strict=True):
        sheet, technician = sheet_in(book), book.person("technician")
        paper = technician.create(SLIP, slip(book, sheet, direct_loss=loss))
        done(technician.move(SLIP, paper, "sign", **SIGNED))
        assert opened(book, sheet) == found
        done(technician.move(SLIP, paper, "submit"))
        assert opened(book, sheet) == found and book.read(SHEET, sheet).is_major is bool(found)


def test_br_15_a_request_with_a_major_amount_or_loss_names_its_report(book):
    for price, loss, found in (("19999.99", "19999.99", []), ("20000.00", "0", ["20000.00"]), ("1", "20000.01", ["20000.01"])):
        sheet, technician = sheet_in(book), book.person("technician")
        asked = technician.create(REQUEST, request(book, sheet, quantity="1", unit_price=price, direct_loss=loss))
        done(technician.move(REQUEST, asked, "submit"))
        assert opened(book, sheet) == found
        assert book.read(REQUEST, asked).major_incident_report == (book.ids(INCIDENT)[-1] if found else None)


def test_the_limit_is_a_parameter(book):
    book.set_parameter("major_incident_loss", "500.00")
    sheet = sheet_in(book, "registered", direct_loss="500", confirmed_at=None)
    done(book.person("sales").move(SHEET, sheet, "confirm", produced_on="2025-01-01"))
    assert opened(book, sheet) == ["500.00"]


def test_a_case_has_one_report_which_learns_who_deals_with_it(book):
    sheet = sheet_in(book, "assigned", direct_loss="30000", product_batch=None)
    report = made(book, INCIDENT, place=None, quality_info_transfer=sheet, direct_loss="20000", losses=[])
    book.edit("unit", SHEET, sheet, preliminary_plan="更换", technician=book.user("technician"), reply_text="明早到场")
    done(book.person("unit").move(SHEET, sheet, "plan"))
    read = book.read(INCIDENT, report)
    assert (read.responsible_unit, read.technician) == ("U1", book.user("technician"))
    assert book.ids(INCIDENT) == [report]
    refused(book.person("technician").post(f"/admin/{INCIDENT}/new/", {
        "quality_info_transfer": sheet, "customer": book.id("customer", name="客户A"), "direct_loss": "1"}),
        "该质量信息已有未关闭的事故报告", 422)
    book.as_it_was(INCIDENT, report, state="closed")
    done(book.person("technician").move(SHEET, sheet, "arrive"))
    drafted(book, sheet)


# Reported -------------------------------------------------------------------------------------------------------------

def test_it_is_reported_with_an_opinion_and_the_users_demand(book):
    technician, report = book.person("technician"), drafted(book)
    for left_out in TOLD:
        given = {name: value for name, value in TOLD.items() if name != left_out}
        refused(technician.move(INCIDENT, report, "report", **given), "报告前请填写", 422)
    refused(book.person("unit2").move(INCIDENT, report, "report", **TOLD), "这不是您本单位的记录")
    done(book.person("unit").move(INCIDENT, report, "report", **TOLD))
    refused(technician.move(INCIDENT, drafted(book, loss="19999.99"), "report", **TOLD), "未达到较大以上质量事故的金额")


def test_sla_17_within_two_hours_of_knowing_the_loss(book):
    known, due = at("2026-11-20 10:00"), at("2026-11-20 12:00")
    for moment, kept in ((due, "met"), (due + timedelta(seconds=1), "missed")):
        report = drafted(book, loss_known_at="2026-11-20T10:00", **TOLD)
        assert book.clock(INCIDENT, report, "report") == ("running", due)
        book.act("technician", INCIDENT, report, "report", now=moment)
        assert book.clock(INCIDENT, report, "report") == (kept, due)
    assert book.read(INCIDENT, report).loss_known_at == known


def test_the_losses_add_up_and_the_report_is_about_a_case(book):
    rows = {"losses-0-item": "停工", "losses-0-amount": "15000.00", "losses-1-item": "返工", "losses-1-amount": "5000.01"}
    form = {"customer": book.id("customer", name="客户A"), "direct_loss": "20000.00"}
    technician = book.person("technician")
    refused(technician.post(f"/admin/{INCIDENT}/new/", form), "请关联产品质量信息传递处置单或客户投诉处理表", 422)
    form["quality_info_transfer"] = sheet_in(book)
    refused(technician.post(f"/admin/{INCIDENT}/new/", form | rows), "损失明细合计为 20000.01 元", 422)
    technician.create(INCIDENT, form | rows | {"losses-1-amount": "5000.00"})


# Acknowledged, decided, closed ----------------------------------------------------------------------------------------

def test_the_leaders_decide_when_unit_and_quality_have_acknowledged(book):
    report, lead = reported(book), book.person("unit_lead")
    refused(book.person("unit_lead2").move(INCIDENT, report, "acknowledge_unit"), "这不是您本单位的记录")
    done(lead.move(INCIDENT, report, "acknowledge_unit"))
    first = book.read(INCIDENT, report).unit_acknowledged_at
    book.act("unit_lead", INCIDENT, report, "acknowledge_unit", now=first + timedelta(hours=1))
    assert book.read(INCIDENT, report).unit_acknowledged_at == first
    answer = book.person("deputy_gm").move(INCIDENT, report, "decide", decision="全部召回")
    assert answer.status_code == 422 and "决策前请填写“质量部签收时间”" in answer.text
    done(book.person("quality_manager").move(INCIDENT, report, "acknowledge_quality"))
    refused(book.person("deputy_gm").move(INCIDENT, report, "decide"), "请填写“领导决策”", 422)
    done(book.person("general_manager").move(INCIDENT, report, "decide", decision="全部召回"))
    read = book.read(INCIDENT, report)
    assert (read.state, read.decided_by) == ("decided", book.user("general_manager")) and read.decided_at is not None


def test_it_closes_with_what_was_done_and_the_corrective_action(book):
    report, manager = made(book, INCIDENT, "decided"), book.person("quality_manager")
    refused(manager.move(INCIDENT, report, "close", follow_up="已召回"), "请填写“纠正和预防措施”", 422)
    action = book.person("quality_engineer").create("corrective_action", book.corrective_action())
    done(manager.move(INCIDENT, report, "close", follow_up="已召回", corrective_action=action))
    assert book.read(INCIDENT, report).closed_at is not None


def test_a_report_is_withdrawn_or_voided_only_when_the_loss_was_corrected(book):
    for move, username in (("withdraw", "quality_manager"), ("void", "technician")):
        report = drafted(book)
        refused(book.person(username).move(INCIDENT, report, move, comment="误报"), "不能撤销或作废；金额有误的请先更正")
        done(book.person("technician").edit(INCIDENT, report, direct_loss="19999.99"))
        done(book.person(username).move(INCIDENT, report, move, comment="误报"))
