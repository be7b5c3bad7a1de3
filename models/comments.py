"""What people say to each other about records, and whom they mention."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class Comment(db.Model):  # type: ignore[name-defined]
    """What one person said about one record. Never edited; one that is withdrawn stays, and says only that."""

    __tablename__ = "comments"
    __table_args__ = (sa.Index("ix_comments_record", "type", "record_id", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    text: Mapped[str] = mapped_column(sa.Text)
    author_id: Mapped[int | None] = mapped_column(Key)
    created_at: Mapped[datetime] = mapped_column(Moment())
    withdrawn_at: Mapped[datetime | None] = mapped_column(Moment())


class Mention(db.Model):  # type: ignore[name-defined]
    """Somebody whom a comment names: it waits on their first page until they open the record."""

    __tablename__ = "mentions"
    __table_args__ = (
        sa.UniqueConstraint("comment_id", "person_id"),
        sa.Index("ix_mentions_person_id", "person_id", "id"),
        sa.Index("ix_mentions_record", "type", "record_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    comment_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("comments.id"))
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    person_id: Mapped[int] = mapped_column(Key)
    opened_at: Mapped[datetime | None] = mapped_column(Moment())
