"""Brings a database to the present shape of the models."""

from __future__ import annotations

from alembic import context
from flask import current_app

from models.base import Exact, Moment, db

config = context.config


def render_item(kind: str, item: object, autogen_context: object) -> str | bool:
    """Our own column types by name, so that a migration reads like the models."""
    if kind == "type" and isinstance(item, Exact | Moment):
        autogen_context.imports.add("from models.base import Exact, Moment")  # type: ignore[attr-defined]
        return f"Exact({item.places})" if isinstance(item, Exact) else "Moment()"
    return False


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=db.metadata, render_item=render_item, render_as_batch=True,
            compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
