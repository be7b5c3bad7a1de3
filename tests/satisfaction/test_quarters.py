"""The drafts of a quarter: what salespeople took in and what an outlet's technicians did, counted by hand, at the edges of
the quarter, before there was anything, and left alone once they are handed in."""

from __future__ import annotations

import json

import pytest

from tests import valid
from tests.casebook import Casebook, done, refused

ANALYSIS, SUMMARY, SHEET, REPAIR = (
    "quarterly_service_analysis", "outlet_quarterly_summary", "quality_info_transfer", "customer_repair_file")
# Of the quarter: its first and last second and one between; not of it: the seconds beside it, a rejected and a void one.
SHEETS = (
    ("2026-06-30T23:59:59", "closed", "2026-07-01T08:00:00", "5000"), ("2026-07-01T00:00:00", "closed", "2026-07-01T20:00:00", "1000"),
    ("2026-08-10T09:00:00", "closed", "2026-08-11T09:00:01", "250.50"), ("2026-09-30T23:59:59", "replying", None, "0"),
    ("2026-10-01T00:00:00", "closed", "2026-10-01T01:00:00", "7"), ("2026-08-01T09:00:00", "rejected", None, "9"),
    ("2026-08-02T09:00:00", "void", None, "9"))


@pytest.fixture
def book(app):
    return Casebook(app)


def asked(book, name, *more):
    answer = book.app.test_cli_runner().invoke(args=["report", "run", name, "--wait", "--json", *more])
    return json.loads(answer.stdout)


def figures(record):
    return {line["section"]: line for line in record["lines"]["figures"]}


def sheets_of_sales(book):
    with valid.desk(book.app) as session:
        for received, state, replied, loss in SHEETS:
            row = valid.record(session, SHEET, state, creator="sales", received_at=received, direct_loss=loss)
            for name, value in (("replied_at", replied), ("closed_at", replied if state == "closed" else None)):
                setattr(row, name, valid.checks.parse(row.spec.fields[name], value, None) if value else None)
            session.flush()
    return SHEET


def drafts(run):
    return {record["fields"]["salesperson"]: record for record in run["records"]}


def test_a_salespersons_quarter_counted_by_hand(book):
    sheets_of_sales(book)
    run = asked(book, ANALYSIS, "--period", "2026-Q3")
    found = drafts(run)
    assert run["state"] == "done" and set(found) == {"sales", "sales2"}
    mine, other = figures(found["sales"]), figures(found["sales2"])
    assert (mine["quality_info_received"]["case_count"], mine["direct_loss"]["amount"]) == (3, "1250.50")
    # Due on 1 July 23:59:59, 2 July and 11 August (a second late); what came in the last second is due in the next quarter.
    due = mine["reply_on_time"]
    assert (due["numerator"], due["denominator"], due["rate"]) == ("2", "3", "0.666667")
    assert (mine["closed"]["numerator"], mine["closed"]["denominator"]) == ("2", "3")
    received = mine["quality_info_received"]
    assert (received["previous_case_count"], received["change_rate"], received["is_new"]) == (1, "2.000000", False)
    assert other["quality_info_received"]["case_count"] == 0 and other["reply_on_time"]["is_applicable"] is False
    behind = found["sales"]["behind"]
    assert len(behind["quality_info_received"]) == 3 == len(behind["closed/denominator"]) and len(behind["closed"]) == 2
    assert len(behind["quality_info_received/previous"]) == 1 and "quality_info_received" not in found["sales2"]["behind"]


def test_before_there_was_anything_all_is_zero_and_what_follows_is_new(book):
    sheets_of_sales(book)
    empty, first = (figures(drafts(asked(book, ANALYSIS, "--period", period))["sales"]) for period in ("2026-Q1", "2026-Q2"))
    assert {line["case_count"] for line in empty.values()} == {0} and not any(line["is_new"] for line in empty.values())
    line = first["quality_info_received"]
    assert (line["case_count"], line["previous_case_count"], line["change_rate"], line["is_new"]) == (1, 0, None, True)


