"""客户投诉处理表."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, lines, link, longtext, moment, money, person, phone, text, unit,
    yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.conditions import either, filled, if_so, is_changed, is_false, is_true, one_of, saying
from models.master.product_batch import fill_from_batch
from models.spec import (
    CALLED_OFF, SIGNER, Condition, Deadline, Default, Move, RecordType, Series, Step, Text, Workflow, states,
)

# The hours that each choice of the time limit names; “standard” is a number of working days.
HOURS = {"immediate": 2, "h12": 12, "h24": 24, "h48": 48, "h72": 72}
FROM_BATCH = ("part_no", "production_unit", "shift", "operator", "produced_on")
# What the responsible unit writes; all else is for those who judge it.
WRITTEN_BY_UNIT = (*FROM_BATCH, "cause", "countermeasure", "improvement_measure", "execution_check", "discussions")
# What was decided by those who signed, and the states in which it stands.
DECIDED = ("complaint_type", "cause", "responsible_unit", "responsible_person", "secondary_responsible",
           "disposition", "is_goods_returned", "countermeasure", "amount")
AFTER_DECISION = ("approved", "executing", "disputed", "effect_confirmed")
# What a case that starts from another record takes as the complaint.
COMPLAINED_IN = {
    "complaint_tracking_card": "complaint_content", "hotline_consultation": "content",
    "customer_contact_memo": "content", "abnormality_sheet": "fault_description",
}


def open_abnormality_sheet(case, act) -> None:
    act.new(
        "abnormality_sheet", complaint_case=case.id, found_on=act.local(case.received_at).date(),
        customer=case.customer_id, product_batch=case.product_batch_id, quantity=case.defect_quantity,
        fault_category=case.fault_category, fault_description=case.complaint_reason,
        improvement_demand=case.customer_demand, responsible_unit=case.responsible_unit)


def open_dispute(case, act) -> None:
    act.new(
        "dispute_case", complaint_case=case.id, received_at=act.now, customer=case.customer_id,
        contact_person=case.contact_person, phone=case.phone, dealer=case.dealer_id, dispute_text=act.comment,
        amount=case.amount, handler=act.actor.id)


def dispute_is_over(case, act) -> bool:
    disputes = _of_case("dispute_case", case, act)
    return bool(disputes) and all(row.state in ("settled", "closed_unsettled") for row in disputes)


def ask_for_callback(case, act) -> None:
    """The customer is asked whenever the effect was confirmed, once each time."""
    if any(call.state in ("due", "attempted") for call in _of_case("callback_record", case, act)):
        return
    act.new(
        "callback_record", complaint_case=case.id, customer=case.customer_id, contact_person=case.contact_person,
        phone=case.phone, dealer=case.dealer_id, served_at=act.now)


def is_called_back(case, act) -> bool:
    """The last callback is finished and says what the case says, or the customer cannot be reached."""
    calls = _of_case("callback_record", case, act)
    last = max(calls, key=lambda call: call.id, default=None)
    return last is not None and (last.state == "unreachable" or (
        last.state in ("done", "reported") and last.satisfaction_level == case.satisfaction_level))


def take_up_again(case, act) -> None:
    """What had no effect was not done: the promise runs on."""
    case.effect_confirmed_at = None


def is_claimed(case, act) -> bool:
    return any(_of_case(name, case, act) for name in ("return_exchange_claim", "compensation_request"))


def is_reworked(case, act) -> bool:
    orders = _of_case("rework_order", case, act)
    return bool(orders) and all(order.state in ("released", "scrapped") for order in orders)


def _of_case(type_name, case, act) -> list:
    return [row for row in act.find(type_name, complaint_case_id=case.id) if row.state not in CALLED_OFF]


IS_QUALITY = one_of("complaint_type", "quality")
IS_REWORKED = either(one_of("disposition", "rework"), is_true("is_goods_returned"))
IS_SETTLED_IN_GOODS = one_of("disposition", "return", "exchange", "compensation")
HAS_LOSS = saying(
    is_true("has_loss"), "未造成损失的投诉不登记，请转异常处理单",
    "A complaint without loss is not registered: convert it to an abnormality sheet")
NO_LOSS = saying(
    is_false("has_loss"), "已造成损失的投诉须登记为客户投诉，不能转异常处理单",
    "A complaint with a loss is registered, not converted")
ORDER_IS_NAMED = tuple(if_so(IS_QUALITY, filled(name)) for name in ("order_no", "part_no", "quantity", "shipped_on"))
ORIGIN_IS_CLEAR = tuple(if_so(IS_QUALITY, filled(name)) for name in (
    "inspection_result", "production_unit", "shift", "operator", "produced_on"))
CONFIRMED_BY_OUTSIDER = Condition(
    lambda case, act: case.responsible_unit not in act.actor.units,
    Text("效果确认人不能是责任归属单位的人员", "Who confirms the effect may not belong to the responsible unit"))
CLAIM_IS_MADE = if_so(IS_SETTLED_IN_GOODS, Condition(is_claimed, Text(
    "退货、换货或补偿须先办理退货/换货/索赔申请或退换/补偿审批单，并注明本投诉",
    "Return, exchange or compensation needs a claim or a compensation request that names this case")))
REWORK_IS_DONE = if_so(IS_REWORKED, Condition(is_reworked, Text(
    "返工或成品退货须有注明本投诉的返工单，且均已放行或报废",
    "Reworked or returned goods need a rework order that names this case, released or scrapped")))
DISPUTE_IS_OVER = Condition(dispute_is_over, Text(
    "本投诉的争议处理记录尚未结案", "The dispute of this case is not closed yet"))
CALLED_BACK = Condition(is_called_back, Text(
    "须先完成本次处理的回访，且回访结果与回访记录一致",
    "Complete the callback first; the satisfaction level must be the callback's"))
ACTION_IS_TAKEN = if_so(either(IS_QUALITY, IS_REWORKED), filled("corrective_action"))


class Discussion(Line, of="complaint_case"):
    """What one of the departments concerned thinks of the case."""

    unit = unit("参加部门(生产/生技/QC/PC/资材)", "Department", required=True)
    person_id = person("参加人", origin="P")
    discussed_at = moment("讨论时间", required=True, origin="X")
    opinion = longtext("分析意见", required=True)


class Promise(Line, of="complaint_case"):
    """Something that the customer was told: when it will be done."""

    notified_at = moment("知会客户时间", "Customer told at", required=True)
    notified_by_id = person("知会人", "Told by", required=True, origin="X")
    channel = choice("方式", ("phone", "电话"), ("fax", "传真"), ("email", "电子邮件", "E-mail"),
                     ("meeting", "会议"), ("visit", "登门走访"))
    promised_at = moment("承诺完成时间", required=True)
    reason = longtext("变更原因", "Reason of the change", help=(
        "从第二次承诺起必须填写", "Required from the second promise on"))


class ComplaintCase(Record):
    """Sales or customer service receives a customer's complaint on it and it carries the case through
    investigation, responsibility, approved disposition, notice to the customer, effect confirmation and
    closing."""

    keeps_first = frozenset({"replied_at"})

    received_at = moment("投诉接收时间", required=True, origin="X", default=Default.NOW,
                         group=("投诉接收", "The complaint"),
                         help=("答复期限自此时起算", "The limit for the reply counts from here"))
    channel = choice("投诉渠道", ("phone", "电话"), ("visit", "面访", "Face to face"), ("fax", "传真"),
                     ("email", "电子邮件", "E-mail"), ("online", "网络"), ("dealer", "服务商转达"),
                     ("authority", "12315/主管部门", "Authority (12315)"), required=True, origin="P")
    severity = choice("投诉级别", ("normal", "一般"), ("escalated", "升级"), ("major", "重大"), required=True,
                      origin="P", default="normal")
    customer_id = link("customer", "客户", required=True)
    contact_person = text("投诉人", "Complainant", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    vehicle_id = link("vehicle", "车辆", origin="P")
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", origin="X", help=(
        "选定后自动带出料号、生产单位、机班别、生产人员和生产日期",
        "Fills part number, production unit, shift, operator and production date"))
    order_no = text("订单编号", help=(
        "质量异常的投诉登记前须填写订单编号、料号、数量和交运日期",
        "A quality complaint needs order, part number, quantity and shipping date to be registered"))
    part_no = text("料号")
    quantity = decimal("数量")
    defect_quantity = decimal("不良数", origin="P")
    shipped_on = day("交运日期")
    complaint_type = choice("投诉分类", ("quality", "质量异常"),
                            ("non_quality", "非质量异常(人为因素)", "Non-quality (human factor)"), required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    complaint_reason = longtext("投诉理由", required=True)
    customer_demand = longtext("客户要求", required=True)
    has_loss = yes_no("是否造成损失", required=True, help=(
        "未造成损失的转异常处理单", "Without a loss it becomes an abnormality sheet"))
    registered_at = moment("登记时间", group=("登记与时效", "Registration and time limits"))
    time_limit = choice("处理时效", ("immediate", "立即(2小时)", "Immediate (2 h)"), ("h12", "12小时", "12 h"),
                        ("h24", "24小时", "24 h"), ("h48", "48小时", "48 h"), ("h72", "72小时", "72 h"),
                        ("standard", "一般(5个工作日)", "Standard (5 working days)"), required=True,
                        default="standard")
    close_due_at = moment("处理期限", derived=(
        "registered_at + the hours of time_limit; standard = registered_at + parameter complaint_days "
        "(working days)"))
    is_overdue = yes_no("是否逾期", derived=(
        "closed_at later than close_due_at; while the case is open, whether close_due_at had passed when it was "
        "last saved or its overdue notice was raised"))
    customer_contact_memo_id = link(
        "customer_contact_memo", "顾客沟通、联系备忘录", group=("联系与答复", "Contact and reply"), help=(
            "先与客户联系并记录备忘录，方可调查、答复",
            "Contact the customer and record the memo before anything else"))
    assistance_text = longtext("协助解决疑难/提供参考资料", "Help and material given", help=(
        "业务部门向客户说明或提供的内容", "What sales explained or handed over"))
    reply_due_at = moment("答复期限", derived="received_at + parameter reply_hours")
    reply_text = longtext("答复内容(处理方法、时间)", "Reply (method and time)")
    replied_at = moment("答复时间")
    promised_at = moment("承诺完成时间", derived="promised_at of the last promises row")
    promise_renotified_at = moment("再次知会时间", derived=(
        "notified_at of the last promises row when there is more than one row"))
    production_unit = unit("生产单位", group=("调查", "Investigation"))
    shift = text("机班别")
    operator = text("生产人员")
    produced_on = day("生产日期")
    inspection_result = longtext("质量检验确认", "Quality inspection")
    cause = longtext("发生原因")
    responsible_unit = unit("责任归属单位", group=("责任与处理", "Responsibility and disposition"), help=(
        "调查时暂定，送核时判定", "Provisional for the investigation, judged when submitted"))
    responsible_person = text("责任人员")
    secondary_responsible = text("次要责任人", origin="P")
    disposition = choice("处理方式", ("explanation", "解释说明"), ("repair", "维修"), ("rework", "返工"),
                         ("exchange", "换货"), ("return", "退货"), ("compensation", "补偿"), ("other", "其他"))
    is_goods_returned = yes_no("是否成品退货", help=(
        "成品退货须返工并采取纠正和预防措施", "Returned goods are reworked and lead to a corrective action"))
    countermeasure = longtext("处理对策")
    improvement_measure = longtext("改善对策")
    amount = money("赔偿/处理金额", origin="P", default=0, help=("决定核决权限", "Decides who signs"))
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    notified_at = moment("处理结果通知客户时间", "Customer told the result at",
                         group=("执行与结案", "Execution and closing"))
    execution_check = longtext("执行检查", help=("由责任单位在执行中填写", "Written by the responsible unit"))
    effect_text = longtext("效果确认", "Effect")
    effect_confirmed_at = moment("效果确认时间", origin="X")
    satisfaction_level = choice("回访结果", SATISFACTION_LEVELS, en="Callback result", origin="P", help=(
        "完成回访时自动带入", "Taken over when the callback is completed"))
    external_body = text("涉及的外部机构", "External body involved", origin="X")
    closed_at = moment("结案时间", origin="X")
    discussions = lines(Discussion, "分析讨论")
    promises = lines(Promise, "承诺与知会记录", "Promises and notices")

    def start_from(self, source, act):
        self.complaint_reason = self.complaint_reason or getattr(source, COMPLAINED_IN.get(source.spec.name, ""), None)
        self.received_at = getattr(source, "received_at", None) or getattr(source, "contacted_at", self.received_at)
        if source.spec.name == "complaint_tracking_card":
            self.channel = "dealer"

    def derive(self, act):
        fill_from_batch(self, act, FROM_BATCH)
        at = self.received_at
        self.reply_due_at = at and at + timedelta(hours=act.parameter("reply_hours", at=at))
        self.close_due_at = self._close_due_at(act)
        last = self.promises[-1] if self.promises else None
        self.promised_at = last and last.promised_at
        self.promise_renotified_at = last.notified_at if len(self.promises) > 1 else None
        until = self.closed_at or (None if self.spec.workflow.is_terminal(self.state) else act.now)
        self.is_overdue = bool(self.close_due_at and until and until > self.close_due_at)

    def _close_due_at(self, act):
        at = self.registered_at
        if at is None or self.time_limit in HOURS:
            return at and at + timedelta(hours=HOURS[self.time_limit])
        return act.add_workdays(at, act.parameter("complaint_days", at=at))

    def check(self, act):
        if self.received_at and self.received_at > act.now:
            yield "received_at", Text("投诉接收时间不能晚于现在，请更正",
                                      "A complaint is not received in the future: correct it")
        if None not in (self.quantity, self.defect_quantity) and self.defect_quantity > self.quantity:
            yield "defect_quantity", Text(
                "不良数不能大于数量，请更正其中一项", "More defects than pieces: correct one of the two")
        if self.disposition and self.responsible_unit is None:
            yield "responsible_unit", Text("确定处理方式前，请填写责任归属单位",
                                           "Name the responsible unit before the disposition")
        memo = act.get("customer_contact_memo", self.customer_contact_memo_id)
        if memo is not None and memo.customer_id != self.customer_id:
            yield "customer_contact_memo", Text("所选备忘录不是该客户的，请重选",
                                                "This memo is about another customer: choose again")
        yield from self._wrong_promises(act)
        yield from self._not_theirs_to_change(act)

    def _wrong_promises(self, act):
        """A promise that was given stands; a later one is told to the customer before the one before has passed."""
        given = [row for row in self.promises if row.id is not None]
        rows = sa.inspect(self).attrs.promises.history
        if self.replied_at and (rows.deleted or self.promises[:len(given)] != given):
            yield "promises", Text("已告知客户的承诺不能删除，变更请在后面另加一行",
                                   "What the customer was told stays: add a line after it")
        for n, row in enumerate(self.promises):
            kept = sa.inspect(row).attrs
            changed = kept.promised_at.history.has_changes() or kept.notified_at.history.has_changes()
            if changed and row in given and self.replied_at:
                yield f"promises-{n}-promised_at", Text("已告知客户的承诺不能改动，变更请另加一行",
                                                        "What the customer was told stays: add a line")
            elif changed:
                yield from self._wrong_promise(n, row, act)

    def _wrong_promise(self, n, row, act):
        before = self.promises[n - 1] if n else None
        if row.notified_at > act.now:
            yield f"promises-{n}-notified_at", Text("知会时间不能晚于现在", "The customer was not told in the future")
        if row.promised_at <= row.notified_at:
            yield f"promises-{n}-promised_at", Text("承诺完成时间须晚于知会时间",
                                                    "A promise lies after the moment at which it is given")
        if before is not None and not row.reason:
            yield f"promises-{n}-reason", Text("变更承诺须填写原因", "Give the reason why the promise changes")
        if before is not None and row.notified_at >= before.promised_at:
            yield f"promises-{n}-notified_at", Text(
                "须在原承诺时间之前再次知会客户；原承诺已过期，按逾期处理，不能再延期",
                "The customer is told before the promised time; this promise is broken and cannot be moved any more")

    def _not_theirs_to_change(self, act):
        if act.move is None and self.state in AFTER_DECISION:
            for name in filter(lambda name: is_changed(self, name), DECIDED):
                yield name, Text("已核决的内容不能再改", "What was approved is not changed")
        if act.actor.roles and act.actor.roles <= {"unit", "unit_lead"}:
            typed = (name for name, field in self.spec.fields.items() if field.typed)
            for name in (*typed, "promises"):
                if name not in WRITTEN_BY_UNIT and is_changed(self, name):
                    yield name, Text("责任单位只填写调查、对策和执行检查",
                                     "The responsible unit writes investigation, measures and execution only")

    spec = RecordType(
        code="CPL", zh="客户投诉处理表", en="Customer complaint case",
        source="002 客户投诉管理办法 (一)-(七); 001 §5.3.1-5.3.6", series=Series("KS-{yyyy}{mm}-{n:04}"),
        numbered_at="register",
        scope={"dealer": "dealer", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "received_at", "customer", "complaint_type", "severity", "responsible_unit",
              "reply_due_at", "close_due_at", "state"),
        inline=("severity", "responsible_unit"),
        search=("number", "complaint_reason", "order_no", "part_no"),
        filters=("state", "received_at", "customer", "dealer", "complaint_type", "severity", "fault_category",
                 "responsible_unit", "is_overdue"),
        links_in=("customer_contact_memo", "hotline_consultation", "complaint_tracking_card",
                  "abnormality_sheet", "customer", "vehicle"),
        workflow=Workflow(
            states(("received", "已接收"), ("registered", "已登记"), ("investigating", "调查中"),
                   ("approving", "核决中", "In approval"), ("approved", "已核决"), ("executing", "执行中"),
                   ("disputed", "争议中"), ("effect_confirmed", "效果已确认"), ("closed", "已结案"),
                   ("rejected", "不成立", "Not justified"),
                   ("converted", "转异常处理单", "Converted to abnormality sheet"), ("void", "作废")),
            moves=(
                Move("register", "登记", source=("received",), to="registered", by=("customer_service",),
                     requires=("customer", "channel", "complaint_type", "fault_category", "complaint_reason",
                               "customer_demand", "time_limit"),
                     stamps=("registered_at",), when=(HAS_LOSS, *ORDER_IS_NAMED)),
                Move("convert", "转异常处理单", "Convert to abnormality sheet", source=("received",),
                     to="converted", by=("customer_service", "sales", "sales_lead"), when=(NO_LOSS,),
                     then=open_abnormality_sheet),
                Move("investigate", "开始调查", "Start investigation", source=("registered",),
                     to="investigating", by=("quality_engineer",),
                     requires=("customer_contact_memo", "responsible_unit")),
                Move("reply", "答复客户", "Reply to customer", source=("registered", "investigating"),
                     to="investigating", by=("quality_manager", "customer_service", "sales", "sales_lead"),
                     requires=("customer_contact_memo", "reply_text", "promises"), stamps=("replied_at",)),
                Move("report_findings", "提报调查结果", source=("investigating",), to="investigating",
                     by=("quality_engineer", "unit", "unit_lead"), requires=("cause", "countermeasure")),
                Move("judge", "判定责任并送核", "Judge and submit", source=("investigating",), to="approving",
                     by=("customer_service",), opens_round=True, when=ORIGIN_IS_CLEAR,
                     requires=("discussions", "cause", "responsible_unit", "disposition", "countermeasure",
                               "replied_at")),
                Move("approve", "核决", source=("approving",), to="approved", by=(SIGNER,), signs=True),
                Move("send_back", "退回调查", source=("approving",), to="investigating", by=(SIGNER,),
                     comment=True, signs=True),
                Move("reject", "投诉不成立", "Not justified", source=("registered", "investigating"),
                     to="rejected", by=("quality_manager",), comment=True,
                     requires=("customer_contact_memo", "reply_text", "cause")),
                Move("notify", "传达处理结果", "Notify customer", source=("approved",), to="executing",
                     by=("sales", "sales_lead", "customer_service"), stamps=("notified_at",)),
                Move("check_execution", "执行检查", source=("executing",), to="executing",
                     by=("unit", "unit_lead"), requires=("execution_check",)),
                Move("confirm_effect", "效果确认", source=("executing",), to="effect_confirmed",
                     by=("customer_service", "quality_manager"), requires=("effect_text",),
                     stamps=("effect_confirmed_at",), then=ask_for_callback,
                     when=(CONFIRMED_BY_OUTSIDER, if_so(IS_QUALITY, filled("execution_check")), CLAIM_IS_MADE,
                           REWORK_IS_DONE)),
                Move("redo", "重新执行", "Execute again", source=("effect_confirmed",), to="executing",
                     by=("customer_service", "quality_manager"), comment=True, then=take_up_again),
                Move("dispute", "转争议", source=("approved", "executing"), to="disputed",
                     by=("customer_service",), comment=True, then=open_dispute),
                Move("settle", "争议已解决", "Dispute settled", source=("disputed",), to="executing",
                     by=("customer_service",), when=(DISPUTE_IS_OVER,)),
                Move("close", "结案", source=("effect_confirmed",), to="closed", by=("quality_manager",),
                     requires=("effect_text", "satisfaction_level"), stamps=("closed_at",),
                     when=(CALLED_BACK, ACTION_IS_TAKEN)),
                Move("void", "作废", source=("received", "registered"), to="void", by=("quality_manager",),
                     comment=True),
            ),
            approval=(Step("quality_manager"), Step("deputy_gm", "approval_from_deputy_gm", "amount"),
                      Step("general_manager", "approval_from_general_manager", "amount"))),
        deadlines=(
            Deadline("reply", "reply_hours", starts="received_at", met_by="replied_at",
                     tell=("customer_service", "quality_manager"), id="SLA-02"),
            Deadline("promise", "promised_at", starts="replied_at", met_by="effect_confirmed_at",
                     tell=("owner", "quality_manager"), id="SLA-05", warn="promise_warning_hours"),
            Deadline("close", "close_due_at", starts="registered_at", met_by="closed_at",
                     tell=("customer_service", "quality_manager"), id="SLA-26"),
        ),
        access={
            "customer_service": "CEAVX", "dispatcher": "V", "quality_engineer": "CEVX",
            "quality_manager": "CEAVX", "sales": "CEV",
            "sales_lead": "CEV", "dealer": "v", "unit": "EKV", "unit_lead": "EKV", "finance": "V",
            "deputy_gm": "AVX", "general_manager": "AVX", "management_representative": "V",
        },
        rules=(
            "BR-02 the case cannot leave registered (except to void) without a linked customer_contact_memo; it "
            "is a recorded one of the same customer",
            "BR-05 a new promises row must have notified_at earlier than the promised_at of the row before it; a "
            "later one is refused, the old promise stands and counts as broken",
            "BR-05 from the second promises row on, reason is required; a warning goes out 24 h before "
            "promised_at",
            "a promise that the customer was told is neither changed nor removed",
            "BR-24 a complaint without loss (has_loss false) becomes an abnormality_sheet, it cannot be "
            "registered",
            "the number is year + month + serial without gaps, assigned at register; a void case keeps its "
            "number",
            "disposition needs responsible_unit",
            "closing needs effect_text and a finished callback",
            "disposition rework or is_goods_returned leads to a rework_order and a corrective_action (001 "
            "§5.3.4)",
            "disposition return, exchange or compensation needs a return_exchange_claim or "
            "compensation_request before execution is confirmed",
            "defect_quantity is not greater than quantity",
            "choosing product_batch fills part_no, production_unit, shift, operator and produced_on",
            "a step past its limit makes an overdue_notice (SLA-27)",
            "the quality head has the departments concerned (production, engineering, QC, PC, materials) analyse "
            "the case; each gives its opinion in discussions before judge (001 §5.3.2)",
            "the creator of the case cannot approve it",
            "the responsible unit reports its findings and checks the execution, and changes nothing else",
            "what was approved is not changed afterwards",
        ),
    )
