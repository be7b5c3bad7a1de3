"""Search everywhere and choice boxes: what is found, by whom, and that the index says at every moment what the records
say."""

from __future__ import annotations

import html
import re

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from models.base import Record, db
from models.search import WORDS, SearchText
from models.spec import VOID
from rules import areas, erasing, lists, records, search, words
from rules.access import Actor
from rules.act import Act
from tests import reading, valid
from tests.casebook import Casebook, done
from tests.valid import desk


@pytest.fixture
def book(app):
    return Casebook(app)


def found(person, typed, **more):
    """The numbers on the page of results, in their order."""
    page = person.get("/admin/search/", query_string={"q": typed, **more})
    assert page.status_code == 200
    return [html.unescape(re.sub(r"</?mark>|<span.*", "", name, flags=re.S)).strip() for name in re.findall(
        r'<p class="found-name"><a href="[^"]*">(.*?)</a>', page.text, re.S)]


def listed(person, typed, type_name="customer"):
    page = person.get(f"/admin/{type_name}/", query_string={"q": typed}).text
    return re.findall(rf'<tr data-href="/admin/{type_name}/details/\?id=(\d+)"', page)


def index(session):
    """Everything in the index but its row numbers."""
    texts = session.execute(sa.select(SearchText.type, SearchText.record_id, SearchText.reach, SearchText.number, SearchText.text,
                                      sa.cast(WORDS.c.words, sa.Text)).outerjoin(WORDS, WORDS.c.rowid == SearchText.id)).all()
    assert session.scalar(sa.select(sa.func.count()).select_from(WORDS)) == len(texts), "no words without their text"
    return sorted(tuple(row) for row in texts)


def a_case(app, **values):
    with desk(app) as session:
        record = valid.record(session, "customer_contact_memo", **values)
        session.commit()
        return record.number


# What is found ----------------------------------------------------------------------------------------------------

def test_fragments_of_words_numbers_and_codes_find_their_record(app, book):
    vin, engine = "LSVAA4187E2184841", "4G63S4M-77X"
    with desk(app) as session:
        vehicle = valid.record(session, "vehicle", vin=vin, engine_no=engine)
        vehicle_no = vehicle.number
        memo = valid.record(session, "customer_contact_memo", subject="发动机异响，Turbo 增压器漏油",
                            content="客户服务站反映：ＡＢＳ 报警 100% 出现；<b>紧急</b>").number
        other = valid.record(session, "customer_contact_memo", subject="客户 对 服务 满意", content="发现动车").number
        session.commit()
    sales, writer = book.person("administrator"), book.person("warehouse")
    for typed in (vin, vin[4:9], vin[-4:].lower(), "lsvaa", vehicle_no, vehicle_no[-4:]):
        assert vehicle_no in found(sales, typed), typed
    for typed in (engine, "63S4M", "M-77", "m77x"):   # personal, like all that leads to the owner
        assert vehicle_no in found(writer, typed) and vehicle_no not in found(sales, typed), typed
    for typed in ("发动", "动机异响", "油", "turbo", "TURBO 漏油", "ABS", "ａｂｓ", "客户服务", "异响 增压", memo, memo[3:]):
        assert memo in found(sales, typed), typed
        assert str(book.id("customer_contact_memo", number=memo)) in listed(sales, typed, "customer_contact_memo"), typed
    for typed in ("发动车", "机发", "客户服", "响异", "LSVAA4187E2184842", "发动 满意"):
        assert other not in found(sales, typed) and vehicle_no not in found(sales, typed), typed
    assert found(sales, "动车") == [other] and found(sales, "   ") == found(sales, "%_'\"*") == []
    page = sales.get("/admin/search/?q=紧急").text
    assert "&lt;b&gt;<mark>紧急</mark>&lt;/b&gt;" in page and "<b>紧急" not in page, "marked, and nothing of it is HTML"


