"""What the server would compute from a form as it stands: shown while somebody types, kept nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import abort, jsonify, request
from flask_admin import BaseView, expose

from admin_views import choice_boxes, door
from forms import record_form
from models.base import db
from models.spec import NUMBERS, Field, RecordType
from rules import access, checks, exports, lists, records


def computed(fields: Mapping[str, Field]) -> list[Field]:
    return [field for field in fields.values() if field.derived and not field.machine]


class Figured(BaseView):
    """Mixed into the view of a record type, which finds its records and builds its forms."""

    spec: RecordType

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        raise NotImplementedError

    def _build(self, *, record: Any = None, posted: Any = None) -> Any:
        raise NotImplementedError

    @expose("/figures/", methods=["POST"])
    def figures(self) -> Any:
        """The computed fields of the form that was sent: name of the output -> its text. Nothing is saved; what
        cannot be read yet counts as not filled in."""
        is_new, act = not request.args.get("id"), door.act()
        verdict = access.may(act.actor, "create", self.spec) if is_new else None
        record = records.blank(act, self.spec) if is_new else self._record()
        verdict = verdict if verdict is not None else access.may(act.actor, "edit", self.spec, record)
        if not verdict:
            abort(403)
        form = self._build(record=None if is_new else record, posted=request.form)
        db.session.add(record)
        checks.take(record, record_form.entered(form, self.spec, request.form), act.looks())
        record.derive(act)
        answer = dict(_outputs(record, form, act.actor))
        db.session.rollback()
        return jsonify(answer)


def _outputs(record: Any, form: Any, actor: access.Actor) -> Iterator[tuple[str, str]]:
    plain = access.sees_private(actor, record.spec)
    for field in computed(record.spec.fields):
        yield field.name, _text(field, getattr(record, field.column), actor, plain)
    for name, child in record.spec.lines.items():
        entries = form[name].entries if name in form else ()
        for row, entry in zip(getattr(record, name), entries, strict=False):
            for field in computed(child.fields):
                yield f"{entry.name}-{field.name}", _text(field, getattr(row, field.column), actor, plain)


def _text(field: Field, value: Any, actor: access.Actor, plain: bool) -> str:
    if value is None:
        return ""
    if field.kind in lists.NAMED:
        return str(choice_boxes.titles_of(field, [value]).get(value, ""))
    text = exports.shown(field, value, actor.language, plain=plain)
    return f"{text} {field.measure_text.in_(actor.language)}" if text and field.measure and field.kind in NUMBERS else text
