"""Monthly settlements: what is taken in, what it comes to, and what stops a check or a payment."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from jobs import schedule
from models.reports import ReportRun
from rules import access, audit, office
from rules.act import Act
from tests import valid
from tests.casebook import Casebook, at, done, refused, why_not
from tests.warranty.paper import FIRST, SETTLEMENT, SHEET, compiled, dealer_id, made

MONTH, NEXT, NOW = "2026-09", "2026-10", at("2026-10-16 01:00")
NOTICE, GRADE = "reward_penalty_notice", "dealer_grade_sheet"


@pytest.fixture
def book(app):
    return Casebook(app)


def sheet(book, amount, reviewed="2026-09-20T09:00", dealer="F001", state="approved", **given):
    """An appraisal of this amount."""
    labour = {"labour_name": "修理", "labour_hours": "1", "labour_rate": amount}
    return made(book, SHEET, state, dealer=dealer_id(book, dealer), reviewed_at=reviewed, labours=[labour], parts=[],
                travel_fee="0", **given)


def service(book, amount, reviewed="2026-09-21T09:00", dealer="F001", state="accepted"):
    return made(book, FIRST, state, dealer=dealer_id(book, dealer), reviewed_at=reviewed, amount=amount)


def notice(book, kind, amount, state="issued", dealer="F001", **given):
    measure = "bonus" if kind == "reward" else "fine"
    return made(book, NOTICE, state, kind=kind, measure_type=measure, amount=amount, dealer=dealer_id(book, dealer),
                **{"effective_on": "2026-09-30", **given})


def grade(book, points, period="2026-08", state="published", **given):
    """A sheet with so many of 100 points: 92 is an A."""
    return made(book, GRADE, state, dealer=dealer_id(book), **{"period": period, **given}, indicators=[
        {"indicator": "report_timeliness", "weight": "100", "numerator": points, "denominator": "100"}])


def figures(run):
    (record,) = run.records
    names = ("appraisal_amount", "first_service_amount", "gross_amount", "coefficient", "adjustment_amount", "amount")
    return [record["fields"][name] for name in names]


def checked(book, run):
    done(book.person("customer_service").move(SETTLEMENT, run.ids[0], "check"))
    return run.ids[0]


def approved(book, run):
    settlement = checked(book, run)
    for signer in ("finance", "deputy_gm"):
        done(book.person(signer).move(SETTLEMENT, settlement, "approve"))
    return settlement


def pay(book, settlement, **given):
    return book.person("finance").move(SETTLEMENT, settlement, "pay", **{
        "invoice_no": "0123", "invoiced_on": office.today().isoformat(), **given})


# What it comes to -----------------------------------------------------------------------------------------------------

def test_a_month_of_a_dealer_with_what_is_behind_each_figure(book):
    sheets, services = [sheet(book, "333.33"), sheet(book, "100.00")], [service(book, "66.67")]
    bonus, fine = notice(book, "reward", "50.00"), notice(book, "penalty", "20.01", "acknowledged")
    grade(book, "92")
    run = compiled(book, MONTH, now=NOW)
    assert run.state == "done", run.error
    assert figures(run) == ["433.33", "66.67", "500.00", "1.05", "29.99", "554.99"]
    record, numbers = run.records[0], {book.read(kind, id_).number for kind, ids in (
        (SHEET, sheets), (FIRST, services)) for id_ in ids}
    assert record["number"] == "WST-202609-0001" and record["fields"]["data_as_of"] == NOW.isoformat()
    assert set(record["behind"]["gross_amount"]) == numbers
    assert record["behind"]["adjustment_amount"] == [book.read(NOTICE, id_).number for id_ in (bonus, fine)]
    assert set(record["behind"]["amount"]) == numbers | set(record["behind"]["adjustment_amount"])
    assert len(record["behind"]["coefficient"]) == 1
    assert [row["amount"] for row in record["lines"]["adjustments"]] == ["50.00", "-20.01"]


@pytest.mark.parametrize("points, coefficient, amount", [
    ("92", "1.05", "35.01"), ("85", "1", "33.34"), ("75", "0.95", "31.67"), ("10", "0.9", "30.01")])
def test_the_grade_decides_the_coefficient_and_the_amount_is_rounded_once(book, points, coefficient, amount):
    sheet(book, "33.34")
    grade(book, points)
    assert figures(compiled(book, MONTH, now=NOW))[3::2] == [coefficient, amount]


def test_the_latest_published_sheet_that_is_not_later_counts(book):
    sheet(book, "100.00")
    grade(book, "10", period="2026-07")
    grade(book, "75", period="2026-08")
    grade(book, "92", period="2026-09", state="approved")
    grade(book, "92", period="2026-10")
    assert figures(compiled(book, MONTH, now=NOW))[3] == "0.95"


def test_what_a_settlement_takes_in(book):
    taken = {sheet(book, "1.00", "2026-09-30T23:59:59"), sheet(book, "2.00", "2026-07-01T09:00")}
    sheet(book, "4.00", "2026-10-01T00:00:00")
    sheet(book, "8.00", state="rejected", reject_reason="other", review_opinion="不符")
    sheet(book, "16.00", state="settled")
    service(book, "32.00", state="submitted")
    notice(book, "reward", "5.00", "draft")
    notice(book, "reward", "6.00", effective_on="2026-10-01")
    notice(book, "penalty", "7.00", dealer="F002")
    run = compiled(book, MONTH, now=NOW)
    read = book.read(SETTLEMENT, run.ids[0])
    assert {row.warranty_appraisal for row in read.appraisals} == taken
    assert (read.first_services, read.adjustments, f"{read.amount}") == ([], [], "3.00")


def test_each_record_is_in_one_settlement_unless_that_is_void(book):
    early = sheet(book, "10.00")
    fine = notice(book, "penalty", "1.00")
    first = compiled(book, MONTH, now=NOW)
    late = sheet(book, "5.00", "2026-10-05T09:00")
    second = compiled(book, NEXT, now=NOW)
    listed = lambda run: {row.warranty_appraisal for row in book.read(SETTLEMENT, run.ids[0]).appraisals}   # noqa: E731
    assert (listed(first), listed(second)) == ({early}, {late})
    done(book.person("customer_service").move(SETTLEMENT, first.ids[0], "void", comment="重做"))
    again = compiled(book, NEXT, now=NOW)
    assert again.ids == second.ids and listed(again) == {early, late}
    assert [row.reward_penalty_notice for row in book.read(SETTLEMENT, again.ids[0]).adjustments] == [fine]


def test_customer_service_writes_deductions_that_no_notice_gives(book):
    """With their reason, as long as nothing is submitted; compiling again leaves them, and the rows of notices stand."""
    sheet(book, "10.00")
    notice(book, "penalty", "2.00")
    first, service = compiled(book, MONTH, now=NOW), book.person("customer_service")
    written = {"adjustments-1-reason": "旧件未返", "adjustments-1-amount": "-3"}
    refused(service.edit(SETTLEMENT, first.ids[0], **{**written, "adjustments-1-reason": ""}), "请填写“事由”", 422)
    refused(service.edit(SETTLEMENT, first.ids[0], **{**written, "adjustments-1-amount": "0"}), "金额不能为零", 422)
    for changes in ({"adjustments-0-amount": "-1"}, {"adjustments-0-reason": "改"}):
        refused(service.edit(SETTLEMENT, first.ids[0], **changes), "奖罚通知的行由汇编带入，不能改动", 422)
    done(service.edit(SETTLEMENT, first.ids[0], **written))
    path = f"/admin/{SETTLEMENT}/edit/?id={first.ids[0]}"
    fewer = {name: value for name, value in service.form(path).items() if not name.startswith("adjustments-0-")}
    refused(service.post(path, fewer), "奖罚通知的行由汇编带入，不能改动", 422)
    notice(book, "reward", "1.00")
    again = compiled(book, MONTH, now=NOW)
    assert (again.ids, figures(again)[4:]) == (first.ids, ["-4.00", "6.00"])
    assert [row["reason"] for row in again.records[0]["lines"]["adjustments"]][-1] == "旧件未返"
    with book.session() as session:
        assert list(audit.verify(session)) == []


def test_what_was_submitted_gets_no_more_deductions_and_what_was_counted_none_by_hand(book):
    sheet(book, "10.00")
    run, service, finance = compiled(book, MONTH, now=NOW), book.person("customer_service"), book.person("finance")
    written = {"adjustments-0-reason": "旧件未返", "adjustments-0-amount": "-3"}
    page = service.get(f"/admin/{SETTLEMENT}/edit/?id={run.ids[0]}").text
    assert 'data-lines="adjustments"' in page and page.count("data-add-row") == 1 and 'name="appraisals' not in page
    assert finance.get(f"/admin/{SETTLEMENT}/edit/?id={run.ids[0]}").status_code == 403
    settlement = approved(book, run)
    refused(finance.edit(SETTLEMENT, settlement, invoice_no="1", **written), "报批后明细不能再改", 422)
    done(finance.edit(SETTLEMENT, settlement, invoice_no="1"))


def test_every_dealer_with_something_to_settle_has_its_own(book):
    sheet(book, "10.00")
    service(book, "20.00", dealer="F002")
    run = compiled(book, MONTH, now=NOW)
    assert [record["fields"]["gross_amount"] for record in run.records] == ["10.00", "20.00"]
    assert compiled(book, MONTH, "F002", now=NOW).ids == run.ids[1:]
    assert "has no appraisal" in compiled(book, MONTH, "F003", now=NOW).error
    nobody = compiled(book, "2026-01", now=NOW)
    assert (nobody.state, nobody.records) == ("done", [])


def test_one_that_is_checked_is_not_compiled_again_and_stops_no_other(book):
    sheet(book, "10.00")
    first = compiled(book, MONTH, now=NOW)
    checked(book, first)
    sheet(book, "5.00")
    sheet(book, "7.00", dealer="F002")
    run = compiled(book, MONTH, now=NOW)
    assert run.state == "done" and first.records[0]["number"] in run.error
    assert [record["fields"]["amount"] for record in run.records] == ["7.00"]
    assert f"{book.read(SETTLEMENT, first.ids[0]).amount}" == "10.00"
    assert first.records[0]["number"] in compiled(book, MONTH, "F001", now=NOW).error


# Asking for it --------------------------------------------------------------------------------------------------------

def test_a_person_asks_for_it_again_and_the_clock_every_month(book):
    sheet(book, "10.00")
    run = compiled(book, MONTH, now=NOW)
    done(book.person("customer_service").move(SETTLEMENT, run.ids[0], "recompile"))
    with book.session() as session:
        job = schedule.KEPT[SETTLEMENT]
        job.function(Act(session, access.Actor.system()), job.rule.first(at("2026-10-10 09:00")))
        session.commit()
        asked = session.execute(sa.select(ReportRun.period, ReportRun.scope).where(ReportRun.state == "queued"))
        assert sorted(tuple(row) for row in asked) == [(MONTH, ""), (MONTH, "F001")]


def test_the_command(app, book):
    sheet(book, "10.00")
    answer = app.test_cli_runner().invoke(args=[
        "report", "run", SETTLEMENT, "--period", MONTH, "--dealer", "F001", "--wait", "--json"])
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["records"][0]["fields"]["amount"] == "10.00"


# What stops it --------------------------------------------------------------------------------------------------------

def test_a_row_that_no_longer_agrees_with_its_record_stops_the_check(book):
    ids = [sheet(book, "10.00"), sheet(book, "20.00")]
    fine, run = notice(book, "penalty", "5.00", "approved"), compiled(book, MONTH, now=NOW)
    person, says = book.person("customer_service"), "明细与原单据不一致"
    change, back = {"travel_fee": 1}, {"travel_fee": 0}
    for changes in (change, {**back, "state": "rejected"}):
        book.as_it_was(SHEET, ids[0], **changes)
        refused(person.move(SETTLEMENT, run.ids[0], "check"), says)
    book.as_it_was(SHEET, ids[0], state="approved", dealer=int(dealer_id(book, "F002")))
    refused(person.move(SETTLEMENT, run.ids[0], "check"), says)
    book.as_it_was(SHEET, ids[0], dealer=int(dealer_id(book)))
    done(person.move(NOTICE, fine, "cancel", comment="误开"))
    refused(person.move(SETTLEMENT, run.ids[0], "check"), says)
    run = compiled(book, MONTH, now=NOW)
    assert figures(run)[4:] == ["0.00", "30.00"]
    checked(book, run)


def test_a_record_listed_twice_stops_the_check(book):
    id_, run = sheet(book, "10.00"), compiled(book, MONTH, now=NOW)
    twice = [{"warranty_appraisal": str(id_), "amount": "10.00"}]
    made(book, SETTLEMENT, dealer=dealer_id(book), period=NEXT, appraisals=twice, adjustments=[])
    refused(book.person("customer_service").move(SETTLEMENT, run.ids[0], "check"), "或已列入其他结算单")


def test_nothing_to_settle_is_not_submitted(act):
    row = valid.record(act.session, SETTLEMENT)
    assert why_not(act, row, "check") == "没有鉴定单或首保明细，不能报批"


def test_an_appraisal_that_was_voided_since_stops_the_payment(book):
    id_ = sheet(book, "10.00")
    settlement = approved(book, compiled(book, MONTH, now=NOW))
    book.as_it_was(SHEET, id_, state="void")
    refused(pay(book, settlement), "明细与原单据不一致")


def test_a_payment_settles_all_that_it_lists_and_changes_no_more(book):
    ids = sheet(book, "10.00"), service(book, "20.00"), notice(book, "penalty", "5.00", "acknowledged")
    settlement = approved(book, compiled(book, MONTH, now=NOW))
    tomorrow = (office.today() + office.DAY).isoformat()
    refused(pay(book, settlement, invoiced_on=tomorrow), "开票日期不能晚于今天", 422)
    refused(book.person("customer_service").move(SETTLEMENT, settlement, "pay"), "“付款”由财务办理")
    done(pay(book, settlement))
    reads = [book.read(kind, id_) for kind, id_ in zip((SHEET, FIRST, NOTICE), ids, strict=True)]
    assert [read.state for read in reads] == ["settled", "settled", "acknowledged"]
    assert {read.warranty_settlement for read in reads} == {settlement}
    assert compiled(book, MONTH, "F001", now=NOW).state == "failed"


def test_a_settlement_that_was_sent_back_is_compiled_and_signed_anew(book):
    sheet(book, "10.00")
    run = compiled(book, MONTH, now=NOW)
    settlement = checked(book, run)
    refused(book.person("finance").move(SETTLEMENT, settlement, "send_back"), "请填写原因", 422)
    done(book.person("finance").move(SETTLEMENT, settlement, "send_back", comment="漏一单"))
    sheet(book, "5.00")
    assert figures(compiled(book, MONTH, now=NOW))[-1] == "15.00"
    approved(book, run)
    assert [row[2] for row in book.signatures(SETTLEMENT, settlement)] == ["returned", "dropped", "signed", "signed"]


def test_a_dealer_sees_its_own_settlement_only(book):
    sheet(book, "10.00")
    (settlement,) = compiled(book, MONTH, now=NOW).ids
    assert book.person("dealer_f001").get(f"/admin/{SETTLEMENT}/details/?id={settlement}").status_code == 200
    assert book.person("dealer_f002").get(f"/admin/{SETTLEMENT}/details/?id={settlement}").status_code == 404


def test_nobody_settles_an_appraisal_by_itself(act):
    for kind, state in ((SHEET, "approved"), (FIRST, "accepted")):
        assert "只随所列保修结算单付款一并结算" in why_not(act, valid.record(act.session, kind, state), "settle")
