"""`/revisions` and `/activity`: the audit as a program reads it, of the records that it may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from flask import Response, request

from api import cost, door, parameters
from api.answers import forbidden, wrong_query
from api.door import blueprint
from api.figures import Figures
from api.reading import Reader
from api.shapes import Shape, Shapes, record_fields
from models.base import Record, db
from models.history import AuditEntry
from models.spec import ADMINISTRATOR, Field, Kind, Text
from rules import access

LISTING = ("fields", "filter", "sort", "limit", "offset", "page", "meta", "aggregate", "groupBy", "lang", "alias", "deep")
OF_ACTIVITY = (
    Field(Kind.INTEGER, Text("编号", "Id"), "id", "id"), Field(Kind.TEXT, Text("动作", "Action"), "action", "action"),
    Field(Kind.USER, Text("办理人", "User"), "user", "actor_id"),
    Field(Kind.DATETIME, Text("时间", "Time"), "timestamp", "at"),
    Field(Kind.TEXT, Text("单据类型", "Record type"), "collection", "type"),
    Field(Kind.INTEGER, Text("单据", "Record"), "item", "record_id"),
    Field(Kind.TEXT, Text("单号", "Number"), "number", "number"),
    Field(Kind.INTEGER, Text("版本", "Revision"), "revision", "revision"),
    Field(Kind.TEXT, Text("原因或说明", "Comment"), "comment", "comment"),
    Field(Kind.TEXT, Text("途径", "Door"), "door", "door"))
CHANGES = ("data", "delta", "changes")   # of revisions only, and only to be read


def _scope(actor: access.Actor) -> Any:
    """The entries of records that the reader may see; the administrator also sees those about no record."""
    whole, parts = [], []
    for spec in Record.types.values():
        if not access.may(actor, "view", spec):
            continue
        clause = access.scope_clause(actor, spec)
        if clause is None:
            whole.append(spec.name)
        else:
            ids = sa.select(spec.model.id).where(clause).correlate(None)
            parts.append(sa.and_(AuditEntry.type == spec.name, AuditEntry.record_id.in_(ids)))
    seen = sa.and_(AuditEntry.type.in_(whole), AuditEntry.record_id.is_not(None))
    is_whole = actor.scope is None or not actor.scope.types   # a token of some types hears of nothing else
    notes = [AuditEntry.record_id.is_(None)] if ADMINISTRATOR in actor.roles and is_whole else []
    return sa.or_(seen, *parts, *notes)


def _shape(actor: access.Actor, *, of_records: bool) -> Shape:
    scope = _scope(actor)
    if of_records:
        scope = sa.and_(scope, AuditEntry.record_id.is_not(None), AuditEntry.revision.is_not(None))
    return Shape("revisions" if of_records else "activity", AuditEntry, {f.name: f for f in OF_ACTIVITY}, scope=scope)


@blueprint.get("/activity")
def activity() -> Response:
    return _list(of_records=False)


@blueprint.get("/revisions")
def revisions() -> Response:
    return _list(of_records=True)


@blueprint.get("/activity/<id_>")
def one_activity(id_: str) -> Response:
    return _one(id_, of_records=False)


@blueprint.get("/revisions/<id_>")
def one_revision(id_: str) -> Response:
    return _one(id_, of_records=True)


def _list(*, of_records: bool) -> Response:
    query = parameters.of_address(request.args, LISTING)
    if query.limit == parameters.ALL:
        raise wrong_query(f"limit 最多 {cost.MOST_ROWS}", f"limit is at most {cost.MOST_ROWS} here")
    connection = db.session.connection()
    with cost.bounded(connection):
        reader, wanted = _reader(connection, query, of_records=of_records)
        if query.aggregate or query.group_by:
            return door.told({"data": Figures(reader).answer()})
        rows, meta = _with_changes(reader, reader.page(), wanted), reader.meta()
    return door.told({"meta": meta, "data": rows} if query.meta else {"data": rows})


def _one(id_: str, *, of_records: bool) -> Response:
    query = parameters.of_address(request.args, ("fields", "lang"))
    connection = db.session.connection()
    reader, wanted = _reader(connection, query, of_records=of_records)
    found = reader.one(door.as_id(id_))
    if found is None:
        raise forbidden()
    return door.told({"data": _with_changes(reader, [found], wanted)[0]})


def _reader(connection: Any, query: parameters.Query, *, of_records: bool) -> tuple[Reader, tuple[str, ...]]:
    """What is not a column of the table is put beside the rows afterwards."""
    shapes = Shapes(door.actor())
    wanted = tuple(name for name in CHANGES if of_records and {name, "*"} & set(query.fields))
    fields = tuple(name for name in query.fields if not (of_records and name in CHANGES))
    reader = Reader(connection, shapes, _shape(door.actor(), of_records=of_records), replace(query, fields=fields))
    if wanted:
        reader.tree.columns["\0id"] = OF_ACTIVITY[0]
    return reader, wanted


def _with_changes(reader: Reader, rows: list[dict[str, Any]], wanted: tuple[str, ...]) -> list[dict[str, Any]]:
    if not wanted:
        return rows
    ids = [row.pop("\0id") for row in rows]
    entries = {id_: (type_, changes) for id_, type_, changes in reader.connection.execute(
        sa.select(AuditEntry.id, AuditEntry.type, AuditEntry.changes).where(AuditEntry.id.in_(ids)))}
    return [{**row, **_changed(reader.shapes.actor, *entries[id_], wanted)} for id_, row in zip(ids, rows, strict=True)]


def _changed(actor: access.Actor, type_name: str, changes: Mapping[str, Any], wanted: tuple[str, ...]) -> dict[str, Any]:
    """`data` and `delta` are the new values, `changes` old and new ones; only of fields that the reader may read."""
    spec = Record.types[type_name]
    open_fields = record_fields(spec, actor)
    pairs = {name: pair for name, pair in changes.items() if name in open_fields and isinstance(pair, list)}
    new = {name: pair[1] for name, pair in pairs.items()}
    told: dict[str, Any] = {"data": new, "delta": new, "changes": {**pairs, **_of_lines(spec, actor, changes)}}
    return {name: told[name] for name in wanted}


def _of_lines(spec: Any, actor: access.Actor, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of tables that came, went or changed, without what the reader may not read."""
    shapes, found = Shapes(actor), {}
    for name, rows in changes.get("lines", {}).items():
        if name in spec.lines:
            fields = shapes.of_lines(spec, spec.lines[name]).fields
            found[name] = [{key: {n: v for n, v in part.items() if n in fields} if isinstance(part, dict) else part
                            for key, part in row.items()} for row in rows]
    return {"lines": found} if found else {}
