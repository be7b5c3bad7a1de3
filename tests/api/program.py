"""A program that speaks for somebody: JSON in, JSON out, with the session of a browser."""

from __future__ import annotations

import json

from tests.browser_of_a_person import Person


class Program(Person):
    """`Program(app, "sales").get("/items/customer")`; changes carry the token of the session in their header."""

    def ask(self, method, path, body=None, *, headers=None, **options):
        if body is not None:
            options["json"] = body
        if method not in ("GET", "SEARCH"):
            headers = {"X-CSRFToken": self.token(), **(headers or {})}
        return self.client.open(path, method=method, headers=headers, buffered=True, **options)

    def read(self, type_name, status=200, **query):
        """The list; conditions and the like may be given as objects."""
        given = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in query.items()}
        answer = self.client.get(f"/items/{type_name}", query_string=given)
        assert answer.status_code == status, answer.text
        return answer.json if status != 200 or "meta" in query or "cursor" in query else answer.json["data"]

    def make(self, type_name, status=200, **values):
        answer = self.ask("POST", f"/items/{type_name}", values)
        assert answer.status_code == status, answer.text
        return answer.json if status != 200 else answer.json["data"]


def code(answer):
    """The code of the first error."""
    return (answer if isinstance(answer, dict) else answer.json)["errors"][0]["extensions"]["code"]


def fields_named(answer):
    return [error["extensions"].get("field") for error in answer.json["errors"]]
