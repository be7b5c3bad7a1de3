"""Spare parts for a work order: asked for, approved by somebody else, issued from stock, used or returned."""

from __future__ import annotations

import pytest

from models.people import Membership
from tests import valid
from tests.casebook import Casebook, done, refused, why_not
from tests.dispatch.paper import ORDER, PARTS, TAKEBACK, made, order, spare_parts, stock

STOCK = "parts_stock"


@pytest.fixture
def book(app):
    return Casebook(app)


def approved(book, *items, order_id=None, **changes):
    request = book.person("technician").create(PARTS, spare_parts(order_id or order(book), *items, **changes))
    done(book.person("technician").move(PARTS, request, "submit"))
    done(book.person("dispatcher").move(PARTS, request, "approve"))
    return request


def issued(book, *items, **changes):
    """All that was asked for is issued."""
    request = approved(book, *items, **changes)
    quantities = {f"items-{n}-issued_quantity": quantity for n, (_, quantity) in enumerate(items)}
    done(book.person("warehouse").edit(PARTS, request, **quantities))
    done(book.person("warehouse").move(PARTS, request, "issue"))
    return request


def on_hand(book, row):
    return book.read(STOCK, row).on_hand_quantity


def test_parts_are_asked_for_a_work_order_that_is_under_way(book):
    for state in ("closed", "cancelled"):
        form = spare_parts(order(book, state), ("P-1", "1"))
        refused(book.person("technician").post(f"/admin/{PARTS}/new/", form), "所选派工单已关闭或取消，请重选", 422)
    late = order(book)
    request = book.person("technician").create(PARTS, spare_parts(late, ("P-1", "1")))
    book.as_it_was(ORDER, late, state="closed")
    refused(book.person("technician").move(PARTS, request, "submit"), "所选派工单已关闭或取消，请重选", 422)


def test_the_slip_named_is_of_the_same_order(book):
    id_ = order(book)
    slips = [made(book, TAKEBACK, work_order=other) for other in (order(book), id_)]
    answers = [book.person("technician").post(f"/admin/{PARTS}/new/", spare_parts(id_, ("P-1", "1"), equipment_takeback=slip))
               for slip in slips]
    refused(answers[0], "所选返修单不是该派工单的，请重选", 422)
    done(answers[1])


@pytest.mark.parametrize("quantity", ["0", "-1"])
def test_a_quantity_is_more_than_zero(book, quantity):
    answer = book.person("technician").post(f"/admin/{PARTS}/new/", spare_parts(order(book), ("P-1", quantity)))
    assert answer.status_code == 422 and ("申领数量须大于零" in answer.text or "不能小于 0" in answer.text)


def test_nobody_approves_their_own_request(book):
    with book.session() as session:
        session.add(Membership(user_id=book.user("technician"), role="dispatcher"))
        session.commit()
    request = book.person("technician").create(PARTS, spare_parts(order(book), ("P-1", "1")))
    done(book.person("technician").move(PARTS, request, "submit"))
    refused(book.person("technician").move(PARTS, request, "approve"), "不能由“申领人”本人办理")
    done(book.person("dispatcher").move(PARTS, request, "approve"))


def test_what_was_asked_for_stays_and_is_sent_back_with_a_reason(book):
    request = book.person("technician").create(PARTS, spare_parts(order(book), ("P-1", "1")))
    refused(book.person("technician").edit(PARTS, request, **{"items-0-issued_quantity": "1"}),
            "实发数量由仓储在批准后填写", 422)
    done(book.person("technician").move(PARTS, request, "submit"))
    refused(book.person("dispatcher").move(PARTS, request, "send_back"), "请填写原因", 422)
    done(book.person("dispatcher").move(PARTS, request, "send_back", comment="数量过少"))
    done(book.person("technician").edit(PARTS, request, **{"items-0-quantity": "2"}))
    done(book.person("technician").move(PARTS, request, "submit"))
    done(book.person("dispatcher").move(PARTS, request, "approve"))
    for change in ({"items-0-quantity": "5"}, {"reason": "另有用途"}):
        refused(book.person("warehouse").edit(PARTS, request, **change), "已提交的申领内容不能再改", 422)
    refused(book.person("warehouse").edit(PARTS, request, **{"items-0-used_quantity": "1"}), "使用和退回数量在发料后填写", 422)


