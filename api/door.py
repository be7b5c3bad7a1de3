"""What every address of the API shares: who asks, in which language, what comes in, and how answers leave."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, Flask, Response, current_app, g, request
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException

from api import answers, identity
from api.answers import Failure
from models.base import SAFE, db, set_reading
from models.spec import LANGUAGES, Invalid, RecordType, Refused
from rules import access, checks, registry
from rules.act import Act

blueprint = Blueprint("api", __name__)
# What programs ask for; the pages of people have other beginnings.
PLACES = ("/items/", "/collections", "/fields", "/relations", "/revisions", "/activity", "/reports/", "/kpis", "/files", "/assets/",
          "/utils/", "/server/info", "/server/specs/", "/server/reference", "/auth/", "/users/")


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    csrf.exempt(blueprint)   # identity.person_of asks for it where a browser could be abused
    app.register_blueprint(blueprint)
    pages = app.error_handler_spec[None][None].get(HTTPException)

    def of_no_view(error: HTTPException) -> Any:
        """An address or method that is not there belongs to no blueprint."""
        return _http(error) if request.path.startswith(PLACES) else pages(error) if pages else error
    app.register_error_handler(HTTPException, of_no_view)


@blueprint.before_request
def _begin() -> None:
    set_reading(request.method in SAFE)
    g.api_person, g.api_scope = identity.person_of(request)


# Who and in which language ----------------------------------------------------------------------------------------

def language() -> str:
    """`?lang=`, else what the program accepts, else the person's own, else the installation's."""
    if "api_language" not in g:
        asked = request.args.get("lang")
        accepted = request.accept_languages.best_match(LANGUAGES) if request.accept_languages else None
        own = getattr(g.get("api_person"), "language", None)
        g.api_language = asked if asked in LANGUAGES else accepted or own or current_app.config["LANGUAGE"]
    return g.api_language


def actor() -> access.Actor:
    if "api_actor" not in g:
        g.api_actor = access.Actor.of(g.api_person, "api", language(), scope=g.api_scope)
    return g.api_actor


def act(comment: str = "") -> Act:
    return Act(db.session, actor(), comment)


def type_open(name: str) -> RecordType:
    """The record type, for someone who may see its kind; unknown and closed ones answer alike."""
    spec = registry.type_named(name)
    if spec is None or not access.may(actor(), "view", spec):
        raise answers.forbidden()
    return spec


def as_id(raw: str) -> int:
    try:
        return checks.as_id(raw)
    except checks.Wrong:
        raise answers.forbidden() from None


# What comes in ----------------------------------------------------------------------------------------------------

def body(*, needed: bool = True) -> Any:
    """The JSON that was sent. A number keeps its digits; what is no JSON, or too deep, is refused."""
    raw = request.get_data(cache=True)
    if not raw and not needed:
        return None
    if request.mimetype != "application/json":
        raise Failure(415, "UNSUPPORTED_MEDIA_TYPE", answers.NOT_JSON)
    return read_json(raw)


def read_json(raw: bytes | str, fraction: Callable[[str], Any] = str) -> Any:
    """A number with a fraction stays as it is written: decimals of records are exact."""
    try:
        return json.loads(raw, parse_constant=_no_number, parse_float=fraction)
    except (ValueError, RecursionError):
        raise answers.wrong_payload(answers.NO_JSON) from None


def _no_number(word: str) -> Any:
    raise ValueError(word)


def seen_revision() -> int | None:
    """The revision that `If-Match` names, if any."""
    raw = request.headers.get("If-Match", "*").strip()
    match = re.fullmatch(r'(?:W/)?"([0-9]{1,9})"', raw)
    if raw != "*" and match is None:
        raise Failure(412, "PRECONDITION_FAILED", answers.STALE, reason=answers.STALE)
    return int(match[1]) if match else None


# What goes out ----------------------------------------------------------------------------------------------------

def told(content: Any, status: int = 200, **headers: str) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type="application/json; charset=utf-8", headers={
        "Content-Language": language(), "Vary": "Accept-Language, Authorization, Cookie",
        **{name.replace("_", "-"): value for name, value in headers.items()}})


def failed(failure: Failure) -> Response:
    db.session.rollback()
    return told(failure.told(language()), failure.status, **failure.headers)


def _refused(refused: Refused) -> Response:
    return failed(answers.of_refusal(refused))


def _invalid(invalid: Invalid) -> Response:
    return failed(answers.of_invalid(invalid))


RETRY_AFTER = 5   # seconds, when the database is held up or away
CODES = {404: ("FORBIDDEN", answers.NOT_YOURS), 405: ("METHOD_NOT_ALLOWED", answers.NO_WAY),
         413: ("CONTENT_TOO_LARGE", answers.TOO_LARGE), 415: ("UNSUPPORTED_MEDIA_TYPE", answers.NOT_JSON)}


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code, message = CODES.get(status, ("INVALID_PAYLOAD", answers.NO_JSON))
    answer = failed(Failure(403 if status == 404 else status, code, message))
    if allowed := getattr(error, "valid_methods", None):
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


def _bug(error: Exception) -> Response:
    if isinstance(error, sa.exc.OperationalError):
        if _ran_out_of_time(error):
            return failed(answers.wrong_query("查询太费时，请缩小范围", "The query takes too long: ask for less"))
        current_app.logger.exception("the database does not answer %s %s", request.method, request.path)
        return failed(Failure(503, "SERVICE_UNAVAILABLE", answers.BUSY, retry_after=RETRY_AFTER))
    current_app.logger.exception("unhandled on %s %s", request.method, request.path)
    if current_app.testing:
        raise error
    return failed(Failure(500, "INTERNAL_SERVER_ERROR", answers.BROKEN))


def _ran_out_of_time(error: sa.exc.OperationalError) -> bool:
    return getattr(error.orig, "sqlstate", "") == "57014" or str(error.orig) == "interrupted"


def tell_failures(part: Blueprint) -> None:
    """Whatever goes wrong behind an address of this part is told in the one shape."""
    for kind, tell in ((Failure, failed), (Refused, _refused), (Invalid, _invalid), (HTTPException, _http), (Exception, _bug)):
        part.register_error_handler(kind, tell)


tell_failures(blueprint)
