"""The monthly analysis of what users told: what counts once, what it adds up to, and what is behind each figure."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from models.base import Record
from models.dealers.monthly_quality_analysis import FocusItem
from models.master.dealer_ledger import DealerLedger
from rules.access import Actor
from rules.act import Act
from tests import valid
from tests.valid import desk

NAME = "monthly_quality_analysis"


def at(text):
    """A moment of the office, as the forms take it."""
    return f"2026-{text}"


def report(session, period, state, items, dealer=valid.HERE):
    own = {"dealer": str(dealer)} if isinstance(dealer, int) else {}
    return valid.record(session, "monthly_quality_report", state, period=period, is_nil_report="false", **own, items=[
        {"occurred_on": f"{period}-{n + 2:02}", "model": "M1", "fault_category": "engine", "fault_description": "异响",
         "quantity": "1", "amount": "100", **item} for n, item in enumerate(items)])


def card(session, received, **more):
    return valid.record(session, "complaint_tracking_card", more.pop("state", "forwarded"), received_at=at(received),
                        fault_category=more.pop("fault_category", "brakes"), **more)


@pytest.fixture
def told(app):
    """October: a report of three lines, of which one is a card's; two cards, one of them with its register row; an
    appraisal; and what must not count. September has one card, October of last year a report with one line."""
    with desk(app) as session:
        counted = card(session, "10-03T09:00", mileage="9999")
        late = card(session, "10-31T23:59", fault_category="electrical", mileage="10000")
        card(session, "11-01T00:00")
        card(session, "10-05T09:00", state="void")
        card(session, "09-10T09:00", state="closed", closed_at=at("09-12T09:00"))
        valid.record(session, "customer_feedback_register", "open", source="tracking_card", received_at=at("10-04T09:00"),
                     complaint_tracking_card=str(counted.id), fault_category="brakes", direct_loss="5000")
        own = valid.record(session, "customer_feedback_register", "open", source="hotline", received_at=at("10-20T09:00"),
                           fault_category="engine", direct_loss="50", complaint_tracking_card="")
        appraisal = valid.record(session, "warranty_appraisal", "submitted", received_at=at("10-09T09:00"),
                                 fault_category="engine", mileage="30000")
        monthly = report(session, "2026-10", "accepted", [
            {}, {"fault_category": "brakes", "quantity": "3", "amount": "20"},
            {"complaint_tracking_card": str(counted.id), "fault_category": "brakes", "quantity": "7", "amount": "900"}])
        report(session, "2025-10", "submitted", [{}])
        return {"dealer": session.get(DealerLedger, monthly.dealer_id).dealer_code, "report": monthly.number,
                "card": counted.number, "late": late.number, "own": own.number, "appraisal": appraisal.number}


def run(app, period="2026-10"):
    answer = app.test_cli_runner().invoke(args=["report", "run", NAME, "--period", period, "--wait", "--json"])
    assert answer.exit_code == 0, answer.output
    record, = json.loads(answer.stdout)["records"]
    return record


def lines(record, section):
    return {line["key"] or "": line for line in record["lines"]["figures"] if line["section"] == section}


def test_an_event_that_several_records_tell_of_counts_once(app, told):
    found = run(app)
    sources = {line["source_number"]: line["is_counted"] for line in found["lines"]["sources"]}
    report_ = told["report"]
    assert {number for number, counts in sources.items() if counts} == {
        f"{report_}/1", f"{report_}/2", told["card"], told["late"], told["own"], told["appraisal"]}
    assert not sources[f"{report_}/3"], "the card of October tells of the same"
    assert sum(not counts for counts in sources.values()) == 2, "the register row of the card is the other one"
    assert found["fields"]["case_count"] == 6


def test_the_month_is_compared_with_the_one_before_and_the_year_before(app, told):
    found = run(app)
    fields = found["fields"]
    assert (fields["previous_case_count"], fields["change_rate"]) == (1, "5.000000")
    assert (fields["year_ago_case_count"], fields["year_change_rate"]) == (1, "5.000000")
    trend = lines(found, "trend")
    assert len(trend) == 12 and trend["2026-10"]["case_count"] == 6 and trend["2026-09"]["case_count"] == 1
    assert trend["2025-11"]["case_count"] == 0 and "2025-10" not in trend


def test_every_group_adds_up_and_the_focus_is_the_smallest_part_that_makes_four_fifths(app, told):
    found = run(app)
    for section in ("by_source", "by_fault_category", "by_vehicle_model", "by_part", "by_product_batch", "by_dealer",
                    "by_mileage_band"):
        assert sum(line["case_count"] for line in lines(found, section).values()) == 6, section
    faults = lines(found, "by_fault_category")
    assert {key: (line["rank"], line["case_count"], line["is_focus"]) for key, line in faults.items()} == {
        "engine": (1, 3, True), "brakes": (2, 2, True), "electrical": (3, 1, False)}
    assert faults["brakes"]["cumulative_rate"] == "0.833333", "four fifths are reached here"
    assert (faults["brakes"]["quantity"], faults["brakes"]["previous_case_count"]) == (4, 1)
    bands = lines(found, "by_mileage_band")
    assert {key: line["case_count"] for key, line in bands.items()} == {
        "1万公里以下": 1, "1–2万公里": 1, "3–5万公里": 1, "-": 3}


def test_every_figure_has_the_records_behind_it(app, told):
    found = run(app)
    for line in found["lines"]["figures"]:
        if line["section"] == "trend" or line["section"].startswith("by_"):
            behind = found["behind"].get(f"{line['section']}:{line['key']}", [])
            assert len(behind) == line["case_count"], line
    assert len(found["behind"]["case_count"]) == 6 and found["behind"]["case_count"].count(told["report"]) == 2
    assert len(found["behind"]["previous_case_count"]) == 1
    opened = {line["source_number"]: line["open_days"] for line in found["lines"]["open_items"]}
    assert opened[told["card"]] == 28 and opened[told["late"]] == 0 and opened[told["own"]] == 11
    assert len(opened) == found["fields"]["open_count"] == 3 == len(found["behind"]["open_count"])


@pytest.mark.parametrize(("submitted", "is_late"), [
    (datetime(2026, 11, 5, 15, 59, 59, tzinfo=UTC), False), (datetime(2026, 11, 5, 16, tzinfo=UTC), True)])
def test_who_did_not_send_the_report_by_the_fifth_is_listed(app, told, submitted, is_late):
    with desk(app) as session:
        session.execute(sa.update(DealerLedger).values(established_on=date(2026, 10, 1), state="active"))
        session.execute(sa.update(DealerLedger).where(DealerLedger.dealer_code == "F003").values(
            established_on=date(2026, 10, 2)))
        model = Record.types["monthly_quality_report"].model
        session.execute(sa.update(model).where(model.number == told["report"]).values(submitted_at=submitted))
    late = {line["dealer"]: line["submitted_at"] for line in run(app)["lines"]["late_dealers"]}
    assert ("SPL-0001" in late) is is_late, "midnight of the fifth in Shanghai"
    assert late["SPL-0002"] is None, "never sent"
    assert "SPL-0003" not in late, "opened on the second of the month: owes none"


def test_what_people_wrote_stays_and_last_months_promises_are_followed_up(app, told):
    first = run(app, "2026-09")
    with desk(app) as session:
        model = Record.types[NAME].model
        september = session.scalar(sa.select(model).where(model.number == first["number"]))
        september.focus_items.append(FocusItem(position=0, item="制动异响", progress="已更换供应商"))
        Act(session, Actor.system()).touch(september)
    found = run(app)
    assert [(line["item"], line["is_from_last_month"], line["progress"]) for line in found["lines"]["focus_items"]] == [
        ("制动异响", True, "已更换供应商")]
    with desk(app) as session:
        october = session.scalar(sa.select(model).where(model.number == found["number"]))
        october.analysis_text = "本月制动问题突出"
        Act(session, Actor.system()).touch(october)
    again = run(app)
    assert again["number"] == found["number"] and again["fields"]["analysis_text"] == "本月制动问题突出"
    assert len(again["lines"]["focus_items"]) == 1
    assert again["lines"]["figures"] == found["lines"]["figures"], "compiling twice gives the same"


def test_a_month_without_anything_divides_by_nothing(app):
    found = run(app, "2024-02")
    assert found["fields"]["case_count"] == 0 and found["fields"]["change_rate"] is None
    assert not lines(found, "month_on_month")[""]["is_applicable"]
    assert not lines(found, "appraisal_pass")[""]["is_applicable"]
