"""A small program beside Aftercare: reads the visit plans of a month, writes one, and hands it in.

    python docs/examples/visit_plans.py http://127.0.0.1:8000 TOKEN

The standard library is enough. `ask` takes any function that sends a request, so that a test can stand in for the network.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

Ask = Callable[..., Any]


class Refused(Exception):
    """The server said no; it says why in the language that was asked for."""


def over_http(server: str, token: str) -> Ask:
    def ask(method: str, path: str, body: Any = None, query: Any = None, headers: Any = None) -> Any:
        words = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()}
        request = urllib.request.Request(
            f"{server}{path}?{urllib.parse.urlencode(words)}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as no:
            raise Refused("; ".join(error["message"] for error in json.load(no)["errors"])) from None
    return ask


def plans_of(ask: Ask, year: int, month: int) -> Any:
    """What is planned for a month, with whom to visit."""
    return ask("GET", "/items/visit_plan", query={
        "fields": "number,title,state,visits.planned_on,visits.customer.name", "sort": "number",
        "filter": {"year(starts_on)": {"_eq": year}, "month(starts_on)": {"_eq": month}}})


def planned(ask: Ask, handler: int, customer: int, day: str, key: str) -> Any:
    """A plan with one visit. Asked again with the same key, it is not made a second time."""
    return ask("POST", "/items/visit_plan", {
        "title": f"Visit on {day}", "purpose": "Hear what they need", "starts_on": day, "ends_on": day, "handler": handler,
        "visits": [{"customer": customer, "planned_on": day, "visitor": handler}]}, headers={"Idempotency-Key": key})


def handed_in(ask: Ask, plan: Any) -> Any:
    """A move names the revision that was seen: nobody hands in what they have not read."""
    return ask("POST", f"/items/visit_plan/{plan['id']}/moves/submit", {"revision": plan["revision"]})


def main(server: str, token: str) -> None:
    ask = over_http(server, token)
    for plan in plans_of(ask, 2026, 10):
        print(plan["number"], plan["state"], plan["title"], [visit["customer"]["name"] for visit in plan["visits"]])


if __name__ == "__main__":
    main(*sys.argv[1:3])
