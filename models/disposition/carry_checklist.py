"""随身携带物品点检."""

from models.base import Record, link, moment, person, text, yes_no
from models.conditions import is_true, linked, saying
from models.master.staff_qualification import qualified
from models.spec import DRAFTER, SYSTEM, VOID, Condition, Move, RecordType, Series, Text, Workflow, states

CARRIED = ("has_transfer_sheet", "has_feedback_form", "has_qualification_card", "has_inspection_tools",
           "has_user_guide")


def is_qualified(checklist, act) -> bool:
    """Both end days included."""
    own = act.get("staff_qualification", checklist.staff_qualification_id)
    return own.person_id == checklist.technician_id and own.state == "valid" and (
        own.valid_from_on <= act.today <= own.valid_until_on)


QUALIFIED = Condition(is_qualified, Text(
    "须选择该售后服务人员本人当日有效的资格", "Name the service person's own qualification; it must be valid today"))
BEFORE_DEPARTURE = saying(
    linked("travel_assignment", "draft", "approving", "approved"),
    "点检须在出发前完成", "The checklist is completed before departure")


class CarryChecklist(Record):
    """Each service person ticks before departure that the forms, certificate, tools and guide are carried
    along."""

    travel_assignment_id = link("travel_assignment", "派差/出差单", required=True, group=("出差", "The journey"))
    technician_id = person("售后服务人员", required=True)
    has_transfer_sheet = yes_no("产品质量信息传递处置单", default=False, group=("随身携带", "Carried along"))
    has_feedback_form = yes_no("空白产品质量信息处置结果反馈单", default=False)
    has_qualification_card = yes_no("岗位资格证", default=False)
    staff_qualification_id = link("staff_qualification", "人员资格档案", origin="X", help=(
        "不填时自动带出本人当日有效的岗位资格证", "Filled with the person's valid post certificate if left empty"))
    has_inspection_tools = yes_no("简易产品质量检测工具", default=False)
    tools_note = text("检测工具清单", origin="P")
    has_user_guide = yes_no("《产品使用指南》", default=False)
    checked_at = moment("点检时间", origin="X")
    remark = text("备注", origin="P")

    def derive(self, act):
        if self.state == "open" and self.staff_qualification_id is None and not act.is_history:
            own = qualified(act, self.technician_id, "post_certificate")
            self.staff_qualification_id = own and own.id

    def start_from(self, source, act):
        self.technician_id = act.actor.id

    spec = RecordType(
        code="CKL", zh="随身携带物品点检", en="Carry checklist", source="003 五(十), 三(三)2",
        series=Series("CKL-{yyyy}{mm}-{n:04}"), scope={"technician": "technician"},
        list=("number", "travel_assignment", "technician", "checked_at", "state"),
        search=("number", "tools_note"), filters=("state", "technician", "travel_assignment"),
        unique=(("technician", "travel_assignment"),), links_in=("travel_assignment",), retention_years=3,
        workflow=Workflow(
            states(("open", "待点检"), ("complete", "已点检"), (VOID, "作废")),
            moves=(
                Move("complete", "点检完成", source=("open",), to="complete", by=("technician",),
                     requires=("staff_qualification",), stamps=("checked_at",),
                     when=(*(is_true(name) for name in CARRIED), QUALIFIED, BEFORE_DEPARTURE)),
                Move(VOID, "作废", source=("open",), to=VOID, by=(DRAFTER, SYSTEM), comment=True),
            )),
        access={"technician": "CEV", "quality_engineer": "V", "unit": "V", "unit_lead": "V"},
        rules=(
            "all five items are ticked before the checklist is complete",
            "staff_qualification belongs to technician and is valid on checked_at",
            "one checklist per travel_assignment and technician",
            "checked_at is before departed_at of the travel_assignment",
        ),
    )
