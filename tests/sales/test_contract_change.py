"""Changes of a running contract: signed by every department concerned, reviewed, and confirmed by the customer in time."""

from __future__ import annotations

import io

import pytest

from models.people import Membership
from tests import valid
from tests.casebook import Casebook, at, done, refused, why_not

CHANGE = "contract_change_record"
CHANGED = {"is_contract_changed": "true", "change_content": "数量加一倍", "original_terms": "100 台", "new_terms": "200 台"}
HELD_UP = {"situation_stage": "production", "special_situation": "停电", "explanation": "当地限电两日"}
OPINION = {"review_opinion": "可行"}


@pytest.fixture
def book(app):
    return Casebook(app)


def form(book, *units, **changes):
    rows = {f"countersigns-{n}-responsible_unit": unit for n, unit in enumerate(units)}
    return {"customer": book.id("customer", name="客户A"), "contract_no": "HT-1", "asked_on": "2024-11-20",
            "is_contract_changed": "false", **rows, **changes}


def submitted(book, *units, **changes):
    change = book.person("sales").create(CHANGE, form(book, *units or ("U1",), **changes or CHANGED))
    done(book.person("sales").move(CHANGE, change, "submit"))
    return change


def reviewed(book, **changes):
    change = submitted(book, **changes)
    sign(book, change, "unit")
    done(book.person("quality_manager").move(CHANGE, change, "review", **OPINION))
    return change


def sign(book, change, *people):
    for person in people:
        rows = book.read(CHANGE, change).countersigns
        row = next(row for row in rows if row.responsible_unit == ("U2" if person.endswith("2") else "U1"))
        done(book.acknowledge(person, CHANGE, change, row.id))


def confirmation(when="2024-11-20T09:00"):
    """What the customer signed, with a copy of it."""
    return {"customer_confirmed_at": when, "signed_by": "张三", "confirmation_file": (io.BytesIO(b"yes"), "letter.txt")}


def test_what_changes_is_written_down_before_it_is_reviewed(act):
    nothing, terms = "请填写变更内容，或临时特殊情况及其解释", "合同有变更的，须填写变更内容、原条款和新条款"
    for changes, sentence in (
            ({}, nothing), ({"is_contract_changed": "true"}, nothing), ({"special_situation": "停电"}, nothing),
            ({**CHANGED, "new_terms": ""}, terms), ({**HELD_UP, "is_contract_changed": "true"}, terms),
            ({**CHANGED, "situation_stage": "delivery"}, "生产中或交付时有特殊情况的"), (CHANGED, ""), (HELD_UP, "")):
        change = valid.record(act.session, CHANGE, **{"is_contract_changed": "false", **changes})
        told = why_not(act, change, "submit")
        assert told.startswith(sentence) and bool(told) == bool(sentence), changes


def test_a_customer_who_changes_nothing_is_asked_and_that_is_all(book):
    sales = book.person("sales")
    for changes in (CHANGED, HELD_UP):
        refused(sales.move(CHANGE, sales.create(CHANGE, form(book, **changes)), "close_unchanged"), "须提交评审")
    change = sales.create(CHANGE, form(book, situation_stage="none"))
    answer = sales.move(CHANGE, change, "submit")
    assert answer.status_code == 422 and "请填写“影响部门会签”" in answer.text
    done(sales.move(CHANGE, change, "close_unchanged"))
    assert book.read(CHANGE, change).closed_at is not None


def test_every_department_signs_its_own_line_once(book):
    change = submitted(book, "U1", "U2")
    first, second = book.read(CHANGE, change).countersigns
    assert book.acknowledge("unit", CHANGE, change, second.id).status_code == 403
    sign(book, change, "unit")
    refused(book.person("quality_manager").move(CHANGE, change, "review", **OPINION), "“影响部门会签”尚有未签收的份")
    assert book.acknowledge("unit_lead", CHANGE, change, first.id).status_code == 403, "it is signed already"
    sign(book, change, "unit_lead2")
    done(book.person("quality_manager").move(CHANGE, change, "review", **OPINION))
    twice = form(book, "U1", "U1", **CHANGED)
    refused(book.person("sales").post(f"/admin/{CHANGE}/new/", twice), "每个部门只列一行", 422)


