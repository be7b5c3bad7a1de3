"""`/utils/export`: a query as a file that a job writes, for what is too much to wait for."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flask import Response, request, send_file

from api import answers, cost, door, parameters, written, writing
from api.answers import Failure, forbidden, wrong_payload
from api.door import blueprint
from api.exported import Rows, file_of
from api.reading import Reader
from api.shapes import Shape, Shapes
from jobs import exports, outbox, progress
from models.base import db, set_reading
from models.spec import RecordType, Refused, Text
from models.transfers import Export
from rules import access, export_files, file_store, office, registry, transfers

GRAMMAR = "items"   # by which a worker knows whose question it is
WORDS = ("fields", "filter", "search", "sort", "limit", "offset", "page", "deep", "alias")
WRONG_FORMAT = Text("format 应为 csv、json 或 xlsx", "The format is csv, json or xlsx")


@blueprint.post("/utils/export/<type_name>")
def ask_export(type_name: str) -> Response:
    """Checked now, written by a worker. `file`, which the SDK sends along, names nothing that is needed here."""
    parameters.of_address(request.args, ("lang",))
    spec = door.type_open(type_name)
    answers.allow(access.may(door.actor(), "export", spec))
    told = writing.only(door.body(), ("format", "query", "file"), "format")
    if told["format"] not in parameters.FORMATS:
        raise wrong_payload(WRONG_FORMAT)
    asked = writing.row(told.get("query", {}))
    with cost.bounded(db.session.connection()):
        _reader(db.session.connection(), door.actor(), spec, asked)   # says what is wrong with it

    def ask() -> written.Told:
        question = {"grammar": GRAMMAR, "scope": transfers.scope_told(door.actor()), "query": asked}
        export = transfers.ask(door.act(), spec, question, told["format"], "names")
        return written.Told({"data": {"id": export.id}}, 202, {"Location": f"/utils/exports/{export.id}"})
    answer = written.once(door.act(), ask, request.get_data())
    outbox.dispatch_now()
    return answer


@blueprint.get("/utils/exports/<id_>")
def one_export(id_: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    export = _mine(id_)
    is_there = export.state == "done" and export.expires_at is not None and export.expires_at > office.now()
    error = export.error_zh if door.language() == "zh" else export.error_en
    return door.told({"data": {
        "id": export.id, "type": export.type, "format": export.format,
        "state": "expired" if export.state == "done" and not is_there else export.state,
        "progress": (progress.heard("export", export.id) or 0) if export.state == "queued" else 100,
        "rows": export.total, "size": export.size, "error": error,
        "expires_at": export.expires_at.isoformat() if export.expires_at else None,
        "file": f"/utils/exports/{export.id}/file" if is_there else None}})


@blueprint.get("/utils/exports/<id_>/file")
def export_file(id_: str) -> Response:
    """With the rights of today; that it was fetched is on record."""
    parameters.of_address(request.args, ("lang",))
    spec = registry.type_named(_mine(id_).type)
    if spec is None:
        raise forbidden()
    db.session.rollback()
    set_reading(False)
    export = _mine(id_)
    sha256, format_ = transfers.hand_out(door.act(), export, spec), export.format
    day = office.local(export.finished_at).date() if export.finished_at else office.today()
    db.session.commit()
    if not file_store.path_of(sha256).is_file():
        raise forbidden(transfers.GONE)
    answer = send_file(file_store.path_of(sha256), mimetype=export_files.FORMATS[format_].partition(";")[0])
    answer.headers["Content-Disposition"] = export_files.disposition(
        spec.name, export_files.file_name(spec, door.language(), day, format_))
    return answer


def _mine(id_: str) -> Export:
    found = transfers.own_export(db.session, door.actor(), door.as_id(id_))
    if found is None:
        raise forbidden()
    return found


# By the worker ----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class _Query:
    """What was asked, read with the rights that its asker has when the worker comes to it."""

    shapes: Shapes
    shape: Shape
    query: parameters.Query

    def count(self, snapshot: export_files.Snapshot) -> int:
        try:
            return Reader(snapshot.connection, self.shapes, self.shape, self.query).size()
        except Failure as failure:   # a field that is no longer theirs
            raise Refused(failure.errors[0][1]) from None

    def write(self, snapshot: export_files.Snapshot, total: int, path: Path, tell: exports.Tell) -> None:
        assert self.shape.spec is not None
        if self.query.export == "xlsx":
            export_files.refuse_too_long(self.shape.spec.label, total)
        rows = Rows(lambda: nullcontext(snapshot), self.shapes, self.shape, self.query, tell)
        with path.open("wb") as target:
            target.writelines(file_of(rows, self.query.export))


def _asked(actor: access.Actor, spec: RecordType, asked: dict[str, Any]) -> tuple[Shapes, Shape, parameters.Query]:
    """A file holds everything, unless its query names a limit."""
    shapes = Shapes(actor)
    shape = shapes.of_type(spec.name)
    if shape is None:
        raise forbidden()
    return shapes, shape, parameters.of_object({"limit": parameters.ALL, **asked}, WORDS)


def _reader(connection: Any, actor: access.Actor, spec: RecordType, asked: dict[str, Any]) -> Reader:
    return Reader(connection, *_asked(actor, spec, asked))


def _taken(actor: access.Actor, spec: RecordType, export: Export) -> _Query:
    shapes, shape, query = _asked(actor, spec, export.question["query"])
    return _Query(shapes, shape, replace(query, export=export.format))


exports.OTHER_GRAMMARS[GRAMMAR] = _taken
