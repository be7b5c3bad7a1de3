"""Notices: who is told what about which record, each occasion once, in the transaction that brings it about."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import sqlalchemy as sa

from models.history import Notice, Signature
from models.people import Membership, User
from models.spec import ADMINISTRATOR, OWNER, SIGNER, Text
from rules import access, approvals, delegations, office


def tell(act: Any, record: Any, whom: Collection[str], text: Text, *, kind: str, key: str) -> int:
    """Tell everybody meant by `whom` (roles, `owner`, `signer`) who sees the record; how many were told.

    `key` names the occasion within the record: telling it again, by whatever process, changes nothing. The text must
    hold no personal data: it becomes the subject of a mail. Flushes.
    """
    return tell_people(act, record, people_for(act.session, record, whom), text, kind=kind, key=key)


def tell_people(act: Any, record: Any, people: Collection[int], text: Text, *, kind: str, key: str) -> int:
    """The same for people named by their ids."""
    whole = f"{record.spec.name}:{record.id}:{key}"
    told = set(act.session.scalars(
        sa.select(Notice.person_id).where(Notice.key == whole, Notice.person_id.in_(people)))) if people else set()
    fresh = sorted(set(people) - told)
    act.session.add_all(Notice(
        person_id=id_, key=whole, kind=kind, type=record.spec.name, record_id=record.id, zh=text.zh, en=text.en,
        created_at=act.now) for id_ in fresh)
    act.session.flush()
    return len(fresh)


def people_for(session: Any, record: Any, whom: Collection[str]) -> list[int]:
    """The active people whom these words mean, as far as they see the record."""
    found = set(_with_role(session, record, {word for word in whom if word not in (OWNER, SIGNER)}))
    if SIGNER in whom:
        for asked in approvals.turn(approvals.last_round(session, record)):
            found |= asked_by(session, record, asked)
    if OWNER in whom and record.created_by_id:
        found.add(record.created_by_id)
    return sorted(found)


def _with_role(session: Any, record: Any, roles: Collection[str]) -> Iterator[int]:
    for user in session.scalars(sa.select(User).where(User.is_active, User.id.in_(
            sa.select(Membership.user_id).where(Membership.role.in_(roles))))):
        actor = access.Actor.of(user, "job")
        if any(_reaches(actor, record, role) for role in actor.roles.intersection(roles)):
            yield user.id


def _reaches(actor: access.Actor, record: Any, role: str) -> bool:
    """Does the person hold this role where the record is? The administrator sees every record."""
    if role == ADMINISTRATOR:
        return True
    return bool(access.given(record.spec, role)) and access.in_scope(actor, record, role)


# Rounds of signatures ---------------------------------------------------------------------------------------------

TO_SIGN = Text("{type} {number} 等您签署", "{type} {number} waits for your signature")
ENDED = {
    approvals.SIGNED: Text("{type} {number} 会签完成", "{type} {number}: everybody has signed"),
    approvals.RETURNED: Text("{type} {number} 被退回", "{type} {number} was sent back"),
    approvals.REFUSED: Text("{type} {number} 未获批准", "{type} {number} was refused"),
}


def called(record: Any) -> dict[str, Any]:
    return {"type": record.spec.label, "number": record.number or f"#{record.id}"}


def asked_by(session: Any, record: Any, asked: Signature) -> set[int]:
    """Who may give this signature: the holders of the role there who are not excluded, and their stand-ins."""
    holders = [id_ for id_ in _with_role(session, record, {asked.role}) if f",{id_}," not in asked.barred]
    others = delegations.stand_ins(session, holders, record.spec.name, office.today())
    return {*holders, *(user.id for user in others if f",{user.id}," not in asked.barred)}


def of_round(act: Any, record: Any) -> None:
    """Whoever is asked since this act is told, and whoever submitted or wrote the record how the round ended."""
    rows = approvals.last_round(act.session, record)
    for row in approvals.turn(rows):
        if row.asked_at == act.now:
            tell_people(act, record, asked_by(act.session, record, row), TO_SIGN.with_(**called(record)),
                        kind="to_sign", key=f"to_sign:{row.round}:{row.position}")
    if rows and not approvals.turn(rows):
        last = max((row for row in rows if row.signed_at), key=lambda row: (row.signed_at, row.position), default=rows[-1])
        authors = {last.submitted_by_id, record.created_by_id} - {None, last.signed_by_id}
        if last.state in ENDED:
            tell_people(act, record, authors, ENDED[last.state].with_(**called(record)), kind="round_ended",
                        key=f"round_ended:{last.round}")
