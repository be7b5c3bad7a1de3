"""退换车辆登记(备注)."""

from models.base import (
    Record, choice, day, integer, link, longtext, moment, person, signature, text, yes_no,
)
from models.conditions import is_changed, is_true, one_of, saying
from models.master.vehicle import IN_STORE, wrong_reading
from models.spec import Default, Move, RecordType, Series, Text, Workflow, states

TURNED_DOWN = ("withdrawn", "not_confirmed")   # claims because of which nothing comes back
# kind -> the record because of which a vehicle of this kind came back
GROUNDS = {"return": "return_exchange_claim", "exchange": "return_exchange_claim", "recall": "recall_vehicle"}


def take_back_vehicle(entry, act) -> None:
    vehicle = act.get("vehicle", entry.vehicle_id)
    if vehicle.state == "delivered":
        act.make(vehicle, "take_back")


def mark_as_returned(entry, act) -> None:
    """Whoever buys the vehicle is told that it came back once."""
    vehicle = act.get("vehicle", entry.vehicle_id)
    vehicle.is_return_resale = True
    act.touch(vehicle)


def scrap_vehicle(entry, act) -> None:
    vehicle = act.get("vehicle", entry.vehicle_id)
    if vehicle.state in ("in_stock", "returned"):
        act.make(vehicle, "scrap")


PASSED = saying(is_true("is_reinspection_passed"), "复检合格后方可售出或自用", "Only a vehicle that passed the reinspection "
                "is sold or used")
STAYS_IN_USE = saying(
    one_of("destination", "resale", "internal_use"), "去向为报废的，请用“报废”", "A vehicle to be scrapped is not sold")
TO_BE_SCRAPPED = one_of("destination", "scrap")


