"""Which record types there are. Loads them, and stops the start at the first wrong declaration."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping

from sqlalchemy.orm import configure_mappers
from sqlalchemy.sql.ddl import sort_tables_and_constraints

import models
from models.base import Record, db
from models.settings import PARAMETERS
from models.spec import (
    ADMINISTRATOR, APPROVER, AREAS, DRAFTER, NUMBERS, OWNER, ROLES, SIGNER, SUBMITTER, SYSTEM, Kind, RecordType, Text, Workflow,
    WrongDeclaration,
)
from rules import inline

RELATIONS = {OWNER, SUBMITTER, SIGNER, SYSTEM, DRAFTER, APPROVER}
BASE_COLUMNS = {"number", "state", "created_at", "updated_at", "created_by", "department"}


def load() -> Mapping[str, RecordType]:
    """Import every file of the area folders, check what it declares, and connect the classes."""
    for area in AREAS:
        package = f"{models.__name__}.{area}"
        try:
            module = importlib.import_module(package)
        except ModuleNotFoundError as missing:
            if missing.name != package:
                raise
            continue
        for info in pkgutil.iter_modules(module.__path__):
            try:
                importlib.import_module(f"{package}.{info.name}")
            except WrongDeclaration as wrong:   # from the vocabulary itself, before there is a type to check
                raise WrongDeclaration(f"Record type {info.name}: {wrong}") from None
    for spec in Record.types.values():
        check(spec)
    _open_circles()
    configure_mappers()
    return types()


def _open_circles() -> None:
    """Where types name each other in a circle, some key is added once all their tables are there."""
    *_, (_, circular) = sort_tables_and_constraints(db.metadata.tables.values())
    for key in circular:
        key.use_alter = True


def types() -> Mapping[str, RecordType]:
    """All types, in the order of the areas and then of their names."""
    order = list(AREAS)
    return {t.name: t for t in sorted(Record.types.values(), key=lambda t: (order.index(t.area), t.name))}


def type_named(name: str) -> RecordType | None:
    return Record.types.get(name)


def check(spec: RecordType) -> None:
    """Raise WrongDeclaration with one sentence that names the type and the cure."""
    for complaint in _complaints(spec):
        raise WrongDeclaration(f"Record type {spec.name}: {complaint}")


def _complaints(spec: RecordType) -> Iterator[str]:
    yield from _wrong_columns(spec)
    yield from inline.complaints(spec)
    yield from _wrong_roles(spec)
    yield from _wrong_moves(spec)
    yield from _wrong_deadlines(spec)
    yield from _wrong_charts(spec)


def _wrong_columns(spec: RecordType) -> Iterator[str]:
    known = {*spec.fields, *BASE_COLUMNS}
    named = {"list": spec.list, "search": spec.search, "filters": spec.filters,
             "title": (spec.title,) if spec.title else (),
             "found_by": (spec.found_by,) if spec.found_by else (), "unique": sum(spec.unique, ())}
    for where, columns in named.items():
        for column in columns:
            if column not in known:
                yield f"{where} names the unknown field {column!r}; declare it or take it out."
            elif where != "list" and column in spec.fields and spec.fields[column].kind is Kind.FILE:
                yield f"{where} names the file {column!r}, by which nobody asks; take it out."
    for field in [*spec.fields.values(), *(f for child in spec.lines.values() for f in child.fields.values())]:
        if field.to and field.to not in Record.types:
            yield f"{field.name} links to the unknown type {field.to!r}; declare that type or leave the link out."
    if spec.found_by and not (spec.found_by in spec.fields and spec.fields[spec.found_by].unique):
        yield f"found_by names {spec.found_by!r}, which several records may share; make that field unique."
    for role, path in spec.scope.items():
        head = path.partition(".")[0]
        if head != "id" and head not in spec.fields and head not in spec.lines:
            yield f"the scope of {role} follows the unknown field {path!r}; name a link, person, unit or child table."


def _wrong_roles(spec: RecordType) -> Iterator[str]:
    for role, letters in spec.access.items():
        if role not in ROLES or role == ADMINISTRATOR:
            yield f"access names the role {role!r}, which nobody may have here; use one of models.spec.ROLES."
        if set(letters) - set("CEVvXAK"):
            yield f"access of {role} has unknown letters in {letters!r}; use C E V v X A K."
        if "v" in letters and role not in spec.scope:
            yield f"{role} sees only its own rows (v) but has no scope; say which field is its own."
    yield from _wrong_steps(spec)


def _wrong_steps(spec: RecordType) -> Iterator[str]:
    steps = spec.workflow.approval
    if steps and not any(step.is_always_asked for step in steps):
        yield "no step of the approval is always asked, so a round could be empty; leave one without limit and condition."
    if len({step.role for step in steps}) < len(steps) or (steps and steps[0].beside):
        yield "the approval asks a role twice, or its first step beside none; ask each role once, in order."
    for step in steps:
        if step.when is not None and not isinstance(step.when.why, Text):
            yield f"the condition of {step.role} cannot say itself without a record; give it a sentence with `saying`."
        if "A" not in spec.access.get(step.role, ""):
            yield f"the approval asks {step.role}, who has no A; give it the letter A."
        if step.limit and step.limit not in PARAMETERS:
            yield f"the approval of {step.role} begins at {step.limit!r}, which is no parameter; declare it."
        if bool(step.limit) != (step.field in spec.fields):
            yield f"the approval of {step.role} compares the unknown field {step.field!r}; name a field and a limit."


def _wrong_moves(spec: RecordType) -> Iterator[str]:
    flow = spec.workflow
    known, reached = {state.name for state in flow.states}, _reachable(flow)
    for move in flow.moves:
        for name in (*move.source, move.to):
            if name not in known:
                yield f"the move {move.name} names the unknown state {name!r}; declare it."
        for role in move.by:
            if role not in RELATIONS and not spec.access.get(role):
                yield f"the move {move.name} is given to {role}, who has no access; give it access or take it out."
        for role in () if callable(move.tells) else move.tells:
            if role not in RELATIONS and not spec.access.get(role):
                yield f"the move {move.name} tells {role}, who has no access; give it access or take it out."
        for name in (*move.requires, *move.stamps):
            if name not in spec.fields and name not in spec.lines:
                yield f"the move {move.name} names the unknown field {name!r}; declare it."
        if (SIGNER in move.by or move.opens_round) and not flow.approval:
            yield f"the move {move.name} asks for signatures; declare the approval steps."
    for state in flow.states:
        if state.name not in reached:
            yield f"the state {state.name!r} is unreachable; add a move to it or take it out."


def _reachable(flow: Workflow) -> set[str]:
    reached = [flow.initial]
    for state in reached:
        reached += {move.to for move in flow.moves_from(state)} - set(reached)
    return set(reached)


def _wrong_deadlines(spec: RecordType) -> Iterator[str]:
    for deadline in spec.deadlines:
        if deadline.limit not in PARAMETERS and deadline.limit not in spec.fields:
            yield f"the deadline {deadline.name} has the unknown limit {deadline.limit!r}; name a parameter or field."
        for name in (deadline.starts, deadline.met_by):
            if name and name not in spec.fields:
                yield f"the deadline {deadline.name} names the unknown field {name!r}; declare it."
        if not deadline.met_by and deadline.limit in PARAMETERS:
            yield f"nothing meets the deadline {deadline.name}; name the field that does."
        if deadline.holder and (deadline.holder not in spec.fields or spec.fields[deadline.holder].kind is not Kind.USER):
            yield f"the deadline {deadline.name} is held by {deadline.holder!r}, which is no person; name a person field."
        if deadline.warn and deadline.warn not in PARAMETERS:
            yield f"the deadline {deadline.name} warns by the unknown {deadline.warn!r}; name a parameter."
        for state in deadline.during:
            if spec.workflow.state(state) is None:
                yield f"the deadline {deadline.name} runs in the unknown state {state!r}; declare it."
        if deadline.pauses and {"since_on", "until_on"} - set(getattr(spec.lines.get(deadline.pauses), "fields", ())):
            yield f"the deadline {deadline.name} pauses by {deadline.pauses!r}; name a child table with since_on, until_on."
        for word in deadline.tell:
            if word not in (OWNER, SIGNER) and not spec.access.get(word):
                yield f"the deadline {deadline.name} tells {word}, who has no access; give it access or take it out."
    if spec.copies and spec.copies.lines not in spec.lines:
        yield f"copies names the unknown child table {spec.copies.lines!r}; declare it."


def _wrong_charts(spec: RecordType) -> Iterator[str]:
    for chart in spec.charts:
        if chart.lines and chart.lines not in spec.lines:
            yield f"the chart {chart.label.en!r} is drawn from the unknown child table {chart.lines!r}; declare it."
            continue
        fields = spec.lines[chart.lines].fields if chart.lines else spec.fields
        for name in (*chart.of, chart.by, *chart.where, *chart.same):
            if name not in fields:
                yield f"the chart {chart.label.en!r} names the unknown field {name!r}; declare it or take it out."
            elif fields[name].private:
                yield f"the chart {chart.label.en!r} shows the private field {name!r}; take it out."
        for name in chart.of:
            if name in fields and fields[name].kind not in NUMBERS:
                yield f"the chart {chart.label.en!r} draws {name!r}, which is no number; name one that is."


def pointing_at(name: str) -> list[tuple[RecordType, str]]:
    """Every (type, link field) whose records may point at this type."""
    return [(spec, field.name) for spec in types().values() for field in spec.fields.values()
            if field.kind is Kind.LINK and field.to == name]
