"""The office's two hottest answers, a list and the CSV of all rows, beside the floor."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks import company, floor, measure, place, plans
from models.base import Record, db, reading
from rules import lists
from rules.access import Actor

TYPE = "quality_info_transfer"
LIST_AIM, CSV_AIM, GROWTH_AIM = 2.5, 1.8, 50


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} sheets", lambda connection: company.fill(connection, asked.rows))
        bed = _bed(app, asked)
    try:
        return _measure(bed, asked)   # outside of any context: each request has its own, as when served
    finally:
        bed.engine.dispose()
        bed.bare_engine.dispose()


@dataclass(frozen=True)
class Bed:
    """Both sides, ready to be asked."""

    ours: Any                         # a client that is signed in
    bare: Any
    engine: sa.Engine
    bare_engine: sa.Engine
    addresses: dict[str, str]
    machine: str


def _bed(app: Any, asked: argparse.Namespace) -> Bed:
    spec, questions = Record.types[TYPE], _questions(asked.rows)
    with reading():
        user = db.session.scalar(sa.select(company.User).where(company.User.username == company.SOMEBODY))
        who, key = Actor.of(user, "screen"), user.get_id()
        statements = {str(n): floor.statements(db.session, spec, who, filters, page)
                      for n, (filters, page) in enumerate(questions.values())}
        machine = place.machine(asked, f"{asked.requests} requests per list")
        db.session.remove()
    engine = sa.create_engine(db.engine.url)
    bare, ours = floor.create_floor(engine, spec, statements).test_client(), app.test_client()
    with ours.session_transaction() as session:
        session.permanent = True
        session["_user_id"], session["_fresh"], session["language"] = key, True, "zh"
    addresses = {name: _address(*question) for name, question in questions.items()}
    return Bed(ours, bare, db.engine, engine, addresses, machine)


def _questions(rows: int) -> dict[str, tuple[dict[str, str], int]]:
    """What is asked: name -> filters and page. A deep page is there only if the rows are."""
    deep = max(1, min(1000, rows // lists.PAGE_SIZE))
    return {"list, page 1": ({}, 1), f"list, page {deep}": ({}, deep),
            "list, state and month": ({"state": "disposed", "received_at": "2026-09"}, 1)}


def _measure(bed: Bed, asked: argparse.Namespace) -> tuple[list[str], bool]:
    report = [*_lists(bed, asked.requests), "", *_csv(bed, asked), ""]
    more = {"list, month": _address({"received_at": "2026-09"}, 1), "list, state": _address({"state": "disposed"}, 1),
            "list, by number": f"/admin/{TYPE}/?sort=number"}
    found = list(plans.checks(bed.engine, bed.ours, bed.addresses | more, TYPE, asked.rows))
    report += [f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in found]
    return [bed.machine, "", *report], all(check.holds for check in found)


def _address(filters: dict[str, str], page: int) -> str:
    arguments = {**filters, **({"page": page} if page > 1 else {})}
    return f"/admin/{TYPE}/?" + "&".join(f"{name}={value}" for name, value in arguments.items())


def _lists(bed: Bed, count: int) -> Iterator[str]:
    yield "| request | ours p50 | ours p95 | floor p50 | floor p95 | ratio p50 | ratio p95 | ratio of work p50 | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|---|"
    for n, (name, address) in enumerate(bed.addresses.items()):
        mine, least = measure.alternately(
            lambda a=address: _get(bed.ours, a), lambda n=n: _get(bed.bare, f"/list/{n}"), count)
        figures = [measure.at(percent, times.wall) for times in (mine, least) for percent in (50, 95)]
        ratio, work = figures[0] / figures[2], measure.at(50, mine.work) / measure.at(50, least.work)
        yield (f"| {name} | " + " | ".join(f"{figure * 1000:.2f} ms" for figure in figures)
               + f" | {ratio:.2f} | {figures[1] / figures[3]:.2f} | {work:.2f} | {place.aim(ratio, LIST_AIM)} |")


def _get(client: Any, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status}"


def _csv(bed: Bed, asked: argparse.Namespace) -> Iterator[str]:
    """The best of a few runs each, in turn; memory is that of the worst, the first and cold one included."""
    mine, least = [], []
    for _ in range(asked.exports):
        mine.append(measure.streamed(bed.ours, f"/admin/{TYPE}/export/csv/"))
        least.append(measure.streamed(bed.bare, "/csv"))
    assert mine[0].lines >= asked.rows, f"{mine[0].lines} lines came out"
    yield from place.exports(mine, least, asked.rows, CSV_AIM, GROWTH_AIM)
