"""Appraisals: who may judge, what customer service judges, what the periods say, and claims for a recall."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.spec import Invalid
from rules import office
from tests.casebook import Casebook, done, refused
from tests.valid import HERE, THERE
from tests.warranty.paper import (
    ACCEPTED, CAMPAIGN, FILE, FIRST, REPAIRED, ROW, SHEET, VEHICLE, appraisal, badge, dealer_id, made, terms, vehicle,
)

NOT_QUALIFIED = "须选择您本人在该服务商当日有效的保修鉴定员资格"


@pytest.fixture
def book(app):
    book = Casebook(app)
    terms(book)
    return book


def drafted(book, car=None, **changes):
    return book.person("appraiser_f001").create(SHEET, appraisal(book, car or vehicle(book), **changes))


def day(offset):
    return (office.today() + timedelta(days=offset)).isoformat()


# Who may judge --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("move, changes", [
    ("appraise", {}), ("escalate", {"is_important": "true"}), ("judge_out", {"is_in_warranty": "false"})])
@pytest.mark.parametrize("since, until, is_valid", [(0, 0, True), (-9, -1, False), (1, 9, False)])
def test_br_20_a_qualification_counts_on_both_of_its_end_days(book, move, changes, since, until, is_valid):
    own = badge(book, valid_from_on=day(since), valid_until_on=day(until))
    appraiser, sheet = book.person("appraiser_f001"), drafted(book, **changes)
    answer = appraiser.move(SHEET, sheet, move, comment="自行加装", staff_qualification=own)
    done(answer) if is_valid else refused(answer, NOT_QUALIFIED)


@pytest.mark.parametrize("given", [
    {"by": "appraiser_f002"}, {"qualification_type": "repair_skill"}, {"dealer": "F002"}])
def test_br_20_it_is_the_appraisers_own_for_this_dealer(book, given):
    own = badge(book, **{**given, **({"dealer": dealer_id(book, given["dealer"])} if "dealer" in given else {})})
    sheet = drafted(book)
    book.as_it_was(SHEET, sheet, staff_qualification=own)
    refused(book.person("appraiser_f001").move(SHEET, sheet, "appraise"), NOT_QUALIFIED)


def test_br_20_an_expired_or_revoked_qualification_judges_nothing(book):
    sheet = drafted(book)
    for state in ("expired", "revoked", "pending"):
        own = badge(book)
        book.as_it_was("staff_qualification", own, state=state)
        book.as_it_was(SHEET, sheet, staff_qualification=own)
        refused(book.person("appraiser_f001").move(SHEET, sheet, "appraise"), NOT_QUALIFIED)


# What is for customer service -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("changes", [{"is_important": "true"}, {"is_hard_to_judge": "true"}, {"claim_type": "goodwill"}])
def test_br_21_important_unclear_and_goodwill_cases_wait_for_the_instruction(book, changes):
    badge(book)
    sheet, appraiser, service = drafted(book, **changes), book.person("appraiser_f001"), book.person("customer_service")
    refused(appraiser.move(SHEET, sheet, "appraise"), "上传客户服务部")
    done(appraiser.move(SHEET, sheet, "escalate"))
    answer = service.move(SHEET, sheet, "instruct")
    assert answer.status_code == 422 and "客户服务部处理措施" in answer.text
    done(service.move(SHEET, sheet, "instruct", cs_instruction="更换"))
    assert book.state(SHEET, sheet) == "appraised"


def test_a_plain_case_is_judged_by_the_appraiser(book):
    badge(book)
    appraiser = book.person("appraiser_f001")
    sheet = drafted(book)
    refused(appraiser.move(SHEET, sheet, "escalate"), "其余请直接鉴定")
    done(appraiser.move(SHEET, sheet, "appraise"))


def test_the_warranty_manual_is_needed_to_judge_a_fault_in(book):
    badge(book)
    sheet, appraiser = drafted(book, vehicle(book, model="M9")), book.person("appraiser_f001")
    answer = appraiser.move(SHEET, sheet, "appraise")
    assert answer.status_code == 422 and "质量保修手册(版本)" in answer.text
    done(appraiser.move(SHEET, sheet, "appraise", service_price_policy=terms(book, product_line="M9")))


def test_an_unclear_fault_is_not_judged_out_by_the_appraiser(book):
    badge(book)
    sheet = drafted(book, is_hard_to_judge="true", is_in_warranty="false")
    refused(book.person("appraiser_f001").move(SHEET, sheet, "judge_out", comment="自行加装"), "请上传客户服务部处理")


def test_the_reviewer_is_not_the_appraiser_and_the_times_of_the_repair_follow_each_other(book):
    appraised = made(book, SHEET, "appraised")
    early = {**REPAIRED, "repair_finished_at": "2026-10-12T08:59"}
    refused(book.person("dealer_f001").move(SHEET, appraised, "finish_repair", **early), "工单结束时间不能早于开始时间")
    sheet, service = made(book, SHEET, "submitted"), book.person("customer_service")
    book.as_it_was(SHEET, sheet, appraiser=book.user("customer_service"))
    for move, given in (("approve", {}), ("send_back", {"comment": "缺旧件"}),
                        ("reject", {"reject_reason": "other", "review_opinion": "不符"})):
        refused(service.move(SHEET, sheet, move, **given), "不能由“鉴定员”本人办理")


# What the periods say -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("received, mileage, is_in", [
    ("2026-10-12T08:30", "60000", True), ("2026-10-12T08:30", "60001", False),
    ("2029-03-15T23:59", "8000", True), ("2029-03-16T00:00", "8000", False)])
def test_the_warranty_ends_by_time_or_kilometres(book, received, mileage, is_in):
    """Delivered on 2026-03-15, so until 2029-03-15 or 60,000 km."""
    sheet = made(book, SHEET, vehicle=str(vehicle(book)), received_at=received, mileage=mileage)
    assert book.read(SHEET, sheet).is_in_warranty_computed is is_in


def test_another_judgement_than_the_periods_give_needs_its_reason(book):
    badge(book)
    appraiser, sheet = book.person("appraiser_f001"), drafted(book, is_in_warranty="false")
    refused(appraiser.move(SHEET, sheet, "judge_out"), "鉴定结论与系统判定不一致，请写明理由")
    done(appraiser.move(SHEET, sheet, "judge_out", comment="事故损坏"))


def test_in_or_out_whoever_judges_explains_a_difference(book):
    """Beyond 60,000 km: for the appraiser and for customer service alike."""
    badge(book)
    appraiser, service, beyond = book.person("appraiser_f001"), book.person("customer_service"), {"mileage": "60001"}
    sentence = "鉴定结论与系统判定不一致，请写明理由"
    plain = drafted(book, **beyond)
    refused(appraiser.move(SHEET, plain, "appraise"), sentence)
    done(appraiser.move(SHEET, plain, "appraise", comment="起步里程有误"))
    for move, is_in, car in (("instruct", "true", beyond), ("instruct_out", "false", {})):
        sheet = drafted(book, is_important="true", **car)
        done(appraiser.move(SHEET, sheet, "escalate"))
        given = {"cs_instruction": "见附件", "is_in_warranty": is_in, "warranty_basis": "见附件"}
        other = {"true": "false", "false": "true"}[is_in]
        refused(service.move(SHEET, sheet, move, comment="特批", **{**given, "is_in_warranty": other}), "属于质量保修范围")
        refused(service.move(SHEET, sheet, move, **given), sentence)
        done(service.move(SHEET, sheet, move, comment="特批", **given))


def test_br_31_without_a_first_service_the_vehicle_is_still_under_warranty(book):
    badge(book)
    late = vehicle(book)
    made(book, FIRST, "rejected", vehicle=str(late), mileage="5500", reject_reason="未按时走保")
    for car in (vehicle(book), late):
        sheet = drafted(book, car)
        assert book.read(SHEET, sheet).is_in_warranty_computed is True
        done(book.person("appraiser_f001").move(SHEET, sheet, "appraise"))


def test_br_30_a_dealer_appraises_a_vehicle_that_others_sold(book):
    badge(book)
    sheet = drafted(book, book.read(VEHICLE, vehicle(book, place=THERE)).vin)
    done(book.person("appraiser_f001").move(SHEET, sheet, "appraise"))
    assert book.read(SHEET, sheet).dealer == int(dealer_id(book))


def test_br_12_user_and_appraiser_accept_together(book):
    sheet, appraiser = made(book, SHEET, "repaired"), book.person("appraiser_f001")
    for one in ACCEPTED:
        answer = appraiser.move(SHEET, sheet, "accept", **{one: "某人"})
        assert answer.status_code == 422 and "签字" in answer.text
    refused(book.person("dealer_f001").move(SHEET, sheet, "submit"), "不能上报")
    done(appraiser.move(SHEET, sheet, "accept", **ACCEPTED))


# For a recall ---------------------------------------------------------------------------------------------------------

def test_a_recall_claim_names_the_open_recall_of_its_vehicle(book):
    badge(book)
    car, appraiser = vehicle(book), book.person("appraiser_f001")
    sheet = drafted(book, car, claim_type="recall")
    refused(appraiser.move(SHEET, sheet, "appraise"), "请先填写“召回车辆明细”")
    unclear = drafted(book, car, claim_type="recall", is_important="true", received_at="2026-10-12T08:31")
    refused(appraiser.move(SHEET, unclear, "escalate"), "请先填写“召回车辆明细”")
    recall = made(book, CAMPAIGN, "executing")
    row = made(book, ROW, vehicle=str(car), recall_campaign=str(recall), dealer=None)
    done(appraiser.edit(SHEET, sheet, cause="见召回"))
    assert book.read(SHEET, sheet).recall_vehicle == row
    done(appraiser.move(SHEET, sheet, "appraise"))
    assert book.read(ROW, row).dealer == int(dealer_id(book))
    other = made(book, ROW, vehicle=str(vehicle(book)), recall_campaign=str(recall), dealer=dealer_id(book))
    form = appraisal(book, car, recall_vehicle=other, received_at="2026-10-13T08:30")
    refused(appraiser.post(f"/admin/{SHEET}/new/", form), "只有索赔类型为召回服务时才关联召回车辆明细", 422)
    refused(appraiser.post(f"/admin/{SHEET}/new/", {**form, "claim_type": "recall"}), "所选召回明细不是本车的", 422)


def test_a_case_is_claimed_once_and_with_its_own_repair_file(book):
    car, appraiser = vehicle(book), book.person("appraiser_f001")
    sheet = drafted(book, car)
    refused(appraiser.post(f"/admin/{SHEET}/new/", appraisal(book, car)), f"已有鉴定单 {book.read(SHEET, sheet).number}", 422)
    drafted(book, car, received_at="2026-10-12T08:31")
    drafted(book, car, fault_category="brakes")
    for of, place in ((vehicle(book), HERE), (car, THERE)):
        file = made(book, FILE, "completed", vehicle=str(of), place=place)
        with pytest.raises(Invalid, match="another vehicle or dealer"):
            book.edit("customer_service", SHEET, made(book, SHEET, "escalated", vehicle=str(car)), customer_repair_file=str(file))
