"""An import on the screen: its columns are guessed and corrected, every bad row is told, it comes in once, goes on after a
crash, and can be taken back whole."""

from __future__ import annotations

import io
import json
import re
import zipfile
from functools import partial

import pytest
import sqlalchemy as sa
import xlsxwriter
from python_calamine import CalamineWorkbook

from jobs import import_runs, outbox, worker
from models.base import Record, db
from models.history import AuditEntry, Notice, Outbox
from models.people import User
from models.transfers import Import, ImportedRow, ImportProblem
from rules import audit
from tests import reading
from tests.casebook import Casebook, refused, told

CUSTOMER, PLAN, BATCH = "customer", "visit_plan", "product_batch"
HEADER = "顾客名称,顾客类别,联系人,联系电话,公司地址,省份"


@pytest.fixture
def book(app):
    return Casebook(app)


def customers(count, start=0, **bad):
    """A CSV of customers; `bad` rows have no such category."""
    wrong = bad.get("bad", ())
    rows = [f"新顾客{n},{'没有的类别' if n in wrong else '直接用户'},张三,1380000{n:04},某街 {n} 号,重庆市"
            for n in range(start, start + count)]
    return "\r\n".join([HEADER, *rows, ""]).encode("utf-8-sig")


class Desk:
    """One person's imports of one type."""

    def __init__(self, book, username="sales", type_name=CUSTOMER):
        self.book, self.person, self.base = book, book.person(username), f"/admin/{type_name}/import/"

    def bring(self, content, name="顾客.csv"):
        return self.person.post(self.base, {"file": (io.BytesIO(content), name)}, content_type="multipart/form-data")

    def brought(self, content, name="顾客.csv"):
        answer = self.bring(content, name)
        assert answer.status_code == 302, told(answer)
        return int(re.search(r"/(\d+)/$", answer.location)[1])

    def checked(self, content, name="顾客.csv", **changes):
        id_ = self.brought(content, name)
        assert self.post(id_, "check", {**self.columns(id_), **changes}).status_code == 302
        return id_

    def columns(self, id_):
        with self.book.session() as session:
            return {f"column-{n}": field for n, (_, field) in enumerate(session.get(Import, id_).columns)}

    def post(self, id_, step, data=None):
        return self.person.post(f"{self.base}{id_}/{step}", data or {})

    def page(self, id_):
        return self.person.get(f"{self.base}{id_}/")

    def run(self, id_):
        with self.book.session() as session:
            run = session.get(Import, id_)
            session.expunge(run)
            return run

    def imported(self, content, name="顾客.csv", mode="whole"):
        id_ = self.checked(content, name)
        assert self.post(id_, "start", {"mode": mode}).status_code == 302
        return id_


def counted(book, type_name=CUSTOMER, **equals):
    return len(book.ids(type_name, **equals))


def work(book, *, times=1):
    """What the worker does with the jobs that wait, by the real door of jobs."""
    with book.session() as session:
        waiting = session.execute(sa.select(Outbox.id, Outbox.job, Outbox.arguments).where(Outbox.done_at.is_(None))).all()
        for id_, job, arguments in waiting * times:
            outbox.work_off(id_, partial(worker.TASKS[job], *arguments))


# In ---------------------------------------------------------------------------------------------------------------

def test_a_file_is_brought_checked_and_comes_in(book):
    desk = Desk(book)
    page = desk.person.get(desk.base).text
    assert "下载模板" in page and not list(reading.faults_of(page))
    id_ = desk.brought(customers(3))
    page = desk.page(id_).text
    assert desk.columns(id_) == {"column-0": "name", "column-1": "customer_type", "column-2": "contact_person",
                                 "column-3": "phone", "column-4": "address", "column-5": "province"}
    assert "新顾客0 · 新顾客1" in page and not list(reading.faults_of(page))
    desk.post(id_, "check", desk.columns(id_))
    assert counted(book) == 2 and "将新建 3 条" in desk.page(id_).text and not list(reading.faults_of(desk.page(id_).text))
    desk.post(id_, "start", {"mode": "whole"})
    [first, *_] = book.ids(CUSTOMER, name="新顾客0")
    kept = book.read(CUSTOMER, first)
    assert (counted(book), kept.state, kept.customer_type, kept.phone) == (5, "draft", "direct_user", "13800000000")
    assert "已导入" in desk.page(id_).text and not list(reading.faults_of(desk.page(id_).text))
    sales = book.user("sales")
    with book.session() as session:
        [entry] = session.scalars(sa.select(AuditEntry).filter_by(action="import", record_id=None))
        assert (entry.actor_id, entry.door, entry.changes["created"]) == (sales, "import", [None, 3])
        assert entry.changes["顾客.csv"][1].startswith("sha256:")
        assert list(audit.verify(session)) == []


