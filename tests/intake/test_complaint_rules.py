"""What a complaint case refuses and what it brings about: numbers, promises, limits, signatures, effect and closing."""

from __future__ import annotations

from datetime import date

import pytest

from rules import office
from tests import valid
from tests.casebook import Casebook, at, done, refused
from tests.valid import TYPES

CASE, CALL = "complaint_case", "callback_record"
EFFECT = {"effect_text": "客户验收合格"}
JUDGED = {"also": ("discussions", "cause", "countermeasure", "replied_at"), "complaint_type": "non_quality",
          "disposition": "repair"}
TOLD = {"promises-0-notified_at": "2024-11-18T10:00", "promises-0-promised_at": "2024-11-20T17:00"}


@pytest.fixture
def book(app):
    return Casebook(app)


def case_in(book, state, **given):
    """A case of unit U1 that has come so far."""
    with book.session() as session:
        row = valid.record(session, CASE, state, **given)
        session.commit()
        return row.id


def made(book, type_name, state=None, **given):
    with book.session() as session:
        row = valid.record(session, type_name, state, **given)
        session.commit()
        return row.id


def label(name):
    return TYPES[CASE].fields[name].label.zh


def registered(book, **changes):
    case = book.person("sales").create(CASE, book.complaint(**changes))
    done(book.person("customer_service").move(CASE, case, "register"))
    return case


# Registering ----------------------------------------------------------------------------------------------------------

def test_numbers_are_given_at_registration_without_gaps(book):
    sales, manager = book.person("sales"), book.person("quality_manager")
    dropped = sales.create(CASE, book.complaint())
    first, second = registered(book), registered(book)
    refused(sales.move(CASE, dropped, "void", comment="重复"), "“作废”由质量负责人办理")
    done(manager.move(CASE, dropped, "void", comment="重复"))
    done(manager.move(CASE, first, "void", comment="误报"))
    third = registered(book)
    month = f"KS-{office.today():%Y%m}"
    assert [book.read(CASE, case).number for case in (dropped, first, second, third)] == [
        None, f"{month}-0001", f"{month}-0002", f"{month}-0003"]


def test_the_order_of_a_quality_complaint_is_named_before_it_is_registered(book):
    clerk = book.person("customer_service")
    given = {"order_no": "DD-1", "part_no": "LH-1", "quantity": 100, "shipped_on": date(2024, 10, 20)}
    case = clerk.create(CASE, book.complaint(**dict.fromkeys(given, ""), defect_quantity=""))
    for name, value in given.items():
        refused(clerk.move(CASE, case, "register"), f"请先填写“{label(name)}”")
        book.as_it_was(CASE, case, **{name: value})
    done(clerk.move(CASE, case, "register"))
    other = clerk.create(CASE, book.complaint(complaint_type="non_quality", order_no="", part_no=""))
    done(clerk.move(CASE, other, "register"))


def test_the_batch_fills_where_the_product_comes_from(book):
    batch = book.id("product_batch", batch_no="B2607")
    book.as_it_was("product_batch", batch, part_no="LH-7", shift="乙班", operator="王工")
    read = book.read(CASE, book.person("sales").create(CASE, book.complaint(product_batch=batch, part_no="")))
    assert (read.part_no, read.production_unit, read.shift, read.operator, str(read.produced_on)) == (
        "LH-7", "U1", "乙班", "王工", "2026-06-01")


def test_what_contradicts_itself_is_refused(book):
    for wrong, sentence in (({"defect_quantity": "100.5"}, "不良数不能大于数量"),
                            ({"received_at": "2199-01-01T09:00"}, "投诉接收时间不能晚于现在"),
                            ({"disposition": "repair"}, "确定处理方式前，请填写责任归属单位")):
        refused(book.person("sales").post(f"/admin/{CASE}/new/", book.complaint(**wrong)), sentence, 422)


# BR-02 ----------------------------------------------------------------------------------------------------------------

