"""What has been kept long enough: proposed as a list, looked through by the administrator, approved by the quality
manager (another person), and then anonymised or archived. A legal hold stops it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.retention import LegalHold, RetentionItem, RetentionList
from models.spec import ADMINISTRATOR, SYSTEM, Invalid, Kind, Move, Refused, RecordType, Text, Workflow, months_after
from rules import access, audit, notices, office, outbox, records, registry

MOST = 2000           # records of one list; the next one has the others
APPROVERS, KEEPERS = frozenset({"quality_manager"}), frozenset({"quality_manager", ADMINISTRATOR})
ANONYMISE, ARCHIVE = "anonymise", "archive"

NOT_YOU = access.Verdict(Text("由系统管理员整理，由质量负责人批准", "The administrator prepares it, the quality manager approves it"))
NOT_TWICE = access.Verdict(Text("提交人不能批准自己提交的清单", "Who submitted the list may not approve it"))
NOT_NOW = Text("清单当前状态为“{state}”，不能这样办理", "The list is in the state “{state}”: this cannot be done now")
NOTHING = Text("没有保存期满的记录", "No record has been kept long enough")
EMPTY = Text("清单里没有要处理的记录", "Nothing is left on the list")
NEEDS_REASON = Text("请填写原因", "Give a reason")
NONE_CHOSEN = Text("请先选择记录", "Choose records first")
NO_RECORD = Text("没有编号为“{number}”的{type}", "There is no {type} with the number “{number}”")
NO_TYPE = Text("请选择单据类型", "Choose a record type")
HELD = Text("被依法冻结，或它用到的记录被冻结", "Under a legal hold, or naming a record that is")
NOT_DUE = Text("已不符合处理条件（记录有变动，或还有未办结的单据用到它）",
               "No longer due: it changed, or records still under way refer to it")
STATES = {"proposed": Text("待整理", "Proposed"), "submitted": Text("待批准", "Waiting for approval"),
          "approved": Text("处理中", "Being carried out"), "done": Text("已处理", "Done"), "returned": Text("已退回", "Returned")}
PROPOSED = Text("有 {count} 条记录保存期满，请整理后提交批准",
                "{count} records have been kept long enough: look through the list and submit it")
SUBMITTED = Text("保存期满清单 {id} 等您批准", "The retention list {id} waits for your approval")
RETURNED = Text("保存期满清单 {id} 已退回", "The retention list {id} was returned")


# Who --------------------------------------------------------------------------------------------------------------

def may(actor: access.Actor, verb: str, list_: RetentionList | None = None) -> access.Verdict:
    """`verb` is see, hold, prepare (propose, leave out, submit) or decide."""
    if verb == "prepare":
        return access.YES if actor.is_system or ADMINISTRATOR in actor.roles else NOT_YOU
    if verb == "decide":
        if not actor.roles & APPROVERS:
            return NOT_YOU
        return NOT_TWICE if list_ is None or list_.submitted_by_id == actor.id else access.YES
    return access.YES if verb in ("see", "hold") and actor.roles & KEEPERS else NOT_YOU


def find(session: Any, id_: int, *, lock: bool = False) -> RetentionList | None:
    query = sa.select(RetentionList).where(RetentionList.id == id_)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)


# What is due ------------------------------------------------------------------------------------------------------

def own_way(spec: RecordType) -> Move | None:
    """The move by which the system anonymises a living file, if its type has one."""
    move = spec.workflow.move(ANONYMISE)
    return move if move is not None and SYSTEM in move.by else None


def ended_states(flow: Workflow) -> list[str]:
    """Out of which nothing leads on, save calling off."""
    return [state.name for state in flow.states if state.name not in flow.maintained and (
        flow.is_terminal(state.name)
        or (state.name != flow.initial and all(move.calls_off for move in flow.moves_from(state.name))))]


def action_for(spec: RecordType) -> str:
    """Where personal data are kept they go; what holds none is archived."""
    return ANONYMISE if spec.holds_private or own_way(spec) else ARCHIVE


def due(session: Any, spec: RecordType, today: date, only: int | None = None) -> list[Any]:
    """(id, number, when it ended) of what has been kept long enough, is not held, and is needed by nothing under way."""
    model = spec.model
    query = sa.select(model.id, model.number, model.updated_at).where(
        _is_over(spec, today), *_not_held(spec, holds(session)), *_not_needed(spec))
    handled = sa.select(RetentionItem.record_id).where(RetentionItem.type == spec.name, RetentionItem.state == "done")
    query = query.where(model.id.not_in(handled)).order_by(model.id).limit(MOST)
    return list(session.execute(query if only is None else query.where(model.id == only)))


def _is_over(spec: RecordType, today: date) -> Any:
    """A record ends with its last change; a type that computes its own day is asked for that."""
    model, way = spec.model, own_way(spec)
    states = list(way.source) if way else ended_states(spec.workflow)
    last = model.updated_at < office.start_of(months_after(today, -12 * spec.retention_years))
    if "retain_until_on" in spec.fields:
        last = sa.or_(model.retain_until_on < today, sa.and_(model.retain_until_on.is_(None), last))
    return sa.and_(model.state.in_(states), last)


def _naming(spec: RecordType, target: str) -> Iterator[tuple[Any, Any]]:
    """(link column, column with the id of the record) wherever records of this type name one of the target's."""
    for field in spec.fields.values():
        if field.kind is Kind.LINK and field.to == target:
            yield getattr(spec.model, field.column), spec.model.id
    for child in spec.lines.values():
        for field in child.fields.values():
            if field.kind is Kind.LINK and field.to == target:
                yield getattr(child.model, field.column), child.model.record_id


