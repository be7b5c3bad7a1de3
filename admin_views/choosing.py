"""What the choice box of a link offers: the rows that a person may see and choose, found by the words of the search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from models.base import Record, db
from models.spec import VOID, Field, Kind, RecordType
from rules import access, checks, lists, names, search, words

CHOICES = 50
CANDIDATES = 200   # the newest that match, of which the best are offered
RECENT = 8         # that a browser remembers of each type
TYPED = "__typed"  # beside a choice box: what somebody wrote whose browser runs no scripts


def rows(actor: access.Actor, spec: RecordType, typed: str = "", recent: Sequence[int] = ()) -> list[tuple[str, str]]:
    """(value, label): those that the person chose last, then those that are called as they typed, then the newest."""
    key, query = spec.model.id, _choosable(actor, spec)
    if typed:
        query = query.where(search.condition(spec, actor, typed)).limit(CANDIDATES)
    elif recent:   # the list below is of the newest; they may be older
        order = sa.case({id_: n for n, id_ in enumerate(recent)}, value=key, else_=len(recent))
        query = query.order_by(None).order_by(order, key.desc()).where(sa.or_(key.in_(recent), key.in_(_newest(actor, spec))))
    found = db.session.execute(query if typed else query.limit(CHOICES)).all()
    if typed:
        marks = words.pattern(words.terms(typed))
        found = sorted(found, key=lambda row: (not marks.search(row[1]), _place(row[0], recent)))
    return [(str(id_), label) for id_, label in found[:CHOICES]] or (named_exactly(actor, spec, typed) if typed else [])


def _place(id_: int, recent: Sequence[int]) -> int:
    return recent.index(id_) if id_ in recent else len(recent)


def _choosable(actor: access.Actor, spec: RecordType) -> Any:
    model = spec.model
    label = lists.numbered(model)
    if spec.title:
        label = label + " · " + sa.func.coalesce(getattr(model, spec.fields[spec.title].column), label)
    query = access.visible(sa.select(model.id, label), actor, spec)
    return query.where(model.state.in_(spec.chosen_in) if spec.chosen_in else model.state != VOID).order_by(model.id.desc())


def _newest(actor: access.Actor, spec: RecordType) -> Any:
    return sa.select(_choosable(actor, spec).with_only_columns(spec.model.id).limit(CHOICES).subquery())


def named_exactly(actor: access.Actor, spec: RecordType, typed: str) -> list[tuple[str, str]]:
    """A row that others own is chosen by its whole `found_by` value, and by nothing else: the value is what is sent."""
    named = checks.named_exactly(checks.Looks(db.session, actor), spec, typed)
    if named is None or (spec.chosen_in and named.state not in spec.chosen_in):
        return []
    return [(typed, f"{named.number} · {typed}" if spec.title == spec.found_by else str(named.number))]


def recent_of(text: str) -> list[int]:
    """The ids that a browser remembers, as it sends them: `12,7`."""
    return [int(part) for part in text.split(",")[:RECENT] if part.isascii() and part.isdigit() and len(part) <= 18]


def may_create(actor: access.Actor, spec: RecordType) -> str:
    """The types that this one links to and of which the person may make a new record, with a blank between."""
    fields = [*spec.fields.values(), *(field for child in spec.lines.values() for field in child.fields.values())]
    targets = {field.to: None for field in fields if field.to and access.may(actor, "create", Record.types[field.to])}
    return " ".join(targets)


def chosen(actor: access.Actor, spec: RecordType, posted: Any) -> Any:
    """What was posted, where somebody without scripts wrote the number or title of a row: as if they had chosen it."""
    typed = {name.removesuffix(TYPED): text.strip() for name, text in posted.items() if name.endswith(TYPED) and text.strip()}
    if not typed:
        return posted
    posted = posted.copy()
    for name, text in typed.items():
        field = _field(spec, name)
        if field is not None and field.kind is Kind.LINK:
            posted[name] = _named(actor, Record.types[field.to], text)
    return posted


def _field(spec: RecordType, name: str) -> Field | None:
    """`customer`, or `visits-0-customer` of a child table."""
    head, _, rest = name.partition("-")
    fields: Mapping[str, Field] = spec.lines[head].fields if rest and head in spec.lines else spec.fields
    return fields.get(rest.partition("-")[2] if rest else head)


def _named(actor: access.Actor, spec: RecordType, text: str) -> str:
    """The id of the one row that is called so; else the text itself, which the rules refuse at its field."""
    model = spec.model
    titles = [getattr(model, spec.fields[name].column) == text for name in names.title_keys(spec)
              if name not in spec.private or access.sees_private(actor, spec)]
    query = access.visible(sa.select(model.id).where(sa.or_(model.number == text, *titles), model.state != VOID), actor, spec)
    found = db.session.scalars(query.limit(2)).all()
    return str(found[0]) if len(found) == 1 else text
