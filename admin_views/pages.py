"""What the pages of a record show, prepared so that templates only lay it out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from jinja2.utils import LRUCache
from markupsafe import Markup, escape

from admin_views import choosing, compiled, panels
from forms.record_form import typed_text
from models.base import Record, db
from models.history import AuditEntry, DeadlineClock
from models.master.controlled_document import form_in_force
from models.people import Unit, User
from models.spec import CALLED_OFF, NUMBERS, ROLES, Field, Kind, Lines, RecordType, Text
from rules import access, attachments, captions, checks, drawn, exports, handbook, inline, lists, moves, office, records

UNSAVED = Text("{name}（已上传，不必重选；保存后生效）", "{name} (uploaded, no need to choose it again; kept when you save)")
Links = frozenset[tuple[str, str]]   # (type, id)
STANDS_STILL = {"state": "state", lists.TIME_LEFT.name: "left"}   # css classes of the columns that a list always shows
ITS_ID = "\0"   # stands for the row's id in its cells: no text of a record holds it
NEUTRAL, GOING, DONE, ENDED = "neutral", "going", "done", "ended"


# The list ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class ListPlan:
    """Everything about a type's list that does not depend on its rows; made once per language and view of privacy."""

    columns: lists.Columns
    headers: tuple[tuple[str, str, str, bool], ...]     # name, label, css class, masked: what is masked is no order of rows
    writers: tuple[Callable[[Sequence[Any]], list[str]], ...]
    start: str
    pick: str
    changed_here: bool = False                          # some cells lead to their own input

    def cells(self, rows: Iterable[Any]) -> list[Markup]:
        """One ready piece of HTML per row: escaped here, once, column by column, without a template call per cell."""
        found, start = list(rows), self.start
        columns = list(zip(*found, strict=True))
        written = [write(values) for write, values in zip(self.writers, columns[2:-1], strict=True)] if found else []
        lines = [f'<tr data-href="{start}{row[0]}"><td class="first"><input type="checkbox" form="several" name="chosen" '
                 f'value="{row[0]}:{row[-1]}" aria-label="{self.pick}"><a href="{start}{row[0]}">{"".join(cells)}</tr>'
                 for row, cells in zip(found, zip(*written, strict=True), strict=True)]
        if self.changed_here:
            lines = [line.replace(ITS_ID, str(row[0])) for line, row in zip(lines, found, strict=True)]
        return list(map(Markup, lines))


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


# Choice boxes -----------------------------------------------------------------------------------------------------

def field_at(spec: RecordType, path: str) -> Field | None:
    """`customer`, or `visits.customer` of a child table."""
    head, _, rest = path.partition(".")
    if rest:
        child = spec.lines.get(head)
        return child.fields.get(rest) if child else None
    return lists.column_field(spec, head) if head in spec.fields or head in lists.BASE else None


def options(actor: access.Actor, field: Field, value: Any, words: str = "", kept: Links = frozenset(),
            recent: Sequence[int] = ()) -> list[tuple[str, str]]:
    """The present value, then the newest rows that the person may see and choose. `kept`: what the record already
    points at, which stays choosable for who does not see it. Files are not chosen: theirs is the present one."""
    if field.kind is Kind.FILE:
        return _present_file(actor, field, value, kept)
    if field.kind is Kind.LINK:
        return _with_present(actor, field, value, choosing.rows(actor, Record.types[field.to], words, recent), kept)
    if field.kind is Kind.USER:
        found = sa.select(User.id, User.name).where(User.is_active).order_by(User.name, User.id)
        column = User.name
    elif field.kind is Kind.UNIT:
        found = sa.select(Unit.code, Unit.name).where(Unit.is_active).order_by(Unit.code)
        column = Unit.name
    else:
        return []
    if words:
        found = found.where(column.contains(words, autoescape=True))
    rows = [(str(key), str(label)) for key, label in db.session.execute(found.limit(300))]
    return _with_present(actor, field, value, rows, kept)


def _present_file(actor: access.Actor, field: Field, value: Any, kept: Links) -> list[tuple[str, str]]:
    """The file of the record, or one that the person sent with this form before it was refused."""
    try:
        key = checks.as_id(value)
    except checks.Wrong:
        return []
    if (field.kind.value, str(value)) in kept:
        return [(str(id_), name) for id_, name in titles_of(field, [key]).items()]
    staged = attachments.staged_by(db.session, actor, key)
    return [(str(key), UNSAVED.with_(name=staged.name).in_(actor.language))] if staged else []


