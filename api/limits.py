"""How often one token, and one address, may ask: counted in the queue store, where all processes count together.

Each has a bucket that holds ten seconds' worth of requests and fills again evenly. With the store down nobody counts
and everybody is answered.
"""

from __future__ import annotations

import logging
import math
import time
from typing import NamedTuple

from flask import current_app
from redis import Redis
from redis.exceptions import RedisError

from api.answers import Failure
from config import Settings
from jobs import outbox
from models.spec import Text

TOO_MANY = Text("请求过于频繁，请 {n} 秒后再试", "Too many requests: try again in {n} s")
BURST = 10              # seconds' worth of requests that may come at once
PER_ADDRESS = 4         # times as many as one token: several programs may sit behind one address
PATIENCE = 0.2          # seconds for the store's answer
AFTER_FAILURE = 5       # seconds in which a store that did not answer is not asked again

# The moment at which the bucket will be full again says all about it. One script, so that nobody counts in between.
TAKE = """
local clock = redis.call('TIME')
local now, pause, depth = clock[1] + clock[2] / 1e6, tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
if full + pause - now > depth then return tostring(full + pause - now - depth) end
redis.call('SET', KEYS[1], string.format('%.6f', full + pause), 'EX', math.ceil(depth) + 1)
return '0'
"""

log = logging.getLogger(__name__)


class Rate(NamedTuple):
    """Seconds between two requests in the long run, and how many seconds may be used up at once."""

    pause: float
    depth: float


class _Store:
    """One client per process and address of the store; its connections are kept."""

    client: Redis | None = None
    address: str = ""
    silent_until: float = 0.0


def check(token_id: int | None, address: str) -> None:
    """Raises Failure with `Retry-After` for a token (or address) that asks too often."""
    settings: Settings = current_app.extensions["settings"]
    if not settings.api_rate:
        return
    own, shared = rate(settings.api_rate), rate(settings.api_rate * PER_ADDRESS)
    wait = _wait(f"limit:address:{address}", shared) or (token_id and _wait(f"limit:token:{token_id}", own)) or 0.0
    if wait > 0:
        seconds = math.ceil(wait)
        raise Failure(429, "REQUESTS_EXCEEDED", TOO_MANY.with_(n=seconds), retry_after=seconds)


def rate(a_minute: int) -> Rate:
    pause = 60 / a_minute
    return Rate(pause, max(BURST, pause))


def _wait(key: str, allowed: Rate) -> float:
    """How long until the next request is welcome; 0: this one is, and is counted."""
    if time.monotonic() < _Store.silent_until:
        return 0.0
    try:
        return float(_client().eval(TAKE, 1, key, allowed.pause, allowed.depth))
    except RedisError as error:
        _Store.silent_until = time.monotonic() + AFTER_FAILURE
        log.warning("nobody counts requests: the queue store does not answer (%s)", error)
        return 0.0


def _client() -> Redis:
    address = outbox.store_address()
    if _Store.client is None or _Store.address != address:
        _Store.client, _Store.address = outbox.connection(PATIENCE), address
    return _Store.client
