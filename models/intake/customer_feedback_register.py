"""客户反馈意见处理登记表."""

from models.base import Record, choice, link, longtext, moment, money, person, phone, text, unit
from models.choices import FAULT_CATEGORIES
from models.conditions import filled, if_so, linked, one_of
from models.spec import Default, Move, RecordType, Series, Text, Workflow, states

# source -> the record that a row of this source must name
NAMED = {"tracking_card": "complaint_tracking_card", "claim": "return_exchange_claim"}
# type -> the source that its rows are of, and where it says what the user said
TOLD_IN = {
    "complaint_tracking_card": ("tracking_card", "complaint_content"),
    "return_exchange_claim": ("claim", "fault_description"),
    "hotline_consultation": ("hotline", "content"),
}
DEMANDS = ("return", "exchange", "claim")


class CustomerFeedbackRegister(Record):
    """The customer service department keeps one row per user feedback, complaint, return, exchange or
    claim with its handling and outcome."""

    received_at = moment("登记日期", "Received at", required=True, origin="P", default=Default.NOW,
                         group=("反馈", "The feedback"))
    source = choice("来源", ("tracking_card", "跟踪卡"), ("claim", "退换货/索赔申请", "Return or claim"),
                    ("hotline", "热线"), ("meeting", "会议/座谈"), ("visit", "走访"), ("survey", "满意度调查"),
                    ("other", "其他"), required=True, origin="P")
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉跟踪卡", origin="X", help=(
        "来源为跟踪卡时必填", "Needed where the source is a tracking card"))
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X", help=(
        "来源为退换货/索赔申请时必填", "Needed where the source is a return or claim"))
    hotline_consultation_id = link("hotline_consultation", "咨询/热线记录", origin="X")
    customer_id = link("customer", "用户", origin="P", group=("用户与车辆", "User and vehicle"))
    contact_person = text("用户姓名", origin="P", private=True)
    phone = phone("电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    vehicle_id = link("vehicle", "车辆", origin="P")
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", origin="X")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="P", group=("处理", "Handling"))
    feedback_text = longtext("反馈意见", "Feedback", required=True)
    responsible_unit = unit("责任部门", origin="P")
    handler_id = person("经办人", origin="P")
    handling_text = longtext("处理情况", "Handling")
    claim_type = choice("退换/索赔类别", ("none", "无"), ("return", "退货"), ("exchange", "换货"),
                        ("claim", "索赔"), default="none", group=("退换与索赔", "Return, exchange or claim"))
    claim_result = longtext("退货/换货/索赔处理记录", help=(
        "有退货、换货或索赔的，完成前必须填写",
        "Needed before a row with a return, exchange or claim is closed"))
    direct_loss = money("直接损失", origin="X", default=0)
    closed_at = moment("完成时间", origin="P")
    remark = text("备注", origin="P")

    def start_from(self, source, act):
        if source.spec.name not in TOLD_IN:
            return
        self.source, told = TOLD_IN[source.spec.name]
        self.received_at, self.feedback_text = source.received_at, getattr(source, told)
        demand = getattr(source, "demand_type", None)
        self.claim_type = demand if demand in DEMANDS else "none"

    def check(self, act):
        needed = NAMED.get(self.source)
        if needed and getattr(self, f"{needed}_id") is None:
            label = self.spec.fields[needed].label
            yield needed, Text("按所选来源，请关联“{it}”", "This source needs the record it comes from: {it}").with_(
                it=label)
        if self.received_at and self.received_at > act.now:
            yield "received_at", Text("登记日期不能晚于现在，请更正", "Feedback is not received in the future")

    spec = RecordType(
        code="CFR", zh="客户反馈意见处理登记表", en="Customer feedback register",
        source="004 §5.3.7, 5.3.4b, §7.6", series=Series("CFR-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
        list=("number", "received_at", "source", "contact_person", "dealer", "fault_category", "claim_type",
              "handler", "state"),
        inline=("fault_category", "handler"),
        search=("number", "feedback_text", "handling_text", "claim_result"),
        filters=("state", "received_at", "source", "dealer", "fault_category", "claim_type",
                 "responsible_unit"),
        links_in=("complaint_tracking_card", "return_exchange_claim", "hotline_consultation"),
        unique=(("complaint_tracking_card",), ("return_exchange_claim",)),
        workflow=Workflow(
            states(("open", "待处理"), ("in_progress", "处理中"), ("closed", "已完成")),
            moves=(
                Move("start", "开始处理", source=("open",), to="in_progress", by=("customer_service",),
                     requires=("handler",)),
                Move("close", "完成", source=("open", "in_progress"), to="closed", by=("customer_service",),
                     requires=("handling_text", "handler", "fault_category"), stamps=("closed_at",), when=(
                         if_so(one_of("claim_type", *DEMANDS), filled("claim_result")),
                         if_so(filled("complaint_tracking_card"), linked("complaint_tracking_card", "closed")))),
            )),
        access={
            "customer_service": "CEVX", "quality_engineer": "V", "quality_manager": "V", "dealer": "v",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "one row is made automatically for every complaint_tracking_card and every return_exchange_claim",
            "the outcome of a return, exchange or claim is written here before the return_exchange_claim "
            "closes",
            "source tracking_card needs complaint_tracking_card, source claim needs return_exchange_claim",
            "rows of the month of received_at feed the monthly_quality_analysis; a row with "
            "complaint_tracking_card is not counted twice",
        ),
    )
