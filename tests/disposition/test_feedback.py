"""Feedback sheets: signed by the user, agreed before handed in, received by both, called back and filed by year."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.casebook import Casebook, at, done, refused
from tests.disposition.paper import (
    CALL, REQUEST, SHEET, SIGNED, SLIP, expiring, made, sheet_in, slip,
)


@pytest.fixture
def book(app):
    return Casebook(app)


def written(book, sheet=None, *products, **changes):
    return book.person("technician").create(SLIP, slip(book, sheet or sheet_in(book), *products, **changes))


def signed(book, *args, **changes):
    id_ = written(book, *args, **changes)
    done(book.person("technician").move(SLIP, id_, "sign", **SIGNED))
    return id_


def submitted(book, *args, **changes):
    id_ = signed(book, *args, **changes)
    done(book.person("technician").move(SLIP, id_, "submit"))
    return id_


def received(book, *args, **changes):
    id_ = submitted(book, *args, **changes)
    done(book.person("quality_engineer").move(SLIP, id_, "receive_quality"))
    done(book.person("sales").move(SLIP, id_, "receive_marketing"))
    return id_


def requested(book, sheet, state="agreement_signed", quantity="2"):
    """The request for this many M1."""
    row = {"product_batch": str(book.id("product_batch", batch_no="B2608")), "product_name": "M1", "specification": "标准",
           "quantity": quantity, "unit_price": "100"}
    return made(book, REQUEST, state, quality_info_transfer=sheet, items=[row])


# Signed by the user ---------------------------------------------------------------------------------------------------

def test_br_04_nothing_is_handed_in_or_filed_without_the_users_signature(book):
    paper, technician = written(book), book.person("technician")
    for left_out, label in (("signed_by", "用户签字(盖章)"), ("sign_kind", "用户认可方式")):
        given = {name: value for name, value in SIGNED.items() if name != left_out}
        refused(technician.move(SLIP, paper, "sign", **given), f"用户签字前请填写“{label}”", 422)
    refused(technician.move(SLIP, paper, "submit"), "当前状态为“草稿”，不能反馈")
    done(technician.move(SLIP, paper, "sign", **SIGNED))
    book.as_it_was(SLIP, paper, signed_by=None)
    refused(technician.move(SLIP, paper, "submit"), "反馈前请填写“用户签字(盖章)”", 422)
    book.as_it_was(SLIP, paper, state="callback_recorded")
    refused(book.person("unit").move(SLIP, paper, "archive"), "请先填写“用户签字(盖章)”")


def test_what_the_user_signed_is_not_changed(book):
    sheet = sheet_in(book)
    paper, technician = signed(book, sheet), book.person("technician")
    refused(technician.edit(SLIP, paper, disposition_result="已换两件"), "用户已签字(盖章)，内容不能再改", 422)
    row = {f"products-0-{name}": value for name, value in (
        ("mode", "exchange"), ("reason", "砂眼"), ("product_name", "M1"), ("specification", "标准"), ("quantity", "1"))}
    refused(technician.edit(SLIP, paper, **row), "用户已签字(盖章)，内容不能再改", 422)
    done(technician.edit(SLIP, paper, compensation_request=requested(book, sheet), remark="随附照片"))
    done(technician.move(SLIP, paper, "submit"))
    refused(book.person("quality_engineer").edit(SLIP, paper, compensation_request=""), "内容不能再改", 422)


def test_what_comes_back_is_signed_and_received_again(book):
    paper, engineer = received(book), book.person("quality_engineer")
    assert book.clock(SLIP, paper, "hand_in")[0] == "missed"
    refused(engineer.move(SLIP, paper, "send_back"), "请填写原因", 422)
    done(engineer.move(SLIP, paper, "send_back", comment="缺规格"))
    read = book.read(SLIP, paper)
    assert (read.state, read.signed_by, read.signed_at, read.submitted_at, read.all_received_at) == ("draft", *[None] * 4)
    assert book.clock(SLIP, paper, "hand_in")[0] == "running"
    refused(book.person("technician").move(SLIP, paper, "sign"), "用户签字前请填写“用户签字(盖章)”", 422)


# Products -------------------------------------------------------------------------------------------------------------

def test_goods_are_approved_and_agreed_before_the_sheet_is_handed_in(book):
    sheet, technician = sheet_in(book), book.person("technician")
    paper = signed(book, sheet, ("M1", "2", ""))
    refused(technician.move(SLIP, paper, "submit"), "须关联已批准且已签署补偿协议的审批单")
    request = requested(book, sheet, "approving")
    done(technician.edit(SLIP, paper, compensation_request=request))
    for state in ("approving", "approved", "cancelled"):
        book.as_it_was(REQUEST, request, state=state)
        refused(technician.move(SLIP, paper, "submit"), "须关联已批准且已签署补偿协议的审批单")
    book.as_it_was(REQUEST, request, state="agreement_signed")
    done(technician.move(SLIP, paper, "submit"))


def test_no_more_goes_to_the_user_than_was_requested(book):
    sheet, technician = sheet_in(book), book.person("technician")
    request = requested(book, sheet, quantity="3")
    for goods in ([("M1", "3.0001", "")], [("M1", "2", ""), ("M1", "1.5", "")], [("M2", "1", "")]):
        refused(technician.post(f"/admin/{SLIP}/new/", slip(book, sheet, *goods, compensation_request=request)),
                "超过审批单中该产品的数量", 422)
    refused(technician.post(f"/admin/{SLIP}/new/", slip(book, sheet, ("M1", "0", ""))), "数量须大于零", 422)
    written(book, sheet, ("M1", "2", ""), ("M1", "1", ""), compensation_request=request)


def test_br_07_a_product_past_its_shelf_life_is_only_assisted(book):
    last_day = expiring(book, "2026-11-20")
    for received_at, is_expired in (("2026-11-21T00:00", True), ("2026-11-20T23:59", False)):
        sheet = sheet_in(book, received_at=received_at)
        form = slip(book, sheet, ("M1", "1", last_day))
        answer = book.person("technician").post(f"/admin/{SLIP}/new/", form)
        if is_expired:
            refused(answer, "该批次已超过有效期，不予退换或补偿", 422)
            written(book, sheet, dispositions=["assist_expired"])
        else:
            done(answer)


def test_what_the_sheet_names_is_about_the_same_quality_information(book):
    elsewhere, technician = sheet_in(book), book.person("technician")
    for name, other in (("product_inspection_record", made(book, "product_inspection_record", quality_info_transfer=elsewhere)),
                        ("compensation_request", requested(book, elsewhere))):
        form = slip(book, sheet_in(book), **{name: other})
        refused(technician.post(f"/admin/{SLIP}/new/", form), "所选单据不是该质量信息的", 422)


# Handed in and received -----------------------------------------------------------------------------------------------

def test_both_departments_receive_it_and_their_first_receipt_counts(book):
    paper = submitted(book)
    refused(book.person("technician").move(SLIP, paper, "receive_quality"), "“质量部签收”由质量工程师办理")
    refused(book.person("quality_engineer").move(SLIP, paper, "receive_marketing"), "“营销分公司签收”由业务员、业务负责人办理")
    book.act("quality_engineer", SLIP, paper, "receive_quality", now=at("2025-11-05 09:00"))
    assert book.read(SLIP, paper).all_received_at is None
    book.act("sales_lead", SLIP, paper, "receive_marketing", now=at("2025-11-05 10:00"))
    book.act("quality_engineer2", SLIP, paper, "receive_quality", now=at("2025-11-06 09:00"))
    read = book.read(SLIP, paper)
    assert (read.quality_received_at, read.all_received_at) == (at("2025-11-05 09:00"), at("2025-11-05 10:00"))


def test_sla_18_three_working_days_end_with_the_third(book):
    """Handled on a Thursday: Friday, Monday, Tuesday."""
    due = at("2025-11-11 23:59:59")
    paper = submitted(book, handled_at="2025-11-06T16:00")
    assert book.read(SLIP, paper).submit_due_at == due and book.clock(SLIP, paper, "hand_in") == ("running", due)
    for moment, kept in ((due, "met"), (due + timedelta(seconds=1), "missed")):
        book.as_it_was(SLIP, paper, quality_received_at=at("2025-11-07 09:00"), marketing_received_at=moment)
        assert book.clock(SLIP, paper, "hand_in") == (kept, due)
    book.set_parameter("feedback_hand_in_days", "1")
    book.as_it_was(SLIP, paper, remark="")
    assert book.read(SLIP, paper).submit_due_at == at("2025-11-07 23:59:59")


def test_the_loss_goes_into_the_quality_information(book):
    sheet = sheet_in(book, direct_loss="800")
    submitted(book, sheet, direct_loss="3000.50")
    assert f"{book.read(SHEET, sheet).direct_loss}" == "3000.50"


def test_there_is_one_feedback_sheet_for_every_visit(book):
    sheet, technician = sheet_in(book), book.person("technician")
    first = signed(book, sheet)
    refused(technician.post(f"/admin/{SLIP}/new/", slip(book, sheet)), "本次现场服务已有反馈单", 422)
    done(technician.move(SHEET, sheet, "dispose"))
    book.as_it_was(SHEET, sheet, state="on_site", disposed_at=book.read(SLIP, first).signed_at)
    again = written(book, sheet)
    refused(technician.move(SHEET, sheet, "dispose"), "处置结果反馈单须先经用户签字(盖章)")
    book.as_it_was(SHEET, sheet, disposed_at=at("2025-11-04 16:00"))
    done(technician.move(SLIP, again, "sign", **SIGNED))
    done(technician.move(SHEET, sheet, "dispose"))


# Called back and filed ------------------------------------------------------------------------------------------------

def test_a_visit_ends_with_the_users_signature_and_its_call_names_the_sheet(book):
    sheet, technician = sheet_in(book), book.person("technician")
    paper = written(book, sheet)
    refused(technician.move(SHEET, sheet, "dispose"), "处置结果反馈单须先经用户签字(盖章)")
    done(technician.move(SLIP, paper, "sign", **SIGNED))
    done(technician.move(SHEET, sheet, "dispose"))
    (call,) = book.ids(CALL)
    assert book.read(CALL, call).quality_disposition_feedback == paper


def test_a_call_that_waits_already_is_told_of_the_feedback_sheet(book):
    sheet = sheet_in(book)
    waiting, paper = made(book, CALL, quality_info_transfer=sheet), signed(book, sheet)
    done(book.person("technician").move(SHEET, sheet, "dispose"))
    assert book.ids(CALL) == [waiting] and book.read(CALL, waiting).quality_disposition_feedback == paper


def test_br_19_the_call_is_noted_in_the_remark_before_filing(book):
    sheet = sheet_in(book)
    paper, engineer = received(book, sheet, remark="附照片"), book.person("quality_engineer")
    done(book.person("technician").move(SHEET, sheet, "dispose"))
    (call,) = book.ids(CALL)
    refused(engineer.move(SLIP, paper, "record_callback", remark="已电话"), "本单的电话回访尚未办结")
    done(book.person("customer_service").move(CALL, call, "flag_dissatisfied", satisfaction_level="dissatisfied",
                                              remark="仍响", dissatisfaction_reason="未修好"))
    read, number = book.read(SLIP, paper), book.read(CALL, call).number
    assert read.remark == f"附照片\n回访 {number}（不满意）：仍响" and read.satisfaction_level == "satisfied"
    refused(engineer.move(SLIP, paper, "record_callback"), "本单的电话回访尚未办结")
    for state in ("done", "reported", "unreachable"):
        book.as_it_was(CALL, call, state=state)
        book.as_it_was(SLIP, paper, state="submitted")
        done(engineer.move(SLIP, paper, "record_callback"))


def test_nothing_is_recorded_before_both_have_received_the_sheet(book):
    sheet = sheet_in(book)
    paper, engineer = submitted(book, sheet, remark="已电话"), book.person("quality_engineer")
    made(book, CALL, "done", quality_info_transfer=sheet, quality_disposition_feedback=paper)
    answer = engineer.move(SLIP, paper, "record_callback")
    assert answer.status_code == 422 and "登记回访前请填写“质量部签收时间”" in answer.text
    book.as_it_was(SHEET, sheet, state="disposed")
    book.as_it_was(CALL, book.ids(CALL)[0], called_at=at("2025-11-06 09:00"), satisfaction_level="satisfied")
    given = {"satisfaction_level": "satisfied"}
    refused(engineer.move(SHEET, sheet, "record_callback", **given), "处置结果反馈单须先由质量部和营销分公司签收")
    done(engineer.move(SLIP, paper, "receive_quality"))
    done(book.person("sales").move(SLIP, paper, "receive_marketing"))
    done(engineer.move(SHEET, sheet, "record_callback", **given))


def test_of_a_user_who_cannot_be_reached_the_feedback_sheet_speaks(book):
    sheet = sheet_in(book, "disposed")
    book.feedback_sheet(sheet, satisfaction_level="neutral")
    made(book, CALL, "unreachable", quality_info_transfer=sheet)
    engineer = book.person("quality_engineer")
    refused(engineer.move(SHEET, sheet, "record_callback", satisfaction_level="satisfied"), "无法联系的，与反馈单一致")
    done(engineer.move(SHEET, sheet, "record_callback", satisfaction_level="neutral"))


def test_a_call_made_from_the_feedback_sheet_belongs_to_its_quality_information(book):
    sheet = sheet_in(book)
    call = book.person("customer_service").create(CALL, {
        "quality_disposition_feedback": signed(book, sheet), "customer": book.id("customer", name="客户A"),
        "served_at": "2025-11-04T16:00"})
    assert book.read(CALL, call).quality_info_transfer == sheet


def test_br_18_the_unit_files_it_under_the_year_of_the_quality_information(book):
    """Received on New Year's morning of the office."""
    paper = made(book, SLIP, "callback_recorded", quality_info_transfer=sheet_in(book, received_at="2025-01-01T00:30"))
    refused(book.person("unit2").move(SLIP, paper, "archive"), "这不是您本单位的记录")
    refused(book.person("quality_engineer").move(SLIP, paper, "archive"), "“按年度归档”由责任部门、责任部门负责人办理")
    done(book.person("unit").move(SLIP, paper, "archive"))
    assert (book.state(SLIP, paper), book.read(SLIP, paper).archive_year) == ("archived", 2025)
