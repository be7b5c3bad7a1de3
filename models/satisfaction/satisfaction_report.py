"""顾客满意度分析(调查)报告."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, percent, quarter,
    rounded, text, unit,
)
from models.choices import SURVEY_ITEMS
from models.conditions import actor_did_not, actor_is_not_creator, every_line, linked, saying
from models.spec import (
    APPROVER, DRAFTER, SYSTEM, VOID, Chart, ChartKind, Condition, Move, RecordType, Series, Text, Workflow, states,
)


def begin_actions(report, act) -> None:
    """Every weak item becomes a corrective action of the responsible unit."""
    for row in report.improvements:
        if row.corrective_action_id is None:
            action = act.new(
                "corrective_action", source_type=report.spec.name, source_number=report.number,
                problem=row.aspect, responsible_unit=row.responsible_unit, corrective_measure=row.measure)
            row.corrective_action_id = action.id


def unexplained(report):
    """Items below the last round that are neither commented nor to be improved."""
    improved = [row.aspect for row in report.improvements if row.kind == "below_last"]
    return [row for row in report.items if row.previous_item_score is not None
            and row.item_score < row.previous_item_score and not row.comment
            and not any(label in aspect for aspect in improved for label in _called(row))]


def _called(row):
    return Item.fields["item"].choice_label(row.item)


def scored_forms(report, act) -> list:
    found = act.find("satisfaction_questionnaire", satisfaction_survey_plan_id=report.satisfaction_survey_plan_id)
    return sorted((form for form in found if form.state == "scored"), key=lambda form: form.id)


def unlisted(report, act) -> list[str]:
    """Items with which a customer is dissatisfied, and gaps to a competitor, that nobody is to improve."""
    forms = scored_forms(report, act)
    weak = {answer.item for form in forms for answer in form.answers if answer.satisfaction_level in DISSATISFIED}
    missing = [label.zh for item, label in SURVEY_ITEMS if item in weak and not any(
        word in row.aspect for row in report.improvements for word in label)]
    has_gap = any(form.competitor_gap for form in forms)
    is_listed = any(row.kind == "competitor_gap" for row in report.improvements)
    return [*missing, *(["与竞争对手有差距"] if has_gap and not is_listed else [])]


def is_in_review(report, act) -> bool:
    review = act.get("management_review_input", report.management_review_input_id)
    return review is None or any(row.satisfaction_report_id == report.id for row in review.inputs)


DISSATISFIED = ("dissatisfied", "very_dissatisfied")
DISSATISFACTION_LISTED = Condition(
    lambda report, act: not unlisted(report, act),
    Text("顾客不满意的项目和与竞争对手的差距，均须列入需改善项目（项目名称须写明）",
         "List every item that dissatisfies a customer, by its name, and the gap to competitors as improvements"))
IN_REVIEW = Condition(is_in_review, Text(
    "所选管理评审输入未列入本报告，请先在其输入清单中列入", "This management review does not list the report: enter it there first"))
WEAK_ITEMS_EXPLAINED = Condition(
    lambda report, act: not unexplained(report),
    Text("低于上期的项目须填写分析，或列入需改善项目（类别“低于上期”）",
         "Comment on each item below the last round, or list it as an improvement of that kind"))
SCORE_CONFIRMED = saying(
    linked("satisfaction_score", "confirmed"), "满意度评分须先经质量负责人确认", "The quality manager has to confirm the score first")


class Item(Line, of="satisfaction_report"):
    """An item's score, beside that of the last round."""

    item = choice("项目", SURVEY_ITEMS, required=True, origin="P")
    item_score = decimal("本期得分", required=True, origin="P")
    previous_item_score = decimal("上期得分", origin="P")
    comment = text("分析", origin="P")


class Improvement(Line, of="satisfaction_report"):
    """A weak item and what is done about it."""

    aspect = text("项目", required=True)
    kind = choice("类别", ("dissatisfied", "顾客不满意", "Customers dissatisfied"),
        ("competitor_gap", "与竞争对手有差距", "Gap to competitor"), ("below_last", "低于上期", "Below last round"),
        required=True)
    measure = text("整改措施")
    responsible_unit = unit("责任部门", required=True)
    corrective_action_id = link("corrective_action", "纠正和预防措施", help=(
        "不填时总经理签收后自动建立", "Made when the general manager receives the report, if left empty"))
    due_on = day("完成期限", origin="P")
    tracking_result = text("追踪结果")


