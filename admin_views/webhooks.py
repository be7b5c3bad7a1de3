"""For the administrator: which other programs are told of records, and whether the messages arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import abort, current_app, redirect, request
from flask_admin import expose

from admin_views import door
from admin_views.administration import AdministrationView
from jobs import outbox
from models.base import Record, db
from models.people import User
from models.spec import Invalid, Refused, Text
from models.webhooks import Delivery, Webhook
from rules import checks, registry, webhooks

SHOWN = 50
STATES = {"waiting": (Text("待发送", "Waiting"), "going"), "sent": (Text("已送达", "Delivered"), "done"),
          "failed": (Text("未送达", "Given up"), "late"), "dropped": (Text("不发送", "Not sent"), "neutral")}
TEST = Text("测试", "Test")


class WebhooksView(AdministrationView):
    def __init__(self) -> None:
        super().__init__(name="Webhooks", endpoint="webhooks", url="/admin/webhooks")

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._list()
        try:
            webhook = webhooks.declare(door.act(), _wish())
            db.session.commit()
        except Invalid as invalid:
            return self._list(self._sentences(invalid), 422)
        return self._one(webhook, is_new=True)   # no redirect: the secret is nowhere but in this answer

    @expose("/<int:id_>", methods=["GET", "POST"])
    def one(self, id_: int) -> Any:
        webhook = _webhook(id_)
        if request.method in door.SAFE:
            return self._one(webhook)
        try:
            webhooks.declare(door.act(), _wish(), webhook)
            db.session.commit()
        except Invalid as invalid:
            return self._one(_webhook(id_), self._sentences(invalid), 422)
        door.say("已保存", "Saved")
        return redirect(f"/admin/webhooks/{id_}")

    @expose("/<int:id_>/secret", methods=["POST"])
    def secret(self, id_: int) -> Any:
        webhook = _webhook(id_)
        webhooks.new_secret(door.act(), webhook)
        db.session.commit()
        return self._one(webhook, is_new=True)

    @expose("/<int:id_>/<any(on, off):what>", methods=["POST"])
    def switch(self, id_: int, what: str) -> Any:
        return self._do(_webhook(id_), lambda act, webhook: webhooks.switch(act, webhook, on=what == "on"))

    @expose("/<int:id_>/test", methods=["POST"])
    def test(self, id_: int) -> Any:
        return self._do(_webhook(id_), webhooks.ask_test)

    @expose("/messages/<int:id_>/redeliver", methods=["POST"])
    def redeliver(self, id_: int) -> Any:
        delivery = webhooks.find_delivery(db.session, door.as_id(id_)) or abort(404)
        return self._do(_webhook(delivery.webhook_id), lambda act, webhook: webhooks.send_again(act, delivery, webhook))

    def _do(self, webhook: Webhook, what: Callable[[Any, Webhook], Any]) -> Any:
        try:
            what(door.act(), webhook)
            db.session.commit()
        except Refused as refused:
            return door.page(409, refused.reason.in_(door.language()))
        outbox.dispatch_now()
        door.say("已办理", "Done")
        return redirect(f"/admin/webhooks/{webhook.id}")

    # Pages --------------------------------------------------------------------------------------------------------

    def _list(self, errors: dict[str, str] | None = None, status: int = 200) -> Any:
        hooks = db.session.scalars(sa.select(Webhook).order_by(Webhook.name)).all()
        states: dict[tuple[int, str], int] = {(id_, state): count for id_, state, count in db.session.execute(
            sa.select(Delivery.webhook_id, Delivery.state, sa.func.count()).group_by(Delivery.webhook_id, Delivery.state))}
        return self.render(
            "webhooks.html", hooks=[(one, states.get((one.id, "waiting"), 0), states.get((one.id, "failed"), 0)) for one in hooks],
            errors=errors or {}, given=_given(None), **_choices()), status

    def _one(self, webhook: Webhook, errors: dict[str, str] | None = None, status: int = 200, *, is_new: bool = False) -> Any:
        before = request.args.get("before", "")
        found = webhooks.log_of(db.session, webhook, SHOWN + 1, int(before) if before.isascii() and before.isdecimal()
                                and len(before) < 18 else None)
        secret = webhooks.secret(current_app.extensions["settings"].secret_key, webhook) if is_new else None
        return self.render(
            "webhook.html", hook=webhook, secret=secret, messages=[_message(one, door.language()) for one in found[:SHOWN]],
            older=found[SHOWN - 1].id if len(found) > SHOWN else None, errors=errors or {},
            given=_given(webhook, is_posted=bool(errors)), **_choices()), status


def _webhook(id_: int) -> Webhook:
    return db.session.get(Webhook, door.as_id(id_)) or abort(404)


def _wish() -> webhooks.Wish:
    form = request.form
    try:
        account: int | None = checks.as_id(form.get("account", ""))
    except checks.Wrong:
        account = None
    return webhooks.Wish(
        door.clean(form.get("name", "")), door.clean(form.get("url", ""), 1000), account, tuple(form.getlist("types")),
        tuple(form.getlist("events")), webhooks.words(form.get("states", "")))


def _given(webhook: Webhook | None, *, is_posted: bool = True) -> dict[str, Any]:
    """What the form shows: as typed, or as kept."""
    form = request.form
    if webhook is not None and not is_posted:
        return {"name": webhook.name, "url": webhook.url, "account": str(webhook.account_id), "types": webhook.types,
                "events": webhook.events, "states": ", ".join(webhook.states)}
    return {name: form.get(name, "") for name in ("name", "url", "account", "states")} | {
        name: form.getlist(name) for name in ("types", "events")}


def _choices() -> dict[str, Any]:
    language = door.language()
    people = db.session.execute(sa.select(User.id, User.name, User.username).where(User.is_active)
                                .order_by(User.is_service.desc(), User.username))
    return {"people": [(str(id_), f"{name}（{username}）") for id_, name, username in people],
            "types": [(spec.name, spec.label.in_(language)) for spec in registry.types().values()],
            "events": [(name, label.in_(language)) for name, label in webhooks.EVENTS.items()]}


def _message(one: Delivery, language: str) -> dict[str, Any]:
    spec = Record.types.get(one.type or "")
    label, tone = STATES[one.state]
    return {"row": one, "state": label.in_(language), "tone": tone, "event": webhooks.EVENTS.get(one.event, TEST).in_(language),
            "type": spec.label.in_(language) if spec else "", "may_repeat": one.state != webhooks.WAITING,
            "number": one.number or (f"#{one.record_id}" if one.record_id else ""),
            "href": f"/admin/{one.type}/details/?id={one.record_id}" if spec else None}
