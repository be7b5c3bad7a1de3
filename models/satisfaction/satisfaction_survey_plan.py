"""满意度调查方案(计划)."""

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    choice,
    day,
    decimal,
    integer,
    lines,
    link,
    moment,
    multichoice,
    percent,
    person,
    quarter,
    rounded,
    text,
)
from models.choices import SURVEY_ITEMS, SURVEY_METHODS
from models.conditions import is_changed
from models.spec import (
    SIGNER,
    Condition,
    Deadline,
    Move,
    Period,
    RecordType,
    Series,
    Step,
    Text,
    Workflow,
    states,
)

SURVEYORS = ("quality_engineer", "quality_manager", "customer_service")
# What was approved; a longer time for the return of the forms needs no new approval.
APPROVED = ("quarter", "scope_kind", "region", "industry", "survey_methods", "scoring_scale", "starts_on",
            "items", "targets")
UNDER_APPROVAL = Text("方案已批准，不能再改；需更改的请取消后重新报批",
                      "The plan is approved: to change it, cancel it and have a new one approved")
WEIGHED = ("quality", "delivery", "service", "price")
WEIGHTS_ARE_WHOLE = Condition(
    lambda plan, act: sum((item.weight or 0 for item in plan.items), Decimal(0)) == 1,
    Text("各项目权重之和须正好为 1，请调整", "The weights of the items must sum to exactly 1: adjust them"))


def forms_of(plan, act) -> list:
    """The questionnaires of the round, as this act leaves them."""
    found = act.find("satisfaction_questionnaire", satisfaction_survey_plan_id=plan.id) if plan.id else []
    return [form for form in found if form.state != "void"]


def score_round(plan, act) -> None:
    """The round that has ended has its score sheet, computed from all of its forms."""
    sheets = act.find("satisfaction_score", satisfaction_survey_plan_id=plan.id, subject="round")
    present = next((sheet for sheet in sheets if sheet.state != "void"), None)
    if present is not None:
        act.touch(present)
    else:
        act.new("satisfaction_score", subject="round", satisfaction_survey_plan=plan.id)


def prepare_forms(plan, act) -> None:
    """Every customer to be asked gets a form with the items and weights as approved."""
    answer = plan.types["satisfaction_questionnaire"].lines["answers"].model
    for target in plan.targets:
        form = act.new(
            "satisfaction_questionnaire", satisfaction_survey_plan_id=plan.id, customer_id=target.customer_id,
            dealer_id=target.dealer_id, method=target.method, surveyor_id=plan.handler_id,
            answers=[answer(item=item.item, question=item.question, weight=item.weight,
                            max_points=item.max_points, position=item.position) for item in plan.items])
        target.satisfaction_questionnaire_id = form.id


ALL_FORMS_ENDED = Condition(
    lambda plan, act: all(form.state in ("scored", "invalid", "expired") for form in forms_of(plan, act)),
    Text("尚有调查表未评分、未判无效或未登记逾期", "Some questionnaires are not yet scored, invalid or expired"))


class Item(Line, of="satisfaction_survey_plan"):
    """What is asked, and how much it counts."""

    item = choice("项目", SURVEY_ITEMS, required=True)
    question = text("问题", origin="P")
    weight = decimal("权重", required=True, origin="X", help=(
        "各项合计为 1；产品质量、交货期、售后服务、价格不填时取默认权重",
        "They sum to 1; left empty, quality, delivery, service and price take their default"))
    max_points = decimal("满分", required=True, origin="P", default=100)


class Target(Line, of="satisfaction_survey_plan"):
    """A customer who is asked."""

    customer_id = link("customer", "顾客", required=True, origin="P")
    dealer_id = link("dealer_ledger", "服务商", origin="X", help=(
        "评价该服务商时填写，计入其月度考核", "The dealer that is rated; counts for its monthly grade"))
    method = choice("调查方式", SURVEY_METHODS, required=True, origin="P")
    satisfaction_questionnaire_id = link("satisfaction_questionnaire", "调查表", origin="X", system=True)


