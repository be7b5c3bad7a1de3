"""What a reader may not see changes no answer: private fields, rows of others, in whatever part of a query."""

from __future__ import annotations

import json

import pytest

from tests import valid
from tests.api.program import Program, code
from tests.valid import desk

PRIVATE, OWNER, STRANGER = "phone", "customer_service", "warehouse"   # of `customer`: who writes it, who only names it


def test_a_private_field_is_as_unknown_as_one_that_does_not_exist(app):
    program = Program(app, STRANGER)
    assert PRIVATE in Program(app, OWNER).read("customer")[0]
    told = program.read("customer")[0]
    assert "name" in told and PRIVATE not in told
    for name in (PRIVATE, "no_such_field"):
        for query in ({"fields": name}, {"sort": name}, {"sort": f"-{name}"}, {"filter": {name: {"_nnull": True}}},
                      {"filter": {"_or": [{name: {"_contains": "138"}}]}}, {"aggregate": {"count": name}}, {"groupBy": name},
                      {"alias": {"x": name}, "fields": "x"}, {"cursor": "", "sort": name}, {"fields": name, "export": "csv"}):
            assert code(program.read("customer", 403, **query)) == "FORBIDDEN", query
    assert program.read("customer", search="13800001234") == []
    assert len(Program(app, OWNER).read("customer", search="13800001234")) == 2


QUERIES = [
    lambda name: {"fields": name}, lambda name: {"sort": f"-{name}"}, lambda name: {"filter": {name: {"_nnull": True}}},
    lambda name: {"filter": {"_or": [{name: {"_contains": "1"}}]}}, lambda name: {"aggregate": {"count": name}},
    lambda name: {"aggregate": {"max": name}}, lambda name: {"groupBy": name, "aggregate": {"count": "*"}},
    lambda name: {"alias": {"x": name}, "fields": "x"}, lambda name: {"cursor": "", "sort": name},
    lambda name: {"fields": name, "export": "csv"}, lambda name: {"fields": f"year({name})"},
    lambda name: {"filter": {f"year({name})": 2024}}]


@pytest.mark.once
def test_of_every_type_a_private_field_is_told_to_those_who_write_it_and_unknown_to_all_others(app):
    """Each field is asked for in some ways, the next field in the next ones; the answer is that for a field that is not
    there, to the letter. The right to export is not asked before that."""
    private = [(spec, name) for spec in valid.TYPES.values() for name in spec.private]
    with desk(app) as session:
        for spec in {spec.name for spec, _ in private}:
            valid.record(session, spec)
    people = {}
    for turn, (spec, name) in enumerate(private):
        given = {role: set(letters) for role, letters in spec.access.items()}
        stranger = next(role for role, letters in given.items() if "V" in letters and not letters & {"C", "E"})
        exporter = next((role for role, letters in given.items() if {"V", "X"} <= letters and not letters & {"C", "E"}), None)
        program = people.setdefault(stranger, Program(app, valid.username(stranger)))
        for query in (QUERIES[(3 * turn + n) % len(QUERIES)] for n in range(3)):
            if "export" in query("x"):
                program = people.setdefault(exporter or stranger, Program(app, valid.username(exporter or stranger)))
            told, unknown = (json.dumps(program.read(spec.name, 403, **query(asked))) for asked in (name, "no_such_field"))
            assert told == unknown, (spec.name, stranger, query(name))
        rows = program.read(spec.name, fields="*")
        assert rows and not any(name in row for row in rows), (spec.name, name)
        assert name not in program.ask("GET", f"/fields/{spec.name}/{name}").text


def test_a_private_field_stays_private_behind_links_and_in_the_history(app):
    with desk(app) as session:
        id_ = valid.record(session, "customer_repair_file").id
    program = Program(app, "technician")
    assert program.ask("GET", "/items/customer").status_code in (200, 403)
    stranger = Program(app, STRANGER)
    for query in ("fields=customer.phone", "sort=customer.phone", 'filter={"customer":{"phone":{"_nnull":true}}}'):
        assert stranger.ask("GET", f"/items/info_flow_card?{query}").status_code == 403, query
    told = stranger.ask("GET", "/items/info_flow_card?fields=*.*").text
    assert "13800001234" not in told and "13800001234" not in stranger.ask("GET", "/revisions").text
    assert "13800001234" in Program(app, OWNER).ask("GET", "/revisions").text
    assert id_ and PRIVATE not in {one["field"] for one in stranger.ask("GET", "/fields/customer").json["data"]}


def test_rows_of_others_change_no_list_count_figure_search_or_file(app):
    program = Program(app, "dealer_f001")
    queries = [{}, {"meta": "*"}, {"aggregate": {"count": "*", "max": "id"}}, {"groupBy": "dealer", "aggregate": {"count": "*"}},
               {"search": "CR"}, {"filter": {"dealer": {"dealer_code": {"_neq": "F001"}}}}, {"sort": "-dealer.name"},
               {"cursor": "", "limit": 1}, {"filter": {"id": {"_gt": 0}}, "fields": "id,number"}]
    with desk(app) as session:
        valid.record(session, "customer_repair_file", place=valid.HERE)
    before = [json.dumps(program.read("customer_repair_file", **query)) for query in queries]
    with desk(app) as session:
        theirs = valid.record(session, "customer_repair_file", place=valid.THERE).id
    assert [json.dumps(program.read("customer_repair_file", **query)) for query in queries] == before
    for address in ("/revisions", "/activity"):
        rows = program.ask("GET", f"{address}?fields=item,collection&limit=1000").json["data"]
        assert {"item": theirs, "collection": "customer_repair_file"} not in rows


def test_what_lies_behind_a_link_is_looked_for_only_where_the_reader_may_look(app):
    with desk(app) as session:
        vehicle = valid.record(session, "vehicle", place=valid.THERE)
        mine = valid.record(session, "customer_repair_file", place=valid.HERE, vehicle=str(vehicle.id))
        id_, vin, other = mine.id, vehicle.vin, vehicle.id
    program, everybody = Program(app, "dealer_f001"), Program(app, OWNER)
    asked = {"filter": {"vehicle": {"vin": {"_eq": vin}}}, "fields": "id"}
    assert everybody.read("customer_repair_file", **asked) == [{"id": id_}]
    assert program.read("customer_repair_file", **asked) == []
    told = program.read("customer_repair_file", fields="id,vehicle,vehicle.vin")[0]
    assert told == {"id": id_, "vehicle": None}
    assert program.read("customer_repair_file", fields="vehicle")[0] == {"vehicle": other}
    with desk(app) as session:
        number = session.get(vehicle.__class__, other).number
        again = {**valid.raw(session, valid.TYPES["vehicle"], role="dealer"), "vin": vin}
    told = program.ask("POST", "/items/vehicle", {name: value for name, value in again.items() if value != ""})
    assert "RECORD_NOT_UNIQUE" in told.text and number not in told.text, "whose it is, they are not told"
