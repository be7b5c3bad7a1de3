"""Journeys to the user: one lead, approved by somebody who stays, everything carried along, arrival noted on the sheet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rules import office
from tests.casebook import Casebook, done, refused
from tests.disposition.paper import CHECKLIST, SHEET, SLIP, TRIP, made, sheet_in, trip

CONTACTED = {"contacted_at": "2025-11-03T09:30", "area_sales_contacted_at": "2025-11-03T09:40"}
ITEMS = ("has_transfer_sheet", "has_feedback_form", "has_qualification_card", "has_inspection_tools", "has_user_guide")


@pytest.fixture
def book(app):
    return Casebook(app)


def two(first="true", second="false"):
    return ("technician", first), ("technician2", second)


def submitted(book, sheet, *members):
    id_ = book.person("unit").create(TRIP, trip(book, sheet, *members or (("technician", "true"),)))
    done(book.person("unit").move(TRIP, id_, "submit"))
    return id_


def approved(book, sheet, *members):
    id_ = submitted(book, sheet, *members)
    done(book.person("unit_lead").move(TRIP, id_, "approve"))
    return id_


def contacted(book):
    return {**CONTACTED, "area_sales": book.user("sales")}


def certificate(book, who="technician", until="2199-01-01", state="valid"):
    return made(book, "staff_qualification", state, person=book.user(who), qualification_type="post_certificate",
                valid_from_on="2020-01-01", valid_until_on=until)


def pack(book, journey, who="technician"):
    certificate(book, who)
    (checklist,) = book.ids(CHECKLIST, travel_assignment_id=journey, technician_id=book.user(who))
    done(book.person(who).edit(CHECKLIST, checklist, **dict.fromkeys(ITEMS, "true")))
    done(book.person(who).move(CHECKLIST, checklist, "complete"))


# Who goes -------------------------------------------------------------------------------------------------------------

def test_br_06_of_two_who_go_exactly_one_leads_and_is_the_lead_named(book):
    unit = book.person("unit")
    journey = unit.create(TRIP, trip(book, sheet_in(book, "assigned"), *two()))
    for first, second in (("false", "false"), ("true", "true"), ("false", "true")):
        done(unit.edit(TRIP, journey, **{"members-0-is_lead": first, "members-1-is_lead": second}))
        refused(unit.move(TRIP, journey, "submit"), "须且只能有一名出差人员勾选“临时负责人”")
    done(unit.edit(TRIP, journey, **{"members-0-is_lead": "true", "members-1-is_lead": "false"}))
    done(unit.move(TRIP, journey, "submit"))


def test_br_06_who_goes_alone_is_the_lead(book):
    unit, sheet = book.person("unit"), sheet_in(book, "assigned")
    journey = unit.create(TRIP, trip(book, sheet, ("technician", "false")))
    assert book.read(TRIP, journey).members[0].is_lead is True
    other = unit.create(TRIP, trip(book, sheet, ("technician2", "false")))
    refused(unit.move(TRIP, other, "submit"), "须且只能有一名出差人员勾选“临时负责人”")


def test_a_person_is_listed_once(book):
    twice = trip(book, sheet_in(book, "assigned"), ("technician", "true"), ("technician", "false"))
    refused(book.person("unit").post(f"/admin/{TRIP}/new/", twice), "同一人只列一行", 422)


def test_nobody_approves_a_journey_on_which_they_go(book):
    journey = submitted(book, sheet_in(book, "assigned"), ("technician", "true"), ("unit_lead", "false"))
    refused(book.person("unit_lead").move(TRIP, journey, "approve"), "出差人员不能批准自己的派差")
    done(book.person("unit_lead").move(TRIP, journey, "send_back", comment="换人"))
    assert (book.state(TRIP, journey), book.ids(CHECKLIST)) == ("draft", [])


def test_a_journey_is_approved_by_its_own_unit_on_a_sheet_that_is_assigned_or_dispatched(book):
    sheet = sheet_in(book, "assigned")
    journey, other = submitted(book, sheet), submitted(book, sheet)
    refused(book.person("unit_lead2").move(TRIP, journey, "approve"), "正等待责任部门负责人签署")
    for state in ("endorsed", "on_site"):
        book.as_it_was(SHEET, sheet, state=state)
        refused(book.person("unit_lead").move(TRIP, journey, "approve"), "所依据的传递处置单须已转子(分)公司或已派人")
    for state, id_ in (("assigned", journey), ("dispatched", other)):
        book.as_it_was(SHEET, sheet, state=state)
        done(book.person("unit_lead").move(TRIP, id_, "approve"))


def test_what_was_approved_stays(book):
    journey = approved(book, sheet_in(book, "dispatched"))
    lead = book.person("technician")
    for change in ({"task": "另一任务"}, {"budget": "9000"}, {"members-0-technician": book.user("technician2")}):
        refused(lead.edit(TRIP, journey, **change), "已经批准，内容不能再改", 422)
    done(lead.edit(TRIP, journey, contact_text="数量 3，批号 B2608"))


# The journey ----------------------------------------------------------------------------------------------------------

def test_planning_on_the_sheet_prepares_the_journey_once(book):
    sheet = sheet_in(book, "assigned", address="某路 1 号", contact_person="张三")
    plan = {"preliminary_plan": "带件更换", "technician": book.user("technician"), "reply_text": "明早到场"}
    book.edit("unit", SHEET, sheet, **plan)
    done(book.person("unit").move(SHEET, sheet, "plan"))
    (journey,) = book.ids(TRIP)
    read = book.read(TRIP, journey)
    assert (read.state, read.task, read.contact_person, read.address) == ("draft", "带件更换", "张三", "某路 1 号")
    assert (read.lead, read.responsible_unit) == (book.user("technician"), "U1")
    assert [(row.technician, row.is_lead) for row in read.members] == [(book.user("technician"), True)]
    assert read.arrive_due_at == book.read(SHEET, sheet).arrive_due_at is not None
    book.as_it_was(SHEET, sheet, state="assigned")
    done(book.person("unit").move(SHEET, sheet, "plan"))
    assert book.ids(TRIP) == [journey]


def test_everybody_who_goes_gets_one_checklist_and_sees_the_journey(book):
    sheet = sheet_in(book, "dispatched")
    alone, together = approved(book, sheet), approved(book, sheet, *two())
    assert len(book.ids(CHECKLIST, travel_assignment_id=together)) == 2
    page = f"/admin/{TRIP}/details/?id={{}}"
    answers = [book.person("technician2").get(page.format(id_)).status_code for id_ in (alone, together)]
    assert answers == [404, 200]


def test_nobody_packs_for_a_journey_that_is_cancelled(book):
    journey = approved(book, sheet_in(book, "dispatched"), *two())
    pack(book, journey)
    done(book.person("unit").move(TRIP, journey, "cancel", comment="用户已自行解决"))
    states = {book.read(CHECKLIST, id_).technician: book.state(CHECKLIST, id_) for id_ in book.ids(CHECKLIST)}
    assert states == {book.user("technician"): "complete", book.user("technician2"): "void"}


def test_nobody_departs_before_everybody_has_packed(book):
    journey, lead = approved(book, sheet_in(book, "dispatched"), *two()), book.person("technician")
    pack(book, journey)
    refused(lead.move(TRIP, journey, "depart", **contacted(book)), "还有出差人员未完成随身携带物品点检")
    pack(book, journey, "technician2")
    refused(book.person("technician2").move(TRIP, journey, "depart", **contacted(book)), "由临时负责人办理")
    done(lead.move(TRIP, journey, "depart", **contacted(book)))


def test_the_user_and_the_area_salesperson_are_contacted_before_departure(book):
    journey, lead = approved(book, sheet_in(book, "dispatched")), book.person("technician")
    pack(book, journey)
    for left_out, label in (("contacted_at", "与用户联系时间"), ("area_sales", "片区业务员"),
                            ("area_sales_contacted_at", "联系片区业务员时间")):
        given = {name: value for name, value in contacted(book).items() if name != left_out}
        refused(lead.move(TRIP, journey, "depart", **given), f"出发前请填写“{label}”", 422)
    refused(lead.move(TRIP, journey, "depart", **contacted(book) | {"contacted_at": "2199-01-01T09:00"}),
            "联系时间不能晚于现在")
    done(lead.move(TRIP, journey, "depart", **contacted(book)))


def test_arriving_is_noted_on_the_sheet_too(book):
    sheet = sheet_in(book, "assigned")
    journey = made(book, TRIP, "travelling", quality_info_transfer=sheet)
    refused(book.person("technician").move(TRIP, journey, "arrive"), "请先在传递处置单上制定方案并派差")
    book.as_it_was(SHEET, sheet, state="dispatched")
    done(book.person("technician").move(TRIP, journey, "arrive"))
    read, on_sheet = book.read(TRIP, journey), book.read(SHEET, sheet)
    assert (read.state, on_sheet.state) == ("on_site", "on_site") and read.arrived_at == on_sheet.arrived_at is not None


def test_a_journey_closes_when_its_feedback_sheet_is_handed_in(book):
    sheet = sheet_in(book)
    journey = made(book, TRIP, "returned", quality_info_transfer=sheet, departed_at="2025-11-03T10:00")
    done(book.person("unit").edit(TRIP, journey, expense_amount="380"))
    slip = book.feedback_sheet(sheet, submitted_at="2025-11-03T09:00")
    refused(book.person("unit").move(TRIP, journey, "close"), "本次出差的处置结果反馈单尚未反馈")
    book.as_it_was(SLIP, slip, submitted_at=book.read(TRIP, journey).departed_at + timedelta(hours=6))
    done(book.person("unit").move(TRIP, journey, "close"))


# What is carried along ------------------------------------------------------------------------------------------------

def checklist_of(book, **given):
    journey = made(book, TRIP, "approved")
    certificate_ = certificate(book)
    return book.person("technician").create(CHECKLIST, {
        "travel_assignment": journey, "technician": book.user("technician"), "staff_qualification": certificate_,
        **dict.fromkeys(ITEMS, "true"), **given})


def test_all_five_items_are_ticked(book):
    checklist, technician = checklist_of(book), book.person("technician")
    for item in ITEMS:
        done(technician.edit(CHECKLIST, checklist, **{**dict.fromkeys(ITEMS, "true"), item: "false"}))
        refused(technician.move(CHECKLIST, checklist, "complete"), "须为“是”")
    done(technician.edit(CHECKLIST, checklist, **dict.fromkeys(ITEMS, "true")))
    refused(book.person("technician2").move(CHECKLIST, checklist, "complete"), "这不是您本单位的记录")
    done(technician.move(CHECKLIST, checklist, "complete"))
    assert book.read(CHECKLIST, checklist).checked_at is not None


def test_the_certificate_is_the_persons_own_and_valid_today(book):
    checklist, technician = checklist_of(book), book.person("technician")

    def complete_with(who, days, state="valid"):
        shown = certificate(book, who, f"{office.today() + timedelta(days=days):%Y-%m-%d}", state)
        book.as_it_was(CHECKLIST, checklist, staff_qualification=shown)
        return technician.move(CHECKLIST, checklist, "complete")

    for wrong in (("technician", -1), ("technician", 9, "revoked"), ("technician2", 9)):
        refused(complete_with(*wrong), "须选择该售后服务人员本人当日有效的资格")
    done(complete_with("technician", 0))


def test_the_valid_post_certificate_is_filled_in(book):
    own = certificate(book)
    checklist = checklist_of(book, staff_qualification="")
    assert book.read(CHECKLIST, checklist).staff_qualification == own


def test_the_checklist_comes_before_departure_and_once(book):
    checklist, technician = checklist_of(book), book.person("technician")
    journey = book.read(CHECKLIST, checklist).travel_assignment
    again = {"travel_assignment": journey, "technician": book.user("technician")}
    refused(technician.post(f"/admin/{CHECKLIST}/new/", again), "的这个值已被", 422)
    book.as_it_was(TRIP, journey, state="travelling")
    refused(technician.move(CHECKLIST, checklist, "complete"), "点检须在出发前完成")
