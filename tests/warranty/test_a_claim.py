"""A claim from the demand to the outcome: confirmed by whom the office names, approved, answered, taken back and closed."""

from __future__ import annotations

import pytest

from rules import office
from tests.casebook import Casebook, done, refused
from tests.warranty.paper import CLAIM, FILE, STORE, VEHICLE, claim, gives_role, made, returned, vehicle

REGISTER, CARD, REWORK = "customer_feedback_register", "info_flow_card", "rework_order"
PROVEN = {"invoice_no": "FP-1", "warranty_voucher_no": "SB-1", "mileage": "12000", "price": "80000"}
CONFIRMED = {"is_nonconformity_confirmed": "true", "nonconformity_text": "缸体砂眼"}


@pytest.fixture
def book(app):
    return Casebook(app)


def named(book, confirmer="quality_engineer", **changes):
    """What the quality head says when naming who confirms."""
    return {"confirmer": book.user(confirmer), "customer_contact_memo": book.recorded_memo(),
            "first_reply_text": "十日内答复", "promised_at": "2099-01-01T09:00", **changes}


def test_br_28_a_vehicle_comes_back_by_the_storekeepers_register(book):
    car = vehicle(book)
    id_ = confirmed_by_whom_the_head_names(book, book.person("customer_service").create(CLAIM, claim(book, vehicle=car)))
    approved_by_somebody_else(book, id_)
    taken_back_by_the_storekeeper(book, id_, car)
    completed_and_closed(book, id_)


def confirmed_by_whom_the_head_names(book, id_):
    head, engineer, service = (book.person(name) for name in ("quality_manager", "quality_engineer", "customer_service"))
    for missing in ("confirmer", "customer_contact_memo", "first_reply_text", "promised_at"):
        answer = head.move(CLAIM, id_, "assign", **{**named(book), missing: ""})
        assert answer.status_code == 422, missing
    refused(engineer.move(CLAIM, id_, "assign", **named(book)), "“指定确认人员并首次回复”由")
    refused(head.move(CLAIM, id_, "assign", **named(book, "quality_manager")), "不能是您本人")
    other = book.recorded_memo(customer=book.id("customer", name="客户B"))
    refused(head.move(CLAIM, id_, "assign", **named(book, customer_contact_memo=other)), "所选备忘录不是该用户的", 422)
    done(head.move(CLAIM, id_, "assign", **named(book)))
    refused(service.move(CLAIM, id_, "confirm", **CONFIRMED), "由指定的确认人员本人办理")
    refused(engineer.move(CLAIM, id_, "confirm", **{**CONFIRMED, "is_nonconformity_confirmed": "false"}), "须为“是”")
    refused(service.move(CLAIM, id_, "submit"), "不能报批")
    done(engineer.move(CLAIM, id_, "confirm", **CONFIRMED))
    assert len(book.ids(REGISTER, return_exchange_claim_id=id_, claim_type="return")) == 1
    return id_


def approved_by_somebody_else(book, id_):
    """A confirmed claim is not turned down any more; what was approved stands."""
    service, deputy, engineer = (book.person(name) for name in ("customer_service", "deputy_gm", "quality_engineer"))
    refused(book.person("quality_manager").move(CLAIM, id_, "void", comment="不受理"), "已确认属实的申请须予受理")
    refused(engineer.move(CLAIM, id_, "refuse", reply_text="不予", **CONFIRMED), "不能不予认可")
    for name in PROVEN:
        done(service.edit(CLAIM, id_, **{**PROVEN, "use_fee_rate": "0.005", name: ""}))
        refused(service.move(CLAIM, id_, "submit", threebao_ground="art24_1"), "请先填写")
    done(service.edit(CLAIM, id_, **PROVEN))
    done(service.move(CLAIM, id_, "submit", threebao_ground="art24_1"))
    refused(book.person("finance").move(CLAIM, id_, "approve"), "正等待主管副总签署")
    gives_role(book, "quality_engineer", "deputy_gm")
    refused(engineer.move(CLAIM, id_, "approve"), "不能由“指定确认人员”本人办理")
    gives_role(book, "customer_service", "deputy_gm")
    refused(service.move(CLAIM, id_, "approve"), "不能签署自己填写、提交或最后修改的记录")
    refused(service.move(CLAIM, id_, "answer", reply_text="同意退车"), "不能答复用户并办理")
    done(deputy.move(CLAIM, id_, "approve"))
    read = book.read(CLAIM, id_)
    assert (f"{read.use_fee}", f"{read.amount}") == ("4800.00", "75200.00")
    refused(service.edit(CLAIM, id_, price="90000"), "已经批准，内容不能再改", 422)
    done(service.move(CLAIM, id_, "answer", reply_text="同意退车"))


