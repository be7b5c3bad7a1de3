"""`/files` and `/assets`: what is attached to records, with the rights of the record."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Response, request, send_file

from api import answers, door, parameters, writing
from api.answers import Failure, forbidden, wrong_payload
from api.door import blueprint
from api.reading import Reader
from api.shapes import FILES, OF_FILES, Shape, Shapes
from api.written import Told, once
from models.base import db, reading
from models.files import Attachment
from models.spec import RecordType, Refused, Text
from rules import attachments, file_store, records, registry

# A file is a stranger to the application: nothing in it runs or reaches out.
POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'"
NO_FILE = Text("请以 multipart/form-data 发送 file", "Send one file as multipart/form-data in the part “file”")
NO_RECORD = Text("请给出 type 和 record，或 type 和 field", "Name the type and the record, or the type and the field of a form")
WORDS = ("type", "record", "field", "title")


def _record_of(file: Attachment) -> Any:
    """The record that a file belongs to, if the reader may see it."""
    spec = registry.type_named(file.type)
    return records.find(db.session, door.actor(), spec, file.record_id) if spec and file.record_id else None


def _found(id_: str) -> tuple[Attachment, Any]:
    """The file and its record, for someone who may open it; an unsaved form's file is its uploader's alone."""
    key = door.as_id(id_)
    staged = attachments.staged_by(db.session, door.actor(), key)
    if staged is not None:
        return staged, None
    file = db.session.get(Attachment, key)
    record = _record_of(file) if file is not None and file.removed_at is None else None
    if file is None or record is None:
        raise forbidden()
    answers.allow(attachments.may_open(door.actor(), record.spec))
    return file, record


def _told(*ids: int) -> list[dict[str, Any]]:
    """Whoever may open the files asks for them by their ids."""
    shape = Shape(FILES, Attachment, {field.name: field for field in OF_FILES})
    query = parameters.of_address(request.args, ("fields", "lang", "type", "record"))
    return Reader(db.session.connection(), Shapes(door.actor()), shape, query).of_ids(ids)


@blueprint.get("/files/<id_>")
def file(id_: str) -> Response:
    return door.told({"data": _told(_found(id_)[0].id)[0]})


@blueprint.get("/files")
def files_of_a_record() -> Response:
    """`/files?type=visit_report&record=3`: what is attached to one record."""
    spec = door.type_open(request.args.get("type", ""))
    record = writing.found(door.act(), spec, door.as_id(request.args.get("record", "")))
    answers.allow(attachments.may_open(door.actor(), spec))
    return door.told({"data": _told(*(shown.file.id for shown in attachments.of(db.session, record)))})


@blueprint.get("/assets/<id_>")
def asset(id_: str) -> Response:
    file, record = _found(id_)
    if not file_store.path_of(file.sha256).is_file():
        raise forbidden()
    answer = send_file(file_store.path_of(file.sha256), mimetype=file.media_type, as_attachment=True,
                       download_name=file.name, etag=file.sha256, conditional=True)
    is_private = record is None or record.spec.holds_private
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store" if is_private else "private, no-cache"
    return answer


@blueprint.before_request
def _allow_more() -> None:
    """Who sends a file may send as much as a file may be, everybody else no more than a form."""
    if request.endpoint == f"{blueprint.name}.upload" and request.max_content_length is not None:
        with reading():
            request.max_content_length += attachments.largest(db.session) << 20
            db.session.rollback()


@blueprint.post("/files")
def upload() -> Response:
    """`type` and `record`: attached at once. `type` and `field`: kept for a file field, which then takes the id."""
    if request.mimetype != "multipart/form-data":
        raise Failure(415, "UNSUPPORTED_MEDIA_TYPE", NO_FILE)
    told, sent = writing.only(dict(request.form), WORDS), [one for one in request.files.values() if one.filename]
    if len(sent) != 1:
        raise wrong_payload(NO_FILE)
    spec = door.type_open(told.get("type", ""))
    if ("record" in told) == ("field" in told):
        raise wrong_payload(NO_RECORD)
    if "record" in told:
        answers.allow(attachments.may_add(door.act(), writing.found(door.act(), spec, door.as_id(told["record"]))))
    with reading():
        largest = attachments.largest(db.session)
        db.session.rollback()   # whoever sends a long film keeps nobody from writing
    arrived = _taken_in(sent[0], largest)

    def work() -> Told:
        file = _attached(spec, told["record"], arrived) if "record" in told else _staged(spec, told["field"], arrived)
        return Told({"data": _told(file)[0]})
    return once(door.act(), work, repr(sorted(told.items())).encode(), arrived.name.encode(), arrived.sha256.encode())


def _taken_in(sent: Any, largest: int) -> attachments.Upload:
    try:
        return attachments.take_in(sent.stream, sent.filename, largest)
    except Refused as no:
        raise wrong_payload(no.reason) from None


def _attached(spec: RecordType, record_id: str, arrived: attachments.Upload) -> int:
    act = door.act()
    record = writing.found(act, spec, door.as_id(record_id), lock=True)
    if refused := attachments.add(act, record, [arrived]):
        raise wrong_payload(refused[0])
    return db.session.scalars(sa.select(sa.func.max(Attachment.id)).where(
        Attachment.type == spec.name, Attachment.record_id == record.id, Attachment.sha256 == arrived.sha256)).one()


def _staged(spec: RecordType, field: str, arrived: attachments.Upload) -> int:
    return attachments.stage(door.act(), spec, field, arrived).id


@blueprint.delete("/files/<id_>")
def remove(id_: str) -> Response:
    """The row stays, with who took it away and when."""
    act = door.act()
    file, record = _found(id_)
    if record is None:
        raise forbidden(attachments.NOT_YOUR_FILE)
    attachments.remove(act, writing.found(act, record.spec, record.id, lock=True), file)
    db.session.commit()
    return Response(status=204)
