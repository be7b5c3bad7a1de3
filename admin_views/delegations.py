"""Who signs in my place, and in whose place I sign; the administrator keeps everybody's."""

from __future__ import annotations

from typing import Any

from flask import abort, redirect, request
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import administration, door, signing
from models.base import Record, db
from models.people import Delegation, User
from models.spec import Invalid, Refused
from rules import checks, delegations, inbox, office


class DelegationsView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="委托代签", endpoint="delegations", url="/admin/delegations")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/", methods=["GET", "POST"])
    def index(self) -> Any:
        if request.method in door.SAFE:
            return self._page()
        try:
            self._make()
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            return self._page({path: text.in_(door.language()) for path, text in invalid.errors.items()}, 422)
        door.say("委托已生效，按起止日期执行", "Kept; it holds for the days given")
        return redirect("/admin/delegations/")

    def _make(self) -> None:
        form, me = request.form, door.actor().id
        days = (administration.day_in(form.get("starts_on", ""), "days"), administration.day_in(form.get("ends_on", ""), "days"))
        giver = _person(form.get("from", "")) if door.is_administrator() else me
        delegations.make(door.act(), giver or 0, _person(form.get("to", "")), form.getlist("types"), days,
                         door.clean(form.get("reason", ""), 300))

    @expose("/<int:id_>/end", methods=["POST"])
    def end(self, id_: int) -> Any:
        delegation = db.session.get(Delegation, id_) or abort(404)
        try:
            delegations.end(door.act(), delegation)
            db.session.commit()
        except Refused as refused:
            return door.page(403, refused.reason.in_(door.language()))
        door.say("委托已终止", "Ended")
        return redirect("/admin/delegations/")

    def _page(self, errors: dict[str, str] | None = None, status: int = 200) -> Any:
        who, today = door.actor(), office.today()
        roles = inbox.approval_roles() if door.is_administrator() else who.roles
        kept = [_row(one, who.language, today, bool(delegations.may_delegate_for(who, one.from_id)))
                for one in delegations.kept_by(db.session, who)]
        return self.render(
            "inbox/delegations.html", kept=kept, people=signing.people_to_choose(), errors=errors or {}, given=request.form,
            types=signing.type_labels(delegations.signed_types(roles), who.language), me=who.id), status


def _row(one: Delegation, language: str, today: Any, may_end: bool) -> dict[str, Any]:
    names: list[User] = [one.principal, one.stand_in]
    state = "ended" if one.ended_at else "over" if today > one.ends_on else "ahead" if today < one.starts_on else "holds"
    labels = [Record.types[name].label.in_(language) for name in one.types if name in Record.types]
    return {"id": one.id, "from": names[0].name, "to": names[1].name, "types": labels, "starts_on": one.starts_on,
            "ends_on": one.ends_on, "reason": one.reason, "state": state,
            "may_end": may_end and state in ("holds", "ahead")}


def _person(raw: str) -> int | None:
    try:
        return checks.as_id(raw)
    except checks.Wrong:
        return None
