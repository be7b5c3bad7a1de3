"""The proof of what hangs on records: that files, comments and signatures are still what the audit said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.comments import Comment
from models.files import Attachment
from models.history import AuditEntry, Signature, SignedContent
from models.retention import Archive
from models.spec import ROLES, Text
from rules import file_store
from rules.content import hash_of, signed_content

# Where an entry's changes speak of them; no field can be called so.
FILES, COMMENT, SIGNATURES, ERASED = "+files", "+comment", "+signatures", "+erased"
GONE = "—"   # what is left of the words of a comment, and of the name of a file, that were erased
SAID_OF_A_FILE = ("field", "name", "media_type", "size", "sha256")
SAID_OF_A_SIGNATURE = (
    "round", "position", "step", "role", "state", "submitted_by_id", "submitted_at", "edited_by_id", "revision", "content_hash",
    "barred",
    "limit_name", "limit", "amount", "asked_at", "due_at", "escalated_at", "escalated_to", "signed_by_id", "for_id",
    "signed_at")
CHANGED_FILE = Text("{where}：附件“{name}”的内容被改动", "{where}: the content of the file “{name}” was changed behind its audit")
LOST_FILE = Text("{where}：附件“{name}”的文件丢失", "{where}: the file “{name}” is missing in the file store")
CHANGED_ROW = Text("{where}：附件“{name}”的登记与审计记录不符", "{where}: the entry of the file “{name}” is not what the audit says")
LOST_ROW = Text("{where}：附件“{name}”的登记被删除", "{where}: the entry of the file “{name}” was deleted behind its audit")
WRONG_ARCHIVE = Text("归档 {id}：文件丢失或被改动", "archive {id}: its file is missing or was changed")
CHANGED_COMMENT = Text("{where}：评论 {id} 与审计记录不符", "{where}: comment {id} is not what the audit says")
LOST_COMMENT = Text("{where}：评论 {id} 被删除", "{where}: comment {id} was deleted behind its audit")

CHANGED_SIGNATURE = Text("{where}：第 {round} 轮{role}的签署与审计记录不符",
                         "{where}: the signature of {role} in round {round} is not what the audit says")
LOST_SIGNATURE = Text("{where}：第 {round} 轮{role}的签署被删除",
                      "{where}: the signature of {role} in round {round} was deleted behind its audit")
CHANGED_CONTENT = Text("{where}：第 {round} 轮会签的内容与签署的摘要不符",
                       "{where}: what was kept as signed in round {round} does not hash to its signatures")
NOT_AS_SIGNED = Text("{where}：“{name}”与签署时不同，审计中没有改动记录",
                     "{where}: “{name}” is not as it was signed, and no audit entry says why")


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _where(type_: str, record_id: int | None) -> Text:
    spec = Record.types.get(type_)
    return Text(f"{spec.zh if spec else type_} id {record_id}", f"{spec.en if spec else type_} id {record_id}")


def _told(session: Any, key: str) -> Iterator[tuple[str, int, Any]]:
    """What the entries of records say under this key, oldest first. Few do, so the database looks for them."""
    speaks = sa.cast(AuditEntry.changes, sa.Text).contains(f'"{key}"', autoescape=True)
    query = sa.select(AuditEntry.type, AuditEntry.record_id, AuditEntry.changes).where(
        speaks, AuditEntry.record_id.is_not(None)).order_by(AuditEntry.id)
    for type_, record_id, changes in session.execute(query.execution_options(yield_per=2000)):
        if key in changes:
            yield type_, record_id, changes[key]


def erased(session: Any, what: str) -> Iterator[tuple[str, int, Any]]:
    """What the anonymising of records says about `entries`, `files`, `comments` or `signed` contents."""
    for type_, record_id, said in _told(session, ERASED):
        yield type_, record_id, said[what]


def entries_erased(session: Any) -> dict[int, str]:
    """id of an audit entry -> the hash of what was left of it."""
    return {int(id_): hash_ for _, _, said in erased(session, "entries") for id_, hash_ in said.items()}


def _ids_erased(session: Any, what: str) -> set[int]:
    return {id_ for _, _, said in erased(session, what) for id_ in said}


# Files ------------------------------------------------------------------------------------------------------------

def of_files(session: Any) -> Iterator[Text]:
    """Every file of a record has its row, says what the audit says, and hashes to it; also one that was removed."""
    told, erased_ = _files_told(session), _ids_erased(session, "files")
    bytes_of: dict[str, str | None] = {}
    columns = [Attachment.id, Attachment.type, Attachment.record_id, Attachment.removed_at, Attachment.erased_at,
               *(getattr(Attachment, key) for key in SAID_OF_A_FILE)]
    query = sa.select(*columns).where(Attachment.record_id.is_not(None)).order_by(Attachment.id)
    for row in session.execute(query.execution_options(yield_per=2000)).mappings():
        said, where = told.pop(row["id"], None), _where(row["type"], row["record_id"])
        if (row["erased_at"] is not None) != (row["id"] in erased_):
            yield CHANGED_ROW.with_(where=where, name=row["name"])
        stands = {key: row[key] for key in ("type", "record_id", *SAID_OF_A_FILE)}
        if {**stands, "is_removed": row["removed_at"] is not None} != said:
            yield CHANGED_ROW.with_(where=where, name=row["name"])
        sha256_ = row["sha256"]
        if row["erased_at"] is not None:
            continue
        if sha256_ not in bytes_of:
            bytes_of[sha256_] = file_store.hash_of(sha256_)
        if bytes_of[sha256_] != sha256_:
            text = LOST_FILE if bytes_of[sha256_] is None else CHANGED_FILE
            yield text.with_(where=where, name=row["name"])
    for said in told.values():
        yield LOST_ROW.with_(where=_where(said["type"], said["record_id"]), name=said["name"])


def _files_told(session: Any) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for type_, record_id, files in _told(session, FILES):
        for file in files:
            is_removed = "removed" in file
            said = file["removed" if is_removed else "added"]
            found[said["id"]] = {"type": type_, "record_id": record_id, "is_removed": is_removed,
                                 **{key: said.get(key) for key in SAID_OF_A_FILE}}
    return found


def of_archives(session: Any) -> Iterator[Text]:
    """Every archive lies in the file store as it was made."""
    for archive in session.execute(sa.select(Archive.id, Archive.sha256).order_by(Archive.id)):
        if file_store.hash_of(archive.sha256) != archive.sha256:
            yield WRONG_ARCHIVE.with_(id=archive.id)


# Comments ---------------------------------------------------------------------------------------------------------

def of_comments(session: Any) -> Iterator[Text]:
    """Every comment has its row, on its record and with its words, withdrawn or not as the audit says."""
    told = {said["id"]: {**said, "type": type_, "record_id": record_id}
            for type_, record_id, said in _told(session, COMMENT)}
    erased_ = _ids_erased(session, "comments")
    query = sa.select(*Comment.__table__.columns).order_by(Comment.id).execution_options(yield_per=2000)
    for row in session.execute(query):
        said, stands = told.pop(row.id, None), {"id": row.id, "type": row.type, "record_id": row.record_id, **said_of(row)}
        if said is not None and row.id in erased_:
            said["sha256"] = digest(GONE)
        if said != stands:
            yield CHANGED_COMMENT.with_(where=_where(row.type, row.record_id), id=row.id)
    for said in told.values():
        yield LOST_COMMENT.with_(where=_where(said["type"], said["record_id"]), id=said["id"])


def said_of(row: Any) -> dict[str, Any]:
    """What an entry says of a comment: its words only as a hash, so that withdrawing one takes them from the page."""
    return {"id": row.id, "sha256": digest(row.text), "author_id": row.author_id,
            "is_withdrawn": row.withdrawn_at is not None}


# Signatures -------------------------------------------------------------------------------------------------------

def said_of_signature(row: Signature) -> dict[str, Any]:
    """What an entry says of a signature: all of it but the reminders, the comment as a hash (the entry has its words)."""
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.astimezone(UTC).replace(microsecond=0).isoformat()
        return f"{value:.2f}" if isinstance(value, Decimal) else value
    said = {name: plain(getattr(row, name)) for name in SAID_OF_A_SIGNATURE}
    return {**said, "comment": digest(row.comment) if row.comment else None}


def of_signatures(session: Any) -> Iterator[Text]:
    """Every signature is what the audit says it is; its hash is that of the content kept with the round; and the record
    says what was signed, but for what its audit says was changed since."""
    told: dict[tuple[Any, ...], dict[str, Any]] = {}
    for type_, record_id, rows in _told(session, SIGNATURES):
        for said in rows:
            told[type_, record_id, said["round"], said["position"]] = said
    yield from _signatures_as_told(session, told)
    yield from _contents_as_signed(session)
    yield from _records_as_signed(session)


def _signatures_as_told(session: Any, told: dict[tuple[Any, ...], dict[str, Any]]) -> Iterator[Text]:
    query = sa.select(Signature).order_by(Signature.id)
    last_id = 0
    while batch := session.scalars(query.where(Signature.id > last_id).limit(1000)).all():
        for row in batch:
            last_id = row.id
            key = (row.type, row.record_id, row.round, row.position)
            if told.pop(key, None) != said_of_signature(row):
                yield CHANGED_SIGNATURE.with_(where=_where(row.type, row.record_id), **_which(row.round, row.role))
        session.expunge_all()
    for (type_, record_id, round_, _), said in told.items():
        yield LOST_SIGNATURE.with_(where=_where(type_, record_id), **_which(round_, said["role"]))


def _which(round_: int, role: str) -> dict[str, Any]:
    return {"round": round_, "role": ROLES[role].label if role in ROLES else role}


def _contents_as_signed(session: Any) -> Iterator[Text]:
    """Each round's kept content hashes to what all its signatures name, or to what its erasing left of it."""
    left = {(type_, record_id, int(round_)): hash_ for type_, record_id, said in erased(session, "signed")
            for round_, hash_ in said.items()}
    named: dict[tuple[Any, ...], set[str]] = {}
    for *key, hash_ in session.execute(sa.select(
            Signature.type, Signature.record_id, Signature.round, Signature.content_hash).distinct()):
        named.setdefault(tuple(key), set()).add(hash_)
    kept = SignedContent.__table__.c
    for *key, content in session.execute(
            sa.select(kept.type, kept.record_id, kept.round, kept.content).execution_options(yield_per=500)):
        was_named = named.pop(tuple(key), None)
        if {hash_of(content)} != ({left[tuple(key)]} if tuple(key) in left else was_named):
            yield CHANGED_CONTENT.with_(where=_where(*key[:2]), round=key[2])
    for type_, record_id, round_ in named:
        yield CHANGED_CONTENT.with_(where=_where(type_, record_id), round=round_)


