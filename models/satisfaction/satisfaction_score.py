"""顾客满意度评分(评价表)."""

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, percent, period,
)
from models.choices import SURVEY_ITEMS
from models.spec import SYSTEM, Move, RecordType, Series, Workflow, states


class Item(Line, of="satisfaction_score"):
    """分项得分."""

    item = choice("项目", SURVEY_ITEMS, required=True)
    weight = decimal("权重", required=True, origin="P")
    answered_count = integer("答题数", origin="P", derived="answers with points")
    points = decimal("得分合计", origin="P", derived="sum of answers.points")
    max_points = decimal("满分合计", origin="P", derived="sum of answers.max_points over answered lines")
    item_score = decimal("项目得分", origin="P", derived="points / max_points * 100")
    weighted_score = decimal("加权分", origin="P", derived="item_score * weight, unrounded")


class SatisfactionScore(Record):
    """The system works out the satisfaction score of a survey round, a customer or a dealer from the
    returned forms and other evidence, and the quality manager confirms it."""

    subject = choice("评价对象", ("round", "本轮调查", "Survey round"), ("customer", "顾客"), ("dealer", "服务商"),
        required=True, origin="X")
    satisfaction_survey_plan_id = link("satisfaction_survey_plan", "调查方案")
    customer_id = link("customer", "顾客", origin="X")
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    period = period("月份", origin="X")
    scoring_standard_id = link("controlled_document", "顾客满意度评分标准")
    sent_count = integer("发放数", origin="P", derived="questionnaires sent for the subject")
    returned_count = integer("回收数", origin="P", derived="questionnaires returned for the subject")
    valid_count = integer("有效表数", origin="P", derived="questionnaires of the subject in state scored")
    survey_score = decimal("调查表得分",
        derived="sum of items.weighted_score, weights renormalised over items with answers")
    product_quality_score = decimal("实物质量得分")
    service_record_score = decimal("现场服务记录得分",
        derived="mean of the level scores of field_service_record in the subject's period")
    other_situation = longtext("其它情况")
    survey_weight = percent("调查表权重", required=True, origin="X", default=100)
    product_quality_weight = percent("实物质量权重", required=True, origin="X", default=0)
    service_record_weight = percent("现场服务权重", required=True, origin="X", default=0)
    score = decimal("满意度得分", origin="P",
        derived=(
        "(survey_score * survey_weight + product_quality_score * product_quality_weight + "
        "service_record_score * service_record_weight) / 100, two decimals half up, rounded "
        "once at the end"))
    satisfaction_rate = percent("满意率", origin="P",
        derived="(very_satisfied + satisfied on the overall question) / valid_count")
    rank = integer("排名", origin="P",
        derived="place by score among the same subject kind and round or period")
    # SET_BY confirm
    confirmed_at = moment("确认时间", origin="X")
    items = lines(Item, "分项得分")

    spec = RecordType(
        code="SSC", zh="顾客满意度评分(评价表)", en="Satisfaction score sheet", source="000 §5.2.4.2, §6",
        series=Series("SSC-{yyyy}{mm}-{n:04}"),
        list=("number", "subject", "satisfaction_survey_plan", "customer", "dealer", "period", "score",
              "satisfaction_rate", "state"),
        search=("number", "other_situation"),
        filters=("state", "subject", "satisfaction_survey_plan", "dealer", "period"),
        retention_years=3,
        workflow=Workflow(
            states(("computed", "已计算"), ("confirmed", "已确认")),
            moves=(
                Move("recompute", "重新计算", source=("computed",), to="computed",
                    by=(SYSTEM, "quality_engineer", "quality_manager")),
                Move("confirm", "确认", source=("computed",), to="confirmed", by=("quality_manager",),
                    requires=("items",), stamps=("confirmed_at",)),
            ),
        ),
        access={
            "customer_service": "V", "quality_engineer": "EVX", "quality_manager": "AVX",
            "management_representative": "V", "general_manager": "V", "deputy_gm": "V",
        },
        rules=(
            "recomputed whenever a questionnaire of the subject changes, until confirmed; frozen "
            "afterwards",
            "survey_weight + product_quality_weight + service_record_weight = 100",
            "only scored (valid) questionnaires count; items without answers are left out and the "
            "weights renormalised",
            "worked example: item points 316, 262, 226, 284, 292 of 320 with weights .4 .2 .2 .1 .1 "
            "give 88.00 (not 88.02: no rounding of contributions)",
            "worked example: ten forms, three-level scale, items 76 86 56 78 82 with weights .4 .3 .1 "
            ".1 .1 give 77.80",
            "subject round needs satisfaction_survey_plan; customer needs customer; dealer needs dealer "
            "and period",
            "one sheet per subject and round, or per dealer and period",
        ),
    )
