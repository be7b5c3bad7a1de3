"""Brings a database to the present shape of the models."""

from __future__ import annotations

from typing import Any

from alembic import context
from alembic.autogenerate import renderers
from alembic.operations import MigrateOperation, Operations, ops
from flask import current_app
from sqlalchemy import ForeignKeyConstraint

from models.base import Exact, Moment, db


@Operations.register_operation("close_circle")
class CloseCircle(MigrateOperation):
    """A key by which new tables name each other. SQLite takes it with its table, and would have to make the table
    anew for it later; the others make it once both tables are there."""

    def __init__(self, table: str, name: str, target: str, column: str) -> None:
        self.table, self.name, self.target, self.column = table, name, target, column

    @classmethod
    def close_circle(cls, operations: Operations, table: str, name: str, target: str, column: str) -> Any:
        return operations.invoke(cls(table, name, target, column))


@Operations.implementation_for(CloseCircle)
def make_key(operations: Operations, key: CloseCircle) -> None:
    if operations.get_bind().dialect.supports_alter:
        operations.create_foreign_key(
            key.name, key.table, key.target, [key.column], ["id"], initially="DEFERRED", deferrable=True)


@renderers.dispatch_for(CloseCircle)
def written(_context: object, key: CloseCircle) -> str:
    return f"op.close_circle({key.table!r}, {key.name!r}, {key.target!r}, {key.column!r})"


def render_item(kind: str, item: object, autogen_context: object) -> str | bool:
    """Our own column types by name, so that a migration reads like the models."""
    if kind == "type" and isinstance(item, Exact | Moment):
        autogen_context.imports.add("from models.base import Exact, Moment")  # type: ignore[attr-defined]
        return f"Exact({item.places})" if isinstance(item, Exact) else "Moment()"
    return False


def close_circles(_context: object, _revision: object, directives: list[ops.MigrationScript]) -> None:
    """The keys with which new tables name each other are made once all are there, and go before they go."""
    for script in directives:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        for table in [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]:
            for key in table.columns:
                if isinstance(key, ForeignKeyConstraint) and key.use_alter:
                    upgrade.ops.append(CloseCircle(
                        table.table_name, key.name, key.elements[0].column.table.name, key.column_keys[0]))
                    drop = ops.DropConstraintOp(key.name, table.table_name, type_="foreignkey")
                    downgrade.ops.insert(0, ops.ModifyTableOps(table.table_name, [drop]))


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
