"""Compensation: only for what is valid, approved by amount, agreed with the user, delivered, and taken back under the rules."""

from __future__ import annotations

import pytest

from models.people import Membership
from tests.casebook import Casebook, done, refused
from tests.disposition.paper import (
    AGREEMENT, DISPOSAL, INCIDENT, REQUEST, agreement, batch, both_signed, disposal, expiring, made, photo, request,
    sheet_in,
)

LEADERS = ("unit_lead", "quality_manager", "deputy_gm", "general_manager")


@pytest.fixture
def book(app):
    return Casebook(app)


def drafted(book, sheet=None, **changes):
    return book.person("technician").create(REQUEST, request(book, sheet or sheet_in(book), **changes))


def submitted(book, sheet=None, **changes):
    id_ = drafted(book, sheet, **changes)
    done(book.person("technician").move(REQUEST, id_, "submit"))
    return id_


def approved(book, sheet=None, **changes):
    id_ = submitted(book, sheet, **changes)
    done(book.person("unit_lead").move(REQUEST, id_, "approve"))
    return id_


def agreed(book, of):
    id_ = book.person("unit").create(AGREEMENT, agreement(book, of))
    done(book.person("unit").move(AGREEMENT, id_, "sign", **both_signed(book)))
    return id_


# What may be asked for ------------------------------------------------------------------------------------------------

def test_example_f_expires_2026_11_20_a_claim_of_that_day_is_allowed_and_of_the_next_blocked(book):
    last_day, technician = expiring(book, "2026-11-20"), book.person("technician")
    late = drafted(book, of=last_day, claimed_on="2026-11-21")
    read = book.read(REQUEST, late)
    assert (read.is_within_validity, f"{read.items[0].expires_on}") == (False, "2026-11-20")
    refused(technician.move(REQUEST, late, "submit"), "产品已超过有效期(保质期)，不予退换或补偿")
    done(technician.edit(REQUEST, late, claimed_on="2026-11-20"))
    done(technician.move(REQUEST, late, "submit"))


def test_br_07_one_expired_row_blocks_the_whole_request(book):
    good = {"items-1-product_batch": book.id("product_batch", batch_no="B2607"), "items-1-product_name": "M1",
            "items-1-specification": "标准", "items-1-quantity": "1", "items-1-unit_price": "1"}
    late = drafted(book, of=expiring(book, "2026-11-19"), **good)
    refused(book.person("technician").move(REQUEST, late, "submit"), "产品已超过有效期(保质期)")


def test_br_07_cash_does_not_stand_in_for_an_expired_product(book):
    sheet = sheet_in(book, product_batch=str(expiring(book, "2026-11-19")))
    form = {name: value for name, value in request(book, sheet, mode="compensate_cash", cash_amount="500",
                                                   cash_reason="无货可换").items() if not name.startswith("items")}
    technician = book.person("technician")
    late = technician.create(REQUEST, form)
    refused(technician.move(REQUEST, late, "submit"), "产品已超过有效期(保质期)")
    done(technician.edit(REQUEST, late, claimed_on="2026-11-19"))
    done(technician.move(REQUEST, late, "submit"))


def test_br_34_cash_needs_its_reason(book):
    technician, asked = book.person("technician"), drafted(book, mode="compensate_cash")
    refused(technician.move(REQUEST, asked, "submit"), "宜采取补偿产品的方式；现金赔偿须填写“现金赔偿理由”")
    done(technician.edit(REQUEST, asked, mode="exchange", cash_amount="0.01"))
    refused(technician.move(REQUEST, asked, "submit"), "现金赔偿须填写“现金赔偿理由”")
    done(technician.edit(REQUEST, asked, cash_reason="误工费"))
    done(technician.move(REQUEST, asked, "submit"))


def test_something_is_asked_for_and_for_a_case(book):
    technician = book.person("technician")
    form = {name: value for name, value in request(book, sheet_in(book)).items() if not name.startswith("items")}
    refused(technician.move(REQUEST, technician.create(REQUEST, form), "submit"), "请填写退换/补偿产品或现金金额")
    refused(technician.post(f"/admin/{REQUEST}/new/", request(book, "")), "请关联产品质量信息传递处置单或客户投诉处理表", 422)
    refused(technician.post(f"/admin/{REQUEST}/new/", request(book, sheet_in(book), quantity="0")), "数量须大于零", 422)


