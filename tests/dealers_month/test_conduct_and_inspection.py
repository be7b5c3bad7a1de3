"""Conduct, inspections of subsidiaries, and what outlets write each quarter: verified by others than who reported it,
counted as the rules say, and followed up."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from models.spec import Refused
from tests import valid
from tests.casebook import Casebook, at, done, refused
from tests.dealers_month.paper import QUALITY, this_month

VIOLATION, INSPECTION, SUMMARY, ACTION, SQL, NOTICE, ANALYSIS, GRADE, INFO = (
    "conduct_violation", "subsidiary_service_assessment", "outlet_quarterly_summary", "corrective_action",
    "staff_qualification", "reward_penalty_notice", "monthly_quality_analysis", "dealer_grade_sheet", "quality_info_summary")
TOLD = {"verification_text": "属实"}


@pytest.fixture
def book(app):
    return Casebook(app)


def made(book, type_name, state=None, **given):
    with valid.desk(book.app) as session:
        return valid.record(session, type_name, state, **given).id


# BR-27 ----------------------------------------------------------------------------------------------------------------

def reported(book, kind="fee", by="customer_service", **changes):
    return book.person(by).create(VIOLATION, {
        "violation_type": kind, "dealer": book.id("dealer_ledger", dealer_code="F001"), "occurred_at": "2026-11-02T09:00",
        "description": "向用户收费", "source_type": "callback", "is_veto": "false", **changes})


def test_br_27_asking_users_for_something_is_preset_as_a_veto_which_only_a_reason_lifts(book):
    service, manager = book.person("customer_service"), book.person("quality_manager")
    for kind in ("board_and_lodging", "gift", "fee", "fraud", "false_appraisal"):
        assert book.read(VIOLATION, reported(book, kind)).is_veto is True, kind
    assert book.read(VIOLATION, reported(book, "quarrel")).is_veto is False
    id_ = reported(book)
    done(service.edit(VIOLATION, id_, is_veto="false"))
    assert book.read(VIOLATION, id_).is_veto is True, "who does not verify lifts nothing"
    refused(manager.move(VIOLATION, id_, "verify", is_veto="false", **TOLD), "须写明理由")
    done(manager.move(VIOLATION, id_, "verify", is_veto="false", comment="金额已退", **TOLD))
    read = book.read(VIOLATION, id_)
    assert (read.is_verified, read.is_veto) == (True, False)
    refused(book.person("both").edit(VIOLATION, id_, is_veto="true"), "查实后不能再变更", 422)


def test_br_27_who_reports_does_not_verify_nor_lift_a_veto_in_silence(book):
    own = reported(book, by="both")
    refused(book.person("both").move(VIOLATION, own, "verify", **TOLD), "不能由填写人本人办理")
    done(book.person("both").edit(VIOLATION, own, is_veto="false"))
    refused(book.person("quality_manager").move(VIOLATION, own, "verify", **TOLD), "须写明理由")
    nobody = reported(book, dealer="")
    refused(book.person("quality_manager").move(VIOLATION, nobody, "verify", **TOLD), "请先填写“服务商”")
    assert book.person("quality_manager").move(VIOLATION, own, "verify", comment="已核").status_code == 422
    refused(book.person("customer_service").post(f"/admin/{VIOLATION}/new/", {
        **book.person("customer_service").form(f"/admin/{VIOLATION}/edit/?id={nobody}"), "occurred_at": "2199-01-01T09:00"}),
        "发生时间不能晚于现在", 422)


def test_br_27_who_appraised_falsely_is_no_appraiser_any_more(book):
    who = str(book.user("appraiser_f001"))
    badge = made(book, SQL, "valid", person=who, qualification_type="appraiser")
    other = made(book, SQL, "valid", person=who, qualification_type="repair_skill")
    id_ = reported(book, "false_appraisal", staff_member=other)
    done(book.person("quality_manager").move(VIOLATION, id_, "verify", **TOLD))
    assert [book.state(SQL, one) for one in (badge, other)] == ["revoked", "valid"]


def test_br_27_what_proved_untrue_has_no_effect(book):
    badge = made(book, SQL, "valid", person=str(book.user("appraiser_f001")), qualification_type="appraiser")
    id_ = reported(book, "false_appraisal", staff_member=badge)
    done(book.person("quality_manager").move(VIOLATION, id_, "dismiss", comment="查无实据", **TOLD))
    read = book.read(VIOLATION, id_)
    assert (read.state, read.is_verified, book.state(SQL, badge)) == ("dismissed", False, "valid")


def test_a_unit_sees_its_violations_without_who_reported_them(book):
    id_ = reported(book, responsible_unit="U1", reporter_name="赵某", reporter_phone="13700009999")
    page = book.person("unit_lead").get(f"/admin/{VIOLATION}/details/?id={id_}")
    assert page.status_code == 200 and "赵某" not in page.text and "13700009999" not in page.text
    assert book.person("unit_lead2").get(f"/admin/{VIOLATION}/details/?id={id_}").status_code == 404
    assert "赵某" in book.person("customer_service").get(f"/admin/{VIOLATION}/details/?id={id_}").text


# Inspections ----------------------------------------------------------------------------------------------------------

def inspection(book, state="planned", **given):
    items = [{"item": "配件库", "weight": "50", "deduction": "5.5", "is_applicable": "true", "finding": "账实不符"},
             {"item": "人员", "weight": "16.5", "deduction": "3", "is_applicable": "true"},
             {"item": "车辆", "weight": "40", "deduction": "40", "is_applicable": "false"}]
    return made(book, INSPECTION, state, **{
        "responsible_unit": "U1", "period": "2026-11", "assessed_on": "2026-11-10", "conclusion": "良",
        "needs_rectification": "false", "assessor": str(book.user("quality_engineer")), "items": items,
        "rectification_text": "", "rectify_due_on": "", **given})


def test_an_item_that_does_not_apply_leaves_points_and_full_score(book):
    id_, engineer = inspection(book), book.person("quality_engineer")
    read = book.read(INSPECTION, id_)
    assert (read.full_score, read.score) == (Decimal("66.5"), Decimal("87.22"))   # 58 of 66.5
    refused(engineer.edit(INSPECTION, id_, **{"items-0-deduction": "50.01"}), "扣分不能超过分值", 422)
    done(engineer.edit(INSPECTION, id_, **{"items-0-deduction": "50"}))


@pytest.mark.parametrize("state", ["verified", "handled"])
def test_br_27_the_units_verified_violations_of_the_month_are_items_of_its_inspection(book, state):
    kept = made(book, VIOLATION, state, responsible_unit="U1", occurred_at="2026-11-30T23:59:59", verified_at="2026-12-02T09:00")
    for given in ({"responsible_unit": "U2"}, {"occurred_at": "2026-12-01T00:00:00"}):
        made(book, VIOLATION, state, verified_at="2026-12-02T09:00",
             **{"responsible_unit": "U1", "occurred_at": "2026-11-30T09:00", **given})
    made(book, VIOLATION, "reported", responsible_unit="U1", occurred_at="2026-11-30T09:00")
    id_, engineer = inspection(book), book.person("quality_engineer")
    refused(engineer.move(INSPECTION, id_, "score"), "违规记录须列为检查项目")
    done(engineer.edit(INSPECTION, id_, **{"items-1-conduct_violation": kept}))
    done(engineer.move(INSPECTION, id_, "score"))


def test_an_inspection_is_issued_by_another_and_followed_up_by_the_unit(book):
    id_, engineer, manager = inspection(book, needs_rectification="true"), book.person("quality_engineer"), book.person("quality_manager")
    done(engineer.move(INSPECTION, id_, "score"))
    refused(engineer.move(INSPECTION, id_, "issue"), "由质量负责人办理")
    refused(manager.move(INSPECTION, id_, "issue"), "请先填写“整改期限”")
    done(manager.move(INSPECTION, id_, "send_back", comment="补期限"))
    done(engineer.edit(INSPECTION, id_, rectify_due_on="2026-12-20"))
    done(engineer.move(INSPECTION, id_, "score"))
    done(manager.move(INSPECTION, id_, "issue"))
    read = book.read(INSPECTION, id_)
    action = book.read(ACTION, read.corrective_action)
    assert (action.responsible_unit, action.source_number, action.problem) == ("U1", read.number, "账实不符；人员")
    assert book.person("unit_lead2").get(f"/admin/{INSPECTION}/details/?id={id_}").status_code == 404
    done(book.person("unit_lead").move(INSPECTION, id_, "acknowledge"))
    assert book.clock(INSPECTION, id_, "rectify") == ("running", at("2026-12-20 23:59:59"))
    refused(engineer.move(INSPECTION, id_, "verify"), "请先填写“整改情况”")
    done(engineer.edit(INSPECTION, id_, rectification_text="已盘点"))
    done(engineer.move(INSPECTION, id_, "verify"))
    assert engineer.get(f"/admin/{INSPECTION}/edit/?id={id_}").status_code == 403
    own = inspection(book, "scored", assessor=str(book.user("quality_manager")))
    refused(manager.move(INSPECTION, own, "issue"), "不能由“检查人”本人办理")


# Quarterly summaries --------------------------------------------------------------------------------------------------

def summary(book, **changes):
    return {"dealer": book.id("dealer_ledger", dealer_code="F001"), "technician": book.user("technician"), "quarter": "2026-Q3",
            "service_content": "检修 12 次", "receivable_text": "无", "problems": "缺件", "suggestion": "备库", **changes}


def test_an_outlets_quarter_is_summed_up_once_in_all_four_sections_and_reviewed_by_another(book):
    technician, service = book.person("technician"), book.person("customer_service")
    for section in ("service_content", "receivable_text", "problems", "suggestion"):
        assert technician.post(f"/admin/{SUMMARY}/new/", summary(book, **{section: ""})).status_code == 422, section
    refused(technician.post(f"/admin/{SUMMARY}/new/", summary(book, quarter="2199-Q1")), "季度不能在将来", 422)
    id_ = technician.create(SUMMARY, summary(book))
    number = book.read(SUMMARY, id_).number
    refused(technician.post(f"/admin/{SUMMARY}/new/", summary(book)), number, 422)
    done(technician.move(SUMMARY, id_, "submit"))
    read = book.read(SUMMARY, id_)
    assert (read.due_on, read.signed_by) == (date(2026, 10, 10), book.user("technician"))
    refused(technician.move(SUMMARY, id_, "review", review_opinion="好"), "由客户服务办理")
    assert service.move(SUMMARY, id_, "review").status_code == 422
    book.grant("technician", "customer_service")
    refused(technician.move(SUMMARY, id_, "review", review_opinion="好"), "填写人本人")
    done(service.move(SUMMARY, id_, "review", review_opinion="好"))
    assert technician.get(f"/admin/{SUMMARY}/edit/?id={id_}").status_code == 403


def test_a_cancelled_summary_makes_room_for_another(book):
    technician = book.person("technician")
    id_ = technician.create(SUMMARY, summary(book))
    done(book.person("customer_service").move(SUMMARY, id_, "cancel", comment="重写"))
    technician.create(SUMMARY, summary(book))


@pytest.mark.parametrize(("day", "kept"), [("2026-10-10 23:59:59", "met"), ("2026-10-11 00:00:00", "missed")])
def test_sla_15_the_tenth_after_the_quarter_is_on_time(book, day, kept):
    id_ = book.person("technician").create(SUMMARY, summary(book))
    book.act("technician", SUMMARY, id_, "submit", now=at(day))
    assert book.clock(SUMMARY, id_, "submit")[0] == kept


def test_another_outlet_or_technician_does_not_see_it(book):
    id_ = book.person("technician").create(SUMMARY, summary(book))
    assert [book.person(name).get(f"/admin/{SUMMARY}/details/?id={id_}").status_code
            for name in ("dealer_f001", "dealer_f002", "technician2")] == [200, 404, 404]


# Rewards and penalties ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("changes", "sentence"), [
    ({"measure_type": "bonus"}, "奖金、表彰属于奖励"), ({"kind": "reward"}, "奖金、表彰属于奖励"),
    ({"amount": "0"}, "金额须大于零"), ({"measure_type": "rectification", "amount": "0"}, "限期整改须填写整改期限"),
    ({"dealer": "F002"}, "服务商")])
def test_a_notice_that_contradicts_itself_or_its_ground_is_refused(book, changes, sentence):
    ground = made(book, VIOLATION, "verified", dealer=str(book.id("dealer_ledger", dealer_code="F001")))
    code = changes.get("dealer", "F001")
    form = {"kind": "penalty", "measure_type": "fine", "conduct_violation": ground, "measure": "罚款", "amount": "500.00",
            "basis": "违规收费", "effective_on": "2026-11-20", **changes, "dealer": book.id("dealer_ledger", dealer_code=code)}
    refused(book.person("customer_service").post(f"/admin/{NOTICE}/new/", form), sentence, 422)


# The monthly analysis -------------------------------------------------------------------------------------------------

def analysis(book, state, *readers):
    receipts = [{"recipient": str(book.user(name))} for name in readers]
    return made(book, ANALYSIS, state, period="2026-10", receipts=receipts)


def test_an_analysis_is_frozen_once_issued_and_acknowledged_by_all_its_readers(book):
    id_ = analysis(book, "issued", "quality_manager", "deputy_gm")
    manager, boss = book.person("quality_manager"), book.person("deputy_gm")
    assert book.read(ANALYSIS, id_).is_frozen is True
    refused(book.person("customer_service").move(ANALYSIS, id_, "compile"), "不能重新汇编")
    assert book.person("customer_service").get(f"/admin/{ANALYSIS}/edit/?id={id_}").status_code == 403
    done(manager.move(ANALYSIS, id_, "acknowledge"))
    assert book.state(ANALYSIS, id_) == "issued"
    refused(manager.move(ANALYSIS, id_, "acknowledge"), "您已签阅")
    refused(book.person("customer_service").move(ANALYSIS, id_, "acknowledge"), "“签阅”由")
    done(boss.move(ANALYSIS, id_, "acknowledge"))
    read = book.read(ANALYSIS, id_)
    assert read.state == "acknowledged" and all(row.acknowledged_at for row in read.receipts)


def test_a_month_has_one_analysis_and_only_readers_sign_it(book):
    id_, service = analysis(book, "compiled"), book.person("customer_service")
    refused(service.edit(ANALYSIS, id_, **{"receipts-0-recipient": book.user("sales")}), "签阅人须为", 422)
    done(service.edit(ANALYSIS, id_, **{"receipts-0-recipient": book.user("general_manager")}))
    with pytest.raises(Exception, match="has this value already"):
        analysis(book, "compiled")
    book.as_it_was(ANALYSIS, id_, analysis_text=None)
    assert service.move(ANALYSIS, id_, "issue").status_code == 422
    given = {"analysis_text": "发动机", "improvement_focus": "密封", "improvement_direction": "工艺", "recipients": ["quality"]}
    book.as_it_was(ANALYSIS, id_, data_as_of=at("2026-11-06 00:30"))
    book.act("customer_service", ANALYSIS, id_, "issue", now=at("2026-11-08 23:59:59"), **given)
    assert book.clock(ANALYSIS, id_, "issue") == ("met", at("2026-11-08 23:59:59"))


# The dealers' own papers ----------------------------------------------------------------------------------------------

def test_a_quality_report_begins_with_the_appraisals_and_cards_of_its_month(book):
    month = this_month().previous()
    dealer = str(book.id("dealer_ledger", dealer_code="F001"))
    inside, before, after = f"{month.last_day}T23:59:59", f"{month.previous().last_day}T23:59:59", f"{this_month().day(1)}T00:00:00"
    appraisal = made(book, "warranty_appraisal", dealer=dealer, received_at=inside, fault_description="漏油")
    card = made(book, "complaint_tracking_card", dealer=dealer, received_at=inside, complaint_content="异响", fault_description="")
    for moment in (before, after):
        made(book, "warranty_appraisal", dealer=dealer, received_at=moment)
    book.as_it_was("warranty_appraisal", made(book, "warranty_appraisal", dealer=dealer, received_at=inside), state="void")
    made(book, "warranty_appraisal", place=valid.THERE, received_at=inside)
    station = book.person("dealer_f001")
    form = station.form(f"/admin/{QUALITY}/new/?from=dealer_ledger:{dealer}")
    assert form["period"] == str(month) and form["dealer"] == dealer
    named = [(form[f"items-{n}-warranty_appraisal"], form[f"items-{n}-complaint_tracking_card"],
              form[f"items-{n}-fault_description"], form[f"items-{n}-occurred_on"]) for n in range(2)]
    assert named == [(str(appraisal), "", "漏油", str(month.last_day)), ("", str(card), "异响", str(month.last_day))]
    assert not form.get("items-2-occurred_on")
    twice = {f"items-1-{name}": form[f"items-0-{name}"] for name in ("warranty_appraisal", "complaint_tracking_card")}
    models = {"items-0-model": "M1", "items-1-model": "M1"}
    refused(station.post(f"/admin/{QUALITY}/new/", {**form, **models, **twice}), "同一来源单据只能列一行", 422)
    report = station.create(QUALITY, {**form, **models})
    done(station.move(QUALITY, report, "submit"))


def test_a_returned_quality_report_says_something_too(book):
    report = made(book, QUALITY, "returned", items=[], is_nil_report="false")
    station = book.person("dealer_f001")
    refused(station.move(QUALITY, report, "resubmit"), "请填写质量信息明细")
    done(station.edit(QUALITY, report, is_nil_report="true"))
    done(station.move(QUALITY, report, "resubmit"))


def test_a_technician_does_not_review_a_summary_that_others_wrote_in_their_name(book):
    id_ = book.person("dealer_f001").create(SUMMARY, summary(book))
    done(book.person("dealer_f001").move(SUMMARY, id_, "submit"))
    book.grant("technician", "customer_service")
    refused(book.person("technician").move(SUMMARY, id_, "review", review_opinion="好"), "不能由“维修人员”本人办理")


def test_an_approved_notice_stands(book):
    ground = made(book, VIOLATION, "verified", dealer=str(book.id("dealer_ledger", dealer_code="F001")))
    id_ = made(book, NOTICE, "approved", dealer=str(book.id("dealer_ledger", dealer_code="F001")), kind="penalty",
               measure_type="fine", amount="500.00", conduct_violation=str(ground), dealer_grade_sheet="")
    for change in ({"amount": "5.00"}, {"basis": "别的"}, {"effective_on": "2030-01-01"}):
        refused(book.person("customer_service").edit(NOTICE, id_, **change), "批准后内容不能修改", 422)
    done(book.person("customer_service").edit(NOTICE, id_, remark="已电话告知"))


# The dealer's grade ---------------------------------------------------------------------------------------------------

def grade_sheet(book, state, **given):
    return made(book, GRADE, state, **{
        "dealer": str(book.id("dealer_ledger", dealer_code="F001")), "sheet_kind": "monthly", "period": "2026-10", **given})


def test_a_grade_is_appealed_against_once_within_five_working_days_and_lapses_after(book):
    appeal = {"appeal_text": "数据有误"}
    id_ = grade_sheet(book, "reviewed", reviewed_at="2026-11-09T09:00")        # Monday: to the end of the 16th
    with pytest.raises(Refused, match="still confirm or appeal"):
        book.act("system", GRADE, id_, "lapse", now=at("2026-11-16 23:59:59"))
    with pytest.raises(Refused, match="time for an appeal is over"):
        book.act("dealer_f001", GRADE, id_, "appeal", now=at("2026-11-17 00:00:00"), **appeal)
    book.act("dealer_f001", GRADE, id_, "appeal", now=at("2026-11-16 23:59:59"), **appeal)
    book.as_it_was(GRADE, id_, state="reviewed")
    with pytest.raises(Refused, match="appealed against once"):
        book.act("dealer_f001", GRADE, id_, "appeal", now=at("2026-11-16 23:59:59"), **appeal)
    book.act("system", GRADE, id_, "lapse", now=at("2026-11-17 00:00:00"))
    refused(book.person("customer_service").edit(GRADE, id_, review_opinion="改口"), "确认后，复核和申诉内容不能再改", 422)


def test_who_reviewed_a_grade_does_not_approve_it(book):
    id_ = grade_sheet(book, "confirmed", reviewer=str(book.user("deputy_gm")), reviewed_at="2026-11-09T09:00")
    done(book.person("customer_service").move(GRADE, id_, "submit"))
    refused(book.person("deputy_gm").move(GRADE, id_, "approve"), "不能由“")


# The month's summary --------------------------------------------------------------------------------------------------

def test_br_18_a_summary_is_submitted_for_the_whole_month_by_another_and_read_by_both(book):
    id_ = made(book, INFO, "checked", period="2026-10", data_as_of="2026-10-31T20:00:00")
    refused(book.person("quality_manager").move(INFO, id_, "submit"), "数据截止时间早于月末")
    whole = made(book, INFO, period="2026-09", data_as_of="2026-10-01T00:10:00")
    book.grant("quality_manager", "quality_engineer")
    done(book.person("quality_manager").move(INFO, whole, "check", quality_opinion="属实"))
    refused(book.person("quality_manager").move(INFO, whole, "submit"), "的办理人不能同时办理本步骤")
    done(book.person("quality_manager2").move(INFO, whole, "submit"))
    done(book.person("general_manager").move(INFO, whole, "receive"))
    refused(book.person("general_manager").move(INFO, whole, "receive"), "您已签阅")
    assert book.state(INFO, whole) == "submitted"
    done(book.person("deputy_gm").move(INFO, whole, "receive"))
    assert book.state(INFO, whole) == "received"
