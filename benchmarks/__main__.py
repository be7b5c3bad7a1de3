"""`python -m benchmarks [WHAT] [--rows N] [--database sqlite|postgresql]`: fill, measure, check, print."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import against, grades, inbox, pages, place, searching, sweep

RESULTS = Path(__file__).with_name("RESULTS.md")
WHAT = {"pages": pages, "grades": grades, "inbox": inbox, "sweep": sweep, "search": searching, "million": against}
ROWS = {"pages": 500_000, "grades": 1_000_000, "inbox": 100_000, "sweep": 200_000, "search": 200_000, "million": 1_000_000}
TITLES = {("pages", "sqlite"): "## SQLite", ("pages", "postgresql"): "## PostgreSQL",
          ("grades", "sqlite"): "## Grade sheets, SQLite", ("grades", "postgresql"): "## Grade sheets, PostgreSQL",
          ("inbox", "sqlite"): "## Inbox, SQLite", ("inbox", "postgresql"): "## Inbox, PostgreSQL",
          ("sweep", "sqlite"): "## Deadlines, SQLite", ("sweep", "postgresql"): "## Deadlines, PostgreSQL",
          ("search", "sqlite"): "## Search, SQLite", ("search", "postgresql"): "## Search, PostgreSQL",
          ("million", "sqlite"): "## A million rows, SQLite", ("million", "postgresql"): "## A million rows, PostgreSQL"}


def main() -> int:
    asked = _arguments()
    asked.rows = asked.rows or ROWS[asked.what]
    with place.folder(asked) as folder, place.database(asked.database, folder) as url:
        app = place.app(folder, url)
        report, good = WHAT[asked.what].run(app, folder, asked)
    print("\n".join(report))
    if asked.record:
        _record(TITLES[asked.what, asked.database], report)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("what", nargs="?", choices=tuple(WHAT), default="pages")
    words.add_argument("--rows", type=int, help="sheets (500000), rows of evidence (1000000), open rounds (100000) or "
                                                "running clocks (200000); search: sheets (200000)")
    words.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    words.add_argument("--requests", type=int, default=300, help="pages, inbox: measured requests each (300)")
    words.add_argument("--exports", type=int, default=3, help="pages: measured exports (3)")
    words.add_argument("--dealers", type=int, default=2000, help="grades: dealers to grade (2000)")
    words.add_argument("--rounds", type=int, default=3, help="grades, sweep: measured runs (3)")
    words.add_argument("--due", type=int, default=500, help="sweep: limits that pass (500)")
    words.add_argument("--seconds", type=float, default=20, help="million: at most this long per request that is measured (20)")
    words.add_argument("--django", metavar="PYTHON", type=Path, help="million: the Python of an environment that has "
                                                                     "benchmarks/rivals/requirements.txt")
    words.add_argument("--alone", action="store_true", help="million: without the rivals")
    words.add_argument("--keep", metavar="FOLDER", type=Path, help="fill this folder once and use it again")
    words.add_argument("--record", action="store_true", help="write the tables into RESULTS.md")
    return words.parse_args()


def _record(title: str, report: list[str]) -> None:
    """Replace this section of RESULTS.md."""
    head, *sections = ("\n" + RESULTS.read_text(encoding="utf-8")).split("\n## ")
    kept = {("## " + section).partition("\n")[0]: "## " + section.rstrip() for section in sections}
    kept[title] = title + "\n\n" + "\n".join(report).rstrip()
    in_order = [kept[title] for title in TITLES.values() if title in kept]
    RESULTS.write_text("\n\n".join([head.strip(), *in_order]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
