# SPDX-License-Identifier: GPL-2.0-only
"""Starting the user's own gdb, connected to a server that it starts itself."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence

from emulator.description import Arch
from emulator.errors import UsageError

PROGRAMS = ("gdb-multiarch", "gdb")
HOW = """no gdb was found that knows {0}: gdb-multiarch and gdb were looked for. To get one:
  Debian, Ubuntu:   apt install gdb-multiarch
  Fedora, Arch:     dnf install gdb, pacman -S gdb
  without root:     .venv/bin/pip install gdb-for-pwndbg, and name it: --gdb .venv/bin/gdb
Any other client: mcount-emulator debug {1} --listen 127.0.0.1:0"""
SETTINGS = ("set remotetimeout 60", "set confirm off")
LAYOUT = ("layout src", "layout regs")


def find(arch: Arch, named: str = "") -> str:
    """A gdb that knows the architecture, or the one that is named. Raises UsageError, which says how to get one."""
    if named:
        found = shutil.which(named)
        if found is None:
            raise UsageError(f"--gdb {named}: there is no such program")
        return found
    for program in filter(None, map(shutil.which, PROGRAMS)):
        if _knows(program, arch.engine.gdb):
            return program
    raise UsageError(HOW.format(arch.engine.gdb, arch.name))


def _knows(program: str, architecture: str) -> bool:
    """Distributions' gdb often knows the host's architecture alone."""
    words = [program, "-nx", "-batch", "-ex", f"set architecture {architecture}"]
    done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - the user's gdb
    return done.returncode == 0 and b"ndefined item" not in done.stderr


def words(program: str, served: Sequence[str]) -> list[str]:
    """The command line of gdb; `served` is one of ours, to be served through a pipe. With a layout on a terminal."""
    server = shlex.join([sys.executable, "-m", "emulator", *served, "--listen=stdio"])
    commands = [*SETTINGS, f"target remote | {server}", *(LAYOUT if sys.stdout.isatty() else ())]
    return [program, "-q", *(word for command in commands for word in ("-ex", command))]
