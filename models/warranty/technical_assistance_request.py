"""技术援助单."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import Record, choice, integer, link, longtext, moment, person, phone, text, yes_no
from models.choices import FAULT_CATEGORIES
from models.conditions import if_so, is_changed, one_of
from models.files import Attachment
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states


def offer_instruction(request, act) -> None:
    """The answer stands in the appraisal as its instruction, unless there is one already or nobody waits for it."""
    sheet = act.get("warranty_appraisal", request.warranty_appraisal_id)
    if sheet is not None and sheet.state in ("draft", "escalated") and not sheet.cs_instruction:
        sheet.cs_instruction = request.reply_text
        act.touch(sheet)


def is_shown(request, act) -> bool:
    """A photo or video is attached."""
    return act.session.scalar(sa.select(Attachment.id).where(
        Attachment.type == request.spec.name, Attachment.record_id == request.id, Attachment.removed_at.is_(None),
        sa.or_(Attachment.media_type.like("image/%"), Attachment.media_type.like("video/%"))).limit(1)) is not None


FAULT_IS_SHOWN = if_so(one_of("request_type", "important", "hard_to_judge"), Condition(is_shown, Text(
    "重要质量问题或难以判断的故障，提出前须上传至少一张照片或一段视频",
    "An important or hard-to-judge fault needs at least one photo or video before it is submitted")))


class TechnicalAssistanceRequest(Record):
    """A dealer asks customer service for help with an important or hard-to-judge fault and gets the
    handling measures."""

    keeps_first = frozenset({"replied_at"})

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("服务商与车辆", "Dealer and vehicle"))
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X", help=(
        "重要或难以判断的故障，答复前不得维修", "An important or unclear fault is not repaired before the answer"))
    vehicle_id = link("vehicle", "车辆", required=True, origin="P")
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    mileage = integer("里程", origin="P", measure="km")
    request_type = choice("援助类别", ("important", "重要质量问题", "Important quality problem"),
                          ("hard_to_judge", "难以判断的故障现象", "Hard-to-judge fault"),
                          ("repair_technique", "维修技术援助"), required=True, group=("故障与请求", "Fault and request"),
                          help=("前两类须上传照片或视频", "The first two need a photo or video"))
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("故障现象", required=True)
    checks_done = longtext("已做检查", origin="P")
    request_text = longtext("请求内容", required=True, origin="P")
    contact_person = text("服务商联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    received_at = moment("提出时间", origin="X", group=("答复与解决", "Answer and solution"))
    reply_due_at = moment("答复期限", origin="X", derived="received_at + 24 h (parameter)")
    handler_id = person("答复人", origin="P")
    reply_text = longtext("处理措施")
    replied_at = moment("答复时间", origin="P")
    is_on_site_needed = yes_no("需派人现场支援", origin="P", default=False)
    result = longtext("处理结果", origin="P")
    closed_at = moment("解决时间", origin="X")

    def start_from(self, source, act):
        self.mileage = getattr(source, "mileage", None)
        self.fault_description = self.fault_description or getattr(source, "situation", None)
        self.request_text = getattr(source, "support_request", None)
        if getattr(source, "is_important", False):
            self.request_type = "important"
        elif getattr(source, "is_hard_to_judge", False):
            self.request_type = "hard_to_judge"

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        self.vin = vehicle and vehicle.vin
        self.reply_due_at = None
        if self.received_at:
            hours = act.parameter("assistance_reply_hours", at=self.received_at)
            self.reply_due_at = self.received_at + timedelta(hours=hours)

    def check(self, act):
        sheet = act.get("warranty_appraisal", self.warranty_appraisal_id)
        is_chosen = any(is_changed(self, name) for name in ("warranty_appraisal", "vehicle", "dealer"))
        if is_chosen and sheet is not None and (sheet.vehicle_id, sheet.dealer_id) != (self.vehicle_id, self.dealer_id):
            yield "warranty_appraisal", Text("所选鉴定单不是该服务商该车辆的，请重选",
                                             "This appraisal is of another vehicle or dealer: choose again")

    spec = RecordType(
        code="TAR", zh="技术援助单", en="Technical assistance request", source="004 §4.1.2, §5.3.2, §5.3.4",
        series=Series("TAR-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "dealer", "vin", "request_type", "fault_category", "received_at", "reply_due_at",
              "replied_at", "state"),
        search=("number", "vin", "fault_description", "request_text", "reply_text"),
        filters=("state", "dealer", "request_type", "fault_category", "received_at"),
        links_in=("warranty_appraisal", "unresolved_issue_report"),
        workflow=Workflow(
            states(("draft", "草稿"), ("raised", "已提出"), ("answered", "已答复"), ("resolved", "已解决")),
            moves=(
                Move("submit", "提出", source=("draft",), to="raised", by=("dealer", "appraiser"),
                     requires=("dealer", "vehicle", "request_type", "fault_category", "fault_description",
                               "checks_done", "request_text"),
                     stamps=("received_at",), when=(FAULT_IS_SHOWN,)),
                Move("reply", "答复", source=("raised",), to="answered",
                     by=("customer_service", "quality_engineer"), requires=("reply_text",),
                     stamps=("handler", "replied_at"), then=offer_instruction),
                Move("ask_again", "未解决再次求助", source=("answered",), to="raised",
                     by=("dealer", "appraiser"), comment=True),
                Move("resolve", "已解决", source=("answered",), to="resolved", by=("dealer", "appraiser"),
                     requires=("result",), stamps=("closed_at",)),
            )),
        deadlines=(
            Deadline("reply", "assistance_reply_hours", starts="received_at", met_by="replied_at",
                     tell=("customer_service", "quality_manager"), id="X-TAR-REPLY"),
        ),
        access={
            "customer_service": "EAVX", "quality_engineer": "EV", "quality_manager": "V",
            "dealer": "CEv", "appraiser": "CEv",
        },
        rules=(
            "BR-21 request_type important or hard_to_judge: the appraisal's repair waits for the reply",
            "a request goes to customer service at once; exactly 24:00:00 h is on time",
            "at least one photo or video attachment when request_type is important or hard_to_judge",
            "a warranty_appraisal linked here has the same dealer and vehicle",
        ),
    )
