"""Brings a database to the present shape of the models."""

from __future__ import annotations

from typing import Any

from alembic import context
from alembic.autogenerate import renderers
from alembic.operations import MigrateOperation, Operations, ops
from flask import current_app
from sqlalchemy import ForeignKeyConstraint

from models.base import Exact, Moment, db
from models.search import SearchText, drop_words, is_described, make_words


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


@Operations.register_operation("create_search")
class CreateSearch(MigrateOperation):
    """The words in which a database looks, which no metadata describe: they come and go with the table of texts."""

    @classmethod
    def create_search(cls, operations: Operations) -> Any:
        return operations.invoke(cls())

    def reverse(self) -> MigrateOperation:
        return DropSearch()


@Operations.register_operation("drop_search")
class DropSearch(MigrateOperation):
    @classmethod
    def drop_search(cls, operations: Operations) -> Any:
        return operations.invoke(cls())


@Operations.implementation_for(CreateSearch)
def make_search(operations: Operations, _operation: CreateSearch) -> None:
    make_words(operations.get_bind())


@Operations.implementation_for(DropSearch)
def unmake_search(operations: Operations, _operation: DropSearch) -> None:
    drop_words(operations.get_bind())


@renderers.dispatch_for(CreateSearch)
def search_made(_context: object, _operation: CreateSearch) -> str:
    return "op.create_search()"


@renderers.dispatch_for(DropSearch)
def search_unmade(_context: object, _operation: DropSearch) -> str:
    return "op.drop_search()"


def render_item(kind: str, item: object, autogen_context: object) -> str | bool:
    """Our own column types by name, so that a migration reads like the models."""
    if kind == "type" and isinstance(item, Exact | Moment):
        autogen_context.imports.add("from models.base import Exact, Moment")  # type: ignore[attr-defined]
        return f"Exact({item.places})" if isinstance(item, Exact) else "Moment()"
    return False


def complete(_context: object, _revision: object, directives: list[ops.MigrationScript]) -> None:
    """What belongs to new tables: the keys with which they name each other are made once all are there, and go before
    they go; the words of the search come with its table."""
    for script in directives:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        for table in [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]:
            if table.table_name == SearchText.__tablename__:
                upgrade.ops.append(CreateSearch())
                downgrade.ops.insert(0, DropSearch())
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
            compare_type=True, process_revision_directives=complete, include_object=is_described)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
