"""How a value leaves the database: shown in a language, masked for who does not need it, inert in a spreadsheet.

Every exit passes here: list, details, CSV, search results, choice boxes.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from models.base import PLACES, rounded
from models.spec import Field, Kind, RecordType
from rules import access, lists, office

HIDDEN = "＊＊＊"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def masked(field: Field, value: Any) -> str:
    """What someone without need may see of a private value: that there is one, and a hint."""
    text = str(value)
    if field.kind is Kind.PHONE and len(text) >= 7:
        return f"{text[:3]}****{text[-2:]}"
    return f"{text[:1]}{HIDDEN}" if field.kind in (Kind.TEXT, Kind.EMAIL) and len(text) > 1 else HIDDEN


def _number(field: Field) -> Callable[[Any], str]:
    if field.kind is Kind.MONEY:
        return lambda value: f"{value:,.2f}"
    if field.kind is Kind.PERCENT:
        return lambda value: f"{rounded(value * 100)}%"
    if field.kind is Kind.DECIMAL:
        return lambda value: trimmed(value)
    return str


def trimmed(value: Decimal) -> str:
    """12.5000 -> 12.5; 100.0000 -> 100."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def shower(field: Field, language: str) -> Callable[[Any], str]:
    """The function that writes this field's values for people; made once per column, not per cell."""
    kind = field.kind
    if kind in (Kind.CHOICE, Kind.PROVINCE):
        labels = {value: label.in_(language) for value, label in field.choices}
        return lambda value: labels.get(value, value)
    if kind is Kind.MULTICHOICE:
        labels = {value: label.in_(language) for value, label in field.choices}
        return lambda value: "、".join(labels.get(one, one) for one in value)
    if kind is Kind.BOOL:
        yes, no = ("是", "否") if language == "zh" else ("Yes", "No")
        return lambda value: yes if value else no
    if kind is Kind.DATETIME:
        return moment_text
    if kind is Kind.DATE:
        return date.isoformat
    return _number(field) if kind in (Kind.MONEY, Kind.PERCENT, Kind.DECIMAL) else str


def moment_text(value: datetime) -> str:
    return office.local(value).isoformat(" ", "minutes")[:16]   # thrice as quick as strftime, and lists have many


def shown(field: Field, value: Any, language: str, *, plain: bool = True) -> str:
    if value is None or value == "":
        return ""
    return masked(field, value) if field.private and not plain else shower(field, language)(value)


# CSV --------------------------------------------------------------------------------------------------------------

def _csv_cell(field: Field, language: str, *, raw: bool, plain: bool) -> Callable[[Any], Any]:
    """The function that writes one column of a CSV: ISO times in the office's zone, decimals as stored, text inert."""
    if field.private and not plain:
        return lambda value: "" if value is None else inert(masked(field, value))
    kind = field.kind
    if kind is Kind.DATETIME:
        zone = office.zone()
        return lambda value: "" if value is None else value.astimezone(zone).isoformat()
    if kind in PLACES:
        if kind is Kind.DECIMAL:
            return lambda value: "" if value is None else trimmed(value)
        return lambda value: "" if value is None else format(value, "f")
    if kind in (Kind.INTEGER, Kind.DATE):
        return lambda value: "" if value is None else value
    if kind is Kind.BOOL and raw:
        return lambda value: "" if value is None else str(value).lower()
    if raw and kind in (Kind.CHOICE, Kind.PROVINCE):
        return lambda value: value or ""
    if raw and kind is Kind.MULTICHOICE:
        return lambda value: ";".join(value or ())
    if kind in (Kind.CHOICE, Kind.PROVINCE, Kind.BOOL, Kind.MULTICHOICE):
        show = shower(field, language)
        return lambda value: "" if value is None else show(value)
    return lambda value: "" if value is None else inert(str(value))


def inert(text: str) -> str:
    """A cell that a spreadsheet would take for a formula gets a leading '; import strips it again."""
    return "'" + text if text.startswith(_FORMULA) else text


def export_columns(spec: RecordType) -> tuple[str, ...]:
    return ("number", *spec.fields, "state", "created_by", "created_at")


def csv_rows(spec: RecordType, cols: lists.Columns, rows: Iterable[Sequence[Any]], actor: access.Actor, *,
             header: str = "labels") -> Iterator[bytes]:
    """A CSV that opens right in a Chinese Excel: UTF-8 with BOM, CRLF; in pieces of a few hundred rows."""
    raw, plain = header == "names", access.sees_private(actor, spec)
    cells = [_csv_cell(field, actor.language, raw=raw, plain=plain) for field in cols.fields]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([field.name if raw else field.label.in_(actor.language) for field in cols.fields])
    yield codecs.BOM_UTF8 + _taken(buffer)
    for index, row in enumerate(rows, 1):
        writer.writerow([cell(value) for cell, value in zip(cells, row[2:], strict=True)])
        if index % 500 == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
