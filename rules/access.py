"""May this actor do this, to this row, in this state? One function for all doors; whatever is not granted is denied."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.people import User
from models.spec import ADMINISTRATOR, Field, Kind, RecordType, Text
from rules import areas


METRICS = "metrics"
VERBS = ("read", "create", "update", "move", "void", METRICS)   # what a token may be held to
VERB_OF = {"view": "read", "export": "read", "edit": "update"}


@dataclass(frozen=True)
class Scope:
    """What a token gives at most of what its person may do; where nothing is named, all of it."""

    types: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    token_id: int | None = None
    used_at: datetime | None = field(default=None, compare=False)   # as it was noted last

    def covers(self, type_name: str, verb: str) -> bool:
        return (not self.types or type_name in self.types) and (not self.verbs or verb in self.verbs)


@dataclass(frozen=True)
class Actor:
    """Who acts, through which door. A job or the console has no id."""

    id: int | None
    username: str
    name: str
    roles: frozenset[str]
    units: frozenset[str] = frozenset()
    dealer_ids: frozenset[int] = frozenset()
    door: str = "screen"
    language: str = "zh"
    is_system: bool = False
    scope: Scope | None = None     # of the token; None: no token, no narrower than the person

    @classmethod
    def of(cls, user: User, door: str, language: str = "zh", scope: Scope | None = None) -> Actor:
        places = user.memberships
        return cls(
            user.id, user.username, user.name, user.roles, frozenset(m.unit for m in places if m.unit),
            frozenset(m.dealer_id for m in places if m.dealer_id), door, language, scope=scope)

    @classmethod
    def system(cls, door: str = "job") -> Actor:
        """The clock, a job, or the console of the machine: sees everything, makes the moves of `system`."""
        return cls(None, "system", "系统" if door == "job" else door, frozenset(), door=door, is_system=True)


@dataclass(frozen=True)
class Verdict:
    """Yes, or no with the reason."""

    reason: Text | None = None

    def __bool__(self) -> bool:
        return self.reason is None


YES = Verdict()
NO_ROLE = Verdict(Text("您的角色没有这项权限", "Your role does not have this right"))
OUT_OF_SCOPE = Verdict(Text("这不是您本单位的记录", "This record is outside your own scope"))
NOT_TYPED = Verdict(Text("该类记录由报表任务汇总生成，请到“报表”页发起",
                         "These records are compiled by a report job: ask for it on the reports page"))
SWITCHED_OFF = Verdict(Text("本单位未启用这一业务区；如需使用，请联系系统管理员",
                            "This area is switched off here: ask the administrator if you need it"))
NOT_IN_TOKEN = Verdict(Text("这个令牌不包括这类记录或这种操作", "This token does not cover these records or this kind of act"))
NO_METRICS = Verdict(Text("运行指标只对本机开放，或凭系统管理员的、写明 metrics 的令牌读取",
                          "The metrics are open on this machine, or to an administrator's token that names the verb metrics"))
CLOSED = Verdict(Text("记录已结束，不能再改；如需更正请另建记录并注明原单号",
                      "The record has ended and is read-only: correct it by a new record that names it"))
NOT_YOUR_STEP = Verdict(Text("当前状态不由您填写", "In its present state this record is not yours to edit"))
UNDER_SIGNATURE = Verdict(Text("记录正在会签，内容不能修改；请先退回或撤回",
                               "The record is being signed and cannot change: have it sent back first"))


def given(spec: RecordType, role: str) -> str:
    """The letters of a role, none where the type's area is switched off."""
    return "" if areas.is_off(spec) else spec.letters(role)


def letters(actor: Actor, spec: RecordType) -> frozenset[str]:
    return frozenset("".join(given(spec, role) for role in actor.roles))


def within_token(actor: Actor, spec: RecordType, verb: str) -> bool:
    return actor.scope is None or actor.scope.covers(spec.name, verb)


def sees_all(actor: Actor, spec: RecordType) -> bool:
    """What the system does by itself reaches into areas that are switched off, so that they are whole when they return."""
    if actor.is_system:
        return True
    if areas.is_off(spec) or not within_token(actor, spec, "read"):
        return False
    return ADMINISTRATOR in actor.roles or any(
        "V" in spec.letters(role) for role in actor.roles if role not in spec.seen_in)


def sees_private(actor: Actor, spec: RecordType) -> bool:
    """Private fields are plain to the roles that write the type, masked for all others."""
    return actor.is_system or bool(letters(actor, spec) & {"C", "E"})


def may(actor: Actor, verb: str, spec: RecordType, record: Any = None) -> Verdict:
    """`verb` is view, create, edit, export or unmask; `edit` and a row's `view` take the record."""
    if areas.is_off(spec) and not actor.is_system:
        return SWITCHED_OFF
    if not within_token(actor, spec, VERB_OF.get(verb, verb)):
        return NOT_IN_TOKEN
    if verb == "view":
        return _may_view(actor, spec, record)
    if verb == "edit":
        return _may_edit(actor, spec, record)
    if verb == "create":
        return NOT_TYPED if spec.compiled else YES if actor.is_system or "C" in letters(actor, spec) else NO_ROLE
    if verb == "export":
        return YES if actor.is_system or "X" in letters(actor, spec) else NO_ROLE
    return Verdict(Text(f"未知的操作 {verb}", f"Unknown action {verb}"))


