"""What clerks rely on in lists: filters by words, several at once, columns, saved views, totals, bulk work."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta

import pytest

from models.views import SavedView
from rules import linked, lists, office, spans
from tests import reading, valid
from tests.casebook import Casebook
from tests.valid import desk

CUSTOMERS, CLAIMS = "/admin/customer/", "/admin/compensation_request/"
USERS_ROLES = {"title": "销售用", "query": "state=active", "role": "sales"}


@pytest.fixture
def office_of(app):
    return Casebook(app)


def customers(app, count=3, state="draft", **given):
    with desk(app) as session:
        made = [valid.record(session, "customer", state, name=f"清单客户{n}", product_info="整车", creator="customer_service", **given)
                for n in range(count)]
        session.flush()
        return [row.id for row in made]


def found(person, address):
    page = person.get(address)
    assert page.status_code == 200, reading.text_of(page.text)
    return set(reading.ids_of(page.text))


def ticked(person, address, ids):
    """`id:revision` as the page's boxes say it."""
    boxes = re.findall(r'name="chosen" value="(\d+):(\d+)"', person.get(address).text)
    return [f"{id_}:{revision}" for id_, revision in boxes if int(id_) in ids]


@pytest.mark.once
def test_a_span_in_words_is_the_office_s_days():
    thursday = date(2026, 3, 5)
    assert {word: spans.days(word, thursday) for word in ("today", "last_week", "last_month", "last_quarter", "last_7_days",
                                                          "next_30_days", "this_year")} == {
        "today": (thursday, date(2026, 3, 6)), "last_week": (date(2026, 2, 23), date(2026, 3, 2)),
        "last_month": (date(2026, 2, 1), date(2026, 3, 1)), "last_quarter": (date(2025, 10, 1), date(2026, 1, 1)),
        "last_7_days": (date(2026, 2, 27), date(2026, 3, 6)), "next_30_days": (thursday, date(2026, 4, 4)),
        "this_year": (date(2026, 1, 1), date(2027, 1, 1))}
    assert spans.days("last_0_days", thursday) is None and spans.label("last_5_days").en == "the last 5 days"


def test_filters_by_words_choices_groups_and_emptiness_hold_for_page_file_and_totals_alike(app, office_of):
    today, clerk = office.today(), office_of.person("quality_manager")
    with desk(app) as session:
        def claim(days, **given):
            row = valid.record(session, "compensation_request", claimed_on=(today - timedelta(days=days)).isoformat(), **given)
            session.flush()
            return row.id
        new = claim(0, cash_amount="100.10", creator="quality_manager")
        week = claim(6, cash_amount="20.20", remark="看过")
        old = claim(400, cash_amount="3.03", mode="compensate_cash")
        older = claim(420, cash_amount="3.03")
    mine = {new, week, old}

    def asked(query):
        return found(clerk, f"{CLAIMS}?{query}") & mine
    assert asked("claimed_on=today") == {new}
    assert asked("claimed_on=last_7_days") == {new, week} and asked("claimed_on__to=last_year") <= {old}
    assert asked("claimed_on__from=last_7_days") == {new, week}
    past = reading.ids_of(clerk.get(f"{CLAIMS}?claimed_on__to={(today - timedelta(days=390)).isoformat()}").text)
    assert [id_ for id_ in past if id_ in (old, older)] == [older, old], "of the past, too, the newest record comes first"
    assert asked("created_by=me") == {new}
    assert asked("mode=compensate_cash&mode=return") == asked("mode=compensate_cash,return") >= {old}
    assert asked("empty=approved_at") == mine and asked("filled=approved_at") == set()
    assert asked("any.claimed_on=today&any.mode=compensate_cash") >= {new, old}
    assert asked("any.claimed_on=last_7_days&created_by=me") == {new}
    # both ends of a range in a group are one condition
    assert old not in asked("any.claimed_on__from=2000-01-01&any.claimed_on__to=2000-01-02&any.claimed_on=today")
    query = f"any.claimed_on=today&any.claimed_on__from={today - timedelta(days=6)}"
    listed = reading.text_of(clerk.get(f"{CLAIMS}?{query}").text)
    assert "任一" in listed and "今天" in listed
    header, rows = reading.csv_of(clerk.get(f"{CLAIMS}export/csv/?{query}&header=names").data)
    assert len(rows) == len(found(clerk, f"{CLAIMS}?{query}"))
    summary = clerk.get(f"{CLAIMS}summary/?{query}").text
    assert f"<b data-total>{len(rows)}</b>" in summary
    total = sum(float(dict(zip(header, row, strict=True))["amount"]) for row in rows)
    assert f"{total:,.2f}" in summary


