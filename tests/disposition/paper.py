"""The papers of a visit to the user's site, as they are filled in, and records that are in a state already."""

from __future__ import annotations

from models.files import Attachment
from rules import office
from tests import valid

SHEET, TRIP, CHECKLIST = "quality_info_transfer", "travel_assignment", "carry_checklist"
INSPECTION, SLIP, REQUEST = "product_inspection_record", "quality_disposition_feedback", "compensation_request"
AGREEMENT, DISPOSAL, INCIDENT = "compensation_agreement", "return_destruction_record", "major_incident_report"
CALL, ISSUE = "callback_record", "unresolved_issue_report"


def made(book, type_name, state=None, **given):
    """The id of a record that is in this state already."""
    with book.session() as session:
        id_ = valid.record(session, type_name, state, **given).id
        session.commit()
        return id_


def sheet_in(book, state="on_site", **given):
    """A quality information that unit U1 and the technician deal with on site."""
    return made(book, SHEET, state, **{"handling_mode": "on_site", "received_at": "2025-11-03T09:00", **given})


def photo(book, type_name):
    """A file that was uploaded for a record of this type."""
    with book.session() as session:
        file = Attachment(type=type_name, name="现场.jpg", media_type="image/jpeg", size=1, sha256="0" * 64,
                          uploaded_at=office.now())
        session.add(file)
        session.commit()
        return file.id


def batch(book, **given):
    return made(book, "product_batch", "active", **{"production_unit": "U1", **given})


def expiring(book, day):
    """A batch that is valid until this day of 2026."""
    return batch(book, produced_on=f"2025{day[4:]}", shelf_life_months="12")


# The forms ------------------------------------------------------------------------------------------------------------

def trip(book, sheet, *members, **changes):
    """`members` are (who, whether they are the lead)."""
    rows = {f"members-{n}-{name}": value for n, (who, is_lead) in enumerate(members)
            for name, value in (("technician", book.user(who)), ("is_lead", is_lead))}
    return {
        "quality_info_transfer": sheet, "responsible_unit": "U1", "customer": book.id("customer", name="客户A"),
        "contact_person": "张三", "phone": "13800001111", "address": "某路 1 号", "province": "重庆市",
        "lead": book.user("technician"), "task": "检查并更换", "planned_departure_at": "2025-11-03T10:00", **rows, **changes}


def inspection(book, sheet, **changes):
    return {
        "quality_info_transfer": sheet, "technician": book.user("technician"), "inspected_at": "2025-11-04T09:00",
        "product_batch": book.id("product_batch", batch_no="B2608"), "production_site": "一车间",
        "purchased_quantity": "100", "used_quantity": "40", "fault_category": "engine", "fault_description": "异响",
        "customer_demand": "换货", "has_physical_product": "true", "is_safety_confirmed": "true", "judgement": "defect",
        "judgement_text": "缸体有砂眼", "is_misoperation": "false", "suggestion": "换货", "tests-0-test_kind": "check",
        "tests-0-item": "外观", "tests-0-standard": "Q/SPS 1", "tests-0-result_value": "有砂眼", "tests-0-is_conforming": "false",
        **changes}


def slip(book, sheet, *products, **changes):
    """A feedback sheet; `products` are (name, quantity, batch)."""
    rows = {f"products-{n}-{name}": value for n, (product, quantity, of) in enumerate(products) for name, value in (
        ("mode", "exchange"), ("reason", "砂眼不能修复"), ("product_name", product), ("specification", "标准"),
        ("quantity", quantity), ("product_batch", of))}
    return {
        "quality_info_transfer": sheet, "customer": book.id("customer", name="客户A"), "responsible_unit": "U1",
        "technician": book.user("technician"), "handled_at": "2025-11-04T16:00", "disposition_result": "已更换",
        "dispositions": ["exchange"], "satisfaction_level": "satisfied", **rows, **changes}


def request(book, sheet, quantity="2", unit_price="100.00", of=None, **changes):
    return {
        "quality_info_transfer": sheet, "customer": book.id("customer", name="客户A"), "responsible_unit": "U1",
        "technician": book.user("technician"), "claimed_on": "2026-11-20", "mode": "exchange", "reason": "砂眼",
        "customer_demand": "换货", "items-0-product_batch": of or book.id("product_batch", batch_no="B2608"),
        "items-0-product_name": "M1", "items-0-specification": "标准", "items-0-quantity": quantity,
        "items-0-unit_price": unit_price, **changes}


def agreement(book, of, quantity="2", **changes):
    return {
        "compensation_request": of, "customer": book.id("customer", name="客户A"), "responsible_unit": "U1",
        "party_a": "一分公司", "party_b": "客户A", "items-0-product_name": "M1", "items-0-specification": "标准",
        "items-0-quantity": quantity, **changes}


def disposal(book, of="", quantity="2", **changes):
    return {
        "disposal_kind": "return", "compensation_request": of, "customer": book.id("customer", name="客户A"),
        "responsible_unit": "U1", "reason": "砂眼", "plan": "运回", "procedure_text": "已备案", "safety_measures": "轻放",
        "items-0-product_batch": book.id("product_batch", batch_no="B2608"), "items-0-product_name": "M1",
        "items-0-quantity": quantity, **changes}


SIGNED = {"sign_kind": "signature", "signed_by": "张三"}


def both_signed(book):
    return {"company_signed_by": book.user("unit_lead"), "company_signed_at": "2026-11-21T09:00", "signed_by": "张三"}
