"""Training plans, and what the office makes of a person after training: judged, proposed, appointed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

PLAN, TRAINING, SHEET, SQL = "training_plan", "training_record", "competence_assessment", "staff_qualification"


@pytest.fixture
def book(app):
    return Casebook(app)


def plan_form(book, **changes):
    return {
        "name": "首次培训", "quarter": "2026-Q4", "audience": ["service_dealer"], "training_types": ["business"],
        "need_reason": "新网点", "organiser": "CS", "handler": book.user("customer_service"), "is_first_training": "false",
        "courses-0-course_name": "业务", "courses-0-training_type": "business", "courses-0-planned_on": "2026-10-01", **changes}


def planned(book, by="customer_service", **changes):
    return book.person(by).create(PLAN, plan_form(book, **changes))


# The plan -------------------------------------------------------------------------------------------------------------

def test_a_plan_is_approved_starts_with_its_first_training_and_ends_with_its_last(book):
    service, plan = book.person("customer_service"), planned(book)
    done(service.move(PLAN, plan, "submit"))
    refused(service.move(PLAN, plan, "approve"), "正等待主管副总签署")
    done(book.person("deputy_gm").move(PLAN, plan, "approve"))
    refused(service.move(PLAN, plan, "start"), "请先登记本计划的第一次培训")
    with valid.desk(book.app) as session:
        training = valid.record(session, TRAINING, training_plan=str(plan), course_name="业务", held_on="2026-10-08").id
    done(service.move(TRAINING, training, "hold"))
    assert book.state(PLAN, plan) == "executing"
    refused(service.move(PLAN, plan, "finish", result_summary="完成"), "每门课程须有已存档的培训记录")
    book.as_it_was(TRAINING, training, state="archived")
    done(service.move(PLAN, plan, "finish", result_summary="完成"))


@pytest.mark.parametrize("state", ["cancelled", "void"])
def test_a_training_that_was_called_off_starts_no_plan(book, state):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "approved").id
        training = valid.record(session, TRAINING, training_plan=str(plan)).id
    book.as_it_was(TRAINING, training, state=state)
    refused(book.person("customer_service").move(PLAN, plan, "start"), "请先登记本计划的第一次培训")


def test_a_course_that_was_not_held_is_explained(book):
    with valid.desk(book.app) as session:
        course = {"course_name": "业务", "training_type": "business", "planned_on": "2026-10-01"}
        plan = valid.record(session, PLAN, "executing", courses=[course]).id
        given = valid.record(session, PLAN, "executing", courses=[{**course, "remark": "讲师病假"}]).id
    refused(book.person("customer_service").move(PLAN, plan, "finish", result_summary="x"), "注明未实施原因")
    done(book.person("customer_service").move(PLAN, given, "finish", result_summary="x"))


def test_the_first_training_of_a_dealer_covers_all_three_kinds(book):
    service = book.person("customer_service")
    refused(service.move(PLAN, planned(book, is_first_training="true"), "submit"), "须包括业务、技术和管理三类课程")
    dealer = book.id("dealer_ledger", dealer_code="F001")
    form = service.form(f"/admin/{PLAN}/new/?from=dealer_ledger:{dealer}")
    assert [form[f"courses-{n}-training_type"] for n in range(3)] == ["business", "technical", "management"]
    rows = {f"courses-{n}-{name}": value for n in range(3) for name, value in (("course_name", f"课{n}"), ("planned_on", "2099-01-05"))}
    plan = service.create(PLAN, {**form, **rows, "need_reason": "新建", "organiser": "CS"})
    done(service.move(PLAN, plan, "submit"))


@pytest.mark.parametrize(("by", "changes", "sentence"), [
    ("customer_service", {"courses-0-planned_on": "2026-09-30"}, "计划日期须在计划季度之内或之后"),
    ("unit", {"organiser": "U1"}, "只培训本单位的售后服务人员"),
    ("unit", {"organiser": "U2", "audience": ["service_staff"]}, "只能是您本单位")])
def test_a_plan_that_cannot_be_is_refused(book, by, changes, sentence):
    refused(book.person(by).post(f"/admin/{PLAN}/new/", plan_form(book, **changes)), sentence, 422)


def test_a_dealer_sees_the_plans_that_name_it_and_no_budget(book):
    mine = planned(book, budget="98765.00", **{"courses-0-dealer": book.id("dealer_ledger", dealer_code="F001")})
    page = book.person("dealer_f001").get(f"/admin/{PLAN}/details/?id={mine}")
    assert page.status_code == 200 and "98,765" not in page.text
    assert "98,765" in book.person("customer_service").get(f"/admin/{PLAN}/details/?id={mine}").text
    assert book.person("dealer_f002").get(f"/admin/{PLAN}/details/?id={mine}").status_code == 404


# The person -----------------------------------------------------------------------------------------------------------

def assessed(book, state="opinion_given", result="competent", opinion="appoint", **given):
    with valid.desk(book.app) as session:
        return valid.record(session, SHEET, state, person_name="孙七", position="维修工", qualification_type="repair_skill",
                            assessment_result=result, appointment_opinion=opinion, **given).id


def test_a_score_is_what_was_reached_of_all_points(book):
    rows = [{"item_name": "理论", "full_score": "60", "score": "50"}, {"item_name": "实操", "full_score": "30", "score": "20"}]
    assert book.read(SHEET, assessed(book, items=rows)).score == Decimal("77.78")


def test_no_item_has_more_than_its_points_and_nobody_assesses_themselves(book):
    sheet, evaluator = assessed(book, "draft"), book.person("evaluator")
    refused(evaluator.edit(SHEET, sheet, **{"items-0-full_score": "10", "items-0-score": "10.01"}), "得分不能超过满分", 422)
    me = book.user("evaluator")
    refused(evaluator.edit(SHEET, sheet, person=me, assessor=me), "评价人不能是被评价人", 422)


def test_only_who_is_competent_is_proposed(book):
    sheet, evaluator = assessed(book, "assessed", result="needs_training"), book.person("evaluator")
    refused(evaluator.move(SHEET, sheet, "give_opinion", opinion_text="任用"), "评价结果为“胜任”的方可提出任用")
    done(evaluator.edit(SHEET, sheet, appointment_opinion="train_first"))
    done(evaluator.move(SHEET, sheet, "give_opinion", opinion_text="先培训"))


def test_who_is_appointed_is_put_forward_for_the_qualification(book):
    boss = book.person("deputy_gm")
    refused(boss.move(SHEET, assessed(book), "decide", decision="appoint"), "请先填写“任用生效日期”")
    sheet = assessed(book, effective_on="2026-03-01")
    done(boss.move(SHEET, sheet, "decide", decision="appoint"))
    own = book.read(SQL, book.ids(SQL)[-1])
    assert (own.state, own.person_name, own.position, own.competence_assessment) == ("pending", "孙七", "维修工", sheet)
    assert (own.valid_from_on, own.valid_until_on) == (date(2026, 3, 1), date(2029, 2, 28))
    assert (own.assessment_result, own.appointment_opinion) == ("competent", "appoint")


def test_a_decision_that_differs_is_explained_and_appoints_nobody_else(book):
    sheet, boss = assessed(book, effective_on="2026-03-01"), book.person("deputy_gm")
    refused(boss.move(SHEET, sheet, "decide", decision="train_first"), "须说明理由")
    done(boss.move(SHEET, sheet, "decide", decision="train_first", comment="缺实操"))
    assert not book.ids(SQL)


@pytest.mark.parametrize("who", ["person", "assessor"])
def test_the_decider_is_neither_the_person_nor_the_assessor(book, who):
    boss = book.user("deputy_gm")
    sheet = assessed(book, effective_on="2026-03-01", **{who: str(boss)})
    refused(book.person("deputy_gm").move(SHEET, sheet, "decide", decision="appoint"), "本人办理")


def test_a_training_plan_begins_from_who_has_to_be_trained_first(book):
    sheet = assessed(book, "decided", opinion="train_first", opinion_text="缺实操")
    form = book.person("evaluator").form(f"/admin/{PLAN}/new/?from={SHEET}:{sheet}")
    assert (form["name"], form["need_reason"], form["audience"]) == ("孙七 任用前培训", "缺实操", ["service_staff"])
