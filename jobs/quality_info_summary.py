"""质量信息反馈处理汇总表: what a month's summary lists and counts.

The lines are one INSERT ... SELECT over the sheets, and every figure is counted from these lines, so that a figure and
the rows it stands for cannot disagree. Rows written here are unknown to the audit: `compiling.settle` lets the record
account for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from jobs.pareto import ranked
from jobs.reissues import Reissuing
from jobs.compiling import REPORTS, Report, Task, forget_evidence, record_to_write, settle
from models.base import insert_from
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.dealers.quality_info_summary import Case, Figure, QualityInfoSummary, Recurrence
from models.dispatch.callback_record import CallbackRecord
from models.improvement.quality_rectification_order import Case as OrderedCase
from models.improvement.quality_rectification_order import QualityRectificationOrder
from models.intake.quality_info_transfer import QualityInfoTransfer
from models.master.dealer_ledger import DealerLedger
from models.master.product_batch import ProductBatch
from models.people import Unit
from models.reports import Evidence
from models.spec import CALLED_OFF, VOID, Choice, Period
from rules import office, parameters

NAME, SOURCE = "quality_info_summary", "quality_info_transfer"
LINE, SHEET, CALL = Case.__table__.c, QualityInfoTransfer.__table__.c, CallbackRecord.__table__.c
BATCH, DEALER, UNIT = ProductBatch.__table__.c, DealerLedger.__table__.c, Unit.__table__.c
SECTIONS = {choice.value: choice.label.zh for choice in Figure.fields["section"].choices}
NOT_GIVEN = "-"          # the key of cases without a dealer, batch or department: "" is the whole month
LONGEST_FIGURE = Evidence.__table__.c.figure.type.length
NO_MONEY = Decimal(0)
IN, OUT = "in_province", "out_of_province"
PLACES = {IN: "省内", OUT: "省外"}


@dataclass(frozen=True)
class Month:
    """The summary that is written, its span, and the parameters of the month's last day."""

    session: Any
    summary: Any
    period: Period
    start: datetime
    end: datetime
    major_loss: Decimal
    recurrence_count: int
    focus_share: Decimal

    @property
    def mine(self) -> Any:
        return LINE.record_id == self.summary.id


def compile_month(task: Task) -> list[Any]:
    """Write the summary of a month; raises Refused if its record is further on."""
    summary = record_to_write(task, NAME, period=str(task.period))
    month = _month(task, summary)
    _clear(month)
    forget_evidence(task.act, summary)
    sets = _sets(month)
    written = {"cases": _write_cases(month)}
    _keep_evidence(month, sets)
    written["figures"] = _write_figures(month, sets)
    written["recurrences"] = _write_recurrences(month)
    settle(task.act, summary, written)
    return [summary]


def _month(task: Task, summary: Any) -> Month:
    start, end = office.bounds(task.period)
    last_day = office.local(end - timedelta(seconds=1)).date()
    session = task.act.session
    values = (parameters.value(session, name, last_day)
              for name in ("major_incident_loss", "recurrence_count", "focus_share"))
    return Month(session, summary, task.period, start, end, *values)


def _clear(month: Month) -> None:
    for model in (Case, Figure, Recurrence):
        month.session.execute(sa.delete(model.__table__).where(model.__table__.c.record_id == month.summary.id))


# The lines --------------------------------------------------------------------------------------------------------

def _listed(month: Month) -> Any:
    """The sheets of the month, whatever their state, and those received before that were open at its beginning."""
    in_month = sa.and_(SHEET.received_at >= month.start, SHEET.received_at < month.end, SHEET.state != VOID)
    before = sa.and_(SHEET.received_at < month.start, SHEET.state.not_in((VOID, "rejected")))
    # Apart, because a database does not use its index for the two of them joined by OR.
    return sa.union_all(
        sa.select(SHEET.id, sa.false().label("is_carry_over")).where(in_month),
        sa.select(SHEET.id, sa.true().label("is_carry_over")).where(before, SHEET.closed_at.is_(None)),
        sa.select(SHEET.id, sa.true().label("is_carry_over")).where(before, SHEET.closed_at >= month.start),
    ).subquery("listed")


def _last_level(month: Month) -> Any:
    """What the user said in the last call before the month's end."""
    return (sa.select(CALL.satisfaction_level).where(_calls(month, SHEET.id))
            .order_by(CALL.called_at.desc(), CALL.id.desc()).limit(1).scalar_subquery())


