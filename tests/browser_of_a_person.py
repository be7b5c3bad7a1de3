"""Somebody at a browser: signed in, with the token of their session, reading and sending forms."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

PASSWORD = "correct horse battery"


class Person:
    """What a person does through the screens of the application."""

    def __init__(self, app, username, language="zh"):
        from models.base import db
        from models.people import User
        self.app, self.client, self._token = app, app.test_client(), None
        with app.app_context():
            user = db.session.scalar(sa.select(User).where(User.username == username))
            key = user.get_id()
            db.session.remove()
        with self.client.session_transaction() as session:
            session["_user_id"], session["_fresh"], session["language"] = key, True, language

    def get(self, path, **options):
        return self.client.get(path, **options)

    def post(self, path, data=None, **options):
        """Send a form with the token of this session."""
        return self.client.post(path, data={**(data or {}), "csrf_token": self.token()}, **options)

    def token(self):
        """Of this session: read once, from the lightest of all pages."""
        if self._token is None:
            page = self.client.get("/admin/notices/")
            self._token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[1]
        return self._token

    def form(self, path):
        """The values of the record form on a page, as a browser would send them back."""
        return fields_of(self.get(path).text)

    def create(self, type_name, data):
        """Fill in and send a new form; the id of the record."""
        answer = self.post(f"/admin/{type_name}/new/", data)
        assert answer.status_code == 302, problems(answer)
        return int(parse_qs(urlsplit(answer.location).query)["id"][0])

    def edit(self, type_name, id_, **changes):
        form = self.form(f"/admin/{type_name}/edit/?id={id_}")
        return self.post(f"/admin/{type_name}/edit/?id={id_}", {**form, **changes})

    def move(self, type_name, id_, name, comment="", revision=None, **fields):
        return self.post(f"/admin/{type_name}/{id_}/moves/{name}", {
            "revision": revision if revision is not None else self.revision(type_name, id_), "comment": comment, **fields})

    def revision(self, type_name, id_):
        from models.base import Record, db
        with self.app.app_context():
            model = Record.types[type_name].model
            found = db.session.scalar(sa.select(model.revision).where(model.id == id_))
            db.session.remove()
            return found


def fields_of(page):
    """name -> value of every input, textarea and select of the page's record form."""
    found = {}
    form = re.search(r"<form[^>]*id=\"record-form\".*?</form>", page, re.S)
    body = form[0] if form else page
    for tag in re.findall(r"<input[^>]*>", body):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        kind = re.search(r'type="(\w+)"', tag)
        if name and kind and kind[1] == "checkbox":   # one name, as many values as are ticked
            found[name[1]] = [*found.get(name[1], ()), *([html.unescape(value[1])] if "checked" in tag else ())]
        elif name and (kind is None or kind[1] != "submit"):
            found[name[1]] = html.unescape(value[1]) if value else ""
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', body, re.S):
        found[name] = html.unescape(text).lstrip("\r\n")
    for attributes, rows in re.findall(r"<select([^>]*)>(.*?)</select>", body, re.S):
        name = re.search(r'name="([^"]+)"', attributes)
        chosen = [html.unescape(v) for v in re.findall(r'<option[^>]*selected[^>]*value="([^"]*)"', rows)] or \
            [html.unescape(v) for v in re.findall(r'<option[^>]*value="([^"]*)"[^>]*selected', rows)]
        if name:
            found[name[1]] = chosen if "multiple" in attributes else (chosen[0] if chosen else "")
    found.pop("csrf_token", None)
    return found


def problems(answer):
    """The sentences of a refused form, for a test's message."""
    text = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|select).*?</\1>", "", answer.text, flags=re.S))
    return f"{answer.status_code} {answer.location or ''} " + " ".join(text.split())[:1500]
