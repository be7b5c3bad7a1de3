"""Complaints to the demo company itself: judged, approved, carried out, disputed, or no complaint after all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from demo import people
from demo.enquiries import memo
from demo.faults import FAULTS, Fault
from demo.ladder import NOW, TODAY, ago, at, climbed, improvement, on, several
from demo.story import Clock, Rec
from demo.terms import Found
from rules import office

GOODS = [fault for fault in FAULTS if fault.product in ("engine", "gearbox", "brake", "steering")]
# age in days, target, disposition, amount
CASES = (
    (380, "closed", "repair", "0"), (352, "closed", "rework", "3200.00"), (330, "closed", "explanation", "0"),
    (301, "closed", "compensation", "6800.00"), (285, "closed", "repair", "800.00"), (262, "rejected", "", "0"),
    (240, "closed", "rework", "4100.00"), (221, "closed", "compensation", "26000.00"), (204, "closed", "repair", "0"),
    (188, "void", "", "0"), (170, "closed", "explanation", "0"), (151, "closed", "compensation", "32000.00"),
    (133, "closed", "repair", "1200.00"), (118, "rejected", "", "0"), (104, "closed", "rework", "2600.00"),
    (92, "closed", "compensation", "24500.00"), (40, "disputed", "compensation", "21800.00"), (26, "effect_confirmed", "repair", "0"),
    (24, "effect_confirmed", "explanation", "0"), (19, "executing", "compensation", "5600.00"), (17, "executing", "repair", "0"),
    (14, "approved", "rework", "1900.00"), (12, "approving", "repair", "3000.00"), (10, "approving", "compensation", "28000.00"),
    (8, "investigating", "", "0"), (7, "investigating", "", "0"), (4, "registered", "", "0"), (4, "registered", "", "0"),
    (3, "received", "", "0"), (3, "received", "", "0"),
)
PATH = ("received", "registered", "investigating", "approving", "approved", "executing", "effect_confirmed", "closed")
STEPS = ("已按处理方式执行完毕，现场核实无遗留问题。", "客户试用一周，未再发生，确认有效。")


class Grievances:
    def __init__(self, clock: Clock, found: Found) -> None:
        self.clock, self.dice, self.found = clock, clock.dice, found
        self.customers = [row for row in found["customer"] if row["state"] == "active" and row["created_at"].date() < clock.first]
        self.batches = [row for row in found["product_batch"] if row["state"] == "active"]
        self.cases: list[Rec] = []
        self.rows: dict[str, list[Rec]] = {name: [] for name in (
            "complaint_joint_review", "abnormality_sheet", "overdue_notice", "rework_order", "dispute_case", "major_incident_report")}

    def make(self) -> None:
        for n, row in enumerate(CASES):
            self.case(n, *row)
        self.without_loss()
        self.joint_reviews()
        self.disputes()
        self.reworks()
        self.overdue()
        self.incidents_on_site()
        self.through_dealers()

    def batch(self, fault: Fault, moment: datetime) -> Rec:
        fitting = [row for row in self.batches if row["_product"] == fault.product and row["created_at"] < moment]
        return self.dice.choice(fitting[-4:] or [row for row in self.batches if row["_product"] == fault.product][:1])

    # the case ------------------------------------------------------------------------------------------------------

    def case(self, n: int, age: int, target: str, disposition: str, amount: str) -> None:
        clock, fault = self.clock, GOODS[(n * 5 + 2) % len(GOODS)]
        received, customer = ago(clock, age), self.customers[(n * 7 + 4) % len(self.customers)]
        order = self.order(received) if disposition == "repair" and target == "closed" else None
        customer = order["customer"] if order else customer
        batch = self.batch(fault, received)
        unit = batch["production_unit"]
        memo_ = memo(clock, self.found, customer, received + timedelta(minutes=20), "complaint", "投诉首次联系",
                     f"客户反映：{fault.text}，要求尽快处理。")
        row = Rec(
            received_at=received, channel=clock.pick({"phone": 5, "visit": 1, "email": 1, "fax": 1}),
            severity="major" if float(amount) >= 20000 else "normal", customer=customer, contact_person=customer["contact_person"],
            phone=customer["phone"], product_batch=batch, order_no=f"DD{received:%y%m}{100 + n}", part_no=batch["part_no"], quantity=40,
            defect_quantity=2 + n % 5, shipped_on=batch["deliveries"][0]["delivered_on"] if batch["deliveries"] else batch["produced_on"],
            complaint_type="quality",
            fault_category=fault.category, complaint_reason=f"{fault.text}，影响装车。",
            customer_demand="更换不良品，说明原因并防止再发生。",
            has_loss=True, time_limit=("standard", "standard", "h72", "standard", "h48")[n % 5], dealer=customer.get("dealer"))
        rungs = self.way(row, fault, unit, disposition, amount, memo_)
        reached = [*rungs] if target not in ("rejected", "void", "disputed") else self.aside(rungs, target, fault, memo_)
        made = climbed(clock, "sales" if n % 3 else "customer_service", received + timedelta(minutes=10), "received", reached,
                       target, (0.6, 1.6), department="MKT" if n % 3 else "CS", **row)
        made["_fault"], made["_unnumbered"] = fault, target == "received"
        self.cases.append(made)
        if order:
            order |= {"source": "complaint", "complaint_case": made}
            made["vehicle"] = order["vehicle"]
        if float(amount) >= 20000 and target in ("closed", "executing", "approving", "disputed"):
            self.incident(made, fault, unit, amount)
        if target in ("effect_confirmed", "closed"):
            self.call_back(made)
        if disposition == "compensation" and target in ("closed", "executing", "disputed"):
            self.compensate(made, amount)

    def order(self, received: datetime) -> Rec | None:
        """A repair that was dispatched in the days after."""
        return next((row for row in self.found["work_order"] if row["source"] == "phone_dispatch" and row["state"] == "closed"
                     and timedelta(days=2) < row["received_at"] - received < timedelta(days=12)), None)

    def through_dealers(self) -> None:
        """Cards of the dealers that became cases of the company, and cards whose answer was an action."""
        cards = [row for row in self.found["complaint_tracking_card"] if row["state"] == "closed" and row["feedback_kind"] == "complaint"]
        for case in [case for case in self.cases if "vehicle" in case]:
            card = next((card for card in cards if card["customer"] is case["customer"] and "complaint_case" not in card
                         and timedelta(0) < case["received_at"] - card["received_at"] < timedelta(days=200)), None)
            if card is not None:
                card["complaint_case"] = case
                case |= {"channel": "dealer", "dealer": card["dealer"]}
        asked = [card for card in cards if card.get("consultations")]
        for card in asked[10::40][:4]:
            line, fault = card["consultations"][0], card["_fault"]
            action = improvement(self.clock, "complaint_tracking_card", card, line["answered_at"] + timedelta(minutes=30), line["unit"],
                                 (card["complaint_content"], fault.cause, fault.measure, fault.prevention), customer=card["customer"])
            self.found["corrective_action"].append(action)
            card["consultations"] = [{name: value for name, value in line.items()
                                      if name != "no_action_reason"} | {"corrective_action": action}]

    def incidents_on_site(self) -> None:
        """The major losses among the quality informations; some were thought greater than they were."""
        sheets = [row for row in self.found["quality_info_transfer"] if row.get("disposed_at") and row.get("technician")]
        major = [row for row in sheets if float(row["direct_loss"]) >= 20000]
        for sheet in major:
            self.on_site(sheet, "closed" if sheet.get("corrective_action") and sheet["disposed_at"] < self.clock.end - timedelta(days=50)
                         else "reported")
        small = [row for row in sheets if 3000 < float(row["direct_loss"]) < 20000]
        self.on_site(small[len(small) // 3], "withdrawn")
        self.on_site(small[len(small) // 2], "void")

    def on_site(self, sheet: Rec, target: str) -> None:
        rungs: list[tuple[str, Any]] = [
            ("reported", {"reported_at": NOW, "_pace": (0, 0)}), ("reported", {"unit_acknowledged_at": NOW, "_pace": (0, 0)}),
            ("reported", {"quality_acknowledged_at": NOW, "_pace": (0, 1)}),
            ("decided", {"decision": "同意处理意见，责任单位限期整改。", "decided_by": "general_manager", "decided_at": NOW,
                         "_pace": (0, 1)}),
            ("closed", {"follow_up": "已赔付并完成整改。", "corrective_action": sheet.get("corrective_action"), "closed_at": NOW,
                        "_pace": (25, 30)})]
        if target in ("withdrawn", "void"):
            rungs = [(target, {})]
        self.rows["major_incident_report"].append(climbed(
            self.clock, sheet["technician"], sheet["disposed_at"], "draft", rungs, target, quality_info_transfer=sheet,
            customer=sheet["customer"],
            product_batch=sheet["product_batch"], responsible_unit=sheet["responsible_unit"], technician=sheet["technician"],
            occurred_at=sheet["received_at"],
            place=sheet["address"], loss_known_at=sheet["disposed_at"], direct_loss=sheet["direct_loss"], casualties="无",
            fault_category=sheet["fault_category"],
            incident_text=sheet["fault_description"], emergency_measure="停用同批产品，现场隔离。",
            preliminary_opinion="属制造质量问题，建议先行赔付。",
            customer_demand="赔偿直接损失并限期整改。", losses=[{"item": "直接质量损失", "quantity": 1, "amount": sheet["direct_loss"]}]))

    def way(self, row: Rec, fault: Fault, unit: str, disposition: str, amount: str, memo_: Rec) -> list[tuple[str, dict[str, Any]]]:
        shift = ("甲班", "乙班", "丙班")[len(self.cases) % 3]
        promise = {"notified_at": NOW, "notified_by": "customer_service", "channel": "phone", "promised_at": at(25)}
        opinion = {"unit": unit, "person": people.of_unit(unit), "discussed_at": NOW, "opinion": f"同意质量部意见，{fault.cause}。"}
        return [
            ("registered", {"registered_at": NOW, "_pace": (0, 0)}),
            ("investigating", {"customer_contact_memo": memo_, "responsible_unit": unit, "replied_at": NOW, "_pace": (0, 0),
                               "reply_text": f"已安排调查，三日内给出处理办法；{fault.measure}。", "promises": [promise]}),
            ("approving", {"discussions": [opinion], "cause": f"{fault.cause}。", "disposition": disposition,
                           "countermeasure": f"{fault.measure}。",
                           "improvement_measure": f"{fault.prevention}。", "amount": amount,
                           "inspection_result": "复检确认不良，与投诉一致。",
                           "production_unit": unit, "shift": shift, "operator": "装配二组",
                           "produced_on": row["product_batch"]["produced_on"],
                           "is_goods_returned": disposition == "rework", "responsible_person": "当班班长",
                           "assistance_text": "已提供检验报告和排查指引。"}),
            ("approved", {}), ("executing", {"notified_at": NOW, "_pace": (0, 1)}),
            ("effect_confirmed", {"execution_check": STEPS[0], "effect_text": STEPS[1], "effect_confirmed_at": NOW, "_pace": (3, 6)}),
            ("closed", {"closed_at": NOW, "satisfaction_level": "satisfied", "_pace": (4, 9)})]

    @staticmethod
    def aside(rungs: list[tuple[str, dict[str, Any]]], target: str, fault: Fault, memo_: Rec) -> list[tuple[str, dict[str, Any]]]:
        if target == "void":
            return [rungs[0], ("void", {})]
        if target == "rejected":
            return [*rungs[:2], ("rejected", {"cause": "复检合格，不良由客户装配力矩过大引起。", "_pace": (1, 3)})]
        return [*rungs[:5], ("disputed", {"_pace": (1, 2)})]

    def improve(self, case: Rec) -> Rec:
        if "corrective_action" not in case:
            fault, moment = case["_fault"], self.clock.later(case["registered_at"], 1, 2)
            case["corrective_action"] = improvement(
                self.clock, "complaint_case", case, moment, case["responsible_unit"],
                (f"{fault.text}，客户投诉。", fault.cause, fault.measure, fault.prevention), customer=case["customer"],
                product_batch=case["product_batch"], fault_category=fault.category)
            self.found["corrective_action"].append(case["corrective_action"])
        return case["corrective_action"]

    def call_back(self, case: Rec) -> None:
        """The customer is asked when the effect was confirmed; a case closes after that."""
        self.improve(case)
        served = case["effect_confirmed_at"]
        called = self.clock.later(served, 0.6, 2)
        row = Rec(
            state="due", created_at=served, created_by="customer_service", department="CS", complaint_case=case,
            customer=case["customer"],
            contact_person=case["contact_person"], phone=case["phone"], dealer=case.get("dealer"), served_at=served, method="phone")
        if called < clock_end(self.clock, case):
            row |= {"state": "done", "called_at": called, "caller": "customer_service2", "satisfaction_level": "satisfied",
                    "attitude_level": "satisfied", "follow_up": "none", "attempts": [{"called_at": called, "result": "reached"}],
                    "remark": "处理结果满意，没有其他意见。"}
        self.found["callback_record"].append(row)

    def compensate(self, case: Rec, amount: str) -> None:
        """The request that the disposition needs, about the defective goods."""
        unit, batch = case["responsible_unit"], case["product_batch"]
        quantity = case["defect_quantity"]
        price = f"{float(amount) / quantity:.2f}"
        begun = case["replied_at"] + timedelta(hours=1)
        is_over = case["state"] == "closed"
        moment = self.clock.soon(case.get("notified_at", begun), 60, 120)
        row = Rec(
            state="agreement_signed" if is_over else "approved", created_at=begun, created_by=people.of_unit(unit), department=unit,
            complaint_case=case,
            customer=case["customer"], responsible_unit=unit, technician="technician2", claimed_on=case["received_at"].date(),
            mode="compensate_product",
            reason="复检确认属制造质量问题。", customer_demand=case["customer_demand"], direct_loss=amount,
            loss_calculation="不良品价款加停线工时损失。", approved_at=case.get("notified_at", begun), items=[
                {"product_batch": batch, "product_name": batch["product_name"], "specification": batch["model"], "quantity": quantity,
                 "unit_price": price}])
        if "_incident" in case:
            row["major_incident_report"] = case["_incident"]
        if is_over:
            self.agree(case, row, unit, moment)
        self.found["compensation_request"].append(row)

    def agree(self, case: Rec, request: Rec, unit: str, moment: datetime) -> None:
        names = {department.code: department.name for department in people.DEPARTMENTS}
        line = {name: request["items"][0][name] for name in ("product_batch", "product_name", "specification", "quantity")}
        self.found["compensation_agreement"].append(Rec(
            state="signed", created_at=moment, created_by=people.of_unit(unit), department=unit, compensation_request=request,
            customer=case["customer"], responsible_unit=unit, technician="technician2", party_a=names[unit],
            party_b=case["customer"]["name"],
            settlement_clause="补发合格品后，双方对本批不再有其他争议。", copies=2, items=[line],
            company_signed_by=people.of_unit(unit, lead=True),
            company_signed_at=moment, signed_by=case["contact_person"], signed_at=moment + timedelta(minutes=15)))

    def incident(self, case: Rec, fault: Fault, unit: str, amount: str) -> None:
        """Loss enough for a report to the heads of the company."""
        closed = len(self.rows["major_incident_report"]) == 0
        target = "closed" if closed else ("decided", "reported", "draft", "reported")[(len(self.rows["major_incident_report"]) - 1) % 4]
        known = case.get("replied_at", case["received_at"])
        rungs: list[tuple[str, Any]] = [
            ("reported", {"reported_at": at(0), "_pace": (0, 0)}), ("reported", {"unit_acknowledged_at": NOW, "_pace": (0, 1)}),
            ("reported", {"quality_acknowledged_at": NOW, "_pace": (0, 1)}),
            ("decided", {"decision": "同意先行补偿，责任单位一个月内完成整改。", "decided_by": "deputy_gm", "decided_at": NOW}),
            ("closed", {"follow_up": "补偿和整改均已完成，客户恢复订货。", "closed_at": NOW, "_pace": (30, 40)})]
        row = climbed(
            self.clock, "technician2", known, "draft", rungs, target, complaint_case=case, customer=case["customer"],
            product_batch=case["product_batch"],
            responsible_unit=unit, technician="technician2", occurred_at=known - timedelta(days=1), place=case["customer"]["address"],
            loss_known_at=known,
            direct_loss=amount, casualties="无", fault_category=fault.category, incident_text=f"{fault.text}，造成客户停线。",
            cause=f"{fault.cause}。",
            emergency_measure="隔离同批产品，派员现场挑选。", preliminary_opinion="属制造质量问题，建议补发合格品并赔偿停线损失。",
            customer_demand=case["customer_demand"], losses=[{"item": "不良品及停线损失", "quantity": 1, "amount": amount}])
        if target == "closed":
            row["corrective_action"] = self.improve(case)
        case["_incident"] = row
        self.rows["major_incident_report"].append(row)

    # without a loss ------------------------------------------------------------------------------------------------

    def without_loss(self) -> None:
        """Abnormalities that caused none: from a converted complaint, a call, a visit; one went up to a complaint."""
        rungs: list[tuple[str, Any]] = [
            ("sent", {"_pace": (0, 1)}), ("improving", {"interim_action": "在制品加严检验。"}),
            ("improved", {"cause": "作业标准未更新。", "improvement_result": "作业标准已修订并培训，连续三批无异常。", "improved_at": NOW,
                          "_pace": (4, 8)}),
            ("closed", {"verification_text": "抽查两批均合格，同意关闭。", "closed_at": NOW})]
        visits = [row for row in self.found["field_service_record"] if row["state"] == "closed" and row.get("product_batch")]
        cases: list[dict[str, Any]] = []
        for n in range(14):
            fault = GOODS[(n * 3 + 1) % len(GOODS)]
            visit = visits[len(visits) * (n + 1) // 16] if n % 4 == 1 else None
            customer = visit["customer"] if visit else self.customers[(n * 5 + 6) % len(self.customers)]
            batch = visit["product_batch"] if visit else self.batch(fault, self.clock.end - timedelta(days=390 - 25 * n))
            cases.append({"_by": "sales2", "department": "MKT", "found_on": TODAY, "customer": customer, "product_batch": batch,
                          "quantity": 1 + n % 3,
                          "fault_category": fault.category, "fault_description": f"{fault.text}，未造成损失。", "direct_loss": 0,
                          "handler": "sales2",
                          "field_service_record": visit, "improvement_demand": f"请{fault.prevention}。",
                          "responsible_unit": batch["production_unit"],
                          "_age": visit["closed_at"] + timedelta(hours=2) if visit and n < 8 else None})
        rows = several(self.clock, cases, "draft", rungs, {"void": ("draft", {})})
        self.rows["abnormality_sheet"] += rows
        self.convert(rows)
        self.upgrade(rows)
        for row in [row for row in rows if row["state"] == "closed"][:2]:
            row["corrective_action"] = improvement(
                self.clock, "abnormality_sheet", row, self.clock.later(row["created_at"], 2, 3), row["responsible_unit"],
                (row["fault_description"], "作业标准未更新", "修订作业标准并培训", "标准变更须经质量部会签"), customer=row["customer"])
            self.found["corrective_action"].append(row["corrective_action"])

    def convert(self, rows: list[Rec]) -> None:
        for row in [row for row in rows if row["state"] in ("closed", "sent")][:3]:
            received = row["created_at"] - timedelta(hours=2)
            case = Rec(
                state="converted", created_at=received, created_by="sales2", department="MKT", received_at=received, channel="phone",
                severity="normal",
                customer=row["customer"], contact_person=row["customer"]["contact_person"], phone=row["customer"]["phone"],
                product_batch=row["product_batch"], complaint_type="quality", fault_category=row["fault_category"], has_loss=False,
                complaint_reason=row["fault_description"], customer_demand=row["improvement_demand"], time_limit="standard",
                _unnumbered=True)
            row["_case"] = case
            self.cases.append(case)
            call = Rec(state="transferred", created_at=received - timedelta(minutes=20), created_by="sales", department="MKT",
                       channel="hotline",
                       customer=row["customer"], contact_person=row["customer"]["contact_person"], phone=row["customer"]["phone"],
                       category="complaint",
                       received_at=received - timedelta(minutes=20), handler="sales", content=row["fault_description"], topics=["other"],
                       transferred_to="责任单位", abnormality_sheet=row)
            self.found["hotline_consultation"].append(call)

    def upgrade(self, rows: list[Rec]) -> None:
        """A loss came to light: the sheet went on as a complaint."""
        for row, case in zip([row for row in rows if row["state"] == "closed"][-2:],
                             [case for case in self.cases if case["state"] == "closed"][-2:], strict=True):
            row |= {"state": "upgraded", "direct_loss": "900.00", "customer": case["customer"], "product_batch": case["product_batch"],
                    "complaint_case": case, "created_at": case["received_at"] - timedelta(hours=3), "field_service_record": None,
                    "found_on": case["received_at"].date(), "responsible_unit": case["responsible_unit"]}
            for name in ("verification_text", "closed_at", "improved_at", "cause", "improvement_result"):
                row.pop(name, None)
        call = self.cases[0]
        moment = call["received_at"] - timedelta(minutes=10)
        self.found["hotline_consultation"].append(Rec(
            state="closed", created_at=moment, created_by="customer_service", department="CS", channel="hotline",
            customer=call["customer"],
            contact_person=call["contact_person"], phone=call["phone"], category="complaint", received_at=moment,
            handler="customer_service",
            content=call["complaint_reason"], topics=["other"], transferred_to="总经理室业务部", complaint_case=call,
            reply_text="已登记投诉，24小时内书面答复。", replied_at=moment + timedelta(minutes=8), closed_at=moment + timedelta(days=1)))

    # with others ----------------------------------------------------------------------------------------------------

    def joint_reviews(self) -> None:
        judged = [case for case in self.cases if "discussions" in case]
        young = [case for case in self.cases if case["state"] == "investigating"]
        for n, (case, target) in enumerate([*((case, "signed") for case in judged[::3]), (judged[-3], "held"), (judged[-4], "held"),
                                            (judged[-5], "cancelled"), (young[0], "scheduled"), (young[1], "scheduled")]):
            self.joint_review(n, case, target)

    def joint_review(self, n: int, case: Rec, target: str) -> None:
        unit = case["responsible_unit"]
        crew = [{"unit": "MKT", "person": "sales2"}, {"unit": "QA", "person": "quality_engineer"},
                {"unit": unit, "person": people.of_unit(unit)}]
        said = [row | {"opinion": "同意检验结果。", "signed_at": NOW} for row in crew]
        rungs: list[tuple[str, Any]] = [
            ("held", {"held_at": NOW, "participants": crew, "defect_quantity": case["defect_quantity"],
                      "inspection_result": "双方共同复检，不良数与投诉一致。",
                      "conclusion": "不良属实，按处理对策执行。", "_pace": (0, 1)}),
            ("signed", {"participants": said, "signed_by": case["contact_person"], "signed_at": NOW, "_pace": (0, 1)})]
        begun = case["replied_at"] + timedelta(minutes=30)
        if target == "cancelled":
            rungs = [("cancelled", {})]
        self.rows["complaint_joint_review"].append(climbed(
            self.clock, "customer_service", begun, "scheduled", rungs, target, department="CS", complaint_case=case, contacted_at=begun,
            handler="customer_service", scheduled_at=begun + timedelta(days=1), place=case["customer"]["address"],
            customer_representative=case["contact_person"], participants=crew))

    def disputes(self) -> None:
        """The case that the customer would not accept, cards and claims of users: negotiated, mediated, or referred."""
        disputed = next(case for case in self.cases if case["state"] == "disputed")
        sheets = [row for row in self.found["warranty_appraisal"] if row["state"] in ("out_of_warranty", "rejected")]
        cards = [row for row in self.found["complaint_tracking_card"] if row["state"] == "closed" and row["feedback_kind"] == "complaint"]
        targets = ("settled", "settled", "closed_unsettled", "settled", "void", "authority", "mediating", "negotiating", "planned",
                   "opened")
        for n, target in enumerate(targets):
            ground = sheets[len(sheets) * n // 10] if n % 2 else cards[len(cards) * n // 10]
            name = "warranty_appraisal" if n % 2 else "complaint_tracking_card"
            if target == "mediating":
                ground, name = disputed, "complaint_case"
            age = 360 - 45 * n if n < 5 else 34 - 5 * (n - 4)
            self.dispute(n, name, ground, target, max(ago(self.clock, age), ground["created_at"] + timedelta(days=2)))

    def dispute(self, n: int, name: str, ground: Rec, target: str, begun: datetime) -> None:
        customer = ground["customer"]
        tried = ({"route": "a_negotiation", "started_at": begun + timedelta(days=1), "ended_at": begun + timedelta(days=4),
                  "is_settled": False,
                  "content": "双方对责任比例意见不一，未达成一致。"})
        second = {"route": "b_mediation", "started_at": begun + timedelta(days=4, hours=2), "content": "行业协会组织调解。"}
        third = {"route": "c_authority", "started_at": begun + timedelta(days=10), "content": "建议用户向12315申诉。"}
        failed = second | {"ended_at": begun + timedelta(days=9), "is_settled": False}
        rungs: list[tuple[str, Any]] = [
            ("planned", {"settlement_measures": "承担材料费一半，减免工时费。", "planned_at": at(), "_pace": (0, 0)}),
            ("negotiating", {"route": "a_negotiation", "route_started_at": begun + timedelta(days=1), "_pace": (1, 1),
                             "routes": [{"route": "a_negotiation", "started_at": begun + timedelta(days=1),
                                         "content": "电话协商两次。"}]})]
        if target in ("mediating", "authority", "closed_unsettled") or n == 1:
            rungs.append(("mediating", {"route": "b_mediation", "route_started_at": second["started_at"],
                                        "mediation_body": "市汽车维修行业协会",
                                        "routes": [tried, second], "_pace": (3, 4)}))
        if target in ("authority", "closed_unsettled"):
            rungs.append(("authority", {"route": "c_authority", "route_started_at": third["started_at"],
                                        "authority_name": "市市场监督管理局", "case_no": f"TS{begun:%y%m%d}01",
                                        "routes": [tried, failed, third], "case_due_on": (begun + timedelta(days=75)).date(),
                                        "_pace": (5, 6)}))
        if target == "closed_unsettled":
            rungs.append((target, {"outcome": "litigation", "result": "调解终结，用户另行起诉。", "closed_at": NOW, "_pace": (30, 40)}))
        if target == "settled":
            last = {"ended_at": begun + timedelta(days=6), "is_settled": True}
            won = [tried, second | last] if n == 1 else [{"route": "a_negotiation", "started_at": begun + timedelta(days=1),
                                                          "content": "当面协商。", **last}]
            rungs.append((target, {"outcome": "mediated" if n == 1 else "negotiated", "result": "减免部分费用，用户接受并签字。",
                                   "closed_at": NOW,
                                   "routes": won, "_pace": (6, 7)}))
        if target == "void":
            rungs = [("void", {})]
        self.rows["dispute_case"].append(climbed(
            self.clock, "customer_service", begun, "opened", rungs, target, department="CS", received_at=begun, customer=customer,
            contact_person=customer["contact_person"], phone=customer["phone"], dealer=ground.get("dealer"),
            subject_matter="保修责任与费用承担",
            dispute_text="用户不认可判定结果，要求免费修理并补偿误工。", amount=f"{800 + 350 * n}.00", handler="customer_service",
            **{name: ground}))

    def reworks(self) -> None:
        """Returned goods are reworked under the case; others because an inspection found them."""
        backed = [case for case in self.cases if case.get("disposition") == "rework"]
        backs = [row for row in self.found["equipment_takeback"] if row["state"] == "returned" and row["work_order"].get("product_batch")]
        for case in backed:
            target = "released" if case["state"] == "closed" else "reworking"
            moment = case["registered_at"] + timedelta(hours=2)
            self.rework(moment, target, case, {"complaint_case": case, "corrective_action": self.improve(case)},
                        case["defect_quantity"] + 6, 1)
        for n, target in enumerate(("scrapped", "released", "void", "reworked", "reworked", "reworking", "issued", "draft")):
            batch = self.batches[(n * 5 + 3) % len(self.batches)]
            extra: dict[str, Any] = {"equipment_takeback": backs[n]} if n == 1 and backs else {}
            moment = ago(self.clock, 300 - 60 * n if n < 3 else 18 - 2 * (n - 3))
            if extra:
                batch, moment = backs[n]["work_order"]["product_batch"], backs[n]["dispatcher_copy_returned_at"] + timedelta(hours=3)
            about = Rec(product_batch=batch, fault_category="other", complaint_reason="库存复检发现个别不良",
                        responsible_unit=batch["production_unit"])
            self.rework(moment, target, about, extra, 10 + n, 0)

    def rework(self, moment: datetime, target: str, about: Rec, links: dict[str, Any], quantity: int, bad: int) -> None:
        unit = about["responsible_unit"]
        passed = {"reinspection_result": "逐件复检，合格品加贴标识入库。", "passed_quantity": quantity - bad, "scrapped_quantity": bad,
                  "reinspected_by": "quality_engineer", "reinspected_at": NOW, "stocked_in_on": TODAY, "_pace": (0, 1)}
        rungs: list[tuple[str, Any]] = [
            ("issued", {"_pace": (0, 0)}), ("reworking", {"_pace": (0, 0)}),
            ("reworked", {"labour_hours": "6.5", "completed_at": NOW, "_pace": (0, 0)}), ("released", passed)]
        if target == "scrapped":
            rungs[-1] = (target, {"reinspection_result": "无法修复，整批报废。", "scrapped_quantity": quantity, "passed_quantity": 0,
                                  "reinspected_by": "quality_manager", "reinspected_at": NOW})
        if target == "void":
            rungs = [("void", {})]
        self.rows["rework_order"].append(climbed(
            self.clock, "quality_engineer", moment, "draft", rungs, target, department="QA", customer=about.get("customer"),
            product_batch=about["product_batch"],
            quantity=quantity, fault_category=about["fault_category"], fault_description=about["complaint_reason"], responsible_unit=unit,
            rework_plan="拆检、更换不良件、按标准重装并全检。", due_on=on(10), **links))

    # overdue ------------------------------------------------------------------------------------------------------

    def overdue(self) -> None:
        """Cases that ran over their limit: the notices that the clock issued, answered, and cleared once done."""
        late = [case for case in self.cases if case["state"] in ("registered", "investigating", "approving", "approved", "executing")
                and "registered_at" in case]
        over = [case for case in self.cases if case["state"] == "closed"][:6]
        for n, case in enumerate(over):
            self.notice(n, case, "cleared")
        for n, (case, target) in enumerate(zip(late, ("answered", "answered", "issued", "issued", "void"), strict=False)):
            self.notice(n, case, target)

    def notice(self, n: int, case: Rec, target: str) -> None:
        due = _due(case)
        issued = due + timedelta(minutes=5)
        if issued > self.clock.end - timedelta(hours=6):
            return
        unit = case.get("responsible_unit")
        row = Rec(
            state=target, created_at=issued, created_by="customer_service", department="CS", subject_type="complaint_case",
            subject_number=case,
            deadline_id="SLA-26", deadline_name="结案时间", limit_text=_words(case), due_at=due, issued_at=issued, level="level_1",
            responsible_unit=unit, handler=case["created_by"])
        if target in ("answered", "cleared"):
            answered = min(issued + timedelta(hours=5), self.clock.end - timedelta(hours=1))
            row |= {"reason": "供应商换件推迟到货，已协调加急。", "new_due_at": issued + timedelta(days=30), "answered_at": answered}
        if issued < self.clock.end - timedelta(days=4) and n % 2:
            row |= {"level": "level_2", "escalated_at": due + timedelta(hours=24), "escalated_to": people.of_unit(unit, lead=True) if unit
                    else "quality_manager"}
        if target == "cleared":
            row["cleared_at"] = case["closed_at"] + timedelta(minutes=5)
        self.rows["overdue_notice"].append(row)


def clock_end(clock: Clock, case: Rec) -> datetime:
    """A case that is closed was called back before."""
    return case.get("closed_at", clock.end)


def _due(case: Rec) -> datetime:
    hours = {"h72": 72, "h48": 48}.get(case["time_limit"])
    registered: datetime = case["registered_at"]
    return registered + timedelta(hours=hours) if hours else office.add_workdays(registered, 5)


def _words(case: Rec) -> str:
    return {"h72": "72小时", "h48": "48小时"}.get(case["time_limit"], "5个工作日")


def add(clock: Clock, found: Found) -> None:
    grievances = Grievances(clock, found)
    grievances.make()
    found["complaint_case"] = sorted(grievances.cases, key=lambda row: row["created_at"])
    for name, rows in grievances.rows.items():
        found[name] = sorted([*found.get(name, ()), *rows], key=lambda row: row["created_at"])
    for name in ("callback_record", "hotline_consultation", "customer_contact_memo"):
        found[name].sort(key=lambda row: row["created_at"])
