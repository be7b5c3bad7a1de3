"""Saved views: a list as somebody likes to see it, kept as the link that opens it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class SavedView(db.Model):  # type: ignore[name-defined]
    """Filters, order, columns and page size of one type's list, as its link says them. It is one person's own, or it is
    shared with everybody who holds a role; whoever opens it sees what they may see."""

    __tablename__ = "saved_views"
    __table_args__ = (
        sa.Index("ix_saved_views_owner", "type", "owner_id", "id"),
        sa.Index("ix_saved_views_role", "type", "role", "id"),
        sa.CheckConstraint("(owner_id IS NULL) <> (role IS NULL)", name="own_or_shared"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    title: Mapped[str] = mapped_column(sa.String(60))
    query: Mapped[str] = mapped_column(sa.Text)
    owner_id: Mapped[int | None] = mapped_column(Key, sa.ForeignKey("users.id"))
    role: Mapped[str | None] = mapped_column(sa.String(40))
    created_by_id: Mapped[int] = mapped_column(Key)
    created_at: Mapped[datetime] = mapped_column(Moment())
