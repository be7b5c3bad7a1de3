"""A whole query as a file: the right to export is asked, the audit says who took what, and memory stays what it is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from flask import Response

from api import answers, cost, door
from api.answers import forbidden, wrong_query
from api.parameters import Query
from api.reading import Reader, query_mapping
from api.shapes import Shape, Shapes
from api.trees import Node
from models.base import db, set_reading
from models.spec import RecordType
from rules import access, audit, export_files, exports, office, workbook

BLOCK = 1 << 16


def stream(spec: RecordType, shapes: Shapes, query: Query) -> Response:
    """`export=...` as a file, or `limit=-1` as one long answer."""
    answers.allow(access.may(door.actor(), "export", spec))
    shape = shapes.of_type(spec.name)
    if shape is None:
        raise forbidden()
    if query.aggregate or query.group_by or query.cursor is not None:
        raise wrong_query("export 不能与 aggregate、groupBy、cursor 同用", "export stands without aggregate, groupBy, cursor")
    meta = _checked(spec, shapes, shape, query)
    _note(spec, query)
    engine = db.engine
    rows = Rows(lambda: export_files.Snapshot(engine), shapes, shape, query)
    if not query.export:
        return Response(_answer(rows, meta), content_type=export_files.FORMATS["json"])
    name = export_files.file_name(spec, door.language(), office.today(), query.export)
    return Response(file_of(rows, query.export), content_type=export_files.FORMATS[query.export],
                    headers={"Content-Disposition": export_files.disposition(spec.name, name)})


def _checked(spec: RecordType, shapes: Shapes, shape: Shape, query: Query) -> dict[str, int]:
    """What is wrong with the query is said before the first byte leaves."""
    with cost.bounded(db.session.connection()):
        reader = Reader(db.session.connection(), shapes, shape, query)
        if query.export == "xlsx":
            export_files.refuse_too_long(spec.label, reader.size())
        return reader.meta()


def _note(spec: RecordType, query: Query) -> None:
    db.session.rollback()   # what was asked so far only read; the audit entry is a transaction of its own
    set_reading(False)
    audit.note(db.session, door.act(), "export", spec.name, changes=query_mapping(query))
    db.session.commit()


class Rows:
    """The rows of a query out of one snapshot: its own, which outlives the request, or that of a job."""

    def __init__(self, snapshot: Callable[[], AbstractContextManager[export_files.Snapshot]], shapes: Shapes, shape: Shape,
                 query: Query, tell: Callable[[int], None] = lambda rows: None) -> None:
        self._snapshot, self._made, self._tell = snapshot, (shapes, shape, query), tell

    def pieces(self) -> Iterator[tuple[Node, list[dict[str, Any]]]]:
        """Piece by piece; first the tree alone, also where there are no rows."""
        written = 0
        with self._snapshot() as snapshot:
            reader = Reader(snapshot.connection, *self._made)
            yield reader.tree, []
            for piece in reader.all_rows():
                yield reader.tree, piece
                written += len(piece)
                self._tell(written)


def file_of(rows: Rows, format_: str) -> Iterator[bytes]:
    return {"csv": _csv, "json": _json, "xlsx": _xlsx}[format_](rows)


def _answer(rows: Rows, meta: dict[str, int]) -> Iterator[bytes]:
    yield ('{"meta":' + json.dumps(meta) + ',"data":' if meta else '{"data":').encode()
    yield from _json(rows)
    yield b"}"


def _json(rows: Rows) -> Iterator[bytes]:
    return exports.json_file(piece for _, piece in rows.pieces())


def columns(tree: Node, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The leaves of the tree as the columns of a flat file; a table stays one cell."""
    found = [(*before, key) for key in (*tree.columns, *tree.called)]
    for key, (_, below) in tree.targets.items():
        found += columns(below, (*before, key))
    return [*found, *((*before, key) for key in tree.tables)]


def _flat(rows: Rows) -> tuple[list[str], Iterator[list[list[Any]]]]:
    """The head of a flat file and its rows, piece by piece."""
    coming = rows.pieces()
    tree, _ = next(coming)
    paths = columns(tree)
    return [".".join(path) for path in paths], ([[_cell(row, path) for path in paths] for row in piece] for _, piece in coming)


def _cell(row: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        row = row.get(key) if isinstance(row, dict) else None
    if isinstance(row, dict | list):
        return json.dumps(row, ensure_ascii=False)
    return exports.inert(row) if isinstance(row, str) else row


def _csv(rows: Rows) -> Iterator[bytes]:
    head, parts = _flat(rows)
    yield from exports.csv_file(head, ([[_word(value) for value in row] for row in part] for part in parts))


def _word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _xlsx(rows: Rows) -> Iterator[bytes]:
    """Written to a file first: its table of contents stands at the end."""
    head, parts = _flat(rows)
    with tempfile.TemporaryFile() as file:
        with workbook.row_by_row(file) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, head)
            for line, row in enumerate((row for part in parts for row in part), 1):
                for place, value in enumerate(row):
                    _put(sheet, line, place, value)
        file.seek(0)
        while block := file.read(BLOCK):
            yield block


def _put(sheet: Any, line: int, place: int, value: Any) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(line, place, value)
    elif isinstance(value, int):
        workbook.number(sheet, line, place, value)
    elif value is not None:
        workbook.text(sheet, line, place, value)
