"""Which rows of its child tables the page of a record shows: all that people typed, and a part of what jobs wrote.

A month's summary may list a hundred thousand cases: nobody reads them on one page, and none of them need be in memory for
it. The workbook of the record has them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from models.base import db
from models.spec import Lines

ROWS = 200


@dataclass(frozen=True)
class Part:
    """Rows of a child table as they follow each other, and where they stand among all."""

    rows: Sequence[Any]
    total: int
    page: int = 1

    @property
    def first(self) -> int:
        return (self.page - 1) * ROWS + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def is_whole(self) -> bool:
        return len(self.rows) == self.total


Parts = Mapping[str, Part]


def whole(record: Any) -> Parts:
    """Every row of every table."""
    return {name: _whole(record, name) for name in record.spec.lines}


def shown(record: Any, pages: Mapping[str, int]) -> Parts:
    """The rows for the screen; `pages` says which part of which table is turned to, the first where it says nothing. What
    is read whole is not read again by those who ask the record for it."""
    return {name: _whole(record, name) if child.is_typed else _part(record, child, pages.get(name, 1))
            for name, child in record.spec.lines.items()}


def _whole(record: Any, name: str) -> Part:
    rows = getattr(record, name)
    return Part(rows, len(rows))


def _part(record: Any, child: Lines, page: int) -> Part:
    rows = _read(record, child, page)
    if page == 1 and len(rows) <= ROWS:
        set_committed_value(record, child.name, rows)
        return Part(rows, len(rows))
    model = child.model
    total = db.session.scalar(sa.select(sa.func.count()).select_from(model).where(model.record_id == record.id)) or 0
    if not rows:   # beyond the last part the last one is shown
        page = max(1, -(-total // ROWS))
        rows = _read(record, child, page)
    return Part(rows[:ROWS], total, page)


def _read(record: Any, child: Lines, page: int) -> list[Any]:
    """A part, and one row more if there is one."""
    model = child.model
    return list(db.session.scalars(
        sa.select(model).where(model.record_id == record.id).order_by(model.position)
        .limit(ROWS + 1).offset((page - 1) * ROWS)))
