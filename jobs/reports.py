"""How a report runs: taken over by one process, compiled in one transaction, done with its records or failed with a
reason. A run may be started twice, and may die at any point."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from jobs import (
    dealer_grade_sheet, evaluation_score, monthly_quality_analysis, outbox, outlet_quarterly_summary, parts_purchase_list,
    quality_info_summary, quarterly_service_analysis, reissues, satisfaction, survey_coverage, warranty_settlement,
)
from jobs.compiling import BROKEN, NO_DEALER, NO_PLAN, REPORTS, Report, Task, reason, report_of
from models.base import Record, db
from models.history import Outbox
from models.reports import RUN, Evidence, ReportRun
from models.spec import Invalid, Period, Refused, Text
from rules import access, areas, described, notices, office, reports
from rules.act import Act

FAMILIES = (   # importing them declares their reports
    dealer_grade_sheet, evaluation_score, monthly_quality_analysis, outlet_quarterly_summary, parts_purchase_list,
    quality_info_summary, quarterly_service_analysis, satisfaction, survey_coverage, warranty_settlement)
MONTHS = {"month": 1, "quarter": 3, "year": 12}
SILENCE = timedelta(seconds=20)    # a running run that nobody works on may be taken over after it ...
LOST = timedelta(seconds=60)       # ... and is queued again by the clock after this
FORGOTTEN = timedelta(seconds=60)  # a queued run that no job knows of is queued again
ATTEMPTS = 3                       # of a compilation that got in the way of another transaction

UNKNOWN = Text("没有“{name}”这个报表", "There is no report “{name}”")
WRONG_PERIOD = Text("期间应为{kind}，如 {example}", "The period must be a {en}, such as {example}")
NO_SCOPE = Text("“{name}”汇总全公司，不能指定服务商", "“{name}” is about the whole company: it takes no dealer")
NEEDS_PLAN = Text("“{name}”按调查方案汇总，请指定方案编号", "“{name}” is about one survey plan: give its number")
TAKES_NO_PLAN = Text("“{name}”不按调查方案汇总，不能指定方案", "“{name}” is not about a survey plan: it takes none")
OTHER_QUARTER = Text("方案“{number}”属于 {period}", "The plan “{number}” is of {period}")
LEFT_OUT = Text("未汇总 {count} 个：{which}", "{count} not compiled: {which}")
AND_MORE = Text("；另有 {count} 个", "; and {count} more")
NAMED = 50                         # of those left out, in the words of a run
NOT_BEGUN = Text("{period} 尚未开始", "{period} has not begun")
CANCELLED = Text("已由 {who} 取消，数据未改动", "Cancelled by {who}, no data changed")
IS_OVER = Text("该报表已结束，或正在写入结果，不能取消", "This run is over, or writes its result just now: it cannot be cancelled")
READY = Text("{name} {period} 已汇总，请到“报表”页或列表查看", "{name} of {period} is ready: see the reports page or the list")
READY_ONE = Text("{name} {period} 已汇总：{number}", "{name} of {period} is ready: {number}")
KINDS = {"month": ("月份", "2026-10"), "quarter": ("季度", "2026-Q4"), "year": ("年份", "2026")}

log = logging.getLogger(__name__)


class TakenOver(Exception):
    """Another process goes on with this run: what this one did is dropped."""


# Asking -----------------------------------------------------------------------------------------------------------

def may_ask(actor: access.Actor, report: Report) -> access.Verdict:
    """Whoever creates records of the compiled type and sees all of them, or compiles them again by a move, may have them
    compiled."""
    spec = report.guarded_by
    if areas.is_off(spec):
        return access.SWITCHED_OFF
    if not access.within_token(actor, spec, "create"):
        return access.NOT_IN_TOKEN
    makers = spec.workflow.move(report.asked_by).by if report.asked_by else ()
    asks = ("C" in access.letters(actor, spec) and may_see(actor, report)) or not actor.roles.isdisjoint(makers)
    return access.YES if actor.is_system or asks else access.NO_ROLE


def may_see(actor: access.Actor, report: Report) -> bool:
    """A run tells about everybody: who sees only what is their own sees the records, not the runs."""
    return access.sees_all(actor, report.guarded_by)


def request(act: Act, name: str, period: str = "", scope: str = "", *, plan: str = "", reason: str = "",
            record: str = "") -> ReportRun:
    """The run of this report, period and scope (a dealer or a plan) that is queued or running, else a new one. With a
    `reason` a frozen record, of the period or of the number `record`, is replaced by a new one, by whoever may call it
    off. Raises Refused or Invalid; flushes. The door commits, and may then call `outbox.dispatch_now()`."""
    report = REPORTS.get(name)
    if report is None:
        raise Invalid({"report": UNKNOWN.with_(name=name)})
    period, scope, plan, reason, record = (word.strip() for word in (period, scope, plan, reason, record))
    replaces = bool(reason or record)
    verdict = access.YES if replaces and reissues.may_ask(act.actor, report) else may_ask(act.actor, report)
    if verdict.reason is not None:
        raise Refused(verdict.reason)
    if record:
        old = reissues.named(act, report, record, period + scope + plan)
        about, scope = reissues.place_of(act, report, old)
    else:
        about, scope = _place(act, report, period, scope, plan)
        old = reissues.of_period(act, report, Period.parse(about), scope) if replaces else None
    old_id = None if old is None else reissues.allow(act, old, reason)
    return reports.ask(act, name, about, scope, reason, old_id)


def _place(act: Act, report: Report, period: str, scope: str, plan: str) -> tuple[str, str]:
    """The period and scope that were asked for."""
    if report.of_plans:
        return _plan(act, report, period, scope, plan)
    if plan:
        raise Invalid({"plan": TAKES_NO_PLAN.with_(name=report.label)})
    return str(_asked(report, period, act.today)), _scope(act, report, scope)


def _plan(act: Act, report: Report, period: str, dealer: str, number: str) -> tuple[str, str]:
    """The quarter of the plan, and its number."""
    if dealer:
        raise Invalid({"dealer": NO_SCOPE.with_(name=report.label)})
    if not number:
        raise Invalid({"plan": NEEDS_PLAN.with_(name=report.label)})
    found = act.find("satisfaction_survey_plan", number=number)
    if not found:
        raise Invalid({"plan": NO_PLAN.with_(number=number[:60])})
    if period and period != found[0].quarter:
        raise Invalid({"period": OTHER_QUARTER.with_(number=number, period=found[0].quarter)})
    return found[0].quarter, number


def _scope(act: Act, report: Report, code: str) -> str:
    if code and not report.of_dealers:
        raise Invalid({"dealer": NO_SCOPE.with_(name=report.label)})
    if code and not act.find("dealer_ledger", dealer_code=code):
        raise Invalid({"dealer": NO_DEALER.with_(code=code[:60])})
    return code


def _asked(report: Report, text: str, today: date) -> Period:
    kinds = [kind for kind in (report.period_kind, report.or_period_kind) if kind]
    wrong = Invalid({"period": WRONG_PERIOD.with_(
        kind="或".join(KINDS[kind][0] for kind in kinds), en=" or ".join(kinds),
        example="、".join(KINDS[kind][1] for kind in kinds))})
    try:
        period = Period.parse(text)
    except ValueError:
        raise wrong from None
    if period.months not in [MONTHS[kind] for kind in kinds]:
        raise wrong
    if date(period.year, period.first_month, 1) > today:
        raise Invalid({"period": NOT_BEGUN.with_(period=period)})
    return period


def cancel(act: Act, run_id: int) -> None:
    """Stop a run that waits, or that is between two steps: what it has not kept yet is dropped. Whoever asked for it
    may, and whoever may ask. Raises Refused; flushes."""
    row = act.session.scalar(sa.select(ReportRun).where(ReportRun.id == run_id).with_for_update(skip_locked=True)
                             .execution_options(populate_existing=True))
    if row is None or row.state not in reports.ACTIVE:
        raise Refused(IS_OVER)
    verdict = may_ask(act.actor, REPORTS[row.report])
    if verdict.reason is not None and act.actor.id != row.asked_by_id:
        raise Refused(verdict.reason)
    why = CANCELLED.with_(who=act.actor.name)
    row.state, row.finished_at, row.error_zh, row.error_en = "failed", act.now, why.zh, why.en
    act.session.flush()


# Running ----------------------------------------------------------------------------------------------------------

def run(run_id: int, now: datetime | None = None) -> None:
    """Work off a run, unless it is over or somebody is at it."""
    started = _take_over(run_id)
    if started is None:
        return
    try:
        _compile_stubbornly(run_id, started, now)
    except TakenOver:
        db.session.rollback()
    except (Refused, Invalid) as no:
        _fail(run_id, started, reason(no))
    except Exception:
        _fail(run_id, started, BROKEN)
        raise


def _take_over(run_id: int) -> datetime | None:
    """The moment that marks this taking over, or None if there is nothing to take over.

    While a run is compiled its row is locked, so a row that can be locked belongs to nobody or to a process that is
    between two steps; the latter is told by how long it has been silent.
    """
    now = office.now()
    row = db.session.scalar(
        sa.select(ReportRun).where(ReportRun.id == run_id).with_for_update(skip_locked=True)
        .execution_options(populate_existing=True))
    silent = row is not None and (row.alive_at is None or row.alive_at <= now - SILENCE)
    if row is None or not (row.state == "queued" or (row.state == "running" and silent)):
        db.session.rollback()
        return None
    row.state, row.started_at, row.alive_at, row.progress = "running", now, now, 0
    db.session.commit()
    return now


def progress(run_id: int, percent: int) -> None:
    """A sign of life between two steps, in a transaction of its own: never while another one writes."""
    db.session.execute(
        sa.update(ReportRun).where(ReportRun.id == run_id, ReportRun.state == "running")
        .values(progress=percent, alive_at=office.now()), execution_options={"synchronize_session": False})
    db.session.commit()


def _compile_stubbornly(run_id: int, started: datetime, now: datetime | None) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            progress(run_id, 10)
            return _compile(run_id, started, now)
        except DBAPIError as error:
            db.session.rollback()
            if attempt == ATTEMPTS or not _is_passing(error):
                raise
            time.sleep(attempt)


def _is_passing(error: DBAPIError) -> bool:
    """Serialization failure or deadlock on PostgreSQL, a writer that takes long on SQLite: the next attempt may do."""
    return getattr(error.orig, "sqlstate", None) in ("40001", "40P01") or "is locked" in str(error.orig)


def _compile(run_id: int, started: datetime, now: datetime | None) -> None:
    """Figures, lines, evidence, audit and the end of the run: all of it is kept, or nothing."""
    session = db.session
    _see_one_moment()
    row = _mine(run_id, started)
    report = REPORTS[row.report]
    act = Act(session, access.Actor.system(), now=now)
    old = reissues.call_off(act, report.guarded_by, row)
    task = Task(act, Period.parse(row.period), row.scope, row.asked_by_id, run_id=run_id, reason=row.reason or "",
                replaces=old, step=partial(_step, run_id, started))
    made = report.compile(task)
    told = _left_out(task)
    if told is not None and not made:
        raise Refused(told)
    reissues.finish(task, report, made)
    row = _mine(run_id, started)  # compiling may have expired everything
    row.records = [[record.spec.name, record.id] for record in made]
    row.figures = task.figures or None
    row.state, row.progress, row.finished_at = "done", 100, office.now()
    row.error_zh, row.error_en = told or (None, None)
    _tell_ready(act, report, row, made)
    session.commit()


def _tell_ready(act: Act, report: Report, row: ReportRun, made: list[Any]) -> None:
    """Each run tells its readers once; of a single record the notice leads there."""
    said = {"name": report.label, "period": row.period}
    if len(made) == 1:
        record = act.get(report.record_type, made[0].id)
        text = READY_ONE.with_(**said, number=record.number)
        notices.tell(act, record, report.sent_to, text, kind="report_ready", key=f"report_ready:{row.id}")
    else:
        notices.tell_house(act, report.sent_to, READY.with_(**said), kind="report_ready", key=str(row.id))


def _step(run_id: int, started: datetime, percent: int) -> None:
    """Between records that stand for themselves: SQLite lets nobody else write as long as a transaction does."""
    db.session.commit()
    progress(run_id, percent)
    _see_one_moment()
    _mine(run_id, started)


def _left_out(task: Task) -> Text | None:
    """Who was left out and why, the first of them by name; None if nobody was."""
    if not task.left_out:
        return None
    listed = task.left_out[:NAMED]
    more = AND_MORE.with_(count=len(task.left_out) - NAMED) if len(task.left_out) > NAMED else Text("", "")
    return LEFT_OUT.with_(count=len(task.left_out), which=Text(
        "；".join(f"{who}：{why.zh}" for who, why in listed) + more.zh,
        "; ".join(f"{who}: {why.en}" for who, why in listed) + more.en))


def _see_one_moment() -> None:
    """All statements of the transaction see the same data; on SQLite they do anyway."""
    bind = db.session.get_bind()
    if isinstance(bind, sa.Engine) and bind.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})


def _mine(run_id: int, started: datetime) -> ReportRun:
    row = db.session.scalar(sa.select(ReportRun).where(ReportRun.id == run_id).with_for_update()
                            .execution_options(populate_existing=True))
    if row is None or row.state != "running" or row.started_at != started:
        raise TakenOver
    return row


def _fail(run_id: int, started: datetime, reason: Text) -> None:
    db.session.rollback()
    try:
        row = _mine(run_id, started)
    except TakenOver:
        db.session.rollback()
        return
    row.state, row.finished_at, row.error_zh, row.error_en = "failed", office.now(), reason.zh, reason.en
    db.session.commit()


# The result -------------------------------------------------------------------------------------------------------

def behind(session: Any, record: Any) -> dict[str, list[str]]:
    """Figure of a compiled record -> the numbers of the records that it counted, in order."""
    found = _counted(session, record.spec.name, record.id)
    report = report_of(record.spec.name)
    for alias, figure in report.aliases.items() if report else ():
        found[alias] = found.get(figure, [])
    return found


def _counted(session: Any, of_type: str, of_id: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    mine = (Evidence.of_type == of_type, Evidence.of_id == of_id)
    for source in session.scalars(sa.select(Evidence.source_type).where(*mine).distinct()).all():
        model = Record.types[source].model
        rows = session.execute(
            sa.select(Evidence.figure, model.number).join(model, model.id == Evidence.source_id)
            .where(*mine, Evidence.source_type == source).order_by(Evidence.figure, model.number))
        for figure, number in rows:
            found[figure].append(number)
    return dict(found)


def numbers(session: Any, run: ReportRun) -> list[str]:
    """The numbers of what the run compiled."""
    found = []
    for name in dict.fromkeys(name for name, _ in run.records or ()):
        model = Record.types[name].model
        ids = [id_ for other, id_ in run.records if other == name]
        for start in range(0, len(ids), 500):
            part = ids[start:start + 500]
            found += session.scalars(sa.select(model.number).where(model.id.in_(part)).order_by(model.id)).all()
    return found


def as_json(session: Any, run: ReportRun) -> dict[str, Any]:
    """A run and what it compiled, as programs read it; one without a record tells its own figures in the same shape."""
    told = [_told(session, Record.types[name].model, id_) for name, id_ in run.records or ()]
    if run.figures is not None:
        told = [{"number": None, "fields": run.figures, "lines": {}, "behind": _counted(session, RUN, run.id)}]
    return {"run": run.id, "state": run.state, "records": told}


def _told(session: Any, model: Any, id_: int) -> dict[str, Any]:
    record = session.get(model, id_)
    told = {"number": record.number, **described.said(session, record), "behind": behind(session, record)}
    if not sa.inspect(record).modified:
        session.expunge(record)  # one at a time: there may be thousands, with all their lines
    return told


# Without a worker, and after a crash ------------------------------------------------------------------------------

def finish(run_id: int) -> ReportRun | None:
    """Wait until the run is over; do the work here as long as no worker is alive."""
    outbox.dispatch_now()
    while True:
        row = db.session.get(ReportRun, run_id, populate_existing=True)
        if row is None or row.state in ("done", "failed"):
            return row
        db.session.rollback()  # the next look sees what others have written
        if not outbox.is_worker_alive():
            run_here(run_id)
        time.sleep(0.2)


def run_here(run_id: int) -> None:
    """Work off the run in this process; a bug is written to the log, as a worker does."""
    try:
        run(run_id)
    except Exception:
        log.exception("report run %s failed", run_id)


def queue_lost_again(act: Act, _due: datetime) -> str:
    """Runs whose process died, and queued ones that no job knows of, get a new job."""
    idle = sa.func.coalesce(ReportRun.alive_at, ReportRun.asked_at)
    rows = act.session.scalars(
        sa.select(ReportRun).where(sa.or_(
            sa.and_(ReportRun.state == "running", idle <= act.now - LOST),
            sa.and_(ReportRun.state == "queued", idle <= act.now - FORGOTTEN)))
        .order_by(ReportRun.id).with_for_update(skip_locked=True)).all()
    if any(row.state == "queued" for row in rows) and _are_on_their_way(act):
        rows = [row for row in rows if row.state == "running"]
    for row in rows:
        row.state, row.alive_at = "queued", act.now
        act.session.add(Outbox(job="report", arguments=[row.id], created_at=act.now))
    act.session.flush()
    return f"{len(rows)}"


def _are_on_their_way(act: Act) -> bool:
    waiting = act.session.scalar(sa.select(Outbox.id).where(Outbox.dispatched_at.is_(None)).limit(1))
    return waiting is not None or not outbox.is_queue_empty()