def test_what_comes_back_changed_is_signed_anew(book):
    change, manager = submitted(book), book.person("quality_manager")
    sign(book, change, "unit")
    refused(manager.move(CHANGE, change, "send_back"), "请填写原因", 422)
    done(manager.move(CHANGE, change, "send_back", comment="补充交期"))
    done(book.person("sales").edit(CHANGE, change, new_terms="300 台"))
    done(book.person("sales").move(CHANGE, change, "submit"))
    refused(manager.move(CHANGE, change, "review", **OPINION), "“影响部门会签”尚有未签收的份")


def test_the_reviewer_has_not_written_it(book):
    with book.session() as session:
        session.add(Membership(user_id=book.user("sales"), role="quality_manager"))
        session.commit()
    change = submitted(book)
    sign(book, change, "unit")
    refused(book.person("sales").move(CHANGE, change, "review", **OPINION), "不能由填写人本人办理")
    done(book.person("quality_manager").move(CHANGE, change, "review", **OPINION))


def test_the_customers_confirmation_is_on_file_before_the_record_closes(book):
    change, sales = reviewed(book), book.person("sales")
    refused(sales.move(CHANGE, change, "close"), "当前状态为“已评审”，不能关闭")
    for name in confirmation():
        answer = sales.move(CHANGE, change, "confirm", **{k: v for k, v in confirmation().items() if k != name})
        assert answer.status_code == 422, name
    refused(sales.move(CHANGE, change, "confirm", **confirmation("2199-01-01T09:00")), "顾客确认时间不能晚于现在", 422)
    done(sales.move(CHANGE, change, "confirm", **confirmation()))
    done(sales.move(CHANGE, change, "close"))


def test_what_was_reviewed_and_confirmed_stays(book):
    change, sales = reviewed(book), book.person("sales")
    for changes in ({"new_terms": "300 台"}, {"contract_no": "HT-2"}, {"countersigns-0-responsible_unit": "U2"}):
        refused(sales.edit(CHANGE, change, **changes), "已提交评审或顾客已确认的内容不能再改", 422)
    done(sales.edit(CHANGE, change, promised_at="2024-12-01T09:00"))
    done(sales.move(CHANGE, change, "confirm", **confirmation()))
    refused(sales.edit(CHANGE, change, promised_at="2024-12-05T09:00"), "已提交评审或顾客已确认的内容不能再改", 422)


def test_br_05_a_later_delivery_is_confirmed_before_the_promised_time_passes(act):
    """Promised for 20 November at 17:00; what was not put off in time stays promised."""
    for confirmed, promised, is_confirmed in (
            ("17:00", "2024-11-25T17:00", True), ("17:01", "2024-11-25T17:00", False), ("17:01", "", True),
            ("17:01", "2024-11-20T17:00", True)):
        change = valid.record(act.session, CHANGE, original_promised_at="2024-11-20T17:00", promised_at=promised,
                              customer_confirmed_at=f"2024-11-20T{confirmed}")
        told = why_not(act, change, "confirm")
        assert ("延期须在原承诺交付时间之前得到顾客确认" in told) is not is_confirmed, (confirmed, promised)


@pytest.mark.parametrize("confirmed, kept", [("17:00", "met"), ("17:01", "missed")])
def test_br_05_a_promise_that_is_not_kept_is_late(book, confirmed, kept):
    change = reviewed(book, **HELD_UP, original_promised_at="2024-11-20T17:00")
    done(book.person("sales").move(CHANGE, change, "confirm", **confirmation(f"2024-11-20T{confirmed}")))
    assert book.clock(CHANGE, change, "tell_customer") == (kept, at("2024-11-20 17:00"))


def test_a_change_that_is_turned_down_ends_with_a_reason(book):
    change = submitted(book)
    refused(book.person("sales_lead").move(CHANGE, change, "reject"), "请填写原因", 422)
    done(book.person("sales_lead").move(CHANGE, change, "reject", comment="产能不足"))
    refused(book.person("sales").edit(CHANGE, change), "记录已结束，不能再改")
