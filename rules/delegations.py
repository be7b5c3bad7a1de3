"""Who signs in whose place: for some days and types, written down, never by somebody whom the rules would exclude."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from models.people import Delegation, Membership, User
from models.spec import ADMINISTRATOR, Invalid, RecordType, Refused, Text
from rules import access, audit, office, registry

LONGEST_REASON = 200
NOT_YET = Text("代{name}签署自 {day} 起", "You sign in place of {name} from {day} on")
OVER = Text("代{name}签署已于 {day} 到期", "Signing in place of {name} ended on {day}")
NOT_YOURS = Text("只有本人和系统管理员可以办理", "Only the person and the administrator do this")
NO_PERSON = Text("请选择在用的人员", "Choose somebody who is active")
ONESELF = Text("不能委托给本人", "Nobody stands in for themselves")
SIGNS_NOTHING = Text("{name}没有可以委托的签署", "{name} has nothing to sign that could be delegated")
NOT_ASKED = Text("{name}不签署“{type}”", "{name} does not sign: {type}")
SEES_NOT = Text("{name}不能查看“{type}”，不能代签", "{name} does not see “{type}” and cannot sign it")
SEES_NOTHING = Text("{name}看不到任何需签署的记录，不能代签", "{name} sees nothing of what is signed")
WRONG_DAYS = Text("请填写起止日期，止日不早于起日，且不早于今天", "Give first and last day, in this order and not over yet")
NEEDS_REASON = Text("请填写原因（200 字内）", "Give a reason (up to 200 characters)")


def signed_types(roles: frozenset[str]) -> list[RecordType]:
    """The types in whose rounds one of these roles is asked."""
    return [spec for spec in registry.types().values() if any(step.role in roles for step in spec.workflow.approval)]


@dataclass(frozen=True)
class Given:
    """What was delegated to somebody: in whose place, for which types (none: all) and days."""

    principal: access.Actor
    types: tuple[str, ...]
    starts_on: date
    ends_on: date

    def covers(self, type_name: str) -> bool:
        return not self.types or type_name in self.types

    def holds_on(self, day: date) -> bool:
        return self.starts_on <= day <= self.ends_on


def given_to(session: Any, person_id: int) -> list[Given]:
    """What active people delegated to somebody and did not end; read once a transaction, in one statement."""
    known = session.info.setdefault("delegations", {})
    if person_id not in known:
        rows = session.execute(_given(), {"to_id": person_id}).all()
        known[person_id] = [_as_given(list(group)) for _, group in groupby(rows, key=itemgetter(0))]
    return known[person_id]


@cache
def _given() -> Any:
    one, place = Delegation.__table__.c, Membership.__table__.c
    return sa.select(one.id, one.types, one.starts_on, one.ends_on, User.__table__.c.id, User.__table__.c.username,
                     User.__table__.c.name, place.role, place.unit, place.dealer_id).select_from(
        Delegation.__table__.join(User.__table__, User.__table__.c.id == one.from_id).outerjoin(
            Membership.__table__, place.user_id == one.from_id)).where(
        one.to_id == sa.bindparam("to_id"), one.ended_at.is_(None), User.__table__.c.is_active).order_by(one.id, place.id)


def _as_given(rows: list[Any]) -> Given:
    """One row for each membership of the principal."""
    _, types, starts_on, ends_on, id_, username, name, *_ = rows[0]
    roles, units, dealers = (frozenset(row[n] for row in rows if row[n]) for n in (7, 8, 9))
    return Given(access.Actor(id_, username, name, roles, units, dealers), tuple(types), starts_on, ends_on)


def principals(session: Any, actor: access.Actor, spec: RecordType,
               day: date | None = None) -> Iterator[tuple[access.Actor, Text | None]]:
    """(in whose place, why not today) for a type that the actor sees with a business role."""
    day = day or office.today()
    if actor.id is None or not sees(actor, spec):
        return
    for given in given_to(session, actor.id):
        if given.covers(spec.name):
            yield given.principal, _why_not(given, day)


def _why_not(given: Given, day: date) -> Text | None:
    name = given.principal.name
    if day < given.starts_on:
        return NOT_YET.with_(name=name, day=given.starts_on)
    return OVER.with_(name=name, day=given.ends_on) if day > given.ends_on else None


def sees(actor: access.Actor, spec: RecordType) -> bool:
    """By a business role: who only administers approves nothing, in nobody's place."""
    return bool(access.may(replace(actor, roles=actor.roles - {ADMINISTRATOR}), "view", spec))


