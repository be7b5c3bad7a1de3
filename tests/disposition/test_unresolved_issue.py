"""Problems that cannot be solved for the time being: explained to the user, shown, reported, supported, solved."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.casebook import Casebook, at, done, refused
from tests.disposition.paper import ISSUE, made, photo, sheet_in


@pytest.fixture
def book(app):
    return Casebook(app)


def written(book, **changes):
    return book.person("technician").create(ISSUE, {
        "quality_info_transfer": sheet_in(book), "customer": book.id("customer", name="客户A"), "responsible_unit": "U1",
        "technician": book.user("technician"), "report_to": "unit_leader", "situation": "缺专用工具",
        "evidence_kinds": ["photo"], "is_customer_informed": "true", **changes})


def reported(book, **changes):
    id_ = written(book, **changes)
    book.as_it_was(ISSUE, id_, evidence=photo(book, ISSUE))
    done(book.person("technician").move(ISSUE, id_, "report"))
    return id_


def test_it_is_shown_and_explained_before_it_is_reported(book):
    issue, technician = written(book, is_customer_informed="false"), book.person("technician")
    answer = technician.move(ISSUE, issue, "report")
    assert answer.status_code == 422 and "上报前请填写“照片/摄像/书面报告”" in answer.text
    book.as_it_was(ISSUE, issue, evidence=photo(book, ISSUE))
    refused(technician.move(ISSUE, issue, "report"), "“已向用户耐心解释”须为“是”")
    done(technician.edit(ISSUE, issue, is_customer_informed="true"))
    done(technician.move(ISSUE, issue, "report"))


def test_it_is_about_a_quality_information_or_a_work_order(book):
    form = {"customer": book.id("customer", name="客户A"), "responsible_unit": "U1", "technician": book.user("technician"),
            "report_to": "unit_leader", "situation": "缺专用工具", "evidence_kinds": ["photo"]}
    technician = book.person("technician")
    refused(technician.post(f"/admin/{ISSUE}/new/", form), "请关联产品质量信息传递处置单或派工单", 422)
    technician.create(ISSUE, form | {"work_order": made(book, "work_order")})


def test_support_is_assigned_until_a_day_and_the_solution_written_down(book):
    issue, lead = reported(book), book.person("unit_lead")
    support = {"support_staff": book.user("technician2"), "due_on": "2099-11-20"}
    refused(book.person("unit_lead2").move(ISSUE, issue, "assign", **support), "这不是您本单位的记录")
    refused(lead.move(ISSUE, issue, "assign", support_staff=support["support_staff"]), "请填写“解决期限”", 422)
    done(lead.move(ISSUE, issue, "assign", **support))
    due = at("2099-11-20 23:59:59")
    assert book.clock(ISSUE, issue, "solve") == ("running", due)
    refused(book.person("technician").move(ISSUE, issue, "solve"), "请填写“解决情况”", 422)
    book.act("technician", ISSUE, issue, "solve", now=due + timedelta(seconds=1), solution="带工具重修")
    assert book.clock(ISSUE, issue, "solve") == ("missed", due)


def test_what_is_incomplete_goes_back_and_is_not_reported(book):
    issue, manager = reported(book, due_on="2099-11-20"), book.person("quality_manager")
    refused(manager.move(ISSUE, issue, "send_back"), "请填写原因", 422)
    done(manager.move(ISSUE, issue, "send_back", comment="照片不清"))
    assert book.read(ISSUE, issue).reported_at is None and book.clock(ISSUE, issue, "solve") is None
