"""Work orders: what must be agreed, handed back, called back and recorded before a job ends."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests import valid
from tests.casebook import Casebook, charge_notice, done, refused, why_not
from tests.dispatch.paper import CALL, DIAGNOSED, ORDER, POLICY, RECORD, TAKEBACK, made, order

FIXED = {**DIAGNOSED, "visit_outcome": "fixed_on_site", "solution": "更换电源板"}
TOLD = {"charge_told_at": "2026-11-19T10:00"}
FOUND = {"solution": "已更换", "warranty_status": "out"}


@pytest.fixture
def book(app):
    return Casebook(app)


def back(book, order_id, state, **given):
    return made(book, TAKEBACK, state, work_order=order_id, technician=book.user("technician"), **given)


# The charge (BR-08) ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("move, outcome", [("fix_on_site", "fixed_on_site"), ("finish", "taken_back")])
def test_br_08_out_of_warranty_nothing_is_fixed_before_the_charge_is_accepted(act, move, outcome):
    for warranty, state, is_allowed in (
            ("in", None, True), ("out", None, False), ("out", "told", False), ("out", "declined", False),
            ("out", "accepted", True), ("out", "charged", True), ("unknown", "accepted", False)):
        job = valid.record(act.session, ORDER, warranty_status=warranty, visit_outcome=outcome, **TOLD)
        if state:
            charge_notice(act.session, state, "0", work_order=job.id)
        sentence = why_not(act, job, move)
        assert (sentence == "") is is_allowed, (warranty, state)
        assert is_allowed or ("请先查明保修内外" if warranty == "unknown" else "须先由客户在收费告知单上同意收费") in sentence


def test_br_27_no_more_is_charged_than_was_accepted(book):
    id_, technician = order(book, **TOLD, labour_fee="100.01"), book.person("technician")
    book.charge_notice("accepted", "60", work_order=id_)
    book.charge_notice("accepted", "40", work_order=id_)
    refused(technician.move(ORDER, id_, "fix_on_site", **FIXED, warranty_status="out"), "收费合计不能超过客户同意的金额")
    done(technician.edit(ORDER, id_, labour_fee="100"))
    done(technician.move(ORDER, id_, "fix_on_site", **FIXED, warranty_status="out"))
    refused(technician.edit(ORDER, id_, labour_fee="120"), "收费合计不能超过客户同意的金额", 422)
    done(technician.edit(ORDER, id_, remark="已付现金"))


def test_br_08_what_could_not_be_repaired_costs_nothing(book):
    id_ = order(book, "taken_back", visit_outcome="taken_back", is_replacement_advised="true", replacement_decision="replace", **TOLD)
    back(book, id_, "returned", solution="")
    done(book.person("technician").move(ORDER, id_, "finish", **FOUND))
    repaired = order(book, "taken_back", visit_outcome="taken_back", **TOLD)
    back(book, repaired, "returned", solution="换件")
    refused(book.person("technician").move(ORDER, repaired, "finish", **FOUND), "须先由客户在收费告知单上同意收费")


def test_a_job_ends_without_repair_if_the_customer_wants_it_so(act):
    for notices, decision, is_allowed in (
            ((), "", False), (("accepted",), "", False), (("declined",), "", True), (("declined", "accepted"), "", False),
            ((), "repair", False), ((), "replace", True), ((), "give_up", True)):
        job = valid.record(act.session, ORDER, visit_outcome="not_repaired", replacement_decision=decision, warranty_status="out")
        for state in notices:
            charge_notice(act.session, state, "100", work_order=job.id)
        sentence = why_not(act, job, "finish_unrepaired")
        assert ("客户在收费告知单上不同意收费；或" in sentence) is not is_allowed, (notices, decision)
        job.warranty_status = "unknown"
        assert "请先查明保修内外" in why_not(act, job, "finish_unrepaired"), "nor does it end without anybody knowing this"


# Worth repairing (BR-09) ----------------------------------------------------------------------------------------------

def test_br_09_a_repair_for_sixty_percent_of_a_new_one_is_preset_as_hardly_worth_it(act):
    policy = valid.record(act.session, POLICY, "effective", low_value_ratio="0.6")
    for price, is_low in (("59.99", False), ("60.00", True), ("60.01", True)):
        job = valid.record(act.session, ORDER)
        charge_notice(act.session, "told", price, work_order=job.id, service_price_policy=policy.id)
        job.replacement_price = Decimal(100)
        act.touch(job)
        assert job.is_low_repair_value is is_low, price
        job.is_low_repair_value = not is_low
        act.touch(job)
        assert job.is_low_repair_value is not is_low, "the technician knows better"


@pytest.mark.parametrize("state", ["unrepairable", "returned"])
def test_br_09_what_is_beyond_repair_is_to_be_replaced(book, state):
    id_, technician = order(book, "taken_back", visit_outcome="taken_back", **TOLD), book.person("technician")
    slip = back(book, id_, state, solution="")
    if state == "unrepairable":
        refused(technician.move(ORDER, id_, "finish", **FOUND), "带回的设备尚未归还客户")
        done(technician.move(TAKEBACK, slip, "hand_back", signed_by="张三"))
    refused(technician.move(ORDER, id_, "finish", **FOUND), "须建议用户更换并记录客户的决定")
    done(technician.edit(ORDER, id_, is_replacement_advised="true", replacement_decision="replace"))
    done(technician.move(ORDER, id_, "finish", **FOUND))


def test_all_that_was_taken_back_is_handed_back(book):
    id_ = order(book, "taken_back", **TOLD)
    slips = [back(book, id_, state, solution="换件") for state in ("returned", "repaired", "cancelled")]
    finish = {"solution": "换件", "warranty_status": "in"}
    refused(book.person("technician").move(ORDER, id_, "finish", **finish), "带回的设备尚未归还客户")
    book.as_it_was(TAKEBACK, slips[1], state="returned")
    done(book.person("technician").move(ORDER, id_, "finish", **finish))


# The record of the visit ----------------------------------------------------------------------------------------------

def test_a_visit_closes_with_its_field_service_record(book):
    id_, other = order(book, "returned"), order(book, "returned")
    for each in (id_, other):
        made(book, CALL, "done", work_order=each)
    record = made(book, RECORD, "draft", work_order=id_)
    refused(book.person("dispatcher").move(ORDER, id_, "close"), "上门服务须先提交现场服务记录")
    book.as_it_was(RECORD, record, state="submitted")
    done(book.person("dispatcher").move(ORDER, id_, "close"))
    refused(book.person("dispatcher").move(ORDER, other, "close"), "上门服务须先提交现场服务记录")
    book.as_it_was(ORDER, other, service_mode="walk_in")
    done(book.person("dispatcher").move(ORDER, other, "close"))


def test_where_the_signed_order_serves_as_the_record_none_is_asked_for(book):
    book.set_parameter("field_records_per_visit", "0")
    id_ = order(book, "returned")
    refused(book.person("dispatcher").move(ORDER, id_, "close"), "本次服务的回访尚未办结")
    made(book, CALL, "unreachable", work_order=id_)
    done(book.person("dispatcher").move(ORDER, id_, "close"))
