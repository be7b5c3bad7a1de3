"""The audit of a record in words, newest first, private values masked as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from admin_views import choice_boxes, panels
from models.base import db
from models.history import AuditEntry
from models.spec import Field, Kind, RecordType, Text
from rules import access, exports, lists



ACTIONS = {
    "create": Text("新建", "Created"), "edit": Text("修改", "Edited"), "import": Text("导入", "Imported"),
    "acknowledge": Text("签收", "Acknowledged"), "attach": Text("添加附件", "Attached files"),
    "detach": Text("移除附件", "Removed a file"), "comment": Text("评论", "Commented"),
    "withdraw_comment": Text("撤回评论", "Withdrew a comment"), "sign": Text("会签", "Signed"),
    "ask": Text("提请会签", "Asked for signatures"), "ask_again": Text("退回上一签署步骤", "Sent back to an earlier step"),
    "escalate": Text("签署超期上报", "Told the next level that a signature is overdue"),
    "anonymise": Text("匿名化", "Anonymised"),
    "archive": Text("归档保存", "Archived"),
}
DOORS = {"screen": Text("页面", "screen"), "job": Text("后台任务", "job"), "console": Text("命令行", "console"),
         "import": Text("导入", "import"), "api": Text("接口", "API")}
TIMELINE = 100


def timeline(record: Any, actor: access.Actor, plain: bool, talk: panels.Talk) -> list[dict[str, Any]]:
    """The audit of the record, newest first, in words; private values masked as everywhere."""
    entries = list(db.session.scalars(sa.select(AuditEntry).where(
        AuditEntry.type == record.spec.name, AuditEntry.record_id == record.id)
        .order_by(AuditEntry.id.desc()).limit(TIMELINE)))
    told = [e for e in entries if e.action not in ("create", "import")]
    titles = _titles_in_changes(record.spec, told)
    return [{
        "at": entry.at, "who": entry.actor, "action": action_text(record.spec, entry.action).in_(actor.language),
        "comment": entry.comment or panels.said(entry.changes, talk, actor.language),
        "door": DOORS.get(entry.door, Text(entry.door, entry.door)).in_(actor.language),
        "changes": list(_change_words(record.spec, entry, actor, plain, titles)) if entry in told else [],
    } for entry in entries]


def _titles_in_changes(spec: RecordType, entries: Sequence[AuditEntry]) -> dict[tuple[str, Any], str]:
    """What changed links, people and units are called: one statement per target type."""
    wanted: dict[str, tuple[Field, set[Any]]] = {}
    for entry in entries:
        for name, change in entry.changes.items():
            field = spec.fields.get(name)
            if field is not None and field.kind in (Kind.LINK, Kind.USER, Kind.UNIT):
                keys = wanted.setdefault(field.to or field.kind.value, (field, set()))[1]
                keys.update(value for value in change if value is not None)
    found = {(target, key): title for target, (field, keys) in wanted.items()
             for key, title in choice_boxes.titles_of(field, sorted(keys)).items()}
    for entry in entries:
        found |= panels.file_names(entry.changes)
    return found


def action_text(spec: RecordType, action: str) -> Text:
    move = spec.workflow.move(action.removeprefix("move:"))
    return move.label if action.startswith("move:") and move else ACTIONS.get(action, Text(action, action))


def _change_words(spec: RecordType, entry: AuditEntry, actor: access.Actor, plain: bool,
                  titles: Mapping[Any, str]) -> Iterable[tuple[str, str, str]]:
    for name, change in entry.changes.items():
        if name == "lines":
            for table, rows in change.items():
                label = spec.lines[table].label if table in spec.lines else Text(table, table)
                yield label.in_(actor.language), "", str(len(rows)) + ("行变动" if actor.language == "zh" else " rows changed")
        elif name == "state":
            old, new = (spec.workflow.state(s) for s in change)
            yield lists.BASE["state"].label.in_(actor.language), old.label.in_(actor.language) if old else "", \
                new.label.in_(actor.language) if new else ""
        elif name in spec.fields:
            field = spec.fields[name]
            old_text, new_text = (audit_text(field, value, actor.language, plain, titles) for value in change)
            yield field.label.in_(actor.language), old_text, new_text
    yield from panels.file_changes(spec, entry.changes, actor.language, plain)


def audit_text(field: Field, value: Any, language: str, plain: bool, titles: Mapping[Any, str]) -> str:
    if value is None:
        return ""
    if field.kind in (Kind.LINK, Kind.USER, Kind.UNIT):
        return titles.get((field.to or field.kind.value, value), str(value))
    if field.kind is Kind.DATETIME:
        return exports.moment_text(datetime.fromisoformat(value))
    if field.private and not plain:
        return exports.masked(field, value)
    if field.kind is Kind.FILE:
        return titles.get((field.kind.value, value), str(value))
    if field.kind in (Kind.CHOICE, Kind.PROVINCE):
        label = field.choice_label(value)
        return label.in_(language) if label else value
    if field.kind is Kind.BOOL:
        return exports.shown(field, value, language)
    return str(value)[:200]
