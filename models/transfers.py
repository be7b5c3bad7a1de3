"""What goes out and comes in as files in the background: exports that somebody asked for, and imports step by step."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class Export(db.Model):  # type: ignore[name-defined]
    """A list that somebody asked for as a file. `state` is queued, done, failed or expired; `rights` tells whether what
    the person may see has changed since the file was written."""

    __tablename__ = "exports"
    __table_args__ = (sa.Index("ix_exports_mine", "asked_by_id", "id"), sa.Index("ix_exports_expiry", "state", "expires_at"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    format: Mapped[str] = mapped_column(sa.String(10))
    header: Mapped[str] = mapped_column(sa.String(10))
    question: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    state: Mapped[str] = mapped_column(sa.String(10), default="queued")
    asked_by_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(Moment())
    language: Mapped[str] = mapped_column(sa.String(5))
    total: Mapped[int] = mapped_column(default=0)          # rows
    sha256: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    size: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    rights: Mapped[str] = mapped_column(sa.String(64), default="")
    finished_at: Mapped[datetime | None] = mapped_column(Moment())
    expires_at: Mapped[datetime | None] = mapped_column(Moment())
    error_zh: Mapped[str | None] = mapped_column(sa.Text)
    error_en: Mapped[str | None] = mapped_column(sa.Text)


BUSY = ("checking", "importing", "undoing")
KEPT = ("importing", "done", "undoing")
_IS_KEPT = sa.text("state IN ('importing', 'done', 'undoing')")


class Import(db.Model):  # type: ignore[name-defined]
    """A file that somebody brought, on its way in.

    `state`: mapping (which column is which field), checking, checked (what is wrong is known), importing, done, undoing,
    undone, or expired (it was left lying). `place` is the row of the file up to which everything is dealt with, so that a
    job which died goes on from there.
    """

    __tablename__ = "imports"
    __table_args__ = (
        sa.Index("ix_imports_mine", "type", "asked_by_id", "id"),
        sa.Index("ix_imports_expiry", "file_gone_at", "asked_at"),
        sa.Index(  # the same file comes in once, whoever brings it at the same moment
            "uq_imports_file", "type", "sha256", "own", unique=True, sqlite_where=_IS_KEPT, postgresql_where=_IS_KEPT),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    name: Mapped[str] = mapped_column(sa.String(200))
    format: Mapped[str] = mapped_column(sa.String(10))
    sha256: Mapped[str] = mapped_column(sa.String(64), index=True)
    own: Mapped[str] = mapped_column(sa.String(200), default="")   # the dealer, unit or person that its rows are held to
    columns: Mapped[list[Any]] = mapped_column(sa.JSON)            # [word of the header, field or ""], in order
    mode: Mapped[str] = mapped_column(sa.String(10), default="")   # whole: all rows or none; good: without the bad ones
    state: Mapped[str] = mapped_column(sa.String(10), default="mapping")
    asked_by_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"))
    asked_at: Mapped[datetime] = mapped_column(Moment())
    total: Mapped[int] = mapped_column(default=0)                  # rows
    place: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    bad: Mapped[int] = mapped_column(default=0)                    # rows
    finished_at: Mapped[datetime | None] = mapped_column(Moment())
    file_gone_at: Mapped[datetime | None] = mapped_column(Moment())   # with the journal: it can no longer be undone
    error_zh: Mapped[str | None] = mapped_column(sa.Text)
    error_en: Mapped[str | None] = mapped_column(sa.Text)


class ImportedRow(db.Model):  # type: ignore[name-defined]
    """What became of one row of a file, written in the transaction that kept its record: the journal of an import.

    Before that, `revision` is the one of the record to be changed that was checked. `before` is what the changed fields
    said; None: the record is new.
    """

    __tablename__ = "imported_rows"

    import_id: Mapped[int] = mapped_column(
        Key, sa.ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record_id: Mapped[int] = mapped_column(Key)
    revision: Mapped[int]
    is_kept: Mapped[bool] = mapped_column(default=False)
    before: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))


class ImportProblem(db.Model):  # type: ignore[name-defined]
    """One reason why one row of a file cannot be kept."""

    __tablename__ = "import_problems"
    __table_args__ = (sa.Index("ix_import_problems_row", "import_id", "place", "id"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    import_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("imports.id", ondelete="CASCADE"))
    place: Mapped[int]
    field: Mapped[str] = mapped_column(sa.String(200))
    zh: Mapped[str] = mapped_column(sa.Text)
    en: Mapped[str] = mapped_column(sa.Text)
