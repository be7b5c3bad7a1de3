"""Personal data: plain to those who write the type, masked to everybody else, wherever a value could come out."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from python_calamine import CalamineWorkbook

from models.base import Record
from models.history import AuditEntry
from models.spec import ADMINISTRATOR, ROLES, TEXTS, Kind
from rules import access, described, registry
from rules.access import Actor
from rules.act import Act
from tests import reading, valid
from tests.browser_of_a_person import Person
from tests.valid import TYPES, desk

PRIVATE = [spec for spec in TYPES.values() if spec.private]
WRITE = set("CE")


def readers(spec):
    """Roles that see rows of the type but write none."""
    return [role for role in ROLES if valid.sees(spec, role) and not WRITE & set(spec.access.get(role, ""))]


each_private_type = pytest.mark.parametrize("spec", PRIVATE, ids=[spec.name for spec in PRIVATE])
# Two of them at the pages; that all of them are mere readers to the rule is asked below.
each_reader = pytest.mark.parametrize(
    ("spec", "role"), [pytest.param(s, r, id=f"{s.name}-{r}") for s in PRIVATE for r in dict.fromkeys(
        (readers(s)[0], readers(s)[-1]))])


class Secrets:
    """Two records with private values like no others; those of the first were changed once, so its history tells."""

    def __init__(self, app, spec):
        self.spec = spec
        with desk(app) as session:
            first = valid.record(session, spec.name, **self.entered(session, "31"))
            second = valid.record(session, spec.name, place=valid.THERE, **self.entered(session, "57"))
            session.commit()
            session.refresh(first)
            for name, value in self.entered(session, "86").items():
                setattr(first, spec.fields[name].column, value)
            Act(session, Actor.system()).touch(first)
            self.id, self.number, self.other_id = first.id, first.number, second.id

    def values(self, mark):
        return {name: self.value(self.spec.fields[name], mark) for name in sorted(self.spec.private)}

    def entered(self, session, mark):
        return {name: valid.a_file(session, f"{value}.txt").id if self.spec.fields[name].kind is Kind.FILE else value
                for name, value in self.values(mark).items()}

    @staticmethod
    def value(field, mark):
        """Of a file its name, which may tell as much as what is in it."""
        known = (Kind.TEXT, Kind.LONGTEXT, Kind.PHONE, Kind.EMAIL, Kind.FILE, Kind.MONEY)
        assert field.kind in known, f"say how {field.kind} is recognised"
        return {Kind.PHONE: f"139{mark}765{mark}99", Kind.EMAIL: f"geheim{mark}@demo.example",
                Kind.MONEY: f"{mark}765{mark}.00"}.get(
            field.kind, f"隐{field.name}机密{mark}")

    def found_in(self, text):
        """The private values, old or new, of which more than a hint can be read."""
        marks = ("31", "57", "86")
        traces = [f"{mark}765{mark}" for mark in marks] + [f"{mark[0]},{mark[1]}76,5{mark}" for mark in marks]
        traces += [f"geheim{mark}" for mark in ("31", "57", "86")]
        traces += [f"{name}机密" for name in self.spec.private]
        return [trace for trace in traces if trace in text]


@each_private_type
def test_who_writes_the_type_sees_and_finds_private_values(app, spec):
    secrets = Secrets(app, spec)
    role = valid.roles_with(spec, "CE")[0]
    person = Person(app, valid.username(role))
    page = person.get(f"/admin/{spec.name}/details/?id={secrets.id}").text
    for name, value in secrets.values("86").items():
        assert value in reading.text_of(page), name
        found = reading.ids_of(person.get(f"/admin/{spec.name}/?q={value}").text)
        assert (secrets.id in found) == (spec.fields[name].kind in TEXTS), name
    assert secrets.values("31").popitem()[1] in reading.text_of(page), "the timeline says what it was before"


@each_reader
def test_who_only_reads_sees_no_private_value_on_any_page(app, spec, role):
    secrets = Secrets(app, spec)
    person = Person(app, valid.username(role))
    for address in ("", f"details/?id={secrets.id}", f"?number={secrets.number}", "?lang=en", "export/csv/",
                    "export/csv/?header=names", f"details/?id={secrets.id}&lang=en"):
        answer = person.get(f"/admin/{spec.name}/{address}")
        assert answer.status_code == 200 or (address.startswith("export") and "X" not in spec.access.get(role, ""))
        assert not secrets.found_in(answer.text), address
    page = reading.text_of(person.get(f"/admin/{spec.name}/details/?id={secrets.id}&lang=zh").text)
    assert page.count("＊＊＊") + page.count("****") >= len(spec.private), "each is there, masked, and so is the timeline"


@each_reader
def test_no_question_of_a_mere_reader_depends_on_a_private_value(app, spec, role):
    secrets = Secrets(app, spec)
    person = Person(app, valid.username(role))

    def answer(query):
        page = person.get(f"/admin/{spec.name}/?{query}")
        return page.status_code, reading.ids_of(page.text)

    for name, value in secrets.values("86").items():
        wrong = "13900000000"
        assert answer(f"q={value}") == (200, []), name
        for operator in ("", "__from", "__to"):
            status, rows = answer(f"{name}{operator}={value}")
            assert (status, rows) == answer(f"{name}{operator}={wrong}"), f"{name}{operator} tells right from wrong"
            assert status == 400
        assert answer(f"sort={name}") == answer(f"sort=-{name}") == answer("sort="), f"sorted by {name}"
        for other, field in registry.pointing_at(spec.name):
            if valid.sees(other, role):
                offered = person.get(f"/admin/{other.name}/choices/?field={field}&q={value}")
                assert offered.status_code == 200 and offered.json == [], (other.name, field)


@pytest.mark.once
@each_reader
def test_private_values_are_uncovered_with_a_reason_which_is_kept_and_only_to_who_sees_all(app, spec, role):
    secrets = Secrets(app, spec)
    person = Person(app, valid.username(role))
    may = "V" in spec.letters(role) and role != ADMINISTRATOR
    address = f"/admin/{spec.name}/{secrets.id}/uncover"
    nothing = person.post(address, {"reason": "  "})
    assert nothing.status_code == (422 if may else 403) and not secrets.found_in(nothing.text)
    answer = person.post(address, {"reason": "顾客要求回电"})
    assert answer.status_code == (200 if may else 403)
    assert bool(secrets.found_in(answer.text)) == may
    assert not secrets.found_in(person.get(f"/admin/{spec.name}/details/?id={secrets.id}").text), "shown once"
    with desk(app) as session:
        kept = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "uncover")).all()
        me = valid.id_of(session, valid.username(role))
        assert [(e.type, e.number, e.comment, e.actor_id) for e in kept] == (
            [(spec.name, secrets.number, "顾客要求回电", me)] if may else [])


def test_personal_data_is_private_wherever_it_is_kept():
    """A phone, mail address or bank account of a person is declared private, unless it is the outlet's own; so is the
    name of somebody outside. Who was trained, certified or evaluated is known by name, which is what those records are for."""
    outlets_own = {("dealer_ledger", "phone"), ("dealer_ledger", "hotline"), ("dealer_ledger", "contact_person")}
    evidence = {("training_record.attendees", "person_name"), ("evaluation_meeting.attendees", "person_name"),
                ("staff_qualification", "person_name"), ("competence_assessment", "person_name")}
    tables = [(spec.name, spec.fields) for spec in Record.types.values()]
    tables += [(f"{spec.name}.{name}", child.fields) for spec in Record.types.values() for name, child in spec.lines.items()]
    bare = {(table, name) for table, fields in tables for name, field in fields.items() if not field.private
            and (field.kind in (Kind.PHONE, Kind.EMAIL) or name in ("contact_person", "person_name", "bank_account"))}
    assert bare <= outlets_own | evidence


@valid.those(lambda spec: any(field.private for child in spec.lines.values() for field in child.fields.values()))
def test_private_fields_of_child_tables_are_masked_like_those_of_the_record(app, spec):
    marks = {Kind.PHONE: "13931765319", Kind.TEXT: "隐名机密"}
    with desk(app) as session:
        lines = {name: [{**row, **{n: marks[f.kind] for n, f in child.fields.items() if f.private}}
                        for row in valid.raw(session, spec)[name]]
                 for name, child in spec.lines.items() if any(f.private for f in child.fields.values())}
        record = valid.record(session, spec.name, creator=valid.username(valid.roles_with(spec, "C")[0]), **lines)
        session.commit()
        id_, number = record.id, record.number
        described_ = [list(described.records(session, spec, [record], plain=plain)) for plain in (False, True)]
    assert [any(mark in str(one) for mark in marks.values()) for one in described_] == [False, True]
    for role, sees in ((valid.roles_with(spec, "C")[0], True), (readers(spec)[0], False)):
        person = Person(app, valid.username(role))
        pages = [person.get(f"/admin/{spec.name}/details/?id={id_}").text, person.get(f"/admin/{spec.name}/?q={number}").text]
        book = person.get(f"/admin/{spec.name}/details/xlsx/?id={id_}")
        if book.status_code == 200:
            sheets = CalamineWorkbook.from_filelike(io.BytesIO(book.data))
            pages.append(str([sheets.get_sheet_by_name(one).to_python() for one in sheets.sheet_names]))
        assert any(mark in page for mark in marks.values() for page in pages) == sees, role
        found = [reading.ids_of(person.get(f"/admin/{spec.name}/?q={mark}").text) for mark in marks.values()]
        assert ([id_] in found) == sees, role
        uncovered = person.post(f"/admin/{spec.name}/{id_}/uncover", {"reason": "顾客要求回电"})
        assert (uncovered.status_code == 200) == (not sees and "V" in spec.letters(role)), role


@pytest.mark.once
@each_private_type
def test_to_the_rule_every_reader_is_a_mere_reader_and_every_writer_none(app, spec):
    with desk(app) as session:
        for role in ROLES:
            actor = valid.actor_of(session, role)
            assert access.sees_private(actor, spec) == bool(WRITE & set(spec.access.get(role, ""))), role
