"""What the rules write down: audit entries and seals, signatures, deadline clocks, counters, the outbox.

Each is one table for all record types, indexed for the question it answers. None has a foreign key to a record:
it names the type and the id.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Exact, Key, Moment, db


class AuditEntry(db.Model):  # type: ignore[name-defined]
    """Who did what, when, through which door. The entries of a record are chained by hash."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        sa.Index("ix_audit_entries_record", "type", "record_id", "id"),
        sa.Index("ix_audit_entries_action", "action", "at"),
        sa.Index("ix_audit_entries_seal_id", "seal_id", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment())
    actor_id: Mapped[int | None] = mapped_column(Key)
    actor: Mapped[str] = mapped_column(sa.String(80))
    door: Mapped[str] = mapped_column(sa.String(20))
    action: Mapped[str] = mapped_column(sa.String(40))
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int | None] = mapped_column(Key)
    number: Mapped[str | None] = mapped_column(sa.String(200))
    revision: Mapped[int | None]
    comment: Mapped[str | None] = mapped_column(sa.Text)
    changes: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    content_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    previous_hash: Mapped[str] = mapped_column(sa.String(64), default="")
    hash: Mapped[str] = mapped_column(sa.String(64))
    seal_id: Mapped[int | None] = mapped_column(Key)


class AuditSeal(db.Model):  # type: ignore[name-defined]
    """Closes all entries since the last seal: their count and hashes, chained from seal to seal."""

    __tablename__ = "audit_seals"

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment())
    entry_count: Mapped[int]
    previous_hash: Mapped[str] = mapped_column(sa.String(64))
    hash: Mapped[str] = mapped_column(sa.String(64))


