"""A complaint from the first call to its closing, played by the people who handle it, with what is refused on the way."""

from __future__ import annotations

import pytest

from rules import office
from tests.casebook import Casebook, at, done, refused

CASE, MEMO, SHEET, REVIEW = "complaint_case", "customer_contact_memo", "abnormality_sheet", "complaint_joint_review"
REWORK, ACTION, CALL = "rework_order", "corrective_action", "callback_record"
ORIGIN = {"production_unit": "U1", "shift": "甲班", "operator": "李工", "produced_on": "2024-10-15",
          "inspection_result": "确认为划伤"}
FIRST_PROMISE = {"promises-0-notified_at": "2024-11-18T10:00", "promises-0-promised_at": "2024-11-20T17:00"}
SECOND_PROMISE = {"promises-1-notified_at": "2024-11-20T16:59", "promises-1-promised_at": "2099-12-01T17:00",
                  "promises-1-reason": "等待返工设备"}


@pytest.fixture
def book(app):
    return Casebook(app)


def test_a_complaint_from_the_first_call_to_its_closing(book):
    memo = contact_first(book)
    case = register(book, memo)
    investigate(book, case, memo)
    promise(book, case)
    review_together(book, case)
    judge(book, case)
    approve(book, case)
    execute(book, case)
    close(book, case)


def contact_first(book):
    """The customer is called before anything else, and the unit concerned is told."""
    sales, unit = book.person("sales"), book.person("unit")
    memo = sales.create(MEMO, book.contact_memo(**{"informed-0-person": book.user("unit")}))
    draft = book.person("sales").post(f"/admin/{CASE}/new/", book.complaint(customer_contact_memo=memo))
    refused(draft, "“顾客沟通、联系备忘录”所选记录当前状态不可选用", 422)
    done(sales.move(MEMO, memo, "record"))
    done(unit.move(MEMO, memo, "acknowledge"))
    assert book.state(MEMO, memo) == "acknowledged"
    assert book.read("customer", book.id("customer", name="客户A")).last_contacted_at == at("2024-11-02 09:30")
    return memo


def register(book, memo):
    """A draft has no number; the office that watches the time registers it."""
    sales, office_clerk = book.person("sales"), book.person("customer_service")
    case = sales.create(CASE, book.complaint(order_no=""))
    refused(sales.move(CASE, case, "register"), "“登记”由客户服务办理")
    refused(office_clerk.move(CASE, case, "register"), "请先填写“订单编号”")
    assert book.read(CASE, case).number is None
    done(sales.edit(CASE, case, order_no="DD-1"))
    done(office_clerk.move(CASE, case, "register"))
    read = book.read(CASE, case)
    assert read.number == f"KS-{office.today():%Y%m}-0001" and read.registered_at is not None
    return case


def investigate(book, case, memo):
    engineer, unit = book.person("quality_engineer"), book.person("unit")
    refused(engineer.move(CASE, case, "investigate", responsible_unit="U1"), "请填写“顾客沟通、联系备忘录”", 422)
    done(engineer.move(CASE, case, "investigate", responsible_unit="U1", customer_contact_memo=memo))
    refused(book.person("unit2").move(CASE, case, "report_findings", cause="料架毛刺", countermeasure="全检"),
            "这不是您本单位的记录")
    done(unit.edit(CASE, case, shift="甲班", operator="李工"))
    done(unit.move(CASE, case, "report_findings", cause="料架毛刺", countermeasure="全检、返工"))
    refused(unit.edit(CASE, case, amount="1"), "责任单位只填写调查、对策和执行检查", 422)


