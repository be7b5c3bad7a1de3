"""车辆档案."""

import re
from datetime import datetime

import sqlalchemy as sa

from models.base import Line, Record, day, integer, lines, link, longtext, money, text, yes_no
from models.conditions import is_changed, while_used
from models.sales.delivery_document_checklist import is_handed_over
from models.spec import VOID, Condition, Move, RecordType, Series, Text, Workflow, months_after, states

# Where the odometer is read, and the field that says when.
READINGS = {"first_service_registration": "serviced_on", "warranty_appraisal": "received_at",
            "customer_repair_file": "received_at"}
# A returned vehicle is on the storekeeper's hands.
IN_STORE = ("received", "stored", "reinspected")


def wrong_reading(record, act):
    """For the `check` of a record that reads the odometer: it never runs backwards."""
    when = READINGS.get(record.spec.name, "received_at")
    if not any(is_changed(record, name) for name in ("vehicle", "mileage", when)):
        return
    taken = getattr(record, when)
    earlier = [row.mileage for kind, field in READINGS.items() for row in act.find(kind, vehicle_id=record.vehicle_id)
               if row is not record and row.mileage is not None and _is_before(getattr(row, field), taken, act)
               and row.state not in ("void", "cancelled", "rejected")]
    if earlier and record.mileage < max(earlier):
        yield "mileage", Text(f"该车此前已登记 {max(earlier)} km，请核对里程表和送修时间",
                              f"This vehicle had {max(earlier)} km before: check the odometer and the time")


def _is_before(one, other, act) -> bool:
    """Of two readings, one of which may say only the day."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one < other
    one, other = (act.local(taken).date() if isinstance(taken, datetime) else taken for taken in (one, other))
    return one < other


def note_reading(record, act) -> None:
    """The vehicle's file shows its highest reading."""
    vehicle = act.get("vehicle", record.vehicle_id)
    if record.mileage > (vehicle.mileage or 0):
        act.touch(vehicle)


def terms_in_force(act, vehicle, day):
    """The version of the warranty terms that held for the vehicle's product on a day; None if there was none."""
    policy = vehicle.types["service_price_policy"].model
    batch = act.get("product_batch", vehicle.product_batch_id)
    products = {vehicle.model, batch and batch.product_name}
    held = act.session.scalars(sa.select(policy).where(
        policy.state.in_(("effective", "superseded")), policy.effective_from_on <= day,
        sa.or_(policy.effective_until_on.is_(None), policy.effective_until_on >= day),
    ).order_by(policy.effective_from_on.desc(), policy.id.desc()))
    return next((row for row in held if products.intersection(re.split(r"[,，、;；/\s]+", row.product_line))), None)


def hand_over(vehicle, act) -> None:
    """Whoever takes the vehicle becomes its owner; the owner before, if any, ceases to be."""
    owner = next((row for row in vehicle.owners if row.owned_until_on is None), None)
    if owner is not None and owner.customer_id == vehicle.customer_id:
        return
    if owner is not None:
        owner.owned_until_on = max(owner.owned_from_on, vehicle.delivered_on)
    vehicle.owners.append(Owner(
        customer_id=vehicle.customer_id, owned_from_on=vehicle.delivered_on, position=len(vehicle.owners),
        is_first_owner=not any(row.is_first_owner for row in vehicle.owners)))


def _promised(act, name, terms, day) -> tuple[int, int]:
    """Months and kilometres of the “warranty” or “exchange” period: the terms promise more than the parameters, or
    nothing."""
    at = act.start_of(day)
    months, km = getattr(terms, f"{name}_months", None), getattr(terms, f"{name}_mileage", None)
    return max(act.parameter(f"{name}_months", at=at), months or 0), max(act.parameter(f"{name}_km", at=at), km or 0)


def is_recalled(vehicle, act) -> bool:
    """A row of a recall is open, or a recall that was decided covers the vehicle and has no row of it yet."""
    rows = [row for row in act.find("recall_vehicle", vehicle_id=vehicle.id) if row.state != VOID]
    if any(row.is_open() for row in rows):
        return True
    campaign, named = vehicle.types["recall_campaign"], {row.recall_campaign_id for row in rows}
    under_way = act.session.scalars(sa.select(campaign.model).where(campaign.model.state.in_(campaign.chosen_in)))
    return any(recall.id not in named and recall.covers(vehicle) for recall in under_way)


def is_in_store(vehicle, act) -> bool:
    """The storekeeper has registered its return, and it has not been disposed of."""
    return any(row.state in IN_STORE for row in act.find("returned_vehicle_register", vehicle_id=vehicle.id))


