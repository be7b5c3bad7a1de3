"""Visits: planned, signed, reported, and followed through to the reply when the customer demands a rectification."""

from __future__ import annotations

import pytest

from tests.casebook import Casebook, done, refused


@pytest.fixture
def book(app):
    return Casebook(app)


def submitted_plan(book, by="sales", **changes):
    plan = book.person(by).create("visit_plan", book.visit_plan(**changes))
    done(book.person(by).move("visit_plan", plan, "submit"))
    return plan


def approved_plan(book, **changes):
    plan = submitted_plan(book, **changes)
    done(book.person("quality_manager").move("visit_plan", plan, "approve"))
    return plan


def report_of(book, plan=None, by="technician", **changes):
    return book.person(by).create("visit_report", book.visit_report(**({"visit_plan": plan} if plan else {}), **changes))


def submitted_report(book, plan=None, **changes):
    report = report_of(book, plan, **changes)
    done(book.person("technician").move("visit_report", report, "submit"))
    return report


def two_customers(book):
    return {"visits-1-customer": book.id("customer", name="客户B"), "visits-1-planned_on": "2024-11-06",
            "visits-1-visitor": book.user("technician")}


# The plan -------------------------------------------------------------------------------------------------------------

def test_a_new_plan_counts_its_visits_and_knows_the_key_customers(book):
    plan = book.read("visit_plan", submitted_plan(book, **two_customers(book)))
    assert (plan.state, plan.planned_count, plan.visited_count) == ("in_approval", 2, 0)
    assert [visit.is_key_customer for visit in plan.visits] == [True, True]


def test_a_visit_outside_the_period_is_refused_at_its_row(book):
    answer = book.person("sales").post("/admin/visit_plan/new/", book.visit_plan(**{"visits-0-planned_on": "2024-12-01"}))
    refused(answer, "计划日期须在计划期间内", 422)
    for day in ("2024-11-01", "2024-11-30"):
        book.person("sales").create("visit_plan", book.visit_plan(**{"visits-0-planned_on": day}))


def test_a_period_does_not_end_before_it_starts(book):
    answer = book.person("sales").post("/admin/visit_plan/new/", book.visit_plan(ends_on="2024-10-31"))
    refused(answer, "期间结束不能早于期间开始", 422)


def test_a_customer_is_visited_once_a_day(book):
    again = two_customers(book) | {"visits-1-customer": book.id("customer", name="客户A"), "visits-1-planned_on": "2024-11-05"}
    refused(book.person("sales").post("/admin/visit_plan/new/", book.visit_plan(**again)), "同一顾客同一天只能安排一次", 422)
    book.person("sales").create("visit_plan", book.visit_plan(**again | {"visits-1-planned_on": "2024-11-12"}))


def test_a_plan_without_visits_is_not_submitted(book):
    form = {name: value for name, value in book.visit_plan().items() if not name.startswith("visits")}
    plan = book.person("sales").create("visit_plan", form)
    answer = book.person("sales").move("visit_plan", plan, "submit")
    assert answer.status_code == 422 and "提交前请填写“走访安排”" in answer.text


def test_only_a_quality_manager_who_did_not_write_it_signs(book):
    plan = submitted_plan(book)
    for username in ("sales", "sales2", "quality_engineer", "sales_lead"):
        refused(book.person(username).move("visit_plan", plan, "approve"), "正等待质量负责人签署")
    assert book.state("visit_plan", plan) == "in_approval"
    done(book.person("quality_manager").move("visit_plan", plan, "approve"))
    read = book.read("visit_plan", plan)
    assert read.state == "approved" and read.approved_at is not None


def test_a_quality_manager_does_not_sign_the_plan_they_wrote_themselves(book):
    plan = submitted_plan(book, by="both")
    refused(book.person("both").move("visit_plan", plan, "approve"), "不能签署自己填写、提交或最后修改的记录")
    done(book.person("quality_manager").move("visit_plan", plan, "approve"))


