"""Areas that a company does without. Their records stay, and are there again once the area is switched on; until then
nobody meets them: rules/access denies every type of an area that is off.

Which ones are off is read with the person at the beginning of a request, and at the beginning of a job, a tick of the
clock or a command; every request and every job has a context of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from functools import cache
from typing import Any

import sqlalchemy as sa

from models.base import Record, reading
from models.settings import SwitchedOff
from models.spec import AREAS, Field, Invalid, RecordType, Refused, Text
from rules import audit

ALWAYS_ON = "master"
# Beside what links demand: areas whose records the moves of an area open, or wait for.
OPENED = {"intake": {"dispatch", "disposition"}, "warranty": {"dispatch"}}
UNKNOWN = Text("没有“{area}”这个业务区", "There is no area “{area}”")
NEEDED_ALWAYS = Text("“{area}”是其他各区的基础，不能停用", "“{area}” is what all others stand on: it stays")
NEEDED = Text("“{area}”不能停用：在用的{others}离不开它，请先停用这些区",
              "“{area}” cannot be switched off: {others} cannot do without it, switch those off first")
NEEDS = Text("“{area}”不能单独启用：它离不开{others}，请先启用这些区",
             "“{area}” cannot be switched on by itself: it cannot do without {others}, switch those on first")

_off: ContextVar[frozenset[str]] = ContextVar("areas that are off", default=frozenset())


def off() -> frozenset[str]:
    return _off.get()


def is_off(spec: RecordType) -> bool:
    return spec.area in _off.get()


def types_in_use() -> list[str]:
    return [spec.name for spec in Record.types.values() if not is_off(spec)]


def as_read() -> Any:
    """A column that brings what is off along with another question; `take` takes it."""
    return sa.select(sa.func.aggregate_strings(SwitchedOff.area, ",")).scalar_subquery()


def take(text: str | None) -> None:
    found = frozenset((text or "").split(",")) - {""}
    if found != _off.get():
        _off.set(found)


def read(session: Any) -> None:
    with session.no_autoflush:   # whatever is under way is not finished by this question
        take(session.scalar(sa.select(as_read())))


def look(session: Any) -> None:
    """At the beginning of a job or command: by a session of its own, so that it holds up nobody and ends nothing that is
    under way."""
    with reading(), sa.orm.Session(session.get_bind()) as own:
        read(own)


# Switching --------------------------------------------------------------------------------------------------------

def switch(act: Any, area: str, *, on: bool) -> None:
    """With it those that it cannot do without and that cannot do without it. Audited. Raises Invalid for an unknown
    area, Refused where areas in use could not do without it; flushes."""
    if area not in AREAS:
        raise Invalid({"area": UNKNOWN.with_(area=area[:60])})
    act.lock_series("dealer_ledger")   # whoever switches another one at this moment comes first or second
    read(act.session)
    _refuse(area, on)
    for one in sorted(together(area)):
        was_on = one not in off()
        if on:
            act.session.execute(sa.delete(SwitchedOff).where(SwitchedOff.area == one))
        elif was_on:
            act.session.add(SwitchedOff(area=one))
        act.session.flush()
        if on != was_on:
            audit.note(act.session, act, "switch_area", "area", one, {"on": [was_on, on]})
    read(act.session)


def _refuse(area: str, on: bool) -> None:
    if area == ALWAYS_ON and not on:
        raise Refused(NEEDED_ALWAYS.with_(area=AREAS[area]))
    needing = {other for other in AREAS if area in needed_by(other)}
    others = (needed_by(area) & off() if on else needing - off()) - together(area)
    if others:
        raise Refused((NEEDS if on else NEEDED).with_(area=AREAS[area], others=_listed(others)))


def together(area: str) -> frozenset[str]:
    """The area, and those that cannot do without each other: they are switched as one."""
    return frozenset({area, *(other for other in needed_by(area) if area in needed_by(other))})


@cache
def needed_by(area: str) -> frozenset[str]:
    """All areas that an area cannot do without, be it at second hand."""
    found: set[str] = set()
    left = {area}
    while left:
        more = set().union(*(_needed_at_once(one) for one in left))
        left = more - found
        found |= more
    return frozenset(found - {area})


def _needed_at_once(area: str) -> set[str]:
    """A link that must be filled in names them, or a move opens their records."""
    return OPENED.get(area, set()) | {
        Record.types[field.to].area for spec in Record.types.values() if spec.area == area for field in _needed(spec)}


def _needed(spec: RecordType) -> Iterable[Field]:
    demanded = {name for move in spec.workflow.moves for name in move.requires}
    children = [field for child in spec.lines.values() for field in child.fields.values()]
    return [field for field in (*spec.fields.values(), *children)
            if field.to and (field.required or (field.name in demanded and field.name in spec.fields))]


def _listed(areas: Iterable[str]) -> Text:
    labels = [AREAS[area] for area in AREAS if area in areas]
    return Text("、".join(f"“{label.zh}”" for label in labels), ", ".join(f"“{label.en}”" for label in labels))
