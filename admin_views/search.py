"""Search everywhere: one page for all types, found through the box in the header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask_admin import BaseView, expose
from flask_login import current_user
from markupsafe import Markup, escape

from admin_views import door, list_rows
from models.base import db
from rules import access, registry, search, words

AROUND = 60     # characters on either side of what was found
LONGEST = 160   # of a snippet


@dataclass(frozen=True)
class Result:
    """One record as the page shows it; what was looked for is marked in its parts."""

    href: str
    sign: str
    area: str
    label: str
    number: Markup
    title: Markup
    snippet: Markup
    state: str
    tone: str


class SearchView(BaseView):
    """Open to everybody who is signed in; what they find is theirs to see."""

    def __init__(self) -> None:
        super().__init__(name="搜索", endpoint="search", url="/admin/search")

    def _handle_view(self, name: str, /, **arguments: Any) -> Any:
        return None if current_user.is_authenticated else door.login.unauthorized()

    @expose("/")
    def index(self) -> Any:
        typed, who = door.clean(request.args.get("q", ""), 100), door.actor()
        asked = request.args.get("type", "")
        only = registry.type_named(asked)
        if only is not None and not access.may(who, "view", only):
            only = None
        answer = search.find(db.session, who, typed, only)
        marks = words.pattern(answer.terms) if answer.terms else None
        return self.render(
            "search.html", typed=typed, only=only, is_all=answer.is_all, shown=search.SHOWN,
            results=[_result(hit, marks, who.language) for hit in answer.hits],
            types=[(spec.label.in_(who.language), count, "?" + urlencode({"q": typed, "type": spec.name}))
                   for spec, count in answer.types],
            list_at=f"/admin/{only.name}/?" + urlencode({"q": typed}) if only else "")


def _result(hit: search.Hit, marks: re.Pattern[str] | None, language: str) -> Result:
    spec = hit.spec
    return Result(
        f"/admin/{spec.name}/details/?id={hit.id}", spec.label.in_(language)[:1], spec.area, spec.label.in_(language),
        marked(hit.number or f"#{hit.id}", marks), marked(hit.title or "", marks), _snippet(hit, marks),
        list_rows.state_text(spec, hit.state, language), list_rows.tone(spec, hit.state))


def _snippet(hit: search.Hit, marks: re.Pattern[str] | None) -> Markup:
    """The line in which something was found that number and title do not show, or the longest one."""
    lines = [line for line in hit.text.replace("\r", "").split("\n") if line not in (hit.number, hit.title)]
    if not lines:
        return Markup("")
    found = next(((line, match) for line in lines if marks and (match := marks.search(line))), None)
    if found is None:
        return Markup(escape(_cut(max(lines, key=len), 0)))
    line, match = found
    return marked(_cut(line, max(0, match.start() - AROUND)), marks)


def _cut(line: str, start: int) -> str:
    return ("…" if start else "") + line[start:start + LONGEST] + ("…" if len(line) > start + LONGEST else "")


def marked(text: str, marks: re.Pattern[str] | None) -> Markup:
    """The text for a page, with what was looked for between <mark> and </mark>."""
    return Markup("".join(_pieces(text, marks))) if marks else escape(text)


def _pieces(text: str, marks: re.Pattern[str]) -> Iterator[str]:
    last = 0
    for match in marks.finditer(text):
        yield f"{escape(text[last:match.start()])}<mark>{escape(match[0])}</mark>"
        last = match.end()
    yield escape(text[last:])
