"""Nobody judges their own work, and what was agreed to, scored, verified or decided stands."""

from __future__ import annotations

from datetime import date

import pytest

from models.people import Membership, User
from models.spec import Refused
from rules import office
from tests import valid
from tests.casebook import Casebook, at, done, refused
from tests.certification.test_an_evaluation import plan_form, qualified
from tests.certification.test_scoresheet import groups, indicators

PLAN, SHEET, REPORT, ASSESSMENT, TRAINING, SQL = (
    "evaluation_plan", "evaluation_scoresheet", "nonconformity_report", "competence_assessment", "training_plan",
    "staff_qualification")
GRANT = {"certificate_decision": "grant", "conclusion": "推荐"}
ON_SITE = {"verification_method": "on_site", "verification_result": "effective"}


@pytest.fixture
def book(app):
    return Casebook(app)


def belongs(book, username, **where):
    """The person's role of evaluator is that of a department or an outlet."""
    with book.session() as session:
        user = session.query(User).filter_by(username=username).one()
        user.memberships.append(Membership(role="evaluator", **where))
        session.commit()


# BR-17 ----------------------------------------------------------------------------------------------------------------

def consolidated(book):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed", team=[
            {"evaluator": str(book.user("evaluator")), "team_role": "leader", "task": "全部"}])
        sheet = valid.record(session, SHEET, "scored", evaluation_plan=str(plan.id), certificate_no="C-1",
                             indicators=indicators(groups(40, 35, 20)), special_items=[])
        ids = plan.id, sheet.id
    done(book.person("evaluator").move(SHEET, ids[1], "consolidate"))
    return ids


def report(book, plan, state="draft", severity="major", **given):
    with valid.desk(book.app) as session:
        return valid.record(session, REPORT, state, evaluation_plan=str(plan), severity=severity, responsible_unit="U1",
                            handler=str(book.user("unit")), evaluation_scoresheet="", corrective_action="", **given).id


def test_br_17_a_major_report_issued_after_the_consolidation_bars_the_certificate(book):
    plan, sheet = consolidated(book)
    evaluator = book.person("evaluator")
    assert book.read(SHEET, sheet).open_major_count == 0
    late = report(book, plan)
    done(evaluator.move(REPORT, late, "issue"))
    assert book.read(SHEET, sheet).open_major_count == 1, "the page of the sheet shows it at once"
    page = evaluator.get(f"/admin/{SHEET}/details/?id={sheet}").text
    assert "严重不符合" in page
    refused(evaluator.move(SHEET, sheet, "conclude", **GRANT), "严重不符合，不能授予证书")
    done(book.person("unit_lead").move(REPORT, late, "accept", handler=book.user("unit")))
    book.as_it_was(REPORT, late, state="evidence_submitted")
    done(evaluator.move(REPORT, late, "verify", **ON_SITE))
    assert book.read(SHEET, sheet).open_major_count == 0
    done(evaluator.move(SHEET, sheet, "conclude", **GRANT))


def test_br_17_only_majors_of_the_same_plan_that_are_not_void_bar_it(book):
    plan, sheet = consolidated(book)
    report(book, plan, "issued", "minor")
    with valid.desk(book.app) as session:
        other = valid.record(session, PLAN, "agreed").id
    report(book, other, "issued")
    void = report(book, plan, "issued")
    evaluator = book.person("evaluator")
    refused(evaluator.move(SHEET, sheet, "conclude", **GRANT), "严重不符合，不能授予证书")
    done(evaluator.move(REPORT, void, "void", comment="重复"))
    done(evaluator.move(SHEET, sheet, "conclude", **GRANT))
    report(book, plan, "issued")
    assert book.read(SHEET, sheet).open_major_count == 0, "a concluded sheet stays as it was concluded"


def test_br_17_a_certificate_may_be_withheld_meanwhile_and_a_verification_stands(book):
    plan, sheet = consolidated(book)
    open_ = report(book, plan, "evidence_submitted", **ON_SITE)
    evaluator = book.person("evaluator")
    done(evaluator.move(SHEET, sheet, "conclude", certificate_decision="withhold", conclusion="待整改"))
    done(evaluator.move(REPORT, open_, "verify"))
    refused(evaluator.edit(REPORT, open_, verification_method="document"), "已验证有效，不能再改", 422)
    refused(evaluator.edit(REPORT, open_, verification_result="ineffective"), "已验证有效，不能再改", 422)


