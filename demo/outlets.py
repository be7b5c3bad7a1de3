"""How well each dealer of the demo company works, month by month: what the rest of its story is diced with."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from demo.people import DEALER_CODES
from demo.story import Clock, Rec

# The chance that a dealer does one thing as it should.
CARE = {"F001": 0.97, "F002": 0.96, "F003": 0.91, "F004": 0.95, "F005": 0.86, "F006": 0.89, "F007": 0.78, "F008": 0.76}
# Months, counted from the first, in which a dealer neglected nearly everything.
NEGLECTED = {("F007", 10): 0.3, ("F008", 8): 0.5, ("F008", 9): 0.3, ("F005", 2): 0.7, ("F006", 4): 0.7}
VETOES = {5: "F005", 8: "F008"}      # month -> the dealer that was found out
SUSPENDED_FROM = {"F008": 11}


class Month(NamedTuple):
    """One dealer in one month."""

    dealer: Rec
    place: int
    first: date
    last: date

    @property
    def code(self) -> str:
        return str(self.dealer["dealer_code"])

    @property
    def period(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def care(self) -> float:
        return NEGLECTED.get((self.code, self.place), CARE[self.code])

    @property
    def owner(self) -> str:
        return f"dealer_{self.code.lower()}"

    @property
    def appraiser(self) -> str:
        return f"appraiser_{self.code.lower()}"

    @property
    def technician(self) -> str:
        return f"technician_{self.code.lower()}"


def months(clock: Clock, dealers: list[Rec]) -> list[Month]:
    """Every month in which each of the working dealers was in operation."""
    working = [row for row in dealers if row["dealer_code"] in DEALER_CODES]
    return [Month(dealer, place, first, last)
            for place, (first, last) in enumerate(clock.months()) for dealer in working
            if place < SUSPENDED_FROM.get(dealer["dealer_code"], 99)]


def goes_well(clock: Clock, month: Month) -> bool:
    return clock.dice.random() < month.care
