"""The API over a real server, with one client and with eight, beside bare routes that ask the database the same."""

from __future__ import annotations

import argparse
import csv
import http.client
import io
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import perf_counter, time_ns
from typing import Any
from urllib.parse import urlencode

import sqlalchemy as sa
import waitress
from flask import Flask, Response, request

from benchmarks import company, measure, place, plans
from jobs import embedded_valkey
from models.base import Record, db, reading
from rules import tokens
from rules.access import Actor
from rules.act import Act

TYPE, ITEMS = "quality_info_transfer", "/items/quality_info_transfer"
AIM, SECONDS, CLIENTS, THREADS = 3, 1.5, (1, 8), 8
FIELDS = "id,number,product_name,received_at,state,province"
MADE = "visit_plan"
NEW = {"title": "十一月走访", "purpose": "听取意见", "starts_on": "2026-11-01", "ends_on": "2026-11-30", "handler": 1}


def _queries() -> dict[str, tuple[str, dict[str, str]]]:
    return {
        "list of 50, both counts": (ITEMS, {"limit": "50", "meta": "*", "fields": FIELDS, "sort": "-id"}),
        "filtered list of 50": (ITEMS, {"limit": "50", "fields": FIELDS, "sort": "-id", "filter": json.dumps(
            {"state": {"_eq": "disposed"}, "received_at": {"_between": ["2026-09-01", "2026-09-30"]}})}),
        "item": (f"{ITEMS}/17", {"fields": FIELDS}),
        "group by with sum": (ITEMS, {"aggregate": json.dumps({"count": "*", "sum": ["quantity"]}), "groupBy": "state"}),
    }


def _address(name: str) -> str:
    path, query = _queries()[name]
    return f"{path}?{urlencode(query)}"


EXPORT = f"{ITEMS}?{urlencode({'export': 'csv', 'fields': FIELDS})}"


# The floor --------------------------------------------------------------------------------------------------------

Asked = list[tuple[str, Any]]


def asked_by(engine: sa.Engine, client: Any, address: str, headers: dict[str, str]) -> Asked:
    """The statements about the records that this request sends; who asks is not the floor's business."""
    answer = client.get(address, headers=headers, buffered=True)   # what is compiled once is compiled now
    with plans.noted(engine) as sent:
        answer = client.get(address, headers=headers, buffered=True)
    assert answer.status_code == 200, answer.text[:500]
    return [(statement, parameters) for statement, parameters in sent if f"FROM {TYPE}" in statement]


def create_floor(engine: sa.Engine, asked: dict[str, Asked], export: Asked, row: dict[str, Any]) -> Flask:
    app = Flask("benchmarks.api")
    table, numbers = Record.types[MADE].model.__table__, count(time_ns())

    @app.get("/bare/<name>")
    def bare(name: str) -> Response:
        with reading(), engine.connect() as connection:
            told = [[dict(one) for one in connection.exec_driver_sql(statement, parameters).mappings()]
                    for statement, parameters in asked[name]]
        return Response(json.dumps({"data": told}, default=str), mimetype="application/json")

    @app.get("/export")
    def whole() -> Response:
        def pieces() -> Iterator[str]:
            with reading(), engine.connect() as connection:
                statement, parameters = export[-1]
                found = connection.execution_options(stream_results=True, yield_per=500).exec_driver_sql(statement, parameters)
                for part in found.partitions(500):
                    buffer = io.StringIO(newline="")
                    csv.writer(buffer).writerows(part)
                    yield buffer.getvalue()
        return Response(pieces(), mimetype="text/csv")

    @app.post("/bare")
    def create() -> Response:
        given = json.loads(request.get_data())
        with engine.begin() as connection:
            made = connection.execute(table.insert().returning(table.c.id), {
                **row, "title": given["title"], "number": f"BARE-{next(numbers)}"}).scalar_one()
        return Response(json.dumps({"data": {"id": made}}), mimetype="application/json")
    return app


# A server and its clients -----------------------------------------------------------------------------------------

@contextmanager
def served(app: Any, *engines: sa.Engine) -> Iterator[tuple[int, int]]:
    """(port, process) of a server of its own: clients and server do not share one interpreter."""
    door = socket.create_server(("127.0.0.1", 0))
    for engine in engines:   # no connection outlives a fork
        engine.dispose()
    child = os.fork()
    if child == 0:
        waitress.serve(app, sockets=[door], threads=THREADS, _quiet=True)
        os._exit(0)
    port = door.getsockname()[1]
    door.close()
    try:
        yield port, child
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@dataclass
class Went:
    """What clients got in a given time."""

    seconds: list[float] = field(default_factory=list)
    lasted: float = 0.0
    work: float = 0.0                 # seconds of processor that the server took, all in all

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.lasted

    @property
    def p50(self) -> float:
        return measure.at(50, self.seconds) if len(self.seconds) > 1 else self.seconds[0]


