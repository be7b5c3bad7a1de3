"""Reading through the API: what a query may ask, what it costs, and what is refused with a sentence."""

from __future__ import annotations

import io
import json
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from python_calamine import CalamineWorkbook

from api import cost
from tests import valid
from tests.api.program import Program, code
from tests.casebook import Casebook
from tests.test_statement_counts import counted
from tests.valid import desk

WRONG = [
    {"filter": '{"name":{"_contains":"\\u0001"}}'}, {"filter": '{"name":{"_in":["a","\\u0001"]}}'},
    {"no_such": "1"}, {"limit": "-2"}, {"limit": "1001"}, {"limit": "x"}, {"page": "0"}, {"offset": "-1"}, {"page": "1", "offset": "1"},
    {"filter": "{"}, {"filter": "[]"}, {"filter": '{"_nor":[]}'}, {"filter": '{"_and":{}}'}, {"filter": '{"name":{"_like":"x"}}'},
    {"filter": '{"is_key_customer":{"_gt":1}}'}, {"filter": '{"id":{"_contains":"1"}}'}, {"filter": '{"id":{"_eq":"x"}}'},
    {"filter": '{"id":{"_eq":99999999999999999999}}'}, {"filter": '{"created_at":{"_gt":"x"}}'}, {"filter": '{"id":{"_in":5}}'},
    {"filter": '{"id":{"_between":[1]}}'}, {"filter": '{"name":{"_null":"x"}}'}, {"filter": '{"name":{"_eq":{"a":1}}}'},
    {"filter": '{"created_at":{"_gt":"$NOW(-99999 year)"}}'}, {"filter": '{"year(name)":{"_eq":1}}'}, {"meta": "x"},
    {"filter": '{"name":{"_eq":"\\u0000"}}'}, {"aggregate": '{"median":"id"}'}, {"aggregate": '{"sum":"name"}'},
    {"aggregate": '{"count":"*"}', "groupBy": "state", "sort": "name"}, {"cursor": "x"}, {"cursor": "", "page": "2"},
    {"cursor": "", "sort": "dealer.name"}, {"export": "pdf"}, {"deep": '{"dealer":{"_limit":1}}', "fields": "dealer.name"},
    {"deep": '{"dealer":{}}'}, {"alias": '{"1x":"name"}'}, {"fields": ".".join(["dealer"] * 9)}, {"lang": "fr"},
    {"filter": json.dumps({"id": {"_in": list(range(1001))}})}, {"filter": json.dumps({"_and": [{"id": {"_gt": 0}}] * 400})},
    {"filter": '{"_and":[' * 30 + "]}" * 30}, {"filter": '{"a":' * 5000}]


def test_a_query_that_makes_no_sense_or_costs_too_much_is_refused_with_a_sentence(app):
    program = Program(app, "customer_service")
    for query in WRONG:
        answer = program.client.get("/items/customer", query_string=query)
        assert answer.status_code == 400 and code(answer) == "INVALID_QUERY", (query, answer.text[:200])
        assert answer.json["errors"][0]["extensions"]["reason"]
    for key in ("limit=1&limit=2", "filter[id][_eq]=1&filter[id][_eq]=2&filter={}", "limit[]=1"):
        assert program.client.get(f"/items/customer?{key}").status_code == 400, key
    answer = program.client.put("/items/customer")
    assert answer.status_code == 405 and "SEARCH" in answer.headers["Allow"] and code(answer) == "METHOD_NOT_ALLOWED"


def test_the_address_may_spell_a_query_in_brackets_and_search_may_send_it(app):
    program = Program(app, "customer_service")
    wanted = [{"name": "客户A"}]
    for query in ("fields[]=name&filter[dealer][dealer_code][_eq]=F001", "fields=name&filter[name][_in][]=客户A",
                  "fields=name&filter[id][_in]=1", "fields=name&filter[_or][0][name][_eq]=客户A&filter[_or][1][id][_lt]=1"):
        assert program.client.get(f"/items/customer?{query}").json["data"] == wanted, query
    query = {"fields": ["name"], "filter": {"dealer": {"dealer_code": {"_eq": "F001"}}}, "meta": "*"}
    told = program.ask("SEARCH", "/items/customer", {"query": query}).json
    assert told == {"meta": {"total_count": 2, "filter_count": 1}, "data": wanted}


