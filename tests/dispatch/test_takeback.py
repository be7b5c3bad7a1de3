"""Equipment that is taken away: listed, one copy to the customer and one to the dispatcher, and brought back when
promised."""

from __future__ import annotations

import pytest

from models.spec import Invalid
from tests import valid
from tests.casebook import Casebook, at, charge_notice, done, refused, why_not
from tests.dispatch.paper import DIAGNOSED, ORDER, TAKEBACK, made, order, takeback

REPAIRED = {"repair_route": "spare_part", "cause": "电容击穿", "solution": "更换电源板", "test_result": "老化 4 小时正常"}
PROMISED = {"is_inspected": "true", "promised_at": "2099-12-01T17:00"}


@pytest.fixture
def book(app):
    return Casebook(app)


def listed(book, order_id=None, **changes):
    return book.person("technician").create(TAKEBACK, takeback(order_id or order(book), **changes))


def in_workshop(book, order_id=None, **given):
    return made(book, TAKEBACK, "in_workshop", work_order=order_id or order(book, "taken_back"), **{
        "technician": book.user("technician"), "is_inspected": "true", "promised_at": "2026-11-20T17:00",
        "customer_copy_given_at": "2026-11-18T10:00", "taken_back_at": "2026-11-18T10:30", **given})


# The two copies -------------------------------------------------------------------------------------------------------

def test_br_11_the_customer_gets_the_list_before_the_equipment_leaves(book):
    id_, technician = order(book), book.person("technician")
    leaving = {**DIAGNOSED, "visit_outcome": "taken_back", "takeback_description": "主机", "customer_copy_given_at": "2026-11-20T10:00"}
    refused(technician.move(ORDER, id_, "take_back", **leaving), "请先填写带回设备清单，并把客户联交给客户")
    slip = listed(book, id_)
    refused(technician.move(ORDER, id_, "take_back", **leaving), "请先填写带回设备清单，并把客户联交给客户")
    refused(technician.move(TAKEBACK, slip, "give_copy", **{**PROMISED, "is_inspected": "false"}), "“设备已检查”须为“是”")
    refused(technician.move(TAKEBACK, slip, "give_copy", is_inspected="true"), "请填写“预计归还时间”", 422)
    refused(technician.move(TAKEBACK, slip, "give_copy", **{**PROMISED, "promised_at": "2026-01-01T09:00"}),
            "预计归还时间须晚于现在")
    done(technician.move(TAKEBACK, slip, "give_copy", **PROMISED))
    read = book.read(ORDER, id_)
    assert (read.takeback_description, read.customer_copy_given_at) == (
        "主机 × 1", book.read(TAKEBACK, slip).customer_copy_given_at)
    done(technician.move(ORDER, id_, "take_back", **DIAGNOSED, visit_outcome="taken_back"))


def test_br_11_the_dispatcher_gets_the_other_copy_before_it_is_repaired(book):
    slip = listed(book)
    done(book.person("technician").move(TAKEBACK, slip, "give_copy", **PROMISED))
    refused(book.person("technician").move(TAKEBACK, slip, "repair", **REPAIRED), "当前状态为“客户联已交”，不能修复")
    refused(book.person("technician").move(TAKEBACK, slip, "check_in"), "“收调度联入修”由调度员办理")
    refused(book.person("dispatcher").move(TAKEBACK, slip, "check_in", taken_back_at="2020-01-01T09:00"),
            "带回时间不能早于客户联交付时间", 422)
    done(book.person("dispatcher").move(TAKEBACK, slip, "check_in", taken_back_at="2099-01-01T09:00"))
    assert book.read(TAKEBACK, slip).dispatcher_copy_returned_at is not None


def test_a_list_has_equipment_on_it_and_says_how_each_was_found(book):
    form = {name: value for name, value in takeback(order(book)).items() if not name.startswith("items")}
    slip = book.person("technician").create(TAKEBACK, form)
    answer = book.person("technician").move(TAKEBACK, slip, "give_copy", **PROMISED)
    assert answer.status_code == 422 and "请填写“带回设备清单”" in answer.text
    refused(book.person("technician").edit(TAKEBACK, slip, **{"items-0-equipment_name": "主机", "items-0-quantity": "1"}),
            "请填写“检查情况”", 422)


def test_what_stands_on_the_copies_stays(book):
    slip = in_workshop(book, items=[{"equipment_name": "主机", "quantity": "1", "inspection_result": "完好"}])
    refused(book.person("technician").edit(TAKEBACK, slip, **{"items-0-quantity": "2"}), "客户联已交付，清单不能再改", 422)
    done(book.person("technician").edit(TAKEBACK, slip, cause="电容击穿"))


def test_a_slip_is_about_the_customer_of_its_order(book):
    slip = listed(book, order(book, customer=book.id("customer", name="客户B")))
    assert book.read(TAKEBACK, slip).customer == book.id("customer", name="客户B")


