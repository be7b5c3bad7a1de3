"""Mails to a real mail server: in the reader's language, without a word too many, once, and again after a failure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from jobs import mail, outbox
from models.base import Record
from models.history import Notice, Outbox
from models.people import Membership, User
from models.spec import Text
from rules import notices, office
from rules.access import Actor
from rules.act import Act
from tests import mail_server, valid
from tests.jobs.test_worker import work_off
from tests.test_notices import LATE, PLAN
from tests.valid import desk


@pytest.fixture
def post(app):
    """The mail server that the application sends to, and people with addresses."""
    with mail_server.running() as house:
        before = app.extensions["settings"]
        app.extensions["settings"] = replace(before, mail_url=house.url, public_url="https://aftercare.office.example")
        notices.set_mailing(True)
        with desk(app) as session:
            session.execute(sa.update(User).values(email=User.username + "@demo.example"))
            session.execute(sa.update(User).where(User.username == "sales_lead").values(language="en"))
        yield house
        notices.set_mailing(False)
        app.extensions["settings"] = before


def tell(app, *usernames, times=1, kind="deadline_late"):
    """The clock tells them about a record; its id."""
    with desk(app) as session:
        record = valid.record(session, PLAN)
        people = session.scalars(sa.select(User.id).where(User.username.in_(usernames))).all()
        for n in range(times):
            text = Text(f"{LATE.zh}：第 {n} 次", f"{LATE.en}: {n}").with_(n=record.number)
            notices.tell_people(Act(session, Actor.system()), record, people, text, kind=kind, key=f"late:{n}")
        return record.id


def rows(app):
    with desk(app) as session:
        return [(row.attempts, row.last_error, row.done_at is not None, row.failed_at is not None)
                for row in session.scalars(sa.select(Outbox).order_by(Outbox.id))]


def deliver(session, store, now=None):
    """The clock hands over what may go, and a worker works it off, until nothing more may go."""
    while outbox.dispatch(now):
        work_off(store)


def test_each_gets_it_in_their_language_with_a_link_and_nothing_personal_in_the_subject(app, session, store, post):
    id_ = tell(app, "sales", "sales_lead")
    deliver(session, store)
    first, second = sorted(post.mails, key=lambda one: one["To"])
    number = session.get(Record.types[PLAN].model, id_).number
    session.rollback()
    assert first["To"] == "sales@demo.example" and second["To"] == "sales_lead@demo.example"
    assert first["Subject"] == f"【售后】已超期：{Record.types[PLAN].zh} {number}"
    assert second["Subject"] == f"[Aftercare] Overdue: {Record.types[PLAN].en} {number}"
    link = f"https://aftercare.office.example/admin/{PLAN}/details/?id={id_}"
    assert link in first.get_content() and link in second.get_content()
    assert "已超期：第 0 次" in first.get_content() and "is overdue: 0" in second.get_content()
    assert (first["From"], first["Auto-Submitted"]) == ("aftercare@office.example", "auto-generated")
    assert re.fullmatch(r"<notice-\d+\.[0-9a-f]{8}@office\.example>", first["Message-ID"])
    assert first["Message-ID"] != second["Message-ID"]
    assert [row[2] for row in rows(app)] == [True, True]


def test_a_comment_with_a_name_and_number_in_it_leaves_neither_in_the_mail(app, session, store, post, person):
    id_ = tell(app)
    author = person("quality_engineer")
    author.post(f"/admin/{PLAN}/{id_}/comments", {"text": "@quality_manager 王某某 13800001234 要求赔偿"})
    deliver(session, store)
    [one] = post.mails
    assert one["To"] == "quality_manager@demo.example"
    assert not re.search("王某某|13800001234|赔偿|quality_engineer", one["Subject"] + one.get_content())


def test_mails_of_one_record_to_one_person_arrive_in_order_though_the_first_one_failed(app, session, store, post):
    post.refused["sales@"] = "451 come back"
    tell(app, "sales", "quality_manager", times=3)
    deliver(session, store)
    assert [one["To"] for one in post.mails] == ["quality_manager@demo.example"] * 3, "nobody waits for somebody else"
    first, *later = [row for row in rows(app) if not row[2]]
    assert first[0] == 1 and "451" in first[1] and later == [(0, None, False, False)] * 2
    post.refused.clear()
    assert outbox.dispatch(office.now()) == 0, "not before its time"
    deliver(session, store, office.now() + outbox.WAITS[0])
    mine = [one.get_content() for one in post.mails if one["To"] == "sales@demo.example"]
    assert [re.search(r"第 (\d) 次", text)[1] for text in mine] == ["0", "1", "2"]
    assert all(done for _, _, done, _ in rows(app))
    assert [row[:2] for row in rows(app) if row[0]] == [(1, first[1])], "what went wrong is kept"


def test_what_the_server_will_never_take_is_given_up_at_once_and_the_administrator_hears_of_it(app, session, store, post, person):
    post.refused["sales@"] = "550 no such mailbox"
    tell(app, "sales")
    deliver(session, store)
    assert [(attempts, failed) for attempts, _, _, failed in rows(app)] == [(1, True)] and not post.mails
    boss = person("administrator")
    page = boss.get("/admin/jobs/").text
    assert "550 no such mailbox" in page and "sales@" not in page
    address = re.search(r'action="(/admin/jobs/failed/\d+/)retry"', page)[1]
    post.refused.clear()
    assert boss.post(address + "retry").status_code == 302
    deliver(session, store)
    work_off(store)
    assert len(post.mails) == 1 and "550" not in boss.get("/admin/jobs/").text
    assert boss.post(address + "retry").status_code == 404, "it is done"


def test_a_server_that_stays_away_is_tried_ever_later_and_given_up_in_the_end(app, session, store, post):
    tell(app, "sales")
    post.refused["sales@"] = "421 not today"
    now, waits = office.now(), []
    while not rows(app)[0][3]:
        outbox.dispatch(now)
        work_off(store)
        not_before = session.scalar(sa.select(Outbox.not_before))
        session.rollback()
        waits.append(not_before - office.now())
        now = max(now, not_before) + timedelta(seconds=1)
    assert rows(app)[0][0] == len(outbox.WAITS) + 1 == len(waits)
    assert all(wait > timedelta(0) for wait in waits[:-1]) and waits[:-1] == sorted(waits[:-1])


def test_it_is_sent_once_whoever_sends_it_twice(app, session, store, post):
    tell(app, "sales")
    [notice] = session.scalars(sa.select(Notice.id))
    session.rollback()
    for _ in range(2):
        mail.send(notice)
    assert len(post.mails) == 1
    # As somebody leaves it who died between the server's yes and the mark: they still hold it, and then no more.
    session.execute(sa.update(Notice).values(mailed_at=None, mailing_at=office.now()))
    session.commit()
    with pytest.raises(mail.Busy):
        mail.send(notice)
    session.execute(sa.update(Notice).values(mailing_at=office.now() - mail.CLAIM))
    session.commit()
    mail.send(notice)
    assert len(post.mails) == 2 and len(set(post.ids())) == 1, "a mailbox knows it by its Message-ID"


def test_what_was_read_or_is_no_longer_theirs_is_not_mailed(app, session, store, post, person):
    read = tell(app, "sales")
    tell(app, "sales_lead")
    tell(app, "technician")
    person("sales").get(f"/admin/{PLAN}/details/?id={read}")
    with desk(app) as at_desk:
        left = at_desk.scalar(sa.select(User.id).where(User.username == "technician"))
        at_desk.execute(sa.delete(Membership).where(Membership.user_id == left))
        at_desk.execute(sa.update(User).where(User.username == "sales_lead").values(is_active=False))
    deliver(session, store)
    assert not post.mails and all(done for _, _, done, _ in rows(app))


@pytest.mark.once
def test_the_sender_is_named_by_the_address_of_the_server(app):
    settings = app.extensions["settings"]
    for url, sender in (("smtp://mail.example", "aftercare@mail.example"), ("smtp://me:x@mail.example", "aftercare@mail.example"),
                        ("smtps://me%40office.example:x@mail.example:465", "me@office.example"),
                        ("smtp://mail.example?from=desk@office.example", "desk@office.example")):
        assert mail.sender_of(replace(settings, mail_url=url)) == sender
    assert settings.address == f"http://{settings.host}:{settings.port}"
    assert replace(settings, host="::1").address == "http://[::1]:8000"
