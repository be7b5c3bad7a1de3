"""One Flask-Admin view class for every record type: list, details, form, moves, copies, choices and files.

Nothing is declared here about any type. `_handle_view` is the one choke point: an endpoint that is not in `RIGHTS` is
closed, and each asks rules/access before its handler runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import abort, jsonify, redirect, request
from flask_admin import expose
from flask_login import current_user

from admin_views import choice_boxes, choosing, compiled, door, list_page, pages, signing, special, uploads
from admin_views.attached import Attached
from admin_views.chained import Chained, panel
from admin_views.exported import Exported
from admin_views.figures import Figured
from admin_views.imported import Imported
from admin_views.inline import Inline
from admin_views.listed import Listed
from admin_views.printed import Printed
from admin_views.several import Several
from forms import record_form
from jobs import kpis, reports
from models.base import db
from models.reports import RUN, ReportRun
from models.spec import Invalid, Kind, Move, Refused, RecordType, Text
from rules import access, audit, chains, checks, lists, moves, notices, office, records, registry

# What each endpoint needs before it is entered; whatever changes a row asks again for the row itself.
RIGHTS = {
    "index": "view", "details": "view", "new": "create", "edit": "view", "move": "view", "acknowledge": "view",
    "uncover": "view", "chain": "view", "figures": "view", "handbook": "view", "choices": "view",
    "attach": "view", "attachment": "view", "detach": "view", "comment": "view", "withdraw": "view", "people": "view",
    "paper": "view", "workbook": "export", "summary": "view", "keep_view": "view", "drop_view": "view", "bulk": "view", "cell": "view",
    "export_csv": "export", "export_xlsx": "export", "export_json": "export",
    "import_new": "create", "import_one": "create", "import_check": "create", "import_start": "create",
    "import_undo": "create", "import_standing": "create", "import_problems": "create", "import_template": "create",
}


def record_views() -> Iterator[RecordView]:
    for spec in registry.types().values():
        yield RecordView(spec)


class RecordView(Listed, Several, Attached, Chained, Exported, Figured, Imported, Inline, Printed):
    """The screens of one record type."""

    def __init__(self, spec: RecordType) -> None:
        self.spec = spec
        super().__init__(name=spec.zh, endpoint=spec.name, url=f"/admin/{spec.name}")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        if not current_user.is_authenticated:
            return door.login.unauthorized()
        if name not in RIGHTS:
            abort(403)
        verdict = access.may(door.actor(), RIGHTS[name], self.spec)
        if verdict.reason is not None:
            return door.page(403, verdict.reason.in_(door.language()))
        return None

    # Looking ------------------------------------------------------------------------------------------------------

    def _question(self) -> lists.Question:
        filters = {name: value for name, value in list_page.asked_of(request.args) if name not in list_page.RESERVED}
        return lists.Question(filters, door.clean(request.args.get("q", "")), request.args.get("sort", ""),
                              self._behind() if "behind" in request.args else self._naming())

    def _naming(self) -> Any:
        """`?from=complaint_case:12`: the rows that name this record."""
        source = self._source()
        return None if source is None else chains.naming(self.spec, source.spec.name, source.id)

    def _behind(self) -> Any:
        """`?behind=quality_info_summary:12:reply_on_time`: the rows that a figure counted, as they were counted."""
        asked = door.clean(request.args.get("behind", ""))
        if not asked:
            return None
        name, _, rest = asked.partition(":")
        id_, _, figure = rest.partition(":")
        if name == kpis.KPI:
            return self._behind_kpi(rest)
        if name == RUN:
            return self._behind_run(door.as_id(id_), figure)
        spec = registry.type_named(name)
        if spec is None or not access.may(door.actor(), "view", spec) \
                or records.find(db.session, door.actor(), spec, door.as_id(id_)) is None:
            abort(404)
        return compiled.evidence(spec.name, door.as_id(id_), figure, self.spec)

    def _behind_kpi(self, rest: str) -> Any:
        """The rows that one of the figures counts now, as far as this reader's rights go."""
        found = (kpis.behind(rest, door.actor(), office.now()) or {}).get(self.spec.name)
        if found is None:
            abort(404)
        return found

    def _behind_run(self, id_: int, figure: str) -> Any:
        """The same for a run that compiled no record."""
        run = db.session.get(ReportRun, id_)
        report = reports.REPORTS.get(run.report) if run else None
        if report is None or not reports.may_see(door.actor(), report):
            abort(404)
        return compiled.evidence(RUN, id_, figure, self.spec)

    @expose("/details/")
    def details(self) -> Any:
        record = self._record()
        shown = self._told(record)
        is_news = shown["talk"].is_news or (door.unread() and notices.has_news(db.session, door.actor(), record))
        page = self.render("record/details.html", **shown)
        if is_news:
            self._opened(record)
        return page

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        """The record of the address, if it is there and the person may see it; else 404."""
        key = door.as_id(id_ if id_ is not None else request.args.get("id", ""))
        record = records.find(db.session, door.actor(), self.spec, key, lock=lock)
        return record if record is not None else abort(404)

    def _show(self, record: Any, status: int = 200, **more: Any) -> Any:
        return self.render("record/details.html", **self._told(record, **more)), status

    def _told(self, record: Any, **more: Any) -> dict[str, Any]:
        act = door.act()
        turned = {name: door.page_number(f"{name}_page") for name in self.spec.lines}
        return {**pages.details(act, record, turned=turned, **more), "chain": panel(act, record), "special": special.panel(act, record),
                "rounds": signing.rounds(act, record)}

    @expose("/choices/")
    def choices(self) -> Any:
        """What a choice box offers for one field, as the person types; only rows they may see."""
        field = choice_boxes.field_at(self.spec, request.args.get("field", ""))
        if field is None:
            abort(404)
        words, recent = door.clean(request.args.get("q", ""), 100), choosing.recent_of(request.args.get("recent", ""))
        found = choice_boxes.options(door.actor(), field, None, words, recent=recent)
        return jsonify([{"id": value, "label": label} for value, label in found])

    @expose("/<int:id_>/uncover", methods=["POST"])
    def uncover(self, id_: int) -> Any:
        """Show the private fields of one record once, to someone who sees all rows and gives a reason."""
        record, reason = self._record(id_), door.clean(request.form.get("reason", ""), 500)
        if not pages.may_uncover(door.actor(), self.spec):
            return door.page(403, access.NO_ROLE.reason.in_(door.language()))
        if not reason:
            return self._show(record, 422, problem=moves.NEEDS_REASON.in_(door.language()))
        audit.note(db.session, door.act(), "uncover", self.spec.name, record.number, comment=reason)
        db.session.commit()
        self._uncover_files(id_)
        return self._show(self._record(id_), plain=True)

    # Writing ------------------------------------------------------------------------------------------------------

    @expose("/new/", methods=["GET", "POST"])
    def new(self) -> Any:
        if request.method in door.SAFE:
            source = self._source()
            record = chains.start(door.act(), self.spec, source) if source else records.blank(door.act(), self.spec)
            choice_boxes.prefill(record, request.args, door.actor())
            return self._form(None, self._build(record=record))
        posted, unkept = uploads.received(self.spec)
        posted = choosing.chosen(door.actor(), self.spec, posted)
        form = self._build(posted=posted)
        try:
            record = records.create(door.act(), self.spec, record_form.entered(form, self.spec, posted))
            checks.refuse(unkept)
            db.session.commit()
        except Invalid as invalid:
            return self._refill(None, form, Invalid({**invalid.errors, **unkept}))
        door.say(f"已保存 {record.number or ''}", f"Saved {record.number or ''}")
        return self._to(record)

    @expose("/edit/", methods=["GET", "POST"])
    def edit(self) -> Any:
        record = self._record(lock=request.method == "POST")
        verdict = access.may(door.actor(), "edit", self.spec, record)
        if verdict.reason is not None:
            return door.page(403, verdict.reason.in_(door.language()))
        if request.method in door.SAFE:
            return self._form(record, self._build(record=record))
        posted, unkept = uploads.received(self.spec)
        if request.files:   # the record was let go of while they were kept
            record = self._record(lock=True)
        posted = choosing.chosen(door.actor(), self.spec, posted)
        form = self._build(record=record, posted=posted)
        try:
            entered = record_form.entered(form, self.spec, posted)
            records.edit(door.act(), record, self._revision() or 0, entered)
            checks.refuse(unkept)
            db.session.commit()
        except Invalid as invalid:
            return self._refill(record.id, form, Invalid({**invalid.errors, **unkept}))
        except Refused as refused:
            return self._conflict(record.id, form, refused) if refused.stale else self._refused(refused)
        door.say(f"已保存 {record.number or ''}", f"Saved {record.number or ''}")
        return self._to(record)

    def _revision(self) -> int | None:
        text = request.form.get("revision", "")
        return int(text) if text.isdecimal() and len(text) < 10 else None

    def _build(self, *, record: Any = None, posted: Any = None) -> Any:
        kept = choice_boxes.links_of(record) if record is not None and record.id is not None else frozenset()
        return record_form.build(
            self.spec, door.language(), lambda field, value: choice_boxes.options(door.actor(), field, value, kept=kept),
            record=record, posted=posted)

    def _form(self, record: Any, form: Any, status: int = 200, **more: Any) -> Any:
        return self.render("record/form.html", spec=self.spec, record=record, form=form,
                           takes_files=uploads.has_files(self.spec), may_create=choosing.may_create(door.actor(), self.spec),
                           groups=pages.form_groups(self.spec, form, door.language()),
                           row_names=pages.row_names(record, door.language()), **more), status

    def _refill(self, id_: int | None, form: Any, invalid: Invalid) -> Any:
        """422: the form as typed, each sentence at its field."""
        db.session.rollback()
        loose = record_form.attach(form, invalid.errors, door.language())
        record = self._record(id_) if id_ else None
        return self._form(record, form, 422, problems=loose, seen=self._revision())

    def _conflict(self, id_: int, form: Any, refused: Refused) -> Any:
        """409: somebody saved in between; both versions side by side, and saving again keeps what was typed."""
        db.session.rollback()
        record = self._record(id_)
        differences = pages.differences(record, form, door.language())
        return self._form(record, form, 409, conflict=refused.reason.in_(door.language()), differences=differences)

    def _to(self, record: Any) -> Any:
        return redirect(f"/admin/{self.spec.name}/details/?id={record.id}")

    @expose("/handbook/")
    def handbook(self) -> Any:
        """What the type is for and how it is filled in: the declaration, in words."""
        return self.render("record/handbook.html", **pages.handbook_of(self.spec, door.language()))

    # Acts ---------------------------------------------------------------------------------------------------------

    @expose("/<int:id_>/moves/<name>", methods=["POST"])
    def move(self, id_: int, name: str) -> Any:
        record, move = self._record(id_, lock=True), self.spec.workflow.move(name)
        if move is None:
            abort(404)
        posted, unkept = request.form, {}
        if request.files and moves.may_move(db.session, door.actor(), record, move):
            posted, unkept = uploads.received(self.spec)
            record = self._record(id_, lock=True)
        act = door.act(door.clean(request.form.get("comment", ""), 2000))
        try:
            moves.make(act, record, name, revision=self._revision() or 0, fields=self._given(move, posted),
                       back_to=request.form.get("back_to", ""))
            checks.refuse(unkept)
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            return self._show(self._record(id_), 422, failed=name, errors={**invalid.errors, **unkept}, given=posted)
        except Refused as refused:
            db.session.rollback()
            problem = refused.reason.in_(door.language())
            return self._show(self._record(id_), 409 if refused.stale else 403, problem=problem, failed=name, given=posted)
        done: Text = move.label
        door.say(f"{record.number or ''} 已{done.zh}", f"{record.number or ''}: {done.en} done")
        return self._to(record)

    def _given(self, move: Move, posted: Any) -> dict[str, Any]:
        """Required fields that were filled in beside the button; an empty one leaves what the record has."""
        fields = self.spec.fields
        given = {name: posted.getlist(name) if fields[name].kind is Kind.MULTICHOICE else posted.get(name, "")
                 for name in move.requires if name in fields}
        return {name: value for name, value in given.items() if value not in ("", [])}

    @expose("/<int:id_>/acknowledge/<int:line_id>", methods=["POST"])
    def acknowledge(self, id_: int, line_id: int) -> Any:
        record = self._record(id_, lock=True)
        try:
            records.acknowledge(door.act(), record, line_id)
            db.session.commit()
        except Refused as refused:
            return self._refused(refused)
        door.say("已签收", "Acknowledged")
        return self._to(record)
