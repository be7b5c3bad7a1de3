"""The form of a record, made from its declaration: WTForms keeps what was typed and names the parts; what may be kept
is decided by rules/checks.py, as for every other door."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from wtforms import FieldList, Form, FormField, HiddenField, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.widgets import DateInput, DateTimeLocalInput, EmailInput, MonthInput, TelInput, TextInput

from models.base import Record
from models.spec import Field, Kind, RecordType
from rules import areas, checks, exports, office

Options = Callable[[Field, Any], Sequence[tuple[str, str]]]

WIDGETS = {
    Kind.DATE: DateInput(), Kind.DATETIME: DateTimeLocalInput(), Kind.PERIOD: MonthInput(), Kind.EMAIL: EmailInput(),
    Kind.PHONE: TelInput(),
}
CHOSEN = frozenset({Kind.CHOICE, Kind.PROVINCE, Kind.BOOL, Kind.LINK, Kind.USER, Kind.UNIT})
NUMERIC = {Kind.MONEY: "decimal", Kind.DECIMAL: "decimal", Kind.PERCENT: "decimal", Kind.INTEGER: "numeric"}
BLANK_ROWS = 1   # empty rows that a child table offers beyond those it has; the page adds more


class Rows(FieldList):
    """A child table; what is no number of a row is no row."""

    def _extract_indices(self, prefix: str, formdata: Any) -> Any:
        for name in formdata:
            match = re.match(re.escape(prefix) + r"-([0-9]{1,9})-", name)
            if match:
                yield int(match[1])


class KeptFile(StringField):
    """The id of a file that is in the store already; `choices` says what it is called. What comes is sent beside it."""

    choices: Sequence[tuple[str, str]] = ()


class RecordForm(Form):
    """One class per type and set of fields; made by `form_class`."""


def typed_text(field: Field, value: Any) -> Any:
    """A kept value as the input shows it."""
    if value is None:
        return [] if field.kind is Kind.MULTICHOICE else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return office.local(value).strftime("%Y-%m-%dT%H:%M")
    if isinstance(value, Decimal):
        return f"{value:.2f}" if field.kind is Kind.MONEY else exports.trimmed(value)
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, list) else str(value)


def _input(field: Field, language: str) -> Any:
    attributes: dict[str, Any] = {"data-kind": field.kind.value}
    if field.required:
        attributes["aria-required"] = "true"
    label = field.label.in_(language)
    if field.kind is Kind.MULTICHOICE:
        return SelectMultipleField(label, validate_choice=False, render_kw=attributes)
    if field.kind in CHOSEN:
        if field.kind is Kind.LINK:
            attributes["data-choices"] = field.to
        return SelectField(label, validate_choice=False, render_kw=attributes)
    if field.kind is Kind.FILE:
        return KeptFile(label)
    if field.kind is Kind.LONGTEXT:
        return TextAreaField(label, render_kw={**attributes, "rows": 3, "maxlength": field.length})
    if field.kind in NUMERIC:
        attributes["inputmode"] = NUMERIC[field.kind]
    if field.length:
        attributes["maxlength"] = field.length
    if field.kind is Kind.DATETIME:
        attributes["step"] = 60
    return StringField(label, widget=WIDGETS.get(field.kind, TextInput()), render_kw=attributes)


def _row_class(fields: Mapping[str, Field], language: str) -> type[Form]:
    parts = {name: _input(field, language) for name, field in fields.items() if field.typed and not _is_away(field)}
    return type("LineForm", (Form,), {"id": HiddenField(), **parts})


def _is_away(field: Field) -> bool:
    """A link into an area that is switched off; what it holds stays."""
    return bool(field.to) and areas.is_off(Record.types[field.to])


_classes: dict[tuple[Any, ...], type[RecordForm]] = {}


def form_class(spec: RecordType, language: str) -> type[RecordForm]:
    """The typed fields in the order of the paper form, child tables behind them."""
    key = (spec.model, areas.off(), language)
    if key not in _classes:
        closed = checks.read_only(spec)
        parts = {name: _input(field, language) for name, field in spec.fields.items()
                 if name not in closed and not _is_away(field)}
        for name, child in spec.lines.items():
            if any(field.typed for field in child.fields.values()):
                row = _row_class(child.fields, language)
                parts[name] = Rows(FormField(row, label=child.label.in_(language)), label=child.label.in_(language))
        _classes[key] = type(f"{spec.model.__name__}Form", (RecordForm,), parts)
    return _classes[key]


def build(spec: RecordType, language: str, options: Options, *, record: Any = None, posted: Any = None) -> RecordForm:
    """The form as posted, or filled from a record. `options(field, value)` gives the choices of links and people."""
    data = None if posted is not None else _data(spec, record)
    form = form_class(spec, language)(posted, data=data)
    for name, child in spec.lines.items():
        rows = getattr(form, name, None)
        if rows is not None:
            if posted is None and not spec.is_counted(child):
                for _ in range(BLANK_ROWS):
                    rows.append_entry()
            for entry in rows:
                _offer(entry.form, child.fields, language, options)
    _offer(form, spec.fields, language, options)
    return form


def _data(spec: RecordType, record: Any) -> dict[str, Any]:
    if record is None:
        return {}
    data = {name: typed_text(field, getattr(record, field.column)) for name, field in spec.fields.items()}
    for name, child in spec.lines.items():
        data[name] = [
            {"id": str(row.id or ""), **{n: typed_text(f, getattr(row, f.column)) for n, f in child.fields.items()}}
            for row in getattr(record, name)]
    return data


def _offer(form: Any, fields: Mapping[str, Field], language: str, options: Options) -> None:
    """Fill the choice boxes; an empty choice first unless there must be one."""
    for name, field in fields.items():
        box = form._fields.get(name)
        if isinstance(box, KeptFile):
            box.choices = options(field, box.data)
        if not isinstance(box, SelectField | SelectMultipleField):
            continue
        if field.kind is Kind.BOOL:
            rows = [("true", "是" if language == "zh" else "Yes"), ("false", "否" if language == "zh" else "No")]
        elif field.choices:
            rows = [(value, label.in_(language)) for value, label in field.choices]
        else:
            rows = list(options(field, box.data))
        blank = [] if field.kind is Kind.MULTICHOICE else [("", "—")]
        box.choices = [*blank, *rows]


def entered(form: RecordForm, spec: RecordType, posted: Any) -> dict[str, Any]:
    """What was entered, as the rules read it: only fields that were on the posted form; empty new rows left out."""
    raw = {name: form[name].data for name in spec.fields if name in form and (
        name in posted or isinstance(form[name], SelectMultipleField))}
    for name, child in spec.lines.items():
        if name in form and (form[name].entries or not spec.is_counted(child)):
            # The form loses the blank rows too, so that row 2 of an error is row 2 of the page.
            form[name].entries = [entry for entry in form[name] if any(entry.form.data.values())]
            raw[name] = [entry.form.data for entry in form[name]]
    return raw


def attach(form: RecordForm, errors: Mapping[str, Any], language: str) -> list[str]:
    """Put each sentence at its field; what belongs to no field of the form is returned."""
    loose = []
    for path, text in errors.items():
        sentence = text.in_(language)
        head, _, rest = path.partition("-")
        index, _, name = rest.partition("-")
        target = form._fields.get(head)
        if rest and isinstance(target, FieldList) and index.isdigit() and int(index) < len(target):
            target = target[int(index)].form._fields.get(name, target)
        if target is None:
            loose.append(sentence)
        else:
            target.errors = [*target.errors, sentence]
    return loose
