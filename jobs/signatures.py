"""Signatures that are overdue: whoever is asked is reminded, and after some more working days the next level is told.

Who may sign stays what was written down at submission; the next level sees what waits, and may have it delegated.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.history import Signature
from models.spec import ROLES, Text
from rules import approvals, areas, notices, parameters, workdays

AT_ONCE = 500   # the rest comes with the next run
REMINDER = Text("{type} {number} 的签署已超期，请尽快办理", "{type} {number}: your signature is overdue")
ESCALATION = Text("{type} {number} 等{role}签署，已超期，请督促",
                  "{type} {number} waits for the overdue signature of {role}: please see to it")


def press(act: Any) -> tuple[int, int]:
    """(reminded, escalated). Flushes."""
    reminded = [row for row in _overdue(act, Signature.reminded_at.is_(None), act.now) if _remind(act, row)]
    days = parameters.value(act.session, "signature_escalation_days")
    # No count of working days is shorter than the same count of days.
    late = _overdue(act, Signature.escalated_at.is_(None), act.now - timedelta(days=max(days - 1, 0)))
    escalated = [row for row in late if workdays.add(act.session, row.due_at, days) < act.now and _escalate(act, row)]
    return len(reminded), len(escalated)


def _overdue(act: Any, condition: Any, before: Any) -> Sequence[Signature]:
    """Only asked ones have a due moment. Of areas that are switched off nobody is told."""
    return act.session.scalars(sa.select(Signature).where(
        Signature.state == approvals.WAITING, Signature.type.in_(areas.types_in_use()), Signature.due_at < before, condition,
    ).order_by(Signature.due_at, Signature.id).limit(AT_ONCE)).all()


def _held(act: Any, row: Signature) -> Any:
    """The record of a signature that is still asked, which nobody else changes from now on."""
    record = act.get(row.type, row.record_id) if row.type in Record.types else None
    if record is None:
        return None
    approvals.hold(act, record)
    return record if row.state == approvals.WAITING else None


def _remind(act: Any, row: Signature) -> bool:
    record = _held(act, row)
    if record is None:
        return False
    row.reminded_at = act.now
    notices.tell_people(act, record, notices.asked_by(act.session, record, row), REMINDER.with_(**notices.called(record)),
                        kind="signature_overdue", key=f"signature_overdue:{row.round}:{row.position}")
    return True


def _escalate(act: Any, row: Signature) -> bool:
    record = _held(act, row)
    if record is None:
        return False
    approvals.escalate(act, record, row)
    text = ESCALATION.with_(**notices.called(record), role=ROLES[row.role].label)
    notices.tell(act, record, (row.escalated_to or "",), text, kind="signature_escalated",
                 key=f"signature_escalated:{row.round}:{row.position}")
    return True
