"""The sweep: whatever deadline comes near or has passed is told, noticed and escalated, each once.

It asks the table of clocks for those at which somebody has to look now, and no record otherwise. What it finds it does
in batches, each one transaction; two sweeps at once pass over what the other one holds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from models.base import Record, db
from models.history import DeadlineClock, Outbox
from models.intake.overdue_notice import LEVELS, OverdueNotice, holder_of, raise_notices
from models.spec import ADMINISTRATOR, Deadline, Text
from rules import access, areas, deadlines, handbook, moves, notices, office, records
from rules.act import Act
from rules.deadlines import LATE, RUNNING, WARNED

BATCH = 500
PORTION = 50           # records told of in one transaction: others want to write too
PASSES = 6             # what a pass brings about may be due itself: levels of a notice, after a long absence
PUT_OFF = office.HOUR  # until a clock that could not be dealt with is looked at again

log = logging.getLogger(__name__)


@dataclass
class Swept:
    """What a sweep brought about."""

    warned: int = 0
    late: int = 0
    escalated: int = 0
    cleared: int = 0
    failed: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.warned} warned, {self.late} late, {self.escalated} escalated, {self.cleared} cleared"
        return f"{said}, {len(self.failed)} failed" if self.failed else said


def sweep(act: Act) -> Swept:
    """Deal with every clock at which somebody has to look by now. Commits."""
    swept = Swept()
    for _ in range(PASSES):
        if not sum(_deal_with(act, batch, swept) for batch in list(_due(act))):
            break
    if swept.failed:
        notices.tell_house(act, (ADMINISTRATOR,), Text(
            f"期限扫描有 {len(swept.failed)} 项未能处理，一小时后重试，详见日志",
            f"The deadline sweep could not deal with {len(swept.failed)} clocks; it tries again in an hour, see the log"),
            kind="job_failed", key=f"sweep:{act.today}")
    return swept


def _due(act: Act) -> Iterator[list[int]]:
    """The ids of the clocks, the longest due first, in batches. Those of areas that are switched off stand still."""
    clock = DeadlineClock
    ids = act.session.scalars(
        sa.select(clock.id).where(clock.next_at <= act.now, *_in_use(clock)).order_by(clock.next_at, clock.id)).all()
    act.session.rollback()
    for start in range(0, len(ids), BATCH):
        yield list(ids[start:start + BATCH])


def _in_use(clock: Any) -> list[Any]:
    return [clock.type.in_(areas.types_in_use())] if areas.off() else []


def _deal_with(act: Act, ids: list[int], swept: Swept) -> int:
    """All of a batch in one transaction; if that fails each in one of its own, so that one that cannot be dealt with
    stops no other."""
    found, done = Swept(), 0
    try:
        done = _transact(act, ids, found)
        _add(swept, found)
        return done
    except Exception:  # whatever it is: the others are late too
        log.exception("a batch of %s clocks failed; each by itself", len(ids))
        act.session.rollback()
    for id_ in ids:
        found = Swept()
        try:
            done += _transact(act, [id_], found)
            _add(swept, found)
        except Exception:
            log.exception("clock %s could not be dealt with", id_)
            act.session.rollback()
            deadlines.put_off(act.session, id_, act.now + PUT_OFF)
            act.session.commit()
            swept.failed.append(id_)
    return done


def _add(swept: Swept, found: Swept) -> None:
    for name in ("warned", "late", "escalated", "cleared"):
        setattr(swept, name, getattr(swept, name) + getattr(found, name))


def _transact(act: Act, ids: list[int], swept: Swept) -> int:
    own = Act(act.session, act.actor, now=act.now)
    try:
        held = _held(own, ids)
        _Batch(own, held, swept).work()
        own.session.commit()
        return len(held)
    finally:
        own.session.info["act"] = act


# What is held -----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Held:
    """A clock with its record, both locked."""

    clock: DeadlineClock
    record: Any
    deadline: Deadline


def _held(act: Act, ids: list[int]) -> list[Held]:
    """The clocks that are still due. The record is locked first, as whoever saves it does; what somebody holds just
    now is left for the next sweep."""
    clock = DeadlineClock
    named = act.session.execute(sa.select(clock.type, clock.record_id).where(clock.id.in_(ids)).order_by(clock.type)).all()
    found: dict[tuple[str, int], Any] = {}
    for name, rows in groupby(named, key=lambda row: row.type):
        model = Record.types[name].model
        locked = act.session.scalars(
            sa.select(model).where(model.id.in_({row.record_id for row in rows})).order_by(model.id)
            .with_for_update(of=model, skip_locked=True).execution_options(populate_existing=True))
        found |= {(name, record.id): record for record in locked}
    clocks = act.session.scalars(
        sa.select(clock).where(clock.id.in_(ids), clock.next_at <= act.now).order_by(clock.next_at, clock.id)
        .with_for_update().execution_options(populate_existing=True))
    return [Held(row, record, promise) for row in clocks
            if (record := found.get((row.type, row.record_id))) is not None and (promise := _promise(row)) is not None]


def _promise(clock: DeadlineClock) -> Deadline | None:
    return next((row for row in Record.types[clock.type].deadlines if row.name == clock.name), None)


class _Batch:
    """The clocks of one transaction, taken through all that is due of them."""

    def __init__(self, act: Act, held: Sequence[Held], swept: Swept) -> None:
        self.act, self.held, self.swept = act, held, swept
        self.told: list[int] = []
        self.raised: dict[int, int] = {}     # clock -> its notice

    def work(self) -> None:
        cleared = {one.clock.id for one in self.held if self._clear(one)}
        late = [one for one in self.held if self._is_late(one)]
        self._raise([one for one in late if one.deadline.is_a_step])
        for one in late:
            if isinstance(one.record, OverdueNotice) and one.deadline.name != "new_limit":
                self._escalate(one)
            else:
                self.swept.late += 1
                self.told.append(one.clock.id)
        self._write({one.clock.id for one in late}, cleared)
        if self.told:
            self.act.session.add(Outbox(job="tell_deadlines", arguments=self.told, created_at=self.act.now))
            self.act.session.flush()

    def _is_late(self, one: Held) -> bool:
        return one.clock.state == RUNNING and one.clock.told != LATE and self.act.now > one.clock.due_at

    def _clear(self, one: Held) -> bool:
        """The notice of a step that was done meanwhile, is not owed any more, or has got another limit."""
        if one.clock.notice_id is None or (one.clock.state == RUNNING and one.clock.told == LATE):
            return False
        notice = self.act.lock(self.act.get("overdue_notice", one.clock.notice_id))
        move = notice.spec.workflow.move("clear")
        if notice.state in move.source and moves.unmet(self.act, notice, move) is None:
            self.act.make(notice, "clear")
            self.swept.cleared += 1
        return True

    def _raise(self, late: Sequence[Held]) -> None:
        if not late:
            return
        with records.together(self.act):
            found = raise_notices([one.clock for one in late], self.act)
        for one, notice in zip(late, found, strict=True):
            if notice.state != "cleared":
                self.raised[one.clock.id] = notice.id
            if "is_overdue" in one.record.spec.fields:
                self.act.touch(one.record)

    def _escalate(self, one: Held) -> None:
        """A level that was reached before, and not for the first time, is no news."""
        reached, *_ = LEVELS.get(one.record.level, ("",))
        if reached == one.deadline.name:
            self.act.make(one.record, "escalate")
            self.swept.escalated += 1
            self.told.append(one.clock.id)

    def _write(self, late: set[int], cleared: set[int]) -> None:
        """How far each clock has come. What happened above may have saved the record, and with it
        its clocks: the last word is here."""
        rows = []
        for one in self.held:
            clock = {name: getattr(one.clock, name) for name in ("state", "started_at", "due_at", "told")}
            clock["told"] = LATE if one.clock.id in late else self._warned(one)
            open_notice = None if one.clock.id in cleared else one.clock.notice_id
            rows.append({"clock_id": one.clock.id, "told": clock["told"],
                         "next_at": deadlines.next_at(self.act.session, one.deadline, clock),
                         "notice_id": self.raised.get(one.clock.id, open_notice)})
        deadlines.note(self.act.session, rows)

    def _warned(self, one: Held) -> str:
        clock = one.clock
        is_near = clock.state == RUNNING and clock.told == deadlines.NOTHING and self.act.now >= deadlines.warn_at(
            self.act.session, one.deadline, clock.started_at, clock.due_at)
        if not is_near:
            return clock.told
        if not isinstance(one.record, OverdueNotice):
            self.swept.warned += 1
            self.told.append(clock.id)
        return WARNED


# Telling ----------------------------------------------------------------------------------------------------------

SOON = Text("{type} {number}：“{step}”应于 {due} 前完成", "{type} {number}: “{step}” is due by {due}")
ENDS = Text("{type} {number}：“{step}”为 {due}", "{type} {number}: “{step}” is {due}")
TOO_LATE = Text("{type} {number}：“{step}”已超过期限 {due}", "{type} {number}: “{step}” is late, it was due by {due}")
RISEN = Text("{type} {number} 已升至{step}（{of}，期限 {due}）", "{type} {number} has risen to: {step} ({of}, due by {due})")


def tell(*clock_ids: int) -> None:
    """Tell those whom the sweep found, a portion in each transaction; whoever was told already is not told again."""
    for start in range(0, len(clock_ids), PORTION):
        act = Act(db.session, access.Actor.system())
        for clock in db.session.scalars(sa.select(DeadlineClock).where(
                DeadlineClock.id.in_(clock_ids[start:start + PORTION])).order_by(DeadlineClock.id)):
            promise = _promise(clock)
            if promise is not None and clock.state == RUNNING:
                _tell(act, clock, promise)
        db.session.commit()


def _tell(act: Act, clock: DeadlineClock, promise: Deadline) -> None:
    record = act.get(clock.type, clock.record_id)
    holder = holder_of(record, promise)
    people = set(notices.people_for(act.session, record, promise.tell))
    people |= access.viewers(act.session, record, {holder} if holder else ())
    if not promise.tell or clock.told == deadlines.NOTHING:
        return
    is_late = clock.told == LATE
    notices.tell_people(
        act, record, people, _words(record, clock, promise), kind="deadline_late" if is_late else "deadline_soon",
        key=f"{promise.name}:{clock.due_at:%Y-%m-%dT%H:%M:%SZ}:{clock.told}")


def _words(record: Any, clock: DeadlineClock, promise: Deadline) -> Text:
    step = handbook.promise_of(record.spec, promise)
    text = TOO_LATE if clock.told == LATE else SOON if promise.met_by else ENDS
    of = ""
    if isinstance(record, OverdueNotice) and promise.name != "new_limit":
        step = record.spec.fields["level"].choice_label(record.level) or step
        text, of = RISEN, f"{record.subject_number} {record.deadline_name}"
    return text.with_(type=record.spec.label, number=record.number or f"#{record.id}", step=step, of=of,
                      due=f"{office.local(clock.due_at):%Y-%m-%d %H:%M}")
