"""The floor of the grade sheets: the same figures, lines and evidence by hand-written SQL, asked once for all dealers.

Nothing of the application takes part but the tables: no numbers drawn, nobody audited, nothing checked or hashed.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import sqlalchemy as sa

from benchmarks.network import COMPILED_AT, PERIOD
from models.base import Moment, Record
from rules import office

WEIGHTS = {"report_timeliness": 10, "first_time_fix": 20, "arrival_timeliness": 15, "customer_satisfaction": 20,
           "complaint_closing": 15, "appraisal_pass": 10, "parts_plan_timeliness": 5, "training_pass": 5}
GRADES = (("a", 90, "1.05"), ("b", 80, "1.00"), ("c", 70, "0.95"), ("d", 0, "0.90"))
FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
MOMENTS = {
    "starts": office.start_of(FIRST), "ends": office.start_of(date(2026, 11, 1)),
    "window": office.start_of(FIRST - timedelta(days=30)), "report_due": office.end_of(date(2026, 11, 5)),
    "plan_due": office.end_of(date(2026, 10, 10))}
SHEET = Record.types["dealer_grade_sheet"]

COUNTED = sa.Table("bare_evidence", sa.MetaData(), *(sa.Column(name, kind) for name, kind in (
    ("dealer_id", sa.BigInteger), ("place", sa.Integer), ("indicator", sa.Text), ("source_type", sa.Text),
    ("source_id", sa.BigInteger), ("source_number", sa.Text), ("happened_at", Moment()), ("due_at", Moment()),
    ("is_counted", sa.Boolean), ("is_hit", sa.Boolean), ("related_number", sa.Text))), prefixes=["TEMPORARY"])
DAYS = sa.Table("bare_days", sa.MetaData(), *(sa.Column(name, Moment()) for name in ("starts", "ends", "window_starts")),
                sa.Column("day", sa.Date), prefixes=["TEMPORARY"])

# What counts ------------------------------------------------------------------------------------------------------

OWED = """
SELECT d.id, {place}, '{indicator}', '{source}', r.id, r.number, r.submitted_at, {due}, true,
       coalesce(r.state NOT IN ('draft', 'returned') AND r.submitted_at <= {due}, false), NULL
FROM dealer_ledger d LEFT JOIN {source} r
  ON r.dealer_id = d.id AND r.period = '{period}' AND r.state NOT IN ('void', 'cancelled')
WHERE d.state IN ('active', 'rectifying', 'withdrawn') AND d.outlet_type <> 'sales_outlet' AND d.established_on <= :first
  AND (d.withdrawn_on > :last OR d.withdrawn_on IS NULL AND d.state <> 'withdrawn')"""
REPAIRS = """
SELECT f.dealer_id, 1, 'first_time_fix', 'customer_repair_file', f.id, f.number, f.completed_at, NULL, true,
       NOT coalesce(f.fault_category IS NOT NULL AND f.past_at >= days.window_starts, false),
       CASE WHEN f.fault_category IS NOT NULL AND f.past_at >= days.window_starts THEN f.past END
FROM (SELECT id, dealer_id, number, completed_at, fault_category, max(completed_at) OVER earlier AS past_at,
             max(number) OVER earlier AS past
      FROM customer_repair_file
      WHERE completed_at >= :window AND completed_at < :ends AND state NOT IN ('void', 'cancelled', 'rejected', 'draft')
        AND coalesce(service_kind, 'repair') NOT IN ('maintenance', 'first_service')
      WINDOW earlier AS (PARTITION BY dealer_id, vehicle_id, fault_category ORDER BY completed_at
                         GROUPS BETWEEN 1 PRECEDING AND 1 PRECEDING)) f
JOIN bare_days days ON f.completed_at >= days.starts AND f.completed_at < days.ends"""
ARRIVALS = """
SELECT s.dealer_id, 2, 'arrival_timeliness', '{source}', s.id, s.number, s.arrived_at, s.arrive_due_at,
       {is_counted}, {is_counted} AND coalesce(s.arrived_at <= s.arrive_due_at, false), {related}
