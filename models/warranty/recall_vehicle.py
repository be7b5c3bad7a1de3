"""召回车辆执行明细."""

from models.base import Line, Record, choice, decimal, lines, link, longtext, moment, phone, signature, text
from models.conditions import filled, if_so, is_changed, linked, one_of, saying
from models.spec import (
    APPROVER, DRAFTER, VOID, Condition, Move, RecordType, Series, Text, Workflow, choices, states,
)

MEASURES = choices(("repair", "修理"), ("replace", "更换"), ("take_back", "收回"))
OPEN = ("pending", "notified", "unreachable")
NO_OWNER = "（在库车辆，无需车主签字）"


def count_as_moved(row, act) -> None:
    """The vehicle and the campaign count the row in the state that it is about to reach."""
    row.becomes = act.move.to
    campaign = act.get("recall_campaign", row.recall_campaign_id)
    campaign.moving = row
    for owner in (act.get("vehicle", row.vehicle_id), campaign):
        act.touch(owner)


def is_taken_back(row, act) -> bool:
    return any(entry.state != VOID for entry in act.find("returned_vehicle_register", recall_vehicle_id=row.id))


def is_out_of_scope(row, act) -> bool:
    return not act.get("recall_campaign", row.recall_campaign_id).covers(act.get("vehicle", row.vehicle_id))


CAMPAIGN_IS_OUT = saying(
    linked("recall_campaign", "announced", "executing"), "召回发布后方可通知车主",
    "Owners are notified once the campaign is announced")
CAMPAIGN_RUNS = saying(
    linked("recall_campaign", "executing"), "召回开始实施后方可完成", "A row is completed while the campaign is under way")
REPAIR_IS_FILED = if_so(one_of("measure", "repair", "replace"), saying(
    filled("customer_repair_file"), "修理或更换的，须先关联客户维修档案", "A repair or replacement needs its repair file"))
TAKEN_BACK = if_so(one_of("measure", "take_back"), Condition(is_taken_back, Text(
    "收回的车辆须先由成车保管员在退换车辆登记中登记",
    "The storekeeper registers a vehicle that is taken back first")))
OWNER_PAYS_NOTHING = Condition(
    lambda row, act: row.customer_repair_file is None or row.customer_repair_file.is_in_warranty
    or not row.customer_repair_file.amount,
    Text("召回措施不向车主收费，请更正维修档案中的费用或“保修内”",
         "The owner pays nothing for a recall: correct the charges of the repair file, or mark it as in warranty"))
OUT_OF_SCOPE = Condition(is_out_of_scope, Text(
    "本车在召回范围内，明细不能作废；请登记为无法联系或已报废",
    "The vehicle is within the recall: mark it unreachable or scrapped instead"))


