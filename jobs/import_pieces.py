"""A part of a long import: a few hundred rows with what they name, by the rules of the form, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from jobs.import_files import Row, Table, word
from jobs.import_rows import TWICE, Entry
from models.base import Record
from models.conditions import is_filled
from models.spec import TEXTS, VOID, Invalid, Kind, Refused, RecordType, Text
from rules import access, checks, described, lists, names, records
from rules.act import Act

AT_ONCE = 400
IN_SHEET = Text("{sheet} 第 {row} 行：{text}", "{sheet} row {row}: {text}")


class NamesOfRows(names.Names):
    """Only what the present rows name is looked up, so that a long file against a large table takes little memory."""

    def look_up(self, spec: RecordType, rows: Iterable[Row]) -> None:
        wanted: dict[str, set[str]] = {spec.name: set()}
        for row in rows:
            wanted[spec.name].add(word(row.cells.get("number")))
            _named_in(wanted, row.cells, spec.fields)
            for name, lines in row.lines.items():
                for line in lines:
                    _named_in(wanted, line.cells, spec.lines[name].fields)
        self._books = {name: self._read(Record.types[name], words - {""}) for name, words in wanted.items()}

    def book(self, spec: RecordType) -> names.Book:
        return self._books.setdefault(spec.name, names.Book())

    def _read(self, spec: RecordType, words: set[str]) -> names.Book:
        book, listed, keys = names.Book(), sorted(words), [spec.fields[name] for name in names.title_keys(spec)]
        columns = [getattr(spec.model, key.column) for key in keys]
        compared = [column if key.kind in TEXTS else sa.cast(column, sa.String)
                    for key, column in zip(keys, columns, strict=True)]
        for start in range(0, len(listed), AT_ONCE):
            part = listed[start:start + AT_ONCE]
            query = sa.select(spec.model.id, spec.model.state, spec.model.number, *columns).where(
                sa.or_(*(column.in_(part) for column in (spec.model.number, *compared))))
            for id_, state, number, *titles in self.session.execute(access.visible(query, self.actor, spec)):
                book.enter(id_, state, number, [str(title) for title in titles if title])
        return book


def _named_in(wanted: dict[str, set[str]], cells: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    for name, cell in cells.items():
        known = fields.get(name)
        if known is not None and known.kind is Kind.LINK:
            wanted.setdefault(known.to, set()).add(word(cell))


@dataclass
class Known:
    """What the parts of one import know of each other."""

    names: NamesOfRows
    numbers: dict[str, int] = field(default_factory=dict)            # as given -> the row that gave it
    values: dict[tuple[Any, ...], int] = field(default_factory=dict)   # that no two records share; of a dry run
    is_quick: bool = True   # new rows may be kept together: nothing that they derive or check asks for others of their kind


@dataclass
class Kept:
    """What became of a row: a new record, or one that was changed (`before`: what it said). An update that leaves
    everything as it was is nothing."""

    place: int
    record: Any
    revision: int                 # before
    before: dict[str, Any] | None


class Piece(Entry):
    """`checked`: row -> the revision that the check saw, of records to be changed; None while checking."""

    def __init__(self, act: Act, spec: RecordType, rows: list[Row], known: Known,
                 checked: Mapping[int, int] | None = None) -> None:
        super().__init__(act, [Table(spec, rows, {})])
        known.names.look_up(spec, rows)
        self.act.names = known.names
        self.looks, self.shared, self.checked = self.act.looks(), known, checked
        self.problems: list[tuple[int, str, Text]] = []
        self.kept: list[Kept] = []
        self.unchanged: list[tuple[Row, int]] = []
        self._was: tuple[int, dict[str, Any] | None] = (0, None)

    def give_ids(self, table: Table) -> None:
        """A number that an earlier part of the file gave is told here; twice in one part, by the part itself."""
        for row in table.rows:
            number = word(row.cells.get("number"))
            first = self.shared.numbers.setdefault(number, row.place) if number else row.place
            if first < table.rows[0].place:
                self.refuse(row, "number", TWICE.with_(label=lists.BASE["number"].label, given=number[:60], place=first))
        super().give_ids(Table(table.spec, [row for row in table.rows if id(row) not in self.bad_rows], {}))

    def refuse(self, row: Row, path: str, text: Text) -> None:
        """Told at the row of the record; rows of its child tables by the sheet they stand in."""
        name, _, rest = path.partition("-")
        index = rest.partition("-")[0]
        if name in row.lines and index.isdecimal():
            line = row.lines[name][int(index)]
            text = IN_SHEET.with_(sheet=line.file, row=line.place, text=text) if line.file != row.file else text
        self._tell(row, path, text)

    def line_problems(self, row: Row) -> bool:
        found = [line for lines in row.lines.values() for line in lines if line.problem is not None]
        for line in found:
            self._tell(row, "", IN_SHEET.with_(sheet=line.file, row=line.place, text=line.problem))
        return bool(found)

    def _tell(self, row: Row, path: str, text: Text) -> None:
        self.bad_rows.add(id(row))
        self.problems.append((row.place, path[:200], text))

    def take_in(self) -> None:
        """New rows all at once where that comes to the same; else each by itself."""
        [table] = self.tables
        rows = [row for row in table.rows if id(row) not in self.bad_rows]
        is_plain = len(rows) > 1 and all(id(row) in self.new for row in rows) and all(
            line.problem is None for row in rows for lines in row.lines.values() for line in lines)
        if not (self.shared.is_quick and is_plain and self._all_at_once(table.spec, rows)):
            super().take_in()

    def _all_at_once(self, spec: RecordType, rows: list[Row]) -> bool:
        """One counter and one flush for all good ones; a bad one comes by itself, to be told all that is wrong with it.
        False, with nothing done, if the database refuses one; or if the type, while it derives and checks, looks for
        others of its kind, which have to be there, or changes other records."""
        ids, created = dict(self.ids), self.created
        step = self.session.begin_nested()
        try:
            with records.together(self.act):
                made = self._made(spec, rows)
        except (Invalid, Refused, _OneByOne) as no:
            step.rollback()
            self.session.info.pop("saving", None)
            self.act.arriving.clear()
            self.ids, self.created, self.shared.is_quick = ids, created, not isinstance(no, _OneByOne)
            return False
        step.commit()
        for row, record in made:
            self.ids[id(row)], self._was = record.id, (0, None)
            self._settle(record, row)
        good = {id(row) for row, _ in made}
        for row in rows:
            if id(row) not in good:
                self.enter(spec, row)
        return True

    def _made(self, spec: RecordType, rows: list[Row]) -> list[tuple[Row, Any]]:
        """The good ones, derived and checked, before anything is written."""
        made: list[tuple[Row, Any]] = []
        present = set(self.session.new)
        with _questions_about(self.session, spec) as asked:
            for row in rows:
                key = self.ids[id(row)]
                try:
                    made.append((row, self.create(spec, row)))
                except (Invalid, Refused):
                    self.ids[id(row)] = key
                    for part in set(self.session.new) - present:
                        if part in self.session:   # not gone with its record
                            self.session.expunge(part)
                present = set(self.session.new)
        if asked or len(self.act.together or ()) > len(made) or any(map(self.session.is_modified, self.session.dirty)):
            raise _OneByOne
        return made

    def enter(self, spec: RecordType, row: Row) -> None:
        self._was = (0, None)
        super().enter(spec, row)
        if id(row) not in self.bad_rows:
            self._settle(self.session.get(spec.model, self.ids[id(row)]), row)

    def _settle(self, record: Any, row: Row) -> None:
        if self.checked is None and (clash := self._clash(record, row)) is not None:
            self._tell(row, *clash)
        elif record.revision != self._was[0]:
            self.kept.append(Kept(row.place, record, *self._was))
        else:
            self.unchanged.append((row, record.revision))

    def create(self, spec: RecordType, row: Row) -> Any:
        if self.checked is not None and row.place in self.checked:
            raise Refused(records.JUST_CHANGED, stale=True)   # it was there, and this person's to see
        return super().create(spec, row)

    def key_for(self, spec: RecordType, row: Row) -> int | None:
        """A record that no other row can name gets its key when it is kept: what has none yet is asked by nobody who
        points at it, which for some types are dozens of questions."""
        return super().key_for(spec, row) if _names_its_own_kind(spec) else None

    def edit(self, record: Any, row: Row) -> None:
        if self.checked is not None:
            if row.place not in self.checked:
                raise Refused(records.JUST_CHANGED, stale=True)
            records.seen(record, self.checked[row.place])
        self._was = (record.revision, self._said(record, row))
        super().edit(record, row)

    def _said(self, record: Any, row: Row) -> dict[str, Any]:
        """What the record said where the row has a say, in the words of an import."""
        said, closed = described.said(self.session, record), checks.read_only(record.spec)
        fields = record.spec.fields
        return {**{name: said["fields"][name] for name in row.cells
                   if name in fields and name not in closed and fields[name].kind is not Kind.FILE},
                **{name: [{key: value for key, value in line.items()
                           if record.spec.lines[name].fields[key].typed} for line in said["lines"][name]]
                   for name in row.lines}}

    def _clash(self, record: Any, row: Row) -> tuple[str, Text] | None:
        """A value that an earlier part of the file has: it was checked and rolled back, so the database cannot tell."""
        spec = record.spec
        for group in (*((name,) for name, one in spec.fields.items() if one.unique), *spec.unique):
            values = [getattr(record, spec.fields[name].column) for name in group]
            if record.state == VOID or not is_filled(values[-1]):
                continue
            first = self.shared.values.setdefault((*group, *values), row.place)
            if first != row.place:
                label = spec.fields[group[-1]].label
                return group[-1], TWICE.with_(label=label, given=str(values[-1])[:60], place=first)
        return None


class _OneByOne(Exception):
    """These rows have to come one after the other."""


@contextmanager
def _questions_about(session: Any, spec: RecordType) -> Iterator[list[None]]:
    """Grows with each question for records of the type or their rows while it is open."""
    asked: list[None] = []
    tables = [spec.model.__tablename__, *(child.model.__tablename__ for child in spec.lines.values())]
    named = re.compile(rf'\b(?:FROM|JOIN) "?(?:{"|".join(tables)})\b')

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if named.search(statement):
            asked.append(None)

    connection = session.connection()
    sa.event.listen(connection, "before_cursor_execute", look)
    try:
        yield asked
    finally:
        sa.event.remove(connection, "before_cursor_execute", look)


def _names_its_own_kind(spec: RecordType) -> bool:
    rows = (spec.fields, *(child.fields for child in spec.lines.values()))
    return any(one.to == spec.name for fields in rows for one in fields.values())


def in_pieces(rows: Iterable[Row], size: int) -> Iterable[list[Row]]:
    piece: list[Row] = []
    for row in rows:
        piece.append(row)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


def rows_of(before: Sequence[tuple[int, str, Mapping[str, Any]]], spec: RecordType) -> list[Row]:
    """(place, number, what it said) -> the rows that say so again."""
    found = []
    for place, number, said in before:
        row = Row(place, {"number": number, **{name: value for name, value in said.items() if name in spec.fields}})
        row.lines = {name: [Row(place, dict(line)) for line in said[name]] for name in said if name in spec.lines}
        found.append(row)
    return found
