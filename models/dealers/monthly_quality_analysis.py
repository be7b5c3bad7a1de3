"""用户质量信息月分析报告."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, money, multichoice,
    percent, period, person, rounded, text, unit, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.compiled import compile_again
from models.conditions import is_changed
from models.spec import (
    SYSTEM, Chart, ChartKind, Condition, Deadline, Move, Period, RecordType, Series, Text, Workflow, states,
)

READERS = ("quality_manager", "unit_lead", "deputy_gm", "general_manager")


def sign_receipt(analysis, act) -> None:
    """Whoever reads it signs a line; it is acknowledged once every line is signed."""
    row = next((row for row in analysis.receipts if row.recipient_id == act.actor.id), None)
    if row is None:
        row = Receipt(recipient_id=act.actor.id, position=len(analysis.receipts))
        analysis.receipts.append(row)
    row.acknowledged_at, row.remark = act.now, act.comment or row.remark
    act.stay = not all(row.acknowledged_at for row in analysis.receipts)


NOT_SIGNED_YET = Condition(
    lambda analysis, act: not any(
        row.recipient_id == act.actor.id and row.acknowledged_at for row in analysis.receipts),
    Text("您已签阅", "You have signed already"))


class Figure(Line, of="monthly_quality_analysis"):
    """One number of the month, with what it counted."""

    section = choice("项目", ("total", "总量"), ("month_on_month", "环比"), ("year_on_year", "同比"),
        ("by_source", "按来源"), ("by_fault_category", "按故障类别"), ("by_vehicle_model", "按车型"),
        ("by_part", "按部位/件号"), ("by_product_batch", "按批次", "By batch"), ("by_dealer", "按服务商"),
        ("by_mileage_band", "按里程段"), ("faults_per_thousand", "千台故障率", "Faults per thousand vehicles"),
        ("complaint_closing", "投诉按期关闭率", "Complaints closed on time"),
        ("appraisal_pass", "保修鉴定合格率", "Appraisals passed"), ("trend", "近12个月趋势", "Trend of 12 months"),
        required=True, system=True)
    key = text("分组值", origin="X", system=True)
    caption = text("名称", required=True, system=True)
    rank = integer("排名", origin="P", system=True)
    case_count = integer("件数", system=True)
    quantity = integer("故障数量", origin="P", system=True)
    amount = money("费用", origin="P", system=True)
    previous_case_count = integer("上月件数", origin="P", system=True)
    numerator = decimal("分子", origin="X", system=True)
    denominator = decimal("分母", origin="X", system=True)
    rate = percent("比率", system=True)
    cumulative_rate = percent("累计比率", origin="P", system=True)
    is_focus = yes_no("重点", origin="P", system=True)
    is_applicable = yes_no("适用", required=True, origin="X", default=True, system=True)
    row_filter = text("取数条件", origin="X", system=True, machine=True)


class Source(Line, of="monthly_quality_analysis"):
    """A record that was counted, or the second record of an event that was."""

    source_type = choice("来源", ("monthly_quality_report", "质量信息月报表"),
        ("complaint_tracking_card", "客户投诉信息处理传递跟踪卡"), ("customer_feedback_register", "客户反馈意见处理登记表"),
        ("warranty_appraisal", "质量保修鉴定单"), required=True, origin="X", system=True)
    source_number = text("单号", required=True, origin="X", system=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X", system=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X", system=True)
    quantity = integer("数量", required=True, origin="X", system=True)
    amount = money("费用", origin="X", system=True)
    vehicle_model = text("车型", origin="X", system=True)
    part = text("部位/件号", origin="X", system=True)
    batch_no = text("批次", "Batch", origin="X", system=True)
    mileage_band = text("里程段", origin="X", system=True)
    is_counted = yes_no("计入", required=True, origin="X", system=True)
    source_id = integer("记录", origin="X", system=True, machine=True)


class FocusItem(Line, of="monthly_quality_analysis"):
    """What to concentrate on, and last month's promises followed up."""

    item = text("重点问题", required=True)
    direction = longtext("改进方向")
    responsible_unit = unit("责任部门", origin="P")
    promised_on = day("计划完成日期", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    is_from_last_month = yes_no("上月措施跟踪", origin="P")
    progress = longtext("落实情况", origin="P")


class OpenItem(Line, of="monthly_quality_analysis"):
    """What is still open at the month's end."""

    source_number = text("单号", required=True, origin="P", system=True)
    received_at = moment("收到时间", required=True, origin="P", system=True)
    open_days = integer("未结天数", required=True, origin="P", system=True)
    handler_id = person("经办人", origin="P", system=True)


class LateDealer(Line, of="monthly_quality_analysis"):
    """A dealer whose report was late or is missing."""

    dealer_id = link("dealer_ledger", "服务商", required=True, origin="P", system=True)
    submitted_at = moment("上报时间", origin="P", system=True)


class Receipt(Line, of="monthly_quality_analysis"):
    """Somebody who has read and signed the analysis."""

    recipient_id = person("签阅人", required=True)
    acknowledged_at = moment("签阅时间", origin="X", system=True)
    remark = longtext("意见", origin="P")


def _change(now, before):
    return rounded(Decimal(now - before) / before, 6) if before else None


class MonthlyQualityAnalysis(Record):
    """Compiled by customer service at the beginning of each month from the dealers' reports,
    complaints, feedback register and appraisals: classification, statistics, analysis and the focus and
    direction of improvement for leaders and departments."""

    period = period("月份", required=True, system=True, group=("分析", "Analysis"))
    analysis_text = longtext("分析")
    improvement_focus = longtext("改进的重点")
    improvement_direction = longtext("改进的方向")
    case_count = integer("信息总量", origin="P", group=("数字", "Figures"), derived="number of distinct source records counted")
    previous_case_count = integer("上月总量", origin="P", system=True)
    change_rate = percent("环比", origin="P",
        derived="(case_count - previous_case_count) / previous_case_count; empty when that is 0")
    year_ago_case_count = integer("上年同月总量", origin="P", system=True)
    year_change_rate = percent("同比", origin="P",
        derived="(case_count - year_ago_case_count) / year_ago_case_count; empty when that is 0")
    vehicles_in_use = integer("在用车辆数", origin="P", system=True)
    faults_per_thousand = decimal("千台故障率", origin="P",
        derived="sum of fault quantity / vehicles_in_use * 1000; empty when vehicles_in_use is 0")
    open_count = integer("未结项数", origin="P", system=True)
    suggestion = longtext("建议", origin="P", group=("报送", "Distribution"))
    recipients = multichoice("报送部门", ("executives", "公司领导", "Company leaders"), ("quality", "质量部门"),
        ("production", "生产部门"), ("engineering", "技术部门"), ("purchasing", "配套部"),
        ("sales", "销售公司", "Sales company"), ("finance", "财务部"))
    data_as_of = moment("数据截止时间", origin="X")
    due_at = moment("发布期限", origin="X", derived="8th of the month after period, 23:59:59 Asia/Shanghai")
    issued_at = moment("上报时间")
    acknowledged_at = moment("全部签阅时间", origin="X")
    is_frozen = yes_no("已冻结", origin="X", derived="state is issued or acknowledged")
    figures = lines(Figure, "分类统计")
    sources = lines(Source, "取数明细")
    focus_items = lines(FocusItem, "重点问题与措施")
    open_items = lines(OpenItem, "未结项")
    late_dealers = lines(LateDealer, "未按时上报的服务商")
    receipts = lines(Receipt, "签阅")

    def derive(self, act):
        self.is_frozen = self.state in ("issued", "acknowledged")
        if self.period:
            following = Period.parse(self.period).following()
            day_ = act.parameter("analysis_issue_day", at=act.start_of(following.day(1)))
            self.due_at = act.end_of(following.day(day_))
        self.case_count, quantity = self._counted_by_database(act) if self.is_as_kept("sources") else self._counted()
        self.change_rate = _change(self.case_count, self.previous_case_count)
        self.year_change_rate = _change(self.case_count, self.year_ago_case_count)
        self.faults_per_thousand = (
            rounded(Decimal(quantity) * 1000 / self.vehicles_in_use, 4) if self.vehicles_in_use else None)

    def _counted(self):
        return (sum(row.is_counted is True for row in self.sources),
                sum(row.quantity or 0 for row in self.sources if row.is_counted))

    def _counted_by_database(self, act):
        """The same, without fetching what may be a hundred thousand lines."""
        source = Source.__table__.c
        cases, quantity = act.session.execute(sa.select(sa.func.count(), sa.func.sum(source.quantity)).where(
            source.record_id == self.id, source.is_counted.is_(True))).one()
        return cases, quantity or 0

    def check(self, act):
        if act.move is not None or not is_changed(self, "receipts"):
            return
        for n, row in enumerate(self.receipts):
            if not any(membership.role in READERS for membership in row.recipient.memberships):
                yield f"receipts-{n}-recipient", Text(
                    "签阅人须为质量负责人、责任部门负责人、主管副总或总经理",
                    "Signed by a quality manager, unit lead, deputy GM or general manager")

    spec = RecordType(
        code="MUQ", zh="用户质量信息月分析报告", en="Monthly user quality analysis",
        source="004 §5.3.3b (用户反馈信息月分析报告), §7.8",
        series=Series("MUQ-{yyyy}{mm}-{n:04}"), compiled=True, unique=(("period",),),
        list=("number", "period", "case_count", "change_rate", "faults_per_thousand", "open_count",
              "issued_at", "state"),
        search=("number", "analysis_text", "improvement_focus"),
        filters=("state", "period"),
        charts=(
            Chart(ChartKind.PARETO, Text("故障类别帕累托图", "Fault categories (Pareto)"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_fault_category",)}),
            Chart(ChartKind.TREND, Text("近12个月趋势", "Trend of 12 months"), of=("case_count",), by="key",
                  lines="figures", where={"section": ("trend",)}),
            Chart(ChartKind.BARS, Text("按来源，与上月比", "By source, beside last month"),
                  of=("case_count", "previous_case_count"), by="caption", lines="figures",
                  where={"section": ("by_source",)}),
            Chart(ChartKind.PARETO, Text("批次帕累托图", "Batches (Pareto)"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_product_batch",)}),
            Chart(ChartKind.BARS, Text("按里程段", "By mileage band"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_mileage_band",)}),
            Chart(ChartKind.RANKING, Text("服务商件数排名", "Dealers by cases"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_dealer",)}),
        ),
        workflow=Workflow(
            states(("compiled", "已汇编"), ("issued", "已上报"), ("acknowledged", "已签阅"), ("void", "作废")),
            moves=(
                Move("compile", "重新汇编", "Compile again", source=("compiled",), to="compiled",
                    by=(SYSTEM, "customer_service"), stamps=("data_as_of",), then=compile_again),
                Move("issue", "上报", source=("compiled",), to="issued", by=("customer_service",),
                    requires=("data_as_of", "analysis_text", "improvement_focus", "improvement_direction",
                              "recipients"),
                    stamps=("issued_at",)),
                Move("acknowledge", "签阅", source=("issued",), to="acknowledged",
                    by=READERS, stamps=("acknowledged_at",), when=(NOT_SIGNED_YET,), then=sign_receipt),
                Move("void", "作废", source=("compiled", "issued", "acknowledged"), to="void", by=("quality_manager", "system"),
                    comment=True),
            ),
        ),
        deadlines=(
            Deadline("issue", "due_at", starts="period", met_by="issued_at",
                tell=("customer_service", "quality_manager"), id="SLA-09"),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "V", "quality_manager": "AKVX", "unit": "K",
            "unit_lead": "K", "deputy_gm": "KV", "general_manager": "KV",
            "management_representative": "KV",
        },
        rules=(
            "One analysis per period, void ones not counted.",
            "It counts the items of monthly_quality_report (submitted or accepted) of the period, and "
            "complaint_tracking_card, customer_feedback_register and warranty_appraisal rows of the "
            "period (received in Asia/Shanghai); void and cancelled rows never count.",
            "The same event counts once: a report line that names its warranty_appraisal or "
            "complaint_tracking_card, and the register row made from a card, are one case.",
            "Every group's counts add up to case_count; every figure can be listed row by row through "
            "sources or row_filter.",
            "Pareto and rounding as in quality_info_summary (count, then amount, then choice order; "
            "focus = smallest prefix >= 80 %; ROUND_HALF_UP 2 decimals; denominator 0 = not "
            "applicable).",
            "Dealers that owed monthly_quality_report and had not submitted it by its due_at are listed "
            "in late_dealers.",
            "Each focus item of last month appears with its progress.",
            "Once issued the report is frozen; correction is void plus a new one.",
        ),
    )
