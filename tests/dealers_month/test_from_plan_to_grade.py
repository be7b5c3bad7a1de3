"""From a dealer's demand plan to its published grade, through the doors: who writes, who takes it, who signs, who objects;
and whom each door refuses on the way."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from jobs import reports
from models.reports import ReportRun
from rules import audit
from tests import reading
from tests.casebook import Casebook, at, done, refused
from tests.dealers_month.paper import (
    FILE, PLAN, QUALITY, WORK, plan, quality_report, repair, this_month, vehicle, work_report,
)

LIST, SHEET, LEDGER = "parts_purchase_list", "dealer_grade_sheet", "dealer_ledger"


@pytest.fixture
def book(app):
    return Casebook(app)


def test_from_the_demand_plan_to_the_published_grade(book):
    plan_id = the_plan_comes_back_once_and_is_accepted(book)
    the_monthly_reports_are_accepted(book)
    second = the_same_fault_seems_to_be_repaired_twice(book)
    the_purchase_list_takes_the_plan_in_and_is_signed(book, plan_id)

    sheet = the_grades_are_compiled(book)
    the_dealer_objects_to_its_review(book, sheet)
    customer_service_has_it_corrected(book, sheet, second)
    it_is_confirmed_and_approved(book, sheet)
    it_is_published_into_the_ledger(book, sheet)
    nothing_changes_it_any_more(book, sheet)
    a_void_sheet_is_followed_by_a_new_one(book)
    with book.session() as session:
        assert list(audit.verify(session)) == []


def people(book, *usernames):
    return [book.person(username) for username in usernames]


def asked_for(book, report, **options):
    """Customer service asks on the screen, a worker does it: how the run ended."""
    answer = book.person("customer_service").post(f"/admin/reports/{report}/ask", {"period": str(this_month()), **options})
    done(answer)
    return worked_off(book)


def worked_off(book):
    """What waits for a worker is done: the last run."""
    with book.session() as session:
        for id_ in session.scalars(sa.select(ReportRun.id).where(ReportRun.state == "queued")).all():
            reports.run(id_)
        run = session.scalar(sa.select(ReportRun).order_by(ReportRun.id.desc()).limit(1))
        return run.state, run.error_zh


def grade(book, sheet):
    kept = book.read(SHEET, sheet)
    return kept.state, f"{kept.score:.2f}", kept.grade


def rate(book, sheet, indicator):
    row = next(row for row in book.read(SHEET, sheet).indicators if row.indicator == indicator)
    return row.numerator, row.denominator


# The dealer's papers --------------------------------------------------------------------------------------------------

def the_plan_comes_back_once_and_is_accepted(book):
    dealer, service, other = people(book, "dealer_f001", "customer_service", "dealer_f002")
    plan_id = dealer.create(PLAN, plan(book))
    refused(service.move(PLAN, plan_id, "accept"), "不能接收")
    done(dealer.move(PLAN, plan_id, "submit"))
    refused(dealer.move(PLAN, plan_id, "accept"), "由客户服务办理")
    done(service.move(PLAN, plan_id, "send_back", comment="数量请核实"))
    done(dealer.edit(PLAN, plan_id, **{"parts-0-quantity": "3"}))
    done(dealer.move(PLAN, plan_id, "resubmit"))
    assert dealer.get(f"/admin/{PLAN}/edit/?id={plan_id}").status_code == 403, "it is with customer service"
    # The day of the month on which this test runs is not to matter.
    book.as_it_was(PLAN, plan_id, submitted_at=at(f"{this_month().day(9)} 09:00"))
    done(service.move(PLAN, plan_id, "accept"))
    assert other.get(f"/admin/{PLAN}/details/?id={plan_id}").status_code == 404
    return plan_id


def the_monthly_reports_are_accepted(book):
    dealer, service = people(book, "dealer_f001", "customer_service")
    month = str(this_month())
    first = dealer.create(QUALITY, quality_report(book, period=month, **{"items-0-occurred_on": this_month().day(1).isoformat()}))
    second = dealer.create(WORK, work_report(book, period=month, repair_count="1"))
    for type_, id_ in ((QUALITY, first), (WORK, second)):
        done(dealer.move(type_, id_, "submit"))
    done(service.move(WORK, second, "send_back", comment="维修台次与维修档案不符"))
    done(dealer.edit(WORK, second, repair_count="2"))
    done(dealer.move(WORK, second, "resubmit"))
    for type_, id_ in ((QUALITY, first), (WORK, second)):
        done(service.move(type_, id_, "accept"))
        assert dealer.get(f"/admin/{type_}/edit/?id={id_}").status_code == 403


def the_same_fault_seems_to_be_repaired_twice(book):
    """The second file names a fault that it was not."""
    dealer = book.person("dealer_f001")
    car, files = vehicle(book, dealer), []
    for day in (2, 3):
        file = dealer.create(FILE, repair(
            book, car, fault_category="engine", inspection_result="检查", **{"repairs-0-item_name": "更换"}))
        done(dealer.move(FILE, file, "complete"))
        book.as_it_was(FILE, file, completed_at=at(f"{this_month().day(day)} 10:00"))
        files.append(file)
    assert book.person("dealer_f002").get(f"/admin/{FILE}/details/?id={files[0]}").status_code == 404
    return files[1]


# The purchase list ----------------------------------------------------------------------------------------------------

def the_purchase_list_takes_the_plan_in_and_is_signed(book, plan_id):
    dealer, service, finance, deputy = people(book, "dealer_f001", "customer_service", "finance", "deputy_gm")
    assert dealer.post(f"/admin/reports/{LIST}/ask", {"period": str(this_month())}).status_code in (403, 404)
    assert asked_for(book, LIST) == ("done", None)
    (list_,) = book.ids(LIST)
    assert [(row.part_no, row.quantity) for row in book.read(LIST, list_).parts] == [("P-1", 3)]
    assert book.read(PLAN, plan_id).parts_purchase_list == list_ and book.state(PLAN, plan_id) == "consolidated"
    refused(service.move(LIST, list_, "submit"), "供应商和单价")
    done(service.edit(LIST, list_, **{"parts-0-supplier": "甲厂", "parts-0-unit_price": "2.50"}))
    done(service.move(LIST, list_, "submit"))
    assert service.get(f"/admin/{LIST}/edit/?id={list_}").status_code == 403, "it is being signed"
    book.grant("customer_service", "finance")
    book.grant("finance", "deputy_gm")
    refused(deputy.move(LIST, list_, "approve"), "财务")                    # finance comes first
    assert service.move(LIST, list_, "approve").status_code == 403          # its submitter
    done(finance.move(LIST, list_, "approve"))
    assert finance.move(LIST, list_, "approve").status_code == 403          # the same person twice
    assert book.state(LIST, list_) == "in_approval"
    done(deputy.move(LIST, list_, "approve"))
    assert book.state(LIST, list_) == "approved"


# The grade ------------------------------------------------------------------------------------------------------------

def the_grades_are_compiled(book):
    assert asked_for(book, SHEET) == ("done", None)
    assert len(book.ids(SHEET)) == 3
    (sheet,) = book.ids(SHEET, dealer_id=book.id(LEDGER, dealer_code="F001"))
    assert rate(book, sheet, "report_timeliness") == (2, 2) and rate(book, sheet, "parts_plan_timeliness") == (1, 1)
    assert rate(book, sheet, "first_time_fix") == (1, 2)
    assert grade(book, sheet) == ("compiled", "71.43", "c")
    return sheet


def the_dealer_objects_to_its_review(book, sheet):
    dealer, other, service, finance = people(book, "dealer_f001", "dealer_f002", "customer_service", "finance")
    assert dealer.move(SHEET, sheet, "review").status_code == 403
    done(service.move(SHEET, sheet, "review", review_opinion="数据已核对"))
    assert sheet not in reading.ids_of(other.get(f"/admin/{SHEET}/").text)
    assert other.get(f"/admin/{SHEET}/details/?id={sheet}").status_code == 404
    assert other.move(SHEET, sheet, "appeal", appeal_text="我方也有意见").status_code == 404
    assert finance.move(SHEET, sheet, "appeal", appeal_text="代为申诉").status_code == 403
    assert dealer.move(SHEET, sheet, "appeal").status_code == 422, "an objection says why"
    done(dealer.move(SHEET, sheet, "appeal", appeal_text="第二次是制动故障，不是返修"))
    assert dealer.move(SHEET, sheet, "confirm").status_code == 403


def customer_service_has_it_corrected(book, sheet, file):
    """The dealer puts its file right; the answer has the sheet compiled from it anew."""
    dealer, service = people(book, "dealer_f001", "customer_service")
    assert dealer.move(SHEET, sheet, "correct", appeal_answer="同意").status_code == 403
    done(dealer.edit(FILE, file, fault_category="brakes"))
    done(service.move(SHEET, sheet, "correct", appeal_answer="已更正故障类别，重新汇编"))
    assert grade(book, sheet) == ("compiled", "71.43", "c"), "until the job has run"
    assert worked_off(book) == ("done", None)
    assert rate(book, sheet, "first_time_fix") == (2, 2)
    assert grade(book, sheet) == ("compiled", "100.00", "a")
    done(service.move(SHEET, sheet, "review", review_opinion="已按申诉更正"))
    refused(dealer.move(SHEET, sheet, "appeal", appeal_text="再申诉"), "只能申诉一次")


def it_is_confirmed_and_approved(book, sheet):
    dealer, service, deputy = people(book, "dealer_f001", "customer_service", "deputy_gm")
    refused(service.move(SHEET, sheet, "submit"), "不能报批")
    done(dealer.move(SHEET, sheet, "confirm"))
    assert book.read(SHEET, sheet).signed_by == book.user("dealer_f001")
    assert dealer.move(SHEET, sheet, "submit").status_code == 403
    done(service.move(SHEET, sheet, "submit"))
    assert service.get(f"/admin/{SHEET}/edit/?id={sheet}").status_code == 403, "it is being signed"
    book.grant("customer_service", "deputy_gm")
    for person in (dealer, service):
        assert person.move(SHEET, sheet, "approve").status_code == 403
    refused(service.move(SHEET, sheet, "publish"), "不能公布")
    done(deputy.move(SHEET, sheet, "approve"))
    assert book.state(SHEET, sheet) == "approved"


def it_is_published_into_the_ledger(book, sheet):
    dealer, service = people(book, "dealer_f001", "customer_service")
    ledger = book.id(LEDGER, dealer_code="F001")
    assert book.read(LEDGER, ledger).current_grade is None
    assert dealer.move(SHEET, sheet, "publish").status_code == 403
    done(service.move(SHEET, sheet, "publish"))
    assert grade(book, sheet) == ("published", "100.00", "a")
    assert book.read(LEDGER, ledger).current_grade == "a"
    assert "A级" in reading.text_of(dealer.get(f"/admin/{SHEET}/details/?id={sheet}").text)


def nothing_changes_it_any_more(book, sheet):
    """What happened since would count, but the sheet is published."""
    before, dealer = book.read(SHEET, sheet), book.person("dealer_f001")
    book.as_it_was(FILE, book.ids(FILE)[-1], fault_category="engine")
    state, said = asked_for(book, SHEET, dealer="F001")
    assert state == "failed" and before.number in said and "已公布" in said
    state, said = asked_for(book, SHEET)
    assert state == "done" and "F001" in said and "F002" not in said, "the others are compiled again"
    for person in (dealer, book.person("customer_service")):
        assert person.get(f"/admin/{SHEET}/edit/?id={sheet}").status_code == 403
    assert book.read(SHEET, sheet) == before


def a_void_sheet_is_followed_by_a_new_one(book):
    dealer = book.id(LEDGER, dealer_code="F002")
    (old,) = book.ids(SHEET, dealer_id=dealer)
    number = book.read(SHEET, old).number
    assert book.person("dealer_f002").move(SHEET, old, "void", comment="不要").status_code == 403
    done(book.person("customer_service").move(SHEET, old, "void", comment="数据有误，重新汇编"))
    assert asked_for(book, SHEET, dealer="F002") == ("done", None)
    first, second = book.ids(SHEET, dealer_id=dealer)
    assert (first, book.state(SHEET, first), book.read(SHEET, first).number) == (old, "void", number)
    assert book.state(SHEET, second) == "compiled" and book.read(SHEET, second).number != number
