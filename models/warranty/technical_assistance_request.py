"""技术援助单."""

from models.base import Record, choice, integer, link, longtext, moment, person, phone, text, yes_no
from models.choices import FAULT_CATEGORIES
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class TechnicalAssistanceRequest(Record):
    """A dealer asks customer service for help with an important or hard-to-judge fault and gets the
    handling measures."""

    dealer_id = link("dealer_ledger", "服务商", required=True)
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X")
    vehicle_id = link("vehicle", "车辆", required=True, origin="P")
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    mileage = integer("里程", origin="P", measure="km")
    request_type = choice("援助类别", ("important", "重要质量问题", "Important quality problem"),
        ("hard_to_judge", "难以判断的故障现象", "Hard-to-judge fault"), ("repair_technique", "维修技术援助"),
        required=True)
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("故障现象", required=True)
    checks_done = longtext("已做检查", origin="P")
    request_text = longtext("请求内容", required=True, origin="P")
    contact_person = text("服务商联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    # SET_BY submit
    received_at = moment("提出时间", origin="X")
    reply_due_at = moment("答复期限", origin="X", derived="received_at + 24 h (parameter)")
    # SET_BY reply
    handler_id = person("答复人", origin="P")
    reply_text = longtext("处理措施")
    # SET_BY reply
    replied_at = moment("答复时间", origin="P")
    is_on_site_needed = yes_no("需派人现场支援", origin="P", default=False)
    result = longtext("处理结果", origin="P")
    # SET_BY resolve
    closed_at = moment("解决时间", origin="X")

    spec = RecordType(
        code="TAR", zh="技术援助单", en="Technical assistance request", source="004 §4.1.2, §5.3.2, §5.3.4",
        series=Series("TAR-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "dealer", "vin", "request_type", "fault_category", "received_at", "reply_due_at",
              "replied_at", "state"),
        search=("number", "vin", "fault_description", "request_text", "reply_text"),
        filters=("state", "dealer", "request_type", "fault_category", "received_at"),
        links_in=("warranty_appraisal", "unresolved_issue_report"),
        workflow=Workflow(
            states(("draft", "草稿"), ("raised", "已提出"), ("answered", "已答复"), ("resolved", "已解决")),
            moves=(
                Move("submit", "提出", source=("draft",), to="raised", by=("dealer", "appraiser"),
                    requires=("dealer", "vehicle", "request_type", "fault_category", "fault_description", "checks_done", "request_text"),
                    stamps=("received_at",)),
                # THEN with a warranty_appraisal, reply_text is offered as its cs_instruction
                Move("reply", "答复", source=("raised",), to="answered",
                    by=("customer_service", "quality_engineer"), requires=("reply_text",),
                    stamps=("handler", "replied_at")),
                # NOTE received_at and replied_at keep their first values
                Move("ask_again", "未解决再次求助", source=("answered",), to="raised",
                    by=("dealer", "appraiser"), comment=True),
                Move("resolve", "已解决", source=("answered",), to="resolved", by=("dealer", "appraiser"),
                    requires=("result",), stamps=("closed_at",)),
            ),
        ),
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
