"""Deliveries: service parts on time and in full, and a vehicle with its five documents."""

from __future__ import annotations

from datetime import date

import pytest

from tests import valid
from tests.casebook import Casebook, at, done, refused, why_not
from tests.disposition.paper import made

DELIVERY, CHECKLIST, VEHICLE = "service_parts_delivery", "delivery_document_checklist", "vehicle"
FIVE = ("has_warranty_manual", "has_dealer_directory", "has_user_manual", "has_engine_manual", "has_accessory_list")
BROUGHT = {"parts-0-delivered_quantity": "2", "parts-1-delivered_quantity": "5"}


@pytest.fixture
def book(app):
    return Casebook(app)


# Service parts --------------------------------------------------------------------------------------------------------

def delivery_form(book, **changes):
    return {"customer": book.id("customer", name="客户A"), "address": "某路 1 号", "scheduled_at": "2024-11-20T10:00",
            "parts-0-part_no": "P-1", "parts-0-part_name": "滤芯", "parts-0-quantity": "2", "parts-1-part_no": "P-2",
            "parts-1-part_name": "皮带", "parts-1-quantity": "5", **changes}


def under_way(book):
    """Left on 20 November at 08:00."""
    delivery = book.person("sales").create(DELIVERY, delivery_form(book))
    book.act("warehouse", DELIVERY, delivery, "dispatch", now=at("2024-11-20 08:00"))
    return delivery


def delivered(book, when="2024-11-20T09:50", **brought):
    delivery, warehouse = under_way(book), book.person("warehouse")
    done(warehouse.edit(DELIVERY, delivery, **BROUGHT | brought))
    done(warehouse.move(DELIVERY, delivery, "deliver", delivered_at=when))
    return delivery


def test_a_delivery_has_parts_and_quantities(book):
    none = {name: value for name, value in delivery_form(book).items() if not name.startswith("parts")}
    delivery = book.person("sales").create(DELIVERY, none)
    answer = book.person("sales").move(DELIVERY, delivery, "dispatch")
    assert answer.status_code == 422 and "请填写“零件明细”" in answer.text
    form = delivery_form(book, **{"parts-0-quantity": "0"})
    refused(book.person("sales").post(f"/admin/{DELIVERY}/new/", form), "约定数量须大于零", 422)


def test_what_is_under_way_keeps_its_parts(book):
    delivery, warehouse = under_way(book), book.person("warehouse")
    path = f"/admin/{DELIVERY}/edit/?id={delivery}"
    none = {name: value for name, value in warehouse.form(path).items() if not name.startswith("parts")}
    refused(warehouse.post(path, none), "至少须有一行零件", 422)


def test_a_delivery_is_on_time_to_the_minute(act):
    for brought, is_on_time in (("10:00:00", True), ("10:00:59", True), ("10:01:00", False)):
        delivery = valid.record(act.session, DELIVERY, scheduled_at="2024-11-20T10:00", delivered_at=f"2024-11-20T{brought}")
        assert delivery.is_on_time is is_on_time, brought


def test_nothing_arrives_before_it_left_or_uncounted(book):
    delivery, warehouse = under_way(book), book.person("warehouse")
    refused(warehouse.move(DELIVERY, delivery, "deliver", delivered_at="2024-11-20T09:00"), "每行须填写“实送数量”")
    done(warehouse.edit(DELIVERY, delivery, **BROUGHT))
    refused(warehouse.move(DELIVERY, delivery, "deliver", delivered_at="2024-11-20T07:59"), "送达时间不能早于发出时间", 422)
    done(warehouse.move(DELIVERY, delivery, "deliver", delivered_at="2024-11-20T08:00"))


@pytest.mark.parametrize("second, is_full", [("5", True), ("4.9999", False)])
def test_one_short_line_makes_a_delivery_short(book, second, is_full):
    delivery, sales = delivered(book, **{"parts-1-delivered_quantity": second}), book.person("sales")
    assert book.read(DELIVERY, delivery).is_full is is_full
    short = {"signed_by": "张三", "shortage_reason": "缺货"}
    if is_full:
        refused(sales.move(DELIVERY, delivery, "sign_short", **short), "已足量送达，请用“签收”")
        refused(sales.move(DELIVERY, delivery, "sign"), "请填写“顾客签收”", 422)
        done(sales.move(DELIVERY, delivery, "sign", signed_by="张三"))
    else:
        refused(sales.move(DELIVERY, delivery, "sign", signed_by="张三"), "数量不足的，请用“短缺签收”")
        refused(sales.move(DELIVERY, delivery, "sign_short", signed_by="张三"), "请填写“短缺原因”", 422)
        done(sales.move(DELIVERY, delivery, "sign_short", **short))


def test_a_resupply_is_signed_for_again_and_leaves_the_first_time(book):
    delivery, warehouse = delivered(book, **{"parts-1-delivered_quantity": "4"}), book.person("warehouse")
    done(warehouse.edit(DELIVERY, delivery, delivered_at="2024-11-20T09:55"))
    done(warehouse.move(DELIVERY, delivery, "sign_short", signed_by="张三", shortage_reason="缺货"))
    refused(warehouse.move(DELIVERY, delivery, "resupply"), "请填写原因", 422)
    done(warehouse.move(DELIVERY, delivery, "resupply", comment="补一根"))
    refused(warehouse.edit(DELIVERY, delivery, delivered_at="2024-11-25T09:00"), "补送不改送达时间", 422)
    done(warehouse.edit(DELIVERY, delivery, **{"parts-1-delivered_quantity": "5"}))
    done(warehouse.move(DELIVERY, delivery, "deliver"))
    refused(warehouse.move(DELIVERY, delivery, "sign"), "请填写“顾客签收”", 422)
    done(warehouse.move(DELIVERY, delivery, "sign", signed_by="李四"))
    read = book.read(DELIVERY, delivery)
    assert (read.delivered_at, read.is_on_time, read.is_full) == (at("2024-11-20 09:55"), True, True)
    assert book.clock(DELIVERY, delivery, "delivery") == ("met", at("2024-11-20 10:00"))


