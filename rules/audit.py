"""The audit trail: who did what, when, through which door, with old and new values; and the proof that it stands.

The entries of a record are chained by hash; the record's row keeps its content hash and the chain's head; the clock
seals all new entries into one chain of seals. The flush itself asks for the entry (rules/saving.py), so nothing is
saved without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.files import Attachment
from models.history import AuditEntry, AuditSeal
from models.spec import Kind, Text
from rules import office, proof
from rules.content import are_many, canonical, content_hash, digest, kept_lines, plain, values


# What changed -----------------------------------------------------------------------------------------------------

def _changes(row: Any, fields: Any) -> dict[str, list[Any]]:
    """Field -> [old, new] of what this flush writes."""
    state, found = sa.inspect(row), {}
    same = state.unmodified   # to ask each for its history takes many times as long
    for name, field in fields.items():
        history = None if field.column in same else state.attrs[field.column].history
        if history is not None and history.has_changes():
            old = plain(history.deleted[0], field) if history.deleted else None
            new = plain(history.added[0], field) if history.added else None
            if old != new:
                found[name] = [old, new]
    return found


def _line_changes(record: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, child in record.spec.lines.items():
        if record.is_as_kept(name):
            continue
        history = sa.inspect(record).attrs[name].history
        rows = [{"row": row.position + 1, "added": values(row, child.fields)} for row in history.added or ()]
        rows += [{"row": row.position + 1, "removed": values(row, child.fields)} for row in history.deleted or ()]
        rows += [{"row": row.position + 1, "changed": changed} for row in history.unchanged or ()
                 if sa.inspect(row).modified and (changed := _changes(row, child.fields))]
        if rows:
            found[name] = rows
    return found


def _file_changes(record: Any) -> list[dict[str, Any]]:
    """The files that this flush gives to file fields of the record, or takes from them."""
    before, after = _files_held(record)
    changed = sorted((before ^ after) - {None})
    if not changed:
        return []
    query = sa.select(Attachment).where(Attachment.id.in_(changed)).order_by(Attachment.id)
    return [{"added" if row.id in after else "removed": file_told(row)}
            for row in sa.inspect(record).session.scalars(query)]


def _files_held(record: Any) -> tuple[set[Any], set[Any]]:
    """The ids in all file fields of the record and its child tables, before this flush and after it."""
    before, after = _held_in(record, record.spec.fields)
    for name, child in record.spec.lines.items():
        if any(field.kind is Kind.FILE for field in child.fields.values()):
            table = sa.inspect(record).attrs[name].history
            for row in (*(table.unchanged or ()), *(table.added or ()), *(table.deleted or ())):
                old, new = _held_in(row, child.fields)
                before |= old
                after |= set() if row in (table.deleted or ()) else new
    return before, after


def _held_in(row: Any, fields: Any) -> tuple[set[Any], set[Any]]:
    before, after = set(), set()
    for field in fields.values():
        if field.kind is Kind.FILE:
            history = sa.inspect(row).attrs[field.column].history
            before |= {*(history.deleted or ()), *(history.unchanged or ())}
            after |= {*(history.added or ()), *(history.unchanged or ())}
    return before, after


def file_told(row: Attachment) -> dict[str, Any]:
    """What an entry says of a file; the proof compares it with the row and with the bytes."""
    return {key: getattr(row, key) for key in ("id", *proof.SAID_OF_A_FILE)}


def _state_change(record: Any) -> dict[str, list[Any]]:
    history = sa.inspect(record).attrs.state.history
    if not history.added or not history.deleted or history.added == history.deleted:
        return {}
    return {"state": [history.deleted[0], history.added[0]]}


def account(record: Any, act: Any) -> dict[str, Any] | None:
    """Stamp a record that is about to be saved, and return the entry that answers for it; None if nothing changed."""
    is_new = not sa.inspect(record).persistent
    changes: dict[str, Any] = {**_state_change(record), **_changes(record, record.spec.fields)}
    if rows := _line_changes(record):
        changes["lines"] = rows
    if files := _file_changes(record):
        changes[proof.FILES] = files
    if signatures := act.signatures_told(record):
        changes[proof.SIGNATURES] = signatures
    if not changes and not is_new:
        return None
    if act.erasing is not None:
        changes = {**act.erasing.left_of(changes), proof.ERASED: act.erasing.told}
    _stamp(record, act, is_new)
    return _entry(record, act, changes, is_new)


def _stamp(record: Any, act: Any, is_new: bool) -> None:
    if not (is_new and act.is_history):
        record.updated_at, record.updated_by_id = act.now, act.actor.id
    lines = record.spec.lines.items()
    record.content_hash = content_hash(record, {name: act.known.get((child.model, record.id)) for name, child in lines})


def _entry(record: Any, act: Any, changes: dict[str, Any], is_new: bool) -> dict[str, Any]:
    entry = {
        "at": act.now, "actor_id": act.actor.id, "actor": act.actor.name, "door": act.actor.door,
        "action": "import" if act.is_history else "create" if is_new else act.action_on(record),
        "type": record.spec.name, "number": record.number,
        "revision": 1 if is_new else record.revision + 1, "comment": act.comment_on(record), "changes": changes,
        "content_hash": record.content_hash, "previous_hash": record.audit_head or "",
    }
    entry["hash"] = record.audit_head = entry_hash(entry)
    return entry


def remark(act: Any, record: Any, action: str, changes: dict[str, Any]) -> None:
    """An entry about a record whose fields stay as they are: a file came, somebody said something. The caller flushes:
    the record's row keeps the chain's new head."""
    act.name_action(record, action)
    entry = _entry(record, act, changes, is_new=False)
    act.session.execute(sa.insert(AuditEntry).values(**entry, record_id=record.id))


def entry_hash(entry: dict[str, Any]) -> str:
    """Covers everything an entry says but its id, its seal and the row id (the number says which record)."""
    said = {key: plain(value) for key, value in entry.items() if key not in ("id", "hash", "seal_id", "record_id")}
    return digest(canonical(said))


def note(session: Any, act: Any, action: str, subject: str, number: str | None = None,
         changes: dict[str, Any] | None = None, comment: str | None = None) -> None:
    """An entry about something that is no record: a sign-in, an export, a parameter, a person's roles."""
    entry = {
        "at": act.now, "actor_id": act.actor.id, "actor": act.actor.name, "door": act.actor.door, "action": action,
        "type": subject, "number": number, "revision": None, "comment": comment, "changes": changes or {},
        "content_hash": "", "previous_hash": "",
    }
    session.execute(sa.insert(AuditEntry).values(**entry, record_id=None, hash=entry_hash(entry)))


