"""The working calendar: China's published holidays and make-up working days, and what the office changes about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import db
from models.spec import Choice, Text

HOLIDAY, WORKDAY = "holiday", "workday"
KINDS = (Choice(HOLIDAY, Text("放假", "Holiday")), Choice(WORKDAY, Text("上班", "Working day")))
SATURDAY = 5

# (name, first day, last day, make-up working days). 2025 and 2026: notices of the State Council's General Office.
# 2027: only the statutory days of the regulation on holidays (2024); its notice with the days that are moved was not
# out when this was written: the administrator enters them.
_PUBLISHED = (
    ("元旦", "2025-01-01", "2025-01-01", ()),
    ("春节", "2025-01-28", "2025-02-04", ("2025-01-26", "2025-02-08")),
    ("清明节", "2025-04-04", "2025-04-06", ()),
    ("劳动节", "2025-05-01", "2025-05-05", ("2025-04-27",)),
    ("端午节", "2025-05-31", "2025-06-02", ()),
    ("国庆节、中秋节", "2025-10-01", "2025-10-08", ("2025-09-28", "2025-10-11")),
    ("元旦", "2026-01-01", "2026-01-03", ("2026-01-04",)),
    ("春节", "2026-02-15", "2026-02-23", ("2026-02-14", "2026-02-28")),
    ("清明节", "2026-04-04", "2026-04-06", ()),
    ("劳动节", "2026-05-01", "2026-05-05", ("2026-05-09",)),
    ("端午节", "2026-06-19", "2026-06-21", ()),
    ("中秋节", "2026-09-25", "2026-09-27", ()),
    ("国庆节", "2026-10-01", "2026-10-07", ("2026-09-20", "2026-10-10")),
    ("元旦", "2027-01-01", "2027-01-01", ()),
    ("春节", "2027-02-05", "2027-02-08", ()),
    ("清明节", "2027-04-05", "2027-04-05", ()),
    ("劳动节", "2027-05-01", "2027-05-02", ()),
    ("端午节", "2027-06-09", "2027-06-09", ()),
    ("中秋节", "2027-09-15", "2027-09-15", ()),
    ("国庆节", "2027-10-01", "2027-10-03", ()),
)


def _days() -> Iterator[tuple[date, tuple[str, str]]]:
    for name, first, last, made_up in _PUBLISHED:
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            yield day, (HOLIDAY, name)
            day += timedelta(days=1)
        for text in made_up:
            yield date.fromisoformat(text), (WORKDAY, f"{name}调休")


PUBLISHED: Mapping[date, tuple[str, str]] = dict(_days())   # day -> (kind, name)


def is_published_workday(day: date) -> bool:
    """By the published days, else Monday to Friday."""
    kind, _ = PUBLISHED.get(day, (None, ""))
    return kind == WORKDAY if kind else day.weekday() < SATURDAY


class CalendarDay(db.Model):  # type: ignore[name-defined]
    """A day on which the office departs from the published calendar."""

    __tablename__ = "calendar_days"

    day: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(10))
    name: Mapped[str] = mapped_column(sa.String(80))
