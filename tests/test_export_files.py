"""The other files a list leaves as: Excel that calculates, JSON that comes in again, and large ones by a job."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date, datetime, timedelta
from functools import partial

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from jobs import exports, outbox, upkeep, worker
from models.base import Record, db
from models.history import AuditEntry, Notice, Outbox
from models.people import Membership, User
from models.transfers import Export, Import, ImportProblem
from rules import export_files, file_store, office
from rules.access import Actor
from rules.act import Act
from tests import reading, valid
from tests.casebook import Casebook, done, told
from tests.test_export import console

CUSTOMER, CARD, PLAN = "customer", "info_flow_card", "visit_plan"


class Killed(BaseException):
    """The process dies here."""


@pytest.fixture
def book(app):
    return Casebook(app)


def fetched(book, type_name, format_, query="", username="sales"):
    answer = book.person(username).get(f"/admin/{type_name}/export/{format_}/{query}", buffered=True)
    assert answer.status_code == 200, told(answer)
    return answer


def sheets(content):
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in workbook.sheet_names}


# Excel and JSON -------------------------------------------------------------------------------------------------------

def test_excel_gets_real_numbers_dates_and_percent_and_a_sheet_for_the_lines(app, book):
    with valid.desk(app) as session:
        valid.record(session, CARD, sent_to_qa_at="2026-01-31T23:30", completed_on="2026-02-01", quantity="1234567.5")
    rows = sheets(fetched(book, CARD, "xlsx", "?header=names", "quality_engineer").data)
    header, first = rows[CARD][:2]
    row = dict(zip(header, first, strict=True))
    assert (row["quantity"], row["completed_on"], row["sent_to_qa_at"]) == (
        1234567.5, date(2026, 2, 1), datetime(2026, 1, 31, 23, 30))
    id_ = book.person("sales").create(PLAN, book.visit_plan(budget="12.5"))
    answer = fetched(book, PLAN, "xlsx", "", "quality_engineer")
    number, whole = book.read(PLAN, id_).number, sheets(answer.data)
    [main, lines] = whole.values()
    assert answer.headers["Content-Type"] == export_files.FORMATS["xlsx"] and next(iter(whole)) == "走访计划"
    assert dict(zip(main[0], main[1], strict=True))["预算"] == 12.5
    assert dict(zip(lines[0], lines[1], strict=True)) | {"编号": number, "顾客": "客户A"} == \
        dict(zip(lines[0], lines[1], strict=True))


def test_no_cell_of_a_workbook_is_a_formula_and_masked_stays_masked(app, book):
    spec = Record.types[CUSTOMER]
    with valid.desk(app) as session:
        session.execute(sa.update(spec.model.__table__).values(name="=1+1", address="@SUM(A1)"))
    content = fetched(book, CUSTOMER, "xlsx", "?header=names").data
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and 'state="frozen"' in sheet and "<cols>" in sheet
    [header, row, _] = sheets(content)[CUSTOMER]
    assert dict(zip(header, row, strict=True))["name"] == "=1+1"
    for format_ in ("xlsx", "json"):
        masked = fetched(book, CUSTOMER, format_, "?header=names", "quality_manager").data
        text = str(sheets(masked)) if format_ == "xlsx" else masked.decode()
        assert "138****34" in text and "13800001234" not in text


def test_all_formats_hold_the_same_rows_and_columns_of_the_list_as_filtered(book):
    for query, count in (("?header=names&q=客户A", 1), ("?header=names&sort=-number", 2), ("?header=names&province=北京市", 0)):
        header, rows = reading.csv_of(fetched(book, CUSTOMER, "csv", query).data)
        [excel] = sheets(fetched(book, CUSTOMER, "xlsx", query).data).values()
        objects = json.loads(fetched(book, CUSTOMER, "json", query).data)
        assert excel[0] == header and len(rows) == len(excel) - 1 == len(objects) == count
        assert [row[0] for row in rows] == [row[0] for row in excel[1:]] == [one["number"] for one in objects]
        assert all(set(header) <= set(one) for one in objects)
    refused = [book.person("technician").get(f"/admin/{CUSTOMER}/export/{format_}/").status_code for format_ in ("csv", "xlsx", "json")]
    assert refused == [403, 403, 403]
    with book.session() as session:
        entry = session.scalars(sa.select(AuditEntry).filter_by(action="export").order_by(AuditEntry.id)).first()
        assert (entry.changes["rows"], entry.changes["search"], entry.changes["format"]) == (1, "客户A", "csv")


@pytest.mark.parametrize("format_", ["xlsx", "json"])
def test_what_was_exported_comes_in_again_and_changes_nothing(book, format_):
    book.person("sales").create(PLAN, book.visit_plan(budget="12.5"))
    content = fetched(book, PLAN, format_, "", "quality_engineer").data
    person = book.person("sales")
    page = person.post("/admin/visit_plan/import/", {"file": (io.BytesIO(content), f"x.{format_}")}, content_type="multipart/form-data")
    done(page)
    with book.session() as session:
        run = session.scalars(sa.select(Import)).one()
        columns = {f"column-{n}": name for n, (_, name) in enumerate(run.columns)}
        id_ = run.id
    done(person.post(f"/admin/visit_plan/import/{id_}/check", columns))
    with book.session() as session:
        run = session.get(Import, id_)
        problems = [(one.field, one.zh) for one in session.scalars(sa.select(ImportProblem))]
        assert (run.state, run.created, run.updated, problems) == ("checked", 0, 0, [])


@pytest.mark.parametrize("format_", ["xlsx", "json"])
def test_the_console_writes_them_too(app, book, format_):
    book.person("sales").create(PLAN, book.visit_plan(budget="12.5"))
    written = console(app, PLAN, "--format", format_, "--header", "names", "--as", "quality_engineer").stdout_bytes
    if format_ == "json":
        assert json.loads(written) == json.loads(fetched(book, PLAN, format_, "?sort=number", "quality_engineer").data)
    else:
        assert sheets(written) == sheets(fetched(book, PLAN, format_, "?sort=number&header=names", "quality_engineer").data)


def test_one_snapshot_is_written_and_a_missing_row_is_no_file(app, book):
    """What others write meanwhile is not in it, and the count tells whether all of it is."""
    with app.app_context():
        spec = Record.types[CUSTOMER]
        wanted = export_files.Wanted(spec, [], "number", Actor.system(), "csv", "names")
        with export_files.Snapshot(db.engine) as snapshot:
            total = snapshot.count(wanted)
            with db.engine.begin() as other:
                other.execute(sa.update(spec.model.__table__).values(name="后来"))
                other.execute(sa.text("INSERT INTO counters (type, period, n) VALUES ('x', 'y', 1)"))
            content = b"".join(export_files.pieces(snapshot, wanted, total)).decode()
        assert "客户A" in content and "后来" not in content
        with export_files.Snapshot(db.engine) as snapshot, pytest.raises(export_files.Incomplete):
            list(export_files.pieces(snapshot, wanted, total + 1))


# By a job -------------------------------------------------------------------------------------------------------------

def work(book, times=1):
    with book.session() as session:
        waiting = session.execute(sa.select(Outbox.id, Outbox.job, Outbox.arguments).where(Outbox.done_at.is_(None))).all()
        for id_, job, arguments in waiting * times:
            outbox.work_off(id_, partial(worker.TASKS[job], *arguments))


def asked(book, query="", format_="csv", username="sales"):
    book.set_parameter("export_rows_at_once", "1")
    answer = book.person(username).get(f"/admin/{CUSTOMER}/export/{format_}/{query}")
    assert (answer.status_code, answer.location) == (302, "/admin/exports/")
    with book.session() as session:
        return session.scalar(sa.select(sa.func.max(Export.id)))


def test_a_long_export_is_written_by_a_job_told_and_fetched_by_who_asked(book):
    id_ = asked(book, "?header=names&sort=number")
    assert asked(book, "?header=names&sort=number") == id_, "asking again while it waits is the same"
    person = book.person("sales")
    assert "生成中" in person.get("/admin/exports/").text and person.get(f"/admin/exports/{id_}.json").json["state"] == "queued"
    assert person.get(f"/admin/exports/{id_}/file").status_code == 403, "there is nothing yet"
    work(book, times=2)
    page = person.get("/admin/exports/").text
    assert f"/admin/exports/{id_}/file" in page and not list(reading.faults_of(page))
    file = person.get(f"/admin/exports/{id_}/file", buffered=True)
    book.set_parameter("export_rows_at_once", "1000")
    assert file.data == fetched(book, CUSTOMER, "csv", "?header=names&sort=number").data
    assert book.person("customer_service").get(f"/admin/exports/{id_}/file").status_code == 404
    with book.session() as session:
        told_ = session.scalars(sa.select(Notice).filter_by(kind="transfer")).all()
        assert len(told_) == 1 and "2 行" in told_[0].zh and told_[0].person_id == session.scalar(
            sa.select(User.id).filter_by(username="sales"))
        actions = list(session.scalars(sa.select(AuditEntry.action).where(
            AuditEntry.action.in_(("export", "download"))).order_by(AuditEntry.id)))
        assert actions == ["export", "download", "export"]


def test_it_is_written_and_handed_out_with_the_rights_of_the_day(book):
    id_ = asked(book)
    work(book)
    with book.session() as session:
        user = session.scalar(sa.select(User).filter_by(username="sales"))
        user.memberships.append(Membership(role="finance"))
        session.commit()
    answer = book.person("sales").get(f"/admin/exports/{id_}/file")
    assert answer.status_code == 403 and "权限有变化" in answer.text
    id_ = asked(book)
    with book.session() as session:
        user = session.scalar(sa.select(User).filter_by(username="sales"))
        user.memberships[:] = [Membership(role="technician")]
        session.commit()
    work(book)
    with book.session() as session:
        export = session.get(Export, id_)
        assert (export.state, export.sha256) == ("failed", None) and "没有这项权限" in export.error_zh


def test_a_job_that_died_while_writing_leaves_no_file_and_is_done_again(app, book, monkeypatch):
    id_ = asked(book, format_="xlsx")
    stream = export_files.Snapshot.stream

    def dying(*arguments):
        yield next(stream(*arguments))
        raise Killed
    with book.session():
        monkeypatch.setattr(export_files.Snapshot, "stream", dying)
        with pytest.raises(Killed):
            exports.run(id_)
        monkeypatch.setattr(export_files.Snapshot, "stream", stream)
        assert db.session.get(Export, id_, populate_existing=True).state == "queued"
        db.session.rollback()
    with app.app_context():
        assert db.engine.pool.checkedout() == 0
    work(book)
    content = book.person("sales").get(f"/admin/exports/{id_}/file", buffered=True).data
    assert len(sheets(content)["顾客档案"]) == 3


def test_after_some_days_the_file_is_gone_and_says_so(book):
    id_ = asked(book)
    work(book)
    with book.session() as session:
        sha256 = session.get(Export, id_).sha256
        later = Act(session, Actor.system(), now=office.now() + timedelta(days=8))
        assert "1 exports" in upkeep.sweep_files(later, later.now)
        session.commit()
    assert not file_store.path_of(sha256).exists()
    answer = book.person("sales").get(f"/admin/exports/{id_}/file")
    assert answer.status_code == 403 and "已过期" in answer.text
    assert "已过期" in book.person("sales").get("/admin/exports/").text


def test_nobody_fills_the_queue_and_excel_is_not_given_more_than_it_takes(book, monkeypatch):
    for n in range(5):
        asked(book, f"?q=客&sort={'number' if n % 2 else 'name'}&header={'names' if n > 2 else 'labels'}", "csv" if n % 3 else "json")
    with book.session() as session:
        waiting = session.scalar(sa.select(sa.func.count()).select_from(Export))
    assert waiting == 5
    assert book.person("sales").get(f"/admin/{CUSTOMER}/export/xlsx/").status_code == 403
    monkeypatch.setattr(export_files, "EXCEL_ROWS", 1)
    book.set_parameter("export_rows_at_once", "10")
    answer = book.person("sales").get(f"/admin/{CUSTOMER}/export/xlsx/")
    assert answer.status_code == 403 and "Excel 最多放" in answer.text
