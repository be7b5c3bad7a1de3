"""GB/T 27922 评价得分: what the last evaluation of a year came to, indicator by indicator. The score is that of its sheet,
which computes it; the run is all there is, since the sheet itself is the record."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from jobs.compiling import EACH_ALONE, REPORTS, Report, Task
from models.certification.evaluation_scoresheet import DEDUCTIONS_THAT_FAIL, VERIFIED, EvaluationScoresheet
from models.certification.nonconformity_report import NonconformityReport
from models.reports import RUN, Evidence
from models.spec import Refused, Text
from rules import described

NAME = "evaluation_score"
SHEET = EvaluationScoresheet.spec.name
INDICATORS = {choice.value: choice.label for choice in EvaluationScoresheet.spec.lines["indicators"].fields["indicator"].choices}
# Fields of the sheet, in the order in which the score comes about.
OF_THE_SHEET = ("service_system_points", "product_service_points", "customer_service_points", "applicable_points", "base_score",
                "special_deduction_count", "special_bonus_count", "score", "level", "certificate_decision")
FIELDS = EvaluationScoresheet.spec.fields
POINTS = EvaluationScoresheet.spec.lines["indicators"].fields["actual_points"]
CAPTIONS = {
    "evaluation_count": Text("本年已汇总的评价", "Evaluations consolidated in the year"),
    **INDICATORS, **{name: FIELDS[name].label for name in (*OF_THE_SHEET, "open_major_count")},
    "is_failed_by_deductions": Text("特别扣分达五项，一票否决", "Failed by five special deductions"),
}
# What stands in a figure as a word.
WORDS = {choice.value: choice.label for name in ("level", "certificate_decision") for choice in FIELDS[name].choices}
NONE_YET = Text("{period} 没有已汇总的评价评分表：组长汇总后才有得分",
                "There is no consolidated score sheet in {period}: the score stands once the leader has consolidated it")


def compile_score(task: Task) -> list[Any]:
    """Of several evaluations in a year the last one tells where the company stands."""
    sheets = _sheets(task)
    if not sheets:
        raise Refused(NONE_YET.with_(period=task.period))
    sheet = sheets[-1]
    task.figures.update(
        year=str(task.period), sheet=sheet.number, evaluated_on=sheet.evaluated_on.isoformat(), evaluation_count=len(sheets),
        **{name: described.value(FIELDS[name], getattr(sheet, FIELDS[name].column)) for name in OF_THE_SHEET},
        is_failed_by_deductions=sheet.special_deduction_count >= DEDUCTIONS_THAT_FAIL)
    for row in sheet.indicators:
        told = {row.indicator: row.actual_points or Decimal(0), f"{row.indicator}/denominator": row.full_points}
        task.figures.update({name: None if row.is_deleted else described.value(POINTS, value) for name, value in told.items()})
    _keep(task, "evaluation_count", SHEET, (one.id for one in sheets))
    for name in (*INDICATORS, *OF_THE_SHEET[:5], "score", "level"):
        _keep(task, name, SHEET, (sheet.id,))
    _keep_nonconformities(task, sheet)
    return []


def _sheets(task: Task) -> list[Any]:
    column = EvaluationScoresheet.__table__.c
    return list(task.act.session.scalars(sa.select(EvaluationScoresheet).where(
        column.state.in_(("consolidated", "concluded")), column.evaluated_on >= task.period.day(1),
        column.evaluated_on <= task.period.last_day).order_by(column.evaluated_on, column.id)))


def _keep_nonconformities(task: Task, sheet: Any) -> None:
    """What cost points, and what bars the certificate as things stand now."""
    named = [row.nonconformity_report_id for row in sheet.special_items if row.kind == "deduction"]
    _keep(task, "special_deduction_count", NonconformityReport.spec.name, {id_ for id_ in named if id_})
    majors = task.act.find(NonconformityReport.spec.name, evaluation_plan_id=sheet.evaluation_plan_id, severity="major")
    still_open = [row.id for row in majors if row.state not in VERIFIED]
    task.figures["open_major_count"] = len(still_open)
    _keep(task, "open_major_count", NonconformityReport.spec.name, still_open)


def _keep(task: Task, figure: str, source: str, ids: Iterable[int]) -> None:
    rows = [{"of_type": RUN, "of_id": task.run_id, "figure": figure, "source_type": source, "source_id": id_} for id_ in ids]
    if rows:
        task.act.session.execute(sa.insert(Evidence.__table__), rows)


REPORTS[NAME] = Report(
    name=NAME, label=Text("GB/T 27922 评价得分", "GB/T 27922 evaluation score"), period_kind="year", record_type="",
    rights_of=SHEET, compile=compile_score, captions=CAPTIONS, words=WORDS,
    sent_to=("quality_manager",), reissue=EACH_ALONE)
