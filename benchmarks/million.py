"""A million sheets in about a minute: company.py makes one in fifty, the database copies each with numbers of its own.

What is searched is copied with them, so that the index holds what the application would have written: `check` looks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from benchmarks import company
from benchmarks.plans import Check
from models.base import Record, db
from models.search import WORDS, SearchText
from rules import search

TYPE, COPIES, DIGITS = "quality_info_transfer", 50, 6
STENCIL, TEXTS, SPOKEN = "stencil", "stencil_texts", "stencil_words"
PRIVATE_USE = 0xE000                   # characters that are part of no word: numbers that leave no trace in the index
PREFIX = len("QI-202609-")
GIN = "ix_search_words_words"


def fill(rows: int) -> None:
    """Commits; to be called within the application."""
    copies = max(1, min(COPIES, rows // 2_000))
    with _at_once() as connection:
        company.fill(connection, rows // copies)
        _hide_numbers(connection)
    for _ in search.rebuild(db.session):
        db.session.commit()
    db.session.remove()
    with _at_once() as connection:
        _keep_stencil(connection)
        with _without_indexes(connection, Record.types[TYPE].model.__table__):
            _copy_sheets(connection, copies)
    with _at_once() as connection:
        others = _keep_words(connection)
        with _without_indexes(connection, SearchText.__table__):
            _copy_texts(connection, copies, others)
        _copy_words(connection, copies, others)
        for name in (STENCIL, TEXTS, SPOKEN, "stencil_numbers"):
            connection.exec_driver_sql(f"DROP TABLE {name}")


@contextmanager
def _at_once() -> Iterator[sa.Connection]:
    """A transaction with as much memory as it likes; the database is thrown away if it does not come to its end."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size = -2000000")
        else:
            connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '512MB'")
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")   # keys need no second look
        yield connection
        connection.commit()
        connection.invalidate()


@contextmanager
def _without_indexes(connection: sa.Connection, table: sa.Table) -> Iterator[None]:
    """What is written in bulk is sorted once, behind it."""
    for index in table.indexes:
        index.drop(connection)
    yield
    for index in table.indexes:
        index.create(connection)


def _hide_numbers(connection: sa.Connection) -> None:
    """Each number gives way to two characters that are looked for by nobody, and comes back with the copies."""
    connection.exec_driver_sql(f"CREATE TABLE stencil_numbers AS SELECT id, number FROM {TYPE}")
    sheets = Record.types[TYPE].model.__table__
    last = connection.scalar(sa.select(sa.func.max(sheets.c.id))) or 0
    hidden = [{"of": id_, "sign": _sign(id_)} for id_ in range(1, last + 1)]
    connection.execute(sa.update(sheets).where(sheets.c.id == sa.bindparam("of")).values(number=sa.bindparam("sign")), hidden)


