"""A report that somebody asked for is a record too; and what each of its figures counted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Key, Moment, db


class ReportRun(db.Model):  # type: ignore[name-defined]
    """One asking of a report. `state` is queued, running, done or failed; progress counts 0 to 100."""

    __tablename__ = "report_runs"
    __table_args__ = (
        sa.Index("ix_report_runs_asked", "report", "period", "scope"),
        sa.Index(  # one run of the same report, period and scope at a time, whoever asks at the same moment
            "uq_report_runs_active", "report", "period", "scope", unique=True,
            sqlite_where=sa.text("state IN ('queued', 'running')"),
            postgresql_where=sa.text("state IN ('queued', 'running')")),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    report: Mapped[str] = mapped_column(sa.String(60))
    period: Mapped[str] = mapped_column(sa.String(7))
    scope: Mapped[str] = mapped_column(sa.String(60), default="")
    state: Mapped[str] = mapped_column(sa.String(10), default="queued")
    progress: Mapped[int] = mapped_column(default=0)
    asked_by_id: Mapped[int | None] = mapped_column(Key)
    asked_at: Mapped[datetime] = mapped_column(Moment())
    started_at: Mapped[datetime | None] = mapped_column(Moment())
    alive_at: Mapped[datetime | None] = mapped_column(Moment())
    finished_at: Mapped[datetime | None] = mapped_column(Moment())
    error_zh: Mapped[str | None] = mapped_column(sa.Text)
    error_en: Mapped[str | None] = mapped_column(sa.Text)
    records: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)  # [[type, id], ...] that it compiled
    figures: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)    # of a report that compiles no record
    reason: Mapped[str | None] = mapped_column(sa.Text)                # why a frozen record is issued again
    replaces_id: Mapped[int | None] = mapped_column(Key)               # ... and which one


RUN = "report_run"   # stands for a type where the figures are those of a run itself


class Reissue(db.Model):  # type: ignore[name-defined]
    """A frozen record that was replaced by a new one: why, and what the figures said before and after."""

    __tablename__ = "report_reissues"
    __table_args__ = (
        sa.Index("ix_report_reissues_old", "of_type", "old_id"), sa.Index("ix_report_reissues_new", "of_type", "new_id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    of_type: Mapped[str] = mapped_column(sa.String(60))
    old_id: Mapped[int] = mapped_column(Key)
    new_id: Mapped[int] = mapped_column(Key)
    reason: Mapped[str] = mapped_column(sa.Text)
    changes: Mapped[list[Any]] = mapped_column(sa.JSON)   # [[figure, column, before, after], ...]
    made_at: Mapped[datetime] = mapped_column(Moment())


class Evidence(db.Model):  # type: ignore[name-defined]
    """One record behind one figure of a compiled record, or of a run that compiles none, as it was counted."""

    __tablename__ = "report_evidence"
    __table_args__ = (
        sa.Index("ix_report_evidence_figure", "of_type", "of_id", "figure"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    of_type: Mapped[str] = mapped_column(sa.String(60))
    of_id: Mapped[int] = mapped_column(Key)
    figure: Mapped[str] = mapped_column(sa.String(260))
    source_type: Mapped[str] = mapped_column(sa.String(60))
    source_id: Mapped[int] = mapped_column(Key)
