"""A large company to measure on: many quality information sheets, filled in bulk and reproducibly.

This is the one place outside rules/ that writes records without their listener: nobody audits a measurement.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.choices import FAULT_CATEGORIES, PROVINCES, SATISFACTION_LEVELS
from models.people import Membership, Unit, User
from models.settings import ParameterValue

CUSTOMERS, DEALERS, BATCHES, TECHNICIANS = 2_000, 8, 500, 12
SOMEBODY = "quality_engineer"
FIRST_MONTH, LAST_MONTH = (2021, 10), (2026, 9)
OPEN_STATES = ("registered", "confirmed", "endorsed", "replying", "assigned", "dispatched", "on_site", "disposed",
               "called_back", "closed", "rejected")
UNITS = (("QA", "质量部"), ("U1", "一分公司"), ("U2", "二分公司"), ("U3", "三分公司"))
PRODUCTS = ("重型自卸车", "乳化炸药", "工业雷管", "牵引车", "导爆管", "搅拌车", "变速箱总成", "前桥总成")
COMPLAINTS = (
    "用户反映使用中出现异响，停机后仍有振动，要求派人检查。", "包装破损，开箱后发现部分产品受潮，已隔离存放。",
    "连续作业约4小时后温度偏高，报警灯亮；已按说明书处理，无效。", "批次性能不稳定，现场抽检10件有2件不合格。",
    "=数量与随货单不符，少2箱", "外观划伤，长度约30mm，影响验收", "制动距离变长，用户担心安全，请尽快答复")
REPLIES = ("已电话告知用户处理步骤，用户表示认可。", "安排技术人员24小时内到达现场检查。",
           "属使用不当，已现场培训操作人员，\n并留下书面说明。")
NOW = datetime(2026, 10, 1, tzinfo=UTC)


def fill(connection: sa.Connection, rows: int) -> None:
    """Everything the sheets point at, then the sheets."""
    dice = random.Random(20261001)
    _people(connection)
    _masters(connection, dice)
    sheets = Record.types["quality_info_transfer"].model.__table__
    made = _sheets(dice, rows)
    while piece := list(islice(made, 5_000)):
        connection.execute(sheets.insert(), piece)
    # What is measured is the stream, however long; otherwise a job would write so many rows.
    connection.execute(sa.insert(ParameterValue), [
        {"name": "export_rows_at_once", "value": str(10**9), "valid_from": date(2020, 1, 1)}])


def _people(connection: sa.Connection) -> None:
    connection.execute(sa.insert(Unit), [
        {"code": code, "name": name, "province": "重庆市", "is_active": True} for code, name in UNITS])
    names = [SOMEBODY, *(f"technician{n}" for n in range(1, TECHNICIANS + 1))]
    connection.execute(sa.insert(User), [
        {"id": n, "username": name, "name": f"{'王李张刘陈杨赵'[n % 7]}工{n}", "password_hash": "!", "is_active": True,
         "session_epoch": 1, "created_at": NOW} for n, name in enumerate(names, 1)])
    connection.execute(sa.insert(Membership), [
        {"user_id": n, "role": name.rstrip("0123456789"), "unit": "QA" if n == 1 else "U1"}
        for n, name in enumerate(names, 1)])


def _masters(connection: sa.Connection, dice: random.Random) -> None:
    base = {"state": "active", "revision": 1, "created_at": NOW, "updated_at": NOW, "created_by_id": 1}
    _insert(connection, "dealer_ledger", [
        {**base, "id": n, "number": f"SPL-{n:04}", "name": f"F{n:03} 服务站", "dealer_code": f"F{n:03}"}
        for n in range(1, DEALERS + 1)])
    _insert(connection, "customer", [
        {**base, "id": n, "number": f"CUS-{n:05}", "name": f"{dice.choice(PROVINCES).value}第{n}工程有限公司",
         "dealer_id": n % DEALERS + 1} for n in range(1, CUSTOMERS + 1)])
    _insert(connection, "product_batch", [
        {**base, "id": n, "number": f"PRD-{n:06}", "product_name": PRODUCTS[n % len(PRODUCTS)], "batch_no": f"B{n:05}",
         "display_name": f"{PRODUCTS[n % len(PRODUCTS)]} / B{n:05}", "produced_on": date(2021, 1, 1) + timedelta(days=n)}
        for n in range(1, BATCHES + 1)])


def _insert(connection: sa.Connection, name: str, rows: list[dict[str, Any]]) -> None:
    connection.execute(Record.types[name].model.__table__.insert(), rows)


def _sheets(dice: random.Random, rows: int) -> Iterator[dict[str, Any]]:
    """Month after month; what is older than three months is closed, the rest is under way."""
    months = [(year, month) for year in range(FIRST_MONTH[0], LAST_MONTH[0] + 1) for month in range(1, 13)
              if FIRST_MONTH <= (year, month) <= LAST_MONTH]
    id_ = 0
    for index, (year, month) in enumerate(months):
        count = rows * (index + 1) // len(months) - rows * index // len(months)
        first, is_recent = datetime(year, month, 1, tzinfo=UTC), index >= len(months) - 3
        for n in range(1, count + 1):
            id_ += 1
            received_at = first + timedelta(seconds=27 * 86_400 * n // count + dice.randrange(60))
            closed = "closed" if dice.random() < 0.95 else "rejected"
            yield _sheet(dice, id_, f"QI-{year}{month:02}-{n:04}", received_at,
                         dice.choice(OPEN_STATES) if is_recent else closed)


def _sheet(dice: random.Random, id_: int, number: str, received_at: datetime, state: str) -> dict[str, Any]:
    customer, batch, on_site = dice.randrange(1, CUSTOMERS + 1), dice.randrange(1, BATCHES + 1), dice.random() < 0.6
    reached = OPEN_STATES.index(state)
    decided, answered, ended = reached >= 3, reached >= 5, state == "closed"
    loss = Decimal(dice.randrange(0, 4_000_000)) / 100
    hours = [timedelta(minutes=dice.randrange(30, 4_000)) for _ in range(4)]
    return {
        "id": id_, "number": number, "state": state, "revision": 1 + reached, "department": "QA",
        "created_at": received_at, "updated_at": received_at + hours[3], "created_by_id": 1, "updated_by_id": 1,
        "content_hash": "", "audit_head": "", "received_at": received_at,
        "intake_unit": dice.choice(("marketing", "quality")), "channel": dice.choice(("phone", "fax", "email", "visit")),
        "customer_id": customer, "contact_person": f"{dice.choice('王李张刘陈杨赵黄周吴')}经理",
        "phone": f"138{dice.randrange(10**8):08}", "address": f"工业园区{dice.randrange(1, 400)}号",
        "province": dice.choice(PROVINCES).value, "dealer_id": customer % DEALERS + 1, "product_batch_id": batch,
        "product_name": PRODUCTS[batch % len(PRODUCTS)], "produced_on": date(2021, 1, 1) + timedelta(days=batch),
        "batch_no": f"B{batch:05}", "quantity": Decimal(dice.randrange(1, 400)) / 4,
        "fault_category": dice.choice(FAULT_CATEGORIES).value, "fault_description": dice.choice(COMPLAINTS),
        "direct_loss": loss, "is_major": loss >= 20_000, "confirmed_at": received_at + hours[0] if reached else None,
        "dept_opinion": "同意，请质量部处理。" if decided else None,
        "quality_opinion": "请责任单位现场核实并处理" if decided else None,
        "handling_mode": ("on_site" if on_site else "phone_or_written") if decided else None,
        "responsible_unit": dice.choice(("U1", "U2", "U3")) if decided and on_site else None,
        "preliminary_plan": "携带备件到现场更换" if answered and on_site else None,
        "technician_id": dice.randrange(2, TECHNICIANS + 2) if answered and on_site else None,
        "reply_due_at": received_at + timedelta(hours=24), "reply_text": dice.choice(REPLIES) if answered else None,
        "replied_at": received_at + hours[1] if answered else None, "is_in_province": dice.random() < 0.3,
        "arrive_due_at": received_at + timedelta(hours=48) if decided and on_site else None,
        "arrived_at": received_at + hours[2] if answered and on_site else None,
        "disposed_at": received_at + hours[2] + hours[3] if ended else None,
        "is_substantiated": dice.random() < 0.5 if ended else None,
        "satisfaction_level": dice.choice(SATISFACTION_LEVELS).value if ended else None,
        "no_action_reason": "个别现象，不采取措施" if ended else None, "corrective_action_id": None,
        "closed_at": received_at + hours[2] + hours[3] + hours[0] if ended else None,
        "remark": "加急" if dice.random() < 0.1 else None,
    }
