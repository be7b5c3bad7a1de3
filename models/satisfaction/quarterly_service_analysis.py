"""顾客服务季度分析."""

from models.base import (
    Line, Record, day, lines, link, longtext, moment, person, quarter, text, unit, yes_no,
)
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class Problem(Line, of="quarterly_service_analysis"):
    """存在的问题与整改措施."""

    problem = longtext("存在的问题", required=True)
    customer_id = link("customer", "顾客", origin="P")
    measure = longtext("整改措施")
    responsible_unit = unit("责任部门", origin="P")
    due_on = day("完成期限", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")


class QuarterlyServiceAnalysis(Record):
    """Each salesperson analyses the customer service of the quarter; the quality department has
    measures set for every problem."""

    quarter = quarter("季度", required=True)
    salesperson_id = person("业务人员", required=True)
    region = text("负责区域", origin="P")
    service_situation = longtext("服务情况与数据", required=True, origin="P")
    typical_cases = longtext("典型案例", origin="P")
    is_problem_free = yes_no("本季无问题", required=True, origin="X", default=False)
    suggestion = longtext("建议", origin="P")
    due_at = moment("提交期限", origin="X", derived="10th of the month after the quarter, 23:59:59")
    # SET_BY submit
    submitted_at = moment("提交时间", origin="X")
    # SET_BY set_measures
    measures_set_at = moment("措施制定时间", origin="X")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    remark = longtext("备注", origin="P")
    problems = lines(Problem, "存在的问题与整改措施")

    spec = RecordType(
        code="QSA", zh="顾客服务季度分析", en="Quarterly customer service analysis", source="000 §5.2.5",
        series=Series("QSA-{yyyy}-Q{q}-{n:02}"),
        list=("number", "quarter", "salesperson", "region", "due_at", "submitted_at", "is_problem_free",
              "state"),
        search=("number", "service_situation", "suggestion"),
        filters=("state", "quarter", "salesperson", "is_problem_free"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("measures_set", "已定措施"), ("closed", "已关闭")),
            moves=(
                # WHEN at least one problems line, or is_problem_free is true
                Move("submit", "提交", source=("draft",), to="submitted", by=("sales", "sales_lead"),
                    requires=("quarter", "service_situation"), stamps=("submitted_at",)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_engineer",),
                    comment=True),
                # WHEN every problems line has measure, responsible_unit and corrective_action
                Move("set_measures", "制定整改措施", source=("submitted",), to="measures_set",
                    by=("quality_engineer",), requires=("problems",), stamps=("measures_set_at",)),
                # WHEN from submitted only if is_problem_free; from measures_set only if every corrective_action is closed
                Move("close", "关闭", source=("submitted", "measures_set"), to="closed",
                    by=("quality_engineer",), stamps=("closed_at",)),
            ),
        ),
        deadlines=(
            Deadline("quarterly_analysis", "due_at", met_by="submitted_at",
                tell=("owner", "sales_lead", "quality_manager"), id="SLA-14"),
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
