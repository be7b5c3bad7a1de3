"""The recalls of the demo company, from the first suspicion to the final report, and the vehicles in their scope."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo.ladder import NOW, ago, climbed, improvement
from demo.story import Clock, Rec
from demo.terms import Found

DEFECTS = (
    ("转向油管接头渗漏", "steering", "助力油管接头密封圈批次硬度偏低，低温下可能渗油，助力减弱。", "更换改进型密封圈并补充油液。"),
    ("前舱线束搭铁点松动", "electrical", "搭铁点紧固力矩不足，极端情况下可能熄火。", "加装防松垫圈并按力矩复紧。"),
    ("制动软管支架干涉", "brakes", "软管支架与减振器间隙不足，长期摩擦可能渗漏。", "更换支架并检查软管。"),
    ("后栏板铰链焊缝", "body", "焊缝熔深不足，重载时可能开裂。", "补焊并加装加强板。"),
)


class Recalls:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.found = clock, found
        self.campaigns: list[Rec] = []
        self.rows: list[Rec] = []
        self.used: set[int] = set()

    def make(self) -> None:
        self.closed(self.campaign(0, ago(self.clock, 270), "closed", self.repaired(255, 170)[:3]))
        self.reported(self.campaign(1, ago(self.clock, 150), "reported", [
            *self.repaired(125, 70)[:1], *(row for row in self.found["vehicle"] if row["state"] == "scrapped"
                                           and "dealer" not in row)][:2]))
        self.executing(self.campaign(2, ago(self.clock, 80), "executing", [*self.repaired(50, 6)[:1], *self.delivered()[:5]]))
        for n, (target, age) in enumerate((("announced", 40), ("filed", 26), ("decided", 20), ("in_approval", 12), ("investigating", 7),
                                           ("dismissed", 190), ("void", 330))):
            stock = [row for row in self.found["vehicle"] if row["state"] == "in_stock" and id(row) not in self.used]
            scope = stock[:1] if target == "decided" else self.delivered()[:2]
            campaign = self.campaign(3 + n, ago(self.clock, age), target, scope)
            if target in ("announced", "filed", "decided"):
                self.waiting(campaign, target)

    def delivered(self) -> list[Rec]:
        return [row for row in self.found["vehicle"] if row["state"] == "delivered" and id(row) not in self.used][4::9]

    def repaired(self, from_: int, until: int) -> list[Rec]:
        """Vehicles that were in a workshop under warranty within these days."""
        start, end = (self.clock.end - timedelta(days=days) for days in (from_, until))
        files = [row for row in self.found["customer_repair_file"] if row["is_in_warranty"] and row["service_kind"] == "repair"
                 and row["state"] == "archived" and start < row["completed_at"] < end and id(row["vehicle"]) not in self.used
                 and row["vehicle"]["state"] == "delivered"]
        vehicles: dict[int, Rec] = {}
        for file in files:
            file["vehicle"]["_recall_file"] = file
            vehicles.setdefault(id(file["vehicle"]), file["vehicle"])
        return list(vehicles.values())

    def campaign(self, n: int, begun: datetime, target: str, scope: list[Rec]) -> Rec:
        title, category, text, measure = DEFECTS[n % len(DEFECTS)]
        self.used |= {id(row) for row in scope}
        analyses = [row for row in self.found["monthly_quality_analysis"] if row["state"] == "acknowledged" and row["created_at"] < begun]
        early: tuple[float, float] = (0.6, 1.6)
        rungs: list[tuple[str, Any]] = [
            ("in_approval", {"_pace": early}), ("decided", {"decided_at": NOW, "_pace": early}),
            ("filed", {"stop_sale_at": NOW, "dealers_notified_at": NOW, "filed_at": NOW, "measure_text": measure, "_pace": early}),
            ("announced", {"recall_no": f"S{begun:%Y}M0{begun:%m%d}I", "notification_method": "挂号信、短信和电话逐一通知",
                           "announced_at": NOW, "starts_on": NOW, "_pace": early}),
            ("executing", {"_pace": early, "stage_reports": [{"reported_on": (begun + timedelta(days=16)).date(), "done_count": 0,
                                                              "content": "已通知车主，备件到位。"}]}),
            ("reported", {"final_report": "范围内车辆均有结果，未发生相关事故。", "reported_at": NOW, "_pace": (60, 64)}),
            ("closed", {"closed_at": NOW, "_pace": (5, 9)})]
        if target in ("dismissed", "void"):
            rungs = [(target, {})]
        rungs = [(state, {key: value for key, value in given.items() if key != "starts_on"} | (
            {"starts_on": (begun + timedelta(days=12)).date(), "ends_on": (begun + timedelta(days=200)).date()} if "starts_on" in given
            else {})) for state, given in rungs]
        row = climbed(
            self.clock, "quality_manager", begun, "investigating", rungs, target, department="QA", title=f"{scope[0]['model']}{title}召回"
            if scope else title,
            monthly_quality_analysis=analyses[-1] if analyses else None, defect_description=text, defect_origins=["manufacture"],
            fault_category=category,
            scope_kind="batch" if target == "investigating" else "category", commonality_text="同一供应商同一时段的零件，具有同一性。",
            risk_description="可能影响行车安全。", measures=["repair", "take_back"],
            scope_items=self.batch_scope() if target == "investigating"
            else [{"model": vehicle["model"], "vin_from": vehicle["vin"], "vin_until": vehicle["vin"], "quantity": 1}
                  for vehicle in scope])
        row["_scope"] = scope
        self.campaigns.append(row)
        return row

    def batch_scope(self) -> list[dict[str, Any]]:
        """Nothing is known yet but the batch."""
        batch = next(row for row in reversed(self.found["product_batch"]) if row["_product"] == "van" and row["state"] == "active")
        return [{"product_batch": batch, "model": batch["model"], "quantity": batch["quantity"]}]

    # the vehicles ----------------------------------------------------------------------------------------------------

    def row(self, campaign: Rec, vehicle: Rec, state: str, **fields: Any) -> Rec:
        owner = vehicle.get("customer")
        row = Rec(state=state, created_at=campaign.get("filed_at") or campaign["decided_at"], created_by="quality_manager",
                  department="QA",
                  recall_campaign=campaign, vehicle=vehicle, phone=owner and owner["phone"], dealer=vehicle.get("dealer"), **fields)
        self.rows.append(row)
        return row

    @staticmethod
    def told(campaign: Rec) -> dict[str, Any]:
        return {"notification_method": "phone", "notified_at": campaign["announced_at"] + timedelta(hours=20)}

    def done(self, campaign: Rec, vehicle: Rec) -> Rec:
        """The file of the repair proves it, and the claim for it is a recall claim."""
        file = vehicle["_recall_file"]
        ended = max(file["completed_at"] + timedelta(minutes=30), campaign["announced_at"] + timedelta(hours=30))
        row = self.row(campaign, vehicle, "done", **self.told(campaign), measure="repair", arrived_at=file["received_at"],
                       completed_at=ended,
                       signed_by=vehicle["customer"]["contact_person"], customer_repair_file=file,
                       parts=[{"part_no": "ZH-KIT-01", "part_name": "召回改进件包", "quantity": 1}])
        for sheet in self.found["warranty_appraisal"]:
            if sheet.get("customer_repair_file") is file and sheet["claim_type"] == "vehicle" and sheet["state"] != "void":
                sheet |= {"claim_type": "recall", "recall_vehicle": row}
        return row

    def closed(self, campaign: Rec) -> None:
        for vehicle in campaign["_scope"]:
            self.done(campaign, vehicle)
        _, category, text, measure = DEFECTS[0]
        campaign["corrective_action"] = improvement(self.clock, "other", campaign, campaign["filed_at"] + timedelta(days=1), "SUB-HB",
                                                    (text, "密封圈供应商换料未报批", measure, "换料须经样件认可"),
                                                    fault_category=category)
        campaign["corrective_action"].pop("source_number")
        campaign["stage_reports"] = [campaign["stage_reports"][0] | {"done_count": len(campaign["_scope"])}]
        self.found["corrective_action"].append(campaign["corrective_action"])

    def reported(self, campaign: Rec) -> None:
        for vehicle in campaign["_scope"]:
            if "_recall_file" in vehicle:
                self.done(campaign, vehicle)
            else:
                self.row(campaign, vehicle, "scrapped", remark="车辆已报废")

    def executing(self, campaign: Rec) -> None:
        """One is done, one came back for good, others were told, cannot be found, or still have to be told."""
        first, second, third, fourth, fifth, *_ = campaign["_scope"]
        if "_recall_file" in first:
            self.done(campaign, first)
        self.row(campaign, second, "notified", **self.told(campaign))
        self.row(campaign, third, "pending")
        self.row(campaign, fourth, "unreachable", **self.told(campaign), unreachable_reason="电话停机，挂号信退回")
        taken = self.row(campaign, fifth, "done", **self.told(campaign), measure="take_back",
                         arrived_at=campaign["announced_at"] + timedelta(days=3),
                         completed_at=campaign["announced_at"] + timedelta(days=4), signed_by=fifth["customer"]["contact_person"])
        for vehicle in campaign["_scope"][5:]:
            self.row(campaign, vehicle, "notified", **self.told(campaign))
        outside = self.delivered()[-1]
        self.row(campaign, outside, "void", remark="不在召回范围")
        fifth["state"] = "returned"
        self.found["returned_vehicle_register"].append(climbed(
            self.clock, "warehouse", taken["arrived_at"], "received", [("stored", {"_pace": (0, 0)})], "", department="WH", vehicle=fifth,
            kind="recall",
            recall_vehicle=taken, received_at=taken["arrived_at"], handler="warehouse", mileage=fifth.get("_per_day", 30) * 300,
            condition="车况正常，按召回收回。",
            return_reason="召回收回", storage_location="召回车区D-01", remark="召回收回，等待分析。"))

    def waiting(self, campaign: Rec, target: str) -> None:
        for n, vehicle in enumerate(campaign["_scope"]):
            is_told = target == "announced" and n == 0
            self.row(campaign, vehicle, "notified" if is_told else "pending", **(self.told(campaign) if is_told else {}))


def add(clock: Clock, found: Found) -> None:
    recalls = Recalls(clock, found)
    recalls.make()
    found["recall_campaign"] = sorted(recalls.campaigns, key=lambda row: row["created_at"])
    found["recall_vehicle"] = sorted(recalls.rows, key=lambda row: row["created_at"])
    found["returned_vehicle_register"].sort(key=lambda row: row["created_at"])
