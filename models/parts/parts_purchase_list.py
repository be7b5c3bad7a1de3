"""配件采购清单."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Default, Line, Record, day, decimal, integer, lines, link, longtext, moment, money, period, person,
    rounded, text,
)
from models.compiled import compile_again
from models.conditions import actor_is_not
from models.parts.parts_stock import book_all, booked
from models.spec import (
    SIGNER, SYSTEM, Condition, Deadline, Move, RecordType, Refused, Series, Step, Text, Workflow, states,
)

# What the warehouse still fills in once the list is submitted.
ARRIVALS = ("received_quantity", "received_at")
LESS = Text("“{part}”已入库 {booked}，已到货数量不能小于它",
            "“{part}”: {booked} are in stock already, the quantity cannot be less")


def name_compiler(purchase, act) -> None:
    """A list that the clock compiled is answered for by whoever submits it."""
    purchase.handler_id = purchase.handler_id or act.actor.id


def put_in_stock(purchase, act) -> None:
    """What arrived since the last receipt comes into the company's store."""
    present, arrived = booked(act, purchase, "purchase_in"), []
    for part in purchase.parts:
        quantity = (part.received_quantity or 0) - present.get(part.part_no, Decimal(0))
        if quantity < 0:
            raise Refused(LESS.with_(part=part.part_name, booked=f"{present[part.part_no].normalize():f}"))
        if quantity > 0:
            arrived.append((part, quantity))
    book_all(act, "purchase_in", arrived, purchase)
    for part, _ in arrived:
        part.received_at = part.received_at or act.now


def give_plans_back(purchase, act) -> None:
    """The plans of a list that is called off wait for the next one."""
    for plan in act.find("parts_demand_plan", parts_purchase_list_id=purchase.id):
        if plan.state == "consolidated":
            plan.state, plan.parts_purchase_list_id = "accepted", None
            act.touch(plan)


PRICED = Condition(
    lambda purchase, act: all(
        part.supplier and part.unit_price is not None for part in purchase.parts if part.quantity > 0),
    Text("每行须填写供应商和单价", "Every line needs supplier and unit price"))
PARTLY_THERE = Condition(
    lambda purchase, act: any(part.received_quantity for part in purchase.parts) and any(
        (part.received_quantity or 0) < part.quantity for part in purchase.parts),
    Text("请先填写已到货数量；全部到齐的请用“收齐”",
         "Fill in the received quantities first; if all is there, use “Receive all”"))
ALL_THERE = Condition(
    lambda purchase, act: all((part.received_quantity or 0) >= part.quantity for part in purchase.parts),
    Text("尚有未到齐的配件，请填写已到货数量，或用“部分到货”",
         "Some parts are still missing: fill in what arrived, or use “Receive part”"))


