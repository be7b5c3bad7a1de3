"""Files on records: who may add, see and remove them, and how a file comes from a form to its record.

The bytes are in the store before the row is written. Removing is an act of its own: the row stays, with who and when.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import sqlalchemy as sa

from models.files import Attachment
from models.people import User
from models.spec import VOID, Field, Invalid, Kind, RecordType, Refused, Text
from rules import access, audit, file_store, file_types, moves, parameters, proof, records

TOO_LARGE = Text("“{name}”超过 {most} MB，单个文件最多 {most} MB", "“{name}” is larger than {most} MB, the most for one file")
TOO_MANY = Text("“{name}”放不下了：每条记录最多 {most} 个附件", "“{name}” is one too many: a record takes at most {most} files")
THERE_ALREADY = Text("“{name}”已经在附件里", "“{name}” is attached already")
NOTHING = Text("请选择要上传的文件", "Choose the files to attach")
VOIDED = Text("记录已作废，附件不能再增减", "The record is void: no file is added or removed any more")
NOT_YOURS = Text("附件由能修改记录的人，或办理当前步骤的人添加",
                 "Files are added by whoever edits the record or makes a move in its present state")
NOT_YOUR_FILE = Text("附件只能由上传人或能修改记录的人移除", "A file is removed by its uploader or an editor of the record")
IN_THE_FORM = Text("它填在“{label}”里，请到修改页更换或去掉", "It answers “{label}”: replace it or take it away in the form")
CLOSED = Text("附件里可能有个人信息，只给填写这类记录的人看",
              "The files may hold personal data: they are open only to those who write such records")
NAME_LENGTH = 200


# Coming in --------------------------------------------------------------------------------------------------------

class Upload(NamedTuple):
    """A file whose bytes are in the store, before it belongs to anything."""

    name: str
    media_type: str
    size: int
    sha256: str


def take_in(source: IO[bytes], raw_name: str, megabytes: int) -> Upload:
    """Put the bytes into the store, if they are of a kind and size that may come in. Raises Refused."""
    name = clean_name(raw_name)
    try:
        with file_store.incoming(source, megabytes << 20) as arrived:
            kind = file_types.recognise(arrived.path, name)
            arrived.keep()
            return Upload(_with_ending(name, kind), kind.media_type, arrived.size, arrived.sha256)
    except file_store.TooLarge:
        raise Refused(TOO_LARGE.with_(name=name, most=megabytes)) from None


def largest(session: Any) -> int:
    """In megabytes."""
    return parameters.value(session, "attachment_megabytes")


# Control characters, lone surrogates, and marks that turn the direction of reading (`gpj.exe` shown as `exe.jpg`).
_FOREIGN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean_name(raw: str) -> str:
    """The name as it came, without the folders before it and without what cannot be seen."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", raw))[-1]
    return _short(" ".join(_FOREIGN.sub("", last).split()).strip(". ")) or "file"


def _short(name: str) -> str:
    if len(name) <= NAME_LENGTH:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[:NAME_LENGTH - 1 - len(ending)]}.{ending}" if dot and len(ending) < 10 else name[:NAME_LENGTH]


def _with_ending(name: str, kind: file_types.FileType) -> str:
    """A name promises no other kind than its bytes are: `contract.exe` that is a PDF becomes `contract.exe.pdf`."""
    if name.lower().endswith(tuple(f".{ending}" for ending in kind.endings)):
        return name
    return f"{name[:NAME_LENGTH - 1 - len(kind.endings[0])]}.{kind.endings[0]}"


# Who may ----------------------------------------------------------------------------------------------------------

def may_add(act: Any, record: Any, offers: Iterable[moves.Offer] | None = None) -> access.Verdict:
    """Who may edit the record now, or makes one of its next moves; a job too. `offers`: the moves, where they are known
    already."""
    spec, state = record.spec, record.state
    if state == VOID:
        return access.Verdict(VOIDED)
    if spec.workflow.is_terminal(state):
        return access.CLOSED
    if act.actor.is_system or access.may(act.actor, "edit", spec, record):
        return access.YES
    if offers is None:
        found = any(moves.may_move(act.session, act.actor, record, move)
                    for move in spec.workflow.moves_from(state) if move.goes_on)
    else:
        found = any(offer.is_mine and offer.move.goes_on for offer in offers)
    return access.YES if found else access.Verdict(NOT_YOURS)


def may_remove(actor: access.Actor, record: Any, file: Attachment) -> access.Verdict:
    """Its uploader, or an editor of the record, while it has not ended and nobody is signing it."""
    spec = record.spec
    if spec.workflow.is_terminal(record.state):
        return access.Verdict(VOIDED) if record.state == VOID else access.CLOSED
    if access.is_being_signed(record):
        return access.UNDER_SIGNATURE
    if file.field:
        return access.Verdict(IN_THE_FORM.with_(label=_label(spec, file.field)))
    is_mine = actor.id is not None and file.uploaded_by_id == actor.id
    return access.YES if is_mine or access.may(actor, "edit", spec, record) else access.Verdict(NOT_YOUR_FILE)


