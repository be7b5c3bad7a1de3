"""`/collections`, `/fields`, `/relations`, `/server/info`: what there is, for the person who asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response, current_app, request

from api import door, parameters
from api.answers import forbidden
from api.door import blueprint
from api.shapes import ID, Shapes, record_fields
from models.spec import NUMBERS, Field, Kind, Lines, RecordType
from rules import access, checks, office, registry

# The words for types of values that programs of this dialect know.
WORDS = {
    Kind.LONGTEXT: "text", Kind.MULTICHOICE: "json", Kind.LINK: "integer", Kind.USER: "integer", Kind.FILE: "integer",
    Kind.INTEGER: "bigInteger", Kind.DATE: "date", Kind.DATETIME: "timestamp", Kind.BOOL: "boolean",
    **dict.fromkeys((Kind.MONEY, Kind.DECIMAL, Kind.PERCENT), "decimal")}
TABLES = {Kind.USER: "users", Kind.FILE: "files"}


def types() -> Iterator[RecordType]:
    """Those of which the reader may see any."""
    return (spec for spec in registry.types().values() if access.may(door.actor(), "view", spec))


def child_name(spec: RecordType, child: Lines) -> str:
    return child.model.__tablename__


def _both(label: Any) -> list[dict[str, str]]:
    return [{"language": "zh-CN", "translation": label.zh}, {"language": "en-US", "translation": label.en}]


def _collection(spec: RecordType) -> dict[str, Any]:
    return {"collection": spec.name, "schema": {"name": spec.name}, "meta": {
        "collection": spec.name, "singleton": False, "hidden": False, "note": spec.purpose, "group": spec.area,
        "translations": _both(spec.label), "display_template": f"{{{{{spec.title or 'number'}}}}}"}}


@blueprint.get("/collections")
def collections() -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": [_collection(spec) for spec in types()]})


@blueprint.get("/collections/<name>")
def collection(name: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": _collection(door.type_open(name))})


def fields_of(spec: RecordType) -> list[dict[str, Any]]:
    closed = checks.read_only(spec)
    found = [_field(spec.name, field, name not in spec.fields or name in closed)
             for name, field in record_fields(spec, door.actor()).items()]
    return found + [_table(spec, child) for child in spec.lines.values()]


def _field(of: str, field: Field, is_closed: bool) -> dict[str, Any]:
    choices = [{"value": value, "text": label.in_(door.language())} for value, label in field.choices]
    return {"collection": of, "field": field.name, "type": WORDS.get(field.kind, "string"), "schema": {
        "name": field.name, "table": of, "is_nullable": not field.required, "is_unique": field.unique,
        "is_primary_key": field is ID, "max_length": field.length, "foreign_key_table": field.to or TABLES.get(field.kind),
        "numeric_precision": 18 if field.kind in NUMBERS else None}, "meta": {
            "collection": of, "field": field.name, "required": field.required, "readonly": is_closed,
            "special": ["m2o"] if field.to or field.kind in TABLES else None, "interface": field.kind.value,
            "note": field.help.in_(door.language()) if field.help else None, "translations": _both(field.label),
            "options": {"choices": choices} if choices else None}}


def _table(spec: RecordType, child: Lines) -> dict[str, Any]:
    """A child table is a list inside its record; its own fields stand under `fields`."""
    rows = Shapes(door.actor()).of_lines(spec, child)
    return {"collection": spec.name, "field": child.name, "type": "alias", "schema": None, "meta": {
        "collection": spec.name, "field": child.name, "special": ["o2m"], "interface": "list-o2m", "required": False,
        "readonly": False, "translations": _both(child.label),
        "fields": [_field(child_name(spec, child), field, not field.typed) for field in rows.fields.values()]}}


@blueprint.get("/fields")
def all_fields() -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": [field for spec in types() for field in fields_of(spec)]})


@blueprint.get("/fields/<name>")
def fields(name: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": fields_of(door.type_open(name))})


@blueprint.get("/fields/<name>/<field_name>")
def field(name: str, field_name: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    found = [one for one in fields_of(door.type_open(name)) if one["field"] == field_name]
    if not found:
        raise forbidden()
    return door.told({"data": found[0]})


def relations_of(spec: RecordType) -> Iterator[dict[str, Any]]:
    for name, found in record_fields(spec, door.actor()).items():
        if found.to or found.kind in TABLES:
            yield _relation(spec.name, name, found.to or TABLES[found.kind], None)
    for child in spec.lines.values():
        yield _relation(child_name(spec, child), "record_id", spec.name, child.name)
        for name, found in Shapes(door.actor()).of_lines(spec, child).fields.items():
            if found.to or found.kind in TABLES:
                yield _relation(child_name(spec, child), name, found.to or TABLES[found.kind], None)


def _relation(many: str, field_name: str, one: str, one_field: str | None) -> dict[str, Any]:
    return {"collection": many, "field": field_name, "related_collection": one,
            "schema": {"table": many, "column": field_name, "foreign_key_table": one, "foreign_key_column": "id"},
            "meta": {"many_collection": many, "many_field": field_name, "one_collection": one, "one_field": one_field}}


@blueprint.get("/relations")
def relations() -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": [one for spec in types() for one in relations_of(spec)]})


@blueprint.get("/relations/<name>")
def relations_of_one(name: str) -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": list(relations_of(door.type_open(name)))})


@blueprint.get("/server/info")
def info() -> Response:
    parameters.of_address(request.args, ("lang",))
    return door.told({"data": {
        "project": {"project_name": "Aftercare 售后管理后台", "default_language": current_app.config["LANGUAGE"]},
        "timezone": office.zone().key, "record_types": sum(1 for _ in types())}})
