"""A survey from its plan to the management review: approved before anything goes out, answered, scored, reported to the
general manager, and improved by the departments."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

PLAN, FORM, SCORE, REPORT, REVIEW, ACTION = (
    "satisfaction_survey_plan", "satisfaction_questionnaire", "satisfaction_score", "satisfaction_report",
    "management_review_input", "corrective_action")
WORDS = dict.fromkeys(("product_quality_situation", "service_record_situation", "conclusion"), "见正文")


@pytest.fixture
def book(app):
    return Casebook(app)


def planned(book, **changes):
    return book.person("quality_engineer").create(PLAN, {
        "title": "三季度调查", "quarter": "2026-Q3", "scope_kind": "all", "survey_methods": ["form"],
        "scoring_scale": "five_level", "starts_on": "2026-07-05", "due_on": "2099-09-20", "handler": book.user("quality_engineer"),
        "items-0-item": "quality", "items-0-weight": "0.6", "items-0-max_points": "100",
        "items-1-item": "service", "items-1-weight": "0.4", "items-1-max_points": "100",
        "targets-0-customer": book.id("customer", name="客户A"), "targets-0-method": "form",
        "targets-1-customer": book.id("customer", name="客户B"), "targets-1-method": "form", **changes})


def issued(book):
    """BR-25: nothing goes out before the management representative has approved it."""
    plan, engineer = planned(book, **{"items-1-weight": "0.5"}), book.person("quality_engineer")
    refused(engineer.move(PLAN, plan, "submit"), "各项目权重之和须正好为 1")
    done(engineer.edit(PLAN, plan, **{"items-1-weight": "0.4"}))
    refused(engineer.move(PLAN, plan, "issue"), "不能发出")
    done(engineer.move(PLAN, plan, "submit"))
    refused(engineer.move(PLAN, plan, "issue"), "不能发出")
    refused(book.person("quality_manager").move(PLAN, plan, "approve"), "正等待管理者代表签署")
    done(book.person("management_representative").move(PLAN, plan, "approve"))
    done(engineer.move(PLAN, plan, "issue"))
    return plan


def answered(book, form, quality, service, **said):
    sales = book.person("sales")
    done(sales.move(FORM, form, "send"))
    done(sales.edit(FORM, form, **{
        "answers-0-satisfaction_level": quality, "answers-1-satisfaction_level": service, "answered_on": "2026-07-20",
        "contact_person": "王某", "satisfaction_level": quality, **said}))
    done(sales.move(FORM, form, "record_return"))


def scored(book):
    plan, engineer = issued(book), book.person("quality_engineer")
    first, second = book.ids(FORM, satisfaction_survey_plan_id=plan)
    answered(book, first, "very_satisfied", "satisfied")
    answered(book, second, "satisfied", "dissatisfied", competitor_gap="对手当天到场")
    refused(engineer.move(PLAN, plan, "close"), "尚有调查表未评分")
    for form in (first, second):
        done(engineer.move(FORM, form, "score"))
    done(engineer.move(PLAN, plan, "close"))
    return plan


def compiled(book, plan, name=REPORT):
    number = book.read(PLAN, plan).number
    answer = book.app.test_cli_runner().invoke(args=["report", "run", name, "--plan", number, "--wait"])
    assert answer.exit_code == 0, answer.output
    return book.ids(name, satisfaction_survey_plan_id=plan)[-1]


def test_br_25_br_26_a_survey_from_its_plan_to_the_management_review(book):
    plan = scored(book)
    engineer, manager, head = (book.person(name) for name in ("quality_engineer", "quality_manager", "general_manager"))
    report = compiled(book, plan)
    sheet = book.ids(SCORE)[0]
    read = book.read(REPORT, report)
    # quality (100 + 80) / 2 x 0.6 and service (80 + 40) / 2 x 0.4
    assert (read.score, read.satisfaction_score, book.read(SCORE, sheet).satisfaction_rate) == (78, sheet, 1)
    assert "对手当天到场" in read.competitor_gap
    done(engineer.edit(REPORT, report, **WORDS, most_dissatisfied_aspect="售后服务"))
    refused(engineer.move(REPORT, report, "submit"), "满意度评分须先经质量负责人确认")
    done(manager.move(SCORE, sheet, "confirm"))
    _every_weakness_is_listed(book, report)
    done(engineer.move(REPORT, report, "submit"))
    refused(engineer.move(REPORT, report, "review"), "由质量负责人办理")
    refused(head.move(REPORT, report, "receive"), "不能总经理签收")
    done(manager.move(REPORT, report, "review"))
    refused(manager.move(REPORT, report, "receive"), "由总经理办理")
    done(head.move(REPORT, report, "receive"))
    _improved(book, report)


def _every_weakness_is_listed(book, report):
    engineer = book.person("quality_engineer")
    refused(engineer.move(REPORT, report, "submit"), "均须列入需改善项目")
    row = {"improvements-0-aspect": "售后服务响应慢", "improvements-0-kind": "dissatisfied", "improvements-0-responsible_unit": "U1"}
    done(engineer.edit(REPORT, report, **row))
    refused(engineer.move(REPORT, report, "submit"), "均须列入需改善项目")
    done(engineer.edit(REPORT, report, **{
        "improvements-1-aspect": "到场时间", "improvements-1-kind": "competitor_gap", "improvements-1-responsible_unit": "U2"}))


def _improved(book, report):
    engineer, manager = book.person("quality_engineer"), book.person("quality_manager")
    actions = [book.read(ACTION, row.corrective_action) for row in book.read(REPORT, report).improvements]
    assert [(a.source_type, a.source_number, a.responsible_unit) for a in actions] == [
        (REPORT, book.read(REPORT, report).number, unit) for unit in ("U1", "U2")]
    with valid.desk(book.app) as session:
        other = valid.record(session, REVIEW).id
    refused(engineer.move(REPORT, report, "present", management_review_input=other), "未列入本报告")
    review = engineer.create(REVIEW, engineer.form(f"/admin/{REVIEW}/new/?from={REPORT}:{report}"))
    done(engineer.move(REPORT, report, "present", management_review_input=review))
    refused(manager.move(REPORT, report, "close", tracking_summary="已落实"), "追踪结果")
    done(manager.edit(REPORT, report, **{f"improvements-{n}-tracking_result": "已见效" for n in (0, 1)}))
    refused(engineer.move(REPORT, report, "close", tracking_summary="已落实"), "由质量负责人办理")
    done(manager.move(REPORT, report, "close", tracking_summary="已落实"))
    read = book.read(REPORT, report)
    assert read.state == "closed" and None not in (read.submitted_at, read.gm_received_at, read.tracking_reported_at)
    done(engineer.move(REVIEW, review, "submit"))
    done(book.person("general_manager").move(REVIEW, review, "review", review_on="2026-12-20", conclusion="通过"))
    assert book.read(REVIEW, review).inputs[0].satisfaction_report == report


def test_a_form_that_is_scored_while_the_round_runs_is_in_its_score_at_once(book):
    plan = issued(book)
    first, second = book.ids(FORM, satisfaction_survey_plan_id=plan)
    answered(book, first, "very_satisfied", "very_satisfied")
    answered(book, second, "satisfied", "satisfied")
    done(book.person("quality_engineer").move(FORM, first, "score"))
    sheet = compiled(book, plan, SCORE)
    assert (book.read(SCORE, sheet).score, book.read(SCORE, sheet).valid_count) == (100, 1)
    done(book.person("quality_engineer").move(FORM, second, "score"))
    assert (book.read(SCORE, sheet).score, book.read(SCORE, sheet).valid_count) == (90, 2)
    done(book.person("quality_engineer").move(PLAN, plan, "close"))
    assert book.ids(SCORE) == [sheet]


def test_who_submits_a_compiled_report_does_not_review_it(book):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "closed")
        sheet = valid.record(session, SCORE, "confirmed", satisfaction_survey_plan=str(plan.id))
        report = valid.record(session, REPORT, satisfaction_survey_plan=str(plan.id), satisfaction_score=str(sheet.id),
                              **WORDS, most_dissatisfied_aspect="无", competitor_gap="无").id
    done(book.person("quality_manager").move(REPORT, report, "submit"))
    refused(book.person("quality_manager").move(REPORT, report, "review"), "“提交审核”的办理人不能同时办理本步骤")
    done(book.person("quality_manager2").move(REPORT, report, "review"))
