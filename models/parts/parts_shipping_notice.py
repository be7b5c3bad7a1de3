"""配件发运通知单."""

from models.base import (
    Record, choice, day, decimal, link, longtext, moment, money, person, phone, signature, text,
)
from models.spec import SIGNER, SYSTEM, Deadline, Move, RecordType, Series, Step, Workflow, states


class PartsShippingNotice(Record):
    """Written by customer service when purchased parts are in, together with its parts_shipping_detail;
    reviewed by the finance head and approved by the deputy general manager before an outbound slip may
    be issued."""

    dealer_id = link("dealer_ledger", "收货服务商", required=True)
    handler_id = person("编制人", required=True, origin="P")
    contact_person = text("收货人", required=True, origin="P", private=True)
    phone = phone("联系电话", required=True, origin="P", private=True)
    address = text("收货地址", required=True, origin="P", private=True)
    transport_mode = choice("运输方式", ("express", "快递"), ("air", "空运"), ("rail", "铁路"), ("road", "公路"),
        ("pickup", "自提", "Pick-up"), origin="P")
    freight_payer = choice("运费承担", ("company", "公司"), ("dealer", "服务商"), ("customer", "用户"), origin="P")
    carrier = text("承运单位", origin="P")
    tracking_no = text("运单号", origin="P")
    planned_ship_on = day("计划发运日期", required=True, origin="P")
    total_quantity = decimal("数量合计", origin="P", derived="sum over its parts_shipping_detail")
    amount = money("金额", origin="P", derived="amount of its parts_shipping_detail")
    payment_status = choice("货款情况", ("paid", "已付款"), ("deposit", "扣保证金", "From deposit"),
        ("credit", "挂账", "On credit"), ("free_warranty", "三包免费", "Free under warranty"), required=True,
        origin="P")
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    # SET_BY ship
    shipped_at = moment("发运时间")
    signed_by = signature("签收人", origin="P")
    # SET_BY receive
    signed_at = moment("签收时间", origin="P")
    remark = longtext("备注", origin="P")

    spec = RecordType(
        code="PSN", zh="配件发运通知单", en="Parts shipping notice", source="004 §5.5.2, §7.12",
        series=Series("PSN-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "dealer", "planned_ship_on", "total_quantity", "amount", "payment_status",
              "shipped_at", "state"),
        search=("number", "tracking_no", "remark"),
        filters=("state", "dealer", "planned_ship_on", "payment_status"),
        links_in=("parts_purchase_list", "parts_demand_plan", "parts_urgent_order"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"),
                ("outbound_issued", "已开出库单"), ("shipped", "已发运"), ("received", "已签收"),
                ("cancelled", "已取消")),
            moves=(
                # WHEN its parts_shipping_detail exists and has at least one line
                # THEN the detail goes to in_approval with it
                Move("submit", "提交审批", "Submit for approval", source=("draft",), to="in_approval",
                    by=("customer_service",),
                    requires=("dealer", "contact_person", "phone", "address", "planned_ship_on", "payment_status"),
                    opens_round=True),
                # THEN the detail is approved with it
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                # THEN the detail goes back to draft with it
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                    signs=True),
                # WHEN a parts_outbound_slip of this notice was issued
                Move("issue_outbound", "开出库单", "Issue outbound slip", source=("approved",),
                    to="outbound_issued", by=(SYSTEM, "warehouse")),
                # WHEN the outbound slip is shipped
                # THEN the detail is shipped with it; a parts_receipt is opened for the dealer
                Move("ship", "发运", source=("outbound_issued",), to="shipped", by=(SYSTEM, "warehouse"),
                    stamps=("shipped_at",)),
                # THEN the detail is received with it
                Move("receive", "签收", source=("shipped",), to="received", by=("dealer",),
                    requires=("signed_by",), stamps=("signed_at",)),
                # THEN the detail is cancelled with it and its reserved stock is freed
                Move("cancel", "取消", source=("draft", "in_approval", "approved"), to="cancelled",
                    by=("customer_service",), comment=True),
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