class Part(Line, of="parts_purchase_list"):
    """A part to be bought: what the dealers need less what the company has."""

    line_no = integer("行号", required=True, origin="P", system=True)
    part_no = text("配件编码", required=True, system=True)
    part_name = text("配件名称", required=True, system=True)
    model = text("适用车型", origin="P", system=True)
    unit_of_measure = text("单位", required=True, origin="P", system=True)
    demand_quantity = decimal("需求合计", required=True, origin="X", system=True)
    available_quantity = decimal("可用库存", required=True, origin="X", system=True)
    quantity = decimal("采购数量", required=True, derived="max(0, demand_quantity - available_quantity)")
    supplier = text("供应商", origin="P")
    unit_price = money("单价", origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price, ROUND_HALF_UP 2 decimals")
    needed_on = day("要求到货日期", origin="P", derived="earliest needed_on of its sources")
    received_quantity = decimal("已到货数量", origin="P", default=0, help=(
        "累计到货数量，由仓储填写", "All that arrived so far; the warehouse fills it in"))
    received_at = moment("到货时间", origin="P", help=("不填时取登记到货的时间", "The moment of the receipt if left empty"))
    remark = text("备注", origin="P")


class Source(Line, of="parts_purchase_list"):
    """One line of a plan that the list takes in."""

    part_no = text("配件编码", required=True, origin="P", system=True)
    parts_demand_plan_id = link("parts_demand_plan", "来源计划", required=True, origin="P", system=True)
    dealer_id = link("dealer_ledger", "服务商", required=True, origin="P", system=True)
    quantity = decimal("核定数量", required=True, origin="P", system=True)


TYPED = [name for name, field in Part.fields.items() if field.typed]


class PartsPurchaseList(Record):
    """Compiled by customer service from the month's accepted demand plans less available stock, approved by
    finance and then by the deputy general manager in charge, and released to procurement."""

    period = period("月份", required=True, origin="P", system=True, group=("清单", "The list"))
    handler_id = person("编制人", required=True, origin="P", system=True, default=Default.CURRENT_USER)
    line_count = integer("行数", origin="P", derived="number of lines")
    total_quantity = decimal("采购数量合计", origin="P", derived="sum of parts.quantity")
    amount = money("总金额", origin="P", derived="sum of parts.amount")
    needed_on = day("要求到货日期", origin="P")
    procurement_handler_id = person("配套部采购员", origin="P")
    data_as_of = moment("汇总时间", origin="X", group=("办理", "Progress"), help=(
        "可用库存取自此时", "The moment whose stock was used"))
    approved_at = moment("批准时间", origin="X")
    released_at = moment("下达配套部时间")
    received_at = moment("收齐时间", origin="P")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "采购明细")
    sources = lines(Source, "来源计划明细")

    def derive(self, act):
        if self.state == "consolidated":
            earliest = self._needed(act)
            for part in self.parts:
                part.needed_on = earliest.get(part.part_no)
        for part in self.parts:
            part.quantity = max(Decimal(0), (part.demand_quantity or 0) - (part.available_quantity or 0))
            part.amount = None if part.unit_price is None else rounded(part.quantity * part.unit_price)
        self.line_count = len(self.parts)
        self.total_quantity = sum((part.quantity for part in self.parts), Decimal(0))
        self.amount = sum((part.amount or 0 for part in self.parts), Decimal(0))

    def _needed(self, act):
        """Part number -> the earliest day on which a plan that was taken in wants it."""
        plan = self.types["parts_demand_plan"].lines["parts"].model
        taken = {row.parts_demand_plan_id for row in self.sources}
        return dict(act.session.execute(
            sa.select(plan.part_no, sa.func.min(plan.needed_on)).where(plan.record_id.in_(taken))
            .group_by(plan.part_no)).all())

    def check(self, act):
        by_hand = act.actor.id is not None and act.move is None
        attributes = sa.inspect(self).attrs
        if by_hand and (attributes.parts.history.has_changes() or attributes.sources.history.has_changes()):
            yield "parts", Text("明细行由汇总生成，不能增减；请修改需求计划后重新汇总",
                                "The lines are compiled: change the demand plans and consolidate again")
        for n, part in enumerate(self.parts):
            changed = {name for name in TYPED if sa.inspect(part).attrs[name].history.has_changes()}
            is_early = self.state == "consolidated" and part.received_quantity and changed.intersection(ARRIVALS)
            if by_hand and is_early:
                yield f"parts-{n}-received_quantity", Text("下达配套部后方可登记到货",
                                                           "Arrivals are recorded once the list is released")
            if by_hand and self.state != "consolidated" and not changed.issubset(ARRIVALS):
                yield f"parts-{n}-part_no", Text("提交审批后明细不能再改，只登记到货",
                                                 "Once submitted only arrivals are recorded on the lines")

    spec = RecordType(
        code="PPU", zh="配件采购清单", en="Parts purchase list", source="004 §5.5.1, §7.11",
        series=Series("PPU-{yyyy}{mm}-{n:04}"), compiled=True, retention_years=10,
        list=("number", "period", "line_count", "total_quantity", "amount", "needed_on", "released_at",
              "state"),
        search=("number", "remark"), filters=("state", "period", "needed_on"),
        workflow=Workflow(
            states(("consolidated", "已汇总"), ("in_approval", "审批中"), ("approved", "已批准"),
                   ("released", "已下达配套部", "Released"), ("partly_received", "部分到货"), ("received", "已收齐"),
                   ("cancelled", "已取消")),
            moves=(
                Move("consolidate", "重新汇总", "Consolidate again", source=("consolidated",), to="consolidated",
                     by=(SYSTEM, "customer_service"), stamps=("data_as_of",), then=compile_again),
                Move("submit", "提交审批", "Submit for approval", source=("consolidated",), to="in_approval",
                     by=("customer_service",), requires=("period", "parts"), opens_round=True, when=(PRICED,),
                     then=name_compiler),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,), signs=True,
                     stamps=("approved_at",), when=(actor_is_not("handler"),)),
                Move("send_back", "退回", source=("in_approval",), to="consolidated", by=(SIGNER,),
                     comment=True,
                     signs=True),
                Move("release", "下达配套部", "Release to procurement", source=("approved",), to="released",
                     by=("customer_service",), stamps=("released_at",),
                     tells=("warehouse",)),
                Move("receive_part", "部分到货", source=("released", "partly_received"), to="partly_received",
                     by=("warehouse",), when=(PARTLY_THERE,), then=put_in_stock),
                Move("receive_all", "收齐", source=("released", "partly_received"), to="received",
                     by=("warehouse",),
                     stamps=("received_at",), when=(ALL_THERE,), then=put_in_stock),
                Move("cancel", "取消", source=("consolidated", "in_approval", "approved"), to="cancelled",
                     by=("customer_service",), comment=True, then=give_plans_back),
            ),
            approval=(Step("finance"), Step("deputy_gm"))),
        deadlines=(
            Deadline("needed", "needed_on", met_by="received_at", tell=("warehouse", "customer_service"),
                     holder="procurement_handler"),
        ),
        access={"customer_service": "CEVX", "finance": "AVX", "deputy_gm": "AV", "warehouse": "EV"},
        rules=(
            "Line quantity = sum of accepted demand - available company stock, never below 0; a part whose "
            "result is 0 has no line.",
            "Takes in every parts_demand_plan of the period in state accepted that was submitted on time, "
            "and late plans of earlier periods that are still accepted; each plan line once.",
            "Only company stock is deducted; a dealer's own stock is not.",
            "One line per part_no; sum of sources.quantity per part equals demand_quantity.",
            "Finance signs before the deputy GM; an approval out of order is refused.",
            "The finance signer, the deputy GM signer and the compiler are three different persons.",
            "Not released before both signatures; a refusal goes back to customer service with a reason.",
            "Consolidating twice over the same rows gives the same lines (idempotent).",
            "After submit the lines are frozen except received_quantity and received_at.",
        ),
    )
