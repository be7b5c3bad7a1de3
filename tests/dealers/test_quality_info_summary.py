"""The monthly summary: worked example C figure by figure, and where a month begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jobs import reports
from models.base import Record
from models.history import AuditEntry
from models.improvement.quality_rectification_order import propose_orders
from models.reports import ReportRun
from models.spec import Invalid
from rules import access, audit, records
from rules.act import Act

SHANGHAI = ZoneInfo("Asia/Shanghai")
AFTERWARDS = datetime(2026, 10, 31, 16, 10, tzinfo=UTC)  # 1 November 00:10 in the office


def at(text: str) -> datetime:
    """`10-02 09:00` of 2026, in the office's zone."""
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=SHANGHAI).astimezone(UTC)


class Office:
    """Loads cases as they stood before the system, and compiles their month."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.count = 0
        act = Act(session, access.Actor.system())
        self.customer = act.find("customer")[0]
        self.dealers = {dealer.dealer_code: dealer for dealer in act.find("dealer_ledger")}
        self.batches = {(batch.product_name, batch.batch_no): batch for batch in act.find("product_batch")}

    def keep(self, type_name: str, **values: Any) -> Any:
        act = Act(self.session, access.Actor.system(), is_history=True)
        record = records.blank(act, Record.types[type_name])
        for name, value in values.items():
            field = record.spec.fields.get(name)
            assert field or hasattr(record, name), name
            setattr(record, field.column if field else name, value)
        records.keep(act, record, {})
        return record

    def change(self, record: Any, **values: Any) -> None:
        act = Act(self.session, access.Actor.system(), is_history=True)
        for name, value in values.items():
            setattr(record, name, value)
        act.touch(record)
        self.session.commit()

    def batch(self, product: str, batch_no: str) -> Any:
        key = (product, batch_no)
        if key not in self.batches:
            self.batches[key] = self.keep(
                "product_batch", product_name=product, batch_no=batch_no, production_unit="U1",
                produced_on=at("08-01 00:00").date())
        return self.batches[key]

    def case(self, received: str | datetime, dealer: str = "", product: str = "M1", batch: str = "B1",
             category: str = "engine", *, out: bool = False, replied: str = "", arrived: str = "", loss: Any = 0,
             closed: str = "", level: str = "", on_site: bool | None = None, **more: Any) -> Any:
        self.count += 1
        visited = bool(arrived) if on_site is None else on_site
        sheet = self.keep("quality_info_transfer", **{
            "number": f"QI-202610-{self.count:04}", "state": "closed" if closed else "disposed",
            "received_at": at(received) if isinstance(received, str) else received, "intake_unit": "marketing",
            "customer": self.customer.id, "contact_person": "张三", "phone": "13800000000",
            "province": "四川省" if out else "重庆市", "dealer": self.dealers[dealer].id if dealer else None,
            "product_batch": self.batch(product, batch).id, "product_name": product, "batch_no": batch,
            "quantity": Decimal(1), "fault_category": category, "fault_description": "异响",
            "direct_loss": Decimal(loss), "handling_mode": "on_site" if visited else "phone_or_written",
            "replied_at": at(replied) if replied else None, "arrived_at": at(arrived) if arrived else None,
            "closed_at": at(closed) if closed else None, **more})
        if level:
            self.call(sheet, closed, level)
        return sheet

    def call(self, sheet: Any, called: str, level: str, state: str = "done") -> Any:
        return self.keep("callback_record", quality_info_transfer=sheet.id, customer=self.customer.id,
                         served_at=sheet.received_at, called_at=at(called), satisfaction_level=level, state=state)

    def run(self, period: str = "2026-10", now: datetime = AFTERWARDS) -> ReportRun:
        act = Act(self.session, access.Actor.system(), now=now)
        run = reports.request(act, "quality_info_summary", period)
        self.session.commit()
        reports.run(run.id, now=now)
        return self.session.get(ReportRun, run.id, populate_existing=True)

    def compiled(self, period: str = "2026-10", now: datetime = AFTERWARDS) -> dict[str, Any]:
        run = self.run(period, now)
        assert run.state == "done", run.error_en
        return reports.as_json(self.session, run)["records"][0]

    def summary(self) -> Any:
        return Act(self.session, access.Actor.system()).find("quality_info_summary")[-1]


@pytest.fixture
def office(session: Any) -> Office:
    return Office(session)


def figures(record: dict[str, Any], section: str) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in record["lines"]["figures"] if row["section"] == section}


def column(record: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    return {key: row[name] for key, row in figures(record, section).items()}


def numbers(*endings: int) -> list[str]:
    return [f"QI-202610-{n:04}" for n in endings]


@pytest.fixture
def example(office: Office) -> Office:
    """Worked example C: ten cases of October, eight of September."""
    case = office.case
    case("10-02 09:00", "F001", "M1", "B2608", "engine", replied="10-02 15:00", arrived="10-03 08:30", loss=3000,
         closed="10-06 12:00", level="satisfied")
    case("10-03 10:00", "F002", "M1", "B2608", "brakes", out=True, replied="10-04 10:00", arrived="10-05 10:00",
         loss=20000, closed="10-20 12:00", level="satisfied")
    case("10-05 08:00", "F001", "M2", "B2607", "electrical", replied="10-06 08:01", closed="10-07 12:00",
         level="neutral")
    case("10-09 14:00", "F003", "M1", "B2608", "engine", replied="10-09 16:00", arrived="10-10 14:30", loss=1500,
         closed="10-15 12:00", level="dissatisfied")
    case("10-12 09:00", "F001", "M2", "B2609", "body", replied="10-12 10:00", closed="10-13 12:00",
         level="very_satisfied")
    case("10-15 09:00", "F002", "M1", "B2608", "engine", out=True, replied="10-15 11:00", arrived="10-17 08:00",
         loss=8000)
    case("10-18 09:00", "F003", "M2", "B2607", "electrical", replied="10-18 18:00", closed="10-22 12:00",
         level="satisfied")
    case("10-21 09:00", "F002", "M1", "B2607", "brakes", out=True, replied="10-21 09:30", arrived="10-23 11:00",
         loss=25000)
    case("10-25 08:00", "F001", "M1", "B2608", "engine", replied="10-25 12:00", arrived="10-26 04:00", loss=2500,
         closed="10-28 12:00", level="satisfied")
    case("10-30 16:00", "F003", "M2", "B2609", "service_attitude", replied="10-31 15:59")
    for n in range(8):
        case(f"09-{n + 1:02} 09:00", replied=f"09-{n + 1:02} 10:00", closed=f"09-{n + 5:02} 10:00")
    office.session.commit()
    return office


def test_example_header(example: Office) -> None:
    fields = example.compiled()["fields"]
    assert {name: fields[name] for name in (
        "period", "case_count", "previous_case_count", "change_count", "change_rate", "direct_loss",
        "major_incident_count", "reply_on_time_rate", "arrival_on_time_rate", "closed_rate", "callback_rate",
        "satisfaction_rate", "open_count", "data_as_of", "month_end_at", "due_at", "is_frozen")} == {
        "period": "2026-10", "case_count": 10, "previous_case_count": 8, "change_count": 2, "change_rate": "0.250000",
        "direct_loss": "60000.00", "major_incident_count": 2, "reply_on_time_rate": "0.900000",
        "arrival_on_time_rate": "0.666667", "closed_rate": "0.700000", "callback_rate": "1.000000",
        "satisfaction_rate": "0.714286", "open_count": 3, "data_as_of": "2026-10-31T16:10:00+00:00",
        "month_end_at": "2026-10-31T16:00:00+00:00", "due_at": "2026-11-01T15:59:59+00:00", "is_frozen": False}


def test_example_pareto(example: Office) -> None:
    record = example.compiled()
    rows = [(row["key"], row["caption"], row["rank"], row["case_count"], row["rate"], row["cumulative_rate"],
             row["is_focus"]) for row in figures(record, "by_fault_category").values()]
    assert rows == [
        ("engine", "发动机", 1, 4, "0.400000", "0.400000", True),
        ("brakes", "制动", 2, 2, "0.200000", "0.600000", True),
        ("electrical", "电气", 3, 2, "0.200000", "0.800000", True),
        ("body", "车身", 4, 1, "0.100000", "0.900000", False),
        ("service_attitude", "服务态度", 5, 1, "0.100000", "1.000000", False)]
    assert column(record, "loss_by_fault_category", "rate") == {"brakes": "0.750000", "engine": "0.250000"}
    assert column(record, "loss_by_fault_category", "direct_loss") == {"brakes": "45000.00", "engine": "15000.00"}


def test_example_groups(example: Office) -> None:
    record = example.compiled()
    assert column(record, "by_product", "case_count") == {"M1": 6, "M2": 4}
    assert column(record, "by_product_batch", "case_count") == {"B2608": 5, "B2607": 3, "B2609": 2}
    assert column(record, "by_dealer", "case_count") == {"F001": 4, "F002": 3, "F003": 3}
    assert list(column(record, "by_dealer", "caption").values()) == ["F001 服务站", "F002 服务站", "F003 服务站"]
    assert column(record, "by_responsible_unit", "case_count") == {"-": 10}
    assert column(record, "satisfaction_level", "case_count") == {
        "very_satisfied": 1, "satisfied": 4, "neutral": 1, "dissatisfied": 1}


def test_example_rates(example: Office) -> None:
    record = example.compiled()
    parts = {section: [(row["key"], row["numerator"], row["denominator"]) for row in figures(record, section).values()]
             for section in ("month_on_month", "reply_on_time", "arrival_on_time", "major_incident", "closed",
                             "callback", "satisfaction")}
    assert parts == {
        "month_on_month": [("", "2", "8")], "reply_on_time": [("", "9", "10")],
        "arrival_on_time": [("", "4", "6"), ("in_province", "2", "3"), ("out_of_province", "2", "3")],
        "major_incident": [("", "2", "10")], "closed": [("", "7", "10")], "callback": [("", "7", "7")],
        "satisfaction": [("", "5", "7")]}
    assert figures(record, "total")[""]["case_count"] == 10
    assert figures(record, "direct_loss")[""]["direct_loss"] == "60000.00"


def test_example_cases_and_recurrences(example: Office) -> None:
    lines = example.compiled()["lines"]
    assert [row["quality_info_transfer"] for row in lines["cases"]] == numbers(*range(1, 11))
    assert [row["line_no"] for row in lines["cases"]] == list(range(1, 11))
    assert {row["quality_info_transfer"][-4:]: row["open_days"] for row in lines["cases"]
            if row["is_open_at_month_end"]} == {"0006": 16, "0008": 10, "0010": 1}
    assert [(row["fault_category"], row["case_count"]) for row in lines["recurrences"]] == [("engine", 4)]
    assert lines["recurrences"][0]["product_batch"] == example.batches["M1", "B2608"].number


def test_br_23_a_recurrence_names_the_order_proposed_for_it_unless_it_was_turned_down(example: Office) -> None:
    (order,) = propose_orders(Act(example.session, access.Actor.system(), now=AFTERWARDS))
    example.compiled()
    assert [row.quality_rectification_order_id for row in example.summary().recurrences] == [order.id]
    example.change(order, state="cancelled")
    example.compiled(now=AFTERWARDS + timedelta(minutes=1))
    assert [row.quality_rectification_order_id for row in example.summary().recurrences] == [None]


def test_example_names_what_is_behind(example: Office) -> None:
    behind = example.compiled()["behind"]
    assert behind["case_count"] == behind["total"] == numbers(*range(1, 11))
    assert len(behind["previous_case_count"]) == 8
    assert behind["direct_loss"] == numbers(1, 2, 4, 6, 8, 9)
    assert behind["major_incident_count"] == numbers(2, 8)
    assert behind["reply_on_time_rate"] == numbers(1, 2, 4, 5, 6, 7, 8, 9, 10)
    assert behind["arrival_on_time_rate"] == numbers(1, 2, 6, 9)
    assert behind["arrival_on_time/denominator"] == numbers(1, 2, 4, 6, 8, 9)
    assert behind["arrival_on_time:out_of_province"] == numbers(2, 6)
    assert behind["closed_rate"] == behind["callback_rate"] == numbers(1, 2, 3, 4, 5, 7, 9)
    assert behind["satisfaction_rate"] == numbers(1, 2, 5, 7, 9)
    assert behind["open_count"] == numbers(6, 8, 10)
    assert behind["by_product_batch:B2607"] == numbers(3, 7, 8)
    assert behind["satisfaction_level:dissatisfied"] == numbers(4)
    assert behind["recurrence:B2608/engine"] == numbers(1, 4, 6, 9)


def test_every_figure_has_what_it_counted_behind_it(example: Office) -> None:
    record = example.compiled()
    for row in record["lines"]["figures"]:
        name = f"{row['section']}:{row['key']}" if row["key"] else row["section"]
        assert len(record["behind"][name]) == row["case_count"], name


def test_compiling_twice_gives_the_same_record_and_lines(example: Office) -> None:
    first, second = example.compiled(), example.compiled(now=AFTERWARDS + timedelta(minutes=1))
    assert second["fields"].pop("data_as_of") != first["fields"].pop("data_as_of")
    assert first == second
    assert list(audit.verify(example.session)) == []


def test_the_audit_answers_for_the_lines(example: Office) -> None:
    example.compiled()
    entry = example.session.query(AuditEntry).filter_by(type="quality_info_summary").all()[-1]
    assert entry.action == "move:compile"
    assert "逐起明细 10 行" in entry.comment
    assert entry.changes["case_count"] == [0, 10]
    assert list(audit.verify(example.session)) == []
    summary = example.summary()
    example.session.execute(type(summary.cases[0]).__table__.update().values(product_name="别的"))
    example.session.commit()
    assert len(list(audit.verify(example.session))) == 1


def test_a_change_made_in_between_is_in_the_second_compilation(example: Office) -> None:
    example.compiled()
    sheet = example.session.query(Record.types["quality_info_transfer"].model).filter_by(
        number="QI-202610-0001").one()
    example.change(sheet, direct_loss=Decimal("20000.00"))
    again = example.compiled(now=AFTERWARDS + timedelta(minutes=1))
    assert (again["fields"]["direct_loss"], again["fields"]["major_incident_count"]) == ("77000.00", 3)
    assert list(audit.verify(example.session)) == []


def test_a_second_compilation_within_the_same_second_is_audited_too(example: Office) -> None:
    example.compiled()
    sheet = example.session.query(Record.types["quality_info_transfer"].model).filter_by(
        number="QI-202610-0001").one()
    example.change(sheet, fault_description="别的问题")  # changes a line, but no figure
    again = example.compiled()
    assert again["lines"]["cases"][0]["fault_description"] == "别的问题"
    assert list(audit.verify(example.session)) == []


@pytest.mark.parametrize("state", ["checked", "submitted", "received"])
def test_a_record_that_is_further_on_is_not_compiled_again(example: Office, state: str) -> None:
    example.compiled()
    example.change(example.summary(), state=state)
    run = example.run(now=AFTERWARDS + timedelta(hours=1))
    assert run.state == "failed"
    assert example.summary().number in run.error_zh and "退回" in run.error_zh
    assert example.summary().data_as_of == AFTERWARDS


def test_a_void_record_gives_way_to_a_new_one(example: Office) -> None:
    first = example.compiled()["number"]
    example.change(example.summary(), state="void")
    assert example.compiled()["number"] != first


def test_a_run_that_is_over_is_not_run_again(example: Office) -> None:
    run = example.run()
    example.change(example.summary(), quality_opinion="意见")
    reports.run(run.id)
    assert example.summary().data_as_of == AFTERWARDS


def test_the_month_is_the_offices(office: Office) -> None:
    """00:00:00 of the 1st in Shanghai begins the month, 16:00 of the day before in UTC."""
    office.case(datetime(2026, 9, 30, 15, 59, 59, tzinfo=UTC), closed="09-30 23:59")
    office.case(datetime(2026, 9, 30, 16, 0, 0, tzinfo=UTC))
    office.case(datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC))
    office.case(datetime(2026, 10, 31, 16, 0, 0, tzinfo=UTC))
    record = office.compiled()
    assert record["behind"]["case_count"] == numbers(2, 3)
    assert record["behind"]["previous_case_count"] == numbers(1)
    assert [row["open_days"] for row in record["lines"]["cases"]] == [31, 0]


def test_exactly_on_the_limit_is_on_time_and_a_second_later_is_not(office: Office) -> None:
    office.case("10-02 09:00", replied="10-03 09:00:00", arrived="10-03 09:00:00")
    office.case("10-02 09:00", replied="10-03 09:00:01", arrived="10-03 09:00:01")
    office.case("10-02 09:00", out=True, arrived="10-04 09:00:00")
    office.case("10-02 09:00", out=True, arrived="10-04 09:00:01")
    behind = office.compiled()["behind"]
    assert behind["reply_on_time"] == numbers(1)
    assert behind["arrival_on_time"] == numbers(1, 3)


def test_what_is_not_due_yet_at_the_months_end_does_not_count(office: Office) -> None:
    office.case("10-31 00:00", replied="11-01 00:00")       # due and replied at the month's end: not before it
    office.case("10-30 23:59:59")                           # due a second before the month's end, no reply
    office.case("10-31 12:00", replied="10-31 13:00")       # replied early
    record = office.compiled()
    assert record["behind"]["reply_on_time/denominator"] == numbers(2, 3)
    assert record["behind"]["reply_on_time"] == numbers(3)
    assert figures(record, "arrival_on_time")[""]["is_applicable"] is False
    assert record["fields"]["arrival_on_time_rate"] is None


def test_closing_and_calling_after_the_month_are_not_in_it(office: Office) -> None:
    office.case("10-02 09:00", closed="11-01 00:00")
    early = office.case("10-02 09:00", closed="10-31 23:59:59")
    office.call(early, "10-30 10:00", "dissatisfied")
    office.call(early, "10-31 10:00", "satisfied")
    office.call(early, "10-31 11:00", "neutral", state="void")
    office.call(early, "11-01 00:00", "very_dissatisfied")
    office.case("10-03 09:00", closed="10-20 12:00")        # nobody called
    late = office.case("10-03 09:00", closed="10-20 12:00")
    office.call(late, "11-01 00:00", "satisfied")
    record = office.compiled()
    assert record["behind"]["closed"] == numbers(2, 3, 4) and record["fields"]["callback_rate"] == "0.333333"
    assert record["behind"]["callback"] == record["behind"]["satisfaction"] == numbers(2)
    assert record["behind"]["open_count"] == numbers(1)
    assert record["lines"]["cases"][1]["satisfaction_level"] == "satisfied"


def test_void_sheets_are_not_listed_and_rejected_ones_not_counted(office: Office) -> None:
    office.case("10-02 09:00", loss=100)
    office.case("10-03 09:00", loss=50000, state="void")
    office.case("10-04 09:00", loss=50000, state="rejected")
    office.case("09-04 09:00", state="rejected")
    record = office.compiled()
    assert [(row["quality_info_transfer"], row["is_rejected"]) for row in record["lines"]["cases"]] == [
        ("QI-202610-0001", False), ("QI-202610-0003", True)]
    assert (record["fields"]["case_count"], record["fields"]["direct_loss"]) == (1, "100.00")
    assert (record["fields"]["open_count"], record["fields"]["major_incident_count"]) == (1, 0)


def test_cases_carried_over_are_listed_and_only_count_as_open(office: Office) -> None:
    office.case("10-02 09:00", closed="10-03 09:00")
    office.case("09-20 09:00", loss=30000)                        # still open
    office.case("09-21 09:00", closed="10-01 00:00")              # was open when the month began
    office.case("09-22 09:00", closed="09-30 23:59:59")           # was not
    record = office.compiled()
    assert [(row["quality_info_transfer"], row["is_carry_over"], row["open_days"])
            for row in record["lines"]["cases"]] == [
        ("QI-202610-0001", False, None), ("QI-202610-0002", True, 41), ("QI-202610-0003", True, None)]
    assert (record["fields"]["case_count"], record["fields"]["direct_loss"]) == (1, "0.00")
    assert record["behind"]["open_count"] == numbers(2)
    assert figures(record, "by_fault_category")["engine"]["case_count"] == 1


def test_nothing_to_compare_with_gives_no_rate(office: Office) -> None:
    office.case("10-02 09:00")
    record = office.compiled()
    row = figures(record, "month_on_month")[""]
    assert (row["numerator"], row["denominator"], row["rate"], row["is_applicable"]) == ("1", "0", None, False)
    assert (record["fields"]["previous_case_count"], record["fields"]["change_rate"]) == (0, None)


def test_an_empty_month_has_a_summary_too(office: Office) -> None:
    record = office.compiled()
    assert (record["fields"]["case_count"], record["fields"]["direct_loss"]) == (0, "0.00")
    assert record["fields"]["closed_rate"] is None
    assert record["lines"]["cases"] == record["lines"]["recurrences"] == []


def test_the_loss_of_a_major_incident_includes_the_limit(office: Office) -> None:
    office.case("10-02 09:00", loss="19999.99")
    office.case("10-02 09:00", loss="20000.00")
    assert office.compiled()["behind"]["major_incident_count"] == numbers(2)


def test_two_batches_of_one_number_are_one_group(office: Office) -> None:
    """The number of a batch is unique within its product; people speak of the batch by its number."""
    for product in ("M1", "M2", "M1"):
        office.case("10-02 09:00", product=product, batch="B7")
    record = office.compiled()
    assert column(record, "by_product_batch", "case_count") == {"B7": 3}
    assert [row["case_count"] for row in record["lines"]["recurrences"]] == [3]


@pytest.mark.parametrize("period", ["2026", "2026-Q4", "2026-13", "october", ""])
def test_only_a_month_is_compiled(session: Any, period: str) -> None:
    with pytest.raises(Invalid):
        reports.request(Act(session, access.Actor.system()), "quality_info_summary", period)


def test_a_month_that_has_not_begun_is_not_compiled(session: Any) -> None:
    with pytest.raises(Invalid):
        reports.request(Act(session, access.Actor.system(), now=AFTERWARDS), "quality_info_summary", "2026-12")
