"""How the rows of a list look: their cells, the colours of states, the time left, and the pages of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from operator import itemgetter
from typing import Any

from jinja2.utils import LRUCache
from markupsafe import Markup, escape

from models.spec import CALLED_OFF, NUMBERS, Field, Kind, RecordType, Text
from rules import access, exports, inline, lists, office

STANDS_STILL = {"state": "state", lists.TIME_LEFT.name: "left"}   # css classes of the columns that a list always shows
ITS_ID = "\0"   # stands for the row's id in its cells: no text of a record holds it
NEUTRAL, GOING, DONE, ENDED = "neutral", "going", "done", "ended"


@dataclass(frozen=True)
class ListPlan:
    """Everything about a type's list that does not depend on its rows; made once per language and view of privacy."""

    columns: lists.Columns
    headers: tuple[tuple[str, str, str, bool], ...]     # name, label, css class, masked: what is masked is no order of rows
    writers: tuple[Callable[[Sequence[Any]], list[str]], ...]
    start: str
    pick: str
    changed_here: bool = False                          # some cells lead to their own input

    def cells(self, found: Sequence[Any]) -> Markup:
        """The rows as one ready piece of HTML: escaped here, once, column by column, without a template call per cell."""
        start = self.start
        columns = list(zip(*found, strict=True))
        written = [write(values) for write, values in zip(self.writers, columns[2:-1], strict=True)] if found else []
        lines = [f'<tr data-href="{start}{row[0]}"><td class="first"><input type="checkbox" form="several" name="chosen" '
                 f'value="{row[0]}:{row[-1]}" aria-label="{self.pick}"><a href="{start}{row[0]}">{"".join(cells)}</tr>'
                 for row, cells in zip(found, zip(*written, strict=True), strict=True)]
        if self.changed_here:
            lines = [line.replace(ITS_ID, str(row[0])) for line, row in zip(lines, found, strict=True)]
        return Markup("\n".join(lines))


_plans = LRUCache(500)   # people choose columns in more ways than are worth keeping


def list_plan(spec: RecordType, actor: access.Actor, language: str, names: tuple[str, ...]) -> ListPlan:
    plain = access.sees_private(actor, spec)
    here = inline.fields(spec, actor)
    key = (spec.model, language, plain, names, *here)
    found: ListPlan | None = _plans.get(key)
    if found is None:
        cols = lists.columns(spec, (*names, lists.REVISION.name))
        shown = cols.fields[:-1]
        headers = tuple((f.name, f.label.in_(language), STANDS_STILL.get(f.name, "num" if f.kind in NUMBERS else ""),
                         f.name in spec.private and not plain) for f in shown)
        writers = tuple(_cells(spec, f, language, plain, first=i == 0, is_changed_here=f.name in here)
                        for i, f in enumerate(shown))
        found = ListPlan(cols, headers, writers, f"/admin/{spec.name}/details/?id=", "选" if language == "zh" else "Choose",
                         any(f.name in here for f in shown))
        _plans[key] = found
    return found


def _cells(spec: RecordType, field: Field, language: str, plain: bool, *, first: bool,
           is_changed_here: bool) -> Callable[[Sequence[Any]], list[str]]:
    """The function that writes a column's cells. Those of the first one stand inside the link to the record."""
    show = exports.shower(field, language)
    label = escape(field.label.in_(language))
    start, end = f'<td data-label="{label}">', "</td>"
    if field.name in STANDS_STILL and not first:
        start = f'<td class="{STANDS_STILL[field.name]}" data-label="{label}">'
    if field.name == "state":
        badges = {s.name: f'{start}<span class="badge {tone(spec, s.name)}">{escape(s.label.in_(language))}</span>{end}'
                  for s in spec.workflow.states}
        return lambda values: [badges.get(value) or f"<td>{escape(value)}</td>" for value in values]
    if field is lists.TIME_LEFT:
        return lambda values: _times_left(values, start, language)
    if first:
        return lambda values: [f"{text}</a></td>" for text in _escaped([str(value or "—") for value in values])]
    if field.private and not plain:
        show = partial(exports.masked, field)
    elif field.kind in NUMBERS:
        start = f'<td class="num" data-label="{label}">'
    elif field.kind is Kind.LONGTEXT:
        start, show = f'<td class="long" data-label="{label}">', itemgetter(slice(80))
    if is_changed_here:
        start, end = f'{start}<a class="cell" href="/admin/{spec.name}/{ITS_ID}/cell/{field.name}">', f"</a>{end}"
    return lambda values: [f"{start}{text}{end}" for text in _escaped(
        ["" if value is None or value == "" else show(value) for value in values])]


def _times_left(values: Sequence[Any], start: str, language: str) -> list[str]:
    """How long until the next limit of each row, in words and colour."""
    now = office.now()
    return [f"{start}</td>" if due is None else
            f'{start}<span class="time-left {urgency(due - now)}" title="{exports.moment_text(due)}">'
            f"{left_text(due - now, language)}</span></td>" for due in values]


def left_text(left: Any, language: str) -> str:
    seconds = abs(int(left.total_seconds()))
    amount, unit = (seconds // 86400, Text("天", "days")) if seconds >= 172800 else (
        (seconds // 3600, Text("小时", "h")) if seconds >= 3600 else (seconds // 60, Text("分钟", "min")))
    words = f"{amount} {unit.in_(language)}"
    if left.total_seconds() < 0:
        return f"已超 {words}" if language == "zh" else f"{words} late"
    return f"还剩 {words}" if language == "zh" else f"{words} left"


def urgency(left: timedelta) -> str:
    """Exactly on the limit is not late."""
    return "late" if left < timedelta(0) else "soon" if left <= office.DAY else "calm"


_NEEDS_ESCAPING = re.compile("[&<>\"']")


def _escaped(texts: list[str]) -> list[str]:
    """Most columns have nothing to escape: one look at all of a column is quicker than fifty calls."""
    return list(map(html.escape, texts)) if _NEEDS_ESCAPING.search("".join(texts)) else texts


def tone(spec: RecordType, state: str) -> str:
    """How a state looks: beginning, under way, well ended, called off."""
    flow = spec.workflow
    if state in CALLED_OFF or state == "suspended":
        return ENDED
    if all(move.calls_off for move in flow.moves_from(state)) or state in ("active", "valid", "approved"):
        return DONE
    return NEUTRAL if state == flow.initial else GOING


def state_text(spec: RecordType, state: str, language: str) -> str:
    named = spec.workflow.state(state)
    return named.label.in_(language) if named else state


@dataclass(frozen=True)
class Pager:
    page: int
    total: int
    shown: int
    size: int = lists.PAGE_SIZE

    @property
    def first(self) -> int:
        return (self.page - 1) * self.size + 1 if self.shown else 0

    @property
    def last(self) -> int:
        return self.first + self.shown - 1 if self.shown else 0

    @property
    def has_next(self) -> bool:
        return self.shown == self.size and self.last != self.total

    @property
    def counted(self) -> str:
        return f"{self.total:,}" if self.total <= lists.COUNT_LIMIT else f"{lists.COUNT_LIMIT:,}+"
