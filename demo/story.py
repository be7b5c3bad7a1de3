"""How a record of the demo came about: steps in time, told only as far as the demo's last evening."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

from models.spec import RecordType

OFFICE = timezone(timedelta(hours=8))


class Rec(dict[str, Any]):
    """One record as it will stand in the file; another record may hold it as a link before it has its number."""

    __hash__ = object.__hash__


class Story:
    """A record and the steps it went through: (moment, state, fields)."""

    def __init__(self, created_at: datetime, created_by: str, state: str, **fields: Any) -> None:
        self.record = Rec(state=state, created_at=created_at, created_by=created_by, **fields)
        self.steps: list[tuple[datetime, str, dict[str, Any]]] = []

    def then(self, moment: datetime, state: str, **fields: Any) -> Story:
        self.steps.append((moment, state, fields))
        return self

    def told(self, until: datetime, last_state: str | None = None) -> Rec:
        """The record as it stood at a moment; with `last_state` the story stuck there."""
        for moment, state, fields in self.steps:
            if moment > until or self.record["state"] == last_state:
                break
            self.record["state"] = state
            self.record.update(fields)
        return self.record

    @property
    def states(self) -> list[str]:
        return [self.record["state"], *(state for _, state, _ in self.steps)]


class Clock:
    """Dice and calendar of the demo: the same for the same day."""

    def __init__(self, today: date, seed: int) -> None:
        self.today, self.dice = today, Random(seed)
        self.end = datetime.combine(today - timedelta(days=1), time(18, 0), OFFICE)
        year, month = divmod(today.year * 12 + today.month - 1 - 13, 12)
        self.first = date(year, month + 1, 1)

    def months(self) -> Iterator[tuple[date, date]]:
        """First day and last worked day of each of the fourteen months, the present one up to yesterday."""
        start = self.first
        while start < self.today:
            following = (start + timedelta(days=32)).replace(day=1)
            yield start, min(following, self.today) - timedelta(days=1)
            start = following

    def moments(self, start: date, end: date, per_month: int) -> list[datetime]:
        """Working moments between two days, as many as fall to that part of a month."""
        days = [start + timedelta(days=n) for n in range((end - start).days + 1)]
        worked = [day for day in days if day.weekday() < 5] or days[-1:]
        count = max(1, round(per_month * len(days) / 30))
        return sorted(self.at(self.dice.choice(worked)) for _ in range(count))

    def at(self, day: date, first_hour: int = 8, last_hour: int = 16) -> datetime:
        return datetime.combine(day, time(self.dice.randint(first_hour, last_hour), self.dice.choice(range(0, 60, 5))),
                                OFFICE)

    def later(self, moment: datetime, least: float, most: float) -> datetime:
        """Some working days later, at a working hour."""
        day = moment.date() + timedelta(days=round(self.dice.uniform(least, most)))
        while day.weekday() >= 5:
            day += timedelta(days=1)
        found = self.at(day, 9, 17)
        return found if found > moment else moment + timedelta(minutes=5 * self.dice.randint(2, 12))

    def soon(self, moment: datetime, least: int = 10, most: int = 90) -> datetime:
        """Minutes later; after hours it waits for the next morning."""
        found = moment + timedelta(minutes=5 * self.dice.randint(least // 5, most // 5))
        if found.hour >= 18:
            found = datetime.combine(found.date() + timedelta(days=1), time(8, found.minute), OFFICE)
        return found

    def pick(self, weighted: dict[str, int]) -> str:
        return self.dice.choices(list(weighted), list(weighted.values()))[0]


def tell(stories: Iterable[Story], clock: Clock, states: Iterable[str], least: int = 2) -> list[Rec]:
    """All records as they stand today; where too few are in a state, some that passed through it stuck there: the
    youngest of those still under way first, because what has ended may be built upon by others."""
    stories = list(stories)
    stuck: dict[int, str] = {}
    standing = {id(story): _passed(story, clock.end)[-1] for story in stories}
    counted = Counter(standing.values())
    backwards = stories[::-1]
    youngest = sorted(backwards, key=lambda story: standing[id(story)] == story.states[-1])
    for state in states:
        for story in youngest:
            now = standing[id(story)]
            if counted[state] >= least:
                break
            if id(story) not in stuck and state in _passed(story, clock.end) and counted[now] > least:
                counted[now] -= 1
                counted[state] += 1
                standing[id(story)] = stuck[id(story)] = state
    return [story.told(clock.end, stuck.get(id(story))) for story in stories]


def _passed(story: Story, until: datetime) -> list[str]:
    return [story.states[0], *(state for moment, state, _ in story.steps if moment <= until)]


def doubled(rows: list[Rec], place: int) -> Rec:
    """The same thing entered a minute before by mistake, and voided."""
    row, given = rows[place], ("received_at", "occurred_at", "created_at")
    kept = {key: value for key, value in row.items() if not key.endswith("_at") or key in given}
    return Rec(kept, state="void", created_at=row["created_at"] - timedelta(minutes=1))


def number(spec: RecordType, rows: list[Rec]) -> list[Rec]:
    """Numbers in the order of creation, counted like the system counts: what is compiled, by the month it is about."""
    counters: dict[str, int] = {}
    for row in sorted(rows, key=lambda row: row["created_at"]):
        if row.get("_unnumbered"):
            continue
        day = date.fromisoformat(f"{row['period']}-01") if spec.compiled and row.get("period") else row["created_at"].date()
        key = spec.series.period_key(day)
        counters[key] = counters.get(key, 0) + 1
        row["number"] = spec.series.format(day, counters[key])
    return sorted(rows, key=lambda row: row["created_at"])


def write(path: Path, rows: list[Rec]) -> None:
    """A record a line: indenting every value takes Python four times as long."""
    written = ",\n".join(json.dumps(_plain_row(row), ensure_ascii=False) for row in rows)
    path.write_text(f"[\n{written}\n]\n", encoding="utf-8")


def _plain_row(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in row.items() if value is not None and not key.startswith("_")}


def _plain(value: Any) -> Any:
    if isinstance(value, Rec):
        return value["number"]
    if isinstance(value, list):
        return [_plain_row(line) if isinstance(line, dict) else line for line in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
