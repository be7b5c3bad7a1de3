"""A filter of the query -> SQL. It can only speak of what its reader may see: what is named behind a link or in a table
is looked for among the rows that are open to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from api import functions, operators
from api.answers import forbidden, wrong_query
from api.cost import Budget
from api.shapes import POINTING, Shape, Shapes, readable_ids
from models.spec import Field, Kind, Lines, months_after
from rules import access, office

LOGIC = {"_and": sa.and_, "_or": sa.or_}
_NOW = re.compile(r"\$NOW(?:\(\s*([+-]?)\s*(\d{1,5})\s+(second|minute|hour|day|week|month|year)s?\s*\))?")
_MONTHS = {"month": 1, "year": 12}


class Filter:
    """Compiles the conditions of one reader."""

    def __init__(self, shapes: Shapes, dialect: str, budget: Budget) -> None:
        self.shapes, self.dialect, self.budget = shapes, dialect, budget

    @property
    def actor(self) -> access.Actor:
        return self.shapes.actor

    def of(self, shape: Shape, told: Any, depth: int = 0) -> Any:
        """The condition on the rows of a shape."""
        if not isinstance(told, Mapping):
            raise wrong_query("筛选条件应为对象", "A filter is an object")
        return sa.and_(sa.true(), *(self._part(shape, key, value, depth) for key, value in told.items()))

    def _part(self, shape: Shape, key: str, value: Any, depth: int) -> Any:
        self.budget.part()
        if key in LOGIC:
            return self._logic(key, value, depth, lambda one: self.of(shape, one, depth + 1))
        if key.startswith("_"):
            raise wrong_query(f"没有“{key[:40]}”这个操作", f"There is no operator “{key[:40]}”")
        if called := functions.call(key):
            return self._called(shape, *called, value)
        if key in shape.lines:
            return self._lines(shape, shape.lines[key], value, depth)
        if key not in shape.fields:
            raise forbidden()
        return self._field(shape, shape.fields[key], value, depth)

    def _logic(self, word: str, told: Any, depth: int, each: Any) -> Any:
        if not isinstance(told, list):
            raise wrong_query(f"{word} 应为列表", f"{word} takes a list")
        if depth > 20:
            raise wrong_query("筛选条件嵌套太深", "The filter is nested too deeply")
        parts = [each(one) for one in told]
        return LOGIC[word](*parts) if parts else sa.true()

    def _field(self, shape: Shape, field: Field, told: Any, depth: int) -> Any:
        column = getattr(shape.model, field.column)
        if not isinstance(told, Mapping):   # {"state": "draft"} is the short form
            return self._operator(field, column, "_eq", told)
        if field.kind in POINTING and any(not key.startswith("_") for key in told):
            return self._behind(field, column, told, depth)
        return sa.and_(sa.true(), *(self._compared(field, column, key, value, depth) for key, value in told.items()))

    def _compared(self, field: Field, column: Any, key: str, value: Any, depth: int) -> Any:
        if key in LOGIC:
            return self._logic(key, value, depth, lambda one: sa.and_(sa.true(), *(
                self._compared(field, column, inner, part, depth + 1)
                for inner, part in operators.mapping(one).items())))
        self.budget.part()
        return self._operator(field, column, key, value)

    def _operator(self, field: Field, column: Any, name: str, raw: Any) -> Any:
        return operators.compare(field, column, name, raw, lambda value: self._filled_in(field, value))

    def _behind(self, field: Field, column: Any, told: Any, depth: int) -> Any:
        """Through a link: among the targets that the reader may see."""
        self.budget.table(depth + 1)
        target = self.shapes.of_target(field)
        if target is None:
            raise forbidden()
        return column.in_(readable_ids(target, self.of(target, told, depth + 1)))

    def _lines(self, shape: Shape, child: Lines, told: Any, depth: int) -> Any:
        """A row that says so (`_some`, also unsaid), or none that does."""
        self.budget.table(depth + 1)
        told = operators.mapping(told)
        words = [key for key in told if key in ("_some", "_none")]
        if words and len(told) > 1:
            raise wrong_query("_some 或 _none 须单独使用", "_some or _none stands alone")
        assert shape.spec is not None
        rows = self.shapes.of_lines(shape.spec, child)
        wanted = self.of(rows, told[words[0]] if words else told, depth + 1)
        found = sa.select(child.model.record_id).where(wanted).correlate(None)
        return shape.model.id.not_in(found) if words == ["_none"] else shape.model.id.in_(found)

    def _called(self, shape: Shape, function: str, name: str, told: Any) -> Any:
        column = function_column(shape, function, name, self.dialect)
        field = functions.result(function)
        told = told if isinstance(told, Mapping) else {"_eq": told}
        return sa.and_(sa.true(), *(self._compared(field, column, key, value, 0) for key, value in told.items()))

    def _filled_in(self, field: Field, value: Any) -> Any:
        """`$NOW`, `$NOW(-1 month)`, `$CURRENT_USER` stand for what they say."""
        if value == "$CURRENT_USER":
            return self.actor.id if field.kind in (Kind.USER, Kind.INTEGER) else self.actor.username
        match = _NOW.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return value
        moment = _moved(*match.groups())
        return office.local(moment).date() if field.kind is Kind.DATE else moment


def _moved(sign: str | None, count: str | None, unit: str | None) -> Any:
    now = office.now()
    if count is None or unit is None:
        return now
    step = -int(count) if sign == "-" else int(count)
    try:
        if unit in _MONTHS:
            there = office.local(now)
            return there.combine(months_after(there.date(), step * _MONTHS[unit]), there.timetz())
        return now + timedelta(**{f"{unit}s": step})
    except (ValueError, OverflowError):
        raise wrong_query("$NOW 移得太远", "$NOW is moved too far") from None


def function_column(shape: Shape, function: str, name: str, dialect: str) -> Any:
    """`year(visited_on)` or `count(visits)` as SQL; what cannot be asked is refused."""
    if function == "count":
        if name not in shape.lines:
            raise forbidden()
        rows = shape.lines[name].model
        return sa.select(sa.func.count()).select_from(rows).where(rows.record_id == shape.model.id).scalar_subquery()
    if name not in shape.fields:
        raise forbidden()
    field = shape.fields[name]
    if not functions.applies(function, field):
        raise wrong_query(f"{function}() 不能用于“{name}”", f"{function}() cannot be used on “{name}”")
    return functions.part_of(function, field, getattr(shape.model, field.column), dialect)
