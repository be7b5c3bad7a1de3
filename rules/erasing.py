"""Anonymising a record: what could name a person goes, from its fields, its history, its files and what was said.

The proof of the audit stands: the entry of the anonymising names every older entry that lost words, with the hash of
what is left of it, every file and comment that went, and the rounds whose signed content lost words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from models.comments import Comment
from models.files import Attachment
from models.history import AuditEntry, SignedContent
from models.spec import Kind, RecordType
from rules import audit, proof, records, retention
from rules.content import hash_of


@dataclass(frozen=True)
class Erasure:
    """What the flush that anonymises a record writes into its entry: which fields went, and what else was touched."""

    names: frozenset[str]
    lines: Mapping[str, frozenset[str]]
    told: dict[str, Any] = field(default_factory=dict)

    def left_of(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """The changes of an entry without what is erased; that a field changed stays."""
        left: dict[str, Any] = {name: [None, None] if name in self.names else change
                                for name, change in changes.items()}
        if "lines" in left:
            left["lines"] = {table: [self._row(row, self.lines.get(table, frozenset())) for row in rows]
                             for table, rows in left["lines"].items()}
        if proof.FILES in left:
            left[proof.FILES] = [{how: {**file, "name": proof.GONE} for how, file in told.items()} for told in left[proof.FILES]]
        return left

    @staticmethod
    def _row(row: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
        return {how: {name: None if name in names else value for name, value in said.items()}
                if isinstance(said, Mapping) else said for how, said in row.items()}


def anonymise(act: Any, record: Any) -> None:
    """Raises Refused if the type's own way refuses; flushes."""
    spec, way = record.spec, retention.own_way(record.spec)
    erasure = _erasure(spec)
    if way is not None:
        erasure = _and_what_it_empties(act, record, erasure)
    erasure.told.update(files=_erase_files(act, record), comments=_erase_comments(act, record),
                        entries=_erase_history(act, record, erasure), signed=_erase_signed(act, record, erasure))
    act.erasing = erasure
    try:
        if way is not None:
            act.make(record, way.name)
        else:
            _empty(record)
            act.name_action(record, "anonymise")
            _save(act, record, erasure)
    finally:
        act.erasing = None


def _erasure(spec: RecordType) -> Erasure:
    """Private fields; the bytes of private files go with the files."""
    lines = {name: frozenset(n for n, f in child.fields.items() if _goes(f)) for name, child in spec.lines.items()}
    return Erasure(frozenset(n for n, f in spec.fields.items() if _goes(f)), lines)


def _goes(field_: Any) -> bool:
    return field_.private and field_.kind is not Kind.FILE


def _and_what_it_empties(act: Any, record: Any, erasure: Erasure) -> Erasure:
    """A type with a way of its own also says what else goes: tried on a copy of the record that nobody keeps."""
    spec, way = record.spec, retention.own_way(record.spec)
    with act.session.no_autoflush:
        copy = spec.model(**{f.column: getattr(record, f.column) for f in spec.fields.values()})
        copy.number = record.number
        if way is not None and way.then is not None:
            way.then(copy, act)
        emptied = {n for n, f in spec.fields.items() if getattr(copy, f.column) != getattr(record, f.column)}
    return Erasure(erasure.names | emptied, erasure.lines)


def _empty(record: Any) -> None:
    for name, field_ in record.spec.fields.items():
        if _goes(field_):
            setattr(record, record.spec.fields[name].column, None)
    for name, child in record.spec.lines.items():
        gone = [field_.column for field_ in child.fields.values() if _goes(field_)]
        for row in getattr(record, name) if gone else ():
            for column in gone:
                setattr(row, column, None)


def _save(act: Any, record: Any, erasure: Erasure) -> None:
    """One that never held anything private is accounted for all the same."""
    if not act.session.is_modified(record) and not any(
            act.session.is_modified(row) for name, gone in erasure.lines.items() if gone for row in getattr(record, name)):
        audit.remark(act, record, "anonymise", {proof.ERASED: erasure.told})
    records.flush(act.session, record)


def _erase_history(act: Any, record: Any, erasure: Erasure) -> dict[str, str]:
    """id of an entry -> the hash of what is left of it, for those that had something to lose."""
    table, found = AuditEntry.__table__, {}
    rows = act.session.execute(sa.select(*table.columns).where(
        table.c.type == record.spec.name, table.c.record_id == record.id).order_by(table.c.id)).mappings().all()
    for row in rows:
        left = erasure.left_of(row["changes"])
        if left != row["changes"]:
            found[str(row["id"])] = audit.entry_hash({**row, "changes": left})
            act.session.execute(sa.update(table).where(table.c.id == row["id"]).values(changes=left))
    return found


def _erase_signed(act: Any, record: Any, erasure: Erasure) -> dict[str, str]:
    """Round -> the hash of what is left of the content that was signed in it, where it had something to lose."""
    found = {}
    for kept in act.session.scalars(sa.select(SignedContent).where(
            SignedContent.type == record.spec.name, SignedContent.record_id == record.id)):
        left = {"fields": _without(kept.content["fields"], erasure.names),
                "lines": {table: [_without(row, erasure.lines.get(table, frozenset())) for row in rows]
                          for table, rows in kept.content["lines"].items()}}
        if left != kept.content:
            kept.content = left
            found[str(kept.round)] = hash_of(left)
    return found


def _without(said: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: None if name in names else value for name, value in said.items()}


def _erase_files(act: Any, record: Any) -> list[int]:
    """Also those that were removed. Their bytes go with the next sweep, unless another record has the same file."""
    files = act.session.scalars(sa.select(Attachment).where(
        Attachment.type == record.spec.name, Attachment.record_id == record.id).order_by(Attachment.id)).all()
    for file in files:
        file.name, file.erased_at = proof.GONE, act.now
    return [file.id for file in files]


def _erase_comments(act: Any, record: Any) -> list[int]:
    said = act.session.scalars(sa.select(Comment).where(
        Comment.type == record.spec.name, Comment.record_id == record.id).order_by(Comment.id)).all()
    for comment in said:
        comment.text = proof.GONE
    return [comment.id for comment in said]
