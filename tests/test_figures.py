"""Computed fields are shown while somebody types, as saving would compute them; asking keeps nothing."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from tests import valid
from tests.browser_of_a_person import Person, fields_of
from tests.valid import TYPES, desk


def asked(person, spec, entered, id_=None):
    return person.post(f"/admin/{spec.name}/figures/" + (f"?id={id_}" if id_ else ""), entered)


def test_totals_follow_what_is_typed_row_by_row(app):
    spec = TYPES["customer_repair_file"]
    with desk(app) as session:
        entered = valid.posted(valid.raw(session, spec, role="dealer"))
    entered |= {"towing_fee": "100", "repairs-0-item_name": "更换水泵", "repairs-0-labour_fee": "80.5",
                "parts-1-part_name": "",   # an empty row in between
                "parts-2-part_name": "水泵", "parts-2-quantity": "2", "parts-2-unit_price": "33.35"}
    answer = asked(Person(app, "dealer_f001"), spec, entered)
    assert answer.status_code == 200
    shown = answer.json
    assert (shown["parts-2-amount"], shown["parts_fee"], shown["labour_fee"], shown["amount"]) == (
        "66.70 元", "66.70 元", "80.50 元", "247.20 元")


def test_what_cannot_be_read_yet_counts_as_not_filled_in(app):
    spec = TYPES["customer_repair_file"]
    answer = asked(Person(app, "dealer_f001"), spec, {"towing_fee": "12..", "received_at": "2026-13-01"})
    assert answer.status_code == 200 and answer.json["amount"] == "0.00 元"


def test_asking_keeps_nothing_and_takes_no_number(app):
    spec = TYPES["customer_repair_file"]
    with desk(app) as session:
        row = valid.record(session, spec.name)
        id_, before = row.id, session.scalar(sa.select(sa.func.count()).select_from(spec.model))
    person, kept = Person(app, "dealer_f001"), valid.snapshot(app, spec.name, id_)
    form = fields_of(person.get(f"/admin/{spec.name}/edit/?id={id_}").text)
    assert asked(person, spec, {**form, "towing_fee": "7"}, id_).json["amount"] == "7.00 元"
    assert asked(person, spec, form).status_code == 200
    assert valid.snapshot(app, spec.name, id_) == kept
    with desk(app) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(spec.model)) == before


@pytest.mark.parametrize("place", [valid.HERE, valid.THERE])
def test_only_who_may_write_the_form_is_answered(app, place):
    spec = TYPES["customer_repair_file"]
    with desk(app) as session:
        id_ = valid.record(session, spec.name, place=valid.THERE).id
    assert asked(Person(app, "finance"), spec, {}).status_code == 403
    expected = 404 if place == valid.HERE else 200
    assert asked(Person(app, valid.username("dealer", place)), spec, {}, id_).status_code == expected


@pytest.mark.once
@valid.those(valid.writers)
def test_every_form_can_be_asked_empty_and_filled_in(app, spec):
    role = valid.writers(spec)[0]
    with desk(app) as session:
        entered = valid.posted(valid.raw(session, spec, role=role, also=valid.typable(spec)))
    person = Person(app, valid.username(role))
    derived = {f.name for f in spec.fields.values() if f.derived and not f.machine}
    for form in ({}, entered):
        answer = asked(person, spec, form)
        assert answer.status_code == 200 and derived <= set(answer.json)
