"""What a request may cost, and what happens when two of them come at the same moment or the house is busy."""

from __future__ import annotations

import http.client
import io
import json
import threading
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from werkzeug.serving import make_server

from api import cost
from models.base import db
from models.requests import AnsweredRequest
from tests.api.program import Program, code
from tests.api.test_tokens import run
from tests.api.test_writing import plan
from tests.casebook import Casebook
from tests.valid import desk

LIST = "/items/visit_plan"


@contextmanager
def served(app):
    """A real server, with a thread for each request."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def at_once(*calls):
    """What the calls give, all begun at the same moment."""
    met, got = threading.Barrier(len(calls)), [None] * len(calls)

    def one(place):
        met.wait()
        got[place] = calls[place]()
    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_of_requests_with_one_key_at_the_same_moment_one_is_done_and_all_are_answered_alike(app):
    book, token = Casebook(app), run(app, "create", "sales").output.strip()
    good, bad = json.dumps(plan(book)), json.dumps(plan(book, title=""))

    with served(app) as port:
        def post(key, body):
            def call():
                line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                line.request("POST", LIST, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json",
                                                  "Idempotency-Key": key})
                answer = line.getresponse()
                told = answer.status, answer.read(), answer.headers.get("ETag"), answer.headers.get("Idempotent-Replayed")
                line.close()
                return told
            return call
        same = at_once(*[post("k-1", good)] * 6)
        assert {one[:3] for one in same} == {(200, same[0][1], '"1"')}
        assert sorted(one[3] or "" for one in same) == ["", *["true"] * 5]
        assert len(book.ids("visit_plan")) == 1
        mixed = at_once(*[post("k-2", bad)] * 3)
        assert {one[0] for one in mixed} == {400}, "what failed is not remembered"
        assert post("k-2", good)()[0] == 200 and len(book.ids("visit_plan")) == 2
        assert [post("k-1", bad)()[0], post("k-1", good)()[3]] == [400, "true"]
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AnsweredRequest)) == 2


def test_every_post_that_makes_something_may_name_itself(app, store):
    book, program = Casebook(app), Program(app, "quality_engineer")
    plan_id = program.make("visit_plan", **plan(book))["id"]
    table = "title,purpose,starts_on,ends_on,handler\r\n甲,听取意见,2024-11-01,2024-11-30,sales\r\n"

    def sends(path, **form):
        def send():
            data = {name: (io.BytesIO(value), "x.csv") if isinstance(value, bytes) else value for name, value in form.items()}
            return program.ask("POST", path, data=data, content_type="multipart/form-data", headers={"Idempotency-Key": "one"})
        return send
    for send in (sends("/utils/import/visit_plan", file=table.encode()),
                 sends("/files", type="visit_plan", record=str(plan_id), file=b"a,b\r\n1,2\r\n")):
        first, again = send(), send()
        assert (first.status_code, first.data) == (200, again.data) and again.headers["Idempotent-Replayed"] == "true", first.text
        with desk(app) as session:
            session.execute(sa.delete(AnsweredRequest))
    assert len(book.ids("visit_plan")) == 2
    key = {"Idempotency-Key": "two"}
    ask = [program.ask("POST", "/utils/export/visit_plan", {"format": "csv"}, headers=key) for _ in range(2)]
    assert ask[0].status_code == 202 and ask[0].data == ask[1].data and ask[0].headers["Location"] == ask[1].headers["Location"]


def test_a_query_that_takes_too_long_is_stopped_and_says_so(app, monkeypatch):
    program = Program(app, "quality_engineer")
    monkeypatch.setattr(cost, "SECONDS", 0.001)
    monkeypatch.setattr(cost, "_LOOK_EVERY", 10)
    costly = json.dumps({"_or": [{"customer": {"dealer": {"name": {"_icontains": f"x{n}"}}}} for n in range(18)]
                         + [{"contact_person": {"_nicontains": f"y{n}"}} for n in range(80)]})
    for query in ({"filter": costly}, {"filter": costly, "aggregate": '{"count":"*"}'}, {"filter": costly, "meta": "*"}):
        answer = program.client.get("/items/visit_report", query_string=query)
        assert (answer.status_code, code(answer)) == (400, "INVALID_QUERY"), query
        assert "太费时" in answer.text
    monkeypatch.undo()
    assert program.client.get("/items/visit_report", query_string={"filter": costly}).status_code == 200, "nothing is left over"


def test_a_database_that_is_held_up_or_away_is_told_as_such_and_nothing_is_kept(app, monkeypatch):
    book, program = Casebook(app), Program(app, "sales")
    body, token = plan(book), program.token()
    with app.app_context():
        engine = db.engine
    is_sqlite = engine.dialect.name == "sqlite"
    impatient = "PRAGMA busy_timeout=50" if is_sqlite else "SET lock_timeout='50ms'"

    def connected(connection, _record, _proxy):
        connection.cursor().execute(impatient)
    with engine.connect() as other:
        other.execute(sa.text("LOCK TABLE visit_plan IN ACCESS EXCLUSIVE MODE") if not is_sqlite else sa.text("SELECT 1"))
        sa.event.listen(engine, "checkout", connected)
        try:
            answer = program.ask("POST", LIST, body)
        finally:
            sa.event.remove(engine, "checkout", connected)
        other.rollback()
    assert (answer.status_code, code(answer)) == (503, "SERVICE_UNAVAILABLE") and answer.headers["Retry-After"] == "5"
    engine.dispose()
    assert token and book.ids("visit_plan") == [] and program.ask("POST", LIST, body).status_code == 200


@pytest.mark.once
def test_what_is_too_large_is_refused_before_it_is_read(app):
    program = Program(app, "quality_engineer")
    token, most = program.token(), app.config["MAX_CONTENT_LENGTH"]

    class Endless(io.RawIOBase):
        taken = 0

        def readinto(self, buffer):
            Endless.taken += len(buffer)
            buffer[:] = b" " * len(buffer)
            return len(buffer)

        def readable(self):
            return True

        def seek(self, *_):
            return 0
    kinds = {"/utils/import/visit_plan": "multipart/form-data; boundary=x", "/files": "multipart/form-data; boundary=x"}
    for method, path in (("POST", LIST), ("PATCH", LIST), ("SEARCH", LIST), ("DELETE", LIST), ("PATCH", f"{LIST}/1"),
                         ("POST", "/utils/import/visit_plan"), ("POST", "/utils/export/visit_plan"), ("POST", "/files"),
                         ("POST", "/auth/login"), ("POST", "/auth/refresh")):
        answer = program.client.open(path, method=method, input_stream=Endless(), environ_overrides={"CONTENT_LENGTH": str(most * 30)},
                                     headers={"X-CSRFToken": token, "Content-Type": kinds.get(path, "application/json")})
        assert (answer.status_code, code(answer)) == (413, "CONTENT_TOO_LARGE"), (method, path)
    assert Endless.taken < most
