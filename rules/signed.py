"""What was signed, as people and files show it: the block of signatures, and how two versions differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.history import Signature
from models.people import User
from models.spec import ROLES, Field, RecordType, Text
from rules import exports, lists

SIGNATURES = lists.SIGNATURES
STATES: Mapping[str, Text] = {
    "waiting": Text("待签", "Waiting"), "signed": Text("已签", "Signed"), "returned": Text("退回", "Returned"),
    "refused": Text("不批准", "Refused"), "voided": Text("已签，后作废", "Signed, voided since"),
    "dropped": Text("未签（已终止）", "Not signed (ended)"),
}
HASH_SHOWN = 12
HEADERS = (Text("轮次", "Round"), Text("角色", "Role"), Text("结果", "Result"), Text("签署人", "Signed by"),
           Text("代何人", "For"), Text("时间", "At"), Text("意见", "Comment"), Text("内容摘要", "Content hash"))
CELL = Text("第{round}轮 {role}：{who}{place} {at} {state}{comment} #{hash}",
            "Round {round} {role}: {who}{place} {at} {state}{comment} #{hash}")
IN_PLACE = Text("（代{name}）", " (for {name})")
SAYING = Text("“{text}”", " “{text}”")
AT_ONCE = 500


# The block --------------------------------------------------------------------------------------------------------

def blocks(session: Any, type_name: str, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Who signed these records: in which role, in whose place, when, with which words, for which content."""
    signer, principal = sa.orm.aliased(User), sa.orm.aliased(User)
    one = Signature
    found: dict[int, list[dict[str, Any]]] = {id_: [] for id_ in ids}
    for start in range(0, len(ids), AT_ONCE):
        rows = session.execute(sa.select(one, signer, principal).outerjoin(signer, signer.id == one.signed_by_id).outerjoin(
            principal, principal.id == one.for_id).where(one.type == type_name, one.record_id.in_(ids[start:start + AT_ONCE]))
            .order_by(one.record_id, one.round, one.step, one.position))
        for row, by, for_ in rows:
            found[row.record_id].append({
                "round": row.round, "step": row.step + 1, "role": row.role, "state": row.state,
                "by": by and by.username, "by_name": by and by.name, "for": for_ and for_.username,
                "for_name": for_ and for_.name, "at": row.signed_at, "comment": row.comment, "revision": row.revision,
                "hash": row.content_hash})
    return found


def published(block: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For programs: people by user name, moments in UTC with offset."""
    return [{**{key: value for key, value in one.items() if not key.endswith("_name")},
             "at": one["at"] and one["at"].isoformat()} for one in block]


def cell(block: Iterable[Mapping[str, Any]], language: str) -> str:
    """For one cell of a table: a line for each signature that somebody gave."""
    return "\n".join(_line(one).in_(language) for one in block if one["at"])


def _line(one: Mapping[str, Any]) -> Text:
    place = IN_PLACE.with_(name=one["for_name"]) if one["for_name"] else ""
    comment = SAYING.with_(text=one["comment"]) if one["comment"] else ""
    return CELL.with_(round=one["round"], role=ROLES[one["role"]].label, who=one["by_name"], place=place,
                      at=exports.moment_text(one["at"]), state=STATES[one["state"]], comment=comment,
                      hash=one["hash"][:HASH_SHOWN])


def table(block: Iterable[Mapping[str, Any]], language: str) -> Iterator[list[str]]:
    """A row for each signature that was asked for, under `HEADERS`."""
    for one in block:
        yield [str(one["round"]), ROLES[one["role"]].label.in_(language), STATES[one["state"]].in_(language),
               one["by_name"] or "", one["for_name"] or "", exports.moment_text(one["at"]) if one["at"] else "",
               one["comment"] or "", one["hash"][:HASH_SHOWN]]


def cells(session: Any, spec: RecordType, language: str) -> Any:
    """The function that writes the cells of many records, by their ids."""
    def write(ids: Sequence[int]) -> list[str]:
        found = blocks(session, spec.name, ids)
        return [exports.inert(cell(found[id_], language)) for id_ in ids]
    return write if spec.workflow.approval else None


# Two versions -----------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Difference:
    """Where two signed contents differ: a field, or a cell of a child table's row. A row may be there only once."""

    label: Text
    field: Field
    before: Any
    after: Any


def differences(spec: RecordType, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _of_row(spec.fields, before["fields"], after["fields"], None)
    for name, child in spec.lines.items():
        old, new = before["lines"].get(name, []), after["lines"].get(name, [])
        for index in range(max(len(old), len(new))):
            where = Text(f"{child.label.zh} 第 {index + 1} 行", f"{child.label.en}, row {index + 1}")
            yield from _of_row(child.fields, old[index] if index < len(old) else {},
                               new[index] if index < len(new) else {}, where)


def _of_row(fields: Mapping[str, Field], old: Mapping[str, Any], new: Mapping[str, Any],
            where: Text | None) -> Iterator[Difference]:
    for name, field in fields.items():
        if old.get(name) != new.get(name) and not field.machine:
            label = Text(f"{where.zh} · {field.label.zh}", f"{where.en} · {field.label.en}") if where else field.label
            yield Difference(label, field, old.get(name), new.get(name))
