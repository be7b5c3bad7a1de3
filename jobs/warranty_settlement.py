"""保修结算单: what a dealer's approved appraisals and accepted first services come to in a month.

A settlement takes what was reviewed by the end of its month and is in no other settlement. Its lines are written by
SQL; each dealer's settlement is written whole or not at all, and one that cannot be written stops no other.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from jobs.compiling import (
    FURTHER_ON, NO_DEALER, REPORTS, Made, Report, Task, account_for, forget_evidence, reason,
)
from models.base import insert_from
from models.dealers.dealer_grade_sheet import DealerGradeSheet
from models.dealers.reward_penalty_notice import RewardPenaltyNotice
from models.master.dealer_ledger import DealerLedger
from models.reports import Evidence
from models.spec import VOID, Invalid, Period, Refused, Text
from models.warranty.first_service_registration import FirstServiceRegistration
from models.warranty.warranty_appraisal import WarrantyAppraisal
from models.warranty.warranty_settlement import (
    SOURCES, Adjustment, Appraisal, FirstService, WarrantySettlement, worth,
)
from rules import office
from rules.act import Act

NAME = "warranty_settlement"
BATCH = 50           # dealers between two signs of life
NONE = 0             # the id of no settlement
SETTLEMENT = WarrantySettlement.__table__.c
# Child table -> its rows, the records that they name, and the column that does.
COUNTED = {
    "appraisals": (Appraisal, WarrantyAppraisal, Appraisal.__table__.c.warranty_appraisal_id),
    "first_services": (FirstService, FirstServiceRegistration, FirstService.__table__.c.first_service_registration_id),
}
ADJUSTED = {"adjustments": (Adjustment, RewardPenaltyNotice, Adjustment.__table__.c.reward_penalty_notice_id)}
# Figure -> the child tables behind it.
FIGURES = {
    "appraisal_amount": ("appraisals",), "first_service_amount": ("first_services",),
    "gross_amount": ("appraisals", "first_services"), "adjustment_amount": ("adjustments",),
    "amount": ("appraisals", "first_services", "adjustments"),
}
NOTHING_WAITS = Text("服务商 {code} 截至 {period} 没有待结算的鉴定单或首保登记",
                     "Dealer {code} has no appraisal and no first service to settle for {period}")


def compile_settlements(task: Task) -> list[Any]:
    """The settlements of a month, of one dealer or of all that have something to settle."""
    dealers, made = _dealers(task), []
    for n, dealer in enumerate(dealers):
        if n and n % BATCH == 0:
            task.step(10 + 90 * n // len(dealers))
        made += _compiled(task, dealer)
    return made


def _dealers(task: Task) -> list[Any]:
    """Dealers with rows that wait, or with a settlement of the month that can still be compiled again."""
    session, dealer = task.act.session, DealerLedger.__table__.c
    if task.scope and not task.act.find("dealer_ledger", dealer_code=task.scope):
        raise Refused(NO_DEALER.with_(code=task.scope))
    compiled = sa.select(SETTLEMENT.dealer_id).where(SETTLEMENT.period == str(task.period), SETTLEMENT.state == "compiled")
    waiting = [_waiting(task.period, name).with_only_columns(COUNTED[name][1].dealer_id) for name in COUNTED]
    query = sa.select(dealer.id, dealer.dealer_code).where(dealer.id.in_(sa.union(compiled, *waiting)))
    if task.scope:
        query = query.where(dealer.dealer_code == task.scope)
    found = list(session.execute(query.order_by(dealer.dealer_code)).all())
    if task.scope and not found:
        raise Refused(NOTHING_WAITS.with_(code=task.scope, period=task.period))
    return found


def _compiled(task: Task, dealer: Any) -> list[Made]:
    session = task.act.session
    act = Act(session, task.act.actor, now=task.act.now)
    try:
        with session.begin_nested():
            settlement = _write(act, task.period, dealer.id)
        return [Made(settlement.spec, settlement.id)]
    except (Refused, Invalid) as no:
        task.left_out.append((dealer.dealer_code, reason(no)))
        return []
    finally:
        session.info["act"] = task.act


def _write(act: Act, period: Period, dealer_id: int) -> Any:
    settlement = _settlement_to_write(act, period, dealer_id)
    sheet = _grade_sheet(act, period, dealer_id)
    settlement.dealer_grade_sheet_id = sheet and sheet.id
    act.session.flush()
    written = {name: _write_lines(act, settlement, period, name) for name in COUNTED}
    _write_adjustments(act, settlement, period)
    account_for(act, settlement, written, move="recompile")
    _keep_evidence(act, settlement)
    return settlement


def _settlement_to_write(act: Act, period: Period, dealer_id: int) -> Any:
    """The dealer's settlement of the month as long as it is not checked; raises Refused if it is further on."""
    settlement = act.session.scalar(
        sa.select(WarrantySettlement).where(
            WarrantySettlement.dealer_id == dealer_id, WarrantySettlement.period == str(period),
            WarrantySettlement.state != VOID)
        .with_for_update(of=WarrantySettlement).execution_options(populate_existing=True))
    if settlement is None:
        return act.new(NAME, dealer=dealer_id, period=str(period))
    if settlement.state != "compiled":
        state = settlement.spec.workflow.state(settlement.state).label
        raise Refused(FURTHER_ON.with_(period=period, type=settlement.spec.label, number=settlement.number, state=state))
    return settlement


