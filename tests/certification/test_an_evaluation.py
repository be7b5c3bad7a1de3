"""An evaluation on site: planned three days ahead, objected to and adjusted, held, scored, and certified once the major
nonconformity is verified on site."""

from __future__ import annotations

from datetime import date

import pytest

from models.spec import Invalid, Refused
from tests import valid
from tests.casebook import Casebook, at, done, refused, why_not
from tests.certification.test_scoresheet import groups, indicators

PLAN, MEETING, SHEET, REPORT = "evaluation_plan", "evaluation_meeting", "evaluation_scoresheet", "nonconformity_report"
DAYS = {"starts_on": "2026-12-10", "ends_on": "2026-12-11"}
CONTENT = {
    "applicant_name": "某公司", "standard": "GB/T 27922-2011", "service_scope": "售后服务", "product_types": "轻型车",
    "file_review_mode": "before", "file_review_passed_on": "2026-11-30", **DAYS}


@pytest.fixture
def book(app):
    return Casebook(app)


def qualified(book, username="evaluator", until="2027-12-31"):
    with valid.desk(book.app) as session:
        valid.record(session, "staff_qualification", "valid", person=str(book.user(username)),
                     qualification_type="evaluator", valid_from_on="2024-01-01", valid_until_on=until)


def plan_form(book, **changes):
    return {
        **CONTENT, "sites-0-site_name": "总部", "sites-0-is_headquarters": "true", "sites-1-site_name": "F001",
        "sites-1-is_headquarters": "false", "sites-1-dealer": book.id("dealer_ledger", dealer_code="F001"),
        "team-0-evaluator": book.user("evaluator"), "team-0-team_role": "leader", "team-0-task": "全部", **changes}


@pytest.fixture
def drafted(book):
    qualified(book)
    return lambda **changes: book.person("evaluator").create(PLAN, plan_form(book, **changes))


# The plan -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("day", "is_sent"), [("2026-12-07 23:59:59", True), ("2026-12-08 00:00:00", False)])
def test_example_f_sla_16_a_plan_is_sent_three_days_ahead(book, drafted, day, is_sent):
    plan = drafted()
    assert book.read(PLAN, plan).send_by_on == date(2026, 12, 7)
    if is_sent:
        book.act("evaluator", PLAN, plan, "send", now=at(day))
        assert book.clock(PLAN, plan, "send_plan") == ("met", at("2026-12-07 23:59:59"))
        return
    with pytest.raises(Refused, match="three days ahead"):
        book.act("evaluator", PLAN, plan, "send", now=at(day))


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"sites-0-is_headquarters": "false"}, "须包括总部"), ({"sites-1-dealer": ""}, "抽样的服务网点"),
    ({"team-0-team_role": "member"}, "有且只有一名组长"), ({"file_review_passed_on": ""}, "须填写审查通过日期"),
    ({"file_review_mode": "combined"}, "须预留文件审查时间")])
def test_what_a_plan_lacks_keeps_it_from_being_sent(book, drafted, changes, sentence):
    refused(book.person("evaluator").move(PLAN, drafted(**changes), "send"), sentence)


@pytest.mark.parametrize(("until", "is_fit"), [("2026-12-11", True), ("2026-12-10", False)])
def test_the_team_is_qualified_on_all_days(book, act, until, is_fit):
    qualified(book, until=until)
    plan = book.person("evaluator").create(PLAN, plan_form(book))
    act.now = at("2026-12-01 09:00")
    told = why_not(act, act.get(PLAN, plan), "send")
    act.session.rollback()
    assert told == ("" if is_fit else "评价组成员须持有效的评价员资格")


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"ends_on": "2026-12-09"}, "结束日期不能早于开始日期"), ({"file_review_passed_on": "2026-12-11"}, "开始前通过"),
    ({"schedule-0-starts_at": "2026-12-12T09:00", "schedule-0-ends_at": "2026-12-12T10:00", "schedule-0-activity": "访谈"},
     "日程须在评价日期之内")])
def test_dates_that_cannot_be_are_refused(book, changes, sentence):
    refused(book.person("evaluator").post(f"/admin/{PLAN}/new/", plan_form(book, **changes)), sentence, 422)


def test_br_35_a_founded_objection_adjusts_the_plan_and_counts_the_three_days_anew(book, drafted):
    plan = drafted()
    book.act("evaluator", PLAN, plan, "send", now=at("2026-12-01 09:00"))
    with pytest.raises(Invalid):
        book.act("quality_manager", PLAN, plan, "raise_objection", now=at("2026-12-02 09:00"))
    book.act("quality_manager", PLAN, plan, "raise_objection", now=at("2026-12-02 09:00"), objection_reason="当日停产盘点")
    with pytest.raises(Refused, match="three days ahead"):
        book.act("evaluator", PLAN, plan, "adjust", now=at("2026-12-08 09:00"), adjustment_note="不变")
    book.edit("evaluator", PLAN, plan, starts_on="2026-12-14", ends_on="2026-12-15", is_team_adjusted="true")
    book.act("evaluator", PLAN, plan, "adjust", now=at("2026-12-11 09:00"), adjustment_note="改期")
    read = book.read(PLAN, plan)
    assert (read.state, read.sent_at, read.send_by_on) == ("sent", at("2026-12-11 09:00"), date(2026, 12, 11))


