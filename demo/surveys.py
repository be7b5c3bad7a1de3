"""Satisfaction surveys of the demo company: a round a month, and what the customers answered."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from demo.outlets import Month
from demo.story import Clock, Rec, Story, tell

ITEMS = (("quality", "您对产品质量是否满意？", "0.40"), ("delivery", "您对交货和配件到货时间是否满意？", "0.20"),
         ("service", "您对售后服务态度和技术是否满意？", "0.25"), ("price", "您对维修和配件价格是否满意？", "0.15"))
LEVELS = ("very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied")
FORMS = 4   # a round of a dealer
WORST = ("等待时间偏长。", "配件价格偏高。", "夜间热线不易打通。", "旧件返还说明不清。")
WISHES = ("希望增加上门保养。", "希望提前告知到货时间。", "建议开通线上预约。", "继续保持。")


class Surveys:
    def __init__(self, clock: Clock, customers: list[Rec]) -> None:
        self.clock, self.dice = clock, clock.dice
        self.customers = [row for row in customers if row["state"] == "active" and row["created_at"].date() < clock.first]

    def make(self, months: list[Month], plan_states: list[str], form_states: list[str]) -> tuple[list[Rec], list[Rec]]:
        rounds: dict[date, list[Month]] = {}
        for month in months:
            rounds.setdefault(month.first, []).append(month)
        stories = [self.plan(place, first, asked) for place, (first, asked) in enumerate(rounds.items())]
        stories = [story for story in stories if story.record["created_at"] <= self.clock.end]
        stories += [self.merged(rounds), *self.planned_ahead()]
        plans = tell(sorted(stories, key=lambda story: story.record["created_at"]), self.clock, plan_states, least=1)
        return plans, self.forms(plans, form_states)

    # plans -----------------------------------------------------------------------------------------------------------

    def plan(self, place: int, first: date, asked: list[Month]) -> Story:
        clock = self.clock
        chosen = iter(self.dice.sample(self.customers, FORMS * len(asked)))
        targets = [{"customer": next(chosen), "dealer": month.dealer, "method": clock.pick({"form": 4, "phone": 4, "visit": 1, "email": 1}),
                    "_care": month.care} for month in asked for _ in range(FORMS)]
        start = _workday(first + timedelta(days=2))
        story = self.begin(start - timedelta(days=2), start, f"{first:%Y年%m月}服务商顾客满意度调查", targets, "quality_engineer")
        submitted = clock.soon(story.record["created_at"], 30, 120)
        story.then(submitted, "in_approval")
        approved = clock.soon(submitted, 60, 200)
        story.then(approved, "approved", approved_at=approved)
        issued = clock.soon(approved, 30, 90)
        story.then(issued, "collecting", issued_at=issued)
        closed = clock.at(_workday(start + timedelta(days=36)))
        return story.then(closed, "closed", closed_at=closed)

    def begin(self, written: date, start: date, title: str, targets: list[dict[str, Any]], author: str) -> Story:
        written = max(written, start.replace(day=1))
        return Story(
            self.clock.at(_workday(written)), author, "draft", department="QA", title=title, scope_kind="all",
            quarter=f"{start.year}-Q{(start.month + 2) // 3}", survey_methods=["visit", "form", "phone", "email"],
            scoring_scale="five_level",
            starts_on=start, due_on=start + timedelta(days=25), target_return_rate="0.8", handler=author, targets=targets,
            items=[{"item": item, "question": question, "weight": weight, "max_points": 100} for item, question, weight in ITEMS])

    def merged(self, rounds: dict[date, list[Month]]) -> Story:
        first = list(rounds)[3]
        targets = [{"customer": customer, "method": "phone"} for customer in self.customers[:5]]
        story = self.begin(first, _workday(first + timedelta(days=4)), "物流行业专项调查", targets, "customer_service")
        story.record |= {"scope_kind": "industry", "industry": "物流"}
        return story.then(self.clock.later(story.record["created_at"], 2, 3), "cancelled")

    def planned_ahead(self) -> list[Story]:
        """Rounds of the next quarter, on their way through the office."""
        start = (self.clock.today.replace(day=1) + timedelta(days=32)).replace(day=3)
        found = []
        for n, (province, reached) in enumerate((("重庆市", 1), ("四川省", 2), ("湖北省", 3))):
            near = [row for row in self.customers if row["province"] == province][:8]
            written = self.clock.later(self.clock.end - timedelta(days=9 - 2 * n), 0, 0)
            story = self.begin(written.date(), start, f"{start:%Y年%m月}{province}用户调查",
                               [{"customer": row, "method": "phone"} for row in near], "quality_engineer")
            story.record |= {"scope_kind": "region", "region": province, "created_at": min(written, self.clock.end)}
            moment = self.clock.soon(story.record["created_at"], 5, 20)
            for state, stamp in (("in_approval", ""), ("approved", "approved_at"))[:reached - 1]:
                story.then(moment, state, **({stamp: moment} if stamp else {}))
                moment += timedelta(minutes=30)
            found.append(story)
        return found

    # questionnaires --------------------------------------------------------------------------------------------------

    def forms(self, plans: list[Rec], states: list[str]) -> list[Rec]:
        """A closed round has only forms that ended; in one that is open, forms stand anywhere."""
        ended, open_ = [], []
        for plan in plans:
            if plan["state"] in ("collecting", "closed"):
                (ended if plan["state"] == "closed" else open_).extend(self.form(plan, target) for target in plan["targets"])
        told = [*(story.told(self.clock.end) for story in ended), *tell(open_, self.clock, states, least=1)]
        for form in told:
            form["_target"]["satisfaction_questionnaire"] = form
        return sorted(told, key=lambda row: row["created_at"])

    def form(self, plan: Rec, target: dict[str, Any]) -> Story:
        clock, customer, issued = self.clock, target["customer"], plan["issued_at"]
        answers = [{"item": item, "question": question, "weight": weight, "max_points": 100} for item, question, weight in ITEMS]
        story = Story(issued, plan["created_by"], "prepared", department="QA", satisfaction_survey_plan=plan, customer=customer,
                      dealer=target.get("dealer"), method=target["method"], answers=answers, _target=target,
                      surveyor=self.dice.choice(("quality_engineer", "customer_service", "technician")))
        sent, chance = clock.later(issued, 0, 2), self.dice.random()
        story.then(sent, "sent", sent_at=sent)
        if chance < 0.06:
            chased = clock.later(sent, 18, 20)
            story.then(chased, "sent", chased_at=chased)
            return story.then(clock.at(plan["due_on"] + timedelta(days=3)), "expired")
        returned = clock.later(sent, 2, 16)
        level = self.level(target.get("_care", 0.9))
        left = 3 if chance < 0.1 else 0
        given = [line if n < left else line | {"satisfaction_level": self.near(level)} for n, line in enumerate(answers)]
        story.then(returned, "returned", returned_at=returned, answered_on=returned.date(), contact_person=customer["contact_person"],
                   phone=customer["phone"], position="车队负责人", answers=given, satisfaction_level=LEVELS[level],
                   most_dissatisfied_aspect=self.dice.choice(WORST) if level > 1 else None, suggestion=self.dice.choice(WISHES),
                   signed_by=customer["contact_person"] if target["method"] == "form" else None)
        return story.then(clock.soon(returned, 60, 240), "invalid" if left else "scored")

    def level(self, care: float) -> int:
        if care < 0.5:
            return self.dice.choice((2, 3, 3, 4))
        diced = self.dice.random()
        return 0 if diced < care * 0.62 else 1 if diced < care else self.dice.choice((2, 2, 3))

    def near(self, level: int) -> str:
        return LEVELS[min(4, max(0, level + self.dice.choice((0, 0, 0, 0, 1, -1))))]


def _workday(day: date) -> date:
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day
