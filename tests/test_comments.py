"""What is said about records: whoever sees one may, nobody edits it, its author may take it back while the record lives; and
who is mentioned finds it on their first page, if the record is theirs to see."""

from __future__ import annotations

import html
import re
import threading

import pytest
import sqlalchemy as sa

from models.base import Record, db
from models.comments import Comment, Mention
from models.history import AuditEntry
from models.people import Membership, User
from models.spec import ROLES, VOID, Invalid, Refused
from rules import access, audit, comments, office, proof, records
from rules.act import Act
from tests import reading, valid
from tests.browser_of_a_person import Person, problems
from tests.casebook import Casebook, done, told
from tests.valid import TYPES, desk

PLAN, CARD, ORDER = "visit_plan", "info_flow_card", "parts_urgent_order"


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def plan(book):
    return book.person("sales").create(PLAN, book.visit_plan())


def say(person, type_name, id_, text, **more):
    return person.post(f"/admin/{type_name}/{id_}/comments", {"text": text, **more})


def page_of(person, type_name, id_, ending=""):
    return person.get(f"/admin/{type_name}/details/?id={id_}{ending}").text


def panel(page):
    """The comments of the page: (author, words)."""
    found = re.search(r'<section class="card talk".*?</section>', page, re.S)[0]
    return [tuple(reading.squeezed(part) for part in one) for one in re.findall(
        r'<li id="comment-\d+".*?<b>(.*?)</b>.*?<p class="[^"]*">(.*?)</p>\s*</li>', found, re.S)]


def spoken(app, **equals):
    with desk(app) as session:
        found = session.scalars(sa.select(Comment).filter_by(**equals).order_by(Comment.id)).all()
        session.expunge_all()
        return found


def mentioned(app, **equals):
    """User names of those whom comments mention."""
    with desk(app) as session:
        return sorted(session.scalars(sa.select(User.username).join(Mention, Mention.person_id == User.id).filter_by(**equals)))


def entries(app, type_name, id_):
    with desk(app) as session:
        found = session.scalars(sa.select(AuditEntry).where(
            AuditEntry.type == type_name, AuditEntry.record_id == id_).order_by(AuditEntry.id)).all()
        session.expunge_all()
        return found


def verified(app):
    with desk(app) as session:
        return [text.en for text in audit.verify(session)]


# Saying ---------------------------------------------------------------------------------------------------------------

def test_a_comment_is_shown_with_its_author_in_the_panel_and_the_history(app, book, plan):
    answer = done(say(book.person("technician"), PLAN, plan, "  顾客改到下午\r\n请带样件 <b>急</b>  "))
    [comment] = spoken(app)
    assert answer.location.endswith(f"?id={plan}#comment-{comment.id}")
    assert comment.text == "顾客改到下午\n请带样件 <b>急</b>" and comment.author_id == book.user("technician")
    page = page_of(book.person("sales"), PLAN, plan)
    assert panel(page) == [("technician 先生", "顾客改到下午 请带样件 <b>急</b>")] and "<b>急</b>" not in page
    timeline = re.search(r'<ol class="timeline">.*?</ol>', page, re.S)[0]
    assert "<b>评论</b>" in timeline and "顾客改到下午" in timeline
    entry = entries(app, PLAN, plan)[-1]
    assert (entry.action, entry.actor_id, entry.revision) == ("comment", book.user("technician"), 2)
    assert entry.changes == {"+comment": {"id": comment.id, "sha256": proof.digest(comment.text),
                                          "author_id": comment.author_id, "is_withdrawn": False}}
    assert "顾客" not in str(entry.changes), "what is withdrawn must not live on in the audit"
    assert not verified(app)


