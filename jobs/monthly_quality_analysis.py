"""用户质量信息月分析报告: what the quality information of a month adds up to.

The sources are one INSERT ... SELECT; every group is counted from these lines, so that a figure and the rows it stands
for cannot disagree. What people have written on the analysis stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from jobs import monthly_quality_sources as sources
from jobs.pareto import ranked
from jobs.reissues import Reissuing
from jobs.compiling import REPORTS, Report, Task, account_for, forget_evidence, record_to_write
from models.base import insert_from
from models.choices import FAULT_CATEGORIES
from models.dealers.monthly_quality_analysis import (
    Figure, FocusItem, LateDealer, MonthlyQualityAnalysis, OpenItem, Source,
)
from models.dealers.monthly_quality_report import MonthlyQualityReport
from models.intake.complaint_tracking_card import ComplaintTrackingCard
from models.master.dealer_ledger import DealerLedger
from models.master.vehicle import Vehicle
from models.reports import Evidence
from models.spec import VOID, Period, Text
from models.warranty.warranty_appraisal import WarrantyAppraisal
from rules import office, parameters

NAME = "monthly_quality_analysis"
LINE, DEALER, VEHICLE = Source.__table__.c, DealerLedger.__table__.c, Vehicle.__table__.c
CARD, APPRAISAL = ComplaintTrackingCard.__table__.c, WarrantyAppraisal.__table__.c
SECTIONS = {choice.value: choice.label.zh for choice in Figure.fields["section"].choices}
NOT_GIVEN = "-"          # the key of sources without a model, part, batch, dealer or mileage: "" is the whole month
LONGEST_FIGURE = Evidence.__table__.c.figure.type.length
TREND_MONTHS = 12
COUNTED = LINE.is_counted.is_(True)
# Section -> what its lines are grouped by, and the list whose order decides between equals.
GROUPS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "by_source": (LINE.source_type, tuple(choice.value for choice in Source.fields["source_type"].choices)),
    "by_fault_category": (LINE.fault_category, tuple(choice.value for choice in FAULT_CATEGORIES)),
    "by_vehicle_model": (LINE.vehicle_model, ()),
    "by_part": (LINE.part, ()),
    "by_product_batch": (LINE.batch_no, ()),
    "by_dealer": (DEALER.dealer_code, ()),
    "by_mileage_band": (LINE.mileage_band, sources.BANDS),
}
LABELS = {choice.value: choice.label.zh for field in ("source_type", "fault_category")
          for choice in Source.fields[field].choices}


@dataclass(frozen=True)
class Month:
    """The analysis that is written, and its span."""

    task: Task
    analysis: Any
    period: Period
    start: datetime
    end: datetime

    @property
    def session(self) -> Any:
        return self.task.act.session

    @property
    def mine(self) -> Any:
        return LINE.record_id == self.analysis.id

    def has(self, moment: Any) -> Any:
        return sa.and_(moment >= self.start, moment < self.end)


def compile_month(task: Task) -> list[Any]:
    """Write the analysis of a month; raises Refused if its record is further on."""
    analysis = record_to_write(task, NAME, period=str(task.period))
    month = Month(task, analysis, task.period, *office.bounds(task.period))
    for model in (Figure, Source, OpenItem, LateDealer):
        month.session.execute(sa.delete(model.__table__).where(model.__table__.c.record_id == analysis.id))
    forget_evidence(task.act, analysis)
    written = {"sources": _write_sources(month), "open_items": _write_open_items(month),
               "late_dealers": _write_late_dealers(month)}
    in_use = month.session.scalar(_in_use(month))
    counts = _keep_evidence(month)
    written["figures"] = _write_figures(month, counts, in_use)
    month.session.expire_all()
    analysis.previous_case_count = counts[task.period.previous()]
    analysis.year_ago_case_count = counts[_a_year_before(task.period)]
    analysis.vehicles_in_use, analysis.open_count = in_use, written["open_items"]
    _follow_up(month)
    account_for(task.act, analysis, written)
    return [analysis]


# The lines --------------------------------------------------------------------------------------------------------

def _write_sources(month: Month) -> int:
    found = sources.told(str(month.period), month.start, month.end).subquery("found")
    place = sa.func.row_number().over(order_by=(found.c.source_type, found.c.source_number, found.c.source_id))
    values = {"record_id": sa.literal(month.analysis.id), "position": place - 1,
              **{name: found.c[name] for name in sources.COLUMNS}}
    return insert_from(month.session, Source.__table__, list(values), sa.select(*values.values()))


def _write_open_items(month: Month) -> int:
    found = [row for query in sources.open_at(month.end) for row in month.session.execute(query)]
    found.sort(key=lambda row: (row.received_at, row.number))
    lines = [{"record_id": month.analysis.id, "position": n, "source_number": row.number, "received_at": row.received_at,
              "open_days": (month.end - row.received_at).days, "handler_id": row.handler_id}
             for n, row in enumerate(found)]
    if lines:
        month.session.execute(sa.insert(OpenItem.__table__), lines)
        month.session.execute(sa.insert(Evidence.__table__), [
            {"of_type": NAME, "of_id": month.analysis.id, "figure": "open_count", "source_type": row[0],
             "source_id": row.id} for row in found])
    return len(lines)


def _write_late_dealers(month: Month) -> int:
    """Who owed the report of the month and had not submitted it in time; without a date where there is none yet."""
    report = MonthlyQualityReport.__table__.c
    first, last = month.period.day(1), month.period.last_day
    due = office.end_of(month.period.following().day(month.task.act.parameter("dealer_report_day", at=month.start)))
    stays = sa.or_(DEALER.withdrawn_on > last, sa.and_(DEALER.withdrawn_on.is_(None), DEALER.state != "withdrawn"))
    submitted = sa.select(sa.func.min(report.submitted_at)).where(
        report.dealer_id == DEALER.id, report.period == str(month.period),
        report.state.in_(sources.TOLD)).correlate(DealerLedger.__table__).scalar_subquery()
    rows = month.session.execute(
        sa.select(DEALER.id, submitted.label("submitted_at")).where(
            DEALER.state.in_(("active", "rectifying", "withdrawn")), stays, DEALER.outlet_type != "sales_outlet",
            DEALER.established_on <= first).order_by(DEALER.dealer_code)).all()
    late = [row for row in rows if row.submitted_at is None or row.submitted_at > due]
    if late:
        month.session.execute(sa.insert(LateDealer.__table__), [
            {"record_id": month.analysis.id, "position": n, "dealer_id": row.id, "submitted_at": row.submitted_at}
            for n, row in enumerate(late)])
    return len(late)


def _follow_up(month: Month) -> None:
    """What was promised last month stands here again, so that its progress is told."""
    last = month.session.scalar(sa.select(MonthlyQualityAnalysis).where(
        MonthlyQualityAnalysis.period == str(month.period.previous()), MonthlyQualityAnalysis.state != VOID))
    there = {item.item for item in month.analysis.focus_items if item.is_from_last_month}
    for promised in last.focus_items if last else ():
        if promised.item not in there:
            month.analysis.focus_items.append(FocusItem(
                position=len(month.analysis.focus_items), item=promised.item, direction=promised.direction,
                responsible_unit=promised.responsible_unit, promised_on=promised.promised_on,
                corrective_action_id=promised.corrective_action_id, is_from_last_month=True, progress=promised.progress))


# The figures ------------------------------------------------------------------------------------------------------

def _a_year_before(period: Period) -> Period:
    return period._replace(year=period.year - 1)


def _months(period: Period) -> list[Period]:
    """The month, the eleven before it and the same of last year, latest first."""
    found = [period]
    while len(found) <= TREND_MONTHS:
        found.append(found[-1].previous())
    return found


def _told_in(period: Period) -> Any:
    return _counted_in(str(period), *office.bounds(period))


@lru_cache(64)
def _counted_in(period: str, start: datetime, end: datetime) -> Any:
    """An analysis asks for each of its months several times, and to write the question takes longer than the answer."""
    told = sources.told(period, start, end).subquery()
    return sa.select(told).where(told.c.is_counted.is_(True)).subquery()


def _in_use(month: Month) -> Any:
    """Sold, and neither scrapped nor taken back."""
    return sa.select(sa.func.count()).select_from(Vehicle.__table__).where(
        VEHICLE.delivered_on <= month.period.last_day, VEHICLE.state.not_in((VOID, "scrapped", "returned", "in_stock")))


def _write_figures(month: Month, counts: dict[Period, int], in_use: int) -> int:
    rows = [*_whole_month(month, counts, in_use), *_groups(month), *_rates(month), *_trend(month, counts)]
    order = list(SECTIONS)
    rows.sort(key=lambda row: order.index(row["section"]))   # stable: groups keep their rank
    for position, row in enumerate(rows):
        row |= {"record_id": month.analysis.id, "position": position}
    month.session.execute(sa.insert(Figure.__table__), rows)
    return len(rows)


def _figure(section: str, key: str = "", caption: str = "", **values: Any) -> dict[str, Any]:
    numerator, denominator = values.get("numerator"), values.get("denominator")
    return {
        "section": section, "key": key, "caption": caption or SECTIONS[section], "rank": None, "case_count": None,
        "quantity": None, "amount": None, "previous_case_count": None, "numerator": None, "denominator": None,
        "rate": Decimal(numerator) / Decimal(denominator) if denominator else None, "cumulative_rate": None,
        "is_focus": None, "is_applicable": denominator is None or denominator != 0, "row_filter": None, **values}


def _row_filter(field: str = "", key: str | None = None) -> str | None:
    """Shows in the list of the analysis's own sources, which never change behind it, what the figure counts."""
    more = f',"{field}":{{"_eq":"{key}"}}' if field and key and '"' not in key else ""
    text = '{"is_counted":{"_eq":true}' + more + "}"
    return None if (field and not more) or len(text) > 200 else text


