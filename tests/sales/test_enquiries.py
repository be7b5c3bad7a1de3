"""Enquiries on the hotline: answered in a day or turned into the right case, and the needs survey before a sale."""

from __future__ import annotations

from datetime import date

import pytest

from models.base import Record
from rules import chains
from tests import valid
from tests.casebook import Casebook, at, done, refused
from tests.disposition.paper import made

CALL, SURVEY, ACTIVITY = "hotline_consultation", "customer_needs_survey", "promotion_activity"
CASE, CARD, SHEET = "complaint_case", "complaint_tracking_card", "abnormality_sheet"


@pytest.fixture
def book(app):
    return Casebook(app)


def call(book, by="customer_service", **changes):
    return book.person(by).create(CALL, call_form(book, **changes))


def call_form(book, **changes):
    return {"channel": "hotline", "category": "enquiry", "received_at": "2024-11-20T09:00",
            "customer": book.id("customer", name="客户A"), "content": "询问价格", **changes}


def survey_form(book, **changes):
    return {"customer": book.id("customer", name="客户A"), "survey_method": "phone", "surveyed_on": "2024-11-20",
            "needs": "载重一吨", **changes}


# The hotline ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("replied, kept", [("2024-11-21 09:00:00", "met"), ("2024-11-21 09:00:01", "missed")])
def test_an_answer_exactly_24_hours_later_is_on_time(book, replied, kept):
    id_ = call(book)
    book.act("customer_service", CALL, id_, "answer", now=at(replied), reply_text="含税 5 万元")
    assert book.clock(CALL, id_, "reply") == (kept, at("2024-11-21 09:00"))
    assert book.read(CALL, id_).reply_due_at == at("2024-11-21 09:00")


def test_nobody_calls_in_the_future_or_after_the_answer(book):
    form = call_form(book, received_at="2199-01-01T09:00")
    refused(book.person("sales").post(f"/admin/{CALL}/new/", form), "来电时间不能晚于现在", 422)
    id_ = call(book)
    book.act("customer_service", CALL, id_, "answer", now=at("2024-11-20 10:00"), reply_text="含税 5 万元")
    refused(book.person("customer_service").edit(CALL, id_, received_at="2024-11-20T10:01"), "来电时间不能晚于答复时间", 422)


def test_a_question_is_answered_and_closed(book):
    id_ = call(book, by="sales")
    refused(book.person("sales").move(CALL, id_, "answer"), "请填写“答复内容”", 422)
    refused(book.person("sales").move(CALL, id_, "close", reply_text="无"), "当前状态为“待答复”，不能关闭")
    done(book.person("sales").move(CALL, id_, "answer", reply_text="含税 5 万元"))
    done(book.person("sales").move(CALL, id_, "close"))


def test_what_is_passed_on_is_closed_with_what_the_customer_was_told(book):
    id_, service = call(book, category="technical_help"), book.person("customer_service")
    refused(service.move(CALL, id_, "transfer"), "请填写“转办部门”", 422)
    done(service.move(CALL, id_, "transfer", transferred_to="质量部"))
    assert book.clock(CALL, id_, "reply")[0] == "running"
    refused(service.move(CALL, id_, "close"), "请填写“答复内容”", 422)
    done(service.move(CALL, id_, "close", reply_text="工程师已回电"))
    assert book.read(CALL, id_).replied_at == book.read(CALL, id_).closed_at
    assert book.clock(CALL, id_, "reply")[0] == "missed"


@pytest.mark.parametrize("category, sentence, link, type_name", [
    ("repair", "报修须关联电话派工记录", "phone_dispatch_record", "phone_dispatch_record"),
    ("order_change", "订单修改须关联合同变更记录", "contract_change_record", "contract_change_record"),
    ("complaint", "投诉须关联", CARD, CARD), ("complaint", "投诉须关联", SHEET, SHEET)])