@pytest.mark.once
def test_whoever_sees_the_record_may_comment_and_nobody_else(app):
    """Every type, every role that sees some of its records and not others; the others knock in tests/test_doors.py."""
    wrong = []
    people = {role: Person(app, valid.username(role)) for role in ROLES}
    for name, spec in TYPES.items():
        with desk(app) as session:
            ids = {place: valid.record(session, name, place=place).id for place in valid.PLACES}
        for role in spec.scope:
            person = people[role]
            for place, id_ in ids.items():
                with desk(app) as session:
                    sees = access.may(valid.actor_of(session, role), "view", spec, session.get(spec.model, id_))
                wanted = 403 if not valid.sees(spec, role) else 302 if sees else 404
                before = len(spoken(app, type=name, record_id=id_))
                got = say(person, name, id_, f"{role} {place}").status_code
                if got != wanted or len(spoken(app, type=name, record_id=id_)) - before != (got == 302):
                    wrong.append((name, role, place, got, wanted))
                if person.get(f"/admin/{name}/{id_}/people?q=x").status_code != (200 if wanted == 302 else wanted):
                    wrong.append((name, role, place, "people"))
    assert not wrong and not verified(app)


def test_a_dealers_comment_is_read_by_the_office_and_by_no_other_dealer(app, book):
    with desk(app) as session:
        order = valid.record(session, ORDER).id
    done(say(book.person("dealer_f001"), ORDER, order, "请先发这一件"))
    assert panel(page_of(book.person("customer_service"), ORDER, order)) == [("dealer_f001 先生", "请先发这一件")]
    assert book.person("dealer_f002").get(f"/admin/{ORDER}/details/?id={order}").status_code == 404
    assert say(book.person("dealer_f002"), ORDER, order, "我也要").status_code == 404


def test_the_rule_itself_refuses_who_does_not_see_the_record(app, book):
    with desk(app) as session:
        order = valid.record(session, ORDER)
        act = Act(session, access.Actor.of(session.scalar(sa.select(User).where(User.username == "dealer_f002")), "screen"))
        with pytest.raises(Refused):
            comments.say(act, order, "从后门来")
        session.rollback()


@pytest.mark.parametrize(("text", "zh", "en"), [
    ("", "请先写点什么", "Write something first"), (" \n　", "请先写点什么", "Write something"),
    ("长" * 2001, "评论最多 2000 个字，现有 2001 个", "at most 2000 characters, not 2001"),
    ("a\x07b", "“评论”含有不可见的控制字符", "contains a control character")])
def test_what_cannot_be_kept_is_said_and_stays_typed(app, book, plan, text, zh, en):
    answer = say(book.person("sales"), PLAN, plan, text)
    assert answer.status_code == 422 and zh in told(answer), problems(answer)
    box = re.search(r'<textarea id="comment-text"[^>]*>(.*?)</textarea>', answer.text, re.S)
    assert html.unescape(box[1]).strip() == text.strip() and not list(reading.faults_of(answer.text))
    answer = book.person("sales").post(f"/admin/{PLAN}/{plan}/comments?lang=en", {"text": text})
    assert en in told(answer) and not spoken(app)
    done(say(book.person("sales"), PLAN, plan, "长" * 2000))


def test_a_comment_disturbs_nobody_who_edits_or_signs(book, plan):
    sales = book.person("sales")
    form = sales.form(f"/admin/{PLAN}/edit/?id={plan}")
    done(say(book.person("technician"), PLAN, plan, "请尽快"))
    before = book.read(PLAN, plan).revision
    done(sales.post(f"/admin/{PLAN}/edit/?id={plan}", {**form, "title": "照样保存"}))
    assert before == 2 and book.read(PLAN, plan).title == "照样保存"
    done(sales.move(PLAN, plan, "submit"))
    seen = book.read(PLAN, plan).revision
    done(say(sales, PLAN, plan, "请签"))
    done(book.person("quality_manager").move(PLAN, plan, "approve", revision=seen))


def test_a_comment_is_no_change_of_the_record(app, book, plan):
    before = valid.snapshot(app, PLAN, plan)
    done(say(book.person("technician"), PLAN, plan, "看过"))
    after = valid.snapshot(app, PLAN, plan)
    assert {name for name in after if after[name] != before[name]} == {"revision", "audit_head"}


