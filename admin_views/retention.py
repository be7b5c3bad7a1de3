"""What has been kept long enough: lists for the administrator to look through and the quality manager to approve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import abort, redirect, request, send_file
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from admin_views.panels import size_text
from jobs import outbox
from models.base import Record, db
from models.people import User
from models.retention import Archive, LegalHold, RetentionItem, RetentionList
from models.spec import Invalid, Refused, Text
from rules import audit, file_store, registry, retention

SHOWN = 50
TONES = {"proposed": "neutral", "submitted": "going", "approved": "going", "done": "done", "returned": "ended"}
ACTIONS = {retention.ANONYMISE: Text("匿名化", "Anonymise"), retention.ARCHIVE: Text("归档", "Archive")}
STATES = {"open": Text("待处理", "Open"), "done": Text("已处理", "Done"), "kept": Text("保留", "Kept")}


class RetentionView(BaseView):
    """Closed to everybody but those who keep the lists; each act asks rules/retention.py for itself."""

    def __init__(self) -> None:
        super().__init__(name="保存期满", endpoint="retention", url="/admin/retention")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        if not current_user.is_authenticated:
            return door.login.unauthorized()
        verdict = retention.may(door.actor(), "see")
        return door.page(403, verdict.reason.in_(door.language())) if verdict.reason is not None else None

    # Looking ------------------------------------------------------------------------------------------------------

    @expose("/")
    def index(self) -> Any:
        return self._page()

    def _page(self, errors: dict[str, Text] | None = None, status: int = 200) -> Any:
        language = door.language()
        lists = db.session.scalars(sa.select(RetentionList).order_by(RetentionList.id.desc()).limit(SHOWN)).all()
        counts = dict(db.session.execute(sa.select(RetentionItem.list_id, sa.func.count()).where(
            RetentionItem.list_id.in_([one.id for one in lists])).group_by(RetentionItem.list_id)).all())
        return self.render(
            "retention.html", lists=[(one, counts.get(one.id, 0), *_state(one, language)) for one in lists],
            holds=[_hold(one, language) for one in db.session.scalars(
                sa.select(LegalHold).where(LegalHold.released_at.is_(None)).order_by(LegalHold.id))],
            types=[(spec.name, spec.label.in_(language)) for spec in registry.types().values()],
            may_prepare=retention.may(door.actor(), "prepare"), given=request.form,
            errors={path: text.in_(language) for path, text in (errors or {}).items()}), status

    @expose("/<int:id_>/")
    def shown(self, id_: int) -> Any:
        return self._list(id_)

    def _list(self, id_: int, problem: str = "", status: int = 200) -> Any:
        list_, who = retention.find(db.session, door.as_id(id_)) or abort(404), door.actor()
        items = db.session.scalars(sa.select(RetentionItem).where(RetentionItem.list_id == list_.id)
                                   .order_by(RetentionItem.type, RetentionItem.id)).all()
        people = dict(db.session.execute(sa.select(User.id, User.name).where(
            User.id.in_([list_.submitted_by_id, list_.decided_by_id]))).all())
        archives = db.session.scalars(sa.select(Archive).where(Archive.list_id == list_.id).order_by(Archive.id)).all()
        return self.render(
            "retention_list.html", list=list_, state=_state(list_, who.language), problem=problem, people=people,
            items=[_item(one, who.language) for one in items], open=sum(one.state == "open" for one in items),
            archives=[(one.id, _name(one, who.language), one.record_count, size_text(one.size), one.sha256) for one in archives],
            may_prepare=retention.may(who, "prepare", list_), may_decide=retention.may(who, "decide", list_)), status

    # Acting -------------------------------------------------------------------------------------------------------

    @expose("/propose", methods=["POST"])
    def propose(self) -> Any:
        list_ = retention.propose(door.act())
        if list_ is None:
            door.say(*retention.NOTHING, category="info")
            return redirect("/admin/retention/")
        db.session.commit()
        return redirect(f"/admin/retention/{list_.id}/")

    @expose("/<int:id_>/leave-out", methods=["POST"])
    def leave_out(self, id_: int) -> Any:
        chosen = [int(one) for one in request.form.getlist("items")[:retention.MOST] if one.isascii() and one.isdigit()]
        reason = door.clean(request.form.get("reason", ""), 500)
        return self._do(id_, lambda act, list_: retention.leave_out(act, list_, chosen, reason))

    @expose("/<int:id_>/submit", methods=["POST"])
    def submit(self, id_: int) -> Any:
        return self._do(id_, retention.submit)

    @expose("/<int:id_>/<any(approve, return):decision>", methods=["POST"])
    def decide(self, id_: int, decision: str) -> Any:
        comment = door.clean(request.form.get("comment", ""), 500)
        answer = self._do(id_, lambda act, list_: retention.decide(
            act, list_, is_approved=decision == "approve", comment=comment))
        outbox.dispatch_now()
        return answer

    def _do(self, id_: int, what: Callable[[Any, RetentionList], Any]) -> Any:
        list_ = retention.find(db.session, door.as_id(id_), lock=True) or abort(404)
        try:
            what(door.act(), list_)
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            return self._list(id_, " ".join(text.in_(door.language()) for text in invalid.errors.values()), 422)
        except Refused as no:
            db.session.rollback()
            return self._list(id_, no.reason.in_(door.language()), 409 if no.stale else 403)
        door.say("已办理", "Done")
        return redirect(f"/admin/retention/{id_}/")

    # Holds and archives -------------------------------------------------------------------------------------------

    @expose("/holds", methods=["POST"])
    def hold(self) -> Any:
        form = request.form
        try:
            retention.hold(door.act(), form.get("type", ""), door.clean(form.get("number", "")),
                           door.clean(form.get("reason", ""), 500))
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            return self._page(invalid.errors, 422)
        door.say("已冻结", "The hold is set")
        return redirect("/admin/retention/")

    @expose("/holds/<int:id_>/release", methods=["POST"])
    def release(self, id_: int) -> Any:
        hold = db.session.get(LegalHold, door.as_id(id_)) or abort(404)
        try:
            retention.release(door.act(), hold, door.clean(request.form.get("reason", ""), 500))
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            return self._page({"release": next(iter(invalid.errors.values()))}, 422)
        door.say("已解除冻结", "The hold is released")
        return redirect("/admin/retention/")

    @expose("/archives/<int:id_>", methods=["POST"])
    def archive(self, id_: int) -> Any:
        """Whole records leave: it is written down before the first byte does."""
        archive = db.session.get(Archive, door.as_id(id_)) or abort(404)
        if not file_store.path_of(archive.sha256).is_file():
            return door.page(404, Text("归档文件不见了", "The archive is gone").in_(door.language()))
        name, sha256 = f"{archive.year}-{archive.type}-{archive.id}.zip", archive.sha256
        audit.note(db.session, door.act(), "export", archive.type, changes={"archive": archive.id, "format": "zip"})
        db.session.commit()
        return send_file(file_store.path_of(sha256), mimetype="application/zip", as_attachment=True, download_name=name)


def _state(list_: RetentionList, language: str) -> tuple[str, str]:
    return retention.STATES[list_.state].in_(language), TONES[list_.state]


def _hold(hold: LegalHold, language: str) -> dict[str, Any]:
    spec = Record.types[hold.type]
    number = db.session.scalar(sa.select(spec.model.number).where(spec.model.id == hold.record_id))
    return {"id": hold.id, "type": spec.label.in_(language), "number": number or f"#{hold.record_id}", "reason": hold.reason,
            "at": hold.set_at, "href": f"/admin/{hold.type}/details/?id={hold.record_id}"}


def _item(item: RetentionItem, language: str) -> dict[str, Any]:
    spec = Record.types[item.type]
    return {"id": item.id, "type": spec.label.in_(language), "number": item.number or f"#{item.record_id}",
            "ended_on": item.ended_on, "years": spec.retention_years, "action": ACTIONS[item.action].in_(language),
            "state": STATES[item.state].in_(language), "is_open": item.state == "open",
            "reason": (item.reason_en if language == "en" else item.reason_zh) or "",
            "href": f"/admin/{item.type}/details/?id={item.record_id}"}


def _name(archive: Archive, language: str) -> str:
    return f"{archive.year} · {Record.types[archive.type].label.in_(language)}"
