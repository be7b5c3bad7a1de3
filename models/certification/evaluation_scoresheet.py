"""评价评分表."""

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, person, text,
    yes_no,
)
from models.spec import Move, RecordType, Series, Workflow, states


class Indicator(Line, of="evaluation_scoresheet"):
    """指标评分."""

    indicator_group = choice("一级指标", ("service_system", "售后服务体系", "After-sale service system"),
        ("product_service", "商品服务"), ("customer_service", "顾客服务"), required=True)
    indicator = choice("二级指标", ("organisation_structure", "组织架构"), ("staffing", "人员配置"),
        ("resources", "资源配置"), ("requirements", "规范要求", "Documented requirements"),
        ("supervision", "监督"), ("improvement", "改进"), ("service_culture", "服务文化"),
        ("product_information", "商品信息"), ("technical_support", "技术支持"), ("distribution", "配送"),
        ("repair", "维修"), ("quality_assurance", "质量保证"),
        ("waste_recovery", "废弃品回收", "Recovery of discarded products"), ("customer_relations", "顾客关系"),
        ("complaint_handling", "投诉处理"), required=True)
    # NOTE loaded from the configuration table taken from the bought standard
    full_points = decimal("指标分值", required=True, origin="P")
    is_deleted = yes_no("删减", origin="P", default=False)
    deletion_reason = text("删减理由", origin="P")
    sample_count = integer("抽样数", origin="P")
    failed_count = integer("不符合数", origin="P")
    actual_points = decimal("实得分")
    evidence = longtext("评价证据")
    evaluator_id = person("评价员")


class SpecialItem(Line, of="evaluation_scoresheet"):
    """特别扣分与加分."""

    kind = choice("类别", ("deduction", "特别扣分", "Special deduction"), ("bonus", "特别加分", "Special bonus"),
        required=True, origin="P")
    description = longtext("事实", required=True, origin="P")
    nonconformity_report_id = link("nonconformity_report", "不符合报告", origin="X")


class EvaluationScoresheet(Record):
    """Filled in by the evaluators for the three groups and fifteen indicators of GB/T 27922-2011, so
    that score and level come out by calculation."""

    evaluation_plan_id = link("evaluation_plan", "评价计划", required=True)
    evaluated_on = day("评价日期", required=True, origin="P")
    handler_id = person("评价组长", required=True)
    service_system_points = decimal("售后服务体系得分",
        derived="sum of actual_points of group service_system; group total 40")
    product_service_points = decimal("商品服务得分",
        derived="sum of actual_points of group product_service; group total 35")
    customer_service_points = decimal("顾客服务得分",
        derived="sum of actual_points of group customer_service; group total 25")
    applicable_points = decimal("适用总分", origin="X",
        derived="sum of full_points over indicators that are not deleted")
    base_score = decimal("基本得分", origin="X",
        derived="(sum of the three group points) / applicable_points x 100, unrounded")
    special_deduction_count = integer("特别扣分项数", origin="P",
        derived="special_items lines of kind deduction")
    special_bonus_count = integer("特别加分项数", origin="P",
        derived="special_items lines of kind bonus, at most 1 counted")
    score = decimal("最终得分",
        derived=(
        "base_score - special_deduction_count + min(special_bonus_count, 1), rounded half up "
        "to 2 decimals"))
    level = choice("评价级别", ("failed", "不合格"), ("qualified", "达标级"),
        ("three_star", "三星级", "Three stars"), ("four_star", "四星级", "Four stars"),
        ("five_star", "五星级", "Five stars"),
        derived=(
        "failed when score < 70 or special_deduction_count >= 5; else by 70 / 80 / 90 / 95, "
        "lower bounds inclusive"))
    open_major_count = integer("未关闭严重不符合", origin="X",
        derived=(
        "nonconformity_report rows of the plan with severity major that are neither verified "
        "nor closed"))
    certificate_decision = choice("认证决定", ("grant", "授予"), ("withhold", "暂不授予"), ("refuse", "不授予"))
    certificate_no = text("证书编号", origin="P")
    # NOTE three years from the decision
    valid_until_on = day("证书有效期至", origin="P")
    # SET_BY conclude
    decided_at = moment("决定时间", origin="X")
    conclusion = longtext("评价结论", origin="P")
    indicators = lines(Indicator, "指标评分")
    special_items = lines(SpecialItem, "特别扣分与加分")

    spec = RecordType(
        code="ESC", zh="评价评分表", en="Evaluation score sheet", source="002 现场评价 评价内容, 评价实施 c), 不符合; 002 list of 15 indicators",
        series=Series("ESC-{yyyy}-{n:03}"),
        list=("number", "evaluation_plan", "evaluated_on", "score", "level", "special_deduction_count",
              "open_major_count", "certificate_decision", "state"),
        search=("number", "certificate_no", "conclusion"),
        filters=("state", "evaluation_plan", "level", "certificate_decision", "evaluated_on"),
        links_in=("evaluation_plan",),
        workflow=Workflow(
            states(("open", "评分中"), ("scored", "已评分"), ("consolidated", "已汇总"), ("concluded", "已结论")),
            moves=(
                # WHEN all fifteen indicators are present, each with points and evidence or deleted with a reason
                Move("finish_scoring", "完成评分", source=("open",), to="scored", by=("evaluator",),
                    requires=("indicators", "evaluated_on")),
                Move("reopen", "退回评分", source=("scored", "consolidated"), to="open", by=("evaluator",),
                    comment=True),
                # WHEN done by the team leader of the plan
                Move("consolidate", "组长汇总", source=("scored",), to="consolidated", by=("evaluator",),
                    requires=("handler",)),
                # WHEN decision grant needs level other than failed, open_major_count 0 and a certificate_no
                Move("conclude", "作出结论", source=("consolidated",), to="concluded", by=("evaluator",),
                    requires=("certificate_decision", "conclusion"), stamps=("decided_at",)),
            ),
        ),
        access={
            "quality_manager": "V", "deputy_gm": "V", "management_representative": "V",
            "general_manager": "V", "evaluator": "CEVX",
        },
        rules=(
            "BR-17 the certificate cannot be granted while any major nonconformity of the plan is not "
            "verified effective on site",
            "the full points of the groups in the configuration add up to 40, 35 and 25; a sheet is "
            "refused when they do not",
            "each of the fifteen indicators appears exactly once and in its own group (7, 6 and 2)",
            "0 <= actual_points <= full_points; a deleted indicator has no points and needs a reason",
            "score and level are computed and never typed",
            "score = actual / applicable x 100 - special deductions + at most one bonus: 88 of 97 with "
            "2 deductions and 1 bonus gives 89.72, three stars",
            "five or more special deductions fail whatever the score: base 99.00 with 5 gives 94.00 and "
            "failed",
            "bounds are inclusive: 70.00 qualified, 69.99 failed, 95.00 five stars",
            "every special deduction has a nonconformity_report to be rectified",
            "an evaluator scores only the indicators of the own task; consolidation is by the team "
            "leader",
            "a concluded sheet cannot be edited",
        ),
    )