class SatisfactionReport(Record):
    """The quality department analyses a survey round in writing for the general manager, starts
    improvement of every weak item, and hands the report to the management review."""

    title = text("报告名称", required=True, origin="P", group=("报告", "Report"))
    satisfaction_survey_plan_id = link("satisfaction_survey_plan", "调查方案", required=True, unique=True)
    satisfaction_score_id = link("satisfaction_score", "满意度评分")
    quarter = quarter("季度", origin="X", derived="satisfaction_survey_plan.quarter")
    sent_count = integer("发放数", origin="P", derived="from the plan")
    returned_count = integer("回收数", origin="P", derived="from the plan")
    return_rate = percent("回收率", origin="P", derived="returned_count / sent_count")
    score = decimal("总体满意度", derived="satisfaction_score.score")
    previous_score = decimal("上期满意度", origin="P", derived="score of the latest earlier report")
    satisfaction_rate = percent("满意率", origin="P",
        derived="satisfaction_score.satisfaction_rate; target 100 %")
    product_quality_situation = longtext("公司实物质量状况", group=("分析", "Analysis"))
    service_record_situation = longtext("现场服务记录情况")
    most_dissatisfied_aspect = longtext("顾客最不满意的方面")
    competitor_gap = longtext("与竞争对手比较的差距")
    conclusion = longtext("结论", origin="P")
    submitted_at = moment("报总经理时间", group=("办理", "Progress"))
    gm_received_at = moment("总经理签收时间", origin="X")
    gm_opinion = longtext("总经理意见", origin="P")
    management_review_input_id = link("management_review_input", "管理评审输入")
    tracking_summary = longtext("措施执行追踪结果")
    tracking_reported_at = moment("追踪结果汇报时间")
    closed_at = moment("关闭时间", origin="X")
    items = lines(Item, "分项得分")
    improvements = lines(Improvement, "需改善项目")

    def derive(self, act):
        plan = act.get("satisfaction_survey_plan", self.satisfaction_survey_plan_id)
        score = act.get("satisfaction_score", self.satisfaction_score_id)
        self.quarter = plan and plan.quarter
        self.sent_count, self.returned_count = (plan.sent_count, plan.returned_count) if plan else (None, None)
        self.return_rate = rounded(Decimal(self.returned_count) / self.sent_count, 6) if self.sent_count else None
        self.score, self.satisfaction_rate = (score.score, score.satisfaction_rate) if score else (None, None)
        previous = self._previous(act)
        self.previous_score = previous and previous.score

    def _previous(self, act):
        """The latest earlier report."""
        model = type(self)
        if self.quarter is None:
            return None
        return act.session.scalar(sa.select(model).where(
            model.quarter < self.quarter, model.state != "void").order_by(model.quarter.desc(), model.id.desc()).limit(1))

    def check(self, act):
        plan = act.get("satisfaction_survey_plan", self.satisfaction_survey_plan_id)
        if not act.is_history and self.id is None and plan is not None and plan.state != "closed":
            yield "satisfaction_survey_plan", Text("调查结束后方可编写报告", "The survey has to be closed before it is reported")
        score = act.get("satisfaction_score", self.satisfaction_score_id)
        if score is not None and score.satisfaction_survey_plan_id != self.satisfaction_survey_plan_id:
            yield "satisfaction_score", Text("该评分不是本次调查的", "This score is of another survey")

    def start_from(self, source, act):
        """The scores of the round beside those of the last report."""
        if source.spec.name == "satisfaction_survey_plan":
            score = next((row for row in act.find("satisfaction_score", satisfaction_survey_plan_id=source.id)
                          if row.subject == "round" and row.state != "void"), None)
        else:
            score = source
        if score is None:
            return
        self.satisfaction_survey_plan_id = score.satisfaction_survey_plan_id
        self.take_scores(score, act)

    def take_scores(self, score, act):
        """The scores of the round beside those of the last report; what people wrote on them stays. What customers
        say is gathered where nothing is written yet."""
        self.satisfaction_score_id = score.id
        self.derive(act)
        previous = self._previous(act)
        before = {row.item: row.item_score for row in previous.items} if previous else {}
        present, rows = {row.item: row for row in self.items}, []
        for scored in score.items:
            row = present.get(scored.item) or Item(item=scored.item)
            row.position, row.item_score = len(rows), rounded(scored.item_score)
            row.previous_item_score = before.get(scored.item)
            rows.append(row)
        self.items = rows
        self.title = self.title or f"{self.quarter or ''} 顾客满意度分析报告".strip()
        for name in ("most_dissatisfied_aspect", "competitor_gap"):
            said = [f"{form.number}：{getattr(form, name)}" for form in scored_forms(self, act) if getattr(form, name)]
            setattr(self, name, getattr(self, name) or "\n".join(said)[:20_000] or None)

    spec = RecordType(
        code="SRP", zh="顾客满意度分析(调查)报告", en="Satisfaction analysis report", source="000 §5.2.4.2-§5.2.4.5; 001 §5.4.4",
        series=Series("SRP-{yyyy}{mm}-{n:04}"),
        title="title",
        list=("number", "title", "quarter", "score", "previous_score", "satisfaction_rate",
              "submitted_at", "state"),
        search=("number", "title", "most_dissatisfied_aspect", "competitor_gap"),
        filters=("state", "quarter", "satisfaction_survey_plan"),
        charts=(
            Chart(ChartKind.BARS, Text("分项得分，与上期比", "Scores of the items, beside the last round"),
                  of=("item_score", "previous_item_score"), by="item", lines="items"),
            Chart(ChartKind.TREND, Text("总体满意度趋势", "Overall satisfaction over time"), of=("score",), by="quarter"),
        ),
        links_in=("satisfaction_survey_plan", "satisfaction_score"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "待审核"), ("with_gm", "已报总经理", "With general manager"),
                ("improving", "整改追踪中"), ("in_management_review", "已提交管理评审"), ("closed", "已关闭"), (VOID, "作废")),
            moves=(
                Move("submit", "提交审核", source=("draft",), to="submitted",
                    by=("quality_engineer", "quality_manager"),
                    requires=("satisfaction_survey_plan", "satisfaction_score", "product_quality_situation",
                              "service_record_situation", "most_dissatisfied_aspect", "competitor_gap", "conclusion",
                              "items"),
                    when=(SCORE_CONFIRMED, DISSATISFACTION_LISTED, WEAK_ITEMS_EXPLAINED)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_manager",),
                    comment=True),
                Move("review", "审核并报总经理", "Review and report", source=("submitted",), to="with_gm",
                    by=("quality_manager",), stamps=("submitted_at",),
                    when=(actor_is_not_creator(), actor_did_not("submit"))),
                Move("receive", "总经理签收", "General manager receives", source=("with_gm",),
                    to="improving", by=("general_manager",), stamps=("gm_received_at",), then=begin_actions),
                Move("present", "提交管理评审", "Hand to management review", source=("improving",),
                    to="in_management_review", by=("quality_engineer", "quality_manager"),
                    requires=("management_review_input",), when=(every_line("improvements", "corrective_action"), IN_REVIEW)),
                Move("close", "关闭", source=("in_management_review",), to="closed",
                    by=("quality_manager",), requires=("tracking_summary",),
                    stamps=("tracking_reported_at", "closed_at"),
                    when=(every_line("improvements", "tracking_result"),),
                    tells=("general_manager",)),
                Move(VOID, "作废", "Void", source=("draft", "submitted", "with_gm", "improving", "in_management_review"),
                    to=VOID, by=(DRAFTER, APPROVER, SYSTEM), comment=True),
            ),
        ),
        access={
            "customer_service": "V", "quality_engineer": "CEVX", "quality_manager": "CEAVX",
            "sales": "V", "sales_lead": "V", "unit": "V", "unit_lead": "V", "general_manager": "KVX",
            "management_representative": "KV", "deputy_gm": "V",
        },
        rules=(
            "BR-26 the report goes to the general manager and into a management review",
            "BR-26 every dissatisfied or competitor_gap line has a corrective_action by the responsible "
            "unit",
            "BR-26 the quality manager tracks the measures and reports the result to the general "
            "manager before closing",
            "one report per survey plan; the plan must be closed",
            "any item whose item_score is below previous_item_score gets an improvements line of kind "
            "below_last or a comment",
            "the reviewer is not the author",
        ),
    )
