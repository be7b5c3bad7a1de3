"""On paper: what the page of a record shows its reader, the whole of it and nothing else, as the form of its type."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from admin_views import sheets
from models.base import Record, db
from models.history import AuditEntry
from models.spec import AREAS, LANGUAGES, Kind
from rules import exports, typeset
from tests import on_paper, reading, rounds, valid
from tests.casebook import Casebook, done
from tests.browser_of_a_person import Person
from tests.valid import TYPES, desk

pytestmark = pytest.mark.once
CARD, BULLETIN, MEMO, PLAN = "info_flow_card", "quality_bulletin", "customer_contact_memo", "visit_plan"
ORDER = "work_order"
VALUE = re.compile(r"<d[dt]\b[^>]*>(.*?)</d[dt]>|<td\b[^>]*>(.*?)</td>", re.S)


@pytest.fixture
def book(app):
    return Casebook(app)


def values_of(page):
    """What the details page shows of the record: labels, values, and the cells of its child tables."""
    body = page[page.index('<div class="column-main">'):]
    body = re.sub(r"<aside.*?</aside>|<svg.*?</svg>|<details class=\"as-table\".*?</details>|"
                  r"<section class=\"card\" (id|aria).*?</section>", "", body, flags=re.S)
    found = ["".join(reading.squeezed(a or b).split()) for a, b in VALUE.findall(body)]
    return [text for text in found if text and text != "—"]


# Every type -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("area", AREAS)
def test_every_type_prints_all_that_its_page_shows_and_nothing_that_is_masked(app, area):
    for n, spec in enumerate(spec for spec in TYPES.values() if spec.area == area):
        with desk(app) as session:
            row = valid.record(session, spec.name, also=valid.typable(spec))
            id_, number = row.id, row.number
            private = {name: exports.shown(field, getattr(row, field.column), "zh") for name, field in spec.fields.items()
                       if field.private and field.kind is not Kind.FILE}
        language = LANGUAGES[n % 2]
        for role in dict.fromkeys(("administrator", *valid.roles_with(spec, "CE")[:bool(private)])):
            person = Person(app, valid.username(role), language)
            if person.get(f"/admin/{spec.name}/details/?id={id_}").status_code != 200:
                continue   # not in this role's scope
            text = on_paper.whole(on_paper.printed(person, spec.name, id_, query="&copies=one"))
            shown = values_of(person.get(f"/admin/{spec.name}/details/?id={id_}").text)
            assert not [value for value in shown if value not in text], (spec.name, role)
            for told in (number, spec.zh, *((spec.en,) if language == "en" else ())):
                assert not told or "".join(told.split()) in text, (spec.name, told)
            is_plain = role != "administrator"
            told = {name: "".join(value.split()) in text for name, value in private.items() if len(value) > 3}
            assert all(seen == is_plain for seen in told.values()), (spec.name, role, told)


# Pages, copies and several records -----------------------------------------------------------------------------------

def test_every_sheet_counts_its_own_pages_and_says_that_nobody_keeps_it_up_to_date(app, book):
    with desk(app) as session:
        long = valid.record(session, MEMO, content="顾客来电说明情况。\n" * 150).id
        short = valid.record(session, MEMO).id
    found = on_paper.printed(book.person("sales"), MEMO, long, short)
    assert len(found) > 2
    first = len(found) - 1
    for n, page in enumerate(found):
        assert ("第1页共1页" if n == first else f"第{n + 1}页共{first}页") in page
        assert "打印件不受控" in page and "打印：" in page
    english = on_paper.printed(Person(app, "sales", "en"), MEMO, short)
    assert "Page1of1" in english[0] and "Printedcopiesareuncontrolled" in english[0]


def test_a_form_that_goes_out_in_copies_is_printed_in_copies_each_with_its_receiver(app, book):
    with desk(app) as session:
        id_ = valid.record(session, BULLETIN, "published", receipts=[{"unit": "U1"}, {"unit": "U2"}]).id
    units = [reading.squeezed(cell) for cell in re.findall(r'data-label="签收单位"[^>]*>(.*?)</td>', book.person(
        "quality_engineer").get(f"/admin/{BULLETIN}/details/?id={id_}").text, re.S)]
    found = on_paper.printed(book.person("quality_engineer"), BULLETIN, id_)
    assert len(found) == len(units) == 2
    for n, (page, unit) in enumerate(zip(found, units, strict=True), 1):
        assert f"第{n}联（共2联）：{unit}" in page
    assert len(on_paper.printed(book.person("quality_engineer"), BULLETIN, id_, query="&copies=one")) == 1


def test_the_form_in_force_and_the_company_stand_on_paper(app, book):
    app.config["COMPANY"] = "山城摩托车有限公司"
    try:
        with desk(app) as session:
            valid.record(session, "controlled_document", "effective", form_of=MEMO, document_no="QR-07", version="B/2",
                         effective_on="2020-01-01", obsoleted_on=None)
            id_ = valid.record(session, MEMO).id
        text, = on_paper.printed(book.person("sales"), MEMO, id_)
    finally:
        app.config["COMPANY"] = None
    assert "山城摩托车有限公司" in text and text.count("QR-07B/2") == 2


def test_what_is_void_says_so_across_the_page(app, book):
    with desk(app) as session:
        id_ = valid.record(session, MEMO).id
    book.as_it_was(MEMO, id_, state="void")
    with desk(app) as session:
        label = Record.types[MEMO].workflow.state("void").label.zh
    assert on_paper.printed(book.person("sales"), MEMO, id_)[0].count(label) == 2   # beside the state's word


def test_who_signed_in_whose_place_when_and_for_what_is_on_the_sheet(app, book):
    id_ = rounds.submitted(book)
    done(book.person("quality_manager").move(PLAN, id_, "approve", comment="同意，注意安全"))
    page = book.person("sales").get(f"/admin/{PLAN}/details/?id={id_}").text
    text = on_paper.whole(on_paper.printed(book.person("sales"), PLAN, id_))
    hashed = re.search(r'title="([0-9a-f]{64})"', page)[1]
    for told in ("会签", "已签", "同意，注意安全", hashed[:12], "质量负责人"):
        assert told in text, told
    assert re.search(r"办理步骤办理人时间原因或说明提交.{2,8}\d{4}-\d\d-\d\d", text), "who took which step"


def test_what_is_still_to_be_filled_in_has_lines_to_write_on_and_no_row_is_numbered_twice(app, book):
    with desk(app) as session:
        empty = valid.record(session, ORDER, parts=[]).id
        over = valid.record(session, ORDER, "cancelled", parts=[]).id
        listed = valid.record(session, "monthly_quality_report", items=[
            {"occurred_on": valid.record(session, "monthly_quality_report").items[0].occurred_on.isoformat(), "model": "M1",
             "fault_category": "engine", "fault_description": "异响", "quantity": "1", "line_no": "1"}]).id
    to_fill, ended = (on_paper.whole(on_paper.printed(book.person("dispatcher"), ORDER, id_)) for id_ in (empty, over))
    assert "更换配件#物料编码" in to_fill and "没有内容" not in to_fill
    assert "更换配件没有内容" in ended
    report = on_paper.whole(on_paper.printed(book.person("customer_service"), "monthly_quality_report", listed))
    assert "质量信息明细#故障日期" in report and "序号" not in report


# Who may, and what is kept of it ---------------------------------------------------------------------------------------

def test_only_who_sees_every_one_of_the_records_prints_them(app, book):
    with desk(app) as session:
        here = valid.record(session, "monthly_quality_report").id
        there = valid.record(session, "monthly_quality_report", place=valid.THERE).id
    dealer, address = book.person("dealer_f001"), "/admin/monthly_quality_report/print/"
    assert dealer.get(f"{address}?id={here}").status_code == 200
    for query in (f"?id={there}", f"?id={here}&id={there}", "?id=999999", "?id=x", "", "?id=1&id=-1"):
        assert dealer.get(address + query).status_code == 404, query
    assert book.person("warehouse").get(f"{address}?id={here}").status_code == 403
    assert app.test_client().get(f"{address}?id={here}").status_code == 302
    manager = book.person("customer_service")
    assert len(on_paper.printed(manager, "monthly_quality_report", here, there)) >= 2


def test_more_records_than_one_file_takes_are_refused_with_a_sentence(book):
    query = "&".join(f"id={n}" for n in range(1, 102))
    answer = book.person("sales").get(f"/admin/customer/print/?{query}")
    assert answer.status_code == 400 and "最多打印 100 张" in answer.text


def test_what_is_long_is_made_in_a_process_of_its_own_and_cut_only_with_a_sentence(app, book, monkeypatch):
    with desk(app) as session:
        person = str(valid.id_of(session, "technician"))
        id_ = valid.record(session, MEMO, informed=[{"person": person, "remark": f"意见{n:04}"} for n in range(40)]).id
    usual = on_paper.printed(book.person("sales"), MEMO, id_)
    monkeypatch.setattr(typeset, "AT_ONCE", 10)
    assert on_paper.printed(book.person("sales"), MEMO, id_) == usual and "意见0039" in on_paper.whole(usual)
    monkeypatch.setattr(sheets, "MOST_ROWS", 30)
    text = on_paper.whole(on_paper.printed(book.person("sales"), MEMO, id_))
    assert "意见0029" in text and "意见0030" not in text and "以上为前30行，共40行" in text


def test_each_print_is_in_the_audit_before_it_leaves(app, book):
    with desk(app) as session:
        rows = [valid.record(session, PLAN) for _ in range(2)]
        ids, numbers = [row.id for row in rows], [row.number or f"#{row.id}" for row in rows]
    engineer = book.person("quality_engineer")
    on_paper.printed(engineer, PLAN, *ids[::-1])
    on_paper.calculated(engineer, PLAN, ids[0])
    assert engineer.get(f"/admin/{PLAN}/print/?id=999999").status_code == 404
    with desk(app) as session:
        kept = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "export").order_by(AuditEntry.id)).all()
        assert [(e.type, e.number, e.changes) for e in kept] == [
            (PLAN, None, {"numbers": numbers[::-1], "format": "pdf"}),
            (PLAN, numbers[0], {"numbers": numbers[:1], "format": "xlsx"})]


# What is typed stays text ----------------------------------------------------------------------------------------------

NASTY = ('#panic("x")', "#import \"/etc/passwd\": *", "$ sum_1 $ *fett* _kursiv_ = Titel", "\\u{1F600} <label> @ref // weg",
         "]#sys.inputs[", '"}, "sheets": [', "<script>alert(1)</script>", "'; DROP TABLE users; --", "#read(\"typeset.typ\")")


def test_nothing_that_somebody_typed_is_read_as_markup(app, book):
    typed = "\n".join(NASTY)
    with desk(app) as session:
        id_ = valid.record(session, MEMO, content=typed, subject=NASTY[0]).id
    text = on_paper.whole(on_paper.printed(book.person("sales"), MEMO, id_))
    assert not [one for one in NASTY if "".join(one.split()) not in text]


def test_a_word_without_end_stays_inside_its_cell(app, book):
    word = "LZ" + "0123456789ABCDEF" * 20
    with desk(app) as session:
        id_ = valid.record(session, CARD, quality_info=word).id
    found = on_paper.printed(book.person("quality_engineer"), CARD, id_, query="&copies=one")
    assert word in on_paper.whole(found)
    pieces, = typeset.lines_of(f"短 {word}", 30.0)
    assert pieces == ["短", " ", *word] and typeset.lines_of("短 LZ0123", 30.0) == "短 LZ0123"


def test_without_a_chinese_font_one_sentence_names_the_package(app, book, monkeypatch):
    with desk(app) as session:
        id_ = valid.record(session, MEMO).id
    monkeypatch.setattr(typeset, "_fonts", lambda: (None, ()))
    answer = book.person("sales").get(f"/admin/{MEMO}/print/?id={id_}")
    assert answer.status_code == 503 and "fonts-wqy-microhei" in answer.text
    with app.app_context():
        assert not db.session.scalar(sa.select(AuditEntry.id).where(AuditEntry.action == "export"))
        db.session.remove()
