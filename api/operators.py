"""`_eq`, `_contains`, `_between` ...: what each compares, for which kinds of field, and how a value is read for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from api import cost
from api.answers import wrong_query
from models.base import PLACES
from models.spec import TEXTS, Field, Kind
from rules import checks, office

STRINGS = TEXTS | {Kind.CHOICE, Kind.PROVINCE, Kind.UNIT, Kind.PERIOD, Kind.QUARTER}
ORDERED = frozenset(Kind) - {Kind.MULTICHOICE, Kind.BOOL}
KEYS = frozenset({Kind.LINK, Kind.USER, Kind.FILE, Kind.INTEGER})
BIGGEST = 2**63 - 1


def mapping(told: Any) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise wrong_query("筛选条件应为对象", "A filter is an object")
    return told


# What texts are asked ---------------------------------------------------------------------------------------------
# LIKE minds capitals on one database and not on the other; these are the same on both.

def _contains(column: Any, text: str) -> Any:
    return sa.func.replace(column, text, "") != column if text else column.is_not(None)


def _starts(column: Any, text: str) -> Any:
    return sa.func.substr(column, 1, len(text)) == text


def _ends(column: Any, text: str) -> Any:
    length = sa.func.length(column)
    return sa.and_(length >= len(text), sa.func.substr(column, length - len(text) + 1) == text)


def _ignoring_case(compare: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    return lambda column, text: compare(sa.func.lower(column), text.lower())


_TEXT = {"contains": _contains, "starts_with": _starts, "ends_with": _ends}
TEXT: dict[str, tuple[Callable[[Any, str], Any], bool]] = {}
for _name, _compare in _TEXT.items():
    for _letter, _one in (("", _compare), ("i", _ignoring_case(_compare))):
        TEXT[f"_{_letter}{_name}"], TEXT[f"_n{_letter}{_name}"] = (_one, False), (_one, True)

ONE: dict[str, Callable[[Any, Any], Any]] = {
    "_lt": lambda c, v: c < v, "_lte": lambda c, v: c <= v, "_gt": lambda c, v: c > v, "_gte": lambda c, v: c >= v}
FLAGS = {"_null": True, "_nnull": False, "_empty": True, "_nempty": False}
OPERATORS = ("_eq", "_neq", *ONE, "_in", "_nin", *FLAGS, "_between", "_nbetween", *TEXT)


def compare(field: Field, column: Any, name: str, raw: Any, filled_in: Callable[[Any], Any]) -> Any:
    """One operator of one field, as SQL."""
    if name not in OPERATORS or not fits(field, name):
        raise wrong_query(f"“{name[:40]}”不能用于“{field.name}”", f"“{name[:40]}” cannot be used on “{field.name}”")

    def read(value: Any) -> Any:
        return literal(field, filled_in(value))
    if name in FLAGS:
        return _flag(field, column, name, raw)
    if name in ("_eq", "_neq"):
        return _equal(column, None if raw is None else read(raw), is_wanted=name == "_eq")
    if name in ONE:
        return ONE[name](column, read(raw))
    if name in ("_in", "_nin"):
        values = [read(value) for value in _values(raw)]
        return column.in_(values) if name == "_in" else column.not_in(values)
    if name in ("_between", "_nbetween"):
        values = [read(value) for value in _values(raw)]
        if len(values) != 2:
            raise wrong_query(f"{name} 要两个值", f"{name} takes two values")
        inside = column.between(*values)
        return inside if name == "_between" else ~inside
    return _textual(field, column, name, raw)


def fits(field: Field, name: str) -> bool:
    if name in FLAGS:
        return True
    if name in TEXT:
        return field.kind in STRINGS or (field.kind is Kind.MULTICHOICE and name in ("_contains", "_ncontains"))
    if field.kind is Kind.BOOL:
        return name in ("_eq", "_neq", "_in", "_nin")
    return field.kind in ORDERED


def _equal(column: Any, value: Any, *, is_wanted: bool) -> Any:
    if value is None:
        return column.is_(None) if is_wanted else column.is_not(None)
    return column == value if is_wanted else column != value


def _flag(field: Field, column: Any, name: str, raw: Any) -> Any:
    is_true = _YES_NO.get(str(raw).lower() or "true")
    if is_true is None:
        raise wrong_query(f"{name} 的值应为 true 或 false", f"{name} is true or false")
    blank = column.is_(None)
    if name in ("_empty", "_nempty"):
        if field.kind is Kind.MULTICHOICE:
            blank = sa.or_(blank, sa.cast(column, sa.Text).in_(("[]", "null")))
        elif field.kind in STRINGS:
            blank = sa.or_(blank, column == "")
    elif field.kind is Kind.MULTICHOICE:
        blank = sa.or_(blank, sa.cast(column, sa.Text) == "null")
    return blank if FLAGS[name] == is_true else ~blank


def _values(raw: Any) -> list[Any]:
    values = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(values, list) or len(values) > cost.MOST_VALUES:
        raise wrong_query(f"应为不超过 {cost.MOST_VALUES} 个值的列表", f"A list of at most {cost.MOST_VALUES} values is needed")
    return values


def _textual(field: Field, column: Any, name: str, raw: Any) -> Any:
    text = _text(field, raw)
    if field.kind is Kind.MULTICHOICE:
        found = sa.cast(column, sa.Text).contains(f'"{text}"', autoescape=True)
        return ~found if name == "_ncontains" else found
    one, is_negated = TEXT[name]
    found = one(column, text)
    return ~found if is_negated else found


# Values -----------------------------------------------------------------------------------------------------------

def literal(field: Field, raw: Any) -> Any:
    """A value as the column holds it. Raises the refusal that names the field."""
    try:
        value = _READERS.get(field.kind, _text)(field, raw)
    except (ValueError, LookupError, InvalidOperation, TypeError, OverflowError, checks.Wrong):
        raise wrong_query(f"“{field.name}”不能与这个值比较", f"“{field.name}” cannot be compared with this value") from None
    return value


def _text(field: Field, raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise wrong_query(f"“{field.name}”应与文字比较", f"“{field.name}” is compared with a text")
    text = str(raw)
    try:
        if len(text) <= cost.LONGEST_TEXT:
            return checks.readable(text)
    except checks.Wrong:
        pass
    raise wrong_query("文字太长或含有控制字符", "The text is too long or has control characters")


def _key(field: Field, raw: Any) -> int:
    if isinstance(raw, bool) or not re.fullmatch(r"-?[0-9]{1,18}", str(raw)):
        raise ValueError(raw)
    return int(raw)


def _number(field: Field, raw: Any) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, int | str) or len(str(raw)) > 40:
        raise ValueError(raw)
    number = Decimal(raw)
    places = PLACES[field.kind]
    if not number.is_finite() or not -10**12 < number < 10**12 or number != round(number, places):
        raise ValueError(raw)
    return number


def _day(field: Field, raw: Any) -> date:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return raw
    return date.fromisoformat(_iso(raw)[:10]) if len(_iso(raw)) == 10 else office.local(_moment(field, raw)).date()


def _moment(field: Field, raw: Any) -> datetime:
    moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(_iso(raw))
    aware = moment if moment.tzinfo else moment.replace(tzinfo=office.zone())
    if not 1900 <= aware.year <= 2199:
        raise ValueError(raw)
    return aware


def _iso(raw: Any) -> str:
    """A `+` in an address arrives as a space."""
    if not isinstance(raw, str) or not raw.isascii():
        raise ValueError(raw)
    return re.sub(r"(?<=\d) (?=\d\d:\d\d$)", "+", raw) if raw.count(":") > 2 else raw


def _yes_no(field: Field, raw: Any) -> bool:
    return _YES_NO[str(raw).lower()]


_YES_NO = {"true": True, "1": True, "false": False, "0": False}
_READERS: dict[Kind, Callable[[Field, Any], Any]] = {
    **dict.fromkeys(KEYS, _key), **dict.fromkeys((Kind.MONEY, Kind.DECIMAL, Kind.PERCENT), _number),
    Kind.DATE: _day, Kind.DATETIME: _moment, Kind.BOOL: _yes_no,
}
