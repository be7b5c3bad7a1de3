"""客户维修档案."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, money, person, phone, rounded,
    signature, text, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import filled, if_so, is_changed, is_true, one_of
from models.dispatch.service_charge_notice import agreed_amount
from models.master.vehicle import note_reading, wrong_reading
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, months_after, states

DAY = timedelta(days=1)
REPAIRS = ("repair", "rescue")
CHARGES = ("is_in_warranty", "repairs", "parts", "towing_fee")
RIGHT_REACHED = Text(
    "维修档案 {number} 的车辆已达三包换退条件（第24条）：累计修理 {days} 天，本故障修理 {times} 次",
    "The vehicle of repair file {number} may be exchanged or returned (art. 24): {days} days under repair, this fault "
    "repaired {times} times")
AFTER_SIGNING = ("is_customer_copy_given", "remark")   # the rest is what the user signed


def ask_for_callback(file, act) -> None:
    """Every repair is followed by one call; one that was dispatched, by the call of its work order."""
    order = act.get("work_order", file.work_order_id)
    if order is not None and order.state not in ("cancelled", "void"):
        return
    if any(call.state != "void" for call in act.find("callback_record", customer_repair_file_id=file.id)):
        return
    act.new(
        "callback_record", customer_repair_file=file.id, customer=file.customer_id, phone=file.phone,
        dealer=file.dealer_id, technician=file.technician_id, served_at=file.completed_at)


def complete_file(file, act) -> None:
    """The vehicle has the reading; customer service learns at once that its user may demand another one."""
    note_reading(file, act)
    file.completed_at = act.now
    file.derive(act)
    if file.has_exchange_right:
        act.tell(file, ("customer_service", "quality_manager"), RIGHT_REACHED.with_(
            number=file.number, days=file.cumulative_repair_days, times=file.same_fault_count or 0), key="exchange_right")


def is_jointly_accepted(file, act) -> bool:
    """An appraiser has signed, here or on the appraisal of this repair."""
    return bool(file.appraiser_signed_by) or any(
        sheet.signed_at is not None and sheet.state not in ("void", "rejected")
        for sheet in act.find("warranty_appraisal", customer_repair_file_id=file.id))


def is_charge_accepted(file, act) -> bool:
    """Out of warranty the user has accepted what is charged, for the file or the work order that it belongs to."""
    if file.is_in_warranty or not file.amount:
        return True
    agreed = [agreed_amount(act, customer_repair_file_id=file.id)]
    if file.work_order_id is not None:
        agreed.append(agreed_amount(act, work_order_id=file.work_order_id))
    return file.amount <= sum(filter(None, agreed))


def substitute_is_recorded(file, act) -> bool:
    is_long = file.is_in_warranty and act.now > file.substitute_due_at
    return not is_long or bool(file.is_substitute_given or file.transport_compensation)


def completed(act, vehicle) -> list:
    """The vehicle's completed files."""
    return [file for file in act.find("customer_repair_file", vehicle_id=vehicle.id)
            if file.completed_at and file.state not in ("void", "cancelled")]


def in_exchange_period(files, vehicle, act) -> list:
    """Those of the vehicle's files that were opened while it could be exchanged or returned."""
    return [file for file in files if vehicle.exchange_ends_on is None or (
        act.local(file.received_at).date() <= vehicle.exchange_ends_on
        and (file.mileage or 0) <= vehicle.exchange_ends_km)]


def give_exchange_right(files, act, at) -> bool:
    """Art. 24 (4): more days under repair than a user has to bear, or the same fault repaired more often."""
    faults = Counter(file.fault_category for file in files if file.fault_category)
    days = sum(file.repair_days or 0 for file in files)
    return days > act.parameter("exchange_repair_days", at=at) or (
        max(faults.values(), default=0) > act.parameter("exchange_fault_repairs", at=at))


JOINTLY_ACCEPTED = Condition(is_jointly_accepted, Text(
    "请填写“鉴定员验收签字”，或先在质量保修鉴定单上共同验收",
    "Fill in the appraiser's signature, or have the warranty appraisal jointly accepted first"))
