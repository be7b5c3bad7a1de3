"""A valid record of any type, made from its declaration alone, and the people who stand around it.

`raw` is what somebody would type, `posted` the same as a browser sends it, and `record` puts a record that was never
typed here into any state, as the import of old records does.
"""

from __future__ import annotations

import io
import itertools
from contextlib import contextmanager
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm.attributes import set_committed_value

from models.base import Record, db
from models.files import Attachment
from models.people import User
from models.spec import APPROVER, DRAFTER, OWNER, ROLES, SIGNER, SUBMITTER, SYSTEM, VOID, Kind, months_after
from rules import access, approvals, attachments, checks, numbering, office, records, registry
from rules.act import Act

TYPES = registry.load()
each_type = pytest.mark.parametrize("spec", TYPES.values(), ids=TYPES)


def those(wanted):
    """The types of which this holds, for promises that concern only some."""
    chosen = [spec for spec in TYPES.values() if wanted(spec)]
    return pytest.mark.parametrize("spec", chosen, ids=[spec.name for spec in chosen])


A_DAY, A_MOMENT = "2025-06-02", "2025-06-02T09:30"
A_QUARTER = "2025-Q2"
# Fields that no declaration requires but the type's own check does.
DEMANDED = {
    "callback_record": ("quality_info_transfer",), "compensation_request": ("quality_info_transfer",),
    "competitor_improvement_info": ("competitor",), "customer_feedback_register": ("complaint_tracking_card",),
    "dealer_grade_sheet": ("period",), "major_incident_report": ("quality_info_transfer",),
    "phone_dispatch_record": ("warranty_expires_on",), "promotion_activity": ("place",),
    "service_charge_notice": ("work_order",),
    "return_exchange_claim": ("vehicle",), "unresolved_issue_report": ("quality_info_transfer",),
}
# A text that everybody with E may write, where the first one of the form is not for all of them.
WRITTEN_BY_ALL = {"carry_checklist": "remark", "complaint_case": "cause", "spare_part_request": "remark"}
# Required fields that the server fills in where they are left empty.
FILLED_IN = {
    "monthly_quality_report": ("items-0-line_no",), "parts_demand_plan": ("parts-0-line_no",),
    "parts_outbound_slip": ("parts-0-line_no",), "parts_receipt": ("parts-0-line_no",),
    "parts_shipping_detail": ("parts-0-line_no",),
    "satisfaction_survey_plan": ("items-0-weight",), "subsidiary_service_assessment": ("items-0-line_no",),
}
# The two places between which row scope is tested, and who is at home there.
HERE, THERE = "here", "there"
NOWHERE = "nowhere"
PLACES = {HERE: ("F001", "U1", "technician"), THERE: ("F002", "U2", "technician2")}
DEALERS_PEOPLE = {"dealer": "dealer_f00{}", "appraiser": "appraiser_f00{}"}

_count = itertools.count(1)
_months = itertools.count()


# People -----------------------------------------------------------------------------------------------------------

def username(role, place=HERE):
    """Who holds the role: at F001, in U1 and the first of their kind, or at the other place."""
    if role in DEALERS_PEOPLE:
        return DEALERS_PEOPLE[role].format(1 if place == HERE else 2)
    return role if place == HERE else f"{role}2"


def id_of(session, name):
    return session.scalar(sa.select(User.id).where(User.username == name))


def actor_of(session, role, place=HERE):
    user = session.scalar(sa.select(User).where(User.username == username(role, place)))
    return access.Actor.of(user, "screen")


def roles_with(spec, letters):
    """The roles whose access has one of these letters, in the order of the declaration."""
    return [role for role, given in spec.access.items() if set(given) & set(letters)]


def writers(spec):
    return [] if spec.compiled else roles_with(spec, "C")


@contextmanager
def desk(app):
    """A session of its own, committed at the end: what a test prepares before, or reads between, requests."""
    with app.app_context():
        try:
            yield db.session
            db.session.commit()
        finally:
            db.session.remove()


# What is typed ----------------------------------------------------------------------------------------------------

def typable(spec):
    closed = checks.read_only(spec)
    return [name for name in spec.fields if name not in closed]


def required(spec):
    """The fields without which the form is refused."""
    return [name for name in typable(spec) if spec.fields[name].required]


