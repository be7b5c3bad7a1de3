"""Tokens: in whose name a program speaks, how far, and until when; made, used, renewed and revoked.

A token never gives more than its person has at that moment, and nothing once the person is switched off. Its text is
shown once; what is kept is its hash, which is enough because the text is random and long.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload

from models.base import Record
from models.people import User
from models.spec import ADMINISTRATOR, Invalid, Refused, Text
from models.tokens import ApiToken
from rules import areas, audit, checks, office
from rules.access import VERBS, Scope

MADE, ACCESS, REFRESH = "made", "access", "refresh"
MARK = "aft_"            # by which scanners of code and logs know what it is
SHOWN = len(MARK) + 6    # characters of it that lists show
ACCESS_LIFE, REFRESH_LIFE = timedelta(minutes=15), timedelta(days=7)
USE_NOTED = timedelta(minutes=1)   # a use is written down once in this time
LONGEST_NAME, LONGEST_LIFE = 80, 3650
KEPT_ENDED = timedelta(days=30)

NOT_KNOWN = Text("令牌无效或已撤销", "The token is not valid or was revoked")
HAS_EXPIRED = Text("令牌已过期", "The token has expired")
NEEDS_NAME = Text("请填写用途（80 字内）", "Say what it is for (up to 80 characters)")
WRONG_DAYS = Text("有效期应为 1 到 3650 天", "It holds for 1 to 3650 days")
NO_TYPE = Text("没有记录类型“{name}”", "There is no record type “{name}”")
NO_VERB = Text("没有操作“{name}”；可用：{all}", "There is no verb “{name}”; there are: {all}")
NO_PERSON = Text("请选择在用的人员", "Choose somebody who is active")
NOT_YOURS = Text("只能为本人或服务账号建立令牌", "You make tokens for yourself and for service accounts")
NOT_YOUR_TOKEN = Text("只有本人和系统管理员可以撤销", "Only its person and the administrator revoke it")


class Unknown(Refused):
    """Nobody's token: never made, revoked, or its person may not come in any more."""

    def __init__(self) -> None:
        super().__init__(NOT_KNOWN)


class Expired(Refused):
    def __init__(self) -> None:
        super().__init__(HAS_EXPIRED)


# Whose is it ------------------------------------------------------------------------------------------------------

def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@cache
def _asked() -> Any:
    """The token, its person with their roles, and the areas that are off: each request of a program begins with it."""
    return (sa.select(ApiToken, areas.as_read()).join(ApiToken.person)
            .options(contains_eager(ApiToken.person).joinedload(User.memberships))
            .where(ApiToken.hash == sa.bindparam("hash")).execution_options(populate_existing=True))


def owner(session: Any, text: str) -> tuple[User, Scope]:
    """In whose name the bearer of this text speaks, and how far. Raises Unknown or Expired."""
    found = session.execute(_asked(), {"hash": hash_of(text)}).unique().one_or_none()
    token = found[0] if found is not None else None
    if token is None or token.kind == REFRESH or not _is_good(token):
        raise Unknown
    if has_expired(token, office.now()):
        raise Expired
    areas.take(found[1])
    return token.person, Scope(frozenset(token.types), frozenset(token.verbs), token.id, token.used_at)


def _is_good(token: ApiToken) -> bool:
    person = token.person
    return (token.revoked_at is None and person.is_active
            and (token.kind == MADE or token.epoch == person.session_epoch))


def has_expired(token: ApiToken, now: datetime) -> bool:
    return token.expires_at is not None and token.expires_at <= now


def is_use_due(scope: Scope, now: datetime) -> bool:
    """Was the last use that was written down a minute ago?"""
    return scope.used_at is None or scope.used_at <= now - USE_NOTED


def note_use(session: Any, scope: Scope, now: datetime) -> None:
    """Of many at this moment one writes. Flushes."""
    is_due = sa.or_(ApiToken.used_at.is_(None), ApiToken.used_at <= now - USE_NOTED)
    session.execute(sa.update(ApiToken).where(ApiToken.id == scope.token_id, is_due).values(used_at=now),
                    execution_options={"synchronize_session": False})


# Made by people ---------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Wish:
    """What a new token should be good for; no types or verbs named: all that the person may; no days: for good."""

    name: str
    days: int | None = None
    types: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()


def create(act: Any, person: User | None, wish: Wish) -> tuple[ApiToken, str]:
    """The token, and its text, which nobody can read again. Raises Invalid; flushes."""
    errors = {**_wrong_person(act, person), **_wrong_wish(wish)}
    if errors or person is None:
        raise Invalid(errors)
    expires_at = act.now + timedelta(days=wish.days) if wish.days is not None else None
    token, text = _new(act, person, MADE, name=wish.name, types=list(wish.types), verbs=list(wish.verbs), expires_at=expires_at)
    audit.note(act.session, act, "create_token", "user", person.username, {
        "token": [None, token.prefix], "name": [None, wish.name], "types": [None, list(wish.types)],
        "verbs": [None, list(wish.verbs)], "expires_at": [None, expires_at and expires_at.isoformat()]})
    return token, text


def _new(act: Any, person: User, kind: str, **values: Any) -> tuple[ApiToken, str]:
    text = MARK + secrets.token_urlsafe(32)
    token = ApiToken(person_id=person.id, kind=kind, prefix=text[:SHOWN], hash=hash_of(text), created_at=act.now,
                     created_by_id=act.actor.id, **values)
    act.session.add(token)
    act.session.flush()
    return token, text


def _wrong_person(act: Any, person: User | None) -> dict[str, Text]:
    if person is None or not person.is_active:
        return {"person": NO_PERSON}
    return {} if may_make_for(act.actor, person) else {"person": NOT_YOURS}


