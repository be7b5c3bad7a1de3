"""客户投诉信息处理传递跟踪卡."""

from datetime import timedelta

from models.base import (
    Default, Line, Record, choice, integer, lines, link, longtext, moment, person, phone, signature, text,
    unit, yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.conditions import every_line, is_changed, one_of, saying
from models.people import User
from models.spec import VOID, Condition, Deadline, Move, RecordType, Series, Text, Workflow, states


def note_answered(card, act) -> None:
    card.is_answered_on_spot = True
    enter_in_register(card, act)


def note_forwarded(card, act) -> None:
    card.is_answered_on_spot = False
    enter_in_register(card, act)


def register_rows(card, act) -> list:
    rows = act.find("customer_feedback_register", complaint_tracking_card_id=card.id)
    return [row for row in rows if row.state != VOID]


def enter_in_register(card, act) -> None:
    """Every card has one row in the feedback register; a card that comes back corrected corrects it."""
    told = {name: getattr(card, name) for name in (
        "received_at", "customer_id", "contact_person", "phone", "dealer_id", "vehicle_id", "fault_category")}
    for row in register_rows(card, act):
        if row.state != "closed":
            for name, value in {**told, "feedback_text": card.complaint_content}.items():
                setattr(row, name, value)
            act.touch(row)
        return
    act.new("customer_feedback_register", source="tracking_card", complaint_tracking_card=card.id,
            feedback_text=card.complaint_content, handling_text=card.handling_text, **told)


HANDLED_IN_REGISTER = Condition(
    lambda card, act: any(row.handling_text for row in register_rows(card, act)),
    Text("请先在客户反馈意见处理登记表中填写本卡的处理情况",
         "Fill in how it was handled in the card's row of the feedback register first"))


NOT_SATISFIED = saying(
    one_of("satisfaction_level", "neutral", "dissatisfied", "very_dissatisfied"),
    "请先填写“用户满意度”；用户对答复不满意时方可重新研究",
    "Fill in the satisfaction level first: only an answer that did not satisfy is studied again")


class Consultation(Line, of="complaint_tracking_card"):
    """A department that was asked, what it answered and what it does about it."""

    unit = unit("相关部门", required=True)
    channel = choice("反馈形式", ("meeting", "会议"), ("phone", "电话"), ("intranet", "内部网络"), required=True)
    asked_at = moment("反馈时间", required=True, origin="P")
    answer_text = longtext("研究答复")
    answered_by_id = person("答复人", origin="P")
    answered_at = moment("答复时间", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", help=(
        "关闭前每个部门须关联纠正和预防措施，或写明不采取的理由",
        "Before closing, every department names its action or gives the reason for none"))
    no_action_reason = text("不采取措施的理由", origin="X")


