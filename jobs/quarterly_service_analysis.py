"""顾客服务季度分析: a draft for every salesperson, with the figures of what they took in and how it was dealt with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from jobs.quarterly_figures import Quarter, compile_drafts
from jobs.reissues import Reissuing
from jobs.compiling import REPORTS, Report, Task
from models.conditions import TO_BE_WRITTEN
from models.measures import OF_SALESPEOPLE
from models.people import Membership, User
from models.satisfaction.quarterly_service_analysis import QuarterlyServiceAnalysis

NAME = "quarterly_service_analysis"
QUARTER = Quarter(
    NAME, OF_SALESPEOPLE, whose={"taken_by_id": "salesperson_id"}, blank={"service_situation": TO_BE_WRITTEN}, header={})


def compile_analyses(task: Task) -> list[Any]:
    """Of every active salesperson: their sign-in may be younger than what they did."""
    people = task.act.session.execute(sa.select(User.id, User.name).where(
        User.is_active, User.id.in_(sa.select(Membership.user_id).where(Membership.role == "sales"))).order_by(User.id)).all()
    return compile_drafts(task, QUARTER, [(person.name, {"salesperson": person.id}) for person in people])


REPORTS[NAME] = Report(
    name=NAME, label=QuarterlyServiceAnalysis.spec.label, period_kind="quarter", record_type=NAME, compile=compile_analyses,
    asked_by="compile", sent_to=("sales", "sales_lead"), reissue=Reissuing(carried=(
        "region", "service_situation", "typical_cases", "is_problem_free", "suggestion", "remark", "problems")))