def stand_ins(session: Any, people: Sequence[int], type_name: str, day: date) -> list[User]:
    """Who signs in the place of these people on a day."""
    found = session.scalars(sa.select(Delegation).where(
        Delegation.from_id.in_(people), Delegation.ended_at.is_(None), Delegation.starts_on <= day,
        Delegation.ends_on >= day)).unique() if people else ()
    return [one.stand_in for one in found if (not one.types or type_name in one.types) and one.stand_in.is_active]


# Making and ending ------------------------------------------------------------------------------------------------

def may_delegate_for(actor: access.Actor, person_id: int) -> access.Verdict:
    allowed = actor.is_system or actor.id == person_id or ADMINISTRATOR in actor.roles
    return access.YES if allowed else access.Verdict(NOT_YOURS)


def make(act: Any, from_id: int, to_id: int | None, types: Sequence[str], days: tuple[date | None, date | None],
         reason: str) -> Delegation:
    """Delegate what somebody signs. Raises Refused or Invalid; flushes."""
    verdict = may_delegate_for(act.actor, from_id)
    if verdict.reason is not None:
        raise Refused(verdict.reason)
    giver, taker = act.session.get(User, from_id), act.session.get(User, to_id or 0)
    errors = {**_wrong(giver, taker, types), **_wrong_days(act, *days)}
    if not reason.strip() or len(reason) > LONGEST_REASON:
        errors["reason"] = NEEDS_REASON
    if errors:
        raise Invalid(errors)
    made = Delegation(principal=giver, stand_in=taker, types=list(types), starts_on=days[0], ends_on=days[1],
                      reason=reason.strip(), created_by_id=act.actor.id, created_at=act.now)
    act.session.add(made)
    _noted(act, "delegate", giver, {"to": [None, made.stand_in.username], "types": [None, made.types],
                                    "days": [None, f"{days[0]}/{days[1]}"]}, made.reason)
    return made


def _wrong_days(act: Any, starts_on: date | None, ends_on: date | None) -> dict[str, Text]:
    is_wrong = starts_on is None or ends_on is None or ends_on < starts_on or ends_on < act.today
    return {"days": WRONG_DAYS} if is_wrong else {}


def _wrong(giver: User | None, taker: User | None, types: Sequence[str]) -> dict[str, Text]:
    """Who may be asked to stand in: somebody else, active, who sees by a business role what is to be signed."""
    if giver is None or not giver.is_active:
        return {"from": NO_PERSON}
    if taker is None or not taker.is_active:
        return {"to": NO_PERSON}
    if taker.id == giver.id:
        return {"to": ONESELF}
    own = {spec.name: spec for spec in signed_types(giver.roles)}
    if not own:
        return {"from": SIGNS_NOTHING.with_(name=giver.name)}
    strange = [name for name in types if name not in own]
    if strange:
        spec = registry.type_named(strange[0])
        return {"types": NOT_ASKED.with_(name=giver.name, type=spec.label if spec else strange[0])}
    person = access.Actor.of(taker, "screen")
    unseen = [own[name] for name in types if not sees(person, own[name])]
    if unseen:
        return {"to": SEES_NOT.with_(name=taker.name, type=unseen[0].label)}
    if not any(sees(person, spec) for spec in own.values()):
        return {"to": SEES_NOTHING.with_(name=taker.name)}
    return {}


def end(act: Any, delegation: Delegation) -> None:
    """From now on nobody signs by it; what was signed stands."""
    verdict = may_delegate_for(act.actor, delegation.from_id)
    if verdict.reason is not None:
        raise Refused(verdict.reason)
    if delegation.ended_at is None:
        delegation.ended_at = act.now
        _noted(act, "end_delegation", delegation.principal, {"to": [delegation.stand_in.username, None]}, None)


def _noted(act: Any, action: str, giver: Any, changes: dict[str, Any], reason: str | None) -> None:
    act.session.flush()
    act.session.info.pop("delegations", None)
    audit.note(act.session, act, action, "delegation", giver.username, changes, reason)


def kept_by(session: Any, actor: access.Actor) -> list[Delegation]:
    """What a person gave or was given, the newest first; the administrator sees everybody's."""
    query = sa.select(Delegation).order_by(Delegation.id.desc()).limit(200)
    if ADMINISTRATOR not in actor.roles:
        query = query.where(sa.or_(Delegation.from_id == actor.id, Delegation.to_id == actor.id))
    return list(session.scalars(query).unique())
