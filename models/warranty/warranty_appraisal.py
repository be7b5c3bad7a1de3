"""质量保修鉴定单."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, money, person, phone, rounded,
    signature, text, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import actor_is_not, either, filled, if_so, is_changed, is_true, linked, one_of, saying
from models.master.staff_qualification import qualified
from models.master.vehicle import note_reading, terms_in_force, wrong_reading
from models.spec import SYSTEM, VOID, Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

RESULTS = {"approve": "approved", "send_back": "returned", "reject": "rejected"}
JUDGED = ("vehicle", "customer", "received_at", "mileage", "fault_category", "fault_description",
          "staff_qualification")


def note_result(sheet, act) -> None:
    sheet.review_result = RESULTS[act.move.name]


def note_case(sheet, act) -> None:
    """The vehicle has the reading; a row of a recall goes to the dealer that took the vehicle in."""
    note_reading(sheet, act)
    row = act.get("recall_vehicle", sheet.recall_vehicle_id)
    if row is not None and row.dealer_id != sheet.dealer_id:
        row.dealer_id = sheet.dealer_id
        act.touch(row)


def is_waiting_for_help(sheet, act) -> bool:
    """Customer service was asked about an important or unclear fault, and has not answered."""
    return any(request.state == "raised" and request.request_type in ("important", "hard_to_judge")
               for request in act.find("technical_assistance_request", warranty_appraisal_id=sheet.id))


def is_qualified(sheet, act) -> bool:
    """The qualification named is the actor's own, at this dealer, and valid today, both end days included."""
    own = act.get("staff_qualification", sheet.staff_qualification_id)
    return own is not None and own.qualification_type == "appraiser" and own.state == "valid" and (
        own.person_id == act.actor.id and own.dealer_id in (None, sheet.dealer_id)
        and own.valid_from_on <= act.today <= own.valid_until_on)


QUALIFIED = Condition(is_qualified, Text(
    "须选择您本人在该服务商当日有效的保修鉴定员资格",
    "Name your own appraiser qualification at this dealer; it must be valid today"))
IN_WARRANTY = is_true("is_in_warranty")
OUT_OF_WARRANTY = Condition(
    lambda sheet, act: sheet.is_in_warranty is False,
    Text("“属于质量保修范围”须为“否”", "“Is in warranty” must be no"))
NEEDS_NO_INSTRUCTION = Condition(
    lambda sheet, act: not (sheet.is_important or sheet.is_hard_to_judge),
    Text("重要质量问题或难以判断的，请上传客户服务部处理", "An important or unclear fault goes to customer service: escalate it"))
NO_GOODWILL = Condition(
    lambda sheet, act: sheet.claim_type != "goodwill",
    Text("善意保修须上传客户服务部给出处理措施", "A goodwill claim needs the instruction of customer service: escalate it"))
NEEDS_INSTRUCTION = saying(
    either(is_true("is_important"), is_true("is_hard_to_judge"), one_of("claim_type", "goodwill")),
    "只有重要质量问题、难以判断的故障或善意保修才上传客户服务部，其余请直接鉴定",
    "Only important, unclear or goodwill cases are escalated: appraise the others yourself")
DIFFERENCE_EXPLAINED = Condition(
    lambda sheet, act: bool(act.comment.strip()) or (
        sheet.is_in_warranty_computed in (None, sheet.is_in_warranty)),
    Text("鉴定结论与系统判定不一致，请写明理由", "The judgement differs from what the periods say: give the reason"))
IN_ORDER = Condition(
    lambda sheet, act: sheet.repair_finished_at >= sheet.repair_started_at,
    Text("工单结束时间不能早于开始时间", "The repair cannot end before it starts"))
NOT_THE_APPRAISER = actor_is_not("appraiser")
RECALL_IS_NAMED = if_so(one_of("claim_type", "recall"), filled("recall_vehicle"))
HELP_IS_GIVEN = Condition(
    lambda sheet, act: not is_waiting_for_help(sheet, act),
    Text("技术援助单尚未答复，答复后方可维修", "Customer service has not answered the request for help yet: no repair before"))