def test_a_link_from_before_is_told_what_no_longer_holds(app, office_of):
    clerk = office_of.person("customer_service")
    for query in ("colour=red", "any.colour=red", "empty=colour", "state=gone", "created_at__near=today",
                  "created_by=nobody", "created_at=some_month", "name__from=a"):
        page = clerk.get(f"{CUSTOMERS}?{query}")
        assert page.status_code == 400 and 'role="alert"' in page.text, query
        assert clerk.get(f"{CUSTOMERS}summary/?{query}").status_code == 400, query
    customers(app, 2)
    page = clerk.get(f"{CUSTOMERS}?cols=number,state,colour,%3Cb%3E&per_page=20&after=x&before=99999999999999999999&page=7")
    assert page.status_code == 200 and "“colour”" in page.text and "<b>”" not in page.text
    assert reading.headers_of(page.text) == ["编号", "状态"]


def test_what_is_masked_is_no_filter_order_or_total_and_no_field_to_change(app, office_of):
    customers(app, 3)
    onlooker, clerk = office_of.person("technician"), office_of.person("customer_service")
    for query in ("phone=1", "empty=phone", "any.phone=1", "filled=contact_person"):
        assert onlooker.get(f"{CUSTOMERS}?{query}").status_code == 400, query
    card = "/admin/complaint_tracking_card/?contact_person=a"   # a private column of the list
    assert office_of.person("quality_manager").get(card).status_code == 400
    assert clerk.get(card).status_code == 200
    with desk(app) as session:
        valid.record(session, "training_plan", budget="4321.50", place=valid.NOWHERE)
    plans = "/admin/training_plan/summary/?per_page=20"
    assert "4,321.50" not in office_of.person("general_manager").get(plans).text
    assert "4,321.50" in clerk.get(plans).text
    newest = reading.ids_of(onlooker.get(CUSTOMERS).text)
    assert reading.ids_of(onlooker.get(f"{CUSTOMERS}?sort=phone&cols=number,phone").text) == newest
    shown = onlooker.get(f"{CUSTOMERS}?cols=number,phone").text
    assert "sort=phone" not in shown and "****" in shown
    assert "sort=phone" in clerk.get(f"{CUSTOMERS}?cols=number,phone").text
    picked = ticked(onlooker, CUSTOMERS, newest[:1])
    assert 'value="field:' not in onlooker.post(f"{CUSTOMERS}bulk", {"chosen": picked}).text
    assert onlooker.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "edit:phone", "phone": "1"}).status_code == 422


