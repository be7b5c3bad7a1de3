"""Asking for the department's figures in words, as people do on the page, at the console and over HTTP, and telling them to
programs: all of them through the same rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from jobs import kpis
from jobs.kpi_rows import Span
from models.base import Record, rounded
from models.master.dealer_ledger import DealerLedger
from models.people import Unit
from models.spec import Invalid, Period, Text
from rules import access, lists, office

WORDS = ("period", "dealer", "unit")
NUMBERS = 1000       # of the records behind a figure, each side and type
WRONG = Text("期间应为月份、季度或年份，如 2026-10、2026-Q4、2026", "The period is a month, quarter or year: 2026-10, 2026-Q4, 2026")
NO_DEALER = Text("没有代码为“{code}”的服务商", "There is no dealer with the code “{code}”")
NO_UNIT = Text("没有代码为“{code}”的部门", "There is no department with the code “{code}”")
ONE_OF_THEM = Text("服务商和部门只能填一项", "Give a dealer or a department, not both")
NOT_HERE = Text("没有“{name}”这个指标，或您不能查看，或它不按该范围统计",
                "There is no figure “{name}”, or it is not yours to see, or not told of this scope")


def read(session: Any, actor: access.Actor, words: Mapping[str, str]) -> tuple[Period, kpis.Scope]:
    """The period (this month unless told) and for whom: a dealer or a department by its code. Raises Invalid."""
    period, dealer, unit = (words.get(name, "").strip() for name in WORDS)
    try:
        when = Period.parse(period) if period else Period.of(office.today())
    except ValueError:
        raise Invalid({"period": WRONG}) from None
    if dealer and unit:
        raise Invalid({"unit": ONE_OF_THEM})
    if unit and session.get(Unit, unit) is None:
        raise Invalid({"unit": NO_UNIT.with_(code=unit[:60])})
    return when, kpis.Scope(_dealer(session, actor, dealer), unit or None)


def _dealer(session: Any, actor: access.Actor, code: str) -> int | None:
    """One that is not theirs to see is as if it were not there."""
    if not code:
        return None
    spec = DealerLedger.spec
    query = access.visible(sa.select(DealerLedger.id).where(DealerLedger.dealer_code == code), actor, spec)
    id_ = session.scalar(query) if access.may(actor, "view", spec) else None
    if id_ is None:
        raise Invalid({"dealer": NO_DEALER.with_(code=code[:60])})
    return int(id_)


def listed(session: Any, actor: access.Actor, period: Period, scope: kpis.Scope) -> list[dict[str, Any]]:
    """Every figure that is theirs to see, beside that of the period before."""
    now, offered = office.now(), kpis.offered(actor, scope)
    spans = [Span.of(one, now) for one in (period, period.previous())]
    answers = iter(kpis.ask(session, [(kpi, span) for kpi in offered for span in spans], actor, scope))
    return [{**_told(kpi, next(answers)), "previous": _number(next(answers))} for kpi in offered]


def one(session: Any, actor: access.Actor, name: str, period: Period, scope: kpis.Scope) -> dict[str, Any]:
    """A figure and exactly the records that it counts, type by type. Raises Invalid."""
    kpi = kpis.KPIS.get(name)
    if kpi is None or kpi not in kpis.offered(actor, scope):
        raise Invalid({"name": NOT_HERE.with_(name=name[:60])})
    span = Span.of(period, office.now())
    answer, = kpis.ask(session, [(kpi, span)], actor, scope)
    return {**_told(kpi, answer), "behind": {
        side: _behind(session, actor, kpi, side, span, scope) for side in kpis.sides(kpi)}}


def _told(kpi: kpis.Kpi, answer: kpis.Answer | None) -> dict[str, Any]:
    parts = {} if len(kpis.sides(kpi)) == 1 or answer is None else {"part": str(answer.part), "whole": str(answer.whole)}
    return {"name": kpi.name, "zh": kpi.label.zh, "en": kpi.label.en, "unit": kpi.unit, "value": _number(answer), **parts}


def _number(answer: kpis.Answer | None) -> str | None:
    """A rate is the fraction, a count or sum the number; nothing where there is nothing to divide by."""
    value = answer.value if answer else None
    if answer is None or value is None:
        return None
    return format(rounded(value) if answer.kpi.unit == kpis.MONEY else value, "f")


def _behind(session: Any, actor: access.Actor, kpi: kpis.Kpi, side: str, span: Span, scope: kpis.Scope) -> dict[str, Any]:
    words = kpis.address(kpi, side, span.period, scope).partition(":")[2]
    counts = kpis.types_behind(session, kpi, side, span, actor, scope)
    found = kpis.behind(words, actor, span.now) or {}
    return {name: {"count": counts.get(name, 0), "numbers": _numbers(session, name, ids)} for name, ids in found.items()}


def _numbers(session: Any, type_name: str, ids: Any) -> Sequence[str]:
    """The newest first; a draft without a number by its id."""
    model = Record.types[type_name].model
    return list(session.scalars(sa.select(lists.numbered(model)).where(model.id.in_(ids)).order_by(model.id.desc()).limit(NUMBERS)))
