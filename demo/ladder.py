"""Records that climb from state to state: one in each state where the youngest stand, the older ones at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from demo.actions import Actions
from demo.story import Clock, Rec, Story

Fields = Mapping[str, Any]
Rung = tuple[str, Fields]


class _Then(NamedTuple):
    """A moment, or with `is_day` a day, that is told from the moment of its step."""

    days: float = 0
    hours: float = 0
    is_day: bool = False

    def after(self, moment: datetime) -> datetime | date:
        found = moment + timedelta(days=self.days, hours=self.hours)
        return found.date() if self.is_day else found


NOW, TODAY = _Then(), _Then(is_day=True)


def at(days: float = 0, hours: float = 0) -> _Then:
    return _Then(days, hours)


def on(days: float) -> _Then:
    return _Then(days, is_day=True)


def filled(value: Any, moment: datetime) -> Any:
    """The fields of a step with its moment filled in."""
    if isinstance(value, _Then):
        return value.after(moment)
    if isinstance(value, Rec):
        return value
    if isinstance(value, list):
        return [filled(row, moment) for row in value]
    return {key: filled(row, moment) for key, row in value.items()} if isinstance(value, dict) else value


def climbed(clock: Clock, author: str, created: datetime, initial: str, rungs: Sequence[Rung], target: str = "",
            pace: tuple[float, float] = (0.6, 2.4), **fields: Any) -> Rec:
    """One record on the rung of its target state, on the last one if none is named."""
    states = [state for state, _ in rungs]
    last = len(rungs) if not target else 0 if target == initial else len(states) - states[::-1].index(target)
    story, moment = Story(created, author, initial, **filled(fields, created)), created
    for place, (state, given) in enumerate(rungs[:last], 1):
        moment = _next(clock, moment, given.get("_pace", pace), last - place)
        kept = {name: value for name, value in given.items() if name != "_pace"}
        story.then(moment, state, **filled(kept, moment))
    return story.told(clock.end)


def _next(clock: Clock, moment: datetime, pace: tuple[float, float], left: int) -> datetime:
    """At the pace of the step; whoever is short of time does it the same day."""
    found = clock.later(moment, *pace)
    return found if found < clock.end - timedelta(days=1.5 + left * 0.8) else clock.soon(moment, 10, 40)


def ago(clock: Clock, days: float) -> datetime:
    """A working moment about so many days before the last evening."""
    day = (clock.end - timedelta(days=days)).date()
    while day.weekday() >= 5:
        day -= timedelta(days=1)
    return clock.at(day, 8, 14)


def several(clock: Clock, cases: Sequence[Fields], initial: str, rungs: Sequence[Rung],
            aside: Mapping[str, tuple[str, Fields]] | None = None, *, first: float = 390,
            pace: tuple[float, float] = (0.6, 2.4)) -> list[Rec]:
    """The cases from the oldest to the youngest: the youngest stand on each rung, a few in the middle ended aside,
    the rest came to the end. A case names its author as `_by`; `_age` and `_target` where it wants its own."""
    path = [initial, *dict.fromkeys(state for state, _ in rungs)]
    aside = aside or {}
    open_ = path[:-1][::-1]
    if len(cases) < len(open_) + len(aside) + 1:
        raise ValueError(f"too few cases for {path} and {list(aside)}")
    free = len(cases) - len(open_)
    targets = [path[-1]] * free + open_
    for place, state in enumerate(aside, 1):
        targets[free * place // (len(aside) + 1)] = state
    ages = [first - (first - 30) * place / max(1, free - 1) for place in range(free)]
    ages += [3 + 2.5 * (len(open_) - place) for place in range(1, len(open_) + 1)]
    found = []
    for case, target, age in zip(cases, targets, ages, strict=True):
        target = case.get("_target", target)
        fields = {name: value for name, value in case.items() if name not in ("_by", "_age", "_target")}
        way = list(rungs)
        if target in aside:
            from_, given = aside[target]
            states = [state for state, _ in rungs]
            reached = 0 if from_ == initial else len(states) - states[::-1].index(from_)
            way = [*rungs[:reached], (target, given)]
        found.append(climbed(clock, case["_by"], case.get("_age") or ago(clock, age), initial, way, target,
                             pace, **fields))
    return sorted(found, key=lambda row: row["created_at"])


def improvement(clock: Clock, source_type: str, source: Rec, moment: datetime, unit: str, texts: tuple[str, str, str, str],
                **fields: Any) -> Rec:
    """The corrective action that a record led to: problem, cause, measure and prevention as given; an old one is
    closed, a young one stands where the time has brought it."""
    actions = Actions(clock)
    problem, cause, measure, prevention = texts
    story = actions.begin(moment, source_type, source, unit, problem, **fields)
    actions.go_on(story, cause, measure, prevention, visit=bool(fields.get("is_reply_required")))
    return story.told(clock.end)
