"""How the demo company grades its dealers month by month: counted from their records as the rules say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from demo.outlets import Month
from demo.people import DEALER_CODES
from demo.story import OFFICE, Clock, Rec, Story, tell
from demo.summaries import arrive_due
from rules import office

WEIGHTS = {"report_timeliness": 10, "first_time_fix": 20, "arrival_timeliness": 15, "customer_satisfaction": 20,
           "complaint_closing": 15, "appraisal_pass": 10, "parts_plan_timeliness": 5, "training_pass": 5}
POINTS = {"very_satisfied": 100, "satisfied": 80, "neutral": 60, "dissatisfied": 40, "very_dissatisfied": 20}
SAID = {"a": "各项指标良好，保持。", "b": "总体合格，注意失分项目的改进。",
        "c": "失分较多，请提交改进计划。", "d": "多项指标不达标，限期整改。"}
Found = Mapping[str, list[Rec]]


def day_end(month: Month, day: int, *, following: bool = True) -> datetime:
    first = (month.first + timedelta(days=32)).replace(day=1) if following else month.first
    return datetime.combine(first + timedelta(days=day), time(), OFFICE)


class Counts:
    """What can be counted about a dealer in a month; (numerator, denominator) for every indicator."""

    def __init__(self, found: Found) -> None:
        self.found = found
        self.rows: dict[tuple[str, int, str], list[Rec]] = defaultdict(list)
        for name, stamp in (("customer_repair_file", "completed_at"), ("satisfaction_questionnaire", "returned_at"),
                            ("warranty_appraisal", "reviewed_at")):
            self.sort(name, lambda row, stamp=stamp: row.get(stamp))
        self.sort("complaint_tracking_card", lambda row: office.local(office.add_workdays(row["received_at"], 5)))
        for name in ("work_order", "quality_info_transfer"):
            self.sort(name, lambda row: min(moment for moment in (row.get("arrived_at"), due) if moment)
                      if (due := _arrival_limit(row)) else None)
        for name in ("monthly_quality_report", "dealer_monthly_work_report", "parts_demand_plan"):
            for row in found[name]:
                self.rows[name, id(row["dealer"]), row["period"]].append(row)

    def sort(self, name: str, moment: Callable[[Rec], datetime | None]) -> None:
        for row in self.found[name]:
            at = moment(row)
            if at is not None and row.get("dealer") is not None and row["state"] not in ("draft", "void", "cancelled"):
                self.rows[name, id(row["dealer"]), f"{at:%Y-%m}"].append(row)

    def of(self, name: str, month: Month) -> list[Rec]:
        return self.rows[name, id(month.dealer), month.period]

    def all(self, month: Month) -> dict[str, tuple[Any, Any]]:
        return {name: getattr(self, name)(month) for name in WEIGHTS}

    def report_timeliness(self, month: Month) -> tuple[int, int]:
        sent = [*self.of("monthly_quality_report", month), *self.of("dealer_monthly_work_report", month)]
        kept = [r for r in sent if r["state"] in ("submitted", "accepted") and r["submitted_at"] < day_end(month, 5)]
        return len(kept), 2

    def first_time_fix(self, month: Month) -> tuple[int, int]:
        done = [file for file in self.of("customer_repair_file", month) if file["service_kind"] in ("repair", "rescue")]
        return len(done) - sum(self.is_return(file) for file in done), len(done)

    def is_return(self, file: Rec) -> bool:
        earlier = [other for other in self.found["customer_repair_file"] if other["vehicle"] is file["vehicle"]
                   and other["dealer"] is file["dealer"] and other["fault_category"] == file["fault_category"]
                   and "completed_at" in other and other["completed_at"] < file["completed_at"]] if file["fault_category"] else []
        return any((file["completed_at"].date() - other["completed_at"].date()).days <= 30 for other in earlier)

    def arrival_timeliness(self, month: Month) -> tuple[int, int]:
        jobs = [*self.of("work_order", month), *self.of("quality_info_transfer", month)]
        return sum("arrived_at" in job and job["arrived_at"] <= _arrival_limit(job) for job in jobs), len(jobs)

    def customer_satisfaction(self, month: Month) -> tuple[Any, int]:
        """The weighted mean of the items, each over all forms."""
        totals: dict[tuple[str, str], list[int]] = defaultdict(list)
        for form in self.of("satisfaction_questionnaire", month):
            for line in form["answers"] if form["state"] == "scored" else ():
                if "satisfaction_level" in line:
                    totals[line["item"], line["weight"]].append(POINTS[line["satisfaction_level"]])
        weight = sum((Fraction(weight) for _, weight in totals), Fraction(0))
        if not weight:
            return 0, 0
        score = sum((Fraction(weight) * sum(points) / len(points) for (_, weight), points in totals.items()), Fraction(0)) / weight
        return str(round(Decimal(score.numerator) / score.denominator, 4)), 100

    def complaint_closing(self, month: Month) -> tuple[int, int]:
        cards = self.of("complaint_tracking_card", month)
        return sum("closed_at" in c and c["closed_at"] <= office.add_workdays(c["received_at"], 5) for c in cards), len(cards)

    def appraisal_pass(self, month: Month) -> tuple[int, int]:
        judged = [s for s in self.of("warranty_appraisal", month) if s.get("review_result") in ("approved", "rejected")]
        return sum(sheet["review_result"] == "approved" for sheet in judged), len(judged)

    def parts_plan_timeliness(self, month: Month) -> tuple[int, int]:
        kept = [p for p in self.of("parts_demand_plan", month) if p["state"] in ("submitted", "accepted", "consolidated")
                and p["submitted_at"] < day_end(month, 10, following=False)]
        return len(kept), 1

    def training_pass(self, month: Month) -> tuple[int, int]:
        held = [t for t in self.found["training_record"]
                if t["state"] in ("assessed", "archived") and f"{t['held_on']:%Y-%m}" == month.period]
        mine = [line for training in held for line in training["attendees"] if line["dealer"] is month.dealer]
        return sum(line["result"] == "passed" for line in mine), len(mine)


def _arrival_limit(row: Rec) -> datetime | None:
    if "service_mode" not in row:
        return arrive_due(row)
    if row["service_mode"] != "on_site":
        return None
    found: datetime = row["received_at"] + timedelta(hours=24 if row["province"] == "重庆市" else 48)
    return found


class Grading:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.dice, self.found, self.counts = clock, clock.dice, found, Counts(found)
        self.before: dict[str, Rec] = {}
        self.notices: list[Story] = []

    def make(self, months: list[Month], states: list[str]) -> list[Rec]:
        """A sheet for every month up to the last but one that is over; that one and the present one are left to do."""
        last_full = (self.clock.today.replace(day=1) - timedelta(days=1)).replace(day=1)
        stories = [self.sheet(month) for month in months if month.first < last_full]
        sheets = tell(stories, self.clock, states, least=1)
        self.note_in_ledger(sheets)
        first = sheets[11]
        moment = first["created_at"] - timedelta(minutes=40)
        void = Rec({key: first.get(key) for key in ("dealer", "period", "sheet_kind", "indicators", "created_by", "consecutive_d_count")},
                   state="void", created_at=moment, data_as_of=moment)
        return [*sheets, void]

    def sheet(self, month: Month) -> Story:
        clock, counted = self.clock, self.counts.all(month)
        vetoes = [{"conduct_violation": row, "verified_at": row["verified_at"], "reason": f"查实{row['description']}"}
                  for row in self.found["conduct_violation"] if row["is_veto"] and row["dealer"] is month.dealer
                  and "verified_at" in row and f"{row['verified_at']:%Y-%m}" == month.period]
        grade, last = _grade(counted, bool(vetoes)), self.before.get(month.code)
        compiled = clock.at((day_end(month, 0) + timedelta(days=6)).date(), 8, 9)
        story = Story(
            compiled, "customer_service", "compiled", department="CS", dealer=month.dealer, sheet_kind="monthly", period=month.period,
            **{name: self.report(name, month) for name in ("dealer_monthly_work_report", "monthly_quality_report")},
            data_as_of=compiled, previous_grade=last["_grade"] if last else None, vetoes=vetoes, _grade=grade, _month=month,
            consecutive_d_count=(last["consecutive_d_count"] if last else 0) + 1 if grade == "d" else 0, indicators=[
                {"indicator": name, "weight": WEIGHTS[name], "numerator": counted[name][0], "denominator": counted[name][1]}
                for name in WEIGHTS])
        self.before[month.code] = story.record
        self.go_on(story, month, grade)
        return story

    def report(self, name: str, month: Month) -> Rec | None:
        return next((row for row in self.counts.of(name, month) if row["state"] in ("submitted", "accepted")), None)

    def go_on(self, story: Story, month: Month, grade: str) -> None:
        clock, counted = self.clock, self.counts.all(month)
        reviewed = clock.later(story.record["created_at"], 0.6, 1)
        story.then(reviewed, "reviewed", reviewed_at=reviewed, reviewer="customer_service", review_opinion=SAID[grade],
                   repair_summary=f"完成维修{counted['first_time_fix'][1]}台次，一次修复{counted['first_time_fix'][0]}台次。",
                   reward_penalty_measure="限一个月整改，整改期内暂停评优。" if grade == "d" else None)
        answered = clock.later(reviewed, 1, 3)
        if grade in ("c", "d") or (month.code == "F003" and month.place % 4 == 3) or self.dice.random() < 0.06:
            story.then(answered, "appealed", appealed_at=answered, appeal_text="个别到场超时系道路封闭所致，请予核减。")
            upheld = clock.later(answered, 1, 2)
            story.then(upheld, "confirmed", appeal_answer="经核查派工记录，无封路备案，维持原结果。")
            answered = upheld
        else:
            story.then(answered, "confirmed", signed_by=month.owner, signed_at=answered)
        submitted = clock.soon(answered, 30, 120)
        story.then(submitted, "in_approval")
        approved = clock.later(submitted, 0.6, 2)
        story.then(approved, "approved", approved_at=approved)
        published = clock.soon(approved, 20, 60)
        story.then(published, "published", published_at=published)

    @staticmethod
    def note_in_ledger(sheets: list[Rec]) -> None:
        """The ledger shows the grade that was published last."""
        for sheet in sheets:
            if sheet["state"] == "published":
                sheet["dealer"]["current_grade"] = sheet["_grade"]


def _grade(counted: Mapping[str, tuple[Any, Any]], has_veto: bool) -> str:
    used = {name: Fraction(top) / Fraction(bottom) for name, (top, bottom) in counted.items() if bottom}
    score = sum((WEIGHTS[name] * rate for name, rate in used.items()), Fraction(0)) / sum(WEIGHTS[name] for name in used) * 100
    rounded = int(score * 100 + Fraction(1, 2))
    reached = [grade for grade, least in (("a", 9000), ("b", 8000), ("c", 7000)) if rounded >= least]
    return "d" if has_veto else (reached or ["d"])[0]


# Rewards and penalties --------------------------------------------------------------------------------------------

def notices(clock: Clock, sheets: list[Rec], violations: list[Rec], states: list[str]) -> list[Rec]:
    """A rectification for every D, a review of the contract for the second in a row, a bonus for the best of a month."""
    published = [sheet for sheet in sheets if sheet["state"] == "published"]
    best: dict[str, Rec] = {}
    for sheet in published:
        if sheet["_grade"] == "a":
            best.setdefault(sheet["period"], sheet)
    stories = [_penalty(clock, sheet) for sheet in published if sheet["_grade"] == "d"]
    stories += [_reward(clock, sheet, place) for place, sheet in enumerate(best.values())]
    stories += [_fine(clock, row) for row in violations if row["is_veto"] and "verified_at" in row]
    stories = [story for story in stories if story.record["created_at"] <= clock.end]
    told = tell(sorted(stories, key=lambda story: story.record["created_at"]), clock, states, least=1)
    for notice in told:
        if "conduct_violation" in notice:
            notice["conduct_violation"]["reward_penalty_notice"] = notice
    return told


def _notice(clock: Clock, moment: datetime, dealer: Rec, kind: str, measure_type: str, *, is_merged: bool = False,
            **fields: Any) -> Story:
    created = clock.soon(moment, 10, 60)
    story = Story(created, "customer_service", "draft", department="CS", dealer=dealer, kind=kind, measure_type=measure_type,
                  effective_on=created.date() + timedelta(days=7), **{"amount": 0, **fields})
    submitted = clock.soon(created, 20, 90)
    story.then(submitted, "in_approval")
    if is_merged:
        return story.then(clock.later(submitted, 1, 2), "cancelled", remark="该月奖励并入季度表彰，取消")
    approved = clock.later(submitted, 1, 2)
    story.then(approved, "approved")
    issued = clock.soon(approved, 20, 60)
    story.then(issued, "issued", issued_at=issued)
    signed = clock.later(issued, 1, 3)
    code = dealer["dealer_code"]
    return story.then(signed, "acknowledged", signed_at=signed, signed_by=f"dealer_{code.lower()}" if code in DEALER_CODES else None)


def _penalty(clock: Clock, sheet: Rec) -> Story:
    again, day = sheet["consecutive_d_count"] > 1, sheet["published_at"].date()
    return _notice(
        clock, sheet["published_at"], sheet["dealer"], "penalty", "withdrawal_review" if again else "rectification",
        dealer_grade_sheet=sheet, period=sheet["period"], basis=f"{sheet['period']}分级考核为D级。",
        rectify_due_on=None if again else day + timedelta(days=30),
        measure="连续两次以上考核为D级，提请退网评审。" if again else f"考核为D级，限{day + timedelta(days=30)}前完成整改。")


def _reward(clock: Clock, sheet: Rec, place: int) -> Story:
    kind = "commendation" if place % 3 == 2 else "bonus"
    return _notice(clock, sheet["published_at"], sheet["dealer"], "reward", kind, dealer_grade_sheet=sheet, period=sheet["period"],
                   is_merged=place % 6 == 1,
                   basis=f"{sheet['period']}分级考核为A级，成绩居前。", amount="2000.00" if kind == "bonus" else 0,
                   measure="奖励二千元，计入当月结算。" if kind == "bonus" else "通报表彰，授予当月服务之星。")


def _fine(clock: Clock, violation: Rec) -> Story:
    return _notice(clock, violation["verified_at"], violation["dealer"], "penalty", "fine", conduct_violation=violation,
                   period=f"{violation['verified_at']:%Y-%m}", amount="3000.00", basis="保修期内向用户索取费用，已查实。",
                   measure="退还用户费用，罚款三千元，当月考核否决。")
