"""What a report is: a declared question with a compile function, and what such a function uses to write its records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlalchemy as sa

from jobs import reissues
from models.base import Record
from models.reports import Evidence
from models.spec import VOID, Invalid, Period, RecordType, Refused, Text
from rules import moves, records
from rules.act import Act

NO_PLAN = Text("没有编号为“{number}”的调查方案", "There is no survey plan with the number “{number}”")
NO_DEALER = Text("没有代码为“{code}”的服务商", "There is no dealer with the code “{code}”")
BROKEN = Text("汇总时发生程序错误，已记入日志；数据未改动", "A program error stopped the report; it is in the log, no data changed")
FURTHER_ON = Text(
    "{period} 的{type} {number} 状态为“{state}”，不能重新汇总；请先退回，或作废后重新汇总",
    "{type} {number} of {period} is in the state “{state}” and cannot be compiled again: "
    "have it sent back, or void it and compile a new one")


class Made(NamedTuple):
    """A compiled record that is no longer in memory."""

    spec: RecordType
    id: int


@dataclass(frozen=True)
class Task:
    """What a compile function is given: who acts and when, what was asked and by whom. A report on many writes down
    whom it left out and why; the others' records are kept."""

    act: Act
    period: Period
    scope: str
    asked_by: int | None = None
    left_out: list[tuple[str, Text]] = field(default_factory=list)
    run_id: int = 0
    reason: str = ""       # why a frozen record is issued again
    replaces: Any = None   # that record, which was called off; only its place is compiled
    figures: dict[str, Any] = field(default_factory=dict)   # of a report that compiles no record
    step: Callable[[int], None] = lambda percent: None   # keeps what is written so far and lets others write


# Why what is kept with its run is not issued again.
EACH_ALONE = Text("每次运行自成一份，此前的数字不变", "each run stands by itself, and the figures of those before it stay")


@dataclass(frozen=True)
class Report:
    """A declared report. `aliases` names further figures by the one under which their evidence is kept."""

    name: str
    label: Text
    period_kind: str  # month, quarter or year; empty where a survey plan says which
    record_type: str  # empty where the run itself holds the figures
    compile: Callable[[Task], list[Any]]
    reissue: reissues.Reissuing | Text   # how a frozen record of it is issued again, or why it never is
    sent_to: tuple[str, ...]             # roles that are told when it is ready
    or_period_kind: str = ""   # a second kind of period that it takes
    of_plans: bool = False     # the scope is the number of one survey plan, whose quarter is the period
    rights_of: str = ""        # the type whose makers ask and whose readers look, where no record is compiled
    captions: Mapping[str, Text] = field(default_factory=dict)   # of those figures, in their order
    rates: tuple[str, ...] = ()   # which of those figures are fractions
    words: Mapping[str, Text] = field(default_factory=dict)      # what a figure that is a word is called
    asked_by: str = ""         # the move whose makers may ask too, where nobody creates the type
    of_dealers: bool = False   # the scope names one dealer by its code; without one it is about all of them
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def guarded_by(self) -> RecordType:
        """The type whose rights open the report."""
        return Record.types[self.record_type or self.rights_of]


REPORTS: dict[str, Report] = {}


def report_of(type_name: str) -> Report | None:
    """The report that compiles records of this type."""
    return next((report for report in REPORTS.values() if report.record_type == type_name), None)


# What a compile function uses -------------------------------------------------------------------------------------

def record_to_write(task: Task, type_name: str, **key: Any) -> Any:
    """The record of this key, if it can still be compiled again; a new one if there is none. It stays locked.

    Raises Refused if it is further on.
    """
    return records_to_write(task, type_name, [key])[0]


def records_to_write(task: Task, type_name: str, keys: Sequence[Mapping[str, Any]], loaded: Sequence[str] = ()) -> list[Any]:
    """The same for many keys of the same fields, in their order. `loaded`: child tables that will be looked into."""
    act, spec = task.act, Record.types[type_name]
    columns = [getattr(spec.model, spec.fields[name].column) for name in keys[0]]
    found = act.session.scalars(
        sa.select(spec.model).where(sa.tuple_(*columns).in_([tuple(key.values()) for key in keys]), spec.model.state != VOID)
        .order_by(spec.model.id).with_for_update(of=spec.model).execution_options(populate_existing=True)
        .options(*(sa.orm.selectinload(getattr(spec.model, name)) for name in loaded))).all()
    present = {tuple(getattr(record, column.key) for column in columns): record for record in found}
    for record in found:
        _refuse_if_further_on(task, record)
    with records.together(act):
        new = {values: act.new(type_name, **key) for key in keys if (values := tuple(key.values())) not in present}
    for record in new.values():
        for name in spec.lines:  # nothing there that would have to be looked for
            sa.orm.attributes.set_committed_value(record, name, [])
    return [(present | new)[tuple(key.values())] for key in keys]


def _refuse_if_further_on(task: Task, record: Any) -> None:
    act, flow = task.act, record.spec.workflow
    if not moves.may_move(act.session, act.actor, record, flow.move("compile"), consequence=True):
        raise Refused(FURTHER_ON.with_(
            period=task.period, type=record.spec.label, number=record.number, state=flow.state(record.state).label))


def forget_evidence(act: Act, *compiled: Any) -> None:
    act.session.execute(sa.delete(Evidence).where(
        Evidence.of_type == compiled[0].spec.name, Evidence.of_id.in_([record.id for record in compiled])))


@contextmanager
def meanwhile(session: Any, statements: Sequence[Any]) -> Iterator[None]:
    """The database server works on the statements while this process goes on. Whoever asks it something inside waits
    until it has answered; at the end all is done. (SQLite is this very process.)"""
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        for statement in statements:
            connection.execute(statement)
        yield
        return
    driver = connection.connection.driver_connection   # psycopg lets threads take turns on it
    compiled = [statement.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
                for statement in statements]
    with ThreadPoolExecutor(1) as helper:
        sent = helper.submit(lambda: [driver.execute(str(sql), sql.params) for sql in compiled])
        try:
            yield
        finally:
            sent.result()  # if this failed, all that came after failed because of it


def settle(act: Act, record: Any, written: Mapping[str, int]) -> None:
    """SQL has written the lines past the session: load them, and let the record account for them by its move."""
    act.session.expire_all()
    account_for(act, record, written)


def account_for(act: Act, record: Any, written: Mapping[str, int], move: str = "compile") -> None:
    """The record's move accounts for the lines that SQL has written.

    `written` (child table -> rows) goes into the audit entry; the rows themselves are covered by its content hash.
    """
    _forget_stamps(act, record, move)
    counts = "，".join(f"{record.spec.lines[name].label.zh} {rows} 行" for name, rows in written.items())
    comment, act.comment = act.comment, counts
    try:
        act.make(record, move)
    finally:
        act.comment = comment


def _forget_stamps(act: Act, record: Any, move: str) -> None:
    """Twice within a second the stamp would stay what it is, and the audit would take the record for unchanged."""
    fields = record.spec.fields
    stamped = [fields[name].column for name in record.spec.workflow.move(move).stamps]
    same = [column for column in stamped if getattr(record, column) == act.now]
    for column in same:
        setattr(record, column, None)
    if same:
        act.session.flush()


def reason(no: Refused | Invalid) -> Text:
    if isinstance(no, Refused):
        return no.reason
    return Text("；".join(text.zh for text in no.errors.values()), "; ".join(text.en for text in no.errors.values()))
