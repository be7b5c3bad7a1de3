"""Signing in and out: who gets in, who is kept waiting, where they land, and when a session ends."""

from __future__ import annotations

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, urljoin, urlsplit

import pytest
import sqlalchemy as sa

from admin_views import door
from jobs import restore
from models.base import db
from models.history import AuditEntry
from models.people import Membership, User
from rules import audit, office, passwords, people
from rules.access import Actor
from rules.act import Act
from tests.browser_of_a_person import PASSWORD
from tests.valid import desk

WRONG = "用户名或密码不正确"


class Visitor:
    """Somebody at a browser who is not signed in."""

    def __init__(self, app, address="127.0.0.1", **options):
        self.client = app.test_client()
        self.options = {"environ_overrides": {"REMOTE_ADDR": address}, **options}

    def get(self, path):
        return self.client.get(path, **self.options)

    def token(self):
        return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get("/sign-in").text)[1]

    def post(self, path, form=None, token=None):
        data = {**(form or {}), "csrf_token": self.token() if token is None else token}
        return self.client.post(path, data=data, **self.options)

    def sign_in(self, username, password=PASSWORD, target=""):
        return self.post(f"/sign-in{target}", {"username": username, "password": password})

    def is_in(self):
        return self.get("/admin/").status_code == 200

    def page_token(self):
        return re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get("/admin/").text)[1]


@pytest.fixture
def visitor(app):
    return Visitor(app)


def change(app, username, **values):
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == username))
        for name, value in values.items():
            setattr(user, name, value)


def language_of(page):
    return re.search(r'<html lang="([^"]+)"', page.text)[1]


# Getting in -----------------------------------------------------------------------------------------------------------

def test_the_right_password_opens_and_the_wrong_one_says_so(visitor):
    for password in ("wrong", "", PASSWORD + " ", PASSWORD.upper()):
        answer = visitor.sign_in("sales", password)
        assert answer.status_code == 422 and WRONG in answer.text and 'value="sales"' in answer.text
        assert not visitor.is_in()
    answer = visitor.sign_in("sales")
    assert (answer.status_code, answer.location) == (302, "/admin/") and visitor.is_in()
    assert "sales 先生" in visitor.get("/admin/").text
    assert visitor.get("/sign-in").location == "/admin/", "who is in already goes on"


def test_the_mail_address_opens_too_however_long(app, visitor):
    address = "anna." + "x" * 150 + "@demo.example"
    change(app, "sales", email=address)
    assert visitor.sign_in(address).status_code == 302 and visitor.is_in()


def test_whatever_is_wrong_the_answer_is_the_same(app, visitor):
    change(app, "finance", is_active=False)
    answers = {visitor.sign_in(name, password).text.replace(name, "NAME").replace(token, "") for name, password, token in (
        ("nobody", PASSWORD, ""), ("sales", "wrong", ""), ("finance", PASSWORD, ""))}
    plain = {re.sub(r'name="csrf_token"[^>]*>', "", answer) for answer in answers}
    assert len(plain) == 1 and not visitor.is_in()


@pytest.mark.parametrize("username", ["nobody", "sales"])
def test_an_unknown_name_costs_the_same_work_as_a_known_one(visitor, monkeypatch, username):
    worked, hasher = [], passwords._hasher

    class Counted:
        hash = hasher.hash

        def verify(self, kept, given):
            worked.append(kept)
            return hasher.verify(kept, given)
    monkeypatch.setattr(passwords, "_hasher", Counted())
    visitor.sign_in(username, "wrong password")
    [kept] = worked
    assert kept.split("$")[1:4] == passwords.hashed("ten letters").split("$")[1:4], "as much memory and as many rounds"


def test_a_long_password_that_may_be_set_may_be_used(app, visitor):
    long = "p" * passwords.LONGEST
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == "sales"))
        people.set_password(Act(session, Actor.system()), user, long)
    assert visitor.sign_in("sales", long + "p").status_code == 422
    assert visitor.sign_in("sales", long).status_code == 302


