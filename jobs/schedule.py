"""What happens by the clock: one list. Due times are kept in the database, so missed ones are made up for, in order."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from jobs import (
    dealer_grade_sheet, deadlines, expiry, outbox, reminders, reports, retention, signatures, upkeep,
)
from models.base import db
from models.history import Outbox, ScheduledJob
from models.improvement.quality_rectification_order import propose_orders
from models.spec import ADMINISTRATOR, Period, Text
from rules import areas, audit, notices, office
from rules.act import Act


JOB_FAILED = Text("定时任务“{job}”失败，会自动重试：{reason}", "The scheduled job “{job}” failed and is tried again: {reason}")
ROWS_FAILED = Text("后台任务（{job}）重试多次仍失败，请到“后台任务”页处理",
                   "Background jobs ({job}) have failed for good: see the page of jobs")


@dataclass(frozen=True)
class Every:
    """Again and again; what was missed is not repeated."""

    interval: timedelta

    def after(self, due: datetime, now: datetime) -> datetime:
        return max(due, now) + self.interval

    def first(self, now: datetime) -> datetime:
        return now


@dataclass(frozen=True)
class Monthly:
    """On a day of every month (0: its last) at an hour of the office."""

    day: int
    at: time

    def after(self, due: datetime, _now: datetime) -> datetime:
        month = office.local(due).date().replace(day=1)
        while self._in(month) <= due:
            month = (month + timedelta(days=32)).replace(day=1)
        return self._in(month)

    def first(self, now: datetime) -> datetime:
        return self.after(now, now)

    def _in(self, month: date) -> datetime:
        day = month.replace(day=self.day or monthrange(month.year, month.month)[1])
        return datetime.combine(day, self.at, office.zone()).astimezone(UTC)


@dataclass(frozen=True)
class Daily:
    """Every day at an hour of the office; missed days are not repeated."""

    at: time

    def after(self, due: datetime, now: datetime) -> datetime:
        day = office.local(max(due, now)).date()
        today = self._on(day)
        return today if today > max(due, now) else self._on(day + timedelta(days=1))

    def first(self, now: datetime) -> datetime:
        return self.after(now, now)

    def _on(self, day: date) -> datetime:
        return datetime.combine(day, self.at, office.zone()).astimezone(UTC)


@dataclass(frozen=True)
class Job:
    """`function(act, due)` flushes, and returns a few words on what it did; its due time moves on in the same
    transaction. One that is `fleeting` keeps no due time, because it is done every few seconds, and commits itself."""

    name: str
    label: Text
    rule: Every | Monthly | Daily
    function: Callable[[Act, datetime], Any]
    fleeting: bool = False


def month_of(moment: datetime) -> Period:
    day = office.local(moment).date()
    return Period(day.year, day.month, 1)


def ask(act: Act, name: str, period: Period) -> str:
    if areas.is_off(reports.REPORTS[name].guarded_by):
        return "the area is switched off"
    return f"run {reports.request(act, name, str(period)).id}"


def ask_quarter(act: Act, name: str, due: datetime) -> str:
    """In the first month after a quarter, that quarter."""
    month = month_of(due)
    if month.first_month % 3 != 1:
        return "no quarter has ended"
    return ask(act, name, Period(month.year, month.first_month, 3).previous())


def draft_quality_summary(act: Act, due: datetime) -> str:
    """On the last day of the month, for people to look through before it is over."""
    return ask(act, "quality_info_summary", month_of(due))


def full_quality_summary(act: Act, due: datetime) -> str:
    """On the first of the next one, for the whole month."""
    return ask(act, "quality_info_summary", month_of(due).previous())


def month_grades(act: Act, due: datetime) -> str:
    """The dealers' reports on the month are due on the day before."""
    return ask(act, "dealer_grade_sheet", month_of(due).previous())


def quality_analysis(act: Act, due: datetime) -> str:
    """The dealers' quality reports on the month are due on the day before."""
    return ask(act, "monthly_quality_analysis", month_of(due).previous())


def quarter_grades(act: Act, due: datetime) -> str:
    """Some hours after the sheets of the quarter's last month."""
    return ask_quarter(act, "dealer_grade_sheet", due)


def quarter_analyses(act: Act, due: datetime) -> str:
    """Right after the quarter, so that its salespeople have the days until it is due."""
    return ask_quarter(act, "quarterly_service_analysis", due)


def quarter_summaries(act: Act, due: datetime) -> str:
    return ask_quarter(act, "outlet_quarterly_summary", due)


