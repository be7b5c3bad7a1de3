"""What users told in a span of time, and in which record it was told first: the rows behind the monthly analysis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.dealers.monthly_quality_report import Item, MonthlyQualityReport
from models.intake.complaint_tracking_card import ComplaintTrackingCard
from models.intake.customer_feedback_register import CustomerFeedbackRegister
from models.master.product_batch import ProductBatch
from models.master.vehicle import Vehicle
from models.spec import VOID
from models.warranty.warranty_appraisal import Part, WarrantyAppraisal

OUT = (VOID, "cancelled", "rejected", "draft")      # rows that never count
TOLD = ("submitted", "accepted")                    # reports that do
# Upper ends in km, with what people call them.
MILEAGE_BANDS = ((10_000, "1万公里以下"), (20_000, "1–2万公里"), (30_000, "2–3万公里"), (50_000, "3–5万公里"),
                 (80_000, "5–8万公里"))
BEYOND = "8万公里及以上"
BANDS = (*(label for _, label in MILEAGE_BANDS), BEYOND)

REPORT, ITEM = MonthlyQualityReport.__table__.c, Item.__table__.c
CARD, REGISTER = ComplaintTrackingCard.__table__.c, CustomerFeedbackRegister.__table__.c
APPRAISAL, VEHICLE, BATCH = WarrantyAppraisal.__table__.c, Vehicle.__table__.c, ProductBatch.__table__.c
COLUMNS = ("source_type", "source_id", "source_number", "dealer_id", "fault_category", "quantity", "amount",
           "vehicle_model", "part", "batch_no", "mileage_band", "is_counted")


def told(period: str, start: datetime, end: datetime) -> Any:
    """SELECT of COLUMNS: the lines of the month's reports, and the cards, register rows and appraisals received within
    the span. Where several of them tell of one event, the card counts before the appraisal, and either of them before
    the report's line and the register's row."""
    return sa.union_all(_report_lines(period), _cards(start, end), _register(start, end), _appraisals(start, end))


def _report_lines(period: str) -> Any:
    second = sa.or_(_is_card(ITEM.complaint_tracking_card_id), _is_appraisal(ITEM.warranty_appraisal_id))
    tables = (Item.__table__.join(MonthlyQualityReport.__table__, REPORT.id == ITEM.record_id)
              .outerjoin(ProductBatch.__table__, BATCH.id == ITEM.product_batch_id))
    number = REPORT.number + "/" + sa.cast(ITEM.line_no, sa.String(20))
    return _row(MonthlyQualityReport, REPORT.id, number, REPORT.dealer_id, ITEM.fault_category, ITEM.quantity,
                ITEM.amount, ITEM.model, sa.func.coalesce(ITEM.part_no, ITEM.part_name), ITEM.mileage, sa.not_(second),
                ).select_from(tables).where(REPORT.period == period, REPORT.state.in_(TOLD))


def _cards(start: datetime, end: datetime) -> Any:
    tables = _with_vehicle(ComplaintTrackingCard, CARD.vehicle_id, VEHICLE.product_batch_id)
    return _row(ComplaintTrackingCard, CARD.id, CARD.number, CARD.dealer_id, CARD.fault_category, sa.literal(1), None,
                VEHICLE.model, None, CARD.mileage, sa.true(),
                ).select_from(tables).where(CARD.received_at >= start, CARD.received_at < end, CARD.state.not_in(OUT))


def _register(start: datetime, end: datetime) -> Any:
    batch = sa.func.coalesce(REGISTER.product_batch_id, VEHICLE.product_batch_id)
    tables = _with_vehicle(CustomerFeedbackRegister, REGISTER.vehicle_id, batch)
    return _row(CustomerFeedbackRegister, REGISTER.id, REGISTER.number, REGISTER.dealer_id, REGISTER.fault_category,
                sa.literal(1), REGISTER.direct_loss, VEHICLE.model, None, None,
                sa.not_(_is_card(REGISTER.complaint_tracking_card_id)),
                ).select_from(tables).where(
        REGISTER.received_at >= start, REGISTER.received_at < end, REGISTER.state.not_in(OUT))


def _appraisals(start: datetime, end: datetime) -> Any:
    """One that a report's line names together with a card tells of what the card told."""
    of_a_card = sa.exists().select_from(
        Item.__table__.join(MonthlyQualityReport.__table__, REPORT.id == ITEM.record_id)).where(
        ITEM.warranty_appraisal_id == APPRAISAL.id, REPORT.state.in_(TOLD), _is_card(ITEM.complaint_tracking_card_id))
    part = Part.__table__.c
    main = sa.select(sa.func.min(part.part_no)).where(
        part.record_id == APPRAISAL.id, part.is_main_fault_part.is_(True)).correlate(WarrantyAppraisal.__table__)
    tables = WarrantyAppraisal.__table__.outerjoin(ProductBatch.__table__, BATCH.id == APPRAISAL.product_batch_id)
    return _row(WarrantyAppraisal, APPRAISAL.id, APPRAISAL.number, APPRAISAL.dealer_id, APPRAISAL.fault_category,
                sa.literal(1), APPRAISAL.amount, APPRAISAL.model, main.scalar_subquery(), APPRAISAL.mileage,
                sa.not_(of_a_card)).select_from(tables).where(
        APPRAISAL.received_at >= start, APPRAISAL.received_at < end, APPRAISAL.state.not_in(OUT))


