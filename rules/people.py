"""Creating people and changing their roles. Audited; ends their sessions when their rights change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.people import Membership, Unit, User
from models.spec import ROLES, Invalid, Text
from rules import audit, passwords, tokens

DEALER_ROLES = {"dealer", "appraiser"}
NO_PASSWORD = "-"   # what no password hashes to
ONLY_TOKENS = Text("服务账号没有密码，只能用令牌", "A service account has no password: it comes in by tokens only")
UNIT_ROLES = {"unit", "unit_lead"}


def create(act: Any, username: str, password: str, *, roles: Sequence[str], name: str = "", email: str | None = None,
           dealer: str | None = None, unit: str | None = None) -> User:
    """A new person. Raises Invalid naming the field."""
    return _create(act, username, passwords.hashed(password), roles, name, email, dealer, unit)


def create_service(act: Any, username: str, *, roles: Sequence[str], name: str = "", dealer: str | None = None,
                   unit: str | None = None) -> User:
    """An account of a program: it has roles like a person, and comes in by tokens only. Raises Invalid."""
    return _create(act, username, NO_PASSWORD, roles, name, None, dealer, unit)


def _create(act: Any, username: str, password_hash: str, roles: Sequence[str], name: str, email: str | None,
            dealer: str | None, unit: str | None) -> User:
    errors = _wrong(act.session, username, roles, name, email, dealer, unit)
    if errors:
        raise Invalid(errors)
    user = User(username=username, name=name or username, email=email or None, created_at=act.now,
                password_hash=password_hash, is_service=password_hash == NO_PASSWORD)
    user.memberships = _memberships(act.session, roles, dealer, unit)
    act.session.add(user)
    act.session.flush()
    audit.note(act.session, act, "create", "user", username, {"roles": [None, sorted(roles)]})
    return user


def _memberships(session: Any, roles: Sequence[str], dealer: str | None, unit: str | None) -> list[Membership]:
    dealer_id, code = dealer_id_of(session, dealer), unit_code_of(session, unit)
    return [Membership(role=role, dealer_id=dealer_id if role in DEALER_ROLES else None,
                       unit=code if role not in DEALER_ROLES else None) for role in dict.fromkeys(roles)]


def change(act: Any, user: User, *, roles: Sequence[str], name: str, email: str | None, dealer: str | None,
           unit: str | None, is_active: bool) -> None:
    """New roles, place or standing; whoever is signed in with the old ones is signed out."""
    errors = _wrong(act.session, None, roles, name, None if email == user.email else email, dealer, unit)
    if errors:
        raise Invalid(errors)
    before = {"roles": sorted(user.roles), "is_active": user.is_active, "name": user.name, "email": user.email}
    user.name, user.email, user.is_active = name or user.username, email or None, is_active
    user.memberships.clear()
    act.session.flush()
    user.memberships = _memberships(act.session, roles, dealer, unit)
    user.session_epoch += 1
    act.session.flush()
    if not is_active:
        tokens.end_all(act, user)   # whoever is let in again later makes new ones
    after = {"roles": sorted(user.roles), "is_active": user.is_active, "name": user.name, "email": user.email}
    audit.note(act.session, act, "edit", "user", user.username,
               {key: [before[key], after[key]] for key in before if before[key] != after[key]})


def set_password(act: Any, user: User, password: str) -> None:
    """Ends every session and token of the person: the old password may be known to somebody else."""
    if user.is_service:
        raise Invalid({"password": ONLY_TOKENS})
    user.password_hash = passwords.hashed(password)
    user.session_epoch += 1
    act.session.flush()
    tokens.end_all(act, user)
    audit.note(act.session, act, "set_password", "user", user.username)


def _wrong(session: Any, username: str | None, roles: Sequence[str], name: str, email: str | None,
           dealer: str | None, unit: str | None) -> dict[str, Text]:
    errors = {}
    if len(name) > 80:
        errors["name"] = Text("姓名最多 80 个字", "A name takes at most 80 characters")
    if username is not None:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{2,80}", username):
            errors["username"] = Text("用户名须为 2–80 个字母、数字或 _ . -",
                                      "A user name is 2 to 80 letters, digits or _ . -")
        elif session.scalar(sa.select(User.id).where(User.username == username)):
            errors["username"] = Text(f"用户名 {username} 已存在", f"The user name {username} exists already")
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        errors["roles"] = Text(f"没有角色 {'、'.join(unknown)}", f"No such role: {', '.join(unknown)}") if unknown \
            else Text("请至少选择一个角色", "Give at least one role")
    if email and (len(email) > 200 or not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email)
                  or session.scalar(sa.select(User.id).where(User.email == email))):
        errors["email"] = Text("邮箱无效或已被使用", "The mail address is not valid or is in use")
    if DEALER_ROLES & set(roles) and dealer_id_of(session, dealer) is None:
        errors["dealer"] = Text("服务商角色须指明服务商代码", "A dealer role needs the code of a dealer")
    if UNIT_ROLES & set(roles) and unit_code_of(session, unit) is None:
        errors["unit"] = Text("责任部门角色须指明部门", "A unit role needs a department")
    return errors


def dealer_id_of(session: Any, code: str | None) -> int | None:
    dealer = Record.types["dealer_ledger"].model
    return session.scalar(sa.select(dealer.id).where(dealer.dealer_code == code)) if code else None


def unit_code_of(session: Any, name: str | None) -> str | None:
    return session.scalar(sa.select(Unit.code).where(sa.or_(Unit.code == name, Unit.name == name))) if name else None