def links_of(record: Any) -> Links:
    """(type, id) of every record and file that this one and its child tables point at."""
    return frozenset((field.to or field.kind.value, str(getattr(row, field.column))) for row, fields in _rows(record)
                     for field in fields.values() if field.kind in (Kind.LINK, Kind.FILE))


def _is_visible(actor: access.Actor, type_name: str, id_: int) -> bool:
    spec = Record.types[type_name]
    return db.session.scalar(access.visible(sa.select(spec.model.id).where(spec.model.id == id_), actor, spec)) is not None


def _with_present(actor: access.Actor, field: Field, value: Any, rows: list[tuple[str, str]], kept: Links) -> Any:
    if value in (None, "") or any(row[0] == str(value) for row in rows):
        return rows
    if field.kind is Kind.LINK and (named := choosing.named_exactly(actor, Record.types[field.to], str(value))):
        return [*named, *rows]
    try:
        key: Any = checks.readable(str(value)) if field.kind is Kind.UNIT else checks.as_id(value)
    except checks.Wrong:
        return rows
    if field.kind is Kind.LINK and (field.to, str(value)) not in kept and not _is_visible(actor, field.to, key):
        return rows  # a forged id gets no name
    label = titles_of(field, [key]).get(key)
    return [(str(value), label), *rows] if label else rows


def titles_of(field: Field, keys: Sequence[Any]) -> dict[Any, str]:
    """What the targets of a link, person, unit or file field are called: one statement."""
    if not keys:
        return {}
    if field.kind is Kind.FILE:
        return attachments.names(db.session, keys)
    if field.kind is Kind.USER:
        query = sa.select(User.id, User.name).where(User.id.in_(keys))
    elif field.kind is Kind.UNIT:
        query = sa.select(Unit.code, Unit.name).where(Unit.code.in_(keys))
    else:
        spec = Record.types[field.to]
        title = getattr(spec.model, spec.fields[spec.title].column) if spec.title else spec.model.number
        label = sa.func.coalesce(title, lists.numbered(spec.model))
        query = sa.select(spec.model.id, label).where(spec.model.id.in_(keys))
    return dict(db.session.execute(query).all())


def prefill(record: Any, given: Mapping[str, str], actor: access.Actor) -> None:
    """`/new/?customer=3`: start the form from another record. What cannot be used is left out, not refused."""
    looks = checks.Looks(db.session, actor)
    closed = checks.read_only(record.spec)
    for name, raw in given.items():
        field = record.spec.fields.get(name)
        if field is not None and name not in closed:
            try:
                setattr(record, field.column, checks.parse(field, raw, looks))
            except checks.Wrong:
                continue


# The form ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Group:
    title: str
    fields: list[Any]                             # (declaration, WTForms field, or None where the server computes it)


def form_groups(spec: RecordType, form: Any, language: str) -> list[Group]:
    groups = [Group(spec.label.in_(language), [])]
    for name, field in spec.fields.items():
        if field.group is not None:
            groups.append(Group(field.group.in_(language), []))
        if name in form:
            groups[-1].fields.append((field, form[name]))
        elif field.derived and not field.machine:
            groups[-1].fields.append((field, None))
    return [group for group in groups if any(field is not None for _, field in group.fields)]


@dataclass(frozen=True)
class Difference:
    label: str
    mine: str
    theirs: str


def differences(record: Any, form: Any, language: str) -> list[Difference]:
    """Where what was typed is not what now stands, field by field and child table by child table."""
    found = []
    for name, field in record.spec.fields.items():
        if name in form and str(form[name].data or "") != str(typed_text(field, getattr(record, field.column)) or ""):
            theirs = value_text(field, getattr(record, field.column), language)
            found.append(Difference(field.label.in_(language), _choice_text(form[name]), theirs))
    for name, child in record.spec.lines.items():
        if name in form:
            mine = [{k: v for k, v in e.form.data.items() if k != "id" and v} for e in form[name]]
            theirs_rows = [{n: t for n, f in child.fields.items() if f.typed and (t := typed_text(f, getattr(row, f.column)))}
                           for row in getattr(record, name)]
            if [row for row in mine if row] != theirs_rows:
                found.append(Difference(child.label.in_(language), _rows_text(mine), _rows_text(theirs_rows)))
    return found