def test_br_02_no_case_leaves_registration_without_the_memo_of_its_customer(book):
    case, clerk, manager = registered(book), book.person("customer_service"), book.person("quality_manager")
    done(clerk.edit(CASE, case, **TOLD, **{"promises-0-notified_by": book.user("sales")}))
    refused(clerk.move(CASE, case, "reply", reply_text="返工"), "请填写“顾客沟通、联系备忘录”", 422)
    refused(manager.move(CASE, case, "reject", comment="不属实", reply_text="不属实", cause="运输"),
            "请填写“顾客沟通、联系备忘录”", 422)
    others = book.recorded_memo(customer=book.id("customer", name="客户B"))
    engineer = book.person("quality_engineer")
    refused(engineer.move(CASE, case, "investigate", responsible_unit="U1", customer_contact_memo=others),
            "所选备忘录不是该客户的", 422)
    done(engineer.move(CASE, case, "investigate", responsible_unit="U1", customer_contact_memo=book.recorded_memo()))


# BR-05 ----------------------------------------------------------------------------------------------------------------

def replied(book):
    """Promised on 18 November 2024 for the 20th, 17:00."""
    return case_in(book, "investigating", received_at="2024-11-02T09:00", replied_at="2024-11-18T10:00", reply_text="返工",
                   promises=[{"notified_at": "2024-11-18T10:00", "promised_at": "2024-11-20T17:00",
                              "notified_by": book.user("sales")}])


def another(book, notified="2024-11-20T16:59", promised="2024-11-25T17:00", reason="待料", row=1):
    return {f"promises-{row}-notified_at": notified, f"promises-{row}-notified_by": book.user("sales"),
            f"promises-{row}-promised_at": promised, f"promises-{row}-reason": reason}


def test_br_05_a_later_promise_is_told_before_the_one_before_has_passed(book):
    case, clerk = replied(book), book.person("customer_service")
    for too_late in ("2024-11-20T17:01", "2024-11-20T17:00"):
        refused(clerk.edit(CASE, case, **another(book, too_late)), "须在原承诺时间之前再次知会客户", 422)
    assert book.clock(CASE, case, "promise")[1] == at("2024-11-20 17:00")
    done(clerk.edit(CASE, case, **another(book, "2024-11-20T16:59")))
    assert book.clock(CASE, case, "promise")[1] == at("2024-11-25 17:00")
    assert book.read(CASE, case).promise_renotified_at == at("2024-11-20 16:59")


def test_br_05_a_later_promise_is_complete_and_lies_ahead(book):
    case = replied(book)
    for wrong, sentence in (({"reason": ""}, "变更承诺须填写原因"), ({"promised": "2024-11-20T16:59"}, "承诺完成时间须晚于知会时间"),
                            ({"notified": "2199-01-01T09:00", "promised": "2199-02-01T09:00"}, "知会时间不能晚于现在")):
        refused(book.person("sales").edit(CASE, case, **another(book, **wrong)), sentence, 422)


def test_br_05_what_the_customer_was_told_is_neither_changed_nor_removed(book):
    case, clerk = replied(book), book.person("customer_service")
    refused(clerk.edit(CASE, case, **{"promises-0-promised_at": "2024-11-30T17:00"}), "已告知客户的承诺不能改动", 422)
    form = clerk.form(f"/admin/{CASE}/edit/?id={case}")
    without = {name: value for name, value in form.items() if not name.startswith("promises")}
    refused(clerk.post(f"/admin/{CASE}/edit/?id={case}", without), "已告知客户的承诺不能删除", 422)
    given = {name.replace("-0-", "-1-"): value for name, value in form.items() if name.startswith("promises-0-")}
    put_before = another(book, "2024-11-17T09:00", "2024-11-19T09:00", row=0)
    refused(clerk.post(f"/admin/{CASE}/edit/?id={case}", {**without, **put_before, **given}), "变更请在后面另加一行", 422)


@pytest.mark.parametrize("done_at, kept", [("2024-11-20 17:00:00", "met"), ("2024-11-20 17:00:01", "missed")])
def test_sla_05_an_effect_confirmed_exactly_when_promised_keeps_the_promise(book, done_at, kept):
    case = replied(book)
    book.as_it_was(CASE, case, state="executing", disposition="repair", responsible_unit="U1",
                   execution_check="完成", replied_at=at("2024-11-18 10:00"))
    book.act("customer_service", CASE, case, "confirm_effect", now=at(done_at), **EFFECT)
    assert book.clock(CASE, case, "promise") == (kept, at("2024-11-20 17:00"))


