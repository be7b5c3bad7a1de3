"""One field of one row, changed in the list itself by the rules of the form. Part of every type's view."""

from __future__ import annotations

from typing import Any

from flask import abort, jsonify, redirect, request
from flask_admin import BaseView, expose

from admin_views import door, list_page, list_rows, pages
from forms.record_form import typed_text
from models.base import db
from models.spec import Field, Invalid, RecordType, Refused, Text
from rules import access, inline, lists, records

NOW_SAYS = Text("现在是“{value}”；再保存一次即以您填写的为准", "It says “{value}” now: save again to have what you typed")
NOTHING = Text("空", "nothing")
ELSEWHERE = Text("请打开记录，在表单中一并修改。", "Open the record and mend both on its form.")


class Inline(BaseView):
    """Mixed into the view of a record type."""

    spec: RecordType

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        raise NotImplementedError

    def _revision(self) -> int | None:
        raise NotImplementedError

    @expose("/<int:id_>/cell/<name>", methods=["GET", "POST"])
    def cell(self, id_: int, name: str) -> Any:
        """The input of one cell, and what becomes of what was typed into it."""
        field = inline.fields(self.spec, door.actor()).get(name) or abort(404)
        is_sent = request.method not in door.SAFE
        record = self._record(id_, lock=is_sent)
        typed = request.form.get(field.name, "") if is_sent else None
        verdict = access.may(door.actor(), "edit", self.spec, record)
        if verdict.reason is not None:
            return self._cell(record, field, typed, 403, verdict.reason)
        if typed is not None:
            return self._change(record, field, typed)
        return self._cell(record, field, typed_text(field, getattr(record, field.column)), 200)

    def _change(self, record: Any, field: Field, typed: str) -> Any:
        id_ = record.id
        try:
            records.edit(door.act(), record, self._revision() or 0, {field.name: typed})
            db.session.commit()
        except Invalid as invalid:
            elsewhere = [ELSEWHERE] if set(invalid.errors) - {field.name} else []
            return self._again(id_, field, typed, 422, *invalid.errors.values(), *elsewhere)
        except Refused as refused:
            return self._again(id_, field, typed, 409 if refused.stale else 403, refused.reason)
        if request.accept_mimetypes.best == "application/json":
            return jsonify(row=self._row(id_), revision=record.revision)
        return redirect(f"/admin/{self.spec.name}/{_back()}")

    def _again(self, id_: int, field: Field, typed: str, status: int, *sentences: Text) -> Any:
        """What was typed stays, with what is wrong about it; after somebody else's change also with what now stands."""
        db.session.rollback()
        record = self._record(id_)
        if status == 409:
            present = pages.value_text(field, getattr(record, field.column), door.language())
            sentences = (*sentences, NOW_SAYS.with_(value=present or NOTHING))
        return self._cell(record, field, typed, status, *sentences)

    def _cell(self, record: Any, field: Field, typed: Any, status: int, *sentences: Text) -> Any:
        language = door.language()
        ask = pages.asked(door.actor(), field, {field.name: typed}, language) if typed is not None else None
        return self.render(
            "record/cell.html", spec=self.spec, record=record, field=field, ask=ask, back=_back(),
            sentence=" ".join(text.in_(language) for text in sentences)), status

    def _row(self, id_: int) -> str:
        """The row as the list shows it now, in the columns that the list had; nothing once it is out of sight."""
        who, language = door.actor(), door.language()
        columns, _ = list_page.columns_of(self.spec, dict(list_page.read_again(_back())).get("cols", ""), language)
        plan = list_rows.list_plan(self.spec, who, language, columns)
        query = access.visible(lists.select(self.spec, plan.columns, [self.spec.model.id == id_], []), who, self.spec)
        return plan.cells(db.session.connection().execute(query).all())


def _back() -> str:
    """The list as it was."""
    return list_page.link(list_page.read_again(request.values.get("back", "")))
