"""Files that leave and come in by way of a job: who asked, who may have them, and when they are gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from models.people import User
from models.spec import RecordType, Refused, Text
from models.transfers import BUSY, KEPT, Export, Import, ImportedRow, ImportProblem
from rules import access, audit, lists, outbox, records

MOST_WAITING = 5
AT_ONCE = 500
ASKED = ("filters", "filter", "search", "fields")   # of a question, what the audit keeps
TOO_MANY = Text("您已有 {count} 个导出在排队，请等其中一个完成", "{count} of your exports are waiting: let one of them finish")
GONE = Text("这个文件已过期删除，请重新导出", "This file has been removed: export again")
CHANGED = Text("导出之后您的权限有变化，请重新导出", "Your rights have changed since this export: export again")
NOT_READY = Text("文件还没有生成", "The file is not ready yet")
LEFT = Text("提出导出的人已停用", "Whoever asked for it is no longer active")


# Exports ----------------------------------------------------------------------------------------------------------

def ask(act: Any, spec: RecordType, question: Mapping[str, Any], format_: str, header: str) -> Export:
    """An export by a job; who asks for the same once more while it waits gets the same. Flushes. Raises Refused."""
    records.allow(access.may(act.actor, "export", spec))
    waiting = act.session.scalars(sa.select(Export).where(
        Export.asked_by_id == act.actor.id, Export.state == "queued").order_by(Export.id)).all()
    wanted = (spec.name, format_, header, dict(question))
    same = next((one for one in waiting if (one.type, one.format, one.header, one.question) == wanted), None)
    if same is not None:
        return same
    if len(waiting) >= MOST_WAITING:
        raise Refused(TOO_MANY.with_(count=len(waiting)))
    export = Export(type=spec.name, format=format_, header=header, question=dict(question), asked_by_id=act.actor.id,
                    asked_at=act.now, language=act.actor.language)
    act.session.add(export)
    act.session.flush()
    outbox.put(act, "export", [export.id])
    return export


def asker(session: Any, id_: int, language: str | None, door: str,
          scope: Mapping[str, Sequence[str]] | None = None) -> access.Actor:
    """Who asked, with the rights of today, and no further than the token went by which they did. Raises Refused if they
    have left."""
    user = session.get(User, id_, populate_existing=True)
    if user is None or not user.is_active:
        raise Refused(LEFT)
    held = access.Scope(frozenset(scope["types"]), frozenset(scope["verbs"])) if scope is not None else None
    return access.Actor.of(user, door, language or user.language or "zh", scope=held)


def scope_told(actor: access.Actor) -> dict[str, list[str]] | None:
    """How far the token goes by which an export was asked for: its job goes no further."""
    return None if actor.scope is None else {"types": sorted(actor.scope.types), "verbs": sorted(actor.scope.verbs)}


def own_export(session: Any, actor: access.Actor, id_: int) -> Export | None:
    """An export is seen by who asked for it."""
    return session.scalar(sa.select(Export).where(Export.id == id_, Export.asked_by_id == actor.id))


def rights(actor: access.Actor, spec: RecordType) -> str:
    """Changes with whatever decides which rows and which of their fields the person sees."""
    told = [sorted(actor.roles), sorted(actor.units), sorted(actor.dealer_ids), access.sees_private(actor, spec),
            access.sees_all(actor, spec), sorted(access.letters(actor, spec))]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def hand_out(act: Any, export: Export, spec: RecordType) -> str:
    """The hash under which the file lies, for who asked for it and with their rights of today. Raises Refused."""
    records.allow(access.may(act.actor, "export", spec))
    if export.state != "done" or export.sha256 is None:
        raise Refused(GONE if export.state == "expired" else NOT_READY)
    if export.expires_at is not None and export.expires_at <= act.now:
        raise Refused(GONE)
    if export.rights != rights(act.actor, spec):
        raise Refused(CHANGED)
    if act.actor.scope is not None and export.question.get("scope") != scope_told(act.actor):
        records.allow(access.NOT_IN_TOKEN)   # what another token has taken may go further
    audit.note(act.session, act, "download", spec.name, str(export.id), {"sha256": export.sha256})
    return export.sha256


def note_export(act: Any, spec: RecordType, format_: str, question: Mapping[str, Any], rows: int) -> None:
    """On record before the first byte leaves."""
    asked = {name: question[name] for name in ASKED if name in question}
    audit.note(act.session, act, "export", spec.name, changes={**asked, "format": format_, "rows": rows})


def question(kept: Mapping[str, Any]) -> lists.Question:
    return lists.Question(**kept)


# Imports ----------------------------------------------------------------------------------------------------------

def own_place(actor: access.Actor, spec: RecordType) -> str:
    """The same file of two dealers is not the same import: each row is held to its own."""
    held = access.own_scope(actor, spec)
    return "" if held is None else f"{held[0].name}:{','.join(str(value) for value in held[1])}"


def mine(session: Any, actor: access.Actor, spec: RecordType, id_: int, *, lock: bool = False) -> Import | None:
    """An import is seen by who brought the file, which may hold what nobody else may see."""
    query = sa.select(Import).where(Import.id == id_, Import.type == spec.name, Import.asked_by_id == actor.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


def imported_before(session: Any, run: Import) -> Import | None:
    """Where the same file came in already and has not been undone."""
    return session.scalar(sa.select(Import).where(
        Import.type == run.type, Import.sha256 == run.sha256, Import.own == run.own, Import.id != run.id,
        Import.state.in_(KEPT)))


def name_of(session: Any, person_id: int) -> str:
    return session.scalar(sa.select(User.name).where(User.id == person_id)) or "?"


# What has been kept long enough -----------------------------------------------------------------------------------

def expire(act: Any) -> tuple[int, int]:
    """Files that were kept long enough: nothing names their bytes any more, and the journal of an import goes."""
    gone = act.session.execute(sa.update(Export).where(Export.state == "done", Export.expires_at <= act.now)
                               .values(state="expired", sha256=None)).rowcount
    before = act.now - timedelta(days=act.parameter("import_days"))
    ids = list(act.session.scalars(sa.select(Import.id).where(
        Import.file_gone_at.is_(None), Import.asked_at < before, Import.state.not_in(BUSY))))
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start:start + AT_ONCE]
        for model in (ImportedRow, ImportProblem):
            act.session.execute(sa.delete(model).where(model.import_id.in_(part)))
        ended = sa.case((Import.state.in_(("done", "undone")), Import.state), else_="expired")
        act.session.execute(sa.update(Import).where(Import.id.in_(part)).values(state=ended, file_gone_at=act.now))
    return gone, len(ids)
