"""质量信息反馈处理汇总表."""

from datetime import date
from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    choice,
    decimal,
    integer,
    lines,
    link,
    longtext,
    moment,
    money,
    percent,
    period,
    person,
    province,
    rounded,
    text,
    unit,
    yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.compiled import compile_again
from models.conditions import actor_did_not
from models.spec import Chart, ChartKind, Condition, Deadline, Move, Period, RecordType, Series, Text, Workflow, states

RECIPIENTS = ("general_manager", "deputy_gm")
# Header field -> the section of `figures` whose line for the whole month it repeats.
RATES = {
    "reply_on_time_rate": "reply_on_time", "arrival_on_time_rate": "arrival_on_time", "closed_rate": "closed",
    "callback_rate": "callback", "satisfaction_rate": "satisfaction",
}


def open_place(summary, actor) -> str | None:
    """The office in which this person can still sign; nobody signs twice."""
    signed = [row for row in summary.receipts if row.received_at]
    if any(row.recipient_id == actor.id for row in signed):
        return None
    taken = {row.recipient_role for row in signed}
    return next((role for role in RECIPIENTS if role in actor.roles and role not in taken), None)


def sign_receipt(summary, act) -> None:
    """Each of the two signs a line; with the second the summary is received."""
    role = open_place(summary, act.actor)
    row = next((row for row in summary.receipts if row.recipient_role == role and not row.received_at), None)
    if row is None:
        row = Receipt(recipient_role=role, position=len(summary.receipts))
        summary.receipts.append(row)
    row.recipient_id, row.received_at = act.actor.id, act.now
    row.remark = act.comment or row.remark
    act.stay = not {row.recipient_role for row in summary.receipts if row.received_at}.issuperset(RECIPIENTS)


MAY_STILL_SIGN = Condition(
    lambda summary, act: open_place(summary, act.actor) is not None,
    Text("您已签阅，或您的职务已由他人签阅", "You have signed already, or somebody else has in your office"))
MONTH_IS_OVER = Condition(
    lambda summary, act: bool(summary.data_as_of and summary.data_as_of >= summary.month_end_at),
    Text("数据截止时间早于月末，请在月末后重新汇总再上报",
         "The figures were computed before the month's end: compile again, then submit"))


