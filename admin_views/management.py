"""The figures of the first page: this month against the last one, what is open and for how long, the dealers' grades.
Three statements whatever there is to count, each held to the reader's rights, each figure the door to its records."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from jobs import kpis
from jobs.kpi_rows import Span
from models.base import Record, db, rounded
from models.dealers.dealer_grade_sheet import DealerGradeSheet
from models.spec import CALLED_OFF, Period, RecordType, Text
from rules import access, office

SHOWN = ("quality_info_received", "complaints_received", "reply_on_time", "arrival_on_time", "closed", "satisfaction",
         "direct_loss")
GROWS_OLD = ("quality_info_transfer", "complaint_tracking_card", "complaint_case")
# Days from and to, the present one being the first.
AGES = ((1, 7, Text("7天内", "Up to 7 days")), (8, 30, Text("8–30天", "8–30 days")), (31, 90, Text("31–90天", "31–90 days")),
        (91, None, Text("90天以上", "Over 90 days")))
BAR = 120            # the longest bar, in units of the drawing
NEW, NONE = Text("新增", "new"), Text("不适用", "n/a")


def overview(actor: access.Actor) -> dict[str, Any]:
    now = office.now()
    month = Period.of(office.local(now).date())
    return {"kpis": _kpis(actor, month, now), "open": _open(actor, office.local(now).date()),
            "grades": _grades(actor, month), "month": str(month), "before": str(month.previous())}


def _kpis(actor: access.Actor, month: Period, now: datetime) -> list[dict[str, Any]]:
    spans = [Span.of(month, now), Span.of(month.previous(), now)]
    offered = {kpi.name for kpi in kpis.offered(actor)}
    asked = [kpis.KPIS[name] for name in SHOWN if name in offered]
    answers = iter(kpis.ask(db.session, [(kpi, span) for kpi in asked for span in spans], actor))
    return [_line(kpi, next(answers), next(answers), month, actor) for kpi in asked]


def _line(kpi: kpis.Kpi, this: Any, last: Any, month: Period, actor: access.Actor) -> dict[str, Any]:
    language = actor.language
    return {"label": kpi.label.in_(language), "value": value_text(this, language), "last": value_text(last, language),
            "change": change_text(this, last, language), "href": href(kpi, month),
            "last_href": href(kpi, month.previous())}


def href(kpi: kpis.Kpi, period: Period, scope: kpis.Scope = kpis.ALL) -> str:
    """Its page: the parts of it, and the lists of exactly their records."""
    words = "".join(f"&{name}={value}" for name, value in scope.named().items())
    return f"/admin/kpis/{kpi.name}/?period={period}{words}"


def value_text(answer: kpis.Answer | None, language: str) -> str:
    value = answer.value if answer else None
    if answer is None or value is None:
        return NONE.in_(language)
    unit = answer.kpi.unit
    if unit == kpis.COUNT:
        return f"{value:,.0f}"
    if unit == kpis.MONEY:
        return f"{rounded(value):,}"
    return f"{rounded(value * 100)} %" if unit == kpis.RATE else f"{rounded(value)} ‰"


def change_text(this: kpis.Answer | None, last: kpis.Answer | None, language: str) -> str:
    """Of a number its change in percent, of a rate in points."""
    now, before = (answer.value if answer else None for answer in (this, last))
    if now is None or before is None or this is None:
        return ""
    if this.kpi.unit == kpis.RATE:
        return f"{rounded((now - before) * 100):+} " + ("个百分点" if language == "zh" else "pt")
    if before:
        return f"{rounded((now - before) * 100 / before):+} %"
    return NEW.in_(language) if now else ""


def _open(actor: access.Actor, today: date) -> dict[str, Any]:
    """What is not over, by the days since it came in."""
    specs = [Record.types[name] for name in GROWS_OLD if access.may(actor, "view", Record.types[name])]
    if not specs:
        return {}
    parts = []
    for spec in specs:
        received = spec.model.received_at
        ages = [sa.func.count().filter(*_came(received, today, first, last)) for first, last, _ in AGES]
        part = sa.select(sa.literal(spec.name), *ages).where(spec.model.state.in_(_living(spec)))
        parts.append(access.visible(part, actor, spec))
    counts = {name: found for name, *found in db.session.execute(sa.union_all(*parts))}
    most = max((count for found in counts.values() for count in found), default=0) or 1
    return {"ages": [label.in_(actor.language) for *_, label in AGES], "rows": [
        {"label": spec.label.in_(actor.language), "cells": [
            {"count": count, "bar": count * BAR // most, "href": _aged(spec, today, first, last)}
            for count, (first, last, _) in zip(counts[spec.name], AGES, strict=True)]} for spec in specs]}


def _living(spec: RecordType) -> list[str]:
    flow = spec.workflow
    return [state.name for state in flow.states
            if not flow.is_terminal(state.name) and state.name not in (*CALLED_OFF, "draft")]


def _days(today: date, first: int, last: int | None) -> tuple[date | None, date]:
    """The first and the last day on which something of this age came in."""
    return today - timedelta(days=last - 1) if last else None, today - timedelta(days=first - 1)


def _came(received: Any, today: date, first: int, last: int | None) -> list[Any]:
    since, until = _days(today, first, last)
    found = [] if first == 1 else [received < office.start_of(until + office.DAY)]
    return found + ([received >= office.start_of(since)] if since else []) or [sa.true()]


def _aged(spec: RecordType, today: date, first: int, last: int | None) -> str:
    since, until = _days(today, first, last)
    words = [f"state={','.join(_living(spec))}", *([f"received_at__from={since}"] if since else []),
             *([f"received_at__to={until}"] if first > 1 else [])]
    return f"/admin/{spec.name}/?" + "&".join(words)


def _grades(actor: access.Actor, month: Period) -> list[dict[str, Any]]:
    """The published sheets of the two months before: those of this one come after it."""
    spec = DealerGradeSheet.spec
    if not access.may(actor, "view", spec):
        return []
    periods, sheet = [str(month.previous()), str(month.previous().previous())], DealerGradeSheet
    query = sa.select(sheet.grade, sheet.period, sa.func.count()).where(
        sheet.sheet_kind == "monthly", sheet.state == "published", sheet.period.in_(periods))
    counts = {(grade, period): count for grade, period, count in db.session.execute(
        access.visible(query, actor, spec).group_by(sheet.grade, sheet.period))}
    return [{"label": choice.label.in_(actor.language), "cells": [
        {"count": counts.get((choice.value, period), 0), "period": period,
         "href": f"/admin/{spec.name}/?sheet_kind=monthly&state=published&period={period}&grade={choice.value}"}
        for period in periods]} for choice in spec.fields["grade"].choices] if counts else []


def number_text(value: Decimal) -> str:
    """Without the zeros that a database adds."""
    return f"{value.normalize():f}"
