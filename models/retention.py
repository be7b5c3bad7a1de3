"""What has been kept long enough: the lists that are proposed and approved, what was archived, and legal holds."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class RetentionList(db.Model):  # type: ignore[name-defined]
    """Records whose retention was over on a day. `state` is proposed (the administrator looks through it), submitted,
    approved (it is being carried out), done or returned. Only one is under way: the others have nothing there."""

    __tablename__ = "retention_lists"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    state: Mapped[str] = mapped_column(sa.String(10), default="proposed")
    is_under_way: Mapped[bool | None] = mapped_column(default=True, unique=True)
    as_of: Mapped[date]
    proposed_at: Mapped[datetime] = mapped_column(Moment())
    submitted_by_id: Mapped[int | None] = mapped_column(Key, sa.ForeignKey("users.id"))
    submitted_at: Mapped[datetime | None] = mapped_column(Moment())
    decided_by_id: Mapped[int | None] = mapped_column(Key, sa.ForeignKey("users.id"))
    decided_at: Mapped[datetime | None] = mapped_column(Moment())
    comment: Mapped[str | None] = mapped_column(sa.Text)
    done_at: Mapped[datetime | None] = mapped_column(Moment())


class RetentionItem(db.Model):  # type: ignore[name-defined]
    """One record of a list. `action` is anonymise or archive; `state` is open, done or kept (left out, or no longer
    due when its turn came; `reason_zh` and `reason_en` say why)."""

    __tablename__ = "retention_items"
    __table_args__ = (
        sa.UniqueConstraint("list_id", "type", "record_id"),
        sa.Index("ix_retention_items_record", "type", "record_id", "state"),
        sa.Index("ix_retention_items_open", "list_id", "state", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    list_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("retention_lists.id"))
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    number: Mapped[str | None] = mapped_column(sa.String(60))
    ended_on: Mapped[date]
    action: Mapped[str] = mapped_column(sa.String(10))
    state: Mapped[str] = mapped_column(sa.String(10), default="open")
    reason_zh: Mapped[str | None] = mapped_column(sa.Text)
    reason_en: Mapped[str | None] = mapped_column(sa.Text)


class Archive(db.Model):  # type: ignore[name-defined]
    """A zip of the records of one category that ended in one year; it lies in the file store under its hash."""

    __tablename__ = "archives"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    list_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("retention_lists.id"), index=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    year: Mapped[int]
    record_count: Mapped[int]
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    made_at: Mapped[datetime] = mapped_column(Moment())


class LegalHold(db.Model):  # type: ignore[name-defined]
    """A record that must stay as it is, with whatever names it, until the hold is released."""

    __tablename__ = "legal_holds"
    __table_args__ = (sa.Index("ix_legal_holds_record", "type", "record_id", "released_at"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    reason: Mapped[str] = mapped_column(sa.Text)
    set_by_id: Mapped[int | None] = mapped_column(Key)
    set_at: Mapped[datetime] = mapped_column(Moment())
    released_by_id: Mapped[int | None] = mapped_column(Key)
    released_at: Mapped[datetime | None] = mapped_column(Moment())
