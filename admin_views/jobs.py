"""For the administrator: what happens by the clock, what failed and why, and how the house stands."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import abort, redirect
from flask_admin import expose

from admin_views import door
from admin_views.administration import AdministrationView
from admin_views.panels import size_text
from jobs import health, outbox, schedule
from models.base import Record, db
from models.history import Notice, Outbox, ScheduledJob
from models.spec import Text

FAILED_SHOWN, FAILED_ON_HEALTH = 100, 5
PARTS = {"database": Text("数据库", "Database"), "queue": Text("任务队列", "Queue"), "workers": Text("后台进程", "Workers"),
         "clock": Text("定时器", "Clock"), "disk": Text("磁盘", "Disk")}
SAID = {"ok": Text("正常", "In order"), "no answer": Text("没有回应", "No answer"), "none": Text("没有运行", "None is running"),
        "unknown": Text("无法得知", "Nobody can say"), "silent": Text("停了", "Silent"), "nearly full": Text("快满了", "Nearly full")}
EVERY = Text("每 {n} 秒", "Every {n} s")


class JobsView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="后台任务", endpoint="jobs", url="/admin/jobs")

    @expose("/")
    def index(self) -> Any:
        rows = {row.name: row for row in db.session.scalars(sa.select(ScheduledJob))}
        language = door.language()
        failing = set(db.session.scalars(sa.select(ScheduledJob.name).where(schedule.is_failing())))
        jobs = [{"name": name, "label": job.label.in_(language), "row": rows.get(name), "is_failing": name in failing}
                for name, job in schedule.KEPT.items()]
        fleeting = [(job.label.in_(language), EVERY.with_(n=int(job.rule.interval.total_seconds())).in_(language))
                    for job in schedule.JOBS if job.fleeting and isinstance(job.rule, schedule.Every)]
        failed = [_failed(row, language) for row in outbox.failed(db.session, FAILED_SHOWN)]
        return self.render("administration/jobs.html", jobs=jobs, fleeting=fleeting, failed=failed)

    @expose("/<name>/<any(run, pause, resume):what>", methods=["POST"])
    def change(self, name: str, what: str) -> Any:
        row = db.session.scalar(sa.select(ScheduledJob).where(ScheduledJob.name == name).with_for_update())
        if row is None or name not in schedule.KEPT:
            abort(404)
        {"run": schedule.ask_for, "pause": schedule.pause, "resume": schedule.resume}[what](door.act(), row)
        db.session.commit()
        said = {"run": ("马上就办", "It will be done at once"), "pause": ("已暂停", "Paused"), "resume": ("已恢复", "Resumed")}
        door.say(*said[what])
        return redirect("/admin/jobs/")

    @expose("/failed/<int:id_>/<any(retry, drop):what>", methods=["POST"])
    def failed(self, id_: int, what: str) -> Any:
        row = outbox.find_failed(db.session, door.as_id(id_)) or abort(404)
        {"retry": outbox.retry, "drop": outbox.drop}[what](door.act(), row)
        db.session.commit()
        if what == "retry":
            outbox.dispatch_now()
            door.say("已重新排队", "Queued again")
        else:
            door.say("已放弃", "Dropped")
        return redirect("/admin/jobs/")


def _failed(row: Outbox, language: str) -> dict[str, Any]:
    return {"id": row.id, "label": outbox.LABELS[row.job].in_(language) if row.job in outbox.LABELS else row.job,
            "about": _about(row, language), "attempts": row.attempts, "at": row.failed_at, "reason": row.last_error or ""}


def _about(row: Outbox, language: str) -> str:
    """What a mail was about; to whom it went is not for this page."""
    notice = db.session.get(Notice, row.arguments[0]) if row.job == "mail" else None
    spec = Record.types.get(notice.type or "") if notice else None
    return spec.label.in_(language) if spec else ""


class HealthView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="运行状况", endpoint="standing", url="/admin/health")

    @expose("/")
    def index(self) -> Any:
        found, language = health.look(), door.language()
        parts = [(PARTS[name].in_(language), state == health.OK, SAID[state].in_(language)) for name, state in found.parts.items()]
        free = size_text(found.disk_free_bytes) if found.disk_free_bytes is not None else None
        failed = [_failed(row, language) for row in outbox.failed(db.session, FAILED_ON_HEALTH)]
        return self.render("administration/health.html", health=found, parts=parts, free=free, failed=failed)