def test_the_amount_is_the_goods_and_the_cash(book):
    """3 x 0.335 = 1.005, shown as 1.01 yuan."""
    second = {"items-1-product_batch": book.id("product_batch", batch_no="B2607"), "items-1-product_name": "M1",
              "items-1-specification": "标准", "items-1-quantity": "0.335", "items-1-unit_price": "3"}
    read = book.read(REQUEST, drafted(book, quantity="2", unit_price="100.50", cash_amount="50", cash_reason="误工", **second))
    assert ([f"{row.amount}" for row in read.items], f"{read.amount}") == (["201.00", "1.01"], "252.01")


# Within authority -----------------------------------------------------------------------------------------------------

def test_the_amount_decides_who_signs(book):
    sheet, technician = sheet_in(book), book.person("technician")
    for unit_price, count in (("4999.99", 1), ("5000.00", 2), ("19999.99", 2), ("20000.00", 3), ("99999.99", 3), ("100000.00", 4)):
        asked = technician.create(REQUEST, request(book, sheet, quantity="1", unit_price=unit_price))
        assert book.read(REQUEST, asked).number is None
        done(technician.move(REQUEST, asked, "submit"))
        assert [role for _, role, *_ in book.signatures(REQUEST, asked)] == list(LEADERS[:count]), unit_price
        assert book.read(REQUEST, asked).number.startswith("CPR-")


def test_every_leader_signs_in_turn_and_the_last_signature_approves(book):
    asked = submitted(book, quantity="1", unit_price="100000")
    refused(book.person("deputy_gm").move(REQUEST, asked, "approve"), "正等待责任部门负责人签署")
    for leader in LEADERS:
        assert (book.state(REQUEST, asked), book.read(REQUEST, asked).approved_at) == ("approving", None)
        done(book.person(leader).move(REQUEST, asked, "approve"))
    assert book.state(REQUEST, asked) == "approved" and book.read(REQUEST, asked).approved_at is not None


def test_nobody_signs_twice_or_approves_their_own_request(book):
    own = book.person("unit_lead").create(REQUEST, request(book, sheet_in(book)))
    done(book.person("unit_lead").move(REQUEST, own, "submit"))
    refused(book.person("unit_lead").move(REQUEST, own, "approve"), "不能签署自己填写、提交或最后修改的记录")
    with book.session() as session:
        session.add(Membership(user_id=book.user("unit_lead"), role="quality_manager"))
        session.commit()
    asked = submitted(book, quantity="1", unit_price="5000")
    done(book.person("unit_lead").move(REQUEST, asked, "approve"))
    refused(book.person("unit_lead").move(REQUEST, asked, "approve"), "同一人在一轮中只能签署一次")
    done(book.person("quality_manager").move(REQUEST, asked, "approve"))


def test_a_leader_sends_back_or_refuses_with_a_reason(book):
    for move, state in (("send_back", "draft"), ("reject", "rejected")):
        asked = submitted(book)
        refused(book.person("unit_lead").move(REQUEST, asked, move), "请填写原因", 422)
        done(book.person("unit_lead").move(REQUEST, asked, move, comment="价格有误"))
        assert book.state(REQUEST, asked) == state


def test_what_was_approved_is_not_changed(book):
    asked, unit = approved(book), book.person("unit")
    for change in ({"items-0-quantity": "1"}, {"reason": "另一原因"}, {"cash_amount": "1"}):
        refused(unit.edit(REQUEST, asked, **change), "已经批准，内容不能再改", 422)
    done(unit.edit(REQUEST, asked, remark="已通知用户"))
    done(unit.move(REQUEST, asked, "cancel", comment="用户撤回"))


# The agreement --------------------------------------------------------------------------------------------------------

