"""One question about many records of a type: filtered, searched, sorted, cut to what the actor may see.

Core rows, not objects: links come as the title of what they point at by joins made here, so a list takes the same
number of statements whatever its columns and rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from re import compile as pattern
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.files import Attachment
from models.history import DeadlineClock
from models.people import Unit, User
from models.spec import NUMBERS, TEXTS, Choice, Field, Invalid, Kind, Period, RecordType, Text
from rules import access, checks, linked, office, search, shapes, spans

PAGE_SIZE = 50
PAGE_SIZES = (20, 50, 100, 200)
COUNT_LIMIT = 10_000
LOOKED_AT = 20_000   # of the newest rows, one by one
LAST_PAGE = 20_000   # offsets beyond a million rows are for the filter, not the pager

BASE = {
    "number": Field(Kind.TEXT, Text("编号", "Number"), "number", "number"),
    "state": Field(Kind.CHOICE, Text("状态", "State"), "state", "state"),
    "created_by": Field(Kind.USER, Text("填写人", "Created by"), "created_by", "created_by_id"),
    "created_at": Field(Kind.DATETIME, Text("填写时间", "Created at"), "created_at", "created_at"),
    "updated_at": Field(Kind.DATETIME, Text("更新时间", "Updated at"), "updated_at", "updated_at"),
    "department": Field(Kind.UNIT, Text("填写部门", "Department"), "department", "department"),
}
# Who signed a record: the last column of its exports, which an import leaves aside.
SIGNATURES = Field(Kind.TEXT, Text("会签", "Signatures"), "signatures", "")
SEVERAL = frozenset({Kind.CHOICE, Kind.PROVINCE, Kind.UNIT, Kind.LINK, Kind.USER})   # `state=draft,submitted`
RANGES = frozenset({Kind.DATE, Kind.DATETIME, Kind.PERIOD, Kind.QUARTER, *NUMBERS})
NAMED = frozenset({Kind.LINK, Kind.USER, Kind.UNIT, Kind.FILE})   # kept by a key, shown by the name of what it names
# The nearest limit of a record that is still to be kept: a column and a filter of every type with deadlines.
TIME_LEFT = Field(Kind.DATETIME, Text("剩余时间", "Time left"), "time_left", "time_left", choices=(
    Choice("late", Text("已超期", "Late")), Choice("today", Text("今日到期", "Due today"))))
# Which version of a row a list showed: what is done to several of them names it.
REVISION = Field(Kind.INTEGER, Text("版本", "Revision"), "revision", "revision")
QUANTITIES = ("quantity", "_count", "_hours", "_minutes")
ME = "me"                         # the person who looks, in filters by people
EMPTY, FILLED = "empty", "filled"   # filters by whether a field says anything: `empty=customer,due_on`
BAD_FILTER = Text("筛选条件“{name}”不能用", "The filter “{name}” cannot be used")
_GROUPED = pattern(r"(any[0-9]?)\.(.+)")   # `any.state=...&any.amount__from=...`: one of them is enough


def column_field(spec: RecordType, name: str) -> Field:
    """A declared field, or one of those that every record has; `state` with the type's own states."""
    if name in (TIME_LEFT.name, REVISION.name):
        return TIME_LEFT if name == TIME_LEFT.name else REVISION
    if name == "state":
        return _state_field(spec.model)
    return spec.fields.get(name) or BASE[name]


@cache
def _state_field(model: Any) -> Field:
    named = tuple(Choice(state.name, state.label) for state in model.spec.workflow.states)
    return Field(Kind.CHOICE, BASE["state"].label, "state", "state", choices=named)


@dataclass(frozen=True)
class Question:
    """What a list page, an export or a report's drill-down asks."""

    filters: Mapping[str, str] = field(default_factory=dict)   # `customer`, `received_at__from`, `received_at__to`
    search: str = ""
    sort: str = ""            # a column, with `-` for descending; newest first otherwise
    ids: Any = None           # a select of ids, for drill-downs


