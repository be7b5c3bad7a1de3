"""Passwords: argon2, and the throttling of failed sign-ins, which counts the audit's own entries."""

from __future__ import annotations

import secrets
from datetime import timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.history import AuditEntry
from models.spec import Invalid, Text
from rules import office

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Verified against when the name is unknown, so that an answer takes as long as for a known one."""
    return _hasher.hash(secrets.token_urlsafe())


WINDOW = timedelta(minutes=15)
FAILURES_PER_NAME, FAILURES_PER_ADDRESS = 5, 30
FAILED = "sign_in_failed"
LONGEST = 200
WRONG_LENGTH = Text("密码应为 10 到 200 个字符", "A password needs 10 to 200 characters")


def hashed(password: str) -> str:
    if not 10 <= len(password) <= LONGEST:
        raise Invalid({"password": WRONG_LENGTH})
    return _hasher.hash(password)


def random_password() -> str:
    return secrets.token_urlsafe(12)


def matches(password_hash: str | None, password: str) -> bool:
    try:
        return _hasher.verify(password_hash or _nobody(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def throttled(session: Any, username: str, address: str) -> bool:
    """Too many failures of this name, or from this address, in the last quarter of an hour."""
    since = office.now() - WINDOW

    def failures(column: Any, value: str) -> int:
        return session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(
            AuditEntry.action == FAILED, AuditEntry.at > since, column == value))
    return (failures(AuditEntry.number, username) >= FAILURES_PER_NAME
            or failures(AuditEntry.actor, address) >= FAILURES_PER_ADDRESS)
