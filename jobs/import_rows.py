"""One attempt to bring in all rows of an import: new records by the rules of the form, old ones as they were.

Every new record gets its id before anything is saved, so records may name each other in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs.import_files import Row, Table
from models.conditions import is_filled
from models.spec import NUMBERS, VOID, Field, Invalid, Kind, RecordType, Refused, Text
from rules import access, approvals, checks, lists, names, numbering, office, records, registry
from rules.act import Act

BATCH = 500
KEPT_AS_GIVEN = ("number", "state", "created_at", "created_by", "department", "updated_at")
TWICE = Text("“{label}”{given} 在文件中出现了两次（第 {place} 行）", "“{label}” {given} stands twice in the file (row {place})")
USED = Text("“{label}”{given} 已有记录", "“{label}” {given} exists already")


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be kept: where it stands, which field, and one sentence. `field` may be empty."""

    row: int
    field: str
    text: Text
    file: str = ""

    def sentence(self, language: str) -> str:
        field = f" [{self.field}]" if self.field else ""
        where = Text(f"{self.file} 第 {self.row} 行{field}：", f"{self.file} row {self.row}{field}: ")
        return where.in_(language) + self.text.in_(language)


class _Arriving(Act):
    """An act in which the records that are just arriving can be found before they are saved."""

    def __init__(self, act: Act, *, is_history: bool) -> None:
        super().__init__(act.session, act.actor, act.comment, is_history=is_history, now=act.now)
        self.arriving: dict[tuple[str, int], Any] = {}
        self.names = names.Names(self.session, act.actor, is_history)

    def get(self, type_name: str, id_: int | None) -> Any:
        return self.arriving.get((type_name, id_ or 0)) or super().get(type_name, id_)

    def looks(self) -> checks.Looks:
        return checks.Looks(self.session, self.actor, self.names)


class Load:
    """One attempt to bring in all rows."""

    is_history = False

    def __init__(self, act: Act, tables: list[Table]) -> None:
        self.act = _Arriving(act, is_history=self.is_history)
        self.session, self.looks = self.act.session, self.act.looks()
        self.tables = _targets_first(tables)
        self.ids: dict[int, int] = {}           # id(row) -> id of its record
        self.new: set[int] = set()
        self.bad: list[BadRow] = []
        self.bad_rows: set[int] = set()
        self.created = self.updated = 0

    def run(self) -> list[BadRow]:
        for table in self.tables:
            self.give_ids(table)
        self.take_in()
        order = {name: place for place, name in enumerate(name for table in self.tables for name in table.digests)}
        return sorted(self.bad, key=lambda bad: (order.get(bad.file, 0), bad.row))

    def take_in(self) -> None:
        raise NotImplementedError

    def known(self, spec: RecordType, number: str) -> int | None:
        """The id of the record that has this number already."""
        return self.looks.names.book(spec).numbers.get(number)

    def give_ids(self, table: Table) -> None:
        """Rows without a record get an id, and their names can be used from here on."""
        spec, seen, new = table.spec, {}, []
        for row in table.rows:
            number = _text(row.cells.get("number"))
            if row.problem is not None:
                self.refuse(row, "", row.problem)
            elif number and number in seen:
                self.refuse(row, "number", TWICE.with_(
                    label=lists.BASE["number"].label, given=number[:60], place=seen[number]))
            elif number and (known := self.known(spec, number)) is not None:
                self.ids[id(row)] = known
            else:
                new.append((row, number))
            seen.setdefault(number, row.place)
        book, keys = self.looks.names.book(spec), names.title_keys(spec)
        for id_, (row, number) in zip(_fresh_ids(self.session, spec, len(new)), new, strict=True):
            self.ids[id(row)] = id_
            self.new.add(id(row))
            state = _state(spec, row) if self.is_history else spec.workflow.initial
            book.enter(id_, state, number, [_text(row.cells.get(key)) for key in keys if row.cells.get(key)])

    def refuse(self, row: Row, path: str, text: Text) -> None:
        """Name the row of the child table if the path leads into one that came from a table of its own."""
        self.bad_rows.add(id(row))
        place, file = row.place, row.file
        name, _, rest = path.partition("-")
        index, _, inner = rest.partition("-")
        if name in row.lines and index.isdecimal() and inner:
            line = row.lines[name][int(index)]
            if line.file != row.file:
                place, file, path = line.place, line.file, inner
        self.bad.append(BadRow(place, path, text, file))

    def refuse_all(self, row: Row, errors: dict[str, Text]) -> None:
        for path, text in errors.items():
            self.refuse(row, path, text)

    def line_problems(self, row: Row) -> bool:
        """Rows of child tables that could not be read, or belong to no record."""
        found = [line for lines in row.lines.values() for line in lines if line.problem is not None]
        for line in found:
            self.bad_rows.add(id(row))
            self.bad.append(BadRow(line.place, "", line.problem, line.file))
        return bool(found)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _state(spec: RecordType, row: Row) -> str:
    given = _text(row.cells.get("state"))
    return next((state.name for state in spec.workflow.states if given in (state.name, *state.label)),
                spec.workflow.initial)


