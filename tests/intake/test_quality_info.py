"""Quality information: registered, endorsed, answered or dealt with on site in time, called back, closed with all copies."""

from __future__ import annotations

from datetime import date

import pytest

from tests.casebook import Casebook, at, done, refused
from tests.every_door import every_door_says

SHEET, CALL = "quality_info_transfer", "callback_record"
SATISFIED = {"satisfaction_level": "satisfied", "remark": "认可"}
DISSATISFIED = {"satisfaction_level": "dissatisfied", "remark": "仍响", "dissatisfaction_reason": "未修好"}
SIGNERS = ("sales", "quality_engineer", "deputy_gm", "unit")


@pytest.fixture
def book(app):
    return Casebook(app)


def registered(book, by="sales", **changes):
    return book.person(by).create(SHEET, book.quality_info(**changes))


def confirmed(book, by="sales", **changes):
    sheet = registered(book, by, **changes)
    done(book.person(by).move(SHEET, sheet, "confirm"))
    return sheet


def decided(book, mode):
    """Taken in by quality itself, so decided without the endorsement of the sales branch."""
    sheet, engineer = confirmed(book, "quality_engineer", intake_unit="quality"), book.person("quality_engineer")
    if mode == "on_site":
        done(engineer.edit(SHEET, sheet, responsible_unit="U1"))
    done(engineer.move(SHEET, sheet, "decide_on_site" if mode == "on_site" else "decide_reply",
                       handling_mode=mode, quality_opinion="同意"))
    return sheet


def disposed(book, mode="on_site"):
    sheet = decided(book, mode)
    if mode == "on_site":
        serve(book, sheet)
    else:
        done(book.person("quality_engineer").move(SHEET, sheet, "send_reply", reply_text="请更换滤芯"))
    return sheet


def serve(book, sheet):
    book.edit("unit", SHEET, sheet, preliminary_plan="更换", technician=book.user("technician"), reply_text="周二到场")
    for username, move in (("unit", "plan"), ("technician", "arrive"), ("technician", "dispose")):
        if move == "dispose":
            book.feedback_sheet(sheet)
        done(book.person(username).move(SHEET, sheet, move))


def called_back(book, mode="on_site", answer=SATISFIED):
    sheet = disposed(book, mode)
    call(book, sheet, answer)
    return sheet


def call(book, sheet, answer=SATISFIED):
    move = "complete" if answer is SATISFIED else "flag_dissatisfied"
    done(book.person("customer_service").move(CALL, book.ids(CALL, quality_info_transfer_id=sheet)[-1], move, **answer))
    done(book.person("quality_engineer").move(SHEET, sheet, "record_callback"))


def sign(book, sheet, usernames=SIGNERS):
    for row, username in zip(book.read(SHEET, sheet).receipts, SIGNERS, strict=True):
        if username in usernames:
            done(book.acknowledge(username, SHEET, sheet, row.id))


# Registering ----------------------------------------------------------------------------------------------------------

def test_the_batch_fills_the_product(book):
    read = book.read(SHEET, registered(book))
    assert (read.product_name, read.batch_no, read.produced_on) == ("M1", "B2608", date(2026, 6, 1))
    assert book.read(SHEET, registered(book, product_name="M1 加强型")).product_name == "M1 加强型"


def test_another_batch_takes_its_product_along_but_not_over_what_is_typed_anew(book):
    sheet, sales = registered(book), book.person("sales")
    done(sales.edit(SHEET, sheet, product_batch=book.id("product_batch", batch_no="B2607")))
    assert book.read(SHEET, sheet).batch_no == "B2607"
    done(sales.edit(SHEET, sheet, product_batch=book.id("product_batch", batch_no="B2609"), batch_no="B2609-甲"))
    assert book.read(SHEET, sheet).batch_no == "B2609-甲"


@pytest.mark.parametrize("loss, is_major", [("0", False), ("19999.99", False), ("20000.00", True)])
def test_example_f_a_loss_of_twenty_thousand_is_a_major_incident(book, loss, is_major):
    sheet = registered(book, direct_loss=loss)
    assert book.read(SHEET, sheet).is_major is is_major
    every_door_says(book, "quality_engineer", SHEET, sheet, is_major=is_major, direct_loss=loss)


def test_what_has_no_production_date_is_not_confirmed(book):
    sheet = registered(book, product_batch="", product_name="M1", batch_no="不详")
    refused(book.person("sales").move(SHEET, sheet, "confirm"), "请填写“生产日期”", 422)
    done(book.person("sales").move(SHEET, sheet, "confirm", produced_on="2026-05-01"))


