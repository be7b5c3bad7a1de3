"""What all workbooks of the house have in common: formats, headings, names of sheets, cells that are inert or calculate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from models.spec import NUMBERS, Kind
from rules import office

NUMBER_FORMATS: Mapping[Kind, str] = {
    Kind.DATE: "yyyy-mm-dd", Kind.DATETIME: "yyyy-mm-dd hh:mm", Kind.PERCENT: "0.00%", Kind.MONEY: "#,##0.00"}
TO_THE_SECOND = {Kind.DATETIME: "yyyy-mm-dd hh:mm:ss"}   # of what may come in again
HEADING = {"bold": True, "bg_color": "#E8EEF4", "bottom": 1}
LONGEST_NAME = 31                    # of a sheet
LONGEST_TEXT = 32_767                # of a cell
LONGEST_NUMBER = 10**15              # a spreadsheet keeps 15 digits
NOT_IN_NAMES = "[]:*?/\\'"
Put = Callable[[int, int, Any], Any]   # row, column, value


def row_by_row(target: Any, folder: str | None = None) -> Any:
    """A book of any length in little memory, in which no text ever becomes anything but text."""
    return xlsxwriter.Workbook(target if hasattr(target, "write") else str(target), {
        "constant_memory": True, "in_memory": False, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False, **({"tmpdir": folder} if folder else {})})


def styles(book: Any, formats: Mapping[Kind, str], **more: Any) -> dict[Kind, Any]:
    return {kind: book.add_format({"num_format": one, **more}) for kind, one in formats.items()}


def calculating(page: Any, kind: Kind, style: Any) -> Put | None:
    """What writes values of this kind as numbers and days that calculate; None: they are words."""
    if kind in NUMBERS:
        return lambda row, place, value: number(page, row, place, value, style)
    if kind is Kind.DATE:
        return lambda row, place, value: _day(page, row, place, value, style)
    if kind is Kind.DATETIME:
        return lambda row, place, value: page.write_datetime(row, place, _as_shown(value), style)
    return None


def text(page: Any, row: int, place: int, words: str, style: Any = None) -> None:
    """As a string: nothing that somebody typed becomes a formula, a link or a number."""
    if words:
        page.write_string(row, place, words[:LONGEST_TEXT], style)


def number(page: Any, row: int, place: int, value: Decimal | int, style: Any = None) -> None:
    """Longer numbers than a spreadsheet keeps are written out."""
    if -LONGEST_NUMBER < value < LONGEST_NUMBER:
        page.write_number(row, place, float(value), style)
    else:
        page.write_string(row, place, str(value))


def _day(page: Any, row: int, place: int, value: date, style: Any) -> None:
    page.write_datetime(row, place, datetime(value.year, value.month, value.day), style)


def _as_shown(value: datetime) -> datetime:
    """A spreadsheet knows no zones: the time on the office's clock."""
    return office.local(value).replace(tzinfo=None)
