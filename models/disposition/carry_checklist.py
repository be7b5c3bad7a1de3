"""随身携带物品点检."""

from models.base import Record, link, moment, person, text, yes_no
from models.spec import Move, RecordType, Series, Workflow, states


class CarryChecklist(Record):
    """Each service person ticks before departure that the forms, certificate, tools and guide are
    carried along."""

    travel_assignment_id = link("travel_assignment", "派差/出差单", required=True)
    technician_id = person("售后服务人员", required=True)
    has_transfer_sheet = yes_no("产品质量信息传递处置单", default=False)
    has_feedback_form = yes_no("空白产品质量信息处置结果反馈单", default=False)
    has_qualification_card = yes_no("岗位资格证", default=False)
    # NOTE the valid qualification of technician
    staff_qualification_id = link("staff_qualification", "人员资格档案", origin="X")
    has_inspection_tools = yes_no("简易产品质量检测工具", default=False)
    tools_note = text("检测工具清单", origin="P")
    has_user_guide = yes_no("《产品使用指南》", default=False)
    # SET_BY complete
    checked_at = moment("点检时间", origin="X")
    remark = text("备注", origin="P")

    spec = RecordType(
        code="CKL", zh="随身携带物品点检", en="Carry checklist", source="003 五(十), 三(三)2",
        series=Series("CKL-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician"},
        list=("number", "travel_assignment", "technician", "checked_at", "state"),
        search=("number", "tools_note"),
        filters=("state", "technician", "travel_assignment"),
        links_in=("travel_assignment",),
        retention_years=3,
        workflow=Workflow(
            states(("open", "待点检"), ("complete", "已点检")),
            moves=(
                # WHEN has_transfer_sheet, has_feedback_form, has_qualification_card, has_inspection_tools and has_user_guide are all true
                Move("complete", "点检完成", source=("open",), to="complete", by=("technician",),
                    requires=("staff_qualification",), stamps=("checked_at",)),
            ),
        ),
        access={"technician": "CEV", "quality_engineer": "V", "unit": "V", "unit_lead": "V"},
        rules=(
            "all five items are ticked before the checklist is complete",
            "staff_qualification belongs to technician and is valid on checked_at",
            "one checklist per travel_assignment and technician",
            "checked_at is before departed_at of the travel_assignment",
        ),
    )
