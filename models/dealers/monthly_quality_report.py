"""质量信息月报表."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    choice,
    day,
    integer,
    lines,
    link,
    longtext,
    moment,
    money,
    period,
    person,
    phone,
    text,
    yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.spec import Condition, Deadline, Move, Period, RecordType, Series, Text, Workflow, states

SOURCES = ("warranty_appraisal", "complaint_tracking_card")
# What a line takes over from them.
ITEM_DETAILS = ("vehicle_id", "model", "product_batch_id", "mileage", "fault_category", "cause")
HAS_CONTENT = Condition(
    lambda report, act: bool(report.items) != bool(report.is_nil_report),
    Text("请填写质量信息明细；本月确无质量信息的，请选“本月无质量信息”",
         "Enter the quality information, or say that there was none this month"))


class Item(Line, of="monthly_quality_report"):
    """One fault that a user told of."""

    line_no = integer("序号", required=True, origin="P", help=("不填时自动编号", "Numbered if left empty"))
    occurred_on = day("故障日期", required=True, origin="P")
    vehicle_id = link("vehicle", "车辆(VIN)", origin="P")
    model = text("车型", required=True, origin="P")
    product_batch_id = link("product_batch", "产品批次", origin="P")
    purchased_on = day("购车日期", origin="P")
    mileage = integer("行驶里程", origin="P", measure="km")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    part_no = text("故障件号", origin="P")
    part_name = text("故障部位", origin="P")
    fault_description = longtext("故障现象", required=True, origin="P")
    cause = longtext("原因", origin="P")
    handling_result = longtext("处理", origin="P")
    quantity = integer("数量", required=True, origin="P", default=1)
    amount = money("费用", origin="P")
    warranty_appraisal_id = link("warranty_appraisal", "来源鉴定单", origin="X")
    complaint_tracking_card_id = link("complaint_tracking_card", "来源投诉跟踪卡", origin="X")
    remark = text("备注", origin="P")


class MonthlyQualityReport(Record):
    """Written each month by every dealer and sent to customer service: all quality information fed back by
    its users, one line per fault, as the base of the monthly analysis and of the report timeliness in the
    dealer's grade."""

    keeps_first = frozenset({"submitted_at"})

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("月报", "The report"))
    period = period("月份", required=True, help=("所报告的月份", "The month reported on"))
    user_feedback = longtext("用户反馈信息", help=(
        "文字概述；本月无质量信息时可不填", "Summary in words; may stay empty on a nil report"))
    is_nil_report = yes_no("本月无质量信息", required=True, origin="P", default=False)
    prepared_by_id = person("填报人", required=True, origin="P")
    phone = phone("联系电话", origin="P", private=True)
    total_quantity = integer("故障数量合计", origin="P", derived="sum of items.quantity")
    total_amount = money("费用合计", origin="P", derived="sum of items.amount")
    remark = longtext("备注", origin="P")
    due_at = moment("上报期限", origin="X", group=("上报与接收", "Submission"), derived=(
        "day dealer_report_day (parameter) of the month after period, 23:59:59"))
    submitted_at = moment("上报时间", help=(
        "以首次上报为准，退回重报不改变", "First submission; a later resubmission does not change it"))
    resubmitted_at = moment("退回后重报时间", origin="X")
    accepted_at = moment("接收时间", origin="X")
    is_on_time = yes_no("是否按时", origin="X", derived="submitted_at <= due_at")
    items = lines(Item, "质量信息明细")

    def start_from(self, source, act):
        """The month that is over, with a line per appraisal and complaint card of the dealer."""
        month = Period.of(act.today).previous()
        self.period, self.prepared_by_id = str(month), act.actor.id
        for kind in SOURCES:
            for found in self._of_the_month(act, kind, source.id, month):
                self.items.append(Item(
                    occurred_on=act.local(found.received_at).date(), quantity=1, position=len(self.items),
                    fault_description=found.fault_description or getattr(found, "complaint_content", None),
                    **{f"{kind}_id": found.id}, **{name: getattr(found, name, None) for name in ITEM_DETAILS}))

    def _of_the_month(self, act, kind, dealer_id, month):
        model = self.types[kind].model
        return act.session.scalars(sa.select(model).where(
            model.dealer_id == dealer_id, model.state.not_in(("void", "cancelled")),
            model.received_at >= act.start_of(month.day(1)), model.received_at < act.start_of(month.following().day(1)),
        ).order_by(model.received_at, model.id))

    def derive(self, act):
        for n, item in enumerate(self.items, 1):
            item.line_no = item.line_no or n
            vehicle = act.get("vehicle", item.vehicle_id)
            item.model = item.model or (vehicle and vehicle.model)
        self.total_quantity = sum(item.quantity or 0 for item in self.items)
        self.total_amount = sum((item.amount or Decimal(0) for item in self.items), Decimal(0))
        if self.period:
            month = Period.parse(self.period)
            due_day = act.parameter("dealer_report_day", at=act.start_of(month.day(1)))
            self.due_at = act.end_of(month.following().day(due_day))
            self.is_on_time = self.submitted_at <= self.due_at if self.submitted_at else None

    def check(self, act):
        if self.period and self.period > str(Period.of(act.today)):
            yield "period", Text("月份不能晚于本月", "The month cannot lie in the future")
        if self.is_nil_report and self.items:
            yield "is_nil_report", Text("已填写明细，不能选“本月无质量信息”",
                                        "There are lines: this is no nil report")
        seen = set()
        for n, item in enumerate(self.items):
            if item.occurred_on and str(Period.of(item.occurred_on)) != self.period:
                yield f"items-{n}-occurred_on", Text("故障日期须在所报告的月份内",
                                                     "The fault must lie in the month reported on")
            for name in SOURCES:
                source = name, getattr(item, f"{name}_id")
                if source in seen:
                    yield f"items-{n}-{name}", Text("同一来源单据只能列一行，请删除重复的行",
                                                    "A source appears once: remove the repeated row")
                if source[1] is not None:
                    seen.add(source)

    spec = RecordType(
        code="MQR", zh="质量信息月报表", en="Monthly quality report (dealer)", source="004 §5.3.3b, §7.7",
        series=Series("MQR-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"}, unique=(("dealer", "period"),),
        list=("number", "dealer", "period", "total_quantity", "total_amount", "submitted_at", "is_on_time",
              "state"),
        links_in=("dealer_ledger",), search=("number", "user_feedback"), filters=("state", "dealer", "period", "is_on_time"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已上报"), ("returned", "已退回"), ("accepted", "已接收"),
                   ("void", "作废")),
            moves=(
                Move("submit", "上报", source=("draft",), to="submitted", by=("dealer",),
                     requires=("dealer", "period", "prepared_by"), stamps=("submitted_at",),
                     when=(HAS_CONTENT,)),
                Move("send_back", "退回", source=("submitted",), to="returned", by=("customer_service",),
                     comment=True),
                Move("resubmit", "重报", source=("returned",), to="submitted", by=("dealer",),
                     stamps=("resubmitted_at",), when=(HAS_CONTENT,)),
                Move("accept", "接收", source=("submitted",), to="accepted", by=("customer_service",),
                     stamps=("accepted_at",)),
                Move("void", "作废", source=("draft", "submitted", "returned", "accepted"), to="void",
                     by=("customer_service",), comment=True),
            )),
        deadlines=(
            Deadline("submit", "due_at", starts="period", met_by="submitted_at",
                     tell=("owner", "customer_service"), id="SLA-07", holder="prepared_by"),
        ),
        access={
            "customer_service": "AVX", "quality_engineer": "V", "quality_manager": "V", "dealer": "CEv",
            "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "One report per dealer and period, void ones not counted.",
            "period may not lie after the current month.",
            "On time when submitted_at <= 5th of the following month 23:59:59 Asia/Shanghai; 00:00:00 of the "
            "6th is late.",
            "A nil report has no items; a report without items must be marked is_nil_report.",
            "items.occurred_on lies in period.",
            "'Fill lines' proposes one line per warranty_appraisal and complaint_tracking_card of the dealer "
            "in period; no source record appears twice.",
            "A void or draft report counts as not submitted in the grade sheet.",
            "An accepted report is read-only; its lines are what monthly_quality_analysis counts.",
        ),
    )