def test_no_more_is_issued_than_asked_for_and_in_stock(act):
    """Five in stock; two are asked for on one line, four on another."""
    valid.record(act.session, STOCK, part_no="P-1", store_type="company", dealer="", movements=[{
        "movement_type": "opening", "quantity": "5", "moved_at": "2026-01-05T09:00", "handler": "1"}])
    for given, is_there in ((("2", "3"), True), (("0", "3"), True), (("", "3"), False), (("2.0001", "2"), False),
                            (("2", "3.0001"), False)):
        request = valid.record(act.session, PARTS, "approved", items=[
            {"part_no": "P-1", "part_name": "备件", "quantity": asked, "issued_quantity": issued}
            for asked, issued in zip(("2", "4"), given, strict=True)])
        sentence = why_not(act, request, "issue")
        assert (sentence == "") is is_there, given
        assert is_there or ("每行须填写" if "" in given else "实发数量不能超过申领数量") in sentence


def test_parts_come_from_the_companys_store_only(book):
    own = made(book, STOCK, part_no="P-9", store_type="dealer", dealer=book.id("dealer_ledger", dealer_code="F001"))
    request = approved(book, ("P-9", "1"))
    refused(book.person("warehouse").edit(PARTS, request, **{"items-0-parts_stock": own}), "只能从公司库发料", 422)
    done(book.person("warehouse").edit(PARTS, request, **{"items-0-issued_quantity": "1"}))
    refused(book.person("warehouse").move(PARTS, request, "issue"), "也不能超过公司库的可用量")


def test_what_was_not_used_comes_back_into_stock(book):
    row, technician = stock(book, "P-1", "5"), book.person("technician")
    request = issued(book, ("P-1", "3"))
    assert on_hand(book, row) == 2
    read = book.read(PARTS, request)
    assert (read.issued_by, read.items[0].parts_stock) == (book.user("warehouse"), row) and read.issued_at
    done(technician.edit(PARTS, request, **{"items-0-used_quantity": "1", "items-0-returned_quantity": "1"}))
    refused(technician.move(PARTS, request, "consume"), "每行的使用数量与退回数量之和须等于实发数量")
    refused(technician.edit(PARTS, request, **{"items-0-issued_quantity": "2"}), "实发数量由仓储在批准后填写", 422)
    done(technician.edit(PARTS, request, **{"items-0-returned_quantity": "2", "items-0-is_old_part_returned": "true"}))
    done(technician.move(PARTS, request, "consume"))
    assert on_hand(book, row) == 4 and book.read(PARTS, request).settled_at is not None
    kinds = [(move.movement_type, move.quantity, move.source_number) for move in book.read(STOCK, row).movements]
    assert kinds[1:] == [("repair_use", -3, read.number), ("return_in", 2, read.number)]


def test_what_was_not_used_at_all_is_taken_back_by_the_warehouse(book):
    row = stock(book, "P-1", "5")
    request = issued(book, ("P-1", "3"))
    done(book.person("technician").edit(PARTS, request, **{"items-0-used_quantity": "0", "items-0-returned_quantity": "3"}))
    refused(book.person("technician").move(PARTS, request, "consume"), "没有使用任何备件的，由仓储办理全部退回")
    done(book.person("warehouse").move(PARTS, request, "return_unused"))
    assert on_hand(book, row) == 5
    other = issued(book, ("P-1", "3"))
    done(book.person("warehouse").edit(PARTS, other, **{"items-0-returned_quantity": "2"}))
    refused(book.person("warehouse").move(PARTS, other, "return_unused"), "每行的退回数量须等于实发数量")


def test_an_order_neither_closes_nor_is_cancelled_while_parts_are_out(book):
    book.set_parameter("field_records_per_visit", "0")
    id_, planned = order(book, "returned"), order(book, "appointed")
    made(book, "callback_record", "done", work_order=id_)
    requests = [made(book, PARTS, "issued", work_order=each) for each in (id_, planned)]
    dispatcher, sentence = book.person("dispatcher"), "备品备件申领单尚未核销、退回或取消"
    refused(dispatcher.move(ORDER, id_, "close"), sentence)
    refused(dispatcher.move(ORDER, planned, "cancel", comment="不去了"), sentence)
    for request, state in zip(requests, ("consumed", "returned"), strict=True):
        book.as_it_was(PARTS, request, state=state)
    done(dispatcher.move(ORDER, id_, "close"))
    done(dispatcher.move(ORDER, planned, "cancel", comment="不去了"))


def test_who_wrote_a_request_for_somebody_else_does_not_approve_it(book):
    request = made(book, PARTS, "submitted", creator="dispatcher", technician=book.user("technician"))
    refused(book.person("dispatcher").move(PARTS, request, "approve"), "不能由填写人本人办理")


def test_what_was_used_did_not_come_back(book):
    """All came back and one was used: one of the two is wrong."""
    row = {"part_no": "P-1", "part_name": "备件", "quantity": "1", "issued_quantity": "1", "used_quantity": "1",
           "returned_quantity": "1"}
    request = made(book, PARTS, "issued", technician=book.user("technician"), items=[row])
    refused(book.person("warehouse").move(PARTS, request, "return_unused"), "使用数量与退回数量之和须等于实发数量")
