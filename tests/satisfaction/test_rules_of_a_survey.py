"""What a survey plan, a form, a score, a report and a review must hold, each refusal in the words of its screen."""

from __future__ import annotations

from contextlib import nullcontext
from decimal import Decimal

import pytest
import sqlalchemy as sa

from models.history import Notice
from models.people import User
from models.spec import Invalid
from rules import access
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, done, refused

PLAN, FORM, SCORE, REPORT, REVIEW = (
    "satisfaction_survey_plan", "satisfaction_questionnaire", "satisfaction_score", "satisfaction_report",
    "management_review_input")
ITEMS = ("quality", "delivery", "service", "price")


@pytest.fixture
def book(app):
    return Casebook(app)


def made(book, type_name, state=None, **given):
    with valid.desk(book.app) as session:
        return valid.record(session, type_name, state, **given).id


# The plan -------------------------------------------------------------------------------------------------------------

def plan_form(book, **changes):
    return {
        "title": "四季度调查", "quarter": "2026-Q4", "scope_kind": "all", "survey_methods": ["form"],
        "scoring_scale": "five_level", "starts_on": "2026-10-05", "due_on": "2026-12-20", "handler": book.user("quality_engineer"),
        **{f"items-{n}-{name}": value for n, item in enumerate(ITEMS) for name, value in (("item", item), ("max_points", "100"))},
        "targets-0-customer": book.id("customer", name="客户A"), "targets-0-method": "form", **changes}


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"scope_kind": "region"}, "请填写调查的区域或行业"), ({"scope_kind": "industry"}, "请填写调查的区域或行业"),
    ({"due_on": "2026-10-04"}, "回收截止日不能早于开始日期"), ({"starts_on": "2026-09-30"}, "开始日期须在所选季度内"),
    ({"starts_on": "2027-01-01", "due_on": "2027-01-02"}, "开始日期须在所选季度内"), ({"target_return_rate": "1.01"}, "0 到 1 之间"),
    ({"targets-1-customer": "again", "targets-1-method": "form"}, "同一顾客只能列一行")])
def test_a_plan_that_cannot_be_is_refused(book, changes, sentence):
    again = {name: book.id("customer", name="客户A") if value == "again" else value for name, value in changes.items()}
    refused(book.person("quality_engineer").post(f"/admin/{PLAN}/new/", plan_form(book, **again)), sentence, 422)


def test_weights_left_empty_are_the_offices_and_sum_to_one(book):
    engineer = book.person("quality_engineer")
    id_ = engineer.create(PLAN, plan_form(book))
    assert [row.weight for row in book.read(PLAN, id_).items] == [Decimal(w) for w in ("0.4", "0.2", "0.25", "0.15")]
    done(engineer.edit(PLAN, id_, **{"items-0-weight": "0.4001"}))
    refused(engineer.move(PLAN, id_, "submit"), "权重之和须正好为 1")
    done(engineer.edit(PLAN, id_, **{"items-0-weight": "0.4"}))
    done(engineer.move(PLAN, id_, "submit"))
    done(book.person("management_representative").move(PLAN, id_, "approve"))
    refused(engineer.edit(PLAN, id_, **{"items-0-weight": "0.5"}), "方案已批准，不能再改", 422)
    refused(engineer.edit(PLAN, id_, scoring_scale="ten_point"), "方案已批准，不能再改", 422)
    done(engineer.edit(PLAN, id_, due_on="2026-12-31"))


def test_br_25_nobody_approves_a_plan_that_they_submitted(book):
    book.grant("quality_manager", "management_representative")
    manager = book.person("quality_manager")
    id_ = manager.create(PLAN, plan_form(book))
    done(manager.move(PLAN, id_, "submit"))
    refused(manager.move(PLAN, id_, "approve"), "不能签署自己填写、提交或最后修改的记录")
    done(book.person("management_representative").move(PLAN, id_, "approve"))


