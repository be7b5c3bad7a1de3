"""配件采购清单: what the accepted demand plans of a month ask for, less what the company's store can give.

The plans are taken in first; the lines are then counted from the plans of the list, so that compiling again counts the
same rows.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from jobs.compiling import FURTHER_ON, REPORTS, Report, Task, account_for, forget_evidence, reason
from models.base import insert_from
from models.parts.parts_demand_plan import Part as Wanted
from models.parts.parts_demand_plan import PartsDemandPlan
from models.parts.parts_purchase_list import Part, PartsPurchaseList, Source
from models.parts.parts_stock import PartsStock
from models.reports import Evidence
from models.spec import VOID, Invalid, Refused, Text
from rules.act import Act

NAME, PLAN = "parts_purchase_list", "parts_demand_plan"
PLANS, WANTED = PartsDemandPlan.__table__.c, Wanted.__table__.c
SOURCE, STOCK = Source.__table__.c, PartsStock.__table__.c
ENDED = (VOID, "cancelled")


def compile_list(task: Task) -> list[Any]:
    """Write the list of a month; raises Refused if it is further on and no plan waits for another one."""
    act = task.act
    waiting = act.session.scalars(_waiting(task)).all()
    purchase = _list_to_write(task, bool(waiting))
    purchase.handler_id = task.asked_by or purchase.handler_id
    act.session.flush()
    for id_ in waiting:
        _take_in(task, purchase, id_)
    written = _write_sources(act, purchase)
    _write_parts(act, purchase)
    account_for(act, purchase, {"sources": written}, move="consolidate")
    _keep_evidence(act, purchase)
    return [purchase]


def _waiting(task: Task) -> Any:
    """Plans of the month that came in time, and late ones of the months before."""
    month = str(task.period)
    return sa.select(PLANS.id).where(PLANS.state == "accepted", sa.or_(
        sa.and_(PLANS.period == month, PLANS.is_on_time.is_(True)),
        sa.and_(PLANS.period < month, PLANS.is_on_time.is_(False)))).order_by(PLANS.dealer_id, PLANS.id)


def _list_to_write(task: Task, is_wanted: bool) -> Any:
    """The month's list as long as it is not submitted; after that another one, if plans wait for it."""
    month, act = str(task.period), task.act
    purchase = act.session.scalar(
        sa.select(PartsPurchaseList).where(PartsPurchaseList.period == month, PartsPurchaseList.state == "consolidated")
        .order_by(PartsPurchaseList.id.desc()).limit(1).with_for_update().execution_options(populate_existing=True))
    if purchase is not None:
        return purchase
    last = act.session.scalar(
        sa.select(PartsPurchaseList).where(PartsPurchaseList.period == month, PartsPurchaseList.state.not_in(ENDED))
        .order_by(PartsPurchaseList.id.desc()).limit(1))
    if last is not None and not is_wanted:
        state = last.spec.workflow.state(last.state).label
        raise Refused(FURTHER_ON.with_(period=month, type=last.spec.label, number=last.number, state=state))
    return act.new(NAME, period=month, handler=task.asked_by)


def _take_in(task: Task, purchase: Any, id_: int) -> None:
    """A plan that cannot be taken in stops no other."""
    session = task.act.session
    plan = task.act.lock(session.get(PartsDemandPlan, id_))
    number = plan.number
    try:
        with session.begin_nested():
            plan.parts_purchase_list_id = purchase.id
            task.act.make(plan, "consolidate")
    except (Refused, Invalid) as no:
        task.left_out.append((number, reason(no)))


# The lines --------------------------------------------------------------------------------------------------------

def _taken(purchase: Any) -> Any:
    """The lines of the plans that this list took in."""
    return sa.and_(PLANS.parts_purchase_list_id == purchase.id, PLANS.state == "consolidated", WANTED.accepted_quantity > 0)


def _joined() -> Any:
    return Wanted.__table__.join(PartsDemandPlan.__table__, PLANS.id == WANTED.record_id)


