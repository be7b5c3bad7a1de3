"""Two people at the same record, the same number, the same code: nobody overwrites anybody without seeing it, and no
number is given twice or left out. Where it says "at once" they really are: threads with connections of their own."""

from __future__ import annotations

import html
import re
import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from models.base import Record, db
from models.history import Counter
from models.people import User
from models.spec import Invalid, Refused
from rules import audit, checks, moves, numbering, records
from rules.access import Actor
from rules.act import Act
from tests import reading
from tests.browser_of_a_person import fields_of
from tests.casebook import Casebook, done, told

PLAN, DEALER = "visit_plan", "dealer_ledger"


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def plan(book):
    return book.person("sales").create(PLAN, book.visit_plan(budget="100"))


def address(id_):
    return f"/admin/{PLAN}/edit/?id={id_}"


def differences_of(page):
    """label -> (mine, theirs), as the page shows them side by side."""
    table = re.search(r'<table class="list differences">(.*?)</table>', page, re.S)
    body = table[1].partition("<tbody>")[2]
    rows = re.findall(r"<tr><th[^>]*>(.*?)</th><td[^>]*>(.*?)</td><td[^>]*>(.*?)</td></tr>", body, re.S)
    return {label: (mine.strip(), theirs.strip()) for label, mine, theirs in
            [[html.unescape(part) for part in row] for row in rows]}


# One after the other, from the same page ------------------------------------------------------------------------------

def test_the_second_to_save_is_told_by_whom_and_sees_both_versions(book, plan):
    first, second = book.person("sales"), book.person("sales_lead")
    seen = second.form(address(plan))
    done(first.edit(PLAN, plan, title="甲的标题", budget="200", **{"visits-0-purpose": "甲的目的"}))
    answer = second.post(address(plan), {
        **seen, "title": "乙的标题", "remark": "乙的备注", "handler": str(book.user("finance")), "visits-0-purpose": "乙的目的"})
    assert answer.status_code == 409
    text = reading.text_of(answer.text)
    assert "记录已被 sales 先生 于" in text and "不是最新内容" in text
    shown = differences_of(answer.text)
    assert shown["计划名称"] == ("乙的标题", "甲的标题")
    assert shown["预算"] == ("100.00", "200.00")
    assert shown["备注"] == ("乙的备注", "—")
    assert shown["负责人"] == ("finance 先生", "sales 先生")
    assert "乙的目的" in shown["走访安排"][0] and "甲的目的" in shown["走访安排"][1]
    assert set(shown) == {"计划名称", "预算", "备注", "负责人", "走访安排"}, "what is the same is not listed"
    read = book.read(PLAN, plan)
    assert (read.title, read.budget, read.remark) == ("甲的标题", 200, None)


def test_what_was_typed_is_still_in_the_form_and_sending_it_again_saves_it(book, plan):
    first, second = book.person("sales"), book.person("sales_lead")
    seen = second.form(address(plan))
    done(first.edit(PLAN, plan, title="甲的标题"))
    typed = {**seen, "title": "乙的标题", "purpose": "第一行\n第二行", "visits-0-purpose": "乙的目的"}
    refused = second.post(address(plan), typed)
    again = fields_of(refused.text)
    for name in ("title", "purpose", "visits-0-purpose", "visits-0-customer", "handler"):
        assert again[name].replace("\r\n", "\n") == str(typed[name]), name
    assert again["revision"] == str(book.read(PLAN, plan).revision) != seen["revision"]
    done(second.post(address(plan), again))
    read = book.read(PLAN, plan)
    assert (read.title, read.purpose, read.visits[0].purpose) == ("乙的标题", "第一行\n第二行", "乙的目的")
    assert len(read.visits) == 1


def test_a_third_save_in_between_is_shown_too(book, plan):
    first, second = book.person("sales"), book.person("sales_lead")
    seen = second.form(address(plan))
    done(first.edit(PLAN, plan, title="一"))
    again = fields_of(second.post(address(plan), {**seen, "title": "乙"}).text)
    done(first.edit(PLAN, plan, title="二"))
    answer = second.post(address(plan), again)
    assert answer.status_code == 409 and differences_of(answer.text)["计划名称"] == ("乙", "二")


@pytest.mark.parametrize("revision", ["", "abc", "-1", "0", "1.0", "999", "9" * 40, "²"])
def test_a_form_that_names_no_present_revision_changes_nothing(book, plan, revision):
    form = book.person("sales").form(address(plan))
    answer = book.person("sales").post(address(plan), {**form, "title": "改", "revision": revision})
    assert answer.status_code == 409 and "不是最新内容" in reading.text_of(answer.text)
    assert book.read(PLAN, plan).title == "十一月重点顾客走访"


