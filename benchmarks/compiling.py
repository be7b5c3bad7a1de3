"""Compiling a report by its job beside the floor: in turn, from the same emptied tables, with proof that both wrote the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter, process_time
from typing import Any

import sqlalchemy as sa

from benchmarks import measure, place
from jobs import reports
from models.base import Base, db
from rules import access, audit
from rules.act import Act

RATIO_AIM, MEMORY_AIM = 1.5, 300
# What a compilation leaves beside the records that it writes: emptied before each, so that all of them begin with the
# same database.
LEFT = ("report_evidence", "audit_entries", "deadline_clocks", "report_runs", "outbox", "counters")


@dataclass(frozen=True)
class Compiled:
    """One compilation: seconds by the clock on the wall and of work by this process, and the most it held in MiB."""

    seconds: float
    work: float
    before: float
    peak: float


def by_the_clock(name: str, period: str, now: datetime) -> None:
    """As when the clock asks for it, from the request to the end of the run."""
    asked = reports.request(Act(db.session, access.Actor.system(), now=now), name, period)
    id_ = asked.id
    db.session.commit()
    reports.run(id_, now=now)


def measured(compilation: Callable[[], None], empty: Callable[[], None]) -> Compiled:
    empty()
    measure.forget_peak()
    before, start, start_work = measure.resident(), perf_counter(), process_time()
    compilation()
    seconds, work, peak = perf_counter() - start, process_time() - start_work, measure.peak()
    return Compiled(seconds, work, before / measure.MIB, peak / measure.MIB)


def empty(*tables: str, **records: Any) -> None:
    """The tables, and of a type the records that a condition names."""
    db.session.remove()
    with db.engine.begin() as connection:
        for name in (*tables, *LEFT):
            connection.execute(sa.delete(Base.metadata.tables[name]))
        for name, which in records.items():
            connection.execute(sa.delete(Base.metadata.tables[name]).where(which))
    place.tidy()


# What was compiled ------------------------------------------------------------------------------------------------

def figures(questions: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Question -> how many rows it finds, and the hash of what they say, in order."""
    with db.engine.connect() as connection:
        return {name: _hash(connection, query) for name, query in questions.items()}


def _hash(connection: sa.Connection, query: Any) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    for row in connection.execute(query.execution_options(yield_per=5000)):
        digest.update(repr(tuple(row)).encode())
        count += 1
    return count, digest.hexdigest()


def compared(expected: dict[str, Any], found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {rows:,}" + ("" if expected[name] == found[name] else " DIFFER") for name, (rows, _) in found.items())


def holds(model: Any, id_: int) -> bool:
    """Does the record hash to what its audit says?"""
    record = db.session.get(model, id_)
    found = audit.content_hash(record) == record.content_hash
    db.session.expunge_all()
    return found


# Telling ----------------------------------------------------------------------------------------------------------

def heading(what: str) -> Iterator[str]:
    yield f"| {what} | seconds | of it work of this process | rows/s | memory at most | of it growth | ratio | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"


def lines(rows: int, ours: list[Compiled], bare: list[Compiled], job: str = "the job", floor: str = "floor") -> Iterator[str]:
    """The best of a few runs each, in turn; memory is that of the worst."""
    ratio = min(run.seconds for run in ours) / min(run.seconds for run in bare)
    for name, runs, end in ((job, ours, f"{ratio:.2f} | {place.aim(ratio, RATIO_AIM)}"), (floor, bare, "1 |")):
        best = min(runs, key=lambda run: run.seconds)
        most, growth = max(run.peak for run in runs), max(run.peak - run.before for run in runs)
        size = f"{most:.0f} MiB" + (f" ({place.aim(most, MEMORY_AIM)})" if runs is ours else "")
        yield f"| {name} | {best.seconds:.1f} | {best.work:.1f} | {rows / best.seconds:,.0f} | {size} | {growth:.0f} MiB | {end} |"


def rounds(ours: list[Compiled], bare: list[Compiled]) -> str:
    return ", ".join(f"{mine.seconds:.1f} : {least.seconds:.1f}" for mine, least in zip(ours, bare, strict=True))
