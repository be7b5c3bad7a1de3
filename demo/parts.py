"""Parts of the demo company: what the dealers ask for each month, what is bought, and what lies in the stores."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from demo.outlets import Month, goes_well
from demo.story import OFFICE, Clock, Rec, Story, tell


class Part(NamedTuple):
    no: str
    name: str
    model: str
    measure: str
    price: int
    supplier: str


_GROUPS = (
    ("3501", "制动", "CJ1040", "襄阳制动件厂", (
        ("前摩擦片", "套", 168), ("后摩擦片", "套", 152),
        ("制动分泵", "只", 86), ("制动软管", "根", 34), ("制动总泵", "件", 240))),
    ("1000", "发动机", "CJ6480", "川渝动力配套厂", (
        ("机油泵", "件", 326), ("机油滤清器", "只", 28),
        ("正时皮带", "条", 95), ("气缸垫", "张", 62), ("活塞环", "组", 180))),
    ("1100", "供油", "CJ1070", "川渝动力配套厂", (
        ("喷油器", "支", 415), ("燃油滤清器", "只", 36),
        ("输油泵", "件", 188), ("油箱盖", "只", 25), ("油位传感器", "只", 74))),
    ("1700", "变速器", "CJ1070", "成都齿轮厂", (
        ("同步器", "套", 540), ("输入轴轴承", "只", 96),
        ("后油封", "只", 18), ("换挡拉线", "根", 110), ("拨叉", "件", 77))),
    ("3400", "转向", "CJ1040", "襄阳转向件厂", (
        ("助力泵", "件", 480), ("油管接头", "件", 43),
        ("横拉杆球头", "只", 58), ("转向万向节", "件", 125), ("防尘罩", "只", 15))),
    ("8100", "空调", "CJ6500E", "渝北电器厂", (
        ("压缩机继电器", "只", 28), ("冷凝器", "件", 390),
        ("鼓风机电机", "件", 165), ("空调滤芯", "片", 32), ("蒸发器温度传感器", "只", 41))),
    ("3600", "电气", "CJ6500E", "渝北电器厂", (
        ("前舱线束", "套", 620), ("曲轴传感器", "只", 88),
        ("大灯总成", "只", 310), ("起动机", "件", 455), ("倒车雷达", "套", 140))),
    ("2900", "底盘", "CJ1070", "襄阳底盘件厂", (
        ("U形螺栓", "根", 20), ("钢板弹簧", "副", 680),
        ("减振器", "支", 175), ("平衡块", "只", 6), ("后桥油封", "只", 22))),
)
PARTS = tuple(
    Part(f"{group}-{model[2:]}-{n:02}", f"{area}{name}" if area not in name else name, model, measure, price, supplier)
    for group, area, model, supplier, rows in _GROUPS for n, (name, measure, price) in enumerate(rows, 1))


class Store:
    """The company's store while the months go by: every movement of every part, in order."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.movements: dict[str, list[dict[str, Any]]] = {part.no: [] for part in PARTS}
        self.on_hand: Counter[str] = Counter()
        begun = clock.at(clock.first - timedelta(days=3))
        for part in PARTS:
            self.move(part.no, begun, "opening", clock.dice.choice((12, 20, 30)))

    def move(self, no: str, moment: datetime, kind: str, quantity: int, source: Rec | None = None, remark: str | None = None) -> None:
        if quantity:
            self.on_hand[no] += quantity
            self.movements[no].append({"moved_at": moment, "movement_type": kind, "quantity": quantity, "handler": "warehouse",
                                       "_source": source, "remark": remark})


