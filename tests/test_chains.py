"""Where a record stands: what it came from, what came of it, the whole chain, and the next one started from here."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from rules import chains
from tests import reading, valid
from tests.browser_of_a_person import Person, fields_of
from tests.valid import TYPES, desk


@pytest.fixture
def chain(app):
    """A quality information with a call back and a corrective action: their ids."""
    with desk(app) as session:
        sheet = valid.record(session, "quality_info_transfer")
        call = valid.record(session, "callback_record", quality_info_transfer=str(sheet.id))
        action = valid.record(session, "corrective_action", source_type="quality_info_transfer", source_number=sheet.number)
        return {"sheet": sheet.id, "call": call.id, "action": action.id, "number": sheet.number}


def linked(page):
    """Addresses of the records that the chain's panel or page names."""
    return set(re.findall(r'<li[^>]*><a href="(/admin/\w+/details/\?id=\d+)">', page))


def at(type_name, id_):
    return f"/admin/{type_name}/details/?id={id_}"


def test_a_record_shows_what_came_of_it_and_what_it_came_from(app, chain):
    person = Person(app, "quality_manager")
    page = person.get(at("quality_info_transfer", chain["sheet"])).text
    assert linked(page) == {at("callback_record", chain["call"]), at("corrective_action", chain["action"])}
    for type_name, key in (("callback_record", "call"), ("corrective_action", "action")):
        assert linked(person.get(at(type_name, chain[key])).text) == {at("quality_info_transfer", chain["sheet"])}


def test_records_that_name_each_other_meet_once_on_each_others_pages(app):
    with desk(app) as session:
        report = valid.record(session, "visit_report")
        session.execute(sa.update(type(report)).where(type(report).id == report.id).values(
            created_at=report.created_at - timedelta(days=1)))
        action = valid.record(session, "corrective_action", source_type="visit_report", source_number=report.number)
        report.corrective_action_id = action.id
        ids = report.id, action.id
    person = Person(app, "quality_manager")
    pages = [person.get(at(name, id_)).text for name, id_ in zip(("visit_report", "corrective_action"), ids, strict=True)]
    shown = [re.findall(r'<li[^>]*><a href="(/admin/\w+/details/\?id=\d+)">', page) for page in pages]
    assert shown == [[at("corrective_action", ids[1])], [at("visit_report", ids[0])]]
    assert [("由何而来" in page, "后续单据" in page) for page in pages] == [(False, True), (True, False)]


def test_the_whole_chain_is_the_same_from_each_of_its_ends(app, chain):
    person = Person(app, "quality_manager")
    pages = [person.get(f"/admin/{name}/{chain[key]}/chain") for name, key in (
        ("quality_info_transfer", "sheet"), ("callback_record", "call"), ("corrective_action", "action"))]
    assert [page.status_code for page in pages] == [200] * 3
    expected = {at("quality_info_transfer", chain["sheet"]), at("callback_record", chain["call"]),
                at("corrective_action", chain["action"])}
    assert [linked(page.text) for page in pages] == [expected] * 3


def test_nobody_meets_in_a_chain_what_they_may_not_see(app, chain):
    """The technician of the other place sees neither the sheet nor, through it, what came of it."""
    with desk(app) as session:
        other = valid.record(session, "callback_record", place=valid.THERE, quality_info_transfer=str(chain["sheet"])).id
    person = Person(app, valid.username("technician", valid.THERE))
    assert person.get(f"/admin/quality_info_transfer/{chain['sheet']}/chain").status_code == 404
    assert person.get(f"/admin/quality_info_transfer/?from=quality_info_transfer:{chain['sheet']}").status_code == 404
    page = person.get(f"/admin/callback_record/{other}/chain")
    assert linked(page.text) == {at("callback_record", other)} and chain["number"] not in page.text
    shown = person.get(at("callback_record", other)).text
    assert at("quality_info_transfer", chain["sheet"]) not in linked(shown)


def test_a_customer_is_no_link_between_two_cases(app):
    with desk(app) as session:
        one, two = (valid.record(session, "quality_info_transfer") for _ in range(2))
        assert one.customer_id == two.customer_id
        ids = one.id, two.id
    page = Person(app, "quality_manager").get(f"/admin/quality_info_transfer/{ids[0]}/chain")
    assert linked(page.text) == {at("quality_info_transfer", ids[0])}


def test_more_than_a_few_of_a_type_are_a_list_of_just_those(app, chain):
    with desk(app) as session:
        calls = [valid.record(session, "callback_record", "void", quality_info_transfer=str(chain["sheet"])).id
                 for _ in range(7)]
        elsewhere = valid.record(session, "quality_info_transfer")
        valid.record(session, "callback_record", quality_info_transfer=str(elsewhere.id))
    person = Person(app, "quality_manager")
    page = person.get(at("quality_info_transfer", chain["sheet"])).text
    address = re.search(r'href="(/admin/callback_record/\?from=[^"]+)"', page)[1]
    assert set(reading.ids_of(person.get(address).text)) == {chain["call"], *calls}


def test_the_next_record_starts_with_what_this_one_knows(app, chain):
    person = Person(app, "quality_engineer")
    page = person.get(at("quality_info_transfer", chain["sheet"])).text
    address = f"/admin/corrective_action/new/?from=quality_info_transfer:{chain['sheet']}"
    assert address in page
    form = fields_of(person.get(address).text)
    kept = valid.snapshot(app, "quality_info_transfer", chain["sheet"])
    assert (form["source_type"], form["source_number"]) == ("quality_info_transfer", chain["number"])
    assert (form["customer"], form["problem"]) == (str(kept["customer_id"]), kept["fault_description"])


def test_who_may_not_create_it_has_no_button_and_no_form(app, chain):
    page = Person(app, "finance").get(at("quality_info_transfer", chain["sheet"]))
    assert "/new/?from=" not in page.text
    stranger = Person(app, valid.username("technician", valid.THERE))
    answer = stranger.get(f"/admin/info_flow_card/new/?from=quality_info_transfer:{chain['sheet']}")
    assert answer.status_code in (403, 404)


def test_nothing_starts_from_a_record_that_was_called_off(app):
    with desk(app) as session:
        row = valid.record(session, "quality_info_transfer", "void")
        from models.people import User
        from rules.access import Actor
        actor = Actor.of(session.scalar(sa.select(User).where(User.username == "quality_engineer")), "screen")
        assert not chains.next_types(actor, row)


def opened_from(spec):
    """The first two types from which somebody who writes the type, and sees them, starts one."""
    return [source for source in spec.links_in if source in TYPES and set(valid.writers(spec)) & {
        role for role in valid.ROLES if valid.sees(TYPES[source], role)}][:2]


@pytest.mark.once
@valid.those(opened_from)
def test_each_declared_step_opens_the_next_form_and_names_its_source(app, spec):
    """Where the form has a field for it; whoever opens it could also have typed it."""
    for source in opened_from(spec):
        role = next(role for role in valid.writers(spec) if valid.sees(TYPES[source], role))
        with desk(app) as session:
            row = valid.record(session, source, TYPES[source].chosen_in[0] if TYPES[source].chosen_in else None)
            id_, number = row.id, row.number
        answer = Person(app, valid.username(role)).get(f"/admin/{spec.name}/new/?from={source}:{id_}")
        assert answer.status_code == 200, source
        form = fields_of(answer.text)
        links = [n for n in valid.typable(spec) if spec.fields[n].to == source]
        assert not links or str(id_) in {form[name] for name in links}
        if not links and chains.SOURCE_NUMBER in spec.fields:
            assert form[chains.SOURCE_NUMBER] == number
