"""What comes late never changes a frozen report: it is issued again for a reason, and the new one tells what changed."""

from __future__ import annotations

import json

import pytest

from jobs import reissues, reports
from models.base import Record
from models.people import Membership, User
from models.reports import Reissue
from tests import reading, valid
from tests.api.program import Program
from tests.casebook import Casebook, done, refused

NAME, SHEET = "quality_info_summary", "quality_info_transfer"


@pytest.fixture
def book(app):
    return Casebook(app)


def compiled(book, *more):
    return book.app.test_cli_runner().invoke(args=["report", "run", NAME, "--period", "2026-09", "--wait", "--json", *more])


def sheet(book, loss):
    with valid.desk(book.app) as session:
        return valid.record(session, SHEET, "closed", received_at="2026-09-10T09:00:00", direct_loss=loss).id


def test_a_frozen_report_is_replaced_for_a_reason_and_both_say_so(book):
    sheet(book, "100")
    first = json.loads(compiled(book).stdout)["records"][0]
    engineer, manager = book.person("quality_engineer"), book.person("quality_manager")
    refused(manager.post(f"/admin/reports/{NAME}/ask", {"period": "2026-09"}), "您的角色没有这项权限")
    refused(manager.post(f"/admin/reports/{NAME}/ask", {"period": "2026-09", "reason": "补录"}), "没有已冻结的", 422)
    old, = book.ids(NAME, number=first["number"])
    done(engineer.edit(NAME, old, quality_opinion="平稳"))
    done(engineer.move(NAME, old, "check"))
    done(manager.move(NAME, old, "submit"))
    frozen = book.read(NAME, old)
    sheet(book, "50")
    without = compiled(book)
    assert without.exit_code == 1 and book.read(NAME, old).case_count == 1
    refused(engineer.post(f"/admin/reports/{NAME}/ask", {"period": "2026-09", "reason": "补录"}), "“作废”由质量负责人")
    done(manager.post(f"/admin/reports/{NAME}/ask", {"period": "2026-09", "reason": "补录一起"}))
    run = json.loads(compiled(book).stdout)   # joins the manager's
    new, = book.ids(NAME, number=run["records"][0]["number"])
    assert new != old and (book.read(NAME, new).case_count, book.read(NAME, new).state) == (2, "compiled")
    kept = book.read(NAME, old)
    assert (kept.state, kept.case_count, kept.direct_loss, len(kept.cases)) == ("void", 1, frozen.direct_loss, 1)
    assert [vars(line) for line in kept.figures] == [vars(line) for line in frozen.figures]
    page = engineer.get(f"/admin/{NAME}/details/?id={old}").text
    assert "本表已由以下报表取代" in page and run["records"][0]["number"] in page
    page = engineer.get(f"/admin/{NAME}/details/?id={new}").text
    assert "补录一起" in page and first["number"] in page and "100.00" in page and "150.00" in page
    refused(book.person("both").post("/admin/reports/survey_coverage/ask", {"period": "2026", "reason": "x"}), "不能重新发布", 422)
    again = json.loads(compiled(book).stdout)["records"][0]   # not frozen yet: the same record
    assert again["number"] == run["records"][0]["number"]


# Every report -----------------------------------------------------------------------------------------------------

AGAIN = {name: report for name, report in reports.REPORTS.items() if isinstance(report.reissue, reissues.Reissuing)}
NEVER = [name for name in reports.REPORTS if name not in AGAIN]
WHEN = {"period": "2026-09", "quarter": "2026-Q3"}
# Who may call the frozen record off, and what somebody had written on it.
WHO = {
    "quality_info_summary": ("quality_manager", {"quality_opinion": "平稳"}),
    "monthly_quality_analysis": ("quality_manager", {"analysis_text": "集中于发动机", "focus_items": [{"item": "异响"}]}),
    "dealer_grade_sheet": ("customer_service", {"repair_summary": "维修正常"}),
    "satisfaction_score": ("quality_manager", {
        "product_quality_score": "90", "survey_weight": "0.5", "product_quality_weight": "0.5"}),
    "satisfaction_report": ("quality_manager", {"conclusion": "尚可"}),
    "quarterly_service_analysis": ("quality_engineer", {"service_situation": "本季平稳", "problems": [{"problem": "响应慢"}]}),
    "outlet_quarterly_summary": ("customer_service", {"service_content": "维修与保养"}),
}


def frozen(session, name, place=valid.HERE):
    """A record of the report in the first state in which it is not compiled any more."""
    spec = Record.types[name]
    state = next(state for state in reissues.calling_off(spec).source if state != spec.workflow.initial)
    when = {} if AGAIN[name].of_plans else {key: value for key, value in WHEN.items() if key in spec.fields}
    when.pop("quarter" if "period" in when else "", None)
    person = {field: str(valid.id_of(session, valid.username(role, place))) for field, role in (
        ("salesperson", "sales"), ("technician", "technician")) if field in spec.fields}
    return valid.record(session, name, state, place=place, **when, **person, **WHO[name][1])


