"""退换/补偿审批单."""

from collections import defaultdict
from decimal import Decimal

from models.base import (
    Line, Record, choice, day, decimal, file, lines, link, longtext, moment, money, person, rounded, text, unit,
    yes_no,
)
from models.conditions import filled, is_changed, is_true, saying
from models.disposition.major_incident_report import CALLED_OFF, report_major_loss
from models.spec import (
    SIGNER, SYSTEM, VOID, Condition, Default, Move, RecordType, Series, Step, Text, Workflow, states,
)

FROM_GROUND = ("customer_id", "responsible_unit", "customer_demand")


def totals(rows, *columns) -> dict:
    """How much of each there is: the sum of the quantities for every combination of these columns."""
    found = defaultdict(Decimal)
    for row in rows:
        found[tuple(getattr(row, column) for column in columns)] += row.quantity or 0
    return dict(found)


def same_goods(rows, line) -> list:
    """For a record that starts from another: rows of its own about the same goods."""
    return [line(position=index, product_batch_id=row.product_batch_id, product_name=row.product_name,
                 specification=row.specification, quantity=row.quantity) for index, row in enumerate(rows)]


def wrong_quantities(rows, lines_name):
    """For the `check` of a record with goods: there is no row about nothing."""
    for index, row in enumerate(rows):
        if row.quantity is not None and row.quantity <= 0:
            yield f"{lines_name}-{index}-quantity", Text("数量须大于零", "The quantity must be more than zero")


def report_if_major(request, act) -> None:
    """Where no report of the major loss is named, the one that is open or opens now is."""
    named = act.get("major_incident_report", request.major_incident_report_id)
    if named is None or named.state in CALLED_OFF:
        report = report_major_loss(request, act)
        request.major_incident_report_id = report and report.id


def is_agreed(request, act) -> bool:
    return any(agreement.signed_at is not None and agreement.state != "cancelled"
               for agreement in act.find("compensation_agreement", compensation_request_id=request.id))


def is_fulfilled(request, act) -> bool:
    return any(agreement.state == "fulfilled"
               for agreement in act.find("compensation_agreement", compensation_request_id=request.id))


def are_goods_handled(request, act) -> bool:
    if request.mode not in ("exchange", "return"):
        return True
    handled = [record.state for record in act.find("return_destruction_record", compensation_request_id=request.id)
               if record.state != VOID]
    return bool(handled) and set(handled) <= {"executed", "archived"}


WITHIN_VALIDITY = saying(
    is_true("is_within_validity"), "产品已超过有效期(保质期)，不予退换或补偿，只能协助用户处理",
    "The product is past its shelf life: no exchange and no compensation, only assistance")
HAS_SUBSTANCE = Condition(
    lambda request, act: bool(request.items) or (request.cash_amount or 0) > 0,
    Text("请填写退换/补偿产品或现金金额", "Fill in the products or the cash amount"))
CASH_EXPLAINED = Condition(
    lambda request, act: filled("cash_reason").holds(request, act) or (
        request.mode != "compensate_cash" and not request.cash_amount),
    Text("宜采取补偿产品的方式；现金赔偿须填写“现金赔偿理由”",
         "Compensation in product is preferred: cash needs its reason"))
AGREED = Condition(is_agreed, Text("补偿协议尚未签署", "The compensation agreement is not signed yet"))
FULFILLED = Condition(is_fulfilled, Text("补偿协议尚未履行完成", "The compensation agreement is not fulfilled yet"))
GOODS_HANDLED = Condition(are_goods_handled, Text(
    "换货、退货的，其退货/报废销毁记录须已执行",
    "An exchange or return needs its return and destruction record executed"))


class Item(Line, of="compensation_request"):
    """Product that is exchanged, returned or given, for which batch."""

    product_batch_id = link("product_batch", "问题产品批次", required=True)
    product_name = text("退换或补偿产品名称", required=True)
    specification = text("规格", required=True)
    quantity = decimal("数量", required=True)
    expires_on = day("有效期至", derived="expires_on of product_batch (the defective product)")
    unit_price = money("单价", required=True, origin="P")
    amount = money("金额", origin="P", derived="quantity * unit_price")


