"""Information flow cards: from the customer's line or with a return, analysed and answered within 24 hours, closed."""

from __future__ import annotations

import pytest

from models.spec import Refused
from tests.casebook import Casebook, at, done, refused

CARD = "info_flow_card"


@pytest.fixture
def book(app):
    return Casebook(app)


def new_card(book, by="technician", **changes):
    return book.person(by).create(CARD, book.flow_card(**changes))


def card_at_quality(book, **changes):
    """From the customer's line through the information centre, taken in by quality."""
    card = new_card(book, **changes)
    done(book.person("technician").move(CARD, card, "send"))
    done(book.person("customer_service").move(CARD, card, "route"))
    done(book.person("quality_engineer").move(CARD, card, "receive"))
    return card


def replied_card(book, **changes):
    card = card_at_quality(book, **changes)
    done(book.person("quality_engineer").move(CARD, card, "reply", reply_text="已更换", is_staff_dispatched="false"))
    return card


def returned_card(book):
    card = new_card(book, by="sales", source="return")
    done(book.person("warehouse").move(CARD, card, "send_return"))
    done(book.person("quality_engineer").move(CARD, card, "receive"))
    done(book.person("quality_engineer").move(CARD, card, "reply", reply_text="已分析", is_staff_dispatched="false"))
    return card


# The way to quality ---------------------------------------------------------------------------------------------------

def test_a_card_from_the_site_goes_through_the_information_centre(book):
    card = new_card(book)
    refused(book.person("technician").move(CARD, card, "send_return"), "“来源”须为：退回产品")
    done(book.person("technician").move(CARD, card, "send"))
    assert book.read(CARD, card).sent_to_qa_at is None
    refused(book.person("technician").move(CARD, card, "route"), "“转品质保障部”由客户服务办理")
    done(book.person("customer_service").move(CARD, card, "route"))
    read = book.read(CARD, card)
    assert (read.reply_due_at - read.sent_to_qa_at).total_seconds() == 24 * 3600
    done(book.person("quality_engineer").move(CARD, card, "receive"))
    assert book.read(CARD, card).qa_received_at is not None


def test_a_return_goes_to_quality_at_once_with_its_quantity(book):
    card = new_card(book, by="sales", source="return", quantity="", defect_quantity="")
    refused(book.person("warehouse").move(CARD, card, "send"), "“传递信息中心”由")
    refused(book.person("technician").move(CARD, card, "send"), "“来源”须为：顾客生产现场、电话")
    refused(book.person("warehouse").move(CARD, card, "send_return"), "请填写“数量”", 422)
    done(book.person("warehouse").move(CARD, card, "send_return", quantity="4"))
    assert book.read(CARD, card).state == "sent_to_qa"


def test_a_card_goes_back_to_be_completed_with_a_reason(book):
    card = new_card(book)
    done(book.person("technician").move(CARD, card, "send"))
    refused(book.person("customer_service").move(CARD, card, "send_back"), "请填写原因", 422)
    done(book.person("customer_service").move(CARD, card, "send_back", comment="缺批号"))
    assert book.state(CARD, card) == "draft"


def test_only_its_creator_voids_a_card_and_only_as_a_draft(book):
    card = new_card(book)
    refused(book.person("technician2").move(CARD, card, "void", comment="重复"), "“作废”由填写人本人办理")
    done(book.person("technician").move(CARD, card, "void", comment="重复"))
    sent = new_card(book)
    done(book.person("technician").move(CARD, sent, "send"))
    refused(book.person("technician").move(CARD, sent, "void", comment="重复"), "当前状态为“信息中心处理”，不能作废")
    assert book.read(CARD, card).number != book.read(CARD, sent).number


def test_defects_are_not_more_than_the_pieces(book):
    answer = book.person("technician").post(f"/admin/{CARD}/new/", book.flow_card(defect_quantity="10.5"))
    refused(answer, "不良数不能大于数量", 422)
    new_card(book, defect_quantity="10")


# The answer -----------------------------------------------------------------------------------------------------------

def test_who_is_sent_is_named_and_nobody_else(book):
    card, engineer = card_at_quality(book), book.person("quality_engineer")
    refused(engineer.move(CARD, card, "reply", is_staff_dispatched="false"), "请填写“答复内容”", 422)
    refused(engineer.move(CARD, card, "reply", reply_text="派人", is_staff_dispatched="true"), "请先填写“派出人员”")
    refused(engineer.edit(CARD, card, dispatched_staff=book.user("technician")), "“是否派人处理”须为“是”", 422)
    done(engineer.edit(CARD, card, is_staff_dispatched="true", dispatched_staff=book.user("technician")))
    done(engineer.move(CARD, card, "reply", reply_text="派人"))
    assert book.read(CARD, card).replied_at is not None


