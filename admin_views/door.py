"""What every page shares: who asks, in which language, what may be loaded, and how refusals look."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask, Request, Response, abort, current_app, flash, g, render_template, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, UserMixin, current_user
from flask_wtf.csrf import CSRFError
from itsdangerous import BadSignature
from jinja2.utils import LRUCache
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from models.base import SAFE, Record, db, set_reading
from models.people import Membership, User
from models.spec import ADMINISTRATOR, AREAS, LANGUAGES, ROLES, Invalid, Refused, Text
from rules import access, areas, checks, lists, notices, office, registry, retention
from rules.act import Act

login = LoginManager()
ONLY_READS = "figures"   # sent like a form, keeps nothing
POLICY = ("default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
          "frame-ancestors 'none'")
WRITTEN_AGAIN_AFTER = timedelta(minutes=5)
HEADERS = {
    "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin",
}


class Session(SecureCookieSession):
    """What the cookie says, and whether it was written a while ago."""

    is_old = True


class SessionCookie(SecureCookieSessionInterface):
    """The cookie is Secure wherever the request came over TLS (on a loopback demo there is none). It is written again when
    something in it changes, and every few minutes, so that it lives on while somebody is at work."""

    session_class = Session

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure

    def open_session(self, app: Flask, request: Request) -> Session | None:
        signer, sent = self.get_signing_serializer(app), request.cookies.get(self.get_cookie_name(app))
        if signer is None:
            return None
        try:
            said, made = signer.loads(sent or "", int(app.permanent_session_lifetime.total_seconds()), return_timestamp=True)
        except BadSignature:
            return Session()
        session = Session(said)
        session.is_old = datetime.now(UTC) - made > WRITTEN_AGAIN_AFTER
        return session

    def should_set_cookie(self, app: Flask, session: Any) -> bool:
        return session.modified or (session.permanent and session.is_old)


def init_app(app: Flask) -> None:
    app.session_interface = SessionCookie()
    login.init_app(app)
    login.login_view = "sign_in.sign_in"
    app.context_processor(_in_the_language_of_the_page)
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(Exception, _bug)
    app.jinja_env.globals.update(
        t=t, language=language, navigation=navigation, asset=_asset_versions(app), moment_text=_moment_text,
        is_administrator=is_administrator, part=part, unread=unread,
        keeps_retention=keeps_retention,
        role_label=lambda role: ROLES[role].label.in_(language()))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


@dataclass(frozen=True)
class SignedIn(UserMixin):
    """Who asks, as each request reads it anew: values, no object of the database."""

    id: int
    username: str
    name: str
    email: str | None
    language: str | None
    memberships: tuple[Any, ...]    # role, dealer_id, unit

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(place.role for place in self.memberships)


@cache
def _person() -> Any:
    """The person with their roles, the count of their unread notices and the areas that are off, in one statement, built
    once: each request begins with it."""
    users, places, person = User.__table__, Membership.__table__, sa.bindparam("id", type_=User.id.type)
    one, place = users.c, places.c
    return (
        sa.select(one.id, one.username, one.name, one.email, one.language, one.session_epoch, place.role, place.dealer_id,
                  place.unit, notices.unread_count(person).label("unread"), areas.as_read().label("switched_off"))
        .select_from(users.outerjoin(places)).where(one.id == person, one.is_active).order_by(place.id))


@login.user_loader
def _load(key: str) -> SignedIn | None:
    """The session names the person and the epoch it was opened in."""
    id_, _, epoch = key.partition(":")
    if not (id_.isascii() and id_.isdigit() and len(id_) <= 18):
        return None
    rows = db.session.connection().execute(_person(), {"id": int(id_)}).all()
    if not rows or str(rows[0].session_epoch) != epoch:
        return None
    first = rows[0]
    areas.take(first.switched_off)
    g.unread = first.unread
    return SignedIn(first.id, first.username, first.name, first.email, first.language,
                    tuple(row for row in rows if row.role is not None))


def _begin() -> None:
    set_reading(request.method in SAFE or (request.endpoint or "").endswith(f".{ONLY_READS}"))
    if request.method not in SAFE and current_user.is_authenticated and session.get("language") in LANGUAGES:
        _remember_language()


def _remember_language() -> None:
    """What a person chose while looking around is kept for all their browsers with the next thing they do."""
    language()   # of this request, before it leaves the session
    db.session.get_one(User, current_user.id).language = session.pop("language")
    db.session.commit()


def _end(_error: BaseException | None) -> None:
    set_reading(False)


def _finish(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


# Who and in which language ----------------------------------------------------------------------------------------

def language() -> str:
    """`?lang=` wins and is remembered by the session until the person's next POST, then by the person; without it the
    person's own, else the installation's."""
    if "language" not in g:
        asked = request.args.get("lang")
        if asked in LANGUAGES:
            session["language"] = asked
        own = getattr(current_user, "language", None)
        g.language = session.get("language") or own or current_app.config["LANGUAGE"]
    return g.language


def t(zh: str, en: str) -> str:
    return zh if language() == "zh" else en


_WORDS = {"zh": lambda zh, en: zh, "en": lambda zh, en: en}


def _in_the_language_of_the_page() -> dict[str, Any]:
    """A page calls these a hundred times: it gets ones that need not ask again."""
    spoken = language()
    return {"t": _WORDS[spoken], "language": lambda: spoken}


def actor() -> access.Actor:
    if "actor" not in g:
        g.actor = access.Actor.of(current_user, "screen", language())
    return g.actor


def clean(text: str, longest: int = 200) -> str:
    """Words of a request that are no field of a record: a search, a reason, a name."""
    return checks.without_controls(text).strip()[:longest]


def as_id(raw: Any) -> int:
    """The id in an address; what cannot be one is not found."""
    try:
        return checks.as_id(raw)
    except checks.Wrong:
        abort(404)


def page_number(name: str = "page", last: int = lists.LAST_PAGE) -> int:
    """Which page the address asks for; what is no number is the first."""
    text = request.args.get(name, "")
    return max(1, min(int(text[:9]), last)) if text.isdecimal() else 1


def act(comment: str = "") -> Act:
    return Act(db.session, actor(), comment)


def unread() -> int:
    """How many notices the person had not read when the request began; more than `notices.MANY` are not counted."""
    return g.get("unread", 0)


def is_administrator() -> bool:
    return ADMINISTRATOR in actor().roles


def keeps_retention() -> bool:
    return bool(retention.may(actor(), "see"))


# The menu ---------------------------------------------------------------------------------------------------------

_menus: dict[tuple[Any, ...], list[tuple[str, list[tuple[str, str]]]]] = {}


def navigation() -> list[tuple[str, list[tuple[str, str]]]]:
    """(area, [(address, label)]) of what the person may see; the same for everybody with the same roles."""
    who = actor()
    key = (who.roles, areas.off(), language(), len(Record.types))
    if key not in _menus:
        menu: dict[str, list[tuple[str, str]]] = {}
        for spec in registry.types().values():
            if access.may(who, "view", spec):
                area = AREAS[spec.area].in_(language())
                menu.setdefault(area, []).append((f"/admin/{spec.name}/", spec.label.in_(language())))
        _menus[key] = list(menu.items())
    return _menus[key]


_parts = LRUCache(500)


def part(name: str, **given: Any) -> Markup:
    """A part of pages that is the same again and again: written once for what it is given, the roles and the language,
    which is all that it may depend on."""
    key = (name, actor().roles, areas.off(), language(), len(Record.types), *given.values())
    found = _parts.get(key)
    if found is None:
        _parts[key] = found = Markup(render_template(f"parts/{name}.html", **given))
    return found


def _asset_versions(app: Flask) -> Any:
    """`/static/app.css?v=...`: the content's hash, so browsers keep what has not changed."""
    versions = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:10]
        for path in Path(app.static_folder or "").glob("*.*")}
    return lambda name: f"/static/{name}?v={versions.get(name, '')}"