def conditions(spec: RecordType, actor: access.Actor, question: Question, looks: checks.Looks) -> list[Any]:
    """The WHERE of a question. Raises Invalid for a filter that cannot be used or a value that cannot be read."""
    found = [] if (scope := access.scope_clause(actor, spec)) is None else [scope]
    errors: dict[str, Text] = {}
    groups: dict[str, dict[str, list[Any]]] = {}
    for name, raw in question.filters.items():
        if not raw.strip():
            continue
        group, asked = grouped(name)
        base = asked.partition("__")[0]
        try:
            clause = _condition(spec, actor, asked, raw, looks)
        except checks.Wrong as wrong:
            errors[name] = wrong.text.with_(label=column_field(spec, base).label, **wrong.values)
            continue
        groups.setdefault(group, {}).setdefault(base, []).append(clause)
    checks.refuse(errors)
    for group, clauses in groups.items():   # both ends of a range belong together, also where one of several is enough
        joined = [sa.and_(*both) for both in clauses.values()]
        found += [sa.or_(*joined)] if group else joined
    if typed := _typed(question):
        found.append(search.condition(spec, actor, typed))
    if question.ids is not None:
        found.append(spec.model.id.in_(question.ids))
    return found


def _typed(question: Question) -> str:
    return checks.without_controls(question.search).strip()[:100]


def grouped(name: str) -> tuple[str, str]:
    """(the group of conditions of which one is enough, or nothing; the condition)."""
    match = _GROUPED.fullmatch(name)
    return (match[1], match[2]) if match else ("", name)


def filterable(spec: RecordType, actor: access.Actor) -> list[str]:
    """What the type offers to filter by, and the columns it shows."""
    shown = [name for name in spec.list if name not in (*spec.filters, "number")
             and column_field(spec, name).kind not in (Kind.FILE, Kind.LONGTEXT)]
    return [name for name in (*spec.filters, *shown) if not is_masked(spec, actor, name)]


def is_masked(spec: RecordType, actor: access.Actor, name: str) -> bool:
    """A masked column is no filter, no order and no total for who does not see it."""
    return name in spec.private and not access.sees_private(actor, spec)


def _condition(spec: RecordType, actor: access.Actor, name: str, raw: str, looks: checks.Looks) -> Any:
    if name == TIME_LEFT.name and spec.deadlines and all(map(TIME_LEFT.choice_label, raw.split(","))):
        return sa.or_(*(spec.model.id.in_(_with_limit(spec, when)) for when in raw.split(",")))
    known = filterable(spec, actor)
    if name in (EMPTY, FILLED):
        return _saying_nothing(spec, {*known, *BASE}, name, raw)
    base, _, side = name.partition("__")
    shown = column_field(spec, base) if base in known or base in BASE else None
    if shown is None or side not in ("", "from", "to") or (side and shown.kind not in RANGES):
        raise Invalid({name: BAD_FILTER.with_(name=name[:60])})
    column = getattr(spec.model, shown.column)
    if shown.kind is Kind.MULTICHOICE:
        return sa.and_(sa.true(), *(sa.cast(column, sa.Text).contains(f'"{value}"', autoescape=True)
                                    for value in checks.parse(shown, raw, looks)))
    if shown.kind in (Kind.DATE, Kind.DATETIME):
        return _time_condition(shown, column, raw, side, looks)
    if shown.kind in SEVERAL:
        values = [_one_of(shown, part, actor, looks) for part in raw.split(",") if part]
        return column == values[0] if len(values) == 1 else column.in_(values)
    if shown.kind in (Kind.PERIOD, Kind.QUARTER):
        raw = spans.period(raw, 3 if shown.kind is Kind.QUARTER else 1, office.today()) or raw
    value = checks.parse(shown, raw, looks)
    if shown.kind in TEXTS:
        return column.contains(value, autoescape=True)
    return column >= value if side == "from" else column <= value if side == "to" else column == value


