"""The floor of the month's summary and analysis: the same lines, figures and evidence by hand-written SQL.

Nothing of the application takes part but the tables: no numbers drawn, nobody audited, nothing checked or hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from benchmarks.year import COMPILED_AT, PERIOD
from models.base import Exact, Moment, Record, rounded
from models.choices import FAULT_CATEGORIES, SATISFACTION_LEVELS
from models.dealers import monthly_quality_analysis, quality_info_summary
from models.spec import Period
from rules import office

MONTH = Period.parse(PERIOD)
MAJOR, OFTEN, FOCUS = Decimal(20_000), 3, Decimal("0.8")
OUT = "('void', 'cancelled', 'rejected', 'draft')"
FAULTS = {choice.value: n for n, choice in enumerate(FAULT_CATEGORIES)}
LEVELS = [choice.value for choice in SATISFACTION_LEVELS]

# The summary ------------------------------------------------------------------------------------------------------

COPIED = ("received_at", "customer_id", "dealer_id", "product_name", "product_batch_id", "quantity", "fault_category",
          "fault_description", "responsible_unit", "province", "is_in_province", "handling_mode", "replied_at",
          "reply_due_at", "arrive_due_at", "arrived_at", "closed_at")
ON_TIME = "CASE WHEN {done} < :ends OR {due} < :ends THEN coalesce({done} <= {due}, false) END"
CASES = f"""
INSERT INTO quality_info_summary_case (record_id, position, line_no, quality_info_transfer_id, is_carry_over, is_rejected,
  {', '.join(COPIED)}, is_reply_on_time, is_arrival_on_time, handling_result, direct_loss, is_major, satisfaction_level,
  is_open_at_month_end, open_days)
SELECT :of, n - 1, n, id, carried, state = 'rejected', {', '.join(COPIED)},
  {ON_TIME.format(done='replied_at', due='reply_due_at')},
  CASE WHEN handling_mode = 'on_site' THEN {ON_TIME.format(done='arrived_at', due='arrive_due_at')} END,
  coalesce(reply_text, quality_opinion), coalesce(direct_loss, :nothing), coalesce(direct_loss >= :major, false),
  (SELECT c.satisfaction_level FROM callback_record c WHERE c.quality_info_transfer_id = s.id AND c.called_at < :ends
   AND c.state <> 'void' ORDER BY c.called_at DESC, c.id DESC LIMIT 1),
  closed_at IS NULL OR closed_at >= :ends, CASE WHEN closed_at IS NULL OR closed_at >= :ends THEN (:end_second - {{seconds}}) / 86400 END
