"""The papers of warranty: a vehicle with its terms, an appraiser's badge, the forms as they are filled in."""

from __future__ import annotations

from types import SimpleNamespace

import sqlalchemy as sa

from jobs import reports
from models.people import Membership, User
from models.reports import ReportRun
from rules import access
from rules.act import Act
from tests import valid
from tests.valid import HERE

SHEET, FILE, HELP, ORDER = "warranty_appraisal", "customer_repair_file", "technical_assistance_request", "parts_urgent_order"
FIRST, SETTLEMENT, CLAIM, STORE = (
    "first_service_registration", "warranty_settlement", "return_exchange_claim", "returned_vehicle_register")
CAMPAIGN, ROW, DISPUTE, VEHICLE = "recall_campaign", "recall_vehicle", "dispute_case", "vehicle"
ACCEPTED = {"signed_by": "王某某", "appraiser_signed_by": "鉴定员"}
REPAIRED = {"cause": "缸垫老化", "repair_method": "replace", "repair_started_at": "2026-10-12T09:00",
            "repair_finished_at": "2026-10-12T15:00", "old_part_disposal": "returned"}


def made(book, type_name, state=None, **given):
    """The id of a record that is in this state already."""
    with book.session() as session:
        id_ = valid.record(session, type_name, state, **given).id
        session.commit()
        return id_


def dealer_id(book, code="F001"):
    return str(book.id("dealer_ledger", dealer_code=code))


def vehicle(book, state="delivered", place=HERE, **given):
    """One of 客户A, delivered in spring and under warranty."""
    return made(book, VEHICLE, state, place=place, **{
        "model": "M1", "customer": str(book.id("customer", name="客户A")), "delivered_on": "2026-03-15", **given})


def terms(book, **given):
    return made(book, "service_price_policy", "effective", **{
        "product_line": "M1", "effective_from_on": "2020-01-01", "warranty_months": "36", "warranty_mileage": "60000",
        "exchange_months": "24", "exchange_mileage": "50000", **given})


def badge(book, by="appraiser_f001", **given):
    """The appraiser's qualification, valid for a long time."""
    return made(book, "staff_qualification", "valid", **{
        "person": str(book.user(by)), "qualification_type": "appraiser", "dealer": dealer_id(book, by[-4:].upper()),
        "valid_from_on": "2020-01-01", "valid_until_on": "2199-12-31", **given})


def photo(book, type_name, id_, media_type="image/jpeg"):
    with book.session() as session:
        valid.a_file(session, "现场", type=type_name, record_id=id_, media_type=media_type)
        session.commit()


def gives_role(book, username, role):
    with book.session() as session:
        user = session.scalar(sa.select(User).where(User.username == username))
        session.add(Membership(user=user, role=role))
        session.commit()


def compiled(book, period, dealer="", now=None):
    """What the report says: its state, the sentence if it failed, and its settlements as programs read them."""
    with book.session() as session:
        run = reports.request(Act(session, access.Actor.system(), now=now), SETTLEMENT, period, dealer)
        session.commit()
        reports.run(run.id, now=now)
        run = session.get(ReportRun, run.id, populate_existing=True)
        told = reports.as_json(session, run)
        session.commit()
        return SimpleNamespace(state=run.state, error=run.error_en or "", records=told["records"],
                               ids=[id_ for _, id_ in run.records or ()])


# The forms ------------------------------------------------------------------------------------------------------------

def appraisal(book, of, **changes):
    return {"customer": book.id("customer", name="客户A"), "vehicle": of, "received_at": "2026-10-12T08:30", "mileage": "8000",
            "claim_type": "vehicle", "fault_category": "engine", "fault_description": "冷却液渗漏", "is_important": "false",
            "is_hard_to_judge": "false", "is_in_warranty": "true", "warranty_basis": "包修期内", **changes}


def repair(book, of, **changes):
    return {"customer": book.id("customer", name="客户A"), "vehicle": of, "service_kind": "repair", "fault_category": "engine",
            "received_at": "2026-10-12T08:30", "mileage": "8000", "customer_statement": "漏水", "inspection_result": "缸垫老化",
            "is_in_warranty": "true", "is_substitute_given": "true", "is_customer_copy_given": "true",
            "repairs-0-item_name": "更换缸垫", **changes}


def claim(book, **changes):
    return {"demand_type": "return", "received_at": "2026-10-12T09:00", "customer": book.id("customer", name="客户A"),
            "contact_person": "王某某", "phone": "13800001234", "fault_category": "engine", "fault_description": "反复漏水",
            **changes}


def registration(book, of, **changes):
    return {"customer": book.id("customer", name="客户A"), "vehicle": of, "serviced_on": "2026-05-10", "mileage": "2500",
            "signed_by": "王某某", "amount": "180.00", "items-0-item_name": "更换机油", "items-0-is_mandatory": "true",
            "items-0-is_done": "true", **changes}


def returned(book, of, **changes):
    return {"vehicle": of, "kind": "return", "received_at": "2026-11-10T09:00", "handler": book.user("warehouse"),
            "mileage": "12500", "condition": "外观完好", "return_reason": "反复漏水", "storage_location": "3号库",
            "remark": "三包退回", **changes}


def campaign(book, **changes):
    return {"title": "缸垫召回", "defect_description": "缸垫材料不符", "defect_origins": ["manufacture"],
            "fault_category": "engine", "scope_kind": "batch", "commonality_text": "同批缸垫",
            "measures": ["repair", "take_back"], "scope_items-0-product_batch": book.id("product_batch", batch_no="B2608"),
            **changes}
