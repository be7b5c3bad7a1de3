"""How many SQL statements a page or an answer of the API takes: pinned per type in statement_counts.json, and the same for 3
rows as for 15.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from models.base import db
from tests import reading, valid
from tests.browser_of_a_person import Person
from tests.valid import desk, each_type

pytestmark = pytest.mark.once

PINNED = Path(__file__).with_name("statement_counts.json")
RENEW = "AFTERCARE_RENEW_STATEMENT_COUNTS"


@contextmanager
def counted(app):
    """The statements that are sent meanwhile, without the beginning and the end of transactions."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            statements.append(statement)
    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def statements_of(app, person, address):
    person.get(address)  # what is made once per process is made
    with counted(app) as statements:
        answer = person.get(address)
    assert answer.status_code == 200, address
    return len(statements), answer


@each_type
def test_a_list_takes_as_many_statements_for_fifteen_rows_as_for_three(app, spec):
    person = Person(app, valid.username(valid.roles_with(spec, "V")[0]))
    with desk(app) as session:
        for _ in range(3):
            valid.record(session, spec.name, also=valid.typable(spec), place=valid.NOWHERE)
    few, page = statements_of(app, person, f"/admin/{spec.name}/")
    assert 3 <= len(reading.ids_of(page.text)) < 12
    with desk(app) as session:
        for _ in range(12):
            valid.record(session, spec.name, also=valid.typable(spec), place=valid.NOWHERE)
    many, page = statements_of(app, person, f"/admin/{spec.name}/")
    assert len(reading.ids_of(page.text)) >= 15
    assert many == few


@each_type
def test_the_pages_take_the_pinned_number_of_statements(app, spec):
    with desk(app) as session:
        role = valid.roles_with(spec, "E")[0]
        state = next((s.name for s in spec.workflow.states if s.name in spec.workflow.maintained), spec.workflow.initial)
        id_ = valid.record(session, spec.name, state, creator=valid.username(role)).id
    person = Person(app, valid.username(role))
    base = f"/admin/{spec.name}/"
    addresses = {"list": base, "details": f"{base}details/?id={id_}", "edit form": f"{base}edit/?id={id_}"}
    if role in valid.writers(spec):
        addresses["new form"] = f"{base}new/"
    addresses |= {"API list": f"/items/{spec.name}", "API item": f"/items/{spec.name}/{id_}"}
    found = {name: statements_of(app, person, address)[0] for name, address in addresses.items()}
    pinned = json.loads(PINNED.read_text(encoding="utf-8")) if PINNED.exists() else {}
    if os.environ.get(RENEW):
        pinned[spec.name] = found
        PINNED.write_text(json.dumps(dict(sorted(pinned.items())), indent=2) + "\n", encoding="utf-8")
    assert found == pinned.get(spec.name), (
        f"if the change is meant, renew tests/{PINNED.name}: {RENEW}=1 bin/test, and look at its diff")


def test_the_pinned_numbers_are_of_types_that_exist():
    assert set(json.loads(PINNED.read_text(encoding="utf-8"))) == set(valid.TYPES)
