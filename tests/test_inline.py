"""Cells of a list that are changed in place: by the rules of the form, with its sentences, and nobody's work lost."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from models.base import Record
from models.history import AuditEntry
from models.spec import WrongDeclaration
from rules import registry
from tests import reading, valid
from tests.browser_of_a_person import Person, fields_of
from tests.valid import TYPES, desk


def cells(page):
    """The addresses of the cells that a list offers to change."""
    return re.findall(r'<a class="cell" href="([^"]+)"', page)


def typed(answer, name):
    """What stands in the input of the cell."""
    return fields_of(answer.text)[name]


def sentence(answer):
    return reading.squeezed(re.search(r'class="error-text"[^>]*>(.*?)</p>', answer.text, re.S)[1])


def test_a_cell_is_changed_by_the_rules_of_the_form(app):
    with desk(app) as session:
        visits = [{**row, "planned_on": "2026-10-12"} for row in valid.raw(session, TYPES["visit_plan"])["visits"]]
        mine = valid.record(session, "visit_plan", creator="sales", title="十月走访", starts_on="2026-10-01",
                            ends_on="2026-10-31", visits=visits,
                            handler=str(valid.id_of(session, "sales"))).id
        ended = valid.record(session, "visit_plan", "completed").id
    me, reader = Person(app, "sales"), Person(app, "general_manager")
    at, revision = f"/admin/visit_plan/{mine}/cell", me.revision("visit_plan", mine)
    offered = cells(me.get("/admin/visit_plan/?cols=ends_on,customer_name,title").text)
    assert set(offered) == {f"/admin/visit_plan/{id_}/cell/{name}" for id_ in (mine, ended) for name in ("ends_on", "title")}
    assert not cells(reader.get("/admin/visit_plan/").text) and reader.get(f"{at}/title").status_code == 404
    assert me.get(f"{at}/purpose").status_code == 404, "not declared for the list"
    # What has ended says so, before and after somebody typed.
    closed = me.get(f"/admin/visit_plan/{ended}/cell/title")
    assert closed.status_code == 403 and "记录已结束" in sentence(closed)
    refused = me.post(f"/admin/visit_plan/{ended}/cell/title", {"revision": 1, "title": "我的"})
    assert refused.status_code == 403 and "记录已结束" in sentence(refused) and typed(refused, "title") == "我的"
    # A bad value: the sentence names field and cure, and what was typed stays.
    assert typed(me.get(f"{at}/ends_on"), "ends_on") == "2026-10-31"
    for value, words in (("昨天", ("期间结束", "2026-10-31")), ("2026-09-01", ("期间",)), ("", ("请填写", "期间结束")),
                         ("2026-10-05", ("计划日期须在计划期间内", "请打开记录"))):
        bad = me.post(f"{at}/ends_on", {"revision": revision, "ends_on": value})
        assert bad.status_code == 422 and typed(bad, "ends_on") == value, value
        assert all(word in sentence(bad) for word in words), sentence(bad)
    # Kept; the row comes back in the columns that the list had, and the audit tells the old and the new value.
    kept = me.post(f"{at}/ends_on", {"revision": revision, "ends_on": "2026-11-15", "back": "?cols=ends_on&q=x"},
                   headers={"Accept": "application/json"})
    assert kept.status_code == 200, sentence(kept)
    assert kept.json["revision"] == revision + 1 and reading.cells_of(kept.json["row"])[mine][1:] == ["2026-11-15"]
    assert f'value="{mine}:{revision + 1}"' in kept.json["row"]
    # Without the script it is a page of its own, which leads back to the list as it was.
    plain = me.post(f"{at}/title", {"revision": revision + 1, "title": "走访", "back": "?state=draft&page=2"})
    assert plain.status_code == 302 and plain.location == "/admin/visit_plan/?state=draft"
    with desk(app) as session:
        entries = session.scalars(sa.select(AuditEntry).where(
            AuditEntry.type == "visit_plan", AuditEntry.record_id == mine).order_by(AuditEntry.id)).all()
        assert [entry.changes for entry in entries[-2:]] == [
            {"ends_on": ["2026-10-31", "2026-11-15"]}, {"title": ["十月走访", "走访"]}]
        assert {entry.actor for entry in entries[-2:]} == {entries[-1].actor} and entries[-1].door == "screen"
        assert session.get(Record.types["visit_plan"].model, ended).revision == 1


def test_who_saves_a_cell_second_is_told_and_keeps_what_they_typed(app):
    with desk(app) as session:
        id_ = valid.record(session, "customer", "active").id
    one, other = Person(app, "sales"), Person(app, "sales_lead")
    at, seen = f"/admin/customer/{id_}/cell/account_manager", one.revision("customer", id_)
    with desk(app) as session:
        first, second = (str(valid.id_of(session, name)) for name in ("sales", "sales_lead"))
    assert one.post(at, {"revision": seen, "account_manager": first}).status_code == 302
    late = other.post(at, {"revision": seen, "account_manager": second})
    assert late.status_code == 409 and typed(late, "account_manager") == second
    assert "修改" in sentence(late) and "现在是" in sentence(late)
    for stale in ({}, {"revision": "x"}):
        assert other.post(at, {**stale, "account_manager": second}).status_code == 409
    again = int(re.search(r'name="revision" value="(\d+)"', late.text)[1])
    assert other.post(at, {"revision": again, "account_manager": second}).status_code == 302
    assert valid.snapshot(app, "customer", id_)["account_manager_id"] == int(second)


@pytest.mark.once
@pytest.mark.parametrize(("words", "cure"), [
    (("nobody_knows",), "declare it or take it out"), (("number",), "declare it or take it out"),
    (("purpose",), "the form is for it"), (("planned_count",), "which nobody types")])
def test_a_wrong_declaration_of_cells_stops_the_start(words, cure):
    spec = replace(Record.types["visit_plan"], inline=words)
    with pytest.raises(WrongDeclaration, match=cure):
        registry.check(spec)
