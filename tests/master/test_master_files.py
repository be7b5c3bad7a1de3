"""Master files: customers, product batches and the dealer ledger."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from models.base import Record
from models.spec import Refused
from rules import numbering, office, records
from tests import valid
from tests.casebook import Casebook, at, done, refused, told

CUSTOMER, BATCH, DEALER = "customer", "product_batch", "dealer_ledger"


@pytest.fixture
def book(app):
    """New files are numbered behind those of the small company."""
    book = Casebook(app)
    with book.session() as session:
        for name in (CUSTOMER, BATCH, DEALER):
            spec = Record.types[name]
            numbering.move_past(session, spec, list(session.scalars(sa.select(spec.model.number))))
        session.commit()
    return book


def customer(book, by="sales", **changes):
    return book.person(by).create(CUSTOMER, {
        "name": "新顾客", "customer_type": "direct_user", "contact_person": "赵六", "phone": "13700003333",
        "address": "某路 9 号", "province": "四川省", "contact_interval_days": "7", **changes})


def batch_form(**changes):
    return {"product_name": "M3", "batch_no": "B1", "produced_on": "2024-01-31", "production_unit": "U1", **changes}


def batch(book, by="quality_engineer", **changes):
    return book.person(by).create(BATCH, batch_form(**changes))


def dealer(book, **changes):
    return book.person("customer_service").create(DEALER, {
        "name": "新站", "dealer_code": "F009", "outlet_type": "repair_station", "contact_person": "站长",
        "phone": "023-61111111", "address": "路 9 号", "province": "四川省", "established_on": "2024-01-01",
        "has_parts_store": "false", **changes})


# Customers ------------------------------------------------------------------------------------------------------------

def test_a_customer_is_activated_once_its_product_is_known(book):
    id_ = customer(book)
    refused(book.person("sales").move(CUSTOMER, id_, "activate"), "请填写“产品相关信息”", 422)
    refused(book.person("quality_engineer").move(CUSTOMER, id_, "activate", product_info="M1"), "“启用”由")
    done(book.person("sales").move(CUSTOMER, id_, "activate", product_info="M1"))


def test_the_key_dates_of_a_customer_follow_its_contacts_and_surveys(book):
    id_ = customer(book)
    created = at("2026-03-05 10:00")
    book.as_it_was(CUSTOMER, id_, created_at=created)
    read = book.read(CUSTOMER, id_)
    assert (read.is_in_province, read.contact_due_at, read.survey_due_on) == (False, created + timedelta(days=7), date(2026, 12, 31))
    book.as_it_was(CUSTOMER, id_, state="active")
    with valid.desk(book.app) as session:
        valid.record(session, "satisfaction_questionnaire", "sent", customer=str(id_), sent_at="2026-04-01T09:00")
    book.as_it_was(CUSTOMER, id_, last_contacted_at=at("2026-10-01 09:00"))
    read = book.read(CUSTOMER, id_)
    assert (read.contact_due_at, read.survey_due_on) == (at("2026-10-08 09:00"), date(2027, 12, 31))
    assert book.clock(CUSTOMER, id_, "contact") == ("running", at("2026-10-08 09:00"))


@pytest.mark.parametrize("code, is_right", [
    ("91500000MA5U1A2B3C", True), ("91500000ma5u1a2b3c", False), ("91500000MA5U1A2B3", False), ("91500000MA5U1A2B3C4", False)])
def test_a_credit_code_has_eighteen_digits_or_capitals(book, code, is_right):
    if is_right:
        assert book.read(CUSTOMER, customer(book, credit_code=code)).credit_code == code
        return
    form = {"name": "甲", "customer_type": "other", "contact_person": "赵", "phone": "13700003333", "address": "路",
            "province": "四川省", "credit_code": code}
    refused(book.person("sales").post(f"/admin/{CUSTOMER}/new/", form), "统一社会信用代码须为18位数字或大写字母", 422)


def test_only_an_active_customer_is_chosen_on_a_new_record(book):
    id_ = customer(book)
    refused(book.person("technician").post("/admin/visit_report/new/", book.visit_report(customer=id_)), "当前状态不可选用", 422)
    done(book.person("sales").move(CUSTOMER, id_, "activate", product_info="M1"))
    report = book.person("technician").create("visit_report", book.visit_report(customer=id_))
    done(book.person("quality_manager").move(CUSTOMER, id_, "deactivate", comment="停产"))
    done(book.person("technician").edit("visit_report", report, conclusion="已停产"))


def test_a_customer_rests_and_comes_back(book):
    id_, manager = book.id(CUSTOMER, name="客户A"), book.person("quality_manager")
    refused(manager.move(CUSTOMER, id_, "deactivate"), "请填写原因", 422)
    done(manager.move(CUSTOMER, id_, "deactivate", comment="停产"))
    refused(book.person("customer_service").move(CUSTOMER, id_, "reactivate"), "“恢复”由")
    done(book.person("sales").move(CUSTOMER, id_, "reactivate"))


def test_a_dealer_keeps_the_files_of_the_customers_it_serves(book):
    own = customer(book, by="dealer_f001", name="站A客户")
    assert book.read(CUSTOMER, own).dealer == book.id(DEALER, dealer_code="F001")
    done(book.person("dealer_f001").move(CUSTOMER, own, "activate", product_info="M1"))
    assert book.person("dealer_f002").get(f"/admin/{CUSTOMER}/details/?id={own}").status_code == 404
    assert book.person("dealer_f001").get(f"/admin/{CUSTOMER}/details/?id={book.id(CUSTOMER, name='客户B')}").status_code == 404


def test_a_customer_is_made_nameless_only_after_its_retention(book):
    id_ = customer(book, remark="联系人爱好钓鱼", industry="物流")
    book.as_it_was(CUSTOMER, id_, state="active")
    with valid.desk(book.app) as session:
        report = valid.record(session, "visit_report", customer=str(id_)).id
    book.as_it_was(CUSTOMER, id_, state="inactive")
    with pytest.raises(Refused, match="after the retention"):
        book.act("system", CUSTOMER, id_, "anonymise")
    later = office.now() + timedelta(days=366 * 10 + 5)
    with pytest.raises(Refused, match="finish them first"):
        book.act("system", CUSTOMER, id_, "anonymise", now=later)
    book.as_it_was("visit_report", report, state="void")
    book.act("system", CUSTOMER, id_, "anonymise", now=later)
    read = book.read(CUSTOMER, id_)
    assert (read.state, read.name, read.province, read.industry) == ("anonymised", read.number, "四川省", "物流")
    assert not {"赵六", "13700003333", "某路 9 号"} & {read.contact_person, read.phone, read.address} and read.remark is None


def test_a_record_not_yet_saved_sees_the_records_it_names(act):
    card = records.blank(act, Record.types["info_flow_card"])
    card.customer_id = act.find(CUSTOMER, name="客户B")[0].id
    assert card.customer is None
    act.session.add(card)
    assert card.customer.name == "客户B"
    act.session.expunge(card)


# Product batches ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("produced, months, ends", [
    ("2024-01-31", "1", date(2024, 2, 29)), ("2023-01-31", "1", date(2023, 2, 28)), ("2024-02-29", "12", date(2025, 2, 28)),
    ("2023-11-30", "3", date(2024, 2, 29)), ("2023-12-31", "6", date(2024, 6, 30)), ("2024-01-31", "", None)])
def test_a_shelf_life_ends_on_the_same_day_or_the_last_of_the_month(book, produced, months, ends):
    assert book.read(BATCH, batch(book, produced_on=produced, shelf_life_months=months)).expires_on == ends


@pytest.mark.parametrize("changes, sentence", [
    ({"shelf_life_months": "0"}, "不能小于 1"), ({"shelf_life_months": "1201"}, "“保质期”的数值太大"),
    ({"produced_on": "2199-01-01"}, "生产日期不能晚于今天")])
def test_dates_that_cannot_be_are_refused(book, changes, sentence):
    refused(book.person("quality_engineer").post(f"/admin/{BATCH}/new/", batch_form(**changes)), sentence, 422)


def test_a_batch_number_is_unique_within_product_and_site(book):
    first = batch(book, production_site="甲厂")
    answer = book.person("unit").post(f"/admin/{BATCH}/new/", batch_form(production_site="甲厂"))
    refused(answer, f"“批号”的这个值已被 {book.read(BATCH, first).number} 使用", 422)
    batch(book, production_site="乙厂")
    batch(book, product_name="M4", production_site="甲厂")
    batch(book)
    refused(book.person("unit").post(f"/admin/{BATCH}/new/", batch_form()), "“批号”的这个值已被", 422)


def test_a_batch_that_records_refer_to_is_discontinued_not_voided(book):
    used, unused = batch(book), batch(book, batch_no="B2")
    engineer = book.person("quality_engineer")
    card = book.person("technician").create("info_flow_card", book.flow_card(product_batch=used))
    refused(engineer.move(BATCH, used, "void", comment="录错"), "已有单据用到它，不能作废；请改为停用")
    done(engineer.move(BATCH, used, "discontinue", comment="停产"))
    refused(book.person("unit").move(BATCH, used, "reactivate", comment="恢复"), "“恢复”由质量工程师办理")
    done(engineer.move(BATCH, used, "reactivate", comment="恢复"))
    done(engineer.move(BATCH, unused, "void", comment="录错"))
    done(book.person("technician").move("info_flow_card", card, "void", comment="录错"))
    done(engineer.move(BATCH, used, "void", comment="录错"))
    batch(book)


def test_a_delivery_names_the_card_from_that_customers_site_about_the_batch(book):
    id_ = batch(book)
    cards = {source: book.person("sales").create("info_flow_card", book.flow_card(product_batch=id_, source=source))
             for source in ("return", "site_visit")}
    delivery = {"deliveries-0-customer": book.id(CUSTOMER, name="客户A"), "deliveries-0-delivered_on": "2024-03-01"}
    engineer = book.person("quality_engineer")
    wrong = delivery | {"deliveries-0-info_flow_card": cards["return"]}
    refused(engineer.edit(BATCH, id_, **wrong), "请选择该顾客生产现场、本批次的信息流转卡", 422)
    other = delivery | {"deliveries-0-customer": book.id(CUSTOMER, name="客户B"), "deliveries-0-info_flow_card": cards["site_visit"]}
    refused(engineer.edit(BATCH, id_, **other), "请选择该顾客生产现场、本批次的信息流转卡", 422)
    done(engineer.edit(BATCH, id_, **delivery | {"deliveries-0-info_flow_card": cards["site_visit"]}))


# The dealer ledger ----------------------------------------------------------------------------------------------------

def trained(book, dealer_id):
    """Somebody of the dealer has passed a training."""
    with valid.desk(book.app) as session:
        valid.record(session, "training_record", "assessed", attendees=[
            {"person_name": "李师傅", "dealer": str(dealer_id), "is_present": "true", "score": "80", "result": "passed"}])


def test_a_dealer_starts_after_training_with_store_and_contract(book):
    id_, manager = dealer(book), book.person("quality_manager")
    refused(manager.move(DEALER, id_, "activate"), "当前状态为“筹建”，不能批准运营")
    refused(book.person("customer_service").move(DEALER, id_, "confirm_training"), "尚无考核合格的培训记录")
    trained(book, id_)
    done(book.person("customer_service").move(DEALER, id_, "confirm_training"))
    assert book.clock(DEALER, id_, "first_training")[0] == "missed"
    refused(manager.move(DEALER, id_, "activate"), "请填写“签约日期”", 422)
    refused(manager.move(DEALER, id_, "activate", contract_signed_on="2024-02-01"), "“已建配件库”须为“是”")
    done(book.person("customer_service").edit(DEALER, id_, has_parts_store="true", contract_ends_on="2099-12-31"))
    refused(book.person("customer_service").move(DEALER, id_, "activate", contract_signed_on="2024-02-01"), "“批准运营”由")
    done(manager.move(DEALER, id_, "activate", contract_signed_on="2024-02-01"))
    assert book.clock(DEALER, id_, "contract_renewal") == ("running", at("2099-12-31 23:59:59"))


def test_a_sales_outlet_needs_no_parts_store(book):
    id_ = dealer(book, outlet_type="sales_outlet", contract_signed_on="2024-02-01")
    trained(book, id_)
    done(book.person("customer_service").move(DEALER, id_, "confirm_training"))
    done(book.person("deputy_gm").move(DEALER, id_, "activate"))


def test_a_dealer_sees_its_own_row_and_edits_nothing(book):
    own, other = (book.id(DEALER, dealer_code=code) for code in ("F001", "F002"))
    station = book.person("dealer_f001")
    page = station.get(f"/admin/{DEALER}/").text
    assert "F001 服务站" in page and "F002 服务站" not in page
    assert station.get(f"/admin/{DEALER}/details/?id={own}").status_code == 200
    assert station.get(f"/admin/{DEALER}/details/?id={other}").status_code == 404
    assert station.get(f"/admin/{DEALER}/edit/?id={own}").status_code == 403
    answer = station.post(f"/admin/{DEALER}/edit/?id={own}", {"revision": book.read(DEALER, own).revision, "name": "我的站"})
    assert answer.status_code == 403 and book.read(DEALER, own).name == "F001 服务站"
    assert station.get(f"/admin/{DEALER}/new/").status_code == 403


def test_the_code_of_a_withdrawn_dealer_is_not_used_again(book):
    id_ = book.id(DEALER, dealer_code="F003")
    refused(book.person("quality_manager").move(DEALER, id_, "withdraw", comment="停业"), "“退出”由主管副总办理")
    done(book.person("deputy_gm").move(DEALER, id_, "withdraw", comment="停业"))
    assert book.read(DEALER, id_).withdrawn_on is not None
    form = {"name": "再来", "dealer_code": "F003", "outlet_type": "sales_outlet", "contact_person": "甲", "phone": "023-61111111",
            "address": "路", "province": "四川省", "established_on": "2024-01-01"}
    refused(book.person("customer_service").post(f"/admin/{DEALER}/new/", form), "“服务商代码”的这个值已被 SPL-0003 使用", 422)


def test_a_dealer_is_put_under_rectification_with_a_reason_and_restored(book):
    id_, manager = book.id(DEALER, dealer_code="F002"), book.person("quality_manager")
    refused(manager.move(DEALER, id_, "rectify"), "请填写原因", 422)
    done(manager.move(DEALER, id_, "rectify", comment="配件库不达标"))
    done(manager.move(DEALER, id_, "restore", comment="已整改"))
    done(book.person("deputy_gm").move(DEALER, id_, "suspend", comment="欠款"))
    refused(book.person("deputy_gm").move(DEALER, id_, "restore", comment="已还款"), "“恢复运营”由质量负责人办理")


def test_a_grade_is_never_typed(book):
    answer = book.person("customer_service").edit(DEALER, book.id(DEALER, dealer_code="F001"), current_grade="a")
    assert book.read(DEALER, book.id(DEALER, dealer_code="F001")).current_grade is None, told(answer)