def test_columns_are_guessed_in_either_language_and_can_be_corrected(book):
    desk = Desk(book)
    english = b"Name,type of it,Contact person*,PHONE,address,Province,my notes\r\n" \
              b"New,direct_user,Li,13800000000,Street,\xe9\x87\x8d\xe5\xba\x86\xe5\xb8\x82,x\r\n"
    id_ = desk.brought(english)
    assert [*desk.columns(id_).values()] == ["name", "", "contact_person", "phone", "address", "province", ""]
    refused(desk.post(id_, "check", {**desk.columns(id_), "column-1": "name"}), "只能选给一列", 422)
    refused(desk.post(id_, "check", {**desk.columns(id_), "column-1": "colour"}), "没有字段", 422)
    refused(desk.post(id_, "check"), "请至少给一列选择字段", 422)
    desk.post(id_, "check", desk.columns(id_))
    assert desk.run(id_).bad == 1, "what no column gives is missing"
    desk.post(id_, "check", {**desk.columns(id_), "column-1": "customer_type"})
    assert (desk.run(id_).state, desk.run(id_).bad) == ("checked", 0)


def test_three_hundred_bad_rows_of_a_thousand_are_all_told_and_the_others_can_come_in(book):
    book.set_parameter("import_rows_at_once", "5000")
    desk, wrong = Desk(book), set(range(0, 900, 3))
    id_ = desk.checked(customers(1000, bad=wrong))
    page = desk.page(id_).text
    rows = [int(n) for n in re.findall(r'<td class="num" data-label="行">(\d+)</td><td data-label="字段">顾客类别</td>', page)]
    assert rows == [n + 2 for n in sorted(wrong)] and counted(book) == 2
    assert "“顾客类别”没有“没有的类别”这一选项" in page
    refused(desk.post(id_, "start", {"mode": "whole"}), "有 300 行有误", 409)
    sheet = desk.person.get(f"{desk.base}{id_}/problems.csv")
    assert sheet.data.startswith(b"\xef\xbb\xbf") and sheet.data.count(b"\r\n") == 301
    header, given = reading.csv_of(sheet.data)
    assert header == [*HEADER.split(","), "行", "导入问题"] and given[1][:3] == ["新顾客3", "没有的类别", "张三"] and given[1][6] == "5"
    assert all("没有“没有的类别”这一选项" in row[7] for row in given)
    desk.post(id_, "start", {"mode": "good"})
    assert (counted(book), desk.run(id_).created, desk.run(id_).bad) == (702, 700, 300)


def test_a_file_takes_a_few_statements_a_piece_and_what_looks_for_its_kind_comes_in_one_by_one(book, monkeypatch):
    book.set_parameter("import_rows_at_once", "5000")
    desk, asked = Desk(book), []
    with book.session() as session:
        engine = session.get_bind()
    sa.event.listen(engine, "before_cursor_execute", lambda *_: asked.append(1))
    id_ = desk.brought(customers(150))
    asked.clear()
    desk.post(id_, "check", desk.columns(id_))
    desk.post(id_, "start", {"mode": "whole"})
    assert desk.run(id_).created == 150 and len(asked) < 150, f"{len(asked)} statements for 150 rows, twice"
    # Two of them may not lie in one quarter of one technician: the second is found although neither is kept yet.
    row = {"technician": "technician", "quarter": "2026-Q3", "dealer": "F001", **dict.fromkeys(
        ("service_content", "receivable_text", "problems", "suggestion"), "无")}
    quarters = Desk(book, "technician", "outlet_quarterly_summary")
    id_ = quarters.brought(json.dumps([row, row, {**row, "quarter": "2026-Q2"}]).encode(), "季度.json")
    quarters.post(id_, "check", quarters.columns(id_))
    with book.session() as session:
        problems = session.scalars(sa.select(ImportProblem).filter_by(import_id=id_)).all()
    assert [one.place for one in problems] == [2], [(one.place, one.zh) for one in problems]


def test_the_sheet_of_bad_rows_comes_in_again_once_it_is_corrected(book):
    desk = Desk(book)
    id_ = desk.imported(customers(4, bad={1, 2}), mode="good")
    header, given = reading.csv_of(desk.person.get(f"{desk.base}{id_}/problems.csv").data)
    given = [[row[0], "直接用户", *row[2:]] for row in given]
    corrected = "\r\n".join(",".join(row) for row in [header, *given]).encode("utf-8-sig")
    again = desk.imported(corrected, "改正.csv")
    assert (desk.run(again).created, counted(book)) == (2, 6)


