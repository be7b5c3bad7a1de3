"""客诉立会记录."""

from models.base import Line, Record, decimal, lines, link, longtext, moment, person, signature, text, unit
from models.spec import Default, Move, RecordType, Series, Workflow, states


class Participant(Line, of="complaint_joint_review"):
    """参加单位."""

    unit = unit("参加单位", required=True)
    person_id = person("参加人", required=True, origin="P")
    opinion = text("意见", origin="P")
    signed_at = moment("签字时间", origin="P")


class ComplaintJointReview(Record):
    """The general manager's business office arranges a joint inspection of a complaint with the
    customer, sales, quality and manufacturing and records its result."""

    complaint_case_id = link("complaint_case", "客户投诉处理表", required=True)
    contacted_at = moment("立会联系时间")
    handler_id = person("联系人", required=True, default=Default.CURRENT_USER)
    scheduled_at = moment("立会时间", required=True, origin="P")
    place = text("立会地点", required=True, origin="P")
    customer_representative = text("客户代表", origin="P", private=True)
    # SET_BY hold
    held_at = moment("实际立会时间", origin="X")
    defect_quantity = decimal("共同确认不良数", origin="P")
    inspection_result = longtext("共同检验结果", origin="P")
    conclusion = longtext("立会结论", origin="P")
    signed_by = signature("客户代表签字", origin="P")
    # SET_BY sign
    signed_at = moment("签字时间", origin="P")
    participants = lines(Participant, "参加单位")

    spec = RecordType(
        code="JRV", zh="客诉立会记录", en="Complaint joint review record", source="002 客户投诉管理办法 (七)3(3)",
        series=Series("JRV-{yyyy}{mm}-{n:04}"),
        list=("number", "complaint_case", "scheduled_at", "place", "customer_representative", "held_at",
              "state"),
        search=("number", "inspection_result", "conclusion"),
        filters=("state", "scheduled_at", "complaint_case"),
        links_in=("complaint_case",),
        workflow=Workflow(
            states(("scheduled", "已安排"), ("held", "已召开"), ("signed", "已签字"), ("cancelled", "已取消")),
            moves=(
                Move("hold", "立会完成", source=("scheduled",), to="held",
                    by=("customer_service", "quality_engineer"),
                    requires=("participants", "inspection_result", "conclusion"), stamps=("held_at",)),
                # WHEN every participants row has signed_at
                Move("sign", "签字归档", source=("held",), to="signed", by=("customer_service",),
                    requires=("signed_by",), stamps=("signed_at",)),
                Move("cancel", "取消", source=("scheduled",), to="cancelled", by=("customer_service",),
                    comment=True),
            ),
        ),
        access={
            "customer_service": "CEV", "quality_engineer": "EV", "quality_manager": "V", "sales": "K",
            "sales_lead": "K", "unit": "K", "unit_lead": "K",
        },
        rules=(
            "participants include sales, quality and the responsible unit",
            "a signed record cannot be changed",
        ),
    )
