"""质量整改令."""

from datetime import timedelta

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, file, lines, link, longtext, moment, person, text, unit, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import if_so, linked, one_of
from models.spec import (
    SIGNER, VOID, Condition, Deadline, Move, RecordType, Series, Step, Text, Workflow, states,
)

NOTHING_LET_GO = ("is_cause_found", "is_measure_implemented", "is_accountability_done", "is_education_done")
LEAST_CASES = 2   # what makes it a repetition


def propose_orders(act) -> list:
    """BR-23, for the daily job: the same fault of a batch or product, so often within the window that it is no
    chance, is drafted as an order. A case that an order names already, be it cancelled, counts no more."""
    sheet = Record.types["quality_info_transfer"].model
    since = act.now - timedelta(days=act.parameter("recurrence_days"))
    sheets = act.session.scalars(
        sa.select(sheet).where(
            sheet.received_at.between(since, act.now), sheet.state.not_in((VOID, "rejected")),
            sheet.id.not_in(sa.select(Case.quality_info_transfer_id)),
        ).order_by(sheet.received_at, sheet.id)).all()
    orders, named = [], set()
    for about in ("product_batch_id", "product_name"):
        groups = {}
        for row in sheets:
            if row.id not in named and getattr(row, about):
                groups.setdefault((getattr(row, about), row.fault_category), []).append(row)
        for cases in groups.values():
            if len(cases) >= act.parameter("recurrence_count"):
                orders.append(_propose(cases, act))
                named.update(row.id for row in cases)
    return orders


def _propose(sheets, act):
    def common(name):
        values = {getattr(row, name) for row in sheets}
        return values.pop() if len(values) == 1 else None
    days, numbers = act.parameter("recurrence_days"), "、".join(row.number for row in sheets)
    return act.new(
        "quality_rectification_order", basis="recurrent", is_proposed_by_system=True,
        responsible_unit=common("responsible_unit"), product_batch=common("product_batch_id"),
        fault_category=sheets[0].fault_category,
        problem=f"{sheets[0].product_name}：{days}天内同类故障重复发生{len(sheets)}起（{numbers}）",
        cases=[Case(quality_info_transfer_id=row.id, position=n) for n, row in enumerate(sheets)])


def do_again(order, act) -> None:
    """What failed was not done: the limit runs on."""
    order.completed_at = None


def is_nothing_let_go(order, act) -> bool:
    action = act.get("corrective_action", order.corrective_action_id)
    return action is not None and all(getattr(action, name) for name in NOTHING_LET_GO)


BULLETIN_IS_OUT = linked("quality_bulletin", "published", "acknowledged")
IS_REPETITION = if_so(one_of("basis", "recurrent"), Condition(
    lambda order, act: len(order.cases) >= LEAST_CASES,
    Text("整改依据为“重复发生”的，相关质量信息至少填写两起", "A recurrent problem names at least two cases")))
DUE_IN_TIME = Condition(lambda order, act: order.due_on >= act.today, Text(
    "整改期限不能早于下发日，请更正整改期限", "The limit lies before the day of issue: correct it"))
LET_NOTHING_GO = Condition(is_nothing_let_go, Text(
    "须关联“纠正和预防措施”，且已做到“四不放过”：原因已查清、措施已落实、责任已追究、员工已教育",
    "Link the corrective action; its cause, measure, accountability and education must all be done"))


