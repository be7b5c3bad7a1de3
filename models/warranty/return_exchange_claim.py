"""退货/换货/索赔申请."""

from models.base import (
    Record, choice, day, decimal, integer, link, longtext, moment, money, percent, person, phone,
    text, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.spec import SIGNER, Deadline, Move, RecordType, Series, Step, Workflow, states


class ReturnExchangeClaim(Record):
    """A user's demand for return, exchange or compensation is registered, an assigned person confirms
    the nonconformity, it is approved, carried out and noted in the feedback register."""

    demand_type = choice("用户要求", ("return", "退货"), ("exchange", "换货"), ("claim", "索赔"),
        ("repair", "包修", "Free repair"), required=True)
    received_at = moment("提出(收到)时间", required=True, origin="X")
    customer_id = link("customer", "用户", required=True)
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商")
    vehicle_id = link("vehicle", "车辆", origin="P")
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    mileage = integer("行驶里程", origin="P", measure="km")
    product_batch_id = link("product_batch", "产品/批次")
    quantity = decimal("数量", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("原因(问题描述)", required=True)
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉信息处理传递跟踪卡", origin="X")
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X")
    customer_contact_memo_id = link("customer_contact_memo", "顾客沟通、联系备忘录")
    info_flow_card_id = link("info_flow_card", "信息流转卡",
        derived="the info_flow_card whose return_exchange_claim is this one")
    customer_feedback_register_id = link("customer_feedback_register", "反馈意见处理登记表",
        derived="the register row whose return_exchange_claim is this one, made automatically")
    invoice_no = text("购车(货)发票号", origin="P")
    invoiced_on = day("发票日期", origin="P")
    warranty_voucher_no = text("三包凭证号", origin="P")
    threebao_ground = choice("三包条件依据",
        ("art20", "第20条 60日/3000公里内更换总成", "Art. 20 assembly within 60 d or 3000 km"),
        ("art22", "第22条 7日内", "Art. 22 within 7 days"),
        ("art23", "第23条 60日/3000公里内严重故障", "Art. 23 serious fault within 60 d or 3000 km"),
        ("art24_1", "第24条(一)严重安全故障修理2次", "Art. 24(1) two repairs of a safety fault"),
        ("art24_2", "第24条(二)总成更换2次", "Art. 24(2) assembly replaced twice"),
        ("art24_3", "第24条(三)同一零件更换2次", "Art. 24(3) same part replaced twice"),
        ("art24_4", "第24条(四)累计超30日或同故障超4次", "Art. 24(4) over 30 days or over 4 repairs"),
        ("contract", "不符合合同规定", "Contract nonconformity"), ("other", "其他"), origin="X")
    confirmer_id = person("指定确认人员")
    is_nonconformity_confirmed = yes_no("不符合情况属实")
    nonconformity_text = longtext("不符合情况确认")
    # SET_BY confirm, refuse
    confirmed_at = moment("确认时间", origin="X")
    # SET_BY assign
    first_replied_at = moment("首次回复时间")
    first_reply_text = longtext("首次回复内容(处理方法、时间)")
    promised_at = moment("承诺完成时间")
    promise_renotified_at = moment("再次知会时间")
    price = money("车(货)价款", origin="P")
    # NOTE at most 0.5 %
    use_fee_rate = percent("使用补偿系数n", origin="X", default=0)
    use_fee = money("使用补偿费", origin="P",
        derived="price * mileage / 1000 * use_fee_rate for art24 grounds, else 0")
    other_loss = money("登记费等损失", origin="P", default=0)
    claim_amount = money("索赔金额", origin="P", default=0)
    amount = money("应退(赔)金额", origin="X",
        derived=(
        "return: price + other_loss + claim_amount - use_fee; exchange and claim: other_loss "
        "+ claim_amount - use_fee"))
    replacement_model = text("换车(货)型号", origin="P")
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    reply_text = longtext("答复用户内容", origin="P")
    answer_due_on = day("三包答复期限", origin="X",
        derived=(
        "vehicle set: day of received_at + 10 working days, first day not counted; else none"))
    # SET_BY answer, refuse
    replied_at = moment("答复时间", origin="X")
    procedures = longtext("办理手续")
    complete_due_on = day("退换完成期限", origin="X",
        derived=(
        "vehicle set: day of received_at + 20 working days, first day not counted, delay by "
        "the user excluded; else none"))
    # SET_BY complete
    completed_at = moment("退换完成时间", origin="X")
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")

    spec = RecordType(
        code="RTC", zh="退货/换货/索赔申请", en="Return, exchange or claim application", source="004 §5.3.4 (second), §5.3.6; 000 §5.2.1 b); 001 §5.3.1, §5.3.4-§5.3.6",
        series=Series("RTC-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "received_at", "customer", "demand_type", "vin", "confirmer", "answer_due_on",
              "complete_due_on", "state"),
        search=("number", "vin", "fault_description", "invoice_no"),
        filters=("state", "demand_type", "dealer", "confirmer", "fault_category", "threebao_ground",
                 "received_at"),
        links_in=("complaint_case", "complaint_tracking_card", "customer_feedback_register",
                  "warranty_appraisal"),
        retention_years=10,
        workflow=Workflow(
            states(("received", "已受理"), ("assigned", "已指定确认人", "Confirmer assigned"),
                ("confirmed", "已确认不符合"), ("in_approval", "审批中"), ("approved", "已批准"),
                ("executing", "办理中"), ("stored", "退回物已入库", "Goods or vehicle stored"),
                ("completed", "已办结"), ("closed", "已关闭"), ("not_confirmed", "不予认可"),
                ("withdrawn", "用户撤回")),
            moves=(
                # WHEN the user has been contacted first and told the method and time
                Move("assign", "指定确认人员并首次回复", "Assign confirmer", source=("received",), to="assigned",
                    by=("quality_manager", "customer_service"),
                    requires=("confirmer", "customer_contact_memo", "first_reply_text", "promised_at"),
                    stamps=("first_replied_at",)),
                # WHEN done by the confirmer; is_nonconformity_confirmed true; product_batch not past its shelf life on the day of received_at
                Move("confirm", "确认不符合", "Confirm nonconformity", source=("assigned",), to="confirmed",
                    by=("quality_engineer", "customer_service"),
                    requires=("is_nonconformity_confirmed", "nonconformity_text"),
                    stamps=("confirmed_at",)),
                # WHEN done by the confirmer; is_nonconformity_confirmed false, or the product is past its shelf life
                # THEN a dispute_case may be opened from here
                Move("refuse", "不予认可", "Not confirmed", source=("assigned",), to="not_confirmed",
                    by=("quality_engineer", "customer_service"),
                    requires=("is_nonconformity_confirmed", "nonconformity_text", "reply_text"),
                    stamps=("confirmed_at", "replied_at")),
                # WHEN for a vehicle: invoice_no, warranty_voucher_no, mileage and price filled
                Move("submit", "报批", "Submit for approval", source=("confirmed",), to="in_approval",
                    by=("customer_service",), requires=("threebao_ground", "amount"), opens_round=True),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="confirmed", by=(SIGNER,),
                    comment=True, signs=True),
                Move("answer", "答复用户并办理", "Answer the user", source=("approved",), to="executing",
                    by=("customer_service",), requires=("reply_text",), stamps=("replied_at",)),
                # WHEN a vehicle needs its returned_vehicle_register row; goods need an info_flow_card
                Move("store", "退换车辆/货物入库", "Store what came back", source=("executing",), to="stored",
                    by=("warehouse",)),
                # WHEN from executing only when nothing comes back (demand_type claim or repair)
                Move("complete", "办结", source=("executing", "stored"), to="completed",
                    by=("customer_service",), requires=("procedures",), stamps=("completed_at",)),
                # WHEN the outcome is written in the customer_feedback_register row; corrective_action set for returned goods
                Move("close", "关闭", source=("completed",), to="closed", by=("customer_service",),
                    requires=("customer_feedback_register",), stamps=("closed_at",)),
                Move("withdraw", "用户撤回",
                    source=("received", "assigned", "confirmed", "in_approval", "approved"),
                    to="withdrawn", by=("customer_service",), comment=True),
            ),
            approval=(Step("deputy_gm"),),
        ),
        deadlines=(
            Deadline("first_reply", "reply_hours", starts="received_at", met_by="first_replied_at",
                tell=("customer_service", "quality_manager"), id="SLA-02"),
            Deadline("promise", "promised_at", starts="first_replied_at", met_by="completed_at",
                tell=("owner", "quality_manager"), id="SLA-05"),
            Deadline("threebao_answer", "answer_due_on", starts="received_at", met_by="replied_at",
                tell=("customer_service", "quality_manager", "deputy_gm"), id="SLA-21"),
            Deadline("threebao_completion", "complete_due_on", starts="received_at",
                met_by="completed_at", tell=("customer_service", "quality_manager", "deputy_gm"),
                id="SLA-22"),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "EV", "quality_manager": "CEAVX",
            "dealer": "CEv", "warehouse": "KV", "finance": "KV", "deputy_gm": "AV",
        },
        rules=(
            "a confirmed nonconformity must be accepted: a confirmed application can only go on to "
            "approval or be withdrawn by the user",
            "BR-01 a returned product always produces an info_flow_card",
            "BR-02 the user is contacted first and a customer_contact_memo written before a confirmer "
            "is assigned",
            "BR-05 when promised_at cannot be kept, promise_renotified_at is before the old promised_at",
            "BR-07 product past its shelf life on the day of received_at: no exchange or compensation; "
            "the last day still counts as valid",
            "BR-28 a returned or exchanged vehicle needs a returned_vehicle_register row before "
            "completing",
            "vehicle or product_batch is set; a product_batch needs quantity above 0",
            "use_fee_rate above 0.5 % is rejected; use_fee is 0 unless threebao_ground is art24_1 to "
            "art24_4; example 80,000 * 12,000 / 1000 * 0.005 = 4,800.00",
            "art24_4 needs cumulative repair days above 30 or the same fault repaired more than 4 times",
            "returned goods (not vehicles) go through a rework_order and a corrective_action (001 "
            "§5.3.4)",
            "the outcome is written in the customer_feedback_register before closing",
            "approver is not the creator, confirmer is not the approver",
            "the sales company (customer service) or the quality head names the confirmer, who is "
            "another person",
            "SLA-21 (10 working days) and SLA-22 (20 working days) apply to vehicles, SLA-02 (24 h) to "
            "every application; working days by the holiday calendar",
        ),
    )