class Signature(db.Model):  # type: ignore[name-defined]
    """One signature of a round, written down when the round opens: in which order, by which role, because of which
    amount and limit, for which revision and content.

    `position` counts within the round; those of one `step` are asked at the same time. `state` is waiting, signed,
    returned, refused, voided (given, but no longer valid: the content changed or an earlier step is asked again) or
    dropped (the round ended without it). It is somebody's turn once it is `asked_at`.
    """

    __tablename__ = "signatures"
    __table_args__ = (
        sa.UniqueConstraint("type", "record_id", "round", "position"),
        sa.Index("ix_signatures_inbox", "state", "role", "due_at", "id"),
        sa.Index("ix_signatures_escalated", "state", "escalated_to", "due_at", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    round: Mapped[int]
    position: Mapped[int]
    step: Mapped[int]
    role: Mapped[str] = mapped_column(sa.String(40))
    state: Mapped[str] = mapped_column(sa.String(10), default="waiting")
    submitted_by_id: Mapped[int | None] = mapped_column(Key)
    submitted_at: Mapped[datetime] = mapped_column(Moment())
    edited_by_id: Mapped[int | None] = mapped_column(Key)
    revision: Mapped[int]
    content_hash: Mapped[str] = mapped_column(sa.String(64))
    # Who may not sign, as `,3,17,`: who wrote, submitted or last edited it, and whom it names in a part that excludes.
    barred: Mapped[str] = mapped_column(sa.Text, default=",")
    limit_name: Mapped[str | None] = mapped_column(sa.String(60))
    limit: Mapped[Decimal | None] = mapped_column(Exact(2))
    amount: Mapped[Decimal | None] = mapped_column(Exact(2))
    asked_at: Mapped[datetime | None] = mapped_column(Moment())
    due_at: Mapped[datetime | None] = mapped_column(Moment())
    reminded_at: Mapped[datetime | None] = mapped_column(Moment())
    escalated_at: Mapped[datetime | None] = mapped_column(Moment())
    escalated_to: Mapped[str | None] = mapped_column(sa.String(40))
    signed_by_id: Mapped[int | None] = mapped_column(Key)
    for_id: Mapped[int | None] = mapped_column(Key)   # in whose place, where somebody stood in
    signed_at: Mapped[datetime | None] = mapped_column(Moment())
    comment: Mapped[str | None] = mapped_column(sa.Text)


class SignedContent(db.Model):  # type: ignore[name-defined]
    """What a round of signatures was asked about, word for word: what signers compare, and what proves their hash."""

    __tablename__ = "signed_contents"

    type: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    record_id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class DeadlineClock(db.Model):  # type: ignore[name-defined]
    """One promise of one record, with the value that applied when it began, so that nothing re-times it later.

    `state` is running, paused, met, missed (met too late) or stopped (no longer owed). `told` says what was brought
    about already: nothing, a warning, or all that belongs to being late. `next_at` is when the sweep has to look at it
    next, if ever; `notice_id` is the overdue notice that is open about it.
    """

    __tablename__ = "deadline_clocks"
    __table_args__ = (
        sa.UniqueConstraint("type", "record_id", "name"),
        sa.Index("ix_deadline_clocks_due", "type", "state", "due_at", "record_id"),
        sa.Index("ix_deadline_clocks_next", "next_at", "id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    name: Mapped[str] = mapped_column(sa.String(60))
    started_at: Mapped[datetime | None] = mapped_column(Moment())
    due_at: Mapped[datetime] = mapped_column(Moment())
    met_at: Mapped[datetime | None] = mapped_column(Moment())
    state: Mapped[str] = mapped_column(sa.String(10))
    allowance: Mapped[int | None]     # hours, days or working days, where the limit is a parameter
    told: Mapped[str] = mapped_column(sa.String(10), default="nothing")
    next_at: Mapped[datetime | None] = mapped_column(Moment())
    notice_id: Mapped[int | None] = mapped_column(Key)


class Counter(db.Model):  # type: ignore[name-defined]
    """The last running number given out for a type in a period. Its row lock makes numbers gapless."""

    __tablename__ = "counters"

    type: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    period: Mapped[str] = mapped_column(sa.String(10), primary_key=True)
    n: Mapped[int]


class Outbox(db.Model):  # type: ignore[name-defined]
    """What must happen outside the transaction that wrote it, a job or a mail: after its commit, at least once.

    It waits, until `not_before` where it failed, is handed over (`dispatched_at`), and is done or failed for good. Rows
    that are `about` the same go one after the other; a second row with the same `key` is not written.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        sa.Index("ix_outbox_waiting", "dispatched_at", "id"),
        sa.Index("ix_outbox_about", "about", "id"),
        sa.Index("ix_outbox_done", "done_at", "failed_at"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    job: Mapped[str] = mapped_column(sa.String(60))
    arguments: Mapped[list[Any]] = mapped_column(sa.JSON)
    key: Mapped[str | None] = mapped_column(sa.String(200), unique=True)
    about: Mapped[str | None] = mapped_column(sa.String(120))
    created_at: Mapped[datetime] = mapped_column(Moment())
    not_before: Mapped[datetime | None] = mapped_column(Moment())
    dispatched_at: Mapped[datetime | None] = mapped_column(Moment())
    attempts: Mapped[int] = mapped_column(default=0)     # that failed
    last_error: Mapped[str | None] = mapped_column(sa.Text)
    done_at: Mapped[datetime | None] = mapped_column(Moment())
    failed_at: Mapped[datetime | None] = mapped_column(Moment())


class ScheduledJob(db.Model):  # type: ignore[name-defined]
    """When something that happens by the clock is due next, and how it went the last time. One that is paused waits
    with what it misses; one that was asked for is done at once, paused or not."""

    __tablename__ = "scheduled_jobs"

    name: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Moment(), index=True)
    last_run_at: Mapped[datetime | None] = mapped_column(Moment())
    last_result: Mapped[str | None] = mapped_column(sa.Text)
    paused_at: Mapped[datetime | None] = mapped_column(Moment())
    asked_at: Mapped[datetime | None] = mapped_column(Moment())


class Notice(db.Model):  # type: ignore[name-defined]
    """What somebody is told about a record (or about the house), once: `key` tells one occasion from another. Both
    languages are kept, because the reader may change theirs. `mailing_at` is when somebody began to mail it."""

    __tablename__ = "notices"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "key"),
        sa.Index("ix_notices_unread", "person_id", "read_at", "id"),
        sa.Index("ix_notices_record", "type", "record_id"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    person_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"))
    key: Mapped[str] = mapped_column(sa.String(200))
    kind: Mapped[str] = mapped_column(sa.String(40))
    type: Mapped[str | None] = mapped_column(sa.String(60))
    record_id: Mapped[int | None] = mapped_column(Key)
    zh: Mapped[str] = mapped_column(sa.Text)
    en: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(Moment())
    read_at: Mapped[datetime | None] = mapped_column(Moment())
    mailing_at: Mapped[datetime | None] = mapped_column(Moment())
    mailed_at: Mapped[datetime | None] = mapped_column(Moment())


class MailChoice(db.Model):  # type: ignore[name-defined]
    """Whether notices of one kind also come to a person by mail, where they chose; else the kind's own default."""

    __tablename__ = "mail_choices"

    person_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("users.id"), primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    is_wanted: Mapped[bool]