def test_a_plan_goes_back_with_a_reason_and_is_changed_by_its_creator(book):
    plan = submitted_plan(book)
    refused(book.person("quality_manager").move("visit_plan", plan, "send_back"), "请填写原因", 422)
    done(book.person("quality_manager").move("visit_plan", plan, "send_back", comment="补充客户B"))
    assert book.state("visit_plan", plan) == "draft"
    assert book.audited("visit_plan", plan, "move:send_back") == ["补充客户B"]
    done(book.person("sales").edit("visit_plan", plan, **two_customers(book)))
    done(book.person("sales").move("visit_plan", plan, "submit"))


def test_a_plan_is_cancelled_with_a_reason_but_not_while_it_is_signed(book):
    plan = submitted_plan(book)
    refused(book.person("sales").move("visit_plan", plan, "cancel", comment="不去了"), "当前状态为“审批中”，不能取消")
    done(book.person("quality_manager").move("visit_plan", plan, "approve"))
    done(book.person("sales").move("visit_plan", plan, "cancel", comment="不去了"))


def test_a_plan_is_completed_when_every_visit_is_reported_or_explained(book):
    plan = approved_plan(book, **two_customers(book))
    submitted_report(book, plan)
    refused(book.person("sales").move("visit_plan", plan, "complete"), "“走访安排”每行须填写“走访报告”或“未走访原因”")
    done(book.person("sales").edit("visit_plan", plan, **{"visits-1-not_visited_reason": "顾客停产"}))
    done(book.person("sales").move("visit_plan", plan, "complete"))
    read = book.read("visit_plan", plan)
    assert (read.state, read.visited_count, read.completed_at is not None) == ("completed", 1, True)


# The report in the plan -----------------------------------------------------------------------------------------------

def test_a_submitted_report_fills_its_line_and_starts_the_plan(book):
    plan = approved_plan(book, **two_customers(book))
    report = report_of(book, plan)
    assert book.read("visit_plan", plan).visited_count == 0
    done(book.person("technician").move("visit_report", report, "submit"))
    read = book.read("visit_plan", plan)
    assert (read.state, read.visited_count) == ("in_progress", 1)
    assert [visit.visit_report for visit in read.visits] == [report, None]
    done(book.person("quality_manager").move("visit_report", report, "send_back", comment="写清楚"))
    done(book.person("technician").move("visit_report", report, "submit"))
    assert [visit.visit_report for visit in book.read("visit_plan", plan).visits] == [report, None]


def test_of_two_visits_to_a_customer_the_report_fills_the_nearer_one(book):
    plan = approved_plan(book, **two_customers(book) | {
        "visits-1-customer": book.id("customer", name="客户A"), "visits-1-planned_on": "2024-11-18"})
    second = submitted_report(book, plan, visited_on="2024-11-17")
    done(book.person("quality_manager").move("visit_report", second, "send_back", comment="写清楚"))
    done(book.person("technician").move("visit_report", second, "submit"))
    assert [visit.visit_report for visit in book.read("visit_plan", plan).visits] == [None, second]
    first = submitted_report(book, plan, visited_on="2024-11-16")
    assert [visit.visit_report for visit in book.read("visit_plan", plan).visits] == [first, second]


def test_a_report_that_names_another_customer_or_plan_frees_its_old_line(book):
    plan, other = approved_plan(book, **two_customers(book)), approved_plan(book)
    report = submitted_report(book, plan)

    def correct(**changes):
        done(book.person("quality_manager").move("visit_report", report, "send_back", comment="更正"))
        done(book.person("technician").edit("visit_report", report, **changes))
        done(book.person("technician").move("visit_report", report, "submit"))
        return [[visit.visit_report for visit in book.read("visit_plan", id_).visits] for id_ in (plan, other)]

    assert correct(customer=book.id("customer", name="客户B")) == [[None, report], [None]]
    assert correct(visit_plan=other, customer=book.id("customer", name="客户A")) == [[None, None], [report]]
    assert book.read("visit_plan", plan).visited_count == 0


def test_a_void_report_no_longer_counts(book):
    plan = approved_plan(book)
    report = submitted_report(book, plan)
    refused(book.person("technician").move("visit_report", report, "void", comment="重复"), "“作废”由")
    done(book.person("quality_manager").move("visit_report", report, "void", comment="重复"))
    read = book.read("visit_plan", plan)
    assert (read.visited_count, read.visits[0].visit_report) == (0, None)
    assert submitted_report(book, plan) == book.read("visit_plan", plan).visits[0].visit_report


