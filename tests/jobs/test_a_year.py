"""A year on the office's clock: every kind of limit is kept to its last second and late a second after it, through month
ends, a leap day, holidays and days that make up for them; and what forty days of downtime missed is made up for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import sqlalchemy as sa

from jobs import deadlines, schedule
from jobs.clock import Clock
from jobs.schedule import Daily, Job, Monthly
from models.history import DeadlineClock
from models.intake.overdue_notice import OverdueNotice
from rules import access, workdays
from rules.act import Act
from tests import valid
from tests.casebook import at
from tests.jobs.test_clock import NAME, have, standing  # noqa: F401

SECOND = timedelta(seconds=1)
# What the office enters about 2028: spring festival, labour day, and the Saturdays that make up for them.
HOLIDAYS = [date(2028, 1, day) for day in range(26, 32)] + [date(2028, 5, day) for day in (1, 2, 3)]
MADE_UP = [date(2028, 1, 22), date(2028, 5, 6)]

# type, state, what starts it, which promise, and the last second at which it is kept.
YEAR = (
    ("quarterly_service_analysis", "draft", {"quarter": "2027-Q4"}, "quarterly_analysis", "2028-01-10 23:59:59"),
    ("quality_info_transfer", "replying", {"received_at": at("2027-12-31 23:30"), "replied_at": None}, "reply",
     "2028-01-01 23:30"),
    ("corrective_action", "issued", {"issued_at": at("2028-01-19 16:00"), "promised_at": None}, "action",
     "2028-02-14 23:59:59"),                  # 15 working days: 20 to 22, 24, 25 January; 1 to 4, 7 to 11, 14 February
    ("parts_demand_plan", "draft", {"period": "2028-02"}, "submit", "2028-02-10 23:59:59"),
    ("evaluation_plan", "draft", {"starts_on": "2028-03-02", "ends_on": "2028-03-03"}, "send_plan", "2028-02-28 23:59:59"),
    ("quality_info_transfer", "replying", {"received_at": at("2028-02-28 15:30:01"), "replied_at": None}, "reply",
     "2028-02-29 15:30:01"),
    ("callback_record", "due", {"served_at": at("2028-02-27 10:00"), "called_at": None}, "callback", "2028-03-01 10:00"),
    ("quality_info_summary", "compiled", {"period": "2028-02"}, "submit", "2028-03-01 23:59:59"),
    ("monthly_quality_report", "draft", {"period": "2028-02"}, "submit", "2028-03-05 23:59:59"),
    ("nonconformity_report", "issued", {"issued_at": at("2028-01-31 00:00"), "severity": "minor"}, "rectify",
     "2028-03-01 23:59:59"),
    ("complaint_case", "investigating", {"received_at": at("2028-04-28 17:00"), "registered_at": at("2028-04-28 17:00"),
                                         "time_limit": "standard", "replied_at": at("2028-04-28 18:00"), "promises": []},
     "close", "2028-05-09 23:59:59"),          # 4, 5, 6 (a Saturday that makes up), 8 and 9 May
    ("major_incident_report", "draft", {"loss_known_at": at("2028-06-30 23:00")}, "report", "2028-07-01 01:00"),
    ("outlet_quarterly_summary", "draft", {"quarter": "2028-Q3"}, "submit", "2028-10-10 23:59:59"),
)


def enter_holidays(session):
    act = Act(session, access.Actor.system())
    for kind, days in (("holiday", HOLIDAYS), ("workday", MADE_UP)):
        for day in days:
            workdays.set_day(act, day, kind, "2028")
    session.commit()


def test_every_limit_of_a_year_is_kept_to_its_last_second_and_late_a_second_after_it(app):
    with app.app_context():
        from models.base import db
        session = db.session
        enter_holidays(session)
        made = {}
        for type_name, state, given, promise, due in YEAR:
            with valid.desk(app) as desk:
                record = valid.record(desk, type_name, state, **given)
                made[type_name, record.id, promise] = (at(due), record.number or f"#{record.id}")
        keys = sa.tuple_(DeadlineClock.type, DeadlineClock.record_id, DeadlineClock.name)
        session.execute(sa.delete(DeadlineClock).where(keys.not_in(list(made))))
        session.commit()
        clocks = {(row.type, row.record_id, row.name): (row.state, row.due_at) for row in session.scalars(sa.select(DeadlineClock))}
        assert clocks == {key: ("running", due) for key, (due, _) in made.items()}

        def late_by(moment):
            deadlines.sweep(Act(session, access.Actor.system(), now=moment))
            found = session.execute(sa.select(OverdueNotice.subject_type, OverdueNotice.subject_number)).all()
            session.rollback()
            return sorted(tuple(row) for row in found)
        late = []
        for (type_name, _, _), (due, number) in sorted(made.items(), key=lambda item: item[1][0]):
            if (type_name, number) in late:
                continue
            together = [(key[0], name) for key, (moment, name) in made.items() if moment == due]
            assert late_by(due) == sorted(late)
            late += together
            assert late_by(due + SECOND) == sorted(late)
        assert late_by(at("2028-12-31 23:59:59")) == sorted(late) and len(late) == len(YEAR)
        # The office's first of July was still June in UTC.
        assert made[next(key for key in made if key[0] == "major_incident_report")][0] == datetime(2028, 6, 30, 17, tzinfo=UTC)


def test_a_year_of_monthly_jobs_with_forty_days_of_downtime_has_every_period_once_and_in_order(session, store, have):  # noqa: F811
    """The jobs of the house at their own times; the house stands still from 10 February to 21 March, over a leap day."""
    done = []

    def note(name):
        return lambda act, due: done.append((name, due))
    monthly = [Job(job.name, NAME, job.rule, note(job.name)) for job in schedule.JOBS if isinstance(job.rule, Monthly)]
    have(*monthly, Job("daily", NAME, Daily(time(0, 5)), note("daily")), since=at("2024-01-01 00:00") - SECOND)
    clock, now = Clock(store), at("2024-01-01 12:00")
    while now < at("2025-01-01 00:00"):
        if not at("2024-02-10 00:00") < now < at("2024-03-21 00:00"):
            clock.tick(now)
        now += timedelta(days=1)
    clock.tick(at("2024-12-31 23:59"))
    assert len(monthly) >= 6
    for job in monthly:
        days = [due for name, due in done if name == job.name]
        expected = [job.rule._in(date(2024, month, 1)) for month in range(1, 13)]
        assert days == expected, job.name
        assert standing(session, job.name).due_at > at("2024-12-31 23:59")
    caught_up = [due for name, due in done if name != "daily" and at("2024-02-10 00:00") < due < at("2024-03-21 00:00")]
    assert caught_up == sorted(caught_up) and len(caught_up) > 6
    assert len([1 for name, _ in done if name == "daily"]) == 366 - 40
