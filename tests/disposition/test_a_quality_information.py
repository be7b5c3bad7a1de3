"""One quality information from the user's call to the closed case, played by the people who do it."""

from __future__ import annotations

import pytest

from models.people import Membership
from tests.casebook import Casebook, done, refused
from tests.disposition.paper import (
    AGREEMENT, CALL, CHECKLIST, DISPOSAL, INSPECTION, REQUEST, SHEET, SIGNED, SLIP, TRIP, agreement, both_signed,
    disposal, expiring, inspection, made, request, slip,
)

ACTION = "corrective_action"
PACKED = dict.fromkeys(
    ("has_transfer_sheet", "has_feedback_form", "has_qualification_card", "has_inspection_tools", "has_user_guide"), "true")


@pytest.fixture
def book(app):
    return Casebook(app)


class Story:
    """Who does what to which record."""

    def __init__(self, book):
        self.book = book

    def does(self, username, type_name, id_, move, **fields):
        done(self.book.person(username).move(type_name, id_, move, **fields))

    def may_not(self, username, type_name, id_, move, sentence, status=403, **fields):
        refused(self.book.person(username).move(type_name, id_, move, **fields), sentence, status)

    def writes(self, username, type_name, id_, **fields):
        done(self.book.person(username).edit(type_name, id_, **fields))


def test_a_quality_information_from_the_call_to_the_closed_case(book):
    story = Story(book)
    sheet = taken_in(story)
    trip = on_the_way(story, sheet)
    look_at_it(story, sheet)
    paper = write_down(story, sheet)
    asked = ask_leaders(story, sheet, paper)
    agreed = agree(story, asked, paper)
    hand_in(story, sheet, trip, paper)
    carry_out(story, asked, agreed)
    call_back(story, sheet, paper)
    close(story, sheet, prevent(story, sheet))
    states = {type_name: book.state(type_name, id_) for type_name, id_ in (
        (SHEET, sheet), (TRIP, trip), (SLIP, paper), (REQUEST, asked), (AGREEMENT, agreed))}
    assert states == {SHEET: "closed", TRIP: "closed", SLIP: "archived", REQUEST: "executed", AGREEMENT: "fulfilled"}


def taken_in(story):
    sheet = story.book.person("sales").create(SHEET, story.book.quality_info(address="某路 1 号"))
    story.does("sales", SHEET, sheet, "confirm")
    story.does("sales_lead", SHEET, sheet, "endorse", dept_opinion="请质量部处理")
    story.does("quality_engineer", SHEET, sheet, "decide_on_site", handling_mode="on_site", quality_opinion="须到现场",
               responsible_unit="U1")
    for row, receiver in zip(story.book.read(SHEET, sheet).receipts, ("sales", "quality_engineer", "deputy_gm", "unit"), strict=True):
        done(story.book.acknowledge(receiver, SHEET, sheet, row.id))
    return sheet


def on_the_way(story, sheet):
    """The unit plans; two go, one leads; nobody leaves before both have packed."""
    book = story.book
    book.edit("unit", SHEET, sheet, preliminary_plan="带件更换", technician=book.user("technician"), reply_text="明早到场")
    story.does("unit", SHEET, sheet, "plan")
    (trip,) = book.ids(TRIP)
    second = {"members-1-technician": book.user("technician2")}
    story.writes("unit", TRIP, trip, **second, **{"members-1-is_lead": "true"})
    story.may_not("unit", TRIP, trip, "submit", "须且只能有一名出差人员勾选“临时负责人”")
    story.writes("unit", TRIP, trip, **second, **{"members-1-is_lead": "false"})
    story.does("unit", TRIP, trip, "submit")
    story.does("unit_lead", TRIP, trip, "approve")
    contacts = {"contacted_at": "2025-11-03T09:30", "area_sales": book.user("sales"),
                "area_sales_contacted_at": "2025-11-03T09:40"}
    for who in ("technician", "technician2"):
        story.may_not("technician", TRIP, trip, "depart", "还有出差人员未完成随身携带物品点检", **contacts)
        pack(story, who)
    story.does("technician", TRIP, trip, "depart", **contacts)
    story.does("technician", TRIP, trip, "arrive")
    assert book.state(SHEET, sheet) == "on_site"
    return trip


def pack(story, who):
    book = story.book
    made(book, "staff_qualification", "valid", person=book.user(who), qualification_type="post_certificate",
         valid_from_on="2020-01-01", valid_until_on="2199-01-01")
    (checklist,) = book.ids(CHECKLIST, technician_id=book.user(who))
    story.writes(who, CHECKLIST, checklist, **PACKED)
    story.does(who, CHECKLIST, checklist, "complete")


def look_at_it(story, sheet):
    record = story.book.person("technician").create(INSPECTION, inspection(story.book, sheet, has_physical_product="false",
                                                                            direct_loss="6000"))
    story.may_not("technician", INSPECTION, record, "finish", "须检查同批次未使用产品")
    story.writes("technician", INSPECTION, record, is_same_batch_used="true")
    story.does("technician", INSPECTION, record, "finish")
    story.does("quality_engineer", INSPECTION, record, "review")


def write_down(story, sheet):
    paper = story.book.person("technician").create(SLIP, slip(story.book, sheet, ("M1", "2", ""), direct_loss="6000"))
    story.may_not("technician", SHEET, sheet, "dispose", "处置结果反馈单须先经用户签字(盖章)")
    story.does("technician", SLIP, paper, "sign", **SIGNED)
    story.may_not("technician", SLIP, paper, "submit", "须关联已批准且已签署补偿协议的审批单")
    story.does("technician", SHEET, sheet, "dispose")
    return paper


