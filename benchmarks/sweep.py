"""The sweep of the deadlines: many clocks run, a few hundred limits pass; how long it takes, and how many statements."""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import sqlalchemy as sa

from benchmarks import company, place, plans
from benchmarks.plans import Check
from jobs import deadlines
from models.base import Base, Record, db
from models.history import DeadlineClock, Outbox
from models.intake.overdue_notice import OverdueNotice
from rules import access
from rules.act import Act

TYPE, PROMISE = "quality_info_transfer", "reply"
SECONDS_AIM = 1.0
NOW = company.NOW
# What a sweep leaves: emptied before each, so that all of them begin with the same database.
LEFT = ("overdue_notice", "audit_entries", "outbox", "counters", "notices")


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} running clocks", lambda connection: company.fill(connection, asked.rows))
        taken, checks = [], []
        for due in (asked.due // 10, *[asked.due] * asked.rounds):
            _put_back(asked.rows, due)
            with plans.noted(db.engine) as sent:
                start, start_work = perf_counter(), process_time()
                swept = deadlines.sweep(Act(db.session, access.Actor.system(), now=NOW))
                seconds, work = perf_counter() - start, process_time() - start_work
            taken.append((due, seconds, work, len(sent)))
            checks += list(_checks(due, swept))
            db.session.remove()
        machine = place.machine(asked, f"{asked.rounds} rounds")
        checks += [_one_count(taken), _by_index()]
        db.engine.dispose()
    lines = [f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in checks]
    return [machine, "", *_table(taken), "", *lines], all(check.holds for check in checks)


def _put_back(rows: int, due: int) -> None:
    """As many clocks as sheets, all running; the limits of `due` of them passed in the last five minutes."""
    dice, clocks = random.Random(20261001), DeadlineClock.__table__
    db.session.remove()
    with db.engine.begin() as connection:
        for name in LEFT:
            connection.execute(sa.delete(Base.metadata.tables[name]))
        connection.execute(sa.delete(clocks))
        ids = connection.scalars(sa.select(Record.types[TYPE].model.id).order_by(Record.types[TYPE].model.id)).all()
        late = set(dice.sample(range(rows), due))
        for start in range(0, rows, 5_000):
            connection.execute(sa.insert(clocks), [
                _row(id_, n in late, dice) for n, id_ in enumerate(ids[start:start + 5_000], start)])
    place.tidy()


def _row(id_: int, is_late: bool, dice: random.Random) -> dict[str, Any]:
    left = timedelta(seconds=-dice.randrange(1, 300) if is_late else dice.randrange(25 * 3600, 900 * 3600))
    return {"type": TYPE, "record_id": id_, "name": PROMISE, "started_at": NOW + left - timedelta(hours=24), "due_at": NOW + left,
            "met_at": None, "state": "running", "allowance": 24, "told": "warned" if is_late else "nothing",
            "next_at": NOW + left + (timedelta(seconds=1) if is_late else timedelta(hours=-6)), "notice_id": None}


def _checks(due: int, swept: deadlines.Swept) -> Iterator[Check]:
    raised = db.session.scalar(sa.select(sa.func.count()).select_from(OverdueNotice)) or 0
    told = sum(len(ids) for ids in db.session.scalars(sa.select(Outbox.arguments)))
    yield Check(f"{due} limits passed: a notice for each, and each is told of", (swept.late, raised, told) == (due, due, due),
                f"{swept.late} late, {raised} notices, {told} to tell")
    start = perf_counter()
    again = deadlines.sweep(Act(db.session, access.Actor.system(), now=NOW))
    yield Check("a second sweep finds nothing", str(again) == str(deadlines.Swept()), f"{perf_counter() - start:.4f} s")


def _one_count(taken: list[tuple[int, float, float, int]]) -> Check:
    counts = {due: count for due, _, _, count in taken}
    return Check("the same number of statements, however many limits passed", len(set(counts.values())) == 1,
                 ", ".join(f"{due} limits: {count}" for due, count in counts.items()))


def _by_index() -> Check:
    """The sweep's own question, as the application sends it."""
    with plans.noted(db.engine) as sent:
        deadlines.sweep(Act(db.session, access.Actor.system(), now=NOW))
    statement, parameters = next(one for one in sent if "next_at <=" in one[0])
    seen = list(plans.reached(db.engine, statement, parameters, DeadlineClock.__tablename__))
    return Check("what is due is found by the index", bool(seen) and not any("SCAN TABLE" in one for one in seen), "; ".join(seen))


def _table(taken: list[tuple[int, float, float, int]]) -> Iterator[str]:
    yield "| limits that passed | seconds | of it work of this process | statements | aim |"
    yield "|--:|--:|--:|--:|---|"
    for due in dict.fromkeys(due for due, *_ in taken):
        runs = [row for row in taken if row[0] == due]
        _, seconds, work, count = min(runs, key=lambda row: row[1])
        yield f"| {due} | {seconds:.3f} | {work:.3f} | {count} | {place.aim(seconds, SECONDS_AIM)} |"
