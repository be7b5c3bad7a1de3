"""Quality informations of the demo company, from the user's call to the closed case, and the calls back."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from demo import people
from demo.actions import Actions
from demo.faults import COMMENTS, COMPLAINTS, FAULTS, NOT_TO_BLAME, Fault
from demo.story import OFFICE, Clock, Rec, Story, tell

TECHNICIANS = ("technician", "technician2", "technician3")
LOSSES = ("20000.00", "19999.99", "36800.00", "25400.00", "52000.00")


class Cases:
    """Makes the sheets month by month: some faults are hot for a month and come back, the rest comes as it comes."""

    def __init__(self, clock: Clock, customers: list[Rec], batches: list[Rec], actions: Actions) -> None:
        self.clock, self.dice, self.actions = clock, clock.dice, actions
        self.customers = customers[:56]
        self.batches = [row for row in batches if row["state"] != "void"]
        self.stories: list[Story] = []
        self.calls: dict[int, Story] = {}     # id of the sheet's record -> its callback
        self.losses = list(LOSSES)

    def make(self, states: list[str]) -> tuple[list[Rec], list[Rec]]:
        for first, last in self.clock.months():
            self.month(first, last)
        self.stories += [*self.awkward(), *self.last_evening()]
        self.stories.sort(key=lambda story: story.record["created_at"])
        sheets = tell(self.stories, self.clock, states, least=4)
        return sheets, self.callbacks(sheets)

    def month(self, first: date, last: date) -> None:
        hot = [self.hot_fault(first) for _ in range(4)]
        for place, received in enumerate(self.clock.moments(first, last, 40)):
            if place % 13 == 12:
                self.stories.append(self.untrue(received))
            elif place % 4 == 0 and (pair := hot[place // 4 % len(hot)])[1]["created_at"] < received:
                self.stories.append(self.sheet(received, *pair, is_real=True, theme=(first, id(pair[1]))))
            else:
                fault = self.dice.choice(FAULTS)
                self.stories.append(self.sheet(received, fault, self.batch(fault, received), is_real=False))

    def last_evening(self) -> list[Story]:
        """What came in shortly before the demo begins and is still on the first desks."""
        found = []
        for minutes in (380, 300, 190, 120, 65, 20):
            fault = self.dice.choice(FAULTS)
            received = self.clock.end - timedelta(minutes=minutes)
            found.append(self.sheet(received, fault, self.batch(fault, received), is_real=False))
        return found

    def awkward(self) -> list[Story]:
        """Users of the last weeks who were dissatisfied, or never picked up the phone."""
        found = []
        for days, outcome in ((11, "dissatisfied"), (15, "unreachable"), (17, "unreachable"), (19, "unreachable")):
            received, fault = self.clock.later(self.clock.end - timedelta(days=days), 0, 0), self.dice.choice(FAULTS)
            found.append(self.sheet(received, fault, self.batch(fault, received), is_real=outcome == "dissatisfied",
                                    theme=(days, outcome), outcome=outcome))
        return found

    def hot_fault(self, first: date) -> tuple[Fault, Rec]:
        fault = self.dice.choice([fault for fault in FAULTS if fault.category not in ("service_attitude", "packaging")])
        return fault, self.batch(fault, datetime.combine(first, time(8), OFFICE))

    def batch(self, fault: Fault, moment: datetime) -> Rec:
        fitting = [row for row in self.batches if row["_product"] == fault.product]
        return self.dice.choice([row for row in fitting if row["created_at"] < moment][-4:] or fitting[:1])

    # one sheet -----------------------------------------------------------------------------------------------------

    def begin(self, received: datetime, fault: Fault, batch: Rec) -> Story:
        customer, intake = self.dice.choice(self.customers), self.clock.pick({"marketing": 3, "quality": 2})
        created = received + timedelta(minutes=5 * self.dice.randint(0, 6))
        return Story(
            created, "sales" if intake == "marketing" else "quality_engineer", "registered",
            department="MKT" if intake == "marketing" else "QA", received_at=received, intake_unit=intake,
            channel=self.clock.pick({"phone": 6, "fax": 1, "email": 1, "visit": 1, "dealer": 2}), customer=customer,
            contact_person=customer["contact_person"], phone=customer["phone"], address=customer["address"],
            province=customer["province"], dealer=customer.get("dealer") if self.dice.random() < 0.7 else None,
            product_batch=batch, product_name=batch["product_name"], batch_no=batch["batch_no"],
            produced_on=batch["produced_on"], quantity=self.dice.choice((1, 1, 1, 2, 3, 6)),
            fault_category=fault.category, fault_description=f"{fault.text}。", direct_loss=0)

    def untrue(self, received: datetime) -> Story:
        fault = self.dice.choice(FAULTS)
        story = self.begin(received, fault, self.batch(fault, received))
        moment = self.clock.soon(story.record["created_at"])
        if self.dice.random() < 0.2:
            return story.then(moment, "void", remark="重复登记，作废")
        return story.then(moment, "rejected", remark="与用户核实，反馈的不是本公司产品")

    def sheet(self, received: datetime, fault: Fault, batch: Rec, *, is_real: bool, theme: Any = None,
              outcome: str = "") -> Story:
        story, unit = self.begin(received, fault, batch), batch["production_unit"]
        confirmed = self.clock.soon(story.record["created_at"], 10, 40)
        story.then(confirmed, "confirmed", confirmed_at=confirmed, receipts=_copies(confirmed))
        decided = self.clock.soon(confirmed, 10, 50)
        if story.record["intake_unit"] == "marketing":
            story.then(decided, "endorsed", dept_opinion="情况已核实，请质量部尽快处理并答复用户。")
            decided = self.clock.soon(decided, 10, 40)
        on_site = is_real or self.dice.random() < 0.35
        handle = self.on_site if on_site else self.by_phone
        disposed = handle(story, decided, fault, unit, is_real)
        self.finish(story, disposed, fault, unit, is_real=is_real, on_site=on_site, theme=theme,
                    outcome=outcome)
        return story

    def replied(self, received: datetime, earliest: datetime) -> datetime:
        """Nearly always within the 24 hours; now and then exactly on the limit, or too late."""
        chance, limit = self.dice.random(), received + timedelta(hours=24)
        if chance < 0.06:
            return max(limit, earliest) + timedelta(minutes=self.dice.choice((1, 40, 95, 180)))
        return limit if chance < 0.09 and earliest < limit else self.clock.soon(earliest, 20, 120)

    def by_phone(self, story: Story, decided: datetime, fault: Fault, unit: str, is_real: bool) -> datetime:
        reply = self.replied(story.record["received_at"], decided)
        story.then(decided, "replying", handling_mode="phone_or_written", responsible_unit=unit,
                   quality_opinion="可电话指导解决，请质量工程师当日答复。", receipts=_copies(decided, signed=3))
        story.then(reply, "disposed", replied_at=reply, disposed_at=reply, receipts=_copies(decided, signed=4, unit=unit),
                   reply_text=f"已电话答复用户：初步判断为{fault.cause}的可能，已指导检查，并告知服务热线。")
        return reply

    def on_site(self, story: Story, decided: datetime, fault: Fault, unit: str, is_real: bool) -> datetime:
        technician, reply = self.dice.choice(TECHNICIANS), self.replied(story.record["received_at"], decided)
        arrived = self.arrival(story, reply, unit)
        disposed = self.clock.soon(arrived, 60, 240)
        name = next(p.name for p in people.STAFF if p.username == technician)
        story.then(decided, "assigned", handling_mode="on_site", responsible_unit=unit,
                   quality_opinion="须现场处理，请责任单位派员并带配件到场。", receipts=_copies(decided, signed=3))
        story.then(reply, "dispatched", preliminary_plan=f"携带配件到场检查；若确认，{fault.measure}。",
                   technician=technician, reply_text=f"已告知用户：{name}{arrived:%m月%d日}到场处理。", replied_at=reply)
        story.then(arrived, "on_site", arrived_at=arrived)
        story.then(disposed, "disposed", disposed_at=disposed, direct_loss=self.loss() if is_real else 0,
                   receipts=_copies(decided, signed=4, unit=unit))
        return disposed

    def loss(self) -> str:
        """What it cost; a few major incidents, one of exactly the limit and one a cent below."""
        if self.losses and self.dice.random() < 0.06:
            return self.losses.pop(0)
        return f"{self.dice.randint(3, 90) * 100 + self.dice.choice((0, 50, 80))}.00"

    def arrival(self, story: Story, reply: datetime, unit: str) -> datetime:
        received, home = story.record["received_at"], {d.code: d.province for d in people.DEPARTMENTS}[unit]
        hours, chance = 24 if story.record["province"] == home else 48, self.dice.random()
        if chance < 0.04 and reply < received + timedelta(hours=hours):
            return received + timedelta(hours=hours)
        share = 1.02 + self.dice.random() / 4 if chance > 0.92 else 0.5 + self.dice.random() * 0.45
        found = received + timedelta(hours=hours * share)
        found = found.replace(minute=found.minute // 5 * 5)
        if not 7 <= found.hour < 19:
            evening = datetime.combine(found.date() - timedelta(days=found.hour < 7), time(18, 45), OFFICE)
            found = evening if evening > reply else evening + timedelta(hours=13)
        return found if found > reply else reply + timedelta(minutes=90)

    def finish(self, story: Story, disposed: datetime, fault: Fault, unit: str, *, is_real: bool, on_site: bool,
               theme: Any, outcome: str) -> None:
        """The call back and the closing; a real problem gets its corrective action."""
        level = self.clock.pick({"very_satisfied": 3, "satisfied": 6})
        if is_real:
            level = self.clock.pick({"very_satisfied": 2, "satisfied": 5, "neutral": 2, "dissatisfied": 1})
        elif on_site:
            level = self.clock.pick({"very_satisfied": 3, "satisfied": 6, "neutral": 1})
        level = outcome if outcome == "dissatisfied" else level
        action = self.actions.of_theme(theme, story.record, fault, unit) if is_real else None
        called = self.call(story.record, disposed, level, action, is_reached=outcome != "unreachable")
        if called is None:
            return
        noted = self.clock.soon(called, 10, 60)
        story.then(noted, "called_back", satisfaction_level=level, is_substantiated=is_real)
        closed = self.clock.later(noted, 2, 10)
        if action is not None:
            closed = max(closed, self.clock.soon(action["created_at"]))
            story.then(closed, "closed", corrective_action=action, closed_at=closed)
        else:
            story.then(closed, "closed", no_action_reason=self.dice.choice(NOT_TO_BLAME), closed_at=closed)

    # the call back ---------------------------------------------------------------------------------------------------

    def call(self, sheet: Rec, disposed: datetime, level: str, action: Rec | None, *,
             is_reached: bool) -> datetime | None:
        """The story of the call; None if the user could not be reached."""
        call = Story(disposed, "quality_engineer", "due", department="QA", quality_info_transfer=sheet,
                     customer=sheet["customer"], contact_person=sheet["contact_person"], phone=sheet["phone"],
                     dealer=sheet["dealer"], served_at=disposed, method="phone")
        self.calls[id(sheet)] = call
        chance = self.dice.random()
        called = self.clock.later(disposed, 0.6, 2)
        if chance < 0.05:
            called = self.clock.later(disposed, 4, 6)
        elif chance < 0.07:
            called = disposed + timedelta(days=3)
        if not is_reached:
            return self.unreachable(call, called)
        attempts = []
        if chance > 0.8 and called - timedelta(hours=2) > disposed:
            tried = called - timedelta(hours=2)
            attempts = [{"called_at": tried, "result": "no_answer", "remark": "无人接听，稍后再拨"}]
            call.then(tried, "attempted", attempts=list(attempts))
        attempts.append({"called_at": called, "result": "reached"})
        self.reached(call, called, level, action, attempts)
        return called

    def unreachable(self, call: Story, moment: datetime) -> None:
        attempts: list[dict[str, Any]] = []
        for result in ("no_answer", "call_later", "no_answer"):
            attempts.append({"called_at": moment, "result": result})
            call.then(moment, "attempted", attempts=list(attempts))
            moment = self.clock.later(moment, 1, 1)
        call.then(moment, "unreachable", remark="多次拨打无人接听，判定无法联系")

    def reached(self, call: Story, called: datetime, level: str, action: Rec | None, attempts: list[Any]) -> None:
        said = {"satisfaction_level": level, "attitude_level": level, "timeliness_level": level, "called_at": called,
                "caller": self.clock.pick({"customer_service": 3, "quality_engineer2": 1}), "attempts": attempts}
        done = called
        if level == "dissatisfied" and action is not None:
            reason = self.dice.choice(COMPLAINTS)
            call.then(called, "dissatisfied", **said, dissatisfaction_reason=reason, remark=f"用户不满意：{reason}")
            done = max(self.clock.later(called, 1, 3), self.clock.soon(action["created_at"]))
            call.then(done, "done", follow_up="corrective_action", corrective_action=action)
        else:
            call.then(called, "done", **said, remark=self.dice.choice(COMMENTS), follow_up="none")
        reported = self.clock.later(done, 1, 4)
        call.then(reported, "reported", reported_at=reported)

    def callbacks(self, sheets: list[Rec]) -> list[Rec]:
        """A call for every sheet that got as far as being disposed; what it said stands in the sheet."""
        stories = [self.calls[id(sheet)] for sheet in sheets if "disposed_at" in sheet]
        calls = self.settle(stories)
        for call in calls:
            sheet = call["quality_info_transfer"]
            if sheet["state"] == "disposed" and "called_at" in call:
                sheet["satisfaction_level"] = call["satisfaction_level"]
        return calls

    def settle(self, stories: list[Story]) -> list[Rec]:
        """A sheet that is noted as called back has its call; others may have stuck in any state."""
        free = [story for story in stories if story.record["quality_info_transfer"]["state"] == "disposed"]
        told = tell([story for story in stories if story not in free], self.clock,
                    ("dissatisfied", "done"), least=1)
        first = stories[len(stories) // 2].record
        void = Story(first["served_at"] + timedelta(hours=1), "quality_engineer", "due", **_copied(first))
        void.then(first["served_at"] + timedelta(hours=20), "void", remark="与另一条回访重复，作废")
        return [*told, *tell(free, self.clock, ("due", "attempted", "unreachable"), least=1), void.told(self.clock.end)]


def _copied(record: Rec) -> dict[str, Any]:
    return {key: record[key] for key in ("quality_info_transfer", "customer", "dealer", "served_at", "department")}


def _copies(sent: datetime, *, signed: int = 0, unit: str = "SUB-CQ") -> list[dict[str, Any]]:
    """Three copies and the fax; the first ones are signed for."""
    signers = ("sales2", "quality_engineer2", "deputy_gm", people.of_unit(unit))
    rows = []
    for place, copy in enumerate(("marketing", "quality", "quality_leader", "subsidiary_fax")):
        row: dict[str, Any] = {"copy": copy, "sent_at": sent}
        if place < signed:
            row |= {"signed_by": signers[place], "signed_at": sent + timedelta(minutes=15 * (place + 1))}
        rows.append(row)
    return rows