def ask_leaders(story, sheet, paper):
    """6,000 yuan: the head of the unit signs, then the quality manager, each once."""
    book = story.book
    expired = expiring(book, "2026-11-19")
    asked = book.person("technician").create(REQUEST, request(book, sheet, unit_price="3000", of=expired))
    story.may_not("technician", REQUEST, asked, "submit", "产品已超过有效期(保质期)，不予退换或补偿")
    story.writes("technician", REQUEST, asked, **{"items-0-product_batch": book.id("product_batch", batch_no="B2608")})
    story.does("technician", REQUEST, asked, "submit")
    story.writes("technician", SLIP, paper, compensation_request=asked)
    with book.session() as session:
        session.add(Membership(user_id=book.user("unit_lead"), role="quality_manager"))
        session.commit()
    story.does("unit_lead", REQUEST, asked, "approve")
    story.may_not("unit_lead", REQUEST, asked, "approve", "同一人在一轮中只能签署一次")
    return asked


def agree(story, asked, paper):
    book = story.book
    agreed = book.person("unit").create(AGREEMENT, agreement(book, asked))
    story.may_not("unit", AGREEMENT, agreed, "sign", "经权限范围内领导批准后方可签署协议", **both_signed(book))
    story.does("quality_manager", REQUEST, asked, "approve")
    story.may_not("technician", SLIP, paper, "submit", "须关联已批准且已签署补偿协议的审批单")
    story.does("unit", AGREEMENT, agreed, "sign", **both_signed(book))
    return agreed


def hand_in(story, sheet, trip, paper):
    story.does("technician", TRIP, trip, "come_back")
    story.writes("unit", TRIP, trip, expense_amount="860.50")
    story.may_not("unit", TRIP, trip, "close", "本次出差的处置结果反馈单尚未反馈")
    story.does("technician", SLIP, paper, "submit")
    story.does("unit", TRIP, trip, "close")
    story.does("quality_engineer", SLIP, paper, "receive_quality")
    story.does("sales", SLIP, paper, "receive_marketing")


def carry_out(story, asked, agreed):
    book = story.book
    goods = book.person("unit").create(DISPOSAL, disposal(book, asked, handler=book.user("unit"), signed_by="张三",
                                                          signed_at="2026-11-25T10:00", is_safety_confirmed="true"))
    story.writes("unit", AGREEMENT, agreed, **{"items-0-delivered_on": "2026-11-25"})
    story.does("unit", AGREEMENT, agreed, "fulfil", fulfilment_text="两台已送达")
    story.may_not("unit", REQUEST, asked, "execute", "其退货/报废销毁记录须已执行")
    story.does("unit_lead", DISPOSAL, goods, "permit")
    story.does("unit", DISPOSAL, goods, "execute")
    story.does("unit", REQUEST, asked, "execute")


def call_back(story, sheet, paper):
    book = story.book
    (call,) = book.ids(CALL)
    story.may_not("quality_engineer", SLIP, paper, "record_callback", "本单的电话回访尚未办结", remark="已电话")
    story.does("customer_service", CALL, call, "complete", satisfaction_level="satisfied", remark="换货后正常")
    assert book.read(SLIP, paper).remark == f"回访 {book.read(CALL, call).number}（满意）：换货后正常"
    story.does("quality_engineer", SLIP, paper, "record_callback")
    story.does("quality_engineer", SHEET, sheet, "record_callback")
    story.does("unit", SLIP, paper, "archive")


def prevent(story, sheet):
    """The corrective action closes when nothing is let go."""
    book = story.book
    action = book.person("quality_engineer").create(ACTION, book.corrective_action(
        source_type="quality_info_transfer", source_number=book.read(SHEET, sheet).number))
    story.does("quality_engineer", ACTION, action, "issue")
    story.does("unit", ACTION, action, "accept", action_owner=book.user("unit"), promised_at="2099-12-10T17:00")
    story.writes("unit", ACTION, action, cause="模具磨损", corrective_measure="换模具", preventive_measure="点检", **{
        "trackings-0-measure": "换模具", "trackings-0-measure_kind": "corrective", "trackings-0-completed_on": "2026-11-20"})
    story.does("unit", ACTION, action, "plan")
    story.does("unit", ACTION, action, "finish")
    story.writes("quality_engineer", ACTION, action, **{"trackings-0-result_text": "抽查合格"})
    story.does("quality_engineer", ACTION, action, "verify", verification_text="现场验证合格")
    story.does("quality_manager", ACTION, action, "confirm_effect", effectiveness_text="未再发生")
    story.does("quality_manager", ACTION, action, "report")
    story.may_not("quality_manager", ACTION, action, "close", "属实的质量问题须做到“四不放过”")
    story.writes("quality_manager", ACTION, action, is_cause_found="true", is_measure_implemented="true",
                 is_accountability_done="true", accountability_text="通报", is_education_done="true", education_text="培训")
    story.does("quality_manager", ACTION, action, "close")
    return action


def close(story, sheet, action):
    story.may_not("quality_manager", SHEET, sheet, "close", "请先填写“纠正和预防措施”", is_substantiated="true")
    story.writes("quality_engineer", SHEET, sheet, corrective_action=action)
    story.does("quality_manager", SHEET, sheet, "close", is_substantiated="true")
    assert f"{story.book.read(SHEET, sheet).direct_loss}" == "6000.00"
