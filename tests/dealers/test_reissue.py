"""What comes late never changes a frozen report: it is issued again for a reason, and the new one tells what changed."""

from __future__ import annotations

import json

import pytest

from tests import valid
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