def test_somebody_deactivated_is_out_at_once_and_does_not_come_in(app, visitor):
    visitor.sign_in("sales")
    change(app, "sales", is_active=False)
    assert not visitor.is_in()
    assert visitor.sign_in("sales").status_code == 422


# Throttling -----------------------------------------------------------------------------------------------------------

def test_five_failures_of_a_name_close_it_for_a_quarter_of_an_hour_and_for_nobody_else(app):
    for n in range(passwords.FAILURES_PER_NAME):
        assert Visitor(app, f"10.0.0.{n}").sign_in("sales", "wrong").status_code == 422
    elsewhere = Visitor(app, "10.0.9.9")
    answer = elsewhere.sign_in("sales")
    assert answer.status_code == 429 and "15 分钟后再试" in answer.text and not elsewhere.is_in()
    assert elsewhere.sign_in("finance").status_code == 302
    age(app, minutes=14)
    assert Visitor(app).sign_in("sales").status_code == 429
    age(app, minutes=2)
    assert Visitor(app).sign_in("sales").status_code == 302


def test_thirty_failures_of_an_address_close_it_whatever_the_names(app):
    with desk(app) as session:
        act = Act(session, Actor(None, "", "10.0.0.1", frozenset()))
        for n in range(passwords.FAILURES_PER_ADDRESS - 1):
            audit.note(session, act, passwords.FAILED, "user", f"guess{n}")
    assert Visitor(app, "10.0.0.1").sign_in("last", "guess").status_code == 422
    assert Visitor(app, "10.0.0.1").sign_in("sales").status_code == 429
    assert Visitor(app, "10.0.0.2").sign_in("sales").status_code == 302
    age(app, minutes=16)
    assert Visitor(app, "10.0.0.1").sign_in("sales").status_code == 302


def test_being_kept_waiting_does_not_make_the_wait_longer(app, visitor):
    for _ in range(passwords.FAILURES_PER_NAME):
        visitor.sign_in("sales", "wrong")
    age(app, minutes=10)
    assert visitor.sign_in("sales").status_code == 429
    age(app, minutes=6)
    assert visitor.sign_in("sales").status_code == 302


def test_signing_in_often_is_never_throttled(app, visitor):
    for _ in range(passwords.FAILURES_PER_NAME - 1):
        visitor.sign_in("sales", "wrong")
    for _ in range(8):
        assert visitor.sign_in("sales").status_code == 302
        visitor.post("/sign-out", token=visitor.page_token())


def age(app, minutes):
    """Time passes: the failures noted so far are so much older."""
    with desk(app) as session:
        for id_, at in session.execute(sa.select(AuditEntry.id, AuditEntry.at).where(AuditEntry.action == passwords.FAILED)).all():
            session.execute(sa.update(AuditEntry).where(AuditEntry.id == id_).values(at=at - timedelta(minutes=minutes)))


# Where they land ------------------------------------------------------------------------------------------------------

def test_who_was_on_the_way_to_a_page_gets_there(visitor):
    asked = visitor.get("/admin/customer/?province=重庆市&sort=-number")
    assert asked.status_code == 302 and asked.location.startswith("/sign-in?next=")
    target = asked.location.removeprefix("/sign-in")
    assert visitor.sign_in("sales", target=target).location == "/admin/customer/?province=%E9%87%8D%E5%BA%86%E5%B8%82&sort=-number"


@pytest.mark.parametrize("target", [
    "https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "\\\\elsewhere.example", "javascript:alert(1)",
    "http:elsewhere.example", "/%09/elsewhere.example", "/\t/elsewhere.example", "/\n/elsewhere", "///elsewhere.example", " //elsewhere",
    "elsewhere.example", "/admin/\\..\\..", "https:/elsewhere.example", "/\r//elsewhere", "/\x00/elsewhere"])
