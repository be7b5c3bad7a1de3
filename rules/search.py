"""Search everywhere: the index of all types' texts, kept in the transaction of the record, and asked with the rights of
whoever asks.

A record with private fields has two texts: one with them, which only those who see them are answered from, and one
without. An area that is off, another's rows and states that a role is not shown are left out by the same conditions as
everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.search import WORDS, SearchText, drop_words, make_words, matching
from models.spec import TEXTS, Field, RecordType
from rules import access, areas, registry, words

SHOWN = 50
CANDIDATES = 200   # the newest that match, of which the best are shown
HEAD = 300         # characters of a text by which it is ranked: they begin with number and title
BATCH = 500
ANSWERS = matching(sa.bindparam("fts5", type_=sa.String), sa.bindparam("tsquery", type_=sa.String))


# The text of a record ---------------------------------------------------------------------------------------------

def texts(record: Any) -> list[dict[str, Any]]:
    """The rows of the index that a record has: one, or two where it holds something private."""
    spec: RecordType = record.spec
    first = [record.number, getattr(record, spec.fields[spec.title].column) if spec.title else None]
    said = [(str(value), spec.title in spec.private and n == 1) for n, value in enumerate(first) if value]
    said += _said(record, spec.fields)
    for name, child in () if spec.compiled else spec.lines.items():   # the rows of a compiled record are its sources'
        if any(_is_text(field) for field in child.fields.values()):
            for row in getattr(record, name):
                said += _said(row, child.fields)
    open_ = _lines(text for text, is_private in said if not is_private)
    if all(not is_private for _, is_private in said):
        return [_row(record, "all", open_)]
    return [_row(record, "open", open_), _row(record, "plain", _lines(text for text, _ in said))]


def _said(row: Any, fields: Mapping[str, Field]) -> list[tuple[str, bool]]:
    """(text, is it private) of every text field."""
    return [(value, field.private) for field in fields.values() if _is_text(field) and (value := getattr(row, field.column))]


def _is_text(field: Field) -> bool:
    return field.kind in TEXTS and not field.machine


def _lines(said: Iterable[str]) -> str:
    """A line for each, short ones first behind number and title: what is too long to be looked at whole is the prose."""
    each = list(dict.fromkeys(said))
    return "\n".join([*each[:2], *sorted(each[2:], key=len)])


def _row(record: Any, reach: str, text: str) -> dict[str, Any]:
    number = words.joined(record.number)[:60] if record.number else None
    return {"type": record.spec.name, "record_id": record.id, "reach": reach, "number": number, "text": text}


def _kind(type_name: str, reach: str) -> str:
    """A word that no text has: rows of this type for those who see so much of them."""
    return f"_{type_name}_{reach}"


# Kept with the record ---------------------------------------------------------------------------------------------

def keep(session: Any, saved: Sequence[Any], *, are_new: bool = False) -> None:
    """The index says what these records say now. Called by each flush (rules/saving.py)."""
    wanted = {(row["type"], row["record_id"], row["reach"]): row for record in saved for row in texts(record)}
    old = {} if are_new else _kept(session, saved)
    gone = [id_ for key, (id_, number, text) in old.items()
            if key not in wanted or (wanted[key]["number"], wanted[key]["text"]) != (number, text)]
    new = [row for key, row in wanted.items() if key not in old or old[key][0] in set(gone)]
    connection = session.connection()
    if gone:
        connection.execute(sa.delete(WORDS).where(WORDS.c.rowid.in_(gone)))
        connection.execute(sa.delete(SearchText).where(SearchText.id.in_(gone)))
    if new:
        _write(connection, new)


def _kept(session: Any, saved: Sequence[Any]) -> dict[tuple[str, int, str], tuple[int, str | None, str]]:
    found: dict[tuple[str, int, str], tuple[int, str | None, str]] = {}
    for name, records in groupby(sorted(saved, key=_name), key=_name):
        row = SearchText
        query = sa.select(row.id, row.record_id, row.reach, row.number, row.text).where(
            row.type == name, row.record_id.in_([record.id for record in records]))
        found |= {(name, of, reach): (id_, number, text)
                  for id_, of, reach, number, text in session.connection().execute(query)}
    return found


def _name(record: Any) -> str:
    return record.spec.name


def _write(connection: Any, rows: list[dict[str, Any]]) -> None:
    table = SearchText.__table__
    ids = {tuple(key): id_ for id_, *key in connection.execute(
        sa.insert(table).returning(table.c.id, table.c.type, table.c.record_id, table.c.reach), rows)}
    connection.execute(sa.insert(WORDS), [
        {"rowid": ids[row["type"], row["record_id"], row["reach"]], "words": _words(row)} for row in rows])


def _words(row: Mapping[str, Any]) -> str:
    reaches = ("open", "plain") if row["reach"] == "all" else (row["reach"],)
    return words.words(row["text"].split("\n"), *(_kind(row["type"], reach) for reach in reaches))


def rebuild(session: Any) -> Iterator[int]:
    """Everything anew. Yields the number of records so far, each time when the caller should commit: nobody else waits
    longer than for one piece, and who saves meanwhile is kept as always."""
    connection = session.connection()
    connection.execute(sa.delete(SearchText))
    drop_words(connection)
    make_words(connection)
    count = 0
    yield count
    for spec in registry.types().values():
        last = 0
        while records := session.scalars(_piece(spec, last)).all():
            keep(session, records)
            last, count = records[-1].id, count + len(records)
            yield count
            session.expunge_all()


def _piece(spec: RecordType, last: int) -> Any:
    model = spec.model
    tables = () if spec.compiled else tuple(sa.orm.selectinload(getattr(model, name)) for name in spec.lines)
    return sa.select(model).where(model.id > last).order_by(model.id).limit(BATCH).options(*tables).with_for_update(of=model)


# Asked ------------------------------------------------------------------------------------------------------------

def condition(spec: RecordType, actor: access.Actor, typed: str) -> Any:
    """The SQL condition that a record of the type holds what was typed, as far as the actor sees its fields. Which rows
    the actor sees is another condition."""
    asked = words.question(typed, _kind(spec.name, _reach(actor, spec)))
    if asked is None:
        return sa.false()
    answers = sa.and_(matching(asked.fts5, asked.tsquery),
                      *(SearchText.text.icontains(part, autoescape=True) for part in asked.beside))
    return spec.model.id.in_(sa.select(SearchText.record_id).join(WORDS, WORDS.c.rowid == SearchText.id).where(answers))


def one_by_one(spec: RecordType, actor: access.Actor, typed: str) -> Any:
    """The same condition, asked of each record by itself: for what so many hold that a few pages of the newest have it."""
    asked, row = words.question(typed), SearchText
    if asked is None:
        return sa.false()
    seen = row.reach.in_(("all", _reach(actor, spec)))
    texts = sa.select(sa.func.count()).select_from(row).join(WORDS, WORDS.c.rowid == row.id).where(
        row.type == spec.name, row.record_id == spec.model.id, seen, matching(asked.fts5, asked.tsquery),
        *(row.text.icontains(part, autoescape=True) for part in asked.beside))
    return texts.correlate(spec.model).scalar_subquery() > 0


def counted(spec: RecordType, actor: access.Actor, typed: str, most: int) -> tuple[Any, dict[str, Any]] | None:
    """How many records of the type hold what was typed, up to `most`: a statement and its values. Of each record one text
    has the word for what the actor sees of it, so the words alone are counted; nothing if they do not tell all."""
    asked = words.question(typed, _kind(spec.name, _reach(actor, spec)))
    if asked is None or asked.beside:
        return None
    return _count(), {"fts5": asked.fts5, "tsquery": asked.tsquery, "most": most}


@cache
def _count() -> Any:
    some = sa.select(sa.literal(1)).select_from(WORDS).where(ANSWERS).limit(sa.bindparam("most", type_=sa.Integer))
    return sa.select(sa.func.count()).select_from(some.subquery())


def _reach(actor: access.Actor, spec: RecordType) -> str:
    return "plain" if access.sees_private(actor, spec) else "open"


@dataclass(frozen=True)
class Hit:
    """A record that was found, with the text in which the actor may look for it."""

    spec: RecordType
    id: int
    number: str | None
    title: str | None
    state: str
    text: str


@dataclass(frozen=True)
class Answer:
    hits: Sequence[Hit] = ()
    types: Sequence[tuple[RecordType, int]] = ()   # of which the candidates are, and how many
    terms: tuple[str, ...] = ()
    is_all: bool = True                            # or are there more that match


def find(session: Any, actor: access.Actor, typed: str, only: RecordType | None = None) -> Answer:
    """The records of all types that the actor sees and that hold what was typed: the one with exactly this number first,
    then those that are called so, then the newest. Two statements, whatever was typed and found."""
    asked = words.question(typed, *([_kind(only.name, _reach(actor, only))] if only else ()))
    if asked is None:
        return Answer()
    # A server that cannot tell how rare the beginning of a word is would look through all rows for it, the newest first.
    is_narrow = asked.is_narrow and session.get_bind().dialect.name == "postgresql"
    types, query = _candidates(actor, only.name if only else "", areas.off(), len(Record.types), is_narrow)
    if not types:
        return Answer()
    given = {"fts5": asked.fts5, "tsquery": asked.tsquery, "code": asked.code}
    ranked = _ranked(session.connection().execute(query, given).all(), asked)
    counts: dict[str, int] = {}
    for row in ranked:
        counts[row.type] = counts.get(row.type, 0) + 1
    return Answer(_hits(session, actor, ranked[:SHOWN]), [(spec, counts[spec.name]) for spec in types if spec.name in counts],
                  asked.terms, len(ranked) < CANDIDATES)


def _seen(actor: access.Actor, types: Sequence[RecordType]) -> Any:
    """Of each type the texts that the actor may be answered from, and of these the rows that are theirs to see."""
    row = SearchText
    plain = [spec.name for spec in types if access.sees_private(actor, spec)]
    open_ = [spec.name for spec in types if spec.name not in plain]
    whole: list[str] = []
    own = []
    for spec in types:
        scope = access.scope_clause(actor, spec)
        if scope is None:
            whole.append(spec.name)
        else:
            own.append(sa.and_(row.type == spec.name, sa.exists().where(spec.model.id == row.record_id, scope)))
    reached = [sa.and_(_is_of(names), row.reach != other) for names, other in ((plain, "open"), (open_, "plain")) if names]
    return sa.and_(sa.or_(*reached), sa.or_(*([_is_of(whole)] if whole else ()), *own))


def _is_of(names: Sequence[str]) -> Any:
    """Names of types, which the code gave them, stand in the statement: a place for each costs more than the search."""
    return SearchText.type.in_([sa.literal_column(f"'{name}'", sa.String) for name in names])


@lru_cache(maxsize=500)
def _candidates(actor: access.Actor, only: str, _off: frozenset[str], _known: int,
                is_narrow: bool) -> tuple[list[RecordType], Any]:
    """The types that the actor may look into; and the select of the records of exactly this number, and of the newest that
    match. To build it takes longer than to run it, and it depends on nothing but what is given here."""
    types = [spec for spec in registry.types().values() if access.may(actor, "view", spec) and only in ("", spec.name)]
    if not types:
        return types, None
    row, seen = SearchText, _seen(actor, types)
    columns = (row.id, row.type, row.record_id, sa.func.substr(row.text, 1, HEAD).label("head"))
    exact = sa.select(*columns, sa.literal(1).label("is_exact")).where(row.number == sa.bindparam("code"), seen).limit(SHOWN)
    found = sa.select(*columns, sa.literal(0).label("is_exact")).join(WORDS, WORDS.c.rowid == row.id)
    newest = WORDS.c.rowid + sa.literal_column("0") if is_narrow else WORDS.c.rowid
    found = found.where(ANSWERS, seen).order_by(newest.desc()).limit(CANDIDATES)
    return types, sa.union_all(sa.select(exact.subquery()), sa.select(found.subquery()))


def _ranked(rows: Sequence[Any], asked: words.Question) -> list[Any]:
    each = {row.id: row for row in sorted(rows, key=lambda row: row.is_exact)}
    called = [words.pattern((term,)) for term in asked.terms]

    def rank(row: Any) -> tuple[bool, int, int]:
        name = "\n".join(row.head.split("\n")[:2])
        return not row.is_exact, -sum(bool(one.search(name)) for one in called), -row.id
    return sorted(each.values(), key=rank)


def _hits(session: Any, actor: access.Actor, rows: Sequence[Any]) -> list[Hit]:
    if not rows:
        return []
    ids: dict[str, list[int]] = {}
    for row in rows:
        ids.setdefault(row.type, []).append(row.id)
    query = _told(tuple((Record.types[name].model, _is_title_open(actor, Record.types[name])) for name in ids))
    told = {id_: rest for id_, *rest in session.connection().execute(query, ids)}
    return [Hit(Record.types[row.type], row.record_id, *told[row.id]) for row in rows]


def _is_title_open(actor: access.Actor, spec: RecordType) -> bool:
    return bool(spec.title) and (spec.title not in spec.private or access.sees_private(actor, spec))


@lru_cache(maxsize=500)
def _told(asked: tuple[tuple[Any, bool], ...]) -> Any:
    """What the records of these texts are called, where they stand, and the texts; to be run with the ids of each type.
    Built once for the same types."""
    return sa.union_all(*(_told_of(model, is_open) for model, is_open in asked))


def _told_of(model: Any, is_open: bool) -> Any:
    spec, row = model.spec, SearchText
    title = getattr(model, spec.fields[spec.title].column) if is_open else sa.null()
    these = row.id.in_(sa.bindparam(spec.name, expanding=True, type_=row.id.type))
    return sa.select(row.id, model.number, sa.cast(title, sa.Text), model.state, row.text).join(
        model, model.id == row.record_id).where(these)
