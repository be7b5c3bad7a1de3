"""管理评审输入."""

from datetime import date

from models.base import Line, Record, choice, day, integer, lines, link, longtext, moment, text, unit
from models.conditions import every_line
from models.spec import Deadline, Move, RecordType, Series, Text, Workflow, states

EARLIEST, LATEST = 1990, 2199


class Input(Line, of="management_review_input"):
    """What the review is told about."""

    kind = choice("输入类别", ("satisfaction_report", "顾客满意度调查报告"), ("complaints", "顾客投诉情况"),
        ("corrective_actions", "纠正预防措施状况"), ("service_performance", "服务绩效"),
        ("previous_decisions", "上次评审决议落实"), ("other", "其他"), required=True, origin="P")
    satisfaction_report_id = link("satisfaction_report", "满意度调查报告")
    summary = longtext("摘要", required=True, origin="P")


class Decision(Line, of="management_review_input"):
    """What the review decided."""

    decision = longtext("决议", required=True, origin="P")
    responsible_unit = unit("责任部门", required=True, origin="P")
    due_on = day("完成期限", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    completed_on = day("完成日期", origin="P")


class ManagementReviewInput(Record):
    """The quality department gathers the satisfaction reports and other inputs of the year for the
    management review and follows its decisions."""

    title = text("评审名称", required=True, origin="P", group=("评审", "Review"))
    year = integer("年度", required=True, origin="P")
    due_on = day("计划评审期限", origin="X", help=("不填时为当年12月31日", "31 December of the year if left empty"))
    review_on = day("评审日期", origin="P")
    participants = longtext("参加人员", origin="P")
    submitted_at = moment("提交时间", origin="X", group=("办理", "Progress"))
    reviewed_at = moment("评审完成时间", origin="X")
    conclusion = longtext("评审结论", origin="P")
    closed_at = moment("关闭时间", origin="X")
    remark = longtext("备注", origin="P")
    inputs = lines(Input, "输入清单")
    decisions = lines(Decision, "评审决议")

    def derive(self, act):
        if self.due_on is None and self.year and EARLIEST <= self.year <= LATEST:
            self.due_on = date(self.year, 12, 31)

    def check(self, act):
        if self.year is not None and not EARLIEST <= self.year <= LATEST:
            yield "year", Text("年度应为四位年份", "The year is written with four digits")
        for n, row in enumerate(self.inputs):
            if row.kind == "satisfaction_report" and row.satisfaction_report_id is None:
                yield f"inputs-{n}-satisfaction_report", Text("请选择满意度调查报告", "Choose the satisfaction report")
            elif row.satisfaction_report_id and self._stands_elsewhere(row.satisfaction_report_id, act):
                yield f"inputs-{n}-satisfaction_report", Text("该报告已列入另一次管理评审",
                                                              "This report is an input of another review")

    def _stands_elsewhere(self, report_id, act):
        return any(row.satisfaction_report_id == report_id for other in act.find("management_review_input")
                   if other is not self and other.state != "void" for row in other.inputs)

    def start_from(self, source, act):
        self.title, self.year = self.title or f"{act.today.year} 年度管理评审", act.today.year
        self.inputs.append(Input(kind="satisfaction_report", satisfaction_report_id=source.id,
                                 summary=source.conclusion or source.title))

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
                Move("close", "决议落实完毕", source=("reviewed",), to="closed", by=("quality_engineer",),
                    stamps=("closed_at",), when=(every_line("decisions", "completed_on"),)),
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
            "at least one management review per calendar year: due_on is its end unless another day is set",
            "an inputs line of kind satisfaction_report needs its satisfaction_report link",
            "a decision needs a responsible unit; the record closes only when all are completed",
        ),
    )
