"""服务商分级考核表: what the sheets of a month or quarter count.

What counts for an indicator is one INSERT ... SELECT per source, for many dealers at once, into a table of this
transaction; every figure is counted from its rows, and each dealer's rows become the evidence of its sheet. The sheets
of these dealers are written together in a savepoint; if that fails, each in one of its own: one dealer's failure stops
no other.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from jobs.reports import (
    BROKEN, NO_DEALER, REPORTS, Made, Report, Task, account_for, forget_evidence, meanwhile, reason, records_to_write,
)
from models.base import Key, Moment
from models.certification.training_record import Attendee, TrainingRecord
from models.dealers.conduct_violation import ConductViolation
from models.dealers.dealer_grade_sheet import (
    APPEAL_IS_OVER, INDICATORS, DealerGradeSheet, Evidence, Indicator, Veto, graded_before,
)
from models.dealers.dealer_grade_sheet import Month as MonthLine
from models.dealers.dealer_monthly_work_report import DealerMonthlyWorkReport
from models.dealers.monthly_quality_report import MonthlyQualityReport
from models.dispatch.work_order import WorkOrder
from models.intake.complaint_tracking_card import ComplaintTrackingCard
from models.intake.quality_info_transfer import QualityInfoTransfer
from models.master.dealer_ledger import DealerLedger
from models.parts.parts_demand_plan import PartsDemandPlan
from models.reports import Evidence as Behind
from models.satisfaction.satisfaction_questionnaire import Answer, SatisfactionQuestionnaire
from models.settings import PARAMETERS
from models.spec import VOID, Invalid, Period, Refused, Text
from models.warranty.customer_repair_file import CustomerRepairFile
from models.warranty.warranty_appraisal import WarrantyAppraisal
from rules import content, office, parameters, records
from rules.act import Act

NAME = "dealer_grade_sheet"
BATCH = 100          # dealers whose evidence is gathered by the same statements
RANK = {choice.value: n for n, choice in enumerate(INDICATORS)}
DEALER, HEAD, LINE = DealerLedger.__table__.c, DealerGradeSheet.__table__.c, Evidence.__table__.c
OUT = (VOID, "cancelled", "rejected", "draft")      # rows that never count
NO_REPAIRS = ("maintenance", "first_service")
EVIDENCE = DealerGradeSheet.spec.lines["evidence"]
OF_GRADES = [name for name in PARAMETERS if name.startswith("grade_")]
EXACT = 10**12       # the largest denominator that a column keeps with its numerator

NOT_GRADED = Text("服务商 {code} 不参加 {period} 的考核（销售网点，或当期不在网）",
                  "Dealer {code} is not graded for {period}: a sales outlet, or not in the network then")
NOBODY = Text("{period} 没有参加考核的服务商", "There is no dealer to grade for {period}")
NO_MONTHS = Text("服务商 {code} 在 {period} 没有月度考核表，请先汇编各月",
                 "Dealer {code} has no monthly sheet in {period}: compile the months first")

# What the sources say, one row per record that counts or was owed; dropped at the end of the transaction.
GATHERED = sa.Table(
    "gathered_grade_evidence", sa.MetaData(),
    sa.Column("dealer_id", Key), sa.Column("rank", sa.Integer), sa.Column("indicator", sa.String(50)),
    sa.Column("source_type", sa.String(60)), sa.Column("source_id", Key), sa.Column("source_number", sa.String(60)),
    sa.Column("happened_at", Moment()), sa.Column("due_at", Moment()), sa.Column("is_counted", sa.Boolean),
    sa.Column("is_hit", sa.Boolean), sa.Column("related_number", sa.String(60)), prefixes=["TEMPORARY"])
ROW = GATHERED.c

# The order of the evidence on a sheet.
PLACE = (ROW.rank, ROW.happened_at.is_(None), ROW.happened_at, ROW.source_type, ROW.source_number, ROW.is_hit)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Month:
    """The month that is graded, its span, and the parameters of its last second."""

    act: Act
    period: Period
    start: datetime
    end: datetime
    report_due: datetime
    plan_due: datetime
    return_days: int
    weights: dict[str, Decimal]

    @property
    def session(self) -> Any:
        return self.act.session

    @property
    def first_day(self) -> date:
        return self.period.day(1)

    @property
    def days(self) -> list[date]:
        return [self.period.day(n + 1) for n in range(self.period.last_day.day)]

    def has(self, moment: Any) -> Any:
        return sa.and_(moment >= self.start, moment < self.end)


@dataclass
class Gathered:
    """What the statements found for a batch of dealers, by dealer."""

    counts: dict[int, dict[str, tuple[int, int]]] = field(default_factory=lambda: defaultdict(dict))
    rows: Counter[int] = field(default_factory=Counter)
    csi: dict[int, Fraction] = field(default_factory=dict)
    reports: dict[tuple[int, str], int] = field(default_factory=dict)
    vetoes: dict[int, list[Any]] = field(default_factory=lambda: defaultdict(list))


def compile_sheets(task: Task) -> list[Any]:
    """The sheets of a month or a quarter, of one dealer or of all; who could not be compiled stands in the task."""
    return _compile_month(task) if task.period.months == 1 else _compile_quarter(task)


def _compile_month(task: Task) -> list[Any]:
    month, made = _month(task), []
    for batch in _batches(task, _graded(month, task.scope)):
        GATHERED.create(month.session.connection(), checkfirst=False)
        found = _gather(month, [dealer.id for dealer in batch])
        made += _each(task, batch, lambda task, dealers, found=found: _write_months(task, month, dealers, found))
        GATHERED.drop(month.session.connection(), checkfirst=False)
    return made


def _month(task: Task) -> Month:
    act, period = task.act, task.period
    start, end = office.bounds(period)
    last = end - timedelta(seconds=1)
    return Month(
        act, period, start, end,
        office.end_of(period.following().day(act.parameter("dealer_report_day", at=start))),
        office.end_of(period.day(act.parameter("parts_plan_day", at=start))),
        act.parameter("repeat_return_days", at=last),
        {name: Decimal(act.parameter(f"grade_weight_{name}", at=last)) for name in RANK})


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


# What counts ------------------------------------------------------------------------------------------------------

def _gather(month: Month, dealers: list[int]) -> Gathered:
    for query in _sources(month, dealers):
        month.session.execute(sa.insert(GATHERED).from_select(list(ROW.keys()), query))
    found = Gathered(csi=_csi(month, dealers))
    hits, counted = sa.func.count().filter(ROW.is_hit, ROW.is_counted), sa.func.count().filter(ROW.is_counted)
    for dealer, indicator, rows, *counts in month.session.execute(
            sa.select(ROW.dealer_id, ROW.indicator, sa.func.count(), hits, counted).group_by(ROW.dealer_id, ROW.indicator)):
        found.counts[dealer][indicator] = tuple(counts)
        found.rows[dealer] += rows
    for dealer, source, id_ in month.session.execute(
            sa.select(ROW.dealer_id, ROW.source_type, ROW.source_id).where(
                ROW.indicator == "report_timeliness", ROW.source_id.is_not(None))):
        found.reports[dealer, source] = id_
    for veto in month.session.execute(_vetoes(month, dealers)):
        found.vetoes[veto.dealer_id].append(veto)
    return found


def _sources(month: Month, dealers: list[int]) -> Iterable[Any]:
    yield _owed(month, dealers, "report_timeliness", MonthlyQualityReport, month.report_due)
    yield _owed(month, dealers, "report_timeliness", DealerMonthlyWorkReport, month.report_due)
    yield _repairs(month, dealers)
    yield _work_orders(month, dealers)
    yield _quality_information(month, dealers)
    yield _questionnaires(month, dealers)
    yield _complaints(month, dealers)
    yield _appraisals(month, dealers)
    yield _owed(month, dealers, "parts_plan_timeliness", PartsDemandPlan, month.plan_due)
    yield _trainings(month, dealers)


def _row(indicator: str, model: Any, source: Any, *, happened_at: Any, is_hit: Any, dealer_id: Any = None,
         due_at: Any = None, is_counted: Any = None, related_number: Any = None) -> Any:
    """SELECT of the columns of GATHERED, in their order; a condition that is unknown does not hold."""
    moment = sa.cast(sa.null(), Moment())
    return sa.select(
        source.dealer_id if dealer_id is None else dealer_id, sa.literal(RANK[indicator]), sa.literal(indicator),
        sa.literal(model.spec.name), source.id, source.number, happened_at, moment if due_at is None else due_at,
        sa.true() if is_counted is None else _holds(is_counted), _holds(is_hit),
        sa.cast(sa.null() if related_number is None else related_number, sa.String(60)))


def _holds(condition: Any) -> Any:
    return sa.case((condition, sa.true()), else_=sa.false())


def _owed(month: Month, dealers: list[int], indicator: str, model: Any, due: datetime) -> Any:
    """One report or plan for every dealer that owes it; its numbers are empty where it does not exist."""
    source = model.__table__.c
    there = sa.select(source.dealer_id, sa.func.max(source.id).label("id")).where(
        source.period == str(month.period), source.state.not_in((VOID, "cancelled"))).group_by(source.dealer_id).subquery()
    is_submitted = sa.and_(source.state.not_in(("draft", "returned")), source.submitted_at <= due)
    stays = sa.or_(DEALER.withdrawn_on > month.period.last_day,
                   sa.and_(DEALER.withdrawn_on.is_(None), DEALER.state != "withdrawn"))
    query = _row(indicator, model, source, dealer_id=DEALER.id, happened_at=source.submitted_at,
                 due_at=sa.literal(due, Moment()), is_hit=is_submitted)
    return query.select_from(
        DealerLedger.__table__.outerjoin(there, there.c.dealer_id == DEALER.id)
        .outerjoin(model.__table__, source.id == there.c.id),
    ).where(DEALER.id.in_(dealers), DEALER.state.in_(("active", "rectifying", "withdrawn")), stays,
            DEALER.outlet_type != "sales_outlet", DEALER.established_on <= month.first_day)


def _repairs(month: Month, dealers: list[int]) -> Any:
    """A repair is no hit if the same fault of the vehicle was repaired by the same dealer so many days before."""
    file = CustomerRepairFile.__table__.c
    window = month.return_days * office.DAY
    # Those completed at the latest moment before it: the frame takes what was completed at the same moment together.
    frame = {"partition_by": (file.dealer_id, file.vehicle_id, file.fault_category), "order_by": file.completed_at,
             "groups": (-1, -1)}
    found = sa.select(
        file.id, file.dealer_id, file.number, file.completed_at, file.fault_category,
        sa.func.max(file.completed_at).over(**frame).label("past_at"), sa.func.max(file.number).over(**frame).label("past"),
    ).where(file.dealer_id.in_(dealers), file.completed_at >= office.start_of(month.first_day - window),
            file.completed_at < month.end, _is_repair(file)).subquery().c
    # Days of the office: the window of a repair begins with the midnight so many days before its own.
    begins = sa.case(*((found.completed_at < office.start_of(day + office.DAY),
                        sa.literal(office.start_of(day - window), Moment())) for day in month.days))
    is_return = sa.and_(found.fault_category.is_not(None), found.past_at >= begins)
    return _row("first_time_fix", CustomerRepairFile, found, happened_at=found.completed_at,
                is_hit=_holds(is_return).is_(False), related_number=sa.case((is_return, found.past)),
                ).where(month.has(found.completed_at))


def _is_repair(file: Any) -> Any:
    return sa.and_(file.state.not_in(OUT), sa.func.coalesce(file.service_kind, "repair").not_in(NO_REPAIRS))


def _work_orders(month: Month, dealers: list[int]) -> Any:
    order = WorkOrder.__table__.c
    return _arrivals(month, dealers, WorkOrder, is_counted=sa.true(), related=None, source=order)


def _quality_information(month: Month, dealers: list[int]) -> Any:
    """One that was dispatched counts through its work order."""
    sheet, order = QualityInfoTransfer.__table__.c, WorkOrder.__table__.c
    dispatched = (sa.select(order.number).where(order.quality_info_transfer_id == sheet.id, order.state.not_in(OUT))
                  .order_by(order.id).limit(1).scalar_subquery())
    is_dispatched = sa.exists().where(order.quality_info_transfer_id == sheet.id, order.state.not_in(OUT))
    return _arrivals(month, dealers, QualityInfoTransfer, is_counted=sa.not_(is_dispatched), related=dispatched, source=sheet)


def _arrivals(month: Month, dealers: list[int], model: Any, *, is_counted: Any, related: Any, source: Any) -> Any:
    """In the month of the earlier of arrival and limit; the limit itself is on time."""
    on_time = source.arrived_at <= source.arrive_due_at
    late = sa.or_(source.arrived_at.is_(None), source.arrived_at > source.arrive_due_at)
    query = _row("arrival_timeliness", model, source, happened_at=source.arrived_at, due_at=source.arrive_due_at,
                 is_counted=is_counted, is_hit=sa.and_(is_counted, on_time), related_number=related)
    return query.where(source.dealer_id.in_(dealers), source.state.not_in(OUT), source.arrive_due_at.is_not(None), sa.or_(
        sa.and_(on_time, month.has(source.arrived_at)), sa.and_(late, month.has(source.arrive_due_at))))


def _questionnaires(month: Month, dealers: list[int]) -> Any:
    form = SatisfactionQuestionnaire.__table__.c
    counts = _is_scored(form)
    query = _row("customer_satisfaction", SatisfactionQuestionnaire, form, happened_at=form.returned_at,
                 is_counted=counts, is_hit=counts)
    return query.where(form.dealer_id.in_(dealers), month.has(form.returned_at), form.state.in_(("scored", "invalid")))


def _is_scored(form: Any) -> Any:
    return sa.and_(form.state == "scored", form.is_valid.is_(True))


def _complaints(month: Month, dealers: list[int]) -> Any:
    card = ComplaintTrackingCard.__table__.c
    query = _row("complaint_closing", ComplaintTrackingCard, card, happened_at=card.closed_at, due_at=card.close_due_at,
                 is_hit=card.closed_at <= card.close_due_at)
    return query.where(card.dealer_id.in_(dealers), month.has(card.close_due_at), card.state.not_in(OUT))


def _appraisals(month: Month, dealers: list[int]) -> Any:
    """Once each with its last result; one that was sent back is not reviewed, whatever its state by now."""
    sheet = WarrantyAppraisal.__table__.c
    query = _row("appraisal_pass", WarrantyAppraisal, sheet, happened_at=sheet.reviewed_at,
                 is_counted=sheet.review_result.in_(("approved", "rejected")), is_hit=sheet.review_result == "approved")
    return query.where(sheet.dealer_id.in_(dealers), month.has(sheet.reviewed_at), sheet.state.not_in((VOID, "cancelled")),
                       sheet.review_result.is_not(None))


def _trainings(month: Month, dealers: list[int]) -> Any:
    """One row per person who had to pass."""
    training, person = TrainingRecord.__table__.c, Attendee.__table__.c
    began = sa.case(*((training.held_on == day, sa.literal(office.start_of(day), Moment())) for day in month.days))
    query = _row("training_pass", TrainingRecord, training, dealer_id=person.dealer_id, happened_at=began,
                 is_hit=person.result == "passed")
    return query.select_from(TrainingRecord.__table__.join(Attendee.__table__, person.record_id == training.id)).where(
        person.dealer_id.in_(dealers), person.is_required.is_(True), training.state.in_(("assessed", "archived")),
        training.held_on >= month.first_day, training.held_on <= month.period.last_day)


def _csi(month: Month, dealers: list[int]) -> dict[int, Fraction]:
    """Dealer -> the mean of its items' scores by their weights, over all forms together and exact."""
    form, answer = SatisfactionQuestionnaire.__table__.c, Answer.__table__.c
    rows = month.session.execute(
        sa.select(form.dealer_id, sa.func.sum(answer.points), sa.func.sum(answer.max_points), sa.func.sum(answer.weight),
                  sa.func.count())
        .select_from(SatisfactionQuestionnaire.__table__.join(Answer.__table__, answer.record_id == form.id))
        .where(form.dealer_id.in_(dealers), month.has(form.returned_at), _is_scored(form), answer.points.is_not(None),
               answer.max_points > 0, answer.weight.is_not(None))
        .group_by(form.dealer_id, answer.item))
    items: dict[int, list[tuple[Fraction, Fraction]]] = defaultdict(list)
    for dealer, points, most, weight, count in rows:  # each form has a copy of the weight
        items[dealer].append((Fraction(weight) / count, Fraction(points) / Fraction(most) * 100))
    total = {dealer: sum(weight for weight, _ in found) for dealer, found in items.items()}
    return {dealer: sum(weight * score for weight, score in found) / total[dealer]
            for dealer, found in items.items() if total[dealer]}


def _vetoes(month: Month, dealers: list[int]) -> Any:
    case = ConductViolation.__table__.c
    return sa.select(case.id, case.number, case.dealer_id, case.violation_type, case.verified_at).where(
        case.dealer_id.in_(dealers), case.is_veto.is_(True), month.has(case.verified_at),
        case.state.in_(("verified", "handled"))).order_by(case.verified_at, case.id)


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
    compile=compile_sheets, of_dealers=True)
