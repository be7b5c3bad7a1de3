"""The demo company as a whole: its records as import files, and how they are loaded into an empty database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from demo import (
    appraisals, bulletins, cards, claims, complaints, conduct, enquiries, evaluations, feedback, fieldwork, grading,
    grievances, handover, journeys, masters, outlets, recalls, reviews, settlements, shelves, shipments, story, terms,
)
from demo.actions import Actions
from demo.cases import Cases
from demo.dealer_reports import Reports
from demo.parts import Parts
from demo.people import DEPARTMENTS, people
from demo.skills import Skills
from demo.story import Clock, Rec
from demo.summaries import summaries
from demo.surveys import Surveys
from demo.vehicles import Fleet
from demo.visits import Visits, wait_for_actions
from demo.workshop import Workshop
from jobs import imports
from models.base import Record
from models.people import Membership, Unit, User
from models.spec import names
from rules import audit, passwords
from rules.access import Actor
from rules.act import Act

SEED = 20_090_617
CARDS, ORDERS = 12, 8   # a month
# These count what the others say, so the others come first.
COUNTING = ("conduct_violation", "dealer_grade_sheet", "dealer_monthly_work_report", "reward_penalty_notice",
            "warranty_settlement", "return_exchange_claim", "field_service_record", "satisfaction_score", "satisfaction_report",
            "parts_stock",
            "satisfaction_survey_plan", "customer")
# What the other departments wrote, each knowing what was written before. Each has dice of its own.
PAPERS = (terms, shelves, handover, fieldwork, journeys, shipments, settlements, enquiries, grievances, claims, bulletins,
          reviews, recalls, evaluations)
NUMBERED = ("dealer_ledger", "customer", "product_batch", "vehicle", "parts_stock")
ENTERED_TWICE = ("staff_qualification", "complaint_tracking_card", "customer_feedback_register", "conduct_violation",
                 "warranty_appraisal", "satisfaction_questionnaire")


def write(folder: str | Path, today: date) -> None:
    """TYPE.json for `import --history`; the same bytes for the same day."""
    for name, rows in records(today).items():
        story.write(Path(folder) / f"{name}.json", rows)


def records(today: date) -> Mapping[str, list[Rec]]:
    """All records by type, numbered."""
    clock = Clock(today, SEED)
    dealers = masters.dealers(clock)
    customers = masters.customers(clock, dealers)
    batches = masters.batches(clock, customers)
    actions = Actions(clock)
    sheets, calls = Cases(clock, customers, batches, actions).make(_states("quality_info_transfer"))
    plans, reports = Visits(clock, customers, actions).make(_states("visit_plan"), _states("visit_report"))
    for days in (20, 130, 260):
        actions.withdrawn(clock.later(clock.end - timedelta(days=days), 0, 1))
    good = [batch for batch in batches if batch["state"] != "void"]
    routed = [cards.card(clock, moment, good, actions) for moment in cards.of_months(clock, CARDS)]
    orders = [cards.order(clock, moment, dealers) for moment in cards.of_months(clock, ORDERS)]
    taken = actions.told(_states("corrective_action"))
    wait_for_actions(reports)
    found = {
        "quality_info_transfer": sheets, "callback_record": calls, "visit_plan": plans, "visit_report": reports,
        "quality_disposition_feedback": feedback.slips(clock, sheets, calls),
        "corrective_action": taken,
        "info_flow_card": story.tell(routed, clock, _states("info_flow_card")),
        "parts_urgent_order": story.tell(orders, clock, _states("parts_urgent_order")),
        "quality_info_summary": summaries(clock, sheets, calls)}
    fleet = Fleet(clock, dealers, customers, batches).make()
    work = _dealers_work(clock, dealers, customers, fleet, sheets)
    cards.name_jobs(found["parts_urgent_order"], work["customer_repair_file"])
    found["callback_record"] = sorted([*calls, *work.pop("callback_record")], key=lambda row: row["created_at"])
    found |= work | {"dealer_ledger": dealers, "customer": customers, "product_batch": batches, "vehicle": fleet}
    for n, papers in enumerate(PAPERS, 1):
        papers.add(Clock(today, SEED + n), found)
    return {name: rows if name in NUMBERED else story.number(Record.types[name], rows)
            for name, rows in sorted(found.items(), key=lambda pair: pair[0] not in NUMBERED)}


def _dealers_work(clock: Clock, dealers: list[Rec], customers: list[Rec], fleet: list[Rec],
                  sheets: list[Rec]) -> dict[str, list[Rec]]:
    """The months of the dealers, from the first complaint to the grade."""
    months = outlets.months(clock, dealers)
    skills = Skills(clock, dealers, customers)
    found = {"quality_info_transfer": sheets, "training_record": skills.trainings(_states("training_record")),
             "staff_qualification": skills.qualifications(),
             "complaint_tracking_card": complaints.cards(clock, months, fleet, _states("complaint_tracking_card")),
             "conduct_violation": conduct.violations(clock, months, customers, _states("conduct_violation"))}
    found["customer_feedback_register"] = complaints.register(found["complaint_tracking_card"])
    shop = Workshop(clock, fleet, found["complaint_tracking_card"])
    found["work_order"], found["customer_repair_file"] = shop.make(months, _states("work_order"), _states("customer_repair_file"))
    found["callback_record"] = shop.called()
    found["warranty_appraisal"] = appraisals.appraisals(
        clock, found["customer_repair_file"], skills.badges, _states("warranty_appraisal"))
    reports = Reports(clock, found["customer_repair_file"], found["warranty_appraisal"], found["complaint_tracking_card"])
    found["monthly_quality_report"], found["dealer_monthly_work_report"] = reports.make(months, _states("monthly_quality_report"))
    found["satisfaction_survey_plan"], found["satisfaction_questionnaire"] = Surveys(clock, customers).make(
        months, _states("satisfaction_survey_plan"), _states("satisfaction_questionnaire"))
    found["parts_demand_plan"], found["parts_purchase_list"], found["parts_stock"] = Parts(clock, dealers).make(
        months, _states("parts_demand_plan"), _states("parts_purchase_list"))
    found["dealer_grade_sheet"] = grading.Grading(clock, found).make(months, _states("dealer_grade_sheet"))
    found["reward_penalty_notice"] = grading.notices(
        clock, found["dealer_grade_sheet"], found["conduct_violation"], _states("reward_penalty_notice"))
    del found["quality_info_transfer"]
    for name in ENTERED_TWICE:
        found[name].append(story.doubled(found[name], len(found[name]) // 3))
    return found


def _states(name: str) -> list[str]:
    return list(names(Record.types[name].workflow.states))


# Loading ----------------------------------------------------------------------------------------------------------

def load(session: Any, today: date, password: str) -> None:
    """Departments, people and records into an empty database. Flushes; the caller commits."""
    act = Act(session, Actor.system("console"))
    act.session.add_all(Unit(code=d.code, name=d.name, province=d.province) for d in DEPARTMENTS)
    users = _users(act, password)
    with TemporaryDirectory() as folder:
        write(folder, today)
        _bring_in(act, Path(folder))
    _place_dealers_people(act, users)
    act.session.flush()


def _bring_in(act: Act, folder: Path) -> None:
    outcome = imports.import_folder(act, folder, history=True, counting=COUNTING)
    if outcome.bad:
        bad = outcome.bad[0]
        raise RuntimeError(f"the demo is wrong in {bad.file}, row {bad.row}, {bad.field}: {bad.text.en}")


def _users(act: Act, password: str) -> dict[str, User]:
    """Everybody has the same password, so it is hashed once."""
    hashed, users = passwords.hashed(password), {}
    for person in people():
        user = users[person.username] = User(
            username=person.username, name=person.name, email=person.email, password_hash=hashed, created_at=act.now)
        if not person.dealer:
            user.memberships = [Membership(role=role, unit=person.unit or None) for role in person.roles]
    act.session.add_all(users.values())
    act.session.flush()
    for person in people():
        audit.note(act.session, act, "create", "user", person.username, {"roles": [None, list(person.roles)]})
    return users


def _place_dealers_people(act: Act, users: Mapping[str, User]) -> None:
    """Only now do the dealers exist that they belong to."""
    dealer = Record.types["dealer_ledger"].model
    rows = act.session.execute(sa.select(dealer.dealer_code, dealer.id))
    ids = {row.dealer_code: row.id for row in rows}
    for person in people():
        if person.dealer:
            users[person.username].memberships = [
                Membership(role=role, dealer_id=ids[person.dealer]) for role in person.roles]
