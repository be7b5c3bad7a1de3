"""The value of a parameter on a day: the latest dated value that holds by then, else the default."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from models.choices import PROVINCES
from models.settings import PARAMETERS, Parameter, ParameterValue
from models.spec import Invalid, Text
from rules import audit, office

WHOLE = frozenset({"h", "d", "wd", "day", "month", "km", "count", "MB"})
# Every month has a 28th; more megabytes than these no server takes at once.
BOUNDS = {"day": (1, 28), "month": (1, 1200), "MB": (1, 200)}


def typed(parameter: Parameter, text: str) -> Any:
    """`24` of unit h is the number 24. Raises Invalid on the field `value`."""
    try:
        if parameter.unit == "province":
            return next(value for value, label in PROVINCES if text in (value, label.en))
        number = Decimal(text if len(text) <= 30 else "too long")
        if not number.is_finite():
            raise InvalidOperation
        least, most = BOUNDS.get(parameter.unit, (0, 10**9))
        if not least <= number <= most:
            raise InvalidOperation
        if parameter.unit in WHOLE:
            if number != number.to_integral_value():
                raise InvalidOperation
            return int(number)
        return number
    except (InvalidOperation, StopIteration):
        raise Invalid({"value": Text(
            f"“{parameter.label.zh}”的值“{text}”不合要求（单位 {parameter.unit}）",
            f"“{text}” does not fit “{parameter.label.en}” (unit {parameter.unit})")}) from None


def value(session: Any, name: str, day: date | None = None) -> Any:
    """The typed value on a day (today unless told); read once a transaction."""
    look_up(session, [name])
    day, dated = day or office.today(), session.info["parameters"][name]
    text = next((kept for since, kept in dated if since <= day), PARAMETERS[name].default)
    return typed(PARAMETERS[name], text)


def look_up(session: Any, names: Iterable[str]) -> None:
    """Read what this transaction has not read yet: for whoever knows beforehand what will be asked."""
    known = session.info.setdefault("parameters", {})
    missing = [name for name in names if name not in known]
    if missing:
        known.update({name: [] for name in missing})
        for name, since, kept in session.execute(
                sa.select(ParameterValue.name, ParameterValue.valid_from, ParameterValue.value)
                .where(ParameterValue.name.in_(missing)).order_by(ParameterValue.valid_from.desc())):
            known[name].append((since, kept))


def set_value(act: Any, name: str, text: str, valid_from: date | None = None) -> None:
    """Give a parameter a new value from a day on; audited. Records and rounds already running keep theirs."""
    if name not in PARAMETERS:
        raise Invalid({"name": Text(f"没有参数“{name}”", f"There is no parameter “{name}”")})
    typed(PARAMETERS[name], text)
    since = valid_from or office.today()
    old = act.session.scalar(sa.select(ParameterValue).where(
        ParameterValue.name == name, ParameterValue.valid_from == since))
    before = str(value(act.session, name, since))
    if old is None:
        act.session.add(ParameterValue(name=name, value=text, valid_from=since))
    else:
        old.value = text
    act.session.info.pop("parameters", None)
    act.session.flush()
    audit.note(act.session, act, "set_parameter", "parameter", name,
               {"value": [before, text], "valid_from": [None, since.isoformat()]})
