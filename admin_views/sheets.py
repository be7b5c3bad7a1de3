"""A record as its paper form: what typst typesets, prepared as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from admin_views import choice_boxes, list_rows, pages
from models.base import db
from models.history import AuditEntry
from models.master.controlled_document import form_in_force
from models.spec import Kind, RecordType, Text
from rules import access, drawn, exports, lists, office, signed, typeset

UNCONTROLLED = Text("打印件不受控", "Printed copies are uncontrolled")
PRINTED = Text("打印：{who} {at}", "Printed by {who} {at}")
PAGE = (Text("第 ", "Page "), Text(" 页 共 ", " of "), Text(" 页", ""))
NOTHING = Text("没有内容", "Nothing entered")
NO_NUMBER = Text("未编号", "No number yet")
NUMBER, FORM, STATE, WRITTEN = (
    Text("编号：{value}", "Number: {value}"), Text("文件编号：{value}", "Document: {value}"),
    Text("状态：{value}", "State: {value}"), Text("填写：{who} {at} · 第 {revision} 版", "Written by {who} {at} · revision {revision}"))
SYSTEM_WROTE = Text("系统", "the system")
COPY = Text("第 {n} 联（共 {of} 联）：{name}", "Copy {n} of {of}: {name}")
SIGNATURES = Text("会签", "Signatures")
SIGNED_SHARES = (5, 12, 9, 11, 9, 14, 26, 12)
LABEL, VALUE = 24, 66                # shares of a group's four columns
MOST_ROWS = 1_500                    # of a child table on paper
MORE = Text("以上为前 {most} 行，共 {count} 行；其余见系统内记录或 XLSX", "The first {most} of {count} rows; the rest is in the "
            "record and in its XLSX")
FEW = 8                              # columns: a table with more of them leaves out those that say nothing
NUMBERED = 6                         # millimetres for the number of a row
BLANK_ROWS = 3                       # of a child table that is still to be filled in, by hand if need be
STEPS = Text("办理", "Steps taken")
STEP_HEADERS = (Text("步骤", "Step"), Text("办理人", "By"), Text("时间", "At"), Text("原因或说明", "Comment"))
STEP_SHARES = (20, 16, 20, 44)
MOST_STEPS = 40
LONG = 60                            # a longer text has the whole width, in millimetres on one line


def papers(act: Any, records: Sequence[Any], *, in_copies: bool, company: str) -> dict[str, Any]:
    """All that is printed together."""
    language, spec = act.actor.language, records[0].spec
    blocks = signed.blocks(db.session, spec.name, [record.id for record in records]) if spec.workflow.approval else {}
    sheets = []
    for record in records:
        sheet = _sheet(act, record, blocks.get(record.id, []))
        marks = _copies(record, language) if in_copies else []
        sheets += [{**sheet, "copy": _plain(mark)} for mark in marks] or [{**sheet, "copy": ""}]
    printed = PRINTED.with_(who=act.actor.name, at=exports.moment_text(act.now)).in_(language)
    return {
        "title": spec.label.in_(language), "lang": language, "region": "CN" if language == "zh" else "GB",
        "company": company, "printed_by": act.actor.name, "printed": printed,
        "uncontrolled": UNCONTROLLED.in_(language), "nothing": NOTHING.in_(language),
        "page": [part.in_(language) for part in PAGE], "sheets": sheets}


def _sheet(act: Any, record: Any, block: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    spec, actor, language = record.spec, act.actor, act.actor.language
    plain, titles = access.sees_private(actor, spec), pages.titles_in(record)
    is_open = not spec.workflow.is_terminal(record.state)
    tables = [_table(table, language, is_open and any(field.typed for field in spec.lines[table["name"]].fields.values()))
              for table in pages.tables_of(record, titles, actor, plain)]
    is_wide = any(_width(table["needed"]) > typeset.UPRIGHT for table in tables)
    room = typeset.ACROSS if is_wide else typeset.UPRIGHT
    form = " ".join(form_in_force(db.session, spec.name, office.local(record.created_at).date()))
    return {
        "title": _plain(spec.zh), "subtitle": spec.en if language == "en" else "", "is_wide": is_wide,
        "facts": [[_plain(left), _plain(right)] for left, right in _facts(record, titles, form, language)],
        "reference": " · ".join(filter(None, (record.number, form))),
        "stamp": list_rows.state_text(spec, record.state, language) if list_rows.tone(spec, record.state) == list_rows.ENDED else "",
        "groups": [_group(title, fields, room) for title, fields in pages.groups_of(record, titles, actor, plain)],
        "tables": [_laid_out(table, room) for table in tables],
        "charts": [{"title": one.title, "svg": one.svg, "told": one.title} for one in drawn.of(act, record)],
        "signatures": [*([_signatures(block, language)] if block else []), *_steps(record, language)]}


def _facts(record: Any, titles: Mapping[Any, str], form: str, language: str) -> Iterator[tuple[str, str]]:
    """The lines under the title: the form and the record's number, its state and who wrote it."""
    number = NUMBER.with_(value=record.number or NO_NUMBER).in_(language)
    yield FORM.with_(value=form).in_(language) if form else "", number
    who = titles.get((Kind.USER.value, record.created_by_id)) or SYSTEM_WROTE
    written = WRITTEN.with_(who=who, at=exports.moment_text(record.created_at), revision=record.revision)
    yield written.in_(language), STATE.with_(value=list_rows.state_text(record.spec, record.state, language)).in_(language)


