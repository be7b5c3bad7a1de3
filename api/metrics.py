"""The figures of the house, for Prometheus on this machine or with a token that names the right; and the counting of
every request, whatever its door."""

from __future__ import annotations

import time
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, request

from api import answers, bearer, door
from jobs import metrics
from jobs.request_counts import Counts
from models.base import Record, set_reading
from rules import access

blueprint = Blueprint("metrics", __name__)
door.tell_failures(blueprint)
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")

# What a request is for, by the last word of its endpoint in the views of record types, else by its view.
OF_RECORDS = {
    "index": "list", "summary": "list", "choices": "list", "people": "list", "bulk": "move", "move": "move", "acknowledge": "move",
    "new": "form", "edit": "form", "figures": "form", "attachment": "file", "attach": "file", "detach": "file",
    "export_csv": "export", "export_xlsx": "export", "export_json": "export", "workbook": "export", "paper": "export"}
OF_VIEWS = {
    "admin": "desk", "inbox": "desk", "delegations": "desk", "notices": "desk", "search": "search", "reports": "report",
    "kpis": "report", "exports": "export", "sign_in": "sign_in", "auth": "sign_in", "health": "server", "metrics": "server",
    **dict.fromkeys(("parameters", "people", "units", "areas", "calendar", "jobs", "standing", "tokens", "webhooks", "retention"),
                    "administration")}


def init_app(app: Flask) -> None:
    app.extensions["request_counts"] = Counts(app.extensions["settings"].data / "metrics")
    app.register_blueprint(blueprint)
    # Around everything else that happens before and after a view.
    app.before_request_funcs.setdefault(None, []).insert(0, _begin)
    app.after_request_funcs.setdefault(None, []).insert(0, _count)


# Counting ---------------------------------------------------------------------------------------------------------

def _begin() -> None:
    g.began = time.perf_counter()


def _count(response: Response) -> Response:
    counts: Counts = current_app.extensions["request_counts"]
    counts.count(kind_of(request.endpoint, request.method), response.status_code, time.perf_counter() - g.began)
    return response


def kind_of(endpoint: str | None, method: str) -> str:
    if endpoint is None:
        return "nowhere"
    view, _, name = endpoint.rpartition(".")
    if name == "static":
        return "static"
    if view == "api":
        return "api_read" if method in bearer.SAFE else "api_write"
    if view in Record.types:
        return "import" if name.startswith("import_") else OF_RECORDS.get(name, "record")
    return OF_VIEWS.get(view, "other")


# The door ---------------------------------------------------------------------------------------------------------

@blueprint.get("/metrics")
def look() -> Any:
    set_reading(True)
    _check()
    return Response(metrics.text(), content_type=metrics.MEDIA_TYPE)


def _check() -> None:
    """A token decides where one is sent; without one it is open to programs of this machine. Raises Failure."""
    found = bearer.owner_of(request)
    if found is None:
        if not _is_local():
            raise answers.forbidden(access.NO_METRICS.reason)
        return
    person, scope = found
    verdict = access.may_see_metrics(access.Actor.of(person, "api", scope=scope))
    if not verdict:
        raise answers.forbidden(verdict.reason)


def _is_local() -> bool:
    """Asked on this machine under a name of this machine, and for nobody elsewhere: a proxy beside us names the address
    that it was asked for, or whom it asks for."""
    try:
        is_here = ip_address(request.remote_addr or "").is_loopback
        name = urlsplit(f"//{request.host}").hostname
    except ValueError:
        return False
    return is_here and name in LOCAL_NAMES and not any(header in request.headers for header in FORWARDED)
