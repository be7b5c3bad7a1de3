"""配件发运通知单."""

from decimal import Decimal

from models.base import (
    Record, choice, day, decimal, link, longtext, moment, money, person, phone, signature, text,
)
from models.conditions import actor_is_not, is_changed
from models.parts.parts_stock import stock_of
from models.spec import (
    CALLED_OFF, SIGNER, SYSTEM, Condition, Deadline, Default, Move, RecordType, Series, Step, Text, Workflow, states,
)

SHIPPED = ("shipped", "received")
# What is still filled in once the notice is submitted.
LATER = ("carrier", "tracking_no", "signed_by")


def detail_of(notice, act):
    """The list of parts that goes with the notice."""
    return next((row for row in act.find("parts_shipping_detail", parts_shipping_notice_id=notice.id)
                 if row.state not in CALLED_OFF), None)


def slips_of(notice, act):
    return [row for row in act.find("parts_outbound_slip", parts_shipping_notice_id=notice.id)
            if row.state not in CALLED_OFF]


def with_detail(move):
    """The detail makes the same move; what it reserves of the company's stock follows."""
    def make(notice, act):
        detail = detail_of(notice, act)
        if detail is not None:
            act.make(detail, move)
            reserve(detail, act)
    return make


def reserve(detail, act) -> None:
    """The stock rows of these parts count anew what is reserved; always locked in the same order."""
    for part_no in sorted({part.part_no for part in detail.parts}):
        stock = stock_of(act, part_no)
        if stock is not None:
            act.touch(act.lock(stock))


def ship_with_detail(notice, act) -> None:
    """What left is counted where it was ordered, and the dealer finds a receipt to fill in."""
    detail = detail_of(notice, act)
    act.make(detail, "ship")
    tell_orders(detail, act)
    open_receipt(notice, detail, act)


def tell_orders(detail, act) -> None:
    for plan_id in sorted({part.parts_demand_plan_id for part in detail.parts if part.parts_demand_plan_id}):
        act.touch(act.get("parts_demand_plan", plan_id))
    for order_id in sorted({part.parts_urgent_order_id for part in detail.parts if part.parts_urgent_order_id}):
        order = act.get("parts_urgent_order", order_id)
        if order.state in ("accepted", "backordered"):
            act.make(order, "ship")
        else:
            act.touch(order)


def open_receipt(notice, detail, act) -> None:
    act.new("parts_receipt", parts_shipping_notice=notice.id, dealer=notice.dealer_id,
            parts=receipt_lines(notice, detail))


def receipt_lines(notice, detail):
    """What has left, as if all of it arrived undamaged."""
    line = notice.types["parts_receipt"].lines["parts"].model
    return [line(position=n, line_no=part.line_no, part_no=part.part_no, part_name=part.part_name,
                 unit_of_measure=part.unit_of_measure, shipped_quantity=part.quantity, quantity=part.quantity,
                 damaged_quantity=Decimal(0))
            for n, part in enumerate(part for part in detail.parts if part.quantity)]


HAS_DETAIL = Condition(
    lambda notice, act: bool((detail := detail_of(notice, act)) and detail.parts),
    Text("请先填写本通知单的发运明细表", "Write the shipping detail of this notice first"))
SLIP_ISSUED = Condition(
    lambda notice, act: bool(slips_of(notice, act)),
    Text("请先开具本通知单的出库单", "Issue the outbound slip of this notice first"))
NO_SLIP = Condition(
    lambda notice, act: not slips_of(notice, act),
    Text("已开出库单，请先取消出库单", "There is an outbound slip: have it cancelled first"))
SLIP_SHIPPED = Condition(
    lambda notice, act: any(slip.shipped_at for slip in slips_of(notice, act)),
    Text("出库单尚未发运", "The outbound slip is not shipped yet"))


