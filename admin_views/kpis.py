"""The department's figures for any period, of the company, a dealer or a department; and what stands behind each."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import abort, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from admin_views.management import change_text, href, number_text, value_text
from jobs import kpis
from jobs.kpi_rows import Span
from models.base import Record, db
from models.master.dealer_ledger import DealerLedger
from models.people import Unit
from models.spec import Period, Text
from rules import access, office

WRONG = Text("期间应为月份、季度或年份，如 2026-10、2026-Q4、2026", "The period is a month, quarter or year: 2026-10, 2026-Q4, 2026")
NO_DEALER = Text("没有代码为“{code}”的服务商", "There is no dealer with the code “{code}”")
NO_UNIT = Text("没有代码为“{code}”的部门", "There is no department with the code “{code}”")
ONE_OF_THEM = Text("服务商和部门只能填一项", "Give a dealer or a department, not both")


class KpisView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="指标", endpoint="kpis", url="/admin/kpis")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        who, asked = door.actor(), {name: request.args.get(name, "").strip()[:60] for name in ("period", "dealer", "unit")}
        period, scope, problem = _read(who, asked)
        lines = [] if problem else _lines(who, period, scope)
        return self.render("kpis.html", lines=lines, asked=asked | {"period": str(period)}, period=str(period),
                           before=str(period.previous()), problem=problem.in_(who.language) if problem else "",
                           ), 422 if problem else 200

    @expose("/<name>/")
    def one(self, name: str) -> Any:
        """The two sides of a figure, type by type, each the door to its list."""
        who, kpi = door.actor(), kpis.KPIS.get(name)
        scope = kpis.scope_of(request.args)
        try:
            period = Period.parse(request.args.get("period", ""))
        except ValueError:
            abort(404)
        if scope is None or kpi not in kpis.offered(who, scope):
            abort(404)
        span = Span.of(period, office.now())
        answer, = kpis.ask(db.session, [(kpi, span)], who, scope)
        sides = [kpis.WHOLE] if kpi.unit in (kpis.COUNT, kpis.MONEY) else [kpis.PART, kpis.WHOLE]
        return self.render(
            "kpi.html", label=kpi.label.in_(who.language), period=str(period), value=value_text(answer, who.language),
            sides=[{"is_part": side == kpis.PART, "sum": number_text(getattr(answer, side)),
                    "lists": _lists(who, kpi, side, span, scope)} for side in sides])


def _lists(who: access.Actor, kpi: kpis.Kpi, side: str, span: Span, scope: kpis.Scope) -> list[dict[str, Any]]:
    return [{"label": Record.types[name].label.in_(who.language), "count": count,
             "href": f"/admin/{name}/?behind={kpis.address(kpi, side, span.period, scope)}"}
            for name, count in kpis.types_behind(db.session, kpi, side, span, who, scope).items()]


def _read(who: access.Actor, asked: dict[str, str]) -> tuple[Period, kpis.Scope, Text | None]:
    period = Period.of(office.today())
    try:
        period = Period.parse(asked["period"]) if asked["period"] else period
    except ValueError:
        return period, kpis.ALL, WRONG
    if asked["dealer"] and asked["unit"]:
        return period, kpis.ALL, ONE_OF_THEM
    if asked["dealer"]:
        query = sa.select(DealerLedger.id).where(DealerLedger.dealer_code == asked["dealer"])
        spec = DealerLedger.spec
        id_ = db.session.scalar(access.visible(query, who, spec)) if access.may(who, "view", spec) else None
        return period, kpis.Scope(dealer_id=id_), None if id_ else NO_DEALER.with_(code=asked["dealer"])
    if asked["unit"]:
        known = db.session.get(Unit, asked["unit"])
        return period, kpis.Scope(unit=asked["unit"]), None if known else NO_UNIT.with_(code=asked["unit"])
    return period, kpis.ALL, None


def _lines(who: access.Actor, period: Period, scope: kpis.Scope) -> list[dict[str, Any]]:
    now, offered = office.now(), kpis.offered(who, scope)
    spans = [Span.of(period, now), Span.of(period.previous(), now)]
    answers = iter(kpis.ask(db.session, [(kpi, span) for kpi in offered for span in spans], who, scope))
    found = []
    for kpi in offered:
        this, last = next(answers), next(answers)
        is_rate = this is not None and kpi.unit not in (kpis.COUNT, kpis.MONEY)
        found.append({
            "label": kpi.label.in_(who.language), "value": value_text(this, who.language),
            "part": number_text(this.part) if is_rate and this else "", "whole": number_text(this.whole) if is_rate and this else "",
            "last": value_text(last, who.language), "change": change_text(this, last, who.language),
            "href": href(kpi, period, scope), "last_href": href(kpi, period.previous(), scope)})
    return found
