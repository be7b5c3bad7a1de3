"""退货/报废销毁记录."""

from models.base import (
    Line, Record, choice, decimal, file, lines, link, longtext, moment, person, signature, text,
    unit, yes_no,
)
from models.spec import Move, RecordType, Series, Workflow, states


class Item(Line, of="return_destruction_record"):
    """产品明细."""

    product_batch_id = link("product_batch", "产品/批次", required=True, origin="P")
    product_name = text("品种", required=True, origin="P")
    specification = text("规格", origin="P")
    serial_number = text("编号", origin="P")
    quantity = decimal("数量", required=True, origin="P")


class ReturnDestructionRecord(Record):
    """The responsible subsidiary together with the user records the return or supervised destruction of
    products under the police rules."""

    disposal_kind = choice("处理类别", ("return", "退货处理"), ("destruction", "报废销毁处理"), required=True)
    compensation_request_id = link("compensation_request", "退换/补偿审批单", origin="X")
    quality_info_transfer_id = link("quality_info_transfer", "产品质量信息传递处置单")
    customer_id = link("customer", "用户", required=True)
    responsible_unit = unit("责任子(分)公司", required=True)
    reason = longtext("退货/销毁原因", required=True)
    procedure_text = longtext("按公安部门规定办理的手续")
    authority_permit_no = text("批准文号", origin="X")
    authority = text("批准/监督单位", origin="P")
    plan = longtext("处理方案", origin="P")
    safety_measures = longtext("安全规程/措施")
    is_safety_confirmed = yes_no("已遵守安全规程", default=False)
    place = text("处理地点", origin="P")
    # SET_BY permit
    permitted_at = moment("批准时间", origin="X")
    # SET_BY execute
    executed_at = moment("执行时间", origin="P")
    handler_id = person("执行人", origin="P")
    witness = text("见证人", origin="P", private=True)
    signed_by = signature("用户签字")
    signed_at = moment("用户签字时间")
    evidence_id = file("现场照片", origin="P")
    remark = text("备注", origin="P")
    items = lines(Item, "产品明细")

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
                # WHEN authority_permit_no is set when any item is a regulated product
                Move("permit", "手续办妥", source=("planned",), to="permitted", by=("unit_lead",),
                    requires=("items", "plan", "procedure_text", "safety_measures"),
                    stamps=("permitted_at",)),
                Move("send_back", "退回", source=("permitted",), to="planned", by=("unit_lead",),
                    comment=True),
                # WHEN is_safety_confirmed is true; for destruction authority, witness and evidence are filled
                Move("execute", "执行", source=("permitted",), to="executed", by=("unit", "unit_lead"),
                    requires=("is_safety_confirmed", "handler", "signed_by", "signed_at"),
                    stamps=("executed_at",)),
                Move("archive", "归档", source=("executed",), to="archived", by=("unit", "unit_lead")),
            ),
        ),
        access={
            "quality_engineer": "V", "quality_manager": "V", "unit": "CEVX", "unit_lead": "CEAVX",
            "management_representative": "V", "deputy_gm": "V", "general_manager": "V",
        },
        rules=(
            "regulated products (product_batch.is_regulated) need plan, authority_permit_no and "
            "supervised execution",
            "destruction needs at least one photo in evidence and a witness who is not the handler",
            "the user takes part: signed_by is filled before archiving",
            "items do not exceed the approved compensation_request when one is linked",
            "the record is kept at least 2 years (civil explosives regulation)",
        ),
    )
