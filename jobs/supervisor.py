"""The caretaker of `serve`: prepares the house, starts its processes, restarts them, leaves none behind."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import os
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import BinaryIO

import waitress
from flask import Flask

from config import ConfigError, Settings
from jobs import embedded_valkey, leash

WORKERS = 2
THREADS = 8
LOOK_EVERY = 0.5  # seconds
GRACE = 8.0  # seconds that a child has to finish what it does ...
LAST_GRACE = 2.0  # ... and to drop it, after a second word (a worker hands its job back then)
TOO_OFTEN = 5  # deaths ...
TOO_FAST = 10.0  # ... in this many seconds: restarting does not help


class Stopped(Exception):
    """Somebody asked for the end while the house was still being prepared."""


class GaveUp(Exception):
    """The house cannot be kept running; the message is one sentence for the person at the console."""


class Child:
    """One process of the house, and how often it died.

    It is forked from this one, which has loaded the application and no more: neither threads nor connections.
    """

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        self.name = name
        self.work = work
        self.process: BaseProcess | None = None
        self.started = 0.0
        self.deaths: deque[float] = deque(maxlen=TOO_OFTEN)

    def start(self, *, speaks: bool = False) -> None:
        self.started = time.monotonic()
        self.process = get_context("fork").Process(target=self._live, args=(os.getpid(), speaks), name=self.name)
        self.process.start()

    def _live(self, parent: int, speaks: bool) -> None:
        # A session of its own: Ctrl-C reaches the parent only, which then ends its children in order.
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        leash.follow_parent(parent)
        leash.be_called(self.name.split()[0])
        if not speaks:  # the standard output is for what is meant for the person at the console
            os.dup2(sys.__stderr__.fileno(), sys.__stdout__.fileno())
        self.work()

    def look(self) -> None:
        """Notice a death, and start the process again at most once a second."""
        if self.process is not None and self.process.exitcode is not None:
            self.deaths.append(time.monotonic())
            print(f"{self.name} ended ({_how(self.process.exitcode)}).", file=sys.stderr)
            self.process = None
            if len(self.deaths) == TOO_OFTEN and self.deaths[-1] - self.deaths[0] < TOO_FAST:
                raise GaveUp(f"{self.name} ended {TOO_OFTEN} times in a row: its last lines above say why.")
        if self.process is None and time.monotonic() - self.started >= 1:
            self.start()

    def alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    def terminate(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def kill(self) -> None:
        # With what it started itself, as far as that stayed in its group.
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid or 0, signal.SIGKILL)
            self.process.kill()  # it may not have had the time to make itself a group
            self.process.join()


@dataclass(frozen=True)
class Work:
    """What the processes of the house do, each within the application."""

    upgrade: Callable[[], object]
    first_start: Callable[[], object]
    parts: Mapping[str, Callable[[], object]]  # their names, and what they do until they are ended


class House:
    """The processes of one installation, from the first to the last."""

    def __init__(self, settings: Settings, work: Work) -> None:
        self.settings = settings
        self.work = work
        self.children: list[Child] = []
        self.asked_to_stop = 0

    def ask_to_stop(self, *_signal: object) -> None:
        self.asked_to_stop += 1

    def prepare(self) -> None:
        """Queue store, tables, first people: everything that must stand before anybody is let in."""
        embedded_valkey.running(self.settings)
        if not embedded_valkey.answers(self.settings):
            raise ConfigError(
                "REDIS_URL names a server that does not answer: start it, or correct the address."
            )
        self._run("The database could not be brought up to date", Child("upgrade", self.work.upgrade))
        self._run("The first start could not be finished", Child("first start", self.work.first_start))

    def _run(self, failure: str, step: Child) -> None:
        self.children.append(step)
        step.start(speaks=True)
        while step.alive() and not self.asked_to_stop:
            time.sleep(0.05)
        if self.asked_to_stop:
            raise Stopped
        self.children.remove(step)
        if step.process is not None and step.process.exitcode != 0:
            raise GaveUp(f"{failure}: the lines above say why.")

    def watch(self) -> None:
        """Keep every process running until somebody asks for the end."""
        workers = [f"worker {number}" for number in range(1, WORKERS + 1)]
        for name in ["web", *workers, "clock"]:
            self.children.append(Child(name, self.work.parts[name.split()[0]]))
        announced = False
        while not self.asked_to_stop:
            for child in self.children:
                child.look()
            if not announced and _pings(self.settings):
                announced = True
                print(f"Aftercare is open at {_address(self.settings)} (Ctrl-C closes it)", flush=True)
            self._keep_queue_store()
            time.sleep(LOOK_EVERY)

    def _keep_queue_store(self) -> None:
        # Somebody else's server is somebody else's care.
        if self.settings.redis_url is None and not embedded_valkey.answers(self.settings):
            print("The queue store ended; it is started again.", file=sys.stderr)
            embedded_valkey.running(self.settings)

    def close(self) -> None:
        """End every process: a word, time to finish, a last word, then force; the queue store last."""
        asked_before = self.asked_to_stop
        for seconds in (GRACE, LAST_GRACE):
            until = time.monotonic() + seconds
            for child in self.children:
                child.terminate()
            while any(child.alive() for child in self.children) and time.monotonic() < until:
                if self.asked_to_stop > asked_before + 1:  # impatience at the console
                    break
                time.sleep(0.05)
        for child in self.children:
            child.kill()
        embedded_valkey.stop(self.settings)


def serve(settings: Settings, work: Work) -> int:
    """Run the whole installation until Ctrl-C or SIGTERM; the exit code."""
    house = House(settings, work)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, house.ask_to_stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        signal.signal(signal.SIGHUP, house.ask_to_stop)
    try:
        with alone(settings):
            try:
                _check_port(settings)
                house.prepare()
                house.watch()
            finally:
                house.close()
    except Stopped:
        return 0
    except (ConfigError, GaveUp) as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


def web(app: Flask, settings: Settings) -> None:
    """Answer the browsers until SIGTERM; requests under way are finished."""

    def leave(*_signal: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, leave)
    # No proxy is trusted: whoever puts one in front uses a production server that is told about it.
    server = waitress.create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=THREADS,
        ident=None,
        clear_untrusted_proxy_headers=True,
    )
    server.run()


def alone(settings: Settings) -> BinaryIO:
    """The lock of the data folder, as an open file: two houses in it would end each other's queue."""
    file = open(settings.data / "serve.lock", "ab")  # noqa: SIM115 - the caller closes it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError(
            f"Aftercare already runs from {str(settings.data)!r}: "
            "end it first, or set AFTERCARE_DATA to another folder."
        ) from None
    return file


def _check_port(settings: Settings) -> None:
    # Asked before anything is prepared: loading the demo company only to find the port taken would be a pity.
    host, port = settings.host, settings.port
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise ConfigError(
            f"HOST is {host!r}, which no name server knows: give an address such as 127.0.0.1."
        ) from None
    for family, kind, protocol, _name, place in places:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
        except OSError as error:
            raise ConfigError(_why_not(error, settings)) from None


def _why_not(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} on {settings.host} is in use by another program: "
            f"end that program, or choose another port, as in PORT={settings.port % 65535 + 1}."
        )
    if error.errno == errno.EACCES:
        return f"PORT is {settings.port}, which you may not open: choose one above 1023, such as 8000."
    return (
        f"HOST is {settings.host!r}, which is no address of this machine: "
        "give one such as 127.0.0.1 or 0.0.0.0."
    )


def _pings(settings: Settings) -> bool:
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(here, settings.port, timeout=1)
    try:
        connection.request("GET", "/server/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}/"


def _how(returncode: int) -> str:
    return f"exit {returncode}" if returncode >= 0 else signal.Signals(-returncode).name