def purchase_list(act: Act, due: datetime) -> str:
    """The dealers' plans for the month are due on the day before."""
    return ask(act, "parts_purchase_list", month_of(due))


def settlements(act: Act, due: datetime) -> str:
    """By now the month's grade sheets are published, as a rule."""
    return ask(act, "warranty_settlement", month_of(due).previous())


def lapse_grade_sheets(act: Act, _due: datetime) -> str:
    return f"{dealer_grade_sheet.lapse_reviewed(act)} sheets"


def sweep_deadlines(act: Act, _due: datetime) -> str:
    return str(deadlines.sweep(act))


def remind(reminder: Callable[[Act], int]) -> Callable[[Act, datetime], str]:
    """The reminder as a job."""
    def told(act: Act, _due: datetime) -> str:
        return f"{reminder(act)} told"
    return told


def due_moves(act: Act, _due: datetime) -> str:
    return f"{expiry.make_due_moves(act)} moves"


def propose_rectification_orders(act: Act, _due: datetime) -> str:
    return f"{len(propose_orders(act))} orders"


def press_for_signatures(act: Act, _due: datetime) -> str:
    return "{} reminded, {} escalated".format(*signatures.press(act))


def seal_audit(act: Act, _due: datetime) -> str:
    return f"{audit.seal(act.session)} entries"


def dispatch_outbox(_act: Act, _due: datetime) -> int:
    return outbox.dispatch()


def take_back_jobs(_act: Act, _due: datetime) -> None:
    """Jobs of killed workers go back to the queue, and so do rows whose job was lost with the queue store."""
    outbox.take_back_started()
    outbox.take_back_lost(office.now())


def tell_failures(act: Act, _due: datetime) -> str:
    """The administrator hears of each failing job once a day."""
    day, told = act.today.isoformat(), 0
    for row in act.session.scalars(sa.select(ScheduledJob).where(is_failing(), ScheduledJob.name.in_(KEPT))):
        text = JOB_FAILED.with_(job=KEPT[row.name].label, reason=row.last_result)
        told += notices.tell_house(act, (ADMINISTRATOR,), text, kind="job_failed", key=f"{row.name}:{day}")
    failed = act.session.scalars(sa.select(Outbox.job).where(
        Outbox.done_at.is_(None), Outbox.failed_at >= office.start_of(act.today)).distinct().order_by(Outbox.job))
    for name in failed:
        text = ROWS_FAILED.with_(job=outbox.LABELS.get(name, name))
        told += notices.tell_house(act, (ADMINISTRATOR,), text, kind="job_failed", key=f"outbox {name}:{day}")
    return f"{told} told"


