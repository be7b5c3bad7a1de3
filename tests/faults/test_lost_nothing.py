"""Whatever is killed, and whenever: a report that was asked for is compiled, once, and the records hold."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import CHECKOUT
from tests.faults.test_serve import AN_END, Installation, faults, short_path, until  # noqa: F401

pytestmark = faults

A_RUN = 60.0  # seconds, on a busy machine; the promise is two minutes
CUSTOMER = {"number": "CUS-000001", "state": "active", "name": "客户甲", "customer_type": "direct_user", "contact_person": "王某",
            "phone": "13800001234", "address": "某街 5 号", "province": "重庆市"}
CASE = {"state": "disposed", "intake_unit": "marketing", "customer": "客户甲", "contact_person": "张三", "phone": "13800000000",
        "province": "重庆市", "product_name": "M1", "batch_no": "B2608", "quantity": "1", "fault_category": "engine",
        "fault_description": "异响", "direct_loss": "1000", "handling_mode": "phone_or_written"}


class House(Installation):
    """An installation with the worked cases of a month."""

    def flask(self, *arguments: str) -> str:
        said = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "app", *arguments], cwd=CHECKOUT, env=self.environ(),
            capture_output=True, text=True, timeout=60)
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    def import_cases(self) -> None:
        folder = self.data.with_name("cases")
        folder.mkdir()
        cases = [{**CASE, "number": f"QI-202610-{day:04}", "received_at": f"2026-10-{day:02}T09:00",
                  "replied_at": f"2026-10-{day:02}T10:00"} for day in range(1, 11)]
        (folder / "customer.json").write_text(json.dumps([CUSTOMER]))
        (folder / "quality_info_transfer.json").write_text(json.dumps(cases))
        self.flask("import", "--history", str(folder))

    def rows(self, statement: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(f"file:{self.data / 'aftercare.sqlite'}?mode=ro", uri=True, timeout=30) as connection:
            return connection.execute(statement).fetchall()

    def run_is(self, number: int, *states: str) -> bool:
        return self.rows(f"SELECT state FROM report_runs WHERE id = {number}")[0][0] in states

    def kill_everything(self) -> None:
        """All at once: nothing is told, nothing can be finished."""
        for process in self.processes():
            os.kill(process, signal.SIGKILL)
        assert self.gone(), self.processes()


@pytest.fixture
def house(short_path: Path):  # noqa: F811
    house = House(short_path / "data")
    yield house
    for process in house.processes():
        os.kill(process, signal.SIGKILL)


def test_a_report_that_was_asked_for_survives_every_killing(house: House) -> None:
    parent = house.start()
    house.import_cases()
    periods = iter(("2026-10", "2026-09", "2026-08"))

    def ask() -> int:
        return int(house.flask("report", "run", "quality_info_summary", "--period", next(periods)).split()[0])

    def after_the_asking() -> int:
        return ask()  # the queue store has not written it to its disk yet

    def in_the_middle() -> int:
        # The workers are stopped, so that the job is found queued, and then killed as soon as they are at it.
        workers = house.find("worker")
        for process in workers:
            os.kill(process, signal.SIGSTOP)
        run = ask()
        for process in workers:
            os.kill(process, signal.SIGCONT)
        assert until(lambda: house.run_is(run, "running", "done"), 30, every=0.002), house.said()
        return run

    def while_the_workers_are_away() -> int:
        for process in house.find("worker"):
            os.kill(process, signal.SIGKILL)
        return ask()

    for moment in (in_the_middle, after_the_asking, while_the_workers_are_away):
        run = moment()
        house.kill_everything()
        parent.wait()
        since = time.monotonic()
        parent = house.start()
        assert until(lambda: house.run_is(run, "done", "failed"), A_RUN), (moment.__name__, house.said())  # noqa: B023
        print(f"{moment.__name__}: done after {time.monotonic() - since:.1f} s")

    # A month with cases and two without: each run came to its end once, with one record of its own.
    runs = house.rows("SELECT period, state FROM report_runs WHERE asked_by_id IS NULL AND period < '2026-11' ORDER BY period")
    assert runs == [("2026-08", "done"), ("2026-09", "done"), ("2026-10", "done")]
    made = house.rows("SELECT period, count(*) FROM quality_info_summary GROUP BY period ORDER BY period")
    assert made == [("2026-08", 1), ("2026-09", 1), ("2026-10", 1)]
    summary = json.loads(house.flask("export", "quality_info_summary", "--format", "json"))
    assert len(summary) == 3
    house.flask("audit", "verify")
    assert house.rows("SELECT count(*) FROM outbox WHERE dispatched_at IS NULL") == [(0,)]
    parent.terminate()
    assert parent.wait(timeout=AN_END) == 0
