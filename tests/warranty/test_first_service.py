"""First services: registered once a vehicle by any dealer, by the terms in force, flagged when late, never punished."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from rules import office
from tests import valid
from tests.casebook import Casebook, done, refused
from tests.disposition.test_starting_from import started
from tests.valid import THERE
from tests.warranty.paper import FIRST, VEHICLE, made, registration, terms, vehicle

ITEMS = [{"item_name": "更换机油", "is_mandatory": "true"}, {"item_name": "检查轮胎", "is_mandatory": "false"}]


@pytest.fixture
def book(app):
    return Casebook(app)


def registered(book, of, **changes):
    return book.person("dealer_f001").create(FIRST, registration(book, of, **changes))


def submitted(book, of, **changes):
    id_ = registered(book, of, **changes)
    done(book.person("dealer_f001").move(FIRST, id_, "submit"))
    return id_


def test_conditions_and_items_come_from_the_terms_in_force_on_the_day(book):
    car = vehicle(book)
    terms(book, effective_from_on="2026-06-01", first_service_conditions="新版")
    policy = terms(book, first_service_conditions="3000 公里内", maintenance_items=ITEMS, effective_until_on="2026-05-31")
    form = {name: value for name, value in registration(book, car).items() if not name.startswith("items")}
    read = book.read(FIRST, book.person("dealer_f001").create(FIRST, form))
    assert (read.service_price_policy, read.first_service_conditions) == (policy, "3000 公里内")
    assert [(row.item_name, row.is_mandatory, row.is_done) for row in read.items] == [
        ("更换机油", True, False), ("检查轮胎", False, False)]
    assert (read.vin, read.delivered_on) == (book.read(VEHICLE, car).vin, date(2026, 3, 15))


def test_a_registration_that_starts_from_the_vehicle_has_the_items_of_today(book):
    car = vehicle(book)
    policy = terms(book, maintenance_items=ITEMS)
    new = started(book, FIRST, VEHICLE, car)
    assert (new.service_price_policy, len(new.items), new.mileage) == (policy, 2, None)


def test_every_mandatory_item_is_done_before_submitting(book):
    dealer = book.person("dealer_f001")
    id_ = registered(book, vehicle(book), **{"items-0-is_done": "false", "items-1-item_name": "检查轮胎",
                                            "items-1-is_mandatory": "false", "items-1-is_done": "false"})
    refused(dealer.move(FIRST, id_, "submit"), "强制走保项目须全部完成")
    done(dealer.edit(FIRST, id_, **{"items-0-is_done": "true"}))
    done(dealer.move(FIRST, id_, "submit"))


def test_a_vehicle_is_registered_once_unless_it_was_rejected(book):
    car, service = vehicle(book), book.person("customer_service")
    first = submitted(book, car)
    answer = book.person("dealer_f001").post(f"/admin/{FIRST}/new/", registration(book, car))
    refused(answer, f"该车首保已登记在 {book.read(FIRST, first).number}", 422)
    answer = service.move(FIRST, first, "reject")
    assert answer.status_code == 422 and "拒绝原因" in answer.text
    done(service.move(FIRST, first, "reject", reject_reason="凭证不符"))
    registered(book, car)


def test_mileage_and_day_can_be_true(book):
    car, dealer = vehicle(book), book.person("dealer_f001")
    made(book, "customer_repair_file", "completed", vehicle=str(car), mileage="2600", received_at="2026-05-09T09:00")
    made(book, "customer_repair_file", "completed", vehicle=str(car), mileage="9000", received_at="2026-05-10T09:00")
    for changes, sentence in (
            ({"mileage": "0"}, "不能小于 1"), ({"mileage": "2599"}, "该车此前已登记 2600 km"),
            ({"serviced_on": "2026-03-14"}, "首保日期不能早于交付日期"),
            ({"serviced_on": f"{office.today() + timedelta(days=1)}"}, "首保日期不能晚于今天")):
        refused(dealer.post(f"/admin/{FIRST}/new/", registration(book, car, **changes)), sentence, 422)
    submitted(book, car, mileage="2600")
    assert book.read(VEHICLE, car).mileage == 9000


@pytest.mark.parametrize("mileage, days, is_within", [
    ("5000", 180, True), ("5001", 180, False), ("5000", 181, False)])
def test_outside_the_condition_it_is_flagged(act, mileage, days, is_within):
    car = valid.record(act.session, VEHICLE, "delivered", delivered_on="2026-03-15")
    on = date(2026, 3, 15) + timedelta(days=days)
    row = valid.record(act.session, FIRST, vehicle=str(car.id), mileage=mileage, serviced_on=on.isoformat())
    assert row.is_within_condition is is_within


def test_br_31_a_late_first_service_is_accepted_and_shortens_no_warranty(book):
    car = vehicle(book)
    before = book.read(VEHICLE, car)
    id_ = submitted(book, car, mileage="20000")
    assert book.read(FIRST, id_).is_within_condition is False
    done(book.person("customer_service").move(FIRST, id_, "accept"))
    after = book.read(VEHICLE, car)
    assert (after.mileage, before.warranty_ends_on, before.warranty_ends_km, before.exchange_ends_on) == (
        20000, after.warranty_ends_on, after.warranty_ends_km, after.exchange_ends_on)


def test_br_30_any_dealer_does_the_first_service_of_a_vehicle_that_others_sold(book):
    car = vehicle(book, place=THERE)
    dealer = book.person("dealer_f001")
    assert dealer.post(f"/admin/{FIRST}/new/", registration(book, car)).status_code == 422, "its id opens nothing"
    id_ = submitted(book, book.read(VEHICLE, car).vin)
    assert book.read(FIRST, id_).vehicle == car


def test_one_that_was_sent_back_is_completed_and_submitted_again(book):
    id_, dealer = submitted(book, vehicle(book)), book.person("dealer_f001")
    refused(dealer.move(FIRST, id_, "accept"), "“认可”由客户服务办理")
    done(book.person("customer_service").move(FIRST, id_, "send_back", comment="缺凭证号"))
    done(dealer.edit(FIRST, id_, service_voucher_no="SB-1"))
    done(dealer.move(FIRST, id_, "submit"))
    done(book.person("customer_service").move(FIRST, id_, "accept"))
    assert book.read(FIRST, id_).reviewed_at is not None
