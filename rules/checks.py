"""What was entered -> what is kept: parsing, required fields, lengths, choices, links, for every door alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from models.base import PLACES, Record
from models.conditions import is_filled
from models.files import Attachment
from models.people import Unit, User
from models.spec import TEXTS, VOID, Field, Invalid, Kind, Lines, NoSuchTarget, NotUnique, Period, RecordType, Text
from rules import access, office

REQUIRED = Text("请填写“{label}”", "Fill in “{label}”")
TOO_LONG = Text("“{label}”最多 {length} 个字，现有 {given} 个", "“{label}” takes at most {length} characters, not {given}")
NOT_TEXT = Text("“{label}”应为文字", "“{label}” must be text")
CONTROL = Text("“{label}”含有不可见的控制字符，请删除后重填", "“{label}” contains a control character: remove it")
NOT_NUMBER = Text("“{label}”应为数字，如 1200.50", "“{label}” must be a number such as 1200.50")
NOT_WHOLE = Text("“{label}”应为整数", "“{label}” must be a whole number")
TOO_SMALL = Text("“{label}”不能小于 {least}", "“{label}” cannot be less than {least}")
TOO_LARGE = Text("“{label}”的数值太大", "“{label}” is too large")
TOO_FINE = Text("“{label}”最多 {places} 位小数", "“{label}” takes at most {places} decimals")
NOT_DATE = Text("“{label}”应为日期，如 2026-10-31", "“{label}” must be a date such as 2026-10-31")
NOT_MOMENT = Text("“{label}”应为日期和时间，如 2026-10-31 09:30", "“{label}” must be a date and time: 2026-10-31 09:30")
NOT_PERIOD = Text("“{label}”应为月份，如 2026-10", "“{label}” must be a month such as 2026-10")
NOT_QUARTER = Text("“{label}”应为季度，如 2026-Q4", "“{label}” must be a quarter such as 2026-Q4")
NOT_BOOL = Text("“{label}”应为是或否", "“{label}” must be yes or no")
NOT_CHOICE = Text("“{label}”没有“{given}”这一选项，请从列表中选择", "“{label}” has no choice “{given}”: pick one of the list")
NOT_EMAIL = Text("“{label}”不是有效的邮箱地址", "“{label}” is not a mail address")
NOT_PHONE = Text("“{label}”只能含数字、空格和 + - ( ) 转，至少 5 位数字", "“{label}” must be a phone number of at least 5 digits")
NOT_FOUND = NoSuchTarget("“{label}”找不到所选记录，请重新选择", "“{label}”: the record chosen was not found, choose again")
NOT_CHOSEN = Text("“{label}”所选记录当前状态不可选用", "“{label}”: the record chosen is not in a state to be used")
UNKNOWN = Text("没有这个字段", "There is no such field")
NOT_IMPORTED = Text("“{label}”是文件，不能导入，请到页面上传", "“{label}” is a file: give it on the page, not in an import")
READ_ONLY = Text("“{label}”由系统填写，不能改", "“{label}” is filled in by the system")
COUNTED = Text("“{label}”的行由汇总生成，不能增减", "The rows of “{label}” are compiled: none can be added or removed")
NOT_LIST = Text("“{label}”应为列表", "“{label}” must be a list")
TAKEN = NotUnique("“{label}”的这个值已被 {number} 使用", "“{label}” has this value already in {number}")
TAKEN_BY_ANOTHER = NotUnique("“{label}”的这个值已被使用", "“{label}” has this value already in another record")
FORCED = Text("“{label}”只能是您本单位", "“{label}” can only be your own")

TRUE_WORDS, FALSE_WORDS = {"true", "1", "yes", "y", "on", "是"}, {"false", "0", "no", "n", "否"}
LIMIT = Decimal(10) ** 12
A_CENTURY = {"h": 876_600, "d": 36_525, "月": 1_200}   # a longer span is a slip of the finger, and ends after all dates
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Wrong(Exception):
    """One value cannot be kept; the sentence still lacks the label."""

    def __init__(self, text: Text, **values: Any) -> None:
        self.text, self.values = text, values


@dataclass(frozen=True)
class Looks:
    """How links and people are found: by id on a form, by the names of an import (rules/names.py) in a file."""

    session: Any
    actor: access.Actor
    names: Any = None


def parse(field: Field, raw: Any, looks: Looks) -> Any:
    """One raw value (text of a form or CSV, or JSON) as the column keeps it; blank is None. Raises Wrong."""
    if isinstance(raw, str):
        raw = raw.strip() if field.kind is not Kind.LONGTEXT else raw.rstrip().replace("\r\n", "\n")
    if raw is None or raw == "" or raw == []:
        return None
    return _PARSERS[field.kind](field, raw, looks)


def _text(field: Field, raw: Any, looks: Looks) -> str:
    if isinstance(raw, bool | dict | list):
        raise Wrong(NOT_TEXT)
    text = readable(str(raw))
    if field.length and len(text) > field.length:
        raise Wrong(TOO_LONG, length=field.length, given=len(text))
    if field.kind is Kind.EMAIL and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise Wrong(NOT_EMAIL)
    if field.kind is Kind.PHONE and not (
            re.fullmatch(r"[\d\s+()（）转#*,，;；/\-]+", text) and len(re.sub(r"\D", "", text)) >= 5):
        raise Wrong(NOT_PHONE)
    return text


def readable(text: str) -> str:
    """Text without control characters, which no screen shows and PostgreSQL partly refuses. Raises Wrong."""
    if _CONTROL.search(text):
        raise Wrong(CONTROL)
    return text


def without_controls(text: str) -> str:
    """For what is only looked for or remarked on: it loses what it cannot contain."""
    return _CONTROL.sub("", text)


def _choice(field: Field, raw: Any, looks: Looks) -> str:
    text = str(raw)
    for value, label in field.choices:
        if text in (value, label.zh, label.en):
            return value
    raise Wrong(NOT_CHOICE, given=text[:40])


def _multichoice(field: Field, raw: Any, looks: Looks) -> list[str]:
    given = raw if isinstance(raw, list) else re.split(r"[;；,，、]\s*", str(raw))
    chosen = {_choice(field, value, looks) for value in given if value != ""}
    return [value for value, _ in field.choices if value in chosen]


def _number(field: Field, raw: Any, looks: Looks) -> Decimal | int:
    try:
        if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
            raise InvalidOperation
        number = Decimal(str(raw).replace(",", "").replace("，", "").replace("￥", "").replace("¥", ""))
        if not number.is_finite():
            raise InvalidOperation
    except InvalidOperation:
        raise Wrong(NOT_NUMBER) from None
    if not -LIMIT < number < LIMIT or number > A_CENTURY.get(field.measure, LIMIT):   # abs() would round, and overflow
        raise Wrong(TOO_LARGE)
    if field.minimum is not None and number < field.minimum:
        raise Wrong(TOO_SMALL, least=field.minimum)
    if field.kind is Kind.INTEGER:
        if number != number.to_integral_value():
            raise Wrong(NOT_WHOLE)
        return int(number)
    places = PLACES[field.kind]
    if number != round(number, places) and field.typed:
        raise Wrong(TOO_FINE, places=places)
    return number


def _date(field: Field, raw: Any, looks: Looks) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    match = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]00:00(?::00)?)?", str(raw))
    try:
        return _sensible(date(*map(int, match.groups())))  # type: ignore[union-attr]
    except (AttributeError, ValueError):
        raise Wrong(NOT_DATE) from None


def _moment(field: Field, raw: Any, looks: Looks) -> datetime:
    try:
        moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw).replace("/", "-"))
        _sensible(moment.date())
    except ValueError:
        raise Wrong(NOT_MOMENT) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=office.zone())
    return aware.astimezone(UTC).replace(microsecond=0)


def _sensible(day: date) -> date:
    """Years outside 1900 to 2199 are slips of the finger, and some break time zones."""
    if not 1900 <= day.year <= 2199:
        raise ValueError(day)
    return day


def _period(field: Field, raw: Any, looks: Looks) -> str:
    months, wrong = (3, NOT_QUARTER) if field.kind is Kind.QUARTER else (1, NOT_PERIOD)
    try:
        period = Period.parse(str(raw).upper())
    except ValueError:
        raise Wrong(wrong) from None
    if period.months != months:
        raise Wrong(wrong)
    return str(period)


def _bool(field: Field, raw: Any, looks: Looks) -> bool:
    word = str(raw).lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise Wrong(NOT_BOOL)


def _link(field: Field, raw: Any, looks: Looks) -> int:
    """The id of a record that the actor may see, or names exactly; any other is as unknown as a missing one."""
    if looks.names is not None:
        return looks.names.record_id(field.to, str(raw).strip())
    spec = Record.types[field.to]
    named = named_exactly(looks, spec, raw)
    if named is not None:
        return named.id
    query = access.visible(sa.select(spec.model.id).where(spec.model.id == as_id(raw)), looks.actor, spec)
    found = looks.session.scalar(query)
    if found is None:
        raise Wrong(NOT_FOUND)
    return found


def named_exactly(looks: Looks, spec: RecordType, raw: Any) -> Any:
    """The (id, state, number) that `found_by` opens to everybody with a right on the type: who knows all of the value
    has the thing itself before them. None if the type has no such field, or no record this value."""
    if not spec.found_by or not isinstance(raw, str) or not access.may(looks.actor, "view", spec):
        return None
    model = spec.model
    return looks.session.execute(sa.select(model.id, model.state, model.number).where(
        getattr(model, spec.fields[spec.found_by].column) == raw.strip(), model.state != VOID)).first()


def _file(field: Field, raw: Any, looks: Looks) -> int:
    """One that came with this form, of the person who sent it: nobody points at files of other records."""
    if looks.names is not None:
        raise Wrong(NOT_IMPORTED)
    found = looks.session.scalar(sa.select(Attachment.id).where(
        Attachment.id == as_id(raw), Attachment.record_id.is_(None), Attachment.uploaded_by_id == looks.actor.id))
    if found is None:
        raise Wrong(NOT_FOUND)
    return found


def _person(field: Field, raw: Any, looks: Looks) -> int:
    if looks.names is not None:
        return looks.names.person_id(str(raw).strip())
    found = looks.session.scalar(sa.select(User.id).where(User.id == as_id(raw)))
    if found is None:
        raise Wrong(NOT_FOUND)
    return found


def _unit(field: Field, raw: Any, looks: Looks) -> str:
    if looks.names is not None:
        return looks.names.unit_code(str(raw).strip())
    name = readable(str(raw))
    found = looks.session.scalar(sa.select(Unit.code).where(sa.or_(Unit.code == name, Unit.name == name)))
    if found is None:
        raise Wrong(NOT_CHOICE, given=str(raw)[:40])
    return found


def as_id(raw: Any) -> int:
    """An id as a form or address gives it. Raises Wrong."""
    text = str(raw)
    if isinstance(raw, bool) or not re.fullmatch(r"[0-9]{1,18}", text):
        raise Wrong(NOT_FOUND)
    return int(text)


_PARSERS = {
    **dict.fromkeys(TEXTS, _text), Kind.CHOICE: _choice, Kind.PROVINCE: _choice, Kind.MULTICHOICE: _multichoice,
    **dict.fromkeys((Kind.MONEY, Kind.DECIMAL, Kind.PERCENT, Kind.INTEGER), _number), Kind.DATE: _date,
    Kind.DATETIME: _moment, Kind.PERIOD: _period, Kind.QUARTER: _period, Kind.BOOL: _bool, Kind.LINK: _link,
    Kind.USER: _person, Kind.FILE: _file, Kind.UNIT: _unit,
}


# A whole record ---------------------------------------------------------------------------------------------------

def read_only(spec: RecordType) -> frozenset[str]:
    """Fields that nobody types: derived, written by the system, or stamped by a move."""
    stamped = {name for move in spec.workflow.moves for name in move.stamps}
    return frozenset(name for name, field in spec.fields.items() if not field.typed or name in stamped)


def take(record: Any, raw: Mapping[str, Any], looks: Looks, *, free: bool = False) -> dict[str, Text]:
    """Put what was entered into the record; the answer is field path -> what is wrong with it.

    Only the fields that `raw` names are touched; a child table that it names is replaced. `free` (history) also
    takes the fields that nobody types.
    """
    spec: RecordType = record.spec
    errors: dict[str, Text] = {}
    closed = frozenset() if free else read_only(spec)
    for name, value in raw.items():
        if name in spec.lines:
            errors |= _take_lines(record, spec.lines[name], value, looks, free)
        elif name not in spec.fields:
            errors[name] = UNKNOWN
        elif name in closed:
            errors[name] = READ_ONLY.with_(label=spec.fields[name].label)
        else:
            _put(record, spec.fields[name], value, looks, name, errors)
    return errors


def _put(row: Any, field: Field, raw: Any, looks: Looks, path: str, errors: dict[str, Text]) -> None:
    if _stands(row, field, raw, looks):
        return
    try:
        value = parse(field, raw, looks)
        if field.kind is Kind.LINK and value is not None and value != getattr(row, field.column):
            _choosable(field, value, looks)
    except Wrong as wrong:
        errors[path] = wrong.text.with_(label=field.label, **wrong.values)
        return
    if getattr(row, field.column) != value:
        setattr(row, field.column, value)
        forget_target(row, field)


def _stands(row: Any, field: Field, raw: Any, looks: Looks) -> bool:
    """A link that is not changed stays, though who edits the rest may not see its target; so does a file."""
    if field.kind is Kind.FILE and looks.names is not None:
        return looks.names.is_history or names_file(row, field, raw)
    if field.kind not in (Kind.LINK, Kind.FILE) or looks.names is not None:
        return False
    present = getattr(row, field.column)
    return present is not None and str(raw) == str(present)


def names_file(row: Any, field: Field, raw: Any) -> bool:
    """In an imported cell: nothing, or the name of the file that is there."""
    file = getattr(row, field.name)
    return raw in (None, "") or (file is not None and raw == file.name)


def forget_target(row: Any, field: Field) -> None:
    """The record that a changed id points at is loaded anew when asked for."""
    if field.kind in (Kind.LINK, Kind.USER, Kind.FILE) and sa.inspect(row).has_identity:
        sa.inspect(row).session.expire(row, [field.name])


def _choosable(field: Field, target_id: int, looks: Looks) -> None:
    if looks.names is not None and looks.names.is_history:  # old records may name ended ones
        return
    spec = Record.types[field.to]
    if looks.names is not None:
        state = looks.names.state(spec, target_id)
    else:
        state = looks.session.scalar(sa.select(spec.model.state).where(spec.model.id == target_id))
    if state == VOID or (spec.chosen_in and state not in spec.chosen_in):
        raise Wrong(NOT_CHOSEN)


def _take_lines(record: Any, child: Lines, raw: Any, looks: Looks, free: bool) -> dict[str, Text]:
    """Rows with the id of one of the record's own are kept and changed, others are new, the rest goes."""
    if not isinstance(raw, list) or not all(isinstance(row, Mapping) for row in raw):
        return {child.name: NOT_LIST.with_(label=child.label)}
    errors: dict[str, Text] = {}
    present = {str(row.id): row for row in getattr(record, child.name) if row.id is not None}
    if record.spec.is_counted(child) and not free and [str(entered.get("id") or "") for entered in raw] != list(present):
        return {child.name: COUNTED.with_(label=child.label)}
    rows = []
    for index, entered in enumerate(raw):
        row = present.get(str(entered.get("id") or "")) or child.model()
        row.position = index
        for name, value in entered.items():
            path = f"{child.name}-{index}-{name}"
            if name == "id":
                continue
            if name not in child.fields:
                errors[path] = UNKNOWN
            elif child.fields[name].typed or free:
                _put(row, child.fields[name], value, looks, path, errors)
        _defaults(row, child.fields)
        rows.append(row)
    rows += _kept_copies(record, child, rows)
    setattr(record, child.name, rows)
    return errors


