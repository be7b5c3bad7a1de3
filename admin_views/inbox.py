"""The inbox of signatures: what waits for me, one after another or several at once, by the rules of every other door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort, redirect, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door, list_rows, pages, signing
from models.base import Record, db
from models.history import Signature
from models.spec import ROLES, Invalid, Move, Refused, Text
from rules import approvals, exports, inbox, moves, office, records
from rules.inbox import Waiting

LAST_PAGE = 10_000
NOTHING_CHOSEN = Text("请先勾选要签署的记录", "Tick what you want to sign first")
NO_LONGER = Text("这一步已不再等您签署", "This signature is no longer asked of you")
NOT_SEEN = Text("没有这条记录，或您不能查看", "No such record, or not yours to see")


@dataclass(frozen=True)
class Result:
    """How it went with one of several records."""

    href: str
    name: str
    reason: str      # empty: signed


class InboxView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="待我签署", endpoint="inbox", url="/admin/inbox")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        return self._page()

    def _page(self, problem: str = "", status: int = 200) -> Any:
        who, page, now = door.actor(), door.page_number(last=LAST_PAGE), office.now()
        total, shown = inbox.count(db.session, who), inbox.waiting(db.session, who, page)
        escalated = inbox.escalated(db.session, who) if page == 1 else []
        return self.render(
            "inbox/list.html", rows=[row_of(one, who.language, now) for one in shown], problem=problem, page=page,
            total=f"{inbox.COUNT_LIMIT:,}+" if total > inbox.COUNT_LIMIT else f"{total:,}",
            has_next=total > page * inbox.PAGE_SIZE, escalated=[row_of(one, who.language, now) for one in escalated]), status

    # One after another ------------------------------------------------------------------------------------------------

    @expose("/<int:id_>/", methods=["GET", "POST"])
    def one(self, id_: int) -> Any:
        signature = db.session.get(Signature, id_) or abort(404)
        is_look = request.method in door.SAFE
        record = _record(signature, lock=not is_look) or abort(404)
        if is_look:
            return self._one(signature, record)
        following = inbox.neighbours(db.session, door.actor(), signature)[1]
        try:
            self._decide(signature, record)
            db.session.commit()
        except (Refused, Invalid) as problem:
            return self._again(id_, problem)
        door.say(f"{record.number or ''} 已办理", f"{record.number or ''} done")
        return redirect(f"/admin/inbox/{following}/" if following else "/admin/inbox/")

    def _decide(self, signature: Signature, record: Any) -> None:
        name = request.form.get("move", "")
        if name not in [move.name for move in record.spec.workflow.signing_moves(record.state)]:
            raise Refused(NO_LONGER)
        act = door.act(door.clean(request.form.get("comment", ""), 2000))
        answer(act, signature, record, name, _whole(request.form.get("revision", "")), request.form.get("back_to", ""))

    def _again(self, id_: int, problem: Refused | Invalid) -> Any:
        """The page as it stands now, with what was typed."""
        db.session.rollback()
        signature = db.session.get(Signature, id_)
        texts = problem.errors.values() if isinstance(problem, Invalid) else [problem.reason]
        status = 422 if isinstance(problem, Invalid) else 409 if problem.stale else 403
        words = " ".join(text.in_(door.language()) for text in texts)
        return self._one(signature, _record(signature) or abort(404), problem=words, given=request.form), status

    def _one(self, signature: Signature, record: Any, **more: Any) -> Any:
        act = door.act()
        hand = approvals.hand(db.session, door.actor(), record, returns=True)
        is_mine = bool(hand.verdict) and hand.asked is not None and hand.asked.id == signature.id
        reason = None if is_mine else hand.verdict.reason or NO_LONGER
        before, after = inbox.neighbours(db.session, door.actor(), signature)
        shown, signing_moves = pages.details(act, record), record.spec.workflow.signing_moves(record.state)
        closed = {button.name: button.reason for button in shown["buttons"]}
        return self.render(
            "inbox/one.html", **{**shown, "problem": "", **more}, signature=signature, compared=signing.compared(act, record),
            rounds=signing.rounds(act, record), because=signing.because(signature, door.language()),
            role=ROLES[signature.role].label.in_(door.language()),
            in_place_of=hand.principal.name if is_mine and hand.principal else "",
            reason=reason.in_(door.language()) if reason else "",
            decisions=[move for move in signing_moves if closed.get(move.name) == ""] if is_mine else [],
            closed=[(move.label.in_(door.language()), closed[move.name]) for move in signing_moves
                    if is_mine and closed.get(move.name)],
            steps_back=signing.steps_back(act, record) if is_mine else [], before=before, after=after)

    # Several at once --------------------------------------------------------------------------------------------------

    @expose("/sign", methods=["POST"])
    def sign(self) -> Any:
        """Each record by itself: what cannot be signed is told, and takes nothing from the others."""
        chosen = list(dict.fromkeys(_chosen()))[:inbox.PAGE_SIZE]
        if not chosen:
            return self._page(NOTHING_CHOSEN.in_(door.language()), 422)
        comment = door.clean(request.form.get("comment", ""), 2000)
        results = [_signed(id_, revision, comment) for id_, revision in chosen]
        return self.render("inbox/results.html", results=results, failed=sum(bool(one.reason) for one in results))


def answer(act: Any, signature: Signature, record: Any, name: str, revision: int | None, back_to: str = "") -> None:
    """Give the signature that was shown, and no other of the same round."""
    approvals.hold(act, record)
    asked = approvals.hand(act.session, act.actor, record, returns=True)
    if asked.verdict and asked.asked is not None and asked.asked.id != signature.id:
        raise Refused(NO_LONGER)
    moves.make(act, record, name, revision=revision or 0, back_to=back_to)


def _signed(id_: int, revision: int, comment: str) -> Result:
    signature = db.session.get(Signature, id_)
    record = _record(signature, lock=True) if signature is not None else None
    if signature is None or record is None:
        db.session.rollback()
        return Result("", f"#{id_}", NOT_SEEN.in_(door.language()))
    name, href = record.number or f"#{record.id}", f"/admin/{record.spec.name}/details/?id={record.id}"
    try:
        answer(door.act(comment), signature, record, _signing(record).name, revision)
        db.session.commit()
    except (Refused, Invalid) as problem:
        db.session.rollback()
        texts = problem.errors.values() if isinstance(problem, Invalid) else [problem.reason]
        return Result(href, name, " ".join(text.in_(door.language()) for text in texts))
    return Result(href, name, "")


def _signing(record: Any) -> Move:
    found = next((move for move in record.spec.workflow.signing_moves(record.state) if not move.comment), None)
    if found is None:
        raise Refused(NO_LONGER)
    return found


def _record(signature: Any, *, lock: bool = False) -> Any:
    spec = Record.types.get(signature.type)
    return records.find(db.session, door.actor(), spec, signature.record_id, lock=lock) if spec else None


def row_of(one: Waiting, language: str, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id, "revision": one.revision, "type": Record.types[one.type].label.in_(language), "number": one.number,
        "title": one.title, "role": ROLES[one.role].label.in_(language), "because": signing.because(one, language),
        "in_place_of": one.in_place_of or "", "submitted_by": one.submitted_by or "",
        "asked_at": exports.moment_text(one.asked_at), "due_at": exports.moment_text(one.due_at),
        "is_late": one.due_at < now, "is_soon": one.due_at < now + office.DAY,
        "left": list_rows.left_text(one.due_at - now, language),
        "is_escalated": one.escalated_at is not None, "amount": "" if one.amount is None else f"{one.amount:,.2f}",
        "round": one.round, "record": f"/admin/{one.type}/details/?id={one.record_id}"}


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 18 else None


def _chosen() -> Iterator[tuple[int, int]]:
    """`id:revision` of each row that was ticked."""
    for text in request.form.getlist("chosen"):
        id_, _, revision = text.partition(":")
        if _whole(id_) is not None and _whole(revision) is not None:
            yield int(id_), int(revision)