def promise(book, case):
    """Told within a day what will be done until when, and told again before that has passed."""
    clerk = book.person("customer_service")
    answer = clerk.move(CASE, case, "reply", reply_text="返工，20日完成")
    assert answer.status_code == 422 and "答复客户前请填写“承诺与知会记录”" in answer.text
    mine = {"promises-0-notified_by": book.user("customer_service"), "promises-1-notified_by": book.user("customer_service")}
    done(clerk.edit(CASE, case, reply_text="返工，20日完成", **FIRST_PROMISE,
                    **{"promises-0-notified_by": mine["promises-0-notified_by"]}))
    done(clerk.move(CASE, case, "reply"))
    assert book.clock(CASE, case, "promise")[1] == at("2024-11-20 17:00")
    late = SECOND_PROMISE | {"promises-1-notified_at": "2024-11-20T17:01"}
    refused(clerk.edit(CASE, case, **late, **mine), "原承诺已过期，按逾期处理，不能再延期", 422)
    done(clerk.edit(CASE, case, **SECOND_PROMISE, **mine))
    read = book.read(CASE, case)
    assert (read.promised_at, read.promise_renotified_at) == (at("2099-12-01 17:00"), at("2024-11-20 16:59"))
    assert book.clock(CASE, case, "promise") == ("running", at("2099-12-01 17:00"))


def review_together(book, case):
    clerk = book.person("customer_service")
    people = {f"participants-{n}-{name}": value for n, (unit, person) in enumerate((("U1", "unit"), ("QA", "sales")))
              for name, value in (("unit", unit), ("person", book.user(person)))}
    review = clerk.create(REVIEW, {"complaint_case": case, "handler": book.user("customer_service"),
                                   "scheduled_at": "2024-11-21T09:00", "place": "客户现场", **people})
    result = {"inspection_result": "八片划伤", "conclusion": "本厂责任"}
    refused(clerk.move(REVIEW, review, "hold", **result), "参加人须包括业务、质量和责任归属单位的人员")
    done(clerk.edit(REVIEW, review, **{"participants-2-unit": "QA", "participants-2-person": book.user("quality_engineer")}))
    done(clerk.move(REVIEW, review, "hold", **result))
    refused(clerk.move(REVIEW, review, "sign", signed_by="张三"), "“参加单位”尚有未签收的份")
    done(clerk.edit(REVIEW, review, **{f"participants-{n}-signed_at": "2024-11-21T11:00" for n in range(3)}))
    done(clerk.move(REVIEW, review, "sign", signed_by="张三"))
    refused(clerk.edit(REVIEW, review, conclusion="客户责任"), "记录已结束，不能再改")


def judge(book, case):
    """The departments have given their opinion and quality has inspected before responsibility is judged."""
    clerk, engineer = book.person("customer_service"), book.person("quality_engineer")
    decision = {"disposition": "rework", "responsible_unit": "U1"}
    answer = clerk.move(CASE, case, "judge", **decision)
    assert answer.status_code == 422 and "请填写“分析讨论”" in answer.text
    done(clerk.edit(CASE, case, amount="25000", is_goods_returned="true", **{
        "discussions-0-unit": "U1", "discussions-0-discussed_at": "2024-11-19T14:00", "discussions-0-opinion": "更换料架"}))
    refused(clerk.move(CASE, case, "judge", **decision), "请先填写“质量检验确认”")
    done(engineer.edit(CASE, case, **ORIGIN))
    done(clerk.move(CASE, case, "judge", **decision))


def approve(book, case):
    """25,000 yuan: the quality manager first, then the deputy general manager."""
    manager, deputy = book.person("quality_manager"), book.person("deputy_gm")
    refused(deputy.move(CASE, case, "approve"), "正等待质量负责人签署")
    refused(book.person("customer_service").edit(CASE, case, amount="1"), "记录正在会签")
    done(manager.move(CASE, case, "approve"))
    assert book.state(CASE, case) == "approving"
    done(deputy.move(CASE, case, "approve"))
    assert book.state(CASE, case) == "approved"
    assert [row[1:] for row in book.signatures(CASE, case)] == [
        ("quality_manager", "signed", "quality_manager"), ("deputy_gm", "signed", "deputy_gm")]
    refused(book.person("sales").edit(CASE, case, amount="100"), "已核决的内容不能再改", 422)
    done(book.person("sales").move(CASE, case, "notify"))