def raw(session, spec, also=(), role=None, **given):
    """Raw values of every required field, of `also`, and one row per child table that has required fields (where
    `role` can fill it in: nobody can point at what they may not see)."""
    names = [*required(spec), *DEMANDED.get(spec.name, ()), *(name for name in also if name in spec.fields)]
    entered = {name: value_in(session, spec, name) for name in dict.fromkeys(names) if name not in given}
    for name in raw_lines(spec):
        fields = spec.lines[name].fields.items()
        if name not in given and all(role is None or not f.to or sees(TYPES[f.to], role) for _, f in fields if f.required):
            entered[name] = [{n: value_for(session, f) for n, f in fields if f.typed and f.required}]
    return {**entered, **FITTING.get(spec.name, _as_it_is)(session, {**entered, **given}, role), **given}


# What a type's own check wants to agree with each other -----------------------------------------------------------

def _as_it_is(session, entered, role):
    return {}


def _faults_of_a_month(session, entered, role):
    """A month that is over, and faults that lie in it."""
    month = entered["period"]
    if month > "2025":
        month = f"{months_after(date(1910, 1, 1), next(_months) % 1300):%Y-%m}"
    return {"period": month, "is_nil_report": "false",
            "items": [{**item, "occurred_on": f"{month}-02"} for item in entered["items"]]}


def _another_vehicle(session, entered, role):
    """That of the record which is named, else one of its own."""
    kinds = ("customer_repair_file", "recall_vehicle", "warranty_appraisal")
    named = next((session.get(Record.types[kind].model, int(entered[kind])) for kind in kinds if entered.get(kind)), None)
    if entered.get("recall_vehicle"):
        return {"vehicle": named.vin, "claim_type": "recall"}
    return {"vehicle": str(named.vehicle_id if named else record(session, "vehicle").id)}


def _sold_by_others(session, entered, role):
    return {"vehicle": str(record(session, "vehicle", place=THERE).id)}


def _returned_by_a_claim(session, entered, role):
    vehicle = str(record(session, "vehicle").id)
    return {"vehicle": vehicle, "return_exchange_claim": str(record(session, "return_exchange_claim", vehicle=vehicle).id)}


def _one_first_owner(session, entered, role):
    return {"owners": [{**row, "is_first_owner": "true"} for row in entered.get("owners", ())]}


def _somebody_else_goes_along(session, entered, role):
    return {"crew": [{**row, "technician": str(id_of(session, "technician2"))} for row in entered["crew"]]}


def _dealers_own_handler(session, entered, role):
    return {"handler": str(id_of(session, username("dealer")))}


def _own_store(session, entered, role):
    """Nothing has moved in a store that was not opened by a person."""
    store = "dealer" if role == "dealer" or entered.get("dealer") else "company"
    return {"store_type": store, "movements": entered["movements"] if role else []}


def _all_carried(session, entered, role):
    """Everything is ticked, and the certificate is the person's own and valid."""
    own = record(session, "staff_qualification", "valid", person=entered["technician"], valid_from_on="2020-01-01",
                 valid_until_on="2199-01-01")
    ticked = [name for name in TYPES["carry_checklist"].fields if name.startswith("has_")]
    return {**dict.fromkeys(ticked, "true"), "staff_qualification": str(own.id)}


def _all_delivered(session, entered, role):
    return {"items": [{**row, "delivered_on": A_DAY} for row in entered["items"]]}


def _sales_and_quality_too(session, entered, role):
    people = [id_of(session, name) for name in ("technician", "sales", "quality_engineer")]
    return {"participants": [{"unit": "U1", "person": str(person)} for person in people]}


def _promised_for_later(session, entered, role):
    return {"promises": [{**row, "promised_at": "2099-01-01T09:00"} for row in entered["promises"]]}


def _of_an_accepted_plan(session, entered, role):
    """Parts that the dealer of the notice ordered."""
    own = {"dealer": entered["dealer"]} if "dealer" in entered else {}   # of the place, where that is the point
    notice = record(session, "parts_shipping_notice", **own)
    plan = record(session, "parts_demand_plan", "accepted", dealer=str(notice.dealer_id), parts=[
        {"part_no": "P-1", "part_name": "水泵", "unit_of_measure": "件", "quantity": "9", "accepted_quantity": "9"}])
    return {"parts_shipping_notice": str(notice.id), "parts": [
        {**row, "part_no": "P-1", "quantity": "3", "source_type": "parts_demand_plan", "parts_demand_plan": str(plan.id)}
        for row in entered["parts"]]}


