"""产品质量信息处置结果反馈单."""

from models.base import (
    Line, Record, choice, decimal, integer, lines, link, longtext, moment, money, multichoice, person, signature,
    text, unit,
)
from models.choices import SATISFACTION_LEVELS
from models.conditions import filled, if_so, is_changed, linked, saying
from models.disposition.compensation_request import totals, wrong_quantities
from models.disposition.major_incident_report import pass_on_loss, report_major_loss
from models.spec import VOID, Condition, Deadline, Default, Move, RecordType, Series, Text, Workflow, states

CALLS_ENDED = ("done", "reported", "unreachable")
# What the user's signature, or a slip that comes back, puts an end to.
HANDED_IN = ("signed_by", "signed_at", "submitted_at", "quality_received_at", "marketing_received_at")
GOODS = ("product_name", "specification")


def take_back(slip, act) -> None:
    """What is corrected is signed by the user, handed in and received again."""
    for name in HANDED_IN:
        setattr(slip, name, None)


def note_year(slip, act) -> None:
    """Filed under the year in which the quality information came in."""
    sheet = act.get("quality_info_transfer", slip.quality_info_transfer_id)
    slip.archive_year = act.local(sheet.received_at).year


def is_called_back(slip, act) -> bool:
    calls = [call for call in act.find("callback_record", quality_info_transfer_id=slip.quality_info_transfer_id)
             if call.state != VOID and call.quality_disposition_feedback_id in (None, slip.id)]
    return bool(calls) and max(calls, key=lambda call: call.id).state in CALLS_ENDED


GOODS_AGREED = saying(
    if_so(filled("products"), linked("compensation_request", "agreement_signed", "executed")),
    "有退换或补偿产品的，须关联已批准且已签署补偿协议的审批单",
    "A sheet with products needs its request approved and the compensation agreement signed")
CALLED_BACK = Condition(is_called_back, Text(
    "本单的电话回访尚未办结", "The telephone callback of this sheet is not finished yet"))


class Product(Line, of="quality_disposition_feedback"):
    """Product that was exchanged, returned or given, and why."""

    mode = choice("处理类别", ("exchange", "换货"), ("return", "退货"), ("resupply", "补货", "Replenishment"),
                  ("compensate_product", "补偿产品", "Compensation in product"), required=True)
    reason = text("原因", required=True, help=(
        "可修复的应予修复；换货、退货须写明不能修复的原因",
        "What can be repaired is repaired: for an exchange or return say why it cannot be"))
    product_name = text("产品名称", required=True)
    specification = text("规格", required=True)
    quantity = decimal("数量", required=True)
    product_batch_id = link("product_batch", "产品/批次", origin="X")