def _fresh_ids(session: Any, spec: RecordType, count: int) -> Iterable[int]:
    """Ids that nobody else will get: from the sequence, or behind the last one where this transaction alone writes."""
    if not count:
        return ()
    table = spec.model.__table__
    if session.get_bind().dialect.name == "sqlite":
        last = session.scalar(sa.select(sa.func.max(table.c.id))) or 0
        return range(last + 1, last + 1 + count)
    drawn = sa.text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)")
    return session.scalars(drawn, {"name": table.name, "count": count}).all()


def _targets_first(tables: Sequence[Table]) -> list[Table]:
    """Types that others point at before those that point; where they point at each other, in the order of the areas."""
    given, done = {table.spec.name: table for table in tables}, {}

    def visit(name: str, under_way: frozenset[str]) -> None:
        if name in given and name not in done and name not in under_way:
            for target in given[name].spec.fields.values():
                visit(target.to, under_way | {name})
            done.setdefault(name, given[name])

    for name in registry.types():
        visit(name, frozenset())
    return list(done.values())


# New records, by the rules of the form ----------------------------------------------------------------------------

class Entry(Load):
    """Each row is created or edited as if its person had typed it. A number that does not exist yet only names the
    row within the files; the record gets its own."""

    def take_in(self) -> None:
        for table in self.tables:
            for row in table.rows:
                if id(row) not in self.bad_rows and not self.line_problems(row):
                    self.enter(table.spec, row)

    def enter(self, spec: RecordType, row: Row) -> None:
        step = self.session.begin_nested()
        try:
            if id(row) in self.new:
                self.create(spec, row)
            else:
                self.edit(self.session.get(spec.model, self.ids[id(row)]), row)
        except (Invalid, Refused) as no:
            step.rollback()
            self.session.info.pop("saving", None)
            self.refuse_all(row, no.errors if isinstance(no, Invalid) else {"": no.reason})
        else:
            step.commit()

    def create(self, spec: RecordType, row: Row) -> Any:
        records.allow(access.may(self.act.actor, "create", spec))
        record = records.blank(self.act, spec)
        record.id = self.key_for(spec, row)
        records.keep(self.act, record, checks.take(record, self.raw(record, row, is_new=True), self.looks))
        self.ids[id(row)] = record.id
        self.act.arriving[spec.name, record.id] = record
        self.created += 1
        return record

    def key_for(self, spec: RecordType, row: Row) -> int | None:
        """The key under which other rows may have named the record already."""
        return self.ids[id(row)]

    def edit(self, record: Any, row: Row) -> None:
        revision = _text(row.cells.get("revision"))
        records.seen(record, int(revision) if revision.isdigit() else None)
        records.allow(_may_edit(self.act.actor, record))
        records.keep(self.act, record, checks.take(record, self.raw(record, row, is_new=False), self.looks))
        self.updated += 1

    def raw(self, record: Any, row: Row, *, is_new: bool) -> dict[str, Any]:
        """What was entered. An exported file also holds what nobody types: that may stand as it is, or empty."""
        spec: RecordType = record.spec
        closed, found, errors = checks.read_only(spec), {}, {}
        for name, cell in row.cells.items():
            if name in ("id", "revision") or (name == "number" and is_new):
                continue
            if name in closed or (name in lists.BASE and name not in spec.fields):
                if not self.stands(record, name, cell):
                    errors[name] = checks.READ_ONLY.with_(label=lists.column_field(spec, name).label)
            else:
                found[name] = cell
        checks.refuse(errors)
        return found | {name: list(self.recognised(record, name, lines)) for name, lines in row.lines.items()}

    def stands(self, record: Any, name: str, cell: Any) -> bool:
        known = lists.column_field(record.spec, name)
        return cell is None or cell == "" or self.holds(record, known, cell)

    def holds(self, row: Any, known: Field, cell: Any) -> bool:
        if known.kind is Kind.FILE:
            return checks.names_file(row, known, cell)
        try:
            return bool(checks.parse(known, cell, self.looks) == getattr(row, known.column))
        except checks.Wrong:
            return False

    def recognised(self, record: Any, name: str, lines: list[Row]) -> Iterable[dict[str, Any]]:
        """A row of a child table that stands as it did stays the same row, with the signatures it has."""
        fields, free = record.spec.lines[name].fields, list(getattr(record, name))
        for cells in (line.cells for line in lines):
            typed = {key: cell for key, cell in cells.items() if key in fields and fields[key].typed}
            same = next((row for row in free if "id" not in cells
                         and all(self.holds(row, fields[key], cell) for key, cell in typed.items())), None)
            if same is not None:
                free.remove(same)
            yield cells if same is None else {**cells, "id": same.id}


