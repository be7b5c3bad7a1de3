"""The figures by which the department is led, each a declared question: for any period, for the company, one dealer or
one department, within the rights of whoever asks; and exactly the records behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, reduce
from typing import Any

import sqlalchemy as sa

from jobs import kpi_rows
from jobs.kpi_rows import Question, Rows, Span
from models.base import rounded
from models.measures import LABELS
from models.spec import Period, RecordType, Text
from rules import access

KPI = "kpi"          # stands for a type where a drill-down is about one of these
PART, WHOLE = "part", "whole"
COUNT, MONEY, RATE, PER_THOUSAND = "count", "money", "rate", "per_thousand"
UNITS = {COUNT: Text("起", ""), MONEY: Text("元", "CNY"), RATE: Text("%", "%"), PER_THOUSAND: Text("‰", "‰")}
EVERYWHERE, AT_DEALERS, COMPANY = ("dealer_id", "unit"), ("dealer_id",), ()


@dataclass(frozen=True)
class Kpi:
    """`scopes`: for whom besides the company it can be asked. `is_of_records`: each record counts as one."""

    name: str
    unit: str
    scopes: tuple[str, ...] = AT_DEALERS
    is_of_records: bool = True

    @property
    def label(self) -> Text:
        return LABELS[self.name]

    @property
    def rows(self) -> Question:
        found: Question = getattr(kpi_rows, self.name)
        return found


@dataclass(frozen=True)
class Scope:
    """Whose records: all of the company's, or those of one dealer or one department."""

    dealer_id: int | None = None
    unit: str | None = None

    def named(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Answer:
    """`part` of `whole`; a plain count or sum is all whole. `value` is None where there is nothing to divide by."""

    kpi: Kpi
    part: Decimal
    whole: Decimal

    @property
    def value(self) -> Decimal | None:
        if self.kpi.unit in (COUNT, MONEY):
            return self.whole
        if not self.whole:
            return None
        return rounded(self.part * (1000 if self.kpi.unit == PER_THOUSAND else 1) / self.whole, 6)


KPIS = {kpi.name: kpi for kpi in (
    Kpi("quality_info_received", COUNT, EVERYWHERE), Kpi("complaints_received", COUNT, EVERYWHERE),
    Kpi("enquiries_received", COUNT), Kpi("contacts", COUNT, COMPANY), Kpi("visits", COUNT, COMPANY), Kpi("repairs", COUNT),
    Kpi("direct_loss", MONEY, EVERYWHERE, is_of_records=False), Kpi("receivable", MONEY, is_of_records=False),
    Kpi("reply_on_time", RATE, EVERYWHERE), Kpi("enquiry_reply_on_time", RATE), Kpi("arrival_on_time", RATE),
    Kpi("first_time_fix", RATE), Kpi("closed", RATE, EVERYWHERE), Kpi("complaint_closed", RATE, EVERYWHERE),
    Kpi("complaint_on_time", RATE, EVERYWHERE), Kpi("complaint_share", RATE), Kpi("warranty_rejected", RATE),
    Kpi("warranty_rejected_amount", RATE, is_of_records=False), Kpi("parts_line_fill", RATE, is_of_records=False),
    Kpi("parts_quantity_fill", RATE, is_of_records=False), Kpi("parts_on_time", RATE, is_of_records=False),
    Kpi("callback", RATE), Kpi("satisfaction", RATE), Kpi("faults_per_thousand", PER_THOUSAND, is_of_records=False),
    Kpi("recall_done", RATE), Kpi("action_on_time", RATE, ("unit",)),
)}
ALL = Scope()
AT_ONCE = 20         # in one statement: SQLite joins 64 tables at most


def offered(actor: access.Actor, scope: Scope = ALL) -> list[Kpi]:
    """Those of which the actor may look at anything, and that can be asked for this scope."""
    return [kpi for kpi in KPIS.values() if set(scope.named()) <= set(kpi.scopes)
            and any(access.may(actor, "view", spec) for spec in _types(kpi))]


@cache
def _types(kpi: Kpi) -> list[RecordType]:
    """The types of its rows, the same at all times."""
    return [rows.model.spec for rows in kpi.rows(Span.of(Period(2000, 1, 1), datetime.min))]


def _open(kpi: Kpi, span: Span, actor: access.Actor) -> Iterable[Rows]:
    """Its rows, of the types that the actor may look at."""
    return (rows for rows in kpi.rows(span) if access.may(actor, "view", rows.model.spec))


def seen(kpi: Kpi, span: Span, actor: access.Actor, scope: Scope = ALL) -> list[Rows]:
    """The rows that the actor may see, within the scope."""
    found = []
    for rows in _open(kpi, span, actor):
        row, spec = rows.query.subquery(), rows.model.spec
        where = [row.c[name] == value for name, value in scope.named().items()]
        if (mine := access.scope_clause(actor, spec)) is not None:
            where.append(row.c.id.in_(sa.select(spec.model.id).where(mine)))
        found.append(Rows(rows.model, sa.select(row).where(*where)))
    return found


def ask(session: Any, questions: Iterable[tuple[Kpi, Span]], actor: access.Actor, scope: Scope = ALL) -> list[Answer | None]:
    """Some at a time in one statement; None where the actor may look at nothing of it."""
    asked = [(kpi, seen(kpi, span, actor, scope)) for kpi, span in questions]
    sums = [_sum(found) for _, found in asked if found]
    numbers = (number for start in range(0, len(sums), AT_ONCE)
               for number in _numbers(session, sums[start:start + AT_ONCE]))
    return [Answer(kpi, Decimal(next(numbers) or 0), Decimal(next(numbers) or 0)) if found else None for kpi, found in asked]


def _numbers(session: Any, sums: list[Any]) -> Any:
    """Each is one row, so they stand beside each other."""
    beside = reduce(lambda left, right: left.join(right, sa.true()), sums)
    return session.execute(sa.select(*(column for pair in sums for column in pair.c)).select_from(beside)).one()


def _sum(found: list[Rows]) -> Any:
    """One row of two sums. Each keeps the type of its own column: amounts are not kept alike on all databases."""
    rows = sa.union_all(*(rows.query for rows in found)).subquery() if len(found) > 1 else found[0].query.subquery()
    first = found[0].query.selected_columns
    return sa.select(*(sa.type_coerce(sa.func.sum(rows.c[name]), first[name].type).label(name)
                       for name in (PART, WHOLE))).subquery()


# What is behind them ----------------------------------------------------------------------------------------------

def address(kpi: Kpi, side: str, period: Period, scope: Scope = ALL) -> str:
    """What stands behind `?behind=` of a list: `kpi:reply_on_time:part:2026-10:dealer_id=7`."""
    words = [f"{name}={value}" for name, value in scope.named().items()]
    return ":".join((KPI, kpi.name, side, str(period), *words))


def behind(words: str, actor: access.Actor, now: datetime) -> Mapping[str, Any] | None:
    """Type -> a select of the ids that the figure of this address counts; None if there is no such figure."""
    name, side, period, *named = [*words.split(":", 3), "", ""][:4]
    kpi, scope = KPIS.get(name), _scope(named[0])
    if kpi is None or side not in (PART, WHOLE) or scope is None or not set(scope.named()) <= set(kpi.scopes):
        return None
    try:
        span = Span.of(Period.parse(period), now)
    except ValueError:
        return None
    return {rows.model.spec.name: _counted(rows, side) for rows in seen(kpi, span, actor, scope)}


def sides(kpi: Kpi) -> tuple[str, ...]:
    """A count or a sum has no parts."""
    return (WHOLE,) if kpi.unit in (COUNT, MONEY) else (PART, WHOLE)


def _scope(text: str) -> Scope | None:
    name, _, value = text.partition("=")
    return scope_of({name: value}) if text else ALL


def scope_of(words: Mapping[str, str]) -> Scope | None:
    """`dealer_id=7` or `unit=U1` as an address has them; None if they cannot be read."""
    dealer, unit = words.get("dealer_id", ""), words.get("unit", "")
    if dealer and not (dealer.isascii() and dealer.isdigit() and len(dealer) <= 18):
        return None
    return Scope(int(dealer) if dealer else None, unit or None)


def _counted(rows: Rows, side: str) -> Any:
    row = rows.query.subquery()
    return sa.select(row.c.id).where(row.c[side] > sa.literal(0, sa.Integer))


def types_behind(session: Any, kpi: Kpi, side: str, span: Span, actor: access.Actor, scope: Scope = ALL) -> dict[str, int]:
    """Type -> how many of its records the figure counts."""
    parts = [sa.select(sa.literal(rows.model.spec.name), sa.func.count(sa.distinct(_counted(rows, side).subquery().c.id)))
             for rows in seen(kpi, span, actor, scope)]
    return dict(session.execute(sa.union_all(*parts)).all()) if parts else {}
