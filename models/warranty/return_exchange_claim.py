"""退货/换货/索赔申请."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, day, decimal, integer, lines, link, longtext, moment, money, percent, person, phone,
    rounded, text, yes_no,
)
from models.choices import FAULT_CATEGORIES
from models.conditions import (
    actor_did_not, actor_is_not, both, filled, from_state, if_so, is_changed, is_filled, is_true, one_of,
    saying,
)
from models.spec import (
    CALLED_OFF, SIGNER, Condition, Deadline, Default, Move, RecordType, Series, Step, Text, Workflow, states,
)
from models.warranty.customer_repair_file import completed, give_exchange_right, in_exchange_period

COMES_BACK = ("return", "exchange")
DEMANDS = (*COMES_BACK, "claim")              # what the feedback register keeps apart
ART_24 = ("art24_1", "art24_2", "art24_3", "art24_4")
# What was decided by signature, and the states in which it stands.
DECIDED = ("demand_type", "vehicle", "product_batch", "quantity", "mileage", "threebao_ground", "price", "use_fee_rate",
           "other_loss", "claim_amount", "replacement_model")
AFTER_DECISION = ("approved", "executing", "stored", "completed")
# What is filled from the vehicle's file where it is left empty.
FROM_VEHICLE = {"invoiced_on": "invoiced_on", "price": "invoice_amount", "warranty_voucher_no": "warranty_voucher_no"}
# Where the records from which a claim starts say what is wrong, and what the disposition of a complaint demands.
TOLD_IN = ("complaint_reason", "complaint_content", "feedback_text")
DEMANDED = {"return": "return", "exchange": "exchange", "compensation": "claim", "repair": "repair"}


def of_claim(type_name, claim, act) -> list:
    """The records of a type that name the claim."""
    rows = act.find(type_name, return_exchange_claim_id=claim.id) if claim.id else []
    return [row for row in rows if row.state not in CALLED_OFF]


def enter_in_register(claim, act) -> None:
    """Every claim has one row in the feedback register: the one of its tracking card, or one of its own."""
    if of_claim("customer_feedback_register", claim, act):
        return
    card = claim.complaint_tracking_card_id
    rows = act.find("customer_feedback_register", complaint_tracking_card_id=card) if card else ()
    row = next((row for row in rows if row.state in ("open", "in_progress")), None)
    if row is not None:
        row.return_exchange_claim_id, row.claim_type = claim.id, register_kind(claim)
        act.touch(row)
        return
    told = {name: getattr(claim, name) for name in (
        "received_at", "customer_id", "contact_person", "phone", "dealer_id", "vehicle_id", "product_batch_id",
        "fault_category")}
    act.new("customer_feedback_register", source="claim", return_exchange_claim=claim.id,
            feedback_text=claim.fault_description, claim_type=register_kind(claim), **told)


def register_kind(claim):
    return claim.demand_type if claim.demand_type in DEMANDS else "none"


def is_valid_on_receipt(claim, act) -> bool:
    """The last day of the shelf life still counts."""
    batch = act.get("product_batch", claim.product_batch_id)
    return batch is None or batch.expires_on is None or act.local(claim.received_at).date() <= batch.expires_on


def is_outcome_written(claim, act) -> bool:
    """The register says what came of it; a free repair is no claim there, so its handling is enough."""
    row = act.get("customer_feedback_register", claim.customer_feedback_register_id)
    return row is not None and bool(row.claim_result or (row.claim_type == "none" and row.handling_text))


def is_reworked(claim, act) -> bool:
    orders = of_claim("rework_order", claim, act)
    return bool(orders) and all(order.state in ("released", "scrapped") for order in orders)


VEHICLE, GOODS = filled("vehicle"), filled("product_batch")
RETURNED_GOODS = both(GOODS, one_of("demand_type", *COMES_BACK))
CONFIRMER_IS_ANOTHER = saying(
    actor_is_not("confirmer"), "确认人员须另外指定，不能是您本人", "Somebody else than you confirms: name another person")
BY_CONFIRMER = Condition(
    lambda claim, act: act.actor.id is not None and claim.confirmer_id == act.actor.id,
    Text("由指定的确认人员本人办理", "Only the confirmer who was named may do this"))
NAMED_BY_ANOTHER = actor_did_not("assign")
IS_CONFIRMED = is_true("is_nonconformity_confirmed")
IS_VALID = Condition(is_valid_on_receipt, Text(
    "产品在提出之日已超过有效期(保质期)，不予退换或补偿，只能协助用户处理",
    "The product was past its shelf life when it was claimed: no exchange and no compensation, only assistance"))
IS_UNFOUNDED = Condition(
    lambda claim, act: claim.is_nonconformity_confirmed is False or not is_valid_on_receipt(claim, act),
    Text("不符合情况属实且产品在有效期内的，须予认可", "A nonconformity that is confirmed within the shelf life must be accepted"))
VEHICLE_IS_PROVEN = tuple(if_so(VEHICLE, filled(name)) for name in (
    "invoice_no", "warranty_voucher_no", "mileage", "price"))
VEHICLE_IS_REGISTERED = if_so(VEHICLE, Condition(
    lambda claim, act: bool(of_claim("returned_vehicle_register", claim, act)),
    Text("退换回的车辆须先由成车保管员在退换车辆登记中登记和备注",
         "The storekeeper registers and remarks the vehicle in the returned vehicle register first")))
CARD_IS_WRITTEN = if_so(GOODS, saying(
    filled("info_flow_card"), "退回产品须先填写信息流转卡，并注明本申请",
    "Returned goods need an information flow card that names this claim"))
NOTHING_COMES_BACK = if_so(from_state("executing"), saying(
    one_of("demand_type", "claim", "repair"), "退换回的车辆或货物须先入库", "What comes back is stored first"))
OUTCOME_IS_WRITTEN = Condition(is_outcome_written, Text(
    "请先在客户反馈意见处理登记表中填写本申请的处理记录",
    "Write the outcome in the claim's row of the feedback register first"))
GOODS_ARE_IMPROVED = if_so(RETURNED_GOODS, filled("corrective_action"))
GOODS_ARE_REWORKED = if_so(RETURNED_GOODS, Condition(is_reworked, Text(
    "退回的货物须有注明本申请的返工单，且均已放行或报废",
    "Returned goods need a rework order that names this claim, released or scrapped")))
NEW_REASON = Text("承诺延期须填写新的原因", "Give the reason why the promise changes")
NOT_ACCEPTED = Condition(
    lambda claim, act: not claim.is_nonconformity_confirmed,
    Text("已确认属实的申请须予受理，只能由用户撤回", "A confirmed claim must be accepted; only the user withdraws it"))


class Delay(Line, of="return_exchange_claim"):
    """Days on which the user keeps the exchange waiting; both ends count."""

    since_on = day("起始日期", required=True, origin="X")
    until_on = day("截止日期", origin="X", help=("未结束的留空，期限暂停计算", "Empty while it lasts: the time stands still"))
    reason = longtext("原因", required=True, origin="X")


class ReturnExchangeClaim(Record):
    """A user's demand for return, exchange or compensation is registered, an assigned person confirms
    the nonconformity, it is approved, carried out and noted in the feedback register."""

    demand_type = choice("用户要求", ("return", "退货"), ("exchange", "换货"), ("claim", "索赔"),
                         ("repair", "包修", "Free repair"), required=True, group=("申请", "The claim"))
    received_at = moment("提出(收到)时间", required=True, origin="X", default=Default.NOW, help=(
        "各项期限自此时起算", "All limits count from here"))
    customer_id = link("customer", "用户", required=True)
    contact_person = text("联系人", origin="P", private=True)
    phone = phone("联系电话", origin="P", private=True)
    dealer_id = link("dealer_ledger", "服务商")
    vehicle_id = link("vehicle", "车辆", origin="P", help=("车辆和产品批次至少填一项", "Vehicle or product batch is needed"))
    vin = text("车架号(VIN)", origin="P", derived="vehicle.vin")
    mileage = integer("行驶里程", origin="P", measure="km")
    product_batch_id = link("product_batch", "产品/批次", "Product / batch")
    quantity = decimal("数量", origin="P", help=("有产品批次时须大于零", "More than zero with a product batch"))
    fault_category = choice("故障类别", FAULT_CATEGORIES, required=True, origin="X")
    fault_description = longtext("原因(问题描述)", required=True)
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X", group=("关联单据与凭证", "Related records and proofs"))
    complaint_tracking_card_id = link("complaint_tracking_card", "投诉信息处理传递跟踪卡", origin="X")
    warranty_appraisal_id = link("warranty_appraisal", "质量保修鉴定单", origin="X")
    customer_contact_memo_id = link("customer_contact_memo", "顾客沟通、联系备忘录", help=(
        "先与用户联系并记录备忘录，方可指定确认人员", "The user is contacted first, and the memo written"))
    info_flow_card_id = link("info_flow_card", "信息流转卡", derived=(
        "the info_flow_card whose return_exchange_claim is this one"))
    customer_feedback_register_id = link("customer_feedback_register", "反馈意见处理登记表", derived=(
        "the register row whose return_exchange_claim is this one, made automatically"))
    invoice_no = text("购车(货)发票号", origin="P")
    invoiced_on = day("发票日期", origin="P")
    warranty_voucher_no = text("三包凭证号", origin="P")
    threebao_ground = choice(
        "三包条件依据", ("art20", "第20条 60日/3000公里内更换总成", "Art. 20 assembly within 60 d or 3000 km"),
        ("art22", "第22条 7日内", "Art. 22 within 7 days"),
        ("art23", "第23条 60日/3000公里内严重故障", "Art. 23 serious fault within 60 d or 3000 km"),
        ("art24_1", "第24条(一)严重安全故障修理2次", "Art. 24(1) two repairs of a safety fault"),
        ("art24_2", "第24条(二)总成更换2次", "Art. 24(2) assembly replaced twice"),
        ("art24_3", "第24条(三)同一零件更换2次", "Art. 24(3) same part replaced twice"),
        ("art24_4", "第24条(四)累计超30日或同故障超4次", "Art. 24(4) over 30 days or over 4 repairs"),
        ("contract", "不符合合同规定", "Contract nonconformity"), ("other", "其他"), origin="X")
    confirmer_id = person("指定确认人员", group=("确认与首次回复", "Confirmation and first reply"))
    is_nonconformity_confirmed = yes_no("不符合情况属实")
    nonconformity_text = longtext("不符合情况确认")
    confirmed_at = moment("确认时间", origin="X")
    first_replied_at = moment("首次回复时间")
    first_reply_text = longtext("首次回复内容(处理方法、时间)")
    promised_at = moment("承诺完成时间", help=(
        "不能按期的，须在原承诺时间之前再次知会用户后方可延期",
        "Postponed only after the user was told again before the promise ran out"))
    promise_renotified_at = moment("再次知会时间")
    promise_reason = longtext("承诺变更原因", "Reason of the new promise")
    price = money("车(货)价款", origin="P", group=("金额与批准", "Amount and approval"))
    use_fee_rate = percent("使用补偿系数n", origin="X", default=0, minimum=0, help=("最高 0.5%", "At most 0.5 %"))
    use_fee = money("使用补偿费", origin="P", derived="price * mileage / 1000 * use_fee_rate for art24 grounds, else 0")
    other_loss = money("登记费等损失", origin="P", default=0)
    claim_amount = money("索赔金额", origin="P", default=0)
    amount = money("应退(赔)金额", origin="X", derived=(
        "return: price + other_loss + claim_amount - use_fee; exchange and claim: other_loss "
        "+ claim_amount - use_fee"))
    replacement_model = text("换车(货)型号", origin="P")
    approved_at = moment("批准时间", origin="X")
    reply_text = longtext("答复用户内容", origin="P", group=("答复与办理", "Answer and carrying out"))
    answer_due_on = day("三包答复期限", origin="X", derived=(
        "vehicle set: day of received_at + 10 working days, first day not counted; else none"))
    replied_at = moment("答复时间", origin="X")
    procedures = longtext("办理手续")
    complete_due_on = day("退换完成期限", origin="X", derived=(
        "vehicle set: day of received_at + 20 working days, first day not counted, delay by "
        "the user excluded (one that still lasts: until the last save); else none"))
    completed_at = moment("退换完成时间", origin="X")
    corrective_action_id = link("corrective_action", "纠正和预防措施", help=(
        "退回货物的申请关闭前须关联", "Needed to close a claim with returned goods"))
    closed_at = moment("关闭时间", origin="X")
    delays = lines(Delay, "因用户原因的延误", "Delays by the user")

    def start_from(self, source, act):
        told = (getattr(source, name, None) for name in TOLD_IN)
        self.fault_description = self.fault_description or next(filter(None, told), None)
        self.demand_type = DEMANDED.get(getattr(source, "disposition", None)) or self.demand_type
        kind = getattr(source, "claim_type", None)   # of the register; an appraisal means something else by it
        self.demand_type = kind if kind in DEMANDS else self.demand_type
        self.mileage = getattr(source, "mileage", None)
        self.quantity = getattr(source, "defect_quantity", None)
        self.received_at = getattr(source, "received_at", None) or act.now

    def derive(self, act):
        vehicle = act.get("vehicle", self.vehicle_id)
        self.vin = vehicle and vehicle.vin
        if vehicle is not None and self.state not in AFTER_DECISION:
            for name, theirs in FROM_VEHICLE.items():
                if not is_filled(getattr(self, name)):
                    setattr(self, name, getattr(vehicle, theirs))
        for name in ("info_flow_card", "customer_feedback_register"):
            named = of_claim(name, self, act)
            setattr(self, f"{name}_id", named[0].id if named else None)
        self.answer_due_on = self._working_days_on(act, "threebao_answer_days")
        self.complete_due_on = self._working_days_on(act, "threebao_completion_days", [
            (row.since_on, row.until_on or act.today) for row in self.delays if row.since_on])
        self.use_fee = Decimal(0)
        if self.threebao_ground in ART_24:
            self.use_fee = rounded(Decimal(self.price or 0) * (self.mileage or 0) / 1000 * (self.use_fee_rate or 0))
        price = (self.price or 0) if self.demand_type == "return" else 0
        self.amount = price + (self.other_loss or 0) + (self.claim_amount or 0) - self.use_fee

    def _working_days_on(self, act, parameter, without=()):
        at = self.received_at
        if self.vehicle_id is None or at is None:
            return None
        return act.local(act.add_workdays(at, act.parameter(parameter, at=at), without)).date()

    def check(self, act):
        if self.vehicle_id is None and self.product_batch_id is None:
            yield "vehicle", Text("请填写车辆或产品/批次", "Name the vehicle or the product batch")
        if self.product_batch_id is not None and not self.quantity:
            yield "quantity", Text("有产品批次的，数量须大于零", "With a product batch the quantity must be more than zero")
        most = act.parameter("use_fee_rate_max", at=self.received_at)
        if (self.use_fee_rate or 0) > most:
            yield "use_fee_rate", Text(f"使用补偿系数最高 {most:.2%}，请更正", f"The rate of the use fee is at most {most:.2%}")
        if is_changed(self, "received_at") and self.received_at > act.now:
            yield "received_at", Text("提出时间不能晚于现在，请更正", "A claim is not received in the future")
        yield from self._wrong_links(act)
        yield from self._wrong_promise(act)
        yield from self._wrong_delays(act)
        if self.state in AFTER_DECISION and act.move is None:
            yield from ((name, Text("已经批准，内容不能再改", "It is approved and stays as it is"))
                        for name in DECIDED if is_changed(self, name))

    def _wrong_links(self, act):
        memo = act.get("customer_contact_memo", self.customer_contact_memo_id)
        if memo is not None and memo.customer_id != self.customer_id:
            yield "customer_contact_memo", Text("所选备忘录不是该用户的，请重选",
                                                "This memo is about another customer: choose again")
        if self.threebao_ground == "art24_4" and any(is_changed(self, name) for name in ("threebao_ground", "vehicle")):
            vehicle = act.get("vehicle", self.vehicle_id)
            files = in_exchange_period(completed(act, vehicle), vehicle, act) if vehicle else []
            if not give_exchange_right(files, act, at=self.received_at):
                yield "threebao_ground", Text(
                    "该车三包有效期内累计修理未超过30日，同一故障修理也未超过4次，不符合第24条(四)",
                    "Within the exchange period the vehicle was under repair for no more than 30 days, and no fault was "
                    "repaired more than 4 times")

    def _wrong_promise(self, act):
        told = self.promise_renotified_at
        if told and told > act.now and is_changed(self, "promise_renotified_at"):
            yield "promise_renotified_at", Text("再次知会时间不能晚于现在", "The user is not told in the future")
        before = sa.inspect(self).attrs.promised_at.history.deleted
        promised = before[0] if before else None
        is_later = promised and (self.promised_at is None or promised < self.promised_at)
        if is_later and not (told and told < promised and is_changed(self, "promise_renotified_at")):
            yield "promise_renotified_at", Text(
                "承诺延期须在原承诺时间之前再次知会用户，并填写再次知会时间",
                "A promise is postponed only after the user was told again before it ran out: fill in when")
        if is_later and not (self.promise_reason and is_changed(self, "promise_reason")):
            yield "promise_reason", NEW_REASON

    def _wrong_delays(self, act):
        """Days that are over or run now; who waits for the user writes it down."""
        received = self.received_at and act.local(self.received_at).date()
        for n, row in enumerate(self.delays):
            if (received and row.since_on < received) or row.since_on > act.today:
                yield f"delays-{n}-since_on", Text("延误起始日期须在收到之日至今天之间",
                                                   "A delay begins between the day of receipt and today")
            if row.until_on and not row.since_on <= row.until_on <= act.today:
                yield f"delays-{n}-until_on", Text("延误截止日期须在起始日期至今天之间",
                                                   "A delay ends between its first day and today")

    spec = RecordType(
        code="RTC", zh="退货/换货/索赔申请", en="Return, exchange or claim application",
        source="004 §5.3.4 (second), §5.3.6; 000 §5.2.1 b); 001 §5.3.1, §5.3.4-§5.3.6",
        series=Series("RTC-{yyyy}{mm}-{n:04}"), scope={"dealer": "dealer"},
        list=("number", "received_at", "customer", "demand_type", "vin", "confirmer", "answer_due_on",
              "complete_due_on", "state"),
        search=("number", "vin", "fault_description", "invoice_no"),
        filters=("state", "demand_type", "dealer", "confirmer", "fault_category", "threebao_ground",
                 "received_at"),
        links_in=("complaint_case", "complaint_tracking_card", "customer_feedback_register",
                  "warranty_appraisal"),
        retention_years=10,
        workflow=Workflow(
            states(("received", "已受理"), ("assigned", "已指定确认人", "Confirmer assigned"),
                   ("confirmed", "已确认不符合"), ("in_approval", "审批中"), ("approved", "已批准"),
                   ("executing", "办理中"), ("stored", "退回物已入库", "Goods or vehicle stored"),
                   ("completed", "已办结"), ("closed", "已关闭"), ("not_confirmed", "不予认可"),
                   ("withdrawn", "用户撤回")),
            void_when=(NOT_ACCEPTED,),
            moves=(
                Move("assign", "指定确认人员并首次回复", "Assign confirmer", source=("received",), to="assigned",
                     by=("quality_manager", "customer_service"), stamps=("first_replied_at",),
                     requires=("confirmer", "customer_contact_memo", "first_reply_text", "promised_at"),
                     when=(CONFIRMER_IS_ANOTHER,), then=enter_in_register),
                Move("confirm", "确认不符合", "Confirm nonconformity", source=("assigned",), to="confirmed",
                     by=("quality_engineer", "customer_service"), stamps=("confirmed_at",),
                     requires=("is_nonconformity_confirmed", "nonconformity_text"),
                     when=(BY_CONFIRMER, NAMED_BY_ANOTHER, IS_CONFIRMED, IS_VALID)),
                Move("refuse", "不予认可", "Not confirmed", source=("assigned",), to="not_confirmed",
                     by=("quality_engineer", "customer_service"), stamps=("confirmed_at", "replied_at"),
                     requires=("is_nonconformity_confirmed", "nonconformity_text", "reply_text"),
                     when=(BY_CONFIRMER, NAMED_BY_ANOTHER, IS_UNFOUNDED)),
                Move("submit", "报批", "Submit for approval", source=("confirmed",), to="in_approval",
                     by=("customer_service",), requires=("threebao_ground", "amount"), opens_round=True,
                     when=VEHICLE_IS_PROVEN),
                Move("approve", "批准", source=("in_approval",), to="approved", by=(SIGNER,),
                     stamps=("approved_at",), signs=True, when=(actor_is_not("confirmer"),)),
                Move("send_back", "退回", source=("in_approval",), to="confirmed", by=(SIGNER,),
                     comment=True, signs=True),
                Move("answer", "答复用户并办理", "Answer the user", source=("approved",), to="executing",
                     by=("customer_service",), requires=("reply_text",), stamps=("replied_at",)),
                Move("store", "退换车辆/货物入库", "Store what came back", source=("executing",), to="stored",
                     by=("warehouse",), when=(VEHICLE_IS_REGISTERED, CARD_IS_WRITTEN)),
                Move("complete", "办结", source=("executing", "stored"), to="completed",
                     by=("customer_service",), requires=("procedures",), stamps=("completed_at",),
                     when=(NOTHING_COMES_BACK,)),
                Move("close", "关闭", source=("completed",), to="closed", by=("customer_service",),
                     requires=("customer_feedback_register",), stamps=("closed_at",),
                     when=(OUTCOME_IS_WRITTEN, GOODS_ARE_IMPROVED, GOODS_ARE_REWORKED)),
                Move("withdraw", "用户撤回", source=("received", "assigned", "confirmed", "in_approval", "approved"),
                     to="withdrawn", by=("customer_service",), comment=True, then=enter_in_register),
            ),
            approval=(Step("deputy_gm"),)),
        deadlines=(
            Deadline("first_reply", "reply_hours", starts="received_at", met_by="first_replied_at",
                     tell=("customer_service", "quality_manager"), id="SLA-02"),
            Deadline("promise", "promised_at", starts="first_replied_at", met_by="completed_at",
                     tell=("owner", "quality_manager"), id="SLA-05", warn="promise_warning_hours"),
            Deadline("threebao_answer", "answer_due_on", starts="received_at", met_by="replied_at",
                     tell=("customer_service", "quality_manager", "deputy_gm"), id="SLA-21"),
            Deadline("threebao_completion", "complete_due_on", starts="received_at",
                     met_by="completed_at", tell=("customer_service", "quality_manager", "deputy_gm"),
                     id="SLA-22", pauses="delays"),
        ),
        access={
            "customer_service": "CEVX", "quality_engineer": "EV", "quality_manager": "CEAVX",
            "dealer": "CEv", "warehouse": "KV", "finance": "KV", "deputy_gm": "AV",
        },
        rules=(
            "a confirmed nonconformity must be accepted: a confirmed application can only go on to "
            "approval or be withdrawn by the user",
            "BR-01 a returned product always produces an info_flow_card",
            "BR-02 the user is contacted first and a customer_contact_memo written before a confirmer "
            "is assigned",
            "BR-05 when promised_at cannot be kept, promise_renotified_at is before the old promised_at",
            "BR-05 a later promised_at needs a promise_reason",
            "days of delay by the user (delays) do not count towards SLA-22; while one lasts the clock stands",
            "BR-07 product past its shelf life on the day of received_at: no exchange or compensation; "
            "the last day still counts as valid",
            "BR-28 a returned or exchanged vehicle needs a returned_vehicle_register row before "
            "completing",
            "vehicle or product_batch is set; a product_batch needs quantity above 0",
            "use_fee_rate above 0.5 % is rejected; use_fee is 0 unless threebao_ground is art24_1 to "
            "art24_4; example 80,000 * 12,000 / 1000 * 0.005 = 4,800.00",
            "art24_4 needs cumulative repair days above 30 or the same fault repaired more than 4 times",
            "returned goods (not vehicles) go through a rework_order and a corrective_action (001 "
            "§5.3.4)",
            "the outcome is written in the customer_feedback_register before closing",
            "approver is not the creator, confirmer is not the approver",
            "the sales company (customer service) or the quality head names the confirmer, who is "
            "another person",
            "SLA-21 (10 working days) and SLA-22 (20 working days) apply to vehicles, SLA-02 (24 h) to "
            "every application; working days by the holiday calendar",
        ),
    )
