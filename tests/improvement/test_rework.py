"""Rework orders: reworked by the unit, reinspected by an outsider, released or scrapped to the last piece."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rules import office
from tests import valid
from tests.casebook import Casebook, done, refused

ORDER = "rework_order"
PASSED = {"reinspection_result": "合格", "passed_quantity": "8", "scrapped_quantity": "2"}


@pytest.fixture
def book(app):
    return Casebook(app)


def reworked(book, **given):
    with book.session() as session:
        row = valid.record(session, ORDER, "reworked", **{"quantity": "10", "scrapped_quantity": "0", **given})
        session.commit()
        return row.id


def action(book):
    return book.person("quality_engineer").create("corrective_action", book.corrective_action())


def test_quality_orders_and_the_unit_reworks(book):
    engineer, unit = book.person("quality_engineer"), book.person("unit")
    id_ = engineer.create(ORDER, {
        "product_batch": book.id("product_batch", batch_no="B2608"), "quantity": "10", "fault_description": "划伤",
        "responsible_unit": "U1", "rework_plan": "抛光", "due_on": "2099-12-31"})
    assert book.clock(ORDER, id_, "rework")[0] == "running"
    refused(unit.move(ORDER, id_, "start"), "当前状态为“草稿”")
    done(engineer.move(ORDER, id_, "issue"))
    refused(book.person("unit2").move(ORDER, id_, "start"), "这不是您本单位的记录")
    done(unit.move(ORDER, id_, "start"))
    refused(unit.move(ORDER, id_, "finish"), "请填写“工时”", 422)
    done(unit.move(ORDER, id_, "finish", labour_hours="6.5"))
    assert book.clock(ORDER, id_, "rework")[0] == "met"


@pytest.mark.parametrize("passed, scrapped", [("7", "2"), ("0", "10"), ("10", "0.5")])
def test_released_are_some_and_all_are_accounted_for(book, passed, scrapped):
    id_ = reworked(book)
    answer = book.person("quality_engineer").move(
        ORDER, id_, "release", reinspection_result="合格", passed_quantity=passed, scrapped_quantity=scrapped)
    refused(answer, "合格数须大于零，且合格数与报废数之和须等于返工数量")
    done(book.person("quality_engineer").move(ORDER, id_, "release", **PASSED))
    assert book.read(ORDER, id_).reinspected_by == book.user("quality_engineer")


def test_no_more_pieces_come_out_than_went_in(book):
    refused(book.person("quality_engineer").edit(ORDER, reworked(book), passed_quantity="9", scrapped_quantity="2"),
            "合格数与报废数之和不能大于返工数量", 422)


def test_only_when_nothing_passed_is_the_order_scrapped(book):
    id_, manager = reworked(book), book.person("quality_manager")
    refused(book.person("quality_engineer").move(ORDER, id_, "scrap"), "“报废”由质量负责人办理")
    refused(manager.move(ORDER, id_, "scrap", reinspection_result="不合格", scrapped_quantity="9"),
            "全部报废时，报废数须等于返工数量")
    done(manager.move(ORDER, id_, "scrap", reinspection_result="不合格", scrapped_quantity="10"))
    assert book.state(ORDER, id_) == "scrapped"


@pytest.mark.parametrize("source", ["complaint_case", "return_exchange_claim"])
def test_goods_of_a_complaint_or_claim_need_a_corrective_action(book, source):
    with book.session() as session:
        named = valid.record(session, source).id
        session.commit()
    first, second = reworked(book, **{source: str(named)}), reworked(book, **{source: str(named)})
    engineer, manager = book.person("quality_engineer"), book.person("quality_manager")
    scrapped = {"reinspection_result": "不合格", "scrapped_quantity": "10"}
    refused(engineer.move(ORDER, first, "release", **PASSED), "投诉或退换货的返工须关联“纠正和预防措施”")
    refused(manager.move(ORDER, second, "scrap", **scrapped), "投诉或退换货的返工须关联“纠正和预防措施”")
    for id_ in (first, second):
        done(engineer.edit(ORDER, id_, corrective_action=action(book)))
    done(engineer.move(ORDER, first, "release", **PASSED))
    done(manager.move(ORDER, second, "scrap", **scrapped))


def test_nobody_of_the_unit_reinspects(book):
    id_ = reworked(book, responsible_unit="QA")
    engineer = book.person("quality_engineer")
    refused(engineer.move(ORDER, id_, "release", **PASSED), "复检人不能是返工单位的人员")
    refused(engineer.move(ORDER, id_, "reject", comment="仍有划痕"), "复检人不能是返工单位的人员")
    done(book.person("quality_engineer2").move(ORDER, id_, "release", **PASSED))


def test_what_does_not_pass_is_reworked_again_and_its_limit_runs_on(book):
    id_ = reworked(book, due_on="2099-12-31")
    refused(book.person("quality_engineer").move(ORDER, id_, "reject"), "请填写原因", 422)
    done(book.person("quality_engineer").move(ORDER, id_, "reject", comment="仍有划痕"))
    assert book.state(ORDER, id_) == "reworking" and book.clock(ORDER, id_, "rework")[0] == "running"


def test_goods_are_not_stocked_before_they_are_reinspected(book):
    id_, engineer = reworked(book), book.person("quality_engineer")
    done(engineer.edit(ORDER, id_, stocked_in_on=str(office.today() - timedelta(days=1))))
    refused(engineer.move(ORDER, id_, "release", **PASSED), "入库日期不能早于复检日", 422)
    done(engineer.edit(ORDER, id_, stocked_in_on=str(office.today())))
    done(engineer.move(ORDER, id_, "release", **PASSED))
