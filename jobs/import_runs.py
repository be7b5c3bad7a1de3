"""An import step by step: checked row by row, brought in with a journal, undone as a whole. Each step may die at any
moment and be done again: it goes on behind the rows that are dealt with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from jobs.import_files import Row
from jobs.import_pieces import Kept, Known, NamesOfRows, Piece, in_pieces, rows_of
from jobs.import_stream import Source, fields_of
from jobs.progress import Progress
from models.base import db
from models.spec import VOID, Invalid, RecordType, Refused, Text
from models.transfers import Import, ImportedRow, ImportProblem
from rules import access, audit, file_store, lists, moves, notices, outbox, parameters, registry, transfers
from rules.act import Act
from rules.records import allow

PIECE = 200            # rows of one transaction
NAMED = 10             # records that a sentence names
NO_TYPE = Text("这类单据已不存在", "There is no such record type any more")
NOT_NOW = Text("这个导入现在不能这样做", "This cannot be done with the import now")
NO_COLUMN = Text("请至少给一列选择字段", "Choose a field for at least one column")
TWICE = Text("“{label}”只能选给一列", "“{label}” can be chosen for one column only")
NO_FIELD = Text("没有字段“{name}”", "There is no field “{name}”")
HAS_BAD = Text("有 {count} 行有误，请改正后重新上传，或选择跳过有误的行",
               "{count} rows are bad: correct them and bring the file again, or leave them out")
SAME = Text("这个文件已于 {when} 导入过（{who}），没有再次导入；如需重来，请先撤销那次导入",
            "This file was imported at {when} by {who}: nothing was changed. To do it again, undo that import first")
TOUCHED = Text("有 {count} 条记录在导入后又有改动，不能撤销：{numbers}",
               "{count} records were touched since the import, which cannot be undone: {numbers}")
NO_WAY = Text("{number}：当前状态没有可用的作废操作", "{number}: no move calls it off in its present state")
AT_RECORD = Text("{number}：{reason}", "{number}: {reason}")
TOO_OLD = Text("导入记录已过保留期，不能撤销", "The journal of this import is no longer kept: it cannot be undone")
CHECKED = Text("“{type}”导入检查完成：{name}，有误 {bad} 行", "The import of “{type}” is checked: {name}, bad rows: {bad}")
DONE = Text("“{type}”导入完成：{name}，新建 {created}，更新 {updated}，有误 {bad} 行",
            "The import of “{type}” is done: {name}, created {created}, updated {updated}, bad rows {bad}")
FAILED = Text("“{type}”导入没有完成：{name}，{reason}", "The import of “{type}” was not carried out: {name}, {reason}")
UNDONE = Text("“{type}”的导入已撤销：{name}", "The import of “{type}” is undone: {name}")


# What a person asks for: flush only, the door commits ------------------------------------------------------------

def source_of(run: Import, spec: RecordType) -> Source:
    return Source(spec, file_store.path_of(run.sha256), run.name, run.format)


def begin(act: Act, spec: RecordType, name: str, format_: str, sha256: str) -> Import:
    """A file that lies in the store and whose columns are still to be confirmed."""
    allow(access.may(act.actor, "create", spec))
    run = Import(type=spec.name, name=name, format=format_, sha256=sha256, own=transfers.own_place(act.actor, spec),
                 columns=[], asked_by_id=act.actor.id, asked_at=act.now)
    act.session.add(run)
    act.session.flush()
    return run


def ask_check(act: Act, spec: RecordType, run: Import, chosen: Sequence[str]) -> bool:
    """Check the file with these fields for its columns; True if a job does. Raises Refused or Invalid."""
    if run.state not in ("mapping", "checked"):
        raise Refused(NOT_NOW)
    run.columns = _mapped(spec, run, chosen)
    _begin_again(act, run, "checking")
    return _ask(act, run, "import_check")


def _mapped(spec: RecordType, run: Import, chosen: Sequence[str]) -> list[list[str]]:
    words, known = [word for word, _ in run.columns], fields_of(spec)
    chosen = [*chosen, *("",) * len(words)][:len(words)]
    for name in filter(None, chosen):
        if name not in known:
            raise Invalid({"columns": NO_FIELD.with_(name=name[:60])})
        if chosen.count(name) > 1:
            raise Invalid({"columns": TWICE.with_(label=known[name])})
    if not any(chosen):
        raise Invalid({"columns": NO_COLUMN})
    return [[word, name] for word, name in zip(words, chosen, strict=True)]


def _begin_again(act: Act, run: Import, state: str) -> None:
    run.state, run.place, run.error_zh, run.error_en = state, 0, None, None
    run.created = run.updated = run.bad = 0
    act.session.execute(sa.delete(ImportProblem).where(ImportProblem.import_id == run.id))
    if state == "checking":
        act.session.execute(sa.delete(ImportedRow).where(ImportedRow.import_id == run.id))
    act.session.flush()


def ask_start(act: Act, run: Import, mode: str) -> bool:
    """Bring it in: `whole`, all rows or none; `good`, without the bad ones. Raises Refused."""
    if run.state != "checked" or mode not in ("whole", "good"):
        raise Refused(NOT_NOW)
    if mode == "whole" and run.bad:
        raise Refused(HAS_BAD.with_(count=run.bad))
    if (same := transfers.imported_before(act.session, run)) is not None:
        raise Refused(same_file(act.session, same))
    run.mode = mode
    try:
        with act.session.begin_nested():
            _begin_again(act, run, "importing")
    except IntegrityError:   # somebody brought it in the same moment
        same = transfers.imported_before(act.session, run)
        raise Refused(same_file(act.session, same) if same else NOT_NOW) from None
    return _ask(act, run, "import_run")


def same_file(session: Any, same: Import) -> Text:
    return SAME.with_(when=f"{Act.local(same.asked_at):%Y-%m-%d %H:%M}", who=transfers.name_of(session, same.asked_by_id))


def ask_undo(act: Act, run: Import) -> bool:
    if run.state != "done":
        raise Refused(NOT_NOW)
    if run.file_gone_at is not None:
        raise Refused(TOO_OLD)
    run.state, run.error_zh, run.error_en = "undoing", None, None
    return _ask(act, run, "import_undo", act.comment)


def _ask(act: Act, run: Import, job: str, *more: str) -> bool:
    act.session.flush()
    if run.total <= parameters.value(act.session, "import_rows_at_once"):
        return False
    outbox.put(act, job, [run.id, *more])
    return True


# What is done ---------------------------------------------------------------------------------------------------

def check(id_: int) -> None:
    """Every row by the rules of the form, nothing kept: what is wrong, and which revisions were seen."""
    _carry_out(id_, "checking", _check)


def bring_in(id_: int) -> None:
    _carry_out(id_, "importing", lambda run, spec, actor: (_whole if run.mode == "whole" else _good)(run, spec, actor))


def undo(id_: int, reason: str) -> None:
    _carry_out(id_, "undoing", lambda run, spec, actor: _undo(run, spec, actor, reason))


def _carry_out(id_: int, state: str, step: Callable[[Import, RecordType, access.Actor], Text | None]) -> None:
    """One step with the rights that its person has now; what is refused leaves the import as it was before."""
    run = db.session.get(Import, id_, populate_existing=True)
    if run is None or run.state != state:
        db.session.rollback()
        return
    try:
        spec = registry.type_named(run.type)
        if spec is None:
            raise Refused(NO_TYPE)
        actor = transfers.asker(db.session, run.asked_by_id, None, "import")
        allow(access.may(actor, "create", spec))
        told = step(run, spec, actor)
    except (Refused, Invalid) as no:
        db.session.rollback()
        told = no.reason if isinstance(no, Refused) else next(iter(no.errors.values()))
        _give_up(id_, state, told)
    else:
        if told is not None:
            _tell(id_, told)


def _give_up(id_: int, state: str, reason: Text) -> None:
    run = _locked(id_, state)
    if run is not None:
        run.state = {"checking": "mapping", "importing": "checked", "undoing": "done"}[state]
        run.error_zh, run.error_en = reason.zh, reason.en
        db.session.commit()
        spec = registry.type_named(run.type)
        _tell(id_, FAILED.with_(type=spec.label if spec else run.type, name=run.name, reason=reason))


def _tell(id_: int, text: Text) -> None:
    """Only of what a job does: who waits for the page sees it there."""
    run = db.session.get(Import, id_)
    act = Act(db.session, access.Actor.system())
    if run.total > act.parameter("import_rows_at_once"):
        notices.tell_house_people(act, [run.asked_by_id], text, kind="transfer",
                                  key=f"import:{id_}:{run.state}:{int(act.now.timestamp())}")
    db.session.commit()


def _locked(id_: int, state: str) -> Import | None:
    """Nobody else's until the transaction ends; None if it is no longer in this state."""
    found = db.session.scalar(sa.select(Import).where(Import.id == id_, Import.state == state).with_for_update()
                              .execution_options(populate_existing=True))
    if found is None:
        db.session.rollback()
    return found


