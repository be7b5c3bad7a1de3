"""The only place where all parts meet: `create_app()` and the `flask` commands."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask
from flask_migrate import Migrate
from flask_wtf import CSRFProtect

import admin_views
import api
import commands
import rules.saving  # noqa: F401  the flush listeners
from admin_views import uploads
from config import ConfigError, Settings
from jobs import embedded_valkey
from models.base import db
from models.spec import WrongDeclaration
from rules import file_store, notices, office, registry

csrf = CSRFProtect()
migrate = Migrate()


def create_app(settings: Settings | None = None) -> Flask:
    """The application. What is wrong with the settings or a declaration ends the start with one sentence."""
    with _made_to_last():
        return _assembled(settings)


@contextmanager
def _made_to_last() -> Iterator[None]:
    """What is made meanwhile lives as long as the process. A garbage collector that looked through all of it again and
    again, and once more at the end, took half the time of a short command; and processes that are forked from this
    one share what it leaves alone."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def _assembled(settings: Settings | None) -> Flask:
    try:
        settings = settings or Settings.from_environment(os.environ)
        registry.load()
    except (ConfigError, WrongDeclaration) as wrong:
        sys.exit(str(wrong))
    app = Flask(__name__)
    app.config.from_mapping(flask_settings(settings))
    app.extensions["settings"] = settings
    office.set_zone(settings.timezone)
    file_store.set_place(settings.files)
    notices.set_mailing(settings.mail_url is not None)
    db.init_app(app)
    migrate.init_app(app, db, directory="migrations")
    uploads.init_app(app)   # how much a request may bring, before csrf reads it
    csrf.init_app(app)
    admin_views.init_app(app)
    api.init_app(app, csrf)
    commands.init_app(app)
    return app


def flask_settings(settings: Settings) -> dict[str, object]:
    # A type asks some twenty different questions: the compiled ones of all types have room.
    engine: dict[str, object] = {"query_cache_size": 5000}
    if settings.database_url.startswith("postgresql"):
        engine["pool_pre_ping"] = True
    return {
        "SECRET_KEY": settings.secret_key,
        "SQLALCHEMY_DATABASE_URI": settings.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine,
        "REDIS_URL": settings.redis_url or embedded_valkey.address(settings),
        "MAX_CONTENT_LENGTH": 20 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 5 * 1024 * 1024,
        "MAX_FORM_PARTS": 5000,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=10),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_TIME_LIMIT": None,   # as long as the session
        "SEND_FILE_MAX_AGE_DEFAULT": timedelta(days=365),   # their addresses carry their content's hash
        "LANGUAGE": settings.language,
    }
