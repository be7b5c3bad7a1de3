"""`year(visited_on)`, `count(visits)`: parts of dates and moments in the office's zone, alike on both databases."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine

from models.spec import Field, Kind, Text
from rules import office

# Sunday is 0 and weeks are those of ISO 8601, as in PostgreSQL.
PARTS = {"year": "year", "month": "month", "week": "week", "day": "day", "weekday": "dow", "hour": "hour",
         "minute": "minute", "second": "second"}
OF_THE_CLOCK = frozenset({"hour", "minute", "second"})
_CALL = re.compile(r"([a-z]+)\(([a-z_0-9]+)\)")
_OF_DAY = {
    "year": lambda d: d.year, "month": lambda d: d.month, "week": lambda d: d.isocalendar()[1], "day": lambda d: d.day,
    "weekday": lambda d: d.isoweekday() % 7, "hour": lambda d: d.hour, "minute": lambda d: d.minute,
    "second": lambda d: d.second,
}


def call(name: str) -> tuple[str, str] | None:
    """(function, field) of `year(visited_on)`; None for a plain name."""
    match = _CALL.fullmatch(name)
    return (match[1], match[2]) if match else None


def result(function: str) -> Field:
    """What a function gives is a whole number."""
    return Field(Kind.INTEGER, Text(function, function), function, function)


def applies(function: str, field: Field) -> bool:
    return function in PARTS and (
        field.kind is Kind.DATETIME or (field.kind is Kind.DATE and function not in OF_THE_CLOCK))


def part_of(function: str, field: Field, column: Any, dialect: str) -> Any:
    if dialect == "sqlite":
        return sa.func.office_part(function, sa.cast(column, sa.Text), type_=sa.Integer)
    moment = sa.func.timezone(office.zone().key, column) if field.kind is Kind.DATETIME else column
    return sa.cast(sa.extract(PARTS[function], moment), sa.Integer)


@event.listens_for(Engine, "connect")
def _teach_sqlite(connection: Any, _record: Any) -> None:
    """SQLite knows no time zones."""
    if "sqlite" in type(connection).__module__:
        connection.create_function("office_part", 2, _office_part, deterministic=True)


def _office_part(function: str, text: str | None) -> int | None:
    if text is None:
        return None
    if len(text) == 10:
        return _OF_DAY[function](date.fromisoformat(text))
    return _OF_DAY[function](office.local(datetime.fromisoformat(text).replace(tzinfo=UTC)))
