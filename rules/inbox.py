"""What waits for somebody's signature: one question over all types, answered from the index of signatures.

Only what is theirs to sign is there: the turn of a role that they hold where the record is, or of somebody in whose
place they sign; not what they wrote, submitted, edited last or have signed in this round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.history import Signature
from models.people import User
from models.spec import ADMINISTRATOR, RecordType
from rules import access, approvals, areas, delegations, lists, office

PAGE_SIZE = 50
COUNT_LIMIT = 1000
ESCALATED_SHOWN = 20
READERS = 300         # whose statements are kept


@dataclass(frozen=True)
class Waiting:
    """One signature that is asked of the reader."""

    id: int
    type: str
    record_id: int
    role: str
    round: int
    limit_name: str | None
    limit: Decimal | None
    amount: Decimal | None
    asked_at: datetime
    due_at: datetime
    escalated_at: datetime | None
    submitted_by: str | None
    in_place_of: str | None
    number: str = ""
    title: str = ""
    revision: int = 0


# Whose turn -------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Reader:
    """Whose inbox it is, in whose place they sign today, and which types are signed: what its statements depend on.
    They are built once for each and kept, because building them takes longer than answering them."""

    actor: access.Actor
    given: tuple[delegations.Given, ...]
    types: tuple[RecordType, ...]

    @classmethod
    def of(cls, session: Any, actor: access.Actor) -> Reader:
        given = delegations.given_to(session, actor.id) if actor.id is not None else ()
        return cls(replace(actor, language=""), tuple(one for one in given if one.holds_on(office.today())),
                   tuple(spec for spec in Record.types.values() if spec.workflow.approval and not areas.is_off(spec)))


@lru_cache(READERS)
def _arms(reader: Reader) -> list[Any]:
    """One select per role and person in whose place: each reads its own stretch of the index."""
    actor = reader.actor
    arms = [_arm(actor, actor, role, None) for role in sorted(actor.roles)]
    arms += [_arm(actor, given.principal, role, given) for given in reader.given for role in sorted(given.principal.roles)]
    return [arm for arm in arms if arm is not None]


def _arm(actor: access.Actor, person: access.Actor, role: str, given: delegations.Given | None) -> Any:
    """`given`: by what delegation the actor signs in the person's place."""
    free, held = [], []
    for spec in delegations.signed_types(frozenset({role})):
        if areas.is_off(spec):
            continue
        if given is None or (given.covers(spec.name) and delegations.sees(actor, spec)):
            rows = _rows(actor, person, role, spec, in_place=given is not None)
            free += [] if rows else [spec.name]
            held += [sa.and_(Signature.type == spec.name, sa.exists(
                sa.select(spec.model.id).where(spec.model.id == Signature.record_id, *rows)))] if rows else []
    if not free and not held:
        return None
    place = sa.literal(given.principal.id if given else 0).label("for_id")
    free_types = [Signature.type.in_(free)] if free else []
    return sa.select(Signature.id, Signature.due_at, place).where(
        Signature.state == approvals.WAITING, Signature.role == role, Signature.due_at.is_not(None),
        sa.or_(*free_types, *held), *_not_excluded({id_ for id_ in (actor.id, person.id) if id_}))


def _rows(actor: access.Actor, person: access.Actor, role: str, spec: RecordType, *, in_place: bool) -> list[Any]:
    """The conditions on the record: in the scope of the role, and seen by whoever stands in."""
    alone = replace(person, roles=frozenset({role}))
    rows = access.own_rows(alone, spec, role)
    if in_place:
        seen = access.scope_clause(replace(actor, roles=actor.roles - {ADMINISTRATOR}), spec)
        rows = rows if seen is None else [*rows, seen]
    return rows


def _not_excluded(people: Iterable[int]) -> list[Any]:
    people, earlier = sorted(people), sa.orm.aliased(Signature)
    signed = sa.exists(sa.select(earlier.id).where(
        earlier.type == Signature.type, earlier.record_id == Signature.record_id, earlier.round == Signature.round,
        earlier.state == approvals.SIGNED, sa.or_(earlier.signed_by_id.in_(people), earlier.for_id.in_(people))))
    return [*(~Signature.barred.contains(f",{id_},") for id_ in people), ~signed]


def _first(arms: Sequence[Any], count: int, *, latest: bool = False) -> Any:
    """The first `count` signatures of all arms together, most urgent first (or, going back, last), each once."""
    order = (Signature.due_at.desc(), Signature.id.desc()) if latest else (Signature.due_at, Signature.id)
    merged = sa.union_all(*(sa.select(arm.order_by(*order).limit(count).subquery()) for arm in arms)).subquery()
    due, key = sa.func.min(merged.c.due_at), merged.c.id
    return sa.select(key, sa.func.min(merged.c.for_id).label("for_id")).group_by(key).order_by(
        *((due.desc(), key.desc()) if latest else (due, key))).limit(count)


