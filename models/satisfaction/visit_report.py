"""顾客走访报告."""

import sqlalchemy as sa

from models.base import Record, choice, day, link, longtext, moment, person, text, unit, yes_no
from models.choices import SATISFACTION_LEVELS
from models.conditions import actor_is_not, filled, from_state, if_so, is_false, is_true, linked
from models.satisfaction.visit_plan import Visit
from models.spec import APPROVER, DRAFTER, Default, Move, RecordType, Series, Text, Workflow, states

UNDER_WAY = ("approved", "in_progress")   # what a report may still be entered in


def enter_in_plan(report, act) -> None:
    """A submitted report fills the nearest free line of its customer in the plan; the first one starts the plan. A
    line it filled earlier, before its plan or customer was corrected, is free again."""
    strike_from_plans(report, act, but=(report.visit_plan_id, report.customer_id))
    plan = act.get("visit_plan", report.visit_plan_id)
    if plan is None or plan.state not in UNDER_WAY:
        return
    lines = [visit for visit in plan.visits if visit.customer_id == report.customer_id]
    free = [visit for visit in lines if visit.visit_report_id is None]
    if free and all(visit.visit_report_id != report.id for visit in lines):
        nearest = min(free, key=lambda visit: abs(visit.planned_on - report.visited_on))
        nearest.visit_report_id = report.id
        act.touch(plan)
    if plan.state == "approved":
        act.make(plan, "start")


def strike_from_plans(report, act, but=()) -> None:
    """The report no longer counts in plans still under way, save in lines of the plan and customer named."""
    for line in act.session.scalars(sa.select(Visit).where(Visit.visit_report_id == report.id)).all():
        plan = act.get("visit_plan", line.record_id)
        if plan.state in UNDER_WAY and (plan.id, line.customer_id) != but:
            line.visit_report_id = None
            act.touch(plan)


class VisitReport(Record):
    """After-sales staff report what a visited customer said; a rectification demand is followed through measures to
    the reply to the customer."""

    visit_plan_id = link("visit_plan", "走访计划", origin="P", group=("走访", "The visit"))
    customer_id = link("customer", "顾客", required=True)
    visited_on = day("走访日期", required=True, origin="P", default=Default.TODAY)
    visitor_id = person("走访人", required=True, default=Default.CURRENT_USER)
    contact_person = text("顾客接待人", private=True, origin="P")
    position = text("接待人职务", origin="P")
    customer_info = longtext("顾客信息", required=True, group=("顾客的意见", "What the customer said"))
    usage_situation = longtext("产品使用情况", origin="P")
    product_quality_opinion = longtext("对产品质量的意见", origin="P")
    delivery_opinion = longtext("对交货期的意见", origin="P")
    service_quality_opinion = longtext("对服务的意见", origin="P")
    price_opinion = longtext("对价格的意见", origin="P")
    competitor_info = longtext("竞争对手情况", origin="P")
    suggestion = longtext("顾客建议", origin="P")
    satisfaction_level = choice("总体满意度", SATISFACTION_LEVELS, origin="P")
    conclusion = longtext("走访结论", origin="P")
    submitted_at = moment("反馈时间")
    is_rectification_required = yes_no("有整改要求", required=True, default=False, origin="X", group=("整改", "Rectification"))
    rectification_demand = longtext("整改要求")
    responsible_unit = unit("责任部门")
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    rectification_measures = longtext("整改措施")
    reply_text = longtext("回复顾客内容")
    replied_at = moment("回复顾客时间", origin="X")
    closed_at = moment("关闭时间", origin="X")

    def check(self, act):
        if self.visited_on and self.visited_on > act.today:
            yield "visited_on", Text("走访日期不能晚于今天", "The visit cannot be in the future")

    spec = RecordType(
        code="VRP", zh="顾客走访报告", en="Customer visit report", source="000 §5.2.1 d), §5.2.3, §7; 003 二(二)",
        series=Series("VRP-{yyyy}{mm}-{n:04}"),
        list=("number", "visited_on", "customer", "visitor", "satisfaction_level", "is_rectification_required",
              "responsible_unit", "replied_at", "state"),
        search=("number", "customer_info", "rectification_demand", "suggestion"),
        filters=("state", "customer", "visitor", "is_rectification_required", "responsible_unit", "visited_on"),
        links_in=("visit_plan", "customer"), retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("reviewed", "已审阅"), ("rectifying", "整改中"),
                   ("replied", "已回复顾客", "Replied to customer"), ("closed", "已关闭"), ("void", "作废")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted",
                     by=("technician", "quality_engineer", "sales", "sales_lead"),
                     requires=("customer", "visited_on", "visitor", "customer_info"), stamps=("submitted_at",),
                     when=(if_so(is_true("is_rectification_required"), filled("rectification_demand")),),
                     then=enter_in_plan),
                Move("send_back", "退回", source=("submitted",), to="draft",
                     by=("quality_engineer", "quality_manager"), comment=True),
                Move("review", "审阅", source=("submitted",), to="reviewed", by=("quality_engineer", "quality_manager"),
                     requires=("is_rectification_required",), when=(actor_is_not("visitor"),)),
                Move("rectify", "组织整改", "Start rectification", source=("reviewed",), to="rectifying",
                     by=("quality_engineer",), when=(is_true("is_rectification_required"),),
                     requires=("rectification_demand", "responsible_unit", "corrective_action")),
                Move("reply", "回复顾客", "Reply to customer", source=("rectifying",), to="replied",
                     by=("quality_engineer",), requires=("rectification_measures", "reply_text"), stamps=("replied_at",)),
                Move("close", "关闭", source=("reviewed", "replied"), to="closed", by=("quality_manager",),
                     stamps=("closed_at",), when=(
                         if_so(from_state("reviewed"), is_false("is_rectification_required")),
                         if_so(from_state("replied"), linked("corrective_action", "closed")))),
                Move("void", "作废", source=("draft", "submitted", "reviewed", "rectifying", "replied"), to="void",
                     by=(DRAFTER, APPROVER), comment=True, then=strike_from_plans),
            )),
        access={
            "technician": "CEV", "quality_engineer": "CEAVX", "quality_manager": "AVX", "sales": "CEV",
            "sales_lead": "CEV", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-03 is_rectification_required needs a corrective_action and a reply to the customer before closing",
            "visited_on is not in the future when submitted",
            "submitting a report with a visit_plan fills visit_report in that plan's line of the same customer",
            "the reviewer is not the visitor",
        ),
    )
