"""Who asks: the person of the session, or of the token."""

from __future__ import annotations

from typing import Any

from flask import Request
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from api import bearer, limits
from api.answers import CSRF, SIGN_IN, forbidden
from models.base import SAFE
from rules.access import Scope


def person_of(request: Request) -> tuple[Any, Scope | None]:
    """The user, and how far the token goes (None: no narrower than the person); or a refusal. A browser sends its
    session by itself, so whatever changes something there also needs the token of the session in a header."""
    if found := bearer.owner_of(request):
        return found
    limits.check(None, request.remote_addr or "")
    if not current_user.is_authenticated:
        raise forbidden(SIGN_IN)
    if request.method not in SAFE:
        try:
            validate_csrf(request.headers.get("X-CSRFToken"))
        except ValidationError:
            raise forbidden(CSRF) from None
    return current_user._get_current_object(), None
