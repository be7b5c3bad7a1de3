"""管理评审输入."""

from models.base import Line, Record, choice, day, integer, lines, link, longtext, moment, text, unit
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class Input(Line, of="management_review_input"):
    """输入清单."""

    kind = choice("输入类别", ("satisfaction_report", "顾客满意度调查报告"), ("complaints", "顾客投诉情况"),
        ("corrective_actions", "纠正预防措施状况"), ("service_performance", "服务绩效"),
        ("previous_decisions", "上次评审决议落实"), ("other", "其他"), required=True, origin="P")
    satisfaction_report_id = link("satisfaction_report", "满意度调查报告")
    summary = longtext("摘要", required=True, origin="P")


class Decision(Line, of="management_review_input"):
    """评审决议."""

    decision = longtext("决议", required=True, origin="P")
    responsible_unit = unit("责任部门", required=True, origin="P")
    due_on = day("完成期限", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    completed_on = day("完成日期", origin="P")


class ManagementReviewInput(Record):
    """The quality department gathers the satisfaction reports and other inputs of the year for the
    management review and follows its decisions."""

    title = text("评审名称", required=True, origin="P")
    year = integer("年度", required=True, origin="P")
    # NOTE default 31 December of the year
    due_on = day("计划评审期限", required=True, origin="X")
    review_on = day("评审日期", origin="P")
    participants = longtext("参加人员", origin="P")
    # SET_BY submit
    submitted_at = moment("提交时间", origin="X")
    # SET_BY review
    reviewed_at = moment("评审完成时间", origin="X")
    conclusion = longtext("评审结论", origin="P")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    remark = longtext("备注", origin="P")
    inputs = lines(Input, "输入清单")
    decisions = lines(Decision, "评审决议")

    spec = RecordType(
        code="MRI", zh="管理评审输入", en="Management review input", source="000 §5.2.4.5; 001 §1",
        series=Series("MRI-{yyyy}-{n:02}"),
        title="title",
        list=("number", "title", "year", "due_on", "review_on", "reviewed_at", "state"),
        search=("number", "title", "conclusion"),
        filters=("state", "year", "review_on"),
        links_in=("satisfaction_report",),
        workflow=Workflow(
            states(("collecting", "收集中"), ("submitted", "已提交"), ("reviewed", "已评审"),
                ("closed", "决议已落实", "Decisions done")),
            moves=(
                Move("submit", "提交评审", source=("collecting",), to="submitted", by=("quality_engineer",),
                    requires=("title", "year", "inputs"), stamps=("submitted_at",)),
                Move("send_back", "退回", source=("submitted",), to="collecting",
                    by=("management_representative", "general_manager"), comment=True),
                Move("review", "评审", source=("submitted",), to="reviewed",
                    by=("management_representative", "general_manager"),
                    requires=("review_on", "conclusion"), stamps=("reviewed_at",)),
                # WHEN every decisions line has completed_on
                Move("close", "决议落实完毕", source=("reviewed",), to="closed", by=("quality_engineer",),
                    stamps=("closed_at",)),
            ),
        ),
        deadlines=(
            Deadline("annual_review", "due_on", met_by="reviewed_at",
                tell=("quality_manager", "management_representative"), id="X-MRI-ANNUAL"),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "V", "management_representative": "AVX",
            "general_manager": "AVX", "deputy_gm": "V",
        },
        rules=(
            "BR-26 every satisfaction_report handed over in the year stands in exactly one management "
            "review as an inputs line",
            "at least one management review per calendar year (parameter)",
            "an inputs line of kind satisfaction_report needs its satisfaction_report link",
            "a decision needs a responsible unit; the record closes only when all are completed",
        ),
    )