# Seals and proof --------------------------------------------------------------------------------------------------

def seal(session: Any) -> int:
    """Close all entries since the last seal; the number of entries sealed."""
    last = session.scalar(sa.select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))
    new = AuditSeal(at=office.now(), entry_count=0, previous_hash=last.hash if last else "", hash="")
    session.add(new)
    session.flush()
    count = session.execute(
        sa.update(AuditEntry).where(AuditEntry.seal_id.is_(None)).values(seal_id=new.id)).rowcount
    if count == 0:
        session.delete(new)
        session.flush()
        return 0
    new.entry_count, new.hash = _sealed(session, new)
    session.flush()
    return count


def _sealed(session: Any, seal_: AuditSeal) -> tuple[int, str]:
    running, count = hashlib.sha256(f"{seal_.id}|{plain(seal_.at)}|{seal_.previous_hash}".encode()), 0
    hashes = sa.select(AuditEntry.hash).where(AuditEntry.seal_id == seal_.id).order_by(AuditEntry.id)
    for (entry,) in session.execute(hashes.execution_options(yield_per=5000)):
        running.update(entry.encode())
        count += 1
    return count, running.hexdigest()


def verify(session: Any) -> Iterator[Text]:
    """One sentence per record, entry or seal that is not what was written."""
    yield from _verify_entries(session)
    for spec in list(Record.types.values()):
        yield from _verify_records(session, spec)
    yield from proof.of_files(session)
    yield from proof.of_archives(session)
    yield from proof.of_comments(session)
    yield from proof.of_signatures(session)
    yield from _verify_seals(session)


