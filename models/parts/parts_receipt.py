"""配件签收/差异单."""

from models.base import (
    Line, Record, choice, decimal, file, integer, lines, link, longtext, moment, money, signature,
    text, yes_no,
)
from models.spec import Move, RecordType, Series, Workflow, states


class Part(Line, of="parts_receipt"):
    """签收明细."""

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

    parts_shipping_notice_id = link("parts_shipping_notice", "发运通知单", required=True, origin="P")
    dealer_id = link("dealer_ledger", "服务商", required=True, origin="P")
    received_at = moment("收货时间", origin="P")
    signed_by = signature("签收人", origin="P")
    signed_at = moment("签收时间", origin="P")
    has_discrepancy = yes_no("有差异", origin="X",
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
    # SET_BY settle
    settled_at = moment("处理时间", origin="X")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "签收明细")

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
            states(("pending", "待签收"), ("received", "已签收"), ("discrepancy", "有差异"), ("settled", "已处理")),
            moves=(
                # WHEN has_discrepancy is false
                # THEN posts a transfer_in movement to the dealer's parts_stock
                Move("receive", "签收", source=("pending",), to="received", by=("dealer",),
                    requires=("received_at", "signed_by", "signed_at", "parts")),
                # WHEN has_discrepancy is true; photos present if a line is damaged
                # THEN posts a transfer_in movement of the good quantity
                Move("report_discrepancy", "报差异", source=("pending",), to="discrepancy", by=("dealer",),
                    requires=("received_at", "signed_by", "signed_at", "parts", "claim_text")),
                Move("settle", "处理", source=("discrepancy",), to="settled", by=("customer_service",),
                    requires=("settlement_type", "settlement_text"), stamps=("settled_at",)),
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
