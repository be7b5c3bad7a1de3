"""A company that does without an area does not meet it anywhere, loses nothing, and has it back at a word."""

from __future__ import annotations

import json
import re

import pytest

from jobs import expiry, schedule
from models.base import db
from models.spec import ADMINISTRATOR, AREAS
from rules import access, areas, moves, office
from rules.act import Act
from tests import valid
from tests.browser_of_a_person import Person
from tests.valid import TYPES, desk

OFF = "satisfaction"
FORM = TYPES["satisfaction_questionnaire"]


@pytest.fixture
def switch(app):
    """At the console, which is another process than the one that answers: nothing of it is remembered here."""
    def run(area, to):
        answer = app.test_cli_runner().invoke(args=["area", "switch", area, to])
        areas.take(None)
        return answer
    return run


@pytest.fixture
def kept(app):
    """A questionnaire, and who may see it."""
    with desk(app) as session:
        return valid.record(session, FORM.name, creator=valid.username("quality_engineer")).id


def test_every_door_of_the_area_is_closed_and_opens_again(app, switch, kept):
    person = Person(app, valid.username("quality_engineer"))
    base = f"/admin/{FORM.name}/"
    doors = [base, f"{base}details/?id={kept}", f"{base}new/", f"{base}edit/?id={kept}", f"{base}export/csv/",
             f"{base}choices/?field=state", f"{base}handbook/", f"{base}{kept}/chain"]
    before = [person.get(door).status_code for door in doors]
    assert before[0] == before[1] == 200
    token = person.token()
    assert switch(OFF, "off").exit_code == 0
    for door in doors:
        answer = person.get(door)
        assert answer.status_code == 403, door
        assert "未启用这一业务区" in answer.text, "it says why"
    move = FORM.workflow.moves_from(FORM.workflow.initial)[0].name
    assert person.client.post(f"{base}{kept}/moves/{move}", data={"csrf_token": token, "revision": 1}).status_code == 403
    assert person.client.post(f"{base}new/", data={"csrf_token": token}).status_code == 403
    assert switch(OFF, "on").exit_code == 0
    assert [person.get(door).status_code for door in doors] == before


@pytest.mark.parametrize("role", ["quality_engineer", ADMINISTRATOR])
def test_menu_first_page_and_reports_know_nothing_of_it(app, switch, kept, role):
    person = Person(app, valid.username(role))
    addresses = [f"/admin/{spec.name}/" for spec in TYPES.values() if spec.area == OFF]
    assert any(address in person.get("/admin/").text for address in addresses)
    switch(OFF, "off")
    for page in (person.get("/admin/").text, person.get("/admin/customer/").text):
        assert not [address for address in addresses if f'"{address}' in page]
    ask = re.search(r'action="/admin/reports/satisfaction_score[^"]*"', person.get("/admin/reports/").text)
    assert ask is None, "there is nothing to ask for"


def test_who_acts_by_program_or_file_is_refused_with_the_reason(app, switch, kept, tmp_path):
    switch(OFF, "off")
    run = app.test_cli_runner().invoke
    (tmp_path / f"{FORM.name}.json").write_text(json.dumps([{}]))
    for arguments in (["import", FORM.name, str(tmp_path / f"{FORM.name}.json")], ["import", str(tmp_path), "--history"]):
        answer = run(args=arguments)
        assert answer.exit_code == 1 and "停用" in answer.output, arguments
    answer = run(args=["report", "run", "satisfaction_score", "--plan", "SVP-2026-Q4-01"])
    assert answer.exit_code != 0 and "业务区" in answer.output


def test_nobody_has_a_right_on_any_of_its_types(app, switch):
    switch(OFF, "off")
    with app.app_context():
        areas.look(db.session)
        for role in valid.ROLES:
            actor = valid.actor_of(db.session, role)
            for spec in TYPES.values():
                verdicts = [access.may(actor, verb, spec) for verb in ("view", "create", "export")]
                if spec.area == OFF:
                    assert not any(verdicts), (role, spec.name)
                    assert str(access.scope_clause(actor, spec)) == "false", (role, spec.name)
                elif valid.sees(spec, role):
                    assert verdicts[0], (role, spec.name)