def may_make_for(actor: Any, person: User) -> bool:
    """A token acts as its person: the administrator makes none for people, who would not know of it."""
    return actor.is_system or actor.id == person.id or (person.is_service and ADMINISTRATOR in actor.roles)


def _wrong_wish(wish: Wish) -> dict[str, Text]:
    errors = {}
    if not 0 < len(wish.name) <= LONGEST_NAME:
        errors["name"] = NEEDS_NAME
    if wish.days is not None and not 1 <= wish.days <= LONGEST_LIFE:
        errors["days"] = WRONG_DAYS
    unknown = [name for name in wish.types if name not in Record.types]
    if unknown:
        errors["types"] = NO_TYPE.with_(name=unknown[0][:60])
    strange = [verb for verb in wish.verbs if verb not in VERBS]
    if strange:
        errors["verbs"] = NO_VERB.with_(name=strange[0][:60], all=", ".join(VERBS))
    return errors


def listed(session: Any, actor: Any) -> list[ApiToken]:
    """Those that people made: all for the administrator and the console, else one's own."""
    query = sa.select(ApiToken).where(ApiToken.kind == MADE).options(joinedload(ApiToken.person)).order_by(ApiToken.id.desc())
    return list(session.scalars(query if _sees_all(actor) else query.where(ApiToken.person_id == actor.id)))


def _sees_all(actor: Any) -> bool:
    return actor.is_system or ADMINISTRATOR in actor.roles


def find(session: Any, actor: Any, id_: int) -> ApiToken | None:
    """One that people made, if the actor may know of it."""
    token = session.scalar(sa.select(ApiToken).where(ApiToken.id == id_, ApiToken.kind == MADE)
                           .options(joinedload(ApiToken.person)))
    return token if token is not None and (_sees_all(actor) or token.person_id == actor.id) else None


def revoke(act: Any, token: ApiToken) -> None:
    """From this moment on nobody speaks by it. Flushes."""
    if not (_sees_all(act.actor) or token.person_id == act.actor.id):
        raise Refused(NOT_YOUR_TOKEN)
    if token.revoked_at is None:
        token.revoked_at = act.now
        act.session.flush()
        audit.note(act.session, act, "revoke_token", "user", token.person.username, {"token": [token.prefix, None]})


def end_all(act: Any, person: User) -> None:
    """Whatever speaks for this person ends: somebody else may know of it. Flushes."""
    named = act.session.execute(
        sa.update(ApiToken).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None)).values(revoked_at=act.now)
        .returning(ApiToken.prefix, ApiToken.kind), execution_options={"synchronize_session": False}).all()
    for prefix in sorted(prefix for prefix, kind in named if kind == MADE):
        audit.note(act.session, act, "revoke_token", "user", person.username, {"token": [prefix, None]})


# Of a sign-in over HTTP -------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Pair:
    """What a program gets when it signs in, and again each time it renews."""

    access: str
    refresh: str


def sign_in(act: Any, person: User) -> Pair:
    """A new family of tokens. Flushes."""
    return _pair(act, person, secrets.token_hex(16))


def _pair(act: Any, person: User, family: str) -> Pair:
    def one(kind: str, life: timedelta) -> str:
        return _new(act, person, kind, family=family, epoch=person.session_epoch, expires_at=act.now + life)[1]
    return Pair(one(ACCESS, ACCESS_LIFE), one(REFRESH, REFRESH_LIFE))


def _refresh_token(session: Any, text: str) -> ApiToken | None:
    """For nobody else until the transaction ends: of two who renew at once, the second comes with a spent one."""
    return session.scalar(sa.select(ApiToken).where(ApiToken.hash == hash_of(text), ApiToken.kind == REFRESH)
                          .options(joinedload(ApiToken.person, innerjoin=True)).with_for_update(of=ApiToken)
                          .execution_options(populate_existing=True))


def renew(act: Any, text: str) -> Pair | Refused:
    """A new pair for a refresh token, which is spent by it. Somebody who comes with a spent one has it from somebody
    else, nobody knows who of the two is honest: the whole family ends. That must be committed too, so a refusal is
    returned, not raised. Flushes."""
    token = _refresh_token(act.session, text)
    if token is None or not _is_good(token):
        return Unknown()
    if token.spent_at is not None:
        _end_family(act, token)
        audit.note(act.session, act, "token_reused", "user", token.person.username)
        return Unknown()
    if has_expired(token, act.now):
        return Expired()
    token.spent_at = act.now
    return _pair(act, token.person, token.family or "")


def sign_out(act: Any, text: str) -> None:
    """The family of this refresh token ends; one that is not known has ended already. Flushes."""
    token = _refresh_token(act.session, text)
    if token is not None:
        _end_family(act, token)
        audit.note(act.session, act, "sign_out", "user", token.person.username)


def _end_family(act: Any, token: ApiToken) -> None:
    act.session.execute(sa.update(ApiToken).where(ApiToken.family == token.family, ApiToken.revoked_at.is_(None))
                        .values(revoked_at=act.now), execution_options={"synchronize_session": False})


def forget_ended(session: Any, now: datetime) -> int:
    """Those of sign-ins that are over, when no thief could come with them any more; how many."""
    return session.execute(sa.delete(ApiToken).where(
        ApiToken.kind.in_((ACCESS, REFRESH)), ApiToken.expires_at < now - KEPT_ENDED)).rowcount


def words(text: str) -> tuple[str, ...]:
    """`a, b` as somebody types it."""
    return tuple(dict.fromkeys(one for raw in text.split(",") if (one := checks.without_controls(raw).strip())))


def in_force(tokens: Sequence[ApiToken], now: datetime) -> Collection[int]:
    return {token.id for token in tokens
            if token.revoked_at is None and not has_expired(token, now) and token.person.is_active}
