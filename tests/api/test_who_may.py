"""Every address of the API, tried by everybody on every type: what is not declared open is closed."""

from __future__ import annotations

import re

import pytest

from models.base import Record
from models.spec import ROLES
from rules import moves
from tests import valid
from tests.api.program import Program, code
from tests.test_doors import edits
from tests.valid import TYPES, desk

pytestmark = pytest.mark.once

# Each address, and where it is tried: here, or by the test of what it does.
HERE = ("read_many", "search_many", "read_one", "create", "change", "change_many", "void", "void_many", "list_moves",
        "make_move", "bring_in", "fields", "field", "collection", "relations_of_one", "of_type", "files_of_a_record")
ELSEWHERE = ("ask", "run", "upload", "file", "asset", "remove", "activity", "revisions", "one_activity", "one_revision",
             "collections", "all_fields", "relations", "info", "oas", "contents", "every_kpi", "one_kpi")


# Who has all, some and few of the rights; the others knock once at each verb.
THOROUGH = ("dealer",)


def test_every_address_is_tried_somewhere(app):
    found = {rule.endpoint.removeprefix("api.") for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    assert found == {*HERE, *ELSEWHERE}


def declared(spec, role, row):
    """(method, address, body) -> the status that the declarations promise."""
    one = f"/items/{spec.name}/{row['id']}"
    given, sees = spec.access.get(role, ""), valid.sees(spec, role)
    shown = sees and row["state"] in spec.seen_in.get(role, (row["state"],))
    return {
        ("GET", f"/items/{spec.name}?limit=1", None): 200 if sees else 403, ("GET", one, None): 200 if shown else 403,
        ("GET", f"/items/{spec.name}?export=json&fields=id", None): 200 if "X" in given else 403,
        ("POST", f"/items/{spec.name}", '{"no_such": 1}'): 400 if "C" in given and not spec.compiled else 403,
        ("PATCH", one, '{"no_such": 1}'): 400 if edits(spec, role, row["state"]) else 403,
        ("DELETE", one, None): 400 if row["calls_off"] else 403,
        ("POST", f"{one}/moves/{row['move']}", '{"fields": {"no_such": 1}}'): 400 if row["moves"] else 403,
        **(further(spec, role, row, 200 if sees else 403, 200 if shown else 403) if role in THOROUGH else {}),
    }


def further(spec, role, row, look, shown):
    """The addresses that ask the same again in another way."""
    base, one, given = f"/items/{spec.name}", f"/items/{spec.name}/{row['id']}", spec.access.get(role, "")
    is_open = shown == 200 and (not spec.private or {"C", "E"} & set(given))
    return {
        **dict.fromkeys((("SEARCH", base, '{"query": {}}'), ("GET", f"/fields/{spec.name}", None),
                         ("GET", f"/fields/{spec.name}/state", None), ("GET", f"/collections/{spec.name}", None),
                         ("GET", f"/relations/{spec.name}", None), ("GET", f"/server/reference/{spec.name}", None)), look),
        ("GET", f"{one}/moves", None): shown, ("GET", f"/files?type={spec.name}&record={row['id']}", None):
            200 if is_open else 403,
        ("GET", f"{base}?limit=-1", None): 200 if "X" in given else 403,
        ("PATCH", base, f'[{{"id": {row["id"]}, "no_such": 1}}]'): 400 if edits(spec, role, row["state"]) else 403,
        ("DELETE", base, f'[{row["id"]}]'): 400 if row["calls_off"] else 403,
        ("POST", f"/utils/import/{spec.name}", None): 415 if {"C", "E"} & set(given) else 403,
        ("POST", f"{one}/moves/{row['move']}", '{"revision": 1000000}'): 412 if shown == 200 else 403,
    }


def furnished(app, role):
    """A record of each type in the scope of the role, and what the rules of moves say about it."""
    found = {}
    with desk(app) as session:
        for name, spec in TYPES.items():
            row, actor = valid.record(session, name, role=role), valid.actor_of(session, role)
            after = spec.workflow.moves_from(row.state)
            gone = next((move for move in after if move.to in ("void", "cancelled")), None)
            found[name] = {
                "id": row.id, "state": row.state, "move": after[0].name,
                "moves": bool(moves.may_move(session, actor, row, after[0])),
                "calls_off": gone is not None and bool(moves.may_move(session, actor, row, gone))}
    return found


@pytest.mark.parametrize("role", ROLES)
def test_every_verb_on_every_type_is_open_to_whom_it_is_declared_and_to_nobody_else(app, role):
    rows, program, wrong = furnished(app, role), Program(app, valid.username(role)), []
    for name, spec in TYPES.items():
        for (method, address, body), status in declared(spec, role, rows[name]).items():
            answer = program.ask(method, address, data=body, headers={"Content-Type": "application/json"} if body else None)
            if answer.status_code != status:
                wrong.append(f"{method} {address}: {answer.status_code}, declared {status} {answer.text[:150]}")
    assert not wrong, "\n".join(wrong)


def test_nobody_gets_in_without_a_session_or_with_half_of_one(app):
    stranger, program = app.test_client(), Program(app, "customer_service")
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("api."):
            continue
        address = re.sub(r"<(?:\w+:)?(\w+)>", lambda place: {"type_name": "customer", "name": "customer"}.get(place[1], "1"),
                         rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = stranger.open(address, method=method)
            assert (answer.status_code, code(answer)) == (403, "FORBIDDEN"), (method, address)
            answer = stranger.open(address, method=method, headers={"Authorization": "Bearer nonsense"})
            assert (answer.status_code, code(answer)) == (401, "INVALID_CREDENTIALS"), (method, address)
            if method not in ("GET", "SEARCH"):   # a foreign page can make a browser send its cookie, but no header
                answer = program.client.open(address, method=method)
                assert answer.status_code == 403 and "X-CSRFToken" in answer.text, (method, address)


def test_what_is_not_there_and_what_is_not_yours_are_told_alike(app):
    with desk(app) as session:
        theirs = valid.record(session, "customer_repair_file", place=valid.THERE).id
    program = Program(app, "dealer_f001")
    answers = {program.ask(method, address, body).text for method, body in (("GET", None), ("PATCH", {}))
               for address in (f"/items/customer_repair_file/{theirs}", "/items/customer_repair_file/99999",
                               "/items/customer_repair_file/x", "/items/no_such_type/1", "/items/evaluation_plan/1")}
    assert len(answers) == 1


def test_an_area_that_is_off_is_closed_to_programs_too(app):
    admin, program = Program(app, "administrator"), Program(app, "customer_service")
    assert program.ask("GET", "/items/parts_stock").status_code == 200
    assert admin.post("/admin/areas/", {"area": "parts"}).status_code == 302
    gone = [spec.name for spec in Record.types.values() if spec.area == "parts"]
    assert gone and all(program.ask("GET", f"/items/{name}").status_code == 403 for name in gone)
    assert not set(gone) & {one["collection"] for one in program.ask("GET", "/collections").json["data"]}
