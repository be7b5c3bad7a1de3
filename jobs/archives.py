"""An archive: a zip with the records of one category and year as CSV, their files and history, and the hash of each."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple

import sqlalchemy as sa

from models.files import Attachment
from models.history import AuditEntry
from models.retention import Archive
from models.spec import RecordType
from rules import access, audit, described, exports, file_store, lists

MANIFEST = "MANIFEST.sha256"   # as `sha256sum --check` reads it
NO_LIMIT = 1 << 50


class Built(NamedTuple):
    """A zip that lies in the file store; nothing names it yet."""

    sha256: str
    size: int


def build(act: Any, spec: RecordType, ids: Sequence[int]) -> Built:
    """Only reads the database: it may take long, and nobody waits for it."""
    with tempfile.TemporaryFile() as file:
        _write(act, spec, ids, file)
        file.seek(0)
        with file_store.incoming(file, NO_LIMIT) as arrived:
            arrived.keep()
            return Built(arrived.sha256, arrived.size)


def keep(act: Any, list_id: int, spec: RecordType, year: int, built: Built, ids: Sequence[int]) -> None:
    """Its row, and a line in the history of each of its records. Flushes."""
    act.session.add(Archive(list_id=list_id, type=spec.name, year=year, record_count=len(ids), made_at=act.now,
                            **built._asdict()))
    for record in act.session.scalars(sa.select(spec.model).where(spec.model.id.in_(ids)).order_by(spec.model.id)):
        audit.remark(act, record, "archive", {"+archive": built.sha256})
    act.session.flush()


def _write(act: Any, spec: RecordType, ids: Sequence[int], file: IO[bytes]) -> None:
    hashes: dict[str, str] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zip_:
        for path, pieces in _contents(act, spec, ids):
            digest = hashlib.sha256()
            with zip_.open(path, "w", force_zip64=True) as target:
                for piece in pieces:
                    digest.update(piece)
                    target.write(piece)
            hashes[path] = digest.hexdigest()
        zip_.writestr(MANIFEST, "".join(f"{hash_}  {path}\n" for path, hash_ in hashes.items()))


def _contents(act: Any, spec: RecordType, ids: Sequence[int]) -> Iterator[tuple[str, Iterator[bytes]]]:
    yield f"{spec.name}.csv", _records(act, spec, ids)
    batch = act.session.scalars(sa.select(spec.model).where(spec.model.id.in_(ids)).order_by(spec.model.id)).all()
    told = list(described.records(act.session, spec, batch, plain=True))
    for name, child in spec.lines.items():
        yield f"{spec.name}.{name}.csv", _lines(told, name, list(child.fields))
    yield "history.jsonl", _history(act, spec, ids)
    numbers = {record.id: record.number or f"id-{record.id}" for record in batch}
    files = act.session.scalars(sa.select(Attachment).where(
        Attachment.type == spec.name, Attachment.record_id.in_(ids), Attachment.erased_at.is_(None)).order_by(Attachment.id))
    for one in files.all():
        yield str(PurePosixPath("attachments", numbers[one.record_id], f"{one.id}-{one.name}")), _bytes(one.sha256)


def _records(act: Any, spec: RecordType, ids: Sequence[int]) -> Iterator[bytes]:
    cols = lists.columns(spec, exports.export_columns(spec))
    query = lists.select(spec, cols, [spec.model.id.in_(ids)], [spec.model.id])
    return exports.csv_rows(spec, cols, act.session.execute(query), access.Actor.system(), header="names")


def _lines(told: Sequence[dict[str, Any]], name: str, fields: Sequence[str]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["number", *fields])
    for record in told:
        writer.writerows([record["number"], *(_cell(row[field]) for field in fields)] for row in record[name])
    yield text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return ";".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return exports.inert(value) if isinstance(value, str) else value


def _history(act: Any, spec: RecordType, ids: Sequence[int]) -> Iterator[bytes]:
    table = AuditEntry.__table__
    query = sa.select(*table.columns).where(table.c.type == spec.name, table.c.record_id.in_(ids)).order_by(table.c.id)
    for row in act.session.execute(query).mappings():
        said = {key: audit.plain(value) for key, value in row.items()}
        yield (json.dumps(said, ensure_ascii=False) + "\n").encode()


def _bytes(sha256: str) -> Iterator[bytes]:
    with file_store.path_of(sha256).open("rb") as source:
        while piece := source.read(file_store.PIECE):
            yield piece
