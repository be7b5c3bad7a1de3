"""The migrations make exactly the tables that the models describe, from nothing, on both databases."""

from __future__ import annotations

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.base import db
from models.search import is_described
from tests.conftest import settings_for


@pytest.fixture
def fresh(empty, tmp_path):
    from app import create_app
    app = create_app(settings_for(tmp_path, empty))
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def differences():
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_described})
        return compare_metadata(context, db.metadata)


def test_an_empty_database_becomes_what_the_models_describe(fresh):
    assert differences(), "before, everything is missing"
    flask_migrate.upgrade()
    assert differences() == []
    made = {name for name in sa.inspect(db.engine).get_table_names() if is_described(None, name, "table")}
    assert made == {*db.metadata.tables, "alembic_version"}
    assert sa.inspect(db.engine).has_table("search_words")


def test_upgrading_again_changes_nothing(fresh):
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        head = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == head
    assert differences() == []


def test_what_must_be_unique_is_unique_only_among_records_that_stand(fresh):
    """Partial indexes are easily lost on the way into a migration."""
    flask_migrate.upgrade()
    made = {index["name"]: index for index in sa.inspect(db.engine).get_indexes("dealer_ledger")}
    assert made["uq_dealer_ledger_dealer_code"]["unique"]
    options = made["uq_dealer_ledger_dealer_code"]["dialect_options"]
    assert "void" in str(options[f"{db.engine.dialect.name}_where"])


def test_there_is_one_line_of_migrations(fresh):
    from alembic.script import ScriptDirectory
    script = ScriptDirectory("migrations")
    assert len(script.get_heads()) == 1 and len(script.get_bases()) == 1
