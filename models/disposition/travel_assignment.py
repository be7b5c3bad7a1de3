"""派差/出差单."""

from models.base import (
    Line, Record, choice, lines, link, longtext, moment, money, person, phone, province, text, unit,
    yes_no,
)
from models.spec import SIGNER, Move, RecordType, Series, Step, Workflow, states


class Member(Line, of="travel_assignment"):
    """出差人员."""

    technician_id = person("售后服务人员", required=True)
    is_lead = yes_no("临时负责人", default=False)
    phone = phone("联系电话", origin="P")


class TravelAssignment(Record):
    """The responsible subsidiary sends service staff to the user's site on the basis of a quality
    information transfer sheet, with one lead when two or more go."""

    quality_info_transfer_id = link("quality_info_transfer", "依据:产品质量信息传递处置单", required=True)
    responsible_unit = unit("派差子(分)公司", required=True)
    customer_id = link("customer", "用户", required=True)
    contact_person = text("用户联系人", required=True, private=True)
    phone = phone("联系电话", required=True, private=True)
    address = text("用户地址/路线", required=True, private=True)
    province = province("所在省份", required=True, origin="X")
    # NOTE the only traveller when one person goes
    lead_id = person("临时负责人", required=True)
    quality_staff_id = person("质量部参加人员")
    area_sales_id = person("片区业务员")
    area_sales_contacted_at = moment("联系片区业务员时间")
    contacted_at = moment("与用户联系时间")
    contact_text = longtext("联系了解的情况(数量、批号、问题、路线)")
    task = longtext("出差任务", required=True, origin="P")
    transport_mode = choice("交通工具", ("train", "火车"), ("plane", "飞机"), ("bus", "客车"),
        ("company_car", "公司派车"), ("other", "其他"), origin="P")
    planned_departure_at = moment("计划出发时间", required=True, origin="P")
    planned_return_at = moment("计划返回时间", origin="P")
    budget = money("费用预算", origin="P")
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    # SET_BY depart
    departed_at = moment("出发时间", origin="P")
    arrive_due_at = moment("到达现场期限",
        derived=(
        "arrive_due_at of quality_info_transfer: received_at + 24 h in province, + 48 h out "
        "of province"))
    # SET_BY arrive
    arrived_at = moment("到达现场时间", origin="X")
    # SET_BY come_back
    returned_at = moment("返回时间", origin="P")
    expense_amount = money("报销金额", origin="P")
    remark = text("备注", origin="P")
    members = lines(Member, "出差人员")

    spec = RecordType(
        code="TRV", zh="派差/出差单", en="Travel assignment", source="003 三(二), 三(三)1-2, 一(三)",
        series=Series("TRV-{yyyy}{mm}-{n:04}"),
        scope={"technician": "lead", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "quality_info_transfer", "customer", "responsible_unit", "lead", "arrive_due_at",
              "departed_at", "arrived_at", "state"),
        search=("number", "task", "address"),
        filters=("state", "responsible_unit", "customer", "lead", "province", "planned_departure_at"),
        links_in=("quality_info_transfer",),
        retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("approving", "审批中", "In approval"), ("approved", "已批准"),
                ("travelling", "途中"), ("on_site", "已到现场"), ("returned", "已返回"), ("closed", "已关闭"),
                ("cancelled", "已取消")),
            moves=(
                # WHEN exactly one members row has is_lead and it is lead
                Move("submit", "送批", source=("draft",), to="approving", by=("unit", "unit_lead"),
                    requires=("quality_info_transfer", "members", "lead", "task", "planned_departure_at"),
                    opens_round=True),
                # THEN creates one carry_checklist per member
                Move("approve", "批准", source=("approving",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("approving",), to="draft", by=(SIGNER,), comment=True),
                # WHEN the carry_checklist of every member is complete
                Move("depart", "出发", source=("approved",), to="travelling", by=("technician",),
                    requires=("contacted_at", "area_sales", "area_sales_contacted_at"),
                    stamps=("departed_at",)),
                # THEN moves quality_info_transfer to on_site with the same arrived_at
                Move("arrive", "到达现场", source=("travelling",), to="on_site", by=("technician",),
                    stamps=("arrived_at",)),
                Move("come_back", "返回", source=("on_site",), to="returned", by=("technician",),
                    stamps=("returned_at",)),
                # WHEN the quality_disposition_feedback of the sheet is submitted
                Move("close", "关闭", source=("returned",), to="closed", by=("unit", "unit_lead"),
                    requires=("expense_amount",)),
                Move("cancel", "取消", source=("draft", "approved"), to="cancelled",
                    by=("unit", "unit_lead"), comment=True),
            ),
            approval=(Step("unit_lead"),),
        ),
        access={
            "technician": "Ev", "quality_engineer": "CEV", "quality_manager": "V", "unit": "CEVX",
            "unit_lead": "CEAVX", "management_representative": "V", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "BR-06 two or more members need exactly one lead; a single member is the lead",
            "the quality_info_transfer is in state assigned or dispatched when the assignment is "
            "approved",
            "nobody departs before every member's carry_checklist is complete",
            "the user (contacted_at) and the area salesperson (area_sales_contacted_at) are contacted "
            "before departure",
            "every member sees the assignment, not only the lead",
            "the approver is not one of the members",
            "the arrival deadline SLA-03/04 is watched on the quality_info_transfer; arrive here stamps "
            "both",
        ),
    )
