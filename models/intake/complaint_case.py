"""客户投诉处理表."""

from models.base import (
    Line, Record, choice, day, decimal, lines, link, longtext, moment, money, person, phone, text,
    unit, yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.spec import SIGNER, Deadline, Move, RecordType, Series, Step, Workflow, states


class Discussion(Line, of="complaint_case"):
    """分析讨论."""

    unit = unit("参加部门(生产/生技/QC/PC/资材)", required=True)
    person_id = person("参加人", origin="P")
    discussed_at = moment("讨论时间", required=True, origin="X")
    opinion = longtext("分析意见", required=True)


class Promis(Line, of="complaint_case"):
    """承诺与知会记录."""

    notified_at = moment("知会客户时间", required=True)
    notified_by_id = person("知会人", required=True, origin="X")
    channel = choice("方式", ("phone", "电话"), ("fax", "传真"), ("email", "电子邮件", "E-mail"),
        ("meeting", "会议"), ("visit", "登门走访"))
    promised_at = moment("承诺完成时间", required=True)
    # NOTE required from the second row on
    reason = longtext("变更原因")


class ComplaintCase(Record):
    """Sales or customer service receives a customer's complaint on it and it carries the case through
    investigation, responsibility, approved disposition, notice to the customer, effect confirmation and
    closing."""

    received_at = moment("投诉接收时间", required=True, origin="X")
    channel = choice("投诉渠道", ("phone", "电话"), ("visit", "面访", "Face to face"), ("fax", "传真"),
        ("email", "电子邮件", "E-mail"), ("online", "网络"), ("dealer", "服务商转达"),
        ("authority", "12315/主管部门", "Authority (12315)"), required=True, origin="P")
    severity = choice("投诉级别", ("normal", "一般"), ("escalated", "升级"), ("major", "重大"), required=True,
        origin="P", default='normal')
    customer_id = link("customer", "客户", required=True)
    contact_person = text("投诉人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    vehicle_id = link("vehicle", "车辆", origin="P")
    product_batch_id = link("product_batch", "产品/批次", origin="X")
    order_no = text("订单编号")
    part_no = text("料号")
    quantity = decimal("数量")
    defect_quantity = decimal("不良数", origin="P")
    shipped_on = day("交运日期")
    complaint_type = choice("投诉分类", ("quality", "质量异常"),
        ("non_quality", "非质量异常(人为因素)", "Non-quality (human factor)"), required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    complaint_reason = longtext("投诉理由", required=True)
    customer_demand = longtext("客户要求", required=True)
    has_loss = yes_no("是否造成损失", required=True)
    # SET_BY register
    registered_at = moment("登记时间")
    time_limit = choice("处理时效", ("immediate", "立即(2小时)", "Immediate (2 h)"), ("h12", "12小时", "12 h"),
        ("h24", "24小时", "24 h"), ("h48", "48小时", "48 h"), ("h72", "72小时", "72 h"),
        ("standard", "一般(5个工作日)", "Standard (5 working days)"), required=True, default='standard')
    close_due_at = moment("处理期限",
        derived=(
        "registered_at + the hours of time_limit; standard = registered_at + 5 working days"))
    is_overdue = yes_no("是否逾期",
        derived=(
        "closed_at later than close_due_at, or closed_at empty and now later than "
        "close_due_at"))
    customer_contact_memo_id = link("customer_contact_memo", "顾客沟通、联系备忘录")
    # NOTE what sales explained or handed over to the customer
    assistance_text = longtext("协助解决疑难/提供参考资料")
    reply_due_at = moment("答复期限", derived="received_at + 24 h")
    reply_text = longtext("答复内容(处理方法、时间)")
    # SET_BY reply
    replied_at = moment("答复时间")
    promised_at = moment("承诺完成时间", derived="promised_at of the last promises row")
    promise_renotified_at = moment("再次知会时间",
        derived="notified_at of the last promises row when there is more than one row")
    production_unit = unit("生产单位")
    shift = text("机班别")
    operator = text("生产人员")
    produced_on = day("生产日期")
    inspection_result = longtext("质量检验确认")
    cause = longtext("发生原因")
    responsible_unit = unit("责任归属单位")
    responsible_person = text("责任人员")
    secondary_responsible = text("次要责任人", origin="P")
    disposition = choice("处理方式", ("explanation", "解释说明"), ("repair", "维修"), ("rework", "返工"),
        ("exchange", "换货"), ("return", "退货"), ("compensation", "补偿"), ("other", "其他"))
    is_goods_returned = yes_no("是否成品退货")
    countermeasure = longtext("处理对策")
    improvement_measure = longtext("改善对策")
    # NOTE decides the approval level
    amount = money("赔偿/处理金额", origin="P", default=0)
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    # SET_BY notify
    notified_at = moment("处理结果通知客户时间")
    # NOTE written by the responsible unit while executing
    execution_check = longtext("执行检查")
    effect_text = longtext("效果确认")
    # SET_BY confirm_effect
    effect_confirmed_at = moment("效果确认时间", origin="X")
    satisfaction_level = choice("回访结果", SATISFACTION_LEVELS, origin="P")
    external_body = text("涉及的外部机构", origin="X")
    # SET_BY close
    closed_at = moment("结案时间", origin="X")
    discussions = lines(Discussion, "分析讨论")
    promises = lines(Promis, "承诺与知会记录")

    spec = RecordType(
        code="CPL", zh="客户投诉处理表", en="Customer complaint case", source="002 客户投诉管理办法 (一)-(七); 001 §5.3.1-5.3.6",
        series=Series("KS-{yyyy}{mm}-{n:04}"),
        numbered_at="register",
        scope={"dealer": "dealer", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "received_at", "customer", "complaint_type", "severity", "responsible_unit",
              "reply_due_at", "close_due_at", "state"),
        search=("number", "complaint_reason", "order_no", "part_no"),
        filters=("state", "received_at", "customer", "dealer", "complaint_type", "severity",
                 "fault_category", "responsible_unit", "is_overdue"),
        links_in=("customer_contact_memo", "hotline_consultation", "complaint_tracking_card",
                  "abnormality_sheet", "customer", "vehicle"),
        workflow=Workflow(
            states(("received", "已接收"), ("registered", "已登记"), ("investigating", "调查中"),
                ("approving", "核决中", "In approval"), ("approved", "已核决"), ("executing", "执行中"),
                ("disputed", "争议中"), ("effect_confirmed", "效果已确认"), ("closed", "已结案"),
                ("rejected", "不成立", "Not justified"),
                ("converted", "转异常处理单", "Converted to abnormality sheet"), ("void", "作废")),
            moves=(
                # WHEN has_loss is true; for complaint_type quality order_no, part_no, quantity and shipped_on are filled
                # NOTE assigns the number
                Move("register", "登记", source=("received",), to="registered", by=("customer_service",),
                    requires=("customer", "channel", "complaint_type", "fault_category", "complaint_reason", "customer_demand", "time_limit"),
                    stamps=("registered_at",)),
                # WHEN has_loss is false
                # THEN opens a new abnormality_sheet prefilled from this case
                Move("convert", "转异常处理单", "Convert to abnormality sheet", source=("received",),
                    to="converted", by=("customer_service", "sales", "sales_lead")),
                # NOTE responsible_unit is provisional here so that the unit can investigate; it is judged at judge
                Move("investigate", "开始调查", "Start investigation", source=("registered",),
                    to="investigating", by=("quality_engineer",),
                    requires=("customer_contact_memo", "responsible_unit")),
                # NOTE replied_at keeps the first value
                Move("reply", "答复客户", "Reply to customer", source=("registered", "investigating"),
                    to="investigating",
                    by=("quality_manager", "customer_service", "sales", "sales_lead"),
                    requires=("customer_contact_memo", "reply_text", "promises"),
                    stamps=("replied_at",)),
                # WHEN for complaint_type quality inspection_result, production_unit, shift, operator and produced_on are filled
                Move("judge", "判定责任并送核", "Judge and submit", source=("investigating",), to="approving",
                    by=("customer_service",),
                    requires=("discussions", "cause", "responsible_unit", "disposition", "countermeasure", "replied_at"),
                    opens_round=True),
                Move("approve", "核决", source=("approving",), to="approved", by=(SIGNER,), signs=True),
                Move("send_back", "退回调查", source=("approving",), to="investigating", by=(SIGNER,),
                    comment=True),
                Move("reject", "投诉不成立", "Not justified", source=("registered", "investigating"),
                    to="rejected", by=("quality_manager",),
                    requires=("customer_contact_memo", "reply_text", "cause"), comment=True),
                Move("notify", "传达处理结果", "Notify customer", source=("approved",), to="executing",
                    by=("sales", "sales_lead", "customer_service"), stamps=("notified_at",)),
                # WHEN the confirming user is not in responsible_unit; for complaint_type quality execution_check is filled
                Move("confirm_effect", "效果确认", source=("executing",), to="effect_confirmed",
                    by=("customer_service", "quality_manager"), requires=("effect_text",),
                    stamps=("effect_confirmed_at",)),
                Move("redo", "重新执行", "Execute again", source=("effect_confirmed",), to="executing",
                    by=("customer_service", "quality_manager"), comment=True),
                # THEN opens a new dispute_case prefilled from this case
                Move("dispute", "转争议", source=("approved", "executing"), to="disputed",
                    by=("customer_service",), comment=True),
                # WHEN the dispute_case of this case is settled or closed_unsettled
                Move("settle", "争议已解决", "Dispute settled", source=("disputed",), to="executing",
                    by=("customer_service",)),
                # WHEN the callback_record is done, reported or unreachable; for complaint_type quality corrective_action is set
                Move("close", "结案", source=("effect_confirmed",), to="closed", by=("quality_manager",),
                    requires=("effect_text", "satisfaction_level"), stamps=("closed_at",)),
                # NOTE the number stays used
                Move("void", "作废", source=("received", "registered"), to="void",
                    by=("quality_manager",), comment=True),
            ),
            approval=(Step("quality_manager"), Step("deputy_gm", "approval_from_deputy_gm", "amount"), Step("general_manager", "approval_from_general_manager", "amount")),
        ),
        deadlines=(
            Deadline("reply", "reply_hours", starts="received_at", met_by="replied_at",
                tell=("customer_service", "quality_manager"), id="SLA-02"),
            Deadline("promise", "promised_at", starts="replied_at", met_by="effect_confirmed_at",
                tell=("owner", "quality_manager"), id="SLA-05"),
            Deadline("close", "close_due_at", starts="registered_at", met_by="closed_at",
                tell=("customer_service", "quality_manager"), id="SLA-26"),
        ),
        access={
            "customer_service": "CEAVX", "quality_engineer": "CEVX", "quality_manager": "CEAVX",
            "sales": "CEV", "sales_lead": "CEV", "dealer": "v", "unit": "EKV", "unit_lead": "EKV",
            "finance": "V", "deputy_gm": "AVX", "general_manager": "AVX",
            "management_representative": "V",
        },
        rules=(
            "BR-02 the case cannot leave registered (except to void) without a linked "
            "customer_contact_memo",
            "BR-05 a new promises row must have notified_at earlier than the promised_at of the row "
            "before it, otherwise a promise breach is recorded",
            "BR-05 from the second promises row on, reason is required; a warning goes out 24 h before "
            "promised_at",
            "BR-24 a complaint without loss (has_loss false) becomes an abnormality_sheet, it cannot be "
            "registered",
            "the number is year + month + serial without gaps, assigned at register; a void case keeps "
            "its number",
            "disposition needs responsible_unit",
            "closing needs effect_text and a finished callback",
            "disposition rework or is_goods_returned leads to a rework_order and a corrective_action "
            "(001 §5.3.4)",
            "disposition return, exchange or compensation needs a return_exchange_claim or "
            "compensation_request before execution is confirmed",
            "defect_quantity is not greater than quantity",
            "choosing product_batch fills part_no, production_unit, shift, operator and produced_on",
            "a step past its limit makes an overdue_notice (SLA-27)",
            "the quality head has the departments concerned (production, engineering, QC, PC, "
            "materials) analyse the case; each gives its opinion in discussions before judge (001 "
            "§5.3.2)",
            "the creator of the case cannot approve it",
        ),
    )
