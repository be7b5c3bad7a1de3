"""Who is told what happens to records: declared by the administrator, written down by the flush that does it.

What a receiver learns is decided when a message leaves, by the rights that its account has then.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from models.base import Record
from models.history import Outbox
from models.people import User
from models.spec import VOID, Invalid, Refused, Text
from models.webhooks import Delivery, Webhook
from rules import access, audit, checks

JOB = "webhook"
CREATED, CHANGED, MOVED, VOIDED, TEST = "created", "changed", "moved", "voided", "test"
EVENTS = {CREATED: Text("新建", "Created"), CHANGED: Text("修改", "Changed"), MOVED: Text("办理", "Moved"),
          VOIDED: Text("作废", "Voided")}
WAITING, SENT, FAILED, DROPPED = "waiting", "sent", "failed", "dropped"
LONGEST_NAME, LONGEST_URL = 80, 500
SECRET_MARK = "whsec_"   # as libraries for Standard Webhooks expect it

NEEDS_NAME = Text("请填写名称（80 字内），不能与其他 Webhook 相同", "Give a name (up to 80 characters) that no other webhook has")
WRONG_URL = Text("请填写 http:// 或 https:// 开头的完整网址，不含用户名和密码",
                 "Give a whole address that begins with http:// or https://, without user name and password")
NEEDS_ACCOUNT = Text("请选择在用的人员或服务账号", "Choose a person or service account that is active")
NO_TYPE = Text("没有记录类型“{name}”", "There is no record type “{name}”")
NO_EVENT = Text("没有事件“{name}”", "There is no event “{name}”")
NO_STATE = Text("所选类型没有状态“{name}”", "No chosen type has the state “{name}”")
UNDER_WAY = Text("这条消息正在发送", "This message is on its way")
IS_OFF = Text("请先启用这个 Webhook", "Switch this webhook on first")


# Declaring --------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Wish:
    """What the administrator enters; nothing named in `types`, `events` or `states`: all."""

    name: str
    url: str
    account_id: int | None
    types: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


def declare(act: Any, wish: Wish, webhook: Webhook | None = None) -> Webhook:
    """A new one, or other words for one there is. Raises Invalid; flushes."""
    errors = _wrong(act.session, wish, webhook)
    if errors:
        raise Invalid(errors)
    before = _told(webhook) if webhook is not None else {}
    if webhook is None:
        webhook = Webhook(salt=secrets.token_hex(32), created_at=act.now)
        act.session.add(webhook)
    webhook.name, webhook.url, webhook.account_id = wish.name, wish.url, wish.account_id or 0
    webhook.types, webhook.events, webhook.states = list(wish.types), list(wish.events), list(wish.states)
    act.session.flush()
    after = _told(webhook)
    _note(act, "set_webhook", webhook, {key: [before.get(key), after[key]] for key in after if before.get(key) != after[key]})
    return webhook


def _told(webhook: Webhook) -> dict[str, Any]:
    return {key: getattr(webhook, key) for key in ("name", "url", "types", "events", "states", "account_id")}


def _note(act: Any, action: str, webhook: Webhook, changes: dict[str, Any]) -> None:
    act.session.info.pop("webhooks", None)
    audit.note(act.session, act, action, "webhook", str(webhook.id), changes)


def _wrong(session: Any, wish: Wish, present: Webhook | None) -> dict[str, Text]:
    errors = {}
    other = sa.select(Webhook.id).where(Webhook.name == wish.name, Webhook.id != (present.id if present else 0))
    if not 0 < len(wish.name) <= LONGEST_NAME or session.scalar(other) is not None:
        errors["name"] = NEEDS_NAME
    if not _is_address(wish.url):
        errors["url"] = WRONG_URL
    account = session.get(User, wish.account_id or 0)
    if account is None or not account.is_active:
        errors["account"] = NEEDS_ACCOUNT
    for name, known, sentence in (("types", Record.types, NO_TYPE), ("events", EVENTS, NO_EVENT),
                                  ("states", _states(wish.types), NO_STATE)):
        strange = [one for one in getattr(wish, name) if one not in known]
        if strange:
            errors[name] = sentence.with_(name=strange[0][:60])
    return errors


def _states(types: Iterable[str]) -> set[str]:
    chosen = [Record.types[name] for name in types if name in Record.types] or Record.types.values()
    return {state.name for spec in chosen for state in spec.workflow.states} | {VOID}


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and len(url) <= LONGEST_URL
    return is_plain and is_named and parts.scheme in ("http", "https") and "@" not in parts.netloc and not parts.fragment


def switch(act: Any, webhook: Webhook, *, on: bool) -> None:
    """What happens while it is off is not told later. Flushes."""
    if webhook.is_active != on:
        webhook.is_active = on
        act.session.flush()
        _note(act, "switch_webhook", webhook, {"is_active": [not on, on]})


def new_secret(act: Any, webhook: Webhook) -> None:
    """The old one signs nothing any more. Flushes."""
    webhook.salt = secrets.token_hex(32)
    act.session.flush()
    _note(act, "new_webhook_secret", webhook, {})


def secret(key: str, webhook: Webhook) -> str:
    """What its receiver verifies with; `key` is the installation's."""
    return SECRET_MARK + base64.b64encode(_secret(key, webhook)).decode()


