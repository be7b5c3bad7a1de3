"""The description that programs get: valid, complete, and true of what the server does."""

from __future__ import annotations

import json
import os
import re

import jsonschema_rs
import pytest
import schemathesis
from flask import request
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate
from openapi_spec_validator.schemas import get_schema_content
from schemathesis.checks import load_all_checks
from schemathesis.config import SchemathesisConfig

from tests import valid
from tests.api.program import Program
from tests.api.test_tokens import run
from tests.valid import TYPES, desk

pytestmark = pytest.mark.once

TRIED = ("visit_plan", "visit_report", "customer", "customer_contact_memo", "quality_info_transfer", "dealer_ledger",
         "vehicle", "product_batch", "corrective_action", "quality_bulletin", "rework_order", "info_flow_card")
# Requests of each kind, right and wrong, to each operation. More of them come by both ways in:
# AFTERCARE_TEST_EXAMPLES=50 is a run of an hour.
FEW = 2
EXAMPLES = int(os.environ.get("AFTERCARE_TEST_EXAMPLES", FEW))
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
# A form that is right may still name what is not there, or break a rule that no schema can say: 400. A move or a change
# may come too late: 412. A name and password, or a token, may be nobody's: 401; who guesses on is told to wait: 429.
# An If-Match that names no revision fits none: 412.
ACCEPTED = {"checks": {
    "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 401, 403, 412, 429]},
    "negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 405, 406, 412, 413, 415, 429]}}}


def described(program, *types):
    """The description, of these types only."""
    document = program.ask("GET", "/server/specs/oas").json
    names = types or TYPES
    paths = {path: one for path, one in document["paths"].items()
             if not path.startswith("/items/") or path.split("/")[2] in names}
    used, left = set(), {*re.findall("#/components/schemas/([a-z_]+)", json.dumps([paths, document["components"]["responses"]]))}
    while left:
        used |= left
        left = {name for one in left for name in re.findall(
            "#/components/schemas/([a-z_]+)", json.dumps(document["components"]["schemas"][one]))} - used
    kept = {name: one for name, one in document["components"]["schemas"].items() if name in used}
    return {**document, "paths": paths, "components": {**document["components"], "schemas": kept}}


def test_the_description_is_valid_openapi_and_names_all_that_its_reader_may_do(app):
    whole = Program(app, "administrator")
    document = whole.ask("GET", "/server/specs/oas").json
    jsonschema_rs.validator_for(get_schema_content("3.1")).validate(document)
    validate(described(whole, *TRIED[:3]))   # it is thorough, and slow: what it finds in three types is true of all
    assert {f"/items/{name}" for name in TYPES} < set(document["paths"])
    pointed = set(re.findall('"#/components/([a-z]+/[A-Za-z0-9_]+)"', json.dumps(document)))
    assert pointed <= {f"{kind}/{name}" for kind, named in document["components"].items() for name in named}
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids))
    mine = Program(app, "dealer_f001").ask("GET", "/server/specs/oas").json
    assert "/items/evaluation_plan" not in mine["paths"] and "post" not in mine["paths"]["/items/dealer_ledger"]
    field = mine["components"]["schemas"]["customer_repair_file"]["properties"]["vehicle"]
    assert "·" in field["description"] and field["examples"]


def test_every_address_is_described(app):
    """SEARCH is no method that OpenAPI 3.1 knows; single entries of the audit are described with the list."""
    undescribed = {"SEARCH /items/{type}", "GET /server/reference", "GET /server/reference/{type}", "GET /server/specs/oas",
                   "GET /revisions/{id}", "GET /activity/{id}", "GET /fields/{type}/{field}", "DELETE /items/{type}"}
    readers = [Program(app, name).ask("GET", "/server/specs/oas").json["paths"] for name in ("quality_manager", "unit")]
    told = {f"{method.upper()} {re.sub('^/items/[a-z_]+', '/items/{type}', path)}"
            for paths in readers for path, one in paths.items() for method in one}
    words = {"type_name": "type", "id_": "id", "line_id": "line", "move_name": "move", "field_name": "field"}
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith(("api.", "auth.")):
            continue
        path = re.sub("<(\\w+)>", lambda place: f"{{{words.get(place[1], place[1])}}}", rule.rule)
        path = path if path.startswith(("/reports", "/kpis")) else path.replace("{name}", "{type}")
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            assert f"{method} {path}" in told | undescribed, (method, path)