def test_an_edit_beside_a_move_is_refused_too(book, plan):
    form = book.person("sales").form(address(plan))
    done(book.person("sales").move(PLAN, plan, "submit"))
    answer = book.person("sales").post(address(plan), {**form, "title": "改"})
    assert answer.status_code == 403 and "会签" in reading.text_of(answer.text)
    assert book.read(PLAN, plan).title == "十一月重点顾客走访"


def test_nobody_signs_what_they_did_not_see(book, plan):
    done(book.person("sales").move(PLAN, plan, "submit"))
    seen = book.read(PLAN, plan).revision
    book.as_it_was(PLAN, plan, budget=999)
    before = book.read(PLAN, plan)
    for revision in (seen, "", "abc", 10**9):
        answer = book.person("quality_manager").move(PLAN, plan, "approve", revision=revision)
        assert answer.status_code == 409 and "不是最新内容" in told(answer)
    after = book.read(PLAN, plan)
    assert (after.state, after.revision) == (before.state, before.revision) == ("in_approval", before.revision)
    assert [state for _, _, state, _ in book.signatures(PLAN, plan)] == ["waiting"]
    assert not book.audited(PLAN, plan, "move:approve")


# At once --------------------------------------------------------------------------------------------------------------

class AtOnce:
    """Several people, each in a thread with a session and a connection of their own."""

    def __init__(self, app, count):
        self.app, self.barrier = app, threading.Barrier(count, timeout=30)
        self.results, self.count = [None] * count, count

    def run(self, work):
        """`work(n, act)` up to its flush; then commit, or the refusal it met."""
        threads = [threading.Thread(target=self._one, args=(n, work)) for n in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads), "somebody still waits"
        return self.results

    def _one(self, n, work):
        try:
            with self.app.app_context():
                self.results[n] = work(n, Act(db.session, Actor.system()))
        except (Refused, Invalid) as refusal:
            self.results[n] = refusal
        except BaseException as bug:
            self.results[n] = bug
            raise


def values(n):
    return {"name": f"{n} 号站", "dealer_code": f"X{n:04}", "outlet_type": "repair_station", "contact_person": "站长",
            "phone": "023-60000000", "address": "路 1 号", "province": "重庆市", "established_on": "2026-01-01"}


@contextmanager
def at_desk(app):
    with app.app_context():
        yield db.session
        db.session.remove()


def plan_of(act, n):
    return records.create(act, Record.types[PLAN], {
        "title": f"计划 {n}", "purpose": "x", "starts_on": "2026-11-01", "ends_on": "2026-11-30",
        "handler": str(act.session.scalar(sa.text("SELECT min(id) FROM users")))})


def test_twenty_people_get_twenty_consecutive_numbers_each_time(app):
    people, each = 20, 3
    start = AtOnce(app, people)

    def work(n, act):
        numbers = []
        for _ in range(each):
            start.barrier.wait()
            numbers.append(plan_of(Act(db.session, Actor.system()), n).number)
            db.session.commit()
        return numbers

    found = [number for numbers in start.run(work) for number in numbers]
    series = Record.types[PLAN].series
    assert sorted(int(series.regex.match(number)["n"]) for number in found) == list(range(1, people * each + 1))
    with at_desk(app) as session:
        assert not list(audit.verify(session))


def test_who_gives_up_gives_the_number_back(app):
    start = AtOnce(app, 8)

    def work(n, act):
        start.barrier.wait()
        number = plan_of(act, n).number
        if n % 2:
            db.session.rollback()
            return None
        db.session.commit()
        return number

    kept = sorted(number for number in start.run(work) if number)
    assert [int(number[-4:]) for number in kept] == [1, 2, 3, 4]


def test_counting_starts_again_each_month_of_the_office(act):
    spec = Record.types[PLAN]
    moments = [datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), datetime(2026, 10, 31, 16, 0, tzinfo=UTC),
               datetime(2026, 11, 30, 15, tzinfo=UTC), datetime(2026, 11, 30, 16, tzinfo=UTC),
               datetime(2026, 10, 31, 1, tzinfo=UTC)]
    numbers = [plan_of(Act(act.session, Actor.system(), now=moment), 1).number for moment in moments]
    assert numbers == ["VPL-202610-0001", "VPL-202611-0001", "VPL-202611-0002", "VPL-202612-0001", "VPL-202610-0002"]
    counted = act.session.execute(sa.select(Counter.period, Counter.n).filter_by(type=PLAN).order_by(Counter.period)).all()
    assert counted == [("2026-10", 2), ("2026-11", 2), ("2026-12", 1)]
    assert numbering.next_number(act.session, spec, moments[0].date()) == "VPL-202610-0003"


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("people", [2, 6])
def test_of_those_who_save_the_same_record_at_once_one_wins_and_the_others_are_told(app, book, plan, people, locked):
    start = AtOnce(app, people)
    revision = book.read(PLAN, plan).revision
    audited = len(book.audited(PLAN, plan, "edit"))

    def work(n, act):
        several_read = not locked and db.engine.dialect.name == "postgresql"  # SQLite has one writer at a time
        if not several_read:
            start.barrier.wait()
        record = records.find(db.session, act.actor, Record.types[PLAN], plan, lock=locked)
        records.seen(record, revision)
        if several_read:
            start.barrier.wait()    # all have read the same revision and go on to write
        record.title = f"第 {n} 人"
        records.keep(act, record, {})
        db.session.commit()
        return n

    results = start.run(work)
    [winner] = [result for result in results if isinstance(result, int)]
    refused = [result for result in results if isinstance(result, Refused)]
    assert len(refused) == people - 1 and all(refusal.stale for refusal in refused)
    read = book.read(PLAN, plan)
    assert (read.title, read.revision) == (f"第 {winner} 人", revision + 1)
    assert len(book.audited(PLAN, plan, "edit")) == audited + 1


