"""Every address of the API, tried by everybody on every type: what is not declared open is closed."""

from __future__ import annotations

import io
import re

import pytest

from models.base import Record
from models.reports import ReportRun
from models.spec import ROLES, Kind
from rules import attachments, moves, office
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.api.program import Program, code
from tests.test_doors import edits
from tests.valid import TYPES, desk

pytestmark = pytest.mark.once

# Each address, and where it is tried: here, or by the test of what it does.
HERE = ("read_many", "search_many", "read_one", "create", "change", "change_many", "void", "void_many", "list_moves",
        "make_move", "bring_in", "fields", "field", "collection", "relations_of_one", "of_type", "files_of_a_record", "file",
        "asset", "ask_export", "one_export", "export_file", "list_copies", "acknowledge", "ask", "run", "collections",
        "all_fields", "relations", "info", "me", "activity", "revisions")
ELSEWHERE = ("upload", "remove", "one_activity", "one_revision", "oas", "contents", "every_kpi", "one_kpi")
GROUPS = [tuple(ROLES)[start::3] for start in range(3)]
# Whoever has a right on a type tries every verb there. Of the addresses that ask the same in another way, and of all where
# they have no right at all and meet the same closed door, each person tries so many, and the next person the next ones.
TURNS = 2


def test_every_address_is_tried_somewhere(app):
    found = {rule.endpoint.removeprefix("api.") for rule in app.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    assert found == {*HERE, *ELSEWHERE}


def declared(spec, role, row):
    """[(method, address, body, the status that the declarations promise)], a verb each."""
    base, one = f"/items/{spec.name}", f"/items/{spec.name}/{row['id']}"
    given, sees, shown = spec.access.get(role, ""), *_seen(spec, role, row)
    return [
        ("GET", f"{base}?limit=1&fields=id", None, 200 if sees else 403), ("GET", f"{one}?fields=id", None, 200 if shown else 403),
        ("GET", f"{base}?export=json&fields=id", None, 200 if "X" in given else 403),
        ("POST", base, '{"no_such": 1}', 400 if "C" in given and not spec.compiled else 403),
        ("PATCH", one, '{"no_such": 1}', 400 if edits(spec, role, row["state"]) else 403),
        ("DELETE", one, None, 400 if row["calls_off"] else 403),
        ("POST", f"{one}/moves/{row['move']}", '{"fields": {"no_such": 1}}', 400 if row["moves"] else 403)]


def _seen(spec, role, row):
    sees = valid.sees(spec, role)
    return sees, sees and row["state"] in spec.seen_in.get(role, (row["state"],))


def further(spec, role, row):
    """The addresses that ask the same again in another way."""
    name, base, one, given = spec.name, f"/items/{spec.name}", f"/items/{spec.name}/{row['id']}", spec.access.get(role, "")
    sees, is_shown = _seen(spec, role, row)
    look, shown, writes = 200 if sees else 403, 200 if is_shown else 403, {"C", "E"} & set(given)
    is_open = 200 if is_shown and (not spec.holds_private or writes) else 403
    return [
        *((method, address, body, look) for method, address, body in (
            ("SEARCH", base, '{"query": {"fields": ["id"]}}'), ("GET", f"/fields/{name}", None),
            ("GET", f"/fields/{name}/state", None), ("GET", f"/collections/{name}", None), ("GET", f"/relations/{name}", None),
            ("GET", f"/server/reference/{name}", None), ("GET", f'{base}?aggregate={{"count":"*"}}&groupBy=state', None),
            ("GET", f"{base}?cursor=&limit=1&fields=id&meta=*", None))),
        ("GET", f"{one}/moves", None, shown), ("GET", f"{one}/copies", None, shown if spec.copies else 403),
        ("GET", f"/files?type={name}&record={row['id']}", None, is_open),
        ("GET", f"/files/{row['file']}", None, is_open), ("GET", f"/assets/{row['file']}", None, is_open),
        ("GET", f"{base}?limit=-1&fields=id", None, 200 if "X" in given else 403),
        ("POST", f"/utils/export/{name}", '{"format": "x"}', 400 if "X" in given else 403),
        ("POST", f"/utils/import/{name}", None, 415 if writes else 403),
        ("PATCH", base, f'[{{"id": {row["id"]}, "no_such": 1}}]', 400 if edits(spec, role, row["state"]) else 403),
        ("DELETE", base, f'[{row["id"]}]', 400 if row["calls_off"] else 403),
        ("POST", f"{one}/moves/{row['move']}", '{"revision": 1000000}', 412 if is_shown else 403),
        ("POST", f"{one}/copies/1000000/acknowledge", None, 403)]


def around(role, run_id):
    """The addresses of no type."""
    report = TYPES["quality_info_summary"]
    # Whoever has new ones compiled; and who may call one off, to have it issued again.
    asks = valid.sees(report, role) and ("C" in report.access.get(role, "") or role == "quality_manager")
    return [
        *(("GET", address, None, 200) for address in ("/server/info", "/users/me", "/fields", "/relations")),
        *(("GET", address, None, 403) for address in ("/utils/exports/1", "/utils/exports/1/file", "/files/999999")),
        ("POST", "/reports/quality_info_summary", '{"no_such": 1}', 400 if asks else 403),
        ("GET", f"/reports/runs/{run_id}", None, 200 if valid.sees(report, role) else 403)]


class Company:
    """A record of each type, and what the rules of moves say about it to each person: made once for all of them. Where a
    record is at home with one person only, those who hold that role have one of their own."""

    def __init__(self, app):
        self.rows, self.found = {}, {}
        with desk(app) as session:
            act = Act(session, Actor.system())
            for name, spec in TYPES.items():
                for role in ("", *(role for role, path in spec.scope.items() if _is_personal(spec, path))):
                    row = self.rows[name, role] = valid.record(session, name, role=role or None)
                    attachments.add(act, row, [attachments.take_in(io.BytesIO(name.encode()), "note.txt", 1)])
            run = ReportRun(report="quality_info_summary", period="2026-09", scope="", state="queued", asked_at=office.now())
            session.add(run)
            session.flush()
            self.run = run.id
            for role in ROLES:
                actor = valid.actor_of(session, role)
                for name in TYPES:
                    self.found[name, role] = self._told(session, actor, self.row(name, role))

    def row(self, name, role):
        return self.rows.get((name, role)) or self.rows[name, ""]

    @staticmethod
    def _told(session, actor, row):
        after = row.spec.workflow.moves_from(row.state)
        gone = next((move for move in after if move.to in ("void", "cancelled")), None)
        return {"id": row.id, "state": row.state, "move": after[0].name, "file": attachments.of(session, row)[0].file.id,
                "moves": bool(moves.may_move(session, actor, row, after[0])),
                "calls_off": gone is not None and bool(moves.may_move(session, actor, row, gone))}


def _is_personal(spec, path):
    return path in spec.fields and spec.fields[path].kind is Kind.USER


def in_turn(all_of_them, turn):
    return [all_of_them[(TURNS * turn + n) % len(all_of_them)] for n in range(TURNS)]


@pytest.mark.parametrize("roles", GROUPS, ids=lambda roles: roles[0])
def test_every_verb_on_every_type_is_open_to_whom_it_is_declared_and_to_nobody_else(app, roles):
    """Nothing that is sent can be kept, so that all of them walk through the same company."""
    company, wrong = Company(app), []
    for role in roles:
        program = Program(app, valid.username(role))
        asked = around(role, company.run)
        for turn, (name, spec) in enumerate(TYPES.items(), start=5 * list(ROLES).index(role)):
            row = company.found[name, role]
            verbs = declared(spec, role, row)
            asked += verbs if valid.sees(spec, role) else in_turn(verbs, turn)
            asked += in_turn(further(spec, role, row), turn)
        for method, address, body, status in asked:
            answer = program.ask(method, address, data=body, headers={"Content-Type": "application/json"} if body else None)
            if answer.status_code != status:
                wrong.append(f"{role} {method} {address}: {answer.status_code}, declared {status} {answer.text[:150]}")
        seen = {name for name, spec in TYPES.items() if valid.sees(spec, role)}
        told = {one["collection"] for one in program.ask("GET", "/collections").json["data"]}
        wrong += [f"{role} is told of {name}" for name in told ^ seen]
        noted = {one["collection"] for path in ("/activity", "/revisions")
                 for one in program.ask("GET", f"{path}?fields=collection&limit=1000").json["data"]}
        wrong += [f"{role} hears of {name}" for name in (noted & TYPES.keys()) - seen]
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
