"""A dealer's monthly grades as a line over time: the chart of its page, and the same as a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from models.base import Record
from models.spec import VOID
from rules import access, exports

MONTHS = 14
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 220, 34, 12, 18, 26
LEAST = Decimal(50)   # a lower score is drawn on the ground line
CUTS = ("a", "b", "c")


def told(act: Any, dealer: Any) -> dict[str, Any] | None:
    """The last months' sheets that the actor may see, and where to draw them; one statement and the cut-offs."""
    spec = Record.types["dealer_grade_sheet"]
    if not access.may(act.actor, "view", spec):
        return None
    sheet = spec.model
    query = sa.select(sheet.id, sheet.period, sheet.score, sheet.grade, sheet.has_veto, sheet.state).where(
        sheet.dealer_id == dealer.id, sheet.sheet_kind == "monthly", sheet.state != VOID)
    rows = act.session.execute(access.visible(query, act.actor, spec).order_by(sheet.period.desc(), sheet.id.desc()))
    newest = {row.period: row for row in reversed(rows.all())}   # a re-issue takes the place of its first issue
    shown = [newest[period] for period in sorted(newest)][-MONTHS:]
    if not shown:
        return None
    language, grade = act.actor.language, spec.fields["grade"]
    points = [{
        "href": f"/admin/{spec.name}/details/?id={row.id}", "period": row.period, "x": _x(n, len(shown)),
        "y": _y(row.score) if row.score is not None else None, "score": exports.shown(spec.fields["score"], row.score, language),
        "grade": exports.shown(grade, row.grade, language), "letter": (row.grade or "")[:1].upper(), "has_veto": bool(row.has_veto),
        "is_published": row.state == "published", "state": spec.workflow.state(row.state).label.in_(language),
    } for n, row in enumerate(shown)]
    return {
        "points": points, "line": " ".join(f"{p['x']},{p['y']}" for p in points if p["y"] is not None),
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "ground": HEIGHT - BOTTOM,
        "cuts": [{"letter": name.upper(), "y": _y(act.parameter(f"grade_{name}_from"))} for name in CUTS],
    }


def _x(n: int, count: int) -> int:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * (n + 0.5) / count)


def _y(score: Decimal) -> int:
    share = max(Decimal(0), min(Decimal(1), (score - LEAST) / (100 - LEAST)))
    return round(HEIGHT - BOTTOM - float(share) * (HEIGHT - TOP - BOTTOM))
