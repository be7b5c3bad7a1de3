"""The ledger of a part in a store: what may be booked by hand, and that what was booked stands."""

from __future__ import annotations

import pytest

from tests.casebook import Casebook, done, refused

STOCK = "parts_stock"
PUMP = {"part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件"}


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def stock(book):
    """Forty in the company's store, of which thirty are the least."""
    return book.person("warehouse").create(STOCK, {
        **PUMP, "store_type": "company", "safety_quantity": "30", "movements-0-movement_type": "opening",
        "movements-0-quantity": "40"})


def moved(kind, quantity, remark="", n=1):
    return {f"movements-{n}-movement_type": kind, f"movements-{n}-quantity": quantity, f"movements-{n}-remark": remark}


@pytest.mark.parametrize("kind, quantity, remark, sentence", [
    ("purchase_in", "-1", "", "入库填正数"), ("outbound", "1", "", "入库填正数"), ("stocktake", "0", "盘点", "不能为零"),
    ("scrap", "-1", "", "报废和盘点须写明原因"), ("stocktake", "1", "  ", "报废和盘点须写明原因"),
    ("outbound", "-41", "", "出库后结存不能小于零")])
def test_what_cannot_be_booked(book, stock, kind, quantity, remark, sentence):
    refused(book.person("warehouse").edit(STOCK, stock, **moved(kind, quantity, remark)), sentence, 422)


def test_quantities_follow_the_movements(book, stock):
    done(book.person("warehouse").edit(STOCK, stock, **moved("outbound", "-10")))
    read = book.read(STOCK, stock)
    assert (read.on_hand_quantity, read.available_quantity, read.is_below_safety) == (30, 30, False)
    done(book.person("warehouse").edit(STOCK, stock, **moved("stocktake", "-0.5", "盘亏", n=2)))
    read = book.read(STOCK, stock)
    assert ([float(row.balance) for row in read.movements], read.is_below_safety) == ([40, 30, 29.5], True)
    assert {row.handler for row in read.movements} == {book.user("warehouse")}


@pytest.mark.parametrize("changes, sentence", [
    ({"movements-0-quantity": "50"}, "不能修改或删除"), ({"movements-0-remark": "改"}, "不能修改或删除"),
    ({"part_no": "P-9"}, "配件编码和所属库不能再改")])
def test_what_was_booked_stands(book, stock, changes, sentence):
    refused(book.person("warehouse").edit(STOCK, stock, **changes), sentence, 422)


def test_a_movement_is_not_removed(book, stock):
    person, path = book.person("warehouse"), f"/admin/{STOCK}/edit/?id={stock}"
    fewer = {name: value for name, value in person.form(path).items() if not name.startswith("movements-")}
    refused(person.post(path, fewer), "不能修改或删除", 422)


def test_a_part_has_one_row_in_a_store(book, stock):
    number = book.read(STOCK, stock).number
    answer = book.person("warehouse").post(f"/admin/{STOCK}/new/", {**PUMP, "store_type": "company"})
    refused(answer, f"已被 {number} 使用", 422)
    book.person("dealer_f001").create(STOCK, {**PUMP, "store_type": "dealer"})


def test_a_store_is_the_companys_or_a_dealers(book):
    dealer = book.id("dealer_ledger", dealer_code="F001")
    for wrong in ({"store_type": "company", "dealer": dealer}, {"store_type": "dealer"}):
        refused(book.person("warehouse").post(f"/admin/{STOCK}/new/", {**PUMP, **wrong}), "网点库须选择服务商，公司库不填服务商", 422)


def test_a_dealer_books_only_what_happens_in_its_own_store(book, stock):
    dealer = book.person("dealer_f001")
    own = dealer.create(STOCK, {**PUMP, "store_type": "dealer", **moved("opening", "5", n=0)})
    refused(dealer.edit(STOCK, own, **moved("purchase_in", "3")), "网点库只登记期初、维修领用、报废和盘点", 422)
    done(dealer.edit(STOCK, own, **moved("repair_use", "-2")))
    assert book.read(STOCK, own).on_hand_quantity == 3
    for path in ("details", "edit"):
        assert dealer.get(f"/admin/{STOCK}/{path}/?id={stock}").status_code == 404
        assert book.person("dealer_f002").get(f"/admin/{STOCK}/{path}/?id={own}").status_code == 404


def test_a_store_is_closed_when_it_is_empty(book, stock):
    warehouse = book.person("warehouse")
    refused(warehouse.move(STOCK, stock, "deactivate", comment="停产"), "尚有库存")
    done(warehouse.edit(STOCK, stock, **moved("outbound", "-40")))
    done(warehouse.move(STOCK, stock, "deactivate", comment="停产"))
    done(warehouse.move(STOCK, stock, "reactivate"))