@pytest.mark.parametrize("answered, kept", [("2026-10-05 16:30:00", "met"), ("2026-10-05 16:30:01", "missed")])
def test_a_reply_after_exactly_24_hours_is_on_time_and_a_second_later_late(book, answered, kept):
    """A Sunday of a holiday week: nights and holidays count."""
    card = new_card(book)
    book.act("technician", CARD, card, "send", now=at("2026-10-04 15:00"))
    book.act("customer_service", CARD, card, "route", now=at("2026-10-04 16:30"))
    book.act("quality_engineer", CARD, card, "receive", now=at("2026-10-04 18:00"))
    assert book.clock(CARD, card, "reply") == ("running", at("2026-10-05 16:30"))
    book.act("quality_engineer", CARD, card, "reply", now=at(answered), reply_text="已更换", is_staff_dispatched="false")
    assert book.clock(CARD, card, "reply") == (kept, at("2026-10-05 16:30"))


# The receipts ---------------------------------------------------------------------------------------------------------

def test_only_members_of_the_department_named_sign_for_their_copy(book):
    card = new_card(book, **{"receipts-0-unit": "U1", "receipts-1-unit": "CS"})
    first, second = (row.id for row in book.read(CARD, card).receipts)
    for username in ("unit2", "customer_service", "quality_engineer", "technician", "administrator"):
        refused(book.acknowledge(username, CARD, card, first), "这一份不由您签收")
    done(book.acknowledge("unit", CARD, card, first))
    refused(book.acknowledge("unit_lead", CARD, card, first), "这一份已签收")
    done(book.acknowledge("customer_service", CARD, card, second))
    rows = book.read(CARD, card).receipts
    assert [row.signed_by for row in rows] == [book.user("unit"), book.user("customer_service")]
    assert None not in [row.signed_at for row in rows]


def test_nobody_types_a_signature_and_a_signed_copy_stays(book):
    card = new_card(book, **{"receipts-0-unit": "U1"})
    line = book.read(CARD, card).receipts[0].id
    done(book.person("technician").edit(CARD, card, **{"receipts-0-signed_at": "2026-11-01T09:00",
                                                       "receipts-0-signed_by": book.user("unit")}))
    assert book.read(CARD, card).receipts[0].signed_at is None
    done(book.acknowledge("unit", CARD, card, line))
    refused(book.person("technician").edit(CARD, card, **{"receipts-0-unit": "CS"}), "已签收，部门不能再改", 422)
    form = book.person("technician").form(f"/admin/{CARD}/edit/?id={card}")
    without = {name: value for name, value in form.items() if not name.startswith("receipts")}
    done(book.person("technician").post(f"/admin/{CARD}/edit/?id={card}", without))
    assert [row.signed_by for row in book.read(CARD, card).receipts] == [book.user("unit")]


# Closing --------------------------------------------------------------------------------------------------------------

def test_a_card_closes_with_an_action_or_the_reason_for_none(book):
    card, manager = replied_card(book), book.person("quality_manager")
    refused(manager.move(CARD, card, "close"), "请先填写“纠正和预防措施”；或请先填写“不采取措施的理由”")
    done(manager.edit(CARD, card, no_action_reason="偶发，已更换"))
    refused(book.person("quality_engineer").move(CARD, card, "close"), "“关闭”由质量负责人办理")
    done(manager.move(CARD, card, "close"))
    read = book.read(CARD, card)
    assert read.state == "closed" and read.closed_at is not None
    refused(manager.edit(CARD, card, remark=""), "记录已结束，不能再改")


def test_br_01_for_a_return_a_reason_is_not_enough(book):
    card, manager = returned_card(book), book.person("quality_manager")
    done(manager.edit(CARD, card, no_action_reason="偶发"))
    refused(manager.move(CARD, card, "close"), "请先填写“纠正和预防措施”")
    action = book.person("quality_engineer").create("corrective_action", book.corrective_action())
    done(manager.edit(CARD, card, corrective_action=action))
    done(manager.move(CARD, card, "close"))


def test_a_card_stays_open_until_every_copy_is_signed(book):
    card, manager = replied_card(book, **{"receipts-0-unit": "U1"}), book.person("quality_manager")
    done(manager.edit(CARD, card, no_action_reason="偶发"))
    refused(manager.move(CARD, card, "close"), "“传递签收”尚有未签收的份")
    done(book.acknowledge("unit", CARD, card, book.read(CARD, card).receipts[0].id))
    done(manager.move(CARD, card, "close"))


def test_the_clock_of_a_card_is_not_started_by_the_draft(book):
    card = new_card(book)
    assert book.clock(CARD, card, "reply") is None
    with pytest.raises(Refused):
        book.act("technician", CARD, card, "reply")
