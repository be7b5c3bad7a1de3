"""服务记录/现场服务记录."""

from models.base import (
    Default, Line, Record, choice, day, decimal, lines, link, longtext, moment, multichoice, person, phone,
    signature, text, unit, yes_no,
)
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.conditions import filled, from_state, if_so, is_false, is_true, linked, saying
from models.spec import VOID, Condition, Move, RecordType, Series, Text, Workflow, states


def is_recorded(order, act) -> bool:
    """What was done on a visit, and what the customer said, is handed in in as many records as the office asks."""
    handed_in = [record for record in act.find("field_service_record", work_order_id=order.id)
                 if record.state not in ("draft", VOID)]
    return order.service_mode != "on_site" or len(handed_in) >= act.parameter("field_records_per_visit")


def has_card(record, act) -> bool:
    card = act.get("info_flow_card", record.info_flow_card_id)
    return card is not None and (card.customer_id, card.product_batch_id) == (
        record.customer_id, record.product_batch_id)


BATCH_CHECKED = Condition(
    lambda record, act: "batch_quality_check" in (record.service_types or ()), Text("", ""))
BATCH_NAMED = saying(
    if_so(BATCH_CHECKED, filled("product_batch")), "到顾客现场了解批次质量的，请选择“产品/批次”",
    "Name the batch that was looked at on the customer's line")
CARD_FILLED = saying(
    if_so(BATCH_CHECKED, Condition(has_card, Text("", ""))),
    "到顾客现场了解批次质量的，须先由本记录填写同一顾客、同一批次的信息流转卡",
    "A batch looked at on the customer's line needs its information flow card, of the same customer and batch, written "
    "from this record")