@pytest.mark.parametrize("state", ["draft", "in_approval", "completed", "cancelled"])
def test_a_report_leaves_a_plan_alone_that_is_not_under_way(book, state):
    plan = book.person("sales").create("visit_plan", book.visit_plan())
    book.as_it_was("visit_plan", plan, state=state)
    before = book.read("visit_plan", plan)
    submitted_report(book, plan)
    assert book.read("visit_plan", plan) == before


def test_a_row_with_a_report_is_neither_removed_nor_given_to_another_customer(book):
    plan = approved_plan(book, **two_customers(book))
    submitted_report(book, plan)
    form = book.person("sales").form(f"/admin/visit_plan/edit/?id={plan}")
    changed = {**form, "visits-0-customer": book.id("customer", name="客户B"), "visits-0-planned_on": "2024-11-09"}
    refused(book.person("sales").post(f"/admin/visit_plan/edit/?id={plan}", changed), "已有走访报告，不能改顾客", 422)
    fewer = {name: value for name, value in form.items() if not name.startswith("visits-0")}
    refused(book.person("sales").post(f"/admin/visit_plan/edit/?id={plan}", fewer), "已有走访报告的行不能删除", 422)


# From the demand to the reply -----------------------------------------------------------------------------------------

def test_a_visit_in_the_future_is_not_reported(book):
    answer = book.person("technician").post("/admin/visit_report/new/", book.visit_report(visited_on="2199-01-01"))
    refused(answer, "走访日期不能晚于今天", 422)


def test_a_demand_for_rectification_is_written_down_before_submitting(book):
    report = report_of(book, is_rectification_required="true")
    refused(book.person("technician").move("visit_report", report, "submit"), "请先填写“整改要求”")


def test_the_visitor_does_not_review_their_own_report(book):
    report = report_of(book, visitor=book.user("quality_engineer"))
    done(book.person("technician").move("visit_report", report, "submit"))
    refused(book.person("quality_engineer").move("visit_report", report, "review"), "不能由“走访人”本人办理")
    refused(book.person("technician").move("visit_report", report, "review"), "“审阅”由质量工程师、质量负责人办理")
    done(book.person("quality_engineer2").move("visit_report", report, "review"))


def test_a_report_without_a_demand_closes_after_the_review(book):
    report = submitted_report(book)
    done(book.person("quality_engineer").move("visit_report", report, "review"))
    refused(book.person("quality_engineer").move("visit_report", report, "rectify", responsible_unit="U1"), "", 422)
    done(book.person("quality_manager").move("visit_report", report, "close"))
    assert book.read("visit_report", report).closed_at is not None


def test_br_03_a_demand_is_followed_through_to_the_reply_and_the_closed_action(book):
    engineer, manager = book.person("quality_engineer"), book.person("quality_manager")
    report = submitted_report(book, is_rectification_required="true", rectification_demand="包装加批号")
    done(engineer.move("visit_report", report, "review"))
    refused(manager.move("visit_report", report, "close"), "“有整改要求”须为“否”")
    refused(engineer.move("visit_report", report, "rectify", responsible_unit="U1"), "请填写“纠正和预防措施”", 422)
    action = engineer.create("corrective_action", book.corrective_action(is_confirmed_problem="false"))
    done(engineer.move("visit_report", report, "rectify", responsible_unit="U1", corrective_action=action))
    refused(engineer.move("visit_report", report, "reply", rectification_measures="加贴"), "请填写“回复顾客内容”", 422)
    done(engineer.move("visit_report", report, "reply", rectification_measures="加贴", reply_text="已加贴"))
    refused(manager.move("visit_report", report, "close"), "关联的“纠正和预防措施”尚未达到要求的状态")
    book.as_it_was("corrective_action", action, state="closed")
    done(manager.move("visit_report", report, "close"))
    read = book.read("visit_report", report)
    assert read.state == "closed" and None not in (read.submitted_at, read.replied_at, read.closed_at)
