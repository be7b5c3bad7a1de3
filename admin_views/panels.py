"""The panels of a record's page for what hangs on it: files and comments, prepared so that templates only lay it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.spec import RecordType, Text
from rules import access, attachments, comments, exports, file_types, moves, proof

WITHDRAWN = Text("（已撤回）", "(withdrawn)")
FILE = Text("附件", "File")
# What the chooser of a phone or computer offers first; what may come in is decided by the bytes.
ACCEPT = ",".join(("image/*", "video/mp4", "video/quicktime", *(
    f".{ending}" for kind in file_types.ACCEPTED for ending in kind.endings)))


# Files ------------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class FileShown:
    href: str
    name: str
    size: str
    who: str
    at: datetime
    of_field: str              # the label of the file field that it answers
    is_picture: bool
    ending: str
    may_remove: bool


@dataclass(frozen=True)
class Files:
    """`shown` is empty where the reader may not open them; `count` says that they are there."""

    shown: list[FileShown]
    count: int
    closed: str
    why_not: str
    largest: int
    accept: str = ACCEPT


def files(act: Any, record: Any, offers: Iterable[moves.Offer], plain: bool) -> Files:
    spec, actor = record.spec, act.actor
    found = attachments.of(act.session, record)
    is_open = plain or bool(attachments.may_open(actor, spec))
    verdict = attachments.may_add(act, record, offers)
    return Files(
        shown=[_file(record, actor, one) for one in found] if is_open else [], count=len(found),
        closed="" if is_open else attachments.CLOSED.in_(actor.language),
        why_not=verdict.reason.in_(actor.language) if verdict.reason else "",
        largest=attachments.largest(act.session) if verdict else 0)


def _file(record: Any, actor: access.Actor, one: attachments.Shown) -> FileShown:
    file, field = one.file, attachments.field_at(record.spec, one.file.field)
    return FileShown(
        f"{files_at(record)}{file.id}", file.name, size_text(file.size), one.who, file.uploaded_at,
        field.label.in_(actor.language) if field else "", file.media_type in file_types.PICTURES,
        file.name.rpartition(".")[2].upper()[:5], bool(attachments.may_remove(actor, record, file)))


def files_at(record: Any) -> str:
    return f"/admin/{record.spec.name}/{record.id}/attachments/"


def size_text(size: int) -> str:
    if size < 1 << 20:
        return f"{max(1, round(size / 1024))} KB"
    return f"{size / (1 << 20):.1f} MB" if size < 1 << 30 else f"{size / (1 << 30):.1f} GB"


# Comments ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class CommentShown:
    id: int
    who: str
    at: datetime
    parts: list[tuple[str, bool]]      # (words, whether they are a mention)
    is_withdrawn: bool
    is_new: bool
    may_withdraw: bool


@dataclass(frozen=True)
class Talk:
    shown: list[CommentShown]
    unsaid: str                        # what was typed and could not be kept, and why
    problem: str
    longest: int = comments.LENGTH

    @property
    def is_news(self) -> bool:
        return any(one.is_new for one in self.shown)


def talk(act: Any, record: Any, unsaid: tuple[str, str] = ("", "")) -> Talk:
    heard = comments.of(act.session, act.actor, record)
    return Talk([_comment(act.actor, record, one) for one in heard], *unsaid)


def _comment(actor: access.Actor, record: Any, heard: comments.Heard) -> CommentShown:
    comment, is_withdrawn = heard.comment, heard.comment.withdrawn_at is not None
    parts = [] if is_withdrawn else comments.parts(comment.text, heard.names)
    return CommentShown(comment.id, heard.who, comment.created_at, parts, is_withdrawn, heard.is_new,
                        bool(comments.may_withdraw(actor, record, comment)))


# In the timeline --------------------------------------------------------------------------------------------------

def said(changes: Mapping[str, Any], talk_: Talk, language: str) -> str:
    """The words that an entry of the audit stands for."""
    told = changes.get(proof.COMMENT)
    if told is None or told["is_withdrawn"]:
        return ""
    shown = next((one for one in talk_.shown if one.id == told["id"]), None)
    if shown is None or shown.is_withdrawn:
        return WITHDRAWN.in_(language)
    return "".join(words for words, _ in shown.parts)


def file_changes(spec: RecordType, changes: Mapping[str, Any], language: str,
                 plain: bool) -> Iterable[tuple[str, str, str]]:
    """(label, what went, what came) of the files that no field of the form names."""
    for told in changes.get(proof.FILES, ()):
        is_new = "added" in told
        file = told["added" if is_new else "removed"]
        if file["field"] not in spec.fields:
            name = exports.HIDDEN if spec.holds_private and not plain else file["name"]
            yield FILE.in_(language), "" if is_new else name, name if is_new else ""


def file_names(changes: Mapping[str, Any]) -> dict[tuple[str, Any], str]:
    """What the files of an entry are called, by the key under which file fields keep them."""
    told = (next(iter(one.values())) for one in changes.get(proof.FILES, ()))
    return {("file", file["id"]): file["name"] for file in told}
