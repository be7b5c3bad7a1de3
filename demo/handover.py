"""How vehicles of the demo company were handed over: the checklist that users sign, and their first service."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo.ladder import NOW, ago, climbed
from demo.outlets import SUSPENDED_FROM
from demo.people import DEALER_CODES, name_of
from demo.story import Clock, Rec
from demo.terms import CARE, Found, terms_of
from demo.vehicles import COLOURS, PLATES, mileage

COMPLETE = dict.fromkeys(("has_warranty_manual", "has_dealer_directory", "has_user_manual", "has_engine_manual",
                          "has_accessory_list", "has_conformity_certificate", "has_warranty_voucher", "has_invoice"), True)
FEE = "80.00"


def add(clock: Clock, found: Found) -> None:
    found["vehicle"] += sold_lately(clock, found)
    found["delivery_document_checklist"] = checklists(clock, found)
    found["first_service_registration"] = first_services(clock, found)


def sold_lately(clock: Clock, found: Found) -> list[Rec]:
    """Vehicles that left the store in the months of the demo, two a dealer."""
    rows, known = [], len(found["vehicle"])
    dealers = [row for row in found["dealer_ledger"] if row["dealer_code"] in DEALER_CODES
               and row["dealer_code"] not in SUSPENDED_FROM]
    customers = [row for row in found["customer"] if row["state"] == "active" and row["created_at"].date() < clock.first]
    for n, dealer in enumerate(dealers * 2):
        place, day = known + n + 1, clock.first + timedelta(days=40 + 22 * n)
        near = [row for row in customers if row["province"] == dealer["province"]] or customers
        owner, model = near[(n + 3) % len(near)], ("CJ1040", "CJ6480", "CJ1070", "CJ6500E")[n % 4]
        kind = "T" if model.startswith("CJ1") else "V"
        rows.append(Rec(
            number=f"VEH-{place:06}", state="delivered", created_at=clock.at(day - timedelta(days=25)), created_by="warehouse",
            department="WH", vin=f"LCJ{kind}A{place % 10}2B{place % 7}TC{day:%m}{place:04}", model=model,
            engine_no=f"485Z{day:%y%m}{place:04}", colour=COLOURS[n % len(COLOURS)], produced_on=day - timedelta(days=60),
            plate_no=f"{PLATES[dealer['province']]}B·{clock.dice.choice('KMNPR')}{place:04}", customer=owner, dealer=dealer,
            delivered_on=day, invoiced_on=day, invoice_amount=f"{clock.dice.randint(55, 112) * 1000}.00",
            warranty_voucher_no=f"SB{day:%Y}{place:05}", _product="truck" if kind == "T" else "van",
            _per_day=clock.dice.randint(20, 34),
            owners=[{"customer": owner, "owned_from_on": day, "is_first_owner": True}]))
    return [row for row in rows if row["delivered_on"] < clock.end.date() - timedelta(days=12)]


def checklists(clock: Clock, found: Found) -> list[Rec]:
    """One for every vehicle that a user has got, and those that are being ticked for the next pick-ups."""
    rows = []
    for vehicle in found["vehicle"]:
        if "owners" in vehicle:
            for owner in vehicle["owners"][:1]:
                rows.append(_checklist(clock, vehicle, owner["customer"], clock.at(owner["owned_from_on"], 9, 14), "signed"))
    waiting = [row for row in found["vehicle"] if row["state"] == "in_stock"]
    buyers = [row for row in found["customer"] if row["state"] == "active"]
    for n, (vehicle, target) in enumerate(zip(waiting, ("open", "open", "complete", "complete", "void"), strict=False)):
        rows.append(_checklist(clock, vehicle, buyers[3 * n], ago(clock, 2 + n), target))
    return sorted(rows, key=lambda row: row["created_at"])


def _checklist(clock: Clock, vehicle: Rec, customer: Rec, moment: datetime, target: str) -> Rec:
    signed = {"signed_by": customer["contact_person"], "signed_at": NOW, "_pace": (0, 0)}
    rungs: list[tuple[str, Any]] = [("complete", {**COMPLETE, "_pace": (0, 0)}), ("signed", signed)]
    if target == "void":
        rungs = [("void", {"remark": "用户改订其他颜色，重新开单"})]
    return climbed(
        clock, "warehouse", moment, "open", rungs, target, department="WH", vehicle=vehicle, customer=customer,
        picked_up_on=moment.date(), picked_up_by=customer["contact_person"], phone=customer["phone"],
        mileage=clock.dice.randint(6, 38), handler="warehouse", has_user_manual=True, has_warranty_manual=True)


def first_services(clock: Clock, found: Found) -> list[Rec]:
    """The users of young vehicles come after some months; the dealer hands in what it did."""
    young = sorted((row for row in found["vehicle"] if row["state"] == "delivered"
                    and row["delivered_on"] > clock.first - timedelta(days=110)), key=lambda row: row["delivered_on"])
    rows: list[Rec] = []
    for vehicle in young:
        day = max(vehicle["delivered_on"] + timedelta(days=clock.dice.randint(75, 110)), clock.first + timedelta(days=3))
        if day < clock.end.date() - timedelta(days=16) and mileage(vehicle, day) <= 5000:
            rows.append(_first_service(clock, found, vehicle, clock.at(day), "accepted"))
    left = [row for row in young if not any(done["vehicle"] is row for done in rows)] + [
        row for row in found["vehicle"] if row["state"] == "delivered" and row not in young][-8:]
    for n, (vehicle, target) in enumerate(zip(left, ("draft", "submitted", "rejected", "void", "submitted"), strict=False)):
        rows.append(_first_service(clock, found, vehicle, ago(clock, 4 + n), target))
    return sorted(rows, key=lambda row: row["created_at"])


def _first_service(clock: Clock, found: Found, vehicle: Rec, moment: datetime, target: str) -> Rec:
    code, customer = vehicle["dealer"]["dealer_code"].lower(), vehicle["customer"]
    is_done = target != "draft"
    handed = {"signed_by": customer["contact_person"], "signed_at": NOW, "submitted_at": NOW, "_pace": (0, 0)}
    rungs: list[tuple[str, Any]] = [("submitted", handed), ("accepted", {"reviewed_at": NOW, "_pace": (1, 5)})]
    if target == "rejected":
        rungs[1] = ("rejected", {"reviewed_at": NOW, "reject_reason": "超过首保里程，不符合免费首保条件"})
    if target == "void":
        rungs = [("void", {"remark": "车辆选错，作废重登"})]
    return climbed(
        clock, f"dealer_{code}", moment, "draft", rungs, target, dealer=vehicle["dealer"], customer=customer,
        phone=customer["phone"], vehicle=vehicle, serviced_on=moment.date(), mileage=mileage(vehicle, moment.date()),
        service_price_policy=terms_of(found, vehicle, vehicle["delivered_on"]), technician=f"technician_{code}", amount=FEE,
        service_voucher_no=f"ZB{moment:%y%m}{clock.dice.randint(1000, 9999)}",
        remark=f"由{name_of(f'technician_{code}')}完成首保。", items=[
            {"item_name": name, "is_mandatory": n < 4, "is_done": is_done, "result": "正常" if is_done else None}
            for n, (name, _, _) in enumerate(CARE)])
