"""One record as a workbook that calculates: numbers, percentages, money and dates as what they are, text inert."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xlsxwriter

from models.spec import Field, Kind, Text
from rules import access, exports, lists, signed, workbook

FORMATS = {**workbook.NUMBER_FORMATS, Kind.INTEGER: "#,##0", Kind.DECIMAL: "General"}
WIDTHS: Mapping[Kind, int] = {Kind.LONGTEXT: 48, Kind.DATETIME: 17, Kind.DATE: 12, Kind.BOOL: 8}
FIGURES, EVIDENCE, SIGNATURES = Text("数字", "Figures"), Text("依据", "Evidence"), lists.SIGNATURES.label
ITEM, VALUE, UNIT = Text("项目", "Item"), Text("数值", "Value"), Text("单位", "Unit")
BEHIND = (Text("指标", "Figure"), Text("名称", "Caption"), Text("记录类型", "Record type"), Text("单号", "Number"))
Rows = Iterable[Sequence[str]]


class Book:
    """The sheets of one record, written as its reader may see it."""

    def __init__(self, record: Any, titles: Mapping[Any, str], actor: access.Actor) -> None:
        self.record, self.titles, self.language = record, titles, actor.language
        self.plain = access.sees_private(actor, record.spec)
        self.file = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.file, {"in_memory": True})
        self.bold = self.book.add_format({**workbook.HEADING, "text_wrap": True})
        self.formats = workbook.styles(self.book, FORMATS, valign="top")
        self.wrapped = self.book.add_format({"text_wrap": True, "valign": "top"})
        self.names: set[str] = set()

    def write(self, evidence: Rows | None, block: Sequence[Mapping[str, Any]]) -> bytes:
        self._figures()
        for child in self.record.spec.lines.values():
            fields = [field for field in child.fields.values() if not field.machine]
            sheet = self._sheet(child.label.in_(self.language), [field.label for field in fields])
            for n, field in enumerate(fields):
                sheet.set_column(n, n, WIDTHS.get(field.kind, 14))
            for n, row in enumerate(getattr(self.record, child.name), 1):
                for m, field in enumerate(fields):
                    self._cell(sheet, n, m, field, getattr(row, field.column))
        if evidence is not None:
            self._texts(EVIDENCE, BEHIND, evidence)
        if block:
            self._texts(SIGNATURES, signed.HEADERS, signed.table(block, self.language))
        self.book.close()
        return self.file.getvalue()

    def _figures(self) -> None:
        sheet = self._sheet(FIGURES.in_(self.language), (ITEM, VALUE, UNIT))
        sheet.set_column(0, 0, 28)
        sheet.set_column(1, 1, 36)
        base = [lists.BASE[name] for name in ("number", "state", "created_by", "created_at")]
        for n, field in enumerate([*base, *(f for f in self.record.spec.fields.values() if not f.machine)], 1):
            label = field.label.in_(self.language)
            sheet.write_string(n, 0, label, self.wrapped)
            value = getattr(self.record, field.column)
            if field.name == "state":
                state = self.record.spec.workflow.state(value)
                sheet.write_string(n, 1, state.label.in_(self.language) if state else str(value), self.wrapped)
            else:
                self._cell(sheet, n, 1, field, value)
            if field.measure:
                sheet.write_string(n, 2, field.measure_text.in_(self.language))

    def _sheet(self, name: str, headers: Sequence[Text]) -> Any:
        sheet = self.book.add_worksheet(self._free(name))
        for n, header in enumerate(headers):
            sheet.write_string(0, n, header.in_(self.language), self.bold)
        sheet.freeze_panes(1, 0)
        return sheet

    def _free(self, name: str) -> str:
        """A name that a spreadsheet takes and no other sheet has."""
        start = name.translate(str.maketrans("", "", workbook.NOT_IN_NAMES))[:workbook.LONGEST_NAME] or "-"
        found, n = start, 1
        while found.lower() in self.names:
            n += 1
            found = f"{start[:workbook.LONGEST_NAME - 4]} ({n})"
        self.names.add(found.lower())
        return found

    def _cell(self, sheet: Any, row: int, column: int, field: Field, value: Any) -> None:
        if value is None or value == "":
            return
        put = workbook.calculating(sheet, field.kind, self.formats.get(field.kind))
        if field.private and not self.plain:
            self._text(sheet, row, column, exports.masked(field, value))
        elif put is not None:
            put(row, column, value)
        elif field.kind in lists.NAMED:
            self._text(sheet, row, column, self.titles.get((field.to or field.kind.value, value), ""))
        else:
            self._text(sheet, row, column, exports.shown(field, value, self.language))

    def _text(self, sheet: Any, row: int, column: int, text: str) -> None:
        workbook.text(sheet, row, column, text, self.wrapped)

    def _texts(self, name: Text, headers: Sequence[Text], rows: Rows) -> None:
        sheet = self._sheet(name.in_(self.language), headers)
        sheet.set_column(0, len(headers) - 1, 20)
        for n, row in enumerate(rows, 1):
            for m, text in enumerate(row):
                self._text(sheet, n, m, text)
