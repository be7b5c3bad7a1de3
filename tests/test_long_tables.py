"""A child table that a job wrote is shown a part at a time, however long it is."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from admin_views import line_tables
from models.base import Record
from rules import records
from rules.access import Actor
from tests import on_paper, valid
from tests.valid import desk

NAMES = [f"第{n}号搅拌车" for n in range(1, 8)]
HREF = "/admin/quality_info_summary/details/?id="


@pytest.fixture
def summary(app):
    """The id of a summary with seven cases."""
    with desk(app) as session:
        record = valid.record(session, "quality_info_summary")
        session.flush()
        table = Record.types["quality_info_summary"].lines["cases"].model.__table__
        session.execute(sa.delete(table).where(table.c.record_id == record.id))
        session.execute(sa.insert(table), [
            {"record_id": record.id, "position": n, "line_no": n + 1, "product_name": name} for n, name in enumerate(NAMES)])
        return record.id


def shown(page):
    return [name for name in NAMES if name in page]


def test_a_long_table_is_turned_page_by_page(summary, person, monkeypatch):
    monkeypatch.setattr(line_tables, "ROWS", 3)
    reader = person("quality_engineer")
    first = reader.get(f"{HREF}{summary}").text
    assert shown(first) == NAMES[:3] and "第 1–3 行，共 7 行" in first
    assert f'{HREF}{summary}&amp;cases_page=2#table-cases"' in first and "cases_page=0" not in first
    second = reader.get(f"{HREF}{summary}&cases_page=2").text
    assert shown(second) == NAMES[3:6] and "cases_page=1#" in second and "cases_page=3#" in second
    last = reader.get(f"{HREF}{summary}&cases_page=3&lang=en").text
    assert shown(last) == NAMES[6:] and "Rows 7–7 of 7" in last and "cases_page=4" not in last
    for beyond in ("99", "999999999999"):
        assert shown(reader.get(f"{HREF}{summary}&cases_page={beyond}").text) == NAMES[6:]
    for wrong in ("-1", "x", "", "²"):
        assert shown(reader.get(f"{HREF}{summary}&cases_page={wrong}").text) == NAMES[:3]


def test_a_short_table_is_shown_whole(summary, person, monkeypatch):
    monkeypatch.setattr(line_tables, "ROWS", len(NAMES))
    page = person("quality_engineer").get(f"{HREF}{summary}&cases_page=2").text
    assert shown(page) == NAMES
    page = person("quality_engineer").get(f"{HREF}{summary}").text
    assert shown(page) == NAMES and "cases_page" not in page


def test_rows_that_are_not_shown_are_not_read(app, summary, monkeypatch):
    monkeypatch.setattr(line_tables, "ROWS", 3)
    with desk(app) as session:
        record = records.find(session, Actor.system(), Record.types["quality_info_summary"], summary)
        parts = line_tables.shown(record, {})
        case = Record.types["quality_info_summary"].lines["cases"].model
        assert [row.product_name for row in parts["cases"].rows] == NAMES[:3] and parts["cases"].total == 7
        assert sum(isinstance(row, case) for row in session.identity_map.values()) <= 4
        assert "cases" not in record.__dict__, "nobody takes a part for the whole"


def test_what_people_type_is_shown_whole(app, summary, monkeypatch):
    monkeypatch.setattr(line_tables, "ROWS", 1)
    with desk(app) as session:
        record = session.get_one(Record.types["quality_info_summary"].model, summary)
        record.receipts[:] = [record.spec.lines["receipts"].model(remark=str(n)) for n in range(3)]
        assert line_tables.shown(record, {})["receipts"].is_whole
        session.expunge_all()


def test_on_paper_and_in_the_workbook_it_is_whole(summary, person, monkeypatch):
    monkeypatch.setattr(line_tables, "ROWS", 3)
    reader = person("quality_manager")
    for carried in (on_paper.calculated(reader, "quality_info_summary", summary),
                    on_paper.whole(on_paper.printed(reader, "quality_info_summary", summary))):
        assert shown(str(carried)) == NAMES
