"""售后零件送货记录."""

import sqlalchemy as sa

from models.base import (
    Default, Line, Record, decimal, lines, link, longtext, moment, person, phone, signature, text, yes_no,
)
from models.conditions import every_line, is_false, is_true, saying
from models.spec import Deadline, Move, RecordType, Series, Text, Workflow, states


def ask_for_signature(delivery, act) -> None:
    """What is brought afterwards is signed for again."""
    delivery.signed_by = None


def to_the_minute(moment):
    return moment.replace(second=0)


class Part(Line, of="service_parts_delivery"):
    """A part that the customer asked for."""

    part_no = text("零件编码", required=True, origin="P")
    part_name = text("零件名称", required=True)
    specification = text("规格型号", origin="P")
    unit_of_measure = text("单位", origin="P")
    quantity = decimal("约定数量", required=True)
    delivered_quantity = decimal("实送数量", origin="P", help=(
        "补送的，填写累计实送数量", "After a resupply: all that was delivered"))
    remark = text("备注", origin="P")


class ServicePartsDelivery(Record):
    """Written by logistics (sales role) for each delivery of service parts at the time and in the quantity the
    customer asked for, signed by the customer."""

    customer_id = link("customer", "顾客", required=True, group=("顾客与约定", "Customer and agreement"))
    contact_person = text("收货联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    address = text("送货地址", required=True, origin="P", private=True)
    customer_request = longtext("顾客要求")
    scheduled_at = moment("约定送货时间", required=True)
    handler_id = person("经办人", required=True, origin="P", default=Default.CURRENT_USER)
    driver_name = text("送货人", origin="P", group=("送货与签收", "Delivery and receipt"))
    plate_no = text("送货车牌号", origin="P")
    dispatched_at = moment("发出时间", origin="P")
    delivered_at = moment("实际送达时间", origin="P", help=(
        "以首次送达为准，补送不改变", "The first delivery counts, also after a resupply"))
    signed_by = signature("顾客签收", origin="P")
    signed_at = moment("签收时间", origin="P")
    shortage_reason = longtext("短缺原因", origin="P")
    is_on_time = yes_no("按时送达", origin="X", derived="delivered_at <= scheduled_at, to the minute",
                        group=("结果", "Result"))
    is_full = yes_no("足量送达", origin="X", derived="every line has delivered_quantity >= quantity")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "零件明细")

    def start_from(self, source, act):
        self.customer_request = getattr(source, "content", None)

    def derive(self, act):
        self.is_on_time = self.is_full = None
        if self.delivered_at and self.scheduled_at:
            self.is_on_time = to_the_minute(self.delivered_at) <= to_the_minute(self.scheduled_at)
        brought = [part.delivered_quantity for part in self.parts]
        if brought and None not in brought:
            self.is_full = all(part.delivered_quantity >= (part.quantity or 0) for part in self.parts)

    def check(self, act):
        for n, part in enumerate(self.parts):
            if part.quantity is not None and part.quantity <= 0:
                yield f"parts-{n}-quantity", Text("约定数量须大于零", "The quantity must be more than zero")
        if self.state != "planned" and not self.parts:
            yield "parts", Text("至少须有一行零件", "At least one part is needed")
        if self.dispatched_at and self.delivered_at and self.delivered_at < to_the_minute(self.dispatched_at):
            yield "delivered_at", Text("送达时间不能早于发出时间", "It is not delivered before it leaves")
        if self.signed_at and sa.inspect(self).attrs.delivered_at.history.deleted:
            yield "delivered_at", Text("按时与否以首次送达为准，补送不改送达时间",
                                       "The first delivery counts: a resupply does not change its time")

    spec = RecordType(
        code="SPD", zh="售后零件送货记录", en="Service parts delivery record", source="000 §5.1.2",
        series=Series("SPD-{yyyy}{mm}-{n:04}"),
        list=("number", "customer", "scheduled_at", "dispatched_at", "delivered_at", "is_on_time", "is_full",
              "handler", "state"),
        search=("number", "address", "driver_name", "plate_no"),
        filters=("state", "customer", "scheduled_at", "is_on_time", "is_full", "handler"),
        links_in=("customer", "hotline_consultation"),
        workflow=Workflow(
            states(("planned", "已计划"), ("dispatched", "已发出"), ("delivered", "已送达"),
                   ("short", "短缺签收", "Signed short"), ("signed", "已签收", "Signed in full"),
                   ("cancelled", "已取消")),
            moves=(
                Move("dispatch", "发出", source=("planned",), to="dispatched",
                     by=("sales", "sales_lead", "warehouse"), requires=("scheduled_at", "address", "parts"),
                     stamps=("dispatched_at",)),
                Move("deliver", "送达", source=("dispatched",), to="delivered",
                     by=("sales", "sales_lead", "warehouse"), requires=("delivered_at",),
                     when=(every_line("parts", "delivered_quantity"),)),
                Move("sign", "签收", "Sign in full", source=("delivered",), to="signed",
                     by=("sales", "sales_lead", "warehouse"), requires=("signed_by",), stamps=("signed_at",),
                     when=(saying(is_true("is_full"), "数量不足的，请用“短缺签收”",
                                  "Something is missing: use “Sign short”"),)),
                Move("sign_short", "短缺签收", source=("delivered",), to="short",
                     by=("sales", "sales_lead", "warehouse"), requires=("signed_by", "shortage_reason"),
                     stamps=("signed_at",),
                     when=(saying(is_false("is_full"), "已足量送达，请用“签收”",
                                  "Nothing is missing: use “Sign in full”"),)),
                Move("resupply", "补送", source=("short",), to="dispatched",
                     by=("sales", "sales_lead", "warehouse"), comment=True, then=ask_for_signature),
                Move("cancel", "取消", source=("planned",), to="cancelled", by=("sales_lead",), comment=True),
            )),
        deadlines=(
            Deadline("delivery", "scheduled_at", met_by="delivered_at", tell=("sales", "sales_lead")),
        ),
        access={
            "customer_service": "V", "quality_manager": "V", "sales": "CEVX", "sales_lead": "CEVXA",
            "warehouse": "EV",
        },
        rules=(
            "at least one part line; quantity greater than 0",
            "is_on_time is true when delivered_at is at or before scheduled_at, to the minute",
            "a delivery is full only when no line is short; one short line makes it short",
            "signed needs the customer's signature",
            "is_on_time is judged on the first delivery, also after a resupply",
            "delivered_at is not before dispatched_at",
        ),
    )
