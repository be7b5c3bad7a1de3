"""A recall from the proposal to the closed campaign: decided by the general manager, done vehicle by vehicle."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from jobs import worker
from models.base import Record
from models.history import Outbox
from models.warranty.recall_campaign import AT_ONCE
from rules import access, notices, office, records
from rules.act import Act
from tests.casebook import Casebook, done, refused
from tests.valid import THERE
from tests.warranty.paper import (
    CAMPAIGN, FILE, ROW, SHEET, STORE, VEHICLE, appraisal, badge, campaign, dealer_id, gives_role, made, returned, terms,
    vehicle,
)


@pytest.fixture
def book(app):
    return Casebook(app)


@pytest.fixture
def cars(book):
    """Three of the batch, of which one was not delivered yet, and one of another batch."""
    batch, other = (str(book.id("product_batch", batch_no=number)) for number in ("B2608", "B2609"))
    return {
        "sold": vehicle(book, product_batch=batch), "far": vehicle(book, place=THERE, product_batch=batch),
        "stock": vehicle(book, "in_stock", product_batch=batch, delivered_on=None), "safe": vehicle(book, product_batch=other)}


def test_a_recall(book, cars):
    recall = decided(book, cars)
    rows = filed_and_announced(book, recall, cars)
    owner_brings_it_in(book, recall, rows["sold"], cars["sold"])
    another_dealer_takes_it_in(book, rows["far"], cars["far"])
    stock_is_put_right(book, rows["stock"], cars["stock"])
    reported_and_closed(book, recall)


def decided(book, cars):
    manager = book.person("quality_manager")
    refused(manager.post(f"/admin/{CAMPAIGN}/new/", campaign(book, **{
        "scope_items-0-product_batch": "", "scope_items-0-model": "M1"})), "每行须填写“批次”", 422)
    recall = manager.create(CAMPAIGN, campaign(book))
    done(manager.move(CAMPAIGN, recall, "propose"))
    gives_role(book, "quality_manager", "general_manager")
    refused(manager.move(CAMPAIGN, recall, "decide"), "不能签署自己填写、提交或最后修改的记录")
    refused(book.person("deputy_gm").move(CAMPAIGN, recall, "decide"), "正等待总经理签署")
    assert book.ids(ROW) == []
    assert dealer_sees(book, recall) == (404, False), "nothing is certain yet"
    done(book.person("general_manager").move(CAMPAIGN, recall, "decide"))
    assert [book.read(ROW, row).vehicle for row in book.ids(ROW)] == [cars["stock"]], "stock is blocked at once"
    return recall


def dealer_sees(book, recall):
    """The page of the recall, and its row of the list; who sees neither is told nothing about it either."""
    dealer = book.person("dealer_f001")
    with book.session() as session:
        told = notices.people_for(session, session.get(Record.types[CAMPAIGN].model, recall), ("dealer",))
    is_listed = "缸垫召回" in dealer.get(f"/admin/{CAMPAIGN}/").text
    assert (book.user("dealer_f001") in told) is is_listed
    return dealer.get(f"/admin/{CAMPAIGN}/details/?id={recall}").status_code, is_listed


def filed_and_announced(book, recall, cars):
    manager, now = book.person("quality_manager"), office.local(office.now())
    late = (now + office.DAY).strftime("%Y-%m-%dT%H:%M")
    stopped = {"stop_sale_at": now.strftime("%Y-%m-%dT%H:%M"), "measure_text": "更换缸垫"}
    answer = manager.move(CAMPAIGN, recall, "file", dealers_notified_at=late, **stopped)
    refused(answer, "不能晚于备案时间", 422)
    refused(manager.edit(CAMPAIGN, recall, measures=["replace"]), "决定召回后，范围和措施不能再改", 422)
    done(manager.move(CAMPAIGN, recall, "file", dealers_notified_at=stopped["stop_sale_at"], **stopped))
    assert dealer_sees(book, recall) == (200, True)
    rows = {name: book.ids(ROW, vehicle_id=car) for name, car in cars.items()}
    assert {name: len(found) for name, found in rows.items()} == {"sold": 1, "far": 1, "stock": 1, "safe": 0}
    assert [book.read(VEHICLE, car).has_open_recall for car in cars.values()] == [True, True, True, False]
    service = book.person("customer_service")
    refused(service.move(ROW, rows["sold"][0], "notify", dealer=dealer_id(book), notification_method="phone"),
            "召回发布后方可通知车主")
    done(service.move(CAMPAIGN, recall, "announce", recall_no="S2026M0001", notification_method="挂号信",
                      starts_on=office.today().isoformat()))
    return {name: found[0] for name, found in rows.items() if found}


def owner_brings_it_in(book, recall, row, car):
    service, dealer = book.person("customer_service"), book.person("dealer_f001")
    assert dealer.get(f"/admin/{ROW}/details/?id={row}").status_code == 404
    done(service.move(ROW, row, "notify", dealer=dealer_id(book), notification_method="letter"))
    did = {"measure": "repair", "arrived_at": "2026-11-20T09:00", "signed_by": "王某某"}
    refused(dealer.move(ROW, row, "complete", **did), "召回开始实施后方可完成")
    done(service.move(CAMPAIGN, recall, "execute"))
    refused(dealer.move(ROW, row, "complete", **{**did, "measure": "replace"}), "须先关联客户维修档案")
    charged = made(book, FILE, "completed", vehicle=str(car), is_in_warranty="false",
                   repairs=[{"item_name": "换缸垫", "labour_fee": "100"}])
    done(dealer.edit(ROW, row, customer_repair_file=charged))
    refused(dealer.move(ROW, row, "complete", **did), "召回措施不向车主收费")
    free = made(book, FILE, "completed", vehicle=str(car), is_in_warranty="true")
    done(dealer.edit(ROW, row, customer_repair_file=free))
    answer = dealer.move(ROW, row, "complete", **{**did, "measure": "replace"})
    refused(answer, "措施须为本次召回确定的措施之一", 422)
    done(dealer.move(ROW, row, "complete", **did))
    assert book.read(VEHICLE, car).has_open_recall is False
    read = book.read(CAMPAIGN, recall)
    assert (read.vehicle_count, read.done_count, f"{read.completion_rate}") == (3, 1, "0.333333")


def another_dealer_takes_it_in(book, row, car):
    """Whoever has the vehicle before them finds its recall by the whole VIN (BR-30)."""
    terms(book)
    badge(book)
    appraiser = book.person("appraiser_f001")
    form = appraisal(book, book.read(VEHICLE, car).vin, claim_type="recall")
    sheet = appraiser.create(SHEET, form)
    assert book.read(SHEET, sheet).recall_vehicle == row
    assert book.person("dealer_f001").get(f"/admin/{ROW}/details/?id={row}").status_code == 404
    done(appraiser.move(SHEET, sheet, "appraise"))
    done(book.person("dealer_f001").move(ROW, row, "mark_unreachable", unreachable_reason="车主出国"))
    assert book.read(VEHICLE, car).has_open_recall is True, "unreachable is no result for the vehicle"


def stock_is_put_right(book, row, car):
    """Taken back by the factory: no owner signs, and it stays where it is until the row is done."""
    service, store = book.person("customer_service"), book.person("warehouse")
    made(book, "delivery_document_checklist", "signed", vehicle=str(car), picked_up_on=office.today().isoformat())
    handed = {"customer": book.id("customer", name="客户A"), "delivered_on": office.today().isoformat()}
    done(store.edit(VEHICLE, car, **handed))
    refused(store.move(VEHICLE, car, "deliver"), "本车召回尚未完成")
    did = {"measure": "take_back", "arrived_at": "2026-11-20T09:00"}
    refused(service.move(ROW, row, "complete", **did), "须先由成车保管员在退换车辆登记中登记")
    store.create(STORE, returned(book, car, kind="recall", recall_vehicle=row))
    done(service.move(ROW, row, "complete", **did))
    assert book.read(ROW, row).signed_by == "（在库车辆，无需车主签字）"


def reported_and_closed(book, recall):
    manager = book.person("quality_manager")
    read = book.read(CAMPAIGN, recall)
    assert (read.vehicle_count, read.done_count, f"{read.completion_rate}") == (3, 2, "0.666667")
    late = vehicle(book, product_batch=str(book.id("product_batch", batch_no="B2608")))
    refused(manager.move(CAMPAIGN, recall, "report", final_report="完成"), "还有未建明细的车辆")
    row = book.person("customer_service").create(ROW, {"recall_campaign": recall, "vehicle": late})
    refused(manager.move(CAMPAIGN, recall, "report", final_report="完成"), "尚有待通知或已通知未完成的车辆")
    done(book.person("customer_service").move(ROW, row, "mark_scrapped", comment="事故报废"))
    done(manager.move(CAMPAIGN, recall, "report", final_report="完成"))
    read = book.read(CAMPAIGN, recall)
    assert (read.vehicle_count, read.done_count, f"{read.completion_rate}") == (4, 2, "0.500000")
    answer = manager.move(CAMPAIGN, recall, "close")
    assert answer.status_code == 422 and "纠正和预防措施" in answer.text
    done(manager.move(CAMPAIGN, recall, "close", corrective_action=made(book, "corrective_action", "issued")))


def test_of_many_vehicles_a_job_writes_the_rows_that_nobody_waits_for(app, book):
    """All of them stay where they are from the decision on. The job may die and come again."""
    many = [f"LMANY{n:012}" for n in range(AT_ONCE + 3)]
    batch = book.id("product_batch", batch_no="B2608")
    with book.session() as session:
        act = Act(session, access.Actor.system("import"), is_history=True)
        with records.together(act):
            for vin in many:
                car = records.blank(act, Record.types[VEHICLE])
                car.vin, car.model, car.product_batch_id, car.state = vin, "M1", batch, "in_stock"
                records.keep(act, car, {})
        session.commit()
    recall = made(book, CAMPAIGN, "in_approval", scope_kind="batch", scope_items=[{"product_batch": str(batch)}])
    done(book.person("general_manager").move(CAMPAIGN, recall, "decide"))
    assert len(book.ids(ROW)) == book.read(CAMPAIGN, recall).vehicle_count == AT_ONCE
    last = book.id(VEHICLE, vin=many[-1])
    made(book, "delivery_document_checklist", "signed", vehicle=str(last), picked_up_on=office.today().isoformat())
    handed = {"customer": book.id("customer", name="客户A"), "delivered_on": office.today().isoformat()}
    done(book.person("warehouse").edit(VEHICLE, last, **handed))
    refused(book.person("warehouse").move(VEHICLE, last, "deliver"), "本车召回尚未完成")
    with book.session() as session:
        [(job, ids)] = session.execute(sa.select(Outbox.job, Outbox.arguments)).all()
    for _ in range(2):
        with app.app_context():
            worker.perform(job, *ids)
        assert len(book.ids(ROW)) == book.read(CAMPAIGN, recall).vehicle_count == AT_ONCE + 3
    assert book.read(VEHICLE, last).has_open_recall is True


def test_starting_a_recall_takes_in_vehicles_that_came_since(book, cars):
    batch = str(book.id("product_batch", batch_no="B2608"))
    recall = made(book, CAMPAIGN, "announced", scope_kind="batch", scope_items=[{"product_batch": batch}])
    done(book.person("customer_service").move(CAMPAIGN, recall, "execute"))
    assert {book.read(ROW, row).vehicle for row in book.ids(ROW)} == {cars["sold"], cars["far"], cars["stock"]}


def test_what_lies_within_a_recall_is_not_voided(book, cars):
    """Neither the campaign, once vehicles have rows, nor the row of a vehicle that is covered."""
    batch = str(book.id("product_batch", batch_no="B2608"))
    recall = made(book, CAMPAIGN, "executing", scope_kind="batch", scope_items=[{"product_batch": batch}])
    service = book.person("customer_service")
    within, outside = (service.create(ROW, {"recall_campaign": recall, "vehicle": cars[name]}) for name in ("sold", "safe"))
    refused(book.person("general_manager").move(CAMPAIGN, recall, "void", comment="误报"), "已建立召回车辆明细，召回活动不能作废")
    refused(service.move(ROW, within, "void", comment="误建"), "本车在召回范围内，明细不能作废")
    done(service.move(ROW, outside, "void", comment="误建"))


def test_the_scope_of_a_recall_says_which_vehicles(book, cars):
    manager = book.person("quality_manager")
    scope = {"scope_kind": "category", "scope_items-0-product_batch": "", "scope_items-0-quantity": "3"}
    for changes, sentence in (
            (scope, "每行须填写批次、型号或VIN范围之一"),
            ({**scope, "scope_items-0-vin_from": "LB", "scope_items-0-vin_until": "LA"}, "VIN止不能小于VIN起"),
            ({"scope_kind": "model"}, "每行须填写“型号”"),
            ({"starts_on": "2026-12-02", "ends_on": "2026-12-01"}, "计划结束日期不能早于实施开始日期")):
        refused(manager.post(f"/admin/{CAMPAIGN}/new/", campaign(book, **changes)), sentence, 422)
    vin = book.read(VEHICLE, cars["safe"]).vin
    recall = made(book, CAMPAIGN, "announced", scope_kind="category", scope_items=[{"vin_from": vin, "vin_until": vin}])
    done(book.person("customer_service").move(CAMPAIGN, recall, "execute"))
    [row] = book.ids(ROW)
    assert book.read(ROW, row).vehicle == cars["safe"]
    other = made(book, FILE, "completed", vehicle=str(cars["sold"]))
    refused(book.person("customer_service").edit(ROW, row, customer_repair_file=other), "所选维修档案不是本车的", 422)
