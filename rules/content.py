"""What a record says, its child tables included, as one canonical JSON text, and the hash of it.

The audit keeps such hashes for good: a text that is written otherwise belongs to another content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from json.encoder import encode_basestring
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from models.base import PLACES, rounded
from models.spec import TEXTS, Field, Kind, Lines

BASE_FIELDS = ("number", "state", "department", "created_by_id", "created_at")
AT_ONCE = 1000   # rows of child tables in memory ...
MANY = 20_000    # ... and of several records together

canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def plain(value: Any, field: Field | None = None) -> Any:
    """A value as JSON keeps it, the same on both databases."""
    if isinstance(value, Decimal) or (field is not None and field.kind in PLACES and value is not None):
        return str(rounded(value, PLACES[field.kind] if field else 2))
    if isinstance(value, datetime):
        moment = value.astimezone(UTC)
        return (moment.replace(microsecond=0) if moment.microsecond else moment).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def values(row: Any, fields: Any) -> dict[str, Any]:
    return {name: plain(getattr(row, field.column), field) for name, field in fields.items()}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def content_hash(record: Any, lines: Mapping[str, str | None] | None = None) -> str:
    """`lines`: the texts of child tables that are at hand."""
    running = hashlib.sha256()
    for part in _content(record, lines or {}):
        running.update(part.encode())
    return running.hexdigest()


def _content(record: Any, lines: Mapping[str, str | None]) -> Iterator[str]:
    """One JSON object, its keys in order, part by part: a table may have a hundred thousand rows."""
    said = {"type": record.spec.name, **{name: plain(getattr(record, name)) for name in BASE_FIELDS},
            "fields": values(record, record.spec.fields)}
    before, after = (canonical({key: value for key, value in said.items() if (key < "lines") is first})
                     for first in (True, False))
    yield f'{before[:-1]},"lines":{{'
    for n, (name, child) in enumerate(sorted(record.spec.lines.items())):
        yield f"{',' if n else ''}{canonical(name)}:"
        at_hand = lines.get(name)
        yield from (at_hand,) if at_hand else _lines(record, child)
    yield f"}},{after[1:]}"


def _lines(record: Any, child: Lines) -> Iterator[str]:
    if record.is_as_kept(child.name):
        yield from _kept(sa.inspect(record).session, child, record.id)
    else:
        yield canonical([values(row, child.fields) for row in getattr(record, child.name)])


def signed_content(record: Any) -> dict[str, Any]:
    """What people put their name to: what was typed, and amounts; of a compiled record all its figures. Not the state
    or the stamps, which signing changes."""
    spec = record.spec
    stamped = {name for move in spec.workflow.moves for name in move.stamps}

    def signed(fields: Mapping[str, Field]) -> dict[str, Field]:
        return {name: f for name, f in fields.items()
                if name not in stamped and (f.typed or f.kind is Kind.MONEY or spec.compiled)}
    return {
        "fields": values(record, signed(spec.fields)),
        "lines": {name: [values(row, signed(child.fields)) for row in getattr(record, name)]
                  for name, child in spec.lines.items()}}


def hash_of(content: Mapping[str, Any]) -> str:
    return digest(canonical(content))


# Child tables past the session ------------------------------------------------------------------------------------

def are_many(session: Any, child: Lines, ids: Sequence[int]) -> bool:
    """More rows than should be in memory for the sake of fewer statements."""
    mine = sa.select(sa.literal(1)).where(child.model.__table__.c.record_id.in_(ids)).limit(MANY).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(mine)) == MANY


def kept_lines(session: Any, child: Lines, ids: Sequence[int]) -> dict[int, str]:
    """The texts of the table in these records as the database has it, without making objects of thousands of rows."""
    table = child.model.__table__.c
    query = sa.select(table.record_id, *columns(child, table)).where(table.record_id.in_(ids))
    found = session.execute(query.order_by(table.record_id, table.position))
    return {**dict.fromkeys(ids, "[]"), **dict(texts(child, found))}


def _kept(session: Any, child: Lines, id_: int) -> Iterator[str]:
    """The text of the table in one record, however long it is: beyond the first rows a few at a time."""
    table = child.model.__table__.c
    query = sa.select(table.record_id, *columns(child, table)).where(table.record_id == id_).order_by(table.position)
    first = session.execute(query.limit(AT_ONCE)).all()
    pieces = [first] if len(first) < AT_ONCE else session.execute(
        query, execution_options={"yield_per": AT_ONCE}).partitions()
    template = _template(child)
    yield "["
    for n, rows in enumerate(pieces):
        yield ("," if n else "") + ",".join(_said(child, template, rows) if rows else ())
    yield "]"


class _InUtc(sa.sql.functions.FunctionElement[str]):
    """A moment as the text `2026-10-01 08:30:00`, perhaps with a fraction: read in half the time of a datetime."""

    inherit_cache = True
    type = sa.String()


@compiles(_InUtc, "sqlite")
def _kept_so(moment: _InUtc, compiler: Any, **options: Any) -> str:
    return str(compiler.process(moment.clauses, **options))


@compiles(_InUtc, "postgresql")
def _cast(moment: _InUtc, compiler: Any, **options: Any) -> str:
    return f"CAST(timezone('UTC', {compiler.process(moment.clauses, **options)}) AS VARCHAR)"


def columns(child: Lines, source: Any) -> list[Any]:
    """What `texts` reads of each row: the fields by name, moments as text."""
    return [_InUtc(source[field.column]) if field.kind is Kind.DATETIME else source[field.column]
            for _, field in sorted(child.fields.items())]


def texts(child: Lines, found: sa.Result[Any]) -> Iterator[tuple[int, str]]:
    """The id and the text of each record, from rows of its id and `columns`, in order."""
    row = _template(child)
    # Read in parts, of which a record may take one and a half.
    several = (group for part in found.partitions(AT_ONCE) for group in groupby(part, lambda row: row[0]))
    for id_, groups in groupby(several, lambda group: group[0]):
        rows = [said for _, some in groups for said in _said(child, row, some)]
        yield id_, "[" + ",".join(rows) + "]"


def _template(child: Lines) -> str:
    return "{" + ",".join(f"{canonical(name)}:%s" for name in sorted(child.fields)) + "}"


def _said(child: Lines, template: str, rows: Iterable[Any]) -> list[str]:
    """Rows as `canonical` writes them, in a third of the time: column by column."""
    _, *found = zip(*rows, strict=True)
    written = [_column(field, column) for (_, field), column in zip(sorted(child.fields.items()), found, strict=True)]
    return [template % row for row in zip(*written, strict=True)]


def _column(field: Field, column: Sequence[Any]) -> list[str]:
    if field.kind in TEXTS or field.kind is Kind.CHOICE:
        return ["null" if value is None else encode_basestring(value) for value in column]
    if field.kind is Kind.DATETIME:
        return ["null" if value is None else f'"{value[:19].replace(" ", "T")}+00:00"' for value in column]
    if field.kind is Kind.BOOL:
        return ["null" if value is None else "true" if value else "false" for value in column]
    return [canonical(plain(value, field)) for value in column]
