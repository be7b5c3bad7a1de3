"""配件发运明细表."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, money, rounded, text,
)
from models.conditions import is_changed
from models.spec import CALLED_OFF, SYSTEM, Move, RecordType, Series, Text, Workflow, states

SOURCES = ("parts_demand_plan", "parts_urgent_order")
# In these states a plan or an urgent order is supplied; an order of which a part has left waits for the rest.
LIVING = {"parts_demand_plan": ("accepted", "consolidated"), "parts_urgent_order": ("accepted", "backordered", "shipped")}
# Of a plan what was accepted may be shipped, of an urgent order what was ordered.
ORDERED = {"parts_demand_plan": "accepted_quantity", "parts_urgent_order": "quantity"}


def shipped(act, source, states_=("shipped", "received")) -> dict[str, Decimal]:
    """Part number -> how much of a plan or urgent order the details in these states carry."""
    rows = act.session.execute(
        sa.select(Part.part_no, Part.quantity)
        .join(PartsShippingDetail, PartsShippingDetail.id == Part.record_id).where(
            getattr(Part, f"{source.spec.name}_id") == source.id, PartsShippingDetail.state.in_(states_)))
    total: dict[str, Decimal] = {}
    for part_no, quantity in rows:
        total[part_no] = total.get(part_no, Decimal(0)) + quantity
    return total


class Part(Line, of="parts_shipping_detail"):
    """A part that is shipped, and the plan or urgent order that it fills."""

    line_no = integer("行号", required=True, origin="P", help=("不填时自动编号", "Numbered if left empty"))
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
    open_quantity = decimal("发运前未发数量", origin="X", system=True)
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

    def derive(self, act):
        notice = act.get("parts_shipping_notice", self.parts_shipping_notice_id)
        self.dealer_id = notice and notice.dealer_id
        self.shipped_at = notice and notice.shipped_at
        for n, part in enumerate(self.parts, 1):
            part.line_no = part.line_no or n
            part.amount = None if part.unit_price is None else rounded((part.quantity or 0) * part.unit_price)
        self.line_count = len(self.parts)
        self.carton_count = len({part.carton_no for part in self.parts if part.carton_no})
        self.total_quantity = sum((part.quantity or 0 for part in self.parts), Decimal(0))
        self.amount = sum((part.amount or 0 for part in self.parts), Decimal(0))

    def check(self, act):
        if act.is_history:
            return
        if self.state != "draft" and act.move is None and self._lines_changed(act):
            yield "parts", Text("明细只能在草稿状态修改", "The lines change in the draft only")
        planned: dict[tuple[str, int, str], Decimal] = {}
        for n, part in enumerate(self.parts):
            if not part.quantity and self.state in ("draft", "in_approval"):   # later a slip may have left it behind
                yield f"parts-{n}-quantity", Text("数量须大于零", "The quantity must be more than zero")
            yield from ((f"parts-{n}-{name}", text) for name, text in self._wrong_source(part, planned, act))

    def _lines_changed(self, act):
        """A slip that was shipped short sets the quantities to what left: that is an act of the system."""
        return act.actor.id is not None and not act.actor.is_system and is_changed(self, "parts")

    def _wrong_source(self, part, planned, act):
        other = next(name for name in SOURCES if name != part.source_type)
        source = act.get(part.source_type, getattr(part, f"{part.source_type}_id"))
        if source is None or getattr(part, f"{other}_id") is not None:
            yield part.source_type, Text("请只填写与“来源”一致的那一张单据", "Name just the record that the source says")
            return
        if source.dealer_id != self.dealer_id:
            yield part.source_type, Text("来源单据不是收货服务商的", "This record is another dealer's")
        if self._is_decided(act) and source.state not in LIVING[part.source_type]:
            yield part.source_type, Text("来源单据尚未接收，或已取消", "This record is not accepted yet, or was called off")
        line = next((row for row in source.parts if row.part_no == part.part_no), None)
        if line is None:
            yield "part_no", Text("来源单据中没有这个配件", "The record does not ask for this part")
            return
        key = (part.source_type, source.id, part.part_no)
        planned[key] = planned.get(key, Decimal(0)) + (part.quantity or 0)
        open_ = (getattr(line, ORDERED[part.source_type]) or Decimal(0)) - self._carried(source, act).get(
            part.part_no, Decimal(0))
        if part.id is None:
            part.open_quantity = max(Decimal(0), open_)
        if planned[key] > open_:
            yield "quantity", Text(f"超过未发数量 {open_.normalize():f}", f"More than the {open_.normalize():f} still open")

    def _is_decided(self, act):
        """Written, submitted, approved or shipped; it can be sent back, received or cancelled whatever became of the
        orders."""
        if act.move is None:
            return self.state not in ("received", "cancelled")
        return act.move.name in ("submit", "approve", "ship")

    def _carried(self, source, act):
        """What other details, not called off, carry of it already."""
        alive = [state.name for state in self.spec.workflow.states if state.name not in CALLED_OFF]
        total = shipped(act, source, alive)
        if self.id is not None:
            stored = Part.__table__
            mine = act.session.execute(sa.select(stored.c.part_no, stored.c.quantity).where(
                stored.c.record_id == self.id, stored.c[f"{source.spec.name}_id"] == source.id))
            for part_no, quantity in mine:
                total[part_no] = total[part_no] - quantity
        return total

    def start_from(self, source, act):
        """What the dealer's accepted plans and urgent orders still wait for."""
        for name, living in LIVING.items():
            for order in act.find(name, dealer_id=source.dealer_id):
                if order.state in living:
                    self.parts += self._open_lines(order, act)

    def _open_lines(self, order, act):
        carried = self._carried(order, act)
        for line in order.parts:
            open_ = (getattr(line, ORDERED[order.spec.name]) or Decimal(0)) - carried.get(line.part_no, Decimal(0))
            if open_ > 0:
                yield Part(part_no=line.part_no, part_name=line.part_name, unit_of_measure=line.unit_of_measure,
                           quantity=open_, source_type=order.spec.name, **{f"{order.spec.name}_id": order.id})

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
                Move("approve", "随通知单批准", "Approve with notice", source=("in_approval",), to="approved",
                    by=(SYSTEM,)),
                Move("ship", "随通知单发运", "Ship with notice", source=("approved",), to="shipped",
                    by=(SYSTEM,)),
                Move("receive", "随通知单签收", "Receive with notice", source=("shipped",), to="received",
                    by=(SYSTEM,)),
                Move("cancel", "随通知单取消", "Cancel with notice",
                    source=("draft", "in_approval", "approved"), to="cancelled", by=(SYSTEM,),
                    comment=True),
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
