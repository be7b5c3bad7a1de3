"""The inbox: what waits for my signature and nothing else, signed one after another or several at once, by the rules of
every other door; and the rounds behind it."""

from __future__ import annotations

import json
import re
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.base import Record, db
from models.history import AuditEntry, Notice, Signature, SignedContent
from models.people import Delegation, Membership
from models.spec import Condition, Refused, Step, Text
from rules import access, approvals, audit, moves, office, records
from rules.act import Act
from tests import reading, rounds, valid
from tests.browser_of_a_person import Person
from tests.casebook import Casebook, done, refused
from tests.rounds import PLAN, submitted
from tests.test_statement_counts import statements_of

BOX = "/admin/inbox/"


@pytest.fixture
def book(app):
    return Casebook(app)


def rows_of(person, page=1):
    """(number, signature id, revision) of what the inbox shows for signing."""
    text = person.get(f"{BOX}?page={page}").text
    return re.findall(r'name="chosen" value="(\d+):(\d+)"', text)


def signature_of(book, plan, role=None):
    with book.session() as session:
        query = sa.select(Signature.id).where(Signature.type == PLAN, Signature.record_id == plan).order_by(
            Signature.round.desc(), Signature.state.desc(), Signature.position)
        return session.scalar(query.where(Signature.role == role) if role else query)


def states(book, plan):
    return [(number, role, state) for number, role, state, _ in book.signatures(PLAN, plan)]


def decide(book, who, plan, move, role="quality_manager", **data):
    id_ = signature_of(book, plan, role)
    return book.person(who).post(f"{BOX}{id_}/", {"move": move, "revision": book.read(PLAN, plan).revision, **data})


def verified(app):
    with app.app_context():
        found = [text.en for text in audit.verify(db.session)]
        db.session.remove()
        return found


# What is there --------------------------------------------------------------------------------------------------------

