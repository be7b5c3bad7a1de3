"""`/items`: reading and writing records of every type."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from flask import Response, request

from api import answers, cost, cursors, door, exported, parameters, writing
from api.answers import forbidden, wrong_query
from api.door import blueprint
from api.figures import Figures
from api.parameters import Query
from api.reading import Reader
from api.shapes import Shapes
from api.written import OF_ONE, as_it_is, reader, written
from models.base import db
from models.spec import RecordType
from rules import moves
from rules.act import Act


# Reading ----------------------------------------------------------------------------------------------------------

@blueprint.get("/items/<type_name>")
def read_many(type_name: str) -> Response:
    return _list(door.type_open(type_name), parameters.of_address(request.args))


@blueprint.route("/items/<type_name>", methods=["SEARCH"])
def search_many(type_name: str) -> Response:
    """The same for queries that are too long for an address."""
    spec, told = door.type_open(type_name), door.body()
    parameters.of_address(request.args, ("lang",))
    if not isinstance(told, dict) or set(told) != {"query"}:
        raise wrong_query("内容应为 {\"query\": {...}}", "The body is {\"query\": {...}}")
    return _list(spec, parameters.of_object(told["query"]))


def _list(spec: RecordType, query: Query) -> Response:
    shapes = Shapes(door.actor())
    is_figures = bool(query.aggregate or query.group_by)
    if query.export or (query.limit == parameters.ALL and not is_figures):
        return exported.stream(spec, shapes, query)
    connection = db.session.connection()
    with cost.bounded(connection):
        found = reader(connection, shapes, spec, query)
        if is_figures:
            return door.told({"data": Figures(found).answer()})
        if query.cursor is not None:
            return door.told(_by_cursor(found))
        rows, meta = found.page(), found.meta()
    return door.told({"meta": meta, "data": rows} if query.meta else {"data": rows})


def _by_cursor(found: Reader) -> dict[str, Any]:
    behind = cursors.beyond(found)
    cursors.ask_for_keys(found)
    rows = found.page(behind)
    meta = {**found.meta(), "next_cursor": cursors.following(found, rows)}
    return {"meta": meta, "data": cursors.without_keys(found, rows)}


@blueprint.get("/items/<type_name>/<id_>")
def read_one(type_name: str, id_: str) -> Response:
    spec, key = door.type_open(type_name), door.as_id(id_)
    query = parameters.of_address(request.args, OF_ONE)
    with cost.bounded(db.session.connection()):
        found = as_it_is(spec, query, [key])
    return door.told({"data": found[0][1]}, ETag=f'"{found[0][0]}"') if found else _missing()


def _missing() -> Response:
    raise forbidden()


# Writing ----------------------------------------------------------------------------------------------------------

@blueprint.post("/items/<type_name>")
def create(type_name: str) -> Response:
    spec = door.type_open(type_name)
    writing.allow_creating(door.actor(), spec)
    given = door.body()
    rows = writing.batch(given if isinstance(given, list) else [given])
    return written(spec, lambda act: writing.create(act, spec, rows, is_list=isinstance(given, list)),
                    is_list=isinstance(given, list), is_repeatable=True)


@blueprint.patch("/items/<type_name>/<id_>")
def change(type_name: str, id_: str) -> Response:
    spec, key, revision = door.type_open(type_name), door.as_id(id_), door.seen_revision()
    raw = writing.row(door.body())
    return written(spec, lambda act: writing.edit(act, spec, [(key, raw)], revision), is_list=False)


@blueprint.patch("/items/<type_name>")
def change_many(type_name: str) -> Response:
    """A list of objects with their id, or `{"keys": [...], "data": {...}}`, or a query instead of the keys."""
    spec, given = door.type_open(type_name), door.body()
    if isinstance(given, list):
        pairs = writing.with_ids(writing.batch(given))
    else:
        told = writing.only(given, ("keys", "query", "data"), "data")
        raw = writing.row(told["data"])
        pairs = [(key, raw) for key in _keys(spec, told)]
    return written(spec, lambda act: writing.edit(act, spec, pairs, None, is_list=True), is_list=True)


def _keys(spec: RecordType, told: Mapping[str, Any]) -> list[int]:
    """The records that are named by their ids, or by a query that must say which."""
    if ("keys" in told) == ("query" in told):
        raise answers.wrong_payload(writing.KEYS_OR_QUERY)
    if "keys" in told:
        return writing.keys(told["keys"])
    query = parameters.of_object(told["query"], ("filter", "search", "sort", "limit", "offset", "page"))
    if not query.filter and not query.search:
        raise answers.wrong_payload(writing.KEYS_OR_QUERY)
    with cost.bounded(db.session.connection()):
        found = reader(db.session.connection(), Shapes(door.actor()), spec, query)
        shown = sa.select(spec.model.id).where(*found.where).order_by(*found.order()).offset(query.offset)
        limit = cost.BATCH + 1 if query.limit == parameters.ALL else query.limit
        return writing.batch(list(db.session.scalars(shown.limit(limit))))


@blueprint.delete("/items/<type_name>/<id_>")
def void(type_name: str, id_: str) -> Response:
    spec, key, revision = door.type_open(type_name), door.as_id(id_), door.seen_revision()
    return _voided(spec, [key], revision, door.body(needed=False))


@blueprint.delete("/items/<type_name>")
def void_many(type_name: str) -> Response:
    spec, given = door.type_open(type_name), door.body()
    if isinstance(given, list):
        return _voided(spec, writing.keys(given), None, None)
    told = writing.only(given, ("keys", "query", "reason"))
    return _voided(spec, _keys(spec, told), None, {"reason": told["reason"]} if "reason" in told else None)


def _voided(spec: RecordType, ids: list[int], revision: int | None, given: Any) -> Response:
    """Records are never deleted: they are called off, with a reason."""
    parameters.of_address(request.args, ("lang",))
    reason = _header_text("X-Reason")
    if given is not None:
        reason = writing.text(writing.only(given, ("reason",)).get("reason"), "reason") or reason
    writing.void(door.act(reason), spec, ids, revision)
    db.session.commit()
    return Response(status=204)


def _header_text(name: str) -> str:
    """Headers are Latin-1: others come as UTF-8 bytes or percent-encoded."""
    raw = request.headers.get(name, "")
    with suppress(UnicodeError):
        raw = raw.encode("latin-1").decode()
    return unquote(raw).strip()


# Moves ------------------------------------------------------------------------------------------------------------

@blueprint.get("/items/<type_name>/<id_>/moves")
def list_moves(type_name: str, id_: str) -> Response:
    """Every move of the type, with whether it can be made now by who asks, and if not, why."""
    spec = door.type_open(type_name)
    parameters.of_address(request.args, ("lang",))
    act = door.act()
    record = writing.found(act, spec, door.as_id(id_))
    offers = {offer.move.name: offer for offer in moves.offered(act, record)}
    told = []
    for move in spec.workflow.moves:
        offer = offers.get(move.name)
        reason = offer.reason if offer else moves.may_move(act.session, act.actor, record, move).reason
        told.append({
            "name": move.name, "label": move.label.in_(door.language()), "to": move.to, "allowed": reason is None,
            **({"reason": reason.in_(door.language())} if reason else {}),
            "requires": list(move.requires), "missing": [field.name for field in offer.asks] if offer else [],
            "needs_comment": move.comment, "needs_revision": "signer" in move.by})
    return door.told({"data": told}, ETag=f'"{record.revision}"')


@blueprint.post("/items/<type_name>/<id_>/moves/<move_name>")
def make_move(type_name: str, id_: str, move_name: str) -> Response:
    spec, key = door.type_open(type_name), door.as_id(id_)
    told = writing.only(door.body(needed=False) or {}, ("revision", "comment", "fields", "back_to"))
    revision = writing.revision(told.get("revision"), door.seen_revision())
    fields = writing.row(told.get("fields", {}))
    comment, back_to = writing.text(told.get("comment"), "comment"), writing.text(told.get("back_to"), "back_to")

    def work(act: Act) -> list[int]:
        record = writing.found(act, spec, key, lock=True)
        moves.make(act, record, move_name, revision=revision, fields=fields, back_to=back_to)
        return [key]
    return written(spec, work, is_list=False, comment=comment, is_repeatable=True)