def _may_view(actor: Actor, spec: RecordType, record: Any) -> Verdict:
    if sees_all(actor, spec):
        return YES
    roles = [role for role in actor.roles if given(spec, role)]
    if not roles:
        return NO_ROLE
    return YES if record is None or any(in_scope(actor, record, role) for role in roles) else OUT_OF_SCOPE


def viewers(session: Any, record: Any, ids: Collection[int]) -> set[int]:
    """Those of these people who are still here and see the record."""
    people = session.scalars(sa.select(User).where(User.is_active, User.id.in_(ids))) if ids else ()
    return {user.id for user in people if may(Actor.of(user, "job"), "view", record.spec, record)}


def _may_edit(actor: Actor, spec: RecordType, record: Any) -> Verdict:
    """Own draft, own step, or a living file: with the letter E, in scope, while the record has not ended."""
    roles = [role for role in actor.roles if "E" in given(spec, role)]
    if not roles:
        return NO_ROLE
    roles = [role for role in roles if in_scope(actor, record, role)]
    if not roles:
        return OUT_OF_SCOPE
    flow = spec.workflow
    if flow.is_terminal(record.state):
        return CLOSED
    if record.state in flow.maintained:
        return YES
    if record.state == flow.initial and record.created_by_id == actor.id:
        return YES
    if is_being_signed(record):
        return UNDER_SIGNATURE
    steps = {role for move in flow.moves_from(record.state) if move.goes_on for role in move.by}
    return YES if steps.intersection(roles) else NOT_YOUR_STEP


def is_being_signed(record: Any) -> bool:
    return record.spec.workflow.is_signed_in(record.state)


def may_see_metrics(actor: Actor) -> Verdict:
    """By a token that names it, and whose person may see how the house stands: one that names nothing opens records only."""
    is_named = actor.scope is not None and METRICS in actor.scope.verbs
    return YES if is_named and ADMINISTRATOR in actor.roles else NO_METRICS


# Row scope --------------------------------------------------------------------------------------------------------

def _own(actor: Actor, field: Field | None) -> Iterable[Any]:
    """What the user's own dealer, unit or self is, seen through a scope field (None: the row's own id)."""
    if field is None or field.kind is Kind.LINK:
        return actor.dealer_ids
    return actor.units if field.kind is Kind.UNIT else (actor.id,)


def _path(spec: RecordType, path: str) -> tuple[Any, Field | None]:
    """(line model or None, field or None for `id`) of a scope path."""
    head, _, rest = path.partition(".")
    if rest:
        child = spec.lines[head]
        return child.model, child.fields[rest]
    return None, None if path == "id" else spec.fields[path]


def in_scope(actor: Actor, record: Any, role: str) -> bool:
    """Is the row the role's own? A role without a declared scope has the whole type, in the states that it is shown."""
    spec: RecordType = record.spec
    if record.state not in spec.seen_in.get(role, (record.state,)):
        return False
    path = spec.scope.get(role)
    if path is None:
        return True
    line, field = _path(spec, path)
    own = set(_own(actor, field))
    if line is not None and field is not None:
        return any(getattr(row, field.column) in own for row in getattr(record, path.partition(".")[0]))
    return (record.id if field is None else getattr(record, field.column)) in own


def own_rows(actor: Actor, spec: RecordType, role: str) -> list[Any]:
    """The SQL conditions of a role's scope; none where it has the whole type."""
    shown = [spec.model.state.in_(spec.seen_in[role])] if role in spec.seen_in else []
    path = spec.scope.get(role)
    if path is None:
        return shown
    line, field = _path(spec, path)
    own = [value for value in _own(actor, field) if value is not None]
    if line is not None and field is not None:
        return [*shown, spec.model.id.in_(sa.select(line.record_id).where(getattr(line, field.column).in_(own)))]
    return [*shown, (spec.model.id if field is None else getattr(spec.model, field.column)).in_(own)]


def scope_clause(actor: Actor, spec: RecordType) -> Any:
    """The SQL condition that leaves the rows an actor may see; None for all of them."""
    if sees_all(actor, spec):
        return None
    if not within_token(actor, spec, "read"):
        return sa.false()
    clauses = [sa.and_(*own_rows(actor, spec, role)) for role in sorted(actor.roles) if given(spec, role)]
    return sa.or_(*clauses) if clauses else sa.false()


def visible(query: Any, actor: Actor, spec: RecordType) -> Any:
    """The query, held to the rows the actor may see."""
    clause = scope_clause(actor, spec)
    return query if clause is None else query.where(clause)


def own_scope(actor: Actor, spec: RecordType) -> tuple[Field, list[Any]] | None:
    """For someone held to a scope: the field that must hold their own dealer, unit or self, and its values."""
    if sees_all(actor, spec):
        return None
    for role in sorted(actor.roles):
        path = spec.scope.get(role, "id")
        if "C" in given(spec, role) and path in spec.fields:
            field = spec.fields[path]
            return field, sorted(value for value in _own(actor, field) if value is not None)
    return None