def test_nobody_is_sent_to_another_site(visitor, target):
    location = visitor.sign_in("sales", target=f"?next={quote(target, safe='')}").location
    for one in (location, re.sub(r"[\t\r\n\x00]", "", location)):   # browsers drop these before they read an address
        assert urlsplit(urljoin("http://localhost/sign-in", one)).netloc == "localhost", location
        assert "\\" not in one and not one.startswith("//")


# Getting out ----------------------------------------------------------------------------------------------------------

def test_signing_out_is_a_post_with_the_token_of_the_session(visitor):
    visitor.sign_in("sales")
    assert visitor.get("/sign-out").status_code == 405 and visitor.is_in()
    assert visitor.post("/sign-out", token="").status_code == 400 and visitor.is_in()
    answer = visitor.post("/sign-out", token=visitor.page_token())
    assert answer.location == "/sign-in" and not visitor.is_in()


def test_signing_in_needs_the_token_too(app, visitor):
    for token in ("", "forged"):
        assert visitor.post("/sign-in", {"username": "sales", "password": PASSWORD}, token=token).status_code == 400
    other = Visitor(app).token()
    visitor.get("/sign-in")
    assert visitor.post("/sign-in", {"username": "sales", "password": PASSWORD}, token=other).status_code == 400
    assert not visitor.is_in()


@pytest.mark.parametrize("changing", ["roles", "password", "place"])
def test_every_session_ends_when_rights_or_password_change(app, changing):
    desk_computer, telephone, other = Visitor(app), Visitor(app), Visitor(app)
    desk_computer.sign_in("sales")
    telephone.sign_in("sales")
    other.sign_in("finance")
    with desk(app) as session:
        act, user = Act(session, Actor.system()), session.scalar(sa.select(User).where(User.username == "sales"))
        if changing == "password":
            people.set_password(act, user, "another long password")
        else:
            roles = ["finance"] if changing == "roles" else ["sales"]
            people.change(act, user, roles=roles, name=user.name, email=None, dealer=None, unit="U1", is_active=True)
    assert not desk_computer.is_in() and not telephone.is_in() and other.is_in()


@pytest.mark.parametrize("epoch", [0, 10**9, restore.LARGEST_EPOCH - 1])
def test_whatever_number_a_restore_gives_a_person_their_next_session_holds(app, visitor, epoch):
    change(app, "sales", session_epoch=epoch)
    visitor.sign_in("sales")
    assert visitor.is_in()
    change(app, "sales", session_epoch=epoch + 1)
    assert not visitor.is_in()


def test_a_session_taken_before_signing_out_of_all_is_worth_nothing_afterwards(app, visitor):
    visitor.sign_in("sales")
    cookie = visitor.client.get_cookie("session").value
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == "sales"))
        people.set_password(Act(session, Actor.system()), user, "another long password")
    thief = Visitor(app)
    thief.client.set_cookie("session", cookie)
    assert not thief.is_in()


def test_roles_of_several_memberships_add_up(app, visitor):
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == "finance"))
        assert user.roles == {"finance"}
    visitor.sign_in("finance")
    assert visitor.get("/admin/visit_plan/").status_code == 403
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == "finance"))
        user.memberships.append(Membership(role="technician"))
        actor = Actor.of(session.scalar(sa.select(User).where(User.username == "both")), "screen")
        assert actor.roles == {"quality_engineer", "quality_manager"}
    assert visitor.get("/admin/visit_plan/").status_code == 200, "what technicians see"
    assert visitor.get("/admin/dealer_ledger/").status_code == 200, "what finance sees"


# The cookie -----------------------------------------------------------------------------------------------------------

def cookie_of(answer):
    return next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("session="))


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_text(app, visitor):
    plain = cookie_of(visitor.sign_in("sales"))
    assert "HttpOnly" in plain and "SameSite=Lax" in plain and "Secure" not in plain
    safe = Visitor(app, base_url="https://localhost", headers={"Referer": "https://localhost/sign-in"})
    secure = cookie_of(safe.sign_in("sales"))
    assert "Secure" in secure and "HttpOnly" in secure and "SameSite=Lax" in secure