def _one_of(shown: Field, raw: str, actor: access.Actor, looks: checks.Looks) -> Any:
    return actor.id if shown.kind is Kind.USER and raw == ME else checks.parse(shown, raw, looks)


def _saying_nothing(spec: RecordType, known: Collection[str], name: str, raw: str) -> Any:
    """All of the named fields are empty, or all of them say something."""
    if not set(raw.split(",")) <= set(known):
        raise Invalid({name: BAD_FILTER.with_(name=f"{name}={raw[:60]}")})
    clauses = []
    for shown in (column_field(spec, one) for one in raw.split(",")):
        column = getattr(spec.model, shown.column)
        if shown.kind is Kind.MULTICHOICE:
            column = sa.func.nullif(sa.func.nullif(sa.cast(column, sa.Text), "[]"), "null")
        elif shown.kind in TEXTS:
            column = sa.func.nullif(column, "")
        clauses.append(column.is_(None) if name == EMPTY else column.is_not(None))
    return sa.and_(*clauses)


def _with_limit(spec: RecordType, when: str) -> Any:
    """The ids of the records of which a limit has passed, or ends today."""
    clock, now = DeadlineClock, office.now()
    until = [clock.due_at < now]
    if when == "today":
        today = office.local(now).date()
        until = [clock.due_at >= office.start_of(today), clock.due_at <= office.end_of(today)]
    return sa.select(clock.record_id).where(clock.type == spec.name, clock.state == "running", *until)


def _next_limit(spec: RecordType) -> Any:
    clock = DeadlineClock
    return sa.select(sa.func.min(clock.due_at)).where(
        clock.type == spec.name, clock.record_id == spec.model.id, clock.state == "running").scalar_subquery()


def _time_condition(shown: Field, column: Any, raw: str, side: str, looks: checks.Looks) -> Any:
    """A day, a month, a quarter, a year, `last_month`, or one side of such a span; days of the office."""
    start, end = _span(shown, raw, looks)
    span: tuple[Any, Any] = (start, end)
    if shown.kind is Kind.DATE:
        span = (office.local(start).date(), office.local(end).date())
    if side == "from":
        return column >= span[0]
    return column < span[1] if side == "to" else sa.and_(column >= span[0], column < span[1])


def _span(shown: Field, raw: str, looks: checks.Looks) -> tuple[datetime, datetime]:
    if (days := spans.days(raw, office.today())) is not None:
        return office.start_of(days[0]), office.start_of(days[1])
    try:
        return office.bounds(Period.parse(raw))
    except ValueError:
        day = checks.parse(Field(Kind.DATE, shown.label), raw, looks)
        return office.start_of(day), office.start_of(day + timedelta(days=1))


def is_of_the_past(spec: RecordType, question: Question, looks: checks.Looks) -> bool:
    """Is a span of days asked for that has ended? The conditions can be read, as `conditions` found."""
    return any(_has_ended(spec, name, raw, looks) for name, raw in question.filters.items() if raw.strip())


def _has_ended(spec: RecordType, name: str, raw: str, looks: checks.Looks) -> bool:
    base, _, side = name.partition("__")
    if side == "from" or not (base in spec.fields or base in BASE):
        return False
    shown = column_field(spec, base)
    return shown.kind in (Kind.DATE, Kind.DATETIME) and _span(shown, raw, looks)[1] <= office.now()


def sorting(spec: RecordType, sort: str, actor: access.Actor) -> str:
    """The sort, or nothing where the column is unknown, or masked for the actor."""
    name = sort.removeprefix("-")
    is_known = name in spec.fields or name in BASE or (name == TIME_LEFT.name and bool(spec.deadlines))
    return sort if is_known and not is_masked(spec, actor, name) else ""


