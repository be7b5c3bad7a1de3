"""The forms of values and records in OpenAPI, from their declarations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api import cost, operators
from api.shapes import POINTING, Shapes, record_fields
from models.base import PLACES
from models.spec import TEXTS, Field, Kind, Lines, RecordType
from rules import access, checks

DAY = r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
MOMENT = DAY[:-1] + r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](Z|[+]08:00)$"
ID = {"type": "integer", "minimum": 1, "maximum": 2**53}
PATTERNS = {Kind.DATE: DAY, Kind.DATETIME: MOMENT, Kind.PERIOD: r"^20[0-9]{2}-(0[1-9]|1[0-2])$",
            Kind.QUARTER: r"^20[0-9]{2}-Q[1-4]$"}
FORMATS = {Kind.DATE: "date", Kind.DATETIME: "date-time", Kind.EMAIL: "email"}
EXAMPLES = {Kind.DATE: "2026-10-31", Kind.DATETIME: "2026-10-31T09:30:00+00:00", Kind.PERIOD: "2026-10",
            Kind.QUARTER: "2026-Q4", Kind.MONEY: "88.63", Kind.PERCENT: "0.886667", Kind.DECIMAL: "12.5", Kind.LINK: 1,
            Kind.USER: 1, Kind.FILE: 1, Kind.INTEGER: 3, Kind.BOOL: True, Kind.PHONE: "023-60000000",
            Kind.EMAIL: "a@example.com"}


def told(field: Field) -> str:
    """The description of a field: both labels, and what helps to fill it in."""
    words = [f"{field.label.zh} · {field.label.en}"]
    if field.help:
        words.append(f"{field.help.zh} {field.help.en}")
    if field.measure:
        words.append(f"[{field.measure_text.zh} {field.measure_text.en}]")
    if field.derived:
        words.append(f"= {field.derived}")
    return " — ".join(words)


def example(field: Field) -> Any:
    if field.choices:
        first = field.choices[0].value
        return [first] if field.kind is Kind.MULTICHOICE else first
    return EXAMPLES.get(field.kind, field.label.en)


def read_value(field: Field) -> dict[str, Any]:
    """How a value is read; a link as the id, or as an object where more is asked for."""
    if field.kind in POINTING:
        return {"type": ["integer", "object", "null"]}
    if field.kind is Kind.MULTICHOICE:
        return {"type": ["array", "null"], "items": {"type": "string"}}
    types = {Kind.INTEGER: "integer", Kind.BOOL: "boolean"}
    schema: dict[str, Any] = {"type": [types.get(field.kind, "string"), "null"]}
    return {**schema, "format": FORMATS[field.kind]} if field.kind in (Kind.DATE, Kind.DATETIME) else schema


def written_value(field: Field) -> dict[str, Any]:
    """What is taken: what fails here is refused, what passes may still be refused by the rules of the type."""
    kind = field.kind
    if kind in POINTING:
        return {"type": ["integer", "null"], "minimum": 1, "maximum": 2**53}
    if kind is Kind.BOOL:
        return {"enum": [True, False, "true", "false", None]}
    if kind is Kind.MULTICHOICE:
        return {"type": ["array", "null"], "items": {"enum": [value for value, _ in field.choices]}}
    if field.choices:
        return {"enum": [*(value for value, _ in field.choices), None]}
    if kind is Kind.INTEGER:
        return {"type": ["integer", "null"], **({"minimum": field.minimum} if field.minimum is not None else {}),
                "maximum": 100 if field.measure else 10**11}
    if kind in PLACES:
        places = "" if field.measure in ("h", "d", "月") else rf"(\.[0-9]{{1,{PLACES[kind]}}})?"
        return {"type": ["string", "null"], "pattern": rf"^[0-9]{{1,3}}{places}$"}
    if kind in PATTERNS:
        return {"type": ["string", "null"], "pattern": PATTERNS[kind]}
    return {"type": ["string", "null"], **({"maxLength": field.length} if field.length and kind in TEXTS else {})}


def record(spec: RecordType, actor: access.Actor) -> dict[str, Any]:
    """A record as it is read by this person."""
    shapes = Shapes(actor)
    fields = {name: _described(field, read_value(field)) for name, field in record_fields(spec, actor).items()}
    for name, child in spec.lines.items():
        rows = shapes.of_lines(spec, child).fields
        fields[name] = _table(child, {n: _described(f, read_value(f)) for n, f in rows.items()})
    return {"type": "object", "description": _purpose(spec), "properties": fields}


def _described(field: Field, schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "description": told(field), "examples": [example(field)]}


def _table(child: Lines, fields: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "description": f"{child.label.zh} · {child.label.en}",
            "items": {"type": "object", "properties": fields, **more}}


def _purpose(spec: RecordType) -> str:
    states = "、".join(f"{state.name} {state.label.zh}" for state in spec.workflow.states)
    return f"{spec.zh} · {spec.en}. {spec.purpose} ({spec.source}) 状态 States: {states}"


def entered(spec: RecordType, *, is_new: bool) -> dict[str, Any]:
    """What may be written of a record."""
    closed = checks.read_only(spec)
    open_fields = {name: field for name, field in spec.fields.items() if name not in closed}
    fields = {name: _described(field, written_value(field)) for name, field in open_fields.items()}
    for name, child in spec.lines.items():
        typed = {n: _described(f, written_value(f)) for n, f in child.fields.items() if f.typed}
        fields[name] = _table(child, {"id": ID, **typed}, additionalProperties=False)
    required = [name for name, field in open_fields.items() if field.required and field.default is None]
    return {"type": "object", "description": _purpose(spec), "properties": fields, "additionalProperties": False,
            **({"required": required} if is_new and required else {})}


# Filters ----------------------------------------------------------------------------------------------------------

def _operand(kind: Kind) -> dict[str, Any]:
    """Whatever is written is read as the kind of the field; what cannot be is refused."""
    shown = EXAMPLES.get(kind)
    return {"type": ["string", "number", "boolean", "null"], **({"examples": [shown]} if shown is not None else {})}


def operations(field: Field) -> dict[str, Any]:
    """What a field of this kind can be asked; a bare value stands for `_eq`."""
    one = _operand(field.kind)
    many = {"anyOf": [{"type": "array", "items": one, "maxItems": cost.MOST_VALUES}, {"type": "string"}]}
    found = {name: many if name in ("_in", "_nin", "_between", "_nbetween") else one
             for name in operators.OPERATORS if operators.fits(field, name)}
    return {"anyOf": [{"type": "object", "properties": found, "additionalProperties": False}, one]}


def kind_of_filter(field: Field) -> str:
    return f"filter_{'key' if field.kind in POINTING else field.kind.value}"


def filters(spec: RecordType, actor: access.Actor, kinds: dict[str, Any]) -> dict[str, Any]:
    """The filter of a type. Links and child tables take filters of their own; those are not written out here."""
    fields = {}
    for name, field in record_fields(spec, actor).items():
        kinds.setdefault(kind_of_filter(field), operations(field))
        fields[name] = {"$ref": f"#/components/schemas/{kind_of_filter(field)}"}
    both = {word: {"type": "array", "items": {"type": "object", "properties": fields, "additionalProperties": False}}
            for word in ("_and", "_or")}
    return {"type": "object", "properties": {**fields, **both}, "additionalProperties": False,
            "description": "links: {\"dealer\": {\"province\": {\"_eq\": \"...\"}}}; tables: {\"visits\": {\"_some\": {...}}}"}