def _write_sources(act: Act, purchase: Any) -> int:
    place = sa.func.row_number().over(order_by=(WANTED.part_no, PLANS.dealer_id, PLANS.id, WANTED.position, WANTED.id)) - 1
    values = {"record_id": sa.literal(purchase.id), "position": place, "part_no": WANTED.part_no,
              "parts_demand_plan_id": PLANS.id, "dealer_id": PLANS.dealer_id, "quantity": WANTED.accepted_quantity}
    act.session.execute(sa.delete(Source.__table__).where(SOURCE.record_id == purchase.id))
    rows = sa.select(*values.values()).select_from(_joined()).where(_taken(purchase))
    written = insert_from(act.session, Source.__table__, values, rows)
    act.session.expire(purchase, ["sources"])
    return written


def _write_parts(act: Act, purchase: Any) -> None:
    """A line per part of which something must be bought; it keeps what people entered on it."""
    present, rows, free = {row.part_no: row for row in purchase.parts}, [], _available(act)
    for wanted in _demand(act, purchase):
        available = free.get(wanted.part_no, Decimal(0))
        if wanted.quantity <= available:
            continue
        row = present.get(wanted.part_no) or Part(part_no=wanted.part_no, received_quantity=Decimal(0))
        row.position, row.line_no = len(rows), len(rows) + 1
        row.part_name, row.model, row.unit_of_measure = wanted.part_name, wanted.model, wanted.unit_of_measure
        row.demand_quantity, row.available_quantity = wanted.quantity, available
        rows.append(row)
    purchase.parts = rows


def _demand(act: Act, purchase: Any) -> Any:
    """Part number -> what was accepted in all, and how the first plan calls the part."""
    first = (WANTED.part_no, WANTED.part_name, WANTED.model, WANTED.unit_of_measure)
    total = sa.func.sum(WANTED.accepted_quantity).over(partition_by=WANTED.part_no).label("quantity")
    rank = sa.func.row_number().over(partition_by=WANTED.part_no, order_by=(PLANS.id, WANTED.position, WANTED.id))
    lines = sa.select(*first, total, rank.label("rank")).select_from(_joined()).where(_taken(purchase)).subquery()
    return act.session.execute(sa.select(lines).where(lines.c.rank == 1).order_by(lines.c.part_no)).all()


def _available(act: Act) -> dict[str, Decimal]:
    """Part number -> what the company's store can give; what a dealer has is the dealer's."""
    return dict(act.session.execute(sa.select(STOCK.part_no, STOCK.available_quantity).where(
        STOCK.store_type == "company", STOCK.state == "active", STOCK.available_quantity > 0)).all())


def _keep_evidence(act: Act, purchase: Any) -> None:
    """The plans behind the total, and behind each part."""
    forget_evidence(act, purchase)
    mine = SOURCE.record_id == purchase.id
    listed = sa.select(Part.__table__.c.part_no).where(Part.__table__.c.record_id == purchase.id)
    for figure, which in ((sa.literal("sources"), sa.true()), ("parts:" + SOURCE.part_no, SOURCE.part_no.in_(listed))):
        values = {"of_type": sa.literal(NAME), "of_id": sa.literal(purchase.id), "figure": figure,
                  "source_type": sa.literal(PLAN), "source_id": SOURCE.parts_demand_plan_id}
        insert_from(act.session, Evidence.__table__, list(values), sa.select(*values.values()).where(mine, which).distinct())


REPORTS[NAME] = Report(
    name=NAME, label=PartsPurchaseList.spec.label, period_kind="month", record_type=NAME, compile=compile_list,
    aliases={"total_quantity": "sources", "line_count": "sources"}, sent_to=("customer_service",), reissue=Text(
        "清单是采购指令，迟到的计划另汇总一张；未下达的请取消后重新汇总",
        "a list is an order; late plans make a further one, and one that is not released is cancelled and compiled anew"))