def test_br_35_an_objection_is_decided_by_the_leader(book, drafted):
    with valid.desk(book.app) as session:
        other = [{"evaluator": str(book.user("technician")), "team_role": "leader", "task": "全部"}]
        plan = valid.record(session, PLAN, "objected", team=other).id
    evaluator = book.person("evaluator")
    refused(evaluator.move(PLAN, plan, "keep_plan", comment="理由不充分"), "由评价计划的组长办理")
    refused(evaluator.move(PLAN, plan, "adjust", adjustment_note="改期"), "由评价计划的组长办理")


# The whole of it ------------------------------------------------------------------------------------------------------

def meeting(book, plan, kind, hour, day="2026-12-10", **changes):
    return {
        "evaluation_plan": plan, "meeting_type": kind, "started_at": f"{day}T{hour:02}:00", "ended_at": f"{day}T{hour:02}:30",
        "handler": book.user("evaluator"), "minutes": "记录", "attendees-0-person_name": "组长", "attendees-0-side": "team",
        "attendees-0-signed_by": "组长", "attendees-1-person_name": "经理", "attendees-1-side": "organisation",
        "attendees-1-signed_by": "经理", **changes}


def held(book, plan, kind, hour, day="2026-12-10", **changes):
    return book.person("evaluator").create(MEETING, meeting(book, plan, kind, hour, day, **changes))


def hold_meetings(book, plan):
    evaluator = book.person("evaluator")
    early = meeting(book, plan, "opening", 9, "2026-12-09")
    refused(evaluator.post(f"/admin/{MEETING}/new/", early), "不能早于现场评价开始日期", 422)
    opening = held(book, plan, "opening", 9, **{"attendees-1-signed_by": ""})
    refused(evaluator.move(MEETING, opening, "sign"), "签到人员须全部签名")
    done(evaluator.edit(MEETING, opening, **{"attendees-1-signed_by": "经理"}))
    done(evaluator.move(MEETING, opening, "sign"))
    again = meeting(book, plan, "opening", 10)
    refused(evaluator.post(f"/admin/{MEETING}/new/", again), "只有一次首次会议", 422)
    closing = meeting(book, plan, "closing", 16, "2026-12-11")
    refused(evaluator.post(f"/admin/{MEETING}/new/", closing), "须召开评价组内沟通", 422)
    done(evaluator.move(MEETING, held(book, plan, "team", 15, "2026-12-11"), "sign"))
    refused(evaluator.move(PLAN, plan, "execute"), "首次会议和末次会议须已签认")
    last = evaluator.create(MEETING, closing)
    refused(evaluator.move(MEETING, last, "sign"), "末次会议须填写评价发现和会议结论")
    done(evaluator.edit(MEETING, last, findings="一项严重不符合", conclusion="整改后推荐"))
    done(evaluator.move(MEETING, last, "sign"))
    late = meeting(book, plan, "team", 17, "2026-12-11")
    refused(evaluator.post(f"/admin/{MEETING}/new/", late), "末次会议是最后一次会议", 422)


def issued(book, plan, sheet, severity="major"):
    report = book.person("evaluator").create(REPORT, {
        "evaluation_plan": plan, "evaluation_scoresheet": sheet, "severity": severity, "clause": "5.1.3",
        "description": "无备件库", "objective_evidence": "现场照片", "responsible_unit": "U1"})
    book.act("evaluator", REPORT, report, "issue", now=at("2026-12-11 17:00"))
    return report


def rectified(book, report, day="2026-12-20"):
    with valid.desk(book.app) as session:
        file = valid.a_file(session, "整改.txt", "unit").id
    book.act("unit", REPORT, report, "submit_evidence", now=at(f"{day} 09:00"), cause="未建库", corrective_measures="建库",
             completed_on=day, rectification_evidence=str(file))