class CompensationRequest(Record):
    """The service person or the subsidiary asks the leaders within their authority to approve an exchange,
    return or compensation before the agreement is signed with the user."""

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", group=("依据", "Grounds"))
    complaint_case_id = link("complaint_case", "客户投诉处理表", origin="X", help=(
        "传递处置单和投诉处理表至少填一项", "One of quality information and complaint case is needed"))
    product_inspection_record_id = link("product_inspection_record", "现场检查检测试验记录", origin="X")
    customer_id = link("customer", "用户", required=True)
    responsible_unit = unit("责任子(分)公司", required=True)
    technician_id = person("售后服务人员", origin="P", default=Default.CURRENT_USER)
    claimed_on = day("用户提出日期", required=True, origin="X", group=("退换与补偿", "Exchange and compensation"), help=(
        "与各产品的有效期比较，当天到期的仍有效", "Compared with the expiry of each product; the last day still counts"))
    mode = choice("处理方式", ("exchange", "换货"), ("return", "退货"), ("resupply", "补货", "Replenishment"),
                  ("compensate_product", "补偿产品", "Compensation in product"),
                  ("compensate_cash", "现金赔偿", "Compensation in cash"), required=True)
    reason = longtext("退换/补偿原因", required=True)
    customer_demand = longtext("用户诉求", required=True)
    is_within_validity = yes_no("产品在有效期内", derived=(
        "true when every items row has expires_on empty or expires_on >= claimed_on; without items the batch of "
        "the record it rests on counts"))
    direct_loss = money("用户直接损失", origin="X", default=0, group=("损失与金额", "Loss and amount"))
    loss_calculation = longtext("损失计算", origin="P")
    evidence_id = file("证据材料", origin="P")
    cash_reason = longtext("现金赔偿理由", origin="X", help=("现金赔偿时必填", "Needed for compensation in cash"))
    cash_amount = money("现金金额", origin="P", default=0)
    amount = money("退换/补偿金额", origin="P", derived=(
        "sum of items.amount + cash_amount; decides the approval level"))
    major_incident_report_id = link("major_incident_report", "较大以上质量事故报告", origin="X", help=(
        "金额或损失达到较大以上质量事故的，提交时自动关联或建立", "Linked or opened on submit where the amount or loss is major"))
    approved_at = moment("批准时间", origin="X", group=("办理", "Progress"))
    executed_at = moment("执行完成时间", origin="X")
    remark = text("备注", origin="P")
    items = lines(Item, "退换/补偿产品")

    def derive(self, act):
        for row in self.items:
            batch = act.get("product_batch", row.product_batch_id)
            if self.state == "draft" or row.expires_on is None:   # what counted when it was submitted stays
                row.expires_on = batch and batch.expires_on
            row.amount = rounded((row.quantity or 0) * (row.unit_price or 0))
        self.amount = sum((row.amount for row in self.items), self.cash_amount or Decimal(0))
        ends = [row.expires_on for row in self.items] or [self._expiry_of_ground(act)]
        self.is_within_validity = self.claimed_on is not None and all(
            end is None or end >= self.claimed_on for end in ends)

    def _expiry_of_ground(self, act):
        """A claim in cash alone is about the product that was inspected, or reported."""
        for name in ("product_inspection_record", "quality_info_transfer", "complaint_case"):
            ground = act.get(name, getattr(self, f"{name}_id"))
            batch = ground and act.get("product_batch", ground.product_batch_id)
            if batch is not None:
                return batch.expires_on
        return None

    def check(self, act):
        if self.quality_info_transfer_id is None and self.complaint_case_id is None:
            yield "quality_info_transfer", Text("请关联产品质量信息传递处置单或客户投诉处理表",
                                                "Link the quality information or the complaint case")
        yield from wrong_quantities(self.items, "items")
        if self.state != "draft" and act.move is None:
            yield from self._changed_after_approval()

    def _changed_after_approval(self):
        for name in (*(name for name, field in self.spec.fields.items() if field.typed), *self.spec.lines):
            if name != "remark" and is_changed(self, name):
                yield name, Text("已经批准，内容不能再改；需更改的请另开审批单",
                                 "It is approved and stays as it is: make a new request instead")

    def start_from(self, source, act):
        """From a feedback sheet also the goods that the user signed for."""
        sheet = act.get("quality_info_transfer", self.quality_info_transfer_id)
        for column in FROM_GROUND:
            if getattr(self, column) is None:
                setattr(self, column, getattr(sheet, column, None))
        ground = sheet or source
        self.claimed_on = ground.received_at and act.local(ground.received_at).date()
        products = getattr(source, "products", ())
        self.items = same_goods(products, Item)
        self.mode = products[0].mode if products else None

    spec = RecordType(
        code="CPR", zh="退换/补偿审批单", en="Exchange and compensation request",
        source="003 三(三)6, 三(三)7, 二(三); 002 客户投诉管理办法 (二) 核决权限",
        series=Series("CPR-{yyyy}{mm}-{n:04}"), numbered_at="submit",
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "customer", "mode", "amount", "claimed_on", "is_within_validity", "responsible_unit",
              "approved_at", "state"),
        search=("number", "reason", "customer_demand"),
        filters=("state", "mode", "customer", "responsible_unit", "claimed_on", "amount"),
        links_in=("quality_info_transfer", "quality_disposition_feedback", "complaint_case",
                  "product_inspection_record"),
        retention_years=10,
        workflow=Workflow(
            states(("draft", "草稿"), ("approving", "审批中", "In approval"), ("approved", "已批准"),
                   ("agreement_signed", "协议已签"), ("executed", "已执行"), ("rejected", "不批准"),
                   ("cancelled", "已撤回")),
            moves=(
                Move("submit", "提交", source=("draft",), to="approving",
                     by=("technician", "unit", "unit_lead"), opens_round=True, then=report_if_major,
                     requires=("customer", "claimed_on", "mode", "reason", "customer_demand"),
                     when=(WITHIN_VALIDITY, HAS_SUBSTANCE, CASH_EXPLAINED)),
                Move("approve", "批准", source=("approving",), to="approved", by=(SIGNER,), signs=True,
                     stamps=("approved_at",)),
                Move("send_back", "退回", source=("approving",), to="draft", by=(SIGNER,), comment=True),
                Move("reject", "不批准", source=("approving",), to="rejected", by=(SIGNER,), comment=True),
                Move("sign_agreement", "协议已签", "Agreement signed", source=("approved",),
                     to="agreement_signed", by=("unit", "unit_lead", SYSTEM), when=(AGREED,)),
                Move("execute", "执行完成", source=("agreement_signed",), to="executed",
                     by=("unit", "unit_lead"), stamps=("executed_at",), when=(FULFILLED, GOODS_HANDLED)),
                Move("cancel", "撤回", source=("draft", "approved"), to="cancelled", by=("unit", "unit_lead"),
                     comment=True),
            ),
            approval=(
                Step("unit_lead"), Step("quality_manager", "approval_from_quality_manager", "amount"),
                Step("deputy_gm", "approval_from_deputy_gm", "amount"),
                Step("general_manager", "approval_from_general_manager", "amount"))),
        access={
            "technician": "CEV", "quality_engineer": "V", "quality_manager": "AVX", "sales": "V",
            "sales_lead": "V", "unit": "CEV", "unit_lead": "CEAV", "finance": "VK", "deputy_gm": "AVX",
            "general_manager": "AVX", "management_representative": "V",
        },
        rules=(
            "BR-07 an items row with expires_on before claimed_on blocks the request; expires_on equal to "
            "claimed_on is still valid",
            "BR-07b approval within authority comes before the agreement is signed",
            "BR-34 compensation in product is preferred; compensate_cash needs cash_reason",
            "authority: below 5000 unit lead, from 5000 also quality manager, from 20000 also deputy general "
            "manager, from 100000 also general manager",
            "BR-15 amount or direct_loss of 20000.00 or more needs a major_incident_report",
            "nobody approves a request he created",
            "quality_info_transfer or complaint_case is set",
            "an approved request is not changed any more; a new request is made instead",
        ),
    )
