"""The two reports that every dealer owes for a month: quality informations, and its work."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from demo.outlets import Month, goes_well
from demo.story import OFFICE, Clock, Rec, Story, tell
from models.choices import FAULT_CATEGORIES

PROBLEMS = ("技师流动较大，夜间值守紧张。", "部分配件到货周期长，影响交车。", "举升机老化，已列入更新计划。", "本月无突出问题。")
SUGGESTIONS = ("建议增加常用件的安全库存。", "希望提供新车型的电路图。", "建议旧件每半月集中返回一次。", "无。")


class Reports:
    def __init__(self, clock: Clock, files: list[Rec], sheets: list[Rec], cards: list[Rec]) -> None:
        self.clock, self.dice = clock, clock.dice
        self.files = _by_month((f for f in files if f["state"] != "cancelled"), "completed_at")
        self.sheets = _by_month((s for s in sheets if s["state"] != "draft"), "received_at")
        self.cards = _by_month(cards, "received_at")

    def make(self, months: list[Month], states: list[str]) -> tuple[list[Rec], list[Rec]]:
        """Quality reports and work reports of the months that are over."""
        over = [month for month in months if _following(month) <= self.clock.end]
        quality = [story for month in over if (story := self.report(month, self.quality(month)))]
        work = [story for month in over if (story := self.report(month, self.work(month)))]
        voided = [self.voided(found[n]) for n, found in ((9, quality), (30, work))]
        told = [tell(sorted(found, key=lambda s: s.record["created_at"]), self.clock, states) for found in (quality, work)]
        return [*told[0], voided[0]], [*told[1], voided[1]]

    def report(self, month: Month, fields: dict[str, Any]) -> Story | None:
        """Mostly by the fifth; the careless are late, or send nothing at all."""
        clock, due = self.clock, _following(month) + timedelta(days=5)
        is_late = not goes_well(clock, month)
        if is_late and self.dice.random() < 0.3:
            return None
        submitted = clock.at((due + timedelta(days=self.dice.randint(0, 3) if is_late else self.dice.randint(-3, -1))).date())
        if is_late and self.dice.random() < 0.2:
            submitted = due
        created = min(submitted - timedelta(hours=3), clock.at((due - timedelta(days=4)).date()))
        if created > clock.end:
            return None
        story = Story(created, month.owner, "draft", dealer=month.dealer, period=month.period, prepared_by=month.owner, **fields)
        story.then(submitted, "submitted", submitted_at=submitted)
        if self.dice.random() < 0.08:
            back = clock.later(submitted, 1, 2)
            story.then(back, "returned", remark="明细与系统记录不符，请核对后重报。")
            submitted = clock.later(back, 1, 2)
            story.then(submitted, "submitted", resubmitted_at=submitted)
        accepted = clock.later(submitted, 1, 3)
        return story.then(accepted, "accepted", accepted_at=accepted)

    def voided(self, story: Story) -> Rec:
        """Reported for the wrong month first."""
        again = Rec({key: value for key, value in story.record.items() if key != "submitted_at"}, state="void")
        again["created_at"] = story.record["created_at"] - timedelta(minutes=25)
        again["remark"] = "填错月份，作废重填"
        return again

    def quality(self, month: Month) -> dict[str, Any]:
        key = id(month.dealer), month.period
        items = [self.item(sheet, "warranty_appraisal", sheet["fault_description"], sheet.get("cause")) for sheet in self.sheets[key]]
        items += [self.item(card, "complaint_tracking_card", card["fault_description"], None)
                  for card in self.cards[key] if card["feedback_kind"] == "complaint"]
        items.sort(key=lambda item: item["occurred_on"])
        said = f"本月共反馈{len(items)}项，以{_most(items)}类为主，用户最关心修复时间。" if items else None
        return {"phone": month.dealer["phone"], "user_feedback": said, "is_nil_report": not items, "items": items}

    def item(self, source: Rec, link: str, text: str, cause: str | None) -> dict[str, Any]:
        vehicle, day = source["vehicle"], source["received_at"].date()
        return {link: source, "occurred_on": day, "vehicle": vehicle, "model": vehicle["model"],
                "purchased_on": vehicle["delivered_on"], "mileage": source.get("mileage"), "product_batch": vehicle["product_batch"],
                "fault_category": source["fault_category"], "fault_description": text, "cause": cause, "quantity": 1,
                "handling_result": "已修复" if cause else "已答复用户", "amount": str(_cost(source)) if cause else None}

    def work(self, month: Month) -> dict[str, Any]:
        key = id(month.dealer), month.period
        done, cards, sheets = self.files[key], self.cards[key], self.sheets[key]
        firsts = sum(file["service_kind"] == "first_service" for file in done)
        out = [part for n, part in enumerate((("3501-ZD220-08", "前制动摩擦片"), ("1100-485Z-06", "喷油器"))) if self.dice.random() < 0.3]
        return {
            "repair_summary": f"本月完成维修和保养{len(done)}台次，其中保修鉴定{len(sheets)}单，返修情况正常。",
            "repair_count": max(0, len(done) + (self.dice.choice((-1, 1)) if self.dice.random() < 0.1 else 0)),
            "first_service_count": firsts, "complaint_count": len(cards), "staff_count": 6 + self.dice.randint(0, 6), "appraiser_count": 1,
            "warranty_amount": str(sum(map(_cost, sheets), Decimal(0))), "paid_income_amount": f"{self.dice.randint(20, 240) * 100}.00",
            "training_text": "组织内部技术学习两次。", "problems": self.dice.choice(PROBLEMS), "suggestion": self.dice.choice(SUGGESTIONS),
            "stockouts": [{"part_no": no, "part_name": name, "on_hand_quantity": 0, "quantity": self.dice.randint(1, 4),
                           "waiting_days": self.dice.randint(2, 9)} for no, name in out]}


def _by_month(rows: Iterable[Rec], name: str) -> dict[tuple[int, str], list[Rec]]:
    found: dict[tuple[int, str], list[Rec]] = defaultdict(list)
    for row in rows:
        if name in row:
            found[id(row["dealer"]), f"{row[name]:%Y-%m}"].append(row)
    return found


def _following(month: Month) -> datetime:
    return datetime.combine((month.first + timedelta(days=32)).replace(day=1), time(), OFFICE)


def _cost(sheet: Rec) -> Decimal:
    rows = [(line["labour_hours"], line["labour_rate"]) for line in sheet.get("labours", ())]
    rows += [(line["quantity"], line["unit_price"]) for line in sheet.get("parts", ())]
    return sum((Decimal(count) * Decimal(price) for count, price in rows), Decimal(sheet.get("travel_fee", 0)))


def _most(items: list[dict[str, Any]]) -> str:
    counted = [item["fault_category"] for item in items]
    most = max(sorted(set(counted)), key=counted.count)
    return next(label.zh for value, label in FAULT_CATEGORIES if value == most)