def test_the_exact_number_comes_first_then_who_is_called_so_then_the_newest(app, book):
    with desk(app) as session:
        named = valid.record(session, "customer_contact_memo", subject="磕碰变形").number
        first = valid.record(session, "customer_contact_memo", subject="甲", content=f"见 {named}，磕碰变形").number
        second = valid.record(session, "customer_contact_memo", subject="乙", content="磕碰变形").number
        session.commit()
    sales = book.person("administrator")
    assert found(sales, named) == [named, first] and found(sales, named.replace("-", "").lower()) == [named, first]
    assert found(sales, "磕碰变形") == [named, second, first]
    assert found(sales, "磕碰", type="customer_contact_memo") == [named, second, first] and found(sales, "磕碰", type="customer") == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_says_type_and_state_in_the_language_of_the_person(app, book, language):
    number = a_case(app, subject="磕碰变形")
    page = book.person("administrator").get(f"/admin/search/?q=磕碰&lang={language}").text
    spec = Record.types["customer_contact_memo"]
    assert number in re.sub("</?mark>", "", page) and spec.label.in_(language) in page
    assert spec.workflow.states[0].label.in_(language) in page
    assert 'name="q"' in book.person("sales").get("/admin/").text, "the box is on every page"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.one_of(some.text(max_size=120), some.text("\"'*^():{}-+&|!<>\\%_AND OR NOT NEAR客户1a\x00٣²𠀀ß", max_size=40)))
def test_whatever_is_typed_is_words_and_never_a_question_in_their_language(session, typed):
    actor = Actor.system()
    search.find(session, actor, typed)
    spec = Record.types["customer"]
    session.execute(sa.select(spec.model.id).where(search.condition(spec, actor, typed))).all()
    asked, text = words.question(typed), words.words([typed])
    assert (asked is None) == (text == "") and not re.search(r"[\"'*()\\:&|!<>^_-]", text)


def test_whoever_writes_anything_finds_it_by_all_of_it_again(session, act):
    """Long texts, new scripts, endless codes: the index takes whatever a field takes."""
    for text in ("𠀀𠀁𠮷", "ß ﬁ Ⅷ ㎡ ½", "a" * 20_000, "12" * 9_000, "客户" * 9_000, "x1 " * 6_000, "ÀÉ-ñ", "ตรวจ", "カーエンジン"):
        memo = valid.record(session, "customer_contact_memo", subject="题", content=text)
        session.flush()
        hits = search.find(session, act.actor, text[:60]).hits
        assert memo.id in [hit.id for hit in hits], text[:20]


# By whom ----------------------------------------------------------------------------------------------------------

def test_a_private_value_finds_its_record_for_those_alone_who_see_it(app, book):
    with desk(app) as session:
        spec = Record.types["customer"]
        customer = valid.record(session, "customer", name="宏图运输公司", contact_person="欧阳震华", phone="13966778899")
        session.commit()
        number = customer.number
    sees = next(role for role in spec.access if set("CE") & set(spec.access[role]) and role not in spec.scope)
    reads = next(role for role in spec.access if valid.sees(spec, role) and not set("CE") & set(spec.access[role])
                 and role not in spec.scope)
    for typed in ("欧阳", "6677889", "13966778899", "宏图 欧阳"):
        assert number in found(book.person(sees), typed) and listed(book.person(sees), typed), typed
        assert found(book.person(reads), typed) == listed(book.person(reads), typed) == [], (reads, typed)
    page = book.person(reads).get("/admin/search/?q=宏图").text
    assert found(book.person(reads), "宏图") == [number] and "欧阳" not in page and "13966778899" not in page