def _totals(month: Month) -> Any:
    return month.session.execute(
        sa.select(sa.func.count(), sa.func.sum(LINE.quantity), sa.func.sum(LINE.amount)).where(month.mine, COUNTED)).one()


def _whole_month(month: Month, counts: dict[Period, int], in_use: int) -> Iterable[dict[str, Any]]:
    cases, quantity, amount = _totals(month)
    shown = {"case_count": cases, "quantity": quantity or 0, "amount": amount or Decimal(0)}
    yield _figure("total", **shown, row_filter=_row_filter())
    for section, period in (("month_on_month", month.period.previous()), ("year_on_year", _a_year_before(month.period))):
        before = counts[period]
        yield _figure(section, **shown, previous_case_count=before, numerator=Decimal(cases - before),
                      denominator=Decimal(before))
    yield _figure("faults_per_thousand", **shown, numerator=Decimal(quantity or 0), denominator=Decimal(in_use))


def _groups(month: Month) -> Iterable[dict[str, Any]]:
    share = parameters.value(month.session, "focus_share", office.local(month.end - timedelta(seconds=1)).date())
    for section, (column, choices) in GROUPS.items():
        rows = month.session.execute(
            sa.select(column.label("key"), sa.func.min(DEALER.name).label("dealer"), sa.func.count().label("cases"),
                      sa.func.sum(LINE.quantity).label("quantity"),
                      sa.func.coalesce(sa.func.sum(LINE.amount), 0).label("amount"))
            .select_from(_joined()).where(month.mine, COUNTED).group_by(column)).all()
        before = _before(month, section)
        whole = Decimal(sum(row.cases for row in rows))
        for place in ranked(rows, _weight, share, {value: n for n, value in enumerate(choices)}):
            row = place.row
            field = column.name if column.table is Source.__table__ else ""
            yield _figure(
                section, row.key or NOT_GIVEN, _caption(section, row), rank=place.rank, case_count=row.cases,
                quantity=row.quantity, amount=row.amount, previous_case_count=before.get(row.key, 0),
                numerator=Decimal(row.cases), denominator=whole, cumulative_rate=place.cumulative_rate,
                is_focus=place.is_focus, row_filter=_row_filter(field or "dealer", row.key))