FROM (SELECT listed.*, row_number() OVER (ORDER BY carried, received_at, id) AS n FROM (
  SELECT q.*, false AS carried FROM quality_info_transfer q WHERE received_at >= :starts AND received_at < :ends AND state <> 'void'
  UNION ALL SELECT q.*, true FROM quality_info_transfer q
  WHERE received_at < :starts AND state NOT IN ('void', 'rejected') AND closed_at IS NULL
  UNION ALL SELECT q.*, true FROM quality_info_transfer q
  WHERE received_at < :starts AND state NOT IN ('void', 'rejected') AND closed_at >= :starts) listed) s"""
SECONDS = {"postgresql": "CAST(extract(epoch FROM received_at) AS bigint)", "sqlite": "CAST(strftime('%s', received_at) AS integer)"}
COUNTS = "NOT l.is_carry_over AND NOT l.is_rejected"
CLOSED = f"{COUNTS} AND NOT l.is_open_at_month_end"
CALLED = f"""{CLOSED} AND EXISTS (SELECT 1 FROM callback_record c
  WHERE c.quality_info_transfer_id = l.quality_info_transfer_id AND c.called_at < :ends AND c.state <> 'void')"""
SETS = {
    "total": COUNTS, "reply_on_time": f"{COUNTS} AND l.is_reply_on_time",
    "reply_on_time/denominator": f"{COUNTS} AND l.is_reply_on_time IS NOT NULL",
    "arrival_on_time": f"{COUNTS} AND l.is_arrival_on_time",
    "arrival_on_time/denominator": f"{COUNTS} AND l.is_arrival_on_time IS NOT NULL",
    "arrival_on_time:in_province": f"{COUNTS} AND l.is_arrival_on_time AND l.is_in_province",
    "arrival_on_time:out_of_province": f"{COUNTS} AND l.is_arrival_on_time AND l.is_in_province IS NOT true",
    "arrival_on_time:in_province/denominator": f"{COUNTS} AND l.is_arrival_on_time IS NOT NULL AND l.is_in_province",
    "arrival_on_time:out_of_province/denominator":
        f"{COUNTS} AND l.is_arrival_on_time IS NOT NULL AND l.is_in_province IS NOT true",
    "direct_loss": f"{COUNTS} AND l.direct_loss > :nothing", "major_incident": f"{COUNTS} AND l.is_major", "closed": CLOSED,
    "callback": CALLED, "satisfaction": f"{CALLED} AND l.satisfaction_level IN ('very_satisfied', 'satisfied')",
    "open_count": "NOT l.is_rejected AND l.is_open_at_month_end"}
TALLY = "SELECT " + ", ".join(f"count(*) FILTER (WHERE {which}), sum(l.direct_loss) FILTER (WHERE {which})" for which in SETS.values())
LINES = "FROM quality_info_summary_case l"
JOINED = f"""{LINES} JOIN quality_info_transfer s ON s.id = l.quality_info_transfer_id
LEFT JOIN product_batch b ON b.id = l.product_batch_id LEFT JOIN dealer_ledger d ON d.id = l.dealer_id
LEFT JOIN units u ON u.code = l.responsible_unit"""
BATCH = "coalesce(b.batch_no, s.batch_no)"
# Section -> its key, caption, which lines it counts, and the order of equals.
GROUPS: dict[str, tuple[str, str, str, dict[str, int]]] = {
    "by_fault_category": ("l.fault_category", "l.fault_category", "total", FAULTS),
    "by_product": ("l.product_name", "l.product_name", "total", {}), "by_product_batch": (BATCH, BATCH, "total", {}),
    "by_dealer": ("d.dealer_code", "d.name", "total", {}), "by_responsible_unit": ("l.responsible_unit", "u.name", "total", {}),
    "loss_by_fault_category": ("l.fault_category", "l.fault_category", "direct_loss", FAULTS),
    "satisfaction_level": ("l.satisfaction_level", "l.satisfaction_level", "callback", {})}
GROUPED = "SELECT {key} AS key, min({caption}) AS caption, count(*) AS cases, sum(l.direct_loss) AS loss {tables} " \
          "WHERE l.record_id = :of AND {which} GROUP BY {key}"
RECURRING = f"""SELECT {BATCH} AS batch_no, l.fault_category, min(l.product_batch_id) AS batch, count(*) AS cases {JOINED}
WHERE l.record_id = :of AND {COUNTS} GROUP BY {BATCH}, l.fault_category HAVING count(*) >= :often"""
BEHIND = "INSERT INTO report_evidence (of_type, of_id, figure, source_type, source_id) SELECT '{of}', :of, {figure}, {type}, {id} "
BEHIND_CASES = BEHIND.format(of="quality_info_summary", figure="{figure}", type="'quality_info_transfer'", id="l.quality_info_transfer_id")
BEHIND_LAST = BEHIND.format(of="quality_info_summary", figure="'month_on_month/denominator'", type="'quality_info_transfer'", id="id")
BEFORE = "FROM quality_info_transfer WHERE received_at >= :before AND received_at < :starts AND state NOT IN ('void', 'rejected')"
BEHIND_RECURRING = BEHIND.format(of="quality_info_summary", figure="'recurrence:' || batch_no || '/' || fault_category",
                                 type="'quality_info_transfer'", id="quality_info_transfer_id") + f"""FROM (
  SELECT l.quality_info_transfer_id, {BATCH} AS batch_no, l.fault_category, count(*) OVER w AS cases,
         min(l.product_batch_id) OVER w AS batch {JOINED} WHERE l.record_id = :of AND {COUNTS}
  WINDOW w AS (PARTITION BY {BATCH}, l.fault_category)) counted WHERE cases >= :often AND batch IS NOT NULL"""


def write_summary(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        of = _head(connection, "quality_info_summary")
        _ask(connection, CASES.replace("{seconds}", SECONDS[engine.dialect.name]), of=of)
        for figure, which in SETS.items():
            _ask(connection, BEHIND_CASES.format(figure=f"'{figure}'") + f"{LINES} WHERE l.record_id = :of AND {which}", of=of)
        for section, (key, _, which, _) in GROUPS.items():
            figure = f"substr('{section}:' || coalesce({key}, '-'), 1, 260)"
            _ask(connection, BEHIND_CASES.format(figure=figure) + f"{JOINED} WHERE l.record_id = :of AND {SETS[which]}", of=of)
        _ask(connection, BEHIND_LAST + BEFORE, of=of)
        tally = iter(_ask(connection, f"{TALLY} {LINES} WHERE l.record_id = :of", of=of).one())
        counts = {name: (next(tally), _money(connection, next(tally))) for name in SETS}
        before = _ask(connection, f"SELECT count(*) {BEFORE}").scalar()
        rows = list(_summary_figures(connection, of, counts, before))
        _keep(connection, quality_info_summary.Figure, of, rows, "section")
        _write_recurrences(connection, of)


def _write_recurrences(connection: sa.Connection, of: int) -> None:
    found = [row for row in _ask(connection, RECURRING, of=of) if row.batch is not None]
    found.sort(key=lambda row: (-row.cases, row.batch_no, FAULTS[row.fault_category]))
    rows = [{"product_batch_id": row.batch, "fault_category": row.fault_category, "case_count": row.cases,
             "quality_rectification_order_id": None} for row in found]
    _keep(connection, quality_info_summary.Recurrence, of, rows)
    _ask(connection, BEHIND_RECURRING, of=of)


def _summary_figures(connection: sa.Connection, of: int, counts: dict[str, Any], before: int) -> Iterator[dict[str, Any]]:
    cases, loss = counts["total"]
    with_loss, _ = counts["direct_loss"]
    for section, key, count, amount, numerator, denominator in (
            ("total", "", cases, loss, cases, None), ("month_on_month", "", cases, loss, cases - before, before),
            ("direct_loss", "", with_loss, loss, loss, None),
            *((section, key, *counts[name], counts[name][0], counts[base][0]) for section, key, name, base in RATES)):
        yield _figure(section, key, count, amount, numerator, denominator)
    for section, (key, caption, which, order) in GROUPS.items():
        found = _ask(connection, GROUPED.format(key=key, caption=caption, tables=JOINED, which=SETS[which]), of=of).all()
        rows = [(row.key, row.cases, _money(connection, row.loss)) for row in found]
        if section == "satisfaction_level":
            for level, count, amount in sorted((row for row in rows if row[0]), key=lambda row: LEVELS.index(row[0])):
                yield _figure(section, level, count, amount, count, counts["callback"][0])
            continue
        is_loss = section == "loss_by_fault_category"
        ranked = _ranked([(key, amount, count) if is_loss else (key, count, amount) for key, count, amount in rows], order)
        for key, first, second, place in ranked:
            count, amount = (second, first) if is_loss else (first, second)
            yield _figure(section, key or "-", count, amount, first, counts[which][1] if is_loss else counts[which][0]) | place


RATES = (("reply_on_time", "", "reply_on_time", "reply_on_time/denominator"),
         ("arrival_on_time", "", "arrival_on_time", "arrival_on_time/denominator"),
         ("major_incident", "", "major_incident", "total"), ("closed", "", "closed", "total"), ("callback", "", "callback", "closed"),
         ("satisfaction", "", "satisfaction", "callback"),
         *(("arrival_on_time", place, f"arrival_on_time:{place}", f"arrival_on_time:{place}/denominator")
           for place in ("in_province", "out_of_province")))


def _figure(section: str, key: str, cases: int, loss: Any, numerator: Any, denominator: Any) -> dict[str, Any]:
    return {"section": section, "key": key, "case_count": cases, "direct_loss": loss, "numerator": numerator,
            "denominator": denominator, "rate": Decimal(numerator) / Decimal(denominator) if denominator else None,
            "is_applicable": denominator != 0, "rank": None, "cumulative_rate": None, "is_focus": None}


def _ranked(rows: list[tuple[Any, Any, Any]], order: dict[str, int]) -> Iterator[Any]:
    total, running = sum(Decimal(row[1]) for row in rows), Decimal(0)
    for rank, row in enumerate(sorted(rows, key=lambda row: (-row[1], -row[2], row[0] is None, order.get(row[0], 0), row[0] or "")), 1):
        is_focus = running < FOCUS * total
        running += row[1]
        yield *row, {"rank": rank, "cumulative_rate": running / total if total else Decimal(0), "is_focus": is_focus}


# The analysis -----------------------------------------------------------------------------------------------------

TOLD_COLUMNS = ("source_type", "source_id", "source_number", "dealer_id", "fault_category", "quantity", "amount", "vehicle_model",
                "part", "batch_no", "mileage_band", "is_counted")
BAND = """CASE WHEN {mileage} IS NULL THEN NULL WHEN {mileage} < 10000 THEN '1万公里以下' WHEN {mileage} < 20000 THEN '1–2万公里'
  WHEN {mileage} < 30000 THEN '2–3万公里' WHEN {mileage} < 50000 THEN '3–5万公里' WHEN {mileage} < 80000 THEN '5–8万公里'
  ELSE '8万公里及以上' END"""
IS_CARD = f"EXISTS (SELECT 1 FROM complaint_tracking_card k WHERE k.id = {{id}} AND k.state NOT IN {OUT})"
TOLD = f"""
SELECT 'monthly_quality_report' AS source_type, r.id AS source_id, r.number || '/' || i.line_no AS source_number,
  r.dealer_id AS dealer_id, i.fault_category AS fault_category, i.quantity AS quantity, i.amount AS amount,
  i.model AS vehicle_model, coalesce(i.part_no, i.part_name) AS part, b.batch_no AS batch_no,
  {BAND.format(mileage='i.mileage')} AS mileage_band,
  NOT ({IS_CARD.format(id='i.complaint_tracking_card_id')} OR EXISTS (
    SELECT 1 FROM warranty_appraisal w WHERE w.id = i.warranty_appraisal_id AND w.state NOT IN {OUT})) AS is_counted
