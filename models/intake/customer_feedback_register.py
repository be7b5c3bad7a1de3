"""客户反馈意见处理登记表."""

from models.base import Record, choice, link, longtext, moment, money, person, phone, text, unit
from models.choices import FAULT_CATEGORIES
from models.spec import Move, RecordType, Series, Workflow, states


class CustomerFeedbackRegister(Record):
    """The customer service department keeps one row per user feedback, complaint, return, exchange or
    claim with its handling and outcome."""

    received_at = moment("登记日期", required=True, origin="P")
    source = choice("来源", ("tracking_card", "跟踪卡"), ("claim", "退换货/索赔申请", "Return or claim"),
        ("hotline", "热线"), ("meeting", "会议/座谈"), ("visit", "走访"), ("survey", "满意度调查"), ("other", "其他"),
        required=True, origin="P")
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉跟踪卡", origin="X")
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X")
    hotline_consultation_id = link("hotline_consultation", "咨询/热线记录", origin="X")
    customer_id = link("customer", "用户", origin="P")
    contact_person = text("用户姓名", origin="P", private=True)
    phone = phone("电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    vehicle_id = link("vehicle", "车辆", origin="P")
    product_batch_id = link("product_batch", "产品/批次", origin="X")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="P")
    feedback_text = longtext("反馈意见", required=True)
    responsible_unit = unit("责任部门", origin="P")
    handler_id = person("经办人", origin="P")
    handling_text = longtext("处理情况")
    claim_type = choice("退换/索赔类别", ("none", "无"), ("return", "退货"), ("exchange", "换货"), ("claim", "索赔"),
        default='none')
    claim_result = longtext("退货/换货/索赔处理记录")
    direct_loss = money("直接损失", origin="X", default=0)
    # SET_BY close
    closed_at = moment("完成时间", origin="P")
    remark = text("备注", origin="P")

    spec = RecordType(
        code="CFR", zh="客户反馈意见处理登记表", en="Customer feedback register", source="004 §5.3.7, 5.3.4b, §7.6",
        series=Series("CFR-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "received_at", "source", "contact_person", "dealer", "fault_category",
              "claim_type", "handler", "state"),
        search=("number", "feedback_text", "handling_text", "claim_result"),
        filters=("state", "received_at", "source", "dealer", "fault_category", "claim_type",
                 "responsible_unit"),
        links_in=("complaint_tracking_card", "return_exchange_claim", "hotline_consultation"),
        workflow=Workflow(
            states(("open", "待处理"), ("in_progress", "处理中"), ("closed", "已完成")),
            moves=(
                Move("start", "开始处理", source=("open",), to="in_progress", by=("customer_service",),
                    requires=("handler",)),
                # WHEN claim_result is filled when claim_type is return, exchange or claim; a linked complaint_tracking_card is closed
                Move("close", "完成", source=("open", "in_progress"), to="closed",
                    by=("customer_service",), requires=("handling_text", "handler", "fault_category"),
                    stamps=("closed_at",)),
            ),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "V", "quality_manager": "V", "dealer": "v",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "one row is made automatically for every complaint_tracking_card and every "
            "return_exchange_claim",
            "the outcome of a return, exchange or claim is written here before the "
            "return_exchange_claim closes",
            "source tracking_card needs complaint_tracking_card, source claim needs "
            "return_exchange_claim",
            "rows of the month of received_at feed the monthly_quality_analysis; a row with "
            "complaint_tracking_card is not counted twice",
        ),
    )
