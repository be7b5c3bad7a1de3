"""Satisfaction: from the forms that came back to the score, the report, the corrective actions and the management review."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

PLAN, FORM, SCORE, REPORT, REVIEW = (
    "satisfaction_survey_plan", "satisfaction_questionnaire", "satisfaction_score", "satisfaction_report",
    "management_review_input")


@pytest.fixture
def book(app):
    return Casebook(app)


def a_round(book, weights, forms, state="collecting", scale="ten_point"):
    """A survey with these item weights and scored forms: item -> (points, most) each."""
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, state, scoring_scale=scale, quarter="2026-Q3",
                            starts_on="2026-07-05", due_on="2026-09-20", items=[
            {"item": item, "question": item, "weight": weight, "max_points": "100"} for item, weight in weights.items()])
        for answers in forms:
            valid.record(session, FORM, "scored", satisfaction_survey_plan=str(plan.id), answers=[
                {"item": item, "question": item, "weight": weights[item], "points": points, "max_points": most}
                for item, (points, most) in answers.items()])
        return plan.id


def closed(book, plan):
    done(book.person("quality_engineer").move(PLAN, plan, "close"))
    return book.ids(SCORE, satisfaction_survey_plan_id=plan)[0]


def test_example_d_contributions_are_not_rounded(book):
    weights = dict(zip(("quality", "price", "delivery", "service", "packaging"), ("0.4", "0.2", "0.2", "0.1", "0.1"), strict=True))
    answers = dict(zip(weights, (("316", "320"), ("262", "320"), ("226", "320"), ("284", "320"), ("292", "320")), strict=True))
    sheet = book.read(SCORE, closed(book, a_round(book, weights, [answers])))
    assert sheet.score == Decimal("88.00")
    assert [row.item_score for row in sheet.items] == [Decimal(n) for n in ("98.75", "81.875", "70.625", "88.75", "91.25")]


def test_example_d_ten_forms_on_three_levels(book):
    weights = dict(zip(("quality", "price", "delivery", "packaging", "service"), ("0.4", "0.3", "0.1", "0.1", "0.1"), strict=True))
    counts = {"quality": (1, 8, 1), "price": (3, 7, 0), "delivery": (0, 6, 4), "packaging": (2, 7, 1), "service": (4, 5, 1)}
    levels = {item: ["100"] * a + ["80"] * b + ["20"] * c for item, (a, b, c) in counts.items()}
    forms = [{item: (levels[item][n], "100") for item in weights} for n in range(10)]
    sheet = book.read(SCORE, closed(book, a_round(book, weights, forms)))
    assert (sheet.score, sheet.valid_count) == (Decimal("77.80"), 10)
    assert [int(row.item_score) for row in sheet.items] == [76, 86, 56, 82, 78]   # in the order of the form


def test_items_without_answers_leave_the_weights(book):
    weights = {"quality": "0.5", "price": "0.5"}
    sheet = book.read(SCORE, closed(book, a_round(book, weights, [{"quality": ("80", "100")}])))
    assert sheet.score == Decimal("80.00")


def test_a_confirmed_score_is_frozen_and_the_other_evidence_weighs_in_before(book):
    plan = a_round(book, {"quality": "1"}, [{"quality": ("80", "100")}])
    sheet = closed(book, plan)
    engineer = book.person("quality_engineer")
    refused(engineer.edit(SCORE, sheet, survey_weight="0.8"), "三项权重之和须为 1", 422)
    done(engineer.edit(SCORE, sheet, survey_weight="0.8", product_quality_weight="0.2", product_quality_score="90"))
    assert book.read(SCORE, sheet).score == Decimal("82.00")
    refused(engineer.move(SCORE, sheet, "confirm"), "由质量负责人办理")
    done(book.person("quality_manager").move(SCORE, sheet, "confirm"))
    with valid.desk(book.app) as session:
        valid.record(session, FORM, "scored", satisfaction_survey_plan=str(plan), answers=[
            {"item": "quality", "question": "x", "weight": "1", "points": "10", "max_points": "100"}])
    refused(book.person("quality_manager").move(SCORE, sheet, "recompute"), "不能重新计算")
    assert book.read(SCORE, sheet).score == Decimal("82.00")


def test_a_survey_from_the_score_to_the_management_review(book):
    """BR-26: to the general manager, a corrective action for each weak item, tracked, and into a management review."""
    plan = a_round(book, {"quality": "0.5", "service": "0.5"}, [{"quality": ("90", "100"), "service": ("60", "100")}])
    engineer, manager = book.person("quality_engineer"), book.person("quality_manager")
    refused(engineer.post(f"/admin/{REPORT}/new/", {"title": "早了", "satisfaction_survey_plan": plan}), "调查结束后方可编写报告", 422)
    sheet = closed(book, plan)
    form = engineer.form(f"/admin/{REPORT}/new/?from={SCORE}:{sheet}")
    assert (form["satisfaction_survey_plan"], form["items-1-item_score"]) == (str(plan), "60")
    report = engineer.create(REPORT, {
        **form, "product_quality_situation": "稳定", "service_record_situation": "响应慢", "most_dissatisfied_aspect": "售后",
        "competitor_gap": "到场时间", "conclusion": "改进售后响应", "improvements-0-aspect": "售后服务响应",
        "improvements-0-kind": "dissatisfied", "improvements-0-responsible_unit": "U1"})
    assert (book.read(REPORT, report).score, book.read(REPORT, report).quarter) == (Decimal("75.00"), "2026-Q3")
    refused(engineer.move(REPORT, report, "submit"), "满意度评分须先经质量负责人确认")
    done(manager.move(SCORE, sheet, "confirm"))
    done(engineer.move(REPORT, report, "submit"))
    refused(engineer.move(REPORT, report, "review"), "由质量负责人办理")
    done(manager.move(REPORT, report, "review"))
    done(book.person("general_manager").move(REPORT, report, "receive"))
    row = book.read(REPORT, report).improvements[0]
    action = book.read("corrective_action", row.corrective_action)
    assert (action.source_type, action.problem, action.responsible_unit) == (REPORT, "售后服务响应", "U1")
    refused(engineer.move(REPORT, report, "present"), "请填写“管理评审输入”", 422)
    review = engineer.create(REVIEW, engineer.form(f"/admin/{REVIEW}/new/?from={REPORT}:{report}"))
    done(engineer.move(REPORT, report, "present", management_review_input=review))
    refused(manager.move(REPORT, report, "close", tracking_summary="已落实"), "追踪结果")
    done(manager.edit(REPORT, report, **{"improvements-0-tracking_result": "响应缩短到 4 小时"}))
    done(manager.move(REPORT, report, "close", tracking_summary="已落实"))
    _reviewed(book, review)


def _reviewed(book, review):
    engineer, representative = book.person("quality_engineer"), book.person("management_representative")
    done(engineer.move(REVIEW, review, "submit"))
    refused(engineer.move(REVIEW, review, "review", review_on="2026-12-20", conclusion="通过"), "由")
    done(representative.move(REVIEW, review, "review", review_on="2026-12-20", conclusion="通过"))
    done(engineer.edit(REVIEW, review, **{"decisions-0-decision": "增设备件", "decisions-0-responsible_unit": "U1"}))
    refused(engineer.move(REVIEW, review, "close"), "完成日期")
    done(engineer.edit(REVIEW, review, **{"decisions-0-completed_on": "2026-12-28"}))
    done(engineer.move(REVIEW, review, "close"))


def test_nobody_reviews_their_own_report(book):
    plan = a_round(book, {"quality": "1"}, [{"quality": ("90", "100")}])
    sheet, manager = closed(book, plan), book.person("quality_manager")
    done(manager.move(SCORE, sheet, "confirm"))
    words = dict.fromkeys(("product_quality_situation", "service_record_situation", "most_dissatisfied_aspect", "competitor_gap",
                           "conclusion"), "无")
    report = manager.create(REPORT, {**manager.form(f"/admin/{REPORT}/new/?from={SCORE}:{sheet}"), **words})
    done(manager.move(REPORT, report, "submit"))
    refused(manager.move(REPORT, report, "review"), "不能由填写人本人办理")
    done(book.person("quality_manager2").move(REPORT, report, "review"))


def test_an_item_below_the_last_round_is_explained(book):
    plan = a_round(book, {"quality": "1"}, [{"quality": ("90", "100")}])
    sheet, engineer = closed(book, plan), book.person("quality_engineer")
    done(book.person("quality_manager").move(SCORE, sheet, "confirm"))
    words = dict.fromkeys(("product_quality_situation", "service_record_situation", "most_dissatisfied_aspect", "competitor_gap",
                           "conclusion"), "无")
    form = {**engineer.form(f"/admin/{REPORT}/new/?from={SCORE}:{sheet}"), **words, "items-0-previous_item_score": "95"}
    report = engineer.create(REPORT, form)
    refused(engineer.move(REPORT, report, "submit"), "低于上期的项目须填写分析")
    done(engineer.edit(REPORT, report, **{"items-0-comment": "样本少"}))
    done(engineer.move(REPORT, report, "submit"))


def test_a_report_stands_in_one_review_only(book):
    with valid.desk(book.app) as session:
        report = str(valid.record(session, REPORT, "improving").id)
    engineer = book.person("quality_engineer")
    form = {"title": "评审", "year": "2026", "inputs-0-kind": "satisfaction_report", "inputs-0-summary": "摘要"}
    refused(engineer.post(f"/admin/{REVIEW}/new/", form), "请选择满意度调查报告", 422)
    first = engineer.create(REVIEW, {**form, "inputs-0-satisfaction_report": report})
    assert str(book.read(REVIEW, first).due_on) == "2026-12-31"
    refused(engineer.post(f"/admin/{REVIEW}/new/", {**form, "inputs-0-satisfaction_report": report}), "另一次管理评审", 422)


# Quarterly analysis ---------------------------------------------------------------------------------------------------

QUARTERLY = "quarterly_service_analysis"


def quarterly(book, by="sales", **changes):
    return book.person(by).create(QUARTERLY, {
        "quarter": "2026-Q3", "salesperson": book.user(by), "service_situation": "走访 12 家", "is_problem_free": "false", **changes})


def test_a_quarters_problem_becomes_a_corrective_action_and_closes_with_it(book):
    analysis, engineer = quarterly(book), book.person("quality_engineer")
    refused(book.person("sales").move(QUARTERLY, analysis, "submit"), "请填写存在的问题，或选择“本季无问题”")
    done(book.person("sales").edit(QUARTERLY, analysis, **{"problems-0-problem": "备件慢"}))
    refused(book.person("sales").edit(QUARTERLY, analysis, is_problem_free="true"), "不能选“本季无问题”", 422)
    done(book.person("sales").move(QUARTERLY, analysis, "submit"))
    refused(engineer.move(QUARTERLY, analysis, "set_measures"), "须填写“整改措施”")
    done(engineer.edit(QUARTERLY, analysis, **{"problems-0-measure": "设安全库存", "problems-0-responsible_unit": "U1"}))
    done(engineer.move(QUARTERLY, analysis, "set_measures"))
    action = book.read(QUARTERLY, analysis).problems[0].corrective_action
    assert book.read("corrective_action", action).problem == "备件慢"
    refused(engineer.move(QUARTERLY, analysis, "close"), "纠正和预防措施关闭后方可关闭")
    book.as_it_was("corrective_action", action, state="closed")
    done(engineer.move(QUARTERLY, analysis, "close"))


def test_a_quarter_without_problems_closes_at_once_and_is_written_once(book):
    analysis = quarterly(book, is_problem_free="true")
    answer = book.person("sales").post(f"/admin/{QUARTERLY}/new/", {
        "quarter": "2026-Q3", "salesperson": book.user("sales"), "service_situation": "又一份", "is_problem_free": "true"})
    refused(answer, "该业务人员本季度已有分析", 422)
    done(book.person("sales").move(QUARTERLY, analysis, "submit"))
    done(book.person("quality_engineer").move(QUARTERLY, analysis, "close"))


@pytest.mark.parametrize(("day", "kept"), [("2026-10-10", "met"), ("2026-10-11", "missed")])
def test_sla_14_the_tenth_is_on_time(book, day, kept):
    from tests.casebook import at
    analysis = quarterly(book, is_problem_free="true")
    book.act("sales", QUARTERLY, analysis, "submit", now=at(f"{day} {'23:59:59' if kept == 'met' else '00:00:00'}"))
    assert book.clock(QUARTERLY, analysis, "quarterly_analysis") == (kept, at("2026-10-10 23:59:59"))