def test_the_first_reply_counts(book):
    case = replied(book)
    first = at("2024-11-02 20:00")
    book.as_it_was(CASE, case, replied_at=first, customer_contact_memo=book.recorded_memo())
    done(book.person("sales").move(CASE, case, "reply"))
    assert book.read(CASE, case).replied_at == first and book.clock(CASE, case, "reply")[0] == "met"


# Limits ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("answered, kept", [("2024-11-03 09:00:00", "met"), ("2024-11-03 09:00:01", "missed")])
def test_sla_02_a_reply_after_exactly_24_hours_is_on_time(book, answered, kept):
    case = registered(book)
    book.edit("customer_service", CASE, case, reply_text="返工", customer_contact_memo=book.recorded_memo(), promises=[
        {"notified_at": "2024-11-02T20:00", "notified_by": book.user("sales"), "promised_at": "2024-11-20T17:00"}])
    book.act("sales", CASE, case, "reply", now=at(answered))
    assert book.clock(CASE, case, "reply") == (kept, at("2024-11-03 09:00"))


def test_sla_26_a_case_is_closed_within_its_time_limit(book):
    """Registered on a Friday: hours count through the weekend, working days do not."""
    case = book.person("sales").create(CASE, book.complaint(time_limit="immediate"))
    book.act("customer_service", CASE, case, "register", now=at("2024-11-15 10:30"))
    for time_limit, due in (("immediate", "2024-11-15 12:30"), ("h12", "2024-11-15 22:30"), ("h24", "2024-11-16 10:30"),
                            ("h48", "2024-11-17 10:30"), ("h72", "2024-11-18 10:30"), ("standard", "2024-11-22 23:59:59")):
        book.as_it_was(CASE, case, time_limit=time_limit)
        assert book.read(CASE, case).close_due_at == at(due)
        assert book.clock(CASE, case, "close") == ("running", at(due))


@pytest.mark.parametrize("now, is_overdue", [("2024-11-16 10:30:00", False), ("2024-11-16 10:30:01", True)])
def test_sla_26_a_case_is_overdue_from_the_second_after_its_limit(book, now, is_overdue):
    case = book.person("sales").create(CASE, book.complaint(time_limit="h24"))
    book.act("customer_service", CASE, case, "register", now=at("2024-11-15 10:30"))
    book.edit("customer_service", CASE, case, now=at(now), assistance_text="已电话说明")
    assert book.read(CASE, case).is_overdue is is_overdue


# Investigating and judging --------------------------------------------------------------------------------------------

def test_the_origin_of_a_quality_complaint_is_clear_before_it_is_judged(book):
    case = case_in(book, "investigating", **JUDGED)
    book.as_it_was(CASE, case, complaint_type="quality")
    for name, value in (("inspection_result", "划伤"), ("production_unit", "U1"), ("shift", "甲班"), ("operator", "李工"),
                        ("produced_on", date(2024, 10, 15))):
        refused(book.person("customer_service").move(CASE, case, "judge"), f"请先填写“{label(name)}”")
        book.as_it_was(CASE, case, **{name: value})
    done(book.person("customer_service").move(CASE, case, "judge"))


def test_the_unit_writes_its_own_part_only(book):
    case, unit = case_in(book, "investigating"), book.person("unit")
    done(unit.edit(CASE, case, cause="料架毛刺", countermeasure="更换", shift="乙班", **{
        "discussions-0-unit": "U1", "discussions-0-discussed_at": "2024-11-19T14:00", "discussions-0-opinion": "换"}))
    for others in ({"inspection_result": "合格"}, {"responsible_unit": "U2"}, {"received_at": "2024-11-01T09:00"},
                   another(book)):
        refused(unit.edit(CASE, case, **others), "责任单位只填写调查、对策和执行检查", 422)


# Signatures -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("amount, signers", [
    ("19999.99", ["quality_manager"]), ("20000.00", ["quality_manager", "deputy_gm"]),
    ("99999.99", ["quality_manager", "deputy_gm"]), ("100000.00", ["quality_manager", "deputy_gm", "general_manager"])])
