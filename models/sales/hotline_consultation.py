"""热线咨询与顾客联系记录."""

from datetime import timedelta

from models.base import Default, Record, choice, link, longtext, moment, multichoice, person, phone, text, yes_no
from models.conditions import is_changed
from models.spec import VOID, Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

# The record in which a request is dealt with, where it is more than a question.
CASES = {"repair": "phone_dispatch_record", "order_change": "contract_change_record"}
COMPLAINTS = ("complaint_case", "complaint_tracking_card", "abnormality_sheet")
NEEDED = {
    "complaint": Text(
        "投诉须关联客户投诉处理表(造成损失的)、异常处理单(未造成损失的)或投诉跟踪卡；服务商受理的，须为本服务商的跟踪卡",
        "A complaint needs its complaint case (with a loss), abnormality sheet (without) or tracking card; one that a "
        "dealer took needs that dealer's tracking card"),
    "repair": Text("报修须关联电话派工记录", "A repair request needs its phone dispatch record"),
    "order_change": Text("订单修改须关联合同变更记录", "A changed order needs its contract change record"),
}


def is_taken_up(call, act) -> bool:
    """What is more than a question has become the record in which it is dealt with."""
    if call.category == "complaint":
        return is_complaint_taken_up(call, act)
    return call.category not in CASES or getattr(call, f"{CASES[call.category]}_id") is not None


def is_complaint_taken_up(call, act) -> bool:
    """A dealer's complaint is on its own tracking card; one without a loss is no complaint case."""
    case, card, sheet = (act.get(name, getattr(call, f"{name}_id")) for name in COMPLAINTS)
    if call.dealer_id is not None:
        return card is not None and card.dealer_id == call.dealer_id
    return card is not None or sheet is not None or (case is not None and case.has_loss is True)


def count_lead(call, act) -> None:
    """The activity that brought the customer counts the call."""
    activity = act.get("promotion_activity", call.promotion_activity_id)
    if activity is not None and not activity.spec.workflow.is_terminal(activity.state):
        act.touch(activity)


def note_reply(call, act) -> None:
    """Who was not answered at once has been, when the call is closed."""
    call.replied_at = call.replied_at or act.now


TAKEN_UP = Condition(is_taken_up, lambda call: NEEDED[call.category])


