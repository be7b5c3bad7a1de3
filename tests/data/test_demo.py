"""The demo company is the same on every machine, complete, and nowhere contradicts its own rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from demo import company
from demo.people import DEPARTMENTS
from models.base import Record, db
from models.history import AuditEntry, DeadlineClock, Signature
from models.people import Unit, User
from models.spec import ROLES, SIGNER, Kind, names
from rules import access, approvals, audit, checks, moves, numbering
from rules.act import Act

TODAY = date(2026, 11, 21)
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
    for name in Record.types:
        yield from act.session.scalars(sa.select(Record.types[name].model).order_by(Record.types[name].model.id))


@pytest.mark.once
def test_the_same_day_gives_the_same_bytes(tmp_path, whole_app):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        company.write(tmp_path / place, TODAY)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == sorted(f"{name}.json" for name in Record.types)
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
                            ("corrective_action", 14), ("parts_urgent_order", 8), ("work_order", 60),
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


@pytest.mark.once
def test_every_record_is_what_the_form_would_have_let_through(loaded):
    for record in everything(loaded):
        where = f"{record.spec.name} {record.number}"
        assert not checks.missing(record), where
        assert not dict(record.check(loaded)), where


# Links that no demo record has, with the reason.
NEVER_LINKED = {
    ("dealer_grade_sheet", "months.dealer_grade_sheet"): "sheets of a quarter are compiled by the report, from published ones",
}


def test_every_link_between_types_is_used_somewhere(whole_app):
    found, unused = company.records(TODAY), set()
    for name, spec in Record.types.items():
        fields = [(known, found[name]) for known in spec.fields.values()]
        for child in spec.lines.values():
            rows = [line for row in found[name] for line in row.get(child.name, ())]
            fields += [(replace(known, name=f"{child.name}.{known.name}"), rows) for known in child.fields.values()]
        unused |= {(name, known.name) for known, rows in fields if known.to and not known.derived
                   and all(row.get(known.name.split(".")[-1]) is None for row in rows)}
    assert unused == set(NEVER_LINKED)


# Conditions that ask for what the move itself, or what followed, has changed since: (type, move) -> what they ask for.
GONE_ON = {
    ("quality_info_summary", "receive"): "somebody may still sign, which after it nobody may",
    ("quality_info_transfer", "dispose"): "a signature since the last visit ended, which after it is this one",
    ("dealer_grade_sheet", "appeal"): "possible once and for some days, which after it is over",
    ("vehicle", "deliver"): "a signed list with which it was not delivered yet; see the test of the lists",
    ("delivery_document_checklist", "sign"): "a vehicle in stock, which after it is delivered",
    ("carry_checklist", "complete"): "a journey that has not begun",
    ("travel_assignment", "approve"): "a sheet that has not been handled yet",
    ("travel_assignment", "arrive"): "a sheet on which nobody has arrived yet",
    ("equipment_takeback", "give_copy"): "a promise that lies in the future",
    ("compensation_agreement", "sign"): "a request that is approved, which with it is signed",
    ("warranty_settlement", "pay"): "rows that are not settled yet, which with it are",
    ("evaluation_plan", "send"): "a beginning at least three days ahead",
    ("quality_bulletin", "acknowledge"): "an open line, of which none is left after it",
    ("customer_contact_memo", "acknowledge"): "an open line, of which none is left after it",
    ("contract_change_record", "review"): "somebody else than the creator, whom a job is not",
    ("service_price_policy", "supersede"): "a later version that is not in force yet",
    ("recall_vehicle", "notify"): "a campaign that runs, which in the end it does not",
    ("recall_vehicle", "complete"): "a campaign that runs, which in the end it does not",
    ("technical_assistance_request", "submit"): "a photo, and an import brings no files",
    ("certification_change_request", "submit"): "a file that proves the change, and an import brings no files",
    ("return_destruction_record", "execute"): "a photo of a destruction, and an import brings no files",
    ("spare_part_request", "issue"): "stock that after it is gone",
    ("quality_rectification_order", "sign"): "a limit that lies ahead",
    ("overdue_notice", "answer"): "a new limit that lies ahead",
}
# Moves that are open only to the person whom the record names there.
MADE_BY = {
    ("warranty_appraisal", "appraise"): "appraiser", ("warranty_appraisal", "escalate"): "appraiser",
    ("warranty_appraisal", "judge_out"): "appraiser", ("return_exchange_claim", "confirm"): "confirmer",
    ("return_exchange_claim", "refuse"): "confirmer", ("evaluation_scoresheet", "consolidate"): "handler",
}


def test_every_state_was_reached_by_a_move_that_was_possible(loaded):
    wrong: dict = {}
    for record in everything(loaded):
        flow, state = record.spec.workflow, record.state
        ways = [(move, source) for move in flow.moves if move.to == state for source in move.source]
        why = [_why_not(loaded, record, *way) for way in ways]
        record.state = state
        if not (state == flow.initial or None in why):
            wrong.setdefault((record.spec.name, state), (record.number, why))
    assert not wrong, sorted(wrong.items())


def _why_not(act, record, move, source):
    """What would have stopped this move, seen from the record as it stands. Files lie where the old record lies."""
    way = record.spec.name, move.name
    record.state = source
    if way in MADE_BY:
        person = act.session.get(User, getattr(record, record.spec.fields[MADE_BY[way]].column) or 0)
        act = Act(act.session, access.Actor.of(person, "screen"), "演示", now=act.now) if person else act
    unstamped = [name for name in move.stamps if getattr(record, record.spec.fields[name].column) is None]
    lacking = [name for name in moves.lacking(record, move)
               if name not in record.spec.fields or record.spec.fields[name].kind is not Kind.FILE]
    unmet = None if way in GONE_ON else moves.unmet(act, record, move)
    return unmet or next(iter(lacking), None) or next(iter(unstamped), None)


def test_nobody_signed_their_own(loaded):
    """Whom a record names as having made a move may make it: their role, and not where it is another's to do."""
    people = {user.id: access.Actor.of(user, "screen") for user in loaded.session.scalars(sa.select(User))}
    wrong = set()
    for record in everything(loaded):
        spec = record.spec
        stamped = {name for move in spec.workflow.moves for name in move.stamps if spec.fields[name].kind is Kind.USER}
        for name in stamped:
            person = people.get(getattr(record, spec.fields[name].column))
            made = [move for move in spec.workflow.moves if name in move.stamps and (
                record.state == move.to or record.state in _after(spec, move.to))]
            if person is not None and made and not any(_might(loaded, person, record, move) for move in made):
                wrong.add((spec.name, name, person.name, record.number))
    assert not wrong, sorted(wrong)


