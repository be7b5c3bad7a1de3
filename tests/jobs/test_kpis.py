"""The figures of the department: counted by hand, at the edges of a month, each with exactly its records, within the rights
of whoever looks; and the first page, in a fixed number of statements."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from jobs import kpis
from jobs.kpi_rows import Span
from models.base import db
from models.spec import Period
from rules import access, office
from tests import valid
from tests.api.program import Program
from tests.casebook import Casebook, at
from tests.test_statement_counts import statements_of

SHEET, CALL, APPRAISAL, ORDER = "quality_info_transfer", "callback_record", "warranty_appraisal", "work_order"
LATER = at("2026-12-31 12:00")


@pytest.fixture
def book(app):
    return Casebook(app)


def kept(session, type_name, state, place=valid.HERE, **given):
    """A record as it stood; moments as the office's clock tells them."""
    row = valid.record(session, type_name, state, place=place)
    for name, value in given.items():
        field = row.spec.fields.get(name)
        moment = isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d ", value)
        setattr(row, field.column if field else name, at(value) if moment else value)
    session.flush()
    return row


def asked(name, period, actor=None, scope=kpis.ALL, now=LATER):
    answer, = kpis.ask(db.session, [(kpis.KPIS[name], Span.of(Period.parse(period), now))], actor or access.Actor.system(), scope)
    return answer and (answer.part, answer.whole, answer.value)


def month(book):
    """October: replies due in its first and last second, one late, one without; nothing of drafts, voids and rejections."""
    with valid.desk(book.app) as session:
        for received, replied, due, state in (
                ("2026-09-30 00:00:00", "2026-10-01 00:00:00", "2026-10-01 00:00:00", "closed"),
                ("2026-10-05 09:00:00", "2026-10-06 09:00:01", "2026-10-06 09:00:00", "closed"),
                ("2026-10-30 23:59:59", None, "2026-10-31 23:59:59", "replying"),
                ("2026-10-31 00:00:00", "2026-10-31 08:00:00", "2026-11-01 00:00:00", "closed"),
                ("2026-10-10 09:00:00", "2026-10-10 10:00:00", "2026-10-11 09:00:00", "rejected"),
                ("2026-10-10 09:00:00", "2026-10-10 10:00:00", "2026-10-11 09:00:00", "void")):
            kept(session, SHEET, state, received_at=received, replied_at=replied, reply_due_at=due, direct_loss=Decimal("10.10"))
        for place, result, amount in ((valid.HERE, "approved", "300"), (valid.HERE, "rejected", "100"), (valid.THERE, "rejected", "50")):
            kept(session, APPRAISAL, "settled" if result == "approved" else "rejected", place, reviewed_at="2026-10-31 23:59:59",
                 review_result=result, amount=Decimal(amount))
        for level, is_reached in (("satisfied", True), ("dissatisfied", True), (None, False)):
            kept(session, CALL, "done", served_at="2026-10-01 00:00:00", called_at="2026-10-02 09:00:00" if is_reached else None,
                 is_reached=is_reached, satisfaction_level=level)


def test_figures_counted_by_hand(book):
    month(book)
    here = kpis.Scope(dealer_id=book.id("dealer_ledger", dealer_code="F001"))
    with valid.desk(book.app):
        assert asked("reply_on_time", "2026-10") == (1, 3, Decimal("0.333333"))
        assert asked("reply_on_time", "2026-11") == (1, 1, 1)
        assert asked("reply_on_time", "2026-Q4") == (2, 4, Decimal("0.5"))
        # What is not due yet is not late.
        assert asked("reply_on_time", "2026-10", now=at("2026-10-31 12:00")) == (1, 2, Decimal("0.5"))
        assert asked("quality_info_received", "2026-10") == (0, 3, 3) and asked("direct_loss", "2026-10")[2] == Decimal("30.30")
        assert asked("warranty_rejected", "2026-10") == (2, 3, Decimal("0.666667"))
        assert asked("warranty_rejected_amount", "2026-10") == (150, 450, Decimal("0.333333"))
        assert asked("callback", "2026-10") == (2, 3, Decimal("0.666667")) and asked("satisfaction", "2026-10") == (1, 2, Decimal("0.5"))
        assert asked("warranty_rejected", "2026-10", scope=here) == (1, 2, Decimal("0.5"))
        assert asked("warranty_rejected", "2020-01") == (0, 0, None)   # before there was anything