def test_rows_that_clash_are_found_by_the_check_however_far_apart(book):
    rows = [f"M9,B{n},2026-09-01,一分公司,P{n}" for n in range(import_runs.PIECE + 10)]
    rows += ["M9,B1,2026-09-01,一分公司,P3"]
    text = "\r\n".join(["产品名称(段别),批号,生产日期,生产单位,编号", *rows]).encode()
    book.set_parameter("import_rows_at_once", "5000")
    desk = Desk(book, "quality_engineer", BATCH)
    id_ = desk.checked(text, "批次.csv")
    with book.session() as session:
        problems = session.scalars(sa.select(ImportProblem).filter_by(import_id=id_)).all()
        assert [(one.place, one.field) for one in problems] == [(import_runs.PIECE + 12, "number")]


def test_excel_and_json_bring_child_tables_links_by_number_or_title_and_exact_places(book):
    held = io.BytesIO()
    with xlsxwriter.Workbook(held) as workbook:
        main, lines, notes = workbook.add_worksheet("走访计划"), workbook.add_worksheet("visits"), workbook.add_worksheet("_choices")
        main.write_row(0, 0, ["编号", "计划名称*", "走访目的", "期间开始", "期间结束", "负责人", "预算"])
        main.write_row(1, 0, ["甲", "十月", "听", "2026-10-01", "2026-10-31", "sales", 12.5])
        lines.write_row(0, 0, ["编号", "顾客", "计划日期", "走访人"])
        for row, cells in enumerate((["甲", "客户A", "2026-10-05", "technician"], ["甲", "CUS-00002", "2026-10-06", "technician"],
                                     ["甲", "谁", "2026-10-06", "technician"], ["乙", "客户A", "2026-10-07", "technician"]), 1):
            lines.write_row(row, 0, cells)
        notes.write_string(0, 0, "何")
    desk = Desk(book, "sales", PLAN)
    id_ = desk.checked(held.getvalue(), "计划.xlsx")
    page = desk.page(id_).text
    assert "计划.xlsx [visits] 第 4 行" in page and "计划.xlsx [visits] 第 5 行" in page and "没有这个编号" in page
    plan = {"title": "十一月", "purpose": "听", "starts_on": "2026-11-01", "ends_on": "2026-11-30", "handler": "sales",
            "visits": [{"customer": "客户B", "planned_on": "2026-11-05", "visitor": "technician"}]}
    id_ = desk.imported(json.dumps([plan, {**plan, "title": "十二月"}], ensure_ascii=False).encode(), "计划.json")
    [kept] = book.ids(PLAN, title="十二月")
    assert desk.run(id_).created == 2 and book.read(PLAN, kept).visits[0].customer == book.id(CUSTOMER, name="客户B")


@pytest.mark.once
@pytest.mark.parametrize(("name", "content"), [
    ("x.pdf", b"%PDF"), ("x.csv", b""), ("x.csv", HEADER.encode()), ("x.csv", b"a\x00b"), ("x.xlsx", b"junk"), ("x.json", b"{}"),
    ("x.json", b'[{"name": 1},'), ("x.json", b"[]"), ("x.json", b"[" * 200_000), ("x.json", b"[NaN]"), ("x.csv", b"\xff\xfe\xfd\x81\n"),
    ("x.csv", b'name,phone\n"open'),
])
def test_what_cannot_be_read_is_answered_in_one_sentence(book, name, content):
    answer = Desk(book).bring(content, name)
    assert answer.status_code == 422 and told(answer) and "Traceback" not in answer.text
    assert refused(Desk(book).person.post("/admin/customer/import/"), "请选择文件", 422) is None


def test_the_template_has_headers_choices_notes_and_a_sheet_for_the_lines_and_comes_in(app, book):
    desk = Desk(book, "sales", PLAN)
    content = desk.person.get(f"{desk.base}template/", buffered=True).data
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    first, second = (workbook.get_sheet_by_name(name).to_python()[0] for name in workbook.sheet_names[:2])
    assert first[:2] == ["编号", "计划名称*"] and "顾客*" in second and "走访计划" in workbook.sheet_names[0]
    assert refused(desk.bring(content, "t.xlsx"), "文件里没有记录", 422) is None
    customer = Desk(book).person.get("/admin/customer/import/template/", buffered=True).data
    with zipfile.ZipFile(io.BytesIO(customer)) as packed:
        sheet, notes = packed.read("xl/worksheets/sheet1.xml").decode(), packed.read("xl/comments1.xml").decode()
    assert '<formula1>"直接用户,经销商,主机厂,其他"</formula1>' in sheet
    assert "必填" in notes and "服务商" in notes


