"""退货/报废销毁记录."""

from collections import Counter

from models.base import (
    Line, Record, choice, decimal, file, lines, link, longtext, moment, person, signature, text, unit, yes_no,
)
from models.conditions import both, either, filled, if_so, is_true, linked, one_of, saying
from models.disposition.compensation_request import same_goods, totals, wrong_quantities
from models.spec import VOID, Condition, Move, RecordType, Series, Text, Workflow, states


def has_regulated_goods(record, act) -> bool:
    return any(act.get("product_batch", row.product_batch_id).is_regulated for row in record.items)


def is_witnessed_by_another(record, act) -> bool:
    return record.witness is None or record.witness.strip() != record.handler.name


IS_REGULATED = Condition(has_regulated_goods, Text("含公安管控物品", "There are regulated goods"))
PERMITTED = saying(
    if_so(IS_REGULATED, filled("authority_permit_no")), "公安管控物品须填写批准文号",
    "Regulated goods need the number of the authority's permit")
APPROVED = saying(
    if_so(filled("compensation_request"), linked("compensation_request", "approved", "agreement_signed", "executed")),
    "所关联的退换/补偿审批单尚未批准", "The compensation request it rests on is not approved")
SUPERVISED = saying(
    if_so(either(IS_REGULATED, one_of("disposal_kind", "destruction")), both(filled("authority"), filled("witness"))),
    "销毁或处理公安管控物品，须填写批准/监督单位和见证人",
    "Destruction, and any handling of regulated goods, needs the supervising authority and a witness")
PHOTOGRAPHED = saying(
    if_so(one_of("disposal_kind", "destruction"), filled("evidence")), "销毁须上传现场照片",
    "Destruction needs a photo of it")
WITNESSED = Condition(is_witnessed_by_another, Text("见证人不能是执行人", "The witness is somebody else than the handler"))


class Item(Line, of="return_destruction_record"):
    """Product that is taken back or destroyed."""

    product_batch_id = link("product_batch", "产品/批次", required=True, origin="P")
    product_name = text("品种", required=True, origin="P")
    specification = text("规格", origin="P")
    serial_number = text("编号", origin="P")
    quantity = decimal("数量", required=True, origin="P")


class ReturnDestructionRecord(Record):
    """The responsible subsidiary together with the user records the return or supervised destruction of
    products under the police rules."""

    disposal_kind = choice("处理类别", ("return", "退货处理"), ("destruction", "报废销毁处理"), required=True,
                           group=("退货或销毁", "Return or destruction"))
    compensation_request_id = link("compensation_request", "退换/补偿审批单", origin="X")
    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单")
    customer_id = link("customer", "用户", required=True)
    responsible_unit = unit("责任子(分)公司", required=True)
    reason = longtext("退货/销毁原因", required=True)
    procedure_text = longtext("按公安部门规定办理的手续", group=("手续与安全", "Procedure and safety"))
    authority_permit_no = text("批准文号", origin="X", help=("公安管控物品必填", "Needed for regulated goods"))
    authority = text("批准/监督单位", origin="P", help=(
        "销毁和公安管控物品必填", "Needed for destruction and for regulated goods"))
    plan = longtext("处理方案", origin="P")
    safety_measures = longtext("安全规程/措施")
    is_safety_confirmed = yes_no("已遵守安全规程", default=False)
    place = text("处理地点", origin="P")
    permitted_at = moment("批准时间", origin="X")
    executed_at = moment("执行时间", origin="P", group=("执行与见证", "Execution and witnesses"))
    handler_id = person("执行人", origin="P")
    witness = text("见证人", origin="P", private=True)
    signed_by = signature("用户签字")
    signed_at = moment("用户签字时间")
    evidence_id = file("现场照片", origin="P")
    remark = text("备注", origin="P")
    items = lines(Item, "产品明细")

    def check(self, act):
        yield from wrong_quantities(self.items, "items")
        request = act.get("compensation_request", self.compensation_request_id)
        if request is None:
            return
        handled = Counter()
        for record in [self, *self._others_of(request, act)]:
            handled.update(totals(record.items, "product_batch_id"))
        approved = totals(request.items, "product_batch_id")
        for index, row in enumerate(self.items):
            batch = (row.product_batch_id,)
            if handled[batch] > approved.get(batch, 0):
                yield f"items-{index}-quantity", Text(
                    f"该批次共 {handled[batch].normalize():f}，超过审批单的数量",
                    f"{handled[batch].normalize():f} of this batch is more than the request says")

    def _others_of(self, request, act):
        found = act.find("return_destruction_record", compensation_request_id=request.id)
        return [record for record in found if record is not self and record.state != VOID]

    def start_from(self, source, act):
        self.disposal_kind = "return" if getattr(source, "mode", "") in ("return", "exchange") else None
        self.items = same_goods(getattr(source, "items", ()), Item)

    spec = RecordType(
        code="DES", zh="退货/报废销毁记录", en="Return and destruction record", source="003 三(三)5-6",
        series=Series("DES-{yyyy}{mm}-{n:04}"),
        scope={"unit": "responsible_unit", "unit_lead": "responsible_unit"},
        list=("number", "disposal_kind", "customer", "responsible_unit", "authority_permit_no",
              "permitted_at", "executed_at", "state"),
        search=("number", "authority_permit_no", "reason"),
        filters=("state", "disposal_kind", "customer", "responsible_unit", "executed_at"),
        links_in=("compensation_request", "quality_info_transfer"),
        workflow=Workflow(
            states(("planned", "已计划"), ("permitted", "已批准"), ("executed", "已执行"), ("archived", "已归档")),
            moves=(
                Move("permit", "手续办妥", source=("planned",), to="permitted", by=("unit_lead",),
                     requires=("items", "plan", "procedure_text", "safety_measures"),
                     stamps=("permitted_at",), when=(PERMITTED, APPROVED)),
                Move("send_back", "退回", source=("permitted",), to="planned", by=("unit_lead",),
                     comment=True),
                Move("execute", "执行", source=("permitted",), to="executed", by=("unit", "unit_lead"),
                     requires=("is_safety_confirmed", "handler", "signed_by", "signed_at"),
                     stamps=("executed_at",),
                     when=(is_true("is_safety_confirmed"), PERMITTED, SUPERVISED, PHOTOGRAPHED, WITNESSED)),
                Move("archive", "归档", source=("executed",), to="archived", by=("unit", "unit_lead"),
                     when=(filled("signed_by"),)),
            )),
        access={
            "quality_engineer": "V", "quality_manager": "V", "unit": "CEVX", "unit_lead": "CEAVX",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "regulated products (product_batch.is_regulated) need plan, authority_permit_no and supervised "
            "execution",
            "destruction needs at least one photo in evidence and a witness who is not the handler",
            "the user takes part: signed_by is filled before archiving",
            "items do not exceed the approved compensation_request when one is linked",
            "the record is kept at least 2 years (civil explosives regulation)",
        ),
    )
