"""What every approval promises, whatever the type: the right people in the right order, each once, none of their own,
for what was written down when the record was submitted."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from models.history import Signature
from models.people import Delegation, Membership, User
from models.spec import ROLES, SIGNER, Kind, Refused
from rules import access, approvals, moves, parameters
from rules.act import Act
from tests import rounds, valid
from tests.valid import desk

each_signed = valid.those(lambda spec: spec.workflow.approval)
PLENTY = Decimal("1000000.00")


def round_of(session, spec, *, amount=PLENTY):
    """A record whose round has just been opened, with this amount."""
    state = next(move.to for move in spec.workflow.moves if move.opens_round)
    row = valid.record(session, spec.name, state)
    for step in spec.workflow.approval:
        if step.field:
            setattr(row, spec.fields[step.field].column, amount)
    approvals.drop(act_of(session, "technician"), row)
    approvals.open_round(Act(session, access.Actor.system()), row)
    session.flush()
    return row


def act_of(session, username, **changes):
    user = session.scalar(sa.select(User).where(User.username == username))
    return Act(session, replace(access.Actor.of(user, "screen"), **changes), "同意")


def actor(session, username):
    return act_of(session, username).actor


def why_not(session, who, row, **how):
    reason = approvals.may_sign(session, who, row, **how).reason
    return reason.zh if reason else ""


def sign(session, who, row):
    act = Act(session, who, "同意")
    over = approvals.sign(act, row)
    session.flush()
    return over


@contextmanager
def suppose(row, **values):
    """While it lasts the row says so; nothing is saved."""
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        set_committed_value(row, name, value)
    yield
    for name, value in before.items():
        set_committed_value(row, name, value)


def stand_in_for(spec):
    """Somebody who sees the type and is asked in none of its steps."""
    asked = {step.role for step in spec.workflow.approval}
    return next(valid.username(role) for role, letters in spec.access.items() if role not in asked and "V" in letters)


def the_steps_are_signed_in_their_order_by_who_is_asked_and_by_nobody_else(session, spec):
    row = round_of(session, spec)
    asked = list(approvals.last_round(session, row))
    assert [one.role for one in asked] == [step.role for step in spec.workflow.approval]
    for index, one in enumerate(asked):
        turn = f"正等待{ROLES[one.role].label.zh}签署"
        for role in set(ROLES) - {one.role}:
            done = role in [earlier.role for earlier in asked[:index]]
            assert why_not(session, valid.actor_of(session, role), row) == turn, (role, done)
        who = valid.actor_of(session, one.role)
        assert why_not(session, replace(who, roles=frozenset()), row) == turn
        with pytest.MonkeyPatch.context() as patch:   # who edits does not sign by that
            patch.setattr(spec.model, "spec", replace(spec, access={**spec.access, one.role: "CEVX"}))
            assert why_not(session, who, row) == turn
        if one.role in spec.scope:
            elsewhere = replace(who, units=frozenset({"U2"}), dealer_ids=frozenset())
            assert why_not(session, elsewhere, row) == turn
        assert sign(session, who, row) == (one is asked[-1])
        all_roles = replace(who, roles=frozenset(ROLES))
        assert why_not(session, all_roles, row) == (approvals.NO_ROUND if one is asked[-1] else approvals.TWICE).zh
    assert [one.state for one in asked] == ["signed"] * len(asked) and all(one.due_at for one in asked)


def nobody_signs_what_they_created_submitted_edited_last_or_are_named_in(session, spec):
    row = round_of(session, spec)
    [asked, *_] = approvals.last_round(session, row)
    who = valid.actor_of(session, asked.role)
    assert why_not(session, who, row) == ""
    for subject, column in ((row, "created_by_id"), (asked, "submitted_by_id"), (asked, "edited_by_id")):
        with suppose(subject, **{column: who.id}):
            for returns in (False, True):
                assert why_not(session, who, row, returns=returns) == approvals.OWN.zh, column
    for path in spec.workflow.barred:
        with naming(row, path, who.id):
            assert why_not(session, who, row) and why_not(session, who, row, returns=True) == "", path
    assert all(f",{id_}," in asked.barred for id_ in approvals.named_in(row, spec.workflow.barred))


@contextmanager
def naming(row, path, person_id):
    head, _, rest = path.partition(".")
    subject = getattr(row, head)[0] if rest else row
    field = row.spec.lines[head].fields[rest] if rest else row.spec.fields[head]
    with suppose(subject, **{field.column: person_id}):
        yield


def a_stand_in_signs_for_the_days_and_types_given_and_never_what_either_may_not(session, spec):
    row = round_of(session, spec)
    [asked, *_] = approvals.last_round(session, row)
    giver, taker = valid.username(asked.role), stand_in_for(spec)
    other = "quality_bulletin" if spec.name != "quality_bulletin" else "visit_plan"
    turn = f"正等待{ROLES[asked.role].label.zh}签署"
    principal, who = actor(session, giver), actor(session, taker)
    for days, types, told in (((-2, -1), [], "已于"), ((1, 2), [], "签署自"), ((0, 0), [other], turn)):
        made = rounds.delegate(session, giver, taker, first=days[0], last=days[1], types=types)
        assert told in why_not(session, who, row), told
        session.delete(made)
        session.flush()
    rounds.delegate(session, giver, taker, types=[spec.name])
    with suppose(row, created_by_id=principal.id):
        assert approvals.OWN.zh in why_not(session, who, row)
    with suppose(asked, submitted_by_id=who.id):
        assert approvals.OWN.zh in why_not(session, who, row)
    assert why_not(session, replace(who, roles=frozenset({"administrator"})), row) == turn
    sign(session, who, row)
    assert (asked.state, asked.signed_by_id, asked.for_id) == ("signed", who.id, principal.id)
    if not approvals.turn(approvals.last_round(session, row)):
        return
    for person in (who, principal):
        assert why_not(session, replace(person, roles=frozenset(ROLES)), row) == approvals.TWICE.zh


def a_limit_counts_from_its_amount_on_and_as_it_was_at_submission(session, spec):
    limited = [step for step in spec.workflow.approval if step.limit]
    for step in limited:
        limit = parameters.value(session, step.limit)
        act = Act(session, access.Actor.system())
        row = round_of(session, spec, amount=limit)
        [one] = [one for one in approvals.last_round(session, row) if one.role == step.role]
        assert (one.limit_name, one.limit, one.amount) == (step.limit, limit, limit)
        parameters.set_value(act, step.limit, str(limit + 1))
        assert one in approvals.last_round(session, row), "a round that runs keeps its limit"
        assert not approvals.is_asked(act, row, step)
        parameters.set_value(act, step.limit, str(limit))
        row = round_of(session, spec, amount=limit - Decimal("0.01"))
        assert step.role not in [one.role for one in approvals.last_round(session, row)]
    assert all(one.limit is None for one in approvals.last_round(session, round_of(session, spec))
               if one.role not in [step.role for step in limited])


def changed(spec, row):
    """One word of what is signed is another."""
    column = next(f.column for f in spec.fields.values() if f.typed and f.kind in (Kind.TEXT, Kind.LONGTEXT)
                  and f.name not in {name for move in spec.workflow.moves for name in move.stamps})
    return suppose(row, **{column: "另一说法"})


def what_changed_since_is_not_signed_nor_by_a_lost_role_nor_after_the_end(session, spec):
    row = round_of(session, spec)
    [asked, *_] = approvals.last_round(session, row)
    who = valid.actor_of(session, asked.role)
    session.commit()
    for spoil, reason in (
            (lambda: changed(spec, row), approvals.CHANGED), (lambda: lost(session, who, asked.role), approvals.LOST_ROLE)):
        with spoil(), pytest.raises(Refused) as refusal:
            approvals.sign(Act(session, who), row)
        assert refusal.value.reason == reason
        session.rollback()
    with suppose(row, state=spec.workflow.initial):
        for move in (move for move in spec.workflow.moves if SIGNER in move.by):
            assert not moves.may_move(session, who, row, move)
    assert approvals.last_round(session, row)[0].state == "waiting"


@contextmanager
def lost(session, who, role):
    session.execute(sa.delete(Membership).where(Membership.user_id == who.id, Membership.role == role))
    yield


def the_author_takes_a_submission_back_and_the_round_stays_on_file(session, spec):
    row = round_of(session, spec)
    for one in approvals.last_round(session, row):
        one.submitted_by_id = valid.id_of(session, "administrator")
    session.flush()
    move = spec.workflow.move("unsubmit")
    assert move.to == next(m for m in spec.workflow.moves if m.opens_round).source[0]
    assert not moves.may_move(session, valid.actor_of(session, "deputy_gm"), row, move)
    act = Act(session, valid.actor_of(session, "administrator"), "金额有误")
    flow = replace(spec.workflow, moves=tuple(replace(m, then=None) if m == move else m for m in spec.workflow.moves))
    with pytest.MonkeyPatch.context() as patch:   # what a type does besides is its own story
        patch.setattr(spec.model, "spec", replace(spec, workflow=flow))
        moves.make(act, row, "unsubmit", revision=row.revision)
    assert row.state == move.to
    assert {one.state for one in approvals.last_round(session, row)} == {"dropped"}
    assert session.scalar(sa.select(sa.func.count()).select_from(Signature).where(
        Signature.type == spec.name, Signature.record_id == row.id)) >= len(approvals.last_round(session, row))


PROMISES = (
    the_steps_are_signed_in_their_order_by_who_is_asked_and_by_nobody_else,
    nobody_signs_what_they_created_submitted_edited_last_or_are_named_in,
    a_stand_in_signs_for_the_days_and_types_given_and_never_what_either_may_not,
    a_limit_counts_from_its_amount_on_and_as_it_was_at_submission,
    what_changed_since_is_not_signed_nor_by_a_lost_role_nor_after_the_end,
    the_author_takes_a_submission_back_and_the_round_stays_on_file)


@each_signed
def test_an_approval_keeps_every_promise(app, spec):
    """One story after the other on one database: making it anew for each would take longer than they do."""
    for promise in PROMISES:
        with desk(app) as session:
            promise(session, spec)
            session.execute(sa.delete(Delegation))
