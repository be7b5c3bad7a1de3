"""A dealer's month through the screens: a repair, the demand plan and the two monthly reports go to customer service,
which takes them or sends them back; the dealer next door sees none of it."""

from __future__ import annotations

import pytest

from rules import office
from tests import reading
from tests.casebook import Casebook, done, refused
from tests.dealers_month.paper import (
    FILE, PLAN, QUALITY, WORK, plan, quality_report, repair, this_month, vehicle, work_report,
)


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def dealer(book):
    return book.person("dealer_f001")


@pytest.fixture
def service(book):
    return book.person("customer_service")


# The demand plan ------------------------------------------------------------------------------------------------------

def test_a_demand_plan_is_sent_back_amended_and_accepted(book, dealer, service):
    plan_id = dealer.create(PLAN, plan(book, **{"parts-0-quantity": "0"}))
    refused(dealer.move(PLAN, plan_id, "submit"), "需求数量须大于零")
    refused(dealer.edit(PLAN, plan_id, **{"parts-0-quantity": "4", "parts-0-accepted_quantity": "4"}), "由客户服务部", 422)
    done(dealer.edit(PLAN, plan_id, **{"parts-0-quantity": "4"}))
    refused(service.move(PLAN, plan_id, "accept"), "不能接收")
    done(dealer.move(PLAN, plan_id, "submit"))
    first = book.read(PLAN, plan_id).submitted_at
    assert book.read(PLAN, plan_id).is_on_time == (office.today().day <= 10)
    assert dealer.get(f"/admin/{PLAN}/edit/?id={plan_id}").status_code == 403, "it is with customer service now"
    refused(service.move(PLAN, plan_id, "send_back"), "请填写原因", 422)
    done(service.move(PLAN, plan_id, "send_back", comment="P-1 请核对数量"))
    done(dealer.edit(PLAN, plan_id, **{"parts-0-quantity": "3"}))
    done(dealer.move(PLAN, plan_id, "resubmit"))
    refused(dealer.move(PLAN, plan_id, "accept"), "由客户服务办理")
    done(service.move(PLAN, plan_id, "accept"))
    kept = book.read(PLAN, plan_id)
    assert (kept.state, kept.submitted_at) == ("accepted", first) and kept.resubmitted_at >= first
    assert [(row.line_no, row.quantity, row.accepted_quantity) for row in kept.parts] == [(1, 3, 3)]


def test_customer_service_may_lower_what_a_plan_asks_for_and_change_nothing_else(book, dealer, service):
    plan_id = dealer.create(PLAN, plan(book))
    assert service.get(f"/admin/{PLAN}/edit/?id={plan_id}").status_code == 403, "it is the dealer's still"
    done(dealer.move(PLAN, plan_id, "submit"))
    for changes in ({"parts-0-quantity": "3"}, {"parts-0-part_no": "P-2"}, {"address": "别处"}):
        refused(service.edit(PLAN, plan_id, **changes), "只能调低核定数量", 422)
    refused(service.edit(PLAN, plan_id, **{"parts-0-accepted_quantity": "5"}), "不能超过需求数量", 422)
    done(service.edit(PLAN, plan_id, **{"parts-0-accepted_quantity": "1"}))
    done(service.move(PLAN, plan_id, "send_back", comment="请改用 P-2"))
    assert book.read(PLAN, plan_id).parts[0].accepted_quantity is None, "it is weighed anew"
    done(dealer.move(PLAN, plan_id, "resubmit"))
    done(service.edit(PLAN, plan_id, **{"parts-0-accepted_quantity": "2"}))
    done(service.move(PLAN, plan_id, "accept"))
    kept = book.read(PLAN, plan_id)
    assert [(row.quantity, row.accepted_quantity) for row in kept.parts] == [(4, 2)]
    refused(service.edit(PLAN, plan_id, **{"parts-0-quantity": "2"}), "只能调低核定数量", 422)
    assert dealer.get(f"/admin/{PLAN}/edit/?id={plan_id}").status_code == 403


def test_a_month_has_one_plan_and_a_part_one_line(book, dealer):
    twice = {name.replace("-0-", "-1-"): value for name, value in plan(book).items() if name.startswith("parts-")}
    refused(dealer.post(f"/admin/{PLAN}/new/", plan(book, **twice)), "同一配件只能列一行", 422)
    number = book.read(PLAN, dealer.create(PLAN, plan(book))).number
    refused(dealer.post(f"/admin/{PLAN}/new/", plan(book)), number, 422)
    assert len(book.ids(PLAN)) == 1


def test_a_dealer_without_a_parts_store_hands_in_no_plan(book, dealer):
    book.as_it_was("dealer_ledger", book.id("dealer_ledger", dealer_code="F001"), has_parts_store=False)
    plan_id = dealer.create(PLAN, plan(book))
    refused(dealer.move(PLAN, plan_id, "submit"), "尚未建立配件库")


# The monthly reports --------------------------------------------------------------------------------------------------

