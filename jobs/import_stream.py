"""An import file row by row, however long it is: its header first, then its rows as the fields that people chose."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

from python_calamine import CalamineWorkbook

from jobs import import_files
from jobs.import_files import Row, unreadable
from models.spec import RecordType, Text
from rules import lists

PIECE = 1 << 16
SAMPLE = 10            # rows of the preview
KEYS_FROM = 1000       # objects of a JSON file whose keys are its header
REASON = Text("导入问题", "Import problem")     # the last column of the sheet of bad rows
STRAY = Text("{sheet} 第 {row} 行：主表里没有这个编号的记录", "{sheet} row {row}: no record of the file has this number")

Columns = Sequence[Sequence[str]]              # [word of the header, field or ""]


@dataclass
class Source:
    """A file that lies in the store: `name` is what people call it."""

    spec: RecordType
    path: Path
    name: str
    format: str

    def header(self) -> list[str]:
        """The words of its header. Raises Invalid on `file` if it cannot be read."""
        if self.format == "json":
            keys = dict.fromkeys(key for item in islice(self._objects(), KEYS_FROM) if isinstance(item, dict) for key in item)
            return [*keys]
        with self._table() as rows:
            words = [import_files.word(cell) for cell in next(rows.rows, ())]
        while words and not words[-1]:
            words.pop()
        if not words:
            raise unreadable(self.name, "第一行须为表头", "the first row must be the header")
        return words

    def given(self) -> Iterator[tuple[int, list[Any]]]:
        """(row of the file, its cells as given), without the empty ones."""
        if self.format == "json":
            header = self.header()
            for place, item in enumerate(self._objects(), 1):
                yield place, [item.get(word) for word in header] if isinstance(item, dict) else [item]
            return
        with self._table() as rows:
            next(rows.rows, None)
            for place, cells in enumerate(rows.rows, 2):
                if any(cell not in ("", None) for cell in cells):
                    yield place, list(cells)

    def rows(self, columns: Columns) -> Iterator[Row]:
        """The records, as far as their columns were given a field."""
        if self.format == "json":
            yield from self._json_rows(columns)
            return
        width, lines = len(columns), self._lines()
        taken = [(index, name) for index, (_, name) in enumerate(columns) if name]
        place = 1
        for place, cells in self.given():
            row = Row(place, {name: cells[index] for index, name in taken if index < len(cells)}, self.name)
            surplus = [cell for cell in cells[width:] if cell not in ("", None)]
            if len(cells) < width or surplus:
                row.problem = Text(f"有 {len(cells)} 个单元格，表头有 {width} 列",
                                   f"it has {len(cells)} cells, the header has {width} columns")
            number = import_files.word(row.cells.get("number"))
            for child, entered in lines.items() if number else ():
                if number in entered:
                    row.lines[child] = entered.pop(number)
            yield row
        strays = [line for entered in lines.values() for rows in entered.values() for line in rows]
        for further, line in enumerate(strays, 1):   # behind the last row, so that each is told
            yield Row(place + further, {}, line.file, problem=STRAY.with_(sheet=line.file, row=line.place))

    def _json_rows(self, columns: Columns) -> Iterator[Row]:
        fields = dict(columns)
        for place, item in enumerate(self._objects(), 1):
            if isinstance(item, dict):   # a key that came after the first thousand objects is told as unknown
                item = {fields.get(key, key): value for key, value in item.items() if fields.get(key, key)}
            yield import_files.json_row(self.spec, self.name, place, item)

    # What lies below ----------------------------------------------------------------------------------------------

    def _table(self) -> _Table:
        return _Xlsx(self) if self.format == "xlsx" else _Csv(self)

    def _lines(self) -> dict[str, dict[str, list[Row]]]:
        """Child table -> number of a record -> its rows, from the other sheets of a workbook."""
        return _Xlsx(self).lines() if self.format == "xlsx" else {}

    def _objects(self) -> Iterator[Any]:
        with self.path.open("rb") as file:
            yield from _objects(self.name, codecs.getreader("utf-8-sig")(file))


class _Table:
    """An open table: its rows, from the header on."""

    rows: Iterator[Sequence[Any]]

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class _Csv(_Table):
    def __init__(self, source: Source) -> None:
        self.file = source.path.open(encoding=_encoding(source), newline="")
        self.rows = import_files.csv_rows(source.name, self.file)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _encoding(source: Source) -> str:
    """UTF-8 or GB18030: whichever reads the whole file."""
    with source.path.open("rb") as file:
        import_files.refuse_no_csv(source.name, file.read(import_files.LONGEST_HEADER))
    for encoding in import_files.ENCODINGS:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with source.path.open("rb") as file:
                while piece := file.read(PIECE):
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
    raise import_files.no_encoding(source.name)


class _Xlsx(_Table):
    """The sheet with the records; those named like a child table hold its rows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        with import_files.workbook_errors(source.name):
            import_files.refuse_bomb(source.name, source.path)
            self.book = CalamineWorkbook.from_path(str(source.path))
        main, _, self.called = import_files.parts_of(source.name, source.spec, self.book.sheet_names)
        self.rows = self._rows(main)

    def _rows(self, sheet: str) -> Iterator[Sequence[Any]]:
        with import_files.workbook_errors(self.source.name):
            page = self.book.get_sheet_by_name(sheet)
        for cells in page.iter_rows():
            yield [import_files.xlsx_value(cell) for cell in cells]

    def lines(self) -> dict[str, dict[str, list[Row]]]:
        found: dict[str, dict[str, list[Row]]] = {}
        for sheet in self.book.sheet_names:
            child = self.called.get(sheet)
            cells = list(self._rows(sheet)) if child is not None else []
            if child is None or not any(map(any, cells)):
                continue
            owners = found.setdefault(child.name, {})
            for line in import_files.lines_of(f"{self.source.name} [{sheet}]", cells, child):
                number = import_files.word(line.cells.pop("number", ""))
                line.cells.pop("position", None)
                owners.setdefault(number, []).append(line)
        return found


