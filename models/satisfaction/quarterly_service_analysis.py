"""顾客服务季度分析."""

from models.base import (
    Line, Record, choice, day, lines, link, longtext, moment, person, quarter, text, unit, yes_no,
)
from models.compiled import QuarterFigure, compile_again
from models.conditions import every_line, if_so, from_state, is_true, written
from models.measures import OF_SALESPEOPLE, choices
from models.spec import (
    APPROVER, DRAFTER, SYSTEM, VOID, Condition, Deadline, Default, Move, Period, RecordType, Series, Text, Workflow, states,
)

SAYS_WHAT_IS_WRONG = Condition(
    lambda analysis, act: bool(analysis.problems) or analysis.is_problem_free is True,
    Text("请填写存在的问题，或选择“本季无问题”", "Name the problems, or say that there are none"))
ALL_ACTIONS_CLOSED = Condition(
    lambda analysis, act: all(
        action is not None and action.state == "closed" for action in (
            act.get("corrective_action", row.corrective_action_id) for row in analysis.problems)),
    Text("各问题的纠正和预防措施关闭后方可关闭", "The corrective action of every problem has to be closed first"))


def begin_actions(analysis, act) -> None:
    """Every problem whose measure is set becomes a corrective action of the unit."""
    for row in analysis.problems:
        if row.corrective_action_id is None:
            action = act.new(
                "corrective_action", source_type=analysis.spec.name, source_number=analysis.number,
                customer=row.customer_id, problem=row.problem, responsible_unit=row.responsible_unit,
                corrective_measure=row.measure)
            row.corrective_action_id = action.id


class Figure(QuarterFigure, Line, of="quarterly_service_analysis"):
    section = choice("指标", choices(OF_SALESPEOPLE), required=True, origin="X", system=True)


class Problem(Line, of="quarterly_service_analysis"):
    """A problem of the quarter and what is done about it."""

    problem = longtext("存在的问题", required=True)
    customer_id = link("customer", "顾客", origin="P")
    measure = longtext("整改措施")
    responsible_unit = unit("责任部门", origin="P")
    due_on = day("完成期限", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X", help=(
        "不填时定措施时自动建立", "Made when the measures are set, if left empty"))


class QuarterlyServiceAnalysis(Record):
    """Each salesperson analyses the customer service of the quarter; the quality department has
    measures set for every problem."""

    quarter = quarter("季度", required=True, group=("分析", "Analysis"))
    salesperson_id = person("业务人员", required=True, default=Default.CURRENT_USER)
    region = text("负责区域", origin="P")
    service_situation = longtext("服务情况与数据", required=True, origin="P")
    typical_cases = longtext("典型案例", origin="P")
    is_problem_free = yes_no("本季无问题", required=True, origin="X", default=False)
    suggestion = longtext("建议", origin="P")
    due_at = moment("提交期限", origin="X", derived=(
        "day quarter_report_day (parameter) of the month after the quarter, 23:59:59"), group=("办理", "Progress"))
    submitted_at = moment("提交时间", origin="X")
    measures_set_at = moment("措施制定时间", origin="X")
    closed_at = moment("关闭时间", origin="X")
    remark = longtext("备注", origin="P")
    data_as_of = moment("数据截止时间", origin="X", system=True)
    problems = lines(Problem, "存在的问题与整改措施")
    figures = lines(Figure, "本季数字")

    keeps_first = ("submitted_at",)

    def derive(self, act):
        if self.quarter:
            following = Period.parse(self.quarter).following()
            due_day = act.parameter("quarter_report_day", at=act.start_of(following.day(1)))
            self.due_at = act.end_of(following.day(due_day))

    def check(self, act):
        if self.is_problem_free and self.problems:
            yield "is_problem_free", Text("已填写问题，不能选“本季无问题”", "There are problems below: it is not free of them")
        same = act.find("quarterly_service_analysis", quarter=self.quarter, salesperson_id=self.salesperson_id)
        other = next((row for row in same if row is not self and row.state != "void"), None)
        if other is not None and self.state != "void":
            yield "quarter", Text(f"该业务人员本季度已有分析 {other.number}",
                                  f"This salesperson has an analysis of the quarter: {other.number}")

    spec = RecordType(
        code="QSA", zh="顾客服务季度分析", en="Quarterly customer service analysis", source="000 §5.2.5",
        series=Series("QSA-{yyyy}-Q{q}-{n:02}"),
        list=("number", "quarter", "salesperson", "region", "due_at", "submitted_at", "is_problem_free",
              "state"),
        search=("number", "service_situation", "suggestion"),
        filters=("state", "quarter", "salesperson", "is_problem_free"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("measures_set", "已定措施"), ("closed", "已关闭"), (VOID, "作废")),
            moves=(
                Move("compile", "重新取数", "Take the figures again", source=("draft",), to="draft",
                    by=(SYSTEM, "sales", "sales_lead"), stamps=("data_as_of",), then=compile_again),
                Move("submit", "提交", source=("draft",), to="submitted", by=("sales", "sales_lead"),
                    requires=("quarter", "service_situation"), stamps=("submitted_at",),
                    when=(written("service_situation"), SAYS_WHAT_IS_WRONG)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_engineer",),
                    comment=True),
                Move("set_measures", "制定整改措施", source=("submitted",), to="measures_set",
                    by=("quality_engineer",), requires=("problems",), stamps=("measures_set_at",),
                    when=(every_line("problems", "measure"), every_line("problems", "responsible_unit")),
                    then=begin_actions),
                Move("close", "关闭", source=("submitted", "measures_set"), to="closed",
                    by=("quality_engineer",), stamps=("closed_at",),
                    when=(if_so(from_state("submitted"), is_true("is_problem_free")), ALL_ACTIONS_CLOSED)),
                Move(VOID, "作废", "Void", source=("draft", "submitted", "measures_set"), to=VOID,
                    by=(DRAFTER, APPROVER, SYSTEM), comment=True),
            ),
        ),
        deadlines=(
            Deadline("quarterly_analysis", "due_at", met_by="submitted_at",
                tell=("owner", "sales_lead", "quality_manager"), id="SLA-14", holder="salesperson"),
        ),
        access={
            "quality_engineer": "EAVX", "quality_manager": "V", "sales": "CEVX", "sales_lead": "CEVX",
            "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "one analysis per salesperson and quarter",
            "SLA-14 due on the 10th of the month after the quarter, the 10th included",
            "every problem gets a measure and a corrective_action organised by the quality department",
            "is_problem_free and problems lines exclude each other",
            "the first submission date is kept when the analysis is sent back and submitted again",
        ),
    )
