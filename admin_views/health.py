"""Whether the house stands: for supervisors and load balancers."""

from __future__ import annotations

import shutil
from typing import Any

import sqlalchemy as sa
from flask import Blueprint, current_app, jsonify
from redis.exceptions import RedisError

from jobs import clock, outbox
from models.base import db
from rules import office

health = Blueprint("health", __name__, url_prefix="/server")
LEAST_DISK = 200 * 1024 * 1024


@health.get("/ping")
def ping() -> Any:
    return "pong", 200, {"Content-Type": "text/plain; charset=utf-8"}


@health.get("/health")
def whole() -> Any:
    """Each part `ok` or what ails it; 503 if one is ill."""
    parts = {"database": _database(), **_queue(), "disk": _disk()}
    ill = [name for name, state in parts.items() if state != "ok"]
    return jsonify(status="ok" if not ill else "ill", checked_at=office.now().isoformat(), **parts), 503 if ill else 200


def _database() -> str:
    try:
        db.session.execute(sa.text("SELECT 1"))
        return "ok"
    except sa.exc.SQLAlchemyError:
        return "no answer"


def _queue() -> dict[str, str]:
    try:
        with outbox.connection() as store:
            store.ping()
            return {"queue": "ok", "workers": "ok" if outbox.any_worker(store) else "none",
                    "clock": "ok" if clock.is_ticking(store) else "silent"}
    except RedisError:
        return {"queue": "no answer", "workers": "unknown", "clock": "unknown"}


def _disk() -> str:
    settings = current_app.extensions["settings"]
    folders = [folder for folder in (settings.data, settings.files) if folder.exists()]
    return "ok" if all(shutil.disk_usage(folder).free > LEAST_DISK for folder in folders) else "nearly full"