def test_another_dealers_rows_are_neither_found_nor_counted(app, book):
    with desk(app) as session:
        here = valid.record(session, "customer_repair_file", place=valid.HERE, customer_statement="离合器打滑")
        there = [valid.record(session, "customer_repair_file", place=valid.THERE, customer_statement="离合器打滑") for _ in range(3)]
        session.commit()
        own, others = here.number, [one.number for one in there]
    dealer = book.person("dealer_f001")
    assert found(dealer, "离合器") == found(dealer, "离合器", type="customer_repair_file") == [own]
    assert found(dealer, others[0]) == listed(dealer, others[0], "customer_repair_file") == []
    assert '<span class="count">1</span>' in dealer.get("/admin/search/?q=离合器&type=customer_repair_file").text
    assert set(found(book.person("administrator"), "离合器")) == {own, *others}


def test_a_state_that_a_role_is_not_shown_is_not_found(session):
    for spec in valid.TYPES.values():
        for role, shown in spec.seen_in.items():
            hidden = next(state.name for state in spec.workflow.states if state.name not in shown)
            record = valid.record(session, spec.name, hidden)
            record.number = record.number or "QQ-7777-1"
            session.flush()
            search.keep(session, [record])
            assert search.find(session, Actor.system(), record.number).hits, spec.name
            assert not search.find(session, Actor(999, "x", "x", frozenset({role})), record.number).hits, (spec.name, role)


def test_an_area_that_is_off_is_not_searched_until_it_is_on_again(app, book):
    name = "satisfaction_questionnaire"
    with desk(app) as session:
        number = valid.record(session, name, creator="quality_engineer").number
    person = book.person("quality_engineer")
    for to, numbers in (("off", []), ("on", [number])):
        assert app.test_cli_runner().invoke(args=["area", "switch", "satisfaction", to]).exit_code == 0
        areas.take(None)
        assert found(person, number) == found(person, number, type=name) == numbers


# Kept with the record ---------------------------------------------------------------------------------------------

def test_what_is_rolled_back_edited_voided_or_anonymised_is_in_the_index_as_it_is_in_the_record(app, book, session, act):
    before = index(session)
    with session.begin_nested() as savepoint:
        valid.record(session, "customer", name="从未有过的公司")
        session.flush()
        assert search.find(session, act.actor, "从未有过").hits
        savepoint.rollback()
    assert index(session) == before
    customer = valid.record(session, "customer", name="老名字公司", contact_person="上官婉儿", phone="13612345678")
    session.commit()
    customer_id = customer.id
    act = Act(session, Actor.system())
    customer.name = "新名字公司"
    records.keep(act, customer, {})
    session.commit()
    assert not search.find(session, act.actor, "老名字").hits and search.find(session, act.actor, "新名字").hits
    assert "上官" in str(index(session))
    act = Act(session, Actor.system())
    customer = session.get(Record.types["customer"].model, customer_id)
    customer.state = VOID
    records.keep(act, customer, {})
    session.commit()
    assert [hit.state for hit in search.find(session, act.actor, "新名字").hits] == [VOID]
    sheet = valid.record(session, "quality_info_transfer", "closed", contact_person="上官婉儿", phone="13612345678")
    session.commit()
    erasing.anonymise(Act(session, Actor.system()), sheet)
    session.commit()
    told = str([row for row in index(session) if row[:2] == (sheet.spec.name, sheet.id)])
    for trace in ("上官", "婉儿", "13612345678", "345678"):
        assert trace in str(index(session)) and trace not in told, trace


def test_the_rebuilt_index_is_the_one_that_was_kept_all_along(app):
    with desk(app) as session:
        some_types = list(valid.TYPES.values())[::4]
        for spec in some_types:
            valid.record(session, spec.name, also=valid.typable(spec))
        session.commit()
        kept = index(session)
        assert {row[0] for row in kept} >= {spec.name for spec in some_types}
        session.execute(sa.update(SearchText).where(SearchText.type == "customer").values(text="verdorben"))
        session.execute(sa.delete(WORDS).where(WORDS.c.rowid % 2 == 0))
        session.commit()
    answer = app.test_cli_runner().invoke(args=["search", "rebuild"])
    assert answer.exit_code == 0, answer.output
    with desk(app) as session:
        assert index(session) == kept