def _may_edit(actor: access.Actor, record: Any) -> access.Verdict:
    """The console has no role that edits; what has ended stays closed to it too."""
    if not actor.is_system:
        return access.may(actor, "edit", record.spec, record)
    return access.Verdict(access.CLOSED.reason if record.spec.workflow.is_terminal(record.state) else None)


# Old records, as they were ----------------------------------------------------------------------------------------

class History(Load):
    """Records from before the system, with their own numbers, states and stamps. They are saved after all that they
    are pointed at from, because derived values ask the database who points here."""

    is_history = True

    def __init__(self, act: Act, tables: list[Table], counting: Sequence[str] = ()) -> None:
        super().__init__(act, tables)
        self.counting = list(counting)

    def known(self, spec: RecordType, number: str) -> int | None:
        return None

    def take_in(self) -> None:
        for table in self.tables:
            self.count_past(table)
        built = [(table.spec, [pair for row in table.rows if (pair := self.build(table.spec, row))])
                 for table in self.tables]
        for _, pairs in built:
            for record, _ in pairs:
                record.derive(self.act)
        built.reverse()   # of those whose turn is the same the last one first
        for spec, pairs in sorted(built, key=lambda part: self.turn(part[0])):
            self.save(spec, pairs)

    def turn(self, spec: RecordType) -> int:
        """What counts the others comes after them."""
        return self.counting.index(spec.name) + 1 if spec.name in self.counting else 0

    def count_past(self, table: Table) -> None:
        """Counting goes on behind the highest number; a number that is in use is refused."""
        model = table.spec.model
        used = set(self.session.scalars(sa.select(model.number).where(model.number.is_not(None))))
        given = {_text(row.cells.get("number")): row for row in table.rows}
        for number in used & set(given):
            self.refuse(given[number], "number", USED.with_(label=lists.BASE["number"].label, given=number))
        numbering.move_past(self.session, table.spec, [number for number in given if number])
        self.session.flush()

    def build(self, spec: RecordType, row: Row) -> tuple[Any, Row] | None:
        """The record with all that the row says, not yet in the session; None if the row is bad."""
        if id(row) in self.bad_rows or self.line_problems(row):
            return None
        record = spec.model(id=self.ids[id(row)], state=spec.workflow.initial, created_at=self.act.now,
                            created_by_id=self.act.actor.id)
        cells = {name: cell for name, cell in row.cells.items() if name not in ("id", "revision")}
        errors = self.take_base(record, cells)
        lines = {name: [line.cells for line in lines] for name, lines in row.lines.items()}
        errors |= checks.take(record, cells | lines, self.looks, free=True)
        if errors:
            self.refuse_all(row, errors)
            return None
        _default(record)
        if record.number is None and spec.numbered_at == "create":
            record.number = numbering.next_number(self.session, spec, office.local(record.created_at).date())
        record.updated_at = record.updated_at or _last_moment(record)
        self.act.arriving[spec.name, record.id] = record
        return record, row

    def take_base(self, record: Any, cells: dict[str, Any]) -> dict[str, Text]:
        """Number, state, creator ... as given; taken out of the cells."""
        errors = {}
        for name in KEPT_AS_GIVEN:
            if name in record.spec.fields or name not in cells:
                continue
            known = lists.column_field(record.spec, name)
            try:
                value = checks.parse(replace(known, length=60) if name == "number" else known, cells.pop(name), self.looks)
            except checks.Wrong as wrong:
                errors[name] = wrong.text.with_(label=known.label, **wrong.values)
                continue
            if value is not None:
                setattr(record, known.column, value)
        return errors

    def save(self, spec: RecordType, pairs: list[tuple[Any, Row]]) -> None:
        """Check and flush the records of a type, those that have ended first: derived values of the others look for
        them. Once a row is bad nothing more is flushed, only checked."""
        unique, flow = _Unique(self.session, spec), spec.workflow
        for has_ended in (True, False):
            group = [pair for pair in pairs if flow.is_terminal(pair[0].state) == has_ended]
            for start in range(0, len(group), BATCH):
                self.save_batch(group[start:start + BATCH], unique)
        self.created += len(pairs)

    def save_batch(self, pairs: list[tuple[Any, Row]], unique: _Unique) -> None:
        for record, row in pairs:
            record.derive(self.act)
            if errors := checks.missing(record, files=False) | unique.taken(record):
                self.refuse_all(row, errors)
        if not self.bad:
            for record, _ in pairs:
                if record.spec.workflow.is_signed_in(record.state):
                    self.ask_again(record)
            self.session.add_all(record for record, _ in pairs)
            self.session.flush()

    def ask_again(self, record: Any) -> None:
        """Whose old record waits for signatures gets its round, as submitted by its creator."""
        person, now = self.act.actor, self.act.now
        self.act.actor, self.act.now = replace(person, id=record.created_by_id), record.updated_at
        approvals.open_round(self.act, record)
        self.act.actor, self.act.now = person, now