def test_the_office_sets_how_long_a_certificate_holds(book):
    book.set_parameter("certificate_months", "24")
    _, sheet = consolidated(book)
    done(book.person("evaluator").move(SHEET, sheet, "conclude", **GRANT))
    assert book.read(SHEET, sheet).valid_until_on.year == office.today().year + 2


def test_a_member_does_not_remove_what_another_scores(book):
    book.grant("technician2", "evaluator")
    leader = str(book.user("evaluator"))
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed", team=[{"evaluator": leader, "team_role": "leader", "task": "评分"}])
        sheet = valid.record(session, SHEET, evaluation_plan=str(plan.id), special_items=[],
                             indicators=indicators(groups(40, 35, 25), evaluator=leader)).id
    member = book.person("technician2")
    form = member.form(f"/admin/{SHEET}/edit/?id={sheet}")
    fewer = {name: value for name, value in form.items() if not name.startswith("indicators-0-")}
    refused(member.post(f"/admin/{SHEET}/edit/?id={sheet}", fewer), "由另一评价员评分的指标不能删除", 422)


# Nobody audits their own unit -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("place", ["unit", "dealer"])
def test_no_evaluator_audits_the_own_unit(book, place):
    qualified(book)
    dealer = book.id("dealer_ledger", dealer_code="F001")
    changes = {"sites-0-unit": "U1"} if place == "unit" else {}
    plan = book.person("evaluator").create(PLAN, plan_form(book, **changes))
    belongs(book, "evaluator", **({"unit": "U1"} if place == "unit" else {"dealer_id": dealer}))
    with pytest.raises(Refused, match="own unit"):
        book.act("evaluator", PLAN, plan, "send", now=at("2026-12-01 09:00"))
    elsewhere = {"sites-0-unit": "U2"} if place == "unit" else {
        "sites-1-dealer": book.id("dealer_ledger", dealer_code="F002")}
    done(book.person("evaluator").edit(PLAN, plan, **elsewhere))
    book.act("evaluator", PLAN, plan, "send", now=at("2026-12-01 09:00"))


def test_who_belongs_to_the_unit_neither_issues_nor_verifies_nor_rejects(book):
    belongs(book, "evaluator", unit="U1")
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed").id
    evaluator = book.person("evaluator")
    refused(evaluator.move(REPORT, report(book, plan), "issue"), "不评价本单位的工作")
    sent = report(book, plan, "evidence_submitted")
    refused(evaluator.move(REPORT, sent, "verify", **ON_SITE), "验证人不能是责任部门的人员")
    bad = {**ON_SITE, "verification_result": "ineffective", "comment": "未见实效"}
    refused(evaluator.move(REPORT, sent, "reject_evidence", **bad), "验证人不能是责任部门的人员")


def test_who_rectifies_does_not_reject_the_evidence_either(book):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed").id
    own = report(book, plan, "evidence_submitted")
    book.as_it_was(REPORT, own, handler=book.user("evaluator"))
    bad = {**ON_SITE, "verification_result": "ineffective", "comment": "未见实效"}
    refused(book.person("evaluator").move(REPORT, own, "reject_evidence", **bad), "不能由“整改负责人”本人办理")
    book.as_it_was(REPORT, own, handler=book.user("unit"))
    good = {**bad, "verification_result": "effective"}
    refused(book.person("evaluator").move(REPORT, own, "reject_evidence", **good), "须为：无效")
    done(book.person("evaluator").move(REPORT, own, "reject_evidence", **bad))


# The plan -------------------------------------------------------------------------------------------------------------

def test_br_35_what_was_changed_after_the_objection_is_adjusted_not_kept(book):
    qualified(book)
    evaluator = book.person("evaluator")
    plan = evaluator.create(PLAN, plan_form(book))
    book.act("evaluator", PLAN, plan, "send", now=at("2026-12-01 09:00"))
    done(book.person("quality_manager").move(PLAN, plan, "raise_objection", objection_reason="日程过紧"))
    done(evaluator.edit(PLAN, plan, starts_on="2026-12-01", ends_on="2026-12-02", file_review_passed_on="2026-11-01"))
    refused(evaluator.move(PLAN, plan, "keep_plan", comment="理由不充分"), "请用“调整计划”")


def test_br_35_nobody_but_the_applicants_side_objects_or_agrees(book):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "sent").id
    for move in ("raise_objection", "agree"):
        refused(book.person("evaluator").move(PLAN, plan, move, objection_reason="x"), "由质量负责人、管理者代表办理")
    refused(book.person("quality_manager").move(PLAN, plan, "raise_objection"), "请填写“异议及理由”", 422)