def test_a_search_takes_the_same_statements_whatever_it_finds(app, book):
    with desk(app) as session:
        for name in ("customer", "vehicle", "customer_contact_memo", "work_order"):
            valid.record(session, name)
        session.commit()
    person, counts = book.person("administrator"), {}
    asked = []
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    for typed in ("客户", "2", "customer"):
        asked.clear()
        person.get("/admin/search/", query_string={"q": typed})
        counts[typed] = len([one for one in asked if one.lstrip().startswith(("SELECT", "WITH"))])
    assert counts["客户"] == counts["2"] <= 4, counts


def test_what_many_records_hold_is_listed_as_what_few_do(app, book, monkeypatch):
    with desk(app) as session:
        for n in range(33):
            valid.record(session, "customer", name=f"龙门{'铁矿' if n % 3 else '石场'}{n}", contact_person=f"密友{n}")
    asked = [(typed, page) for typed in ("龙门", "龙门 铁矿", "密友") for page in (1, 2)]
    for role in ("customer_service", "quality_engineer"):   # who sees private fields, and who does not
        person = book.person(role)

        def listed(typed, page, person=person):
            answer = person.get("/admin/customer/", query_string={"q": typed, "page": page, "per_page": 20})
            return reading.ids_of(answer.text), re.findall(r'class="count"[^>]*>([0-9,+]*)<', answer.text)[:1]
        few = [listed(*one) for one in asked]
        with monkeypatch.context() as patch:
            patch.setattr(lists, "COUNT_LIMIT", 20)
            patch.setattr(lists, "LOOKED_AT", 25)
            many = [listed(*one) for one in asked]
        assert [ids for ids, _ in many] == [ids for ids, _ in few] and list(map(len, few[0][0:1] + few[1][0:1])) == [20, 13]
        assert few[4][1] == (["33"] if role == "customer_service" else ["0"]), "a count tells what is private, too"


# Choice boxes -----------------------------------------------------------------------------------------------------

def test_a_choice_box_searches_with_rights_and_offers_what_was_chosen_last_first(app, book):
    with desk(app) as session:
        old = valid.record(session, "customer", state="active", name="最早的货运公司", contact_person="司马相如")
        session.flush()
        for n in range(60):
            valid.record(session, "customer", state="active", name=f"货运{n:02}号", remark="最早的一批")
        session.commit()
        old = str(old.id)
    sales, at = book.person("sales"), "/admin/visit_plan/choices/?field=visits.customer"
    newest = [row["id"] for row in sales.get(at).json]
    assert len(newest) == 50 and old not in newest
    again = [row["id"] for row in sales.get(f"{at}&recent={old},x,99999999").json]
    assert again == [old, *newest[:49]], "the one chosen last, then the newest; what is no id is nothing"
    assert sales.get(f"{at}&q=最早").json[0]["id"] == old, "who is called so before who only mentions it"
    mere = next(role for role in ("warehouse", "dispatcher", "finance") if valid.sees(Record.types["info_flow_card"], role)
                and not set("CE") & set(Record.types["customer"].access.get(role, "")))
    assert book.person(mere).get("/admin/info_flow_card/choices/?field=customer&q=司马").json == []


def test_without_scripts_the_number_or_title_is_written_beside_the_box(app, book):
    with desk(app) as session:
        for n in range(55):
            valid.record(session, "customer", state="active", name=f"客运{n:02}号")
        session.commit()
    sales, form = book.person("sales"), book.visit_report()
    assert '<noscript><input name="customer__typed"' in sales.get("/admin/visit_report/new/").text
    wanted = book.id("customer", name="客运00号")
    done(answer := sales.post("/admin/visit_report/new/", {**form, "customer": "", "customer__typed": "客运00号"}))
    assert book.read("visit_report", int(answer.location.rpartition("=")[2])).customer == wanted
    refused = sales.post("/admin/visit_report/new/", {**form, "customer": "", "customer__typed": "没有这家"})
    assert refused.status_code == 422
