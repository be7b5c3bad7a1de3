"""What one query may cost. Beyond it the answer is a sentence that says so, not a server that is busy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from api.answers import wrong_query

DEFAULT_ROWS, MOST_ROWS, MOST_OFFSET = 100, 1_000, 1_000_000
MOST_FIELDS, MOST_PARTS, MOST_TABLES, MOST_VALUES = 300, 300, 40, 1_000
MOST_NESTED = 50_000     # rows of child tables and targets behind one page
DEPTH = 5                # links and tables one behind the other
LONGEST_TEXT = 2_000
SECONDS = 20             # of one statement
BATCH = 500              # records that one request changes
_LOOK_EVERY = 20_000     # steps of SQLite's machine


class Budget:
    """What is left for one query."""

    def __init__(self) -> None:
        self.parts, self.tables = MOST_PARTS, MOST_TABLES

    def part(self, count: int = 1) -> None:
        self.parts -= count
        if self.parts < 0:
            raise wrong_query(f"查询条件超过 {MOST_PARTS} 个", f"The query has more than {MOST_PARTS} parts")

    def table(self, depth: int) -> None:
        self.tables -= 1
        if self.tables < 0:
            raise wrong_query(f"查询涉及的关联超过 {MOST_TABLES} 个", f"The query follows more than {MOST_TABLES} relations")
        if depth > DEPTH:
            raise wrong_query(f"关联嵌套超过 {DEPTH} 层", f"Relations are nested deeper than {DEPTH}")


@contextmanager
def bounded(connection: Any) -> Iterator[None]:
    """No statement inside runs longer; the door turns what the database says then into a 400."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL statement_timeout = {int(SECONDS * 1000)}"))
        yield
        connection.execute(sa.text("SET LOCAL statement_timeout = DEFAULT"))
        return
    driver, until = connection.connection.driver_connection, time.monotonic() + SECONDS

    def is_over() -> bool:
        return time.monotonic() > until
    driver.set_progress_handler(is_over, _LOOK_EVERY)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