class ReturnedVehicleRegister(Record):
    """The storekeeper of finished vehicles registers and remarks every vehicle that comes back by
    return or exchange, until disclosed resale or scrapping."""

    vehicle_id = link("vehicle", "退/换回车辆", required=True, group=("车辆与来由", "Vehicle and reason"))
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    kind = choice("类别", ("return", "退回"), ("exchange", "换回"), ("recall", "召回收回", "Taken back in a recall"),
                  required=True)
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X", help=(
        "退回、换回时必填", "Needed for a return or exchange"))
    recall_vehicle_id = link("recall_vehicle", "召回车辆明细", origin="X", help=(
        "召回收回时必填", "Needed for a vehicle taken back in a recall"))
    received_at = moment("入库时间", required=True, origin="P", default=Default.NOW)
    handler_id = person("成车保管员", required=True, default=Default.CURRENT_USER)
    mileage = integer("里程", required=True, origin="P", measure="km", group=("车况与存放", "Condition and storage"))
    condition = longtext("车况", required=True, origin="P")
    accessories = text("随车附件资料", origin="P")
    return_reason = longtext("退换原因", required=True, origin="P")
    storage_location = text("存放位置", origin="P")
    remark = longtext("备注", required=True)
    reinspected_at = moment("复检时间", origin="X", group=("复检与处置", "Reinspection and disposal"))
    reinspection_text = longtext("复检结果", origin="X")
    is_reinspection_passed = yes_no("复检合格", origin="X")
    destination = choice("去向", ("resale", "按三包换退车销售", "Resale as returned vehicle"), ("scrap", "报废"),
                         ("internal_use", "公司自用"), origin="P")
    disclosed_on = day("书面告知日期", origin="X")
    disclosure_signed_by = signature("受让人告知签字", origin="X", help=(
        "受让人须书面签字确认已知为三包换退车", "The buyer signs that it was disclosed as a returned vehicle"))
    disposed_at = moment("处置时间", origin="X")

    def start_from(self, source, act):
        if source.spec.name == "recall_vehicle":
            self.kind = "recall"
            campaign = act.get("recall_campaign", source.recall_campaign_id)
            self.return_reason = campaign.defect_description
        else:
            self.kind = source.demand_type if source.demand_type in GROUNDS else None
            self.mileage, self.return_reason = source.mileage, source.fault_description

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        self.vin = vehicle and vehicle.vin

    def check(self, act):
        yield from wrong_reading(self, act)
        if self.kind:
            yield from self._wrong_ground(act)
        if self.disclosed_on and self.disclosed_on > act.today:
            yield "disclosed_on", Text("书面告知日期不能晚于今天", "It is not disclosed in the future")
        rows = act.find("returned_vehicle_register", vehicle_id=self.vehicle_id) if is_changed(self, "vehicle") else ()
        other = next((row for row in rows if row is not self and row.state in IN_STORE), None)
        if other is not None:
            yield "vehicle", Text(f"该车的登记 {other.number} 尚未办结，不能重复登记",
                                  f"{other.number} about this vehicle is still open")

    def _wrong_ground(self, act):
        name = GROUNDS[self.kind]
        ground = act.get(name, getattr(self, f"{name}_id"))
        if ground is None:
            yield name, Text("按所选类别，请关联“{it}”", "This kind needs the record it comes from: {it}").with_(
                it=self.spec.fields[name].label)
        elif ground.vehicle_id != self.vehicle_id:
            yield name, Text("所选单据不是本车的，请重选", "This record is about another vehicle: choose again")
        elif name == "return_exchange_claim" and any(is_changed(self, field) for field in (name, "kind")):
            if ground.demand_type != self.kind:
                yield "kind", Text("类别须与申请的用户要求一致，请更正", "It comes back as the claim demands: correct the kind")
            if ground.state in TURNED_DOWN:
                yield name, Text("该申请已撤回或不予认可，车辆不收回", "This claim was withdrawn or refused: the vehicle stays")

    spec = RecordType(
        code="RVR", zh="退换车辆登记(备注)", en="Returned vehicle register", source="004 §5.3.4 (second)",
        series=Series("RVR-{yyyy}{mm}-{n:04}"),
        list=("number", "vin", "kind", "received_at", "handler", "mileage", "is_reinspection_passed",
              "destination", "state"),
        inline=("destination", "handler"),
        search=("number", "vin", "remark", "return_reason"),
        filters=("state", "kind", "destination", "received_at"),
        links_in=("return_exchange_claim", "recall_vehicle"), retention_years=10,
        workflow=Workflow(
            states(("received", "已登记", "Registered"), ("stored", "已入库"), ("reinspected", "已复检"),
                   ("resold", "已告知并售出", "Resold with disclosure"), ("scrapped", "已报废")),
            moves=(
                Move("store", "入库", source=("received",), to="stored", by=("warehouse",), then=take_back_vehicle,
                     requires=("vehicle", "kind", "received_at", "mileage", "condition", "return_reason",
                               "storage_location", "remark")),
                Move("reinspect", "复检", source=("stored", "reinspected"), to="reinspected",
                     by=("warehouse",), requires=("reinspection_text", "is_reinspection_passed"),
                     stamps=("reinspected_at",)),
                Move("resell", "告知后售出或自用", "Resell with disclosure", source=("reinspected",),
                     to="resold", by=("warehouse",),
                     requires=("destination", "disclosed_on", "disclosure_signed_by"),
                     stamps=("disposed_at",), when=(PASSED, STAYS_IN_USE), then=mark_as_returned),
                Move("scrap", "报废", source=("stored", "reinspected"), to="scrapped", by=("warehouse",),
                     requires=("destination",), stamps=("disposed_at",), comment=True, when=(TO_BE_SCRAPPED,),
                     then=scrap_vehicle),
            )),
        access={
            "customer_service": "V", "quality_engineer": "V", "quality_manager": "V",
            "warehouse": "CEVX", "finance": "V",
        },
        rules=(
            "BR-28 every returned or exchanged vehicle is registered and remarked by the storekeeper "
            "(remark is never empty)",
            "return or exchange needs return_exchange_claim, recall needs recall_vehicle, each of the "
            "same vehicle",
            "resale is blocked without a passed reinspection and the buyer's signed written disclosure "
            "(三包换退车)",
            "one open row per vehicle",
            "mileage is not below the vehicle's earlier readings",
        ),
    )
