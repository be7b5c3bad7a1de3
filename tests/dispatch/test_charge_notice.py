"""What a repair out of warranty costs: told by the published standard, accepted before the repair, and never more."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused, why_not
from tests.dispatch.paper import CHARGE, ORDER, charge, made, order, policy, standard_of

JOB = ("更换电源板", "labour", "1", "100.00")


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def standard(book):
    return policy(book)


def written(book, standard, *items, **changes):
    return book.person("technician").create(CHARGE, charge(order(book), standard, *items, **changes))


def told(book, standard, *items, **changes):
    notice = written(book, standard, *items or (JOB,), **changes)
    done(book.person("technician").move(CHARGE, notice, "tell"))
    return notice


def test_a_notice_adds_up_what_each_kind_costs(book, standard):
    items = (JOB, ("L-1", "part", "2", "299.99"), ("上门费", "travel", "1.5", "30"), ("上门费", "other", "1", "0.55"))
    read = book.read(CHARGE, written(book, standard, *items))
    assert [row.amount for row in read.items] == [Decimal(x) for x in ("100.00", "599.98", "45.00", "0.55")]
    assert (read.labour_fee, read.parts_fee, read.other_fee, read.amount) == tuple(
        Decimal(x) for x in ("100.00", "599.98", "45.55", "745.53"))


def test_a_notice_belongs_to_a_work_order_or_a_repair_file_and_is_about_its_customer(book, standard):
    technician, id_ = book.person("technician"), order(book, customer=book.id("customer", name="客户B"))
    file = made(book, "customer_repair_file", technician=book.user("technician"))
    for changes in ({"work_order": ""}, {"customer_repair_file": file}):
        answer = technician.post(f"/admin/{CHARGE}/new/", charge(id_, standard, JOB, **changes))
        refused(answer, "派工单和客户维修档案须填且只填一项", 422)
    read = book.read(CHARGE, technician.create(CHARGE, charge(id_, standard, JOB)))
    assert (read.customer, read.technician) == (book.id("customer", name="客户B"), book.user("technician"))
    own = book.read(CHARGE, book.person("dealer_f001").create(CHARGE, charge("", standard, JOB, customer_repair_file=file)))
    assert (own.customer, own.dealer) == (book.id("customer", name="客户A"), book.id("dealer_ledger", dealer_code="F001"))


def test_under_warranty_nothing_is_charged(book, standard):
    notice = written(book, standard, JOB, warranty_status="in")
    refused(book.person("technician").move(CHARGE, notice, "tell"), "保修期内不向客户收费，收费合计须为零")
    done(book.person("technician").edit(CHARGE, notice, **{"items-0-unit_price": "0"}))
    done(book.person("technician").move(CHARGE, notice, "tell"))


def test_out_of_warranty_the_charge_is_itemised(book, standard):
    refused(book.person("technician").move(CHARGE, written(book, standard), "tell"), "保修期外的，请列明收费项目")


def priced(act, policy, name, kind, price):
    return valid.record(act.session, CHARGE, warranty_status="out", service_price_policy=policy.id, items=[
        {"item_name": name, "kind": kind, "quantity": "1", "unit_price": price}])


def test_only_the_standard_in_force_is_told(act):
    for state in ("draft", "in_approval", "approved", "effective", "superseded"):
        told = why_not(act, priced(act, standard_of(act.session, state), *JOB[:2], "1"), "tell")
        assert ("须选用当日有效的维修收费标准" in told) is (state != "effective"), state


def test_no_price_is_above_the_published_standard(act):
    policy = standard_of(act.session)
    for name, kind, price, is_within in (
            ("更换电源板", "labour", "100.00", True), ("更换电源板", "labour", "100.01", False),
            ("L-1", "part", "300.00", True), ("L-1", "part", "300.01", False), ("上门费", "travel", "30.00", True),
            ("上门费", "travel", "30.01", False), ("上门费", "part", "0.01", False), ("辛苦费", "other", "0.01", False),
            ("辛苦费", "other", "0", True)):
        sentence = why_not(act, priced(act, policy, name, kind, price), "tell")
        assert ("单价不能高于标准" in sentence) is not is_within, (name, kind, price)


def test_what_was_told_is_not_changed_and_what_was_declined_is_final(book, standard):
    notice, technician = told(book, standard), book.person("technician")
    refused(technician.edit(CHARGE, notice, **{"items-0-unit_price": "90"}), "已告知客户，报价不能再改", 422)
    refused(technician.move(CHARGE, notice, "accept"), "请填写“客户同意签字”", 422)
    refused(technician.move(CHARGE, notice, "decline"), "请填写“不同意原因”", 422)
    done(technician.move(CHARGE, notice, "decline", decline_reason="太贵"))
    refused(technician.move(CHARGE, notice, "accept", signed_by="张三"), "当前状态为“客户不同意”")


def test_an_accepted_notice_tells_the_order_when_the_customer_knew(book, standard):
    notice, other = told(book, standard), told(book, standard)
    read, known = book.read(CHARGE, notice), book.read(CHARGE, other).work_order
    book.as_it_was(ORDER, read.work_order, charge_told_at=None)
    before = book.read(ORDER, known).charge_told_at
    for each in (notice, other):
        done(book.person("technician").move(CHARGE, each, "accept", signed_by="张三"))
    assert book.read(ORDER, read.work_order).charge_told_at == read.told_at is not None
    assert book.read(ORDER, known).charge_told_at == before is not None


def test_a_charge_is_collected_once_the_work_is_done(book):
    technician, id_ = book.person("technician"), order(book)
    notice = book.charge_notice("accepted", "100.00", work_order=id_, technician=book.user("technician"))
    refused(technician.move(CHARGE, notice, "charge", payment_method="cash"), "派工单完成或维修档案修复后方可收款")
    book.as_it_was(ORDER, id_, state="finished", finished_at=book.read(ORDER, id_).received_at)
    refused(technician.move(CHARGE, notice, "charge", payment_method="free"), "有收费的不能选“免收”")
    done(technician.move(CHARGE, notice, "charge", payment_method="cash"))
    nothing = book.charge_notice("accepted", "0", work_order=id_, technician=book.user("technician"))
    refused(technician.move(CHARGE, nothing, "charge", payment_method="cash"), "收费合计为零的选“免收”")
    done(technician.move(CHARGE, nothing, "charge", payment_method="free"))


def test_br_08_a_repair_file_out_of_warranty_is_completed_once_the_user_agrees(book):
    """One that belongs to a work order counts what was agreed there too; under warranty the user pays nothing."""
    id_ = order(book)
    file = made(book, "customer_repair_file", work_order=id_, is_in_warranty="false", service_kind="maintenance",
                inspection_result="正常", repairs=[{"item_name": "保养", "labour_fee": "90.00"}])
    dealer, sentence = book.person("dealer_f001"), "保修期外的收费须先由用户在收费告知单上同意"
    refused(dealer.move("customer_repair_file", file, "complete"), sentence)
    book.charge_notice("accepted", "89.99", work_order=id_)
    refused(dealer.move("customer_repair_file", file, "complete"), sentence)
    book.charge_notice("accepted", "0.01", customer_repair_file=file)
    done(dealer.move("customer_repair_file", file, "complete"))
    refused(dealer.edit("customer_repair_file", file, towing_fee="1"), sentence, 422)
    covered = made(book, "customer_repair_file", is_in_warranty="true", service_kind="maintenance",
                   inspection_result="正常", repairs=[{"item_name": "保养", "labour_fee": "90.00"}])
    done(dealer.move("customer_repair_file", covered, "complete"))
