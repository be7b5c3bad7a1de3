"""Files that leave the house: right for a Chinese Excel, for programs and for nobody's formulas; exactly what was asked
for and may be seen; on record before the first byte; and never all in memory."""

from __future__ import annotations

import gc
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from resource import getpagesize
from urllib.parse import unquote

import pytest
import sqlalchemy as sa

from models.base import Record, db
from models.history import AuditEntry
from models.spec import Kind
from rules import export_files, exports, lists, office
from rules.access import Actor
from tests import reading, valid
from tests.casebook import Casebook

CUSTOMER, CARD, LEDGER = "customer", "info_flow_card", "dealer_ledger"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")


@pytest.fixture
def book(app):
    return Casebook(app)


def csv(book, type_name, query="", username="sales"):
    answer = book.person(username).get(f"/admin/{type_name}/export/csv/{query}")
    assert answer.status_code == 200
    header, rows = reading.csv_of(answer.data)
    return [dict(zip(header, row, strict=True)) for row in rows]


# The file -------------------------------------------------------------------------------------------------------------

def test_a_chinese_excel_opens_it_right(book):
    answer = book.person("sales").get(f"/admin/{CUSTOMER}/export/csv/")
    assert answer.content_type == "text/csv; charset=utf-8"
    first, *lines = answer.data.split(b"\r\n")
    assert first.startswith(b"\xef\xbb\xbf") and first.decode("utf-8-sig").startswith("编号,顾客名称,顾客类别,")
    assert lines[-1] == b"" and not any(b"\n" in line for line in lines)
    disposition = answer.headers["Content-Disposition"]
    plain, chinese = disposition.split("; ")[1:]
    assert plain == 'filename="customer.csv"' and disposition.isascii()
    assert unquote(chinese) == f"filename*=UTF-8''顾客档案_{office.today():%Y%m%d}.csv"


def test_every_field_has_its_column_in_either_language_or_by_name(book):
    spec = Record.types[CUSTOMER]
    person = book.person("sales")
    for query, label in (("", lambda f: f.label.zh), ("?lang=en", lambda f: f.label.en), ("?header=names", lambda f: f.name)):
        header, _ = reading.csv_of(person.get(f"/admin/{CUSTOMER}/export/csv/{query}").data)
        assert header == [label(lists.column_field(spec, name)) for name in exports.export_columns(spec)]
    assert set(spec.fields) < set(header)


def test_people_read_labels_and_programs_values(app, book):
    with valid.desk(app) as session:
        valid.record(session, LEDGER, has_parts_store="true", outlet_type="repair_station")
    people, [program, *_] = csv(book, LEDGER, username="customer_service"), csv(book, LEDGER, "?header=names", "customer_service")
    person = next(row for row in people if row["编号"] == program["number"])
    assert (person["网点类型"], program["outlet_type"]) == ("维修站", "repair_station")
    assert (person["已建配件库"], program["has_parts_store"]) == ("是", "true")
    assert (person["状态"], program["state"]) == ("运营", "active")
    assert person["省份"] == program["province"] == "重庆市"


def test_days_moments_and_decimals_are_written_for_machines(app, book):
    spec = Record.types[CARD]
    with valid.desk(app) as session:
        row = valid.record(session, CARD, sent_to_qa_at="2026-01-31T23:30", completed_on="2026-02-01", quantity="1234567.5")
        number = row.number
        assert (row.quantity, row.sent_to_qa_at.hour) == (Decimal("1234567.5"), 15), "kept in UTC"
    row = next(row for row in csv(book, CARD, "?header=names", "quality_engineer") if row["number"] == number)
    assert row["sent_to_qa_at"] == "2026-01-31T23:30:00+08:00"
    assert row["completed_on"] == "2026-02-01" and row["quantity"] == "1234567.5"
    budget = book.person("sales").create("visit_plan", book.visit_plan(budget="1234567.50"))
    row = next(row for row in csv(book, "visit_plan", "?header=names", "quality_engineer")
               if row["number"] == book.read("visit_plan", budget).number)
    assert row["budget"] == "1234567.50" and row["planned_count"] == "1" and row["approved_at"] == ""
    assert {f.kind for f in spec.fields.values()} >= {Kind.DATETIME, Kind.DATE, Kind.DECIMAL}


