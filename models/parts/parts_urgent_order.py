"""服务商配件急件订单."""

from datetime import timedelta
from decimal import Decimal

from models.base import (
    Line,
    Record,
    choice,
    decimal,
    integer,
    lines,
    link,
    longtext,
    moment,
    money,
    phone,
    text,
)
from models.conditions import is_changed, linked, saying
from models.parts.parts_shipping_detail import shipped
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

ALL_SHIPPED = Condition(
    lambda order, act: all(part.open_quantity == 0 for part in order.parts),
    Text("尚有未发运的配件，全部发运后方可收货",
         "Some parts are not shipped yet: all must be before receipt"))


ON_ITS_WAY = Condition(
    lambda order, act: bool(shipped(act, order)),
    Text("尚无发运明细包含本订单并已发运", "No shipping detail with parts of this order was shipped yet"))
DEALER_IN_OPERATION = saying(
    linked("dealer", "active", "rectifying"), "只有运营或整改中的服务商可以订购配件",
    "Only a dealer in operation or under rectification is supplied with parts")


JOBS = ("work_order", "warranty_appraisal", "customer_repair_file")


def is_for_own_job(order, act) -> bool:
    """At least one repair job is named, and all that are named are this dealer's."""
    jobs = [act.get(name, getattr(order, f"{name}_id")) for name in JOBS]
    return any(jobs) and all(job.dealer_id == order.dealer_id for job in jobs if job)


FOR_OWN_JOB = Condition(is_for_own_job, Text(
    "须关联本服务商缺件的派工单、质量保修鉴定单或客户维修档案",
    "Name the repair job of this dealer that lacks the parts: work order, warranty appraisal or repair file"))


