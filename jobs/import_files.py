"""What stands in an import file: CSV, XLSX or JSON -> rows with field names, or one sentence why it cannot be read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from models.base import Record
from models.spec import Field, Invalid, Lines, RecordType, Text
from rules import lists

FORMATS = ("json", "csv", "xlsx")
ENCODINGS = ("utf-8-sig", "gb18030")
LARGEST = 200 * 2**20          # of a file; an XLSX may unfold to five times that
LONGEST_HEADER = 2**20
HIDDEN = "_"   # sheets whose names begin so are the template's own
BASE = (*lists.BASE, "revision", "id")
_INERT = re.compile(r"'[=+\-@\t\r]")


@dataclass
class Row:
    """One record, or one row of a child table, as it stands in a file; `place` is its row there."""

    place: int
    cells: dict[str, Any]
    file: str = ""
    lines: dict[str, list[Row]] = field(default_factory=dict)
    problem: Text | None = None


@dataclass
class Table:
    """All rows of one type, and the checksums of the files they came from."""

    spec: RecordType
    rows: list[Row]
    digests: dict[str, str]


def unreadable(name: str, zh: str, en: str) -> Invalid:
    return Invalid({"file": Text(f"{name}：{zh}", f"{name}: {en}")})


# Files and folders ------------------------------------------------------------------------------------------------

def read(spec: RecordType, path: str | Path) -> Table:
    """Raises Invalid on `file` with the one sentence that says what is wrong."""
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in FORMATS:
        raise unreadable(path.name, "只能导入 .csv、.xlsx 或 .json 文件", "only .csv, .xlsx and .json files can be imported")
    content = _content(path)
    table = Table(spec, [], {path.name: hashlib.sha256(content).hexdigest()})
    if kind == "json":
        table.rows = _from_json(spec, path.name, content)
    elif kind == "xlsx":
        table.rows = _from_xlsx(spec, path.name, content)
    else:
        table.rows = _from_csv(spec, path, content, table.digests)
    if not table.rows:
        raise unreadable(path.name, "文件里没有记录", "the file holds no records")
    for row in table.rows:   # nobody signs by a file
        row.cells.pop(lists.SIGNATURES.name, None)
    return table


def read_folder(folder: str | Path) -> list[Table]:
    """Every TYPE.json, TYPE.csv or TYPE.xlsx of a folder, with the CSV child tables beside it."""
    folder = Path(folder)
    if not folder.is_dir():
        raise unreadable(folder.name, "没有这个文件夹", "there is no such folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "~$")) or path.suffix.lower().lstrip(".") not in FORMATS:
            continue
        name, _, child = path.stem.partition(".")
        if name not in Record.types or (child and child not in Record.types[name].lines):
            raise unreadable(path.name, "文件名不是任何单据类型", "the file is not named like any record type")
        if not child and name in found:
            raise unreadable(path.name, f"同一类型还有 {found[name].name}，请只留一个",
                             f"{found[name].name} is of the same type: keep one of them")
        if child and not folder.joinpath(f"{name}.csv").exists():
            raise unreadable(path.name, f"旁边没有主表 {name}.csv", f"{name}.csv, whose lines it holds, is missing")
        if not child:
            found[name] = path
    if not found:
        raise unreadable(folder.name, "文件夹里没有可导入的文件", "the folder holds no file to import")
    return [read(Record.types[name], path) for name, path in found.items()]


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST:
            raise unreadable(path.name, f"文件超过 {LARGEST >> 20} MB，请拆成几个文件",
                             f"the file is larger than {LARGEST >> 20} MB: split it")
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path.name, "文件打不开", f"the file cannot be opened ({error.strerror})") from None


# CSV --------------------------------------------------------------------------------------------------------------

def _from_csv(spec: RecordType, path: Path, content: bytes, digests: dict[str, str]) -> list[Row]:
    rows = _table(path.name, _csv_cells(path.name, content), _fields_of(spec))
    for name, child in spec.lines.items():
        beside = path.with_name(f"{spec.name}.{name}.csv")
        if beside.exists():
            content = _content(beside)
            digests[beside.name] = hashlib.sha256(content).hexdigest()
            entered = _table(beside.name, _csv_cells(beside.name, content), _fields_of_lines(child))
            _hand_out(rows, child, entered)
    return rows


def _csv_cells(name: str, content: bytes) -> list[list[str]]:
    refuse_no_csv(name, content[:LONGEST_HEADER])
    return list(csv_rows(name, io.StringIO(_decoded(name, content), newline="")))


def csv_rows(name: str, lines: Iterable[str]) -> Iterator[list[str]]:
    """Row after row, what an export made inert for spreadsheets itself again."""
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            yield [stripped(cell) for cell in row]
    except csv.Error as error:
        raise unreadable(name, f"第 {reader.line_num} 行不是有效的 CSV（引号不成对，或单元格过长）",
                         f"line {reader.line_num} is not valid CSV ({error})") from None


def refuse_no_csv(name: str, beginning: bytes) -> None:
    """`beginning`: what stands in the first megabyte."""
    if b"\x00" in beginning:
        raise unreadable(name, "不是 CSV 文本文件", "this is no CSV text file")
    if len(beginning) >= LONGEST_HEADER and not re.search(rb"[\r\n]", beginning):
        raise unreadable(name, "第一行超过 1 MB，不是 CSV 表格", "the first line is longer than 1 MB: this is no CSV table")


def stripped(cell: str) -> str:
    """What an export made inert for spreadsheets is itself again."""
    return cell[1:] if _INERT.match(cell) else cell


def _decoded(name: str, content: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise no_encoding(name)


def no_encoding(name: str) -> Invalid:
    return unreadable(name, "编码既不是 UTF-8 也不是 GB18030，请另存为 UTF-8 的 CSV",
                      "the encoding is neither UTF-8 nor GB18030: save it as a UTF-8 CSV")


# XLSX -------------------------------------------------------------------------------------------------------------

def _from_xlsx(spec: RecordType, name: str, content: bytes) -> list[Row]:
    sheets = _sheets(name, content)
    main, others, called = parts_of(name, spec, [*sheets])
    strange = [sheet for sheet in others if sheets[sheet]]
    if strange:
        raise unreadable(name, f"工作表“{strange[0]}”不是本类型的子表", f"the sheet {strange[0]!r} is no child table of this type")
    rows = _table(name, sheets[main], _fields_of(spec))
    for sheet, child in called.items():
        if sheets.get(sheet):
            _hand_out(rows, child, _table(f"{name} [{sheet}]", sheets[sheet], _fields_of_lines(child)))
    return rows


def parts_of(name: str, spec: RecordType, sheets: Sequence[str]) -> tuple[str, list[str], dict[str, Lines]]:
    """The sheet with the records themselves, those that are nothing we know, and what each child table may be called."""
    called = {word: child for child in spec.lines.values() for word in (child.name, *child.label)}
    main = [sheet for sheet in sheets if sheet not in called and not sheet.startswith(HIDDEN)]
    named = [sheet for sheet in main if sheet in (spec.name, spec.zh, spec.en)] or main[:1]
    if not named:
        raise unreadable(name, "没有主表的工作表", "there is no sheet with the records themselves")
    return named[0], [sheet for sheet in main if sheet not in named], called


def _sheets(name: str, content: bytes) -> dict[str, list[list[Any]]]:
    """Sheet name -> rows that are not empty at the end."""
    with workbook_errors(name):
        refuse_bomb(name, io.BytesIO(content))
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = {sheet: book.get_sheet_by_name(sheet).to_python(skip_empty_area=False) for sheet in book.sheet_names}
    return {sheet: [[xlsx_value(cell) for cell in row] for row in cells] if any(map(any, cells)) else []
            for sheet, cells in sheets.items()}


@contextmanager
def workbook_errors(name: str) -> Iterator[None]:
    """Whatever ails a workbook is one sentence."""
    broken = unreadable(name, "不是有效的 XLSX 文件", "this is not a valid XLSX file")
    try:
        yield
    except (CalamineError, zipfile.BadZipFile, OSError, ValueError):
        raise broken from None
    except BaseException as panic:  # the Rust reader panics on some broken files; that is no Exception
        if type(panic).__name__ != "PanicException":
            raise
        raise broken from None


def refuse_bomb(name: str, content: Any) -> None:
    with zipfile.ZipFile(content) as packed:
        if sum(part.file_size for part in packed.infolist()) > 5 * LARGEST:
            raise unreadable(name, "解压后过大，请拆成几个文件", "it unfolds to too much: split it")


def xlsx_value(cell: Any) -> Any:
    """A spreadsheet keeps 13800000000 as 13800000000.0."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str):
        return stripped(cell)
    return cell if isinstance(cell, bool | int | float | date | datetime) else str(cell)


