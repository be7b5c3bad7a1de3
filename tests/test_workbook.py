"""One record as a workbook: numbers that calculate, days that are days, text that is nobody's formula, and the same
rights and masks as its page."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from urllib.parse import unquote

import pytest

from models.base import Record
from models.spec import Kind
from tests import on_paper, rounds, valid
from tests.casebook import Casebook, done
from tests.test_export import FORMULAS
from tests.valid import TYPES, desk

CLAIM, PLAN, REPORT = "compensation_request", "visit_plan", "monthly_quality_report"


@pytest.fixture
def book(app):
    return Casebook(app)


def test_numbers_percentages_money_and_days_are_what_they_are(app, book):
    with desk(app) as session:
        rows = [{"section": "reply_on_time", "caption": "答复及时率", "rate": "0.886667", "direct_loss": "1234.50",
                 "case_count": "12", "is_applicable": "true"}]
        id_ = valid.record(session, "quality_info_summary", figures=rows, checked_at="2026-11-01T23:30").id
        card = valid.record(session, PLAN, starts_on="2026-10-31", budget="1234567.50").id
    answer = book.person("quality_manager").get(f"/admin/quality_info_summary/details/xlsx/?id={id_}")
    found = on_paper.sheets(answer.data)
    line, = on_paper.rows_of(found["统计数字"])
    assert (line["比率"], line["损失"], line["起数"], line["适用"]) == (0.886667, 1234.5, 12, "是")
    assert on_paper.figures(found)["核对时间"] == datetime(2026, 11, 1, 23, 30)
    styles = zipfile.ZipFile(io.BytesIO(answer.data)).read("xl/styles.xml").decode()
    assert all(one in styles or f'numFmtId="{builtin}"' in styles for one, builtin in (
        ("0.00%", 10), ("#,##0.00", 4), ("yyyy-mm-dd", 14), ("yyyy-mm-dd hh:mm", 22)))
    told = on_paper.figures(on_paper.calculated(book.person("quality_engineer"), PLAN, card))
    assert (told["期间开始"], told["预算"]) == (date(2026, 10, 31), 1234567.5)
    name = unquote(answer.headers["Content-Disposition"])
    assert name.startswith("attachment;") and name.endswith(".xlsx") and "QIS-" in name


@pytest.mark.once
def test_every_type_has_a_sheet_for_its_figures_and_one_for_each_child_table(app, book):
    for spec in TYPES.values():
        roles = valid.roles_with(spec, "X")
        if not roles:
            continue
        with desk(app) as session:
            row = valid.record(session, spec.name, also=valid.typable(spec), role=roles[0])
            id_, number, counts = row.id, row.number, [len(getattr(row, name)) for name in spec.lines]
        person = book.person(valid.username(roles[0]))
        answer = person.get(f"/admin/{spec.name}/details/xlsx/?id={id_}")
        if answer.status_code == 404:
            continue   # not in this role's scope
        found = on_paper.sheets(answer.data)
        sheets = [len(sheet) - 1 for sheet in found.values()]
        assert sheets[1:len(counts) + 1] == counts, spec.name
        told = on_paper.figures(found)
        assert told["编号"] == (number or ""), spec.name
        assert {f.label.zh for f in spec.fields.values() if not f.machine} <= set(told)


@pytest.mark.once
def test_no_text_becomes_a_formula_or_a_link_and_masks_hold(app, book):
    spec = Record.types["customer"]
    texts = [f for f in spec.fields.values() if f.kind in (Kind.TEXT, Kind.LONGTEXT)]
    for typed in (*FORMULAS, "https://evil.example/", "{=1+1}", "00123"):
        with desk(app) as session:
            row = valid.record(session, "customer")
            session.execute(row.__table__.update().where(row.__table__.c.id == row.id).values({f.column: typed for f in texts}))
            id_ = row.id
        data = book.person("sales").get(f"/admin/customer/details/xlsx/?id={id_}").data
        parts = zipfile.ZipFile(io.BytesIO(data))
        sheets = "".join(parts.read(name).decode() for name in parts.namelist() if "worksheets" in name)
        assert "<f>" not in sheets and "hyperlink" not in sheets
        plain = [f for f in texts if not f.private]
        assert {on_paper.figures(on_paper.sheets(data))[f.label.zh] for f in plain} <= {typed, typed.strip()}
    with desk(app) as session:
        id_ = valid.record(session, REPORT, phone="13912345678").id
    told = on_paper.figures(on_paper.calculated(book.person("customer_service"), REPORT, id_))
    assert told["联系电话"] == "139****78"


@pytest.mark.once
def test_who_may_not_export_or_see_it_gets_no_workbook(app, book):
    with desk(app) as session:
        id_ = valid.record(session, PLAN).id
    address = f"/admin/{PLAN}/details/xlsx/"
    assert book.person("sales").get(f"{address}?id={id_}").status_code == 403, "sees it, has no X"
    assert book.person("quality_engineer").get(f"{address}?id={id_ + 1}").status_code == 404
    assert app.test_client().get(f"{address}?id={id_}").status_code == 302
    page = "/details/xlsx/"
    assert page in book.person("quality_engineer").get(f"/admin/{PLAN}/details/?id={id_}").text
    assert page not in book.person("sales").get(f"/admin/{PLAN}/details/?id={id_}").text


@pytest.mark.once
def test_what_was_signed_has_a_sheet_of_its_own(app, book):
    id_ = rounds.submitted(book)
    done(book.person("quality_manager").move(PLAN, id_, "approve", comment="同意"))
    signed = on_paper.rows_of(on_paper.calculated(book.person("quality_engineer"), PLAN, id_)["会签"])
    assert [(row["角色"], row["结果"], row["意见"]) for row in signed] == [("质量负责人", "已签", "同意")]
