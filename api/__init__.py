"""The JSON door."""

from __future__ import annotations

from flask import Flask
from flask_wtf import CSRFProtect

from api import auth


def init_app(app: Flask, csrf: CSRFProtect) -> None:
    auth.init_app(app, csrf)