def _kept_copies(record: Any, child: Lines, rows: list[Any]) -> list[Any]:
    """A copy that its receiver has signed for stays, whatever the form left out."""
    copies = record.spec.copies
    if copies is None or copies.lines != child.name:
        return []
    return [row for row in getattr(record, child.name)
            if row not in rows and getattr(row, copies.signed_at) is not None]


def _defaults(row: Any, fields: Mapping[str, Field]) -> None:
    """A yes/no or a choice that was left out takes its plain default; moments of creation are the record's affair."""
    for field in fields.values():
        if getattr(row, field.column) is None and field.default is not None and not isinstance(field.default, str):
            setattr(row, field.column, field.default)


def missing(record: Any, *, files: bool = True) -> dict[str, Text]:
    """Required fields that are empty, in the record and in every row of its child tables; `files`: file fields too.

    A record that has ended may have lost what is private: that is what anonymising does.
    """
    ended = record.spec.workflow.is_terminal(record.state)
    errors = _missing_in(record, _needed(record.spec.fields, files, ended), "")
    for name, child in record.spec.lines.items():
        needed = _needed(child.fields, files, ended)
        for index, row in enumerate(getattr(record, name) if needed else ()):
            errors |= _missing_in(row, needed, f"{name}-{index}-")
    return errors