def _moment_text(value: Any) -> str:
    return office.local(value).strftime("%Y-%m-%d %H:%M") if value else ""


# Refusals ---------------------------------------------------------------------------------------------------------

ERRORS = {
    400: Text("请求无法理解", "The request could not be understood"),
    401: Text("请先登录", "Sign in first"),
    403: Text("没有权限", "Not allowed"), 404: Text("没有这一页，或您不能查看", "No such page, or not yours to see"),
    405: Text("不支持这种操作方式", "This is not done that way"),
    413: Text("提交的内容太大", "What was sent is too large"),
    429: Text("尝试太频繁，请稍后再试", "Too many attempts: try again later"),
    500: Text("系统出错，已记入日志；您的操作没有保存", "Something went wrong and was logged; nothing was saved"),
    503: Text("服务器还缺少所需的组件", "The server lacks something that this needs"),
}


def page(status: int, reason: str | None = None) -> tuple[str, int]:
    db.session.rollback()
    title = ERRORS.get(status, ERRORS[400]).in_(language())
    return render_template("error.html", status=status, title=title, reason=reason), status


TOO_MUCH = Text("一次最多提交 {most} MB；请分几次上传，或改传小一些的文件",
                "At most {most} MB can be sent at once: send fewer or smaller files")


def _http_error(error: HTTPException) -> Any:
    if error.code is not None and error.code < 400:
        return error
    if error.code == 413 and request.max_content_length is not None:
        return page(413, TOO_MUCH.with_(most=request.max_content_length >> 20).in_(language()))
    return page(error.code or 500)


def _csrf_error(error: CSRFError) -> Any:
    return page(400, t("表单已过期，请返回后重新提交", "The form has expired: go back and send it again"))


def _bug(error: Exception) -> Any:
    if isinstance(error, Refused):
        return page(403, error.reason.in_(language()))
    if isinstance(error, Invalid):
        return page(400, " ".join(text.in_(language()) for text in error.errors.values()))
    current_app.logger.exception("unhandled on %s %s", request.method, request.path)
    if current_app.testing:
        raise error
    return page(500)


def say(zh: str, en: str, category: str = "success") -> None:
    flash(t(zh, en), category)
