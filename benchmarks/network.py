"""A large network to grade: many dealers and what all of them did in one month, made by the database itself.

Like company.py it writes records without their listener.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from models.base import Moment, Record
from models.choices import FAULT_CATEGORIES
from rules import office

EARLIER, PERIOD, COMPILED_AT = "2026-09", "2026-10", datetime(2026, 11, 5, 16, 30, tzinfo=UTC)
OWED = ("monthly_quality_report", "dealer_monthly_work_report", "parts_demand_plan")   # one each of every dealer
# Of a hundred rows of evidence beyond those; the repairs are what is left.
SHARES = {"work_order": 15, "quality_info_transfer": 5, "satisfaction_questionnaire": 6, "complaint_tracking_card": 10,
          "warranty_appraisal": 14, "attendee": 10}
VEHICLES, CLASS_SIZE, VETO_EVERY = 40, 20, 17
ITEMS = (("quality", "0.40"), ("delivery", "0.20"), ("service", "0.25"), ("price", "0.15"))
BASE = {"revision": 1, "content_hash": "", "audit_head": "", "created_at": COMPILED_AT, "updated_at": COMPILED_AT}


def fill(connection: sa.Connection, dealers: int, rows: int) -> None:
    """`rows` of evidence in all, the same number for every dealer, spread over the tables as they would come in."""
    each = rows // dealers - len(OWED)
    counts = {name: each * share // 100 for name, share in SHARES.items()}
    _dealers(connection, dealers)
    _owed(connection, dealers)
    _repairs(connection, dealers, each - sum(counts.values()))
    _arrivals(connection, dealers, counts["work_order"], counts["quality_info_transfer"])
    _questionnaires(connection, dealers, counts["satisfaction_questionnaire"])
    _complaints(connection, dealers, counts["complaint_tracking_card"])
    _appraisals(connection, dealers, counts["warranty_appraisal"])
    _trainings(connection, dealers, counts["attendee"])
    _violations(connection, dealers)
    _earlier_sheets(connection, dealers)


def _dealers(connection: sa.Connection, dealers: int) -> None:
    connection.execute(Record.types["dealer_ledger"].model.__table__.insert(), [
        {**BASE, "id": n, "number": f"SPL-{n:05}", "state": "active", "name": f"F{n:05} 服务站", "dealer_code": f"F{n:05}",
         "outlet_type": "repair_station", "established_on": date(2020, 1, 1), "has_parts_store": True}
        for n in range(1, dealers + 1)])


# Rows made of a running number ------------------------------------------------------------------------------------

def numbers(count: int) -> Any:
    """0, 1, 2 ... as a column."""
    start = sa.select(sa.literal(0).label("n")).cte("numbers", recursive=True)
    return start.union_all(sa.select(start.c.n + 1).where(start.c.n < count - 1)).c.n


def _days() -> Any:
    """One row for each day on which something is due: a limit, and moments just before and just after it."""
    start = office.start_of(date(2026, 10, 2))
    limits = [start + timedelta(days=n, hours=9 + n % 8) for n in range(28)]
    columns = [sa.column("day", sa.Integer), *(sa.column(name, Moment()) for name in ("due", "before", "after"))]
    rows = [(n, due, due - timedelta(hours=2), due + timedelta(seconds=1)) for n, due in enumerate(limits)]
    return sa.values(*columns, name="days").data(rows).cte("days")


def _write(connection: sa.Connection, type_name: str, count: int, **values: Any) -> None:
    write(connection, type_name, count, _days(), 28, {**BASE, **values})


def write(connection: sa.Connection, type_name: str, count: int, days: Any, span: int, values: dict[str, Any]) -> None:
    """`count` records, over the `span` days in turn; a value is a constant, or an expression of the number and the day of
    the row."""
    if not count:
        return
    number = numbers(count)
    table = Record.types[type_name].model.__table__
    made = {name: value(number, days.c) if callable(value) else value for name, value in values.items()}
    made |= {"id": number + 1, "number": f"{type_name.upper()}-" + sa.cast(number, sa.String(20))}
    columns = [value if isinstance(value, sa.ColumnElement) else sa.literal(value, table.c[name].type)
               for name, value in made.items()]
    rows = sa.select(*columns).select_from(number.table.join(days, days.c.day == number % span))
    connection.execute(sa.insert(table).from_select(list(made), rows))


def _in_turn(dealers: int) -> Any:
    return lambda n, day: n % dealers + 1


def _mostly(every: int, usual: Any, other: Any) -> Any:
    """One row in `every` of a dealer is different."""
    return lambda n, day: sa.case((n % every == every - 1, other(day)), else_=usual(day))


# What the dealers did ---------------------------------------------------------------------------------------------

def _owed(connection: sa.Connection, dealers: int) -> None:
    for name, due in zip(OWED, (datetime(2026, 11, 5, tzinfo=UTC),) * 2 + (datetime(2026, 10, 10, tzinfo=UTC),), strict=True):
        _write(connection, name, dealers, dealer_id=_in_turn(dealers), period=PERIOD, state="accepted",
               submitted_at=lambda n, day, due=due: sa.case(
                   (n % 13 == 12, sa.literal(due + timedelta(days=3), Moment())), else_=sa.literal(due, Moment())))


def _repairs(connection: sa.Connection, dealers: int, each: int) -> None:
    """Some faults of some vehicles come back."""
    _write(connection, "vehicle", dealers * VEHICLES, state="delivered", dealer_id=_in_turn(dealers))
    faults = [choice.value for choice in FAULT_CATEGORIES]
    _write(connection, "customer_repair_file", dealers * each, state="archived", dealer_id=_in_turn(dealers),
           service_kind="repair", completed_at=lambda n, day: day.before,
           vehicle_id=lambda n, day: n % dealers + 1 + n // dealers * 7 % VEHICLES * dealers,
           fault_category=lambda n, day: sa.case(
               *((n // dealers % len(faults) == k, sa.literal(fault)) for k, fault in enumerate(faults))))


def _arrivals(connection: sa.Connection, dealers: int, orders: int, sheets: int) -> None:
    """A quarter of the quality information was dispatched."""
    arrival = {"dealer_id": _in_turn(dealers), "state": "closed", "arrive_due_at": lambda n, day: day.due,
               "arrived_at": _mostly(9, lambda day: day.before, lambda day: day.after)}
    _write(connection, "quality_info_transfer", dealers * sheets, **arrival)
    _write(connection, "work_order", dealers * orders, **arrival, quality_info_transfer_id=lambda n, day: sa.case(
        (sa.and_(n < dealers * sheets, n % 4 == 0), n + 1)))


def _questionnaires(connection: sa.Connection, dealers: int, each: int) -> None:
    _write(connection, "satisfaction_questionnaire", dealers * each, dealer_id=_in_turn(dealers), state="scored",
           is_valid=True, returned_at=lambda n, day: day.before)
    answer = Record.types["satisfaction_questionnaire"].lines["answers"].model.__table__
    for position, (item, weight) in enumerate(ITEMS):
        n = numbers(dealers * each)
        connection.execute(sa.insert(answer).from_select(
            ["record_id", "position", "item", "points", "max_points", "weight"],
            sa.select(n + 1, position, sa.literal(item), sa.literal(60, answer.c.points.type) + places(connection, n % 41),
                      sa.literal(100, answer.c.points.type), sa.literal(weight, answer.c.weight.type))
            .where(each > 0)))


def places(connection: sa.Connection, whole: Any, count: int = 4) -> Any:
    """On SQLite a decimal is kept as a whole number of its last place."""
    return whole * 10**count if connection.dialect.name == "sqlite" else whole


def _complaints(connection: sa.Connection, dealers: int, each: int) -> None:
    _write(connection, "complaint_tracking_card", dealers * each, dealer_id=_in_turn(dealers), state="closed",
           feedback_kind="complaint", close_due_at=lambda n, day: day.due,
           closed_at=_mostly(11, lambda day: day.before, lambda day: day.after))


def _appraisals(connection: sa.Connection, dealers: int, each: int) -> None:
    result = _mostly(15, lambda day: sa.literal("approved"), lambda day: sa.literal("rejected"))
    _write(connection, "warranty_appraisal", dealers * each, dealer_id=_in_turn(dealers), state=result,
           review_result=result, reviewed_at=lambda n, day: day.before)


def _trainings(connection: sa.Connection, dealers: int, each: int) -> None:
    trainings = dealers * each // CLASS_SIZE + 1
    _write(connection, "training_record", trainings, state="archived", held_on=date(2026, 10, 20))
    person = Record.types["training_record"].lines["attendees"].model.__table__
    n = numbers(dealers * each)
    connection.execute(sa.insert(person).from_select(
        ["record_id", "position", "person_name", "dealer_id", "is_required", "result"],
        sa.select(n // CLASS_SIZE + 1, n % CLASS_SIZE, sa.literal("学员"), n % dealers + 1, sa.true(),
                  sa.case((n % 17 == 16, "absent"), else_="passed")).where(each > 0)))


def _violations(connection: sa.Connection, dealers: int) -> None:
    _write(connection, "conduct_violation", dealers // VETO_EVERY, state="verified", is_veto=True, violation_type="fee",
           dealer_id=lambda n, day: n * VETO_EVERY + 1, verified_at=lambda n, day: day.before)


def _earlier_sheets(connection: sa.Connection, dealers: int) -> None:
    """The month before was graded too."""
    grade = _mostly(19, lambda day: sa.literal("b"), lambda day: sa.literal("d"))
    _write(connection, "dealer_grade_sheet", dealers, dealer_id=_in_turn(dealers), state="published", sheet_kind="monthly",
           period=EARLIER, grade=grade, consecutive_d_count=_mostly(19, lambda day: sa.literal(0), lambda day: sa.literal(1)))
    if connection.dialect.name == "postgresql":   # ids were given, not drawn
        connection.exec_driver_sql("SELECT setval('dealer_grade_sheet_id_seq', max(id)) FROM dealer_grade_sheet")
