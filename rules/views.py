"""Saved views of lists: who keeps one, who sees it, who takes it away.

Everybody keeps views for themselves, of types that they may look at. What a whole role is shown is the administrator's
to decide, as the role itself is. A view grants nothing: it is only a link.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from models.spec import ADMINISTRATOR, ROLES, Invalid, RecordType, Refused, Text
from models.views import SavedView
from rules import access, audit, checks, records

LENGTH, LONGEST_LINK, MOST = 60, 2000, 30
NO_TITLE = Text("请给视图起个名字", "Give the view a name")
TOO_LONG = Text("视图名称最多 {most} 个字", "The name of a view takes at most {most} characters")
LINK_TOO_LONG = Text("条件太多，存不下", "These are too many conditions to keep")
TOO_MANY = Text("每类记录最多保存 {most} 个视图，请先删去不用的", "At most {most} views are kept per type: remove one first")
NOT_SHARED_BY_YOU = Text("给角色共享的视图由系统管理员维护", "Views that a role shares are kept by the administrator")
NO_SUCH_ROLE = Text("该角色看不到这类记录", "That role does not see records of this type")
NO_SUCH_VIEW = Text("没有这个视图", "There is no such view")


@cache
def _offered(roles: int) -> Any:
    """Built once per number of roles: each list page asks it."""
    shared = [sa.bindparam(f"role{n}", type_=sa.String) for n in range(roles)]
    return sa.select(SavedView.id, SavedView.title, SavedView.query, SavedView.role).where(
        SavedView.type == sa.bindparam("type", type_=sa.String),
        sa.or_(SavedView.owner_id == sa.bindparam("person", type_=SavedView.id.type),
               *(SavedView.role == role for role in shared))).order_by(SavedView.role.is_not(None), SavedView.id)


def offered(connection: Any, actor: access.Actor, spec: RecordType) -> Sequence[Any]:
    """(id, title, query, role) of the person's own views of this list, then of those that their roles share. The
    administrator, who keeps them, sees those of all roles."""
    roles = list(ROLES) if ADMINISTRATOR in actor.roles else sorted(actor.roles)
    given = {f"role{n}": role for n, role in enumerate(roles)}
    return connection.execute(_offered(len(roles)), {"type": spec.name, "person": actor.id, **given}).all()


def may_share(actor: access.Actor) -> access.Verdict:
    return access.YES if ADMINISTRATOR in actor.roles else access.Verdict(NOT_SHARED_BY_YOU)


def sharing_roles(spec: RecordType) -> list[str]:
    """The roles to which a view of this type means anything."""
    return [role for role in ROLES if spec.letters(role) or role == ADMINISTRATOR]


def keep(act: Any, spec: RecordType, title: str, query: str, role: str = "") -> SavedView:
    """Keep a view; one of the same name is replaced. Raises Refused or Invalid; flushes."""
    records.allow(access.may(act.actor, "view", spec))
    if role:
        records.allow(may_share(act.actor))
        if role not in sharing_roles(spec):
            raise Refused(NO_SUCH_ROLE)
    title = checks.without_controls(title).strip()
    if not title:
        raise Invalid({"title": NO_TITLE})
    if len(title) > LENGTH:
        raise Invalid({"title": TOO_LONG.with_(most=LENGTH)})
    if len(query) > LONGEST_LINK:
        raise Invalid({"title": LINK_TOO_LONG})
    view = _of_that_name(act, spec, title, role)
    view.query = query
    act.session.add(view)
    act.session.flush()
    if role:
        audit.note(act.session, act, "share_view", spec.name, changes={"title": title, "role": role, "query": query})
    return view


def _of_that_name(act: Any, spec: RecordType, title: str, role: str) -> SavedView:
    whose = {"role": role} if role else {"owner_id": act.actor.id}
    kept = list(act.session.scalars(sa.select(SavedView).filter_by(type=spec.name, **whose)))
    same = next((view for view in kept if view.title == title), None)
    if same is not None:
        return same
    if len(kept) >= MOST:
        raise Invalid({"title": TOO_MANY.with_(most=MOST)})
    return SavedView(type=spec.name, title=title, created_by_id=act.actor.id, created_at=act.now, **whose)


def drop(act: Any, spec: RecordType, id_: int) -> None:
    """Take a view away: one's own, or as administrator one that a role shares. Another's is as unknown as none."""
    view = act.session.get(SavedView, id_)
    if view is None or view.type != spec.name or view.owner_id not in (None, act.actor.id):
        raise Refused(NO_SUCH_VIEW)
    if view.role is not None:
        records.allow(may_share(act.actor))
        audit.note(act.session, act, "drop_view", spec.name, changes={"title": view.title, "role": view.role})
    act.session.delete(view)
    act.session.flush()