# Once, and by whom ------------------------------------------------------------------------------------------------

def test_the_same_file_comes_in_once_and_says_when(book):
    desk = Desk(book)
    desk.imported(customers(3))
    again = desk.checked(customers(3), "另一个名字.csv")
    assert "这个文件已于" in desk.page(again).text
    refused(desk.post(again, "start", {"mode": "whole"}), "这个文件已于", 409)
    other = Desk(book, "customer_service")
    refused(other.post(other.checked(customers(3)), "start", {"mode": "good"}), "sales 先生", 409)
    assert counted(book) == 5


def test_an_import_is_for_who_may_create_and_seen_by_who_brought_it(book):
    desk = Desk(book)
    id_ = desk.checked(customers(2))
    for page in ("", f"{id_}/", "template/"):
        assert book.person("technician").get(f"/admin/customer/import/{page}").status_code == 403
    other = Desk(book, "customer_service")
    for page in ("/", "/problems.csv", ".json"):
        assert other.person.get(f"{other.base}{id_}{page}").status_code == 404
    for step in ("check", "start", "undo"):
        assert other.post(id_, step, {"mode": "whole", "reason": "x"}).status_code == 404
    assert Desk(book, "sales", BATCH).person.get(f"/admin/product_batch/import/{id_}/").status_code in (403, 404)
    assert counted(book) == 2


def test_a_dealer_brings_only_its_own_and_changes_no_other_dealers_record(book):
    mine = {"parts": [{"line_no": 1, "part_no": "P1", "part_name": "垫", "unit_of_measure": "件", "quantity": 2}], "period": "2026-11"}
    spec = Record.types["parts_demand_plan"]
    desk = Desk(book, "dealer_f001", spec.name)
    mine["prepared_by"] = "dealer_f001"
    rows = [{**mine}, {**mine, "period": "2026-12", "dealer": "F002"}, {**mine, "period": "2026-12", "dealer": "F001"}]
    id_ = desk.checked(json.dumps(rows).encode(), "计划.json")
    with book.session() as session:
        problems = [(one.place, one.field) for one in session.scalars(sa.select(ImportProblem).filter_by(import_id=id_))]
    assert {place for place, _ in problems} == {2}, problems
    desk.post(id_, "start", {"mode": "good"})
    dealer = book.id("dealer_ledger", dealer_code="F001")
    assert counted(book, spec.name, dealer_id=dealer) == counted(book, spec.name) == 2


def test_who_has_lost_the_right_meanwhile_brings_nothing_in(book):
    desk = Desk(book)
    book.set_parameter("import_rows_at_once", "1")
    id_ = desk.brought(customers(3))
    desk.post(id_, "check", desk.columns(id_))
    with book.session() as session:
        session.scalar(sa.select(User).filter_by(username="sales")).is_active = False
        session.commit()
    work(book)
    assert desk.run(id_).state == "mapping" and "已停用" in desk.run(id_).error_zh


# Changing what is there -------------------------------------------------------------------------------------------

def test_a_number_changes_its_record_unless_it_was_changed_since_the_check(book):
    desk = Desk(book)
    text = "编号,公司地址\r\nCUS-00001,新址 1\r\nCUS-00002,某街 5 号\r\n".encode()
    id_ = desk.checked(text)
    assert "将新建 0 条，更新 1 条" in desk.page(id_).text
    first = book.id(CUSTOMER, number="CUS-00001")
    book.edit("sales", CUSTOMER, first, address="别处")
    desk.post(id_, "start", {"mode": "whole"})
    assert (desk.run(id_).state, desk.run(id_).bad) == ("checked", 1) and "看到的不是最新内容" in desk.page(id_).text
    assert book.read(CUSTOMER, first).address == "别处"
    desk.post(id_, "check", desk.columns(id_))
    desk.post(id_, "start", {"mode": "whole"})
    assert book.read(CUSTOMER, first).address == "新址 1" and desk.run(id_).updated == 1
    assert book.read(CUSTOMER, book.id(CUSTOMER, number="CUS-00002")).revision == 1, "what says the same changes nothing"


# Back out ---------------------------------------------------------------------------------------------------------

