"""Other programs that are told what happens to records, and every message to them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Key, Moment, db
from models.people import User


class Webhook(db.Model):  # type: ignore[name-defined]
    """A program that wants to be told. It learns what its `account` may see. Never deleted: the log names it.

    `types`, `events` and `states` narrow what it is told; none named: all. Its secret is computed from `salt` and the
    key of the installation, so that a copy of the database signs nothing.
    """

    __tablename__ = "webhooks"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    url: Mapped[str] = mapped_column(sa.String(500))
    types: Mapped[list[str]] = mapped_column(sa.JSON)
    events: Mapped[list[str]] = mapped_column(sa.JSON)
    states: Mapped[list[str]] = mapped_column(sa.JSON)
    account_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"))
    salt: Mapped[str] = mapped_column(sa.String(64))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Moment())

    account: Mapped[User] = relationship(lazy="joined")


class Delivery(db.Model):  # type: ignore[name-defined]
    """One message about one event, as often as it had to be sent: always under the same `key`.

    `state` is waiting, sent, failed (given up) or dropped (not, or no longer, for the receiver). `round` counts how
    often it was asked for: by the event, then by people. `status`, `took_ms` and `response` are those of the last attempt.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        sa.Index("ix_webhook_deliveries_log", "webhook_id", "id"),
        sa.Index("ix_webhook_deliveries_at", "at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("webhooks.id"))
    key: Mapped[str] = mapped_column(sa.String(40), unique=True)
    event: Mapped[str] = mapped_column(sa.String(10))
    type: Mapped[str | None] = mapped_column(sa.String(60))
    record_id: Mapped[int | None] = mapped_column(Key)
    number: Mapped[str | None] = mapped_column(sa.String(60))
    revision: Mapped[int | None]
    move: Mapped[str | None] = mapped_column(sa.String(40))
    changed: Mapped[list[str]] = mapped_column(sa.JSON)
    at: Mapped[datetime] = mapped_column(Moment())
    state: Mapped[str] = mapped_column(sa.String(10), default="waiting")
    round: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None] = mapped_column(Moment())
    status: Mapped[int | None]
    took_ms: Mapped[int | None]
    response: Mapped[str | None] = mapped_column(sa.Text)
    error: Mapped[str | None] = mapped_column(sa.Text)
