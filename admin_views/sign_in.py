"""Sign-in and sign-out. Only failures are throttled, by name and by address; both are in the audit."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, redirect, render_template, request, session
from flask_login import current_user, login_user, logout_user

from admin_views import door
from forms.sign_in import SignInForm
from models.base import db
from models.people import User
from models.spec import LANGUAGES, Refused, Text
from rules import sign_in as signing_in

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
    try:
        user = signing_in.person(db.session, username, form.password.data or "", request.remote_addr or "", "screen")
    except Refused as refused:
        return _again(form, refused.reason, 429)
    if user is None:
        db.session.commit()
        return _again(form, signing_in.WRONG, 422)
    chosen = session.get("language")
    session.clear()  # a session from before cannot be planted on somebody who signs in
    login_user(user)
    session.permanent = True
    if chosen in LANGUAGES:
        user.language = chosen
    _note("sign_in", user)
    return redirect(_next())


def _again(form: SignInForm, reason: Text, status: int) -> Any:
    return render_template("sign_in.html", form=form, reason=reason.in_(door.language())), status


def _note(action: str, user: User) -> None:
    signing_in.note(db.session, action, user.username, user.name, user.id, door="screen")
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
    _note("sign_out", current_user)
    logout_user()
    session.clear()
    return redirect("/sign-in")
