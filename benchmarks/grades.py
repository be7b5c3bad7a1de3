"""All grade sheets of a month, compiled by the job that the clock asks for, beside the floor of hand-written SQL."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import compiling, grades_floor, network, place
from benchmarks.plans import Check
from jobs import worker
from models.base import Base, db
from models.dealers.dealer_grade_sheet import DealerGradeSheet
from models.reports import ReportRun

NAME = "dealer_grade_sheet"
LINES = ("dealer_grade_sheet_evidence", "dealer_grade_sheet_indicator", "dealer_grade_sheet_veto")
SHOWN = ("score", "weighted_sum", "applicable_weight", "is_rated", "grade", "previous_grade", "coefficient", "has_veto",
         "veto_reason", "consecutive_d_count", "monthly_quality_report_id", "dealer_monthly_work_report_id")


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} rows of {asked.dealers:,} dealers",
                   lambda connection: network.fill(connection, asked.dealers, asked.rows))
        worker.settle()
        ours, bare = [], []
        load = os.getloadavg()[0]
        for _ in range(asked.rounds):
            bare.append(compiling.measured(lambda: grades_floor.write_sheets(db.engine), _empty))
            expected = compiling.figures(_questions())
            ours.append(compiling.measured(_compile, _empty))
            found = compiling.figures(_questions())
        machine = place.machine(asked, f"{asked.dealers:,} dealers, {asked.rounds} rounds; load of the machine "
                                       f"{load:.1f} before and {os.getloadavg()[0]:.1f} after")
        checks = list(_checks(asked, expected, found))
        db.engine.dispose()
    lines = [f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in checks]
    return [machine, "", *_table(asked, ours, bare), "", *lines], all(check.holds for check in checks)


def _compile() -> None:
    compiling.by_the_clock(NAME, network.PERIOD, network.COMPILED_AT)


def _empty() -> None:
    compiling.empty(*LINES, dealer_grade_sheet=DealerGradeSheet.__table__.c.period == network.PERIOD)


# What was compiled ------------------------------------------------------------------------------------------------

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


def _checks(asked: argparse.Namespace, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[Check]:
    run = db.session.scalar(sa.select(ReportRun))
    yield Check("the run is done, and nobody is left out", (run.state, run.error_en) == ("done", None), run.error_en or run.state)
    yield Check("a sheet for every dealer", found["sheets"][0] == asked.dealers, f"{found['sheets'][0]:,}")
    yield Check("as many rows of evidence as were filled in", found["evidence"][0] >= asked.rows * 0.99,
                f"{found['evidence'][0]:,}")
    yield Check("the same figures, lines and evidence as the floor", found == expected,
                compiling.compared(expected, found))
    ids = db.session.scalars(sa.select(DealerGradeSheet.id).where(DealerGradeSheet.period == network.PERIOD)).all()
    wrong = sum(not compiling.holds(DealerGradeSheet, id_) for id_ in ids)
    yield Check("every sheet hashes to what its audit says", wrong == 0, f"{len(ids) - wrong:,} of {len(ids):,}")


def _table(asked: argparse.Namespace, ours: list[compiling.Compiled], bare: list[compiling.Compiled]) -> Iterator[str]:
    yield from compiling.heading("all sheets of a month")
    yield from compiling.lines(asked.rows, ours, bare)
    yield ""
    yield f"Round by round, job : floor in seconds: {compiling.rounds(ours, bare)}."
