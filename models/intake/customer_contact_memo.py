"""顾客沟通、联系备忘录."""

from datetime import timedelta

from models.base import Line, Record, choice, day, lines, link, longtext, moment, person, phone, text
from models.choices import SATISFACTION_LEVELS
from models.conditions import all_signed, is_changed
from models.spec import Condition, Default, Move, RecordType, Series, Text, Workflow, states


def note_contact(memo, act) -> None:
    """The customer's file shows the latest contact."""
    customer = act.get("customer", memo.customer_id)
    if customer.last_contacted_at is None or customer.last_contacted_at < memo.contacted_at:
        customer.last_contacted_at = memo.contacted_at
        act.touch(customer)


def open_rows(memo, actor) -> list:
    return [row for row in memo.informed if row.person_id == actor.id and row.signed_at is None]


def sign(memo, act) -> None:
    """Everybody informed signs their own line; with the last one the memo is acknowledged."""
    for row in open_rows(memo, act.actor):
        row.signed_at, row.remark = act.now, act.comment or row.remark
    act.stay = any(row.signed_at is None for row in memo.informed)


IS_INFORMED = Condition(
    lambda memo, act: bool(open_rows(memo, act.actor)),
    Text("您不在待确认的知会人员之中", "You are not among those who still have to acknowledge"))


class Informed(Line, of="customer_contact_memo"):
    """Somebody who is told of the contact."""

    person_id = person("知会对象", "Who is told", required=True)
    signed_at = moment("知会确认时间", origin="X", system=True)
    remark = text("意见", origin="P")


def those_informed(memo):
    return [row.person_id for row in memo.informed]


class CustomerContactMemo(Record):
    """The quality section head or staff record every contact with a customer in detail, first of all
    for each feedback, complaint or return, and inform the persons concerned."""

    customer_id = link("customer", "顾客", required=True, group=("联系", "The contact"))
    contacted_at = moment("联系时间", required=True, origin="P", default=Default.NOW)
    channel = choice("联系方式", ("phone", "电话"), ("fax", "传真"), ("email", "电子邮件", "E-mail"),
                     ("meeting", "会议"), ("visit", "登门走访"), required=True)
    contact_reason = choice("联系事由", ("routine", "例行联络", "Routine contact"), ("feedback", "反馈"),
                            ("complaint", "投诉"), ("return", "退货"),
                            ("renotify", "承诺变更知会", "Promise change notice"), required=True)
    contact_person = text("对方人员", required=True, origin="P", private=True)
    phone = phone("对方电话", origin="P", private=True)
    handler_id = person("我方联系人", "Our contact", required=True, default=Default.CURRENT_USER)
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", origin="P")
    subject = text("事项", required=True, group=("内容", "What was said"))
    content = longtext("沟通内容(细节)", required=True, help=(
        "记录后即为质量记录，不能再改", "Once recorded it is a quality record and stays"))
    quality_opinion = longtext("对产品质量的意见")
    packaging_opinion = longtext("对产品包装的意见")
    delivery_opinion = longtext("对产品交付的意见")
    service_opinion = longtext("对服务的意见")
    service_review = longtext("服务检讨(是否及时、是否达到要求)", "Service review (timely, as required)",
                              group=("检讨与后续", "Review and follow-up"))
    satisfaction_level = choice("客户是否满意", SATISFACTION_LEVELS)
    conclusion = longtext("结论", origin="P")
    follow_up = longtext("待办事项", origin="P")
    next_contact_on = day("下次联系日期", origin="X", derived=(
        "date of contacted_at + contact_interval_days of the customer (7 or 30)"))
    informed = lines(Informed, "知会人员", "Persons informed")

    def derive(self, act):
        customer = act.get("customer", self.customer_id)
        self.next_contact_on = None
        if self.contacted_at and customer and customer.contact_interval_days is not None:
            day = act.local(self.contacted_at).date()
            self.next_contact_on = day + timedelta(days=customer.contact_interval_days)

    def check(self, act):
        if self.contacted_at and self.contacted_at > act.now:
            yield "contacted_at", Text("联系时间不能晚于现在，请更正",
                                       "A contact is not recorded before it takes place: correct the time")
        if self.state != "draft" and act.move is None:
            typed = (name for name, field in self.spec.fields.items() if field.typed)
            for name in (*typed, "informed"):
                if is_changed(self, name):
                    yield name, Text("已记录的备忘录是质量记录，不能再改；请另写一份",
                                     "A recorded memo is a quality record and stays: write another one")

    spec = RecordType(
        code="CCM", zh="顾客沟通、联系备忘录", en="Customer contact memo",
        source="001 §5.2.1, 5.3.1, 5.4.1, 5.4.2, 5.5", series=Series("CCM-{yyyy}{mm}-{n:04}"),
        list=("number", "contacted_at", "customer", "channel", "contact_reason", "subject",
              "satisfaction_level", "next_contact_on", "state"),
        search=("number", "subject", "content"),
        filters=("state", "customer", "contacted_at", "channel", "contact_reason", "satisfaction_level",
                 "next_contact_on"),
        links_in=("customer", "complaint_case", "return_exchange_claim"),
        retention_years=3, chosen_in=("recorded", "acknowledged", "archived"),
        workflow=Workflow(
            states(("draft", "草稿"), ("recorded", "已记录"), ("acknowledged", "已知会"), ("archived", "已归档")),
            moves=(
                Move("record", "记录", source=("draft",), to="recorded",
                     by=("quality_engineer", "quality_manager", "customer_service", "sales", "sales_lead"),
                     requires=("customer", "contacted_at", "channel", "content"), then=note_contact,
                     tells=those_informed),
                Move("acknowledge", "知会确认", source=("recorded",), to="acknowledged",
                     by=("unit", "unit_lead", "quality_engineer", "quality_manager", "customer_service",
                         "technician", "sales", "sales_lead", "warehouse"),
                     when=(IS_INFORMED,), then=sign),
                Move("archive", "归档", source=("recorded", "acknowledged"), to="archived",
                     by=("quality_engineer", "quality_manager"), when=(all_signed("informed"),)),
            )),
        access={
            "customer_service": "CEKV", "technician": "K", "quality_engineer": "CEKVX",
            "quality_manager": "CEKVX", "sales": "CEKV", "sales_lead": "CEKV", "unit": "K", "unit_lead": "K",
            "warehouse": "K", "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-02 a feedback, complaint or return starts with a memo",
            "a recorded memo is a quality record and is not changed any more; only a recorded one can be chosen "
            "in a case",
            "SLA-13 is watched on the customer: a recorded memo sets its last_contacted_at when it is later",
            "contacted_at is not in the future",
        ),
    )
