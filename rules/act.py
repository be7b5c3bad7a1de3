"""An act: who does something now, and what the declarations may use while it is done.

The one object that class hooks (`derive`, `check`) and `then` functions receive, so models import nothing from above.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.history import AuditEntry, Outbox
from models.people import Unit
from models.spec import Move, Text
from rules import access, areas, checks, moves, notices, numbering, office, parameters, records, reports, workdays


class Act:
    def __init__(self, session: Any, actor: access.Actor, comment: str = "", *, is_history: bool = False,
                 now: datetime | None = None) -> None:
        self.session = session() if isinstance(session, sa.orm.scoped_session) else session
        self.actor, self.comment, self.is_history = actor, comment, is_history
        self.now = now or office.now()
        self.move: Move | None = None
        self.stay = False             # a `then` sets it to keep the record in its state
        self.together: list[Any] | None = None   # records that wait for one flush
        self.erasing: Any = None      # what an anonymising takes out of its own entry too: rules/erasing.py
        self.known: dict[Any, Any] = {}          # what was looked up for many records at once
        self._actions: dict[int, tuple[str, str | None]] = {}
        self._signatures: dict[int, list[dict[str, Any]]] = {}   # what changed about them, for the audit
        self.session.info["act"] = self

    # the office
    @property
    def today(self) -> date:
        return office.local(self.now).date()

    local = staticmethod(office.local)
    start_of = staticmethod(office.start_of)
    end_of = staticmethod(office.end_of)

    def add_workdays(self, moment: datetime, count: int, without: Collection[tuple[date, date]] = ()) -> datetime:
        """The end of the count-th working day after the day of `moment`, days in the spans `without` not counted."""
        return workdays.add(self.session, moment, count, without)

    def parameter(self, name: str, at: datetime | None = None) -> Any:
        """The typed value that held at a moment (now unless told): a later change re-times nothing old."""
        return parameters.value(self.session, name, office.local(at or self.now).date())

    def uses(self, type_name: str) -> bool:
        """Is the area of the type in use in this company?"""
        return not areas.is_off(Record.types[type_name])

    def unit_province(self, code: str | None) -> str | None:
        unit = self.session.get(Unit, code) if code else None
        return unit.province if unit else None

    # other records
    def get(self, type_name: str, id_: int | None) -> Any:
        return self.session.get(Record.types[type_name].model, id_) if id_ else None

    def find(self, type_name: str, **equals: Any) -> list[Any]:
        return list(self.session.scalars(sa.select(Record.types[type_name].model).filter_by(**equals)))

    def lock(self, record: Any) -> Any:
        """The record as it stands now, before this act changes it; until the transaction ends nobody else does. (On
        SQLite nobody else writes anyway.)"""
        model = type(record)   # session.get() would refuse a row that somebody changed since it was read
        return self.session.scalar(sa.select(model).where(model.id == record.id).with_for_update()
                                   .execution_options(populate_existing=True))

    def lock_series(self, type_name: str) -> None:
        """Until the transaction ends nobody else keeps a new record of the type: what is not there stays absent."""
        numbering.next_numbers(self.session, Record.types[type_name], self.today, 0)

    def new(self, type_name: str, **values: Any) -> Any:
        """A record that this act brings about, whoever the actor is: checked, numbered and audited like any other."""
        spec = Record.types[type_name]
        record = records.blank(self, spec)
        for name, value in values.items():
            setattr(record, spec.fields[name].column if name in spec.fields else name, value)
        with self._as_system():
            records.keep(self, record, {})
        return record

    def make(self, record: Any, move_name: str) -> Any:
        """The system makes a move on a record as a consequence of this act."""
        move, stay = self.move, self.stay
        try:
            return moves.make(self, record, move_name, consequence=True)
        finally:
            self.move, self.stay = move, stay

    def touch(self, record: Any) -> None:
        """This act changed another record: derive, check and save it."""
        with self._as_system():
            records.keep(self, record, {})

    def several(self) -> Any:
        """Records of one type that are made or touched inside are numbered and saved at its end, all at once."""
        return records.together(self)

    def ask_job(self, name: str, *ids: int) -> None:
        """A worker does the rest after the commit."""
        self.session.add(Outbox(job=name, arguments=[*ids], created_at=self.now))

    def tell(self, record: Any, whom: tuple[str, ...], text: Text, key: str) -> None:
        """A notice to these roles, once per `key` of the record."""
        notices.tell(self, record, whom, text, kind="record", key=key)

    def request_report(self, name: str, period: str, scope: str = "") -> None:
        reports.ask(self, name, period, scope)

    def who_made(self, record: Any, move_name: str) -> int | None:
        """Who made this move last on the record."""
        return self.session.scalar(
            sa.select(AuditEntry.actor_id).where(
                AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id,
                AuditEntry.action == f"move:{move_name}").order_by(AuditEntry.id.desc()).limit(1))

    def was_edited_since(self, record: Any, move_name: str) -> bool:
        """Has anybody changed what the record says since this move was made on it last?"""
        mine = AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id
        moved = sa.select(sa.func.max(AuditEntry.id)).where(*mine, AuditEntry.action == f"move:{move_name}")
        return self.session.scalar(sa.select(AuditEntry.id).where(
            *mine, AuditEntry.action == "edit", AuditEntry.id > moved.scalar_subquery()).limit(1)) is not None

    # for the rules
    def looks(self) -> checks.Looks:
        return checks.Looks(self.session, self.actor)

    def name_action(self, record: Any, action: str, comment: str | None = None) -> None:
        self._actions[id(record)] = (action, comment)

    def action_on(self, record: Any) -> str:
        return self._actions.get(id(record), ("edit", None))[0]

    def comment_on(self, record: Any) -> str | None:
        return self._actions.get(id(record), ("", None))[1] or None

    def tell_signatures(self, record: Any, told: list[dict[str, Any]]) -> None:
        """What the next entry of the record's audit says about its signatures."""
        self._signatures.setdefault(id(record), []).extend(told)

    def signatures_told(self, record: Any) -> list[dict[str, Any]]:
        return self._signatures.pop(id(record), [])

    def _as_system(self) -> _AsSystem:
        return _AsSystem(self)


class _AsSystem:
    """What an act brings about is not held to the row scope of who acts; it stays theirs in the audit."""

    def __init__(self, act: Act) -> None:
        self.act, self.actor = act, act.actor

    def __enter__(self) -> None:
        person = self.actor
        self.act.actor = access.Actor(
            person.id, person.username, person.name, person.roles, person.units, person.dealer_ids, person.door,
            person.language, is_system=True)

    def __exit__(self, *_: object) -> None:
        self.act.actor = self.actor
