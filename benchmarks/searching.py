"""Search everywhere and the search of a list, beside the floor: the same SQL by a bare Flask app with one template."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

import sqlalchemy as sa
from flask import Flask, render_template

from benchmarks import company, measure, place
from models.base import db, reading
from rules import search

AIM = 3.0
QUESTIONS = {"two characters, frequent": "异响", "a sentence, frequent": "用户反映使用中", "rare, two words": "前桥总成 王",
             "fragment of a number": "07-012", "an exact number": "QI-202309-0123", "nothing": "绝无此事"}
LIST = "/admin/quality_info_transfer/"


def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} sheets", lambda connection: company.fill(connection, asked.rows))
        took = _index(asked.rows)
        key = _person()
        machine = place.machine(asked, f"{asked.requests} requests each")
        url, engine = db.engine.url, db.engine
        db.session.remove()
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"], session["language"] = key, True, "zh"
    bare_engine = sa.create_engine(url)
    report, holds = [machine, "", f"The index was made in {took:.0f} s.", "",
                     "| question | ours, ms | floor, ms | times |", "|---|---|---|---|"], True
    for name, typed in QUESTIONS.items():
        for where, address in (("everywhere", "/admin/search/"), ("list", LIST)):
            line, times = _measured(client, engine, bare_engine, address, typed, asked.requests)
            holds &= times <= AIM
            report.append(f"| {where}: {name} | {line} |")
    bare_engine.dispose()
    return [*report, "", f"- {'yes' if holds else 'NO'}: at most {AIM} times the floor"], holds


def _index(rows: int) -> float:
    """Nothing where a kept folder has it already."""
    start = perf_counter()
    if db.session.scalar(sa.select(sa.func.count()).select_from(search.SearchText)) < rows:
        for _ in search.rebuild(db.session):
            db.session.commit()
    db.session.remove()
    return perf_counter() - start


def _person() -> str:
    with reading():
        user = db.session.scalar(sa.select(company.User).where(company.User.username == company.SOMEBODY))
        return user.get_id()


def _measured(client: Any, engine: Any, bare_engine: Any, address: str, typed: str, requests: int) -> tuple[str, float]:
    query = {"q": typed}
    bare = _floor(bare_engine, _statements(engine, lambda: client.get(address, query_string=query))).test_client()
    ours, floor = measure.alternately(lambda: client.get(address, query_string=query), lambda: bare.get("/"), requests)
    mine, least = (measure.at(50, times.wall) * 1000 for times in (ours, floor))
    return f"{mine:.1f} | {least:.1f} | {mine / least:.2f}", mine / least


def _statements(engine: Any, request: Any) -> list[tuple[str, Any]]:
    """What the request asks, but for who is there."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "search_" in statement or "quality_info_transfer" in statement:
            asked.append((statement, parameters))
    sa.event.listen(engine, "before_cursor_execute", listen)
    request()
    sa.event.remove(engine, "before_cursor_execute", listen)
    return asked


def _floor(engine: Any, statements: list[tuple[str, Any]]) -> Flask:
    app = Flask("benchmarks.floor", root_path=str(Path(__file__).parent))

    @app.route("/")
    def table() -> str:
        with reading(), engine.connect() as connection:
            found = [connection.exec_driver_sql(statement, parameters).all() for statement, parameters in statements]
            return render_template("table.html", labels=[], rows=found[-1] if found else [], total=0)
    return app
