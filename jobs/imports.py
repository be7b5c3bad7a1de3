"""How records come in from files: all or nothing, every bad row named.

What names a bad row is bad itself; with `skip_bad` the rest is tried again without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobs import import_files
from jobs.import_files import Table
from jobs.import_rows import BadRow, Entry, History, Load
from models.spec import Invalid, RecordType, Text
from rules import areas, audit
from rules.act import Act


SWITCHED_OFF = Text("“{type}”所在的业务区已停用，不能导入；请先启用",
                    "The area of “{type}” is switched off: switch it on before you import")


@dataclass
class Outcome:
    """What an import did, or on a dry run would do; `bad` rows were left out, or kept everything out."""

    created: int = 0
    updated: int = 0
    bad: list[BadRow] = field(default_factory=list)


def import_file(act: Act, spec: RecordType, path: str | Path, *, dry_run: bool = False, skip_bad: bool = False,
                history: bool = False) -> Outcome:
    """One file. Flushes; raises Invalid on `file` if the file as a whole cannot be read."""
    return _bring_in(act, [import_files.read(spec, path)], dry_run, skip_bad, history)


def import_folder(act: Act, folder: str | Path, *, history: bool = False, dry_run: bool = False,
                  skip_bad: bool = False, counting: Sequence[str] = ()) -> Outcome:
    """Every TYPE file of a folder in one go; they may name each other's records. Old records of the `counting` types
    are saved last and in that order, because their derived values count the others."""
    return _bring_in(act, import_files.read_folder(folder), dry_run, skip_bad, history, counting)


def _bring_in(act: Act, tables: list[Table], dry_run: bool, skip_bad: bool, history: bool,
              counting: Sequence[str] = ()) -> Outcome:
    session, left_out = act.session, []
    for table in tables:
        if areas.is_off(table.spec):
            raise Invalid({"file": SWITCHED_OFF.with_(type=table.spec.label)})
    try:
        while True:
            attempt = session.begin_nested()
            load: Load = History(act, tables, counting) if history else Entry(act, tables)
            bad = load.run()
            if not bad and not dry_run and (skip_bad or not left_out):
                attempt.commit()
                _note(act, tables, load)
                return Outcome(load.created, load.updated, left_out)
            attempt.rollback()
            session.info.pop("saving", None)
            left_out += bad
            if not bad:
                return Outcome(load.created, load.updated, left_out)
            if not skip_bad:
                return Outcome(bad=left_out)
            _leave_out(tables, load.bad_rows)
    finally:
        session.info["act"] = act


def _leave_out(tables: list[Table], bad: set[int]) -> None:
    for table in tables:
        table.rows = [row for row in table.rows if id(row) not in bad]


def _note(act: Act, tables: list[Table], load: Load) -> None:
    """One entry for the import as a whole, with the checksum of each file."""
    changes: dict[str, Any] = {name: [None, f"sha256:{digest}"] for table in tables
                               for name, digest in table.digests.items()}
    changes |= {"created": [None, load.created], "updated": [None, load.updated]}
    subject = tables[0].spec.name if len(tables) == 1 else "import"
    audit.note(act.session, act, "import", subject, next(iter(tables[0].digests))[:200], changes)


__all__ = ["BadRow", "Outcome", "import_file", "import_folder"]
