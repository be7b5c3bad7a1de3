"""Claims under the three guarantees: what is paid back, from when the right exists, and what the user was promised."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models.settings import PARAMETERS
from tests.casebook import Casebook, at, done, refused
from tests.every_door import every_door_says
from tests.warranty.paper import CLAIM, FILE, VEHICLE, claim, made, terms, vehicle

ASSIGNED = {"confirmer": "", "first_replied_at": "2026-11-02T09:00", "promised_at": "2026-11-20T17:00"}
NO_RIGHT = "累计修理未超过30日，同一故障修理也未超过4次"


@pytest.fixture
def book(app):
    return Casebook(app)


def claimed(book, car, **changes):
    return book.person("customer_service").post(f"/admin/{CLAIM}/new/", claim(book, vehicle=car, **changes))


def repaired(book, car, days, fault="engine", received="2026-04-01T09:00", **given):
    """One repair of the vehicle that took so many days."""
    over = (at(received.replace("T", " ")) + timedelta(days=days)).isoformat()
    return made(book, FILE, "completed", vehicle=str(car), fault_category=fault, received_at=received, completed_at=over,
                **{"mileage": "8000", **given})


# What is paid back ----------------------------------------------------------------------------------------------------

def test_example_f_the_use_fee_of_80000_yuan_and_12000_km(book):
    """4,800 yuan on the grounds of art. 24, nothing on any other; only who returns the vehicle gets its price back."""
    car = vehicle(book)
    for ground, demand, fee, amount in (
            ("art24_1", "return", "4800.00", "76700.00"), ("art24_2", "exchange", "4800.00", "-3300.00"),
            ("art24_3", "return", "4800.00", "76700.00"), ("art20", "return", "0.00", "81500.00"),
            ("art22", "return", "0.00", "81500.00"), ("art23", "exchange", "0.00", "1500.00"),
            ("contract", "claim", "0.00", "1500.00")):
        id_ = book.person("customer_service").create(CLAIM, claim(
            book, vehicle=car, demand_type=demand, threebao_ground=ground, price="80000", mileage="12000",
            use_fee_rate="0.005", other_loss="1000", claim_amount="500"))
        read = book.read(CLAIM, id_)
        assert (f"{read.use_fee}", f"{read.amount}") == (fee, amount), ground
    id_ = book.ids(CLAIM, threebao_ground="art24_3")[0]
    every_door_says(book, "customer_service", CLAIM, id_, use_fee="4800.00", amount="76700.00", use_fee_rate="0.005000")


def test_example_f_no_higher_rate_than_half_a_percent(book):
    refused(claimed(book, vehicle(book), use_fee_rate="0.008"), "使用补偿系数最高 0.50%", 422)
    refused(claimed(book, vehicle(book), use_fee_rate="0.005001"), "使用补偿系数最高 0.50%", 422)
    assert PARAMETERS["use_fee_rate_max"].default == "0.005"


def test_price_and_invoice_come_from_the_vehicles_file(book):
    car = vehicle(book, invoice_amount="80000", invoiced_on="2026-03-10", warranty_voucher_no="SB-9")
    read = book.read(CLAIM, book.person("customer_service").create(CLAIM, claim(book, vehicle=car)))
    assert (read.price, read.invoiced_on, read.warranty_voucher_no) == (80000, date(2026, 3, 10), "SB-9")


# From when the right exists -------------------------------------------------------------------------------------------

def test_example_f_repair_days_are_counted_whole(book):
    for hours, days in ((24, 1), (24.5, 2), (49, 3), (0.5, 1)):
        file = repaired(book, vehicle(book), hours / 24)
        assert book.read(FILE, file).repair_days == days, hours
        every_door_says(book, "customer_service", FILE, file, repair_days=str(days))


@pytest.mark.parametrize("last, has_right", [(10, False), (11, True)])
def test_example_f_thirty_days_of_repair_give_no_right_and_thirty_one_do(book, last, has_right):
    car = vehicle(book)
    for fault, month in (("engine", "04"), ("brakes", "06")):
        repaired(book, car, 10, fault, f"2026-{month}-01T09:00")
    file = repaired(book, car, last, "electrical", "2026-08-01T09:00")
    read = book.read(FILE, file)
    assert (read.cumulative_repair_days, read.has_exchange_right) == (20 + last, has_right)
    every_door_says(book, "customer_service", FILE, file, cumulative_repair_days=str(20 + last), has_exchange_right=has_right)
    answer = claimed(book, car, threebao_ground="art24_4")
    done(answer) if has_right else refused(answer, NO_RIGHT, 422)


@pytest.mark.parametrize("times, has_right", [(4, False), (5, True)])
def test_example_f_four_repairs_of_a_fault_give_no_right_and_five_do(book, times, has_right):
    car = vehicle(book)
    repaired(book, car, 1, "brakes")
    for month in range(times):
        file = repaired(book, car, 1, "engine", f"2026-0{4 + month}-02T09:00")
    read = book.read(FILE, file)
    assert (read.same_fault_count, read.has_exchange_right) == (times, has_right)
    every_door_says(book, "customer_service", FILE, file, same_fault_count=str(times), has_exchange_right=has_right)
    answer = claimed(book, car, threebao_ground="art24_4")
    done(answer) if has_right else refused(answer, NO_RIGHT, 422)


def test_the_right_is_judged_by_the_files_as_they_stand_now(book):
    """A file that was called off since counts no more, though the others were not saved again."""
    car = vehicle(book)
    first, last = repaired(book, car, 20), repaired(book, car, 11, "brakes", "2026-08-01T09:00")
    assert book.read(FILE, last).has_exchange_right is True
    book.as_it_was(FILE, first, state="cancelled")
    assert book.read(FILE, last).has_exchange_right is True
    refused(claimed(book, car, threebao_ground="art24_4"), NO_RIGHT, 422)


def test_example_f_the_exchange_period_starts_with_the_delivery_and_ends_by_50000_km(book):
    """Invoice of 2026-03-10, delivered on 2026-03-15: two years or 50,000 km, whichever comes first."""
    car = vehicle(book, invoiced_on="2026-03-10")
    read = book.read(VEHICLE, car)
    assert (read.warranty_starts_on, read.exchange_ends_on, read.exchange_ends_km) == (
        date(2026, 3, 15), date(2028, 3, 15), 50000)
    every_door_says(book, "sales", VEHICLE, car, warranty_starts_on="2026-03-15", exchange_ends_on="2028-03-15",
                    exchange_ends_km="50000")
    file = repaired(book, car, 31, mileage="50000")
    assert book.read(FILE, file).has_exchange_right is True
    for given in ({"mileage": "50001"}, {"received": "2028-03-16T00:00"}):
        file = repaired(book, vehicle(book), 31, **given)
        assert book.read(FILE, file).has_exchange_right is False, given


def test_terms_that_promise_more_than_the_law_lengthen_the_period(book):
    terms(book, exchange_months="36", exchange_mileage="80000", warranty_months="60", warranty_mileage="100000")
    read = book.read(VEHICLE, vehicle(book))
    assert (read.exchange_ends_on, read.exchange_ends_km, read.warranty_ends_on, read.warranty_ends_km) == (
        date(2029, 3, 15), 80000, date(2031, 3, 15), 100000)


# What the user was promised -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("told, is_in_time", [("2026-11-20T16:59", True), ("2026-11-20T17:00", False), ("2026-11-20T17:01", False)])
def test_example_f_a_promise_of_17_00_is_put_off_by_who_tells_it_before(book, told, is_in_time):
    id_ = made(book, CLAIM, "assigned", vehicle=str(vehicle(book)), **ASSIGNED)
    later = {"promised_at": "2026-11-28T17:00", "promise_reason": "等待零件"}
    service = book.person("customer_service")
    refused(service.edit(CLAIM, id_, **later), "承诺延期须在原承诺时间之前再次知会用户", 422)
    refused(service.edit(CLAIM, id_, promised_at=""), "承诺延期须在原承诺时间之前再次知会用户", 422)
    refused(service.edit(CLAIM, id_, **later, promise_renotified_at="2099-01-01T09:00"), "再次知会时间不能晚于现在", 422)
    answer = service.edit(CLAIM, id_, **later, promise_renotified_at=told)
    done(answer) if is_in_time else refused(answer, "承诺延期须在原承诺时间之前再次知会用户", 422)
    if is_in_time:   # one call puts it off once
        refused(service.edit(CLAIM, id_, promised_at="2026-11-30T17:00"), "承诺延期须在原承诺时间之前再次知会用户", 422)
        done(service.edit(CLAIM, id_, promised_at="2026-11-27T17:00"))


def test_a_vehicle_is_answered_within_10_and_replaced_within_20_working_days(book):
    """Received on 2026-09-28, before the National Day and the Saturday worked for it; the day itself does not count. Goods
    have no such limits."""
    id_ = book.person("customer_service").create(CLAIM, claim(book, vehicle=vehicle(book), received_at="2026-09-28T09:00"))
    read = book.read(CLAIM, id_)
    assert (read.answer_due_on, read.complete_due_on) == (date(2026, 10, 16), date(2026, 10, 30))
    assert book.clock(CLAIM, id_, "threebao_answer")[1] == at("2026-10-16 23:59:59")
    assert book.clock(CLAIM, id_, "threebao_completion")[1] == at("2026-10-30 23:59:59")
    assert book.clock(CLAIM, id_, "first_reply")[1] == at("2026-09-29 09:00")
    goods = claim(book, product_batch=book.id("product_batch", batch_no="B2608"), quantity="3")
    goods = book.person("customer_service").create(CLAIM, goods)
    assert (book.read(CLAIM, goods).answer_due_on, book.clock(CLAIM, goods, "threebao_answer")) == (None, None)


def test_a_claim_is_about_a_vehicle_or_a_quantity_of_goods(book):
    service, batch = book.person("customer_service"), book.id("product_batch", batch_no="B2608")
    for changes, sentence in (
            ({}, "请填写车辆或产品/批次"), ({"product_batch": batch}, "有产品批次的，数量须大于零"),
            ({"product_batch": batch, "quantity": "0"}, "有产品批次的，数量须大于零"),
            ({"vehicle": vehicle(book), "received_at": "2099-01-01T09:00"}, "提出时间不能晚于现在")):
        refused(service.post(f"/admin/{CLAIM}/new/", claim(book, **changes)), sentence, 422)


def test_who_confirms_a_claim_or_turns_it_down_is_the_confirmer_and_nobody_else(book):
    """Nor whoever named the confirmer and took that place since."""
    turned_down = {"is_nonconformity_confirmed": "false", "nonconformity_text": "使用不当", "reply_text": "不予认可"}
    id_, service = made(book, CLAIM, "received", vehicle=str(vehicle(book))), book.person("customer_service")
    memo = made(book, "customer_contact_memo", "recorded", customer=str(book.read(CLAIM, id_).customer))
    done(service.move(CLAIM, id_, "assign", confirmer=book.user("quality_engineer"), first_reply_text="十日内答复",
                      customer_contact_memo=memo, promised_at="2099-01-01T09:00"))
    refused(service.move(CLAIM, id_, "refuse", **turned_down), "由指定的确认人员本人办理")
    done(service.edit(CLAIM, id_, confirmer=book.user("customer_service")))
    sentence = "“指定确认人员并首次回复”的办理人不能同时办理本步骤"
    refused(service.move(CLAIM, id_, "refuse", **turned_down), sentence)
    refused(service.move(CLAIM, id_, "confirm", is_nonconformity_confirmed="true", nonconformity_text="属实"), sentence)
    done(service.edit(CLAIM, id_, confirmer=book.user("quality_engineer")))
    done(book.person("quality_engineer").move(CLAIM, id_, "refuse", **turned_down))