def _needed(fields: Mapping[str, Field], files: bool, ended: bool) -> dict[str, Field]:
    return {name: field for name, field in fields.items() if field.required and field.typed
            and (files or field.kind is not Kind.FILE) and not (ended and field.private)}


def _missing_in(row: Any, fields: Mapping[str, Field], prefix: str) -> dict[str, Text]:
    return {prefix + name: REQUIRED.with_(label=field.label) for name, field in fields.items()
            if not is_filled(getattr(row, field.column))}


def taken(record: Any, act: Any) -> dict[str, Text]:
    """Values that must be unique and are in use by another record that is not void; which one, only who sees it hears."""
    spec: RecordType = record.spec
    groups = [(name,) for name, field in spec.fields.items() if field.unique]
    errors = {}
    for group in (*groups, *spec.unique):
        values = {name: getattr(record, spec.fields[name].column) for name in group}
        if values[group[-1]] is None or record.state == VOID or _was_free(record, group):
            continue
        same = [getattr(spec.model, spec.fields[name].column).is_not_distinct_from(value)
                for name, value in values.items()]
        scope = access.scope_clause(act.actor, spec)
        others = sa.select(spec.model.number, sa.true() if scope is None else scope).where(
            *same, spec.model.state != VOID, spec.model.id != (record.id or 0))
        if (other := act.session.execute(others.limit(1)).first()) is not None:
            number, is_seen = other
            text = TAKEN if is_seen and number else TAKEN_BY_ANOTHER
            errors[group[-1]] = text.with_(label=spec.fields[group[-1]].label, number=number)
    return errors


