"""随车资料交付清单."""

from models.base import Record, day, integer, link, longtext, moment, person, phone, signature, text, yes_no
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class DeliveryDocumentChecklist(Record):
    """Ticked by storage and transport when a user collects a vehicle, to prove that the full set of
    documents was handed over and signed for."""

    vehicle_id = link("vehicle", "车辆", required=True)
    customer_id = link("customer", "用户", required=True)
    picked_up_on = day("提车日期", required=True, origin="P")
    picked_up_by = text("提车人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    # NOTE zero-kilometre hand-over (004 §3)
    mileage = integer("交付里程", required=True, measure="km")
    has_warranty_manual = yes_no("《质量保修手册》", required=True, default=False)
    has_dealer_directory = yes_no("《服务商名录》", required=True, default=False)
    has_user_manual = yes_no("《使用说明书》", required=True, default=False)
    has_engine_manual = yes_no("《发动机说明书》", required=True, default=False)
    has_accessory_list = yes_no("微车随车附件清单", required=True, default=False)
    has_conformity_certificate = yes_no("产品合格证", origin="P", default=False)
    has_warranty_voucher = yes_no("三包凭证", origin="P", default=False)
    has_invoice = yes_no("购车发票", origin="P", default=False)
    other_documents = text("其他资料")
    is_complete = yes_no("资料齐全", origin="X", derived="the five delivery documents are all ticked")
    handler_id = person("交付人", required=True, origin="P")
    signed_by = signature("用户签名", origin="P")
    # SET_BY sign
    signed_at = moment("签收时间", origin="P")
    remark = longtext("备注", origin="P")

    spec = RecordType(
        code="DDC", zh="随车资料交付清单", en="Delivery document checklist", source="004 §3, §5.3.1",
        series=Series("DDC-{yyyy}{mm}-{n:04}"),
        list=("number", "vehicle", "customer", "picked_up_on", "is_complete", "handler", "signed_at",
              "state"),
        search=("number", "picked_up_by"),
        filters=("state", "customer", "picked_up_on", "is_complete", "handler"),
        links_in=("vehicle",),
        retention_years=10,
        workflow=Workflow(
            states(("open", "清点中"), ("complete", "已齐全"), ("signed", "已签收")),
            moves=(
                # WHEN is_complete is true
                Move("complete", "清点完成", source=("open",), to="complete", by=("warehouse",),
                    requires=("vehicle", "customer", "picked_up_on", "mileage", "handler")),
                Move("reopen", "重新清点", source=("complete",), to="open", by=("warehouse",), comment=True),
                # THEN the vehicle may be delivered
                Move("sign", "用户签收", source=("complete",), to="signed", by=("warehouse",),
                    requires=("signed_by",), stamps=("signed_at",)),
            ),
        ),
        deadlines=(
            Deadline("sign_at_pickup", "picked_up_on", met_by="signed_at", tell=("warehouse",)),
        ),
        access={
            "customer_service": "V", "quality_manager": "V", "sales": "V", "sales_lead": "V",
            "warehouse": "CEVX",
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
