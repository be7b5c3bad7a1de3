"""Whatever is sent - slips, forged requests, broken encodings, too much of it - is answered with a clear sentence in the
reader's language; what was typed is still there; and nothing ends in "Something went wrong"."""

from __future__ import annotations

import io
from datetime import date
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.base import Record
from models.spec import Kind
from tests import reading
from tests.browser_of_a_person import fields_of, problems
from tests.casebook import Casebook, done, told

pytestmark = pytest.mark.once

CARD, CUSTOMER, PLAN = "info_flow_card", "customer", "visit_plan"
HUGE = str(10**30)
ENDLESS = "9" * 5000     # longer than Python turns into a number


@pytest.fixture(autouse=True)
def in_production(app):
    """A bug is answered with 500, as for a real person."""
    app.testing = False
    yield
    app.testing = True


@pytest.fixture
def book(app):
    return Casebook(app)


def customer(**changes):
    return {"name": "新顾客", "customer_type": "direct_user", "contact_person": "王五", "phone": "13900000000",
            "address": "路 9 号", "province": "重庆市", **changes}


def send(book, type_name, form, username="sales"):
    return book.person(username).post(f"/admin/{type_name}/new/", form)


def refused(answer, zh, status=422):
    assert answer.status_code == status, problems(answer)
    assert zh in told(answer), told(answer) or problems(answer)


# One field ------------------------------------------------------------------------------------------------------------

WRONG = [
    (CUSTOMER, "name", "长" * 201, "“顾客名称”最多 200 个字，现有 201 个", "takes at most 200 characters, not 201"),
    (CUSTOMER, "remark", "x" * 20_001, "“备注”最多 20000 个字", "takes at most 20000 characters"),
    (CUSTOMER, "name", "", "请填写“顾客名称”", "Fill in “Name”"), (CUSTOMER, "name", "　 \t", "请填写“顾客名称”", "Fill in “Name”"),
    (CUSTOMER, "name", "a\x00b", "“顾客名称”含有不可见的控制字符", "contains a control character"),
    (CUSTOMER, "remark", "a\x07b", "“备注”含有不可见的控制字符", "contains a control character"),
    (CUSTOMER, "phone", "电话", "“联系电话”只能含数字", "must be a phone number"),
    (CUSTOMER, "email", "not an address", "“电子邮箱”不是有效的邮箱地址", "is not a mail address"),
    (CUSTOMER, "credit_code", "123", "统一社会信用代码须为18位", "A credit code has 18"),
    (CUSTOMER, "customer_type", "no_such", "“顾客类别”没有“no_such”这一选项", "has no choice “no_such”"),
    (CUSTOMER, "province", "火星", "“省份”没有“火星”这一选项", "has no choice “火星”"),
    (CUSTOMER, "is_key_customer", "perhaps", "“重点顾客”应为是或否", "must be yes or no"),
    *((CUSTOMER, "account_manager", value, "“业务员”找不到所选记录", "the record chosen was not found")
      for value in ("-1", HUGE, ENDLESS, "abc", "0", "1e3", "999999", "1\x00", "²")),
    *((CARD, "customer", value, "“顾客”找不到所选记录", "the record chosen was not found")
      for value in ("-1", HUGE, ENDLESS, "abc", "999999", "²")),
    *((CARD, "responsible_unit", value, "“责任部门”没有“", "has no choice “") for value in ("no-such", "长" * 300)),
    (CARD, "responsible_unit", "U1\x00", "“责任部门”含有不可见的控制字符", "contains a control character"),
    *((CARD, "quantity", value, "“数量”应为数字", "must be a number such as")
      for value in ("ten", "NaN", "sNaN", "Infinity", "-inf", "1.2.3", "0x10", "1e", "二")),
    *((CARD, "quantity", value, "“数量”的数值太大", "is too large") for value in ("1e400", "1e999999999", ENDLESS, "1000000000000")),
    (CARD, "quantity", "-1", "“数量”不能小于 0", "cannot be less than 0"),
    (CARD, "quantity", "-1e999999999", "“数量”", "“Quantity”"),
    (CARD, "quantity", "1.00001", "“数量”最多 4 位小数", "takes at most 4 decimals"),
    (CARD, "quantity", "1e-999999999", "“数量”最多 4 位小数", "takes at most 4 decimals"),
    (PLAN, "budget", "-0.01", "“预算”不能小于 0", "cannot be less than 0"),
    (PLAN, "budget", "0.001", "“预算”最多 2 位小数", "takes at most 2 decimals"),
    (CUSTOMER, "contact_interval_days", "2.5", "“联络周期”应为整数", "must be a whole number"),
    (CUSTOMER, "contact_interval_days", "0", "“联络周期”不能小于 1", "cannot be less than 1"),
    (CUSTOMER, "contact_interval_days", "1e11", "“联络周期”的数值太大", "is too large"),
    *((PLAN, "starts_on", value, "“期间开始”应为日期，如 2026-10-31", "must be a date such as")
      for value in ("2026-02-30", "0001-01-01", "99999", "99999-01-01", "2026-13-01", "yesterday", "2026-1", "9999-12-31")),
]


