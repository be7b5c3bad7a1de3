"""配件库存."""

from decimal import Decimal

import sqlalchemy as sa

from models.base import (
    Line, Record, choice, decimal, lines, link, longtext, moment, money, person, text, yes_no,
)
from models.conditions import is_changed
from models.spec import Condition, Move, RecordType, Refused, Series, Text, Workflow, states

INCOMING = ("opening", "purchase_in", "transfer_in", "return_in")
OUTGOING = ("outbound", "repair_use", "scrap")
OF_A_DEALER = ("opening", "repair_use", "scrap", "stocktake")
EXPLAINED = ("scrap", "stocktake")

STORE_IS_EMPTY = Condition(
    lambda stock, act: stock.on_hand_quantity == 0,
    Text("尚有库存，现存量为零后方可停用或作废", "There is stock left: bring it to zero first"))
TOO_LITTLE = Text("“{part}”现存 {present}，不足以出库 {wanted}", "“{part}”: {present} on hand, {wanted} wanted")
NOT_IN_USE = Text("“{part}”的库存已停用，请先启用", "The stock of “{part}” is discontinued: reactivate it first")


def book_all(act, movement_type, parts, source, *, dealer_id=None, remark=None) -> None:
    """Book several: `parts` are (part, quantity). Rows are locked in the order of their part numbers and new ones
    are opened last, so two who book the same parts wait for each other, never in a circle."""
    present = {part.part_no: stock_of(act, part.part_no, dealer_id) for part, _ in parts}
    for part, quantity in sorted(parts, key=lambda pair: (present[pair[0].part_no] is None, pair[0].part_no)):
        if quantity:
            book(act, movement_type, quantity, part, source, dealer_id=dealer_id, remark=remark)
        elif present[part.part_no] is not None:   # nothing moves, but what was reserved may be free again
            act.touch(act.lock(present[part.part_no]))


def book(act, movement_type, quantity, part, source, *, dealer_id=None, remark=None):
    """Book a quantity (in positive, out negative) of a part in the company's store, or in a dealer's; the one
    way in which other records move stock. `part` has part_no, part_name, model and unit_of_measure; `source`
    is the record that brings it about. The row stays locked until the transaction ends, so two bookings never
    see the same stock."""
    stock = stock_of(act, part.part_no, dealer_id)
    if stock is None:
        act.lock_series("parts_stock")   # whoever opens the same row at this moment comes first or second
        stock = stock_of(act, part.part_no, dealer_id)
    stock = stock and act.lock(stock)
    present = stock.on_hand_quantity if stock else Decimal(0)
    if present + quantity < 0:
        raise Refused(TOO_LITTLE.with_(part=part.part_name, present=f"{present.normalize():f}",
                                       wanted=f"{-quantity.normalize():f}"))
    moved = Movement(
        moved_at=act.now, movement_type=movement_type, quantity=quantity, source_type=source.spec.name,
        source_number=source.number, handler_id=act.actor.id, remark=remark)
    if stock is None:
        return act.new(
            "parts_stock", store_type="dealer" if dealer_id else "company", dealer_id=dealer_id,
            part_no=part.part_no,
            part_name=part.part_name, model=getattr(part, "model", None), unit_of_measure=part.unit_of_measure,
            movements=[moved])
    if stock.state != "active":
        raise Refused(NOT_IN_USE.with_(part=part.part_name))
    stock.movements.append(moved)
    act.touch(stock)
    return stock


def stock_of(act, part_no, dealer_id=None):
    """The row of a part in the company's store, or in a dealer's; None if there is none."""
    return act.session.scalar(sa.select(PartsStock).where(
        PartsStock.part_no == part_no, PartsStock.dealer_id.is_not_distinct_from(dealer_id),
        PartsStock.state != "void"))


