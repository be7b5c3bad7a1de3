"""What the boxes of a form offer and keep, and what the chosen ones are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from admin_views import choosing
from admin_views.line_tables import Parts
from models.base import Record, db
from models.people import Unit, User
from models.spec import Field, Kind, RecordType, Text
from rules import access, attachments, checks, lists

UNSAVED = Text("{name}（已上传，不必重选；保存后生效）", "{name} (uploaded, no need to choose it again; kept when you save)")
Links = frozenset[tuple[str, str]]   # (type, id)


def field_at(spec: RecordType, path: str) -> Field | None:
    """`customer`, or `visits.customer` of a child table."""
    head, _, rest = path.partition(".")
    if rest:
        child = spec.lines.get(head)
        return child.fields.get(rest) if child else None
    return lists.column_field(spec, head) if head in spec.fields or head in lists.BASE else None


def options(actor: access.Actor, field: Field, value: Any, words: str = "", kept: Links = frozenset(),
            recent: Sequence[int] = ()) -> list[tuple[str, str]]:
    """The present value, then the newest rows that the person may see and choose. `kept`: what the record already
    points at, which stays choosable for who does not see it. Files are not chosen: theirs is the present one."""
    if field.kind is Kind.FILE:
        return _present_file(actor, field, value, kept)
    if field.kind is Kind.LINK:
        return _with_present(actor, field, value, choosing.rows(actor, Record.types[field.to], words, recent), kept)
    if field.kind is Kind.USER:
        found = sa.select(User.id, User.name).where(User.is_active).order_by(User.name, User.id)
        column = User.name
    elif field.kind is Kind.UNIT:
        found = sa.select(Unit.code, Unit.name).where(Unit.is_active).order_by(Unit.code)
        column = Unit.name
    else:
        return []
    if words:
        found = found.where(column.contains(words, autoescape=True))
    rows = [(str(key), str(label)) for key, label in db.session.execute(found.limit(300))]
    return _with_present(actor, field, value, rows, kept)


def _present_file(actor: access.Actor, field: Field, value: Any, kept: Links) -> list[tuple[str, str]]:
    """The file of the record, or one that the person sent with this form before it was refused."""
    try:
        key = checks.as_id(value)
    except checks.Wrong:
        return []
    if (field.kind.value, str(value)) in kept:
        return [(str(id_), name) for id_, name in titles_of(field, [key]).items()]
    staged = attachments.staged_by(db.session, actor, key)
    return [(str(key), UNSAVED.with_(name=staged.name).in_(actor.language))] if staged else []


def rows_of(record: Any, parts: Parts | None = None) -> Iterable[tuple[Any, Mapping[str, Field]]]:
    """The record and the rows of its child tables, or of the parts that are shown, each with its fields."""
    yield record, {**record.spec.fields, "created_by": lists.BASE["created_by"]}
    for name, child in record.spec.lines.items():
        for row in getattr(record, name) if parts is None else parts[name].rows:
            yield row, child.fields


def links_of(record: Any) -> Links:
    """(type, id) of every record and file that this one and its child tables point at."""
    return frozenset((field.to or field.kind.value, str(getattr(row, field.column))) for row, fields in rows_of(record)
                     for field in fields.values() if field.kind in (Kind.LINK, Kind.FILE))


def _is_visible(actor: access.Actor, type_name: str, id_: int) -> bool:
    spec = Record.types[type_name]
    return db.session.scalar(access.visible(sa.select(spec.model.id).where(spec.model.id == id_), actor, spec)) is not None


def _with_present(actor: access.Actor, field: Field, value: Any, rows: list[tuple[str, str]], kept: Links) -> Any:
    if value in (None, "") or any(row[0] == str(value) for row in rows):
        return rows
    if field.kind is Kind.LINK and (named := choosing.named_exactly(actor, Record.types[field.to], str(value))):
        return [*named, *rows]
    try:
        key: Any = checks.readable(str(value)) if field.kind is Kind.UNIT else checks.as_id(value)
    except checks.Wrong:
        return rows
    if field.kind is Kind.LINK and (field.to, str(value)) not in kept and not _is_visible(actor, field.to, key):
        return rows  # a forged id gets no name
    label = titles_of(field, [key]).get(key)
    return [(str(value), label), *rows] if label else rows


def titles_of(field: Field, keys: Sequence[Any]) -> dict[Any, str]:
    """What the targets of a link, person, unit or file field are called: one statement."""
    if not keys:
        return {}
    if field.kind is Kind.FILE:
        return attachments.names(db.session, keys)
    if field.kind is Kind.USER:
        query = sa.select(User.id, User.name).where(User.id.in_(keys))
    elif field.kind is Kind.UNIT:
        query = sa.select(Unit.code, Unit.name).where(Unit.code.in_(keys))
    else:
        spec = Record.types[field.to]
        title = getattr(spec.model, spec.fields[spec.title].column) if spec.title else spec.model.number
        label = sa.func.coalesce(title, lists.numbered(spec.model))
        query = sa.select(spec.model.id, label).where(spec.model.id.in_(keys))
    return dict(db.session.execute(query).all())


def prefill(record: Any, given: Mapping[str, str], actor: access.Actor) -> None:
    """`/new/?customer=3`: start the form from another record. What cannot be used is left out, not refused."""
    looks = checks.Looks(db.session, actor)
    closed = checks.read_only(record.spec)
    for name, raw in given.items():
        field = record.spec.fields.get(name)
        if field is not None and name not in closed:
            try:
                setattr(record, field.column, checks.parse(field, raw, looks))
            except checks.Wrong:
                continue
