"""Hand-written parts of the page of a single type, each with its reason. What is true for any type is in the factory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from admin_views.special import grades


class Panel(NamedTuple):
    template: str
    told: Callable[[Any, Any], dict[str, Any] | None]     # (act, record) -> what the template shows; None: nothing


# type -> what its page shows besides its fields
PANELS: Mapping[str, Panel] = {
    # How a dealer develops is seen in no single grade sheet.
    "dealer_ledger": Panel("special/grades.html", grades.told),
}


def panel(act: Any, record: Any) -> dict[str, Any] | None:
    found = PANELS.get(record.spec.name)
    shown = found.told(act, record) if found else None
    return {"template": found.template, **shown} if found and shown else None