class QualityDispositionFeedback(Record):
    """The service person records the on-site result, has the user sign or seal it and hands it to the
    quality department and the sales branch, where the callback is noted."""

    keeps_first = frozenset({"quality_received_at", "marketing_received_at"})

    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单", required=True,
                                    group=("现场服务", "The service on site"))
    product_inspection_record_id = link("product_inspection_record", "现场检查检测试验记录", origin="X")
    customer_id = link("customer", "用户", required=True)
    responsible_unit = unit("责任子(分)公司", required=True, origin="X")
    technician_id = person("售后服务人员", required=True, default=Default.CURRENT_USER)
    handled_at = moment("现场处理完成时间", required=True, origin="P", help=(
        "反馈期限自此时起算", "The limit for handing in counts from here"))
    disposition_result = longtext("处置结果", required=True, group=("处置结果", "The result"))
    dispositions = multichoice(
        "处置方式", ("repair", "修复", "Repaired"), ("exchange", "换货"), ("return", "退货"),
        ("resupply", "补货", "Replenishment"), ("compensation", "补偿"), ("destruction", "报废销毁"),
        ("assist_expired", "协助处理(超保质期)", "Assistance only (past shelf life)"),
        ("guidance", "指导使用", "Guidance on use"), ("other", "其他"))
    usage_guidance = longtext("传授使用知识、指导贮存使用")
    cause = longtext("原因判定", origin="P")
    suggestion = longtext("处理建议", origin="P")
    direct_loss = money("直接质量损失", origin="X", default=0, help=(
        "反馈后写入传递处置单；填 0 不改动传递处置单上的金额",
        "Goes into the quality information sheet when handed in; 0 leaves what stands there"))
    compensation_request_id = link("compensation_request", "退换/补偿审批单", help=(
        "有退换或补偿产品的，反馈前必须关联", "Needed before handing in where there are products"))
    customer_opinion = longtext("用户意见", origin="P", group=("用户意见与签字", "The user's opinion and signature"))
    latent_needs = longtext("用户潜在需求")
    satisfaction_level = choice("用户满意度", SATISFACTION_LEVELS, origin="P")
    sign_kind = choice("用户认可方式", ("signature", "签字"), ("seal", "盖章"))
    signed_by = signature("用户签字(盖章)")
    signed_at = moment("签字时间")
    submit_due_at = moment("反馈期限", origin="X", derived="handled_at + parameter feedback_hand_in_days",
                           group=("反馈与签收", "Handing in and receipt"))
    submitted_at = moment("反馈时间", origin="X")
    quality_received_at = moment("质量部签收时间", "Received by quality at")
    marketing_received_at = moment("营销分公司签收时间", "Received by the sales branch at")
    all_received_at = moment("全部签收时间", origin="X", derived=(
        "the later of quality_received_at and marketing_received_at, empty until both are set"))
    remark = longtext("备注(电话回访情况)", group=("回访与归档", "Callback and archive"), help=(
        "完成回访时自动记入", "Noted when the callback is completed"))
    callback_recorded_at = moment("回访登记时间", origin="X")
    archive_year = integer("归档年度", system=True)
    products = lines(Product, "退换或补偿产品")

    def derive(self, act):
        days = act.parameter("feedback_hand_in_days", at=self.handled_at)
        self.submit_due_at = self.handled_at and act.add_workdays(self.handled_at, days)
        received = self.quality_received_at, self.marketing_received_at
        self.all_received_at = None if None in received else max(received)

    def check(self, act):
        sheet = act.get("quality_info_transfer", self.quality_info_transfer_id)
        inspection = act.get("product_inspection_record", self.product_inspection_record_id)
        request = act.get("compensation_request", self.compensation_request_id)
        for name, named in (("product_inspection_record", inspection), ("compensation_request", request)):
            is_elsewhere = named is not None and named.quality_info_transfer_id not in (None, sheet.id)
            if is_elsewhere and is_changed(self, name):
                yield name, Text("所选单据不是该质量信息的，请重选",
                                 "This is about another quality information: choose again")
        if is_changed(self, "quality_info_transfer"):
            yield from self._second_of_visit(sheet, act)
        if is_changed(self, "products") or is_changed(self, "compensation_request"):
            yield from wrong_quantities(self.products, "products")
            yield from self._wrong_products(sheet, request, act)
        if self.state != "draft" and act.move is None:
            yield from self._changed_after_signing()

    def _second_of_visit(self, sheet, act):
        """A sheet that was signed before the last handling ended belongs to that visit."""
        for slip in act.find("quality_disposition_feedback", quality_info_transfer_id=sheet.id):
            is_earlier = sheet.disposed_at and slip.signed_at and slip.signed_at <= sheet.disposed_at
            if slip is not self and slip.state != VOID and not is_earlier:
                yield "quality_info_transfer", Text(f"本次现场服务已有反馈单 {slip.number}",
                                                    f"{slip.number} is the feedback sheet of this visit already")

    def _wrong_products(self, sheet, request, act):
        claimed_on = request.claimed_on if request else act.local(sheet.received_at).date()
        present, approved = totals(self.products, *GOODS), totals(request.items, *GOODS) if request else None
        for index, row in enumerate(self.products):
            batch = act.get("product_batch", row.product_batch_id)
            if batch is not None and batch.expires_on is not None and batch.expires_on < claimed_on:
                yield f"products-{index}-product_batch", Text(
                    "该批次已超过有效期，不予退换或补偿，处置方式请选“协助处理(超保质期)”",
                    "This batch is past its shelf life: no exchange or compensation, choose “Assistance only”")
            goods = (row.product_name, row.specification)
            if approved is not None and present[goods] > approved.get(goods, 0):
                yield f"products-{index}-quantity", Text("超过审批单中该产品的数量",
                                                         "This is more of the product than the request says")

    def _changed_after_signing(self):
        open_ = {"remark", "compensation_request"} if self.state == "signed" else {"remark"}
        for name in (*(name for name, field in self.spec.fields.items() if field.typed), *self.spec.lines):
            if name not in open_ and is_changed(self, name):
                yield name, Text("用户已签字(盖章)，内容不能再改；有误的请退回或作废后重填",
                                 "The user has signed it: have it sent back, or void it and write it anew")

    def start_from(self, source, act):
        """What earlier records say about callbacks and signatures is not this sheet's."""
        sheet = act.get("quality_info_transfer", self.quality_info_transfer_id)
        self.customer_id, self.responsible_unit = sheet.customer_id, sheet.responsible_unit
        for column in ("remark", "satisfaction_level", *HANDED_IN):
            setattr(self, column, None)

    spec = RecordType(
        code="QDF", zh="产品质量信息处置结果反馈单", en="Quality disposition feedback sheet",
        source="003 三(三)2, 三(三)7, 三(四)-(七), 五(十)", series=Series("QDF-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician", "unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "quality_info_transfer", "customer", "technician", "handled_at",
              "satisfaction_level", "submit_due_at", "submitted_at", "state"),
        search=("number", "disposition_result", "remark"),
        filters=("state", "customer", "responsible_unit", "technician", "handled_at", "satisfaction_level",
                 "archive_year"),
        links_in=("quality_info_transfer", "product_inspection_record"),
        workflow=Workflow(
            states(("draft", "草稿"), ("signed", "用户已签字", "Signed by user"), ("submitted", "已反馈"),
                   ("callback_recorded", "已登记回访"), ("archived", "已归档")),
            moves=(
                Move("sign", "用户签字", source=("draft",), to="signed", by=("technician",),
                     requires=("disposition_result", "handled_at", "sign_kind", "signed_by"),
                     stamps=("signed_at",), then=report_major_loss),
                Move("submit", "反馈", source=("signed",), to="submitted", by=("technician",),
                     requires=("signed_by",), stamps=("submitted_at",), when=(GOODS_AGREED,),
                     then=pass_on_loss),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("quality_engineer",),
                     comment=True, then=take_back),
                Move("receive_quality", "质量部签收", "Receive at quality", source=("submitted",),
                     to="submitted", by=("quality_engineer",), stamps=("quality_received_at",)),
                Move("receive_marketing", "营销分公司签收", "Receive at sales branch", source=("submitted",),
                     to="submitted", by=("sales", "sales_lead"), stamps=("marketing_received_at",)),
                Move("record_callback", "登记回访", source=("submitted",), to="callback_recorded",
                     by=("quality_engineer",), stamps=("callback_recorded_at",), when=(CALLED_BACK,),
                     requires=("remark", "quality_received_at", "marketing_received_at")),
                Move("archive", "按年度归档", source=("callback_recorded",), to="archived",
                     by=("unit", "unit_lead"), when=(filled("signed_by"),), then=note_year),
            )),
        deadlines=(
            Deadline("hand_in", "feedback_hand_in_days", starts="handled_at", met_by="all_received_at",
                     tell=("owner", "unit_lead", "quality_manager"), id="SLA-18", holder="technician"),
        ),
        access={
            "customer_service": "V", "technician": "CEV", "quality_engineer": "KEAVX", "quality_manager": "VX",
            "sales": "KV", "sales_lead": "KV", "unit": "VXE", "unit_lead": "VXE",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "BR-04 no submit and no archive without the user's signature or seal",
            "every products row has reason, product_name, specification and quantity",
            "a sheet with products cannot be submitted while the compensation_request is not approved or the "
            "agreement is not signed",
            "BR-19 the telephone callback is noted in remark before archiving",
            "BR-18 the responsible unit archives the sheet by year",
            "SLA-18 the hand-in limit is a parameter, default 3 working days",
            "products quantities do not exceed the approved compensation_request items",
            "one sheet per quality_info_transfer and site visit",
            "BR-07 a product past its shelf life is only assisted: dispositions assist_expired, no products "
            "row for it",
            "a repairable product is repaired (dispositions repair), only one that cannot be repaired is "
            "exchanged or returned (003 三(三)6)",
        ),
    )
