"""配件出库单."""

from decimal import Decimal

from models.base import Line, Record, day, decimal, integer, lines, link, longtext, moment, person, text
from models.conditions import is_changed
from models.parts.parts_shipping_notice import detail_of, slips_of
from models.parts.parts_stock import book_all, stock_of
from models.spec import Condition, Default, Move, RecordType, Series, Text, Workflow, states


def tell_notice(slip, act) -> None:
    """Picking has begun: the notice is on its way out."""
    notice = act.get("parts_shipping_notice", slip.parts_shipping_notice_id)
    if notice.state == "approved":
        act.make(notice, "issue_outbound")


def leave(slip, act) -> None:
    """The notice and its detail are shipped with what really left; then the company's stock is less by it."""
    notice = act.get("parts_shipping_notice", slip.parts_shipping_notice_id)
    notice.carrier, notice.tracking_no = slip.carrier, slip.tracking_no or notice.tracking_no
    slip.shipped_at = act.now
    ship_short(slip, detail_of(notice, act), act)
    act.make(notice, "ship")
    book_all(act, "outbound", [(part, -part.quantity) for part in slip.parts], slip)


def ship_short(slip, detail, act) -> None:
    """What did not leave is taken off the lines of the detail, the last ones first."""
    left: dict[str, Decimal] = {}
    for part in slip.parts:
        left[part.part_no] = left.get(part.part_no, Decimal(0)) + part.quantity
    for row in detail.parts:
        row.quantity = min(row.quantity, left.get(row.part_no, Decimal(0)))
        left[row.part_no] = left.get(row.part_no, Decimal(0)) - row.quantity
    act.touch(detail)


def give_back(slip, act) -> None:
    """A notice whose slip is called off waits for the next one."""
    notice = act.get("parts_shipping_notice", slip.parts_shipping_notice_id)
    if notice.state == "outbound_issued":
        notice.state = "approved"
        act.touch(notice)


SHORT_IS_EXPLAINED = Condition(
    lambda slip, act: all(part.quantity >= part.notice_quantity or part.shortage_reason for part in slip.parts),
    Text("少发的行须填写少发原因", "Say why on each line that is shipped short"))
TWO_PEOPLE = Condition(
    lambda slip, act: slip.checked_by_id != slip.handler_id,
    Text("复核人不能是发料人本人", "Who checks is not who handed the parts out"))


class Part(Line, of="parts_outbound_slip"):
    """A part that leaves the company's store."""

    line_no = integer("行号", required=True, origin="P", help=("不填时自动编号", "Numbered if left empty"))
    parts_stock_id = link("parts_stock", "库存", required=True, origin="X")
    part_no = text("配件编码", required=True, origin="P")
    part_name = text("配件名称", required=True, origin="P")
    unit_of_measure = text("单位", required=True, origin="P")
    bin_location = text("仓位", origin="P")
    notice_quantity = decimal("应发数量", required=True, origin="P")
    quantity = decimal("实发数量", required=True, origin="P")
    carton_no = text("箱号", origin="P")
    shortage_reason = text("少发原因", origin="P")


