"""Inspections on site: what was looked at, safely and against a standard, and the loss that was found."""

from __future__ import annotations

from datetime import date

import pytest

from tests.casebook import Casebook, done, refused
from tests.disposition.paper import INSPECTION, SHEET, inspection, made, sheet_in


@pytest.fixture
def book(app):
    return Casebook(app)


def inspected(book, sheet=None, **changes):
    return book.person("technician").create(INSPECTION, inspection(book, sheet or sheet_in(book), **changes))


def finished(book, **changes):
    id_ = inspected(book, **changes)
    done(book.person("technician").move(INSPECTION, id_, "finish"))
    return id_


def test_the_batch_fills_the_product(book):
    read = book.read(INSPECTION, inspected(book, production_site=""))
    assert (read.product_name, read.batch_no, read.produced_on) == ("M1", "B2608", date(2026, 6, 1))


def test_br_33_without_the_product_unused_ones_of_the_same_batch_are_inspected(book):
    technician, record = book.person("technician"), inspected(book, has_physical_product="false")
    refused(technician.move(INSPECTION, record, "finish"), "现场没有问题产品实物的，须检查同批次未使用产品")
    done(technician.edit(INSPECTION, record, is_same_batch_used="true"))
    done(technician.move(INSPECTION, record, "finish"))


def test_nothing_is_judged_without_a_test_against_a_standard(book):
    form = {name: value for name, value in inspection(book, sheet_in(book)).items() if not name.startswith("tests")}
    record = book.person("technician").create(INSPECTION, form)
    answer = book.person("technician").move(INSPECTION, record, "finish")
    assert answer.status_code == 422 and "完成前请填写“检查检测试验项目”" in answer.text
    row = {"tests-0-test_kind": "check", "tests-0-item": "外观", "tests-0-result_value": "有砂眼", "tests-0-is_conforming": "false"}
    refused(book.person("technician").edit(INSPECTION, record, **row), "请填写“依据标准”", 422)


def test_safety_rules_are_kept_and_misuse_is_pointed_out(book):
    technician, record = book.person("technician"), inspected(book, is_safety_confirmed="false", is_misoperation="true")
    refused(technician.move(INSPECTION, record, "finish"), "“已遵守安全规程”须为“是”")
    done(technician.edit(INSPECTION, record, is_safety_confirmed="true"))
    refused(technician.move(INSPECTION, record, "finish"), "用户作业不规范的，须填写")
    done(technician.edit(INSPECTION, record, usage_advice="建议培训"))
    done(technician.move(INSPECTION, record, "finish"))


def test_no_more_is_used_than_was_bought_and_the_journey_is_that_of_the_sheet(book):
    sheet, technician = sheet_in(book), book.person("technician")
    refused(technician.post(f"/admin/{INSPECTION}/new/", inspection(book, sheet, used_quantity="100.0001")),
            "使用数量不能大于购买数量", 422)
    elsewhere = made(book, "travel_assignment", quality_info_transfer=sheet_in(book))
    refused(technician.post(f"/admin/{INSPECTION}/new/", inspection(book, sheet, travel_assignment=elsewhere)),
            "所选派差单不是该质量信息的", 422)
    here = made(book, "travel_assignment", quality_info_transfer=sheet)
    inspected(book, sheet, used_quantity="100", travel_assignment=here)


def test_somebody_else_reviews_and_the_loss_goes_into_the_sheet(book):
    sheet = sheet_in(book, direct_loss="800")
    record, silent = finished(book, sheet=sheet, direct_loss="3000.50"), finished(book, sheet=sheet, direct_loss="0")
    book.as_it_was(INSPECTION, record, technician=book.user("quality_engineer"))
    refused(book.person("quality_engineer").move(INSPECTION, record, "review"), "不能由“检查人”本人办理")
    done(book.person("quality_engineer2").move(INSPECTION, record, "review"))
    done(book.person("quality_engineer2").move(INSPECTION, silent, "review"))
    assert f"{book.read(SHEET, sheet).direct_loss}" == "3000.50"
    done(book.person("quality_engineer").move(INSPECTION, finished(book), "send_back", comment="补测"))


def test_a_closed_sheet_keeps_its_loss(book):
    sheet = sheet_in(book, "closed", direct_loss="800")
    done(book.person("quality_engineer").move(INSPECTION, finished(book, sheet=sheet, direct_loss="3000"), "review"))
    assert f"{book.read(SHEET, sheet).direct_loss}" == "800.00"