# Questions --------------------------------------------------------------------------------------------------------

def count(session: Any, actor: access.Actor) -> int:
    """How many wait; beyond COUNT_LIMIT only that they are more."""
    query = counted(Reader.of(session, actor))
    return 0 if query is None else session.scalar(query) or 0


@lru_cache(READERS)
def counted(reader: Reader) -> Any:
    arms = _arms(reader)
    if not arms:
        return None
    merged = sa.union_all(*(sa.select(arm.limit(COUNT_LIMIT + 1).subquery().c.id) for arm in arms)).subquery()
    return sa.select(sa.func.count(sa.distinct(merged.c.id)))


def waiting(session: Any, actor: access.Actor, page: int = 1) -> list[Waiting]:
    """A page of what waits, most urgent first: two statements however many there are."""
    query = asked(Reader.of(session, actor), page)
    return [] if query is None else described(session, actor, session.execute(query).all())


@lru_cache(READERS)
def asked(reader: Reader, page: int = 1) -> Any:
    arms = _arms(reader)
    if not arms:
        return None
    return _told(_first(arms, page * PAGE_SIZE).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE).subquery())


def _told(ids: Any) -> Any:
    submitted, principal = sa.orm.aliased(User), sa.orm.aliased(User)
    one = Signature
    return sa.select(
        one.id, one.type, one.record_id, one.role, one.round, one.limit_name, one.limit, one.amount, one.asked_at,
        one.due_at, one.escalated_at, submitted.name, principal.name,
    ).join(ids, ids.c.id == one.id).outerjoin(submitted, submitted.id == one.submitted_by_id).outerjoin(
        principal, principal.id == ids.c.for_id).order_by(one.due_at, one.id)


def described(session: Any, actor: access.Actor, rows: Sequence[Any]) -> list[Waiting]:
    """The same with number, title and revision of their records: one statement over the types that are there."""
    if not rows:
        return []
    ids: dict[str, list[int]] = {}
    for row in rows:
        ids.setdefault(row.type, []).append(row.record_id)
    query = records_of(tuple((Record.types[name], access.sees_private(actor, Record.types[name])) for name in sorted(ids)))
    found = {(type_, id_): rest for type_, id_, *rest in session.execute(query, ids)}
    return [Waiting(*row, *found[row.type, row.record_id]) for row in rows]


@lru_cache(READERS)
def records_of(types: tuple[tuple[RecordType, bool], ...]) -> Any:
    """Number, title (where it may be seen: `plain`) and revision of records whose ids come under the type's name."""
    return sa.union_all(*(sa.select(
        sa.literal(spec.name).label("type"), spec.model.id, lists.numbered(spec.model), _title(spec, plain), spec.model.revision,
    ).where(spec.model.id.in_(sa.bindparam(spec.name, expanding=True))) for spec, plain in types))


def _title(spec: RecordType, plain: bool) -> Any:
    if not spec.title or (spec.title in spec.private and not plain):
        return sa.literal("")
    return sa.func.coalesce(sa.cast(getattr(spec.model, spec.fields[spec.title].column), sa.Text), "")


def neighbours(session: Any, actor: access.Actor, present: Signature) -> tuple[int | None, int | None]:
    """The signatures before and after this one in the reader's inbox, whether or not it is still there itself."""
    arms = _arms(Reader.of(session, actor))
    if not arms or present.due_at is None:
        return None, None
    here = sa.tuple_(Signature.due_at, Signature.id)
    there = sa.tuple_(sa.literal(present.due_at, Signature.due_at.type), sa.literal(present.id))
    return (session.scalar(_first([arm.where(here < there) for arm in arms], 1, latest=True)),
            session.scalar(_first([arm.where(here > there) for arm in arms], 1)))


def escalated(session: Any, actor: access.Actor) -> list[Waiting]:
    """What others let wait too long and the reader, as their next level, was told about."""
    return described(session, actor, session.execute(overdue(Reader.of(session, actor))).all())


@lru_cache(READERS)
def overdue(reader: Reader) -> Any:
    actor = reader.actor
    seen = [spec.name for spec in reader.types if access.sees_all(actor, spec)]
    ids = sa.select(Signature.id, sa.literal(0).label("for_id")).where(
        Signature.state == approvals.WAITING, Signature.escalated_to.in_(sorted(actor.roles)), Signature.type.in_(seen),
    ).order_by(Signature.due_at, Signature.id).limit(ESCALATED_SHOWN).subquery()
    return _told(ids)


def approval_roles() -> frozenset[str]:
    return frozenset(step.role for spec in Record.types.values() for step in spec.workflow.approval)
