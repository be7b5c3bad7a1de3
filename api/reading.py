"""Reading: rows of one statement, and one statement per link and per table of every level below, however many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from api import cost, functions, parameters, trees
from api.answers import forbidden, wrong_query
from api.cost import Budget
from api.filters import Filter, function_column
from api.parameters import Query
from api.shapes import POINTING, Shape, Shapes
from api.trees import Node
from models.spec import Field, Kind, Lines
from rules import checks, exports, lists

CHUNK = 900   # keys of one statement
PIECE = 500   # records of a stream


def writer(field: Field) -> Callable[[Any], Any] | None:
    """How a value of this field is written in JSON; None for what JSON has itself."""
    if field.kind is Kind.DECIMAL:
        return exports.trimmed
    if field.kind in (Kind.MONEY, Kind.PERCENT):
        return _fixed
    by_kind: dict[Kind, Callable[[Any], Any]] = {Kind.DATE: date.isoformat, Kind.DATETIME: datetime.isoformat}
    return by_kind.get(field.kind)


def _fixed(value: Decimal) -> str:
    return format(value, "f")


class Reader:
    """One query of one reader on one record type."""

    def __init__(self, connection: Any, shapes: Shapes, shape: Shape, query: Query) -> None:
        self.connection, self.shapes, self.shape, self.query = connection, shapes, shape, query
        self.budget = Budget()
        self.dialect = connection.dialect.name
        self.filter = Filter(shapes, self.dialect, self.budget)
        trees.check_paths(query.fields)
        planter = trees.Planter(shapes, self.budget)
        self.tree = planter.tree(shape, query.fields, query.deep, query.alias)
        self.where = [*self._visible_and_found(), *([self.filter.of(shape, query.filter)] if query.filter else [])]

    def _visible_and_found(self) -> list[Any]:
        """The rows that are open to the reader, held to the words of the search as the list pages are."""
        if not self.query.search.strip() or self.shape.spec is None:
            return self.shape.within()
        question = lists.Question(search=self.query.search)
        return lists.conditions(self.shape.spec, self.shapes.actor, question, checks.Looks(None, self.shapes.actor))

    # Whole answers ------------------------------------------------------------------------------------------------

    def page(self, beyond: Any = None) -> list[dict[str, Any]]:
        where = self.where if beyond is None else [*self.where, beyond]
        return self.rows(where, self.order(), self.query.limit, self.query.offset)

    def one(self, id_: int) -> dict[str, Any] | None:
        found = self.rows([*self.where, self.shape.model.id == id_], (), 1, 0)
        return found[0] if found else None

    def of_ids(self, ids: Sequence[int]) -> list[dict[str, Any]]:
        """These records, in this order, each with its id beside it."""
        raw = self._raw(self.tree, self.shape.within(self.shape.model.id.in_(ids)))
        told = dict(zip([row[0] for row in raw], self._dressed(self.tree, raw), strict=True))
        return [told[id_] for id_ in ids if id_ in told]

    def count(self, *, filtered: bool) -> int:
        model = self.shape.model
        where = self.where if filtered else self.shape.within()
        return self.connection.scalar(sa.select(sa.func.count()).select_from(model).where(*where)) or 0

    def size(self) -> int:
        """How many rows the whole query has, as far as it is limited."""
        found = self.count(filtered=True)
        return found if self.query.limit == parameters.ALL else min(self.query.limit, max(0, found - self.query.offset))

    def meta(self) -> dict[str, int]:
        """Without a condition both counts are one."""
        is_whole = not self.query.filter and not self.query.search.strip()
        counted: dict[bool, int] = {}
        for name in self.query.meta:
            is_filtered = name == parameters.METAS[1] and not is_whole
            if is_filtered not in counted:
                counted[is_filtered] = self.count(filtered=is_filtered)
        return {name: counted[name == parameters.METAS[1] and not is_whole] for name in self.query.meta}

    def rows(self, where: Sequence[Any], order: Iterable[Any], limit: int, offset: int) -> list[dict[str, Any]]:
        return self._dressed(self.tree, self._raw(self.tree, where, order, limit, offset))

    def all_rows(self) -> Iterator[list[dict[str, Any]]]:
        """Every row of the query in pieces, on the connection given: constant memory."""
        statement = self._select(self.tree, self.where).order_by(*self.order())
        limit = self.query.limit
        if limit != parameters.ALL:
            statement = statement.limit(limit).offset(self.query.offset)
        found = self.connection.execute(statement.execution_options(yield_per=PIECE))
        for piece in found.partitions():
            yield self._dressed(self.tree, piece)

    # Order --------------------------------------------------------------------------------------------------------

    def order(self) -> list[Any]:
        """The sort, empty values first as they are smallest, with the key as tie-breaker."""
        found, names = [], []
        for word in self.query.sort:
            name, down = word.removeprefix("-"), word.startswith("-")
            column, may_be_empty = self.sort_column(self.shape, name.split("."), 0)
            step = column.desc() if down else column.asc()
            found.append((step.nulls_last() if down else step.nulls_first()) if may_be_empty else step)
            names.append(name)
        return found if "id" in names else [*found, self.shape.model.id.asc()]

    def sort_column(self, shape: Shape, path: list[str], depth: int) -> tuple[Any, bool]:
        """The column of a path, and whether it may be empty; behind a link only targets that the reader may see."""
        head, *rest = path
        if called := functions.call(head):
            return function_column(shape, *called, self.dialect), called[0] != "count"
        field = shape.fields.get(head)
        if field is None:
            raise forbidden()
        column = getattr(shape.model, field.column)
        if not rest:
            if field.kind is Kind.MULTICHOICE:
                return sa.cast(column, sa.Text), True
            return column, column.property.columns[0].nullable is not False
        target = self.shapes.of_target(field) if field.kind in POINTING else None
        if target is None:
            raise forbidden()
        self.budget.table(depth + 1)
        inner, _ = self.sort_column(target, rest, depth + 1)
        return _of_the_target(target, column, inner), True

    # Rows ---------------------------------------------------------------------------------------------------------

    def _select(self, node: Node, where: Sequence[Any], first: Sequence[Any] = ()) -> Any:
        model = node.shape.model
        plain = [getattr(model, field.column) for field in node.columns.values()]
        called = [function_column(node.shape, *one, self.dialect) for one in node.called.values()]
        links = [getattr(model, field.column) for field, _ in node.targets.values()]
        columns = [*first, model.id, *plain, *called, *links]
        return sa.select(*(column.label(f"c{n}") for n, column in enumerate(columns))).where(*where)

    def _raw(self, node: Node, where: Sequence[Any], order: Iterable[Any] = (), limit: int | None = None,
             offset: int = 0) -> list[Any]:
        statement = self._select(node, where).order_by(*order)
        if limit is not None:
            statement = statement.limit(limit).offset(offset)
        return list(self.connection.execute(statement))

    def _dressed(self, node: Node, raw: Sequence[Any]) -> list[dict[str, Any]]:
        """Rows of (id, columns, functions, links) -> objects, with what lies below each."""
        if not raw:
            return []
        ids, *values = zip(*raw, strict=True)
        found: dict[str, Sequence[Any]] = {}
        coming = iter(values)
        for key, field in node.columns.items():
            write, column = writer(field), next(coming)
            found[key] = column if write is None else [None if value is None else write(value) for value in column]
        for key in node.called:
            found[key] = next(coming)
        for key, (_, below) in node.targets.items():
            column = next(coming)
            told = self._targets(below, {value for value in column if value is not None})
            found[key] = [told.get(value) for value in column]
        for key, (child, below) in node.tables.items():
            rows = self._lines(child, below, ids)
            found[key] = [rows.get(id_, []) for id_ in ids]
        names = tuple(found)
        return [dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)] if names else [{} for _ in ids]

    def _targets(self, node: Node, ids: set[int]) -> dict[int, dict[str, Any]]:
        """Targets by their id; those that the reader may not see are not there."""
        found: dict[int, dict[str, Any]] = {}
        for keys in _chunks(sorted(ids)):
            raw = self._raw(node, node.shape.within(node.shape.model.id.in_(keys)))
            found |= zip([row[0] for row in raw], self._dressed(node, raw), strict=True)
        return found

    def _lines(self, child: Lines, node: Node, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """The rows of a table by the id of their record, in the order of the form unless `deep` says another."""
        found: dict[int, list[dict[str, Any]]] = {}
        left = cost.MOST_NESTED
        for keys in _chunks(ids):
            raw = list(self.connection.execute(self._deep(child, node, keys).limit(left + 1)))
            left -= len(raw)
            if left < 0:
                raise wrong_query(f"子表超过 {cost.MOST_NESTED} 行，请缩小范围或用 deep 的 _limit",
                                  f"More than {cost.MOST_NESTED} rows of tables: ask for less, or use _limit in deep")
            for row, told in zip(raw, self._dressed(node, [tuple(row)[1:] for row in raw]), strict=True):
                found.setdefault(row[0], []).append(told)
        return found

    def _deep(self, child: Lines, node: Node, ids: Sequence[int]) -> Any:
        """The rows of these records, filtered, sorted and cut as `deep` says: so many of each record."""
        model, deep = child.model, node.deep
        told = parameters.of_object({key.removeprefix("_"): value for key, value in deep.items()},
                                    ("filter", "sort", "limit", "offset", "page", "search"))
        order = [self.sort_column(node.shape, [word.removeprefix("-")], 0)[0] for word in told.sort]
        order = [c.desc().nulls_last() if w.startswith("-") else c.asc().nulls_first()
                 for c, w in zip(order, told.sort, strict=True)] + [model.position.asc(), model.id.asc()]
        where = [model.record_id.in_(ids)]
        if told.filter:
            where.append(self.filter.of(node.shape, told.filter, 1))
        statement = self._select(node, where, (model.record_id,))
        if "_limit" not in deep and not told.offset:
            return statement.order_by(model.record_id, *order)
        place = sa.func.row_number().over(partition_by=model.record_id, order_by=order)
        ranked = sa.select(model.id.label("id"), place.label("place")).where(*where).subquery()
        statement = statement.join(ranked, ranked.c.id == model.id).where(ranked.c.place > told.offset)
        if told.limit != parameters.ALL:
            statement = statement.where(ranked.c.place <= told.offset + told.limit)
        return statement.order_by(model.record_id, ranked.c.place)


def _of_the_target(target: Shape, column: Any, inner: Any) -> Any:
    """A value of what a link points at, for the order of rows; a link to its own type needs another name for it."""
    rows = sa.select(target.model.id.label("id"), inner.label("value")).where(*target.within()).correlate(None).subquery()
    return sa.select(rows.c.value).where(rows.c.id == column).scalar_subquery()


def _chunks(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start:start + CHUNK]


def query_mapping(query: Query) -> dict[str, Any]:
    """What was asked, for the audit."""
    return {"filter": dict(query.filter), "search": query.search, "fields": list(query.fields), "format": query.export}
