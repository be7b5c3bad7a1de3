"""Feedback sheets of the demo company: what was done on every visit, signed by the user and received by both."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from demo.story import Clock, Rec
from models.choices import SATISFACTION_LEVELS

DONE = (("repair", "现场更换并调试，试用正常。"), ("guidance", "现场检查未见质量问题，已指导正确使用和贮存。"),
        ("repair", "按方案返修，路试二十公里正常。"))
WORDS = dict(SATISFACTION_LEVELS)


def slips(clock: Clock, sheets: list[Rec], calls: list[Rec]) -> list[Rec]:
    """One for every visit that got as far as the user's site; its call names it."""
    found, running = [], count()
    by_sheet = {id(call["quality_info_transfer"]): call for call in calls if call["state"] != "void"}
    for sheet in sheets:
        if sheet.get("handling_mode") == "on_site" and "arrived_at" in sheet:
            call = by_sheet.get(id(sheet)) if "disposed_at" in sheet else None
            found.append(_slip(clock, next(running), sheet, call))
            if call is not None:
                call["quality_disposition_feedback"] = found[-1]
    return [*found, _mistake(found[len(found) // 2])]


def _slip(clock: Clock, n: int, sheet: Rec, call: Rec | None) -> Rec:
    way, result = DONE[n % len(DONE)]
    disposed = sheet.get("disposed_at")
    created = disposed - timedelta(minutes=25) if disposed else sheet["arrived_at"]
    slip = Rec(
        state="draft", created_at=created, created_by=sheet["technician"], quality_info_transfer=sheet,
        customer=sheet["customer"], responsible_unit=sheet["responsible_unit"], technician=sheet["technician"],
        handled_at=created, disposition_result=result, dispositions=[way], direct_loss=sheet["direct_loss"])
    if disposed or n % 2:
        signed = disposed - timedelta(minutes=5) if disposed else created + timedelta(minutes=20)
        if signed < clock.end:
            slip |= {"state": "signed", "signed_at": signed, "sign_kind": "seal" if n % 4 == 1 else "signature",
                     "signed_by": sheet["contact_person"]}
    if call is not None:
        _hand_in(clock, n, slip, sheet, call)
    return slip


def _hand_in(clock: Clock, n: int, slip: Rec, sheet: Rec, call: Rec) -> None:
    """Received by both departments before the user is called, noted after that, and filed with the closed case."""
    handed = {"submitted_at": 40, "quality_received_at": 70, "marketing_received_at": 90}
    moments = {name: sheet["disposed_at"] + timedelta(minutes=minutes) for name, minutes in handed.items()}
    is_over = sheet["state"] in ("called_back", "closed")
    if not is_over and max(moments.values()) > clock.end:
        return
    slip |= {"state": "submitted", **moments}
    if not is_over and n % 3 == 0:
        del slip["marketing_received_at"]
    noted = _noted(call)
    if call.get("called_at"):
        slip["remark"] = f"回访（{WORDS[call['satisfaction_level']].zh}）：{call['remark']}"
    if is_over and n % 11 and noted and noted < clock.end:
        slip |= {"state": "callback_recorded", "callback_recorded_at": noted}
        if sheet["state"] == "closed" and n % 9:
            slip |= {"state": "archived", "archive_year": sheet["received_at"].year}


def _noted(call: Rec) -> datetime | None:
    """A dissatisfied user is followed up before the call is finished."""
    if call["state"] not in ("done", "reported"):
        return None
    if call["satisfaction_level"] == "dissatisfied":
        return call.get("reported_at")
    return call["called_at"] + timedelta(minutes=45)


def _mistake(slip: Rec) -> Rec:
    """The same visit written down a minute before by mistake, and voided."""
    kept: dict[str, Any] = {name: value for name, value in slip.items() if not name.endswith("_at") and name not in (
        "state", "remark", "archive_year", "signed_by", "sign_kind")}
    return Rec(kept, state="void", handled_at=slip["handled_at"], created_at=slip["created_at"] - timedelta(minutes=1))
