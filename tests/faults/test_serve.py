"""What `serve` promises when things go wrong: no process left behind, no data lost, one clear sentence."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from rq import Queue

from config import CHECKOUT, Settings
from jobs import embedded_valkey

faults = [
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc to look for processes in"),
]
pytestmark = faults

A_START = 90.0  # seconds: tables and first people are made on a slow machine too
AN_END = 20.0


class Installation:
    """A data folder, a port, and whatever runs from them."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = free_port()
        self.log = data.with_suffix(".log")

    def environ(self, **more: str) -> dict[str, str]:
        # Nothing of the machine's own settings may decide the outcome.
        foreign = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "HOST", "MAIL_URL", "FILES_URL"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in foreign and not name.startswith("AFTERCARE_")
        }
        return {**kept, "AFTERCARE_DATA": str(self.data), "PORT": str(self.port), **more}

    def command(self) -> list[str]:
        return [sys.executable, "-m", "flask", "--app", "app", "serve", "--no-demo"]

    def start(self) -> subprocess.Popen[bytes]:
        before = len(self.said())
        with self.log.open("ab") as log:
            parent = subprocess.Popen(
                self.command(),
                cwd=CHECKOUT,
                env=self.environ(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        open_at = f"http://127.0.0.1:{self.port}/"
        assert until(lambda: open_at in self.said()[before:] or parent.poll() is not None, A_START), (
            self.said()
        )
        assert parent.poll() is None, self.said()
        assert self.answers()
        return parent

    def refuse(self, **more: str) -> str:
        """What a start that must not succeed says."""
        outcome = subprocess.run(
            self.command(),
            cwd=CHECKOUT,
            env=self.environ(**more),
            capture_output=True,
            text=True,
            timeout=A_START,
        )
        assert outcome.returncode == 1, outcome.stderr
        return outcome.stderr.strip()

    def answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/server/ping")
            return connection.getresponse().read() == b"pong"
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def processes(self) -> dict[int, str]:
        """Everything that runs from this data folder, whoever started it, and what it is."""
        mark = f"AFTERCARE_DATA={self.data}\0".encode()
        title = f"unixsocket:{self.data}/".encode()  # the queue store writes its title over its environment
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes()
                if entry.name.isdigit() and (title in words or mark in (entry / "environ").read_bytes()):
                    found[int(entry.name)] = "queue store" if title in words else (entry / "comm").read_text().strip()
            except OSError:
                continue  # it has just ended
        return found

    def find(self, part: str) -> set[int]:
        return {process for process, name in self.processes().items() if name == part}

    def gone(self) -> bool:
        return until(lambda: not self.processes(), AN_END)

    def queue_store(self) -> Redis:
        return Redis(unix_socket_path=str(self.data / "queue" / "valkey.sock"))

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float, every: float = 0.1) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(every)
    return False


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The names of tests make long folders, and a socket has room for a hundred bytes.
    return tmp_path_factory.mktemp("a")


@pytest.fixture
def installation(short_path: Path) -> Iterator[Installation]:
    installation = Installation(short_path / "data")
    yield installation
    for process in installation.processes():
        os.kill(process, signal.SIGKILL)


@pytest.fixture
def settings(short_path: Path) -> Iterator[Settings]:
    settings = Settings.from_environment({"AFTERCARE_DATA": str(short_path / "data")})
    yield settings
    embedded_valkey.stop(settings)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One that runs all the while, for tests that leave it running."""
    installation = Installation(tmp_path_factory.mktemp("a") / "data")
    parent = installation.start()
    yield installation
    parent.terminate()
    parent.wait(timeout=AN_END)
    for process in installation.processes():
        os.kill(process, signal.SIGKILL)


def test_it_ends_without_leaving_a_process_and_a_second_start_keeps_everything(installation: Installation) -> None:
    parent = installation.start()
    assert {"web", "worker", "clock", "queue store"} <= set(installation.processes().values())
    with installation.queue_store() as store:
        store.set("kept", "yes")
    secret = (installation.data / "secret_key").read_text()
    for ending in (signal.SIGINT, signal.SIGTERM):
        parent.send_signal(ending)
        assert parent.wait(timeout=AN_END) == 0, installation.said()
        assert installation.processes() == {}
        if ending is signal.SIGTERM:
            break
        before = installation.said()
        parent = installation.start()
        with installation.queue_store() as store:
            assert store.get("kept") == b"yes"
        assert (installation.data / "secret_key").read_text() == secret
        assert "password" not in installation.said().removeprefix(before).lower()
    assert "Traceback" not in installation.said()


def test_ctrl_c_while_it_is_still_preparing_ends_it_cleanly(installation: Installation) -> None:
    with installation.log.open("ab") as log:
        parent = subprocess.Popen(
            installation.command(), cwd=CHECKOUT, env=installation.environ(), stdout=log, stderr=log
        )
    assert until(lambda: installation.find("queue store"), A_START), installation.said()
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=AN_END) == 0, installation.said()
    assert installation.processes() == {}


def test_when_the_parent_is_killed_everything_ends_and_a_new_start_works(installation: Installation) -> None:
    parent = installation.start()
    with installation.queue_store() as store:
        store.set("kept", "yes")
    parent.kill()
    parent.wait()
    assert installation.gone(), installation.processes()
    parent = installation.start()
    with installation.queue_store() as store:
        assert store.get("kept") == b"yes"
    parent.terminate()
    assert parent.wait(timeout=AN_END) == 0


@pytest.mark.parametrize("part", ["web", "worker", "clock", "queue store"])
def test_a_part_that_dies_is_started_again(running: Installation, part: str) -> None:
    victims = running.find(part)
    assert victims
    for victim in victims:
        os.kill(victim, signal.SIGKILL)

    def replaced() -> bool:
        now = running.find(part)
        return len(now) == len(victims) and not now & victims and running.answers()

    assert until(replaced, AN_END), running.said()


def test_a_busy_port_is_one_sentence_and_nothing_is_prepared(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        sentence = installation.refuse()
    assert "\n" not in sentence
    assert str(installation.port) in sentence and "PORT=" in sentence
    assert not (installation.data / "aftercare.sqlite").exists()
    assert installation.processes() == {}


def test_a_second_one_in_the_same_folder_is_refused(running: Installation) -> None:
    sentence = running.refuse(PORT=str(free_port()))
    assert "\n" not in sentence and "AFTERCARE_DATA" in sentence
    assert running.answers()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "http"),
        ("DATABASE_URL", "mysql://db/office"),
        ("HOST", "192.0.2.1"),
        ("AFTERCARE_DATA", "/dev/null/data"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(
    installation: Installation, variable: str, value: str
) -> None:
    sentence = installation.refuse(**{variable: value})
    assert "\n" not in sentence
    assert variable in sentence


def test_a_queue_store_that_does_not_answer_is_named(installation: Installation) -> None:
    sentence = installation.refuse(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert "\n" not in sentence and sentence.startswith("REDIS_URL")


def test_queued_jobs_survive_a_killed_queue_store(settings: Settings) -> None:
    url = embedded_valkey.running(settings)
    with Redis.from_url(url) as store:
        queue = Queue(connection=store)
        for number in range(200):
            queue.enqueue("operator.neg", number, job_id=f"job-{number}")
        server = store.info("server")["process_id"]
    time.sleep(1.5)  # the store writes to the disk every second
    os.kill(server, signal.SIGKILL)
    assert until(lambda: not embedded_valkey.answers(settings), AN_END)
    assert embedded_valkey.running(settings) == url
    with Redis.from_url(url) as store:
        assert len(Queue(connection=store).job_ids) == 200


def test_a_running_queue_store_is_used_and_not_started_twice(settings: Settings) -> None:
    with Redis.from_url(embedded_valkey.running(settings)) as store:
        first = store.info("server")["process_id"]
        with Redis.from_url(embedded_valkey.running(settings)) as again:
            assert again.info("server")["process_id"] == first


def test_many_who_start_the_queue_store_at_once_get_the_same_one(settings: Settings) -> None:
    program = (
        "import os, sys\n"
        "from redis import Redis; from config import Settings; from jobs import embedded_valkey\n"
        "url = embedded_valkey.running(Settings.from_environment(os.environ))\n"
        "print(Redis.from_url(url).info('server')['process_id'], flush=True); sys.stdin.read()"
    )
    environ = {**os.environ, "AFTERCARE_DATA": str(settings.data), "REDIS_URL": ""}
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=CHECKOUT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    servers = {starter.stdout.readline() for starter in starters if starter.stdout}
    for starter in starters:
        starter.communicate(b"")
    assert len(servers) == 1


def test_a_data_folder_with_a_long_path_has_a_queue_store_too(short_path: Path) -> None:
    deep = short_path / ("folder-" * 10) / ("文件夹" * 10)
    settings = Settings.from_environment({"AFTERCARE_DATA": str(deep)})
    with Redis.from_url(embedded_valkey.running(settings)) as store:
        assert store.ping()
        assert store.config_get("dir")["dir"].startswith(str(deep))
    assert embedded_valkey.running(settings) == embedded_valkey.address(settings)
    embedded_valkey.stop(settings)
    assert not embedded_valkey.answers(settings)