def test_br_10_confirming_sends_three_copies_and_a_fax(book):
    read = book.read(SHEET, confirmed(book))
    assert [row.copy for row in read.receipts] == ["marketing", "quality", "quality_leader", "subsidiary_fax"]
    assert all(row.sent_at == read.confirmed_at and row.signed_at is None for row in read.receipts)


def test_a_copy_is_registered_once(book):
    sheet = registered(book)
    twice = {"receipts-0-copy": "quality", "receipts-1-copy": "quality"}
    refused(book.person("sales").edit(SHEET, sheet, **twice), "每份只能登记一行", 422)


def test_what_is_not_true_is_rejected_with_a_reason(book):
    sheet = registered(book)
    refused(book.person("sales").move(SHEET, sheet, "reject"), "请填写原因", 422)
    refused(book.person("technician").post(f"/admin/{SHEET}/{sheet}/moves/reject", {"comment": "误报"}), "", 404)
    done(book.person("sales").move(SHEET, sheet, "reject", comment="误报"))
    assert book.clock(SHEET, sheet, "reply")[0] == "stopped"


# Endorsing and deciding -----------------------------------------------------------------------------------------------

def test_the_head_of_the_sales_branch_endorses_but_not_their_own_sheet(book):
    sheet = confirmed(book)
    refused(book.person("sales").move(SHEET, sheet, "endorse", dept_opinion="同意"), "“部门领导批示”由业务负责人办理")
    refused(book.person("sales_lead").move(SHEET, sheet, "endorse"), "请填写“部门领导批示”", 422)
    done(book.person("sales_lead").move(SHEET, sheet, "endorse", dept_opinion="同意"))
    own = confirmed(book, by="sales_lead")
    refused(book.person("sales_lead").move(SHEET, own, "endorse", dept_opinion="同意"), "不能由填写人本人办理")


@pytest.mark.parametrize("move, mode, state", [("decide_reply", "phone_or_written", "replying"),
                                               ("decide_on_site", "on_site", "assigned")])
def test_what_the_sales_branch_took_in_is_endorsed_before_quality_decides(book, move, mode, state):
    sheet, given = confirmed(book), {"handling_mode": mode, "quality_opinion": "同意"}
    if mode == "on_site":
        given["responsible_unit"] = "U1"
    refused(book.person("quality_engineer").move(SHEET, sheet, move, **given), "营销分公司接收的信息须先经部门领导批示")
    done(book.person("sales_lead").move(SHEET, sheet, "endorse", dept_opinion="同意"))
    done(book.person("quality_engineer").move(SHEET, sheet, move, **given))
    assert book.state(SHEET, sheet) == state


def test_what_quality_took_in_is_decided_at_once_and_not_endorsed(book):
    sheet = confirmed(book, "quality_engineer", intake_unit="quality")
    refused(book.person("sales_lead").move(SHEET, sheet, "endorse", dept_opinion="同意"), "无须部门领导批示")
    given = {"handling_mode": "on_site", "quality_opinion": "同意"}
    engineer = book.person("quality_engineer")
    refused(engineer.move(SHEET, sheet, "decide_reply", **given), "“处理方式”须为：电话或书面回复")
    refused(engineer.move(SHEET, sheet, "decide_on_site", **given), "请填写“责任子(分)公司”", 422)
    done(engineer.move(SHEET, sheet, "decide_on_site", **given, responsible_unit="U1"))


def test_br_32_a_reply_that_does_not_help_becomes_a_visit(book):
    sheet, engineer = decided(book, "phone_or_written"), book.person("quality_engineer")
    refused(engineer.move(SHEET, sheet, "go_on_site", responsible_unit="U1"), "请填写原因", 422)
    done(engineer.move(SHEET, sheet, "go_on_site", responsible_unit="U1", comment="电话说不清"))
    read = book.read(SHEET, sheet)
    assert (read.state, read.handling_mode) == ("assigned", "on_site") and read.arrive_due_at is not None


# On site --------------------------------------------------------------------------------------------------------------

def test_only_the_responsible_unit_plans_and_only_its_technician_arrives(book):
    sheet = decided(book, "on_site")
    given = {"preliminary_plan": "更换", "technician": book.user("technician"), "reply_text": "周二到场"}
    refused(book.person("unit2").move(SHEET, sheet, "plan", **given), "这不是您本单位的记录")
    refused(book.person("unit2").edit(SHEET, sheet, preliminary_plan="改"), "这不是您本单位的记录")
    refused(book.person("unit").move(SHEET, sheet, "plan", technician=given["technician"]), "请填写“初步处理方案”", 422)
    done(book.person("unit").move(SHEET, sheet, "plan", **given))
    assert book.read(SHEET, sheet).replied_at is not None
    assert book.person("technician2").move(SHEET, sheet, "arrive").status_code == 404
    done(book.person("technician").move(SHEET, sheet, "arrive"))
    refused(book.person("unit").move(SHEET, sheet, "dispose"), "“现场处置完成”由售后服务人员办理")


