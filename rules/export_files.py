"""A list as a file: CSV, XLSX or JSON, out of one snapshot of the database, and never whole in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from models.base import reading
from models.spec import Field, Kind, Lines, RecordType, Refused, Text
from rules import access, described, exports, lists, office, signed, workbook

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json",
           "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
EXCEL_ROWS = 1_048_575        # below the header
AT_ONCE = 500
TOO_LONG = Text("Excel 最多放 {most} 行，“{sheet}”有 {count} 行；请加筛选条件，或导出 CSV",
                "Excel takes at most {most} rows, “{sheet}” has {count}: filter more, or choose CSV")


class Incomplete(RuntimeError):
    """Fewer or more rows were written than the snapshot holds: a bug, and the file is worth nothing."""


@dataclass(frozen=True)
class Wanted:
    """Which rows of which type leave, for whom, in which form."""

    spec: RecordType
    where: Sequence[Any]
    sort: str
    actor: access.Actor
    format: str
    header: str = "labels"

    @property
    def is_raw(self) -> bool:
        return self.header == "names"

    @property
    def is_plain(self) -> bool:
        return access.sees_private(self.actor, self.spec)

    @property
    def file_name(self) -> str:
        return file_name(self.spec, self.actor.language, office.today(), self.format)


def file_name(spec: RecordType, language: str, day: date, format_: str) -> str:
    return f"{spec.label.in_(language)}_{day:%Y%m%d}.{format_}"


def disposition(plain: str, name: str) -> str:
    """A header in ASCII that gives the file its Chinese name."""
    return f"attachment; filename=\"{plain}.{name.rpartition('.')[2]}\"; filename*=UTF-8''{quote(name)}"


def told(question: lists.Question) -> dict[str, Any]:
    """A question as the audit and a job keep it: everything but a drill-down, which is a piece of SQL."""
    kept = {one.name: getattr(question, one.name) for one in fields(question) if one.name != "ids"}
    return {**kept, "filters": dict(question.filters)}


class Snapshot:
    """One reading transaction in which nothing changes, however long it lasts; it outlives the request."""

    def __init__(self, engine: Any) -> None:
        with reading():
            connection = engine.connect()
            if engine.dialect.name == "postgresql":   # SQLite's readers see one state anyway
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            connection.begin()
        self.connection, self.session = connection, sa.orm.Session(bind=connection, autoflush=False)

    def close(self) -> None:
        self.session.close()
        self.connection.close()

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def count(self, wanted: Wanted, most: int | None = None) -> int:
        """How many rows; beyond `most` they are not counted."""
        found = sa.select(wanted.spec.model.id).where(*wanted.where)
        found = found if most is None else found.limit(most + 1)
        return self.connection.scalar(sa.select(sa.func.count()).select_from(found.subquery())) or 0

    def stream(self, query: Any, expected: int) -> Iterator[Any]:
        """The rows of a query, none missing."""
        count = 0
        with self.connection.execute(query.execution_options(yield_per=1000)) as rows:
            for row in rows:
                count += 1
                yield row
        if count != expected:
            raise Incomplete(f"{count} rows instead of {expected}")


def pieces(snapshot: Snapshot, wanted: Wanted, total: int) -> Iterator[bytes]:
    """A CSV or JSON file of `total` rows, piece by piece."""
    return (_json if wanted.format == "json" else _csv)(snapshot, wanted, total)


def write(snapshot: Snapshot, wanted: Wanted, total: int, path: Path, tell: Callable[[int], None]) -> None:
    """The whole file; `tell` hears now and then how many rows there are."""
    if wanted.format == "xlsx":
        write_xlsx(snapshot, wanted, total, path, tell)
        return
    with path.open("wb") as target:
        for number, piece in enumerate(pieces(snapshot, wanted, total)):
            target.write(piece)
            tell(number * AT_ONCE)


def _main_query(wanted: Wanted) -> tuple[lists.Columns, Any]:
    spec = wanted.spec
    cols = lists.columns(spec, exports.export_columns(spec))
    return cols, lists.select(spec, cols, wanted.where, lists.order(spec, wanted.sort, wanted.actor))


def _csv(snapshot: Snapshot, wanted: Wanted, total: int) -> Iterator[bytes]:
    cols, query = _main_query(wanted)
    signatures = signed.cells(snapshot.session, wanted.spec, wanted.actor.language)
    return exports.csv_rows(wanted.spec, cols, snapshot.stream(query, total), wanted.actor, header=wanted.header,
                            signatures=signatures)


def _json(snapshot: Snapshot, wanted: Wanted, total: int) -> Iterator[bytes]:
    """A list of objects, child tables as lists, links and people by what names them."""
    spec, session = wanted.spec, snapshot.session
    query = sa.select(spec.model.id).where(*wanted.where).order_by(*lists.order(spec, wanted.sort, wanted.actor))

    def parts() -> Iterator[Iterable[dict[str, Any]]]:
        for ids in _in_parts(row[0] for row in snapshot.stream(query, total)):
            loaded = session.scalars(sa.select(spec.model).where(spec.model.id.in_(ids)).options(
                *(sa.orm.selectinload(getattr(spec.model, name)) for name in spec.lines)))
            found = {record.id: record for record in loaded}
            batch = [found[id_] for id_ in ids]
            yield described.records(session, spec, batch, plain=wanted.is_plain)
            session.expunge_all()
    return exports.json_file(parts())


def _in_parts(rows: Iterable[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for row in rows:
        part.append(row)
        if len(part) == AT_ONCE:
            yield part
            part = []
    if part:
        yield part


# XLSX -------------------------------------------------------------------------------------------------------------

def write_xlsx(snapshot: Snapshot, wanted: Wanted, total: int, path: Path, tell: Callable[[int], None]) -> None:
    """A workbook with the list, and a sheet for each child table. Raises Refused if it is too much for Excel."""
    spec, language = wanted.spec, wanted.actor.language
    refuse_too_long(spec.label, total)
    with workbook.row_by_row(path, str(path.parent)) as book:
        sheet = _Sheet(book, sheet_name(wanted, spec), wanted)
        cols, query = _main_query(wanted)
        _, key = _number_first(spec)
        signatures = signed.cells(snapshot.session, spec, language)
        sheet.head((*cols.fields, lists.SIGNATURES) if signatures else cols.fields)
        written = 0
        for part in _in_parts(snapshot.stream(query.add_columns(key), total)):
            last = signatures([row[0] for row in part]) if signatures else [None] * len(part)
            for row, signature in zip(part, last, strict=True):
                values = list(row[2:-1])
                values[0] = row[-1]
                sheet.add((*values, signature) if signatures else values)
            written += len(part)
            tell(written)
        for child in spec.lines.values():
            _lines_sheet(book, snapshot, wanted, child)


def refuse_too_long(label: Text, count: int) -> None:
    if count > EXCEL_ROWS:
        raise Refused(TOO_LONG.with_(most=f"{EXCEL_ROWS:,}", sheet=label, count=f"{count:,}"))


def _number_first(spec: RecordType) -> tuple[Field, Any]:
    """What a record is called in every sheet: where it has no number yet, its lines still find it."""
    return lists.BASE["number"], lists.numbered(spec.model) if spec.lines else spec.model.number


def _lines_sheet(book: Any, snapshot: Snapshot, wanted: Wanted, child: Lines) -> None:
    """The rows of a child table, with the number of their record, in the order of the list."""
    spec, model = wanted.spec, child.model
    field, number = _number_first(spec)
    joins, targets = [], []
    for one in child.fields.values():
        column = getattr(model, one.column)
        if one.kind in lists.NAMED:
            target, key, column_ = lists.named_by(one)
            joins.append((target, key == column))
            column = column_
        targets.append(column)
    query = sa.select(number, *targets).select_from(model).join(spec.model, spec.model.id == model.record_id)
    for target, on in joins:
        query = query.outerjoin(target, on)
    query = query.where(*wanted.where)
    count = snapshot.connection.scalar(sa.select(sa.func.count()).select_from(
        sa.select(model.id).join(spec.model, spec.model.id == model.record_id).where(*wanted.where).subquery())) or 0
    refuse_too_long(child.label, count)
    sheet = _Sheet(book, sheet_name(wanted, child), wanted)
    sheet.head((field, *child.fields.values()))
    ordering = lists.order(spec, wanted.sort, wanted.actor)
    for row in snapshot.stream(query.order_by(*ordering, model.position, model.id), count):
        sheet.add(row)


def sheet_name(wanted: Wanted, part: RecordType | Lines) -> str:
    """Named like the table, as far as Excel takes it: import knows both its label and its name."""
    label = part.label.in_(wanted.actor.language)
    is_taken = len(label) <= workbook.LONGEST_NAME and not set(workbook.NOT_IN_NAMES) & set(label)
    return label if is_taken and not wanted.is_raw else part.name[:workbook.LONGEST_NAME]


class _Sheet:
    """One sheet that is written row by row. Text is written as text: no cell is ever a formula."""

    def __init__(self, book: Any, name: str, wanted: Wanted) -> None:
        self.page, self.wanted, self.row = book.add_worksheet(name), wanted, 0
        self.heading = book.add_format(workbook.HEADING)
        self.styles = workbook.styles(book, {**workbook.NUMBER_FORMATS, **workbook.TO_THE_SECOND})
        self.cells: list[workbook.Put] = []

    def head(self, columns: Sequence[Field]) -> None:
        for place, field in enumerate(columns):
            word = field.name if self.wanted.is_raw else field.label.in_(self.wanted.actor.language)
            self.page.set_column(place, place, _width(field, word))
            self.page.write_string(0, place, word, self.heading)
            self.cells.append(self._cell(field))
        self.page.freeze_panes(1, 1)

    def add(self, values: Sequence[Any]) -> None:
        self.row += 1
        for place, (put, value) in enumerate(zip(self.cells, values, strict=True)):
            if value is not None and value != "":
                put(self.row, place, value)

    def _cell(self, field: Field) -> workbook.Put:
        """The function that writes values of one column; made once, not per cell."""
        page = self.page
        if field.private and not self.wanted.is_plain:
            return lambda row, place, value: workbook.text(page, row, place, exports.masked(field, value))
        put = workbook.calculating(page, field.kind, self.styles.get(field.kind))
        show = _words(field, self.wanted)
        return put or (lambda row, place, value: workbook.text(page, row, place, show(value)))


def _words(field: Field, wanted: Wanted) -> Callable[[Any], str]:
    if wanted.is_raw and field.kind is Kind.MULTICHOICE:
        return ";".join
    if wanted.is_raw and field.kind is Kind.BOOL:
        return lambda value: str(value).lower()
    return str if wanted.is_raw else exports.shower(field, wanted.actor.language)


def _width(field: Field, word: str) -> int:
    least: dict[Kind, int] = {Kind.DATE: 11, Kind.DATETIME: 19, Kind.LONGTEXT: 40, Kind.TEXT: 18, Kind.LINK: 20, Kind.MONEY: 14}
    wide: int = sum(2 if ord(letter) > 255 else 1 for letter in word) + 2
    return min(60, max(wide, least.get(field.kind, 10)))
