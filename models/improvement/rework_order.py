"""返工单."""

from models.base import Record, choice, day, decimal, link, longtext, moment, person, text, unit
from models.choices import FAULT_CATEGORIES
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class ReworkOrder(Record):
    """Quality assurance orders the rework of returned goods, which production reworks and quality
    reinspects before release or scrapping."""

    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X")
    equipment_takeback_id = link("equipment_takeback", "带回设备清单/返修单", origin="X")
    customer_id = link("customer", "顾客")
    product_batch_id = link("product_batch", "退货产品/批次", required=True)
    quantity = decimal("返工数量", required=True, origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    fault_description = longtext("不良内容", required=True, origin="P")
    responsible_unit = unit("返工单位", required=True, origin="P")
    rework_plan = longtext("返工方案", required=True, origin="P")
    due_on = day("完成期限", origin="P")
    # SET_BY finish
    completed_at = moment("返工完成时间", origin="X")
    labour_hours = decimal("工时", origin="P", measure="h")
    reinspection_result = longtext("复检结果", origin="P")
    passed_quantity = decimal("复检合格数", origin="P")
    scrapped_quantity = decimal("报废数", origin="P", default=0)
    # SET_BY release, scrap
    reinspected_by_id = person("复检人", origin="P")
    # SET_BY release, scrap
    reinspected_at = moment("复检时间", origin="X")
    stocked_in_on = day("入库日期", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施")
    remark = text("备注", origin="P")

    spec = RecordType(
        code="RWK", zh="返工单", en="Rework order", source="001 §5.3.4, WI-QC-006; 002 客户投诉管理办法 (二)",
        series=Series("RWK-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "product_batch", "quantity", "responsible_unit", "due_on",
              "completed_at", "passed_quantity", "state"),
        search=("number", "fault_description", "rework_plan"),
        filters=("state", "customer", "product_batch", "responsible_unit", "fault_category", "due_on"),
        links_in=("complaint_case", "return_exchange_claim", "equipment_takeback"),
        workflow=Workflow(
            states(("draft", "草稿"), ("issued", "已下达"), ("reworking", "返工中"), ("reworked", "待复检"),
                ("released", "已放行"), ("scrapped", "已报废")),
            moves=(
                Move("issue", "下达", source=("draft",), to="issued", by=("quality_engineer",),
                    requires=("product_batch", "quantity", "rework_plan", "responsible_unit")),
                Move("start", "开始返工", source=("issued",), to="reworking", by=("unit", "unit_lead")),
                Move("finish", "返工完成", source=("reworking",), to="reworked", by=("unit", "unit_lead"),
                    requires=("labour_hours",), stamps=("completed_at",)),
                # WHEN corrective_action is set for goods of a complaint_case or return_exchange_claim; passed_quantity is greater than 0 and passed_quantity + scrapped_quantity = quantity
                Move("release", "复检合格放行", source=("reworked",), to="released", by=("quality_engineer",),
                    requires=("reinspection_result", "passed_quantity", "scrapped_quantity"),
                    stamps=("reinspected_by", "reinspected_at")),
                Move("reject", "复检不合格再返工", "Rework again", source=("reworked",), to="reworking",
                    by=("quality_engineer",), comment=True),
                # WHEN scrapped_quantity = quantity; corrective_action is set for goods of a complaint_case or return_exchange_claim
                Move("scrap", "报废", source=("reworked",), to="scrapped", by=("quality_manager",),
                    requires=("reinspection_result", "scrapped_quantity"),
                    stamps=("reinspected_by", "reinspected_at")),
            ),
        ),
        deadlines=(
            Deadline("rework", "due_on", met_by="completed_at", tell=("unit_lead",)),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AV", "unit": "EV", "unit_lead": "EV",
            "warehouse": "V",
        },
        rules=(
            "returned goods are released only after a passed reinspection",
            "passed_quantity + scrapped_quantity = quantity",
            "the reinspector is not a member of responsible_unit",
            "a rework of goods returned under a complaint_case or return_exchange_claim also has a "
            "corrective_action (001 §5.3.4)",
            "stocked_in_on is not before reinspected_at",
        ),
    )
