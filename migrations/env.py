"""Brings a database to the present shape of the models."""

from __future__ import annotations

from alembic import context
from alembic.operations import ops
from flask import current_app
from sqlalchemy import ForeignKeyConstraint

from models.base import Exact, Moment, db

config = context.config


def render_item(kind: str, item: object, autogen_context: object) -> str | bool:
    """Our own column types by name, so that a migration reads like the models."""
    if kind == "type" and isinstance(item, Exact | Moment):
        autogen_context.imports.add("from models.base import Exact, Moment")  # type: ignore[attr-defined]
        return f"Exact({item.places})" if isinstance(item, Exact) else "Moment()"
    return False


def closes_circle(part: object) -> bool:
    return isinstance(part, ForeignKeyConstraint) and part.use_alter


def close_circles(_context: object, _revision: object, directives: list[ops.MigrationScript]) -> None:
    """The keys with which new tables name each other are made once all are there, and go before they go."""
    for script in directives:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        for table in [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]:
            late = [part for part in table.columns if closes_circle(part)]
            table.columns = [part for part in table.columns if not closes_circle(part)]
            for part in late:
                name, key = table.table_name, ops.CreateForeignKeyOp.from_constraint(part)
                key.kw.pop("use_alter", None)
                upgrade.ops.append(ops.ModifyTableOps(name, [key]))
                drop = ops.DropConstraintOp(part.name, name, type_="foreignkey")
                downgrade.ops.insert(0, ops.ModifyTableOps(name, [drop]))


def run() -> None:
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=db.metadata, render_item=render_item, render_as_batch=True,
            compare_type=True, process_revision_directives=close_circles)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
