"""热线咨询与顾客联系记录."""

from models.base import Record, choice, link, longtext, moment, multichoice, person, phone, text, yes_no
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class HotlineConsultation(Record):
    """Written by the hotline, sales or a dealer for every call, fax or e-mail from a customer, answered
    there or turned into the right case."""

    channel = choice("渠道", ("hotline", "热线电话"), ("phone", "电话"), ("fax", "传真"),
        ("email", "电子邮件", "E-mail"), ("visit", "来访"), ("other", "其他"), required=True)
    category = choice("类别", ("enquiry", "咨询"), ("order", "订单处理"), ("order_change", "订单修改"),
        ("technical_help", "技术求助"), ("repair", "报修"), ("complaint", "投诉"), ("other", "其他"),
        required=True)
    topics = multichoice("咨询事项", ("performance", "产品性能"), ("price", "价格"), ("features", "特点"),
        ("technical_level", "技术水平"), ("materials", "相关资料"), ("selection", "产品选择", "Product choice"),
        ("use_and_care", "使用维修保养", "Use and maintenance"), ("delivery", "交付"), ("other", "其他"))
    received_at = moment("来电时间", required=True, origin="P")
    handler_id = person("接听人", required=True, origin="P")
    customer_id = link("customer", "顾客", required=True)
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    # NOTE set when a dealer writes the record
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    promotion_activity_id = link("promotion_activity", "来源活动", origin="X")
    product_name = text("产品名称", origin="P")
    order_no = text("订单号", origin="P")
    content = longtext("咨询内容", required=True)
    reply_due_at = moment("答复期限", origin="X", derived="received_at + 24 h")
    reply_text = longtext("答复内容", origin="P")
    # SET_BY answer
    replied_at = moment("答复时间", origin="P")
    is_material_sent = yes_no("已提供宣传资料", default=False)
    transferred_to = text("转办部门", origin="P")
    complaint_case_id = link("complaint_case", "转客户投诉处理表", origin="X")
    complaint_tracking_card_id = link("complaint_tracking_card", "转投诉跟踪卡", origin="X")
    abnormality_sheet_id = link("abnormality_sheet", "转异常处理单", origin="X")
    phone_dispatch_record_id = link("phone_dispatch_record", "转电话派工记录", origin="X")
    contract_change_record_id = link("contract_change_record", "转合同变更记录", origin="X")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")

    spec = RecordType(
        code="HLC", zh="热线咨询与顾客联系记录", en="Hotline and customer enquiry record", source="004 §5.1.1, §5.1.2, §5.3 d); 001 §5.2.1; 000 §5.1.1",
        series=Series("HLC-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "received_at", "customer", "channel", "category", "handler", "reply_due_at",
              "replied_at", "state"),
        search=("number", "content", "reply_text", "order_no", "phone"),
        filters=("state", "channel", "category", "customer", "dealer", "handler", "received_at"),
        links_in=("customer", "promotion_activity"),
        retention_years=3,
        workflow=Workflow(
            states(("open", "待答复"), ("answered", "已答复"), ("transferred", "已转办"), ("closed", "已关闭")),
            moves=(
                Move("answer", "答复", source=("open",), to="answered",
                    by=("customer_service", "sales", "sales_lead", "dealer"), requires=("reply_text",),
                    stamps=("replied_at",)),
                # WHEN the case was created from this record and is linked here, for complaint, repair and order_change
                Move("transfer", "转办", source=("open", "answered"), to="transferred",
                    by=("customer_service", "sales", "sales_lead", "dealer"),
                    requires=("transferred_to",)),
                # WHEN category complaint, repair and order_change have their case link set
                Move("close", "关闭", source=("answered", "transferred"), to="closed",
                    by=("customer_service", "sales", "sales_lead", "dealer"), requires=("reply_text",),
                    stamps=("closed_at",)),
            ),
        ),
        deadlines=(
            Deadline("reply", "reply_hours", starts="received_at", met_by="replied_at",
                tell=("customer_service", "sales_lead")),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "V", "quality_manager": "V", "sales": "CEV",
            "sales_lead": "CEV", "dealer": "CEv",
        },
        rules=(
            "category complaint cannot be closed without complaint_case, complaint_tracking_card or "
            "abnormality_sheet",
            "BR-24 a complaint without loss becomes an abnormality_sheet, not a complaint_case",
            "BR-02 a complaint, feedback or return is followed by a customer_contact_memo before the "
            "case is analysed",
            "category repair cannot be closed without phone_dispatch_record",
            "category order_change cannot be closed without contract_change_record",
            "a complaint taken by a dealer becomes a complaint_tracking_card of that dealer",
            "received_at is not in the future; replied_at is not before received_at",
            "a transferred record is closed only when reply_text holds what the customer was told",
            "complaint rate of a period = complaints / all hotline records of that period, by category",
        ),
    )