def _default(record: Any) -> None:
    """Plain defaults for what the file is silent about; who and when are not guessed for old records."""
    for known in record.spec.fields.values():
        is_plain = known.kind in (Kind.BOOL, Kind.CHOICE, *NUMBERS) and known.default is not None
        if is_plain and getattr(record, known.column) is None:
            setattr(record, known.column, known.default)


def _last_moment(record: Any) -> datetime:
    """When an old record was touched last, as far as its stamps tell."""
    stamped = (getattr(record, name) for move in record.spec.workflow.moves for name in move.stamps
               if record.spec.fields[name].kind is Kind.DATETIME)
    return max([record.created_at, *(moment for moment in stamped if moment is not None)])


class _Unique:
    """The values that no two records of a type share, read once."""

    def __init__(self, session: Any, spec: RecordType) -> None:
        groups = [(name,) for name, known in spec.fields.items() if known.unique]
        self.spec, self.groups = spec, (*groups, *spec.unique)
        self.used: dict[tuple[Any, ...], tuple[int, str | None]] = {}
        model = spec.model
        for group in self.groups:
            columns = [getattr(model, spec.fields[name].column) for name in group]
            query = sa.select(model.id, model.number, *columns).where(model.state != VOID)
            for id_, number, *values in session.execute(query):
                self.used[group, *values] = id_, number

    def taken(self, record: Any) -> dict[str, Text]:
        if record.state == VOID:
            return {}
        errors = {}
        for group in self.groups:
            values = [getattr(record, self.spec.fields[name].column) for name in group]
            if not is_filled(values[-1]):
                continue
            id_, number = self.used.setdefault((group, *values), (record.id, record.number))
            if id_ != record.id:
                label = self.spec.fields[group[-1]].label
                errors[group[-1]] = checks.TAKEN.with_(label=label, number=number or "?")
        return errors
