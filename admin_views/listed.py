"""The list of a record type: the page, its totals and its saved views. Part of every type's view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import abort, redirect, request
from flask_admin import BaseView, expose
from markupsafe import Markup

from admin_views import door, list_page, list_rows
from models.base import db
from models.spec import ROLES, Invalid, RecordType, Refused
from rules import access, linked, lists, views
from rules.checks import Looks

DEEP = 20   # from this page on a neighbouring page is read from where the last one ended


@dataclass(frozen=True)
class Looked:
    """The rows of a page, ready to print, and where it stands."""

    rows: Markup
    shown: int
    total: int
    page: int
    ends: tuple[int, int] = (0, 0)     # the ids of the first and the last row


class Listed(BaseView):
    """Mixed into the view of a record type, which says what the address asks."""

    spec: RecordType

    def _question(self) -> lists.Question:
        raise NotImplementedError

    @expose("/")
    def index(self) -> Any:
        who, language, asked = door.actor(), door.language(), list_page.asked_of(request.args)
        words, connection = dict(asked), db.session.connection()   # rows, not objects
        kept_views = views.offered(connection, who, self.spec)
        if (short := self._whole_view(words, kept_views)) is not None:
            return redirect(short)
        columns, notes = list_page.columns_of(self.spec, words.get("cols", ""), language)
        plan = list_rows.list_plan(self.spec, who, language, columns)
        size, looked = list_page.size_of(words.get("per_page", "")), Looked(Markup(), 0, 0, door.page_number())
        problem, status = "", 200
        try:
            looked = self._look(plan, looked.page, size)
        except Invalid as invalid:
            problem, status = " ".join(text.in_(language) for text in invalid.errors.values()), 400
        kept = list_page.without(asked)
        return self.render(
            "record/list.html", spec=self.spec, plan=plan, looked=looked, rows=looked.rows, problem=problem, notes=notes,
            pager=list_rows.Pager(looked.page, looked.total, looked.shown, size), asked=kept, words=words,
            query=list_page.link(kept)[1:], filters=list_page.filter_bar(self.spec, who, language),
            tabs=list_page.tabs(self.spec, asked, language), chips=list_page.chips(self.spec, who, asked),
            columns=columns, views=self._views(kept_views, kept), sharing=_sharing(self.spec, who),
            tools=list_page, count_limit=lists.COUNT_LIMIT, may_create=access.may(who, "create", self.spec),
            may_export=access.may(who, "export", self.spec)), status

    def _look(self, plan: list_rows.ListPlan, page: int, size: int) -> Looked:
        """The rows of a page; beyond the last page the last one is shown."""
        question, who = self._question(), door.actor()
        looks = Looks(db.session, who)
        where = lists.conditions(self.spec, who, question, looks)
        connection = db.session.connection()
        total = connection.scalar(*lists.counted(self.spec, who, question, where)) or 0
        if total <= lists.COUNT_LIMIT:
            page = min(page, max(1, -(-total // size)))
        found = self._beside(connection, plan, where, page, size) if page > DEEP and not question.sort else []
        if question.search and not found:
            found = self._of_newest(connection, plan, question, total, {"limit": size, "offset": (page - 1) * size})
        if not found:
            query, given = lists.page(
                self.spec, plan.columns, where, question.sort, who, is_past=lists.is_of_the_past(self.spec, question, looks),
                are_many=total > lists.COUNT_LIMIT, is_front=page * size <= linked.FRONT)
            found = connection.execute(query, {**given, "limit": size, "offset": (page - 1) * size}).all()
        return Looked(plan.cells(found), len(found), total, page, (found[0][0], found[-1][0]) if found else (0, 0))

    def _of_newest(self, connection: Any, plan: list_rows.ListPlan, question: lists.Question, total: int,
                   place: dict[str, int]) -> list[Any]:
        """A page of what so many rows hold that the newest of them fill it; nothing where they do not."""
        if total <= lists.COUNT_LIMIT or question.sort or connection.dialect.name != "postgresql":
            return []
        who = door.actor()
        query, given = lists.page_of_newest(self.spec, plan.columns, question, who, Looks(db.session, who))
        found = connection.execute(query, {**given, **place}).all()
        return found if len(found) == place["limit"] else []

    def _beside(self, connection: Any, plan: list_rows.ListPlan, where: list[Any], page: int, size: int) -> list[Any]:
        """A deep page that follows the one the person comes from, which the database need not count its way to."""
        after, before = _key("after"), _key("before")
        if not after and not before:
            return []
        query, given = lists.page_beside(self.spec, plan.columns, where, after=after, before=before)
        found = connection.execute(query, {**given, "limit": size}).all()
        return found if after else found[::-1]

    # Totals -------------------------------------------------------------------------------------------------------

    @expose("/summary/")
    def summary(self) -> Any:
        """How many exactly, in which states, and what they add up to: asked for by itself, so that no list waits."""
        who, asked = door.actor(), list_page.asked_of(request.args)
        found = list_page.summary(self.spec, who, self._question(), Looks(db.session, who))
        return self.render("record/summary.html", spec=self.spec, found=found, query=list_page.link(list_page.without(asked)),
                           tabs=list_page.tabs(self.spec, asked, door.language()),
                           chips=list_page.chips(self.spec, who, asked))

    # Saved views --------------------------------------------------------------------------------------------------

    def _views(self, found: Any, kept: list_page.Pairs) -> list[dict[str, Any]]:
        shares, present = bool(views.may_share(door.actor())), list_page.link(kept)
        return [{"id": id_, "title": title, "href": f"?{query}" if query else "?view=", "is_here": f"?{query}" == present,
                 "role": ROLES[role].label.in_(door.language()) if role in ROLES else "",
                 "may_drop": role is None or shares} for id_, title, query, role in found]

    def _whole_view(self, words: dict[str, str], found: Any) -> str | None:
        """`?view=12` is short for what the view says."""
        asked = words.get("view", "")
        query = next((query for id_, _, query, _ in found if str(id_) == asked), None)
        return None if not asked or query is None else f"/admin/{self.spec.name}/?{query}"

    @expose("/views", methods=["POST"])
    def keep_view(self) -> Any:
        query = list_page.link(list_page.read_again(request.form.get("query", "")))[1:]
        title = door.clean(request.form.get("title", ""))
        try:
            views.keep(door.act(), self.spec, title, query, request.form.get("role", ""))
            db.session.commit()
        except Invalid as invalid:
            db.session.rollback()
            return door.page(422, " ".join(text.in_(door.language()) for text in invalid.errors.values()))
        except Refused as refused:
            return door.page(403, refused.reason.in_(door.language()))
        door.say(f"已保存视图“{title}”", f"Saved the view “{title}”")
        return redirect(f"/admin/{self.spec.name}/?{query}")

    @expose("/views/<int:id_>/drop", methods=["POST"])
    def drop_view(self, id_: int) -> Any:
        try:
            views.drop(door.act(), self.spec, id_)
            db.session.commit()
        except Refused as refused:
            if refused.reason is views.NO_SUCH_VIEW:
                abort(404)
            return door.page(403, refused.reason.in_(door.language()))
        door.say("已删除视图", "The view is gone")
        return redirect(f"/admin/{self.spec.name}/")


def _sharing(spec: RecordType, who: access.Actor) -> list[tuple[str, str]]:
    if not views.may_share(who):
        return []
    return [(role, ROLES[role].label.in_(who.language)) for role in views.sharing_roles(spec)]


def _key(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0