def _row(model: Any, *values: Any) -> Any:
    """The values in the order of COLUMNS, the mileage as its band and the batch as its number."""
    id_, number, dealer, fault, quantity, amount, vehicle_model, part, mileage, counts = values
    word = sa.String(200)
    return sa.select(
        sa.literal(model.spec.name).label("source_type"), id_.label("source_id"), number.label("source_number"),
        dealer.label("dealer_id"), fault.label("fault_category"), quantity.label("quantity"),
        sa.cast(sa.null() if amount is None else amount, ITEM.amount.type).label("amount"),
        vehicle_model.label("vehicle_model"), sa.cast(sa.null() if part is None else part, word).label("part"),
        BATCH.batch_no.label("batch_no"), _band(mileage).label("mileage_band"),
        sa.case((counts, sa.true()), else_=sa.false()).label("is_counted"))


def _band(mileage: Any) -> Any:
    if mileage is None:
        return sa.cast(sa.null(), sa.String(200))
    return sa.case((mileage.is_(None), None), *((mileage < end, label) for end, label in MILEAGE_BANDS), else_=BEYOND)


def _with_vehicle(model: Any, vehicle_id: Any, batch_id: Any) -> Any:
    return (model.__table__.outerjoin(Vehicle.__table__, VEHICLE.id == vehicle_id)
            .outerjoin(ProductBatch.__table__, BATCH.id == batch_id))


def _is_card(id_: Any) -> Any:
    card = ComplaintTrackingCard.__table__.alias("told_card").c
    return sa.exists().where(card.id == id_, card.state.not_in(OUT))


def _is_appraisal(id_: Any) -> Any:
    sheet = WarrantyAppraisal.__table__.alias("told_appraisal").c
    return sa.exists().where(sheet.id == id_, sheet.state.not_in(OUT))


def open_at(end: datetime) -> Sequence[Any]:
    """SELECTs of (source_type, id, number, received_at, handler_id): cards, and register rows of their own, that were
    open at the end of the span, whenever they came."""
    own = sa.not_(_is_card(REGISTER.complaint_tracking_card_id))
    return [
        sa.select(sa.literal(model.spec.name), source.id, source.number, source.received_at, source.handler_id).where(
            source.received_at < end, source.state.not_in(OUT), which,
            sa.or_(source.closed_at.is_(None), source.closed_at >= end))
        for model, source, which in ((ComplaintTrackingCard, CARD, sa.true()), (CustomerFeedbackRegister, REGISTER, own))]
