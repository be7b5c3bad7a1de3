"""One repair request from the phone call to the closed work order, played by the people who do it, with the refusals on
the way."""

from __future__ import annotations

import pytest

from models.spec import Invalid
from tests.casebook import Casebook, at, done, refused
from tests.dispatch.paper import (
    CALL, CHARGE, DIAGNOSED, ORDER, PARTS, RECORD, REQUEST, TAKEBACK, charge, phone_call, policy, service_record,
    spare_parts, stock, takeback,
)


@pytest.fixture
def book(app):
    return Casebook(app)


class Story:
    """Who does what to which record."""

    def __init__(self, book):
        self.book = book

    def creates(self, username, type_name, form):
        return self.book.person(username).create(type_name, form)

    def does(self, username, type_name, id_, move, **fields):
        done(self.book.person(username).move(type_name, id_, move, **fields))

    def may_not(self, username, type_name, id_, move, sentence, status=403, **fields):
        refused(self.book.person(username).move(type_name, id_, move, **fields), sentence, status)

    def writes(self, username, type_name, id_, **fields):
        done(self.book.person(username).edit(type_name, id_, **fields))


def test_a_repair_request_from_the_call_to_the_closed_order(book):
    story = Story(book)
    request = taken_in(story)
    order = sent_out(story, request)
    at_the_customers(story, order)
    slip = taken_back(story, order)
    notice = told_the_charge(story, order)
    parts = asked_for_parts(story, order, slip)
    repaired_and_returned(story, slip, notice)
    finished(story, order, parts, notice)
    called_back_and_closed(story, order)
    states = {name: book.state(name, id_) for name, id_ in (
        (REQUEST, request), (ORDER, order), (TAKEBACK, slip), (CHARGE, notice), (PARTS, parts))}
    assert states == {REQUEST: "dispatched", ORDER: "closed", TAKEBACK: "returned", CHARGE: "charged", PARTS: "consumed"}


def taken_in(story):
    """The hotline writes the call down and looks up the warranty, which is over."""
    request = story.creates("customer_service", REQUEST, phone_call(
        story.book, warranty_status="out", warranty_expires_on="2026-06-30"))
    technician = story.book.user("technician")
    story.may_not("dispatcher", REQUEST, request, "dispatch", "不能派工", technician=technician)
    story.does("customer_service", REQUEST, request, "check_warranty")
    story.may_not("customer_service", REQUEST, request, "dispatch", "“派工”由调度员办理", technician=technician)
    story.does("dispatcher", REQUEST, request, "dispatch", technician=technician)
    return request


def sent_out(story, request):
    """The dispatcher sends the order that was written; the technician agrees a time and tells what to expect."""
    (order,) = story.book.ids(ORDER, phone_dispatch_record_id=request)
    assert story.book.person("technician2").get(f"/admin/{ORDER}/details/?id={order}").status_code == 404
    story.does("dispatcher", ORDER, order, "dispatch")
    told = {"warranty_told_at": "2026-11-20T09:30", "charge_told_at": "2026-11-20T09:30"}
    story.may_not("technician", ORDER, order, "appoint", "请填写“约定上门时间”", 422, **told)
    story.does("technician", ORDER, order, "appoint", appointment_at="2026-11-20T14:00", **told)
    return order


def at_the_customers(story, order):
    """By bus or, as it is urgent, by motorcycle taxi; with shoe covers on. The charge is not agreed, nothing is fixed."""
    story.may_not("technician", ORDER, order, "arrive", "“服务形象整理及鞋套”须为“是”",
                  transport_mode="bus", is_appearance_ready="false")
    story.does("technician", ORDER, order, "arrive", transport_mode="motorcycle_taxi", is_appearance_ready="true")
    story.may_not("technician", ORDER, order, "fix_on_site", "须先由客户在收费告知单上同意收费", **DIAGNOSED,
                  visit_outcome="fixed_on_site", solution="更换电源板")


def taken_back(story, order):
    """The equipment is listed, the customer gets one copy before it leaves, the dispatcher the other; it is promised
    for 20 November at 17:00."""
    leaving = {**DIAGNOSED, "visit_outcome": "taken_back", "takeback_description": "主机", "customer_copy_given_at": "2026-11-18T10:30"}
    story.may_not("technician", ORDER, order, "take_back", "请先填写带回设备清单", **leaving)
    slip = story.creates("technician", TAKEBACK, takeback(order))
    story.may_not("dispatcher", TAKEBACK, slip, "check_in", "当前状态为“已列清单”", taken_back_at="2026-11-18T11:00")
    story.book.act("technician", TAKEBACK, slip, "give_copy", now=at("2026-11-18 10:30"), is_inspected="true",
                   promised_at="2026-11-20T17:00")
    story.does("technician", ORDER, order, "take_back", **DIAGNOSED, visit_outcome="taken_back")
    story.may_not("dispatcher", TAKEBACK, slip, "check_in", "带回时间不能早于客户联交付时间", 422, taken_back_at="2026-11-18T10:00")
    story.does("dispatcher", TAKEBACK, slip, "check_in", taken_back_at="2026-11-18T11:00")
    read = story.book.read(ORDER, order)
    assert (read.takeback_description, read.customer_copy_given_at) == ("主机 × 1", at("2026-11-18 10:30"))
    return slip


