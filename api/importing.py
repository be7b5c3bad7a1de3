"""`POST /utils/import/{type}`: a file of records, by the rules of the form, all or nothing."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from flask import Response, request

from api import door, parameters, writing
from api.answers import NO_JSON, Failure, forbidden, wrong_payload
from api.door import blueprint
from api.files import NO_FILE
from api.written import Told, once
from jobs import imports
from models.spec import RecordType, Text
from rules import access

WORDS = ("dry_run", "skip_bad")
NOT_YES = Text("“{name}”应为 true 或 false", "“{name}” is true or false")


@blueprint.post("/utils/import/<type_name>")
def bring_in(type_name: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    spec = door.type_open(type_name)
    actor = door.actor()
    edits = "E" in access.letters(actor, spec) and (actor.scope is None or actor.scope.covers(spec.name, "update"))
    if not edits and not access.may(actor, "create", spec):
        raise forbidden(access.NO_ROLE.reason)
    if request.mimetype != "multipart/form-data":
        raise Failure(415, "UNSUPPORTED_MEDIA_TYPE", NO_FILE)
    told, sent = writing.only(dict(request.form), WORDS), [one for one in request.files.values() if one.filename]
    if len(sent) != 1:
        raise wrong_payload(NO_FILE)
    options = {name: _yes(told.get(name, "false"), name) for name in WORDS}

    def work() -> Told:
        outcome = _brought_in(spec, sent[0], options)
        if outcome.bad and not options["skip_bad"]:
            raise _bad(outcome)
        return Told({"data": {
            "created": outcome.created, "updated": outcome.updated, "dry_run": options["dry_run"],
            "bad": [{"row": bad.row, "field": bad.field, "message": bad.text.in_(door.language())} for bad in outcome.bad]}})
    return once(door.act(), work, repr(sorted(told.items())).encode(), _digest(sent[0]))


def _digest(sent: Any) -> bytes:
    found = hashlib.file_digest(sent.stream, "sha256").digest()
    sent.stream.seek(0)
    return found


def _yes(text: str, name: str) -> bool:
    if text not in ("true", "false"):
        raise wrong_payload(NOT_YES.with_(name=name))
    return text == "true"


def _brought_in(spec: RecordType, sent: Any, options: dict[str, bool]) -> imports.Outcome:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{spec.name}{Path(sent.filename).suffix.lower()[:6]}"
        sent.save(path)
        return imports.import_file(door.act(), spec, path, **options)


def _bad(outcome: imports.Outcome) -> Failure:
    failure = Failure(400, "FAILED_VALIDATION", NO_JSON)
    failure.errors = [("FAILED_VALIDATION", bad.text, {"row": bad.row, "field": bad.field}) for bad in outcome.bad]
    return failure