FROM {source} s {joined}
WHERE s.state NOT IN ('void', 'cancelled', 'rejected', 'draft') AND s.dealer_id IS NOT NULL
  AND CASE WHEN s.arrived_at <= s.arrive_due_at THEN s.arrived_at ELSE s.arrive_due_at END >= :starts
  AND CASE WHEN s.arrived_at <= s.arrive_due_at THEN s.arrived_at ELSE s.arrive_due_at END < :ends"""
DISPATCHED = """LEFT JOIN (
  SELECT quality_info_transfer_id, number, row_number() OVER (PARTITION BY quality_info_transfer_id ORDER BY id) AS n
  FROM work_order WHERE quality_info_transfer_id IS NOT NULL
    AND state NOT IN ('void', 'cancelled', 'rejected', 'draft')) o ON o.quality_info_transfer_id = s.id AND o.n = 1"""
FORMS = """
SELECT dealer_id, 3, 'customer_satisfaction', 'satisfaction_questionnaire', id, number, returned_at, NULL,
       coalesce(state = 'scored' AND is_valid, false), coalesce(state = 'scored' AND is_valid, false), NULL
FROM satisfaction_questionnaire
WHERE dealer_id IS NOT NULL AND returned_at >= :starts AND returned_at < :ends AND state IN ('scored', 'invalid')"""
COMPLAINTS = """
SELECT dealer_id, 4, 'complaint_closing', 'complaint_tracking_card', id, number, closed_at, close_due_at, true,
       coalesce(closed_at <= close_due_at, false), NULL
FROM complaint_tracking_card
WHERE dealer_id IS NOT NULL AND close_due_at >= :starts AND close_due_at < :ends
  AND state NOT IN ('void', 'cancelled', 'rejected', 'draft')"""
APPRAISALS = """
SELECT dealer_id, 5, 'appraisal_pass', 'warranty_appraisal', id, number, reviewed_at, NULL,
       review_result IN ('approved', 'rejected'), review_result = 'approved', NULL
FROM warranty_appraisal
WHERE dealer_id IS NOT NULL AND reviewed_at >= :starts AND reviewed_at < :ends AND state NOT IN ('void', 'cancelled')
  AND review_result IS NOT NULL"""
TRAININGS = """
SELECT a.dealer_id, 7, 'training_pass', 'training_record', t.id, t.number, days.starts, NULL, true,
       coalesce(a.result = 'passed', false), NULL
FROM training_record t JOIN training_record_attendee a ON a.record_id = t.id JOIN bare_days days ON days.day = t.held_on
WHERE a.dealer_id IS NOT NULL AND a.is_required AND t.state IN ('assessed', 'archived')"""
WORK_ORDERS = ARRIVALS.format(source="work_order", is_counted="true", related="NULL", joined="")
QUALITY_INFORMATION = ARRIVALS.format(
    source="quality_info_transfer", is_counted="o.number IS NULL", related="o.number", joined=DISPATCHED)
SOURCES = (
    *(OWED.format(source=source, place=0, indicator="report_timeliness", due=":report_due", period=PERIOD)
      for source in ("monthly_quality_report", "dealer_monthly_work_report")),
    OWED.format(source="parts_demand_plan", place=6, indicator="parts_plan_timeliness", due=":plan_due", period=PERIOD),
    REPAIRS, WORK_ORDERS, QUALITY_INFORMATION, FORMS, COMPLAINTS, APPRAISALS, TRAININGS)

# What follows from it ---------------------------------------------------------------------------------------------

COUNTS = """
SELECT dealer_id, indicator, count(*) FILTER (WHERE is_hit AND is_counted), count(*) FILTER (WHERE is_counted)
FROM bare_evidence GROUP BY dealer_id, indicator"""
REPORTS = """
SELECT dealer_id, max(CASE WHEN source_type = 'monthly_quality_report' THEN source_id END),
       max(CASE WHEN source_type = 'dealer_monthly_work_report' THEN source_id END)
FROM bare_evidence WHERE indicator = 'report_timeliness' GROUP BY dealer_id"""
SATISFACTION = """
SELECT f.dealer_id, sum(a.points), sum(a.max_points), sum(a.weight), count(*)
FROM satisfaction_questionnaire f JOIN satisfaction_questionnaire_answer a ON a.record_id = f.id
WHERE f.dealer_id IS NOT NULL AND f.returned_at >= :starts AND f.returned_at < :ends AND f.state = 'scored' AND f.is_valid
  AND a.points IS NOT NULL AND a.max_points > 0 AND a.weight IS NOT NULL
