"""What every record type promises through the screen: a list, a form that keeps what is right and says what is not,
a page, and a CSV that is the list."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from models.base import Record
from models.history import AuditEntry
from models.spec import LANGUAGES, Kind
from rules import exports, lists
from tests import reading, valid
from tests.browser_of_a_person import Person, fields_of, problems
from tests.valid import TYPES, desk, each_type

# Each type in one of the languages: what a page is made of is the same code for both.
in_a_language = pytest.mark.parametrize(("spec", "language"), [
    pytest.param(spec, LANGUAGES[n % len(LANGUAGES)], id=f"{spec.name}-{LANGUAGES[n % len(LANGUAGES)]}")
    for n, spec in enumerate(TYPES.values())])
each_typed = valid.those(valid.writers)   # the others are compiled by a job
each_writer = pytest.mark.parametrize(
    ("spec", "role"), [pytest.param(spec, role, id=f"{spec.name}-{role}")
                       for spec in TYPES.values() for role in valid.writers(spec)])


def viewer(app, spec, language="zh", letters="V"):
    """Somebody with one of these letters who is held to no scope."""
    return Person(app, valid.username(valid.roles_with(spec, letters)[0]), language)


def labels_of(spec):
    """Every label that belongs to a type."""
    parts = [spec, *spec.fields.values(), *spec.lines.values(), *spec.workflow.states, *spec.workflow.moves]
    parts += [field for child in spec.lines.values() for field in child.fields.values()]
    parts += [choice for part in parts for choice in getattr(part, "choices", ())]
    return [part.label for part in parts] + [part.group for part in parts if getattr(part, "group", None)]


def says_none(spec, page):
    """Does the page show a value that is not there? (One list of choices has an honest “None”.)"""
    honest = any(choice.label.en == "None" for field in spec.fields.values() for choice in field.choices)
    return "None" in reading.text_of(page) and not honest


# Looking ----------------------------------------------------------------------------------------------------------

@pytest.mark.once
@each_type
def test_everything_has_a_name_in_both_languages(spec):
    for label in labels_of(spec):
        assert label.zh.strip() and label.en.strip(), label
        assert re.search("[一-鿿A-Za-z0-9]", label.zh) and not re.search("[一-鿿]", label.en), label


@in_a_language
def test_the_list_shows_its_columns_with_and_without_rows(app, spec, language):
    with desk(app) as session:
        id_ = valid.record(session, spec.name).id
    person = viewer(app, spec, language)
    page = person.get(f"/admin/{spec.name}/")
    assert page.status_code == 200
    columns = (*spec.list, "time_left") if spec.deadlines else spec.list
    assert reading.headers_of(page.text) == [lists.column_field(spec, n).label.in_(language) for n in columns]
    cells = reading.cells_of(page.text)[id_]
    assert len(cells) == len(columns) and cells[0] == valid.snapshot(app, spec.name, id_)["number"]
    assert not says_none(spec, page.text)
    empty = person.get(f"/admin/{spec.name}/?number=no-such-number")
    assert empty.status_code == 200 and not reading.ids_of(empty.text)
    assert not says_none(spec, empty.text) and spec.label.in_(language) in empty.text


@pytest.mark.once
@valid.those(lambda spec: spec.name not in ("customer", "dealer_ledger", "product_batch"))
def test_a_list_that_never_had_a_row_is_there_too(app, spec):
    page = viewer(app, spec).get(f"/admin/{spec.name}/")
    assert page.status_code == 200 and "还没有" in page.text


@in_a_language
def test_the_page_of_a_record_names_every_field(app, spec, language):
    with desk(app) as session:
        row = valid.record(session, spec.name, also=valid.typable(spec))
        id_, tables = row.id, [child for name, child in spec.lines.items() if getattr(row, name)]
    page = viewer(app, spec, language).get(f"/admin/{spec.name}/details/?id={id_}")
    assert page.status_code == 200
    text = " ".join(reading.text_of(page.text).split())
    named = [*spec.fields.values(), *spec.lines.values()]
    named += [f for child in tables for f in child.fields.values()]
    assert not [field.label for field in named if " ".join(field.label.in_(language).split()) not in text]
    assert not says_none(spec, page.text) and "datetime" not in text


# Creating ---------------------------------------------------------------------------------------------------------

@each_writer
def test_who_may_create_does_so_with_valid_data(app, spec, role):
    with desk(app) as session:
        entered = valid.raw(session, spec, role=role)
        before = session.scalar(sa.select(sa.func.count()).select_from(spec.model))
    person = Person(app, valid.username(role))
    answer = person.post(f"/admin/{spec.name}/new/", valid.posted(entered))
    assert answer.status_code == 302, problems(answer)
    id_ = int(parse_qs(urlsplit(answer.location).query)["id"][0])
    assert person.get(answer.location).status_code == 200
    row = valid.snapshot(app, spec.name, id_)
    assert row["state"] == spec.workflow.states[0].name
    assert spec.numbered_at != "create" or spec.series.regex.match(row["number"])
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(spec.model)) == before + 1
        me = valid.id_of(session, valid.username(role))
        entries = session.scalars(sa.select(AuditEntry).where(
            AuditEntry.type == spec.name, AuditEntry.record_id == id_)).all()
        assert [(e.action, e.door, e.actor_id) for e in entries] == [("create", "screen", me)]
        kept = session.get(spec.model, id_)
        for name, given in entered.items():
            if name in spec.lines:
                assert len(getattr(kept, name)) == len(given)
            elif spec.fields[name].kind in (Kind.TEXT, Kind.LONGTEXT, Kind.PHONE, Kind.CHOICE, Kind.LINK, Kind.USER):
                assert str(getattr(kept, spec.fields[name].column)) == given


@pytest.mark.once
@each_type
def test_nobody_else_sends_the_form_however_well_filled_in(app, spec):
    """Every role at the empty form: tests/test_doors.py."""
    with desk(app) as session:
        entered = valid.posted(valid.raw(session, spec))
        before = session.scalar(sa.select(sa.func.count()).select_from(spec.model))
    others = [role for role in valid.ROLES if role not in valid.writers(spec)]
    for role in (*others[:2], *others[-2:]):
        person = Person(app, valid.username(role))
        assert person.post(f"/admin/{spec.name}/new/", entered).status_code == 403, role
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(spec.model)) == before


def blanks(spec, entered):
    """(field of the form, label) of everything required that could be left out."""
    for name in valid.required(spec):
        yield name, spec.fields[name].label
    for name, child in spec.lines.items():
        for n, field in child.fields.items():
            if name in entered and field.typed and field.required and field.default is None:
                yield f"{name}-0-{n}", field.label


def with_a_filled_row(session, spec, entered):
    """One more cell per row, so that a row is not taken for an empty one when its required cell is missing."""
    for name, child in spec.lines.items():
        if name in entered:
            more = next((f for f in child.fields.values() if f.typed and not f.required and not f.to), None)
            entered[name] = [{**row, **({more.name: valid.value_for(session, more)} if more else {})}
                             for row in entered[name]]
    return entered


@pytest.mark.once
@each_typed
def test_each_required_field_is_missed_by_name_and_the_rest_stays_typed(app, spec):
    role = valid.writers(spec)[0]
    person = Person(app, valid.username(role))
    with desk(app) as session:
        entered = valid.posted(with_a_filled_row(session, spec, valid.raw(session, spec, role=role)))
        before = session.scalar(sa.select(sa.func.count()).select_from(spec.model))
    checked = 0
    for name, label in blanks(spec, valid.raw_lines(spec)):
        if spec.scope.get(role) == name and "V" not in spec.access[role]:
            continue  # filled in by the server: tests/test_scope.py
        if name in valid.FILLED_IN.get(spec.name, ()):
            continue
        answer = person.post(f"/admin/{spec.name}/new/", {**entered, name: ""})
        assert answer.status_code == 422, f"{name}: {problems(answer)}"
        assert f"请填写“{label.zh}”" in reading.text_of(answer.text), name
        again = fields_of(answer.text)
        assert {key: again.get(key) or "" for key in entered} == {**entered, name: ""}, name
        checked += 1
    assert checked
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(spec.model)) == before


@pytest.mark.once
@each_typed
def test_a_refused_form_says_why_in_english_too(app, spec):
    person = Person(app, valid.username(valid.writers(spec)[0]), "en")
    answer = person.post(f"/admin/{spec.name}/new/", {})
    assert answer.status_code == 422 and "Fill in “" in reading.text_of(answer.text)
    assert not re.search("请|填写", reading.text_of(answer.text))


# CSV --------------------------------------------------------------------------------------------------------------

def agree(field, on_page, in_file):
    """The same value, each in its own clothes."""
    if field.kind in (Kind.MONEY, Kind.INTEGER, Kind.DECIMAL):
        return on_page.replace(",", "") == in_file or float(on_page.replace(",", "") or 0) == float(in_file or 0)
    if field.kind is Kind.PERCENT:
        return (not on_page and not in_file) or abs(float(on_page.rstrip("%")) - 100 * float(in_file)) < 0.01
    if field.kind is Kind.DATETIME:
        return on_page == in_file[:16].replace("T", " ")
    if field.kind is Kind.LONGTEXT:
        return in_file.startswith(on_page)
    return on_page == in_file


def in_csv(spec):
    """The columns; what is signed by several ends with who did."""
    signatures = [lists.SIGNATURES] if spec.workflow.approval else []
    return [*(lists.column_field(spec, name) for name in exports.export_columns(spec)), *signatures]


@pytest.mark.once
@each_type
def test_the_csv_is_the_list(app, spec):
    with desk(app) as session:
        for state in spec.workflow.states[:2]:
            valid.record(session, spec.name, state.name, also=valid.typable(spec))
    for role in valid.roles_with(spec, "X"):
        person = Person(app, valid.username(role))
        cells = reading.cells_of(person.get(f"/admin/{spec.name}/").text)
        answer = person.get(f"/admin/{spec.name}/export/csv/")
        assert answer.status_code == 200 and answer.content_type == "text/csv; charset=utf-8"
        header, rows = reading.csv_of(answer.data)
        assert header == [field.label.zh for field in in_csv(spec)]
        assert len(rows) == len(cells) >= 2
        for (_, shown), row in zip(cells.items(), rows, strict=True):
            for name, on_page in zip(spec.list, shown[:len(spec.list)], strict=True):   # the time left is the screen's
                field = lists.column_field(spec, name)
                assert agree(field, on_page, row[header.index(field.label.zh)]), (role, name)


@each_type
def test_the_csv_is_filtered_as_the_list_is_and_its_export_is_on_record(app, spec):
    if not valid.roles_with(spec, "X"):
        assert viewer(app, spec).get(f"/admin/{spec.name}/export/csv/").status_code == 403
        return
    first, second = spec.workflow.states[:2]
    with desk(app) as session:
        valid.record(session, spec.name, first.name)
        number = valid.record(session, spec.name, second.name, place=valid.THERE).number
    person = viewer(app, spec, letters="X")
    address = f"/admin/{spec.name}/{{}}?state={second.name}&q={number}"
    assert len(reading.ids_of(person.get(address.format("")).text)) == 1
    _, rows = reading.csv_of(person.get(address.format("export/csv/")).data)
    assert [row[0] for row in rows] == [number]
    names, _ = reading.csv_of(person.get(address.format("export/csv/") + "&header=names").data)
    assert names == [field.name for field in in_csv(spec)]
    with desk(app) as session:
        entry = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "export")).first()
        assert (entry.type, entry.actor_id) == (spec.name, valid.id_of(session, valid.username(
            valid.roles_with(spec, "X")[0])))
        assert entry.changes["filters"] == {"state": second.name} and entry.changes["search"] == number


@pytest.mark.once
@valid.those(lambda spec: valid.roles_with(spec, "X"))
def test_a_cell_that_looks_like_a_formula_is_made_inert(app, spec):
    text = next(name for name in valid.typable(spec) if spec.fields[name].kind in (Kind.TEXT, Kind.LONGTEXT)
                and name not in (*spec.private, "place"))   # what the helper below calls something else
    with desk(app) as session:
        valid.record(session, spec.name, **{text: "=1+1"})
    header, rows = reading.csv_of(viewer(app, spec, letters="X").get(f"/admin/{spec.name}/export/csv/").data)
    assert "'=1+1" in [row[header.index(spec.fields[text].label.zh)] for row in rows]


def test_the_types_are_really_here():
    """All the promises above are made for each of them."""
    assert len(TYPES) >= 11 and all(Record.types[name] is spec for name, spec in TYPES.items())