def ask(server: tuple[int, int], clients: int, send: Callable[[Any], Any], seconds: float = SECONDS) -> Went:
    (port, process), went, lock = server, Went(), threading.Lock()
    worked = work(process)
    until = perf_counter() + seconds

    def client() -> None:
        line, own = http.client.HTTPConnection("127.0.0.1", port, timeout=60), []
        while perf_counter() < until:
            start = perf_counter()
            send(line)
            own.append(perf_counter() - start)
        line.close()
        with lock:
            went.seconds.extend(own)
    start = perf_counter()
    workers = [threading.Thread(target=client) for _ in range(clients)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    went.lasted, went.work = perf_counter() - start, work(process) - worked
    return went


def work(process: int) -> float:
    """Seconds of processor so far: a busy machine hardly distorts them."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def sender(method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Callable[[Any], int]:
    def send(line: Any) -> int:
        line.request(method, path, body, headers)
        answer = line.getresponse()
        size = 0
        while piece := answer.read(1 << 16):
            size += len(piece)
        assert answer.status == 200, f"{method} {path}: {answer.status}"
        return size
    return send


def memory(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * measure.PAGE / measure.MIB


# Both -------------------------------------------------------------------------------------------------------------

def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} sheets", lambda connection: company.fill(connection, asked.rows))
        machine = place.machine(asked, f"{SECONDS} s each")
        headers, engine = {"Authorization": f"Bearer {_token()}"}, db.engine
        db.session.remove()
    own, client = sa.create_engine(engine.url), app.test_client(use_cookies=False)
    row = _made(own, client, headers)
    statements = {str(n): asked_by(engine, client, _address(name), headers) for n, name in enumerate(_queries())}
    export = asked_by(engine, client, EXPORT, headers)
    bare = create_floor(own, statements, export, row)
    settings = app.extensions["settings"]
    embedded_valkey.running(settings)   # where requests are counted
    try:
        with served(app, engine, own) as ours, served(bare, engine, own) as floor:
            report = list(_measured(ours, floor, headers))
    finally:
        embedded_valkey.stop(settings)
    return [machine, "", *report], True


def _made(engine: sa.Engine, client: Any, headers: dict[str, str]) -> dict[str, Any]:
    """A row as ours keeps it, for the floor to keep more of."""
    answer = client.post(f"/items/{MADE}", json=NEW, headers=headers)
    assert answer.status_code == 200, answer.text
    table = Record.types[MADE].model.__table__
    with reading(), engine.connect() as connection:
        row = dict(connection.execute(sa.select(table).where(table.c.id == answer.json["data"]["id"])).mappings().one())
    del row["id"]
    return row


def _token() -> str:
    user = db.session.scalar(sa.select(company.User).where(company.User.username == company.SOMEBODY))
    assert user is not None
    _, text = tokens.create(Act(db.session, Actor.system()), user, tokens.Wish("benchmark"))
    db.session.commit()
    return text


def _measured(ours: tuple[int, int], floor: tuple[int, int], headers: dict[str, str]) -> Iterator[str]:
    yield "| request | clients | ours /s | ours p50 | work each | floor /s | floor p50 | work each | ratio of work | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    before = memory(ours[1]), memory(floor[1])
    kinds = [(name, sender("GET", _address(name), headers), sender("GET", f"/bare/{n}", {})) for n, name in enumerate(_queries())]
    as_json = {"Content-Type": "application/json"}
    body = json.dumps(NEW).encode()
    kinds.append(("create", sender("POST", f"/items/{MADE}", {**headers, **as_json}, body), sender("POST", "/bare", as_json, body)))
    for name, mine, least in kinds:
        for clients in CLIENTS:
            ask(ours, clients, mine, 0.3)
            ask(floor, clients, least, 0.3)
            went, bare = ask(ours, clients, mine), ask(floor, clients, least)
            yield _line(name, clients, went, bare)
    grown = [memory(process) - start for (_, process), start in zip((ours, floor), before, strict=True)]
    all_rows = sender("GET", EXPORT, headers)
    yield _line("CSV of all rows", 1, ask(ours, 1, all_rows, 0.1), ask(floor, 1, sender("GET", "/export", {}), 0.1))
    yield ""
    yield _beside_an_export(ours, kinds[0][1], all_rows)
    more = [memory(process) - start for (_, process), start in zip((ours, floor), before, strict=True)]
    yield (f"Memory of the server: {before[0]:.0f} MiB at first, {grown[0]:.0f} more after the requests, {more[0]:.0f} more after "
           f"the export; floor {before[1]:.0f}, {grown[1]:.0f}, {more[1]:.0f}.")


def _beside_an_export(server: tuple[int, int], look: Callable[[Any], Any], take: Callable[[Any], Any]) -> str:
    """One process serves both: whoever looks meanwhile is answered between two pieces of the file."""
    alone = ask(server, 1, look)
    with ThreadPoolExecutor(1) as other:
        taken = other.submit(ask, server, 1, take, 0.1)
        meanwhile = Went()
        while not taken.done():
            meanwhile.seconds += ask(server, 1, look, 0.1).seconds
    return (f"While one client takes the CSV ({taken.result().p50:.1f} s), another's list of 50 has a p50 of {meanwhile.p50 * 1000:.1f} ms "
            f"(alone {alone.p50 * 1000:.1f} ms), at most {max(meanwhile.seconds) * 1000:.0f} ms.")


def _line(name: str, clients: int, went: Went, bare: Went) -> str:
    each = [one.work / len(one.seconds) for one in (went, bare)]
    ratio = each[0] / max(each[1], 1e-6)
    told = [f"{one.rate:,.1f} | {one.p50 * 1000:.1f} ms | {own * 1000:.2f} ms" for one, own in zip((went, bare), each, strict=True)]
    return f"| {name} | {clients} | {' | '.join(told)} | {ratio:.2f} | {place.aim(ratio, AIM)} |"