def test_every_figure_of_every_reader_counts_the_rows_of_its_lists_and_a_quarter_is_its_months(book):
    month(book)
    with valid.desk(book.app) as session:
        for type_name in (ORDER, "complaint_tracking_card", "complaint_case", "hotline_consultation", "corrective_action",
                          "customer_repair_file", "phone_dispatch_record", "service_charge_notice", "visit_report"):
            for place in (valid.HERE, valid.THERE):
                valid.record(session, type_name, place=place)
        session.commit()
        now = office.now()
        for role in ("quality_manager", "dealer"):
            reader = valid.actor_of(session, role)
            for kpi in kpis.offered(reader):
                _counts_its_rows(session, kpi, Span.of(Period.parse("2026-Q4"), now), reader)
        # What looks at how things stand at the end of the period is no sum of its months.
        once = [kpi for kpi in kpis.KPIS.values() if kpi.name not in (
            "recall_done", "faults_per_thousand", "closed", "complaint_closed", "receivable")]
        whole, *months = (kpis.ask(session, [(kpi, Span.of(Period.parse(period), now)) for kpi in once], access.Actor.system())
                          for period in ("2026-Q4", "2026-10", "2026-11", "2026-12"))
        for quarter, *parts in zip(whole, *months, strict=True):
            assert (quarter.part, quarter.whole) == (sum(p.part for p in parts), sum(p.whole for p in parts)), quarter.kpi.name


def _counts_its_rows(session, kpi, span, reader):
    answer, = kpis.ask(session, [(kpi, span)], reader)
    for side in (kpis.PART, kpis.WHOLE):
        counted = kpis.types_behind(session, kpi, side, span, reader)
        lists = kpis.behind(kpis.address(kpi, side, span.period).partition(":")[2], reader, span.now)
        rows = {name: len(set(session.scalars(ids))) for name, ids in lists.items()}
        assert rows == counted, kpi.name
        if kpi.is_of_records and not (side == kpis.PART and kpi.unit == kpis.COUNT):
            assert sum(rows.values()) == getattr(answer, side), (kpi.name, side)


def links(page, start):
    return [html.unescape(found) for found in re.findall(rf'href="({re.escape(start)}[^"]*)"', page)]


def test_from_a_figure_to_its_records_with_the_rights_of_the_reader(book):
    month(book)
    manager, dealer = book.person("quality_manager"), book.person("dealer_f001")
    page = manager.get("/admin/kpis/?period=2026-10").text
    assert "33.33 %" in page and "保修拒赔率" in page
    link, = [one for one in links(page, "/admin/kpis/warranty_rejected/") if "2026-10" in one]
    part, whole = links(manager.get(link).text, "/admin/warranty_appraisal/?behind=")
    assert [manager.get(one).text.count('<td class="first"') for one in (part, whole)] == [2, 3]
    assert [dealer.get(one).text.count('<td class="first"') for one in (part, whole)] == [1, 2]
    own = dealer.get("/admin/kpis/?period=2026-10")
    assert own.status_code == 200 and "50.00 %" in own.text and "直接质量损失" not in own.text
    for gone in ("/admin/kpis/direct_loss/?period=2026-10", "/admin/kpis/nothing/?period=2026-10", "/admin/kpis/callback/?period=x",
                 "/admin/quality_info_transfer/?behind=kpi:reply_on_time:whole:2026-10"):
        assert dealer.get(gone).status_code in (403, 404), gone
    assert manager.get("/admin/quality_info_transfer/?behind=kpi:callback:whole:2026-10").status_code == 404
    assert manager.get("/admin/kpis/?period=2026-13").status_code == 422 == manager.get("/admin/kpis/?dealer=F999").status_code
    assert dealer.get("/admin/kpis/?dealer=F002").status_code == 422   # not theirs: as if it were not there
    assert "F001" in manager.get("/admin/kpis/?period=2026-10&dealer=F001").text


def test_the_first_page_tells_the_month_and_what_is_open_in_a_fixed_number_of_statements(book):
    manager = book.person("quality_manager")
    manager.get("/admin/")
    few, _ = statements_of(book.app, manager, "/admin/")
    with valid.desk(book.app) as session:
        for days, state in ((0, "registered"), (6, "registered"), (7, "registered"), (100, "registered"), (8, "closed")):
            kept(session, SHEET, state, received_at=office.start_of(office.today() - timedelta(days=days)))
        last = Period.of(office.today()).previous()
        for place in (valid.HERE, valid.THERE):
            kept(session, "dealer_grade_sheet", "published", place, period=str(last), sheet_kind="monthly", grade="a")
    many, page = statements_of(book.app, manager, "/admin/")
    assert few == many
    received, = {one for one in links(page.text, "/admin/kpis/quality_info_received/") if str(Period.of(office.today())) in one}
    assert kpis.KPIS["quality_info_received"].label.zh in page.text and received
    ages = links(page.text, f"/admin/{SHEET}/?state=")
    assert [manager.get(one).text.count('<td class="first"') for one in ages] == [2, 1, 0, 1]
    grade, = [one for one in links(page.text, "/admin/dealer_grade_sheet/?sheet_kind") if f"{last}&grade=a" in one]
    assert manager.get(grade).text.count('<td class="first"') == 2
    own = book.person("dealer_f001").get("/admin/").text
    assert ">1</a>" in re.search(r'id="page-grades".*?</section>', own, re.S)[0] and "直接质量损失" not in own