# The forms ------------------------------------------------------------------------------------------------------------

def form(book, state="prepared", plan_state="collecting", scale="five_level", answers=(), **given):
    plan = made(book, PLAN, plan_state, scoring_scale=scale, due_on="2199-12-31")
    return made(book, FORM, state, satisfaction_survey_plan=str(plan), answers=[
        {"item": item, "weight": "0.25", "max_points": "100", **answer} for item, answer in zip(ITEMS, answers, strict=False)], **given)


@pytest.mark.parametrize("plan_state", ["draft", "in_approval", "approved", "closed"])
def test_br_25_no_form_goes_out_before_its_plan_is_approved_and_issued(book, plan_state):
    id_ = form(book, plan_state=plan_state, answers=[{}] * 4)
    refused(book.person("sales").move(FORM, id_, "send"), "经管理者代表批准并发出后")
    assert book.state(FORM, id_) == "prepared"


@pytest.mark.parametrize(("levels", "is_valid"), [(2, True), (1, False), (0, False)])
def test_half_of_the_answers_make_a_form_valid(book, levels, is_valid):
    answers = [{"satisfaction_level": "satisfied"}] * levels + [{}] * (4 - levels)
    id_, engineer = form(book, "returned", answers=answers), book.person("quality_engineer")
    if is_valid:
        refused(engineer.move(FORM, id_, "invalidate", comment="x"), "此表有效")
        done(engineer.move(FORM, id_, "score"))
    else:
        refused(engineer.move(FORM, id_, "score"), "此表无效，不能评分")
        done(engineer.move(FORM, id_, "invalidate", comment="答题不足"))


def test_levels_give_points_and_what_is_not_answered_leaves_the_weights(book):
    levels = ("very_satisfied", "neutral", "dissatisfied")
    weights = ("0.5", "0.2", "0.1", "0.2")
    answers = [{"weight": weight, **({"satisfaction_level": level} if level else {})}
               for weight, level in zip(weights, (*levels, None), strict=True)]
    read = book.read(FORM, form(book, "returned", answers=answers))
    assert [row.points for row in read.answers] == [100, 60, 40, None]
    assert read.score == Decimal("82.50")          # (50 + 12 + 4) / 0.8
    low = form(book, "returned", answers=[{"satisfaction_level": "very_dissatisfied"}, {"satisfaction_level": "satisfied"}])
    assert [row.points for row in book.read(FORM, low).answers] == [20, 80]


@pytest.mark.parametrize(("scale", "changes", "sentence"), [
    ("three_level", {"answers-0-satisfaction_level": "neutral"}, "三级制只用"),
    ("ten_point", {"answers-0-satisfaction_level": "satisfied", "answers-0-points": ""}, "十分制调查表请填写得分"),
    ("ten_point", {"answers-0-points": "10.5", "answers-0-max_points": "10"}, "得分不能高于满分")])
def test_an_answer_fits_the_scale(book, scale, changes, sentence):
    id_ = form(book, "sent", scale=scale, answers=[{}])
    refused(book.person("sales").edit(FORM, id_, **changes), sentence, 422)


def test_what_comes_back_late_is_taken_until_the_round_is_over(book):
    answers, back = [{"satisfaction_level": "satisfied"}], {"answered_on": "2026-11-01", "contact_person": "王某"}
    sales = book.person("sales")
    done(sales.move(FORM, form(book, "expired", answers=answers, **back), "record_return"))
    over = form(book, "expired", plan_state="closed", answers=answers, **back)
    refused(sales.move(FORM, over, "record_return"), "本轮调查已结束")


def test_a_customer_has_one_form_in_a_round(book):
    first = form(book, answers=[{}])
    read = book.read(FORM, first)
    again = {"satisfaction_survey_plan": read.satisfaction_survey_plan, "customer": read.customer, "method": "form",
             "surveyor": book.user("sales"), "dealer": read.dealer or ""}
    refused(book.person("quality_engineer").post(f"/admin/{FORM}/new/", again), read.number, 422)