JOBS = (
    Job("dispatch_outbox", Text("待办任务送入队列", "Outbox to queue"), Every(timedelta(seconds=1)), dispatch_outbox,
        fleeting=True),
    Job("take_back_jobs", Text("收回中断的任务", "Jobs of killed workers"), Every(timedelta(seconds=15)), take_back_jobs,
        fleeting=True),
    Job("lost_report_runs", Text("重排中断的报表", "Lost report runs"), Every(timedelta(seconds=30)),
        reports.queue_lost_again),
    Job("seal_audit", Text("封存审计记录", "Seal the audit"), Every(timedelta(minutes=5)), seal_audit),
    Job("signatures", Text("催办与上报超期的签署", "Overdue signatures: remind, then tell the next level"),
        Every(timedelta(minutes=15)), press_for_signatures),
    Job("deadlines", Text("期限扫描（提醒、逾期、升级）", "Deadlines: warnings, overdue notices, escalation"),
        Every(timedelta(minutes=5)), sweep_deadlines),
    Job("quality_info_summary_draft", Text("质量信息反馈处理汇总表（月末初稿）", "Quality information summary, draft"),
        Monthly(0, time(20, 0)), draft_quality_summary),
    Job("quality_info_summary", Text("质量信息反馈处理汇总表（全月）", "Quality information summary, full month"),
        Monthly(1, time(0, 10)), full_quality_summary),
    Job("monthly_quality_analysis", Text("用户质量信息月分析报告", "Monthly user quality analysis"),
        Monthly(6, time(0, 30)), quality_analysis),
    Job("dealer_grade_sheet", Text("服务商分级考核表（月度）", "Dealer grade sheets of the month"),
        Monthly(6, time(0, 30)), month_grades),
    Job("dealer_grade_sheet_quarter", Text("服务商分级考核表（季度）", "Dealer grade sheets of the quarter"),
        Monthly(6, time(4, 30)), quarter_grades),
    Job("quarterly_service_analysis", Text("顾客服务季度分析（草稿）", "Service analyses of the quarter, drafts"),
        Monthly(1, time(1, 30)), quarter_analyses),
    Job("outlet_quarterly_summary", Text("服务网点季度工作总结（草稿）", "Outlets' summaries of the quarter, drafts"),
        Monthly(1, time(1, 45)), quarter_summaries),
    Job("parts_purchase_list", Text("配件采购清单", "Parts purchase list"), Monthly(11, time(0, 10)), purchase_list),
    Job("warranty_settlement", Text("保修结算单", "Warranty settlements"), Monthly(16, time(1, 0)), settlements),
    Job("due_moves", Text("到期处理（资格到期、调查表逾期与评分、收费标准生效）", "Moves that are due"),
        Daily(time(0, 5)), due_moves),
    Job("dealer_reports", Text("服务商月报催报", "Reminders: dealers' monthly reports"), Daily(time(8, 0)),
        remind(reminders.dealer_reports)),
    Job("parts_plans", Text("配件需求计划催报", "Reminders: parts demand plans"), Daily(time(8, 5)),
        remind(reminders.parts_plans)),
    Job("quarter_reports", Text("季度催办（调查方案、服务分析、网点总结）",
                                "Reminders: survey plan, service analyses and outlets' summaries of the quarter"),
        Daily(time(8, 10)), remind(reminders.quarter_reports)),
    Job("yearly_survey", Text("年度调查覆盖提醒", "Customers not surveyed in the year"), Daily(time(8, 15)),
        remind(reminders.yearly_survey)),
    Job("recalls", Text("召回完成情况", "Recalls that are complete"), Daily(time(8, 20)), remind(reminders.recalls)),
    Job("recurrences", Text("重复发生的质量问题（提议质量整改令）", "Recurrent faults: rectification orders proposed"),
        Daily(time(0, 40)), propose_rectification_orders),
    Job("lapse_grade_sheets", Text("考核表逾期视为确认", "Grade sheets that were let pass"), Daily(time(0, 20)),
        lapse_grade_sheets),
    Job("retention", Text("保存期满的记录（提议清单）", "Records kept long enough: list proposed"), Monthly(1, time(2, 0)),
        retention.propose),
    Job("sweep_files", Text("清理无人引用的附件", "Files that nothing names any more"), Daily(time(3, 10)), upkeep.sweep_files),
    Job("tidy_outbox", Text("清理已完成的任务", "Finished jobs forgotten"), Daily(time(3, 20)), upkeep.tidy_outbox),
    Job("tidy_programs", Text("清理程序登录与 Webhook 日志", "Sign-ins of programs and old webhook messages forgotten"),
        Daily(time(3, 30)), upkeep.tidy_programs),
    Job("tell_failures", Text("报告失败的任务", "Failures told to the administrator"), Every(timedelta(minutes=5)),
        tell_failures),
)
KEPT = {job.name: job for job in JOBS if not job.fleeting}


def is_due(now: datetime) -> Any:
    """Which kept jobs have to be done: those whose time has come and that are not paused, and those asked for."""
    on_time = sa.and_(ScheduledJob.due_at <= now, ScheduledJob.paused_at.is_(None))
    return sa.or_(on_time, ScheduledJob.asked_at.is_not(None))


def is_failing() -> Any:
    """The clock begins the result of a job that failed with this word, and tries it again."""
    return ScheduledJob.last_result.startswith("failed (")


def enrol(now: datetime) -> None:
    """Every kept job has its row; a new one begins with its next time."""
    known = set(db.session.scalars(sa.select(ScheduledJob.name)))
    for job in KEPT.values():
        if job.name not in known:
            db.session.add(ScheduledJob(name=job.name, due_at=job.rule.first(now)))
    db.session.commit()


# What the administrator does with them ----------------------------------------------------------------------------

def ask_for(act: Act, row: ScheduledJob) -> None:
    """Do it now, paused or not; when it is due otherwise stays as it is. Flushes."""
    row.asked_at = row.asked_at or act.now
    _note(act, "run_job", row)


def pause(act: Act, row: ScheduledJob) -> None:
    """It waits, with all it misses, until it is resumed. Flushes."""
    row.paused_at = row.paused_at or act.now
    _note(act, "pause_job", row)


def resume(act: Act, row: ScheduledJob) -> None:
    row.paused_at = None
    _note(act, "resume_job", row)


def _note(act: Act, action: str, row: ScheduledJob) -> None:
    act.session.flush()
    audit.note(act.session, act, action, "scheduled_job", row.name)