def told_the_charge(story, order):
    """By the published standard, and not above it; the customer declines first, then accepts the lower price."""
    standard = policy(story.book)
    dear = story.creates("technician", CHARGE, charge(order, standard, ("更换电源板", "labour", "1", "150")))
    story.may_not("technician", CHARGE, dear, "tell", "单价不能高于标准")
    story.writes("technician", CHARGE, dear, **{"items-0-unit_price": "100"})
    story.does("technician", CHARGE, dear, "tell")
    story.does("technician", CHARGE, dear, "decline", decline_reason="太贵")
    notice = story.creates("technician", CHARGE, charge(order, standard, ("更换电源板", "labour", "1", "80")))
    story.does("technician", CHARGE, notice, "tell")
    return notice


def asked_for_parts(story, order, slip):
    row = stock(story.book, "P-1", "1")
    parts = story.creates("technician", PARTS, spare_parts(order, ("P-1", "1"), equipment_takeback=slip))
    story.does("technician", PARTS, parts, "submit")
    story.may_not("warehouse", PARTS, parts, "issue", "当前状态为“已申请”")
    story.may_not("technician", PARTS, parts, "approve", "“批准”由调度员办理")
    story.does("dispatcher", PARTS, parts, "approve")
    story.may_not("warehouse", PARTS, parts, "issue", "每行须填写“实发数量”")
    story.writes("warehouse", PARTS, parts, **{"items-0-issued_quantity": "1"})
    story.does("warehouse", PARTS, parts, "issue")
    assert story.book.read("parts_stock", row).on_hand_quantity == 0
    return parts


def repaired_and_returned(story, slip, notice):
    """Repaired once the charge is accepted. The promise is put off at 16:59, one minute before it ends, and kept."""
    book, repaired = story.book, {"repair_route": "spare_part", "cause": "电容击穿", "solution": "更换电源板", "test_result": "正常"}
    story.writes("technician", TAKEBACK, slip, amount="80")
    story.may_not("technician", TAKEBACK, slip, "repair", "维修收费须先由客户在收费告知单上同意", **repaired)
    story.does("technician", CHARGE, notice, "accept", signed_by="张三")
    story.does("technician", TAKEBACK, slip, "repair", **repaired)
    for told in ("2026-11-20T17:01", ""):
        with pytest.raises(Invalid):
            book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 17:02"), promised_at="2026-11-23T12:00",
                      promise_renotified_at=told, promise_reason="缺件")
    book.edit("technician", TAKEBACK, slip, now=at("2026-11-20 16:59"), promised_at="2026-11-23T12:00",
              promise_renotified_at="2026-11-20T16:59", promise_reason="缺件")
    story.may_not("technician", TAKEBACK, slip, "hand_back", "请填写“归还签收”", 422)
    book.act("technician", TAKEBACK, slip, "hand_back", now=at("2026-11-23 11:00"), signed_by="张三")
    assert book.clock(TAKEBACK, slip, "return_promise") == ("met", at("2026-11-23 12:00"))


def finished(story, order, parts, notice):
    """Charged what was accepted and no more; the user signs."""
    story.writes("technician", ORDER, order, labour_fee="100")
    story.may_not("technician", ORDER, order, "finish", "收费合计不能超过客户同意的金额", solution="更换电源板")
    story.may_not("technician", CHARGE, notice, "charge", "派工单完成或维修档案修复后方可收款", payment_method="cash")
    story.writes("technician", ORDER, order, labour_fee="80")
    story.does("technician", ORDER, order, "finish", solution="更换电源板")
    story.may_not("technician", CHARGE, notice, "charge", "有收费的不能选“免收”", payment_method="free")
    story.does("technician", CHARGE, notice, "charge", payment_method="cash")
    story.writes("technician", PARTS, parts, **{"items-0-used_quantity": "1", "items-0-is_old_part_returned": "true"})
    story.does("technician", PARTS, parts, "consume")
    story.may_not("technician", ORDER, order, "sign", "请填写“客户签字”", 422)
    story.does("technician", ORDER, order, "sign", signed_by="张三")
    story.does("dispatcher", ORDER, order, "return_copy")


def called_back_and_closed(story, order):
    """The one call is made by somebody else; the order closes with the record of the visit."""
    (call,) = story.book.ids(CALL, work_order_id=order)
    story.may_not("dispatcher", ORDER, order, "close", "本次服务的回访尚未办结")
    story.may_not("technician", CALL, call, "complete", "“完成回访”由客户服务、质量工程师办理",
                  satisfaction_level="satisfied", remark="正常")
    story.does("customer_service", CALL, call, "complete", satisfaction_level="satisfied", remark="正常")
    story.may_not("dispatcher", ORDER, order, "close", "上门服务须先提交现场服务记录")
    record = story.creates("technician", RECORD, service_record(story.book, order, product_quality_opinion=""))
    story.may_not("technician", RECORD, record, "submit", "请填写“顾客对产品质量的意见”", 422)
    story.does("technician", RECORD, record, "submit", product_quality_opinion="电源板不耐用")
    story.does("dispatcher", ORDER, order, "close")
    assert len(story.book.ids(CALL)) == 1
