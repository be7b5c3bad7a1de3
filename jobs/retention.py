"""Carrying out an approved list of what was kept long enough, one record or archive after the other; it may be killed
at any point and goes on where it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from jobs import archives
from models.base import Record, db
from models.retention import RetentionItem
from models.spec import Refused, Text
from rules import access, erasing, retention
from rules.act import Act


def propose(act: Act, _due: datetime) -> str:
    """For the clock."""
    list_ = retention.propose(act)
    return "nothing" if list_ is None else f"list {list_.id}"


def carry_out(list_id: int, now: datetime | None = None) -> None:
    while (item := _next(list_id)) is not None:
        act = Act(db.session, access.Actor.system(), now=now)
        if _stays(act, item):
            pass
        elif item.action == retention.ANONYMISE:
            _anonymise(act, item)
        else:
            _archive(act, item)
        db.session.commit()
    act = Act(db.session, access.Actor.system(), now=now)
    list_ = retention.find(db.session, list_id, lock=True)
    if list_ is not None and list_.state == "approved":
        retention.finish(act, list_)
    db.session.commit()


def _next(list_id: int) -> RetentionItem | None:
    """The first that has not had its turn, for nobody else until this transaction ends."""
    list_ = retention.find(db.session, list_id, lock=True)
    if list_ is None or list_.state != "approved":
        return None
    return db.session.scalar(sa.select(RetentionItem).where(
        RetentionItem.list_id == list_id, RetentionItem.state == "open").order_by(RetentionItem.id).limit(1))


def _stays(act: Act, item: RetentionItem) -> bool:
    """Asked again when its turn comes: somebody may have put a hold on it, or begun something with it."""
    reason = retention.why_not(act.session, item, act.today)
    if reason is not None:
        _keep(item, reason)
    return reason is not None


def _keep(item: RetentionItem, reason: Text) -> None:
    item.state, item.reason_zh, item.reason_en = "kept", reason.zh, reason.en


def _anonymise(act: Act, item: RetentionItem) -> None:
    try:
        with act.session.begin_nested():
            record = act.lock(act.get(item.type, item.record_id))
            erasing.anonymise(act, record)
            item.state = "done"
    except Refused as no:
        _keep(act.session.get(RetentionItem, item.id), no.reason)


def _archive(act: Act, first: RetentionItem) -> None:
    """All of the list that is of the same type and ended in the same year."""
    spec, same = Record.types[first.type], []
    for item in _group(act.session, first):
        if item is first or not _stays(act, item):
            same.append(item)
    archives.make(act, first.list_id, spec, first.ended_on.year, same)
    for item in same:
        item.state = "done"


def _group(session: Any, first: RetentionItem) -> list[RetentionItem]:
    year = sa.extract("year", RetentionItem.ended_on)
    return list(session.scalars(sa.select(RetentionItem).where(
        RetentionItem.list_id == first.list_id, RetentionItem.state == "open", RetentionItem.type == first.type,
        RetentionItem.action == first.action, year == first.ended_on.year).order_by(RetentionItem.id)))
