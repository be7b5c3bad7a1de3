"""保修结算单."""

from models.base import Line, Record, day, decimal, lines, link, longtext, moment, money, period, text
from models.spec import SIGNER, SYSTEM, Move, RecordType, Series, Step, Workflow, states


class Appraisal(Line, of="warranty_settlement"):
    """鉴定单明细."""

    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", required=True, origin="P")
    amount = money("金额", required=True, origin="P")


class FirstService(Line, of="warranty_settlement"):
    """首保明细."""

    first_service_registration_id = link("first_service_registration", "首保登记表", required=True, origin="P")
    amount = money("金额", required=True, origin="P")


class Adjustment(Line, of="warranty_settlement"):
    """奖罚及扣款."""

    reason = text("事由", required=True, origin="P")
    reward_penalty_notice_id = link("reward_penalty_notice", "奖罚通知", origin="X")
    amount = money("金额(扣款为负)", required=True, origin="P")


class WarrantySettlement(Record):
    """The monthly job gathers a dealer's approved appraisals and first services, applies the grade
    coefficient and rewards or penalties, and finance and the deputy general manager approve payment."""

    dealer_id = link("dealer_ledger", "服务商", required=True)
    period = period("结算月份", required=True, origin="P")
    appraisal_amount = money("鉴定单金额", origin="P", derived="sum of appraisals.amount")
    first_service_amount = money("首保金额", origin="P", derived="sum of first_services.amount")
    gross_amount = money("合计金额", origin="P", derived="appraisal_amount + first_service_amount")
    dealer_grade_sheet_id = link("dealer_grade_sheet", "服务商分级考核表", origin="X")
    coefficient = decimal("考核系数", required=True, origin="P", default=1,
        derived="dealer_grade_sheet.coefficient: A 1.05, B 1.00, C 0.95, D 0.90, not rated 1.00")
    adjustment_amount = money("奖罚及扣款合计", origin="P",
        derived="sum of adjustments.amount, rewards positive, penalties negative")
    amount = money("结算金额", derived="gross_amount * coefficient + adjustment_amount, two decimals half up")
    # SET_BY recompile
    data_as_of = moment("数据截止时间", origin="X")
    # SET_BY check
    checked_at = moment("核对时间", origin="X")
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    invoice_no = text("发票号", origin="P")
    invoiced_on = day("开票日期", origin="P")
    # SET_BY pay
    paid_at = moment("付款时间", origin="P")
    remark = longtext("备注", origin="P")
    appraisals = lines(Appraisal, "鉴定单明细")
    first_services = lines(FirstService, "首保明细")
    adjustments = lines(Adjustment, "奖罚及扣款")

    spec = RecordType(
        code="WST", zh="保修结算单", en="Warranty settlement", source="004 §4.1.2",
        series=Series("WST-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "dealer", "period", "gross_amount", "coefficient", "adjustment_amount", "amount",
              "paid_at", "state"),
        search=("number", "invoice_no"),
        filters=("state", "dealer", "period", "paid_at"),
        retention_years=10,
        workflow=Workflow(
            states(("compiled", "已汇编"), ("in_approval", "审批中"), ("approved", "已批准"), ("paid", "已付款"),
                ("void", "作废")),
            moves=(
                # NOTE the job's first run creates the record in compiled
                Move("recompile", "重新汇编", "Compile again", source=("compiled",), to="compiled",
                    by=(SYSTEM, "customer_service"), stamps=("data_as_of",)),
                # WHEN at least one appraisals or first_services line
                Move("check", "核对报批", "Check and submit", source=("compiled",), to="in_approval",
                    by=("customer_service",), requires=("dealer", "period", "coefficient", "amount"),
                    stamps=("checked_at",), opens_round=True),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                    stamps=("approved_at",), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="compiled", by=(SIGNER,),
                    comment=True, signs=True),
                # THEN its warranty_appraisal and first_service_registration rows become settled; its reward_penalty_notice rows point to it
                Move("pay", "付款", source=("approved",), to="paid", by=("finance",),
                    requires=("invoice_no", "invoiced_on"), stamps=("paid_at",)),
                # THEN its rows become free for the next settlement
                Move("void", "作废", source=("compiled", "in_approval", "approved"), to="void",
                    by=("customer_service",), comment=True),
            ),
            approval=(Step("finance"), Step("deputy_gm")),
        ),
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
