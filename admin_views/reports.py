"""Asking for a report, watching it run, and what its figures counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from flask import abort, jsonify, redirect, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from admin_views.list_page import NO, YES
from jobs import outbox, reissues, reports
from models.base import Record, db, rounded
from models.people import User
from models.reports import RUN, Evidence, ReportRun
from models.spec import Invalid, Period, Text
from rules import office

STATES = {"queued": Text("排队中", "Queued"), "running": Text("运行中", "Running"), "done": Text("已完成", "Done"),
          "failed": Text("失败", "Failed")}
RUNS_SHOWN = 30
RECORDS_SHOWN = 20   # of a run that compiled many


class ReportsView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="报表", endpoint="reports", url="/admin/reports")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        return self._page()

    def _page(self, problem: str = "", status: int = 200) -> Any:
        who = door.actor()
        known = [r for r in reports.REPORTS.values() if reports.may_see(who, r)]
        runs = db.session.scalars(sa.select(ReportRun).where(ReportRun.report.in_([r.name for r in known]))
                                  .order_by(ReportRun.id.desc()).limit(RUNS_SHOWN)).all()
        latest = _latest(who.language)
        return self.render("reports.html", problem=problem, runs=_shown(runs, who.language), reports=[{
            "name": r.name, "label": r.label.in_(who.language), "period_kind": r.period_kind,
            "or_period_kind": r.or_period_kind, "of_dealers": r.of_dealers, "of_plans": r.of_plans,
            "default_period": str(_default_period(r.period_kind)) if r.period_kind else "",
            "may_ask": bool(reports.may_ask(who, r)) or reissues.may_ask(who, r),
            "latest": latest.get(r.name), "is_reissued": reissues.may_ask(who, r),
            "reason": getattr(reports.may_ask(who, r).reason, who.language, ""),
        } for r in known]), status

    @expose("/<name>/ask", methods=["POST"])
    def ask(self, name: str) -> Any:
        if name not in reports.REPORTS:
            abort(404)
        try:
            run = reports.request(door.act(), name, request.form.get("period", ""), request.form.get("dealer", ""),
                                  plan=request.form.get("plan", ""), reason=door.clean(request.form.get("reason", ""))[:500],
                                  record=door.clean(request.form.get("record", "")))
        except Invalid as invalid:
            return self._page(" ".join(text.in_(door.language()) for text in invalid.errors.values()), 422)
        db.session.commit()
        outbox.dispatch_now()
        return redirect(f"/admin/reports/runs/{run.id}")

    @expose("/runs/<int:id_>")
    def run(self, id_: int) -> Any:
        run = self._run(id_)
        return self.render("report_run.html", run=_shown([run], door.language())[0],
                           figures=_figures(run, door.language()))

    @expose("/runs/<int:id_>/cancel", methods=["POST"])
    def cancel(self, id_: int) -> Any:
        run = self._run(id_)
        reports.cancel(door.act(), run.id)
        db.session.commit()
        return redirect(f"/admin/reports/runs/{run.id}")

    @expose("/runs/<int:id_>.json")
    def run_json(self, id_: int) -> Any:
        shown = _shown([self._run(id_)], door.language())[0]
        return jsonify({key: shown[key] for key in ("state", "state_label", "progress", "error", "records")})

    def _run(self, id_: int) -> ReportRun:
        run = db.session.get(ReportRun, door.as_id(id_))
        report = reports.REPORTS.get(run.report) if run else None
        if report is None or not reports.may_see(door.actor(), report):
            abort(404)
        return run


def _latest(language: str) -> dict[str, str]:
    """Report -> the period of its last result, and how old that is."""
    last = sa.select(sa.func.max(ReportRun.id)).where(ReportRun.state == "done").group_by(ReportRun.report)
    rows = db.session.execute(sa.select(ReportRun.report, ReportRun.period, ReportRun.finished_at).where(ReportRun.id.in_(last)))
    return {name: f"{period} · {_age((office.now() - finished).total_seconds(), language)}" for name, period, finished in rows}


def _age(seconds: float, language: str) -> str:
    minutes = max(0, int(seconds // 60))
    for size, zh, en in ((1440, "天前", "days ago"), (60, "小时前", "hours ago")):
        if minutes >= size:
            return f"{minutes // size} {zh if language == 'zh' else en}"
    return f"{minutes} 分钟前" if language == "zh" else f"{minutes} min ago"


def _figures(run: ReportRun, language: str) -> list[dict[str, Any]]:
    """What a run without a record found, each figure with the list of what it counted."""
    counted = {figure: (count, source) for figure, count, source in db.session.execute(
        sa.select(Evidence.figure, sa.func.count(), sa.func.min(Evidence.source_type)).where(
            Evidence.of_type == RUN, Evidence.of_id == run.id).group_by(Evidence.figure))}
    found, report = [], reports.REPORTS[run.report]
    for name, caption in report.captions.items() if run.figures else ():
        value, (count, source) = run.figures.get(name), counted.get(name, (None, ""))
        whole, is_rate = run.figures.get(f"{name}/denominator"), name in report.rates and value is not None
        found.append({
            "section": "", "caption": caption.in_(language),
            "value": None if is_rate or whole else _worded(report, value, language),
            "numerator": value if whole else None, "denominator": whole,
            "rate": f"{rounded(Decimal(value) * 100)} %" if is_rate else None, "behind_count": count,
            "href": f"/admin/{source}/?behind={RUN}:{run.id}:{name}" if source else ""})
    return found


def _worded(report: reports.Report, value: Any, language: str) -> Any:
    if isinstance(value, bool):
        return (YES if value else NO).in_(language)
    return report.words[value].in_(language) if value in report.words else value


def _default_period(kind: str) -> Period:
    """The month or quarter that is over, the year that runs."""
    today = office.today()
    if kind == "year":
        return Period(today.year, 1, 12)
    months = reports.MONTHS[kind]
    first = (today.month - 1) // months * months + 1
    return Period(today.year, first, months).previous()


def _shown(runs: Any, language: str) -> list[dict[str, Any]]:
    """Runs as the page and its polling show them; names and numbers in two statements."""
    people = dict(db.session.execute(sa.select(User.id, User.name).where(
        User.id.in_({run.asked_by_id for run in runs if run.asked_by_id}))).all())
    numbers: dict[tuple[str, int], str] = {}
    first = {run.id: (run.records or [])[:RECORDS_SHOWN] for run in runs}
    for name in {name for records in first.values() for name, _ in records}:
        model = Record.types[name].model
        ids = [id_ for records in first.values() for other, id_ in records if other == name]
        numbers |= {(name, id_): number for id_, number in db.session.execute(
            sa.select(model.id, model.number).where(model.id.in_(ids)))}
    return [{
        "id": run.id, "label": reports.REPORTS[run.report].label.in_(language), "state": run.state,
        "period": f"{run.period} {run.scope}".strip(),
        "state_label": STATES[run.state].in_(language), "progress": run.progress, "asked_at": run.asked_at,
        "who": people.get(run.asked_by_id, "系统" if language == "zh" else "system"),
        "error": (run.error_zh if language == "zh" else run.error_en) or "",
        "records": [(f"/admin/{name}/details/?id={id_}", numbers.get((name, id_), "")) for name, id_ in first[run.id]],
        "more": max(0, len(run.records or ()) - RECORDS_SHOWN),
    } for run in runs]
