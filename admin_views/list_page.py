"""What a list page says about what was asked: chips, the filter panel, columns, the strip of states, totals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from werkzeug.datastructures import MultiDict

from admin_views import choice_boxes
from models.base import Record, db
from models.spec import Field, Kind, RecordType, Text
from rules import access, exports, lists, spans

Pairs = tuple[tuple[str, str], ...]
# Words of a list's address that are no filter. Where the page stands is not part of a view that is kept.
PLACE = frozenset({"page", "after", "before", "lang", "view"})
LOOK = frozenset({"sort", "cols", "per_page"})
RESERVED = PLACE | LOOK | {"q", "header", "behind", "from"}
UNKNOWN_COLUMN = Text("链接中的列“{name}”现在没有，已略去", "The link names a column “{name}” that is not there: left out")

BEHIND, NAMING = Text("报表依据", "Counted in a report"), Text("来源记录", "Names the record")
SEARCH, IS_EMPTY, IS_FILLED = Text("搜索", "Search"), Text("为空", "Empty"), Text("已填", "Filled in")
FROM, TO = Text("从", "from"), Text("到", "to")
MINE, YES, NO = Text("我", "me"), Text("是", "Yes"), Text("否", "No")


def asked_of(arguments: Any) -> Pairs:
    """What an address asks, each name once: several values of one name are one filter, as several choices are."""
    found = []
    for name, values in arguments.lists():
        value = ",".join(one for one in values if one) if name not in ("q", "sort") else values[0]
        if value and name != "lang":
            found.append((name, value))
    return tuple(found)


def read_again(query: str) -> Pairs:
    """What a link says that came back with a form."""
    return without(asked_of(MultiDict(parse_qsl(query[:4000].lstrip("?")))))


def link(pairs: Iterable[tuple[str, str]]) -> str:
    return "?" + urlencode([*pairs], safe=",:", encoding="utf-8")


def without(asked: Pairs, *names: str) -> Pairs:
    return tuple(pair for pair in asked if pair[0] not in names and pair[0] not in PLACE)


# Columns ----------------------------------------------------------------------------------------------------------

def columns_of(spec: RecordType, asked: str, language: str) -> tuple[tuple[str, ...], list[str]]:
    """(the columns of the list, what is wrong with the words that named them). The first one opens the record and
    stays."""
    usual = (*spec.list, lists.TIME_LEFT.name) if spec.deadlines else tuple(spec.list)
    if not asked:
        return usual, []
    known = dict.fromkeys(to_choose(spec))
    named = dict.fromkeys(asked[:1500].split(","))
    strange = [UNKNOWN_COLUMN.with_(name=name[:40]).in_(language) for name in named if name and name not in known]
    return tuple(dict.fromkeys([usual[0], *(name for name in named if name in known)])), strange[:3]


def to_choose(spec: RecordType) -> list[str]:
    usual = [*spec.list, lists.TIME_LEFT.name] if spec.deadlines else [*spec.list]
    return list(dict.fromkeys([*usual, *(name for name, field in spec.fields.items() if not field.machine), *lists.BASE]))


def column_choices(spec: RecordType, shown: Sequence[str], language: str) -> tuple[tuple[str, str, bool], ...]:
    """(name, label, is shown) of every column, those that are shown first and in their order."""
    rest = [name for name in to_choose(spec) if name not in shown]
    return tuple((name, lists.column_field(spec, name).label.in_(language), name in shown)
                 for name in (*shown[1:], *rest) if name != shown[0])


def size_of(asked: str) -> int:
    return int(asked) if asked in map(str, lists.PAGE_SIZES) else lists.PAGE_SIZE


# The filter panel -------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Filter:
    name: str
    label: str
    kind: str                                     # choices, remote, bool, dates, months, span, text
    choices: Pairs = ()


_bars: dict[tuple[Any, ...], tuple[Filter, ...]] = {}


def filter_bar(spec: RecordType, actor: access.Actor, language: str) -> tuple[Filter, ...]:
    """The same for everybody with the same view of privacy, as the plan is."""
    key = (spec.model, language, access.sees_private(actor, spec))
    if key not in _bars:
        _bars[key] = tuple(_filters(spec, actor, language))
    return _bars[key]


def _filters(spec: RecordType, actor: access.Actor, language: str) -> Iterable[Filter]:
    names = list(dict.fromkeys([*lists.filterable(spec, actor), "created_by", "created_at"]))
    for name in names:
        if name == "state":   # the strip of states above the list
            continue
        field = lists.column_field(spec, name)
        yield Filter(name, field.label.in_(language), _kind(field),
                     tuple((value, label.in_(language)) for value, label in field.choices))
    if spec.deadlines:
        rows = tuple((value, label.in_(language)) for value, label in lists.TIME_LEFT.choices)
        yield Filter(lists.TIME_LEFT.name, lists.TIME_LEFT.label.in_(language), "choices", rows)
    fields = tuple((name, lists.column_field(spec, name).label.in_(language)) for name in names
                   if name not in ("state", "created_by", "created_at"))
    if fields:
        yield Filter(lists.EMPTY, IS_EMPTY.in_(language), "choices", fields)
        yield Filter(lists.FILLED, IS_FILLED.in_(language), "choices", fields)


def _kind(field: Field) -> str:
    if field.kind in (Kind.LINK, Kind.USER, Kind.UNIT):
        return "remote"
    if field.kind in (Kind.DATE, Kind.DATETIME):
        return "dates"
    if field.kind is Kind.BOOL:
        return "bool"
    if field.choices:
        return "choices"
    return {Kind.PERIOD: "months", Kind.QUARTER: "span"}.get(field.kind, "span" if field.kind in lists.RANGES else "text")


def spans_offered(language: str) -> Pairs:
    return tuple((word, (spans.label(word) or SEARCH).in_(language)) for word in spans.OFFERED)


# Chips ------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Chip:
    """One condition in words: the link without it, and the link that makes it one of several of which one is enough
    (or takes it out of these again)."""

    words: str
    value: str
    href: str
    other_way: str = ""
    group: str = ""


def chips(spec: RecordType, actor: access.Actor, asked: Pairs) -> tuple[Chip, ...]:
    conditions = [pair for pair in asked if pair[0] not in PLACE | LOOK]
    found = [_chip(spec, actor, asked, name, value) for name, value in conditions]
    return tuple(sorted(found, key=_group))   # those of one group beside each other


def _group(chip: Chip) -> str:
    return chip.group


def _chip(spec: RecordType, actor: access.Actor, asked: Pairs, name: str, value: str) -> Chip:
    language, href = actor.language, link(without(asked, name))
    if name in ("q", "behind", "from"):
        label = {"q": SEARCH, "behind": BEHIND, "from": NAMING}[name].in_(language)
        return Chip(label, ":".join(value.split(":")[2:]) if name == "behind" else value, href)
    group, condition = lists.grouped(name)
    base, _, side = condition.partition("__")
    turned = condition if group else f"any.{condition}"
    present = dict(asked)
    other_way = "" if turned in present else link((turned, v) if n == name else (n, v)
                                                  for n, v in asked if n not in PLACE)
    end = {"from": f" {FROM.in_(language)}", "to": f" {TO.in_(language)}"}.get(side, "")
    words = f"{_label(spec, base).in_(language)}{end}"
    return Chip(words, _value_words(spec, actor, base, value), href, other_way, group)


def _label(spec: RecordType, base: str) -> Text:
    if base in (lists.EMPTY, lists.FILLED):
        return IS_EMPTY if base == lists.EMPTY else IS_FILLED
    return lists.column_field(spec, base).label if _is_column(spec, base) else Text(base, base)


def _is_column(spec: RecordType, name: str) -> bool:
    return name in spec.fields or name in lists.BASE or name == lists.TIME_LEFT.name


def _value_words(spec: RecordType, actor: access.Actor, base: str, value: str) -> str:
    comma = "、" if actor.language == "zh" else ", "
    parts = value.split(",")
    if base in (lists.EMPTY, lists.FILLED):
        return comma.join(_label(spec, one).in_(actor.language) for one in parts)
    if not _is_column(spec, base):
        return value
    field = lists.column_field(spec, base)
    if field.kind in (Kind.LINK, Kind.USER, Kind.UNIT) and not lists.is_masked(spec, actor, base):
        return comma.join(_named(actor, field, parts))
    if field.kind is Kind.BOOL:
        return (YES if value == "true" else NO).in_(actor.language)
    if field.choices:
        labels = {choice: label.in_(actor.language) for choice, label in field.choices}
        return comma.join(labels.get(one, one) for one in parts)
    word = spans.label(value) if field.kind in lists.RANGES else None
    return word.in_(actor.language) if word else value


def _named(actor: access.Actor, field: Field, parts: Sequence[str]) -> list[str]:
    """What the links, people or departments of a filter are called: those that the person may see."""
    names = {lists.ME: MINE.in_(actor.language)} if field.kind is Kind.USER else {}
    wanted = [one for one in parts if one not in names and
              (field.kind is Kind.UNIT or (one.isdecimal() and len(one) < 19))]
    if wanted and field.kind is Kind.LINK:
        target = Record.types[field.to]
        seen = access.visible(sa.select(target.model.id).where(target.model.id.in_(map(int, wanted))), actor, target)
        wanted = [str(id_) for id_ in db.session.scalars(seen)]
    keys = wanted if field.kind is Kind.UNIT else [int(one) for one in wanted]
    names |= {str(key): str(title) for key, title in choice_boxes.titles_of(field, keys).items()}
    return [names.get(one, one if field.kind is Kind.UNIT else f"#{one}") for one in parts]


# States and totals ------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Tab:
    state: str
    label: str
    href: str
    is_chosen: bool


def tabs(spec: RecordType, asked: Pairs, language: str) -> tuple[Tab, ...]:
    chosen = [one for one in dict(asked).get("state", "").split(",") if one]
    rest = without(asked, "state")
    every = Tab("", "全部" if language == "zh" else "All", link(rest), not chosen)
    start = f"{every.href}&state=" if rest else "?state="
    return (every, *(Tab(state.name, state.label.in_(language), f"{start}{state.name}", state.name in chosen)
                     for state in spec.workflow.states))


@dataclass(frozen=True)
class Summary:
    """How many rows there are by state, and what they add up to."""

    counts: Mapping[str, int]     # of every state, whichever was asked for
    total: int                    # exactly, of the states that were asked for
    sums: Pairs                   # label, amount


def summary(spec: RecordType, actor: access.Actor, question: lists.Question, looks: Any) -> Summary:
    """One statement, whatever the number of states, columns and rows."""
    filters = {name: value for name, value in question.filters.items() if name != "state"}
    lists.conditions(spec, actor, question, looks)   # an unknown state is told, as on the list itself
    where = lists.conditions(spec, actor, lists.Question(filters, question.search, "", question.ids), looks)
    fields = lists.totalled(spec, actor)
    found = db.session.execute(lists.by_state(spec, fields, where)).all()
    chosen = {one for one in question.filters.get("state", "").split(",") if one}
    meant = [row for row in found if not chosen or row[0] in chosen]
    amounts = [[row[n] for row in meant if row[n] is not None] for n in range(2, 2 + len(fields))]
    sums = tuple((field.label.in_(actor.language), exports.shower(field, actor.language)(sum(given)))
                 for field, given in zip(fields, amounts, strict=True) if given)
    return Summary({state: count for state, count, *_ in found}, sum(row[1] for row in meant), sums)
