"""Callbacks: who may call, what counts as tried, and what a dissatisfied user leads to."""

from __future__ import annotations

import pytest

from tests.casebook import Casebook, at, done, refused

CALL, SHEET = "callback_record", "quality_info_transfer"
ANSWERED = {"satisfaction_level": "satisfied", "remark": "用户认可"}
COMPLAINED = {"satisfaction_level": "dissatisfied", "remark": "仍有异响", "dissatisfaction_reason": "未修好"}


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def sheet(book):
    """A quality information that was dealt with on site by the technician."""
    id_ = book.person("sales").create(SHEET, book.quality_info())
    book.as_it_was(SHEET, id_, state="on_site", handling_mode="on_site", quality_opinion="现场处理", responsible_unit="U1",
                   preliminary_plan="更换", technician=book.user("technician"), reply_text="技术员周二到场")
    book.feedback_sheet(id_)
    done(book.person("technician").move(SHEET, id_, "dispose"))
    return id_


@pytest.fixture
def call(book, sheet):
    return book.ids(CALL)[0]


def test_a_call_is_due_three_days_after_the_service(book, sheet, call):
    read, served = book.read(CALL, call), book.read(SHEET, sheet).disposed_at
    assert (read.state, read.served_at, read.technician) == ("due", served, book.user("technician"))
    assert (read.due_at - served).days == 3 and book.clock(CALL, call, "callback") == ("running", read.due_at)


@pytest.mark.parametrize("called, kept", [("2026-11-05 10:00:00", "met"), ("2026-11-05 10:00:01", "missed")])
def test_a_call_exactly_three_days_later_is_on_time(book, call, called, kept):
    book.as_it_was(CALL, call, served_at=at("2026-11-02 10:00"))
    book.act("customer_service", CALL, call, "complete", now=at(called), **ANSWERED)
    assert book.clock(CALL, call, "callback") == (kept, at("2026-11-05 10:00"))


def test_who_served_does_not_call(book, call):
    book.as_it_was(CALL, call, technician=book.user("customer_service"))
    caller = book.person("customer_service")
    refused(caller.move(CALL, call, "complete", **ANSWERED), "不能由“服务人员”本人办理")
    refused(caller.move(CALL, call, "flag_dissatisfied", **COMPLAINED), "不能由“服务人员”本人办理")
    done(book.person("customer_service2").move(CALL, call, "complete", **ANSWERED))
    read = book.read(CALL, call)
    assert (read.state, read.caller, read.is_reached) == ("done", book.user("customer_service2"), True)


def test_technicians_and_dealers_do_not_call(book, call):
    refused(book.person("technician").move(CALL, call, "complete", **ANSWERED), "“完成回访”由客户服务、质量工程师办理")
    assert book.person("technician2").get(f"/admin/{CALL}/details/?id={call}").status_code == 404
    assert book.person("dealer_f001").get(f"/admin/{CALL}/details/?id={call}").status_code == 404


def test_what_the_user_said_is_asked_for_in_full(book, call):
    caller = book.person("customer_service")
    refused(caller.move(CALL, call, "complete", satisfaction_level="satisfied"), "请填写“回访情况(记入反馈单备注)”", 422)
    refused(caller.move(CALL, call, "flag_dissatisfied", satisfaction_level="dissatisfied", remark="异响"),
            "请填写“不满意原因”", 422)
    refused(caller.move(CALL, call, "complete", satisfaction_level="dissatisfied", remark="异响"),
            "“用户满意情况”须为：很满意、满意、一般")
    refused(caller.move(CALL, call, "flag_dissatisfied", satisfaction_level="neutral", remark="一般",
                        dissatisfaction_reason="无"), "“用户满意情况”须为：不满意、很不满意")
    assert book.state(CALL, call) == "due"


