"""A warranty case from the dealer's workshop to the money: appraised, helped, repaired, accepted, settled and paid."""

from __future__ import annotations

import pytest

from rules import office
from tests import valid
from tests.casebook import Casebook, done, refused
from tests.warranty.paper import (
    ACCEPTED, FILE, HELP, ORDER, REPAIRED, SETTLEMENT, SHEET, appraisal, badge, compiled, dealer_id, gives_role, made,
    photo, repair, terms, vehicle,
)


@pytest.fixture
def book(app):
    return Casebook(app)


def test_a_warranty_case(book):
    car, policy = vehicle(book), terms(book)
    sheet = unclear_fault(book, car)
    help_ = help_is_asked_for(book, sheet, car)
    help_is_given(book, sheet, help_)
    assert book.read(SHEET, sheet).service_price_policy == policy
    part_is_ordered(book, sheet)
    file = repaired_and_accepted(book, sheet, car)
    reviewed(book, sheet, file)
    paid(book, sheet)


def unclear_fault(book, car):
    """An appraiser whose qualification is over judges nothing; an unclear fault goes to customer service."""
    appraiser = book.person("appraiser_f001")
    yesterday = (office.today() - office.DAY).isoformat()
    over = badge(book, valid_until_on=yesterday)
    sheet = appraiser.create(SHEET, appraisal(book, car, is_hard_to_judge="true"))
    answer = appraiser.move(SHEET, sheet, "escalate")
    assert answer.status_code == 422 and "鉴定员任职资格" in answer.text, "none was filled in"
    refused(appraiser.move(SHEET, sheet, "escalate", staff_qualification=over), "须选择您本人在该服务商当日有效的保修鉴定员资格")
    badge(book)
    done(appraiser.edit(SHEET, sheet, cause="待查"))
    refused(appraiser.move(SHEET, sheet, "appraise"), "重要质量问题或难以判断的，请上传客户服务部处理")
    done(appraiser.move(SHEET, sheet, "escalate"))
    refused(appraiser.move(SHEET, sheet, "finish_repair", **REPAIRED), "不能维修完毕")
    return sheet


def help_is_asked_for(book, sheet, car):
    dealer = book.person("dealer_f001")
    asked = dealer.create(HELP, {
        "warranty_appraisal": sheet, "vehicle": car, "request_type": "hard_to_judge", "fault_category": "engine",
        "fault_description": "冷却液渗漏", "checks_done": "压力测试", "request_text": "请判断是否更换缸体"})
    refused(dealer.move(HELP, asked, "submit"), "须上传至少一张照片或一段视频")
    photo(book, HELP, asked)
    done(dealer.move(HELP, asked, "submit"))
    return asked


def help_is_given(book, sheet, asked):
    service = book.person("customer_service")
    refused(book.person("dealer_f001").move(HELP, asked, "reply", reply_text="自己答"), "“答复”由")
    done(service.move(HELP, asked, "reply", reply_text="更换缸垫即可"))
    assert book.read(SHEET, sheet).cs_instruction == "更换缸垫即可"
    refused(book.person("appraiser_f001").move(SHEET, sheet, "instruct"), "“给出处理措施”由")
    done(service.move(SHEET, sheet, "instruct"))
    done(book.person("dealer_f001").move(HELP, asked, "resolve", result="已修复"))


def part_is_ordered(book, sheet):
    dealer = book.person("dealer_f001")
    order = dealer.create(ORDER, {name: value for name, value in book.urgent_order().items() if name != FILE} | {
        "warranty_appraisal": sheet})
    done(dealer.move(ORDER, order, "submit"))
    refused(dealer.move(ORDER, order, "receive"), "不能收货")
    done(book.person("customer_service").move(ORDER, order, "accept", transport_mode="air", freight_payer="company"))
    with valid.desk(book.app) as session:
        notice = valid.record(session, "parts_shipping_notice", "shipped", dealer=dealer_id(book))
        valid.record(session, "parts_shipping_detail", "shipped", parts_shipping_notice=str(notice.id), parts=[{
            "line_no": "1", "part_no": "P-1", "part_name": "气缸垫", "unit_of_measure": "件", "quantity": "2",
            "source_type": ORDER, ORDER: str(order)}])
    done(book.person("warehouse").move(ORDER, order, "ship"))
    done(dealer.move(ORDER, order, "receive"))


