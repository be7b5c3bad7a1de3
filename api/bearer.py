"""In whose name a request with a token speaks."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from flask import Request

from api import limits
from api.answers import Failure
from models.base import SAFE, db, set_reading
from models.people import User
from rules import office, tokens
from rules.access import Scope

log = logging.getLogger(__name__)


def owner_of(request: Request) -> tuple[User, Scope] | None:
    """The person and how far the token goes; None where no token was sent. Raises Failure."""
    given = request.headers.get("Authorization")
    if given is None:
        return None
    kind, _, text = given.partition(" ")
    try:
        person, scope = tokens.owner(db.session, text.strip() if kind.lower() == "bearer" else "")
    except tokens.Expired as refused:
        raise Failure(401, "TOKEN_EXPIRED", refused.reason) from None
    except tokens.Unknown as refused:
        limits.check(None, request.remote_addr or "")   # whoever guesses is counted too
        raise Failure(401, "INVALID_CREDENTIALS", refused.reason) from None
    limits.check(scope.token_id, request.remote_addr or "")
    _note_use(scope, is_reading=request.method in SAFE)
    return person, scope


def _note_use(scope: Scope, *, is_reading: bool) -> None:
    """In a transaction of its own: that a program asked is true whatever becomes of its request."""
    now = office.now()
    if not tokens.is_use_due(scope, now):
        return
    db.session.rollback()
    set_reading(False)
    try:
        tokens.note_use(db.session, scope, now)
        db.session.commit()
    except sa.exc.OperationalError:
        db.session.rollback()
        log.exception("the use of token %s was not noted", scope.token_id)
    finally:
        set_reading(is_reading)
