"""What the drafts of a quarter have in common: one per person, with the figures of what that person did, each of them with
the records behind it and what it was in the quarter before. What people have written on a draft stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from jobs.kpi_rows import Span
from jobs.kpis import COUNT, KPIS, MONEY, PART, WHOLE, Kpi
from jobs.compiling import FURTHER_ON, Made, Task, account_for, forget_evidence, reason
from models.base import Record, insert_from, rounded
from models.reports import Evidence
from models.spec import CALLED_OFF, Invalid, Refused
from rules.act import Act

BATCH = 50           # drafts between two signs of life
BASE, BEFORE = "denominator", "previous"


class Sums(NamedTuple):
    part: Decimal
    whole: Decimal
    records: int


NOTHING = Sums(Decimal(0), Decimal(0), 0)


@dataclass(frozen=True)
class Quarter:
    """The drafts of a type. `whose` says which column of a draft names whose rows are counted; `blank` what stands in
    the texts of a new one until somebody writes them."""

    type_name: str
    figures: Sequence[str]
    whose: Mapping[str, str]            # column of the rows -> column of the draft
    blank: Mapping[str, str]
    header: Mapping[str, tuple[str, str]]   # typed field of the draft -> figure and column that it is filled from

    @property
    def model(self) -> Any:
        return Record.types[self.type_name].model

    @property
    def lines(self) -> Any:
        return Record.types[self.type_name].lines["figures"].model.__table__

    def owner_of(self, draft: Any) -> dict[str, Any]:
        return {name: getattr(draft, one.column) for name, one in draft.spec.fields.items() if one.column in self.whose.values()}

    @property
    def kpis(self) -> list[Kpi]:
        return [KPIS[name] for name in self.figures]


def compile_drafts(task: Task, quarter: Quarter, owners: Sequence[tuple[str, dict[str, Any]]]) -> list[Any]:
    """The drafts of these owners (what they are called, and the fields that say who they are); of one whose draft is
    replaced, nobody else's."""
    made: list[Any] = []
    if task.replaces is not None:
        owners = [(task.replaces.number, quarter.owner_of(task.replaces))]
    for start in range(0, len(owners), BATCH):
        if start:
            task.step(10 + 90 * start // len(owners))
        drafts = list(_drafts(task, quarter, owners[start:start + BATCH]))
        if drafts:
            made += _write(task, quarter, drafts)
    return made


def _drafts(task: Task, quarter: Quarter, owners: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[Any]:
    """Those that are there, locked, and new ones for the others; what was handed in is left as it is."""
    act, spec, period = task.act, quarter.model.spec, str(task.period)
    for called, who in owners:
        columns = {spec.fields[name].column: value for name, value in who.items()}
        found = act.session.scalar(
            sa.select(quarter.model).filter_by(quarter=period, **columns).where(quarter.model.state.not_in(CALLED_OFF))
            .with_for_update(of=quarter.model).execution_options(populate_existing=True))
        if found is not None and found.state != spec.workflow.initial:
            state = spec.workflow.state(found.state).label
            task.left_out.append((called, FURTHER_ON.with_(
                period=period, type=spec.label, number=found.number, state=state)))
        elif found is not None:
            yield found
        else:
            try:
                with act.session.begin_nested():
                    found = act.new(quarter.type_name, quarter=period, **who, **quarter.blank)
                yield found
            except (Refused, Invalid) as no:
                task.left_out.append((called, reason(no)))


def _write(task: Task, quarter: Quarter, drafts: list[Any]) -> list[Any]:
    act, ids = task.act, [draft.id for draft in drafts]
    before = _header(act, quarter, ids)
    act.session.execute(sa.delete(quarter.lines).where(quarter.lines.c.record_id.in_(ids)))
    forget_evidence(act, *drafts)
    now, last = Span.of(task.period, act.now), Span.of(task.period.previous(), act.now)
    rows: list[dict[str, Any]] = []
    for position, kpi in enumerate(quarter.kpis):
        found, earlier = _sums(act, quarter, kpi, now, ids), _sums(act, quarter, kpi, last, ids)
        rows += [{"record_id": id_, "position": position,
                  **_figure(kpi, found.get(id_, NOTHING), earlier.get(id_, NOTHING))} for id_ in ids]
        _keep_evidence(act, quarter, kpi, now, last, ids)
    act.session.execute(sa.insert(quarter.lines), rows)
    act.session.expire_all()
    after = _header(act, quarter, ids)
    for draft in drafts:
        for name in quarter.header:    # what somebody has corrected by hand stays
            if getattr(draft, name) in (None, before.get((draft.id, name))):
                setattr(draft, name, after.get((draft.id, name)))
        account_for(act, draft, {"figures": len(quarter.figures)})
    return [Made(draft.spec, draft.id) for draft in drafts]


def _counted(quarter: Quarter, kpi: Kpi, span: Span, ids: list[int]) -> Any:
    """Draft, type and record, with what it adds."""
    draft, parts = quarter.model.__table__.c, []
    for rows in kpi.rows(span):
        row = rows.query.subquery()
        mine = sa.and_(*(row.c[theirs] == draft[ours] for theirs, ours in quarter.whose.items()))
        parts.append(sa.select(
            draft.id.label("of_id"), sa.literal(rows.model.spec.name).label("type"), row.c.id, row.c.part, row.c.whole,
        ).select_from(quarter.model.__table__.join(row, mine)).where(draft.id.in_(ids)))
    return sa.union_all(*parts).subquery()


def _sums(act: Act, quarter: Quarter, kpi: Kpi, span: Span, ids: list[int]) -> dict[int, Sums]:
    counted = _counted(quarter, kpi, span, ids).c
    typed = next(iter(kpi.rows(span))).query.selected_columns
    part, whole = (sa.type_coerce(sa.func.sum(counted[name]), typed[name].type) for name in (PART, WHOLE))
    return {id_: Sums(Decimal(part), Decimal(whole), records) for id_, part, whole, records in act.session.execute(
        sa.select(counted.of_id, part, whole, sa.func.count()).group_by(counted.of_id))}


def _figure(kpi: Kpi, found: Sums, before: Sums) -> dict[str, Any]:
    is_rate = kpi.unit not in (COUNT, MONEY)
    change = Decimal(found.records - before.records)
    return {
        "section": kpi.name, "caption": kpi.label.zh, "case_count": found.records,
        "amount": found.whole if kpi.unit == MONEY else None,
        "numerator": found.part if is_rate else None, "denominator": found.whole if is_rate else None,
        "rate": rounded(found.part / found.whole, 6) if is_rate and found.whole else None,
        "previous_case_count": before.records, "change_rate": rounded(change / before.records, 6) if before.records else None,
        "is_new": bool(found.records and not before.records), "is_applicable": not is_rate or bool(found.whole)}


def _keep_evidence(act: Act, quarter: Quarter, kpi: Kpi, now: Span, last: Span, ids: list[int]) -> None:
    """A count has its records behind it; a rate those of its part, and of its whole as the denominator."""
    counted, earlier = _counted(quarter, kpi, now, ids).c, _counted(quarter, kpi, last, ids).c
    wanted = [(f"{kpi.name}/{BEFORE}", earlier, sa.true())]
    if kpi.unit in (COUNT, MONEY):
        wanted.append((kpi.name, counted, sa.true()))
    else:
        wanted += [(kpi.name, counted, counted.part > sa.literal(0, sa.Integer)), (f"{kpi.name}/{BASE}", counted, sa.true())]
    for figure, of, which in wanted:
        columns = {"of_type": sa.literal(quarter.type_name), "of_id": of.of_id, "figure": sa.literal(figure),
                   "source_type": of.type, "source_id": of.id}
        insert_from(act.session, Evidence.__table__, list(columns), sa.select(*columns.values()).where(which))


def _header(act: Act, quarter: Quarter, ids: list[int]) -> dict[tuple[int, str], Any]:
    """(draft, field) -> what its figure says."""
    line = quarter.lines.c
    rows = act.session.execute(sa.select(quarter.lines).where(line.record_id.in_(ids))).mappings()
    values = {(row["record_id"], row["section"]): row for row in rows}
    return {(id_, name): _value(values[id_, figure], column) for id_ in ids
            for name, (figure, column) in quarter.header.items() if (id_, figure) in values}


def _value(row: Mapping[Any, Any], column: str) -> Any:
    """A column of the figure, or how many are missing to the whole."""
    return int(row["denominator"] - row["numerator"]) if column == "missing" else row[column]


def aliases(quarter: Quarter) -> dict[str, str]:
    """Fields of the header are other names of the figure that they are filled from."""
    return {name: figure for name, (figure, column) in quarter.header.items() if column != "missing"}