def _choice_text(box: Any) -> str:
    labels = dict(getattr(box, "choices", None) or ())
    data = box.data or ""
    return "、".join(labels.get(v, v) for v in data) if isinstance(data, list) else labels.get(data, data)


def _rows_text(rows: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(" · ".join(str(value) for value in row.values()) for row in rows if row)


def value_text(field: Field, value: Any, language: str) -> str:
    """One value as people read it, a link or person by what it is called."""
    if field.kind in lists.NAMED and value is not None:
        return titles_of(field, [value]).get(value, str(value))
    return exports.shown(field, value, language)


def handbook_of(spec: RecordType, language: str) -> dict[str, Any]:
    """The declaration of a type for people: fields, moves, rights, deadlines and rules."""
    tables = [(spec.label, spec.fields), *((child.label, child.fields) for child in spec.lines.values())]
    return {
        "spec": spec,
        "tables": [(label.in_(language), [{
            "label": field.label.in_(language), "name": field.name, "is_required": field.required,
            "kind": handbook.kind_of(field, Record.types).in_(language), "says": handbook.says(field).in_(language)}
            for field in fields.values() if not field.machine]) for label, fields in tables],
        "moves": [{
            "label": move.label.in_(language), "by": moves.who_makes(move).in_(language),
            "from": "、".join(state_text(spec, name, language) for name in move.source),
            "to": state_text(spec, move.to, language)} for move in spec.workflow.moves],
        "signatures": handbook.signatures(spec).in_(language),
        "rights": [(role.in_(language), may.in_(language)) for role, may in handbook.rights(spec)],
        "deadlines": [(handbook.promise_of(spec, one).in_(language), handbook.limit_of(spec, one).in_(language))
                      for one in spec.deadlines],
    }


# The details page -------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Shown:
    """One value as the page shows it; `href` where it leads to another record."""

    label: str
    text: str
    href: str = ""
    is_long: bool = False
    is_masked: bool = False
    help: str = ""
    kind: str = ""


def titles_in(record: Any) -> dict[tuple[str, Any], str]:
    """All link, person, unit and file titles of a record and its lines: one statement per target type."""
    wanted: dict[str, tuple[Field, set[Any]]] = {}
    for row, fields in _rows(record):
        for field in fields.values():
            if field.kind in lists.NAMED:
                value = getattr(row, field.column)
                if value is not None:
                    wanted.setdefault(field.to or field.kind.value, (field, set()))[1].add(value)
    found = {}
    for target, (field, keys) in wanted.items():
        found |= {(target, key): title for key, title in titles_of(field, sorted(keys)).items()}
    return found


def _rows(record: Any) -> Iterable[tuple[Any, Mapping[str, Field]]]:
    yield record, {**record.spec.fields, "created_by": lists.BASE["created_by"]}
    for name, child in record.spec.lines.items():
        for row in getattr(record, name):
            yield row, child.fields


def row_names(record: Any, language: str) -> dict[tuple[str, str], str]:
    """(child table, id) -> what nobody types in a row of a compiled record, by which people know it."""
    if record is None or not record.spec.compiled:
        return {}
    found = {}
    for name, child in record.spec.lines.items():
        told = [f for f in child.fields.values() if not f.typed and f.kind not in (Kind.LINK, Kind.USER, Kind.UNIT)]
        if len(told) < len(child.fields):
            for row in getattr(record, name):
                words = (exports.shown(field, getattr(row, field.column), language) for field in told)
                found[name, str(row.id)] = " · ".join(word for word in words if word)
    return found


def _shown(row: Any, field: Field, titles: Mapping[Any, str], actor: access.Actor, plain: bool, files_at: str) -> Shown:
    value, language, label = getattr(row, field.column), actor.language, field.label.in_(actor.language)
    href, text = "", ""
    if field.kind in (Kind.LINK, Kind.USER, Kind.UNIT):
        text = titles.get((field.to or field.kind.value, value), "") if value is not None else ""
        if text and field.kind is Kind.LINK and access.may(actor, "view", Record.types[field.to]):
            href = f"/admin/{field.to}/details/?id={value}"
    elif field.kind is Kind.FILE:
        is_open = plain or not field.private
        text = titles.get((field.kind.value, value), "") if is_open else exports.shown(field, value, language, plain=False)
        href = f"{files_at}{value}" if text and is_open else ""
    elif field.name == "caption" and set(getattr(type(row), "fields", ())) >= captions.NAMES:
        text = captions.said(row, language)
    else:
        text = exports.shown(field, value, language, plain=plain)
    if text and field.measure and field.kind in NUMBERS:
        text = f"{text} {field.measure_text.in_(language)}"
    return Shown(label, text, href, field.kind is Kind.LONGTEXT, field.private and not plain and bool(text),
                 field.help.in_(language) if field.help else "", field.kind.value)


@dataclass(frozen=True)
class Button:
    """A move on the page: made at once, or with fields and a reason; or why it cannot be made."""

    name: str
    label: str
    reason: str
    asks: list[Any]
    needs_comment: bool
    ends: bool
    errors: dict[str, str]
    is_open: bool = False      # it was tried and did not go through: what was typed is still there
    comment: str = ""
    back_to: tuple[tuple[str, str], ...] = ()


def details(act: Any, record: Any, *, plain: bool | None = None, problem: str = "", failed: str = "",
            errors: Mapping[str, Text] | None = None, given: Any = None,
            unsaid: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """The whole context of a details page."""
    spec, actor, language = record.spec, act.actor, act.actor.language
    open_ = access.sees_private(actor, spec) if plain is None else plain
    titles, offers = titles_in(record), moves.offered(act, record)
    talk = panels.talk(act, record, unsaid)
    return {
        "spec": spec, "record": record, "problem": problem, "is_plain": open_,
        "state": spec.workflow.state(record.state), "tone": tone(spec, record.state),
        "steps": _steps(record, language),
        "groups": groups_of(record, titles, actor, open_), "tables": tables_of(record, titles, actor, open_),
        "charts": drawn.of(act, record),
        "buttons": _buttons(act, offers, failed, errors or {}, given),
        "may_edit": access.may(actor, "edit", spec, record), "may_export": access.may(actor, "export", spec),
        "may_uncover": not open_ and may_uncover(actor, spec),
        "clocks": _clocks(record, language),
        "files": panels.files(act, record, offers, open_), "talk": talk,
        "timeline": timeline(record, actor, open_, talk), "behind": compiled.behind(record, actor),
        "reissue": compiled.reissue(record, actor),
        "paper_form": " ".join(form_in_force(db.session, spec.name, office.local(record.created_at).date())),
        "creator": titles.get((Kind.USER.value, record.created_by_id), ""),
    }


def groups_of(record: Any, titles: Mapping[Any, str], actor: access.Actor, plain: bool) -> list[tuple[str, list[Shown]]]:
    """What the form says under each of its headings."""
    groups: list[tuple[str, list[Shown]]] = [(record.spec.label.in_(actor.language), [])]
    for field in record.spec.fields.values():
        if field.group is not None:
            groups.append((field.group.in_(actor.language), []))
        if not field.machine:
            groups[-1][1].append(_shown(record, field, titles, actor, plain, panels.files_at(record)))
    return [(title, fields) for title, fields in groups if fields]


def tables_of(record: Any, titles: Mapping[Any, str], actor: access.Actor, plain: bool) -> list[dict[str, Any]]:
    return [_table(record, child, titles, actor, plain) for child in record.spec.lines.values()]


def may_uncover(actor: access.Actor, spec: RecordType) -> bool:
    return spec.holds_private and "V" in access.letters(actor, spec) and not access.sees_private(actor, spec)


def _steps(record: Any, language: str) -> list[tuple[str, str]]:
    """The states of the usual way: (label, present | past | ahead). Past is what the audit saw the record leave."""
    changes = db.session.scalars(sa.select(AuditEntry.changes).where(
        AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id, AuditEntry.action.like("move:%")))
    left = {change["state"][0] for change in changes if "state" in change}
    return [(s.label.in_(language), "present" if s.name == record.state else "past" if s.name in left else "ahead")
            for s in record.spec.workflow.states if tone(record.spec, s.name) != ENDED]


def _table(record: Any, child: Lines, titles: Any, actor: access.Actor, plain: bool) -> dict[str, Any]:
    copies = record.spec.copies
    rows, fields = [], [field for field in child.fields.values() if not field.machine]
    for row in getattr(record, child.name):
        shown = [_shown(row, field, titles, actor, plain, panels.files_at(record)) for field in fields]
        signable = copies is not None and copies.lines == child.name and bool(
            records.may_acknowledge(actor, record, row))
        rows.append({"id": row.id, "cells": shown, "signable": signable})
    return {"label": child.label.in_(actor.language), "headers": [f.label.in_(actor.language) for f in fields],
            "rows": rows, "name": child.name, "numeric": [f.kind in NUMBERS for f in fields]}


def _buttons(act: Any, offers: Iterable[moves.Offer], failed: str, errors: Mapping[str, Text], given: Any) -> list[Button]:
    language, found = act.actor.language, []
    for offer in offers:
        if not offer.is_mine and set(offer.move.by) == {"system"}:
            continue
        again = given if offer.move.name == failed else None
        asks = [asked(act.actor, field, again, language) for field in offer.asks] if offer.is_mine else []
        found.append(Button(
            offer.move.name, offer.move.label.in_(language), offer.reason.in_(language) if offer.reason else "", asks,
            offer.move.comment, offer.move.calls_off or offer.move.comment,
            {path: text.in_(language) for path, text in errors.items()} if again is not None else {},
            again is not None, again.get("comment", "") if again else "",
            tuple((role, ROLES[role].label.in_(language)) for role in offer.back_to)))
    return found


def asked(actor: access.Actor, field: Field, given: Any, language: str) -> dict[str, Any]:
    """An input that a move asks for: its kind and choices."""
    present = given.get(field.name) if given is not None else None
    rows = [(v, label.in_(language)) for v, label in field.choices] or options(actor, field, present)
    if field.kind is Kind.BOOL:
        rows = [("true", "是" if language == "zh" else "Yes"), ("false", "否" if language == "zh" else "No")]
    value: Any = "" if given is None else given.get(field.name, "")
    if field.kind is Kind.MULTICHOICE:
        value = [] if given is None else given.getlist(field.name)
    return {"name": field.name, "label": field.label.in_(language), "kind": field.kind.value, "choices": rows,
            "length": field.length, "value": value}


def _clocks(record: Any, language: str) -> list[dict[str, Any]]:
    """The promises of this record: kept, broken or how long is left."""
    rows = db.session.scalars(sa.select(DeadlineClock).where(
        DeadlineClock.type == record.spec.name, DeadlineClock.record_id == record.id).order_by(DeadlineClock.due_at))
    now, found = office.now(), []
    names = {deadline.name: deadline for deadline in record.spec.deadlines}
    for clock in rows:
        if clock.state == "stopped" or clock.name not in names:
            continue
        label = handbook.promise_of(record.spec, names[clock.name])
        tones = {"missed": "late", "running": urgency(clock.due_at - now)}
        found.append({"label": label.in_(language), "due_at": clock.due_at, "state": clock.state,
                      "tone": tones.get(clock.state, clock.state),
                      "left": left_text(clock.due_at - now, language) if clock.state == "running" else ""})
    return found


def left_text(left: Any, language: str) -> str:
    seconds = abs(int(left.total_seconds()))
    amount, unit = (seconds // 86400, Text("天", "days")) if seconds >= 172800 else (
        (seconds // 3600, Text("小时", "h")) if seconds >= 3600 else (seconds // 60, Text("分钟", "min")))
    words = f"{amount} {unit.in_(language)}"
    if left.total_seconds() < 0:
        return f"已超 {words}" if language == "zh" else f"{words} late"
    return f"还剩 {words}" if language == "zh" else f"{words} left"


# The timeline -----------------------------------------------------------------------------------------------------

ACTIONS = {
    "create": Text("新建", "Created"), "edit": Text("修改", "Edited"), "import": Text("导入", "Imported"),
    "acknowledge": Text("签收", "Acknowledged"), "attach": Text("添加附件", "Attached files"),
    "detach": Text("移除附件", "Removed a file"), "comment": Text("评论", "Commented"),
    "withdraw_comment": Text("撤回评论", "Withdrew a comment"), "sign": Text("会签", "Signed"),
    "ask": Text("提请会签", "Asked for signatures"), "ask_again": Text("退回上一签署步骤", "Sent back to an earlier step"),
    "escalate": Text("签署超期上报", "Told the next level that a signature is overdue"),
    "anonymise": Text("匿名化", "Anonymised"),
    "archive": Text("归档保存", "Archived"),
}
DOORS = {"screen": Text("页面", "screen"), "job": Text("后台任务", "job"), "console": Text("命令行", "console"),
         "import": Text("导入", "import"), "api": Text("接口", "API")}
TIMELINE = 100


def timeline(record: Any, actor: access.Actor, plain: bool, talk: panels.Talk) -> list[dict[str, Any]]:
    """The audit of the record, newest first, in words; private values masked as everywhere."""
    entries = list(db.session.scalars(sa.select(AuditEntry).where(
        AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id)
        .order_by(AuditEntry.id.desc()).limit(TIMELINE)))
    told = [e for e in entries if e.action not in ("create", "import")]
    titles = _titles_in_changes(record.spec, told)
    return [{
        "at": entry.at, "who": entry.actor, "action": action_text(record.spec, entry.action).in_(actor.language),
        "comment": entry.comment or panels.said(entry.changes, talk, actor.language),
        "door": DOORS.get(entry.door, Text(entry.door, entry.door)).in_(actor.language),
        "changes": list(_change_words(record.spec, entry, actor, plain, titles)) if entry in told else [],
    } for entry in entries]


def _titles_in_changes(spec: RecordType, entries: Sequence[AuditEntry]) -> dict[tuple[str, Any], str]:
    """What changed links, people and units are called: one statement per target type."""
    wanted: dict[str, tuple[Field, set[Any]]] = {}
    for entry in entries:
        for name, change in entry.changes.items():
            field = spec.fields.get(name)
            if field is not None and field.kind in (Kind.LINK, Kind.USER, Kind.UNIT):
                keys = wanted.setdefault(field.to or field.kind.value, (field, set()))[1]
                keys.update(value for value in change if value is not None)
    found = {(target, key): title for target, (field, keys) in wanted.items()
             for key, title in titles_of(field, sorted(keys)).items()}
    for entry in entries:
        found |= panels.file_names(entry.changes)
    return found


def action_text(spec: RecordType, action: str) -> Text:
    move = spec.workflow.move(action.removeprefix("move:"))
    return move.label if action.startswith("move:") and move else ACTIONS.get(action, Text(action, action))


def _change_words(spec: RecordType, entry: AuditEntry, actor: access.Actor, plain: bool,
                  titles: Mapping[Any, str]) -> Iterable[tuple[str, str, str]]:
    for name, change in entry.changes.items():
        if name == "lines":
            for table, rows in change.items():
                label = spec.lines[table].label if table in spec.lines else Text(table, table)
                yield label.in_(actor.language), "", str(len(rows)) + ("行变动" if actor.language == "zh" else " rows changed")
        elif name == "state":
            old, new = (spec.workflow.state(s) for s in change)
            yield lists.BASE["state"].label.in_(actor.language), old.label.in_(actor.language) if old else "", \
                new.label.in_(actor.language) if new else ""
        elif name in spec.fields:
            field = spec.fields[name]
            old_text, new_text = (audit_text(field, value, actor.language, plain, titles) for value in change)
            yield field.label.in_(actor.language), old_text, new_text
    yield from panels.file_changes(spec, entry.changes, actor.language, plain)


def audit_text(field: Field, value: Any, language: str, plain: bool, titles: Mapping[Any, str]) -> str:
    if value is None:
        return ""
    if field.kind in (Kind.LINK, Kind.USER, Kind.UNIT):
        return titles.get((field.to or field.kind.value, value), str(value))
    if field.kind is Kind.DATETIME:
        return exports.moment_text(datetime.fromisoformat(value))
    if field.private and not plain:
        return exports.masked(field, value)
    if field.kind is Kind.FILE:
        return titles.get((field.kind.value, value), str(value))
    if field.kind in (Kind.CHOICE, Kind.PROVINCE):
        label = field.choice_label(value)
        return label.in_(language) if label else value
    if field.kind is Kind.BOOL:
        return exports.shown(field, value, language)
    return str(value)[:200]
