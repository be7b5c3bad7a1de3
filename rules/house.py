"""Notices that are about no record: what the administrator or an office has to know of the house itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from models.spec import Text
from rules import notices


def tell(act: Any, roles: Collection[str], text: Text, *, kind: str, key: str) -> int:
    """Tell everybody of these roles, once for each key; how many were told."""
    return sum(notices.tell_house(act, role, text, kind=kind, key=key) for role in roles)


def tell_people(act: Any, people: Collection[int], text: Text, *, kind: str, key: str) -> int:
    """The same for people named by their ids."""
    return notices.tell_house_people(act, people, text, kind=kind, key=key)
