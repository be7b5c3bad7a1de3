"""Writing: what JSON says -> the rules that every door uses. Nothing here decides what may be kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api import answers, cost
from api.answers import Failure, forbidden, wrong_payload
from models.spec import VOID, Invalid, RecordType, Refused, Text
from rules import access, checks, lists, moves, records
from rules.act import Act

NOT_OBJECT = Text("应为一个对象", "An object is needed")
NOT_LIST = Text(f"应为 1 至 {cost.BATCH} 项的列表", f"A list of 1 to {cost.BATCH} entries is needed")
NOT_KEYS = Text("keys 应为编号（id）的列表，不能重复", "keys is a list of ids, each once")
KEYS_OR_QUERY = Text("请用 keys 或带条件的 query 指明记录", "Name the records by keys, or by a query with a filter")
UNKNOWN_WORD = Text("这里没有“{name}”", "“{name}” is not known here")
LACKS = Text("缺少“{name}”", "“{name}” is missing")
NOT_TEXT = Text("“{name}”应为文字", "“{name}” is a text")
NOT_REVISION = Text("revision 应为整数", "revision is a whole number")
NO_VOID = Text("当前状态为“{state}”，不能作废", "In the state “{state}” it cannot be called off")
BASE = {*lists.BASE, "id", "revision", "updated_by"}
LONGEST_COMMENT = 2_000


# The form of what was sent ----------------------------------------------------------------------------------------

def row(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise wrong_payload(NOT_OBJECT)
    return given


def batch(given: Any) -> list[Any]:
    if not isinstance(given, list) or not 1 <= len(given) <= cost.BATCH:
        raise wrong_payload(NOT_LIST)
    return given


def only(given: Any, known: Sequence[str], *needed: str) -> dict[str, Any]:
    """An object with these words and no others."""
    told = row(given)
    for name in told:
        if name not in known:
            raise wrong_payload(UNKNOWN_WORD.with_(name=name[:60]))
    for name in needed:
        if name not in told:
            raise wrong_payload(LACKS.with_(name=name))
    return told


def text(given: Any, name: str) -> str:
    if given is not None and not isinstance(given, str):
        raise wrong_payload(NOT_TEXT.with_(name=name))
    return checks.without_controls(given or "").strip()[:LONGEST_COMMENT]


def revision(given: Any, from_header: int | None) -> int | None:
    if given is None:
        return from_header
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 10**9:
        raise Invalid({"revision": NOT_REVISION})
    return given


def keys(given: Any) -> list[int]:
    try:
        found = [checks.as_id(key) for key in batch(given)]
    except checks.Wrong:
        raise wrong_payload(NOT_KEYS) from None
    if len(set(found)) != len(found):
        raise wrong_payload(NOT_KEYS)
    return found


def with_ids(rows: Sequence[Any]) -> list[tuple[int, dict[str, Any]]]:
    ids = keys([row(one).get("id") for one in rows])
    return [(id_, {name: value for name, value in one.items() if name != "id"})
            for id_, one in zip(ids, rows, strict=True)]


# Acts -------------------------------------------------------------------------------------------------------------

def allow_creating(actor: access.Actor, spec: RecordType) -> None:
    answers.allow(access.may(actor, "create", spec))


def found(act: Act, spec: RecordType, id_: int, *, lock: bool = False) -> Any:
    record = records.find(act.session, act.actor, spec, id_, lock=lock)
    if record is None:
        raise forbidden()
    return record


def create(act: Act, spec: RecordType, rows: Sequence[Any], *, is_list: bool) -> list[int]:
    made = []
    for index, raw in enumerate(rows):
        with _Placed(index, is_list):
            entered = _entered(spec, row(raw))
            made.append(records.create(act, spec, entered).id)
    return made


def edit(act: Act, spec: RecordType, pairs: Sequence[tuple[int, dict[str, Any]]], seen: int | None, *,
         is_list: bool = False) -> list[int]:
    """All are locked first, in one order, so that two batches wait for each other instead of for ever."""
    locked = {id_: found(act, spec, id_, lock=True) for id_ in sorted(id_ for id_, _ in pairs)}
    for index, (id_, raw) in enumerate(pairs):
        with _Placed(index, is_list):
            records.edit(act, locked[id_], seen, _entered(spec, raw))
    return [id_ for id_, _ in pairs]


def void(act: Act, spec: RecordType, ids: Sequence[int], seen: int | None) -> None:
    locked = {id_: found(act, spec, id_, lock=True) for id_ in sorted(ids)}
    for index, id_ in enumerate(ids):
        with _Placed(index, len(ids) > 1):
            record = locked[id_]
            move = next((move for move in spec.workflow.moves_from(record.state) if move.to in (VOID, "cancelled")), None)
            if move is None:
                state = spec.workflow.state(record.state)
                raise Refused(NO_VOID.with_(state=state.label if state else record.state))
            moves.make(act, record, move.name, revision=seen)


class _Placed:
    """What is wrong with one record of a list says which."""

    def __init__(self, index: int, is_list: bool) -> None:
        self.index = index if is_list else None

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if self.index is None:
            return
        failure: Failure | None = None
        if isinstance(error, Invalid):
            failure = answers.of_invalid(error, self.index)
        elif isinstance(error, Refused):
            failure = answers.of_refusal(error)
            failure.errors = [(code, message, {**more, "index": self.index}) for code, message, more in failure.errors]
        if failure is not None:
            raise failure from error


def _entered(spec: RecordType, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What nobody types is refused, also in the rows of tables, where forms just leave it out."""
    errors = {name: checks.READ_ONLY.with_(label=lists.column_field(spec, name).label if name in lists.BASE else name)
              for name in raw if name in BASE and name not in spec.fields}
    for name, child in spec.lines.items():
        if isinstance(raw.get(name), list):
            for index, line in enumerate(raw[name]):
                for key in line if isinstance(line, Mapping) else ():
                    if key in child.fields and not child.fields[key].typed:
                        errors[f"{name}-{index}-{key}"] = checks.READ_ONLY.with_(label=child.fields[key].label)
    checks.refuse(errors)
    return raw