def may_open(actor: access.Actor, spec: RecordType) -> access.Verdict:
    """For someone who sees the record: what is attached where personal data are kept is personal too."""
    return access.YES if not spec.holds_private or access.sees_private(actor, spec) else access.Verdict(CLOSED)


def _label(spec: RecordType, path: str) -> Text:
    field = field_at(spec, path)
    return field.label if field else Text(path, path)


def field_at(spec: RecordType, path: str) -> Field | None:
    """`evidence`, or `visits.photo` of a child table: the file field of this name."""
    head, _, rest = path.partition(".")
    fields = spec.lines[head].fields if rest and head in spec.lines else spec.fields
    field = fields.get(rest or head)
    return field if field is not None and field.kind is Kind.FILE else None


# The files of a record --------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Shown:
    """A file as a page tells of it."""

    file: Attachment
    who: str


def of(session: Any, record: Any) -> list[Shown]:
    """What is attached, oldest first: one statement."""
    rows = session.execute(
        sa.select(Attachment, User.name).outerjoin(User, User.id == Attachment.uploaded_by_id).where(*_present(record))
        .order_by(Attachment.id))
    return [Shown(file, who or "") for file, who in rows]


def find(session: Any, record: Any, id_: int) -> Attachment | None:
    return session.scalar(sa.select(Attachment).where(*_present(record), Attachment.id == id_))


def _present(record: Any) -> tuple[Any, ...]:
    return Attachment.type == record.spec.name, Attachment.record_id == record.id, Attachment.removed_at.is_(None)


def add(act: Any, record: Any, uploads: Sequence[Upload]) -> list[Text]:
    """Attach what has come in; why some of it could not be. Raises Refused if the actor may not, flushes."""
    records.allow(may_add(act, record))
    present = [shown.file for shown in of(act.session, record)]
    known, most = {(file.name, file.sha256) for file in present}, parameters.value(act.session, "attachment_count")
    new: list[Attachment] = []
    refused = []
    for upload in uploads:
        if (upload.name, upload.sha256) in known:
            refused.append(THERE_ALREADY.with_(name=upload.name))
        elif len(present) + len(new) >= most:
            refused.append(TOO_MANY.with_(name=upload.name, most=most))
        else:
            known.add((upload.name, upload.sha256))
            new.append(_row(act, record.spec, upload, record_id=record.id))
    if new:
        _account(act, record, "attach", [{"added": audit.file_told(file)} for file in new])
    return refused


def remove(act: Any, record: Any, file: Attachment) -> None:
    """Raises Refused; flushes."""
    records.allow(may_remove(act.actor, record, file))
    file.removed_at, file.removed_by_id = act.now, act.actor.id
    _account(act, record, "detach", [{"removed": audit.file_told(file)}])


def _row(act: Any, spec: RecordType, upload: Upload, *, record_id: int | None = None, field: str = "") -> Attachment:
    file = Attachment(type=spec.name, record_id=record_id, field=field, uploaded_by_id=act.actor.id, uploaded_at=act.now,
                      **upload._asdict())
    act.session.add(file)
    act.session.flush()
    return file


def _account(act: Any, record: Any, action: str, told: list[dict[str, Any]]) -> None:
    audit.remark(act, record, action, {proof.FILES: told})
    record.updated_at, record.updated_by_id = act.now, act.actor.id
    records.flush(act.session, record)


# The files of forms -----------------------------------------------------------------------------------------------

def stage(act: Any, spec: RecordType, path: str, upload: Upload) -> Attachment:
    """A file that came with a form: its uploader's until the form is saved, and kept if it is refused. Flushes."""
    if field_at(spec, path) is None:
        raise Invalid({path: Text("没有这个字段", "There is no such field")})
    return _row(act, spec, upload, field=path)


def names(session: Any, ids: Sequence[int]) -> dict[int, str]:
    query = sa.select(Attachment.id, Attachment.name).where(Attachment.id.in_(ids))
    return dict(session.execute(query).all()) if ids else {}


def staged_by(session: Any, actor: access.Actor, id_: int) -> Attachment | None:
    """A file of a form that this person has not saved yet."""
    return session.scalar(sa.select(Attachment).where(
        Attachment.id == id_, Attachment.record_id.is_(None), Attachment.uploaded_by_id == actor.id))


def settle(session: Any, record: Any, entry: dict[str, Any]) -> None:
    """After a flush that changed file fields: what came belongs to the record, what went is removed."""
    table, at = Attachment.__table__, entry["at"]
    for told in entry["changes"].get(proof.FILES, ()):
        if "added" in told:
            values = {"type": record.spec.name, "record_id": record.id}
            where = [table.c.id == told["added"]["id"], table.c.record_id.is_(None)]
        else:
            values = {"removed_at": at, "removed_by_id": entry["actor_id"]}
            where = [table.c.id == told["removed"]["id"], table.c.record_id == record.id]
        if session.connection().execute(sa.update(table).where(*where).values(**values)).rowcount != 1:
            raise Refused(records.JUST_CHANGED, stale=True)