def booked(act, source, movement_type, dealer_id=None) -> dict[str, Decimal]:
    """What this record has booked so far in a store: part number -> quantity."""
    rows = act.session.execute(
        sa.select(PartsStock.part_no, Movement.quantity)
        .join(Movement, Movement.record_id == PartsStock.id).where(
            PartsStock.dealer_id.is_not_distinct_from(dealer_id), Movement.movement_type == movement_type,
            Movement.source_type == source.spec.name, Movement.source_number == source.number))
    total: dict[str, Decimal] = {}
    for part_no, quantity in rows:
        total[part_no] = total.get(part_no, Decimal(0)) + quantity
    return total


class Movement(Line, of="parts_stock"):
    """One quantity that came or went. Never changed or removed: a mistake is put right by an opposite one."""

    moved_at = moment("时间", required=True, origin="X", system=True)
    movement_type = choice(
        "类型", ("opening", "期初"), ("purchase_in", "采购入库"), ("outbound", "发运出库"),
        ("transfer_in", "调拨入库"), ("repair_use", "维修领用", "Used in repair"), ("return_in", "退回入库"),
        ("scrap", "报废"), ("stocktake", "盘点调整"), required=True, origin="X")
    quantity = decimal("数量(入正出负)", required=True, origin="X", minimum=None)
    balance = decimal("结存", origin="X", minimum=None, derived="running sum of quantity")
    source_type = text("来源记录类型", origin="X", system=True)
    source_number = text("来源单号", origin="X", system=True)
    handler_id = person("经办人", required=True, origin="X", system=True)
    remark = text("说明", origin="X", help=("报废和盘点须写明原因", "Needed for scrap and stocktake"))


