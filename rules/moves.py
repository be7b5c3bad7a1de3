"""Moves: who takes a record from one state to another, what must be there first, and what happens with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.conditions import is_filled
from models.spec import (
    APPROVER, DRAFTER, OWNER, ROLES, SIGNER, SUBMITTER, SYSTEM, VOID, Field, Invalid, Kind, Move, Refused, Text,
)
from rules import access, approvals, checks, notices, numbering, records

NO_SUCH = Text("没有“{move}”这一步", "There is no move “{move}”")
NOT_NOW = Text("当前状态为“{state}”，不能{move}", "In the state “{state}” this cannot be done: {move}")
NOT_YOU = Text("“{move}”由{who}办理", "“{move}” is for: {who}")
NEEDS_REASON = Text("请填写原因", "Give a reason")
NEEDS_REVISION = Text("签署须注明所见版本", "A signature must name the revision that was seen")
NEEDS = Text("{move}前请填写“{label}”", "Fill in “{label}” before: {move}")
NOT_TAKEN = Text("“{label}”不能随此操作填写", "“{label}” cannot be given with this move")

TOLD = Text("{type} {number}：{move}", "{type} {number}: {move}")

WORDS = {
    OWNER: Text("填写人本人", "its creator"), SUBMITTER: Text("提交人", "whoever submitted it"),
    SIGNER: Text("当前签署人", "whoever is asked to sign"), SYSTEM: Text("系统", "the system"),
    DRAFTER: Text("填写人（初始状态时）", "its creator, while in the first state"),
    APPROVER: Text("有审批权的角色", "roles with approval right"),
}


@dataclass(frozen=True)
class Offer:
    """A move out of the present state: whether it can be made now, and if not, why."""

    move: Move
    reason: Text | None
    asks: tuple[Field, ...]   # required fields still empty, which may be filled in with the move
    is_mine: bool             # the actor's role makes this move at all
    back_to: tuple[str, ...] = ()   # a return may ask the steps of these roles again instead


def may_move(session: Any, actor: access.Actor, record: Any, move: Move, *, consequence: bool = False) -> access.Verdict:
    """Is the move the actor's to make, in this state? (Whether everything needed is there is `unmet`.)

    `consequence`: another act brings it about, so it counts as made by the system.
    """
    if record.state not in move.source:
        state = record.spec.workflow.state(record.state)
        return access.Verdict(NOT_NOW.with_(state=state.label if state else record.state, move=move.label))
    if consequence and SYSTEM in move.by:
        return access.YES
    if not access.may(actor, "view", record.spec, record):
        return access.OUT_OF_SCOPE
    if not access.within_token(actor, record.spec, "void" if move.to == VOID else "move"):
        return access.NOT_IN_TOKEN
    verdicts = [_by(session, actor, record, word, move) for word in move.by]
    if any(verdicts):
        return access.YES
    told = next((v for v, word in zip(verdicts, move.by, strict=True) if word == SIGNER or v is access.OUT_OF_SCOPE), None)
    return told if told is not None else access.Verdict(NOT_YOU.with_(move=move.label, who=who_makes(move)))


def _by(session: Any, actor: access.Actor, record: Any, word: str, move: Move) -> access.Verdict:
    mine = actor.id is not None and record.created_by_id == actor.id
    if word == SYSTEM:
        return access.YES if actor.is_system else access.NO_ROLE
    if word == OWNER:
        return access.YES if mine else access.NO_ROLE
    if word == DRAFTER:
        return access.YES if mine and record.state == record.spec.workflow.initial else access.NO_ROLE
    if word == SUBMITTER:
        is_theirs = actor.id is not None and approvals.submitter(session, record) == actor.id
        return access.YES if is_theirs else access.NO_ROLE
    if word == SIGNER:
        return approvals.may_sign(session, actor, record, returns=move.comment)
    roles = {role for role in actor.roles if role == word}
    if word == APPROVER:
        past_draft = record.state != record.spec.workflow.initial
        roles = {role for role in actor.roles if past_draft and "A" in access.given(record.spec, role)}
    if not roles:
        return access.NO_ROLE
    return access.YES if any(access.in_scope(actor, record, role) for role in roles) else access.OUT_OF_SCOPE


def who_makes(move: Move) -> Text:
    labels = [WORDS[word] if word in WORDS else ROLES[word].label for word in move.by]
    return Text("、".join(label.zh for label in labels), ", ".join(label.en for label in labels))


def unmet(act: Any, record: Any, move: Move) -> Text | None:
    """The first condition of the move that does not hold, in words."""
    return next((c.reason(record) for c in move.when if not c.holds(record, act)), None)


def lacking(record: Any, move: Move) -> dict[str, Text]:
    """Required fields and child tables that are still empty."""
    spec = record.spec
    found = {}
    for name in move.requires:
        label = spec.fields[name].label if name in spec.fields else spec.lines[name].label
        value = getattr(record, spec.fields[name].column if name in spec.fields else name)
        if not is_filled(value):
            found[name] = NEEDS.with_(move=move.label, label=label)
    return found


def offered(act: Any, record: Any) -> list[Offer]:
    """Every move out of the present state, for the buttons of a page and for programs that ask."""
    closed, found = checks.read_only(record.spec), []
    for move in record.spec.workflow.moves_from(record.state):
        verdict = may_move(act.session, act.actor, record, move)
        asks = tuple(record.spec.fields[name] for name in lacking(record, move)
                     if name in record.spec.fields and name not in closed)
        lines = [text for name, text in lacking(record, move).items() if name not in [f.name for f in asks]]
        reason = verdict.reason
        if reason is None:
            reason = next(iter(lines), None) or (None if asks else unmet(act, record, move))
        back_to = approvals.earlier_roles(act.session, record) if move.returns and verdict else ()
        found.append(Offer(move, reason, asks, is_mine=bool(verdict), back_to=back_to))
    return found


def make(act: Any, record: Any, name: str, *, revision: int | None = None, fields: Mapping[str, Any] | None = None,
         consequence: bool = False, back_to: str = "") -> Any:
    """Make a move, with all that belongs to it, in one transaction. Raises Refused or Invalid; flushes.

    `back_to`: the role of an earlier step that a return asks again, instead of ending the round.
    """
    move = record.spec.workflow.move(name)
    if move is None:
        raise Refused(NO_SUCH.with_(move=name))
    signs = SIGNER in move.by
    if (signs or move.opens_round) and not consequence:
        approvals.hold(act, record)   # of two who decide at once, the second decides on what the first left
    # Who signs has seen the files too; that others signed meanwhile takes nothing from it.
    records.seen(record, revision, records.SIGNED_BY_OTHERS if signs else records.REMARKS)
    records.allow(may_move(act.session, act.actor, record, move, consequence=consequence))
    if move.comment and not act.comment.strip():
        raise Invalid({"comment": NEEDS_REASON})
    if signs and revision is None:
        raise Invalid({"revision": NEEDS_REVISION})
    if back_to and not move.returns:
        raise Invalid({"back_to": approvals.NO_SUCH_STEP})
    _fill(act, record, move, fields or {})
    reason = unmet(act, record, move)
    if reason is not None:
        raise Refused(reason)
    _carry_out(act, record, move, back_to)
    return record


def _fill(act: Any, record: Any, move: Move, fields: Mapping[str, Any]) -> None:
    """Take the required fields that came with the move; refuse if any is still empty."""
    spec = record.spec
    strange = {name: NOT_TAKEN.with_(label=spec.fields[name].label if name in spec.fields else name)
               for name in fields if name not in move.requires}
    errors = strange or checks.take(record, fields, act.looks())
    record.derive(act)
    checks.refuse({**lacking(record, move), **errors})


def _carry_out(act: Any, record: Any, move: Move, back_to: str) -> None:
    was_signed = access.is_being_signed(record)
    act.name_action(record, f"move:{move.name}", act.comment)
    act.move, act.stay = move, False
    if SIGNER in move.by:
        _answer(act, record, move, back_to)
    if move.then is not None and not act.stay:
        move.then(record, act)
    if not act.stay:
        _stamp(act, record, move)
        record.state = move.to
        if record.number is None and record.spec.numbered_at == move.name:
            record.number = numbering.next_number(act.session, record.spec, act.today)
    if move.opens_round:
        approvals.open_round(act, record)
    elif was_signed and SIGNER not in move.by and not act.stay:
        approvals.drop(act, record)
    record.derive(act)
    checks.refuse(checks.full(record, act))
    records.flush(act.session, record)
    if move.opens_round or SIGNER in move.by:
        notices.of_round(act, record)
    if move.tells and not act.stay:
        _tell(act, record, move)


def _answer(act: Any, record: Any, move: Move, back_to: str) -> None:
    """One signature, or a return. The record stays where it is as long as signatures are missing."""
    if back_to:
        approvals.ask_again(act, record, back_to)
        act.name_action(record, "ask_again", act.comment)
        act.stay = True
    elif move.comment:
        approvals.give_back(act, record, refuses=move.calls_off)
    elif not approvals.sign(act, record):
        act.name_action(record, "sign", act.comment)
        act.stay = True


def _tell(act: Any, record: Any, move: Move) -> None:
    """Those for whom the move is news, each once, unless they made it."""
    meant = move.tells(record) if callable(move.tells) else move.tells
    people = set(notices.people_for(act.session, record, [word for word in meant if isinstance(word, str)]))
    people |= access.viewers(act.session, record, {id_ for id_ in meant if isinstance(id_, int)})
    text = TOLD.with_(type=record.spec.label, number=record.number or f"#{record.id}", move=move.label)
    notices.tell_people(act, record, people - {act.actor.id}, text, kind="move", key=f"{move.name}:{record.revision}")


def _stamp(act: Any, record: Any, move: Move) -> None:
    for name in move.stamps:
        field = record.spec.fields[name]
        if name in getattr(record, "keeps_first", ()) and getattr(record, field.column) is not None:
            continue
        values = {Kind.DATE: act.today, Kind.DATETIME: act.now, Kind.USER: act.actor.id, Kind.BOOL: True}
        setattr(record, field.column, values[field.kind])
        checks.forget_target(record, field)

