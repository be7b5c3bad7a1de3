"""争议处理记录."""

from datetime import timedelta

from models.base import (
    Line, Record, choice, day, lines, link, longtext, moment, money, person, phone, text, yes_no,
)
from models.conditions import one_of, saying
from models.spec import (
    Condition, Deadline, Default, Move, RecordType, Series, Text, Workflow, choices, states,
)

ROUTES = choices(
    ("a_negotiation", "A与客户协商和解"), ("b_mediation", "B第三方调解", "B third-party mediation"),
    ("c_authority", "C建议向有关部门申诉", "C advise complaint to authority"),
)
IN_ORDER = tuple(route.value for route in ROUTES)
NEGOTIATION, MEDIATION, AUTHORITY = IN_ORDER
# The outcome that a route itself brings about.
SETTLED_BY = {"negotiated": NEGOTIATION, "mediated": MEDIATION, "authority": AUTHORITY}
# Where the records from which a dispute starts say what it is about.
TOLD_IN = ("complaint_reason", "complaint_content", "fault_description")


def open_negotiation(case, act) -> None:
    _open(case, act, NEGOTIATION)


def open_mediation(case, act) -> None:
    _open(case, act, MEDIATION)


def open_complaint_to_authority(case, act) -> None:
    """Until somebody knows better, the authority is given the time that its rules allow for mediation."""
    _open(case, act, AUTHORITY)
    if case.case_due_on is None:
        days = act.parameter("authority_mediation_days")
        case.case_due_on = act.local(act.add_workdays(act.now, days)).date()


def _open(case, act, route) -> None:
    case.route = route
    case.routes.append(Route(position=len(case.routes), route=route, started_at=act.now))


def note_success(case, act) -> None:
    """The route that settled it, if one did."""
    for line in case.routes:
        if line.route == SETTLED_BY.get(case.outcome):
            line.is_settled = True


def has_failed(route):
    """The route was gone to its end without an agreement."""
    label = next(choice.label for choice in ROUTES if choice.value == route)
    return Condition(
        lambda case, act: any(line.route == route and line.ended_at is not None and line.is_settled is False
                              for line in case.routes),
        Text("须先填写途径“{it}”的结束时间，且“是否达成”为“否”",
             "First the route “{it}” has ended and “Is settled” is no").with_(it=label))


def agrees_with_route(case, act) -> bool:
    """Who settled by a route has gone it, and not in vain; courts are reached from any."""
    route = SETTLED_BY.get(case.outcome)
    return route is None or any(line.route == route and line.is_settled is not False for line in case.routes)


ROUTE_IS_OVER = Condition(
    lambda case, act: bool(case.routes) and case.routes[-1].ended_at is not None,
    Text("请先填写当前途径的结束时间", "Fill in when the present route ended"))
IS_SOLVED = Condition(
    lambda case, act: case.outcome != "unsettled",
    Text("未解决的争议不能作为已解决结案", "An unsettled dispute is not closed as settled"))
OUTCOME_FITS = Condition(agrees_with_route, Text(
    "结案方式与途径记录不符：未经过该途径，或该途径未达成",
    "The outcome does not fit: that route was not taken, or ended without an agreement"))
NOT_SOLVED = saying(
    one_of("outcome", "unsettled", "arbitration", "litigation", "abandoned"),
    "已达成解决的，请用“达成解决”", "A dispute that was solved is settled instead")


class Route(Line, of="dispute_case"):
    """One way that was gone to settle the dispute; the system opens them in order."""

    route = choice("途径", ROUTES, required=True, derived="A, B, C in the order of the rows")
    started_at = moment("开始时间", required=True, origin="X", system=True)
    ended_at = moment("结束时间", origin="X")
    is_settled = yes_no("是否达成", origin="X")
    content = longtext("经过", origin="P")


