"""派工单(服务处理单)."""

from datetime import timedelta
from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, money, person, phone, province, rounded,
    signature, text, yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.conditions import both, either, filled, if_so, is_changed, is_true, linked, one_of, saying
from models.dispatch.equipment_takeback import is_all_beyond_repair, is_beyond_repair, takebacks
from models.dispatch.field_service_record import is_recorded
from models.dispatch.service_charge_notice import agreed_amount, notices
from models.dispatch.spare_part_request import are_parts_settled
from models.people import User
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

SOURCES = {"phone_dispatch": "phone_dispatch_record", "quality_info": "quality_info_transfer",
           "complaint": "complaint_case", "dealer_report": "complaint_tracking_card"}
UNCALLED = ("due", "attempted")
FROM_SOURCE = (
    "received_at", "customer_id", "contact_person", "phone", "address", "province", "dealer_id", "vehicle_id",
    "product_batch_id", "product_name", "serial_no", "fault_category", "fault_description",
)
COMPLAINED_IN = ("complaint_reason", "complaint_content")
# What was found out for the source; the rest is taken over with FROM_SOURCE.
FOUND_OUT = ("received_at", "technician_id", "urgency", "warranty_status")
FINISHED = ("finished", "signed", "returned")
CHARGES = ("warranty_status", "labour_fee", "parts")


def note_appointment(order, act) -> None:
    order.appointments.append(Appointment(
        appointment_at=order.appointment_at, dispatcher_told_at=act.now, position=len(order.appointments)))


def take_new_time(order, act) -> None:
    order.appointment_at = order.appointments[-1].appointment_at


def note_arrival(order, act) -> None:
    """Every visit is judged on its own appointment; the order keeps its first arrival."""
    order.appointments[-1].arrived_at = act.now


def ask_for_callback(order, act) -> None:
    """Every service that the customer signed for is followed by one call; one done again, by a new one."""
    if any(call.state in UNCALLED for call in callbacks(order, act)):
        return
    sheet_id = order.quality_info_transfer_id
    waiting = next((call for call in act.find("callback_record", quality_info_transfer_id=sheet_id)
                    if call.state in UNCALLED and call.work_order_id is None), None) if sheet_id else None
    if waiting is not None:   # the sheet that this order serves has asked already
        waiting.work_order_id = order.id
        act.touch(waiting)
        return
    act.new(
        "callback_record", quality_info_transfer=sheet_id, work_order=order.id, customer=order.customer_id,
        contact_person=order.contact_person, phone=order.phone, dealer=order.dealer_id,
        technician=order.technician_id, served_at=order.finished_at)


def callbacks(order, act) -> list:
    found = act.find("callback_record", work_order_id=order.id)
    return sorted((call for call in found if call.state != "void"), key=lambda call: call.id)


def begin_again(order, act) -> None:
    """What is done again is finished and signed for again."""
    for column in ("finished_at", "signed_by", "signed_at", "dispatcher_copy_returned_at"):
        setattr(order, column, None)


def is_dissatisfied(order, act) -> bool:
    calls = callbacks(order, act)
    return bool(calls) and calls[-1].satisfaction_level in ("dissatisfied", "very_dissatisfied")


def has_new_appointment(order, act) -> bool:
    row = order.appointments[-1] if order.appointments else None
    return row is not None and bool(row.reason and row.dispatcher_told_at) and row.arrived_at is None and (
        row.appointment_at == order.appointment_at or not is_changed(order, "appointment_at"))


def is_charge_accepted(order, act) -> bool:
    """Out of warranty nothing is repaired before the customer accepts the charge, and no more is charged."""
    was_taken = order.visit_outcome == "taken_back"
    if order.warranty_status != "out" or (was_taken and is_all_beyond_repair(takebacks(order, act))):
        return True
    agreed = agreed_amount(act, work_order_id=order.id)
    return agreed is not None and order.amount <= agreed


def is_hardly_worth_it(order, act) -> bool:
    """The technician says so, or something that was taken back cannot be repaired."""
    return bool(order.is_low_repair_value) or any(map(is_beyond_repair, takebacks(order, act)))


ON_SITE = saying(one_of("service_mode", "on_site"), "送修的不约定上门时间",
                 "What the customer brings in needs no appointment")
SOURCE_LINKED = Condition(
    lambda order, act: order.source not in SOURCES or bool(getattr(order, f"{SOURCES[order.source]}_id")),
    Text("请按“派工依据”关联来源单据", "Link the record that “Source” names"))
