"""Other programs are told what happens to records: signed, in order, at least once, and nothing that is not theirs."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
import sqlalchemy as sa

from jobs import outbox, upkeep, webhooks as sending
from models.base import db
from models.history import AuditEntry, Notice
from models.people import User
from models.webhooks import Delivery, Webhook
from rules import access, office, webhooks
from rules.act import Act
from tests import reading, valid, webhook_receiver
from tests.casebook import Casebook, done
from tests.jobs.test_worker import work_off
from tests.browser_of_a_person import Person
from tests.valid import desk

HERE = (ip_network("127.0.0.0/8"),)
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"


@pytest.fixture
def receiver(app, store):
    """Another program, in a network that the installation allows."""
    before = app.extensions["settings"]
    app.extensions["settings"] = replace(before, webhook_networks=HERE)
    with webhook_receiver.running() as house:
        yield house
    app.extensions["settings"] = before


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def admin(app):
    return Person(app, "administrator")


def declare(app, admin, receiver, account="quality_manager", name="ERP", **form):
    """(id, secret) of a webhook to the receiver."""
    with desk(app) as session:
        account_id = valid.id_of(session, account)
    answer = admin.post("/admin/webhooks/", {"name": name, "url": receiver.url, "account": account_id, **form})
    [secret] = set(re.findall(r"whsec_[\w+/]+=*", answer.text))
    with desk(app) as session:
        return session.scalar(sa.select(Webhook.id).where(Webhook.name == name)), secret


def deliver(app, store, now=None):
    """The clock hands over what may go, and real workers work it off, until nothing more may go."""
    with app.app_context():
        work_off(store)   # a button has handed it over already
        while outbox.dispatch(now):
            work_off(store)
        db.session.remove()


def told(receiver):
    return [json.loads(body) for _, body in receiver.got]


def log(app):
    with desk(app) as session:
        rows = session.scalars(sa.select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True)).all()
        session.expunge_all()
        return rows


def verified():
    """The function that the document gives to receivers, as it stands there."""
    found = {}
    exec(re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.S)[1], found)
    return found["verified"]


def test_what_happens_to_a_record_arrives_signed_in_order_and_without_a_value(app, store, receiver, admin, book):
    id_, secret = declare(app, admin, receiver, types="visit_report")
    person = book.person("technician")
    report = person.create("visit_report", book.visit_report(customer_info="绝密内容", contact_person="王某某"))
    done(person.edit("visit_report", report, customer_info="别的内容", position="科长"))
    done(person.move("visit_report", report, "submit"))
    done(book.person("quality_manager").move("visit_report", report, "void", comment="重复"))
    book.person("sales").create("customer", {**Person(app, "sales").form(f"/admin/customer/edit/?id={book.ids('customer')[0]}"),
                                             "name": "另一家"})
    assert receiver.got == [], "nothing leaves before the commit, or by the request itself"
    deliver(app, store)
    number = book.read("visit_report", report).number
    first, second, third, fourth = told(receiver)
    assert [one["event"] for one in told(receiver)] == ["created", "changed", "moved", "voided"]
    assert {(one["type"], one["record"]) for one in told(receiver)} == {("visit_report", report)}
    assert [one["revision"] for one in told(receiver)] == [1, 2, 3, 4]
    assert set(second["changed"]) == {"position", "customer_info"}
    assert third["move"] == "submit" and fourth["move"] == "void" and third["number"] == number and "submitted_at" in third["changed"]
    assert set(first) == {"id", "event", "at", "type", "record", "number", "revision", "move", "changed"}
    sent = b"".join(body for _, body in receiver.got).decode()
    assert not re.search("绝密内容|别的内容|王某某|科长|重复", sent)
    check, now = verified(), office.now().timestamp()
    for headers, body in receiver.got:
        assert check(secret, headers, body, now) and headers["Idempotency-Key"] == headers["webhook-id"] == json.loads(body)["id"]
        assert not check(secret, headers, body + b" ", now) and not check(secret, headers, body, now + 301)
        assert not check("whsec_" + "A" * 44, headers, body, now)
        assert not check(secret, {**headers, "webhook-id": "msg_other"}, body, now)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 4
    page = admin.get(f"/admin/webhooks/{id_}").text
    assert not list(reading.faults_of(page)) and not list(reading.faults_of(admin.get("/admin/webhooks/?lang=en").text))
    assert page.count("已送达") == 4 and secret not in page and secret not in admin.get("/admin/webhooks/").text


def test_a_message_is_written_if_and_only_if_its_record_is(app, store, receiver, admin, book):
    declare(app, admin, receiver)
    with app.app_context():
        row = valid.record(db.session, "visit_report")   # as history: told to nobody
        db.session.commit()
        act = Act(db.session, access.Actor.system())
        row = act.lock(row)
        row.position = "科长"
        act.touch(row)
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Delivery)) == 1
        db.session.rollback()
        db.session.remove()
    deliver(app, store)
    assert log(app) == [] and receiver.got == []


def test_only_the_wanted_is_told_and_only_what_the_account_may_see_when_it_leaves(app, store, receiver, admin, book):
    declare(app, admin, receiver, "deputy_gm", "masked", types="visit_report", events="changed")
    declare(app, admin, receiver, "sales", "plain", types="visit_report", events="changed", states="submitted")
    declare(app, admin, receiver, "warehouse", "stranger", types="visit_report")
    person = book.person("technician")
    report = person.create("visit_report", book.visit_report())
    done(person.edit("visit_report", report, contact_person="李某", position="科长"))
    deliver(app, store)
    [one] = told(receiver)
    assert one["changed"] == ["position"], "the name of a private field is not for those who see it masked"
    assert sorted(row.state for row in log(app)) == ["dropped", "dropped", "sent"], "the warehouse sees no visit reports"
    done(person.edit("visit_report", report, position="处长"))
    with desk(app) as session:
        session.execute(sa.update(User).where(User.username == "deputy_gm").values(is_active=False))
    deliver(app, store)
    assert len(receiver.got) == 1 and log(app)[-1].state == "dropped", "whoever was switched off since is told nothing"
    done(person.move("visit_report", report, "submit"))
    done(book.person("quality_engineer").move("visit_report", report, "send_back", comment="补充"))
    deliver(app, store)
    assert len(receiver.got) == 1, "moves are not changes, drafts are not submitted"


def test_a_failing_receiver_is_tried_again_under_the_same_key_and_others_of_the_record_wait(app, store, receiver, admin, book):
    id_, _ = declare(app, admin, receiver, types="visit_report")
    receiver.answers = [(500, b"\x00oops" + b"x" * 5000, {}), (302, b"", {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})]
    person = book.person("technician")
    report = person.create("visit_report", book.visit_report())
    done(person.edit("visit_report", report, position="科长"))
    other = person.create("visit_report", book.visit_report())
    deliver(app, store)
    assert sorted((one["record"], one["event"]) for one in told(receiver)) == [(report, "created"), (other, "created")]
    failed = next(row for row in log(app) if row.status == 500)
    assert failed.state == "waiting" and failed.attempts == 1 and len(failed.response) == 1023 and failed.took_ms is not None
    page = admin.get(f"/admin/webhooks/{id_}").text
    assert "oops" in page and "待发送" in page
    now = office.now()
    for wait in (*outbox.WAITS[:2], timedelta(0)):
        now += wait + timedelta(seconds=30)
        deliver(app, store, now)
    about = [one for one in told(receiver) if one["record"] == report]
    assert [one["event"] for one in about][-1] == "changed" and {one["event"] for one in about[:-1]} == {"created"}
    assert len({one["id"] for one in about[:-1]}) == 1 and len(about) >= 2
    assert {row.state for row in log(app)} == {"sent"}


def test_it_is_given_up_in_the_end_the_administrator_hears_of_it_and_sends_it_again(app, store, receiver, admin, book):
    id_, _ = declare(app, admin, receiver, types="visit_report")
    attempts = len(outbox.WAITS) + 1
    receiver.answers = [(503, b"", {})] * attempts
    report = book.person("technician").create("visit_report", book.visit_report())
    now = office.now()
    deliver(app, store, now)
    for wait in outbox.WAITS:
        assert [row.state for row in log(app)] == ["waiting"]
        now += wait + timedelta(minutes=5)
        deliver(app, store, now)
    [row] = log(app)
    assert (row.state, row.attempts, row.status, len(receiver.got)) == ("failed", attempts, 503, attempts)
    with desk(app) as session:
        said = session.scalars(sa.select(Notice.zh).where(Notice.kind == "webhook_failed")).all()
    assert said == ["Webhook“ERP”未能送达：HTTP 503"]
    assert admin.post(f"/admin/webhooks/messages/{row.id}/redeliver").status_code == 302
    deliver(app, store)
    assert [one.state for one in log(app)] == ["sent"] and len({one["id"] for one in told(receiver)}) == 1
    assert told(receiver)[-1]["record"] == report
    receiver.answers = [(410, b"", {})]
    admin.post(f"/admin/webhooks/messages/{row.id}/redeliver")
    deliver(app, store)
    assert [one.state for one in log(app)] == ["failed"], "410 Gone is taken at its word"
    admin.post(f"/admin/webhooks/{id_}/off")
    assert admin.post(f"/admin/webhooks/messages/{row.id}/redeliver").status_code == 409
    with desk(app) as session:
        assert upkeep.tidy_programs(Act(session, access.Actor.system(), now=now + timedelta(days=31)), now).endswith("1 messages")


def test_a_worker_killed_between_the_answer_and_the_mark_has_it_sent_twice_under_one_key(app, store, receiver, admin, book, monkeypatch):
    declare(app, admin, receiver, types="visit_report")
    book.person("technician").create("visit_report", book.visit_report())
    with monkeypatch.context() as patched:
        patched.setattr(sending, "_settle", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        with app.app_context():
            outbox.dispatch()
            work_off(store)
    assert receiver.got and [row.state for row in log(app)] == ["waiting"]
    before = len(receiver.got)
    later = office.now() + outbox.LOST
    with app.app_context():
        outbox.take_back_lost(later)
        db.session.remove()
    deliver(app, store, later + outbox.WAITS[0])
    assert len(receiver.got) > before and [row.state for row in log(app)] == ["sent"]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    again = len(receiver.got)
    with app.app_context():
        sending.send(log(app)[0].id)
    assert len(receiver.got) == again, "what was marked is not sent again"


def test_the_administrator_tests_switches_and_gives_a_new_secret(app, store, receiver, admin, book):
    id_, secret = declare(app, admin, receiver)
    assert admin.post(f"/admin/webhooks/{id_}/test").status_code == 302
    deliver(app, store)
    [(headers, body)] = receiver.got
    assert json.loads(body)["event"] == "test" and set(json.loads(body)) == {"id", "event", "at"}
    shown = admin.post(f"/admin/webhooks/{id_}/secret").text
    [new] = set(re.findall(r"whsec_[\w+/]+=*", shown))
    assert f'action="/admin/webhooks/{id_}" class' in shown, "its form saves this one"
    admin.post(f"/admin/webhooks/{id_}/test")
    deliver(app, store)
    headers, body = receiver.got[-1]
    now = office.now().timestamp()
    assert verified()(new, headers, body, now) and not verified()(secret, headers, body, now)
    admin.post(f"/admin/webhooks/{id_}/off")
    assert admin.post(f"/admin/webhooks/{id_}/test").status_code == 409
    book.person("technician").create("visit_report", book.visit_report())
    deliver(app, store)
    assert len(receiver.got) == 2
    with desk(app) as session:
        account = valid.id_of(session, "sales")
        noted = session.scalars(sa.select(AuditEntry.action).where(AuditEntry.type == "webhook").order_by(AuditEntry.id)).all()
        assert secret not in str(session.execute(sa.select(Webhook.__table__)).all())
    assert noted == ["set_webhook", "test_webhook", "new_webhook_secret", "test_webhook", "switch_webhook"]
    good = {"name": "ERP2", "url": "https://erp.example/hook", "account": account}
    for wrong in ({"name": ""}, {"name": "ERP"}, {"url": "ftp://x"}, {"url": "https://u:p@x/"}, {"url": "https://"}, {"url": "http://x:99999/"},
                  {"url": "https://a b/"}, {"account": ""}, {"account": "x"}, {"types": "no_such"}, {"events": "test"},
                  {"states": "no_such"}, {"types": "visit_report", "states": "in_approval"}):
        assert admin.post("/admin/webhooks/", {**good, **wrong}).status_code == 422, wrong
    assert admin.post(f"/admin/webhooks/{id_}", {**good, "states": "draft, submitted"}).status_code == 302
    page = admin.get(f"/admin/webhooks/{id_}?lang=en").text
    assert "draft, submitted" in page and "https://erp.example/hook" in page


@pytest.mark.once
def test_no_message_goes_to_an_address_that_is_not_public_whatever_its_name_says(app, store, receiver, admin, monkeypatch):
    app.extensions["settings"] = replace(app.extensions["settings"], webhook_networks=())
    declare(app, admin, receiver)
    with desk(app) as session:
        webhooks.ask_test(Act(session, access.Actor.system()), session.scalar(sa.select(Webhook)))
    deliver(app, store)
    [row] = log(app)
    assert receiver.got == [] and row.state == "failed" and "127.0.0.1, which is not a public address" in row.error
    for address in ("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
                    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "ff02::1",
                    "64:ff9b::7f00:1", "2002:7f00:1::", "198.18.0.1", "192.0.2.1", "240.0.0.1"):
        assert not sending.is_open(address, ()), address
    for address in ("8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"):
        assert sending.is_open(address, ()), address
    assert sending.is_open("10.1.2.3", (ip_network("10.1.0.0/16"),)) and not sending.is_open("10.2.2.3", (ip_network("10.1.0.0/16"),))
    # A name that means a public address when it is looked at and ours a moment later; and one that means both.
    meant, asked, opened = ["203.0.113.9"], [], []
    monkeypatch.setattr(sending, "is_open", lambda address, allowed: address in ("203.0.113.9",))

    def getaddrinfo(host, port, **_):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in meant]
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    def create_connection(where, *_):
        opened.append(where)
        meant[:] = ["127.0.0.1"]
        raise ConnectionRefusedError("nobody is there")
    monkeypatch.setattr(socket, "create_connection", create_connection)
    answer = sending.post("https://rebind.example/x", b"{}", {}, ())
    assert opened == [("203.0.113.9", 443)] and asked == ["rebind.example"] and not answer.is_final
    meant[:] = ["203.0.113.9", "127.0.0.1"]
    assert sending.post("https://both.example/x", b"{}", {}, ()).is_final and len(opened) == 1
    meant[:] = ["203.0.113.9"]
    plain = sending.post("http://plain.example/x", b"{}", {}, ())
    assert plain.is_final and "it takes https" in plain.error and len(opened) == 1, "nobody reads along on the way"
    assert sending.post("http://plain.example/x", b"{}", {}, (ip_network("203.0.113.0/24"),)).error and opened[1:] == [("203.0.113.9", 80)]


@pytest.mark.once
def test_a_receiver_that_dawdles_is_hung_up_on_and_tried_again(monkeypatch):
    monkeypatch.setattr(sending, "LONGEST_TALK", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = sending.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, HERE)
    assert answer.status is None and answer.error and not answer.is_final
    nowhere = sending.post("http://no-such-name.invalid/", b"{}", {}, ())
    assert nowhere.error == "no-such-name.invalid has no address" and not nowhere.is_final