@pytest.mark.parametrize(("type_name", "name", "value", "zh", "en"), WRONG,
                         ids=[f"{t}.{n}={v[:12]!r}" for t, n, v, *_ in WRONG])
def test_a_value_that_cannot_be_kept_is_refused_in_a_sentence_and_stays_typed(book, type_name, name, value, zh, en):
    forms = {CUSTOMER: customer(remark="仍在"), CARD: book.flow_card(quality_info="仍在"), PLAN: book.visit_plan(purpose="仍在")}
    form = {**forms[type_name], name: value}
    person = book.person("sales")
    with book.session() as session:
        before = session.scalar(sa.select(sa.func.count()).select_from(Record.types[type_name].model))
    answer = person.post(f"/admin/{type_name}/new/", form)
    refused(answer, zh)
    kept, field = fields_of(answer.text), Record.types[type_name].fields[name]
    if field.kind in (Kind.TEXT, Kind.LONGTEXT, Kind.PHONE, Kind.EMAIL, Kind.DATE, Kind.DECIMAL, Kind.MONEY, Kind.INTEGER) \
            and "\x00" not in value:
        assert kept[name] == value
    assert name in ("remark",) or "仍在" in kept.values()
    english = person.post(f"/admin/{type_name}/new/?lang=en", form)
    assert english.status_code == 422 and en in told(english), told(english)
    with book.session() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Record.types[type_name].model)) == before


@pytest.mark.parametrize("value", ["2024-02-30T10:00", "0001-01-01T00:00", "99999", "2024-01-01T25:00", "9999-12-31T23:59"])
def test_a_moment_that_does_not_exist_is_refused(book, value):
    refused(send(book, "quality_info_transfer", book.quality_info(received_at=value), "quality_engineer"), "应为日期和时间")


@pytest.mark.parametrize("text", ["😀🛠️ 用户 👨‍👩‍👧", "𠮷野家 㐂 𪚥", "ﷺ ‮abc", "e\u0301 ö ß", "<script>alert(1)</script>",
                                  "' OR 1=1 --", "{{ 7*7 }}", "\\ud800", "%00 %s {name}", "'=1+1", "a\u2028b"])
def test_unusual_text_is_kept_as_it_is(book, text):
    id_ = book.person("sales").create(CUSTOMER, customer(name=text, remark=f"第一行\n{text}"))
    read = book.read(CUSTOMER, id_)
    assert (read.name, read.remark) == (text, f"第一行\n{text}")
    person = book.person("sales")
    for path in (f"details/?id={id_}", f"edit/?id={id_}", "", "export/csv/"):
        page = person.get(f"/admin/{CUSTOMER}/{path}")
        assert page.status_code == 200
        assert "<script>alert(1)" not in page.text.replace("export/csv", "") or "csv" in path
    assert person.form(f"/admin/{CUSTOMER}/edit/?id={id_}")["name"] == text


