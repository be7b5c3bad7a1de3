"""`/items/{type}/{id}/copies`: who has signed for its copy, and signing for one's own."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from api import door, parameters, writing
from api.answers import forbidden
from api.door import blueprint
from api.written import written
from models.spec import Copies, RecordType
from rules import records
from rules.act import Act


def _copies(spec: RecordType) -> Copies:
    if spec.copies is None:
        raise forbidden()
    return spec.copies


@blueprint.get("/items/<type_name>/<id_>/copies")
def list_copies(type_name: str, id_: str) -> Response:
    """Every copy, with whether who asks may sign for it now, and if not, why."""
    spec = door.type_open(type_name)
    parameters.of_address(request.args, ("lang",))
    copies = _copies(spec)
    record = writing.found(door.act(), spec, door.as_id(id_))
    told = [_told(record, copies, row) for row in getattr(record, copies.lines)]
    return door.told({"data": told}, ETag=f'"{record.revision}"')


def _told(record: Any, copies: Copies, row: Any) -> dict[str, Any]:
    signed_at, reason = getattr(row, copies.signed_at), records.may_acknowledge(door.actor(), record, row).reason
    return {"id": row.id, "receiver": getattr(row, copies.key), "signed_by": getattr(row, f"{copies.signed_by}_id"),
            "signed_at": signed_at.isoformat() if signed_at else None, "allowed": reason is None,
            **({"reason": reason.in_(door.language())} if reason else {})}


@blueprint.post("/items/<type_name>/<id_>/copies/<line_id>/acknowledge")
def acknowledge(type_name: str, id_: str, line_id: str) -> Response:
    spec, key, line = door.type_open(type_name), door.as_id(id_), door.as_id(line_id)
    _copies(spec)
    told = writing.only(door.body(needed=False) or {}, ("revision",))
    revision = writing.revision(told.get("revision"), door.seen_revision())

    def work(act: Act) -> list[int]:
        record = writing.found(act, spec, key, lock=True)
        records.seen(record, revision)
        records.acknowledge(act, record, line)
        return [key]
    return written(spec, work, is_list=False, is_repeatable=True)
