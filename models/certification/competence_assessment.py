"""人员能力评价与任用意见."""

from models.base import Line, Record, choice, day, decimal, lines, link, longtext, moment, person, text
from models.spec import Move, RecordType, Series, Workflow, states


class Item(Line, of="competence_assessment"):
    """评价项目."""

    item_name = text("评价项目", required=True, origin="P")
    full_score = decimal("满分", required=True, origin="P")
    score = decimal("得分", required=True, origin="P")
    evidence = text("评价依据", origin="P")


class CompetenceAssessment(Record):
    """Written by the company office after training, to judge what an outlet's staff member can do and
    to propose the appointment."""

    person_id = person("系统用户", origin="X")
    person_name = text("姓名", required=True)
    dealer_id = link("dealer_ledger", "服务网点")
    organisation = text("所属单位", origin="P")
    position = text("评价岗位", required=True, origin="P")
    qualification_type = choice("申请资格", ("appraiser", "保修鉴定员", "Warranty appraiser"),
        ("post_certificate", "岗位资格证"), ("repair_skill", "维修技能"), ("evaluator", "评价员"), required=True,
        origin="X")
    training_record_id = link("training_record", "相关培训", origin="P")
    assessor_id = person("评价人", required=True, origin="P")
    assessed_on = day("评价日期", origin="P")
    score = decimal("总分", origin="P",
        derived="sum of score / sum of full_score over the items x 100, 2 decimals")
    assessment_result = choice("评价结果", ("competent", "胜任"), ("needs_training", "需培训"),
        ("not_competent", "不胜任"))
    assessment_comment = longtext("能力评价")
    appointment_opinion = choice("任用意见", ("appoint", "任用"), ("train_first", "培训后任用"),
        ("reassign", "调岗"), ("not_appoint", "不任用", "Do not appoint"))
    opinion_text = longtext("意见说明")
    decision = choice("任用决定", ("appoint", "任用"), ("train_first", "培训后任用"), ("reassign", "调岗"),
        ("not_appoint", "不任用", "Do not appoint"))
    effective_on = day("任用生效日期", origin="P")
    # SET_BY decide
    decided_at = moment("决定时间", origin="X")
    items = lines(Item, "评价项目")

    spec = RecordType(
        code="CPA", zh="人员能力评价与任用意见", en="Competence assessment and appointment opinion", source="002 网点 2",
        series=Series("CPA-{yyyy}{mm}-{n:04}"),
        list=("number", "person_name", "dealer", "position", "assessed_on", "score", "assessment_result",
              "appointment_opinion", "state"),
        search=("number", "person_name", "position"),
        filters=("state", "dealer", "qualification_type", "assessment_result", "appointment_opinion",
                 "assessed_on"),
        links_in=("training_record", "staff_qualification", "outlet_quarterly_summary"),
        workflow=Workflow(
            states(("draft", "草稿"), ("assessed", "已评价"), ("opinion_given", "已提意见"), ("decided", "已决定")),
            moves=(
                Move("assess", "完成评价", source=("draft",), to="assessed", by=("evaluator",),
                    requires=("items", "assessor", "assessed_on", "assessment_result", "assessment_comment")),
                Move("give_opinion", "提出任用意见", source=("assessed",), to="opinion_given",
                    by=("evaluator",), requires=("appointment_opinion", "opinion_text")),
                # THEN decision appoint creates a pending staff_qualification; decision train_first proposes a training_plan
                Move("decide", "任用决定", source=("opinion_given",), to="decided", by=("deputy_gm",),
                    requires=("decision",), stamps=("decided_at",)),
                Move("send_back", "退回", source=("opinion_given",), to="assessed", by=("deputy_gm",),
                    comment=True),
            ),
        ),
        access={
            "quality_manager": "V", "deputy_gm": "AV", "management_representative": "V",
            "general_manager": "V", "evaluator": "CEVX",
        },
        rules=(
            "the assessor is not the person assessed, and the decider is neither of them",
            "an item score lies between 0 and its full_score; score is never typed",
            "opinion appoint needs assessment_result competent",
            "a decision that differs from the opinion needs a comment",
            "decision appoint needs effective_on",
            "a decided assessment cannot be edited; a new judgement is a new record",
        ),
    )