def test_br_07b_the_agreement_is_signed_only_after_the_approval(book):
    asked, unit = submitted(book), book.person("unit")
    paper = unit.create(AGREEMENT, agreement(book, asked))
    refused(unit.move(AGREEMENT, paper, "sign", **both_signed(book)), "经权限范围内领导批准后方可签署协议")
    done(book.person("unit_lead").move(REQUEST, asked, "approve"))
    refused(unit.move(REQUEST, asked, "sign_agreement"), "补偿协议尚未签署")
    for left_out in both_signed(book):
        given = {name: value for name, value in both_signed(book).items() if name != left_out}
        refused(unit.move(AGREEMENT, paper, "sign", **given), "双方签署前请填写", 422)
    done(unit.move(AGREEMENT, paper, "sign", **both_signed(book)))
    read = book.read(AGREEMENT, paper)
    assert (read.state, f"{read.amount}", book.state(REQUEST, asked)) == ("signed", "200.00", "agreement_signed")


def test_the_agreement_is_about_what_was_approved(book):
    asked, unit = approved(book), book.person("unit")
    paper = unit.create(AGREEMENT, agreement(book, asked))
    for change in ({"items-0-quantity": "2.0001"}, {"items-0-product_name": "M2"}, {"items-0-specification": "加强"}):
        right = agreement(book, asked)
        done(unit.edit(AGREEMENT, paper, **{**right, **change}))
        refused(unit.move(AGREEMENT, paper, "sign", **both_signed(book)), "须与已批准的审批单一致")
    done(unit.edit(AGREEMENT, paper, **right))
    done(unit.move(AGREEMENT, paper, "sign", **both_signed(book)))


def test_there_is_one_agreement_per_request_with_the_same_parties(book):
    asked, unit = approved(book), book.person("unit")
    other = agreement(book, asked, customer=book.id("customer", name="客户B"))
    refused(unit.post(f"/admin/{AGREEMENT}/new/", other), "与所选审批单不一致", 422)
    refused(book.person("unit2").post(f"/admin/{AGREEMENT}/new/", agreement(book, asked, responsible_unit="U2")),
            "与所选审批单不一致", 422)
    unit.create(AGREEMENT, agreement(book, asked))
    refused(unit.post(f"/admin/{AGREEMENT}/new/", agreement(book, asked)), "的这个值已被", 422)


def test_a_signed_agreement_is_only_fulfilled(book):
    paper, unit = agreed(book, approved(book)), book.person("unit")
    for change in ({"items-0-quantity": "1"}, {"settlement_clause": "另议"}, {"signed_by": "李四"}):
        refused(unit.edit(AGREEMENT, paper, **change), "协议已签署，内容不能再改", 422)
    refused(unit.move(AGREEMENT, paper, "fulfil", fulfilment_text="已发"), "“退换或补偿产品”每行须填写“交付日期”")
    done(unit.edit(AGREEMENT, paper, **{"items-0-delivered_on": "2026-11-25"}))
    refused(unit.move(AGREEMENT, paper, "fulfil"), "请填写“履行情况”", 422)
    done(unit.move(AGREEMENT, paper, "fulfil", fulfilment_text="已发"))


def test_a_request_is_carried_out_when_agreement_and_goods_are_done(book):
    unit = book.person("unit")
    for mode, is_goods_first in (("exchange", True), ("return", True), ("compensate_product", False)):
        asked = approved(book, mode=mode)
        paper = agreed(book, asked)
        refused(unit.move(REQUEST, asked, "execute"), "补偿协议尚未履行完成")
        book.as_it_was(AGREEMENT, paper, state="fulfilled")
        if is_goods_first:
            refused(unit.move(REQUEST, asked, "execute"), "其退货/报废销毁记录须已执行")
            goods = made(book, DISPOSAL, "permitted", compensation_request=asked)
            refused(unit.move(REQUEST, asked, "execute"), "其退货/报废销毁记录须已执行")
            book.as_it_was(DISPOSAL, goods, state="executed")
        done(unit.move(REQUEST, asked, "execute"))


# Return and destruction -----------------------------------------------------------------------------------------------