def run(book, name, *more):
    answer = book.app.test_cli_runner().invoke(args=["report", "run", name, "--wait", "--json", *more])
    return answer, json.loads(answer.stdout)["records"] if answer.exit_code == 0 else []


@pytest.mark.once
@pytest.mark.parametrize("name", AGAIN)
def test_a_frozen_record_of_any_report_is_replaced_by_a_new_one_and_keeps_all_it_said(book, name):
    who, written = WHO[name]
    with valid.desk(book.app) as session:
        old, number = (row := frozen(session, name)).id, row.number
    before = valid.snapshot(book.app, name, old)
    manager = book.person(who)
    page = manager.get(f"/admin/{name}/details/?id={old}").text
    assert f'action="/admin/reports/{name}/ask"' in page and f'name="record" value="{number}"' in page
    assert 'name="record"' not in book.person("deputy_gm").get(f"/admin/{name}/details/?id={old}").text
    ask = f"/admin/reports/{name}/ask"
    refused(manager.post(ask, {"record": number}), "请填写重新发布的原因", 422)
    refused(manager.post(ask, {"record": number, "period": "2026-09", "reason": "补录"}), "已指明单据", 422)
    refused(manager.post(ask, {"record": "X-1", "reason": "补录"}), "没有编号为", 422)
    assert book.person("deputy_gm").post(ask, {"record": number, "reason": "补录"}).status_code == 403
    assert valid.snapshot(book.app, name, old) == before
    done(manager.post(ask, {"record": number, "reason": "补录一起"}))
    answer, found = run(book, name, "--record", number, "--reason", "补录一起")   # joins the manager's
    assert answer.exit_code == 0, answer.output
    (new,) = found
    kept, read = book.read(name, old), book.read(name, *book.ids(name, number=new["number"]))
    assert new["number"] != number and read.state == Record.types[name].workflow.initial
    move = reissues.calling_off(Record.types[name])
    assert kept.state == move.to and book.audited(name, old, f"move:{move.name}") == ["补录一起"]
    moved = {"state", "revision", "updated_at", "updated_by_id", "content_hash", "audit_head", "is_frozen"}
    now = valid.snapshot(book.app, name, old)
    assert {key for key in now if now[key] != before[key]} <= moved and now["updated_by_id"] == book.user(who)
    for field, value in written.items():
        said = getattr(read, field)
        assert str(said).rstrip("0").rstrip(".") == value if isinstance(value, str) else \
            [getattr(row, key) for row in said for key in value[0]] == [*value[0].values()], field
    assert number in (told := manager.get(f"/admin/{name}/details/?id={read.id}").text) and "补录一起" in told
    assert new["number"] in manager.get(f"/admin/{name}/details/?id={old}").text
    refused(manager.post(ask, {"record": number, "reason": "再来"}), "未冻结")
    assert book.app.test_cli_runner().invoke(args=["audit", "verify"]).exit_code == 0


@pytest.mark.once
def test_where_a_period_has_several_only_the_one_that_is_named_is_replaced(book):
    name = "quarterly_service_analysis"
    with valid.desk(book.app) as session:
        mine, other = (frozen(session, name, place) for place in (valid.HERE, valid.THERE))
        number, ids = mine.number, (mine.id, other.id)
    engineer, ask = book.person("quality_engineer"), f"/admin/reports/{name}/ask"
    refused(engineer.post(ask, {"period": "2026-Q3", "reason": "补录"}), "有 2 张已冻结的", 422)
    before = valid.snapshot(book.app, name, ids[1])
    _, (new,) = run(book, name, "--record", number, "--reason", "补录")
    assert (new["fields"]["salesperson"], book.state(name, ids[0])) == ("sales", "void")
    assert valid.snapshot(book.app, name, ids[1]) == before and len(book.ids(name)) == 3
    with valid.desk(book.app) as session:   # whoever has left had a quarter too
        session.get(User, valid.id_of(session, "sales2")).is_active = False
        left = session.get(Record.types[name].model, ids[1]).number
    _, (new,) = run(book, name, "--record", left, "--reason", "补录")
    assert new["fields"]["salesperson"] == "sales2"