def _of_an_approved_notice(session, entered, role):
    """The parts of its detail, from the company's stock."""
    notice = record(session, "parts_shipping_notice", "approved")
    detail = record(session, "parts_shipping_detail", "approved", parts_shipping_notice=str(notice.id))
    part = detail.parts[0]
    stock = record(session, "parts_stock", part_no=f"P-{next(_count)}", store_type="company")
    part.part_no = stock.part_no
    session.info["act"].touch(detail)
    return {"parts_shipping_notice": str(notice.id), "parts": [
        {**row, "parts_stock": str(stock.id), "part_no": stock.part_no, "notice_quantity": str(part.quantity),
         "quantity": str(part.quantity)} for row in entered["parts"]]}


def _of_a_shipped_notice(session, entered, role):
    notice = session.get(Record.types["parts_shipping_notice"].model, int(entered["parts_shipping_notice"]))
    if notice.state == "draft" and str(notice.dealer_id) == entered["dealer"]:
        notice.state = "shipped"
        records.keep(Act(session, access.Actor.system("import"), is_history=True), notice, {})
    elif "shipped" not in notice.state:
        notice = record(session, "parts_shipping_notice", "shipped", dealer=entered["dealer"])
    rows = [{**row, "damaged_quantity": "0", "unit_of_measure": "件"} for row in entered["parts"]]
    return {"parts_shipping_notice": str(notice.id), "received_at": "2199-01-01T08:00", "parts": rows}


def _of_own_order(session, entered, role):
    """The work order of who tells the charge, unless it is for a repair file."""
    if entered.get("customer_repair_file"):
        return {"work_order": ""}
    if not entered.get("technician"):
        return {}
    own = {name: entered[name] for name in ("technician", "dealer") if entered.get(name)}
    return {"work_order": str(record(session, "work_order", **own).id)}


def _at_an_agreed_plan(session, entered, role):
    plan = record(session, "evaluation_plan", "agreed", starts_on=A_DAY, ends_on=A_DAY)
    sides = [{"person_name": side, "side": side, "signed_by": side} for side in ("team", "organisation")]
    return {"evaluation_plan": str(plan.id), "started_at": f"{A_DAY}T08:00", "attendees": sides}


def _within_the_days(session, entered, role):
    return {"starts_on": A_DAY, "ends_on": A_DAY, "schedule": [
        {**row, "starts_at": f"{A_DAY}T09:00", "ends_at": f"{A_DAY}T10:00"} for row in entered["schedule"]]}


def _of_this_year(session, entered, role):
    return {"year": "2026", "inputs": [{**row, "kind": "other"} for row in entered["inputs"]]}


def _of_a_scored_round(session, entered, role):
    plan = record(session, "satisfaction_survey_plan", "closed")
    record(session, "satisfaction_questionnaire", "scored", satisfaction_survey_plan=str(plan.id), answers=[
        {"item": "quality", "question": "质量", "weight": "1", "points": "80", "max_points": "100"}])
    return {"subject": "round", "satisfaction_survey_plan": str(plan.id), "survey_weight": "1",
            "product_quality_weight": "0", "service_record_weight": "0"}


def _of_a_closed_survey(session, entered, role):
    plan = record(session, "satisfaction_survey_plan", "closed")
    scored = {"satisfaction_score": str(record(session, "satisfaction_score", satisfaction_survey_plan=str(plan.id)).id)}
    return {"satisfaction_survey_plan": str(plan.id), **(scored if "satisfaction_score" in entered else {})}


def _step_of_an_action(session, entered, role):
    subject = record(session, "corrective_action")
    return {"subject_type": "corrective_action", "subject_number": subject.number, "deadline_id": "SLA-25"}


FITTING = {
    "carry_checklist": _all_carried, "compensation_agreement": _all_delivered,
    "delivery_document_checklist": lambda *_: {"mileage": "8"}, "service_charge_notice": _of_own_order,
    "complaint_case": _promised_for_later, "complaint_joint_review": _sales_and_quality_too,
    "overdue_notice": _step_of_an_action,
    "complaint_tracking_card": _dealers_own_handler, "monthly_quality_report": _faults_of_a_month,
    "parts_outbound_slip": _of_an_approved_notice, "parts_receipt": _of_a_shipped_notice,
    "parts_shipping_detail": _of_an_accepted_plan, "parts_stock": _own_store, "vehicle": _one_first_owner,
    "first_service_registration": _another_vehicle, "returned_vehicle_register": _returned_by_a_claim,
    "recall_vehicle": _sold_by_others, "technical_assistance_request": _another_vehicle,
    "warranty_appraisal": _another_vehicle,
    "work_order": _somebody_else_goes_along,
    "satisfaction_survey_plan": lambda *_: {"scope_kind": "all"},
    "training_record": lambda *_: {"audience": "service_staff"},
    "training_plan": lambda *_: {"audience": ["service_staff"]}, "management_review_input": _of_this_year,
    "quarterly_service_analysis": lambda *_: {"is_problem_free": "false"}, "evaluation_meeting": _at_an_agreed_plan,
    "evaluation_plan": _within_the_days, "satisfaction_score": _of_a_scored_round,
    "satisfaction_report": _of_a_closed_survey,
}


