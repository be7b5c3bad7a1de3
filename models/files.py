"""What is attached to records: photos, scans, signed sheets. The bytes lie in the file store, under their hash."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class Attachment(db.Model):  # type: ignore[name-defined]
    """One file of one record. `field` says which file field of the form it answers; empty is the record's folder.

    `name` is the name the file came with, `sha256` what it is found by in the store; a removed one keeps its row, one
    that was erased has lost its name and its bytes. Without a `record_id` it came with a form that is not saved yet, and
    is its uploader's alone.
    """

    __tablename__ = "attachments"
    __table_args__ = (sa.Index("ix_attachments_record", "type", "record_id", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int | None] = mapped_column(Key)
    field: Mapped[str] = mapped_column(sa.String(120), default="")
    name: Mapped[str] = mapped_column(sa.String(200))
    media_type: Mapped[str] = mapped_column(sa.String(100))
    size: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    uploaded_by_id: Mapped[int | None] = mapped_column(Key)
    uploaded_at: Mapped[datetime] = mapped_column(Moment())
    removed_by_id: Mapped[int | None] = mapped_column(Key)
    removed_at: Mapped[datetime | None] = mapped_column(Moment())
    erased_at: Mapped[datetime | None] = mapped_column(Moment())
