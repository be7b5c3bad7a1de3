"""Signing in with a password, whatever the door: who it is, what is noted, and who has to wait."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from models.people import User
from models.spec import Refused, Text
from rules import access, audit, passwords
from rules.act import Act

TOO_MANY = Text("失败次数过多，请 15 分钟后再试", "Too many failures: try again in 15 minutes")
WRONG = Text("用户名或密码不正确", "The name or the password is not right")


def person(session: Any, username: str, password: str, address: str, door: str) -> User | None:
    """Whose name (or mail address) and password these are; None: nobody's, which is noted and has to be committed.
    Raises Refused for whoever failed too often."""
    if passwords.throttled(session, username, address):
        raise Refused(TOO_MANY)
    user = session.scalar(sa.select(User).where(sa.or_(User.username == username, User.email == username)))
    is_right = passwords.matches(user.password_hash if user else None, password[:passwords.LONGEST + 1])
    if user is None or not is_right or not user.is_active or user.is_service:
        note(session, passwords.FAILED, username, address, door=door)
        return None
    return user


def note(session: Any, action: str, username: str, who: str, user_id: int | None = None, *, door: str) -> None:
    """A failure is noted under the address it came from, which is what throttling counts."""
    nobody = access.Actor(user_id, username, who, frozenset(), door=door)
    audit.note(session, Act(session, nobody), action, "user", username)
