"""Signing in over HTTP: a short-lived access token, and a refresh token that is good once."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, request
from flask_wtf import CSRFProtect

from api import door, limits, parameters, writing
from api.answers import Failure, wrong_payload
from models.base import db
from models.spec import Refused, Text
from rules import access, checks, passwords, sign_in, tokens
from rules.act import Act

blueprint = Blueprint("auth", __name__)
door.tell_failures(blueprint)
COOKIE = "directus_refresh_token"   # the name by which the client library knows it
MODES = ("json", "cookie")
LONGEST_BODY = 1 << 16   # anybody may send it
NEEDED = Text("请提供 {name}（文本）", "Give {name}, a text")
WRONG_MODE = Text("mode 只能是 json 或 cookie", "The mode is json or cookie")


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    csrf.exempt(blueprint)   # nothing here is done by a session; the cookie's answer is no other site's to read
    app.register_blueprint(blueprint)


@blueprint.before_request
def _take_little() -> None:
    request.max_content_length = LONGEST_BODY


# What comes in ----------------------------------------------------------------------------------------------------

def _body() -> dict[str, Any]:
    """A browser without a body renews by its cookie."""
    parameters.of_address(request.args, ("lang",))
    return writing.row(door.read_json(request.get_data(cache=True) or b"{}", fraction=float))   # no text is a number


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise wrong_payload(NEEDED.with_(name=name))
    return value.encode(errors="ignore").decode()   # half a character is none


def _mode(given: dict[str, Any]) -> str:
    mode = given.get("mode", "json")
    if mode not in MODES:
        raise wrong_payload(WRONG_MODE)
    return mode


def _refresh_text(given: dict[str, Any]) -> tuple[str, str]:
    """(mode, refresh token): of the cookie where none is in the body."""
    kept = request.cookies.get(COOKIE)
    if "refresh_token" not in given and kept:
        return "cookie", kept
    return _mode(given), _text(given, "refresh_token")


# The doors --------------------------------------------------------------------------------------------------------

@blueprint.post("/auth/login")
def login() -> Any:
    given = _body()
    mode, name, password = _mode(given), _text(given, "email"), _text(given, "password")
    address = request.remote_addr or ""
    limits.check(None, address)
    username = checks.without_controls(name).strip()[:passwords.LONGEST]
    try:
        user = sign_in.person(db.session, username, password, address, "api")
    except Refused as refused:
        wait = int(passwords.WINDOW.total_seconds())
        raise Failure(429, "REQUESTS_EXCEEDED", refused.reason, retry_after=wait) from None
    if user is None:
        db.session.commit()
        raise Failure(401, "INVALID_CREDENTIALS", sign_in.WRONG)
    pair = tokens.sign_in(Act(db.session, access.Actor.of(user, "api")), user)
    sign_in.note(db.session, "sign_in", user.username, user.name, user.id, door="api")
    db.session.commit()
    return _told(pair, mode)


@blueprint.post("/auth/refresh")
def refresh() -> Any:
    mode, text = _refresh_text(_body())
    limits.check(None, request.remote_addr or "")
    pair = tokens.renew(_nobody(), text)
    db.session.commit()
    if isinstance(pair, tokens.Expired):
        raise Failure(401, "TOKEN_EXPIRED", pair.reason)
    if isinstance(pair, Refused):
        raise Failure(401, "INVALID_CREDENTIALS", pair.reason)
    return _told(pair, mode)


@blueprint.post("/auth/logout")
def logout() -> Any:
    _, text = _refresh_text(_body())
    tokens.sign_out(_nobody(), text)
    db.session.commit()
    answer = Response(status=204)
    answer.delete_cookie(COOKIE, path="/auth")
    return answer


def _nobody() -> Act:
    """Whoever comes with a refresh token is known by it alone."""
    return Act(db.session, access.Actor(None, "", request.remote_addr or "", frozenset(), door="api"))


def _told(pair: tokens.Pair, mode: str) -> Response:
    told = {"access_token": pair.access, "expires": int(tokens.ACCESS_LIFE.total_seconds() * 1000)}
    if mode == "json":
        return door.told({"data": {**told, "refresh_token": pair.refresh}})
    answer = door.told({"data": told})
    answer.set_cookie(COOKIE, pair.refresh, max_age=tokens.REFRESH_LIFE, path="/auth", httponly=True,
                      secure=request.is_secure, samesite="Strict")
    return answer