def test_even_without_a_lock_or_a_look_the_revision_in_the_row_decides(app, book, plan):
    """The last line of defence: both read, both write; PostgreSQL lets the second meet the new revision."""
    with app.app_context():
        act = Act(db.session, Actor.system())
        record = db.session.get(Record.types[PLAN].model, plan)
        db.session.execute(sa.text("SELECT 1"))
        table = Record.types[PLAN].model.__table__
        db.session.execute(sa.update(table).where(table.c.id == plan).values(revision=table.c.revision + 1),
                           execution_options={"synchronize_session": False})
        record.title = "迟到的人"
        with pytest.raises(Refused) as late:
            records.keep(act, record, {})
        assert late.value.stale
        db.session.rollback()
        db.session.remove()


def test_two_who_make_the_same_move_at_once_make_it_once(app, book, plan):
    start = AtOnce(app, 4)
    revision = book.read(PLAN, plan).revision
    lead = book.user("sales")

    def work(n, act):
        actor = Actor.of(db.session.get(User, lead), "screen")
        db.session.rollback()
        start.barrier.wait()
        record = records.find(db.session, actor, Record.types[PLAN], plan, lock=True)
        moves.make(Act(db.session, actor), record, "submit", revision=revision)
        db.session.commit()
        return n

    results = start.run(work)
    assert len([result for result in results if isinstance(result, int)]) == 1
    assert all(isinstance(result, int) or (isinstance(result, Refused) and result.stale) for result in results)
    assert len(book.signatures(PLAN, plan)) == 1 and len(book.audited(PLAN, plan, "move:submit")) == 1


def test_of_those_who_take_the_same_code_at_once_one_gets_it_and_the_others_read_a_sentence(app):
    start = AtOnce(app, 4)

    def work(n, act):
        db.session.rollback()
        start.barrier.wait()
        record = records.create(Act(db.session, Actor.system()), Record.types[DEALER], {**values(n), "dealer_code": "number-9"})
        db.session.commit()
        return record.number

    results = start.run(work)
    assert len([result for result in results if isinstance(result, str)]) == 1
    for refusal in [result for result in results if not isinstance(result, str)]:
        assert isinstance(refusal, Invalid) and set(refusal.errors) == {"dealer_code"}
        assert "服务商代码" in refusal.errors["dealer_code"].zh
    with at_desk(app) as session:
        model = Record.types[DEALER].model
        assert session.scalar(sa.select(sa.func.count()).where(model.dealer_code == "number-9")) == 1


def test_what_only_the_unique_index_sees_is_told_at_its_field_and_a_number_twice_is_a_bug(app, monkeypatch):
    monkeypatch.setattr(checks, "taken", lambda record, session: {})   # as if the other had saved after the look
    with at_desk(app) as session:
        with pytest.raises(Invalid) as told_:
            records.create(Act(session, Actor.system()), Record.types[DEALER], {**values(1), "dealer_code": "F001"})
        assert set(told_.value.errors) == {"dealer_code"} and "刚被别人使用" in told_.value.errors["dealer_code"].zh
        session.rollback()
        act = Act(session, Actor.system())
        record = records.create(act, Record.types[DEALER], values(2))
        record.number = "SPL-0001"
        with pytest.raises(sa.exc.IntegrityError):
            act.touch(record)
        session.rollback()


def test_the_same_code_over_http_is_a_sentence_at_its_field(book):
    answer = book.person("customer_service").post(f"/admin/{DEALER}/new/", {**values(1), "dealer_code": "F001"})
    assert answer.status_code == 422 and "“服务商代码”的这个值已被 SPL-0001 使用" in told(answer)
    assert 'value="1 号站"' in answer.text
