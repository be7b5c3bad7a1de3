"""顾客调查覆盖率: which active customers were asked within a year, and who is still to be surveyed. The run is all there is: no
record is made of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from jobs.compiling import EACH_ALONE, REPORTS, Report, Task
from models.base import insert_from, rounded
from models.master.customer import Customer
from models.reports import RUN, Evidence
from models.satisfaction.satisfaction_questionnaire import SatisfactionQuestionnaire
from models.spec import VOID, Text

NAME = "survey_coverage"
CUSTOMER, FORM = Customer.__table__.c, SatisfactionQuestionnaire.__table__.c
IS_ACTIVE = CUSTOMER.state == "active"
CAPTIONS = {
    "active_count": Text("有效顾客数", "Active customers"),
    "surveyed_count": Text("本年已调查顾客数", "Customers surveyed in the year"),
    "unsurveyed_count": Text("本年尚未调查顾客数", "Customers still to be surveyed"),
    "year_coverage": Text("全年顾客覆盖率", "Coverage of the year"),
}


def compile_coverage(task: Task) -> list[Any]:
    """A customer is surveyed by a form that was sent within the year and is not void."""
    asked = CUSTOMER.id.in_(_asked_in(task))
    surveyed = _keep(task, "surveyed_count", IS_ACTIVE, asked)
    missing = _keep(task, "unsurveyed_count", IS_ACTIVE, ~asked)
    active = surveyed + missing
    task.figures.update(
        year=str(task.period), active_count=active, surveyed_count=surveyed, unsurveyed_count=missing,
        year_coverage=str(rounded(Decimal(surveyed) / active, 6)) if active else None)
    return []


def _asked_in(task: Task) -> Any:
    act, year = task.act, task.period
    return sa.select(FORM.customer_id).where(
        FORM.state != VOID, FORM.sent_at >= act.start_of(year.day(1)), FORM.sent_at < act.start_of(year.following().day(1)))


def _keep(task: Task, figure: str, *where: Any) -> int:
    """Write down the customers of a figure; how many they are. (A run that is started twice was rolled back before.)"""
    columns = {"of_type": RUN, "of_id": task.run_id, "figure": figure, "source_type": Customer.spec.name}
    rows = sa.select(*(sa.literal(value) for value in columns.values()), CUSTOMER.id).where(*where)
    return insert_from(task.act.session, Evidence.__table__, [*columns, "source_id"], rows)


REPORTS[NAME] = Report(
    name=NAME, label=Text("顾客满意度调查覆盖情况", "Customers surveyed in the year"), period_kind="year", record_type="",
    rights_of="satisfaction_survey_plan", compile=compile_coverage, captions=CAPTIONS, rates=("year_coverage",),
    sent_to=("customer_service", "quality_engineer"), reissue=EACH_ALONE)
