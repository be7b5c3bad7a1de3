"""服务商配件月度需求计划."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, day, decimal, integer, lines, link, longtext, moment, period, person, phone, text, yes_no,
)
from models.conditions import is_changed
from models.parts.parts_shipping_detail import shipped
from models.spec import SYSTEM, Condition, Deadline, Move, Period, RecordType, Series, Text, Workflow, states


def preset_accepted(plan, act) -> None:
    """What customer service did not lower is accepted as asked for."""
    for part in plan.parts:
        if part.accepted_quantity is None:
            part.accepted_quantity = part.quantity


def forget_accepted(plan, act) -> None:
    """What the dealer amends is weighed anew."""
    for part in plan.parts:
        part.accepted_quantity = None


def list_month(plan) -> Period:
    """The month whose purchase list takes the plan in: its own, or the next one if it came late."""
    month = Period.parse(plan.period)
    return month if plan.is_on_time else month.following()


def take_in(plan, act) -> None:
    """A person asks for the purchase list; the job that compiles it makes the move for every plan it takes
    in."""
    if act.actor.id is not None and plan.parts_purchase_list_id is None:
        month = list_month(plan) if plan.is_on_time else max(list_month(plan), Period.of(act.today))
        act.request_report("parts_purchase_list", str(month))
        act.stay = True


HAS_PARTS_STORE = Condition(
    lambda plan, act: bool(plan.dealer and plan.dealer.has_parts_store),
    Text("该服务商尚未建立配件库，不能提交需求计划；请先在服务商台账登记",
         "This dealer has no parts store yet: have it entered in the dealer ledger first"))
IN_OPERATION = Condition(
    lambda plan, act: bool(plan.dealer and plan.dealer.state in ("active", "rectifying")),
    Text("只有运营或整改中的服务商可以提交需求计划",
         "Only a dealer in operation or under rectification hands in a plan"))
SOMETHING_IS_NEEDED = Condition(
    lambda plan, act: any(part.quantity for part in plan.parts),
    Text("至少一行的需求数量须大于零", "At least one part must be asked for with a quantity above zero"))
LIST_HAS_BEGUN = Condition(
    lambda plan, act: list_month(plan).day(1) <= act.today,
    Text("本计划迟报，并入下月采购清单，请在下月汇总", "The plan came late: it joins the next month's list, consolidate it then"))


class Part(Line, of="parts_demand_plan"):
    """A part that the outlet needs, and how much of it customer service accepts."""

    line_no = integer("行号", required=True, origin="P", help=("不填时自动编号", "Numbered if left empty"))
    part_no = text("配件编码", required=True)
    part_name = text("配件名称", required=True)
    model = text("适用车型", origin="P")
    unit_of_measure = text("单位", required=True, origin="P")
    on_hand_quantity = decimal("网点库存", origin="P", help=(
        "仅供参考，不从需求中扣减", "For information, never deducted from the demand"))
    last_month_quantity = decimal("上月用量", origin="P")
    quantity = decimal("需求数量", required=True)
    needed_on = day("要求到货日期", origin="P")
    accepted_quantity = decimal("核定数量", origin="X", help=(
        "接收时由客户服务部核定，只能调低；不填即按需求数量", "Set on acceptance: it may be lowered, never raised"))
    shipped_quantity = decimal("已发数量", origin="X", derived=(
        "sum of parts_shipping_detail lines that name this plan and part_no in state shipped or received"))
    open_quantity = decimal("未发数量", origin="X", derived="accepted_quantity - shipped_quantity")
    remark = text("备注", origin="P")


HEAD = ("dealer", "period", "prepared_by", "contact_person", "phone", "address")
TYPED = [name for name, field in Part.fields.items() if field.typed and name != "accepted_quantity"]


class PartsDemandPlan(Record):
    """Written each month by every outlet with a parts store and handed to customer service before the 10th:
    the parts it needs, to be consolidated into the purchase list."""

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("计划", "The plan"))
    period = period("月份", required=True, help=("提交计划的月份，当月10日前提交", "The month in which the plan is due"))
    prepared_by_id = person("编制人", required=True, origin="P")
    contact_person = text("收货人", origin="P", private=True, group=("收货", "Delivery"))
    phone = phone("联系电话", origin="P", private=True)
    address = text("收货地址", origin="P", private=True)
    line_count = integer("行数", origin="P", derived="number of lines with quantity > 0",
                         group=("办理", "Progress"))
    remark = longtext("备注", origin="P")
    due_at = moment("提交期限", origin="X", derived="day parts_plan_day (parameter) of period, 23:59:59")
    submitted_at = moment("提交时间", help=(
        "以首次提交为准，退回重报不改变", "First submission; a later resubmission does not change it"))
    resubmitted_at = moment("退回后重报时间", origin="X")
    is_on_time = yes_no("是否按时", origin="X", derived="submitted_at <= due_at")
    accepted_at = moment("接收时间", origin="X")
    parts_purchase_list_id = link("parts_purchase_list", "汇入采购清单", origin="X", system=True)
    parts = lines(Part, "配件需求明细")

    def derive(self, act):
        self.line_count = sum(bool(part.quantity) for part in self.parts)
        left = shipped(act, self) if self.id else {}
        for n, part in enumerate(self.parts, 1):
            part.line_no = part.line_no or n
            part.shipped_quantity = left.get(part.part_no, Decimal(0))
            accepted = part.accepted_quantity
            part.open_quantity = None if accepted is None else max(Decimal(0), accepted - part.shipped_quantity)
        if self.period:
            month = Period.parse(self.period)
            due_day = act.parameter("parts_plan_day", at=act.start_of(month.day(1)))
            self.due_at = act.end_of(month.day(due_day))
            self.is_on_time = self.submitted_at <= self.due_at if self.submitted_at else None

    def check(self, act):
        cls = type(self)
        other = self.period and self.state != "cancelled" and act.session.scalar(sa.select(cls.number).where(
            cls.dealer_id == self.dealer_id, cls.period == self.period,
            cls.state.not_in(("cancelled", "void")),
            cls.id != (self.id or 0)).limit(1))
        if other:
            yield "period", Text(f"该服务商本月已有需求计划 {other}，请在其上修改",
                                 f"This dealer has a plan of the month already: change {other}")
        move = act.move.name if act.move else ""
        yield from self._wrong_parts(move)
        if (move == "accept" or (self.state in ("submitted", "accepted") and not move)) and self._is_rewritten():
            yield "parts", Text("接收时只能调低核定数量，其他内容须退回服务商修改",
                                "On acceptance only the accepted quantity may change: else send the plan "
                                "back")

    def _wrong_parts(self, move):
        seen = set()
        for n, part in enumerate(self.parts):
            if part.part_no in seen:
                yield f"parts-{n}-part_no", Text("同一配件只能列一行，请合并数量",
                                                 "A part appears once: add the quantities up")
            seen.add(part.part_no)
            if part.accepted_quantity is None:
                continue
            if self.state in ("draft", "returned") or move in ("submit", "resubmit"):
                yield f"parts-{n}-accepted_quantity", Text("核定数量由客户服务部接收时填写，请清空",
                                                           "Customer service sets this on acceptance: leave "
                                                           "it empty")
            elif part.accepted_quantity > part.quantity:
                yield f"parts-{n}-accepted_quantity", Text("核定数量只能调低，不能超过需求数量",
                                                           "It may be lowered, never raised above what was "
                                                           "asked for")

    def _is_rewritten(self):
        if sa.inspect(self).attrs.parts.history.has_changes() or any(is_changed(self, name) for name in HEAD):
            return True
        return any(
            sa.inspect(part).attrs[name].history.has_changes() for part in self.parts for name in TYPED)

    spec = RecordType(
        code="MDP", zh="服务商配件月度需求计划", en="Monthly parts demand plan", source="004 §5.5.1",
        series=Series("MDP-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
        list=("number", "dealer", "period", "line_count", "submitted_at", "is_on_time", "parts_purchase_list",
              "state"),
        search=("number", "remark"), filters=("state", "dealer", "period", "is_on_time"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("returned", "已退回"), ("accepted", "已接收"),
                   ("consolidated", "已汇总"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("dealer",),
                     stamps=("submitted_at",),
                     requires=("dealer", "period", "prepared_by", "parts"),
                     when=(HAS_PARTS_STORE, IN_OPERATION, SOMETHING_IS_NEEDED)),
                Move("send_back", "退回", source=("submitted",), to="returned", by=("customer_service",),
                     comment=True, then=forget_accepted),
                Move("resubmit", "重报", source=("returned",), to="submitted", by=("dealer",),
                     requires=("parts",),
                     stamps=("resubmitted_at",), when=(SOMETHING_IS_NEEDED,)),
                Move("accept", "接收", source=("submitted",), to="accepted", by=("customer_service",),
                     requires=("parts",), stamps=("accepted_at",), then=preset_accepted),
                Move("consolidate", "汇总", source=("accepted",), to="consolidated",
                     by=(SYSTEM, "customer_service"),
                     when=(LIST_HAS_BEGUN,), then=take_in),
                Move("cancel", "取消", source=("draft", "submitted", "returned", "accepted"), to="cancelled",
                     by=("customer_service",), comment=True),
            )),
        deadlines=(
            Deadline("submit", "due_at", starts="period", met_by="submitted_at",
                     tell=("owner", "customer_service"),
                     id="SLA-06", holder="prepared_by"),
        ),
        access={"customer_service": "EAVX", "dealer": "CEv", "warehouse": "V", "finance": "V"},
        rules=(
            "One plan per dealer and period, cancelled ones not counted.",
            "On time when submitted_at <= 10th of period 23:59:59 Asia/Shanghai; 00:00:00 of the 11th is "
            "late.",
            "A late plan is not consolidated with its period; it joins the next month's list or is replaced "
            "by a parts_urgent_order.",
            "A part_no appears at most once in a plan; quantity >= 0; at least one line has quantity > 0.",
            "0 <= accepted_quantity <= quantity.",
            "Only an outlet with an established parts store may submit.",
            "A consolidated plan is read-only.",
            "Line fill rate of a period, over its consolidated plans = lines (accepted_quantity > 0) whose "
            "first shipment carried the whole accepted_quantity / all such lines; the first shipment of a "
            "line is the earliest shipped parts_shipping_notice that carries it, all its detail lines for "
            "it added up; a line not shipped yet is in the denominator.",
            "Quantity fill rate = sum of the first shipments' quantities (each at most accepted_quantity) / "
            "sum of accepted_quantity.",
        ),
    )