def _secret(key: str, webhook: Webhook) -> bytes:
    return hmac.digest(key.encode(), f"webhook {webhook.salt}".encode(), hashlib.sha256)


def signature(key: str, webhook: Webhook, id_: str, timestamp: int, body: bytes) -> str:
    """As in Standard Webhooks: over id, moment and body."""
    said = f"{id_}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(_secret(key, webhook), said, hashlib.sha256)).decode()


# What happens -----------------------------------------------------------------------------------------------------

def watch(session: Any, found: Sequence[tuple[Any, Mapping[str, Any]]]) -> None:
    """These records were saved, and this is what the audit says of it: write down whom to tell. In the flush that
    saves them, so that it is told if and only if it is committed."""
    hooks = session.info.get("webhooks")
    if hooks is None:   # one question a transaction
        hooks = session.info["webhooks"] = session.connection().execute(
            sa.select(_table.c.id, _table.c.types, _table.c.events, _table.c.states)
            .where(_table.c.is_active).order_by(_table.c.id)).all()
    rows = [_row(hook.id, record, entry, event) for record, entry in found if hooks and entry["action"] != "import"
            for event in (_event(entry),) for hook in hooks if _wants(hook, record, event)]
    if rows:
        _put(session.connection(), rows)


_table: Any = Webhook.__table__


def _event(entry: Mapping[str, Any]) -> str:
    if entry["action"] == "create":
        return CREATED
    if entry["changes"].get("state", [None, None])[1] == VOID:
        return VOIDED
    return MOVED if entry["action"].startswith("move:") or "state" in entry["changes"] else CHANGED


def _wants(hook: Any, record: Any, event: str) -> bool:
    return ((not hook.types or record.spec.name in hook.types) and (not hook.events or event in hook.events)
            and (not hook.states or record.state in hook.states))


def _row(hook_id: int, record: Any, entry: Mapping[str, Any], event: str) -> dict[str, Any]:
    action, changes = entry["action"], entry["changes"]
    return {
        "webhook_id": hook_id, "key": f"msg_{secrets.token_hex(16)}", "event": event, "type": record.spec.name,
        "record_id": record.id, "number": record.number, "revision": entry["revision"],
        "move": action.removeprefix("move:") if action.startswith("move:") else None,
        "changed": [*(name for name in changes if name in record.spec.fields), *changes.get("lines", {})],
        "at": entry["at"], "state": WAITING, "round": 1, "attempts": 0}


