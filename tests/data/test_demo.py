"""The demo company is the same on every machine, complete, and nowhere contradicts its own rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from demo import company
from demo.people import DEPARTMENTS
from models.base import Record, db
from models.history import AuditEntry, DeadlineClock, Signature
from models.people import Unit, User
from models.spec import ROLES, names
from rules import access, approvals, audit, checks, moves, numbering
from rules.act import Act

TODAY = date(2026, 11, 21)
TYPES = (
    "dealer_ledger", "customer", "product_batch", "quality_info_transfer", "callback_record", "corrective_action",
    "quality_disposition_feedback",
    "visit_plan", "visit_report", "info_flow_card", "parts_urgent_order", "quality_info_summary",
    "vehicle", "staff_qualification", "complaint_tracking_card", "customer_feedback_register", "work_order", "customer_repair_file",
    "warranty_appraisal", "satisfaction_survey_plan", "satisfaction_questionnaire", "training_record",
    "conduct_violation", "monthly_quality_report", "dealer_monthly_work_report", "parts_demand_plan",
    "parts_purchase_list", "parts_stock", "dealer_grade_sheet", "reward_penalty_notice",
)
# Nobody is anonymised: that empties fields which a customer file must have, and takes ten years.
NOT_SHOWN = {"customer": {"anonymised"}}


@pytest.fixture(scope="module")
def loaded(whole_app, database, tmp_path_factory):
    """An act of the system in a database that holds the demo and nothing else; no test here changes it."""
    url = sa.make_url(database[0])
    if url.drivername == "sqlite":
        url = url.set(database=str(tmp_path_factory.mktemp("demo") / "demo.sqlite"))
    else:
        server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {url.database}_demo"))
        server.dispose()
        url = url.set(database=f"{url.database}_demo")
    engine = sa.create_engine(url)
    db.metadata.create_all(engine)
    with Session(engine, autoflush=False) as session:
        company.load(session, TODAY, "a demo password")
        session.commit()
        yield Act(session, access.Actor.system("console"), comment="演示", now=datetime(2026, 11, 21, 1, tzinfo=UTC))
        session.rollback()
    engine.dispose()


def everything(act):
    for name in TYPES:
        yield from act.session.scalars(sa.select(Record.types[name].model).order_by(Record.types[name].model.id))


def test_the_same_day_gives_the_same_bytes(tmp_path, whole_app):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        company.write(tmp_path / place, TODAY)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{name}.json" for name in TYPES)
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)


@pytest.mark.parametrize("today", [date(2026, 11, 21), date(2027, 1, 1), date(2028, 2, 29), date(2026, 5, 3)])
def test_every_state_of_every_type_occurs_on_any_day(whole_app, today):
    for name, rows in company.records(today).items():
        shown = {row["state"] for row in rows} | NOT_SHOWN.get(name, set())
        assert shown == set(names(Record.types[name].workflow.states)), name


def test_fourteen_months_at_the_promised_pace(whole_app):
    found = company.records(TODAY)
    assert len(found["dealer_ledger"]) >= 8 and len({row["province"] for row in found["dealer_ledger"][:8]}) == 5
    assert 55 <= len(found["customer"]) <= 70 and 38 <= len(found["product_batch"]) <= 45
    for name, per_month in (("quality_info_transfer", 40), ("visit_plan", 6), ("visit_report", 10), ("info_flow_card", 12),
                            ("corrective_action", 6), ("parts_urgent_order", 8), ("work_order", 60),
                            ("customer_repair_file", 90), ("warranty_appraisal", 42), ("complaint_tracking_card", 23),
                            ("satisfaction_questionnaire", 32), ("parts_demand_plan", 8)):
        assert 0.7 * per_month < len(found[name]) / 13.7 < 1.3 * per_month, name
    assert len({row["fault_description"] for row in found["quality_info_transfer"]}) >= 25
    months = {row["received_at"].strftime("%Y-%m") for row in found["quality_info_transfer"]}
    assert len(months) == 14 and max(months) == "2026-11"


def test_the_last_full_month_is_left_for_the_first_start(whole_app):
    sheets = [row for row in company.records(TODAY)["dealer_grade_sheet"] if row["state"] != "void"]
    assert max(row["period"] for row in sheets) == "2026-09"


def test_the_ledger_shows_the_grade_published_last(loaded):
    sheets = loaded.find("dealer_grade_sheet", state="published")
    last = {sheet.dealer_id: sheet.grade for sheet in sorted(sheets, key=lambda sheet: sheet.period)}
    assert {sheet.grade for sheet in sheets} == {"a", "b", "c", "d"}
    assert {dealer.id: dealer.current_grade for dealer in loaded.find("dealer_ledger") if dealer.id in last} == last


def test_everybody_is_there_with_their_role(loaded):
    users = {user.username: user for user in loaded.session.scalars(sa.select(User))}
    inside = set(ROLES) - {"dealer", "appraiser", "administrator"}
    assert all(users[role].roles == {role} for role in inside)
    assert users["dealer_f001"].memberships[0].dealer_id == 1 and users["appraiser_f008"].roles == {"appraiser"}
    assert all(user.email == f"{user.username}@demo.example" for user in users.values())
    assert loaded.session.scalar(sa.select(sa.func.count()).select_from(Unit)) == len(DEPARTMENTS)


def test_every_record_is_what_the_form_would_have_let_through(loaded):
    for record in everything(loaded):
        where = f"{record.spec.name} {record.number}"
        assert not checks.missing(record), where
        assert not dict(record.check(loaded)), where


# Their moves ask for documents (delivery checklist, take-back list, charge notice, price policy, shipping detail) that the
# demo company kept on paper before the system.
ON_PAPER = {"vehicle", "customer_repair_file", "work_order", "warranty_appraisal", "parts_urgent_order"}


def test_every_state_was_reached_by_a_move_that_was_possible(loaded):
    wrong: dict = {}
    for record in everything(loaded):
        flow, state = record.spec.workflow, record.state
        ways = [(move, source) for move in flow.moves if move.to == state for source in move.source]
        why = [_why_not(loaded, record, *way) for way in ways]
        record.state = state
        if not (state == flow.initial or None in why or record.spec.name in ON_PAPER):
            wrong.setdefault((record.spec.name, state), (record.number, why))
    assert not wrong, sorted(wrong)


def _why_not(act, record, move, source):
    """What would have stopped this move, seen from the record as it stands."""
    if (record.spec.name, move.name) == ("quality_info_summary", "receive"):
        return None  # asks whether somebody may still sign, which after it nobody may
    if (record.spec.name, move.name) == ("quality_info_transfer", "dispose"):
        return None  # asks for a signature since the last visit ended, which after it is this one
    if (record.spec.name, move.name) == ("dealer_grade_sheet", "appeal"):
        return None  # possible once and for some days, which after it is over
    record.state = source
    if record.spec.name == "warranty_appraisal" and move.by == ("appraiser",):   # only with the appraiser's own badge
        person = act.session.get(User, record.appraiser_id) if record.appraiser_id else None
        act = Act(act.session, access.Actor.of(person, "screen"), "演示", now=act.now) if person else act
    unstamped = [name for name in move.stamps if getattr(record, record.spec.fields[name].column) is None]
    return moves.unmet(act, record, move) or next(iter(moves.lacking(record, move)), None) or next(iter(unstamped), None)


def test_nothing_happened_in_the_future_or_before_it_was_written_down(loaded):
    for record in everything(loaded):
        happened = [getattr(record, record.spec.fields[name].column) for move in record.spec.workflow.moves
                    for name in move.stamps]
        moments = [moment for moment in happened if isinstance(moment, datetime)]
        assert record.created_at <= min([record.created_at, *moments]), (record.spec.name, record.number)
        assert max([record.created_at, *moments]) < loaded.now, (record.spec.name, record.number)


def test_some_promises_were_broken_and_some_kept_to_the_second(loaded):
    clocks = loaded.session.execute(sa.select(
        DeadlineClock.type, DeadlineClock.name, DeadlineClock.state, DeadlineClock.due_at, DeadlineClock.met_at)).all()
    for promise in (("quality_info_transfer", "reply"), ("quality_info_transfer", "arrive"), ("callback_record", "callback")):
        mine = [clock for clock in clocks if clock[:2] == promise]
        assert {"met", "missed", "running"} <= {clock.state for clock in mine}, promise
        assert any(clock.met_at == clock.due_at for clock in mine), promise
    late = [clock for clock in clocks if clock.state == "running" and clock.due_at < loaded.now]
    soon = [clock for clock in clocks if clock.state == "running" and clock.due_at < loaded.now + timedelta(days=7)]
    assert late and len(soon) > len(late)


def test_who_is_asked_to_sign_can_sign(loaded):
    waiting = loaded.session.scalars(sa.select(Signature).where(Signature.state == "waiting")).all()
    people = [access.Actor.of(user, "screen") for user in loaded.session.scalars(sa.select(User))]
    for signature in waiting:
        record = loaded.get(signature.type, signature.record_id)
        assert record.state == "in_approval"
        assert any(approvals.may_sign(loaded.session, person, record) for person in people), record.number
    assert {"visit_plan", "satisfaction_survey_plan", "parts_purchase_list", "dealer_grade_sheet",
            "reward_penalty_notice"} == {signature.type for signature in waiting}


def test_the_audit_holds_and_names_each_record_once(loaded):
    assert list(audit.verify(loaded.session)) == []
    entries = loaded.session.execute(sa.select(AuditEntry.type, AuditEntry.record_id).where(
        AuditEntry.record_id.is_not(None))).all()
    assert len(entries) == len(set(entries)) == sum(1 for _ in everything(loaded))


def test_counting_goes_on_behind_the_demo(loaded):
    spec = Record.types["visit_plan"]
    numbers = set(loaded.session.scalars(sa.select(spec.model.number)))
    assert numbering.next_number(loaded.session, spec, TODAY) not in numbers
    assert numbering.next_number(loaded.session, spec, date(2026, 1, 5)) not in numbers