class PartsShippingNotice(Record):
    """Written by customer service when purchased parts are in, together with its parts_shipping_detail;
    reviewed by the finance head and approved by the deputy general manager before an outbound slip may
    be issued."""

    dealer_id = link("dealer_ledger", "收货服务商", required=True, group=("收货", "Consignee"))
    handler_id = person("编制人", required=True, origin="P", default=Default.CURRENT_USER)
    contact_person = text("收货人", required=True, origin="P", private=True)
    phone = phone("联系电话", required=True, origin="P", private=True)
    address = text("收货地址", required=True, origin="P", private=True)
    transport_mode = choice("运输方式", ("express", "快递"), ("air", "空运"), ("rail", "铁路"), ("road", "公路"),
        ("pickup", "自提", "Pick-up"), origin="P", group=("运输", "Transport"))
    freight_payer = choice("运费承担", ("company", "公司"), ("dealer", "服务商"), ("customer", "用户"), origin="P")
    carrier = text("承运单位", origin="P")
    tracking_no = text("运单号", origin="P")
    planned_ship_on = day("计划发运日期", required=True, origin="P")
    total_quantity = decimal("数量合计", origin="P", derived="sum over its parts_shipping_detail",
        group=("数量与货款", "Quantity and payment"), help=("随发运明细表提交时计算", "Counted when it is submitted"))
    amount = money("金额", origin="P", derived="amount of its parts_shipping_detail")
    payment_status = choice("货款情况", ("paid", "已付款"), ("deposit", "扣保证金", "From deposit"),
        ("credit", "挂账", "On credit"), ("free_warranty", "三包免费", "Free under warranty"), required=True,
        origin="P")
    approved_at = moment("批准时间", origin="X", group=("办理", "Progress"))
    shipped_at = moment("发运时间")
    signed_by = signature("签收人", origin="P")
    signed_at = moment("签收时间", origin="P")
    remark = longtext("备注", origin="P")

    def derive(self, act):
        detail = detail_of(self, act) if self.id else None
        self.total_quantity = detail and detail.total_quantity
        self.amount = detail and detail.amount

    def check(self, act):
        if act.is_history or act.move is not None or self.state == "draft":
            return
        for name, field in self.spec.fields.items():
            if field.typed and name not in LATER and is_changed(self, name):
                yield name, Text("提交后只能填写承运单位和运单号；其他内容须退回后修改",
                                 "Once submitted only carrier and waybill are filled in: else have it sent back")

    def start_from(self, source, act):
        dealer = act.get("dealer_ledger", self.dealer_id)
        if dealer is not None:
            self.contact_person = self.contact_person or dealer.contact_person
            self.phone, self.address = self.phone or dealer.phone, self.address or dealer.address

    spec = RecordType(
        code="PSN", zh="配件发运通知单", en="Parts shipping notice", source="004 §5.5.2, §7.12",
        series=Series("PSN-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "dealer", "planned_ship_on", "total_quantity", "amount", "payment_status",
              "shipped_at", "state"),
        inline=("planned_ship_on", "payment_status"),
        search=("number", "tracking_no", "remark"),
        filters=("state", "dealer", "planned_ship_on", "payment_status"),
        links_in=("parts_purchase_list", "parts_demand_plan", "parts_urgent_order"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"),
                ("outbound_issued", "已开出库单"), ("shipped", "已发运"), ("received", "已签收"),
                ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交审批", "Submit for approval", source=("draft",), to="in_approval",
                    by=("customer_service",),
                    requires=("dealer", "contact_person", "phone", "address", "planned_ship_on", "payment_status"),
                    opens_round=True, when=(HAS_DETAIL,), then=with_detail("submit")),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True, when=(actor_is_not("handler"),),
                    then=with_detail("approve")),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True, then=with_detail("send_back")),
                Move("issue_outbound", "开出库单", "Issue outbound slip", source=("approved",),
                    to="outbound_issued", by=(SYSTEM, "warehouse"), when=(SLIP_ISSUED,)),
                Move("ship", "发运", source=("outbound_issued",), to="shipped", by=(SYSTEM, "warehouse"),
                    stamps=("shipped_at",), when=(SLIP_SHIPPED,), then=ship_with_detail),
                Move("receive", "签收", source=("shipped",), to="received", by=("dealer",),
                    requires=("signed_by",), stamps=("signed_at",), then=with_detail("receive")),
                Move("cancel", "取消", source=("draft", "in_approval", "approved"), to="cancelled",
                    by=("customer_service",), comment=True, when=(NO_SLIP,), then=with_detail("cancel")),
            ),
            approval=(Step("finance"), Step("deputy_gm")),
        ),
        deadlines=(
            Deadline("planned_ship", "planned_ship_on", met_by="shipped_at",
                tell=("warehouse", "customer_service")),
        ),
        access={
            "customer_service": "CEVX", "finance": "AVX", "deputy_gm": "AV", "warehouse": "EV",
            "dealer": "Kv",
        },
        rules=(
            "BR-16 an outbound slip may be issued only after the finance head's review and the deputy "
            "GM's approval, in this order.",
            "Notice and detail are submitted, approved, sent back and cancelled together.",
            "The two signers and the writer are three different persons.",
            "All detail lines belong to plans or urgent orders of this dealer.",
            "After submit the notice is read-only except carrier, tracking_no and the receipt.",
        ),
    )
