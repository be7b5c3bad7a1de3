"""配件签收/差异单."""

from decimal import Decimal

from models.base import (
    Line, Record, choice, decimal, file, integer, lines, link, longtext, moment, money, rounded, signature,
    text, yes_no,
)
from models.conditions import filled, if_so, is_changed, is_false, is_true, saying
from models.parts.parts_shipping_notice import SHIPPED, detail_of, receipt_lines
from models.parts.parts_stock import book_all, booked
from models.spec import (
    APPROVER, DRAFTER, VOID, Condition, Move, RecordType, Series, Text, Workflow, states,
)


def put_in_store(receipt, act) -> None:
    """What arrived undamaged comes into the dealer's store; the notice is received with the first receipt."""
    arrived = [(part, part.quantity) for part in receipt.parts]
    book_all(act, "transfer_in", arrived, receipt, dealer_id=receipt.dealer_id)
    notice = act.get("parts_shipping_notice", receipt.parts_shipping_notice_id)
    if notice.state == "shipped":
        notice.signed_by = receipt.signed_by
        act.make(notice, "receive")


def take_out_again(receipt, act) -> None:
    """What a wrong receipt brought into the dealer's store leaves it by an opposite movement."""
    present = booked(act, receipt, "transfer_in", receipt.dealer_id)
    first = {part.part_no: part for part in reversed(receipt.parts)}
    wrong = [(first[part_no], -quantity) for part_no, quantity in present.items()]
    remark = f"{receipt.number} 作废：{act.comment}"[:200]
    book_all(act, "stocktake", wrong, receipt, dealer_id=receipt.dealer_id, remark=remark)


IS_DAMAGED = Condition(
    lambda receipt, act: any(part.damaged_quantity for part in receipt.parts), Text("有破损", "Something is damaged"))


IS_RIGHT = saying(is_false("has_discrepancy"), "有破损或短少，请用“报差异”",
                  "Something is damaged or short: use “Report discrepancy”")
IS_WRONG = saying(is_true("has_discrepancy"), "没有差异，请用“签收”", "Nothing is wrong: use “Receive”")
PHOTO_OF_DAMAGE = if_so(
    IS_DAMAGED, saying(filled("photos"), "有破损的须上传照片", "Add a photo of what is damaged"))


class Part(Line, of="parts_receipt"):
    """A part that was shipped, and how much of it arrived undamaged, damaged or not at all."""

    line_no = integer("行号", required=True, origin="P")
    part_no = text("配件编码", required=True, origin="P")
    part_name = text("配件名称", required=True, origin="P")
    unit_of_measure = text("单位", origin="P")
    shipped_quantity = decimal("发运数量", required=True, origin="P")
    quantity = decimal("实收完好数量", required=True, origin="P")
    damaged_quantity = decimal("破损数量", required=True, origin="P", default=0)
    short_quantity = decimal("短少数量", origin="P", derived="shipped_quantity - quantity - damaged_quantity")
    remark = text("备注", origin="P")


