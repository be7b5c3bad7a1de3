"""Paging by the last row that was seen: as quick on page 1,000 as on the first, and nothing is seen twice."""

from __future__ import annotations

import base64
import json
from typing import Any

import sqlalchemy as sa

from api import operators
from api.answers import forbidden, wrong_query
from api.reading import Reader
from models.spec import Field, Kind

SORTS = 4


def steps(reader: Reader) -> list[tuple[Field, Any, bool]]:
    """(field, column, downwards) of the sort, which ends with the key."""
    if reader.query.offset:
        raise wrong_query("cursor 不能与 offset、page 同用", "cursor stands without offset and page")
    words = [*reader.query.sort, *(() if {"id", "-id"} & set(reader.query.sort) else ("id",))]
    found = []
    for word in words:
        name = word.removeprefix("-")
        if "." in name or "(" in name or len(words) > SORTS:
            raise wrong_query("cursor 只能按自身字段排序", "With cursor rows are sorted by few fields of their own")
        field = reader.shape.fields.get(name)
        if field is None:
            raise forbidden()
        if field.kind is Kind.MULTICHOICE:
            raise wrong_query("cursor 只能按自身字段排序", "With cursor rows are sorted by few fields of their own")
        found.append((field, reader.shape.column(name), word.startswith("-")))
    return found


def beyond(reader: Reader) -> Any:
    """The condition on the rows behind the last one; None at the beginning."""
    if not reader.query.cursor:
        return None
    along = steps(reader)
    values = _read(reader.query.cursor, [field for field, _, _ in along])
    same: list[Any] = []
    ways = []
    for (_, column, down), value in zip(along, values, strict=True):
        ways.append(sa.and_(*same, _behind(column, value, down)))
        same.append(column.is_(None) if value is None else column == value)
    return sa.or_(*ways)


def _behind(column: Any, value: Any, down: bool) -> Any:
    """Empty ones come first, and last where the order is downwards."""
    if down:
        return sa.false() if value is None else sa.or_(column < value, column.is_(None))
    return column.is_not(None) if value is None else column > value


def following(reader: Reader, rows: list[dict[str, Any]]) -> str | None:
    """What to ask next; nothing behind the last page."""
    if len(rows) < reader.query.limit or not rows:
        return None
    values = [rows[-1][_key(field)] for field, _, _ in steps(reader)]
    return base64.urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).decode().rstrip("=")


def _key(field: Field) -> str:
    return f"\0{field.name}"


def ask_for_keys(reader: Reader) -> None:
    """The sorted values are read with the rows, under names that no field has."""
    reader.tree.columns |= {_key(field): field for field, _, _ in steps(reader)}


def without_keys(reader: Reader, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    hidden = {_key(field) for field, _, _ in steps(reader)}
    return [{name: value for name, value in row.items() if name not in hidden} for row in rows]


def _read(text: str, fields: list[Field]) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(fields):
        raise wrong_query("cursor 不是本查询给出的", "This cursor was not given by this query")
    return [None if value is None else operators.literal(field, value)
            for field, value in zip(fields, values, strict=True)]
