"""The monthly summaries of the demo company's quality informations, each with its cases and figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from demo import people
from demo.faults import PRODUCTS
from demo.story import OFFICE, Clock, Rec
from models.base import rounded
from models.choices import FAULT_CATEGORIES

_HOME = {department.code: department.province for department in people.DEPARTMENTS}
OPINION = "重点类别已下发纠正和预防措施，请责任单位按期完成；到场及时率须继续提高。"


def summaries(clock: Clock, sheets: list[Rec], calls: list[Rec]) -> list[Rec]:
    """One for each month but the last full one, which the first start has the report compile; the one before it is
    still being checked, the present one compiled as a first look."""
    called = {id(call["quality_info_transfer"]): call for call in calls if "called_at" in call}
    sheets = [sheet for sheet in sheets if sheet["state"] != "void"]
    found, previous = [], 0
    months = [first for first, _ in clock.months()]
    for place, first in enumerate(months):
        month = _Month(first, sheets, called)
        left = len(months) - 1 - place
        state = {0: "compiled", 2: "checked", 3: "submitted"}.get(left, "received")
        if left != 1:
            found.append(_summary(clock, month, previous, state))
        previous = len(month.cases)
    if len(found) > 6:
        found.append(_withdrawn(found[4]))
    return found


def _summary(clock: Clock, month: _Month, previous: int, state: str) -> Rec:
    compiled = min(month.end + timedelta(hours=8), clock.end - timedelta(hours=1))
    row = Rec(state=state, created_at=compiled, created_by="quality_engineer", department="QA",
              period=f"{month.first:%Y-%m}", data_as_of=compiled, cases=month.lines(compiled),
              figures=month.figures(previous), recurrences=month.recurrences(), receipts=[])
    if state != "compiled":
        row |= {"quality_opinion": OPINION, "checked_at": compiled + timedelta(minutes=50)}
    if state in ("submitted", "received"):
        row["submitted_at"] = compiled + timedelta(hours=2)
    if state == "received":
        row["receipts"] = [
            {"recipient": role, "recipient_role": role, "received_at": compiled + timedelta(hours=hours),
             "remark": "已阅，请按期落实措施。"} for role, hours in (("deputy_gm", 25), ("general_manager", 27))]
    return row


def _withdrawn(summary: Rec) -> Rec:
    """The first issue of a month, voided because a batch had been booked wrongly."""
    found = Rec(summary, state="void", created_at=summary["created_at"] - timedelta(minutes=30), receipts=[],
                data_as_of=summary["data_as_of"] - timedelta(minutes=30), checked_at=None, submitted_at=None)
    found["quality_opinion"] = None
    return found


class _Month:
    """The sheets of a month and what can be counted about them at its end."""

    def __init__(self, first: date, sheets: list[Rec], called: dict[int, Rec]) -> None:
        self.first, self.called = first, called
        self.start = datetime.combine(first, time(), OFFICE)
        self.end = datetime.combine((first + timedelta(days=32)).replace(day=1), time(), OFFICE)
        self.all = [s for s in sheets if self.start <= s["received_at"] < self.end]
        self.cases = [s for s in self.all if s["state"] != "rejected"]
        self.old = [s for s in sheets if s["received_at"] < self.start and s["state"] != "rejected"
                    and not self.before(s, "closed_at", self.start)]

    @staticmethod
    def before(sheet: Rec, name: str, moment: datetime) -> bool:
        return name in sheet and sheet[name] < moment

    # cases -------------------------------------------------------------------------------------------------------

    def lines(self, compiled: datetime) -> list[dict[str, Any]]:
        rows = [self.line(sheet, is_old=False) for sheet in self.all] + [self.line(s, is_old=True) for s in self.old]
        return [{"line_no": place, **row} for place, row in enumerate(rows, 1)]

    def line(self, sheet: Rec, *, is_old: bool) -> dict[str, Any]:
        copied = ("customer", "dealer", "product_name", "product_batch", "quantity", "fault_category", "fault_description",
                  "responsible_unit", "province", "handling_mode", "direct_loss", "received_at")
        happened = {name: sheet[name] for name in ("replied_at", "arrived_at", "closed_at")
                    if self.before(sheet, name, self.end)}
        call, due, arrive = self.called.get(id(sheet)), reply_due(sheet), arrive_due(sheet)
        is_open = "closed_at" not in happened and sheet["state"] != "rejected"
        return {
            "quality_info_transfer": sheet, "is_carry_over": is_old, "is_rejected": sheet["state"] == "rejected",
            **{name: sheet.get(name) for name in copied}, **happened, "reply_due_at": due, "arrive_due_at": arrive,
            "is_in_province": in_province(sheet), "is_major": Decimal(sheet["direct_loss"]) >= 20000,
            "is_reply_on_time": happened["replied_at"] <= due if "replied_at" in happened else None,
            "is_arrival_on_time": happened["arrived_at"] <= arrive if arrive and "arrived_at" in happened else None,
            "handling_result": sheet.get("reply_text"), "is_open_at_month_end": is_open,
            "open_days": (self.end - sheet["received_at"]).days if is_open else None,
            "satisfaction_level": call["satisfaction_level"] if call and call["called_at"] < self.end else None}

    def recurrences(self) -> list[dict[str, Any]]:
        counted = Counter((id(s["product_batch"]), s["fault_category"]) for s in self.cases)
        batches = {id(s["product_batch"]): s["product_batch"] for s in self.cases}
        return [{"product_batch": batches[batch], "fault_category": category, "case_count": count}
                for (batch, category), count in counted.most_common() if count >= 3]

    # figures -----------------------------------------------------------------------------------------------------

    def figures(self, previous: int) -> list[dict[str, Any]]:
        total, closed = len(self.cases), [s for s in self.cases if self.before(s, "closed_at", self.end)]
        called = [s for s in closed if id(s) in self.called and self.called[id(s)]["called_at"] < self.end]
        content = [s for s in called if self.called[id(s)]["satisfaction_level"] in ("very_satisfied", "satisfied")]
        major = sum(Decimal(s["direct_loss"]) >= 20000 for s in self.cases)
        rows = [
            {"section": "total", "caption": "总起数", "case_count": total},
            _rate("month_on_month", "环比", total - previous, previous),
            *self.groups("by_fault_category", lambda s: s["fault_category"], dict(_labels())),
            *self.groups("by_product", lambda s: s["product_name"], {p.name: p.name for p in PRODUCTS.values()}),
            *self.groups("by_responsible_unit", lambda s: s.get("responsible_unit"), {d.code: d.name for d in people.DEPARTMENTS}),
            self.on_time("reply_on_time", "答复及时率", "replied_at", reply_due),
            self.on_time("arrival_on_time", "到场及时率", "arrived_at", arrive_due),
            {"section": "direct_loss", "caption": "直接损失", "direct_loss": self.loss(self.cases)},
            {"section": "major_incident", "caption": "较大以上事故", "case_count": major},
            _rate("closed", "结案率", len(closed), total), _rate("callback", "回访率", len(called), len(closed)),
            _rate("satisfaction", "满意率", len(content), len(called))]
        return [{"is_applicable": True, **row} for row in rows]

    def loss(self, sheets: list[Rec]) -> str:
        return str(sum((Decimal(sheet["direct_loss"]) for sheet in sheets), Decimal(0)))

    def on_time(self, section: str, caption: str, name: str, due: Callable[[Rec], datetime | None]) -> dict[str, Any]:
        owed = [(s, limit) for s in self.cases if (limit := due(s)) and (self.before(s, name, self.end) or limit < self.end)]
        kept = sum(self.before(sheet, name, self.end) and sheet[name] <= limit for sheet, limit in owed)
        return _rate(section, caption, kept, len(owed))

    def groups(self, section: str, key: Callable[[Rec], Any], labels: dict[str, str]) -> list[dict[str, Any]]:
        """Pareto: by count, then by loss, then in the order of the list; the focus makes up 80 %."""
        grouped: dict[str, list[Rec]] = {}
        for sheet in self.cases:
            if key(sheet) is not None:
                grouped.setdefault(key(sheet), []).append(sheet)
        order = sorted(grouped, key=lambda k: (-len(grouped[k]), -Decimal(self.loss(grouped[k])), list(labels).index(k)))
        rows, running, total = [], 0, sum(map(len, grouped.values()))
        for rank, name in enumerate(order, 1):
            is_focus, count = Decimal(running) / total < Decimal("0.8"), len(grouped[name])
            running += count
            rows.append({
                **_rate(section, labels[name], count, total), "key": name, "rank": rank, "case_count": count,
                "direct_loss": self.loss(grouped[name]), "is_focus": is_focus,
                "cumulative_rate": str(rounded(Decimal(running) / total, 6))})
        return rows


def _labels() -> list[tuple[str, str]]:
    return [(value, label.zh) for value, label in FAULT_CATEGORIES]


def _rate(section: str, caption: str, numerator: int, denominator: int) -> dict[str, Any]:
    row = {"section": section, "caption": caption, "numerator": numerator, "denominator": denominator}
    if denominator == 0:
        return {**row, "is_applicable": False}
    return {**row, "rate": str(rounded(Decimal(numerator) / denominator, 6))}


def reply_due(sheet: Rec) -> datetime:
    return sheet["received_at"] + timedelta(hours=24)


def in_province(sheet: Rec) -> bool:
    return bool(sheet["province"] == _HOME.get(sheet.get("responsible_unit") or "SUB-CQ"))


def arrive_due(sheet: Rec) -> datetime | None:
    """Only what is handled on site has to be reached: 24 hours in the unit's province, else 48."""
    if sheet.get("handling_mode") != "on_site":
        return None
    return sheet["received_at"] + timedelta(hours=24 if in_province(sheet) else 48)