class ComplaintTrackingCard(Record):
    """The dealer's named complaint handler records, answers and passes every user feedback or quality
    complaint to the customer service department, which consults the departments and replies."""

    keeps_first = frozenset({"replied_at"})

    dealer_id = link("dealer_ledger", "服务商", required=True, origin="P", group=("受理", "Intake"))
    handler_id = person("专人(记录人)", required=True, default=Default.CURRENT_USER, help=(
        "服务商台账已登记投诉处理专人的，由该专人办理", "The person named in the dealer ledger, where there is one"))
    received_at = moment("投诉时间", required=True, origin="P", help=(
        "答复期限和处理期限均自此时起算", "The limits for reply and closing count from here"))
    feedback_kind = choice("反馈类别", ("complaint", "投诉"), ("feedback", "反馈"), required=True)
    customer_id = link("customer", "顾客", group=("顾客与车辆", "Customer and vehicle"))
    contact_person = text("顾客名称", required=True, private=True)
    phone = phone("联络方式", private=True, help=(
        "不能当场解答的必须填写", "Required unless answered on the spot"))
    vehicle_id = link("vehicle", "车辆", origin="P")
    mileage = integer("行驶里程", origin="P", measure="km")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X",
                            group=("内容", "What it is about"))
    complaint_content = longtext("投诉/反馈内容", required=True)
    fault_description = longtext("故障描述", origin="P")
    is_answered_on_spot = yes_no("当场已解答", origin="X", system=True, group=("处理与传递", "Handling and passing on"))
    handling_text = longtext("处理情况")
    forwarded_at = moment("传递时间", origin="P")
    cs_received_at = moment("客户服务部签收时间", origin="P")
    reply_due_at = moment("答复期限", origin="X", derived="received_at + parameter reply_hours",
                          group=("答复", "Reply"))
    reply_text = longtext("答复内容")
    replied_at = moment("答复时间")
    close_due_at = moment("处理期限", origin="X", derived="received_at + parameter complaint_days (working days)",
                          group=("用户确认与关闭", "Confirmation and closing"))
    satisfaction_level = choice("用户满意度", SATISFACTION_LEVELS, origin="P")
    signed_by = signature("用户签字", origin="P")
    signed_at = moment("用户签字时间", origin="P")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    closed_at = moment("关闭时间", origin="X")
    consultations = lines(Consultation, "部门会同研究")

    def derive(self, act):
        if self.id is None and self.handler_id == act.actor.id and not act.is_history:
            dealer = act.get("dealer_ledger", self.dealer_id)
            self.handler_id = (dealer and dealer.complaint_handler_id) or self.handler_id
        if self.received_at:
            at = self.received_at
            self.reply_due_at = at + timedelta(hours=act.parameter("reply_hours", at=at))
            self.close_due_at = act.add_workdays(at, act.parameter("complaint_days", at=at))

    def check(self, act):
        if self.received_at and self.received_at > act.now:
            yield "received_at", Text("投诉时间不能晚于现在，请更正",
                                      "A complaint is not received in the future: correct it")
        if is_changed(self, "handler") or is_changed(self, "dealer"):
            yield from self._wrong_handler(act)

    def _wrong_handler(self, act):
        named = act.get("dealer_ledger", self.dealer_id).complaint_handler_id
        if named is not None and named != self.handler_id:
            yield "handler", Text("专人须为服务商台账登记的投诉处理专人，请改选",
                                  "Choose the complaint handler whom the dealer ledger names")
        elif named is None:
            handler = act.session.get(User, self.handler_id)
            if all(place.dealer_id != self.dealer_id for place in handler.memberships):
                yield "handler", Text("专人须为该服务商的人员，请改选", "The handler must be one of this dealer's people")

    spec = RecordType(
        code="CTC", zh="客户投诉信息处理传递跟踪卡", en="Complaint tracking card", source="004 §5.3.7, §7.5",
        series=Series("CTC-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
        list=("number", "dealer", "received_at", "contact_person", "vehicle", "fault_category",
              "reply_due_at",
              "close_due_at", "state"),
        search=("number", "complaint_content", "handling_text"),
        filters=("state", "dealer", "received_at", "feedback_kind", "fault_category", "is_answered_on_spot",
                 "close_due_at"),
        links_in=("vehicle", "customer", "hotline_consultation"),
        workflow=Workflow(
            states(("opened", "已受理"), ("answered", "已当场解答", "Answered on the spot"), ("forwarded", "已传递"),
                   ("consulting", "会同研究中", "Consulting departments"), ("replied", "已答复"),
                   ("closed", "已关闭")),
            moves=(
                Move("answer", "当场解答", "Answer on the spot", source=("opened",), to="answered",
                     by=("dealer",), requires=("complaint_content", "handling_text"),
                     stamps=("replied_at", "forwarded_at"), then=note_answered),
                Move("forward", "传递客户服务部", source=("opened",), to="forwarded", by=("dealer",),
                     requires=("complaint_content", "contact_person", "phone"), stamps=("forwarded_at",),
                     then=note_forwarded),
                Move("receive", "客服签收", source=("forwarded",), to="consulting", by=("customer_service",),
                     stamps=("cs_received_at",)),
                Move("send_back", "退回补充", source=("forwarded",), to="opened", by=("customer_service",),
                     comment=True),
                Move("reply", "答复顾客", source=("consulting",), to="replied", by=("customer_service",),
                     requires=("reply_text",), stamps=("replied_at",)),
                Move("reopen", "重新研究", "Consult again", source=("replied",), to="consulting",
                     by=("customer_service",), comment=True, when=(NOT_SATISFIED,)),
                Move("close", "关闭", source=("answered", "replied"), to="closed", by=("customer_service",),
                     requires=("handling_text",), stamps=("closed_at",),
                     when=(every_line("consultations", "answer_text"),
                           every_line("consultations", "corrective_action", "no_action_reason"),
                           HANDLED_IN_REGISTER)),
            )),
        deadlines=(
            Deadline("reply", "reply_hours", starts="received_at", met_by="replied_at",
                     tell=("customer_service", "dealer"), id="SLA-01"),
            Deadline("close", "close_due_at", starts="received_at", met_by="closed_at",
                     tell=("customer_service", "quality_manager"), id="SLA-26"),
        ),
        access={
            "customer_service": "EAVX", "dispatcher": "V", "quality_engineer": "V", "quality_manager": "VX", "dealer": "CEv",
            "unit": "KEV", "unit_lead": "KEV",
        },
        rules=(
            "handler is the complaint_handler named in the dealer_ledger row when there is one, always a "
            "user of the same dealer",
            "a card that was not answered on the spot carries contact_person and phone",
            "every card makes exactly one customer_feedback_register row",
            "consulted departments take corrective or preventive action at the same time: each row names a "
            "corrective_action or a reason for none",
            "replied_at keeps the first value",
            "a card closed at or before close_due_at counts as closed on time in the dealer_grade_sheet of "
            "the month of close_due_at",
        ),
    )
