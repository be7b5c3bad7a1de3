"""Abnormality sheets: improved by the unit, confirmed by an outsider; a loss leaves only the way to a complaint."""

from __future__ import annotations

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

SHEET, CASE = "abnormality_sheet", "complaint_case"
IMPROVED = {"cause": "料架毛刺", "improvement_result": "已换料架"}


@pytest.fixture
def book(app):
    return Casebook(app)


def sheet_in(book, state, **given):
    with book.session() as session:
        row = valid.record(session, SHEET, state, **{"direct_loss": "0", **given})
        session.commit()
        return row.id


def abnormality(book, **changes):
    return {"customer": book.id("customer", name="客户A"), "found_on": "2024-11-01", "fault_category": "appearance",
            "fault_description": "划伤", "improvement_demand": "改善料架", **changes}


@pytest.mark.parametrize("username", ["sales", "technician", "customer_service"])
def test_whoever_goes_to_the_customer_reports_it(book, username):
    person = book.person(username)
    sheet = person.create(SHEET, abnormality(book))
    refused(person.move(SHEET, sheet, "send"), "请填写“责任单位”", 422)
    done(person.move(SHEET, sheet, "send", responsible_unit="U1"))


def test_a_unit_reports_what_another_one_has_to_improve(book):
    sheet = book.person("unit").create(SHEET, abnormality(book, responsible_unit="U2"))
    done(book.person("unit").move(SHEET, sheet, "send"))
    refused(book.person("unit").move(SHEET, sheet, "accept"), "这不是您本单位的记录")
    done(book.person("unit2").move(SHEET, sheet, "accept"))


def test_nothing_is_found_in_the_future(book):
    refused(book.person("sales").post(f"/admin/{SHEET}/new/", abnormality(book, found_on="2199-11-01")),
            "发现日期不能晚于今天", 422)


@pytest.mark.parametrize("state, username, move", [
    ("draft", "sales", "send"), ("sent", "unit", "accept"), ("improving", "unit", "finish"),
    ("improved", "quality_engineer", "verify"), ("improved", "quality_engineer", "verify_fail"),
    ("improved", "quality_engineer", "void")])
def test_br_24_a_loss_bars_every_step_but_the_upgrade(book, state, username, move):
    sheet = sheet_in(book, state, direct_loss="0.01", also=("responsible_unit", *IMPROVED, "verification_text"))
    refused(book.person(username).move(SHEET, sheet, move, comment="重做"), "已造成损失，须升级为客诉")


def test_br_24_what_caused_a_loss_becomes_a_complaint(book):
    sheet = sheet_in(book, "improving", direct_loss="0.01")
    done(book.person("quality_engineer").move(SHEET, sheet, "upgrade"))
    read = book.read(CASE, book.read(SHEET, sheet).complaint_case)
    assert (read.state, read.has_loss, read.channel, read.complaint_type) == ("received", True, "visit", "quality")


def test_without_a_loss_it_does_not_become_a_complaint(book):
    sheet, engineer = sheet_in(book, "improving"), book.person("quality_engineer")
    refused(engineer.move(SHEET, sheet, "upgrade"), "未造成损失的不升级，请先填写损失金额")
    done(engineer.move(SHEET, sheet, "upgrade", direct_loss="300"))


def test_nobody_of_the_unit_confirms_the_improvement(book):
    sheet, engineer = sheet_in(book, "improved", responsible_unit="QA"), book.person("quality_engineer")
    refused(engineer.move(SHEET, sheet, "verify", verification_text="合格"), "确认人不能是责任单位的人员")
    refused(engineer.move(SHEET, sheet, "verify_fail", comment="不合格"), "确认人不能是责任单位的人员")
    done(book.person("quality_engineer2").move(SHEET, sheet, "verify", verification_text="合格"))


def test_what_is_not_confirmed_is_improved_again(book):
    sheet = sheet_in(book, "improved")
    refused(book.person("quality_engineer").move(SHEET, sheet, "verify_fail"), "请填写原因", 422)
    done(book.person("quality_engineer").move(SHEET, sheet, "verify_fail", comment="仍有划痕"))
    read = book.read(SHEET, sheet)
    assert (read.state, read.improved_at) == ("improving", None)
    done(book.person("unit").move(SHEET, sheet, "finish", **IMPROVED))
