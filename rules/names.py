"""Names in an import file: what number, title key, user name or department a cell means. Read once per target type."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.people import Unit, User
from models.spec import VOID, RecordType, Text
from rules import access, checks

AMBIGUOUS = Text("“{label}”有多条记录叫“{given}”，请改填编号", "“{label}”: several records are called “{given}”, give the number")
NOT_NAMED = Text("“{label}”找不到“{given}”", "“{label}”: “{given}” was not found")


@dataclass
class Book:
    """The records of one type by number and by title key; those that just arrive are entered too."""

    numbers: dict[str, int] = field(default_factory=dict)
    titles: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    states: dict[int, str] = field(default_factory=dict)

    def enter(self, id_: int, state: str, number: str | None, titles: list[str]) -> None:
        self.states[id_] = state
        if number:
            self.numbers[number] = id_
        if state != VOID:
            for title in titles:
                self.titles[title].add(id_)


@dataclass
class Names:
    """What the cells of one import may name: the records that the actor may see, people, departments."""

    session: Any
    actor: access.Actor
    is_history: bool = False
    _books: dict[str, Book] = field(default_factory=dict)
    _people: dict[str, int] = field(default_factory=dict)
    _people_shown: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _units: dict[str, str] = field(default_factory=dict)

    def book(self, spec: RecordType) -> Book:
        if spec.name not in self._books:
            self._books[spec.name] = book = Book()
            columns = [getattr(spec.model, spec.fields[name].column) for name in title_keys(spec)]
            query = sa.select(spec.model.id, spec.model.state, spec.model.number, *columns)
            for id_, state, number, *titles in self.session.execute(access.visible(query, self.actor, spec)):
                book.enter(id_, state, number, [str(title) for title in titles if title])
        return self._books[spec.name]

    def record_id(self, type_name: str, given: str) -> int:
        """Raises Wrong if no record, or more than one, is called so."""
        spec = Record.types[type_name]
        book = self.book(spec)
        if given in book.numbers:
            return book.numbers[given]
        if given not in book.titles:
            named = checks.named_exactly(checks.Looks(self.session, self.actor), spec, given)
            if named is not None:
                book.enter(named.id, named.state, named.number, [given])
        return _only(book.titles.get(given, ()), given)

    def person_id(self, given: str) -> int:
        """By user name, else by the name that an export shows."""
        if not self._people:
            for id_, username, name in self.session.execute(sa.select(User.id, User.username, User.name)):
                self._people[username] = id_
                self._people_shown[name].append(id_)
        return self._people.get(given) or _only(self._people_shown.get(given, ()), given)

    def unit_code(self, given: str) -> str:
        if not self._units:
            for code, name in self.session.execute(sa.select(Unit.code, Unit.name)):
                self._units |= {name: code, code: code}
        if given not in self._units:
            raise checks.Wrong(checks.NOT_CHOICE, given=given[:40])
        return self._units[given]

    def state(self, spec: RecordType, id_: int) -> str | None:
        return self.book(spec).states.get(id_)


def title_keys(spec: RecordType) -> list[str]:
    """The fields by which people call a record beside its number."""
    return [name for name, f in spec.fields.items() if f.unique or name in (spec.title, "batch_no", "vin")]


def _only(found: Any, given: str) -> int:
    if len(found) != 1:
        raise checks.Wrong(AMBIGUOUS if found else NOT_NAMED, given=given[:40])
    return next(iter(found))
