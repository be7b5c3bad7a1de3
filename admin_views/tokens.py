"""With what programs come in: everybody's own tokens, all of them for the administrator, and the service accounts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from models.base import Record, db
from models.people import User
from models.spec import ROLES, Invalid, Text
from models.tokens import ApiToken
from rules import access, checks, office, people, registry, tokens

VERBS = {"read": Text("查看", "Read"), "create": Text("新建", "Create"), "update": Text("修改", "Update"),
         "move": Text("办理", "Moves"), "void": Text("作废", "Void"), access.METRICS: Text("运行指标", "Metrics")}
LIVES = (30, 90, 365)


class TokensView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="令牌", endpoint="tokens", url="/admin/tokens")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._page()
        try:
            token, text = tokens.create(door.act(), self._person(), self._wish())
            db.session.commit()
        except Invalid as invalid:
            return self._again(invalid)
        return self._page(made=(token, text))   # no redirect: the text is nowhere but in this answer

    @expose("/<int:id_>/revoke", methods=["POST"])
    def revoke(self, id_: int) -> Any:
        token = tokens.find(db.session, door.actor(), door.as_id(id_)) or abort(404)
        tokens.revoke(door.act(), token)
        db.session.commit()
        door.say("令牌已撤销，立即失效", "Revoked: it opens nothing any more")
        return redirect("/admin/tokens/")

    @expose("/accounts", methods=["POST"])
    def accounts(self) -> Any:
        if not door.is_administrator():
            return door.page(403)
        form = request.form
        try:
            people.create_service(
                door.act(), door.clean(form.get("username", ""), 1000), roles=form.getlist("roles"),
                name=door.clean(form.get("display", ""), 1000), dealer=door.clean(form.get("dealer", ""), 1000) or None,
                unit=door.clean(form.get("unit", "")) or None)
            db.session.commit()
        except Invalid as invalid:
            return self._again(invalid)
        door.say("服务账号已建立，现在可为它建立令牌", "The service account was created: now make a token for it")
        return redirect("/admin/tokens/")

    def _person(self) -> User | None:
        try:
            return db.session.get(User, checks.as_id(request.form.get("person") or door.actor().id))
        except checks.Wrong:
            return None

    def _wish(self) -> tokens.Wish:
        form, days = request.form, request.form.get("days", "")
        return tokens.Wish(door.clean(form.get("name", "")), None if days == "never" else _count(days),
                           tuple(form.getlist("types")), tuple(form.getlist("verbs")))

    def _again(self, invalid: Invalid) -> Any:
        db.session.rollback()
        return self._page({path: text.in_(door.language()) for path, text in invalid.errors.items()}, 422)

    def _page(self, errors: dict[str, str] | None = None, status: int = 200,
              made: tuple[ApiToken, str] | None = None) -> Any:
        who, now = door.actor(), office.now()
        kept = tokens.listed(db.session, who)
        alive = tokens.in_force(kept, now)
        return self.render(
            "tokens.html", kept=[_row(one, one.id in alive, who.language) for one in kept], made=made, errors=errors or {},
            given=request.form if errors else {}, chosen=request.form.getlist if errors else _nothing,
            people=_accounts() if door.is_administrator() else [], lives=LIVES, me=who.id,
            verbs=[(verb, VERBS[verb].in_(who.language)) for verb in access.VERBS],
            roles=[(name, role.label.in_(who.language)) for name, role in ROLES.items()],
            types=[(spec.name, spec.label.in_(who.language)) for spec in registry.types().values()
                   if door.is_administrator() or access.may(who, "view", spec)]), status


def _nothing(_name: str) -> list[str]:
    return []


def _count(raw: str) -> int:
    """What is no number of days is a wrong one."""
    return int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 6 else 0


def _accounts() -> list[tuple[int, str]]:
    query = sa.select(User.id, User.name, User.username).where(User.is_service, User.is_active).order_by(User.username)
    return [(id_, f"{name}（{username}）") for id_, name, username in db.session.execute(query)]


def _row(token: ApiToken, is_alive: bool, language: str) -> dict[str, Any]:
    labels = [Record.types[name].label.in_(language) for name in token.types if name in Record.types]
    return {"id": token.id, "name": token.name, "prefix": token.prefix, "person": token.person.name, "types": labels,
            "is_service": token.person.is_service, "verbs": [VERBS[verb].in_(language) for verb in token.verbs],
            "expires_at": token.expires_at, "used_at": token.used_at, "is_alive": is_alive,
            "is_revoked": token.revoked_at is not None}