def test_a_quality_report_has_lines_of_its_month_or_says_that_there_are_none(book, dealer, service):
    refused(dealer.post(f"/admin/{QUALITY}/new/", quality_report(book, is_nil_report="true")), "不能选“本月无质量信息”", 422)
    outside = this_month().day(1).isoformat()
    refused(dealer.post(f"/admin/{QUALITY}/new/", quality_report(book, **{"items-0-occurred_on": outside})), "须在所报告的月份内", 422)
    ahead = str(this_month().following())
    refused(dealer.post(f"/admin/{QUALITY}/new/", quality_report(book, period=ahead)), "月份不能晚于本月", 422)
    report = dealer.create(QUALITY, quality_report(book))
    kept = book.read(QUALITY, report)
    assert (kept.total_quantity, str(kept.total_amount), kept.items[0].line_no) == (2, "120.50", 1)
    refused(dealer.post(f"/admin/{QUALITY}/new/", quality_report(book)), kept.number, 422)
    done(dealer.move(QUALITY, report, "submit"))
    done(service.move(QUALITY, report, "accept"))
    assert dealer.get(f"/admin/{QUALITY}/edit/?id={report}").status_code == 403
    nil = {"period": str(this_month().previous().previous()), "prepared_by": book.user("dealer_f001"), "is_nil_report": "false"}
    empty = dealer.create(QUALITY, nil)
    refused(dealer.move(QUALITY, empty, "submit"), "本月无质量信息")
    done(dealer.edit(QUALITY, empty, is_nil_report="true"))
    done(dealer.move(QUALITY, empty, "submit"))
    assert book.read(QUALITY, empty).is_on_time is False, "two months late"


def test_the_first_submission_of_a_work_report_is_the_one_that_counts(book, dealer, service):
    refused(dealer.post(f"/admin/{WORK}/new/", work_report(book, repair_count="-1")), "不能小于", 422)
    report = dealer.create(WORK, work_report(book))
    done(dealer.move(WORK, report, "submit"))
    first = book.read(WORK, report).submitted_at
    done(service.move(WORK, report, "send_back", comment="维修台次与维修档案不符"))
    assert "维修台次与维修档案不符" in dealer.get(f"/admin/{WORK}/details/?id={report}").text
    done(dealer.edit(WORK, report, repair_count="11"))
    done(dealer.move(WORK, report, "resubmit"))
    refused(dealer.move(WORK, report, "accept"), "由客户服务办理")
    done(service.move(WORK, report, "accept"))
    kept = book.read(WORK, report)
    assert (kept.state, kept.submitted_at, kept.repair_count) == ("accepted", first, 11)
    assert kept.is_on_time == (office.today().day <= 5)


# The repair file ------------------------------------------------------------------------------------------------------

def test_a_repair_is_completed_signed_for_and_called_back(book, dealer, service):
    car = vehicle(book, dealer)
    file = dealer.create(FILE, repair(book, car))
    answer = dealer.move(FILE, file, "complete")
    assert answer.status_code == 422 and "检查结果" in reading.text_of(answer.text)
    inspected = {"inspection_result": "曲轴瓦磨损", "repairs-0-item_name": "更换曲轴瓦", "repairs-0-labour_fee": "200.00",
                 "parts-0-part_name": "曲轴瓦", "parts-0-quantity": "2", "parts-0-unit_price": "45.50"}
    done(dealer.edit(FILE, file, **inspected))
    refused(dealer.move(FILE, file, "complete"), "故障类别")
    done(dealer.edit(FILE, file, fault_category="engine"))
    refused(dealer.move(FILE, file, "complete"), "保修期外的收费须先由用户在收费告知单上同意")
    book.charge_notice("accepted", "291.00", customer_repair_file=file)
    done(dealer.move(FILE, file, "complete"))
    kept = book.read(FILE, file)
    assert (str(kept.labour_fee), str(kept.parts_fee), str(kept.amount)) == ("200.00", "91.00", "291.00")
    assert book.read("vehicle", car).mileage == 12000, "the vehicle's file shows its highest reading"
    signed = {"signed_by": "王某某", "dealer_signed_by": "站长", "handed_over_at": f"{office.today()}T23:59"}
    refused(dealer.move(FILE, file, "sign", **signed), "鉴定员验收签字")
    done(dealer.edit(FILE, file, appraiser_signed_by="李鉴定"))
    done(dealer.move(FILE, file, "sign", **signed))
    (call,) = book.ids("callback_record", customer_repair_file_id=file)
    assert book.read("callback_record", call).customer == book.id("customer", name="客户A")
    refused(dealer.edit(FILE, file, cause="另有原因"), "用户已签名", 422)
    refused(dealer.move(FILE, file, "archive"), "已交消费者一份")
    done(dealer.edit(FILE, file, is_customer_copy_given="true"))
    done(dealer.move(FILE, file, "archive"))
    assert service.get(f"/admin/{FILE}/details/?id={file}").status_code == 200


def test_an_odometer_never_runs_backwards(book, dealer):
    car = vehicle(book, dealer)
    dealer.create(FILE, repair(book, car))
    later = f"{this_month().previous().day(20)}T09:00"
    refused(dealer.post(f"/admin/{FILE}/new/", repair(book, car, received_at=later, mileage="11999")), "12000 km", 422)
    dealer.create(FILE, repair(book, car, received_at=later))


# Next door ------------------------------------------------------------------------------------------------------------

def test_another_dealer_sees_none_of_it(book, dealer):
    made = {PLAN: plan(book), QUALITY: quality_report(book), WORK: work_report(book), FILE: repair(book, vehicle(book, dealer))}
    other, own = book.person("dealer_f002"), book.id("dealer_ledger", dealer_code="F001")
    for name, form in made.items():
        id_ = dealer.create(name, form)
        number = book.read(name, id_).number
        assert book.read(name, id_).dealer == own, "a dealer writes for itself"
        for query in ("", f"?q={number}", f"?dealer={own}"):
            assert id_ not in reading.ids_of(other.get(f"/admin/{name}/{query}").text), (name, query)
        for page in ("details", "edit"):
            assert other.get(f"/admin/{name}/{page}/?id={id_}").status_code == 404
        move = "complete" if name == FILE else "submit"
        assert other.move(name, id_, move).status_code == 404
        assert other.post(f"/admin/{name}/new/", {**form, "dealer": own}).status_code == 422, name
        assert len(book.ids(name)) == 1
