"""Webhooks: a message leaves, signed, at least once under one key, in order for each record."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app

from config import Settings
from jobs import outbox
from models.base import db
from models.history import Outbox
from models.spec import ADMINISTRATOR, Text
from models.webhooks import Delivery, Webhook
from rules import notices, office, webhooks
from rules.access import Actor
from rules.act import Act

PATIENCE = 10        # seconds for each word of the receiver
LONGEST_TALK = 30    # seconds for all of them: a receiver that says a letter now and then holds up nobody
KEPT_ANSWER = 1024   # bytes
GONE = 410           # by which a receiver says that it wants no more of this
GAVE_UP = Text("Webhook“{name}”未能送达：{reason}", "The webhook “{name}” could not deliver: {reason}")
NAT64 = ipaddress.ip_network("64:ff9b::/96")   # behind which any IPv4 address may be meant


class NotDelivered(Exception):
    """It is tried again."""


@dataclass
class Answer:
    """What became of one attempt."""

    status: int | None = None
    body: str | None = None
    error: str | None = None
    is_final: bool = False   # no further attempt can do better

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send(delivery_id: int) -> None:
    """Send a message, unless it was sent, or is no longer its receiver's to know. Whoever dies between the receiver's
    yes and the mark has it sent once more, under the same key."""
    delivery = db.session.get(Delivery, delivery_id, populate_existing=True)
    if delivery is None or delivery.state != webhooks.WAITING:
        db.session.rollback()
        return
    webhook = db.session.get(Webhook, delivery.webhook_id, populate_existing=True)
    told, key = webhooks.message(db.session, delivery, webhook), delivery.key
    url, sign = webhook.url, _signer(webhook)
    db.session.rollback()   # nobody waits for a receiver with the database locked
    if told is None:
        _mark(delivery_id, state=webhooks.DROPPED)
        return
    body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    since = time.monotonic()
    answer = post(url, body, {**_headers(key), **sign(key, body)}, _networks())
    _settle(delivery_id, answer, int((time.monotonic() - since) * 1000))


def _signer(webhook: Webhook) -> Any:
    settings: Settings = current_app.extensions["settings"]
    db.session.expunge(webhook)

    def sign(key: str, body: bytes) -> dict[str, str]:
        moment = int(office.now().timestamp())
        return {"webhook-timestamp": str(moment),
                "webhook-signature": webhooks.signature(settings.secret_key, webhook, key, moment, body)}
    return sign


def _headers(key: str) -> dict[str, str]:
    return {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Aftercare-Webhooks", "Connection": "close",
            "webhook-id": key, "Idempotency-Key": key}


def _networks() -> Sequence[Any]:
    settings: Settings = current_app.extensions["settings"]
    return settings.webhook_networks


# How it went ------------------------------------------------------------------------------------------------------

def _mark(delivery_id: int, **values: Any) -> None:
    db.session.execute(sa.update(Delivery).where(Delivery.id == delivery_id).values(**values),
                       execution_options={"synchronize_session": False})
    db.session.commit()


def _settle(delivery_id: int, answer: Answer, took_ms: int) -> None:
    said = {"attempts": Delivery.attempts + 1, "tried_at": office.now(), "status": answer.status, "took_ms": took_ms,
            "response": answer.body, "error": answer.error}
    if answer.is_good:
        _mark(delivery_id, state=webhooks.SENT, **said)
        return
    reason = answer.error or f"HTTP {answer.status}"
    if answer.is_final or _is_last_attempt(delivery_id):
        _give_up(delivery_id, reason, said)
        raise outbox.GivenUp(reason)
    _mark(delivery_id, **said)
    raise NotDelivered(reason)


def _is_last_attempt(delivery_id: int) -> bool:
    delivery = db.session.get(Delivery, delivery_id, populate_existing=True)
    failed = db.session.scalar(sa.select(Outbox.attempts).where(
        Outbox.key == webhooks.outbox_key(delivery_id, delivery.round)))
    db.session.rollback()
    return failed is not None and failed >= len(outbox.WAITS)


def _give_up(delivery_id: int, reason: str, said: dict[str, Any]) -> None:
    """The administrator hears of each failing webhook once a day."""
    act = Act(db.session, Actor.system())
    name, webhook_id = db.session.execute(
        sa.select(Webhook.name, Webhook.id).join(Delivery, Delivery.webhook_id == Webhook.id)
        .where(Delivery.id == delivery_id)).one()
    notices.tell_house(act, (ADMINISTRATOR,), GAVE_UP.with_(name=name, reason=reason[:200]), kind="webhook_failed",
                       key=f"{webhook_id}:{act.today.isoformat()}")
    _mark(delivery_id, state=webhooks.FAILED, **said)


# How it leaves ----------------------------------------------------------------------------------------------------

def post(url: str, body: bytes, headers: dict[str, str], allowed: Sequence[Any]) -> Answer:
    """One attempt: to an address that was looked at first, and nowhere else whatever the receiver answers."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return Answer(error=f"{host} has no address")
    addresses = list(dict.fromkeys(one[4][0] for one in found))
    closed = [address for address in addresses if not is_open(address, allowed)]
    if closed:
        return Answer(error=f"{host} is {closed[0]}, which is not a public address", is_final=True)
    if parts.scheme != "https" and not all(_is_ours(address, allowed) for address in addresses):
        return Answer(error=f"{host} is a public address: it takes https, or a network that the installation opens",
                      is_final=True)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _talk(_Connection(host, port, addresses[0], is_secure=parts.scheme == "https"), target, body, headers)


def is_open(address: str, allowed: Sequence[Any]) -> bool:
    """A public address, or one of a network that the installation allows."""
    one = _meant(address)
    is_public = one.is_global and not one.is_multicast and not one.is_reserved
    return is_public or _is_ours(address, allowed)


def _is_ours(address: str, allowed: Sequence[Any]) -> bool:
    return any(_meant(address) in network for network in allowed)


def _meant(address: str) -> Any:
    """Addresses that wrap an IPv4 one count as it."""
    one: Any = ipaddress.ip_address(address.partition("%")[0])
    if one.version == 6:
        inner = one.ipv4_mapped or one.sixtofour or (one.teredo or (None, None))[1]
        if one in NAT64:
            inner = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
        if inner is not None:
            one = inner
    return one


class _Connection(http.client.HTTPConnection):
    """To the address that was checked, never to what the name means a moment later; TLS asks for the name."""

    def __init__(self, host: str, port: int, address: str, *, is_secure: bool) -> None:
        super().__init__(host, port, timeout=PATIENCE)
        self.default_port = 443 if is_secure else 80
        self._address, self._is_secure = address, is_secure
        self._held: socket.socket | None = None   # http.client lets go of it before the answer is read

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._is_secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self._held = self.sock

    def hang_up(self) -> None:
        with suppress(OSError):
            if self._held is not None:
                self._held.shutdown(socket.SHUT_RDWR)


def _talk(connection: _Connection, target: str, body: bytes, headers: dict[str, str]) -> Answer:
    watch = threading.Timer(LONGEST_TALK, connection.hang_up)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", target, body, headers)
        response = connection.getresponse()
        said = response.read(KEPT_ANSWER).decode(errors="replace").replace("\x00", "")
    except (OSError, http.client.HTTPException) as error:
        return Answer(error=f"{type(error).__name__}: {error}"[:300])
    finally:
        watch.cancel()
        connection.close()
    is_redirect = 300 <= response.status < 400
    return Answer(response.status, said, error="redirects are not followed" if is_redirect else None,
                  is_final=response.status == GONE)
