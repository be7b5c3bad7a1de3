"""Requests for technical help: asked with a picture, answered within a day, and the repair waits for the answer."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, at, done, refused, why_not
from tests.disposition.test_starting_from import started
from tests.warranty.paper import HELP, REPAIRED, SHEET, made, photo, vehicle

ASKED = {"fault_category": "engine", "fault_description": "异响", "checks_done": "听诊", "request_text": "请判断"}


@pytest.fixture
def book(app):
    return Casebook(app)


def asked(book, of, **changes):
    return book.person("dealer_f001").create(HELP, {"vehicle": of, "request_type": "repair_technique", **ASKED, **changes})


def raised(book, of, **changes):
    id_ = asked(book, of, **changes)
    done(book.person("dealer_f001").move(HELP, id_, "submit"))
    return id_


@pytest.mark.parametrize("kind, media_type, is_enough", [
    ("important", None, False), ("hard_to_judge", "application/pdf", False), ("important", "image/png", True),
    ("hard_to_judge", "video/mp4", True), ("repair_technique", None, True)])
def test_an_important_or_unclear_fault_is_shown(act, kind, media_type, is_enough):
    row = valid.record(act.session, HELP, request_type=kind)
    if media_type:
        valid.a_file(act.session, "现场", type=HELP, record_id=row.id, media_type=media_type)
    assert why_not(act, row, "submit") == ("" if is_enough else "重要质量问题或难以判断的故障，提出前须上传至少一张照片或一段视频")


def test_a_photo_that_was_removed_shows_nothing(book):
    id_ = asked(book, vehicle(book), request_type="important")
    photo(book, HELP, id_)
    dealer = book.person("dealer_f001")
    with book.session() as session:
        (file,) = session.scalars(valid.sa.select(valid.Attachment.id).where(valid.Attachment.record_id == id_))
    dealer.post(f"/admin/{HELP}/{id_}/attachments/{file}/remove")
    refused(dealer.move(HELP, id_, "submit"), "须上传至少一张照片或一段视频")


@pytest.mark.parametrize("replied, kept", [("2026-11-03 15:00:00", "met"), ("2026-11-03 15:00:01", "missed")])
def test_an_answer_after_exactly_24_hours_is_on_time(book, replied, kept):
    id_ = asked(book, vehicle(book))
    book.act("dealer_f001", HELP, id_, "submit", now=at("2026-11-02 15:00"))
    book.act("quality_engineer", HELP, id_, "reply", now=at(replied), reply_text="更换")
    read = book.read(HELP, id_)
    assert (read.reply_due_at, book.clock(HELP, id_, "reply")[0]) == (at("2026-11-03 15:00"), kept)
    assert read.handler == book.user("quality_engineer")


def test_who_asks_again_keeps_the_first_moments(book):
    id_ = raised(book, vehicle(book))
    service, dealer = book.person("customer_service"), book.person("dealer_f001")
    done(service.move(HELP, id_, "reply", reply_text="先调整"))
    first = book.read(HELP, id_)
    refused(dealer.move(HELP, id_, "ask_again"), "请填写原因", 422)
    done(dealer.move(HELP, id_, "ask_again", comment="仍有异响"))
    book.act("customer_service2", HELP, id_, "reply", now=at("2030-01-01 09:00"), reply_text="更换总成")
    again = book.read(HELP, id_)
    assert (again.received_at, again.replied_at) == (first.received_at, first.replied_at)
    assert (again.handler, again.reply_text) == (book.user("customer_service2"), "更换总成")
    answer = dealer.move(HELP, id_, "resolve")
    assert answer.status_code == 422 and "处理结果" in answer.text
    done(dealer.move(HELP, id_, "resolve", result="已修复"))


def test_the_appraisal_is_of_the_same_dealer_and_vehicle(book):
    car, dealer = vehicle(book), book.person("dealer_f001")
    sheet = made(book, SHEET, vehicle=str(car))
    asked(book, car, warranty_appraisal=sheet)
    form = {"vehicle": vehicle(book), "request_type": "repair_technique", "warranty_appraisal": sheet, **ASKED}
    refused(dealer.post(f"/admin/{HELP}/new/", form), "所选鉴定单不是该服务商该车辆的", 422)


def test_an_answer_is_offered_as_the_instruction_but_replaces_none(book):
    service = book.person("customer_service")
    for given, state, expected in (({}, "draft", "更换"), ({}, "appraised", None), ({"cs_instruction": "先拍照"}, "draft", "先拍照")):
        car = vehicle(book)
        sheet = made(book, SHEET, state, vehicle=str(car), **given)
        done(service.move(HELP, raised(book, car, warranty_appraisal=sheet), "reply", reply_text="更换"))
        assert book.read(SHEET, sheet).cs_instruction == expected, (given, state)


@pytest.mark.parametrize("kind, waits", [("important", True), ("hard_to_judge", True), ("repair_technique", False)])
def test_br_21_the_repair_waits_for_the_answer(book, kind, waits):
    car, dealer = vehicle(book), book.person("dealer_f001")
    sheet = made(book, SHEET, "appraised", vehicle=str(car))
    help_ = made(book, HELP, "raised", warranty_appraisal=str(sheet), vehicle=str(car), request_type=kind)
    if waits:
        refused(dealer.move(SHEET, sheet, "finish_repair", **REPAIRED), "技术援助单尚未答复")
        done(book.person("customer_service").move(HELP, help_, "reply", reply_text="更换"))
    done(dealer.move(SHEET, sheet, "finish_repair", **REPAIRED))


def test_a_request_starts_from_the_appraisal(book):
    sheet = made(book, SHEET, is_important="false", is_hard_to_judge="true", mileage="8123", fault_description="异响")
    new = started(book, HELP, SHEET, sheet)
    assert (new.warranty_appraisal, new.request_type, new.mileage, new.fault_description) == (sheet, "hard_to_judge", 8123, "异响")