FROM monthly_quality_report_item i JOIN monthly_quality_report r ON r.id = i.record_id
LEFT JOIN product_batch b ON b.id = i.product_batch_id
WHERE r.period = :period AND r.state IN ('submitted', 'accepted')
UNION ALL SELECT 'complaint_tracking_card', c.id, c.number, c.dealer_id, c.fault_category, 1, NULL, v.model, NULL, b.batch_no,
  {BAND.format(mileage='c.mileage')}, true
FROM complaint_tracking_card c LEFT JOIN vehicle v ON v.id = c.vehicle_id LEFT JOIN product_batch b ON b.id = v.product_batch_id
WHERE c.received_at >= :starts AND c.received_at < :ends AND c.state NOT IN {OUT}
UNION ALL SELECT 'customer_feedback_register', f.id, f.number, f.dealer_id, f.fault_category, 1, f.direct_loss, v.model, NULL, b.batch_no,
  NULL, NOT {IS_CARD.format(id='f.complaint_tracking_card_id')}
FROM customer_feedback_register f LEFT JOIN vehicle v ON v.id = f.vehicle_id
LEFT JOIN product_batch b ON b.id = coalesce(f.product_batch_id, v.product_batch_id)
WHERE f.received_at >= :starts AND f.received_at < :ends AND f.state NOT IN {OUT}
UNION ALL SELECT 'warranty_appraisal', a.id, a.number, a.dealer_id, a.fault_category, 1, a.amount, a.model,
  (SELECT min(p.part_no) FROM warranty_appraisal_part p WHERE p.record_id = a.id AND p.is_main_fault_part), b.batch_no,
  {BAND.format(mileage='a.mileage')},
  NOT EXISTS (SELECT 1 FROM monthly_quality_report_item i JOIN monthly_quality_report r ON r.id = i.record_id
    WHERE i.warranty_appraisal_id = a.id AND r.state IN ('submitted', 'accepted') AND {IS_CARD.format(id='i.complaint_tracking_card_id')})