def order(spec: RecordType, sort: str, actor: access.Actor) -> list[Any]:
    """The sort with the key as tie-breaker; newest first where there is none."""
    sort, key = sorting(spec, sort, actor), spec.model.id
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if not name:
        return [key.desc()]
    if name == TIME_LEFT.name:   # what has no limit comes last, either way
        limit = _next_limit(spec)
        return [(limit.desc() if down else limit.asc()).nulls_last(), key.asc()]
    shown = column_field(spec, name)
    column = getattr(spec.model, shown.column)
    if shown.kind in NAMED:  # by what the reader sees
        _, target, title = _target(shown)
        column = sa.select(title).where(target == column).scalar_subquery()
    elif shown.kind is Kind.MULTICHOICE:  # PostgreSQL has no order of JSON
        column = sa.cast(column, sa.Text)
    return [column.desc(), key.desc()] if down else [column.asc(), key.asc()]


Ready = tuple[Any, dict[str, Any]]   # a statement, and the values to run it with
LIMIT: Any = sa.bindparam("limit", type_=sa.Integer)
OFFSET: Any = sa.bindparam("offset", type_=sa.Integer)


@dataclass(frozen=True, eq=False)
class Columns:
    """The joined select of a list: `fields[i]` is shown from the row's value i + 2 (id and state come first)."""

    fields: tuple[Field, ...]
    targets: tuple[Any, ...]
    joins: tuple[tuple[Any, Any], ...]


def columns(spec: RecordType, names: Sequence[str]) -> Columns:
    """Resolve the columns once; a link shows its target's title, a person, unit or file its name."""
    fields, targets, joins = [], [], []
    for name in names:
        shown = column_field(spec, name)
        column = _next_limit(spec) if shown is TIME_LEFT else getattr(spec.model, shown.column)
        if shown.kind in NAMED:
            target, key, title = _target(shown)
            joins.append((target, key == column))
            column = title
        fields.append(shown)
        targets.append(column)
    return Columns(tuple(fields), tuple(targets), tuple(joins))


def numbered(model: Any) -> Any:
    """What a record without a title is called, in SQL: its number, and `#` with its id until it has one."""
    return sa.func.coalesce(model.number, sa.literal("#").concat(sa.cast(model.id, sa.String)))


def _target(shown: Field) -> tuple[Any, Any, Any]:
    if shown.kind is Kind.USER:
        people = sa.orm.aliased(User)
        return people, people.id, people.name
    if shown.kind is Kind.UNIT:
        units = sa.orm.aliased(Unit)
        return units, units.code, units.name
    if shown.kind is Kind.FILE:
        files = sa.orm.aliased(Attachment)
        return files, files.id, files.name
    spec = Record.types[shown.to]
    model = sa.orm.aliased(spec.model)
    title = getattr(model, spec.fields[spec.title].column) if spec.title else model.number
    return model, model.id, sa.func.coalesce(title, numbered(model))


def select(spec: RecordType, cols: Columns, where: Sequence[Any], ordering: Sequence[Any], *, limit: Any = None,
           offset: Any = 0, of: Any = None) -> Any:
    """The rows of a question. With a limit the page's ids are found first, so deep pages join only what they show; `of` is
    another way to find them."""
    model = spec.model
    query = sa.select(model.id, model.state, *cols.targets).select_from(model)
    for target, on in cols.joins:
        query = query.outerjoin(target, on)
    if limit is None:
        return query.where(*where).order_by(*ordering)
    if of is None:
        of = sa.select(model.id).where(*where).order_by(*ordering).limit(limit).offset(offset)
    ids = of.subquery()
    return query.join(ids, ids.c.id == model.id).order_by(*ordering)


