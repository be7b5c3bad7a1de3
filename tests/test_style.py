"""Rules of the house that no tool holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

HOUSE = Path(__file__).resolve().parent.parent
OUTSIDE_RULES = [path for room in ("models", "admin_views", "api", "forms", "jobs") for path in sorted((HOUSE / room).rglob("*.py"))]
# Bulk SQL passes the audit by. Where it is meant, with the reason:
MEANT = {
    "jobs/quality_info_summary.py": "writes the lines of the record it compiles, which then accounts for them by its move",
    "jobs/monthly_quality_analysis.py": "as above, for the monthly analysis",
    "jobs/dealer_grade_sheet.py": "as above, for all dealers at once",
    "jobs/parts_purchase_list.py": "as above",
    "jobs/warranty_settlement.py": "as above",
    "jobs/quarterly_figures.py": "as above, for the drafts of a quarter",
    "jobs/grade_counts.py": "what counts, in a table of the transaction: no business rows",
    "jobs/reports.py": "a run's progress: no business rows",
    "jobs/compiling.py": "forgets the evidence of a record that is compiled anew: no business rows",
    "jobs/outbox.py": "marks what was handed to the queue: no business rows",
    "jobs/survey_coverage.py": "the evidence of a run: no business rows",
    "jobs/evaluation_score.py": "as above",
    "jobs/import_runs.py": "the journal of an import and its bad rows: no business rows",
    "models/base.py": "the word with which the jobs above write rows that the database itself computes",
    "jobs/restore.py": "writes the rows of a backup back as they were, with the audit entries that tell of them",
    "jobs/clock.py": "due times: no business rows",
    "jobs/mail.py": "marks what was mailed: no business rows",
    "jobs/webhooks.py": "marks what was sent: no business rows",
    "jobs/upkeep.py": "forgets finished jobs and files of forms that were given up: no business rows",
}


def bulk_statements(path):
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if re.search(
        r"\bsa\.(insert|update|delete)\(|\b(postgresql|sqlite)\.insert\(|\binsert_from\(", line)]


@pytest.mark.parametrize("path", OUTSIDE_RULES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_no_bulk_sql_outside_the_rules(path):
    if str(path.relative_to(HOUSE)) not in MEANT:
        assert bulk_statements(path) == []


@pytest.mark.parametrize("name", MEANT)
def test_every_exception_is_still_needed(name):
    assert bulk_statements(HOUSE / name)


def test_doors_compare_no_roles():
    """They ask rules/access; the one exception asks whether somebody administers, which is no right to a record."""
    for path in sorted((HOUSE / "admin_views").glob("*.py")):
        found = re.findall(r"[\"'](\w+)[\"'] in \w+\.roles", path.read_text(encoding="utf-8"))
        assert found == [], path


def test_every_room_says_what_it_holds():
    for path in [*OUTSIDE_RULES, *sorted((HOUSE / "rules").glob("*.py"))]:
        assert path.read_text(encoding="utf-8").startswith('"""'), path