# The score and the report ---------------------------------------------------------------------------------------------

def test_the_three_weights_of_a_score_sum_to_one(book):
    sheet, engineer = made(book, SCORE), book.person("quality_engineer")
    refused(engineer.edit(SCORE, sheet, survey_weight="0.9"), "三项权重之和须为 1", 422)
    done(engineer.edit(SCORE, sheet, survey_weight="0.9", service_record_weight="0.1"))
    refused(engineer.move(SCORE, sheet, "confirm"), "由质量负责人办理")


def test_one_report_on_a_closed_round_with_its_own_score(book):
    engineer = book.person("quality_engineer")
    running = made(book, PLAN, "collecting")
    refused(engineer.post(f"/admin/{REPORT}/new/", {"title": "报告", "satisfaction_survey_plan": running}), "调查结束后方可编写报告", 422)
    report = made(book, REPORT)
    read = book.read(REPORT, report)
    refused(engineer.post(f"/admin/{REPORT}/new/", {"title": "又一份", "satisfaction_survey_plan": read.satisfaction_survey_plan}),
            read.number, 422)
    refused(engineer.edit(REPORT, report, satisfaction_score=made(book, SCORE)), "该评分不是本次调查的", 422)


def told(book, username):
    with book.session() as session:
        return list(session.execute(sa.select(Notice.type, Notice.zh).join(User, User.id == Notice.person_id).where(
            User.username == username)))


def test_br_26_the_tracking_is_reported_to_the_general_manager_once_it_is_complete(book):
    row = {"aspect": "售后服务", "kind": "dissatisfied", "responsible_unit": "U1"}
    report = made(book, REPORT, "in_management_review", improvements=[row])
    manager = book.person("quality_manager")
    refused(manager.move(REPORT, report, "close", tracking_summary="已落实"), "每行须填写“追踪结果”")
    assert not told(book, "general_manager")
    done(manager.edit(REPORT, report, **{"improvements-0-tracking_result": "已见效"}))
    assert "请填写“措施执行追踪结果”" in manager.move(REPORT, report, "close").text
    done(manager.move(REPORT, report, "close", tracking_summary="已落实"))
    (type_name, sentence), = told(book, "general_manager")
    assert type_name == REPORT and book.read(REPORT, report).number in sentence
    assert not told(book, "quality_engineer")


def test_br_26_every_improvement_has_its_corrective_action_before_the_review(book):
    row = {"aspect": "售后服务", "kind": "dissatisfied", "responsible_unit": "U1"}
    report = made(book, REPORT, "improving", improvements=[row])
    review = made(book, REVIEW, inputs=[{"kind": "satisfaction_report", "satisfaction_report": str(report), "summary": "见报告"}])
    engineer = book.person("quality_engineer")
    refused(engineer.move(REPORT, report, "present", management_review_input=review), "每行须填写“纠正和预防措施”")
    action = engineer.create("corrective_action", book.corrective_action())
    done(book.person("quality_manager").edit(REPORT, report, **{"improvements-0-corrective_action": action}))
    done(engineer.move(REPORT, report, "present", management_review_input=review))


# The review -----------------------------------------------------------------------------------------------------------

