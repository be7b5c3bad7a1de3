"""The charts that a type declares, drawn from a record's lines or from the records beside it that the reader may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from models.base import Record
from models.spec import VOID, Chart, ChartKind, Field, Kind, RecordType, Text
from rules import access, captions, charts, exports, lists

SHARE = Text("累计比率", "Running share")
LATEST = 12                          # records in a trend
LEAST = {ChartKind.TREND: 2, ChartKind.RANKING: 2}   # points; fewer of them show neither a course nor a place


class Drawn(NamedTuple):
    """A picture, and the same as a table: headings, and rows of a name and what is written of its values."""

    title: str
    svg: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Row(NamedTuple):
    label: str
    values: tuple[Decimal | None, ...]
    is_marked: bool
    share: Decimal | None


def of(act: Any, record: Any) -> list[Drawn]:
    """A chart for which nothing was counted is left out."""
    language, found = act.actor.language, []
    for n, chart in enumerate(record.spec.charts):
        fields = fields_of(record.spec, chart)
        rows = list(_of_lines(record, chart, fields, language) if chart.lines else _of_records(act, record, chart))
        rows = [row for row in rows if any(value is not None for value in row.values)]
        if chart.kind is ChartKind.TREND:
            rows.sort(key=lambda row: row.label)
        if len(rows) < LEAST.get(chart.kind, 1) or not any(value for row in rows for value in row.values):
            continue
        picture = _picture(chart, fields, rows, f"chart-{n}", language)
        found.append(Drawn(chart.label.in_(language), charts.DRAWN[chart.kind](picture),
                           *_as_table(picture, fields[chart.by].label.in_(language), language)))
    return found


def fields_of(spec: RecordType, chart: Chart) -> dict[str, Field]:
    return dict(spec.lines[chart.lines].fields if chart.lines else spec.fields)


def _picture(chart: Chart, fields: dict[str, Field], rows: Sequence[Row], name: str, language: str) -> charts.Picture:
    drawn = [fields[field] for field in chart.of]
    points = [charts.Point(
        row.label, tuple(None if value is None else float(value) for value in row.values),
        tuple(exports.shown(field, value, language) for field, value in zip(drawn, row.values, strict=True)),
        row.is_marked, None if row.share is None else float(row.share)) for row in rows]
    if chart.kind is ChartKind.RANKING:
        points = charts.placed(points)
    title, shown = charts.cut(chart.label.in_(language), points, language)
    tick = _percent if drawn[0].kind is Kind.PERCENT else _number
    marked = charts.IN_FOCUS if chart.lines else charts.THIS_ONE
    return charts.Picture(title, tuple(field.label.in_(language) for field in drawn), shown, name, tick,
                          drawn[0].kind is Kind.INTEGER, marked.in_(language))


def _as_table(picture: charts.Picture, by: str, language: str) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """What the picture shows, for whoever sees no picture or no colours."""
    has_share, has_mark = any(point.share is not None for point in picture.points), picture.marks
    headers = (by, *picture.series, *((SHARE.in_(language),) if has_share else ()), *((picture.marked,) if has_mark else ()))
    return headers, tuple(
        (point.label, *(text or charts.NOTHING for text in point.texts),
         *((f"{point.share or 0:.2%}",) if has_share else ()), *(("✓" if point.is_marked else "",) if has_mark else ()))
        for point in picture.points)


def _percent(value: float) -> str:
    return f"{value * 100:g}%"


def _number(value: float) -> str:
    return f"{value:,.10g}"


# Lines of the record ------------------------------------------------------------------------------------------------

def _of_lines(record: Any, chart: Chart, fields: dict[str, Field], language: str) -> Iterator[Row]:
    by = fields[chart.by]
    for line in getattr(record, chart.lines):
        if all((getattr(line, fields[name].column) or "") in wanted for name, wanted in chart.where.items()):
            yield Row(_called(line, by, language),
                      tuple(getattr(line, fields[name].column) for name in chart.of),
                      bool(getattr(line, "is_focus", False)), getattr(line, "cumulative_rate", None))


def _called(line: Any, by: Field, language: str) -> str:
    is_caption = by.name == "caption" and set(type(line).fields) >= captions.NAMES
    return captions.said(line, language) if is_caption else exports.shown(by, getattr(line, by.column), language)


# Records of the type ------------------------------------------------------------------------------------------------

def _of_records(act: Any, record: Any, chart: Chart) -> Iterator[Row]:
    """Of each name the newest that is not void; a trend ends with this record."""
    spec = record.spec
    model, by = spec.model, spec.fields[chart.by]
    same = [(getattr(model, spec.fields[name].column), getattr(record, spec.fields[name].column)) for name in chart.same]
    key, own = getattr(model, by.column), getattr(record, by.column)
    if own is None or any(value is None for _, value in same):
        return
    query = sa.select(model.id, key, *(getattr(model, spec.fields[name].column) for name in chart.of)).where(
        model.state != VOID, *(column == value for column, value in same), key.is_not(None))
    if chart.kind is ChartKind.TREND:
        query = query.where(key <= own).order_by(key.desc(), model.id.desc()).limit(LATEST * 2)
    else:
        query = query.order_by(model.id.desc())
    found = act.session.execute(access.visible(query, act.actor, spec)).all()
    newest = {value: (id_, values) for id_, value, *values in reversed(found)}
    chosen = sorted(newest)[-LATEST:] if chart.kind is ChartKind.TREND else list(newest)
    names = _names(act.session, by, chosen)
    for value in chosen:
        yield Row(names.get(value, str(value)), tuple(newest[value][1]),
                  value == own and chart.kind is ChartKind.RANKING, None)


def _names(session: Any, by: Field, values: Sequence[Any]) -> dict[Any, str]:
    """What the records of a link are called; a month is its own name."""
    if by.kind is not Kind.LINK or not values:
        return {}
    target = Record.types[by.to]
    title = getattr(target.model, target.fields[target.title].column) if target.title else target.model.number
    called = sa.func.coalesce(title, lists.numbered(target.model))
    return dict(session.execute(sa.select(target.model.id, called).where(target.model.id.in_(values))).all())
