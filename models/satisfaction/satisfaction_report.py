"""顾客满意度分析(调查)报告."""

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, percent, quarter,
    text, unit,
)
from models.choices import SURVEY_ITEMS
from models.spec import Move, RecordType, Series, Workflow, states


class Item(Line, of="satisfaction_report"):
    """分项得分."""

    item = choice("项目", SURVEY_ITEMS, required=True, origin="P")
    item_score = decimal("本期得分", required=True, origin="P")
    previous_item_score = decimal("上期得分", origin="P")
    comment = text("分析", origin="P")


class Improvement(Line, of="satisfaction_report"):
    """需改善项目."""

    aspect = text("项目", required=True)
    kind = choice("类别", ("dissatisfied", "顾客不满意", "Customers dissatisfied"),
        ("competitor_gap", "与竞争对手有差距", "Gap to competitor"), ("below_last", "低于上期", "Below last round"),
        required=True)
    measure = text("整改措施")
    responsible_unit = unit("责任部门", required=True)
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    due_on = day("完成期限", origin="P")
    tracking_result = text("追踪结果")


class SatisfactionReport(Record):
    """The quality department analyses a survey round in writing for the general manager, starts
    improvement of every weak item, and hands the report to the management review."""

    title = text("报告名称", required=True, origin="P")
    satisfaction_survey_plan_id = link("satisfaction_survey_plan", "调查方案", required=True)
    satisfaction_score_id = link("satisfaction_score", "满意度评分")
    quarter = quarter("季度", required=True, origin="X", derived="satisfaction_survey_plan.quarter")
    sent_count = integer("发放数", origin="P", derived="from the plan")
    returned_count = integer("回收数", origin="P", derived="from the plan")
    return_rate = percent("回收率", origin="P", derived="returned_count / sent_count")
    score = decimal("总体满意度", derived="satisfaction_score.score")
    previous_score = decimal("上期满意度", origin="P", derived="score of the latest earlier report")
    satisfaction_rate = percent("满意率", origin="P",
        derived="satisfaction_score.satisfaction_rate; target 100 %")
    product_quality_situation = longtext("公司实物质量状况")
    service_record_situation = longtext("现场服务记录情况")
    most_dissatisfied_aspect = longtext("顾客最不满意的方面")
    competitor_gap = longtext("与竞争对手比较的差距")
    conclusion = longtext("结论", origin="P")
    # SET_BY review
    submitted_at = moment("报总经理时间")
    # SET_BY receive
    gm_received_at = moment("总经理签收时间", origin="X")
    gm_opinion = longtext("总经理意见", origin="P")
    management_review_input_id = link("management_review_input", "管理评审输入")
    tracking_summary = longtext("措施执行追踪结果")
    # SET_BY close
    tracking_reported_at = moment("追踪结果汇报时间")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    items = lines(Item, "分项得分")
    improvements = lines(Improvement, "需改善项目")

    spec = RecordType(
        code="SRP", zh="顾客满意度分析(调查)报告", en="Satisfaction analysis report", source="000 §5.2.4.2-§5.2.4.5; 001 §5.4.4",
        series=Series("SRP-{yyyy}{mm}-{n:04}"),
        title="title",
        list=("number", "title", "quarter", "score", "previous_score", "satisfaction_rate",
              "submitted_at", "state"),
        search=("number", "title", "most_dissatisfied_aspect", "competitor_gap"),
        filters=("state", "quarter", "satisfaction_survey_plan"),
        links_in=("satisfaction_survey_plan", "satisfaction_score"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "待审核"), ("with_gm", "已报总经理", "With general manager"),
                ("improving", "整改追踪中"), ("in_management_review", "已提交管理评审"), ("closed", "已关闭")),
            moves=(
                # WHEN the satisfaction_score is confirmed
                Move("submit", "提交审核", source=("draft",), to="submitted",
                    by=("quality_engineer", "quality_manager"),
                    requires=("satisfaction_survey_plan", "satisfaction_score", "product_quality_situation", "service_record_situation", "most_dissatisfied_aspect", "competitor_gap", "conclusion", "items")),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_manager",),
                    comment=True),
                # WHEN reviewer is not the author
                Move("review", "审核并报总经理", "Review and report", source=("submitted",), to="with_gm",
                    by=("quality_manager",), stamps=("submitted_at",)),
                Move("receive", "总经理签收", "General manager receives", source=("with_gm",),
                    to="improving", by=("general_manager",), stamps=("gm_received_at",)),
                # WHEN every improvements line has a corrective_action
                Move("present", "提交管理评审", "Hand to management review", source=("improving",),
                    to="in_management_review", by=("quality_engineer", "quality_manager"),
                    requires=("management_review_input",)),
                # WHEN every improvements line has a tracking_result
                # THEN the general manager is notified of the tracking result
                Move("close", "关闭", source=("in_management_review",), to="closed",
                    by=("quality_manager",), requires=("tracking_summary",),
                    stamps=("tracking_reported_at", "closed_at")),
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
