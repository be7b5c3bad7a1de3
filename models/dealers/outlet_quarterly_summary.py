"""服务网点季度工作总结."""

from models.base import (
    Line, Record, choice, day, integer, lines, link, longtext, moment, money, person, quarter,
)
from models.compiled import QuarterFigure, compile_again
from models.conditions import actor_is_not, actor_is_not_creator, written
from models.measures import OF_TECHNICIANS, choices
from models.spec import (
    SYSTEM, Deadline, Default, Move, Period, RecordType, Series, Text, Workflow, states,
)


class Figure(QuarterFigure, Line, of="outlet_quarterly_summary"):
    section = choice("指标", choices(OF_TECHNICIANS), required=True, origin="X", system=True)


class OutletQuarterlySummary(Record):
    """Written each quarter by the maintenance staff of every outlet for the service department: service
    work done, sums due, problems and suggestions."""

    dealer_id = link("dealer_ledger", "服务网点", required=True, group=("总结", "Summary"))
    technician_id = person("维修人员", required=True, default=Default.CURRENT_USER)
    quarter = quarter("季度", required=True)
    service_content = longtext("售后服务内容", required=True)
    receivable_text = longtext("应收款情况", required=True, help=("没有的填“无”", "“None” if there are none"))
    problems = longtext("存在的问题", required=True)
    suggestion = longtext("工作建议", required=True)
    receivable_amount = money("应收款金额", origin="P", group=("数字", "Figures"))
    repair_count = integer("本季维修次数", origin="P")
    revisit_count = integer("本季返修次数", origin="P")
    signed_by_id = person("签字", origin="P", group=("办理", "Progress"))
    signed_at = moment("签字时间", origin="P")
    due_on = day("提交期限", origin="X", derived="day quarter_report_day (parameter) of the month after the quarter")
    submitted_at = moment("提交时间", origin="X")
    review_opinion = longtext("服务部意见", origin="P")
    reviewed_at = moment("审阅时间", origin="X")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    data_as_of = moment("数据截止时间", origin="X", system=True)
    figures = lines(Figure, "本季数字")

    def derive(self, act):
        if self.quarter:
            following = Period.parse(self.quarter).following()
            self.due_on = following.day(act.parameter("quarter_report_day", at=act.start_of(following.day(1))))

    def check(self, act):
        if self.quarter and Period.parse(self.quarter).day(1) > act.today:
            yield "quarter", Text("季度不能在将来", "The quarter cannot lie in the future")
        same = act.find("outlet_quarterly_summary", dealer_id=self.dealer_id, technician_id=self.technician_id,
                        quarter=self.quarter)
        other = next((row for row in same if row is not self and row.state not in ("cancelled", "void")), None)
        if other is not None and self.state != "cancelled":
            yield "quarter", Text(f"该人员本季度已有总结 {other.number}", f"There is a summary of this quarter: {other.number}")

    spec = RecordType(
        code="OQS", zh="服务网点季度工作总结", en="Outlet quarterly work summary", source="002 网点管理 3",
        series=Series("OQS-{yyyy}-{n:04}"),
        scope={"dealer": "dealer", "technician": "technician"},
        list=("number", "dealer", "technician", "quarter", "receivable_amount", "submitted_at", "due_on",
              "state"),
        search=("number", "service_content", "problems", "suggestion"),
        filters=("state", "dealer", "technician", "quarter"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("reviewed", "已审阅"), ("cancelled", "已取消")),
            moves=(
                Move("compile", "重新取数", "Take the figures again", source=("draft",), to="draft",
                    by=(SYSTEM, "customer_service"), stamps=("data_as_of",), then=compile_again),
                Move("submit", "提交", source=("draft",), to="submitted", by=("technician", "dealer"),
                    requires=("dealer", "technician", "quarter", "service_content", "receivable_text", "problems",
                              "suggestion"),
                    stamps=("submitted_at", "signed_by", "signed_at"),
                    when=(written("service_content", "receivable_text", "problems", "suggestion"),)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("customer_service",),
                    comment=True),
                Move("review", "审阅", source=("submitted",), to="reviewed", by=("customer_service",),
                    requires=("review_opinion",), stamps=("reviewed_at",),
                    when=(actor_is_not_creator(), actor_is_not("technician"))),
                Move("cancel", "取消", source=("draft", "submitted"), to="cancelled",
                    by=("customer_service", SYSTEM), comment=True),
            ),
        ),
        deadlines=(
            Deadline("submit", "due_on", starts="quarter", met_by="submitted_at",
                tell=("owner", "customer_service"), id="SLA-15", holder="technician"),
        ),
        access={
            "customer_service": "AVX", "dispatcher": "V", "technician": "CEv", "quality_manager": "V",
            "dealer": "CEv", "finance": "V",
        },
        rules=(
            "One summary per technician and quarter at an outlet, cancelled ones not counted.",
            "All four sections (service content, sums due, problems, suggestions) are filled before "
            "submit.",
            "The reviewer is not the writer; a reviewed summary is read-only.",
            "quarter may not lie in the future.",
        ),
    )
