"""Notices: who is told what, each occasion once, in the transaction that brings it about; and what each has read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.history import MailChoice, Notice, Signature
from models.people import Membership, User
from models.spec import ADMINISTRATOR, OWNER, SIGNER, Text
from rules import access, approvals, delegations, office, outbox

PAGE_SIZE = 50
MANY = 100   # unread ones are counted up to here


@dataclass(frozen=True)
class Kind:
    """A kind of notice: what people call it, and whether it comes by mail too where they have not chosen."""

    label: Text
    by_mail: bool = True


KINDS: Mapping[str, Kind] = {
    "to_sign": Kind(Text("等我签署", "Waiting for my signature")),
    "round_ended": Kind(Text("会签结果", "How rounds of signatures ended")),
    "signature_overdue": Kind(Text("我的签署超期", "My signature is overdue")),
    "signature_escalated": Kind(Text("下级签署超期", "Somebody's signature is overdue")),
    "deadline_late": Kind(Text("已超期", "Overdue")),
    "deadline_soon": Kind(Text("将到期", "Due soon"), by_mail=False),
    "report_owed": Kind(Text("报表催报", "Reports that are owed")),
    "report_ready": Kind(Text("报表已汇总", "Reports that are ready"), by_mail=False),
    "move": Kind(Text("办理进展", "Progress of records"), by_mail=False),
    "record": Kind(Text("业务提醒", "What happened to a record")),
    "mention": Kind(Text("评论中提到我", "Mentions")),
    "retention": Kind(Text("保存期满清单", "Retention lists")),
    "webhook_failed": Kind(Text("Webhook 未送达", "Webhooks that were not delivered")),
    "transfer": Kind(Text("导出和导入", "Exports and imports"), by_mail=False),
    "job_failed": Kind(Text("后台任务失败", "Failed jobs")),
}
OTHER = Kind(Text("其他提醒", "Other notices"))

_is_mailing = False


def set_mailing(is_mailing: bool) -> None:
    """Called once by `create_app()`: is there a mail server?"""
    global _is_mailing
    _is_mailing = is_mailing


def is_mailing() -> bool:
    return _is_mailing


# Telling ----------------------------------------------------------------------------------------------------------

def tell(act: Any, record: Any, whom: Collection[str], text: Text, *, kind: str, key: str) -> int:
    """Tell everybody meant by `whom` (roles, `owner`, `signer`) who sees the record; how many were told.

    `key` names the occasion within the record: telling it again, by whatever process, changes nothing. The text must
    hold no personal data: it stands on lists and in mails. Flushes.
    """
    return tell_people(act, record, people_for(act.session, record, whom), text, kind=kind, key=key)


def tell_people(act: Any, record: Any, people: Collection[int], text: Text, *, kind: str, key: str) -> int:
    """The same for people named by their ids."""
    return _keep(act, people, f"{record.spec.name}:{record.id}:{key}", text, kind, record.spec.name, record.id)


def tell_house(act: Any, roles: Collection[str], text: Text, *, kind: str, key: str) -> int:
    """Tell everybody of these roles something that is about no record, once for each key; how many were told. Flushes."""
    people = act.session.scalars(sa.select(User.id).where(
        User.is_active, User.id.in_(sa.select(Membership.user_id).where(Membership.role.in_(roles)))))
    return tell_house_people(act, list(people), text, kind=kind, key=key)


def tell_house_people(act: Any, people: Collection[int], text: Text, *, kind: str, key: str) -> int:
    """The same for people named by their ids."""
    return _keep(act, people, f"{kind}:{key}", text, kind, None, None)


def _keep(act: Any, people: Collection[int], whole: str, text: Text, kind: str, type_: str | None,
          record_id: int | None) -> int:
    if not people:
        return 0
    said = {"key": whole, "kind": kind, "type": type_, "record_id": record_id, "zh": text.zh, "en": text.en,
            "created_at": act.now}
    told = outbox.insert_new(act.session, Notice, [{**said, "person_id": id_} for id_ in sorted(set(people))],
                             ("person_id", "key"), Notice.id, Notice.person_id)
    _mail(act, kind, f"{type_}:{record_id}", told)
    return len(told)


def _mail(act: Any, kind: str, about: str, told: Sequence[Any]) -> None:
    """Mails of one record to one person leave in the order in which they were told."""
    if not (_is_mailing and told):
        return
    wanted = _wants_mail(act.session, kind, [person_id for _, person_id in told])
    outbox.put_all(act, [{"job": "mail", "arguments": [id_], "key": f"mail:{id_}", "about": f"mail:{person_id}:{about}"}
                         for id_, person_id in told if person_id in wanted])


def _wants_mail(session: Any, kind: str, people: Collection[int]) -> set[int]:
    chosen = sa.and_(MailChoice.person_id == User.id, MailChoice.kind == kind)
    return set(session.scalars(
        sa.select(User.id).outerjoin(MailChoice, chosen)
        .where(User.id.in_(people), User.is_active, User.email.is_not(None),
               sa.func.coalesce(MailChoice.is_wanted, sa.literal(KINDS.get(kind, OTHER).by_mail)))))


def take_back(act: Any, record: Any, key: str) -> None:
    """The occasion is over: nobody need read of it any more, and mails that have not left stay."""
    act.session.execute(sa.update(Notice).where(
        Notice.key == f"{record.spec.name}:{record.id}:{key}", Notice.read_at.is_(None)).values(read_at=act.now))


def people_for(session: Any, record: Any, whom: Collection[str]) -> list[int]:
    """The active people whom these words mean, as far as they see the record."""
    found = set(_with_role(session, record, {word for word in whom if word not in (OWNER, SIGNER)}))
    if SIGNER in whom:
        for asked in approvals.turn(approvals.last_round(session, record)):
            found |= asked_by(session, record, asked)
    if OWNER in whom and record.created_by_id:
        found.add(record.created_by_id)
    return sorted(found)


def _with_role(session: Any, record: Any, roles: Collection[str]) -> Iterator[int]:
    for user in session.scalars(sa.select(User).where(User.is_active, User.id.in_(
            sa.select(Membership.user_id).where(Membership.role.in_(roles))))):
        actor = access.Actor.of(user, "job")
        if any(_reaches(actor, record, role) for role in actor.roles.intersection(roles)):
            yield user.id


def _reaches(actor: access.Actor, record: Any, role: str) -> bool:
    """Does the person hold this role where the record is? The administrator sees every record."""
    if role == ADMINISTRATOR:
        return True
    return bool(access.given(record.spec, role)) and access.in_scope(actor, record, role)


# Rounds of signatures ---------------------------------------------------------------------------------------------

TO_SIGN = Text("{type} {number} 等您签署", "{type} {number} waits for your signature")
ENDED = {
    approvals.SIGNED: Text("{type} {number} 会签完成", "{type} {number}: everybody has signed"),
    approvals.RETURNED: Text("{type} {number} 被退回", "{type} {number} was sent back"),
    approvals.REFUSED: Text("{type} {number} 未获批准", "{type} {number} was refused"),
}


def called(record: Any) -> dict[str, Any]:
    return {"type": record.spec.label, "number": record.number or f"#{record.id}"}


def asked_by(session: Any, record: Any, asked: Signature) -> set[int]:
    """Who may give this signature: the holders of the role there who are not excluded, and their stand-ins."""
    holders = [id_ for id_ in _with_role(session, record, {asked.role}) if f",{id_}," not in asked.barred]
    others = delegations.stand_ins(session, holders, record.spec.name, office.today())
    return {*holders, *(user.id for user in others if f",{user.id}," not in asked.barred)}


def of_round(act: Any, record: Any) -> None:
    """Whoever is asked since this act is told, and whoever submitted or wrote the record how the round ended."""
    rows = approvals.last_round(act.session, record)
    for row in approvals.turn(rows):
        if row.asked_at == act.now:
            tell_people(act, record, asked_by(act.session, record, row), TO_SIGN.with_(**called(record)),
                        kind="to_sign", key=f"to_sign:{row.round}:{row.position}")
    if rows and not approvals.turn(rows):
        last = max((row for row in rows if row.signed_at), key=lambda row: (row.signed_at, row.position), default=rows[-1])
        authors = {last.submitted_by_id, record.created_by_id} - {None, last.signed_by_id}
        if last.state in ENDED:
            tell_people(act, record, authors, ENDED[last.state].with_(**called(record)), kind="round_ended",
                        key=f"round_ended:{last.round}")


# Reading ----------------------------------------------------------------------------------------------------------

def unread_count(person: Any) -> Any:
    """Up to `MANY` unread notices of the person with this id, as a part of another statement."""
    some = sa.select(Notice.id).where(Notice.person_id == person, Notice.read_at.is_(None)).limit(MANY).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


@dataclass(frozen=True)
class Shown:
    """A notice on the list; `number` is None where its record is not, or no longer, the reader's to see."""

    notice: Notice
    number: str | None


