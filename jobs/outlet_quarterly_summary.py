"""服务网点季度工作总结: a draft for every technician of an outlet, with the figures of the work done there."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from jobs.kpi_rows import OUT
from jobs.quarterly_figures import Quarter, aliases, compile_drafts
from jobs.reissues import Reissuing
from jobs.compiling import NO_DEALER, REPORTS, Report, Task
from models.conditions import TO_BE_WRITTEN
from models.dealers.outlet_quarterly_summary import OutletQuarterlySummary
from models.dispatch.work_order import WorkOrder
from models.master.dealer_ledger import DealerLedger
from models.measures import OF_TECHNICIANS
from models.people import Membership, User
from models.spec import Refused, Text
from models.warranty.customer_repair_file import CustomerRepairFile
from rules import office

NAME = "outlet_quarterly_summary"
QUARTER = Quarter(
    NAME, OF_TECHNICIANS, whose={"dealer_id": "dealer_id", "technician_id": "technician_id"},
    blank=dict.fromkeys(("service_content", "receivable_text", "problems", "suggestion"), TO_BE_WRITTEN),
    header={"repair_count": ("repairs", "case_count"), "revisit_count": ("first_time_fix", "missing"),
            "receivable_amount": ("receivable", "amount")})
IN_THE_NETWORK = ("active", "rectifying")
NOBODY_THERE = Text("服务商 {code} 在 {period} 没有维修人员的服务记录", "No technician served at dealer {code} in {period}")


def compile_summaries(task: Task) -> list[Any]:
    """Of every technician who belongs to an outlet of the network or worked for it in the quarter."""
    session, dealer = task.act.session, DealerLedger.__table__.c
    if task.replaces is not None:   # whose it is stands in it, wherever that person works by now
        return compile_drafts(task, QUARTER, [])
    if task.scope and not task.act.find("dealer_ledger", dealer_code=task.scope):
        raise Refused(NO_DEALER.with_(code=task.scope))
    there = _places(task).subquery().c
    query = sa.select(dealer.id, dealer.dealer_code, User.id.label("person"), User.name).where(
        dealer.id == there.dealer_id, User.id == there.person_id, dealer.state.in_(IN_THE_NETWORK),
        dealer.outlet_type != "sales_outlet", dealer.established_on <= task.period.last_day)
    if task.scope:
        query = query.where(dealer.dealer_code == task.scope)
    found = session.execute(query.order_by(dealer.dealer_code, User.id)).all()
    if task.scope and not found:
        raise Refused(NOBODY_THERE.with_(code=task.scope, period=task.period))
    return compile_drafts(task, QUARTER, [
        (f"{row.dealer_code} {row.name}", {"dealer": row.id, "technician": row.person}) for row in found])


def _places(task: Task) -> Any:
    """(outlet, technician), each once."""
    start, end = office.bounds(task.period)
    repair, order = CustomerRepairFile.__table__.c, WorkOrder.__table__.c
    parts = [sa.select(Membership.dealer_id.label("dealer_id"), Membership.user_id.label("person_id")).join(
        User, User.id == Membership.user_id).where(Membership.role == "technician", User.is_active)]
    parts += [sa.select(of.dealer_id, of.technician_id).where(moment >= start, moment < end, of.state.not_in(OUT))
              for of, moment in ((repair, repair.completed_at), (order, order.finished_at))]
    return sa.union(*parts)


REPORTS[NAME] = Report(
    name=NAME, label=OutletQuarterlySummary.spec.label, period_kind="quarter", record_type=NAME, compile=compile_summaries,
    asked_by="compile", sent_to=("customer_service",), of_dealers=True, aliases=aliases(QUARTER),
    reissue=Reissuing(carried=("service_content", "receivable_text", "problems", "suggestion")))
