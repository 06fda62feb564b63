# SPDX-License-Identifier: GPL-2.0-only
"""stepi in gdb: through our server, and through the one that qemu-user has, each at a Unix socket.

Both step through the same instructions to the same place, and gdb has symbols of neither. Each session has one
processor for gdb and server together: where two are idle in turns, to wake them takes longer than all that is to be
measured.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from emulator.bench.subject import traced
from emulator.debugger import gdb
from emulator.debugger.transport import UNIX
from emulator.description import Arch, Memory
from emulator.elf.writer import Machine, OutSection, write
from emulator.errors import RunError, UsageError
from emulator.lab import Lab

STEPI = 500
RECURSIVE = "device_is_dependent"
LEVELS = 15
"""How deep RECURSIVE calls itself: far enough for STEPI."""
USER = Memory(text=0x10000000, data=0x10800000, modules=0x11000000, stack=0x18000000)
"""Where a user's program may be; a kernel is at addresses that no user has."""
PATIENCE = 5.0
"""Seconds in which a server makes its socket; without one gdb says what is wrong."""
_TIMES = re.compile(r"^at (\d+\.\d+)$", re.MULTILINE)
_PC = re.compile(r"^\$\d+ = (0x[0-9a-f]+)$", re.MULTILINE)


class Stepped(NamedTuple):
    """What one session has shown: seconds that a step takes, and to which instruction the last one has come."""

    seconds: float
    where: str


def measure(arch: Arch, rounds: int) -> tuple[list[float], list[float]] | str:
    """Seconds of a step through our server, and through QEMU's, one number a round; or why they cannot be measured.

    Raises RunError where a session fails, or the two come to different instructions.
    """
    try:
        program = gdb.find(arch)
    except UsageError:
        return "there is no gdb"
    qemu = shutil.which(f"qemu-{arch.engine.qemu}")
    if qemu is None:
        return f"there is no qemu-{arch.engine.qemu}"
    kernel, user = (traced(lab, RECURSIVE) for lab in (Lab(arch.name), _at_user_addresses(arch)))  # as `debug` does
    with TemporaryDirectory() as folder, _one_processor():
        socket = f"{folder}/socket"
        debug = [sys.executable, "-m", "emulator", "debug", arch.name, "--function", RECURSIVE]
        ways = ([*debug, f"--listen={UNIX}{socket}"], kernel), ([qemu, "-g", socket, _executable(folder, user)], user)
        pairs = [[_served(server, socket, program, lab) for server, lab in ways] for _ in range(rounds)]
    for ours, other in pairs:
        if ours.where != other.where:
            raise RunError(f"{arch.name}: stepi comes to {ours.where}, with QEMU to {other.where}")
    return [ours.seconds for ours, _ in pairs], [other.seconds for _, other in pairs]


@contextmanager
def _one_processor() -> Iterator[None]:
    """Whatever is started meanwhile runs on one, where the system lets us say so."""
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if before:
        os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        if before:
            os.sched_setaffinity(0, before)


def _at_user_addresses(arch: Arch) -> Lab:
    """Made there, not moved there: code and ops hold pointers."""
    return Lab(subject=replace(Lab(arch.name).subject, arch=replace(arch, memory=USER)))


def _executable(folder: str, user: Lab) -> str:
    """The path of a program that begins at the recursive function; its callback just returns."""
    sections = [
        OutSection(f".{region.name}", region.data[:], region.base, region.writable, region.executable)
        for region in user.image.memory.regions
        if not region.scratch
    ]
    arch, path = user.arch, Path(folder) / "kernel"
    machine = Machine(arch.engine.elf_machine, arch.word, arch.big_endian, arch.engine.elf_flags)
    path.write_bytes(write(machine, user.record(RECURSIVE).ip, sections, []))
    path.chmod(0o700)
    return str(path)


def _served(server: list[str], socket: str, program: str, lab: Lab) -> Stepped:
    """A session with the server that this command makes. Raises RunError."""
    Path(socket).unlink(missing_ok=True)
    with subprocess.Popen(server, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ours, or found on PATH
        try:
            deadline = time.monotonic() + PATIENCE
            while not Path(socket).is_socket() and time.monotonic() < deadline:
                time.sleep(0.05)
            return _session(program, lab, socket)
        finally:
            process.kill()


def _session(program: str, lab: Lab, remote: str) -> Stepped:
    """One session. Raises RunError where gdb does not get through it."""
    now, arch = "shell date +'at %s.%N'", lab.arch
    commands = ["set sysroot", "set remotetimeout 60", f"set architecture {arch.engine.gdb}", f"target remote {remote}"]
    commands += [f"set ${arch.abi.arguments[0]} = {LEVELS}", "stepi 5"]
    commands += [now, f"stepi {STEPI}", now, "print/x $pc", "kill"]
    words = [program, "-nx", "-batch", *(word for command in commands for word in ("-ex", command))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - the user's gdb
    times, pc = [float(time) for time in _TIMES.findall(done.stdout)], _PC.search(done.stdout)
    if len(times) != 2 or pc is None:
        raise RunError(f"gdb did not step {STEPI} times: {done.stdout}{done.stderr}")
    return Stepped((times[1] - times[0]) / STEPI, lab.symbol(int(pc[1], 16)))
