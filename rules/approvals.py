"""Rounds of signatures: written down when a record is submitted, signed in order, each by another person who may.

Whoever changes a round holds the record's row (`act.lock`), so what is decided here still holds when it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm.attributes import flag_modified

from models.history import AuditEntry, Signature, SignedContent
from models.people import Membership, User
from models.spec import ADMINISTRATOR, ROLES, SIGNER, SUPERIORS, Refused, Step, Text
from rules import access, content, delegations, parameters, proof, workdays

WAITS_FOR = Text("正等待{role}签署", "Waiting for the signature of: {role}")
OWN = Text("不能签署自己填写、提交或最后修改的记录", "Nobody signs what they created, submitted or last edited")
TWICE = Text("同一人在一轮中只能签署一次", "One person signs once in a round")
NO_ROUND = Text("没有待签署的会签", "There is no round of signatures open")
CHANGED = Text("提交后内容已改动，须退回重新提交", "The content changed after it was submitted: send it back")
IN_PLACE = Text("代{name}签署：{why}", "In place of {name}: {why}")
LOST_ROLE = Text("签署所凭的角色已被收回", "The role that signs was taken away meanwhile")
NO_SUCH_STEP = Text("只能退回给本轮已经签署的步骤", "Only a step that has signed in this round can be asked again")
AND = Text("、", ", ")

# States in which somebody's signature stands, and in which the round went on without it.
WAITING, SIGNED, RETURNED, REFUSED, VOIDED, DROPPED = "waiting", "signed", "returned", "refused", "voided", "dropped"


# Asking -----------------------------------------------------------------------------------------------------------

def open_round(act: Any, record: Any, submitter_id: int | None = None) -> None:
    """Ask every step that applies, in order, and keep what they are asked about. The caller flushes the record."""
    number = (act.session.scalar(sa.select(sa.func.max(Signature.round)).where(*_of(record))) or 0) + 1
    asked_about = content.signed_content(record)
    common = {
        "type": record.spec.name, "record_id": record.id, "round": number, "revision": (record.revision or 0) + 1,
        "submitted_by_id": submitter_id or act.actor.id, "submitted_at": act.now, "content_hash": content.hash_of(asked_about)}
    common["edited_by_id"] = _last_editor(act.session, record)
    common["barred"] = _barred(record, common["submitted_by_id"], common["edited_by_id"])
    rows: list[Signature] = []
    group = -1
    for step in record.spec.workflow.approval:
        if is_asked(act, record, step):
            group += 1 if not step.beside or group < 0 else 0
            rows.append(Signature(**common, **_because(act, record, step), position=len(rows), step=group, role=step.role,
                                  state=WAITING))
    act.session.add(SignedContent(type=record.spec.name, record_id=record.id, round=number, content=asked_about))
    act.session.add_all(rows)
    _take_turns(act, rows)
    _tell(act, record, rows)


def is_asked(act: Any, record: Any, step: Step) -> bool:
    if step.when is not None and not step.when.holds(record, act):
        return False
    return not step.limit or (_amount(record, step) is not None and _amount(record, step) >= act.parameter(step.limit))


def _amount(record: Any, step: Step) -> Any:
    return getattr(record, record.spec.fields[step.field].column)


def _because(act: Any, record: Any, step: Step) -> dict[str, Any]:
    if not step.limit:
        return {}
    return {"limit_name": step.limit, "limit": act.parameter(step.limit), "amount": _amount(record, step)}


def _barred(record: Any, *authors: int | None) -> str:
    """Who wrote it, submitted it or edited it last, and whom the record names in a part that may not sign."""
    people = {record.created_by_id, *authors, *named_in(record, record.spec.workflow.barred)} - {None}
    return "".join((",", *(f"{id_}," for id_ in sorted(people))))


def named_in(record: Any, paths: Iterable[str]) -> set[int]:
    """The ids of the people in these fields: `handler`, or `members.technician` of a child table."""
    found = set()
    for path in paths:
        head, _, rest = path.partition(".")
        if rest:
            column = record.spec.lines[head].fields[rest].column
            found |= {getattr(row, column) for row in getattr(record, head)}
        else:
            found.add(getattr(record, record.spec.fields[head].column))
    return found - {None}


def _last_editor(session: Any, record: Any) -> int | None:
    return session.scalar(
        sa.select(AuditEntry.actor_id).where(
            AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id,
            AuditEntry.action.in_(("create", "edit")))
        .order_by(AuditEntry.id.desc()).limit(1))


def _take_turns(act: Any, rows: Sequence[Signature]) -> None:
    """Those whose turn it is now are asked, and from now on their time runs."""
    for row in turn(rows):
        if row.asked_at is None:
            row.asked_at, row.due_at = act.now, due_at(act.session, act.now)


def due_at(session: Any, since: datetime) -> datetime:
    return workdays.add(session, since, parameters.value(session, "signature_days"))


def _tell(act: Any, record: Any, rows: Sequence[Signature]) -> None:
    """The record's next audit entry says how these signatures stand; there will be one, also where no field changes."""
    act.tell_signatures(record, [proof.said_of_signature(row) for row in rows])
    if record.id is not None and sa.inspect(record).persistent:
        flag_modified(record, "updated_at")