class PartsStock(Record):
    """One row per part and store, the company's or a dealer's own parts store, with a ledger of every
    movement; kept by the warehouse and by the moves of the other parts records."""

    store_type = choice("配件库", ("company", "公司库", "Company store"), ("dealer", "网点库", "Dealer store"),
                        required=True, group=("配件与库", "Part and store"))
    dealer_id = link("dealer_ledger", "服务商", help=("网点库填写，公司库留空", "For a dealer store only"))
    part_no = text("配件编码", required=True, origin="P")
    part_name = text("配件名称", required=True, origin="P")
    model = text("适用车型", origin="P")
    unit_of_measure = text("单位", required=True, origin="P")
    bin_location = text("仓位", origin="P")
    supplier = text("供应商", origin="P")
    unit_price = money("单价", origin="P")
    safety_quantity = decimal("安全库存", origin="P", default=0, group=("数量", "Quantities"))
    on_hand_quantity = decimal("现存量", origin="P", derived="sum of movements.quantity")
    reserved_quantity = decimal("已占用数量", origin="X", derived=(
        "sum of parts_shipping_detail lines of this part in state approved (company store)"))
    available_quantity = decimal("可用量", origin="X", derived="max(0, on_hand_quantity - reserved_quantity)")
    is_below_safety = yes_no("低于安全库存", origin="X", derived="available_quantity < safety_quantity")
    remark = longtext("备注", origin="P")
    movements = lines(Movement, "出入库流水")

    def derive(self, act):
        total = Decimal(0)
        for n, row in enumerate(self.movements):
            if row.id is None:
                row.position, row.moved_at = n, row.moved_at or act.now
                row.handler_id = row.handler_id or act.actor.id
            total += row.quantity or 0
            row.balance = total
        self.on_hand_quantity, self.reserved_quantity = total, self._reserved(act)
        self.available_quantity = max(Decimal(0), total - self.reserved_quantity)
        self.is_below_safety = self.available_quantity < (self.safety_quantity or 0)

    def _reserved(self, act):
        """What was approved to be shipped from the company's store and has not left it."""
        if self.store_type != "company":
            return Decimal(0)
        detail = self.types["parts_shipping_detail"]
        part = detail.lines["parts"].model
        return sum(act.session.scalars(
            sa.select(part.quantity).join(detail.model, detail.model.id == part.record_id).where(
                part.part_no == self.part_no, detail.model.state == "approved")), Decimal(0))

    def check(self, act):
        if self.id is None:
            act.lock_series("parts_stock")   # a booking that opens the same row at this moment comes first or second
        elif any(row.id for row in self.movements) and any(
                is_changed(self, name) for name in ("store_type", "dealer", "part_no")):
            yield "part_no", Text("已有出入库流水，配件编码和所属库不能再改；请停用后另建",
                                  "It has movements: part number and store stay. Open another row")
        if (self.store_type == "dealer") != (self.dealer_id is not None):
            yield "dealer", Text("网点库须选择服务商，公司库不填服务商",
                                 "A dealer store names its dealer, the company's names none")
        if self._is_rewritten():
            yield "movements", Text("已登记的出入库流水不能修改或删除；有误的请加一行相反的数量并说明",
                                    "A movement stays as it is: correct it by an opposite one with a remark")
        for n, row in enumerate(self.movements):
            if row.id is None:
                yield from ((f"movements-{n}-{name}", text) for name, text in self._wrong_movement(row, act))
            if row.balance < 0:
                yield f"movements-{n}-quantity", Text("出库后结存不能小于零，请核对数量",
                                                      "The stock would fall below zero: check the quantity")

    def _is_rewritten(self):
        """Movements that are kept stand unchanged before the new ones."""
        if sa.inspect(self).attrs.movements.history.deleted:
            return True
        return any(
            sa.inspect(row).attrs[name].history.has_changes() for row in self.movements if row.id is not None
            for name in ("position", "moved_at", "movement_type", "quantity", "remark"))

    def _wrong_movement(self, row, act):
        wanted = 1 if row.movement_type in INCOMING else -1 if row.movement_type in OUTGOING else 0
        if row.quantity == 0 or row.quantity * wanted < 0:
            yield "quantity", Text("入库填正数，出库、领用和报废填负数，不能为零",
                                   "What comes in is positive, what goes out negative; zero moves nothing")
        if row.movement_type in EXPLAINED and not (row.remark or "").strip():
            yield "remark", Text("报废和盘点须写明原因", "Say why for scrap and stocktake")
        if self.store_type == "dealer" and row.source_number is None and row.movement_type not in OF_A_DEALER:
            yield "movement_type", Text("网点库只登记期初、维修领用、报废和盘点，其余由相应单据自动入账",
                                        "A dealer store records opening, repair use, scrap and stocktake by "
                                        "hand")

    spec = RecordType(
        code="STK", zh="配件库存", en="Parts stock", source="004 §5.5.1, §4.1.5", series=Series("STK-{n:06}"),
        title="part_name", scope={"dealer": "dealer"}, unique=(("store_type", "dealer", "part_no"),),
        list=("number", "store_type", "dealer", "part_no", "part_name", "on_hand_quantity",
              "available_quantity",
              "safety_quantity", "state"),
        inline=("part_name", "safety_quantity"),
        search=("number", "part_no", "part_name"),
        filters=("state", "store_type", "dealer", "is_below_safety"),
        retention_years=10,
        workflow=Workflow(
            states(("active", "启用"), ("inactive", "停用")),
            moves=(
                Move("deactivate", "停用", source=("active",), to="inactive", by=("warehouse",), comment=True,
                     when=(STORE_IS_EMPTY,)),
                Move("reactivate", "启用", source=("inactive",), to="active", by=("warehouse",)),
            ),
            maintained=("active",), void_when=(STORE_IS_EMPTY,)),
        access={"warehouse": "CEVX", "customer_service": "V", "dealer": "CEv", "finance": "V"},
        rules=(
            "One row per part_no and store (company, or the dealer).",
            "on_hand_quantity = sum of movements and never below 0; a movement that would make it negative "
            "is refused.",
            "Movements are only added, never changed or removed; a mistake is corrected by an opposite "
            "movement with a remark.",
            "A stocktake or scrap movement needs a remark.",
            "dealer is set exactly when store_type is dealer.",
            "A dealer keeps its own parts store: it opens rows and adds opening, repair_use, scrap and "
            "stocktake movements there, nowhere else.",
            "purchase_in, return_in, opening and transfer_in are positive; outbound, repair_use and scrap "
            "negative; stocktake either.",
        ),
    )
