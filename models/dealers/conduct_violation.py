"""服务行为违规记录."""

from models.base import Record, choice, file, link, longtext, moment, phone, text, unit, yes_no
from models.conditions import actor_is_not_creator, either, filled, is_changed
from models.spec import Condition, Move, RecordType, Series, Text, Workflow, states

VETOES = ("board_and_lodging", "gift", "fee", "fraud", "false_appraisal")


def revoke_appraiser(violation, act) -> None:
    """Who appraised falsely appraises no more."""
    staff = act.get("staff_qualification", violation.staff_member_id)
    if violation.violation_type != "false_appraisal" or staff is None:
        return
    rows = act.find("staff_qualification", person_id=staff.person_id) if staff.person_id else [staff]
    said, act.comment = act.comment, f"{violation.spec.zh} {violation.number}"
    for row in rows:
        if row.qualification_type == "appraiser" and row.state in ("pending", "valid"):
            act.make(row, "revoke")
    act.comment = said


def departs_from_preset(violation) -> bool:
    """Changed now, or lifted before by somebody who may verify too."""
    return is_changed(violation, "is_veto") or (violation.violation_type in VETOES and not violation.is_veto)


VETO_CHANGE_EXPLAINED = Condition(
    lambda violation, act: not departs_from_preset(violation) or bool(act.comment.strip()),
    Text("变更“考核否决”须写明理由", "Give the reason for changing the veto"))


class ConductViolation(Record):
    """Written by customer service or the quality department when service staff or a dealer break the rules of
    conduct; once verified it is a veto in the dealer's grade and a penalty for the unit."""

    violation_type = choice(
        "违规类型", ("quarrel", "与用户争执争吵", "Quarrel with the user"),
        ("board_and_lodging", "要求食宿接待", "Asked for board and lodging"), ("gift", "索要礼品", "Asked for gifts"),
        ("fee", "收取费用", "Charged fees"), ("refused_call", "拒接工作电话", "Refused work calls"),
        ("fraud", "弄虚作假"), ("false_appraisal", "虚假鉴定"), ("unfounded_statement", "乱下结论"),
        ("appearance", "着装不整或用语不文明", "Untidy dress or uncivil language"),
        ("broken_promise", "未信守承诺", "Broke a promise to the user"), ("other", "其他"), required=True,
        group=("违规情况", "What happened"))
    dealer_id = link("dealer_ledger", "服务商", origin="X", help=(
        "服务商和责任单位至少填一项，方可查实", "Dealer or responsible unit is needed to verify"))
    responsible_unit = unit("责任单位")
    staff_member_id = link("staff_qualification", "违规人员", origin="P")
    customer_id = link("customer", "用户", origin="P")
    occurred_at = moment("发生时间", required=True, origin="P")
    description = longtext("违规情况", required=True)
    source_type = choice(
        "来源", ("callback", "回访"), ("complaint", "投诉"), ("inspection", "检查"), ("visit", "走访"),
        ("other", "其他"), required=True, origin="P", group=("来源", "Source"))
    source_number = text("来源单号", origin="X")
    reporter_name = text("反映人", origin="P", private=True)
    reporter_phone = phone("反映人电话", origin="P", private=True)
    evidence_id = file("证据", origin="P")
    is_verified = yes_no("是否查实", origin="X", derived="state is verified or handled",
                         group=("查证与处理", "Verification and handling"))
    verified_at = moment("查实时间", origin="X")
    verification_text = longtext("查证情况", origin="P")
    is_veto = yes_no("考核否决", required=True, origin="X", default=False, help=(
        "食宿、礼品、收费、弄虚作假、虚假鉴定预置为“是”；质量负责人查实时可变更，须写明理由",
        "Preset for board and lodging, gifts, fees, fraud and false appraisal; the quality manager may "
        "change it with a reason when verifying"))
    handling_result = longtext("处理", origin="P")
    handled_at = moment("处理时间", origin="X")
    reward_penalty_notice_id = link("reward_penalty_notice", "奖罚通知", origin="X", system=True)

    def derive(self, act):
        self.is_verified = self.state in ("verified", "handled")
        decides = self.id is not None and "quality_manager" in act.actor.roles
        if self.state == "reported" and self.violation_type in VETOES and not (decides or act.is_history):
            self.is_veto = True

    def check(self, act):
        if self.occurred_at and self.occurred_at > (self.verified_at or act.now):
            yield "occurred_at", Text("发生时间不能晚于现在，也不能晚于查实时间",
                                      "It cannot have happened in the future, nor after it was verified")
        if self.state in ("verified", "handled") and act.move is None and is_changed(self, "is_veto"):
            yield "is_veto", Text("查实后不能再变更“考核否决”", "The veto cannot change once verified")

    spec = RecordType(
        code="CVR", zh="服务行为违规记录", en="Service conduct violation", source="003 五(一)(二)(三)(五)(六)(七)",
        series=Series("CVR-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "violation_type", "dealer", "responsible_unit", "occurred_at", "is_veto",
              "verified_at", "state"),
        search=("number", "description", "handling_result"),
        filters=("state", "violation_type", "dealer", "responsible_unit", "is_veto", "occurred_at"),
        links_in=("callback_record", "complaint_case", "complaint_tracking_card", "visit_report"),
        workflow=Workflow(
            states(("reported", "已登记"), ("verified", "已查实"), ("handled", "已处理"), ("dismissed", "不属实")),
            moves=(
                Move("verify", "查实", source=("reported",), to="verified", by=("quality_manager",),
                     requires=("verification_text", "is_veto"), stamps=("verified_at",),
                     then=revoke_appraiser,
                     when=(either(filled("dealer"), filled("responsible_unit")), actor_is_not_creator(),
                           VETO_CHANGE_EXPLAINED)),
                Move("dismiss", "不属实", source=("reported",), to="dismissed", by=("quality_manager",),
                     requires=("verification_text",), comment=True),
                Move("handle", "处理", source=("verified",), to="handled",
                     by=("quality_engineer", "quality_manager"),
                     requires=("handling_result",), stamps=("handled_at",)),
            )),
        access={
            "customer_service": "CEV", "quality_engineer": "CEVX", "quality_manager": "AVX", "unit": "K",
            "unit_lead": "K", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-27 staff may not ask users for board, gifts or fees and may not quarrel; each case is "
            "recorded.",
            "dealer or responsible_unit is set before verify.",
            "Verified with is_veto: the dealer's grade sheet of the month of verified_at is D.",
            "verified_at is not before occurred_at.",
            "A dismissed violation has no effect on any grade or assessment; reporter_name and "
            "reporter_phone are never shown to the unit.",
        ),
    )