def test_pages_follow_each_other_in_any_size_and_order(app, office_of):
    customers(app, 23)
    clerk = office_of.person("customer_service")
    whole = reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=200").text)
    assert len(whole) >= 23
    pages = [reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&page={n}").text) for n in (1, 2)]
    assert [*pages[0], *pages[1]] == whole[:40] and len(pages[0]) == 20
    assert reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&page=99").text) == pages[1], "pages are clamped"
    assert len(reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=100000").text)) <= 50
    by_remark = reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=200&sort=account_manager").text)
    assert sorted(by_remark) == sorted(whole)
    assert by_remark == [*reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&sort=account_manager").text),
                         *reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&sort=account_manager&page=2").text)]


def test_of_however_many_rows_those_that_name_one_record_stand_together(app, office_of, monkeypatch):
    with desk(app) as session:
        for name in ("乙厂", "甲厂", "乙厂"):   # of two that are called alike, the rows mix
            named = valid.record(session, "customer", "active", name=name)
            session.flush()
            for _ in range(8):
                valid.record(session, "visit_report", customer=str(named.id))
    customers(app, 8, dealer="")
    clerk = office_of.person("administrator")
    asked = [f"{base}?sort={sort}&per_page=20&page={page}" for page in (1, 2)
             for base, sort in (("/admin/visit_report/", "customer"), ("/admin/visit_report/", "-customer"), (CUSTOMERS, "dealer"))]
    few = [reading.ids_of(clerk.get(address).text) for address in asked]
    assert few[0] != few[1] and all(few[3:5]), "two pages"
    monkeypatch.setattr(lists, "COUNT_LIMIT", 1)
    for rows in (linked.FRONT, 30, 0):
        monkeypatch.setattr(linked, "FRONT", rows)
        assert [reading.ids_of(clerk.get(address).text) for address in asked[:5]] == few[:5]


@pytest.mark.once
def test_a_deep_page_goes_on_where_the_last_one_ended(app, office_of, monkeypatch):
    from admin_views import listed
    monkeypatch.setattr(listed, "DEEP", 1)
    customers(app, 45)
    clerk = office_of.person("customer_service")
    first, second, third = (reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&page={n}").text) for n in (1, 2, 3))
    after = clerk.get(f"{CUSTOMERS}?per_page=20&page=2&after={first[-1]}").text
    assert reading.ids_of(after) == second and f"after={second[-1]}" in after
    assert reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&page=3&after={second[-1]}").text) == third
    assert reading.ids_of(clerk.get(f"{CUSTOMERS}?per_page=20&page=2&before={third[0]}").text) == second


def test_views_are_kept_per_person_and_shared_with_a_role_by_the_administrator_only(app, office_of):
    clerk, colleague, admin = (office_of.person(name) for name in ("customer_service", "sales", "administrator"))
    query = "created_at=last_month&page=7&lang=en&cols=number%2Cstate"
    assert clerk.post(f"{CUSTOMERS}views", {"title": "上月新客户", "query": query}).status_code == 302
    with desk(app) as session:
        view = session.query(SavedView).one()
        kept, its_query = view.id, view.query
    assert its_query == "created_at=last_month&cols=number,state", "where the page stands is no part of it"
    page = clerk.get(CUSTOMERS).text
    assert "上月新客户" in page and f'href="?{html.escape(its_query)}"' in page
    assert clerk.get(f"{CUSTOMERS}?view={kept}").location.endswith(f"?{its_query}")
    assert "上月新客户" not in colleague.get(CUSTOMERS).text and colleague.get(f"{CUSTOMERS}?view={kept}").status_code == 200
    assert colleague.post(f"{CUSTOMERS}views/{kept}/drop").status_code == 404
    assert clerk.post(f"/admin/quality_info_transfer/views/{kept}/drop").status_code == 404
    for wrong in ({"title": " "}, {"title": "长" * 61}, {"title": "多", "query": "name=" + "x" * 3000}):
        assert clerk.post(f"{CUSTOMERS}views", wrong).status_code == 422
    assert clerk.post(f"{CUSTOMERS}views", USERS_ROLES).status_code == 403
    assert admin.post(f"{CUSTOMERS}views", {**USERS_ROLES, "role": "nobody"}).status_code == 403
    assert admin.post(f"{CUSTOMERS}views", USERS_ROLES).status_code == 302
    assert "销售用" in colleague.get(CUSTOMERS).text and "销售用" not in clerk.get(CUSTOMERS).text
    with desk(app) as session:
        shared = session.query(SavedView).filter_by(role="sales").one().id
    assert colleague.post(f"{CUSTOMERS}views/{shared}/drop").status_code == 403
    assert admin.post(f"{CUSTOMERS}views/{shared}/drop").status_code == 302
    assert clerk.post(f"{CUSTOMERS}views", {"title": "上月新客户", "query": "state=active"}).status_code == 302, "replaced"
    assert clerk.post(f"{CUSTOMERS}views/{kept}/drop").status_code == 302
    with desk(app) as session:
        assert session.query(SavedView).count() == 0


def test_of_several_each_is_moved_by_itself_and_its_result_told(app, office_of):
    ready, done = customers(app, 3), customers(app, 1, "active", province="北京市")
    clerk = office_of.person("customer_service")
    picked = ticked(clerk, CUSTOMERS, {*ready, *done})
    assert len(picked) == 4
    offered = clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "back": "state=draft"})
    assert offered.status_code == 200 and "3/4" in offered.text
    office_of.act("customer_service", "customer", ready[0], "activate")   # somebody was quicker
    result = clerk.post(f"{CUSTOMERS}bulk", {"chosen": [*picked, "999999:1"], "do": "move:activate"})
    assert "成功 2 条，未办 3 条" in reading.text_of(result.text)
    assert {office_of.state("customer", id_) for id_ in ready} == {"active"}
    assert len(office_of.audited("customer", ready[1], "move:activate")) == 1
    assert len(office_of.audited("customer", ready[0], "move:activate")) == 1
    for wrong in ({}, {"chosen": "x"}, {"chosen": picked, "do": "move:nothing"}, {"chosen": picked, "do": "edit:number"}):
        assert clerk.post(f"{CUSTOMERS}bulk", wrong).status_code == 422
    onlooker = office_of.person("technician")
    told = reading.text_of(onlooker.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "move:deactivate",
                                                              "comment": "停"}).text)
    assert "成功 0 条，未办 4 条" in told


