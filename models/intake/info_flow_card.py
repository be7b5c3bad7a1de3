"""信息流转卡."""

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
    person,
    phone,
    text,
    unit,
    yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import all_signed, either, filled, if_so, is_true, not_referenced, one_of, saying
from models.spec import OWNER, Copies, Deadline, Default, Move, RecordType, Series, Text, Workflow, states


# Where a card that starts from another record was taken in.
TAKEN_IN = {"return_exchange_claim": "return", "field_service_record": "site_visit"}


def note_in_service_record(card, act) -> None:
    """The record of the visit names the card that was written from it."""
    record = act.get("field_service_record", card.field_service_record_id)
    if record is not None and not record.spec.workflow.is_terminal(record.state):
        act.touch(record)


class Receipt(Line, of="info_flow_card"):
    """One department that the card was passed to, its signature and its opinion."""

    unit = unit("传递部门", required=True, origin="P")
    sent_at = moment("传递时间", origin="P")
    signed_by_id = person("签收人", origin="P", system=True)
    signed_at = moment("签收时间", origin="P", system=True)
    opinion = longtext("部门意见", origin="P")


class InfoFlowCard(Record):
    """The person who takes in a returned product, or the after-sales staff at the customer's line for every
    delivered batch, writes it so that quality assurance analyses the information and answers the customer
    within 24 hours."""

    source = choice(
        "来源", ("return", "退回产品", "Returned product"), ("site_visit", "顾客生产现场", "Customer site"),
        ("phone", "电话"), required=True, group=("来源与顾客", "Source and customer"))
    customer_id = link("customer", "顾客", required=True)
    contact_person = text("顾客联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", required=True,
                            group=("质量信息", "Quality information"))
    quantity = decimal("数量", origin="P")
    defect_quantity = decimal("不良数", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    quality_info = longtext("质量信息", required=True)
    handler_id = person("承接人/填写人", "Taken in by", required=True, default=Default.CURRENT_USER,
                        group=("传递", "Routing"))
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X")
    field_service_record_id = link("field_service_record", "现场服务记录", origin="X")
    sent_to_qa_at = moment("转交品质保障部时间", "Sent to QA at", origin="X")
    qa_received_at = moment("品质保障部收到时间", "QA received at", origin="X")
    reply_due_at = moment("答复期限", origin="X", derived="sent_to_qa_at + 24 h")
    reply_text = longtext("答复内容", group=("答复", "Reply"))
    replied_at = moment("答复时间")
    is_staff_dispatched = yes_no("是否派人处理", "Staff dispatched")
    dispatched_staff_id = person("派出人员")
    responsible_unit = unit("责任部门", origin="P", group=("分析与处理", "Analysis and action"))
    cause = longtext("原因分析", origin="P")
    action_taken = longtext("处理措施", origin="P")
    completed_on = day("完成日期", origin="P")
    result_text = longtext("处理结果", "Result", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X", group=("关闭", "Closing"))
    no_action_reason = longtext("不采取措施的理由", origin="X", help=(
        "退回产品的卡须关联纠正和预防措施，不能只填理由",
        "A card for a returned product needs the corrective action"))
    closed_at = moment("关闭时间", origin="X")
    receipts = lines(Receipt, "传递签收")

    def start_from(self, source, act):
        self.source = TAKEN_IN.get(source.spec.name)
        self.quality_info = self.quality_info or getattr(source, "fault_description", None)
        for name in ("quantity", "defect_quantity"):
            setattr(self, name, getattr(source, name, None))

    def derive(self, act):
        self.reply_due_at = None
        if self.sent_to_qa_at:
            self.reply_due_at = self.sent_to_qa_at + timedelta(hours=act.parameter("reply_hours", at=self.sent_to_qa_at))

    def check(self, act):
        for index, row in enumerate(self.receipts):
            if row.signed_at and sa.inspect(row).attrs.unit.history.deleted:
                yield f"receipts-{index}-unit", Text("已签收，部门不能再改", "It is signed for: the department stays")
        if None not in (self.quantity, self.defect_quantity) and self.defect_quantity > self.quantity:
            yield "defect_quantity", Text(
                "不良数不能大于数量，请更正其中一项", "More defects than pieces: correct one of the two")
        if self.is_staff_dispatched and self.dispatched_staff_id is None:
            yield "dispatched_staff", Text("派人处理时，请填写派出人员", "Name the person who is sent")
        if self.dispatched_staff_id is not None and not self.is_staff_dispatched:
            yield "dispatched_staff", Text(
                "填写了派出人员时，“是否派人处理”须为“是”；未派人则请清空",
                "Clear this person, or say that staff is dispatched")

    spec = RecordType(
        code="IFC", zh="信息流转卡", en="Information flow card", source="000 §5.2.1 b) c), §7",
        series=Series("IFC-{yyyy}{mm}-{n:04}"),
        list=("number", "source", "customer", "product_batch", "defect_quantity", "qa_received_at",
              "reply_due_at", "replied_at", "state"),
        search=("number", "quality_info", "reply_text"),
        filters=("state", "source", "customer", "product_batch", "fault_category", "qa_received_at"),
        copies=Copies(lines="receipts", key="unit"),
        links_in=("return_exchange_claim", "field_service_record", "customer", "product_batch"),
        retention_years=5,
        workflow=Workflow(
            states(("draft", "草稿"), ("at_info_center", "信息中心处理", "At information centre"),
                   ("sent_to_qa", "已传品质保障部", "Sent to QA"), ("analysing", "分析中"),
                   ("replied", "已答复"), ("closed", "已关闭"), ("void", "作废")),
            moves=(
                Move("send", "传递信息中心", "Send to information centre", source=("draft",),
                     to="at_info_center", by=("technician", "sales", "sales_lead"),
                     requires=("customer", "product_batch", "quality_info"),
                     when=(one_of("source", "site_visit", "phone"),), then=note_in_service_record),
                Move("send_return", "退回品传递品保", "Send return to QA", source=("draft",), to="sent_to_qa",
                     by=("technician", "sales", "sales_lead", "customer_service", "warehouse"),
                     requires=("customer", "product_batch", "quantity", "quality_info"),
                     when=(one_of("source", "return"),), stamps=("sent_to_qa_at",)),
                Move("route", "转品质保障部", "Route to QA", source=("at_info_center",), to="sent_to_qa",
                     by=("customer_service",), stamps=("sent_to_qa_at",)),
                Move("receive", "品保签收", "Receive at QA", source=("sent_to_qa",), to="analysing",
                     by=("quality_engineer",), stamps=("qa_received_at",)),
                Move("reply", "答复顾客", "Reply to customer", source=("analysing",), to="replied",
                     by=("quality_engineer",), requires=("reply_text", "is_staff_dispatched"),
                     stamps=("replied_at",),
                     when=(if_so(is_true("is_staff_dispatched"), filled("dispatched_staff")),)),
                Move("close", "关闭", source=("replied",), to="closed", by=("quality_manager",),
                     requires=("reply_text",), stamps=("closed_at",), when=(
                         if_so(one_of("source", "return"), filled("corrective_action")),
                         either(filled("corrective_action"), filled("no_action_reason")),
                         all_signed("receipts"))),
                Move("send_back", "退回补充", source=("at_info_center", "sent_to_qa"), to="draft",
                     by=("customer_service", "quality_engineer"), comment=True),
                Move("void", "作废", source=("draft",), to="void", by=(OWNER,), comment=True, when=(
                    saying(not_referenced(), "已有单据用到本卡，不能作废；请更正内容",
                           "Records name this card: correct it instead"),)),
            )),
        deadlines=(
            Deadline("reply", id="SLA-01", starts="sent_to_qa_at", met_by="replied_at", limit="reply_hours",
                     tell=("quality_engineer", "quality_manager")),
        ),
        access={
            "customer_service": "CEKV", "technician": "CEV", "quality_engineer": "EAVX",
            "quality_manager": "AVXE", "sales": "CEV", "sales_lead": "CEV", "warehouse": "CEV", "unit": "KV",
            "unit_lead": "KV", "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-01 a returned product always produces a card with source = return",
            "BR-01 every batch inspected at the customer's line gets one card with source = site_visit",
            "a card cannot be closed without reply_text and either corrective_action or no_action_reason; a "
            "card for a returned product needs the corrective_action (000 §5.2.1 b)",
            "a reply exactly 24:00:00 after sent_to_qa_at is on time, one second later it is late; nights "
            "and holidays count",
            "defect_quantity is not greater than quantity",
            "dispatched_staff is required when is_staff_dispatched is true and empty otherwise",
        ),
    )
