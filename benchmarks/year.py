"""A large company's year to compile a month of: quality information sheets with their callbacks, and what users told in
dealers' reports, cards, the register and appraisals; made by the database itself.

Like company.py it writes records without their listener.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from benchmarks.network import numbers, places, write
from models.base import Moment, Record
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.people import Unit
from models.spec import Period
from rules import office

PERIOD, COMPILED_AT = "2026-10", datetime(2026, 11, 5, 16, 30, tzinfo=UTC)
CUSTOMERS, BATCHES, VEHICLES, UNITS = 2_000, 500, 5_000, ("U1", "U2", "U3")
PRODUCTS = ("牵引车", "自卸车", "搅拌车", "工业雷管", "导爆管", "乳化炸药", "变速箱总成", "前桥总成")
WORDS = "用户反映使用中出现异响，停机后仍有振动，要求派人检查。"
# Of a hundred things that users told: what they were written down as; the rest are lines of the dealers' reports.
TOLD = {"complaint_tracking_card": 20, "customer_feedback_register": 10, "warranty_appraisal": 30}
BASE = {"revision": 1, "content_hash": "", "audit_head": "", "created_at": COMPILED_AT, "updated_at": COMPILED_AT}


def fill(connection: sa.Connection, dealers: int, rows: int) -> None:
    """`rows` sheets and `rows` things told, spread over the year that ends with the month."""
    _masters(connection, dealers)
    _sheets(connection, dealers, rows)
    _callbacks(connection, rows)
    for name, share in TOLD.items():
        _write(connection, name, rows * share // 100, **_told(name, dealers, rows))
    _appraised_parts(connection, rows * TOLD["warranty_appraisal"] // 100)
    _reports(connection, dealers, rows - sum(rows * share // 100 for share in TOLD.values()))


def months() -> list[Period]:
    found = [Period.parse(PERIOD)]
    while len(found) < 12:
        found.insert(0, found[0].previous())
    return found


# Rows made of a running number ------------------------------------------------------------------------------------

def _days() -> Any:
    """A row for each day of the year: when something came in, the limit, and moments just in time and just too late."""
    first = date(2025, 11, 1)
    starts = [office.start_of(first + timedelta(days=n)) + timedelta(hours=9 + n % 8) for n in range(365)]
    columns = [sa.column("day", sa.Integer), *(sa.column(name, Moment()) for name in ("came", "due", "before", "after", "ended"))]
    rows = [(n, at, at + timedelta(hours=24), at + timedelta(hours=22), at + timedelta(hours=24, seconds=1),
             at + timedelta(days=3)) for n, at in enumerate(starts)]
    return sa.values(*columns, name="days").data(rows).cte("days")


def _write(connection: sa.Connection, type_name: str, count: int, **values: Any) -> None:
    write(connection, type_name, count, _days(), 365, {**BASE, **values})


def _turn(count: int, every: int = 1) -> Any:
    return lambda n, day: n // every % count + 1


def _one_of(words: tuple[str, ...], every: int = 1) -> Any:
    return lambda n, day: sa.case(*((n // every % len(words) == k, sa.literal(word)) for k, word in enumerate(words)))


def _mostly(every: int, usual: Any, other: Any) -> Any:
    """One row in `every` is different."""
    return lambda n, day: sa.case((n % every == every - 1, other(n, day)), else_=usual(n, day))


def _faults(every: int) -> Any:
    return _one_of(tuple(choice.value for choice in FAULT_CATEGORIES), every)


# The year ---------------------------------------------------------------------------------------------------------

def _masters(connection: sa.Connection, dealers: int) -> None:
    connection.execute(sa.insert(Unit), [
        {"code": code, "name": f"{code} 分公司", "province": "重庆市", "is_active": True} for code in UNITS])
    for name, rows in {
        "dealer_ledger": [{"name": f"F{n:05} 服务站", "dealer_code": f"F{n:05}", "outlet_type": "repair_station",
                           "established_on": date(2020, 1, 1)} for n in range(1, dealers + 1)],
        "customer": [{"name": f"第{n}工程有限公司"} for n in range(1, CUSTOMERS + 1)],
        "product_batch": [{"product_name": PRODUCTS[n % len(PRODUCTS)], "batch_no": f"B{n:05}",
                           "display_name": f"B{n:05}"} for n in range(1, BATCHES + 1)],
        "vehicle": [{"vin": f"LZZ{n:014}", "model": f"M{n % 12}", "product_batch_id": n % BATCHES + 1, "state": "delivered",
                     "delivered_on": date(2025, 1, 1)} for n in range(1, VEHICLES + 1)],
    }.items():
        connection.execute(Record.types[name].model.__table__.insert(), [
            {**BASE, "state": "active", **row, "id": n, "number": f"{name}-{n:06}"} for n, row in enumerate(rows, 1)])


def _sheets(connection: sa.Connection, dealers: int, rows: int) -> None:
    """One in twenty is not closed, one in thirty was no quality information, one in fifty was called off."""
    closed = _mostly(20, lambda n, day: day.ended, lambda n, day: sa.null())
    state = _mostly(50, _mostly(30, lambda n, day: sa.literal("closed"), lambda n, day: sa.literal("rejected")),
                    lambda n, day: sa.literal("void"))
    _write(connection, "quality_info_transfer", rows, state=state, received_at=lambda n, day: day.came,
           customer_id=_turn(CUSTOMERS), dealer_id=_turn(dealers), product_batch_id=_turn(BATCHES, 3),
           product_name=_one_of(PRODUCTS, 3), batch_no=lambda n, day: sa.literal("B") + sa.cast(n // 3 % BATCHES, sa.String(20)),
           quantity=lambda n, day: places(connection, n % 7 + 1), fault_category=_faults(5), fault_description=WORDS,
           direct_loss=lambda n, day: places(connection, sa.case((n % 4 == 0, n % 40_000), else_=0), 2),
           province="重庆市", is_in_province=_mostly(3, lambda n, day: sa.true(), lambda n, day: sa.false()),
           quality_opinion="请责任单位现场核实并处理", reply_text=_mostly(9, lambda n, day: sa.literal("已电话告知用户处理步骤"),
                                                                     lambda n, day: sa.null()),
           handling_mode=_one_of(("phone_or_written", "on_site")), responsible_unit=_one_of(UNITS, 2),
           reply_due_at=lambda n, day: day.due, arrive_due_at=lambda n, day: day.due,
           replied_at=_mostly(10, lambda n, day: day.before, lambda n, day: day.after),
           arrived_at=_mostly(8, lambda n, day: day.before, lambda n, day: day.after), closed_at=closed)


def _callbacks(connection: sa.Connection, rows: int) -> None:
    """All but one in ten of the sheets, whatever became of them."""
    _write(connection, "callback_record", rows * 9 // 10, state="done", quality_info_transfer_id=lambda n, day: n + 1,
           customer_id=_turn(CUSTOMERS), served_at=lambda n, day: day.ended, called_at=lambda n, day: day.ended,
           is_reached=True, satisfaction_level=_one_of(tuple(level.value for level in SATISFACTION_LEVELS), 2))


def _told(name: str, dealers: int, rows: int) -> dict[str, Any]:
    """Half of the register was made from cards."""
    common = {"dealer_id": _turn(dealers), "fault_category": _faults(1), "received_at": lambda n, day: day.came,
              "vehicle_id": _turn(VEHICLES, 2)}
    if name == "complaint_tracking_card":
        return {**common, "state": "closed", "feedback_kind": "complaint", "mileage": lambda n, day: n % 90_000,
                "close_due_at": lambda n, day: day.due,
                "closed_at": _mostly(11, lambda n, day: day.before, lambda n, day: day.after)}
    if name == "customer_feedback_register":
        cards = rows * TOLD["complaint_tracking_card"] // 100
        return {**common, "state": "closed", "closed_at": _mostly(40, lambda n, day: day.ended, lambda n, day: sa.null()),
                "complaint_tracking_card_id": lambda n, day: sa.case((n % 2 == 0, n % max(1, cards) + 1))}
    return {**common, "state": "approved", "mileage": lambda n, day: n % 90_000, "model": _one_of(("M1", "M2", "M3"), 2),
            "product_batch_id": _turn(BATCHES, 2), "reviewed_at": lambda n, day: day.ended,
            "review_result": _mostly(15, lambda n, day: sa.literal("approved"), lambda n, day: sa.literal("rejected"))}


def _appraised_parts(connection: sa.Connection, appraisals: int) -> None:
    part = Record.types["warranty_appraisal"].lines["parts"].model.__table__
    n = numbers(appraisals)
    connection.execute(sa.insert(part).from_select(
        ["record_id", "position", "part_no", "part_name", "is_main_fault_part"],
        sa.select(n + 1, 0, sa.literal("P-") + sa.cast(n % 300, sa.String(20)), sa.literal("配件"), sa.true())
        .where(appraisals > 0)))


def _reports(connection: sa.Connection, dealers: int, lines: int) -> None:
    """Of every dealer one a month; one line in five names an appraisal."""
    periods = tuple(str(period) for period in months())
    item = Record.types["monthly_quality_report"].lines["items"].model.__table__
    _write(connection, "monthly_quality_report", dealers * len(periods), state="accepted", dealer_id=_turn(dealers, len(periods)),
           period=_one_of(periods), submitted_at=COMPILED_AT - timedelta(days=1))
    n = numbers(lines)
    faults = _faults(2)(n, None)
    connection.execute(sa.insert(item).from_select(
        ["record_id", "position", "line_no", "occurred_on", "model", "product_batch_id", "mileage", "fault_category", "part_no",
         "fault_description", "quantity", "amount", "warranty_appraisal_id"],
        sa.select(n % (dealers * len(periods)) + 1, n // (dealers * len(periods)), n // (dealers * len(periods)) + 1,
                  sa.literal(date(2026, 10, 1)), sa.literal("M7"), n % BATCHES + 1, n % 90_000, faults,
                  sa.literal("Q-") + sa.cast(n % 300, sa.String(20)), sa.literal(WORDS), n % 3 + 1, places(connection, n % 900, 2),
                  sa.case((n % 5 == 0, n // 5 % max(1, lines // 2) + 1))).where(lines > 0)))