def test_the_page_to_read_shows_what_the_reader_may_use(app):
    program = Program(app, "dealer_f001")
    page = program.ask("GET", "/server/reference").text
    assert "/items/customer_repair_file" in page and "evaluation_plan" not in page and "http" not in page.replace("http://www.w3", "")
    assert "<code>vehicle</code>" in program.ask("GET", "/server/reference/customer_repair_file").text
    for address in ("/collections", "/fields", "/relations", "/server/info"):
        assert program.ask("GET", address).json["data"], address


# By an independent judge ----------------------------------------------------------------------------------------------

class Judge:
    """Sends right and wrong requests to every address of the tried types, with all checks of schemathesis, by a session
    and by a token in turn."""

    def __init__(self, app, username="quality_manager", types=TRIED):
        program = Program(app, username)
        with desk(app) as session:
            for name in types:
                valid.record(session, name)
        load_all_checks()
        self.schema = schemathesis.openapi.from_dict(described(program, *types), config=SchemathesisConfig.from_dict(ACCEPTED))
        self.schema.app = app
        cookie = program.client.get_cookie("session").value
        self.ways = ({"X-CSRFToken": program.token(), "Cookie": f"session={cookie}"},
                     {"Authorization": f"Bearer {run(app, 'create', username).output.strip()}"})

    def operations(self):
        return [found.ok() for found in self.schema.get_all_operations()]

    def faults(self, examples=EXAMPLES):
        found = {}
        for number, operation in enumerate(self.operations()):
            for turn, mode in enumerate(MODES):
                ways = self.ways if examples > FEW else (self.ways[(number + turn) % 2],)
                for way in ways:
                    if fault := tried(operation, mode, way, examples):
                        found[f"{mode.value} {operation.label} {min(way)}"] = fault
        return found


def tried(operation, mode, headers, examples):
    """The first fault that is found in so many requests."""
    @settings(max_examples=examples, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case):
        case.call_and_validate(headers=headers)
    try:
        asked()
    except (Exception, BaseExceptionGroup) as fault:   # it raises groups of faults
        return f"{type(fault).__name__}: {fault} {[str(one) for one in getattr(fault, 'exceptions', ())]}"[:700]
    return ""


def test_the_server_does_what_its_description_says(app, queue_store):
    judge = Judge(app)
    assert len({one.path.split("/")[2] for one in judge.operations() if one.path.startswith("/items/")}) >= 12
    faults = judge.faults()
    assert not faults, json.dumps(faults, ensure_ascii=False, indent=1)[:6000]


def test_the_judge_sees_what_is_not_as_described(app, monkeypatch):
    judge, view = Judge(app, types=("quality_bulletin",)), app.view_functions["api.read_many"]
    [listed] = [one for one in judge.operations() if one.label == "GET /items/quality_bulletin"]

    def faulty(answer, when):
        monkeypatch.setitem(app.view_functions, "api.read_many", lambda **given: answer if when() else view(**given))
        return [tried(listed, mode, judge.ways[1], 5) for mode in MODES]
    assert faulty(None, lambda: False) == ["", ""]
    assert "Undocumented status code" in faulty(("{}", 418, {"Content-Type": "application/json"}), lambda: True)[0]
    assert "Server error" in faulty(("{}", 500), lambda: bool(request.args))[1], "breaks at a query"
    assert faulty(("[]", 200, {"Content-Type": "application/json"}), lambda: True)[0], "an answer of another form"