def _put(connection: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """The messages, and for each the job that sends it; those about one record leave in this order."""
    ids = connection.execute(sa.insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True), list(rows)).scalars()
    connection.execute(sa.insert(Outbox), [
        {"job": JOB, "arguments": [id_], "key": outbox_key(id_, 1), "about": _about(row), "created_at": row["at"], "attempts": 0}
        for id_, row in zip(ids.all(), rows, strict=True)])


def outbox_key(delivery_id: int, round_: int) -> str:
    return f"webhook:{delivery_id}:{round_}"


def _about(row: Mapping[str, Any]) -> str:
    return f"webhook:{row['webhook_id']}:{row['type']}:{row['record_id']}"


def ask_test(act: Any, webhook: Webhook) -> None:
    """A message about nothing, to see whether it arrives. Flushes."""
    if not webhook.is_active:
        raise Refused(IS_OFF)
    _put(act.session.connection(), [{
        "webhook_id": webhook.id, "key": f"msg_{secrets.token_hex(16)}", "event": TEST, "type": None, "record_id": None,
        "number": None, "revision": None, "move": None, "changed": [], "at": act.now, "state": WAITING, "round": 1, "attempts": 0}])
    _note(act, "test_webhook", webhook, {})


def send_again(act: Any, delivery: Delivery, webhook: Webhook) -> None:
    """The same message once more, under the same key. Raises Refused; flushes."""
    if not webhook.is_active:
        raise Refused(IS_OFF)
    if delivery.state == WAITING:
        raise Refused(UNDER_WAY)
    delivery.state, delivery.round = WAITING, delivery.round + 1
    act.session.flush()
    about = _about({"webhook_id": webhook.id, "type": delivery.type, "record_id": delivery.record_id})
    act.session.add(Outbox(job=JOB, arguments=[delivery.id], key=outbox_key(delivery.id, delivery.round), about=about,
                           created_at=act.now))
    act.session.flush()
    _note(act, "redeliver", webhook, {"message": [None, delivery.key]})


# What leaves ------------------------------------------------------------------------------------------------------

def message(session: Any, delivery: Delivery, webhook: Webhook) -> dict[str, Any] | None:
    """What the receiver is told, without a single value; None if it is not its account's to know (any more)."""
    if not (webhook.is_active and webhook.account.is_active):
        return None
    told = {"id": delivery.key, "event": delivery.event, "at": delivery.at.isoformat()}
    if delivery.event == TEST:
        return told
    spec = Record.types.get(delivery.type or "")
    record = session.get(spec.model, delivery.record_id, populate_existing=True) if spec is not None else None
    actor = access.Actor.of(webhook.account, "job")
    if spec is None or record is None or not access.may(actor, "view", spec, record):
        return None
    hidden = set() if access.sees_private(actor, spec) else {name for name, field in spec.fields.items() if field.private}
    return {**told, "type": delivery.type, "record": delivery.record_id, "number": delivery.number,
            "revision": delivery.revision, "move": delivery.move,
            "changed": [name for name in delivery.changed if name not in hidden]}


# Looking ----------------------------------------------------------------------------------------------------------

def log_of(session: Any, webhook: Webhook, limit: int, before: int | None = None) -> list[Delivery]:
    query = sa.select(Delivery).where(Delivery.webhook_id == webhook.id).order_by(Delivery.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(Delivery.id < before)))


def find_delivery(session: Any, id_: int) -> Delivery | None:
    """For nobody else until the transaction ends."""
    return session.scalar(sa.select(Delivery).where(Delivery.id == id_).with_for_update()
                          .execution_options(populate_existing=True))


def forget_old(session: Any, before: Any) -> int:
    return session.execute(sa.delete(Delivery).where(Delivery.at < before, Delivery.state != WAITING)).rowcount


def words(text: str) -> tuple[str, ...]:
    """States as somebody types them."""
    return tuple(dict.fromkeys(one for raw in text.split(",") if (one := checks.without_controls(raw).strip())))
