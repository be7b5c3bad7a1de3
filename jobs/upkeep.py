"""Keeping the house: bytes that nobody names any more, and jobs that were done long ago."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from jobs import outbox
from models.files import Attachment
from models.history import Outbox
from models.retention import Archive
from models.transfers import Export, Import
from rules import file_store, tokens, transfers, webhooks
from rules.act import Act

GIVEN_UP = timedelta(days=7)     # after which a form that was never saved loses its files
UNNAMED = timedelta(days=1)      # a file is in the store before the row that names it
AT_ONCE = 500
DELIVERY_LOG = timedelta(days=30)
# Which columns name files of the store, and as long as what is so.
NAMED: tuple[tuple[Any, Any], ...] = (
    (Attachment.sha256, Attachment.erased_at.is_(None)), (Archive.sha256, sa.true()),
    (Export.sha256, Export.sha256.is_not(None)), (Import.sha256, Import.file_gone_at.is_(None)))


def sweep_files(act: Act, _due: datetime) -> str:
    """Files of forms that were given up, exports and imports that were kept long enough, and bytes that nothing names
    any more."""
    exports, imports = transfers.expire(act)
    stale = sa.select(Attachment.id).where(Attachment.record_id.is_(None), Attachment.uploaded_at < act.now - GIVEN_UP)
    found = act.session.execute(sa.delete(Attachment).where(Attachment.id.in_(stale)))
    before, count, hashes = act.now - UNNAMED, 0, []
    for sha256 in file_store.older_than(before):
        hashes.append(sha256)
        if len(hashes) == AT_ONCE:
            count, hashes = count + _sweep(act, hashes, before), []
    count += _sweep(act, hashes, before)
    return (f"{count} files, {found.rowcount} of forms, {exports} exports, {imports} imports, "
            f"{file_store.sweep_incoming(before)} interrupted")


def _sweep(act: Act, hashes: list[str], before: datetime) -> int:
    named = set(act.session.scalars(sa.union(*(sa.select(hash_).where(hash_.in_(hashes), so) for hash_, so in NAMED))))
    return sum(file_store.drop(sha256, before) for sha256 in hashes if sha256 not in named)


def tidy_outbox(act: Act, _due: datetime) -> str:
    gone = act.session.execute(sa.delete(Outbox).where(Outbox.done_at < act.now - outbox.KEPT_DONE))
    return f"{gone.rowcount} rows"


def tidy_programs(act: Act, _due: datetime) -> str:
    """Sign-ins of programs that are over, and messages that were sent long ago."""
    gone = tokens.forget_ended(act.session, act.now), webhooks.forget_old(act.session, act.now - DELIVERY_LOG)
    return f"{gone[0]} tokens, {gone[1]} messages"
