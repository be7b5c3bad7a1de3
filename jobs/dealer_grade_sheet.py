"""服务商分级考核表: the sheets of a month or quarter, compiled from what counts (grade_counts.py).

Each dealer's rows become the evidence of its sheet. The sheets of some dealers are written together in a savepoint; if
that fails, each in one of its own: one dealer's failure stops no other.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from jobs.grade_counts import DEALER, GATHERED, RANK, ROW, Gathered, Month, gather, month_of
from jobs.reissues import Reissuing
from jobs.compiling import (
    BROKEN, NO_DEALER, REPORTS, Made, Report, Task, account_for, forget_evidence, meanwhile, reason, records_to_write,
)
from models.dealers.conduct_violation import ConductViolation
from models.dealers.dealer_grade_sheet import (
    APPEAL_IS_OVER, DealerGradeSheet, Evidence, Indicator, Veto, graded_before,
)
from models.dealers.dealer_grade_sheet import Month as MonthLine
from models.reports import Evidence as Behind
from models.settings import PARAMETERS
from models.spec import VOID, Invalid, Period, Refused, Text
from rules import content, parameters, records
from rules.act import Act

NAME = "dealer_grade_sheet"
BATCH = 100          # dealers whose evidence is gathered by the same statements
HEAD, LINE = DealerGradeSheet.__table__.c, Evidence.__table__.c
EVIDENCE = DealerGradeSheet.spec.lines["evidence"]
OF_GRADES = [name for name in PARAMETERS if name.startswith("grade_")]
EXACT = 10**12       # the largest denominator that a column keeps with its numerator

NOT_GRADED = Text("服务商 {code} 不参加 {period} 的考核（销售网点，或当期不在网）",
                  "Dealer {code} is not graded for {period}: a sales outlet, or not in the network then")
NOBODY = Text("{period} 没有参加考核的服务商", "There is no dealer to grade for {period}")
NO_MONTHS = Text("服务商 {code} 在 {period} 没有月度考核表，请先汇编各月",
                 "Dealer {code} has no monthly sheet in {period}: compile the months first")

# The order of the evidence on a sheet.
PLACE = (ROW.rank, ROW.happened_at.is_(None), ROW.happened_at, ROW.source_type, ROW.source_number, ROW.is_hit)

log = logging.getLogger(__name__)


def compile_sheets(task: Task) -> list[Any]:
    """The sheets of a month or a quarter, of one dealer or of all; who could not be compiled stands in the task."""
    return _compile_month(task) if task.period.months == 1 else _compile_quarter(task)


def _compile_month(task: Task) -> list[Any]:
    month, made = month_of(task.act, task.period), []
    for batch in _batches(task, _graded(month, task.scope)):
        GATHERED.create(month.session.connection(), checkfirst=False)
        found = gather(month, [dealer.id for dealer in batch])
        made += _each(task, batch, lambda task, dealers, found=found: _write_months(task, month, dealers, found))
        GATHERED.drop(month.session.connection(), checkfirst=False)
    return made


def _graded(month: Month, code: str) -> list[Any]:
    """Outlets in the network in the month; sales outlets are not graded. A named one may still be preparing."""
    query = sa.select(DEALER.id, DEALER.dealer_code).where(
        DEALER.state != VOID, DEALER.outlet_type != "sales_outlet", DEALER.established_on <= month.period.last_day,
        sa.or_(DEALER.withdrawn_on >= month.first_day, sa.and_(DEALER.withdrawn_on.is_(None), DEALER.state != "withdrawn")))
    which = DEALER.dealer_code == code if code else DEALER.state.not_in(("candidate", "trained"))
    found = month.session.execute(query.where(which).order_by(DEALER.dealer_code)).all()
    if not found:
        _refuse_nobody(month.act, code, month.period)
    return list(found)


def _refuse_nobody(act: Act, code: str, period: Period) -> None:
    if code and not act.find("dealer_ledger", dealer_code=code):
        raise Refused(NO_DEALER.with_(code=code))
    raise Refused(NOT_GRADED.with_(code=code, period=period) if code else NOBODY.with_(period=period))


def _batches(task: Task, dealers: list[Any]) -> Iterable[list[Any]]:
    """Some dealers at a time; each batch is kept before the next one begins."""
    for start in range(0, len(dealers), BATCH):
        if start:
            task.step(10 + 90 * start // len(dealers))
        yield dealers[start:start + BATCH]


def _each(task: Task, dealers: list[Any], write: Callable[[Task, list[Any]], list[Any]]) -> list[Made]:
    """All sheets at once; if that fails, each by itself, written whole or not at all."""
    if len(dealers) > 1:
        try:
            return _written(task, dealers, write)
        except Exception:
            log.info("grade sheets of %s for %s: one by one", [dealer.dealer_code for dealer in dealers], task.period)
    made = []
    for dealer in dealers:
        try:
            made += _written(task, [dealer], write)
        except DBAPIError:
            raise  # the whole run may be tried again
        except (Refused, Invalid) as no:
            task.left_out.append((dealer.dealer_code, reason(no)))
        except Exception:
            log.exception("grade sheet of %s for %s", dealer.dealer_code, task.period)
            task.left_out.append((dealer.dealer_code, BROKEN))
    return made


def _written(task: Task, dealers: list[Any], write: Callable[[Task, list[Any]], list[Any]]) -> list[Made]:
    """None of the sheets stays in memory: thousands of them are made in a row."""
    session = task.act.session
    # An act of its own: it knows records by their place in memory, which later ones may take.
    act = Act(session, task.act.actor, now=task.act.now)
    try:
        with session.begin_nested():
            sheets = write(replace(task, act=act), dealers)
        made = [Made(sheet.spec, sheet.id) for sheet in sheets]
        for sheet in sheets:
            session.expunge(sheet)
    finally:
        session.info["act"] = task.act
    return made


# The sheet of a month ---------------------------------------------------------------------------------------------

def _sheets(task: Task, dealers: list[Any], key: dict[str, str], loaded: tuple[str, ...]) -> list[Any]:
    """One of each dealer; what went before is looked up for all of them at once."""
    kind, when = key.values()
    task.act.known["graded before", kind, when] = graded_before(task.act, kind, when, [dealer.id for dealer in dealers])
    return records_to_write(task, NAME, [{"dealer": dealer.id, **key} for dealer in dealers], loaded)


def _write_months(task: Task, month: Month, dealers: list[Any], found: Gathered) -> list[Any]:
    act = task.act
    sheets = _sheets(task, dealers, {"sheet_kind": "monthly", "period": str(task.period)}, ("indicators", "vetoes"))
    _set_indicators(act, month, sheets, found)
    parameters.look_up(act.session, OF_GRADES)
    written, statements = _evidence(act, sheets)
    with meanwhile(act.session, statements), records.together(act):
        act.known |= {(Evidence, sheet.id): "[]" for sheet in sheets}
        act.known |= {(Evidence, id_): text for id_, text in content.texts(EVIDENCE, written)}
        for sheet in sheets:
            _write_month(act, month, sheet, found)
    _keep_vetoes(act, sheets)
    return sheets


def _write_month(act: Act, month: Month, sheet: Any, found: Gathered) -> None:
    dealer = sheet.dealer_id
    sheet.monthly_quality_report_id = found.reports.get((dealer, "monthly_quality_report"))
    sheet.dealer_monthly_work_report_id = found.reports.get((dealer, "dealer_monthly_work_report"))
    _set_vetoes(sheet, [(veto.id, veto.verified_at, _veto_reason(veto)) for veto in found.vetoes.get(dealer, ())])
    account_for(act, sheet, {"indicators": len(sheet.indicators), "evidence": found.rows[dealer]})


def _evidence(act: Act, sheets: list[Any]) -> tuple[Any, list[Any]]:
    """What the audit reads of the evidence; and the statements by which the dealers' rows become those of their
    sheets, and what the figures of these name."""
    session, mine = act.session, (ROW.dealer_id.in_([sheet.dealer_id for sheet in sheets]), HEAD.state != VOID)
    taken = GATHERED.join(DealerGradeSheet.__table__, sa.and_(
        HEAD.dealer_id == ROW.dealer_id, HEAD.period == sheets[0].period))
    for sheet in sheets:
        session.expire(sheet, ["evidence"])
    written = session.execute(
        sa.select(HEAD.id, *content.columns(EVIDENCE, ROW)).select_from(taken).where(*mine).order_by(HEAD.id, *PLACE))
    session.execute(sa.delete(Evidence.__table__).where(LINE.record_id.in_([sheet.id for sheet in sheets])))
    forget_evidence(act, *sheets)
    position = (sa.func.row_number().over(partition_by=HEAD.id, order_by=PLACE) - 1).label("position")
    lines = sa.select(HEAD.id, position, *(ROW[name] for name in Evidence.fields)).select_from(taken).where(*mine)
    figures = ((ROW.indicator, ROW.is_hit), (ROW.indicator + "/denominator", sa.true()))
    behind = sa.union(*(
        sa.select(sa.literal(NAME), HEAD.id.label("of_id"), figure.label("figure"), ROW.source_type, ROW.source_id)
        .select_from(taken).where(*mine, ROW.is_counted, which, ROW.source_id.is_not(None)) for figure, which in figures))
    # In the order of the index: it grows fastest at its end.
    return written, [
        _insert(Evidence, ["record_id", "position", *Evidence.fields], lines.order_by(HEAD.id, position)),
        _insert(Behind, ["of_type", "of_id", "figure", "source_type", "source_id"], behind.order_by("of_id", "figure"))]


def _insert(model: Any, columns: list[str], query: Any) -> Any:
    return sa.insert(model.__table__).from_select(columns, query)


def _pair(csi: Fraction | None) -> tuple[Any, Any]:
    """A score of a hundred as the two columns keep it: as itself if four places hold it, else as whole numbers."""
    if csi is None:
        return 0, 0
    if (csi * 10_000).denominator == 1:
        return Decimal(int(csi * 10_000)).scaleb(-4), 100
    share = (csi / 100).limit_denominator(EXACT)
    return share.numerator, share.denominator


def _indicators(sheet: Any, month: Month, found: Gathered) -> list[Any]:
    """The rows stay who they are, with the target and the remark that people gave them."""
    counts = {**found.counts.get(sheet.dealer_id, {}), "customer_satisfaction": _pair(found.csi.get(sheet.dealer_id))}
    present = {row.indicator: row for row in sheet.indicators}
    rows = []
    for name, rank in RANK.items():
        row = present.get(name) or Indicator(indicator=name)
        row.position, row.weight = rank, month.weights[name]
        row.numerator, row.denominator = map(Decimal, counts.get(name, (0, 0)))
        rows.append(row)
    return rows


def _set_indicators(act: Act, month: Month, sheets: list[Any], found: Gathered) -> None:
    """The rows of new sheets are inserted past the session, which would take many times as long."""
    table, rows, new = Indicator.__table__, [], []
    for sheet in sheets:
        if sheet.indicators:
            sheet.indicators = _indicators(sheet, month, found)
            continue
        new.append(sheet)
        for row in _indicators(sheet, month, found):
            row.record_id = sheet.id
            row.derive()
            rows.append({column.name: getattr(row, column.name) for column in table.columns if column.name != "id"})
        act.session.expire(sheet, ["indicators"])
    if rows:
        act.session.execute(sa.insert(table), rows)
        act.session.scalars(sa.select(DealerGradeSheet).where(HEAD.id.in_([sheet.id for sheet in new])).options(
            sa.orm.selectinload(DealerGradeSheet.indicators))).all()


def _veto_reason(veto: Any) -> str:
    return f"{ConductViolation.spec.fields['violation_type'].choice_label(veto.violation_type).zh}（{veto.number}）"


def _set_vetoes(sheet: Any, wanted: Sequence[tuple[int, datetime, str]]) -> None:
    present, rows = {row.conduct_violation_id: row for row in sheet.vetoes}, []
    for position, (violation, verified_at, why) in enumerate(wanted):
        row = present.get(violation) or Veto(conduct_violation_id=violation)
        row.position, row.verified_at, row.reason = position, verified_at, why
        rows.append(row)
    sheet.vetoes = rows


def _keep_vetoes(act: Act, sheets: list[Any]) -> None:
    rows = [{"of_type": NAME, "of_id": sheet.id, "figure": "has_veto", "source_type": ConductViolation.spec.name,
             "source_id": row.conduct_violation_id} for sheet in sheets for row in sheet.vetoes]
    if rows:
        act.session.execute(sa.insert(Behind.__table__), rows)


# The sheet of a quarter -------------------------------------------------------------------------------------------

def _compile_quarter(task: Task) -> list[Any]:
    months = _months_of(task)
    dealers = task.act.session.execute(
        sa.select(DEALER.id, DEALER.dealer_code).where(DEALER.id.in_(sa.select(months.c.dealer_id)))
        .order_by(DEALER.dealer_code)).all()
    if not dealers:
        if task.scope and task.act.find("dealer_ledger", dealer_code=task.scope):
            raise Refused(NO_MONTHS.with_(code=task.scope, period=task.period))
        _refuse_nobody(task.act, task.scope, task.period)
    made = []
    for batch in _batches(task, list(dealers)):
        found = defaultdict(list)
        for row in task.act.session.execute(
                sa.select(months).where(months.c.dealer_id.in_([dealer.id for dealer in batch])).order_by(months.c.period)):
            found[row.dealer_id].append(row)
        made += _each(task, batch, lambda task, dealers, found=found: _write_quarters(task, dealers, found))
    return made


def _months_of(task: Task) -> Any:
    sheet = DealerGradeSheet.__table__.c
    first, last = Period.of(task.period.day(1)), Period.of(task.period.last_day)
    query = sa.select(sheet.id, sheet.dealer_id, sheet.period, sheet.score, sheet.is_rated).where(
        sheet.sheet_kind == "monthly", sheet.state != VOID, sheet.period >= str(first), sheet.period <= str(last))
    if task.scope:
        query = query.where(sheet.dealer_id.in_(sa.select(DEALER.id).where(DEALER.dealer_code == task.scope)))
    return query.subquery()


def _write_quarters(task: Task, dealers: list[Any], months: Mapping[int, list[Any]]) -> list[Any]:
    act = task.act
    sheets = _sheets(task, dealers, {"sheet_kind": "quarterly", "quarter": str(task.period)}, ("months", "vetoes"))
    forget_evidence(act, *sheets)
    vetoes = _vetoes_of([month.id for dealer in dealers for month in months[dealer.id]], act)
    with records.together(act):
        for sheet in sheets:
            _set_months(sheet, months[sheet.dealer_id])
            _set_vetoes(sheet, vetoes.get(sheet.dealer_id, ()))
            account_for(act, sheet, {"months": len(sheet.months)})
    _keep_months(act, sheets)
    _keep_vetoes(act, sheets)
    return sheets


def _vetoes_of(months: list[int], act: Act) -> dict[int, list[Any]]:
    """Dealer -> the violations of its months, each once."""
    veto, found = Veto.__table__.c, defaultdict(dict)
    for dealer, *row in act.session.execute(
            sa.select(HEAD.dealer_id, veto.conduct_violation_id, veto.verified_at, veto.reason)
            .join_from(Veto.__table__, DealerGradeSheet.__table__, HEAD.id == veto.record_id)
            .where(HEAD.id.in_(months)).order_by(veto.verified_at, veto.conduct_violation_id)):
        found[dealer][row[0]] = tuple(row)
    return {dealer: list(rows.values()) for dealer, rows in found.items()}


def _set_months(sheet: Any, months: list[Any]) -> None:
    present, rows = {row.dealer_grade_sheet_id: row for row in sheet.months}, []
    for position, month in enumerate(months):
        row = present.get(month.id) or MonthLine(dealer_grade_sheet_id=month.id)
        row.position, row.period, row.score, row.is_applicable = position, month.period, month.score, bool(month.is_rated)
        rows.append(row)
    sheet.months = rows


def _keep_months(act: Act, sheets: list[Any]) -> None:
    """The score is that of the rated months."""
    rows = [{"of_type": NAME, "of_id": sheet.id, "figure": "score", "source_type": NAME,
             "source_id": row.dealer_grade_sheet_id} for sheet in sheets for row in sheet.months if row.is_applicable]
    if rows:
        act.session.execute(sa.insert(Behind.__table__), rows)


# By the clock -----------------------------------------------------------------------------------------------------

def lapse_reviewed(act: Act) -> int:
    """Sheets that their dealer let pass count as confirmed; how many."""
    waiting = act.session.scalars(sa.select(DealerGradeSheet.id).where(DealerGradeSheet.state == "reviewed")).all()
    lapsed = 0
    for id_ in waiting:
        sheet = act.lock(act.session.get(DealerGradeSheet, id_))
        if sheet.state == "reviewed" and APPEAL_IS_OVER.holds(sheet, act):
            act.make(sheet, "lapse")
            lapsed += 1
    return lapsed


REPORTS[NAME] = Report(
    name=NAME, label=DealerGradeSheet.spec.label, period_kind="month", or_period_kind="quarter", record_type=NAME,
    compile=compile_sheets, of_dealers=True, sent_to=("customer_service",), reissue=Reissuing(table="indicators", carried=(
        "repair_summary", "feedback_summary", "satisfaction_summary", "reward_penalty_measure")))
