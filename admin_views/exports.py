"""The files that somebody had a job write: how far they are, where they are, and until when."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import abort, jsonify, send_file
from flask_admin import BaseView, expose
from flask_login import current_user

from admin_views import door
from admin_views.panels import size_text
from jobs import progress
from models.base import db, set_reading
from models.spec import Refused, Text
from models.transfers import Export
from rules import export_files, file_store, office, registry, transfers

SHOWN = 50
STATES = {"queued": Text("生成中", "Being written"), "done": Text("可下载", "Ready"), "failed": Text("失败", "Failed"),
          "expired": Text("已过期", "Expired")}


class ExportsView(BaseView):
    def __init__(self) -> None:
        super().__init__(name="我的导出", endpoint="exports", url="/admin/exports")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        found = db.session.scalars(sa.select(Export).where(Export.asked_by_id == door.actor().id)
                                   .order_by(Export.id.desc()).limit(SHOWN))
        return self.render("exports.html", exports=[_shown(one) for one in found])

    @expose("/<int:id_>.json")
    def standing(self, id_: int) -> Any:
        shown = _shown(self._mine(id_))
        records = [(shown["href"], shown["file"])] if shown["href"] else []
        return jsonify({**{key: shown[key] for key in ("state", "state_label", "progress", "error")}, "records": records})

    @expose("/<int:id_>/file")
    def file(self, id_: int) -> Any:
        export = self._mine(id_)
        spec = registry.type_named(export.type) or abort(404)
        set_reading(False)
        db.session.rollback()   # that it was fetched is written down
        try:
            sha256 = transfers.hand_out(door.act(), self._mine(id_), spec)
        except Refused as refused:
            return door.page(403, refused.reason.in_(door.language()))
        day, format_ = office.local(export.finished_at).date(), export.format
        db.session.commit()
        if not file_store.path_of(sha256).is_file():
            return door.page(404, transfers.GONE.in_(door.language()))
        answer = send_file(file_store.path_of(sha256), mimetype=export_files.FORMATS[format_].partition(";")[0])
        answer.headers["Content-Disposition"] = export_files.disposition(
            spec.name, export_files.file_name(spec, door.language(), day, format_))
        return answer

    def _mine(self, id_: int) -> Export:
        return transfers.own_export(db.session, door.actor(), door.as_id(id_)) or abort(404)


def _shown(export: Export) -> dict[str, Any]:
    spec, language = registry.type_named(export.type), door.language()
    label = spec.label.in_(language) if spec else export.type
    is_there = export.state == "done" and export.expires_at > office.now()
    state = export.state if is_there or export.state != "done" else "expired"
    return {
        "id": export.id, "label": label, "format": export.format.upper(), "state": state,
        "state_label": STATES[state].in_(language), "asked_at": export.asked_at, "expires_at": export.expires_at,
        "total": export.total, "size": size_text(export.size) if is_there else "",
        "progress": (progress.heard("export", export.id) or 0) if state == "queued" else 100,
        "error": (export.error_zh if language == "zh" else export.error_en) or "",
        "href": f"/admin/exports/{export.id}/file" if is_there else "",
        "file": f"{label} · {export.format.upper()} · {export.total:,}",
    }
