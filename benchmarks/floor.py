"""The floor: what the same answer costs at least. A bare Flask app on the same rows, without anybody signed in.

Its statements are those of rules/lists.py, built once. A list is one Jinja template that prints the table; the CSV is
csv.writer over Core rows, dates and decimals through str.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, render_template

from models.base import reading
from models.spec import RecordType
from rules import access, checks, exports, lists


@dataclass(frozen=True)
class Statements:
    """What one address asks the database."""

    count: Any
    rows: Any


def statements(session: Any, spec: RecordType, actor: access.Actor, filters: dict[str, str], page: int) -> Statements:
    question = lists.Question(filters)
    where = lists.conditions(spec, actor, question, checks.Looks(session, actor))
    rows = lists.select(spec, lists.columns(spec, spec.list), where, lists.order(spec, "", actor),
                        limit=lists.PAGE_SIZE, offset=(page - 1) * lists.PAGE_SIZE)
    return Statements(lists.counted(spec, actor, question, where), rows)


def create_floor(engine: sa.Engine, spec: RecordType, asked: dict[str, Statements]) -> Flask:
    """`/list/<name>` for each name in `asked`, and `/csv`."""
    app = Flask("benchmarks.floor", root_path=str(Path(__file__).parent))
    labels = [field.label.zh for field in lists.columns(spec, spec.list).fields]
    everything = lists.columns(spec, exports.export_columns(spec))
    all_rows = lists.select(spec, everything, [], lists.order(spec, "", access.Actor.system()))

    @app.route("/list/<name>")
    def table(name: str) -> str:
        statement = asked[name]
        with reading(), engine.connect() as connection:
            (count, given), rows = statement.count, statement.rows
            total = connection.scalar(count, given)
            return render_template("table.html", labels=labels, rows=connection.execute(rows), total=total)

    @app.route("/csv")
    def table_as_csv() -> Response:
        header = [field.label.zh for field in everything.fields]
        return Response(_csv(engine, all_rows, header), mimetype="text/csv")

    return app


def _csv(engine: sa.Engine, query: Any, header: list[str]) -> Iterator[bytes]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    with reading(), engine.connect() as connection:
        for piece in connection.execute(query.execution_options(yield_per=1000)).partitions():
            writer.writerows(row[2:] for row in piece)
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
