"""A record type is one file. Here such a file is put beside the others, and everything else follows from it; and a file
that contradicts itself stops the start with one sentence.

The file is read by a process of its own, so that no other test meets the type.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

HERE = Path(__file__).resolve().parent.parent

GOOD = '''
from models.base import (Line, Record, choice, day, decimal, email, file, integer, lines, link, longtext, moment, money,
                         multichoice, percent, period, person, phone, province, text, unit, yes_no)
from models.spec import OWNER, SIGNER, Deadline, Move, RecordType, Series, Step, Workflow, states


class Trip(Line, of="tool_loan"):
    """Where a tool was taken."""

    place = text("地点", required=True)
    customer_id = link("customer", "顾客")
    cost = money("费用")
    photo_id = file("照片")


class ToolLoan(Record):
    """A tool that is lent to a dealer."""

    tool = text("工具", required=True)
    note = longtext("说明")
    size = choice("大小", ("s", "小", "Small"), ("l", "大", "Large"), required=True)
    uses = multichoice("用途", ("engine", "发动机"), ("brake", "制动"))
    customer_id = link("customer", "顾客", required=True)
    dealer_id = link("dealer_ledger", "服务商")
    lender_id = person("出借人")
    department_of = unit("部门", "Department of")
    deposit = money("押金")
    pieces = integer("件数")
    weight = decimal("重量")
    wear = percent("磨损")
    lent_on = day("借出日期")
    back_at = moment("归还时间")
    is_new = yes_no("全新")
    contact_phone = phone("联系电话", private=True)
    contact_mail = email("邮箱")
    month = period("月份")
    where = province("省份")
    paper_id = file("借条", required=True)
    slip_id = file("归还单")
    total = money("费用合计", derived="sum of the trips")
    trips = lines(Trip, "行程")

    def derive(self, act):
        self.total = sum((trip.cost or 0 for trip in self.trips), start=0)

    spec = RecordType(
        code="TLN", zh="工具借用单", en="Tool loan", source="none", series=Series("TL-{yyyy}-{n:03}"), title="tool",
        list=("number", "tool", "size", "uses", "customer", "deposit", "lent_on", "wear", "is_new", "state"),
        search=("number", "tool", "contact_phone"), filters=("state", "size", "uses", "customer", "lent_on", "deposit"),
        scope={"dealer": "dealer"},
        deadlines=(Deadline("return", limit="callback_days", starts="lent_on", met_by="back_at", tell=("sales",)),),
        workflow=Workflow(
            states(("draft", "草稿"), ("asked", "待批"), ("lent", "借出"), ("back", "归还")),
            moves=(Move("ask", "申请", source=("draft",), to="asked", by=(OWNER,), requires=("deposit",), opens_round=True),
                   Move("grant", "批准", source=("asked",), to="lent", by=(SIGNER,), signs=True),
                   Move("take_back", "收回", source=("lent",), to="back", by=("sales",), requires=("slip",), stamps=("back_at",))),
            approval=(Step("finance"),)),
        access={"sales": "CEVX", "finance": "AV", "dealer": "v", "technician": "V"})
'''


def in_a_process_of_its_own(folder, body):
    """Runs `body` where `folder` holds further files of the area `master`; what it prints last, as data."""
    code = "import sys, models.master; models.master.__path__.append(sys.argv[1])\n" + textwrap.dedent(body)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=HERE, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


# What follows from one file -------------------------------------------------------------------------------------------

WALK = '''
import io
import json
import re
from pathlib import Path
import sqlalchemy as sa
from app import create_app
from tests import reading, valid, world
from tests.browser_of_a_person import Person, fields_of, problems
from tests.conftest import settings_for
from models.base import Record, db
from models.history import AuditEntry, DeadlineClock, Signature
from rules import access, lists
from sqlalchemy.dialects import postgresql

folder = Path(sys.argv[1])
app = create_app(settings_for(folder, f"sqlite:///{folder / 'own.sqlite'}"))
app.testing = True
with app.app_context():
    db.create_all()
    world.build(db.session)
    db.session.commit()
    customer = db.session.scalar(sa.text("SELECT id FROM customer WHERE number = 'CUS-00001'"))
    dealer = db.session.scalar(sa.text("SELECT id FROM dealer_ledger WHERE dealer_code = 'F001'"))
    db.session.remove()
people = {name: Person(app, name) for name in ("sales", "finance", "technician", "dealer_f001", "dealer_f002", "warehouse")}
sales, found = people["sales"], {}
form = sales.get("/admin/tool_loan/new/")
spec = Record.types["tool_loan"]
found["inputs"] = [name for name in spec.fields if f'name="{name}"' not in form.text]
found["line inputs"] = [name for name in spec.lines["trips"].fields if f'name="trips-0-{name}"' not in form.text]
typed = {"tool": "扭力扳手", "note": "小心", "size": "l", "uses": ["engine", "brake"], "customer": customer, "dealer": dealer,
         "department_of": "U1", "pieces": "2", "weight": "1.5", "wear": "0.25", "lent_on": "2026-01-31",
         "is_new": "true", "contact_phone": "13912345678", "contact_mail": "a@b.example", "month": "2026-01",
         "where": "重庆市", "trips-0-place": "站内", "trips-0-cost": "10.50", "trips-1-place": "路上", "trips-1-cost": "2"}
def paper(name):
    return io.BytesIO(name.encode()), f"{name}.txt"
refused = sales.post("/admin/tool_loan/new/", {**typed, "tool": "", "size": "x", "pieces": "viele", "paper": paper("借条"),
                                               "trips-1-photo": paper("路上"), "slip": (io.BytesIO(b"<html>"), "slip.txt")})
again = {name: value for name, value in fields_of(refused.text).items() if name.endswith("__kept")}
found["refused"] = [refused.status_code, [
    s for s in ("请填写“工具”", "“大小”没有“x”这一选项", "“件数”应为数字") if s in reading.text_of(refused.text)]]
found["files refused"] = [sorted(again), [w for w in ("借条.txt（已上传", "路上.txt（已上传", "“slip.txt”是网页") if w not in refused.text]]
id_ = sales.create("tool_loan", {**typed, **again})
base = "/admin/tool_loan/"
text = reading.text_of(sales.get(f"{base}details/?id={id_}").text)
found["details"] = [w for w in ("工具借用单", "TL-", "扭力扳手", "大", "发动机、制动", "客户A", "F001 服务站", "一分公司", "25.00%",
                                "2026-01-31",
                                "13912345678", "站内", "10.50", "12.50", "借条.txt", "路上.txt") if w not in text]
href = re.search(r'href="([^"]+)">路上.txt', sales.get(f"{base}details/?id={id_}").text)[1]
found["file"] = [sales.get(href).text, people["dealer_f001"].get(href).status_code, people["dealer_f002"].get(href).status_code]
page = sales.get(base).text
found["list"] = [reading.headers_of(page), list(reading.cells_of(page)[id_][1:9])]
found["filters"] = {q: reading.ids_of(sales.get(f"{base}?{q}").text) for q in (
    "uses=brake", "uses=%3B", "size=s", f"customer={customer}", "deposit__from=1", "lent_on=2026-01", "q=扭力",
    "sort=uses", "sort=-deposit")}
ordering = lists.order(spec, "uses", access.Actor.system())
found["sort by uses"] = str(sa.select(spec.model.id).order_by(*ordering).compile(dialect=postgresql.dialect()))
found["choices"] = [row["label"] for row in sales.get(f"{base}choices/?field=customer&q=客户A").json]
found["line choices"] = [row["label"] for row in sales.get(f"{base}choices/?field=trips.customer").json]
found["rights"] = {name: person.get(f"{base}details/?id={id_}").status_code for name, person in people.items()}
found["create rights"] = {name: person.get(f"{base}new/").status_code for name, person in people.items()}
found["masked"] = ["13912345678" in people[name].get(f"{base}details/?id={id_}").text for name in ("technician", "dealer_f001")]
found["edit"] = sales.edit("tool_loan", id_, note="改", uses=["engine", "brake"]).status_code
found["photo after edit"] = sales.get(href).status_code
found["lacks"] = [sales.move("tool_loan", id_, "ask").status_code, sales.move("tool_loan", id_, "ask", deposit="100").status_code]
found["sign"] = [sales.move("tool_loan", id_, "grant").status_code, people["finance"].move("tool_loan", id_, "grant").status_code]
found["stale"] = sales.move("tool_loan", id_, "take_back", revision=1).status_code
found["no slip"] = sales.move("tool_loan", id_, "take_back").status_code
unsaid = sales.move("tool_loan", id_, "take_back", slip=(io.BytesIO(b"<svg>"), "slip.txt"))
found["bad slip"] = [unsaid.status_code, "“slip.txt”是网页" in unsaid.text, 'enctype="multipart/form-data"' in unsaid.text]
found["back"] = sales.move("tool_loan", id_, "take_back", slip=paper("归还单")).status_code
other = sales.create("tool_loan", {**typed, "paper": paper("借条二")})
found["void"] = sales.move("tool_loan", other, "void", comment="重复").status_code
header, rows = reading.csv_of(sales.get(f"{base}export/csv/?header=names&sort=number").data)
found["csv"] = dict(zip(header, rows[0]))
found["csv rights"] = people["finance"].get(f"{base}export/csv/").status_code
runner = app.test_cli_runner()
found["described"] = next(t for t in json.loads(runner.invoke(args=["record-types", "--json"]).stdout) if t["name"] == "tool_loan")
found["exported"] = json.loads(runner.invoke(args=["export", "tool_loan", "--format", "json"]).stdout)[0]
row = {**found["exported"], "number": "TL-2019-001", "paper": "no such file.txt", "trips": [{"place": "站", "photo": "x.txt"}]}
def import_(rows, *options):
    (folder / "tool_loan.json").write_text(json.dumps(rows), encoding="utf-8")
    done = runner.invoke(args=["import", "tool_loan", str(folder / "tool_loan.json"), *options])
    return [done.exit_code, done.stderr]
lent = {**row, "number": "TL-2019-002", "state": "lent", "back_at": None}
old = import_([{k: v for k, v in one.items() if k != "slip"} for one in (row, lent)], "--history")
found["history"] = [*old, len(json.loads(runner.invoke(args=["export", "tool_loan", "--format", "json"]).stdout))]
named = {"tool": "x", "size": "l", "customer": "CUS-00001", "paper": "x.txt"}
found["entered"] = [import_([named]), import_([{**named, "paper": ""}])]
found["verified"] = runner.invoke(args=["audit", "verify"]).exit_code
found["menu"] = base in sales.get("/admin/").text and base not in people["warehouse"].get("/admin/").text
with app.app_context():
    found["audit"] = db.session.scalars(sa.select(AuditEntry.action).where(
        AuditEntry.type == "tool_loan", AuditEntry.record_id == id_).order_by(AuditEntry.id)).all()
    found["states"] = db.session.scalars(sa.text("SELECT state FROM tool_loan ORDER BY id")).all()
    found["signed"] = db.session.scalars(sa.select(Signature.state).where(Signature.type == "tool_loan", Signature.record_id == id_)).all()
    found["clock"] = db.session.scalars(sa.select(DeadlineClock.state).where(
        DeadlineClock.type == "tool_loan", DeadlineClock.record_id == id_)).all()
    db.session.remove()
    db.engine.dispose()
print(json.dumps(found))
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("type")
    (folder / "tool_loan.py").write_text(GOOD, encoding="utf-8")
    return in_a_process_of_its_own(folder, WALK)


def test_it_has_a_form_with_every_field_that_checks_what_is_typed(found):
    assert set(found["inputs"]) == {"total", "back_at"}, "what is derived or stamped is not typed"
    assert found["line inputs"] == []
    assert found["refused"] == [422, ["请填写“工具”", "“大小”没有“x”这一选项", "“件数”应为数字"]]


def test_it_has_a_details_page_with_every_value(found):
    assert found["details"] == [], "these are missing"


def test_it_has_a_list_that_is_filtered_searched_and_sorted(found):
    headers, cells = found["list"]
    assert headers == ["编号", "工具", "大小", "用途", "顾客", "押金", "借出日期", "磨损", "全新", "状态", "剩余时间"]
    assert cells == ["扭力扳手", "大", "发动机、制动", "客户A", "", "2026-01-31", "25.00%", "是"]
    assert "CAST(tool_loan.uses AS TEXT)" in found["sort by uses"], "PostgreSQL has no order of JSON"
    assert {q for q, ids in found["filters"].items() if not ids} == {"size=s", "deposit__from=1"}


def test_its_links_are_chosen_from_what_the_person_may_see(found):
    assert found["choices"] == ["CUS-00001 · 客户A"]
    assert found["line choices"] == ["CUS-00002 · 客户B", "CUS-00001 · 客户A"]


def test_its_rights_scope_and_private_fields_hold(found):
    assert found["rights"] == {"sales": 200, "finance": 200, "technician": 200, "dealer_f001": 200, "dealer_f002": 404, "warehouse": 403}
    assert found["create rights"] == {name: 200 if name == "sales" else 403 for name in found["rights"]}
    assert found["masked"] == [False, False] and found["csv rights"] == 403 and found["menu"]


def test_its_files_are_kept_though_the_form_is_refused_and_come_with_moves_and_rows(found):
    assert found["files refused"] == [["paper__kept", "trips-1-photo__kept"], []]
    assert found["file"] == ["路上", 403, 404] and found["photo after edit"] == 200
    assert found["no slip"] == 422 and found["bad slip"] == [422, True, True]


def test_an_import_brings_no_files(found):
    assert found["exported"]["paper"] == "借条.txt" and found["exported"]["slip"] == "归还单.txt"
    assert found["exported"]["trips"][1]["photo"] == "路上.txt"
    assert found["history"] == [0, "", 4], "what old records name is left aside, and not missed"
    (code, said), (other_code, missed) = found["entered"]
    assert code == other_code == 1 and "“借条”是文件，不能导入" in said and "请填写“借条”" in missed


def test_its_moves_approval_and_deadline_work(found):
    assert found["edit"] == 302 and found["lacks"] == [422, 302]
    assert found["sign"] == [403, 302] and found["signed"] == ["signed"]
    assert (found["stale"], found["back"], found["void"]) == (409, 302, 302) and found["states"] == ["back", "void", "back", "lent"]
    assert found["clock"] == ["missed"], "lent in January, back today"


def test_every_act_on_it_is_audited(found):
    assert found["audit"] == ["create", "edit", "move:ask", "move:grant", "move:take_back"] and found["verified"] == 0


def test_it_goes_out_as_csv_json_and_data(found):
    row = found["csv"]
    assert (row["uses"], row["total"], row["wear"], row["weight"], row["customer"], row["department_of"]) == (
        "engine;brake", "12.50", "0.250000", "1.5", "客户A", "一分公司")
    assert (found["exported"]["customer"], found["exported"]["deposit"], len(found["exported"]["trips"])) == ("CUS-00001", "100.00", 2)
    told = found["described"]
    assert (told["zh"], told["area"], told["series"], told["purpose"]) == (
        "工具借用单", "master", "TL-{yyyy}-{n:03}", "A tool that is lent to a dealer.")
    assert [f["type"] for f in told["fields"]] == [
        "text", "longtext", "choice", "multichoice", "link", "link", "user", "text", "money", "integer", "decimal", "percent", "date",
        "datetime", "bool", "phone", "email", "period", "province", "file", "file", "money"]
    assert told["private"] == ["contact_phone"]
    assert [name for name, *_ in told["states"]] == ["draft", "asked", "lent", "back", "void"], "the base way to void is there"


# What stops the start -------------------------------------------------------------------------------------------------

WRONG = {   # what is put in place of what -> words of the sentence
    "list": ('list=("number", "tool",', 'list=("number", "colour",',
        "list names the unknown field 'colour'; declare it or take it out."),
    "search": ('search=("number", "tool",', 'search=("number", "colour",', "search names the unknown field 'colour'"),
    "filters": ('filters=("state",', 'filters=("colour",', "filters names the unknown field 'colour'"),
    "filter by a file": ('filters=("state",', 'filters=("paper",', "filters names the file 'paper', by which nobody asks; take it out."),
    "title": ('title="tool"', 'title="colour"', "title names the unknown field 'colour'"),
    "state": ('("back", "归还"))', '("back", "归还"), ("lost", "遗失"))',
        "the state 'lost' is unreachable; add a move to it"),
    "island": ('("back", "归还")),\n            moves=(', '("back", "归还"), ("lost", "遗失"), ("gone", "报废")),\n            moves=('
               'Move("lose", "丢", source=("gone",), to="lost", by=("sales",)), '
               'Move("drop", "废", source=("lost",), to="gone", by=("sales",)),',
               "the state 'lost' is unreachable"),
    "move to nowhere": ('to="back", by', 'to="moon", by',
        "the move take_back names the unknown state 'moon'; declare it."),
    "move from nowhere": ('source=("lent",)', 'source=("moon",)', "names the unknown state 'moon'"),
    "move requires": ('requires=("deposit",)', 'requires=("colour",)',
        "the move ask names the unknown field 'colour'"),
    "move stamps": ('stamps=("back_at",)', 'stamps=("colour",)',
        "the move take_back names the unknown field 'colour'"),
    "role nobody has": ('"technician": "V"', '"emperor": "V"',
        "access names the role 'emperor', which nobody may have here; use one of"),
    "administrator": ('"technician": "V"', '"administrator": "V"', "access names the role 'administrator'"),
    "move without access": ('by=("sales",), requires=("slip"', 'by=("warehouse",), requires=("slip"',
        "the move take_back is given to warehouse, who has no access; give it"),
    "letter": ('"technician": "V"', '"technician": "VZ"',
        "access of technician has unknown letters in 'VZ'; use C E V v X A K."),
    "v without scope": ('"technician": "V"', '"technician": "v"',
        "technician sees only its own rows (v) but has no scope; say which field"),
    "scope": ('scope={"dealer": "dealer"}', 'scope={"dealer": "colour"}',
        "the scope of dealer follows the unknown field 'colour'; name a link"),
    "approval": ('"finance": "AV"', '"finance": "V"',
        "the approval asks finance, who has no A; give it the letter A."),
    "no approval": (',\n            approval=(Step("finance"),)', '',
        "asks for signatures; declare the approval steps."),
    "deadline field": ('starts="lent_on"', 'starts="colour"',
        "the deadline return names the unknown field 'colour'; declare it."),
    "deadline limit": ('limit="callback_days"', 'limit="colour"',
        "the deadline return has the unknown limit 'colour'; name a parameter or field."),
    "deadline unmet": (', met_by="back_at"', '', "nothing meets the deadline return; name the field that does."),
    "link": ('link("dealer_ledger"', 'link("spaceship"',
        "dealer links to the unknown type 'spaceship'; declare that type or leave the link out."),
    "line link": ('link("customer", "顾客")\n', 'link("spaceship", "顾客")\n',
        "customer links to the unknown type 'spaceship'"),
    "series": ('Series("TL-{yyyy}-{n:03}")', 'Series("TL-{yyyy}")', "has no running number: add {n} or {n:04}."),
    "link column": ("dealer_id = link(", "dealer = link(", "is a link: name its column dealer_id."),
    "copies": ('scope={"dealer"', 'copies=Copies(lines="letters", key="place"), scope={"dealer"',
        "copies names the unknown child table 'letters'"),
}

STARTS = '''
import json, os
import app
import models.base
from pathlib import Path
from tests.conftest import settings_for
said = {}
root = Path(sys.argv[1])
for folder in sorted(root.iterdir()):
    read, write = os.pipe()
    if os.fork() == 0:   # each declaration in a process where no other was made
        models.master.__path__.append(str(folder))
        try:
            app.create_app(settings_for(root, "sqlite://"))
            sentence = "it started"
        except SystemExit as stopped:
            sentence = str(stopped.code)
        except BaseException as bug:
            sentence = f"a bug: {bug!r}"
        os.write(write, sentence.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said[folder.name] = pipe.read().decode()
    os.wait()
print(json.dumps(said))
'''


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    root = tmp_path_factory.mktemp("types")
    for name, (old, new, _) in {**WRONG, "good": ("", "", "")}.items():
        assert not old or GOOD.count(old) == 1, f"{name}: {GOOD.count(old)} times {old!r}"
        (root / name).mkdir()
        source = GOOD.replace(old, new) if old else GOOD
        (root / name / "tool_loan.py").write_text(source.replace("import OWNER,", "import OWNER, Copies,"), encoding="utf-8")
    return in_a_process_of_its_own(root, STARTS)


@pytest.mark.parametrize("name", WRONG)
def test_a_declaration_that_contradicts_itself_stops_the_start_with_one_sentence(said, name):
    sentence = said[name]
    assert WRONG[name][2] in sentence
    assert sentence.startswith("Record type tool_loan: "), "it names the type"
    assert "\n" not in sentence and sentence.endswith(".")


def test_without_a_contradiction_it_starts(said):
    assert said["good"] == "it started"
