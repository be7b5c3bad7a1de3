"""What the demo company pays its dealers for warranty work: month by month, once it is approved."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from demo.dealer_reports import _cost
from demo.story import OFFICE, Clock, Rec
from demo.terms import Found

# Where the settlements of the last month that is being settled stand.
UNDER_WAY = ("approved", "compiled", "in_approval", "paid", "compiled", "in_approval", "approved", "paid")


def add(clock: Clock, found: Found) -> None:
    rows: list[Rec] = []
    months = [first for first, _ in clock.months()][:-2]
    for place, first in enumerate(months):
        for n, dealer in enumerate(row for row in found["dealer_ledger"]):
            state = UNDER_WAY[n % len(UNDER_WAY)] if place == len(months) - 1 else "paid"
            row = _settlement(clock, found, dealer, first, state)
            if row is not None:
                rows.append(row)
    rows.append(_wrong(rows[5]))
    found["warranty_settlement"] = sorted(rows, key=lambda row: row["created_at"])


def _settlement(clock: Clock, found: Found, dealer: Rec, first: date, state: str) -> Rec | None:
    following = (first + timedelta(days=32)).replace(day=1)
    compiled = datetime.combine(following + timedelta(days=15), time(1), OFFICE)
    ends = datetime.combine(following, time(), OFFICE)
    waiting = {name: [row for row in found[name] if row["dealer"] is dealer and row["state"] == fit and row["reviewed_at"] < ends
                      and "_settled" not in row]
               for name, fit in (("warranty_appraisal", "approved"), ("first_service_registration", "accepted"))}
    if compiled > clock.end or not any(waiting.values()):
        return None
    sheet = _sheet(found, dealer, f"{first:%Y-%m}", compiled)
    row = Rec(
        state=state, created_at=compiled, created_by="customer_service", department="CS", dealer=dealer, period=f"{first:%Y-%m}",
        data_as_of=compiled, dealer_grade_sheet=sheet, appraisals=[
            {"warranty_appraisal": found_, "amount": str(_cost(found_))} for found_ in waiting["warranty_appraisal"]],
        first_services=[{"first_service_registration": done, "amount": done["amount"]}
                        for done in waiting["first_service_registration"]],
        adjustments=_adjustments(found, dealer, following, compiled))
    for source in [*waiting["warranty_appraisal"], *waiting["first_service_registration"]]:
        source["_settled"] = True
    _go_on(clock, row, compiled)
    return row


def _sheet(found: Found, dealer: Rec, period: str, moment: datetime) -> Rec | None:
    """The grade that was published last."""
    known = [row for row in found["dealer_grade_sheet"] if row["dealer"] is dealer and row["state"] == "published"
             and row["period"] <= period and row["published_at"] < moment]
    return max(known, key=lambda row: row["period"], default=None)


def _adjustments(found: Found, dealer: Rec, following: date, moment: datetime) -> list[dict[str, Any]]:
    rows = []
    for notice in found["reward_penalty_notice"]:
        is_fit = notice["state"] in ("approved", "issued", "acknowledged") and notice["created_at"] < moment
        if (notice["dealer"] is dealer and is_fit and Decimal(notice["amount"]) and notice["effective_on"] < following
                and "_settled" not in notice):
            notice["_settled"] = True
            amount = Decimal(notice["amount"]) * (-1 if notice["kind"] == "penalty" else 1)
            rows.append({"reason": "奖罚通知" + notice["basis"][:20], "reward_penalty_notice": notice, "amount": str(amount)})
    return rows


def _go_on(clock: Clock, row: Rec, compiled: datetime) -> None:
    checked = clock.at(compiled.date(), 9, 11)
    approved = clock.later(checked, 1, 2)
    paid = clock.later(approved, 2, 4)
    if row["state"] == "compiled" or checked > clock.end:
        row["state"] = "compiled"
        return
    row["checked_at"] = checked
    if row["state"] == "in_approval" or approved > clock.end:
        row["state"] = "in_approval"
        return
    row["approved_at"] = approved
    if row["state"] == "approved" or paid > clock.end:
        row["state"] = "approved"
        return
    row |= {"paid_at": paid, "invoice_no": f"24502{paid:%y%m%d}{clock.dice.randint(100, 999)}", "invoiced_on": paid.date()}
    for lines, name in (("appraisals", "warranty_appraisal"), ("first_services", "first_service_registration")):
        for line in row[lines]:
            line[name] |= {"state": "settled", "warranty_settlement": row}
    for line in row["adjustments"]:
        line["reward_penalty_notice"]["warranty_settlement"] = row


def _wrong(row: Rec) -> Rec:
    """Compiled before the last review of the month was in."""
    gone = ("checked_at", "approved_at", "paid_at", "invoice_no", "invoiced_on")
    return Rec({name: value for name, value in row.items() if name not in gone}, state="void", appraisals=row["appraisals"][:-1],
               adjustments=[], created_at=row["created_at"] - timedelta(minutes=30), remark="漏审一单，作废后重新汇编")
