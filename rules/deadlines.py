"""Deadline clocks: what is promised, since when, until when, and whether it was kept. Derived from the record on
every save, in the same transaction; with them stands when somebody has to look at them next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.history import DeadlineClock
from models.settings import PARAMETERS
from models.spec import VOID, Deadline, Period
from rules import office, parameters, workdays

RUNNING, PAUSED, MET, MISSED, STOPPED = "running", "paused", "met", "missed", "stopped"
NOTHING, WARNED, LATE = "nothing", "warned", "late"   # what the sweep has brought about
SECOND = timedelta(seconds=1)
KEPT = ("started_at", "due_at", "met_at", "state", "allowance", "told", "next_at")


def moment_of(value: Any, *, ends: bool) -> datetime | None:
    """A day as a limit lasts to its last second; as a start or a fulfilment it is its first."""
    if isinstance(value, datetime) or value is None:
        return value
    if isinstance(value, date):
        return office.end_of(value) if ends else office.start_of(value)
    return office.bounds(Period.parse(value))[0] if isinstance(value, str) else None  # a month starts with its 1st


def _field(record: Any, name: str) -> Any:
    return getattr(record, record.spec.fields[name].column)


def due_at(session: Any, record: Any, deadline: Deadline, started: datetime, allowance: int | None) -> datetime | None:
    """When the promise ends: by a field of the record, or after the time that was allowed when it began."""
    if allowance is None:
        return moment_of(_field(record, deadline.limit), ends=True)
    if PARAMETERS[deadline.limit].unit == "wd":
        return workdays.add(session, started, allowance)
    return started + _span(deadline.limit, allowance)


def _span(parameter: str, amount: int) -> timedelta:
    return timedelta(hours=amount) if PARAMETERS[parameter].unit == "h" else timedelta(days=amount)


def warn_at(session: Any, deadline: Deadline, started: datetime, due: datetime) -> datetime:
    """When those whose step it is are reminded; what is given at short notice is warned of at once."""
    if deadline.warn:
        return due - _span(deadline.warn, parameters.value(session, deadline.warn, office.local(started).date()))
    most = timedelta(hours=parameters.value(session, "deadline_warning_hours", office.local(started).date()))
    quarter = timedelta(seconds=max(0.0, (due - started).total_seconds()) // 4)
    return due - min(most, quarter)


def _allowance(session: Any, deadline: Deadline, started: datetime, kept: Mapping[str, Any] | None) -> int | None:
    """The value of the parameter on the day of the start; a clock that began with one keeps it."""
    if deadline.limit not in PARAMETERS:
        return None
    if kept is not None and kept["started_at"] == started and kept["allowance"] is not None:
        return int(kept["allowance"])
    return int(parameters.value(session, deadline.limit, office.local(started).date()))


def _clock(session: Any, record: Any, deadline: Deadline, kept: Mapping[str, Any] | None) -> dict[str, Any] | None:
    started = (moment_of(_field(record, deadline.starts), ends=False) if deadline.starts else record.created_at)
    if started is None:
        return None
    allowance = _allowance(session, deadline, started, kept)
    due = due_at(session, record, deadline, started, allowance)
    if due is None:
        return None
    met = moment_of(_field(record, deadline.met_by), ends=False) if deadline.met_by else None
    if met is not None and isinstance(_field(record, deadline.met_by), date | datetime):
        state = MET if met <= due else MISSED
    else:
        met, state = None, _state(record, deadline)
    clock: dict[str, Any] = {"started_at": started, "due_at": due, "met_at": met, "state": state, "allowance": allowance}
    return clock | _watch(session, deadline, clock, kept)


def _state(record: Any, deadline: Deadline) -> str:
    is_over = record.state == VOID or record.spec.workflow.is_terminal(record.state)
    if is_over or (deadline.during and record.state not in deadline.during):
        return STOPPED
    if deadline.pauses and any(row.until_on is None for row in getattr(record, deadline.pauses)):
        return PAUSED
    return RUNNING


def _watch(session: Any, deadline: Deadline, clock: Mapping[str, Any], kept: Mapping[str, Any] | None) -> dict[str, Any]:
    """What has been brought about so far, and when to look again. Another limit begins anew; an open overdue notice
    about what is no longer owed, or not yet, is to be cleared at once."""
    is_same = kept is not None and kept["due_at"] == clock["due_at"] and kept["state"] in (RUNNING, PAUSED)
    told = kept["told"] if is_same and kept is not None else NOTHING
    if kept is not None and kept["notice_id"] and (told != LATE or clock["state"] != RUNNING):
        return {"told": told, "next_at": kept["due_at"]}
    return {"told": told, "next_at": next_at(session, deadline, {**clock, "told": told})}


def next_at(session: Any, deadline: Deadline, clock: Mapping[str, Any]) -> datetime | None:
    """When there is something to tell next. On the limit is on time: being late begins a second after it."""
    if clock["state"] != RUNNING or clock["told"] == LATE:
        return None
    if clock["told"] == NOTHING:
        return warn_at(session, deadline, clock["started_at"], clock["due_at"])
    due: datetime = clock["due_at"]
    return due + SECOND


def start_and_stop(session: Any, records: Sequence[Any]) -> None:
    """Bring the clocks of these records up to date; one read and at most three writes however many there are."""
    records = [record for record in records if record.spec.deadlines]
    if not records:
        return
    connection, clocks = session.connection(), DeadlineClock.__table__
    present = _present(connection, records)
    new, changed, gone = [], [], []
    for record in records:
        for deadline in record.spec.deadlines:
            row = present.get((record.spec.name, record.id, deadline.name))
            clock = _clock(session, record, deadline, row)
            if clock is None and row is not None and row["notice_id"]:
                changed.append({"clock_id": row["id"], **_no_more(row)})
            elif clock is None:
                gone += [row["id"]] if row else []
            elif row is None:
                new.append({"type": record.spec.name, "record_id": record.id, "name": deadline.name, **clock})
            elif any(row[key] != value for key, value in clock.items()):
                changed.append({"clock_id": row["id"], **clock})
    if new:
        connection.execute(sa.insert(clocks), new)
    if changed:
        values: dict[str, Any] = {key: sa.bindparam(key) for key in KEPT}
        connection.execute(sa.update(clocks).where(clocks.c.id == sa.bindparam("clock_id")).values(values), changed)
    if gone:
        connection.execute(sa.delete(clocks).where(clocks.c.id.in_(gone)))


def _no_more(row: Mapping[str, Any]) -> dict[str, Any]:
    """The record has no such limit any more; the clock stays until the notice about it is cleared."""
    return {**{key: row[key] for key in KEPT}, "state": STOPPED, "next_at": row["due_at"]}


def _present(connection: Any, records: Sequence[Any]) -> dict[tuple[str, int, str], Any]:
    clocks: Any = DeadlineClock.__table__
    present: dict[tuple[str, int, str], Any] = {}
    for name in {record.spec.name for record in records}:
        ids = [record.id for record in records if record.spec.name == name]
        for start in range(0, len(ids), 500):
            rows = connection.execute(sa.select(clocks).where(
                clocks.c.type == name, clocks.c.record_id.in_(ids[start:start + 500]))).mappings()
            present |= {(name, row["record_id"], row["name"]): row for row in rows}
    return present


def note(session: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """How far clocks have come: what was told, when to look next, which notice is open; in one statement."""
    clocks: Any = DeadlineClock.__table__
    values: dict[str, Any] = {name: sa.bindparam(name) for name in ("told", "next_at", "notice_id")}
    if rows:
        session.connection().execute(
            sa.update(clocks).where(clocks.c.id == sa.bindparam("clock_id")).values(values), list(rows))


def put_off(session: Any, clock_id: int, until: datetime) -> None:
    """Look at this clock no sooner."""
    session.execute(sa.update(DeadlineClock).where(DeadlineClock.id == clock_id).values(next_at=until))
