"""A dealer's workshop: the jobs of its months, dispatched or brought in, each with its repair file and its call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo import people
from demo.faults import COMMENTS, FAULTS, Fault
from demo.outlets import Month, goes_well
from demo.story import Clock, Rec, Story, tell
from demo.vehicles import is_in_warranty, mileage

JOBS = 12   # a month of a dealer
MAINTENANCE = ("按里程做常规保养，更换机油三滤。", "保养到期，检查制动和底盘。", "入冬前保养，检查冷却系统和蓄电池。")
ROUTES = ("沿产业大道到底右转，厂区二号门。", "高速出口直行三公里，物流园西门登记。", "乡道较窄，建议从镇政府路口进。")


@dataclass
class Job:
    """What one customer came for, and the papers it left."""

    month: Month
    vehicle: Rec
    fault: Fault
    kind: str
    received: datetime
    card: Rec | None = None
    order: Story | None = None
    file: Story | None = None

    @property
    def is_repair(self) -> bool:
        return self.kind in ("repair", "rescue")

    @property
    def in_warranty(self) -> bool:
        return is_in_warranty(self.vehicle, self.received.date())


class Workshop:
    def __init__(self, clock: Clock, fleet: list[Rec], cards: list[Rec]) -> None:
        self.clock, self.dice = clock, clock.dice
        self.fleet = [row for row in fleet if row["state"] == "delivered"]
        self.cards: dict[tuple[int, str], list[Rec]] = {}
        for card in cards:
            if card.get("forwarded_at") and "vehicle" in card and not card.get("_on_spot"):
                key = id(card["dealer"]), f"{card['received_at']:%Y-%m}"
                self.cards.setdefault(key, []).append(card)
        self.turn: dict[str, int] = {}
        self.jobs: list[Job] = []
        self.calls: list[Story] = []

    def make(self, months: list[Month], order_states: list[str], file_states: list[str]) -> tuple[list[Rec], list[Rec]]:
        for month in months:
            self.month(month)
        self.jobs.sort(key=lambda job: job.received)
        for job in self.jobs:
            if job.card or self.dice.random() < 0.6:
                job.order = self.order(job)
        orders = tell((job.order for job in self.jobs if job.order), self.clock, order_states)
        return orders, self.files(file_states)

    def month(self, month: Month) -> None:
        """Vehicles come in turn; where work is careless, some come back with the same fault."""
        before: Job | None = None
        cards = self.cards.get((id(month.dealer), month.period), [])
        for place, moment in enumerate(self.clock.moments(month.first, month.last, JOBS)):
            again = before is not None and before.is_repair and self.dice.random() > month.care ** 0.5
            kind = self.clock.pick({"repair": 14, "maintenance": 4, "first_service": 1, "rescue": 1})
            vehicle = self.next_vehicle(month)
            fault = self.dice.choice([f for f in FAULTS if f.product == vehicle["_product"] and f.category != "service_attitude"])
            if again and before is not None:
                vehicle, fault, kind = before.vehicle, before.fault, "repair"
            job = Job(month, vehicle, fault, kind, moment)
            if place % 5 == 4 and (card := next((c for c in cards if c["forwarded_at"] < moment), None)):
                cards.remove(card)
                job = Job(month, card["vehicle"], card["_fault"], "repair", moment, card)
            self.jobs.append(job)
            before = job

    def next_vehicle(self, month: Month) -> Rec:
        mine = [row for row in self.fleet if row["dealer"] is month.dealer and row["delivered_on"] < month.first]
        self.turn[month.code] = self.turn.get(month.code, 0) + 1
        return mine[self.turn[month.code] * 13 % len(mine)]   # old and new ones mixed

    # the work order ------------------------------------------------------------------------------------------------

    def order(self, job: Job) -> Story:
        clock, month, vehicle = self.clock, job.month, job.vehicle
        mode = "walk_in" if self.dice.random() < 0.12 else "on_site"
        created = clock.soon(job.received, 5, 20)
        customer = vehicle["customer"]
        story = Story(
            created, "dispatcher", "draft", department="CS", source="dealer_report" if job.card else "phone_dispatch",
            complaint_tracking_card=job.card, service_mode=mode, received_at=job.received, customer=customer,
            contact_person=customer["contact_person"], phone=customer["phone"],
            address=f"{month.dealer['province']}{customer['name'][:2]}方向在途或停放点", province=month.dealer["province"],
            route_note=self.dice.choice(ROUTES), dealer=month.dealer, vehicle=vehicle, product_batch=vehicle["product_batch"],
            product_name=f"{vehicle['model']}汽车", fault_description=self.told_fault(job),
            fault_category=job.fault.category if job.is_repair else None, technician=month.technician,
            urgency="urgent" if job.kind == "rescue" else clock.pick({"normal": 8, "urgent": 2, "important": 1}),
            assignment_reason="就近派单，具备相应技能。")
        dispatched = clock.soon(created, 10, 30)
        story.then(dispatched, "dispatched", dispatched_at=dispatched)
        if self.dice.random() < 0.04:
            return story.then(clock.soon(dispatched), "cancelled", remark="用户来电称已自行解决，取消")
        arrived = self.walk_in(story, dispatched) if mode == "walk_in" else self.on_site(story, job, dispatched)
        self.end(story, job, self.repaired(story, job, arrived, mode))
        return story

    def told_fault(self, job: Job) -> str:
        return f"{job.fault.text}。" if job.is_repair else self.dice.choice(MAINTENANCE)

    def walk_in(self, story: Story, dispatched: datetime) -> datetime:
        started = self.clock.soon(dispatched, 20, 90)
        story.then(started, "arrived", warranty_told_at=started, charge_told_at=started)
        return started

    def on_site(self, story: Story, job: Job, dispatched: datetime) -> datetime:
        """Called, agreed and reached; the careless come after the limit."""
        limit = timedelta(hours=24 if job.month.dealer["province"] == "重庆市" else 48)
        contacted = self.clock.soon(dispatched, 10, 40)
        arrived = max(self.clock.later(dispatched, 0, 1), contacted + timedelta(minutes=30))
        if not goes_well(self.clock, job.month):
            arrived = max(arrived, job.received + limit + timedelta(minutes=self.dice.choice((1, 45, 200, 600))))
        elif arrived > job.received + limit:
            arrived = job.received + limit - timedelta(minutes=self.dice.choice((0, 20, 75)))
        agreed = arrived + timedelta(minutes=self.dice.choice((0, 0, 5, 10, -20)))
        means = self.clock.pick({"bus": 6, "other": 3})
        if story.record["urgency"] != "normal" and self.dice.random() < 0.5:
            means = "company_car"
            story.record["transport_approved_by"] = "dispatcher"
        told = {"warranty_told_at": contacted, "charge_told_at": contacted, "contacted_at": contacted}
        first = {"appointment_at": agreed, "dispatcher_told_at": contacted}
        story.then(contacted, "appointed", appointment_at=agreed, appointments=[first], **told)
        story.then(arrived, "arrived", transport_mode=means, is_appearance_ready=True, arrived_at=arrived,
                   transport_cost=f"{self.dice.randint(1, 12) * 10}.00", appointments=[first | {"arrived_at": arrived}])
        return arrived

    def repaired(self, story: Story, job: Job, arrived: datetime, mode: str) -> datetime:
        """On the spot, in the workshop, or on another day."""
        seen = {"onsite_statement": f"用户陈述：{self.told_fault(job)}", "diagnosis": f"检查判断：{job.fault.cause}。",
                "fault_category": job.fault.category}
        solved: dict[str, Any] = {"solution": f"{job.fault.measure}，试车正常。" if job.is_repair else "按保养手册完成全部项目。",
                                  "warranty_status": "in" if job.in_warranty else "out"}
        left, chance = self.clock.soon(arrived, 30, 90), self.dice.random()
        if chance < 0.1:
            story.then(left, "taken_back", **seen, visit_outcome="taken_back", customer_copy_given_at=left,
                       takeback_description="拆下故障总成一件，外观完好，附件齐全，已交客户联。")
            left = self.clock.later(left, 1, 2)
        elif chance < 0.18 and mode == "on_site":
            left = self.another_day(story, left, seen)
        finished = self.clock.soon(left, 40, 150)
        outcome = {} if chance < 0.1 else {"visit_outcome": "fixed_on_site"}
        story.then(finished, "finished", finished_at=finished, **seen, **solved, **outcome, **self.charge(job))
        return finished

    def another_day(self, story: Story, left: datetime, seen: dict[str, Any]) -> datetime:
        first = story.steps[-1][2]["appointments"][0]
        story.then(left, "deferred", **seen, visit_outcome="rescheduled", deferral_explanation="缺专用件，与用户约定改日再修。")
        agreed = self.clock.later(left, 1, 2)
        second = {"appointment_at": agreed, "reason": "等待配件", "dispatcher_told_at": left}
        told = left + timedelta(minutes=5)
        story.then(told, "appointed", appointment_at=agreed, appointments=[first, second])
        story.then(agreed, "arrived", appointments=[first, second | {"arrived_at": agreed}])
        return agreed

    def charge(self, job: Job) -> dict[str, Any]:
        part = {"part_no": f"{job.fault.category[:2].upper()}-{len(job.fault.cause):03}", "part_name": "修理包",
                "quantity": 1, "unit_price": 0 if job.in_warranty else f"{self.dice.randint(4, 40) * 10}.00"}
        return {"labour_fee": 0 if job.in_warranty else f"{self.dice.randint(3, 20) * 20}.00", "parts": [part]}

    def end(self, story: Story, job: Job, finished: datetime) -> None:
        customer = job.vehicle["customer"]
        signed = finished + timedelta(minutes=5)
        story.then(signed, "signed", signed_by=customer["contact_person"], signed_at=signed,
                   satisfaction_level=self.level(job))
        called = self.call(job, story.record, "work_order", finished, signed)
        returned = self.clock.later(signed, 0.6, 1.5)
        story.then(returned, "returned", dispatcher_copy_returned_at=returned)
        closed = self.clock.soon(max(returned, called), 20, 240)
        story.then(closed, "closed", closed_at=closed)

    def level(self, job: Job) -> str:
        return self.clock.pick({"very_satisfied": 4, "satisfied": 5} if goes_well(self.clock, job.month) else {"neutral": 1})

    # the call back -------------------------------------------------------------------------------------------------

    def call(self, job: Job, record: Rec, link: str, served: datetime, asked: datetime) -> datetime:
        """Made by the office within three days, now and then in vain or too late."""
        clock, customer = self.clock, job.vehicle["customer"]
        story = Story(
            asked, job.month.technician, "due", department="CS", customer=customer, served_at=served, method="phone",
            contact_person=customer["contact_person"], phone=customer["phone"], dealer=job.month.dealer,
            technician=job.month.technician, **{link: record})
        self.calls.append(story)
        called = clock.later(served, 0.6, 2) if self.dice.random() > 0.04 else clock.later(served, 4, 6)
        called = max(called, asked + timedelta(hours=1))
        if self.dice.random() < 0.03:
            return self.in_vain(story, called)
        level = self.level(job)
        story.then(called, "done", called_at=called, caller=self.dice.choice(("customer_service", "customer_service2")),
                   satisfaction_level=level, attitude_level=level, repair_quality_level=level, follow_up="none",
                   attempts=[{"called_at": called, "result": "reached"}], remark=self.dice.choice(COMMENTS))
        reported = clock.later(called, 1, 4)
        story.then(reported, "reported", reported_at=reported)
        return called

    def in_vain(self, story: Story, moment: datetime) -> datetime:
        attempts: list[dict[str, Any]] = []
        for _ in range(3):
            attempts.append({"called_at": moment, "result": "no_answer"})
            story.then(moment, "attempted", attempts=list(attempts))
            moment = self.clock.later(moment, 1, 1)
        story.then(moment, "unreachable", remark="多次拨打无人接听，判定无法联系")
        return moment

    # the repair file -----------------------------------------------------------------------------------------------

    def files(self, states: list[str]) -> list[Rec]:
        """What was dispatched has a file that fits its order; what was brought in is told on its own."""
        bound, free = [], []
        for job in self.jobs:
            if job.order is None:
                free.append(self.file(job, job.received, None))
            elif "finished_at" in job.order.record:
                bound.append(self.file(job, job.received, job.order.record))
        return sorted([*(story.told(self.clock.end) for story in bound), *tell(free, self.clock, states)],
                      key=lambda row: row["created_at"])

    def file(self, job: Job, received: datetime, order: Rec | None) -> Story:
        vehicle, customer = job.vehicle, job.vehicle["customer"]
        story = job.file = Story(
            self.clock.soon(received, 5, 15), job.month.owner, "open", dealer=job.month.dealer, customer=customer,
            phone=customer["phone"], vehicle=vehicle, work_order=order, service_kind=job.kind, received_at=received,
            mileage=mileage(vehicle, received.date()), customer_statement=self.told_fault(job),
            fault_category=job.fault.category if job.is_repair else None, is_in_warranty=job.in_warranty,
            technician=job.month.technician, _job=job)
        if order is None and self.dice.random() < 0.03:
            return story.then(self.clock.soon(received, 30, 60), "cancelled", remark="用户改约，另行登记")
        self.papers(story, job, order)
        return story

    def papers(self, story: Story, job: Job, order: Rec | None) -> None:
        clock, customer = self.clock, job.vehicle["customer"]
        completed = order["finished_at"] if order else clock.later(job.received, 0, 2)
        completed = max(completed, story.record["created_at"] + timedelta(minutes=20))
        paid = 0 if job.in_warranty else f"{self.dice.randint(3, 20) * 20}.00"
        item = job.fault.measure if job.is_repair else "常规保养"
        story.then(completed, "completed", completed_at=completed, inspection_result=f"{job.fault.cause}。" if job.is_repair
                   else "各系统检查正常。", cause=f"{job.fault.cause}。" if job.is_repair else None, repairs=[
                       {"item_name": item[:60], "labour_hours": self.dice.choice(("0.5", "1.2", "2.0", "3.5")), "labour_fee": paid}],
                   parts=self.charge(job)["parts"])
        signed = clock.soon(completed, 15, 60)
        story.then(signed, "signed", signed_by=customer["contact_person"], handed_over_at=signed, signed_at=signed,
                   dealer_signed_by=job.month.dealer["contact_person"], appraiser_signed_by=people.name_of(job.month.appraiser))
        archived = clock.later(signed, 1, 5)
        story.then(archived, "archived", is_customer_copy_given=True)
        if order is None:
            self.call(job, story.record, "customer_repair_file", completed, signed)

    def called(self) -> list[Rec]:
        """The calls of what was really signed for."""
        begun = [story for story in self.calls if self.is_signed(story.record)]
        return [story.told(self.clock.end) for story in begun]

    @staticmethod
    def is_signed(call: Rec) -> bool:
        served = call.get("work_order") or call["customer_repair_file"]
        return "signed_at" in served
