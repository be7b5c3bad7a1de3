"""子(分)公司售后服务检查考核."""

from decimal import Decimal

from models.base import (
    Line, Record, day, decimal, integer, lines, link, longtext, moment, period, person, rounded, text, unit,
    yes_no,
)
from models.conditions import actor_is_not, filled, if_so, is_true
from models.spec import (
    Condition, Deadline, Default, Move, Period, RecordType, Series, Text, Workflow, states,
)


def ask_for_action(assessment, act) -> None:
    """What has to be put right becomes a corrective action of the unit."""
    if assessment.needs_rectification and assessment.corrective_action_id is None:
        findings = "；".join(row.finding or row.item for row in assessment.items if row.is_applicable and row.deduction)
        action = act.new(
            "corrective_action", source_type=assessment.spec.name, source_number=assessment.number,
            problem=findings or assessment.conclusion, responsible_unit=assessment.responsible_unit)
        assessment.corrective_action_id = action.id


NEEDS = is_true("needs_rectification")
VIOLATIONS_WEIGHED = Condition(
    lambda assessment, act: not missing_violations(assessment, act),
    Text("该单位当月已核实的违规记录须列为检查项目", "The unit's verified violations of the month have to be items"))


def violations(assessment, act):
    """The verified violations of the unit in the month."""
    month = Period.parse(assessment.period)
    return [row for row in act.find("conduct_violation", responsible_unit=assessment.responsible_unit)
            if row.is_verified and month == Period.of(act.local(row.occurred_at).date())]


def missing_violations(assessment, act):
    named = {row.conduct_violation_id for row in assessment.items}
    return [row for row in violations(assessment, act) if row.id not in named]


class Item(Line, of="subsidiary_service_assessment"):
    """Something that was inspected, its points and what was taken off."""

    line_no = integer("序号", required=True, origin="P", help=("不填时自动编号", "Numbered if left empty"))
    item = text("检查项目", required=True)
    weight = decimal("分值", required=True, origin="P")
    deduction = decimal("扣分", required=True, origin="P", default=0)
    is_applicable = yes_no("适用", required=True, origin="X", default=True)
    finding = longtext("检查情况", origin="P")
    conduct_violation_id = link("conduct_violation", "违规记录", origin="X")


class SubsidiaryServiceAssessment(Record):
    """Written by the quality department when it inspects and assesses the after-sale service of a
    producing subsidiary, item by item with points, and followed up until rectified."""

    responsible_unit = unit("被考核子(分)公司", required=True, group=("考核", "Assessment"))
    period = period("考核月份", required=True, origin="P")
    assessed_on = day("检查日期", origin="P")
    assessor_id = person("检查人", required=True, default=Default.CURRENT_USER)
    scope_text = longtext("检查范围", origin="P")
    full_score = decimal("满分", origin="P", derived="sum of items.weight over applicable items")
    score = decimal("得分", origin="P",
        derived=(
        "(full_score - sum of deductions of applicable items) / full_score * 100, "
        "ROUND_HALF_UP 2 decimals"))
    conclusion = longtext("考核结论", group=("结论与整改", "Conclusion and rectification"))
    needs_rectification = yes_no("需整改", origin="P", default=False)
    rectify_due_on = day("整改期限", origin="P")
    rectification_text = longtext("整改情况", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X", system=True)
    issued_at = moment("下发时间", origin="X")
    signed_by_id = person("单位签收人", origin="P")
    signed_at = moment("单位签收时间", origin="P")
    rectified_at = moment("整改验证时间", origin="X")
    items = lines(Item, "检查项目")

    def derive(self, act):
        for n, row in enumerate(self.items, 1):
            row.line_no = row.line_no or n
        counted = [row for row in self.items if row.is_applicable]
        self.full_score = sum((row.weight or 0 for row in counted), Decimal(0))
        taken_off = sum((row.deduction or 0 for row in counted), Decimal(0))
        self.score = rounded((self.full_score - taken_off) / self.full_score * 100) if self.full_score else None

    def check(self, act):
        for n, row in enumerate(self.items):
            if row.deduction > row.weight:
                yield f"items-{n}-deduction", Text("扣分不能超过分值", "No more is taken off than the item has points")

    spec = RecordType(
        code="SSA", zh="子(分)公司售后服务检查考核", en="Subsidiary service assessment", source="003 二(一)",
        series=Series("SSA-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "responsible_unit", "period", "assessed_on", "score", "needs_rectification",
              "rectify_due_on", "state"),
        search=("number", "responsible_unit", "conclusion"),
        filters=("state", "responsible_unit", "period", "needs_rectification"),
        workflow=Workflow(
            states(("planned", "已计划"), ("scored", "已评分"), ("issued", "已下发"), ("rectifying", "整改中"),
                ("closed", "已关闭"), ("cancelled", "已取消")),
            moves=(
                Move("score", "评分", source=("planned",), to="scored", by=("quality_engineer",),
                    requires=("responsible_unit", "assessed_on", "items", "conclusion"), when=(VIOLATIONS_WEIGHED,)),
                Move("send_back", "退回", source=("scored",), to="planned", by=("quality_manager",),
                    comment=True),
                Move("issue", "下发", source=("scored",), to="issued", by=("quality_manager",),
                    stamps=("issued_at",), then=ask_for_action,
                    when=(actor_is_not("assessor"), if_so(NEEDS, filled("rectify_due_on")))),
                Move("acknowledge", "签收", source=("issued",), to="rectifying", by=("unit", "unit_lead"),
                    stamps=("signed_by", "signed_at")),
                Move("verify", "验证关闭", "Verify and close", source=("rectifying",), to="closed",
                    by=("quality_engineer", "quality_manager"), stamps=("rectified_at",),
                    when=(if_so(NEEDS, filled("rectification_text")),)),
                Move("cancel", "取消", source=("planned", "scored"), to="cancelled",
                    by=("quality_manager",), comment=True),
            ),
        ),
        deadlines=(
            Deadline("rectify", "rectify_due_on", starts="signed_at", met_by="rectified_at",
                tell=("unit_lead", "quality_manager")),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AV", "unit": "Kv", "unit_lead": "Kv",
            "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "0 <= deduction <= weight on every item.",
            "An item that does not apply leaves both the points and the full score.",
            "BR-27 a verified conduct_violation of the unit in the period is offered as an item.",
            "With needs_rectification a corrective_action is created for the unit.",
            "A closed assessment is read-only.",
        ),
    )
