"""返工单."""

from models.base import Record, choice, day, decimal, link, longtext, moment, person, text, unit
from models.choices import FAULT_CATEGORIES
from models.conditions import either, filled, if_so, saying
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states


def do_again(order, act) -> None:
    """What did not pass was not done: the limit runs on."""
    order.completed_at = None


REINSPECTED_BY_OUTSIDER = Condition(
    lambda order, act: order.responsible_unit not in act.actor.units,
    Text("复检人不能是返工单位的人员", "Who reinspects may not belong to the unit that reworked"))
ACTION_IS_TAKEN = saying(
    if_so(either(filled("complaint_case"), filled("return_exchange_claim")), filled("corrective_action")),
    "投诉或退换货的返工须关联“纠正和预防措施”",
    "Goods returned under a complaint or claim need a corrective action")
SOME_PASSED = Condition(
    lambda order, act: (order.passed_quantity or 0) > 0 and order.accounted_for() == order.quantity,
    Text("复检合格数须大于零，且合格数与报废数之和须等于返工数量",
         "Some must have passed, and passed and scrapped together are the quantity reworked"))
ALL_SCRAPPED = Condition(
    lambda order, act: order.scrapped_quantity == order.quantity,
    Text("全部报废时，报废数须等于返工数量", "To scrap the order, all of the quantity is scrapped"))


class ReworkOrder(Record):
    """Quality assurance orders the rework of returned goods, which production reworks and quality
    reinspects before release or scrapping."""

    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X", group=("退货与不良", "What came back"))
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X")
    equipment_takeback_id = link("equipment_takeback", "带回设备清单/返修单", origin="X")
    customer_id = link("customer", "顾客")
    product_batch_id = link("product_batch", "退货产品/批次", "Product / batch", required=True)
    quantity = decimal("返工数量", required=True, origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    fault_description = longtext("不良内容", required=True, origin="P")
    responsible_unit = unit("返工单位", required=True, origin="P", group=("返工", "Rework"))
    rework_plan = longtext("返工方案", required=True, origin="P")
    due_on = day("完成期限", origin="P")
    completed_at = moment("返工完成时间", origin="X")
    labour_hours = decimal("工时", origin="P", measure="h")
    reinspection_result = longtext("复检结果", origin="P", group=("复检与入库", "Reinspection and stock"))
    passed_quantity = decimal("复检合格数", origin="P", help=(
        "合格数与报废数之和等于返工数量", "Passed and scrapped together are the quantity reworked"))
    scrapped_quantity = decimal("报废数", origin="P", default=0)
    reinspected_by_id = person("复检人", origin="P")
    reinspected_at = moment("复检时间", origin="X")
    stocked_in_on = day("入库日期", origin="P", help=(
        "放行前填写，不早于复检日", "Given before the release, not before the day of reinspection"))
    corrective_action_id = link("corrective_action", "纠正和预防措施", help=(
        "投诉或退换货的返工必须关联", "Needed for goods of a complaint or claim"))
    remark = text("备注", origin="P")

    def accounted_for(self):
        return (self.passed_quantity or 0) + (self.scrapped_quantity or 0)

    def start_from(self, source, act):
        self.quantity = getattr(source, "quantity", None)
        self.fault_description = self.fault_description or getattr(source, "complaint_reason", None)

    def check(self, act):
        if self.quantity is not None and self.accounted_for() > self.quantity:
            yield "passed_quantity", Text(
                "合格数与报废数之和不能大于返工数量", "Passed and scrapped together are more than was reworked")
        if self.stocked_in_on and self.reinspected_at and (
                self.stocked_in_on < act.local(self.reinspected_at).date()):
            yield "stocked_in_on", Text("入库日期不能早于复检日", "Goods are not stocked before they are reinspected")

    spec = RecordType(
        code="RWK", zh="返工单", en="Rework order", source="001 §5.3.4, WI-QC-006; 002 客户投诉管理办法 (二)",
        series=Series("RWK-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "product_batch", "quantity", "responsible_unit", "due_on", "completed_at",
              "passed_quantity", "state"),
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
                Move("release", "复检合格放行", source=("reworked",), to="released", by=("quality_engineer",),
                     requires=("reinspection_result", "passed_quantity", "scrapped_quantity"),
                     stamps=("reinspected_by", "reinspected_at"),
                     when=(REINSPECTED_BY_OUTSIDER, SOME_PASSED, ACTION_IS_TAKEN)),
                Move("reject", "复检不合格再返工", "Rework again", source=("reworked",), to="reworking",
                     by=("quality_engineer",), comment=True, when=(REINSPECTED_BY_OUTSIDER,), then=do_again),
                Move("scrap", "报废", source=("reworked",), to="scrapped", by=("quality_manager",),
                     requires=("reinspection_result", "scrapped_quantity"),
                     stamps=("reinspected_by", "reinspected_at"),
                     when=(REINSPECTED_BY_OUTSIDER, ALL_SCRAPPED, ACTION_IS_TAKEN)),
            )),
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
