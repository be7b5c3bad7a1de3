"""The first page: what waits for me, what is late, and this month in figures."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask_admin import AdminIndexView, expose
from flask_login import current_user

from admin_views import door, list_rows, management
from models.base import Record, db
from models.history import DeadlineClock
from models.spec import APPROVER, DRAFTER, OWNER, SIGNER, SUBMITTER, SYSTEM, VOID, Period, RecordType, Text
from rules import access, comments, handbook, inbox, office, registry

LATE_SHOWN = 12
EXCERPT = 120   # characters of a comment
INBOX, YOUR_TURN = Text("待我签署", "To sign"), Text("轮到您签署", "Your turn")


class DashboardView(AdminIndexView):
    def _handle_view(self, name: str, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        who = door.actor()
        return self.render("dashboard.html", tasks=_tasks(who), mentions=_mentions(who), late=_late(who), figures=_figures(who),
                           overview=management.overview(who), areas=door.navigation())


def my_states(actor: access.Actor, spec: RecordType) -> list[str]:
    """States out of which one of the actor's roles makes a move."""
    words = set(actor.roles) - {SYSTEM}
    return [state.name for state in spec.workflow.states if any(
        words.intersection(move.by) - {OWNER, SUBMITTER, SIGNER, DRAFTER, APPROVER} and move.to != VOID
        for move in spec.workflow.moves_from(state.name) if state.name not in spec.workflow.maintained)]


def _mine(actor: access.Actor, spec: RecordType) -> Any:
    """Rows in a state that waits for the actor's role, within its own scope."""
    conditions = []
    for role in sorted(actor.roles):
        alone = access.Actor(actor.id, actor.username, actor.name, frozenset({role}), actor.units, actor.dealer_ids)
        states = my_states(alone, spec)
        if states and access.given(spec, role):
            conditions.append(sa.and_(spec.model.state.in_(states), *access.own_rows(alone, spec, role)))
    return sa.or_(*conditions) if conditions else None


def _tasks(actor: access.Actor) -> list[dict[str, Any]]:
    """What waits: signatures first, then by type and state."""
    signatures = inbox.count(db.session, actor)
    first = [{"label": INBOX.in_(actor.language), "state": YOUR_TURN.in_(actor.language), "count": signatures,
              "href": "/admin/inbox/"}] if signatures else []
    return [*first, *_by_state(actor)]


def _by_state(actor: access.Actor) -> list[dict[str, Any]]:
    """One statement over all types."""
    parts = []
    for spec in registry.types().values():
        mine = _mine(actor, spec)
        if mine is not None and access.may(actor, "view", spec):
            part = sa.select(sa.literal(spec.name).label("type"), spec.model.state.label("state"),
                             sa.func.count().label("count")).where(mine).group_by(spec.model.state)
            parts.append(access.visible(part, actor, spec))
    if not parts:
        return []
    found = []
    for name, state, count in db.session.execute(sa.union_all(*parts)):
        spec = Record.types[name]
        kept = spec.workflow.state(state)
        found.append({"label": spec.label.in_(actor.language), "state": kept.label.in_(actor.language) if kept else state,
                      "count": count, "href": f"/admin/{name}/?state={state}"})
    return found


def _mentions(actor: access.Actor) -> list[dict[str, Any]]:
    return [{"label": Record.types[one.type].label.in_(actor.language), "number": one.number, "who": one.who, "at": one.at,
             "text": one.text if len(one.text) <= EXCERPT else f"{one.text[:EXCERPT]}…", "is_new": one.is_new,
             "href": f"/admin/{one.type}/details/?id={one.record_id}#page-talk"}
            for one in comments.waiting_for(db.session, actor)]


def _late(actor: access.Actor) -> list[dict[str, Any]]:
    """Running promises that are over or end soonest, of records the actor may see: one statement."""
    parts = []
    for spec in registry.types().values():
        if not spec.deadlines or not access.may(actor, "view", spec):
            continue
        model = spec.model
        part = sa.select(
            sa.literal(spec.name).label("type"), model.id.label("id"), model.number.label("number"),
            DeadlineClock.name.label("name"), DeadlineClock.due_at.label("due_at"),
        ).join(DeadlineClock, sa.and_(DeadlineClock.type == spec.name, DeadlineClock.record_id == model.id)).where(
            DeadlineClock.state == "running", DeadlineClock.due_at < office.now() + office.DAY)
        parts.append(access.visible(part, actor, spec))
    if not parts:
        return []
    union = sa.union_all(*parts).subquery()
    # An aliased union loses the column's own type on SQLite, and with it the zone.
    due = sa.type_coerce(union.c.due_at, DeadlineClock.due_at.type)
    rows = db.session.execute(sa.select(
        union.c.type, union.c.id, union.c.number, union.c.name, due).order_by(union.c.due_at).limit(LATE_SHOWN))
    return [_late_row(actor.language, *row) for row in rows]


def _late_row(language: str, type_: str, id_: int, number: str, name: str, due_at: Any) -> dict[str, Any]:
    spec, now = Record.types[type_], office.now()
    deadline = next((d for d in spec.deadlines if d.name == name), None)
    label = handbook.promise_of(spec, deadline) if deadline else Text("期限", "Deadline")
    return {"label": spec.label.in_(language), "number": number, "href": f"/admin/{type_}/details/?id={id_}",
            "what": label.in_(language), "due_at": due_at, "left": list_rows.left_text(due_at - now, language),
            "is_late": due_at < now}


def _figures(actor: access.Actor) -> list[dict[str, Any]]:
    """New records of this month against last month's, per type; each figure opens its list."""
    today = office.today()
    period = Period(today.year, today.month, 1)
    (start, end), (before, _) = office.bounds(period), office.bounds(period.previous())
    parts, specs = [], [s for s in registry.types().values() if access.may(actor, "view", s) and not s.workflow.maintained]
    for spec in specs:
        created = spec.model.created_at
        part = sa.select(
            sa.literal(spec.name), sa.func.count(sa.case((created >= start, 1))), sa.func.count(sa.case((created < start, 1))),
        ).where(created >= before, created < end, spec.model.state != VOID)
        parts.append(access.visible(part, actor, spec))
    if not parts:
        return []
    return [{"label": Record.types[name].label.in_(actor.language), "value": value, "before": last,
             "href": f"/admin/{name}/?created_at={period}"} for name, value, last in db.session.execute(sa.union_all(*parts))]


