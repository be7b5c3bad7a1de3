"""`aggregate` and `groupBy`: figures instead of rows, over what the reader may see."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from api import cost, functions, parameters
from api.answers import forbidden, wrong_query
from api.filters import function_column
from api.reading import Reader, writer
from models.base import rounded
from models.spec import NUMBERS, Field, Kind

COUNTS = ("count", "countDistinct", "countAll")
SUMS = ("sum", "avg")
ENDS = ("min", "max")
NO_END = frozenset({Kind.MULTICHOICE, Kind.BOOL})
EVERYTHING = "*"


class Figures:
    """One grouped question. A mean is the exact sum by the count, rounded once: the databases divide differently."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.shape = reader, reader.shape
        self.columns: list[Any] = []
        self.groups = [self._group(name) for name in reader.query.group_by]
        self.parts = [self._part(function, name) for function, names in reader.query.aggregate.items() for name in names]
        if not self.parts and not self.groups:
            raise wrong_query("aggregate 没有要计算的内容", "aggregate names nothing to compute")

    def _group(self, word: str) -> tuple[str, int, Field]:
        self.reader.budget.part()
        if called := functions.call(word):
            column, field = function_column(self.shape, *called, self.reader.dialect), functions.result(called[0])
            return f"{called[1]}_{called[0]}", self._add(column), field
        if word not in self.shape.fields:
            raise forbidden()
        field = self.shape.fields[word]
        if field.kind is Kind.MULTICHOICE:
            raise wrong_query(f"不能按“{word}”分组", f"Rows cannot be grouped by “{word}”")
        return word, self._add(self.shape.column(word)), field

    def _add(self, column: Any) -> int:
        self.columns.append(column)
        return len(self.columns) - 1

    def _part(self, function: str, name: str) -> tuple[str, str, Callable[[Any], Any]]:
        self.reader.budget.part()
        if function not in (*COUNTS, *SUMS, *ENDS):
            raise wrong_query(f"没有“{function[:40]}”这个汇总", f"There is no aggregate “{function[:40]}”")
        if name == EVERYTHING:
            if function not in ("count", "countAll"):
                raise wrong_query(f"{function} 须指明字段", f"{function} needs a field")
            place = self._add(sa.func.count())
            return function, EVERYTHING, lambda row: row[place]
        if name not in self.shape.fields:
            raise forbidden()
        return function, name, self._of_field(function, self.shape.fields[name])

    def _of_field(self, function: str, field: Field) -> Callable[[Any], Any]:
        column = self.shape.column(field.name)
        if function in COUNTS:
            if field.kind is Kind.MULTICHOICE:
                column = sa.cast(column, sa.Text)
            place = self._add(sa.func.count(column.distinct() if function == "countDistinct" else column))
            return lambda row: row[place]
        fits = field.kind in NUMBERS if function in SUMS else field.kind not in NO_END
        if not fits or (field.name == "id" and function in SUMS):
            raise wrong_query(f"{function} 不能用于“{field.name}”", f"{function} cannot be used on “{field.name}”")
        if function in ENDS:
            place, write = self._add(getattr(sa.func, function)(column)), writer(field)
            return lambda row: row[place] if write is None or row[place] is None else write(row[place])
        total = self._add(sa.func.sum(column))
        if function == "sum":
            return lambda row: _sum(field, row[total])
        count = self._add(sa.func.count(column))
        return lambda row: None if not row[count] else format(rounded(Decimal(row[total]) / row[count], 6), "f")

    def answer(self) -> list[dict[str, Any]]:
        query = self.reader.query
        grouping = [self.columns[place] for _, place, _ in self.groups]
        statement = sa.select(*(column.label(f"f{n}") for n, column in enumerate(self.columns))) \
            .select_from(self.shape.model).where(*self.reader.where)
        if grouping:
            places: list[Any] = [sa.literal_column(f"f{place}") for _, place, _ in self.groups]
            statement = statement.group_by(*places).order_by(*self._order(places))
            limit = cost.MOST_ROWS if query.limit == parameters.ALL else query.limit
            statement = statement.limit(limit).offset(query.offset)
        return [self._told(row) for row in self.reader.connection.execute(statement)]

    def _order(self, places: list[Any]) -> list[Any]:
        """By the groups that the sort names, then by the others."""
        names = {name: place for (name, _, _), place in zip(self.groups, places, strict=True)}
        names |= dict(zip(self.reader.query.group_by, places, strict=True))
        wanted = []
        for word in self.reader.query.sort:
            place = names.get(word.removeprefix("-"))
            if place is None:
                raise wrong_query("分组时只能按分组字段排序", "Groups are sorted by what they are grouped by")
            wanted.append(place.desc().nulls_last() if word.startswith("-") else place.asc().nulls_first())
        return [*wanted, *(place.asc().nulls_first() for place in places)]

    def _told(self, row: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, place, field in self.groups:
            write, value = writer(field), row[place]
            found[name] = value if write is None or value is None else write(value)
        for function, name, compute in self.parts:
            if name == EVERYTHING:
                found[function] = compute(row)
            else:
                found.setdefault(function, {})
                if not isinstance(found[function], dict):
                    found[function] = {EVERYTHING: found[function]}
                found[function][name] = compute(row)
        return found


def _sum(field: Field, value: Any) -> Any:
    if value is None:
        return None
    write = writer(field)
    return int(value) if field.kind is Kind.INTEGER else write(value) if write else value
