"""The vocabulary in which the department's record types are declared: plain frozen data, standard library only."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

LANGUAGES = ("zh", "en")


class Text(NamedTuple):
    """One sentence or label in both languages. `{name}` places are filled by `with_()`."""

    zh: str
    en: str

    def in_(self, language: str) -> str:
        return self.en if language == "en" else self.zh

    def with_(self, **values: Any) -> Text:
        """Fill the places. A value that is itself a Text is filled in the language of the sentence."""
        return type(self)(*(
            sentence.format(**{
                name: value.in_(language) if isinstance(value, Text) else value
                for name, value in values.items()
            })
            for language, sentence in zip(LANGUAGES, self, strict=True)
        ))


class NotUnique(Text):
    """Says that another record has this value: programs are told by a code of its own."""


class NoSuchTarget(Text):
    """Says that what is pointed at is not there, or not for this person: programs are told by a code of its own."""


def humanised(name: str) -> str:
    """`visited_on` -> `Visited on`: the English label of whatever is not given one."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


class Refused(Exception):
    """Not you, or not now: the reason is for the person who asked."""

    def __init__(self, reason: Text, *, stale: bool = False) -> None:
        super().__init__(reason.en)
        self.reason = reason
        self.stale = stale


class Invalid(Exception):
    """What was entered cannot be kept: field path (`phone`, `visits-0-customer`) -> sentence."""

    def __init__(self, errors: Mapping[str, Text]) -> None:
        super().__init__("; ".join(f"{path}: {text.en}" for path, text in errors.items()))
        self.errors = dict(errors)


class WrongDeclaration(Exception):
    """A record type contradicts itself. Stops the start with one sentence that names the type and the cure."""


class Role(NamedTuple):
    name: str
    label: Text


ROLES: Mapping[str, Role] = {
    name: Role(name, Text(zh, humanised(name)))
    for name, zh in (
        ("customer_service", "客户服务"), ("dispatcher", "调度员"), ("technician", "售后服务人员"),
        ("quality_engineer", "质量工程师"), ("quality_manager", "质量负责人"), ("sales", "业务员"),
        ("sales_lead", "业务负责人"), ("dealer", "服务商"), ("appraiser", "保修鉴定员"),
        ("unit", "责任部门"), ("unit_lead", "责任部门负责人"), ("warehouse", "仓储"), ("finance", "财务"),
        ("deputy_gm", "主管副总"), ("management_representative", "管理者代表"), ("general_manager", "总经理"),
        ("evaluator", "评价员"), ("administrator", "系统管理员"),
    )
}
# Who is told, in this order, when somebody of the role lets a signature wait too long.
SUPERIORS: Mapping[str, tuple[str, ...]] = {
    "unit_lead": ("quality_manager", "deputy_gm", "general_manager"),
    "quality_manager": ("management_representative", "deputy_gm", "general_manager"),
    "finance": ("deputy_gm", "general_manager"),
    "management_representative": ("general_manager",), "deputy_gm": ("general_manager",),
}
# Words of `by` and `tell` that are not roles but a relation to the record.
OWNER, SUBMITTER, SIGNER, SYSTEM = "owner", "submitter", "signer", "system"
# Who voids: the creator while the record is in its first state, later every role with the letter A.
DRAFTER, APPROVER = "drafter", "approver"
ADMINISTRATOR = "administrator"

AREAS: Mapping[str, Text] = {
    "master": Text("基础档案", "Master data"), "sales": Text("售前与交付", "Sales and delivery"),
    "intake": Text("信息与投诉受理", "Intake"), "dispatch": Text("派工与回访", "Dispatch"),
    "disposition": Text("现场处置", "Disposition"), "warranty": Text("保修与三包", "Warranty"),
    "improvement": Text("改进", "Improvement"), "satisfaction": Text("走访与满意度", "Satisfaction"),
    "dealers": Text("服务商与报表", "Dealers and reports"), "parts": Text("配件", "Parts"),
    "certification": Text("培训与评价", "Training and evaluation"),
}


