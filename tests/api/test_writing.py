"""Writing through the API: by the rules of the form, all or nothing, once."""

from __future__ import annotations

import io

from models.history import AuditEntry
from tests import valid
from tests.api.program import Program, code, fields_named
from tests.api.test_tokens import run
from tests.casebook import Casebook
from tests.jobs.test_worker import work_off
from tests.valid import desk


def plan(book, **changes):
    return {"title": "十一月走访", "purpose": "听取意见", "starts_on": "2024-11-01", "ends_on": "2024-11-30",
            "handler": book.user("sales"), "budget": "1200.50", "visits": [
                {"customer": book.id("customer", name="客户A"), "planned_on": "2024-11-05", "visitor": book.user("technician")}],
            **changes}


def test_a_record_is_made_changed_and_called_off_by_the_rules_of_the_form(app):
    book, program = Casebook(app), Program(app, "sales")
    made = program.make("visit_plan", **plan(book))
    address = f"/items/visit_plan/{made['id']}"
    assert (made["state"], made["budget"], made["revision"], len(made["visits"])) == ("draft", "1200.50", 1, 1)
    answer = program.ask("PATCH", address, {"title": "新"}, headers={"If-Match": '"1"'})
    assert answer.status_code == 200 and answer.headers["ETag"] == '"2"'
    answer = program.ask("PATCH", address, {"title": "旧"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, code(answer)) == (412, "PRECONDITION_FAILED")
    for wrong, field in (({"no_such": 1}, "no_such"), ({"state": "approved"}, "state"), ({"id": 7}, "id"),
                         ({"planned_count": 3}, "planned_count"), ({"visits": [{"is_key_customer": True}]}, "visits-0-is_key_customer"),
                         ({"starts_on": "x"}, "starts_on"), ({"handler": 99999}, "handler"), ({"title": None}, "title")):
        answer = program.ask("PATCH", address, wrong)
        assert answer.status_code == 400 and field in fields_named(answer), (wrong, answer.text)
    assert code(program.ask("PATCH", address, {"handler": 99999})) == "INVALID_FOREIGN_KEY"
    assert book.read("visit_plan", made["id"]).title == "新"
    assert program.ask("DELETE", address).status_code == 400
    assert program.ask("DELETE", address, headers={"X-Reason": "%E9%87%8D%E5%A4%8D"}).status_code == 204
    assert book.state("visit_plan", made["id"]) == "cancelled"
    assert book.audited("visit_plan", made["id"], "move:cancel") == ["重复"]


def test_rows_of_a_table_keep_their_id_and_a_list_replaces_the_table(app):
    book, program = Casebook(app), Program(app, "sales")
    made = program.make("visit_plan", **plan(book))
    row = {key: made["visits"][0][key] for key in ("id", "customer", "planned_on", "visitor")}
    address = f"/items/visit_plan/{made['id']}"
    told = program.ask("PATCH", address, {"visits": [{**row, "planned_on": "2024-11-06"}, {**row, "id": None}]}).json["data"]
    assert [one["planned_on"] for one in told["visits"]] == ["2024-11-06", "2024-11-05"]
    assert told["visits"][0]["id"] == row["id"] != told["visits"][1]["id"]
    assert len(program.ask("PATCH", address, {"title": "只改标题"}).json["data"]["visits"]) == 2


def test_a_batch_is_kept_whole_or_not_at_all(app):
    book, program = Casebook(app), Program(app, "sales")
    answer = program.ask("POST", "/items/visit_plan", [plan(book), plan(book, title="")])
    assert answer.status_code == 400 and answer.json["errors"][0]["extensions"] == {
        "code": "FAILED_VALIDATION", "field": "title", "index": 1}
    assert book.ids("visit_plan") == []
    ids = [one["id"] for one in program.ask("POST", "/items/visit_plan", [plan(book), plan(book)]).json["data"]]
    assert program.ask("PATCH", "/items/visit_plan", [{"id": ids[0], "title": "甲"}, {"id": ids[1], "title": ""}]).status_code == 400
    assert program.ask("PATCH", "/items/visit_plan", {"keys": [*ids, 999], "data": {"title": "乙"}}).status_code == 403
    assert program.ask("DELETE", "/items/visit_plan", {"keys": [*ids, 999], "reason": "x"}).status_code == 403
    assert {book.read("visit_plan", id_).title for id_ in ids} == {"十一月走访"}
    for wrong in ([], {"keys": ids}, {"keys": [], "data": {}}, {"keys": [1, 1], "data": {}}, {"query": {}, "data": {}}, 3, "x"):
        assert program.ask("PATCH", "/items/visit_plan", wrong).status_code == 400, wrong


def test_a_request_that_names_itself_is_done_once(app):
    book, program = Casebook(app), Program(app, "sales")
    named = {"Idempotency-Key": "a-1"}
    first = program.ask("POST", "/items/visit_plan", plan(book), headers=named)
    again = program.ask("POST", "/items/visit_plan", plan(book), headers=named)
    assert (again.status_code, again.data, again.headers["ETag"]) == (200, first.data, first.headers["ETag"])
    assert again.headers["Idempotent-Replayed"] == "true" and len(book.ids("visit_plan")) == 1
    assert program.ask("POST", "/items/visit_plan", plan(book, title="另一个"), headers=named).status_code == 400
    assert Program(app, "sales2").ask("POST", "/items/visit_plan", plan(book), headers=named).status_code == 200
    assert program.ask("POST", "/items/visit_plan", {}, headers={"Idempotency-Key": "a-2"}).status_code == 400
    assert program.ask("POST", "/items/visit_plan", plan(book), headers={"Idempotency-Key": "a-2"}).status_code == 200
    assert program.ask("POST", "/items/visit_plan", plan(book), headers={"Idempotency-Key": "x" * 200}).status_code == 400


def test_moves_say_why_not_and_ask_for_what_is_missing(app):
    book, program, approver = Casebook(app), Program(app, "sales"), Program(app, "quality_manager")
    made = program.make("visit_plan", **plan(book))
    address = f"/items/visit_plan/{made['id']}/moves"
    told = {move["name"]: move for move in program.ask("GET", address).json["data"]}
    assert told["submit"]["allowed"] and not told["approve"]["allowed"] and told["approve"]["reason"]
    assert program.ask("POST", f"{address}/submit", {"revision": 1}).json["data"]["state"] == "in_approval"
    assert program.ask("POST", f"{address}/approve", {"revision": 2}).status_code == 403
    answer = approver.ask("POST", f"{address}/approve", {})
    assert answer.status_code == 400 and fields_named(answer) == ["revision"]
    assert approver.ask("POST", f"{address}/approve", {"revision": 1}).status_code == 412
    assert approver.ask("POST", f"{address}/send_back", {"revision": 2}).status_code == 400
    assert approver.ask("POST", f"{address}/approve", {"revision": 2}).json["data"]["state"] == "approved"
    assert program.ask("POST", f"{address}/no_such", {}).status_code == 403


def test_what_is_no_json_is_refused_with_a_sentence(app):
    program = Program(app, "sales")
    for body, kind, status in (("{", "application/json", 400), ('{"a": NaN}', "application/json", 400),
                               ("[" * 100_000, "application/json", 400), ("a=b", "application/x-www-form-urlencoded", 415),
                               ('"x"', "application/json", 400), ("1" * 5000, "application/json", 400)):
        answer = program.ask("POST", "/items/visit_plan", data=body, headers={"Content-Type": kind})
        assert answer.status_code == status and answer.json["errors"], (body[:20], answer.text)
    assert "Fill in" in program.ask("POST", "/items/visit_plan?lang=en", {}).text
    assert "Fill in" in program.ask("POST", "/items/visit_plan", {}, headers={"Accept-Language": "en-GB,en;q=0.8"}).text


def test_a_file_comes_goes_and_opens_with_the_rights_of_its_record(app):
    book, program = Casebook(app), Program(app, "sales")
    made = program.make("visit_plan", **plan(book))["id"]

    def send(who, **form):
        return who.ask("POST", "/files", data={**form, "file": (io.BytesIO("便条".encode()), "便条.txt")},
                       content_type="multipart/form-data")
    file = send(program, type="visit_plan", record=str(made)).json["data"]
    assert file["filename_download"] == "便条.txt" and program.ask("GET", f"/assets/{file['id']}").data == "便条".encode()
    stranger = Program(app, "dealer_f001")
    assert {stranger.ask(method, address).status_code for method, address in (
        ("GET", f"/assets/{file['id']}"), ("GET", f"/files/{file['id']}"), ("DELETE", f"/files/{file['id']}"))} == {403}
    assert send(stranger, type="visit_plan", record=str(made)).status_code == 403
    assert send(program, type="visit_plan").status_code == 400
    assert program.ask("DELETE", f"/files/{file['id']}").status_code == 204
    assert program.ask("GET", f"/assets/{file['id']}").status_code == 403


def test_a_file_of_records_comes_in_by_the_rules_of_the_form(app):
    book, program = Casebook(app), Program(app, "sales")

    def send(text, **form):
        return program.ask("POST", "/utils/import/visit_plan", data={**form, "file": (io.BytesIO(text.encode()), "x.csv")},
                           content_type="multipart/form-data")
    head = "title,purpose,starts_on,ends_on,handler\r\n"
    good = head + "甲,听取意见,2024-11-01,2024-11-30,sales\r\n"
    answer = send(good + ",听取意见,2024-11-01,2024-11-30,sales\r\n")
    assert answer.status_code == 400 and answer.json["errors"][0]["extensions"] == {
        "code": "FAILED_VALIDATION", "row": 3, "field": "title"}
    assert send(good, dry_run="true").json["data"]["created"] == 1 and book.ids("visit_plan") == []
    assert send(good).json["data"]["created"] == 1 and len(book.ids("visit_plan")) == 1


def test_a_report_is_asked_for_and_followed(app, queue_store):
    program = Program(app, "customer_service")
    asked = [program.ask("POST", f"/reports/{name}", {"period": "2026-10"}) for name in ("quality_info_summary", "no_such")]
    asker = Program(app, "quality_engineer") if asked[0].status_code == 403 else program
    answer = asker.ask("POST", "/reports/quality_info_summary", {"period": "2026-10"})
    assert asked[1].status_code == 403 and answer.status_code == 202, answer.text
    run = asker.ask("GET", f"/reports/runs/{answer.json['data']['id']}").json["data"]
    assert (run["report"], run["period"], run["records"]) == ("quality_info_summary", "2026-10", [])
    assert asker.ask("POST", "/reports/quality_info_summary", {"period": "x"}).status_code == 400
    assert Program(app, "dealer_f001").ask("GET", f"/reports/runs/{run['id']}").status_code == 403


def test_a_query_becomes_a_file_by_a_job_with_the_rights_and_scope_of_its_asker(app, store):
    book, program, other = Casebook(app), Program(app, "quality_engineer"), Program(app, "sales")
    program.make("visit_plan", **plan(book))
    query = {"fields": ["title", "handler.username", "visits.customer.name"], "filter": {"title": {"_contains": "走访"}}}
    for wrong, status in (({}, 400), ({"format": "pdf"}, 400), ({"format": "csv", "query": {"fields": ["no_such"]}}, 403),
                          ({"format": "csv", "query": {"export": "csv"}}, 400), ({"format": "csv", "query": []}, 400)):
        assert program.ask("POST", "/utils/export/visit_plan", wrong).status_code == status, wrong
    assert other.ask("POST", "/utils/export/visit_plan", {"format": "csv"}).status_code == 403, "no right to export"
    made = run(app, "create", "quality_engineer", "--types", "visit_plan", "--verbs", "read")
    headers = {"Authorization": f"Bearer {made.output.strip()}"}
    held = app.test_client(use_cookies=False)
    files = []
    for format_ in ("csv", "json", "xlsx"):
        asked = program.ask("POST", "/utils/export/visit_plan", {"format": format_, "query": query, "file": {"title": "x"}})
        assert asked.status_code == 202, asked.text
        files.append(asked.headers["Location"])
    narrow = {"format": "json", "query": {"fields": ["title", "visits.customer"]}}
    files.append(held.post("/utils/export/visit_plan", json=narrow, headers=headers).headers["Location"])
    assert program.ask("GET", files[0]).json["data"]["state"] == "queued" and program.ask("GET", f"{files[0]}/file").status_code == 403
    with app.app_context():
        work_off(store)
    told = program.ask("GET", files[0]).json["data"]
    assert (told["state"], told["rows"], told["progress"], told["file"]) == ("done", 1, 100, f"{files[0]}/file")
    csv, json_, xlsx, scoped = (program.ask("GET", f"{file}/file") for file in files)
    assert csv.data.decode("utf-8-sig").splitlines() == [
        "title,handler.username,visits", '十一月走访,sales,"[{""customer"": {""name"": ""客户A""}}]"']
    row = {"title": "十一月走访", "handler": {"username": "sales"}, "visits": [{"customer": {"name": "客户A"}}]}
    assert json_.json == [row] and xlsx.data[:2] == b"PK" and "attachment" in xlsx.headers["Content-Disposition"]
    assert scoped.json[0]["visits"][0]["customer"], "the id, of whatever type it is"
    assert held.get(f"{files[3]}/file", headers=headers, buffered=True).status_code == 200
    assert held.get(f"{files[1]}/file", headers=headers).status_code == 403, "it holds more than this token opens"
    assert other.ask("GET", files[0]).status_code == 403 and other.ask("GET", f"{files[0]}/file").status_code == 403
    with desk(app) as session:
        assert session.query(AuditEntry).filter_by(action="export", type="visit_plan").count() == 4
        assert session.query(AuditEntry).filter_by(action="download").count() == 5


def test_a_token_of_one_type_takes_no_other_along_in_a_file(app, store):
    book, owner = Casebook(app), Program(app, "quality_engineer")
    owner.make("visit_plan", **plan(book))
    made = run(app, "create", "quality_engineer", "--types", "visit_plan")
    held, headers = app.test_client(use_cookies=False), {"Authorization": f"Bearer {made.output.strip()}"}
    for fields in (["visits.customer.name"], ["visits.customer.phone"]):
        asked = held.post("/utils/export/visit_plan", json={"format": "json", "query": {"fields": fields}}, headers=headers)
        assert asked.status_code == 403, "a target of another type"


def test_a_copy_is_signed_for_by_its_receiver_once(app):
    with desk(app) as session:
        card = valid.record(session, "info_flow_card", receipts=[{"unit": "U1"}, {"unit": "U2"}])
        id_, revision = card.id, card.revision
    book, mine, theirs = Casebook(app), Program(app, "unit"), Program(app, "unit2")
    address = f"/items/info_flow_card/{id_}/copies"
    first, second = mine.ask("GET", address).json["data"]
    assert (first["receiver"], first["allowed"], second["allowed"]) == ("U1", True, False) and second["reason"]
    assert mine.ask("POST", f"{address}/{second['id']}/acknowledge").status_code == 403
    assert mine.ask("POST", f"{address}/999999/acknowledge").status_code == 403
    stale = mine.ask("POST", f"{address}/{first['id']}/acknowledge", {"revision": revision + 5})
    assert (stale.status_code, code(stale)) == (412, "PRECONDITION_FAILED")
    signed = mine.ask("POST", f"{address}/{first['id']}/acknowledge", {"revision": revision}, headers={"Idempotency-Key": "c"})
    again = mine.ask("POST", f"{address}/{first['id']}/acknowledge", {"revision": revision}, headers={"Idempotency-Key": "c"})
    assert signed.status_code == 200 and again.headers["Idempotent-Replayed"] == "true", signed.text
    assert mine.ask("POST", f"{address}/{first['id']}/acknowledge").status_code == 403, "it is signed already"
    told = theirs.ask("GET", address).json["data"]
    assert [(one["signed_by"], one["allowed"]) for one in told] == [(book.user("unit"), False), (None, True)]
    assert book.audited("info_flow_card", id_, "acknowledge")
    assert mine.ask("GET", "/items/visit_report/1/copies").status_code == 403, "there are no copies"
