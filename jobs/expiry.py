"""What the clock does with records whose time has come: one act and one commit each, so that one that fails stops
no other, and doing it again finds nothing left to do."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.master.service_price_policy import ServicePricePolicy
from models.master.staff_qualification import StaffQualification
from models.satisfaction.satisfaction_questionnaire import SatisfactionQuestionnaire
from models.spec import Invalid, Refused
from rules import areas, moves
from rules.act import Act

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Due:
    """A move of the system, and the SQL condition of the records on which it may be due. Whether it really is, the
    move's own conditions decide."""

    model: type[Record]
    move: str
    where: Callable[[Act], Any]
    order: tuple[Any, ...] = ()   # where one has to come before another


POLICY = ServicePricePolicy
FORM = SatisfactionQuestionnaire
DUE = (
    Due(StaffQualification, "expire", lambda act: StaffQualification.valid_until_on < act.today),
    Due(FORM, "expire", lambda act: sa.and_(FORM.due_at < act.now, FORM.chased_at.is_not(None))),
    Due(FORM, "score", lambda act: FORM.is_valid.is_(True)),
    Due(POLICY, "take_effect", lambda act: POLICY.effective_from_on <= act.today, order=(POLICY.effective_from_on,)),
)


def make_due_moves(act: Act) -> int:
    """Make every move that is due, in areas that are in use; how many were made."""
    return sum(_make_all(act, due) for due in DUE if not areas.is_off(due.model.spec))


def _make_all(act: Act, due: Due) -> int:
    sources, model, made = due.model.spec.workflow.move(due.move).source, due.model, 0
    ids = act.session.scalars(
        sa.select(model.id).where(model.state.in_(sources), due.where(act)).order_by(*due.order, model.id)).all()
    act.session.commit()
    try:
        for id_ in ids:
            made += _make(act, due, id_)
    finally:
        act.session.info["act"] = act
    return made


def _make(act: Act, due: Due, id_: int) -> bool:
    """In a transaction of its own; somebody may have been at the record since it was found."""
    own = Act(act.session, act.actor, now=act.now)
    record = own.lock(own.session.get(due.model, id_))
    move = record.spec.workflow.move(due.move)
    try:
        if record.state not in move.source or moves.unmet(own, record, move) is not None:
            own.session.rollback()
            return False
        own.make(record, due.move)
        own.session.commit()
        return True
    except (Refused, Invalid) as no:
        own.session.rollback()
        log.warning("%s of %s %s is due and was refused: %s", due.move, due.model.spec.name, id_, no)
        return False
