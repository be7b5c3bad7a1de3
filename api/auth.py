"""Signing in over HTTP: a short-lived access token, and a refresh token that is good once."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from flask_login import current_user
from flask_wtf import CSRFProtect
from werkzeug.exceptions import RequestEntityTooLarge

from api import bearer, limits
from api.answers import Failure
from models.base import db, set_reading
from models.people import User
from models.spec import LANGUAGES, ROLES, Refused, Text
from rules import access, checks, passwords, sign_in, tokens
from rules.act import Act

blueprint = Blueprint("auth", __name__)
COOKIE = "directus_refresh_token"   # the name by which the client library knows it
MODES = ("json", "cookie")
NOT_AN_OBJECT = Text("内容须为 JSON 对象", "The body must be a JSON object")
NEEDED = Text("请提供 {name}（文本）", "Give {name}, a text")
WRONG_MODE = Text("mode 只能是 json 或 cookie", "The mode is json or cookie")
SIGN_IN = Text("请先登录或提供令牌", "Sign in, or send a token")


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    csrf.exempt(blueprint)   # nothing here is done by a session; the cookie's answer is no other site's to read
    app.register_blueprint(blueprint)


# What comes in ----------------------------------------------------------------------------------------------------

def _body() -> dict[str, Any]:
    """A browser without a body renews by its cookie."""
    try:
        given = json.loads(request.get_data(cache=True) or b"{}")
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Failure(400, "INVALID_PAYLOAD", NOT_AN_OBJECT)
    return given


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Failure(400, "INVALID_PAYLOAD", NEEDED.with_(name=name))
    return value.encode(errors="ignore").decode()   # half a character is none


def _mode(given: dict[str, Any]) -> str:
    mode = given.get("mode", "json")
    if mode not in MODES:
        raise Failure(400, "INVALID_PAYLOAD", WRONG_MODE)
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
        return jsonify(data={**told, "refresh_token": pair.refresh})
    answer = jsonify(data=told)
    answer.set_cookie(COOKIE, pair.refresh, max_age=tokens.REFRESH_LIFE, path="/auth", httponly=True,
                      secure=request.is_secure, samesite="Strict")
    return answer


@blueprint.get("/users/me")
def me() -> Any:
    set_reading(True)
    found = bearer.owner_of(request)
    if found is None and not current_user.is_authenticated:
        raise Failure(403, "FORBIDDEN", SIGN_IN)
    user, scope = found or (current_user._get_current_object(), None)
    return jsonify(data=_person(user, scope))


def _person(user: User, scope: access.Scope | None) -> dict[str, Any]:
    """Themselves; `token` says how far the present token goes: an empty list, no narrower than the person."""
    told = {
        "id": user.id, "username": user.username, "first_name": user.name, "last_name": None, "email": user.email,
        "language": user.language or current_app.config["LANGUAGE"], "status": "active",
        "roles": [name for name in ROLES if name in user.roles],
        "units": sorted({one.unit for one in user.memberships if one.unit}),
        "dealers": sorted({one.dealer_id for one in user.memberships if one.dealer_id})}
    if scope is not None:
        told["token"] = {"types": sorted(scope.types), "verbs": [verb for verb in access.VERBS if verb in scope.verbs]}
    return told


# Refusals ---------------------------------------------------------------------------------------------------------

def _language() -> str:
    asked = request.args.get("lang")
    return asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or current_app.config["LANGUAGE"]


@blueprint.errorhandler(Failure)
def _refused(refusal: Failure) -> Any:
    db.session.rollback()
    return jsonify(refusal.told(_language())), refusal.status, refusal.headers


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_error: RequestEntityTooLarge) -> Any:
    return _refused(Failure(413, "CONTENT_TOO_LARGE", Text("提交的内容太大", "What was sent is too large")))
