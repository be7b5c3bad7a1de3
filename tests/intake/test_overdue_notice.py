"""Overdue notices: one per step that passed its limit, raised to higher levels, answered, cleared once the step is done."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.base import Record
from models.history import DeadlineClock
from models.intake import overdue_notice
from models.spec import Refused
from rules.access import Actor
from rules.act import Act
from tests.casebook import Casebook, at, done, refused

NOTICE, CASE, ACTION = "overdue_notice", "complaint_case", "corrective_action"
ANSWER = {"reason": "缺料", "new_due_at": "2099-12-01T17:00"}


@pytest.fixture
def book(app):
    return Casebook(app)


def raise_for(book, type_name, id_, name, now):
    """What the job does with a clock that has run out."""
    with book.session() as session:
        clock = session.scalars(sa.select(DeadlineClock).where(
            DeadlineClock.type == type_name, DeadlineClock.record_id == id_, DeadlineClock.name == name)).one()
        act = Act(session, Actor.system(), now=at(now))
        [notice] = overdue_notice.raise_notices([clock], act)
        if "is_overdue" in Record.types[type_name].fields:
            act.touch(act.get(type_name, id_))
        session.commit()
        return notice.id


@pytest.fixture
def action(book):
    """Promised by U1 for 20 November 2026, 17:00."""
    id_ = book.person("quality_engineer").create(ACTION, book.corrective_action())
    book.as_it_was(ACTION, id_, state="accepted", issued_at=at("2026-11-02 09:00"), promised_at=at("2026-11-20 17:00"))
    return id_


@pytest.fixture
def notice(book, action):
    return raise_for(book, ACTION, action, "action", "2026-11-20 17:00:01")


def test_a_step_that_passed_its_limit_has_exactly_one_notice(book, action, notice):
    read = book.read(NOTICE, notice)
    assert (read.state, read.subject_type, read.subject_number, read.deadline_id, read.deadline_name, read.limit_text,
            read.due_at, read.level, read.responsible_unit, read.handler) == (
        "issued", ACTION, book.read(ACTION, action).number, "SLA-25", "措施完成时间", "完成期限", at("2026-11-20 17:00"),
        "level_1", "U1", book.user("quality_engineer"))
    assert raise_for(book, ACTION, action, "action", "2026-11-20 18:00") == notice


def test_a_case_without_a_number_keeps_its_one_notice_when_it_gets_one(book):
    case = book.person("sales").create(CASE, book.complaint(time_limit="h24"))
    notice = raise_for(book, CASE, case, "reply", "2024-11-03 09:00:01")
    read = book.read(NOTICE, notice)
    assert (read.subject_number, read.deadline_id, read.limit_text) == (f"#{case}", "SLA-02", "24小时")
    done(book.person("customer_service").move(CASE, case, "register"))
    assert raise_for(book, CASE, case, "reply", "2024-11-03 10:00") == notice
    book.as_it_was(CASE, case, replied_at=at("2024-11-03 11:00"))
    done(book.person("customer_service").move(NOTICE, notice, "clear"))


def test_the_notice_marks_its_case_as_overdue(book):
    case = book.person("sales").create(CASE, book.complaint(time_limit="h24"))
    book.act("customer_service", CASE, case, "register", now=at("2024-11-02 10:00"))
    assert book.read(CASE, case).is_overdue is False
    raise_for(book, CASE, case, "close", "2024-11-03 10:00:01")
    assert book.read(CASE, case).is_overdue is True


def test_another_limit_of_the_same_step_is_another_notice(book, action, notice):
    book.as_it_was(ACTION, action, promised_at=at("2026-11-21 17:00"))
    assert raise_for(book, ACTION, action, "action", "2026-11-22 09:00") != notice


# Levels ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("level, early, moment, reached, told", [
    ("level_1", "2026-11-21 16:59:59", "2026-11-21 17:00", "level_2", "unit_lead"),
    ("level_2", "2026-11-23 16:59:59", "2026-11-23 17:00", "level_3", "deputy_gm")])
def test_sla_27_the_level_rises_after_24_and_72_hours(book, notice, level, early, moment, reached, told):
    book.as_it_was(NOTICE, notice, level=level)
    with pytest.raises(Refused, match="not reached yet"):
        book.act("system", NOTICE, notice, "escalate", now=at(early))
    book.act("system", NOTICE, notice, "escalate", now=at(moment))
    read = book.read(NOTICE, notice)
    assert (read.level, read.escalated_to, read.escalated_at, read.state) == (
        reached, book.user(told), at(moment), "issued")


def test_sla_27_there_is_no_fourth_level_and_nobody_else_raises_it(book, notice):
    refused(book.person("quality_manager").move(NOTICE, notice, "escalate"), "“升级”由系统办理")
    book.as_it_was(NOTICE, notice, level="level_3")
    with pytest.raises(Refused):
        book.act("system", NOTICE, notice, "escalate", now=at("2027-01-01 09:00"))


def test_where_no_unit_is_responsible_the_quality_manager_is_told(book, notice):
    book.as_it_was(NOTICE, notice, responsible_unit=None)
    book.act("system", NOTICE, notice, "escalate", now=at("2026-11-21 17:00"))
    assert book.read(NOTICE, notice).escalated_to == book.user("quality_manager")


# Answered and cleared -------------------------------------------------------------------------------------------------

def test_the_unit_answers_with_a_reason_and_a_later_limit(book, notice):
    assert book.person("unit2").move(NOTICE, notice, "answer", **ANSWER).status_code == 404
    unit = book.person("unit")
    refused(unit.move(NOTICE, notice, "answer", new_due_at=ANSWER["new_due_at"]), "请填写“逾期原因说明”", 422)
    refused(unit.move(NOTICE, notice, "answer", reason="缺料", new_due_at="2024-12-01T17:00"), "新期限须晚于现在")
    done(unit.move(NOTICE, notice, "answer", **ANSWER))
    refused(book.person("customer_service").move(NOTICE, notice, "send_back"), "请填写原因", 422)
    done(book.person("customer_service").move(NOTICE, notice, "send_back", comment="原因不清"))
    read = book.read(NOTICE, notice)
    assert (read.state, read.answered_at) == ("issued", None)


def test_the_new_limit_leaves_the_old_one_in_the_figures(book, action, notice):
    done(book.person("unit").move(NOTICE, notice, "answer", **ANSWER))
    assert book.read(NOTICE, notice).due_at == at("2026-11-20 17:00")
    assert book.clock(ACTION, action, "action") == ("running", at("2026-11-20 17:00"))


def test_a_notice_is_cleared_once_its_step_is_done(book, action, notice):
    clerk = book.person("customer_service")
    refused(clerk.move(NOTICE, notice, "clear"), "该逾期步骤尚未完成，完成后方可消除")
    book.as_it_was(ACTION, action, state="done", action_done_at=at("2026-11-21 09:00"))
    book.act("system", NOTICE, notice, "clear", now=at("2026-11-22 05:00"))
    read = book.read(NOTICE, notice)
    assert (read.state, read.cleared_at, float(read.overdue_days)) == ("cleared", at("2026-11-22 05:00"), 1.5)
    assert book.clock(NOTICE, notice, "level_2")[0] == "missed" and book.clock(NOTICE, notice, "level_3")[0] == "met"


def test_a_step_that_is_not_owed_any_more_is_cleared_too(book, action, notice):
    book.as_it_was(ACTION, action, state="cancelled")
    done(book.person("customer_service").move(NOTICE, notice, "clear"))


@pytest.mark.parametrize("wrong, sentence", [
    ({"subject_type": "letter"}, "没有这一单据类型"), ({"subject_number": "JY-1"}, "该类单据中没有这个编号"),
    ({"deadline_id": "SLA-99"}, "该类单据没有这一期限"), ({}, "已被")])
def test_a_notice_names_a_step_that_exists_and_has_none_yet(book, action, notice, wrong, sentence):
    form = {"subject_type": ACTION, "subject_number": book.read(ACTION, action).number, "deadline_id": "SLA-25",
            "deadline_name": "完成", "limit_text": "15个工作日", "due_at": "2026-11-20T17:00",
            "issued_at": "2026-11-21T09:00", "level": "level_1", **wrong}
    refused(book.person("customer_service").post(f"/admin/{NOTICE}/new/", form), sentence, 422)
