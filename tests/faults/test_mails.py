"""Mails go out while workers and the queue store are killed: none is missing, and a mailbox sees each once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config import CHECKOUT
from tests import mail_server
from tests.faults.test_lost_nothing import House
from tests.faults.test_serve import AN_END, faults, short_path, until  # noqa: F401

pytestmark = faults

MAILS = 60
BACK = 120.0   # seconds in which everything is done again
TELL = """
import sqlalchemy as sa
from app import create_app
from models.base import Record, db
from models.people import User
from models.spec import Text
from rules import notices
from rules.access import Actor
from rules.act import Act
with create_app().app_context():
    person = db.session.scalar(sa.select(User.id).where(User.username == "reader"))
    for customer in db.session.scalars(sa.select(Record.types["customer"].model)).all():
        for n in range({first}, {last}):
            act = Act(db.session, Actor.system())
            notices.tell_people(act, customer, [person], Text(f"第 {{n}} 次", f"No. {{n}}"), kind="deadline_late", key=f"late:{{n}}")
            db.session.commit()
"""


class PostHouse(House):
    """An installation that mails to a server of the test's own."""

    mail_url = ""

    def environ(self, **more: str) -> dict[str, str]:
        return super().environ(**{"MAIL_URL": self.mail_url, **more})

    def tell(self, first: int, last: int) -> None:
        said = subprocess.run([sys.executable, "-c", TELL.format(first=first, last=last)], cwd=CHECKOUT, env=self.environ(),
                              capture_output=True, text=True, timeout=60)
        assert said.returncode == 0, said.stderr

    def kill(self, part: str) -> None:
        for process in self.find(part):
            os.kill(process, signal.SIGKILL)

    def all_done(self) -> bool:
        return self.rows("SELECT count(*) FROM outbox WHERE job = 'mail' AND done_at IS NULL") == [(0,)]


@pytest.fixture
def house(short_path: Path):  # noqa: F811
    house = PostHouse(short_path / "data")
    with mail_server.running() as post:
        house.mail_url = post.url
        yield house, post
        for process in house.processes():
            os.kill(process, signal.SIGKILL)


def test_killing_workers_and_the_queue_store_loses_and_doubles_no_mail(house) -> None:
    house, post = house
    parent = house.start()
    house.import_cases()
    house.flask("user", "create", "reader", "--role", "quality_manager", "--email", "reader@demo.example")
    with_address = house.rows("SELECT count(*) FROM users WHERE email IS NOT NULL")
    assert with_address == [(1,)]
    for round_, part in enumerate(("worker", "queue store", "worker", "clock")):
        house.tell(round_ * MAILS // 4, (round_ + 1) * MAILS // 4)
        seen = len(post.ids())
        assert until(lambda: len(post.ids()) > seen, BACK), house.said()  # noqa: B023 - in the middle of it
        house.kill(part)
    since = time.monotonic()
    assert until(house.all_done, BACK), (house.rows("SELECT * FROM outbox WHERE done_at IS NULL"), house.said())
    print(f"all mails left {time.monotonic() - since:.1f} s after the last killing, {len(post.ids()) - MAILS} of them twice")
    assert len(set(post.ids())) == MAILS == house.rows("SELECT count(*) FROM notices WHERE mailed_at IS NOT NULL")[0][0]
    first_seen = list(dict.fromkeys(mail.get_content().split("\n")[2] for mail in post.mails))
    assert first_seen == [f"第 {n} 次" for n in range(MAILS)], "about one record, to one person: in order"
    assert house.rows("SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL") == [(0,)]
    house.flask("audit", "verify")
    parent.terminate()
    assert parent.wait(timeout=AN_END) == 0