BEING_PAID = saying(
    linked("warranty_settlement", "approved", "paid"), "只随所列保修结算单付款一并结算",
    "Settled only with the payment of the settlement that lists it")


class Labour(Line, of="warranty_appraisal"):
    """Labour that is claimed."""

    labour_code = text("工时代码", origin="P")
    labour_name = text("工时名称", required=True, origin="P")
    labour_hours = decimal("工时数", required=True, origin="P", measure="h")
    labour_rate = money("工时单价", required=True, origin="P")
    amount = money("工时费", origin="P", derived="labour_hours * labour_rate")


class Part(Line, of="warranty_appraisal"):
    """A part that is claimed."""

    part_no = text("配件代码", required=True, origin="P")
    part_name = text("配件名称", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")
    unit_price = money("单价", required=True, origin="P")
    amount = money("配件费", origin="P", derived="quantity * unit_price")
    supplier_code = text("供应商代码", origin="P")
    supplier_name = text("供应商名称", origin="P")
    is_main_fault_part = yes_no("主故障件", origin="P", default=False)


class WarrantyAppraisal(Record):
    """A dealer's qualified appraiser judges whether a vehicle fault is under warranty, customer service
    instructs on important or unclear faults, and after joint acceptance the sheet is reviewed and settled."""

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("用户与车辆", "User and vehicle"))
    customer_id = link("customer", "用户", required=True)
    phone = phone("用户电话", origin="P", private=True)
    vehicle_id = link("vehicle", "车辆", required=True, help=(
        "任何服务商均可受理，不限于售出服务商", "Any dealer serves any vehicle, not only the one that sold it"))
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin, 17 characters")
    engine_no = text("发动机号", origin="P", derived="vehicle.engine_no")
    model = text("车型", origin="P", derived="vehicle.model")
    product_batch_id = link("product_batch", "批次", origin="X", derived="vehicle.product_batch")
    delivered_on = day("购车(交付)日期", origin="P", derived="vehicle.delivered_on")
    received_at = moment("进厂(送修)时间", required=True, origin="P", group=("故障", "The fault"))
    mileage = integer("进厂里程", required=True, origin="P", measure="km")
    claim_type = choice("索赔类型", ("vehicle", "整车保修", "Vehicle warranty"),
                        ("spare_part", "备件保修", "Spare-part warranty"), ("goodwill", "善意保修"),
                        ("recall", "召回服务", "Recall service"), required=True, origin="P", default="vehicle")
    recall_vehicle_id = link("recall_vehicle", "召回车辆明细", origin="X", help=(
        "仅用于召回服务；不填时自动带出本车未完成的召回", "Only for a recall; filled with the vehicle's open recall if left empty"))
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("故障描述", required=True)
    cause = longtext("故障原因", origin="P")
    appraiser_id = person("鉴定员", group=("鉴定", "The judgement"))
    staff_qualification_id = link("staff_qualification", "鉴定员任职资格", help=(
        "不填时自动带出您本人当日有效的资格", "Filled with your own valid qualification if left empty"))
    is_in_warranty_computed = yes_no("系统判定在保", origin="X", derived=(
        "received_at not after vehicle.warranty_ends_on and mileage not above vehicle.warranty_ends_km"))
    is_in_warranty = yes_no("属于质量保修范围", help=(
        "与系统判定不一致的，鉴定时须写明理由；未按时走保本身不能作为不保修的理由",
        "If it differs from the system's, a reason is needed; a missed maintenance alone is none"))
    warranty_basis = longtext("保修条件依据")
    service_price_policy_id = link("service_price_policy", "质量保修手册(版本)", help=(
        "不填时自动带出本车保修起算日生效的版本", "Filled with the version in force when the vehicle's warranty began"))
    is_important = yes_no("重要质量问题", required=True, default=False)
    is_hard_to_judge = yes_no("难以判断", required=True, default=False)
    appraised_at = moment("鉴定时间", origin="X")
    escalated_at = moment("上传客户服务部时间", group=("客户服务部处理措施", "Instruction of customer service"))
    cs_instruction = longtext("客户服务部处理措施")
    instructed_at = moment("答复处理措施时间", origin="X")
    repair_method = choice("维修方式", ("repair", "修理"), ("replace", "更换"), ("adjust", "调整"), origin="P",
                           group=("维修与费用", "Repair and charges"))
    repair_started_at = moment("工单开始时间", origin="P")
    repair_finished_at = moment("工单结束时间", origin="P")
    old_part_disposal = choice("旧件处理", ("returned", "返回公司", "Returned to company"),
                               ("kept", "服务商保存", "Kept by dealer"),
                               ("scrapped", "就地报废", "Scrapped on the spot"), origin="P")
    labour_fee = money("工时费", origin="P", derived="sum of labours.amount")
    parts_fee = money("配件费", origin="P", derived="sum of parts.amount")
    travel_fee = money("外出费", origin="P", default=0)
    amount = money("总费用", origin="P", derived="labour_fee + parts_fee + travel_fee")
    signed_by = signature("用户验收签字", group=("共同验收与上报", "Joint acceptance and submission"))
    appraiser_signed_by = signature("鉴定员验收签字")
    signed_at = moment("共同验收时间")
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X")
    submitted_at = moment("上报日期", origin="P")
    reviewer_id = person("审核人", origin="P", group=("审核", "Review"))
    reviewed_at = moment("审核时间", origin="X")
    review_result = choice("审核结果", ("approved", "通过"), ("returned", "退回"), ("rejected", "拒绝"), origin="P",
                           system=True)
    review_opinion = longtext("审核意见", origin="P")
    reject_reason = choice(
        "拒绝原因", ("out_of_scope", "不属保修范围", "Not covered"), ("expired", "超保修期限", "Period over"),
        ("misuse", "使用不当"), ("wrong_fee", "费用不符", "Fee wrong"),
        ("no_evidence", "证据或旧件不足", "Evidence or old part missing"), ("duplicate", "重复申报"),
        ("false_claim", "虚假鉴定", "False appraisal"), ("other", "其他"), origin="P")
    warranty_settlement_id = link("warranty_settlement", "保修结算单", origin="X", system=True)
    remark = longtext("备注", origin="P")
    labours = lines(Labour, "工时")
    parts = lines(Part, "配件")

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        for name in ("vin", "engine_no", "model", "product_batch_id", "delivered_on"):
            setattr(self, name, vehicle and getattr(vehicle, name))
        self.is_in_warranty_computed = None
        if vehicle and vehicle.warranty_ends_on and self.received_at and self.mileage is not None:
            self.is_in_warranty_computed = self.mileage <= vehicle.warranty_ends_km and (
                act.local(self.received_at).date() <= vehicle.warranty_ends_on)
        if self.state == "draft" and not act.is_history:
            self._fill_in(act, vehicle)
        for row in self.labours:
            row.amount = rounded((row.labour_hours or 0) * (row.labour_rate or 0))
        for row in self.parts:
            row.amount = rounded((row.quantity or 0) * (row.unit_price or 0))
        self.labour_fee = sum((row.amount for row in self.labours), Decimal(0))
        self.parts_fee = sum((row.amount for row in self.parts), Decimal(0))
        self.amount = self.labour_fee + self.parts_fee + (self.travel_fee or 0)

    def _fill_in(self, act, vehicle):
        """What a draft leaves empty and the files know."""
        if self.staff_qualification_id is None:
            own = qualified(act, act.actor.id, "appraiser")
            self.staff_qualification_id = own and own.id
        if self.service_price_policy_id is None and vehicle and vehicle.warranty_starts_on:
            terms = terms_in_force(act, vehicle, vehicle.warranty_starts_on)
            self.service_price_policy_id = terms and terms.id
        if self.recall_vehicle_id is None and vehicle and self.claim_type == "recall":
            rows = (row for row in act.find("recall_vehicle", vehicle_id=vehicle.id) if row.is_open())
            self.recall_vehicle_id = next((row.id for row in rows), None)

    def check(self, act):
        yield from wrong_reading(self, act)
        yield from self._wrong_recall(act)
        started, finished = self.repair_started_at, self.repair_finished_at
        if started and finished and finished < started:
            yield "repair_finished_at", IN_ORDER.reason(self)
        file = act.get("customer_repair_file", self.customer_repair_file_id)
        is_chosen = any(is_changed(self, name) for name in ("customer_repair_file", "vehicle", "dealer"))
        if is_chosen and file is not None and (file.vehicle_id, file.dealer_id) != (self.vehicle_id, self.dealer_id):
            yield "customer_repair_file", Text("所选维修档案不是该服务商该车辆的，请重选",
                                               "This repair file is of another vehicle or dealer: choose "
                                               "again")
        if any(is_changed(self, name) for name in ("vehicle", "received_at", "fault_category")):
            yield from self._duplicate(act)

    def _wrong_recall(self, act):
        row = act.get("recall_vehicle", self.recall_vehicle_id)
        if row is None or not any(is_changed(self, name) for name in ("recall_vehicle", "claim_type", "vehicle")):
            return
        if self.claim_type != "recall":
            yield "recall_vehicle", Text("只有索赔类型为召回服务时才关联召回车辆明细，请清空或改选索赔类型",
                                         "Only a claim of the type recall names a recall: clear it or change the type")
        elif row.vehicle_id != self.vehicle_id or row.state == VOID:
            yield "recall_vehicle", Text("所选召回明细不是本车的，请重选", "This row is of another vehicle: choose again")

    def _duplicate(self, act):
        cls = type(self)
        other = act.session.scalar(sa.select(cls.number).where(
            cls.vehicle_id == self.vehicle_id, cls.received_at == self.received_at,
            cls.fault_category == self.fault_category, cls.state.not_in(("void", "rejected")),
            cls.id != (self.id or 0)).limit(1))
        if other:
            yield "fault_category", Text(f"该车同一送修时间、同一故障类别已有鉴定单 {other}，请勿重复申报",
                                         f"{other} is about the same vehicle, time and fault already")

    spec = RecordType(
        code="WAP", zh="质量保修鉴定单", en="Warranty appraisal sheet", source="004 §4.1.2, §5.3.4, §5.3.5, §7.2",
        series=Series("WAP-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "dealer", "vin", "fault_category", "is_in_warranty", "amount", "submitted_at",
              "review_result", "state"),
        search=("number", "vin", "engine_no", "fault_description"),
        filters=("state", "dealer", "fault_category", "claim_type", "is_important", "review_result",
                 "received_at",
                 "reviewed_at"),
        links_in=("vehicle", "customer_repair_file", "recall_vehicle"), retention_years=6,
        workflow=Workflow(
            states(("draft", "草稿"), ("escalated", "已上传客服部"),
                   ("appraised", "已鉴定(在保)", "Appraised in warranty"), ("repaired", "已维修"),
                   ("accepted", "已共同验收", "Jointly accepted"), ("submitted", "已上报"), ("approved", "审核通过"),
                   ("settled", "已结算"), ("rejected", "审核拒绝"), ("out_of_warranty", "不属保修范围")),
            moves=(
                Move("appraise", "鉴定在保", source=("draft",), to="appraised", by=("appraiser",),
                     requires=(*JUDGED, "is_in_warranty", "warranty_basis", "service_price_policy"),
                     stamps=("appraiser", "appraised_at"), then=note_case,
                     when=(IN_WARRANTY, NEEDS_NO_INSTRUCTION, NO_GOODWILL, QUALIFIED, DIFFERENCE_EXPLAINED,
                           RECALL_IS_NAMED)),
                Move("escalate", "上传客户服务部", source=("draft",), to="escalated", by=("appraiser",),
                     requires=JUDGED, stamps=("appraiser", "escalated_at"),
                     when=(NEEDS_INSTRUCTION, QUALIFIED, RECALL_IS_NAMED), then=note_case),
                Move("instruct", "给出处理措施", source=("escalated",), to="appraised", by=("customer_service",),
                     requires=("cs_instruction", "is_in_warranty", "warranty_basis"),
                     stamps=("instructed_at", "appraised_at"), when=(IN_WARRANTY, DIFFERENCE_EXPLAINED)),
                Move("instruct_out", "判定不在保", "Instruct out of warranty", source=("escalated",),
                     to="out_of_warranty", by=("customer_service",),
                     requires=("cs_instruction", "is_in_warranty", "warranty_basis"),
                     stamps=("instructed_at",),
                     when=(OUT_OF_WARRANTY, DIFFERENCE_EXPLAINED)),
                Move("judge_out", "鉴定不在保", "Judge out of warranty", source=("draft",), to="out_of_warranty",
                     by=("appraiser",), stamps=("appraiser",),
                     requires=("fault_description", "staff_qualification", "is_in_warranty",
                               "warranty_basis"),
                     when=(OUT_OF_WARRANTY, NEEDS_NO_INSTRUCTION, QUALIFIED, DIFFERENCE_EXPLAINED),
                     then=note_reading),
                Move("finish_repair", "维修完毕", "Repair finished", source=("appraised",), to="repaired",
                     by=("dealer", "appraiser"), when=(IN_ORDER, HELP_IS_GIVEN),
                     requires=("cause", "repair_method", "repair_started_at", "repair_finished_at",
                               "old_part_disposal")),
                Move("accept", "共同验收", "Joint acceptance", source=("repaired",), to="accepted",
                     by=("appraiser",),
                     requires=("signed_by", "appraiser_signed_by"), stamps=("signed_at",)),
                Move("submit", "上报", source=("accepted",), to="submitted", by=("dealer", "appraiser"),
                     requires=("customer_repair_file", "amount"), stamps=("submitted_at",),
                     when=(either(filled("labours"), filled("parts")),)),
                Move("send_back", "退回", source=("submitted",), to="accepted", by=("customer_service",),
                     stamps=("reviewer", "reviewed_at"), comment=True, when=(NOT_THE_APPRAISER,),
                     then=note_result),
                Move("approve", "审核通过", source=("submitted",), to="approved", by=("customer_service",),
                     stamps=("reviewer", "reviewed_at"), when=(NOT_THE_APPRAISER,), then=note_result),
                Move("reject", "审核拒绝", source=("submitted",), to="rejected", by=("customer_service",),
                     requires=("reject_reason", "review_opinion"), stamps=("reviewer", "reviewed_at"),
                     when=(NOT_THE_APPRAISER,), then=note_result),
                Move("settle", "结算", source=("approved",), to="settled", by=(SYSTEM,), when=(BEING_PAID,)),
            )),
        deadlines=(
            Deadline("instruct", "appraisal_reply_hours", starts="escalated_at", met_by="instructed_at",
                     tell=("customer_service", "quality_manager"), id="X-WAP-INSTRUCT"),
        ),
        access={
            "customer_service": "EAVX", "quality_engineer": "VX", "quality_manager": "VX", "dealer": "CEv",
            "appraiser": "CEv", "unit": "V", "unit_lead": "V", "finance": "KV", "deputy_gm": "V",
        },
        rules=(
            "BR-20 only an appraiser whose qualification is valid on the day may appraise, escalate or "
            "judge out, both end days included",
            "BR-21 is_important or is_hard_to_judge: no repair before customer service has given "
            "cs_instruction",
            "BR-12 user AND appraiser jointly accept (both signatures) after repair and before submitting",
            "BR-30 the dealer may differ from the selling dealer; any recognised dealer is valid",
            "BR-31 a missed or elsewhere-done maintenance alone is no reason for is_in_warranty false",
            "VIN has exactly 17 characters",
            "amount = labour_fee + parts_fee + travel_fee exactly, decimals, no rounding loss",
            "repair_finished_at is not before repair_started_at; mileage is not below the vehicle's earlier "
            "readings",
            "is_in_warranty different from is_in_warranty_computed needs a comment",
            "a goodwill claim needs a cs_instruction",
            "the reviewer is not the appraiser",
            "grade sheet: rejected / reviewed by reviewed_at and review_result of the month; a sheet sent "
            "back counts once, with its last result",
            "one vehicle and received_at and fault_category gives one sheet (duplicate warning)",
            "settled at most once",
        ),
    )
