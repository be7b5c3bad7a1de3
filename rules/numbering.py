"""Document numbers: gapless within their period, and different for two people who save at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from models.history import Counter
from models.spec import RecordType
from rules import office


def next_number(session: Any, spec: RecordType, day: Any = None) -> str:
    return next_numbers(session, spec, day or office.today(), 1)[0]


def next_numbers(session: Any, spec: RecordType, day: Any, count: int) -> list[str]:
    """The next numbers of the type's series. The counter's row stays locked until the transaction ends: whoever
    comes second waits, and a rollback gives the numbers back."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    first = insert(Counter).values(type=spec.name, period=spec.series.period_key(day), n=count)
    raised = first.on_conflict_do_update(
        index_elements=[Counter.type, Counter.period], set_={"n": Counter.n + count}).returning(Counter.n)
    last = session.execute(raised).scalar_one()
    return [spec.series.format(day, n) for n in range(last - count + 1, last + 1)]


def move_past(session: Any, spec: RecordType, numbers: list[str]) -> None:
    """After old records came in with their own numbers: counting goes on behind the highest of each period."""
    highest: dict[str, int] = {}
    for number in numbers:
        match = spec.series.regex.match(number)
        if match:
            period = _period_of(match.groupdict())
            highest[period] = max(highest.get(period, 0), int(match["n"]))
    for period, n in highest.items():
        counter = session.get(Counter, (spec.name, period))
        if counter is None:
            session.add(Counter(type=spec.name, period=period, n=n))
        elif counter.n < n:
            counter.n = n


def _period_of(parts: dict[str, Any]) -> str:
    if parts.get("mm"):
        return f"{parts['yyyy']}-{parts['mm']}"
    if parts.get("q"):
        return f"{parts['yyyy']}-Q{parts['q']}"
    return parts.get("yyyy") or ""

