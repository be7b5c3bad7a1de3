"""Who speaks to the house by a token: as whom, how far, until when, and how often."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from api import limits
from jobs import embedded_valkey, upkeep
from models.base import Record, db
from models.history import AuditEntry
from models.people import Membership, User
from models.spec import VOID, Refused
from models.tokens import ApiToken
from rules import access, comments, moves, office, people, tokens
from rules.act import Act
from tests import reading, valid
from tests.browser_of_a_person import PASSWORD, Person
from tests.valid import desk


@pytest.fixture
def clock(monkeypatch):
    """`clock(minutes=15)`: so much later."""
    since, moved = office.now(), []
    monkeypatch.setattr(office, "now", lambda: since + sum(moved, timedelta()))
    return lambda **span: moved.append(timedelta(**span))


class Program:
    """Another program: no browser, no session, no cookies unless it wants them."""

    def __init__(self, app, address="10.0.0.1", *, cookies=False):
        self.client = app.test_client(use_cookies=cookies)
        self.options = {"environ_overrides": {"REMOTE_ADDR": address}}

    def me(self, token=None, header=None):
        headers = {"Authorization": header or f"Bearer {token}"} if token or header else {}
        return self.client.get("/users/me", headers=headers, **self.options)

    def post(self, path, **body):
        return self.client.post(path, json=body, **self.options)

    def sign_in(self, name="sales", password=PASSWORD, **more):
        return self.post("/auth/login", email=name, password=password, **more)


def code(answer):
    [error] = answer.json["errors"]
    assert error["message"]
    return answer.status_code, error["extensions"]["code"]


def run(app, *words):
    return app.test_cli_runner().invoke(args=["token", *words])


def change(app, username, **values):
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == username))
        for name, value in values.items():
            setattr(user, name, value)


UNKNOWN, EXPIRED = (401, "INVALID_CREDENTIALS"), (401, "TOKEN_EXPIRED")


def test_a_token_of_the_console_opens_to_the_second_and_is_kept_as_a_hash(app, clock):
    program, made = Program(app), run(app, "create", "sales", "--name", "stock", "--days", "1", "--types", "customer,visit_report",
                                      "--verbs", "read")
    text = made.output.strip()
    assert made.exit_code == 0 and re.fullmatch(r"aft_[\w-]{43}", text)
    told = program.me(text).json["data"]
    assert told["username"] == "sales" and told["roles"] == ["sales"]
    assert told["token"] == {"types": ["customer", "visit_report"], "verbs": ["read"]}
    with app.app_context():
        with db.engine.connect() as connection:
            kept = "".join(str(row) for row in connection.execute(sa.select(ApiToken.__table__)))
            noted = "".join(str(row) for row in connection.execute(sa.select(AuditEntry.changes)))
        assert text not in kept + noted and text[:tokens.SHOWN] in kept
    clock(days=1, seconds=-1)
    assert program.me(text).status_code == 200
    clock(seconds=1)
    assert code(program.me(text)) == EXPIRED
    for wrong in ("aft_" + "x" * 43, "", text[:-1], text + "x", "\xff", "%00"):
        assert code(program.me(header=f"Bearer {wrong}")) == UNKNOWN, wrong
    assert code(program.me(header=f"Basic {text}")) == UNKNOWN
    assert code(program.me()) == (403, "FORBIDDEN")
    for words in (("nobody",), ("sales", "--types", "no_such"), ("sales", "--verbs", "read,sign"), ("sales", "--days", "0")):
        assert run(app, "create", *words).exit_code == 1, words


def test_a_token_ends_with_its_revocation_its_person_and_gives_no_more_than_they_have(app):
    program, text = Program(app), run(app, "create", "sales").output.strip()
    change(app, "sales", is_active=False)
    assert code(program.me(text)) == UNKNOWN
    change(app, "sales", is_active=True)
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == "sales"))
        user.memberships[:] = [Membership(role="warehouse")]
    assert program.me(text).json["data"]["roles"] == ["warehouse"]
    id_ = re.match(r"(\d+) aft_", run(app, "list").output)[1]
    assert run(app, "revoke", id_).exit_code == 0
    assert code(program.me(text)) == UNKNOWN
    assert " off " in run(app, "list").output and text not in run(app, "list").output
    assert run(app, "revoke", "999").exit_code == 1


def test_a_new_password_and_a_closed_account_end_every_token_and_session_for_good(app):
    admin, browser = Person(app, "administrator"), Person(app, "sales")
    with desk(app) as session:
        page = f"/admin/people/{valid.id_of(session, 'sales')}"
    form = {"name": "业务员", "roles": "sales", "is_active": "on"}
    for change in ({"password": "another long one"}, {"is_active": None}):
        named, program = run(app, "create", "sales").output.strip(), Program(app)
        pair = program.sign_in("sales", "another long one" if change == {"is_active": None} else PASSWORD).json["data"]
        assert [program.me(text).status_code for text in (named, pair["access_token"])] == [200, 200]
        assert admin.post(page, {name: value for name, value in {**form, **change}.items() if value}).status_code == 302
        assert admin.post(page, form).status_code == 302, "switched on again"
        assert [code(program.me(text)) for text in (named, pair["access_token"])] == [UNKNOWN, UNKNOWN], change
        assert code(program.post("/auth/refresh", refresh_token=pair["refresh_token"])) == UNKNOWN
        assert browser.get("/users/me").status_code == 403
    assert code(Program(app).sign_in("sales")) == UNKNOWN, "the old password"
    with desk(app) as session:
        noted = session.scalars(sa.select(AuditEntry.changes).where(AuditEntry.action == "revoke_token")).all()
    assert [change["token"][1] for change in noted] == [None, None] and noted[0]["token"][0].startswith(tokens.MARK)


def test_a_token_is_held_to_its_types_and_verbs_by_the_rules_themselves(app, act, session):
    """Whatever the door: the same functions that answer for the person answer for their token."""
    row, other = valid.record(session, "visit_report", creator="sales"), Record.types["customer"]
    user, spec = session.get(User, row.created_by_id), row.spec
    submit = spec.workflow.moves_from(row.state)[0]
    voids = next(move for move in spec.workflow.moves if move.to == VOID)

    def answers(types=(), verbs=()):
        who = access.Actor.of(user, "api", scope=access.Scope(frozenset(types), frozenset(verbs)))
        seen = session.scalars(access.visible(sa.select(spec.model.id), who, spec)).all()
        return (bool(access.may(who, "view", spec, row)), row.id in seen, bool(access.may(who, "create", spec)),
                bool(access.may(who, "edit", spec, row)), bool(moves.may_move(session, who, row, submit)),
                bool(access.may(who, "export", other)), moves.may_move(session, who, row, voids).reason == access.NOT_IN_TOKEN.reason)
    may = access.Actor.of(user, "screen")
    whole = answers()
    assert whole[:5] == (True,) * 5 and whole[5] == bool(access.may(may, "export", other)) and not whole[6]
    assert answers(types=["visit_report"])[:6] == (True, True, True, True, True, False)
    assert answers(types=["customer"])[:5] == (False,) * 5
    assert answers(verbs=["read"]) == (True, True, False, False, False, whole[5], True)
    assert answers(verbs=["create"])[:6] == (False, False, True, False, False, False)
    assert answers(verbs=["read", "update"])[:5] == (True, True, False, True, False)
    assert answers(verbs=["read", "move"])[:5] == (True, True, False, False, True)
    assert answers(verbs=["read", "void"])[4:] == (False, whole[5], False)
    reader = access.Actor.of(user, "api", scope=access.Scope(verbs=frozenset(["read"])))
    with pytest.raises(Refused, match="token does not cover"):
        comments.say(Act(session, reader), row, "said by a program that may only read")


def test_the_last_use_is_written_once_a_minute_and_only_then(app, clock):
    text, program = run(app, "create", "sales").output.strip(), Program(app)

    def used():
        with desk(app) as session:
            return session.scalar(sa.select(ApiToken.used_at))
    assert used() is None
    program.me(text)
    first = used()
    clock(seconds=59)
    program.me(text)
    assert used() == first
    clock(seconds=1)
    program.me(text)
    assert used() == first + timedelta(minutes=1)


def test_people_keep_their_own_tokens_and_the_administrator_those_of_programs(app):
    sales, warehouse, admin = (Person(app, name) for name in ("sales", "warehouse", "administrator"))
    answer = sales.post("/admin/tokens/", {"name": "my script", "days": "30", "verbs": "read", "types": "visit_report"})
    [text] = set(re.findall(r"aft_[\w-]{43}", answer.text))
    assert answer.status_code == 200 and "no-store" in answer.headers["Cache-Control"]
    page = sales.get("/admin/tokens/").text
    assert not list(reading.faults_of(answer.text)) and not list(reading.faults_of(admin.get("/admin/tokens/").text))
    assert text not in page and text[:tokens.SHOWN] in page and "my script" in page
    assert Program(app).me(text).json["data"]["username"] == "sales"
    with desk(app) as session:
        id_, someone = session.scalar(sa.select(ApiToken.id)), valid.id_of(session, "quality_manager")
    assert "my script" not in warehouse.get("/admin/tokens/").text
    assert warehouse.post(f"/admin/tokens/{id_}/revoke", {}).status_code == 404
    for asker in (sales, warehouse, admin):
        answer = asker.post("/admin/tokens/", {"name": "in your name", "days": "30", "person": someone})
        assert answer.status_code == 422 and "只能为本人或服务账号" in answer.text
    for wrong in ({"name": "", "days": "30"}, {"name": "x", "days": "x"}, {"name": "x", "days": "30", "verbs": "sign"},
                  {"name": "x", "days": "30", "types": "no_such"}, {"name": "x", "days": "30", "person": "x"}):
        assert sales.post("/admin/tokens/", wrong).status_code == 422, wrong
    assert sales.post("/admin/tokens/accounts", {"username": "robot", "roles": "warehouse"}).status_code == 403
    assert admin.post("/admin/tokens/accounts", {"username": "robot", "roles": ""}).status_code == 422
    assert admin.post("/admin/tokens/accounts", {"username": "robot", "roles": "warehouse"}).status_code == 302
    with desk(app) as session:
        robot = valid.id_of(session, "robot")
    answer = admin.post("/admin/tokens/", {"name": "stock", "days": "never", "person": robot})
    [told] = set(re.findall(r"aft_[\w-]{43}", answer.text))
    assert Program(app).me(told).json["data"]["username"] == "robot"
    assert admin.post(f"/admin/tokens/{id_}/revoke", {}).status_code == 302
    assert code(Program(app).me(text)) == UNKNOWN
    with desk(app) as session:
        noted = session.execute(sa.select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.number).where(
            AuditEntry.action.in_(["create_token", "revoke_token"])).order_by(AuditEntry.id)).all()
        admin_id, sales_id = valid.id_of(session, "administrator"), valid.id_of(session, "sales")
    assert noted == [("create_token", sales_id, "sales"), ("create_token", admin_id, "robot"), ("revoke_token", admin_id, "sales")]


def test_a_service_account_comes_in_by_no_password(app):
    with desk(app) as session:
        act = Act(session, access.Actor.system())
        robot = people.create_service(act, "robot", roles=["warehouse"])
        with pytest.raises(Exception, match="no password"):
            people.set_password(act, robot, PASSWORD)
        session.flush()
        robot.password_hash = session.scalar(sa.select(User.password_hash).where(User.username == "sales"))
    assert code(Program(app).sign_in("robot")) == UNKNOWN, "not even if it had one"
    change(app, "robot", password_hash=people.NO_PASSWORD)
    for guess in (people.NO_PASSWORD, "", " "):
        assert Program(app).sign_in("robot", guess).status_code in (400, 401)


# Signing in over HTTP -------------------------------------------------------------------------------------------------

def test_a_program_signs_in_renews_and_signs_out(app, clock):
    program, start = Program(app), office.now()
    first = program.sign_in("sales", mode="json").json["data"]
    assert set(first) == {"access_token", "refresh_token", "expires"} and first["expires"] == 900_000
    assert program.me(first["access_token"]).json["data"]["username"] == "sales"
    assert code(program.me(first["refresh_token"])) == UNKNOWN, "it renews, and opens nothing"
    clock(minutes=15, seconds=-1)
    assert program.me(first["access_token"]).status_code == 200
    clock(seconds=1)
    assert code(program.me(first["access_token"])) == EXPIRED
    second = program.post("/auth/refresh", refresh_token=first["refresh_token"], mode="json").json["data"]
    assert program.me(second["access_token"]).status_code == 200
    assert program.post("/auth/logout", refresh_token=second["refresh_token"]).status_code == 204
    assert code(program.me(second["access_token"])) == UNKNOWN
    assert code(program.post("/auth/refresh", refresh_token=second["refresh_token"])) == UNKNOWN
    assert program.post("/auth/logout", refresh_token="aft_unknown").status_code == 204
    assert [program.post("/auth/logout", refresh_token=no_text).status_code for no_text in (1.5, 1, True, None)] == [400] * 4
    third = program.sign_in().json["data"]
    clock(days=7)
    assert code(program.post("/auth/refresh", refresh_token=third["refresh_token"])) == EXPIRED
    clock(days=31)
    with desk(app) as session:
        act = Act(session, access.Actor.system())
        assert upkeep.tidy_programs(act, start).startswith("6 tokens") and session.scalar(sa.select(ApiToken.id)) is None


def test_a_refresh_token_that_comes_twice_ends_the_whole_family(app):
    program, thief, other = Program(app), Program(app, "10.0.0.2"), Program(app).sign_in().json["data"]
    first = program.sign_in().json["data"]
    second = program.post("/auth/refresh", refresh_token=first["refresh_token"]).json["data"]
    assert code(thief.post("/auth/refresh", refresh_token=first["refresh_token"])) == UNKNOWN
    for token in (first["access_token"], second["access_token"]):
        assert code(program.me(token)) == UNKNOWN
    assert code(program.post("/auth/refresh", refresh_token=second["refresh_token"])) == UNKNOWN
    assert program.me(other["access_token"]).status_code == 200, "another sign-in goes on"
    with desk(app) as session:
        assert session.scalars(sa.select(AuditEntry.number).where(AuditEntry.action == "token_reused")).all() == ["sales"]


def test_of_two_who_renew_at_once_one_gets_a_pair(app):
    token, met, got = Program(app).sign_in().json["data"]["refresh_token"], threading.Barrier(2), []

    def renew():
        met.wait()
        got.append(Program(app).post("/auth/refresh", refresh_token=token).status_code)
    threads = [threading.Thread(target=renew) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [200, 401]


@pytest.mark.parametrize("event", ["password", "roles", "off"])
def test_a_sign_in_of_a_program_ends_like_a_session(app, event):
    program = Program(app)
    pair = program.sign_in().json["data"]
    with desk(app) as session:
        act, user = Act(session, access.Actor.system()), session.scalar(sa.select(User).where(User.username == "sales"))
        if event == "password":
            people.set_password(act, user, "another password of theirs")
        else:
            people.change(act, user, roles=["warehouse"], name="", email=None, dealer=None, unit=None, is_active=event == "roles")
    assert code(program.me(pair["access_token"])) == UNKNOWN
    assert code(program.post("/auth/refresh", refresh_token=pair["refresh_token"])) == UNKNOWN


def test_failures_are_counted_together_with_those_of_the_sign_in_page(app, person):
    program = Program(app, "10.0.0.9")
    change(app, "sales", email="sales@demo.example")
    for _ in range(3):
        assert code(program.sign_in("sales", "wrong wrong wrong")) == UNKNOWN
    visitor = app.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', visitor.get("/sign-in").text)[1]
    form = {"username": "sales", "password": "wrong wrong", "csrf_token": token}
    assert [visitor.post("/sign-in", data=form).status_code for _ in range(3)] == [422, 422, 429]
    answer = program.sign_in("sales")
    assert code(answer) == (429, "REQUESTS_EXCEEDED") and answer.headers["Retry-After"] == "900"
    assert program.sign_in("sales@demo.example").status_code == 200, "the name was throttled, not the person"
    assert program.sign_in("sales_lead").status_code == 200


def test_a_browser_keeps_the_refresh_token_where_no_script_reads_it(app):
    browser = Program(app, cookies=True)
    answer = browser.sign_in(mode="cookie")
    assert set(answer.json["data"]) == {"access_token", "expires"}
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("directus_refresh_token=aft_", "HttpOnly", "SameSite=Strict", "Path=/auth"))
    renewed = browser.post("/auth/refresh", mode="cookie")
    assert set(renewed.json["data"]) == {"access_token", "expires"}
    assert browser.me(renewed.json["data"]["access_token"]).status_code == 200
    assert browser.post("/auth/logout", mode="cookie").status_code == 204
    assert code(browser.me(renewed.json["data"]["access_token"])) == UNKNOWN
    assert browser.post("/auth/refresh", mode="cookie").status_code == 400


@pytest.mark.once
def test_what_makes_no_sense_is_refused_with_a_sentence(app, person):
    client = app.test_client()
    for path in ("/auth/login", "/auth/refresh", "/auth/logout"):
        for data in (b"", b"[", b"[]", b"1", b"null", b"[" * 50_000, b'{"email": 1, "password": [], "refresh_token": {}}',
                     b'{"mode": "magic", "email": "a", "password": "b", "refresh_token": "c"}'):
            answer = client.post(path, data=data)
            assert code(answer) == (400, "INVALID_PAYLOAD"), (path, data[:20])
        assert code(client.get(path)) == (405, "METHOD_NOT_ALLOWED")
        assert code(client.post(path, data=b"x" * 70_000)) == (413, "CONTENT_TOO_LARGE"), "anybody may send it: only a little"
    for name in ("\ud800", "a\x00b", "x" * 10_000):
        assert code(Program(app).sign_in(name, name)) in (UNKNOWN, (400, "INVALID_PAYLOAD"))
    english = client.get("/users/me", headers={"Accept-Language": "en"}).json["errors"][0]["message"]
    assert english == "Sign in, or send a token"
    assert person("sales").get("/users/me").json["data"]["username"] == "sales", "the session of the screens counts too"


# How often ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def slow(app, store):
    """Six requests a minute for a token, one at once; four times as many from an address."""
    from dataclasses import replace
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, api_rate=6)
    limits._Store.client, limits._Store.silent_until = None, 0.0
    yield store
    app.extensions["settings"] = before
    limits._Store.client, limits._Store.silent_until = None, 0.0


@pytest.mark.once
def test_who_asks_too_often_is_told_when_to_come_again_and_nobody_else_waits(app, slow):
    text, other = (run(app, "create", name).output.strip() for name in ("sales", "warehouse"))
    assert Program(app, "10.1.0.1").me(text).status_code == 200
    answer = Program(app, "10.1.0.2").me(text)
    assert code(answer) == (429, "REQUESTS_EXCEEDED") and 1 <= int(answer.headers["Retry-After"]) <= 10
    assert Program(app, "10.1.0.3").me(other).status_code == 200, "another token"
    guesses = [Program(app, "10.1.0.4").me("aft_guess").status_code for _ in range(6)]
    assert guesses == [401] * 4 + [429] * 2, "an address is counted too"
    met, got = threading.Barrier(8), []

    def ask():
        met.wait()
        got.append(Program(app, "10.1.0.5").me("aft_guess").status_code)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [401] * 4 + [429] * 4


@pytest.mark.once
def test_without_the_queue_store_everybody_is_answered(app, slow):
    text = run(app, "create", "sales").output.strip()
    embedded_valkey.stop(app.extensions["settings"])
    try:
        assert [Program(app).me(text).status_code for _ in range(3)] == [200] * 3
    finally:
        embedded_valkey.running(app.extensions["settings"])