def test_a_lone_surrogate_never_reaches_the_database(book):
    body = urlencode({**customer(name="NAME"), "csrf_token": book.person("sales").token()}).replace("NAME", "a%ED%A0%80b")
    answer = book.person("sales").client.post(
        f"/admin/{CUSTOMER}/new/", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (302, 422)
    assert not any("\ud800" in book.read(CUSTOMER, id_).name for id_ in book.ids(CUSTOMER))


def test_everything_missing_is_named_at_once(book):
    answer = send(book, CUSTOMER, {})
    for name, field in Record.types[CUSTOMER].fields.items():
        assert (f"请填写“{field.label.zh}”" in told(answer)) == field.required, name


# Rows that are not theirs, or not there -------------------------------------------------------------------------------

def test_the_id_of_another_type_or_of_an_invisible_row_is_not_found(book):
    form = book.flow_card()
    with book.session() as session:
        taken = {name: set(session.scalars(sa.select(Record.types[name].model.id))) for name in (CUSTOMER, "dealer_ledger")}
    [foreign] = taken["dealer_ledger"] - taken[CUSTOMER]
    refused(send(book, CARD, {**form, "customer": foreign}), "“顾客”找不到所选记录")
    other = book.id(CUSTOMER, name="客户B")
    answer = send(book, CUSTOMER, customer(dealer=book.id("dealer_ledger", dealer_code="F002")), "dealer_f001")
    assert answer.status_code == 422 and "F002" not in told(answer)
    for address in (f"details/?id={other}", f"edit/?id={other}"):
        answer = book.person("dealer_f001").get(f"/admin/{CUSTOMER}/{address}")
        assert answer.status_code == 404 and "客户B" not in answer.text


def test_rows_of_a_child_table_that_belong_to_another_record_become_new_rows(book):
    sales = book.person("sales")
    victim = sales.create(PLAN, book.visit_plan(title="别人的"))
    line = book.read(PLAN, victim).visits[0].id
    mine = sales.create(PLAN, book.visit_plan(**{"visits-0-id": line, "visits-0-purpose": "抢"}))
    assert [row.id for row in book.read(PLAN, victim).visits] == [line]
    assert book.read(PLAN, mine).visits[0].id != line and book.read(PLAN, victim).visits[0].purpose is None


@pytest.mark.parametrize("lines", [
    {"visits-999999-customer": "1"}, {"visits-999999-purpose": "远"}, {f"visits-{ENDLESS}-purpose": "x"}, {"visits-²-purpose": "x"},
    {"visits--1-purpose": "x"}, {"visits-abc-purpose": "x"}, {"visits-0-no_such": "x"}, {"no_such-0-purpose": "x"},
    {"visits": "x"}, {"visits-0": "x"}, {"visits-0-id": HUGE, "visits-0-purpose": "x"}, {"visits-0-id": "abc"},
    {"visits-0-is_key_customer": "true"}, {"visits-0-visit_report": "1"}, {"visits-0-planned_on": "2026-02-30"},
    {f"visits-{n}-purpose": "x" for n in range(300)}], ids=lambda lines: next(iter(lines))[:30])
def test_odd_rows_of_a_child_table_are_refused_or_left_out(book, lines):
    answer = send(book, PLAN, {**book.visit_plan(), **lines})
    assert answer.status_code in (302, 422), problems(answer)
    assert answer.status_code == 302 or told(answer)


def test_an_error_in_the_last_of_many_rows_stands_at_its_row(book):
    rows = {f"visits-{n}-{k}": v for n, day in ((0, "2024-11-05"), (7, "2026-02-30")) for k, v in {
        "customer": book.id(CUSTOMER, name="客户A"), "planned_on": day, "visitor": book.user("technician")}.items()}
    answer = send(book, PLAN, book.visit_plan(**rows))
    refused(answer, "“计划日期”应为日期")
    assert "走访安排 第 2 行：“计划日期”应为日期" in reading.text_of(answer.text)
    assert fields_of(answer.text)["visits-1-planned_on"] == "2026-02-30"


@pytest.mark.parametrize("page", ["details", "edit"])
def test_a_record_that_is_not_there_is_not_found(book, page):
    for id_ in ("", "abc", "-1", "0", "1.5", HUGE, ENDLESS, "²", "١", "%00", "1;drop", "999999"):
        answer = book.person("sales").get(f"/admin/{CUSTOMER}/{page}/?id={id_}")
        assert answer.status_code == 404 and "没有这一页，或您不能查看" in reading.text_of(answer.text), id_[:20]


FORGED = [
    f"/admin/{CUSTOMER}/{{id}}/moves/no_such", f"/admin/{CUSTOMER}/{HUGE}/moves/activate", f"/admin/{CUSTOMER}/-1/moves/activate",
    f"/admin/{CUSTOMER}/{ENDLESS}/moves/activate", f"/admin/{CUSTOMER}/x/moves/activate", f"/admin/{CARD}/1/acknowledge/1",
    f"/admin/{CUSTOMER}/{{id}}/acknowledge/{HUGE}", "/admin/no_such/{id}/moves/activate", f"/admin/people/{HUGE}",
    f"/admin/people/{ENDLESS}", "/admin/people/0", f"/admin/reports/runs/{HUGE}", "/admin/reports/no_such/ask"]


@pytest.mark.parametrize("username", ["quality_manager", "administrator"])
def test_a_forged_address_is_not_found_or_not_allowed(book, username):
    for path in FORGED:
        for method in ("get", "post"):
            answer = getattr(book.person(username), method)(path.format(id=book.id(CUSTOMER, name="客户A")))
            assert answer.status_code in (403, 404, 405), (path[:60], method, answer.status_code)
            assert any(word in answer.text for word in ("没有这一页", "没有权限", "不支持这种操作方式", "不由您签收")), path[:60]


# Moves ----------------------------------------------------------------------------------------------------------------

def test_an_unknown_move_and_one_of_another_state_are_refused_and_change_nothing(book):
    id_ = book.person("technician").create(CARD, book.flow_card())
    person = book.person("technician")
    assert person.move(CARD, id_, "fly").status_code == 404
    refused(person.move(CARD, id_, "close"), "当前状态为“草稿”，不能关闭", 403)
    for revision in ("", "abc", "-3", HUGE):
        assert person.move(CARD, id_, "send", revision=revision).status_code == 409
    assert (book.state(CARD, id_), book.read(CARD, id_).revision) == ("draft", 1)


@pytest.mark.parametrize("comment", ["a\x00b", "\x07", "长" * 100_000, "😀", "x" * 3_000_000])
def test_an_odd_reason_is_kept_as_far_as_it_can_be(book, comment):
    id_ = book.person("technician").create(CARD, book.flow_card())
    answer = book.person("technician").move(CARD, id_, "void", comment=comment)
    assert answer.status_code in (302, 422), problems(answer)
    assert answer.status_code == 422 or book.audited(CARD, id_, "move:void") == [comment.replace("\x00", "").strip()[:2000]]


def test_a_field_beside_a_move_is_checked_like_on_the_form_and_stays_typed(book):
    id_ = book.person("sales").create(CARD, book.flow_card(source="return", quantity="", defect_quantity=""))
    answer = book.person("warehouse").move(CARD, id_, "send_return", quantity="viele", comment="快")
    refused(answer, "“数量”应为数字")
    assert 'value="viele"' in answer.text and ">快</textarea>" in answer.text
    assert book.state(CARD, id_) == "draft"


# Questions ------------------------------------------------------------------------------------------------------------

QUESTIONS = [
    "page=99999999999", "page=-1", "page=abc", "page=0", f"page={ENDLESS}", "page=²", "page=1.5", "page=", "sort=no_such", "sort=-",
    "sort=--number", "sort=number;drop", "sort=%00", "no_such=1", "state=no_such", "state=,", "state=,,draft", "state__from=draft",
    "created_at=2026-02-30", "created_at=99999", "created_at__from=0001-01-01", "created_at__from=%20", "created_at=2026-Q9",
    "is_key_customer=perhaps", "is_key_customer=%20", "account_manager=abc", f"account_manager={HUGE}", "dealer=-1", "industry=%20",
    "industry=%00", "q=%00", "q=%20", "q=%ff%fe", "industry=%ff", "number=%25", "q=%25_%5C", "department=%00", "department=,",
    "created_at__to=", "updated_at__sideways=1", "__from=1", "q=" + "长" * 3000, "state=draft&state=active", "page=1&page=2",
    "lang=xx", "lang=%00", "id=1", "behind=x", "behind=customer:1:%00", f"behind=quality_info_summary:{HUGE}:x", "revision=1",
    "created_by=%20", "created_by=abc", f"created_by={ENDLESS}", "%00=%00", "=", "&&&", "province=%20", "a" * 300 + "=1"]


SENTENCE = {"zh": ("“", "没有这一页，或您不能查看"), "en": ("“", "No such page, or not yours to see")}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", ["", "export/csv/"])
def test_an_odd_question_is_answered_or_refused_in_a_sentence(book, path, language):
    person, wrong = book.person("sales"), []
    for query in QUESTIONS:
        answer = person.get(f"/admin/{CUSTOMER}/{path}?{query}{'' if query.startswith('lang') else f'&lang={language}'}")
        if answer.status_code not in (200, 400, 404):
            wrong.append(f"{query[:60]}: {answer.status_code}")
        elif answer.status_code != 200 and not any(word in answer.text for word in SENTENCE[language]):
            wrong.append(f"{query[:60]}: {answer.status_code} without a sentence")
        elif answer.status_code == 200 and path and not answer.data.startswith(b"\xef\xbb\xbf"):
            wrong.append(f"{query[:60]}: no file")
    assert not wrong, "\n".join(wrong)


REFUSED = {"no_such=1", "state=no_such", "state__from=draft", "created_at=2026-02-30", "created_at__from=0001-01-01", "q__from=1",
           "is_key_customer=perhaps", "account_manager=abc", "dealer=-1", "industry=%00", "updated_at__sideways=1", "__from=1",
           "phone=13800001234&x=1"}


def test_what_cannot_be_asked_is_refused_and_not_ignored(book):
    """A filter that is left out shows more than was asked for."""
    for query in REFUSED:
        answer = book.person("sales").get(f"/admin/{CUSTOMER}/?{query}")
        assert answer.status_code == 400 and not reading.ids_of(answer.text), query


def test_a_choice_box_answers_odd_questions(book):
    for query in ("field=no_such", "field=visits.no_such", "field=", "field=account_manager&q=%00", "field=%00",
                  "field=dealer&q=" + "x" * 9999, "field=name", "field=state", "field=a.b.c"):
        assert book.person("sales").get(f"/admin/{CUSTOMER}/choices/?{query}").status_code in (200, 404), query


def test_a_form_that_is_to_start_with_odd_values_starts_without_them(book):
    for given_ in ("dealer=abc", f"dealer={HUGE}", f"account_manager={HUGE}", "name=%00", "province=x", "no_such=1",
                   "contact_interval_days=NaN", "is_key_customer=x", "number=X", "dealer=1&dealer=2"):
        assert book.person("sales").get(f"/admin/{CUSTOMER}/new/?{given_}").status_code == 200, given_


def test_an_odd_path_is_not_found(book):
    for path in ("/admin/%ff/", "/%c3%28", "/admin/customer/%00", "/admin/../../etc/passwd", "/static/../app.py",
                 "/static/%2e%2e/app.py", "/static/%2e%2e%2fapp.py", "/" + "x" * 9000):
        assert book.person("sales").get(path).status_code == 404, path


# Too much, or of the wrong kind ---------------------------------------------------------------------------------------

def multipart(form):
    parts = [f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in form.items()]
    return "".join([*parts, "--X--\r\n"]).encode()


def test_too_many_parts_and_too_large_a_body_are_refused_in_a_sentence(book):
    person = book.person("sales")
    form = {"csrf_token": person.token(), **customer()}
    large, many = {**form, "remark": "x" * 30_000_000}, {**form, **{f"part-{n}": "x" for n in range(6000)}}
    for body, kind in ((multipart(many), "multipart/form-data; boundary=X"), (multipart(large), "multipart/form-data; boundary=X"),
                       (urlencode(large), "application/x-www-form-urlencoded")):
        for language, sentence in (("zh", "提交的内容太大"), ("en", "What was sent is too large")):
            answer = person.client.post(f"/admin/{CUSTOMER}/new/?lang={language}", data=body, content_type=kind)
            assert answer.status_code == 413 and sentence in reading.text_of(answer.text)
    assert len(book.ids(CUSTOMER)) == 2


@pytest.mark.parametrize(("kind", "body"), [
    ("application/json", b'{"name": "x"}'), ("text/plain", b"name=x"), ("application/octet-stream", bytes(range(256))),
    ("multipart/form-data", b"no boundary"), ("multipart/form-data; boundary=x", b"--x\r\nbroken"), ("", b"x"),
    ("application/x-www-form-urlencoded; charset=utf-16", "name=x".encode("utf-16")),
    ("application/x-www-form-urlencoded", b"%ff=%fe&name=%c3%28&=&&&")])
def test_another_kind_of_body_is_no_form(book, kind, body):
    person = book.person("sales")
    answer = person.client.post(f"/admin/{CUSTOMER}/new/", data=body, content_type=kind)
    assert answer.status_code == 400 and "表单已过期，请返回后重新提交" in reading.text_of(answer.text)
    answer = person.client.post(f"/admin/{CUSTOMER}/new/", data=body, content_type=kind, headers={"X-CSRFToken": person.token()})
    assert answer.status_code == 422, "with the token it is an empty form"


def test_files_and_repeated_fields_in_a_form_do_no_harm(book):
    data = {**customer(name=["第一", "第二"]), "remark": (io.BytesIO(b"\xff\x00"), "x.bin")}
    answer = book.person("sales").post(f"/admin/{CUSTOMER}/new/", data, content_type="multipart/form-data")
    assert answer.status_code == 302
    assert book.ids(CUSTOMER, name="第一") and not book.ids(CUSTOMER, name="第二")


# The administrator's forms --------------------------------------------------------------------------------------------

PEOPLE = {"username": "newcomer", "name": "新人", "roles": ["sales"], "password": "ten letters or more"}


@pytest.mark.parametrize(("path", "form"), [
    *(("people/new", {**PEOPLE, **change}) for change in (
        {"username": ""}, {"username": "a b"}, {"username": "x" * 81}, {"username": "sales"}, {"roles": []},
        {"roles": ["emperor"]}, {"roles": ["dealer"]}, {"roles": ["dealer"], "dealer": "F\x00"}, {"roles": ["unit"], "unit": "\x00"},
        {"email": "x"}, {"email": "a@" + "b" * 300 + ".de"}, {"name": "长" * 81},
        {"password": "short"}, {"password": ""}, {"password": "p" * 5000})),
    *(("parameters/", {"name": "reply_hours", "value": "1", **change}) for change in (
        {"name": "no_such"}, {"name": "\x00"}, {"value": ""}, {"value": "NaN"}, {"value": "1e99"}, {"value": "1e999999999"},
        {"value": "-1"}, {"value": "1.5"}, {"value": "0" * 300 + "1"}, {"valid_from": "2026-02-30"},
        {"valid_from": "x"}, {"name": "home_province", "value": "火星"}, {"name": "focus_share", "value": "0." + "1" * 300})),
    *(("units/", {"code": "U9", "name": "九", **change}) for change in (
        {"code": ""}, {"code": "x" * 51}, {"name": ""}, {"name": "长" * 81}, {"name": "质量部"},
        {"province": "火星"}))], ids=lambda value: str(value)[-40:] if isinstance(value, dict) else value)
def test_the_forms_of_the_administrator_refuse_in_a_sentence(book, path, form):
    answer = book.person("administrator").post(f"/admin/{path}", form)
    assert answer.status_code == 422, problems(answer)
    assert reading.text_of(answer.text).strip()


@pytest.mark.parametrize(("path", "form"), [
    ("people/new", {**PEOPLE, "username": "new\x00comer", "name": "新\x00人", "email": "a\x00@b.de"}),
    ("parameters/", {"name": "reply_hours", "value": "1\x002"}), ("units/", {"code": "U\x009", "name": "九\x00"})])
def test_what_no_keyboard_types_does_not_come_in_with_the_rest(book, path, form):
    done(book.person("administrator").post(f"/admin/{path}", form))
    page = book.person("administrator").get(f"/admin/{path.removesuffix('new')}")
    assert page.status_code == 200 and "\x00" not in page.text


@pytest.mark.parametrize("period", ["", "2026-13", "2026", "10000-01", "0000-01", "2026-10\x00", "x" * 5000, "2099-01"])
def test_a_report_of_an_impossible_month_is_refused(book, period):
    answer = book.person("quality_manager").post("/admin/reports/quality_info_summary/ask", {"period": period})
    assert answer.status_code in (403, 422) and reading.text_of(answer.text).strip()


@pytest.mark.parametrize("form", [{"username": "a\x00b", "password": "x"}, {"username": "x" * 5000, "password": "y" * 5000},
                                  {"password": "x"}, {"username": "sales"}, {}, {"username": "😀", "password": "\x00"}])
def test_an_odd_sign_in_is_only_not_right(app, form):
    client = app.test_client()
    token = fields_token(client.get("/sign-in").text)
    assert client.post("/sign-in", data={**form, "csrf_token": token}).status_code == 422


def fields_token(page):
    return page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]


