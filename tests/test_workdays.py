"""The working calendar: published holidays and make-up days, and what the administrator changes about them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from models.history import AuditEntry
from tests import valid
from tests.casebook import at, refused
from tests.browser_of_a_person import Person
from tests.valid import desk

PAGE = "/admin/calendar/"


@pytest.mark.parametrize(("start", "count", "end"), [
    ("2026-02-13 10:00", 1, "2026-02-14"),   # the Saturday before the Spring Festival is worked
    ("2026-02-13 10:00", 2, "2026-02-24"),   # nine days off
    ("2026-09-30 10:00", 1, "2026-10-08"), ("2026-10-08 10:00", 2, "2026-10-10"), ("2025-12-31 10:00", 1, "2026-01-04"),
    ("2027-02-04 10:00", 1, "2027-02-09"), ("2030-01-04 10:00", 1, "2030-01-07")])
def test_a_limit_in_working_days_leaves_out_holidays_and_counts_make_up_days(act, start, count, end):
    assert act.add_workdays(at(start), count) == at(f"{end} 23:59:59")


def test_what_the_administrator_changes_holds_from_then_on_and_can_be_undone(app):
    person = Person(app, "administrator")

    def closes():
        with desk(app) as session:
            return valid.record(session, "complaint_tracking_card", received_at="2026-11-20T10:00").close_due_at

    assert closes() == at("2026-11-27 23:59:59")
    day = {"day": "2026-11-25", "kind": "holiday", "name": "厂庆"}
    assert person.post(PAGE, day).status_code == 302
    assert closes() == at("2026-11-30 23:59:59")
    assert "厂庆" in person.get(f"{PAGE}?year=2026").text
    assert person.post(PAGE, {"day": "2026-11-28", "kind": "workday", "name": "补班"}).status_code == 302
    assert closes() == at("2026-11-28 23:59:59")
    assert person.post(PAGE, {"day": "2026-11-25", "forget": "1"}).status_code == 302
    assert closes() == at("2026-11-27 23:59:59")
    with desk(app) as session:
        noted = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "set_workday").order_by(AuditEntry.id))
        assert [(entry.number, entry.changes["kind"]) for entry in noted] == [
            ("2026-11-25", [None, "holiday"]), ("2026-11-28", [None, "workday"]), ("2026-11-25", ["holiday", None])]


@pytest.mark.parametrize(("wrong", "sentence"), [
    ({"day": ""}, "请选择日期"), ({"day": "2026-02-30"}, "日期应如"), ({"kind": "half"}, "请选择放假或上班"),
    ({"name": " "}, "请填写名称")])
def test_a_wrong_day_is_refused_and_stays_typed(app, wrong, sentence):
    form = {"day": "2026-12-24", "kind": "holiday", "name": "年会", **wrong}
    answer = Person(app, "administrator").post(PAGE, form)
    refused(answer, sentence, 422)
    assert form["name"].strip() in answer.text
