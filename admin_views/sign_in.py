"""Sign-in and sign-out. Only failures are throttled, by name and by address; both are in the audit."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import Blueprint, Flask, abort, redirect, render_template, request, session
from flask_login import current_user, login_user, logout_user

from admin_views import door
from forms.sign_in import SignInForm
from models.base import db
from models.people import User
from models.spec import LANGUAGES
from rules import access, audit, passwords
from rules.act import Act

blueprint = Blueprint("sign_in", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    User.get_id = lambda user: f"{user.id}:{user.session_epoch}"  # type: ignore[attr-defined]
    User.is_authenticated, User.is_anonymous = True, False  # type: ignore[attr-defined]


@blueprint.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Any:
    form = SignInForm(request.form)
    if request.method in door.SAFE:
        return redirect("/admin/") if current_user.is_authenticated else render_template("sign_in.html", form=form)
    username = door.clean(form.username.data or "")
    address = request.remote_addr or ""
    if passwords.throttled(db.session, username, address):
        return _again(form, door.t("失败次数过多，请 15 分钟后再试", "Too many failures: try again in 15 minutes"), 429)
    user = db.session.scalar(sa.select(User).where(sa.or_(User.username == username, User.email == username)))
    if not passwords.matches(user.password_hash if user else None, (form.password.data or "")[:passwords.LONGEST + 1]) \
            or user is None or not user.is_active:
        _note(passwords.FAILED, username, address)
        return _again(form, door.t("用户名或密码不正确", "The name or the password is not right"), 422)
    chosen = session.get("language")
    session.clear()  # a session from before cannot be planted on somebody who signs in
    login_user(user)
    session.permanent = True
    if chosen in LANGUAGES:
        user.language = chosen
    _note("sign_in", user.username, user.name, user.id)
    return redirect(_next())


def _again(form: SignInForm, reason: str, status: int) -> Any:
    return render_template("sign_in.html", form=form, reason=reason), status


def _note(action: str, username: str, who: str, user_id: int | None = None) -> None:
    """A failure is noted under the address it came from, which is what throttling counts."""
    nobody = access.Actor(user_id, username, who, frozenset())
    audit.note(db.session, Act(db.session, nobody), action, "user", username)
    db.session.commit()


def _next() -> str:
    """Only a path of this site: `//elsewhere` and `https://elsewhere` are not."""
    target = request.args.get("next", "")
    parts = urlsplit(target)
    safe = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return target if safe and "\\" not in target and target.isprintable() else "/admin/"


@blueprint.route("/sign-out", methods=["POST"])
def sign_out() -> Any:
    if not current_user.is_authenticated:
        abort(401)
    _note("sign_out", current_user.username, current_user.name, current_user.id)
    logout_user()
    session.clear()
    return redirect("/sign-in")
