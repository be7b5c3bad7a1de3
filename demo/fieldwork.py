"""The papers of the work orders: the call, the charge, what was taken along, the parts, and the record of the visit."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from demo.ladder import NOW, climbed, improvement
from demo.shelves import Shelves
from demo.story import Clock, Rec, Story
from demo.terms import Found, present_terms
from models.spec import months_after

FINISHED = ("finished", "signed", "returned", "closed")
SAID = ("到场及时，讲解清楚。", "态度好，收费前说明了项目。", "希望配件随车带齐，少跑一趟。", "处理很快，没有意见。")
ON_PRODUCT = ("使用一年多，整体可靠。", "动力可以，油耗略高。", "底盘扎实，漆面一般。", "冬季启动比以前好。")
REASONS = ("更换总成需备件", "拆检后确认易损件需更换", "带回返修件待换", "现场缺件，请加急发料")
DEMANDS = (
    ("同类车辆连续出现两次，要求给出整改措施并书面答复。", "装配工位防错不足", "工位增加防错装置并复查在库车辆", "防错装置列入每班点检"),
    ("要求说明同批车辆是否存在同样隐患。", "供应商换模后首件检验漏项", "同批车辆逐台排查并更换", "换模首件检验改为双人确认"),
    ("要求缩短配件到货时间，不再因等件停驶。", "常备件安全库存过低", "安全库存按实际消耗重新测算", "每月滚动更新安全库存"),
)


def add(clock: Clock, found: Found) -> None:
    orders = found["work_order"]
    from_sheets(found)
    found["phone_dispatch_record"] = phone_records(clock, orders)
    same_charge(found)
    found["service_charge_notice"] = notices(clock, found)
    found["equipment_takeback"] = takebacks(clock, orders)
    found["field_service_record"] = visits(clock, found)
    found["spare_part_request"] = part_requests(clock, found)


def from_sheets(found: Found) -> None:
    """Some orders serve a quality information of the same customer."""
    for order in [row for row in found["work_order"] if row["source"] == "phone_dispatch"][15::60]:
        sheet = next((sheet for sheet in found["quality_info_transfer"] if sheet["customer"] is order["customer"]
                      and "replied_at" in sheet
                      and timedelta(0) < order["received_at"] - sheet["replied_at"] < timedelta(days=45)), None)
        if sheet is not None:
            order |= {"source": "quality_info", "quality_info_transfer": sheet}


# The call ---------------------------------------------------------------------------------------------------------

def phone_records(clock: Clock, orders: list[Rec]) -> list[Rec]:
    """Every order that was telephoned for rests on the record of the call."""
    rows = []
    for order in orders:
        if order["source"] == "phone_dispatch":
            rows.append(_call(clock, order, "dispatched"))
            order["phone_dispatch_record"] = rows[-1]
            order["warranty_status"] = order.get("warranty_status") or rows[-1]["warranty_status"]
    for n, state in enumerate(("recorded", "recorded", "warranty_checked", "warranty_checked", "cancelled", "cancelled")):
        rows.append(_call(clock, orders[-5 - 7 * n], state, since=timedelta(minutes=35)))
    return sorted(rows, key=lambda row: row["created_at"])


def _call(clock: Clock, order: Rec, state: str, since: timedelta = timedelta(0)) -> Rec:
    vehicle, received = order["vehicle"], order["received_at"] - since
    ends = months_after(vehicle["delivered_on"], 36)
    checked = {"warranty_status": "in" if ends >= received.date() else "out", "warranty_expires_on": ends,
               "warranty_checked_at": received + timedelta(minutes=2)}
    row = Rec(
        state=state, created_at=received, created_by="customer_service", department="CS",
        channel="hotline" if clock.dice.random() < 0.85 else "qr_scan", handed_over_by="门卫值班员", received_at=received,
        **{name: order.get(name) for name in ("customer", "contact_person", "phone", "address", "province", "vehicle",
                                              "product_name", "fault_description", "urgency")},
        purchased_on=vehicle["invoiced_on"])
    if row["channel"] == "hotline":
        del row["handed_over_by"]
    if state in ("warranty_checked", "dispatched"):
        row |= checked
    if state == "dispatched":
        row |= {"technician": order["technician"], "dispatched_at": order["created_at"]}
    return row


# The charge -------------------------------------------------------------------------------------------------------

def same_charge(found: Found) -> None:
    """What the user pays stands alike on the order and in the file."""
    for file in found["customer_repair_file"]:
        order = file.get("work_order")
        if order and not file["is_in_warranty"] and "repairs" in file and "labour_fee" in order:
            file["repairs"] = [file["repairs"][0] | {"labour_fee": order["labour_fee"]}]
            file["parts"] = order["parts"]


def notices(clock: Clock, found: Found) -> list[Rec]:
    """Whoever pays was told before, and agreed."""
    rows: list[Rec] = []
    for order in found["work_order"]:
        if order.get("warranty_status") == "out" and order["state"] in FINISHED:
            told = order.get("arrived_at") or order["charge_told_at"]
            rows.append(_notice(clock, found, {"work_order": order}, order, told, order["finished_at"]))
    for file in found["customer_repair_file"]:
        if not file["is_in_warranty"] and not file.get("work_order") and file["state"] in ("completed", "signed", "archived"):
            rows.append(_notice(clock, found, {"customer_repair_file": file}, file, file["created_at"], file["completed_at"]))
    rows.sort(key=lambda row: row["created_at"])
    return sorted([*rows, *_unpaid(clock, found, rows)], key=lambda row: row["created_at"])


def _notice(clock: Clock, found: Found, ground: dict[str, Rec], about: Rec, told: datetime, done: datetime) -> Rec:
    labour = about["labour_fee"] if "work_order" in ground else about["repairs"][0]["labour_fee"]
    part = about["parts"][0]
    items: list[dict[str, Any]] = [
        {"item_name": "检修工时", "kind": "labour", "quantity": str(Decimal(labour) / 80), "unit_price": "80.00"},
        {"item_name": "修理包", "kind": "part", "quantity": 1, "unit_price": part["unit_price"]}]
    created = min(told + timedelta(minutes=5), done - timedelta(minutes=15))
    is_order = "work_order" in ground
    row = Rec(
        state="charged", created_at=max(created, about["created_at"]), created_by=about["technician"], department="CS" if is_order
        else None,
        technician=about["technician"], warranty_status="out", service_price_policy=present_terms(found), items=items,
        told_mode="on_site" if is_order else clock.pick({"on_site": 3, "phone": 2}), signed_by=about["customer"]["contact_person"],
        told_at=created, signed_at=created + timedelta(minutes=10), payment_method=clock.pick({"mobile": 5, "cash": 2, "transfer": 2}),
        paid_at=done + timedelta(minutes=5), receipt_no=f"SJ{done:%y%m%d}{clock.dice.randint(100, 999)}", **ground)
    row["created_at"] = min(row["created_at"], row["told_at"])
    if row["paid_at"] > clock.end:
        row["state"] = "accepted"
        for name in ("paid_at", "payment_method", "receipt_no"):
            del row[name]
    return row


def _unpaid(clock: Clock, found: Found, paid: list[Rec]) -> list[Rec]:
    """Offers of which nothing has been paid: being written, told, agreed, refused or wrong."""
    dropped = ("paid_at", "payment_method", "receipt_no")
    rows = []
    for n, state in enumerate(("declined", "declined", "void", "accepted", "accepted", "told", "told", "draft", "draft")):
        like = paid[len(paid) * (n + 1) // 10] if n < 3 else paid[-1 - n]
        row = Rec({name: value for name, value in like.items() if name not in dropped}, state=state)
        gone = {"accepted": (), "told": ("signed_by", "signed_at")}.get(state, ("signed_by", "signed_at", "told_at"))
        if state == "declined":
            row |= {"decline_reason": "用户认为单价偏高，要求只换必换件后重报", "items": [
                *like["items"], {"item_name": "四轮定位", "kind": "labour", "quantity": 1, "unit_price": "120.00"}]}
            gone = ("signed_by", "signed_at")
        for name in gone:
            row.pop(name, None)
        row["created_at"] = like["created_at"] - timedelta(minutes=1)
        if "told_at" in row:
            row["told_at"] = row["created_at"] + timedelta(seconds=30)
        if state == "accepted":
            like["items"], row["items"] = like["items"][:1], like["items"][1:]
        rows.append(row)
    return rows


# What was taken along ---------------------------------------------------------------------------------------------

def takebacks(clock: Clock, orders: list[Rec]) -> list[Rec]:
    """A list for every order whose equipment went to the workshop; the youngest are still there."""
    taken = [order for order in orders if order.get("visit_outcome") == "taken_back"]
    rows, open_ = [], ["in_workshop", "copy_given", "repaired", "unrepairable"]
    for order in taken:
        target = "returned"
        if order["state"] == "taken_back":
            target = open_[sum(row["state"] != "returned" for row in rows) % 4]
        rows.append(_takeback(clock, order, target))
    arrived = [order for order in orders if order["state"] == "arrived"]
    for order, target in ((arrived[-1], "listed"), (arrived[-2], "listed"), (orders[len(orders) // 2], "cancelled")):
        rows.append(_takeback(clock, order, target))
    missing = [state for state in open_ if all(row["state"] != state for row in rows)]
    for order, target in zip([order for order in taken if order["state"] == "taken_back"], missing, strict=False):
        rows.append(_takeback(clock, order, target))
    return sorted(rows, key=lambda row: row["created_at"])


def _takeback(clock: Clock, order: Rec, target: str) -> Rec:
    given = order.get("customer_copy_given_at") or order.get("arrived_at") or order["dispatched_at"] + timedelta(minutes=90)
    ends = min(order.get("finished_at", clock.end), clock.end)
    third = (ends - given) / 3
    row = Rec(
        state=target, created_at=given, created_by=order["technician"], department="CS", work_order=order, technician=order["technician"],
        situation=order.get("takeback_description") or "现场不具备拆检条件，拟带回。", is_inspected=True,
        promised_at=given + timedelta(days=7), items=[
            {"equipment_name": f"{order['vehicle']['model']}故障总成", "serial_no": f"ZC{given:%y%m%d}{clock.dice.randint(10, 99)}",
             "quantity": 1, "appearance": "外观完好，无磕碰", "accessories": "附件齐全", "inspection_result": "通电检查故障可复现"}])
    if target not in ("listed", "cancelled"):
        row["customer_copy_given_at"] = given
    if target in ("in_workshop", "repaired", "unrepairable", "returned"):
        row |= {"taken_back_at": given + third / 2, "dispatcher_copy_returned_at": given + third / 2}
    if target in ("repaired", "unrepairable", "returned"):
        row |= {"repair_route": clock.pick({"self": 4, "colleague": 2, "spare_part": 3}), "cause": "内部磨损超差。",
                "test_result": "台架试验两小时，各项参数正常。"}
    if target in ("repaired", "returned"):
        row["solution"] = "更换磨损件并重新调校。"
    if target == "unrepairable":
        row["test_result"] = "壳体开裂，无法恢复密封。"
    if target == "returned":
        row |= {"returned_at": ends, "signed_by": order["customer"]["contact_person"]}
    return row


# The visit --------------------------------------------------------------------------------------------------------

def visits(clock: Clock, found: Found) -> list[Rec]:
    """What was done on every visit and what the user said of it; now and then an improvement was demanded."""
    served = [order for order in found["work_order"] if order["service_mode"] == "on_site" and order["state"] in FINISHED]
    demanding = {id(served[len(served) * n // 8]): n for n in range(1, 6)}
    stories = {id(order): _visit(clock, order) for order in served}
    rows = []
    for n, order in enumerate(served):
        target = ""
        if order["state"] in ("finished", "signed"):
            target = "draft" if n % 2 else "submitted"
        rows.append(stories[id(order)].told(clock.end, target or None))
        if id(order) in demanding and rows[-1]["state"] == "closed":
            _demand(clock, found, rows[-1], demanding[id(order)])
    _stuck(rows)
    void = Rec(rows[20], state="void", created_at=rows[20]["created_at"] - timedelta(minutes=1))
    for name in ("submitted_at", "closed_at"):
        void.pop(name, None)
    rows += [void, *on_the_line(clock, found)]
    return sorted(rows, key=lambda row: row["created_at"])


def _visit(clock: Clock, order: Rec) -> Story:
    ended = order["finished_at"]
    story = Story(
        ended, order["technician"], "draft", department="CS", work_order=order, customer=order["customer"],
        contact_person=order["contact_person"], phone=order["phone"], address=order["address"], technician=order["technician"],
        serviced_on=ended.date(), arrived_at=order.get("arrived_at"), left_at=ended, service_types=["repair"],
        product_batch=order.get("product_batch"), fault_category=order.get("fault_category"),
        fault_description=order["fault_description"], cause=order["diagnosis"], solution=order["solution"], is_resolved=True,
        service_quality_opinion=clock.dice.choice(SAID), product_quality_opinion=clock.dice.choice(ON_PRODUCT),
        satisfaction_level=order.get("satisfaction_level", "satisfied"), signed_by=order["customer"]["contact_person"],
        signed_at=ended, parts=[{name: part[name] for name in ("part_no", "part_name", "quantity")} for part in order["parts"]])
    submitted = ended + timedelta(minutes=15)
    story.then(submitted, "submitted", submitted_at=submitted)
    reviewed = clock.later(submitted, 0.6, 2)
    story.then(reviewed, "reviewed", is_rectification_required=False)
    closed = clock.later(reviewed, 1, 4)
    return story.then(closed, "closed", closed_at=closed)


def _stuck(rows: list[Rec]) -> None:
    """Some of the last weeks still lie on the desks of quality."""
    young = [row for row in rows if row["state"] == "closed" and not row["is_rectification_required"]][-4:]
    for row, state in zip(young, ("reviewed", "reviewed", "submitted", "submitted"), strict=True):
        row["state"] = state
        del row["closed_at"]
        if state == "submitted":
            row["is_rectification_required"] = False


def _demand(clock: Clock, found: Found, visit: Rec, n: int) -> None:
    """The user demands an improvement; it is closed once the action is, and the user answered."""
    demand, *texts = DEMANDS[n % len(DEMANDS)]
    unit = (visit.get("product_batch") or {}).get("production_unit", "SUB-CQ")
    begun = clock.later(visit["submitted_at"], 1, 2)
    action = improvement(clock, "field_service_record", visit, begun, unit, (demand, *texts), customer=visit["customer"],
                         is_reply_required=True)
    found["corrective_action"].append(action)
    visit |= {"is_rectification_required": True, "rectification_demand": demand, "responsible_unit": unit,
              "corrective_action": action, "state": "rectifying"}
    del visit["closed_at"]
    if n < 5:
        visit |= {"state": "replied", "rectification_measures": f"{texts[1]}。", "on_site_analysis": f"{texts[0]}。",
                  "reply_text": "已书面答复用户整改措施和完成时间。", "replied_at": begun + timedelta(days=6)}
    if n < 4 and action["state"] == "closed":
        visit |= {"state": "closed", "closed_at": action["closed_at"] + timedelta(hours=3)}


def on_the_line(clock: Clock, found: Found) -> list[Rec]:
    """Batches that were looked at on the customers' lines, each with the card that was written from it."""
    rows = []
    for card in [card for card in found["info_flow_card"] if card["source"] == "site_visit" and card["state"] != "void"][::4]:
        created = card["created_at"] - timedelta(minutes=50)
        rows.append(climbed(
            clock, "technician2", created, "draft",
            [("submitted", {"submitted_at": NOW, "_pace": (0, 0)}), ("reviewed", {"is_rectification_required": False}),
             ("closed", {"closed_at": NOW})], "" if created < clock.end - timedelta(days=12) else "submitted",
            department="CS", customer=card["customer"], contact_person=card["contact_person"], phone=card["phone"],
            address=card["customer"]["address"], technician="technician2", serviced_on=created.date(),
            arrived_at=created - timedelta(hours=2), left_at=created, service_types=["batch_quality_check"],
            product_batch=card["product_batch"], quantity=card["quantity"], defect_quantity=card["defect_quantity"],
            fault_category=card["fault_category"], fault_description=card["quality_info"], service_quality_opinion=SAID[0],
            product_quality_opinion=ON_PRODUCT[0], satisfaction_level="satisfied", signed_by=card["contact_person"],
            signed_at=created))
        card["field_service_record"] = rows[-1]
        for line in card["product_batch"]["deliveries"]:
            if line["customer"] is card["customer"]:
                line["info_flow_card"] = card
    return rows


