"""The commands of the console: what they print, what they leave behind, and how they say no."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from models.base import Record, db
from models.history import AuditEntry
from models.people import User
from models.settings import PARAMETERS, ParameterValue
from models.spec import ROLES, Kind
from rules import audit, office, parameters, passwords
from tests.casebook import Casebook
from tests.valid import TYPES, desk


@pytest.fixture
def run(app):
    """`run("user", "create", ...)` types a command; `input` is what stands on its standard input."""
    return lambda *words, **options: app.test_cli_runner().invoke(args=[str(word) for word in words], **options)


@pytest.fixture
def book(app):
    return Casebook(app)


def refused(result, sentence, code=1):
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert sentence in result.stderr and "Traceback" not in result.stderr


def user(app, name):
    with desk(app) as session:
        found = session.scalar(sa.select(User).where(User.username == name))
        return found and (found.roles, found.password_hash, found.name, found.email,
                          [(m.dealer_id is not None, m.unit) for m in found.memberships])


# People ---------------------------------------------------------------------------------------------------------------

def test_a_new_person_gets_a_random_password_that_is_printed_once(app, run):
    passwords_seen = set()
    for name in ("newcomer", "second"):
        result = run("user", "create", name, "--role", "sales", "--role", "finance", "--email", f"{name}@demo.example")
        assert result.exit_code == 0 and result.stderr == ""
        [line] = result.stdout.splitlines()
        shown, password = line.split()
        assert shown == name and len(password) >= 16
        roles, kept, called, email, _ = user(app, name)
        assert (roles, called, email) == ({"sales", "finance"}, name, f"{name}@demo.example")
        assert passwords.matches(kept, password) and password not in kept
        passwords_seen.add(password)
    assert len(passwords_seen) == 2
    with desk(app) as session:
        entry = session.scalar(sa.select(AuditEntry).where(AuditEntry.number == "newcomer"))
        assert (entry.action, entry.door) == ("create", "console")
        assert not [p for p in passwords_seen if p in str(session.scalars(sa.select(AuditEntry.changes)).all())]


def test_a_password_may_come_on_standard_input_and_is_not_printed(app, run):
    result = run("user", "create", "newcomer", "--role", "sales", "--password-stdin", input="correct horse battery\n")
    assert (result.exit_code, result.stdout) == (0, "newcomer\n")
    assert passwords.matches(user(app, "newcomer")[1], "correct horse battery")
    refused(run("user", "create", "other", "--role", "sales", "--password-stdin", input="short\n"), "password: 密码应为 10 到 200 个字符")
    refused(run("user", "create", "other", "--role", "sales", "--password-stdin", input=""), "password: 密码应为")
    assert user(app, "other") is None


def test_who_belongs_to_a_dealer_or_a_department_says_which(app, run):
    assert run("user", "create", "newdealer", "--role", "dealer", "--dealer", "F001").exit_code == 0
    assert user(app, "newdealer")[4] == [(True, None)]
    assert run("user", "create", "newunit", "--role", "unit", "--unit", "一分公司", "--display", "新同事").exit_code == 0
    assert (user(app, "newunit")[2], user(app, "newunit")[4]) == ("新同事", [(False, "U1")])


@pytest.mark.parametrize(("words", "sentence"), [
    (("x1", "--role", "emperor"), "roles: 没有角色 emperor"), (("sales", "--role", "sales"), "username: 用户名 sales 已存在"),
    (("a b", "--role", "sales"), "username: 用户名须为"), (("x1", "--role", "dealer"), "dealer: 服务商角色须指明服务商代码"),
    (("x1", "--role", "appraiser", "--dealer", "F999"), "dealer: 服务商角色须指明"),
    (("x1", "--role", "unit"), "unit: 责任部门角色须指明部门"),
    (("x1", "--role", "sales", "--email", "no address"), "email: 邮箱无效"),
    (("x1", "--role", "sales", "--display", "长" * 81), "name: 姓名最多")])
def test_a_person_that_cannot_be_is_refused_by_field(app, run, words, sentence):
    refused(run("user", "create", *words), sentence)
    assert user(app, "x1") is None


def test_a_person_without_a_role_is_a_slip_of_the_command(run):
    assert run("user", "create", "x1").exit_code == 2


# Record types ---------------------------------------------------------------------------------------------------------

def test_every_type_is_listed_with_its_names(run):
    lines = run("record-types").stdout.splitlines()
    assert len(lines) == len(TYPES)
    for line, spec in zip(lines, TYPES.values(), strict=True):
        assert line.split()[:3] == [spec.area, spec.name, spec.zh] and line.endswith(spec.en)


def test_the_declarations_are_printed_as_data(run):
    told = json.loads(run("record-types", "--json").stdout)
    assert [one["name"] for one in told] == list(TYPES)
    for one in told:
        spec = TYPES[one["name"]]
        assert {"name", "code", "zh", "en", "area", "source", "purpose", "series", "numbered_at", "title", "scope", "fields", "lines",
                "states", "moves", "approval", "deadlines", "rules", "links_in", "list", "search", "filters", "private", "retention_years",
                "access"} == set(one)
        assert [field["name"] for field in one["fields"]] == list(spec.fields)
        for field in one["fields"]:
            declared = spec.fields[field["name"]]
            assert {"name", "zh", "en", "type", "required", "origin"} <= set(field) and field["required"] is declared.required
            assert (field.get("to", "") == declared.to) and (declared.kind is not Kind.CHOICE or field["choices"])
        assert {state for state, _, _ in one["states"]} >= {s for move in one["moves"] for s in (*move["from"], move["to"])}
        assert set(one["access"]) <= set(ROLES) and [m["name"] for m in one["moves"]] == [m.name for m in spec.workflow.moves]


# Parameters -----------------------------------------------------------------------------------------------------------

def test_every_parameter_is_listed_with_its_value_of_today(run):
    lines = run("parameter", "list").stdout.splitlines()
    assert [line.split(" = ")[0] for line in lines] == list(PARAMETERS)
    assert "reply_hours = 24 h  (答复期限; 000 §5.2.1c; 001 §5.3.5)" in lines


def test_a_parameter_holds_from_its_day_on_and_the_change_is_kept(app, run):
    tomorrow = office.today() + timedelta(days=1)
    assert run("parameter", "set", "reply_hours", "12", "--from", tomorrow.isoformat()).exit_code == 0
    assert run("parameter", "set", "home_province", "四川省").exit_code == 0
    listed = run("parameter", "list").stdout
    assert "reply_hours = 24 h" in listed and "home_province = 四川省" in listed
    with desk(app) as session:
        assert [parameters.value(session, "reply_hours", day) for day in (office.today(), tomorrow)] == [24, 12]
        entries = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "set_parameter").order_by(AuditEntry.id)).all()
        assert [(e.number, e.door, e.changes["valid_from"][1]) for e in entries] == [
            ("reply_hours", "console", tomorrow.isoformat()), ("home_province", "console", office.today().isoformat())]
    assert run("parameter", "set", "reply_hours", "10", "--from", tomorrow.isoformat()).exit_code == 0
    with desk(app) as session:
        assert parameters.value(session, "reply_hours", tomorrow) == 10
        assert session.scalar(sa.select(sa.func.count()).where(ParameterValue.name == "reply_hours")) == 1


@pytest.mark.parametrize(("words", "sentence", "code"), [
    (("no_such", "1"), "name: 没有参数“no_such”", 1), (("reply_hours", "many"), "value: “答复期限”的值“many”不合要求（单位 h）", 1),
    (("reply_hours", "1.5"), "不合要求", 1), (("reply_hours", "NaN"), "不合要求", 1), (("home_province", "火星"), "不合要求", 1),
    (("reply_hours", "1", "--from", "2026-02-30"), "--from 应为日期", 2), (("reply_hours", "1", "--from", "soon"), "--from 应为日期", 2)])
def test_a_wrong_value_or_day_is_refused_and_nothing_changes(app, run, words, sentence, code):
    refused(run("parameter", "set", *words), sentence, code)
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ParameterValue)) == 0


# Out and in again -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("format_", ["json", "csv"])
def test_what_was_exported_is_imported_again_and_is_the_same(app, run, book, tmp_path, format_):
    """Out of one office, into another that has the same customers and people but not these plans."""
    sales = book.person("sales")
    for n, title in enumerate(("=一月", "二月 😀", "三月\n")):
        sales.create("visit_plan", book.visit_plan(title=title, purpose=f"'第一行\n\n第二行 \"{n}\"", budget=f"{n}.05"))
    path = tmp_path / f"visit_plan.{format_}"
    path.write_bytes(run("export", "visit_plan", "--format", format_, "--header", "names").stdout_bytes)
    before = [vars(book.read("visit_plan", id_)) for id_ in book.ids("visit_plan")]
    app.put_back()
    with app.app_context():
        db.engine.dispose()
    assert book.ids("visit_plan") == []
    result = run("import", "visit_plan", path, "--history")
    assert result.exit_code == 0, result.output
    assert "新建 3，更新 0，有误 0" in result.stdout
    after = [vars(book.read("visit_plan", id_)) for id_ in book.ids("visit_plan")]
    names = ("number", "state", "title", "purpose", "starts_on", "ends_on", "handler", "budget")
    assert sorted([row[n] for n in names] for row in after) == sorted([row[n] for n in names] for row in before)
    # a CSV holds its child tables in a file beside it
    assert [len(row["visits"]) for row in after] == ([1, 1, 1] if format_ == "json" else [0, 0, 0])
    with desk(app) as session:
        assert not list(audit.verify(session))


def test_a_bad_row_is_named_and_keeps_everything_out(run, book, tmp_path):
    path = tmp_path / "visit_plan.json"
    good = {"title": "好", "purpose": "x", "starts_on": "2026-10-01", "ends_on": "2026-10-31", "handler": "sales"}
    path.write_text(json.dumps([good, {**good, "starts_on": "2026-02-30"}]), encoding="utf-8")
    result = run("import", "visit_plan", path)
    assert result.exit_code == 1 and "visit_plan.json 第 2 行 [starts_on]：" in result.stderr and "未写入" in result.stdout
    assert book.ids("visit_plan") == []
    assert run("import", "visit_plan", path, "--skip-bad", "--dry-run").exit_code == 1 and book.ids("visit_plan") == []
    assert run("import", "visit_plan", path, "--skip-bad").exit_code == 1 and len(book.ids("visit_plan")) == 1
    refused(run("import", "no_such", path), "没有单据类型“no_such”", 2)
    refused(run("import", "visit_plan", tmp_path / "no_such.json"), "no_such.json")
    refused(run("import", path, path, path), "用法：import", 2)


# Reports --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [("no_such", "--period", "2026-10"), ("quality_info_summary", "--period", "2026-13"),
                                   ("quality_info_summary", "--period", "2026"), ("quality_info_summary", "--period", "2026-Q4"),
                                   ("quality_info_summary", "--period", "soon"), ("quality_info_summary", "--period", "2099-01"),
                                   ("quality_info_summary",), ("--period", "2026-10")])
def test_wrong_arguments_of_a_report_are_exit_2(app, run, words):
    result = run("report", "run", *words)
    assert (result.exit_code, result.stdout) == (2, "") and result.stderr.strip() and "Traceback" not in result.stderr


# The proof ------------------------------------------------------------------------------------------------------------

def test_verifying_the_audit_says_so_in_the_language_of_the_office(app, run):
    assert run("audit", "verify").stdout == "审计完好：记录、审计链和封存全部相符\n"
    table = Record.types["customer"].model.__table__
    with desk(app) as session:
        session.execute(sa.update(table).where(table.c.number == "CUS-00001").values(remark="x"))
    result = run("audit", "verify")
    assert result.exit_code == 1 and re.fullmatch(r"顾客档案 CUS-00001：.+\n", result.stdout)
    app.config["LANGUAGE"] = "en"
    try:
        assert run("audit", "verify").stdout.startswith("Customer file CUS-00001: ")
    finally:
        app.config["LANGUAGE"] = "zh"

