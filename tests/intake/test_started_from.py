"""“Create … from here”: what the new record takes over beyond the fields that both call the same."""

from __future__ import annotations

import pytest

from models.base import Record
from rules import records
from tests import valid

STARTED = (
    ("complaint_case", "complaint_tracking_card", {"complaint_content": "异响"},
     {"complaint_reason": "异响", "channel": "dealer"}),
    ("complaint_case", "customer_contact_memo", {"content": "划伤"}, {"complaint_reason": "划伤", "channel": None}),
    ("abnormality_sheet", "complaint_case", {"complaint_reason": "划伤"}, {"fault_description": "划伤"}),
    ("customer_feedback_register", "return_exchange_claim", {"fault_description": "异响", "demand_type": "exchange"},
     {"feedback_text": "异响", "source": "claim", "claim_type": "exchange"}),
    ("customer_feedback_register", "hotline_consultation", {"content": "询价"},
     {"feedback_text": "询价", "source": "hotline", "claim_type": "none"}),
    ("rework_order", "complaint_case", {"quantity": "7", "complaint_reason": "划伤"},
     {"quantity": 7, "fault_description": "划伤"}),
    ("quality_bulletin", "quality_info_transfer", {"fault_description": "砂眼"}, {"problem": "砂眼"}),
    ("corrective_action", "complaint_case", {"complaint_reason": "划伤"}, {"problem": "划伤"}),
    ("corrective_action", "visit_report", {"rectification_demand": "改包装", "is_rectification_required": "true"},
     {"problem": "改包装", "is_reply_required": True}),
)


@pytest.mark.parametrize(("type_name", "source_type", "given", "taken"), STARTED)
def test_a_new_record_takes_over_what_its_source_says(act, type_name, source_type, given, taken):
    source = valid.record(act.session, source_type, **given)
    started = records.blank(act, Record.types[type_name])
    started.start_from(source, act)
    assert {name: getattr(started, name) for name in taken} == taken
    if "received_at" in started.spec.fields:
        assert started.received_at == (source.received_at if source_type != "customer_contact_memo" else source.contacted_at)


def test_an_order_starts_with_the_case_of_its_bulletin(act):
    bulletin = valid.record(act.session, "quality_bulletin")
    order = records.blank(act, Record.types["quality_rectification_order"])
    order.start_from(bulletin, act)
    assert [row.quality_info_transfer_id for row in order.cases] == [bulletin.quality_info_transfer_id]
