"""Rounds of signatures: written down when a record is submitted, signed in order, each by another person."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from models.history import AuditEntry, Signature
from models.spec import ROLES, Refused, Text
from rules import access, content

WAITS_FOR = Text("正等待{role}签署", "Waiting for the signature of: {role}")
OWN = Text("不能签署自己填写、提交或最后修改的记录", "Nobody signs what they created, submitted or last edited")
TWICE = Text("同一人在一轮中只能签署一次", "One person signs once in a round")
NO_ROUND = Text("没有待签署的会签", "There is no round of signatures open")
CHANGED = Text("提交后内容已改动，须退回重新提交", "The content changed after it was submitted: send it back")


def open_round(act: Any, record: Any) -> None:
    """Ask every step that applies to this record's amount, in order."""
    before = act.session.scalar(sa.select(sa.func.max(Signature.round)).where(*_of(record))) or 0
    for index, step in enumerate(record.spec.workflow.approval):
        amount = getattr(record, step.field) if step.field else None
        if not step.limit or (amount is not None and amount >= act.parameter(step.limit)):
            act.session.add(Signature(
                type=record.spec.name, record_id=record.id, round=before + 1, step=index, role=step.role,
                submitted_by_id=act.actor.id, submitted_at=act.now, content_hash=content.signed_hash(record)))


def _of(record: Any) -> tuple[Any, ...]:
    return Signature.type == record.spec.name, Signature.record_id == record.id


def rounds(session: Any, record: Any) -> list[Signature]:
    """All signatures ever asked for, round by round."""
    return list(session.scalars(
        sa.select(Signature).where(*_of(record)).order_by(Signature.round, Signature.step)))


def waiting(session: Any, record: Any) -> Signature | None:
    """The signature whose turn it is."""
    return next((s for s in rounds(session, record) if s.state == "waiting"), None)


def may_sign(session: Any, actor: access.Actor, record: Any) -> access.Verdict:
    asked = waiting(session, record)
    if asked is None:
        return access.Verdict(NO_ROUND)
    if asked.role not in actor.roles or not access.in_scope(actor, record, asked.role):
        return access.Verdict(WAITS_FOR.with_(role=ROLES[asked.role].label))
    if actor.id in (record.created_by_id, asked.submitted_by_id, _last_editor(session, record)):
        return access.Verdict(OWN)
    if any(s.round == asked.round and s.signed_by_id == actor.id for s in rounds(session, record)):
        return access.Verdict(TWICE)
    return access.YES


def _last_editor(session: Any, record: Any) -> int | None:
    return session.scalar(
        sa.select(AuditEntry.actor_id).where(
            AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id,
            AuditEntry.action.in_(("create", "edit")))
        .order_by(AuditEntry.id.desc()).limit(1))


def sign(act: Any, record: Any, *, returns: bool) -> bool:
    """Put the actor's name under the step whose turn it is; True when the round is over and the record moves on."""
    asked = waiting(act.session, record)
    if asked is None:
        raise Refused(NO_ROUND)
    if not returns and asked.content_hash != content.signed_hash(record):
        raise Refused(CHANGED)
    asked.signed_by_id, asked.signed_at, asked.comment = act.actor.id, act.now, act.comment or None
    asked.state = "returned" if returns else "signed"
    open_ = [s for s in rounds(act.session, record) if s.round == asked.round and s.state == "waiting" and s is not asked]
    if returns:
        drop(act.session, record)
    return returns or not open_


def drop(session: Any, record: Any) -> None:
    """The round ends without the signatures still missing: the record was sent back, cancelled or voided."""
    for signature in rounds(session, record):
        if signature.state == "waiting":
            signature.state = "dropped"
