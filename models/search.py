"""What records are found by: one table of their texts for all types, and beside it the words in which a database looks.

The words lie in a table that SQLAlchemy cannot describe: FTS5 on SQLite, tsvector with a GIN index on PostgreSQL. It is
made with the table of texts, and by `op.create_search()` in a migration.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.functions import FunctionElement

from models.base import Key, db


class SearchText(db.Model):  # type: ignore[name-defined]
    """The text of one record. `reach` says for whom: `open` is without private fields, `plain` with them; `all` where
    there is nothing private to tell them apart. `number` is written as people's questions are: without hyphens."""

    __tablename__ = "search_texts"
    __table_args__ = (sa.UniqueConstraint("type", "record_id", "reach"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(60))
    record_id: Mapped[int] = mapped_column(Key)
    reach: Mapped[str] = mapped_column(sa.String(5))
    number: Mapped[str | None] = mapped_column(sa.String(60), index=True)
    text: Mapped[str] = mapped_column(sa.Text)


class Words(sa.types.TypeDecorator[str]):
    """Words with a blank between, each of letters and digits only. Those written together in Chinese have positions;
    others are never looked for side by side."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.Text() if dialect.name == "sqlite" else TSVECTOR())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        if value is None or dialect.name == "sqlite":
            return value
        return " ".join(f"'{word}'" if word.isascii() else f"'{word}':{n}" for n, word in enumerate(value.split(), 1))


WORDS = sa.table("search_words", sa.column("rowid", Key), sa.column("words", Words()))


class matching(FunctionElement[Any]):
    """`matching(question of FTS5, question of tsquery)`: the words of a row answer it."""

    type = sa.types.NULLTYPE   # SQLite has no Boolean: one would be compared with 1, which MATCH does not bear
    inherit_cache = True


@compiles(matching, "sqlite")
def _in_fts5(element: Any, compiler: Any, **options: Any) -> str:
    fts5, _ = element.clauses
    return f"search_words MATCH {compiler.process(fts5, **options)}"


@compiles(matching, "postgresql")
def _in_tsvector(element: Any, compiler: Any, **options: Any) -> str:
    _, tsquery = element.clauses
    return f"search_words.words @@ CAST({compiler.process(tsquery, **options)} AS tsquery)"


# The words come separated and in small letters, so the tokenizer has nothing to know about any script.
MAKE = {
    "sqlite": ("""CREATE VIRTUAL TABLE search_words USING fts5(words, columnsize=0, tokenize="ascii tokenchars '_'")""",),
    "postgresql": ("CREATE TABLE search_words (rowid BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
                   "CREATE INDEX ix_search_words_words ON search_words USING gin (words)"),
}


def make_words(connection: sa.Connection) -> None:
    for statement in MAKE[connection.dialect.name]:
        connection.exec_driver_sql(statement)


def drop_words(connection: sa.Connection) -> None:
    connection.exec_driver_sql("DROP TABLE IF EXISTS search_words")


def is_described(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
    """For Alembic: the table of words, and those that FTS5 keeps for it, are none of those it compares."""
    return not (kind == "table" and (name or "").startswith("search_words"))


@event.listens_for(SearchText.__table__, "after_create")
def _made(_table: Any, connection: sa.Connection, **_options: Any) -> None:
    make_words(connection)


@event.listens_for(SearchText.__table__, "before_drop")
def _dropped(_table: Any, connection: sa.Connection, **_options: Any) -> None:
    drop_words(connection)