WARRANTY_LOOKED_UP = saying(
    if_so(one_of("source", "phone_dispatch"), linked("phone_dispatch_record", "warranty_checked", "dispatched")),
    "电话派工记录须先查询保修时间", "The warranty time is looked up on the phone dispatch record first")
DEALER_IN_OPERATION = saying(
    if_so(filled("dealer"), linked("dealer", "active", "rectifying")), "只能派给运营或整改中的服务商",
    "Only a dealer in operation or under rectification gets work orders")
NEW_APPOINTMENT = Condition(has_new_appointment, Text(
    "请先在“约定与改约记录”加一行新的约定时间，写明改约原因和反馈调度员时间",
    "Add a row to the appointments first: the new time, the reason and when the dispatcher was told"))
FAST_TRANSPORT = saying(
    if_so(one_of("transport_mode", "motorcycle_taxi", "company_car"),
          one_of("urgency", "urgent", "important")),
    "一般任务乘公交车；摩的和公司派车只用于紧急或重要任务",
    "The bus is usual: motorcycle taxi and company car are for urgent or important jobs only")
CAR_APPROVED = saying(
    if_so(one_of("transport_mode", "company_car"), filled("transport_approved_by")),
    "公司派车须填写派车批准人", "A company car needs the name of who approved it")
WARRANTY_KNOWN = saying(
    one_of("warranty_status", "in", "out"), "请先查明保修内外", "Find out first whether it is under warranty")
CHARGE_TOLD = saying(
    if_so(one_of("warranty_status", "out"), filled("charge_told_at")),
    "保修期外的，须先告知客户收费情况并填写告知时间", "Out of warranty the customer is told the charge first: fill in when")
CHARGE_ACCEPTED = Condition(is_charge_accepted, Text(
    "保修期外的，须先由客户在收费告知单上同意收费，收费合计不能超过客户同意的金额",
    "Out of warranty the customer accepts a charge notice first, and the amount is not above what was accepted"))
REPLACEMENT_SETTLED = saying(
    if_so(Condition(is_hardly_worth_it, Text("", "")),
          both(is_true("is_replacement_advised"), filled("replacement_decision"))),
    "维修价值不高或无法修复的，须建议用户更换并记录客户的决定",
    "Where a repair is hardly worth it or impossible, advise replacement and record what the customer decides")
CHARGE_DECLINED = Condition(
    lambda order, act: [notice.state for notice in notices(act, work_order_id=order.id)][-1:] == ["declined"],
    Text("客户在收费告知单上不同意收费", "The customer has declined the charge notice"))
NOT_REPAIRED = both(one_of("visit_outcome", "not_repaired"),
                    either(CHARGE_DECLINED, one_of("replacement_decision", "replace", "give_up")))
LIST_GIVEN = Condition(
    lambda order, act: any(row.state != "listed" for row in takebacks(order, act)),
    Text("请先填写带回设备清单，并把客户联交给客户",
         "List the equipment on a take-back list and give the customer the copy first"))
HANDED_BACK = Condition(
    lambda order, act: all(row.state == "returned" for row in takebacks(order, act)),
    Text("带回的设备尚未归还客户", "The equipment that was taken back is not handed back yet"))
DISSATISFIED = Condition(is_dissatisfied, Text(
    "最近一次回访为不满意的方可重开", "Only an order whose last callback was dissatisfied is reopened"))
CALLED_BACK = Condition(
    lambda order, act: any(call.state in ("done", "reported", "unreachable")
                           for call in callbacks(order, act)[-1:]),
    Text("本次服务的回访尚未办结", "The callback of this service is not finished yet"))
PARTS_SETTLED = Condition(are_parts_settled, Text(
    "备品备件申领单尚未核销、退回或取消", "A spare-part request is not settled, returned or cancelled yet"))
RECORDED = Condition(is_recorded, Text(
    "上门服务须先提交现场服务记录", "A visit needs its field service record submitted first"))


class Crew(Line, of="work_order"):
    """Somebody who goes along with the lead."""

    technician_id = person("维修人员", required=True)
    task = text("分工", origin="P")


class Appointment(Line, of="work_order"):
    """A time that was agreed with the customer."""

    appointment_at = moment("约定时间", required=True)
    reason = text("改约原因")
    dispatcher_told_at = moment("反馈调度员时间")
    arrived_at = moment("到达时间", origin="X", system=True)