def _sign(id_: int) -> str:
    return chr(PRIVATE_USE + id_ // 6000) + chr(PRIVATE_USE + id_ % 6000)


def _keep_stencil(connection: sa.Connection) -> None:
    connection.exec_driver_sql(f"CREATE TABLE {STENCIL} AS SELECT * FROM {TYPE}")
    connection.exec_driver_sql(f"DELETE FROM {TYPE}")
    connection.exec_driver_sql("CREATE UNIQUE INDEX ix_stencil_numbers ON stencil_numbers (id)")


def _keep_words(connection: sa.Connection) -> int:
    """How many texts of other types there are: their ids are below."""
    connection.exec_driver_sql(f"CREATE TABLE {TEXTS} AS SELECT * FROM search_texts WHERE type = '{TYPE}'")
    connection.exec_driver_sql(f"CREATE TABLE {SPOKEN} AS SELECT rowid AS id, words FROM search_words")
    connection.exec_driver_sql(f"DELETE FROM search_texts WHERE type = '{TYPE}'")
    connection.exec_driver_sql(f"DELETE FROM search_words WHERE rowid IN (SELECT id FROM {TEXTS})")
    connection.exec_driver_sql(f"CREATE UNIQUE INDEX ix_{SPOKEN} ON {SPOKEN} (id)")
    return connection.exec_driver_sql(f"SELECT max(id) FROM {TEXTS}").scalar() or 0


def _copies(copies: int) -> Any:
    """0, 1, 2 ... as a column."""
    start = sa.select(sa.literal(0).label("n")).cte("copies", recursive=True)
    return start.union_all(sa.select(start.c.n + 1).where(start.c.n < copies - 1))


def _copy_sheets(connection: sa.Connection, copies: int) -> None:
    """One after the other, as they would have come in; other customers ask each time."""
    sheets = Record.types[TYPE].model.__table__
    old, n = sa.table(STENCIL, *(sa.column(c.name) for c in sheets.c)), _copies(copies)
    made: dict[str, Any] = {c.name: old.c[c.name] for c in sheets.c}
    customer = (old.c.customer_id + n.c.n * 37) % company.CUSTOMERS + 1
    made |= {"id": (old.c.id - 1) * copies + n.c.n + 1, "number": _number(old.c.id, n.c.n, copies), "customer_id": customer,
             "dealer_id": customer % company.DEALERS + 1}
    rows = sa.select(*made.values()).select_from(old.join(n, sa.true())).order_by(old.c.id, n.c.n)
    connection.execute(sa.insert(sheets).from_select(list(made), rows))
    if connection.dialect.name == "postgresql":
        _count_on(connection, TYPE)


def _number(id_: Any, n: Any, copies: int) -> Any:
    """The number of a copy: that of its month, counted further."""
    known = sa.table("stencil_numbers", sa.column("id"), sa.column("number"))
    whole = sa.select(known.c.number).where(known.c.id == id_).scalar_subquery()
    behind = (sa.cast(sa.func.substr(whole, PREFIX + 1), sa.Integer) - 1) * copies + n + 1
    digits = sa.func.substr(sa.cast(10 ** DIGITS + behind, sa.String), 2)
    return sa.func.substr(whole, 1, PREFIX).concat(digits)


def _copy_texts(connection: sa.Connection, copies: int, others: int) -> None:
    table, n, sheets = SearchText.__table__, _copies(copies), Record.types[TYPE].model.__table__
    old = sa.table(TEXTS, *(sa.column(c.name) for c in table.c))
    record_id = (old.c.record_id - 1) * copies + n.c.n + 1
    code = sa.func.lower(sa.func.replace(sheets.c.number, "-", ""))
    text = sa.func.replace(old.c.text, sa.func.substr(old.c.text, 1, 2), sheets.c.number)   # it begins with the number
    rows = sa.select(others + (old.c.id - 1) * copies + n.c.n + 1, old.c.type, record_id, old.c.reach, code, text).select_from(
        old.join(n, sa.true()).join(sheets, sheets.c.id == record_id)).order_by(old.c.id, n.c.n)
    connection.execute(sa.insert(table).from_select(["id", "type", "record_id", "reach", "number", "text"], rows))
    if connection.dialect.name == "postgresql":
        _count_on(connection, "search_texts")


def _copy_words(connection: sa.Connection, copies: int, others: int) -> None:
    table, is_server = SearchText.__table__, connection.dialect.name == "postgresql"
    spoken = sa.table(SPOKEN, sa.column("id"), sa.column("words"))
    endings = [sa.func.substr(table.c.number, at) for at in range(1, len("qi202609") + DIGITS)]
    said = spoken.c.words.op("||")(sa.func.array_to_tsvector(postgresql.array(endings))) if is_server else \
        spoken.c.words.concat(sa.func.printf(" %s" * len(endings), *endings))
    both = table.join(spoken, spoken.c.id == (table.c.id - others - 1) // copies + 1)
    words = sa.select(table.c.id, said).select_from(both).where(table.c.id > others).order_by(table.c.id)
    if is_server:
        connection.exec_driver_sql(f"DROP INDEX {GIN}")
    else:
        for setting, value in (("hashsize", 256 * 2 ** 20), ("automerge", 0)):
            connection.exec_driver_sql("INSERT INTO search_words(search_words, rank) VALUES (?, ?)", (setting, value))
    connection.execute(sa.insert(WORDS).from_select(["rowid", "words"], words))
    if is_server:
        connection.exec_driver_sql(f"CREATE INDEX {GIN} ON search_words USING gin (words)")
    else:
        for setting, value in (("hashsize", 2 ** 20), ("automerge", 4)):
            connection.exec_driver_sql("INSERT INTO search_words(search_words, rank) VALUES (?, ?)", (setting, value))
        connection.exec_driver_sql("INSERT INTO search_words(search_words) VALUES ('optimize')")


def _count_on(connection: sa.Connection, table: str) -> None:
    connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")


def size(rows: int) -> int:
    """The last id that was filled in."""
    copies = max(1, min(COPIES, rows // 2_000))
    return rows // copies * copies


def checks(rows: int) -> Iterator[Check]:
    """What was copied is what the application writes itself."""
    model, row, last = Record.types[TYPE].model, SearchText, size(rows)
    some = [last * part // 10 or 1 for part in range(1, 11)]
    wanted = {(one["record_id"], one["reach"]): (one["number"], one["text"])
              for record in db.session.scalars(sa.select(model).where(model.id.in_(some))) for one in search.texts(record)}
    found = {(id_, reach): rest for id_, reach, *rest in db.session.execute(
        sa.select(row.record_id, row.reach, row.number, row.text).where(row.type == TYPE, row.record_id.in_(some)))}
    same = sum(tuple(found.get(key, ())) == text for key, text in wanted.items())
    yield Check("the index says of the copies what the application would", same == len(wanted), f"{same} of {len(wanted)} texts")
