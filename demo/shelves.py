"""What lies on the shelves of the demo company at any moment, and what papers take off them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo.cards import PARTS as EXPRESS
from demo.story import Clock, Rec

# What dealers order by express; it is kept apart from the parts of the monthly plans.
EXPRESS_STOCK = 320


class Shelves:
    def __init__(self, clock: Clock, stock: list[Rec]) -> None:
        self.clock, self.stock = clock, stock
        self.company = {row["part_no"]: row for row in stock if row["store_type"] == "company" and row["state"] == "active"}
        self.dealers = {(id(row["dealer"]), row["part_no"]): row for row in stock if row["store_type"] == "dealer"}

    def forget_shipments(self) -> None:
        """What was noted as shipped without a paper is shipped anew with one."""
        for row in self.company.values():
            row["movements"] = [line for line in row["movements"] if line["movement_type"] != "outbound"]

    def open(self, part: tuple[str, ...], begun: datetime, quantity: int, dealer: Rec | None = None) -> Rec:
        no, name, model, measure, price = part
        row = Rec(
            number=f"STK-{len(self.stock) + 1:06}", state="active", created_at=begun,
            created_by=f"dealer_{dealer['dealer_code'].lower()}" if dealer else "warehouse", department=None if dealer else "WH",
            store_type="dealer" if dealer else "company", dealer=dealer, part_no=no, part_name=name, model=model,
            unit_of_measure=measure, unit_price=price, safety_quantity=2 if dealer else 10, movements=[],
            bin_location=None if dealer else f"E1-{len(self.company) - 39:02}")
        self.stock.append(row)
        if dealer:
            self.dealers[id(dealer), no] = row
        else:
            self.company[no] = row
            self.book(row, begun, "opening", quantity)
        return row

    def of_dealer(self, dealer: Rec, part: tuple[str, ...], moment: datetime) -> Rec:
        """The dealer's shelf for a part, opened with the first delivery."""
        return self.dealers.get((id(dealer), part[0])) or self.open(part, moment, 0, dealer)

    @staticmethod
    def left(row: Rec, moment: datetime) -> int:
        """How much may leave at a moment without lacking later."""
        balance, after = 0, []
        for line in row["movements"]:
            if line["moved_at"] > moment:
                after.append(balance)
            balance += line["quantity"]
        return max(0, min([*after, balance]))

    def book(self, row: Rec, moment: datetime, kind: str, quantity: int, source: tuple[str, Rec] | None = None,
             handler: str = "warehouse", remark: str | None = None) -> None:
        line: dict[str, Any] = {"moved_at": moment, "movement_type": kind, "quantity": quantity, "handler": handler,
                                "remark": remark}
        if source is not None:
            line |= {"source_type": source[0], "source_number": source[1]}
        row["movements"] = sorted([*row["movements"], line], key=lambda line: line["moved_at"])


def add(clock: Clock, found: dict[str, list[Rec]]) -> None:
    """Before anything is shipped: the shelves of the month's plans, and those of the urgent orders."""
    shelves = Shelves(clock, found["parts_stock"])
    shelves.forget_shipments()
    for part in EXPRESS:
        shelves.open(part, clock.at(clock.first - timedelta(days=4)), EXPRESS_STOCK)
