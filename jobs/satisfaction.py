"""满意度评分 and 分析报告: the score of a survey round from its valid forms, and the report that is written on it.

The figures are the sheet's own, derived when it is saved; what is kept here is which sheet is written and the forms
behind its figures.
"""

from __future__ import annotations

from typing import Any

from jobs.reissues import Reissuing
from jobs.compiling import FURTHER_ON, NO_PLAN, REPORTS, Report, Task, account_for, forget_evidence
from models.reports import Evidence
from models.satisfaction.satisfaction_report import SatisfactionReport
from models.satisfaction.satisfaction_score import WEIGHTS, SatisfactionScore
from models.spec import VOID, Refused, Text

SCORE, REPORT, FORM, PLAN = (
    "satisfaction_score", "satisfaction_report", "satisfaction_questionnaire", "satisfaction_survey_plan")
NOT_ISSUED = Text("调查方案 {number} 尚未发出，没有可评分的调查表",
                  "The survey plan {number} is not issued yet: there are no questionnaires to score")
NOT_CLOSED = Text("调查方案 {number} 尚未结束，结束后方可编写报告",
                  "The survey plan {number} is not closed yet: it is reported on after that")


def compile_score(task: Task) -> list[Any]:
    """The sheet of the round; raises Refused if it is confirmed or nothing was asked yet."""
    return [_score(task, _plan(task))]


def compile_report(task: Task) -> list[Any]:
    """The draft of the report, on the round's score; raises Refused if it is further on."""
    act, plan = task.act, _plan(task)
    if plan.state != "closed":
        raise Refused(NOT_CLOSED.with_(number=plan.number))
    report = _living(act.find(REPORT, satisfaction_survey_plan_id=plan.id))
    if report is not None and report.state != "draft":
        raise _further_on(task, report)
    score = _sheet(act, plan)
    if score is None or score.state == "computed":
        score = _score(task, plan)
    if report is None:
        report = act.new(REPORT, title=f"{plan.title} 分析报告"[:200], satisfaction_survey_plan=plan.id)
    report.take_scores(score, act)
    act.touch(report)
    forms = _forms(task, plan)
    _keep_evidence(task, report, {
        "sent_count": [form for form in forms if form.sent_at],
        "returned_count": [form for form in forms if form.returned_at], "score": [score]})
    return [report]


def _plan(task: Task) -> Any:
    """The plan that was asked for. It stays locked: closing it waits, and so does whoever compiles it as well."""
    found = task.act.find(PLAN, number=task.scope)
    if not found:
        raise Refused(NO_PLAN.with_(number=task.scope))
    return task.act.lock(found[0])


def _score(task: Task, plan: Any) -> Any:
    act = task.act
    if plan.state not in ("collecting", "closed"):
        raise Refused(NOT_ISSUED.with_(number=plan.number))
    sheet = _sheet(act, plan) or act.new(SCORE, subject="round", satisfaction_survey_plan=plan.id)
    if sheet.state != "computed":
        raise _further_on(task, sheet)
    account_for(act, sheet, {"items": len(sheet.items)}, move="recompute")
    forms = _forms(task, plan)
    valid = [form for form in forms if form.state == "scored"]
    _keep_evidence(task, sheet, {
        "sent_count": [form for form in forms if form.sent_at],
        "returned_count": [form for form in forms if form.returned_at], "valid_count": valid,
        **{f"items:{row.item}": [form for form in valid if any(
            answer.item == row.item and answer.points is not None for answer in form.answers)]
           for row in sheet.items}})
    return sheet


def _sheet(act: Any, plan: Any) -> Any:
    return _living(act.find(SCORE, satisfaction_survey_plan_id=plan.id, subject="round"))


def _living(records: list[Any]) -> Any:
    return next((record for record in records if record.state != VOID), None)


def _forms(task: Task, plan: Any) -> list[Any]:
    return [form for form in task.act.find(FORM, satisfaction_survey_plan_id=plan.id) if form.state != VOID]


def _further_on(task: Task, record: Any) -> Refused:
    state = record.spec.workflow.state(record.state).label
    return Refused(FURTHER_ON.with_(
        period=task.scope, type=record.spec.label, number=record.number, state=state))


def _keep_evidence(task: Task, record: Any, counted: dict[str, list[Any]]) -> None:
    session = task.act.session
    forget_evidence(task.act, record)
    session.add_all(
        Evidence(of_type=record.spec.name, of_id=record.id, figure=figure, source_type=source.spec.name,
                 source_id=source.id)
        for figure, sources in counted.items() for source in sources)
    session.flush()


REPORTS[SCORE] = Report(
    name=SCORE, label=SatisfactionScore.spec.label, period_kind="", record_type=SCORE, compile=compile_score,
    of_plans=True, asked_by="recompute", sent_to=("quality_engineer", "quality_manager"),
    reissue=Reissuing(table="items", among={"subject": "round"}, carried=(
        "scoring_standard", "product_quality_score", "other_situation", *WEIGHTS)),
    aliases=dict.fromkeys(("survey_score", "score", "satisfaction_rate"), "valid_count"))
REPORTS[REPORT] = Report(
    name=REPORT, label=SatisfactionReport.spec.label, period_kind="", record_type=REPORT, compile=compile_report,
    of_plans=True, aliases={"satisfaction_rate": "score"}, sent_to=("quality_engineer", "quality_manager"),
    reissue=Reissuing(table="items", carried=(
        "product_quality_situation", "service_record_situation", "most_dissatisfied_aspect", "competitor_gap", "conclusion",
        "improvements")))
