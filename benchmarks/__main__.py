"""`python -m benchmarks [WHAT] [--rows N] [--database sqlite|postgresql]`: fill, measure, check, print."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from benchmarks import against, api, beside, grades, imports, inbox, months, pages, place, searching, sweep

RESULTS = Path(__file__).with_name("RESULTS.md")
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(frozen=True)
class Benchmark:
    """`rows` of what, unless told otherwise; the section of RESULTS.md is called by its title and the database."""

    module: ModuleType
    rows: int
    of: str
    title: str = ""
    dealers: int = 0

    def heading(self, database: str) -> str:
        return f"## {self.title}, {DATABASES[database]}" if self.title else f"## {DATABASES[database]}"


BENCHMARKS = {
    "pages": Benchmark(pages, 500_000, "sheets"),
    "million": Benchmark(against, 1_000_000, "sheets", "A million rows"),
    "grades": Benchmark(grades, 1_000_000, "rows of evidence", "Grade sheets", dealers=2_000),
    "months": Benchmark(months, 1_000_000, "quality informations of a year", "A month of a year", dealers=1_000),
    "inbox": Benchmark(inbox, 100_000, "open rounds", "Inbox"),
    "sweep": Benchmark(sweep, 200_000, "running clocks", "Deadlines"),
    "search": Benchmark(searching, 200_000, "sheets", "Search"),
    "imports": Benchmark(imports, 100_000, "rows of a file", "Imports"),
    "beside": Benchmark(beside, 1_000_000, "sheets", "A list beside an export"),
    "api": Benchmark(api, 100_000, "sheets", "The API"),
}


def main() -> int:
    asked = _arguments()
    benchmark = BENCHMARKS[asked.what]
    asked.rows, asked.dealers = asked.rows or benchmark.rows, asked.dealers or benchmark.dealers
    with place.folder(asked) as folder, place.database(asked.database, folder) as url:
        app = place.app(folder, url)
        report, good = benchmark.module.run(app, folder, asked)
    print("\n".join(report))
    if asked.record:
        _record(benchmark.heading(asked.database), report)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    words.add_argument("what", nargs="?", choices=tuple(BENCHMARKS), default="pages")
    words.add_argument("--rows", type=int, help="; ".join(
        f"{name}: {one.of} ({one.rows})" for name, one in BENCHMARKS.items()))
    words.add_argument("--database", choices=tuple(DATABASES), default="sqlite")
    words.add_argument("--requests", type=int, default=300, help="pages, inbox: measured requests each (300)")
    words.add_argument("--exports", type=int, default=3, help="pages: measured exports (3)")
    words.add_argument("--dealers", type=int, help="grades: dealers to grade (2000); months: dealers (1000)")
    words.add_argument("--rounds", type=int, default=3, help="grades, months, sweep: measured runs (3)")
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
    known = [one.heading(database) for one in BENCHMARKS.values() for database in DATABASES]
    in_order = [kept[title] for title in known if title in kept]
    RESULTS.write_text("\n\n".join([head.strip(), *in_order]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
