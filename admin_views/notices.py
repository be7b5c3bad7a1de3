"""What the signed-in person was told: the list behind the bell, and what of it comes by mail too."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from models.base import Record, db
from rules import notices, office

LAST_PAGE = 1000
# Where to go with what is about no record.
PLACES = {"retention": "/admin/retention/", "job_failed": "/admin/jobs/"}


class NoticesView(BaseView):
    """Everybody's own."""

    def __init__(self) -> None:
        super().__init__(name="提醒", endpoint="notices", url="/admin/notices")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        who, page = door.actor(), door.page_number(last=LAST_PAGE)
        only_unread = request.args.get("show") != "all"
        found, has_next = notices.of(db.session, who, page, only_unread=only_unread)
        wanted = notices.choices(db.session, who)
        return self.render(
            "notices.html", notices=[_row(one, who.language) for one in found], page_number=page, has_next=has_next,
            only_unread=only_unread, newest=max((one.notice.id for one in found), default=0),
            kinds=[(name, kind.label.in_(who.language), wanted[name]) for name, kind in notices.KINDS.items()],
            is_mailing=notices.is_mailing(), mail_address=current_user.email)

    @expose("/read", methods=["POST"])
    def read_all(self) -> Any:
        """All that were there when the list was shown."""
        notices.read_all(db.session, door.actor(), door.as_id(request.form.get("upto", "")), office.now())
        db.session.commit()
        return redirect("/admin/notices/")

    @expose("/<int:id_>/read", methods=["POST"])
    def read(self, id_: int) -> Any:
        if not notices.read_one(db.session, door.actor(), door.as_id(id_), office.now()):
            abort(404)
        db.session.commit()
        return redirect("/admin/notices/")

    @expose("/choices", methods=["POST"])
    def choose(self) -> Any:
        notices.choose(door.act(), request.form.getlist("kinds"))
        db.session.commit()
        door.say("已保存", "Saved")
        return redirect("/admin/notices/")


def _row(shown: notices.Shown, language: str) -> dict[str, Any]:
    one, spec = shown.notice, Record.types.get(shown.notice.type or "")
    href = PLACES.get(one.kind, "") if spec is None else ""
    if shown.number is not None:
        href = f"/admin/{one.type}/details/?id={one.record_id}"
    return {"id": one.id, "text": one.en if language == "en" else one.zh, "at": one.created_at, "is_new": one.read_at is None,
            "kind": notices.KINDS.get(one.kind, notices.OTHER).label.in_(language), "href": href,
            "type": spec.label.in_(language) if spec else "", "number": shown.number or ""}
