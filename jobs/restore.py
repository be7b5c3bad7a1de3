"""A backup becomes a house again: into an empty installation of the same shape, in one transaction, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config import Settings
from jobs import backup, backup_file
from models.base import Exact, Moment, db
from models.people import User
from models.spec import Refused, Text
from rules import audit, file_store, search

OTHER_REVISION = Text("备份“{name}”的数据库版本是 {found}，本程序是 {known}：请用写出它的版本恢复，再升级",
                      "“{name}” is of revision {found}, this program of {known}: restore it with the version that wrote it, then upgrade")
NOT_EMPTY = Text("这里已有数据（{table}）：只能恢复到空的安装，请把 AFTERCARE_DATA 和 DATABASE_URL 指向新的位置",
                 "There is a house here already ({table}): restore into an empty one, with another AFTERCARE_DATA and DATABASE_URL")
NOT_READ = Text("恢复没有完成（{reason}），数据库保持为空",
                "The restore could not be finished ({reason}): the database is as empty as before")
LARGEST_EPOCH = 2**30


@dataclass(frozen=True)
class Told:
    """What came back; `same_key`: does this house sign with the key of the one that was backed up?"""

    rows: int
    files: int
    missing: tuple[str, ...]
    same_key: bool


def load(act: Any, settings: Settings, path: Path, make_tables: Callable[[], Any]) -> Told:
    """Nothing is written before every byte of the file is proved. Raises Refused; commits."""
    head = backup_file.head_of(path)
    if head.get("revision") != (known := backup.present_revision()):
        raise Refused(OTHER_REVISION.with_(name=path.name, found=head.get("revision"), known=known))
    _refuse_a_house(act.session.connection())
    act.session.rollback()
    tally = backup_file.proved(path)
    if not sa.inspect(db.engine).get_table_names():
        make_tables()
    try:
        connection = act.session.connection()
        backup.check_revision(connection)
        _refuse_a_house(connection)   # somebody may have settled here meanwhile
        with backup_file.whole(path):
            notes, key = _bring_in(connection, path)
        _settle(act, head, tally)
        same_key = _take_key(settings, key, notes["key_mark"])   # before the commit: without it the house would be another
        act.session.commit()
    except OSError as error:
        raise Refused(NOT_READ.with_(reason=error.strerror or type(error).__name__)) from error
    return Told(tally.row_count, tally.files["count"], tuple(notes["missing"]), same_key)


def _refuse_a_house(connection: sa.Connection) -> None:
    present = set(sa.inspect(connection).get_table_names())
    for table in backup.kept_tables():
        if table.name in present and connection.scalar(sa.select(sa.exists(sa.select(table)))):
            raise Refused(NOT_EMPTY.with_(table=table.name))


# Rows and files ---------------------------------------------------------------------------------------------------

def _bring_in(connection: sa.Connection, path: Path) -> tuple[dict[str, Any], str | None]:
    """The notes, and the key if it came along."""
    tables = {table.name: table for table in backup.kept_tables()}
    notes: dict[str, Any] = {}
    key = None
    for part in backup_file.parts(path, backup_file.Tally()):
        if part.table is not None:
            if part.table not in tables:
                raise backup_file.Broken(part.name)
            _insert(connection, tables[part.table], part.rows())
        elif part.file is not None:
            _keep(part)
        elif part.name == backup_file.KEY:
            key = part.content.decode("ascii").strip()
        elif part.name == backup_file.NOTES:
            notes = part.told()
    if notes["columns"] != {name: table.columns.keys() for name, table in tables.items()}:
        raise backup_file.Broken("columns")
    _go_on_counting(connection, notes["last_ids"])
    return notes, key


def _insert(connection: sa.Connection, table: sa.Table, rows: list[list[Any]]) -> None:
    target = sa.table(table.name, *(
        sa.column(column.name, sa.types.NullType() if backup.is_json(column) else column.type) for column in table.columns))
    readers = [_reader(column.type) for column in table.columns]
    names = table.columns.keys()
    connection.execute(sa.insert(target), [
        {name: value if value is None or read is None else read(value) for name, read, value in zip(names, readers, row, strict=True)}
        for row in rows])


def _reader(kind: Any) -> Callable[[str], Any] | None:
    """How a value becomes again what it was before it was written as JSON."""
    if isinstance(kind, Moment):
        return datetime.fromisoformat
    if isinstance(kind, sa.Date):
        return date.fromisoformat
    return Decimal if isinstance(kind, Exact) else None


def _keep(part: backup_file.Part) -> None:
    with file_store.incoming(part.source, part.source.raw.size) as arrived:
        backup_file.prove_file(part, arrived.sha256)
        arrived.keep()


def _go_on_counting(connection: sa.Connection, last_ids: dict[str, int]) -> None:
    """An id that was given out once is not given out again: jobs in a queue go by them."""
    if connection.dialect.name != "postgresql":
        return
    for table in backup.kept_tables():
        sequence = backup.sequence_of(connection, table)
        if sequence is not None:
            last = connection.scalar(sa.select(sa.func.max(table.autoincrement_column)))
            last = max(last or 0, last_ids.get(table.name, 0))
            if last:
                connection.execute(sa.text("SELECT setval(CAST(:name AS regclass), :last)"), {"name": sequence, "last": last})


# What follows from it ---------------------------------------------------------------------------------------------

def _settle(act: Any, head: dict[str, Any], tally: backup_file.Tally) -> None:
    """The search finds again. Sessions and sign-ins of programs end, also those that were ended since the backup and
    would be good again: a number that nobody's cookie carries sees to that."""
    for _ in search.rebuild(act.session):
        act.session.flush()
    act.session.execute(sa.update(User).values(session_epoch=secrets.randbelow(LARGEST_EPOCH)),
                        execution_options={"synchronize_session": False})
    audit.note(act.session, act, "restore", "house", None, {
        "made_at": [None, head["made_at"]], "rows": [None, tally.row_count], "files": [None, tally.files["count"]]})


def _take_key(settings: Settings, key: str | None, mark: str) -> bool:
    """The key that came along takes the place of the one that this house made for itself, not of one that it was told."""
    place = backup.key_kept(settings)
    if key is None or place is None:
        return backup.mark_of(settings.secret_key) == mark
    _replace(place, key + "\n")
    return backup.mark_of(key) == mark


def _replace(path: Path, content: str) -> None:
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(aside, path)
    file_store.sync_folder(path.parent)
