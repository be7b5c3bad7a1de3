"""Whatever is killed while the sweep is at it: each late step has one notice, and somebody is told of it once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time

from tests.faults.test_lost_nothing import CASE, CUSTOMER, House, house  # noqa: F401
from tests.faults.test_serve import AN_END, faults, short_path, until  # noqa: F401

pytestmark = faults

SHEETS = 2000
LATE_SHEET = {**CASE, "state": "replying", "received_at": "2026-10-05T09:00"}
BACK = 120.0   # seconds within which everything is there


def test_every_late_step_has_one_notice_whatever_is_killed_meanwhile(house: House) -> None:  # noqa: F811
    """2,000 sheets that nobody answered; clock, worker, queue store and web die in turns while the sweep is at them."""
    parent = house.start()
    house.flask("user", "create", "qm", "--role", "quality_manager")
    folder = house.data.with_name("sheets")
    folder.mkdir()
    sheets = [{**LATE_SHEET, "number": f"QI-202610-{n:04}"} for n in range(1, SHEETS + 1)]
    (folder / "customer.json").write_text(json.dumps([CUSTOMER]))
    (folder / "quality_info_transfer.json").write_text(json.dumps(sheets))
    house.flask("import", "--history", str(folder))
    with sqlite3.connect(house.data / "aftercare.sqlite", timeout=30) as connection:   # the next sweep is now
        connection.execute("UPDATE scheduled_jobs SET due_at = '2026-01-01 00:00:00.000000' WHERE name = 'deadlines'")

    def notices() -> int:
        return int(str(house.rows("SELECT count(*) FROM overdue_notice")[0][0]))

    def told() -> int:
        return int(str(house.rows("SELECT count(*) FROM notices WHERE kind = 'deadline_late' AND type = 'quality_info_transfer'")[0][0]))

    for part, goal in (("clock", 1), ("worker", 1), ("queue store", 500), ("web", 500), ("clock", 1000), ("worker", 1500)):
        assert until(lambda: notices() >= goal, BACK, every=0.01), (part, notices(), house.said())  # noqa: B023
        for process in house.find(part):
            os.kill(process, signal.SIGKILL)
    since = time.monotonic()
    assert until(lambda: told() >= SHEETS, BACK), (notices(), told(), house.said())
    print(f"everybody told {time.monotonic() - since:.1f} s after the last killing")
    subjects = house.rows("SELECT count(*), count(DISTINCT subject_number || due_at) FROM overdue_notice")
    assert subjects == [(SHEETS, SHEETS)]
    assert house.rows("SELECT count(*), count(DISTINCT record_id) FROM notices WHERE kind = 'deadline_late' "
                      "AND type = 'quality_info_transfer'") == [(SHEETS, SHEETS)]
    assert house.rows("SELECT count(*) FROM deadline_clocks WHERE type = 'quality_info_transfer' AND name = 'reply' "
                      "AND told = 'late' AND notice_id IS NOT NULL") == [(SHEETS,)]
    assert until(house.answers, BACK)
    parent.terminate()
    assert parent.wait(timeout=AN_END) == 0
