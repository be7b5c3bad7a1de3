"""A month of parts, from the purchase that arrives to the dealer's own store, by the right people; what they may not do
on the way is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

NOTICE, DETAIL, SLIP, RECEIPT, STOCK = (
    "parts_shipping_notice", "parts_shipping_detail", "parts_outbound_slip", "parts_receipt", "parts_stock")


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def month(book):
    """Forty pumps in the company's store, and a plan of F001 for thirty of them."""
    return Month(book)


class Month:
    def __init__(self, book):
        self.book, self.dealer = book, str(book.id("dealer_ledger", dealer_code="F001"))
        with valid.desk(book.app) as session:
            plan = valid.record(session, "parts_demand_plan", "consolidated", dealer=self.dealer, parts=[
                {"part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件", "quantity": "30", "accepted_quantity": "30"}])
            self.plan = plan.id
        self.stock = book.person("warehouse").create(STOCK, {
            "store_type": "company", "part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件", "bin_location": "A-1",
            "movements-0-movement_type": "opening", "movements-0-quantity": "40"})

    def notice(self):
        """Customer service writes it from the plan."""
        person = self.book.person("customer_service")
        form = person.form(f"/admin/{NOTICE}/new/?from=parts_demand_plan:{self.plan}")
        assert form["dealer"] == self.dealer and form["address"]
        return person.create(NOTICE, {**form, "planned_ship_on": "2099-01-05", "payment_status": "credit"})

    def with_detail(self, **changes):
        notice, person = self.notice(), self.book.person("customer_service")
        form = person.form(f"/admin/{DETAIL}/new/?from={NOTICE}:{notice}")
        return notice, person.create(DETAIL, {**form, "parts-0-unit_price": "12.5", **changes})

    def approved(self, **changes):
        notice, detail = self.with_detail(**changes)
        done(self.book.person("customer_service").move(NOTICE, notice, "submit"))
        for username in ("finance", "deputy_gm"):
            done(self.book.person(username).move(NOTICE, notice, "approve"))
        return notice, detail

    def slip(self, notice, **changes):
        person = self.book.person("warehouse")
        return person.create(SLIP, {**person.form(f"/admin/{SLIP}/new/?from={NOTICE}:{notice}"), **changes})

    def packed(self, notice, **changes):
        slip, person = self.slip(notice, **changes), self.book.person("warehouse")
        done(person.move(SLIP, slip, "pick"))
        done(person.move(SLIP, slip, "pack", package_count="2", package_description="木箱",
                         checked_by=self.book.user("customer_service")))
        return slip

    def shipped(self, **changes):
        notice, detail = self.approved()
        slip = self.packed(notice, **changes)
        done(self.book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"))
        return notice, detail, slip

    def receipt(self, notice):
        return self.book.ids(RECEIPT, parts_shipping_notice_id=notice)[0]

    def store(self):
        """(on hand, reserved, available) of the company's pumps."""
        row = self.book.read(STOCK, self.stock)
        return tuple(int(value) for value in (row.on_hand_quantity, row.reserved_quantity, row.available_quantity))


def test_a_month_of_parts_from_the_plan_to_the_dealers_store(book, month):
    notice = month.notice()
    refused(book.person("customer_service").move(NOTICE, notice, "submit"), "请先填写本通知单的发运明细表")
    person = book.person("customer_service")
    form = person.form(f"/admin/{DETAIL}/new/?from={NOTICE}:{notice}")
    assert (form["parts-0-part_no"], form["parts-0-quantity"], form["parts-0-parts_demand_plan"]) == ("P-1", "30", str(month.plan))
    detail = person.create(DETAIL, {**form, "parts-0-unit_price": "12.5"})
    done(person.move(NOTICE, notice, "submit"))
    assert (book.state(DETAIL, detail), book.read(NOTICE, notice).amount) == ("in_approval", Decimal("375.00"))

    refused(book.person("warehouse").post(f"/admin/{SLIP}/new/", {
        "parts_shipping_notice": notice, "issued_on": "2099-01-05", "handler": book.user("warehouse")}), "须经财务审核", 422)
    refused(book.person("deputy_gm").move(NOTICE, notice, "approve"), "正等待财务签署")
    refused(person.move(NOTICE, notice, "approve"), "正等待财务签署")
    done(book.person("finance").move(NOTICE, notice, "approve"))
    refused(book.person("finance").move(NOTICE, notice, "approve"), "正等待主管副总签署")
    done(book.person("deputy_gm").move(NOTICE, notice, "approve"))
    assert book.state(DETAIL, detail) == "approved" and month.store() == (40, 30, 10)

    slip = month.slip(notice)
    refused(book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"), "不能发运")
    refused(book.person("warehouse").move(NOTICE, notice, "ship"), "不能发运")
    done(book.person("warehouse").move(SLIP, slip, "pick"))
    assert book.state(NOTICE, notice) == "outbound_issued"
    refused(book.person("warehouse").move(NOTICE, notice, "ship"), "出库单尚未发运")
    packing = {"package_count": "2", "package_description": "木箱"}
    refused(book.person("warehouse").move(SLIP, slip, "pack", **packing, checked_by=book.user("warehouse")), "复核人不能是发料人本人")
    done(book.person("warehouse").move(SLIP, slip, "pack", **packing, checked_by=book.user("customer_service")))
    done(book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"))
    assert (book.state(NOTICE, notice), book.state(DETAIL, detail)) == ("shipped", "shipped")
    assert month.store() == (10, 0, 10)
    assert book.read("parts_demand_plan", month.plan).parts[0].open_quantity == 0

    receipt, dealer = month.receipt(notice), book.person("dealer_f001")
    signed = {"received_at": "2099-01-07T10:00", "signed_by": "站长", "signed_at": "2099-01-07T10:05"}
    assert book.person("dealer_f002").get(f"/admin/{RECEIPT}/details/?id={receipt}").status_code == 404
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "27"}))
    refused(dealer.move(RECEIPT, receipt, "receive", **signed), "有破损或短少")
    refused(dealer.move(RECEIPT, receipt, "report_discrepancy", **signed), "请填写“差异说明”", 422)
    done(dealer.move(RECEIPT, receipt, "report_discrepancy", **signed, claim_text="少三件"))
    told = book.read(RECEIPT, receipt)
    assert (told.parts[0].short_quantity, told.amount, book.state(NOTICE, notice)) == (3, Decimal("37.50"), "received")
    own = book.read(STOCK, book.ids(STOCK, store_type="dealer", dealer_id=int(month.dealer))[0])
    assert (own.part_no, own.on_hand_quantity, own.movements[0].movement_type) == ("P-1", 27, "transfer_in")
    done(book.person("customer_service").move(RECEIPT, receipt, "settle", settlement_type="resend", settlement_text="随下批补发"))


