"""Who asks: the person of the session, or of the token."""

from __future__ import annotations

from typing import Any

from flask import Request
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from api.answers import CSRF, SIGN_IN, Failure, forbidden

SAFE = ("GET", "HEAD", "OPTIONS", "SEARCH")
UNKNOWN_TOKEN = SIGN_IN._replace(zh="令牌无效", en="The token is not valid")


def person_of(request: Request) -> Any:
    """The user, or a refusal. A browser sends its session by itself, so whatever changes something there also needs
    the token of the session in a header."""
    if "Authorization" in request.headers:
        raise Failure(401, "INVALID_CREDENTIALS", UNKNOWN_TOKEN)
    if not current_user.is_authenticated:
        raise forbidden(SIGN_IN)
    if request.method not in SAFE:
        try:
            validate_csrf(request.headers.get("X-CSRFToken"))
        except ValidationError:
            raise forbidden(CSRF) from None
    return current_user._get_current_object()
