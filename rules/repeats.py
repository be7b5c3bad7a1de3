"""A request that names itself is done once, however often it arrives, also at the same moment."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from models.requests import AnsweredRequest
from models.spec import Invalid, Text
from rules import access

REMEMBERED = timedelta(hours=24)
LONGEST = 100
OTHER = Text("这个 Idempotency-Key 已用于另一个请求", "This Idempotency-Key was used for another request")
WRONG_KEY = Text("Idempotency-Key 应为 1 至 100 个可见字符", "An Idempotency-Key has 1 to 100 visible characters")


def fingerprint(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def begin(act: Any, key: str, print_: str) -> AnsweredRequest | None:
    """The answer that was given to this request already, else None, and from here on it is under way. Whoever comes
    second at the same moment waits until the first is committed or has failed. Raises Invalid."""
    if not (0 < len(key) <= LONGEST and key.isascii() and key.isprintable()):
        raise Invalid({"Idempotency-Key": WRONG_KEY})
    table, session = AnsweredRequest.__table__, act.session
    session.execute(sa.delete(table).where(table.c.asked_at < act.now - REMEMBERED))
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    written = session.scalar(insert(table).values(
        person_id=act.actor.id, key=key, asked_at=act.now, fingerprint=print_)
        .on_conflict_do_nothing().returning(table.c.key))
    if written is not None:
        return None
    earlier = session.get(AnsweredRequest, (act.actor.id, key), populate_existing=True)
    if earlier.fingerprint != print_:
        raise Invalid({"Idempotency-Key": OTHER})
    return earlier


def answered(session: Any, actor: access.Actor, key: str, status: int, answer: Any) -> None:
    """What the first one was told, in the transaction that did it."""
    table = AnsweredRequest.__table__
    session.execute(sa.update(table).where(table.c.person_id == actor.id, table.c.key == key)
                    .values(status=status, answer=answer))
