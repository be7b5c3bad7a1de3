"""A record hashes to what its content always hashed to."""

from __future__ import annotations

from hashlib import sha256
from json import dumps

from rules import audit, content
from tests import valid


def test_the_hash_is_that_of_one_sorted_object(session):
    """Spelled out once more: hashes that were kept years ago must still be found."""
    record = valid.record(session, "dealer_grade_sheet")
    session.commit()
    fields, lines = record.spec.fields, record.spec.lines
    said = {
        "type": "dealer_grade_sheet", "number": record.number, "state": record.state, "department": record.department,
        "created_by_id": record.created_by_id, "created_at": record.created_at.isoformat(),
        "fields": content.values(record, fields),
        "lines": {name: [content.values(row, child.fields) for row in getattr(record, name)] for name, child in lines.items()}}
    text = dumps(said, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert content.content_hash(record) == record.content_hash == sha256(text.encode()).hexdigest()


def test_a_long_table_is_hashed_a_few_rows_at_a_time_to_the_same(session, monkeypatch):
    """Nobody has loaded it, and nobody needs to: the summary of a month may have a hundred thousand cases."""
    items = [{"occurred_on": "2026-10-05", "model": f"M{n}", "fault_category": "engine", "fault_description": "异响", "quantity": "1"}
             for n in range(5)]
    record = valid.record(session, "monthly_quality_report", period="2026-10", items=items)
    session.commit()
    for rows in (1000, 5, 2, 1):
        monkeypatch.setattr(content, "AT_ONCE", rows)
        session.expire_all()
        assert content.content_hash(record) == record.content_hash, rows
        assert record.is_as_kept("items")
    monkeypatch.setattr(content, "MANY", 5)
    assert content.are_many(session, record.spec.lines["items"], [record.id]) and list(audit.verify(session)) == []
