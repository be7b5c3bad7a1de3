"""The worked examples of a dealer's grade, from files to figures: `import --history`, then `report run --wait --json`;
and what the page and the export of the sheet say."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from models.base import rounded
from tests import on_paper, reading
from tests.casebook import Casebook
from tests.every_door import every_door_says

MONTH = "2026-10"
FIGURES = ("score", "weighted_sum", "applicable_weight", "grade", "coefficient")
INDICATORS = ("report_timeliness", "first_time_fix", "arrival_timeliness", "customer_satisfaction", "complaint_closing",
              "appraisal_pass", "parts_plan_timeliness", "training_pass")


class Files:
    """Old records of October, to be read with `import --history`."""

    def __init__(self):
        self.rows, self.count = {}, 0

    def add(self, type_name, state, **fields):
        self.count += 1
        row = {"number": f"X-{self.count:05}", "state": state, "created_at": "2026-10-01T08:00:00", **fields}
        self.rows.setdefault(type_name, []).append(row)
        return row["number"]

    def write(self, folder):
        for name, rows in self.rows.items():
            (folder / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")

    def reports(self, dealer):
        for kind, fields in (("monthly_quality_report", {"is_nil_report": True}), ("dealer_monthly_work_report", {
                "repair_summary": "维修", "repair_count": 1, "first_service_count": 0, "complaint_count": 0})):
            self.add(kind, "accepted", dealer=dealer, period=MONTH, prepared_by=f"dealer_{dealer.lower()}",
                     submitted_at="2026-11-05T23:59:59", **fields)

    def vehicle(self):
        n = len(self.rows.get("vehicle", ())) + 1
        vin = f"LA{n:015}"
        self.add("vehicle", "delivered", vin=vin, model="M1", customer="客户A")
        return vin

    def repair(self, dealer, vin, day):
        self.add("customer_repair_file", "archived", dealer=dealer, customer="客户A", vehicle=vin, service_kind="repair",
                 received_at=f"2026-10-{day:02}T08:00:00", completed_at=f"2026-10-{day:02}T17:00:00", mileage=1000 + day,
                 customer_statement="异响", fault_category="engine")

    def repairs(self, dealer, completed, returns):
        """So many repairs, of which so many are the second of the same fault."""
        vehicles = [self.vehicle() for _ in range(completed - returns)]
        for n, vin in enumerate(vehicles):
            self.repair(dealer, vin, 2)
            if n < returns:
                self.repair(dealer, vin, 20)

    def arrivals(self, dealer, due, on_time):
        for n in range(due):
            self.add("work_order", "closed", source="other", service_mode="on_site", received_at="2026-10-12T09:00:00",
                     customer="客户A", province="重庆市", dealer=dealer, fault_description="不启动", technician="technician",
                     urgency="normal", arrived_at="2026-10-13T09:00:00" if n < on_time else "2026-10-13T09:00:01")

    def survey(self, dealer, **points):
        plan = self.add("satisfaction_survey_plan", "closed", title=f"{dealer} 的调查", quarter="2026-Q4", scope_kind="all",
                        survey_methods=["phone"], scoring_scale="ten_point", starts_on="2026-10-01", due_on="2026-12-01",
                        handler="quality_engineer")
        weights = {"quality": "0.40", "delivery": "0.20", "service": "0.25", "price": "0.15"}
        self.add("satisfaction_questionnaire", "scored", satisfaction_survey_plan=plan, customer="客户A", dealer=dealer,
                 method="phone", surveyor="quality_engineer", returned_at="2026-10-20T10:00:00",
                 answers=[{"item": item, "points": value, "max_points": 100, "weight": weights[item]}
                          for item, value in points.items()])

    def complaints(self, dealer, due, on_time):
        # Received on a Monday, closed by the end of the fifth working day after it.
        for n in range(due):
            self.add("complaint_tracking_card", "closed", dealer=dealer, handler=f"dealer_{dealer.lower()}",
                     received_at="2026-10-12T09:00:00", feedback_kind="complaint", contact_person="王某某",
                     fault_category="engine", complaint_content="异响",
                     closed_at="2026-10-19T23:59:59" if n < on_time else "2026-10-20T00:00:00")

    def appraisals(self, dealer, reviewed, rejected):
        vin = self.vehicle()
        for n in range(reviewed):
            result = "rejected" if n < rejected else "approved"
            self.add("warranty_appraisal", result, dealer=dealer, customer="客户A", vehicle=vin, mileage=500,
                     received_at="2026-10-02T09:00:00", claim_type="vehicle", fault_category="engine",
                     fault_description="异响", reviewed_at="2026-10-28T10:00:00", review_result=result,
                     reviewer="customer_service")

    def plan(self, dealer, submitted):
        self.add("parts_demand_plan", "accepted", dealer=dealer, period=MONTH, prepared_by=f"dealer_{dealer.lower()}",
                 submitted_at=submitted, parts=[{
                     "line_no": 1, "part_no": "P1", "part_name": "滤芯", "unit_of_measure": "件", "quantity": 3}])

    def training(self, dealer, required, passed):
        self.add("training_record", "archived", course_name="维修", training_content="新机型", audience="service_dealer",
                 training_type="technical", trainer="讲师", handler="customer_service", planned_on="2026-10-15",
                 held_on="2026-10-31", attendees=[{
                     "person_name": f"学员{n}", "dealer": dealer, "is_required": True,
                     "result": "passed" if n < passed else "absent"} for n in range(required)])

    def example_a(self, plan_submitted="2026-10-11T09:00:00"):
        self.reports("F001")
        self.repairs("F001", 160, 8)
        self.arrivals("F001", 40, 37)
        self.survey("F001", quality=90, delivery=85, service=92, price=80)
        self.complaints("F001", 12, 11)
        self.appraisals("F001", 50, 3)
        self.plan("F001", plan_submitted)
        self.training("F001", 8, 8)

    def example_b(self):
        self.reports("F002")
        self.repairs("F002", 50, 5)
        self.arrivals("F002", 10, 9)
        self.survey("F002", quality=92, delivery=92, service=92, price=92)
        self.appraisals("F002", 20, 1)
        self.plan("F002", "2026-10-10T23:59:59")
        self.training("F002", 4, 3)


@pytest.fixture
def files():
    return Files()


@pytest.fixture
def bring_in(app, files, tmp_path):
    def bring_in():
        folder = tmp_path / f"files-{files.count}"
        folder.mkdir()
        files.write(folder)
        files.rows = {}
        answer = app.test_cli_runner().invoke(args=["import", str(folder), "--history"])
        assert answer.exit_code == 0, answer.output
    return bring_in


@pytest.fixture
def compiled(app, bring_in):
    def compiled(dealer, period=MONTH):
        bring_in()
        answer = app.test_cli_runner().invoke(
            args=["report", "run", "dealer_grade_sheet", "--period", period, "--wait", "--json"])
        assert answer.exit_code == 0, answer.output
        told = json.loads(answer.stdout)
        assert told["state"] == "done"
        return next(record for record in told["records"] if record["fields"]["dealer"] == f"SPL-0{dealer[1:]}")
    return compiled


def column(sheet, name):
    assert [row["indicator"] for row in sheet["lines"]["indicators"]] == list(INDICATORS)
    return [row[name] for row in sheet["lines"]["indicators"]]


def fields(sheet, *names):
    return {name: sheet["fields"][name] for name in names}


def test_example_a_in_figures(files, compiled):
    files.example_a()
    sheet = compiled("F001")
    assert fields(sheet, "score", "weighted_sum", "applicable_weight", "grade", "coefficient", "is_rated", "has_veto") == {
        "score": "88.63", "weighted_sum": "88.625", "applicable_weight": "100", "grade": "b", "coefficient": "1",
        "is_rated": True, "has_veto": False}
    assert column(sheet, "weight") == ["10", "20", "15", "20", "15", "10", "5", "5"]
    assert list(zip(column(sheet, "numerator"), column(sheet, "denominator"), strict=True)) == [
        ("2", "2"), ("152", "160"), ("37", "40"), ("88", "100"), ("11", "12"), ("47", "50"), ("0", "1"), ("8", "8")]
    assert column(sheet, "rate") == [
        "1.000000", "0.950000", "0.925000", "0.880000", "0.916667", "0.940000", "0.000000", "1.000000"]
    assert column(sheet, "score") == ["10", "19", "13.875", "17.6", "13.75", "9.4", "0", "5"]


def test_example_a_with_the_plan_handed_in_by_the_last_second(files, compiled):
    files.example_a(plan_submitted="2026-10-10T23:59:59")
    sheet = compiled("F001")
    assert fields(sheet, "score", "weighted_sum", "grade", "coefficient") == {
        "score": "93.63", "weighted_sum": "93.625", "grade": "a", "coefficient": "1.05"}


def test_example_b_then_a_veto(files, compiled):
    files.example_b()
    sheet = compiled("F002")
    assert fields(sheet, "score", "weighted_sum", "applicable_weight", "grade", "coefficient") == {
        "score": "91.94", "weighted_sum": "78.15", "applicable_weight": "85", "grade": "a", "coefficient": "1.05"}
    assert column(sheet, "is_applicable") == [True, True, True, True, False, True, True, True]
    files.add("conduct_violation", "verified", violation_type="fee", dealer="F002", occurred_at="2026-10-05T10:00:00",
              description="索取费用", source_type="callback", verified_at="2026-10-31T23:59:59", is_veto=True)
    again = compiled("F002")
    assert again["number"] == sheet["number"]
    assert fields(again, "score", "grade", "coefficient", "has_veto") == {
        "score": "91.94", "grade": "d", "coefficient": "0.9", "has_veto": True}
    assert [row["conduct_violation"] for row in again["lines"]["vetoes"]] == again["behind"]["has_veto"]
    assert "收取费用" in again["fields"]["veto_reason"]


def test_every_figure_names_the_records_behind_it(files, compiled):
    files.example_a()
    sheet = compiled("F001")
    counted = {name: len(sheet["behind"].get(f"{name}/denominator", ())) for name in INDICATORS}
    hit = {name: len(sheet["behind"].get(name, ())) for name in INDICATORS}
    assert counted == dict(zip(INDICATORS, (2, 160, 40, 1, 12, 50, 1, 1), strict=True))  # one training, one form
    assert hit == dict(zip(INDICATORS, (2, 152, 37, 1, 11, 47, 0, 1), strict=True))
    late = set(sheet["behind"]["complaint_closing/denominator"]) - set(sheet["behind"]["complaint_closing"])
    evidence = sheet["lines"]["evidence"]
    assert late == {row["source_number"] for row in evidence
                    if row["indicator"] == "complaint_closing" and not row["is_hit"]}
    returns = [row for row in evidence if row["indicator"] == "first_time_fix" and not row["is_hit"]]
    assert len(returns) == 8 and all(row["related_number"] for row in returns)
    assert sum(row["indicator"] == "training_pass" for row in evidence) == 8


def test_the_page_and_the_export_say_the_same(files, compiled, person):
    files.example_a()
    sheet = compiled("F001")
    office = person("customer_service")
    page = office.get(f"/admin/dealer_grade_sheet/?q={sheet['number']}").text
    assert "88.63" in page
    address = "/admin/dealer_grade_sheet/details/?id=1"
    text = office.get(address).text
    for shown in ("88.63", "95.00", "92.50", "91.67", "94.00", "0.00", "100.00"):
        assert shown in text, shown
    data = office.get("/admin/dealer_grade_sheet/export/csv/").data.decode("utf-8-sig")
    rows = {row["编号"]: row for row in csv.DictReader(io.StringIO(data))}
    row = rows[sheet["number"]]
    assert (row["考评成绩"], row["加权得分合计"], row["综合考评结果(等级)"]) == ("88.63", "88.625", "B级")


@pytest.mark.parametrize(("example", "dealer"), [("example_a", "F001"), ("example_b", "F002")])
def test_every_door_tells_the_same_figures(app, files, compiled, person, example, dealer):
    getattr(files, example)()
    sheet = compiled(dealer)
    exported = next(row for row in json.loads(command(app, "--format", "json")) if row["number"] == sheet["number"])
    assert {name: exported[name] for name in sheet["fields"]} == sheet["fields"]
    assert {name: exported[name] for name in sheet["lines"]} == sheet["lines"]
    office = person("customer_service")
    screen = office.get("/admin/dealer_grade_sheet/export/csv/?header=names").data.decode("utf-8-sig")
    for data in (command(app, "--header", "names").lstrip("\ufeff"), screen):
        row = next(row for row in csv.DictReader(io.StringIO(data)) if row["number"] == sheet["number"])
        assert {name: row[name] for name in FIGURES} == fields(sheet, *FIGURES)
    (id_,) = reading.ids_of(office.get(f"/admin/dealer_grade_sheet/?q={sheet['number']}").text)
    every_door_says(Casebook(app), "customer_service", "dealer_grade_sheet", id_, **fields(sheet, *FIGURES))
    page = office.get(f"/admin/dealer_grade_sheet/details/?id={id_}").text
    for label, name in (("权重", "weight"), ("分子", "numerator"), ("分母", "denominator"), ("得分", "score"), ("扣分", "deduction")):
        assert cells(page, label) == [shown or "—" for shown in column(sheet, name)], label
    assert cells(page, "实际") == [f"{rounded(rounded(rate, 6) * 100)}%" if rate else "—" for rate in column(sheet, "rate")]
    told = on_paper.calculated(office, "dealer_grade_sheet", id_)
    assert [on_paper.figures(told)[label] for label in ("考评成绩", "加权得分合计", "适用权重合计", "结算系数")] == [
        float(sheet["fields"][name]) for name in FIGURES if name != "grade"]
    rows = on_paper.rows_of(told["考核指标"])
    for label, name in (("分子", "numerator"), ("分母", "denominator"), ("实际", "rate"), ("得分", "score")):
        assert [row[label] for row in rows] == [float(shown) if shown else "" for shown in column(sheet, name)], label
    text = on_paper.whole(on_paper.printed(office, "dealer_grade_sheet", id_))
    table = text[text.index("考核指标#"):]
    for row in sheet["lines"]["indicators"]:
        counts = f"{row['numerator']}{row['denominator']}"
        rate = f"{rounded(rounded(row['rate'], 6) * 100)}%{row['score']}" if row["rate"] else ""
        assert counts in table and rate in table, row["indicator"]
    assert f"考评成绩{sheet['fields']['score']}" in text and f"结算系数{sheet['fields']['coefficient']}" in text


def command(app, *options):
    answer = app.test_cli_runner().invoke(args=["export", "dealer_grade_sheet", *options])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def cells(page, label):
    """What the column of the indicators shows; no other child table has a column of this name."""
    return [reading.squeezed(cell) for cell in re.findall(rf'<td data-label="{label}"[^>]*>(.*?)</td>', page, re.S)]
