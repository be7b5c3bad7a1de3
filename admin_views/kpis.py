"""The department's figures for any period, of the company, a dealer or a department; and what stands behind each."""

from __future__ import annotations

from typing import Any

from flask import abort, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from admin_views.management import change_text, href, number_text, value_text
from jobs import kpi_answers, kpis
from jobs.kpi_rows import Span
from models.base import Record, db
from models.spec import Invalid, Period
from rules import access, office


class KpisView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="指标", endpoint="kpis", url="/admin/kpis")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        who, asked = door.actor(), {name: request.args.get(name, "").strip()[:60] for name in kpi_answers.WORDS}
        try:
            period, scope = kpi_answers.read(db.session, who, asked)
        except Invalid as invalid:
            problem = " ".join(text.in_(who.language) for text in invalid.errors.values())
            return self._page(Period.of(office.today()), asked, [], problem), 422
        return self._page(period, asked | {"period": str(period)}, _lines(who, period, scope))

    def _page(self, period: Period, asked: dict[str, str], lines: list[dict[str, Any]], problem: str = "") -> Any:
        return self.render("kpis.html", lines=lines, asked={"period": str(period)} | asked, period=str(period),
                           before=str(period.previous()), problem=problem)

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
        return self.render(
            "kpi.html", label=kpi.label.in_(who.language), period=str(period), value=value_text(answer, who.language),
            sides=[{"is_part": side == kpis.PART, "sum": number_text(getattr(answer, side)),
                    "lists": _lists(who, kpi, side, span, scope)} for side in kpis.sides(kpi)])


def _lists(who: access.Actor, kpi: kpis.Kpi, side: str, span: Span, scope: kpis.Scope) -> list[dict[str, Any]]:
    return [{"label": Record.types[name].label.in_(who.language), "count": count,
             "href": f"/admin/{name}/?behind={kpis.address(kpi, side, span.period, scope)}"}
            for name, count in kpis.types_behind(db.session, kpi, side, span, who, scope).items()]


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
