"""保修结算单."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import Line, Record, day, decimal, lines, link, longtext, moment, money, period, rounded, text
from models.compiled import compile_again
from models.conditions import either, filled, is_changed, saying
from models.spec import (
    SIGNER, SYSTEM, VOID, Condition, Move, RecordType, Series, Step, Text, Workflow, states,
)

# Child table -> the type that its rows name, and the states in which such a record is settled.
SOURCES = {
    "appraisals": ("warranty_appraisal", ("approved",)),
    "first_services": ("first_service_registration", ("accepted",)),
    "adjustments": ("reward_penalty_notice", ("approved", "issued", "acknowledged")),
}


def worth(source):
    """What a record adds to the settlement; a penalty takes away."""
    return -source.amount if getattr(source, "kind", "") == "penalty" else source.amount


def total(rows):
    return sum((row.amount or 0 for row in rows), Decimal(0))


def _touched(settlement) -> list:
    """The adjustments that this save changes or removes."""
    rows = sa.inspect(settlement).attrs.adjustments.history
    return [*(rows.deleted or ()), *(row for row in settlement.adjustments if any(
        sa.inspect(row).attrs[name].history.has_changes() for name in ("reason", "amount")))]


def are_as_compiled(settlement, act) -> bool:
    """Every row still says what its record says, which is this dealer's, fit to be settled and in no other
    settlement."""
    for name, (type_name, fit) in SOURCES.items():
        column = f"{type_name}_id"
        rows = [row for row in getattr(settlement, name) if getattr(row, column) is not None]
        model, line = settlement.types[type_name].model, settlement.spec.lines[name].model
        ids = [getattr(row, column) for row in rows]
        found = {source.id: source for source in act.session.scalars(sa.select(model).where(model.id.in_(ids)))}
        if len(set(ids)) < len(ids) or any(
                found[id_].state not in fit or found[id_].dealer_id != settlement.dealer_id
                or worth(found[id_]) != row.amount for id_, row in zip(ids, rows, strict=True)):
            return False
        other = type(settlement)
        if act.session.scalar(sa.select(line.id).join(other, other.id == line.record_id).where(
                getattr(line, column).in_(ids), other.state != VOID, other.id != settlement.id).limit(1)):
            return False
    return True


def settle_sources(settlement, act) -> None:
    """What was paid is settled, and says by which settlement."""
    for name, (type_name, _) in SOURCES.items():
        for row in getattr(settlement, name):
            source = act.get(type_name, getattr(row, f"{type_name}_id"))
            if source is None:
                continue
            source.warranty_settlement_id = settlement.id
            if name == "adjustments":
                act.touch(source)
            else:
                act.make(source, "settle")


HAS_ROWS = saying(
    either(filled("appraisals"), filled("first_services")), "没有鉴定单或首保明细，不能报批",
    "There is no appraisal and no first service to settle")
ROWS_STAND = Condition(are_as_compiled, Text(
    "明细与原单据不一致（状态、金额已变，或已列入其他结算单），请重新汇编",
    "A row no longer agrees with its record (state, amount, or it is in another settlement): compile again"))


class Appraisal(Line, of="warranty_settlement"):
    """An appraisal that is settled."""

    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", required=True, origin="P", system=True)
    amount = money("金额", required=True, origin="P", system=True)


class FirstService(Line, of="warranty_settlement"):
    """A first service that is settled."""

    first_service_registration_id = link("first_service_registration", "首保登记表", required=True, origin="P",
                                         system=True)
    amount = money("金额", required=True, origin="P", system=True)


class Adjustment(Line, of="warranty_settlement"):
    """A reward that is added, or a penalty or deduction that is taken away: of a notice, or written by customer service
    with its reason."""

    reason = text("事由", required=True, origin="P")
    reward_penalty_notice_id = link("reward_penalty_notice", "奖罚通知", origin="X", system=True)
    amount = money("金额(扣款为负)", required=True, origin="P", minimum=None, help=(
        "奖励为正，扣款为负", "Rewards are positive, deductions negative"))


class WarrantySettlement(Record):
    """The monthly job gathers a dealer's approved appraisals and first services, applies the grade
    coefficient and rewards or penalties, and finance and the deputy general manager approve payment."""

    dealer_id = link("dealer_ledger", "服务商", required=True, system=True, group=("结算", "The settlement"))
    period = period("结算月份", required=True, origin="P", system=True)
    appraisal_amount = money("鉴定单金额", origin="P", derived="sum of appraisals.amount")
    first_service_amount = money("首保金额", origin="P", derived="sum of first_services.amount")
    gross_amount = money("合计金额", origin="P", derived="appraisal_amount + first_service_amount")
    dealer_grade_sheet_id = link("dealer_grade_sheet", "服务商分级考核表", origin="X", system=True, help=(
        "结算月份（含）以前最近一张已公布的考核表；没有的按 1.00 结算",
        "The latest published sheet of this month or before; without one the coefficient is 1.00"))
    coefficient = decimal("考核系数", required=True, origin="P", default=1, derived=(
        "dealer_grade_sheet.coefficient: A 1.05, B 1.00, C 0.95, D 0.90, not rated 1.00"))
    adjustment_amount = money("奖罚及扣款合计", origin="P", derived=(
        "sum of adjustments.amount, rewards positive, penalties negative"))
    amount = money("结算金额", derived="gross_amount * coefficient + adjustment_amount, two decimals half up")
    data_as_of = moment("数据截止时间", origin="X", group=("审批与付款", "Approval and payment"))
    checked_at = moment("核对时间", origin="X")
    approved_at = moment("批准时间", origin="X")
    invoice_no = text("发票号", origin="P", help=("付款前由财务填写", "Filled in by finance before the payment"))
    invoiced_on = day("开票日期", origin="P")
    paid_at = moment("付款时间", origin="P")
    remark = longtext("备注", origin="P")
    appraisals = lines(Appraisal, "鉴定单明细")
    first_services = lines(FirstService, "首保明细")
    adjustments = lines(Adjustment, "奖罚及扣款")

    def derive(self, act):
        self.appraisal_amount = total(self.appraisals)
        self.first_service_amount = total(self.first_services)
        self.gross_amount = self.appraisal_amount + self.first_service_amount
        self.adjustment_amount = total(self.adjustments)
        sheet = act.get("dealer_grade_sheet", self.dealer_grade_sheet_id)
        self.coefficient = sheet.coefficient if sheet else Decimal(1)
        self.amount = rounded(self.gross_amount * self.coefficient + self.adjustment_amount)

    def check(self, act):
        if self.invoiced_on and self.invoiced_on > act.today:
            yield "invoiced_on", Text("开票日期不能晚于今天，请更正", "The invoice is not of a day to come")
        if act.move is None and is_changed(self, "adjustments"):
            yield from self._wrong_adjustments(act)

    def _wrong_adjustments(self, act):
        if self.state != "compiled":
            yield "adjustments", Text("报批后明细不能再改，须先退回或作废",
                                      "Once submitted the rows stay: have it sent back, or void it")
        if act.actor.id is not None and any(row.reward_penalty_notice_id for row in _touched(self)):
            yield "adjustments", Text("奖罚通知的行由汇编带入，不能改动；有误的请先更正奖罚通知再重新汇编",
                                      "The row of a notice stays: correct the notice, then compile again")
        for n, row in enumerate(self.adjustments):
            if row.amount == 0:
                yield f"adjustments-{n}-amount", Text("金额不能为零", "An adjustment of zero changes nothing")

    spec = RecordType(
        code="WST", zh="保修结算单", en="Warranty settlement", source="004 §4.1.2",
        series=Series("WST-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"}, compiled=True,
        unique=(("dealer", "period"),),
        list=("number", "dealer", "period", "gross_amount", "coefficient", "adjustment_amount", "amount",
              "paid_at", "state"),
        search=("number", "invoice_no"), filters=("state", "dealer", "period", "paid_at"), retention_years=10,
        workflow=Workflow(
            states(("compiled", "已汇编"), ("in_approval", "审批中"), ("approved", "已批准"), ("paid", "已付款"),
                   ("void", "作废")),
            moves=(
                Move("recompile", "重新汇编", "Compile again", source=("compiled",), to="compiled",
                     by=(SYSTEM, "customer_service"), stamps=("data_as_of",), then=compile_again),
                Move("check", "核对报批", "Check and submit", source=("compiled",), to="in_approval",
                     by=("customer_service",), requires=("dealer", "period", "coefficient", "amount"),
                     stamps=("checked_at",), opens_round=True, when=(HAS_ROWS, ROWS_STAND)),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                     stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="compiled", by=(SIGNER,),
                     comment=True, signs=True),
                Move("pay", "付款", source=("approved",), to="paid", by=("finance",),
                     requires=("invoice_no", "invoiced_on"), stamps=("paid_at",), when=(ROWS_STAND,),
                     then=settle_sources),
                Move(VOID, "作废", source=("compiled", "in_approval", "approved"), to=VOID,
                     by=("customer_service",), comment=True),
            ),
            approval=(Step("finance"), Step("deputy_gm"))),
        access={
            "customer_service": "CEVX", "dealer": "v", "finance": "EAVX", "deputy_gm": "AV",
            "general_manager": "V",
        },
        rules=(
            "compiled by the monthly job for every dealer with approved, unsettled rows; one settlement "
            "per dealer and period, void ones not counted",
            "only approved warranty_appraisal and accepted first_service_registration rows of the "
            "dealer, each in one settlement that is not void",
            "amount = gross_amount * coefficient + adjustment_amount, rounded once",
            "line amounts equal the amount of the source rows on check; a difference blocks the move",
            "the coefficient comes from the latest published dealer_grade_sheet, 1.00 without one",
            "an adjustment from a reward_penalty_notice needs it approved, and each notice enters one "
            "settlement only",
            "finance and deputy general manager are two different people, and neither is the checker",
            "a paid settlement never changes",
        ),
    )
