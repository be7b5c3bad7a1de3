"""How the list of a type leaves as a file: at once where it is short, else by a job. Part of every type's view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from flask import Response, redirect, request, send_file
from flask_admin import BaseView, expose

from admin_views import door
from jobs import outbox
from models.base import db, set_reading
from models.spec import RecordType
from rules import export_files, lists, parameters, transfers
from rules.checks import Looks


class Exported(BaseView):
    """Mixed into the view of a record type, which knows what its list was asked."""

    spec: RecordType

    def _question(self) -> lists.Question:
        raise NotImplementedError

    @expose("/export/csv/")
    def export_csv(self) -> Any:
        return self._export("csv")

    @expose("/export/xlsx/")
    def export_xlsx(self) -> Any:
        return self._export("xlsx")

    @expose("/export/json/")
    def export_json(self) -> Any:
        return self._export("json")

    def _export(self, format_: str) -> Any:
        """The list as filtered, on record before the first byte leaves. The rows behind a figure, or those that name a
        record, are few and leave at once."""
        question, who = self._question(), door.actor()
        where = lists.conditions(self.spec, who, question, Looks(db.session, who))
        header = "names" if request.args.get("header") == "names" else "labels"
        wanted = export_files.Wanted(self.spec, where, question.sort, who, format_, header)
        most = None if question.ids is not None else parameters.value(db.session, "export_rows_at_once")
        db.session.rollback()   # what was asked so far only read; the audit entry is a transaction of its own
        set_reading(False)
        snapshot = export_files.Snapshot(db.engine)
        try:
            total = snapshot.count(wanted, most)
            if most is not None and total > most:
                snapshot.close()
                return self._by_a_job(wanted, question)
            transfers.note_export(door.act(), self.spec, format_, export_files.told(question), total)
            db.session.commit()
            answer = self._whole(snapshot, wanted, total) if format_ == "xlsx" else _in_pieces(snapshot, wanted, total)
        except BaseException:
            snapshot.close()
            raise
        answer.headers["Content-Disposition"] = export_files.disposition(self.spec.name, wanted.file_name)
        return answer

    def _by_a_job(self, wanted: export_files.Wanted, question: lists.Question) -> Any:
        transfers.ask(door.act(), self.spec, export_files.told(question), wanted.format, wanted.header)
        db.session.commit()
        outbox.dispatch_now()
        door.say("记录较多，正在后台生成文件，完成后会提醒您", "These are many records: a job writes the file, and you will be told")
        return redirect("/admin/exports/")

    @staticmethod
    def _whole(snapshot: export_files.Snapshot, wanted: export_files.Wanted, total: int) -> Response:
        """A workbook is a file before it is an answer; nobody else can open this one, and it is gone with the answer."""
        with NamedTemporaryFile(suffix=".xlsx") as file:
            export_files.write_xlsx(snapshot, wanted, total, Path(file.name), lambda rows: None)
            snapshot.close()
            return send_file(open(file.name, "rb"), mimetype=export_files.FORMATS["xlsx"])


def _in_pieces(snapshot: export_files.Snapshot, wanted: export_files.Wanted, total: int) -> Response:
    answer = Response(_closing(snapshot, export_files.pieces(snapshot, wanted, total)),
                      content_type=export_files.FORMATS[wanted.format])
    answer.call_on_close(snapshot.close)   # of an answer that nobody began to read
    return answer


def _closing(snapshot: export_files.Snapshot, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Whoever has read all has no need of the connection, even if the answer is closed later."""
    try:
        yield from pieces
    finally:
        snapshot.close()
