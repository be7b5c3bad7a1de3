"""奖罚通知."""

from models.base import Record, choice, day, link, longtext, moment, money, period, person
from models.conditions import either, is_changed, linked, saying
from models.spec import SIGNER, Move, RecordType, Series, Step, Text, Workflow, states

REWARDS = ("bonus", "commendation")
CONTENT = ("dealer", "kind", "dealer_grade_sheet", "conduct_violation", "period", "measure_type", "measure",
           "amount", "basis", "effective_on", "rectify_due_on")
HAS_GROUNDS = saying(
    either(linked("dealer_grade_sheet", "approved", "published"),
           linked("conduct_violation", "verified", "handled")),
    "须关联已批准或已公布的考核表，或已查实的违规记录",
    "Link a grade sheet that is approved or published, or a violation that is verified")


def name_in_violation(notice, act) -> None:
    """The violation says which notice it led to."""
    violation = act.get("conduct_violation", notice.conduct_violation_id)
    if violation is not None and violation.reward_penalty_notice_id is None:
        violation.reward_penalty_notice_id = notice.id
        act.touch(violation)


class RewardPenaltyNotice(Record):
    """Written by customer service after an approved grade sheet or a verified violation, approved by the
    executive in charge and signed for by the dealer; its amount enters the warranty settlement."""

    dealer_id = link("dealer_ledger", "服务商", required=True, group=("对象与依据", "Whom and why"))
    kind = choice("奖/罚", ("reward", "奖励"), ("penalty", "处罚"), required=True)
    dealer_grade_sheet_id = link("dealer_grade_sheet", "综合考评结果(考核表)")
    conduct_violation_id = link("conduct_violation", "违规记录", origin="X")
    period = period("考评月份", origin="P")
    measure_type = choice(
        "措施类型", ("bonus", "奖金"), ("commendation", "表彰"), ("fine", "罚款"), ("warning", "警告"),
        ("rectification", "限期整改"), ("suspension", "暂停业务"), ("withdrawal_review", "退网评审"), required=True,
        origin="P", group=("措施", "The measure"))
    measure = longtext("奖罚措施", required=True)
    amount = money("金额", required=True, origin="P", default=0, help=(
        "填正数，奖罚由“奖/罚”区分", "Never negative: reward or penalty gives the sign"))
    basis = longtext("依据", required=True, origin="P")
    effective_on = day("生效日期", required=True, origin="P")
    rectify_due_on = day("整改期限", origin="P", help=("限期整改时必填", "Needed for a rectification"))
    corrective_action_id = link("corrective_action", "整改措施", origin="X")
    issued_at = moment("发出时间", origin="X", group=("发出与签收", "Issue and receipt"))
    signed_by_id = person("签收人", origin="P")
    signed_at = moment("签收时间", origin="P")
    warranty_settlement_id = link("warranty_settlement", "计入结算单", origin="X", system=True)
    remark = longtext("备注", origin="P")

    def check(self, act):
        if self.measure_type and (self.kind == "reward") != (self.measure_type in REWARDS):
            yield "measure_type", Text(
                "奖金、表彰属于奖励，其余措施属于处罚，请更正“奖/罚”或措施类型",
                "Bonus and commendation are rewards, the others penalties: correct one of the two")
        if self.measure_type in ("bonus", "fine") and not self.amount:
            yield "amount", Text("奖金、罚款的金额须大于零", "A bonus or fine needs an amount of more than zero")
        if self.measure_type == "rectification" and self.rectify_due_on is None:
            yield "rectify_due_on", Text("限期整改须填写整改期限", "A rectification needs its date")
        for name in ("dealer_grade_sheet", "conduct_violation"):
            ground = act.get(name, getattr(self, f"{name}_id"))
            if ground is not None and ground.dealer_id != self.dealer_id:
                yield name, Text("所选单据不是该服务商的，请重选", "This is about another dealer: choose again")
        if self.state == "approved" and act.move is None:
            yield from ((name, Text("批准后内容不能修改；需更改的请取消本单后重开",
                                    "It is approved: to change it, cancel this notice and write a new one"))
                        for name in CONTENT if is_changed(self, name))

    spec = RecordType(
        code="RPN", zh="奖罚通知", en="Reward and penalty notice", source="004 §5.4.5",
        series=Series("RPN-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
        list=("number", "dealer", "kind", "measure_type", "amount", "effective_on", "signed_at", "state"),
        search=("number", "measure", "basis"),
        filters=("state", "dealer", "kind", "measure_type", "effective_on"),
        links_in=("dealer_grade_sheet", "conduct_violation"), retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("in_approval", "审批中"), ("approved", "已批准"), ("issued", "已发出"),
                   ("acknowledged", "已签收"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "报批", "Submit for approval", source=("draft",), to="in_approval",
                     by=("customer_service",), opens_round=True, when=(HAS_GROUNDS,),
                     requires=("dealer", "kind", "measure_type", "measure", "basis", "amount",
                               "effective_on")),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,), signs=True),
                Move("send_back", "退回", source=("in_approval",), to="draft", by=(SIGNER,), comment=True,
                     signs=True),
                Move("issue", "发出", source=("approved",), to="issued", by=("customer_service",),
                     stamps=("issued_at",), then=name_in_violation),
                Move("acknowledge", "签收", source=("issued",), to="acknowledged", by=("dealer",),
                     stamps=("signed_by", "signed_at")),
                Move("cancel", "取消", source=("draft", "in_approval", "approved"), to="cancelled",
                     by=("customer_service",), comment=True),
            ),
            approval=(Step("deputy_gm"), Step("general_manager", "approval_from_general_manager", "amount"))),
        access={
            "customer_service": "CEVX", "dealer": "Kv", "finance": "V", "deputy_gm": "AV",
            "general_manager": "AV",
        },
        rules=(
            "dealer equals the dealer of dealer_grade_sheet or conduct_violation.",
            "bonus and commendation go with kind reward, the others with penalty; bonus and fine need amount "
            "> 0.",
            "The amount enters exactly one warranty_settlement, and only after approval.",
            "rectification needs rectify_due_on.",
            "Proposed by the system for a grade D (rectification) and for the second D in a row "
            "(withdrawal_review).",
            "The writer is not the approver; an issued notice is read-only.",
        ),
    )
