"""A new user's first minute: one command, and the demo company is there, with its last month compiled."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_lost_nothing import A_RUN, House
from tests.faults.test_serve import AN_END, faults, short_path, until  # noqa: F401

pytestmark = faults


class NewHouse(House):
    """An installation that begins with the demo company."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", "app", "serve"]

    def count(self, table: str, where: str = "1 = 1") -> int:
        return int(str(self.rows(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]))


@pytest.fixture
def house(short_path: Path) -> Iterator[NewHouse]:  # noqa: F811
    house = NewHouse(short_path / "data")
    yield house
    for process in house.processes():
        os.kill(process, signal.SIGKILL)


def test_the_first_start_leaves_a_company_at_work_and_the_second_changes_nothing(house: NewHouse) -> None:
    parent = house.start()
    people = house.count("users")
    assert people > 40 and house.count("dealer_ledger") > 10 and house.count("search_texts") > 10_000, house.said()
    assert until(lambda: house.count("report_runs", "state = 'done'") == 2, A_RUN), house.said()
    assert house.count("dealer_grade_sheet", "state = 'compiled'") > 5
    house.flask("audit", "verify")
    parent.terminate()
    assert parent.wait(timeout=AN_END) == 0
    parent = house.start()
    assert house.count("users") == people and house.count("report_runs") == 2
    parent.terminate()
    assert parent.wait(timeout=AN_END) == 0