def _not_held(spec: RecordType, held: Mapping[str, Collection[int]]) -> Iterator[Any]:
    """Neither the record itself nor what it names."""
    yield spec.model.id.not_in(held.get(spec.name, ()))
    for target, ids in held.items():
        for column, owner in _naming(spec, target):
            yield spec.model.id.not_in(sa.select(owner).where(column.in_(ids)).correlate(None))


def _not_needed(spec: RecordType) -> Iterator[Any]:
    """Unfinished business still names it; a file that is kept up to date never is."""
    for other in registry.types().values():
        if not other.workflow.maintained:
            for column, owner in _naming(other, spec.name):
                is_open = other.model.state.not_in(ended_states(other.workflow))
                query = sa.select(column).where(column.is_not(None), is_open).correlate(None)
                yield spec.model.id.not_in(query if owner is other.model.id else query.join(other.model, other.model.id == owner))


def why_not(session: Any, item: RetentionItem, today: date) -> Text | None:
    """When its turn has come: what stands against it now."""
    spec = Record.types.get(item.type)
    if spec is not None and due(session, spec, today, item.record_id):
        return None
    held = spec is not None and session.scalar(sa.select(spec.model.id).where(
        spec.model.id == item.record_id, *_not_held(spec, holds(session)))) is None
    return HELD if held else NOT_DUE


# The list ---------------------------------------------------------------------------------------------------------

def propose(act: Any) -> RetentionList | None:
    """The list that is under way, else a new one if anything is due. Flushes."""
    records.allow(may(act.actor, "prepare"))
    if present := act.session.scalar(sa.select(RetentionList).where(RetentionList.is_under_way.is_(True))):
        return present
    found = [(spec, row) for spec in registry.types().values() for row in due(act.session, spec, act.today)][:MOST]
    if not found:
        return None
    list_ = RetentionList(as_of=act.today, proposed_at=act.now)
    act.session.add(list_)
    act.session.flush()
    act.session.add_all(RetentionItem(
        list_id=list_.id, type=spec.name, record_id=id_, number=number, action=action_for(spec),
        ended_on=office.local(ended_at).date()) for spec, (id_, number, ended_at) in found)
    _note(act, "propose", list_, {"count": len(found)})
    notices.tell_house(act, (ADMINISTRATOR,), PROPOSED.with_(count=len(found)), kind="retention", key=f"proposed:{list_.id}")
    return list_


def leave_out(act: Any, list_: RetentionList, ids: Collection[int], reason: str) -> int:
    """These records stay, for now; how many. Raises Refused or Invalid; flushes."""
    _allow(act, "prepare", list_, "proposed")
    if not reason or not ids:
        raise Invalid({"reason" if ids else "items": NEEDS_REASON if ids else NONE_CHOSEN})
    chosen = act.session.scalars(sa.select(RetentionItem).where(
        RetentionItem.list_id == list_.id, RetentionItem.id.in_(ids), RetentionItem.state == "open")).all()
    for item in chosen:
        item.state, item.reason_zh, item.reason_en = "kept", reason, reason
    _note(act, "leave_out", list_, {"records": [f"{item.type} {item.number}" for item in chosen]}, reason)
    return len(chosen)


