"""收费告知/报价单."""

from decimal import Decimal

from models.base import (
    Line, Record, choice, decimal, lines, link, longtext, moment, money, person, rounded, signature, text,
)
from models.conditions import filled, if_so, is_changed, linked, one_of, saying
from models.spec import VOID, Condition, Move, RecordType, Series, Text, Workflow, states

ACCEPTED = ("accepted", "charged")
GROUNDS = ("work_order", "customer_repair_file")
TOLD = ("work_order", "customer_repair_file", "warranty_status", "service_price_policy", "told_mode", "items")


def notices(act, **of) -> list:
    """The notices of a work order or a repair file that the customer was told, oldest first."""
    found = act.find("service_charge_notice", **of)
    return sorted((notice for notice in found if notice.state not in ("draft", VOID)), key=lambda notice: notice.id)


def agreed_amount(act, **of) -> Decimal | None:
    """What the customer has agreed to pay for a work order or a repair file; None where nothing was accepted."""
    amounts = [notice.amount for notice in notices(act, **of) if notice.state in ACCEPTED]
    return sum(amounts, Decimal(0)) if amounts else None


def note_on_order(notice, act) -> None:
    """The work order shows since when the customer knows the charge."""
    order = act.get("work_order", notice.work_order_id)
    if order is not None and order.charge_told_at is None and not order.spec.workflow.is_terminal(order.state):
        order.charge_told_at = notice.told_at
        act.touch(order)


def published_price(item, policy) -> Decimal | None:
    """What the standard allows for one of these; None where it does not list it."""
    charge = next((row for row in policy.charges if item.item_name in (row.item_name, row.item_code)), None)
    if charge is None:
        return None
    return charge.part_price if item.kind == "part" else charge.labour_fee or charge.labour_rate


def is_within_standard(notice, act) -> bool:
    policy = act.get("service_price_policy", notice.service_price_policy_id)
    return all((item.unit_price or 0) <= (published_price(item, policy) or 0) for item in notice.items)


def is_served(notice, act) -> bool:
    """What is paid for is done."""
    ended = {"work_order": "finished_at", "customer_repair_file": "completed_at"}
    ground = ground_of(notice, act)
    return ground is not None and getattr(ground, ended[ground.spec.name]) is not None


def ground_of(notice, act):
    found = (act.get(name, getattr(notice, f"{name}_id")) for name in GROUNDS)
    return next(filter(None, found), None)


NOTHING_TO_PAY = Condition(
    lambda notice, act: notice.amount == 0, Text("收费合计须为零", "The amount must be zero"))
FREE_UNDER_WARRANTY = saying(
    if_so(one_of("warranty_status", "in"), NOTHING_TO_PAY), "保修期内不向客户收费，收费合计须为零",
    "Under warranty nothing is charged: the amount must be zero")
CHARGE_IS_ITEMISED = saying(
    if_so(one_of("warranty_status", "out"), filled("items")), "保修期外的，请列明收费项目",
    "Out of warranty the charge is itemised: add its lines")
POLICY_IN_FORCE = saying(
    linked("service_price_policy", "effective"), "须选用当日有效的维修收费标准",
    "Choose the price standard that is in force today")
WITHIN_STANDARD = Condition(is_within_standard, Text(
    "收费项目须按维修收费标准所列的项目填写，单价不能高于标准",
    "Each item is one of the price standard, and its unit price not above it"))
SERVED = Condition(is_served, Text(
    "派工单完成或维修档案修复后方可收款", "Charge once the work order is finished or the repair completed"))
FREE_IF_NOTHING_IS_OWED = Condition(
    lambda notice, act: (notice.payment_method == "free") == (notice.amount == 0),
    Text("收费合计为零的选“免收”，有收费的不能选“免收”", "“Free of charge” is for an amount of zero, and only for that"))