# JSON, object by object -------------------------------------------------------------------------------------------

def _objects(name: str, file: IO[str]) -> Iterator[Any]:
    """The members of one list, each read when it is asked for."""
    decode = json.JSONDecoder(parse_float=Decimal, parse_constant=import_files.no_number).raw_decode
    text, place, count, is_over = "", 0, 0, False

    def more() -> None:
        nonlocal text, place, is_over
        try:
            piece = file.read(PIECE)
        except UnicodeDecodeError:
            raise unreadable(name, "JSON 须为 UTF-8 编码", "JSON must be encoded in UTF-8") from None
        text, place, is_over = text[place:] + piece, 0, not piece

    def skip() -> str:
        nonlocal place
        while True:
            place = _BLANK.match(text, place).end()   # type: ignore[union-attr]
            if place < len(text) or is_over:
                return text[place:place + 1]
            more()
    if skip() != "[":
        raise unreadable(name, "JSON 须为对象的列表", "the JSON must be a list of objects")
    place += 1
    while (sign := skip()) != "]":
        if count:
            if sign != ",":
                raise _broken(name, count)
            place += 1
            skip()
        while True:
            try:
                item, end = decode(text, place)
            except (ValueError, RecursionError) as error:
                if is_over or isinstance(error, RecursionError) or len(text) - place > LONGEST_OBJECT:
                    raise _broken(name, count) from None
            else:
                if end < len(text) or is_over:   # else a number may go on in the next piece
                    break
            more()
        place, count = end, count + 1
        yield item


_BLANK = re.compile(r"[ \t\r\n]*")
LONGEST_OBJECT = 8 * 2**20


def _broken(name: str, count: int) -> Exception:
    return unreadable(name, f"第 {count + 1} 条起不是有效的 JSON", f"not valid JSON from record {count + 1} on")


# Which column is which field --------------------------------------------------------------------------------------

def guessed(source: Source) -> list[list[str]]:
    """[word of the header, field or ""]: by name or label in either language; what was guessed can be corrected."""
    known, found, taken = fields_of(source.spec), [], set()
    for word in source.header():
        name = _meant(word, known)
        if name in taken or name == lists.SIGNATURES.name:
            name = ""
        taken.add(name)
        found.append([word, name])
    return found


def _meant(word: str, known: Mapping[str, Text]) -> str:
    plain = word.strip().rstrip("*＊ ").casefold()
    if plain in known:
        return plain
    return next((name for name, label in reversed([*known.items()]) if plain in (label.zh.casefold(), label.en.casefold())), "")


def fields_of(spec: RecordType) -> dict[str, Text]:
    """What a column may be: the fields, what every record has, and (in JSON) the child tables."""
    base = {name: field.label for name, field in lists.BASE.items()}
    return {**base, "revision": Text("版本", "Revision"), **{name: field.label for name, field in spec.fields.items()},
            **{name: child.label for name, child in spec.lines.items()}}


__all__ = ["REASON", "SAMPLE", "Columns", "Source", "fields_of", "guessed"]
