"""Asking for a report: one run of the same report, period and scope at a time, written down with its job."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from models.history import Outbox
from models.reports import ReportRun

ACTIVE = ("queued", "running")


def ask(act: Any, name: str, period: str, scope: str = "", reason: str = "") -> ReportRun:
    """The run that is queued or running already, else a new one with its job in the outbox. Flushes."""
    same = sa.select(ReportRun).where(
        ReportRun.report == name, ReportRun.period == period, ReportRun.scope == scope, ReportRun.state.in_(ACTIVE))
    present = act.session.scalar(same)
    if present is not None:
        return present
    run = ReportRun(report=name, period=period, scope=scope, asked_by_id=act.actor.id, asked_at=act.now, reason=reason or None)
    try:
        with act.session.begin_nested():
            act.session.add(run)
            act.session.flush()
    except IntegrityError:  # somebody asked in the same moment
        return act.session.scalar(same)
    act.session.add(Outbox(job="report", arguments=[run.id], created_at=act.now))
    act.session.flush()
    return run
