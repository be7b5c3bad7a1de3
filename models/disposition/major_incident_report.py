"""较大以上质量事故报告."""

from decimal import Decimal

from models.base import (
    Default, Line, Record, choice, decimal, lines, link, longtext, moment, money, person, text, unit,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import is_changed
from models.spec import Condition, Deadline, Move, RecordType, Series, Text, Workflow, states

CALLED_OFF = ("withdrawn", "void")
# What a report that opens by itself takes from the record in which the loss was found, else from the sheet behind it.
KNOWN = ("complaint_case_id", "customer_id", "product_batch_id", "responsible_unit", "technician_id",
         "fault_category", "customer_demand")


def sheet_of(record, act):
    """The quality information that a record is about; it is about itself."""
    if record.spec.name == "quality_info_transfer":
        return record
    return act.get("quality_info_transfer", record.quality_info_transfer_id)


def limit_of(record, act) -> Decimal:
    """From which loss on it is a major incident: the limit of the day on which the information came in."""
    sheet = sheet_of(record, act)
    return act.parameter("major_incident_loss", at=sheet.received_at if sheet else None)


def report_major_loss(record, act):
    """The report of a major loss: opens by itself and learns what has become known since. None if it is not major."""
    loss = max(record.direct_loss or 0, getattr(record, "amount", None) or 0)
    if loss < limit_of(record, act):
        return None
    sheet = sheet_of(record, act)
    known = _known(record, sheet, act)
    report = next((report for report in reports_on(sheet, known, act) if report.state not in CALLED_OFF), None)
    if report is None:
        return act.new("major_incident_report", quality_info_transfer_id=sheet and sheet.id, direct_loss=loss,
                       loss_known_at=act.now, **known)
    missing = {name: value for name, value in known.items() if value and getattr(report, name) is None}
    if missing and report.state == "draft":
        for name, value in missing.items():
            setattr(report, name, value)
        act.touch(report)
    return report


def reports_on(sheet, known, act) -> list:
    if sheet is not None:
        return act.find("major_incident_report", quality_info_transfer_id=sheet.id)
    return act.find("major_incident_report", complaint_case_id=known["complaint_case_id"])


def _known(record, sheet, act) -> dict:
    """Until a unit is named, the one that made the batch is responsible."""
    known = {name: getattr(record, name, None) or getattr(sheet, name, None) for name in KNOWN}
    batch = act.get("product_batch", known["product_batch_id"])
    known["responsible_unit"] = known["responsible_unit"] or (batch and batch.production_unit)
    return known


def pass_on_loss(record, act) -> None:
    """The loss found on site stands in the sheet, where 0 says nothing about it; a major one is reported."""
    sheet = sheet_of(record, act)
    if record.direct_loss and not sheet.spec.workflow.is_terminal(sheet.state):
        sheet.direct_loss = record.direct_loss
        act.touch(sheet)
    report_major_loss(record, act)


IS_MAJOR = Condition(lambda report, act: report.direct_loss >= limit_of(report, act), Text(
    "直接质量损失未达到较大以上质量事故的金额，无须报告", "The direct loss is below that of a major incident: there is nothing to report"))
IS_NOT_MAJOR = Condition(lambda report, act: report.direct_loss < limit_of(report, act), Text(
    "直接质量损失已达到较大以上质量事故的金额，不能撤销或作废；金额有误的请先更正",
    "The direct loss is that of a major incident: correct it first if it is wrong"))


class Loss(Line, of="major_incident_report"):
    """One part of the loss."""

    item = text("损失项目", required=True, origin="P")
    quantity = decimal("数量", origin="P")
    amount = money("金额", required=True, origin="P")
    remark = text("说明", origin="P")


class MajorIncidentReport(Record):
    """The service person reports a direct quality loss of 20000 yuan or more at once, with a preliminary
    opinion and the user's demand, to the subsidiary leader and the quality department for a decision."""

    keeps_first = frozenset({"unit_acknowledged_at", "quality_acknowledged_at"})

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", group=("事故", "The incident"))
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X", help=(
        "传递处置单和投诉处理表至少填一项", "One of quality information and complaint case is needed"))
    customer_id = link("customer", "用户", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    responsible_unit = unit("责任子(分)公司")
    technician_id = person("报告人")
    occurred_at = moment("事故时间", origin="P")
    place = text("事故地点", origin="P")
    loss_known_at = moment("获知损失时间", required=True, origin="X", default=Default.NOW, help=(
        "报告期限自此时起算", "The limit for reporting counts from here"))
    direct_loss = money("直接质量损失", required=True, help=(
        "填写损失明细的，须等于明细合计", "Equal to the sum of the losses where they are listed"))
    casualties = text("伤亡情况", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    incident_text = longtext("事故经过", origin="P", group=("经过与初步意见", "What happened and first opinion"))
    cause = longtext("原因初判", origin="P")
    emergency_measure = longtext("已采取措施", origin="P")
    preliminary_opinion = longtext("初步处理意见")
    customer_demand = longtext("用户诉求")
    reported_at = moment("报告时间", origin="X", group=("报告与签收", "Report and receipt"))
    unit_acknowledged_at = moment("子(分)公司领导签收时间", "Acknowledged by the unit's leader at")
    quality_acknowledged_at = moment("质量部签收时间", "Acknowledged by quality at")
    decision = longtext("领导决策", group=("决策与落实", "Decision and follow-up"))
    decided_by_id = person("决策人", origin="X")
    decided_at = moment("决策时间", origin="X")
    follow_up = longtext("落实情况", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    closed_at = moment("关闭时间", origin="X")
    losses = lines(Loss, "损失明细")

    def check(self, act):
        if self.quality_info_transfer_id is None and self.complaint_case_id is None:
            yield "quality_info_transfer", Text("请关联产品质量信息传递处置单或客户投诉处理表",
                                                "Link the quality information or the complaint case")
        if self.quality_info_transfer_id is not None and is_changed(self, "quality_info_transfer"):
            yield from self._other_open_report(act)
        total = sum((row.amount for row in self.losses), Decimal(0))
        is_counted = is_changed(self, "losses") or is_changed(self, "direct_loss")
        if self.losses and is_counted and total != self.direct_loss:
            yield "direct_loss", Text(f"损失明细合计为 {total:.2f} 元，与直接质量损失不一致",
                                      f"The losses add up to {total:.2f} yuan, not to the direct loss")

    def _other_open_report(self, act):
        for other in act.find("major_incident_report", quality_info_transfer_id=self.quality_info_transfer_id):
            if other is not self and not self.spec.workflow.is_terminal(other.state):
                yield "quality_info_transfer", Text(f"该质量信息已有未关闭的事故报告 {other.number}",
                                                    f"{other.number} about this quality information is still open")

    def start_from(self, source, act):
        self.direct_loss = max(source.direct_loss or 0, getattr(source, "amount", None) or 0)
        for column, value in _known(source, sheet_of(source, act), act).items():
            if getattr(self, column) is None:
                setattr(self, column, value)

    spec = RecordType(
        code="MIR", zh="较大以上质量事故报告", en="Major quality incident report", source="003 三(三)8",
        series=Series("MIR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "responsible_unit", "direct_loss", "loss_known_at", "reported_at",
              "decided_at", "state"),
        search=("number", "incident_text", "decision"),
        filters=("state", "customer", "responsible_unit", "fault_category", "reported_at", "direct_loss"),
        links_in=("quality_info_transfer", "compensation_request"), retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("reported", "已报告"), ("decided", "已决策"), ("closed", "已关闭"),
                   ("withdrawn", "已撤销")),
            moves=(
                Move("report", "报告", source=("draft",), to="reported", by=("technician", "unit"),
                     requires=("responsible_unit", "technician", "direct_loss", "loss_known_at",
                               "incident_text", "preliminary_opinion", "customer_demand"),
                     stamps=("reported_at",), when=(IS_MAJOR,),
                     tells=("unit_lead", "quality_manager", "deputy_gm")),
                Move("acknowledge_unit", "子(分)公司领导签收", "Acknowledge (unit)", source=("reported",),
                     to="reported", by=("unit_lead",), stamps=("unit_acknowledged_at",)),
                Move("acknowledge_quality", "质量部签收", "Acknowledge (quality)", source=("reported",),
                     to="reported", by=("quality_manager",), stamps=("quality_acknowledged_at",)),
                Move("decide", "决策", source=("reported",), to="decided", by=("deputy_gm", "general_manager"),
                     requires=("decision", "unit_acknowledged_at", "quality_acknowledged_at"),
                     stamps=("decided_by", "decided_at")),
                Move("close", "关闭", source=("decided",), to="closed", by=("quality_manager",),
                     requires=("follow_up", "corrective_action"), stamps=("closed_at",)),
                Move("withdraw", "撤销", source=("draft",), to="withdrawn", by=("quality_manager",),
                     comment=True, when=(IS_NOT_MAJOR,)),
            ),
            void_when=(IS_NOT_MAJOR,)),
        deadlines=(
            Deadline("report", "major_incident_report_hours", starts="loss_known_at", met_by="reported_at",
                     tell=("owner", "unit_lead", "quality_manager"), id="SLA-17", holder="technician"),
        ),
        access={
            "technician": "CEV", "quality_engineer": "V", "quality_manager": "KAVX", "unit": "EV",
            "unit_lead": "KEV", "management_representative": "V", "deputy_gm": "AVX",
            "general_manager": "AVX",
        },
        rules=(
            "BR-15 the report opens by itself when direct_loss of a quality_info_transfer, "
            "product_inspection_record or quality_disposition_feedback, or the amount of a "
            "compensation_request, reaches 20000.00 (inclusive; 19999.99 does not)",
            "the report cannot be sent without preliminary_opinion and customer_demand",
            "one open report per quality_info_transfer",
            "when losses has rows their amounts add up to direct_loss",
            "quality_info_transfer or complaint_case is set",
        ),
    )
