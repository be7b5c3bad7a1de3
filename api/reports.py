"""`/reports`: asking for a report, and what became of it."""

from __future__ import annotations

from typing import Any

from flask import Response, request

from api import answers, door, parameters, writing
from api.answers import forbidden
from api.door import blueprint
from api.written import Told, once
from jobs import outbox, reissues, reports
from models.base import Record, db
from models.reports import ReportRun
from models.spec import RecordType
from rules import access

WORDS = ("period", "dealer", "plan", "reason", "record")


@blueprint.post("/reports/<name>")
def ask(name: str) -> Response:
    """Queues; one run of the same report, period and scope at a time."""
    parameters.of_address(request.args, ("lang",))
    report = reports.REPORTS.get(name)
    if report is None:
        raise forbidden()
    if not reissues.may_ask(door.actor(), report):
        answers.allow(reports.may_ask(door.actor(), report))
    told = writing.only(door.body(), WORDS)
    period, dealer, plan, reason, record = (writing.text(told.get(word), word) for word in WORDS)
    act = door.act()

    def work() -> Told:
        run = reports.request(act, name, period, dealer, plan=plan, reason=reason[:500], record=record)
        db.session.flush()
        return Told({"data": {"id": run.id}}, 202, {"Location": f"/reports/runs/{run.id}"})
    answer = once(act, work, request.get_data())
    outbox.dispatch_now()
    return answer


@blueprint.get("/reports/runs/<id_>")
def run(id_: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    row = db.session.get(ReportRun, door.as_id(id_))
    report = reports.REPORTS.get(row.report) if row else None
    if row is None or report is None or not reports.may_see(door.actor(), report):
        raise forbidden()
    told = reports.as_json(db.session, row)
    told["records"] = [_readable(report.guarded_by, record) for record in told["records"]]
    error = row.error_zh if door.language() == "zh" else row.error_en
    return door.told({"data": {
        "id": row.id, "report": row.report, "period": row.period, "scope": row.scope, "progress": row.progress,
        "error": error, **told}})


def _readable(spec: RecordType, told: dict[str, Any]) -> dict[str, Any]:
    """Without what is private, for those who do not write the type."""
    if told["number"] is None or access.sees_private(door.actor(), spec):
        return told
    lines = {name: [{key: value for key, value in row.items() if not spec.lines[name].fields[key].private} for row in rows]
             for name, rows in told["lines"].items()}
    fields = {name: value for name, value in told["fields"].items() if name not in spec.private}
    return {**told, "fields": fields, "lines": lines}


def guarded() -> dict[str, RecordType]:
    """Each report with the type whose rights open it."""
    return {report.name: Record.types[report.guarded_by.name] for report in reports.REPORTS.values()}