def test_what_is_more_than_a_question_becomes_a_case_of_its_own(book, category, sentence, link, type_name):
    id_, service = call(book, category=category), book.person("customer_service")
    refused(service.move(CALL, id_, "transfer", transferred_to="售后"), sentence)
    done(service.move(CALL, id_, "answer", reply_text="将尽快处理"))
    refused(service.move(CALL, id_, "close"), sentence)
    case = made(book, type_name)
    book.as_it_was(CALL, id_, **{link: case})
    done(service.move(CALL, id_, "transfer", transferred_to="售后"))
    done(service.move(CALL, id_, "close"))


def test_br_24_a_complaint_without_a_loss_is_an_abnormality(book):
    service = book.person("customer_service")
    without, with_loss = (made(book, CASE, has_loss=loss) for loss in ("false", "true"))
    id_, other = (call(book, category="complaint", complaint_case=case) for case in (without, with_loss))
    refused(service.move(CALL, id_, "transfer", transferred_to="质量部"), "异常处理单(未造成损失的)")
    done(service.edit(CALL, id_, abnormality_sheet=made(book, SHEET, complaint_case=without)))
    done(service.move(CALL, id_, "transfer", transferred_to="质量部"))
    done(service.move(CALL, other, "transfer", transferred_to="质量部"))


def test_a_complaint_that_a_dealer_took_is_on_its_own_card(book):
    id_, dealer = call(book, by="dealer_f001", category="complaint"), book.person("dealer_f001")
    own, other = (made(book, CARD, place=place, customer=book.id("customer", name="客户A")) for place in (valid.HERE, valid.THERE))
    assert book.read(CALL, id_).dealer == book.id("dealer_ledger", dealer_code="F001")
    for link, case in ((CARD, other), (SHEET, made(book, SHEET))):
        book.as_it_was(CALL, id_, **{CARD: None, link: case})
        refused(dealer.move(CALL, id_, "transfer", transferred_to="客服部"), "须为本服务商的跟踪卡")
    done(dealer.edit(CALL, id_, complaint_tracking_card=own))
    done(dealer.move(CALL, id_, "transfer", transferred_to="客服部"))


def test_a_case_is_about_the_customer_who_called(book):
    other = made(book, CASE, customer=book.id("customer", name="客户B"))
    form = call_form(book, category="complaint", complaint_case=other)
    refused(book.person("customer_service").post(f"/admin/{CALL}/new/", form), "所选单据不是该顾客的", 422)


def test_a_change_that_sales_wrote_from_the_call_is_named_in_it(book):
    """Customer service need not see the contract."""
    id_ = call(book, category="order_change")
    made(book, "contract_change_record", "void", hotline_consultation=id_)
    change = made(book, "contract_change_record", hotline_consultation=id_)
    done(book.person("customer_service").move(CALL, id_, "transfer", transferred_to="业务部"))
    assert book.read(CALL, id_).contract_change_record == change


# Activities -----------------------------------------------------------------------------------------------------------

def activity(book, **changes):
    return book.person("sales").create(ACTIVITY, {
        "name": "秋季展销", "activity_type": "exhibition", "starts_on": "2024-11-01", "place": "车展中心", "product_info": "M1",
        **changes})


def test_an_exhibition_has_a_place_and_ends_after_it_starts(book):
    form = {"name": "展销", "activity_type": "exhibition", "starts_on": "2024-11-02", "product_info": "M1"}
    refused(book.person("sales").post(f"/admin/{ACTIVITY}/new/", form), "展销会须填写地点", 422)
    form |= {"activity_type": "brochure", "ends_on": "2024-11-01"}
    refused(book.person("sales").post(f"/admin/{ACTIVITY}/new/", form), "结束日期不能早于开始日期", 422)
    book.person("sales").create(ACTIVITY, form | {"ends_on": "2024-11-02"})


