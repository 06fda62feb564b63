# SPDX-License-Identifier: GPL-2.0-only
"""Sessions of real gdb in batch mode."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache

import pytest

from emulator import catalog
from emulator.debugger.gdb import knows

GDBS = (os.environ.get("GDB", ""), "gdb-multiarch", "gdb")
"""Programs to try; GDB names another one."""
PROMPT = "=-=-="


@cache
def gdb() -> str | None:
    """A gdb that knows every architecture, or None."""
    for name in filter(None, GDBS):
        found = shutil.which(name)
        if found and all(knows(found, catalog.load(arch).engine.gdb) for arch in catalog.names()):
            return found
    return None


needs_gdb = pytest.mark.skipif(gdb() is None, reason="needs gdb-multiarch")


def server(*words: str) -> str:
    """A shell command that serves gdb's pipe."""
    return shlex.join([sys.executable, "-m", "emulator", "debug", *words, "--listen", "stdio"])


def run(*commands: str) -> str:
    """What gdb says to these commands."""
    program = gdb()
    assert program
    words = [program, "-nx", "-batch", *(word for command in commands for word in ("-ex", command))]
    environment = {**os.environ, "LC_ALL": "C", "HOME": "/nonexistent"}
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=120, check=False
    )
    return done.stdout


def session(server_words: tuple[str, ...], *commands: str) -> list[str]:
    """What gdb says to each of the commands, once it is connected; first to `target remote` itself."""
    asked = (f"target remote | {server(*server_words)}", *commands)
    text = run(
        "set confirm off",
        "set width 0",
        "set remotetimeout 100",
        *(part for command in asked for part in (command, f"echo {PROMPT}")),
    )
    *answers, _ = re.split(PROMPT, text)
    return answers
