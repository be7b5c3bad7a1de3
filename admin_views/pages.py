"""What the pages of a record show, prepared so that templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from admin_views import choice_boxes, compiled, line_tables, list_rows, panels, timelines
from forms.record_form import typed_text
from models.base import Record, db
from models.history import AuditEntry, DeadlineClock
from models.master.controlled_document import form_in_force
from models.spec import NUMBERS, ROLES, Field, Kind, Lines, RecordType, Text
from rules import access, captions, drawn, exports, handbook, lists, moves, office, records


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
        return choice_boxes.titles_of(field, [value]).get(value, str(value))
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
            "from": "、".join(list_rows.state_text(spec, name, language) for name in move.source),
            "to": list_rows.state_text(spec, move.to, language)} for move in spec.workflow.moves],
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


def titles_in(record: Any, parts: line_tables.Parts | None = None) -> dict[tuple[str, Any], str]:
    """All link, person, unit and file titles of a record and its lines, or of those shown: one statement per target type."""
    wanted: dict[str, tuple[Field, set[Any]]] = {}
    for row, fields in choice_boxes.rows_of(record, parts):
        for field in fields.values():
            if field.kind in lists.NAMED:
                value = getattr(row, field.column)
                if value is not None:
                    wanted.setdefault(field.to or field.kind.value, (field, set()))[1].add(value)
    found = {}
    for target, (field, keys) in wanted.items():
        found |= {(target, key): title for key, title in choice_boxes.titles_of(field, sorted(keys)).items()}
    return found


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
            unsaid: tuple[str, str] = ("", ""), turned: Mapping[str, int] | None = None) -> dict[str, Any]:
    """The whole context of a details page; `turned` says which part of a long child table is asked for."""
    spec, actor, language = record.spec, act.actor, act.actor.language
    open_ = access.sees_private(actor, spec) if plain is None else plain
    parts = line_tables.shown(record, turned or {})
    titles, offers = titles_in(record, parts), moves.offered(act, record)
    talk = panels.talk(act, record, unsaid)
    return {
        "spec": spec, "record": record, "problem": problem, "is_plain": open_,
        "state": spec.workflow.state(record.state), "tone": list_rows.tone(spec, record.state),
        "steps": _steps(record, language),
        "groups": groups_of(record, titles, actor, open_), "tables": tables_of(record, titles, actor, open_, parts),
        "charts": drawn.of(act, record),
        "buttons": _buttons(act, offers, failed, errors or {}, given),
        "may_edit": access.may(actor, "edit", spec, record), "may_export": access.may(actor, "export", spec),
        "may_uncover": not open_ and may_uncover(actor, spec),
        "clocks": _clocks(record, language),
        "files": panels.files(act, record, offers, open_), "talk": talk,
        "timeline": timelines.timeline(record, actor, open_, talk), "behind": compiled.behind(record, actor),
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


def tables_of(record: Any, titles: Mapping[Any, str], actor: access.Actor, plain: bool,
              parts: line_tables.Parts | None = None) -> list[dict[str, Any]]:
    parts = line_tables.whole(record) if parts is None else parts
    return [_table(record, child, parts[child.name], titles, actor, plain) for child in record.spec.lines.values()]


def may_uncover(actor: access.Actor, spec: RecordType) -> bool:
    return spec.holds_private and "V" in access.letters(actor, spec) and not access.sees_private(actor, spec)


def _steps(record: Any, language: str) -> list[tuple[str, str]]:
    """The states of the usual way: (label, present | past | ahead). Past is what the audit saw the record leave."""
    changes = db.session.scalars(sa.select(AuditEntry.changes).where(
        AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id, AuditEntry.action.like("move:%")))
    left = {change["state"][0] for change in changes if "state" in change}
    return [(s.label.in_(language), "present" if s.name == record.state else "past" if s.name in left else "ahead")
            for s in record.spec.workflow.states if list_rows.tone(record.spec, s.name) != list_rows.ENDED]


def _table(record: Any, child: Lines, part: line_tables.Part, titles: Any, actor: access.Actor, plain: bool) -> dict[str, Any]:
    copies = record.spec.copies
    rows, fields = [], [field for field in child.fields.values() if not field.machine]
    for row in part.rows:
        shown = [_shown(row, field, titles, actor, plain, panels.files_at(record)) for field in fields]
        signable = copies is not None and copies.lines == child.name and bool(
            records.may_acknowledge(actor, record, row))
        rows.append({"id": row.id, "cells": shown, "signable": signable})
    return {"label": child.label.in_(actor.language), "headers": [f.label.in_(actor.language) for f in fields],
            "rows": rows, "name": child.name, "numeric": [f.kind in NUMBERS for f in fields], "part": part}


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
    rows = [(v, label.in_(language)) for v, label in field.choices] or choice_boxes.options(actor, field, present)
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
        tones = {"missed": "late", "running": list_rows.urgency(clock.due_at - now)}
        found.append({"label": label.in_(language), "due_at": clock.due_at, "state": clock.state,
                      "tone": tones.get(clock.state, clock.state),
                      "left": list_rows.left_text(clock.due_at - now, language) if clock.state == "running" else ""})
    return found