def test_an_import_is_undone_whole_while_nobody_has_touched_its_records(book):
    desk, first = Desk(book), book.id(CUSTOMER, number="CUS-00001")
    before = book.read(CUSTOMER, first)
    header = f"编号,{HEADER}"
    text = "\r\n".join([header, "CUS-00001,客户甲,other,李四,13800009999,新址,四川省", ",新顾客1,直接用户,张,13800000001,某街,重庆市", ""])
    id_ = desk.imported(text.encode())
    assert (desk.run(id_).created, desk.run(id_).updated, book.read(CUSTOMER, first).name) == (1, 1, "客户甲")
    [new] = book.ids(CUSTOMER, name="新顾客1")
    refused(desk.post(id_, "undo"), "请填写撤销原因", 422)
    book.edit("sales", CUSTOMER, new, address="有人改过")
    desk.post(id_, "undo", {"reason": "导错了"})
    assert desk.run(id_).state == "done" and book.read(CUSTOMER, new).number in desk.page(id_).text
    assert book.read(CUSTOMER, first).name == "客户甲" and book.state(CUSTOMER, new) == "draft", "all of it, or nothing"
    with book.session() as session:
        session.execute(sa.update(ImportedRow).where(ImportedRow.record_id == new).values(revision=2))
        session.commit()
    desk.post(id_, "undo", {"reason": "导错了"})
    assert desk.run(id_).state == "undone" and book.state(CUSTOMER, new) == "void"
    assert book.audited(CUSTOMER, new, "move:void") == ["导错了"]
    after = book.read(CUSTOMER, first)
    assert (after.name, after.phone, after.address, after.province) == (before.name, before.phone, before.address, before.province)
    again = desk.imported(text.encode())
    assert desk.run(again).created == 1, "what was undone may come in again"
    with book.session() as session:
        assert list(audit.verify(session)) == []


# In the background ------------------------------------------------------------------------------------------------

class Killed(BaseException):
    """The process dies here."""


def test_a_killed_import_goes_on_where_it_was_and_doubles_nothing(book, monkeypatch):
    monkeypatch.setattr(import_runs, "PIECE", 20)
    book.set_parameter("import_rows_at_once", "10")
    desk = Desk(book)
    id_ = desk.brought(customers(100, bad={7, 55}))
    desk.post(id_, "check", desk.columns(id_))
    assert desk.run(id_).state == "checking" and "检查中" in desk.page(id_).text
    work(book)
    desk.post(id_, "start", {"mode": "good"})
    assert desk.person.get(f"{desk.base}{id_}.json").json["state"] == "running"
    commit, commits = db.session.commit, []

    def dying():
        commits.append(1)
        if len(commits) == 3:
            raise Killed
        commit()
    with book.session():
        monkeypatch.setattr(db.session, "commit", dying)
        with pytest.raises(Killed):
            import_runs.bring_in(id_)
        monkeypatch.setattr(db.session, "commit", commit)
        db.session.rollback()
    assert (counted(book), desk.run(id_).place) == (2 + 39, 41), "two pieces of twenty rows, of which one row was bad"
    work(book, times=2)
    run = desk.run(id_)
    assert (run.state, run.created, run.bad, counted(book)) == ("done", 98, 2, 100)
    numbers = [book.read(CUSTOMER, each).number for each in book.ids(CUSTOMER)]
    assert sorted(numbers) == [f"CUS-{n:05}" for n in range(1, 101)]
    with book.session() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ImportedRow)) == 98
        assert list(audit.verify(session)) == []
        told_ = session.scalars(sa.select(Notice.zh).filter_by(kind="transfer").order_by(Notice.id)).all()
    assert len(told_) == 2 and "新建 98" in told_[-1]


def test_all_or_nothing_is_one_transaction_and_tells_every_row_that_turned_bad(book, monkeypatch):
    monkeypatch.setattr(import_runs, "PIECE", 20)
    desk = Desk(book, "quality_engineer", BATCH)
    rows = [f"M9,B{n},2026-09-01,一分公司" for n in range(60)]
    text = "\r\n".join(["产品名称(段别),批号,生产日期,生产单位", *rows]).encode()
    id_ = desk.checked(text, "批次.csv")
    before = counted(book, BATCH)
    piece, calls = import_runs._keep_piece, []

    def dying(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return piece(*arguments)
    monkeypatch.setattr(import_runs, "_keep_piece", dying)
    with pytest.raises(Killed):
        desk.post(id_, "start", {"mode": "whole"})
    monkeypatch.setattr(import_runs, "_keep_piece", piece)
    assert (desk.run(id_).state, counted(book, BATCH)) == ("importing", before)
    with book.session():
        import_runs.bring_in(id_)
        import_runs.bring_in(id_)
    assert (desk.run(id_).state, counted(book, BATCH)) == ("done", before + 60)