def _weight(row: Any) -> tuple[int, Decimal]:
    return row.cases, row.amount


def _caption(section: str, row: Any) -> str:
    return LABELS.get(row.key) or (row.dealer if section == "by_dealer" else None) or row.key or "未填"


def _joined() -> Any:
    return Source.__table__.outerjoin(DealerLedger.__table__, DEALER.id == LINE.dealer_id)


def _before(month: Month, section: str) -> dict[str | None, int]:
    """The same groups in the month before."""
    told = _told_in(month.period.previous())
    column = DEALER.dealer_code if section == "by_dealer" else told.c[GROUPS[section][0].name]
    tables = told.outerjoin(DealerLedger.__table__, DEALER.id == told.c.dealer_id)
    return dict(month.session.execute(sa.select(column, sa.func.count()).select_from(tables).group_by(column)).all())


def _rates(month: Month) -> Iterable[dict[str, Any]]:
    for section, hits, whole in _fulfilled(month):
        numerator, denominator = month.session.execute(
            sa.select(sa.func.count().filter(hits), sa.func.count()).where(whole)).one()
        yield _figure(section, case_count=numerator, numerator=Decimal(numerator), denominator=Decimal(denominator))


def _fulfilled(month: Month) -> Iterable[tuple[str, Any, Any]]:
    """Section, what was fulfilled, and of what: complaints due in the month, appraisals reviewed in it."""
    yield ("complaint_closing", CARD.closed_at <= CARD.close_due_at,
           sa.and_(month.has(CARD.close_due_at), CARD.state.not_in(sources.OUT)))
    yield ("appraisal_pass", APPRAISAL.review_result == "approved",
           sa.and_(month.has(APPRAISAL.reviewed_at), APPRAISAL.review_result.in_(("approved", "rejected")),
                   APPRAISAL.state.not_in((VOID, "cancelled"))))


