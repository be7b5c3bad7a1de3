"""The rows of a recall that has more vehicles than anybody waits for: written in portions, each in a transaction of its
own. Whoever does it again goes on where the last one stopped."""

from __future__ import annotations

from models.base import db
from models.warranty.recall_campaign import write_more_rows
from rules.access import Actor
from rules.act import Act


def write(campaign_id: int) -> None:
    """Until every vehicle of the scope has its row."""
    while _write_portion(campaign_id):
        pass


def _write_portion(campaign_id: int) -> bool:
    act = Act(db.session, Actor.system())
    campaign = act.lock(act.get("recall_campaign", campaign_id))   # who works on the same recall takes turns
    has_more = write_more_rows(campaign, act)
    db.session.commit()
    return has_more