SUBSTITUTE_RECORDED = Condition(substitute_is_recorded, Text(
    "保修期内维修已超过5天，请登记提供备用车或交通费用补偿",
    "An in-warranty repair took longer than allowed: record the substitute vehicle or the travel "
    "compensation"))
CHARGE_ACCEPTED = Condition(is_charge_accepted, Text(
    "保修期外的收费须先由用户在收费告知单上同意，费用合计不能超过用户同意的金额",
    "Out of warranty the user accepts a charge notice first, and the amount is not above what was accepted"))
FAULT_IS_NAMED = if_so(one_of("service_kind", *REPAIRS), filled("fault_category"))


class Repair(Line, of="customer_repair_file"):
    """Something that was repaired, with its labour."""

    item_name = text("修理项目", required=True)
    labour_hours = decimal("工时", origin="P", measure="h")
    labour_fee = money("工时费", origin="P", default=0)


class Part(Line, of="customer_repair_file"):
    """A part that was replaced."""

    part_no = text("编号", origin="P")
    part_name = text("名称", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")
    unit_price = money("单价", origin="P", default=0)
    amount = money("材料费", origin="P", derived="quantity * unit_price")


class CustomerRepairFile(Record):
    """The dealer records every repair of a vehicle in detail, the user signs, and the file is kept as the
    basis for later diagnosis."""

    dealer_id = link("dealer_ledger", "服务网点", required=True, group=("网点、车主与车辆", "Outlet, owner and vehicle"))
    customer_id = link("customer", "车主(用户)", required=True)
    phone = phone("联系电话", origin="P", private=True)
    vehicle_id = link("vehicle", "车辆", required=True, origin="P")
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    work_order_id = link("work_order", "派工单", origin="X")
    service_kind = choice("服务类别", ("repair", "故障维修", "Repair"),
                          ("maintenance", "日常保养", "Routine maintenance"),
                          ("first_service", "走合保养", "Running-in service"),
                          ("rescue", "援助", "Roadside assistance"),
                          default="repair")
    user_manual_id = link("controlled_document", "依据《使用说明书》(版本)")
    received_at = moment("送修时间", required=True, origin="P", group=("送修与检查", "Reception and inspection"))
    mileage = integer("行驶里程", required=True, origin="P", measure="km")
    customer_statement = longtext("用户陈述", required=True, origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X", help=(
        "故障维修和援助必须填写", "Required for repair and roadside assistance"))
    inspection_result = longtext("检查结果", origin="P")
    cause = longtext("故障原因", origin="P")
    is_in_warranty = yes_no("保修内", required=True, origin="P", default=False)
    technician_id = person("维修技师", origin="P", group=("维修与费用", "Repair and charges"))
    completed_at = moment("修复时间", origin="X")
    repair_days = integer("修理占用天数", origin="X", derived=(
        "ceil((completed_at - received_at) / 24 h): 24 h is 1, 24.5 h is 2"))
    labour_fee = money("工时费", origin="P", derived="sum of repairs.labour_fee")
    parts_fee = money("材料费", origin="P", derived="sum of parts.amount")
    towing_fee = money("拖运费", origin="P", default=0)
    amount = money("费用合计", origin="P", derived="labour_fee + parts_fee + towing_fee")
    substitute_due_at = moment("提供备用车期限", origin="X", derived=(
        "is_in_warranty: received_at + parameter substitute_vehicle_days; else none"),
        group=("备用车与补偿", "Substitute vehicle and compensation"))
    is_substitute_given = yes_no("提供备用车", required=True, origin="P", default=False)
    transport_compensation = money("交通费用补偿", origin="P", default=0)
    handed_over_at = moment("交车时间", origin="P", group=("交车与验收", "Handover and acceptance"))
    signed_by = signature("用户签名")
    dealer_signed_by = signature("服务商签名", origin="P")
    appraiser_signed_by = signature("鉴定员验收签字", help=(
        "鉴定单已共同验收的可不填", "Not needed where the warranty appraisal is jointly accepted"))
    signed_at = moment("签名时间", origin="X")
    is_customer_copy_given = yes_no("已交消费者一份", required=True, origin="P", default=False)
    is_repeat_repair = yes_no("同故障返修(30日内)", origin="X", group=("统计与保存", "Counts and retention"), derived=(
        "an earlier file of the same vehicle and fault_category was completed 30 (parameter "
        "repeat_return_days) or "
        "fewer days before completed_at"))
    same_fault_count = integer("同一故障累计修理次数", origin="X", derived=(
        "completed files of the vehicle with this fault_category in the exchange period, this one included"))
    cumulative_repair_days = integer("累计修理天数", origin="X", derived=(
        "sum of repair_days of the vehicle's files in the exchange period"))
    has_exchange_right = yes_no("已达换退条件(三包第24条)", "Exchange or return right (art. 24)", origin="X", derived=(
        "the files of the exchange period add up to more than 30 days (parameter exchange_repair_days), or name "
        "one fault_category more than 4 times (parameter exchange_fault_repairs)"))
    retain_until_on = day("保存期至", origin="X", derived="day of completed_at + 6 years")
    remark = longtext("备注", origin="P")
    repairs = lines(Repair, "修理项目")
    parts = lines(Part, "更换零部件")

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        self.vin = vehicle and vehicle.vin
        for part in self.parts:
            part.amount = rounded((part.quantity or 0) * (part.unit_price or 0))
        self.labour_fee = sum((row.labour_fee or 0 for row in self.repairs), Decimal(0))
        self.parts_fee = sum((part.amount for part in self.parts), Decimal(0))
        self.amount = self.labour_fee + self.parts_fee + (self.towing_fee or 0)
        self.substitute_due_at = None
        if self.is_in_warranty and self.received_at:
            days = act.parameter("substitute_vehicle_days", at=self.received_at)
            self.substitute_due_at = self.received_at + timedelta(days=days)
        is_over = self.completed_at is not None and self.received_at is not None
        self.repair_days = -((self.received_at - self.completed_at) // DAY) if is_over else None
        years = self.spec.retention_years
        day = act.local(self.completed_at).date() if is_over else None
        self.retain_until_on = day and months_after(day, 12 * years)
        self._count_repeats(act, vehicle)

    def _count_repeats(self, act, vehicle):
        files = [file for file in completed(act, vehicle) if file is not self] if vehicle else []
        files += [self] if vehicle and self.repair_days is not None else []
        period = in_exchange_period(files, vehicle, act)
        self.has_exchange_right = give_exchange_right(period, act, at=self.received_at)
        same = [file for file in files if self.fault_category and file.fault_category == self.fault_category]
        self.same_fault_count = sum(file in period for file in same) if self.fault_category else None
        self.cumulative_repair_days = sum(file.repair_days or 0 for file in period)
        self.is_repeat_repair = None
        if self.completed_at:
            limit = act.parameter("repeat_return_days", at=self.completed_at)
            today = act.local(self.completed_at).date()
            self.is_repeat_repair = any(
                (today - act.local(file.completed_at).date()).days <= limit
                for file in same if file.completed_at < self.completed_at)

    def check(self, act):
        yield from wrong_reading(self, act)
        if self.completed_at and self.received_at > self.completed_at:
            yield "received_at", Text("送修时间不能晚于修复时间", "It was received before it was completed")
        if self.handed_over_at and self.completed_at and self.handed_over_at < self.completed_at:
            yield "handed_over_at", Text("交车时间不能早于修复时间", "It is handed over after it was completed")
        order = act.get("work_order", self.work_order_id)
        if order is not None and order.vehicle_id not in (None, self.vehicle_id):
            yield "work_order", Text("所选派工单不是该车辆的，请重选",
                                     "This work order is about another vehicle: choose again")
        is_recharged = act.move is None and any(is_changed(self, name) for name in CHARGES)
        if self.state == "completed" and is_recharged and not is_charge_accepted(self, act):
            yield "repairs", CHARGE_ACCEPTED.reason(self)
        if self.state == "signed" and act.move is None:
            yield from self._changed_after_signing()

    def _changed_after_signing(self):
        fields = self.spec.fields
        for name in (*(name for name in fields if fields[name].typed), *self.spec.lines):
            if name not in AFTER_SIGNING and is_changed(self, name):
                yield name, Text("用户已签名，内容不能再改；可在备注中说明",
                                 "The user has signed for it: explain in the remark instead")

    spec = RecordType(
        code="RPF", zh="客户维修档案", en="Customer repair file", source="004 §5.3.6, §7.4; 002 网点管理 4",
        series=Series("RPF-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer", "appraiser": "dealer", "technician": "technician"},
        list=("number", "dealer", "vin", "customer", "received_at", "fault_category", "completed_at",
              "is_repeat_repair", "state"),
        search=("number", "vin", "customer_statement", "inspection_result"),
        filters=("state", "dealer", "fault_category", "is_in_warranty", "is_repeat_repair", "has_exchange_right",
                 "received_at", "completed_at"),
        links_in=("vehicle", "work_order", "warranty_appraisal"), retention_years=6,
        workflow=Workflow(
            states(("open", "维修中"), ("completed", "已修复"), ("signed", "用户已签名"), ("archived", "已存档"),
                   ("cancelled", "已取消")),
            moves=(
                Move("complete", "修复完成", source=("open",), to="completed",
                     by=("dealer", "appraiser", "technician"), stamps=("completed_at",), then=complete_file,
                     requires=("vehicle", "customer", "received_at", "mileage", "customer_statement",
                               "inspection_result", "repairs"),
                     when=(FAULT_IS_NAMED, CHARGE_ACCEPTED, SUBSTITUTE_RECORDED)),
                Move("sign", "用户签名", "User signs", source=("completed",), to="signed",
                     by=("dealer", "appraiser", "technician"), stamps=("signed_at",), then=ask_for_callback,
                     requires=("signed_by", "dealer_signed_by", "handed_over_at"), when=(JOINTLY_ACCEPTED,)),
                Move("archive", "存档", source=("signed",), to="archived", by=("dealer",),
                     when=(is_true("is_customer_copy_given"),)),
                Move("cancel", "取消", source=("open",), to="cancelled", by=("dealer",), comment=True),
            )),
        deadlines=(
            Deadline("substitute_vehicle", "substitute_due_at", starts="received_at", met_by="completed_at",
                     tell=("dealer", "customer_service"), id="SLA-23"),
        ),
        access={
            "customer_service": "VX", "dispatcher": "VX", "technician": "Ev", "quality_engineer": "V",
            "quality_manager": "V", "dealer": "CEv", "appraiser": "CEv",
        },
        rules=(
            "BR-04 no archive without the user's signature",
            "BR-12 every repair is jointly accepted by the user and an appraiser, here or on its "
            "warranty_appraisal",
            "BR-30 any recognised dealer may open a file for any vehicle; a dealer searching the full VIN "
            "sees the vehicle's repair history without other owners' contact data",
            "BR-08 out of warranty: the charge is told and accepted (service_charge_notice) before "
            "completion, and no more is charged",
            "SLA-23 in warranty and still not completed after 5 days: from day 6 is_substitute_given or "
            "transport_compensation must be recorded; waiting for parts counts",
            "art. 24 monitor: cumulative_repair_days above 30 (31 yes, 30 no) or same_fault_count above 4 "
            "(5 yes, 4 no) warns customer service of an exchange or return right (has_exchange_right)",
            "kept at least 6 years from completion; not deletable or anonymisable before retain_until_on",
            "received_at is not after completed_at, completed_at not after handed_over_at; mileage is not "
            "below earlier readings",
            "in warranty: the user pays nothing (labour and parts are claimed through warranty_appraisal)",
            "first-time fix counts a repeat only at the same dealer, day 30 in, day 31 out",
            "one copy is given to the user",
        ),
    )