def _plain(text: str) -> list[Any]:
    return typeset.lines_of(text, typeset.UPRIGHT)


# Fields -----------------------------------------------------------------------------------------------------------

def _group(title: str, fields: Sequence[pages.Shown], room: float) -> dict[str, Any]:
    """Two fields beside each other; a long one, and one that is left alone, has the whole width."""
    each = room / (2 * (LABEL + VALUE))
    cells: list[dict[str, Any]] = []
    half = False                      # the left half of a row is taken
    for shown in fields:
        is_long = typeset.wide(shown.text) > LONG or "\n" in shown.text
        if is_long and half:
            cells[-1]["span"] = 3
        width = (VALUE * 2 + LABEL if is_long else VALUE) * each - typeset.CELL
        cells.append({"label": typeset.lines_of(shown.label, LABEL * each - typeset.CELL),
                      "is_to_sign": shown.kind == Kind.SIGNATURE.value and not shown.text,
                      "value": typeset.lines_of(shown.text, width), "span": 3 if is_long else 1})
        half = not is_long and not half
    if half:
        cells[-1]["span"] = 3
    return {"title": title, "columns": [LABEL, VALUE] * 2, "cells": cells}


# Child tables -----------------------------------------------------------------------------------------------------

def _table(table: Mapping[str, Any], language: str, is_to_fill: bool) -> dict[str, Any]:
    """Of a table with many columns those that say something, and of thousands of rows the first, which it says. One that
    is empty and still to be filled in has lines to write on."""
    rows, count = [[shown.text for shown in row["cells"]] for row in table["rows"][:MOST_ROWS]], len(table["rows"])
    if not rows and is_to_fill and len(table["headers"]) <= FEW:
        rows = [[""] * len(table["headers"])] * BLANK_ROWS
    more = MORE.with_(most=f"{MOST_ROWS:,}", count=f"{count:,}").in_(language) if count > MOST_ROWS else ""
    kept = [n for n in range(len(table["headers"]))
            if (len(table["headers"]) <= FEW or any(row[n] for row in rows) or not rows) and not _repeats_number(rows, n)]
    headers = [table["headers"][n] for n in kept]
    needed = [typeset.needs(header, (row[n] for row in rows)) for n, header in zip(kept, headers, strict=True)]
    return {"title": table["label"], "headers": headers, "needed": needed if rows else [], "more": more,
            "right": [table["numeric"][n] for n in kept], "rows": [[row[n] for n in kept] for row in rows]}


def _repeats_number(rows: Sequence[Sequence[str]], n: int) -> bool:
    """The column says no more than the number that stands before each row."""
    return bool(rows) and n == 0 and all(row[n] == str(place) for place, row in enumerate(rows, 1))