def _might(act, person, record, move):
    state, record.state = record.state, move.source[0]
    theirs = Act(act.session, person, "演示", now=act.now)
    unmet = None if (record.spec.name, move.name) in GONE_ON else moves.unmet(theirs, record, move)
    verdict = moves.may_move(act.session, person, record, move) and unmet is None
    record.state = state
    return verdict


def _after(spec, state):
    """The states that lie behind a state on any way."""
    found, waiting = set(), [state]
    while waiting:
        for move in spec.workflow.moves_from(waiting.pop()):
            if move.to not in found:
                found.add(move.to)
                waiting.append(move.to)
    return found


def test_whoever_has_a_vehicle_has_signed_for_its_papers(loaded):
    signed = {(row.vehicle_id, row.customer_id) for row in loaded.find("delivery_document_checklist", state="signed")}
    for vehicle in loaded.find("vehicle"):
        if vehicle.state == "delivered" and len(vehicle.owners) == 1:
            assert (vehicle.id, vehicle.customer_id) in signed, vehicle.number


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
        assert any(SIGNER in move.by for move in record.spec.workflow.moves_from(record.state))
        assert any(approvals.may_sign(loaded.session, person, record) for person in people), record.number
    assert {name for name, spec in Record.types.items() if spec.workflow.approval} == {row.type for row in waiting}


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
