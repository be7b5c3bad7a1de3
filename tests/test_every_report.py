"""Promises of every report of the registry: which records it counts and in which period, that its parts make up its totals,
that asking again changes nothing, and that behind each figure stand exactly the records it counted, for whoever may see
them, on the screen and in the workbook."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as some

from jobs import reports
from jobs.pareto import ranked
from models.base import Record
from models.compiled import compile_again
from models.history import Notice
from models.people import Membership, User
from models.reports import ReportRun
from models.spec import Kind, SYSTEM, Period
from rules import access, office
from rules.act import Act
from tests import on_paper, reading, valid
from tests.casebook import Casebook, done

ROUND = ("2026-Q1", "2026-Q2", "2026-Q3")
FORM, SHEET, REPAIR, CARD = "satisfaction_questionnaire", "quality_info_transfer", "customer_repair_file", "complaint_tracking_card"
STAMPS = {"data_as_of"}


@dataclass(frozen=True)
class Fed:
    """What a report lives on: the type of record, what of it says when it happened, the states in which it counts and
    those in which it never does; and the figure behind which each record stands that counts."""

    source: str
    when: str
    counts: tuple[str, ...]
    never: tuple[str, ...]
    figure: str
    kind: str = "month"
    given: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)


FED = {
    "quality_info_summary": Fed(SHEET, "received_at", ("closed", "replying"), ("void", "rejected"), "case_count", given={
        "direct_loss": "12.50", "dealer": None, "responsible_unit": None}),
    "monthly_quality_analysis": Fed(CARD, "received_at", ("closed", "opened"), ("void",), "case_count"),
    "dealer_grade_sheet": Fed(
        REPAIR, "completed_at", ("completed", "archived"), ("cancelled",), "first_time_fix/denominator",
        given={"service_kind": "repair"}, asked={"dealer": "F001"}),
    "quarterly_service_analysis": Fed(
        SHEET, "received_at", ("closed", "replying"), ("void", "rejected"), "quality_info_received", "quarter"),
    "outlet_quarterly_summary": Fed(
        REPAIR, "completed_at", ("completed", "archived"), ("cancelled",), "repairs", "quarter",
        given={"service_kind": "repair"}, asked={"dealer": "F001"}),
    "parts_purchase_list": Fed("parts_demand_plan", "period", ("accepted",), ("cancelled",), "sources"),
    "warranty_settlement": Fed(
        "warranty_appraisal", "reviewed_at", ("approved",), ("rejected", "void"), "appraisal_amount",
        given={"review_result": "approved", "amount": "80.25"}, asked={"dealer": "F001"}),
    "satisfaction_score": Fed(FORM, "satisfaction_survey_plan", ("scored", "returned"), ("void",), "returned_count", "plan"),
    "satisfaction_report": Fed(FORM, "satisfaction_survey_plan", ("scored", "returned"), ("void",), "returned_count", "plan"),
    "evaluation_score": Fed("evaluation_scoresheet", "evaluated_on", ("consolidated", "concluded"), ("void",), "evaluation_count",
                            "year"),
    "survey_coverage": Fed(FORM, "sent_at", ("sent", "scored"), ("void",), "surveyed_count", "year"),
}
PERIODS = {"month": ("2026-08", "2026-09", "2026-10"), "quarter": ("2026-Q2", "2026-Q3", "2026-Q4"), "year": ("2023", "2024", "2025"),
           "plan": ROUND}
each_report = pytest.mark.parametrize("name", reports.REPORTS)


@pytest.fixture
def book(app):
    return Casebook(app)


# A small world around the report ----------------------------------------------------------------------------------

def edges(name):
    """(which of the three periods, when) of the records: the first and last second of the one in the middle, and the
    seconds beside it. Where a record names its period or round, that is when."""
    fed, periods = FED[name], PERIODS[FED[name].kind]
    if fed.when in ("period", "satisfaction_survey_plan"):
        return [(n, period) for n, period in enumerate(periods) for _ in range(2)]
    start, end = office.bounds(Period.parse(periods[1]))
    second = timedelta(seconds=1)
    return [(0, start - second), (1, start), (1, end - second), (2, end)]


def living(session, name):
    """Puts the records there; period -> number -> the place where each belongs that counts."""
    fed, found = FED[name], {period: {} for period in PERIODS[FED[name].kind]}
    plans = {period: plan_of(session, period) for period in ROUND} if fed.kind == "plan" else {}
    for n, (where, when) in enumerate(edges(name)):
        period = PERIODS[fed.kind][where]
        place = valid.THERE if fed.when == "period" and n % 2 else valid.HERE   # one plan for each dealer and month
        for state in (fed.counts[n % len(fed.counts)], *fed.never):
            row = source(session, fed, state, plans[when].id if plans else when, place)
            if state in fed.counts:
                found[period][called(session, fed, row)] = place
    for plan in plans.values():
        Act(session, access.Actor.system()).touch(plan)   # as every form does that is sent or comes back
    return found, {period: plan.number for period, plan in plans.items()}


def plan_of(session, quarter):
    span = Period.parse(quarter)
    return valid.record(session, "satisfaction_survey_plan", "closed", quarter=quarter, starts_on=str(span.day(1)),
                        due_on=str(span.last_day))


def source(session, fed, state, when, place):
    given_ = {name: value for name, value in fed.given.items() if value is not None}
    if isinstance(when, datetime):
        moment = office.local(when).replace(tzinfo=None)
        is_day = Record.types[fed.source].fields[fed.when].kind is Kind.DATE
        given_[fed.when] = (moment.date() if is_day else moment).isoformat()
    else:
        given_[fed.when] = str(when)
    if fed.source == FORM:
        customer = valid.record(session, "customer", "active")
        given_ |= {"customer": str(customer.id), "returned_at": "2026-09-20T10:00"}
        given_.setdefault("sent_at", "2026-09-10T10:00")
    if fed.source == "parts_demand_plan":
        given_ |= {"submitted_at": f"{when}-05T10:00", "parts": [
            {"line_no": "1", "part_no": "P1", "part_name": "滤芯", "unit_of_measure": "件", "quantity": "3", "accepted_quantity": "2"}]}
    return valid.record(session, fed.source, state, place=place, creator="sales" if fed.source == SHEET else None, **given_)


def called(session, fed, row):
    return row.customer.number if fed.figure == "surveyed_count" else row.number


def compiled(session, name, period, plans):
    """The run of the report as the job does it; what it tells to programs."""
    fed, asked = FED[name], dict(FED[name].asked)
    words = {"plan": plans[period]} if plans else {"period": period}
    run = reports.request(Act(session, access.Actor.system()), name, words.get("period", ""), asked.get("dealer", ""),
                          plan=words.get("plan", ""))
    session.commit()
    reports.run(run.id)
    session.refresh(run)
    told = reports.as_json(session, run)
    if fed.kind == "quarter":   # of one person each: the one whose records these are
        told["records"] = [record for record in told["records"] if fed.figure in record["behind"]] or told["records"]
    return run, told["records"][0] if told["records"] else None


# Promises ---------------------------------------------------------------------------------------------------------

def test_no_report_is_left_out_here():
    assert set(FED) == set(reports.REPORTS)


@each_report
def test_a_record_counts_in_exactly_one_period_and_what_was_called_off_never(app, name):
    fed = FED[name]
    with valid.desk(app) as session:
        there, plans = living(session, name)
        session.commit()
        for period, expected in there.items():
            run, record = compiled(session, name, period, plans)
            counted = Counter(record["behind"].get(fed.figure, [])) if record else Counter()
            own = {number for number, place in expected.items() if place == valid.HERE or not fed.asked}
            assert counted == Counter(own), (period, run.error_zh)
            if record is None:
                continue
            parts_equal_totals(name, record)
            figures_equal_their_rows(record)
            if period == PERIODS[fed.kind][0]:
                nothing_went_before(record)
            elif period == PERIODS[fed.kind][1]:
                assert fingerprint(compiled(session, name, period, plans)[1]) == fingerprint(record), "asking again changes nothing"


def fingerprint(record):
    fields = {key: value for key, value in record["fields"].items() if key not in STAMPS}
    return json.dumps({**record, "fields": fields}, sort_keys=True)


def nothing_went_before(record):
    """It is new: there is no change to compute, and nothing is divided by nothing."""
    assert record["fields"].get("change_rate") is None
    for row in record["lines"].get("figures", ()):
        if "is_new" in row:
            assert row["change_rate"] is None and row["is_new"] == bool(row["case_count"] and not row["previous_case_count"]), row
        elif row["section"] in ("month_on_month", "year_on_year"):
            assert (row["is_applicable"], row["rate"]) == (False, None)


def parts_equal_totals(name, record):
    """Groups make up the whole, sums of lines the sums of the head, and rates are their inputs."""
    fields, lines = record["fields"], record["lines"]
    for section in {row["section"] for row in lines.get("figures", ()) if row["section"].startswith("by_")}:
        rows = [row for row in lines["figures"] if row["section"] == section]
        assert sum(row["case_count"] for row in rows) == fields["case_count"], section
        if "rank" in rows[0] and fields["case_count"]:
            assert rows[-1]["cumulative_rate"] == "1.000000", section
    for row in (*lines.get("figures", ()), *lines.get("indicators", ())):
        if row.get("rate") is not None:
            exact = Decimal(row["numerator"]) / Decimal(row["denominator"])
            assert abs(Decimal(row["rate"]) - exact) <= Decimal("0.0000005"), row
        elif row.get("denominator") is not None:
            assert Decimal(row["denominator"]) == 0 and row["is_applicable"] is False, row
    sums = {"warranty_settlement": ("appraisals", "amount", "appraisal_amount"),
            "parts_purchase_list": ("parts", "quantity", "total_quantity"),
            "quality_info_summary": ("cases", "direct_loss", "direct_loss")}
    if name in sums:
        table, column, total = sums[name]
        assert sum(Decimal(row[column]) for row in lines[table] if not (row.get("is_carry_over") or row.get("is_rejected"))) \
            == Decimal(fields[total])
    if name == "survey_coverage":
        assert fields["surveyed_count"] + fields["unsurveyed_count"] == fields["active_count"]


def figures_equal_their_rows(record):
    """A count is the number of its records; a fraction has those of its part and of its whole."""
    behind = record["behind"]
    for row in record["lines"].get("figures", ()):
        figure = f"{row['section']}:{row['key']}" if row.get("key") else row["section"]
        part, whole = (len(behind.get(one, ())) for one in (figure, f"{figure}/denominator"))
        of_a_quarter = "previous_case_count" in row and "is_new" in row
        if of_a_quarter and row["denominator"] is not None:
            assert (row["case_count"], Decimal(row["numerator"]), Decimal(row["denominator"])) == (whole, part, whole), figure
        else:
            assert row["case_count"] == part, figure
    for row in record["lines"].get("indicators", ()):
        if row["indicator"] not in ("customer_satisfaction", "training_pass"):   # points, and people of one training
            owed = row["indicator"] in ("report_timeliness", "parts_plan_timeliness")   # what does not exist has no record
            assert len(behind.get(row["indicator"], [])) == int(row["numerator"]), row
            assert owed or len(behind.get(f"{row['indicator']}/denominator", [])) == int(row["denominator"]), row
    for name in ("case_count", "sent_count", "returned_count", "valid_count", "surveyed_count", "unsurveyed_count"):
        if record["fields"].get(name) is not None and name in behind:
            assert len(behind[name]) == record["fields"][name], name


@each_report
@pytest.mark.once
def test_before_there_was_anything_nothing_is_divided_by_nothing(app, name):
    fed = FED[name]
    with valid.desk(app) as session:
        if fed.kind == "plan":
            plans = {"2026-Q1": plan_of(session, "2026-Q1").number}
            session.commit()
        period = {"month": "2019-01", "quarter": "2019-Q1", "year": "2019", "plan": "2026-Q1"}[fed.kind]
        run, record = compiled(session, name, period, plans if fed.kind == "plan" else {})
        if record is None:   # nobody is told of nothing: the reason stands in the run
            assert (run.state == "done" or run.error_zh) and bool(told_of(session, run)) == (run.state == "done")
            return
        parts_equal_totals(name, record)
        for row in record["lines"].get("figures", ()):
            assert row.get("change_rate") is None and not row.get("is_new") and not row["case_count"], row
        assert {record["fields"].get(one) for one in ("change_rate", "year_change_rate", "score", "satisfaction_rate")} == {None}
        assert not record["behind"].get(fed.figure)


@pytest.mark.once
def test_a_person_who_has_it_compiled_again_queues_its_own_report_and_leaves_the_record_as_it_is(app, book):
    again = {spec.name: move for spec in valid.TYPES.values() for move in spec.workflow.moves if move.then is compile_again}
    assert len(again) == 7
    for name, move in again.items():
        with valid.desk(app) as session:
            when = {"period": "2026-09"} if "period" in valid.TYPES[name].fields else {"quarter": "2026-Q3"}
            id_ = valid.record(session, name, **when).id
        before = book.read(name, id_)
        done(book.person(next(role for role in move.by if role != SYSTEM)).move(name, id_, move.name))
        assert book.read(name, id_).data_as_of == before.data_as_of is None, name
        scope = "F001" if reports.REPORTS[name].of_dealers else ""
        with valid.desk(app) as session:
            run = session.scalars(sa.select(ReportRun).where(ReportRun.report == name)).one()
            assert (run.period, run.scope, run.state) == (*when.values(), scope, "queued"), name


# Who looks --------------------------------------------------------------------------------------------------------

@each_report
@pytest.mark.once
def test_every_reader_finds_behind_a_figure_those_of_its_records_that_are_theirs_to_see(app, book, name):
    fed, report = FED[name], reports.REPORTS[name]
    spec, rows = report.guarded_by, Record.types["customer" if fed.source == FORM and fed.kind == "year" else fed.source]
    figure, period = report.aliases.get(fed.figure, fed.figure), PERIODS[fed.kind][1]
    with valid.desk(app) as session:
        there, plans = living(session, name)
        session.commit()
        for one in PERIODS[fed.kind][:2]:   # a settlement also takes what waits from before
            run, record = compiled(session, name, one, plans)
            assert told_of(session, run) == Counter(set(people_of(session, report.sent_to)))
        of, id_ = next(((of, id_) for of, id_ in run.records if session.get(spec.model, id_).number == record["number"]),
                       ("report_run", run.id))
    expected = {number: place for number, place in there[period].items() if place == valid.HERE or not fed.asked}
    address = f"/admin/{rows.name}/?behind={of}:{id_}:{figure}"
    readers = 0
    for role in spec.access:
        person, sees_it = book.person(valid.username(role)), valid.sees(spec, role, own=True)
        mine = {number for number, place in expected.items() if valid.sees(rows, role, own=place == valid.HERE)}
        answer = person.get(address)
        if not valid.sees(rows, role):
            assert answer.status_code == 403, role
        else:
            assert set(numbers_on(answer.text)) == mine, role
            readers += 1
        if of == spec.name and "X" in spec.access[role] and sees_it:
            sheet = on_paper.rows_of(on_paper.calculated(person, spec.name, id_)["依据"])
            assert {row["单号"] for row in sheet if row["指标"] == figure} == mine, role
    assert readers
    # Whoever sees such records, but not the report that counted them: of no role that does, or at another place.
    outside = [valid.username(role) for role in rows.access if role not in spec.access and valid.sees(rows, role)][:1]
    outside += [valid.username(role, valid.THERE) for role in spec.scope if valid.sees(rows, role) and of == spec.name]
    assert {book.person(one).get(address).status_code for one in outside} <= {404}, outside


def told_of(session, run):
    """Who was told that the run is ready, and how often."""
    keys = Notice.key.like(f"%report_ready:{run.id}")
    return Counter(session.scalars(sa.select(User.username).join(Notice, Notice.person_id == User.id).where(
        Notice.kind == "report_ready", keys)))


def people_of(session, roles):
    return session.scalars(sa.select(User.username).where(
        User.id.in_(sa.select(Membership.user_id).where(Membership.role.in_(roles)))))


@each_report
@pytest.mark.once
def test_whoever_is_told_that_a_report_is_ready_may_look_at_it(session, name):
    report = reports.REPORTS[name]
    assert report.sent_to
    for role in report.sent_to:
        assert reports.may_see(valid.actor_of(session, role), report), role


def numbers_on(page):
    return [cells[0] for cells in reading.cells_of(page).values()]


@pytest.mark.once
def test_the_evidence_of_a_workbook_ends_where_the_readers_own_rows_end(app, book):
    """Whoever leads the dealers and repairs vehicles besides sees of the repairs their own."""
    book.grant("deputy_gm", "technician")
    name, moment = "dealer_grade_sheet", office.start_of(Period.parse("2026-09").day(10))
    with valid.desk(app) as session:
        rows = [source(session, FED[name], "archived", moment, valid.HERE) for _ in range(3)]
        rows[0].technician_id = valid.id_of(session, "deputy_gm")
        session.commit()
        own, others = rows[0].number, {row.number for row in rows[1:]}
        run, _ = compiled(session, name, "2026-09", {})
        id_ = run.records[0][1]
    reader = book.person("deputy_gm")
    counted = [row["单号"] for row in on_paper.rows_of(on_paper.calculated(reader, name, id_)["依据"])]
    assert set(counted) == {own} and not others & set(counted)
    assert numbers_on(reader.get(f"/admin/{REPAIR}/?behind={name}:{id_}:first_time_fix/denominator").text) == [own]
    whole = on_paper.rows_of(on_paper.calculated(book.person("customer_service"), name, id_)["依据"])
    assert {own, *others} <= {row["单号"] for row in whole}
    pages = [person.get(f"/admin/{name}/details/?id={id_}").text for person in (reader, book.person("general_manager"))]
    assert all("数字的依据" in page for page in pages), "how many were counted is everybody's who reads the report"
    assert [f"/admin/{REPAIR}/?behind=" in page for page in pages] == [True, False]


# What they rest on ------------------------------------------------------------------------------------------------

@pytest.mark.once
@given(moment=some.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31), timezones=some.just(UTC)))
def test_every_moment_lies_in_one_month_one_quarter_and_one_year_of_the_office(moment):
    moment = moment.replace(microsecond=0)
    day = office.local(moment).date()
    month = Period.of(day)
    quarter, year = Period(day.year, (day.month - 1) // 3 * 3 + 1, 3), Period(day.year, 1, 12)
    for period in (month, quarter, year):
        for one in (period.previous(), period, period.following()):
            start, end = office.bounds(one)
            assert (start <= moment < end) == (one == period)
            assert office.local(start).time() == office.local(end).time() == datetime.min.time()
        assert Period.parse(str(period)) == period


@dataclass(frozen=True)
class Group:
    key: str | None
    cases: int
    loss: Decimal


groups = some.lists(some.builds(Group, some.one_of(some.none(), some.text("ABC", min_size=1, max_size=3)), some.integers(0, 50),
                                some.decimals(0, 99_999, places=2)), max_size=12, unique_by=lambda group: group.key)


@pytest.mark.once
@given(groups, some.sampled_from([Decimal("0.8"), Decimal("0.5"), Decimal(1)]))
def test_a_pareto_adds_up_to_the_whole_and_marks_the_fewest_that_reach_the_share(rows, share):
    places = list(ranked(rows, lambda group: (group.cases, group.loss), share, {"B": -1}))
    total = sum(group.cases for group in rows)
    assert Counter(place.row for place in places) == Counter(rows) and [place.rank for place in places] == [*range(1, len(rows) + 1)]
    weights = [(-place.row.cases, -place.row.loss) for place in places]
    assert weights == sorted(weights)
    marked = [place for place in places if place.is_focus]
    assert marked == places[:len(marked)]
    if total:
        assert places[-1].cumulative_rate == 1
        reached = sum(place.row.cases for place in marked)
        assert reached >= share * total > reached - marked[-1].row.cases
    else:
        assert not marked and not any(place.cumulative_rate for place in places)
