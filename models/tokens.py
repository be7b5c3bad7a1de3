"""What programs show instead of a password: tokens that people made, and those of a sign-in over HTTP."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Key, Moment, db
from models.people import User


class ApiToken(db.Model):  # type: ignore[name-defined]
    """Speaks for a person, within `types` and `verbs` (none named: all that the person may). Only its hash is kept.

    `kind` is made (by a person, under a name), access or refresh: those belong to the `family` of one sign-in, and like
    a session they end when the person's `epoch` goes on. A refresh token is good once (`spent_at`).
    """

    __tablename__ = "api_tokens"
    __table_args__ = (
        sa.Index("ix_api_tokens_person", "person_id", "kind", "id"),
        sa.Index("ix_api_tokens_kind", "kind", "expires_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"))
    kind: Mapped[str] = mapped_column(sa.String(10))
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    prefix: Mapped[str] = mapped_column(sa.String(12))
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    types: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    verbs: Mapped[list[str]] = mapped_column(sa.JSON, default=list)
    family: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    epoch: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(Moment())
    created_by_id: Mapped[int | None] = mapped_column(Key)
    expires_at: Mapped[datetime | None] = mapped_column(Moment())
    used_at: Mapped[datetime | None] = mapped_column(Moment())
    spent_at: Mapped[datetime | None] = mapped_column(Moment())
    revoked_at: Mapped[datetime | None] = mapped_column(Moment())

    person: Mapped[User] = relationship(lazy="raise")
