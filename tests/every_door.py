"""The figures of one record as every door tells them: the API, the commands, the page, the CSV, the workbook and the paper."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal

from models.base import Record
from models.spec import NUMBERS, Kind
from rules import exports
from tests import on_paper, reading
from tests.api.program import Program


def every_door_says(book, who, type_name, id_, **expected):
    """`expected`: field -> its value as a file writes it, a number as text; exactly this, from each door."""
    spec, person = Record.types[type_name], book.person(who)
    number = book.read(type_name, id_).number
    api = Program(book.app, who).get(f"/items/{type_name}/{id_}").json["data"]
    exported = json.loads(command(book, type_name, "--format", "json"))
    kept = next(row for row in exported if row["number"] == number)
    screen = person.get(f"/admin/{type_name}/export/csv/?header=names").data.decode("utf-8-sig")
    rows = [row_of(text, number) for text in (screen, command(book, type_name, "--header", "names").lstrip("\ufeff"))]
    page = "".join(reading.text_of(person.get(f"/admin/{type_name}/details/?id={id_}").text).split())
    figures = on_paper.figures(on_paper.calculated(person, type_name, id_))
    paper = on_paper.whole(on_paper.printed(person, type_name, id_))
    for name, value in expected.items():
        field, value = spec.fields[name], _as_written(value)
        is_number = field.kind in NUMBERS
        same = Decimal if is_number else {Kind.BOOL: _as_written}.get(field.kind, str)
        assert {same(told[name]) for told in (api, kept, *rows)} == {same(value)}, name
        assert not is_number or all(isinstance(told[name], (str, int)) for told in (api, kept)), f"{name} is exact"
        read = {Kind.BOOL: "true".__eq__, Kind.DATE: date.fromisoformat}.get(field.kind, same)(value)
        shown = exports.shown(field, read, "zh")
        assert figures[field.label.zh] == (float(value) if is_number else read if field.kind is Kind.DATE else shown), name
        said = "".join((field.label.zh + shown + (field.measure if is_number else "")).split())
        assert said in page and said in paper, said


def _as_written(value):
    """A truth value: JSON has a word of its own for it."""
    return str(value).lower() if isinstance(value, bool) else value


def command(book, type_name, *options):
    answer = book.app.test_cli_runner().invoke(args=["export", type_name, *options])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def row_of(text, number):
    return next(row for row in csv.DictReader(io.StringIO(text)) if row["number"] == number)