class Parts:
    def __init__(self, clock: Clock, dealers: list[Rec]) -> None:
        self.clock, self.dice, self.dealers = clock, clock.dice, dealers
        self.plans: list[Story] = []
        self.lists: list[Story] = []
        self.waiting: list[Story] = []      # late plans, for the next list

    def make(self, months: list[Month], plan_states: list[str], list_states: list[str]) -> tuple[list[Rec], list[Rec], list[Rec]]:
        by_first: dict[Any, list[Month]] = {}
        for month in months:
            by_first.setdefault(month.first, []).append(month)
        found = {first: [plan for month in asked if (plan := self.plan(month)) and plan.record["created_at"] <= self.clock.end]
                 for first, asked in by_first.items()}
        self.hold(next(plans for plans in reversed(found.values()) if plans))
        for first, plans in found.items():
            self.plans += plans
            self.compile(datetime.combine(first + timedelta(days=13), time(9, 30), OFFICE), plans)
        lists = tell(self.lists, self.clock, list_states, least=1)
        plans = tell(sorted(self.plans, key=lambda story: story.record["created_at"]), self.clock, plan_states, least=1)
        lists.append(self.called_off(lists[5]))
        return plans, sorted(lists, key=lambda row: row["created_at"]), self.stock(lists)

    # plans -----------------------------------------------------------------------------------------------------------

    def plan(self, month: Month) -> Story | None:
        clock, due = self.clock, month.first + timedelta(days=9)
        is_late = not goes_well(clock, month)
        if is_late and self.dice.random() < 0.25:
            return None
        submitted = clock.at(due + timedelta(days=self.dice.randint(1, 3) if is_late else -self.dice.randint(1, 4)))
        lines = [{"line_no": n, "part_no": part.no, "part_name": part.name, "model": part.model, "unit_of_measure": part.measure,
                  "on_hand_quantity": self.dice.randint(0, 4), "last_month_quantity": self.dice.randint(1, 8),
                  "quantity": self.dice.randint(1, 9), "needed_on": month.first + timedelta(days=self.dice.choice((24, 27, 33)))}
                 for n, part in enumerate(self.dice.sample(PARTS, self.dice.randint(4, 8)), 1)]
        story = Story(submitted - timedelta(hours=4), month.owner, "draft", dealer=month.dealer, period=month.period,
                      prepared_by=month.owner, contact_person=month.dealer["contact_person"], phone=month.dealer["phone"],
                      address=month.dealer["address"], parts=lines, _late=is_late)
        story.then(submitted, "submitted", submitted_at=submitted)
        if month.place % 4 == 1 and month.code == "F002":
            return story.then(clock.soon(submitted, 30, 90), "cancelled", remark="与急件订单重复，取消")
        if self.dice.random() < 0.07 and not is_late:
            story.then(submitted + timedelta(hours=1), "returned", remark="个别编码已停用，请替换后重报。")
            submitted += timedelta(hours=3)
            story.then(submitted, "submitted", resubmitted_at=submitted)
        accepted = submitted + timedelta(hours=20)
        lowered = [line | {"accepted_quantity": line["quantity"] - (self.dice.random() < 0.1)} for line in lines]
        return story.then(accepted, "accepted", accepted_at=accepted, parts=lowered)

    def hold(self, plans: list[Story]) -> None:
        """Some of the youngest are not taken in yet, so they may stand on any desk."""
        for plan in plans[-5:]:
            plan.record["_late"] = True
            plan.then(self.clock.end + timedelta(days=20), "consolidated")
        back = plans[-1]
        moment = back.steps[0][0] + timedelta(minutes=30)
        back.steps[1:1] = [(moment, "returned", {"remark": "个别编码已停用，请替换后重报。"}),
                           (moment + timedelta(minutes=90), "submitted", {"resubmitted_at": moment + timedelta(minutes=90)})]

    # the purchase list -------------------------------------------------------------------------------------------------

    def compile(self, moment: datetime, plans: list[Story]) -> None:
        """What was accepted in time, and the late ones of the month before."""
        if not hasattr(self, "store"):
            self.store = Store(self.clock)
        taken = [plan for plan in [*self.waiting, *(p for p in plans if not p.record["_late"])] if plan.states[-1] == "accepted"]
        self.waiting = [plan for plan in plans if plan.record["_late"]]
        if moment > self.clock.end or not taken:
            return
        sources = [{"part_no": line["part_no"], "parts_demand_plan": plan.record, "dealer": plan.record["dealer"],
                    "quantity": line["accepted_quantity"]}
                   for plan in taken for line in plan.steps[-1][2]["parts"] if line["accepted_quantity"]]
        demand: Counter[str] = Counter()
        for row in sources:
            demand[row["part_no"]] += row["quantity"]
        story = self.purchase(moment, sources, demand)
        for plan in taken:
            plan.then(moment, "consolidated", parts_purchase_list=story.record)

    def purchase(self, moment: datetime, sources: list[dict[str, Any]], demand: Counter[str]) -> Story:
        clock, lines, needed = self.clock, [], (moment + timedelta(days=15)).date()
        for part in (part for part in PARTS if demand[part.no] > self.store.on_hand[part.no]):
            there = self.store.on_hand[part.no]
            lines.append({"line_no": len(lines) + 1, "part_no": part.no, "part_name": part.name, "model": part.model,
                          "unit_of_measure": part.measure, "demand_quantity": demand[part.no], "available_quantity": there,
                          "quantity": demand[part.no] - there, "supplier": part.supplier, "unit_price": f"{part.price}.00",
                          "needed_on": needed, "received_quantity": 0})
        listed = {line["part_no"] for line in lines}
        story = Story(moment, "customer_service", "consolidated", department="CS", period=f"{moment:%Y-%m}", handler="customer_service",
                      data_as_of=moment, needed_on=needed, parts=lines, sources=[row for row in sources if row["part_no"] in listed])
        self.lists.append(story)
        submitted = clock.soon(moment, 60, 200)
        story.then(submitted, "in_approval")
        approved = clock.later(submitted, 1, 2)
        story.then(approved, "approved", approved_at=approved)
        released = clock.soon(approved, 30, 90)
        story.then(released, "released", released_at=released, procurement_handler="warehouse")
        self.receive(story, released)
        self.ship(moment + timedelta(days=15), demand)
        return story

    def receive(self, story: Story, released: datetime) -> None:
        """Half comes within days, the rest a few days later."""
        lines = story.record["parts"]
        first, last = self.clock.later(released, 4, 6), self.clock.later(released, 8, 9)
        half = [line | {"received_quantity": line["quantity"], "received_at": first} if n % 2 else line for n, line in enumerate(lines)]
        if len(lines) > 1:
            story.then(first, "partly_received", parts=half)
        whole = [row if row["received_quantity"] else row | {"received_quantity": row["quantity"], "received_at": last} for row in half]
        story.then(last, "received", received_at=last, parts=whole)
        for line in whole:
            if line["received_at"] <= self.clock.end:
                self.store.move(line["part_no"], line["received_at"], "purchase_in", line["quantity"], story.record)

    def ship(self, moment: datetime, demand: Counter[str]) -> None:
        """Most of what was asked for leaves the store at the end of the month."""
        if moment <= self.clock.end:
            for no in sorted(demand):
                self.store.move(no, moment, "outbound", -(min(demand[no], self.store.on_hand[no]) * 9 // 10), remark="按需求计划发运")

    def called_off(self, row: Rec) -> Rec:
        """Compiled a few hours too early, before the last plan was accepted."""
        moment = row["created_at"] - timedelta(minutes=70)
        kept = {key: value for key, value in row.items() if key not in ("approved_at", "released_at", "received_at")}
        lines = [line | {"received_quantity": 0, "received_at": None} for line in row["parts"]]
        return Rec(kept, state="cancelled", created_at=moment, data_as_of=moment, parts=lines, remark="漏汇一份计划，取消后重新汇总")

    # the stores ------------------------------------------------------------------------------------------------------

    def stock(self, lists: list[Rec]) -> list[Rec]:
        self.forget_what_did_not_come()
        begun = self.clock.at(self.clock.first - timedelta(days=4))
        rows = [self.row(part, begun, self.booked(part), bin_location=f"A{n // 10 + 1}-{n % 10 + 1:02}",
                         safety_quantity=self.dice.choice((3, 5, 8)), supplier=part.supplier) for n, part in enumerate(PARTS)]
        for dealer in self.dealers[:8]:
            rows += [self.row(part, begun, self.of_dealer(begun, dealer), dealer=dealer, safety_quantity=2)
                     for part in self.dice.sample(PARTS, 4)]
        for n, state in enumerate(("inactive", "inactive", "void")):
            old = Part(f"9900-OLD-{n + 1:02}", ("旧型化油器", "旧型分电器", "误建编码件")[n], "CJ1010", "件", 120, "")
            rows.append(self.row(old, begun, []) | {"state": state, "remark": "车型停产，编码停用。"})
        for n, row in enumerate(rows, 1):
            row["number"] = f"STK-{n:06}"
        return rows

    def booked(self, part: Part) -> list[dict[str, Any]]:
        rows = [row | {"source_type": "parts_purchase_list", "source_number": row["_source"]} if row["_source"] else row
                for row in sorted(self.store.movements[part.no], key=lambda row: row["moved_at"])]
        if sum(row["quantity"] for row in rows) > 2 and self.dice.random() < 0.15:
            rows.append({"moved_at": rows[-1]["moved_at"] + timedelta(minutes=45),
                         "movement_type": self.dice.choice(("scrap", "stocktake")),
                         "quantity": -1, "handler": "warehouse", "remark": "盘点发现包装破损一件"})
        return rows

    def forget_what_did_not_come(self) -> None:
        """Lists that stuck on their way have brought nothing yet; nothing can have left that was not there."""
        for no, rows in self.store.movements.items():
            kept, left = [], 0
            for row in sorted(rows, key=lambda row: row["moved_at"]):
                line = next((line for line in (row["_source"] or {}).get("parts", ()) if line["part_no"] == no), None)
                quantity = max(row["quantity"], -left) if line is None else line["received_quantity"]
                if quantity:
                    left += quantity
                    kept.append(row | {"quantity": quantity})
            self.store.movements[no] = kept

    def of_dealer(self, begun: datetime, dealer: Rec) -> list[dict[str, Any]]:
        owner = f"dealer_{dealer['dealer_code'].lower()}"
        rows = [{"moved_at": begun, "movement_type": "opening", "quantity": self.dice.randint(6, 10), "handler": owner}]
        used = sorted(self.clock.at(self.clock.first + timedelta(days=self.dice.randint(1, 360))) for _ in range(self.dice.randint(1, 5)))
        taken = {"movement_type": "repair_use", "quantity": -1, "handler": owner, "remark": "维修领用"}
        return rows + [taken | {"moved_at": at} for at in used]

    def row(self, part: Part, begun: datetime, movements: list[dict[str, Any]], **fields: Any) -> Rec:
        dealer = fields.get("dealer")
        author = f"dealer_{dealer['dealer_code'].lower()}" if dealer else "warehouse"
        return Rec(state="active", created_at=begun - timedelta(hours=1), created_by=author,
                   department=None if dealer else "WH", store_type="dealer" if dealer else "company", part_no=part.no, part_name=part.name,
                   model=part.model, unit_of_measure=part.measure, unit_price=f"{part.price}.00", movements=movements, **fields)
