"""Statements kept by the shape of their conditions: to build one takes longer than to run it.

Two questions are of one shape where only their values differ: another state, another month, other words. The statement is
built for the first of them, with a place for each value, and run for the others with theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

KEPT = 500
Build = Callable[[Sequence[Any]], Any]


class _Shape:
    """What tells statements apart; beside it, what the first one is built of."""

    def __init__(self, known_by: Hashable, where: Any, places: Sequence[sa.BindParameter[Any]], build: Build) -> None:
        self.known_by, self.places, self.build = known_by, places, build
        self.where: sa.ColumnElement[Any] | None = where
        self.hash = hash(known_by)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Shape) and self.known_by == other.known_by


def ready(kind: Hashable, where: Sequence[Any], build: Build) -> tuple[Any, dict[str, Any]]:
    """(what `build` makes of the conditions, the values to run it with). `kind` is all that it depends on besides."""
    told = sa.and_(sa.true(), *where)
    # SQLAlchemy keeps compiled SQL by this key, so it tells all that makes one statement another.
    shape = told._generate_cache_key()
    if shape is None:
        return build(where), {}
    values = {_place(n): bind.effective_value for n, bind in enumerate(shape.bindparams)}
    return _built(_Shape((kind, shape.key), told, shape.bindparams, build)), values


@lru_cache(maxsize=KEPT)
def _built(shape: _Shape) -> Any:
    places = {id(bind): sa.bindparam(_place(n), type_=bind.type, expanding=bind.expanding)
              for n, bind in enumerate(shape.places)}

    def place_of(element: Any, **_: Any) -> Any:
        return places.get(id(element))
    assert shape.where is not None
    where = visitors.replacement_traverse(shape.where, {}, place_of)
    shape.where, shape.places = None, ()   # the values of whoever asked first are nobody else's
    return shape.build([where])


def _place(n: int) -> str:
    return f"given_{n}"
