"""The benchmark runs and prints its table; how quick anything is, is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_small_run_prints_its_ratios_and_keeps_its_promises(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--rows", "2000", "--requests", "5", "--exports", "1"],
        cwd=Path(__file__).parent.parent, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("list, page 1", "list, page 40", "list, state and month", "CSV"):
        assert f"| {name} |" in done.stdout
    assert "ratio" in done.stdout and "- NO:" not in done.stdout
    assert not list(tmp_path.glob("aftercare-benchmark-*")), "the folder of the run is left behind"
