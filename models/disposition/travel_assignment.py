"""派差/出差单."""

from models.base import (
    Line, Record, choice, lines, link, longtext, moment, money, person, phone, province, text, unit, yes_no,
)
from models.conditions import is_changed, linked, saying
from models.spec import SIGNER, VOID, Condition, Move, RecordType, Series, Step, Text, Workflow, states

APPROVED = ("quality_info_transfer", "responsible_unit", "customer", "lead", "members", "task", "budget")


def checklists(trip, act) -> dict:
    """Technician -> the checklist for this journey."""
    found = act.find("carry_checklist", travel_assignment_id=trip.id)
    return {checklist.technician_id: checklist for checklist in found if checklist.state != VOID}


def ask_for_checklists(trip, act) -> None:
    """Everybody who goes ticks off what they carry."""
    present = checklists(trip, act)
    for member in trip.members:
        if member.technician_id not in present:
            act.new("carry_checklist", travel_assignment=trip.id, technician=member.technician_id)


def drop_checklists(trip, act) -> None:
    """Nobody packs for a journey that is called off."""
    for checklist in checklists(trip, act).values():
        if checklist.state == "open":
            act.make(checklist, VOID)


def arrive_with_sheet(trip, act) -> None:
    """The limit for arriving is watched on the sheet."""
    sheet = act.get("quality_info_transfer", trip.quality_info_transfer_id)
    if sheet.state == "dispatched":
        act.make(sheet, "arrive")


def everybody_is_ready(trip, act) -> bool:
    present = checklists(trip, act)
    return all(row.technician_id in present and present[row.technician_id].state == "complete"
               for row in trip.members)


def is_reported_back(trip, act) -> bool:
    """The feedback sheet of this journey, not of an earlier one, is handed in."""
    slips = act.find("quality_disposition_feedback", quality_info_transfer_id=trip.quality_info_transfer_id)
    return any(slip.state != VOID and slip.submitted_at is not None and slip.submitted_at >= trip.departed_at
               for slip in slips)


ONE_LEAD = Condition(
    lambda trip, act: [row.technician_id for row in trip.members if row.is_lead] == [trip.lead_id],
    Text("须且只能有一名出差人员勾选“临时负责人”，并与上方的临时负责人一致",
         "Exactly one of those who go is ticked as lead, and it is the lead named above"))
NOT_A_MEMBER = Condition(
    lambda trip, act: act.actor.id not in {trip.lead_id, *(row.technician_id for row in trip.members)},
    Text("出差人员不能批准自己的派差", "Nobody approves a journey on which they go"),
    bars=("lead", "members.technician"))
SHEET_ASSIGNED = saying(
    linked("quality_info_transfer", "assigned", "dispatched"),
    "所依据的传递处置单须已转子(分)公司或已派人", "The sheet it rests on must be assigned or dispatched")
SHEET_DISPATCHED = saying(
    linked("quality_info_transfer", "dispatched", "on_site"),
    "请先在传递处置单上制定方案并派差", "Plan and dispatch on the quality information sheet first")
BY_LEAD = Condition(
    lambda trip, act: act.actor.id in (None, trip.lead_id),
    Text("由临时负责人办理", "The lead of the journey does this"))
READY = Condition(everybody_is_ready, Text(
    "还有出差人员未完成随身携带物品点检", "Somebody who goes has not completed the carry checklist"))
CONTACTED_BEFORE = Condition(
    lambda trip, act: max(trip.contacted_at, trip.area_sales_contacted_at) <= act.now,
    Text("出发前须已与用户和片区业务员联系，联系时间不能晚于现在",
         "The user and the area salesperson are contacted before departure: these times cannot be in the future"))
REPORTED_BACK = Condition(is_reported_back, Text(
    "本次出差的处置结果反馈单尚未反馈", "The feedback sheet of this journey is not handed in yet"))


class Member(Line, of="travel_assignment"):
    """Somebody who goes."""

    technician_id = person("售后服务人员", required=True)
    is_lead = yes_no("临时负责人", default=False)
    phone = phone("联系电话", origin="P", private=True)


