"""A month of parts, from the purchase that arrives to the dealer's own store, by the right people; what they may not do
on the way is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
import sqlalchemy as sa

from jobs import reports
from models.people import Membership, User
from models.reports import ReportRun
from rules import audit
from tests import valid
from tests.casebook import Casebook, done, refused

PLAN, LIST, ORDER, NOTICE, DETAIL, SLIP, RECEIPT, STOCK = (
    "parts_demand_plan", "parts_purchase_list", "parts_urgent_order", "parts_shipping_notice", "parts_shipping_detail",
    "parts_outbound_slip", "parts_receipt", "parts_stock")
SIGNED = {"received_at": "2099-01-07T10:00", "signed_by": "站长", "signed_at": "2099-01-07T10:05"}


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
        return store(self.book, self.stock)


def test_a_month_of_parts_from_the_plan_to_the_dealers_store(book):
    plan = an_accepted_plan(book)
    list_ = the_purchase_list_is_signed_and_released(book, plan)
    stock = what_arrives_comes_into_stock(book, list_)
    notice, detail = notice_and_detail_are_written(book, plan)
    finance_reviews_before_the_deputy_approves(book, notice, detail)
    assert store(book, stock) == (30, 30, 0)
    it_is_picked_packed_and_shipped(book, notice, detail)
    assert store(book, stock) == (0, 0, 0)
    line = book.read(PLAN, plan).parts[0]
    assert (line.shipped_quantity, line.open_quantity) == (30, 0)
    the_dealer_receives_less(book, notice)
    with book.session() as session:
        assert list(audit.verify(session)) == []


def store(book, stock):
    """(on hand, reserved, available) of a row."""
    row = book.read(STOCK, stock)
    return tuple(int(value) for value in (row.on_hand_quantity, row.reserved_quantity, row.available_quantity))


def also_a(book, username, role):
    """One more role for somebody, so that only who they are stands in the way."""
    with book.session() as session:
        user = session.scalar(sa.select(User).where(User.username == username))
        user.memberships.append(Membership(role=role))
        session.commit()


def an_accepted_plan(book):
    with valid.desk(book.app) as session:
        return valid.record(session, PLAN, "accepted", period="2025-06", submitted_at="2025-06-09T09:00", parts=[
            {"part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件", "quantity": "35", "accepted_quantity": "30"}]).id


def the_purchase_list_is_signed_and_released(book, plan):
    service, finance, deputy = (book.person(name) for name in ("customer_service", "finance", "deputy_gm"))
    done(service.post(f"/admin/reports/{LIST}/ask", {"period": "2025-06"}))
    with book.session() as session:
        reports.run(session.scalar(sa.select(ReportRun.id)))
    (list_,) = book.ids(LIST)
    assert (book.state(PLAN, plan), book.read(PLAN, plan).parts_purchase_list) == ("consolidated", list_)
    done(service.edit(LIST, list_, **{"parts-0-supplier": "甲厂", "parts-0-unit_price": "8"}))
    done(service.move(LIST, list_, "submit"))
    refused(deputy.move(LIST, list_, "approve"), "正等待财务签署")
    done(finance.move(LIST, list_, "approve"))
    refused(service.move(LIST, list_, "release"), "不能下达配套部")
    done(deputy.move(LIST, list_, "approve"))
    done(service.move(LIST, list_, "release"))
    read = book.read(LIST, list_)
    assert (read.line_count, read.total_quantity, read.amount) == (1, 30, Decimal("240.00"))
    return list_


def what_arrives_comes_into_stock(book, list_):
    warehouse = book.person("warehouse")
    refused(warehouse.move(LIST, list_, "receive_all"), "尚有未到齐的配件")
    done(warehouse.edit(LIST, list_, **{"parts-0-received_quantity": "12"}))
    done(warehouse.move(LIST, list_, "receive_part"))
    (stock,) = book.ids(STOCK)
    assert store(book, stock) == (12, 0, 12)
    done(warehouse.edit(LIST, list_, **{"parts-0-received_quantity": "11"}))
    refused(warehouse.move(LIST, list_, "receive_part"), "已入库 12，已到货数量不能小于它")
    done(warehouse.edit(LIST, list_, **{"parts-0-received_quantity": "30"}))
    done(warehouse.move(LIST, list_, "receive_all"))
    assert store(book, stock) == (30, 0, 30)
    number = book.read(LIST, list_).number
    assert [(row.movement_type, row.quantity, row.balance, row.source_number) for row in book.read(STOCK, stock).movements] == [
        ("purchase_in", 12, 12, number), ("purchase_in", 18, 30, number)]
    return stock


def notice_and_detail_are_written(book, plan):
    service = book.person("customer_service")
    form = service.form(f"/admin/{NOTICE}/new/?from={PLAN}:{plan}")
    notice = service.create(NOTICE, {**form, "planned_ship_on": "2099-01-05", "payment_status": "credit"})
    refused(service.move(NOTICE, notice, "submit"), "请先填写本通知单的发运明细表")
    form = service.form(f"/admin/{DETAIL}/new/?from={NOTICE}:{notice}")
    assert [form[f"parts-0-{name}"] for name in ("part_no", "quantity", PLAN)] == ["P-1", "30", str(plan)]
    detail = service.create(DETAIL, {**form, "parts-0-unit_price": "12.5"})
    done(service.move(NOTICE, notice, "submit"))
    read = book.read(NOTICE, notice)
    assert (read.total_quantity, read.amount, book.state(DETAIL, detail)) == (30, Decimal("375.00"), "in_approval")
    return notice, detail


def finance_reviews_before_the_deputy_approves(book, notice, detail):
    service, finance, deputy, warehouse = (
        book.person(name) for name in ("customer_service", "finance", "deputy_gm", "warehouse"))
    also_a(book, "customer_service", "finance")
    also_a(book, "finance", "deputy_gm")
    refused(deputy.move(NOTICE, notice, "approve"), "正等待财务签署")
    refused(service.move(NOTICE, notice, "approve"), "不能签署自己填写")
    done(finance.move(NOTICE, notice, "approve"))
    refused(finance.move(NOTICE, notice, "approve"), "同一人在一轮中只能签署一次")
    slip = {"parts_shipping_notice": notice, "issued_on": "2099-01-05", "handler": book.user("warehouse")}
    refused(warehouse.post(f"/admin/{SLIP}/new/", slip), "须经财务审核、主管副总批准", 422)
    refused(warehouse.move(NOTICE, notice, "ship"), "不能发运")
    done(deputy.move(NOTICE, notice, "approve"))
    assert book.state(DETAIL, detail) == "approved"


def it_is_picked_packed_and_shipped(book, notice, detail):
    warehouse = book.person("warehouse")
    slip = warehouse.create(SLIP, warehouse.form(f"/admin/{SLIP}/new/?from={NOTICE}:{notice}"))
    refused(warehouse.move(NOTICE, notice, "ship"), "不能发运")
    done(warehouse.move(SLIP, slip, "pick"))
    assert book.state(NOTICE, notice) == "outbound_issued"
    refused(warehouse.move(NOTICE, notice, "ship"), "出库单尚未发运")
    refused(warehouse.move(SLIP, slip, "ship", carrier="德邦"), "不能发运")
    packing = {"package_count": "2", "package_description": "木箱"}
    refused(warehouse.move(SLIP, slip, "pack", **packing, checked_by=book.user("warehouse")), "复核人不能是发料人本人")
    done(warehouse.move(SLIP, slip, "pack", **packing, checked_by=book.user("customer_service")))
    done(warehouse.move(SLIP, slip, "ship", carrier="德邦"))
    assert [book.state(type_, id_) for type_, id_ in ((NOTICE, notice), (DETAIL, detail))] == ["shipped", "shipped"]


def the_dealer_receives_less(book, notice):
    (receipt,), dealer = book.ids(RECEIPT), book.person("dealer_f001")
    assert book.person("dealer_f002").get(f"/admin/{RECEIPT}/details/?id={receipt}").status_code == 404
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "27"}))
    refused(dealer.move(RECEIPT, receipt, "receive", **SIGNED), "有破损或短少")
    refused(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED), "请填写“差异说明”", 422)
    done(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED, claim_text="少三件"))
    read = book.read(RECEIPT, receipt)
    assert (read.parts[0].short_quantity, read.amount, book.state(NOTICE, notice)) == (3, Decimal("37.50"), "received")
    (own,) = book.ids(STOCK, store_type="dealer")
    assert store(book, own) == (27, 0, 27)
    done(book.person("customer_service").move(RECEIPT, receipt, "settle", settlement_type="credit", settlement_text="冲账"))


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
    refused(dealer.edit(RECEIPT, receipt, **{"parts-0-damaged_quantity": "1"}), "完好与破损之和不能超过发运数量", 422)
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "29", "parts-0-damaged_quantity": "1"}))
    refused(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED, claim_text="破损"), "有破损的须上传照片")
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "30", "parts-0-damaged_quantity": "0"}))
    refused(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED, claim_text="无"), "没有差异")
    done(dealer.move(RECEIPT, receipt, "receive", **SIGNED))
    refused(dealer.edit(RECEIPT, receipt), "记录已结束")


# What must not happen to the quantities ---------------------------------------------------------------------------------

def test_a_void_receipt_is_booked_back_and_written_anew(book, month):
    notice, _, _ = month.shipped()
    receipt, dealer = month.receipt(notice), book.person("dealer_f001")
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "27"}))
    done(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED, claim_text="少三件"))
    done(book.person("customer_service").move(RECEIPT, receipt, "void", comment="数错了"))
    (own,) = book.ids(STOCK, store_type="dealer")
    last = book.read(STOCK, own).movements[-1]
    assert store(book, own) == (0, 0, 0)
    assert (last.movement_type, last.quantity, last.remark) == (
        "stocktake", -27, f"{book.read(RECEIPT, receipt).number} 作废：数错了")
    again = dealer.create(RECEIPT, dealer.form(f"/admin/{RECEIPT}/new/?from={NOTICE}:{notice}"))
    done(dealer.move(RECEIPT, again, "receive", **SIGNED))
    assert store(book, own) == (30, 0, 30)


def test_a_receipt_whose_parts_are_used_up_is_not_voided(book, month):
    notice, _, _ = month.shipped()
    receipt, dealer = month.receipt(notice), book.person("dealer_f001")
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "27"}))
    done(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED, claim_text="少三件"))
    (own,) = book.ids(STOCK, store_type="dealer")
    done(dealer.edit(STOCK, own, **{"movements-1-movement_type": "repair_use", "movements-1-quantity": "-1"}))
    refused(book.person("customer_service").move(RECEIPT, receipt, "void", comment="数错了"), "现存 26，不足以出库 27")
    assert book.state(RECEIPT, receipt) == "discrepancy" and store(book, own)[0] == 26


@pytest.mark.parametrize("wrong", [
    {"parts-0-shipped_quantity": "100", "parts-0-quantity": "100"}, {"parts-0-part_no": "P-9"}])
def test_a_dealer_receives_what_was_shipped_and_nothing_else(book, month, wrong):
    notice, _, _ = month.shipped()
    refused(book.person("dealer_f001").edit(RECEIPT, month.receipt(notice), **wrong), "须与发运明细表一致", 422)


def test_a_receipt_lies_after_the_shipping(book, month):
    notice, _, _ = month.shipped()
    early = SIGNED | {"received_at": "2020-01-01T08:00"}
    refused(book.person("dealer_f001").move(RECEIPT, month.receipt(notice), "receive", **early), "收货时间不能早于发运时间", 422)


def test_a_part_is_on_the_slip_exactly_once(book, month):
    notice, _ = month.approved()
    person = book.person("warehouse")
    form = person.form(f"/admin/{SLIP}/new/?from={NOTICE}:{notice}")
    again = {name.replace("parts-0", "parts-1"): value for name, value in form.items() if name.startswith("parts-0")}
    refused(person.post(f"/admin/{SLIP}/new/", {**form, **again}), "同一配件只能列一行", 422)
    none = {name: value for name, value in form.items() if not name.startswith("parts-")}
    refused(person.post(f"/admin/{SLIP}/new/", none), "发运明细表的每种配件都须列入", 422)
    for name, value, sentence in (("quantity", "31", "不能超过应发数量"), ("notice_quantity", "40", "须与发运明细表一致")):
        refused(person.post(f"/admin/{SLIP}/new/", {**form, f"parts-0-{name}": value}), sentence, 422)


def test_what_does_not_leave_at_all_stays_open(book, month):
    notice, detail = month.approved()
    slip = month.packed(notice, **{"parts-0-quantity": "0", "parts-0-shortage_reason": "锈蚀"})
    done(book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"))
    assert (book.read(DETAIL, detail).total_quantity, month.store()) == (0, (40, 0, 40))
    assert book.read(PLAN, month.plan).parts[0].open_quantity == 30
    assert book.read(RECEIPT, month.receipt(notice)).parts == []


def test_a_packed_slip_stands(book, month):
    notice, _ = month.approved()
    slip = month.packed(notice)
    refused(book.person("warehouse").edit(SLIP, slip, **{"parts-0-quantity": "20"}), "已包装，明细不能再改", 422)


def test_a_notice_with_a_slip_is_not_cancelled(book, month):
    notice, _ = month.approved()
    slip, service = month.slip(notice), book.person("customer_service")
    refused(service.move(NOTICE, notice, "cancel", comment="改期"), "请先取消出库单")
    done(book.person("warehouse").move(SLIP, slip, "cancel", comment="改期"))
    done(service.move(NOTICE, notice, "cancel", comment="改期"))


# Urgent orders ------------------------------------------------------------------------------------------------------------

def test_an_urgent_order_leaves_with_the_notice_once_it_is_accepted(book, month):
    dealer, service = book.person("dealer_f001"), book.person("customer_service")
    order = dealer.create(ORDER, book.urgent_order(**{"parts-0-quantity": "4"}))
    done(dealer.move(ORDER, order, "submit"))
    notice = month.notice()
    form = service.form(f"/admin/{DETAIL}/new/?from={NOTICE}:{notice}")
    urgent = {"parts-0-source_type": ORDER, f"parts-0-{PLAN}": "", f"parts-0-{ORDER}": order, "parts-0-quantity": "4"}
    refused(service.post(f"/admin/{DETAIL}/new/", {**form, **urgent}), "来源单据尚未接收，或已取消", 422)
    done(service.move(ORDER, order, "accept", transport_mode="air", freight_payer="company"))
    service.create(DETAIL, {**form, **urgent})
    done(service.move(NOTICE, notice, "submit"))
    for username in ("finance", "deputy_gm"):
        done(book.person(username).move(NOTICE, notice, "approve"))
    slip = month.packed(notice)
    done(book.person("warehouse").move(SLIP, slip, "ship", carrier="德邦"))
    assert (book.state(ORDER, order), month.store()) == ("shipped", (36, 0, 36))
    done(dealer.move(ORDER, order, "receive"))


def test_an_order_that_was_called_off_is_not_shipped_but_can_be_sent_back(book, month):
    notice, detail = month.with_detail()
    done(book.person("customer_service").move(NOTICE, notice, "submit"))
    done(book.person("finance").move(NOTICE, notice, "approve"))
    book.as_it_was(PLAN, month.plan, state="cancelled")
    refused(book.person("deputy_gm").move(NOTICE, notice, "approve"), "来源单据尚未接收，或已取消", 422)
    done(book.person("deputy_gm").move(NOTICE, notice, "send_back", comment="计划已取消"))
    assert book.state(DETAIL, detail) == "draft"


def test_the_writer_named_on_a_notice_signs_neither_review_nor_approval(book, month):
    notice, _ = month.with_detail()
    service = book.person("customer_service")
    done(service.edit(NOTICE, notice, handler=book.user("finance")))
    done(service.move(NOTICE, notice, "submit"))
    refused(book.person("finance").move(NOTICE, notice, "approve"), "不能由“编制人”本人办理")


def test_a_notice_is_on_its_way_only_with_a_slip(book, month):
    notice, _ = month.approved()
    refused(book.person("warehouse").move(NOTICE, notice, "issue_outbound"), "请先开具本通知单的出库单")


def test_what_was_approved_is_shipped_where_it_was_approved_for(book, month):
    notice, _ = month.approved()
    warehouse = book.person("warehouse")
    refused(warehouse.edit(NOTICE, notice, address="别处"), "提交后只能填写承运单位和运单号", 422)
    done(warehouse.edit(NOTICE, notice, tracking_no="DB-1"))
    own = book.person("dealer_f001").create(STOCK, {
        "store_type": "dealer", "part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件"})
    form = warehouse.form(f"/admin/{SLIP}/new/?from={NOTICE}:{notice}")
    refused(warehouse.post(f"/admin/{SLIP}/new/", {**form, "parts-0-parts_stock": own}), "请选择公司库中该配件的库存", 422)


def test_a_receipt_is_the_only_one_of_a_shipped_notice_of_this_dealer_and_stands(book, month):
    notice, _, _ = month.shipped()
    receipt, dealer = month.receipt(notice), book.person("dealer_f001")
    form = {**dealer.form(f"/admin/{RECEIPT}/edit/?id={receipt}")}
    refused(dealer.post(f"/admin/{RECEIPT}/new/", form), "该通知单已有签收单", 422)
    waiting = month.notice()
    refused(dealer.post(f"/admin/{RECEIPT}/new/", {**form, "parts_shipping_notice": waiting}), "该通知单尚未发运", 422)
    done(dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "27"}))
    done(dealer.move(RECEIPT, receipt, "report_discrepancy", **SIGNED, claim_text="少三件"))
    answer = dealer.edit(RECEIPT, receipt, **{"parts-0-quantity": "28"})
    assert answer.status_code == 403 and book.read(RECEIPT, receipt).parts[0].quantity == 27
