"""What was answered to a request that named itself: asked again, it is answered alike and nothing is done twice."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class AnsweredRequest(db.Model):  # type: ignore[name-defined]
    """One request with an `Idempotency-Key`, of one person; written in the transaction that did what it asked."""

    __tablename__ = "answered_requests"

    person_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(Moment(), index=True)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))   # of method, address and content
    status: Mapped[int | None]
    answer: Mapped[Any] = mapped_column(sa.JSON, nullable=True)
