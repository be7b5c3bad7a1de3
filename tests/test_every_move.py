"""What every move promises: it is made by those it is given to, in the states it is given for, and leaves a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from models.history import AuditEntry
from models.spec import ADMINISTRATOR, ROLES, SYSTEM, VOID, names
from rules import access, moves
from rules.access import Actor
from rules.act import Act
from tests import reading, valid
from tests.browser_of_a_person import Person, problems
from tests.valid import desk, each_type


# Through the rule, each move by each role -------------------------------------------------------------------------

def stranger(actor):
    """The same roles at another dealer, in another department, and another person."""
    return replace(actor, id=actor.id + 10_000, units=frozenset({"elsewhere"}), dealer_ids=frozenset({10_000}))


@pytest.mark.once
@each_type
def test_each_move_is_made_by_those_it_is_given_to_and_by_nobody_else(app, spec):
    wrong = []
    with desk(app) as session:
        for state in names(spec.workflow.states):
            row = valid.record(session, spec.name, state)
            for role in ROLES:
                actor = valid.actor_of(session, role)
                valid.belongs_to(session, row, role)
                for own, mine in ((True, False), (True, True), (False, False), (False, True)):
                    who = actor if own else stranger(actor)
                    valid.created_by(row, who.id if mine else None)
                    for move in spec.workflow.moves:
                        expected = valid.makes(spec, move, state, role, own=own, mine=mine)
                        verdict = moves.may_move(session, who, row, move)
                        if bool(verdict) != expected or (not expected and not all(verdict.reason)):
                            wrong.append((move.name, state, role, f"{own=} {mine=} {expected=}"))
            valid.created_by(row, None)
    assert not wrong


@pytest.mark.once
@each_type
def test_a_job_makes_the_moves_of_the_system_and_no_other(app, spec):
    with desk(app) as session:
        for state in names(spec.workflow.states):
            row = valid.record(session, spec.name, state)
            for move in spec.workflow.moves:
                expected = state in move.source and "system" in move.by
                assert bool(moves.may_move(session, Actor.system(), row, move)) == expected, (move.name, state)


@each_type
def test_every_type_can_be_called_off_by_its_writer_and_later_by_who_approves(spec):
    """Unless it has a move of its own, a record is voided from every state that is not an end."""
    calling_off = [move for move in spec.workflow.moves if move.to in (VOID, "cancelled")]
    assert calling_off and all(move.comment for move in calling_off)
    base = spec.workflow.move(VOID)
    if base and base.by == ("drafter", "approver"):
        assert set(base.source) == {s for s in names(spec.workflow.states)
                                    if any(s in move.source for move in spec.workflow.moves)}


# A record that goes with another makes the moves of that one: no person makes any.
each_moved = valid.those(lambda spec: any(set(move.by) - {SYSTEM} for move in spec.workflow.moves))


# Through the screen -----------------------------------------------------------------------------------------------

def prepared(app, spec, wanted):
    """(id, move, role) of a record on which the move can be made now, by somebody who holds the role.

    The move is the first that is `wanted` and whose conditions hold on a record made from the declaration.
    """
    with desk(app) as session:
        for state in names(spec.workflow.states):
            for move in filter(wanted, spec.workflow.moves_from(state)):
                found = valid.maker(spec, move, state)
                if found is None:
                    continue
                role, mine = found
                row = valid.record(session, spec.name, state, also=move.requires,
                                   creator=valid.username(role) if mine else None)
                act = Act(session, valid.actor_of(session, role), "because")
                if moves.unmet(act, row, move) is None and not moves.lacking(row, move):
                    return row.id, move, role
    raise AssertionError(f"{spec.name}: no move like that can be made")


def onlookers(spec, move, state):
    """Roles that see the record but to which the move is not given, and a role that does not even see it."""
    seeing = [role for role in ROLES if valid.sees(spec, role) and not valid.makes(spec, move, state, role)]
    blind = [role for role in ROLES if not valid.sees(spec, role)]
    return [*seeing[:2], ADMINISTRATOR], blind[:1]


@each_moved
def test_a_move_is_made_by_the_right_person_and_refused_to_others(app, spec):
    several = len(spec.workflow.approval) > 1   # one signature of several leaves the record where it is
    id_, move, role = prepared(app, spec, lambda m: m.to not in m.source and m.goes_on and not (m.signs and several))
    before = valid.snapshot(app, spec.name, id_)
    seeing, blind = onlookers(spec, move, before["state"])
    for other in seeing:
        answer = Person(app, valid.username(other)).move(spec.name, id_, move.name, comment="because")
        assert answer.status_code == 403, (other, problems(answer))
        told = f"“{move.label.zh}”由" if "signer" not in move.by else "正等待"
        assert told in reading.text_of(answer.text), problems(answer)
    for other in blind:
        assert Person(app, valid.username(other)).move(spec.name, id_, move.name).status_code == 403
    assert valid.snapshot(app, spec.name, id_) == before
    person = Person(app, valid.username(role))
    answer = person.move(spec.name, id_, move.name, comment="because")
    assert answer.status_code == 302, __import__("re").findall(r"error[^>]*>([^<]+)<", answer.text)
    after = valid.snapshot(app, spec.name, id_)
    assert (after["state"], after["number"]) == (move.to, before["number"])
    assert after["revision"] > before["revision"]
    with desk(app) as session:
        entry = session.scalars(sa.select(AuditEntry).where(
            AuditEntry.type == spec.name, AuditEntry.record_id == id_).order_by(AuditEntry.id.desc())).first()
        assert (entry.action, entry.door, entry.comment) == (f"move:{move.name}", "screen", "because")
        assert entry.actor_id == valid.id_of(session, valid.username(role))
        assert entry.changes["state"] == [before["state"], move.to]
    assert person.move(spec.name, id_, move.name, comment="because").status_code == 403, "it was made already"


@pytest.mark.once
@each_moved
def test_a_record_is_called_off_only_with_a_reason_and_keeps_its_number(app, spec):
    id_, move, role = prepared(app, spec, lambda m: m.to in (VOID, "cancelled"))
    person, before = Person(app, valid.username(role)), valid.snapshot(app, spec.name, id_)
    for nothing in ("", "   "):
        answer = person.move(spec.name, id_, move.name, comment=nothing)
        assert answer.status_code == 422 and "请填写原因" in reading.text_of(answer.text)
    assert valid.snapshot(app, spec.name, id_) == before
    assert person.move(spec.name, id_, move.name, comment="录错了").status_code == 302
    after = valid.snapshot(app, spec.name, id_)
    assert (after["state"], after["number"]) == (move.to, before["number"])
    with desk(app) as session:
        following = valid.record(session, spec.name, place=valid.THERE)
        assert "id" in spec.scope.values() or following.number > before["number"]


@pytest.mark.once
@each_moved
def test_a_move_on_an_older_revision_than_the_present_one_is_refused(app, spec):
    id_, move, role = prepared(app, spec, lambda m: m.to not in m.source)
    before = valid.snapshot(app, spec.name, id_)
    for seen in (before["revision"] - 1, "", "x"):
        answer = Person(app, valid.username(role)).move(spec.name, id_, move.name, comment="because", revision=seen)
        assert answer.status_code == 409
    assert valid.snapshot(app, spec.name, id_) == before


@pytest.mark.once
@each_type
def test_a_record_that_has_ended_is_read_only(app, spec):
    ends = [state for state in names(spec.workflow.states) if spec.workflow.is_terminal(state)]
    assert ends
    for state in ends:
        with desk(app) as session:
            row = valid.record(session, spec.name, state)
            id_ = row.id
            for role in ROLES:
                actor = valid.actor_of(session, role)
                valid.created_by(row, actor.id)
                assert not access.may(actor, "edit", spec, row), (state, role)
            valid.created_by(row, None)
        before = valid.snapshot(app, spec.name, id_)
        for role in valid.roles_with(spec, "E")[:2]:
            person = Person(app, valid.username(role))
            assert person.get(f"/admin/{spec.name}/edit/?id={id_}").status_code == 403
            answer = person.post(f"/admin/{spec.name}/edit/?id={id_}", {"revision": before["revision"]})
            assert answer.status_code == 403 and "记录已结束" in reading.text_of(answer.text)
        assert valid.snapshot(app, spec.name, id_) == before


# The administrator ------------------------------------------------------------------------------------------------

@pytest.mark.once
@each_type
def test_the_administrator_sees_all_rows_and_changes_none(app, spec):
    kept = {}
    with desk(app) as session:
        for state in names(spec.workflow.states):
            row = valid.record(session, spec.name, state, **({"place": valid.HERE} if "id" in spec.scope.values() else {}))
            if "id" not in spec.scope.values() or state == spec.workflow.initial:
                kept[state] = row.id
        if "id" in spec.scope.values():
            row.state = spec.workflow.initial
            Act(session, Actor.system("import"), is_history=True).touch(row)
        elsewhere = valid.record(session, spec.name, place=valid.THERE).id
        entered = valid.posted(valid.raw(session, spec))
    person = Person(app, ADMINISTRATOR)
    assert {*kept.values(), elsewhere} <= set(reading.ids_of(person.get(f"/admin/{spec.name}/").text))
    assert person.get(f"/admin/{spec.name}/new/").status_code == 403
    assert person.post(f"/admin/{spec.name}/new/", entered).status_code == 403
    for state, id_ in kept.items():
        before = valid.snapshot(app, spec.name, id_)
        assert person.get(f"/admin/{spec.name}/edit/?id={id_}").status_code == 403
        assert person.post(f"/admin/{spec.name}/edit/?id={id_}", {**entered, "revision": 1}).status_code == 403
        for move in spec.workflow.moves_from(state):
            answer = person.move(spec.name, id_, move.name, comment="because", revision=before["revision"])
            assert answer.status_code == 403, (state, move.name)
        assert valid.snapshot(app, spec.name, id_) == before
