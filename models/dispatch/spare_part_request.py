"""备品备件申领单."""

from models.base import Line, Record, day, decimal, lines, link, longtext, moment, person, text, yes_no
from models.spec import Move, RecordType, Series, Workflow, states


class Item(Line, of="spare_part_request"):
    """备品备件."""

    parts_stock_id = link("parts_stock", "库存配件", origin="X")
    part_no = text("物料编码", required=True, origin="P")
    part_name = text("备件名称", required=True)
    specification = text("规格型号", origin="P")
    quantity = decimal("申领数量", required=True, origin="P")
    issued_quantity = decimal("实发数量", origin="X")
    used_quantity = decimal("使用数量", origin="X")
    returned_quantity = decimal("退回数量", origin="X")
    is_old_part_returned = yes_no("旧件已退回", origin="P")


class SparePartRequest(Record):
    """The technician asks for spare parts for a work order, the dispatcher approves, the warehouse
    issues, and used and returned quantities are settled."""

    work_order_id = link("work_order", "用途工单", required=True, origin="P")
    equipment_takeback_id = link("equipment_takeback", "返修单", origin="X")
    technician_id = person("申领人", required=True)
    # NOTE outlet supplied by the service department
    dealer_id = link("dealer_ledger", "网点/服务商")
    reason = longtext("申领原因", required=True)
    needed_on = day("需用日期", origin="P")
    # SET_BY approve
    approved_at = moment("批准时间", origin="X")
    # SET_BY issue
    issued_by_id = person("发料人", origin="P")
    # SET_BY issue
    issued_at = moment("发料时间", origin="P")
    # SET_BY consume, return_unused
    settled_at = moment("核销时间", origin="X")
    remark = longtext("备注", origin="P")
    items = lines(Item, "备品备件")

    spec = RecordType(
        code="SPR", zh="备品备件申领单", en="Spare-part request", source="002 报修流程(6); 002 网点管理 1",
        series=Series("SPR-{yyyy}{mm}-{n:04}"),
        scope={"technician": "technician"},
        list=("number", "work_order", "technician", "dealer", "needed_on", "issued_at", "state"),
        search=("number", "reason"),
        filters=("state", "technician", "dealer", "needed_on"),
        links_in=("work_order", "equipment_takeback"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已申请"), ("approved", "已批准"), ("issued", "已发料"),
                ("consumed", "已核销"), ("returned", "已退回"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("technician",),
                    requires=("work_order", "reason", "items")),
                # WHEN approver is not the requester
                Move("approve", "批准", source=("submitted",), to="approved", by=("dispatcher",),
                    stamps=("approved_at",)),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("dispatcher",),
                    comment=True),
                # WHEN every line has issued_quantity, not above quantity and not above the available stock
                # THEN reduces parts_stock by issued_quantity
                Move("issue", "发料", source=("approved",), to="issued", by=("warehouse",),
                    requires=("items",), stamps=("issued_by", "issued_at")),
                # WHEN used_quantity + returned_quantity = issued_quantity on every line and used_quantity above 0 on at least one
                # THEN adds returned_quantity back to parts_stock
                Move("consume", "核销", "Settle use", source=("issued",), to="consumed",
                    by=("technician",), requires=("items",), stamps=("settled_at",)),
                # WHEN returned_quantity = issued_quantity on every line
                # THEN adds returned_quantity back to parts_stock
                Move("return_unused", "全部退回", "Return all unused", source=("issued",), to="returned",
                    by=("warehouse",), requires=("items",), stamps=("settled_at",)),
                Move("cancel", "取消", source=("draft", "submitted", "approved"), to="cancelled",
                    by=("technician", "dispatcher"), comment=True),
            ),
        ),
        access={"customer_service": "V", "dispatcher": "AV", "technician": "CEv", "warehouse": "EVX"},
        rules=(
            "every request belongs to a work order that is not closed or cancelled",
            "the requester never approves the own request",
            "issued_quantity is not above quantity; used_quantity + returned_quantity = issued_quantity "
            "before the request ends",
            "issuing and returning move parts_stock by exactly the same quantities",
            "quantity is above 0 on every line",
        ),
    )
