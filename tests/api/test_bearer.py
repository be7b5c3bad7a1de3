"""A token at the doors of the records: its person's rights, and of these no more than its scope says."""

from __future__ import annotations

import io
import json

from api import limits
from tests import valid
from tests.api.test_tokens import run
from tests.casebook import Casebook
from tests.valid import desk

CUSTOMER, REPORT = "customer", "visit_report"
NEW = {"name": "客户戊", "customer_type": "other", "contact_person": "x", "phone": "12345", "address": "x", "province": "四川省"}


class Bearer:
    def __init__(self, app, *words):
        made = run(app, "create", "sales", *words)
        assert made.exit_code == 0, made.output
        self.client, self.headers = app.test_client(use_cookies=False), {"Authorization": f"Bearer {made.output.strip()}"}

    def ask(self, path, method="GET", **options):
        return self.client.open(path, method=method, headers=self.headers, **options)


def test_a_token_without_a_scope_is_its_person(app):
    book, bearer = Casebook(app), Bearer(app)
    customer = book.id(CUSTOMER, name="客户A")
    assert bearer.ask(f"/items/{CUSTOMER}/{customer}").json["data"]["name"] == "客户A"
    made = bearer.ask(f"/items/{CUSTOMER}", "POST", json=NEW)
    assert made.status_code == 200, "no session, so no token of a session is asked for"
    with desk(app) as session:
        record = session.get(valid.TYPES[CUSTOMER].model, made.json["data"]["id"])
        by = record.created_by_id
    assert by == book.user("sales")
    assert bearer.ask("/items/parameter_value").status_code == 403
    assert bearer.ask("/admin/customer/").status_code == 302, "the screens know sessions only"


def test_a_scope_closes_other_types_and_verbs_at_every_door(app):
    with desk(app) as session:
        report = valid.record(session, REPORT).id
    book, bearer = Casebook(app), Bearer(app, "--types", CUSTOMER, "--verbs", "read")
    customer = book.id(CUSTOMER, name="客户A")
    assert bearer.ask(f"/items/{CUSTOMER}/{customer}").status_code == 200
    assert [row["collection"] for row in bearer.ask("/collections").json["data"]] == [CUSTOMER]
    moves = bearer.ask(f"/items/{CUSTOMER}/{customer}/moves").json["data"]
    assert moves and not any(move["allowed"] for move in moves)
    refused = [
        (f"/items/{REPORT}", "GET", {}), (f"/items/{REPORT}/{report}", "GET", {}), (f"/fields/{REPORT}", "GET", {}),
        (f"/items/{REPORT}?search=x", "SEARCH", {"json": {"query": {}}}),
        (f"/items/{CUSTOMER}", "POST", {"json": NEW}),
        (f"/items/{CUSTOMER}/{customer}", "PATCH", {"json": {"remark": "x"}}),
        (f"/items/{CUSTOMER}/{customer}", "DELETE", {"json": {"reason": "x"}}),
        (f"/items/{CUSTOMER}/{customer}/moves/{moves[0]['name']}", "POST", {"json": {"revision": 1, "comment": "x"}}),
        (f"/utils/import/{CUSTOMER}", "POST", {"data": {"file": (io.BytesIO(json.dumps([NEW]).encode()), "customer.json")}}),
        ("/files", "POST", {"data": {"type": CUSTOMER, "record": str(customer), "file": (io.BytesIO(b"x"), "x.txt")}}),
        (f"/files?type={REPORT}&record={report}", "GET", {}),
        ("/reports/quality_info_summary", "POST", {"json": {"period": "2026-10"}}),
    ]
    for path, method, options in refused:
        answer = bearer.ask(path, method, **options)
        assert answer.status_code == 403, (method, path, answer.status_code, answer.text)
    for path in ("/activity", "/revisions"):
        answer = bearer.ask(f"{path}?limit=1000")
        assert answer.status_code == 403 or {row["collection"] for row in answer.json["data"]} <= {CUSTOMER}, path
    linked = bearer.ask(f"/items/{CUSTOMER}/{customer}?fields=*,dealer.*")
    assert linked.status_code == 403 or not isinstance(linked.json["data"].get("dealer"), dict)
    assert book.read(CUSTOMER, customer).revision == 1


def test_who_asks_too_often_waits(app, store, monkeypatch):
    monkeypatch.setattr(limits._Store, "silent_until", 0.0)
    settings = app.extensions["settings"]
    kept = settings.api_rate
    object.__setattr__(settings, "api_rate", 6)
    try:
        bearer = Bearer(app)
        answers = [bearer.ask(f"/items/{CUSTOMER}?limit=1") for _ in range(4)]
    finally:
        object.__setattr__(settings, "api_rate", kept)
    waits = [answer for answer in answers if answer.status_code == 429]
    assert answers[0].status_code == 200 and waits
    assert int(waits[0].headers["Retry-After"]) > 0 and waits[0].json["errors"][0]["extensions"]["code"] == "REQUESTS_EXCEEDED"
