"""Types and records as data for programs: what `record-types --json` and exports print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from models.base import PLACES, Record
from models.files import Attachment
from models.people import User
from models.settings import PARAMETERS
from models.spec import Field, Kind, Lines, Move, RecordType
from rules import exports, lists, signed

NAMED = frozenset({Kind.LINK, Kind.USER, Kind.FILE})   # published by what names them
AT_ONCE = 500   # values of one IN: a database takes only so many


def record_type(spec: RecordType) -> dict[str, Any]:
    """The declaration with the names and shapes under which it is published."""
    flow = spec.workflow
    stamped = {name: [m.name for m in flow.moves if name in m.stamps] for m in flow.moves for name in m.stamps}
    return {
        "name": spec.name, "code": spec.code, "zh": spec.zh, "en": spec.en, "area": spec.area, "source": spec.source,
        "purpose": spec.purpose, "series": spec.series.pattern, "numbered_at": spec.numbered_at, "title": spec.title,
        "scope": dict(spec.scope), "fields": [_field(f, stamped) for f in spec.fields.values()],
        "lines": [_lines(child) for child in spec.lines.values()],
        "states": [[s.name, s.label.zh, s.label.en] for s in flow.states], "moves": [_move(m) for m in flow.moves],
        "approval": [{"role": s.role, **({"from": int(Decimal(PARAMETERS[s.limit].default)), "field": s.field} if s.limit else {}),
                      **({"beside": True} if s.beside else {})}
                     for s in flow.approval],
        "deadlines": [_deadline(d) for d in spec.deadlines], "rules": list(spec.rules), "links_in": list(spec.links_in),
        "list": list(spec.list), "search": list(spec.search), "filters": list(spec.filters),
        # Files follow the private fields that are declared; they are none of them.
        "private": sorted(name for name in spec.private if spec.fields[name].kind is not Kind.FILE),
        "retention_years": spec.retention_years, "access": dict(spec.access),
    }


def _field(field: Field, stamped: Mapping[str, list[str]]) -> dict[str, Any]:
    kind = Kind.TEXT if field.kind is Kind.UNIT else field.kind
    optional = {
        "to": field.to, "choices": [[c.value, c.label.zh, c.label.en] for c in field.choices if field.kind is not Kind.PROVINCE],
        "default": value(field, field.default) if isinstance(field.default, Decimal) else field.default,
        "unit": field.measure, "note": field.help.en if field.help else "",
        "derived": field.derived, "set_by": ", ".join(stamped.get(field.name, ())), "unique": field.unique,
    }
    if field.default is None:
        del optional["default"]
    return {"name": field.name, "zh": field.label.zh, "en": field.label.en, "type": kind.value, "required": field.required,
            "origin": field.origin, **{key: value for key, value in optional.items() if value or key == "default"}}


def _lines(child: Lines) -> dict[str, Any]:
    return {"name": child.name, "zh": child.label.zh, "en": child.label.en,
            "fields": [_field(f, {}) for f in child.fields.values()]}


def _move(move: Move) -> dict[str, Any]:
    flags = {"needs_comment": move.comment, "opens_round": move.opens_round, "signs": move.signs}
    return {"name": move.name, "zh": move.zh, "en": move.label.en, "from": list(move.source), "to": move.to,
            "by": list(move.by), "requires": list(move.requires), "stamps": list(move.stamps),
            **{name: True for name, holds in flags.items() if holds}}


def _deadline(deadline: Any) -> dict[str, Any]:
    parameter = PARAMETERS.get(deadline.limit)
    limit = f"{parameter.default}{parameter.unit}" if parameter else deadline.limit
    told = {"id": deadline.id, "name": deadline.name, "starts": deadline.starts, "met_by": deadline.met_by,
            "limit": limit, "tell": list(deadline.tell)}
    return {key: value for key, value in told.items() if value}


# Records ----------------------------------------------------------------------------------------------------------

def value(field: Field, kept: Any) -> Any:
    """One value for JSON: decimals as strings, moments in UTC with offset. Links and people are the caller's."""
    if kept is None:
        return None
    if field.kind in PLACES:
        return exports.trimmed(kept) if field.kind is Kind.DECIMAL else format(kept, "f")
    if isinstance(kept, datetime):
        return kept.isoformat()
    return kept.isoformat() if isinstance(kept, date) else kept


def records(session: Any, spec: RecordType, batch: Sequence[Any], *, plain: bool) -> Iterator[dict[str, Any]]:
    """Records with the field names of their type, child tables as lists, links by number, people by user name, files
    by their name: what `import` reads again."""
    keys = _Keys(session, spec, batch)
    blocks = signed.blocks(session, spec.name, [record.id for record in batch]) if spec.workflow.approval else {}
    for record in batch:
        yield {
            "number": record.number, "state": record.state, "created_at": record.created_at.isoformat(),
            "created_by": keys.person(record.created_by_id),
            **keys.row(record, spec.fields, plain),
            **{name: [keys.row(row, child.fields, plain) for row in getattr(record, name)]
               for name, child in spec.lines.items()},
            **({lists.SIGNATURES.name: signed.published(blocks[record.id])} if blocks else {}),
        }


def said(session: Any, record: Any) -> dict[str, Any]:
    """What a record and its child tables say, for whoever may see all of it."""
    spec, keys = record.spec, _Keys(session, record.spec, [record])
    return {
        "fields": keys.row(record, spec.fields, plain=True),
        "lines": {name: [keys.row(row, child.fields, plain=True) for row in getattr(record, name)]
                  for name, child in spec.lines.items()},
    }


class _Keys:
    """What names the targets of a batch's links, people and files: a statement per kind and five hundred of them."""

    def __init__(self, session: Any, spec: RecordType, batch: Sequence[Any]) -> None:
        wanted: dict[str, set[Any]] = {Kind.USER: {r.created_by_id for r in batch}}
        rows = [(r, spec.fields) for r in batch]
        rows += [(row, child.fields) for r in batch for child in spec.lines.values() for row in getattr(r, child.name)]
        for row, fields in rows:
            for field in fields.values():
                if field.kind in NAMED:
                    wanted.setdefault(field.to or field.kind, set()).add(getattr(row, field.column))
        self.names: dict[tuple[str, Any], str] = {}
        for target, ids in wanted.items():
            key, column = _key_and_name(target)
            listed = sorted(ids - {None})
            for start in range(0, len(listed), AT_ONCE):
                query = sa.select(key, column).where(key.in_(listed[start:start + AT_ONCE]))
                self.names |= {(target, id_): name for id_, name in session.execute(query)}

    def person(self, id_: int | None) -> str | None:
        return self.names.get((Kind.USER, id_))

    def row(self, row: Any, fields: Mapping[str, Field], plain: bool) -> dict[str, Any]:
        return {name: self._value(field, getattr(row, field.column), plain) for name, field in fields.items()}

    def _value(self, field: Field, kept: Any, plain: bool) -> Any:
        if field.private and not plain and kept is not None:
            return exports.masked(field, kept)
        return self.names.get((field.to or field.kind, kept)) if field.kind in NAMED else value(field, kept)


def _key_and_name(target: str) -> tuple[Any, Any]:
    """Of a record type, or of people or files."""
    if target == Kind.USER:
        return User.id, User.username
    if target == Kind.FILE:
        return Attachment.id, Attachment.name
    model = Record.types[target].model
    return model.id, model.number
