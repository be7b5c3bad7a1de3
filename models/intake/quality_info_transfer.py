"""产品质量信息传递处置单."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import (
    Line,
    Record,
    choice,
    day,
    decimal,
    lines,
    link,
    longtext,
    moment,
    money,
    person,
    phone,
    province,
    text,
    unit,
    yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.conditions import actor_is_not_creator, either, filled, if_so, is_true, one_of, saying
from models.disposition.major_incident_report import report_major_loss
from models.master.product_batch import fill_from_batch
from models.spec import Condition, Copies, Deadline, Move, RecordType, Series, Text, Workflow, states

COPIES = {
    "marketing": ("sales", "sales_lead"), "quality": ("quality_engineer", "quality_manager"),
    "quality_leader": ("deputy_gm",), "subsidiary_fax": ("unit", "unit_lead"),
}
UNDER_WAY = ("draft", "approving", "approved", "travelling", "on_site")   # of a journey


def send_copies(sheet, act) -> None:
    """Three copies and a fax: every receiver gets the line in which it signs. A major loss is reported besides."""
    present = {row.copy for row in sheet.receipts}
    for copy in COPIES:
        if copy not in present:
            sheet.receipts.append(Receipt(copy=copy, position=len(sheet.receipts)))
    for row in sheet.receipts:
        row.sent_at = row.sent_at or act.now
    report_major_loss(sheet, act)


def change_to_on_site(sheet, act) -> None:
    sheet.handling_mode = "on_site"
    report_major_loss(sheet, act)


def open_travel_assignment(sheet, act) -> None:
    """The sheet is the basis of a journey, which the unit completes and submits; one that is prepared is enough."""
    report_major_loss(sheet, act)
    prepared = act.find("travel_assignment", quality_info_transfer_id=sheet.id)
    if any(trip.state in UNDER_WAY for trip in prepared):
        return
    member = sheet.types["travel_assignment"].lines["members"].model
    act.new(
        "travel_assignment", quality_info_transfer=sheet.id, responsible_unit=sheet.responsible_unit,
        customer=sheet.customer_id, contact_person=sheet.contact_person, phone=sheet.phone,
        address=sheet.address or sheet.customer.address or sheet.province, province=sheet.province,
        lead=sheet.technician_id, task=sheet.preliminary_plan, planned_departure_at=act.now,
        members=[member(position=0, technician_id=sheet.technician_id, is_lead=True)])


def ask_for_callback(sheet, act) -> None:
    """Every service that was completed is followed by one call; a case handled again by a new one. The call is noted
    in the feedback sheet of a visit."""
    report_major_loss(sheet, act)
    slips = feedback_sheets(sheet, act) if sheet.handling_mode == "on_site" else []
    slip_id = slips[-1].id if slips else None
    waiting = [call for call in callbacks(sheet, act) if call.state in ("due", "attempted")]
    if not waiting:
        act.new(
            "callback_record", quality_info_transfer_id=sheet.id, quality_disposition_feedback_id=slip_id,
            customer_id=sheet.customer_id, contact_person=sheet.contact_person, phone=sheet.phone,
            dealer_id=sheet.dealer_id, technician_id=sheet.technician_id, served_at=act.now)
    for call in waiting:
        if slip_id and call.quality_disposition_feedback_id is None:
            call.quality_disposition_feedback_id = slip_id
            act.touch(call)


def callbacks(sheet, act) -> list:
    return _living("callback_record", sheet, act)


def feedback_sheets(sheet, act) -> list:
    return _living("quality_disposition_feedback", sheet, act)


def _living(type_name, sheet, act) -> list:
    found = act.find(type_name, quality_info_transfer_id=sheet.id)
    return sorted((record for record in found if record.state != "void"), key=lambda record: record.id)


def is_signed_for(sheet, act) -> bool:
    """The user has signed the feedback sheet of this visit; that of an earlier one was signed before it ended."""
    return any(slip.signed_at and not (sheet.disposed_at and slip.signed_at <= sheet.disposed_at)
               for slip in feedback_sheets(sheet, act))


def is_feedback_received(sheet, act) -> bool:
    slips = feedback_sheets(sheet, act)
    return sheet.handling_mode != "on_site" or (bool(slips) and slips[-1].all_received_at is not None)


def is_called_back(sheet, act) -> bool:
    """The last callback has reached the user and says what the sheet says; where the user cannot be reached, what
    stands in the feedback sheet counts."""
    calls = callbacks(sheet, act)
    if not calls:
        return False
    last = calls[-1]
    if last.state == "unreachable":
        said = [slip.satisfaction_level for slip in feedback_sheets(sheet, act)][-1:]
        return said in ([], [None], [sheet.satisfaction_level])
    return last.called_at is not None and last.satisfaction_level == sheet.satisfaction_level


def all_copies_signed(sheet, act) -> bool:
    return {row.copy for row in sheet.receipts if row.signed_at} == set(COPIES)


CALLED_BACK = Condition(is_called_back, Text(
    "须先完成本次处置的回访，且用户满意度与回访记录一致；无法联系的，与反馈单一致",
    "Complete the callback of this handling first; the satisfaction level must be the callback's, or that of the "
    "feedback sheet where the user cannot be reached"))
SIGNED_BY_USER = Condition(is_signed_for, Text(
    "本次现场服务的处置结果反馈单须先经用户签字(盖章)",
    "The user signs (or seals) the feedback sheet of this visit first"))
FEEDBACK_RECEIVED = Condition(is_feedback_received, Text(
    "处置结果反馈单须先由质量部和营销分公司签收",
    "The quality department and the sales branch receive the feedback sheet first"))
COPIES_SIGNED = Condition(all_copies_signed, Text(
    "营销分公司、质量部、质量分管领导和子(分)公司(传真)四份均须签收",
    "All four copies (sales branch, quality, quality leader, subsidiary fax) must be signed for"))
ENDORSED = Condition(lambda sheet, act: sheet.state != "confirmed" or sheet.intake_unit == "quality", Text(
    "营销分公司接收的信息须先经部门领导批示",
    "What the sales branch received must be endorsed by its head first"))
NOT_SATISFIED = saying(
    one_of("satisfaction_level", "neutral", "dissatisfied", "very_dissatisfied"),
    "用户已满意，无须再次处理", "The user is satisfied: there is nothing to handle again")


class Receipt(Line, of="quality_info_transfer"):
    """One copy of the sheet and who signed for it."""

    copy = choice("份别", ("marketing", "营销分公司", "Sales branch"),
                  ("quality", "质量部", "Quality department"),
                  ("quality_leader", "质量分管领导", "Leader in charge of quality"),
                  ("subsidiary_fax", "子(分)公司(传真)", "Subsidiary (fax)"), required=True)
    sent_at = moment("传递时间", origin="P")
    signed_by_id = person("签收人", origin="P", system=True)
    signed_at = moment("签收时间", origin="P", system=True)


class QualityInfoTransfer(Record):
    """The sales branch (or the quality department itself) registers and confirms a user's quality information
    on it, so that the quality department decides the handling and the responsible subsidiary answers or sends
    staff in time."""

    # The month's summary asks for what was open at its beginning.
    __table_args__ = (sa.Index("ix_quality_info_transfer_closed_at_id", "closed_at", "id"),)

    keeps_first = frozenset({"replied_at", "arrived_at"})

    received_at = moment("收到反馈时间", required=True, group=("信息接收", "Intake"),
                         help=("答复期限和到场期限均自此时起算",
                               "The limits for reply and arrival count from here"))
    intake_unit = choice("接收部门", ("marketing", "营销分公司", "Sales branch"),
                         ("quality", "质量部", "Quality department"), required=True)
    channel = choice("信息来源方式", ("phone", "电话"), ("fax", "传真"), ("email", "电子邮件", "E-mail"),
                     ("visit", "走访"), ("meeting", "座谈会"), ("dealer", "经销商转达"), origin="P")
    customer_id = link("customer", "用户单位", required=True, group=("用户", "User"))
    contact_person = text("用户联系人", required=True, private=True)
    phone = phone("联系电话", required=True, private=True)
    address = text("用户地址/路线", private=True)
    province = province("所在省份", required=True, origin="X",
                        help=("产品所在现场的省份，决定适用省内还是省外到场期限",
                              "Province of the site: decides which arrival limit applies"))
    dealer_id = link("dealer_ledger", "服务商", origin="X")
    product_batch_id = link("product_batch", "产品/批次", origin="X", group=("问题产品", "Product"),
                            help=("选定后自动带出产品名称、批号和生产日期",
                                  "Fills product name, batch number and production date"))
    product_name = text("问题产品名称", required=True)
    produced_on = day("生产日期")
    batch_no = text("批号", required=True)
    quantity = decimal("数量", required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("用户反馈问题", required=True)
    direct_loss = money("直接质量损失", origin="X", default=0)
    is_major = yes_no("较大以上质量事故", origin="X", derived="direct_loss >= parameter major_incident_loss")
    confirmed_at = moment("确认时间", origin="X", group=("批示与处理意见", "Endorsement and decision"))
    dept_opinion = longtext("部门领导批示")
    quality_opinion = longtext("质量部处理意见")
    handling_mode = choice("处理方式", ("phone_or_written", "电话或书面回复", "Phone or written reply"),
                           ("on_site", "现场处理"))
    responsible_unit = unit("责任子(分)公司",
                            help=("填写后该单位方可签收传真件", "Once given, this unit can sign for the fax"))
    preliminary_plan = longtext("初步处理方案")
    technician_id = person("售后服务人员")
    reply_due_at = moment("答复期限", origin="X", derived="received_at + parameter reply_hours",
                          group=("答复与现场处理", "Reply and site visit"))
    reply_text = longtext("答复内容",
                          help=("现场处理的，告知用户何人何时到场", "For a site visit: who comes and when"))
    replied_at = moment("首次答复时间", origin="X")
    is_in_province = yes_no("省内", origin="X",
                            derived="province equals that of responsible_unit, else parameter home_province")
    arrive_due_at = moment(
        "到达现场期限", origin="X",
        derived="on_site only: received_at + parameter arrival_hours_in_province when is_in_province, "
                "else + parameter arrival_hours_out_of_province")
    arrived_at = moment("到达现场时间", origin="X")
    disposed_at = moment("处置完成时间", origin="X", group=("回访与闭环", "Callback and closing"))
    is_substantiated = yes_no("是否属实", origin="P",
                              help=("检查和处理的结论，是质量通报的依据",
                                    "What inspection and handling showed"))
    satisfaction_level = choice("用户满意度", SATISFACTION_LEVELS, origin="X",
                                help=("完成回访时自动带入", "Taken over when the callback is completed"))
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    no_action_reason = longtext("不采取措施的理由", origin="X")
    closed_at = moment("闭环时间", origin="X")
    remark = longtext("备注", origin="P")
    receipts = lines(Receipt, "分发签收(一式三份+传真)")

    def derive(self, act):
        fill_from_batch(self, act, ("product_name", "batch_no", "produced_on"))
        limit = act.parameter("major_incident_loss", at=self.received_at)
        self.is_major = self.direct_loss is not None and self.direct_loss >= limit
        home = act.unit_province(self.responsible_unit) if self.responsible_unit else None
        home = home or act.parameter("home_province", at=self.received_at)
        self.is_in_province = self.province == home if self.province else None
        self.reply_due_at = self._after_receipt(act, "reply_hours")
        place = "in_province" if self.is_in_province else "out_of_province"
        on_site = self.handling_mode == "on_site"
        self.arrive_due_at = self._after_receipt(act, f"arrival_hours_{place}") if on_site else None

    def edited(self, act):
        """A loss that becomes known does not wait for the next step."""
        if self.state not in ("registered", "rejected"):
            report_major_loss(self, act)

    def _after_receipt(self, act, parameter):
        return self.received_at and self.received_at + timedelta(
            hours=act.parameter(parameter, at=self.received_at))

    def check(self, act):
        is_judged = act.actor.id == self.technician_id or self.responsible_unit in act.actor.units
        if is_judged and sa.inspect(self).attrs.received_at.history.deleted:
            yield "received_at", Text("收到反馈时间不能由责任单位或服务人员更改",
                                      "Those whose limits count from it do not change the time of receipt")
        seen = set()
        for index, row in enumerate(self.receipts):
            if row.signed_at and sa.inspect(row).attrs.copy.history.deleted:
                yield f"receipts-{index}-copy", Text("已签收，份别不能再改", "It is signed for: the copy stays")
            if row.copy in seen:
                yield f"receipts-{index}-copy", Text("每份只能登记一行，请删除重复的行",
                                                     "Each copy has one line: remove the repeated one")
            seen.add(row.copy)

    spec = RecordType(
        code="QIT", zh="产品质量信息传递处置单", en="Product quality information transfer sheet",
        source="003 三(一)(二)(三)1, 三(七), 一(三), 五(十)", series=Series("QI-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "received_at", "customer", "product_name", "batch_no", "fault_category",
              "handling_mode", "arrive_due_at", "state"),
        inline=("fault_category", "handling_mode"),
        search=("number", "product_name", "batch_no", "fault_description"),
        filters=("state", "received_at", "customer", "dealer", "product_batch", "fault_category",
                 "responsible_unit", "province", "is_major"),
        links_in=("customer", "product_batch"),
        copies=Copies("receipts", key="copy", receivers=COPIES),
        workflow=Workflow(
            states(("registered", "已登记"), ("confirmed", "已确认"), ("endorsed", "部门已批示"),
                   ("replying", "电话/书面回复中"), ("assigned", "已转子(分)公司"), ("dispatched", "已派人"),
                   ("on_site", "现场处理中"), ("disposed", "已处置"), ("called_back", "已回访"),
                   ("closed", "已闭环"), ("rejected", "不属实")),
            moves=(
                Move("confirm", "确认", source=("registered",), to="confirmed",
                     by=("sales", "sales_lead", "quality_engineer"), stamps=("confirmed_at",),
                     then=send_copies,
                     requires=("customer", "contact_person", "phone", "province", "product_name",
                               "produced_on", "batch_no", "quantity", "fault_category", "fault_description")),
                Move("reject", "不属实", source=("registered", "confirmed"), to="rejected",
                     by=("sales", "sales_lead", "quality_engineer"), comment=True),
                Move("endorse", "部门领导批示", source=("confirmed",), to="endorsed", by=("sales_lead",),
                     requires=("dept_opinion",), when=(
                         saying(one_of("intake_unit", "marketing"), "质量部接收的信息无须部门领导批示",
                                "What the quality department received needs no endorsement"),
                         actor_is_not_creator())),
                Move("decide_reply", "定为电话/书面回复", source=("confirmed", "endorsed"), to="replying",
                     by=("quality_engineer",), requires=("handling_mode", "quality_opinion"),
                     then=report_major_loss, when=(one_of("handling_mode", "phone_or_written"), ENDORSED)),
                Move("decide_on_site", "定为现场处理", source=("confirmed", "endorsed"), to="assigned",
                     by=("quality_engineer",),
                     requires=("handling_mode", "quality_opinion", "responsible_unit"),
                     then=report_major_loss, when=(one_of("handling_mode", "on_site"), ENDORSED)),
                Move("send_reply", "回复用户", source=("replying",), to="disposed", by=("quality_engineer",),
                     requires=("reply_text",), stamps=("replied_at", "disposed_at"), then=ask_for_callback),
                Move("go_on_site", "改为现场处理", source=("replying",), to="assigned",
                     by=("quality_engineer",),
                     requires=("responsible_unit",), comment=True, then=change_to_on_site),
                Move("plan", "制定方案并派差", "Plan and dispatch", source=("assigned",), to="dispatched",
                     by=("unit", "unit_lead"), requires=("preliminary_plan", "technician", "reply_text"),
                     stamps=("replied_at",), then=open_travel_assignment),
                Move("arrive", "到达现场", source=("dispatched",), to="on_site", by=("technician", "system"),
                     stamps=("arrived_at",)),
                Move("dispose", "现场处置完成", "Finish on site", source=("on_site",), to="disposed",
                     by=("technician",), stamps=("disposed_at",), when=(SIGNED_BY_USER,),
                     then=ask_for_callback),
                Move("record_callback", "登记回访", source=("disposed",), to="called_back",
                     by=("quality_engineer",), then=report_major_loss,
                     requires=("satisfaction_level",), when=(CALLED_BACK, FEEDBACK_RECEIVED)),
                Move("reply_again", "再次回复", source=("called_back",), to="replying",
                     by=("quality_engineer",),
                     comment=True, when=(one_of("handling_mode", "phone_or_written"), NOT_SATISFIED)),
                Move("redo", "重新处理", "Handle again", source=("called_back",), to="assigned",
                     by=("quality_engineer",), comment=True,
                     when=(one_of("handling_mode", "on_site"), NOT_SATISFIED)),
                Move("close", "闭环", source=("called_back",), to="closed", by=("quality_manager",),
                     requires=("is_substantiated", "satisfaction_level"), stamps=("closed_at",),
                     then=report_major_loss, when=(
                         either(filled("corrective_action"), filled("no_action_reason")),
                         saying(if_so(is_true("is_substantiated"), filled("corrective_action")),
                                "质量问题属实的，须关联“纠正和预防措施”",
                                "A substantiated problem needs a corrective action"),
                         saying(if_so(one_of("satisfaction_level", "dissatisfied", "very_dissatisfied"),
                                      filled("corrective_action")),
                                "用户不满意的，须关联“纠正和预防措施”",
                                "A dissatisfied user needs a corrective action"),
                         saying(if_so(one_of("handling_mode", "phone_or_written"),
                                      one_of("satisfaction_level", "satisfied", "very_satisfied")),
                                "电话或书面回复的，须回复到用户满意为止，否则改为现场处理",
                                "A phone or written case is answered until the user is satisfied"),
                         CALLED_BACK, COPIES_SIGNED)),
            )),
        deadlines=(
            Deadline("reply", "reply_hours", starts="received_at", met_by="replied_at",
                     tell=("quality_engineer", "quality_manager"), id="SLA-01"),
            Deadline("arrive", "arrive_due_at", starts="received_at", met_by="arrived_at",
                     tell=("unit_lead", "quality_manager"), id="SLA-03/04", holder="technician"),
        ),
        access={
            "customer_service": "V", "dispatcher": "V", "technician": "Ev", "quality_engineer": "CEAVXK",
            "quality_manager": "AVXK", "sales": "CEVXK", "sales_lead": "CEAVXK", "unit": "EKV",
            "unit_lead": "EKV", "deputy_gm": "KVX", "general_manager": "VX", "management_representative": "V",
        },
        rules=(
            "BR-10 the sheet has exactly four receipts (sales branch, quality department, quality leader, "
            "subsidiary fax) and all are signed before closing",
            "BR-15 direct_loss of 20000.00 or more opens a major_incident_report; 19999.99 does not",
            "BR-18 every sheet appears as exactly one line of the quality_info_summary of the month of "
            "received_at",
            "BR-19 every disposed sheet gets a telephone callback",
            "BR-22 a sheet with is_substantiated true leads to a quality_bulletin",
            "BR-23 three or more sheets of the same product or batch and fault_category within 30 days "
            "propose a quality_rectification_order",
            "BR-32 a phone or written case is answered until the user is satisfied, otherwise it is handled "
            "on site",
            "SLA-03 applies when is_in_province is true (24 h), SLA-04 otherwise (48 h); exactly 24:00 or "
            "48:00 hours is on time",
            "a sheet with satisfaction_level dissatisfied or very_dissatisfied cannot close without a "
            "corrective_action",
            "is_substantiated true requires a corrective_action, no_action_reason alone is not enough",
            "replied_at and arrived_at keep the first value when the case is handled again",
            "the sheet in state dispatched is the basis of a travel_assignment",
        ),
    )
