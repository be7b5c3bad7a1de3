"""How records of a type come in from a file: brought, its columns confirmed, checked, kept, undone. Part of every type's
view."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import sqlalchemy as sa
from flask import Response, abort, jsonify, redirect, request, send_file
from flask_admin import BaseView, expose

from admin_views import door
from jobs import import_files, import_runs, import_stream, outbox, progress
from models.base import db
from models.spec import Invalid, RecordType, Refused, Text
from models.transfers import BUSY, Import, ImportProblem
from rules import export_files, exports, file_store, import_templates, lists, transfers

LATEST = 10
PROBLEMS_SHOWN = 1000      # of one page; the sheet has all of them
STATES = {
    "mapping": Text("确认列", "Columns"), "checking": Text("检查中", "Being checked"), "checked": Text("已检查", "Checked"),
    "importing": Text("导入中", "Being imported"), "done": Text("已导入", "Imported"), "undoing": Text("撤销中", "Being undone"),
    "undone": Text("已撤销", "Undone"), "expired": Text("已过期", "Expired"),
}
NO_FILE = Text("请选择文件", "Choose a file")
NEEDS_REASON = Text("请填写撤销原因", "Give the reason for undoing it")


class Imported(BaseView):
    """Mixed into the view of a record type."""

    spec: RecordType

    @expose("/import/", methods=["GET", "POST"])
    def import_new(self) -> Any:
        if request.method in door.SAFE:
            return self._import_page()
        file = request.files.get("file")
        if file is None or not file.filename:
            return self._import_page(NO_FILE, 422)
        try:
            id_ = self._bring(file.stream, Path(file.filename.replace("\\", "/")).name)
        except Invalid as invalid:
            db.session.rollback()
            return self._import_page(next(iter(invalid.errors.values())), 422)
        return redirect(f"/admin/{self.spec.name}/import/{id_}/")

    def _import_page(self, problem: Text | None = None, status: int = 200) -> Any:
        found = db.session.scalars(sa.select(Import).where(
            Import.type == self.spec.name, Import.asked_by_id == door.actor().id).order_by(Import.id.desc()).limit(LATEST))
        return self.render("record/import.html", spec=self.spec, problem=problem.in_(door.language()) if problem else "",
                           latest=[(run, STATES[run.state].in_(door.language())) for run in found]), status

    def _bring(self, stream: Any, name: str) -> int:
        """Into the store while no transaction is open, then read once through. Raises Invalid."""
        format_ = name.rpartition(".")[2].lower()
        if format_ not in import_files.FORMATS:
            raise import_files.unreadable(name, "只能导入 .csv、.xlsx 或 .json 文件", "only .csv, .xlsx and .json files can be imported")
        db.session.rollback()
        try:
            with file_store.incoming(stream, import_files.LARGEST) as kept:
                columns, total = self._looked_through(kept.path, name, format_)
                kept.keep()
        except file_store.TooLarge:
            raise import_files.unreadable(name, f"文件超过 {import_files.LARGEST >> 20} MB，请拆成几个文件",
                                          f"the file is larger than {import_files.LARGEST >> 20} MB: split it") from None
        run = import_runs.begin(door.act(), self.spec, name[-200:], format_, kept.sha256)
        run.columns, run.total = columns, total
        db.session.commit()
        return run.id

    def _looked_through(self, path: Path, name: str, format_: str) -> tuple[list[list[str]], int]:
        source = import_stream.Source(self.spec, path, name, format_)
        columns, total = import_stream.guessed(source), sum(1 for _ in source.given())
        if not total:
            raise import_files.unreadable(name, "文件里没有记录", "the file holds no records")
        return columns, total

    # One import -----------------------------------------------------------------------------------------------------

    @expose("/import/<int:id_>/")
    def import_one(self, id_: int) -> Any:
        return self._import_one(self._run(id_))

    def _import_one(self, run: Import, problem: str = "", status: int = 200) -> Any:
        language, is_there = door.language(), run.file_gone_at is None
        same = transfers.imported_before(db.session, run) if run.state in ("mapping", "checked") else None
        page = door.page_number()
        problems = db.session.scalars(sa.select(ImportProblem).where(ImportProblem.import_id == run.id)
                                      .order_by(ImportProblem.place, ImportProblem.id)
                                      .limit(PROBLEMS_SHOWN + 1).offset((page - 1) * PROBLEMS_SHOWN)).all()
        said = (run.error_zh if language == "zh" else run.error_en) or ""
        return self.render(
            "record/import_one.html", spec=self.spec, run=run, problem=problem or said, is_busy=run.state in BUSY,
            state=STATES[run.state].in_(language), percent=progress.heard("import", run.id) or 0,
            same=import_runs.same_file(db.session, same).in_(language) if same else "", page_number=page,
            problems=[self._problem_told(one, language) for one in problems[:PROBLEMS_SHOWN]],
            has_more=len(problems) > PROBLEMS_SHOWN,
            sample=self._sample(run) if is_there and run.state in ("mapping", "checked") else [],
            choices=[(name, label.in_(language)) for name, label in import_stream.fields_of(self.spec).items()]), status

    def _problem_told(self, problem: ImportProblem, language: str) -> tuple[int, str, str]:
        return problem.place, self._label(problem.field, language), problem.zh if language == "zh" else problem.en

    def _label(self, path: str, language: str) -> str:
        """`visits-1-customer` -> Visits 2, customer."""
        head, _, rest = path.partition("-")
        child = self.spec.lines.get(head)
        index, _, name = rest.partition("-")
        if child is not None and index.isdecimal():
            label = child.fields[name].label.in_(language) if name in child.fields else name
            return f"{child.label.in_(language)} {int(index) + 1} · {label}"
        if child is not None:
            return child.label.in_(language)
        known = head in self.spec.fields or head in lists.BASE
        return lists.column_field(self.spec, head).label.in_(language) if known else head

    def _sample(self, run: Import) -> list[list[str]]:
        """The first rows as given, column by column."""
        rows = []
        for _, cells in import_runs.source_of(run, self.spec).given():
            rows.append([str(cell)[:200] if cell is not None else "" for cell in cells])
            if len(rows) == import_stream.SAMPLE:
                break
        return [[row[index] if index < len(row) else "" for row in rows] for index in range(len(run.columns))]

    @expose("/import/<int:id_>/check", methods=["POST"])
    def import_check(self, id_: int) -> Any:
        run = self._run(id_, lock=True)
        chosen = [request.form.get(f"column-{index}", "") for index in range(len(run.columns))]
        return self._step(id_, lambda act: import_runs.ask_check(act, self.spec, run, chosen), import_runs.check)

    @expose("/import/<int:id_>/start", methods=["POST"])
    def import_start(self, id_: int) -> Any:
        run = self._run(id_, lock=True)
        return self._step(id_, lambda act: import_runs.ask_start(act, run, request.form.get("mode", "")), import_runs.bring_in)

    @expose("/import/<int:id_>/undo", methods=["POST"])
    def import_undo(self, id_: int) -> Any:
        run, reason = self._run(id_, lock=True), door.clean(request.form.get("reason", ""), 500)
        if not reason:
            return self._import_one(run, NEEDS_REASON.in_(door.language()), 422)
        return self._step(id_, lambda act: import_runs.ask_undo(act, run), lambda id_: import_runs.undo(id_, reason), reason)

    def _step(self, id_: int, ask: Any, do: Any, comment: str = "") -> Any:
        """Ask for the next step; a short one is done at once, before the answer."""
        try:
            is_a_job = ask(door.act(comment))
        except Invalid as invalid:
            db.session.rollback()
            return self._import_one(self._run(id_), next(iter(invalid.errors.values())).in_(door.language()), 422)
        except Refused as refused:
            db.session.rollback()
            return self._import_one(self._run(id_), refused.reason.in_(door.language()), 409)
        db.session.commit()
        if is_a_job:
            outbox.dispatch_now()
        else:
            do(id_)
        return redirect(f"/admin/{self.spec.name}/import/{id_}/")

    @expose("/import/<int:id_>.json")
    def import_standing(self, id_: int) -> Any:
        run, language = self._run(id_), door.language()
        return jsonify(state="running" if run.state in BUSY else "done", state_label=STATES[run.state].in_(language),
                       progress=progress.heard("import", run.id) or 0, error="", records=[])

    @expose("/import/<int:id_>/problems.csv")
    def import_problems(self, id_: int) -> Any:
        """The bad rows as they were given, with what is wrong: to be corrected and brought as a file of its own."""
        run, language = self._run(id_), door.language()
        if run.file_gone_at is not None:
            return door.page(404, transfers.GONE.in_(language))
        told: dict[int, list[str]] = {}
        for problem in db.session.scalars(sa.select(ImportProblem).where(ImportProblem.import_id == run.id)
                                          .order_by(ImportProblem.place, ImportProblem.id)):
            label, sentence = self._label(problem.field, language), problem.zh if language == "zh" else problem.en
            told.setdefault(problem.place, []).append(f"{label}: {sentence}" if label else sentence)
        name = f"{run.name.rpartition('.')[0]}_{STATES['checked'].in_(language)}.csv"
        source = import_runs.source_of(run, self.spec)
        return Response(_sheet(source, [word for word, _ in run.columns], told, language),
                        content_type=export_files.FORMATS["csv"],
                        headers={"Content-Disposition": export_files.disposition(f"{self.spec.name}-problems", name)})

    @expose("/import/template/")
    def import_template(self) -> Any:
        language = door.language()
        with NamedTemporaryFile(suffix=".xlsx") as file:
            import_templates.write(db.session, door.actor(), self.spec, Path(file.name))
            answer = send_file(open(file.name, "rb"), mimetype=export_files.FORMATS["xlsx"])   # noqa: SIM115  closed by it
        name = f"{self.spec.label.in_(language)}_{Text('导入模板', 'template').in_(language)}.xlsx"
        answer.headers["Content-Disposition"] = export_files.disposition(f"{self.spec.name}-template", name)
        return answer

    def _run(self, id_: int, *, lock: bool = False) -> Import:
        found = transfers.mine(db.session, door.actor(), self.spec, door.as_id(id_), lock=lock)
        return found if found is not None else abort(404)


def _sheet(source: import_stream.Source, words: list[str], told: dict[int, list[str]], language: str) -> Iterator[bytes]:
    """UTF-8 with BOM, CRLF, text inert, like every CSV of ours."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([*map(exports.inert, words), Text("行", "Row").in_(language), import_stream.REASON.in_(language)])
    yield b"\xef\xbb\xbf" + exports.taken(buffer)
    for place, cells in source.given():
        if place in told:
            given = [*(exports.inert(_text(cell)) for cell in cells), *("",) * len(words)][:len(words)]
            writer.writerow([*given, place, " ".join(told.pop(place))])
            yield exports.taken(buffer)
    for place, sentences in told.items():   # of rows that stand in no sheet of records
        writer.writerow([*("",) * len(words), place, " ".join(sentences)])
        yield exports.taken(buffer)


def _text(cell: Any) -> str:
    """A child table of a JSON file stays JSON."""
    return json.dumps(cell, ensure_ascii=False, default=str) if isinstance(cell, list | dict) else "" if cell is None else str(cell)
