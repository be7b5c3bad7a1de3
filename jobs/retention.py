"""Carrying out an approved list of what was kept long enough, one record or archive after the other; it may be killed
at any point and goes on where it was."""

from __future__ import annotations

from datetime import datetime
import sqlalchemy as sa

from jobs import archives
from models.base import Record, db, reading
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
            db.session.commit()
        elif item.action == retention.ANONYMISE:
            _anonymise(act, item)
            db.session.commit()
        else:
            _archive(list_id, item, now)
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


def _archive(list_id: int, first: RetentionItem, now: datetime | None) -> None:
    """All of the list that is of the same type and ended in the same year. The zip is written while nothing is locked;
    it counts if all that stands in it may still be archived afterwards, else it is written again without the others."""
    spec, year = Record.types[first.type], first.ended_on.year
    ids = [item.record_id for item in _to_archive(first, now)]
    db.session.commit()
    if not ids:
        return
    with reading():
        built = archives.build(Act(db.session, access.Actor.system(), now=now), spec, ids)
        db.session.rollback()
    again = _next(list_id)
    items = _to_archive(again, now) if again is not None else []
    if [item.record_id for item in items] == ids:
        archives.keep(Act(db.session, access.Actor.system(), now=now), list_id, spec, year, built, ids)
        for item in items:
            item.state = "done"
    db.session.commit()


def _to_archive(first: RetentionItem, now: datetime | None) -> list[RetentionItem]:
    """Of its group; those that something stands against now are marked as kept."""
    act, year = Act(db.session, access.Actor.system(), now=now), sa.extract("year", RetentionItem.ended_on)
    group = db.session.scalars(sa.select(RetentionItem).where(
        RetentionItem.list_id == first.list_id, RetentionItem.state == "open", RetentionItem.type == first.type,
        RetentionItem.action == retention.ARCHIVE, year == first.ended_on.year).order_by(RetentionItem.id)).all()
    return [item for item in group if not _stays(act, item)]
