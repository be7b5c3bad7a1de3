"""The closed set of condition words that a move's `when` is written in; each can say why it fails in both languages.

What only one type needs is a `Condition` with a named function in that type's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from models.spec import VOID, Condition, Text, names


def _label(record: Any, path: str) -> Text:
    """The label of a field or of a child table."""
    spec = record.spec
    return spec.fields[path].label if path in spec.fields else spec.lines[path].label


def _value(record: Any, name: str) -> Any:
    field = record.spec.fields.get(name)
    return getattr(record, field.column if field else name)


def is_filled(value: Any) -> bool:
    """False and 0 are answers; nothing, blanks and empty lists are not."""
    return value is not None and value != "" and value != [] and not (isinstance(value, str) and not value.strip())


def while_used(type_name: str, condition: Condition) -> Condition:
    """Asked only of companies that use the area of a type: without it nobody could fulfil the condition."""
    return Condition(lambda record, act: not act.uses(type_name) or condition.holds(record, act), condition.why)


def filled(name: str) -> Condition:
    return Condition(
        lambda record, act: is_filled(_value(record, name)),
        lambda record: Text("请先填写“{it}”", "Fill in “{it}” first").with_(it=_label(record, name)))


def is_true(name: str) -> Condition:
    return Condition(
        lambda record, act: _value(record, name) is True,
        lambda record: Text("“{it}”须为“是”", "“{it}” must be yes").with_(it=_label(record, name)))


def is_false(name: str) -> Condition:
    return Condition(
        lambda record, act: not _value(record, name),
        lambda record: Text("“{it}”须为“否”", "“{it}” must be no").with_(it=_label(record, name)))


def one_of(name: str, *values: str) -> Condition:
    """The choice field has one of these values."""
    def why(record: Any) -> Text:
        field = record.spec.fields[name]
        labels = [field.choice_label(value) for value in values]
        listed = Text("、".join(t.zh for t in labels), " or ".join(t.en for t in labels))
        return Text("“{field}”须为：{listed}", "“{field}” must be: {listed}").with_(field=field.label, listed=listed)
    return Condition(lambda record, act: _value(record, name) in values, why)


def either(*conditions: Condition) -> Condition:
    def why(record: Any) -> Text:
        reasons = [condition.reason(record) for condition in conditions]
        return Text("；或".join(r.zh for r in reasons), "; or ".join(r.en for r in reasons))
    return Condition(lambda record, act: any(c.holds(record, act) for c in conditions), why)


def both(*conditions: Condition) -> Condition:
    def why(record: Any) -> Text:
        reasons = [condition.reason(record) for condition in conditions]
        return Text("；且".join(r.zh for r in reasons), "; and ".join(r.en for r in reasons))
    return Condition(lambda record, act: all(c.holds(record, act) for c in conditions), why)


def if_so(premise: Condition, conclusion: Condition) -> Condition:
    """Only where the premise holds must the conclusion; the reason given is the conclusion's."""
    return Condition(
        lambda record, act: not premise.holds(record, act) or conclusion.holds(record, act), conclusion.reason)


def from_state(state: str) -> Condition:
    """A premise for `if_so`: the move starts in this state."""
    def why(record: Any) -> Text:
        return Text("状态须为“{it}”", "The state must be “{it}”").with_(it=record.spec.workflow.state(state).label)
    return Condition(lambda record, act: record.state == state, why)


def linked(name: str, *states: str) -> Condition:
    """The link is set and, if states are named, its record is in one of them."""
    def holds(record: Any, act: Any) -> bool:
        target = getattr(record, name)
        return target is not None and (not states or target.state in states)

    def why(record: Any) -> Text:
        label = _label(record, name)
        if not states:
            return Text("请先关联“{it}”", "Link “{it}” first").with_(it=label)
        return Text("关联的“{it}”尚未达到要求的状态", "The linked “{it}” has not reached the state needed").with_(it=label)
    return Condition(holds, why)


def every_line(lines: str, *alternatives: str) -> Condition:
    """Every row of the child table has at least one of these fields filled."""
    def holds(record: Any, act: Any) -> bool:
        fields = record.spec.lines[lines].fields
        return all(
            any(is_filled(getattr(row, fields[name].column)) for name in alternatives)
            for row in getattr(record, lines))

    def why(record: Any) -> Text:
        child = record.spec.lines[lines]
        labels = [child.fields[name].label for name in alternatives]
        listed = Text("或".join(f"“{t.zh}”" for t in labels), " or ".join(f"“{t.en}”" for t in labels))
        return Text("“{lines}”每行须填写{listed}", "Every row of “{lines}” needs {listed}").with_(
            lines=child.label, listed=listed)
    return Condition(holds, why)