def test_an_evaluation_from_the_plan_to_the_certificate(book, drafted):
    plan, evaluator = drafted(), book.person("evaluator")
    with pytest.raises(Refused):
        book.act("evaluator", PLAN, plan, "send", now=at("2026-12-08 09:00"))
    book.act("evaluator", PLAN, plan, "send", now=at("2026-12-07 09:00"))
    refused(evaluator.move(PLAN, plan, "agree"), "由质量负责人、管理者代表办理")
    refused(evaluator.post(f"/admin/{MEETING}/new/", meeting(book, plan, "opening", 9)), "只有已确认的评价计划", 422)
    done(book.person("quality_manager").move(PLAN, plan, "raise_objection", objection_reason="日程过紧"))
    done(evaluator.move(PLAN, plan, "keep_plan", comment="理由不充分"))
    done(book.person("management_representative").move(PLAN, plan, "agree"))
    assert book.read(PLAN, plan).signed_by == book.user("management_representative")
    hold_meetings(book, plan)
    with valid.desk(book.app) as session:
        sheet = valid.record(session, SHEET, evaluation_plan=str(plan), certificate_no="C-2026-1", indicators=indicators(
            groups(36, 29, 23), ("waste_recovery",)), special_items=[{"kind": "deduction", "description": "违规"}]).id
    done(evaluator.move(SHEET, sheet, "finish_scoring"))
    refused(evaluator.move(SHEET, sheet, "consolidate"), "每项特别扣分须有不符合报告")
    report = issued(book, plan, sheet)
    done(evaluator.move(SHEET, sheet, "reopen", comment="补不符合报告"))
    done(evaluator.edit(SHEET, sheet, **{"special_items-0-nonconformity_report": report}))
    done(evaluator.move(SHEET, sheet, "finish_scoring"))
    done(evaluator.move(SHEET, sheet, "consolidate"))
    _certified_once_verified(book, sheet, report)
    done(evaluator.move(PLAN, plan, "execute"))


def _certified_once_verified(book, sheet, report):
    """BR-17, at every step on the way."""
    evaluator, grant = book.person("evaluator"), {"certificate_decision": "grant", "conclusion": "推荐"}
    for step in ("accept", "submit_evidence", "verify"):
        refused(evaluator.move(SHEET, sheet, "conclude", **grant), "严重不符合，不能授予证书")
        if step == "accept":
            done(book.person("unit_lead").move(REPORT, report, "accept", handler=book.user("unit")))
        elif step == "submit_evidence":
            rectified(book, report)
    on_paper = {"verification_method": "document", "verification_result": "effective"}
    refused(evaluator.move(REPORT, report, "verify", **on_paper), "严重不符合须现场验证")
    done(evaluator.move(REPORT, report, "verify", **{**on_paper, "verification_method": "on_site"}))
    done(evaluator.move(SHEET, sheet, "conclude", **grant))
    read = book.read(SHEET, sheet)
    years = read.valid_until_on.year - read.decided_at.year
    assert (read.state, read.open_major_count, years) == ("concluded", 0, 3)


# Nonconformities ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("severity", "due"), [("minor", date(2027, 1, 10)), ("major", date(2026, 12, 26))])
def test_sla_24_the_limit_depends_on_the_severity_and_stands_when_evidence_is_rejected(book, severity, due):
    with valid.desk(book.app) as session:
        plan = str(valid.record(session, PLAN, "agreed").id)
    report = issued(book, plan, "", severity)
    done(book.person("unit_lead").move(REPORT, report, "accept", handler=book.user("unit")))
    rectified(book, report)
    assert book.clock(REPORT, report, "rectify")[0] == "met"
    book.act("evaluator", REPORT, report, "reject_evidence", now=at("2026-12-21 09:00"), comment="未见实效",
             verification_method="on_site", verification_result="ineffective")
    read = book.read(REPORT, report)
    assert (read.state, read.due_on, read.evidence_submitted_at, read.verification_result) == ("rectifying", due, None, None)
    assert book.clock(REPORT, report, "rectify")[0] == "running"
    rectified(book, report, "2026-12-28")
    assert book.clock(REPORT, report, "rectify")[0] == ("met" if severity == "minor" else "missed")


def at_verification(book, **given):
    with valid.desk(book.app) as session:
        return valid.record(session, REPORT, "evidence_submitted", severity="minor", verification_method="document",
                            verification_result="effective", **given).id


def test_nobody_verifies_their_own_rectification(book):
    own = at_verification(book, handler=str(book.user("evaluator")))
    refused(book.person("evaluator").move(REPORT, own, "verify"), "不能由“整改负责人”本人办理")
    done(book.person("evaluator").move(REPORT, at_verification(book), "verify"))


def test_a_report_closes_after_its_corrective_action_and_its_severity_stands(book):
    action = book.person("quality_engineer").create("corrective_action", book.corrective_action())
    with valid.desk(book.app) as session:
        report = valid.record(session, REPORT, "verified", corrective_action=str(action)).id
        open_ = valid.record(session, REPORT, "evidence_submitted", severity="major").id
    refused(book.person("evaluator").move(REPORT, report, "close"), "纠正和预防措施须先关闭")
    book.as_it_was("corrective_action", action, state="closed")
    done(book.person("evaluator").move(REPORT, report, "close"))
    refused(book.person("evaluator").edit(REPORT, open_, severity="minor"), "发出后不能改变不符合性质", 422)