def _width(needed: Sequence[float]) -> float:
    return NUMBERED + sum(needed)


def _laid_out(table: Mapping[str, Any], room: float) -> dict[str, Any]:
    """With more columns than fit beside each other, each row has several lines of them."""
    if not table["rows"]:
        return {"title": table["title"], "rows": []}
    bands, columns = next(_banded(table["needed"], bands) for bands in range(1, len(table["needed"]) + 1)
                          if _width(_banded(table["needed"], bands)[1]) <= room or bands == len(table["needed"]))
    empty = len(columns) * bands - len(table["headers"])
    headers, right = [*table["headers"], *[""] * empty], [*table["right"], *[False] * empty]
    rows = [[*row, *[""] * empty] for row in table["rows"]]
    each = (room - NUMBERED) / sum(columns)
    widths = [width * each - typeset.CELL for width in columns] * bands
    return {
        "title": table["title"], "more": table["more"], "bands": bands, "columns": columns, "right": right,
        "headers": [typeset.lines_of(text, width) for text, width in zip(headers, widths, strict=True)],
        "rows": [[typeset.lines_of(text, width) for text, width in zip(row, widths, strict=True)] for row in rows]}


def _banded(needed: Sequence[float], bands: int) -> tuple[int, list[float]]:
    """The widths of the columns if each row has so many lines of them."""
    per = -(-len(needed) // bands)
    lines = [needed[n:n + per] for n in range(0, len(needed), per)]
    return len(lines), [max(column) for column in zip_longest(*lines, fillvalue=0.0)]


# Signatures and copies --------------------------------------------------------------------------------------------

def _signatures(block: Sequence[Mapping[str, Any]], language: str) -> dict[str, Any]:
    widths = [share * typeset.UPRIGHT / sum(SIGNED_SHARES) - typeset.CELL for share in SIGNED_SHARES]
    return {
        "title": SIGNATURES.in_(language), "headers": [header.in_(language) for header in signed.HEADERS],
        "columns": SIGNED_SHARES, "rows": [
            [typeset.lines_of(text, width) for text, width in zip(row, widths, strict=True)]
            for row in signed.table(block, language)]}


def _steps(record: Any, language: str) -> Iterator[dict[str, Any]]:
    """Who made which move and when, the newest last; of one that is made again and again the last time."""
    moves = {f"move:{move.name}": move.label for move in record.spec.workflow.moves}
    entries = db.session.execute(sa.select(AuditEntry.action, AuditEntry.actor, AuditEntry.at, AuditEntry.comment).where(
        AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id, AuditEntry.action.in_(moves))
        .order_by(AuditEntry.id.desc()).limit(MOST_STEPS)).all()
    last = [entry for n, entry in enumerate(entries) if n == 0 or entries[n - 1].action != entry.action]
    rows = [[moves[entry.action].in_(language), entry.actor, exports.moment_text(entry.at), entry.comment or ""]
            for entry in reversed(last)]
    if rows:
        widths = [share * typeset.UPRIGHT / sum(STEP_SHARES) - typeset.CELL for share in STEP_SHARES]
        yield {"title": STEPS.in_(language), "headers": [header.in_(language) for header in STEP_HEADERS],
               "columns": STEP_SHARES, "rows": [
                   [typeset.lines_of(text, width) for text, width in zip(row, widths, strict=True)] for row in rows]}


def _copies(record: Any, language: str) -> list[str]:
    """The mark of each copy: whose it is."""
    spec: RecordType = record.spec
    if spec.copies is None:
        return []
    field = spec.lines[spec.copies.lines].fields[spec.copies.key]
    keys = dict.fromkeys(getattr(row, field.column) for row in getattr(record, spec.copies.lines))
    keys = list(keys) or list(spec.copies.receivers)
    units = choice_boxes.titles_of(field, keys) if field.kind in lists.NAMED else {}
    names = [units.get(key) or exports.shown(field, key, language) for key in keys]
    return [COPY.with_(n=n, of=len(names), name=name).in_(language) for n, name in enumerate(names, 1)]


