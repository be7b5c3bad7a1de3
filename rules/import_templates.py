"""The empty workbook of a type: its fields as headers, choices to pick from, notes as comments, a sheet per child table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from models.base import Record
from models.people import Unit
from models.spec import Field, Kind, RecordType, Text
from rules import access, checks, export_files, lists, workbook

LAST_ROW = 5000        # down to which choices are offered
INLINE = 250           # characters of choices that Excel takes in the cell's own rule
CHOICES = "_choices"   # a hidden sheet with the longer lists; import passes over sheets that begin so
FORMATS = {**workbook.NUMBER_FORMATS, Kind.TEXT: "@", Kind.PHONE: "@"}
REQUIRED, UNIQUE = Text("必填", "Required"), Text("不能重复", "Unique")
NUMBER = Text("填已有记录的编号即更新该记录；新记录可留空，或填任意代号供子表引用",
              "The number of a record to change it; of a new one nothing, or any word by which its lines name it")
OWNER = Text("主表“编号”列中的编号或代号", "What the row of the first sheet has as its number")
HINTS = {
    Kind.DATE: Text("日期，如 2026-10-31", "A date: 2026-10-31"),
    Kind.DATETIME: Text("日期和时间，如 2026-10-31 09:30", "A date and time: 2026-10-31 09:30"),
    Kind.PERIOD: Text("月份，如 2026-10", "A month: 2026-10"), Kind.QUARTER: Text("季度，如 2026-Q4", "A quarter: 2026-Q4"),
    Kind.USER: Text("用户名或姓名", "User name or name"), Kind.UNIT: Text("部门代码或名称", "Code or name of the department"),
    Kind.MULTICHOICE: Text("可填多项，用分号隔开：{listed}", "Several, with semicolons between them: {listed}"),
    Kind.LINK: Text("“{type}”的编号或名称", "Number or title of: {type}"),
}


def write(session: Any, actor: access.Actor, spec: RecordType, path: Path) -> None:
    units = list(session.scalars(sa.select(Unit.name).order_by(Unit.code)))
    with xlsxwriter.Workbook(str(path)) as book:
        template = _Template(book, actor.language, units)
        closed = checks.read_only(spec)
        names = export_files.Wanted(spec, (), "", actor, "xlsx")
        template.sheet(export_files.sheet_name(names, spec), NUMBER, {
            name: field for name, field in spec.fields.items() if name not in closed})
        for child in spec.lines.values():
            if not spec.is_counted(child):
                template.sheet(export_files.sheet_name(names, child), OWNER, child.fields)
        template.finish()


class _Template:
    def __init__(self, book: Any, language: str, units: list[str]) -> None:
        self.book, self.language, self.units = book, language, units
        self.head = book.add_format(workbook.HEADING)
        self.needed = book.add_format({**workbook.HEADING, "bg_color": "#FFE9B8"})
        self.lists: list[list[str]] = []

    def sheet(self, name: str, number_note: Text, fields: Mapping[str, Field]) -> None:
        page = self.book.add_worksheet(name)
        number = lists.BASE["number"].label.in_(self.language)
        page.write_string(0, 0, number, self.head)
        page.write_comment(0, 0, number_note.in_(self.language))
        page.set_column(0, 0, 20)
        page.freeze_panes(1, 0)
        typed = (field for field in fields.values() if field.typed and field.kind is not Kind.FILE)
        for place, field in enumerate(typed, 1):
            self._column(page, place, field)

    def _column(self, page: Any, place: int, field: Field) -> None:
        label = field.label.in_(self.language)
        word = f"{label}*" if field.required else label
        style = self.book.add_format({"num_format": FORMATS[field.kind]}) if field.kind in FORMATS else None
        page.set_column(place, place, max(12, min(40, 2 * len(word) + 2)), style)
        page.write_string(0, place, word, self.needed if field.required else self.head)
        page.write_comment(0, place, "\n".join(text.in_(self.language) for text in _notes(field, self.language)) or label)
        choices = self._choices(field)
        if choices:
            page.data_validation(1, place, LAST_ROW, place, {
                "validate": "list", "source": self._source(choices), "error_type": "warning"})

    def _choices(self, field: Field) -> list[str]:
        if field.kind is Kind.BOOL:
            return ["是", "否"] if self.language == "zh" else ["yes", "no"]
        if field.kind is Kind.UNIT:
            return self.units
        return [choice.label.in_(self.language) for choice in field.choices] if field.kind is not Kind.MULTICHOICE else []

    def _source(self, choices: list[str]) -> Any:
        if len(",".join(choices)) <= INLINE and not any("," in choice for choice in choices):
            return choices
        if choices not in self.lists:
            self.lists.append(choices)
        column = xl_col_to_name(self.lists.index(choices))
        return f"='{CHOICES}'!${column}$1:${column}${len(choices)}"

    def finish(self) -> None:
        if self.lists:
            page = self.book.add_worksheet(CHOICES)
            page.hide()
            for place, choices in enumerate(self.lists):
                for row, choice in enumerate(choices):
                    page.write_string(row, place, choice)


def _notes(field: Field, language: str) -> list[Text]:
    listed = "；".join(choice.label.in_(language) for choice in field.choices)
    target = Record.types[field.to].label if field.to else ""
    notes = [REQUIRED] if field.required else []
    notes += [UNIQUE] if field.unique else []
    notes += [HINTS[field.kind].with_(listed=listed, type=target)] if field.kind in HINTS else []
    notes += [Text(f"单位：{field.measure_text.zh}", f"In {field.measure_text.en}")] if field.measure else []
    return [*notes, field.help] if field.help else notes