def execute(book, case):
    """What came back is reworked under a corrective action, and the unit checks the execution."""
    clerk, engineer, unit = (book.person(name) for name in ("customer_service", "quality_engineer", "unit"))
    refused(clerk.move(CASE, case, "confirm_effect", effect_text="合格"), "请先填写“执行检查”")
    done(unit.move(CASE, case, "check_execution", execution_check="返工两天完成"))
    refused(clerk.move(CASE, case, "confirm_effect", effect_text="合格"), "须有注明本投诉的返工单")
    rework = engineer.create(REWORK, {
        "complaint_case": case, "customer": book.id("customer", name="客户A"),
        "product_batch": book.id("product_batch", batch_no="B2608"), "quantity": "100", "fault_description": "划伤",
        "responsible_unit": "U1", "rework_plan": "抛光"})
    done(engineer.move(REWORK, rework, "issue"))
    done(unit.move(REWORK, rework, "start"))
    done(unit.move(REWORK, rework, "finish", labour_hours="16"))
    refused(clerk.move(CASE, case, "confirm_effect", effect_text="合格"), "且均已放行或报废")
    result = {"reinspection_result": "合格", "passed_quantity": "98", "scrapped_quantity": "2"}
    refused(engineer.move(REWORK, rework, "release", **result), "投诉或退换货的返工须关联“纠正和预防措施”")
    action = correct(book, case)
    done(engineer.edit(REWORK, rework, corrective_action=action))
    done(engineer.move(REWORK, rework, "release", **result))
    done(clerk.edit(CASE, case, corrective_action=action))
    refused(book.person("quality_manager").move(CASE, case, "close"), "不能结案")
    done(clerk.move(CASE, case, "confirm_effect", effect_text="客户验收合格"))
    assert book.clock(CASE, case, "promise")[0] == "met"


def correct(book, case):
    """Customer service proposes, quality issues, the unit acts, an outsider verifies; nothing is let go."""
    engineer, unit, manager = (book.person(name) for name in ("quality_engineer", "unit", "quality_manager"))
    action = book.person("customer_service").create(ACTION, book.corrective_action(
        source_type="complaint_case", source_number=book.read(CASE, case).number))
    done(engineer.move(ACTION, action, "issue"))
    done(unit.move(ACTION, action, "accept", action_owner=book.user("unit"), promised_at="2099-12-01T17:00"))
    done(unit.edit(ACTION, action, cause="料架毛刺", corrective_measure="换料架", preventive_measure="每班点检", **{
        "trackings-0-measure": "换料架", "trackings-0-measure_kind": "corrective",
        "trackings-0-completed_on": "2024-11-25", "trackings-0-result_text": "已换"}))
    done(unit.move(ACTION, action, "plan"))
    done(unit.move(ACTION, action, "finish"))
    done(engineer.move(ACTION, action, "verify", verification_text="现场合格"))
    done(manager.move(ACTION, action, "confirm_effect", effectiveness_text="未再发生"))
    done(manager.edit(ACTION, action, is_cause_found="true", is_measure_implemented="true", is_education_done="true",
                      education_text="全班培训"))
    done(manager.move(ACTION, action, "report"))
    refused(manager.move(ACTION, action, "close"), "属实的质量问题须做到“四不放过”")
    done(manager.edit(ACTION, action, is_accountability_done="true", accountability_text="班长通报"))
    done(manager.move(ACTION, action, "close"))
    return action


def close(book, case):
    manager, caller = book.person("quality_manager"), book.person("customer_service2")
    refused(manager.move(CASE, case, "close", satisfaction_level="satisfied"), "须先完成本次处理的回访")
    (call,) = book.ids(CALL, complaint_case_id=case)
    done(caller.move(CALL, call, "complete", contact_person="张三", method="phone", satisfaction_level="satisfied",
                     remark="认可"))
    refused(caller.move(CASE, case, "close"), "“结案”由质量负责人办理")
    done(manager.move(CASE, case, "close"))
    read = book.read(CASE, case)
    assert (read.state, read.satisfaction_level, read.is_overdue) == ("closed", "satisfied", False)
    assert book.clock(CASE, case, "close")[0] == "met" and book.clock(CASE, case, "reply")[0] == "missed"
    refused(manager.edit(CASE, case, effect_text="更正"), "记录已结束，不能再改")


