"""How parts leave the demo company: the notice with its detail, the slip of the store, and what the dealer received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple

from demo.cards import PARTS as EXPRESS
from demo.parts import PARTS
from demo.shelves import Shelves
from demo.story import Clock, Rec
from demo.terms import Found

CARRIERS = ("顺丰速运", "德邦物流", "川渝专线")
KNOWN = {part.no: (part.no, part.name, part.model, part.measure, f"{part.price}.00") for part in PARTS} | {
    part[0]: part for part in EXPRESS}
# How far the papers of what has not left yet have come: state of the notice, of its detail and of its slip.
UNDER_WAY = (("draft", "draft", ""), ("in_approval", "in_approval", ""), ("approved", "approved", ""),
             ("outbound_issued", "approved", "issued"), ("outbound_issued", "approved", "picked"),
             ("outbound_issued", "approved", "packed"), ("in_approval", "in_approval", ""))


class Load(NamedTuple):
    """What goes to a dealer in one go: for a plan or an urgent order, between two moments."""

    source_type: str
    source: Rec
    begun: datetime
    left: datetime


class Shipping:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.dice, self.found = clock, clock.dice, found
        self.shelves = Shelves(clock, found["parts_stock"])
        self.notices: list[Rec] = []
        self.details: list[Rec] = []
        self.slips: list[Rec] = []
        self.receipts: list[Rec] = []

    def make(self) -> None:
        loads, open_ = self.loads()
        for load in sorted(loads, key=lambda load: load.left):
            self.ship(load)
        stages = cycle(UNDER_WAY)
        for source_type, source in open_:
            rows = [row for row in self.lines(source_type, source, self.clock.end) if row[2]]
            if rows:
                self.prepare(source_type, source, rows, *next(stages))
        self.call_off()
        self.look_at_receipts()
        self.use_up()

    # what has to go ----------------------------------------------------------------------------------------------

    def loads(self) -> tuple[list[Load], list[tuple[str, Rec]]]:
        """Plans leave at the end of their month, urgent orders when they say so; the youngest wait."""
        loads, open_ = [], []
        for order in self.found["parts_urgent_order"]:
            if order["state"] in ("shipped", "received"):
                begun = order.get("promised_at") and order["shipped_at"] - timedelta(hours=6)
                loads.append(Load("parts_urgent_order", order, begun or order["accepted_at"], order["shipped_at"]))
            elif order["state"] in ("accepted", "backordered"):
                open_.append(("parts_urgent_order", order))
        plans = [plan for plan in self.found["parts_demand_plan"] if plan["state"] in ("accepted", "consolidated")]
        young = plans[-6:]
        for plan in plans[:-6]:
            month = plan["accepted_at"].date().replace(day=1)
            left = self.clock.at(month + timedelta(days=(26 if plan["accepted_at"].day < 20 else 57)), 15, 16)
            left = max(min(left, self.clock.end - timedelta(hours=30)), plan["accepted_at"] + timedelta(hours=30))
            if left < self.clock.end:
                loads.append(Load("parts_demand_plan", plan, left - timedelta(hours=26), left))
        return loads, [*open_, *(("parts_demand_plan", plan) for plan in young)]

    def lines(self, source_type: str, source: Rec, moment: datetime, kept: int = 0) -> Iterator[tuple[Rec, dict[str, Any], int]]:
        """Shelf, line and how much of it can leave when so many are kept."""
        name = "quantity" if source_type == "parts_urgent_order" else "accepted_quantity"
        for line in source["parts"]:
            shelf, wanted = self.shelves.company[line["part_no"]], line.get(name) or 0
            if wanted:
                yield shelf, line, max(0, min(wanted, self.shelves.left(shelf, moment) - kept))

    # papers ------------------------------------------------------------------------------------------------------

    def ship(self, load: Load) -> None:
        """What is there leaves; what is lacking is said on the slip, and follows later."""
        rows = list(self.lines(load.source_type, load.source, load.left, kept=1))
        if not any(quantity for *_, quantity in rows):
            return
        step = (load.left - load.begun) / 8
        moments = [load.begun + step * n for n in range(1, 8)]
        notice = self.notice(load.source, moments[0], load.left.date(), "shipped")
        notice |= {"approved_at": moments[2], "shipped_at": load.left}
        detail = self.detail(notice, moments[0] + timedelta(minutes=5), "shipped", [
            self.detail_line(n, load, line, quantity) for n, (_, line, quantity) in enumerate(rows, 1)])
        slip = self.slip(notice, moments[3], "shipped", [
            self.slip_line(n, shelf, line, load, quantity) for n, (shelf, line, quantity) in enumerate(rows, 1)])
        slip |= {"picked_at": moments[4], "packed_at": moments[5], "shipped_at": load.left, "checked_by": "customer_service2",
                 "package_count": 1 + len(rows) // 4, "package_description": "纸箱加固", "carrier": notice["carrier"],
                 "tracking_no": notice["tracking_no"]}
        for shelf, _, quantity in rows:
            if quantity:
                self.shelves.book(shelf, load.left, "outbound", -quantity, ("parts_outbound_slip", slip))
        self.receive(load, notice, detail)

    def notice(self, source: Rec, moment: datetime, day: Any, state: str) -> Rec:
        dealer, is_urgent = source["dealer"], "needed_at" in source
        row = Rec(
            state=state, created_at=moment, created_by="customer_service", department="CS", dealer=dealer,
            handler="customer_service", contact_person=dealer["contact_person"], phone=dealer["phone"], address=dealer["address"],
            transport_mode="express" if is_urgent else "road", freight_payer=source.get("freight_payer", "company"),
            planned_ship_on=day, payment_status="free_warranty" if is_urgent else self.clock.pick({"credit": 3, "paid": 2}))
        if state == "shipped":
            row |= {"carrier": CARRIERS[0] if is_urgent else self.dice.choice(CARRIERS[1:]),
                    "tracking_no": f"YD{moment:%y%m%d}{self.dice.randint(10000, 99999)}"}
        self.notices.append(row)
        return row

    def detail(self, notice: Rec, moment: datetime, state: str, parts: list[dict[str, Any]]) -> Rec:
        row = Rec(state=state, created_at=moment, created_by="customer_service", department="CS",
                  parts_shipping_notice=notice, parts=parts)
        self.details.append(row)
        return row

    def detail_line(self, n: int, load: Load, line: dict[str, Any], quantity: int) -> dict[str, Any]:
        part = KNOWN[line["part_no"]]
        return {"line_no": n, "part_no": part[0], "part_name": line["part_name"], "unit_of_measure": part[3], "quantity": quantity,
                "unit_price": part[4], "carton_no": f"{1 + n // 4}", "source_type": load.source_type, load.source_type: load.source}

    def slip(self, notice: Rec, moment: datetime, state: str, parts: list[dict[str, Any]]) -> Rec:
        row = Rec(state=state, created_at=moment, created_by="warehouse", department="WH", parts_shipping_notice=notice,
                  issued_on=moment.date(), handler="warehouse", parts=parts)
        self.slips.append(row)
        return row

    def slip_line(self, n: int, shelf: Rec, line: dict[str, Any], load: Load, quantity: int) -> dict[str, Any]:
        wanted = line["quantity" if load.source_type == "parts_urgent_order" else "accepted_quantity"]
        return {"line_no": n, "parts_stock": shelf, "part_no": line["part_no"], "part_name": line["part_name"],
                "unit_of_measure": line["unit_of_measure"], "bin_location": shelf.get("bin_location"), "notice_quantity": wanted,
                "quantity": quantity, "carton_no": f"{1 + n // 4}",
                "shortage_reason": "库存不足，余量到货后补发" if quantity < wanted else None}

    def prepare(self, source_type: str, source: Rec, rows: list[tuple[Rec, dict[str, Any], int]], state: str, detail_state: str,
                slip_state: str) -> None:
        """Papers of something that has not left yet."""
        begun = max(source["accepted_at"], self.clock.end - timedelta(hours=40))
        load = Load(source_type, source, begun, self.clock.end)
        step = (self.clock.end - begun) / 8
        notice = self.notice(source, begun + step, (self.clock.end + timedelta(days=1)).date(), state)
        self.detail(notice, begun + step * 1.1, detail_state,
                    [self.detail_line(n, load, line, quantity) for n, (_, line, quantity) in enumerate(rows, 1)])
        if detail_state == "approved":
            notice["approved_at"] = begun + step * 3
        if slip_state:
            slip = self.slip(notice, begun + step * 4, slip_state, [
                self.slip_line(n, shelf, line, load, quantity) | {"notice_quantity": quantity, "shortage_reason": None}
                for n, (shelf, line, quantity) in enumerate(rows, 1)])
            if slip_state != "issued":
                slip["picked_at"] = begun + step * 5
            if slip_state == "packed":
                slip |= {"packed_at": begun + step * 6, "checked_by": "customer_service2", "package_count": 1,
                         "package_description": "纸箱加固"}

    def call_off(self) -> None:
        """A notice that was written twice, and a slip on which the wrong shelf was chosen."""
        for place in (7, len(self.notices) // 2):
            notice, detail, slip = self.notices[place], self.details[place], self.slips[place]
            moment = notice["created_at"] - timedelta(minutes=20)
            gone = {"approved_at", "shipped_at", "signed_at", "signed_by", "carrier", "tracking_no"}
            twin = Rec({name: value for name, value in notice.items() if name not in gone}, state="cancelled", created_at=moment,
                       remark="重复开单，取消")
            self.notices.append(twin)
            self.detail(twin, moment + timedelta(minutes=5), "cancelled", detail["parts"])
            wrong = Rec({name: value for name, value in slip.items() if not name.endswith("_at")}, state="cancelled",
                        created_at=slip["created_at"] - timedelta(minutes=5), remark="货位选错，取消后重开")
            self.slips.append(wrong)

    # receipts ----------------------------------------------------------------------------------------------------

    def receive(self, load: Load, notice: Rec, detail: Rec) -> None:
        code = load.source["dealer"]["dealer_code"].lower()
        arrived = load.source.get("received_at") or self.clock.later(load.left, 2, 4)
        parts = [{"line_no": line["line_no"], "part_no": line["part_no"], "part_name": line["part_name"],
                  "unit_of_measure": line["unit_of_measure"], "shipped_quantity": line["quantity"], "quantity": line["quantity"],
                  "damaged_quantity": 0} for line in detail["parts"] if line["quantity"]]
        row = Rec(state="pending", created_at=load.left, created_by=f"dealer_{code}", parts_shipping_notice=notice,
                  dealer=load.source["dealer"], parts=parts, _arrived=arrived)
        self.receipts.append(row)
        is_open = load.source["state"] == "shipped" and load.source_type == "parts_urgent_order"
        if arrived > self.clock.end or is_open:
            return
        signer = load.source["dealer"]["contact_person"]
        row |= {"state": "received", "received_at": arrived, "signed_by": signer, "signed_at": arrived}
        notice |= {"state": "received", "signed_by": signer, "signed_at": arrived}
        detail["state"] = "received"

    def look_at_receipts(self) -> None:
        """Now and then a carton was crushed, or something was missing; the last of it is not settled yet."""
        done = [row for row in self.receipts if row["state"] == "received"]
        wrong = done[11::17][:5] + done[-3:]
        for n, row in enumerate(wrong):
            line = row["parts"][0]
            damaged = int(n in (1, 3) and line["quantity"] > 1)
            line |= {"quantity": line["quantity"] - 1, "damaged_quantity": damaged,
                     "remark": "外箱受潮，一件破损" if damaged else "开箱清点少一件"}
            row |= {"state": "discrepancy", "claim_text": "请核实并补发或核减。"}
            if n < 5:
                settled = self.clock.later(row["received_at"], 1, 3)
                row |= {"state": "settled", "settlement_type": "carrier_claim" if damaged else "resend",
                        "settlement_text": "已核实，随下次发运补齐。", "settled_at": settled}
        for row in self.receipts:
            if "received_at" in row:
                self.put_in_store(row)
        void = Rec(done[4], state="void", created_at=done[4]["created_at"] - timedelta(minutes=1), remark="重复打开，作废")
        for name in ("received_at", "signed_at", "signed_by"):
            del void[name]
        self.receipts.append(void)

    def put_in_store(self, receipt: Rec) -> None:
        for line in receipt["parts"]:
            if line["quantity"]:
                shelf = self.shelves.of_dealer(receipt["dealer"], KNOWN[line["part_no"]], receipt["received_at"])
                self.shelves.book(shelf, receipt["received_at"], "transfer_in", line["quantity"], ("parts_receipt", receipt),
                                  receipt["created_by"])

    def use_up(self) -> None:
        """What a dealer got is used in its repairs within some weeks."""
        for (_, _), shelf in sorted(self.shelves.dealers.items(), key=lambda pair: pair[1]["number"]):
            came = [line for line in shelf["movements"] if line["movement_type"] == "transfer_in"]
            for line in came:
                moment = line["moved_at"] + timedelta(days=self.dice.randint(2, 20), hours=1)
                taken = max(0, min(line["quantity"] - self.dice.choice((0, 0, 1)), self.shelves.left(shelf, moment)))
                if moment < self.clock.end and taken:
                    self.shelves.book(shelf, moment, "repair_use", -taken, handler=line["handler"], remark="维修领用")


def add(clock: Clock, found: Found) -> None:
    shipping = Shipping(clock, found)
    shipping.make()
    for name, rows in (("parts_shipping_notice", shipping.notices), ("parts_shipping_detail", shipping.details),
                       ("parts_outbound_slip", shipping.slips), ("parts_receipt", shipping.receipts)):
        found[name] = sorted(rows, key=lambda row: row["created_at"])
    for order in found["parts_urgent_order"][::5]:
        sheet = next((row for row in found["warranty_appraisal"] if row["state"] != "void"
                      and row.get("customer_repair_file") is order["customer_repair_file"]), None)
        order["warranty_appraisal"] = sheet
