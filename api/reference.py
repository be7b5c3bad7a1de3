"""`/server/reference`: the API as a page to read, from the same document that programs get."""

from __future__ import annotations

from typing import Any

from flask import render_template, request

from api import door, openapi, operators, parameters
from api.described import fields_of
from api.door import blueprint
from models.spec import AREAS


@blueprint.get("/server/reference")
def contents() -> Any:
    """Every type that the reader may see, by area."""
    document = openapi.document(door.actor())
    areas: dict[str, list[Any]] = {}
    for spec in openapi.types():
        areas.setdefault(AREAS[spec.area].in_(door.language()), []).append(spec)
    around = {path: one for path, one in document["paths"].items() if not path.startswith("/items/")}
    return render_template("api/contents.html", areas=areas, around=around, operators=operators.OPERATORS,
                           codes=openapi.ERRORS)


@blueprint.get("/server/reference/<name>")
def of_type(name: str) -> Any:
    spec = door.type_open(name)
    parameters.of_address(request.args, ("lang",))
    document = openapi.document(door.actor())
    paths = {path: one for path, one in document["paths"].items() if path.split("/")[1:3] == ["items", name]}
    return render_template("api/type.html", spec=spec, paths=paths, fields=fields_of(spec))
