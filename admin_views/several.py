"""Several records at once: a move, one field, or on paper. Each by itself and by the rules of its own page, with a result
per record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import redirect, request
from flask_admin import BaseView, expose

from admin_views import door, list_page, list_rows, pages
from models.base import db
from models.spec import SIGNER, Field, Invalid, Kind, Move, RecordType, Refused, Text
from rules import access, checks, lists, moves, records

MOST = max(lists.PAGE_SIZES)
NOTHING_CHOSEN = Text("请先勾选要办理的记录", "Tick the records first")
NOT_SEEN = Text("没有这条记录，或您不能查看", "No such record, or not yours to see")
NO_VALUE = Text("请填写“{label}”，或勾选“清空”", "Fill in “{label}”, or tick “empty it”")
NOT_HERE = Text("不能这样成批办理", "This is not done to several at once")


@dataclass(frozen=True)
class Result:
    """How it went with one of them."""

    href: str
    name: str
    reason: str      # empty: done


@dataclass(frozen=True)
class Possible:
    """A move that at least one of the chosen can make: how many can, and what they ask."""

    name: str
    label: str
    count: int
    asks: list[dict[str, Any]]
    needs_comment: bool
    ends: bool


class Several(BaseView):
    """Mixed into the view of a record type."""

    spec: RecordType

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        raise NotImplementedError

    @expose("/bulk", methods=["POST"])
    def bulk(self) -> Any:
        """First what can be done with those that were ticked; then, with `do`, how it went with each."""
        chosen = list(dict.fromkeys(_chosen()))[:MOST]
        if not chosen:
            return self._offer([], NOTHING_CHOSEN, 422)
        act, _, name = request.form.get("do", "").partition(":")
        if act == "print":
            return self._printed(chosen)
        if act == "move" and (move := self.spec.workflow.move(name)) is not None and SIGNER not in move.by:
            return self._results(move.label, [self._moved(id_, revision, move) for id_, revision in chosen])
        field = next((one for one in changeable(self.spec, door.actor()) if one.name == name), None)
        if act == "edit" and field is not None:
            value = _given(field)
            if value in ("", []) and not request.form.get("clear"):
                return self._offer(chosen, NO_VALUE.with_(label=field.label), 422, field)
            return self._results(field.label, [self._edited(id_, revision, field, value) for id_, revision in chosen])
        if act in ("", "field"):
            return self._offer(chosen, None, 200, field)
        return self._offer(chosen, NOT_HERE, 422)

    def _printed(self, chosen: Sequence[tuple[int, int]]) -> Any:
        """All of them as one PDF; if some are not this person's to see it is said first, with the way to print the rest."""
        found = records.find_all(db.session, door.actor(), self.spec, [id_ for id_, _ in chosen])
        if len(found) < len(chosen):
            return self._offer(chosen, None, 200)
        return redirect(_paper(self.spec, found))

    def _offer(self, chosen: Sequence[tuple[int, int]], problem: Text | None, status: int, field: Field | None = None) -> Any:
        language, act = door.language(), door.act()
        found = [record for id_, _ in chosen
                 if (record := records.find(db.session, door.actor(), self.spec, id_)) is not None]
        fields = changeable(self.spec, door.actor()) if found else []
        return self.render(
            "record/several.html", spec=self.spec, chosen=chosen, back=_back(),
            problem=problem.in_(language) if problem else "", gone=len(chosen) - len(found),
            rows=[(record, list_rows.state_text(self.spec, record.state, language), list_rows.tone(self.spec, record.state))
                  for record in found],
            moves=_possible(act, found), paper=_paper(self.spec, found), fields_=[(one.name, one.label.in_(language)) for one in fields],
            asked=pages.asked(door.actor(), field, None, language) if field else None), status

    def _results(self, label: Text, results: list[Result]) -> Any:
        return self.render("record/several_done.html", spec=self.spec, label=label.in_(door.language()), results=results,
                           failed=sum(bool(one.reason) for one in results), back=_back())

    def _moved(self, id_: int, revision: int, move: Move) -> Result:
        def make(act: Any, record: Any) -> None:
            lacking = moves.lacking(record, move)
            given = {name: value for name in move.requires if name in lacking and name in self.spec.fields
                     and (value := _given(self.spec.fields[name])) not in ("", [])}
            moves.make(act, record, move.name, revision=revision, fields=given)
        return self._one(id_, make)

    def _edited(self, id_: int, revision: int, field: Field, value: Any) -> Result:
        return self._one(id_, lambda act, record: records.edit(act, record, revision, {field.name: value}))

    def _one(self, id_: int, do: Any) -> Result:
        """One record, one transaction: what is refused is told, and takes nothing from the others."""
        record = records.find(db.session, door.actor(), self.spec, id_, lock=True)
        if record is None:
            db.session.rollback()
            return Result("", f"#{id_}", NOT_SEEN.in_(door.language()))
        href, name = f"/admin/{self.spec.name}/details/?id={id_}", record.number or f"#{id_}"
        try:
            do(door.act(door.clean(request.form.get("comment", ""), 2000)), record)
            name = record.number or name
            db.session.commit()
        except (Refused, Invalid) as problem:
            db.session.rollback()
            texts = problem.errors.values() if isinstance(problem, Invalid) else [problem.reason]
            return Result(href, name, " ".join(text.in_(door.language()) for text in texts))
        return Result(href, name, "")


def changeable(spec: RecordType, actor: access.Actor) -> list[Field]:
    """The fields that the form lets its writers type, which several records can share."""
    closed = checks.read_only(spec)
    writes = access.letters(actor, spec) & {"E"}
    return [field for name, field in spec.fields.items() if writes and name not in closed and not field.machine
            and not field.unique and field.kind is not Kind.FILE and not lists.is_masked(spec, actor, name)]


def _possible(act: Any, found: Sequence[Any]) -> list[Possible]:
    """The moves that are open to the person now, in the order of the type."""
    offers: dict[str, list[moves.Offer]] = {}
    for record in found:
        for offer in moves.offered(act, record):
            if offer.is_mine and offer.reason is None and SIGNER not in offer.move.by:
                offers.setdefault(offer.move.name, []).append(offer)
    language = act.actor.language
    return [_several(act, offers[move.name], language) for move in found[0].spec.workflow.moves if move.name in offers] \
        if found else []


def _several(act: Any, offers: Sequence[moves.Offer], language: str) -> Possible:
    move = offers[0].move
    asks = {field.name: field for offer in offers for field in offer.asks if field.kind is not Kind.FILE}
    return Possible(move.name, move.label.in_(language), len(offers),
                    [pages.asked(act.actor, field, None, language) for field in asks.values()],
                    move.comment, move.calls_off or move.comment)


def _paper(spec: RecordType, found: Sequence[Any]) -> str:
    return f"/admin/{spec.name}/print/?" + urlencode([("id", record.id) for record in found])


def _given(field: Field) -> Any:
    many = field.kind is Kind.MULTICHOICE
    return request.form.getlist(field.name) if many else request.form.get(field.name, "")


def _chosen() -> Iterator[tuple[int, int]]:
    """`id:revision` of each row that was ticked."""
    for text in request.form.getlist("chosen"):
        id_, _, revision = text.partition(":")
        if id_.isascii() and id_.isdecimal() and len(id_) < 19 and revision.isascii() and revision.isdecimal() \
                and len(revision) < 10:
            yield int(id_), int(revision)


def _back() -> str:
    """The list as it was, to go back to."""
    given = request.form.get("back", "")
    return list_page.link(list_page.read_again(given))