def test_the_amount_decides_who_signs(book, amount, signers):
    case = case_in(book, "investigating", amount=amount, **JUDGED)
    book.act("customer_service", CASE, case, "judge")
    assert [row[1] for row in book.signatures(CASE, case)] == signers


def test_nobody_approves_their_own_case(book):
    case = case_in(book, "investigating", creator="quality_manager", **JUDGED)
    done(book.person("customer_service").move(CASE, case, "judge"))
    refused(book.person("quality_manager").move(CASE, case, "approve"), "不能签署自己填写、提交或最后修改的记录")
    done(book.person("quality_manager2").move(CASE, case, "approve"))


def test_a_decision_goes_back_with_a_reason_and_is_asked_for_anew(book):
    case, manager = case_in(book, "investigating", **JUDGED), book.person("quality_manager")
    done(book.person("customer_service").move(CASE, case, "judge"))
    refused(manager.move(CASE, case, "send_back"), "请填写原因", 422)
    done(manager.move(CASE, case, "send_back", comment="金额不符"))
    done(book.person("customer_service").move(CASE, case, "judge"))
    assert book.signatures(CASE, case) == [(1, "quality_manager", "returned", "quality_manager"),
                                           (2, "quality_manager", "waiting", None)]


def test_what_was_approved_stays(book):
    case = case_in(book, "executing", **JUDGED)
    for changed in ({"disposition": "return"}, {"amount": "1"}, {"cause": "其他"}):
        refused(book.person("customer_service").edit(CASE, case, **changed), "已核决的内容不能再改", 422)
    done(book.person("customer_service").edit(CASE, case, assistance_text="已说明"))


# Effect ---------------------------------------------------------------------------------------------------------------

def executing(book, **given):
    return case_in(book, "executing", **{"complaint_type": "non_quality", "disposition": "repair", **given})


def test_the_unit_does_not_confirm_its_own_effect(book):
    case = executing(book, responsible_unit="CS")
    refused(book.person("customer_service").move(CASE, case, "confirm_effect", **EFFECT), "效果确认人不能是责任归属单位的人员")
    done(book.person("quality_manager").move(CASE, case, "confirm_effect", **EFFECT))


def test_goods_or_money_given_back_need_their_own_record(book):
    case, clerk = executing(book), book.person("customer_service")
    made(book, "return_exchange_claim", "withdrawn", complaint_case=case)
    for disposition in ("return", "exchange", "compensation"):
        book.as_it_was(CASE, case, disposition=disposition)
        refused(clerk.move(CASE, case, "confirm_effect", **EFFECT), "须先办理退货/换货/索赔申请或退换/补偿审批单")
    made(book, "compensation_request", complaint_case=case)
    done(clerk.move(CASE, case, "confirm_effect", **EFFECT))


def test_a_claim_that_is_under_way_will_do(book):
    case = executing(book, disposition="exchange")
    made(book, "return_exchange_claim", complaint_case=case)
    done(book.person("customer_service").move(CASE, case, "confirm_effect", **EFFECT))


@pytest.mark.parametrize("comes_back", [{"disposition": "rework"}, {"is_goods_returned": "true"}])
def test_reworked_or_returned_goods_need_a_finished_rework_and_an_action(book, comes_back):
    case, clerk = executing(book, **comes_back), book.person("customer_service")
    refused(clerk.move(CASE, case, "confirm_effect", **EFFECT), "须有注明本投诉的返工单")
    order = made(book, "rework_order", "reworked", complaint_case=case)
    refused(clerk.move(CASE, case, "confirm_effect", **EFFECT), "且均已放行或报废")
    book.as_it_was("rework_order", order, state="scrapped")
    done(clerk.move(CASE, case, "confirm_effect", **EFFECT))
    answered(book, case)
    refused(book.person("quality_manager").move(CASE, case, "close"), "请先填写“纠正和预防措施”")


def test_what_had_no_effect_is_executed_again_and_its_promise_runs_on(book):
    case, clerk = executing(book), book.person("customer_service")
    done(clerk.move(CASE, case, "confirm_effect", **EFFECT))
    assert book.clock(CASE, case, "promise")[0] == "met"
    refused(clerk.move(CASE, case, "redo"), "请填写原因", 422)
    done(clerk.move(CASE, case, "redo", comment="又有划痕"))
    assert book.read(CASE, case).effect_confirmed_at is None and book.clock(CASE, case, "promise")[0] == "running"
    done(clerk.move(CASE, case, "confirm_effect"))
    assert len(book.ids(CALL, complaint_case_id=case)) == 1, "the call that is due is the one to make"


