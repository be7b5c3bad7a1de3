"""Rounds of signatures for tests: a visit plan with other steps than declared, and stand-ins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import sqlalchemy as sa

from models.base import Record
from models.people import Delegation, User
from models.spec import Step
from rules import office

PLAN = "visit_plan"
THREE = (Step("quality_manager"), Step("deputy_gm"), Step("general_manager", "approval_from_deputy_gm", "budget"))


def declare(app, monkeypatch, *steps):
    """Until the test ends the visit plan is signed by these."""
    model = Record.types[PLAN].model
    flow = replace(model.spec.workflow, approval=steps or THREE)
    signers = {step.role: "AV" for step in flow.approval}
    declared = replace(model.spec, workflow=flow, access={**model.spec.access, **signers})
    monkeypatch.setattr(model, "spec", declared)
    monkeypatch.setitem(Record.types, PLAN, declared)
    for view in app.extensions["admin"][0]._views:
        if getattr(view, "spec", None) is not None and view.spec.name == PLAN:
            monkeypatch.setattr(view, "spec", declared)


def drafted(book, by="sales", **changes):
    return book.person(by).create(PLAN, book.visit_plan(**changes))


def submitted(book, by="sales", **changes):
    plan = drafted(book, by, **changes)
    answer = book.person(by).move(PLAN, plan, "submit")
    assert answer.status_code == 302
    return plan


def delegate(session, giver, taker, *, types=(), first=0, last=0):
    """`first` and `last` in days from today."""
    people = {name: session.scalar(sa.select(User).where(User.username == name)) for name in (giver, taker)}
    today = office.today()
    made = Delegation(
        from_id=people[giver].id, to_id=people[taker].id, types=list(types), starts_on=today + timedelta(days=first),
        ends_on=today + timedelta(days=last), reason="出差", created_at=office.now())
    session.add(made)
    session.flush()
    session.info.pop("delegations", None)
    return made