def test_what_the_applicant_agreed_to_stands(book):
    qualified(book)
    evaluator = book.person("evaluator")
    plan = evaluator.create(PLAN, plan_form(book))
    book.as_it_was(PLAN, plan, state="agreed")
    for change in ({"starts_on": "2026-12-09"}, {"service_scope": "另一项"}, {"team-0-task": "一半"},
                   {"sites-0-site_name": "别处"}, {"file_review_mode": "combined"}):
        refused(evaluator.edit(PLAN, plan, **change), "申请组织已确认，不能再改", 422)
    rows = {"schedule-0-starts_at": "2026-12-10T09:00", "schedule-0-ends_at": "2026-12-10T10:00", "schedule-0-activity": "访谈"}
    done(evaluator.edit(PLAN, plan, **rows))
    refused(evaluator.edit(PLAN, plan, **{**rows, "schedule-0-ends_at": "2026-12-10T09:00"}), "结束时间须晚于开始时间", 422)


def test_an_evaluator_is_named_once_in_a_team(book):
    again = {"team-1-evaluator": book.user("evaluator"), "team-1-team_role": "member", "team-1-task": "另一半"}
    refused(book.person("evaluator").post(f"/admin/{PLAN}/new/", plan_form(book, **again)), "同一评价员只能列一次", 422)


# Training and appointment ---------------------------------------------------------------------------------------------

def test_who_is_to_be_trained_first_has_a_plan_proposed_that_the_decider_may_sign(book):
    with valid.desk(book.app) as session:
        sheet = valid.record(session, ASSESSMENT, "opinion_given", person_name="孙七", qualification_type="repair_skill",
                             assessment_result="needs_training", appointment_opinion="train_first", opinion_text="缺实操",
                             assessor=str(book.user("evaluator")), person="").id
    boss, evaluator = book.person("deputy_gm"), book.person("evaluator")
    done(boss.move(ASSESSMENT, sheet, "decide", decision="train_first"))
    assert not book.ids(SQL)
    plan, = book.ids(TRAINING)
    draft, number = book.read(TRAINING, plan), book.read(ASSESSMENT, sheet).number
    assert (draft.state, draft.name, draft.need_reason, draft.audience, draft.handler) == (
        "draft", f"孙七 任用前培训 {number}", "缺实操", ["service_staff"], book.user("evaluator"))
    assert "提交前请填写“课程安排”" in evaluator.move(TRAINING, plan, "submit").text
    done(evaluator.edit(TRAINING, plan, **{
        "courses-0-course_name": "实操", "courses-0-training_type": "technical", "courses-0-planned_on": "2099-01-05"}))
    done(evaluator.move(TRAINING, plan, "submit"))
    done(boss.move(TRAINING, plan, "approve"))


@pytest.mark.parametrize("decision", ["reassign", "not_appoint"])
def test_who_is_not_appointed_gets_neither(book, decision):
    with valid.desk(book.app) as session:
        sheet = valid.record(session, ASSESSMENT, "opinion_given", appointment_opinion=decision,
                             assessor=str(book.user("evaluator")), person="").id
    done(book.person("deputy_gm").move(ASSESSMENT, sheet, "decide", decision=decision))
    assert not book.ids(SQL) and not book.ids(TRAINING)


def test_an_assessment_goes_back_with_a_reason_and_is_final_once_decided(book):
    with valid.desk(book.app) as session:
        sheet = valid.record(session, ASSESSMENT, "opinion_given", assessment_result="competent", appointment_opinion="appoint",
                             assessor=str(book.user("evaluator")), person="", effective_on="2026-03-01").id
    boss, evaluator = book.person("deputy_gm"), book.person("evaluator")
    refused(boss.move(ASSESSMENT, sheet, "send_back"), "请填写原因", 422)
    done(boss.move(ASSESSMENT, sheet, "send_back", comment="缺依据"))
    done(evaluator.move(ASSESSMENT, sheet, "give_opinion"))
    refused(evaluator.move(ASSESSMENT, sheet, "decide", decision="appoint"), "由主管副总办理")
    done(boss.move(ASSESSMENT, sheet, "decide", decision="appoint"))
    assert book.read(SQL, book.ids(SQL)[0]).valid_from_on == date(2026, 3, 1)
    assert evaluator.get(f"/admin/{ASSESSMENT}/edit/?id={sheet}").status_code == 403