class Case(Line, of="quality_info_summary"):
    """One quality information as it stood when the figures were computed."""

    line_no = integer("序号", required=True, origin="P", system=True)
    quality_info_transfer_id = link("quality_info_transfer", "质量信息传递处置单", required=True, system=True)
    is_carry_over = yes_no("上期结转", required=True, origin="X", default=False, system=True)
    is_rejected = yes_no("不属实", required=True, origin="X", default=False, system=True)
    received_at = moment("收到时间", required=True, origin="P", system=True)
    customer_id = link("customer", "用户", origin="P", system=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X", system=True)
    product_name = text("产品名称", origin="P", system=True)
    product_batch_id = link("product_batch", "产品批号", origin="P", system=True)
    quantity = decimal("数量", origin="P", system=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X", system=True)
    fault_description = longtext("用户反馈问题", origin="P", system=True)
    responsible_unit = unit("责任单位", origin="P", system=True)
    province = province("省份", origin="X", system=True)
    is_in_province = yes_no("省内", origin="X", system=True)
    handling_mode = choice("处理方式", ("phone_or_written", "电话或书面"), ("on_site", "现场"), origin="X",
                           system=True)
    replied_at = moment("答复时间", origin="X", system=True)
    reply_due_at = moment("答复期限", origin="X", system=True)
    is_reply_on_time = yes_no("答复及时", origin="X", system=True)
    arrive_due_at = moment("到场期限", origin="X", system=True)
    arrived_at = moment("到场时间", origin="X", system=True)
    is_arrival_on_time = yes_no("到场及时", origin="X", system=True)
    handling_result = longtext("处理结果", system=True)
    compensation_text = text("退换补偿情况", origin="P", system=True)
    direct_loss = money("直接损失", origin="P", system=True)
    is_major = yes_no("较大以上事故", origin="X", system=True)
    satisfaction_level = choice("回访满意程度", SATISFACTION_LEVELS, system=True)
    closed_at = moment("结案时间", origin="P", system=True)
    is_open_at_month_end = yes_no("月末未结", origin="X", system=True)
    open_days = integer("未结天数", origin="X", measure="d", system=True)
    archive_place = text("原始资料归档", system=True)


class Figure(Line, of="quality_info_summary"):
    """One figure with its inputs; `key` is empty for the whole month, else it names the group."""

    section = choice(
        "项目", ("total", "总起数"), ("month_on_month", "环比"), ("by_fault_category", "按故障类别"),
        ("by_product", "按产品"), ("by_product_batch", "按批次", "By batch"), ("by_dealer", "按服务商"),
        ("by_responsible_unit", "按责任单位"), ("reply_on_time", "答复及时率", "Replies on time"),
        ("arrival_on_time", "到场及时率", "Arrivals on time"), ("loss_by_fault_category", "损失按故障类别"),
        ("direct_loss", "直接损失"), ("major_incident", "较大以上事故", "Major incidents"),
        ("closed", "结案率"),
        ("callback", "回访率", "Callbacks"), ("satisfaction", "满意率"),
        ("satisfaction_level", "满意程度分布", "Satisfaction levels"), required=True, origin="X", system=True)
    key = text("分组值", origin="X", system=True)
    caption = text("名称", required=True, origin="X", system=True)
    rank = integer("排名", origin="P", system=True)
    case_count = integer("起数", origin="P", system=True)
    direct_loss = money("损失", origin="P", system=True)
    numerator = decimal("分子", origin="X", minimum=None, system=True)
    denominator = decimal("分母", origin="X", system=True)
    rate = percent("比率", origin="P", system=True)
    cumulative_rate = percent("累计比率", origin="P", system=True)
    is_focus = yes_no("重点", origin="P", system=True)
    is_applicable = yes_no("适用", required=True, origin="X", default=True, system=True)
    row_filter = text("取数条件", origin="X", system=True, machine=True)


class Recurrence(Line, of="quality_info_summary"):
    """The same fault of the same batch again and again within the month."""

    product_batch_id = link("product_batch", "批次", required=True, origin="X", system=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X", system=True)
    case_count = integer("起数", required=True, origin="X", system=True)
    quality_rectification_order_id = link("quality_rectification_order", "质量整改令", origin="X", system=True, help=(
        "针对该批次该故障提议或下发的整改令", "The order proposed or given for it"))


class Receipt(Line, of="quality_info_summary"):
    """The signature of one of the two who are reported to."""

    recipient_id = person("签阅人", required=True, system=True)
    recipient_role = choice("职务", ("general_manager", "总经理"),
                            ("deputy_gm", "分管领导", "Executive in charge"),
                            required=True, system=True)
    received_at = moment("签阅时间", origin="X", system=True)
    remark = longtext("批示", origin="P")


class QualityInfoSummary(Record):
    """Compiled at the end of every month by the quality department from all quality_info_transfer records
    received in the month, with one line per case and every figure with its inputs, for the general manager
    and the executive in charge."""

    period = period("月份", required=True, system=True, group=("汇总", "The month"),
                    help=("按质量信息的收到时间归月", "A case belongs to the month in which it was received"))
    case_count = integer("质量信息起数", origin="P",
                         derived="number of cases lines with is_carry_over and is_rejected both false")
    previous_case_count = integer("上月起数", origin="P", derived="the same count for the month before")
    change_count = integer("环比增减", origin="P", minimum=None, derived="case_count - previous_case_count")
    change_rate = percent("环比", origin="P",
                          derived="change_count / previous_case_count; empty when previous_case_count is 0")
    direct_loss = money("直接质量损失合计", origin="P", derived="sum of direct_loss of the month's cases")
    major_incident_count = integer("较大以上质量事故起数", origin="P",
                                   derived="the month's cases with direct_loss >= parameter "
                                           "major_incident_loss")
    reply_on_time_rate = percent("答复及时率", origin="X", derived="figures line reply_on_time",
                                 group=("及时与满意", "On time and satisfied"))
    arrival_on_time_rate = percent("到场及时率", origin="X", derived="figures line arrival_on_time")
    closed_rate = percent("结案率", origin="P", derived="figures line closed")
    callback_rate = percent("回访率", origin="P", derived="figures line callback")
    satisfaction_rate = percent("用户满意率", derived="figures line satisfaction")
    open_count = integer("未结起数", origin="P",
                         derived="cases lines (carried over too) without closed_at at the month end")
    quality_opinion = longtext("质量部意见", origin="P", group=("意见", "Opinion"),
                               help=("由各项数字得出的结论和建议",
                                     "What the quality department draws from the figures"))
    data_as_of = moment("数据截止时间", origin="X", group=("核对与上报", "Checking and reporting"))
    month_end_at = moment("月末截止点", origin="X", derived="00:00:00 of the 1st after period")
    due_at = moment("上报期限", origin="X", derived="1st of the month after period, 23:59:59")
    checked_at = moment("核对时间", origin="X")
    submitted_at = moment("上报时间")
    is_frozen = yes_no("已冻结", origin="X", derived="state is submitted or received")
    cases = lines(Case, "逐起明细")
    figures = lines(Figure, "统计数字")
    recurrences = lines(Recurrence, "重复发生")
    receipts = lines(Receipt, "领导签阅")

    def figure(self, section):
        """The line of the whole month in a section of the figures."""
        return next((row for row in self.figures if row.section == section and not row.key), None)

    def derive(self, act):
        self.is_frozen = self.state in ("submitted", "received")
        if self.period:
            following = Period.parse(self.period).following()
            first = date(following.year, following.first_month, 1)
            self.month_end_at, self.due_at = act.start_of(first), act.end_of(first)
        (self.case_count, self.direct_loss, self.major_incident_count, self.open_count) = (
            self._counted_by_database(act) if self.is_as_kept("cases") else self._counted())
        self._compare_with_last_month()
        for name, section in RATES.items():
            row = self.figure(section)
            setattr(self, name, row.rate if row else None)

    def _counted(self):
        counted = [case for case in self.cases if not (case.is_carry_over or case.is_rejected)]
        return (
            len(counted), sum((case.direct_loss or Decimal(0) for case in counted), Decimal(0)),
            sum(case.is_major is True for case in counted),
            sum(bool(case.is_open_at_month_end) and not case.is_rejected for case in self.cases))

    def _counted_by_database(self, act):
        """The same, without fetching what may be a hundred thousand lines."""
        case = Case.__table__.c
        counted = sa.and_(case.is_carry_over.is_(False), case.is_rejected.is_(False))
        cases, loss, major, open_ = act.session.execute(sa.select(
            sa.func.count().filter(counted), sa.func.sum(case.direct_loss).filter(counted),
            sa.func.count().filter(counted, case.is_major.is_(True)),
            sa.func.count().filter(case.is_open_at_month_end.is_(True), case.is_rejected.is_(False)),
        ).where(case.record_id == self.id)).one()
        return cases, loss or Decimal(0), major, open_

    def _compare_with_last_month(self):
        row = self.figure("month_on_month")
        previous = self.previous_case_count = int(row.denominator or 0) if row else None
        self.change_count = None if previous is None else self.case_count - previous
        self.change_rate = rounded(Decimal(self.change_count) / previous, 6) if previous else None

    spec = RecordType(
        code="QIS", zh="质量信息反馈处理汇总表", en="Monthly quality information summary",
        source="003 三(七)",
        series=Series("QIS-{yyyy}{mm}-{n:04}"), compiled=True, unique=(("period",),), retention_years=10,
        list=("number", "period", "case_count", "change_rate", "direct_loss", "reply_on_time_rate",
              "satisfaction_rate", "submitted_at", "state"),
        search=("number", "quality_opinion"), filters=("state", "period"),
        charts=(
            Chart(ChartKind.PARETO, Text("故障类别帕累托图", "Fault categories (Pareto)"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_fault_category",)}),
            Chart(ChartKind.PARETO, Text("损失帕累托图（按故障类别）", "Losses by fault category (Pareto)"), of=("direct_loss",),
                  by="caption", lines="figures", where={"section": ("loss_by_fault_category",)}),
            Chart(ChartKind.PARETO, Text("批次帕累托图", "Batches (Pareto)"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_product_batch",)}),
            Chart(ChartKind.RANKING, Text("服务商起数排名", "Dealers by cases"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("by_dealer",)}),
            Chart(ChartKind.BARS, Text("及时、结案、回访与满意", "On time, closed, called back, satisfied"), of=("rate",),
                  by="section", lines="figures", where={"section": tuple(RATES.values()), "key": ("",)}),
            Chart(ChartKind.BARS, Text("满意程度分布", "Levels of satisfaction"), of=("case_count",), by="caption",
                  lines="figures", where={"section": ("satisfaction_level",)}),
            Chart(ChartKind.TREND, Text("近12个月起数", "Cases of 12 months"), of=("case_count",), by="period"),
        ),
        workflow=Workflow(
            states(("compiled", "已汇总"), ("checked", "已核对"), ("submitted", "已上报"),
                   ("received", "已签阅"), ("void", "作废")),
            moves=(
                Move("compile", "重新汇总", "Compile again", source=("compiled",), to="compiled",
                     by=("system", "quality_engineer"), stamps=("data_as_of",), then=compile_again),
                Move("check", "核对", source=("compiled",), to="checked", by=("quality_engineer",),
                     requires=("data_as_of", "quality_opinion"), stamps=("checked_at",)),
                Move("send_back", "退回", source=("checked",), to="compiled", by=("quality_manager",),
                     comment=True),
                Move("submit", "上报", source=("checked",), to="submitted", by=("quality_manager",),
                     stamps=("submitted_at",), when=(MONTH_IS_OVER, actor_did_not("check"))),
                Move("receive", "签阅", source=("submitted",), to="received", by=RECIPIENTS,
                     when=(MAY_STILL_SIGN,),
                     then=sign_receipt),
                Move("void", "作废", source=("compiled", "checked", "submitted", "received"), to="void",
                     by=("quality_manager", "system"), comment=True),
            )),
        deadlines=(
            Deadline("submit", "due_at", starts="period", met_by="submitted_at",
                     tell=("quality_engineer", "quality_manager"), id="SLA-10"),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AVX", "sales": "V", "sales_lead": "V",
            "unit": "V", "unit_lead": "V", "deputy_gm": "KVX", "general_manager": "KVX",
            "management_representative": "V",
        },
        rules=(
            "BR-18 every quality_info_transfer with received_at in the month (Asia/Shanghai) appears "
            "exactly once with is_carry_over false, whatever its state.",
            "A sheet rejected as untrue is listed with is_rejected true and enters no figure; the month's "
            "cases below are the lines with is_carry_over and is_rejected both false.",
            "One summary per period, void ones not counted.",
            "A case received before the month and not closed before its beginning is listed with "
            "is_carry_over true and enters no figure but open_count.",
            "Month on month: change_count / previous_case_count; with previous_case_count 0 the rate is not "
            "applicable and stays empty.",
            "Pareto: groups sort by case_count descending, then direct_loss descending, then the order of "
            "the choices (codes ascending for batch, product, dealer); cumulative_rate is the running count "
            "/ total; is_focus marks the smallest prefix with cumulative_rate >= 80 %, compared before "
            "rounding.",
            "Replies on time: denominator = cases replied before the month's end or whose received_at + 24 "
            "h lies before it; numerator = of these replied_at <= received_at + 24 h (exactly 24:00:00 is "
            "on time).",
            "Arrivals on time: denominator = on_site cases arrived before the month's end or whose "
            "arrive_due_at lies before it; numerator = of these arrived_at <= arrive_due_at (24 h in "
            "province, 48 h out, inclusive); also split in_province / out_of_province.",
            "BR-15 major incidents: direct_loss >= 20000.00 counts, 19999.99 does not.",
            "Closed: denominator = the month's cases; numerator = of these closed_at before the month's "
            "end; a later closing is still open in this summary.",
            "BR-19 callback rate: denominator = the month's cases closed before the month's end; numerator "
            "= of these with a callback_record whose called_at lies before the month's end.",
            "Satisfaction: denominator = cases in that callback numerator, each with the satisfaction_level "
            "of its callback_record; numerator = very_satisfied + satisfied.",
            "open_days = whole 24 h periods between received_at and the month's end 00:00:00, rounded down.",
            "BR-23 same product_batch and fault_category in 3 or more cases of the month makes a "
            "recurrences line (the daily detector over rolling 30 days proposes the order; the summary "
            "shows the month's).",
            "Every rate is numerator / denominator, unrounded inside, shown ROUND_HALF_UP to 2 decimals; "
            "denominator 0 gives is_applicable false and no rate.",
            "Once submitted the record and its lines are frozen; a change of a case later does not alter "
            "it.",
            "Compiling twice over the same rows gives the same lines (idempotent).",
            "submit is refused while data_as_of lies before the month's end (the draft run of the last day "
            "at 20:00 is not the full month).",
        ),
    )