def test_those_ticked_are_printed_together_and_who_may_not_see_some_is_told(app, office_of):
    ids = customers(app, 2)
    clerk = office_of.person("customer_service")
    picked = ticked(clerk, CUSTOMERS, ids)
    sent = clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "print"})
    assert sent.status_code == 302 and sent.location.startswith(f"{CUSTOMERS}print/?id=")
    assert sorted(map(int, re.findall(r"id=(\d+)", sent.location))) == sorted(ids)
    told = clerk.post(f"{CUSTOMERS}bulk", {"chosen": [*picked, "999999:1"], "do": "print"})
    assert told.status_code == 200 and "另有 1 条您已看不到" in reading.text_of(told.text)
    assert f'href="{html.escape(sent.location)}"' in told.text and "打印这 2 条" in told.text
    dealer = office_of.person("dealer_f002")
    blind = dealer.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "print"})
    assert blind.status_code == 200 and "另有 2 条您已看不到" in reading.text_of(blind.text) and "print/?" not in blind.text


def test_one_field_of_several_is_changed_as_the_form_would(app, office_of):
    ids = customers(app, 2)
    clerk = office_of.person("customer_service")
    picked = ticked(clerk, CUSTOMERS, ids)
    form = clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "field:remark"}).text
    assert 'value="edit:remark"' in form and 'name="remark"' in form
    assert clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "edit:remark", "remark": ""}).status_code == 422
    told = clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "edit:remark", "remark": "重点"}).text
    assert "成功 2 条，未办 0 条" in reading.text_of(told)
    assert {office_of.read("customer", id_).remark for id_ in ids} == {"重点"}
    told = clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "edit:remark", "remark": "又改"}).text
    assert "成功 0 条，未办 2 条" in reading.text_of(told), "on a revision that was not seen"
    picked = ticked(clerk, CUSTOMERS, ids)
    told = clerk.post(f"{CUSTOMERS}bulk", {"chosen": picked, "do": "edit:name", "clear": "1"}).text
    assert "成功 0 条，未办 2 条" in reading.text_of(told), "a required field stays filled"
