"""Where a record stands among the others: what it came from, what came of it, what may be created from here, and the
whole chain as one timeline. Part of every type's view."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import abort, request
from flask_admin import BaseView, expose

from admin_views import door, list_rows, timelines
from models.base import Record, db
from models.spec import RecordType
from rules import access, chains, records, registry

ENTRIES = 300   # of a chain's timeline: the newest


class Chained(BaseView):
    """Mixed into the view of a record type, which finds its records."""

    spec: RecordType

    def _record(self, id_: Any = None, *, lock: bool = False) -> Any:
        raise NotImplementedError

    @expose("/<int:id_>/chain")
    def chain(self, id_: int) -> Any:
        record = self._record(id_)
        nodes = chains.whole(db.session, door.actor(), record)
        known = {(node.spec.name, node.id): node for node in nodes}
        told = [(entry, known[entry.type, entry.record_id]) for entry in chains.entries(db.session, nodes, ENTRIES)]
        return self.render("record/chain.html", spec=self.spec, record=record, nodes=_shown(nodes),
                           entries=[_entry(entry, node) for entry, node in told])

    def _source(self) -> Any:
        """The record that the address says it comes from: `?from=complaint_case:12`; None without one, 404 if it is
        not there for the person."""
        asked = door.clean(request.args.get("from", ""))
        if not asked:
            return None
        name, _, id_ = asked.partition(":")
        spec = registry.type_named(name)
        if spec is None or not access.may(door.actor(), "view", spec):
            abort(404)
        return records.find(db.session, door.actor(), spec, door.as_id(id_)) or abort(404)


def panel(act: Any, record: Any) -> dict[str, Any]:
    """What a record's page shows of its chain."""
    found, spec = chains.neighbours(act.session, act.actor, record), record.spec
    by_type: dict[str, list[chains.Node]] = {}
    for node in found.came_of_it:
        by_type.setdefault(node.spec.name, []).append(node)
    return {
        "came_from": _shown(found.came_from),
        "came_of_it": [{"label": Record.types[name].label.in_(act.actor.language), "nodes": _shown(nodes[:chains.NEWEST - 1]),
                        "all": f"/admin/{name}/?from={spec.name}:{record.id}" if len(nodes) >= chains.NEWEST else ""}
                       for name, nodes in by_type.items()],
        "next": [(f"/admin/{next_.name}/new/?from={spec.name}:{record.id}", next_.label.in_(act.actor.language))
                 for next_ in chains.next_types(act.actor, record)],
    }


def _shown(nodes: Iterable[chains.Node]) -> list[dict[str, Any]]:
    return [{"label": node.spec.label.in_(door.language()), "number": node.number or f"#{node.id}",
             "called": node.called if node.called != node.number else "",
             "href": f"/admin/{node.spec.name}/details/?id={node.id}", "tone": list_rows.tone(node.spec, node.state),
             "state": list_rows.state_text(node.spec, node.state, door.language()), "at": node.created_at} for node in nodes]


def _entry(entry: Any, node: chains.Node) -> dict[str, Any]:
    return {**_shown([node])[0], "at": entry.at, "who": entry.actor, "comment": entry.comment or "",
            "action": timelines.action_text(node.spec, entry.action).in_(door.language())}
