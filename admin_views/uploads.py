"""Files in requests: how much may come in at once, and how what came with a form is kept before the form is.

The bytes go to the store while no transaction is open: whoever sends a long film keeps nobody from writing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask, request
from flask_login import current_user
from werkzeug.datastructures import FileStorage, MultiDict

from admin_views import door
from models.base import db, reading
from models.spec import Kind, Refused, RecordType, Text
from rules import attachments, checks, registry

AT_ONCE = 5           # the files of one request, as many times the size of one
WHOLE_FILES = ("attach", "import_new")
KEPT, AWAY = "__kept", "__away"   # beside the input of a file: the present one's id, and whether it goes


def init_app(app: Flask) -> None:
    """Before anything reads the form, the token's guard included."""
    app.before_request(_allow_more)


def _allow_more() -> None:
    """Who is signed in may send files where files are taken; everybody else no more than a form."""
    view, _, name = (request.endpoint or "").rpartition(".")
    spec = registry.type_named(view)
    if request.mimetype != "multipart/form-data" or spec is None or not (name in WHOLE_FILES or has_files(spec)):
        return
    with reading():
        if current_user.is_authenticated and request.max_content_length is not None:
            request.max_content_length += AT_ONCE * attachments.largest(db.session) << 20
        db.session.rollback()


def has_files(spec: RecordType) -> bool:
    return any(field.kind is Kind.FILE for fields in (spec.fields, *(child.fields for child in spec.lines.values()))
               for field in fields.values())


Kept = list[tuple[FileStorage, attachments.Upload]]
Unkept = list[tuple[FileStorage, Text]]


def taken_in(files: Iterable[FileStorage]) -> tuple[Kept, Unkept]:
    """What could be put into the store, and what not and why. Ends the transaction."""
    with reading():
        largest = attachments.largest(db.session)
        db.session.rollback()
    kept: Kept = []
    refused: Unkept = []
    for file in files:
        try:
            kept.append((file, attachments.take_in(file.stream, file.filename or "", largest)))
        except Refused as no:
            refused.append((file, no.reason))
    return kept, refused


def received(spec: RecordType) -> tuple[Any, dict[str, Text]]:
    """The form as it was sent, with the id of its file in each file field; and field -> why its file was refused.

    A file that came is kept at once, in a transaction of its own, so that it need not be sent again if the form is
    refused. Ends the transaction if files came.
    """
    if not has_files(spec):
        return request.form, {}
    posted = MultiDict(request.form)
    for name in {name.removesuffix(KEPT).removesuffix(AWAY) for name in posted}:
        if _field_path(spec, name) is not None:
            posted.poplist(name)   # a file does not come as words
            if name + KEPT in posted or name + AWAY in posted:
                posted[name] = "" if posted.get(name + AWAY) else posted.get(name + KEPT, "")
    sent = [file for file in request.files.values() if file.filename and _field_path(spec, file.name or "") is not None]
    if not sent:
        return posted, {}
    kept, refused = taken_in(sent)
    act = door.act()
    for file, upload in kept:
        posted[file.name] = str(attachments.stage(act, spec, _field_path(spec, file.name or "") or "", upload).id)
    db.session.commit()
    return posted, {file.name or "": reason for file, reason in refused}


def _field_path(spec: RecordType, name: str) -> str | None:
    """`evidence`, or `visits.photo` for the input `visits-0-photo`: the file field that people may fill in."""
    head, _, rest = name.partition("-")
    path = f"{head}.{rest.partition('-')[2]}" if rest else head
    field = attachments.field_at(spec, path)
    return path if field is not None and field.typed and head not in checks.read_only(spec) else None
