"""争议处理记录."""

from models.base import (
    Line, Record, choice, day, lines, link, longtext, moment, money, person, phone, text, yes_no,
)
from models.spec import Deadline, Move, RecordType, Series, Workflow, states


class Route(Line, of="dispute_case"):
    """途径记录."""

    route = choice("途径", ("a_negotiation", "A与客户协商和解"),
        ("b_mediation", "B第三方调解", "B third-party mediation"),
        ("c_authority", "C建议向有关部门申诉", "C advise complaint to authority"), required=True)
    started_at = moment("开始时间", required=True, origin="X")
    ended_at = moment("结束时间", origin="X")
    is_settled = yes_no("是否达成", origin="X")
    content = longtext("经过", origin="P")


class DisputeCase(Record):
    """The dealer or the sales company records a dispute with a user, the plan to settle it, and the
    routes taken in order: negotiation, third-party mediation, advice to go to the authority."""

    received_at = moment("争议发生时间", required=True, origin="X")
    customer_id = link("customer", "顾客(当事人)", required=True)
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X")
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉信息处理传递跟踪卡", origin="X")
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X")
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X")
    dispute_text = longtext("争议内容", required=True)
    subject_matter = text("争议标的", origin="P")
    amount = money("标的金额", origin="P")
    handler_id = person("经办人", required=True, origin="P")
    settlement_measures = longtext("解决争议的措施")
    plan_due_at = moment("措施制定期限", origin="X", derived="received_at + 3 d (parameter)")
    # SET_BY plan
    planned_at = moment("措施制定时间", origin="X")
    # SET_BY negotiate, mediate, advise_authority
    route = choice("当前途径", ("a_negotiation", "A与客户协商和解"),
        ("b_mediation", "B第三方调解", "B third-party mediation"),
        ("c_authority", "C建议向有关部门申诉", "C advise complaint to authority"))
    # SET_BY negotiate, mediate, advise_authority
    route_started_at = moment("当前途径开始时间", origin="X")
    mediation_body = text("调解机构", origin="P")
    authority_name = text("受理部门", origin="P")
    case_no = text("受理编号", origin="P")
    case_due_on = day("办理期限", origin="P")
    outcome = choice("结案方式", ("negotiated", "协商和解", "Settled by negotiation"),
        ("mediated", "调解成功", "Settled by mediation"), ("authority", "有关部门处理", "Settled by authority"),
        ("arbitration", "仲裁"), ("litigation", "诉讼"), ("abandoned", "用户不再主张", "Dropped by the user"),
        ("unsettled", "未解决"), origin="X")
    result = longtext("处理结果", origin="P")
    # SET_BY settle, close_unsettled
    closed_at = moment("结案时间", origin="X")
    routes = lines(Route, "途径记录")

    spec = RecordType(
        code="DPT", zh="争议处理记录", en="Dispute case", source="004 §5.3.6 (second)",
        series=Series("DPT-{yyyy}{mm}-{n:04}"),
        scope={"dealer": "dealer"},
        list=("number", "received_at", "customer", "dealer", "amount", "route", "plan_due_at", "outcome",
              "state"),
        search=("number", "dispute_text", "subject_matter", "case_no"),
        filters=("state", "dealer", "route", "outcome", "received_at"),
        links_in=("complaint_case", "complaint_tracking_card", "return_exchange_claim",
                  "warranty_appraisal"),
        workflow=Workflow(
            states(("opened", "已登记"), ("planned", "已定措施", "Measures set"),
                ("negotiating", "协商中(A)", "Negotiating A"), ("mediating", "调解中(B)", "Mediating B"),
                ("authority", "申诉处理中(C)", "With authority C"), ("settled", "已解决"),
                ("closed_unsettled", "未解决结案")),
            moves=(
                Move("plan", "制定解决措施", "Set measures", source=("opened",), to="planned",
                    by=("customer_service", "dealer"), requires=("dispute_text", "settlement_measures"),
                    stamps=("planned_at",)),
                # THEN opens a routes line A
                Move("negotiate", "与客户协商", source=("planned",), to="negotiating",
                    by=("customer_service", "dealer"), stamps=("route", "route_started_at")),
                # WHEN routes line A has ended_at and is_settled false
                # THEN opens a routes line B
                Move("mediate", "请第三方调解", source=("negotiating",), to="mediating",
                    by=("customer_service",), requires=("mediation_body", "routes"),
                    stamps=("route", "route_started_at")),
                # WHEN routes lines A and B have ended_at and is_settled false
                # THEN opens a routes line C
                Move("advise_authority", "建议向有关部门申诉", source=("mediating",), to="authority",
                    by=("deputy_gm",), requires=("routes", "authority_name"),
                    stamps=("route", "route_started_at")),
                # WHEN the current routes line has ended_at; outcome is not unsettled
                Move("settle", "达成解决", source=("negotiating", "mediating", "authority"), to="settled",
                    by=("customer_service",), requires=("outcome", "result"), stamps=("closed_at",)),
                Move("close_unsettled", "未解决结案", source=("authority",), to="closed_unsettled",
                    by=("deputy_gm",), requires=("outcome", "result"), stamps=("closed_at",),
                    comment=True),
            ),
        ),
        deadlines=(
            Deadline("plan", "dispute_plan_days", starts="received_at", met_by="planned_at",
                tell=("customer_service", "owner"), id="X-DPT-PLAN"),
            Deadline("case_due", "case_due_on", starts="route_started_at", met_by="closed_at",
                tell=("customer_service", "deputy_gm"), id="X-DPT-CASE"),
        ),
        access={
            "customer_service": "CEVX", "quality_manager": "V", "dealer": "CEv", "deputy_gm": "AVX",
            "general_manager": "V",
        },
        rules=(
            "BR-13 routes run in the order A, B, C: B only after A failed, C only after A and B failed; "
            "none may be skipped",
            "at least one of complaint_case, complaint_tracking_card, return_exchange_claim, "
            "warranty_appraisal is set, or dispute_text explains the origin",
            "arbitration and litigation are recorded as outcome, reached from any route",
            "reference for route C: the authority decides on acceptance in 7 working days, mediation "
            "ends after 45 working days without agreement",
            "a dispute never stops the statutory deadlines of its return_exchange_claim",
        ),
    )