def test_the_inbox_holds_what_is_mine_to_sign_the_most_urgent_first_and_nothing_else(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    first, second, own = submitted(book), submitted(book, budget="20000"), submitted(book, by="both")
    with book.session() as session:
        for one in session.scalars(sa.select(Signature).where(Signature.record_id == second, Signature.due_at.is_not(None))):
            one.due_at -= timedelta(days=1)
        session.commit()
    manager, deputy = book.person("quality_manager"), book.person("deputy_gm")
    assert [int(id_) for id_, _ in rows_of(manager)] == [
        signature_of(book, plan, "quality_manager") for plan in (second, first, own)]
    assert rows_of(deputy) == [] and "没有等您签署的" in deputy.get(BOX).text
    assert [int(id_) for id_, _ in rows_of(book.person("both"))] == [
        signature_of(book, plan, "quality_manager") for plan in (second, first)], "not what they wrote"
    done(manager.move(PLAN, second, "approve"))
    book.grant("quality_manager", "deputy_gm")
    assert signature_of(book, second, "deputy_gm") in [int(id_) for id_, _ in rows_of(deputy)]
    assert signature_of(book, second, "deputy_gm") not in [
        int(id_) for id_, _ in rows_of(Person(app, "quality_manager"))], "signed in this round already"
    assert 'href="/admin/inbox/"' in deputy.get("/admin/").text
    page = reading.text_of(manager.get(BOX).text)
    assert "十一月重点顾客走访" in page and "质量负责人" in page and "sales 先生" in page
    assert "20,000.00" in reading.text_of(book.person("quality_manager").get(
        f"/admin/{PLAN}/details/?id={second}").text), "the limit that applied is on the record's page"


def test_scope_and_the_people_named_in_a_record_keep_it_out_of_an_inbox(book, app):
    unit_lead = book.user("unit_lead")
    with book.session() as session:
        trips = [valid.record(session, "travel_assignment", "approving", place=place) for place in (valid.HERE, valid.THERE)]
        trips.append(valid.record(session, "travel_assignment", "approving", lead=str(unit_lead)))
        ids = [trip.id for trip in trips]
        session.commit()
        waiting = {one.record_id: one.id for one in session.scalars(
            sa.select(Signature).where(Signature.type == "travel_assignment"))}
    assert [int(id_) for id_, _ in rows_of(book.person("unit_lead"))] == [waiting[ids[0]]]
    assert [int(id_) for id_, _ in rows_of(book.person("unit_lead2"))] == [waiting[ids[1]]]
    assert book.person("unit_lead2").get(f"{BOX}{waiting[ids[0]]}/").status_code in (200, 404)
    refused(book.person("unit_lead2").post(f"{BOX}{waiting[ids[0]]}/", {"move": "approve", "revision": 2}), "正等待")


def test_an_inbox_takes_as_many_statements_for_sixty_as_for_three(app):
    def fill(count):
        with valid.desk(app) as session:
            for _ in range(count):
                valid.record(session, PLAN, "in_approval")
                valid.record(session, "parts_purchase_list", "in_approval")
            if count == 3:
                rounds.delegate(session, "finance", "quality_manager")
    person = Person(app, "quality_manager")
    fill(3)
    few, page = statements_of(app, person, BOX)
    assert len(re.findall('name="chosen"', page.text)) == 3, "of the purchase lists they see none"
    fill(57)
    many, page = statements_of(app, person, BOX)
    assert len(re.findall('name="chosen"', page.text)) == 50 and "共 60 件" in page.text
    assert many == few <= 9
    assert len(rows_of(person, 2)) == 10 and not set(rows_of(person, 2)) & set(rows_of(person))


# One after another ----------------------------------------------------------------------------------------------------

def test_one_after_another_each_with_what_changed_since_it_was_sent_back(book):
    first, second = submitted(book, budget="100"), submitted(book)
    manager = book.person("quality_manager")
    at = f"{BOX}{signature_of(book, first)}/"
    page = manager.get(at)
    assert "相比" not in page.text and f'href="{BOX}{signature_of(book, second)}/" data-next' in page.text
    refused(decide(book, "quality_manager", first, "send_back"), "请填写原因", 422)
    answer = decide(book, "quality_manager", first, "send_back", comment="预算太低")
    assert answer.location == f"{BOX}{signature_of(book, second)}/", "on to the next one"
    assert decide(book, "quality_manager", second, "approve", comment="同意").location == BOX
    done(book.person("sales").edit(PLAN, first, budget="250", **{"visits-0-planned_on": "2024-11-20"}))
    done(book.person("sales").move(PLAN, first, "submit"))
    text = " ".join(reading.text_of(manager.get(f"{BOX}{signature_of(book, first)}/").text).split())
    assert "与第 1 轮（退回）相比" in text and "预算太低" in text
    for words in ("100.00 250.00", "2024-11-05 2024-11-20"):
        assert words in text, text
    assert "走访目的" not in text[text.index("相比"):text.index("250.00")]
    assert [state for _, _, state in states(book, first)] == ["returned", "waiting"]


def test_where_a_button_is_missing_the_page_says_why(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = submitted(book)
    at = f"{BOX}{signature_of(book, plan, 'quality_manager')}/"
    for who, why in (("deputy_gm", "正等待质量负责人签署"), ("sales_lead", "正等待质量负责人签署")):
        page = book.person(who).get(at)
        assert page.status_code == 200 and 'name="move"' not in page.text and why in reading.text_of(page.text)
        assert why in reading.text_of(book.person(who).get(f"/admin/{PLAN}/details/?id={plan}").text)
    later = f"{BOX}{signature_of(book, plan, 'deputy_gm')}/"
    page = book.person("quality_manager").get(later)
    assert "这一步已不再等您签署" in reading.text_of(page.text) and 'name="move"' not in page.text
    refused(book.person("quality_manager").post(later, {"move": "approve", "revision": book.read(PLAN, plan).revision}),
            "这一步已不再等您签署")
    assert "记录正在会签，内容不能修改" in book.person("sales").get(f"/admin/{PLAN}/details/?id={plan}").text
    for nothing in ("cancel", "submit", "", "no_such"):
        assert decide(book, "quality_manager", plan, nothing).status_code == 403
    assert book.person("dealer_f001").get(at).status_code == 404


# Several at once ------------------------------------------------------------------------------------------------------

def test_of_several_signed_at_once_each_has_its_own_result_by_the_same_rule(book, app):
    plans = [submitted(book) for _ in range(3)]
    own, changed = submitted(book, by="both"), submitted(book)
    book.as_it_was(PLAN, changed, budget=100)
    both = book.person("both")
    chosen = [f"{signature_of(book, plan)}:{book.read(PLAN, plan).revision}" for plan in (*plans, own, changed)]
    stale = f"{chosen[1].partition(':')[0]}:1"
    assert both.post(f"{BOX}sign", {}).status_code == 422
    assert both.post(f"{BOX}sign", {"chosen": ["x", "1", ":", "-1:2", f"{10**30}:1"]}).status_code == 422
    answer = both.post(f"{BOX}sign", {"chosen": [chosen[0], stale, *chosen[2:], "999999:1", chosen[0]], "comment": "批量同意"})
    text = " ".join(reading.text_of(answer.text).split())
    assert answer.status_code == 200 and "签署 2 件，未签 4 件" in text
    for reason in ("您看到的不是最新内容", "不能签署自己填写、提交或最后修改的记录", "提交后内容已改动", "没有这条记录"):
        assert reason in text, reason
    assert [book.state(PLAN, plan) for plan in (*plans, own, changed)] == [
        "approved", "in_approval", "approved", "in_approval", "in_approval"]
    assert book.audited(PLAN, plans[0], "move:approve") == ["批量同意"]


def test_two_who_sign_the_same_step_in_the_same_second_give_one_signature(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = submitted(book)
    id_, revision = signature_of(book, plan, "quality_manager"), book.read(PLAN, plan).revision
    people = [Person(app, name) for name in ("quality_manager", "quality_manager2")]
    tokens = {someone: someone.token() for someone in people}
    answers, together = {}, threading.Barrier(2)

    def sign(someone):
        together.wait()
        answers[someone] = someone.client.post(f"{BOX}sign", data={
            "chosen": f"{id_}:{revision}", "csrf_token": tokens[someone]}).text
    threads = [threading.Thread(target=sign, args=(someone,)) for someone in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted("签署 1 件" in text for text in answers.values()) == [False, True]
    assert [state for _, _, state in states(book, plan)] == ["signed", "waiting"]
    assert len(book.audited(PLAN, plan, "sign")) == 1 and verified(app) == []


def test_who_read_the_record_before_it_was_voided_signs_nothing(book, app):
    """As when both ask at once: the second has read everything, and gets the row only after the first is done."""
    plan = submitted(book)
    with app.app_context(), sa.orm.Session(db.engine, expire_on_commit=False) as session:
        user = session.scalar(sa.select(valid.User).where(valid.User.username == "quality_manager"))
        act = Act(session, access.Actor.of(user, "screen"))
        record = records.find(session, act.actor, Record.types[PLAN], plan)
        assert approvals.turn(approvals.rounds(session, record))
        session.commit()
        book.act("sales", PLAN, plan, "unsubmit", comment="录错了")
        with pytest.raises(Refused) as refusal:
            moves.make(Act(session, act.actor), record, "approve", revision=record.revision)
        assert "您看到的不是最新内容" in refusal.value.reason.zh
        session.rollback()
    assert states(book, plan) == [(1, "quality_manager", "dropped")]


# The rounds -----------------------------------------------------------------------------------------------------------

def test_steps_beside_each_other_are_signed_in_any_order_and_all_of_them(book, app, monkeypatch):
    only_dear = Condition(lambda plan, act: (plan.budget or 0) > 500, Text("预算超过 500", "budget above 500"))
    rounds.declare(app, monkeypatch, Step("quality_manager"), Step("deputy_gm", beside=True), Step("finance", when=only_dear),
                   Step("general_manager"))
    plan, dear = submitted(book), submitted(book, budget="501")
    assert [role for _, role, _ in states(book, plan)] == ["quality_manager", "deputy_gm", "general_manager"]
    assert [role for _, role, _ in states(book, dear)] == ["quality_manager", "deputy_gm", "finance", "general_manager"]
    refused(book.person("general_manager").move(PLAN, plan, "approve"), "正等待质量负责人、主管副总签署")
    seen = book.read(PLAN, plan).revision
    done(book.person("deputy_gm").move(PLAN, plan, "approve", revision=seen))
    refused(book.person("general_manager").move(PLAN, plan, "approve"), "正等待质量负责人签署")
    refused(book.person("quality_manager").move(PLAN, plan, "send_back", comment="？", back_to="deputy_gm"),
            "只能退回给本轮已经签署的步骤")
    done(book.person("quality_manager").move(PLAN, plan, "approve", revision=seen))
    done(book.person("general_manager").move(PLAN, plan, "approve"))
    assert book.state(PLAN, plan) == "approved" and len(book.audited(PLAN, plan, "sign")) == 2


def test_a_return_to_an_earlier_step_has_it_and_those_after_it_sign_anew(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = submitted(book, budget="20000")
    manager, deputy, general = (book.person(name) for name in ("quality_manager", "deputy_gm", "general_manager"))
    refused(manager.move(PLAN, plan, "send_back", comment="？", back_to="quality_manager"), "只能退回给本轮已经签署的步骤")
    done(manager.move(PLAN, plan, "approve"))
    page = deputy.get(f"/admin/{PLAN}/details/?id={plan}").text
    assert 'name="back_to"' in page and '<option value="quality_manager">' in page
    for nobody in ("general_manager", "deputy_gm", "sales", "x"):
        refused(deputy.move(PLAN, plan, "send_back", comment="？", back_to=nobody), "只能退回给本轮已经签署的步骤")
    refused(deputy.move(PLAN, plan, "approve", back_to="quality_manager"), "只能退回给本轮已经签署的步骤", 422)
    refused(deputy.move(PLAN, plan, "send_back", back_to="quality_manager"), "请填写原因", 422)
    done(deputy.move(PLAN, plan, "send_back", comment="请核日期", back_to="quality_manager"))
    assert book.state(PLAN, plan) == "in_approval"
    assert states(book, plan) == [
        (1, "quality_manager", "voided"), (1, "quality_manager", "waiting"), (1, "deputy_gm", "returned"),
        (1, "deputy_gm", "waiting"), (1, "general_manager", "dropped"), (1, "general_manager", "waiting")]
    assert book.audited(PLAN, plan, "ask_again") == ["请核日期"]
    refused(deputy.move(PLAN, plan, "approve"), "正等待质量负责人签署")
    for person in (manager, deputy, general):
        done(person.move(PLAN, plan, "approve"))
    assert book.state(PLAN, plan) == "approved" and verified(app) == []


def test_whoever_submitted_or_wrote_takes_it_back_and_nobody_else(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = rounds.drafted(book)
    done(book.person("sales2").move(PLAN, plan, "submit"))
    done(book.person("quality_manager").move(PLAN, plan, "approve"))
    for other in ("sales_lead", "quality_manager", "deputy_gm", "administrator"):
        refused(book.person(other).move(PLAN, plan, "unsubmit", comment="要改"), "由填写人本人、提交人办理")
    refused(book.person("sales2").move(PLAN, plan, "unsubmit"), "请填写原因", 422)
    done(book.person("sales2").move(PLAN, plan, "unsubmit", comment="要改"))
    assert (book.state(PLAN, plan), states(book, plan)) == (
        "draft", [(1, "quality_manager", "signed"), (1, "deputy_gm", "dropped")])
    done(book.person("sales").edit(PLAN, plan, title="改后"))
    done(book.person("sales").move(PLAN, plan, "submit"))
    done(book.person("sales").move(PLAN, plan, "unsubmit", comment="再改"))
    assert [number for number, *_ in states(book, plan)] == [1, 1, 2, 2] and verified(app) == []


def test_a_content_that_another_act_changes_voids_what_was_signed_and_says_so(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = submitted(book)
    done(book.person("quality_manager").move(PLAN, plan, "approve"))
    with book.session() as session:
        act = Act(session, access.Actor.system())
        record = act.get(PLAN, plan)
        record.title = "由别的单据改过"
        act.touch(record)
        session.commit()
    assert states(book, plan) == [(1, "quality_manager", "voided"), (1, "deputy_gm", "dropped"),
                                  (2, "quality_manager", "waiting"), (2, "deputy_gm", "waiting")]
    page = reading.text_of(book.person("deputy_gm").get(f"/admin/{PLAN}/details/?id={plan}").text)
    assert "已签，后作废" in page
    assert "由别的单据改过" in reading.text_of(
        book.person("quality_manager").get(f"{BOX}{signature_of(book, plan, 'quality_manager')}/").text)
    done(book.person("quality_manager").move(PLAN, plan, "approve"))
    done(book.person("deputy_gm").move(PLAN, plan, "approve"))
    assert book.state(PLAN, plan) == "approved" and verified(app) == []


def test_who_is_asked_and_who_submitted_are_told_each_once(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    with book.session() as session:
        rounds.delegate(session, "deputy_gm", "sales_lead")
        session.commit()
    plan = submitted(book)
    done(book.person("quality_manager").move(PLAN, plan, "approve"))
    done(book.person("deputy_gm").move(PLAN, plan, "send_back", comment="改"))

    def told(kind):
        with book.session() as session:
            rows = session.execute(sa.select(valid.User.username, Notice.zh).join(
                valid.User, valid.User.id == Notice.person_id).where(Notice.kind == kind).order_by(valid.User.username)).all()
            return [(name, text) for name, text in rows]
    number = book.read(PLAN, plan).number
    assert [name for name, _ in told("to_sign")] == ["both", "deputy_gm", "quality_manager", "quality_manager2", "sales_lead"]
    assert told("round_ended") == [("sales", f"走访计划 {number} 被退回")]


# Standing in ----------------------------------------------------------------------------------------------------------

def form(book, taker, **changes):
    today = office.today()
    return {"to": book.user(taker), "starts_on": today.isoformat(), "ends_on": (today + timedelta(days=3)).isoformat(),
            "reason": "出差", **changes}


def test_a_stand_in_is_named_by_the_person_or_an_administrator_and_on_every_signature(book, app):
    plan, manager = submitted(book), book.person("quality_manager")
    at = "/admin/delegations/"
    wrong = [({"to": ""}, "请选择在用的人员"), ({"to": book.user("quality_manager")}, "不能委托给本人"),
             ({"to": book.user("dealer_f001"), "types": PLAN}, "不能查看“走访计划”"), ({"to": book.user("administrator")}, "看不到"),
             ({"ends_on": "2020-01-01"}, "起止日期"), ({"starts_on": "x"}, "日期应如"), ({"starts_on": ""}, "起止日期"),
             ({"reason": " "}, "请填写原因"), ({"types": "parts_purchase_list"}, "不签署“配件采购清单”"), ({"types": "x"}, "不签署“x”")]
    for change, sentence in wrong:
        answer = manager.post(at, form(book, "sales_lead", **change))
        refused(answer, sentence, 422)
    assert "您没有可以委托的签署" in book.person("sales2").get(at).text
    stranger = book.person("sales2").post(at, form(book, "sales", **{"from": book.user("quality_manager")}))
    assert stranger.status_code == 422, "nobody delegates for others"
    done(manager.post(at, form(book, "sales_lead", types=PLAN)))
    assert [int(id_) for id_, _ in rows_of(book.person("sales_lead"))] == [signature_of(book, plan)]
    assert "代quality_manager 先生" in reading.text_of(book.person("sales_lead").get(BOX).text)
    done(decide(book, "sales_lead", plan, "approve", comment="代签"))
    page = book.person("sales").get(f"/admin/{PLAN}/details/?id={plan}").text
    assert "sales_lead 先生（代quality_manager 先生）" in reading.text_of(page)
    other = submitted(book)
    with book.session() as session:
        made = session.scalars(sa.select(Delegation)).one().id
    assert book.person("sales2").post(f"{at}{made}/end").status_code == 403
    done(manager.post(f"{at}{made}/end"))
    refused(decide(book, "sales_lead", other, "approve"), "正等待质量负责人签署")
    assert rows_of(book.person("sales_lead")) == []
    done(book.person("administrator").post(at, form(book, "sales_lead", **{"from": book.user("quality_manager")})))
    done(decide(book, "sales_lead", other, "approve"))
    with book.session() as session:
        assert [entry.action for entry in session.scalars(sa.select(AuditEntry).where(
            AuditEntry.type == "delegation").order_by(AuditEntry.id))] == ["delegate", "end_delegation", "delegate"]
    assert verified(app) == []


def test_a_delegation_ends_with_its_days_and_with_the_role_of_the_person(book):
    plan = submitted(book)
    with book.session() as session:
        for first, last in ((-3, -1), (1, 3)):
            rounds.delegate(session, "quality_manager2", "sales_lead", first=first, last=last)
        session.commit()
    assert rows_of(book.person("sales_lead")) == []
    refused(decide(book, "sales_lead", plan, "approve"), "代quality_manager2 先生签署已于")
    with book.session() as session:
        rounds.delegate(session, "quality_manager2", "sales_lead")
        session.commit()
    assert len(rows_of(book.person("sales_lead"))) == 1
    with book.session() as session:
        session.execute(sa.delete(Membership).where(Membership.user_id == book.user("quality_manager2")))
        session.commit()
    assert rows_of(book.person("sales_lead")) == []
    refused(decide(book, "sales_lead", plan, "approve"), "正等待质量负责人签署")


# Proof ----------------------------------------------------------------------------------------------------------------

def test_what_was_signed_is_what_is_stored_or_the_proof_says_so(book, app, monkeypatch):
    rounds.declare(app, monkeypatch)
    plan = submitted(book, budget="100")
    done(book.person("quality_manager").move(PLAN, plan, "approve", comment="同意"))
    done(book.person("deputy_gm").move(PLAN, plan, "approve"))
    done(book.person("sales").move(PLAN, plan, "start"))
    assert verified(app) == []
    one = Signature.__table__
    first = sa.select(sa.func.min(one.c.id)).scalar_subquery()
    behind = [
        (sa.update(one).where(one.c.id == first).values(signed_by_id=book.user("sales")), "is not what the audit says"),
        (sa.update(one).where(one.c.id == first).values(comment="不同意"), "is not what the audit says"),
        (sa.update(one).where(one.c.id == first).values(for_id=book.user("sales")), "is not what the audit says"),
        (sa.delete(one).where(one.c.id == first), "was deleted behind its audit"),
        (sa.update(SignedContent).values(content={"fields": {}, "lines": {}}), "does not hash to its signatures"),
        (sa.delete(SignedContent), "does not hash to its signatures"),
    ]
    for statement, sentence in behind:
        with book.session() as session:
            session.execute(statement)
            assert sentence in " ".join(text.en for text in audit.verify(session)), sentence
            session.rollback()
    with book.session() as session:   # the whole record rewritten, its own hash too
        record = session.get(Record.types[PLAN].model, plan)
        session.execute(sa.update(type(record)).where(type(record).id == plan).values(budget=999))
        assert "“budget” is not as it was signed" in " ".join(text.en for text in audit.verify(session))
        session.rollback()
    done(book.person("sales").edit(PLAN, plan, title="执行中改名"))
    assert verified(app) == [], "what a later step changed is in the audit"
    page = reading.text_of(book.person("sales").get(f"/admin/{PLAN}/details/?id={plan}").text)
    assert "签署后改动过：计划名称" in " ".join(page.split())


def test_exports_carry_the_block_of_signatures_and_an_import_leaves_it_aside(book, app, tmp_path):
    plan = submitted(book)
    done(book.person("quality_manager").move(PLAN, plan, "approve", comment="=同意"))
    runner = app.test_cli_runner()
    [told] = json.loads(runner.invoke(args=["export", PLAN, "--format", "json"]).stdout)
    [block] = told["signatures"]
    assert (block["role"], block["by"], block["for"], block["state"], block["comment"], len(block["hash"])) == (
        "quality_manager", "quality_manager", None, "signed", "=同意", 64)
    header, [row] = reading.csv_of(book.person("quality_engineer").get(f"/admin/{PLAN}/export/csv/").data)
    assert header[-1] == "会签" and re.match(r"第1轮 质量负责人：quality_manager 先生 .* 已签“=同意” #[0-9a-f]{12}$", row[-1])
    assert reading.csv_of(runner.invoke(args=["export", PLAN, "--header", "names"]).stdout_bytes)[0][-1] == "signatures"
    old = tmp_path / f"{PLAN}.json"
    old.write_text(json.dumps([{**told, "number": "VP-2020-0001"}]), encoding="utf-8")
    done_ = runner.invoke(args=["import", PLAN, str(old), "--history"])
    assert done_.exit_code == 0, done_.output
    again = json.loads(runner.invoke(args=["export", PLAN, "--format", "json"]).stdout)
    assert {one["number"]: len(one["signatures"]) for one in again} == {told["number"]: 1, "VP-2020-0001": 0}, "nobody signs by a file"