class SatisfactionSurveyPlan(Record):
    """The quality department plans each survey round (who, how, which form and weights); the management
    representative approves it before any form goes out."""

    title = text("方案名称", required=True, origin="P", group=("方案", "The plan"))
    quarter = quarter("季度", required=True, help=("如 2026-Q4", "Such as 2026-Q4"))
    scope_kind = choice(
        "调查范围", ("region", "某一区域的用户", "One region"), ("industry", "某一行业的用户", "One industry"),
        ("all", "全部顾客", "All customers"), required=True)
    region = text("区域", help=("按区域调查时必填", "Needed for a region"))
    industry = text("行业", help=("按行业调查时必填", "Needed for an industry"))
    survey_methods = multichoice("调查方式", SURVEY_METHODS, required=True)
    questionnaire_document_id = link("controlled_document", "调查表版本", origin="P")
    scoring_scale = choice(
        "评分制", ("five_level", "五级制 100/80/60/40/20", "Five levels"),
        ("three_level", "三级制 100/80/20", "Three levels"), ("ten_point", "十分制", "Ten points"), required=True,
        origin="X", default="five_level")
    sample_size = integer("样本量", origin="P", derived="number of targets lines")
    starts_on = day("开始日期", required=True, origin="P", group=("时间与负责人", "Time and person in charge"))
    due_on = day("回收截止日", required=True, origin="P")
    target_return_rate = percent("回收率目标", origin="P", help=("填小数，如 0.8 即 80%", "A fraction: 0.8 is 80 %"))
    handler_id = person("负责人", "Person in charge", required=True, origin="P")
    approve_due_on = day("季度方案批准期限", origin="X", derived="day 60 of the quarter (parameter)")
    issue_due_on = day("季度内发出期限", origin="X", derived="last day of the quarter")
    approved_at = moment("批准时间", origin="X", group=("执行", "Progress"))
    issued_at = moment("发出时间", origin="X")
    sent_count = integer("发放数", origin="X", derived="questionnaires of this plan with sent_at")
    returned_count = integer("回收数", origin="X", derived="questionnaires of this plan with returned_at")
    return_rate = percent("回收率", origin="X", derived="returned_count / sent_count")
    year_coverage = percent("全年顾客覆盖率", derived=(
        "customers with a questionnaire sent in the calendar year / active customers"))
    closed_at = moment("结束时间", origin="X")
    items = lines(Item, "调查项目与权重")
    targets = lines(Target, "目标顾客清单")

    def derive(self, act):
        self.sample_size = len(self.targets)
        for item in self.items:
            if item.weight is None and item.item in WEIGHED:
                item.weight = act.parameter(f"survey_weight_{item.item}")
        forms = forms_of(self, act)
        self.sent_count = sum(form.sent_at is not None for form in forms)
        self.returned_count = sum(form.returned_at is not None for form in forms)
        sent = self.sent_count
        self.return_rate = rounded(Decimal(self.returned_count) / sent, 6) if sent else None
        if self.quarter:
            term = Period.parse(self.quarter)
            days = act.parameter("survey_approval_day", at=act.start_of(term.day(1)))
            self.approve_due_on = term.day(1) + timedelta(days=days - 1)
            self.issue_due_on = term.last_day
            self.year_coverage = self._coverage(act, Period(term.year, 1, 12), forms)

    def _coverage(self, act, year, forms):
        """Of the active customers, the share asked within the year, by these forms or other plans'."""
        customer, form = self.types["customer"].model, self.types["satisfaction_questionnaire"].model
        start, end = act.start_of(year.day(1)), act.start_of(year.following().day(1))
        asked = customer.id.in_(sa.select(form.customer_id).where(
            form.sent_at >= start, form.sent_at < end, form.state != "void"))
        here = {one.customer_id for one in forms if one.sent_at and start <= one.sent_at < end}
        active, reached = act.session.execute(sa.select(
            sa.func.count(), sa.func.count().filter(sa.or_(asked, customer.id.in_(here))),
        ).where(customer.state == "active")).one()
        return rounded(Decimal(reached) / active, 6) if active else None

    def check(self, act):
        for kind in ("region", "industry"):
            if self.scope_kind == kind and not getattr(self, kind):
                yield kind, Text("请填写调查的区域或行业", "Name the region or industry that is surveyed")
        if self.starts_on and self.due_on and self.starts_on > self.due_on:
            yield "due_on", Text("回收截止日不能早于开始日期", "The forms cannot be due before the start")
        if self.quarter and self.starts_on:
            term = Period.parse(self.quarter)
            if not term.day(1) <= self.starts_on <= term.last_day:
                yield "starts_on", Text("开始日期须在所选季度内", "The start must lie in the quarter")
        if self.target_return_rate is not None and not 0 <= self.target_return_rate <= 1:
            yield "target_return_rate", Text(
                "回收率目标应在 0 到 1 之间，如 0.8", "A rate lies between 0 and 1, such as 0.8")
        seen = set()
        for n, target in enumerate(self.targets):
            if target.customer_id in seen:
                yield f"targets-{n}-customer", Text(
                    "同一顾客只能列一行，请删除重复的行", "A customer appears once: remove the repeated row")
            seen.add(target.customer_id)
        if self.state in ("approved", "collecting") and act.move is None:
            yield from ((name, UNDER_APPROVAL) for name in APPROVED if is_changed(self, name))

    spec = RecordType(
        code="SVP", zh="满意度调查方案(计划)", en="Satisfaction survey plan", source="000 §5.2.4.1; 001 §4.3, §5.4.3",
        series=Series("SVP-{yyyy}-Q{q}-{n:02}"), title="title",
        list=("number", "title", "quarter", "scope_kind", "sent_count", "returned_count", "return_rate",
              "due_on", "state"),
        search=("number", "title", "region", "industry"),
        filters=("state", "quarter", "scope_kind", "due_on"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"),
                   ("collecting", "已发出(回收中)"), ("closed", "已结束"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="in_approval", by=SURVEYORS, opens_round=True,
                     requires=("title", "quarter", "scope_kind", "survey_methods", "scoring_scale",
                               "starts_on", "due_on", "items", "targets"),
                     when=(WEIGHTS_ARE_WHOLE,)),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                     stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                     signs=True),
                Move("issue", "发出", source=("approved",), to="collecting", by=SURVEYORS,
                     stamps=("issued_at",), then=prepare_forms),
                Move("close", "结束", source=("collecting",), to="closed", by=SURVEYORS, stamps=("closed_at",),
                     when=(ALL_FORMS_ENDED,), then=score_round),
                Move("cancel", "取消", source=("draft", "approved"), to="cancelled", by=SURVEYORS,
                     comment=True),
            ),
            approval=(Step("management_representative"),)),
        deadlines=(
            Deadline("quarterly_survey", "approve_due_on", met_by="approved_at", id="SLA-11",
                     tell=("quality_manager", "management_representative")),
            Deadline("quarterly_issue", "issue_due_on", met_by="issued_at", id="SLA-11",
                     tell=("quality_manager", "management_representative")),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "CEVX", "quality_manager": "CEVX", "sales": "V",
            "sales_lead": "V", "management_representative": "AV", "general_manager": "V", "deputy_gm": "V",
        },
        rules=(
            "BR-25 nothing is issued before the management representative has approved the form or plan",
            "SLA-11 at least one approved plan per quarter; alert on day 60 of a quarter without one",
            "SLA-12 every active customer has at least one questionnaire sent per calendar year; the "
            "year-end job lists those without (the deadline itself sits on customer)",
            "item weights sum to exactly 1",
            "region filled if scope_kind is region; industry filled if scope_kind is industry",
            "a customer appears once in targets",
            "starts_on is not later than due_on and lies in quarter",
            "the quality head organises the survey (001 §4.2); the customer service department may plan and "
            "run a round too (004 §5.6), under the same approval",
        ),
    )