@pytest.mark.parametrize("today, is_held", [("2024-10-31 23:59", False), ("2024-11-01 00:00", True)])
def test_an_activity_is_held_from_its_first_day_on(book, today, is_held):
    id_ = activity(book)
    if is_held:
        book.act("sales", ACTIVITY, id_, "hold", now=at(today))
    else:
        with pytest.raises(Exception, match="has not begun"):
            book.act("sales", ACTIVITY, id_, "hold", now=at(today))


@pytest.mark.parametrize("cost, comment, is_closed", [
    ("1000.00", "", True), ("1000.01", "", False), ("1000.01", "展位涨价", True)])
def test_a_cost_above_the_budget_is_explained(book, cost, comment, is_closed):
    id_ = activity(book, budget="1000.00")
    done(book.person("sales").move(ACTIVITY, id_, "hold"))
    answer = book.person("sales").move(ACTIVITY, id_, "close", comment=comment, actual_cost=cost, result_summary="到场 200 人")
    if is_closed:
        done(answer)
    else:
        refused(answer, "实际费用超过预算的，请写明理由")


def test_an_activity_counts_the_calls_that_it_brought(book):
    id_ = activity(book)
    calls = [call(book, promotion_activity=id_) for _ in range(3)]
    done(book.person("customer_service").move(CALL, calls[0], "void", comment="重复"))
    done(book.person("customer_service").move(CALL, calls[1], "answer", reply_text="已寄资料"))
    assert book.read(ACTIVITY, id_).lead_count == 2


# The needs survey -----------------------------------------------------------------------------------------------------

def test_needs_are_written_down_handled_by_the_lead_and_closed(book):
    survey = book.person("sales").create(SURVEY, survey_form(book))
    done(book.person("sales").move(SURVEY, survey, "submit"))
    refused(book.person("sales").move(SURVEY, survey, "handle", handling_result="推荐 M1"), "“处理”由业务负责人办理")
    done(book.person("sales_lead").move(SURVEY, survey, "send_back", comment="补充交期"))
    done(book.person("sales").move(SURVEY, survey, "submit"))
    refused(book.person("sales_lead").move(SURVEY, survey, "handle"), "请填写“处理结果”", 422)
    done(book.person("sales_lead").move(SURVEY, survey, "handle", handling_result="推荐 M1"))
    done(book.person("sales").move(SURVEY, survey, "close"))
    assert book.read(SURVEY, survey).number.startswith("CNS-")


@pytest.mark.parametrize("changes, sentence", [
    ({"surveyed_on": "2199-01-01"}, "调查日期不能晚于今天"), ({"quantity": "0"}, "数量须大于零")])
def test_a_survey_lies_behind_us_and_is_about_something(book, changes, sentence):
    refused(book.person("sales").post(f"/admin/{SURVEY}/new/", survey_form(book, **changes)), sentence, 422)
    done(book.person("sales").post(f"/admin/{SURVEY}/new/", survey_form(book, quantity="0.5")))


def test_what_starts_from_a_call_takes_over_what_was_said(act):
    source = valid.record(act.session, CALL, content="要载重一吨的", channel="fax", category="order_change", order_no="HT-1")
    survey, change, delivery = (chains.start(act, Record.types[name], source) for name in (
        SURVEY, "contract_change_record", "service_parts_delivery"))
    assert (survey.hotline_consultation_id, survey.consultation, survey.survey_method) == (source.id, "要载重一吨的", "fax")
    assert (change.contract_no, change.change_content, change.is_contract_changed) == ("HT-1", "要载重一吨的", True)
    assert delivery.customer_request == "要载重一吨的"
    customer = act.get("customer", source.customer_id)
    survey, change = (chains.start(act, Record.types[name], customer) for name in (SURVEY, "contract_change_record"))
    assert (survey.customer_id, survey.consultation, change.change_content) == (customer.id, None, None)
    assert survey.surveyed_on == act.today and isinstance(survey.surveyed_on, date)
