"""What the official SDK sends is understood, and what it gets looks as it did when it was recorded.

`tests/api/wire/record.mjs` writes the recording anew, on a machine that has Node and the SDK.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

from api.operators import OPERATORS
from tests.api.program import Program
from tests.browser_of_a_person import PASSWORD

RECORDED = json.loads((Path(__file__).parent / "wire" / "sdk.json").read_text(encoding="utf-8"))


def shape(value):
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return "null" if value is None else {bool: "boolean", int: "number", str: "string"}[type(value)]


def cut(recorded, told):
    """The recording goes down only so far."""
    if recorded == "...":
        return "..."
    if isinstance(recorded, dict) and isinstance(told, dict):
        return {key: cut(recorded.get(key), one) for key, one in told.items()}
    if isinstance(recorded, list) and isinstance(told, list):
        return [cut(*pair) for pair in zip(recorded, told, strict=False)]
    return told


def sent(program, step, secrets):
    """Secrets are written down by their names only: here they are those of this run."""
    body = {key: secrets.get(value, value) if isinstance(value, str) else value for key, value in step["body"].items()} \
        if isinstance(step.get("body"), dict) else step.get("body")
    options = {"json": body} if "body" in step else {}
    if "form" in step:
        options["data"] = {key: part if isinstance(part, str) else (io.BytesIO(part["text"].encode()), part["name"])
                           for key, part in step["form"]}
        options["content_type"] = "multipart/form-data"
    headers = {name: value for name, value in step["headers"].items() if name != "content-type"}
    if "bearer" in step or step["path"].startswith("/auth/"):   # a sign-in of its own, not the session of a browser
        by = {"Authorization": f"Bearer {secrets[step['bearer']]}"} if "bearer" in step else {}
        return program.client.application.test_client(use_cookies=False).open(
            step["path"], method=step["method"], headers={**headers, **by}, **options)
    return program.ask(step["method"], step["path"], headers=headers, **options)


def test_what_the_sdk_sends_is_answered_as_it_was_when_it_was_recorded(app):
    program, secrets = Program(app, "sales"), {"{password}": PASSWORD}
    for step in RECORDED["steps"]:
        answer = sent(program, step, secrets)
        assert answer.status_code == step["status"], (step["name"], answer.text)
        if step["shape"] is not None:
            told = answer.json.get("data", answer.json)
            secrets |= {f"{{{name}}}": told[name] for name in ("access_token", "refresh_token") if name in told}
            assert cut(step["shape"], shape(told)) == step["shape"], step["name"]
        if "data" in step:
            assert answer.json["data"] == step["data"], step["name"]


def test_the_recording_holds_every_operator():
    asked = " ".join(step["path"] for step in RECORDED["steps"])
    assert not [name for name in (*OPERATORS, "_some", "_none", "_and", "_or") if f"%22{name}%22" not in asked]