GROUP BY f.dealer_id, a.item"""
BEFORE = f"""
SELECT dealer_id, grade, consecutive_d_count FROM (
  SELECT dealer_id, grade, consecutive_d_count, row_number() OVER (PARTITION BY dealer_id ORDER BY period DESC) AS n
  FROM dealer_grade_sheet WHERE sheet_kind = 'monthly' AND state <> 'void' AND period < '{PERIOD}') AS s WHERE n = 1"""
SHEETS = f"SELECT id, dealer_id FROM dealer_grade_sheet WHERE period = '{PERIOD}'"
VETOES = """
SELECT v.dealer_id, v.number FROM conduct_violation v
WHERE v.is_veto AND v.verified_at >= :starts AND v.verified_at < :ends AND v.state IN ('verified', 'handled')
ORDER BY v.dealer_id, v.verified_at, v.id"""
VETO_LINES = f"""
INSERT INTO dealer_grade_sheet_veto (record_id, position, conduct_violation_id, verified_at, reason)
SELECT s.id, row_number() OVER (PARTITION BY s.id ORDER BY v.verified_at, v.id) - 1, v.id, v.verified_at,
       '收取费用（' || v.number || '）'
FROM conduct_violation v JOIN dealer_grade_sheet s ON s.dealer_id = v.dealer_id AND s.period = '{PERIOD}'
WHERE v.is_veto AND v.verified_at >= :starts AND v.verified_at < :ends AND v.state IN ('verified', 'handled')"""
LINES = f"""
INSERT INTO dealer_grade_sheet_evidence (record_id, position, indicator, source_type, source_number, happened_at, due_at,
                                         is_counted, is_hit, related_number)
SELECT s.id, row_number() OVER (PARTITION BY s.id ORDER BY e.place, e.happened_at IS NULL, e.happened_at, e.source_type,
                                e.source_number, e.is_hit) - 1,
       e.indicator, e.source_type, e.source_number, e.happened_at, e.due_at, e.is_counted, e.is_hit, e.related_number