@pytest.mark.once
def test_what_a_dealer_was_told_is_not_issued_again_and_the_right_is_asked_for_once_more_when_it_runs(book):
    name = "dealer_grade_sheet"
    with valid.desk(book.app) as session:
        published = valid.record(session, name, "published", period="2026-08")
        reviewed = frozen(session, name)
        numbers, ids = (published.number, reviewed.number), (published.id, reviewed.id)
    office, ask = book.person("customer_service"), f"/admin/reports/{name}/ask"
    refused(office.post(ask, {"record": numbers[0], "reason": "补录"}), "当前状态为“已公布”")
    assert 'name="record"' not in office.get(f"/admin/{name}/details/?id={ids[0]}").text
    done(office.post(ask, {"record": numbers[1], "reason": "补录"}))
    with valid.desk(book.app) as session:
        session.execute(Membership.__table__.delete().where(
            Membership.__table__.c.user_id == valid.id_of(session, "customer_service")))
    answer, _ = run(book, name, "--record", numbers[1], "--reason", "补录")
    assert answer.exit_code == 1 and book.state(name, ids[1]) == "reviewed"


@pytest.mark.once
def test_another_run_on_its_way_is_not_mistaken_for_it_and_what_was_sent_back_meanwhile_is_not_replaced(book):
    name = "quality_info_summary"
    with valid.desk(book.app) as session:
        id_, number = (row := frozen(session, name)).id, row.number
    manager = book.person("quality_manager")
    done(manager.post(f"/admin/reports/{name}/ask", {"record": number, "reason": "补录"}))
    book.as_it_was(name, id_, state="compiled")
    answer, _ = run(book, name, "--period", "2026-09")   # joins it
    assert answer.exit_code == 1 and "未冻结" in answer.stderr and book.ids(name) == [id_]
    book.as_it_was(name, id_, state="checked")
    done(book.person("quality_engineer").post(f"/admin/reports/{name}/ask", {"period": "2026-09"}))
    refused(manager.post(f"/admin/reports/{name}/ask", {"record": number, "reason": "补录"}), "正在汇总")


@pytest.mark.once
@pytest.mark.parametrize("name", NEVER)
def test_what_is_never_issued_again_says_why(book, name):
    period = {"month": "2026-09", "year": "2026"}[reports.REPORTS[name].period_kind]
    for more in (("--period", period), ("--record", "X-1")):
        answer = book.app.test_cli_runner().invoke(args=["report", "run", name, *more, "--reason", "补录"])
        assert answer.exit_code == 2 and reports.REPORTS[name].reissue.zh in answer.stderr


def test_an_analysis_is_issued_again_by_a_program_and_its_readers_sign_anew(book):
    name, card = "monthly_quality_analysis", "complaint_tracking_card"
    with valid.desk(book.app) as session:
        valid.record(session, card, "closed", received_at="2026-09-10T09:00:00", fault_category="engine")
    run(book, name, "--period", "2026-09")
    old, = book.ids(name)
    office, manager = book.person("customer_service"), book.person("quality_manager")
    done(office.edit(name, old, analysis_text="平稳", improvement_focus="异响", improvement_direction="装配", recipients=["quality"]))
    done(office.move(name, old, "issue"))
    done(manager.move(name, old, "acknowledge"))
    figures = book.read(name, old).figures
    with valid.desk(book.app) as session:
        valid.record(session, card, "closed", received_at="2026-09-30T23:59:59", fault_category="engine")
        valid.record(session, card, "closed", received_at="2026-10-01T00:00:00", fault_category="engine")
    answer, _ = run(book, name, "--period", "2026-09")
    assert answer.exit_code == 1 and book.read(name, old).case_count == 1
    program = Program(book.app, "quality_manager")
    assert Program(book.app, "customer_service").ask("POST", f"/reports/{name}", {
        "period": "2026-09", "reason": "迟到一起"}).status_code == 403
    assert program.ask("POST", f"/reports/{name}", {"period": "2026-09", "reason": "迟到一起"}).status_code == 202
    _, (again,) = run(book, name, "--period", "2026-09")   # joins it
    new, kept = book.read(name, *book.ids(name, number=again["number"])), book.read(name, old)
    assert (new.case_count, new.analysis_text, new.recipients, new.receipts) == (2, "平稳", ["quality"], [])
    assert (kept.state, kept.case_count, len(kept.receipts)) == ("void", 1, 1)
    assert [vars(line) for line in kept.figures] == [vars(line) for line in figures]
    with book.session() as session:
        changes = {(figure, column): values for figure, column, *values in session.query(Reissue).one().changes}
    assert changes["case_count", ""] == ["1", "2"] == changes["by_fault_category:engine", "case_count"]
    page = reading.text_of(manager.get(f"/admin/{name}/details/?id={new.id}").text)
    assert "100.00%" in page and "1.000000" not in page and "True" not in page, "as the form shows it"
    assert not any(figure.startswith("trend:2026-08") for figure, _ in changes)