def test_the_answer_is_noted_in_the_case(book, sheet, call):
    book.as_it_was(SHEET, sheet, remark="用户要求周末到场")
    done(book.person("customer_service").move(CALL, call, "complete", **ANSWERED))
    read, number = book.read(SHEET, sheet), book.read(CALL, call).number
    assert read.satisfaction_level == "satisfied"
    assert read.remark == f"用户要求周末到场\n回访 {number}（满意）：用户认可"


def test_the_answer_is_not_changed_afterwards(book, call):
    done(book.person("customer_service").move(CALL, call, "flag_dissatisfied", **COMPLAINED))
    refused(book.person("customer_service").edit(CALL, call, satisfaction_level="satisfied"),
            "用户已答复的满意情况不能改动", 422)


def attempts(*results):
    return {f"attempts-{n}-{name}": value for n, result in enumerate(results)
            for name, value in (("called_at", f"2026-11-03T{9 + n:02}:00"), ("result", result))}


def test_a_user_is_given_up_only_after_three_calls_that_failed(book, call):
    caller = book.person("customer_service")
    answer = caller.move(CALL, call, "attempt")
    assert answer.status_code == 422 and "记录未接通前请填写“拨打记录”" in answer.text
    done(caller.edit(CALL, call, **attempts("no_answer", "call_later", "reached")))
    done(caller.move(CALL, call, "attempt"))
    assert book.read(CALL, call).failed_attempts == 2
    refused(caller.move(CALL, call, "give_up", comment="打不通"), "未接通的拨打次数不足，请继续拨打并记录")
    done(caller.edit(CALL, call, **attempts("no_answer", "call_later", "reached", "refused")))
    refused(caller.move(CALL, call, "give_up"), "请填写原因", 422)
    done(caller.move(CALL, call, "give_up", comment="打不通"))
    assert book.state(CALL, call) == "unreachable" and book.clock(CALL, call, "callback")[0] == "stopped"


def test_who_could_not_be_reached_first_may_still_answer(book, call):
    caller = book.person("quality_engineer")
    done(caller.edit(CALL, call, **attempts("no_answer")))
    done(caller.move(CALL, call, "attempt"))
    done(caller.move(CALL, call, "complete", **ANSWERED))
    done(caller.move(CALL, call, "report"))
    assert book.read(CALL, call).reported_at is not None


def test_a_dissatisfied_user_is_not_done_with_until_something_follows(book, sheet, call):
    caller = book.person("customer_service")
    done(caller.move(CALL, call, "flag_dissatisfied", **COMPLAINED))
    assert book.clock(CALL, call, "callback")[0] == "met"
    refused(caller.move(CALL, call, "resolve"), "请填写“后续处理”", 422)
    for nothing in ("none", "reopened", "corrective_action"):
        refused(caller.move(CALL, call, "resolve", follow_up=nothing), "用户不满意的，须重开服务")
    action = book.person("quality_engineer").create("corrective_action", book.corrective_action())
    done(caller.edit(CALL, call, follow_up="corrective_action", corrective_action=action))
    done(caller.move(CALL, call, "resolve"))
    assert book.state(CALL, call) == "done"


def test_a_case_that_is_handled_again_resolves_the_dissatisfaction(book, sheet, call):
    caller, engineer = book.person("customer_service"), book.person("quality_engineer")
    done(caller.move(CALL, call, "flag_dissatisfied", **COMPLAINED))
    done(engineer.move(SHEET, sheet, "record_callback"))
    refused(caller.move(CALL, call, "resolve", follow_up="reopened"), "用户不满意的，须重开服务")
    done(engineer.move(SHEET, sheet, "redo", comment="异响未消除"))
    done(caller.move(CALL, call, "resolve", follow_up="reopened"))


def test_a_call_belongs_to_a_case(book):
    answer = book.person("customer_service").post(f"/admin/{CALL}/new/", {
        "customer": book.id("customer", name="客户A"), "served_at": "2026-11-02T09:00"})
    refused(answer, "请选择所回访服务的来源单据", 422)
