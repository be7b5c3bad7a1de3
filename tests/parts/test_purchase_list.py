"""The month's purchase list: what the plans ask for less what the store can give, and who signs for it."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from jobs import reports
from models.base import Record
from models.parts.parts_stock import book as book_stock
from models.people import User
from models.reports import ReportRun
from models.spec import Refused
from rules import access, audit, records
from rules.act import Act
from tests import on_paper
from tests.casebook import Casebook, at, done, refused
from tests.every_door import every_door_says

LIST, PLAN = "parts_purchase_list", "parts_demand_plan"
SYSTEM = access.Actor.system()
MONTH, NOW = "2026-10", at("2026-10-11 00:10")


class Parts:
    """Plans and stock as they stand, each put there in a session of its own."""

    def __init__(self, app):
        self.book, self.count = Casebook(app), 0

    def plan(self, dealer, quantities, submitted="2026-10-09 09:00", period=MONTH, state="accepted", needed=None, **lowered):
        line = Record.types[PLAN].lines["parts"].model
        self.count += 1
        with self.book.session() as session:
            act = Act(session, SYSTEM, is_history=True)
            plan = records.blank(act, Record.types[PLAN])
            plan.number, plan.state, plan.period, plan.submitted_at = f"X-{self.count:04}", state, period, at(submitted)
            plan.dealer_id = self.book.id("dealer_ledger", dealer_code=dealer)
            plan.prepared_by_id = self.book.user("dealer_f001")
            plan.parts = [line(position=n, part_no=part, part_name=f"件{part}", unit_of_measure="件", quantity=Decimal(wanted),
                               accepted_quantity=Decimal(lowered.get(part, wanted)), needed_on=needed)
                          for n, (part, wanted) in enumerate(quantities.items())]
            records.keep(act, plan, {})
            session.commit()
            return plan.number

    def stock(self, part_no, quantity, dealer=None):
        part = SimpleNamespace(part_no=part_no, part_name="件", model=None, unit_of_measure="件")
        with self.book.session() as session:
            act = Act(session, SYSTEM)
            source = act.get("dealer_ledger", self.book.id("dealer_ledger", dealer_code="F001"))
            act.actor = access.Actor.of(session.scalar(sa.select(User).where(User.username == "warehouse")), "screen")
            book_stock(act, "opening", Decimal(quantity), part, source,
                       dealer_id=dealer and self.book.id("dealer_ledger", dealer_code=dealer))
            session.commit()

    def run(self, period=MONTH, now=NOW, asked_by=None):
        with self.book.session() as session:
            actor = SYSTEM
            if asked_by:
                actor = access.Actor.of(session.scalar(sa.select(User).where(User.username == asked_by)), "screen")
            run = reports.request(Act(session, actor, now=now), LIST, period)
            session.commit()
            reports.run(run.id, now=now)
            run = session.get(ReportRun, run.id, populate_existing=True)
            told = reports.as_json(session, run)
            session.commit()
            return SimpleNamespace(state=run.state, error=run.error_en, records=told["records"], ids=run.records)

    def listed(self, **options):
        run = self.run(**options)
        assert run.state == "done", run.error
        return run.records[0]

    def plan_state(self, number):
        return self.book.read(PLAN, self.book.ids(PLAN, number=number)[0]).state

    def the_list(self):
        return self.book.ids(LIST)[-1]


@pytest.fixture
def parts(app):
    return Parts(app)


def lines(record):
    return {row["part_no"]: (row["demand_quantity"], row["available_quantity"], row["quantity"])
            for row in record["lines"]["parts"]}


# What is to be bought -------------------------------------------------------------------------------------------------

def test_example_f_demand_less_stock(parts):
    first = parts.plan("F001", {"P1": 30})
    second = parts.plan("F002", {"P1": 20})
    parts.stock("P1", 15)
    record = parts.listed()
    assert lines(record) == {"P1": ("50", "15", "35")}
    assert [(row["parts_demand_plan"], row["quantity"]) for row in record["lines"]["sources"]] == [
        (first, "30"), (second, "20")]
    assert record["behind"]["parts:P1"] == [first, second]
    assert [record["fields"][name] for name in ("period", "line_count", "total_quantity")] == [MONTH, 1, "35"]
    assert record["number"].startswith("PPU-202610-")
    manager, id_ = parts.book.person("customer_service"), parts.the_list()
    every_door_says(parts.book, "customer_service", LIST, id_, line_count="1", total_quantity="35")
    bought, = on_paper.rows_of(on_paper.calculated(manager, LIST, id_)["采购明细"])
    assert [bought[label] for label in ("需求合计", "可用库存", "采购数量")] == [50, 15, 35]
    assert "501535" in on_paper.whole(on_paper.printed(manager, LIST, id_))
    assert [parts.plan_state(number) for number in (first, second)] == ["consolidated", "consolidated"]


@pytest.mark.parametrize(("stock", "expected"), [(60, {}), (50, {}), (49, {"P1": ("50", "49", "1")}), (0, {"P1": ("50", "0", "50")})])
def test_example_f_what_the_store_has_is_not_bought(parts, stock, expected):
    parts.plan("F001", {"P1": 30})
    parts.plan("F002", {"P1": 20})
    if stock:
        parts.stock("P1", stock)
    assert lines(parts.listed()) == expected


def test_a_dealers_own_stock_is_not_deducted(parts):
    parts.plan("F001", {"P1": 30})
    parts.stock("P1", 100, dealer="F001")
    assert lines(parts.listed()) == {"P1": ("30", "0", "30")}


def test_what_was_accepted_counts(parts):
    parts.plan("F001", {"P1": 30, "P2": 4}, P1=10, P2=0, needed=date(2026, 10, 20))
    parts.plan("F002", {"P1": 5}, needed=date(2026, 10, 15))
    record = parts.listed()
    assert lines(record) == {"P1": ("15", "0", "15")}
    assert record["lines"]["parts"][0]["needed_on"] == "2026-10-15"
    assert {row["part_no"] for row in record["lines"]["sources"]} == {"P1"}


@pytest.mark.parametrize(("submitted", "period", "state", "month", "is_in"), [
    ("2026-10-10 23:59:59", "2026-10", "accepted", "2026-10", True),
    ("2026-10-11 00:00:00", "2026-10", "accepted", "2026-10", False),
    ("2026-10-11 00:00:00", "2026-10", "accepted", "2026-11", True),
    ("2026-10-09 09:00:00", "2026-10", "accepted", "2026-11", False),
    ("2026-08-20 09:00:00", "2026-08", "accepted", "2026-10", True),
    ("2026-10-09 09:00:00", "2026-10", "submitted", "2026-10", False),
    ("2026-10-09 09:00:00", "2026-10", "cancelled", "2026-10", False)])
def test_which_plans_a_list_takes_in(parts, submitted, period, state, month, is_in):
    number = parts.plan("F001", {"P1": 1}, submitted, period, state)
    record = parts.listed(period=month, now=at(f"{month}-11 00:10"))
    assert ("P1" in lines(record)) == is_in
    assert parts.plan_state(number) == ("consolidated" if is_in else state)


# Again ----------------------------------------------------------------------------------------------------------------

def test_compiling_again_keeps_supplier_and_price(parts):
    parts.plan("F001", {"P1": 30, "P2": 1})
    first = parts.listed()
    buyer = parts.book.person("customer_service")
    done(buyer.edit(LIST, parts.the_list(), **{
        "parts-0-supplier": "甲厂", "parts-0-unit_price": "2.50", "parts-0-remark": "加急"}))
    parts.plan("F002", {"P1": 20, "P0": 2})
    again = parts.listed(asked_by="customer_service")
    assert again["number"] == first["number"] and again["fields"]["handler"] == "customer_service"
    assert lines(again) == {"P0": ("2", "0", "2"), "P1": ("50", "0", "50"), "P2": ("1", "0", "1")}
    row = again["lines"]["parts"][1]
    assert [row[name] for name in ("line_no", "supplier", "unit_price", "remark", "amount")] == [2, "甲厂", "2.50", "加急", "125.00"]
    third = parts.listed()
    assert (third["lines"], third["behind"]) == (again["lines"], again["behind"])
    with parts.book.session() as session:
        assert list(audit.verify(session)) == []


def test_a_list_that_is_further_on_is_not_touched(parts):
    parts.plan("F001", {"P1": 30})
    first = parts.listed()
    parts.book.as_it_was(LIST, parts.the_list(), state="released")
    run = parts.run()
    assert (run.state, first["number"] in run.error) == ("failed", True)
    # A plan that was accepted since gets a list of its own.
    parts.plan("F002", {"P1": 7})
    second = parts.listed()
    assert second["number"] != first["number"] and lines(second) == {"P1": ("7", "0", "7")}


def test_the_plans_of_a_cancelled_list_wait_for_the_next(parts):
    number = parts.plan("F001", {"P1": 30})
    first = parts.listed()
    done(parts.book.person("customer_service").move(LIST, parts.the_list(), "cancel", comment="重做"))
    assert parts.plan_state(number) == "accepted"
    second = parts.listed()
    assert second["number"] != first["number"] and lines(second) == lines(first)


def test_a_person_asks_for_it_on_the_plan(parts):
    number = parts.plan("F001", {"P1": 30})
    done(parts.book.person("customer_service").move(PLAN, parts.book.ids(PLAN, number=number)[0], "consolidate"))
    with parts.book.session() as session:
        runs = session.execute(sa.select(ReportRun.report, ReportRun.period, ReportRun.state)).all()
        assert [tuple(run) for run in runs] == [(LIST, MONTH, "queued")]


def test_the_command(app, parts):
    parts.plan("F001", {"P1": 30})
    answer = app.test_cli_runner().invoke(args=["report", "run", LIST, "--period", MONTH, "--wait", "--json"])
    assert answer.exit_code == 0, answer.output
    assert lines(json.loads(answer.stdout)["records"][0]) == {"P1": ("30", "0", "30")}
    answer = app.test_cli_runner().invoke(args=["report", "run", LIST, "--period", "2026-Q4"])
    assert answer.exit_code == 2


# Who signs ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def submitted(parts):
    parts.plan("F001", {"P1": 30})
    parts.listed(asked_by="customer_service2")
    list_, buyer = parts.the_list(), parts.book.person("customer_service")
    refused(buyer.move(LIST, list_, "submit"), "供应商和单价")
    done(buyer.edit(LIST, list_, **{"parts-0-supplier": "甲厂", "parts-0-unit_price": "2.50"}))
    done(buyer.move(LIST, list_, "submit"))
    return list_


def approve(parts, username, list_):
    return parts.book.person(username).move(LIST, list_, "approve")


def test_example_f_finance_signs_before_the_deputy_general_manager(parts, submitted):
    assert approve(parts, "deputy_gm", submitted).status_code == 403
    assert parts.book.state(LIST, submitted) == "in_approval"
    done(approve(parts, "finance", submitted))
    assert parts.book.state(LIST, submitted) == "in_approval"
    done(approve(parts, "deputy_gm", submitted))
    assert parts.book.state(LIST, submitted) == "approved"


def test_example_f_nobody_signs_twice(parts, submitted):
    parts.book.grant("finance", "deputy_gm")
    done(approve(parts, "finance", submitted))
    assert approve(parts, "finance", submitted).status_code == 403
    assert parts.book.state(LIST, submitted) == "in_approval"


@pytest.mark.parametrize("username", ["customer_service", "customer_service2"])
def test_neither_who_compiled_nor_who_submitted_it_signs(parts, submitted, username):
    parts.book.grant(username, "finance")
    assert approve(parts, username, submitted).status_code == 403


def test_what_arrives_is_in_stock_for_the_next_list(parts, submitted):
    done(approve(parts, "finance", submitted))
    done(approve(parts, "deputy_gm", submitted))
    done(parts.book.person("customer_service").move(LIST, submitted, "release"))
    store = parts.book.person("warehouse")
    done(store.edit(LIST, submitted, **{"parts-0-received_quantity": "12"}))
    done(store.move(LIST, submitted, "receive_part"))
    parts.plan("F001", {"P1": 20}, "2026-11-09 09:00", "2026-11")
    assert lines(parts.listed(period="2026-11", now=at("2026-11-11 00:10"))) == {"P1": ("20", "12", "8")}


def test_a_month_without_plans_has_an_empty_list(parts):
    record = parts.listed()
    assert lines(record) == {} and record["fields"]["line_count"] == 0


def test_a_plan_that_cannot_be_taken_in_is_named(parts):
    good = parts.plan("F001", {"P1": 1})
    bad = parts.plan("F002", {"P1": 2})
    with parts.book.session() as session:
        session.execute(sa.text("UPDATE parts_demand_plan SET prepared_by_id = NULL WHERE number = :number"), {"number": bad})
        session.commit()
    run = parts.run()
    assert (run.state, bad in run.error, good in run.error) == ("done", True, False)
    assert lines(run.records[0]) == {"P1": ("1", "0", "1")}
    assert [parts.plan_state(number) for number in (good, bad)] == ["consolidated", "accepted"]


def test_a_plan_is_refused_before_its_list_has_begun(parts):
    number = parts.plan("F001", {"P1": 1}, "2026-10-12 09:00")
    with pytest.raises(Refused):
        parts.book.act("system", PLAN, parts.book.ids(PLAN, number=number)[0], "consolidate", now=at("2026-10-31 23:59"))


# On the screen --------------------------------------------------------------------------------------------------------

def test_the_rows_are_named_on_the_form_and_none_can_be_added_or_removed(parts):
    parts.plan("F001", {"P1": 30, "P2": 1})
    parts.listed()
    buyer, path = parts.book.person("customer_service"), f"/admin/{LIST}/edit/?id={parts.the_list()}"
    page = buyer.get(path).text
    assert "P1 · 件P1" in page and "data-add-row" not in page
    form = buyer.form(path)
    assert buyer.post(path, {**form, "parts-2-supplier": "乙厂"}).status_code == 422
    fewer = {name: value for name, value in form.items() if not name.startswith("parts-1-")}
    assert buyer.post(path, fewer).status_code == 422
    assert [row.part_no for row in parts.book.read(LIST, parts.the_list()).parts] == ["P1", "P2"]


def test_nothing_arrives_before_the_list_is_released(parts):
    parts.plan("F001", {"P1": 30})
    parts.listed()
    answer = parts.book.person("customer_service").edit(LIST, parts.the_list(), **{"parts-0-received_quantity": "3"})
    refused(answer, "下达配套部后方可登记到货", 422)


def test_arrivals_are_recorded_once_it_is_released_and_nothing_else_then(parts, submitted):
    book = parts.book
    for username in ("finance", "deputy_gm"):
        done(approve(parts, username, submitted))
    done(book.person("customer_service").move(LIST, submitted, "release"))
    refused(book.person("warehouse").edit(LIST, submitted, **{"parts-0-unit_price": "9"}), "提交审批后明细不能再改", 422)
    done(book.person("warehouse").edit(LIST, submitted, **{"parts-0-received_quantity": "3"}))
