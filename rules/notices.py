"""Notices: who is told what about which record, each occasion once, in the transaction that brings it about."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from models.history import Notice
from models.people import Membership, User
from models.spec import ADMINISTRATOR, OWNER, SIGNER, Text
from rules import access, approvals


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
    roles, found = {word for word in whom if word not in (OWNER, SIGNER)}, set()
    if SIGNER in whom:
        asked = approvals.waiting(session, record)
        roles |= {asked.role} if asked else set()
    if OWNER in whom and record.created_by_id:
        found.add(record.created_by_id)
    for user in session.scalars(sa.select(User).where(User.is_active, User.id.in_(
            sa.select(Membership.user_id).where(Membership.role.in_(roles))))):
        actor = access.Actor.of(user, "job")
        if any(_reaches(actor, record, role) for role in roles & actor.roles):
            found.add(user.id)
    return sorted(found)


def _reaches(actor: access.Actor, record: Any, role: str) -> bool:
    """Does the person hold this role where the record is? The administrator sees every record."""
    if role == ADMINISTRATOR:
        return True
    return bool(access.given(record.spec, role)) and access.in_scope(actor, record, role)
