"""What changes answer: read from what they left, kept whole or not at all, and once for a request that names itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request

from api import door, parameters
from api.answers import forbidden
from api.parameters import Query
from api.reading import Reader
from api.shapes import REVISION, Shapes
from models.base import db
from models.spec import RecordType
from rules import repeats
from rules.act import Act

BESIDE = "\0revision"   # no field has this name
OF_ONE = ("fields", "deep", "alias", "lang")
Work = Callable[[Act], list[int]]


@dataclass(frozen=True)
class Told:
    """An answer before it leaves; no content: it is not theirs to see."""

    content: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def leave(self) -> Response:
        return Response(status=204) if self.content is None else door.told(self.content, self.status, **self.headers)


def reader(connection: Any, shapes: Shapes, spec: RecordType, query: Query) -> Reader:
    shape = shapes.of_type(spec.name)
    if shape is None:
        raise forbidden()
    return Reader(connection, shapes, shape, query)


def as_it_is(spec: RecordType, query: Query, ids: list[int]) -> list[tuple[int, dict[str, Any]]]:
    """(revision, object) of each that the reader may see, as this transaction has left it."""
    reading = reader(db.session.connection(), Shapes(door.actor()), spec, query)
    reading.tree.columns[BESIDE] = REVISION
    found = reading.of_ids(ids)
    if len(found) != len(ids):   # somebody writes what they may not see: nothing is told about it
        return []
    return [(one.pop(BESIDE), one) for one in found]


def written(spec: RecordType, work: Work, *, is_list: bool, comment: str = "", is_repeatable: bool = False) -> Response:
    """The records that the work leaves, in one transaction with it."""
    query, act = parameters.of_address(request.args, OF_ONE), door.act(comment)

    def done() -> Told:
        found = as_it_is(spec, query, work(act))
        rows = [one for _, one in found]
        headers = {"ETag": f'"{found[0][0]}"'} if found and not is_list else {}
        return Told({"data": rows if is_list else rows[0]} if rows else None, headers=headers)
    if is_repeatable:
        return once(act, done, request.get_data())
    answer = done()
    db.session.commit()
    return answer.leave()


def once(act: Act, work: Callable[[], Told], *sent: bytes) -> Response:
    """A request that names itself by an Idempotency-Key is done once; asked again it is answered alike. Whoever asks at
    the same moment waits for the first. `sent` is what tells the request from another one to this address."""
    key = request.headers.get("Idempotency-Key")
    if key is not None:
        print_ = repeats.fingerprint(request.method.encode(), request.full_path.encode(), *sent)
        if (earlier := repeats.begin(act, key, print_)) is not None:
            return _again(earlier)
    answer = work()
    if key is not None:
        repeats.answered(db.session, act.actor, key, answer.status, {"content": answer.content, "headers": answer.headers})
    db.session.commit()
    return answer.leave()


def _again(earlier: Any) -> Response:
    answer = Told(earlier.answer["content"], earlier.status, earlier.answer["headers"])
    db.session.rollback()
    again = answer.leave()
    again.headers["Idempotent-Replayed"] = "true"
    return again
