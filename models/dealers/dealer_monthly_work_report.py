"""服务商工作月报表."""

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    decimal,
    integer,
    lines,
    link,
    longtext,
    moment,
    money,
    period,
    person,
    text,
    yes_no,
)
from models.spec import Deadline, Move, Period, RecordType, Series, Workflow, states


class Stockout(Line, of="dealer_monthly_work_report"):
    """A part that the outlet lacked."""

    part_no = text("配件编码", required=True, origin="P")
    part_name = text("配件名称", required=True, origin="P")
    on_hand_quantity = decimal("库存数量", origin="P")
    quantity = decimal("缺件数量", required=True, origin="P")
    waiting_days = integer("缺件天数", origin="P")
    remark = text("备注", origin="P")


class DealerMonthlyWorkReport(Record):
    """Written each month by every service outlet and sent to customer service: the month's repair work,
    income, complaints, parts, staff and training, as input of the dealer's grade."""

    keeps_first = frozenset({"submitted_at"})

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("月报", "The report"))
    period = period("月份", required=True, help=("所报告的月份", "The month reported on"))
    repair_summary = longtext("维修情况", required=True, group=("维修与收入", "Repairs and income"))
    repair_count = integer("维修台次", required=True, origin="P")
    first_service_count = integer("首保台次", required=True, origin="P")
    warranty_amount = money("三包费用", origin="P")
    paid_income_amount = money("自费维修收入", origin="P")
    complaint_count = integer("投诉数", required=True, origin="P",
                              group=("投诉、人员与培训", "Complaints, staff, training"))
    staff_count = integer("在岗人员数", origin="P")
    appraiser_count = integer("鉴定员数", origin="P")
    training_text = longtext("培训情况", origin="P")
    problems = longtext("存在的问题", origin="P", group=("问题与建议", "Problems and suggestions"))
    suggestion = longtext("建议", origin="P")
    prepared_by_id = person("填报人", required=True, origin="P")
    remark = longtext("备注", origin="P")
    recorded_repair_count = integer("系统维修档案数", origin="X", group=("核对", "Comparison"), derived=(
        "customer_repair_file rows of the dealer completed in period, not cancelled; shown beside "
        "repair_count"))
    recorded_complaint_count = integer("系统投诉卡数", origin="X", derived=(
        "complaint_tracking_card rows of the dealer opened in period, not cancelled"))
    due_at = moment("上报期限", origin="X", group=("上报与接收", "Submission"), derived=(
        "day dealer_report_day (parameter) of the month after period, 23:59:59"))
    submitted_at = moment("上报时间", help=(
        "以首次上报为准，退回重报不改变", "First submission; a later resubmission does not change it"))
    resubmitted_at = moment("退回后重报时间", origin="X")
    accepted_at = moment("接收时间", origin="X")
    is_on_time = yes_no("是否按时", origin="X", derived="submitted_at <= due_at")
    stockouts = lines(Stockout, "缺件情况")

    def derive(self, act):
        if not self.period:
            return
        month = Period.parse(self.period)
        due_day = act.parameter("dealer_report_day", at=act.start_of(month.day(1)))
        self.due_at = act.end_of(month.following().day(due_day))
        self.is_on_time = self.submitted_at <= self.due_at if self.submitted_at else None
        self.recorded_repair_count = self._recorded(act, month, "customer_repair_file", "completed_at")
        self.recorded_complaint_count = self._recorded(act, month, "complaint_tracking_card", "received_at")

    def _recorded(self, act, month, type_name, moment):
        """How many of the dealer's records have this moment within the month."""
        model = self.types[type_name].model
        at = getattr(model, moment)
        return act.session.scalar(sa.select(sa.func.count()).select_from(model).where(
            model.dealer_id == self.dealer_id, model.state.not_in(("void", "cancelled")),
            at >= act.start_of(month.day(1)), at < act.start_of(month.following().day(1))))

    spec = RecordType(
        code="DMW", zh="服务商工作月报表", en="Dealer monthly work report", source="004 §5.4.5",
        series=Series("DMW-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"}, unique=(("dealer", "period"),),
        list=("number", "dealer", "period", "repair_count", "first_service_count", "complaint_count",
              "submitted_at", "is_on_time", "state"),
        search=("number", "repair_summary", "problems", "suggestion"),
        filters=("state", "dealer", "period", "is_on_time"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已上报"), ("returned", "已退回"), ("accepted", "已接收"),
                   ("void", "作废")),
            moves=(
                Move("submit", "上报", source=("draft",), to="submitted", by=("dealer",),
                     stamps=("submitted_at",),
                     requires=("dealer", "period", "repair_summary", "repair_count", "first_service_count",
                               "complaint_count", "prepared_by")),
                Move("send_back", "退回", source=("submitted",), to="returned", by=("customer_service",),
                     comment=True),
                Move("resubmit", "重报", source=("returned",), to="submitted", by=("dealer",),
                     stamps=("resubmitted_at",)),
                Move("accept", "接收", source=("submitted",), to="accepted", by=("customer_service",),
                     stamps=("accepted_at",)),
                Move("void", "作废", source=("draft", "submitted", "returned", "accepted"), to="void",
                     by=("customer_service",), comment=True),
            )),
        deadlines=(
            Deadline("submit", "due_at", starts="period", met_by="submitted_at",
                     tell=("owner", "customer_service"), id="SLA-08", holder="prepared_by"),
        ),
        access={
            "customer_service": "AVX", "quality_manager": "V", "dealer": "CEv", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "One report per dealer and period, void ones not counted.",
            "On time when submitted_at <= 5th of the following month 23:59:59 Asia/Shanghai; 00:00:00 of the "
            "6th is late.",
            "Counts and amounts are not negative.",
            "A difference between repair_count and recorded_repair_count is shown to customer service and "
            "does not block.",
            "A void or draft report counts as not submitted in the grade sheet.",
            "An accepted report is read-only.",
        ),
    )