def at_the_console(book, *words):
    answer = book.app.test_cli_runner().invoke(args=["kpi", *words])
    return answer, json.loads(answer.stdout) if "--json" in words and answer.exit_code == 0 else None


def test_the_console_and_the_api_tell_what_the_page_tells_to_the_same_person(book):
    month(book)
    manager, dealer = Program(book.app, "quality_manager"), Program(book.app, "dealer_f001")
    for person, name, words in ((dealer, "dealer_f001", {"period": "2026-10", "dealer": "F001"}),
                                (manager, "quality_manager", {"period": "2026", "unit": "U1"})):
        told = person.get("/kpis?" + "&".join(f"{key}={value}" for key, value in words.items())).json["data"]
        _, said = at_the_console(book, "--as", name, "--json", *(part for key, value in words.items() for part in (f"--{key}", value)))
        page = person.get("/admin/kpis/?" + "&".join(f"{key}={value}" for key, value in words.items())).text
        assert said == told and told and all(one["zh"] in page for one in told)
        assert page.count('href="/admin/kpis/') == 2 * len(told), words
    company = {one["name"]: one for one in manager.get("/kpis?period=2026-10").json["data"]}
    assert [company["reply_on_time"][name] for name in ("part", "whole", "value")] == ["1", "3", "0.333333"]
    assert company["direct_loss"]["value"] == "30.30" and company["direct_loss"]["previous"] == "10.10"
    assert company["recall_done"]["value"] is None and "part" not in company["direct_loss"]
    _, nothing_due = at_the_console(book, "receivable", "--period", "2026-10", "--json")
    assert nothing_due["value"] == "0.00"
    own = {one["name"]: one["value"] for one in dealer.get("/kpis?period=2026-10").json["data"]}
    assert own["warranty_rejected"] == "0.500000" and "direct_loss" not in own


def test_one_figure_names_exactly_its_records_to_those_who_may_see_them(book):
    month(book)
    manager, dealer = Program(book.app, "quality_manager"), Program(book.app, "dealer_f001")
    found = manager.get("/kpis/warranty_rejected?period=2026-10").json["data"]
    counted, numbers = ({side: found["behind"][side]["warranty_appraisal"][name] for side in ("part", "whole")}
                        for name in ("count", "numbers"))
    assert counted == {"part": 2, "whole": 3} == {side: len(set(listed)) for side, listed in numbers.items()}
    answer, said = at_the_console(book, "warranty_rejected", "--period", "2026-10", "--json")
    assert said == found
    plain, _ = at_the_console(book, "warranty_rejected", "--period", "2026-10")
    assert "0.666667 (2 / 3)" in plain.stdout and all(one in plain.stdout for one in numbers["whole"])
    own = dealer.get("/kpis/warranty_rejected?period=2026-10").json["data"]["behind"]["part"]["warranty_appraisal"]["numbers"]
    assert len(own) == 1 and set(own) < set(numbers["part"])
    for path, status in (("direct_loss?period=2026-10", 403), ("nothing", 403), ("callback?period=x", 400),
                         ("callback?dealer=F002", 400), ("callback?plan=1", 400), ("callback?dealer=F001&unit=U1", 400)):
        assert dealer.get(f"/kpis/{path}").status_code == status, path
    assert manager.get("/kpis/callback?unit=U1").status_code == 403       # it is not told of departments
    assert book.app.test_client().get("/kpis").status_code == 403
    for words, sentence in ((("nothing",), "没有“nothing”这个指标"), (("--period", "x"), "期间应为月份"),
                            (("--dealer", "F999"), "没有代码为“F999”"),
                            (("direct_loss", "--as", "dealer_f001"), "没有“direct_loss”这个指标")):
        answer, _ = at_the_console(book, *words)
        assert answer.exit_code == 2 and sentence in answer.stderr, words
