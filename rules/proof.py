"""The proof of what hangs on records: that files and comments are still what the audit said when they came."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.comments import Comment
from models.files import Attachment
from models.history import AuditEntry
from models.retention import Archive
from models.spec import Text
from rules import file_store

FILES, COMMENT, ERASED = "+files", "+comment", "+erased"   # where an entry's changes speak of them; no field can be called so
GONE = "—"   # what is left of the words of a comment, and of the name of a file, that were erased
SAID_OF_A_FILE = ("field", "name", "media_type", "size", "sha256")
CHANGED_FILE = Text("{where}：附件“{name}”的内容被改动", "{where}: the content of the file “{name}” was changed behind its audit")
LOST_FILE = Text("{where}：附件“{name}”的文件丢失", "{where}: the file “{name}” is missing in the file store")
CHANGED_ROW = Text("{where}：附件“{name}”的登记与审计记录不符", "{where}: the entry of the file “{name}” is not what the audit says")
LOST_ROW = Text("{where}：附件“{name}”的登记被删除", "{where}: the entry of the file “{name}” was deleted behind its audit")
WRONG_ARCHIVE = Text("归档 {id}：文件丢失或被改动", "archive {id}: its file is missing or was changed")
CHANGED_COMMENT = Text("{where}：评论 {id} 与审计记录不符", "{where}: comment {id} is not what the audit says")
LOST_COMMENT = Text("{where}：评论 {id} 被删除", "{where}: comment {id} was deleted behind its audit")


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
    """What the anonymising of records says about `entries`, `files` or `comments`."""
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
