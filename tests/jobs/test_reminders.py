"""Reminders of what nobody has begun yet: dealers' reports and plans, analyses and surveys, each occasion once."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from jobs import reminders, schedule
from jobs.clock import Clock
from models.base import Record
from models.history import DeadlineClock, Notice, ScheduledJob
from models.master.dealer_ledger import DealerLedger
from models.people import User
from rules import access
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, at
from tests.test_statement_counts import desk


@pytest.fixture
def book(app):
    """Since long ago, with two dealers at work and one in preparation."""
    house = Casebook(app)
    with house.session() as session:
        session.execute(sa.delete(DeadlineClock))
        session.execute(sa.update(User).values(created_at=at("2023-01-01 00:00")))
        old = {"created_at": at("2023-01-01 00:00"), "established_on": at("2023-01-01 12:00").date()}
        codes = {"F001": "active", "F002": "rectifying", "F003": "candidate"}
        for code, state in codes.items():
            session.execute(sa.update(DealerLedger).where(DealerLedger.dealer_code == code).values(state=state, **old))
        session.commit()
    return house


def told(book, reminder, day):
    """(who, what) that is told on this day and was not before."""
    with book.session() as session:
        last = session.scalar(sa.select(sa.func.max(Notice.id))) or 0
        getattr(reminders, reminder)(Act(session, access.Actor.system(), now=at(f"{day} 08:00")))
        session.commit()
        rows = session.execute(sa.select(User.username, Notice.zh).join(User, User.id == Notice.person_id).where(
            Notice.id > last).order_by(User.username, Notice.id))
        return [tuple(row) for row in rows]


def handed_in(book, type_name, period, **values):
    """By the dealer F001."""
    with desk(book.app) as session:
        field = "period" if "period" in Record.types[type_name].fields else "quarter"
        return valid.record(session, type_name, "submitted", submitted_at="2024-03-01T09:00", **{field: period}, **values).id


def test_dealers_are_reminded_of_the_month_until_it_is_handed_in_and_late_ones_are_named(book):
    told(book, "dealer_reports", "2024-03-02")          # what was before the first day
    handed_in(book, "monthly_quality_report", "2024-02")
    soon = told(book, "dealer_reports", "2024-03-03")
    assert soon == [
        ("dealer_f001", "2024-02 的《服务商工作月报表》请于 2024-03-05 前提交"),
        ("dealer_f002", "2024-02 的《质量信息月报表》请于 2024-03-05 前提交"),
        ("dealer_f002", "2024-02 的《服务商工作月报表》请于 2024-03-05 前提交")]
    assert told(book, "dealer_reports", "2024-03-04") == []     # once for each occasion
    assert len(told(book, "dealer_reports", "2024-03-05")) == 3
    late = told(book, "dealer_reports", "2024-03-06")
    assert ("customer_service", "1 家服务商未按时提交 2024-02 的《质量信息月报表》：F002") in late
    assert ("dealer_f002", "2024-02 的《质量信息月报表》已超过期限（2024-03-05），尚未提交") in late
    assert told(book, "dealer_reports", "2024-03-07") == []


def test_what_forty_days_of_downtime_missed_is_told_on_the_first_day(book):
    told(book, "dealer_reports", "2024-02-20")
    late = told(book, "dealer_reports", "2024-04-01")
    assert {words for who, words in late if who == "dealer_f001"} == {
        f"2024-02 的《{name}》已超过期限（2024-03-05），尚未提交" for name in ("质量信息月报表", "服务商工作月报表")}


def test_a_plan_for_the_month_is_asked_for_on_the_7th_and_the_9th(book):
    told(book, "parts_plans", "2024-03-06")
    days = {day: len(told(book, "parts_plans", f"2024-03-{day:02}")) for day in range(7, 13)}
    # Two dealers; when it is late the two of customer service hear of it too.
    assert days == {7: 2, 8: 0, 9: 2, 10: 0, 11: 4, 12: 0}


def test_a_dealer_that_did_not_owe_it_yet_is_left_alone(book):
    with book.session() as session:
        session.execute(sa.update(DealerLedger).where(DealerLedger.dealer_code == "F002").values(
            established_on=at("2024-02-02 12:00").date()))
        session.commit()
    assert {who for who, words in told(book, "dealer_reports", "2024-03-03") if "2024-02" in words} == {"dealer_f001"}


def test_a_dealer_that_came_into_the_ledger_after_the_day_owes_nothing_for_it(book):
    with book.session() as session:
        session.execute(sa.update(DealerLedger).where(DealerLedger.dealer_code == "F002").values(
            created_at=at("2024-03-06 00:00")))
        session.commit()
    late = {who for who, words in told(book, "dealer_reports", "2024-03-06") if "2024-02" in words}
    assert "dealer_f001" in late and "dealer_f002" not in late


def test_what_is_begun_or_called_off_is_not_handed_in_and_what_was_sent_back_is(book):
    for month, state, submitted in (("01", "draft", None), ("02", "void", "2024-03-01T09:00"),
                                    ("03", "draft", "2024-04-01T09:00")):
        with desk(book.app) as session:
            report = valid.record(session, "monthly_quality_report", submitted_at=submitted, period=f"2024-{month}")
            session.execute(sa.update(type(report)).where(type(report).id == report.id).values(state=state))

    owed = [words[:7] for who, words in told(book, "dealer_reports", "2024-04-06")
            if who == "dealer_f001" and "质量信息" in words]
    assert owed == ["2024-01", "2024-02"]


def test_the_quarter_asks_for_analyses_summaries_and_a_survey(book):
    told(book, "quarter_reports", "2024-03-31")
    first = told(book, "quarter_reports", "2024-04-05")
    assert {who for who, words in first if "顾客服务季度分析" in words} == {"sales", "sales2"}
    assert {who for who, words in first if "服务网点季度工作总结" in words} == {"dealer_f001", "dealer_f002"}
    assert told(book, "quarter_reports", "2024-05-29") != []
    told(book, "quarter_reports", "2024-05-29")
    alert = told(book, "quarter_reports", "2024-05-30")           # the 60th day
    assert [who for who, words in alert if "2024-Q2 尚无已批准的满意度调查方案" in words] == [
        "both", "management_representative", "quality_manager", "quality_manager2"]
    assert told(book, "quarter_reports", "2024-06-01") == []


def test_a_quarter_with_an_approved_plan_is_left_alone(book):
    with desk(book.app) as session:
        valid.record(session, "satisfaction_survey_plan", "approved", quarter="2024-Q2", approved_at="2024-04-20T09:00",
                     starts_on="2024-04-25", due_on="2024-05-25")
    assert not any("尚无已批准" in words for _, words in told(book, "quarter_reports", "2024-05-30"))


def test_at_the_end_of_the_year_the_customers_nobody_asked_are_counted(book):
    with book.session() as session:
        customer = Record.types["customer"].model
        session.execute(sa.update(customer).values(created_at=at("2023-01-01 00:00"), state="active"))
        session.commit()
        count = session.scalar(sa.select(sa.func.count()).select_from(customer))
    assert told(book, "yearly_survey", "2024-11-30") == []
    people = ["both", "quality_engineer", "quality_engineer2", "quality_manager", "quality_manager2"]
    december = told(book, "yearly_survey", "2024-12-01")
    assert [who for who, _ in december] == people and f"2024 年尚有 {count} 家有效顾客" in december[0][1]
    with desk(book.app) as session:
        valid.record(session, "satisfaction_questionnaire", "sent", sent_at="2024-12-10T09:00",
                     customer=book.id("customer", name="客户A"))
    assert told(book, "yearly_survey", "2024-12-31") == []
    january = told(book, "yearly_survey", "2025-01-02")
    assert [who for who, _ in january] == people and f"{count - 1} 家有效顾客全年未被调查" in january[0][1]


def test_the_quality_manager_hears_when_every_vehicle_of_a_recall_has_its_result(book):
    with desk(book.app) as session:
        valid.record(session, "recall_campaign", "executing")
    assert [who for who, _ in told(book, "recalls", "2026-11-20")] == ["both", "quality_manager", "quality_manager2"]
    assert told(book, "recalls", "2026-11-21") == []


def test_the_clock_runs_them_each_morning(session, store, book):
    session.rollback()
    schedule.enrol(at("2024-03-03 07:00"))
    Clock(store).tick(at("2024-03-03 09:00"))
    session.rollback()
    rows = dict(session.execute(sa.select(ScheduledJob.name, ScheduledJob.last_result)).all())
    assert {name: rows[name] is not None for name in (
        "deadlines", "dealer_reports", "parts_plans", "quarter_reports", "yearly_survey", "recalls")} == dict.fromkeys((
            "deadlines", "dealer_reports", "parts_plans", "quarter_reports", "yearly_survey", "recalls"), True)