def repaired_and_accepted(book, sheet, car):
    """User and appraiser accept together; the file needs no second signature of the appraiser."""
    dealer, appraiser = book.person("dealer_f001"), book.person("appraiser_f001")
    file = dealer.create(FILE, repair(book, car))
    done(dealer.move(FILE, file, "complete"))
    signed = {"signed_by": "王某某", "dealer_signed_by": "站长", "handed_over_at": f"{office.today()}T23:59"}
    done(dealer.edit(SHEET, sheet, customer_repair_file=file))
    done(dealer.move(SHEET, sheet, "finish_repair", **REPAIRED))
    refused(dealer.move(FILE, file, "sign", **signed), "鉴定员验收签字")
    answer = appraiser.move(SHEET, sheet, "accept", signed_by="王某某")
    assert answer.status_code == 422 and "鉴定员验收签字" in answer.text
    refused(dealer.move(SHEET, sheet, "accept", **ACCEPTED), "“共同验收”由保修鉴定员办理")
    done(appraiser.move(SHEET, sheet, "accept", **ACCEPTED))
    done(dealer.move(FILE, file, "sign", **signed))
    done(dealer.move(FILE, file, "archive"))
    return file


def reviewed(book, sheet, file):
    dealer = book.person("dealer_f001")
    refused(dealer.move(SHEET, sheet, "submit"), "请先填写“工时”；或请先填写“配件”")
    done(dealer.edit(SHEET, sheet, **{
        "labours-0-labour_name": "换缸垫", "labours-0-labour_hours": "2.5", "labours-0-labour_rate": "80.00",
        "parts-0-part_no": "P-1", "parts-0-part_name": "气缸垫", "parts-0-quantity": "2", "parts-0-unit_price": "45.50"}))
    done(dealer.move(SHEET, sheet, "submit"))
    gives_role(book, "appraiser_f001", "customer_service")
    refused(book.person("appraiser_f001").move(SHEET, sheet, "approve"), "不能由“鉴定员”本人办理")
    done(book.person("customer_service").move(SHEET, sheet, "approve"))
    read = book.read(SHEET, sheet)
    assert (read.state, f"{read.amount}", read.customer_repair_file) == ("approved", "291.00", file)


def paid(book, sheet):
    """Finance and the deputy general manager are two people, and neither of them checked it."""
    service, finance = book.person("customer_service"), book.person("finance")
    made(book, "dealer_grade_sheet", "published", period="2026-09", dealer=dealer_id(book), indicators=[
        {"indicator": "report_timeliness", "weight": "10", "numerator": "1", "denominator": "1"}])
    run = compiled(book, f"{office.today():%Y-%m}", "F001")
    (settlement,) = run.ids
    assert [run.records[0]["fields"][name] for name in ("gross_amount", "coefficient", "amount")] == ["291.00", "1.05", "305.55"]
    refused(finance.move(SETTLEMENT, settlement, "check"), "“核对报批”由客户服务办理")
    done(service.move(SETTLEMENT, settlement, "check"))
    gives_role(book, "customer_service", "finance")
    gives_role(book, "finance", "deputy_gm")
    refused(service.move(SETTLEMENT, settlement, "approve"), "不能签署自己填写、提交或最后修改的记录")
    refused(book.person("deputy_gm").move(SETTLEMENT, settlement, "approve"), "正等待财务签署")
    done(finance.move(SETTLEMENT, settlement, "approve"))
    refused(finance.move(SETTLEMENT, settlement, "approve"), "同一人在一轮中只能签署一次")
    refused(finance.move(SETTLEMENT, settlement, "pay", invoice_no="1", invoiced_on="2026-11-20"), "不能付款")
    done(book.person("deputy_gm").move(SETTLEMENT, settlement, "approve"))
    answer = finance.move(SETTLEMENT, settlement, "pay")
    assert answer.status_code == 422 and "发票号" in answer.text
    assert book.state(SHEET, sheet) == "approved"
    done(finance.move(SETTLEMENT, settlement, "pay", invoice_no="0123", invoiced_on=office.today().isoformat()))
    read = book.read(SHEET, sheet)
    assert (read.state, read.warranty_settlement) == ("settled", settlement)
    refused(service.move(SETTLEMENT, settlement, "void", comment="重做"), "不能作废")