class Part(Line, of="parts_urgent_order"):
    """A part that is missing, how many were ordered and how many are on their way."""

    line_no = integer("行号", required=True, origin="P")
    part_no = text("配件编码", required=True)
    part_name = text("配件名称", required=True)
    model = text("适用车型", origin="P")
    unit_of_measure = text("单位", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")
    unit_price = money("单价", origin="P")
    shipped_quantity = decimal("已发数量", origin="X", derived=(
        "sum of parts_shipping_detail lines that name this order and part_no in state shipped or received"))
    open_quantity = decimal("未发数量", origin="X", derived="quantity - shipped_quantity")
    remark = text("备注", origin="P")


class PartsUrgentOrder(Record):
    """Written by an outlet that lacks a part for a repair in hand, sent to customer service to be shipped
    outside the monthly plan."""

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("缺件", "What is missing"))
    shortage_reason = longtext("缺件情况", required=True)
    work_order_id = link("work_order", "派工单", origin="X", help=(
        "派工单、鉴定单、维修档案至少填一项", "One of work order, appraisal and repair file is needed"))
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X")
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X")
    vehicle_id = link("vehicle", "车辆(VIN)", origin="P")
    needed_at = moment("需求时间", required=True, origin="P", group=("运输与收货", "Transport and delivery"))
    transport_mode = choice("运输方式", ("express", "快递"), ("air", "空运"), ("rail", "铁路"),
                            ("road", "公路"),
                            ("pickup", "自提", "Pick-up"), origin="P")
    freight_payer = choice("运费承担", ("company", "公司"), ("dealer", "服务商"), ("customer", "用户"),
                           origin="P")
    contact_person = text("收货人", required=True, private=True, origin="P")
    phone = phone("联系电话", required=True, private=True, origin="P")
    address = text("收货地址", required=True, private=True, origin="P")
    submitted_at = moment("提交时间", origin="X", group=("办理", "Progress"))
    accepted_at = moment("接收时间", origin="X")
    ship_due_at = moment("发运期限", origin="X", derived="submitted_at + parameter urgent_shipping_hours")
    promised_at = moment("承诺到货时间", origin="P",
                         help=("缺货时告知服务商的到货时间",
                               "What the dealer is told when the part is out of stock"))
    shipped_at = moment("首次发运时间", origin="X")
    received_at = moment("收货时间", origin="P")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "急件明细")

    def derive(self, act):
        hours = act.parameter("urgent_shipping_hours", at=self.submitted_at)
        self.ship_due_at = self.submitted_at and self.submitted_at + timedelta(hours=hours)
        left = shipped(act, self) if self.id else {}
        for part in self.parts:
            if left:
                part.shipped_quantity = left.get(part.part_no, Decimal(0))
            elif part.shipped_quantity is None:   # an old order was shipped without a detail
                part.shipped_quantity = part.quantity if self.shipped_at and act.is_history else Decimal(0)
            part.open_quantity = part.quantity and max(Decimal(0), part.quantity - part.shipped_quantity)

    def check(self, act):
        seen = set()
        for index, part in enumerate(self.parts):
            if part.part_no in seen:
                yield f"parts-{index}-part_no", Text("同一配件只能列一行，请合并数量",
                                                     "A part appears once: add the quantities up")
            if part.quantity is not None and part.quantity <= 0:
                yield f"parts-{index}-quantity", Text("数量须大于零", "The quantity must be more than zero")
            if self.shipped_at and act.move is None and is_changed(self, "parts"):
                yield f"parts-{index}-quantity", Text("已发运，明细不能再改", "It was shipped: the parts cannot change")
            seen.add(part.part_no)

    spec = RecordType(
        code="UGO", zh="服务商配件急件订单", en="Urgent parts order", source="004 §5.3.5, §7.3",
        series=Series("UGO-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
        list=("number", "dealer", "vehicle", "needed_at", "submitted_at", "ship_due_at", "shipped_at",
              "state"),
        search=("number", "shortage_reason"), filters=("state", "dealer", "submitted_at", "transport_mode"),
        links_in=("work_order", "warranty_appraisal", "customer_repair_file", "parts_demand_plan"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("accepted", "已接收"),
                   ("backordered", "缺货待发"), ("shipped", "已发运"), ("received", "已收货"),
                   ("rejected", "不予受理"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("dealer",),
                     stamps=("submitted_at",),
                     requires=("dealer", "shortage_reason", "needed_at", "contact_person", "phone", "address",
                               "parts"),
                     when=(FOR_OWN_JOB, DEALER_IN_OPERATION)),
                Move("accept", "接收", source=("submitted",), to="accepted", by=("customer_service",),
                     requires=("transport_mode", "freight_payer"), stamps=("accepted_at",)),
                Move("reject", "不予受理", source=("submitted",), to="rejected", by=("customer_service",),
                     comment=True),
                Move("backorder", "缺货", source=("accepted",), to="backordered",
                     by=("customer_service", "warehouse"), requires=("promised_at",)),
                Move("ship", "发运", source=("accepted", "backordered"), to="shipped",
                     by=("system", "warehouse"),
                     stamps=("shipped_at",), when=(ON_ITS_WAY,)),
                Move("receive", "收货", source=("shipped",), to="received", by=("dealer",),
                     stamps=("received_at",),
                     when=(ALL_SHIPPED,)),
                Move("cancel", "取消", source=("draft", "submitted", "accepted", "backordered"),
                     to="cancelled",
                     by=("dealer", "customer_service"), comment=True),
            )),
        deadlines=(
            Deadline("ship", "urgent_shipping_hours", starts="submitted_at", met_by="shipped_at",
                     tell=("customer_service", "warehouse")),
            Deadline("promised_arrival", "promised_at", starts="accepted_at", met_by="received_at",
                     tell=("customer_service",), warn="promise_warning_hours"),
        ),
        access={"customer_service": "AVX", "dealer": "CEv", "warehouse": "EV", "finance": "V"},
        rules=(
            "Must name a repair job that lacks the parts: work_order, warranty_appraisal or "
            "customer_repair_file of the same dealer.",
            "A part_no appears at most once; quantity > 0.",
            "The sum shipped never exceeds the quantity ordered.",
            "A rejected, received or cancelled order is read-only.",
        ),
    )