FROM warranty_appraisal a LEFT JOIN product_batch b ON b.id = a.product_batch_id
WHERE a.received_at >= :starts AND a.received_at < :ends AND a.state NOT IN {OUT}"""
SOURCES = f"""INSERT INTO monthly_quality_analysis_source (record_id, position, {', '.join(TOLD_COLUMNS)})
SELECT :of, row_number() OVER (ORDER BY source_type, source_number, source_id) - 1, {', '.join(TOLD_COLUMNS)} FROM ({TOLD}) t"""
COUNTED = "FROM monthly_quality_analysis_source l LEFT JOIN dealer_ledger d ON d.id = l.dealer_id WHERE l.record_id = :of AND l.is_counted"
BANDS = ("1万公里以下", "1–2万公里", "2–3万公里", "3–5万公里", "5–8万公里", "8万公里及以上")
SAID_BY = ("monthly_quality_report", "complaint_tracking_card", "customer_feedback_register", "warranty_appraisal")
ANALYSED: dict[str, tuple[str, str, Iterable[str]]] = {
    "by_source": ("l.source_type", "t.source_type", SAID_BY), "by_fault_category": ("l.fault_category", "t.fault_category", FAULTS),
    "by_vehicle_model": ("l.vehicle_model", "t.vehicle_model", ()), "by_part": ("l.part", "t.part", ()),
    "by_product_batch": ("l.batch_no", "t.batch_no", ()), "by_dealer": ("d.dealer_code", "d.dealer_code", ()),
    "by_mileage_band": ("l.mileage_band", "t.mileage_band", BANDS)}
OPEN = f"""SELECT '{{table}}' AS source_type, id, number, received_at, handler_id FROM {{table}}
WHERE received_at < :ends AND state NOT IN {OUT} AND (closed_at IS NULL OR closed_at >= :ends) AND {{own}}"""
OPEN_ITEMS = " UNION ALL ".join((
    OPEN.format(table="complaint_tracking_card", own="true"),
    OPEN.format(table="customer_feedback_register", own=f"NOT {IS_CARD.format(id='complaint_tracking_card_id')}")))
KEPT = {"complaint_closing": ("complaint_tracking_card", "closed_at <= close_due_at",
                              f"close_due_at >= :starts AND close_due_at < :ends AND state NOT IN {OUT}"),
        "appraisal_pass": ("warranty_appraisal", "review_result = 'approved'",
                           "reviewed_at >= :starts AND reviewed_at < :ends AND review_result IN ('approved', 'rejected') "
                           "AND state NOT IN ('void', 'cancelled')")}


def write_analysis(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        of = _head(connection, "monthly_quality_analysis")
        _ask(connection, SOURCES, of=of)
        _write_open_items(connection, of)
        _keep_analysed(connection, of)
        counts = {period: _ask(connection, f"SELECT count(*) FROM ({TOLD}) t WHERE is_counted", period).scalar() for period in _months()}
        rows = list(_analysis_figures(connection, of, counts))
        _keep(connection, monthly_quality_analysis.Figure, of, rows, "section")


def _months() -> list[Period]:
    found = [MONTH]
    while len(found) < 13:
        found.append(found[-1].previous())
    return found


def _write_open_items(connection: sa.Connection, of: int) -> None:
    found = sorted(_ask(connection, OPEN_ITEMS, {"received_at": Moment()}), key=lambda row: (row.received_at, row.number))
    end = office.bounds(MONTH)[1]
    _keep(connection, monthly_quality_analysis.OpenItem, of, [
        {"source_number": row.number, "received_at": row.received_at, "open_days": (end - row.received_at).days,
         "handler_id": row.handler_id} for row in found])
    if found:
        connection.execute(sa.insert(sa.table("report_evidence", *map(sa.column, (
            "of_type", "of_id", "figure", "source_type", "source_id")))), [
            {"of_type": "monthly_quality_analysis", "of_id": of, "figure": "open_count", "source_type": row.source_type,
             "source_id": row.id} for row in found])


def _keep_analysed(connection: sa.Connection, of: int) -> None:
    behind = BEHIND.format(of="monthly_quality_analysis", figure="{figure}", type="{type}", id="{id}")
    for name in ("total", "month_on_month", "year_on_year", "faults_per_thousand"):
        _ask(connection, behind.format(figure=f"'{name}'", type="l.source_type", id="l.source_id") + COUNTED, of=of)
    for section, (key, _, _) in ANALYSED.items():
        figure = f"substr('{section}:' || coalesce({key}, '-'), 1, 260)"
        _ask(connection, behind.format(figure=figure, type="l.source_type", id="l.source_id") + COUNTED, of=of)
    for section, (table, hits, whole) in KEPT.items():
        for figure, which in ((section, f"{whole} AND {hits}"), (f"{section}/denominator", whole)):
            _ask(connection, behind.format(figure=f"'{figure}'", type=f"'{table}'", id="id") + f"FROM {table} WHERE {which}", of=of)
    told = behind.format(figure="{figure}", type="source_type", id="source_id") + f"FROM ({TOLD}) t WHERE is_counted"
    for figure, period in (("month_on_month/denominator", MONTH.previous()), ("year_on_year/denominator", _months()[12]),
                           *((f"trend:{period}", period) for period in _months()[:12])):
        _ask(connection, told.replace("{figure}", f"'{figure}'"), period, of=of)


def _analysis_figures(connection: sa.Connection, of: int, counts: dict[Period, int]) -> Iterator[dict[str, Any]]:
    cases, quantity, amount = _ask(connection, f"SELECT count(*), sum(l.quantity), sum(l.amount) {COUNTED}", of=of).one()
    shown = {"case_count": cases, "quantity": quantity or 0, "amount": _money(connection, amount)}
    yield _counted("total", **shown)
    for section, period in (("month_on_month", MONTH.previous()), ("year_on_year", _months()[12])):
        yield _counted(section, numerator=cases - counts[period], denominator=counts[period], previous_case_count=counts[period], **shown)
    in_use = _ask(connection, "SELECT count(*) FROM vehicle WHERE delivered_on <= :last "
                              "AND state NOT IN ('void', 'scrapped', 'returned', 'in_stock')").scalar()
    yield _counted("faults_per_thousand", numerator=quantity or 0, denominator=in_use, **shown)
    for section, (key, before_key, order) in ANALYSED.items():
        yield from _analysed(connection, of, section, key, before_key, {value: n for n, value in enumerate(order)})
    for section, (table, hits, whole) in KEPT.items():
        part, all_ = _ask(connection, f"SELECT count(*) FILTER (WHERE {hits}), count(*) FROM {table} WHERE {whole}").one()
        yield _counted(section, case_count=part, numerator=part, denominator=all_)
    for period in reversed(_months()[:12]):
        yield _counted("trend", str(period), case_count=counts[period])


def _analysed(connection: sa.Connection, of: int, section: str, key: str, before_key: str, order: dict[str, int]) -> Iterator[Any]:
    found = _ask(connection, f"SELECT {key} AS key, count(*) AS cases, sum(l.quantity) AS quantity, coalesce(sum(l.amount), 0) AS amount "
                             f"{COUNTED} GROUP BY {key}", of=of).all()
    before = dict(_ask(connection, f"SELECT {before_key}, count(*) FROM ({TOLD}) t LEFT JOIN dealer_ledger d ON d.id = t.dealer_id "
                                   f"WHERE t.is_counted GROUP BY {before_key}", MONTH.previous()).all())
    quantities, whole = {row.key: row.quantity for row in found}, sum(row.cases for row in found)
    for name, cases, amount, place in _ranked([(row.key, row.cases, _money(connection, row.amount)) for row in found], order):
        yield _counted(section, name or "-", case_count=cases, quantity=quantities[name], amount=amount,
                       previous_case_count=before.get(name, 0), numerator=cases, denominator=whole) | place


def _counted(section: str, key: str = "", numerator: Any = None, denominator: Any = None, **values: Any) -> dict[str, Any]:
    return {"section": section, "key": key, "case_count": None, "quantity": None, "amount": None, "previous_case_count": None,
            "numerator": numerator, "denominator": denominator,
            "rate": Decimal(numerator) / Decimal(denominator) if denominator else None, "is_applicable": denominator != 0,
            "rank": None, "cumulative_rate": None, "is_focus": None, **values}


# Both -------------------------------------------------------------------------------------------------------------

def _ask(connection: sa.Connection, sql: str, about: Any = None, of: int = 0) -> Any:
    """`about`: another month, or the types of columns that are read."""
    period = about if isinstance(about, Period) else MONTH
    starts, ends = office.bounds(period)
    moments = {"starts": starts, "ends": ends, "before": office.bounds(period.previous())[0]}
    values = [sa.bindparam(name, moment, Moment()) for name, moment in moments.items()]
    values += [sa.bindparam("of", of, sa.BigInteger()), sa.bindparam("major", MAJOR, Exact(2)),
               sa.bindparam("nothing", Decimal(0), Exact(2)),
               sa.bindparam("often", OFTEN), sa.bindparam("period", str(period)), sa.bindparam("last", period.last_day, sa.Date()),
               sa.bindparam("end_second", int(ends.timestamp()), sa.BigInteger())]
    text = sa.text(sql).bindparams(*(value for value in values if f":{value.key}" in sql))
    return connection.execute(text.columns(**about) if isinstance(about, dict) else text)


def _money(connection: sa.Connection, kept: Any) -> Decimal:
    return rounded(Decimal(kept or 0).scaleb(-2 if connection.dialect.name == "sqlite" else 0), 2)


def _head(connection: sa.Connection, name: str) -> int:
    """The compiled record, of which only the lines are compared."""
    table = Record.types[name].model.__table__
    made: datetime = COMPILED_AT - timedelta(0)
    return int(connection.execute(sa.insert(table).returning(table.c.id), {
        "number": f"{name}-1", "state": "compiled", "revision": 1, "created_at": made, "updated_at": made, "content_hash": "",
        "audit_head": "", "period": PERIOD}).scalar_one())


def _keep(connection: sa.Connection, model: Any, of: int, rows: list[dict[str, Any]], by: str = "") -> None:
    if by:
        order = [choice.value for choice in model.fields[by].choices]
        rows.sort(key=lambda row: order.index(row[by]))
    words = {"caption": "-", "row_filter": None} if "caption" in model.fields else {}
    if rows:
        connection.execute(sa.insert(model.__table__), [
            {**words, **row, "record_id": of, "position": n} for n, row in enumerate(rows)])
