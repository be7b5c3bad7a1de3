"""The office's working days: the published calendar, and what the administrator changed about it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from models.calendar import KINDS, CalendarDay, is_published_workday
from models.spec import Invalid, Text
from rules import audit, office

LONGEST_NAME = 80


def _changes(session: Any) -> dict[date, str]:
    """Day -> kind of what the office changed; read once a transaction."""
    known = session.info.get("workdays")
    if known is None:
        known = session.info["workdays"] = dict(
            session.execute(sa.select(CalendarDay.day, CalendarDay.kind)).all())
    return known


def is_workday(session: Any, day: date) -> bool:
    kind = _changes(session).get(day)
    return kind == "workday" if kind else is_published_workday(day)


def add(session: Any, moment: datetime, count: int, without: Collection[tuple[date, date]] = ()) -> datetime:
    """The end of the count-th working day after the day of `moment`; days in the spans `without` (both ends
    included) do not count, however the spans overlap."""
    def counts(day: date) -> bool:
        return is_workday(session, day) and not any(first <= day <= last for first, last in without)
    return office.add_workdays(moment, count, counts)


def set_day(act: Any, day: date, kind: str, name: str) -> None:
    """Make a day a holiday or a working day; audited. A record's limits follow it with its next save."""
    if kind not in {choice.value for choice in KINDS}:
        raise Invalid({"kind": Text("请选择放假或上班", "Choose holiday or working day")})
    if not name or len(name) > LONGEST_NAME:
        raise Invalid({"name": Text("请填写名称（80 字内）", "Give a name (up to 80 characters)")})
    row = act.session.get(CalendarDay, day) or CalendarDay(day=day)
    before = [row.kind, row.name]
    row.kind, row.name = kind, name
    act.session.add(row)
    _noted(act, day, before, [kind, name])


def forget_day(act: Any, day: date) -> None:
    """Back to the published calendar."""
    row = act.session.get(CalendarDay, day)
    if row is None:
        raise Invalid({"day": Text("这一天没有改动", "Nothing was changed about this day")})
    before = [row.kind, row.name]
    act.session.delete(row)
    _noted(act, day, before, [None, None])


def _noted(act: Any, day: date, before: list[Any], after: list[Any]) -> None:
    act.session.flush()
    act.session.info.pop("workdays", None)
    audit.note(act.session, act, "set_workday", "calendar", day.isoformat(),
               {"kind": [before[0], after[0]], "name": [before[1], after[1]]})
