"""The feedback register: one row for every tracking card, closed with its outcome, after the card."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

CARD, ROW = "complaint_tracking_card", "customer_feedback_register"


@pytest.fixture
def book(app):
    return Casebook(app)


def card(book, **changes):
    return book.person("dealer_f001").create(CARD, {
        "dealer": book.id("dealer_ledger", dealer_code="F001"), "handler": book.user("dealer_f001"),
        "received_at": "2024-11-02T09:00", "feedback_kind": "complaint", "contact_person": "张三",
        "phone": "13800001111", "fault_category": "engine", "complaint_content": "修了两次未好", **changes})


def row_of(book, card_id):
    (row,) = book.ids(ROW, complaint_tracking_card_id=card_id)
    return row


def test_a_card_that_is_passed_on_has_one_row_in_the_register(book):
    id_ = card(book)
    dealer, clerk = book.person("dealer_f001"), book.person("customer_service")
    done(dealer.move(CARD, id_, "forward"))
    read = book.read(ROW, row_of(book, id_))
    assert (read.state, read.source, read.dealer, read.contact_person, read.fault_category, read.feedback_text) == (
        "open", "tracking_card", book.id("dealer_ledger", dealer_code="F001"), "张三", "engine", "修了两次未好")
    assert read.received_at == book.read(CARD, id_).received_at
    done(clerk.move(CARD, id_, "send_back", comment="补充"))
    done(dealer.edit(CARD, id_, complaint_content="修了三次未好"))
    done(dealer.move(CARD, id_, "forward"))
    assert book.read(ROW, row_of(book, id_)).feedback_text == "修了三次未好"


def test_a_card_answered_on_the_spot_comes_with_how_it_was_handled(book):
    id_ = card(book)
    done(book.person("dealer_f001").move(CARD, id_, "answer", handling_text="已解释"))
    assert book.read(ROW, row_of(book, id_)).handling_text == "已解释"


def test_the_card_closes_after_the_register_says_how_it_was_handled_and_the_row_after_the_card(book):
    id_, clerk = card(book), book.person("customer_service")
    done(book.person("dealer_f001").move(CARD, id_, "forward"))
    row = row_of(book, id_)
    done(clerk.move(CARD, id_, "receive"))
    done(clerk.move(CARD, id_, "reply", reply_text="已安排"))
    refused(clerk.move(CARD, id_, "close", handling_text="已修好"), "请先在客户反馈意见处理登记表中填写本卡的处理情况")
    done(clerk.move(ROW, row, "start", handler=book.user("customer_service")))
    done(clerk.edit(ROW, row, handling_text="已修好"))
    refused(clerk.move(ROW, row, "close"), "关联的“投诉跟踪卡”尚未达到要求的状态")
    done(clerk.move(CARD, id_, "close", handling_text="已修好"))
    done(clerk.move(ROW, row, "close"))
    assert book.read(ROW, row).closed_at is not None


def entry(book, **changes):
    return {"received_at": "2024-11-02T09:00", "source": "hotline", "feedback_text": "要求退货", "fault_category": "engine",
            "handler": book.user("customer_service"), "handling_text": "已受理", **changes}


@pytest.mark.parametrize("source, sentence", [("tracking_card", "请关联“投诉跟踪卡”"), ("claim", "请关联“退货/换货/索赔申请”")])
def test_the_source_is_named(book, source, sentence):
    refused(book.person("customer_service").post(f"/admin/{ROW}/new/", entry(book, source=source)), sentence, 422)


def test_a_card_or_claim_has_no_second_row(book):
    with book.session() as session:
        claim = valid.record(session, "return_exchange_claim").id
        session.commit()
    clerk = book.person("customer_service")
    form = entry(book, source="claim", return_exchange_claim=claim)
    clerk.create(ROW, form)
    refused(clerk.post(f"/admin/{ROW}/new/", form), "已被", 422)


@pytest.mark.parametrize("claim_type", ["return", "exchange", "claim"])
def test_the_outcome_of_a_claim_is_written_down_before_the_row_closes(book, claim_type):
    clerk = book.person("customer_service")
    row = clerk.create(ROW, entry(book, claim_type=claim_type))
    refused(clerk.move(ROW, row, "close"), "请先填写“退货/换货/索赔处理记录”")
    done(clerk.edit(ROW, row, claim_result="已退货"))
    done(clerk.move(ROW, row, "close"))


def test_feedback_is_not_received_in_the_future(book):
    refused(book.person("customer_service").post(f"/admin/{ROW}/new/", entry(book, received_at="2199-01-01T09:00")),
            "登记日期不能晚于现在", 422)