def test_br_16_no_slip_before_both_have_approved(book, month):
    notice, _ = month.with_detail()
    done(book.person("customer_service").move(NOTICE, notice, "submit"))
    done(book.person("finance").move(NOTICE, notice, "approve"))
    person = book.person("warehouse")
    form = person.form(f"/admin/{SLIP}/new/?from={NOTICE}:{notice}")
    refused(person.post(f"/admin/{SLIP}/new/", form), "须经财务审核、主管副总批准后才能开出库单", 422)


def test_a_notice_that_is_sent_back_takes_its_detail_along(book, month):
    notice, detail = month.with_detail()
    done(book.person("customer_service").move(NOTICE, notice, "submit"))
    refused(book.person("customer_service").edit(NOTICE, notice, address="别处"), "记录正在会签")
    done(book.person("finance").move(NOTICE, notice, "send_back", comment="单价不对"))
    assert (book.state(NOTICE, notice), book.state(DETAIL, detail)) == ("draft", "draft")


def test_a_cancelled_notice_frees_what_it_reserved(book, month):
    notice, detail = month.approved()
    assert month.store() == (40, 30, 10)
    done(book.person("customer_service").move(NOTICE, notice, "cancel", comment="改期"))
    assert book.state(DETAIL, detail) == "cancelled" and month.store() == (40, 0, 40)


def test_no_more_is_shipped_than_was_accepted(book, month):
    month.with_detail(**{"parts-0-quantity": "20"})
    notice, person = month.notice(), book.person("customer_service")
    form = person.form(f"/admin/{DETAIL}/new/?from={NOTICE}:{notice}")
    assert form["parts-0-quantity"] == "10"
    refused(person.post(f"/admin/{DETAIL}/new/", {**form, "parts-0-quantity": "11"}), "超过未发数量 10", 422)
    person.create(DETAIL, form)


