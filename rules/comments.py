"""What people say about records: who may, whom they mention, and what waits for those who were mentioned.

Whoever sees a record sees all that is said about it and may say something. Words are never edited; their author may
take them back while the record lives.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from models.comments import Comment, Mention
from models.people import User
from models.spec import Invalid, Text
from rules import access, audit, checks, notices, proof, records, registry

NOTHING = Text("请先写点什么", "Write something first")
TOO_LONG = Text("评论最多 {most} 个字，现有 {given} 个", "A comment takes at most {most} characters, not {given}")
NOT_YOURS = Text("只有写评论的人自己可以撤回", "A comment is withdrawn by its author only")
WITHDRAWN = Text("这条评论已经撤回", "The comment is withdrawn already")
ENDED = Text("记录已结束，评论不能再撤回", "The record has ended: its comments stay as they are")
MENTIONED = Text("{type} {number}：有一条评论提到了您", "{type} {number}: a comment mentions you")
LENGTH = 2000
OFFERED = 20       # people among whom a mention is chosen
WAITING = 10       # mentions on the first page


# Saying -----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Said:
    """A comment that was kept, and who is named in it but cannot see the record."""

    comment: Comment
    unreached: tuple[str, ...]


def say(act: Any, record: Any, raw: str, chosen: Collection[int] = ()) -> Said:
    """Keep a comment and whom it mentions. `chosen` are the people picked from the list, which tells namesakes apart.
    Raises Refused or Invalid; flushes."""
    records.allow(access.may(act.actor, "view", record.spec, record))
    records.allow(access.YES if access.within_token(act.actor, record.spec, "update") else access.NOT_IN_TOKEN)
    text = _readable(raw)
    comment = Comment(type=record.spec.name, record_id=record.id, text=text, author_id=act.actor.id, created_at=act.now)
    act.session.add(comment)
    act.session.flush()
    named = [user for user in _named(act.session, text, chosen) if user.id != act.actor.id]
    reached = [user for user in named if _sees(user, record)]
    act.session.add_all(Mention(
        comment_id=comment.id, type=comment.type, record_id=comment.record_id, person_id=user.id) for user in reached)
    notices.tell_people(act, record, [user.id for user in reached], MENTIONED.with_(
        type=record.spec.label, number=record.number or f"#{record.id}"), kind="mention", key=_occasion(comment))
    _account(act, record, "comment", comment)
    return Said(comment, tuple(user.name for user in named if user not in reached))


def _occasion(comment: Comment) -> str:
    return f"comment:{comment.id}"


def _readable(raw: str) -> str:
    text = raw.replace("\r\n", "\n").strip()
    try:
        checks.readable(text)
    except checks.Wrong as wrong:
        raise Invalid({"text": wrong.text.with_(label=Text("评论", "Comment"))}) from None
    if not text:
        raise Invalid({"text": NOTHING})
    if len(text) > LENGTH:
        raise Invalid({"text": TOO_LONG.with_(most=LENGTH, given=len(text))})
    return text


def may_withdraw(actor: access.Actor, record: Any, comment: Comment) -> access.Verdict:
    if actor.id is None or comment.author_id != actor.id:
        return access.Verdict(NOT_YOURS)
    if comment.withdrawn_at is not None:
        return access.Verdict(WITHDRAWN)
    return access.Verdict(ENDED) if record.spec.workflow.is_terminal(record.state) else access.YES


def withdraw(act: Any, record: Any, comment: Comment) -> None:
    """Raises Refused; flushes."""
    records.allow(may_withdraw(act.actor, record, comment))
    comment.withdrawn_at = act.now
    notices.take_back(act, record, _occasion(comment))
    _account(act, record, "withdraw_comment", comment)


def _account(act: Any, record: Any, action: str, comment: Comment) -> None:
    audit.remark(act, record, action, {proof.COMMENT: proof.said_of(comment)})
    records.flush(act.session, record)


# Naming people ----------------------------------------------------------------------------------------------------

def _sees(user: User, record: Any) -> bool:
    return bool(access.may(access.Actor.of(user, "screen"), "view", record.spec, record))


def people(session: Any, record: Any, words: str) -> list[User]:
    """Who may be mentioned: those who see the record and are called so."""
    query = sa.select(User).where(User.is_active).order_by(User.name, User.id)
    if words:
        query = query.where(sa.or_(*(name.contains(words, autoescape=True) for name in (User.name, User.username))))
    found = (user for user in session.scalars(query) if _sees(user, record))
    return [user for user, _ in zip(found, range(OFFERED), strict=False)]


def _named(session: Any, text: str, chosen: Collection[int]) -> list[User]:
    """Everybody whose name or user name follows an @; of namesakes those who were chosen, or all of them."""
    if not re.search("[@＠]", text):
        return []
    called: dict[str, list[User]] = {}
    for user in session.scalars(sa.select(User).where(User.is_active).order_by(User.id)):
        for name in {user.name, user.username}:
            called.setdefault(name, []).append(user)
    found: dict[int, User] = {}
    for name in re.findall(_mention(called), text):
        users = called[name]
        picked = [user for user in users if user.id in chosen] or users
        found |= {user.id: user for user in picked}
    return list(found.values())


def _mention(names: Iterable[str]) -> re.Pattern[str]:
    """An @ that is no part of a mail address, and a name after it: of two that fit the longer one."""
    ordered = [re.escape(name) + ("(?![A-Za-z0-9_])" if name[-1].isascii() else "")
               for name in sorted(filter(None, names), key=len, reverse=True)]
    return re.compile(rf"(?<![A-Za-z0-9._%+-])[@＠]({'|'.join(ordered)})")


def parts(text: str, names: Collection[str]) -> list[tuple[str, bool]]:
    """The text in pieces: (words, whether they are the mention of one of these names)."""
    if not names:
        return [(text, False)]
    found, at = [], 0
    for match in _mention(names).finditer(text):
        found += [(text[at:match.start()], False), (match[0], True)]
        at = match.end()
    return [(words, is_name) for words, is_name in (*found, (text[at:], False)) if words]


# Reading ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Heard:
    """A comment as a page tells of it: by whom, and what those whom it mentions are called."""

    comment: Comment
    who: str
    names: tuple[str, ...] = ()
    is_new: bool = False      # it mentions the reader, who has not opened it yet


def of(session: Any, actor: access.Actor, record: Any) -> list[Heard]:
    """What was said, oldest first: one statement, with a row for each mention."""
    author, person = sa.orm.aliased(User), sa.orm.aliased(User)
    rows = session.execute(
        sa.select(Comment, author.name, Mention.person_id, Mention.opened_at, person.name, person.username)
        .outerjoin(author, author.id == Comment.author_id).outerjoin(Mention, Mention.comment_id == Comment.id)
        .outerjoin(person, person.id == Mention.person_id)
        .where(Comment.type == record.spec.name, Comment.record_id == record.id).order_by(Comment.id, Mention.id))
    found: dict[int, Heard] = {}
    for comment, who, person_id, opened_at, *names in rows:
        heard = found.get(comment.id) or Heard(comment, who or "")
        is_new = person_id == actor.id and person_id is not None and opened_at is None and comment.withdrawn_at is None
        found[comment.id] = replace(heard, names=(*heard.names, *filter(None, names)), is_new=heard.is_new or is_new)
    return list(found.values())


def find(session: Any, record: Any, id_: int) -> Comment | None:
    return session.scalar(sa.select(Comment).where(
        Comment.id == id_, Comment.type == record.spec.name, Comment.record_id == record.id))


# Those who were mentioned -----------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Waiting:
    """A mention on the first page."""

    type: str
    record_id: int
    number: str
    text: str
    who: str
    at: datetime
    is_new: bool


def waiting_for(session: Any, actor: access.Actor) -> list[Waiting]:
    """Mentions of the actor on records that they may see now, newest first; the new ones before older ones go: one
    statement over all types."""
    asked = []
    for spec in registry.types().values():
        if access.may(actor, "view", spec):
            model = spec.model
            part = sa.select(Mention.id, sa.literal(spec.name).label("type"), model.id.label("record_id"),
                             model.number.label("number")).join(model, model.id == Mention.record_id)
            part = part.where(Mention.person_id == actor.id, Mention.type == spec.name)
            asked.append(access.visible(part, actor, spec))
    if not asked:
        return []
    mine = sa.union_all(*asked).subquery()
    is_opened = sa.case((Mention.opened_at.is_(None), 0), else_=1)
    query = sa.select(
        Mention.id, mine.c.type, mine.c.record_id, mine.c.number, Comment.text, User.name, Comment.created_at, is_opened)
    query = query.join(Mention, Mention.id == mine.c.id).join(Comment, Comment.id == Mention.comment_id).outerjoin(
        User, User.id == Comment.author_id).where(Comment.withdrawn_at.is_(None))
    rows = sorted(session.execute(query.order_by(is_opened, Mention.id.desc()).limit(WAITING)), reverse=True)
    return [Waiting(type_, record_id, number or "", text, who or "", at, not was_opened)
            for _, type_, record_id, number, text, who, at, was_opened in rows]


def opened(session: Any, actor: access.Actor, record: Any, now: datetime) -> None:
    """The actor has seen what is said about the record."""
    session.execute(sa.update(Mention).where(
        Mention.type == record.spec.name, Mention.record_id == record.id, Mention.person_id == actor.id,
        Mention.opened_at.is_(None)).values(opened_at=now))