class DisputeCase(Record):
    """The dealer or the sales company records a dispute with a user, the plan to settle it, and the
    routes taken in order: negotiation, third-party mediation, advice to go to the authority."""

    received_at = moment("争议发生时间", required=True, origin="X", default=Default.NOW,
                         group=("当事人与来由", "Parties and origin"))
    customer_id = link("customer", "顾客(当事人)", required=True)
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商")
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X", help=(
        "四种来源单据均无时，请在争议内容中说明来由", "Without any of the four sources, the text explains the origin"))
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉信息处理传递跟踪卡", origin="X")
    return_exchange_claim_id = link("return_exchange_claim", "退货/换货/索赔申请", origin="X", help=(
        "争议处理不中断该申请的法定期限", "A dispute does not stop the statutory limits of the claim"))
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X")
    dispute_text = longtext("争议内容", required=True)
    subject_matter = text("争议标的", origin="P")
    amount = money("标的金额", origin="P")
    handler_id = person("经办人", required=True, origin="P", default=Default.CURRENT_USER,
                        group=("措施与途径", "Measures and routes"))
    settlement_measures = longtext("解决争议的措施")
    plan_due_at = moment("措施制定期限", origin="X", derived="received_at + 3 d (parameter)")
    planned_at = moment("措施制定时间", origin="X")
    route = choice("当前途径", ROUTES, system=True)
    route_started_at = moment("当前途径开始时间", origin="X")
    mediation_body = text("调解机构", origin="P")
    authority_name = text("受理部门", origin="P")
    case_no = text("受理编号", origin="P")
    case_due_on = day("办理期限", origin="P", help=(
        "建议申诉时不填的，按主管部门调解期限带出", "Filled with the authority's limit for mediation if left empty"))
    outcome = choice(
        "结案方式", ("negotiated", "协商和解", "Settled by negotiation"), ("mediated", "调解成功", "Settled by mediation"),
        ("authority", "有关部门处理", "Settled by authority"), ("arbitration", "仲裁"), ("litigation", "诉讼"),
        ("abandoned", "用户不再主张", "Dropped by the user"), ("unsettled", "未解决"), origin="X",
        group=("结案", "Closing"), help=("仲裁、诉讼可从任一途径进入", "Arbitration and litigation are reached from any route"))
    result = longtext("处理结果", origin="P")
    closed_at = moment("结案时间", origin="X")
    routes = lines(Route, "途径记录")

    def start_from(self, source, act):
        told = (getattr(source, name, None) for name in TOLD_IN)
        self.dispute_text = next(filter(None, told), None)

    def derive(self, act):
        self.plan_due_at = None
        if self.received_at:
            days = act.parameter("dispute_plan_days", at=self.received_at)
            self.plan_due_at = self.received_at + timedelta(days=days)
        for line, route in zip(self.routes, IN_ORDER, strict=False):
            line.route = line.route or route

    def check(self, act):
        if self.received_at and self.received_at > act.now:
            yield "received_at", Text("争议发生时间不能晚于现在，请更正", "A dispute does not arise in the future")
        opened = IN_ORDER[:IN_ORDER.index(self.route) + 1] if self.route else ()
        if tuple(line.route for line in self.routes) != opened:
            yield "routes", Text("途径按 A、B、C 的顺序由系统开启，不能自行增减",
                                 "The routes are opened in the order A, B, C by the moves: none is added or removed")
        for n, line in enumerate(self.routes):
            if line.started_at and line.ended_at and line.ended_at < line.started_at.replace(second=0):   # as a form says it
                yield f"routes-{n}-ended_at", Text("结束时间不能早于开始时间", "It cannot end before it starts")
            if line.ended_at and line.ended_at > act.now:
                yield f"routes-{n}-ended_at", Text("结束时间不能晚于现在", "A route does not end in the future")

    spec = RecordType(
        code="DPT", zh="争议处理记录", en="Dispute case", source="004 §5.3.6 (second)",
        series=Series("DPT-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
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
                Move("negotiate", "与客户协商", source=("planned",), to="negotiating",
                     by=("customer_service", "dealer"), stamps=("route_started_at",), then=open_negotiation),
                Move("mediate", "请第三方调解", source=("negotiating",), to="mediating",
                     by=("customer_service",), requires=("mediation_body", "routes"),
                     stamps=("route_started_at",), when=(has_failed(NEGOTIATION),), then=open_mediation),
                Move("advise_authority", "建议向有关部门申诉", source=("mediating",), to="authority",
                     by=("deputy_gm",), requires=("routes", "authority_name"), stamps=("route_started_at",),
                     when=(has_failed(NEGOTIATION), has_failed(MEDIATION)), then=open_complaint_to_authority),
                Move("settle", "达成解决", source=("negotiating", "mediating", "authority"), to="settled",
                     by=("customer_service",), requires=("outcome", "result"), stamps=("closed_at",),
                     when=(ROUTE_IS_OVER, IS_SOLVED, OUTCOME_FITS), then=note_success),
                Move("close_unsettled", "未解决结案", source=("authority",), to="closed_unsettled",
                     by=("deputy_gm",), requires=("outcome", "result"), stamps=("closed_at",),
                     comment=True, when=(NOT_SOLVED,)),
            )),
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