def ask(act: Any, record: Any) -> None:
    """A record that came in from outside already waits for signatures: it gets its round. Flushes."""
    open_round(act, record)
    act.name_action(record, "ask")
    act.session.flush()


# Reading ----------------------------------------------------------------------------------------------------------

def _of(record: Any) -> tuple[Any, ...]:
    return Signature.type == record.spec.name, Signature.record_id == record.id


def rounds(session: Any, record: Any) -> list[Signature]:
    """All signatures ever asked for, round by round, in the order in which they are asked."""
    return list(session.scalars(_rounds(record)))


def _rounds(record: Any) -> Any:
    return sa.select(Signature).where(*_of(record)).order_by(Signature.round, Signature.step, Signature.position)


def hold(act: Any, record: Any) -> None:
    """Nobody else changes the record or its signatures until this act is done; both are read again as they stand."""
    act.lock(record)
    act.session.execute(_rounds(record).execution_options(populate_existing=True)).all()


def last_round(session: Any, record: Any) -> list[Signature]:
    found = rounds(session, record)
    return [row for row in found if row.round == found[-1].round]


def turn(rows: Iterable[Signature]) -> list[Signature]:
    """The signatures whose turn it is: of all that wait, those of the first step."""
    waiting = [row for row in rows if row.state == WAITING]
    first = min((row.step for row in waiting), default=None)
    return [row for row in waiting if row.step == first]


def earlier_roles(session: Any, record: Any) -> tuple[str, ...]:
    """Who has signed in this round before those whose turn it is: they can be asked again."""
    rows = last_round(session, record)
    present = turn(rows)[:1]
    return tuple(row.role for row in rows if row.state == SIGNED and present and row.step < present[0].step)


def submitter(session: Any, record: Any) -> int | None:
    rows = last_round(session, record)
    return rows[-1].submitted_by_id if turn(rows) else None


def content_of(session: Any, signature: Signature) -> dict[str, Any]:
    """What a signature was asked about."""
    kept = session.get(SignedContent, (signature.type, signature.record_id, signature.round))
    return kept.content if kept is not None else {"fields": {}, "lines": {}}


def signed_before(rows: Sequence[Signature]) -> Signature | None:
    """Of the rounds before the last one, the latest signature that somebody put or refused: that version was seen."""
    return next((row for row in reversed(rows) if row.round < rows[-1].round and row.signed_by_id is not None), None)


# Who may ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Hand:
    """With which signature an actor signs now, and in whose place; or why not."""

    verdict: access.Verdict
    asked: Signature | None = None
    principal: access.Actor | None = None


def may_sign(session: Any, actor: access.Actor, record: Any, *, returns: bool = False) -> access.Verdict:
    return hand(session, actor, record, returns=returns).verdict


def hand(session: Any, actor: access.Actor, record: Any, *, returns: bool = False) -> Hand:
    """For oneself where possible, else in the place of somebody who delegated it. Whom the record names in a part that
    may not sign it may still send it back (`returns`)."""
    rows = last_round(session, record)
    barring = () if returns else record.spec.workflow.barred
    asked = turn(rows)
    if not asked:
        return Hand(access.Verdict(NO_ROUND))
    reasons = []
    for one in asked:
        if _holds(actor, record, one.role):
            reasons.append(_excluded(record, rows, one, actor.id, barring))
            if reasons[-1] is None:
                return Hand(access.YES, one)
    if actor.id is not None:
        for principal, why in delegations.principals(session, actor, record.spec):
            for one in asked:
                if _holds(principal, record, one.role):
                    reasons.append(why or _excluded_in_place(record, rows, one, (actor, principal), barring))
                    if reasons[-1] is None:
                        return Hand(access.YES, one, principal)
    waited = WAITS_FOR.with_(role=_listed(one.role for one in asked))
    return Hand(access.Verdict(next((reason for reason in reasons if reason), waited)))


def _listed(roles: Iterable[str]) -> Text:
    labels = [ROLES[role].label for role in roles]
    return Text(*(mark.join(words) for mark, words in zip(AND, zip(*labels, strict=True), strict=True)))


def _holds(person: access.Actor, record: Any, role: str) -> bool:
    return role in person.roles and "A" in access.given(record.spec, role) and access.in_scope(person, record, role)


def _excluded(record: Any, rows: Iterable[Signature], one: Signature, person_id: int | None,
              barring: tuple[str, ...]) -> Text | None:
    """Why this person signs nothing in the round: it is their own, or they have signed it already."""
    if person_id in (record.created_by_id, one.submitted_by_id, one.edited_by_id):
        return OWN
    if person_id in named_in(record, barring):
        return _named_reason(record, person_id)
    if any(row.state == SIGNED and person_id in (row.signed_by_id, row.for_id) for row in rows):
        return TWICE
    return None


def _named_reason(record: Any, person_id: int | None) -> Text | None:
    """The sentence of the condition that excludes whom the record names."""
    return next((c.reason(record) for move in record.spec.workflow.moves if SIGNER in move.by
                 for c in move.when if person_id in named_in(record, c.bars)), None)