def test_regulated_goods_need_permit_and_supervision(book):
    regulated = {"items-0-product_batch": batch(book, is_regulated="true"), "handler": book.user("unit"),
                 "signed_by": "张三", "signed_at": "2026-11-25T10:00", "is_safety_confirmed": "true"}
    unit, lead = book.person("unit"), book.person("unit_lead")
    goods = unit.create(DISPOSAL, disposal(book, **regulated))
    refused(unit.move(DISPOSAL, goods, "permit"), "“手续办妥”由责任部门负责人办理")
    refused(lead.move(DISPOSAL, goods, "permit"), "公安管控物品须填写批准文号")
    done(unit.edit(DISPOSAL, goods, authority_permit_no="渝公 1 号"))
    done(lead.move(DISPOSAL, goods, "permit"))
    refused(unit.move(DISPOSAL, goods, "execute"), "须填写批准/监督单位和见证人")
    done(unit.edit(DISPOSAL, goods, authority="区公安分局", witness="王五"))
    done(unit.move(DISPOSAL, goods, "execute"))


def test_goods_are_taken_back_only_as_far_as_approved(book):
    asked, unit = submitted(book), book.person("unit")
    refused(unit.post(f"/admin/{DISPOSAL}/new/", disposal(book, asked, quantity="2.0001")), "超过审批单的数量", 422)
    first = unit.create(DISPOSAL, disposal(book, asked, quantity="1.5"))
    refused(unit.post(f"/admin/{DISPOSAL}/new/", disposal(book, asked, quantity="0.6")), "该批次共 2.1，超过审批单的数量", 422)
    refused(unit.post(f"/admin/{DISPOSAL}/new/", disposal(book, quantity="0")), "数量须大于零", 422)
    unit.create(DISPOSAL, disposal(book, asked, quantity="0.5"))
    lead = book.person("unit_lead")
    refused(lead.move(DISPOSAL, first, "permit"), "所关联的退换/补偿审批单尚未批准")
    done(lead.move(REQUEST, asked, "approve"))
    done(lead.move(DISPOSAL, first, "permit"))


def test_destruction_is_safe_witnessed_and_photographed(book):
    unit = book.person("unit")
    goods = unit.create(DISPOSAL, disposal(book, disposal_kind="destruction", handler=book.user("unit"), signed_by="张三",
                                           signed_at="2026-11-25T10:00"))
    done(book.person("unit_lead").move(DISPOSAL, goods, "permit"))
    refused(unit.move(DISPOSAL, goods, "execute"), "“已遵守安全规程”须为“是”")
    done(unit.edit(DISPOSAL, goods, is_safety_confirmed="true", authority="区公安分局"))
    refused(unit.move(DISPOSAL, goods, "execute"), "须填写批准/监督单位和见证人")
    done(unit.edit(DISPOSAL, goods, witness="unit 先生"))
    refused(unit.move(DISPOSAL, goods, "execute"), "销毁须上传现场照片")
    book.as_it_was(DISPOSAL, goods, evidence=photo(book, DISPOSAL))
    refused(unit.move(DISPOSAL, goods, "execute"), "见证人不能是执行人")
    done(unit.edit(DISPOSAL, goods, witness="王五"))
    done(unit.move(DISPOSAL, goods, "execute"))
    done(unit.edit(DISPOSAL, goods, signed_by=""))
    refused(unit.move(DISPOSAL, goods, "archive"), "请先填写“用户签字”")
    done(unit.edit(DISPOSAL, goods, signed_by="张三"))
    done(unit.move(DISPOSAL, goods, "archive"))


def test_a_cancelled_incident_report_does_not_count_for_a_request(book):
    """Needed from 20,000 yuan on; see also the tests of major incidents."""
    sheet = sheet_in(book)
    gone = made(book, INCIDENT, "withdrawn", quality_info_transfer=sheet)
    asked = submitted(book, sheet, quantity="1", unit_price="20000", major_incident_report=gone)
    named = book.read(REQUEST, asked).major_incident_report
    assert named not in (None, gone) and book.state(INCIDENT, named) == "draft"
