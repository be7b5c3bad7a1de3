"""备品备件申领单."""

import sqlalchemy as sa

from models.base import Default, Line, Record, day, decimal, lines, link, longtext, moment, person, text, yes_no
from models.conditions import actor_is_not, actor_is_not_creator, every_line, is_changed
from models.parts.parts_stock import book
from models.spec import VOID, Condition, Move, RecordType, Series, Text, Workflow, states

ENDED = ("consumed", "returned", "cancelled")
SETTLED = ("used_quantity", "returned_quantity", "is_old_part_returned")
# What is filled in on the lines while the request lies with the warehouse, and once the parts are out.
FILLED_IN = {"approved": ("parts_stock", "issued_quantity"), "issued": SETTLED}
ASKED = ("work_order", "equipment_takeback", "technician", "dealer", "reason", "needed_on")


def are_parts_settled(order, act) -> bool:
    """Nothing that was asked for a work order is still under way."""
    return all(request.state in ENDED for request in act.find("spare_part_request", work_order_id=order.id))


def issue_parts(request, act) -> None:
    _book(request, act, "repair_use", -1, "issued_quantity")


def take_back_unused(request, act) -> None:
    _book(request, act, "return_in", 1, "returned_quantity")


def _book(request, act, movement_type, sign, name) -> None:
    for item in sorted(request.items, key=lambda item: item.parts_stock_id or 0):   # always locked in this order
        stock = act.get("parts_stock", item.parts_stock_id)
        if stock is not None and getattr(item, name):   # a company that keeps no stock has nothing to book
            book(act, movement_type, sign * getattr(item, name), stock, request)


def is_available(request, act) -> bool:
    """The company's store, if it keeps one, has what is issued, and no line gets more than was asked for."""
    wanted = {}
    for item in request.items:
        if item.issued_quantity > item.quantity:
            return False
        if item.issued_quantity:
            wanted[item.parts_stock_id] = wanted.get(item.parts_stock_id, 0) + item.issued_quantity
    stocks = {id_: act.get("parts_stock", id_) for id_ in wanted}
    return not act.uses("parts_stock") or all(
        stock is not None and wanted[id_] <= stock.available_quantity for id_, stock in stocks.items())


def is_accounted_for(request, act) -> bool:
    return all((item.used_quantity or 0) + (item.returned_quantity or 0) == item.issued_quantity
               for item in request.items)


ISSUED = every_line("items", "issued_quantity")
AVAILABLE = Condition(is_available, Text(
    "实发数量不能超过申领数量，也不能超过公司库的可用量", "No more is issued than was asked for and is available in stock"))
ACCOUNTED_FOR = Condition(is_accounted_for, Text(
    "每行的使用数量与退回数量之和须等于实发数量", "On every line, used and returned together are what was issued"))
SOME_USED = Condition(
    lambda request, act: any(item.used_quantity for item in request.items),
    Text("没有使用任何备件的，由仓储办理全部退回", "Nothing was used: the warehouse takes it all back"))
NOTHING_USED = Condition(
    lambda request, act: all(item.returned_quantity == item.issued_quantity for item in request.items),
    Text("每行的退回数量须等于实发数量", "On every line, all that was issued comes back"))


class Item(Line, of="spare_part_request"):
    """A part that is asked for, issued, and used or returned."""

    parts_stock_id = link("parts_stock", "库存配件", origin="X", help=(
        "按物料编码自动带出公司库的配件，仓储可改选", "Found by the part number; the warehouse may choose another"))
    part_no = text("物料编码", required=True, origin="P")
    part_name = text("备件名称", required=True)
    specification = text("规格型号", origin="P")
    quantity = decimal("申领数量", required=True, origin="P")
    issued_quantity = decimal("实发数量", origin="X", help=("发料时由仓储填写", "The warehouse fills it in"))
    used_quantity = decimal("使用数量", origin="X", help=("发料后填写", "Filled in after the issue"))
    returned_quantity = decimal("退回数量", origin="X")
    is_old_part_returned = yes_no("旧件已退回", origin="P")


