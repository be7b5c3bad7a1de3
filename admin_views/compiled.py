"""What the page of a compiled record shows besides its form: what each figure counted, and what replaced what."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from jobs import reissues, reports
from models.base import Record, db
from models.reports import Evidence
from models.spec import Kind, Lines, RecordType, Text
from rules import access, exports, lists
from rules.captions import said



# What the figures counted -----------------------------------------------------------------------------------------

def evidence(of: str, id_: int, figure: str, source: RecordType) -> Any:
    """The ids that a figure counted, of a compiled record or (`RUN`) of a run without one."""
    return sa.select(Evidence.source_id).where(
        Evidence.of_type == of, Evidence.of_id == id_, Evidence.figure == figure,
        Evidence.source_type == source.name)


def behind(record: Any, actor: access.Actor) -> list[dict[str, Any]]:
    """What each figure of a compiled record counted, and the list of exactly these rows for those who see the type."""
    if reports.report_of(record.spec.name) is None:
        return []
    language = actor.language
    counted = db.session.execute(
        sa.select(Evidence.figure, Evidence.source_type, sa.func.count()).where(
            Evidence.of_type == record.spec.name, Evidence.of_id == record.id)
        .group_by(Evidence.figure, Evidence.source_type).order_by(Evidence.figure)).all()
    captions = captions_of(record, language)
    return [{"figure": figure, "caption": captions.get(figure) or caption(record.spec, figure, language), "count": count,
             "source": Record.types[source].label.in_(language),
             "href": f"/admin/{source}/?behind={record.spec.name}:{record.id}:{quote(figure)}"
                     if access.may(actor, "view", Record.types[source]) else ""}
            for figure, source, count in counted]


def behind_rows(record: Any, actor: access.Actor) -> Iterator[tuple[str, str, str, str]]:
    """Figure by figure the records that it counted and the reader may see: (figure, caption, type, number)."""
    captions = captions_of(record, actor.language)
    mine = (Evidence.of_type == record.spec.name, Evidence.of_id == record.id)
    for name in db.session.scalars(sa.select(Evidence.source_type).where(*mine).distinct().order_by(Evidence.source_type)):
        source = Record.types[name]
        if not access.may(actor, "view", source):
            continue
        query = sa.select(Evidence.figure, lists.numbered(source.model)).join(
            source.model, source.model.id == Evidence.source_id).where(*mine, Evidence.source_type == name)
        for figure, number in db.session.execute(
                access.visible(query, actor, source).order_by(Evidence.figure, source.model.id)):
            words = captions.get(figure) or caption(record.spec, figure, actor.language)
            yield figure, words, source.label.in_(actor.language), number


def caption(spec: RecordType, figure: str, language: str) -> str:
    """`sent_count` and `items:quality` in the words of the field, or of the child table and its choice."""
    name, _, value = figure.partition(":")
    if name in spec.lines:
        labels = [field.choice_label(value) for field in spec.lines[name].fields.values()]
        label = next(filter(None, labels), Text(value, value))
        return f"{spec.lines[name].label.in_(language)} · {label.in_(language)}"
    return spec.fields[name].label.in_(language) if name in spec.fields else figure


def captions_of(record: Any, language: str) -> dict[str, str]:
    """`by_dealer:F001` -> the words of that figure: of the lines that say them, else of the choice it is named after."""
    base = "分母" if language == "zh" else "of"
    found = {choice.value: choice.label.in_(language) for child in record.spec.lines.values()
             for field in child.fields.values() for choice in field.choices}
    for row in record.figures if "figures" in record.spec.lines else ():
        words = found.get(row.section, row.section)
        found[f"{row.section}:{row.key}" if row.key else row.section] = f"{words} · {said(row, language)}" if row.key else words
    return found | {f"{name}/denominator": f"{words} ({base})" for name, words in found.items()}


# What replaced what -----------------------------------------------------------------------------------------------

def reissue(record: Any, actor: access.Actor) -> dict[str, Any]:
    """What replaced this record; what it replaced, why, and which figures changed; and whether the reader may have it
    replaced now."""
    report, language = reports.report_of(record.spec.name), actor.language
    if report is None or not isinstance(report.reissue, reissues.Reissuing):
        return {}
    old, new = reissues.of(db.session, record)
    found: dict[str, Any] = {}
    if new is not None:
        found["replaced_by"] = _linked(record.spec, new.new_id)
    if old is not None:
        captions, child = captions_of(record, language), record.spec.lines[report.reissue.table]
        found |= {"replaces": _linked(record.spec, old.old_id), "reason": old.reason, "changes": [
            (captions.get(figure) or caption(record.spec, figure, language),
             child.fields[column].label.in_(language) if column else "",
             *(_said(record.spec, child, figure, column, value, language) for value in values))
            for figure, column, *values in old.changes]}
    if reissues.is_frozen(record) and reissues.may_replace(db.session, actor, record):
        found["offer"] = {"report": report.name, "number": record.number}
    return found


def _linked(spec: RecordType, id_: int) -> dict[str, str]:
    return {"href": f"/admin/{spec.name}/details/?id={id_}", "number": reissues.number_of(db.session, spec.name, id_)}


def _said(spec: RecordType, child: Lines, figure: str, column: str, value: str | None, language: str) -> str | None:
    """As the form shows it."""
    field = child.fields[column] if column else spec.fields[figure]
    if value is None:
        return None
    read = {Kind.CHOICE: str, Kind.INTEGER: int, Kind.BOOL: "True".__eq__}.get(field.kind, Decimal)
    return exports.shown(field, read(value), language)
