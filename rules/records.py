"""Creating, editing and acknowledging records: the same way in for every door. They flush, the door commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from models.base import unique_sets
from models.history import AuditEntry
from models.spec import Default, Field, Invalid, NotUnique, Period, Refused, RecordType, Text
from rules import access, approvals, checks, numbering, office

STALE = Text("记录已被 {who} 于 {when} 修改，您看到的不是最新内容",
             "{who} changed this record at {when}: what you saw is not its present content")
JUST_CHANGED = Text("记录刚刚被别人修改，请刷新后重试", "Somebody changed this record just now: reload and try again")
JUST_TAKEN = NotUnique("“{label}”的这个值刚被别人使用", "Somebody has just used this “{label}”")
NOT_YOURS = Text("这一份不由您签收", "This copy is not yours to acknowledge")
SIGNED = Text("这一份已签收", "This copy is acknowledged already")


def allow(verdict: access.Verdict) -> None:
    if verdict.reason is not None:
        raise Refused(verdict.reason)


def find(session: Any, actor: access.Actor, spec: RecordType, id_: int, *, lock: bool = False) -> Any:
    """The record, if the actor may see it, else None. `lock`: until the transaction ends nobody else changes it."""
    query = access.visible(sa.select(spec.model).where(spec.model.id == id_), actor, spec).options(*_tables(spec))
    if lock:
        query = query.with_for_update(of=spec.model).execution_options(populate_existing=True)
    return session.scalar(query)


def find_all(session: Any, actor: access.Actor, spec: RecordType, ids: Sequence[int]) -> list[Any]:
    """Those of the records that the actor may see, in this order."""
    query = access.visible(sa.select(spec.model).where(spec.model.id.in_(ids)), actor, spec).options(*_tables(spec))
    return sorted(session.scalars(query), key=lambda record: ids.index(record.id))


def _tables(spec: RecordType) -> Iterator[Any]:
    """The child tables that come with a record; what jobs wrote into others may be long, and waits until it is asked for."""
    return (sa.orm.selectinload(getattr(spec.model, name)) for name, child in spec.lines.items() if child.is_typed)


def blank(act: Any, spec: RecordType) -> Any:
    """A new record with its defaults, not yet kept."""
    record = spec.model(
        state=spec.workflow.initial, created_by_id=act.actor.id, created_at=act.now, updated_at=act.now,
        department=next(iter(sorted(act.actor.units)), None))
    moments = {Default.CURRENT_USER: act.actor.id, Default.TODAY: act.today, Default.NOW: act.now}
    for field in spec.fields.values():
        if field.default is not None:
            value = moments[field.default] if isinstance(field.default, Default) else field.default
            setattr(record, field.column, value)
    return record


def create(act: Any, spec: RecordType, raw: Mapping[str, Any]) -> Any:
    """A new record from what was entered; raises Refused or Invalid."""
    allow(access.may(act.actor, "create", spec))
    record = blank(act, spec)
    keep(act, record, checks.take(record, raw, act.looks()))
    return record


def edit(act: Any, record: Any, revision: int | None, raw: Mapping[str, Any]) -> Any:
    """Change what was entered; `revision` is the one the person saw. Raises Refused (also stale) or Invalid."""
    seen(record, revision)
    allow(access.may(act.actor, "edit", record.spec, record))
    keep(act, record, checks.take(record, raw, act.looks()))
    record.edited(act)
    return record


# Acts that leave every field of a record as it was.
TALK = frozenset({"comment", "withdraw_comment"})
REMARKS = TALK | {"attach", "detach"}
SIGNED_BY_OTHERS = TALK | {"sign", "escalate"}


def seen(record: Any, revision: int | None, harmless: frozenset[str] = REMARKS) -> None:
    """Refuse what was decided on an older revision than the present one, unless only `harmless` acts came since."""
    if revision is not None and revision != record.revision and not _only_since(record, revision, harmless):
        who = record.updated_by.name if record.updated_by else "系统"
        when = f"{office.local(record.updated_at):%Y-%m-%d %H:%M:%S}"
        raise Refused(STALE.with_(who=who, when=when), stale=True)


def _only_since(record: Any, revision: int, acts: frozenset[str]) -> bool:
    """Each of the revisions in between is answered for by one of these acts."""
    count = sa.inspect(record).session.scalar(sa.select(sa.func.count()).select_from(AuditEntry).where(
        AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id, AuditEntry.revision > revision,
        AuditEntry.action.in_(acts)))
    return bool(count) and count == record.revision - revision


def keep(act: Any, record: Any, errors: Mapping[str, Text]) -> None:
    """Derive, check, number and flush. Raises Invalid with all that is wrong at once."""
    act.session.add(record)
    errors = {**errors, **({} if act.is_history else checks.own_place(record, act.actor))}
    if errors:
        checks.refuse({**checks.missing(record), **errors})
    record.derive(act)
    checks.refuse(checks.full(record, act))
    if not act.is_history and record.id is not None and access.is_being_signed(record):
        approvals.renew(act, record)
    if act.together is None:
        _number(act, [record])
    flush(act.session, record)


def _number(act: Any, kept: Sequence[Any]) -> None:
    days: dict[date, list[Any]] = {}
    for record in kept:
        if record.number is None and record.spec.numbered_at == "create":
            days.setdefault(_series_day(record, act), []).append(record)
    for day, new in days.items():
        numbers = numbering.next_numbers(act.session, new[0].spec, day, len(new))
        for record, number in zip(new, numbers, strict=True):
            record.number = number


def _series_day(record: Any, act: Any) -> date:
    """A compiled record counts in the month that it is about, any other in the month in which it is made."""
    period = getattr(record, "period", None) if record.spec.compiled else None
    if not period:
        return act.today
    about = Period.parse(period)
    return date(about.year, about.first_month, 1)


@contextmanager
def together(act: Any) -> Iterator[None]:
    """Records of one type that are kept inside are numbered and flushed at its end, all at once."""
    kept: list[Any] = []
    act.together = kept
    try:
        yield
    finally:
        act.together = None
    if kept:
        _number(act, kept)
        _give_keys(act.session, [record for record in kept if record.id is None])
        flush(act.session, kept[-1])


def _give_keys(session: Any, new: Sequence[Any]) -> None:
    """SQLite would be asked for one key after the other, a statement each. It has one writer at a time, so the next
    ones are known."""
    if len(new) > 1 and session.get_bind().dialect.name == "sqlite":
        last = session.scalar(sa.select(sa.func.max(type(new[0]).id))) or 0
        for n, record in enumerate(new, last + 1):
            record.id = n


def flush(session: Any, record: Any) -> None:
    """Two who save at once: the second is told, by the revision or by the unique index."""
    act = session.info.get("act")
    if act is not None and act.together is not None:
        act.together.append(record)
        return
    try:
        session.flush()
    except StaleDataError:
        raise Refused(JUST_CHANGED, stale=True) from None
    except IntegrityError as clash:
        field = _clashing(record, clash)
        if field is None:  # a number given twice, for instance, is a bug
            raise
        raise Invalid({field.name: JUST_TAKEN.with_(label=field.label)}) from None


def _clashing(record: Any, clash: IntegrityError) -> Field | None:
    """The field whose value another record has already, by the name of the index or, on SQLite, its columns."""
    spec, table = record.spec, record.__tablename__
    violated = getattr(getattr(clash.orig, "diag", None), "constraint_name", None) or str(clash.orig)
    for index, group, _ in unique_sets(spec):
        columns = ", ".join(f"{table}.{spec.fields[name].column}" for name in group)
        if violated in (index, f"UNIQUE constraint failed: {columns}"):
            return spec.fields[group[-1]]
    return None


def acknowledge(act: Any, record: Any, line_id: int) -> Any:
    """A receiver signs for its copy. Raises Refused."""
    copies = record.spec.copies
    row = next((row for row in getattr(record, copies.lines) if row.id == line_id), None) if copies else None
    if row is None:
        raise Refused(NOT_YOURS)
    allow(may_acknowledge(act.actor, record, row))
    setattr(row, f"{copies.signed_by}_id", act.actor.id)
    setattr(row, copies.signed_at, act.now)
    act.name_action(record, "acknowledge")
    flush(act.session, record)
    return row


def may_acknowledge(actor: access.Actor, record: Any, row: Any) -> access.Verdict:
    """Who holds K, sees the record, and is the receiver that this line names."""
    spec, copies = record.spec, record.spec.copies
    if getattr(row, copies.signed_at) is not None:
        return access.Verdict(SIGNED)
    if not access.within_token(actor, spec, "move"):
        return access.NOT_IN_TOKEN
    roles = {role for role in actor.roles if "K" in access.given(spec, role) and access.in_scope(actor, record, role)}
    receiver = getattr(row, copies.key)
    if copies.receivers:
        return access.YES if roles & set(copies.receivers.get(receiver, ())) else access.Verdict(NOT_YOURS)
    return access.YES if roles and receiver in actor.units else access.Verdict(NOT_YOURS)