@pytest.mark.parametrize("formula", FORMULAS, ids=repr)
def test_what_a_spreadsheet_would_take_for_a_formula_is_inert_in_every_text_column(app, book, formula):
    spec = Record.types[CUSTOMER]
    texts = [f for f in spec.fields.values() if f.kind in (Kind.TEXT, Kind.LONGTEXT, Kind.EMAIL, Kind.PHONE)]
    model, dealers = spec.model, Record.types[LEDGER].model
    with valid.desk(app) as session:   # past the rules, as an old database might have it
        session.execute(sa.update(model.__table__).values({f.column: formula for f in texts}))
        session.execute(sa.update(dealers.__table__).values(name=formula))
        session.execute(sa.text("UPDATE users SET name = :name"), {"name": formula})
    manager = book.person("quality_manager")   # reads private fields masked
    for query in ("?header=names", ""):
        for person in (book.person("sales"), manager):
            _, rows = reading.csv_of(person.get(f"/admin/{CUSTOMER}/export/csv/{query}").data)
            cells = [cell for row in rows for cell in row]
            assert len(rows) == 2 and not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    [row, _] = csv(book, CUSTOMER, "?header=names")
    assert {row[field.name] for field in texts} == {row["dealer"]} == {"'" + formula}


def test_numbers_stay_numbers(app, book):
    with valid.desk(app) as session:
        session.execute(sa.update(Record.types[CARD].model.__table__).values(quantity=Decimal(-5)))
        valid.record(session, CARD)
        session.execute(sa.update(Record.types[CARD].model.__table__).values(quantity=Decimal(-5)))
    assert csv(book, CARD, "?header=names", "quality_engineer")[0]["quantity"] == "-5"


# What is in it --------------------------------------------------------------------------------------------------------

def test_it_holds_the_list_as_filtered_searched_and_sorted(book):
    names = [f"顾客{n:02}" for n in range(60)]
    for name in names:
        book.person("sales").create(CUSTOMER, {
            "name": name, "customer_type": "other", "contact_person": "x", "phone": "12345", "address": "x", "province": "四川省"})
    assert [row["顾客名称"] for row in csv(book, CUSTOMER, "?province=四川省&sort=name")] == names, "more than one page"
    assert [row["顾客名称"] for row in csv(book, CUSTOMER, "?province=四川省&sort=-name&page=2")] == names[::-1]
    assert [row["顾客名称"] for row in csv(book, CUSTOMER, "?q=顾客07")] == ["顾客07"]
    assert csv(book, CUSTOMER, "?province=北京市") == []


def test_it_holds_only_what_the_person_may_see_and_only_for_whom_may_export(book):
    refused = book.person("dealer_f001").get(f"/admin/{CUSTOMER}/export/csv/")
    assert refused.status_code == 403 and "客户" not in reading.text_of(refused.text.partition("<main")[2])
    assert book.person("technician").get(f"/admin/{CUSTOMER}/export/csv/").status_code == 403
    assert book.person("administrator").get(f"/admin/{CUSTOMER}/export/csv/").status_code == 403, "sees all, exports nothing"
    with book.session() as session:
        assert not session.scalars(sa.select(AuditEntry).filter_by(action="export")).all()
    plain, masked = csv(book, CUSTOMER, username="sales"), csv(book, CUSTOMER, username="quality_manager")
    assert plain[0]["联系电话"] == "13800001234" and masked[0]["联系电话"] == "138****34"


def test_it_is_on_record_before_the_first_byte_leaves(app, book, monkeypatch):
    stream, on_record = export_files.Snapshot.stream, []

    def watched(snapshot, query, total):
        with db.engine.connect() as connection:
            on_record.append(connection.scalar(sa.select(sa.func.count()).where(AuditEntry.action == "export")))
        yield from stream(snapshot, query, total)
    monkeypatch.setattr(export_files.Snapshot, "stream", watched)
    with app.app_context():
        csv(book, CUSTOMER)
    assert on_record == [1]


@pytest.mark.parametrize("format_", ["csv", "json", "xlsx"])
def test_a_download_gives_its_connection_back_at_its_end(app, book, format_):
    gc.disable()   # what is only forgotten holds the connection until somebody sweeps
    try:
        assert book.person("sales").get(f"/admin/{CUSTOMER}/export/{format_}/", buffered=True).data
        with app.app_context():
            assert db.engine.pool.checkedout() == 0
    finally:
        gc.enable()


def test_a_download_that_is_broken_off_gives_its_connection_back(app, book):
    for _ in range(30):   # more than the pool has
        answer = book.person("sales").get(f"/admin/{CUSTOMER}/export/csv/", buffered=False)
        next(answer.iter_encoded())
        answer.close()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0


