"""All grade sheets of a month, compiled by the job that the clock asks for, beside the floor of hand-written SQL."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import sqlalchemy as sa

from benchmarks import grades_floor, measure, network, place
from benchmarks.plans import Check
from jobs import reports, worker
from models.base import Base, db
from models.dealers.dealer_grade_sheet import DealerGradeSheet
from models.reports import ReportRun
from rules import access, audit
from rules.act import Act

NAME = "dealer_grade_sheet"
RATIO_AIM, MEMORY_AIM = 1.5, 300
# What a compilation leaves: emptied before each, so that all of them begin with the same database.
LEFT = ("dealer_grade_sheet_evidence", "dealer_grade_sheet_indicator", "dealer_grade_sheet_veto", "report_evidence",
        "audit_entries", "deadline_clocks", "report_runs", "outbox", "counters")
SHOWN = ("score", "weighted_sum", "applicable_weight", "is_rated", "grade", "previous_grade", "coefficient", "has_veto",
         "veto_reason", "consecutive_d_count", "monthly_quality_report_id", "dealer_monthly_work_report_id")


@dataclass(frozen=True)
class Compiled:
    """One compilation: seconds by the clock on the wall and of work by this process, and the most it held in MiB."""

    seconds: float
    work: float
    before: float
    peak: float


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} rows of {asked.dealers:,} dealers",
                   lambda connection: network.fill(connection, asked.dealers, asked.rows))
        worker.settle()
        ours, bare = [], []
        load = os.getloadavg()[0]
        for _ in range(asked.rounds):
            bare.append(_measured(lambda: grades_floor.write_sheets(db.engine)))
            expected = _figures()
            ours.append(_measured(_compile))
            found = _figures()
        machine = place.machine(asked, f"{asked.dealers:,} dealers, {asked.rounds} rounds; load of the machine "
                                       f"{load:.1f} before and {os.getloadavg()[0]:.1f} after")
        checks = list(_checks(asked, expected, found))
        db.engine.dispose()
    lines = [f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in checks]
    return [machine, "", *_table(asked, ours, bare), "", *lines], all(check.holds for check in checks)


def _compile() -> None:
    """As when the clock asks for it, from the request to the end of the run."""
    asked = reports.request(Act(db.session, access.Actor.system(), now=network.COMPILED_AT), NAME, network.PERIOD)
    id_ = asked.id
    db.session.commit()
    reports.run(id_, now=network.COMPILED_AT)


def _measured(compilation: Callable[[], None]) -> Compiled:
    _empty()
    measure.forget_peak()
    before, start, start_work = measure.resident(), perf_counter(), process_time()
    compilation()
    seconds, work, peak = perf_counter() - start, process_time() - start_work, measure.peak()
    return Compiled(seconds, work, before / measure.MIB, peak / measure.MIB)


def _empty() -> None:
    db.session.remove()
    with db.engine.begin() as connection:
        for name in LEFT:
            connection.execute(sa.delete(Base.metadata.tables[name]))
        connection.execute(sa.delete(DealerGradeSheet.__table__).where(DealerGradeSheet.__table__.c.period == network.PERIOD))
    place.tidy()


# What was compiled ------------------------------------------------------------------------------------------------

def _figures() -> dict[str, tuple[int, str]]:
    """Table -> how many rows, and the hash of what they say, by dealer and in order."""
    with db.engine.connect() as connection:
        return {name: _hash(connection, query) for name, query in _questions().items()}


def _questions() -> dict[str, Any]:
    head, behind = DealerGradeSheet.__table__, Base.metadata.tables["report_evidence"]
    mine = head.c.period == network.PERIOD
    found = {"sheets": sa.select(head.c.dealer_id, *(head.c[name] for name in SHOWN)).where(mine).order_by(head.c.dealer_id)}
    for name in ("indicators", "evidence", "vetoes"):
        line = DealerGradeSheet.spec.lines[name].model.__table__
        said = [column for column in line.c if column.name not in ("id", "record_id")]
        found[name] = sa.select(head.c.dealer_id, *said).join_from(head, line, line.c.record_id == head.c.id).where(
            mine).order_by(head.c.dealer_id, line.c.position)
    named = (head.c.dealer_id, behind.c.figure, behind.c.source_type, behind.c.source_id)
    found["records behind figures"] = sa.select(*named).join_from(
        head, behind, sa.and_(behind.c.of_id == head.c.id, behind.c.of_type == NAME)).where(mine).order_by(*named)
    return found


def _hash(connection: sa.Connection, query: Any) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    for row in connection.execute(query.execution_options(yield_per=5000)):
        digest.update(repr(tuple(row)).encode())
        count += 1
    return count, digest.hexdigest()


def _checks(asked: argparse.Namespace, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[Check]:
    run = db.session.scalar(sa.select(ReportRun))
    yield Check("the run is done, and nobody is left out", (run.state, run.error_en) == ("done", None), run.error_en or run.state)
    yield Check("a sheet for every dealer", found["sheets"][0] == asked.dealers, f"{found['sheets'][0]:,}")
    yield Check("as many rows of evidence as were filled in", found["evidence"][0] >= asked.rows * 0.99,
                f"{found['evidence'][0]:,}")
    yield Check("the same figures, lines and evidence as the floor", found == expected,
                ", ".join(f"{name} {rows:,}" + ("" if expected[name] == found[name] else " DIFFER") for name, (rows, _) in found.items()))
    ids = db.session.scalars(sa.select(DealerGradeSheet.id).where(DealerGradeSheet.period == network.PERIOD)).all()
    wrong = sum(not _holds(id_) for id_ in ids)
    yield Check("every sheet hashes to what its audit says", wrong == 0, f"{len(ids) - wrong:,} of {len(ids):,}")


def _holds(id_: int) -> bool:
    sheet = db.session.get(DealerGradeSheet, id_)
    holds = audit.content_hash(sheet) == sheet.content_hash
    db.session.expunge_all()
    return holds


# Telling ----------------------------------------------------------------------------------------------------------

def _table(asked: argparse.Namespace, ours: list[Compiled], bare: list[Compiled]) -> Iterator[str]:
    """The best of a few runs each, in turn; memory is that of the worst."""
    yield "| all sheets of a month | seconds | of it work of this process | rows/s | memory at most | of it growth | ratio | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    ratio = min(run.seconds for run in ours) / min(run.seconds for run in bare)
    for name, runs, end in (("the job", ours, f"{ratio:.2f} | {place.aim(ratio, RATIO_AIM)}"), ("floor", bare, "1 |")):
        best = min(runs, key=lambda run: run.seconds)
        most, growth = max(run.peak for run in runs), max(run.peak - run.before for run in runs)
        size = f"{most:.0f} MiB" + (f" ({place.aim(most, MEMORY_AIM)})" if runs is ours else "")
        yield (f"| {name} | {best.seconds:.1f} | {best.work:.1f} | {asked.rows / best.seconds:,.0f} | {size} | {growth:.0f} MiB | "
               f"{end} |")
    rounds = ", ".join(f"{mine.seconds:.1f} : {least.seconds:.1f}" for mine, least in zip(ours, bare, strict=True))
    yield ""
    yield f"Round by round, job : floor in seconds: {rounds}."
