"""What each figure counts: for a span of time one row per record, with what it adds to the part and to the whole.

A row belongs to exactly one period: to that of its own moment, or of the limit by which it had to be done. Drafts and
what was called off never count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from jobs import monthly_quality_sources as sources
from models.base import Key
from models.dealers.monthly_quality_report import MonthlyQualityReport
from models.dispatch.callback_record import CallbackRecord
from models.dispatch.phone_dispatch_record import PhoneDispatchRecord
from models.dispatch.service_charge_notice import ServiceChargeNotice
from models.dispatch.work_order import WorkOrder
from models.improvement.corrective_action import CorrectiveAction
from models.intake.complaint_case import ComplaintCase
from models.intake.complaint_tracking_card import ComplaintTrackingCard
from models.intake.customer_contact_memo import CustomerContactMemo
from models.intake.customer_feedback_register import CustomerFeedbackRegister
from models.intake.quality_info_transfer import QualityInfoTransfer
from models.master.vehicle import Vehicle
from models.parts.parts_demand_plan import Part as PlanPart
from models.parts.parts_demand_plan import PartsDemandPlan
from models.parts.parts_shipping_detail import Part as ShippedPart
from models.parts.parts_shipping_detail import PartsShippingDetail
from models.parts.parts_urgent_order import Part as OrderPart
from models.parts.parts_urgent_order import PartsUrgentOrder
from models.sales.hotline_consultation import HotlineConsultation
from models.satisfaction.visit_report import VisitReport
from models.spec import VOID, Period
from models.warranty.customer_repair_file import CustomerRepairFile
from models.warranty.recall_campaign import RecallCampaign
from models.warranty.recall_vehicle import RecallVehicle
from models.warranty.warranty_appraisal import WarrantyAppraisal
from rules import office

OUT = sources.OUT
LONGEST_LIMIT = timedelta(days=62)   # between an intake and its limit; lets the intake's index find what is due
NO_REPAIRS = ("maintenance", "first_service")
# The types of `monthly_quality_sources.told()`, in its order.
TELLING = (MonthlyQualityReport, ComplaintTrackingCard, CustomerFeedbackRegister, WarrantyAppraisal)
SATISFIED = ("very_satisfied", "satisfied")
NOT_IN_USE = (VOID, "scrapped", "returned", "in_stock")

SHEET, CARD, CASE = QualityInfoTransfer.__table__.c, ComplaintTrackingCard.__table__.c, ComplaintCase.__table__.c
ORDER, REPAIR, CALL = WorkOrder.__table__.c, CustomerRepairFile.__table__.c, CallbackRecord.__table__.c
ENQUIRY, REQUEST, MEMO = HotlineConsultation.__table__.c, PhoneDispatchRecord.__table__.c, CustomerContactMemo.__table__.c
VISIT, CHARGE, APPRAISAL = VisitReport.__table__.c, ServiceChargeNotice.__table__.c, WarrantyAppraisal.__table__.c
PLAN, URGENT, DETAIL = PartsDemandPlan.__table__.c, PartsUrgentOrder.__table__.c, PartsShippingDetail.__table__.c
RECALL, CAMPAIGN, ACTION = RecallVehicle.__table__.c, RecallCampaign.__table__.c, CorrectiveAction.__table__.c
VEHICLE, SHIPPED = Vehicle.__table__.c, ShippedPart.__table__.c


class Rows(NamedTuple):
    """Records of one type: a select of id, part, whole and whose they are."""

    model: Any
    query: Any


@dataclass(frozen=True)
class Span:
    """A period of the office, looked at from a moment: what is not due by then is not late."""

    period: Period
    start: datetime
    end: datetime
    now: datetime

    @classmethod
    def of(cls, period: Period, now: datetime) -> Span:
        return cls(period, *office.bounds(period), now)

    def has(self, moment: Any) -> Any:
        return sa.and_(moment >= self.start, moment < self.end)

    def has_day(self, day: Any) -> Any:
        return sa.and_(day >= self.period.day(1), day <= self.period.last_day)

    def owes(self, done: Any, due: Any) -> Any:
        """The limit lies in the period, and it was kept already or has passed."""
        return sa.and_(self.has(due), sa.or_(done.is_not(None), due < self.now))

    def began(self, moment: Any) -> Any:
        """Something with a limit in the period began so long before its end."""
        return sa.and_(moment >= self.start - LONGEST_LIMIT, moment < self.end)


Question = Callable[[Span], Iterator[Rows]]
WHOSE = ("dealer_id", "unit", "technician_id", "taken_by_id")


def _rows(model: Any, *where: Any, part: Any = None, whole: Any = None, tables: Any = None, id_: Any = None,
          is_whole: bool = True, **whose: Any) -> Rows:
    """`part` is the condition under which a row is of the part too. A row counts as one unless `whole` says how much it
    is; with `is_whole` false the whole is told by other rows."""
    table = model.__table__
    places = {"dealer_id": getattr(table.c, "dealer_id", None), "unit": getattr(table.c, "responsible_unit", None),
              "technician_id": getattr(table.c, "technician_id", None), "taken_by_id": None, **whose}
    empty = {name: sa.cast(sa.null(), sa.String(50) if name == "unit" else Key) for name in WHOSE}
    query = sa.select(
        (table.c.id if id_ is None else id_).label("id"), _weight(part, whole).label("part"),
        (sa.literal(0) if not is_whole else sa.literal(1) if whole is None else whole).label("whole"),
        *((empty[name] if places[name] is None else places[name]).label(name) for name in WHOSE),
    ).select_from(table if tables is None else tables).where(*where)
    return Rows(model, query)


def _weight(part: Any, whole: Any) -> Any:
    if part is None:
        return sa.literal(0)
    if whole is None:
        return sa.case((part, 1), else_=0)
    return sa.case((part, whole), else_=_nothing(whole))


def _nothing(like: Any) -> Any:
    return sa.literal(0 if isinstance(like.type, sa.Integer) else Decimal(0), like.type)


def _amount(column: Any) -> Any:
    return sa.func.coalesce(column, _nothing(column))


# What came in -----------------------------------------------------------------------------------------------------

def quality_info_received(span: Span) -> Iterator[Rows]:
    yield _rows(QualityInfoTransfer, span.has(SHEET.received_at), SHEET.state.not_in(OUT), taken_by_id=SHEET.created_by_id)


def direct_loss(span: Span) -> Iterator[Rows]:
    yield _rows(QualityInfoTransfer, span.has(SHEET.received_at), SHEET.state.not_in(OUT), SHEET.direct_loss > Decimal(0),
                whole=_amount(SHEET.direct_loss), taken_by_id=SHEET.created_by_id)


def closed(span: Span) -> Iterator[Rows]:
    """Of what was received in the period: closed by its end."""
    yield _rows(QualityInfoTransfer, span.has(SHEET.received_at), SHEET.state.not_in(OUT), part=SHEET.closed_at < span.end,
                taken_by_id=SHEET.created_by_id)


def complaints_received(span: Span) -> Iterator[Rows]:
    yield from _complaints(lambda of: span.has(of.received_at))


def complaint_closed(span: Span) -> Iterator[Rows]:
    yield from _complaints(lambda of: span.has(of.received_at), part=lambda of: of.closed_at < span.end)


def complaint_on_time(span: Span) -> Iterator[Rows]:
    yield from _complaints(lambda of: sa.and_(span.began(of.received_at), span.owes(of.closed_at, of.close_due_at)),
                           part=lambda of: of.closed_at <= of.close_due_at)


def _complaints(when: Callable[[Any], Any], part: Callable[[Any], Any] | None = None) -> Iterator[Rows]:
    """Tracking cards, and the cases that no living card tells of. One that goes on as an abnormality was none."""
    for model, of, taken_by, once in (
            (ComplaintTrackingCard, CARD, CARD.handler_id, sa.true()), (ComplaintCase, CASE, CASE.created_by_id, _is_no_card())):
        yield _rows(model, when(of), of.state.not_in((*OUT, "converted")), once, part=part and part(of), taken_by_id=taken_by)


def _is_no_card() -> Any:
    card = ComplaintTrackingCard.__table__.alias("told_card").c
    return ~sa.exists().where(card.complaint_case_id == CASE.id, card.state.not_in(OUT))


def complaint_share(span: Span) -> Iterator[Rows]:
    """Complaints among all that users told: feedback, requests for service and enquiries count once, where they began
    as what they are."""
    yield _rows(ComplaintTrackingCard, span.has(CARD.received_at), CARD.state.not_in(OUT),
                part=CARD.feedback_kind == "complaint", taken_by_id=CARD.handler_id)
    yield _rows(ComplaintCase, span.has(CASE.received_at), CASE.state.not_in((*OUT, "converted")), _is_no_card(),
                part=sa.true(), taken_by_id=CASE.created_by_id)
    yield _rows(PhoneDispatchRecord, span.has(REQUEST.received_at), REQUEST.state.not_in(OUT))
    passed_on = (ENQUIRY.complaint_case_id, ENQUIRY.complaint_tracking_card_id, ENQUIRY.phone_dispatch_record_id)
    yield _rows(HotlineConsultation, span.has(ENQUIRY.received_at), ENQUIRY.state.not_in(OUT),
                *(column.is_(None) for column in passed_on), taken_by_id=ENQUIRY.handler_id)


def enquiries_received(span: Span) -> Iterator[Rows]:
    yield _rows(HotlineConsultation, span.has(ENQUIRY.received_at), ENQUIRY.state.not_in(OUT), taken_by_id=ENQUIRY.handler_id)


def contacts(span: Span) -> Iterator[Rows]:
    yield _rows(CustomerContactMemo, span.has(MEMO.contacted_at), MEMO.state.not_in(OUT), taken_by_id=MEMO.handler_id)


def visits(span: Span) -> Iterator[Rows]:
    yield _rows(VisitReport, span.has_day(VISIT.visited_on), VISIT.state.not_in(OUT), taken_by_id=VISIT.visitor_id)


# In time ----------------------------------------------------------------------------------------------------------

def reply_on_time(span: Span) -> Iterator[Rows]:
    yield _replies(span, QualityInfoTransfer, SHEET, SHEET.created_by_id)


def enquiry_reply_on_time(span: Span) -> Iterator[Rows]:
    yield _replies(span, HotlineConsultation, ENQUIRY, ENQUIRY.handler_id)


def _replies(span: Span, model: Any, of: Any, taken_by: Any) -> Rows:
    return _rows(model, span.began(of.received_at), span.owes(of.replied_at, of.reply_due_at), of.state.not_in(OUT),
                 part=of.replied_at <= of.reply_due_at, taken_by_id=taken_by)


def arrival_on_time(span: Span) -> Iterator[Rows]:
    """In the period of the earlier of arrival and limit. A quality information that was dispatched counts through its
    work order."""
    is_dispatched = sa.exists().where(ORDER.quality_info_transfer_id == SHEET.id, ORDER.state.not_in(OUT))
    yield _arrivals(span, WorkOrder, ORDER)
    yield _arrivals(span, QualityInfoTransfer, SHEET, ~is_dispatched, taken_by_id=SHEET.created_by_id)


def _arrivals(span: Span, model: Any, of: Any, *where: Any, **whose: Any) -> Rows:
    on_time = of.arrived_at <= of.arrive_due_at
    late = sa.and_(sa.or_(of.arrived_at.is_(None), of.arrived_at > of.arrive_due_at), of.arrive_due_at < span.now)
    counts = sa.or_(sa.and_(on_time, span.has(of.arrived_at)), sa.and_(late, span.has(of.arrive_due_at)))
    return _rows(model, span.began(of.received_at), of.state.not_in(OUT), counts, *where, part=on_time, **whose)


def action_on_time(span: Span) -> Iterator[Rows]:
    yield _rows(CorrectiveAction, span.owes(ACTION.action_done_at, ACTION.due_at), ACTION.state.not_in(OUT),
                part=ACTION.action_done_at <= ACTION.due_at)


# Service ----------------------------------------------------------------------------------------------------------

def repairs(span: Span) -> Iterator[Rows]:
    yield _rows(CustomerRepairFile, *_repaired(span))


def first_time_fix(span: Span) -> Iterator[Rows]:
    """Maintenance and first services are no repairs; what comes back with its fault within the days was not mended."""
    yield _rows(CustomerRepairFile, *_repaired(span), part=REPAIR.is_repeat_repair.is_not(True))


def _repaired(span: Span) -> tuple[Any, ...]:
    is_repair = sa.func.coalesce(REPAIR.service_kind, "repair").not_in(NO_REPAIRS)
    return span.has(REPAIR.completed_at), REPAIR.state.not_in(OUT), is_repair


def callback(span: Span) -> Iterator[Rows]:
    """One is owed for every service that was completed in the period."""
    yield _rows(CallbackRecord, span.has(CALL.served_at), CALL.state.not_in(OUT), part=CALL.called_at.is_not(None))


def satisfaction(span: Span) -> Iterator[Rows]:
    """Of the users who were reached about a service of the period."""
    yield _rows(CallbackRecord, span.has(CALL.served_at), CALL.state.not_in(OUT), CALL.is_reached.is_(True),
                part=CALL.satisfaction_level.in_(SATISFIED))


def receivable(span: Span) -> Iterator[Rows]:
    """Users agreed to it in the period and had not paid by its end."""
    unpaid = sa.or_(CHARGE.paid_at.is_(None), CHARGE.paid_at >= span.end)
    yield _rows(ServiceChargeNotice, span.has(CHARGE.signed_at), CHARGE.state.in_(("accepted", "charged")), unpaid,
                whole=_amount(CHARGE.amount))


# Warranty, recalls ------------------------------------------------------------------------------------------------

def warranty_rejected(span: Span) -> Iterator[Rows]:
    yield _rows(WarrantyAppraisal, *_reviewed(span), part=APPRAISAL.review_result == "rejected")


def warranty_rejected_amount(span: Span) -> Iterator[Rows]:
    yield _rows(WarrantyAppraisal, *_reviewed(span), part=APPRAISAL.review_result == "rejected",
                whole=_amount(APPRAISAL.amount))


def _reviewed(span: Span) -> tuple[Any, ...]:
    return (span.has(APPRAISAL.reviewed_at), APPRAISAL.review_result.in_(("approved", "rejected")),
            APPRAISAL.state.not_in((VOID, "cancelled")))


def recall_done(span: Span) -> Iterator[Rows]:
    """The vehicles of the campaigns that ran in the period, as they stood at its end."""
    runs = sa.exists().where(
        CAMPAIGN.id == RECALL.recall_campaign_id, CAMPAIGN.state.not_in(OUT),
        sa.or_(CAMPAIGN.closed_at.is_(None), CAMPAIGN.closed_at >= span.start))
    yield _rows(RecallVehicle, RECALL.created_at < span.end, RECALL.state != VOID, runs,
                part=sa.and_(RECALL.state == "done", RECALL.completed_at < span.end))


def faults_per_thousand(span: Span) -> Iterator[Rows]:
    """The faults of the monthly analyses, to the vehicles that are sold and neither scrapped nor taken back."""
    months = [Period(span.period.year, span.period.first_month + n, 1) for n in range(span.period.months)]
    told = [sources.told(str(month), *office.bounds(month)).selects for month in months]
    for model, selects in zip(TELLING, zip(*told, strict=True), strict=True):
        row = sa.union_all(*selects).subquery()
        yield _rows(model, row.c.is_counted.is_(True), part=sa.true(), whole=row.c.quantity, is_whole=False, tables=row,
                    id_=row.c.source_id, dealer_id=row.c.dealer_id, unit=None, technician_id=None)
    yield _rows(Vehicle, VEHICLE.delivered_on <= span.period.last_day, VEHICLE.state.not_in(NOT_IN_USE))


# Parts ------------------------------------------------------------------------------------------------------------

def parts_line_fill(span: Span) -> Iterator[Rows]:
    for model, tables, where, asked, first in _ordered(span):
        yield _rows(model, *where, part=first >= asked, tables=tables)


def parts_quantity_fill(span: Span) -> Iterator[Rows]:
    for model, tables, where, asked, first in _ordered(span):
        rows = _rows(model, *where, whole=asked, tables=tables)
        shipped = sa.case((first > asked, asked), else_=first).label("part")
        yield Rows(model, rows.query.with_only_columns(*(
            shipped if column.name == "part" else column for column in rows.query.selected_columns)))


def _ordered(span: Span) -> Iterator[tuple[Any, Any, Any, Any, Any]]:
    """The lines of plans and urgent orders that were accepted in the period, and what the first shipment of each
    brought of them."""
    for model, of, line in ((PartsDemandPlan, PLAN, PlanPart), (PartsUrgentOrder, URGENT, OrderPart)):
        row = line.__table__.c
        asked = sa.func.coalesce(row.accepted_quantity, row.quantity) if model is PartsDemandPlan else row.quantity
        asked = sa.type_coerce(asked, row.quantity.type)
        names = SHIPPED[f"{model.spec.name}_id"]
        on_the_way = (names == of.id, DETAIL.state.in_(("shipped", "received")))
        both = ShippedPart.__table__.join(PartsShippingDetail.__table__, DETAIL.id == SHIPPED.record_id)
        first_at = (sa.select(sa.func.min(DETAIL.shipped_at)).select_from(both).where(*on_the_way)
                    .correlate(model.__table__).scalar_subquery())
        first = (sa.select(sa.func.sum(SHIPPED.quantity)).select_from(both)
                 .where(*on_the_way, SHIPPED.part_no == row.part_no, DETAIL.shipped_at == first_at)
                 .correlate(model.__table__, line.__table__).scalar_subquery())
        tables = line.__table__.join(model.__table__, of.id == row.record_id)
        where = span.has(of.accepted_at), of.state.not_in(OUT), asked > Decimal(0)
        yield model, tables, where, asked, sa.type_coerce(sa.func.coalesce(first, _nothing(row.quantity)), row.quantity.type)


def parts_on_time(span: Span) -> Iterator[Rows]:
    """Urgent orders, due when the dealer was promised them, else when it needs them."""
    due = sa.type_coerce(sa.func.coalesce(URGENT.promised_at, URGENT.needed_at), URGENT.needed_at.type)
    line = OrderPart.__table__
    yield _rows(PartsUrgentOrder, span.owes(URGENT.received_at, due), URGENT.state.not_in(OUT),
                part=URGENT.received_at <= due, whole=line.c.quantity,
                tables=line.join(PartsUrgentOrder.__table__, URGENT.id == line.c.record_id))