def of(session: Any, actor: access.Actor, page: int, *, only_unread: bool = False) -> tuple[list[Shown], bool]:
    """A page of the person's notices, newest first, and whether there are older ones."""
    query = sa.select(Notice).where(Notice.person_id == actor.id).order_by(Notice.id.desc())
    if only_unread:
        query = query.where(Notice.read_at.is_(None))
    found = session.scalars(query.limit(PAGE_SIZE + 1).offset((page - 1) * PAGE_SIZE)).all()
    numbers = _numbers(session, actor, found[:PAGE_SIZE])
    shown = [Shown(one, numbers.get((one.type, one.record_id))) for one in found[:PAGE_SIZE]]
    return shown, len(found) > PAGE_SIZE


def _numbers(session: Any, actor: access.Actor, found: Sequence[Notice]) -> dict[tuple[str, int], str]:
    """What the records are called that the reader may see: one statement over the types that occur."""
    parts, asked = [], {(one.type, one.record_id) for one in found if one.type in Record.types}
    for name in sorted({type_ for type_, _ in asked}):
        spec = Record.types[name]
        if access.may(actor, "view", spec):
            ids = [id_ for type_, id_ in asked if type_ == name]
            part = sa.select(sa.literal(name), spec.model.id, spec.model.number).where(spec.model.id.in_(ids))
            parts.append(access.visible(part, actor, spec))
    if not parts:
        return {}
    return {(type_, id_): number or f"#{id_}" for type_, id_, number in session.execute(sa.union_all(*parts))}