def test_parts_of_moments_are_those_of_the_offices_clock(app):
    """Half past eleven in the evening of New Year's Eve in UTC is the next year here."""
    with desk(app) as session:
        for at in ("2025-12-31T23:30:00+00:00", "2025-06-01T10:11:12+00:00"):
            valid.record(session, "quality_info_transfer", received_at=at)
    asked = ("year", "month", "week", "day", "weekday", "hour", "minute", "second")
    told = Program(app, "customer_service").read(
        "quality_info_transfer", fields=",".join(f"{name}(received_at)" for name in asked), sort="-received_at")
    for row, at in zip(told, ("2025-12-31T23:30:00+00:00", "2025-06-01T10:11:12+00:00"), strict=True):
        here = datetime.fromisoformat(at).astimezone(ZoneInfo("Asia/Shanghai"))
        assert list(row.values()) == [here.year, here.month, here.isocalendar()[1], here.day, here.isoweekday() % 7,
                                      here.hour, here.minute, here.second]
    grouped = Program(app, "customer_service").read(
        "quality_info_transfer", groupBy="year(received_at)", aggregate={"count": "*"}, sort="-year(received_at)")
    assert grouped == [{"received_at_year": 2026, "count": 1}, {"received_at_year": 2025, "count": 1}]


def test_a_cursor_meets_every_row_once_whatever_is_empty(app):
    book, program = Casebook(app), Program(app, "sales")
    for n, budget in enumerate((None, "2", "2", None, "1", "3", None)):
        program.make("visit_plan", title=f"T{n % 3}", purpose="x", starts_on="2024-11-01", ends_on="2024-11-30",
                     handler=book.user("sales"), budget=budget)
    for sort in ("budget", "-budget", "title,-budget", "-id", "-title,budget", "id"):
        seen, cursor = [], ""
        while cursor is not None:
            page = program.read("visit_plan", sort=sort, limit=2, cursor=cursor, fields="id")
            seen += [row["id"] for row in page["data"]]
            cursor = page["meta"]["next_cursor"]
        assert seen == [row["id"] for row in program.read("visit_plan", sort=sort, fields="id")], sort


def test_a_query_leaves_as_a_file_that_no_spreadsheet_runs(app, monkeypatch):
    monkeypatch.setattr(cost, "DEFAULT_ROWS", 0)   # of a page: a file holds everything
    book, program = Casebook(app), Program(app, "quality_engineer")
    program.make("visit_plan", title="=1+1", purpose="x", starts_on="2024-11-01", ends_on="2024-11-30",
                 handler=book.user("sales"), budget="12.5")
    query = "fields=title,budget,handler.username,visits&export="
    csv = program.client.get(f"/items/visit_plan?{query}csv").data.decode("utf-8-sig")
    assert csv == "title,budget,handler.username,visits\r\n'=1+1,12.50,sales,[]\r\n"
    book_ = CalamineWorkbook.from_filelike(io.BytesIO(program.client.get(f"/items/visit_plan?{query}xlsx").data))
    assert book_.get_sheet_by_index(0).to_python()[1][:2] == ["'=1+1", "12.50"]
    row = {"title": "=1+1", "budget": "12.50", "handler": {"username": "sales"}, "visits": []}
    assert json.loads(program.client.get(f"/items/visit_plan?{query}json").text) == [row]
    assert program.client.get("/items/visit_plan?limit=-1&fields=title").json == {"data": [{"title": "=1+1"}]}
    with desk(app) as session:
        from models.history import AuditEntry
        assert session.query(AuditEntry).filter_by(action="export", door="api").count() == 4


@pytest.mark.once
def test_a_query_takes_the_same_statements_for_three_rows_as_for_thirty(app):
    program, found = Program(app, "sales"), []
    visits = [{"customer": 1, "visitor": 3, "planned_on": "2024-11-05"}, {"customer": 2, "visitor": 3, "planned_on": "2024-11-06"}]
    body = {"title": "x", "purpose": "x", "starts_on": "2024-11-01", "ends_on": "2024-11-30", "handler": 6, "visits": visits}
    address = "/items/visit_plan?meta=*&fields=*,handler.name,visits.*,visits.customer.name,visits.customer.dealer.name"
    for count in (3, 27):
        assert program.ask("POST", "/items/visit_plan", [body] * count).status_code == 200
        program.client.get(address)
        with counted(app) as statements:
            assert program.client.get(address).status_code == 200
        found.append(sum(not statement.startswith("SET") for statement in statements))
    assert found == [7, 7], found   # person, rows, handlers, visits, customers, dealers, one count for both


@pytest.mark.once
def test_the_program_of_the_handbook_works(app):
    sys.path.insert(0, str(Path("docs/examples").resolve()))
    import visit_plans
    sys.path.pop(0)
    book, program = Casebook(app), Program(app, "sales")

    def ask(method, path, body=None, query=None, headers=None):
        words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()}
        return program.ask(method, path, body, headers=headers, query_string=words).json["data"]
    plan = visit_plans.planned(ask, book.user("sales"), 1, "2026-10-12", "once")
    assert visit_plans.planned(ask, book.user("sales"), 1, "2026-10-12", "once") == plan
    assert visit_plans.handed_in(ask, plan)["state"] == "in_approval"
    told = visit_plans.plans_of(ask, 2026, 10)
    assert [one["visits"][0]["customer"]["name"] for one in told] == ["客户A"]