def _grade_sheet(act: Act, period: Period, dealer_id: int) -> Any:
    """The dealer's latest published sheet that is not about a later time; of a month and its quarter, the one
    published last."""
    quarter = Period(period.year, period.first_month - (period.first_month - 1) % 3, 3)
    if quarter.last_day > period.last_day:
        quarter = quarter.previous()
    found = []
    for column, latest in ((DealerGradeSheet.period, period), (DealerGradeSheet.quarter, quarter)):
        found += act.session.scalars(
            sa.select(DealerGradeSheet).where(
                DealerGradeSheet.dealer_id == dealer_id, DealerGradeSheet.state == "published", column <= str(latest))
            .order_by(column.desc()).limit(1))
    return max(found, key=lambda sheet: (sheet.last_day, sheet.published_at), default=None)


# The lines --------------------------------------------------------------------------------------------------------

def _in_no_other(line: Any, named: Any, source: Any, settlement_id: int) -> Any:
    """No settlement but this one lists the record; those that are void do not count."""
    return sa.not_(sa.exists().where(
        named == source.id, line.record_id == SETTLEMENT.id, SETTLEMENT.state != VOID, SETTLEMENT.id != settlement_id))


def _waiting(period: Period, name: str, settlement_id: int = NONE) -> Any:
    """The records that a settlement of the month takes."""
    line, model, named = COUNTED[name]
    return sa.select(model).where(
        model.state.in_(SOURCES[name][1]), model.reviewed_at < office.bounds(period)[1],
        _in_no_other(line, named, model, settlement_id))


def _write_lines(act: Act, settlement: Any, period: Period, name: str) -> int:
    line, model, named = COUNTED[name]
    table = line.__table__
    place = sa.func.row_number().over(order_by=(model.reviewed_at, model.id)) - 1
    values = {"record_id": sa.literal(settlement.id), "position": place, named.name: model.id,
              "amount": sa.func.coalesce(model.amount, 0)}
    rows = _waiting(period, name, settlement.id).where(model.dealer_id == settlement.dealer_id)
    act.session.execute(sa.delete(table).where(table.c.record_id == settlement.id))
    written = insert_from(act.session, table, values, rows.with_only_columns(*values.values()))
    act.session.expire(settlement, [name])
    return written


def _write_adjustments(act: Act, settlement: Any, period: Period) -> None:
    """A row per notice that took effect by the end of the month; what people wrote without a notice stays."""
    line, notice, named = ADJUSTED["adjustments"]
    notices = act.session.scalars(sa.select(notice).where(
        notice.dealer_id == settlement.dealer_id, notice.state.in_(SOURCES["adjustments"][1]), notice.amount > 0,
        notice.effective_on <= period.last_day, _in_no_other(line, named, notice, settlement.id)).order_by(notice.id))
    rows = [Adjustment(reason=f"{row.spec.zh} {row.number}", reward_penalty_notice_id=row.id, amount=worth(row))
            for row in notices]
    rows += [row for row in settlement.adjustments if row.reward_penalty_notice_id is None]
    for position, row in enumerate(rows):
        row.position = position
    settlement.adjustments = rows


def _keep_evidence(act: Act, settlement: Any) -> None:
    """The records behind each figure, and the sheet behind the coefficient."""
    forget_evidence(act, settlement)
    of = {"of_type": sa.literal(NAME), "of_id": sa.literal(settlement.id)}
    for figure, names in FIGURES.items():
        for name in names:
            line, model, named = (COUNTED | ADJUSTED)[name]
            values = {**of, "figure": sa.literal(figure), "source_type": sa.literal(model.spec.name), "source_id": named}
            insert_from(act.session, Evidence.__table__, list(values), sa.select(*values.values()).where(
                line.record_id == settlement.id, named.is_not(None)).distinct())
    if settlement.dealer_grade_sheet_id is not None:
        act.session.add(Evidence(of_type=NAME, of_id=settlement.id, figure="coefficient",
                                 source_type="dealer_grade_sheet", source_id=settlement.dealer_grade_sheet_id))
        act.session.flush()


REPORTS[NAME] = Report(
    name=NAME, label=WarrantySettlement.spec.label, period_kind="month", record_type=NAME,
    compile=compile_settlements, of_dealers=True, sent_to=("customer_service",), reissue=Text(
        "已付款的结算不变，迟到的单据列入下月；未付款的请作废后重新汇编",
        "what is paid stays, and what comes late is settled next month; one that is not paid is voided and compiled anew"))
