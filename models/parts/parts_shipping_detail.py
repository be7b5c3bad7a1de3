"""配件发运明细表."""

from models.base import Line, Record, choice, decimal, integer, lines, link, longtext, moment, money, text
from models.spec import SYSTEM, Move, RecordType, Series, Workflow, states


class Part(Line, of="parts_shipping_detail"):
    """发运明细."""

    line_no = integer("行号", required=True, origin="P")
    part_no = text("配件编码", required=True)
    part_name = text("配件名称", required=True)
    unit_of_measure = text("单位", required=True, origin="P")
    quantity = decimal("数量", required=True)
    unit_price = money("单价", origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price, ROUND_HALF_UP 2 decimals")
    carton_no = text("箱号", origin="P")
    source_type = choice("来源", ("parts_demand_plan", "月度计划", "Demand plan"),
        ("parts_urgent_order", "急件订单", "Urgent order"), required=True, origin="P")
    parts_demand_plan_id = link("parts_demand_plan", "来源计划", origin="P")
    parts_urgent_order_id = link("parts_urgent_order", "来源急件订单", origin="P")
    # NOTE open quantity of the source line when this line was written
    open_quantity = decimal("发运前未发数量", origin="X")
    remark = text("备注", origin="P")


class PartsShippingDetail(Record):
    """Written by customer service as the list of parts that goes with one parts_shipping_notice; each
    line names the plan or urgent order it fills."""

    parts_shipping_notice_id = link("parts_shipping_notice", "发运通知单", required=True, unique=True)
    dealer_id = link("dealer_ledger", "收货服务商", derived="dealer of the notice")
    line_count = integer("行数", origin="P", derived="number of lines")
    carton_count = integer("箱数", origin="P", derived="number of different carton_no")
    total_quantity = decimal("数量合计", origin="P", derived="sum of parts.quantity")
    amount = money("金额合计", origin="P", derived="sum of parts.amount")
    shipped_at = moment("发运时间", origin="X", derived="shipped_at of the notice")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "发运明细")

    spec = RecordType(
        code="PSD", zh="配件发运明细表", en="Parts shipping detail", source="004 §5.5.2, §7.13",
        series=Series("PSD-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "parts_shipping_notice", "dealer", "line_count", "total_quantity", "amount",
              "shipped_at", "state"),
        search=("number", "remark"),
        filters=("state", "dealer", "shipped_at"),
        links_in=("parts_shipping_notice",),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"), ("shipped", "已发运"),
                ("received", "已签收"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "随通知单提交", "Submit with notice", source=("draft",), to="in_approval",
                    by=(SYSTEM,), requires=("parts_shipping_notice", "parts")),
                Move("send_back", "随通知单退回", "Send back with notice", source=("in_approval",),
                    to="draft", by=(SYSTEM,)),
                # THEN reserves the company stock of its lines
                Move("approve", "随通知单批准", "Approve with notice", source=("in_approval",), to="approved",
                    by=(SYSTEM,)),
                Move("ship", "随通知单发运", "Ship with notice", source=("approved",), to="shipped",
                    by=(SYSTEM,)),
                Move("receive", "随通知单签收", "Receive with notice", source=("shipped",), to="received",
                    by=(SYSTEM,)),
                Move("cancel", "随通知单取消", "Cancel with notice",
                    source=("draft", "in_approval", "approved"), to="cancelled", by=(SYSTEM,)),
            ),
        ),
        access={
            "customer_service": "CEVX", "finance": "V", "deputy_gm": "V", "warehouse": "EV",
            "dealer": "v",
        },
        rules=(
            "BR-16 the detail is part of what finance head and deputy GM approve; it follows the states "
            "of its notice.",
            "Exactly one of parts_demand_plan and parts_urgent_order is set, matches source_type and "
            "belongs to the notice's dealer.",
            "Sum of all not cancelled detail lines of a source line <= its accepted (plan) or ordered "
            "(urgent) quantity.",
            "quantity > 0; part_no occurs in the source.",
            "One detail per notice; lines change only in draft.",
        ),
    )
