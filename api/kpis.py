"""`/kpis`: the figures of the department for any period, of the company, a dealer or a department."""

from __future__ import annotations

from flask import Response, request

from api import answers, cost, door, parameters
from api.door import blueprint
from jobs import kpi_answers
from jobs.kpis import Scope
from models.base import db
from models.spec import Invalid, Period


@blueprint.get("/kpis")
def every_kpi() -> Response:
    """Those that are theirs to see; without a period of this month."""
    period, scope = _asked()
    with cost.bounded(db.session.connection()):
        found = kpi_answers.listed(db.session, door.actor(), period, scope)
    return door.told({"data": found, "meta": {"period": str(period)}})


@blueprint.get("/kpis/<name>")
def one_kpi(name: str) -> Response:
    """With the numbers of the records that it counts."""
    period, scope = _asked()
    try:
        with cost.bounded(db.session.connection()):
            found = kpi_answers.one(db.session, door.actor(), name, period, scope)
    except Invalid as invalid:
        raise answers.forbidden(invalid.errors["name"]) from None
    return door.told({"data": found, "meta": {"period": str(period)}})


def _asked() -> tuple[Period, Scope]:
    parameters.of_address(request.args, (*kpi_answers.WORDS, "lang"))
    return kpi_answers.read(db.session, door.actor(), request.args)
