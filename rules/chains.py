"""Chains: what a record came from, what came of it, and how the next one starts from it.

A record belongs to a chain through its links, those of its child tables, and the number of its source. Links to master
files are no chain: a customer is what records are about, not where they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.history import AuditEntry
from models.spec import CALLED_OFF, Field, Kind, RecordType
from rules import access, checks, records

# How a record names its source where that may be of many types: by the type's name and the number.
SOURCE_TYPE, SOURCE_NUMBER = "source_type", "source_number"
MASTER = "master"
NEWEST = 6          # of what came of a record, on its page; the list behind it shows the rest
STEPS = 6           # links from a record to the far end of its chain
LONGEST = 80        # records of a chain that are shown
# What the next record takes over from its source where both call it the same. Moments, amounts and signatures are of
# the record itself.
TAKEN_OVER = frozenset({Kind.LINK, Kind.UNIT, Kind.CHOICE, Kind.PROVINCE, Kind.TEXT, Kind.LONGTEXT, Kind.PHONE, Kind.EMAIL})
OF_ITS_OWN = frozenset({"remark", SOURCE_TYPE, SOURCE_NUMBER})

Key = tuple[str, int]   # type and id


@dataclass(frozen=True)
class Edge:
    """One way in which records of `spec` name records of `target`: (id of the one, id of the other) as SQL."""

    spec: RecordType
    target: str
    from_id: Any
    to_id: Any
    where: tuple[Any, ...] = ()

    def pairs(self, *conditions: Any) -> Any:
        return sa.select(sa.literal(self.spec.name), self.from_id, sa.literal(self.target), self.to_id).where(
            self.to_id.is_not(None), *self.where, *conditions)


_edges: dict[int, tuple[Edge, ...]] = {}


def edges() -> tuple[Edge, ...]:
    """Every way in which one type names another; made once."""
    if len(Record.types) not in _edges:
        _edges[len(Record.types)] = tuple(edge for spec in Record.types.values() for edge in _edges_of(spec))
    return _edges[len(Record.types)]


def _edges_of(spec: RecordType) -> Iterator[Edge]:
    for field in spec.fields.values():
        if field.to:
            yield Edge(spec, field.to, spec.model.id, getattr(spec.model, field.column))
    for child in spec.lines.values():
        for field in child.fields.values():
            if field.to:
                yield Edge(spec, field.to, child.model.record_id, getattr(child.model, field.column))
    if {SOURCE_TYPE, SOURCE_NUMBER} <= set(spec.fields):
        for choice in spec.fields[SOURCE_TYPE].choices:
            if choice.value in Record.types:
                target = Record.types[choice.value].model
                yield Edge(spec, choice.value, spec.model.id, target.id, (
                    getattr(spec.model, SOURCE_TYPE) == choice.value,
                    getattr(spec.model, SOURCE_NUMBER) == target.number))


def is_step(edge: Edge) -> bool:
    return Record.types[edge.target].area != MASTER


# Where a record stands --------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Node:
    """A record of the chain as a list of them shows it."""

    spec: RecordType
    id: int
    number: str
    called: str
    state: str
    created_at: datetime


@dataclass(frozen=True)
class Neighbours:
    came_from: tuple[Node, ...]
    came_of_it: tuple[Node, ...]      # the newest of each type


def neighbours(session: Any, actor: access.Actor, record: Any) -> Neighbours:
    """What the record names and what names it, as far as the actor may see it: two statements."""
    spec, questions = record.spec, []
    for edge in edges():
        if edge.spec is spec and is_step(edge):
            questions.append(edge.pairs(edge.from_id == record.id))
        if edge.target == spec.name and access.may(actor, "view", edge.spec):
            newest = edge.pairs(edge.to_id == record.id).order_by(edge.from_id.desc()).limit(NEWEST).subquery()
            questions.append(sa.select(newest))
    before, after = set(), set()
    for type_, id_, target, target_id in _asked(session, questions):
        if (type_, id_) == (spec.name, record.id):
            before.add((target, target_id))
        if (target, target_id) == (spec.name, record.id):
            after.add((type_, id_))
    found = _nodes(session, actor, before | after)
    mutual = before & after   # records that name each other: the older one was first
    after -= {key for key in mutual if key in found and found[key].created_at <= record.created_at}
    before -= after & mutual
    return Neighbours(tuple(node for key, node in found.items() if key in before),
                      tuple(node for key, node in found.items() if key in after))


def naming(spec: RecordType, target: str, id_: int) -> Any:
    """The ids of the records of a type that name this one, as a select."""
    found = [edge.pairs(edge.to_id == id_).with_only_columns(edge.from_id)
             for edge in edges() if edge.spec is spec and edge.target == target]
    return sa.union(*found) if found else sa.select(spec.model.id).where(sa.false())


def whole(session: Any, actor: access.Actor, record: Any) -> tuple[Node, ...]:
    """The record's chain, oldest first: all that can be reached through records that the actor may see, up to
    `LONGEST` of them; two statements a step."""
    start = (record.spec.name, record.id)
    known = _nodes(session, actor, {start})
    frontier = set(known)
    for _ in range(STEPS):
        if not frontier or len(known) >= LONGEST:
            break
        reached = {key for row in _asked(session, list(_around(actor, frontier))) for key in (row[:2], row[2:])}
        found = _nodes(session, actor, reached - set(known))
        frontier = set(list(found)[:LONGEST - len(known)])
        known |= {key: found[key] for key in frontier}
    return tuple(sorted(known.values(), key=lambda node: (node.created_at, node.spec.name, node.id)))


def _around(actor: access.Actor, keys: Iterable[Key]) -> Iterator[Any]:
    ids: dict[str, list[int]] = {}
    for type_, id_ in keys:
        ids.setdefault(type_, []).append(id_)
    for edge in edges():
        if not is_step(edge) or not access.may(actor, "view", edge.spec):
            continue
        if edge.spec.name in ids:
            yield edge.pairs(edge.from_id.in_(ids[edge.spec.name]))
        if edge.target in ids:
            yield sa.select(edge.pairs(edge.to_id.in_(ids[edge.target])).limit(LONGEST).subquery())


def _asked(session: Any, questions: list[Any]) -> list[tuple[str, int, str, int]]:
    return [tuple(row) for row in session.execute(sa.union_all(*questions))] if questions else []


def _nodes(session: Any, actor: access.Actor, keys: Iterable[Key]) -> dict[Key, Node]:
    """Those of these records that the actor may see, newest first."""
    ids: dict[str, list[int]] = {}
    for type_, id_ in keys:
        if access.may(actor, "view", Record.types[type_]):
            ids.setdefault(type_, []).append(id_)
    questions = [access.visible(_node(Record.types[name], actor).where(Record.types[name].model.id.in_(sorted(some))),
                                actor, Record.types[name]) for name, some in sorted(ids.items())]
    if not questions:
        return {}
    rows = session.execute(sa.union_all(*questions))
    found = [Node(Record.types[name], id_, number or "", called or "", state, created_at)
             for name, id_, number, called, state, created_at in rows]
    found.sort(key=lambda node: (node.created_at, node.id), reverse=True)
    return {(node.spec.name, node.id): node for node in found}


def _node(spec: RecordType, actor: access.Actor) -> Any:
    is_shown = spec.title and (spec.title not in spec.private or access.sees_private(actor, spec))
    called = getattr(spec.model, spec.fields[spec.title].column) if is_shown else sa.null()
    return sa.select(sa.literal(spec.name).label("type"), spec.model.id, spec.model.number,
                     sa.cast(called, sa.String).label("called"), spec.model.state, spec.model.created_at)


def entries(session: Any, nodes: Iterable[Node], limit: int) -> list[AuditEntry]:
    """What was done with the records of a chain, oldest first: created, moved, acknowledged."""
    ids: dict[str, list[int]] = {}
    for node in nodes:
        ids.setdefault(node.spec.name, []).append(node.id)
    told = sa.or_(AuditEntry.action.in_(("create", "import", "acknowledge")), AuditEntry.action.like("move:%"))
    of = sa.or_(*(sa.and_(AuditEntry.type == name, AuditEntry.record_id.in_(some)) for name, some in ids.items()))
    query = sa.select(AuditEntry).where(of, told).order_by(AuditEntry.at.desc(), AuditEntry.id.desc()).limit(limit)
    return list(session.scalars(query))[::-1]


# The next one -----------------------------------------------------------------------------------------------------

def next_types(actor: access.Actor, record: Any) -> list[RecordType]:
    """What the actor may create from here."""
    if record.state in CALLED_OFF:
        return []
    return [spec for spec in Record.types.values()
            if record.spec.name in spec.links_in and access.may(actor, "create", spec)]


def start(act: Any, spec: RecordType, source: Any) -> Any:
    """A new record, not kept, that names its source and has taken over what both call the same."""
    record = records.blank(act, spec)
    closed, plain = checks.read_only(spec), access.sees_private(act.actor, source.spec)
    for name, field in spec.fields.items():
        if name not in closed:
            _take_over(record, field, source, plain)
    record.start_from(source, act)
    return record


def _take_over(record: Any, field: Field, source: Any, plain: bool) -> None:
    present, theirs = getattr(record, field.column), source.spec.fields.get(field.name)
    if field.to == source.spec.name:
        setattr(record, field.column, source.id)
    elif field.name == SOURCE_NUMBER:
        setattr(record, field.column, source.number)
    elif field.name == SOURCE_TYPE and field.choice_label(source.spec.name):
        setattr(record, field.column, source.spec.name)
    elif present is None and theirs is not None and _is_the_same(field, theirs) and (plain or not theirs.private):
        setattr(record, field.column, getattr(source, theirs.column))


def _is_the_same(ours: Field, theirs: Field) -> bool:
    return (ours.kind is theirs.kind and ours.kind in TAKEN_OVER and ours.to == theirs.to
            and ours.choices == theirs.choices and ours.name not in OF_ITS_OWN)
