"""召回车辆执行明细."""

from models.base import Line, Record, choice, decimal, lines, link, longtext, moment, phone, signature, text
from models.spec import Move, RecordType, Series, Workflow, states


class Part(Line, of="recall_vehicle"):
    """配件."""

    part_no = text("配件编号", origin="P")
    part_name = text("配件名称", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")


class RecallVehicle(Record):
    """One vehicle of a recall: the dealer notifies the owner and records the repair, replacement or
    taking back."""

    recall_campaign_id = link("recall_campaign", "召回活动", required=True)
    vehicle_id = link("vehicle", "车辆", required=True)
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    customer_id = link("customer", "车主", origin="P", derived="vehicle.customer")
    phone = phone("车主电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "执行服务商", origin="P")
    notification_method = choice("通知方式", ("letter", "挂号信", "Registered letter"), ("phone", "电话"),
        ("message", "短信微信"), ("visit", "上门"), origin="P")
    # SET_BY notify
    notified_at = moment("车主通知时间", origin="P")
    arrived_at = moment("到店时间", origin="P")
    measure = choice("措施", ("repair", "修理"), ("replace", "更换"), ("take_back", "收回"))
    # SET_BY complete
    completed_at = moment("完成时间", origin="P")
    signed_by = signature("车主签字", origin="P")
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X")
    unreachable_reason = text("无法联系说明", origin="P")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "配件")

    spec = RecordType(
        code="RCV", zh="召回车辆执行明细", en="Recall vehicle row", source="004 §5.3.5 (second)",
        series=Series("RCV-{yyyy}{mm}-{n:05}"),
        title="vin",
        scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "recall_campaign", "vin", "customer", "dealer", "notified_at", "measure",
              "completed_at", "state"),
        search=("number", "vin"),
        filters=("state", "recall_campaign", "dealer", "measure", "notified_at", "completed_at"),
        links_in=("recall_campaign",),
        retention_years=10,
        workflow=Workflow(
            states(("pending", "待通知"), ("notified", "已通知"), ("done", "已完成"), ("unreachable", "无法联系"),
                ("scrapped", "车辆已报废")),
            moves=(
                # WHEN the campaign is announced or executing
                Move("notify", "通知车主", "Notify owner", source=("pending", "unreachable"), to="notified",
                    by=("dealer", "customer_service"), requires=("dealer", "notification_method"),
                    stamps=("notified_at",)),
                # WHEN the campaign is executing; repair or replace needs customer_repair_file, take_back needs a returned_vehicle_register row; a vehicle in stock needs no owner signature
                Move("complete", "完成", source=("pending", "notified", "unreachable"), to="done",
                    by=("dealer", "customer_service"), requires=("measure", "arrived_at", "signed_by"),
                    stamps=("completed_at",)),
                Move("mark_unreachable", "无法联系", "Unreachable", source=("pending", "notified"),
                    to="unreachable", by=("dealer", "customer_service"),
                    requires=("unreachable_reason",)),
                Move("mark_scrapped", "车辆已报废", "Scrapped",
                    source=("pending", "notified", "unreachable"), to="scrapped",
                    by=("customer_service",), comment=True),
            ),
        ),
        access={"customer_service": "CEVX", "quality_manager": "V", "dealer": "Ev", "appraiser": "v"},
        rules=(
            "one row per campaign and vehicle",
            "measure is one of the campaign's measures",
            "any recognised dealer may complete any row found by full VIN (BR-30)",
            "vehicle.has_open_recall is true while a row is pending, notified or unreachable",
            "the owner pays nothing for a recall measure",
        ),
    )
