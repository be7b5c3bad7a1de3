"""Contact memos: recorded once and for all, acknowledged by everybody informed, and remembered on the customer."""

from __future__ import annotations

from datetime import date

import pytest
import sqlalchemy as sa

from models.history import Notice
from models.people import User
from tests.casebook import Casebook, at, done, refused

MEMO, CUSTOMER = "customer_contact_memo", "customer"


@pytest.fixture
def book(app):
    return Casebook(app)


def memo_for(book, *usernames, **changes):
    """Recorded by sales for these people."""
    rows = {f"informed-{n}-person": book.user(name) for n, name in enumerate(usernames)}
    return book.recorded_memo(**rows, **changes)


def customer_a(book):
    return book.read(CUSTOMER, book.id(CUSTOMER, name="客户A"))


def test_sla_13_a_recorded_contact_moves_the_customers_next_one(book):
    draft = book.person("sales").create(MEMO, book.contact_memo(contacted_at="2024-11-05T09:00"))
    assert customer_a(book).last_contacted_at is None, "a draft is no contact"
    done(book.person("sales").move(MEMO, draft, "record"))
    assert customer_a(book).last_contacted_at == at("2024-11-05 09:00")
    assert customer_a(book).contact_due_at == at("2024-12-05 09:00")
    assert book.clock(CUSTOMER, customer_a(book).id, "contact")[1] == at("2024-12-05 09:00")
    book.recorded_memo(contacted_at="2024-11-04T09:00")
    assert customer_a(book).last_contacted_at == at("2024-11-05 09:00"), "it never moves back"


def test_memos_that_were_imported_count_when_the_customer_is_next_saved(book):
    memo = book.person("sales").create(MEMO, book.contact_memo())
    book.as_it_was(MEMO, memo, state="archived", contacted_at=at("2024-11-09 10:00"))
    done(book.person("sales").edit(CUSTOMER, customer_a(book).id, remark="已联系"))
    assert customer_a(book).last_contacted_at == at("2024-11-09 10:00")


@pytest.mark.parametrize("interval, due", [("7", date(2024, 11, 9)), ("30", date(2024, 12, 2))])
def test_the_next_contact_follows_the_customers_interval(book, interval, due):
    book.as_it_was(CUSTOMER, customer_a(book).id, contact_interval_days=int(interval))
    assert book.read(MEMO, book.recorded_memo()).next_contact_on == due


def test_no_contact_lies_in_the_future(book):
    refused(book.person("sales").post(f"/admin/{MEMO}/new/", book.contact_memo(contacted_at="2199-01-01T09:00")),
            "联系时间不能晚于现在", 422)


def test_a_recorded_memo_stays_as_it_is(book):
    memo, sales = memo_for(book, "unit"), book.person("sales")
    for changed in ({"content": "改写"}, {"contact_person": "李四"}, {"informed-1-person": book.user("sales2")},
                    {"informed-0-person": book.user("sales2")}):
        refused(sales.edit(MEMO, memo, **changed), "已记录的备忘录是质量记录，不能再改", 422)
    refused(sales.move(MEMO, memo, "void", comment="写错"), "“作废”由")


def test_everybody_informed_acknowledges_and_only_they(book):
    memo = memo_for(book, "unit", "warehouse")
    engineer = book.person("quality_engineer")
    refused(engineer.move(MEMO, memo, "acknowledge"), "您不在待确认的知会人员之中")
    refused(engineer.move(MEMO, memo, "archive"), "“知会人员”尚有未签收的份")
    done(book.person("unit").move(MEMO, memo, "acknowledge", comment="已安排"))
    read = book.read(MEMO, memo)
    assert read.state == "recorded" and [bool(row.signed_at) for row in read.informed] == [True, False]
    assert read.informed[0].remark == "已安排"
    refused(book.person("unit").move(MEMO, memo, "acknowledge"), "您不在待确认的知会人员之中")
    done(book.person("warehouse").move(MEMO, memo, "acknowledge"))
    assert book.state(MEMO, memo) == "acknowledged"
    done(engineer.move(MEMO, memo, "archive"))


def test_those_informed_hear_of_it_and_whoever_wrote_it_does_not(book):
    memo_for(book, "unit", "sales")
    with book.session() as session:
        told = session.scalars(sa.select(User.username).join(Notice, Notice.person_id == User.id).where(
            Notice.type == MEMO, Notice.kind == "move")).all()
    assert told == ["unit"]


def test_nobody_types_that_somebody_was_informed(book):
    sales = book.person("sales")
    memo = sales.create(MEMO, book.contact_memo(**{"informed-0-person": book.user("unit"),
                                                   "informed-0-signed_at": "2024-11-02T10:00"}))
    assert book.read(MEMO, memo).informed[0].signed_at is None


def test_a_memo_that_informs_nobody_is_archived_by_quality(book):
    memo = book.recorded_memo()
    refused(book.person("sales").move(MEMO, memo, "archive"), "“归档”由质量工程师、质量负责人办理")
    done(book.person("quality_manager").move(MEMO, memo, "archive"))