class PartsReceipt(Record):
    """Filled in by the dealer when a shipment arrives: what was received, what is damaged or short;
    settled by customer service."""

    parts_shipping_notice_id = link("parts_shipping_notice", "发运通知单", required=True, origin="P", group=("签收", "Receipt"))
    dealer_id = link("dealer_ledger", "服务商", required=True, origin="P")
    received_at = moment("收货时间", origin="P")
    signed_by = signature("签收人", origin="P")
    signed_at = moment("签收时间", origin="P")
    has_discrepancy = yes_no("有差异", origin="X", group=("差异与处理", "Discrepancy and settlement"),
        derived="a line has damaged_quantity or short_quantity > 0")
    photos_id = file("照片", origin="P")
    claim_text = longtext("差异说明", origin="X")
    settlement_type = choice("处理方式", ("resend", "补发"), ("credit", "退款冲账"),
        ("carrier_claim", "向承运人索赔", "Claim on carrier"), ("none", "不予处理"), origin="X")
    settlement_text = longtext("处理情况", origin="X")
    amount = money("差异金额", origin="X",
        derived=(
        "sum of (damaged_quantity + short_quantity) * unit_price of the detail line, "
        "ROUND_HALF_UP 2 decimals"))
    settled_at = moment("处理时间", origin="X")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "签收明细")

    def derive(self, act):
        for n, part in enumerate(self.parts, 1):
            part.line_no = part.line_no or n
            part.short_quantity = (part.shipped_quantity or 0) - (part.quantity or 0) - (part.damaged_quantity or 0)
        self.has_discrepancy = any(part.damaged_quantity or part.short_quantity for part in self.parts)
        prices = self._prices(act)
        self.amount = rounded(sum(
            (((part.damaged_quantity or 0) + part.short_quantity) * prices.get(part.line_no, 0)
             for part in self.parts), Decimal(0)))

    def _prices(self, act):
        notice = act.get("parts_shipping_notice", self.parts_shipping_notice_id)
        detail = detail_of(notice, act) if notice else None
        return {part.line_no: part.unit_price or 0 for part in detail.parts} if detail else {}

    def check(self, act):
        if act.is_history:
            return
        notice = act.get("parts_shipping_notice", self.parts_shipping_notice_id)
        if is_changed(self, "parts_shipping_notice"):
            yield from self._wrong_notice(notice, act)
        if self.received_at and notice.shipped_at and self.received_at < notice.shipped_at:
            yield "received_at", Text("收货时间不能早于发运时间", "It is received after it was shipped")
        if act.move is None and self.state != "pending" and is_changed(self, "parts"):
            yield "parts", Text("签收后明细不能再改", "Once received the lines cannot change")
        if self.state == "pending" and self._shipped() != self._left(notice, act):
            yield "parts", Text("配件和发运数量须与发运明细表一致，只填写实收、破损和备注",
                                "Parts and shipped quantities are those of the shipping detail: fill in what arrived")
        for n, part in enumerate(self.parts):
            if part.short_quantity < 0:
                yield f"parts-{n}-quantity", Text("完好与破损之和不能超过发运数量",
                                                  "Undamaged and damaged together cannot be more than was shipped")

    def _shipped(self):
        return [(part.line_no, part.part_no, part.shipped_quantity) for part in self.parts]

    def _left(self, notice, act):
        """The lines of the notice's detail; one that was loaded without a detail has none to compare with."""
        detail = detail_of(notice, act)
        return [(part.line_no, part.part_no, part.quantity) for part in detail.parts if part.quantity] if detail \
            else self._shipped()

    def start_from(self, source, act):
        detail = detail_of(source, act)
        self.parts = receipt_lines(source, detail) if detail else []

    def _wrong_notice(self, notice, act):
        is_on_its_way = act.actor.is_system   # the act that ships it opens the receipt
        if notice.state not in SHIPPED and not is_on_its_way:
            yield "parts_shipping_notice", Text("该通知单尚未发运", "This notice is not shipped yet")
        if notice.dealer_id != self.dealer_id:
            yield "parts_shipping_notice", Text("该通知单不是本服务商的", "This notice is another dealer's")
        others = act.find("parts_receipt", parts_shipping_notice_id=notice.id)
        if any(other is not self and other.state != "void" for other in others):
            yield "parts_shipping_notice", Text("该通知单已有签收单", "This notice has a receipt already")

    spec = RecordType(
        code="PRC", zh="配件签收/差异单", en="Parts receipt and discrepancy note", source="004 §5.5.2 (implied)",
        series=Series("PRC-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "parts_shipping_notice", "dealer", "received_at", "has_discrepancy",
              "settlement_type", "amount", "state"),
        search=("number", "claim_text"),
        filters=("state", "dealer", "has_discrepancy", "received_at"),
        links_in=("parts_shipping_notice",),
        workflow=Workflow(
            states(("pending", "待签收"), ("received", "已签收"), ("discrepancy", "有差异"), ("settled", "已处理"),
                (VOID, "作废", "Void")),
            moves=(
                Move("receive", "签收", source=("pending",), to="received", by=("dealer",),
                    requires=("received_at", "signed_by", "signed_at", "parts"), when=(IS_RIGHT,), then=put_in_store),
                Move("report_discrepancy", "报差异", source=("pending",), to="discrepancy", by=("dealer",),
                    requires=("received_at", "signed_by", "signed_at", "parts", "claim_text"),
                    when=(IS_WRONG, PHOTO_OF_DAMAGE), then=put_in_store),
                Move("settle", "处理", source=("discrepancy",), to="settled", by=("customer_service",),
                    requires=("settlement_type", "settlement_text"), stamps=("settled_at",)),
                Move(VOID, "作废", "Void", source=("pending", "discrepancy"), to=VOID, by=(DRAFTER, APPROVER),
                    comment=True, then=take_out_again),
            ),
        ),
        access={"customer_service": "AVX", "dealer": "CEv", "warehouse": "V"},
        rules=(
            "quantity + damaged_quantity <= shipped_quantity on every line; the rest is short.",
            "dealer equals the dealer of the notice, whose state is shipped or received; one receipt "
            "per notice.",
            "received_at is not before shipped_at of the notice.",
            "A received or settled receipt is read-only.",
        ),
    )
