"""Several people at the same stock: it never falls below zero, whoever is faster, nothing is booked twice or lost, and a
part has one row. They really act at once: threads with connections of their own."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models.base import Record, db
from models.parts.parts_stock import book, book_all, stock_of
from models.people import User
from models.spec import Invalid, Refused
from rules import audit, records
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.casebook import Casebook
from tests.test_two_people import AtOnce

STOCK = "parts_stock"


@pytest.fixture
def company(app):
    return Company(app)


class Company:
    """Forty pumps in the company's store, and people of the warehouse who book at the same moment."""

    def __init__(self, app):
        self.app, self.book = app, Casebook(app)
        with app.app_context():
            self._book("P-1", 40)
            db.session.commit()
            db.session.remove()

    def _book(self, part_no, quantity):
        act, source = self.desk()
        book(act, "opening" if quantity > 0 else "outbound", Decimal(quantity), part(part_no), source)

    def desk(self):
        """Somebody's act in this thread, and a record that brings the booking about."""
        actor = Actor.of(db.session.scalar(sa.select(User).where(User.username == "warehouse")), "screen")
        act = Act(db.session, actor)
        return act, act.find("dealer_ledger", dealer_code="F001")[0]

    def at_once(self, *quantities, part_no="P-1"):
        """Everybody books theirs; on PostgreSQL all have seen the same stock before the first one does."""
        start = AtOnce(self.app, len(quantities))

        def work(n, _act):
            several_read = db.engine.dialect.name == "postgresql"   # SQLite has one writer at a time
            if not several_read:
                start.barrier.wait()
            act, source = self.desk()
            seen = stock_of(act, part_no)   # kept, or the session would forget it
            if several_read:
                start.barrier.wait()
            book(act, "opening" if quantities[n] > 0 else "outbound", Decimal(quantities[n]), part(part_no), source)
            db.session.commit()
            return seen is not None or "opened"

        return start.run(work)

    def rows(self, part_no):
        return [self.book.read(STOCK, id_) for id_ in self.book.ids(STOCK, part_no=part_no)]


def part(part_no):
    return SimpleNamespace(part_no=part_no, part_name="水泵", model=None, unit_of_measure="件")


def test_of_two_who_want_more_than_is_there_the_second_is_told_what_is_left(company):
    results = company.at_once(-30, -30)
    [refusal] = [result for result in results if isinstance(result, Refused)]
    assert refusal.reason.zh == "“水泵”现存 10，不足以出库 30" and len([result for result in results if result is True]) == 1
    [row] = company.rows("P-1")
    assert (row.on_hand_quantity, len(row.movements)) == (10, 2)


def test_everybody_gets_theirs_as_long_as_there_is_enough(company):
    assert company.at_once(-10, -10, -10, 5) == [True] * 4
    [row] = company.rows("P-1")
    balances = [movement.balance for movement in row.movements]
    assert (row.on_hand_quantity, balances[-1], len(balances)) == (15, 15, 5) and min(balances) >= 0
    assert balances[1:] == [before + movement.quantity for before, movement in zip(balances, row.movements[1:], strict=False)]
    with company.book.session() as session:
        assert list(audit.verify(session)) == []


def test_who_open_the_row_of_a_part_at_once_share_it(company):
    """Both are told that it is there, though one of them was about to open it."""
    results = company.at_once(7, 8, part_no="P-2")
    assert not any(isinstance(result, Exception) for result in results)
    [row] = company.rows("P-2")
    assert (row.on_hand_quantity, [movement.balance for movement in row.movements][-1]) == (15, 15)


def test_a_row_of_the_form_and_one_of_a_booking_at_once_are_one(company):
    """The person with the form reads that the part is there already, or its booking finds the form's row."""
    start = AtOnce(company.app, 2)

    def work(n, _act):
        db.session.rollback()
        start.barrier.wait()
        act, source = company.desk()
        if n:
            book(act, "opening", Decimal(7), part("P-3"), source)
        else:
            act.new(STOCK, store_type="company", part_no="P-3", part_name="水泵", unit_of_measure="件")
        db.session.commit()

    start.run(work)
    assert len(company.rows("P-3")) == 1


def test_two_who_book_the_same_parts_in_other_orders_do_not_wait_in_a_circle(company):
    start = AtOnce(company.app, 2)

    def work(n, _act):
        db.session.rollback()
        start.barrier.wait()
        for _ in range(5):
            act, source = company.desk()
            parts = [(part(part_no), Decimal(1)) for part_no in ("P-1", "P-5", "P-4")]
            book_all(act, "opening", parts if n else parts[::-1], source)
            db.session.commit()
        return "booked"

    assert start.run(work) == ["booked", "booked"]
    assert [row.on_hand_quantity for part_no in ("P-1", "P-4", "P-5") for row in company.rows(part_no)] == [50, 10, 10]


def test_a_lock_shows_what_others_have_saved_since(app, company):
    [id_] = company.book.ids(STOCK, part_no="P-1")
    with app.app_context():
        act, _ = company.desk()
        row = db.session.get(Record.types[STOCK].model, id_)
        table = row.__table__
        db.session.execute(sa.update(table).where(table.c.id == id_).values(bin_location="B-9"),
                           execution_options={"synchronize_session": False})
        assert row.bin_location is None and act.lock(row).bin_location == "B-9"
        db.session.rollback()
        db.session.remove()


@pytest.mark.parametrize("type_name, empty", [
    (STOCK, "dealer"), ("product_batch", "production_site"), ("satisfaction_questionnaire", "dealer")])
def test_the_database_too_lets_no_two_living_records_be_the_same_where_a_field_is_empty(app, type_name, empty):
    """Whatever came past the rules: to a database two empty values would differ."""
    with app.app_context():
        record = valid.record(db.session, type_name, **{empty: None})
        table = record.__table__
        db.session.commit()
        row = db.session.execute(sa.select(table).where(table.c.id == record.id)).mappings().one()
        assert row[record.spec.fields[empty].column] is None
        twin = {name: value for name, value in row.items() if name != "id"} | {"number": "TWIN"}
        db.session.execute(sa.insert(table).values(twin | {"state": "void", "number": "TWIN-VOID"}))
        with pytest.raises(IntegrityError):
            db.session.execute(sa.insert(table).values(twin))
        db.session.rollback()
        db.session.remove()


def test_whoever_the_database_refuses_is_told_which_field(app, company):
    """Several rows written at once ask the index alone."""
    with app.app_context():
        act, _ = company.desk()
        with pytest.raises(Invalid) as told, records.together(act):
            act.new(STOCK, store_type="company", part_no="P-1", part_name="水泵", unit_of_measure="件")
        assert told.value.errors["part_no"].zh == "“配件编码”的这个值刚被别人使用"
        db.session.rollback()
        db.session.remove()
