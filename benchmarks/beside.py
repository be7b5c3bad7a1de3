"""Somebody's list page while somebody else takes out all rows: before and meanwhile, as the two ways of serving have it.

Two gunicorn workers stream the file themselves. The embedded default has one web process, and a worker writes the file.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import sqlalchemy as sa

from benchmarks import company, measure, place
from benchmarks.pages import TYPE
from jobs import exports, worker
from models.base import Record, db
from models.people import User
from rules import access, transfers
from rules.act import Act

P50_AIM, P95_AIM = 2, 4
PAUSE = 0.02              # between two looks of the same person
KEY = "for-measurements-only-0123"
SERVED: dict[str, tuple[str, ...]] = {
    "two gunicorn workers, the file streamed by one of them":
        ("gunicorn", "--worker-class", "gthread", "--threads", "8", "--workers", "2", "app:create_app()"),
    "embedded, the file written by a worker process": ("flask", "--app", "app", "web")}


@dataclass(frozen=True)
class House:
    """A web server that answers, and the cookie of somebody who is signed in."""

    port: int
    cookie: str

    def get(self, path: str) -> http.client.HTTPResponse:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        line.request("GET", path, headers={"Cookie": self.cookie})
        return line.getresponse()


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} sheets", lambda connection: company.fill(connection, asked.rows))
        url, cookie = db.engine.url.render_as_string(hide_password=False), _cookie(app)
        db.session.remove()   # it would keep writers out
        machine = place.machine(asked, f"{asked.requests} looks each; load of the machine {os.getloadavg()[0]:.1f} before")
    report = [machine, "", "| served by | p50 alone | p50 meanwhile | ratio | p95 alone | p95 meanwhile | ratio | the file |",
              "|---|--:|--:|--:|--:|--:|--:|--:|"]
    whole = True
    for served, command in SERVED.items():
        with _serving(command, folder, url, cookie) as house:
            taking = _taking(house) if command[0] == "gunicorn" else _writing(url, folder)
            line, is_whole = _measured(served, house, taking, asked)
            report.append(line)
            whole = whole and is_whole
    return [*report, "", f"Load of the machine {os.getloadavg()[0]:.1f} after.", "",
            f"- {'yes' if whole else 'NO'}: the file was under way all the time, and came whole"], whole


def _cookie(app: Any) -> str:
    client = app.test_client()
    with client.session_transaction() as session:
        session.permanent = True
        session["_user_id"], session["_fresh"], session["language"] = _somebody().get_id(), True, "zh"
    kept = client.get_cookie("session")
    return f"session={kept.value}" if kept else ""


def _somebody() -> Any:
    return db.session.scalar(sa.select(User).where(User.username == company.SOMEBODY))


# Serving ----------------------------------------------------------------------------------------------------------

@contextmanager
def _serving(command: tuple[str, ...], folder: Path, url: str, cookie: str) -> Iterator[House]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        house = House(free.getsockname()[1], cookie)
    program, *words = command
    words = [*words, "--bind", f"127.0.0.1:{house.port}"] if program == "gunicorn" else words
    server = subprocess.Popen([sys.executable, "-m", program, *words], cwd=Path(__file__).parent.parent,
                              env=_surroundings(folder, url, house.port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _answers(house)
        yield house
    finally:
        server.terminate()
        server.wait(30)


def _surroundings(folder: Path, url: str, port: int) -> dict[str, str]:
    return {**os.environ, "AFTERCARE_DATA": str(folder), "DATABASE_URL": url, "SECRET_KEY": KEY, "HOST": "127.0.0.1",
            "PORT": str(port)}


def _answers(house: House) -> None:
    for _ in range(600):
        try:
            if house.get(f"/admin/{TYPE}/").status == 200:
                return
        except OSError:
            pass
        sleep(0.2)
    raise RuntimeError("the web server does not answer")


# Taking out -------------------------------------------------------------------------------------------------------

def _taking(house: House) -> Callable[[], subprocess.Popen[str]]:
    return lambda: _beside("take", str(house.port), house.cookie)


def _writing(url: str, folder: Path) -> Callable[[], subprocess.Popen[str]]:
    return lambda: _beside("write", url, str(folder))


def _beside(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.beside", *words], stdout=subprocess.PIPE, text=True)


def _take(port: str, cookie: str) -> int:
    """Read the whole stream, in a process of its own; the lines that came."""
    answer, lines = House(int(port), cookie).get(f"/admin/{TYPE}/export/csv/"), 0
    print("begun", flush=True)
    while piece := answer.read(1 << 16):
        lines += piece.count(b"\r\n")
    return lines


def _write(url: str, folder: str) -> int:
    """What the worker does for an export that somebody asked for."""
    app = place.app(Path(folder), url)
    os.nice(worker.YIELDS)
    with app.app_context():
        act = Act(db.session, access.Actor.of(_somebody(), "screen"))
        wanted = transfers.ask(act, Record.types[TYPE], {"filters": {}, "search": "", "sort": ""}, "csv", "labels")
        db.session.commit()
        id_ = wanted.id
        print("begun", flush=True)
        exports.run(id_)
        return int(db.session.get(transfers.Export, id_, populate_existing=True).total or 0)


# Looking ----------------------------------------------------------------------------------------------------------

def _measured(served: str, house: House, begin: Callable[[], subprocess.Popen[str]], asked: argparse.Namespace) -> tuple[str, bool]:
    _looked(house, 20)
    alone = _looked(house, asked.requests // 2)
    other = begin()
    assert other.stdout is not None
    other.stdout.readline()
    start, meanwhile = perf_counter(), []
    while len(meanwhile) < asked.requests and other.poll() is None:
        meanwhile += _looked(house, 5)
    was_under_way = other.poll() is None or len(meanwhile) >= 20
    rows = int(other.stdout.read().split()[-1])
    seconds = perf_counter() - start
    alone += _looked(house, asked.requests // 2)   # half before and half after: what else the machine does changes
    cells = []
    for percent, most in ((50, P50_AIM), (95, P95_AIM)):
        before, now = (1000 * measure.at(percent, times) for times in (alone, meanwhile))
        cells.append(f"{before:.1f} ms | {now:.1f} ms | {now / before:.2f} ({place.aim(now / before, most)})")
    return f"| {served} | {cells[0]} | {cells[1]} | {rows:,} lines in {seconds:.0f} s |", was_under_way and rows >= asked.rows


def _looked(house: House, count: int) -> list[float]:
    times = []
    for _ in range(count):
        start = perf_counter()
        answer = house.get(f"/admin/{TYPE}/")
        answer.read()
        times.append(perf_counter() - start)
        assert answer.status == 200, answer.status
        sleep(PAUSE)
    return times


if __name__ == "__main__":
    print({"take": _take, "write": _write}[sys.argv[1]](*sys.argv[2:]))
