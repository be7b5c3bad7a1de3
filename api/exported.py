"""A whole query as a file: the right to export is asked, the audit says who took what, and memory stays what it is."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import xlsxwriter
from flask import Response

from api import answers, cost, door
from api.answers import forbidden, wrong_query
from api.parameters import Query
from api.reading import Reader, query_mapping
from api.shapes import Shape, Shapes
from api.trees import Node
from models.base import db, reading, set_reading
from models.spec import RecordType
from rules import access, audit, exports, office

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json; charset=utf-8",
         "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
BLOCK = 1 << 16
SHEET_ROWS = 1_048_575


def stream(spec: RecordType, shapes: Shapes, query: Query) -> Response:
    """`export=...` as a file, or `limit=-1` as one long answer."""
    answers.allow(access.may(door.actor(), "export", spec))
    shape = shapes.of_type(spec.name)
    if shape is None:
        raise forbidden()
    if query.aggregate or query.group_by or query.cursor is not None:
        raise wrong_query("export 不能与 aggregate、groupBy、cursor 同用", "export stands without aggregate, groupBy, cursor")
    meta = _checked(shapes, shape, query)
    _note(spec, query)
    if not query.export:
        return Response(_answer(db.engine, shapes, shape, query, meta), content_type=TYPES["json"])
    write: Callable[..., Any] = {"csv": _csv, "json": _json, "xlsx": _xlsx}[query.export]
    rows = write(db.engine, shapes, shape, query)
    name = f"{spec.label.in_(door.language())}_{office.today():%Y%m%d}.{query.export}"
    return Response(rows, content_type=TYPES[query.export], headers={
        "Content-Disposition": f"attachment; filename=\"{spec.name}.{query.export}\"; filename*=UTF-8''{quote(name)}"})


def _checked(shapes: Shapes, shape: Shape, query: Query) -> dict[str, int]:
    """What is wrong with the query is said before the first byte leaves."""
    with cost.bounded(db.session.connection()):
        return Reader(db.session.connection(), shapes, shape, query).meta()


def _note(spec: RecordType, query: Query) -> None:
    db.session.rollback()   # what was asked so far only read; the audit entry is a transaction of its own
    set_reading(False)
    audit.note(db.session, door.act(), "export", spec.name, changes=query_mapping(query))
    db.session.commit()


def _pieces(engine: Any, shapes: Shapes, shape: Shape, query: Query) -> Iterator[tuple[Node, list[dict[str, Any]]]]:
    """On a connection of its own, which outlives the request; the tree also where there are no rows."""
    with reading(), engine.connect() as connection:
        reader = Reader(connection, shapes, shape, query)
        yield reader.tree, []
        for piece in reader.all_rows():
            yield reader.tree, piece


def _answer(engine: Any, shapes: Shapes, shape: Shape, query: Query, meta: dict[str, int]) -> Iterator[str]:
    yield '{"meta":' + json.dumps(meta) + ',"data":' if meta else '{"data":'
    yield from _json(engine, shapes, shape, query)
    yield "}"


def _json(engine: Any, shapes: Shapes, shape: Shape, query: Query) -> Iterator[str]:
    between = "["
    for _, rows in _pieces(engine, shapes, shape, query):
        for row in rows:
            yield between + json.dumps(row, ensure_ascii=False, separators=(",", ":"))
            between = ",\n"
    yield "[]" if between == "[" else "]"


def columns(tree: Node, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The leaves of the tree as the columns of a flat file; a table stays one cell."""
    found = [(*before, key) for key in (*tree.columns, *tree.called)]
    for key, (_, below) in tree.targets.items():
        found += columns(below, (*before, key))
    return [*found, *((*before, key) for key in tree.tables)]


def _cell(row: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        row = row.get(key) if isinstance(row, dict) else None
    if isinstance(row, dict | list):
        return json.dumps(row, ensure_ascii=False)
    return exports.inert(row) if isinstance(row, str) else row


def _csv(engine: Any, shapes: Shapes, shape: Shape, query: Query) -> Iterator[bytes]:
    paths: list[tuple[str, ...]] = []
    for tree, rows in _pieces(engine, shapes, shape, query):
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer, lineterminator="\r\n")
        if not paths:
            paths = columns(tree)
            writer.writerow([".".join(path) for path in paths])
            yield BOM_UTF8
        writer.writerows([_word(_cell(row, path)) for path in paths] for row in rows)
        yield buffer.getvalue().encode()


def _word(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _xlsx(engine: Any, shapes: Shapes, shape: Shape, query: Query) -> Iterator[bytes]:
    """Written to a file first: its table of contents stands at the end."""
    with tempfile.TemporaryFile() as file:
        book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False,
                                          "strings_to_urls": False, "strings_to_numbers": False})
        sheet, line = book.add_worksheet(), 0
        paths: list[tuple[str, ...]] = []
        for tree, rows in _pieces(engine, shapes, shape, query):
            if not paths:
                paths = columns(tree)
                sheet.write_row(0, 0, [".".join(path) for path in paths])
            for row in rows:
                if line < SHEET_ROWS:
                    line += 1
                    sheet.write_row(line, 0, [_fitting(_cell(row, path)) for path in paths])
        book.close()
        file.seek(0)
        while block := file.read(BLOCK):
            yield block


def _fitting(value: Any) -> Any:
    """A cell of a workbook holds no more text."""
    return value[:32_767] if isinstance(value, str) else value
