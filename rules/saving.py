"""What every flush does: derived side tables follow the records in the same transaction, whoever saved them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session

from models.base import Line, Record
from models.history import AuditEntry
from rules import attachments, audit, deadlines, search, webhooks


class Unaccounted(RuntimeError):
    """A record was about to be saved without anybody answering for it: a bug, not a refusal."""


def _owner(row: Any, session: Session) -> Any:
    """The record that a row of this flush belongs to, the other rows of its table loaded: the audit takes a table that
    is not loaded for one that is as it was."""
    if isinstance(row, Record):
        return row
    model, name = next(((spec.model, child.name) for spec in Record.types.values()
                        for child in spec.lines.values() if child.model is type(row)), (None, ""))
    record = session.get(model, row.record_id) if model is not None and row.record_id else None
    if record is not None:
        getattr(record, name)
    return record


def _touched(session: Session) -> list[Any]:
    """Records of this flush, each once, also those of which only a line changes."""
    found: dict[int, Any] = {}
    for row in [*session.new, *(r for r in session.dirty if session.is_modified(r)), *session.deleted]:
        if isinstance(row, Record | Line):
            record = _owner(row, session)
            if record is not None:
                found[id(record)] = record
    return list(found.values())


@event.listens_for(Session, "before_flush")
def _account(session: Session, _context: Any, _instances: Any) -> None:
    if any(isinstance(row, Record) for row in session.deleted):
        raise Unaccounted("business records are voided, never deleted")
    pending = session.info.setdefault("saving", [])
    for record in _touched(session):
        act = session.info.get("act")
        if act is None:
            raise Unaccounted(f"{record.spec.name} saved outside an act")
        entry = audit.account(record, act)
        if entry is not None:
            pending.append((record, entry))


@event.listens_for(Session, "after_flush")
def _write_down(session: Session, _context: Any) -> None:
    pending = session.info.pop("saving", [])
    if pending:
        rows = [{**entry, "record_id": record.id} for record, entry in pending]
        session.connection().execute(sa.insert(AuditEntry), rows)
        deadlines.start_and_stop(session, [record for record, _ in pending])
        search.keep(session, [record for record, _ in pending], are_new=all(entry["revision"] == 1 for _, entry in pending))
        webhooks.watch(session, pending)
        for record, entry in pending:
            attachments.settle(session, record, entry)


@event.listens_for(Session, "after_soft_rollback")
def _drop_pending(session: Session, _previous: Any) -> None:
    """A flush that failed inside a savepoint leaves entries of rows that were not saved."""
    session.info.pop("saving", None)


@event.listens_for(Session, "after_transaction_end")
def _forget(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        for key in ("act", "saving", "parameters", "workdays", "delegations", "webhooks"):
            session.info.pop(key, None)
