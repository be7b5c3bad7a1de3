"""Records on paper and in a workbook: what the details page shows, to carry away. Part of every type's view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from flask import Response, abort, current_app, request
from flask_admin import BaseView, expose

from admin_views import compiled, door, pages, sheets
from jobs import reports
from models.base import db, set_reading
from models.spec import Invalid, RecordType, Text
from rules import audit, office, record_book, records, signed, typeset

MOST, MOST_CELLS = 100, 40_000       # records of one file with their copies, and cells of several records
TOO_MANY = Text("一次最多打印 {most} 张单据，您选了 {count} 张；请分几次打印",
                "At most {most} records are printed at once, you chose {count}: print them in several parts")
IN_COPIES = Text("连同各联超过 {most} 份，请分几次打印，或每张只打印一份",
                 "With their copies these are more than {most}: print them in several parts, or one of each")
TOO_LONG = Text("所选单据的内容太多，请分几次打印", "The records chosen hold too much for one file: print them in several parts")


class Printed(BaseView):
    """Mixed into the view of a record type, which finds its records."""

    spec: RecordType

    @expose("/print/")
    def paper(self) -> Any:
        """`?id=3`, or several: one file in which each record begins a page; in copies where the form goes out in them,
        unless `copies=one`."""
        if not typeset.is_able():
            return door.page(503, typeset.NO_FONT.in_(door.language()))
        ids = list(dict.fromkeys(door.as_id(raw) for raw in request.args.getlist("id"))) or abort(404)
        if len(ids) > MOST:
            raise Invalid({"id": TOO_MANY.with_(most=MOST, count=len(ids))})
        found = records.find_all(db.session, door.actor(), self.spec, ids)
        if len(found) < len(ids):
            abort(404)
        told = sheets.papers(door.act(), found, in_copies=request.args.get("copies") != "one",
                             company=current_app.config["COMPANY"] or door.t("售后管理后台", "Aftercare"))
        if len(told["sheets"]) > MOST:
            raise Invalid({"id": IN_COPIES.with_(most=MOST)})
        if len(found) > 1 and typeset.cells_of(told) > MOST_CELLS:
            raise Invalid({"id": TOO_LONG})
        answer = self._file(typeset.pdf(told), "application/pdf", "pdf", found, shown=True)
        self._note(found, "pdf")
        return answer

    @expose("/details/xlsx/")
    def workbook(self) -> Any:
        """One record with numbers that calculate: its figures, its child tables, and what its figures counted."""
        record, who = self._record(), door.actor()
        block = signed.blocks(db.session, self.spec.name, [record.id])[record.id]
        evidence = compiled.behind_rows(record, who) if reports.report_of(self.spec.name) else None
        file = record_book.Book(record, pages.titles_in(record), who).write(evidence, block)
        answer = self._file(file, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", [record])
        self._note([record], "xlsx")
        return answer

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        raise NotImplementedError

    def _note(self, found: Sequence[Any], form: str) -> None:
        """Kept before the first byte leaves, as of every export; a transaction of its own: so far was only read."""
        numbers = [record.number or f"#{record.id}" for record in found]
        db.session.rollback()
        set_reading(False)
        audit.note(db.session, door.act(), "export", self.spec.name, numbers[0] if len(numbers) == 1 else None,
                   changes={"numbers": numbers, "format": form})
        db.session.commit()

    def _file(self, file: bytes, kind: str, ending: str, found: Sequence[Any], *, shown: bool = False) -> Response:
        called = found[0].number or f"{self.spec.name}_{found[0].id}"
        if len(found) > 1:
            called = f"{self.spec.label.in_(door.language())}_{office.today():%Y%m%d}"
        place = "inline" if shown and "download" not in request.args else "attachment"
        return Response(file, content_type=kind, headers={"Content-Disposition":
            f"{place}; filename=\"{self.spec.name}.{ending}\"; filename*=UTF-8''{quote(f'{called}.{ending}')}"})
