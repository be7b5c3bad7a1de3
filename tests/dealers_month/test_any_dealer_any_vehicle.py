"""Any dealer serves any vehicle: one that others sold is named by its whole VIN, and by nothing less; its file, its list
and its details stay closed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.base import Record
from models.spec import WrongDeclaration
from rules import checks, registry
from rules.access import Actor
from rules.checks import Looks
from rules.names import Names
from tests import reading, valid
from tests.browser_of_a_person import Person, fields_of, problems
from tests.valid import THERE, TYPES, desk

VIN = "LSVAA4182E2123456"
FILE = TYPES["customer_repair_file"]


@pytest.fixture
def sold_by_another(app):
    """(id, number) of a vehicle that F002 sold."""
    with desk(app) as session:
        vehicle = valid.record(session, "vehicle", place=THERE, vin=VIN)
        return vehicle.id, vehicle.number


def filled_in(app, role, **changes):
    with desk(app) as session:
        return valid.posted({**valid.raw(session, FILE, role=role), **changes})


def offered(person, words):
    return person.get(f"/admin/customer_repair_file/choices/?field=vehicle&q={words}").json


@pytest.mark.parametrize("role", ["dealer", "appraiser"])
def test_br_30_the_whole_vin_finds_it_and_the_form_takes_it(app, sold_by_another, role):
    id_, number = sold_by_another
    person = Person(app, valid.username(role))
    assert offered(person, VIN) == [{"id": VIN, "label": f"{number} · {VIN}"}]
    file = person.create("customer_repair_file", filled_in(app, role, vehicle=VIN))
    assert valid.snapshot(app, "customer_repair_file", file)["vehicle_id"] == id_
    assert VIN in person.get(f"/admin/customer_repair_file/details/?id={file}").text
    assert person.edit("customer_repair_file", file, remark="已预约").status_code == 302


def test_what_was_chosen_by_vin_is_still_chosen_when_the_form_comes_back(app, sold_by_another):
    person = Person(app, "dealer_f001")
    answer = person.post("/admin/customer_repair_file/new/", filled_in(app, "dealer", vehicle=VIN, customer_statement=""))
    assert answer.status_code == 422 and fields_of(answer.text)["vehicle"] == VIN
    assert f"{sold_by_another[1]} · {VIN}" in reading.text_of(answer.text)


@pytest.mark.parametrize("less", [VIN[:16], VIN[1:], VIN.lower(), "LSVAA", "%", "_" * 17, "VEH-0000"])
def test_less_than_the_whole_vin_finds_nothing(app, sold_by_another, less):
    person = Person(app, "dealer_f001")
    assert offered(person, less) == []
    answer = person.post("/admin/customer_repair_file/new/", filled_in(app, "dealer", vehicle=less))
    assert answer.status_code == 422 and VIN not in answer.text, problems(answer)


def test_its_id_and_its_number_open_nothing(app, sold_by_another):
    person = Person(app, "dealer_f001")
    for given in sold_by_another:
        assert offered(person, given) == []
        answer = person.post("/admin/customer_repair_file/new/", filled_in(app, "dealer", vehicle=str(given)))
        assert answer.status_code == 422 and VIN not in answer.text


def test_its_list_search_and_details_stay_closed(app, sold_by_another):
    id_, number = sold_by_another
    person = Person(app, "dealer_f001")
    person.create("customer_repair_file", filled_in(app, "dealer", vehicle=VIN))
    for query in ("", f"?q={VIN}", f"?number={number}", f"?vin={VIN}"):
        assert id_ not in reading.ids_of(person.get(f"/admin/vehicle/{query}").text), query
    for page in ("details", "edit"):
        assert person.get(f"/admin/vehicle/{page}/?id={id_}").status_code == 404


def test_a_void_vehicle_is_not_found(app):
    with desk(app) as session:
        valid.record(session, "vehicle", "void", place=THERE, vin=VIN)
    person = Person(app, "dealer_f001")
    assert offered(person, VIN) == []
    assert person.post("/admin/customer_repair_file/new/", filled_in(app, "dealer", vehicle=VIN)).status_code == 422


def test_who_has_no_right_on_vehicles_finds_none_by_vin(app, sold_by_another):
    with desk(app) as session:
        looks = Looks(session, valid.actor_of(session, "finance"))
        assert checks.named_exactly(looks, TYPES["vehicle"], VIN) is None
        assert checks.named_exactly(Looks(session, Actor.system()), TYPES["vehicle"], VIN).id == sold_by_another[0]


def test_a_file_of_a_dealers_own_names_it_by_vin_too(app, sold_by_another):
    with desk(app) as session:
        names = Names(session, valid.actor_of(session, "dealer"))
        assert names.record_id("vehicle", VIN) == sold_by_another[0]
        assert names.state(TYPES["vehicle"], sold_by_another[0]) == "in_stock"
        with pytest.raises(checks.Wrong):
            names.record_id("vehicle", VIN[:16])


def test_a_value_that_several_may_share_finds_no_single_row():
    with pytest.raises(WrongDeclaration, match="found_by"):
        registry.check(replace(Record.types["vehicle"], found_by="model"))