def _read(session: Any, now: datetime, *which: Any) -> bool:
    """Were there any?"""
    query = sa.update(Notice).where(Notice.read_at.is_(None), *which).values(read_at=now)
    return session.execute(query, execution_options={"synchronize_session": False}).rowcount > 0


def has_news(session: Any, actor: access.Actor, record: Any) -> bool:
    return session.scalar(sa.select(Notice.id).where(
        Notice.person_id == actor.id, Notice.read_at.is_(None), *_about(record)).limit(1)) is not None


def _about(record: Any) -> tuple[Any, ...]:
    return Notice.type == record.spec.name, Notice.record_id == record.id


def opened(session: Any, actor: access.Actor, record: Any, now: datetime) -> None:
    """Who opens a record has read what they were told about it."""
    _read(session, now, Notice.person_id == actor.id, *_about(record))


def read_one(session: Any, actor: access.Actor, id_: int, now: datetime) -> bool:
    """False if there is no such unread notice of this person."""
    return _read(session, now, Notice.person_id == actor.id, Notice.id == id_)


def read_all(session: Any, actor: access.Actor, upto: int, now: datetime) -> None:
    """What the person saw on the list: nothing that has come since."""
    _read(session, now, Notice.person_id == actor.id, Notice.id <= upto)


# Choosing ---------------------------------------------------------------------------------------------------------

def choices(session: Any, actor: access.Actor) -> dict[str, bool]:
    """kind -> whether it comes by mail too."""
    chosen = dict(session.execute(
        sa.select(MailChoice.kind, MailChoice.is_wanted).where(MailChoice.person_id == actor.id)).all())
    return {name: chosen.get(name, kind.by_mail) for name, kind in KINDS.items()}


def choose(act: Any, wanted: Collection[str]) -> None:
    """The actor's own choice for all kinds. Flushes."""
    for kind in KINDS:
        act.session.merge(MailChoice(person_id=act.actor.id, kind=kind, is_wanted=kind in wanted))
    act.session.flush()
