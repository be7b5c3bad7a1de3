"""`/users/me`: who the program is, for itself."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, g, request

from api import door, parameters
from api.answers import forbidden
from api.door import blueprint
from models.people import User
from models.spec import ROLES
from rules import access


@blueprint.get("/users/me")
def me() -> Response:
    query = parameters.of_address(request.args, ("fields", "lang"))
    told = _person(g.api_person, g.api_scope)
    if "*" not in query.fields and not set(query.fields) <= set(told):
        raise forbidden()
    return door.told({"data": {name: value for name, value in told.items() if {name, "*"} & set(query.fields)}})


def _person(user: User, scope: access.Scope | None) -> dict[str, Any]:
    """Themselves; `token` says how far the present token goes: an empty list, no narrower than the person."""
    told = {
        "id": user.id, "username": user.username, "first_name": user.name, "last_name": None, "email": user.email,
        "language": user.language or current_app.config["LANGUAGE"], "status": "active",
        "roles": [name for name in ROLES if name in user.roles],
        "units": sorted({one.unit for one in user.memberships if one.unit}),
        "dealers": sorted({one.dealer_id for one in user.memberships if one.dealer_id})}
    if scope is not None:
        told["token"] = {"types": sorted(scope.types), "verbs": [verb for verb in access.VERBS if verb in scope.verbs]}
    return told