# JSON -------------------------------------------------------------------------------------------------------------

def _from_json(spec: RecordType, name: str, content: bytes) -> list[Row]:
    try:
        entered = json.loads(content.decode("utf-8-sig"), parse_float=Decimal, parse_constant=no_number)
    except UnicodeDecodeError:
        raise unreadable(name, "JSON 须为 UTF-8 编码", "JSON must be encoded in UTF-8") from None
    except json.JSONDecodeError as error:
        raise unreadable(name, f"第 {error.lineno} 行第 {error.colno} 列不是有效的 JSON",
                         f"not valid JSON at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError):
        raise unreadable(name, "不是有效的 JSON", "this is not valid JSON") from None
    if not isinstance(entered, list):
        raise unreadable(name, "JSON 须为对象的列表", "the JSON must be a list of objects")
    return [json_row(spec, name, place, item) for place, item in enumerate(entered, 1)]


def no_number(word: str) -> Any:
    raise ValueError(word)


def json_row(spec: RecordType, name: str, place: int, item: Any) -> Row:
    if not isinstance(item, dict):
        return Row(place, {}, name, problem=Text("应为一个对象", "it must be an object"))
    row = Row(place, {}, name)
    for key, value in item.items():
        if key in spec.lines and isinstance(value, list) and all(isinstance(line, dict) for line in value):
            row.lines[key] = [Row(place, line, name) for line in value]
        else:
            row.cells[key] = value
    return row


# Tables with a header ---------------------------------------------------------------------------------------------

def _fields_of(spec: RecordType) -> dict[str, Field | None]:
    base = {name: lists.column_field(spec, name) if name in lists.BASE else None for name in BASE}
    signatures = {lists.SIGNATURES.name: lists.SIGNATURES} if spec.workflow.approval else {}
    return {**base, **signatures, **spec.fields}


def _fields_of_lines(child: Lines) -> dict[str, Field | None]:
    return {"number": lists.BASE["number"], "id": None, "position": None, **child.fields}


def lines_of(name: str, cells: Sequence[Sequence[Any]], child: Lines) -> list[Row]:
    """The rows of a table with lines, each with the number of its record."""
    return _table(name, cells, _fields_of_lines(child))


def _table(name: str, cells: Sequence[Sequence[Any]], fields: Mapping[str, Field | None]) -> list[Row]:
    if not cells or not any(word(cell) for cell in cells[0]):
        raise unreadable(name, "第一行须为表头", "the first row must be the header")
    header = _header(name, [word(cell) for cell in cells[0]], fields)
    rows = []
    for place, row in enumerate(cells[1:], 2):
        if all(cell == "" or cell is None for cell in row):
            continue
        found = Row(place, dict(zip(header, row, strict=False)), name)
        surplus = [cell for cell in row[len(header):] if cell != ""]
        if len(row) < len(header) or surplus:
            found.problem = Text(f"有 {len(row)} 个单元格，表头有 {len(header)} 列",
                                 f"it has {len(row)} cells, the header has {len(header)} columns")
        rows.append(found)
    return rows


def word(cell: Any) -> str:
    return str(cell).strip() if cell is not None else ""


def _header(name: str, words: list[str], fields: Mapping[str, Field | None]) -> list[str]:
    """The field names of a header in Chinese, English or field names."""
    while words and not words[-1]:
        words.pop()
    found = [_column(word, fields) for word in words]
    unknown = [word for word, column in zip(words, found, strict=True) if column is None]
    if len(unknown) == len(words):
        raise unreadable(name, "表头里没有一个认识的列名；第一行须为表头，各列以逗号分隔",
                         "no column of the header is known: the first row must be the header, separated by commas")
    if unknown:
        listed = "、".join(f"“{word[:40]}”" for word in unknown[:5])
        raise unreadable(name, f"没有这些列：{listed}", f"unknown columns: {listed}")
    twice = next((word for word, column in zip(words, found, strict=True) if found.count(column) > 1), None)
    if twice is not None:
        raise unreadable(name, f"列“{twice}”出现了两次", f"the column {twice!r} appears twice")
    return [column for column in found if column]


def _column(word: str, fields: Mapping[str, Field | None]) -> str | None:
    if word in fields:
        return word
    return next((name for name, known in reversed(fields.items()) if known is not None and word in known.label), None)


def _hand_out(rows: list[Row], child: Lines, entered: list[Row]) -> None:
    """Give each row of a child table to the record whose number it names."""
    if not rows:
        return
    owners = {str(row.cells.get("number") or "").strip(): row for row in rows}
    for line in entered:
        number = str(line.cells.pop("number", "") or "").strip()
        line.cells.pop("position", None)
        owner = owners.get(number) if number else None
        if owner is not None:
            owner.lines.setdefault(child.name, []).append(line)
            continue
        line.problem = line.problem or Text(f"主表里没有编号为“{number}”的记录",
                                            f"no record of the file has the number {number!r}")
        rows[0].lines.setdefault(child.name, []).append(line)
