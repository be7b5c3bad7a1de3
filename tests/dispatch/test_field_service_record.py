"""Records of a visit: both opinions asked, a card for every batch looked at, and a demand followed to the reply."""

from __future__ import annotations

import pytest

from tests.casebook import Casebook, done, refused
from tests.dispatch.paper import RECORD, made, service_record

CARD, ACTION = "info_flow_card", "corrective_action"
BATCH = {"service_types": ["batch_quality_check"]}


@pytest.fixture
def book(app):
    return Casebook(app)


def submitted(book, **changes):
    record = book.person("technician").create(RECORD, service_record(book, **changes))
    done(book.person("technician").move(RECORD, record, "submit"))
    return record


def batch(book, number="B2608"):
    return book.id("product_batch", batch_no=number)


def card_of(book, record, **changes):
    return book.person("technician").create(CARD, book.flow_card(field_service_record=record, **changes))


@pytest.mark.parametrize("opinion, label", [
    ("service_quality_opinion", "顾客对服务质量的意见"), ("product_quality_opinion", "顾客对产品质量的意见")])
def test_the_customer_is_asked_about_service_and_product(book, opinion, label):
    record = book.person("technician").create(RECORD, service_record(book, **{opinion: ""}))
    refused(book.person("technician").move(RECORD, record, "submit"), f"提交前请填写“{label}”", 422)
    done(book.person("technician").move(RECORD, record, "submit", **{opinion: "无"}))


def test_a_demand_is_written_down_and_a_batch_named_before_submitting(book):
    demanding = book.person("technician").create(RECORD, service_record(book, is_rectification_required="true"))
    refused(book.person("technician").move(RECORD, demanding, "submit"), "请先填写“整改要求”")
    checking = book.person("technician").create(RECORD, service_record(book, **BATCH))
    refused(book.person("technician").move(RECORD, checking, "submit"), "到顾客现场了解批次质量的，请选择“产品/批次”")


def test_nobody_leaves_before_arriving(book):
    form = service_record(book, arrived_at="2026-11-20T10:00", left_at="2026-11-20T09:59")
    refused(book.person("technician").post(f"/admin/{RECORD}/new/", form), "离开时间不能早于到达时间", 422)
    book.person("technician").create(RECORD, {**form, "left_at": "2026-11-20T10:00"})


def test_br_01_a_batch_looked_at_has_its_card_before_the_review(book):
    """Of the same customer and batch, and written from this record; other services need none."""
    engineer, sentence = book.person("quality_engineer"), "须先由本记录填写同一顾客、同一批次的信息流转卡"
    record = submitted(book, **BATCH, product_batch=batch(book))
    refused(engineer.move(RECORD, record, "review"), sentence)
    for wrong in ({"product_batch": batch(book, "B2607")}, {"customer": book.id("customer", name="客户B")}):
        card_of(book, record, **wrong)
        refused(engineer.move(RECORD, record, "review"), sentence)
    card = card_of(book, record)
    done(engineer.move(RECORD, record, "review"))
    assert book.read(RECORD, record).info_flow_card == card
    done(engineer.move(RECORD, submitted(book), "review"))


def test_br_01_a_card_that_is_sent_is_named_in_its_record_and_no_longer_void(book):
    record = submitted(book, **BATCH, product_batch=batch(book))
    slip, card = card_of(book, record), card_of(book, record)
    done(book.person("technician").move(CARD, slip, "void", comment="写错"))
    done(book.person("technician").move(CARD, card, "send"))
    assert book.read(RECORD, record).info_flow_card == card
    other = card_of(book, record)
    done(book.person("quality_engineer").move(RECORD, record, "review"))
    refused(book.person("technician").move(CARD, other, "void", comment="写错"), "已有单据用到本卡，不能作废")


def test_what_is_not_clear_goes_back_with_a_reason(book):
    record = submitted(book)
    refused(book.person("quality_engineer").move(RECORD, record, "send_back"), "请填写原因", 422)
    done(book.person("quality_engineer").move(RECORD, record, "send_back", comment="写清现象"))
    done(book.person("technician").move(RECORD, record, "submit"))


def test_a_record_without_a_demand_closes_after_the_review(book):
    record, manager = submitted(book), book.person("quality_manager")
    done(book.person("quality_engineer").move(RECORD, record, "review"))
    refused(book.person("quality_engineer").move(RECORD, record, "rectify", rectification_demand="加固",
                                                 responsible_unit="U1", corrective_action=made(book, ACTION)), "“有整改要求”须为“是”")
    done(manager.move(RECORD, record, "close"))
    assert book.read(RECORD, record).closed_at is not None


def test_br_03_a_demand_is_followed_to_the_reply_and_the_closed_action(book):
    engineer, manager = book.person("quality_engineer"), book.person("quality_manager")
    record = submitted(book, is_rectification_required="true", rectification_demand="电源板加固")
    done(engineer.move(RECORD, record, "review"))
    refused(manager.move(RECORD, record, "close"), "“有整改要求”须为“否”")
    refused(engineer.move(RECORD, record, "rectify", responsible_unit="U1"), "请填写“纠正和预防措施”", 422)
    action = engineer.create(ACTION, book.corrective_action(is_confirmed_problem="false"))
    done(engineer.move(RECORD, record, "rectify", responsible_unit="U1", corrective_action=action))
    refused(manager.move(RECORD, record, "close"), "当前状态为“整改中”，不能关闭")
    refused(engineer.move(RECORD, record, "reply", reply_text="已加固"), "请填写“整改措施”", 422)
    done(engineer.move(RECORD, record, "reply", rectification_measures="加胶固定", reply_text="已加固"))
    refused(manager.move(RECORD, record, "close"), "关联的“纠正和预防措施”尚未达到要求的状态")
    book.as_it_was(ACTION, action, state="closed")
    done(manager.move(RECORD, record, "close"))
    assert book.read(RECORD, record).replied_at is not None


def test_the_unit_concerned_sees_the_record_and_no_other_unit_changes_it(book):
    record = made(book, RECORD, "rectifying", responsible_unit="U1")
    assert book.person("unit").get(f"/admin/{RECORD}/details/?id={record}").status_code == 200
    refused(book.person("unit").move(RECORD, record, "reply", rectification_measures="加固", reply_text="已加固"),
            "“回复顾客”由质量工程师办理")
