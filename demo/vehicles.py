"""The vehicles that the demo company's dealers sold, and what their odometers show on a day."""

from __future__ import annotations

from datetime import date, timedelta

from demo.people import DEALER_CODES
from demo.story import Clock, Rec

COLOURS = ("珍珠白", "深空灰", "银色", "宝石蓝", "中国红")
PLATES = {"重庆市": "渝", "四川省": "川", "贵州省": "贵", "湖北省": "鄂", "云南省": "云"}
SOLD = 20   # a dealer


class Fleet:
    def __init__(self, clock: Clock, dealers: list[Rec], customers: list[Rec], batches: list[Rec]) -> None:
        self.clock, self.dice = clock, clock.dice
        self.dealers = [row for row in dealers if row["dealer_code"] in DEALER_CODES]
        self.customers = [row for row in customers if row["state"] == "active"]
        self.batches = [row for row in batches if row["_product"] in ("truck", "van") and row["state"] == "active"]
        self.rows: list[Rec] = []

    def make(self) -> list[Rec]:
        for turn in range(SOLD):
            for dealer in self.dealers:
                self.sell(dealer, turn)
        self.keep_in_stock()
        return self.rows

    def sell(self, dealer: Rec, turn: int) -> None:
        """Half of them before the story begins; the oldest are out of warranty by now."""
        clock = self.clock
        day = clock.first - timedelta(days=1300 - 65 * turn) + timedelta(days=self.dice.randint(0, 20))
        batch = next((row for row in self.batches if abs((day - row["produced_on"]).days - 60) < 45), None)
        owner = self.owner(dealer, turn)
        vehicle = self.vehicle("delivered", day - timedelta(days=20), batch, turn)
        vehicle |= {
            "customer": owner, "dealer": dealer, "delivered_on": day, "invoiced_on": day - timedelta(days=2),
            "invoice_amount": f"{self.dice.randint(52, 118) * 1000}.00",
            "plate_no": f"{PLATES[dealer['province']]}A·{self.dice.choice('BDFHK')}{len(self.rows):04}",
            "warranty_voucher_no": f"SB{day:%Y}{len(self.rows):05}", "_per_day": self.dice.randint(20, 60),
            "owners": [{"customer": owner, "owned_from_on": day, "is_first_owner": True}]}
        if turn in (3, 7) and len(self.rows) % 3 == 0:
            self.change_hands(vehicle, day)

    def owner(self, dealer: Rec, turn: int) -> Rec:
        near = [row for row in self.customers if row["province"] == dealer["province"]] or self.customers
        return near[turn % len(near)]

    def vehicle(self, state: str, made: date, batch: Rec | None, turn: int) -> Rec:
        place = len(self.rows) + 1
        model = batch["model"] if batch else ("CJ1040", "CJ6480", "CJ1070", "CJ6500E")[turn % 4]
        kind = "T" if model.startswith("CJ1") else "V"
        vehicle = Rec(
            number=f"VEH-{place:06}", state=state, created_at=self.clock.at(made), created_by="warehouse", department="WH",
            vin=f"LCJ{kind}A{place % 10}1B{place % 7}{'KLMNPRST'[made.year % 8]}C{made:%m}{place:04}",
            model=model, product_batch=batch, engine_no=f"473Q{made:%y%m}{place:04}",
            colour=COLOURS[place % len(COLOURS)], produced_on=batch["produced_on"] if batch else made - timedelta(days=30),
            _product="truck" if kind == "T" else "van")
        self.rows.append(vehicle)
        return vehicle

    def change_hands(self, vehicle: Rec, day: date) -> None:
        """Sold on after a year: the file names both owners."""
        buyer = next(row for row in self.customers if row is not vehicle["customer"])
        sold = day + timedelta(days=380)
        vehicle["owners"] = [vehicle["owners"][0] | {"owned_until_on": sold},
                             {"customer": buyer, "owned_from_on": sold, "is_first_owner": False}]
        vehicle["customer"] = buyer

    def keep_in_stock(self) -> None:
        """New ones that wait for a buyer, two that came back, and one that is scrap; one was entered twice."""
        for turn, state in enumerate(("in_stock",) * 6 + ("returned", "returned", "scrapped", "void")):
            made = self.clock.today - timedelta(days=30 + 12 * turn)
            vehicle = self.vehicle(state, made, None, turn)
            if state == "returned":
                vehicle |= {"customer": self.customers[turn], "dealer": self.dealers[turn % 8],
                            "delivered_on": made + timedelta(days=10), "is_return_resale": True,
                            "remark": "符合换车条件，用户退回，成车库已检查入库。", "owners": [
                                {"customer": self.customers[turn], "owned_from_on": made + timedelta(days=10),
                                 "is_first_owner": True}]}
            elif state == "scrapped":
                vehicle["remark"] = "运输途中翻落，车架变形，按报废处理。"


def mileage(vehicle: Rec, day: date) -> int:
    """What the odometer shows: it only ever rises."""
    return 60 + (day - vehicle["delivered_on"]).days * int(vehicle["_per_day"])


def is_in_warranty(vehicle: Rec, day: date) -> bool:
    """Three years (a few days short of them, to be sure) or 60,000 km."""
    return (day - vehicle["delivered_on"]).days < 1090 and mileage(vehicle, day) <= 60_000