# Callback and closing -------------------------------------------------------------------------------------------------

def answered(book, case, level="satisfied", by="quality_engineer"):
    (*_, call) = book.ids(CALL, complaint_case_id=case)
    move, more = ("complete", {}) if level == "satisfied" else ("flag_dissatisfied", {"dissatisfaction_reason": "仍有划痕"})
    done(book.person(by).move(CALL, call, move, contact_person="张三", satisfaction_level=level, remark="见面验收", **more))
    return call


def effective(book, **given):
    case = executing(book, **given)
    done(book.person("customer_service").move(CASE, case, "confirm_effect", **EFFECT))
    return case


def test_br_19_the_customer_is_called_back_and_the_answer_is_the_cases(book):
    case, manager = effective(book), book.person("quality_manager")
    call = book.read(CALL, book.ids(CALL, complaint_case_id=case)[0])
    read = book.read(CASE, case)
    assert (call.state, call.customer, call.contact_person, call.served_at) == (
        "due", read.customer, read.contact_person, read.effect_confirmed_at)
    answered(book, case)
    assert book.read(CASE, case).satisfaction_level == "satisfied"
    refused(manager.move(CASE, case, "close", satisfaction_level="very_satisfied"), "回访结果与回访记录一致")
    done(manager.move(CASE, case, "close"))


def test_a_dissatisfied_customer_is_served_again_before_the_case_closes(book):
    case, clerk, manager = effective(book), book.person("customer_service"), book.person("quality_manager")
    call = answered(book, case, "dissatisfied")
    refused(manager.move(CASE, case, "close"), "须先完成本次处理的回访")
    refused(clerk.move(CALL, call, "resolve", follow_up="reopened"), "用户不满意的，须重开服务")
    done(clerk.move(CASE, case, "redo", comment="客户不满意"))
    done(clerk.move(CALL, call, "resolve", follow_up="reopened"))
    done(clerk.move(CASE, case, "confirm_effect"))
    refused(manager.move(CASE, case, "close"), "须先完成本次处理的回访")
    assert answered(book, case) != call
    done(manager.move(CASE, case, "close"))


def test_a_customer_who_cannot_be_reached_does_not_keep_the_case_open(book):
    case = effective(book)
    book.as_it_was(CALL, book.ids(CALL, complaint_case_id=case)[0], state="unreachable")
    refused(book.person("quality_manager").move(CASE, case, "close"), "请填写“回访结果”", 422)
    done(book.person("quality_manager").move(CASE, case, "close", satisfaction_level="neutral"))


def test_a_quality_complaint_closes_with_its_corrective_action(book):
    case = effective(book, complaint_type="quality", execution_check="完成")
    answered(book, case)
    manager = book.person("quality_manager")
    refused(manager.move(CASE, case, "close"), "请先填写“纠正和预防措施”")
    done(manager.edit(CASE, case, corrective_action=made(book, "corrective_action")))
    done(manager.move(CASE, case, "close"))


# Disputes -------------------------------------------------------------------------------------------------------------

def test_a_dispute_takes_over_the_case_until_it_is_over(book):
    case, clerk = executing(book, amount="3000"), book.person("customer_service")
    refused(clerk.move(CASE, case, "dispute"), "请填写原因", 422)
    done(clerk.move(CASE, case, "dispute", comment="客户要求全额赔偿"))
    (dispute,) = book.ids("dispute_case", complaint_case_id=case)
    read = book.read("dispute_case", dispute)
    assert (read.dispute_text, read.amount, read.customer, read.handler) == (
        "客户要求全额赔偿", 3000, book.read(CASE, case).customer, book.user("customer_service"))
    refused(clerk.move(CASE, case, "settle"), "本投诉的争议处理记录尚未结案")
    book.as_it_was("dispute_case", dispute, state="settled")
    done(clerk.move(CASE, case, "settle"))
    assert book.state(CASE, case) == "executing"