def taken_back_by_the_storekeeper(book, id_, car):
    """BR-28: nothing is completed before the vehicle is in the register, with the storekeeper's remark."""
    service, store = book.person("customer_service"), book.person("warehouse")
    refused(service.move(CLAIM, id_, "complete", procedures="退车"), "退换回的车辆或货物须先入库")
    refused(store.move(CLAIM, id_, "store"), "须先由成车保管员在退换车辆登记中登记和备注")
    refused(service.move(CLAIM, id_, "store"), "“退换车辆/货物入库”由仓储办理")
    assert service.post(f"/admin/{STORE}/new/", returned(book, car, return_exchange_claim=id_)).status_code == 403
    refused(store.post(f"/admin/{STORE}/new/", returned(book, car, return_exchange_claim=id_, remark=" ")), "请填写“备注”", 422)
    entry = store.create(STORE, returned(book, car, return_exchange_claim=id_))
    done(store.move(STORE, entry, "store"))
    assert book.state(VEHICLE, car) == "returned"
    done(store.move(CLAIM, id_, "store"))


def completed_and_closed(book, id_):
    service = book.person("customer_service")
    answer = service.move(CLAIM, id_, "complete")
    assert answer.status_code == 422 and "办理手续" in answer.text
    done(service.move(CLAIM, id_, "complete", procedures="已退款过户"))
    refused(service.move(CLAIM, id_, "close"), "请先在客户反馈意见处理登记表中填写本申请的处理记录")
    [row] = book.ids(REGISTER, return_exchange_claim_id=id_)
    done(service.edit(REGISTER, row, claim_result="已退车退款"))
    done(service.move(CLAIM, id_, "close"))
    refused(service.move(CLAIM, id_, "withdraw", comment="不要了"), "不能用户撤回")


def test_br_01_returned_goods_have_their_card_and_are_reworked_before_the_claim_closes(book):
    """001 §5.3.4: rework and a corrective action; the card says where the goods went."""
    service, store = book.person("customer_service"), book.person("warehouse")
    batch = str(book.id("product_batch", batch_no="B2608"))
    id_ = made(book, CLAIM, "executing", demand_type="exchange", vehicle="", product_batch=batch, quantity="3",
               reply_text="同意换货", corrective_action="")
    made(book, REGISTER, source="claim", return_exchange_claim=str(id_), claim_type="exchange", claim_result="已换货")
    refused(store.move(CLAIM, id_, "store"), "退回产品须先填写信息流转卡")
    made(book, CARD, "sent_to_qa", source="return", return_exchange_claim=str(id_))
    done(store.move(CLAIM, id_, "store"))
    done(service.move(CLAIM, id_, "complete", procedures="换货"))
    refused(service.move(CLAIM, id_, "close"), "请先填写“纠正和预防措施”")
    done(service.edit(CLAIM, id_, corrective_action=made(book, "corrective_action", "issued")))
    refused(service.move(CLAIM, id_, "close"), "退回的货物须有注明本申请的返工单")
    order = made(book, REWORK, "reworked", return_exchange_claim=str(id_))
    refused(service.move(CLAIM, id_, "close"), "且均已放行或报废")
    book.as_it_was(REWORK, order, state="released")
    done(service.move(CLAIM, id_, "close"))


def test_nothing_comes_back_for_a_claim_in_money(book):
    service = book.person("customer_service")
    id_ = made(book, CLAIM, "executing", demand_type="claim", vehicle=str(vehicle(book)), reply_text="同意赔偿")
    done(service.move(CLAIM, id_, "complete", procedures="已付款"))


def test_br_07_past_its_shelf_life_a_product_is_not_taken_back(book):
    """The last day still counts. A demand that is unfounded or too late may be refused, no other."""
    engineer, batch = book.person("quality_engineer"), str(book.id("product_batch", batch_no="B2608"))
    book.as_it_was("product_batch", int(batch), expires_on=None, shelf_life_months=5)
    assert f"{book.read('product_batch', int(batch)).expires_on}" == "2026-11-01"
    late, in_time = (made(
        book, CLAIM, "assigned", vehicle="", product_batch=batch, quantity="3", confirmer=str(book.user("quality_engineer")),
        received_at=received, delays=[]) for received in ("2026-11-02T00:00", "2026-11-01T23:59"))
    refused(engineer.move(CLAIM, late, "confirm", **CONFIRMED), "产品在提出之日已超过有效期")
    refused(engineer.move(CLAIM, in_time, "refuse", reply_text="不予", **CONFIRMED), "须予认可")
    done(engineer.move(CLAIM, late, "refuse", reply_text="可协助处理", **CONFIRMED))
    done(engineer.move(CLAIM, in_time, "confirm", **CONFIRMED))