def _verify_entries(session: Any) -> Iterator[Text]:
    """Every entry hashes to what it says, and follows the one before it; every chain has its record."""
    heads: dict[tuple[str, int], tuple[str, str]] = {}
    erased = proof.entries_erased(session)
    columns = AuditEntry.__table__.columns
    query = sa.select(*columns).order_by(AuditEntry.id).execution_options(yield_per=2000)
    for row in session.execute(query).mappings():
        where = f"{row['type']} {row['number'] or row['record_id'] or ''}".strip()
        if entry_hash(dict(row)) != erased.get(row["id"], row["hash"]):
            yield Text(f"审计记录 {row['id']}（{where}）被改动", f"audit entry {row['id']} ({where}) was changed")
        if row["record_id"] is None:
            continue
        key = (row["type"], row["record_id"])
        if heads.get(key, ("", ""))[0] != row["previous_hash"]:
            yield Text(f"{where} 的审计链在第 {row['id']} 条处断开（有记录被删除或插入）",
                       f"{where}: the audit chain breaks at entry {row['id']} (an entry was deleted or inserted)")
        heads[key] = (row["hash"], row["content_hash"])
    yield from _verify_heads(session, heads)


def _verify_heads(session: Any, heads: dict[tuple[str, int], tuple[str, str]]) -> Iterator[Text]:
    """Each row names its chain's last entry, and that entry the content that the row claims to have."""
    for name, spec in Record.types.items():
        model = spec.model
        rows = session.execute(sa.select(model.id, model.number, model.audit_head, model.content_hash)
                               .execution_options(yield_per=5000))
        for id_, number, head, content_hash_ in rows:
            if heads.pop((name, id_), ("", "")) != (head, content_hash_) or not head:
                yield Text(f"{spec.zh} {number}：末条审计记录缺失或与记录不符",
                           f"{spec.en} {number}: its last audit entry is missing or speaks of other content")
    for (name, id_), _ in heads.items():
        if name in Record.types:
            spec = Record.types[name]
            yield Text(f"{spec.zh} id {id_}：记录被删除", f"{spec.en} id {id_}: the record was deleted behind its audit")


def _verify_records(session: Any, spec: Any) -> Iterator[Text]:
    """The row, as it stands, hashes to what its last entry says."""
    last_id, query = 0, sa.select(spec.model).order_by(spec.model.id).limit(100)
    while batch := session.scalars(query.where(spec.model.id > last_id)).all():
        ids = [record.id for record in batch]
        lines = {name: kept_lines(session, child, ids) for name, child in spec.lines.items()
                 if not (spec.compiled and are_many(session, child, ids))}
        for record in batch:
            last_id = record.id
            if content_hash(record, {name: told[record.id] for name, told in lines.items()}) != record.content_hash:
                yield Text(f"{spec.zh} {record.number}：内容被改动",
                           f"{spec.en} {record.number}: its content was changed behind its audit")
        session.expunge_all()


def _verify_seals(session: Any) -> Iterator[Text]:
    unknown = sa.select(AuditEntry.seal_id).where(
        AuditEntry.seal_id.is_not(None), AuditEntry.seal_id.not_in(sa.select(AuditSeal.id))).distinct()
    for id_ in session.scalars(unknown).all():
        yield Text(f"封存 {id_} 被删除", f"seal {id_} was deleted")
    previous = ""
    for seal_ in session.scalars(sa.select(AuditSeal).order_by(AuditSeal.id)).all():
        count, digest = _sealed(session, seal_)
        if (count, digest, previous) != (seal_.entry_count, seal_.hash, seal_.previous_hash):
            yield Text(f"封存 {seal_.id}（{seal_.at:%Y-%m-%d %H:%M}）不符：有审计记录被增删改",
                       f"seal {seal_.id} ({seal_.at:%Y-%m-%d %H:%M}) does not hold: entries were added, changed or deleted")
        previous = seal_.hash