def test_a_review_names_its_reports_and_closes_with_its_decisions(book):
    engineer, head = book.person("quality_engineer"), book.person("general_manager")
    base = {"title": "2026 年度管理评审", "year": "2026", "inputs-0-kind": "satisfaction_report", "inputs-0-summary": "见报告"}
    refused(engineer.post(f"/admin/{REVIEW}/new/", base), "请选择满意度调查报告", 422)
    refused(engineer.post(f"/admin/{REVIEW}/new/", {**base, "inputs-0-kind": "other", "year": "26"}), "四位年份", 422)
    id_ = engineer.create(REVIEW, {**base, "inputs-0-satisfaction_report": made(book, REPORT)})
    assert str(book.read(REVIEW, id_).due_on) == "2026-12-31"
    done(engineer.move(REVIEW, id_, "submit"))
    refused(engineer.move(REVIEW, id_, "review", review_on="2026-12-20", conclusion="通过"), "由管理者代表、总经理办理")
    done(head.move(REVIEW, id_, "review", review_on="2026-12-20", conclusion="通过"))
    done(engineer.edit(REVIEW, id_, **{"decisions-0-decision": "扩建配件库", "decisions-0-responsible_unit": "U1"}))
    refused(engineer.move(REVIEW, id_, "close"), "每行须填写“完成日期”")
    done(engineer.edit(REVIEW, id_, **{"decisions-0-completed_on": "2027-03-01"}))
    done(engineer.move(REVIEW, id_, "close"))


def test_a_form_is_given_up_only_after_its_time_and_one_reminder(book):
    answers, engineer = [{}] * 4, book.person("quality_engineer")
    early = form(book, "sent", answers=answers, chased_at="2026-11-05T09:00", sent_at="2199-01-01T09:00")
    silent = form(book, "sent", answers=answers, chased_at="", sent_at="2026-01-01T09:00")
    for id_ in (early, silent):
        refused(engineer.move(FORM, id_, "expire"), "须已过回收期限并已填写催收时间")
    done(engineer.edit(FORM, silent, chased_at="2026-02-05T09:00"))
    done(engineer.move(FORM, silent, "expire"))


def test_an_approved_weight_is_copied_to_every_form_and_stays(book):
    engineer = book.person("quality_engineer")
    plan = engineer.create(PLAN, plan_form(book))
    done(engineer.move(PLAN, plan, "submit"))
    done(book.person("management_representative").move(PLAN, plan, "approve"))
    done(engineer.move(PLAN, plan, "issue"))
    sent, = book.ids(FORM, satisfaction_survey_plan_id=plan)
    assert [(row.item, row.weight) for row in book.read(FORM, sent).answers] == list(zip(
        ITEMS, (Decimal(w) for w in ("0.4", "0.2", "0.25", "0.15")), strict=True))
    refused(engineer.move(PLAN, plan, "close"), "尚有调查表未评分")


def test_a_round_has_one_sheet_and_each_subject_names_what_it_is_about(book):
    plan = made(book, PLAN, "collecting")
    for subject, about, sentence in (("round", {"satisfaction_survey_plan": plan}, ""), ("customer", {}, "Customer"),
                                     ("dealer", {"period": "2026-10"}, "Dealer"), ("round", {}, "survey plan"),
                                     ("round", {"satisfaction_survey_plan": plan}, "sheet of this already")):
        with book.session() as session, pytest.raises(Invalid, match=sentence) if sentence else nullcontext():
            Act(session, access.Actor.system()).new(SCORE, subject=subject, **about)
            session.commit()


# Analyses of the quarter and visits -----------------------------------------------------------------------------------

def test_every_problem_of_a_quarter_has_its_measure_and_its_unit(book):
    id_ = made(book, "quarterly_service_analysis", "submitted", problems=[{"problem": "到场慢", "measure": "增派"}])
    engineer = book.person("quality_engineer")
    refused(engineer.move("quarterly_service_analysis", id_, "set_measures"), "每行须填写“责任部门”")
    done(engineer.edit("quarterly_service_analysis", id_, **{"problems-0-responsible_unit": "U1"}))
    done(engineer.move("quarterly_service_analysis", id_, "set_measures"))


def test_br_03_only_a_demand_is_rectified(book):
    action = str(made(book, "corrective_action"))
    id_ = made(book, "visit_report", "reviewed", is_rectification_required="false", rectification_demand="x",
               responsible_unit="U1", corrective_action=action)
    refused(book.person("quality_engineer").move("visit_report", id_, "rectify"), "“有整改要求”须为“是”")