def test_the_unit_does_not_move_the_moment_from_which_its_limits_count(book):
    sheet = decided(book, "on_site")
    refused(book.person("unit").edit(SHEET, sheet, received_at="2024-11-09T09:00"), "收到反馈时间不能由责任单位或服务人员更改", 422)
    done(book.person("quality_engineer").edit(SHEET, decided(book, "phone_or_written"), received_at="2024-11-01T09:00"))


@pytest.mark.parametrize("site, unit, hours", [
    ("重庆市", "U1", 24), ("四川省", "U1", 48), ("四川省", "U2", 24), ("重庆市", "U2", 48)])
def test_the_limit_of_arrival_depends_on_the_province_of_the_responsible_unit(book, site, unit, hours):
    sheet = registered(book, province=site, responsible_unit=unit, handling_mode="on_site")
    read = book.read(SHEET, sheet)
    assert (read.arrive_due_at - read.received_at).total_seconds() == hours * 3600
    assert read.is_in_province is (hours == 24)


def test_without_a_unit_the_home_province_decides_and_a_reply_has_no_arrival(book):
    assert book.read(SHEET, registered(book, province="重庆市")).is_in_province is True
    sheet = registered(book, province="四川省", handling_mode="phone_or_written")
    assert (book.read(SHEET, sheet).is_in_province, book.read(SHEET, sheet).arrive_due_at) == (False, None)
    assert book.clock(SHEET, sheet, "arrive") is None


@pytest.mark.parametrize("site, arrived, kept", [
    ("重庆市", "2024-11-03 09:00:00", "met"), ("重庆市", "2024-11-03 09:00:01", "missed"),
    ("四川省", "2024-11-04 09:00:00", "met"), ("四川省", "2024-11-04 09:00:01", "missed")])
def test_arriving_exactly_on_the_limit_is_on_time(book, site, arrived, kept):
    sheet = registered(book, province=site)
    book.as_it_was(SHEET, sheet, state="dispatched", handling_mode="on_site", responsible_unit="U1",
                   technician=book.user("technician"))
    book.act("technician", SHEET, sheet, "arrive", now=at(arrived))
    assert book.clock(SHEET, sheet, "arrive")[0] == kept


# Callback and closing -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", ["on_site", "phone_or_written"])
def test_what_is_disposed_is_called_back_once_by_somebody_else(book, mode):
    sheet = disposed(book, mode)
    (call_id,) = book.ids(CALL, quality_info_transfer_id=sheet)
    made, read = book.read(CALL, call_id), book.read(SHEET, sheet)
    assert (made.state, made.served_at, made.customer, made.phone) == ("due", read.disposed_at, read.customer, read.phone)
    assert made.technician == (book.user("technician") if mode == "on_site" else None)
    refused(book.person("quality_engineer").move(SHEET, sheet, "record_callback", satisfaction_level="satisfied"),
            "须先完成本次处置的回访")
    call(book, sheet)
    assert (book.state(SHEET, sheet), book.read(SHEET, sheet).satisfaction_level) == ("called_back", "satisfied")


def test_the_sheet_says_what_the_user_said(book):
    sheet = disposed(book)
    done(book.person("customer_service").move(CALL, book.ids(CALL)[0], "complete", **SATISFIED))
    done(book.person("quality_engineer").edit(SHEET, sheet, satisfaction_level="very_satisfied"))
    refused(book.person("quality_engineer").move(SHEET, sheet, "record_callback"), "用户满意度与回访记录一致")


def test_a_user_who_cannot_be_reached_does_not_hold_the_case_up(book):
    sheet = disposed(book)
    book.as_it_was(CALL, book.ids(CALL)[0], state="unreachable")
    refused(book.person("quality_engineer").move(SHEET, sheet, "record_callback"), "请填写“用户满意度”", 422)
    done(book.person("quality_engineer").move(SHEET, sheet, "record_callback", satisfaction_level="neutral"))


