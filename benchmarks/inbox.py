"""The inbox of signatures while very many rounds are open, beside a bare route with the same statements."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, render_template

from benchmarks import measure, place, plans
from models.base import Record, db, reading
from models.history import Signature
from models.people import Delegation, Membership, User
from rules import inbox
from rules.access import Actor

AIM = 2.5
NOW = datetime(2026, 10, 1, tzinfo=UTC)
# Who signs what: two types each of the person measured and of whom they stand in for, one of neither.
ROUNDS = (("visit_plan", "quality_manager"), ("reward_penalty_notice", "deputy_gm"), ("quality_bulletin", "quality_manager"),
          ("dealer_grade_sheet", "deputy_gm"), ("satisfaction_survey_plan", "management_representative"))
PEOPLE = ((1, "quality_manager", ("quality_manager", "quality_engineer", "customer_service")), (2, "deputy_gm", ("deputy_gm",)),
          (3, "customer_service", ("customer_service",)))
COLUMNS = ("编号", "类型", "内容", "签署身份", "提交", "金额", "等待自", "应签于")


# The rounds -------------------------------------------------------------------------------------------------------

def fill(connection: sa.Connection, rows: int) -> None:
    connection.execute(sa.insert(User), [
        {"id": id_, "username": name, "name": f"{name} 先生", "password_hash": "!", "is_active": True, "session_epoch": 1,
         "created_at": NOW} for id_, name, _ in PEOPLE])
    connection.execute(sa.insert(Membership), [
        {"user_id": id_, "role": role} for id_, _, roles in PEOPLE for role in roles])
    connection.execute(sa.insert(Delegation), [
        {"from_id": 2, "to_id": 1, "types": [], "starts_on": date(2020, 1, 1), "ends_on": date(2199, 1, 1), "reason": "出差",
         "created_at": NOW}])
    for index, (name, role) in enumerate(ROUNDS):
        table = Record.types[name].model.__table__
        made = (_round(n, name, role) for n in range(rows * index // len(ROUNDS), rows * (index + 1) // len(ROUNDS)))
        while piece := list(islice(made, 5_000)):
            connection.execute(table.insert(), [record for record, _ in piece])
            connection.execute(sa.insert(Signature), [signature for _, signature in piece])


def _round(n: int, name: str, role: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record that somebody else submitted, and the one signature that it waits for."""
    spec, asked_at = Record.types[name], NOW - timedelta(minutes=n * 7 % 50_000)
    title = {spec.fields[spec.title].column: f"第{n}件"} if spec.title else {}
    record = {"id": n + 1, "number": f"{spec.code}-{n:07}", "state": "in_approval", "revision": 2, "created_at": asked_at,
              "updated_at": asked_at, "created_by_id": 3, "updated_by_id": 3, "content_hash": "", "audit_head": "", **title}
    signature = {"type": name, "record_id": n + 1, "round": 1, "position": 0, "step": 0, "role": role,
                 "state": "waiting", "submitted_by_id": 3, "submitted_at": asked_at, "edited_by_id": 3, "revision": 2,
                 "content_hash": "", "barred": ",3,", "asked_at": asked_at, "due_at": asked_at + timedelta(days=2)}
    return record, signature


# The floor --------------------------------------------------------------------------------------------------------

def create_floor(engine: sa.Engine, statements: list[Any]) -> Flask:
    app = Flask("benchmarks.inbox", root_path=str(Path(__file__).parent))

    @app.route("/inbox")
    def table() -> str:
        with reading(), engine.connect() as connection:
            total, rows, told, overdue = (connection.execute(statement).all() for statement in statements)
            found = {(row[0], row[1]): row for row in told}
            cells = [(0, 0, found[row.type, row.record_id][2], row.type, found[row.type, row.record_id][3], row.role, row[11],
                      row.amount, row.asked_at, row.due_at) for row in (*rows, *overdue)]
            return render_template("table.html", labels=COLUMNS, rows=cells, total=total[0][0])
    return app


def _statements(who: Actor) -> list[Any]:
    """What a first page asks, in its order; the records are those that it shows."""
    reader = inbox.Reader.of(db.session, who)
    page = inbox.asked(reader)
    ids: dict[str, list[int]] = {}
    for row in db.session.execute(page):
        ids.setdefault(row.type, []).append(row.record_id)
    records = inbox.records_of(tuple((Record.types[name], True) for name in sorted(ids))).params(ids)
    return [inbox.counted(reader), page, records, inbox.overdue(reader)]


# Both -------------------------------------------------------------------------------------------------------------

def run(app: Any, folder: Path, asked: argparse.Namespace) -> tuple[list[str], bool]:
    with app.app_context():
        place.fill(folder, f"{asked.rows:,} open rounds", lambda connection: fill(connection, asked.rows))
        with reading():
            user = db.session.scalar(sa.select(User).where(User.id == 1))
            statements, key = _statements(Actor.of(user, "screen")), user.get_id()
            machine = place.machine(asked, f"{asked.requests} requests")
            db.session.remove()
        engine, own = db.engine, sa.create_engine(db.engine.url)
    ours, bare = app.test_client(), create_floor(own, statements).test_client()
    with ours.session_transaction() as session:
        session.permanent = True
        session["_user_id"], session["_fresh"], session["language"] = key, True, "zh"
    try:
        report, found = list(_measured(ours, bare, asked.requests)), list(_checks(engine, ours, asked.rows))
    finally:
        engine.dispose()
        own.dispose()
    report += ["", *(f"- {'yes' if check.holds else 'NO'}: {check.promise} ({check.seen})" for check in found)]
    return [machine, "", *report], all(check.holds for check in found)


def _get(client: Any, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, f"{address}: {answer.status}"
    return answer


def _measured(ours: Any, bare: Any, count: int) -> Iterator[str]:
    mine, least = measure.alternately(lambda: _get(ours, "/admin/inbox/"), lambda: _get(bare, "/inbox"), count)
    figures = [measure.at(percent, times.wall) for times in (mine, least) for percent in (50, 95)]
    ratio, work = figures[0] / figures[2], measure.at(50, mine.work) / measure.at(50, least.work)
    yield "| request | ours p50 | ours p95 | floor p50 | floor p95 | ratio p50 | ratio p95 | ratio of work p50 | aim |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|---|"
    yield ("| inbox | " + " | ".join(f"{figure * 1000:.2f} ms" for figure in figures)
           + f" | {ratio:.2f} | {figures[1] / figures[3]:.2f} | {work:.2f} | {place.aim(ratio, AIM)} |")


def _checks(engine: sa.Engine, client: Any, rows: int) -> Iterator[plans.Check]:
    shown = {}
    for page in (1, 3):
        with plans.noted(engine) as sent:
            shown[page] = _get(client, f"/admin/inbox/?page={page}").text.count('name="chosen"')
        counts = len(sent)
        yield plans.Check(f"page {page} is full, with a fixed number of statements", shown[page] == inbox.PAGE_SIZE or rows < 500,
                          f"{shown[page]} rows, {counts} statements")
    if rows >= plans.MIN_ROWS_FOR_PLANS:
        with plans.noted(engine) as sent:
            _get(client, "/admin/inbox/")
        statement, parameters = next(one for one in sent if "due_at" in one[0] and "ORDER BY" in one[0].upper())
        seen = list(plans.reached(engine, statement, parameters, "signatures"))
        yield plans.Check("signatures are reached by an index", bool(seen) and not any("SCAN TABLE" in s for s in seen),
                          "; ".join(seen))
