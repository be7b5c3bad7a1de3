"""The small company in which the tests take place: departments, dealers, people of every role, a few master files."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from models.base import Record
from models.people import Membership, Unit, User
from models.spec import ROLES
from rules import numbering, passwords
from rules.access import Actor
from rules.act import Act
from tests.browser_of_a_person import PASSWORD

UNITS = (("QA", "质量部", "重庆市"), ("U1", "一分公司", "重庆市"), ("U2", "二分公司", "四川省"), ("CS", "客户服务部", "重庆市"))
DEALERS = ("F001", "F002", "F003")


def build(session):
    for code, name, province in UNITS:
        session.add(Unit(code=code, name=name, province=province))
    session.flush()
    act = Act(session, Actor.system("import"), is_history=True)
    people = _people(session, act)
    session.flush()
    dealers = {code: _dealer(act, code) for code in DEALERS}
    session.flush()
    for code in ("f001", "f002"):
        for role in ("dealer", "appraiser"):
            user = _person(act, f"{role}_{code}", _hash(people))
            user.memberships.append(Membership(role=role, dealer_id=dealers[code.upper()].id))
            session.add(user)
    for code, dealer in (("A", "F001"), ("B", "F002")):
        _customer(act, code, dealers[dealer].id)
    for number in ("B2607", "B2608", "B2609"):
        _batch(act, number)
    session.flush()
    for name in ("dealer_ledger", "customer", "product_batch"):
        spec = Record.types[name]
        numbering.move_past(session, spec, list(session.scalars(sa.select(spec.model.number))))
    session.flush()


def _hash(people):
    return people[0].password_hash


def _person(act, username, password_hash):
    return User(username=username, name=f"{username} 先生", password_hash=password_hash, created_at=act.now)


def _people(session, act):
    """One person per role that is not a dealer's, a second one for the roles where two people are needed, and `both`,
    who holds two roles."""
    password_hash = passwords.hashed(PASSWORD)
    units = {"unit": "U1", "unit_lead": "U1", "unit2": "U2", "unit_lead2": "U2", "quality_engineer": "QA", "customer_service": "CS"}
    seconds = ("quality_engineer2", "quality_manager2", "sales2", "unit2", "unit_lead2", "technician2", "customer_service2")
    people = []
    for username in (*(role for role in ROLES if role not in ("dealer", "appraiser")), *seconds):
        user = _person(act, username, password_hash)
        user.memberships.append(Membership(role=username.rstrip("2"), unit=units.get(username)))
        people.append(user)
    both = _person(act, "both", password_hash)
    both.memberships += [Membership(role="quality_engineer"), Membership(role="quality_manager")]
    people.append(both)
    session.add_all(people)
    return people


def _add(act, type_name, number, **values):
    record = Record.types[type_name].model(
        number=number, created_at=act.now, updated_at=act.now, **values)
    act.session.add(record)
    record.derive(act)
    return record


def _dealer(act, code):
    return _add(act, "dealer_ledger", f"SPL-{code[1:]:0>4}", state="active", name=f"{code} 服务站", dealer_code=code,
                outlet_type="repair_station", contact_person="站长", phone="023-60000000", address="路 1 号",
                province="重庆市", established_on=date(2020, 1, 1), has_parts_store=True, contract_signed_on=date(2020, 2, 1))


def _customer(act, code, dealer_id):
    return _add(act, "customer", f"CUS-0000{'AB'.index(code) + 1}", state="active", name=f"客户{code}",
                customer_type="direct_user", contact_person="王某某", phone="13800001234", address="某街 5 号",
                province="重庆市", product_info="M1", dealer_id=dealer_id, is_key_customer=True, contact_interval_days=30)


def _batch(act, number):
    return _add(act, "product_batch", f"PRD-{number[1:]:0>6}", state="active", product_name="M1", model="M1",
                batch_no=number, produced_on=date(2026, 6, 1), production_unit="U1")
