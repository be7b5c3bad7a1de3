"""顾客满意度调查表."""

from datetime import timedelta
from decimal import Decimal

from models.base import (
    Line,
    Record,
    choice,
    day,
    decimal,
    lines,
    link,
    longtext,
    moment,
    period,
    person,
    phone,
    rounded,
    signature,
    text,
    yes_no,
)
from models.choices import SATISFACTION_LEVELS, SURVEY_ITEMS, SURVEY_METHODS
from models.conditions import is_false, is_true, linked, saying
from models.spec import SYSTEM, Condition, Deadline, Move, Period, RecordType, Series, Text, Workflow, states

COLLECTORS = ("quality_engineer", "customer_service", "technician", "sales", "sales_lead")
THREE_LEVELS = ("very_satisfied", "satisfied", "dissatisfied")


def count_as_sent(form, act) -> None:
    """The plan counts it, and the customer has been asked this year."""
    form.sent_at = act.now
    act.touch(act.get("satisfaction_survey_plan", form.satisfaction_survey_plan_id))
    act.touch(act.get("customer", form.customer_id))


def count_as_returned(form, act) -> None:
    form.returned_at = act.now
    act.touch(act.get("satisfaction_survey_plan", form.satisfaction_survey_plan_id))


def count_in_score(form, act) -> None:
    """A score that was compiled while the round runs counts this form too."""
    form.state = act.move.to
    for sheet in act.find("satisfaction_score", satisfaction_survey_plan_id=form.satisfaction_survey_plan_id):
        if sheet.state == "computed":
            act.touch(sheet)


PLAN_IS_OPEN = saying(
    linked("satisfaction_survey_plan", "collecting"),
    "调查方案经管理者代表批准并发出后，才能发出调查表",
    "Send it once its plan is approved by the management representative and issued")
PLAN_NOT_CLOSED = Condition(
    lambda form, act: form.satisfaction_survey_plan.state not in ("closed", "cancelled", "void"),
    Text("本轮调查已结束，不能再登记", "The survey round is over: nothing more can be entered"))
IS_VALID = saying(is_true("is_valid"), "答题不足半数，此表无效，不能评分",
                  "Fewer than half of the items are answered: the form is invalid and cannot be scored")
IS_INVALID = saying(is_false("is_valid"), "答题达到半数，此表有效，请评分",
                    "At least half of the items are answered: the form is valid, score it")
CHASED_IN_VAIN = Condition(
    lambda form, act: bool(form.chased_at and form.due_at and form.due_at < act.now),
    Text("须已过回收期限并已填写催收时间", "Its due time must have passed and the time of chasing be entered"))


class Answer(Line, of="satisfaction_questionnaire"):
    """What the customer thinks of one item."""

    item = choice("项目", SURVEY_ITEMS, required=True)
    question = text("问题", origin="P")
    satisfaction_level = choice("评价", SATISFACTION_LEVELS, origin="P")
    points = decimal("得分", origin="P", help=(
        "按评价自动计分；十分制时直接填写", "From the level; entered on a ten-point form"))
    max_points = decimal("满分", required=True, origin="P", default=100)
    weight = decimal("权重", required=True, origin="X", help=(
        "发出时自方案带入", "Copied from the plan when it is issued"))
    comment = text("意见", origin="P")