def raw_lines(spec):
    """The child tables in which a row has to say something."""
    return [name for name, child in spec.lines.items() if any(f.typed and f.required for f in child.fields.values())]


def posted(entered):
    """Raw values as the fields of a form."""
    form = {}
    for name, value in entered.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for index, row in enumerate(value):
                form |= {f"{name}-{index}-{key}": part for key, part in row.items()}
        else:
            form[name] = value
    return form


def value_in(session, spec, name):
    """A value for a field of the type; where no two records may point at the same one, a record made for it."""
    field = spec.fields[name]
    if field.kind is Kind.LINK and (field.unique or name in [group[-1] for group in spec.unique]):
        return str(_made(session, Record.types[field.to]).id)
    return value_for(session, field)


def value_for(session, field):
    """A value that the field takes, another one each time where its kind allows."""
    n = next(_count)
    if field.kind is Kind.LINK:
        return str(_target(session, field.to))
    if field.kind is Kind.USER:
        return str(id_of(session, "technician"))
    if field.kind is Kind.FILE:
        return str(a_file(session, f"{field.label.zh}{n}.txt").id)
    if field.kind is Kind.PERIOD:
        return f"{months_after(date(1950, 1, 1), n % 2900):%Y-%m}"
    if field.name == "vin":
        return f"LTEST{n:012}"
    if field.kind in (Kind.TEXT, Kind.LONGTEXT, Kind.SIGNATURE):
        return f"{field.label.zh}{n}"[-(field.length or 200):]
    if field.kind is Kind.MULTICHOICE:
        return [field.choices[0].value]
    if field.choices:
        return field.choices[0].value
    return {
        Kind.UNIT: "U1", Kind.MONEY: "12.50", Kind.INTEGER: str(n % 900 + 100), Kind.DECIMAL: "3", Kind.PERCENT: "0.5",
        Kind.QUARTER: A_QUARTER, Kind.DATE: A_DAY, Kind.DATETIME: A_MOMENT, Kind.BOOL: "true", Kind.PHONE: f"138{n:08}",
        Kind.EMAIL: f"person{n}@demo.example",
    }[field.kind]


def a_file(session, name, uploader=None, **given):
    """A file that came with a form which nobody has saved yet; its bytes are its name."""
    upload = attachments.take_in(io.BytesIO(name.encode()), name, 1)
    by = id_of(session, uploader) if uploader else None
    row = Attachment(**{"type": "", "uploaded_by_id": by, "uploaded_at": office.now(), **upload._asdict(), **given})
    session.add(row)
    session.flush()
    return row


def _target(session, type_name):
    """The oldest record that may be chosen; one is made if there is none."""
    spec = Record.types[type_name]
    allowed = spec.model.state.in_(spec.chosen_in) if spec.chosen_in else spec.model.state != VOID
    found = session.scalar(sa.select(spec.model.id).where(allowed).order_by(spec.model.id).limit(1))
    return found or _made(session, spec).id


def _made(session, spec):
    return record(session, spec.name, spec.chosen_in[0] if spec.chosen_in else None)


# Any state --------------------------------------------------------------------------------------------------------

def way_to(spec, state):
    """The shortest chain of moves from the first state."""
    ways = {spec.workflow.initial: []}
    for reached in (waiting := [spec.workflow.initial]):
        for move in spec.workflow.moves_from(reached):
            if move.to not in ways:
                ways[move.to] = [*ways[reached], move]
                waiting.append(move.to)
    return ways[state]


def implied(spec, state):
    """What the moves on the way have required and stamped."""
    return [name for move in way_to(spec, state) for name in (*move.requires, *move.stamps)]