def test_a_customer_who_does_not_agree_keeps_the_equipment(book):
    slip = listed(book)
    done(book.person("technician").move(TAKEBACK, slip, "cancel", comment="客户不同意带回"))
    other = listed(book)
    done(book.person("technician").move(TAKEBACK, other, "give_copy", **PROMISED))
    refused(book.person("technician").move(TAKEBACK, other, "cancel", comment="算了"), "当前状态为“客户联已交”")


# Repaired, or not -----------------------------------------------------------------------------------------------------

def test_br_08_what_costs_something_is_repaired_once_the_customer_agrees(act):
    for state, amount, is_allowed in (
            (None, "0", True), (None, "80.00", False), ("told", "80.00", False), ("declined", "80.00", False),
            ("accepted", "80.00", True), ("accepted", "80.01", False), ("charged", "80.00", True)):
        slip = valid.record(act.session, TAKEBACK, work_order=valid.record(act.session, ORDER).id, amount=amount)
        if state:
            charge_notice(act.session, state, "80.00", work_order=slip.work_order_id)
        sentence = why_not(act, slip, "repair")
        assert ("维修收费须先由客户在收费告知单上同意" in sentence) is not is_allowed, (state, amount)


def test_only_what_has_no_solution_is_beyond_repair(book):
    slip, technician = in_workshop(book, solution="更换电源板"), book.person("technician")
    found = {name: REPAIRED[name] for name in ("repair_route", "cause", "test_result")}
    refused(technician.move(TAKEBACK, slip, "declare_unrepairable", comment="无备件", **found), "已填写解决方法的，请用“修复”")
    done(technician.edit(TAKEBACK, slip, solution=""))
    refused(technician.move(TAKEBACK, slip, "declare_unrepairable", **found), "请填写原因", 422)
    done(technician.move(TAKEBACK, slip, "declare_unrepairable", comment="无备件", **found))


def test_it_is_handed_back_against_the_customers_signature(book):
    slip = made(book, TAKEBACK, "repaired", technician=book.user("technician"))
    refused(book.person("technician").move(TAKEBACK, slip, "hand_back"), "请填写“归还签收”", 422)
    done(book.person("dispatcher").move(TAKEBACK, slip, "hand_back", signed_by="张三"))
    assert book.read(TAKEBACK, slip).returned_at is not None


# The promise (20 November, 17:00) -------------------------------------------------------------------------------------

@pytest.mark.parametrize("told, is_kept", [("16:59", True), ("17:00", False), ("17:01", False)])
def test_example_f_a_promise_is_put_off_only_if_the_customer_hears_of_it_before(book, told, is_kept):
    slip = in_workshop(book)
    later = {"promised_at": "2026-11-25T17:00", "promise_renotified_at": f"2026-11-20T{told}", "promise_reason": "缺件"}
    if is_kept:
        with pytest.raises(Invalid, match="reason why the promise changes"):
            book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 17:30"), **{**later, "promise_reason": ""})
        book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 17:30"), **later)
        assert book.clock(TAKEBACK, slip, "return_promise") == ("running", at("2026-11-25 17:00"))
        return
    with pytest.raises(Invalid) as refusal:
        book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 17:30"), **later)
    assert "须在原预计时间之前再次知会客户" in refusal.value.errors["promise_renotified_at"].zh


@pytest.mark.parametrize("changes", [
    {"promised_at": "2026-11-25T17:00"}, {"promised_at": ""},
    {"promised_at": "2026-11-25T17:00", "promise_renotified_at": "2026-11-20T16:00", "promise_reason": "缺件"}])
def test_br_05_a_promise_is_not_put_off_in_silence_nor_with_a_call_yet_to_be_made(book, changes):
    slip = in_workshop(book)
    with pytest.raises(Invalid):
        book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 12:00"), **changes)


def test_br_05_one_call_puts_a_promise_off_once(book):
    slip = in_workshop(book)
    told = {"promise_renotified_at": "2026-11-20T10:00", "promise_reason": "缺件"}
    book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 12:00"), promised_at="2026-11-25T17:00", **told)
    with pytest.raises(Invalid) as refusal:   # neither does one reason
        book.edit("technician", TAKEBACK, slip, now=at("2026-11-24 12:00"), promised_at="2026-11-30T17:00", **told)
    assert set(refusal.value.errors) == {"promise_renotified_at", "promise_reason"}
    book.edit("technician", TAKEBACK, slip, now=at("2026-11-24 12:00"), promised_at="2026-11-23T17:00")


@pytest.mark.parametrize("returned, kept", [("17:00:00", "met"), ("17:00:01", "missed")])
def test_example_f_returned_exactly_when_promised_is_on_time(book, returned, kept):
    slip = in_workshop(book)
    book.as_it_was(TAKEBACK, slip, state="repaired")
    book.act("technician", TAKEBACK, slip, "hand_back", now=at(f"2026-11-20 {returned}"), signed_by="张三")
    assert book.clock(TAKEBACK, slip, "return_promise")[0] == kept
