"""Deadline clocks: what is promised, since when, until when, and whether it was kept. Derived from the record on
every save, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.history import DeadlineClock
from models.settings import PARAMETERS
from models.spec import VOID, Deadline, Period
from rules import office, parameters, workdays


def moment_of(value: Any, *, ends: bool) -> datetime | None:
    """A day as a limit lasts to its last second; as a start or a fulfilment it is its first."""
    if isinstance(value, datetime) or value is None:
        return value
    if isinstance(value, date):
        return office.end_of(value) if ends else office.start_of(value)
    return office.bounds(Period.parse(value))[0] if isinstance(value, str) else None  # a month starts with its 1st


def _field(record: Any, name: str) -> Any:
    return getattr(record, record.spec.fields[name].column)


def due_at(session: Any, record: Any, deadline: Deadline, started: datetime) -> datetime | None:
    """When the promise ends. The parameter that holds on the day of the start counts."""
    if deadline.limit in record.spec.fields:
        return moment_of(_field(record, deadline.limit), ends=True)
    amount = parameters.value(session, deadline.limit, office.local(started).date())
    unit = PARAMETERS[deadline.limit].unit
    if unit == "wd":
        return workdays.add(session, started, amount)
    return started + timedelta(hours=amount) if unit == "h" else started + timedelta(days=amount)


def _clock(session: Any, record: Any, deadline: Deadline) -> dict[str, Any] | None:
    started = (moment_of(_field(record, deadline.starts), ends=False) if deadline.starts else record.created_at)
    if started is None:
        return None
    due = due_at(session, record, deadline, started)
    if due is None:
        return None
    met = moment_of(_field(record, deadline.met_by), ends=False) if deadline.met_by else None
    if met is not None and isinstance(_field(record, deadline.met_by), date | datetime):
        state = "met" if met <= due else "missed"
    else:
        met, state = None, "stopped" if _is_over(record) else "running"
    return {"started_at": started, "due_at": due, "met_at": met, "state": state}


def _is_over(record: Any) -> bool:
    return record.state == VOID or record.spec.workflow.is_terminal(record.state)


def start_and_stop(session: Any, records: Sequence[Any]) -> None:
    """Bring the clocks of these records up to date; one read and at most three writes however many there are."""
    records = [record for record in records if record.spec.deadlines]
    if not records:
        return
    connection, clocks = session.connection(), DeadlineClock.__table__
    present: dict[tuple[str, int, str], Any] = {}
    for name in {record.spec.name for record in records}:
        ids = [record.id for record in records if record.spec.name == name]
        for start in range(0, len(ids), 500):
            rows = connection.execute(sa.select(clocks).where(
                clocks.c.type == name, clocks.c.record_id.in_(ids[start:start + 500]))).mappings()
            present |= {(name, row["record_id"], row["name"]): row for row in rows}
    new, changed, gone = [], [], []
    for record in records:
        for deadline in record.spec.deadlines:
            row, clock = present.get((record.spec.name, record.id, deadline.name)), _clock(session, record, deadline)
            if clock is None:
                gone += [row["id"]] if row else []
            elif row is None:
                new.append({"type": record.spec.name, "record_id": record.id, "name": deadline.name, **clock})
            elif any(row[key] != value for key, value in clock.items()):
                changed.append({"clock_id": row["id"], **clock})
    if new:
        connection.execute(sa.insert(clocks), new)
    if changed:
        values: dict[str, Any] = {key: sa.bindparam(key) for key in ("started_at", "due_at", "met_at", "state")}
        connection.execute(sa.update(clocks).where(clocks.c.id == sa.bindparam("clock_id")).values(values), changed)
    if gone:
        connection.execute(sa.delete(clocks).where(clocks.c.id.in_(gone)))
