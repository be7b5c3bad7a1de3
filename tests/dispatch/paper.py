"""The papers of a service visit as they are filled in, and orders that are in a state already."""

from __future__ import annotations

from tests import valid
from tests.disposition.paper import made

REQUEST, ORDER, TAKEBACK, CHARGE = (
    "phone_dispatch_record", "work_order", "equipment_takeback", "service_charge_notice")
PARTS, RECORD, CALL, POLICY = "spare_part_request", "field_service_record", "callback_record", "service_price_policy"
DIAGNOSED = {"onsite_statement": "主机不通电", "diagnosis": "电源板烧毁", "fault_category": "electrical"}


def order(book, state="arrived", **given):
    """A work order of the technician for 客户A, on site."""
    return made(book, ORDER, state, **{
        "source": "other", "service_mode": "on_site", "received_at": "2026-11-16T09:00", "province": "重庆市",
        "technician": book.user("technician"), "customer": book.id("customer", name="客户A"), **given})


def phone_call(book, **changes):
    return {
        "channel": "hotline", "received_at": "2026-11-20T09:00", "customer": book.id("customer", name="客户A"),
        "contact_person": "张三", "phone": "13800001111", "address": "某路 1 号", "province": "重庆市",
        "product_name": "主机", "serial_no": "SN-1", "fault_description": "开机无反应", "urgency": "urgent", **changes}


def takeback(order_id, **changes):
    return {
        "work_order": order_id, "situation": "拆下电源板", "items-0-equipment_name": "主机", "items-0-serial_no": "SN-1",
        "items-0-quantity": "1", "items-0-inspection_result": "外壳完好", **changes}


def policy(book):
    with book.session() as session:
        id_ = standard_of(session).id
        session.commit()
        return id_


def standard_of(session, state="effective"):
    """The published standard: a job at 100 (two hours at 50), its part at 300, a way at 30."""
    charges = [
        {"item_code": "L-1", "item_name": "更换电源板", "labour_hours": "2", "labour_rate": "50", "part_price": "300",
         "is_warranty_covered": "true"},
        {"item_code": "T-1", "item_name": "上门费", "labour_rate": "30", "is_warranty_covered": "false"}]
    return valid.record(session, POLICY, state, charges=charges, effective_from_on="2020-01-01")


def charge(order_id, policy_id, *items, **changes):
    """`items` are (name, kind, quantity, price)."""
    rows = {f"items-{n}-{name}": value for n, item in enumerate(items)
            for name, value in zip(("item_name", "kind", "quantity", "unit_price"), item, strict=True)}
    return {"work_order": order_id, "warranty_status": "out", "service_price_policy": policy_id, "told_mode": "on_site",
            **rows, **changes}


def spare_parts(order_id, *items, **changes):
    """`items` are (part number, quantity)."""
    rows = {f"items-{n}-{name}": value for n, (part_no, quantity) in enumerate(items)
            for name, value in (("part_no", part_no), ("part_name", f"备件{part_no}"), ("quantity", quantity))}
    return {"work_order": order_id, "reason": "更换电源板", **rows, **changes}


def stock(book, part_no, quantity):
    """So much of a part in the company's store."""
    return made(book, "parts_stock", part_no=part_no, part_name=f"备件{part_no}", unit_of_measure="件",
                store_type="company", dealer="", movements=[{
                    "movement_type": "opening", "quantity": quantity, "moved_at": "2026-01-05T09:00",
                    "handler": book.user("warehouse")}])


def service_record(book, order_id="", **changes):
    return {
        "work_order": order_id, "customer": book.id("customer", name="客户A"), "serviced_on": "2026-11-20",
        "service_types": ["repair"], "service_quality_opinion": "及时", "product_quality_opinion": "无",
        "is_rectification_required": "false", **changes}