def test_all_who_write_at_once_are_heard_and_the_chain_holds(app, book, plan):
    people = [Person(app, username) for username in ("sales", "technician", "quality_engineer", "deputy_gm")]
    barrier, answers = threading.Barrier(len(people)), []

    def send(person):
        barrier.wait()
        answers.append(say(person, PLAN, plan, "同时").status_code)
    for person in people:
        person.token()
    threads = [threading.Thread(target=send, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302] * 4 and len(spoken(app)) == 4 and not verified(app)


# Taking back ----------------------------------------------------------------------------------------------------------

def test_the_author_takes_a_comment_back_and_it_stays_as_withdrawn(app, book, plan):
    technician, sales = book.person("technician"), book.person("sales")
    done(say(technician, PLAN, plan, "说错了的话 @sales"))
    [comment] = spoken(app)
    address = f"/admin/{PLAN}/{plan}/comments/{comment.id}/withdraw"
    assert address in page_of(technician, PLAN, plan) and address not in page_of(sales, PLAN, plan)
    for person in (sales, book.person("administrator")):
        answer = person.post(address)
        assert answer.status_code == 403 and "只有写评论的人自己可以撤回" in answer.text
    done(technician.post(address))
    for person in (technician, sales):
        page = page_of(person, PLAN, plan)
        assert panel(page) == [("technician 先生", "（已撤回）")] and "说错了的话" not in page and "撤回评论" in page
    assert "说错了的话" not in sales.get("/admin/").text
    assert technician.post(address).status_code == 403, "twice"
    entry = entries(app, PLAN, plan)[-1]
    assert entry.action == "withdraw_comment" and entry.changes["+comment"]["is_withdrawn"] and not verified(app)


@pytest.mark.parametrize("state", ["completed", VOID])
def test_within_the_life_of_the_record_only(app, book, plan, state):
    done(say(book.person("technician"), PLAN, plan, "记录在案"))
    [comment] = spoken(app)
    book.as_it_was(PLAN, plan, state=state)
    address = f"/admin/{PLAN}/{plan}/comments/{comment.id}/withdraw"
    answer = book.person("technician").post(address)
    assert answer.status_code == 403 and "记录已结束，评论不能再撤回" in answer.text
    assert address not in page_of(book.person("technician"), PLAN, plan)
    done(say(book.person("technician"), PLAN, plan, "事后补一句"))


def test_a_comment_is_found_only_at_its_own_record(app, book, plan):
    technician, other = book.person("technician"), book.person("sales").create(PLAN, book.visit_plan())
    done(say(technician, PLAN, plan, "在这里"))
    [comment] = spoken(app)
    for address in (f"{PLAN}/{other}/comments/{comment.id}", f"customer/{plan}/comments/{comment.id}",
                    f"{PLAN}/{plan}/comments/{comment.id + 1}", f"{PLAN}/{plan}/comments/{10**30}", f"{PLAN}/99999/comments/{comment.id}"):
        assert technician.post(f"/admin/{address}/withdraw").status_code == 404, address
    assert spoken(app)[0].withdrawn_at is None


def test_no_door_edits_a_comment(app):
    """There is a way to say something and a way to take it back, and no other."""
    rules = {rule.endpoint.rpartition(".")[2] for rule in app.url_map.iter_rules() if "comments" in rule.rule}
    assert rules == {"comment", "withdraw"}


# Mentions -------------------------------------------------------------------------------------------------------------

def test_who_is_mentioned_finds_it_on_the_first_page_until_they_open_the_record(app, book, plan):
    sales, technician = book.person("sales"), book.person("technician")
    assert "提到我的" not in technician.get("/admin/").text
    done(say(sales, PLAN, plan, "@technician 先生 请带样件，也请 @quality_manager 看一下"))
    assert mentioned(app) == ["quality_manager", "technician"]
    page = technician.get("/admin/").text
    number = book.read(PLAN, plan).number
    assert "提到我的" in page and "1 条未读" in page and number in page and "请带样件" in page
    assert f'href="/admin/{PLAN}/details/?id={plan}#page-talk"' in page and '<li class="new">' in page
    assert "1 new" in technician.get("/admin/?lang=en").text and "提到我的" not in sales.get("/admin/?lang=zh").text
    page = page_of(technician, PLAN, plan, "&lang=zh")
    assert "提到了您" in page and '<span class="mention">@technician 先生</span>' in page
    page = technician.get("/admin/").text
    assert "提到我的" in page and "条未读" not in page and '<li class="new">' not in page
    assert "提到了您" not in page_of(technician, PLAN, plan)
    assert "1 条未读" in book.person("quality_manager").get("/admin/").text, "another's is another's"


def test_somebody_elses_look_opens_nothing(app, book, plan):
    done(say(book.person("sales"), PLAN, plan, "@technician 请看"))
    page_of(book.person("quality_manager"), PLAN, plan)
    other = book.person("sales").create(PLAN, book.visit_plan())
    done(say(book.person("sales"), PLAN, other, "@technician 还有这个"))
    page_of(book.person("technician"), PLAN, other)
    page = book.person("technician").get("/admin/").text
    assert "1 条未读" in page and page.count('<li class="new">') == 1, "nor does a look at another record"


def test_the_newest_come_first_and_what_is_new_never_drops_out(app, book):
    sales, technician = book.person("sales"), book.person("technician")
    plans = [sales.create(PLAN, book.visit_plan(title=f"第{n}次")) for n in range(comments.WAITING + 2)]
    for n, plan in enumerate(plans):
        done(say(sales, PLAN, plan, f"第 {n} 条 @technician"))
    for plan in plans[1:]:
        page_of(technician, PLAN, plan)
    shown = re.findall(r"第 (\d+) 条", technician.get("/admin/").text)
    assert shown == [str(n) for n in (*range(comments.WAITING + 1, 2, -1), 0)], "the oldest is the one still unread"


def test_a_mention_is_for_whoever_may_see_the_record_now(app, book):
    with desk(app) as session:
        order = valid.record(session, ORDER, place=valid.HERE).id
    answer = done(say(book.person("customer_service"), ORDER, order, "@dealer_f001 @dealer_f002 请补齐"))
    assert mentioned(app) == ["dealer_f001"]
    page = book.person("customer_service").get(answer.location).text
    assert "dealer_f002 先生 看不到这条记录，没有通知到" in page
    assert "请补齐" in book.person("dealer_f001").get("/admin/").text
    assert "请补齐" not in book.person("dealer_f002").get("/admin/").text
    with desk(app) as session:   # who changes places loses what was theirs there
        user = session.scalar(sa.select(User).where(User.username == "dealer_f001"))
        user.memberships[0].dealer_id = session.scalar(sa.select(TYPES["dealer_ledger"].model.id).where(
            TYPES["dealer_ledger"].model.dealer_code == "F003"))
    assert "请补齐" not in book.person("dealer_f001").get("/admin/").text
    with desk(app) as session:
        user = session.scalar(sa.select(User).where(User.username == "dealer_f001"))
        user.memberships.clear()
    assert "请补齐" not in book.person("dealer_f001").get("/admin/").text


@pytest.fixture
def namesakes(app):
    """Two people called 张伟, one 张伟明, all of them service staff; and one 张伟 who has left."""
    with desk(app) as session:
        pattern = session.scalar(sa.select(User).where(User.username == "technician"))
        for username, name, is_active in (("zhangwei1", "张伟", True), ("zhangwei2", "张伟", True), ("zhangweiming", "张伟明", True),
                                          ("zhangwei0", "张伟", False)):
            user = User(username=username, name=name, is_active=is_active, password_hash=pattern.password_hash, created_at=office.now())
            user.memberships.append(Membership(role="technician"))
            session.add(user)
        session.flush()
        return dict(session.execute(sa.select(User.username, User.id)).all())


@pytest.mark.parametrize(("text", "chosen", "wanted"), [
    ("@张伟明请看", (), ["zhangweiming"]), ("请 @张伟 看", (), ["zhangwei1", "zhangwei2"]), ("请@张伟看", ("zhangwei2",), ["zhangwei2"]),
    ("＠张伟明：好", (), ["zhangweiming"]), ("@zhangwei1好", (), ["zhangwei1"]), ("@zhangwei1x", (), []), ("@zhangwei", (), []),
    ("写信到 a@zhangwei1.cn", (), []), ("张伟明请看", ("zhangweiming",), []), ("@没有这个人", (), []), ("@", (), []),
    ("@张伟明 @张伟明 @zhangweiming", (), ["zhangweiming"]), ("@zhangwei0 已离职", (), []), ("@sales 先生 自己", ("sales",), []),
    ("@张伟 " * 3, ("zhangwei1", "technician"), ["zhangwei1"])])
def test_a_name_after_an_at_is_understood(app, book, plan, namesakes, text, chosen, wanted):
    done(say(book.person("sales"), PLAN, plan, text, mentions=[str(namesakes[username]) for username in chosen]))
    assert mentioned(app) == wanted


def test_forged_choices_mention_nobody(app, book, plan):
    for forged in ("x", "-1", "9" * 5000, str(10**17), "", "²"):
        done(say(book.person("sales"), PLAN, plan, f"没有 {forged[:5]}", mentions=[forged] * 3))
    assert not mentioned(app)


def test_people_are_offered_by_name_if_they_see_the_record(app, book, namesakes):
    with desk(app) as session:
        order = valid.record(session, ORDER).id
    clerk = book.person("customer_service")

    def offered(words):
        answer = clerk.get(f"/admin/{ORDER}/{order}/people", query_string={"q": words})
        return [row["username"] for row in answer.json]
    assert offered("dealer_f") == ["dealer_f001"], "the order of F001 is none of F002's business"
    assert offered("张伟") == [] and offered("%") == [] and offered("a\x00b") == []
    found = clerk.get(f"/admin/{ORDER}/{order}/people?q=dealer_f001").json
    assert found == [{"id": namesakes["dealer_f001"], "name": "dealer_f001 先生", "username": "dealer_f001", "roles": "服务商"}]
    assert len(clerk.get(f"/admin/{ORDER}/{order}/people").json) <= comments.OFFERED
    plan = book.person("sales").create(PLAN, book.visit_plan())
    found = book.person("sales").get(f"/admin/{PLAN}/{plan}/people?q=张伟").json
    assert [row["username"] for row in found] == ["zhangwei1", "zhangwei2", "zhangweiming"], "who has left is not offered"


def test_the_pieces_of_a_text_say_where_the_names_are():
    names = ("张伟", "张伟明", "sales")
    assert comments.parts("请@张伟明、@张伟看，a@sales", names) == [
        ("请", False), ("@张伟明", True), ("、", False), ("@张伟", True), ("看，a@sales", False)]
    assert comments.parts("没有", ()) == [("没有", False)] and comments.parts("@sales2", names) == [("@sales2", False)]


# The proof ------------------------------------------------------------------------------------------------------------

def test_the_proof_finds_a_comment_that_was_changed_moved_or_deleted(app, book, plan):
    done(say(book.person("technician"), PLAN, plan, "原话"))
    [stands] = spoken(app)
    table = Comment.__table__
    assert not verified(app)
    for column, value in (("text", "改过的话"), ("author_id", book.user("sales")), ("record_id", plan + 1), ("type", "customer"),
                          ("withdrawn_at", office.now())):
        _behind(app, sa.update(table).values({column: value}))
        assert any("is not what the audit says" in said for said in verified(app)), column
        _behind(app, sa.update(table).values({column: getattr(stands, column)}))
    _behind(app, sa.insert(table).values(type=PLAN, record_id=plan, text="塞进来的", author_id=1, created_at=office.now()))
    assert ["is not what the audit says" in said for said in verified(app)] == [True]
    _behind(app, sa.delete(table))
    assert ["was deleted behind its audit" in said for said in verified(app)] == [True]


def _behind(app, statement):
    with app.app_context():
        db.session.execute(statement)
        db.session.commit()
        db.session.remove()


def test_what_the_console_says_is_audited_like_the_rest(act):
    record = act.session.get(TYPES["customer"].model, 1)
    said = comments.say(act, record, "来自命令行 @sales")
    assert said.comment.author_id is None and said.unreached == ()
    with pytest.raises(Refused):
        comments.withdraw(act, record, said.comment)
    with pytest.raises(Invalid):
        comments.say(act, record, " ")
    act.session.commit()
    assert not list(audit.verify(act.session))
    assert records.find(act.session, act.actor, Record.types["customer"], 1).revision == 2