class Kind(StrEnum):
    """What a field holds. The value is the word under which it is published."""

    TEXT = "text"
    LONGTEXT = "longtext"
    CHOICE = "choice"
    MULTICHOICE = "multichoice"
    LINK = "link"
    USER = "user"
    UNIT = "unit"
    MONEY = "money"
    INTEGER = "integer"
    DECIMAL = "decimal"
    PERCENT = "percent"
    DATE = "date"
    DATETIME = "datetime"
    BOOL = "bool"
    PHONE = "phone"
    EMAIL = "email"
    SIGNATURE = "signature"          # the typed name of whoever signed on paper
    PERIOD = "period"
    QUARTER = "quarter"
    PROVINCE = "province"
    FILE = "file"                    # an attachment of the record


NUMBERS = frozenset({Kind.MONEY, Kind.INTEGER, Kind.DECIMAL, Kind.PERCENT})
TEXTS = frozenset({Kind.TEXT, Kind.LONGTEXT, Kind.PHONE, Kind.EMAIL, Kind.SIGNATURE})


class Choice(NamedTuple):
    value: str
    label: Text


def choices(*rows: tuple[str, str] | tuple[str, str, str]) -> tuple[Choice, ...]:
    """Rows of value, Chinese label and, unless the humanised value says it, English label."""
    return tuple(Choice(row[0], Text(row[1], row[2] if len(row) > 2 else humanised(row[0]))) for row in rows)


class Default(StrEnum):
    """Defaults that depend on the moment of creation."""

    CURRENT_USER = "current_user"
    TODAY = "today"
    NOW = "now"


MEASURES: Mapping[str, Text] = {
    "d": Text("天", "days"), "h": Text("小时", "hours"), "月": Text("个月", "months"), "元": Text("元", "yuan"),
}


@dataclass(frozen=True)
class Field:
    """One column as people and programs know it. `column` is the attribute that holds what is published as `name`."""

    kind: Kind
    label: Text
    name: str = ""
    column: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[Choice, ...] = ()
    to: str = ""                      # link: the target type
    length: int | None = None
    minimum: int | None = None
    measure: str = ""                 # km, d, m2: printed behind the value
    help: Text | None = None
    private: bool = False
    unique: bool = False
    derived: str = ""                 # the sentence that says how the server computes it
    system: bool = False              # written by a move, a job or an acknowledgement, never typed
    machine: bool = False             # for programs; no page shows it
    group: Text | None = None         # heading that starts at this field
    origin: str = "S"                 # S document, P practice, X our own need

    @property
    def typed(self) -> bool:
        """May a person type it at all?"""
        return not (self.derived or self.system)

    @property
    def measure_text(self) -> Text:
        return MEASURES.get(self.measure, Text(self.measure, self.measure))

    def choice_label(self, value: str) -> Text | None:
        return next((choice.label for choice in self.choices if choice.value == value), None)


@dataclass(frozen=True)
class Lines:
    """A child table that is edited inside its record."""

    name: str
    label: Text
    fields: Mapping[str, Field]
    model: Any = field(repr=False, compare=False)

    @property
    def is_typed(self) -> bool:
        """Do people fill in something of its rows? Else jobs and rules write them, of which there may be any number."""
        return any(field.typed for field in self.fields.values())


