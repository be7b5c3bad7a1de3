"""What must hold for a list to stay quick as it grows: few statements, ids first, an index for every question."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa

MIN_ROWS_FOR_PLANS = 20_000   # below, a database may rightly prefer to read the whole table


class Check(NamedTuple):
    promise: str
    holds: bool
    seen: str


@contextmanager
def noted(engine: sa.Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements, with their parameters, that are sent while the block runs."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            sent.append((statement, parameters))
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def checks(engine: sa.Engine, client: Any, addresses: dict[str, str], table: str, rows: int) -> Iterator[Check]:
    """Asked of the real application, so that what is checked is what it sends."""
    sent = {}
    for name, address in addresses.items():
        with noted(engine) as sent[name]:
            assert client.get(address).status_code == 200, address
    counts = {name: len(statements) for name, statements in sent.items()}
    yield Check("a list takes the same number of statements, whatever is asked", len(set(counts.values())) == 1,
                ", ".join(f"{name} {count}" for name, count in counts.items()))
    for name, statements in sent.items():
        statement, parameters = next(s for s in reversed(statements) if "JOIN" in s[0].upper() and "LIMIT" in s[0].upper())
        inner = statement.upper().partition("JOIN (SELECT")[2].partition(") AS ANON")[0]
        yield Check(f"{name}: the ids of the page first, then the joins", "LIMIT" in inner and "JOIN" not in inner,
                    "LIMIT inside the sub-select" if "LIMIT" in inner else "LIMIT outside")
        if rows >= MIN_ROWS_FOR_PLANS:
            seen = list(reached(engine, statement, parameters, table))
            yield Check(f"{name}: an index, never the whole table", bool(seen) and not any("SCAN TABLE" in s for s in seen),
                        "; ".join(seen))


def reached(engine: sa.Engine, statement: str, parameters: Any, table: str) -> Iterator[str]:
    """How the database reaches the rows of the table, in few words; reading it whole and unordered says SCAN TABLE."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
                words = row[3]
                if table in words:
                    yield words if "USING" in words else _in_key_order(statement, words)
        else:
            found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalar()
            yield from _nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"], table)


def _in_key_order(statement: str, words: str) -> str:
    """SQLite keeps a table in the order of its key: a scan that the limit ends is the walk of that index."""
    is_key_walk = words.startswith("SCAN") and "ORDER BY" in statement and "WHERE" not in statement
    return f"{words} in key order" if is_key_walk else f"SCAN TABLE ({words})"


def _nodes(node: dict[str, Any], table: str) -> Iterator[str]:
    kind = node["Node Type"]
    if node.get("Relation Name") == table or kind == "Bitmap Index Scan":
        index = node.get("Index Name")
        yield "SCAN TABLE" if kind == "Seq Scan" else f"{kind}{f' {index}' if index else ''}"
    for child in node.get("Plans", ()):
        yield from _nodes(child, table)
