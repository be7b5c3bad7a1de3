"""The grade sheet at its limits: what counts, in which month, and what becomes of a dealer that cannot be graded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import sqlalchemy as sa

from jobs import dealer_grade_sheet, reports, schedule
from models.base import Record
from models.dealers.dealer_grade_sheet import DealerGradeSheet
from models.reports import ReportRun
from models.spec import Invalid
from rules import access, audit, office, parameters, records
from rules.act import Act
from tests.casebook import at

AFTERWARDS = at("2026-11-06 00:30")
SYSTEM = access.Actor.system()


class Network:
    """Dealers and what they did, as old records; and the sheets that follow from it."""

    def __init__(self, session):
        self.session, self.count = session, 0
        act = Act(session, SYSTEM)
        self.customer = act.find("customer")[0].id
        self.people = dict(session.execute(sa.text("SELECT username, id FROM users")).all())
        self.dealers = {dealer.dealer_code: dealer.id for dealer in act.find("dealer_ledger")}
        self.vehicles = {}

    def keep(self, type_name, state, **values):
        self.count += 1
        act = Act(self.session, SYSTEM, is_history=True)
        record = records.blank(act, Record.types[type_name])
        for name, value in {"number": f"X-{self.count:04}", "state": state, **values}.items():
            field = record.spec.fields.get(name)
            assert field or hasattr(record, name), name
            setattr(record, field.column if field else name, value)
        records.keep(act, record, {})
        self.session.commit()
        return record

    def change(self, type_name, id_, **values):
        act = Act(self.session, SYSTEM, is_history=True)
        record = act.get(type_name, id_)
        for name, value in values.items():
            setattr(record, name, value)
        act.touch(record)
        self.session.commit()

    def dealer(self, code, **values):
        self.dealers[code] = self.keep("dealer_ledger", values.pop("state", "active"), **{
            "name": code, "dealer_code": code, "outlet_type": "repair_station", "contact_person": "站长", "phone": "1",
            "address": "路", "province": "重庆市", "established_on": date(2020, 1, 1), **values}).id

    def vehicle(self, name="1"):
        if name not in self.vehicles:
            self.vehicles[name] = self.keep("vehicle", "delivered", vin=f"LA{name:0>15}", model="M1").id
        return self.vehicles[name]

    def repair(self, completed, dealer="F001", vehicle="1", fault="engine", kind="repair", state="archived"):
        done = at(completed) if isinstance(completed, str) else completed
        return self.keep(
            "customer_repair_file", state, dealer=self.dealers[dealer], customer=self.customer, vehicle=self.vehicle(vehicle),
            received_at=done - timedelta(hours=2), completed_at=done, mileage=100, customer_statement="异响",
            fault_category=fault, service_kind=kind).number

    def order(self, received, arrived, dealer="F001", province="重庆市", state="closed", **more):
        return self.keep(
            "work_order", state, source="other", service_mode="on_site", received_at=at(received), customer=self.customer,
            province=province, dealer=self.dealers.get(dealer), technician=self.people["technician"],
            fault_description="异响", urgency="normal", arrived_at=arrived and at(arrived), **more).number

    def quality_info(self, received, arrived, dealer="F001", state="closed"):
        return self.keep(
            "quality_info_transfer", state, received_at=at(received), intake_unit="marketing", customer=self.customer,
            contact_person="张三", phone="1", province="重庆市", dealer=self.dealers[dealer], product_name="M1", batch_no="B",
            quantity=Decimal(1), fault_category="engine", fault_description="异响", handling_mode="on_site",
            arrived_at=arrived and at(arrived))

    def report(self, kind, submitted, state="submitted", dealer="F001", period="2026-10"):
        more = {"is_nil_report": True} if kind == "monthly_quality_report" else {
            "repair_summary": "无", "repair_count": 0, "first_service_count": 0, "complaint_count": 0}
        return self.keep(kind, state, dealer=self.dealers[dealer], period=period, prepared_by=self.people["dealer_f001"],
                         submitted_at=submitted and at(submitted), **more).number

    def plan(self, submitted, state="submitted", dealer="F001", period="2026-10"):
        return self.keep("parts_demand_plan", state, dealer=self.dealers[dealer], period=period,
                         prepared_by=self.people["dealer_f001"], submitted_at=submitted and at(submitted)).number

    def appraisal(self, reviewed, result, dealer="F001", state=None):
        return self.keep(
            "warranty_appraisal", state or result, dealer=self.dealers[dealer], customer=self.customer,
            vehicle=self.vehicle(), received_at=at("2026-09-01 09:00"), mileage=10, fault_category="engine",
            claim_type="vehicle", fault_description="异响", reviewed_at=at(reviewed), review_result=result).number

    def complaint(self, received, closed, dealer="F001", state="closed"):
        return self.keep(
            "complaint_tracking_card", state, dealer=self.dealers[dealer], handler=self.people["dealer_f001"],
            received_at=at(received), feedback_kind="complaint", contact_person="王某", fault_category="engine",
            complaint_content="异响", closed_at=closed and at(closed)).number

    def form(self, answers, dealer="F001", returned="2026-10-20 10:00", state="scored"):
        lines = Record.types["satisfaction_questionnaire"].lines["answers"].model
        plan = self.keep("satisfaction_survey_plan", "closed", title=f"调查{self.count}", quarter="2026-Q4", scope_kind="all",
                         survey_methods=["phone"], scoring_scale="ten_point", starts_on=date(2026, 10, 1),
                         due_on=date(2026, 12, 1), handler=self.people["quality_engineer"])
        return self.keep(
            "satisfaction_questionnaire", state, satisfaction_survey_plan=plan.id, customer=self.customer,
            dealer=self.dealers[dealer], method="phone", surveyor=self.people["quality_engineer"], returned_at=at(returned),
            answers=[lines(position=n, item=item, points=points, max_points=most, weight=Decimal(weight))
                     for n, (item, points, most, weight) in enumerate(answers)]).number

    def violation(self, verified, dealer="F001", state="verified", is_veto=True):
        return self.keep("conduct_violation", state, violation_type="fee", dealer=self.dealers[dealer],
                         occurred_at=at("2026-08-01 09:00"), description="收费", source_type="callback",
                         verified_at=at(verified), is_veto=is_veto).number

    def run(self, period="2026-10", dealer="", now=AFTERWARDS):
        run = reports.request(Act(self.session, SYSTEM, now=now), "dealer_grade_sheet", period, dealer)
        self.session.commit()
        reports.run(run.id, now=now)
        return self.session.get(ReportRun, run.id, populate_existing=True)

    def sheet(self, dealer="F001", period="2026-10", now=AFTERWARDS):
        run = self.run(period, dealer, now)
        assert run.state == "done", run.error_en
        return reports.as_json(self.session, run)["records"][0]

    def stored(self, dealer="F001", **equals):
        return Act(self.session, SYSTEM).find("dealer_grade_sheet", dealer_id=self.dealers[dealer], **equals)


@pytest.fixture
def network(session):
    return Network(session)


def counts(sheet, indicator):
    row = next(row for row in sheet["lines"]["indicators"] if row["indicator"] == indicator)
    return row["numerator"], row["denominator"]


def evidence(sheet, indicator):
    return [row for row in sheet["lines"]["evidence"] if row["indicator"] == indicator]


# Reports and plans ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("submitted", "state", "hits"), [
    ("2026-11-05 23:59:59", "submitted", "1"), ("2026-11-06 00:00:00", "submitted", "0"),
    ("2026-11-05 23:59:59", "accepted", "1"), ("2026-11-01 09:00:00", "returned", "0"), (None, "draft", "0"),
    ("2026-11-01 09:00:00", "void", "0")])
def test_a_report_is_in_time_until_the_last_second_of_the_fifth(network, submitted, state, hits):
    number = network.report("monthly_quality_report", submitted, state)
    sheet = network.sheet()
    assert counts(sheet, "report_timeliness") == (hits, "2")
    rows = {row["source_type"]: row["source_number"] for row in evidence(sheet, "report_timeliness")}
    assert rows == {"monthly_quality_report": None if state == "void" else number, "dealer_monthly_work_report": None}
    assert sheet["fields"]["monthly_quality_report"] == (None if state == "void" else number)


@pytest.mark.parametrize(("submitted", "state", "hits"), [
    ("2026-10-10 23:59:59", "accepted", "1"), ("2026-10-11 00:00:00", "consolidated", "0"),
    ("2026-10-09 09:00:00", "returned", "0"), ("2026-10-09 09:00:00", "cancelled", "0")])
def test_a_plan_is_in_time_until_the_last_second_of_the_tenth(network, submitted, state, hits):
    network.plan(submitted, state)
    assert counts(network.sheet(), "parts_plan_timeliness") == (hits, "1")


@pytest.mark.parametrize(("values", "owes"), [
    ({"established_on": date(2026, 10, 1)}, True), ({"established_on": date(2026, 10, 2)}, False),
    ({"state": "rectifying"}, True), ({"state": "suspended"}, False),
    ({"state": "withdrawn", "withdrawn_on": date(2026, 10, 31)}, False),
    ({"state": "withdrawn", "withdrawn_on": date(2026, 11, 1)}, True)])
def test_who_owes_reports(network, values, owes):
    network.dealer("F009", **values)
    sheet = network.sheet("F009")
    assert counts(sheet, "report_timeliness") == ("0", "2" if owes else "0")
    assert counts(sheet, "parts_plan_timeliness") == ("0", "1" if owes else "0")
    assert sheet["fields"]["grade"] == ("d" if owes else "not_rated")


def test_a_dealer_without_activity_is_not_rated(network):
    network.dealer("F009", established_on=date(2026, 10, 15))
    fields = network.sheet("F009")["fields"]
    assert [fields[name] for name in ("score", "is_rated", "grade", "coefficient", "applicable_weight")] == [
        None, False, "not_rated", "1", "0"]


def test_a_veto_without_a_score_is_a_d(network):
    network.dealer("F009", established_on=date(2026, 10, 15))
    network.violation("2026-10-20 09:00", "F009")
    fields = network.sheet("F009")["fields"]
    assert [fields[name] for name in ("score", "is_rated", "grade", "coefficient")] == [None, False, "d", "0.9"]


def test_a_sales_outlet_is_not_graded(network):
    network.dealer("F008", outlet_type="sales_outlet")
    network.dealer("F009", established_on=date(2026, 11, 1))
    run = network.run()
    assert len(run.records) == 3 and network.stored("F008") == network.stored("F009") == []
    run = network.run(dealer="F008")
    assert (run.state, "F008" in run.error_en) == ("failed", True)


# Repairs --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("first", "second", "is_return"), [
    ("2026-09-01 23:59:59", "2026-10-01 00:00:00", True), ("2026-09-01 00:00:00", "2026-10-01 23:59:59", True),
    ("2026-09-01 23:59:59", "2026-10-02 00:00:00", False), ("2026-10-01 12:00:00", "2026-10-31 12:00:00", True),
    ("2026-09-30 23:59:59", "2026-10-31 00:00:00", False)])
def test_a_return_on_day_30_but_not_on_day_31(network, first, second, is_return):
    earlier = network.repair(first)
    later = network.repair(second)
    sheet = network.sheet()
    row = next(row for row in evidence(sheet, "first_time_fix") if row["source_number"] == later)
    assert (row["is_counted"], row["is_hit"], row["related_number"]) == (True, not is_return, earlier if is_return else None)


def test_a_return_is_the_same_fault_of_the_same_vehicle_at_the_same_dealer(network):
    network.repair("2026-10-01 10:00")
    network.repair("2026-10-02 10:00", vehicle="2")
    network.repair("2026-10-03 10:00", fault="brakes")
    network.repair("2026-10-04 10:00", dealer="F002")
    network.repair("2026-10-05 10:00", kind="maintenance")
    network.repair("2026-10-06 10:00", state="void")
    network.repair("2026-10-07 10:00", vehicle="3", kind="first_service")
    network.repair("2026-10-08 10:00", vehicle="3")
    network.repair("2026-10-09 10:00", vehicle="4", state="cancelled")
    network.repair("2026-10-10 10:00", vehicle="4")
    assert counts(network.sheet(), "first_time_fix") == ("5", "5")
    assert counts(network.sheet("F002"), "first_time_fix") == ("1", "1")


def test_months_are_those_of_the_office(network):
    # Midnight in the office is 16:00 of the day before in UTC.
    network.repair(datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC), vehicle="1")
    first = network.repair(datetime(2026, 9, 30, 16, tzinfo=UTC), vehicle="2")
    last = network.repair(datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC), vehicle="3")
    network.repair(datetime(2026, 10, 31, 16, tzinfo=UTC), vehicle="4")
    assert network.sheet()["behind"]["first_time_fix"] == [first, last]


# Arrivals -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("received", "arrived", "province", "expected"), [
    ("2026-10-10 09:00:00", "2026-10-11 09:00:00", "重庆市", ("1", "1")),
    ("2026-10-10 09:00:00", "2026-10-11 09:00:01", "重庆市", ("0", "1")),
    ("2026-10-10 09:00:00", "2026-10-12 09:00:00", "四川省", ("1", "1")),
    ("2026-10-10 09:00:00", "2026-10-12 09:00:01", "四川省", ("0", "1")),
    ("2026-10-10 09:00:00", None, "重庆市", ("0", "1")),
    # The earlier of arrival and limit says the month.
    ("2026-10-31 09:00:00", "2026-10-31 23:59:59", "重庆市", ("1", "1")),
    ("2026-10-31 09:00:00", "2026-11-01 00:00:00", "重庆市", ("0", "0")),
    ("2026-10-30 09:00:00", "2026-11-05 09:00:00", "重庆市", ("0", "1")),
    ("2026-09-30 09:00:00", "2026-09-30 10:00:00", "重庆市", ("0", "0")),
    ("2026-09-30 09:00:00", "2026-10-01 08:00:00", "重庆市", ("1", "1")),
    ("2026-09-29 09:00:00", "2026-10-05 08:00:00", "重庆市", ("0", "0"))])
def test_arrivals_on_the_limit_and_in_their_month(network, received, arrived, province, expected):
    network.order(received, arrived, province=province)
    assert counts(network.sheet(), "arrival_timeliness") == expected


def test_rows_that_never_count(network):
    for state in ("draft", "cancelled", "void"):
        network.order("2026-10-10 09:00", "2026-10-10 10:00", state=state)
    network.quality_info("2026-10-10 09:00", "2026-10-10 10:00", state="rejected")
    network.complaint("2026-10-12 09:00", "2026-10-13 09:00", state="void")
    network.appraisal("2026-10-12 09:00", "approved", state="void")
    network.violation("2026-10-12 09:00", state="dismissed")
    network.violation("2026-10-12 09:00", is_veto=False)
    network.violation("2026-11-01 00:00")
    sheet = network.sheet()
    for indicator in ("arrival_timeliness", "complaint_closing", "appraisal_pass"):
        assert counts(sheet, indicator) == ("0", "0")
    assert sheet["fields"]["has_veto"] is False


def test_quality_information_counts_through_its_work_order(network):
    alone = network.quality_info("2026-10-10 09:00", "2026-10-10 10:00").number
    sent = network.quality_info("2026-10-10 09:00", "2026-10-10 10:00")
    called_off = network.quality_info("2026-10-11 09:00", "2026-10-11 10:00")
    order = network.order("2026-10-10 09:00", "2026-10-20 09:00", quality_info_transfer=sent.id)
    network.order("2026-10-11 09:00", None, state="cancelled", quality_info_transfer=called_off.id)
    sheet = network.sheet()
    assert counts(sheet, "arrival_timeliness") == ("2", "3")
    assert sheet["behind"]["arrival_timeliness"] == sorted([alone, called_off.number])
    rows = {row["source_number"]: row for row in evidence(sheet, "arrival_timeliness")}
    assert (rows[sent.number]["is_counted"], rows[sent.number]["related_number"]) == (False, order)


# Complaints, appraisals, satisfaction, training -------------------------------------------------------------------------

@pytest.mark.parametrize(("closed", "hits"), [
    ("2026-10-19 23:59:59", "1"), ("2026-10-20 00:00:00", "0"), (None, "0")])
def test_a_complaint_closed_on_its_limit(network, closed, hits):
    network.complaint("2026-10-12 09:00", closed)
    network.complaint("2026-10-26 09:00", "2026-10-27 09:00")   # its limit lies in November
    assert counts(network.sheet(), "complaint_closing") == (hits, "1")


def test_an_appraisal_counts_with_its_last_result(network):
    for result in ("approved", "approved", "rejected"):
        network.appraisal("2026-10-31 23:59:59", result)
    sent_back = network.appraisal("2026-10-12 09:00", "returned", state="accepted")
    network.appraisal("2026-11-01 00:00:00", "approved")
    sheet = network.sheet()
    assert counts(sheet, "appraisal_pass") == ("2", "3")
    row = next(row for row in evidence(sheet, "appraisal_pass") if row["source_number"] == sent_back)
    assert (row["is_counted"], row["is_hit"]) == (False, False)


def test_satisfaction_adds_the_points_of_all_forms_before_it_weighs(network):
    network.form([("quality", 8, 10, "0.40"), ("service", 60, 100, "0.25"), ("price", None, 100, "0.15")])
    network.form([("quality", 100, 100, "0.40"), ("service", 10, 10, "0.25"), ("price", None, 100, "0.15")])
    network.form([("quality", 1, 100, "0.40"), ("price", None, 100, "0.15"), ("service", None, 10, "0.25")], state="invalid")
    sheet = network.sheet()
    exact = (Fraction(2, 5) * Fraction(108, 110) + Fraction(1, 4) * Fraction(70, 110)) / Fraction(13, 20)
    row = next(row for row in sheet["lines"]["indicators"] if row["indicator"] == "customer_satisfaction")
    assert Fraction(int(row["numerator"]), int(row["denominator"])) == exact
    assert len(sheet["behind"]["customer_satisfaction/denominator"]) == 2
    assert [row["is_counted"] for row in evidence(sheet, "customer_satisfaction")].count(False) == 1


@pytest.mark.parametrize(("held", "state", "expected"), [
    (date(2026, 10, 1), "assessed", ("1", "3")), (date(2026, 10, 31), "archived", ("1", "3")),
    (date(2026, 9, 30), "archived", ("0", "0")), (date(2026, 11, 1), "archived", ("0", "0")),
    (date(2026, 10, 5), "void", ("0", "0"))])
def test_training(network, held, state, expected):
    person = Record.types["training_record"].lines["attendees"].model
    mine, other = network.dealers["F001"], network.dealers["F002"]
    network.keep("training_record", state, course_name="维修", training_content="新", audience="service_dealer",
                 training_type="technical", trainer="讲师", handler=network.people["customer_service"], planned_on=held,
                 held_on=held, attendees=[
                     person(position=n, person_name=f"学员{n}", dealer_id=dealer, is_required=required, result=result)
                     for n, (dealer, required, result) in enumerate((
                         (mine, True, "passed"), (mine, True, "failed"), (mine, True, "absent"), (mine, False, "passed"),
                         (other, True, "passed")))])
    assert counts(network.sheet(), "training_pass") == expected


# The score ------------------------------------------------------------------------------------------------------------

def only(network, dealer, hits, of):
    """A dealer of whom nothing counts but its appraisals."""
    network.dealer(dealer, state="suspended")
    for n in range(of):
        network.appraisal("2026-10-12 09:00", "approved" if n < hits else "rejected", dealer)


def test_a_score_that_rounds_to_90_is_an_a(network):
    network.dealer("F009", state="suspended")
    network.form([("quality", Decimal("899.95"), 1000, "1")], "F009")
    network.dealer("F010", state="suspended")
    network.form([("quality", Decimal("899.949"), 1000, "1")], "F010")
    found = [network.sheet(code)["fields"] for code in ("F009", "F010")]
    assert [(fields["score"], fields["grade"]) for fields in found] == [("90", "a"), ("89.99", "b")]


def test_weights_are_those_of_the_periods_end(network):
    act = Act(network.session, SYSTEM)
    parameters.set_value(act, "grade_weight_training_pass", "15", date(2026, 10, 31))
    parameters.set_value(act, "grade_weight_appraisal_pass", "0", date(2026, 11, 1))
    network.session.commit()
    weights = [row["weight"] for row in network.sheet()["lines"]["indicators"]]
    assert weights == ["10", "20", "15", "20", "15", "10", "5", "15"]


def test_a_quarter_is_the_mean_of_its_rated_months(network):
    only(network, "F009", 2, 3)
    network.sheet("F009", "2026-10")
    network.sheet("F009", "2026-11", at("2026-12-06 00:30"))    # nothing counted: not rated
    network.form([("quality", 5, 6, "1")], "F009", "2026-12-12 09:00")
    network.sheet("F009", "2026-12", at("2027-01-06 00:30"))
    quarter = network.sheet("F009", "2026-Q4", at("2027-01-06 04:30"))
    fields = quarter["fields"]
    assert [fields[name] for name in ("sheet_kind", "period", "quarter", "score", "grade", "consecutive_d_count")] == [
        "quarterly", None, "2026-Q4", "75", "c", 0]
    assert [(row["period"], row["score"], row["is_applicable"]) for row in quarter["lines"]["months"]] == [
        ("2026-10", "66.67", True), ("2026-11", None, False), ("2026-12", "83.33", True)]
    assert quarter["lines"]["indicators"] == [] and len(quarter["behind"]["score"]) == 2


def test_a_month_with_a_veto_makes_the_quarter_a_d(network):
    only(network, "F009", 3, 3)
    number = network.violation("2026-10-31 23:59:59", "F009")
    network.sheet("F009")
    quarter = network.sheet("F009", "2026-Q4", at("2027-01-06 04:30"))
    assert [quarter["fields"][name] for name in ("score", "grade", "has_veto")] == ["100", "d", True]
    assert [row["conduct_violation"] for row in quarter["lines"]["vetoes"]] == [number]


def test_a_quarter_without_months_is_refused(network):
    run = network.run("2026-Q4", "F001", at("2027-01-06 04:30"))
    assert (run.state, "F001" in run.error_en) == ("failed", True)


# Running --------------------------------------------------------------------------------------------------------------

def test_compiling_again_counts_the_same_rows_and_keeps_what_people_wrote(network):
    network.repair("2026-10-01 10:00")
    first = network.sheet()
    sheet = network.stored()[0]
    act = Act(network.session, access.Actor.system())
    sheet.review_opinion = "属实"
    row = sheet.indicators[1]
    row.remark, row.target_rate = "车间改造", Decimal("0.95")
    act.touch(sheet)
    network.session.commit()
    again = network.sheet(now=AFTERWARDS + timedelta(hours=1))
    assert (again["number"], again["fields"]["review_opinion"]) == (first["number"], "属实")
    row = again["lines"]["indicators"][1]
    assert (row["remark"], row["target_rate"]) == ("车间改造", "0.950000")
    assert again["lines"]["evidence"] == first["lines"]["evidence"] and again["behind"] == first["behind"]
    assert list(audit.verify(network.session)) == []


def test_a_sheet_that_is_further_on_is_left_alone_and_named(network):
    network.run()
    network.change("dealer_grade_sheet", network.stored()[0].id, state="published")
    network.repair("2026-10-01 10:00")
    run = network.run()
    number = network.stored()[0].number
    assert (run.state, len(run.records)) == ("done", 2)
    assert "F001" in run.error_en and number in run.error_en and "F002" not in run.error_en
    assert network.stored()[0].indicators[1].denominator == 0
    run = network.run(dealer="F001")
    assert (run.state, number in run.error_en) == ("failed", True)


def test_the_failure_of_one_dealer_does_not_stop_the_others(network):
    network.repair("2026-10-01 10:00")
    network.run()
    # Something that no screen lets in, and that the sheet cannot be kept with.
    network.session.execute(sa.update(DealerGradeSheet.__table__).where(
        DealerGradeSheet.__table__.c.id == network.stored()[0].id).values(sheet_kind="monthly", quarter="2026-Q4"))
    network.session.commit()
    network.repair("2026-10-02 10:00", vehicle="2")
    network.repair("2026-10-02 10:00", dealer="F002")
    run = network.run()
    assert (run.state, len(run.records)) == ("done", 2)
    assert "F001" in run.error_zh and "F002" not in run.error_zh
    assert counts_of(network, "F001") == (1, 1) and counts_of(network, "F002") == (1, 1)


def counts_of(network, dealer):
    sheet = network.stored(dealer)[0]
    return sheet.indicators[1].denominator, sum(row.indicator == "first_time_fix" for row in sheet.evidence)


def test_many_dealers_are_kept_batch_by_batch(network, monkeypatch):
    monkeypatch.setattr(dealer_grade_sheet, "BATCH", 1)
    network.repair("2026-10-01 10:00", dealer="F003")
    for _ in range(2):
        run = network.run()
        assert (run.state, run.progress, len(run.records)) == ("done", 100, 3)
    assert counts_of(network, "F001") == (0, 0) and counts_of(network, "F003") == (1, 1)
    assert list(audit.verify(network.session)) == []


def test_a_dealer_that_nobody_knows(network):
    with pytest.raises(Invalid):
        network.run(dealer="F999")


@pytest.mark.parametrize(("arguments", "code"), [
    (("dealer_grade_sheet", "--period", "2026"), 2), (("dealer_grade_sheet", "--period", "2026-10", "--dealer", "F999"), 2),
    (("quality_info_summary", "--period", "2026-10", "--dealer", "F001"), 2), (("nothing", "--period", "2026-10"), 2),
    (("dealer_grade_sheet", "--period", "2026-Q3", "--wait"), 1),
    (("dealer_grade_sheet", "--period", "2026-10", "--dealer", "F001", "--wait"), 0)])
def test_the_command_says_how_it_went(app, arguments, code):
    answer = app.test_cli_runner().invoke(args=["report", "run", *arguments])
    assert answer.exit_code == code, answer.output
    assert answer.stdout.strip() or answer.stderr.strip()


def test_customer_service_asks_for_one_dealer_on_the_screen(app, person):
    office_ = person("customer_service")
    page = office_.get("/admin/reports/").text
    assert 'name="dealer"' in page
    answer = office_.post("/admin/reports/dealer_grade_sheet/ask", {"period": "2026-10", "dealer": "F001"})
    assert answer.status_code == 302
    assert "F001" in office_.get(answer.headers["Location"]).text
    refused = office_.post("/admin/reports/dealer_grade_sheet/ask", {"period": "2026-10", "dealer": "F999"})
    assert refused.status_code == 422 and "F999" in refused.text


def test_a_dealer_sees_its_sheet_but_not_the_runs(app, network, person):
    run = network.run().id
    numbers = [network.stored(code)[0].number for code in ("F001", "F002")]
    network.session.rollback()
    dealer = person("dealer_f001")
    assert dealer.get(f"/admin/reports/runs/{run}").status_code == 404
    page = dealer.get("/admin/dealer_grade_sheet/").text
    assert [number in page for number in numbers] == [True, False]


# By the clock ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("job", "due", "asked"), [
    ("dealer_grade_sheet", "2026-11-06 00:30", ("dealer_grade_sheet", "2026-10")),
    ("dealer_grade_sheet_quarter", "2026-11-06 04:30", None),
    ("dealer_grade_sheet_quarter", "2027-01-06 04:30", ("dealer_grade_sheet", "2026-Q4")),
    ("parts_purchase_list", "2026-11-11 00:10", ("parts_purchase_list", "2026-11"))])
def test_what_the_clock_asks_for(session, job, due, asked):
    rule = schedule.KEPT[job].rule
    assert rule.first(at(due) - timedelta(seconds=1)) == at(due)
    schedule.KEPT[job].function(Act(session, SYSTEM, now=at(due)), at(due))
    runs = [(run.report, run.period) for run in session.scalars(sa.select(ReportRun))]
    assert runs == ([asked] if asked else [])


@pytest.mark.parametrize(("now", "state"), [
    ("2026-11-13 23:59:59", "reviewed"), ("2026-11-14 00:20", "confirmed")])
def test_silence_for_five_working_days_confirms(network, now, state):
    network.run(dealer="F001")
    network.change("dealer_grade_sheet", network.stored()[0].id, state="reviewed", review_opinion="属实",
                   reviewed_at=at("2026-11-06 10:00"))
    act = Act(network.session, SYSTEM, now=at(now))
    assert dealer_grade_sheet.lapse_reviewed(act) == (state == "confirmed")
    network.session.commit()
    assert network.stored()[0].state == state


def test_every_day_at_the_hour():
    rule = schedule.Daily(schedule.time(0, 20))
    assert rule.first(at("2026-10-31 00:19")) == at("2026-10-31 00:20")
    assert rule.after(at("2026-10-31 00:20"), at("2026-10-31 00:20")) == at("2026-11-01 00:20")
    assert rule.after(at("2026-10-28 00:20"), at("2026-10-31 09:00")) == at("2026-11-01 00:20")
    assert office.local(rule.first(at("2026-10-31 12:00"))).hour == 0
