"""配件出库单."""

from models.base import Line, Record, day, decimal, integer, lines, link, longtext, moment, person, text
from models.spec import Move, RecordType, Series, Workflow, states


class Part(Line, of="parts_outbound_slip"):
    """出库明细."""

    line_no = integer("行号", required=True, origin="P")
    parts_stock_id = link("parts_stock", "库存", required=True, origin="X")
    part_no = text("配件编码", required=True, origin="P")
    part_name = text("配件名称", required=True, origin="P")
    unit_of_measure = text("单位", required=True, origin="P")
    bin_location = text("仓位", origin="P")
    notice_quantity = decimal("应发数量", required=True, origin="P")
    quantity = decimal("实发数量", required=True, origin="P")
    carton_no = text("箱号", origin="P")
    shortage_reason = text("少发原因", origin="P")


class PartsOutboundSlip(Record):
    """Issued after both approvals of the notice, by which the warehouse takes the parts out of stock,
    packs and ships them."""

    parts_shipping_notice_id = link("parts_shipping_notice", "发运通知单", required=True)
    dealer_id = link("dealer_ledger", "收货服务商", origin="P", derived="dealer of the notice")
    issued_on = day("开单日期", required=True)
    handler_id = person("发料人", required=True, origin="P")
    checked_by_id = person("复核人", origin="P")
    total_quantity = decimal("实发数量合计", origin="P", derived="sum of parts.quantity")
    package_count = integer("包装件数", origin="P")
    package_description = text("包装情况")
    carrier = text("承运单位", origin="P")
    tracking_no = text("运单号", origin="P")
    # SET_BY pick
    picked_at = moment("拣货时间", origin="X")
    # SET_BY pack
    packed_at = moment("包装时间")
    # SET_BY ship
    shipped_at = moment("发运时间")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "出库明细")

    spec = RecordType(
        code="POS", zh="配件出库单", en="Parts outbound slip", source="004 §5.5.2",
        series=Series("POS-{yyyy}{mm}-{n:04}"),
        list=("number", "parts_shipping_notice", "dealer", "issued_on", "total_quantity", "package_count",
              "shipped_at", "state"),
        search=("number", "tracking_no"),
        filters=("state", "dealer", "issued_on"),
        links_in=("parts_shipping_notice",),
        retention_years=10,
        workflow=Workflow(
            states(("issued", "已开单"), ("picked", "已拣货"), ("packed", "已包装"), ("shipped", "已发运"),
                ("cancelled", "已取消")),
            moves=(
                # WHEN every line with quantity < notice_quantity has shortage_reason
                Move("pick", "拣货", source=("issued",), to="picked", by=("warehouse",),
                    requires=("parts", "handler"), stamps=("picked_at",)),
                Move("pack", "包装", source=("picked",), to="packed", by=("warehouse",),
                    requires=("package_count", "package_description", "checked_by"),
                    stamps=("packed_at",)),
                # THEN posts an outbound movement per line to parts_stock, ships the notice and its detail; a line shipped short sets the detail quantity to what left
                Move("ship", "发运", source=("packed",), to="shipped", by=("warehouse",),
                    requires=("carrier",), stamps=("shipped_at",)),
                # THEN the notice goes back to approved
                Move("cancel", "取消", source=("issued", "picked", "packed"), to="cancelled",
                    by=("warehouse",), comment=True),
            ),
        ),
        access={"warehouse": "CEVX", "customer_service": "V", "finance": "V"},
        rules=(
            "BR-16 can be created only for a notice in state approved (both signatures present).",
            "0 <= quantity <= notice_quantity per line; lines come from the parts_shipping_detail.",
            "Stock cannot go below 0: ship is refused when a line exceeds on_hand_quantity of its "
            "parts_stock.",
            "Only company stock rows are used.",
            "handler and checked_by are two persons.",
            "At most one not cancelled slip per notice; a shipped slip is read-only.",
        ),
    )
