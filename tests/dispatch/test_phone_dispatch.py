"""Repair requests by phone or QR code: written down, warranty looked up, and the work order written from them."""

from __future__ import annotations

from datetime import date

import pytest

from tests import valid
from tests.casebook import Casebook, at, done, refused, why_not
from tests.dispatch.paper import ORDER, REQUEST, made, order, phone_call

ASSIGNED = {"assignment_reason": "会修主机"}


@pytest.fixture
def book(app):
    return Casebook(app)


def checked(book, by="customer_service", **changes):
    request = book.person(by).create(REQUEST, phone_call(book, **changes))
    done(book.person(by).move(REQUEST, request, "check_warranty"))
    return request


def test_a_scanned_request_says_who_brought_it(book):
    form = phone_call(book, channel="qr_scan")
    refused(book.person("customer_service").post(f"/admin/{REQUEST}/new/", form), "扫码报修须填写转交人", 422)
    book.person("customer_service").create(REQUEST, {**form, "handed_over_by": "门卫老李"})


def test_a_warranty_runs_to_the_end_of_its_last_day(book):
    """Called on 20 November at 09:00."""
    for found, ends, is_right in (
            ("in", "2026-11-20", True), ("in", "2026-11-19", False), ("out", "2026-11-19", True),
            ("out", "2026-11-20", False), ("in", "", False), ("out", "", False), ("unknown", "", True)):
        form = phone_call(book, warranty_status=found, warranty_expires_on=ends)
        answer = book.person("dispatcher").post(f"/admin/{REQUEST}/new/", form)
        if is_right:
            done(answer)
        else:
            refused(answer, "保修到期日与查询结果不符" if ends else "请填写保修到期日", 422)


def test_the_vehicle_says_when_its_warranty_ends(book):
    vehicle = made(book, "vehicle", invoiced_on="2025-03-01", delivered_on="2025-03-02")
    read = book.read(REQUEST, book.person("dispatcher").create(REQUEST, phone_call(book, vehicle=vehicle)))
    assert (read.purchased_on, read.warranty_expires_on) == (date(2025, 3, 1), date(2028, 3, 2))


def test_nothing_is_dispatched_before_the_warranty_is_looked_up_and_all_is_written_down(book):
    dispatcher = book.person("dispatcher")
    request = book.person("customer_service").create(REQUEST, phone_call(book, address=""))
    sent = {"technician": book.user("technician")}
    refused(dispatcher.move(REQUEST, request, "dispatch", address="某路 1 号", **sent), "当前状态为“已登记”，不能派工")
    done(dispatcher.move(REQUEST, request, "check_warranty"))
    refused(book.person("customer_service").move(REQUEST, request, "dispatch", **sent), "“派工”由调度员办理")
    refused(dispatcher.move(REQUEST, request, "dispatch", **sent), "派工前请填写“服务地址”", 422)
    done(dispatcher.move(REQUEST, request, "dispatch", address="某路 1 号", **sent))
    read = book.read(REQUEST, request)
    assert read.state == "dispatched" and None not in (read.warranty_checked_at, read.dispatched_at)


def test_dispatching_writes_the_work_order(book):
    request = checked(book, warranty_status="in", warranty_expires_on="2027-01-01")
    done(book.person("dispatcher").move(REQUEST, request, "dispatch", technician=book.user("technician")))
    (id_,) = book.ids(ORDER)
    read = book.read(ORDER, id_)
    assert (read.state, read.source, read.phone_dispatch_record) == ("draft", "phone_dispatch", request)
    assert (read.customer, read.contact_person, read.phone, read.address) == (
        book.id("customer", name="客户A"), "张三", "13800001111", "某路 1 号")
    assert (read.fault_description, read.urgency, read.warranty_status, read.serial_no) == ("开机无反应", "urgent", "in", "SN-1")
    assert (read.technician, read.received_at, read.arrive_due_at) == (
        book.user("technician"), at("2026-11-20 09:00"), at("2026-11-21 09:00"))


def test_an_order_that_was_written_before_is_enough(book):
    request = checked(book)
    written = book.person("dispatcher").create(ORDER, {
        "source": "phone_dispatch", "phone_dispatch_record": request, "customer": book.id("customer", name="客户A"),
        "received_at": "2026-11-20T09:00", "service_mode": "walk_in", "fault_description": "开机无反应",
        "urgency": "normal", "technician": book.user("technician2")})
    done(book.person("dispatcher").move(REQUEST, request, "dispatch", technician=book.user("technician")))
    assert book.ids(ORDER) == [written]


def test_the_order_waits_for_the_warranty_too(book):
    request = book.person("dispatcher").create(REQUEST, phone_call(book))
    id_ = order(book, "draft", source="phone_dispatch", phone_dispatch_record=request, contact_person="张三",
                phone="13800001111", address="某路 1 号")
    refused(book.person("dispatcher").move(ORDER, id_, "dispatch"), "电话派工记录须先查询保修时间")
    done(book.person("dispatcher").move(REQUEST, request, "check_warranty"))
    done(book.person("dispatcher").move(ORDER, id_, "dispatch"))


def test_an_order_names_the_record_that_it_rests_on(act):
    for source, link in (("phone_dispatch", REQUEST), ("quality_info", "quality_info_transfer"),
                         ("complaint", "complaint_case"), ("dealer_report", "complaint_tracking_card")):
        assert why_not(act, valid.record(act.session, ORDER, source=source, dealer=""), "dispatch") == "请按“派工依据”关联来源单据"
        named = valid.record(act.session, link, **({} if link != REQUEST else {"warranty_status": "unknown"}))
        named.state = "dispatched" if link == REQUEST else named.state
        assert why_not(act, valid.record(act.session, ORDER, source=source, dealer="", **{link: named.id}), "dispatch") == ""
    assert why_not(act, valid.record(act.session, ORDER, source="other", dealer=""), "dispatch") == ""


def test_an_order_takes_the_fault_from_its_complaint(book):
    case = made(book, "complaint_case", received_at="2026-11-19T10:00", complaint_reason="主机冒烟", contact_person="李四")
    id_ = book.person("dispatcher").create(ORDER, {
        "source": "complaint", "complaint_case": case, "service_mode": "on_site", "urgency": "normal",
        "customer": book.id("customer", name="客户A"), "received_at": "2026-11-19T10:00",
        "fault_description": "主机冒烟", "technician": book.user("technician")})
    assert book.read(ORDER, id_).contact_person == "李四"


def test_only_before_dispatch_a_request_is_cancelled(book):
    request = checked(book)
    done(book.person("customer_service").move(REQUEST, request, "cancel", comment="已自行解决"))
    sent = checked(book)
    done(book.person("dispatcher").move(REQUEST, sent, "dispatch", technician=book.user("technician")))
    refused(book.person("dispatcher").move(REQUEST, sent, "cancel", comment="不去了"), "当前状态为“已派工”，不能取消")