def all_signed(lines: str, at: str = "signed_at") -> Condition:
    """Every receiver of a copy has acknowledged it."""
    return Condition(
        lambda record, act: all(getattr(row, at) is not None for row in getattr(record, lines)),
        lambda record: Text("“{it}”尚有未签收的份", "“{it}” still has copies that are not acknowledged").with_(it=
            _label(record, lines)))


def actor_is_not(name: str) -> Condition:
    """Whoever makes the move is somebody else than the person in this field (a job is nobody)."""
    return Condition(
        lambda record, act: act.actor.id is None or _value(record, name) != act.actor.id,
        lambda record: Text("不能由“{it}”本人办理", "The person in “{it}” may not do this").with_(it=_label(record, name)),
        bars=(name,))


def actor_is_not_creator() -> Condition:
    return Condition(
        lambda record, act: act.actor.id is None or record.created_by_id != act.actor.id,
        Text("不能由填写人本人办理", "Whoever created the record may not do this"))


def pointing_at(record: Any) -> Iterator[tuple[Any, Any]]:
    """Every type with a link to this record's type, and the clause for its records that name this one."""
    def naming(model: Any, fields: Any) -> list[Any]:
        columns = [field.column for field in fields.values() if field.to == record.spec.name]
        return [getattr(model, column) == record.id for column in columns]

    if record.id is None:
        return
    for spec in record.types.values():
        clauses = naming(spec.model, spec.fields)
        for child in spec.lines.values():
            if rows := naming(child.model, child.fields):
                clauses.append(spec.model.id.in_(sa.select(child.model.record_id).where(sa.or_(*rows))))
        if clauses:
            yield spec, sa.or_(*clauses)


def not_referenced(*, open_only: bool = False) -> Condition:
    """No record that is not void points here; `open_only` looks for unfinished business, which a file that is
    kept up to date (`maintained`) never is."""
    def holds(record: Any, act: Any) -> bool:
        for spec, names_it in pointing_at(record):
            flow, model = spec.workflow, spec.model
            if open_only and flow.maintained:
                continue
            counted = [state for state in names(flow.states)
                       if state != VOID and not (open_only and flow.is_terminal(state))]
            query = sa.select(model.id).where(names_it, model.state.in_(counted)).limit(1)
            if act.session.scalar(query) is not None:
                return False
        return True

    if open_only:
        return Condition(holds, Text("还有未办结的单据用到它，办结后再操作",
                                     "Records still under way refer to it: finish them first"))
    return Condition(holds, Text(
        "已有单据用到它，不能作废；请改为停用", "Records refer to it: discontinue it instead"))


def actor_did_not(move: str) -> Condition:
    """Whoever makes this move is somebody else than who made that other one (last)."""
    def why(record: Any) -> Text:
        return Text("“{it}”的办理人不能同时办理本步骤", "Whoever did “{it}” may not do this as well").with_(
            it=record.spec.workflow.move(move).label)
    return Condition(
        lambda record, act: act.actor.id is None or act.who_made(record, move) != act.actor.id, why)


def is_changed(record: Any, name: str) -> bool:
    """For a record's `check`: does this save alter the field or child table?"""
    if name not in record.spec.lines:
        return sa.inspect(record).attrs[record.spec.fields[name].column].history.has_changes()
    session = sa.inspect(record).session
    return sa.inspect(record).attrs[name].history.has_changes() or any(
        session.is_modified(row) for row in getattr(record, name))


def saying(condition: Condition, zh: str, en: str) -> Condition:
    """The same condition with a sentence of its own, where the office knows why."""
    return Condition(condition.holds, Text(zh, en), condition.bars)


TO_BE_WRITTEN = "（待填写）"   # stands in a required text of a compiled draft until somebody has written it


def written(*names: str) -> Condition:
    """Nothing is left of what a report put into these texts until somebody writes them."""
    return Condition(
        lambda record, act: TO_BE_WRITTEN not in [getattr(record, name) for name in names],
        Text("请先填写标有“（待填写）”的各栏", "Write the texts that are still marked “（待填写）” first"))