def _calls(month: Month, sheet_id: Any) -> Any:
    return sa.and_(CALL.quality_info_transfer_id == sheet_id, CALL.called_at < month.end, CALL.state != VOID)


def _write_cases(month: Month) -> int:
    listed = _listed(month)
    line_no = sa.func.row_number().over(order_by=(listed.c.is_carry_over, SHEET.received_at, SHEET.id))
    is_open = sa.or_(SHEET.closed_at.is_(None), SHEET.closed_at >= month.end)
    seconds = int(month.end.timestamp()) - sa.cast(sa.extract("epoch", SHEET.received_at), sa.BigInteger)
    copied = ("received_at", "customer_id", "dealer_id", "product_name", "product_batch_id", "quantity", "fault_category",
              "fault_description", "responsible_unit", "province", "is_in_province", "handling_mode", "replied_at",
              "reply_due_at", "arrive_due_at", "arrived_at", "closed_at")
    values = {
        "record_id": sa.literal(month.summary.id), "position": line_no - 1, "line_no": line_no,
        "quality_info_transfer_id": SHEET.id, "is_carry_over": listed.c.is_carry_over,
        "is_rejected": SHEET.state == "rejected", **{name: SHEET[name] for name in copied},
        "is_reply_on_time": _on_time(month, SHEET.replied_at, SHEET.reply_due_at),
        "is_arrival_on_time": sa.case(
            (SHEET.handling_mode == "on_site", _on_time(month, SHEET.arrived_at, SHEET.arrive_due_at))),
        "handling_result": sa.func.coalesce(SHEET.reply_text, SHEET.quality_opinion),
        "direct_loss": sa.func.coalesce(SHEET.direct_loss, sa.literal(NO_MONEY, SHEET.direct_loss.type)),
        "is_major": sa.func.coalesce(SHEET.direct_loss >= month.major_loss, sa.false()),
        "satisfaction_level": _last_level(month), "is_open_at_month_end": is_open,
        "open_days": sa.case((is_open, seconds // 86400)),
    }
    source = sa.select(*values.values()).select_from(
        listed.join(QualityInfoTransfer.__table__, SHEET.id == listed.c.id))
    return insert_from(month.session, Case.__table__, list(values), source)


def _on_time(month: Month, done_at: Any, due_at: Any) -> Any:
    """Empty while neither done nor due before the month's end; the limit itself is on time."""
    counts = sa.or_(done_at < month.end, due_at < month.end)
    return sa.case((sa.and_(counts, done_at <= due_at), sa.true()), (counts, sa.false()))


# The figures ------------------------------------------------------------------------------------------------------

COUNTED = sa.and_(LINE.is_carry_over.is_(False), LINE.is_rejected.is_(False))


def _sets(month: Month) -> dict[str, Any]:
    """Figure -> which lines it counts."""
    replied, arrived = LINE.is_reply_on_time, LINE.is_arrival_on_time
    closed = sa.and_(COUNTED, LINE.is_open_at_month_end.is_(False))
    called_back = sa.and_(closed, sa.exists().where(_calls(month, LINE.quality_info_transfer_id)))
    satisfied = LINE.satisfaction_level.in_(("very_satisfied", "satisfied"))
    places = {IN: LINE.is_in_province.is_(True), OUT: LINE.is_in_province.is_not(True)}
    return {
        "total": COUNTED,
        "reply_on_time": sa.and_(COUNTED, replied.is_(True)),
        "reply_on_time/denominator": sa.and_(COUNTED, replied.is_not(None)),
        "arrival_on_time": sa.and_(COUNTED, arrived.is_(True)),
        "arrival_on_time/denominator": sa.and_(COUNTED, arrived.is_not(None)),
        **{f"arrival_on_time:{key}": sa.and_(COUNTED, arrived.is_(True), place) for key, place in places.items()},
        **{f"arrival_on_time:{key}/denominator": sa.and_(COUNTED, arrived.is_not(None), place)
           for key, place in places.items()},
        "direct_loss": sa.and_(COUNTED, LINE.direct_loss > NO_MONEY),
        "major_incident": sa.and_(COUNTED, LINE.is_major.is_(True)),
        "closed": closed,
        "callback": called_back,
        "satisfaction": sa.and_(called_back, satisfied),
        "open_count": sa.and_(LINE.is_rejected.is_(False), LINE.is_open_at_month_end.is_(True)),
    }


@dataclass(frozen=True)
class Group:
    """A section with a line per group: its key and caption in SQL, the order of equals, and which lines it counts."""

    key: Any
    caption: Any = None
    choices: tuple[Choice, ...] = ()
    of: str = "total"
    field: str = ""            # of the line, for the row filter, where that is the key


BATCH_NO = sa.func.coalesce(BATCH.batch_no, SHEET.batch_no)
PARETOS = {
    "by_fault_category": Group(LINE.fault_category, choices=FAULT_CATEGORIES, field="fault_category"),
    "by_product": Group(LINE.product_name, field="product_name"),
    "by_product_batch": Group(BATCH_NO),
    "by_dealer": Group(DEALER.dealer_code, DEALER.name),
    "by_responsible_unit": Group(LINE.responsible_unit, UNIT.name, field="responsible_unit"),
    "loss_by_fault_category": Group(
        LINE.fault_category, choices=FAULT_CATEGORIES, of="direct_loss", field="fault_category"),
}
LEVELS = Group(LINE.satisfaction_level, choices=SATISFACTION_LEVELS, of="callback", field="satisfaction_level")
FILTERS = {
    "total": "", "reply_on_time": '"is_reply_on_time":{"_eq":true}',
    "arrival_on_time": '"is_arrival_on_time":{"_eq":true}',
    f"arrival_on_time:{IN}": '"is_arrival_on_time":{"_eq":true},"is_in_province":{"_eq":true}',
    f"arrival_on_time:{OUT}": '"is_arrival_on_time":{"_eq":true},"is_in_province":{"_eq":false}',
    "direct_loss": '"direct_loss":{"_gt":0}', "major_incident": '"is_major":{"_eq":true}',
    "closed": '"is_open_at_month_end":{"_eq":false}',
    "callback": '"is_open_at_month_end":{"_eq":false},"satisfaction_level":{"_nnull":true}',
    "satisfaction": '"is_open_at_month_end":{"_eq":false},'
                    '"satisfaction_level":{"_in":["very_satisfied","satisfied"]}',
}


def _row_filter(figure: str, more: str = "") -> str | None:
    """Shows in the list of the summary's own lines, which never change behind it, what the numerator counts."""
    parts = ['"is_carry_over":{"_eq":false}', '"is_rejected":{"_eq":false}', FILTERS[figure], more]
    text = "{" + ",".join(part for part in parts if part) + "}"
    return text if len(text) <= 200 else None


def _joined() -> Any:
    """The lines with what their groups are called by."""
    return (Case.__table__
            .join(QualityInfoTransfer.__table__, SHEET.id == LINE.quality_info_transfer_id)
            .outerjoin(ProductBatch.__table__, BATCH.id == LINE.product_batch_id)
            .outerjoin(DealerLedger.__table__, DEALER.id == LINE.dealer_id)
            .outerjoin(Unit.__table__, UNIT.code == LINE.responsible_unit))


def _write_figures(month: Month, sets: dict[str, Any]) -> int:
    tally = _tally(month, sets)
    rows = [*_whole_month(month, tally), *_groups(month, sets, tally)]
    order = list(SECTIONS)
    rows.sort(key=lambda row: order.index(row["section"]))  # stable: groups keep their rank
    for position, row in enumerate(rows):
        row |= {"record_id": month.summary.id, "position": position}
    month.session.execute(sa.insert(Figure.__table__), rows)
    return len(rows)


def _tally(month: Month, sets: dict[str, Any]) -> dict[str, tuple[int, Decimal]]:
    """Figure -> cases and their loss, all in one look at the lines."""
    columns = [column for which in sets.values() for column in (
        sa.func.count().filter(which), sa.func.sum(LINE.direct_loss).filter(which))]
    row = month.session.execute(sa.select(*columns).select_from(Case.__table__).where(month.mine)).one()
    return {name: (row[2 * n], row[2 * n + 1] or NO_MONEY) for n, name in enumerate(sets)}


def _figure(section: str, key: str, caption: str, cases: int, loss: Decimal, numerator: Any, denominator: Any,
            row_filter: str | None, **more: Any) -> dict[str, Any]:
    applies = denominator is None or denominator != 0
    rate = Decimal(numerator) / Decimal(denominator) if denominator else None
    return {
        "section": section, "key": key, "caption": caption, "case_count": cases, "direct_loss": loss,
        "numerator": Decimal(numerator), "denominator": None if denominator is None else Decimal(denominator),
        "rate": rate, "is_applicable": applies, "row_filter": row_filter, "rank": None, "cumulative_rate": None,
        "is_focus": None, **more}


def _whole_month(month: Month, tally: dict[str, tuple[int, Decimal]]) -> Iterable[dict[str, Any]]:
    cases, loss = tally["total"]
    previous = _count_previous(month)
    yield _figure("total", "", SECTIONS["total"], cases, loss, cases, None, _row_filter("total"))
    yield _figure("month_on_month", "", SECTIONS["month_on_month"], cases, loss, cases - previous, previous, None)
    with_loss, _ = tally["direct_loss"]
    yield _figure("direct_loss", "", SECTIONS["direct_loss"], with_loss, loss, loss, None, _row_filter("direct_loss"))
    for section, base in (("reply_on_time", "reply_on_time/denominator"),
                          ("arrival_on_time", "arrival_on_time/denominator"), ("major_incident", "total"),
                          ("closed", "total"), ("callback", "closed"), ("satisfaction", "callback")):
        yield _rate(tally, section, "", SECTIONS[section], base)
    for key, caption in PLACES.items():
        yield _rate(tally, "arrival_on_time", key, caption, f"arrival_on_time:{key}/denominator")


def _rate(tally: dict[str, tuple[int, Decimal]], section: str, key: str, caption: str, base: str) -> dict[str, Any]:
    figure = f"{section}:{key}" if key else section
    cases, loss = tally[figure]
    return _figure(section, key, caption, cases, loss, cases, tally[base][0], _row_filter(figure))


def _groups(month: Month, sets: dict[str, Any], tally: dict[str, tuple[int, Decimal]]) -> Iterable[dict[str, Any]]:
    for section, group in PARETOS.items():
        by_loss = section == "loss_by_fault_category"
        yield from _pareto(section, group, _grouped(month, group, sets), tally[group.of], month.focus_share, by_loss)
    order = [level.value for level in SATISFACTION_LEVELS]
    spoken = [row for row in _grouped(month, LEVELS, sets) if row.key in order]
    for row in sorted(spoken, key=lambda row: order.index(row.key)):
        more = f'"satisfaction_level":{{"_eq":"{row.key}"}},"is_open_at_month_end":{{"_eq":false}}'
        yield _figure("satisfaction_level", row.key, _caption(LEVELS, row), row.cases, row.loss, row.cases,
                      tally["callback"][0], _row_filter("total", more))


def _grouped(month: Month, group: Group, sets: dict[str, Any]) -> list[Any]:
    caption = group.key if group.caption is None else group.caption
    return month.session.execute(
        sa.select(group.key.label("key"), sa.func.min(caption).label("caption"), sa.func.count().label("cases"),
                  sa.func.sum(LINE.direct_loss).label("loss"))
        .select_from(_joined()).where(month.mine, sets[group.of]).group_by(group.key)).all()


def _caption(group: Group, row: Any) -> str:
    label = next((choice.label.zh for choice in group.choices if choice.value == row.key), None)
    return label or row.caption or row.key or "未填"


def _pareto(section: str, group: Group, rows: list[Any], whole: tuple[int, Decimal], share: Decimal,
            by_loss: bool) -> Iterable[dict[str, Any]]:
    """Most cases first, or most loss; equals by the other, then by choice or code."""
    order = {choice.value: n for n, choice in enumerate(group.choices)}
    weigh: Callable[[Any], tuple[Any, Any]] = (
        lambda row: (row.loss, row.cases)) if by_loss else (lambda row: (row.cases, row.loss))
    total = Decimal(whole[1] if by_loss else whole[0])
    for place in ranked(rows, weigh, share, order):
        row = place.row
        more = f'"{group.field}":{{"_eq":"{row.key}"}}' if row.key and group.field and '"' not in row.key else ""
        shown = _row_filter(group.of, more) if more else None
        yield _figure(section, row.key or NOT_GIVEN, _caption(group, row), row.cases, row.loss, weigh(row)[0], total,
                      shown, rank=place.rank, cumulative_rate=place.cumulative_rate, is_focus=place.is_focus)


# What is behind them ----------------------------------------------------------------------------------------------

def _previous_month(month: Month) -> Any:
    start, end = office.bounds(month.period.previous())
    return sa.and_(SHEET.received_at >= start, SHEET.received_at < end, SHEET.state.not_in((VOID, "rejected")))


def _count_previous(month: Month) -> int:
    return month.session.scalar(sa.select(sa.func.count()).select_from(QualityInfoTransfer.__table__)
                                .where(_previous_month(month)))


def _keep_evidence(month: Month, sets: dict[str, Any]) -> None:
    """Which sheets each figure counted, by its name or `section:key`; `/denominator` where that is another set."""
    for figure, which in sets.items():
        _keep(month, sa.literal(figure), LINE.quality_info_transfer_id, Case.__table__, month.mine, which)
    for section, group in {**PARETOS, "satisfaction_level": LEVELS}.items():
        key = sa.func.coalesce(group.key, NOT_GIVEN)
        _keep(month, section + ":" + key, LINE.quality_info_transfer_id, _joined(), month.mine, sets[group.of])
    _keep(month, sa.literal("month_on_month/denominator"), SHEET.id, QualityInfoTransfer.__table__,
          _previous_month(month))


def _keep(month: Month, figure: Any, sheet_id: Any, source: Any, *which: Any) -> None:
    values = {
        "of_type": sa.literal(NAME), "of_id": sa.literal(month.summary.id),
        "figure": sa.func.substr(figure, 1, LONGEST_FIGURE), "source_type": sa.literal(SOURCE), "source_id": sheet_id}
    month.session.execute(sa.insert(Evidence.__table__).from_select(
        list(values), sa.select(*values.values()).select_from(source).where(*which)))


def _write_recurrences(month: Month) -> int:
    """The same fault of the same batch, often enough to propose a rectification order."""
    group = (BATCH_NO, LINE.fault_category)
    linked, cases = sa.func.min(LINE.product_batch_id), sa.func.count()
    often = sa.and_(cases >= month.recurrence_count, linked.is_not(None))
    found = month.session.execute(
        sa.select(BATCH_NO.label("batch_no"), LINE.fault_category, linked.label("batch"), cases.label("cases"))
        .select_from(_joined()).where(month.mine, COUNTED).group_by(*group).having(often)).all()
    order = [choice.value for choice in FAULT_CATEGORIES]
    found.sort(key=lambda row: (-row.cases, row.batch_no, order.index(row.fault_category)))
    orders = _orders(month, group) if found else {}
    rows = [{"record_id": month.summary.id, "position": n, "product_batch_id": row.batch,
             "fault_category": row.fault_category, "case_count": row.cases,
             "quality_rectification_order_id": orders.get((row.batch_no, row.fault_category))}
            for n, row in enumerate(found)]
    if rows:
        month.session.execute(sa.insert(Recurrence.__table__), rows)
    counted = sa.select(LINE.quality_info_transfer_id, BATCH_NO.label("batch_no"), LINE.fault_category,
                        sa.func.count().over(partition_by=group).label("cases"),
                        sa.func.min(LINE.product_batch_id).over(partition_by=group).label("batch"),
                        ).select_from(_joined()).where(month.mine, COUNTED).subquery()
    _keep(month, "recurrence:" + counted.c.batch_no + "/" + counted.c.fault_category,
          counted.c.quality_info_transfer_id, counted, counted.c.cases >= month.recurrence_count,
          counted.c.batch.is_not(None))
    return len(rows)


def _orders(month: Month, group: tuple[Any, ...]) -> dict[tuple[str, str], int]:
    """(batch number, fault) -> the first rectification order that names one of its cases."""
    order, named = QualityRectificationOrder.__table__, OrderedCase.__table__
    found = month.session.execute(
        sa.select(*group, sa.func.min(order.c.id)).select_from(
            _joined().join(named, named.c.quality_info_transfer_id == LINE.quality_info_transfer_id)
            .join(order, order.c.id == named.c.record_id))
        .where(month.mine, COUNTED, order.c.state.not_in(CALLED_OFF)).group_by(*group))
    return {(batch_no, fault_category): order_id for batch_no, fault_category, order_id in found}


REPORTS[NAME] = Report(
    name=NAME, label=QualityInfoSummary.spec.label, period_kind="month", record_type=NAME, compile=compile_month,
    reissue=Reissuing(carried=("quality_opinion",)), sent_to=("quality_engineer", "quality_manager"),
    # Fields of the header, and denominators that are a figure of their own.
    aliases={
        "case_count": "total", "previous_case_count": "month_on_month/denominator", "month_on_month": "total",
        "change_count": "total", "change_rate": "total", "major_incident_count": "major_incident",
        "reply_on_time_rate": "reply_on_time", "arrival_on_time_rate": "arrival_on_time", "closed_rate": "closed",
        "callback_rate": "callback", "satisfaction_rate": "satisfaction", "direct_loss": "direct_loss",
        "open_count": "open_count", "major_incident/denominator": "total", "closed/denominator": "total",
        "callback/denominator": "closed", "satisfaction/denominator": "callback",
        "satisfaction_level/denominator": "callback",
    })
