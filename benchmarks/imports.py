"""A long file that comes in by the background: checked and kept row by row by the rules of the form, beside bare inserts."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa

from benchmarks import company, measure, place
from jobs import import_runs, import_stream, worker
from models.base import Record, db
from models.history import AuditEntry
from models.people import User
from models.transfers import Import, ImportedRow
from rules import access, audit, file_store
from rules.act import Act

TYPE, OWN_AIM = "info_flow_card", 150
HEADER = ("来源", "顾客", "批次", "质量信息", "承办人")
COLUMNS = ("source", "customer", "product_batch", "quality_info", "handler")
KIND, SERIES = "csv", "IFC-"


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, "customers and batches", lambda connection: company.fill(connection, 0))
        _file(folder / "cards.csv", asked.rows)
        told = _in_a_process_of_its_own(db.engine.url.render_as_string(hide_password=False), folder, asked)
        least = _floor(folder / "cards.csv")
        good, promises = _promises(asked, told)
        return [place.machine(asked, f"rows of {TYPE} with three links each"), "",
                *_table(asked, told, least), "", *promises], good


def _file(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(("电话", f"CUS-{n % company.CUSTOMERS + 1:05}", f"PRD-{n % company.BATCHES + 1:06}",
                          f"第{n}条：{company.COMPLAINTS[n % 4]}", f"technician{n % company.TECHNICIANS + 1}") for n in range(rows))


# Ours: what the worker does, in a process that it forks for each job -----------------------------------------------

def _in_a_process_of_its_own(url: str, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "benchmarks.imports", url, str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _work(url: str, folder: Path) -> None:
    """A worker loads the application; the process that it forks tells what it did."""
    app = place.app(folder, url)
    worker.settle()
    if os.fork() == 0:
        print(json.dumps(_job(app, folder)), flush=True)
        os._exit(0)
    _, status = os.wait()
    sys.exit(os.waitstatus_to_exitcode(status))


def _job(app: Any, folder: Path) -> dict[str, Any]:
    with app.app_context():
        id_ = _brought(folder / "cards.csv")
        statements, steps = _counting(), {}
        with measure.most_of_its_own() as own:
            for name, ask, do in (("check", _ask_check, import_runs.check), ("keep", _ask_start, import_runs.bring_in)):
                ask(id_)
                before, start = len(statements), perf_counter()
                do(id_)
                steps[name] = {"seconds": perf_counter() - start, "statements": len(statements) - before}
        resident, asked_so_often = measure.resident(), len(statements)
        run = db.session.get(Import, id_)
        kept = db.session.scalar(sa.select(sa.func.count()).select_from(ImportedRow).where(ImportedRow.is_kept))
        entries = db.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(
            AuditEntry.type == TYPE, AuditEntry.record_id.is_not(None)))
        return {"steps": steps, "own": max(own), "resident": resident, "state": run.state, "created": run.created, "bad": run.bad,
                "kept": kept, "entries": entries, "statements": asked_so_often, "twice": _twice(folder / "cards.csv"),
                "sound": not any(SERIES in text.en for text in audit.verify(db.session))}


def _counting() -> list[None]:
    asked: list[None] = []
    sa.event.listen(db.engine, "before_cursor_execute", lambda *_: asked.append(None))
    return asked


def _actor() -> access.Actor:
    return access.Actor.of(db.session.scalar(sa.select(User).where(User.username == "technician1")), "screen")


def _brought(path: Path) -> int:
    """The file in the store, and its import with the columns that were guessed."""
    spec = Record.types[TYPE]
    with path.open("rb") as stream, file_store.incoming(stream, 1 << 30) as kept:
        source = import_stream.Source(spec, kept.path, path.name, KIND)
        columns, total = import_stream.guessed(source), sum(1 for _ in source.given())
        kept.keep()
    run = import_runs.begin(Act(db.session, _actor()), spec, path.name, KIND, kept.sha256)
    run.columns, run.total = columns, total
    db.session.commit()
    return run.id


def _ask_check(id_: int) -> None:
    import_runs.ask_check(Act(db.session, _actor()), Record.types[TYPE], db.session.get(Import, id_), COLUMNS)
    db.session.commit()


def _ask_start(id_: int) -> None:
    import_runs.ask_start(Act(db.session, _actor()), db.session.get(Import, id_), "good")
    db.session.commit()


def _twice(path: Path) -> bool:
    """The same file once more is refused, and changes nothing."""
    id_ = _brought(path)
    _ask_check(id_)
    db.session.execute(sa.update(Import).where(Import.id == id_).values(state="checked"))
    db.session.commit()
    try:
        _ask_start(id_)
    except Exception as refused:
        db.session.rollback()
        return type(refused).__name__ == "Refused"
    return False


# The floor: the same rows, and nothing that a rule asks -----------------------------------------------------------

def _floor(path: Path) -> float:
    spec, now = Record.types[TYPE], datetime(2026, 10, 1, tzinfo=UTC)
    table = spec.model.__table__.to_metadata(sa.MetaData(), name="bare_rows")
    for constraint in [*table.foreign_key_constraints]:
        table.constraints.discard(constraint)
    table.primary_key.name = None   # on a server the name is taken
    table.indexes.clear()
    with db.engine.begin() as connection:
        table.create(connection)
    start = perf_counter()
    with db.engine.begin() as connection:
        named = [dict(connection.execute(sa.select(model.number, model.id)).all())
                 for model in (Record.types["customer"].model, Record.types["product_batch"].model)]
        people = dict(connection.execute(sa.select(User.username, User.id)).all())
        rows = _bare(path, *named, people, now)
        while piece := list(islice(rows, import_runs.PIECE)):
            connection.execute(sa.insert(table), piece)
    return perf_counter() - start


def _bare(path: Path, customers: Any, batches: Any, people: Any, now: datetime) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for n, row in enumerate(csv.DictReader(file), 1):
            yield {"number": f"IFC-{n:07}", "state": "draft", "revision": 1, "created_at": now, "updated_at": now,
                   "created_by_id": 1, "content_hash": hashlib.sha256(row["质量信息"].encode()).hexdigest(), "audit_head": "",
                   "source": "phone", "customer_id": customers[row["顾客"]], "product_batch_id": batches[row["批次"]],
                   "quality_info": row["质量信息"], "handler_id": people[row["承办人"]]}


# What is told -----------------------------------------------------------------------------------------------------

def _table(asked: argparse.Namespace, told: dict[str, Any], least: float) -> Iterator[str]:
    yield "| step | seconds | rows/s | statements a row | times the floor |"
    yield "|---|--:|--:|--:|--:|"
    for name, step in told["steps"].items():
        yield (f"| {name} | {step['seconds']:.1f} | {asked.rows / step['seconds']:,.0f} | "
               f"{step['statements'] / asked.rows:.2f} | {step['seconds'] / least:.1f} |")
    yield f"| floor: the same rows by bare inserts | {least:.2f} | {asked.rows / least:,.0f} | {1 / import_runs.PIECE:.3f} | 1 |"
    yield ""
    own = told["own"] / measure.MIB
    yield (f"The process had at most {own:.0f} MiB of its own ({place.aim(own, OWN_AIM)}); with the application, which it shares with "
           f"the worker, {told['resident'] / measure.MIB:.0f} MiB at the end.")


def _promises(asked: argparse.Namespace, told: dict[str, Any]) -> tuple[bool, list[str]]:
    checks = [
        ("every row became a record, with one entry of the audit and one of the journal",
         (told["state"], told["created"], told["kept"], told["entries"]) == ("done", asked.rows, asked.rows, asked.rows)),
        ("each record hashes to what its audit says", told["sound"]),
        ("the same file once more changes nothing", told["twice"])]
    return all(good for _, good in checks), [f"- {'yes' if good else 'NO'}: {words}" for words, good in checks]


if __name__ == "__main__":
    _work(sys.argv[1], Path(sys.argv[2]))
