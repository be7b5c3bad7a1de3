"""What hangs on a record: its files, and what people say about it. Part of every type's view."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, abort, jsonify, redirect, request, send_file, session
from flask_admin import BaseView, expose

from admin_views import door, uploads
from models.base import db, set_reading
from models.files import Attachment
from models.spec import ROLES, Invalid, Refused, RecordType, Text
from rules import attachments, comments, file_store, file_types, notices, office

# A file is shown by itself, as a stranger to the application: nothing in it runs or reaches out.
FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'"
UNCOVERED_FOR = 900   # seconds for which the files of an uncovered record stay open
GONE = Text("文件不见了，请联系系统管理员", "The file is gone: tell the administrator")


class Attached(BaseView):
    """Mixed into the view of a record type, which finds and shows its records."""

    spec: RecordType

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        raise NotImplementedError

    def _show(self, record: Any, status: int = 200, **more: Any) -> Any:
        raise NotImplementedError

    # Files --------------------------------------------------------------------------------------------------------

    @expose("/<int:id_>/attachments", methods=["POST"])
    def attach(self, id_: int) -> Any:
        """Keeps what can be kept, and says what cannot and why."""
        verdict = attachments.may_add(door.act(), self._record(id_))
        if verdict.reason is not None:
            return self._answer(id_, 403, [verdict.reason])
        sent = [file for file in request.files.getlist("files") if file.filename]
        kept, refused = uploads.taken_in(sent)
        problems = [reason for _, reason in refused] if sent else [attachments.NOTHING]
        try:
            more = attachments.add(door.act(), self._record(id_, lock=True), [upload for _, upload in kept])
            db.session.commit()
        except Refused as no:
            return self._answer(id_, 409 if no.stale else 403, [no.reason])
        return self._answer(id_, 422, [*problems, *more], len(kept) - len(more))

    def _answer(self, id_: int, status: int, problems: list[Text], count: int = 0) -> Any:
        """A page, or a few words for the script that sends the files; `status` only if nothing was kept."""
        db.session.rollback()
        said = [problem.in_(door.language()) for problem in problems]
        if count:
            door.say(f"已添加 {count} 个附件", f"Files attached: {count}")
            for sentence in said:
                door.say(sentence, sentence, "warning")
        if request.accept_mimetypes.best == "application/json":
            return jsonify(count=count, problems=said), 200 if count else status
        if count:
            return redirect(f"/admin/{self.spec.name}/details/?id={id_}#page-files")
        return self._show(self._record(id_), status, problem=" ".join(said))

    @expose("/<int:id_>/attachments/<int:file_id>")
    def attachment(self, id_: int, file_id: int) -> Any:
        record = self._record(id_)
        file = attachments.find(db.session, record, door.as_id(file_id)) or abort(404)
        verdict = attachments.may_open(door.actor(), self.spec)
        if verdict.reason is not None and not self._is_uncovered(id_):
            return door.page(403, verdict.reason.in_(door.language()))
        if not file_store.path_of(file.sha256).is_file():
            return door.page(404, GONE.in_(door.language()))
        return _handed_out(file, is_private=self.spec.holds_private)

    def _uncover_files(self, id_: int) -> None:
        session["uncovered"] = [self.spec.name, id_, int(office.now().timestamp())]

    def _is_uncovered(self, id_: int) -> bool:
        name, which, since = session.get("uncovered", ("", 0, 0))
        return (name, which) == (self.spec.name, id_) and office.now().timestamp() - since < UNCOVERED_FOR

    @expose("/<int:id_>/attachments/<int:file_id>/remove", methods=["POST"])
    def detach(self, id_: int, file_id: int) -> Any:
        record = self._record(id_, lock=True)
        file = attachments.find(db.session, record, door.as_id(file_id)) or abort(404)
        try:
            attachments.remove(door.act(), record, file)
            db.session.commit()
        except Refused as no:
            return self._refused(no)
        door.say("附件已移除，历史中仍可查到", "The file was removed; the history keeps that it was there")
        return redirect(f"/admin/{self.spec.name}/details/?id={id_}#page-files")

    def _refused(self, refused: Refused) -> Any:
        return door.page(409 if refused.stale else 403, refused.reason.in_(door.language()))

    # Comments -----------------------------------------------------------------------------------------------------

    @expose("/<int:id_>/comments", methods=["POST"])
    def comment(self, id_: int) -> Any:
        record, text = self._record(id_, lock=True), request.form.get("text", "")
        chosen = {int(one) for one in request.form.getlist("mentions")[:100] if re.fullmatch("[0-9]{1,18}", one)}
        try:
            said = comments.say(door.act(), record, text, chosen)
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            sentence = invalid.errors["text"].in_(door.language())
            return self._show(self._record(id_), 422, unsaid=(text, sentence))
        except Refused as no:
            return self._refused(no)
        for name in said.unreached:
            door.say(f"{name} 看不到这条记录，没有通知到", f"{name} cannot see this record and was not told", "warning")
        return redirect(f"/admin/{self.spec.name}/details/?id={id_}#comment-{said.comment.id}")

    @expose("/<int:id_>/comments/<int:comment_id>/withdraw", methods=["POST"])
    def withdraw(self, id_: int, comment_id: int) -> Any:
        record = self._record(id_, lock=True)
        comment = comments.find(db.session, record, door.as_id(comment_id)) or abort(404)
        try:
            comments.withdraw(door.act(), record, comment)
            db.session.commit()
        except Refused as no:
            return self._refused(no)
        return redirect(f"/admin/{self.spec.name}/details/?id={id_}#comment-{comment_id}")

    @expose("/<int:id_>/people")
    def people(self, id_: int) -> Any:
        """Whom a comment may mention, as the person types."""
        found = comments.people(db.session, self._record(id_), door.clean(request.args.get("q", ""), 80))
        return jsonify([{"id": user.id, "name": user.name, "username": user.username, "roles": "、".join(
            ROLES[role].label.in_(door.language()) for role in sorted(user.roles))} for user in found])

    def _opened(self, record: Any) -> None:
        """Who opens a record has read what mentions them and what they were told. What was asked so far only read."""
        db.session.rollback()
        set_reading(False)
        comments.opened(db.session, door.actor(), record, office.now())
        notices.opened(db.session, door.actor(), record, office.now())
        db.session.commit()


def _handed_out(file: Attachment, *, is_private: bool) -> Response:
    """Pictures and PDFs to look at, the rest to keep; every time the rights are asked again."""
    is_shown = file.media_type in file_types.SHOWN and "download" not in request.args
    answer = send_file(
        file_store.path_of(file.sha256), mimetype=file.media_type, as_attachment=not is_shown, download_name=file.name,
        etag=file.sha256, conditional=True)
    answer.headers["Content-Security-Policy"] = FILE_POLICY
    answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    answer.headers["Cache-Control"] = "no-store" if is_private else "private, no-cache"
    return answer