class SatisfactionQuestionnaire(Record):
    """One customer's answers on quality, delivery, service and price, on paper or taken down by the surveyor,
    scored for the survey round and the dealer."""

    satisfaction_survey_plan_id = link("satisfaction_survey_plan", "调查方案", required=True,
                                       group=("调查", "The survey"))
    customer_id = link("customer", "顾客", required=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X", help=(
        "为该顾客服务的服务商，计入其月度考核", "The dealer that served this customer; feeds the monthly grade"))
    method = choice("调查方式", SURVEY_METHODS, required=True)
    surveyor_id = person("调查人员", required=True)
    contact_person = text("填表人", origin="P", private=True, group=("填表人", "Who answers"))
    position = text("填表人职务", origin="P")
    phone = phone("联系电话", origin="P", private=True)
    sent_at = moment("发出时间", group=("发出与收回", "Out and back"))
    due_at = moment("回收期限", origin="X",
                    derived="sent_at + 30 d (parameter), not later than the plan's due_on")
    chased_at = moment("催收时间", origin="P")
    answered_on = day("填表日期", origin="P")
    returned_at = moment("收回时间")
    period = period("统计月份", origin="X", derived="month of returned_at")
    satisfaction_level = choice("总体满意程度", SATISFACTION_LEVELS, origin="P",
                                group=("顾客的意见", "What the customer says"))
    most_dissatisfied_aspect = longtext("最不满意的方面")
    competitor_name = text("比较的竞争对手", origin="P")
    competitor_gap = longtext("与竞争对手比较的差距")
    suggestion = longtext("意见建议", origin="P")
    signed_by = signature("顾客签字盖章", origin="P", help=(
        "填写纸质表上签字人的姓名", "The name of whoever signed the paper form"))
    is_valid = yes_no("有效", origin="X", derived="at least 50 % of the answers lines are answered",
                      group=("评分", "Score"))
    score = decimal("得分", origin="X", derived=(
        "sum over answered lines of item percent * weight / sum of their weights, two decimals half up"))
    answers = lines(Answer, "评价项目")

    def derive(self, act):
        plan = act.get("satisfaction_survey_plan", self.satisfaction_survey_plan_id)
        self.due_at = None
        if self.sent_at:
            days = act.parameter("questionnaire_return_days", at=self.sent_at)
            self.due_at = self.sent_at + timedelta(days=days)
            if plan and plan.due_on:
                self.due_at = min(self.due_at, act.end_of(plan.due_on))
        self.period = self.returned_at and str(Period.of(act.local(self.returned_at).date()))
        if plan is not None and plan.scoring_scale != "ten_point":
            self._give_points(act, plan.scoring_scale)
        self._score(act)

    def _give_points(self, act, scale):
        for answer in self.answers:
            level = answer.satisfaction_level
            if level and answer.max_points is not None and (scale == "five_level" or level in THREE_LEVELS):
                of_hundred = act.parameter(f"{scale}_{level}", at=self.returned_at)
                answer.points = Decimal(of_hundred) * answer.max_points / 100

    def _score(self, act):
        """Not rounded before the end; items without an answer leave the total."""
        if self.returned_at is None:
            self.is_valid = self.score = None
            return
        answered = [row for row in self.answers
                    if row.points is not None and row.max_points and row.weight is not None]
        share = act.parameter("valid_answer_share", at=self.returned_at)
        self.is_valid = bool(answered) and len(answered) >= share * len(self.answers)
        weights = sum((row.weight for row in answered), Decimal(0))
        total = sum((Decimal(row.points) / row.max_points * 100 * row.weight for row in answered), Decimal(0))
        self.score = rounded(total / weights) if weights else None

    def check(self, act):
        plan = act.get("satisfaction_survey_plan", self.satisfaction_survey_plan_id)
        scale = plan and plan.scoring_scale
        for n, answer in enumerate(self.answers):
            if None not in (answer.points, answer.max_points) and answer.points > answer.max_points:
                yield f"answers-{n}-points", Text("得分不能高于满分", "No more points than the maximum")
            if scale == "three_level" and answer.satisfaction_level not in (None, *THREE_LEVELS):
                yield f"answers-{n}-satisfaction_level", Text(
                    "三级制只用“很满意”“满意”“不满意”，请重选",
                    "The three-level scale has very satisfied, satisfied and dissatisfied: choose again")
            if scale == "ten_point" and answer.satisfaction_level and answer.points is None:
                yield f"answers-{n}-points", Text("十分制调查表请填写得分", "Enter the points on a ten-point form")

    spec = RecordType(
        code="CSQ", zh="顾客满意度调查表", en="Customer satisfaction questionnaire",
        source="000 §5.2.4.1, §5.2.4.2, §7; 001 §5.4.3; 004 §5.6",
        series=Series("CSQ-{yyyy}{mm}-{n:04}"), unique=(("satisfaction_survey_plan", "dealer", "customer"),),
        list=("number", "satisfaction_survey_plan", "customer", "dealer", "method", "sent_at", "returned_at",
              "score", "state"),
        search=("number", "most_dissatisfied_aspect", "competitor_gap", "suggestion"),
        filters=("state", "satisfaction_survey_plan", "dealer", "method", "period", "satisfaction_level"),
        links_in=("satisfaction_survey_plan",), retention_years=3,
        workflow=Workflow(
            states(("prepared", "待发出"), ("sent", "已发出"), ("returned", "已收回"), ("scored", "已评分"),
                   ("invalid", "无效"), ("expired", "逾期未回")),
            moves=(
                Move("send", "发出", source=("prepared",), to="sent", by=COLLECTORS,
                     requires=("customer", "method", "surveyor"), stamps=("sent_at",), when=(PLAN_IS_OPEN,),
                     then=count_as_sent),
                Move("record_return", "收回登记", "Record answers", source=("sent", "expired"), to="returned",
                     by=COLLECTORS, requires=("answers", "answered_on", "contact_person", "method"),
                     stamps=("returned_at",), when=(PLAN_NOT_CLOSED,), then=count_as_returned),
                Move("score", "评分", source=("returned",), to="scored", by=(SYSTEM, "quality_engineer"),
                     when=(IS_VALID,), then=count_in_score),
                Move("invalidate", "判为无效", "Mark invalid", source=("returned",), to="invalid",
                     by=("quality_engineer",), comment=True, when=(IS_INVALID,)),
                Move("expire", "逾期未回", source=("sent",), to="expired", by=(SYSTEM, "quality_engineer"),
                     when=(CHASED_IN_VAIN,)),
            )),
        deadlines=(
            Deadline("return", "questionnaire_return_days", starts="sent_at", met_by="returned_at",
                     tell=("owner", "quality_engineer"), id="X-CSQ-RETURN", holder="surveyor", during=("sent",),
                     escalates=False),
        ),
        access={
            "customer_service": "EV", "technician": "EV", "quality_engineer": "CEVX", "quality_manager": "V",
            "sales": "EV", "sales_lead": "EV", "management_representative": "V", "general_manager": "V",
        },
        rules=(
            "BR-25 cannot be sent before its plan is approved and issued",
            "answers given by phone or on a visit are written on this form too (001 §5.4.3)",
            "invalid when fewer than 50 % of the items are answered",
            "one questionnaire per plan and customer (per plan, customer and dealer where a dealer is "
            "surveyed)",
            "weights are a copy of the plan's; changing the plan later does not change a scored form",
            "SLA-12 sent_at in the calendar year counts for the customer's yearly coverage",
            "an answer of dissatisfied or very_dissatisfied, or a competitor_gap, appears in the "
            "satisfaction_report of the round",
        ),
    )
