"""Repair files: the user and an appraiser sign, a long repair gives a substitute vehicle, and repeats are counted."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from models.history import Notice
from rules import office
from tests.casebook import Casebook, at, done, refused
from tests.valid import THERE
from tests.warranty.paper import FILE, SHEET, VEHICLE, made, repair, vehicle

CALL = "callback_record"
RECEIVED = at("2026-11-02 10:00")
SIGNED = {"signed_by": "王某某", "dealer_signed_by": "站长"}


@pytest.fixture
def book(app):
    return Casebook(app)


def opened(book, car=None, **changes):
    changes = {"received_at": "2026-11-02T10:00", "is_substitute_given": "false", **changes}
    return book.person("dealer_f001").create(FILE, repair(book, car or vehicle(book), **changes))


def signed(book, id_, **changes):
    given = {**SIGNED, "handed_over_at": f"{office.today()}T23:59", **changes}
    return book.person("dealer_f001").move(FILE, id_, "sign", **given)


@pytest.mark.parametrize("after, substitute, is_enough", [
    ({"days": 5}, {}, True), ({"days": 5, "seconds": 1}, {}, False),
    ({"days": 6}, {"is_substitute_given": True}, True), ({"days": 6}, {"transport_compensation": 100}, True)])
def test_example_f_a_substitute_vehicle_from_the_sixth_day_on(book, after, substitute, is_enough):
    """Exactly five days need none; waiting for parts counts."""
    id_ = opened(book)
    book.as_it_was(FILE, id_, **substitute)
    assert book.clock(FILE, id_, "substitute_vehicle") == ("running", RECEIVED + timedelta(days=5))

    def complete():
        book.act("dealer_f001", FILE, id_, "complete", now=RECEIVED + timedelta(**after))
    if is_enough:
        complete()
        assert book.clock(FILE, id_, "substitute_vehicle")[0] == ("met" if after == {"days": 5} else "missed")
    else:
        with pytest.raises(Exception, match="record the substitute vehicle or the travel"):
            complete()


def test_out_of_warranty_no_substitute_vehicle_is_owed(book):
    id_ = opened(book, is_in_warranty="false", **{"repairs-0-labour_fee": "0"})
    assert book.clock(FILE, id_, "substitute_vehicle") is None
    done(book.person("dealer_f001").move(FILE, id_, "complete"))


def test_br_04_nothing_is_filed_without_the_users_signature(book):
    """Nor before the user has a copy. What was signed stands; every repair is followed by one call."""
    dealer, id_ = book.person("dealer_f001"), opened(book, is_substitute_given="true", is_customer_copy_given="false",
                                                     appraiser_signed_by="鉴定员")
    refused(dealer.move(FILE, id_, "archive"), "不能存档")
    done(dealer.move(FILE, id_, "complete"))
    for missing in ("signed_by", "dealer_signed_by", "handed_over_at"):
        assert signed(book, id_, **{missing: ""}).status_code == 422, missing
    refused(dealer.move(FILE, id_, "archive"), "不能存档")
    refused(signed(book, id_, handed_over_at="2026-11-02T09:00"), "交车时间不能早于修复时间", 422)
    done(signed(book, id_))
    assert len(book.ids(CALL, customer_repair_file_id=id_)) == 1
    refused(dealer.edit(FILE, id_, customer_statement="改"), "用户已签名，内容不能再改", 422)
    refused(dealer.edit(FILE, id_, **{"repairs-0-labour_fee": "9"}), "用户已签名，内容不能再改", 422)
    refused(dealer.move(FILE, id_, "archive"), "“已交消费者一份”须为“是”")
    done(dealer.edit(FILE, id_, is_customer_copy_given="true", remark="已寄出"))
    done(dealer.move(FILE, id_, "archive"))
    read = book.read(FILE, id_)
    assert read.retain_until_on == date(office.today().year + 6, office.today().month, office.today().day)


def test_br_12_every_repair_is_accepted_by_an_appraiser_too(book):
    """Here, or on the appraisal of this repair, unless that was rejected."""
    car = vehicle(book)
    id_ = opened(book, car, is_substitute_given="true")
    done(book.person("dealer_f001").move(FILE, id_, "complete"))
    refused(signed(book, id_), "请填写“鉴定员验收签字”")
    sheet = made(book, SHEET, "accepted", vehicle=str(car), customer_repair_file=str(id_))
    book.as_it_was(SHEET, sheet, state="rejected")
    refused(signed(book, id_), "请填写“鉴定员验收签字”")
    book.as_it_was(SHEET, sheet, state="accepted")
    done(signed(book, id_))


def test_a_repair_names_its_fault_and_its_own_work_order(book):
    dealer, car = book.person("dealer_f001"), vehicle(book)
    for kind, is_needed in (("repair", True), ("rescue", True), ("maintenance", False), ("first_service", False)):
        id_ = opened(book, car, service_kind=kind, fault_category="", is_substitute_given="true")
        answer = dealer.move(FILE, id_, "complete")
        refused(answer, "请先填写“故障类别”") if is_needed else done(answer)
    order = made(book, "work_order", vehicle=str(vehicle(book)), dealer=str(book.id("dealer_ledger", dealer_code="F001")))
    refused(dealer.edit(FILE, opened(book, car), work_order=order), "所选派工单不是该车辆的", 422)
    refused(dealer.post(f"/admin/{FILE}/new/", repair(book, car, mileage="7999", received_at="2026-11-03T09:00")),
            "该车此前已登记 8000 km", 422)


@pytest.mark.parametrize("returned, is_repeat", [("2026-10-31", True), ("2026-11-01", False)])
def test_the_same_fault_within_thirty_days_is_a_return(book, returned, is_repeat):
    """Day 30 counts, day 31 does not; another fault or vehicle never does."""
    car = vehicle(book)
    first = {"received_at": "2026-09-30T09:00", "completed_at": "2026-10-01T09:00", "mileage": "100"}
    made(book, FILE, "completed", vehicle=str(car), fault_category="engine", **first)
    again = {"received_at": f"{returned}T08:00", "completed_at": f"{returned}T09:00", "mileage": "200"}
    for vehicle_, fault, expected in ((car, "engine", is_repeat), (car, "brakes", False), (vehicle(book), "engine", False)):
        id_ = made(book, FILE, "completed", vehicle=str(vehicle_), fault_category=fault, **again)
        assert book.read(FILE, id_).is_repeat_repair is expected, fault


@pytest.mark.parametrize("before, is_told", [(10, False), (11, True)])
def test_customer_service_learns_at_once_that_a_vehicle_may_be_exchanged(book, before, is_told):
    """With twenty days of this repair thirty give no right, thirty-one do (art. 24)."""
    car, over = vehicle(book), at("2026-05-01 09:00") + timedelta(days=before)
    made(book, FILE, "completed", vehicle=str(car), received_at="2026-05-01T09:00", completed_at=over.isoformat(), mileage="100")
    id_ = opened(book, car)
    book.as_it_was(FILE, id_, is_substitute_given=True)
    book.act("dealer_f001", FILE, id_, "complete", now=RECEIVED + timedelta(days=20))
    with book.session() as session:
        told = session.scalars(sa.select(Notice).where(Notice.type == FILE, Notice.record_id == id_)).all()
        people = {notice.person_id for notice in told}
        assert all("累计修理 31 天，本故障修理" in notice.zh for notice in told)
    assert ({book.user("customer_service"), book.user("quality_manager")} <= people) is is_told
    assert book.read(FILE, id_).has_exchange_right is is_told


def test_br_30_any_dealer_repairs_a_vehicle_that_others_sold(book):
    car = vehicle(book, place=THERE)
    dealer = book.person("dealer_f001")
    assert dealer.post(f"/admin/{FILE}/new/", repair(book, car)).status_code == 422, "its id opens nothing"
    id_ = dealer.create(FILE, repair(book, book.read(VEHICLE, car).vin))
    assert book.read(FILE, id_).vehicle == car
    assert book.person("dealer_f002").get(f"/admin/{FILE}/details/?id={id_}").status_code == 404


def test_what_a_repair_costs(book):
    id_ = opened(book, **{
        "repairs-0-labour_fee": "80", "repairs-1-item_name": "换机油", "repairs-1-labour_fee": "20.50",
        "parts-0-part_name": "缸垫", "parts-0-quantity": "1.5", "parts-0-unit_price": "33.33", "towing_fee": "100"})
    read = book.read(FILE, id_)
    assert [f"{value}" for value in (read.labour_fee, read.parts_fee, read.amount)] == ["100.50", "50.00", "250.50"]


def test_nothing_is_received_after_it_was_completed(book):
    id_ = opened(book, is_substitute_given="true")
    done(book.person("dealer_f001").move(FILE, id_, "complete"))
    tomorrow = f"{office.today() + office.DAY}T09:00"
    refused(book.person("dealer_f001").edit(FILE, id_, received_at=tomorrow), "送修时间不能晚于修复时间", 422)