# Large files ----------------------------------------------------------------------------------------------------------

MANY = 100_000


def many(app, count):
    """So many customers, put there by the database itself."""
    table = Record.types[CUSTOMER].model.__table__
    with app.app_context():
        columns = [c.name for c in table.c if c.name not in ("id", "number")]
        given = ", ".join(columns)
        db.session.execute(sa.text(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
            f"INSERT INTO customer (number, {given}) SELECT 'MANY-{count}-' || i, {given} FROM n, "
            "(SELECT * FROM customer ORDER BY id LIMIT 1) AS one"))
        db.session.commit()
        db.session.remove()


def in_memory():
    """Bytes that this process keeps in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()


def test_a_hundred_thousand_rows_pass_through_little_memory(app, book):
    book.set_parameter("export_rows_at_once", str(2 * MANY))
    many(app, 2000)
    csv(book, CUSTOMER)     # whatever is kept from the first time on
    many(app, MANY)
    before, most, rows = in_memory(), 0, 0
    answer = book.person("sales").get(f"/admin/{CUSTOMER}/export/csv/", buffered=False)
    for piece in answer.iter_encoded():
        rows += piece.count(b"\r\n")
        most = max(most, in_memory())
    answer.close()
    assert rows == MANY + 2000 + 2 + 1
    assert (most - before) / 2**20 < 50


def test_the_first_bytes_leave_before_the_last_row_is_read(session):
    spec = Record.types[CUSTOMER]
    cols = lists.columns(spec, exports.export_columns(spec))
    row = session.execute(lists.select(spec, cols, [], [])).first()
    read = []

    def rows():
        for n in range(10_000):
            read.append(n)
            yield row
    pieces = exports.csv_rows(spec, cols, rows(), Actor.system())
    assert next(pieces).startswith(b"\xef\xbb\xbf") and len(read) == 0
    assert next(pieces).count(b"\r\n") == len(read) < 1000
    assert sum(piece.count(b"\r\n") for piece in pieces) + 500 == 10_000


# The console ----------------------------------------------------------------------------------------------------------

def console(app, *arguments):
    return app.test_cli_runner().invoke(args=["export", *arguments])


@pytest.mark.parametrize("header", ["labels", "names"])
def test_the_console_writes_the_same_file_as_the_page(app, book, header):
    page = book.person("sales").get(f"/admin/{CUSTOMER}/export/csv/?sort=number&header={header}&province=重庆市").data
    written = console(app, CUSTOMER, "--header", header, "--filter", '{"province": "重庆市"}', "--as", "sales")
    assert (written.exit_code, written.stdout_bytes) == (0, page) and page.count(b"\r\n") == 3
    sales = book.user("sales")
    with book.session() as session:
        screen, typed = session.scalars(sa.select(AuditEntry).filter_by(action="export").order_by(AuditEntry.id)).all()
        assert (screen.door, typed.door, typed.actor_id) == ("screen", "console", sales)


def test_the_console_holds_to_the_rights_of_the_person_and_says_why(app):
    assert "没有这项权限" in console(app, CUSTOMER, "--as", "technician").stderr
    for arguments, code, sentence in ((("no_such",), 2, "没有单据类型“no_such”"), ((CUSTOMER, "--as", "nobody"), 1, "没有人员“nobody”"),
                                      ((CUSTOMER, "--filter", "x"), 2, "应为 JSON 对象"),
                                      ((CUSTOMER, "--filter", "[1]"), 2, "应为 JSON 对象"),
                                      ((CUSTOMER, "--filter", '{"no_such": "1"}'), 1, "筛选条件“no_such”不能用")):
        result = console(app, *arguments)
        assert result.exit_code == code and sentence in result.stderr and result.stdout == "", arguments


def test_json_names_links_and_people_and_holds_child_tables(app, book):
    id_ = book.person("sales").create("visit_plan", book.visit_plan(budget="12.5"))
    [plan] = json.loads(console(app, "visit_plan", "--format", "json").stdout)
    assert (plan["number"], plan["handler"], plan["budget"], plan["starts_on"]) == (
        book.read("visit_plan", id_).number, "sales", "12.50", "2024-11-01")
    [visit] = plan["visits"]
    assert (visit["customer"], visit["visitor"], visit["is_key_customer"]) == ("CUS-00001", "technician", True)
    assert abs(datetime.fromisoformat(plan["created_at"]) - office.now()) < timedelta(minutes=1)