def _trend(month: Month, counts: dict[Period, int]) -> Iterable[dict[str, Any]]:
    for period in reversed(_months(month.period)[:TREND_MONTHS]):
        yield _figure("trend", str(period), str(period), case_count=counts[period])


# What is behind them ----------------------------------------------------------------------------------------------

def _keep_evidence(month: Month) -> dict[Period, int]:
    """Which records each figure counted, by its name or `section:key`; a report stands once for each of its lines. How
    many were counted in this and the earlier months."""
    for figure in ("total", "month_on_month", "year_on_year", "faults_per_thousand"):
        _keep(month, sa.literal(figure), LINE.source_type, LINE.source_id, Source.__table__, month.mine, COUNTED)
    for section, (column, _) in GROUPS.items():
        key = sa.func.coalesce(column, NOT_GIVEN)
        _keep(month, section + ":" + key, LINE.source_type, LINE.source_id, _joined(), month.mine, COUNTED)
    for section, hits, whole in _fulfilled(month):
        model = ComplaintTrackingCard if section == "complaint_closing" else WarrantyAppraisal
        for figure, which in ((section, sa.and_(whole, hits)), (f"{section}/denominator", whole)):
            _keep(month, sa.literal(figure), sa.literal(model.spec.name), model.__table__.c.id, model.__table__, which)
    before = {"year_on_year/denominator": _a_year_before(month.period),
              **{f"trend:{period}": period for period in _months(month.period)[:TREND_MONTHS]}}
    counts = {}
    for figure, period in before.items():
        told = _told_in(period)
        counts[period] = _keep(month, sa.literal(figure), told.c.source_type, told.c.source_id, told)
    kept = Evidence.__table__.c
    _keep(month, sa.literal("month_on_month/denominator"), kept.source_type, kept.source_id, Evidence.__table__,
          kept.of_type == NAME, kept.of_id == month.analysis.id, kept.figure == f"trend:{month.period.previous()}")
    return counts


def _keep(month: Month, figure: Any, source_type: Any, source_id: Any, table: Any, *which: Any) -> int:
    values = {"of_type": sa.literal(NAME), "of_id": sa.literal(month.analysis.id),
              "figure": sa.func.substr(figure, 1, LONGEST_FIGURE), "source_type": source_type, "source_id": source_id}
    return insert_from(month.session, Evidence.__table__, list(values),
                       sa.select(*values.values()).select_from(table).where(*which))


REPORTS[NAME] = Report(
    name=NAME, label=Text("用户质量信息月分析报告", "Monthly user quality analysis"), period_kind="month",
    record_type=NAME, compile=compile_month, sent_to=("customer_service", "quality_manager"),
    reissue=Reissuing(carried=(
        "analysis_text", "improvement_focus", "improvement_direction", "suggestion", "recipients", "focus_items")),
    aliases={"case_count": "total", "previous_case_count": "month_on_month/denominator",
             "year_ago_case_count": "year_on_year/denominator", "change_rate": "total", "year_change_rate": "total"})