# Random text in every field -------------------------------------------------------------------------------------------

TEXT = st.one_of(
    st.text(max_size=60), st.sampled_from(["", " ", "-1", "0", "1e400", "NaN", "null", "true", "2026-02-30", "=1+1", "\x00", "\ufffe",
                                           "9" * 40, "²", "１２", "1_0", "1,5", "+", "%", "\u202e", "0001-01-01", "24:00", "[]", "{}"]),
    st.integers().map(str), st.dates().map(date.isoformat), st.datetimes().map(str), st.decimals().map(str))


def typed_fields(type_name):
    spec = Record.types[type_name]
    names = [name for name, field in spec.fields.items() if field.typed]
    names += [f"{child.name}-{index}-{name}" for child in spec.lines.values() for index in (0, 3) for name in child.fields]
    return st.dictionaries(st.sampled_from([*names, "revision", "lang", "state", "number"]), TEXT, max_size=12)


@pytest.mark.parametrize("type_name", [CARD, CUSTOMER])
def test_no_text_in_any_field_breaks_the_form(book, type_name):
    valid = book.flow_card() if type_name == CARD else customer()
    sales = book.person("sales")
    id_ = sales.create(type_name, valid)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(typed_fields(type_name), st.booleans())
    def fill_in(values, edits):
        path = f"edit/?id={id_}" if edits else "new/"
        form = {**valid, "revision": sales.revision(type_name, id_), **values}
        answer = sales.post(f"/admin/{type_name}/{path}", {
            name: str(value).encode("utf-8", "replace") for name, value in form.items()})
        assert answer.status_code in (302, 409, 422), problems(answer)
        assert answer.status_code == 302 or told(answer) or "不是最新内容" in answer.text
        if answer.status_code == 302:
            assert sales.get(answer.location).status_code == 200
    fill_in()