def test_a_session_ends_by_itself_after_ten_hours_without_work(app, visitor, monkeypatch):
    def is_ten_hours(answer):
        expires = parsedate_to_datetime(re.search(r"Expires=([^;]+)", cookie_of(answer))[1])
        return abs(expires - office.now() - timedelta(hours=10)) < timedelta(minutes=2)
    assert is_ten_hours(visitor.sign_in("sales"))
    visitor.get("/admin/reports/")   # the token of its forms is new
    assert "Set-Cookie" not in visitor.get("/admin/reports/").headers, "a fresh one need not be written again"
    with monkeypatch.context() as patch:
        patch.setattr(door, "WRITTEN_AGAIN_AFTER", timedelta(seconds=-2))
        assert is_ten_hours(visitor.get("/admin/reports/")), "whoever is at work stays signed in"
    cookie = visitor.client.get_cookie("session").value
    app.permanent_session_lifetime = timedelta(seconds=-1)
    try:
        late = Visitor(app)
        late.client.set_cookie("session", cookie)
        assert not late.is_in(), "the server looks at the age too"
    finally:
        app.permanent_session_lifetime = timedelta(hours=10)


def test_a_session_planted_before_signing_in_is_left_behind(visitor):
    token = visitor.token()
    with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    before = visitor.client.get_cookie("session").value
    visitor.sign_in("sales")
    assert visitor.client.get_cookie("session").value != before
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
    visitor.get("/admin/customer/new/")
    assert visitor.post("/sign-out", token=token).status_code == 400, "the token from before holds no longer"


def test_a_forged_or_broken_session_is_no_session(app):
    for value in ("x", "eyJfdXNlcl9pZCI6IjE6MSJ9.aaaa.bbbb", ".", "\x7f"):
        forger = Visitor(app)
        forger.client.set_cookie("session", value)
        assert not forger.is_in()
    for key in ("1", "1:", "abc:1", "1:999", ":", "²:1", "9" * 30 + ":1"):
        odd = Visitor(app)
        with odd.client.session_transaction() as session:
            session["_user_id"] = key
        assert odd.get("/admin/").status_code == 302, key


# Language -------------------------------------------------------------------------------------------------------------

def test_the_language_asked_for_stays_for_the_session(visitor):
    assert language_of(visitor.get("/sign-in")) == "zh-CN"
    assert language_of(visitor.get("/sign-in?lang=en")) == "en"
    assert language_of(visitor.get("/sign-in")) == "en"
    assert language_of(visitor.get("/sign-in?lang=klingon")) == "en"
    visitor.sign_in("sales")
    assert language_of(visitor.get("/admin/")) == "en", "also after signing in"


def test_the_language_is_remembered_for_the_person_in_every_browser(app, visitor):
    visitor.sign_in("sales")
    visitor.get("/admin/?lang=en")
    assert language_of(visitor.get("/admin/customer/")) == "en"
    visitor.post("/sign-out", token=visitor.page_token())
    elsewhere = Visitor(app)
    elsewhere.sign_in("sales")
    assert language_of(elsewhere.get("/admin/")) == "en"
    other = Visitor(app)
    other.sign_in("finance")
    assert language_of(other.get("/admin/")) == "zh-CN"


def test_what_was_chosen_last_counts_wherever_it_was_chosen(app, visitor):
    visitor.sign_in("sales")
    visitor.get("/admin/?lang=en")
    visitor.post("/admin/customer/new/", token=visitor.page_token())
    elsewhere = Visitor(app)
    elsewhere.sign_in("sales")
    elsewhere.get("/admin/?lang=zh")
    elsewhere.post("/admin/customer/new/", token=elsewhere.page_token())
    visitor.post("/admin/customer/new/", token=visitor.page_token())
    assert language_of(visitor.get("/admin/")) == language_of(elsewhere.get("/admin/")) == "zh-CN"
    with app.app_context():
        assert db.session.scalar(sa.select(User.language).where(User.username == "sales")) == "zh"
        db.session.remove()
