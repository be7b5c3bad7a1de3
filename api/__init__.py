"""The JSON door: every record type over HTTP, in the dialect of Directus, generated from the declarations."""

from __future__ import annotations

from flask import Flask
from flask_wtf import CSRFProtect

from api import (
    auth, copies, described, door, exports, files, history, importing, items, kpis, metrics, openapi, people, reference, reports,
)

PARTS = (   # importing them adds their addresses
    copies, described, exports, files, history, importing, items, kpis, openapi, people, reference, reports)


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    door.init_app(app, csrf)
    auth.init_app(app, csrf)
    metrics.init_app(app)