class Case(Line, of="quality_rectification_order"):
    """One of the cases in which the problem showed."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True, origin="X")
    remark = text("说明", origin="P")


class QualityRectificationOrder(Record):
    """The company quality department orders a subsidiary, on top of a bulletin, to rectify a
    representative, repeated or systemic quality problem and verifies the result."""

    quality_bulletin_id = link("quality_bulletin", "质量通报", group=("整改令", "The order"), help=(
        "整改令在已发布的通报基础上下发", "An order is given on top of a published bulletin"))
    basis = choice("整改依据", ("representative", "具有代表性"), ("recurrent", "重复发生"),
                   ("systemic", "系统性原因"), required=True)
    is_proposed_by_system = yes_no("系统提议", "Proposed by the system", origin="X", default=False, system=True)
    responsible_unit = unit("责任子(分)公司")
    product_batch_id = link("product_batch", "产品/批次", "Product / batch", origin="P")
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    problem = longtext("质量问题", required=True)
    requirement = longtext("整改要求")
    due_on = day("整改期限", origin="P")
    penalty = longtext("处罚", origin="P")
    issued_at = moment("下发时间", origin="X", group=("整改", "Rectification"))
    received_at = moment("签收时间", origin="X")
    cause = longtext("原因分析", origin="P")
    corrective_measure = longtext("整改措施", origin="P")
    completed_at = moment("整改完成时间", origin="P")
    corrective_action_id = link("corrective_action", "纠正和预防措施", origin="X", help=(
        "做到“四不放过”后方可关闭整改令", "Closed only once nothing is let go in it"))
    evidence_id = file("整改证据", origin="P")
    verification_text = longtext("复查意见", origin="P", group=("复查与关闭", "Verification and closing"))
    verified_by_id = person("复查人", origin="P")
    verified_at = moment("复查时间", origin="P")
    closed_at = moment("关闭时间", origin="X")
    cases = lines(Case, "相关质量信息")

    def start_from(self, source, act):
        if source.spec.name == "quality_bulletin":
            self.cases = [Case(quality_info_transfer_id=source.quality_info_transfer_id, position=0)]

    spec = RecordType(
        code="QRO", zh="质量整改令", en="Quality rectification order", source="003 三(八)",
        series=Series("QRO-{yyyy}{mm}-{n:04}"), numbered_at="submit",
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "basis", "responsible_unit", "fault_category", "issued_at", "due_on", "completed_at",
              "state"),
        search=("number", "problem", "requirement"),
        filters=("state", "basis", "responsible_unit", "product_batch", "fault_category", "issued_at",
                 "due_on"),
        links_in=("quality_bulletin",),
        workflow=Workflow(
            states(("draft", "草稿"), ("signing", "签发中", "Being signed"), ("issued", "已下发"),
                   ("rectifying", "整改中"), ("completed", "整改完成"), ("verified", "已复查"), ("closed", "已关闭"),
                   ("cancelled", "已取消")),
            moves=(
                Move("submit", "送签", source=("draft",), to="signing", by=("quality_engineer",),
                     requires=("quality_bulletin", "basis", "responsible_unit", "problem", "requirement",
                               "due_on"),
                     opens_round=True, when=(BULLETIN_IS_OUT, IS_REPETITION, DUE_IN_TIME)),
                Move("sign", "签发", source=("signing",), to="issued", by=(SIGNER,), stamps=("issued_at",),
                     signs=True, when=(DUE_IN_TIME,)),
                Move("send_back", "退回", source=("signing",), to="draft", by=(SIGNER,), comment=True, signs=True),
                Move("receive", "签收", source=("issued",), to="rectifying", by=("unit", "unit_lead"),
                     stamps=("received_at",)),
                Move("finish", "整改完成", source=("rectifying",), to="completed", by=("unit", "unit_lead"),
                     requires=("cause", "corrective_measure", "evidence"), stamps=("completed_at",)),
                Move("verify", "复查合格", source=("completed",), to="verified", by=("quality_engineer",),
                     requires=("verification_text", "evidence"), stamps=("verified_by", "verified_at")),
                Move("verify_fail", "复查不合格", "Verification failed", source=("completed",), to="rectifying",
                     by=("quality_engineer",), comment=True, then=do_again),
                Move("close", "关闭", source=("verified",), to="closed", by=("quality_manager",),
                     requires=("evidence", "verification_text"), stamps=("closed_at",), when=(LET_NOTHING_GO,)),
                Move("cancel", "取消", source=("draft",), to="cancelled",
                     by=("quality_engineer", "quality_manager"), comment=True),
            ),
            approval=(Step("quality_manager"), Step("deputy_gm"))),
        deadlines=(
            Deadline("rectification", "due_on", starts="issued_at", met_by="completed_at",
                     tell=("unit_lead", "quality_manager")),
        ),
        access={
            "quality_engineer": "CEVX", "quality_manager": "AVX", "unit": "KEV", "unit_lead": "KEV",
            "management_representative": "V", "deputy_gm": "AV", "general_manager": "V",
        },
        rules=(
            "BR-22 an order needs a published quality_bulletin first",
            "BR-23 three or more cases of the same product or batch and fault_category within 30 days propose "
            "a draft order with basis recurrent",
            "basis recurrent needs at least two rows in cases",
            "BR-14 the four no-pass conditions hold in the linked corrective_action before closing",
            "closing needs verification evidence",
            "due_on is not before the day of issued_at",
        ),
    )
