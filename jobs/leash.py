"""The leash: no process outlives the one that started it, not even when that one is killed outright.

Run as a program it puts a command on the leash: leash.py PARENT-PID SIGNAL-NUMBER COMMAND...
Standard library only, because it is started by its file name, before anything else is loaded.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15  # <linux/prctl.h>
LOOK_EVERY = 0.5


def on_leash(command: Sequence[str], ending: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command line that runs `command` until this process is gone, and ends it by `ending`."""
    # -I -S: the leash itself needs nothing that is installed, so it costs a few milliseconds.
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(ending)), *command]


def follow_parent(parent: int, ending: signal.Signals = signal.SIGKILL) -> None:
    """End this process by `ending` when `parent`, which started it, is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(ending), 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent, ending), daemon=True).start()
    # It may have gone before the kernel was asked.
    if os.getppid() != parent:
        os.kill(os.getpid(), ending)


def be_called(name: str) -> None:
    """The name under which this process is listed, where the kernel keeps one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def _watch(parent: int, ending: signal.Signals) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os.kill(os.getpid(), ending)


def _stay_and_watch(parent: int, ending: signal.Signals, command: list[str]) -> int:
    # Where the kernel keeps no leash, this process stays between the two and passes signals on.
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    while child.poll() is None:
        if os.getppid() != parent:
            child.send_signal(ending)
        time.sleep(LOOK_EVERY)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def main(parent: int, ending: signal.Signals, command: list[str]) -> int:
    if sys.platform != "linux":
        return _stay_and_watch(parent, ending, command)
    follow_parent(parent, ending)
    os.execv(command[0], command)  # the leash of the kernel survives the exec


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), signal.Signals(int(sys.argv[2])), sys.argv[3:]))
