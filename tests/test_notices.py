"""Notices: each occasion once, for those who see the record; read by opening it; what comes by mail is each one's choice."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.base import Record, db
from models.history import MailChoice, Notice, Outbox
from models.people import User
from models.spec import Text
from rules import notices
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, done
from tests.test_statement_counts import counted
from tests.valid import desk

PLAN = "visit_plan"
LATE = Text("走访计划 {n} 已超期", "Visit plan {n} is overdue")


@pytest.fixture
def book(app):
    return Casebook(app)


def tell(app, id_, *usernames, key="late:1", kind="deadline_late", text=LATE, type_=PLAN):
    """The clock tells these people about the record; how many heard it for the first time."""
    with desk(app) as session:
        record = session.get(Record.types[type_].model, id_)
        people = session.scalars(sa.select(User.id).where(User.username.in_(usernames))).all()
        act = Act(session, Actor.system())
        return notices.tell_people(act, record, people, text.with_(n=record.number), kind=kind, key=key)


def a_plan(app):
    with desk(app) as session:
        return valid.record(session, PLAN).id


def bell(person, path="/admin/reports/"):
    """The number at the bell of a page; 0 where there is none."""
    found = re.search(r'<a class="bell.*?</a>', person.get(path).text, re.S)[0]
    number = re.search(r"<b>(\d+\+?)", found)
    return number[1] if number else "0"


def listed(person, query=""):
    page = person.get(f"/admin/notices/{query}").text
    return re.findall(r'<li( class="new")?>\s*<p>(?:<a href="([^"]*)">)?([^<]+)', page)


def test_what_somebody_was_told_rings_until_they_open_the_record(app, book):
    first, second = a_plan(app), a_plan(app)
    clerk, other = book.person("sales"), book.person("sales_lead")
    assert tell(app, first, "sales", "sales_lead") == 2
    assert tell(app, first, "sales", "sales_lead") == 0, "the same occasion again"
    assert tell(app, first, "sales", key="late:2") == 1
    assert tell(app, second, "sales") == 1
    assert (bell(clerk), bell(other)) == ("3", "1")
    number = book.read(PLAN, first).number
    assert listed(other) == [(' class="new"', f"/admin/{PLAN}/details/?id={first}", f"走访计划 {number} 已超期")]
    assert "Visit plan" in other.get("/admin/notices/?lang=en").text
    assert clerk.get(f"/admin/{PLAN}/details/?id={first}").status_code == 200
    assert (bell(clerk), bell(other)) == ("1", "1"), "all that is about the record is read, by its reader alone"
    assert len(listed(clerk)) == 1 and len(listed(clerk, "?show=all")) == 3
    assert [row[0] for row in listed(clerk, "?show=all")] == [' class="new"', "", ""]


def test_all_is_marked_as_read_that_was_shown_and_only_ones_own(app, book):
    id_ = a_plan(app)
    clerk, other = book.person("sales"), book.person("sales_lead")
    tell(app, id_, "sales", "sales_lead")
    seen = re.search(r'name="upto" value="(\d+)"', clerk.get("/admin/notices/").text)[1]
    tell(app, id_, "sales", key="late:2")   # came while they were looking
    done(clerk.post("/admin/notices/read", {"upto": seen}))
    assert (bell(clerk), bell(other)) == ("1", "1")
    with desk(app) as session:
        mine, theirs = (session.scalar(sa.select(Notice.id).join(User, User.id == Notice.person_id).where(
            User.username == name, Notice.read_at.is_(None))) for name in ("sales", "sales_lead"))
    assert clerk.post(f"/admin/notices/{theirs}/read").status_code == 404
    done(clerk.post(f"/admin/notices/{mine}/read"))
    assert clerk.post(f"/admin/notices/{mine}/read").status_code == 404
    assert (bell(clerk), bell(other)) == ("0", "1")
    for upto in ("", "x", "9" * 30):
        assert clerk.post("/admin/notices/read", {"upto": upto}).status_code == 404


def test_the_bell_costs_no_statement(app, book):
    id_, clerk = a_plan(app), book.person("sales")

    def cost(path):
        clerk.get(path)
        with counted(app) as statements:
            assert clerk.get(path).status_code == 200
        return len(statements)
    before = cost("/admin/reports/"), cost(f"/admin/{PLAN}/")
    for n in range(notices.MANY + 3):
        tell(app, id_, "sales", key=f"late:{n}")
    assert (cost("/admin/reports/"), cost(f"/admin/{PLAN}/")) == before
    assert bell(clerk) == "99+"
    assert cost("/admin/notices/") == cost("/admin/notices/?page=2") == cost("/admin/notices/?page=3")
    assert len(listed(clerk)) == notices.PAGE_SIZE and len(listed(clerk, "?page=3")) == 3


def test_what_is_no_longer_theirs_to_see_has_no_link(app, book):
    """And what was told to the dealer of one place is not told to the other."""
    with desk(app) as session:
        id_ = valid.record(session, "quality_info_transfer", place=valid.HERE).id
        record = session.get(Record.types["quality_info_transfer"].model, id_)
        told = notices.people_for(session, record, ("quality_manager", "administrator", "dealer"))
        names = set(session.scalars(sa.select(User.username).where(User.id.in_(told))))
    assert {"quality_manager", "administrator"} <= names and "dealer_f002" not in names
    tell(app, id_, "warehouse", type_="quality_info_transfer", text=Text("信息 {n}", "Information {n}"))
    [(_, href, text)] = listed(book.person("warehouse"))
    sees = valid.sees(valid.TYPES["quality_info_transfer"], "warehouse")
    assert not sees and href == "" and text.startswith("信息")


def test_a_mention_is_a_notice_until_its_comment_is_withdrawn(app, book):
    id_, author, named = a_plan(app), book.person("quality_engineer"), book.person("quality_manager")
    done(author.post(f"/admin/{PLAN}/{id_}/comments", {"text": "@quality_manager 顾客 13800001234 请看"}))
    [(_, href, text)] = listed(named)
    assert href == f"/admin/{PLAN}/details/?id={id_}" and "评论提到了您" in text and "138" not in text
    assert bell(named) == "1"
    with desk(app) as session:
        comment = session.scalar(sa.select(sa.func.max(sa.text("id"))).select_from(sa.text("comments")))
    done(author.post(f"/admin/{PLAN}/{id_}/comments/{comment}/withdraw"))
    assert bell(named) == "0" and listed(named) == []


def test_two_processes_that_tell_at_once_tell_once(app):
    """On both databases neither of them fails, so nothing else that it did is lost."""
    id_, met, told = a_plan(app), threading.Barrier(2), []

    def at_once():
        met.wait()
        told.append(tell(app, id_, "sales", "sales_lead", "quality_manager"))
    threads = [threading.Thread(target=at_once) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [0, 3]


def test_each_chooses_which_kinds_come_by_mail(app, book):
    id_, clerk = a_plan(app), book.person("sales")
    page = clerk.get("/admin/notices/").text
    assert "没有设置邮件服务器" in page
    ticked = set(re.findall(r'name="kinds" value="(\w+)" checked', page))
    assert ticked == {name for name, kind in notices.KINDS.items() if kind.by_mail} and "deadline_soon" not in ticked
    done(clerk.post("/admin/notices/choices", {"kinds": ["deadline_soon", "no_such"]}))
    with desk(app) as session:
        assert dict(session.execute(sa.select(MailChoice.kind, MailChoice.is_wanted)).all()) == {
            name: name == "deadline_soon" for name in notices.KINDS}
        session.execute(sa.update(User).where(User.username.in_(("sales", "sales_lead"))).values(
            email=User.username + "@demo.example"))
    assert re.findall(r'name="kinds" value="(\w+)" checked', clerk.get("/admin/notices/").text) == ["deadline_soon"]
    notices.set_mailing(True)
    try:
        assert "sales@demo.example" in clerk.get("/admin/notices/").text
        assert "您没有登记邮箱" in book.person("quality_manager").get("/admin/notices/").text
        for kind, wanted in (("deadline_late", {"sales_lead"}), ("deadline_soon", {"sales"}), ("new_kind", {"sales", "sales_lead"})):
            tell(app, id_, "sales", "sales_lead", "quality_manager", kind=kind, key=kind)
            tell(app, id_, "sales", "sales_lead", "quality_manager", kind=kind, key=kind)
            assert mails_for(app) == wanted, kind   # who has no address gets none
    finally:
        notices.set_mailing(False)
    tell(app, id_, "sales_lead", key="none")
    assert mails_for(app) == set(), "without a mail server notices stay in the application"


def mails_for(app):
    """Whose mails were put into the outbox; they are taken out of it."""
    with desk(app) as session:
        rows = session.scalars(sa.select(Outbox)).all()
        people = session.scalars(sa.select(User.username).join(Notice, Notice.person_id == User.id).where(
            Notice.id.in_([row.arguments[0] for row in rows]))).all()
        assert len(rows) == len(people) and {row.job for row in rows} <= {"mail"}
        session.execute(sa.delete(Outbox))
        return set(people)


@pytest.mark.once
def test_every_kind_that_is_told_has_a_name():
    house = Path(__file__).resolve().parent.parent
    told = {kind for room in ("models", "rules", "jobs", "admin_views") for path in (house / room).rglob("*.py")
            for call in re.findall(r"\.tell(?:_people|_house)?\((?:[^()]|\([^()]*\))*\)", path.read_text(encoding="utf-8"))
            for kind in re.findall(r'kind="(\w+)"', call)}
    assert "mention" in told and told <= set(notices.KINDS), told - set(notices.KINDS)


def test_a_notice_says_nothing_by_itself(app):
    """Who is told is asked at the record: nobody outside it hears of it, and nobody who has left."""
    with desk(app) as session:
        session.execute(sa.update(User).where(User.username == "sales").values(is_active=False))
        record = valid.record(session, PLAN)
        assert notices.tell(Act(session, Actor.system()), record, ("sales",), LATE.with_(n=1), kind="deadline_late", key="x") == 1
        [person] = session.scalars(sa.select(User.username).join(Notice, Notice.person_id == User.id))
        assert person == "sales2"
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Outbox)) == 0
