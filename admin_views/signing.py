"""Rounds of signatures as pages show them: the block of a record, and what changed since it was signed last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from admin_views import choice_boxes, list_rows, timelines
from models.base import db
from models.history import Signature
from models.people import User
from models.settings import PARAMETERS
from models.spec import ROLES, Kind, RecordType, Text
from rules import access, approvals, content, exports, lists, office, signed

TONES = {"waiting": list_rows.GOING, "signed": list_rows.DONE, "returned": list_rows.ENDED, "refused": list_rows.ENDED,
         "voided": list_rows.NEUTRAL, "dropped": list_rows.NEUTRAL}
BECAUSE = Text("金额 {amount} ≥ {limit}（{name}）", "amount {amount} ≥ {limit} ({name})")


def because(row: Any, language: str) -> str:
    """The limit that made this signature necessary, as it was at submission."""
    if row.limit is None:
        return ""
    parameter = PARAMETERS.get(row.limit_name)
    name = parameter.label if parameter else row.limit_name
    return BECAUSE.with_(amount=f"{row.amount:,.2f}", limit=f"{row.limit:,.2f}", name=name).in_(language)


def rounds(act: Any, record: Any) -> list[dict[str, Any]]:
    """The rounds of a record, the newest first."""
    if not record.spec.workflow.approval:
        return []
    rows = approvals.rounds(act.session, record)
    names = _names(rows)
    found = [_round(list(group), names, act.actor.language) for _, group in groupby(rows, key=lambda row: row.round)]
    if found:
        found[-1]["changed"] = _changed(act, record, rows[-1])
    return found[::-1]


def _names(rows: Iterable[Signature]) -> Mapping[int | None, str]:
    people = {id_ for row in rows for id_ in (row.submitted_by_id, row.signed_by_id, row.for_id)} - {None}
    return choice_boxes.titles_of(lists.BASE["created_by"], sorted(people))


def _round(rows: list[Signature], names: Mapping[int | None, str], language: str) -> dict[str, Any]:
    first, now = rows[0], office.now()
    return {
        "number": first.round, "submitted_by": names.get(first.submitted_by_id, ""), "submitted_at": first.submitted_at,
        "revision": first.revision, "hash": first.content_hash, "changed": [],
        "signatures": [{
            "role": ROLES[row.role].label.in_(language), "state": signed.STATES[row.state].in_(language),
            "tone": TONES[row.state], "because": because(row, language), "who": names.get(row.signed_by_id, ""),
            "in_place_of": names.get(row.for_id, ""), "at": row.signed_at, "comment": row.comment or "",
            "asked_at": row.asked_at if row.state == approvals.WAITING else None, "due_at": row.due_at,
            "is_late": row.due_at is not None and row.due_at < now, "escalated_at": row.escalated_at,
            "escalated_to": ROLES[row.escalated_to].label.in_(language) if row.escalated_to else "",
        } for row in rows]}


def _changed(act: Any, record: Any, row: Signature) -> list[str]:
    """The fields and tables that no longer say what the last round was asked about."""
    now = content.signed_content(record)
    if content.hash_of(now) == row.content_hash:
        return []
    then = approvals.content_of(act.session, row)
    return list(dict.fromkeys(one.label.in_(act.actor.language)
                              for one in signed.differences(record.spec, then, now)))


def compared(act: Any, record: Any) -> dict[str, Any] | None:
    """What the present round asks about beside the version that was signed or sent back before; None the first time."""
    rows = approvals.rounds(act.session, record)
    earlier = approvals.signed_before(rows)
    if earlier is None:
        return None
    then, now = (approvals.content_of(act.session, row) for row in (earlier, rows[-1]))
    found = list(signed.differences(record.spec, then, now))
    titles = _titles(found)
    plain = access.sees_private(act.actor, record.spec)
    return {"round": earlier.round, "at": earlier.signed_at, "state": signed.STATES[earlier.state].in_(act.actor.language),
            "comment": earlier.comment or "", "differences": [_words(one, titles, act.actor, plain) for one in found]}


def _titles(found: Iterable[signed.Difference]) -> Mapping[Any, str]:
    """What changed links, people, units and files are called: one statement per target."""
    titles: dict[Any, str] = {}
    wanted: dict[str, tuple[Any, set[Any]]] = {}
    for one in found:
        if one.field.kind in lists.NAMED:
            wanted.setdefault(one.field.to or one.field.kind.value, (one.field, set()))[1].update(
                value for value in (one.before, one.after) if value is not None)
    for target, (field, keys) in wanted.items():
        titles |= {(target, key): title for key, title in choice_boxes.titles_of(field, sorted(keys)).items()}
    return titles


def _words(one: signed.Difference, titles: Mapping[Any, str], actor: access.Actor, plain: bool) -> dict[str, str]:
    before, after = (_text(one.field, value, titles, actor.language, plain) for value in (one.before, one.after))
    return {"label": one.label.in_(actor.language), "before": before, "after": after}


def _text(field: Any, value: Any, titles: Mapping[Any, str], language: str, plain: bool) -> str:
    if field.kind is Kind.MULTICHOICE and value and not (field.private and not plain):
        return exports.shown(field, value, language)
    return timelines.audit_text(field, value, language, plain, titles)


def steps_back(act: Any, record: Any) -> list[tuple[str, str]]:
    return [(role, ROLES[role].label.in_(act.actor.language)) for role in approvals.earlier_roles(act.session, record)]


def people_to_choose() -> list[tuple[int, str]]:
    """Active people by name."""
    return [(id_, f"{name}（{username}）") for id_, name, username in db.session.execute(
        sa.select(User.id, User.name, User.username).where(User.is_active).order_by(User.name, User.id))]


def type_labels(types: Iterable[RecordType], language: str) -> list[tuple[str, str]]:
    return [(spec.name, spec.label.in_(language)) for spec in types]