class Item(Line, of="service_charge_notice"):
    """Something that is charged."""

    item_name = text("项目", required=True, origin="P", help=(
        "维修收费标准所列的项目名称或代码", "Name or code of an item of the price standard"))
    kind = choice("费用类别", ("labour", "工时费"), ("part", "配件费", "Parts"), ("travel", "上门费"),
                  ("other", "其他"), required=True, origin="P")
    quantity = decimal("数量", required=True, origin="P", default=1)
    unit_price = money("单价", required=True, origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price")


class ServiceChargeNotice(Record):
    """The technician or dealer tells the customer the warranty position and the charge by the published
    price standard, and gets consent before repairing."""

    work_order_id = link("work_order", "派工单", origin="P", group=("服务", "The service"), help=(
        "派工单和客户维修档案填且只填一项", "Exactly one of work order and repair file"))
    customer_repair_file_id = link("customer_repair_file", "客户维修档案", origin="X", help=(
        "无派工单的网点维修填写", "For a repair at a dealer without a work order"))
    customer_id = link("customer", "客户", required=True, derived="customer of the work order or repair file")
    technician_id = person("维修人员")
    dealer_id = link("dealer_ledger", "服务商/网点", origin="X", derived="dealer of the work order or repair file")
    warranty_status = choice("保修情况", ("in", "保修期内", "In warranty"), ("out", "保修期外", "Out of warranty"),
                             required=True, group=("报价", "The charge"))
    service_price_policy_id = link("service_price_policy", "维修收费标准(版本)", required=True)
    labour_fee = money("工时费", origin="P", derived="sum of items.amount where kind is labour")
    parts_fee = money("配件费", origin="P", derived="sum of items.amount where kind is part")
    other_fee = money("其他费用", origin="P", derived="sum of items.amount where kind is travel or other")
    amount = money("收费合计", required=True, derived="labour_fee + parts_fee + other_fee")
    told_mode = choice("告知方式", ("phone", "电话", "By phone"), ("on_site", "当面", "In person"),
                       ("message", "短信微信", "By message"), origin="P", group=("告知与同意", "Telling and consent"))
    told_at = moment("告知时间", origin="X")
    signed_by = signature("客户同意签字", origin="P")
    signed_at = moment("同意时间", origin="P")
    decline_reason = text("不同意原因", origin="P")
    payment_method = choice("收款方式", ("cash", "现金"), ("transfer", "转账", "Bank transfer"),
                            ("mobile", "移动支付", "Mobile payment"), ("free", "免收", "Free of charge"), origin="P",
                            group=("收款", "Payment"))
    paid_at = moment("收款时间", origin="P")
    receipt_no = text("收据/发票号", origin="P")
    remark = longtext("备注", origin="P")
    items = lines(Item, "收费项目")

    def start_from(self, source, act):
        self.technician_id = source.technician_id
        known = getattr(source, "warranty_status", None)
        if source.spec.name == "customer_repair_file":
            known = "in" if source.is_in_warranty else "out"
        self.warranty_status = known if known in ("in", "out") else None
        policies = act.find("service_price_policy", state="effective")
        self.service_price_policy_id = policies[0].id if len(policies) == 1 else None

    def derive(self, act):
        ground = ground_of(self, act)
        self.customer_id, self.dealer_id = (ground.customer_id, ground.dealer_id) if ground else (None, None)
        fees = dict.fromkeys(("labour", "part", "travel", "other"), Decimal(0))
        for item in self.items:
            item.amount = rounded((item.quantity or 0) * (item.unit_price or 0))
            if item.kind in fees:
                fees[item.kind] += item.amount
        self.labour_fee, self.parts_fee = fees["labour"], fees["part"]
        self.other_fee = fees["travel"] + fees["other"]
        self.amount = sum(fees.values())

    def check(self, act):
        if (self.work_order_id is None) == (self.customer_repair_file_id is None):
            yield "work_order", Text("派工单和客户维修档案须填且只填一项",
                                     "Name either the work order or the repair file")
        if self.state != "draft" and act.move is None:
            yield from ((name, Text("已告知客户，报价不能再改；需更改的请另开一份",
                                    "The customer was told: make a new notice for another price"))
                        for name in TOLD if is_changed(self, name))

    spec = RecordType(
        code="SQT", zh="收费告知/报价单", en="Service charge notice (quotation)", source="002 报修流程(3)(5)",
        series=Series("SQT-{yyyy}{mm}-{n:04}"), scope={"technician": "technician", "dealer": "dealer"},
        list=("number", "work_order", "customer", "warranty_status", "amount", "told_at", "paid_at", "state"),
        search=("number", "receipt_no"),
        filters=("state", "customer", "technician", "dealer", "warranty_status", "told_at"),
        links_in=("work_order", "customer_repair_file"), retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("told", "已告知"), ("accepted", "客户同意"), ("charged", "已收款/免收"),
                   ("declined", "客户不同意")),
            moves=(
                Move("tell", "告知客户", "Tell customer", source=("draft",), to="told",
                     by=("technician", "dealer"), stamps=("told_at",),
                     requires=("warranty_status", "service_price_policy", "amount", "told_mode"),
                     when=(FREE_UNDER_WARRANTY, CHARGE_IS_ITEMISED, POLICY_IN_FORCE, WITHIN_STANDARD)),
                Move("accept", "客户同意", "Customer accepts", source=("told",), to="accepted",
                     by=("technician", "dealer"), requires=("signed_by",), stamps=("signed_at",),
                     then=note_on_order),
                Move("decline", "客户不同意", "Customer declines", source=("told",), to="declined",
                     by=("technician", "dealer"), requires=("decline_reason",)),
                Move("charge", "收款/免收", source=("accepted",), to="charged", by=("technician", "dealer"),
                     requires=("payment_method",), stamps=("paid_at",),
                     when=(SERVED, FREE_IF_NOTHING_IS_OWED)),
            )),
        access={
            "customer_service": "VX", "dispatcher": "V", "technician": "CEv", "dealer": "CEv", "finance": "VX",
        },
        rules=(
            "BR-08 out of warranty: a notice with told_at and the customer's consent exists before the "
            "work order is finished or the repair file completed",
            "exactly one of work_order and customer_repair_file is set",
            "in warranty the amount must be 0",
            "service_price_policy must be the version in force on the day of told_at",
            "unit prices are not above the published price standard; each item is one that it lists",
            "a told notice is not changed and a declined one is final; a new price needs a new notice",
            "BR-27 nothing may be collected from the customer beyond an accepted notice",
        ),
    )