NO_RECALL_IS_OPEN = Condition(
    lambda vehicle, act: not is_recalled(vehicle, act),
    Text("本车召回尚未完成，完成后方可交付", "This vehicle has an open recall: complete it before delivery"))
RETURN_IS_REGISTERED = Condition(is_in_store, Text(
    "须先由成车保管员在退换车辆登记中登记本车",
    "The storekeeper registers the vehicle in the returned vehicle register first"))
RETURN_IS_OVER = Condition(
    lambda vehicle, act: not is_in_store(vehicle, act),
    Text("退换车辆登记尚未办结：须复检合格，并经受让人书面签字确认已告知，方可再次销售",
         "Its return is not disposed of: reinspection passed and disclosure signed come before it is sold again"))

DOCUMENTS_SIGNED = Condition(is_handed_over, Text(
    "请先由该用户签收本次交付的随车资料交付清单", "The user signs the delivery document checklist of this delivery first"))


class Owner(Line, of="vehicle"):
    """Somebody who owns the vehicle, or owned it."""

    customer_id = link("customer", "车主", required=True, origin="X")
    owned_from_on = day("起始日期", required=True, origin="X")
    owned_until_on = day("终止日期", origin="X", help=("现车主留空", "Empty for the present owner"))
    is_first_owner = yes_no("首任车主", origin="X", default=False)