class Part(Line, of="field_service_record"):
    """A part that was replaced."""

    part_no = text("件号", origin="P")
    part_name = text("名称", required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P")


class FieldServiceRecord(Record):
    """Staff on an outside service job record the work and the customer's opinions on service and product
    quality; a rectification demand is followed to the reply to the customer."""

    work_order_id = link("work_order", "派工单", origin="X", group=("服务任务", "The job"))
    travel_assignment_id = link("travel_assignment", "派差单", origin="X")
    info_flow_card_id = link("info_flow_card", "信息流转卡", derived=(
        "the info_flow_card whose field_service_record is this one"))
    customer_id = link("customer", "顾客", required=True)
    contact_person = text("顾客联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    address = text("服务地点", origin="P", private=True)
    technician_id = person("服务人员", required=True, default=Default.CURRENT_USER)
    serviced_on = day("服务日期", required=True, origin="P", default=Default.TODAY)
    arrived_at = moment("到达时间", origin="P")
    left_at = moment("离开时间", origin="P")
    service_types = multichoice(
        "服务内容", ("problem_analysis", "疑难问题分析"), ("product_test", "协助产品测试", "Help with product test"),
        ("prototype_assembly", "样机装配"), ("standard_alignment", "相关标准的规范和统一", "Alignment of standards"),
        ("repair", "包修"), ("exchange", "包换"), ("return", "包退"),
        ("batch_quality_check", "批次质量了解", "Batch quality check at the customer's line"), ("other", "其他"),
        required=True, group=("服务与质量情况", "Service and quality"), help=(
            "选“批次质量了解”的，须选择批次并填写信息流转卡",
            "A batch quality check names its batch and needs an information flow card"))
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    quantity = decimal("数量", origin="P")
    defect_quantity = decimal("不良数量", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="P")
    fault_description = longtext("现象", origin="P")
    cause = longtext("原因", origin="P")
    solution = longtext("处理", origin="P")
    is_resolved = yes_no("已解决", origin="P")
    service_quality_opinion = longtext("顾客对服务质量的意见", group=("顾客意见", "What the customer said"), help=(
        "没有意见的填“无”", "Write “none” where there is none"))
    product_quality_opinion = longtext("顾客对产品质量的意见")
    satisfaction_level = choice("满意度", SATISFACTION_LEVELS, origin="P")
    signed_by = signature("顾客签字", origin="P")
    signed_at = moment("签字时间", origin="P")
    submitted_at = moment("提交时间", origin="X")
    is_rectification_required = yes_no("有整改要求", required=True, origin="X", default=False,
                                       group=("整改与回复", "Rectification and reply"))
    rectification_demand = longtext("整改要求")
    responsible_unit = unit("责任部门")
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    rectification_measures = longtext("整改措施")
    on_site_analysis = longtext("到现场组织分析情况", help=(
        "在顾客现场组织分析的填写", "Where the analysis was held at the customer's site"))
    reply_text = longtext("回复顾客内容")
    replied_at = moment("回复顾客时间", origin="X")
    closed_at = moment("关闭时间", origin="X")
    parts = lines(Part, "更换件")

    def start_from(self, source, act):
        self.arrived_at = source.arrived_at
        if source.spec.name == "travel_assignment":
            self.technician_id = source.lead_id
            return
        self.technician_id, self.cause = source.technician_id, source.diagnosis
        self.parts = [Part(position=n, part_no=row.part_no, part_name=row.part_name, quantity=row.quantity)
                      for n, row in enumerate(source.parts)]

    def derive(self, act):
        cards = act.find("info_flow_card", field_service_record_id=self.id) if self.id else ()
        self.info_flow_card_id = max((card.id for card in cards if card.state != VOID), default=None)

    def check(self, act):
        if self.arrived_at and self.left_at and self.left_at < self.arrived_at:
            yield "left_at", Text("离开时间不能早于到达时间", "Nobody leaves before arriving")

    spec = RecordType(
        code="SVR", zh="服务记录/现场服务记录", en="Field service record",
        source="000 §5.2.1 a), §5.2.2, §5.2.4.2, §7", series=Series("SVR-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "serviced_on", "customer", "technician", "service_types", "satisfaction_level",
              "is_rectification_required", "responsible_unit", "state"),
        search=("number", "fault_description", "service_quality_opinion", "product_quality_opinion",
                "rectification_demand"),
        filters=("state", "customer", "technician", "is_rectification_required", "responsible_unit",
                 "satisfaction_level", "serviced_on"),
        links_in=("work_order", "travel_assignment"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已提交"), ("reviewed", "已审阅"), ("rectifying", "整改中"),
                   ("replied", "已回复顾客", "Replied to customer"), ("closed", "已关闭")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("technician",),
                     requires=("customer", "serviced_on", "service_types", "service_quality_opinion",
                               "product_quality_opinion"),
                     stamps=("submitted_at",), when=(
                         if_so(is_true("is_rectification_required"), filled("rectification_demand")),
                         BATCH_NAMED)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_engineer",),
                     comment=True),
                Move("review", "审阅", source=("submitted",), to="reviewed", by=("quality_engineer",),
                     requires=("is_rectification_required",), when=(CARD_FILLED,)),
                Move("rectify", "组织整改", "Start rectification", source=("reviewed",), to="rectifying",
                     by=("quality_engineer",), when=(is_true("is_rectification_required"),),
                     requires=("rectification_demand", "responsible_unit", "corrective_action")),
                Move("reply", "回复顾客", "Reply to customer", source=("rectifying",), to="replied",
                     by=("quality_engineer",), requires=("rectification_measures", "reply_text"),
                     stamps=("replied_at",)),
                Move("close", "关闭", source=("reviewed", "replied"), to="closed", by=("quality_manager",),
                     stamps=("closed_at",), when=(
                         if_so(from_state("reviewed"), is_false("is_rectification_required")),
                         if_so(from_state("replied"), linked("corrective_action", "closed")))),
            )),
        access={
            "technician": "CEV", "quality_engineer": "EAVX", "quality_manager": "AVX", "unit": "KV",
            "unit_lead": "KV", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-03 is_rectification_required needs a corrective_action and a reply to the customer "
            "before closing",
            "BR-01 service_types with batch_quality_check needs info_flow_card, of the same customer "
            "and product_batch, before review",
            "both opinions are asked: service_quality_opinion and product_quality_opinion are filled "
            "before submitting (无 is a valid answer)",
            "left_at is not earlier than arrived_at",
            "a submitted record of the survey period feeds satisfaction_score (service record part)",
        ),
    )
