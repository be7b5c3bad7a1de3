"""Urgent orders: a dealer orders for itself, customer service accepts, the warehouse ships within a day, the dealer receives."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, at, done, refused

ORDER = "parts_urgent_order"
ACCEPTED = {"transport_mode": "air", "freight_payer": "company"}


@pytest.fixture
def book(app):
    return Casebook(app)


def ordered(book, by="dealer_f001", **changes):
    order = book.person(by).create(ORDER, book.urgent_order(by, **changes))
    done(book.person(by).move(ORDER, order, "submit"))
    return order


def accepted(book):
    order = ordered(book)
    done(book.person("customer_service").move(ORDER, order, "accept", **ACCEPTED))
    return order


def on_its_way(book, order, quantity="2"):
    """A notice has left the store with parts of the order."""
    with valid.desk(book.app) as session:
        dealer = str(book.id("dealer_ledger", dealer_code="F001"))
        notice = valid.record(session, "parts_shipping_notice", "shipped", dealer=dealer)
        valid.record(session, "parts_shipping_detail", "shipped", parts_shipping_notice=str(notice.id), parts=[{
            "line_no": "1", "part_no": "P-1", "part_name": "气缸垫", "unit_of_measure": "件", "quantity": quantity,
            "source_type": ORDER, ORDER: str(order)}])


def shipped_order(book):
    order = accepted(book)
    on_its_way(book, order)
    done(book.person("warehouse").move(ORDER, order, "ship"))
    return order


# Whose order ----------------------------------------------------------------------------------------------------------

def test_a_dealer_orders_for_itself_only(book):
    own, other = (book.id("dealer_ledger", dealer_code=code) for code in ("F001", "F002"))
    assert book.read(ORDER, ordered(book)).dealer == own
    dealer = book.person("dealer_f001")
    assert dealer.post(f"/admin/{ORDER}/new/", book.urgent_order(dealer=other)).status_code == 422
    order = dealer.create(ORDER, book.urgent_order(dealer=own))
    assert dealer.edit(ORDER, order, dealer=other).status_code == 422
    assert book.read(ORDER, order).dealer == own and len(book.ids(ORDER)) == 2


def test_a_dealer_sees_only_its_own_orders(book):
    mine, theirs = ordered(book), ordered(book, by="dealer_f002")
    dealer = book.person("dealer_f001")
    numbers = [book.read(ORDER, order).number for order in (mine, theirs)]
    page = dealer.get(f"/admin/{ORDER}/").text
    assert [number in page for number in numbers] == [True, False]
    for path in (f"details/?id={theirs}", f"edit/?id={theirs}"):
        assert dealer.get(f"/admin/{ORDER}/{path}").status_code == 404
    assert dealer.move(ORDER, theirs, "cancel", comment="不要了").status_code == 404
    assert book.state(ORDER, theirs) == "submitted"


def test_customer_service_and_the_warehouse_do_not_order(book):
    for username in ("customer_service", "warehouse", "finance"):
        assert book.person(username).get(f"/admin/{ORDER}/new/").status_code == 403


def test_a_suspended_dealer_is_not_supplied(book):
    order = book.person("dealer_f001").create(ORDER, book.urgent_order())
    book.as_it_was("dealer_ledger", book.id("dealer_ledger", dealer_code="F001"), state="suspended")
    refused(book.person("dealer_f001").move(ORDER, order, "submit"), "只有运营或整改中的服务商可以订购配件")


# What is ordered ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("quantity, sentence", [("0", "数量须大于零"), ("-1", "不能小于 0"), ("", "请填写“数量”")])
def test_a_quantity_is_more_than_zero(book, quantity, sentence):
    answer = book.person("dealer_f001").post(f"/admin/{ORDER}/new/", book.urgent_order(**{"parts-0-quantity": quantity}))
    refused(answer, sentence, 422)


def test_a_part_appears_once(book):
    again = {f"parts-1-{name}": value for name, value in (
        ("line_no", "2"), ("part_no", "P-1"), ("part_name", "气缸垫"), ("unit_of_measure", "件"), ("quantity", "1"))}
    refused(book.person("dealer_f001").post(f"/admin/{ORDER}/new/", book.urgent_order(**again)), "同一配件只能列一行", 422)
    order = book.person("dealer_f001").create(ORDER, book.urgent_order(**again | {"parts-1-part_no": "P-2"}))
    assert [(part.shipped_quantity, part.open_quantity) for part in book.read(ORDER, order).parts] == [(0, 2), (0, 1)]


def test_an_order_without_parts_is_not_submitted(book):
    form = {name: value for name, value in book.urgent_order().items() if not name.startswith("parts")}
    order = book.person("dealer_f001").create(ORDER, form)
    answer = book.person("dealer_f001").move(ORDER, order, "submit")
    assert answer.status_code == 422 and "提交前请填写“急件明细”" in answer.text


# From the order to the receipt ----------------------------------------------------------------------------------------

def test_accepted_orders_name_transport_and_who_pays_it(book):
    order = ordered(book)
    refused(book.person("customer_service").move(ORDER, order, "accept", transport_mode="air"), "请填写“运费承担”", 422)
    refused(book.person("dealer_f001").move(ORDER, order, "accept", **ACCEPTED), "“接收”由客户服务办理")
    done(book.person("customer_service").move(ORDER, order, "accept", **ACCEPTED))
    assert book.read(ORDER, order).accepted_at is not None


def test_an_order_is_rejected_with_a_reason_and_is_then_read_only(book):
    order = ordered(book)
    refused(book.person("customer_service").move(ORDER, order, "reject"), "请填写原因", 422)
    done(book.person("customer_service").move(ORDER, order, "reject", comment="非保修件"))
    refused(book.person("dealer_f001").edit(ORDER, order), "记录已结束，不能再改")
    assert book.clock(ORDER, order, "ship")[0] == "stopped"


def test_a_backordered_part_is_promised(book):
    order = accepted(book)
    refused(book.person("warehouse").move(ORDER, order, "backorder"), "请填写“承诺到货时间”", 422)
    done(book.person("warehouse").move(ORDER, order, "backorder", promised_at="2099-01-01T09:00"))
    assert book.clock(ORDER, order, "promised_arrival") == ("running", at("2099-01-01 09:00"))
    refused(book.person("warehouse").move(ORDER, order, "ship"), "尚无发运明细包含本订单并已发运")
    on_its_way(book, order)
    done(book.person("warehouse").move(ORDER, order, "ship"))


def test_what_is_shipped_is_received_in_full(book):
    order, dealer = accepted(book), book.person("dealer_f001")
    refused(dealer.move(ORDER, order, "receive"), "当前状态为“已接收”，不能收货")
    refused(book.person("customer_service").move(ORDER, order, "ship"), "“发运”由")
    on_its_way(book, order)
    done(book.person("warehouse").move(ORDER, order, "ship"))
    part = book.read(ORDER, order).parts[0]
    assert (part.quantity, part.shipped_quantity, part.open_quantity) == (2, 2, 0)
    refused(book.person("warehouse").move(ORDER, order, "receive"), "“收货”由服务商办理")
    done(dealer.move(ORDER, order, "receive"))
    assert book.read(ORDER, order).received_at is not None


def test_part_of_an_order_on_its_way_is_not_received_in_full(book):
    order = accepted(book)
    on_its_way(book, order, "1")
    done(book.person("warehouse").move(ORDER, order, "ship"))
    part = book.read(ORDER, order).parts[0]
    assert (part.shipped_quantity, part.open_quantity) == (1, 1)
    refused(book.person("dealer_f001").move(ORDER, order, "receive"), "尚有未发运的配件")


@pytest.mark.parametrize("quantity", ["1", "3"])
def test_after_shipping_the_quantities_stand(book, quantity):
    order = shipped_order(book)
    refused(book.person("dealer_f001").edit(ORDER, order, **{"parts-0-quantity": quantity}), "已发运，明细不能再改", 422)


def test_an_order_is_cancelled_until_it_is_shipped(book):
    order = accepted(book)
    done(book.person("dealer_f001").move(ORDER, order, "cancel", comment="已修好"))
    shipped = shipped_order(book)
    refused(book.person("dealer_f001").move(ORDER, shipped, "cancel", comment="已修好"), "当前状态为“已发运”，不能取消")


@pytest.mark.parametrize("shipped, kept", [("2026-11-03 15:00:00", "met"), ("2026-11-03 15:00:01", "missed")])
def test_shipping_exactly_24_hours_after_the_order_is_on_time(book, shipped, kept):
    order = book.person("dealer_f001").create(ORDER, book.urgent_order())
    book.act("dealer_f001", ORDER, order, "submit", now=at("2026-11-02 15:00"))
    book.act("customer_service", ORDER, order, "accept", now=at("2026-11-02 16:00"), **ACCEPTED)
    on_its_way(book, order)
    book.act("warehouse", ORDER, order, "ship", now=at(shipped))
    assert book.clock(ORDER, order, "ship") == (kept, at("2026-11-03 15:00"))


def test_an_order_is_for_a_repair_job_of_the_dealers_own(book):
    """A work order, an appraisal or a repair file; none of another dealer."""
    dealer = book.person("dealer_f001")
    sentence = "须关联本服务商缺件的派工单、质量保修鉴定单或客户维修档案"
    none = dealer.create(ORDER, book.urgent_order(customer_repair_file=""))
    refused(dealer.move(ORDER, none, "submit"), sentence)
    own = book.repair_file("dealer_f001")
    order = dealer.create(ORDER, book.urgent_order(customer_repair_file=own))
    for file, is_own in ((book.repair_file("dealer_f002"), False), (own, True)):
        book.as_it_was(ORDER, order, customer_repair_file=file)
        answer = dealer.move(ORDER, order, "submit")
        done(answer) if is_own else refused(answer, sentence)
