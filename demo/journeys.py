"""Journeys to the users of the demo company: what was carried along, inspected, agreed, sent back or left unsolved."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from demo import people
from demo.faults import PRODUCTS
from demo.ladder import NOW, climbed
from demo.story import Clock, Rec
from demo.terms import Found
from models.spec import months_after

CHECKED = dict.fromkeys(("has_transfer_sheet", "has_feedback_form", "has_qualification_card", "has_inspection_tools",
                         "has_user_guide"), True)
TESTS = (("check", "外观和配合尺寸", "符合图样", "目视、塞尺", "塞尺", "局部超差"),
         ("measurement", "关键尺寸", "±0.05mm", "三点测量", "外径千分尺", "超出公差0.03mm"),
         ("test", "密封性试验", "0.6MPa保压5min不降", "保压", "气密检测仪", "压降0.02MPa"))
UNSOLVED = (
    ("异响间歇出现，现场两次试车未能复现。", "请派电气工程师携带示波器到场。"),
    ("总成须返厂拆检，现场不具备条件。", "请安排台架试验并提供周转件。"),
    ("故障码偶发，怀疑线束内部断股。", "请提供线束图和备用线束一套。"), ("更换两次部件后仍有振动。", "请技术部门给出判断流程。"),
)


class Journeys:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.dice, self.found = clock, clock.dice, found
        self.badges = {row["person"]: row for row in found["staff_qualification"] if row["state"] == "valid" and row["person"]}
        self.slips = {id(row["quality_info_transfer"]): row for row in found["quality_disposition_feedback"] if row["state"] != "void"}
        self.rows: dict[str, list[Rec]] = {name: [] for name in (
            "travel_assignment", "carry_checklist", "product_inspection_record", "compensation_request", "compensation_agreement",
            "return_destruction_record", "unresolved_issue_report")}

    def make(self) -> None:
        visited = [row for row in self.found["quality_info_transfer"] if row.get("technician")]
        over = [row for row in visited if "disposed_at" in row]
        for n, sheet in enumerate(over):
            if n % 4 == 0 or sheet["state"] == "disposed":
                self.travel(sheet, "closed" if self.is_handed_in(sheet) else "returned")
        for n, sheet in enumerate([row for row in visited if row["state"] == "on_site"]):
            self.travel(sheet, "on_site")
            self.inspection(sheet, "draft" if n % 2 else "finished")
        waiting = [row for row in self.found["quality_info_transfer"] if row["state"] in ("dispatched", "assigned")]
        for n, sheet in enumerate(waiting):
            self.travel(sheet, ("draft", "travelling", "approving", "approved")[n % 4] if sheet["state"] == "dispatched"
                        else ("draft", "approving", "approved")[n % 3])
        self.travel(over[9], "cancelled", since=timedelta(minutes=40))
        self.finish_states(over)

    def finish_states(self, over: list[Rec]) -> None:
        slip = next(row for row in reversed(over) if self.is_handed_in(row) is False) if any(
            not self.is_handed_in(row) for row in over) else over[-1]
        if all(row["state"] != "returned" for row in self.rows["travel_assignment"]):
            self.travel(slip, "returned")
        void = Rec(self.rows["product_inspection_record"][3], state="void")
        void["created_at"] -= timedelta(minutes=2)
        for name in ("finished_at",):
            void.pop(name, None)
        self.rows["product_inspection_record"].append(void)
        self.compensations(over)
        self.unsolved()
        self.noted_on_the_way()

    def is_handed_in(self, sheet: Rec) -> bool:
        return "submitted_at" in self.slips.get(id(sheet), {})

    # the journey ---------------------------------------------------------------------------------------------------

    def travel(self, sheet: Rec, target: str, since: timedelta = timedelta(0)) -> None:
        """Written while the user is answered; the lead leaves in time to be there when the sheet says so."""
        unit, lead = sheet["responsible_unit"], sheet.get("technician") or "technician2"
        begun = max(sheet["confirmed_at"], sheet.get("replied_at", sheet["confirmed_at"]) - timedelta(minutes=30)) - since
        arrived = sheet.get("arrived_at") or max(begun + timedelta(hours=20), self.clock.end + timedelta(hours=8))
        step = (min(arrived, self.clock.end) - begun) / 8
        crew = [lead] if self.dice.random() < 0.6 else [lead, next(name for name in ("technician", "technician2") if name != lead)]
        row = Rec(
            state=target, created_at=begun + step, created_by=people.of_unit(unit), department=unit, quality_info_transfer=sheet,
            responsible_unit=unit, customer=sheet["customer"], contact_person=sheet["contact_person"], phone=sheet["phone"],
            address=sheet["address"], province=sheet["province"], lead=lead, task=sheet.get("preliminary_plan")
            or "到场检查，判明原因并提出处理意见。",
            transport_mode=self.clock.pick({"train": 3, "bus": 2, "company_car": 4}), planned_departure_at=begun + step * 5,
            planned_return_at=arrived + timedelta(days=1), budget="1500.00", members=[
                {"technician": user, "is_lead": user == lead, "phone": f"1390000{1000 + n}"} for n, user in enumerate(crew)])
        past = ("approved", "travelling", "on_site", "returned", "closed")
        if target in past:
            row["approved_at"] = begun + step * 2
        if target in past[1:]:
            row |= {"contacted_at": begun + step * 3, "contact_text": "已约定到场时间，请用户备好问题产品。", "area_sales": "sales2",
                    "area_sales_contacted_at": begun + step * 3, "departed_at": begun + step * 5, "quality_staff": "quality_engineer2"}
        if target in past[2:]:
            row["arrived_at"] = sheet["arrived_at"]
        self.rows["travel_assignment"].append(row)
        if target in past[3:]:
            self.come_back(row, sheet)
        self.checklists(row, begun + step * 4)

    def come_back(self, row: Rec, sheet: Rec) -> None:
        row["returned_at"] = min(sheet["disposed_at"] + timedelta(hours=9), self.clock.end - timedelta(minutes=10))
        row["returned_at"] = max(row["returned_at"], sheet["disposed_at"])
        if row["state"] == "closed":
            row["expense_amount"] = f"{self.dice.randint(28, 140) * 10}.00"
            self.inspection(sheet, "reviewed", row)

    def checklists(self, trip: Rec, moment: datetime) -> None:
        """Everybody who goes ticks off what they carry."""
        if trip["state"] in ("draft", "approving"):
            return
        for n, member in enumerate(trip["members"]):
            user = member["technician"]
            is_done = trip["state"] not in ("approved", "cancelled")
            row = Rec(state="complete" if is_done else "void" if trip["state"] == "cancelled" else "open",
                      created_at=trip.get("approved_at", trip["created_at"]), created_by=user, department="CS",
                      travel_assignment=trip, technician=user)
            if is_done:
                row |= {**CHECKED, "staff_qualification": self.badges[user], "checked_at": moment,
                        "tools_note": "千分尺、塞尺、故障诊断仪、扭力扳手"}
            if trip["state"] == "approved" and n == 0:
                row["has_transfer_sheet"] = True
            self.rows["carry_checklist"].append(row)

    # on site -------------------------------------------------------------------------------------------------------

    def inspection(self, sheet: Rec, target: str, trip: Rec | None = None) -> Rec:
        trip = trip or self.rows["travel_assignment"][-1]
        batch, inspected = sheet["product_batch"], sheet["arrived_at"] + timedelta(minutes=20)
        is_real = bool(sheet.get("is_substantiated"))
        finished = sheet.get("disposed_at", self.clock.end) - timedelta(minutes=40)
        row = Rec(
            state=target, created_at=inspected, created_by=sheet["technician"], quality_info_transfer=sheet, travel_assignment=trip,
            technician=sheet["technician"], inspected_at=inspected, place=sheet["address"], product_name=sheet["product_name"],
            product_batch=batch, batch_no=sheet["batch_no"], production_site=batch["production_site"], produced_on=sheet["produced_on"],
            purchased_quantity=30, used_quantity=self.dice.randint(5, 28), fault_category=sheet["fault_category"],
            fault_description=sheet["fault_description"], customer_demand="查明原因，尽快恢复使用。", direct_loss=sheet["direct_loss"],
            has_physical_product=True, operation_detail="用户按使用说明书操作，连续使用约三个月。", tests=[
                {"test_kind": kind, "item": item, "standard": "Q/CJ 01-2024", "required_value": wanted, "method": way, "equipment": tool,
                 "result_value": got if is_real else "符合要求", "is_conforming": not is_real}
                for kind, item, wanted, way, tool, got in TESTS])
        if target != "draft":
            row |= {"is_safety_confirmed": True, "judgement": "defect" if is_real else "no_defect", "is_misoperation": not is_real,
                    "judgement_text": "属制造质量问题，同批产品须排查。" if is_real else "产品质量符合标准，属使用条件引起。",
                    "usage_advice": None if is_real else "已当面演示正确的操作和保养方法。", "suggestion": "建议同批在库产品复检后放行。",
                    "signed_by": sheet["contact_person"], "signed_at": max(finished, inspected), "finished_at": max(finished, inspected)}
        self.rows["product_inspection_record"].append(row)
        if id(sheet) in self.slips and target == "reviewed":
            self.slips[id(sheet)]["product_inspection_record"] = row
        return row

    # exchange and compensation -----------------------------------------------------------------------------------------

    def compensations(self, over: list[Rec]) -> None:
        """Where a product was at fault and still within its life: asked for, approved, agreed and carried out."""
        fit = [sheet for sheet in over if sheet.get("is_substantiated") and Decimal(sheet["direct_loss"]) < 20000
               and self.is_handed_in(sheet) and self.is_valid(sheet)]
        done, open_ = fit[:-9][:12], fit[-9:]
        for n, sheet in enumerate(done):
            self.compensation(sheet, "executed", ("exchange", "compensate_product", "return")[n % 3], n)
        targets = ("approved", "approved", "agreement_signed", "agreement_signed", "rejected", "cancelled", "approving", "approving",
                   "draft")
        for n, (sheet, target) in enumerate(zip(open_, targets, strict=False)):
            self.compensation(sheet, target, "exchange" if n % 2 else "compensate_product", n)

    @staticmethod
    def is_valid(sheet: Rec) -> bool:
        months = PRODUCTS[sheet["product_batch"]["_product"]].shelf_life
        day = sheet["received_at"].date()
        return months is not None and day <= months_after(sheet["produced_on"], months)

    def compensation(self, sheet: Rec, target: str, mode: str, n: int) -> None:
        unit, begun = sheet["responsible_unit"], sheet["arrived_at"] + timedelta(minutes=30)
        submitted = sheet["disposed_at"] - timedelta(minutes=20)
        item = {"product_batch": sheet["product_batch"], "product_name": sheet["product_name"],
                "specification": sheet["product_batch"]["model"], "quantity": 1 + n % 2, "unit_price": f"{1800 + 200 * (n % 4)}.00"}
        row = Rec(
            state=target, created_at=begun, created_by=sheet["technician"], quality_info_transfer=sheet, customer=sheet["customer"],
            product_inspection_record=next((row for row in self.rows["product_inspection_record"]
                                            if row["quality_info_transfer"] is sheet and row["state"] == "reviewed"), None),
            responsible_unit=unit, technician=sheet["technician"], claimed_on=sheet["received_at"].date(), mode=mode,
            reason="检查确认属制造质量问题，且在有效期内。", customer_demand="更换合格产品并赔偿误工。", items=[item],
            direct_loss=sheet["direct_loss"],
            loss_calculation="更换件价款加误工两天。", _unnumbered=target == "draft")
        if mode == "compensate_product" and n % 4 == 1:
            row |= {"cash_amount": "600.00", "cash_reason": "用户误工两天，按合同约定以现金补偿。"}
        self.rows["compensation_request"].append(row)
        if target not in ("approved", "agreement_signed", "executed"):
            return
        row["approved_at"] = begun + (submitted - begun) / 3
        self.agreement(row, sheet, begun + (submitted - begun) / 2, n)

    def agreement(self, request: Rec, sheet: Rec, moment: datetime, n: int) -> None:
        """Signed at the user's, carried out in the days after; the goods come back or are destroyed."""
        unit, state = request["responsible_unit"], {"approved": "draft", "agreement_signed": "signed"}.get(request["state"], "fulfilled")
        names = {department.code: department.name for department in people.DEPARTMENTS}
        delivered = self.clock.later(sheet["disposed_at"], 3, 8)
        line = {name: request["items"][0][name] for name in ("product_batch", "product_name", "specification", "quantity")}
        row = Rec(
            state=state, created_at=moment, created_by=people.of_unit(unit), department=unit, compensation_request=request,
            customer=request["customer"], responsible_unit=unit, technician=request["technician"], party_a=names[unit],
            party_b=request["customer"]["name"], settlement_clause="甲方补偿后，双方就本次质量问题不再有其他争议。", copies=2,
            items=[line])
        if state != "draft":
            row |= {"company_signed_by": people.of_unit(unit, lead=True), "company_signed_at": moment + timedelta(minutes=5),
                    "signed_by": request["customer"]["contact_person"], "signed_at": moment + timedelta(minutes=10)}
            slip = self.slips[id(sheet)]
            slip |= {"compensation_request": request, "products": [
                {"mode": request["mode"] if request["mode"] != "compensate_cash" else "compensate_product", "reason": "制造质量问题",
                 **line}]}
        if state == "fulfilled":
            line["delivered_on"] = delivered.date()
            row |= {"fulfilment_text": "补偿产品已送达，用户验收合格。", "fulfilled_at": delivered}
            request["executed_at"] = delivered + timedelta(hours=2)
        self.rows["compensation_agreement"].append(row)
        if n == 0 and state == "draft":
            row["state"] = "cancelled"
        if request["mode"] in ("exchange", "return"):
            self.return_of(request, line, moment, n)

    def return_of(self, request: Rec, line: dict[str, Any], moment: datetime, n: int) -> None:
        targets = {"executed": "archived" if n % 4 else "executed", "agreement_signed": "permitted"}
        target = targets.get(request["state"], "planned")
        unit = request["responsible_unit"]
        kept = {name: value for name, value in line.items() if name != "delivered_on"}
        day = request.get("executed_at", moment + timedelta(days=2)) - timedelta(hours=6)
        row = Rec(
            state=target, created_at=moment + timedelta(minutes=30), created_by=people.of_unit(unit), department=unit,
            disposal_kind="return",
            compensation_request=request, quality_info_transfer=request["quality_info_transfer"], customer=request["customer"],
            responsible_unit=unit, reason="换下的问题产品随车退回分析。", items=[kept], plan="专车运回子公司质检科，单独隔离存放。",
            procedure_text="按退货流程办理，清点双方签字。", safety_measures="排空油液、封堵接口、防倾倒固定。")
        if target != "planned":
            row["permitted_at"] = moment + timedelta(minutes=50)
        if target in ("executed", "archived"):
            row |= {"executed_at": day, "is_safety_confirmed": True, "handler": people.of_unit(unit), "witness": "用户设备科在场人员",
                    "authority": "市应急管理部门备案", "place": "用户仓库至子公司质检科",
                    "signed_by": request["customer"]["contact_person"], "signed_at": day}
        self.rows["return_destruction_record"].append(row)
        if all(other["state"] != "void" for other in self.rows["return_destruction_record"]):
            void = Rec(row, state="void", created_at=row["created_at"] - timedelta(minutes=5), compensation_request=None)
            for name in ("permitted_at", "executed_at", "signed_at", "signed_by"):
                void.pop(name, None)
            self.rows["return_destruction_record"].append(void)

    # what could not be solved ----------------------------------------------------------------------------------------------

    def unsolved(self) -> None:
        """Reported with photos on the day; somebody who knows more is sent."""
        sheets = [row for row in self.found["quality_info_transfer"] if "disposed_at" in row and row.get("technician")]
        orders = [row for row in self.found["work_order"] if row.get("diagnosis")]
        targets = ("solved", "solved", "solved", "void", "solved", "support_assigned", "reported", "draft")
        for n, target in enumerate(targets):
            ground = orders[len(orders) * (n + 1) // 9] if n % 3 == 1 else sheets[len(sheets) * (n + 1) // 9]
            if n > 4:
                ground = orders[-2 - n] if n % 3 == 1 else sheets[-2 - n]
            name = "work_order" if "service_mode" in ground else "quality_info_transfer"
            situation, request = UNSOLVED[n % len(UNSOLVED)]
            begun = ground["arrived_at"] if "arrived_at" in ground else ground["dispatched_at"] + timedelta(hours=1)
            unit = ground.get("responsible_unit", "SUB-CQ")
            rungs: list[tuple[str, Any]] = [
                ("reported", {"reported_at": NOW, "_pace": (0, 0)}),
                ("support_assigned", {"support_staff": people.of_unit(unit), "due_on": (begun + timedelta(days=6)).date(),
                                      "_pace": (0, 1)}),
                ("solved", {"solution": "专家到场后确认为接插件虚接，重新压接并加固，试用正常。", "solved_at": NOW, "_pace": (1, 3)})]
            if target == "void":
                rungs = [("void", {})]
            self.rows["unresolved_issue_report"].append(climbed(
                self.clock, ground["technician"], begun, "draft", rungs, target, customer=ground["customer"],
                product_batch=ground.get("product_batch"), responsible_unit=unit, technician=ground["technician"],
                report_to="quality_department" if n % 2 else "unit_leader", fault_category=ground.get("fault_category"),
                situation=situation, evidence_kinds=["photo", "written_report"], is_customer_informed=True, support_request=request,
                **{name: ground}))


    def noted_on_the_way(self) -> None:
        """Some journeys were also written down as services, with what the user said."""
        for trip in [row for row in self.rows["travel_assignment"] if row["state"] == "closed"][::6]:
            sheet = trip["quality_info_transfer"]
            self.found["field_service_record"].append(climbed(
                self.clock, trip["lead"], sheet["disposed_at"], "draft",
                [("submitted", {"submitted_at": NOW, "_pace": (0, 0)}), ("reviewed", {"is_rectification_required": False}),
                 ("closed", {"closed_at": NOW})],
                department="CS", travel_assignment=trip, customer=sheet["customer"], contact_person=sheet["contact_person"],
                phone=sheet["phone"],
                address=sheet["address"], technician=trip["lead"], serviced_on=sheet["disposed_at"].date(),
                arrived_at=sheet["arrived_at"],
                left_at=sheet["disposed_at"], service_types=["problem_analysis", "repair"], product_batch=sheet["product_batch"],
                fault_category=sheet["fault_category"], fault_description=sheet["fault_description"], cause="现场检查，详见检查记录。",
                solution="按处置方案处理，试用正常。", is_resolved=True, service_quality_opinion="专程到场，处理认真。",
                product_quality_opinion="总体可靠。",
                satisfaction_level=sheet.get("satisfaction_level", "satisfied"), signed_by=sheet["contact_person"],
                signed_at=sheet["disposed_at"]))
        self.found["field_service_record"].sort(key=lambda row: row["created_at"])


def add(clock: Clock, found: Found) -> None:
    journeys = Journeys(clock, found)
    journeys.make()
    for name, rows in journeys.rows.items():
        found[name] = sorted(rows, key=lambda row: row["created_at"])
