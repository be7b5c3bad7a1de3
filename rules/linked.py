"""A page of rows in the order of what they name: of customers, say, by the customer's name.

To put a million rows in that order takes seconds. What they name are a few thousand: those are put in order, with how many
rows name each, and only the rows of those that the page shows are looked for. Near the front not even all are counted: as
each is named once at least, a page cannot show more of them than rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

FRONT = 500   # rows: behind so many, counting all at once is quicker


def ids(model: Any, column: Any, named: tuple[Any, Any, Any], where: Sequence[Any], *, down: bool, is_front: bool, limit: Any,
        offset: Any) -> Any:
    """The select of a page's ids, as `ORDER BY title, id` (or both descending) would give it. `named` is the table that
    `column` names, its key and its title; `is_front` chooses the quicker way for a page among the first `FRONT` rows."""
    counts = _counts(model, column, where, _first(column, named, where, down, offset + limit) if is_front else None)
    near = _near(counts, named, down, limit, offset)
    found = sa.union_all(
        sa.select(model.id, near.c.title).join(near, column == near.c.key).where(*where),
        # Rows that name nothing: no join finds them.
        sa.select(model.id, sa.null()).where(column.is_(None), sa.exists().where(near.c.key.is_(None)), *where)).subquery()
    passed = sa.select(sa.func.coalesce(sa.func.min(near.c.passed), 0)).scalar_subquery()
    ordering = [found.c.title.desc(), found.c.id.desc()] if down else [found.c.title.asc(), found.c.id.asc()]
    return sa.select(found.c.id).order_by(*ordering).limit(limit).offset(sa.cast(offset - passed, sa.BigInteger))


def _first(column: Any, named: tuple[Any, Any, Any], where: Sequence[Any], down: bool, many: Any) -> Any:
    """The keys of so many that are named by some row, and of those that are called like the last of them."""
    table, key, title = named
    some = sa.select(title.label("title")).select_from(table).where(sa.exists().where(column == key, *where)).order_by(
        title.desc() if down else title.asc()).limit(many).subquery()
    last = sa.select((sa.func.min if down else sa.func.max)(some.c.title)).scalar_subquery()
    return sa.select(key).select_from(table).where(title >= last if down else title <= last)


def _counts(model: Any, column: Any, where: Sequence[Any], among: Any) -> Any:
    """How many rows name each; where only some are asked for, those that name nothing are counted beside."""
    per_key = sa.select(column.label("key"), sa.func.count().label("rows")).select_from(model).where(*where)
    if among is None:
        return per_key.group_by(column).cte("counts")
    named, nothing = per_key.where(column.in_(among)).group_by(column), per_key.where(column.is_(None)).group_by(column)
    return sa.union_all(named, nothing).cte("counts")


def _near(counts: Any, named: tuple[Any, Any, Any], down: bool, limit: Any, offset: Any) -> Any:
    """What the rows of the page name, and how many rows come before those of the first of them. Those that are called
    alike stand together, as their rows do."""
    table, key, title = named
    upto = sa.func.sum(counts.c.rows).over(order_by=title.desc() if down else title.asc())
    alike = sa.func.sum(counts.c.rows).over(partition_by=title)
    ranked = sa.select(counts.c.key, title.label("title"), upto.label("upto"), (upto - alike).label("passed")).select_from(
        counts.outerjoin(table, key == counts.c.key)).cte("ranked")
    return sa.select(ranked.c.key, ranked.c.title, ranked.c.passed).where(
        ranked.c.upto > offset, ranked.c.passed < offset + limit).cte("near")
