"""The dealer's page shows its grades over time."""

from __future__ import annotations

import re

from tests import valid
from tests.browser_of_a_person import Person
from tests.valid import desk


def sheets(app, code, **scores):
    with desk(app) as session:
        for period, (grade, state) in scores.items():
            valid.record(session, "dealer_grade_sheet", state, place=valid.HERE if code == "F001" else valid.THERE,
                         period=period.replace("_", "-").strip("m"), sheet_kind="monthly", grade=grade)
        model = valid.TYPES["dealer_ledger"].model
        return session.scalar(valid.sa.select(model.id).where(model.dealer_code == code))


def drawn(page):
    return re.findall(r"<title>(\d{4}-\d{2}):", page)


def test_each_month_is_a_point_and_a_row_in_order(app):
    id_ = sheets(app, "F001", m2026_03=("b", "published"), m2026_01=("a", "published"), m2026_02=("a", "reviewed"))
    page = Person(app, "customer_service").get(f"/admin/dealer_ledger/details/?id={id_}").text
    assert "历月考核" in page
    rows = re.findall(r'class="first"><a href="/admin/dealer_grade_sheet/[^"]+">(\d{4}-\d{2})</a>', page)
    assert rows == ["2026-03", "2026-02", "2026-01"] and drawn(page) in ([], rows[::-1])


def test_void_sheets_other_dealers_and_quarters_are_not_in_it(app):
    sheets(app, "F002", m2026_04=("a", "published"))
    id_ = sheets(app, "F001", m2026_01=("a", "published"), m2026_02=("c", "void"))
    page = Person(app, "customer_service").get(f"/admin/dealer_ledger/details/?id={id_}").text
    assert "2026-01</a>" in page and "2026-02</a>" not in page and "2026-04</a>" not in page


def test_a_dealer_without_sheets_and_a_reader_without_the_right_see_no_chart(app):
    id_ = sheets(app, "F001")
    assert "历月考核" not in Person(app, "customer_service").get(f"/admin/dealer_ledger/details/?id={id_}").text
    sheets(app, "F001", m2026_01=("a", "published"))
    sheet, ledger = valid.TYPES["dealer_grade_sheet"], valid.TYPES["dealer_ledger"]
    stranger = next(role for role in valid.ROLES if valid.sees(ledger, role, own=False) and not valid.sees(sheet, role))
    assert "历月考核" not in Person(app, stranger).get(f"/admin/dealer_ledger/details/?id={id_}").text
