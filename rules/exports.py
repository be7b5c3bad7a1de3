"""How a value leaves the database: shown in a language, masked for who does not need it, inert in a spreadsheet.

Every exit passes here: list, details, CSV, search results, choice boxes.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from models.base import PLACES, rounded
from models.spec import Field, Kind, RecordType
from rules import access, lists, office

HIDDEN = "＊＊＊"
PIECE = 500   # rows that are written at once, column by column
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
    return office.local(value).isoformat(" ", "minutes")[:16]   # strftime takes twice as long


def shown(field: Field, value: Any, language: str, *, plain: bool = True) -> str:
    if value is None or value == "":
        return ""
    return masked(field, value) if field.private and not plain else shower(field, language)(value)


# CSV --------------------------------------------------------------------------------------------------------------

Values = Sequence[Any]
Signatures = Callable[[Sequence[int]], Sequence[str]]


def _csv_column(field: Field, language: str, *, raw: bool, plain: bool) -> Callable[[Values], Values]:
    """The function that writes many values of one column: ISO times in the office's zone, decimals as stored, text
    inert. The writer makes nothing of None, and str of whatever is not text."""
    kind = field.kind
    if field.private and not plain:
        return lambda values: [None if value is None else inert(masked(field, value)) for value in values]
    if kind is Kind.DATETIME:
        zone = office.zone()
        return lambda values: [None if value is None else value.astimezone(zone).isoformat() for value in values]
    if kind is Kind.DECIMAL:
        return lambda values: [None if value is None else trimmed(value) for value in values]
    if kind in PLACES or kind in (Kind.INTEGER, Kind.DATE):
        return lambda values: values
    if kind is Kind.MULTICHOICE:
        show = ";".join if raw else shower(field, language)
        return lambda values: [None if value is None else show(value) for value in values]
    if kind is Kind.BOOL:
        say = (lambda value: str(value).lower()) if raw else shower(field, language)
        words = {True: say(True), False: say(False)}
        return lambda values: [words.get(value) for value in values]
    if kind in (Kind.CHOICE, Kind.PROVINCE):
        labels = {} if raw else {value: label.in_(language) for value, label in field.choices}
        return lambda values: [labels.get(value, value) for value in values]
    return lambda values: ["'" + value if value and value[0] in _FORMULA else value for value in values]


def inert(text: str) -> str:
    """A cell that a spreadsheet would take for a formula gets a leading '; import strips it again."""
    return "'" + text if text.startswith(_FORMULA) else text


def export_columns(spec: RecordType) -> tuple[str, ...]:
    return ("number", *spec.fields, "state", "created_by", "created_at")


def csv_rows(spec: RecordType, cols: lists.Columns, rows: Iterable[Sequence[Any]], actor: access.Actor, *,
             header: str = "labels", signatures: Signatures | None = None) -> Iterator[bytes]:
    """A CSV that opens right in a Chinese Excel, in pieces of a few hundred rows. `signatures` writes the last column
    for the ids of a piece."""
    raw, plain = header == "names", access.sees_private(actor, spec)
    columns = [_csv_column(field, actor.language, raw=raw, plain=plain) for field in cols.fields]
    fields = (*cols.fields, lists.SIGNATURES) if signatures else cols.fields

    def parts() -> Iterator[Iterable[Values]]:
        coming = iter(rows)
        while piece := list(islice(coming, PIECE)):
            ids, _, *values = zip(*piece, strict=True)
            written = [write(one) for write, one in zip(columns, values, strict=True)]
            yield zip(*written, *((signatures(ids),) if signatures else ()), strict=True)
    return csv_file([field.name if raw else field.label.in_(actor.language) for field in fields], parts())


def csv_file(head: Sequence[str], parts: Iterable[Iterable[Values]]) -> Iterator[bytes]:
    """The form of every CSV that leaves: UTF-8 with BOM, CRLF, one piece for the head and one for each part."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(head)
    yield codecs.BOM_UTF8 + taken(buffer)
    for part in parts:
        writer.writerows(part)
        yield taken(buffer)


def json_file(parts: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """One list of all the objects, one piece for each part."""
    between = "["
    for part in parts:
        text = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in part)
        if text:
            yield (between + text).encode()
            between = ",\n"
    yield b"[]\n" if between == "[" else b"]\n"


def taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()
