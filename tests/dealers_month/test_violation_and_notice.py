"""A verified violation leads to a notice, and each names the other."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.base import db
from rules import office
from tests import valid
from tests.casebook import Casebook, done, refused

NOTICE, VIOLATION = "reward_penalty_notice", "conduct_violation"


@pytest.fixture
def book(app):
    return Casebook(app)


def notice(book, violation):
    return {"dealer": book.id("dealer_ledger", dealer_code="F001"), "kind": "penalty", "measure_type": "fine",
            "conduct_violation": violation, "measure": "罚款", "amount": "500.00", "basis": "违规收费",
            "effective_on": office.today().isoformat()}


def test_the_two_tables_hold_each_others_key(app):
    with app.app_context():
        tables = sa.inspect(db.engine)
        for one, other in ((NOTICE, VIOLATION), (VIOLATION, NOTICE)):
            keys = [key for key in tables.get_foreign_keys(one) if key["referred_table"] == other]
            assert [key["constrained_columns"] for key in keys] == [[f"{other}_id"]]


def test_an_issued_notice_is_named_in_its_violation(app, book):
    with valid.desk(app) as session:
        reported, verified = (valid.record(session, VIOLATION, state, also=("dealer",), dealer=str(
            book.id("dealer_ledger", dealer_code="F001"))).id for state in ("reported", "verified"))
    service, deputy, dealer = (book.person(name) for name in ("customer_service", "deputy_gm", "dealer_f001"))
    early = service.create(NOTICE, notice(book, reported))
    refused(service.move(NOTICE, early, "submit"), "已查实的违规记录")
    id_ = service.create(NOTICE, notice(book, verified))
    done(service.move(NOTICE, id_, "submit"))
    refused(service.move(NOTICE, id_, "issue"), "不能发出")
    assert service.move(NOTICE, id_, "approve").status_code == 403
    done(deputy.move(NOTICE, id_, "approve"))
    assert book.read(VIOLATION, verified).reward_penalty_notice is None
    done(service.move(NOTICE, id_, "issue"))
    assert book.read(VIOLATION, verified).reward_penalty_notice == id_
    assert book.read(VIOLATION, verified).state == "verified"
    done(dealer.move(NOTICE, id_, "acknowledge"))
    assert book.read(NOTICE, id_).signed_by == book.user("dealer_f001")