@dataclass(frozen=True)
class Series:
    """A document number such as `QI-{yyyy}{mm}-{n:04}`; {n} restarts with the period named before it."""

    pattern: str

    def __post_init__(self) -> None:
        if "{n" not in self.pattern:
            raise WrongDeclaration(f"The series {self.pattern!r} has no running number: add {{n}} or {{n:04}}.")

    def period_key(self, day: Any) -> str:
        """The period within which the running number counts: `2026-10`, `2026`, `2026-Q4` or nothing."""
        if "{mm}" in self.pattern:
            return f"{day:%Y-%m}"
        if "{q}" in self.pattern:
            return f"{day.year}-Q{(day.month + 2) // 3}"
        return f"{day:%Y}" if "{yyyy}" in self.pattern else ""

    def format(self, day: Any, n: int) -> str:
        return self.pattern.format(yyyy=f"{day:%Y}", mm=f"{day:%m}", q=(day.month + 2) // 3, n=n)

    @property
    def regex(self) -> re.Pattern[str]:
        """Recognises a number of this series; group `n` is the running number."""
        escaped = re.escape(self.pattern)
        for place, digits in (("yyyy", r"(?P<yyyy>\d{4})"), ("mm", r"(?P<mm>\d{2})"), ("q", r"(?P<q>\d)")):
            escaped = escaped.replace(re.escape("{" + place + "}"), digits)
        return re.compile(re.sub(r"\\\{n(:0?\d+)?\\\}", r"(?P<n>\\d+)", escaped) + r"\Z")


@dataclass(frozen=True)
class Condition:
    """One clause of a move's `when`: whether it holds for (record, act), and the sentence that says why not."""

    holds: Callable[[Any, Any], bool]
    why: Text | Callable[[Any], Text]
    bars: tuple[str, ...] = ()        # where the record names those who may not: `handler`, `members.technician`

    def reason(self, record: Any) -> Text:
        return self.why(record) if callable(self.why) else self.why


class State(NamedTuple):
    name: str
    label: Text


def states(*rows: tuple[str, str] | tuple[str, str, str]) -> tuple[State, ...]:
    """The first is the initial one."""
    return tuple(State(*choice) for choice in choices(*rows))


@dataclass(frozen=True)
class Step:
    """One signature of a round: who signs, and from which amount on: a Parameter, and the field it is compared with.

    `beside`: asked at the same time as the step before it; the round goes on once all of them have signed. `when`: the
    step is asked only where this holds at submission.
    """

    role: str
    limit: str = ""
    field: str = ""
    beside: bool = False
    when: Condition | None = None

    @property
    def is_always_asked(self) -> bool:
        return not self.limit and self.when is None


@dataclass(frozen=True)
class Move:
    """A business act that takes a record from one state to another."""

    name: str
    zh: str
    en: str = ""
    source: tuple[str, ...] = ()
    to: str = ""
    by: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    stamps: tuple[str, ...] = ()
    comment: bool = False             # a reason must be given
    opens_round: bool = False
    signs: bool = False
    then: Callable[[Any, Any], None] | None = None
    # Who is told once it is made: roles and relations, or a function of the record that gives them and ids of people.
    tells: tuple[str, ...] | Callable[[Any], Sequence[str | int]] = ()

    @property
    def label(self) -> Text:
        return Text(self.zh, self.en or humanised(self.name))

    @property
    def returns(self) -> bool:
        """Does whoever is asked to sign send the record back by it?"""
        return SIGNER in self.by and self.comment and not self.calls_off

    @property
    def goes_on(self) -> bool:
        """Does it bring the record further? Being allowed to call it off or take it back makes nobody its editor."""
        return not self.calls_off and self.name != UNSUBMIT

    @property
    def calls_off(self) -> bool:
        """Ends the record unfinished."""
        return self.to in CALLED_OFF


UNSUBMIT = "unsubmit"
VOID = "void"
CALLED_OFF = frozenset({VOID, "cancelled", "rejected", "withdrawn"})
VOID_STATE = State(VOID, Text("作废", "Void"))


@dataclass(frozen=True)
class Workflow:
    states: tuple[State, ...]
    moves: tuple[Move, ...]
    approval: tuple[Step, ...] = ()
    maintained: tuple[str, ...] = ()  # states of a living file in which every role with E keeps it up to date
    void_when: tuple[Condition, ...] = ()

    @property
    def initial(self) -> str:
        return self.states[0].name

    def state(self, name: str) -> State | None:
        return next((state for state in self.states if state.name == name), None)

    def move(self, name: str) -> Move | None:
        return next((move for move in self.moves if move.name == name), None)

    def moves_from(self, state: str) -> list[Move]:
        return [move for move in self.moves if state in move.source]

    def is_terminal(self, state: str) -> bool:
        return not self.moves_from(state)

    def is_signed_in(self, state: str) -> bool:
        """Does a round of signatures run while a record is in this state?"""
        return bool(self.signing_moves(state))

    def signing_moves(self, state: str) -> list[Move]:
        """What whoever is asked in this state may do: sign, send back, refuse."""
        return [move for move in self.moves_from(state) if SIGNER in move.by]

    @property
    def barred(self) -> tuple[str, ...]:
        """Where a record names people who may not sign it."""
        return tuple({path: None for move in self.moves if SIGNER in move.by for c in move.when for path in c.bars})

    def with_base_withdrawal(self) -> Workflow:
        """Whoever submitted or wrote a record takes it back while its round is open: it goes where it came from."""
        opening = next((move for move in self.moves if move.opens_round), None)
        if opening is None or not self.is_signed_in(opening.to):
            return self
        returning = next((move for move in self.signing_moves(opening.to) if move.returns), None)
        move = Move(UNSUBMIT, "撤回提交", "Take back the submission", source=(opening.to,), to=opening.source[0],
                    by=(OWNER, SUBMITTER), comment=True, then=returning.then if returning else None)
        return replace(self, moves=(*self.moves, move))

    def with_base_void(self) -> Workflow:
        """Every type that declares no move to void or cancelled has the base one, from every non-terminal state."""
        if any(move.to in (VOID, "cancelled") for move in self.moves):
            return self
        sources = tuple(state.name for state in self.states if not self.is_terminal(state.name))
        move = Move(VOID, "作废", "Void", source=sources, to=VOID, by=(DRAFTER, APPROVER), comment=True,
                    when=self.void_when)
        return replace(self, states=(*self.states, VOID_STATE), moves=(*self.moves, move))


@dataclass(frozen=True)
class Deadline:
    """A promise with a clock: it starts at a field, is met by a field and ends after a limit.

    `limit` names either a Parameter (a number of h, d or wd) or a field of the record that holds the moment or day.
    Without `starts` the clock runs from creation; exactly on the limit is on time.
    """

    name: str
    limit: str
    starts: str = ""
    met_by: str = ""
    tell: tuple[str, ...] = ()        # who hears of it with the holder; nobody: some job tells in bulk
    id: str = ""
    holder: str = ""                  # the person field that says whose step it is; else the handler
    warn: str = ""                    # Parameter: how long before; else the last quarter of the time, a day at most
    during: tuple[str, ...] = ()      # the states in which it is owed; else until the record ends
    pauses: str = ""                  # child table of days, from `since_on` to `until_on`, on which the clock stands
    escalates: bool = True            # a step that is late gets an overdue notice; others are only told of

    @property
    def is_a_step(self) -> bool:
        """What nothing meets, such as the end of a contract, is a date and not a step that somebody owes."""
        return self.escalates and bool(self.met_by)


@dataclass(frozen=True)
class Copies:
    """A form that goes out in copies: each receiver acknowledges its own line.

    `key` is the field of the line that names the receiver; `receivers` gives the roles that sign for each of its
    values, or is empty where the line names a department and only its members sign.
    """

    lines: str
    key: str
    signed_by: str = "signed_by"
    signed_at: str = "signed_at"
    receivers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class ChartKind(StrEnum):
    BARS = "bars"
    STACKED = "stacked"
    TREND = "trend"
    PARETO = "pareto"                # falling bars, the running share as a line, and the 80 % mark
    RANKING = "ranking"


@dataclass(frozen=True)
class Chart:
    """Figures of a record as a picture, on its page and on paper.

    With `lines` each row of that child table for which `where` holds is a bar or point. Without, each record of the same
    type is one that has the same values in the fields `same`: a dealer over the months, the dealers of a month.
    """

    kind: ChartKind
    label: Text
    of: tuple[str, ...]               # the fields whose values are drawn, each in a colour of its own
    by: str                           # the field that names a bar or point; in a trend also their order
    lines: str = ""
    where: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)   # field -> the values that are drawn
    same: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RecordType:
    """Everything that is declared about one type. `name`, `area`, `model`, `fields`, `lines` come from its class."""

    code: str
    zh: str
    en: str
    source: str
    series: Series
    workflow: Workflow
    access: Mapping[str, str]
    list: tuple[str, ...]
    title: str = ""
    numbered_at: str = "create"
    scope: Mapping[str, str] = field(default_factory=dict)
    seen_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)   # role -> the states that it is shown
    search: tuple[str, ...] = ("number",)
    filters: tuple[str, ...] = ("state",)
    inline: tuple[str, ...] = ()               # fields that the list itself lets its writers change
    deadlines: tuple[Deadline, ...] = ()
    copies: Copies | None = None
    unique: tuple[tuple[str, ...], ...] = ()   # field sets that no two records share, void ones not counted
    rules: tuple[str, ...] = ()
    links_in: tuple[str, ...] = ()
    retention_years: int = 5
    compiled: bool = False                     # made by a report job, never by a form
    found_by: str = ""                         # whoever has any right on the type may name a row by exactly this value
    charts: tuple[Chart, ...] = ()
    chosen_in: tuple[str, ...] = ()            # states in which new records may point at it; empty = any but void
    name: str = ""
    area: str = ""
    purpose: str = ""
    model: Any = field(default=None, repr=False, compare=False)
    fields: Mapping[str, Field] = field(default_factory=dict)
    lines: Mapping[str, Lines] = field(default_factory=dict)

    @property
    def label(self) -> Text:
        return Text(self.zh, self.en)

    @cached_property
    def private(self) -> frozenset[str]:
        return frozenset(name for name, field in self.fields.items() if field.private)

    @property
    def holds_private(self) -> bool:
        """Personal data, in the record or in the rows of its child tables."""
        return bool(self.private) or any(field.private for child in self.lines.values() for field in child.fields.values())

    def is_counted(self, lines: Lines) -> bool:
        """A report has counted its rows: nobody adds or removes one. Rows that people write whole are theirs."""
        return not lines.is_typed or (
            self.compiled and any(field.required and not field.typed for field in lines.fields.values()))

    def letters(self, role: str) -> str:
        """The access letters of a role, with the view letter that A, E, K ... imply written out."""
        given = self.access.get(role, "")
        if given and not set(given) & {"V", "v"}:
            given += "v" if role in self.scope else "V"
        return given


