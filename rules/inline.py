"""Which fields of a type are changed in its list itself: declared in the type, for whoever may write it."""

from __future__ import annotations

from collections.abc import Iterator

from models.base import Record
from models.spec import Field, Kind, RecordType
from rules import access, areas, checks, lists

# What takes more than one line, a search or a file is changed on the form.
NOT_IN_A_CELL = frozenset({Kind.LONGTEXT, Kind.MULTICHOICE, Kind.LINK, Kind.FILE})


def fields(spec: RecordType, actor: access.Actor) -> dict[str, Field]:
    """Whether a row may be changed now is asked with the row."""
    if not spec.inline or "E" not in access.letters(actor, spec):
        return {}
    found = {name: spec.fields[name] for name in spec.inline}
    return {name: field for name, field in found.items() if not lists.is_masked(spec, actor, name)
            and not (field.to and areas.is_off(Record.types[field.to]))}


def complaints(spec: RecordType) -> Iterator[str]:
    """Why a declaration is wrong, each with its cure."""
    closed = checks.read_only(spec)
    for name in spec.inline:
        if name not in spec.fields:
            yield f"inline names the unknown field {name!r}; declare it or take it out."
        elif name in closed:
            yield f"inline names {name!r}, which nobody types; take it out."
        elif spec.fields[name].kind in NOT_IN_A_CELL:
            yield f"inline names {name!r}, which does not fit into a cell; take it out, the form is for it."
        elif name == spec.list[0]:
            yield f"inline names {name!r}, whose cell opens the record; take it out."
