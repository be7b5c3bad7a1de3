"""The summary and the analysis of one month of a large year, compiled by their jobs, beside the floor of hand-written SQL."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import compiling, place, year, year_floor
from benchmarks.plans import Check
from jobs import worker
from models.base import Base, Record, db
from models.reports import Evidence, ReportRun

FLOORS = {"quality_info_summary": year_floor.write_summary, "monthly_quality_analysis": year_floor.write_analysis}
CALLED = {"quality_info_summary": "summary", "monthly_quality_analysis": "analysis"}
WRITTEN = {"quality_info_summary": ("cases", "figures", "recurrences"),
           "monthly_quality_analysis": ("sources", "figures", "open_items", "late_dealers")}
NOT_COMPARED = ("id", "record_id", "caption", "row_filter")   # of lines; what people read beside a figure


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} quality informations, {asked.rows:,} things told, {asked.dealers:,} dealers",
                   lambda connection: year.fill(connection, asked.dealers, asked.rows))
        worker.settle()
        load, table, told, checks = os.getloadavg()[0], list(compiling.heading("one month")), [], []
        for name in FLOORS:
            ours, bare, expected, found = _rounds(name, asked.rounds)
            rows = sum(count for count, _ in found.values())
            table += compiling.lines(rows, ours, bare, f"{CALLED[name]}, the job", f"{CALLED[name]}, floor")
            told.append(f"{CALLED[name]} {compiling.rounds(ours, bare)}")
            checks += _checks(name, expected, found)
        machine = place.machine(asked, f"a year of {asked.dealers:,} dealers, {asked.rounds} rounds; load of the machine "
                                       f"{load:.1f} before and {os.getloadavg()[0]:.1f} after")
        db.engine.dispose()
    lines = [f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in checks]
    report = [machine, "", *table, "", f"Round by round, job : floor in seconds: {'; '.join(told)}.", "", *lines]
    return report, all(check.holds for check in checks)


def _rounds(name: str, count: int) -> tuple[list[Any], list[Any], dict[str, Any], dict[str, Any]]:
    ours, bare = [], []
    for _ in range(count):
        bare.append(compiling.measured(lambda: FLOORS[name](db.engine), lambda: _empty(name)))
        expected = compiling.figures(_questions(name))
        ours.append(compiling.measured(
            lambda: compiling.by_the_clock(name, year.PERIOD, year.COMPILED_AT), lambda: _empty(name)))
        found = compiling.figures(_questions(name))
    return ours, bare, expected, found


def _empty(name: str) -> None:
    spec = Record.types[name]
    compiling.empty(*(child.model.__tablename__ for child in spec.lines.values()), spec.model.__tablename__)


# What was compiled ------------------------------------------------------------------------------------------------

def _questions(name: str) -> dict[str, Any]:
    found = {}
    for line in WRITTEN[name]:
        table = Record.types[name].lines[line].model.__table__
        found[line] = sa.select(*(column for column in table.c if column.name not in NOT_COMPARED)).order_by(table.c.position)
    behind = Evidence.__table__.c
    said = behind.figure, behind.source_type, behind.source_id
    found["records behind figures"] = sa.select(*said).where(behind.of_type == name).order_by(*said)
    return found


def _checks(name: str, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[Check]:
    run = db.session.scalar(sa.select(ReportRun))
    yield Check(f"{CALLED[name]}: the run is done", run.state == "done", run.error_en or run.state)
    yield Check(f"{CALLED[name]}: the same lines, figures and evidence as the floor", found == expected,
                compiling.compared(expected, found))
    model = Record.types[name].model
    record = db.session.scalar(sa.select(model))
    yield Check(f"{CALLED[name]}: it hashes to what its audit says", compiling.holds(model, record.id), record.number)
    counted = Base.metadata.tables[name].c.case_count
    yield Check(f"{CALLED[name]}: cases of the month", bool(db.session.scalar(sa.select(counted))),
                f"{db.session.scalar(sa.select(counted)):,}")
    db.session.remove()
