"""Corrective actions: promised, carried out, verified by an outsider, proved effective, and nothing let go."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.spec import Invalid
from tests.casebook import Casebook, at, done, refused

ACTION = "corrective_action"
PLANNED = {"cause": "模具磨损", "corrective_measure": "换模具", "preventive_measure": "点检",
           "trackings-0-measure": "换模具", "trackings-0-measure_kind": "corrective"}


@pytest.fixture
def book(app):
    return Casebook(app)


def issued(book, by="quality_engineer", **changes):
    action = book.person(by).create(ACTION, book.corrective_action(**changes))
    done(book.person("quality_engineer").move(ACTION, action, "issue"))
    return action


def planned(book, **changes):
    action, unit = issued(book, **changes), book.person("unit")
    done(unit.move(ACTION, action, "accept", action_owner=book.user("unit"), promised_at="2099-12-10T17:00"))
    done(unit.edit(ACTION, action, **PLANNED))
    done(unit.move(ACTION, action, "plan"))
    return action


def finished(book, **changes):
    action, unit = planned(book, **changes), book.person("unit")
    done(unit.edit(ACTION, action, **{"trackings-0-completed_on": "2026-11-20"}))
    done(unit.move(ACTION, action, "finish"))
    return action


def verified(book, **changes):
    action, engineer = finished(book, **changes), book.person("quality_engineer")
    done(engineer.edit(ACTION, action, **{"trackings-0-result_text": "抽查合格"}))
    done(engineer.move(ACTION, action, "verify", verification_text="现场验证合格"))
    return action


def reported(book, **changes):
    action, manager = verified(book, **changes), book.person("quality_manager")
    done(manager.move(ACTION, action, "confirm_effect", effectiveness_text="一个月未再发生"))
    done(manager.move(ACTION, action, "report"))
    return action


# From the draft to the promise ----------------------------------------------------------------------------------------

def test_an_action_names_the_record_it_comes_from(book):
    engineer = book.person("quality_engineer")
    action = engineer.create(ACTION, book.corrective_action(source_type="visit_report"))
    refused(engineer.move(ACTION, action, "issue"), "请填写来源单号；无来源单据的，来源选“其他”")
    done(engineer.edit(ACTION, action, source_number="VRP-202611-0001"))
    done(engineer.move(ACTION, action, "issue"))


def test_customer_service_proposes_and_only_quality_issues(book):
    action = book.person("customer_service").create(ACTION, book.corrective_action())
    refused(book.person("customer_service").move(ACTION, action, "issue"), "“下发”由质量工程师、质量负责人办理")
    done(book.person("quality_manager").move(ACTION, action, "issue"))


def test_only_the_responsible_unit_accepts_and_promises(book):
    action = issued(book)
    promise = {"action_owner": book.user("unit"), "promised_at": "2099-12-10T17:00"}
    refused(book.person("unit2").move(ACTION, action, "accept", **promise), "这不是您本单位的记录")
    refused(book.person("unit").move(ACTION, action, "accept", action_owner=book.user("unit")), "请填写“承诺完成时间”", 422)
    done(book.person("unit").move(ACTION, action, "accept", **promise))


def test_the_head_of_a_unit_sends_back_what_is_not_theirs(book):
    action = issued(book)
    refused(book.person("unit").move(ACTION, action, "send_back", comment="非我方"), "由责任部门负责人办理")
    refused(book.person("unit_lead").move(ACTION, action, "send_back"), "请填写原因", 422)
    done(book.person("unit_lead").move(ACTION, action, "send_back", comment="非我方责任"))
    read = book.read(ACTION, action)
    assert (read.state, read.issued_at, read.due_at) == ("draft", None, None)
    assert book.clock(ACTION, action, "action") is None


def test_only_the_quality_manager_cancels_and_only_before_acceptance(book):
    action = issued(book)
    refused(book.person("quality_engineer").move(ACTION, action, "cancel", comment="重复"), "“取消”由质量负责人办理")
    done(book.person("quality_manager").move(ACTION, action, "cancel", comment="重复"))
    assert book.clock(ACTION, action, "action")[0] == "stopped"
    accepted = planned(book)
    refused(book.person("quality_manager").move(ACTION, accepted, "cancel", comment="重复"), "当前状态为“措施已制定”")


def test_until_promised_fifteen_working_days_are_allowed(book):
    """Issued on a Friday: the weekend of the first and of the next two weeks do not count."""
    action = book.person("quality_engineer").create(ACTION, book.corrective_action())
    book.act("quality_engineer", ACTION, action, "issue", now=at("2026-11-20 10:00"))
    assert book.read(ACTION, action).due_at == at("2026-12-11 23:59:59")
    assert book.clock(ACTION, action, "action") == ("running", at("2026-12-11 23:59:59"))
    done(book.person("unit").move(ACTION, action, "accept", action_owner=book.user("unit"), promised_at="2099-12-10T17:00"))
    assert book.clock(ACTION, action, "action") == ("running", at("2099-12-10 17:00"))


@pytest.mark.parametrize("finished_at, kept", [("2099-12-10 17:00:00", "met"), ("2099-12-10 17:00:01", "missed")])
def test_an_action_finished_exactly_when_promised_is_on_time(book, finished_at, kept):
    action = planned(book)
    done(book.person("unit").edit(ACTION, action, **{"trackings-0-completed_on": "2099-12-10"}))
    book.act("unit", ACTION, action, "finish", now=at(finished_at))
    assert book.clock(ACTION, action, "action")[0] == kept
    assert book.read(ACTION, action).effectiveness_check_on == date(2100, 1, 9)


# A later promise ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("moment, is_allowed", [("2099-12-10 16:59", True), ("2099-12-10 17:00", True), ("2099-12-10 17:01", False)])
def test_a_later_promise_is_given_before_the_old_one_has_passed(book, moment, is_allowed):
    action = planned(book)
    if is_allowed:
        with pytest.raises(Invalid, match="reason why the promise changes"):
            book.edit("unit", ACTION, action, now=at(moment), promised_at="2099-12-20T17:00")
        book.edit("unit", ACTION, action, now=at(moment), promised_at="2099-12-20T17:00", promise_reason="待料")
        assert book.clock(ACTION, action, "action")[1] == at("2099-12-20 17:00")
        return
    for later in ("2099-12-20T17:00", ""):
        with pytest.raises(Invalid) as refusal:
            book.edit("unit", ACTION, action, now=at(moment), promised_at=later, promise_reason="待料")
        assert refusal.value.errors["promised_at"].zh.startswith("原承诺时间已过，不能再延期")
    book.edit("unit", ACTION, action, now=at(moment), promised_at="2099-12-09T17:00")


# Verified and effective -----------------------------------------------------------------------------------------------

def test_measures_are_finished_row_by_row(book):
    action = planned(book)
    refused(book.person("unit").move(ACTION, action, "finish"), "“执行结果追踪”每行须填写“实际完成日期”")


def test_neither_the_owner_nor_the_unit_verifies(book):
    action, engineer = finished(book), book.person("quality_engineer")
    done(engineer.edit(ACTION, action, **{"trackings-0-result_text": "合格"}))
    book.as_it_was(ACTION, action, action_owner=book.user("quality_engineer"))
    refused(engineer.move(ACTION, action, "verify", verification_text="合格"), "不能由“责任人”本人办理")
    book.as_it_was(ACTION, action, action_owner=book.user("unit"), responsible_unit="QA")
    refused(engineer.move(ACTION, action, "verify", verification_text="合格"), "验证人不能是责任部门的人员")
    done(book.person("quality_engineer2").move(ACTION, action, "verify", verification_text="合格"))
    assert book.read(ACTION, action).verified_by == book.user("quality_engineer2")


def test_every_measure_has_its_result_before_it_is_verified(book):
    action = finished(book)
    refused(book.person("quality_engineer").move(ACTION, action, "verify", verification_text="合格"),
            "“执行结果追踪”每行须填写“追踪结果”")


def test_what_fails_is_done_again_and_its_limit_runs_on(book):
    action, engineer, manager = finished(book), book.person("quality_engineer"), book.person("quality_manager")
    assert book.clock(ACTION, action, "action")[0] == "met"
    refused(engineer.move(ACTION, action, "verify_fail"), "请填写原因", 422)
    done(engineer.move(ACTION, action, "verify_fail", comment="仍有砂眼"))
    assert (book.state(ACTION, action), book.read(ACTION, action).action_done_at) == ("planned", None)
    assert book.clock(ACTION, action, "action")[0] == "running" and book.clock(ACTION, action, "effectiveness_check") is None
    done(book.person("unit").move(ACTION, action, "finish"))
    done(engineer.edit(ACTION, action, **{"trackings-0-result_text": "合格"}))
    done(engineer.move(ACTION, action, "verify", verification_text="合格"))
    refused(engineer.move(ACTION, action, "effect_fail", comment="又发生"), "“无效重做”由质量负责人办理")
    done(manager.move(ACTION, action, "effect_fail", comment="又发生"))
    read = book.read(ACTION, action)
    assert (read.state, read.action_done_at, read.verified_by) == ("planned", None, None)


# Reported and closed --------------------------------------------------------------------------------------------------

def test_the_general_manager_takes_note_of_what_is_reported(book):
    action = reported(book)
    refused(book.person("deputy_gm").move(ACTION, action, "take_note"), "“总经理阅知”由总经理办理")
    done(book.person("general_manager").move(ACTION, action, "take_note"))
    read = book.read(ACTION, action)
    assert read.state == "reported" and read.gm_noted_at is not None


CONDITIONS = {"is_cause_found": "cause", "is_measure_implemented": "", "is_accountability_done": "accountability_text",
              "is_education_done": "education_text"}


@pytest.mark.parametrize("left_out", [*CONDITIONS, None])
def test_br_14_of_a_confirmed_problem_nothing_is_let_go(book, left_out):
    action, manager = issued(book), book.person("quality_manager")
    book.as_it_was(ACTION, action, state="reported", cause="模具磨损", reported_at=at("2026-11-20 10:00"),
                   accountability_text="通报", education_text="培训", **{name: name != left_out for name in CONDITIONS})
    answer = manager.move(ACTION, action, "close")
    if left_out is None:
        done(answer)
    else:
        refused(answer, "属实的质量问题须做到“四不放过”")


def test_what_was_no_quality_problem_closes_without_the_four(book):
    action = reported(book, is_confirmed_problem="false")
    done(book.person("quality_manager").move(ACTION, action, "close"))
    assert book.read(ACTION, action).closed_at is not None


@pytest.mark.parametrize("tick, text", [(tick, text) for tick, text in CONDITIONS.items() if text])
def test_what_is_ticked_is_written_down(book, tick, text):
    action = issued(book)
    book.as_it_was(ACTION, action, state="accepted")
    answer = book.person("unit").edit(ACTION, action, **{tick: "true"})
    refused(answer, "请填写本项内容", 422)
    done(book.person("unit").edit(ACTION, action, **{tick: "true", text: "已做"}))


def test_the_customer_is_answered_before_the_action_closes(book):
    action, manager = reported(book, is_confirmed_problem="false", is_reply_required="true"), book.person("quality_manager")
    refused(manager.move(ACTION, action, "close"), "须先向顾客回复，并填写回复内容和回复时间")
    done(manager.edit(ACTION, action, reply_text="已整改", replied_at="2026-11-20T09:00"))
    done(manager.move(ACTION, action, "close"))


# The same problem again -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("days, is_repeat", [(90, True), (91, False)])
def test_the_same_fault_of_the_product_within_ninety_days_is_a_repeat(book, days, is_repeat):
    about = {"product_batch": book.id("product_batch", batch_no="B2607"), "fault_category": "engine"}
    old = issued(book, **about)
    engineer = book.person("quality_engineer")
    book.as_it_was(ACTION, old, state="closed", closed_at=at("2026-08-01 10:00"))
    new = engineer.create(ACTION, book.corrective_action(**about | {"product_batch": book.id("product_batch", batch_no="B2609")}))
    book.as_it_was(ACTION, new, repeat_of=None, created_at=at("2026-08-01 10:00") + timedelta(days=days))
    done(engineer.edit(ACTION, new, team="三人"))
    assert book.read(ACTION, new).repeat_of == (old if is_repeat else None)
    other = engineer.create(ACTION, book.corrective_action(**about | {"fault_category": "body"}))
    assert book.read(ACTION, other).repeat_of is None