class SparePartRequest(Record):
    """The technician asks for spare parts for a work order, the dispatcher approves, the warehouse issues, and
    used and returned quantities are settled."""

    work_order_id = link("work_order", "用途工单", required=True, origin="P", group=("申领", "The request"))
    equipment_takeback_id = link("equipment_takeback", "返修单", origin="X")
    technician_id = person("申领人", required=True, default=Default.CURRENT_USER)
    dealer_id = link("dealer_ledger", "网点/服务商", help=(
        "由服务部供给备件的网点", "The outlet that the service department supplies"))
    reason = longtext("申领原因", required=True)
    needed_on = day("需用日期", origin="P")
    approved_at = moment("批准时间", origin="X", group=("办理", "Progress"))
    issued_by_id = person("发料人", origin="P")
    issued_at = moment("发料时间", origin="P")
    settled_at = moment("核销时间", origin="X")
    remark = longtext("备注", origin="P")
    items = lines(Item, "备品备件")

    def derive(self, act):
        for item in self.items:
            if self.state == "draft" or item.parts_stock_id is None:
                item.parts_stock_id = self._stock_of(item, act)

    def _stock_of(self, item, act):
        rows = act.find("parts_stock", part_no=item.part_no, store_type="company") if item.part_no else ()
        return next((row.id for row in rows if row.state != VOID), None)

    def check(self, act):
        if self.state in ("draft", "submitted"):
            order = act.get("work_order", self.work_order_id)
            if order.state in ("closed", "cancelled"):
                yield "work_order", Text("所选派工单已关闭或取消，请重选",
                                         "This work order is closed or cancelled: choose another")
        takeback = act.get("equipment_takeback", self.equipment_takeback_id)
        is_chosen = is_changed(self, "equipment_takeback") or is_changed(self, "work_order")
        if is_chosen and takeback is not None and takeback.work_order_id != self.work_order_id:
            yield "equipment_takeback", Text("所选返修单不是该派工单的，请重选",
                                             "This repair slip is of another work order: choose again")
        for n, item in enumerate(self.items):
            yield from ((f"items-{n}-{name}", text) for name, text in self._wrong_item(item, act))
        if self.state != "draft" and act.move is None:
            yield from self._changed_since()

    def _wrong_item(self, item, act):
        if item.quantity is not None and item.quantity <= 0:
            yield "quantity", Text("申领数量须大于零", "Ask for more than zero")
        stock = act.get("parts_stock", item.parts_stock_id)
        if stock is not None and stock.store_type != "company":
            yield "parts_stock", Text("只能从公司库发料，请重选", "Parts are issued from the company's store: choose again")
        if act.move is None:
            open_now = FILLED_IN.get(self.state, ())
            for name in ("issued_quantity", *SETTLED):
                if name not in open_now and sa.inspect(item).attrs[name].history.has_changes():
                    yield name, Text("实发数量由仓储在批准后填写，使用和退回数量在发料后填写",
                                     "Issued quantities are filled in once approved, used and returned ones once issued")

    def _changed_since(self):
        """What was asked for stays once it is submitted."""
        asked = [name for name in Item.fields if name not in ("parts_stock", "issued_quantity", *SETTLED)]
        changed = [name for name in ASKED if is_changed(self, name)]
        if sa.inspect(self).attrs["items"].history.has_changes() or any(
                sa.inspect(item).attrs[name].history.has_changes() for item in self.items for name in asked):
            changed.append("items")
        for name in changed:
            yield name, Text("已提交的申领内容不能再改；需更改的请退回或另开一份",
                             "What was asked for stays: have it sent back, or make a new request")

    spec = RecordType(
        code="SPR", zh="备品备件申领单", en="Spare-part request", source="002 报修流程(6); 002 网点管理 1",
        series=Series("SPR-{yyyy}{mm}-{n:04}"), scope={"technician": "technician"},
        list=("number", "work_order", "technician", "dealer", "needed_on", "issued_at", "state"),
        inline=("needed_on",),
        search=("number", "reason"), filters=("state", "technician", "dealer", "needed_on"),
        links_in=("work_order", "equipment_takeback"),
        workflow=Workflow(
            states(("draft", "草稿"), ("submitted", "已申请"), ("approved", "已批准"), ("issued", "已发料"),
                   ("consumed", "已核销"), ("returned", "已退回"), ("cancelled", "已取消")),
            moves=(
                Move("submit", "提交", source=("draft",), to="submitted", by=("technician",),
                     requires=("work_order", "reason", "items")),
                Move("approve", "批准", source=("submitted",), to="approved", by=("dispatcher",),
                     stamps=("approved_at",), when=(actor_is_not("technician"), actor_is_not_creator())),
                Move("send_back", "退回", source=("submitted",), to="draft", by=("dispatcher",), comment=True),
                Move("issue", "发料", source=("approved",), to="issued", by=("warehouse",), requires=("items",),
                     stamps=("issued_by", "issued_at"), when=(ISSUED, AVAILABLE), then=issue_parts),
                Move("consume", "核销", "Settle use", source=("issued",), to="consumed", by=("technician",),
                     requires=("items",), stamps=("settled_at",), when=(ACCOUNTED_FOR, SOME_USED),
                     then=take_back_unused),
                Move("return_unused", "全部退回", "Return all unused", source=("issued",), to="returned",
                     by=("warehouse",), requires=("items",), stamps=("settled_at",),
                     when=(NOTHING_USED, ACCOUNTED_FOR), then=take_back_unused),
                Move("cancel", "取消", source=("draft", "submitted", "approved"), to="cancelled",
                     by=("technician", "dispatcher"), comment=True),
            )),
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
