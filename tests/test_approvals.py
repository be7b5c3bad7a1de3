"""Rounds of signatures: who is asked is written down at submission, and nobody signs their own or what they did not see."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from models.people import Membership, User
from tests import rounds
from tests.browser_of_a_person import Person
from tests.casebook import Casebook, done, refused
from tests.rounds import PLAN, drafted, submitted

OWN = "不能签署自己填写、提交或最后修改的记录"


@pytest.fixture
def book(app):
    return Casebook(app)


def give(book, username, role):
    with book.session() as session:
        user = session.scalar(sa.select(User).where(User.username == username))
        user.memberships.append(Membership(role=role))
        session.commit()


def take(book, username, role):
    with book.session() as session:
        session.execute(sa.delete(Membership).where(
            Membership.role == role, Membership.user_id.in_(sa.select(User.id).where(User.username == username))))
        session.commit()


def test_the_round_is_written_down_when_the_record_is_submitted(book):
    plan = drafted(book)
    assert book.signatures(PLAN, plan) == []
    done(book.person("sales").move(PLAN, plan, "submit"))
    assert book.signatures(PLAN, plan) == [(1, "quality_manager", "waiting", None)]
    done(book.person("quality_manager").move(PLAN, plan, "approve", comment="同意"))
    assert book.signatures(PLAN, plan) == [(1, "quality_manager", "signed", "quality_manager")]


def test_nobody_signs_what_they_created(book):
    plan = drafted(book, by="both")
    done(book.person("sales").edit(PLAN, plan, remark="另一人改过"))
    done(book.person("sales").move(PLAN, plan, "submit"))
    refused(book.person("both").move(PLAN, plan, "approve"), OWN)
    done(book.person("quality_manager").move(PLAN, plan, "approve"))


def test_nobody_signs_what_they_submitted(book):
    plan = drafted(book)
    done(book.person("both").move(PLAN, plan, "submit"))
    refused(book.person("both").move(PLAN, plan, "approve"), OWN)
    done(book.person("quality_manager").move(PLAN, plan, "approve"))


def test_nobody_signs_what_they_edited_last(book):
    plan = drafted(book)
    done(book.person("both").edit(PLAN, plan, remark="加一行"))
    done(book.person("sales").move(PLAN, plan, "submit"))
    refused(book.person("both").move(PLAN, plan, "approve"), OWN)
    refused(book.person("both").move(PLAN, plan, "send_back", comment="改"), OWN)
    done(book.person("quality_manager").move(PLAN, plan, "approve"))


def test_a_role_taken_away_meanwhile_signs_no_longer_and_one_given_does(book):
    plan = submitted(book)
    take(book, "quality_manager", "quality_manager")
    refused(book.person("quality_manager").move(PLAN, plan, "approve"), "您的角色没有这项权限")
    give(book, "quality_manager", "quality_engineer")
    refused(Person(book.app, "quality_manager").move(PLAN, plan, "approve"), "正等待质量负责人签署")
    give(book, "sales2", "quality_manager")
    done(Person(book.app, "sales2").move(PLAN, plan, "approve"))
    assert book.signatures(PLAN, plan) == [(1, "quality_manager", "signed", "sales2")]


def test_what_is_being_signed_does_not_change(book):
    plan = submitted(book)
    for username in ("sales", "both", "quality_engineer"):
        revision = book.read(PLAN, plan).revision
        answer = book.person(username).post(f"/admin/{PLAN}/edit/?id={plan}", {"revision": revision, "title": "改了"})
        refused(answer, "记录正在会签，内容不能修改；请先退回或撤回")
    assert book.read(PLAN, plan).title == "十一月重点顾客走访"


def test_content_that_changed_all_the_same_is_not_signed_but_goes_back(book):
    plan = submitted(book)
    book.as_it_was(PLAN, plan, budget=100)
    refused(book.person("quality_manager").move(PLAN, plan, "approve"), "提交后内容已改动，须退回重新提交")
    done(book.person("quality_manager").move(PLAN, plan, "send_back", comment="预算变了"))


def test_a_signature_names_the_revision_that_was_seen(book):
    plan = submitted(book)
    seen = book.read(PLAN, plan).revision
    for old in (seen - 1, ""):
        answer = book.person("quality_manager").move(PLAN, plan, "approve", revision=old)
        assert answer.status_code == 409
    assert book.state(PLAN, plan) == "in_approval"
    done(book.person("quality_manager").move(PLAN, plan, "approve", revision=seen))


def test_a_return_has_a_reason_and_resubmission_opens_a_second_round(book):
    plan, manager = submitted(book), book.person("quality_manager")
    refused(manager.move(PLAN, plan, "send_back"), "请填写原因", 422)
    assert book.signatures(PLAN, plan) == [(1, "quality_manager", "waiting", None)]
    done(manager.move(PLAN, plan, "send_back", comment="日期太紧"))
    assert book.signatures(PLAN, plan) == [(1, "quality_manager", "returned", "quality_manager")]
    refused(manager.move(PLAN, plan, "approve"), "当前状态为“草稿”，不能批准")
    done(book.person("sales").edit(PLAN, plan, **{"visits-0-planned_on": "2024-11-20"}))
    done(book.person("sales").move(PLAN, plan, "submit"))
    done(book.person("quality_manager2").move(PLAN, plan, "approve"))
    assert book.signatures(PLAN, plan) == [
        (1, "quality_manager", "returned", "quality_manager"), (2, "quality_manager", "signed", "quality_manager2")]


class TestTwoSignatures:
    """A visit plan that needs the deputy general manager's name after the quality manager's."""

    @pytest.fixture(autouse=True)
    def longer_round(self, app, monkeypatch):
        rounds.declare(app, monkeypatch)

    @pytest.mark.parametrize("budget, roles", [
        ("19999.99", ["quality_manager", "deputy_gm"]), ("20000.00", ["quality_manager", "deputy_gm", "general_manager"])])
    def test_a_step_with_an_amount_is_asked_from_that_amount_on(self, book, budget, roles):
        plan = book.person("sales").create(PLAN, book.visit_plan(budget=budget))
        done(book.person("sales").move(PLAN, plan, "submit"))
        assert [role for _, role, *_ in book.signatures(PLAN, plan)] == roles
        for role in roles:
            assert book.state(PLAN, plan) == "in_approval"
            done(book.person(role).move(PLAN, plan, "approve"))
        read = book.read(PLAN, plan)
        assert read.state == "approved" and read.approved_at is not None

    def test_signatures_are_given_in_their_order(self, book):
        plan = submitted(book)
        refused(book.person("deputy_gm").move(PLAN, plan, "approve"), "正等待质量负责人签署")
        done(book.person("quality_manager").move(PLAN, plan, "approve"))
        assert (book.state(PLAN, plan), book.read(PLAN, plan).approved_at) == ("in_approval", None)
        refused(book.person("quality_manager").move(PLAN, plan, "approve"), "正等待主管副总签署")
        done(book.person("deputy_gm").move(PLAN, plan, "approve"))

    def test_one_person_signs_once_in_a_round(self, book):
        plan = submitted(book)
        give(book, "quality_manager", "deputy_gm")
        manager = Person(book.app, "quality_manager")
        done(manager.move(PLAN, plan, "approve"))
        refused(manager.move(PLAN, plan, "approve"), "同一人在一轮中只能签署一次")

    def test_a_return_drops_the_signatures_that_were_still_to_come(self, book):
        plan = submitted(book)
        done(book.person("quality_manager").move(PLAN, plan, "send_back", comment="改"))
        assert [state for _, _, state, _ in book.signatures(PLAN, plan)] == ["returned", "dropped"]
        done(book.person("sales").move(PLAN, plan, "submit"))
        done(book.person("quality_manager").move(PLAN, plan, "approve"))
        done(book.person("deputy_gm").move(PLAN, plan, "send_back", comment="再改"))
        assert [(n, state) for n, _, state, _ in book.signatures(PLAN, plan)] == [
            (1, "returned"), (1, "dropped"), (2, "signed"), (2, "returned")]


def test_of_two_who_sign_at_the_same_moment_one_is_told(book):
    plan = submitted(book)
    people = [Person(book.app, name) for name in ("quality_manager", "quality_manager2")]
    revision, answers = book.read(PLAN, plan).revision, {}
    for someone in people:
        someone.token()
    together = threading.Barrier(2)

    def sign(someone):
        together.wait()
        answers[someone] = someone.move(PLAN, plan, "approve", revision=revision)

    threads = [threading.Thread(target=sign, args=(someone,)) for someone in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told_ = sorted(answers.values(), key=lambda answer: answer.status_code)
    assert [answer.status_code for answer in told_] == [302, 409]
    refused(told_[1], "您看到的不是最新内容", 409)
    assert [state for _, _, state, _ in book.signatures(PLAN, plan)] == ["signed"]