def page(spec: RecordType, cols: Columns, where: Sequence[Any], sort: str, actor: access.Actor, *,
         is_past: bool = False, are_many: bool = False, is_front: bool = False) -> Ready:
    """The select of one page, to be run with its values, its `limit` and `offset`. Of the past (`is_of_the_past`) the rows
    are found first and put in order then: the newest are none of them, so a database must not begin with those. Many rows
    (more than are counted) are not put in order one by one if they can be by what they name; `is_front` is a page among
    the first `linked.FRONT` of them."""
    sort = sorting(spec, sort, actor)
    key = spec.model.id
    ordering = [(key + sa.literal_column("0")).desc()] if is_past and not sort else order(spec, sort, actor)
    return shapes.ready((cols, sort, is_past, are_many, is_front), where, lambda told: select(
        spec, cols, told, ordering, limit=LIMIT, offset=OFFSET, of=_by_name(spec, sort, told, is_front) if are_many else None))


def _by_name(spec: RecordType, sort: str, where: Sequence[Any], is_front: bool) -> Any:
    """The ids of a page in the order of what its rows name; None for another order."""
    name = sort.removeprefix("-")
    shown = column_field(spec, name) if name else REVISION
    if shown.kind is not Kind.LINK:   # of other columns there may be no index to count by
        return None
    return linked.ids(spec.model, getattr(spec.model, shown.column), _target(shown), where, down=sort.startswith("-"),
                      is_front=is_front, limit=LIMIT, offset=OFFSET)


def page_of_newest(spec: RecordType, cols: Columns, question: Question, actor: access.Actor, looks: checks.Looks) -> Ready:
    """The page if it is among the newest rows, else less than a page. On a server, where many rows hold what was typed, it
    is quicker to look at these one by one than to put all in order."""
    rest = conditions(spec, actor, replace(question, search=""), looks)
    newest = sa.select(sa.func.max(sa.orm.aliased(spec.model).id)).scalar_subquery()
    where = [*rest, search.one_by_one(spec, actor, _typed(question)), spec.model.id > newest - LOOKED_AT]
    return page(spec, cols, where, "", actor)


def page_beside(spec: RecordType, cols: Columns, where: Sequence[Any], *, after: int = 0, before: int = 0) -> Ready:
    """The newest-first page behind the row `after`, or ahead of the row `before` (then the other way round): however
    deep, it reads only what it shows."""
    key = spec.model.id
    bound, ordering = (key > before, key.asc()) if before else (key < after, key.desc())
    return shapes.ready((cols, "before" if before else "after"), [*where, bound], lambda told: select(
        spec, cols, told, [ordering], limit=LIMIT))


def totalled(spec: RecordType, actor: access.Actor) -> list[Field]:
    """The columns of which a sum says something: amounts of money and quantities that are not a share or a year."""
    return [field for name, field in spec.fields.items()
            if field.kind in (Kind.MONEY, Kind.INTEGER, Kind.DECIMAL) and not is_masked(spec, actor, name)
            and (field.kind is Kind.MONEY or name.endswith(QUANTITIES))]


def by_state(spec: RecordType, fields: Sequence[Field], where: Sequence[Any]) -> Any:
    """Per state how many rows, and the sums of these fields: one statement for the strip of states and the totals."""
    sums = [sa.func.sum(getattr(spec.model, field.column)) for field in fields]
    return sa.select(spec.model.state, sa.func.count(), *sums).where(*where).group_by(spec.model.state)


def counted(spec: RecordType, actor: access.Actor, question: Question, where: Sequence[Any]) -> Ready:
    """How many rows, counted up to COUNT_LIMIT + 1: beyond, the exact number is not worth the wait. Where nothing but words
    was asked, their index knows."""
    typed = _typed(question)
    if typed and len(where) == 1 and (found := search.counted(spec, actor, typed, COUNT_LIMIT + 1)):
        return found
    return shapes.ready((spec.model, "count"), where, lambda told: _counted(spec.model, told))


def _counted(model: Any, where: Sequence[Any]) -> Any:
    few = sa.select(sa.literal(1)).select_from(model).where(*where).limit(COUNT_LIMIT + 1).subquery()
    return sa.select(sa.func.count()).select_from(few)


def named_by(shown: Field) -> tuple[Any, Any, Any]:
    """(table, key, what people read) of what a link, person, unit or file names, for rows of child tables."""
    return _target(shown)
