"""Sign-in: name or mail address, and password."""

from __future__ import annotations

from wtforms import Form, PasswordField, StringField


class SignInForm(Form):
    username = StringField()
    password = PasswordField()
