"""How far a job is, for whoever watches: kept in the queue store, because its own transaction may still be open."""

from __future__ import annotations

import logging
import time

from redis.exceptions import RedisError

from jobs import outbox

KEPT = 3600     # seconds
EVERY = 0.5     # seconds between two tellings

log = logging.getLogger(__name__)


class Progress:
    """Of one job: `tell(n)` may be called as often as one likes."""

    def __init__(self, kind: str, id_: int) -> None:
        self.key, self.told_at = _key(kind, id_), 0.0

    def tell(self, done: int) -> None:
        if time.monotonic() - self.told_at < EVERY:
            return
        self.told_at = time.monotonic()
        try:
            with outbox.connection() as store:
                store.set(self.key, done, ex=KEPT)
        except RedisError as error:
            log.info("nobody hears of the progress: %s", error)


def heard(kind: str, id_: int) -> int | None:
    """How far it is; None if nobody knows."""
    try:
        with outbox.connection() as store:
            told = store.get(_key(kind, id_))
    except RedisError:
        return None
    return int(told) if told is not None else None


def _key(kind: str, id_: int) -> str:
    return f"aftercare:progress:{kind}:{id_}"
