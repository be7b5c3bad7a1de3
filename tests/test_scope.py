"""Row scope: who is held to their own dealer, department or self meets nobody else's row, whatever they ask or send."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from models.spec import ROLES, Kind
from rules import registry
from tests import reading, valid
from tests.browser_of_a_person import Person, problems
from tests.valid import HERE, THERE, TYPES, desk

HELD = [(spec, role) for spec in TYPES.values() for role in ROLES if not valid.sees(spec, role, own=False)
        and valid.sees(spec, role)]
each_held = pytest.mark.parametrize(
    ("spec", "role"), [pytest.param(spec, role, id=f"{spec.name}-{role}") for spec, role in HELD])


def _links():
    """(type, role, link field) where the role writes the type, but sees only its own rows of what the field names."""
    for spec in TYPES.values():
        for role in valid.writers(spec):
            held = [name for name in valid.typable(spec) if (TYPES.get(spec.fields[name].to), role) in HELD]
            yield from (pytest.param(spec, role, name, id=f"{spec.name}-{role}-{name}") for name in held[:1])


each_link = pytest.mark.parametrize(("spec", "role", "name"), list(_links()))


def own_and_other(app, spec, role):
    """(id, number) of a record here, and of one there."""
    with desk(app) as session:
        here, there = (valid.record(session, spec.name, place=place, role=role) for place in (HERE, THERE))
        return (here.id, here.number), (there.id, there.number)


def test_the_scoped_roles_are_really_here():
    assert {role for _, role in HELD} >= {"dealer", "appraiser", "technician"} and len(HELD) >= 8
    assert any(role == "dealer" for *_, role in [(p.values[0], p.values[1]) for p in _links()])


@each_held
@pytest.mark.parametrize("place", [HERE, THERE])
def test_everybody_sees_their_own_rows_and_nobody_elses(app, spec, role, place):
    pair = own_and_other(app, spec, role)
    (own, own_number), (other, other_number) = pair if place == HERE else reversed(pair)
    person = Person(app, valid.username(role, place))
    base = f"/admin/{spec.name}/"

    def rows(query=""):
        page = person.get(base + query)
        assert page.status_code == 200
        return reading.ids_of(page.text)

    for query in ("", "?sort=number", "?sort=-created_at", f"?state={spec.workflow.initial}", "?page=2"):
        assert own in rows(query) and other not in rows(query), query
    assert rows(f"?q={own_number}") == rows(f"?number={own_number}") == [own]
    assert rows(f"?q={other_number}") == rows(f"?number={other_number}") == []
    for name in ("details", "edit"):
        assert person.get(f"{base}{name}/?id={other}").status_code == 404
    assert person.get(f"{base}details/?id={own}").status_code == 200
    assert other_number not in person.get(f"{base}details/?id={own}").text


@each_held
def test_nobody_changes_a_row_they_do_not_see(app, spec, role):
    (own, _), (other, _) = own_and_other(app, spec, role)
    person, base = Person(app, valid.username(role)), f"/admin/{spec.name}/"
    before = valid.snapshot(app, spec.name, other)
    assert person.post(f"{base}edit/?id={other}", {"revision": before["revision"]}).status_code == 404
    for move in spec.workflow.moves:
        assert person.move(spec.name, other, move.name, comment="because").status_code == 404, move.name
    assert person.post(f"{base}{other}/uncover", {"reason": "because"}).status_code == 404
    assert person.post(f"{base}{other}/acknowledge/1").status_code == 404
    assert valid.snapshot(app, spec.name, other) == before
    assert person.post(f"{base}{own}/uncover", {"reason": "because"}).status_code == 403, "their own is there"


@each_held
def test_the_file_holds_their_own_rows_or_is_refused(app, spec, role):
    (_, own_number), (_, other_number) = own_and_other(app, spec, role)
    answer = Person(app, valid.username(role)).get(f"/admin/{spec.name}/export/csv/")
    if "X" not in spec.access[role]:
        assert answer.status_code == 403
        return
    numbers = [row[0] for row in reading.csv_of(answer.data)[1]]
    assert own_number in numbers and other_number not in numbers


@each_held
def test_a_choice_box_offers_their_own_rows_only(app, spec, role):
    (own, own_number), (other, other_number) = own_and_other(app, spec, role)
    person, asked = Person(app, valid.username(role)), 0
    for pointing, field in registry.pointing_at(spec.name):
        if not valid.sees(pointing, role):
            continue
        for words in ("", own_number, other_number):
            offered = person.get(f"/admin/{pointing.name}/choices/?field={field}&q={words}").json
            assert str(other) not in [row["id"] for row in offered], (pointing.name, field, words)
        everything = person.get(f"/admin/{pointing.name}/choices/?field={field}").json
        chosen_in = spec.chosen_in or (spec.workflow.initial,)
        assert spec.workflow.initial not in chosen_in or str(own) in [row["id"] for row in everything]
        filtered = person.get(f"/admin/{pointing.name}/?{field}={other}")
        assert filtered.status_code == 400 or not reading.ids_of(filtered.text)
        assert other_number not in filtered.text
        asked += 1
    assert asked or not any(valid.sees(pointing, role) for pointing, _ in registry.pointing_at(spec.name))


@each_link
def test_a_forged_link_to_a_row_they_do_not_see_is_refused_and_names_nothing(app, spec, role, name):
    target = TYPES[spec.fields[name].to]
    with desk(app) as session:
        state = target.chosen_in[0] if target.chosen_in else None
        here, there = (valid.record(session, target.name, state, place=place, role=role) for place in (HERE, THERE))
        own, other, called = here.id, there.id, (there.called, there.number)
        entered = valid.raw(session, spec, role=role, **{name: str(own)})
        before = session.scalar(sa.select(sa.func.count()).select_from(spec.model))
    person = Person(app, valid.username(role))
    offered = person.get(f"/admin/{spec.name}/new/?{name}={other}")
    assert offered.status_code == 200 and not [word for word in called if word in offered.text], "the form names it"
    for forged in (other, 10_000):
        answer = person.post(f"/admin/{spec.name}/new/", valid.posted({**entered, name: str(forged)}))
        assert answer.status_code == 422, problems(answer)
        assert spec.fields[name].label.zh in reading.text_of(answer.text)
        assert not [word for word in called if word in answer.text], "the refusal names it"
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(spec.model)) == before
    answer = person.post(f"/admin/{spec.name}/new/", valid.posted({**entered, name: str(own)}))
    assert answer.status_code == 302, "their own may be named: " + problems(answer)


WRITERS_HELD = [(spec, role) for spec, role in HELD
                if role in valid.writers(spec) and spec.scope[role] in valid.typable(spec)]


@pytest.mark.parametrize(("spec", "role"), [pytest.param(s, r, id=f"{s.name}-{r}") for s, r in WRITERS_HELD])
def test_a_new_record_belongs_to_its_writers_own_place_and_stays_there(app, spec, role):
    field = spec.fields[spec.scope[role]]
    with desk(app) as session:
        entered = {k: v for k, v in valid.raw(session, spec, role=role).items() if k != field.name}
        own, other = (valid._placed(session, spec, place)[field.name] for place in (HERE, THERE))
    person = Person(app, valid.username(role))
    answer = person.post(f"/admin/{spec.name}/new/", valid.posted({**entered, field.name: other}))
    assert answer.status_code == 422
    answer = person.post(f"/admin/{spec.name}/new/", valid.posted(entered))
    assert answer.status_code == 302, problems(answer)
    id_ = int(parse_qs(urlsplit(answer.location).query)["id"][0])
    assert str(valid.snapshot(app, spec.name, id_)[field.column]) == own
    assert person.edit(spec.name, id_, **{field.name: other}).status_code == 422
    assert str(valid.snapshot(app, spec.name, id_)[field.column]) == own


def _editors():
    """(type, role, link field): the role edits rows of the type that may name a row it does not see. (Where the record's
    place follows from what it names, it never does.)"""
    for spec in TYPES.values():
        derived = {name for name, field in spec.fields.items() if field.derived}
        for role in (role for role in valid.roles_with(spec, "E") if spec.scope.get(role) not in derived):
            unseen = [name for name in valid.typable(spec) if (to := TYPES.get(spec.fields[name].to)) and
                      spec.scope.get(role) != name and ((to, role) in HELD or not valid.sees(to, role))]
            yield from (pytest.param(spec, role, name, id=f"{spec.name}-{role}-{name}") for name in unseen[:1])


@pytest.mark.parametrize(("spec", "role", "name"), list(_editors()))
def test_a_link_that_others_have_set_does_not_bar_who_edits_the_rest(app, spec, role, name):
    """What stands in the record stays, though its editor could not choose it."""
    with desk(app) as session:
        target = TYPES[spec.fields[name].to]
        there = valid.record(session, target.name, target.chosen_in[0] if target.chosen_in else None, place=THERE).id
        state = next((s.name for s in spec.workflow.states if any(
            role in m.by and not m.calls_off for m in spec.workflow.moves_from(s.name)) and not any(
            "signer" in m.by for m in spec.workflow.moves_from(s.name))), spec.workflow.initial)
        id_ = valid.record(session, spec.name, state, creator=valid.username(role), **{name: str(there)}).id
    note = valid.WRITTEN_BY_ALL.get(spec.name) or next(
        n for n in valid.typable(spec) if spec.fields[n].kind is Kind.LONGTEXT)
    answer = Person(app, valid.username(role)).edit(spec.name, id_, **{note: "补充说明"})
    assert answer.status_code == 302, problems(answer)
    after = valid.snapshot(app, spec.name, id_)
    assert after[spec.fields[note].column] == "补充说明" and after[spec.fields[name].column] == there
