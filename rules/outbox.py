"""What must happen outside a transaction is written down in it: the outbox. How it is handed over: jobs/outbox.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from models.history import Outbox


def put(act: Any, job: str, arguments: Sequence[Any], *, key: str | None = None, about: str | None = None) -> None:
    """Have a job done after the commit. With a `key` only once, however often it is put; what is `about` the same is
    done in the order in which it was put."""
    put_all(act, [{"job": job, "arguments": list(arguments), "key": key, "about": about}])


def put_all(act: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        insert_new(act.session, Outbox, [{**row, "created_at": act.now} for row in rows], ("key",), Outbox.id)


def insert_new(session: Any, model: Any, rows: Sequence[Mapping[str, Any]], key: Sequence[str],
               *columns: Any) -> list[Any]:
    """Insert the rows whose key is not there yet, also not by somebody who writes at this moment: what came in."""
    insert: Any = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    query = insert(model).values(list(rows)).on_conflict_do_nothing(index_elements=list(key)).returning(*columns)
    return list(session.execute(query).all())
