"""“Create … from here”: what a paper of the service takes over from the one it starts from."""

from __future__ import annotations

import pytest

from models.base import Record
from rules import chains
from tests import valid
from tests.casebook import at


def started(act, type_name, source):
    return chains.start(act, Record.types[type_name], source)


STARTED = (
    ("phone_dispatch_record", "hotline_consultation", {"content": "开机无反应", "received_at": "2026-11-20T08:00"},
     {"fault_description": "开机无反应", "received_at": at("2026-11-20 08:00")}),
    ("work_order", "phone_dispatch_record", {"urgency": "urgent", "warranty_status": "out", "received_at": "2026-11-20T08:00"},
     {"source": "phone_dispatch", "urgency": "urgent", "warranty_status": "out", "received_at": at("2026-11-20 08:00")}),
    ("work_order", "complaint_tracking_card", {}, {"source": "dealer_report", "urgency": "normal"}),
    ("equipment_takeback", "work_order", {"takeback_description": "主机一台"}, {"situation": "主机一台", "items": []}),
    ("service_charge_notice", "work_order", {"warranty_status": "out"}, {"warranty_status": "out"}),
    ("service_charge_notice", "work_order", {"warranty_status": "unknown"}, {"warranty_status": None}),
    ("service_charge_notice", "customer_repair_file", {"is_in_warranty": "true"}, {"warranty_status": "in"}),
    ("field_service_record", "work_order", {"diagnosis": "电容击穿", "arrived_at": "2026-11-20T10:00"},
     {"cause": "电容击穿", "arrived_at": at("2026-11-20 10:00")}),
    ("info_flow_card", "field_service_record", {"fault_description": "异响", "quantity": "9", "defect_quantity": "2"},
     {"source": "site_visit", "quality_info": "异响", "quantity": 9, "defect_quantity": 2}),
    ("corrective_action", "field_service_record",
     {"fault_description": "异响", "rectification_demand": "加固", "is_rectification_required": "true"},
     {"problem": "加固", "is_reply_required": True}),
)


@pytest.mark.parametrize(("type_name", "source_type", "given", "taken"), STARTED)
def test_a_new_paper_takes_over_what_its_source_says(act, type_name, source_type, given, taken):
    record = started(act, type_name, valid.record(act.session, source_type, **given))
    assert {name: getattr(record, name) for name in taken} == taken


def test_papers_of_an_order_name_its_technician_and_its_equipment(act):
    source = valid.record(act.session, "work_order", product_name="主机", serial_no="SN-1",
                          parts=[{"part_no": "P-1", "part_name": "电源板", "quantity": "2"}])
    slip, notice, record = (started(act, name, source) for name in (
        "equipment_takeback", "service_charge_notice", "field_service_record"))
    assert {each.technician_id for each in (slip, notice, record)} == {source.technician_id}
    assert [(item.equipment_name, item.serial_no, item.quantity) for item in slip.items] == [("主机", "SN-1", 1)]
    assert [(part.part_no, part.part_name, part.quantity) for part in record.parts] == [("P-1", "电源板", 2)]


def test_the_one_standard_in_force_is_preset(act):
    order = valid.record(act.session, "work_order")
    assert started(act, "service_charge_notice", order).service_price_policy_id is None
    policy = valid.record(act.session, "service_price_policy", "effective")
    assert started(act, "service_charge_notice", order).service_price_policy_id == policy.id
    valid.record(act.session, "service_price_policy", "effective")
    assert started(act, "service_charge_notice", order).service_price_policy_id is None


def test_a_record_of_a_journey_is_its_leads(act):
    trip = valid.record(act.session, "travel_assignment", arrived_at="2026-11-20T10:00")
    record = started(act, "field_service_record", trip)
    assert (record.technician_id, record.arrived_at) == (trip.lead_id, at("2026-11-20 10:00"))