def test_only_the_user_withdraws_what_was_confirmed_and_the_register_keeps_it(book):
    id_ = made(book, CLAIM, "confirmed", vehicle=str(vehicle(book)), is_nonconformity_confirmed="true")
    service = book.person("customer_service")
    refused(service.move(CLAIM, id_, "withdraw"), "请填写原因", 422)
    done(service.move(CLAIM, id_, "withdraw", comment="用户改为维修"))
    assert len(book.ids(REGISTER, return_exchange_claim_id=id_)) == 1


def test_a_dealer_sees_the_claims_it_took_only(book):
    dealer = book.person("dealer_f001")
    own = dealer.create(CLAIM, claim(book, vehicle=vehicle(book)))
    assert dealer.get(f"/admin/{CLAIM}/details/?id={own}").status_code == 200
    assert book.person("dealer_f002").get(f"/admin/{CLAIM}/details/?id={own}").status_code == 404
    refused(dealer.move(CLAIM, own, "withdraw", comment="不办"), "“用户撤回”由客户服务办理")


# What the register takes ----------------------------------------------------------------------------------------------

def test_br_28_a_vehicle_is_taken_back_for_the_reason_that_its_claim_names(book):
    """Every row names its claim or recall, of the same vehicle; no vehicle is twice in the store."""
    car, other, store = vehicle(book), vehicle(book), book.person("warehouse")
    id_ = made(book, CLAIM, "executing", vehicle=str(car), demand_type="return")
    post = lambda **changes: store.post(f"/admin/{STORE}/new/", returned(book, car, **changes))   # noqa: E731
    refused(post(), "按所选类别，请关联“退货/换货/索赔申请”", 422)
    refused(post(kind="recall", return_exchange_claim=id_), "按所选类别，请关联“召回车辆明细”", 422)
    refused(post(vehicle=other, return_exchange_claim=id_), "所选单据不是本车的", 422)
    refused(post(kind="exchange", return_exchange_claim=id_), "类别须与申请的用户要求一致", 422)
    called_off = made(book, CLAIM, "withdrawn", vehicle=str(car), demand_type="return")
    refused(post(return_exchange_claim=called_off), "该申请已撤回或不予认可", 422)
    entry = store.create(STORE, returned(book, car, return_exchange_claim=id_))
    refused(post(return_exchange_claim=id_), f"该车的登记 {book.read(STORE, entry).number} 尚未办结", 422)


def test_it_is_sold_again_only_reinspected_and_with_the_buyers_signature(book):
    """Art. 33: who buys it signs that it came back once; the vehicle's file says so for ever."""
    car, store = vehicle(book, mileage=None), book.person("warehouse")
    made(book, FILE, "completed", vehicle=str(car), mileage="12000", received_at="2026-10-01T09:00")
    id_ = made(book, CLAIM, "stored", vehicle=str(car), demand_type="return")
    refused(store.post(f"/admin/{STORE}/new/", returned(book, car, return_exchange_claim=id_, mileage="11999")),
            "该车此前已登记 12000 km", 422)
    entry = store.create(STORE, returned(book, car, return_exchange_claim=id_))
    done(store.move(STORE, entry, "store"))
    refused(store.move(VEHICLE, car, "restock", comment="转入库存"), "退换车辆登记尚未办结")
    resold = {"destination": "resale", "disclosed_on": office.today().isoformat(), "disclosure_signed_by": "李四"}
    done(store.move(STORE, entry, "reinspect", reinspection_text="制动不良", is_reinspection_passed="false"))
    refused(store.move(STORE, entry, "resell", **resold), "复检合格后方可售出或自用")
    refused(store.move(STORE, entry, "scrap", comment="报废", destination="resale"), "“去向”须为：报废")
    done(store.edit(STORE, entry, reinspection_text="已修复", is_reinspection_passed="true"))
    tomorrow = (office.today() + office.DAY).isoformat()
    refused(store.move(STORE, entry, "resell", **{**resold, "disclosed_on": tomorrow}), "书面告知日期不能晚于今天", 422)
    for name in ("disclosed_on", "disclosure_signed_by"):
        assert store.move(STORE, entry, "resell", **{**resold, name: ""}).status_code == 422, name
    refused(store.move(STORE, entry, "resell", **{**resold, "destination": "scrap"}), "去向为报废的，请用“报废”")
    done(store.move(STORE, entry, "resell", **resold))
    assert book.read(VEHICLE, car).is_return_resale is True
    done(store.move(VEHICLE, car, "restock", comment="转入库存"))
    assert book.state(VEHICLE, car) == "in_stock"


def test_a_vehicle_that_is_scrapped_leaves_the_files_too(book):
    car, store = vehicle(book, "returned"), book.person("warehouse")
    id_ = made(book, CLAIM, "stored", vehicle=str(car), demand_type="return")
    entry = made(book, STORE, "stored", vehicle=str(car), return_exchange_claim=str(id_))
    done(store.move(STORE, entry, "scrap", comment="无修复价值", destination="scrap"))
    assert book.state(VEHICLE, car) == "scrapped"
