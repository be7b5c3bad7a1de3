"""异常处理单."""

from models.base import Record, choice, day, decimal, link, longtext, moment, money, person, unit
from models.choices import FAULT_CATEGORIES
from models.spec import Move, RecordType, Series, Workflow, states


class AbnormalitySheet(Record):
    """Sales or the unit that goes to the customer reports a quality abnormality that caused no loss, so
    that the responsible unit improves it without a complaint case."""

    found_on = day("发现日期", required=True, origin="P")
    customer_id = link("customer", "客户", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    quantity = decimal("异常数量", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("异常内容", required=True)
    # NOTE must be 0; more than 0 forces the upgrade
    direct_loss = money("损失金额", default=0)
    handler_id = person("前往处理人")
    field_service_record_id = link("field_service_record", "现场服务记录", origin="X")
    improvement_demand = longtext("要求改善事项", required=True)
    responsible_unit = unit("责任单位")
    interim_action = longtext("暂定措施", origin="P")
    cause = longtext("原因", origin="P")
    improvement_result = longtext("改善结果", origin="P")
    # SET_BY finish
    improved_at = moment("改善完成时间", origin="X")
    verification_text = longtext("确认意见", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    # NOTE the case it was converted from or upgraded to
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    # SET_BY verify
    closed_at = moment("关闭时间", origin="X")

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
                # WHEN direct_loss is 0
                Move("send", "发出", source=("draft",), to="sent",
                    by=("sales", "sales_lead", "technician", "unit", "unit_lead", "customer_service"),
                    requires=("customer", "fault_description", "improvement_demand", "responsible_unit")),
                Move("accept", "接收", source=("sent",), to="improving", by=("unit", "unit_lead")),
                Move("finish", "改善完成", source=("improving",), to="improved", by=("unit", "unit_lead"),
                    requires=("cause", "improvement_result"), stamps=("improved_at",)),
                # WHEN direct_loss is 0
                Move("verify", "确认关闭", "Verify and close", source=("improved",), to="closed",
                    by=("quality_engineer",), requires=("verification_text",), stamps=("closed_at",)),
                Move("verify_fail", "确认不合格", "Verification failed", source=("improved",),
                    to="improving", by=("quality_engineer",), comment=True),
                # WHEN direct_loss is greater than 0
                # THEN opens a new complaint_case prefilled with has_loss true
                Move("upgrade", "升级为客诉", "Upgrade to complaint",
                    source=("draft", "sent", "improving", "improved"), to="upgraded",
                    by=("sales", "sales_lead", "quality_engineer"), requires=("direct_loss",)),
            ),
        ),
        access={
            "customer_service": "CEV", "technician": "CEV", "quality_engineer": "AVX",
            "quality_manager": "VX", "sales": "CEV", "sales_lead": "CEV", "unit": "CEKV",
            "unit_lead": "CEKV", "management_representative": "V", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "BR-24 the sheet is only for cases without loss",
            "direct_loss greater than 0 blocks every move but upgrade",
            "the verifier is not a member of responsible_unit",
        ),
    )