# The documents of a vehicle -------------------------------------------------------------------------------------------

def vehicle(book, state="in_stock", **given):
    return made(book, VEHICLE, state, **{"owners": [], **given})


def checklist_form(book, vehicle_id, **changes):
    return {"vehicle": vehicle_id, "customer": book.id("customer", name="客户A"), "picked_up_on": "2024-11-20", "mileage": "8",
            **dict.fromkeys(FIVE, "true"), **changes}


def complete(book, vehicle_id, **changes):
    checklist = book.person("warehouse").create(CHECKLIST, checklist_form(book, vehicle_id, **changes))
    done(book.person("warehouse").move(CHECKLIST, checklist, "complete"))
    return checklist


def signed(book, vehicle_id, **changes):
    checklist = complete(book, vehicle_id, **changes)
    done(book.person("warehouse").move(CHECKLIST, checklist, "sign", signed_by="张三"))
    return checklist


def test_br_29_all_five_documents_are_handed_over(act):
    for missing in FIVE:
        checklist = valid.record(act.session, CHECKLIST, **{missing: "false"})
        assert checklist.is_complete is False and why_not(act, checklist, "complete") == "五种随车资料须全部齐全", missing
    assert why_not(act, valid.record(act.session, CHECKLIST), "complete") == ""


def test_br_29_a_list_that_is_no_longer_complete_is_not_signed(book):
    checklist, warehouse = complete(book, vehicle(book)), book.person("warehouse")
    done(warehouse.edit(CHECKLIST, checklist, has_user_manual="false"))
    refused(warehouse.move(CHECKLIST, checklist, "sign", signed_by="张三"), "五种随车资料须全部齐全")
    done(warehouse.move(CHECKLIST, checklist, "reopen", comment="缺说明书"))


@pytest.mark.parametrize("mileage, is_explained", [("50", True), ("51", False)])
def test_a_vehicle_is_handed_over_at_zero_kilometres(book, mileage, is_explained):
    form = checklist_form(book, vehicle(book), mileage=mileage)
    answer = book.person("warehouse").post(f"/admin/{CHECKLIST}/new/", form)
    if is_explained:
        done(answer)
    else:
        refused(answer, "交付里程超过 50 km 的，请在备注中说明", 422)
        book.person("warehouse").create(CHECKLIST, form | {"remark": "自驾提车"})


def test_the_user_signs_and_not_the_handler(book):
    checklist = complete(book, vehicle(book))
    for name in ("warehouse 先生", "warehouse"):
        refused(book.person("warehouse").move(CHECKLIST, checklist, "sign", signed_by=name), "交付人不能代签", 422)
    done(book.person("warehouse").move(CHECKLIST, checklist, "sign", signed_by="张三"))


def test_br_29_a_vehicle_is_delivered_once_its_user_has_signed(book):
    id_, sales = vehicle(book), book.person("sales")
    to_b = {"customer": book.id("customer", name="客户B"), "delivered_on": "2024-11-20"}
    checklist = complete(book, id_)
    refused(sales.move(VEHICLE, id_, "deliver", **to_b), "请先由该用户签收本次交付的随车资料交付清单")
    done(book.person("warehouse").move(CHECKLIST, checklist, "sign", signed_by="张三"))
    read = book.read(VEHICLE, id_)
    assert (read.state, read.customer, read.delivered_on) == ("in_stock", book.id("customer", name="客户A"), date(2024, 11, 20))
    done(sales.edit(VEHICLE, id_, **to_b))
    refused(sales.move(VEHICLE, id_, "deliver"), "请先由该用户签收本次交付的随车资料交付清单")
    done(sales.edit(VEHICLE, id_, customer=book.id("customer", name="客户A")))
    done(sales.move(VEHICLE, id_, "deliver"))
    assert [row.customer for row in book.read(VEHICLE, id_).owners] == [book.id("customer", name="客户A")]


def test_a_delivery_has_one_signed_list_and_a_resale_a_new_one(book):
    id_, warehouse = vehicle(book), book.person("warehouse")
    signed(book, id_)
    again = complete(book, id_)
    refused(warehouse.move(CHECKLIST, again, "sign", signed_by="张三"), "该车本次交付已有签收的清单")
    done(warehouse.move(VEHICLE, id_, "deliver"))
    refused(warehouse.move(CHECKLIST, again, "sign", signed_by="张三"), "只有在库车辆可以签收交付")
    book.as_it_was(VEHICLE, id_, state="in_stock")
    refused(warehouse.move(VEHICLE, id_, "deliver"), "请先由该用户签收本次交付的随车资料交付清单")
    signed(book, id_, customer=book.id("customer", name="客户B"), picked_up_on="2024-12-20")
    done(warehouse.move(VEHICLE, id_, "deliver"))
    assert [row.owned_until_on for row in book.read(VEHICLE, id_).owners] == [date(2024, 12, 20), None]
