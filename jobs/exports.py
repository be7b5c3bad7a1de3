"""A large export: written by a worker with the rights that its asker has then, kept for some days, and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from jobs.progress import Progress
from models.base import db
from models.spec import Invalid, Refused, RecordType, Text
from models.transfers import Export
from rules import access, export_files, file_store, lists, notices, registry, transfers
from rules.act import Act
from rules.checks import Looks
from rules.records import allow

READY = Text("“{type}”的导出文件已生成（{rows} 行），请到“我的导出”下载",
             "The export of “{type}” is ready ({rows} rows): see “My exports”")
FAILED = Text("“{type}”导出失败：{reason}", "The export of “{type}” failed: {reason}")
NO_TYPE = Text("这类单据已不存在", "There is no such record type any more")


def run(id_: int) -> None:
    """Write the file and tell who asked. Whoever comes second finds it done; what a killed job has written is swept."""
    export = db.session.get(Export, id_, populate_existing=True)
    if export is None or export.state != "queued":
        return
    try:
        spec = registry.type_named(export.type)
        if spec is None:
            raise Refused(NO_TYPE)
        _write(export, spec)
    except Refused as refused:
        _fail(id_, refused.reason)
    except Invalid as invalid:
        _fail(id_, next(iter(invalid.errors.values())))


Tell = Callable[[int], None]


class Taking(Protocol):
    """What leaves: how many rows of a snapshot, and how they are written. Raises Refused."""

    def count(self, snapshot: export_files.Snapshot) -> int: ...

    def write(self, snapshot: export_files.Snapshot, total: int, path: Path, tell: Tell) -> None: ...


# How a question is answered that is not one of a list page; set by the door that takes such questions. They say so by
# a word of this name.
OTHER_GRAMMARS: dict[str, Callable[[access.Actor, RecordType, Export], Taking]] = {}


@dataclass(frozen=True)
class _ListAsFiltered:
    """The rows of a list page."""

    wanted: export_files.Wanted

    def count(self, snapshot: export_files.Snapshot) -> int:
        return snapshot.count(self.wanted)

    def write(self, snapshot: export_files.Snapshot, total: int, path: Path, tell: Tell) -> None:
        export_files.write(snapshot, self.wanted, total, path, tell)


def _taking(actor: access.Actor, spec: RecordType, export: Export) -> Taking:
    grammar = OTHER_GRAMMARS.get(export.question.get("grammar", ""))
    if grammar is not None:
        return grammar(actor, spec, export)
    question = transfers.question(export.question)
    where = lists.conditions(spec, actor, question, Looks(db.session, actor))
    return _ListAsFiltered(export_files.Wanted(spec, where, question.sort, actor, export.format, export.header))


def _write(export: Export, spec: RecordType) -> None:
    actor = transfers.asker(db.session, export.asked_by_id, export.language, "job", export.question.get("scope"))
    allow(access.may(actor, "export", spec))
    taking, id_ = _taking(actor, spec, export), export.id
    db.session.rollback()   # the snapshot is a transaction of its own
    with export_files.Snapshot(db.engine) as snapshot:
        total = taking.count(snapshot)
        progress = Progress("export", id_)

        def write(path: Any) -> None:
            taking.write(snapshot, total, path, lambda rows: progress.tell(100 * rows // max(1, total)))
        with file_store.outgoing(write) as written:
            snapshot.close()
            written.keep()
            _finish(id_, actor, spec, total, written)


def _finish(id_: int, actor: access.Actor, spec: RecordType, total: int, written: file_store.Incoming) -> None:
    act = Act(db.session, actor)
    export = _locked(id_)
    if export is None:
        return
    transfers.note_export(act, spec, export.format, export.question, total)
    export.state, export.total, export.finished_at = "done", total, act.now
    export.sha256, export.size = written.sha256, written.size
    export.rights = transfers.rights(actor, spec)
    export.expires_at = act.now + timedelta(days=act.parameter("export_days"))
    _tell(act, export, READY.with_(type=spec.label, rows=f"{total:,}"))
    db.session.commit()


def _fail(id_: int, reason: Text) -> None:
    db.session.rollback()
    act, export = Act(db.session, access.Actor.system()), _locked(id_)
    if export is not None:
        export.state, export.finished_at, export.error_zh, export.error_en = "failed", act.now, reason.zh, reason.en
        spec = registry.type_named(export.type)
        _tell(act, export, FAILED.with_(type=spec.label if spec else export.type, reason=reason))
        db.session.commit()


def _locked(id_: int) -> Export | None:
    """Nobody else's until the transaction ends; None if somebody else has finished it."""
    found = db.session.scalar(sa.select(Export).where(Export.id == id_, Export.state == "queued").with_for_update()
                              .execution_options(populate_existing=True))
    if found is None:
        db.session.rollback()
    return found


def _tell(act: Act, export: Export, text: Text) -> None:
    act.session.flush()
    notices.tell_house_people(act, [export.asked_by_id], text, kind="transfer", key=f"export:{export.id}")