# Without a loss -------------------------------------------------------------------------------------------------------

def test_br_24_a_complaint_without_loss_is_improved_on_an_abnormality_sheet(book):
    clerk, unit, engineer = (book.person(name) for name in ("customer_service", "unit", "quality_engineer"))
    case = book.person("sales").create(CASE, book.complaint(has_loss="false", responsible_unit="U1"))
    refused(clerk.move(CASE, case, "register"), "未造成损失的投诉不登记，请转异常处理单")
    done(clerk.move(CASE, case, "convert"))
    assert (book.state(CASE, case), book.read(CASE, case).number) == ("converted", None)
    (sheet,) = book.ids(SHEET, complaint_case_id=case)
    read = book.read(SHEET, sheet)
    assert (read.state, read.customer, read.product_batch, read.quantity, read.fault_category, read.fault_description,
            read.improvement_demand, read.responsible_unit) == (
        "draft", book.id("customer", name="客户A"), book.id("product_batch", batch_no="B2608"), 8, "appearance",
        "板面划伤", "返工", "U1")
    done(clerk.move(SHEET, sheet, "send"))
    refused(book.person("unit2").move(SHEET, sheet, "accept"), "这不是您本单位的记录")
    done(unit.move(SHEET, sheet, "accept"))
    done(unit.move(SHEET, sheet, "finish", cause="料架毛刺", improvement_result="已换料架"))
    done(engineer.move(SHEET, sheet, "verify", verification_text="合格"))
    assert book.read(SHEET, sheet).closed_at is not None


def test_br_24_what_turns_out_to_cause_a_loss_becomes_a_complaint_again(book):
    sales, clerk = book.person("sales"), book.person("customer_service")
    case = sales.create(CASE, book.complaint(has_loss="false", channel="fax"))
    done(clerk.move(CASE, case, "convert"))
    (sheet,) = book.ids(SHEET, complaint_case_id=case)
    done(clerk.edit(SHEET, sheet, direct_loss="0.01", responsible_unit="U1"))
    assert book.read(SHEET, sheet).complaint_case == case, "who edits the sheet keeps the case without a number"
    refused(clerk.move(SHEET, sheet, "send"), "已造成损失，须升级为客诉")
    done(sales.move(SHEET, sheet, "upgrade"))
    again = book.read(SHEET, sheet).complaint_case
    read = book.read(CASE, again)
    assert again != case and (read.state, read.has_loss, read.channel, read.contact_person, read.order_no,
                              read.complaint_reason) == ("received", True, "fax", "张三", "DD-1", "板面划伤")
    done(clerk.move(CASE, again, "register"))
    assert book.read(CASE, again).number.endswith("-0001"), "the converted case took no number"


def test_a_complaint_that_is_not_justified_is_answered_all_the_same(book):
    clerk, manager = book.person("customer_service"), book.person("quality_manager")
    case = book.person("sales").create(CASE, book.complaint())
    done(clerk.move(CASE, case, "register"))
    answer = {"reply_text": "系运输损伤", "cause": "客户自提运输"}
    refused(manager.move(CASE, case, "reject", comment="非本厂责任", **answer), "请填写“顾客沟通、联系备忘录”", 422)
    memo = book.recorded_memo()
    refused(manager.move(CASE, case, "reject", customer_contact_memo=memo, **answer), "请填写原因", 422)
    done(manager.move(CASE, case, "reject", comment="非本厂责任", customer_contact_memo=memo, **answer))
    assert book.state(CASE, case) == "rejected" and book.clock(CASE, case, "close")[0] == "stopped"
