"""A record hashes to what its content always hashed to."""

from __future__ import annotations

from hashlib import sha256
from json import dumps

from rules import content
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
