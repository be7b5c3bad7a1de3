"""Controlled documents between three people, price standards in force one after the other, and qualifications."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from jobs import expiry
from models.base import Record
from models.spec import Invalid, Refused
from rules import access, numbering, office
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, at, done, refused

DOCUMENT, POLICY, SQL = "controlled_document", "service_price_policy", "staff_qualification"


@pytest.fixture
def book(app):
    return Casebook(app)


def made(book, type_name, state=None, **given):
    with valid.desk(book.app) as session:
        return valid.record(session, type_name, state, **given).id


# Controlled documents -------------------------------------------------------------------------------------------------

def document(book, version="A/0", state="draft", **given):
    return made(book, DOCUMENT, state, creator="quality_engineer", also=("document_file",), **{
        "document_no": "SPS-QM-P-01-04", "document_name": "服务管理制度", "version": version, "form_of": "",
        "distributions": [], "drafted_by": str(book.user("quality_engineer")), **given})


def issued(book, id_):
    engineer = book.person("quality_engineer")
    done(engineer.move(DOCUMENT, id_, "submit"))
    done(book.person("quality_manager").move(DOCUMENT, id_, "approve"))
    done(book.person("management_representative").move(DOCUMENT, id_, "approve"))
    done(engineer.edit(DOCUMENT, id_, effective_on=office.today().isoformat(), **{"distributions-0-recipient_unit": "U1"}))
    done(engineer.move(DOCUMENT, id_, "issue"))


def test_a_document_is_drafted_reviewed_and_approved_by_three_people(book):
    id_, engineer = document(book), book.person("quality_engineer")
    done(engineer.move(DOCUMENT, id_, "submit"))
    refused(book.person("management_representative").move(DOCUMENT, id_, "approve"), "正等待质量负责人签署")
    book.grant("quality_manager", "management_representative")
    reviewer = book.person("quality_manager")
    done(reviewer.move(DOCUMENT, id_, "approve"))
    assert book.state(DOCUMENT, id_) == "in_approval"
    refused(reviewer.move(DOCUMENT, id_, "approve"), "同一人在一轮中只能签署一次")
    done(book.person("management_representative").move(DOCUMENT, id_, "approve"))
    read = book.read(DOCUMENT, id_)
    assert [read.drafted_by, read.reviewed_by, read.approved_by] == [
        book.user(name) for name in ("quality_engineer", "quality_manager", "management_representative")]


def test_who_is_named_as_the_drafter_does_not_sign(book):
    id_ = document(book, drafted_by=str(book.user("quality_manager")))
    done(book.person("quality_engineer").move(DOCUMENT, id_, "submit"))
    refused(book.person("quality_manager").move(DOCUMENT, id_, "approve"), "不能由“编制”本人办理")
    done(book.person("quality_manager2").move(DOCUMENT, id_, "approve"))


def test_a_new_version_makes_the_old_one_obsolete_the_same_day_and_neither_is_edited(book):
    old, new = document(book), document(book, "A/1")
    issued(book, old)
    done(book.person("quality_engineer").edit(DOCUMENT, new, replaces=old))
    issued(book, new)
    assert [book.state(DOCUMENT, id_) for id_ in (old, new)] == ["obsolete", "effective"]
    assert book.read(DOCUMENT, old).obsoleted_on == book.read(DOCUMENT, new).issued_on == office.today()
    for id_ in (old, new):
        assert book.person("quality_engineer").get(f"/admin/{DOCUMENT}/edit/?id={id_}").status_code == 403


def test_a_number_and_version_are_registered_once_and_nothing_replaces_itself(book):
    first, engineer = document(book), book.person("quality_engineer")
    form = {"document_no": "SPS-QM-P-01-04", "document_name": "另一个", "document_level": "procedure", "version": "A/0",
            "drafted_by": book.user("quality_engineer"), "is_controlled": "true"}
    refused(engineer.post(f"/admin/{DOCUMENT}/new/", form), book.read(DOCUMENT, first).number, 422)
    refused(engineer.edit(DOCUMENT, first, replaces=first), "不能替代自己", 422)
    refused(engineer.edit(DOCUMENT, first, form_of="no_such_type"), "没有这个记录类型", 422)


def test_what_is_approved_changes_no_more(book):
    id_, engineer = document(book, state="approved"), book.person("quality_engineer")
    for change in ({"document_name": "另一个"}, {"drafted_by": book.user("sales")}, {"page_count": "9"}):
        refused(engineer.edit(DOCUMENT, id_, **change), "已批准，内容不能再改", 422)
    done(engineer.edit(DOCUMENT, id_, effective_on="2026-12-01"))
    assert "发布前请填写“发放记录”" in engineer.move(DOCUMENT, id_, "issue").text


def test_a_printout_says_that_it_is_not_controlled_and_names_the_form_of_its_day(book):
    today = office.today()
    for version, state, begins, ends in (("A/0", "obsolete", 900, 400), ("A/1", "effective", 400, None)):
        document(book, version, state, form_of="visit_plan", document_no="QR-07",
                 effective_on=(today - timedelta(days=begins)).isoformat(),
                 obsoleted_on="" if ends is None else (today - timedelta(days=ends)).isoformat())
    plan = book.person("sales").create("visit_plan", book.visit_plan())
    for age, shown in ((0, "QR-07 A/1"), (400, "QR-07 A/1"), (401, "QR-07 A/0"), (901, None)):
        book.as_it_was("visit_plan", plan, created_at=office.now() - timedelta(days=age))
        page = book.person("sales").get(f"/admin/visit_plan/details/?id={plan}").text
        assert "打印件非受控" in page and ("QR-07" in page) == bool(shown) and (shown or "") in page, age


# The price standard ---------------------------------------------------------------------------------------------------

def policy(book, version, begins, state="draft", **given):
    return made(book, POLICY, state, creator="customer_service", **{
        "product_line": "M1", "version": version, "effective_from_on": begins, "warranty_months": "36",
        "warranty_mileage": "60000", "exchange_months": "24", "exchange_mileage": "50000", "low_value_ratio": "0.6",
        "charges": [{"item_code": "A1", "item_name": "换油", "labour_hours": "1.5", "labour_rate": "80.01",
                     "is_warranty_covered": "false"}], "maintenance_items": [], **given})


def the_clock(book, day):
    with book.session() as session:
        return expiry.make_due_moves(Act(session, access.Actor.system(), now=at(f"{day} 00:05")))


def test_one_version_is_in_force_on_every_day_however_late_the_clock_is(book):
    first, other = policy(book, "1", "2026-01-01", "effective"), policy(book, "1", "2026-01-01", "effective", product_line="M2")
    third, second = policy(book, "3", "2026-06-01", "approved"), policy(book, "2", "2026-04-01", "approved")
    assert the_clock(book, "2026-03-31") == 0
    assert the_clock(book, "2026-07-15") == 2
    read = [book.read(POLICY, id_) for id_ in (first, second, third, other)]
    assert [(one.state, one.effective_until_on) for one in read] == [
        ("superseded", date(2026, 3, 31)), ("superseded", date(2026, 5, 31)), ("effective", None), ("effective", None)]
    assert the_clock(book, "2026-07-15") == 0


def test_no_person_puts_a_version_in_force(book):
    id_ = policy(book, "1", "2026-01-01", "approved")
    for name in ("customer_service", "deputy_gm"):
        refused(book.person(name).move(POLICY, id_, "take_effect"), "由系统办理")


def test_a_version_is_approved_by_the_deputy_gm_before_its_day(book):
    id_, service = policy(book, "1", "2026-03-01"), book.person("customer_service")
    book.act("customer_service", POLICY, id_, "submit", now=at("2026-02-20 09:00"))
    refused(service.move(POLICY, id_, "approve"), "正等待主管副总签署")
    with pytest.raises(Invalid, match="before it is approved"):
        book.act("deputy_gm", POLICY, id_, "approve", now=at("2026-03-02 00:00"))
    book.act("deputy_gm", POLICY, id_, "approve", now=at("2026-03-01 23:59"))
    assert service.get(f"/admin/{POLICY}/edit/?id={id_}").status_code == 403
    again = policy(book, "1b", "2026-03-01")
    with pytest.raises(Invalid, match="begins on this day"):
        book.act("customer_service", POLICY, again, "submit", now=at("2026-02-20 09:00"))


@pytest.mark.parametrize(("name", "least"), [
    ("warranty_months", 36), ("warranty_mileage", 60000), ("exchange_months", 24), ("exchange_mileage", 50000)])
def test_br_31_nothing_less_than_national_law_is_promised(book, name, least):
    id_, service = policy(book, "1", "2099-01-01"), book.person("customer_service")
    refused(service.edit(POLICY, id_, **{name: str(least - 1)}), f"不能低于国家规定的 {least}", 422)
    done(service.edit(POLICY, id_, **{name: str(least)}))


def test_a_standard_lists_each_item_once_and_computes_its_fee(book):
    id_, service = policy(book, "1", "2099-01-01"), book.person("customer_service")
    assert str(book.read(POLICY, id_).charges[0].labour_fee) == "120.02"
    again = {"charges-1-item_code": "A1", "charges-1-item_name": "再换油", "charges-1-is_warranty_covered": "false"}
    refused(service.edit(POLICY, id_, **again), "项目代码不能重复", 422)
    rows = {"maintenance_items-0-item_name": "首保", "maintenance_items-0-is_mandatory": "true",
            "maintenance_items-0-mileage_from": "3000", "maintenance_items-0-mileage_until": "2999"}
    refused(service.edit(POLICY, id_, **rows), "里程止不能小于里程起", 422)
    done(service.edit(POLICY, id_, **{**rows, "maintenance_items-0-mileage_until": "3000"}))


# Qualifications -------------------------------------------------------------------------------------------------------

def pending(book, kind="appraiser", **given):
    return made(book, SQL, "pending", **{
        "qualification_type": kind, "person": str(book.user("appraiser_f001")), "person_name": "孙七",
        "valid_from_on": "2026-01-01", "valid_until_on": "2028-12-31", "training_record": "", "competence_assessment": "",
        **given})


def trained(book, result, who="appraiser_f001", state="assessed"):
    row = {"person": str(book.user(who)), "person_name": "孙七", "is_present": "true", "score": "80", "result": result}
    if result == "failed":
        row["score"] = "59"
    return str(made(book, "training_record", state, pass_score="60", assessment_method="written", attendees=[row]))


def test_br_20_an_appraiser_has_passed_a_training_or_was_appointed(book):
    manager = book.person("quality_manager")
    for training in ("", trained(book, "failed"), trained(book, "passed", "appraiser_f002"), trained(book, "passed", state="held")):
        refused(manager.move(SQL, pending(book, training_record=training), "approve"), "须关联本人考核合格的培训记录")
    refused(manager.move(SQL, pending(book, person=""), "approve"), "请先填写“系统用户”")
    done(manager.move(SQL, pending(book, training_record=trained(book, "passed")), "approve"))


@pytest.mark.parametrize(("state", "decision", "who", "is_fit"), [
    ("decided", "appoint", "appraiser_f001", True), ("opinion_given", "appoint", "appraiser_f001", False),
    ("decided", "train_first", "appraiser_f001", False), ("decided", "appoint", "appraiser_f002", False)])
def test_br_20_an_assessment_appoints_whom_it_names(book, state, decision, who, is_fit):
    sheet = made(book, "competence_assessment", state, person=str(book.user(who)), assessment_result="competent",
                 appointment_opinion="appoint", decision=decision, assessor=str(book.user("evaluator")))
    answer = book.person("quality_manager").move(SQL, pending(book, competence_assessment=str(sheet)), "approve")
    if is_fit:
        done(answer)
    else:
        refused(answer, "或决定任用的能力评价")


def test_nobody_approves_their_own_qualification_nor_a_second_valid_one(book):
    manager = book.person("quality_manager")
    refused(manager.move(SQL, pending(book, "repair_skill", person=str(book.user("quality_manager"))), "approve"), "本人办理")
    done(manager.move(SQL, pending(book, "repair_skill"), "approve"))
    again = pending(book, "repair_skill")
    refused(manager.move(SQL, again, "approve"), "已有同类有效资格")
    done(manager.move(SQL, pending(book, "post_certificate"), "approve"))
    refused(manager.edit(SQL, again, valid_until_on="2025-12-31"), "", 403)
    refused(book.person("customer_service").edit(SQL, again, valid_until_on="2025-12-31"), "不能早于有效期起", 422)


def test_a_revoked_qualification_is_final_and_an_expired_one_is_renewed_and_approved_anew(book):
    manager, service = book.person("quality_manager"), book.person("customer_service")
    gone = made(book, SQL, "valid", qualification_type="repair_skill")
    refused(manager.move(SQL, gone, "revoke"), "请填写原因", 422)
    done(manager.move(SQL, gone, "revoke", comment="虚假"))
    refused(service.move(SQL, gone, "renew"), "不能续期")
    old = made(book, SQL, "expired", qualification_type="post_certificate", valid_until_on="2025-12-31")
    done(service.edit(SQL, old, valid_until_on="2028-12-31"))
    done(service.move(SQL, old, "renew"))
    refused(service.move(SQL, old, "approve"), "由质量负责人办理")
    done(manager.move(SQL, old, "approve"))


def test_the_system_too_waits_for_the_day(book):
    early = policy(book, "1", "2026-06-01", "approved")
    with pytest.raises(Refused, match="not reached"):
        book.act("system", POLICY, early, "take_effect", now=at("2026-05-31 23:59:59"))
    held = policy(book, "0", "2026-01-01", "effective")
    with pytest.raises(Refused, match="No later version"):
        book.act("system", POLICY, held, "supersede", now=at("2026-05-31 23:59:59"))
    own = made(book, SQL, "valid", valid_from_on="2026-01-01", valid_until_on="2026-05-31")
    with pytest.raises(Refused, match="within its validity"):
        book.act("system", SQL, own, "expire", now=at("2026-05-31 23:59:59"))
    book.act("system", SQL, own, "expire", now=at("2026-06-01 00:00:00"))


# Vehicles and customers -----------------------------------------------------------------------------------------------

def test_a_vehicle_has_a_true_vin_one_first_owner_and_replaces_another(book):
    sales = book.person("sales")
    for vin in ("LSVAA4182E200000", "LSVAA4182E20000011", "LSVAA4182E2O00001", "lsvaa4182e2000001"):
        refused(sales.post("/admin/vehicle/new/", {"vin": vin, "model": "M1"}), "VIN 须为17位", 422)
    id_ = sales.create("vehicle", {"vin": "LSVAA4182E2000001", "model": "M1"})
    refused(sales.edit("vehicle", id_, replaced_vehicle=id_), "被换原车不能是本车", 422)
    owner = {"owners-0-customer": book.id("customer", name="客户A"), "owners-0-owned_from_on": "2026-01-01"}
    refused(sales.edit("vehicle", id_, **owner), "首任车主须有且只有一行", 422)
    first = {**owner, "owners-0-is_first_owner": "true"}
    refused(sales.edit("vehicle", id_, **{**first, "owners-0-owned_until_on": "2025-12-31"}), "终止日期不能早于起始日期", 422)
    done(sales.edit("vehicle", id_, **first))


def test_a_second_file_of_the_same_customer_needs_its_reason(book):
    sales = book.person("sales")
    form = {"name": "新顾客", "customer_type": "direct_user", "contact_person": "赵六", "phone": "13700003333",
            "address": "某路 9 号", "province": "四川省", "product_info": "M1", "contact_interval_days": "7"}
    with book.session() as session:
        for name in ("customer",):
            numbering.move_past(session, Record.types[name], list(session.scalars(sa.select(Record.types[name].model.number))))
        session.commit()
    first, twin, elsewhere = (sales.create("customer", {**form, **changes}) for changes in ({}, {}, {"address": "别处"}))
    done(sales.move("customer", first, "activate"))
    done(sales.move("customer", elsewhere, "activate"))
    refused(sales.move("customer", twin, "activate"), "已有同名同址的顾客档案")
    done(sales.move("customer", twin, "activate", comment="同名的另一家公司"))


def test_br_28_a_vehicle_comes_back_and_leaves_again_only_through_the_storekeepers_register(book):
    with valid.desk(book.app) as session:
        entry = valid.record(session, "returned_vehicle_register", "received")
        register, id_ = entry.id, entry.vehicle_id
    warehouse = book.person("warehouse")
    book.as_it_was("returned_vehicle_register", register, state="void")
    book.as_it_was("vehicle", id_, state="delivered")
    refused(warehouse.move("vehicle", id_, "take_back"), "先由成车保管员在退换车辆登记中登记本车")
    for state in ("received", "stored", "reinspected"):
        book.as_it_was("returned_vehicle_register", register, state=state)
        book.as_it_was("vehicle", id_, state="returned")
        refused(warehouse.move("vehicle", id_, "restock", comment="入库"), "退换车辆登记尚未办结")
    book.as_it_was("vehicle", id_, state="delivered")
    done(warehouse.move("vehicle", id_, "take_back"))
    book.as_it_was("returned_vehicle_register", register, state="resold")
    done(warehouse.move("vehicle", id_, "restock", comment="入库"))
    assert book.read("vehicle", id_).is_return_resale is True


def test_a_vehicle_is_not_delivered_while_its_return_or_a_recall_is_open(book):
    with valid.desk(book.app) as session:
        list_ = valid.record(session, "delivery_document_checklist", "signed", picked_up_on="2026-06-02")
        id_, customer, day = list_.vehicle_id, list_.customer_id, list_.picked_up_on
        recall = valid.record(session, "recall_vehicle", vehicle=str(id_)).id
        register = valid.record(session, "returned_vehicle_register", "stored").id
    book.as_it_was("vehicle", id_, state="in_stock", customer=customer, delivered_on=day)
    book.as_it_was("returned_vehicle_register", register, vehicle=id_)
    warehouse = book.person("warehouse")
    refused(warehouse.move("vehicle", id_, "deliver"), "退换车辆登记尚未办结")
    book.as_it_was("returned_vehicle_register", register, state="resold")
    refused(warehouse.move("vehicle", id_, "deliver"), "本车召回尚未完成")
    book.as_it_was("recall_vehicle", recall, state="void")
    done(warehouse.move("vehicle", id_, "deliver"))
