"""Pareto: which groups make up most of the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True)
class Ranked:
    """A group at its place: the share of the whole that it and all before it make up, and whether it belongs to the
    smallest beginning of the list that reaches the share asked for."""

    row: Any
    rank: int
    cumulative_rate: Decimal
    is_focus: bool


def ranked(rows: Sequence[Any], weigh: Callable[[Any], tuple[Any, Any]], share: Decimal,
           order: Mapping[Any, int]) -> Iterable[Ranked]:
    """The rows with `key`, heaviest first: by the first weight, then by the second, then in the order of a list of
    choices, then by key; those without a key come last among equals."""
    total, running = sum((Decimal(weigh(row)[0]) for row in rows), Decimal(0)), Decimal(0)
    rows = sorted(rows, key=lambda row: (*(-weight for weight in weigh(row)), row.key is None,
                                         order.get(row.key, 0), row.key or ""))
    for rank, row in enumerate(rows, 1):
        is_focus = running < share * total
        running += weigh(row)[0]
        yield Ranked(row, rank, running / total if total else Decimal(0), is_focus)
