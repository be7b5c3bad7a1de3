"""Asking for a report: one run of the same report, period and scope at a time, written down with its job."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models.history import Outbox
from models.reports import ReportRun
from models.spec import Refused, Text

ACTIVE = ("queued", "running")
BUSY = Text("同一报表正在汇总，请待其结束后再重新发布", "The same report is being compiled: issue it again when that is done")


def ask(act: Any, name: str, period: str, scope: str = "", reason: str = "", replaces_id: int | None = None) -> ReportRun:
    """The run that is queued or running already, else a new one with its job in the outbox. Raises Refused if it would have
    to replace a record and another run is on its way; flushes."""
    same = sa.select(ReportRun).where(
        ReportRun.report == name, ReportRun.period == period, ReportRun.scope == scope, ReportRun.state.in_(ACTIVE))
    present = act.session.scalar(same)
    if present is not None:
        return _joined(present, replaces_id)
    run = ReportRun(report=name, period=period, scope=scope, asked_by_id=act.actor.id, asked_at=act.now, reason=reason or None,
                    replaces_id=replaces_id)
    try:
        with act.session.begin_nested():
            act.session.add(run)
            act.session.flush()
    except IntegrityError:  # somebody asked in the same moment
        return _joined(act.session.scalar(same), replaces_id)
    act.session.add(Outbox(job="report", arguments=[run.id], created_at=act.now))
    act.session.flush()
    return run


def _joined(run: ReportRun, replaces_id: int | None) -> ReportRun:
    if replaces_id is not None and run.replaces_id != replaces_id:
        raise Refused(BUSY)
    return run