def test_nobody_assesses_or_proposes_themselves(book):
    me = str(book.user("evaluator"))
    for state, move, given in (("draft", "assess", {}), ("assessed", "give_opinion", {"appointment_opinion": "reassign"})):
        with valid.desk(book.app) as session:
            sheet = valid.record(session, ASSESSMENT, state, person=me, assessor=str(book.user("technician")), also=(
                "items", "assessed_on", "assessment_result", "assessment_comment", "opinion_text"), **given).id
        refused(book.person("evaluator").move(ASSESSMENT, sheet, move), "不能由“系统用户”本人办理")


def test_br_35_an_adjusted_plan_is_as_complete_as_one_that_is_sent(book):
    qualified(book)
    evaluator, act = book.person("evaluator"), "adjust"
    plan = evaluator.create(PLAN, plan_form(book))
    book.act("evaluator", PLAN, plan, "send", now=at("2026-12-01 09:00"))
    book.act("quality_manager", PLAN, plan, "raise_objection", now=at("2026-12-02 09:00"), objection_reason="日程过紧")
    book.grant("technician", "evaluator")
    whole = {"sites-0-is_headquarters": "true", "sites-1-dealer": book.id("dealer_ledger", dealer_code="F001"),
             "file_review_mode": "before", "file_review_passed_on": "2026-11-30", "sites-0-unit": "",
             "team-0-evaluator": book.user("evaluator")}
    for changes, sentence in (
            ({"sites-0-is_headquarters": []}, "headquarters"), ({"sites-1-dealer": ""}, "outlet"),
            ({"file_review_passed_on": ""}, "documents passed"), ({"file_review_mode": "combined"}, "Reserve hours"),
            ({"team-1-evaluator": book.user("technician"), "team-1-team_role": "leader", "team-1-task": "半"}, "one leader"),
            ({"team-1-evaluator": book.user("technician"), "team-1-team_role": "member", "team-1-task": "半"}, "qualification")):
        done(evaluator.edit(PLAN, plan, **{**whole, **changes}))
        with pytest.raises(Refused, match=sentence):
            book.act("evaluator", PLAN, plan, act, now=at("2026-12-03 09:00"), adjustment_note="改")
        form = evaluator.form(f"/admin/{PLAN}/edit/?id={plan}")
        alone = {name: value for name, value in form.items() if not name.startswith("team-1-")}
        done(evaluator.post(f"/admin/{PLAN}/edit/?id={plan}", {**alone, **whole}))
    done(evaluator.edit(PLAN, plan, **{"sites-0-unit": "U1"}))
    belongs(book, "evaluator", unit="U1")
    with pytest.raises(Refused, match="own unit"):
        book.act("evaluator", PLAN, plan, act, now=at("2026-12-03 09:00"), adjustment_note="改")
    done(evaluator.edit(PLAN, plan, **{"sites-0-unit": "U2"}))
    book.act("evaluator", PLAN, plan, act, now=at("2026-12-03 09:00"), adjustment_note="改")


def test_a_meeting_of_both_sides_has_both_and_ends_after_it_began(book):
    with valid.desk(book.app) as session:
        plan = str(valid.record(session, PLAN, "agreed", starts_on="2026-12-10", ends_on="2026-12-11").id)
        alone = [{"person_name": "组长", "side": "team", "signed_by": "组长"}]
        given = {"evaluation_plan": plan, "started_at": "2026-12-10T09:00", "ended_at": "2026-12-10T10:00", "minutes": "记录"}
        meetings = {kind: valid.record(session, "evaluation_meeting", meeting_type=kind, attendees=alone, **given).id
                    for kind in ("opening", "organisation")}
    for id_ in meetings.values():
        refused(book.person("evaluator").move("evaluation_meeting", id_, "sign"), "双方参加")
    refused(book.person("evaluator").edit("evaluation_meeting", meetings["opening"], ended_at="2026-12-10T09:00"),
            "结束时间须晚于开始时间", 422)


def test_an_effective_rectification_is_verified_on_its_own_plans_sheet(book):
    with valid.desk(book.app) as session:
        plan = valid.record(session, PLAN, "agreed").id
        other = valid.record(session, SHEET, evaluation_plan=str(valid.record(session, PLAN, "agreed").id)).id
    sent = report(book, plan, "evidence_submitted", "minor", verification_method="document", verification_result="ineffective")
    evaluator = book.person("evaluator")
    refused(evaluator.move(REPORT, sent, "verify"), "结论为“有效”的方可验证有效")
    refused(evaluator.edit(REPORT, sent, evaluation_scoresheet=other), "该评分表不是本评价计划的", 422)
