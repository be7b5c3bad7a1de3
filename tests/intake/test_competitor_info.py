"""What is learnt about competitors: evaluated, decided, and a gap that is adopted is acted on."""

from __future__ import annotations

import pytest

from tests.casebook import Casebook, done, refused

INFO, ACTION = "competitor_improvement_info", "corrective_action"


@pytest.fixture
def book(app):
    return Casebook(app)


def evaluated(book, **changes):
    info = book.person("sales").create(INFO, {
        "info_kind": "gap", "competitor": "乙公司", "content": "交期比我方短", "gap": "慢5天", "item": "delivery", **changes})
    done(book.person("quality_engineer").move(INFO, info, "evaluate", evaluation="属实"))
    return info


@pytest.mark.parametrize("kind, is_needed", [("gap", True), ("competitor_product", True), ("suggestion", False)])
def test_the_competitor_is_named_unless_it_is_a_suggestion(book, kind, is_needed):
    answer = book.person("sales").post(f"/admin/{INFO}/new/", {"info_kind": kind, "content": "建议加厚包装"})
    refused(answer, "请填写竞争对手", 422) if is_needed else done(answer)


def test_br_26_an_adopted_gap_goes_to_the_responsible_unit(book):
    info, manager = evaluated(book), book.person("quality_manager")
    refused(manager.move(INFO, info, "adopt"), "请填写“责任部门”", 422)
    done(manager.move(INFO, info, "adopt", responsible_unit="U1"))
    read = book.read(INFO, info)
    action = book.read(ACTION, read.corrective_action)
    assert (action.state, action.source_type, action.source_number, action.problem, action.responsible_unit) == (
        "draft", INFO, read.number, "慢5天", "U1")
    done(book.person("quality_engineer").move(ACTION, action.id, "issue"))


def test_what_is_acted_on_already_or_is_no_gap_makes_no_action(book):
    action = book.person("quality_engineer").create(ACTION, book.corrective_action())
    info = evaluated(book)
    book.as_it_was(INFO, info, corrective_action=action)
    done(book.person("quality_manager").move(INFO, info, "adopt", responsible_unit="U1"))
    done(book.person("quality_manager").move(INFO, evaluated(book, info_kind="suggestion"), "adopt", responsible_unit="U1"))
    assert book.ids(ACTION) == [action]


def test_what_is_declined_is_declined_with_a_reason(book):
    info, manager = evaluated(book), book.person("quality_manager")
    refused(manager.move(INFO, info, "decline"), "请填写原因", 422)
    done(manager.move(INFO, info, "decline", comment="无法实施"))
    assert book.read(INFO, info).decided_at is not None