class Part(Line, of="work_order"):
    """A part that was replaced."""

    part_no = text("物料编码", origin="P")
    part_name = text("配件名称", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")
    unit_price = money("单价", origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price")


class WorkOrder(Record):
    """The dispatcher sends a technician or an outlet to a customer with it; the technician records contact,
    arrival, diagnosis, handling and both copies on it, and the dispatcher closes it."""

    keeps_first = frozenset({"contacted_at", "arrived_at"})

    source = choice("派工依据", ("phone_dispatch", "电话派工记录", "Phone dispatch record"),
                    ("quality_info", "产品质量信息传递处置单", "Quality information transfer"),
                    ("complaint", "客户投诉"), ("dealer_report", "服务商上报"), ("other", "其他"), required=True,
                    group=("派工依据", "Source"))
    phone_dispatch_record_id = link("phone_dispatch_record", "电话派工记录")
    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", origin="X", help=(
        "选定后自动带出客户、产品和故障情况", "Fills customer, product and fault"))
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉信息处理传递跟踪卡", origin="X")
    service_mode = choice("服务方式", ("on_site", "上门维修", "On-site visit"),
                          ("walk_in", "送修", "Customer brings it in"),
                          required=True, default="on_site")
    received_at = moment("信息收到时间", required=True, origin="X", help=(
        "到场期限自此时起算，不填则取来源单据的时间", "The arrival limit counts from here; taken from the source if left empty"))
    customer_id = link("customer", "客户", required=True, group=("客户与服务地", "Customer and place"))
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    address = text("服务地址", origin="P", private=True)
    route_note = text("路线(向客户或同事问清)")
    province = province("服务地省份", origin="X", help=(
        "决定适用省内还是省外到场期限", "Decides which arrival limit applies"))
    dealer_id = link("dealer_ledger", "承接服务商/网点", help=(
        "由公司服务部自办的留空", "Empty when the company's own service department does the job"))
    vehicle_id = link("vehicle", "车辆", origin="P", group=("产品与故障", "Product and fault"))
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    product_name = text("产品名称", origin="P")
    serial_no = text("产品序列号", origin="P")
    fault_description = longtext("技术问题描述", required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="P")
    urgency = choice("紧急程度", ("normal", "一般"), ("urgent", "紧急"), ("important", "重要"), required=True,
                     default="normal", group=("派单", "Assignment"))
    technician_id = person("维修人员(负责人)", required=True, help=(
        "多人同去时的唯一临时负责人", "The one temporary lead when several go"))
    assignment_reason = text("派单依据(技术能力权衡)")
    dispatched_at = moment("派单时间", origin="X")
    arrive_due_at = moment("到场期限", origin="X", derived=(
        "on_site only: received_at + parameter arrival_hours_in_province when province is the parameter "
        "home_province, "
        "else + parameter arrival_hours_out_of_province"))
    contacted_at = moment("联系客户时间", group=("联系与到达", "Contact and arrival"))
    appointment_at = moment("约定上门时间")
    warranty_status = choice("保修内外", ("in", "保修期内", "In warranty"), ("out", "保修期外", "Out of warranty"),
                             ("unknown", "未查明"), default="unknown")
    warranty_told_at = moment("告知保修情况时间")
    charge_told_at = moment("告知收费情况时间")
    transport_mode = choice("交通工具", ("bus", "公交车"), ("motorcycle_taxi", "摩的"), ("company_car", "公司派车"),
                            ("other", "其他"))
    transport_approved_by_id = person("派车批准人", origin="X",
                                      help=("公司派车由调度员批准", "The dispatcher approves a company car"))
    transport_cost = money("交通费用", default=0, help=(
        "节约费用、符合客户要求、争取效率", "Kept low, as the customer requires, and quick"))
    is_appearance_ready = yes_no("服务形象整理及鞋套", help=(
        "与客户见面前整理形象、穿好鞋套", "Appearance tidied and shoe covers on before meeting the customer"))
    arrived_at = moment("到达时间", help=(
        "首次到达；之后各次见约定与改约记录", "First arrival; later visits stay in the appointments"))
    onsite_statement = longtext("客户现场描述", group=("故障判断与处理", "Diagnosis and handling"))
    diagnosis = longtext("故障判断")
    visit_outcome = choice(
        "处理方式", ("fixed_on_site", "当场解决", "Fixed on the spot"), ("taken_back", "带回"),
        ("rescheduled", "择日维修", "Another day"), ("reassigned", "择人维修", "Another technician"),
        ("not_repaired", "未维修(客户放弃或改为更换)"))
    deferral_explanation = longtext("择日择人说明(已告知客户)")
    replacement_price = money("同类新品价格", origin="X")
    is_low_repair_value = yes_no("维修价值不高", help=(
        "不填时按收费告知单与新品价格之比预置", "Preset by the charge notice and the price of a new one if left empty"))
    is_replacement_advised = yes_no("已建议更换")
    replacement_decision = choice("客户对更换建议的决定", ("replace", "更换"), ("repair", "仍维修", "Repair anyway"),
                                  ("give_up", "放弃维修", "Give up repair"), origin="X")
    solution = longtext("解决方法")
    takeback_description = longtext("带回设备清单或情况", group=("单据各联", "Copies"))
    customer_copy_given_at = moment("客户联交付时间")
    dispatcher_copy_returned_at = moment("调度联交回时间")
    finished_at = moment("完成时间", origin="P", group=("费用与客户签字", "Charges and signature"))
    labour_fee = money("工时费", origin="P", default=0)
    parts_fee = money("配件费", origin="P", derived="sum of parts.amount")
    amount = money("收费合计", origin="P", derived="labour_fee + parts_fee", help=(
        "保修期内不收费", "Nothing is charged under warranty"))
    repeat_count = integer("返修次数", origin="P", derived=(
        "earlier work orders of the same customer, same serial_no or vehicle, and same fault_category "
        "finished in the "
        "30 days (parameter repeat_return_days) before received_at"))
    signed_by = signature("客户签字", origin="P")
    signed_at = moment("客户签字时间", origin="P")
    satisfaction_level = choice("客户评价", SATISFACTION_LEVELS, origin="P")
    closed_at = moment("关闭时间", origin="X")
    remark = longtext("备注", origin="P")
    crew = lines(Crew, "同行维修人员")
    appointments = lines(Appointment, "约定与改约记录")
    parts = lines(Part, "更换配件")

    def start_from(self, source, act):
        self.source = next(name for name, kind in SOURCES.items() if kind == source.spec.name)
        for column in FOUND_OUT:
            setattr(self, column, getattr(source, column, None) or getattr(self, column))

    def derive(self, act):
        self._fill_from_source(act)
        for part in self.parts:
            part.amount = None if part.unit_price is None else rounded((part.quantity or 0) * part.unit_price)
        self.parts_fee = sum((part.amount or 0 for part in self.parts), Decimal(0))
        self.amount = self.parts_fee + (self.labour_fee or 0)
        if self.is_low_repair_value is None and self.replacement_price and self.id:
            self.is_low_repair_value = self._costs_too_much(act)
        self.arrive_due_at = self.repeat_count = None
        if self.received_at:
            self.repeat_count = self._repeats(act)
        if self.received_at and self.province and self.service_mode == "on_site":
            at = self.received_at
            place = "in" if self.province == act.parameter("home_province", at=at) else "out_of"
            self.arrive_due_at = at + timedelta(hours=act.parameter(f"arrival_hours_{place}_province", at=at))

    def _fill_from_source(self, act):
        """A new order takes from the record it rests on what was left empty."""
        name = SOURCES.get(self.source)
        source = act.get(name, getattr(self, f"{name}_id")) if name and self.id is None else None
        for column in FROM_SOURCE if source else ():
            if getattr(self, column) is None:
                setattr(self, column, getattr(source, column, None))
        for name in COMPLAINED_IN if source else ():
            self.fault_description = self.fault_description or getattr(source, name, None)

    def _costs_too_much(self, act):
        """What the price standard of the last charge notice says; the technician may say otherwise."""
        told = notices(act, work_order_id=self.id)
        policy = told and act.get("service_price_policy", told[-1].service_price_policy_id)
        if not policy or policy.low_value_ratio is None:
            return None
        return told[-1].amount >= policy.low_value_ratio * self.replacement_price

    def _repeats(self, act):
        cls, at = type(self), self.received_at
        things = [column == value for column, value in (
            (cls.serial_no, self.serial_no), (cls.vehicle_id, self.vehicle_id)) if value]
        if not things or self.fault_category is None:
            return 0
        since = at - timedelta(days=act.parameter("repeat_return_days", at=at))
        return act.session.scalar(sa.select(sa.func.count()).select_from(cls).where(
            cls.customer_id == self.customer_id, cls.fault_category == self.fault_category, sa.or_(*things),
            cls.finished_at.between(since, at), cls.state.not_in(("void", "cancelled")),
            cls.id != (self.id or 0)))

    def check(self, act):
        present = {self.technician_id}
        for n, row in enumerate(self.crew):
            if row.technician_id in present:
                yield f"crew-{n}-technician", Text("负责人和同行人员不能重复，请删除该行或另选",
                                                   "Lead and crew are different people: remove the row or "
                                                   "choose again")
            present.add(row.technician_id)
        if self.warranty_status == "in" and self.amount:
            yield "labour_fee", Text("保修期内不向客户收费，请将费用清零",
                                     "Under warranty nothing is charged: set the fees to zero")
        is_recharged = act.move is None and any(is_changed(self, name) for name in CHARGES)
        if self.state in FINISHED and is_recharged and not is_charge_accepted(self, act):
            yield "labour_fee", CHARGE_ACCEPTED.reason(self)
        if self.transport_approved_by_id and is_changed(self, "transport_approved_by"):
            approver = act.session.get(User, self.transport_approved_by_id)
            if "dispatcher" not in approver.roles or approver.id == self.technician_id:
                yield "transport_approved_by", Text("派车须由调度员批准，请改选",
                                                    "A dispatcher approves the car: choose again")

    spec = RecordType(
        code="WOR", zh="派工单(服务处理单)", en="Work order (service handling sheet)",
        source="002 报修流程(1)-(6); 002 网点管理 1, 4; 003 一(三)", series=Series("WOR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "dealer": "dealer"},
        list=("number", "received_at", "customer", "dealer", "technician", "urgency", "appointment_at",
              "arrive_due_at", "state"),
        inline=("urgency", "technician", "appointment_at"),
        search=("number", "fault_description", "serial_no", "contact_person", "phone"),
        filters=("state", "source", "service_mode", "dealer", "technician", "province", "urgency",
                 "warranty_status", "received_at"),
        links_in=("phone_dispatch_record", "quality_info_transfer", "complaint_case",
                  "complaint_tracking_card"),
        workflow=Workflow(
            states(("draft", "草稿"), ("dispatched", "已派单"), ("appointed", "已约定"), ("arrived", "已到达(处理中)"),
                   ("deferred", "择日择人"), ("taken_back", "设备带回", "Equipment taken back"), ("finished", "已解决"),
                   ("signed", "客户已签字", "Signed by customer"),
                   ("returned", "调度联已交回", "Copy returned to dispatcher"), ("closed", "已关闭"),
                   ("cancelled", "已取消")),
            moves=(
                Move("dispatch", "派单", source=("draft",), to="dispatched", by=("dispatcher",),
                     requires=("source", "service_mode", "received_at", "customer", "contact_person", "phone",
                               "address", "province", "fault_description", "technician"),
                     stamps=("dispatched_at",), when=(SOURCE_LINKED, WARRANTY_LOOKED_UP,
                                                        DEALER_IN_OPERATION)),
                Move("appoint", "联系客户并约定", "Contact and appoint", source=("dispatched", "deferred"),
                     to="appointed", by=("technician",),
                     requires=("appointment_at", "warranty_told_at", "charge_told_at"),
                     stamps=("contacted_at",),
                     when=(ON_SITE,), then=note_appointment),
                Move("reappoint", "改约", "Change appointment", source=("appointed",), to="appointed",
                     by=("technician",), requires=("appointment_at",), when=(NEW_APPOINTMENT,),
                     then=take_new_time,
                     tells=("dispatcher",)),
                Move("arrive", "到达", source=("appointed",), to="arrived", by=("technician",),
                     requires=("transport_mode", "is_appearance_ready"), stamps=("arrived_at",),
                     when=(is_true("is_appearance_ready"), FAST_TRANSPORT, CAR_APPROVED), then=note_arrival),
                Move("start_walk_in", "接收送修", "Start walk-in repair", source=("dispatched",), to="arrived",
                     by=("technician",), requires=("warranty_told_at", "charge_told_at"),
                     when=(one_of("service_mode", "walk_in"),)),
                Move("fix_on_site", "当场解决", "Fixed on the spot", source=("arrived",), to="finished",
                     by=("technician",), stamps=("finished_at",),
                     requires=("onsite_statement", "diagnosis", "fault_category", "visit_outcome",
                               "warranty_status", "solution"),
                     when=(one_of("visit_outcome", "fixed_on_site"), WARRANTY_KNOWN, CHARGE_TOLD, CHARGE_ACCEPTED,
                           REPLACEMENT_SETTLED)),
                Move("finish_unrepaired", "未维修结束", "End without repair", source=("arrived",), to="finished",
                     by=("technician",),
                     requires=("onsite_statement", "diagnosis", "fault_category", "visit_outcome"),
                     stamps=("finished_at",), when=(WARRANTY_KNOWN, NOT_REPAIRED)),
                Move("take_back", "带回设备", "Take equipment back", source=("arrived",), to="taken_back",
                     by=("technician",), when=(one_of("visit_outcome", "taken_back"), LIST_GIVEN),
                     requires=("onsite_statement", "diagnosis", "fault_category", "visit_outcome",
                               "takeback_description", "customer_copy_given_at")),
                Move("defer", "择日/择人", source=("arrived",), to="deferred", by=("technician",),
                     requires=("diagnosis", "visit_outcome", "deferral_explanation"),
                     when=(one_of("visit_outcome", "rescheduled", "reassigned"),)),
                Move("reassign", "改派", source=("dispatched", "appointed", "deferred"), to="dispatched",
                     by=("dispatcher",), requires=("technician", "assignment_reason"), comment=True),
                Move("finish", "返修完成", "Finish workshop repair", source=("taken_back",), to="finished",
                     by=("technician",), requires=("solution", "warranty_status"), stamps=("finished_at",),
                     when=(HANDED_BACK, WARRANTY_KNOWN, CHARGE_TOLD, CHARGE_ACCEPTED, REPLACEMENT_SETTLED)),
                Move("sign", "客户签字", "Customer signs", source=("finished",), to="signed", by=("technician",),
                     requires=("signed_by",), stamps=("signed_at",), then=ask_for_callback),
                Move("return_copy", "交回调度联", "Return dispatcher copy", source=("signed",), to="returned",
                     by=("dispatcher",), stamps=("dispatcher_copy_returned_at",)),
                Move("reopen", "回访不满意重开", "Reopen after callback", source=("signed", "returned"),
                     to="dispatched", by=("dispatcher",), comment=True, when=(DISSATISFIED,),
                     then=begin_again),
                Move("close", "关闭", source=("returned",), to="closed", by=("dispatcher",),
                     stamps=("closed_at",), when=(CALLED_BACK, PARTS_SETTLED, RECORDED)),
                Move("cancel", "取消", source=("draft", "dispatched", "appointed"), to="cancelled",
                     by=("dispatcher",), comment=True, when=(PARTS_SETTLED,)),
            )),
        deadlines=(
            Deadline("arrive", "arrive_due_at", starts="received_at", met_by="arrived_at",
                     tell=("dispatcher", "customer_service", "quality_manager"), id="SLA-03/SLA-04",
                     holder="technician"),
            Deadline("appointment", "appointment_at", met_by="arrived_at", tell=("dispatcher", "owner"),
                     id="SLA-20", holder="technician"),
        ),
        access={
            "customer_service": "VX", "dispatcher": "CEAVX", "technician": "Ev", "quality_manager": "V",
            "dealer": "v", "finance": "V",
        },
        rules=(
            "BR-06 a job has exactly one lead, the header technician; a crew line never repeats the lead or "
            "another crew line; crew members see the order too",
            "BR-08 warranty_status out: the customer is told the charge (charge_told_at and an accepted "
            "service_charge_notice) before the repair is finished, and charged no more than that",
            "BR-09 is_low_repair_value needs is_replacement_advised true and replacement_decision recorded "
            "before the job is finished",
            "BR-11 taken_back needs the equipment listed and customer_copy_given_at before leaving; the "
            "other copy goes to the dispatcher",
            "BR-19 every customer signature creates exactly one callback_record; a reopened order gets a "
            "new one when signed again",
            "the customer is contacted before the visit: contacted_at is before arrived_at",
            "when the customer has no time another time is fixed at once and fed back to the dispatcher "
            "(appointments line with dispatcher_told_at)",
            "bus is the usual means; motorcycle_taxi and company_car only when urgency is urgent or "
            "important, company_car also approved by the dispatcher",
            "SLA-03/04 arriving exactly at 24:00:00 h (in province) or 48:00:00 h (elsewhere) is on time, "
            "one second later is late",
            "SLA-20 arriving after the agreed time is late, grace 0 minutes (parameter); second visits are "
            "judged on their appointments line",
            "arrived_at keeps the first arrival; reappointing or reopening never overwrites it",
            "warranty_status in: amount must be 0",
            "cannot finish with warranty_status unknown",
        ),
    )