def _records_as_signed(session: Any) -> Iterator[Text]:
    """The last round of each record, where somebody signed it."""
    newest = sa.select(Signature.type, Signature.record_id, sa.func.max(Signature.round).label("round"),
                       sa.func.max(Signature.revision).label("revision")).where(
        Signature.state == "signed").group_by(Signature.type, Signature.record_id).subquery()
    query = sa.select(newest.c.revision, SignedContent).join(newest, sa.and_(
        *(newest.c[name] == getattr(SignedContent, name) for name in ("type", "record_id", "round"))))
    for revision, kept in session.execute(query.execution_options(yield_per=200)):
        spec = Record.types.get(kept.type)
        record = session.get(spec.model, kept.record_id) if spec else None
        if record is None:
            continue
        now, changed = signed_content(record), _changed_since(session, kept, revision)
        for name in (*_differing(kept.content, now, "fields"), *_differing(kept.content, now, "lines")):
            if name not in changed:
                yield NOT_AS_SIGNED.with_(where=_where(kept.type, kept.record_id), name=name)
        session.expunge(record)


def _differing(then: Mapping[str, Any], now: Mapping[str, Any], part: str) -> list[str]:
    """Fields or child tables that both know and that say something else now."""
    return [name for name, value in then[part].items() if name in now[part] and now[part][name] != value]


def _changed_since(session: Any, kept: SignedContent, revision: int) -> set[str]:
    """What the audit says was changed after the round was opened."""
    found: set[str] = set()
    for changes in session.scalars(sa.select(AuditEntry.changes).where(
            AuditEntry.type == kept.type, AuditEntry.record_id == kept.record_id, AuditEntry.revision > revision)):
        found |= set(changes) | set(changes.get("lines", ()))
    return found