FROM bare_evidence e JOIN dealer_grade_sheet s ON s.dealer_id = e.dealer_id AND s.period = '{PERIOD}'"""
BEHIND = tuple(f"""
INSERT INTO report_evidence (of_type, of_id, figure, source_type, source_id)
SELECT DISTINCT 'dealer_grade_sheet', s.id, {figure}, e.source_type, e.source_id
FROM bare_evidence e JOIN dealer_grade_sheet s ON s.dealer_id = e.dealer_id AND s.period = '{PERIOD}'
WHERE e.is_counted AND {which} AND e.source_id IS NOT NULL"""
    for figure, which in (("e.indicator", "e.is_hit"), ("e.indicator || '/denominator'", "true")))
BEHIND_VETOES = f"""
INSERT INTO report_evidence (of_type, of_id, figure, source_type, source_id)
SELECT 'dealer_grade_sheet', record_id, 'has_veto', 'conduct_violation', conduct_violation_id FROM dealer_grade_sheet_veto
WHERE record_id IN (SELECT id FROM dealer_grade_sheet WHERE period = '{PERIOD}')"""


def write_sheets(engine: sa.Engine) -> None:
    """All sheets of the month, in one transaction."""
    with engine.begin() as connection:
        _count(connection)
        counts = _counts(connection)
        vetoes = defaultdict(list)
        for dealer, number in _ask(connection, VETOES):
            vetoes[dealer].append(number)
        sheets = _write_heads(connection, counts, vetoes)
        _write_lines(connection, sheets, counts)
        for table in (COUNTED, DAYS):
            table.drop(connection)


def _ask(connection: sa.Connection, sql: str) -> Any:
    values = {name: sa.bindparam(name, moment, Moment()) for name, moment in MOMENTS.items()}
    values |= {"first": sa.bindparam("first", FIRST, sa.Date()), "last": sa.bindparam("last", LAST, sa.Date())}
    return connection.execute(sa.text(sql).bindparams(*(value for name, value in values.items() if f":{name}" in sql)))


def _count(connection: sa.Connection) -> None:
    COUNTED.create(connection)
    DAYS.create(connection)
    days = [FIRST + timedelta(days=n) for n in range(LAST.day)]
    connection.execute(DAYS.insert(), [
        {"day": day, "starts": office.start_of(day), "ends": office.start_of(day + timedelta(days=1)),
         "window_starts": office.start_of(day - timedelta(days=30))} for day in days])
    for source in SOURCES:
        _ask(connection, f"INSERT INTO bare_evidence {source}")


def _counts(connection: sa.Connection) -> dict[int, dict[str, tuple[Fraction, Fraction]]]:
    """Dealer -> indicator -> numerator and denominator."""
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for dealer, indicator, hits, counted in _ask(connection, COUNTS):
        found[dealer][indicator] = Fraction(hits), Fraction(counted)
    items: dict[int, list[tuple[Fraction, Fraction]]] = defaultdict(list)
    for dealer, points, most, weight, count in _ask(connection, SATISFACTION):
        items[dealer].append((Fraction(weight) / count, Fraction(points) / Fraction(most)))
    for dealer, rows in items.items():
        share = sum(weight * part for weight, part in rows) / sum(weight for weight, _ in rows)
        is_short = (share * 1_000_000).denominator == 1
        share = share if is_short else share.limit_denominator(10**12)
        found[dealer]["customer_satisfaction"] = (
            (share * 100, Fraction(100)) if is_short else (Fraction(share.numerator), Fraction(share.denominator)))
    return found


def _rounded(exact: Fraction, places: int) -> Decimal:
    return (Decimal(int(exact * 10**(places + 8))).scaleb(-places - 8)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _write_heads(connection: sa.Connection, counts: dict[int, Any], vetoes: dict[int, Any]) -> dict[int, int]:
    """Dealer -> the id of its sheet."""
    reports = {dealer: ids for dealer, *ids in _ask(connection, REPORTS)}
    before = {dealer: row for dealer, *row in _ask(connection, BEFORE)}
    rows = [{**_head(n, dealer, counts[dealer], vetoes.get(dealer, ())),
             **_history(before.get(dealer, (None, 0)), reports.get(dealer, (None, None)))}
            for n, dealer in enumerate(sorted(counts), 1)]
    for row in rows:
        row["consecutive_d_count"] = row["consecutive_d_count"] + 1 if row["grade"] == "d" else 0
    connection.execute(SHEET.model.__table__.insert(), rows)
    return {dealer: id_ for id_, dealer in _ask(connection, SHEETS)}


def _head(n: int, dealer: int, counts: dict[str, Any], vetoes: Any) -> dict[str, Any]:
    rated = {name: pair for name, pair in counts.items() if pair[1]}
    weight = sum(WEIGHTS[name] for name in rated)
    total = sum((WEIGHTS[name] * hits / of for name, (hits, of) in rated.items()), Fraction(0))
    score = _rounded(total / weight * 100, 2)
    grade, _, coefficient = GRADES[-1] if vetoes else next(row for row in GRADES if score >= row[1])
    return {
        "number": f"DGS-{PERIOD.replace('-', '')}-{n:04}", "state": "compiled", "revision": 1, "created_at": COMPILED_AT,
        "updated_at": COMPILED_AT, "content_hash": "", "audit_head": "", "dealer_id": dealer, "sheet_kind": "monthly",
        "period": PERIOD,
        "applicable_weight": weight, "weighted_sum": _rounded(total, 4), "score": score, "is_rated": True, "grade": grade,
        "coefficient": Decimal(coefficient), "has_veto": bool(vetoes),
        "veto_reason": "\n".join(f"收取费用（{number}）" for number in vetoes) or None, "data_as_of": COMPILED_AT}


def _history(before: Any, reports: Any) -> dict[str, Any]:
    return {"previous_grade": before[0], "consecutive_d_count": before[1], "monthly_quality_report_id": reports[0],
            "dealer_monthly_work_report_id": reports[1]}


def _write_lines(connection: sa.Connection, sheets: dict[int, int], counts: dict[int, Any]) -> None:
    connection.execute(SHEET.lines["indicators"].model.__table__.insert(), [
        _indicator(sheets[dealer], position, name, pairs.get(name, (0, 0)))
        for dealer, pairs in counts.items() for position, name in enumerate(WEIGHTS)])
    for statement in (VETO_LINES, LINES, *BEHIND, BEHIND_VETOES):
        _ask(connection, statement)


def _indicator(sheet: int, position: int, name: str, pair: Any) -> dict[str, Any]:
    hits, of = pair
    share = Fraction(hits) / of if of else None
    score = None if share is None else _rounded(share * WEIGHTS[name], 4)
    return {"record_id": sheet, "position": position, "indicator": name, "weight": WEIGHTS[name],
            "numerator": Decimal(hits.numerator) / hits.denominator if of else 0, "denominator": int(of),
            "is_applicable": bool(of), "rate": None if share is None else _rounded(share, 6), "score": score,
            "deduction": None if score is None else WEIGHTS[name] - score}