def test_what_was_handed_in_is_left_alone_and_the_others_are_compiled(book):
    sheets_of_sales(book)
    again = drafts(asked(book, ANALYSIS, "--period", "2026-Q3"))
    id_, = book.ids(ANALYSIS, number=again["sales"]["number"])
    sales = book.person("sales")
    refused(sales.move(ANALYSIS, id_, "submit"), "（待填写）")
    done(sales.edit(ANALYSIS, id_, service_situation="本季平稳", is_problem_free="true"))
    kept = drafts(asked(book, ANALYSIS, "--period", "2026-Q3"))["sales"]
    assert kept["fields"]["service_situation"] == "本季平稳" and kept["lines"] == again["sales"]["lines"]
    assert kept["behind"] == again["sales"]["behind"]
    done(sales.move(ANALYSIS, id_, "submit"))
    run = asked(book, ANALYSIS, "--period", "2026-Q3")
    assert set(drafts(run)) == {"sales2"} and run["state"] == "done"
    page = book.person("sales_lead").get(f"/admin/reports/runs/{run['run']}").text
    assert "未汇总 1 个" in page and "已提交" in page
    refused(book.person("technician").post(f"/admin/reports/{ANALYSIS}/ask", {"period": "2026-Q3"}), "您的角色没有这项权限")


def repair(session, completed, place=valid.HERE, **given):
    row = valid.record(session, REPAIR, "archived", place=place, **{"service_kind": "repair", "fault_category": "engine", **given})
    row.completed_at = valid.checks.parse(row.spec.fields["completed_at"], completed, None)
    session.flush()
    return row


def test_an_outlets_quarter_by_technician(book):
    with valid.desk(book.app) as session:
        first = repair(session, "2026-07-01T00:00:00")
        twice = repair(session, "2026-08-20T10:00:00")
        twice.is_repeat_repair = True
        repair(session, "2026-09-01T10:00:00", service_kind="maintenance")
        repair(session, "2026-06-30T23:59:59")
        repair(session, "2026-10-01T00:00:00")
        repair(session, "2026-08-20T10:00:00", place=valid.THERE)
        numbers = [first.number, twice.number]
    run = asked(book, SUMMARY, "--period", "2026-Q3", "--dealer", "F001")
    found, = run["records"]
    fields, lines = found["fields"], figures(found)
    assert (fields["dealer"], fields["technician"], fields["repair_count"], fields["revisit_count"]) == ("SPL-0001", "technician", 2, 1)
    assert (lines["repairs"]["case_count"], lines["repairs"]["previous_case_count"], lines["repairs"]["change_rate"]) == (2, 1, "1.000000")
    assert (lines["first_time_fix"]["rate"], lines["callback"]["is_applicable"]) == ("0.500000", False)
    assert found["behind"]["repairs"] == sorted(numbers) == found["behind"]["repair_count"]
    everywhere = asked(book, SUMMARY, "--period", "2026-Q3")["records"]
    assert sorted(record["fields"]["dealer"] for record in everywhere) == ["SPL-0001", "SPL-0002"]
    id_, = book.ids(SUMMARY, number=found["number"])
    done(book.person("technician").edit(SUMMARY, id_, repair_count="3"))   # corrected by hand, it stays
    assert asked(book, SUMMARY, "--period", "2026-Q3", "--dealer", "F001")["records"][0]["fields"]["repair_count"] == 3
    refused(book.person("technician").move(SUMMARY, id_, "submit"), "（待填写）")
    nobody = book.app.test_cli_runner().invoke(args=["report", "run", SUMMARY, "--period", "2026-Q3", "--dealer", "F003", "--wait"])
    assert nobody.exit_code == 1 and "没有维修人员" in nobody.output
    refused(book.person("dealer_f001").post(f"/admin/reports/{SUMMARY}/ask", {"period": "2026-Q3"}), "您的角色没有这项权限")


def test_a_run_is_cancelled_while_it_waits_its_readers_are_told_and_its_age_stands_on_the_page(book):
    sales, lead = book.person("sales"), book.person("sales_lead")
    place = done(sales.post(f"/admin/reports/{ANALYSIS}/ask", {"period": "2026-Q3"})).headers["Location"]
    refused(book.person("deputy_gm").post(f"{place}/cancel", {}), "您的角色没有这项权限")
    done(sales.post(f"{place}/cancel", {}))
    assert "已由 sales 先生 取消" in sales.get(place).text and not book.ids(ANALYSIS)
    refused(sales.post(f"{place}/cancel", {}), "不能取消")
    assert asked(book, ANALYSIS, "--period", "2026-Q3")["state"] == "done"
    assert "顾客服务季度分析 2026-Q3 已汇总" in lead.get("/admin/notices/").text
    assert "最近结果：2026-Q3" in " ".join(lead.get("/admin/reports/").text.split())