def _was_free(record: Any, group: Iterable[str]) -> bool:
    """Kept with these values before, and not void then: the database has let nobody else take them since."""
    row = sa.inspect(record)
    return row.persistent and VOID not in (row.attrs.state.history.deleted or ()) and not any(
        row.attrs[record.spec.fields[name].column].history.added for name in group)


def own_place(record: Any, actor: access.Actor) -> dict[str, Text]:
    """Someone held to a scope writes only into it: one own dealer or department is filled in, another is refused."""
    forced = access.own_scope(actor, record.spec)
    if forced is None:
        return {}
    field, own = forced
    if getattr(record, field.column) is None and len(own) == 1:
        setattr(record, field.column, own[0])
    if getattr(record, field.column) in own:
        return {}
    return {field.name: FORCED.with_(label=field.label)}


def full(record: Any, act: Any) -> dict[str, Text]:
    """Everything that must hold before a record is kept; derived fields are computed already."""
    errors = missing(record)
    if not act.is_history and not errors:
        for path, text in record.check(act):
            errors.setdefault(path, text)
    # Of records that wait for one flush the unique index tells.
    return errors | (taken(record, act) if act.together is None else {})


def refuse(errors: Mapping[str, Text]) -> None:
    if errors:
        raise Invalid(errors)
