"""随车资料交付清单."""

from models.base import (
    Default, Record, day, integer, link, longtext, moment, person, phone, signature, text, yes_no,
)
from models.conditions import is_true, linked, saying
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

DOCUMENTS = ("has_warranty_manual", "has_dealer_directory", "has_user_manual", "has_engine_manual",
             "has_accessory_list")


def waiting_lists(vehicle, act) -> list:
    """The signed lists with which the vehicle has not been delivered yet."""
    return [checklist for checklist in act.find("delivery_document_checklist", vehicle_id=vehicle.id)
            if checklist.state == "signed" and not any(
                row.customer_id == checklist.customer_id and row.owned_from_on >= checklist.picked_up_on
                for row in vehicle.owners)]


def is_handed_over(vehicle, act) -> bool:
    """The user who gets the vehicle has signed for its documents."""
    return any(checklist.customer_id == vehicle.customer_id for checklist in waiting_lists(vehicle, act))


def note_on_vehicle(checklist, act) -> None:
    """The vehicle may be delivered: its file says to whom and when."""
    vehicle = act.get("vehicle", checklist.vehicle_id)
    vehicle.customer_id, vehicle.delivered_on = checklist.customer_id, checklist.picked_up_on
    act.touch(vehicle)


ALL_THERE = saying(is_true("is_complete"), "五种随车资料须全部齐全", "All five delivery documents must be ticked")
IN_STOCK = saying(
    linked("vehicle", "in_stock"), "只有在库车辆可以签收交付", "Only a vehicle in stock is signed for")
SIGNED_ONCE = Condition(
    lambda checklist, act: not waiting_lists(act.get("vehicle", checklist.vehicle_id), act),
    Text("该车本次交付已有签收的清单", "There is a signed list for this delivery of the vehicle already"))


class DeliveryDocumentChecklist(Record):
    """Ticked by storage and transport when a user collects a vehicle, to prove that the full set of documents
    was handed over and signed for."""

    vehicle_id = link("vehicle", "车辆", required=True, group=("车辆与提车", "Vehicle and collection"))
    customer_id = link("customer", "用户", required=True)
    picked_up_on = day("提车日期", required=True, origin="P", default=Default.TODAY)
    picked_up_by = text("提车人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    mileage = integer("交付里程", required=True, measure="km", help=(
        "新车按零公里状况交付；超过限值的须在备注中说明", "A new vehicle is handed over at zero kilometres: explain more"))
    has_warranty_manual = yes_no("《质量保修手册》", required=True, default=False,
                                 group=("随车资料", "Documents"))
    has_dealer_directory = yes_no("《服务商名录》", required=True, default=False)
    has_user_manual = yes_no("《使用说明书》", required=True, default=False)
    has_engine_manual = yes_no("《发动机说明书》", required=True, default=False)
    has_accessory_list = yes_no("微车随车附件清单", required=True, default=False)
    has_conformity_certificate = yes_no("产品合格证", origin="P", default=False)
    has_warranty_voucher = yes_no("三包凭证", origin="P", default=False)
    has_invoice = yes_no("购车发票", origin="P", default=False)
    other_documents = text("其他资料")
    is_complete = yes_no("资料齐全", origin="X", derived="the five delivery documents are all ticked")
    handler_id = person("交付人", required=True, origin="P", default=Default.CURRENT_USER,
                        group=("交付与签收", "Handover and signature"))
    signed_by = signature("用户签名", origin="P", help=("由用户签名，交付人不能代签", "The user signs, never the handler"))
    signed_at = moment("签收时间", origin="P")
    remark = longtext("备注", origin="P")

    def derive(self, act):
        self.is_complete = all(getattr(self, name) for name in DOCUMENTS)

    def check(self, act):
        limit = act.parameter("handover_km")
        if self.mileage is not None and self.mileage > limit and not self.remark:
            yield "remark", Text(f"交付里程超过 {limit} km 的，请在备注中说明",
                                 f"More than {limit} km at the handover: explain it here")
        if self.signed_by and self.handler and self.signed_by.strip() in (self.handler.name, self.handler.username):
            yield "signed_by", Text("须由用户签名，交付人不能代签", "The user signs; the handler cannot do it for them")

    spec = RecordType(
        code="DDC", zh="随车资料交付清单", en="Delivery document checklist", source="004 §3, §5.3.1",
        series=Series("DDC-{yyyy}{mm}-{n:04}"),
        list=("number", "vehicle", "customer", "picked_up_on", "is_complete", "handler", "signed_at", "state"),
        search=("number", "picked_up_by"),
        filters=("state", "customer", "picked_up_on", "is_complete", "handler"),
        links_in=("vehicle",), retention_years=10,
        workflow=Workflow(
            states(("open", "清点中"), ("complete", "已齐全"), ("signed", "已签收")),
            moves=(
                Move("complete", "清点完成", source=("open",), to="complete", by=("warehouse",),
                     requires=("vehicle", "customer", "picked_up_on", "mileage", "handler"), when=(ALL_THERE,)),
                Move("reopen", "重新清点", source=("complete",), to="open", by=("warehouse",), comment=True),
                Move("sign", "用户签收", source=("complete",), to="signed", by=("warehouse",),
                     requires=("signed_by",), stamps=("signed_at",), when=(ALL_THERE, IN_STOCK, SIGNED_ONCE),
                     then=note_on_vehicle),
            )),
        deadlines=(
            Deadline("sign_at_pickup", "picked_up_on", met_by="signed_at", tell=("warehouse",)),
        ),
        access={
            "customer_service": "V", "quality_manager": "V", "sales": "V", "sales_lead": "V", "warehouse": "CEVX",
        },
        rules=(
            "BR-29 all five documents must be ticked before the list is complete, and the list signed "
            "before the vehicle is delivered",
            "one signed list per vehicle and delivery; a resold vehicle gets a new one",
            "the user signs; the handler cannot sign for the user",
            "a signed list cannot be edited",
            "mileage above the hand-over limit parameter (zero-kilometre delivery) needs a remark",
        ),
    )