def _excluded_in_place(record: Any, rows: Sequence[Signature], one: Signature,
                       people: tuple[access.Actor, access.Actor], barring: tuple[str, ...]) -> Text | None:
    """A stand-in must be free to sign, and so must the person in whose place it is."""
    for person in people:
        why = _excluded(record, rows, one, person.id, barring)
        if why is not None:
            return IN_PLACE.with_(name=people[1].name, why=why)
    return None


# Signing ----------------------------------------------------------------------------------------------------------

def sign(act: Any, record: Any) -> bool:
    """Put the actor's name under the step whose turn it is; True when nobody is left to sign and the record moves on."""
    rows, asked = last_round(act.session, record), _answered(act, record, SIGNED)
    if asked.content_hash != content.hash_of(content.signed_content(record)):
        raise Refused(CHANGED)
    _take_turns(act, rows)
    _tell(act, record, [asked, *(row for row in turn(rows) if row is not asked)])
    return not turn(rows)


def give_back(act: Any, record: Any, *, refuses: bool) -> None:
    """Whoever is asked sends the record back, or refuses it for good: the round ends."""
    asked = _answered(act, record, REFUSED if refuses else RETURNED)
    _tell(act, record, [asked])
    drop(act, record)


def ask_again(act: Any, record: Any, role: str) -> None:
    """Whoever is asked sends the record back to an earlier step of the round: that one and those after it sign anew."""
    rows = last_round(act.session, record)
    target = next((row for row in rows if row.role == role and row.state == SIGNED), None)
    present = turn(rows)[:1]
    if target is None or not present or target.step >= present[0].step:
        raise Refused(NO_SUCH_STEP)
    again = [row for row in rows if row.step >= target.step and row.state in (SIGNED, WAITING)]
    asked = _answered(act, record, RETURNED)
    for row in again:
        if row is not asked:
            row.state = VOIDED if row.state == SIGNED else DROPPED
    place = max(row.position for row in rows) + 1
    new = [_anew(row, place + n) for n, row in enumerate(again)]
    act.session.add_all(new)
    _take_turns(act, new)
    _tell(act, record, [*again, *new])


def _anew(row: Signature, position: int) -> Signature:
    kept = ("type", "record_id", "round", "step", "role", "submitted_by_id", "submitted_at", "edited_by_id", "revision",
            "content_hash", "barred", "limit_name", "limit", "amount")
    return Signature(**{name: getattr(row, name) for name in kept}, position=position, state=WAITING)


def _answered(act: Any, record: Any, state: str) -> Signature:
    """The signature that the actor gives now, checked once more: what held when the page was made may not hold now."""
    given = hand(act.session, act.actor, record, returns=state != SIGNED)
    if given.verdict.reason is not None or given.asked is None:
        raise Refused(given.verdict.reason or NO_ROUND)
    holder = given.principal.id if given.principal else act.actor.id
    if not _still_holds(act.session, holder, given.asked.role):
        raise Refused(LOST_ROLE)
    asked = given.asked
    asked.state, asked.signed_by_id, asked.signed_at = state, act.actor.id, act.now
    asked.for_id, asked.comment = given.principal.id if given.principal else None, act.comment or None
    return asked


def _still_holds(session: Any, person_id: int | None, role: str) -> bool:
    """Asked of the database: the person was read when the request began, the record's row was locked since."""
    return session.scalar(sa.select(Membership.id).join(User, User.id == Membership.user_id).where(
        Membership.user_id == person_id, Membership.role == role, User.is_active).limit(1)) is not None


def drop(act: Any, record: Any) -> None:
    """The round ends without the signatures still missing: the record was sent back, withdrawn, cancelled or voided."""
    missing = [row for row in last_round(act.session, record) if row.state == WAITING]
    for row in missing:
        row.state = DROPPED
    _tell(act, record, missing)


def renew(act: Any, record: Any) -> bool:
    """Another act changed what is being signed: what was signed counts no longer, and everybody is asked anew."""
    rows = last_round(act.session, record)
    if not turn(rows) or rows[-1].content_hash == content.hash_of(content.signed_content(record)):
        return False
    for row in rows:
        row.state = {SIGNED: VOIDED, WAITING: DROPPED}.get(row.state, row.state)
    _tell(act, record, rows)
    open_round(act, record, rows[-1].submitted_by_id)
    return True


# Overdue ----------------------------------------------------------------------------------------------------------

def escalate(act: Any, record: Any, row: Signature) -> None:
    """The next level is told, which the round shows from now on. Flushes."""
    row.escalated_at, row.escalated_to = act.now, next_level(act.session, record, row)
    _tell(act, record, [row])
    act.name_action(record, "escalate")
    act.session.flush()


def next_level(session: Any, record: Any, row: Signature) -> str:
    """Who signs after it in this round, else a superior who sees the record, else the administrator."""
    later = [one.role for one in last_round(session, record) if one.state == WAITING and one.step > row.step]
    seeing = [role for role in SUPERIORS.get(row.role, ()) if record.spec.letters(role)]
    return next(iter([*later, *seeing]), ADMINISTRATOR)
