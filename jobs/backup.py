"""The whole house in one file, while people work in it: every row as of one moment, and every file that these rows name."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from config import Settings
from jobs import backup_file, upkeep
from models.base import db
from models.search import SearchText
from models.spec import Refused, Text
from rules import audit, export_files, file_store

AT_ONCE = 500   # rows
THERE_ALREADY = Text("“{name}”已经存在：请换一个文件名", "“{name}” is there already: give another name")
NOT_WRITTEN = Text("备份没有写成（{reason}）", "The backup could not be written ({reason})")
NOT_PRESENT = Text("数据库版本（{found}）与程序（{known}）不符：请先执行 flask --app app db upgrade",
                   "The database is at revision {found}, the program at {known}: run flask --app app db upgrade first")


@dataclass(frozen=True)
class Told:
    """What a backup holds; `missing` are files that rows name and that are not, or not as they came, in the store."""

    rows: int
    files: int
    size: int
    missing: tuple[str, ...]
    has_key: bool


def kept_tables() -> list[sa.Table]:
    """All but the texts of the search, which are made from the records; those that others name come first."""
    return [table for table in db.metadata.sorted_tables if table is not SearchText.__table__]


def is_json(column: Any) -> bool:
    return isinstance(column.type, sa.JSON)


def revision_of(connection: sa.Connection) -> str | None:
    """Of the database."""
    return MigrationContext.configure(connection).get_current_revision()


def present_revision() -> str | None:
    """Of this program."""
    return ScriptDirectory.from_config(current_app.extensions["migrate"].migrate.get_config()).get_current_head()


def key_kept(settings: Settings) -> Path | None:
    """Where the signing key lies, if the house keeps it itself; one that SECRET_KEY names is its giver's to keep."""
    path = settings.data / "secret_key"
    is_own = path.is_file() and path.read_text(encoding="ascii", errors="replace").strip() == settings.secret_key
    return path if is_own else None


def mark_of(key: str) -> str:
    """Tells one key from another, and nothing of it."""
    return hmac.digest(key.encode(), b"aftercare backup", "sha256").hex()[:16]


def write(act: Any, settings: Settings, path: Path) -> Told:
    """That everything leaves is on record before it does. The file has its name once it is whole. Raises Refused."""
    if path.exists():
        raise Refused(THERE_ALREADY.with_(name=path))
    check_revision(act.session.connection())
    audit.note(act.session, act, "backup", "house", path.name[:200])
    act.session.commit()
    try:
        with export_files.Snapshot(db.engine) as snapshot, _unfinished(path) as file:
            return _write(act, settings, snapshot.connection, file)
    except OSError as error:
        raise Refused(NOT_WRITTEN.with_(reason=error.strerror or type(error).__name__)) from error


def check_revision(connection: sa.Connection) -> None:
    """Raises Refused where the tables are not those of this program."""
    found, known = revision_of(connection), present_revision()
    if found != known:
        raise Refused(NOT_PRESENT.with_(found=found or "-", known=known))


@contextmanager
def _unfinished(path: Path) -> Iterator[IO[bytes]]:
    """A file under another name, for nobody else to read, that gets its own once everything is on the disk."""
    part = path.with_name(f".aftercare-{secrets.token_hex(8)}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)
        file_store.sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _write(act: Any, settings: Settings, connection: sa.Connection, file: IO[bytes]) -> Told:
    writer = backup_file.Writer(file, {
        "revision": revision_of(connection), "made_at": act.now.isoformat(), "database": connection.dialect.name})
    tables = kept_tables()
    for table in tables:
        writer.rows(table.name, _rows(connection, table))
    missing = _write_files(writer, connection)
    key = key_kept(settings)
    if key is not None:
        writer.single(backup_file.KEY, key.read_bytes())
    writer.notes({"columns": {table.name: table.columns.keys() for table in tables}, "missing": missing,
                  "last_ids": _last_ids(connection, tables), "key_mark": mark_of(settings.secret_key)})
    writer.finish()
    return Told(writer.tally.row_count, writer.tally.files["count"], file.tell(), tuple(missing), key is not None)


def _rows(connection: sa.Connection, table: sa.Table) -> Iterator[list[Any]]:
    """In the order of their keys; JSON as the text that it is, so that it comes back to the letter."""
    columns = [sa.cast(column, sa.Text) if is_json(column) else column for column in table.columns]
    query = sa.select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=AT_ONCE)
    with connection.execute(query) as rows:
        for row in rows:
            yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _write_files(writer: backup_file.Writer, connection: sa.Connection) -> list[str]:
    """Bytes are in the store before a row names them, so what the rows of this moment name is there by now."""
    named = sa.union(*(sa.select(hash_.label("sha256")).where(so) for hash_, so in upkeep.NAMED)).subquery()
    query = sa.select(named.c.sha256).order_by(named.c.sha256).execution_options(yield_per=AT_ONCE)
    missing = []
    with connection.execute(query) as hashes:
        for sha256 in hashes.scalars():
            if file_store.hash_of(sha256) == sha256:
                writer.file(sha256, file_store.path_of(sha256))
            else:
                missing.append(sha256)
    return missing


def _last_ids(connection: sa.Connection, tables: list[sa.Table]) -> dict[str, int]:
    """Where PostgreSQL had come to; SQLite always goes on behind the last row."""
    if connection.dialect.name != "postgresql":
        return {}
    found = {}
    for table in tables:
        last = connection.scalar(sa.text("SELECT pg_sequence_last_value(CAST(:name AS regclass))"),
                                 {"name": sequence_of(connection, table)})
        if last is not None:
            found[table.name] = last
    return found


def sequence_of(connection: sa.Connection, table: sa.Table) -> str | None:
    """The one that gives out a table's ids on PostgreSQL."""
    if table.autoincrement_column is None:
        return None
    return connection.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, table.autoincrement_column.name)))
