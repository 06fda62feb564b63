# SPDX-License-Identifier: GPL-2.0-only
"""Starting the user's own gdb, connected to a server."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from emulator.description import Arch
from emulator.errors import UsageError

SIGNALLED = 128
"""What is added to a signal's number where it has ended a program, as in a shell."""
PROGRAMS = ("gdb-multiarch", "gdb")
HOW = """no gdb was found that knows {0}: gdb-multiarch and gdb were looked for. To get one:
  Debian, Ubuntu:   apt install gdb-multiarch
  Fedora, Arch:     dnf install gdb, pacman -S gdb
  without root:     .venv/bin/pip install gdb-for-pwndbg, and name it: --gdb .venv/bin/gdb
Any other client: mcount-emulator debug {1} --listen 127.0.0.1:0"""
SETTINGS = ("set remotetimeout 60", "set confirm off")
LAYOUT = ("layout src", "layout regs")
"""Before there is a program: a layout shows where it has stopped, but not where it has been standing already."""
HINT = r"echo reverse-stepi goes back, monitor help says what else can be asked\n"


def find(arch: Arch, named: str = "") -> str:
    """A gdb that knows the architecture, or the one that is named. Raises UsageError, which says how to get one."""
    if named:
        found = shutil.which(named)
        if found is None:
            raise UsageError(f"--gdb {named}: there is no such program")
        return found
    for program in filter(None, map(shutil.which, PROGRAMS)):
        if knows(program, arch.engine.gdb):
            return program
    raise UsageError(HOW.format(arch.engine.gdb, arch.name))


def knows(program: str, architecture: str) -> bool:
    """Whether a gdb was built for an architecture: distributions' often knows the host's alone."""
    words = [program, "-nx", "-batch", "-ex", f"set architecture {architecture}"]
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - the user's gdb
    return done.returncode == 0 and b"ndefined item" not in done.stderr


def words(program: str, where: str) -> list[str]:
    """The command line of gdb, which connects to a server there. With a layout on a terminal."""
    commands = [*SETTINGS, *(LAYOUT if sys.stdout.isatty() else ()), f"target remote {where}", HINT]
    return [program, "-q", *(word for command in commands for word in ("-ex", command))]


def run(program: str, where: str) -> int:
    """Until the user leaves gdb, or this process is told to go, and gdb with it; the exit code.

    Ctrl-C is for gdb, which is in the same terminal.
    """
    running: list[subprocess.Popen[bytes]] = []
    told: list[int] = []

    def leave(number: int, _: object) -> None:
        told.append(number)
        for process in running:
            process.terminate()

    with handled(leave), subprocess.Popen(words(program, where)) as process:  # noqa: S603 - the user's gdb
        running.append(process)
        if told:  # before there was anything to be ended
            process.terminate()
        code = _waited_for(process)
    return SIGNALLED + told[0] if told else code


def _waited_for(process: subprocess.Popen[bytes]) -> int:
    while True:
        with suppress(KeyboardInterrupt):
            return process.wait()


@contextmanager
def handled(handler: Callable[[int, object], None]) -> Iterator[None]:
    """What is to be done meanwhile where the process is told to go, or its terminal is closed."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, usual in before.items():
            signal.signal(number, usual)
