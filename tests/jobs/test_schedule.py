"""When something is due: on the office's calendar and clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from jobs import schedule
from jobs.schedule import Every, Monthly
from models.history import ScheduledJob
from models.reports import ReportRun
from rules import access, office
from rules.act import Act
from tests.casebook import at

FIRST = Monthly(1, time(0, 10))
LAST = Monthly(0, time(20, 0))


@pytest.fixture(autouse=True)
def in_shanghai():
    before = office.zone()
    office.set_zone(ZoneInfo("Asia/Shanghai"))
    yield
    office.set_zone(before)


@pytest.mark.parametrize(("rule", "now", "due"), [
    (FIRST, "2026-10-15 12:00", "2026-11-01 00:10"),
    (FIRST, "2026-10-31 23:59", "2026-11-01 00:10"),
    (FIRST, "2026-11-01 00:09", "2026-11-01 00:10"),
    (FIRST, "2026-11-01 00:10", "2026-12-01 00:10"),
    (FIRST, "2026-12-31 23:00", "2027-01-01 00:10"),
    (FIRST, "2028-02-29 12:00", "2028-03-01 00:10"),
    (LAST, "2026-10-15 12:00", "2026-10-31 20:00"),
    (LAST, "2026-10-31 19:59", "2026-10-31 20:00"),
    (LAST, "2026-10-31 20:00", "2026-11-30 20:00"),
    (LAST, "2026-11-01 00:00", "2026-11-30 20:00"),
    (LAST, "2026-12-31 20:00", "2027-01-31 20:00"),
    (LAST, "2027-01-31 20:00", "2027-02-28 20:00"),
    (LAST, "2028-01-31 20:00", "2028-02-29 20:00"),
    (LAST, "2100-01-31 20:00", "2100-02-28 20:00"),
    (LAST, "2028-02-29 20:00", "2028-03-31 20:00"),
])
def test_the_next_time_of_a_monthly_job(rule, now, due):
    assert rule.after(at(now), at("2030-01-01 00:00")) == at(due)
    assert rule.first(at(now)) == at(due)


def test_the_first_in_the_office_is_not_yet_the_first_in_utc():
    due = FIRST.first(at("2026-10-15 12:00"))
    assert due.utcoffset() == timedelta(0)
    assert due == datetime(2026, 10, 31, 16, 10, tzinfo=UTC)
    # And this hour of UTC's last day belongs to the office's next month already.
    assert FIRST.first(datetime(2026, 10, 31, 16, 30, tzinfo=UTC)) == datetime(2026, 11, 30, 16, 10, tzinfo=UTC)


@pytest.mark.parametrize(("rule", "hour"), [(FIRST, "00:10"), (LAST, "20:00")])
def test_ten_years_have_a_hundred_and_twenty_times_all_at_the_same_hour(rule, hour):
    times = [rule.first(at("2024-01-01 00:00"))]
    while times[-1] < at("2034-01-01 00:00"):
        times.append(rule.after(times[-1], times[-1]))
    assert len(times[:-1]) == 120
    assert {office.local(moment).strftime("%H:%M") for moment in times} == {hour}
    months = [office.local(moment).year * 12 + office.local(moment).month for moment in times]
    assert {later - earlier for earlier, later in pairwise(months)} == {1}
    for moment in times:
        neighbour = office.local(moment + (timedelta(days=-1) if rule is FIRST else timedelta(days=1)))
        assert neighbour.month != office.local(moment).month


def test_where_clocks_change_the_hour_is_still_the_offices():
    office.set_zone(ZoneInfo("Europe/Berlin"))
    assert FIRST.first(datetime(2026, 3, 15, tzinfo=UTC)) == datetime(2026, 3, 31, 22, 10, tzinfo=UTC)
    assert FIRST.first(datetime(2026, 10, 15, tzinfo=UTC)) == datetime(2026, 10, 31, 23, 10, tzinfo=UTC)


def test_what_comes_every_five_minutes_is_not_made_up_for():
    rule = Every(timedelta(minutes=5))
    noon = at("2026-10-15 12:00")
    assert rule.first(noon) == noon
    assert rule.after(noon, noon) == at("2026-10-15 12:05")
    assert rule.after(noon, noon + timedelta(seconds=20)) == at("2026-10-15 12:05") + timedelta(seconds=20)
    assert rule.after(noon, noon + timedelta(days=40)) == at("2026-11-24 12:05")


def test_the_summary_is_drafted_on_the_last_evening_and_compiled_on_the_first_night():
    jobs = schedule.KEPT
    assert jobs["quality_info_summary_draft"].rule == LAST
    assert jobs["quality_info_summary"].rule == FIRST
    assert jobs["seal_audit"].rule == Every(timedelta(minutes=5))


@pytest.mark.parametrize(("job", "due", "period"), [
    ("quality_info_summary_draft", "2026-10-31 20:00", "2026-10"),
    ("quality_info_summary_draft", "2024-02-29 20:00", "2024-02"),
    ("quality_info_summary", "2026-11-01 00:10", "2026-10"),
    ("quality_info_summary", "2026-01-01 00:10", "2025-12"),
])
def test_each_asks_for_the_month_it_means(session, job, due, period):
    schedule.KEPT[job].function(Act(session, access.Actor.system(), now=at(due) + timedelta(hours=5)), at(due))
    assert session.scalars(sa.select(ReportRun.period)).all() == [period]


def test_a_start_gives_new_jobs_their_next_time_and_leaves_the_others_alone(session):
    kept = at("2026-09-30 20:00")
    session.add(ScheduledJob(name="quality_info_summary_draft", due_at=kept, last_result="run 7"))
    session.commit()
    for now in (at("2026-11-15 12:00"), at("2026-12-24 12:00")):
        schedule.enrol(now)
    found = {row.name: row.due_at for row in session.scalars(sa.select(ScheduledJob))}
    assert set(found) == set(schedule.KEPT)
    assert found["quality_info_summary_draft"] == kept
    assert found["quality_info_summary"] == at("2026-12-01 00:10")
    assert found["seal_audit"] == at("2026-11-15 12:00")