def test_br_10_a_case_closes_only_with_all_four_copies_signed(book):
    sheet, manager = called_back(book), book.person("quality_manager")
    done(book.person("quality_engineer").edit(SHEET, sheet, no_action_reason="操作不当", is_substantiated="false"))
    sign(book, sheet, SIGNERS[:3])
    refused(manager.move(SHEET, sheet, "close"), "四份均须签收")
    sign_fax = [row.id for row in book.read(SHEET, sheet).receipts][3]
    refused(book.acknowledge("unit2", SHEET, sheet, sign_fax), "这一份不由您签收")
    done(book.acknowledge("unit_lead", SHEET, sheet, sign_fax))
    refused(book.person("quality_engineer").move(SHEET, sheet, "close"), "“闭环”由质量负责人办理")
    done(manager.move(SHEET, sheet, "close"))
    assert book.read(SHEET, sheet).closed_at is not None


def test_br_10_each_copy_is_signed_by_its_receiver_only(book):
    sheet = confirmed(book, responsible_unit="U1")
    rows = book.read(SHEET, sheet).receipts
    for row, username in zip(rows, ("quality_engineer", "sales", "quality_manager", "deputy_gm"), strict=True):
        refused(book.acknowledge(username, SHEET, sheet, row.id), "这一份不由您签收")
    sign(book, sheet)
    refused(book.person("quality_engineer").edit(SHEET, sheet, **{"receipts-0-copy": "quality", "receipts-1-copy": "marketing"}),
            "已签收，份别不能再改", 422)
    assert [row.signed_by for row in book.read(SHEET, sheet).receipts] == [book.user(name) for name in SIGNERS]


def test_a_case_closes_with_an_action_or_the_reason_for_none(book):
    sheet, manager, engineer = called_back(book), book.person("quality_manager"), book.person("quality_engineer")
    sign(book, sheet)
    refused(manager.move(SHEET, sheet, "close"), "请填写“是否属实”", 422)
    refused(manager.move(SHEET, sheet, "close", is_substantiated="true"), "请先填写“纠正和预防措施”；或请先填写“不采取措施的理由”")
    done(engineer.edit(SHEET, sheet, no_action_reason="偶发"))
    refused(manager.move(SHEET, sheet, "close", is_substantiated="true"), "质量问题属实的，须关联“纠正和预防措施”")
    done(engineer.edit(SHEET, sheet, corrective_action=engineer.create("corrective_action", book.corrective_action())))
    done(manager.move(SHEET, sheet, "close", is_substantiated="true"))


def test_a_dissatisfied_user_needs_an_action(book):
    sheet, manager, engineer = called_back(book, answer=DISSATISFIED), book.person("quality_manager"), book.person("quality_engineer")
    sign(book, sheet)
    done(engineer.edit(SHEET, sheet, no_action_reason="偶发", is_substantiated="false"))
    refused(manager.move(SHEET, sheet, "close"), "用户不满意的，须关联“纠正和预防措施”")
    done(engineer.edit(SHEET, sheet, satisfaction_level="satisfied"))
    refused(manager.move(SHEET, sheet, "close"), "用户满意度与回访记录一致")


def test_br_32_a_written_case_is_answered_until_the_user_is_satisfied(book):
    sheet, engineer = called_back(book, "phone_or_written", DISSATISFIED), book.person("quality_engineer")
    sign(book, sheet, SIGNERS[:3])
    done(engineer.edit(SHEET, sheet, is_substantiated="false", responsible_unit="U1",
                       corrective_action=engineer.create("corrective_action", book.corrective_action())))
    refused(book.person("quality_manager").move(SHEET, sheet, "close"), "须回复到用户满意为止")
    refused(engineer.move(SHEET, sheet, "redo", comment="再来"), "“处理方式”须为：现场处理")
    done(engineer.move(SHEET, sheet, "reply_again", comment="补充说明"))
    done(engineer.move(SHEET, sheet, "send_reply"))
    call(book, sheet)
    assert len(book.ids(CALL, quality_info_transfer_id=sheet)) == 2
    refused(engineer.move(SHEET, sheet, "reply_again", comment="再来"), "用户已满意，无须再次处理")


def test_handled_again_a_case_keeps_its_first_reply_and_arrival(book):
    sheet = called_back(book, answer=DISSATISFIED)
    first = {"replied_at": at("2024-11-02 12:00"), "arrived_at": at("2024-11-03 08:00"), "disposed_at": at("2024-11-03 10:00")}
    book.as_it_was(SHEET, sheet, **first)
    done(book.person("quality_engineer").move(SHEET, sheet, "redo", comment="异响未消除"))
    serve(book, sheet)
    read = book.read(SHEET, sheet)
    assert (read.replied_at, read.arrived_at) == (first["replied_at"], first["arrived_at"])
    assert read.disposed_at > first["disposed_at"]
    refused(book.person("quality_engineer").move(SHEET, sheet, "record_callback"), "须先完成本次处置的回访")
    call(book, sheet)
    assert book.read(SHEET, sheet).satisfaction_level == "satisfied"
