"""Who was taught and who passed: what the lines of a training record must agree with, and what comes of those who passed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from rules import office
from tests import valid
from tests.casebook import Casebook, done, refused

RECORD, SQL = "training_record", "staff_qualification"
PERSON = {"person_name": "李师傅", "is_present": "true", "is_required": "true"}


@pytest.fixture
def book(app):
    return Casebook(app)


def training(book, state="held", rows=(PERSON,), **given):
    with valid.desk(book.app) as session:
        return valid.record(session, RECORD, state, **{
            "audience": "service_staff", "held_on": "2026-03-10", "assessment_method": "written", "pass_score": "60",
            "assessed_on": "2026-03-12", "attendees": list(rows), "grants_qualification": "none", "training_plan": "", **given}).id


def test_what_a_record_says_of_days_and_people_agrees(book):
    service, id_ = book.person("customer_service"), training(book)
    tomorrow = date.fromordinal(office.today().toordinal() + 1).isoformat()
    again = {f"attendees-1-{name}": value for name, value in PERSON.items()}
    for changes, sentence in (
            ({"held_on": tomorrow}, "培训日期不能晚于今天"), ({"assessed_on": "2026-03-09"}, "考核日期不能早于培训日期"),
            (again, "同一人员只能列一行"), ({"audience": "service_dealer"}, "培训须填写服务商"),
            ({"audience": "trade_dealer"}, "培训须填写服务商"), ({"audience": "user"}, "用户培训须填写顾客")):
        refused(service.edit(RECORD, id_, **changes), sentence, 422)
    done(service.edit(RECORD, id_, audience="service_dealer", **{
        "attendees-0-dealer": book.id("dealer_ledger", dealer_code="F001")}))


def test_who_passed_was_there_and_reached_the_score(book):
    service, id_ = book.person("customer_service"), training(book)
    for row, sentence in (
            ({"is_present": "false", "result": "failed"}, "未签到的人员考核结果为“缺席”"),
            ({"result": "absent"}, "已签到的人员不能为“缺席”"), ({"result": "passed"}, "成绩达到合格分数"),
            ({"result": "passed", "score": "59.99"}, "成绩达到合格分数")):
        changes = {f"attendees-0-{name}": value for name, value in {**PERSON, **row}.items()}
        if row.get("is_present") == "false":
            del changes["attendees-0-is_present"]
            changes["attendees-0-is_present"] = []
        refused(service.edit(RECORD, id_, **changes), sentence, 422)
    refused(service.move(RECORD, id_, "assess"), "每行须填写“考核结果”")
    done(service.edit(RECORD, id_, **{"attendees-0-result": "passed", "attendees-0-score": "60"}))
    done(service.move(RECORD, id_, "assess"))
    oral = training(book, assessment_method="none")
    done(service.edit(RECORD, oral, **{"attendees-0-result": "passed"}))


@pytest.mark.parametrize(("results", "rate"), [("pppppppp", "1.000000"), ("pppf", "0.750000"), ("ppfa", "0.500000"), ("", None)])
def test_the_rate_counts_who_was_required(book, results, rate):
    words = {"p": ("passed", "true"), "f": ("failed", "true"), "a": ("absent", "false")}
    rows = [{"person_name": f"甲{n}", "is_required": "true", "is_present": words[r][1], "result": words[r][0], "score": "80"}
            for n, r in enumerate(results)]
    rows.append({"person_name": "旁听", "is_required": "false", "is_present": "true", "result": "passed", "score": "80"})
    read = book.read(RECORD, training(book, rows=rows))
    assert (read.required_count, read.pass_rate) == (len(results), rate and Decimal(rate))
    assert read.period == "2026-03"


def test_a_subsidiary_teaches_its_own_staff_only(book):
    form = {"course_name": "实操", "training_content": "更换", "audience": "user", "training_type": "technical", "trainer": "王工",
            "handler": book.user("unit"), "planned_on": "2026-12-01"}
    refused(book.person("unit").post(f"/admin/{RECORD}/new/", form), "只培训本单位的售后服务人员", 422)
    refused(book.person("unit").post(f"/admin/{RECORD}/new/", {**form, "audience": "service_staff", "organiser": "U2"}),
            "只能是您本单位", 422)
    own = book.person("unit").create(RECORD, {**form, "audience": "service_staff"})
    assert book.read(RECORD, own).organiser == "U1"


def test_who_passed_is_put_forward_once_the_record_is_archived_by_another_role(book):
    rows = [{**PERSON, "result": "passed", "score": "80", "certificate_no": "Z-1"},
            {"person_name": "赵师傅", "is_present": "true", "is_required": "true", "result": "failed", "score": "30"}]
    id_ = training(book, "assessed", rows, grants_qualification="repair_skill")
    refused(book.person("customer_service").move(RECORD, id_, "archive"), "由质量负责人办理")
    refused(book.person("quality_manager").move(RECORD, id_, "send_back"), "请填写原因", 422)
    done(book.person("quality_manager").move(RECORD, id_, "archive"))
    own, = [book.read(SQL, one) for one in book.ids(SQL)]
    assert (own.state, own.person_name, own.qualification_type, own.certificate_no, own.training_record) == (
        "pending", "李师傅", "repair_skill", "Z-1", id_)
    assert (own.valid_from_on, own.valid_until_on) == (date(2026, 3, 12), date(2029, 3, 11))
    assert book.person("customer_service").get(f"/admin/{RECORD}/edit/?id={id_}").status_code == 403
    done(book.person("quality_manager").move(RECORD, training(book, "assessed", rows), "archive"))
    assert len(book.ids(SQL)) == 1, "a course that grants nothing puts nobody forward"


def test_from_training_to_a_dealer_that_works(book):
    """Plan, record, qualification and ledger: each step waits for the one before."""
    service, manager = book.person("customer_service"), book.person("quality_manager")
    dealer = service.create("dealer_ledger", {
        "name": "新站", "dealer_code": "F011", "outlet_type": "repair_station", "contact_person": "站长", "phone": "023-61111111",
        "address": "路 9 号", "province": "四川省", "established_on": "2026-10-01", "has_parts_store": "true",
        "contract_signed_on": "2026-10-02"})
    form = service.form(f"/admin/training_plan/new/?from=dealer_ledger:{dealer}")
    rows = {f"courses-{n}-{name}": value for n in range(3)
            for name, value in (("course_name", f"课{n}"), ("planned_on", "2099-01-05"))}
    plan = service.create("training_plan", {**form, **rows, "need_reason": "新建", "organiser": "CS"})
    done(service.move("training_plan", plan, "submit"))
    done(book.person("deputy_gm").move("training_plan", plan, "approve"))
    refused(service.move("dealer_ledger", dealer, "confirm_training"), "尚无考核合格的培训记录")
    attendee = {"person": str(book.user("appraiser_f001")), "person_name": "李师傅", "dealer": str(dealer), "is_present": "true",
                "is_required": "true", "result": "passed", "score": "80"}
    record = training(book, "scheduled", [attendee], training_plan=str(plan), audience="service_dealer", course_name="课0",
                      grants_qualification="appraiser", is_first_training="true")
    done(service.move(RECORD, record, "hold"))
    refused(service.move("dealer_ledger", dealer, "confirm_training"), "尚无考核合格的培训记录")
    done(service.move(RECORD, record, "assess"))
    done(manager.move(RECORD, record, "archive"))
    done(manager.move(SQL, book.ids(SQL)[0], "approve"))
    done(service.move("dealer_ledger", dealer, "confirm_training"))
    done(manager.move("dealer_ledger", dealer, "activate"))
    assert [book.state(*which) for which in (("training_plan", plan), (SQL, book.ids(SQL)[0]), ("dealer_ledger", dealer))] == [
        "executing", "valid", "active"]
