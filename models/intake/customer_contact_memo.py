"""顾客沟通、联系备忘录."""

from models.base import Line, Record, choice, day, lines, link, longtext, moment, person, phone, text
from models.choices import SATISFACTION_LEVELS
from models.spec import Default, Move, RecordType, Series, Workflow, states


class Informed(Line, of="customer_contact_memo"):
    """知会人员."""

    person_id = person("知会对象", required=True)
    signed_at = moment("知会确认时间", origin="X")
    remark = text("意见", origin="P")


class CustomerContactMemo(Record):
    """The quality section head or staff record every contact with a customer in detail, first of all
    for each feedback, complaint or return, and inform the persons concerned."""

    customer_id = link("customer", "顾客", required=True)
    contacted_at = moment("联系时间", required=True, origin="P")
    channel = choice("联系方式", ("phone", "电话"), ("fax", "传真"), ("email", "电子邮件", "E-mail"),
        ("meeting", "会议"), ("visit", "登门走访"), required=True)
    contact_reason = choice("联系事由", ("routine", "例行联络", "Routine contact"), ("feedback", "反馈"),
        ("complaint", "投诉"), ("return", "退货"), ("renotify", "承诺变更知会", "Promise change notice"),
        required=True)
    contact_person = text("对方人员", required=True, origin="P", private=True)
    phone = phone("对方电话", origin="P", private=True)
    handler_id = person("我方联系人", required=True, default=Default.CURRENT_USER)
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    subject = text("事项", required=True)
    content = longtext("沟通内容(细节)", required=True)
    quality_opinion = longtext("对产品质量的意见")
    packaging_opinion = longtext("对产品包装的意见")
    delivery_opinion = longtext("对产品交付的意见")
    service_opinion = longtext("对服务的意见")
    service_review = longtext("服务检讨(是否及时、是否达到要求)")
    satisfaction_level = choice("客户是否满意", SATISFACTION_LEVELS)
    conclusion = longtext("结论", origin="P")
    follow_up = longtext("待办事项", origin="P")
    next_contact_on = day("下次联系日期", origin="X",
        derived="date of contacted_at + contact_interval_days of the customer (7 or 30)")
    informed = lines(Informed, "知会人员")

    spec = RecordType(
        code="CCM", zh="顾客沟通、联系备忘录", en="Customer contact memo", source="001 §5.2.1, 5.3.1, 5.4.1, 5.4.2, 5.5",
        series=Series("CCM-{yyyy}{mm}-{n:04}"),
        list=("number", "contacted_at", "customer", "channel", "contact_reason", "subject",
              "satisfaction_level", "next_contact_on", "state"),
        search=("number", "subject", "content"),
        filters=("state", "customer", "contacted_at", "channel", "contact_reason", "satisfaction_level",
                 "next_contact_on"),
        links_in=("customer", "complaint_case", "return_exchange_claim"),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("recorded", "已记录"), ("acknowledged", "已知会"), ("archived", "已归档")),
            moves=(
                # THEN sets last_contacted_at of the customer (SLA-13) and notifies the informed persons
                Move("record", "记录", source=("draft",), to="recorded",
                    by=("quality_engineer", "quality_manager", "customer_service", "sales", "sales_lead"),
                    requires=("customer", "contacted_at", "channel", "content")),
                # WHEN the last open informed row gets its signed_at
                Move("acknowledge", "知会确认", source=("recorded",), to="acknowledged",
                    by=("unit", "unit_lead", "quality_engineer", "quality_manager", "customer_service", "technician", "sales", "sales_lead", "warehouse")),
                # WHEN every informed row has signed_at
                Move("archive", "归档", source=("recorded", "acknowledged"), to="archived",
                    by=("quality_engineer", "quality_manager")),
            ),
        ),
        access={
            "customer_service": "CEKV", "technician": "K", "quality_engineer": "CEKVX",
            "quality_manager": "CEKVX", "sales": "CEKV", "sales_lead": "CEKV", "unit": "K",
            "unit_lead": "K", "warehouse": "K", "management_representative": "V", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "BR-02 a feedback, complaint or return starts with a memo",
            "a recorded memo is a quality record and is not changed any more",
            "SLA-13 is watched on the customer: a recorded memo sets its last_contacted_at when it is "
            "later",
            "contacted_at is not in the future",
        ),
    )
