"""客诉立会记录."""

from models.base import Line, Record, decimal, lines, link, longtext, moment, person, signature, text, unit
from models.conditions import all_signed
from models.people import User
from models.spec import Condition, Default, Move, RecordType, Series, Text, Workflow, states

SALES, QUALITY = {"sales", "sales_lead"}, {"quality_engineer", "quality_manager"}


def is_complete(review, act) -> bool:
    """Sales, quality and the responsible unit of the case take part."""
    people = [act.session.get(User, row.person_id) for row in review.participants]
    responsible = act.get("complaint_case", review.complaint_case_id).responsible_unit
    return (any(person.roles & SALES for person in people) and any(person.roles & QUALITY for person in people)
            and (responsible is None or any(row.unit == responsible for row in review.participants)))


COMPLETE = Condition(is_complete, Text(
    "参加人须包括业务、质量和责任归属单位的人员",
    "Sales, quality and the responsible unit of the case must take part"))


class Participant(Line, of="complaint_joint_review"):
    """A department that takes part, its person, opinion and signature."""

    unit = unit("参加单位", "Department", required=True)
    person_id = person("参加人", required=True, origin="P")
    opinion = text("意见", origin="P")
    signed_at = moment("签字时间", origin="P")


class ComplaintJointReview(Record):
    """The general manager's business office arranges a joint inspection of a complaint with the
    customer, sales, quality and manufacturing and records its result."""

    complaint_case_id = link("complaint_case", "客户投诉处理表", required=True,
                             group=("立会安排", "The appointment"))
    contacted_at = moment("立会联系时间")
    handler_id = person("联系人", "Arranged by", required=True, default=Default.CURRENT_USER)
    scheduled_at = moment("立会时间", required=True, origin="P")
    place = text("立会地点", required=True, origin="P")
    customer_representative = text("客户代表", origin="P", private=True)
    held_at = moment("实际立会时间", origin="X", group=("结果", "The result"))
    defect_quantity = decimal("共同确认不良数", "Defects confirmed together", origin="P")
    inspection_result = longtext("共同检验结果", origin="P")
    conclusion = longtext("立会结论", origin="P")
    signed_by = signature("客户代表签字", "Signed by the customer", origin="P")
    signed_at = moment("签字时间", origin="P")
    participants = lines(Participant, "参加单位")

    spec = RecordType(
        code="JRV", zh="客诉立会记录", en="Complaint joint review record", source="002 客户投诉管理办法 (七)3(3)",
        series=Series("JRV-{yyyy}{mm}-{n:04}"),
        list=("number", "complaint_case", "scheduled_at", "place", "customer_representative", "held_at",
              "state"),
        search=("number", "inspection_result", "conclusion"),
        filters=("state", "scheduled_at", "complaint_case"), links_in=("complaint_case",),
        workflow=Workflow(
            states(("scheduled", "已安排"), ("held", "已召开"), ("signed", "已签字"), ("cancelled", "已取消")),
            moves=(
                Move("hold", "立会完成", source=("scheduled",), to="held",
                     by=("customer_service", "quality_engineer"), when=(COMPLETE,), stamps=("held_at",),
                     requires=("participants", "inspection_result", "conclusion")),
                Move("sign", "签字归档", source=("held",), to="signed", by=("customer_service",),
                     requires=("signed_by",), stamps=("signed_at",), when=(all_signed("participants"),)),
                Move("cancel", "取消", source=("scheduled",), to="cancelled", by=("customer_service",),
                     comment=True),
            )),
        access={
            "customer_service": "CEV", "quality_engineer": "EV", "quality_manager": "V", "sales": "K",
            "sales_lead": "K", "unit": "K", "unit_lead": "K",
        },
        rules=(
            "participants include sales, quality and the responsible unit",
            "a signed record cannot be changed",
        ),
    )