class Period(NamedTuple):
    """A calendar month, quarter or year as people write it: `2026-10`, `2026-Q4`, `2026`."""

    year: int
    first_month: int
    months: int

    @classmethod
    def parse(cls, text: str) -> Period:
        match = re.fullmatch(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?", text.strip())
        if not match or not 1900 <= int(match[1]) <= 9998:
            raise ValueError(text)
        year, quarter, month = match.groups()
        if quarter:
            return cls(int(year), 3 * int(quarter) - 2, 3)
        return cls(int(year), int(month), 1) if month else cls(int(year), 1, 12)

    def __str__(self) -> str:
        if self.months == 1:
            return f"{self.year}-{self.first_month:02}"
        return f"{self.year}-Q{(self.first_month + 2) // 3}" if self.months == 3 else f"{self.year}"

    @classmethod
    def of(cls, day: date) -> Period:
        """The month in which a day lies."""
        return cls(day.year, day.month, 1)

    def day(self, n: int) -> date:
        """The n-th day of its first month."""
        return date(self.year, self.first_month, n)

    @property
    def last_day(self) -> date:
        return self.following().day(1) - timedelta(days=1)

    def previous(self) -> Period:
        index = self.year * 12 + self.first_month - 1 - self.months
        return Period(index // 12, index % 12 + 1, self.months)

    def following(self) -> Period:
        index = self.year * 12 + self.first_month - 1 + self.months
        return Period(index // 12, index % 12 + 1, self.months)


def months_after(start: date, months: int) -> date:
    """The same day so many months later, or that month's last: 2026-01-31 + 1 is 2026-02-28."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))


def names(rows: Sequence[Any]) -> tuple[str, ...]:
    """The names of states, moves or deadlines, in order."""
    return tuple(row.name for row in rows)
