"""异常处理单."""

from models.base import Record, choice, day, decimal, link, longtext, moment, money, person, unit
from models.choices import FAULT_CATEGORIES
from models.spec import OWNER, Condition, Default, Move, RecordType, Series, Text, Workflow, states

# What a sheet that starts from another record takes as the abnormality.
FOUND_IN = {"complaint_case": "complaint_reason", "hotline_consultation": "content"}


def do_again(sheet, act) -> None:
    """What was not confirmed was not improved."""
    sheet.improved_at = None


def open_complaint(sheet, act) -> None:
    """What caused a loss goes on as a complaint; one that was a complaint before comes with all that it said."""
    before = act.get("complaint_case", sheet.complaint_case_id)
    told = ("severity", "contact_person", "phone", "dealer_id", "vehicle_id", "order_no", "part_no", "quantity",
            "shipped_on")
    case = act.new(
        "complaint_case", received_at=act.now, channel=before.channel if before else "visit",
        customer=sheet.customer_id, product_batch=sheet.product_batch_id, defect_quantity=sheet.quantity,
        complaint_type=before.complaint_type if before else "quality", fault_category=sheet.fault_category,
        complaint_reason=sheet.fault_description, customer_demand=sheet.improvement_demand, has_loss=True,
        **({name: getattr(before, name) for name in told} if before else {}))
    sheet.complaint_case_id = case.id


NO_LOSS = Condition(lambda sheet, act: not sheet.direct_loss, Text(
    "已造成损失，须升级为客诉", "There is a loss: upgrade the sheet to a complaint"))
LOSS = Condition(lambda sheet, act: bool(sheet.direct_loss), Text(
    "未造成损失的不升级，请先填写损失金额", "Only a loss makes it a complaint: fill in its amount first"))
VERIFIER_IS_OUTSIDER = Condition(
    lambda sheet, act: sheet.responsible_unit not in act.actor.units,
    Text("确认人不能是责任单位的人员", "Who verifies may not belong to the responsible unit"))


class AbnormalitySheet(Record):
    """Sales or the unit that goes to the customer reports a quality abnormality that caused no loss, so
    that the responsible unit improves it without a complaint case."""

    found_on = day("发现日期", required=True, origin="P", default=Default.TODAY, group=("异常", "The abnormality"))
    customer_id = link("customer", "客户", required=True)
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", origin="P")
    quantity = decimal("异常数量", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("异常内容", required=True)
    direct_loss = money("损失金额", origin="S", default=0, help=(
        "造成损失的（大于0），只能升级为客诉", "With a loss (more than 0) it can only become a complaint"))
    handler_id = person("前往处理人", "Who went there")
    field_service_record_id = link("field_service_record", "现场服务记录", origin="X")
    improvement_demand = longtext("要求改善事项", required=True, group=("改善", "Improvement"))
    responsible_unit = unit("责任单位")
    interim_action = longtext("暂定措施", origin="P")
    cause = longtext("原因", origin="P")
    improvement_result = longtext("改善结果", origin="P")
    improved_at = moment("改善完成时间", origin="X")
    verification_text = longtext("确认意见", origin="P", group=("确认", "Verification"))
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X", help=(
        "由其转来，或升级而成的投诉", "The case it was converted from or upgraded to"))
    closed_at = moment("关闭时间", origin="X")

    def start_from(self, source, act):
        told = FOUND_IN.get(source.spec.name)
        self.fault_description = self.fault_description or (getattr(source, told) if told else None)

    def check(self, act):
        if self.found_on and self.found_on > act.today:
            yield "found_on", Text("发现日期不能晚于今天", "It was not found in the future")

    spec = RecordType(
        code="ABN", zh="异常处理单", en="Abnormality sheet", source="002 客户投诉管理办法 (三)",
        series=Series("ABN-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "found_on", "customer", "product_batch", "fault_category", "responsible_unit",
              "improved_at", "state"),
        search=("number", "fault_description", "improvement_demand"),
        filters=("state", "found_on", "customer", "product_batch", "fault_category", "responsible_unit"),
        links_in=("complaint_case", "field_service_record", "hotline_consultation", "customer"),
        workflow=Workflow(
            states(("draft", "草稿"), ("sent", "已发出"), ("improving", "改善中"), ("improved", "已改善"),
                   ("closed", "已关闭"), ("upgraded", "已升级为客诉", "Upgraded to complaint")),
            moves=(
                Move("send", "发出", source=("draft",), to="sent",
                     by=("sales", "sales_lead", "technician", "unit", "unit_lead", "customer_service", OWNER),
                     requires=("customer", "fault_description", "improvement_demand", "responsible_unit"),
                     when=(NO_LOSS,)),
                Move("accept", "接收", source=("sent",), to="improving", by=("unit", "unit_lead"),
                     when=(NO_LOSS,)),
                Move("finish", "改善完成", source=("improving",), to="improved", by=("unit", "unit_lead"),
                     requires=("cause", "improvement_result"), stamps=("improved_at",), when=(NO_LOSS,)),
                Move("verify", "确认关闭", "Verify and close", source=("improved",), to="closed",
                     by=("quality_engineer",), requires=("verification_text",), stamps=("closed_at",),
                     when=(NO_LOSS, VERIFIER_IS_OUTSIDER)),
                Move("verify_fail", "确认不合格", "Verification failed", source=("improved",), to="improving",
                     by=("quality_engineer",), comment=True, when=(NO_LOSS, VERIFIER_IS_OUTSIDER),
                     then=do_again),
                Move("upgrade", "升级为客诉", "Upgrade to complaint",
                     source=("draft", "sent", "improving", "improved"), to="upgraded",
                     by=("sales", "sales_lead", "quality_engineer"), requires=("direct_loss",), when=(LOSS,),
                     then=open_complaint),
            ),
            void_when=(NO_LOSS,)),
        access={
            "customer_service": "CEV", "technician": "CEV", "quality_engineer": "AVX", "quality_manager": "VX",
            "sales": "CEV", "sales_lead": "CEV", "unit": "CEKV", "unit_lead": "CEKV",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-24 the sheet is only for cases without loss",
            "direct_loss greater than 0 blocks every move but upgrade",
            "the verifier is not a member of responsible_unit",
            "a unit that went to the customer also sends what it reports about another unit",
        ),
    )
