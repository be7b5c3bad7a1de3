"""What an import promises: all or nothing, every bad row named, broken files answered in one sentence."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
import xlsxwriter

from jobs import imports
from models.base import Record
from models.history import AuditEntry, DeadlineClock
from models.people import User
from models.spec import Invalid
from rules import audit, described, exports, lists, records
from rules.access import Actor
from rules.act import Act

BATCH = {"product_name": "M9", "batch_no": "B1", "produced_on": "2026-09-01", "production_unit": "U1"}
PLAN = {"title": "十月走访", "purpose": "听取意见", "starts_on": "2026-10-01", "ends_on": "2026-10-31", "handler": "sales"}
VISIT = {"customer": "客户A", "planned_on": "2026-10-12", "visitor": "technician"}
REPORT = {"customer": "客户A", "visited_on": "2026-10-12", "visitor": "technician", "customer_info": "车队20辆"}
ACTION = {"source_type": "other", "problem": "松动", "responsible_unit": "U1"}


def spec(name):
    return Record.types[name]


def every(act, name):
    model = spec(name).model
    return act.session.scalars(sa.select(model).order_by(model.id)).all()


def count(act, name):
    return act.session.scalar(sa.select(sa.func.count()).select_from(spec(name).model))


@pytest.fixture
def as_json(tmp_path):
    def write(name, *rows):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        return path
    return write


@pytest.fixture
def as_csv(tmp_path):
    def write(name, text, encoding="utf-8-sig"):
        path = tmp_path / f"{name}.csv"
        path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
        return path
    return write


@pytest.fixture
def as_xlsx(tmp_path):
    def write(name, **sheets):
        path = tmp_path / f"{name}.xlsx"
        with xlsxwriter.Workbook(path) as book:
            for sheet, rows in sheets.items():
                page = book.add_worksheet(sheet)
                for place, row in enumerate(rows):
                    page.write_row(place, 0, row)
        return path
    return write


# Good files -------------------------------------------------------------------------------------------------------

def test_json_creates_records_with_their_lines_by_the_rules_of_the_form(act, as_json):
    path = as_json("visit_plan", {**PLAN, "visits": [VISIT, {**VISIT, "customer": "CUS-00002"}]})
    outcome = imports.import_file(act, spec("visit_plan"), path)
    assert (outcome.created, outcome.updated, outcome.bad) == (1, 0, [])
    [plan] = every(act, "visit_plan")
    assert plan.state == "draft" and plan.number.startswith("VPL-") and plan.planned_count == 2
    assert [visit.is_key_customer for visit in plan.visits] == [True, True]
    assert list(audit.verify(act.session)) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_any_usual_encoding_with_chinese_header_and_labels(act, as_csv, encoding):
    path = as_csv("product_batch", "产品名称(段别),批号,生产日期,生产单位,公安管控物品,数量\n"
                                   "制动器,B77,2026/9/1,一分公司,是,\"1,200.5\"\n\n", encoding)
    assert imports.import_file(act, spec("product_batch"), path).created == 1
    batch = every(act, "product_batch")[-1]
    assert (batch.batch_no, batch.produced_on, batch.production_unit) == ("B77", date(2026, 9, 1), "U1")
    assert batch.is_regulated is True and batch.quantity == 1200.5


def test_what_was_made_inert_for_spreadsheets_is_itself_again(act, as_csv):
    path = as_csv("product_batch", "product_name,batch_no,produced_on,production_unit,remark\n"
                                   "'=1+1,B78,2026-09-01,U1,'quoted\n'-5℃型,B79,2026-09-01,U1,'@x\n")
    imports.import_file(act, spec("product_batch"), path)
    first, second = every(act, "product_batch")[-2:]
    assert (first.product_name, first.remark) == ("=1+1", "'quoted")
    assert (second.product_name, second.remark) == ("-5℃型", "@x")


def test_csv_lines_stand_in_a_file_beside(act, as_csv):
    path = as_csv("visit_plan", "number,title,purpose,starts_on,ends_on,handler\n"
                                "甲,一,听,2026-10-01,2026-10-31,sales\n乙,二,听,2026-10-01,2026-10-31,sales\n")
    as_csv("visit_plan.visits", "编号,顾客,计划日期,走访人\n乙,客户A,2026-10-05,technician\n乙,客户B,2026-10-06,technician\n")
    assert imports.import_file(act, spec("visit_plan"), path).created == 2
    assert [(plan.title, plan.planned_count) for plan in every(act, "visit_plan")] == [("一", 0), ("二", 2)]


def test_xlsx_with_a_sheet_for_the_lines_and_numbers_as_a_spreadsheet_keeps_them(act, as_xlsx):
    path = as_xlsx(
        "visit_plan", 走访计划=[["编号", "计划名称", "走访目的", "期间开始", "期间结束", "负责人", "预算"],
                               [1, 20261001, "听取意见", "2026-10-01", "2026-10-31", "sales", 1200.5]],
        visits=[["number", "customer", "planned_on", "visitor"], [1, "客户A", "2026-10-12", "technician"]])
    outcome = imports.import_file(act, spec("visit_plan"), path)
    assert outcome.bad == []
    [plan] = every(act, "visit_plan")
    assert (plan.title, plan.budget, plan.visits[0].visitor.username) == ("20261001", 1200.5, "technician")


def test_a_number_that_exists_is_edited_and_nothing_else_of_it_changes(act, as_json):
    batch = every(act, "product_batch")[0]
    before = (batch.batch_no, batch.produced_on, batch.created_at)
    outcome = imports.import_file(
        act, spec("product_batch"), as_json("product_batch", {"number": batch.number, "operator": "老王"}))
    assert (outcome.created, outcome.updated) == (0, 1)
    assert batch.operator == "老王" and (batch.batch_no, batch.produced_on, batch.created_at) == before


@pytest.mark.parametrize("header", ["labels", "names"])
def test_an_exported_csv_comes_in_again_and_changes_nothing(act, tmp_path, header):
    kind = spec("product_batch")
    columns = lists.columns(kind, exports.export_columns(kind))
    rows = act.session.execute(lists.select(kind, columns, [], [kind.model.id]))
    path = tmp_path / "product_batch.csv"
    path.write_bytes(b"".join(exports.csv_rows(kind, columns, rows, act.actor, header=header)))
    before = [batch.revision for batch in every(act, "product_batch")]
    outcome = imports.import_file(act, kind, path)
    assert (outcome.updated, outcome.created, outcome.bad) == (len(before), 0, [])
    assert [batch.revision for batch in every(act, "product_batch")] == before


def test_an_exported_record_comes_in_again_with_its_signed_lines(act, as_json):
    kind, card = spec("info_flow_card"), {
        "source": "phone", "customer": "客户A", "product_batch": "B2608", "quality_info": "异响", "handler": "technician",
        "number": "IFC-202501-0001", "state": "sent_to_qa", "sent_to_qa_at": "2025-01-06T09:00",
        "receipts": [{"unit": "U1", "signed_by": "unit", "signed_at": "2025-01-06T10:00"}, {"unit": "U2"}]}
    imports.import_file(act, kind, as_json("info_flow_card", card), history=True)
    [kept] = every(act, "info_flow_card")
    [exported] = described.records(act.session, kind, [kept], plain=True)
    assert imports.import_file(act, kind, as_json("info_flow_card", exported)).bad == []
    assert kept.revision == 1
    exported["receipts"].pop()
    assert imports.import_file(act, kind, as_json("info_flow_card", exported)).updated == 1
    assert [row.signed_by.username for row in kept.receipts] == ["unit"]


def test_records_that_name_each_other_load_in_any_order(act, tmp_path, as_json):
    as_json("visit_plan", {**PLAN, "number": "a", "state": "completed", "visits": [{**VISIT, "visit_report": "b"}]})
    as_json("visit_report", {**REPORT, "number": "b", "state": "submitted", "visit_plan": "a"})
    outcome = imports.import_folder(act, tmp_path, history=True)
    assert (outcome.created, outcome.bad) == (2, [])
    [plan], [report] = every(act, "visit_plan"), every(act, "visit_report")
    assert report.visit_plan_id == plan.id and plan.visits[0].visit_report_id == report.id
    assert plan.visited_count == 1 and plan.visits[0].is_key_customer is True


def test_new_records_may_name_their_own_kind_and_later_rows(act, as_json):
    path = as_json("corrective_action", {**ACTION, "number": "x", "repeat_of": "y"}, {**ACTION, "number": "y"})
    assert imports.import_file(act, spec("corrective_action"), path).created == 2
    first, second = every(act, "corrective_action")
    assert first.repeat_of_id == second.id and first.number.startswith("JY-")


def test_the_import_is_audited_with_the_checksum_of_its_file(act, as_json):
    imports.import_file(act, spec("product_batch"), as_json("product_batch", BATCH))
    [entry] = act.session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "import", AuditEntry.record_id.is_(None)))
    assert entry.changes["product_batch.json"][1].startswith("sha256:") and entry.changes["created"] == [None, 1]


# Bad rows ---------------------------------------------------------------------------------------------------------

BAD_BATCHES = "product_name,batch_no,produced_on,production_unit\nM9,B1,2026-09-01,U1\nM9,,昨天,U1\nM9,B3,2026-09-01,没有\n"


def named(outcome):
    return [(bad.row, bad.field) for bad in outcome.bad]


def test_every_bad_row_is_named_and_nothing_is_written(act, as_csv):
    before = count(act, "product_batch")
    outcome = imports.import_file(act, spec("product_batch"), as_csv("product_batch", BAD_BATCHES))
    assert set(named(outcome)) == {(3, "batch_no"), (3, "produced_on"), (4, "production_unit")}
    assert outcome.created == 0 and count(act, "product_batch") == before
    assert all(bad.text.zh and bad.text.en and "{" not in bad.text.en for bad in outcome.bad)


def test_bad_rows_can_be_left_out(act, as_csv):
    before = count(act, "product_batch")
    outcome = imports.import_file(act, spec("product_batch"), as_csv("product_batch", BAD_BATCHES), skip_bad=True)
    assert outcome.created == 1 and {row for row, _ in named(outcome)} == {3, 4}
    assert count(act, "product_batch") == before + 1


def test_what_names_a_bad_row_is_left_out_with_it(act, tmp_path, as_json):
    as_json("visit_plan", {**PLAN, "number": "a"}, {"number": "c", "title": "无期间"})
    as_json("visit_report", {**REPORT, "number": "b", "visit_plan": "c"}, {**REPORT, "number": "d", "visit_plan": "a"})
    for history in (False, True):
        outcome = imports.import_folder(act, tmp_path, skip_bad=True, dry_run=True, history=history)
        assert outcome.created == 2 and {(bad.file, bad.row) for bad in outcome.bad} == {
            ("visit_plan.json", 2), ("visit_report.json", 1)}


def test_a_dry_run_writes_nothing_and_gives_the_numbers_back(act, as_json):
    path, entries = as_json("visit_plan", PLAN), act.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry))
    assert imports.import_file(act, spec("visit_plan"), path, dry_run=True).created == 1
    assert count(act, "visit_plan") == 0
    assert act.session.scalar(sa.select(sa.func.count()).select_from(AuditEntry)) == entries
    imports.import_file(act, spec("visit_plan"), path)
    assert every(act, "visit_plan")[0].number.endswith("0001")


@pytest.mark.parametrize(("row", "field"), [
    ({**PLAN, "visits": [VISIT, {**VISIT, "customer": "无此顾客"}]}, "visits-1-customer"),
    ({**PLAN, "visits": "x"}, "visits"), ({**PLAN, "handler": "nobody"}, "handler"), ({**PLAN, "colour": 1}, "colour"),
    ({**PLAN, "planned_count": 9}, "planned_count"), ({**PLAN, "state": "approved"}, "state"),
    ({**PLAN, "ends_on": "2026-09-01"}, "ends_on"), ({**PLAN, "budget": "NaN"}, "budget"), ("just a word", ""),
])
def test_what_the_form_refuses_the_import_refuses(act, as_json, row, field):
    outcome = imports.import_file(act, spec("visit_plan"), as_json("visit_plan", row))
    assert named(outcome) == [(1, field)]


def test_an_ambiguous_name_asks_for_the_number(act, as_json):
    for site in ("一厂", "二厂"):
        imports.import_file(act, spec("product_batch"), as_json("product_batch", {**BATCH, "production_site": site}))
    card = {"source": "phone", "customer": "客户A", "product_batch": "B1", "quality_info": "异响", "handler": "technician"}
    outcome = imports.import_file(act, spec("info_flow_card"), as_json("info_flow_card", card))
    assert named(outcome) == [(1, "product_batch")] and "number" in outcome.bad[0].text.en


def test_a_row_of_a_child_table_is_named_where_it_stands(act, as_csv):
    path = as_csv("visit_plan", "number,title,purpose,starts_on,ends_on,handler\na,一,听,2026-10-01,2026-10-31,sales\n")
    as_csv("visit_plan.visits", "number,customer,planned_on,visitor\na,客户A,2026-10-05,technician\na,谁,2026-10-05,technician\n"
                                "z,客户A,2026-10-07,technician\n")
    outcome = imports.import_file(act, spec("visit_plan"), path)
    assert (4, "") in named(outcome) and {bad.file for bad in outcome.bad} == {"visit_plan.visits.csv"}


def test_ragged_rows_are_bad_rows(act, as_csv):
    text = "product_name,batch_no,produced_on,production_unit\nM9,B1,2026-09-01,U1,,\nM9,B2\nM9,B3,2026-09-01,U1,多\n"
    assert named(imports.import_file(act, spec("product_batch"), as_csv("product_batch", text))) == [(3, ""), (4, "")]


def test_the_rights_of_the_person_count(act, as_json):
    finance = act.session.scalar(sa.select(User).where(User.username == "finance"))
    theirs = Act(act.session, Actor.of(finance, "api"))
    batch = every(act, "product_batch")[0].number
    path = as_json("product_batch", BATCH, {"number": batch, "operator": "我"})
    outcome = imports.import_file(theirs, spec("product_batch"), path)
    assert named(outcome) == [(1, ""), (2, "")]


# Broken files -----------------------------------------------------------------------------------------------------

def packed(name, content):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, content)
    return held.getvalue()


BROKEN = {
    "empty.csv": b"", "blank.csv": b"\r\n\r\n", "nul.csv": b"a,b\x00c\n", "utf16.csv": "\ufeff批号,x\n".encode("utf-16"),
    "latin.csv": b"\xff\xfe\xfd\x81", "noheader.csv": b"M9,B1,2026-09-01,U1\n", "unknown.csv": "批号,颜色\nB1,红\n".encode(),
    "twice.csv": "批号,batch_no\nB1,B2\n".encode(), "quote.csv": b'batch_no,remark\nB1,"open\n', "only.csv": "批号\n".encode(),
    "semicolon.csv": b"batch_no;product_name\nB1;M9\n", "long.csv": b"x" * (100 * 2**20), "cell.csv": b"batch_no\n" + b"x" * 2**20,
    "broken.json": b'[{"batch_no": }]', "object.json": b"{}", "none.json": b"[]", "deep.json": b"[" * 200_000, "nan.json": b"[NaN]",
    "gbk.json": '["批号"]'.encode("gbk"), "long.json": b"x" * (100 * 2**20), "digits.json": b"[" + b"9" * 5000 + b"]",
    "junk.xlsx": b"junk", "zip.xlsx": packed("a.txt", "x"), "half.xlsx": packed("xl/workbook.xml", "<workbook"),
    "type.pdf": b"%PDF", "type.xls": b"\xd0\xcf\x11\xe0",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_answered_in_one_sentence(act, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(BROKEN[name])
    with pytest.raises(Invalid) as refused:
        imports.import_file(act, spec("product_batch"), path)
    text = refused.value.errors["file"]
    assert text.zh.startswith(name) and len(text.en) < 300 and "Traceback" not in text.en


def test_a_missing_file_and_strange_folders_too(act, tmp_path, as_json, as_csv):
    for call in (lambda: imports.import_file(act, spec("customer"), tmp_path / "no.csv"),
                 lambda: imports.import_folder(act, tmp_path), lambda: imports.import_folder(act, tmp_path / "no")):
        with pytest.raises(Invalid):
            call()
    lines = as_csv("visit_plan.visits", "number,customer\n")
    with pytest.raises(Invalid, match=r"visit_plan\.csv"):
        imports.import_folder(act, tmp_path)
    lines.unlink()
    as_json("no_such_type", {})
    with pytest.raises(Invalid, match="no_such_type"):
        imports.import_folder(act, tmp_path)


# History ----------------------------------------------------------------------------------------------------------

OLD = {**REPORT, "number": "VRP-202503-0041", "state": "已关闭", "created_at": "2025-03-04T09:30", "created_by": "technician",
       "visited_on": "2025-03-03", "submitted_at": "2025-03-05T08:00+08:00", "closed_at": "2025-03-09 10:00"}


def test_history_keeps_numbers_states_and_stamps(act, as_json):
    outcome = imports.import_file(act, spec("visit_report"), as_json("visit_report", OLD), history=True)
    assert (outcome.created, outcome.bad) == (1, [])
    [report] = every(act, "visit_report")
    assert (report.number, report.state, report.revision) == ("VRP-202503-0041", "closed", 1)
    assert report.created_at == datetime(2025, 3, 4, 1, 30, tzinfo=UTC) and report.created_by.username == "technician"
    assert report.submitted_at == datetime(2025, 3, 5, tzinfo=UTC) and report.updated_at == report.closed_at
    assert list(audit.verify(act.session)) == []


def test_counting_goes_on_behind_the_history(act, as_json):
    month = f"{act.today:%Y%m}"
    imports.import_file(act, spec("visit_plan"), as_json("visit_plan", {**PLAN, "number": f"VPL-{month}-0017"}), history=True)
    raw = {**PLAN, "handler": str(act.session.scalar(sa.select(User.id).where(User.username == "sales")))}
    assert records.create(act, spec("visit_plan"), raw).number == f"VPL-{month}-0018"


def test_history_recomputes_what_is_derived_and_sets_its_clocks(act, as_json):
    card = {"source": "phone", "customer": "客户A", "product_batch": "B2608", "quality_info": "异响", "handler": "technician",
            "number": "IFC-202501-0001", "state": "closed", "sent_to_qa_at": "2025-01-06T09:00",
            "reply_due_at": "2030-01-01T00:00", "replied_at": "2025-01-07T09:00:01", "no_action_reason": "无",
            "receipts": [{"unit": "U1", "signed_by": "unit", "signed_at": "2025-01-06T10:00"}]}
    imports.import_file(act, spec("info_flow_card"), as_json("info_flow_card", card), history=True)
    [kept] = every(act, "info_flow_card")
    assert kept.reply_due_at == datetime(2025, 1, 7, 1, tzinfo=UTC) and kept.receipts[0].signed_by.username == "unit"
    [clock] = act.session.scalars(sa.select(DeadlineClock).where(DeadlineClock.type == "info_flow_card"))
    assert clock.state == "missed"


@pytest.mark.parametrize(("rows", "found"), [
    ([OLD, {**OLD}], [(2, "number")]), ([{**OLD, "state": "gone"}], [(1, "state")]),
    ([{**OLD, "created_by": "nobody"}], [(1, "created_by")]), ([{**OLD, "customer": "无"}], [(1, "customer")]),
    ([{**OLD, "customer_info": ""}], [(1, "customer_info")]), ([{**OLD, "position": "长" * 201}], [(1, "position")]),
    ([{**OLD, "number": "x" * 61}], [(1, "number")]), ([{**OLD, "satisfaction_level": "还行"}], [(1, "satisfaction_level")]),
])
def test_history_still_checks_types_links_and_required_fields(act, as_json, rows, found):
    outcome = imports.import_file(act, spec("visit_report"), as_json("visit_report", *rows), history=True)
    assert named(outcome) == found and count(act, "visit_report") == 0


def test_history_refuses_numbers_and_unique_values_that_are_in_use(act, as_json):
    outlet = {"name": "新站", "dealer_code": "F001", "outlet_type": "repair_station", "contact_person": "张", "phone": "0231234567",
              "address": "路1号", "province": "重庆市", "established_on": "2020-01-01", "number": "SPL-0099", "state": "active"}
    path = as_json("dealer_ledger", outlet, {**outlet, "dealer_code": "F090", "number": "SPL-0001"})
    outcome = imports.import_file(act, spec("dealer_ledger"), path, history=True)
    assert named(outcome) == [(1, "dealer_code"), (2, "number")]
    void = as_json("dealer_ledger", {**outlet, "state": "void"})
    assert imports.import_file(act, spec("dealer_ledger"), void, history=True).created == 1


def test_history_writes_one_entry_for_each_record(act, as_json):
    imports.import_file(act, spec("visit_report"), as_json("visit_report", OLD), history=True)
    entries = act.session.scalars(sa.select(AuditEntry).where(AuditEntry.type == "visit_report")).all()
    assert sorted((entry.action, entry.record_id is None) for entry in entries) == [("import", False), ("import", True)]
