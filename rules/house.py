"""Notices that are about no record: what the administrator or an office has to know of the house itself."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

from models.spec import Text
from rules import notices

# What a notice asks of the record that it is about: everybody who is meant sees the house.
HOUSE: Any = SimpleNamespace(
    id=None, created_by_id=None, spec=SimpleNamespace(name="house", scope={}, letters=lambda _role: "V"))


def tell(act: Any, roles: Collection[str], text: Text, *, kind: str, key: str) -> int:
    """Tell everybody of these roles, once for each key; how many were told."""
    return notices.tell(act, HOUSE, roles, text, kind=kind, key=key)
