"""A frozen report is never changed by what comes late: it is called off for a reason and a new one takes its place. The old
one stays on file with its figures and signatures, and what changed is written down figure by figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.people import User
from models.reports import Reissue, ReportRun
from models.spec import APPROVER, CALLED_OFF, NUMBERS, Invalid, Kind, Move, Period, RecordType, Refused, Text
from rules import access, areas, moves

SAID = frozenset({*NUMBERS, Kind.CHOICE, Kind.BOOL})
NOT_THIS = Text("“{type}”不能重新发布：{why}", "“{type}” is not issued again: {why}")
NOT_FROZEN = Text("{period} 没有已冻结的{type}，无需填写重新发布的原因", "There is no frozen {type} of {period}: no reason is needed")
STILL_OPEN = Text("{type} {number} 未冻结，直接重新汇总即可", "{type} {number} is not frozen: compile it again as it is")
NO_SUCH = Text("没有编号为“{number}”的{type}", "There is no {type} with the number “{number}”")
SEVERAL = Text("{period} 有 {count} 张已冻结的{type}，请指明编号，或在该张的页面上重新发布",
               "There are {count} of {type} that are frozen for {period}: give the number, or issue it again on its own page")
NEEDS_REASON = Text("请填写重新发布的原因", "Give the reason to issue it again")
RECORD_SAYS = Text("已指明单据，不必再指定期间、服务商或方案", "The record says which period, dealer or plan it is")
NOTHING_NEW = Text("没有汇总出新的{type}，{number} 保持原状", "No new {type} was compiled: {number} stays as it is")


@dataclass(frozen=True)
class Reissuing:
    """How a report's frozen records are issued again. `carried`: what people wrote, which the new one begins with; `table`:
    the child table of its figures; `among`: which records of the type the report compiles, where it is not all."""

    carried: tuple[str, ...] = ()
    table: str = "figures"
    among: Mapping[str, str] = field(default_factory=dict)


# Asking -----------------------------------------------------------------------------------------------------------

def calling_off(spec: RecordType) -> Move:
    """The move that takes a record of the type out of use."""
    return next(move for move in spec.workflow.moves if move.calls_off)


def may_ask(actor: access.Actor, report: Any) -> bool:
    """By their role; `allow` looks at the record."""
    spec = report.guarded_by
    if not isinstance(report.reissue, Reissuing) or areas.is_off(spec):
        return False
    by = calling_off(spec).by
    return not actor.roles.isdisjoint(by) or (APPROVER in by and "A" in access.letters(actor, spec))


def is_frozen(record: Any) -> bool:
    """It is past the state in which it is compiled again, and still holds."""
    return record.state != record.spec.workflow.initial and record.state not in CALLED_OFF


def may_replace(session: Any, actor: access.Actor, record: Any) -> access.Verdict:
    """Whoever may call the frozen record off may have it replaced."""
    if not is_frozen(record):
        return access.Verdict(STILL_OPEN.with_(type=record.spec.label, number=record.number))
    return moves.may_move(session, actor, record, calling_off(record.spec), consequence=actor.is_system)


def named(act: Any, report: Any, number: str, others: str) -> Any:
    """The record of this number that shall be replaced."""
    spec = _reissued(report)
    if others:
        raise Invalid({"record": RECORD_SAYS})
    query = sa.select(spec.model).where(spec.model.number == number, *_among(report, spec))
    found = act.session.scalar(access.visible(query, act.actor, spec))
    if found is None:
        raise Invalid({"record": NO_SUCH.with_(type=spec.label, number=number[:60])})
    return found


def of_period(act: Any, report: Any, period: Period, scope: str) -> Any:
    """The one that is frozen for the period, and the dealer or plan."""
    spec = _reissued(report)
    query = sa.select(spec.model).where(
        spec.model.state.not_in((*CALLED_OFF, spec.workflow.initial)), *_about(act, report, period, scope))
    found = act.session.scalars(access.visible(query, act.actor, spec)).all()
    if not found:
        raise Invalid({"reason": NOT_FROZEN.with_(period=period, type=spec.label)})
    if len(found) > 1:
        raise Invalid({"record": SEVERAL.with_(period=period, type=spec.label, count=len(found))})
    return found[0]


def _reissued(report: Any) -> RecordType:
    if not isinstance(report.reissue, Reissuing):
        raise Invalid({"reason": NOT_THIS.with_(type=report.label, why=report.reissue)})
    spec: RecordType = report.guarded_by
    return spec


def _among(report: Any, spec: RecordType) -> list[Any]:
    return [getattr(spec.model, spec.fields[name].column) == value for name, value in report.reissue.among.items()]


def _about(act: Any, report: Any, period: Period, scope: str) -> Iterator[Any]:
    model, fields = report.guarded_by.model, report.guarded_by.fields
    yield from _among(report, report.guarded_by)
    if report.of_plans:
        yield model.satisfaction_survey_plan_id.in_([plan.id for plan in act.find("satisfaction_survey_plan", number=scope)])
        return
    yield getattr(model, "quarter" if period.months > 1 and "quarter" in fields else "period") == str(period)
    if scope:
        yield model.dealer_id.in_([dealer.id for dealer in act.find("dealer_ledger", dealer_code=scope)])


def place_of(act: Any, report: Any, record: Any) -> tuple[str, str]:
    """The period and scope under which the report compiles this record."""
    if report.of_plans:
        plan = act.get("satisfaction_survey_plan", record.satisfaction_survey_plan_id)
        return plan.quarter, plan.number
    about = next(filter(None, (getattr(record, name) for name in ("period", "quarter") if name in record.spec.fields)))
    dealer = act.get("dealer_ledger", record.dealer_id) if report.of_dealers else None
    return about, dealer.dealer_code if dealer else ""


def allow(act: Any, record: Any, reason: str) -> int:
    """The id of the record, if the actor may have it replaced."""
    if not reason:
        raise Invalid({"reason": NEEDS_REASON})
    verdict = may_replace(act.session, act.actor, record)
    if verdict.reason is not None:
        raise Refused(verdict.reason)
    return int(record.id)


# Doing it ---------------------------------------------------------------------------------------------------------

def call_off(act: Any, spec: RecordType, run: ReportRun) -> Any:
    """The frozen record that the run replaces, called off by whoever asked, if they still may; None if it replaces none."""
    if run.replaces_id is None:
        return None
    record, system, comment = act.lock(act.session.get(spec.model, run.replaces_id)), act.actor, act.comment
    person = act.session.get(User, run.asked_by_id) if run.asked_by_id else None
    try:
        act.actor, act.comment = access.Actor.of(person, "job") if person else system, run.reason
        allow(act, record, run.reason or "")
        moves.make(act, record, calling_off(spec).name, consequence=person is None)
    finally:
        act.actor, act.comment = system, comment
    return record


def finish(task: Any, report: Any, made: list[Any]) -> None:
    """The new record begins with what people wrote on the old one; what its figures say otherwise is written down."""
    old = task.replaces
    if old is None:
        return
    spec, act = old.spec, task.act
    if not made:
        raise Refused(NOTHING_NEW.with_(type=spec.label, number=old.number))
    new = act.lock(act.session.get(spec.model, made[0].id))
    _carry_over(act, report, old, new)
    before, after = dict(figures(report, old)), dict(figures(report, new))
    changes = [[*name, before.get(name), after.get(name)] for name in dict.fromkeys((*before, *after))
               if before.get(name) != after.get(name)]
    act.session.add(Reissue(of_type=spec.name, old_id=old.id, new_id=new.id, reason=task.reason, changes=changes,
                            made_at=act.now))
    act.session.flush()


def _carry_over(act: Any, report: Any, old: Any, new: Any) -> None:
    for name in report.reissue.carried:
        if name in old.spec.fields:
            column = old.spec.fields[name].column
            setattr(new, column, getattr(old, column))
        else:
            child = old.spec.lines[name]
            setattr(new, name, [child.model(position=n, **{one.column: getattr(row, one.column) for one in child.fields.values()})
                                for n, row in enumerate(getattr(old, name))])
    if report.reissue.carried:
        act.touch(new)


def figures(report: Any, record: Any) -> Iterator[tuple[tuple[str, str], str | None]]:
    """(figure, column) -> what it says: what the head computes, and the numbers of each line of the figures."""
    for name, one in record.spec.fields.items():
        if (one.kind in SAID and one.derived) or (one.kind in NUMBERS and one.system):
            yield (name, ""), _said(getattr(record, one.column))
    child = record.spec.lines[report.reissue.table]
    for row in getattr(record, child.name):
        for one in child.fields.values():
            if one.kind in NUMBERS:
                yield (figure_of(child, row), one.column), _said(getattr(row, one.column))


def figure_of(child: Any, row: Any) -> str:
    """`by_dealer:F001`, or `items:quality`: what the figure of a line is called."""
    if "section" in child.fields:
        return f"{row.section}:{row.key}" if row.key else row.section
    key = next(one for one in child.fields.values() if one.choices)
    return f"{child.name}:{getattr(row, key.column)}"


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


# Looking ----------------------------------------------------------------------------------------------------------

def of(session: Any, record: Any) -> tuple[Reissue | None, Reissue | None]:
    """What this record replaced, and what replaced it."""
    found = session.scalars(sa.select(Reissue).where(Reissue.of_type == record.spec.name, sa.or_(
        Reissue.old_id == record.id, Reissue.new_id == record.id))).all()
    return (next((one for one in found if one.new_id == record.id), None),
            next((one for one in found if one.old_id == record.id), None))


def number_of(session: Any, type_name: str, id_: int) -> str:
    model = Record.types[type_name].model
    return session.scalar(sa.select(model.number).where(model.id == id_)) or f"#{id_}"