class TravelAssignment(Record):
    """The responsible subsidiary sends service staff to the user's site on the basis of a quality
    information transfer sheet, with one lead when two or more go."""

    quality_info_transfer_id = link("quality_info_transfer", "依据:产品质量信息传递处置单", required=True,
                                    group=("依据与用户", "Basis and user"))
    responsible_unit = unit("派差子(分)公司", required=True)
    customer_id = link("customer", "用户", required=True)
    contact_person = text("用户联系人", required=True, private=True)
    phone = phone("联系电话", required=True, private=True)
    address = text("用户地址/路线", required=True, private=True)
    province = province("所在省份", required=True, origin="X")
    lead_id = person("临时负责人", required=True, group=("人员与行前联系", "People and contacts before departure"), help=(
        "只去一人的，即为该人", "Who goes alone is the lead"))
    quality_staff_id = person("质量部参加人员")
    area_sales_id = person("片区业务员")
    area_sales_contacted_at = moment("联系片区业务员时间")
    contacted_at = moment("与用户联系时间")
    contact_text = longtext("联系了解的情况(数量、批号、问题、路线)", help=(
        "按传递处置单的联系方式与用户联系后填写", "What the user said when contacted as the sheet says"))
    task = longtext("出差任务", required=True, origin="P", group=("任务与行程", "Task and journey"))
    transport_mode = choice("交通工具", ("train", "火车"), ("plane", "飞机"), ("bus", "客车"),
                            ("company_car", "公司派车"), ("other", "其他"), origin="P")
    planned_departure_at = moment("计划出发时间", required=True, origin="P")
    planned_return_at = moment("计划返回时间", origin="P")
    budget = money("费用预算", origin="P")
    approved_at = moment("批准时间", origin="X")
    departed_at = moment("出发时间", origin="P")
    arrive_due_at = moment("到达现场期限", derived=(
        "arrive_due_at of quality_info_transfer: received_at + 24 h in province, + 48 h out of province"))
    arrived_at = moment("到达现场时间", origin="X")
    returned_at = moment("返回时间", origin="P", group=("返回与报销", "Return and expenses"))
    expense_amount = money("报销金额", origin="P")
    remark = text("备注", origin="P")
    members = lines(Member, "出差人员")

    def derive(self, act):
        sheet = act.get("quality_info_transfer", self.quality_info_transfer_id)
        self.arrive_due_at = sheet and sheet.arrive_due_at
        if len(self.members) == 1 and self.members[0].technician_id == self.lead_id:
            self.members[0].is_lead = True

    def check(self, act):
        seen = set()
        for index, row in enumerate(self.members):
            if row.technician_id in seen:
                yield f"members-{index}-technician", Text("同一人只列一行", "Each person has one row")
            seen.add(row.technician_id)
        if self.state != "draft" and act.move is None:
            yield from ((name, Text("已经批准，内容不能再改；需更改的请取消后另开",
                                    "It is approved: to change it, cancel it and write a new one"))
                        for name in APPROVED if is_changed(self, name))

    def start_from(self, source, act):
        self.lead_id, self.task = source.technician_id, source.preliminary_plan
        if self.lead_id is not None:
            self.members = [Member(position=0, technician_id=self.lead_id, is_lead=True)]

    spec = RecordType(
        code="TRV", zh="派差/出差单", en="Travel assignment", source="003 三(二), 三(三)1-2, 一(三)",
        series=Series("TRV-{yyyy}{mm}-{n:04}"),
        scope={"technician": "members.technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "quality_info_transfer", "customer", "responsible_unit", "lead", "arrive_due_at",
              "departed_at", "arrived_at", "state"),
        search=("number", "task", "address"),
        filters=("state", "responsible_unit", "customer", "lead", "province", "planned_departure_at"),
        links_in=("quality_info_transfer",), retention_years=3,
        workflow=Workflow(
            states(("draft", "草稿"), ("approving", "审批中", "In approval"), ("approved", "已批准"),
                   ("travelling", "途中"), ("on_site", "已到现场"), ("returned", "已返回"), ("closed", "已关闭"),
                   ("cancelled", "已取消")),
            moves=(
                Move("submit", "送批", source=("draft",), to="approving", by=("unit", "unit_lead"),
                     requires=("quality_info_transfer", "members", "lead", "task", "planned_departure_at"),
                     opens_round=True, when=(ONE_LEAD,)),
                Move("approve", "批准", source=("approving",), to="approved", by=(SIGNER,), signs=True,
                     stamps=("approved_at",), when=(NOT_A_MEMBER, SHEET_ASSIGNED), then=ask_for_checklists),
                Move("send_back", "退回", source=("approving",), to="draft", by=(SIGNER,), comment=True),
                Move("depart", "出发", source=("approved",), to="travelling", by=("technician",),
                     requires=("contacted_at", "area_sales", "area_sales_contacted_at"),
                     stamps=("departed_at",), when=(BY_LEAD, READY, CONTACTED_BEFORE)),
                Move("arrive", "到达现场", source=("travelling",), to="on_site", by=("technician",),
                     stamps=("arrived_at",), when=(BY_LEAD, SHEET_DISPATCHED), then=arrive_with_sheet),
                Move("come_back", "返回", source=("on_site",), to="returned", by=("technician",),
                     stamps=("returned_at",), when=(BY_LEAD,)),
                Move("close", "关闭", source=("returned",), to="closed", by=("unit", "unit_lead"),
                     requires=("expense_amount",), when=(REPORTED_BACK,)),
                Move("cancel", "取消", source=("draft", "approved"), to="cancelled", by=("unit", "unit_lead"),
                     comment=True, then=drop_checklists),
            ),
            approval=(Step("unit_lead"),)),
        access={
            "technician": "Ev", "quality_engineer": "CEV", "quality_manager": "V", "unit": "CEVX",
            "unit_lead": "CEAVX", "management_representative": "V", "deputy_gm": "V",
            "general_manager": "V",
        },
        rules=(
            "BR-06 two or more members need exactly one lead; a single member is the lead",
            "the quality_info_transfer is in state assigned or dispatched when the assignment is approved",
            "nobody departs before every member's carry_checklist is complete",
            "the user (contacted_at) and the area salesperson (area_sales_contacted_at) are contacted before "
            "departure",
            "every member sees the assignment, not only the lead; the lead makes its moves",
            "the approver is not one of the members",
            "the arrival deadline SLA-03/04 is watched on the quality_info_transfer; arrive here stamps both",
        ),
    )