class Part(Line, of="recall_vehicle"):
    """A part that the measure took."""

    part_no = text("配件编号", origin="P")
    part_name = text("配件名称", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")


class RecallVehicle(Record):
    """One vehicle of a recall: the dealer notifies the owner and records the repair, replacement or taking
    back."""

    becomes = ""   # the state that a move under way takes it to

    recall_campaign_id = link("recall_campaign", "召回活动", required=True, group=("车辆与车主", "Vehicle and owner"))
    vehicle_id = link("vehicle", "车辆", required=True)
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    customer_id = link("customer", "车主", origin="P", derived="vehicle.customer until the row is completed")
    phone = phone("车主电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "执行服务商", origin="P", group=("通知", "Notice"), help=(
        "任何服务商均可执行；服务商以“召回服务”鉴定单受理本车时自动转为该服务商",
        "Any dealer may carry it out; one that takes the vehicle in on an appraisal for a recall gets the row"))
    notification_method = choice("通知方式", ("letter", "挂号信", "Registered letter"), ("phone", "电话"),
                                 ("message", "短信微信"), ("visit", "上门"), origin="P")
    notified_at = moment("车主通知时间", origin="P")
    arrived_at = moment("到店时间", origin="P", group=("执行", "Measure"))
    measure = choice("措施", MEASURES, help=("须为召回活动确定的措施之一；不向车主收费",
                                           "One of the campaign's measures; the owner pays nothing"))
    completed_at = moment("完成时间", origin="P")
    signed_by = signature("车主签字", origin="P", help=("在库车辆无需签字", "Nobody signs for a vehicle in stock"))
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X", help=(
        "修理或更换时须关联", "Needed for a repair or replacement"))
    unreachable_reason = text("无法联系说明", origin="P")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "配件")

    def is_open(self):
        return (self.becomes or self.state) in OPEN

    def start_from(self, source, act):
        self.measure = source.measures[0] if len(source.measures or ()) == 1 else None

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        self.vin = vehicle and vehicle.vin
        if self.is_open() or self.customer_id is None:
            self.customer_id = vehicle and vehicle.customer_id
        if self.measure and not self.signed_by and vehicle is not None and vehicle.state == "in_stock":
            self.signed_by = NO_OWNER

    def check(self, act):
        campaign = act.get("recall_campaign", self.recall_campaign_id)
        if self.measure and self.measure not in campaign.measures:
            yield "measure", Text("措施须为本次召回确定的措施之一，请重选",
                                  "This is none of the campaign's measures: choose again")
        file = act.get("customer_repair_file", self.customer_repair_file_id)
        if is_changed(self, "customer_repair_file") and file is not None and file.vehicle_id != self.vehicle_id:
            yield "customer_repair_file", Text("所选维修档案不是本车的，请重选",
                                               "This repair file is of another vehicle: choose again")
        for n, part in enumerate(self.parts):
            if part.quantity is not None and part.quantity <= 0:
                yield f"parts-{n}-quantity", Text("数量须大于零", "The quantity must be more than zero")

    spec = RecordType(
        code="RCV", zh="召回车辆执行明细", en="Recall vehicle row", source="004 §5.3.5 (second)",
        series=Series("RCV-{yyyy}{mm}-{n:05}"), title="vin", scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "recall_campaign", "vin", "customer", "dealer", "notified_at", "measure",
              "completed_at", "state"),
        search=("number", "vin"),
        filters=("state", "recall_campaign", "dealer", "measure", "notified_at", "completed_at"),
        links_in=("recall_campaign",), unique=(("recall_campaign", "vehicle"),), retention_years=10,
        workflow=Workflow(
            states(("pending", "待通知"), ("notified", "已通知"), ("done", "已完成"), ("unreachable", "无法联系"),
                   ("scrapped", "车辆已报废"), ("void", "作废")),
            moves=(
                Move("notify", "通知车主", "Notify owner", source=("pending", "unreachable"), to="notified",
                     by=("dealer", "customer_service"), requires=("dealer", "notification_method"),
                     stamps=("notified_at",), when=(CAMPAIGN_IS_OUT,), then=count_as_moved),
                Move("complete", "完成", source=OPEN, to="done", by=("dealer", "customer_service"),
                     requires=("measure", "arrived_at", "signed_by"), stamps=("completed_at",),
                     when=(CAMPAIGN_RUNS, REPAIR_IS_FILED, TAKEN_BACK, OWNER_PAYS_NOTHING), then=count_as_moved),
                Move("mark_unreachable", "无法联系", "Unreachable", source=("pending", "notified"),
                     to="unreachable", by=("dealer", "customer_service"), requires=("unreachable_reason",),
                     then=count_as_moved),
                Move("mark_scrapped", "车辆已报废", "Scrapped", source=OPEN, to="scrapped",
                     by=("customer_service",), comment=True, then=count_as_moved),
                Move(VOID, "作废", source=OPEN, to=VOID, by=(DRAFTER, APPROVER), comment=True,
                     when=(OUT_OF_SCOPE,), then=count_as_moved),
            )),
        access={
            "customer_service": "CEVX", "quality_manager": "V", "dealer": "Ev", "appraiser": "v",
            "warehouse": "V",
        },
        rules=(
            "one row per campaign and vehicle",
            "measure is one of the campaign's measures",
            "any recognised dealer may complete any row found by full VIN (BR-30)",
            "vehicle.has_open_recall is true while a row is pending, notified or unreachable",
            "the owner pays nothing for a recall measure",
        ),
    )
