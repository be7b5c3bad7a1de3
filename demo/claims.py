"""Returns, exchanges and other claims of users, the vehicles that came back, and help asked for by the dealers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo import people
from demo.enquiries import memo
from demo.handover import _checklist
from demo.ladder import NOW, ago, at, climbed, improvement, several
from demo.story import Clock, Rec
from demo.terms import Found
from demo.vehicles import mileage

FLAWS = ("交付一周内行驶中转向助力失效，用户要求换车。", "发动机舱渗油两次修复无效，用户要求退车。", "交付后十天变速器异响，要求换车。",
         "车身纵梁焊缝开裂，要求退车。", "空调压缩机三次更换仍异响，要求补偿。", "漆面大面积起泡，要求免费返修并补偿。")
GROUNDS = ("art23", "art24_1", "art20", "art23", "contract", "contract")
HELP = (
    ("repair_technique", "六挡变速器拆装需专用工装，站内没有。", "已按手册拆至第三步。", "请提供拆装视频和工装图纸。",
     "已发送拆装视频，工装随下批配件借用。"),
    ("hard_to_judge", "间歇性熄火，故障码时有时无。", "已查供油、点火，数据流正常。", "请判断是否更换线束。",
     "先晃动试验前舱线束搭铁点，压降超过0.2V再更换。"),
    ("important", "制动总泵漏油，同批第二例。", "已拆检，皮碗有划伤。", "请指示是否整批排查。", "先停用同批总泵，更换后旧件当日返回。"),
    ("repair_technique", "尿素喷射标定后仍报警。", "已清洗喷嘴并重新标定。", "请提供最新标定数据。", "已下发V2.3标定文件，刷写后复检。"),
)


class Claims:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.found = clock, found
        self.rows: list[Rec] = []
        self.backs: list[Rec] = []
        self.lately = [row for row in found["vehicle"] if row.get("engine_no", "").startswith("485Z") and "owners" in row]

    def make(self) -> None:
        self.came_back()
        self.of_goods()
        self.others()
        self.enter()
        self.disagreed()

    # vehicles that came back ---------------------------------------------------------------------------------------

    def came_back(self) -> None:
        """Six vehicles: resold, scrapped, being looked at, or just driven into the yard."""
        old = [row for row in self.found["vehicle"] if row["state"] == "returned"]
        plan = ((self.lately[0], "exchange", "closed", "resold"), (self.lately[1], "return", "closed", "scrapped"),
                (self.lately[2], "exchange", "completed", "reinspected"), (self.lately[3], "return", "stored", "stored"),
                (old[0], "return", "executing", "received"), (old[1], "return", "stored", "reinspected"))
        for n, (vehicle, demand, target, back) in enumerate(plan):
            received = self.clock.at(vehicle["delivered_on"] + timedelta(days=30))
            claim = self.claim(n, vehicle, demand, target, received)
            self.back(n, claim, vehicle, back, claim["replied_at"] + timedelta(hours=5))
        self.give_another(self.lately[0], self.rows[0])
        self.resell(self.lately[0], self.backs[0])
        for vehicle, state in ((self.lately[1], "scrapped"), (self.lately[2], "returned"), (self.lately[3], "returned")):
            vehicle |= {"state": state, "is_return_resale": True}
        void = Rec(self.backs[1], state="void", created_at=self.backs[1]["created_at"] - timedelta(minutes=3))
        for name in ("reinspected_at", "disposed_at"):
            void.pop(name, None)
        self.backs.append(void)

    def claim(self, n: int, vehicle: Rec, demand: str, target: str, received: datetime, **fields: Any) -> Rec:
        customer = vehicle["owners"][0]["customer"]
        memo_ = memo(self.clock, self.found, customer, received + timedelta(minutes=15), "return", "退换车辆首次联系",
                     f"用户提出：{FLAWS[n % len(FLAWS)]}")
        is_car = demand in ("return", "exchange")
        km = mileage(vehicle, received.date()) if "_per_day" in vehicle else 1260
        price = vehicle.get("invoice_amount") or "76800.00"
        vehicle |= {"invoice_amount": price, "warranty_voucher_no": vehicle.get("warranty_voucher_no") or f"SB{received:%Y}9{n:04}"}
        row = climbed(
            self.clock, "customer_service", received + timedelta(minutes=5), "received", self.way(n, target, memo_, is_car, demand),
            target, (0.6, 1.4),
            department="CS", demand_type=demand, received_at=received, customer=customer, contact_person=customer["contact_person"],
            phone=customer["phone"], dealer=vehicle["dealer"], vehicle=vehicle, mileage=km,
            fault_category=("steering", "engine", "transmission", "body")[n % 4],
            fault_description=FLAWS[n % len(FLAWS)], invoice_no=f"0116{received:%m%d}{n:04}", invoiced_on=vehicle.get("invoiced_on")
            or vehicle["delivered_on"],
            warranty_voucher_no=vehicle["warranty_voucher_no"], price=price, other_loss="0" if is_car else "1500.00",
            use_fee_rate="0.005" if GROUNDS[n % 6].startswith("art24") else "0", threebao_ground=GROUNDS[n % 6], **fields)
        self.rows.append(row)
        return row

    def way(self, n: int, target: str, memo_: Rec, is_car: bool, demand: str) -> list[tuple[str, dict[str, Any]]]:
        assigned = {"confirmer": "quality_engineer", "customer_contact_memo": memo_, "first_reply_text": "已受理，两个工作日内派员确认。",
                    "promised_at": at(12), "first_replied_at": NOW, "_pace": (0, 0)}
        seen = {"is_nonconformity_confirmed": True, "nonconformity_text": "现场复核，故障属实，符合三包条件。", "confirmed_at": NOW}
        if target == "not_confirmed":
            seen |= {"is_nonconformity_confirmed": False, "nonconformity_text": "复检各项正常，属正常使用声响。",
                     "reply_text": "经确认不属质量问题，已向用户说明并出具检测报告。", "replied_at": NOW}
            return [("assigned", assigned), ("not_confirmed", seen)]
        steps: list[tuple[str, dict[str, Any]]] = [
            ("assigned", assigned), ("confirmed", seen), ("in_approval", {"_pace": (0, 0)}), ("approved", {"approved_at": NOW}),
            ("executing", {"reply_text": "已批准，请携带购车发票和三包凭证到店办理。", "replied_at": NOW, "_pace": (0, 1)})]
        if demand == "exchange":
            steps[2][1]["replacement_model"] = "同型号新车"
        if is_car:
            steps.append(("stored", {}))
        done = {"procedures": "手续齐全，已办理过户和开票。" if is_car else "补偿款已支付。", "completed_at": NOW, "_pace": (1, 3)}
        steps += [("completed", done), ("closed", {"closed_at": NOW})]
        if target == "withdrawn":
            return [steps[0], ("withdrawn", {})]
        return [("void", {})] if target == "void" else steps

    def back(self, n: int, claim: Rec, vehicle: Rec, target: str, moment: datetime) -> None:
        yard = f"退换车区C-{n + 1:02}"
        looked = {"reinspection_text": "更换故障总成后路试五十公里，各项合格。", "is_reinspection_passed": True, "reinspected_at": NOW,
                  "_pace": (1, 2)}
        rungs: list[tuple[str, Any]] = [("stored", {"_pace": (0, 0)}), ("reinspected", looked)]
        if target == "resold":
            rungs.append((target, {"destination": "resale", "disclosed_on": (moment + timedelta(days=20)).date(),
                                   "disclosure_signed_by": "受让人已签",
                                   "disposed_at": NOW, "_pace": (25, 28)}))
        if target == "scrapped":
            rungs = [rungs[0], (target, {"destination": "scrap", "disposed_at": NOW, "_pace": (6, 9)})]
        self.backs.append(climbed(
            self.clock, "warehouse", moment, "received", rungs, target, department="WH", vehicle=vehicle, kind=claim["demand_type"],
            return_exchange_claim=claim, received_at=moment, handler="warehouse", mileage=claim["mileage"],
            condition="外观完好，随车工具齐全。",
            accessories="钥匙两把、保修手册、合格证", return_reason=claim["fault_description"], storage_location=yard,
            remark="三包换退车，转售须书面告知。"))

    def give_another(self, old: Rec, claim: Rec) -> None:
        """The user drives another one of the same model now."""
        day, place = claim["completed_at"].date(), len(self.found["vehicle"]) + 1
        new = Rec(old, number=f"VEH-{place:06}", vin=f"{old['vin'][:13]}{place:04}", engine_no=f"485Z{day:%y%m}{place:04}",
                  replaced_vehicle=old,
                  customer=claim["customer"], delivered_on=day, invoiced_on=day, created_at=self.clock.at(day - timedelta(days=9)),
                  produced_on=day - timedelta(days=30), plate_no=f"{old['plate_no'][:4]}H{place:04}",
                  warranty_voucher_no=f"SB{day:%Y}{place:05}",
                  owners=[{"customer": claim["customer"], "owned_from_on": day, "is_first_owner": True}])
        self.found["vehicle"].append(new)
        self.found["delivery_document_checklist"].append(_checklist(self.clock, new, claim["customer"], claim["completed_at"], "signed"))

    def resell(self, vehicle: Rec, back: Rec) -> None:
        """Sold again, with the disclosure signed, to somebody else."""
        buyer = next(row for row in self.found["customer"] if row["state"] == "active" and row is not vehicle["customer"]
                     and row["province"] == vehicle["customer"]["province"])
        day = back["disposed_at"].date()
        back["disclosure_signed_by"] = buyer["contact_person"]
        first = vehicle["owners"][0] | {"owned_until_on": back["received_at"].date()}
        vehicle |= {"customer": buyer, "is_return_resale": True, "owners": [
            first, {"customer": buyer, "owned_from_on": day, "is_first_owner": False}]}
        self.found["delivery_document_checklist"].append(_checklist(self.clock, vehicle, buyer, back["disposed_at"], "signed"))

    # goods -----------------------------------------------------------------------------------------------------------

    def of_goods(self) -> None:
        """A customer sent back a part of a batch: card, rework and action, until the claim is closed."""
        batch = next(row for row in self.found["product_batch"] if row["_product"] == "brake" and row["state"] == "active")
        received, unit = ago(self.clock, 210), batch["production_unit"]
        customer = next(line["customer"] for line in batch["deliveries"])
        memo_ = memo(self.clock, self.found, customer, received + timedelta(minutes=15), "return", "退货联系",
                     "来料检验发现制动盘锈蚀，要求退货。")
        rungs = self.way(5, "closed", memo_, True, "return")
        row = climbed(
            self.clock, "customer_service", received + timedelta(minutes=5), "received", rungs, "closed", (0.6, 1.4), department="CS",
            demand_type="return",
            received_at=received, customer=customer, contact_person=customer["contact_person"], phone=customer["phone"],
            product_batch=batch, quantity=8,
            fault_category="appearance", fault_description="制动盘表面锈蚀，主机厂拒收，要求退货。", threebao_ground="contract",
            price="0", other_loss="1600.00")
        row["corrective_action"] = improvement(
            self.clock, "return_exchange_claim", row, self.clock.later(received, 3, 4), unit,
            ("制动盘锈蚀退货。", "防锈油喷涂不均", "返工除锈并重新涂油", "防锈喷涂改为浸涂"), customer=customer, product_batch=batch)
        self.found["corrective_action"].append(row["corrective_action"])
        self.card(row, unit)
        self.rework(row, unit)
        self.rows.append(row)

    def card(self, claim: Rec, unit: str) -> None:
        moment = claim["replied_at"] + timedelta(hours=2)
        self.found["info_flow_card"].append(Rec(
            state="closed", created_at=moment, created_by="warehouse", source="return", customer=claim["customer"],
            contact_person=claim["contact_person"],
            phone=claim["phone"], product_batch=claim["product_batch"], quantity=8, defect_quantity=8, fault_category="appearance",
            quality_info=claim["fault_description"], handler="warehouse", return_exchange_claim=claim,
            sent_to_qa_at=moment + timedelta(minutes=20),
            qa_received_at=moment + timedelta(minutes=40), replied_at=moment + timedelta(hours=4), is_staff_dispatched=False,
            responsible_unit=unit,
            reply_text="属防锈涂覆不良，返工处理。", cause="防锈油喷涂不均。", action_taken="返工除锈并重新涂油。",
            completed_on=(moment + timedelta(days=4)).date(),
            result_text="复检合格。", corrective_action=claim["corrective_action"], closed_at=claim["completed_at"],
            receipts=[{"unit": unit, "sent_at": moment + timedelta(minutes=20), "signed_by": people.of_unit(unit),
                       "signed_at": moment + timedelta(hours=1),
                       "opinion": "已收到，安排返工。"}]))
        self.found["info_flow_card"].sort(key=lambda row: row["created_at"])

    def rework(self, claim: Rec, unit: str) -> None:
        moment = claim["replied_at"] + timedelta(hours=6)
        rungs: list[tuple[str, Any]] = [
            ("issued", {"_pace": (0, 0)}), ("reworking", {"_pace": (0, 0)}),
            ("reworked", {"labour_hours": "5.0", "completed_at": NOW, "_pace": (0, 0)}),
            ("released", {"reinspection_result": "逐件复检合格。", "passed_quantity": 8, "scrapped_quantity": 0,
                          "reinspected_by": "quality_engineer",
                          "reinspected_at": NOW, "_pace": (0, 0)})]
        self.found["rework_order"].append(climbed(
            self.clock, "quality_engineer", moment, "draft", rungs, "", department="QA", customer=claim["customer"],
            product_batch=claim["product_batch"],
            quantity=8, fault_category="appearance", fault_description=claim["fault_description"], responsible_unit=unit,
            return_exchange_claim=claim,
            rework_plan="除锈、清洗、浸涂防锈油、全检。", corrective_action=claim["corrective_action"]))

    # the others ------------------------------------------------------------------------------------------------------

    def others(self) -> None:
        """Claims for money or a free repair, on every desk of the way."""
        sheets = [row for row in self.found["warranty_appraisal"] if row["state"] in ("settled", "rejected", "approved")]
        cards = [row for row in self.found["complaint_tracking_card"] if row["state"] == "closed" and "vehicle" in row]
        targets = ("closed", "closed", "not_confirmed", "withdrawn", "closed", "void", "executing", "approved", "in_approval",
                   "in_approval",
                   "confirmed", "assigned", "received")
        for n, target in enumerate(targets):
            ground = cards[len(cards) * (n + 1) // 15] if n % 3 == 1 else sheets[len(sheets) * (n + 1) // 15]
            name = "complaint_tracking_card" if n % 3 == 1 else "warranty_appraisal"
            age = 340 - 50 * n if n < 6 else 22 - 2.4 * (n - 6)
            received = max(ago(self.clock, age), ground["created_at"] + timedelta(hours=20))
            if n == 4:
                name, ground = "complaint_case", next(case for case in self.found["complaint_case"] if case["state"] == "closed")
                received = ground["closed_at"] + timedelta(days=1)
            vehicle = ground.get("vehicle") or next(row for row in self.found["vehicle"] if row["state"] == "delivered")
            if received < self.clock.end - timedelta(hours=3):
                self.claim(4 + n % 2, vehicle, "repair" if n % 2 else "claim", target, received, **{name: ground})

    def enter(self) -> None:
        """Every claim has its row in the feedback register once somebody looks into it."""
        register = {id(row.get("complaint_tracking_card")): row for row in self.found["customer_feedback_register"]
                    if row["state"] != "void"}
        calls = [row for row in self.found["hotline_consultation"] if row["category"] == "technical_help" and row["state"] == "closed"]
        for row in self.rows:
            if row["state"] in ("received", "void") or "first_replied_at" not in row:
                continue
            kind = row["demand_type"] if row["demand_type"] in ("return", "exchange", "claim") else "none"
            entry = register.get(id(row.get("complaint_tracking_card"))) if row.get("complaint_tracking_card") else None
            if entry is None:
                entry = Rec(state="in_progress", created_at=row["first_replied_at"], created_by="customer_service", source="claim",
                            received_at=row["received_at"],
                            direct_loss=0, feedback_text=row["fault_description"], handler="customer_service2",
                            **{name: row.get(name) for name in ("customer", "contact_person", "phone", "dealer", "vehicle",
                                                                "product_batch", "fault_category")})
                self.found["customer_feedback_register"].append(entry)
            entry |= {"return_exchange_claim": row, "claim_type": kind}
            if row["state"] not in ("completed", "closed", "not_confirmed", "withdrawn"):
                entry |= {"state": "in_progress", "closed_at": None}
            if row["state"] == "withdrawn":
                entry |= {"handling_text": "用户撤回申请。", "claim_result": "用户撤回"}
            if row["state"] in ("completed", "closed", "not_confirmed"):
                entry |= {"handling_text": "已按批准方案办理完毕。", "claim_result": row.get("reply_text", "已答复"),
                          "handler": "customer_service2"}
            if row["state"] == "closed":
                entry |= {"state": "closed", "closed_at": entry.get("closed_at") or row["completed_at"] + timedelta(minutes=30)}
        for call in calls[:4]:
            self.found["customer_feedback_register"].append(Rec(
                state="closed", created_at=call["closed_at"] - timedelta(minutes=20), created_by="customer_service", source="hotline",
                hotline_consultation=call,
                received_at=call["received_at"], customer=call["customer"], contact_person=call["contact_person"], phone=call["phone"],
                fault_category="electrical",
                feedback_text=call["content"], handling_text=call["reply_text"], handler="customer_service", claim_type="none",
                direct_loss=0,
                closed_at=call["closed_at"]))
        self.found["customer_feedback_register"].sort(key=lambda row: row["created_at"])


    def disagreed(self) -> None:
        """Whose claim was refused may not take it: negotiated once more."""
        claim = next(row for row in self.rows if row["state"] == "not_confirmed")
        begun = claim["replied_at"] + timedelta(days=1)
        route = {"route": "a_negotiation", "started_at": begun + timedelta(days=1), "content": "出示检测报告并当面说明。"}
        rungs: list[tuple[str, Any]] = [
            ("planned", {"settlement_measures": "免费复检一次，工时费减半。", "planned_at": NOW, "_pace": (0, 0)}),
            ("negotiating", {"route": "a_negotiation", "route_started_at": route["started_at"], "routes": [route], "_pace": (1, 1)}),
            ("settled", {"outcome": "negotiated", "result": "用户接受复检结论。", "closed_at": NOW, "_pace": (5, 6),
                         "routes": [route | {"ended_at": begun + timedelta(days=5), "is_settled": True}]})]
        self.found["dispute_case"].append(climbed(
            self.clock, "customer_service2", begun, "opened", rungs, "", department="CS", received_at=begun, customer=claim["customer"],
            contact_person=claim["contact_person"], phone=claim["phone"], dealer=claim["dealer"], subject_matter="三包判定",
            dispute_text="用户不认可不予受理的结论。", amount="1500.00", handler="customer_service2", return_exchange_claim=claim))


def assistance(clock: Clock, found: Found) -> list[Rec]:
    """What dealers could not judge or repair alone; the answer is in the appraisal."""
    sheets = [row for row in found["warranty_appraisal"] if row["state"] not in ("void", "draft")]
    cases: list[dict[str, Any]] = []
    for n in range(20):
        kind, flaw, done, wish, answer = HELP[n % len(HELP) if n < 15 else 3 * (n % 2)]
        sheet = sheets[len(sheets) * (n + 1) // 21] if n < 15 else sheets[-2 * (21 - n)]
        cases.append({
            "_by": sheet["created_by"], "_age": sheet["created_at"] + timedelta(minutes=12) if n < 15 else None,
            "dealer": sheet["dealer"],
            "warranty_appraisal": sheet, "vehicle": sheet["vehicle"], "mileage": sheet["mileage"], "request_type": kind,
            "fault_category": sheet["fault_category"], "fault_description": flaw, "checks_done": done, "request_text": wish,
            "contact_person": sheet["dealer"]["contact_person"], "phone": sheet["dealer"]["phone"], "_answer": answer})
    rungs: list[tuple[str, Any]] = [
        ("raised", {"received_at": NOW, "_pace": (0, 0)}),
        ("answered", {"handler": "quality_engineer", "replied_at": NOW, "_pace": (0, 0)}),
        ("resolved", {"result": "按指导处理后故障排除。", "closed_at": NOW, "_pace": (1, 2)})]
    rows = several(clock, cases, "draft", rungs, {"void": ("draft", {})})
    for row in rows:
        if "replied_at" in row:
            row["reply_text"] = row["_answer"]
    issue = next((row for row in found["unresolved_issue_report"] if row.get("work_order") and row["state"] == "solved"), None)
    helped = next(row for row in rows if row["state"] == "resolved")
    if issue is not None:
        issue["technical_assistance_request"] = helped
    return rows


def add(clock: Clock, found: Found) -> None:
    claims = Claims(clock, found)
    claims.make()
    found["return_exchange_claim"] = sorted(claims.rows, key=lambda row: row["created_at"])
    found["returned_vehicle_register"] = sorted(claims.backs, key=lambda row: row["created_at"])
    found["technical_assistance_request"] = assistance(clock, found)
    for name in ("rework_order", "customer_contact_memo", "delivery_document_checklist"):
        found[name].sort(key=lambda row: row["created_at"])