def test_a_line_names_one_source_of_the_same_dealer_and_one_of_its_parts(book, month):
    notice, person = month.notice(), book.person("customer_service")
    form = person.form(f"/admin/{DETAIL}/new/?from={NOTICE}:{notice}")
    with valid.desk(book.app) as session:
        other = valid.record(session, "parts_demand_plan", "accepted", place=valid.THERE, parts=[
            {"part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件", "quantity": "5", "accepted_quantity": "5"}]).id
    for wrong, sentence in (({"parts-0-part_no": "P-9"}, "来源单据中没有这个配件"), ({"parts-0-quantity": "0"}, "数量须大于零"),
                            ({"parts-0-parts_demand_plan": other}, "来源单据不是收货服务商的"),
                            ({"parts-0-source_type": "parts_urgent_order"}, "请只填写与“来源”一致的那一张单据")):
        refused(person.post(f"/admin/{DETAIL}/new/", {**form, **wrong}), sentence, 422)


def test_what_is_shipped_short_is_explained_and_stays_open(book, month):
    notice, _ = month.approved()
    slip = month.slip(notice, **{"parts-0-quantity": "25"})
    refused(book.person("warehouse").move(SLIP, slip, "pick"), "少发的行须填写少发原因")
    done(book.person("warehouse").edit(SLIP, slip, **{"parts-0-shortage_reason": "五件返修"}))
    done(book.person("warehouse").move(SLIP, slip, "pick"))
    done(book.person("warehouse").move(SLIP, slip, "pack", package_count="1", package_description="箱",
                                       checked_by=book.user("customer_service")))
    done(book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"))
    part = book.read("parts_demand_plan", month.plan).parts[0]
    assert (part.shipped_quantity, part.open_quantity, month.store()) == (25, 5, (15, 0, 15))
    assert book.read(RECEIPT, month.receipt(notice)).parts[0].shipped_quantity == 25


def test_the_store_never_gives_what_it_does_not_have(book, month):
    notice, _ = month.approved()
    slip = month.packed(notice)
    done(book.person("warehouse").edit(STOCK, month.stock, **{
        "movements-1-movement_type": "scrap", "movements-1-quantity": "-15", "movements-1-remark": "锈蚀"}))
    refused(book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"), "现存 25，不足以出库 30")
    assert (book.state(SLIP, slip), book.state(NOTICE, notice)) == ("packed", "outbound_issued")


def test_one_slip_a_notice_and_a_cancelled_one_makes_room(book, month):
    notice, _ = month.approved()
    slip, person = month.slip(notice), book.person("warehouse")
    form = person.form(f"/admin/{SLIP}/new/?from={NOTICE}:{notice}")
    refused(person.post(f"/admin/{SLIP}/new/", form), "该通知单已有出库单", 422)
    done(person.move(SLIP, slip, "pick"))
    done(person.move(SLIP, slip, "cancel", comment="重开"))
    assert book.state(NOTICE, notice) == "approved"
    month.slip(notice)


def test_damage_needs_a_photo_and_a_receipt_in_order_none(book, month):
    notice, _, _ = month.shipped()
    receipt, dealer = month.receipt(notice), book.person("dealer_f001")
    signed = {"received_at": "2099-01-07T10:00", "signed_by": "站长", "signed_at": "2099-01-07T10:05"}
    refused(dealer.edit(RECEIPT, receipt, **{"parts-0-damaged_quantity": "1"}), "完好与破损之和不能超过发运数量", 422)
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "29", "parts-0-damaged_quantity": "1"}))
    refused(dealer.move(RECEIPT, receipt, "report_discrepancy", **signed, claim_text="破损"), "有破损的须上传照片")
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "30", "parts-0-damaged_quantity": "0"}))
    refused(dealer.move(RECEIPT, receipt, "report_discrepancy", **signed, claim_text="无"), "没有差异")
    done(dealer.move(RECEIPT, receipt, "receive", **signed))
    refused(dealer.edit(RECEIPT, receipt), "记录已结束")