class PartsOutboundSlip(Record):
    """Issued after both approvals of the notice, by which the warehouse takes the parts out of stock,
    packs and ships them."""

    parts_shipping_notice_id = link("parts_shipping_notice", "发运通知单", required=True, group=("出库", "Issue"))
    dealer_id = link("dealer_ledger", "收货服务商", origin="P", derived="dealer of the notice")
    issued_on = day("开单日期", required=True, default=Default.TODAY)
    handler_id = person("发料人", required=True, origin="P", default=Default.CURRENT_USER)
    checked_by_id = person("复核人", origin="P")
    total_quantity = decimal("实发数量合计", origin="P", derived="sum of parts.quantity")
    package_count = integer("包装件数", origin="P", group=("包装与发运", "Packing and shipping"))
    package_description = text("包装情况")
    carrier = text("承运单位", origin="P")
    tracking_no = text("运单号", origin="P")
    picked_at = moment("拣货时间", origin="X")
    packed_at = moment("包装时间")
    shipped_at = moment("发运时间")
    remark = longtext("备注", origin="P")
    parts = lines(Part, "出库明细")

    def derive(self, act):
        notice = act.get("parts_shipping_notice", self.parts_shipping_notice_id)
        self.dealer_id = notice and notice.dealer_id
        for n, part in enumerate(self.parts, 1):
            part.line_no = part.line_no or n
        self.total_quantity = sum((part.quantity or 0 for part in self.parts), Decimal(0))

    def check(self, act):
        if act.is_history:
            return
        notice = act.get("parts_shipping_notice", self.parts_shipping_notice_id)
        if self.id is None and notice.state != "approved":
            yield "parts_shipping_notice", Text("发运通知单须经财务审核、主管副总批准后才能开出库单",
                                                "Finance and the deputy GM have to approve the notice first")
        if self.state != "cancelled" and any(slip is not self for slip in slips_of(notice, act)):
            yield "parts_shipping_notice", Text("该通知单已有出库单", "This notice has an outbound slip already")
        if act.move is None and self.state == "packed" and is_changed(self, "parts"):
            yield "parts", Text("已包装，明细不能再改；如需更正请取消后重开", "It is packed: cancel the slip to change its lines")
        wanted, named = self._wanted(notice, act), [part.part_no for part in self.parts]
        if self.state in ("issued", "picked") and set(wanted) - set(named):
            yield "parts", Text("发运明细表的每种配件都须列入，少发的填实发数量和原因",
                                "Every part of the shipping detail is listed: what is lacking with the reason why")
        for n, part in enumerate(self.parts):
            if part.part_no in named[:n]:
                yield f"parts-{n}-part_no", Text("同一配件只能列一行", "A part appears once")
            yield from ((f"parts-{n}-{name}", text) for name, text in self._wrong_part(part, wanted, act))

    def _wanted(self, notice, act):
        detail, wanted = detail_of(notice, act), {}
        for row in detail.parts if detail else ():
            wanted[row.part_no] = wanted.get(row.part_no, Decimal(0)) + row.quantity
        return wanted

    def _wrong_part(self, part, wanted, act):
        stock = act.get("parts_stock", part.parts_stock_id)
        if stock.store_type != "company" or stock.part_no != part.part_no:
            yield "parts_stock", Text("请选择公司库中该配件的库存", "Choose the company's stock of this part")
        if self.state == "issued" and part.notice_quantity != wanted.get(part.part_no):
            yield "notice_quantity", Text("应发数量须与发运明细表一致", "It has to be the quantity of the shipping detail")
        if part.quantity > part.notice_quantity:
            yield "quantity", Text("实发数量不能超过应发数量", "No more may leave than the notice says")

    def start_from(self, source, act):
        detail, rows = detail_of(source, act), {}
        for part in detail.parts if detail else ():
            row = rows.get(part.part_no)
            if row is None:
                stock = stock_of(act, part.part_no)
                row = rows[part.part_no] = Part(
                    parts_stock_id=stock and stock.id, part_no=part.part_no, part_name=part.part_name,
                    unit_of_measure=part.unit_of_measure, bin_location=stock and stock.bin_location,
                    carton_no=part.carton_no, notice_quantity=Decimal(0), quantity=Decimal(0))
            row.notice_quantity += part.quantity
            row.quantity = row.notice_quantity
        self.parts = list(rows.values())

    spec = RecordType(
        code="POS", zh="配件出库单", en="Parts outbound slip", source="004 §5.5.2",
        series=Series("POS-{yyyy}{mm}-{n:04}"),
        list=("number", "parts_shipping_notice", "dealer", "issued_on", "total_quantity", "package_count",
              "shipped_at", "state"),
        search=("number", "tracking_no"),
        filters=("state", "dealer", "issued_on"),
        links_in=("parts_shipping_notice",),
        retention_years=10,
        workflow=Workflow(
            states(("issued", "已开单"), ("picked", "已拣货"), ("packed", "已包装"), ("shipped", "已发运"),
                ("cancelled", "已取消")),
            moves=(
                Move("pick", "拣货", source=("issued",), to="picked", by=("warehouse",),
                    requires=("parts", "handler"), stamps=("picked_at",), when=(SHORT_IS_EXPLAINED,),
                    then=tell_notice),
                Move("pack", "包装", source=("picked",), to="packed", by=("warehouse",),
                    requires=("package_count", "package_description", "checked_by"),
                    stamps=("packed_at",), when=(TWO_PEOPLE,)),
                Move("ship", "发运", source=("packed",), to="shipped", by=("warehouse",),
                    requires=("carrier",), stamps=("shipped_at",), then=leave),
                Move("cancel", "取消", source=("issued", "picked", "packed"), to="cancelled",
                    by=("warehouse",), comment=True, then=give_back),
            ),
        ),
        access={"warehouse": "CEVX", "customer_service": "V", "finance": "V"},
        rules=(
            "BR-16 can be created only for a notice in state approved (both signatures present).",
            "0 <= quantity <= notice_quantity per line; lines come from the parts_shipping_detail.",
            "Stock cannot go below 0: ship is refused when a line exceeds on_hand_quantity of its "
            "parts_stock.",
            "Only company stock rows are used.",
            "handler and checked_by are two persons.",
            "At most one not cancelled slip per notice; a shipped slip is read-only.",
        ),
    )
