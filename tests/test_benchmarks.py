"""The benchmark runs and prints its table; how quick anything is, is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def measured(tmp_path, *options):
    done = subprocess.run([sys.executable, "-m", "benchmarks", *options], cwd=Path(__file__).parent.parent,
                          env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ratio" in done.stdout and "- NO:" not in done.stdout
    assert not list(tmp_path.glob("aftercare-benchmark-*")), "the folder of the run is left behind"
    return done.stdout


def test_a_small_run_prints_its_ratios_and_keeps_its_promises(tmp_path):
    told = measured(tmp_path, "--rows", "2000", "--requests", "5", "--exports", "1")
    for name in ("list, page 1", "list, page 40", "list, state and month", "CSV"):
        assert f"| {name} |" in told


def test_the_grade_sheets_of_a_small_network_are_those_of_the_floor(tmp_path):
    told = measured(tmp_path, "grades", "--dealers", "40", "--rows", "4000", "--rounds", "1")
    assert "- yes: the same figures, lines and evidence as the floor (sheets 40, " in told and "vetoes 2" in told


@pytest.mark.once
def test_the_summary_and_the_analysis_of_a_small_year_are_those_of_the_floor(tmp_path):
    told = measured(tmp_path, "months", "--dealers", "20", "--rows", "1500", "--rounds", "1")
    for name in ("summary", "analysis"):
        assert f"- yes: {name}: the same lines, figures and evidence as the floor (" in told
    assert "recurrences 20" in told and "open_items 3" in told
