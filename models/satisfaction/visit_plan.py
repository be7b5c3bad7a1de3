"""走访计划."""

import sqlalchemy as sa

from models.base import Line, Record, day, integer, lines, link, longtext, moment, money, person, text, yes_no
from models.conditions import every_line
from models.spec import SIGNER, SYSTEM, Move, RecordType, Series, Step, Text, Workflow, states

PLANNERS = ("quality_engineer", "sales", "sales_lead")


class Visit(Line, of="visit_plan"):
    """One customer to be visited, and what came of it."""

    customer_id = link("customer", "顾客", required=True)
    is_key_customer = yes_no("重点顾客", "Key customer", derived="customer.is_key_customer")
    purpose = text("目的", origin="P")
    planned_on = day("计划日期", required=True, origin="P")
    visitor_id = person("走访人", required=True, origin="P")
    visit_report_id = link("visit_report", "走访报告", origin="X", system=True)
    not_visited_reason = text("未走访原因", origin="X")


class VisitPlan(Record):
    """After-sales quality staff or sales plan which key customers are visited when, by whom and why; the
    quality manager approves it."""

    title = text("计划名称", required=True, origin="P", group=("计划", "The plan"))
    work_plan_basis = text("工作计划依据")
    purpose = longtext("走访目的", required=True, origin="P")
    starts_on = day("期间开始", required=True, origin="P", group=(
        "期间与负责人", "Period and person in charge"))
    ends_on = day("期间结束", required=True, origin="P")
    handler_id = person("负责人", "Person in charge", required=True, origin="P")
    budget = money("预算", origin="P")
    planned_count = integer("计划走访数", origin="X", group=("进度", "Progress"),
                            derived="number of visits lines")
    visited_count = integer("已走访数", origin="X", derived="number of visits lines with a visit_report")
    approved_at = moment("批准时间", origin="X")
    completed_at = moment("完成时间", origin="X")
    remark = longtext("备注", origin="P")
    visits = lines(Visit, "走访安排")

    def derive(self, act):
        for visit in self.visits:
            customer = visit.customer_id and act.get("customer", visit.customer_id)
            visit.is_key_customer = bool(customer and customer.is_key_customer)
        self.planned_count = len(self.visits)
        self.visited_count = sum(visit.visit_report_id is not None for visit in self.visits)

    def check(self, act):
        if any(visit.visit_report_id for visit in sa.inspect(self).attrs.visits.history.deleted or ()):
            yield "visits", Text("已有走访报告的行不能删除，请保留", "A row with a visit report stays: keep it")
        if self.starts_on and self.ends_on and self.starts_on > self.ends_on:
            yield "ends_on", Text("期间结束不能早于期间开始", "The period cannot end before it starts")
            return
        seen = set()
        for n, visit in enumerate(self.visits):
            if visit.visit_report_id and sa.inspect(visit).attrs.customer_id.history.deleted:
                yield f"visits-{n}-customer", Text(
                    "已有走访报告，不能改顾客；请另加一行", "There is a report: add a row instead of changing the customer")
            if not (visit.planned_on and self.starts_on and self.ends_on):
                continue
            if not self.starts_on <= visit.planned_on <= self.ends_on:
                yield f"visits-{n}-planned_on", Text(
                    "计划日期须在计划期间内", "The visit must lie within the period of the plan")
            if (visit.customer_id, visit.planned_on) in seen:
                yield f"visits-{n}-customer", Text(
                    "同一顾客同一天只能安排一次，请删除重复行或改日期",
                    "This customer is already planned for that day: remove the row or change its date")
            seen.add((visit.customer_id, visit.planned_on))

    spec = RecordType(
        code="VPL", zh="走访计划", en="Customer visit plan", source="000 §5.2.3; 003 二(二)",
        series=Series("VPL-{yyyy}{mm}-{n:04}"), title="title",
        list=("number", "title", "starts_on", "ends_on", "handler", "planned_count", "visited_count",
              "state"),
        inline=("title", "starts_on", "ends_on", "handler"),
        search=("number", "title", "purpose"),
        filters=("state", "handler", "starts_on", "ends_on"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"),
                   ("in_progress", "执行中"), ("completed", "已完成"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="in_approval", by=PLANNERS, opens_round=True,
                     requires=("title", "purpose", "starts_on", "ends_on", "handler", "visits")),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                     stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                     signs=True),
                Move("start", "开始执行", source=("approved",), to="in_progress", by=(*PLANNERS, SYSTEM)),
                Move("complete", "完成", source=("in_progress",), to="completed", by=PLANNERS,
                     stamps=("completed_at",),
                     when=(every_line("visits", "visit_report", "not_visited_reason"),)),
                Move("cancel", "取消", source=("draft", "approved"), to="cancelled",
                     by=(*PLANNERS, "quality_manager"), comment=True),
            ),
            approval=(Step("quality_manager"),)),
        access={
            "technician": "V", "quality_engineer": "CEVX", "quality_manager": "AV", "sales": "CEV",
            "sales_lead": "CEV", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "starts_on is not later than ends_on, and every planned_on lies between them",
            "the same customer appears once per plan and planned_on",
            "key customers without a visit_report in the calendar year are listed for the quality manager",
            "the approver is not the creator",
        ),
    )