def submit(act: Any, list_: RetentionList) -> None:
    """Raises Refused; flushes."""
    _allow(act, "prepare", list_, "proposed")
    if not count_open(act.session, list_):
        raise Refused(EMPTY)
    list_.state, list_.submitted_by_id, list_.submitted_at = "submitted", act.actor.id, act.now
    _note(act, "submit", list_)
    notices.tell_house(act, APPROVERS, SUBMITTED.with_(id=list_.id), kind="retention", key=f"submitted:{list_.id}")


def decide(act: Any, list_: RetentionList, *, is_approved: bool, comment: str = "") -> None:
    """Approved, a job carries it out; returned, another list is proposed. Raises Refused or Invalid; flushes."""
    _allow(act, "decide", list_, "submitted")
    if not is_approved and not comment:
        raise Invalid({"comment": NEEDS_REASON})
    list_.decided_by_id, list_.decided_at, list_.comment = act.actor.id, act.now, comment or None
    list_.state = "approved" if is_approved else "returned"
    _note(act, "approve" if is_approved else "return", list_, comment=comment)
    if is_approved:
        outbox.put(act, "retention", [list_.id], key=f"retention:{list_.id}")
    else:
        list_.is_under_way = None
        notices.tell_house(act, (ADMINISTRATOR,), RETURNED.with_(id=list_.id), kind="retention", key=f"returned:{list_.id}")
    act.session.flush()


def finish(act: Any, list_: RetentionList) -> None:
    """All of it has had its turn. Flushes."""
    list_.state, list_.done_at, list_.is_under_way = "done", act.now, None
    _note(act, "carry_out", list_, counts(act.session, list_))


def counts(session: Any, list_: RetentionList) -> dict[str, int]:
    query = sa.select(RetentionItem.state, sa.func.count()).where(RetentionItem.list_id == list_.id)
    return dict(session.execute(query.group_by(RetentionItem.state)).all())


def count_open(session: Any, list_: RetentionList) -> int:
    return counts(session, list_).get("open", 0)


def _allow(act: Any, verb: str, list_: RetentionList, state: str) -> None:
    records.allow(may(act.actor, verb, list_))
    if list_.state != state:
        raise Refused(NOT_NOW.with_(state=STATES[list_.state]), stale=True)


def _note(act: Any, action: str, list_: RetentionList, changes: dict[str, Any] | None = None, comment: str = "") -> None:
    act.session.flush()
    audit.note(act.session, act, f"retention_{action}", "retention", str(list_.id), changes, comment or None)


# Legal holds ------------------------------------------------------------------------------------------------------

def holds(session: Any) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for type_, id_ in session.execute(sa.select(LegalHold.type, LegalHold.record_id).where(LegalHold.released_at.is_(None))):
        found.setdefault(type_, set()).add(id_)
    return found


def hold(act: Any, type_name: str, number: str, reason: str) -> LegalHold:
    """Nothing happens to the record, nor to what names it, until the hold is released. Raises Invalid; flushes."""
    records.allow(may(act.actor, "hold"))
    spec = registry.type_named(type_name)
    if spec is None:
        raise Invalid({"type": NO_TYPE})
    id_ = act.session.scalar(sa.select(spec.model.id).where(spec.model.number == number)) if number else None
    if id_ is None:
        raise Invalid({"number": NO_RECORD.with_(type=spec.label, number=number[:60])})
    if not reason:
        raise Invalid({"reason": NEEDS_REASON})
    hold_ = LegalHold(type=spec.name, record_id=id_, reason=reason, set_by_id=act.actor.id, set_at=act.now)
    act.session.add(hold_)
    act.session.flush()
    audit.note(act.session, act, "legal_hold", spec.name, number, comment=reason)
    return hold_


def release(act: Any, hold_: LegalHold, reason: str) -> None:
    """Raises Invalid; flushes."""
    records.allow(may(act.actor, "hold"))
    if not reason:
        raise Invalid({"reason": NEEDS_REASON})
    if hold_.released_at is None:
        hold_.released_at, hold_.released_by_id = act.now, act.actor.id
        number = act.session.scalar(sa.select(Record.types[hold_.type].model.number).where(
            Record.types[hold_.type].model.id == hold_.record_id))
        audit.note(act.session, act, "release_hold", hold_.type, number, comment=reason)
    act.session.flush()
