"""逾期反应单."""

from models.base import Record, choice, decimal, longtext, moment, person, text, unit
from models.spec import SYSTEM, Deadline, Default, Move, RecordType, Series, Workflow, states


class OverdueNotice(Record):
    """The system (for the general manager's business office) issues it for every step that passed its
    deadline, and the responsible unit answers with a reason and a new date."""

    # NOTE record type name, e.g. complaint_case
    subject_type = text("逾期单据类别", required=True)
    subject_number = text("逾期案件号", required=True)
    # NOTE e.g. SLA-26
    deadline_id = text("期限编号", required=True, origin="X")
    deadline_name = text("逾期步骤", required=True, origin="X")
    # NOTE e.g. 24 h, 5 working days
    limit_text = text("处理时效", required=True)
    due_at = moment("原期限", required=True, origin="X")
    # NOTE set when the job makes the notice
    issued_at = moment("发出时间", required=True, origin="X", default=Default.NOW)
    overdue_days = decimal("逾期天数", origin="P", derived="(cleared_at or now - due_at) / 24 h")
    level = choice("逾期级别", ("level_1", "一级"), ("level_2", "二级"), ("level_3", "三级"), required=True,
        origin="X", default='level_1')
    escalated_to_id = person("升级通知人", origin="X")
    # SET_BY escalate
    escalated_at = moment("升级时间", origin="X")
    responsible_unit = unit("责任部门", origin="P")
    handler_id = person("责任人", origin="P")
    reason = longtext("逾期原因说明", origin="P")
    new_due_at = moment("新期限", origin="P")
    # SET_BY answer
    answered_at = moment("签复时间", origin="P")
    # SET_BY clear
    cleared_at = moment("消除时间", origin="X")

    spec = RecordType(
        code="ODN", zh="逾期反应单", en="Overdue notice", source="002 客户投诉管理办法 (二), (七)3(1)",
        series=Series("ODN-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "subject_type", "subject_number", "deadline_name", "due_at", "overdue_days",
              "level", "responsible_unit", "state"),
        search=("number", "subject_number", "reason"),
        filters=("state", "level", "subject_type", "deadline_id", "responsible_unit", "due_at"),
        retention_years=3,
        workflow=Workflow(
            states(("issued", "已发出"), ("answered", "已签复"), ("cleared", "已消除")),
            moves=(
                # NOTE raises level and sets escalated_to
                Move("escalate", "升级", source=("issued",), to="issued", by=(SYSTEM,),
                    stamps=("escalated_at",)),
                # WHEN new_due_at is later than now
                Move("answer", "签复", source=("issued",), to="answered",
                    by=("unit", "unit_lead", "quality_engineer"), requires=("reason", "new_due_at"),
                    stamps=("answered_at",)),
                Move("send_back", "退回重签", source=("answered",), to="issued",
                    by=("customer_service", "quality_manager"), comment=True),
                # WHEN the overdue step is done
                Move("clear", "消除", source=("issued", "answered"), to="cleared",
                    by=("customer_service", SYSTEM), stamps=("cleared_at",)),
            ),
        ),
        deadlines=(
            Deadline("level_2", "overdue_level_2_hours", starts="due_at", met_by="cleared_at",
                tell=("unit_lead", "quality_manager"), id="SLA-27"),
            Deadline("level_3", "overdue_level_3_hours", starts="due_at", met_by="cleared_at",
                tell=("deputy_gm",), id="SLA-27"),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "EK", "quality_manager": "AV", "unit": "EK",
            "unit_lead": "EK", "management_representative": "V", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "the job makes exactly one notice per overdue step (subject_type, subject_number, "
            "deadline_id, due_at)",
            "SLA-27 level 1 at once, level 2 at due_at + 24 h, level 3 at due_at + 72 h",
            "new_due_at does not change the original due date in on-time statistics",
            "a notice can be cleared only when the step it names is done",
        ),
    )
