"""Who was surveyed within a year and who is still to be: a run with figures and the customers behind them, no record."""

from __future__ import annotations

import json

import pytest

from tests import valid
from tests.casebook import Casebook, done

NAME, FORM = "survey_coverage", "satisfaction_questionnaire"


@pytest.fixture
def book(app):
    return Casebook(app)


def asked(book, customer, sent, state="sent"):
    with valid.desk(book.app) as session:
        plan = valid.record(session, "satisfaction_survey_plan", "collecting")
        return valid.record(session, FORM, state, satisfaction_survey_plan=str(plan.id), customer=str(customer), sent_at=sent).id


def covered(book, *more):
    answer = book.app.test_cli_runner().invoke(args=["report", "run", NAME, "--wait", "--json", *more])
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_sla_12_a_year_lasts_from_its_first_to_its_last_second_in_the_office(book):
    first, second = book.id("customer", name="客户A"), book.id("customer", name="客户B")
    asked(book, first, "2025-12-31T23:59:59")
    asked(book, second, "2026-01-01T00:00:00")
    numbers = [book.read("customer", id_).number for id_ in (first, second)]
    for year, sent, missing in (("2025", 0, 1), ("2026", 1, 0)):
        run = covered(book, "--period", year)
        found, = run["records"]
        assert (run["state"], found["number"], found["lines"]) == ("done", None, {})
        assert found["fields"] == {"year": year, "active_count": 2, "surveyed_count": 1, "unsurveyed_count": 1,
                                   "year_coverage": "0.500000"}
        assert found["behind"] == {"surveyed_count": [numbers[sent]], "unsurveyed_count": [numbers[missing]]}


def test_sla_12_void_forms_and_resting_customers_do_not_count(book):
    first, second = book.id("customer", name="客户A"), book.id("customer", name="客户B")
    asked(book, first, "2026-05-01T09:00:00", "void")
    asked(book, second, "2026-05-01T09:00:00")
    asked(book, second, "2026-06-01T09:00:00")
    fields = covered(book, "--period", "2026")["records"][0]["fields"]
    assert [fields[name] for name in ("active_count", "surveyed_count", "year_coverage")] == [2, 1, "0.500000"]
    book.as_it_was("customer", first, state="inactive")
    fields = covered(book, "--period", "2026")["records"][0]["fields"]
    assert [fields[name] for name in ("active_count", "unsurveyed_count", "year_coverage")] == [1, 0, "1.000000"]
    book.as_it_was("customer", second, state="inactive")
    assert covered(book, "--period", "2026")["records"][0]["fields"]["year_coverage"] is None


@pytest.mark.parametrize(("arguments", "sentence"), [
    (("--period", "2026-10"), "期间应为年份"), (("--period", "2199"), "尚未开始"), ((), "期间应为年份"),
    (("--period", "2026", "--dealer", "F001"), "不能指定服务商"), (("--period", "2026", "--plan", "SVP-1"), "不能指定方案")])
def test_what_is_asked_for_wrongly_is_refused(book, arguments, sentence):
    answer = book.app.test_cli_runner().invoke(args=["report", "run", NAME, *arguments])
    assert answer.exit_code == 2 and sentence in answer.stderr


def test_the_page_of_the_run_leads_to_the_customers_still_to_be_surveyed(book):
    asked(book, book.id("customer", name="客户A"), "2026-05-01T09:00:00")
    engineer = book.person("quality_engineer")
    done(engineer.post(f"/admin/reports/{NAME}/ask", {"period": "2026"}))
    run = covered(book, "--period", "2026")["run"]
    page = engineer.get(f"/admin/reports/runs/{run}").text
    assert "本年尚未调查顾客数" in page and "50.00 %" in page
    link = f"/admin/customer/?behind=report_run:{run}:unsurveyed_count"
    assert link in page
    listed = engineer.get(link).text
    assert "客户B" in listed and "客户A" not in listed
    assert "客户A" in engineer.get(link.replace("unsurveyed", "surveyed")).text
    dealer = book.person("dealer_f002")
    assert [dealer.get(address).status_code for address in (f"/admin/reports/runs/{run}", link)] == [404, 404]
    assert book.person("sales").post(f"/admin/reports/{NAME}/ask", {"period": "2026"}).status_code == 403
    assert engineer.get("/admin/customer/?behind=report_run:999999:unsurveyed_count").status_code == 404