class Vehicle(Record):
    """Opened by storage and transport or sales when a vehicle is handed over, so that first service,
    warranty, repair, exchange and recall are all judged on one VIN."""

    vin = text("车架号(VIN)", "VIN", required=True, origin="P", unique=True, group=("车辆", "The vehicle"),
               help=("17位数字和大写字母，不含 I、O、Q", "17 digits and capital letters without I, O and Q"))
    model = text("车型", required=True)
    product_batch_id = link("product_batch", "批次")
    engine_no = text("发动机号", origin="P", private=True)
    plate_no = text("车牌号", origin="P", private=True)
    colour = text("颜色", origin="P")
    produced_on = day("生产日期", origin="P")
    customer_id = link("customer", "用户", group=("销售与交付", "Sale and delivery"), help=(
        "签收随车资料交付清单时自动带入", "Filled when the delivery document checklist is signed"))
    dealer_id = link("dealer_ledger", "售出经销商", "Selling dealer", origin="P")
    delivered_on = day("交付用户日期")
    invoiced_on = day("购车发票日期", origin="P")
    invoice_amount = money("购车发票价格", origin="P", help=(
        "换车、退车时计算使用补偿费的依据", "Base of the use fee on exchange or refund"))
    warranty_voucher_no = text("三包凭证号", origin="P")
    mileage = integer("最近行驶里程", origin="P", measure="km", group=("里程与三包", "Mileage and warranty"), derived=(
        "highest reading in first_service_registration, warranty_appraisal and customer_repair_file"))
    warranty_starts_on = day("保修起算日", origin="X", derived="invoiced_on, or delivered_on where the two differ")
    warranty_ends_on = day("包修期止", origin="X", derived=(
        "warranty_starts_on + warranty_months of the service_price_policy then in force, at least 36 months"))
    warranty_ends_km = integer("包修里程止", origin="X", measure="km",
                               derived="warranty_mileage of that policy, at least 60000")
    exchange_ends_on = day("三包有效期止", origin="X", derived=(
        "warranty_starts_on + exchange_months of that policy, at least 24 months"))
    exchange_ends_km = integer("三包里程止", origin="X", measure="km",
                               derived="exchange_mileage of that policy, at least 50000")
    replaced_vehicle_id = link("vehicle", "被换原车", origin="X", group=("换退与召回", "Exchange and recall"), help=(
        "本车所换回的原车；三包期限自本车重新起算", "The vehicle this one replaced; the periods start again"))
    is_return_resale = yes_no("三包换退车", origin="P", default=False, help=(
        "再次销售时须告知买方", "Must be disclosed on resale"))
    has_open_recall = yes_no("召回未完成", origin="X", derived="an open recall_vehicle row names this VIN")
    remark = longtext("备注", help=("退换回车辆由成车保管员备注", "The storekeeper's note on a returned vehicle"))
    owners = lines(Owner, "车主变更")

    def derive(self, act):
        self.warranty_starts_on = start = self.delivered_on or self.invoiced_on
        terms = terms_in_force(act, self, start) if start else None
        for name in ("warranty", "exchange"):
            months, km = _promised(act, name, terms, start) if start else (None, None)
            setattr(self, f"{name}_ends_on", start and months_after(start, months))
            setattr(self, f"{name}_ends_km", km)
        rows = act.find("recall_vehicle", vehicle_id=self.id) if self.id else ()
        self.has_open_recall = any(row.is_open() for row in rows)
        self.mileage = self._highest_reading(act)

    def _highest_reading(self, act):
        if self.id is None:
            return None
        rows = [row for kind in READINGS for row in act.find(kind, vehicle_id=self.id)]
        return max((row.mileage for row in rows
                    if row.mileage is not None and row.state not in ("void", "cancelled")), default=None)

    def check(self, act):
        if self.vin and not re.fullmatch("[0-9A-HJ-NPR-Z]{17}", self.vin):
            yield "vin", Text("VIN 须为17位数字和大写字母，不含 I、O、Q，请对照行驶证核对",
                              "A VIN has 17 digits and capital letters without I, O and Q: check it")
        if self.replaced_vehicle_id is not None and self.replaced_vehicle_id == self.id:
            yield "replaced_vehicle", Text("被换原车不能是本车，请另选", "A vehicle cannot replace itself: choose another")
        firsts = [n for n, row in enumerate(self.owners) if row.is_first_owner]
        if self.owners and len(firsts) != 1:
            path = f"owners-{firsts[1]}-is_first_owner" if firsts else "owners-0-is_first_owner"
            yield path, Text("首任车主须有且只有一行，请更正", "Exactly one owner is the first: correct it")
        for n, row in enumerate(self.owners):
            if row.owned_from_on and row.owned_until_on and row.owned_until_on < row.owned_from_on:
                yield f"owners-{n}-owned_until_on", Text(
                    "终止日期不能早于起始日期", "Ownership cannot end before it begins")

    spec = RecordType(
        code="VEH", zh="车辆档案", en="Vehicle file",
        source="004 §3, §5.3.1-§5.3.6, second §5.3.4, second §5.3.5",
        series=Series("VEH-{n:06}"), title="vin", found_by="vin", scope={"dealer": "dealer", "appraiser": "dealer"},
        list=("number", "vin", "model", "customer", "dealer", "delivered_on", "mileage", "warranty_ends_on",
              "state"),
        search=("number", "vin", "engine_no", "plate_no", "warranty_voucher_no"),
        filters=("state", "model", "product_batch", "dealer", "delivered_on", "warranty_ends_on",
                 "has_open_recall"),
        links_in=("product_batch",), retention_years=10,
        workflow=Workflow(
            states(("in_stock", "在库"), ("delivered", "已交付"), ("returned", "已退换回"), ("scrapped", "已报废")),
            moves=(
                Move("deliver", "交付", source=("in_stock",), to="delivered",
                     by=("warehouse", "sales", "sales_lead"),
                     requires=("customer", "delivered_on"), then=hand_over,
                     when=(while_used("delivery_document_checklist", DOCUMENTS_SIGNED), RETURN_IS_OVER, NO_RECALL_IS_OPEN)),
                Move("take_back", "退换回", source=("delivered",), to="returned", by=("warehouse",),
                     when=(RETURN_IS_REGISTERED,)),
                Move("restock", "转入库存", source=("returned",), to="in_stock", by=("warehouse",),
                     stamps=("is_return_resale",), comment=True, when=(RETURN_IS_OVER,)),
                Move("scrap", "报废", source=("in_stock", "returned"), to="scrapped", by=("warehouse",),
                     comment=True),
            ),
            maintained=("in_stock", "delivered", "returned")),
        access={
            "customer_service": "V", "dispatcher": "V", "quality_engineer": "V", "quality_manager": "V", "sales": "CEVX",
            "sales_lead": "CEVX", "dealer": "CEv", "appraiser": "CEv", "warehouse": "CEV", "deputy_gm": "V",
            "management_representative": "V", "general_manager": "V",
        },
        rules=(
            "VIN has exactly 17 characters, digits and capital letters without I, O and Q",
            "BR-28 a vehicle becomes returned only through a returned_vehicle_register row written by the "
            "storekeeper",
            "BR-29 a vehicle is delivered only after its delivery_document_checklist is signed with all five "
            "documents ticked",
            "BR-30 any dealer may open any vehicle by its full VIN; lists show a dealer only the vehicles it "
            "sold",
            "BR-31 a first service missed or done elsewhere does not by itself shorten the statutory "
            "warranty",
            "the warranty ends on warranty_ends_on or at warranty_ends_km, whichever comes first, and so "
            "does the exchange period",
            "a replacement vehicle names replaced_vehicle and starts new warranty and exchange periods",
            "exactly one owner line is the first owner; first-owner data is kept at least 10 years",
            "mileage never falls from one record to the next without a comment",
            "a vehicle with is_return_resale shows 三包换退车 on every form",
        ),
    )