# The parts --------------------------------------------------------------------------------------------------------

def part_requests(clock: Clock, found: Found) -> list[Rec]:
    """Parts for jobs that needed more than the van carries: used, brought back, or still on their way."""
    shelves = Shelves(clock, found["parts_stock"])
    backs = {id(row["work_order"]): row for row in found["equipment_takeback"] if row["state"] == "returned"}
    over = [order for order in found["work_order"] if order["state"] == "closed"]
    chosen = [order for order in over if id(order) in backs][::5] + over[::40]
    rows = [_request(clock, shelves, order, "returned" if n % 7 == 3 else "consumed", backs.get(id(order)))
            for n, order in enumerate(chosen)]
    open_ = [order for order in found["work_order"] if order["state"] in ("arrived", "finished", "signed", "taken_back")]
    for order, target in zip(open_[::-1], ("draft", "submitted", "approved", "issued", "issued", "cancelled"), strict=False):
        rows.append(_request(clock, shelves, order, target, None))
    return sorted((row for row in rows if row["items"]), key=lambda row: row["created_at"])


def _request(clock: Clock, shelves: Shelves, order: Rec, target: str, back: Rec | None) -> Rec:
    begun = back["customer_copy_given_at"] if back else order["dispatched_at"]
    until = min(order.get("finished_at", clock.end), clock.end)
    step = (until - begun) / 7
    moments = [begun + step * n for n in range(1, 7)]
    stock = next((row for row in clock.dice.sample(list(shelves.company.values()), 12)
                  if shelves.left(row, moments[3]) > 2), None)
    if stock is None:
        return Rec(items=[])
    line = {"parts_stock": stock, "part_no": stock["part_no"], "part_name": stock["part_name"], "quantity": 2}
    row = Rec(state=target, created_at=moments[0], created_by=order["technician"], department="CS", work_order=order,
              equipment_takeback=back, technician=order["technician"], dealer=order["dealer"], needed_on=until.date(),
              reason=clock.dice.choice(REASONS), items=[line])
    if target in ("approved", "issued", "consumed", "returned"):
        row["approved_at"] = moments[2]
    if target in ("issued", "consumed", "returned"):
        line["issued_quantity"] = 2
        row |= {"issued_by": "warehouse", "issued_at": moments[3]}
        shelves.book(stock, moments[3], "repair_use", -2, ("spare_part_request", row))
    if target in ("consumed", "returned"):
        used = 2 if target == "consumed" else 0
        line |= {"used_quantity": used, "returned_quantity": 2 - used, "is_old_part_returned": bool(used)}
        row["settled_at"] = moments[5]
        if not used:
            shelves.book(stock, moments[5], "return_in", 2, ("spare_part_request", row))
    return row
