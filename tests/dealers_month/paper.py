"""The papers of a dealer's month, as the dealer fills them in."""

from __future__ import annotations

from models.spec import Period
from rules import office

PLAN, QUALITY, WORK, FILE = (
    "parts_demand_plan", "monthly_quality_report", "dealer_monthly_work_report", "customer_repair_file")


def this_month():
    return Period.of(office.today())


def plan(book, **changes):
    return {"period": str(this_month()), "prepared_by": book.user("dealer_f001"), "parts-0-part_no": "P-1",
            "parts-0-part_name": "气缸垫", "parts-0-unit_of_measure": "件", "parts-0-quantity": "4", **changes}


def quality_report(book, **changes):
    month = this_month().previous()
    return {"period": str(month), "prepared_by": book.user("dealer_f001"), "is_nil_report": "false",
            "items-0-occurred_on": month.day(5).isoformat(), "items-0-model": "M1", "items-0-fault_category": "engine",
            "items-0-fault_description": "冷车难启动", "items-0-quantity": "2", "items-0-amount": "120.50", **changes}


def work_report(book, **changes):
    return {"period": str(this_month().previous()), "prepared_by": book.user("dealer_f001"), "repair_summary": "全月正常",
            "repair_count": "12", "first_service_count": "3", "complaint_count": "1", **changes}


def vehicle(book, dealer):
    return dealer.create("vehicle", {"vin": "LSVAA4182E2000001", "model": "M1", "customer": book.id("customer", name="客户A")})


def repair(book, vehicle_id, **changes):
    return {"customer": book.id("customer", name="客户A"), "vehicle": vehicle_id, "service_kind": "repair",
            "received_at": f"{this_month().previous().day(6)}T09:00", "mileage": "12000", "customer_statement": "发动机异响",
            "is_in_warranty": "false", "is_substitute_given": "false", "is_customer_copy_given": "false", **changes}
