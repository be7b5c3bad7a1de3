"""A frozen report is never changed by what comes late: it is voided for a reason and a new one takes its place. The old one
stays on file with its figures and signatures, and what changed is written down figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.reports import Reissue
from models.spec import NUMBERS, VOID, Invalid, Kind, Period, RecordType, Refused, Text
from rules import access, areas, moves

REISSUED = ("quality_info_summary", "monthly_quality_analysis")   # one for each month, frozen once it is handed up
COLUMNS = ("case_count", "amount", "direct_loss", "numerator", "denominator", "rate")
NOT_THIS = Text("“{type}”不能重新发布", "“{type}” cannot be issued again")
NOT_FROZEN = Text("{period} 没有已冻结的{type}，无需填写重新发布的原因", "There is no frozen {type} of {period}: no reason is needed")


def frozen(session: Any, spec: RecordType, period: Period) -> Any:
    """The record of the month that is frozen, or None."""
    model = spec.model
    return session.scalar(sa.select(model).where(
        model.period == str(period), model.is_frozen.is_(True), model.state != VOID))


def may_ask(actor: access.Actor, spec: RecordType) -> bool:
    """By their role; `allow` looks at the record."""
    return spec.name in REISSUED and not areas.is_off(spec) and not actor.roles.isdisjoint(spec.workflow.move(VOID).by)


def allow(act: Any, spec: RecordType, period: Period) -> None:
    """Whoever may void the frozen record may have it replaced."""
    if spec.name not in REISSUED:
        raise Invalid({"reason": NOT_THIS.with_(type=spec.label)})
    old = frozen(act.session, spec, period)
    if old is None:
        raise Invalid({"reason": NOT_FROZEN.with_(period=period, type=spec.label)})
    verdict = moves.may_move(act.session, act.actor, old, spec.workflow.move(VOID))
    if verdict.reason is not None:
        raise Refused(verdict.reason)


def replaces(task: Any, record: Any) -> bool:
    """Void a frozen record that this run has a reason to replace; is it out of the way?"""
    if not task.reason or record.spec.name not in REISSUED or not record.is_frozen:
        return False
    act, comment = task.act, task.act.comment
    act.comment = task.reason
    try:
        act.make(record, VOID)
    finally:
        act.comment = comment
    task.replaced.append((record.spec, record.id))
    return True


def write_down(task: Any, made: list[Any]) -> None:
    """What each new record says otherwise than the one whose place it takes."""
    for (spec, old_id), new in zip(task.replaced, made, strict=False):
        before, after = (dict(_figures(task.act.session.get(spec.model, id_))) for id_ in (old_id, new.id))
        names = dict.fromkeys((*before, *after))
        changes = [[*name, before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)]
        task.act.session.add(Reissue(of_type=spec.name, old_id=old_id, new_id=new.id, reason=task.reason, changes=changes,
                                     made_at=task.act.now))
        task.act.session.flush()


def _figures(record: Any) -> Iterator[tuple[tuple[str, str], str | None]]:
    """(figure, column) -> what it says: the numbers of the head, and the lines of the figures."""
    for name, field in record.spec.fields.items():
        if field.kind in (*NUMBERS, Kind.PERCENT) and not field.typed:
            yield (name, ""), _said(getattr(record, field.column))
    for row in record.figures:
        figure = f"{row.section}:{row.key}" if row.key else row.section
        for column in COLUMNS:
            if getattr(row, column, None) is not None:
                yield (figure, column), _said(getattr(row, column))


def _said(value: Any) -> str | None:
    return None if value is None else str(value)


def of(session: Any, record: Any) -> tuple[Reissue | None, Reissue | None]:
    """What this record replaced, and what replaced it."""
    found = session.scalars(sa.select(Reissue).where(Reissue.of_type == record.spec.name, sa.or_(
        Reissue.old_id == record.id, Reissue.new_id == record.id))).all()
    return (next((one for one in found if one.new_id == record.id), None),
            next((one for one in found if one.old_id == record.id), None))


def number_of(session: Any, type_name: str, id_: int) -> str:
    model = Record.types[type_name].model
    return session.scalar(sa.select(model.number).where(model.id == id_)) or f"#{id_}"