def test_a_link_into_it_is_not_on_the_form_and_keeps_its_value(app, switch):
    """A visit report may name the contract change that came of it, or the like; without that area nobody chooses one."""
    spec, field = next((s, f) for s in TYPES.values() if valid.writers(s) for f in s.fields.values() if is_loose(s, f))
    role, area = valid.writers(spec)[0], TYPES[field.to].area
    with desk(app) as session:
        target = valid.record(session, field.to).id
        row = valid.record(session, spec.name, creator=valid.username(role), **{field.name: str(target)})
        id_ = row.id
    person = Person(app, valid.username(role))
    address = f"/admin/{spec.name}/edit/?id={id_}"
    assert f'name="{field.name}"' in person.get(address).text
    switch(area, "off")
    page = person.get(address).text
    assert f'name="{field.name}"' not in page
    answer = person.edit(spec.name, id_)
    assert answer.status_code == 302, answer.text
    with desk(app) as session:
        assert getattr(session.get(spec.model, id_), field.column) == target


def is_loose(spec, field):
    """A link that people fill in, into an area that no other cannot do without."""
    if not (field.to and field.typed and not field.required) or field.name in valid.DEMANDED.get(spec.name, ()):
        return False
    target = TYPES[field.to].area
    return target not in (spec.area, areas.ALWAYS_ON) and not any(target in areas.needed_by(other) for other in AREAS)


def test_an_area_that_others_cannot_do_without_stays_until_they_are_off(app, switch):
    assert "intake" in areas.needed_by("improvement"), "an order names the information that it follows from"
    assert areas.together("intake") == {"intake", "dispatch", "disposition", "improvement"}, "a reply opens a callback"
    answer = switch("intake", "off")
    assert answer.exit_code == 1 and AREAS["warranty"].zh in answer.output and "intake off" not in answer.output
    for area in ("dealers", "warranty", "satisfaction", "dispatch"):
        assert switch(area, "off").exit_code == 0, area
    answer = switch("warranty", "on")
    assert answer.exit_code == 1 and "请先启用" in answer.output and AREAS["intake"].zh in answer.output
    answer = switch("master", "off")
    assert answer.exit_code == 1 and "是其他各区的基础" in answer.output
    assert switch("no such", "off").exit_code == 1
    listed = app.test_cli_runner().invoke(args=["area", "list"]).output
    assert "intake off" in listed and "master on" in listed


def test_the_administrator_switches_on_a_page_and_the_audit_holds(app, kept):
    person = Person(app, "administrator")
    answer = person.post("/admin/areas/", {"area": OFF, "on": "0"})
    assert answer.status_code == 302
    assert person.post("/admin/areas/", {"area": "intake", "on": "0"}).status_code == 409
    assert person.post("/admin/areas/", {"area": "x", "on": "0"}).status_code == 422
    assert Person(app, "sales").post("/admin/areas/", {"area": OFF, "on": "1"}).status_code == 403
    run = app.test_cli_runner().invoke
    assert run(args=["audit", "verify"]).exit_code == 0
    exported = run(args=["export", FORM.name, "--format", "json"])
    assert len(json.loads(exported.stdout)) == 1, "the console still has what is kept"


def test_what_the_clock_does_leaves_it_alone(app, session):
    act = Act(session, access.Actor.system())
    areas.switch(act, "dealers", on=False)
    due = office.now()
    for job in (schedule.month_grades, schedule.full_quality_summary, schedule.quality_analysis):
        assert job(act, due) == "the area is switched off"
    assert schedule.purchase_list(act, due).startswith("run "), "parts are still wanted"


def test_nothing_expires_in_it_meanwhile(app, session):
    form = valid.record(session, FORM.name, "sent", due_at="2025-01-01T09:00", chased_at="2024-12-20T09:00")
    act = Act(session, access.Actor.system())
    areas.switch(act, OFF, on=False)
    expiry.make_due_moves(act)
    assert form.state == "sent"
    areas.switch(act, OFF, on=True)
    expiry.make_due_moves(act)
    session.refresh(form)
    assert form.state == "expired"


def test_what_stays_in_use_does_not_wait_for_what_is_off(app, session):
    """A dealer is confirmed without a training that nobody can record, and is not graded on plans it cannot hand in."""
    dealer = valid.record(session, "dealer_ledger", "candidate", place=valid.NOWHERE)
    act = Act(session, access.Actor.system())
    move = dealer.spec.workflow.move("confirm_training")
    assert moves.unmet(act, dealer, move) is not None
    areas.switch(act, "certification", on=False)
    areas.switch(act, "parts", on=False)
    assert moves.unmet(act, dealer, move) is None
    run = app.test_cli_runner().invoke
    session.commit()
    answer = run(args=["report", "run", "dealer_grade_sheet", "--period", "2026-09", "--dealer", "F001", "--wait", "--json"])
    sheet = json.loads(answer.stdout)["records"][0]
    plans = next(line for line in sheet["lines"]["indicators"] if line["indicator"] == "parts_plan_timeliness")
    assert not plans["is_applicable"]
