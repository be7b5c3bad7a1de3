"""The monthly plan of a dealer's parts: who hands it in, until when, and what customer service may change."""

from __future__ import annotations

import pytest

from tests.casebook import Casebook, at, done, refused
from tests.warranty.paper import dealer_id, made

PLAN, DEALER = "parts_demand_plan", "dealer_ledger"
PUMP = {"part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件"}


@pytest.fixture
def book(app):
    return Casebook(app)


def planned(book, **changes):
    return book.person("dealer_f001").create(PLAN, {
        "period": "2026-11", "prepared_by": book.user("dealer_f001"), **{f"parts-0-{name}": value for name, value in PUMP.items()},
        "parts-0-quantity": "30", **changes})


def test_a_dealer_in_operation_with_a_store_plans_what_it_needs(book):
    dealer, plan = book.person("dealer_f001"), planned(book, **{"parts-0-quantity": "0"})
    refused(dealer.move(PLAN, plan, "submit"), "至少一行的需求数量须大于零")
    done(dealer.edit(PLAN, plan, **{"parts-0-quantity": "30"}))
    ledger = int(dealer_id(book))
    for given, sentence in (({"has_parts_store": False}, "该服务商尚未建立配件库"),
                            ({"state": "suspended"}, "只有运营或整改中的服务商可以提交需求计划")):
        before = {name: getattr(book.read(DEALER, ledger), name) for name in given}
        book.as_it_was(DEALER, ledger, **given)
        refused(dealer.move(PLAN, plan, "submit"), sentence)
        book.as_it_was(DEALER, ledger, **before)
    book.as_it_was(DEALER, ledger, state="rectifying")
    done(dealer.move(PLAN, plan, "submit"))
    answer = dealer.post(f"/admin/{PLAN}/new/", {"period": "2026-11", "prepared_by": book.user("dealer_f001")})
    refused(answer, f"该服务商本月已有需求计划 {book.read(PLAN, plan).number}", 422)


@pytest.mark.parametrize("submitted, kept", [("2026-11-10 23:59:59", True), ("2026-11-11 00:00:00", False)])
def test_sla_06_a_plan_is_handed_in_by_the_end_of_the_tenth(book, submitted, kept):
    """The first time counts: one that is sent back keeps it."""
    plan = planned(book)
    book.act("dealer_f001", PLAN, plan, "submit", now=at(submitted))
    assert book.clock(PLAN, plan, "submit") == ("met" if kept else "missed", at("2026-11-10 23:59:59"))
    refused(book.person("customer_service").move(PLAN, plan, "send_back"), "请填写原因", 422)
    done(book.person("customer_service").move(PLAN, plan, "send_back", comment="数量过大"))
    dealer = book.person("dealer_f001")
    done(dealer.edit(PLAN, plan, **{"parts-0-quantity": "0"}))
    refused(dealer.move(PLAN, plan, "resubmit"), "至少一行的需求数量须大于零")
    done(dealer.edit(PLAN, plan, **{"parts-0-quantity": "20"}))
    done(dealer.move(PLAN, plan, "resubmit"))
    read = book.read(PLAN, plan)
    assert (read.submitted_at, read.is_on_time) == (at(submitted), kept)


def test_customer_service_lowers_what_is_accepted_and_changes_nothing_else(book):
    plan, service, dealer = planned(book), book.person("customer_service"), book.person("dealer_f001")
    refused(dealer.edit(PLAN, plan, **{"parts-0-accepted_quantity": "30"}), "核定数量由客户服务部接收时填写", 422)
    done(dealer.move(PLAN, plan, "submit"))
    refused(service.edit(PLAN, plan, **{"parts-0-accepted_quantity": "31"}), "核定数量只能调低", 422)
    refused(service.edit(PLAN, plan, **{"parts-0-quantity": "29"}), "接收时只能调低核定数量", 422)
    refused(service.edit(PLAN, plan, phone="13900000000"), "接收时只能调低核定数量", 422)
    done(service.edit(PLAN, plan, **{"parts-0-accepted_quantity": "25"}))
    done(service.move(PLAN, plan, "accept"))
    assert [(row.quantity, row.accepted_quantity, row.open_quantity) for row in book.read(PLAN, plan).parts] == [(30, 25, 25)]


def test_a_part_is_planned_once(book):
    form = {f"parts-1-{name}": value for name, value in PUMP.items()} | {"parts-1-quantity": "1"}
    answer = book.person("dealer_f001").edit(PLAN, planned(book), **form)
    refused(answer, "同一配件只能列一行", 422)


def test_a_plan_of_another_month_stands_beside_it_and_a_cancelled_one_makes_room(book):
    plan = planned(book)
    planned(book, period="2026-12")
    refused(book.person("dealer_f001").move(PLAN, plan, "cancel", comment="重做"), "“取消”由客户服务办理")
    done(book.person("customer_service").move(PLAN, plan, "cancel", comment="重做"))
    planned(book)
    assert made(book, PLAN, "accepted", period="2026-10")