class _Steps:
    """The pieces of one file, and what the transactions of one job have in common."""

    def __init__(self, run: Import, spec: RecordType, actor: access.Actor) -> None:
        self.id, self.state, self.spec, self.actor = run.id, run.state, spec, actor
        self.total, self.columns, self.source = run.total, run.columns, source_of(run, spec)
        self.known = Known(NamesOfRows(db.session(), actor))
        self.progress = Progress("import", run.id)
        db.session.rollback()   # the run is read anew in each transaction

    def pieces(self) -> Iterable[list[Row]]:
        done = 0
        for rows in in_pieces(self.source.rows(self.columns), PIECE):
            yield rows
            done += len(rows)
            self.progress.tell(100 * done // max(1, self.total))

    def passed(self, rows: list[Row]) -> None:
        """Rows that are dealt with: what they call themselves is taken."""
        for row in rows:
            number = str(row.cells.get("number") or "").strip()
            if number:
                self.known.numbers.setdefault(number, row.place)

    def checked(self, rows: list[Row]) -> dict[int, int]:
        return dict(db.session.execute(sa.select(ImportedRow.place, ImportedRow.revision).where(
            ImportedRow.import_id == self.id, ImportedRow.place.in_([row.place for row in rows]))).all())

    def piece(self, rows: list[Row], checked: dict[int, int] | None) -> Piece:
        piece = Piece(Act(db.session, self.actor), self.spec, rows, self.known, checked)
        piece.run()
        return piece

    def write_problems(self, piece: Piece) -> int:
        rows = [{"import_id": self.id, "place": place, "field": path, "zh": text.zh, "en": text.en}
                for place, path, text in piece.problems]
        if rows:
            db.session.execute(sa.insert(ImportProblem), rows)
        return len(piece.bad_rows)


def _check(run: Import, spec: RecordType, actor: access.Actor) -> Text | None:
    steps = _Steps(run, spec, actor)
    for rows in steps.pieces():
        run = _locked(steps.id, steps.state)
        if run is None:
            return None
        if run.place >= rows[-1].place:   # before this job began anew, or by another
            steps.passed(rows)
            db.session.rollback()
            continue
        _check_piece(steps, run, rows)
        db.session.commit()
        db.session.expunge_all()
    return _checked(steps)


def _check_piece(steps: _Steps, run: Import, rows: list[Row]) -> None:
    attempt = db.session.begin_nested()
    piece = steps.piece(rows, None)
    seen = [{"import_id": steps.id, "place": kept.place, "record_id": kept.record.id, "revision": kept.revision,
             "is_kept": False} for kept in piece.kept if kept.before is not None]
    seen += [{"import_id": steps.id, "place": row.place, "record_id": piece.ids[id(row)], "revision": revision, "is_kept": False}
             for row, revision in piece.unchanged]
    created, updated = piece.created, sum(1 for kept in piece.kept if kept.before is not None)
    attempt.rollback()
    db.session.info.pop("saving", None)
    if seen:
        db.session.execute(sa.insert(ImportedRow), seen)
    run.bad += steps.write_problems(piece)
    run.created, run.updated, run.place = run.created + created, run.updated + updated, rows[-1].place


def _checked(steps: _Steps) -> Text | None:
    run = _locked(steps.id, steps.state)
    if run is None:
        return None
    run.state = "checked"
    told = CHECKED.with_(type=steps.spec.label, name=run.name, bad=run.bad)
    db.session.commit()
    return told


def _good(run: Import, spec: RecordType, actor: access.Actor) -> Text | None:
    """Piece by piece: the records, their journal and the place in the file in one transaction each."""
    steps = _Steps(run, spec, actor)
    for rows in steps.pieces():
        run = _locked(steps.id, steps.state)
        if run is None:
            return None
        if run.place >= rows[-1].place:
            steps.passed(rows)
            db.session.rollback()
            continue
        _keep_piece(steps, run, rows)
        db.session.commit()
        db.session.expunge_all()
    return _finish(steps)


def _whole(run: Import, spec: RecordType, actor: access.Actor) -> Text | None:
    """All rows in one transaction; if one is bad, every bad one is told and none is kept."""
    steps = _Steps(run, spec, actor)
    if _locked(steps.id, steps.state) is None:
        return None
    problems: list[Piece] = []
    for rows in steps.pieces():
        run = db.session.get(Import, steps.id)
        piece = _keep_piece(steps, run, rows)
        if piece.problems:
            problems.append(piece)
        db.session.flush()
        db.session.expunge_all()
    if not problems:
        return _finish(steps)
    db.session.rollback()
    run = _locked(steps.id, steps.state)
    if run is None:
        return None
    run.state, run.bad = "checked", sum(steps.write_problems(piece) for piece in problems)
    text = HAS_BAD.with_(count=run.bad)
    run.error_zh, run.error_en = text.zh, text.en
    told = FAILED.with_(type=spec.label, name=run.name, reason=text)
    db.session.commit()
    return told


def _keep_piece(steps: _Steps, run: Import, rows: list[Row]) -> Piece:
    piece = steps.piece(rows, steps.checked(rows))
    if piece.kept:
        places = [kept.place for kept in piece.kept]
        db.session.execute(sa.delete(ImportedRow).where(
            ImportedRow.import_id == steps.id, ImportedRow.place.in_(places)))
        db.session.execute(sa.insert(ImportedRow), [_journal(steps.id, kept) for kept in piece.kept])
    run.bad += steps.write_problems(piece)
    run.created += piece.created
    run.updated += sum(1 for kept in piece.kept if kept.before is not None)
    run.place = rows[-1].place
    return piece


def _journal(id_: int, kept: Kept) -> dict[str, Any]:
    return {"import_id": id_, "place": kept.place, "record_id": kept.record.id, "revision": kept.record.revision,
            "is_kept": True, "before": kept.before}


def _finish(steps: _Steps) -> Text | None:
    run = _locked(steps.id, steps.state)
    if run is None:
        return None
    act = Act(db.session, steps.actor)
    run.state, run.finished_at = "done", act.now
    db.session.flush()
    counts = {"created": run.created, "updated": run.updated, "bad": run.bad}
    audit.note(act.session, act, "import", steps.spec.name, run.name,
               {run.name: [None, f"sha256:{run.sha256}"], **{name: [None, count] for name, count in counts.items()}})
    told = DONE.with_(type=steps.spec.label, name=run.name, **counts)
    db.session.commit()
    return told


# Undoing ----------------------------------------------------------------------------------------------------------

def _undo(run: Import, spec: RecordType, actor: access.Actor, reason: str) -> Text | None:
    """All of it in one transaction, the last row first: new records are called off by their own move, changed ones say
    again what they said. Raises Refused, with the records that keep it from being undone."""
    steps, id_ = _Steps(run, spec, actor), run.id
    run = _locked(id_, "undoing")
    if run is None:
        return None
    _refuse_touched(id_, spec)
    last = None
    while True:
        journal = _journal_before(id_, last)
        if not journal:
            break
        last = journal[-1].place
        numbers = dict(db.session.execute(sa.select(spec.model.id, spec.model.number).where(
            spec.model.id.in_([row.record_id for row in journal]))).all())
        _restore(steps, [(row.place, numbers[row.record_id], row.before) for row in journal if row.before is not None],
                 {row.place: row.revision for row in journal})
        for row in journal:
            if row.before is None:
                _call_off(Act(db.session, actor, reason), spec, row)
        db.session.flush()
        db.session.expunge_all()
    run = _locked(id_, "undoing")
    act = Act(db.session, actor, reason)
    run.state = "undone"
    audit.note(act.session, act, "undo_import", spec.name, run.name, {"sha256": run.sha256}, comment=reason)
    told = UNDONE.with_(type=spec.label, name=run.name)
    db.session.commit()
    return told


def _journal_before(id_: int, last: int | None) -> Sequence[ImportedRow]:
    rows = sa.select(ImportedRow).where(ImportedRow.import_id == id_, ImportedRow.is_kept)
    rows = rows if last is None else rows.where(ImportedRow.place < last)
    return db.session.scalars(rows.order_by(ImportedRow.place.desc()).limit(PIECE)).all()


def _refuse_touched(id_: int, spec: RecordType) -> None:
    touched = sa.select(lists.numbered(spec.model)).join(ImportedRow, sa.and_(
        ImportedRow.import_id == id_, ImportedRow.is_kept, ImportedRow.record_id == spec.model.id)).where(
            ImportedRow.revision != spec.model.revision)
    count = db.session.scalar(sa.select(sa.func.count()).select_from(touched.subquery()))
    if count:
        numbers = db.session.scalars(touched.order_by(spec.model.id).limit(NAMED)).all()
        listed = "、".join(numbers) + (" …" if count > NAMED else "")
        raise Refused(TOUCHED.with_(count=count, numbers=listed))


def _restore(steps: _Steps, before: list[tuple[int, Any, Any]], revisions: dict[int, int]) -> None:
    if not before:
        return
    steps.known.numbers.clear()
    piece = steps.piece(rows_of(before, steps.spec), revisions)
    numbers = {place: number for place, number, _ in before}
    for place, _, text in piece.problems[:1]:
        raise Refused(AT_RECORD.with_(number=numbers[place], reason=text))


def _call_off(act: Act, spec: RecordType, row: ImportedRow) -> None:
    record = db.session.get(spec.model, row.record_id)
    number = record.number or f"#{record.id}"
    ways = sorted((move for move in spec.workflow.moves_from(record.state) if move.calls_off), key=_void_last)
    ways = [move for move in reversed(ways) if moves.may_move(act.session, act.actor, record, move)] or ways[-1:]
    if not ways:
        raise Refused(NO_WAY.with_(number=number))
    try:
        moves.make(act, record, ways[0].name, revision=row.revision)
    except Refused as no:
        raise Refused(AT_RECORD.with_(number=number, reason=no.reason)) from None
    except Invalid as no:
        raise Refused(AT_RECORD.with_(number=number, reason=next(iter(no.errors.values())))) from None


def _void_last(move: Any) -> bool:
    return bool(move.to == VOID)
