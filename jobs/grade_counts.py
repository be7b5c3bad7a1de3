"""What counts for the grade of a dealer's month: one INSERT ... SELECT per source, for many dealers at once, into a table
of the transaction, and the counts of what stands there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from models.base import Key, Moment, insert_from
from models.certification.training_record import Attendee, TrainingRecord
from models.dealers.conduct_violation import ConductViolation
from models.dealers.dealer_grade_sheet import INDICATORS
from models.dealers.dealer_monthly_work_report import DealerMonthlyWorkReport
from models.dealers.monthly_quality_report import MonthlyQualityReport
from models.dispatch.work_order import WorkOrder
from models.intake.complaint_tracking_card import ComplaintTrackingCard
from models.intake.quality_info_transfer import QualityInfoTransfer
from models.master.dealer_ledger import DealerLedger
from models.parts.parts_demand_plan import PartsDemandPlan
from models.satisfaction.satisfaction_questionnaire import Answer, SatisfactionQuestionnaire
from models.spec import VOID, Period
from models.warranty.customer_repair_file import CustomerRepairFile
from models.warranty.warranty_appraisal import WarrantyAppraisal
from rules import areas, office
from rules.act import Act

RANK = {choice.value: n for n, choice in enumerate(INDICATORS)}
DEALER = DealerLedger.__table__.c
OUT = (VOID, "cancelled", "rejected", "draft")      # rows that never count
NO_REPAIRS = ("maintenance", "first_service")

# What the sources say, one row per record that counts or was owed; dropped at the end of the transaction.
GATHERED = sa.Table(
    "gathered_grade_evidence", sa.MetaData(),
    sa.Column("dealer_id", Key), sa.Column("rank", sa.Integer), sa.Column("indicator", sa.String(50)),
    sa.Column("source_type", sa.String(60)), sa.Column("source_id", Key), sa.Column("source_number", sa.String(60)),
    sa.Column("happened_at", Moment()), sa.Column("due_at", Moment()), sa.Column("is_counted", sa.Boolean),
    sa.Column("is_hit", sa.Boolean), sa.Column("related_number", sa.String(60)), prefixes=["TEMPORARY"])
ROW = GATHERED.c


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


def month_of(act: Act, period: Period) -> Month:
    start, end = office.bounds(period)
    last = end - timedelta(seconds=1)
    return Month(
        act, period, start, end,
        office.end_of(period.following().day(act.parameter("dealer_report_day", at=start))),
        office.end_of(period.day(act.parameter("parts_plan_day", at=start))),
        act.parameter("repeat_return_days", at=last),
        {name: Decimal(act.parameter(f"grade_weight_{name}", at=last)) for name in RANK})


# What counts ------------------------------------------------------------------------------------------------------

def gather(month: Month, dealers: list[int]) -> Gathered:
    for query in _sources(month, dealers):   # of areas that are switched off nothing is owed and nothing counts
        insert_from(month.session, GATHERED, list(ROW.keys()), query)
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
    asked: tuple[tuple[Any, Callable[..., Any], tuple[Any, ...]], ...] = (
        (MonthlyQualityReport, _owed, ("report_timeliness", MonthlyQualityReport, month.report_due)),
        (DealerMonthlyWorkReport, _owed, ("report_timeliness", DealerMonthlyWorkReport, month.report_due)),
        (CustomerRepairFile, _repairs, ()),
        (WorkOrder, _work_orders, ()),
        (QualityInfoTransfer, _quality_information, ()),
        (SatisfactionQuestionnaire, _questionnaires, ()),
        (ComplaintTrackingCard, _complaints, ()),
        (WarrantyAppraisal, _appraisals, ()),
        (PartsDemandPlan, _owed, ("parts_plan_timeliness", PartsDemandPlan, month.plan_due)),
        (TrainingRecord, _trainings, ()),
    )
    for model, ask, more in asked:
        if not areas.is_off(model.spec):
            yield ask(month, dealers, *more)


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