class HotlineConsultation(Record):
    """Written by the hotline, sales or a dealer for every call, fax or e-mail from a customer, answered there
    or turned into the right case."""

    channel = choice("渠道", ("hotline", "热线电话"), ("phone", "电话"), ("fax", "传真"),
                     ("email", "电子邮件", "E-mail"), ("visit", "来访"), ("other", "其他"), required=True,
                     group=("来电", "The call"))
    category = choice("类别", ("enquiry", "咨询"), ("order", "订单处理"), ("order_change", "订单修改"),
                      ("technical_help", "技术求助"), ("repair", "报修"), ("complaint", "投诉"), ("other", "其他"),
                      required=True, help=("投诉、报修和订单修改须转为相应单据", "Complaint, repair and changed order become "
                                                                 "records of their own"))
    topics = multichoice("咨询事项", ("performance", "产品性能"), ("price", "价格"), ("features", "特点"),
                         ("technical_level", "技术水平"), ("materials", "相关资料"),
                         ("selection", "产品选择", "Product choice"),
                         ("use_and_care", "使用维修保养", "Use and maintenance"), ("delivery", "交付"),
                         ("other", "其他"))
    received_at = moment("来电时间", required=True, origin="P", default=Default.NOW, help=(
        "答复期限自此时起算", "The limit for the reply counts from here"))
    handler_id = person("接听人", required=True, origin="P", default=Default.CURRENT_USER)
    customer_id = link("customer", "顾客", required=True, group=("顾客与内容", "Customer and content"))
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商", origin="X", help=(
        "由服务商受理的填写", "Given where a dealer took the call"))
    promotion_activity_id = link("promotion_activity", "来源活动", origin="X")
    product_name = text("产品名称", origin="P")
    order_no = text("订单号", origin="P")
    content = longtext("咨询内容", required=True)
    reply_due_at = moment("答复期限", origin="X", derived="received_at + parameter reply_hours",
                          group=("答复", "Reply"))
    reply_text = longtext("答复内容", origin="P", help=(
        "转办的，关闭前填写告知顾客的内容", "Where it was passed on: what the customer was told"))
    replied_at = moment("答复时间", origin="P")
    is_material_sent = yes_no("已提供宣传资料", default=False)
    transferred_to = text("转办部门", origin="P", group=("转办", "Passed on"))
    complaint_case_id = link("complaint_case", "转客户投诉处理表", origin="X")
    complaint_tracking_card_id = link("complaint_tracking_card", "转投诉跟踪卡", origin="X")
    abnormality_sheet_id = link("abnormality_sheet", "转异常处理单", origin="X")
    phone_dispatch_record_id = link("phone_dispatch_record", "转电话派工记录", origin="X")
    contract_change_record_id = link("contract_change_record", "转合同变更记录", origin="X", help=(
        "由本记录生成的合同变更记录自动带入", "Filled with the record that was written from this one"))
    closed_at = moment("关闭时间", origin="X")

    def derive(self, act):
        at = self.received_at
        self.reply_due_at = at and at + timedelta(hours=act.parameter("reply_hours", at=at))
        if self.id and self.category == "order_change" and self.contract_change_record_id is None:
            found = act.find("contract_change_record", hotline_consultation_id=self.id)
            self.contract_change_record_id = max((row.id for row in found if row.state != VOID), default=None)

    def check(self, act):
        if self.received_at and self.received_at > act.now:
            yield "received_at", Text("来电时间不能晚于现在，请更正", "Nobody called in the future: correct the time")
        if self.received_at and self.replied_at and self.replied_at < self.received_at:
            yield "received_at", Text("来电时间不能晚于答复时间", "The customer was not answered before calling")
        for name in (*COMPLAINTS, *CASES.values()):
            is_chosen = is_changed(self, name) or is_changed(self, "customer")
            case = act.get(name, getattr(self, f"{name}_id")) if is_chosen else None
            if case is not None and case.customer_id not in (None, self.customer_id):
                yield name, Text("所选单据不是该顾客的，请重选", "This is about another customer: choose again")

    spec = RecordType(
        code="HLC", zh="热线咨询与顾客联系记录", en="Hotline and customer enquiry record",
        source="004 §5.1.1, §5.1.2, §5.3 d); 001 §5.2.1; 000 §5.1.1", series=Series("HLC-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "received_at", "customer", "channel", "category", "handler", "reply_due_at", "replied_at",
              "state"),
        inline=("category", "handler"),
        search=("number", "content", "reply_text", "order_no", "phone"),
        filters=("state", "channel", "category", "customer", "dealer", "handler", "received_at"),
        links_in=("customer", "promotion_activity"), retention_years=3,
        workflow=Workflow(
            states(("open", "待答复"), ("answered", "已答复"), ("transferred", "已转办"), ("closed", "已关闭")),
            moves=(
                Move("answer", "答复", source=("open",), to="answered",
                     by=("customer_service", "sales", "sales_lead", "dealer"), requires=("reply_text",),
                     stamps=("replied_at",), then=count_lead),
                Move("transfer", "转办", source=("open", "answered"), to="transferred",
                     by=("customer_service", "sales", "sales_lead", "dealer"), requires=("transferred_to",),
                     when=(TAKEN_UP,), then=count_lead),
                Move("close", "关闭", source=("answered", "transferred"), to="closed",
                     by=("customer_service", "sales", "sales_lead", "dealer"), requires=("reply_text",),
                     stamps=("closed_at",), when=(TAKEN_UP,), then=note_reply),
            )),
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
