"""较大以上质量事故报告."""

from models.base import (
    Line, Record, choice, decimal, lines, link, longtext, moment, money, person, text, unit,
)
from models.choices import FAULT_CATEGORIES
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class Loss(Line, of="major_incident_report"):
    """损失明细."""

    item = text("损失项目", required=True, origin="P")
    quantity = decimal("数量", origin="P")
    amount = money("金额", required=True, origin="P")
    remark = text("说明", origin="P")


class MajorIncidentReport(Record):
    """The service person reports a direct quality loss of 20000 yuan or more at once, with a
    preliminary opinion and the user's demand, to the subsidiary leader and the quality department for a
    decision."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    customer_id = link("customer", "用户", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="P")
    responsible_unit = unit("责任子(分)公司")
    technician_id = person("报告人")
    occurred_at = moment("事故时间", origin="P")
    place = text("事故地点", origin="P")
    loss_known_at = moment("获知损失时间", required=True, origin="X")
    direct_loss = money("直接质量损失", required=True)
    casualties = text("伤亡情况", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, origin="X")
    incident_text = longtext("事故经过", origin="P")
    cause = longtext("原因初判", origin="P")
    emergency_measure = longtext("已采取措施", origin="P")
    preliminary_opinion = longtext("初步处理意见")
    customer_demand = longtext("用户诉求")
    # SET_BY report
    reported_at = moment("报告时间", origin="X")
    # SET_BY acknowledge_unit
    unit_acknowledged_at = moment("子(分)公司领导签收时间")
    # SET_BY acknowledge_quality
    quality_acknowledged_at = moment("质量部签收时间")
    decision = longtext("领导决策")
    # SET_BY decide
    decided_by_id = person("决策人", origin="X")
    # SET_BY decide
    decided_at = moment("决策时间", origin="X")
    follow_up = longtext("落实情况", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X")
    # SET_BY close
    closed_at = moment("关闭时间", origin="X")
    losses = lines(Loss, "损失明细")

    spec = RecordType(
        code="MIR", zh="较大以上质量事故报告", en="Major quality incident report", source="003 三(三)8",
        series=Series("MIR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "responsible_unit", "direct_loss", "loss_known_at", "reported_at",
              "decided_at", "state"),
        search=("number", "incident_text", "decision"),
        filters=("state", "customer", "responsible_unit", "fault_category", "reported_at", "direct_loss"),
        links_in=("quality_info_transfer", "compensation_request"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("reported", "已报告"), ("decided", "已决策"), ("closed", "已关闭"),
                ("withdrawn", "已撤销")),
            moves=(
                # WHEN direct_loss >= 20000.00
                # THEN notifies unit_lead, quality_manager and deputy_gm
                Move("report", "报告", source=("draft",), to="reported", by=("technician", "unit"),
                    requires=("responsible_unit", "technician", "direct_loss", "loss_known_at", "incident_text", "preliminary_opinion", "customer_demand"),
                    stamps=("reported_at",)),
                Move("acknowledge_unit", "子(分)公司领导签收", "Acknowledge (unit)", source=("reported",),
                    to="reported", by=("unit_lead",), stamps=("unit_acknowledged_at",)),
                Move("acknowledge_quality", "质量部签收", "Acknowledge (quality)", source=("reported",),
                    to="reported", by=("quality_manager",), stamps=("quality_acknowledged_at",)),
                Move("decide", "决策", source=("reported",), to="decided",
                    by=("deputy_gm", "general_manager"),
                    requires=("decision", "unit_acknowledged_at", "quality_acknowledged_at"),
                    stamps=("decided_by", "decided_at")),
                Move("close", "关闭", source=("decided",), to="closed", by=("quality_manager",),
                    requires=("follow_up", "corrective_action"), stamps=("closed_at",)),
                # WHEN direct_loss was corrected below 20000.00
                Move("withdraw", "撤销", source=("draft",), to="withdrawn", by=("quality_manager",),
                    comment=True),
            ),
        ),
        deadlines=(
            Deadline("report", "major_incident_report_hours", starts="loss_known_at",
                met_by="reported_at", tell=("owner", "unit_lead", "quality_manager"), id="SLA-17"),
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