def record(session, type_name, state=None, *, place=HERE, role=None, creator=None, also=(), **given):
    """A record in this state, from before the system, with all that the state implies; not yet committed. Where only
    one person can be at home in it, that is who holds the role."""
    spec = Record.types[type_name]
    state = state or spec.workflow.initial
    act = Act(session, access.Actor.system("import"), is_history=True)
    row = _own_row(session, spec, place) or records.blank(act, spec)
    wanted = [*(name for name, field in spec.fields.items() if field.required), *implied(spec, state), *also]
    entered = _at_home(session, spec, place, raw(session, spec, wanted, **{**_placed(session, spec, place, role), **given}), given)
    if row.id is not None:
        entered = {name: value for name, value in entered.items() if name in given or not getattr(
            row, spec.fields[name].column if name in spec.fields else name)}
    errors = checks.take(row, entered, act.looks(), free=True)
    assert not errors, errors
    row.state, row.created_by_id = state, id_of(session, creator) if creator else row.created_by_id
    if spec.numbered_at != "create":   # they had one before the system, whichever move gives it here
        row.number = row.number or numbering.next_number(session, spec, act.today)
    records.keep(act, row, {})
    if any(move.opens_round for move in way_to(spec, state)[-1:]):
        approvals.ask(act, row)
    return row


def _own_row(session, spec, place):
    """Where the scope is the row itself, the place has just that one."""
    if "id" not in spec.scope.values() or place not in PLACES:
        return None
    return session.scalar(sa.select(spec.model).where(spec.model.dealer_code == PLACES[place][0]))


def _own(session, place, kind, role=None):
    """The dealer, department or person of a place, as it is typed."""
    code, unit, person = PLACES[place]
    dealer = Record.types["dealer_ledger"].model
    if kind is Kind.LINK:
        return str(session.scalar(sa.select(dealer.id).where(dealer.dealer_code == code)))
    return unit if kind is Kind.UNIT else str(id_of(session, username(role, place) if role else person))


def _placed(session, spec, place, role=None):
    """The scope fields, filled so that the record belongs to the people of the place."""
    if place not in PLACES:
        return {}
    return {path: _own(session, place, spec.fields[path].kind, role if spec.scope.get(role) == path else None)
            for path in spec.scope.values() if path in spec.fields}


def _at_home(session, spec, place, entered, given):
    """The same for scopes that go through the rows of a child table."""
    for path in spec.scope.values() if place in PLACES else ():
        head, _, rest = path.partition(".")
        if rest and head not in given:
            own = _own(session, place, spec.lines[head].fields[rest].kind)
            entered[head] = [{**row, rest: own} for row in entered[head]]
    return entered


def snapshot(app, type_name, id_):
    """All columns of a record as they stand in the database."""
    with desk(app) as session:
        table = Record.types[type_name].model.__table__
        return dict(session.execute(sa.select(table).where(table.c.id == id_)).mappings().one())


def belongs_to(session, row, role):
    """Suppose the record were this person's own, where it can be only one person's."""
    field = row.spec.fields.get(row.spec.scope.get(role))
    if field is not None and field.kind is Kind.USER:
        set_committed_value(row, field.column, id_of(session, username(role)))


def created_by(row, person_id):
    """Suppose this person had written the record."""
    set_committed_value(row, "created_by_id", person_id)


# Who may, read from the words of the declaration ------------------------------------------------------------------

def sees(spec, role, *, own=True, state=None):
    """V sees all rows, v those of its own scope; A, E, K without either as their scope says; the administrator all.
    Some are shown a record only in some of its states."""
    given = spec.access.get(role, "")
    if state and state not in spec.seen_in.get(role, (state,)):
        return False
    if role == "administrator" or "V" in given:
        return True
    return bool(given) and (own or not ("v" in given or role in spec.scope))


def makes(spec, move, state, role, *, own=True, mine=False):
    """May a person of this role make the move on a record in this state?"""
    if state not in move.source or not sees(spec, role, own=own, state=state):
        return False
    own = own or role not in spec.scope
    first = state == spec.workflow.states[0].name
    asked = spec.workflow.approval[0].role if spec.workflow.approval else None
    return any((
        role in move.by and own,
        OWNER in move.by and mine,
        DRAFTER in move.by and mine and first,
        APPROVER in move.by and not first and "A" in spec.access.get(role, "") and own,
        SIGNER in move.by and role == asked and own and not mine,
    ))


def maker(spec, move, state):
    """(role, whether they must have written the record) of somebody who makes the move; None if only a job does."""
    for role in ROLES:
        for mine in (False, True):
            if makes(spec, move, state, role, mine=mine) and (not mine or role in writers(spec)):
                return role, mine
    past_draft = state != spec.workflow.initial   # where nobody has the letter A, only a draft is voided
    unwritten = [OWNER, SUBMITTER] if spec.compiled else []   # only whoever submitted it takes it back
    assert set(move.by) <= {SYSTEM, APPROVER, *unwritten, *([DRAFTER] if past_draft else [])}, f"nobody makes {spec.name}.{move.name}"
    return None
