"""Whether the house stands: for supervisors and load balancers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify

from jobs.health import look
from rules import office

health = Blueprint("health", __name__, url_prefix="/server")


@health.get("/ping")
def ping() -> Any:
    return "pong", 200, {"Content-Type": "text/plain; charset=utf-8"}


@health.get("/health")
def whole() -> Any:
    """Each part `ok` or what ails it, and the figures behind it; 503 if one is ill. Jobs that failed make none ill: the
    house answers, and taking it from everybody mends no mail. They are in the figures, and the administrator is told."""
    found = look()
    return jsonify(status="ok" if found.is_well else "ill", checked_at=office.now().isoformat(), **found.parts,
                   figures=found.figures), 200 if found.is_well else 503
